-- A check of one user in each request; half of the users are blocked. The numbers are those of blocked() and free() in
-- variants.py. Argument: how many users are blocked.
local sent, users = 0, 1000000
function init(arguments)
  users = tonumber(arguments[1] or users)
end
function request()
  sent = sent + 1
  local place = (sent * 7919) % users
  local path = string.format("/v1/numbers/106540352242922/check/+1650%07d", place * 7 + (place % 2) * 3)
  return wrk.format("GET", path, {["Authorization"] = "Bearer wablock-bench-token"})
end
