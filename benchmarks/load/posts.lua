-- The posts of a file, one after the other. Each line has a header, a tab, and the body.
local requests, sent = {}, 0
function init(arguments)
  for line in io.lines(arguments[1]) do
    local name, value, body = line:match("^(.-): (.-)\t(.*)$")
    requests[#requests + 1] = wrk.format("POST", nil, {[name] = value, ["Content-Type"] = "application/json"}, body)
  end
end
function request()
  sent = sent + 1
  return requests[sent % #requests + 1]
end
function done(_, latency)
  io.write(string.format("Median: %d us\n", latency:percentile(50)))
end
