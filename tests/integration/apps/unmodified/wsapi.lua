-- A gateway by WSAPI that knows nothing of traces. UPSTREAM is a base URL.
local curl = require "curl"
local url = os.getenv "UPSTREAM" .. "/chat/completions"

require "wsapi.fastcgi".run(function(environment)
    local body = environment.input:read(tonumber(environment.CONTENT_LENGTH))
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
    return 200, {}, coroutine.wrap(function()
        coroutine.yield(table.concat(pieces))
    end)
end)
