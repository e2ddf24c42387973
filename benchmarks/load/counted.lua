-- A fixed number of requests of another script. Arguments: how many, the script's file, the script's own arguments.
local ffi = require("ffi")
ffi.cdef("int getpid(void); int kill(int process, int signal);")
local SIGINT = 2
local left, inner = 0, nil

local function counted()
  left = left - 1
  if left == 0 then
    wrk.thread:stop()
    ffi.C.kill(ffi.C.getpid(), SIGINT) -- wrk's main thread sleeps for the whole duration otherwise
  end
  return inner()
end

request = counted -- wrk calls `request` for each request only if it is there before `init`

function init(arguments)
  local own = {[0] = arguments[0]}
  for place = 3, #arguments do own[place - 2] = arguments[place] end
  left = tonumber(arguments[1]) + 1 -- wrk calls `request` once before it sends anything
  init, request = nil, nil
  dofile(arguments[2])
  if init then init(own) end
  inner = request or function() return wrk.request() end
  request = counted
end
