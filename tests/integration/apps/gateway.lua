-- A gateway that takes its requests from standard input, as a worker of a
-- bigger server does: a line with the number of headers, the headers, a line
-- with the body. usage: lua gateway.lua URL [ENTRY]. Each answer is a line.
package.path = arg[0]:match("^(.*)/tests/") .. "/examples/inbound/?.lua;" ..
    package.path
local curl = require "curl"
local llmobs = require "llmobs"
local entry = arg[2] == "1" or arg[2]

local function ask(body)
    local parts = {}
    local c = curl.easy_init()
    c:setopt(curl.OPT_URL, arg[1])
    c:setopt(curl.OPT_HTTPHEADER, {"Content-Type: application/json"})
    c:setopt(curl.OPT_POST, 1)
    c:setopt(curl.OPT_POSTFIELDS, body)
    c:setopt(curl.OPT_WRITEFUNCTION, function(data)
        parts[#parts + 1] = data
        return #data
    end)
    c:perform()
    return table.concat(parts)
end

for count in io.lines() do
    local headers = {}
    for _ = 1, tonumber(count) do
        local name, value = io.read():match("^([^:]+): (.*)$")
        headers[name] = value
    end
    local body = io.read()
    local ok, said = pcall(llmobs.request, headers, function()
        if body == "die" then error("told to die", 0) end
        return ask(body)
    end, {entry = entry, input = body})
    print((tostring(said):gsub("\n", " ")))
    io.flush()
end
