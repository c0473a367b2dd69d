-- usage: lua client.lua easy URL (MODE FILE)...      the module has no multi
local curl = require "curl"
local failed = 0

local function ask(url, mode, file)
    local parts = {}
    local body = io.open(file):read("*a")
    local c = curl.easy_init()
    c:setopt(curl.OPT_URL, url)
    c:setopt(curl.OPT_HTTPHEADER, {"Content-Type: application/json"})
    c:setopt(curl.OPT_POST, 1)
    c:setopt(curl.OPT_POSTFIELDS, body)
    c:setopt(curl.OPT_WRITEFUNCTION, function(data)
        if mode == "abort" then return 0 end
        parts[#parts + 1] = data
        return #data
    end)
    if mode == "timeout" then c:setopt(curl.OPT_TIMEOUT_MS, 600) end
    local result = c:perform()
    print(mode, result, table.concat(parts))
    if result ~= 0 then failed = failed + 1 end
end

for i = 3, #arg, 2 do
    ask(arg[2], arg[i], arg[i + 1])
end
os.exit(failed)
