-- Like single_post.lua, but each request goes to the next of several numbers, and the script prints the latencies.
-- Arguments: how many numbers, and the place of the first one in NUMBERS of databases.py.
local sent, first, numbers, place = 0, 0, 64, 0
for _, byte in ipairs({io.open("/dev/urandom", "rb"):read(5):byte(1, 5)}) do first = first * 256 + byte end
function init(arguments)
  numbers, place = tonumber(arguments[1] or numbers), tonumber(arguments[2] or place)
end
function request()
  sent = sent + 1
  local path = string.format("/v25.0/2065403522429%02d/block_users", place + sent % numbers)
  local number = string.format("1%010d", 2000000000 + (first + sent * 7919000003) % 8000000000)
  local body = '{"messaging_product":"whatsapp","block_users":[{"user":"+' .. number .. '"}]}'
  return wrk.format("POST", path, {["Authorization"] = "Bearer wablock-bench-token", ["Content-Type"] = "application/json"}, body)
end
function done(_, latency)
  io.write(string.format("Median: %d us, 99th: %d us\n", latency:percentile(50), latency:percentile(99)))
end
