-- usage: lua client.lua LIBRARY URL (MODE FILE)...      by lua-sec, or by
-- luasocket alone
local http = require(arg[1] == "sec" and "ssl.https" or "socket.http")
local ltn12 = require "ltn12"
local url, failed = arg[2], 0
for i = 3, #arg, 2 do
    local mode, parts = arg[i], {}
    local file = assert(io.open(arg[i + 1], "rb"))
    local body = file:read("*a")
    file:close()
    http.TIMEOUT = mode == "timeout" and 0.6 or 20
    local done, code = http.request {
        url = url, method = "POST", verify = "peer", protocol = "any",
        cafile = os.getenv("CA_FILE"),
        headers = {["content-length"] = #body,
                   ["content-type"] = "application/json",
                   ["authorization"] = "Bearer sk-of-nobody"},
        source = ltn12.source.string(body), sink = ltn12.sink.table(parts)}
    print(mode, done and code or "late", table.concat(parts))
    if not done or code ~= 200 then failed = failed + 1 end
end
os.exit(failed)
