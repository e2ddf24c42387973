-- A thousand new users a request.
local sent = 0
function request()
  local users = {}
  for place = 1, 1000 do
    sent = sent + 1
    users[place] = string.format('{"user":"+1%010d"}', (sent * 7919000003) % 10000000000)
  end
  local body = '{"messaging_product":"whatsapp","block_users":[' .. table.concat(users, ",") .. "]}"
  return wrk.format("POST", nil, {["Authorization"] = "Bearer wablock-dev-token", ["Content-Type"] = "application/json"}, body)
end
