-- A thousand new users in each request, and different users in every run.
local sent, first = 0, 0
for _, byte in ipairs({io.open("/dev/urandom", "rb"):read(5):byte(1, 5)}) do first = first * 256 + byte end
function request()
  local users = {}
  for place = 1, 1000 do
    sent = sent + 1
    users[place] = string.format('{"user":"+1%010d"}', 2000000000 + (first + sent * 7919000003) % 8000000000)
  end
  local body = '{"messaging_product":"whatsapp","block_users":[' .. table.concat(users, ",") .. "]}"
  return wrk.format("POST", nil, {["Authorization"] = "Bearer wablock-bench-token", ["Content-Type"] = "application/json"}, body)
end
