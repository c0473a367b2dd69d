-- hook.lua - each Lua that `llmobs-run --inbound` starts loads this file first
-- (LUA_INIT). Each request of lua-http's server is then the request of the
-- coroutine that reads its headers. The library is told of it just before a
-- transfer of Lua-cURL, during which no other coroutine runs.
--
-- It loads no module, and changes one as the program loads it.
local folder = ...
local current = setmetatable({}, {__mode = "k"}) -- requests, by coroutine
local main = {} -- in Lua 5.1 the main program is no coroutine
local told, llmobs

local function tell()
    local request = current[coroutine.running() or main]
    if request == told then return end
    llmobs = llmobs or dofile(folder .. "/llmobs.lua")
    told = request -- before a command, which is a transfer, too
    if not request then return llmobs.leave() end
    -- One that cannot be told does not get what was told last.
    local ok, problem = pcall(llmobs.enter, request.headers, request)
    if not ok then
        llmobs.leave()
        error(problem)
    end
end

-- The program may change the headers later: what the library needs is copied.
local function note(stream, headers)
    if not headers or not headers:has(":method") then return end
    local given = {}
    for name, value in headers:each() do given[name] = given[name] or value end
    local _, address = stream:peername()
    current[coroutine.running() or main] = {headers = given, address = address}
end

local function noted(stream, headers, ...)
    pcall(note, stream, headers)
    return headers, ...
end

local function watch_stream(module)
    local methods = module.methods
    local get = methods.get_headers
    function methods.get_headers(stream, ...)
        return noted(stream, get(stream, ...))
    end
end

local patches = {["http.h1_stream"] = watch_stream,
    ["http.h2_stream"] = watch_stream}

function patches.curl(module)
    local make, methods = module.easy_init, nil
    function module.easy_init(...)
        local easy = make(...)
        if not methods then
            pcall(function()
                methods = getmetatable(easy).__index
                local perform = methods.perform
                function methods.perform(...)
                    if not pcall(tell) then pcall(llmobs and llmobs.failed) end
                    return perform(...)
                end
            end)
        end
        return easy
    end
end

local searchers = package.searchers or package.loaders

-- Asks the searchers after this one.
table.insert(searchers, 1, function(name)
    local patch = patches[name]
    for i = 2, patch and #searchers or 0 do
        local load, found = searchers[i](name)
        if type(load) == "function" then
            return function(asked, ...)
                local module = load(asked, ...)
                pcall(patch, module)
                return module
            end, found
        end
    end
end)
