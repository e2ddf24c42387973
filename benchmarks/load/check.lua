-- The check of one user a request, half of them blocked; the numbers are those of blocked() and free() in variants.py,
-- among as many blocked users as the argument says.
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
