-- A gateway of lua-http that knows nothing of traces. UPSTREAM is a base URL.
local curl = require "curl"
local cqueues = require "cqueues"
local new_headers = require "http.headers".new
local server = require "http.server"

local url = os.getenv "UPSTREAM" .. "/chat/completions"

local function ask(body)
    local pieces = {}
    local c = curl.easy_init()
    c:setopt(curl.OPT_URL, url)
    c:setopt(curl.OPT_HTTPHEADER, {"Content-Type: application/json"})
    c:setopt(curl.OPT_POST, 1)
    c:setopt(curl.OPT_POSTFIELDS, body)
    c:setopt(curl.OPT_WRITEFUNCTION, function(piece)
        pieces[#pieces + 1] = piece
        return #piece
    end)
    c:perform()
    return table.concat(pieces)
end

-- While a function that others call is not what it was.
local function ask_oddly(body)
    local lower = string.lower
    string.lower = error
    local answer = ask(body)
    string.lower = lower
    return answer
end

local function serve(_, stream)
    local path = stream:get_headers():get ":path"
    local body = stream:get_body_as_string()
    if path == "/later" then cqueues.sleep(0.01) end -- others come between
    local headers = new_headers()
    headers:append(":status", "200")
    headers:append("content-type", "application/json")
    stream:write_headers(headers, false)
    stream:write_body_from_string(path == "/plain" and "plain"
        or path == "/odd" and ask_oddly(body) or ask(body))
end

assert(server.listen {host = "127.0.0.1", port = tonumber(arg[1]),
    onstream = serve, onerror = function() end}):loop()
