-- One new user in each request, in random-like order, as with real numbers. No two runs block the same users, because
-- blocking a user again costs a database nothing.
local sent, thread, first = 0, 0, 0
function setup(created) created:set("thread", thread); thread = thread + 1 end
for _, byte in ipairs({io.open("/dev/urandom", "rb"):read(5):byte(1, 5)}) do first = first * 256 + byte end
function request()
  sent = sent + 1
  local number = string.format("1%010d", 2000000000 + (first + sent * 7919000003 + thread * 1000003) % 8000000000)
  local body = '{"messaging_product":"whatsapp","block_users":[{"user":"+' .. number .. '"}]}'
  return wrk.format("POST", nil, {["Authorization"] = "Bearer wablock-bench-token", ["Content-Type"] = "application/json"}, body)
end
