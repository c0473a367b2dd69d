-- llmobs.lua - a Lua server that asks language models, in one trace with its
-- caller:
--
--     local llmobs = require "llmobs"
--     llmobs.request(headers, function() ... end, {entry = true, input = body})
--
-- `headers` are the request's, names in any case. Calls through Lua-cURL in the
-- function are part of the trace, and of the ml_app, that the headers name.
-- `entry`: the request is a workflow span around them, of this name, or
-- "chat-proxy-entrypoint" for true; `input` is its input, and text that the
-- function returns is its output. `address` is the caller's: of a caller with a
-- public address only ids are taken (LLMOBS_INBOUND_TRUST). Further spans nest:
--
--     local docs = llmobs.span("retrieval", "search", function() ... end, q)
--
-- All of it needs LLMOBS_COMMANDS=1: Lua itself cannot set the environment.
-- Without the library preloaded, it does nothing.
local llmobs = {}

local names = {"traceparent", "tracestate", "baggage", "x-datadog-trace-id",
    "x-datadog-parent-id", "x-datadog-tags", "x-datadog-sampling-priority",
    "x-datadog-origin", "x-forwarded-for", "forwarded", "x-real-ip",
    "x-forwarded", "forwarded-for", "x-client-ip", "x-cluster-client-ip",
    "true-client-ip", "cf-connecting-ip", "cf-connecting-ipv6",
    "fastly-client-ip", "fly-client-ip", "via", "x-envoy-external-address",
    "x-azure-clientip", "x-azure-socketip", "cloudfront-viewer-address",
    "x-appengine-user-ip", "x-original-forwarded-for",
    "x-vercel-forwarded-for"}

local function found(module)
    local ok, it = pcall(require, module)
    return ok and it or nil
end

local function json(value)
    if type(value) ~= "table" then
        return '"' .. tostring(value):gsub('[%c"\\]', function(c)
            return ("\\u%04x"):format(c:byte())
        end) .. '"'
    end
    local parts = {}
    for key, v in pairs(value) do
        parts[#parts + 1] = json(key) .. ":" .. json(v)
    end
    return "{" .. table.concat(parts, ",") .. "}"
end

-- No transfer takes place, and libcurl answers that it knows no such protocol,
-- with the library or without: the module returns or raises that.
local function command(name, what)
    local url, body = "llmobs://" .. name, json(what)
    local header = {"Content-Type: application/vnd.llmobs"}
    local old, new = found "curl", found "lcurl"
    if new then
        local c = new.easy {url = url, postfields = body, httpheader = header}
        pcall(c.perform, c)
        c:close()
    elseif old then
        local c = old.easy_init()
        c:setopt(old.OPT_URL, url)
        c:setopt(old.OPT_HTTPHEADER, header)
        c:setopt(old.OPT_POST, 1)
        c:setopt(old.OPT_POSTFIELDS, body)
        pcall(c.perform, c)
    end
end

local function text(value)
    return type(value) == "string" and value or nil
end

local function says(kind, name, input)
    return {kind = kind, name = name, input = text(input)}
end

-- Takes the results of pcall.
local function ended(ok, result)
    if ok then return {output = text(result)} end
    local problem = tostring(result):match("^[^\n]*")
    return {error = {type = "error", message = problem}}
end

local function passed(ok, ...)
    if not ok then error((...), 0) end
    return ...
end

function llmobs.start(kind, name, input)
    command("span/start", says(kind, name, input))
end

-- Ends the span that was started last. `problem`: its error, if any.
function llmobs.finish(output, problem)
    command("span/finish", ended(not problem, problem or output))
end

-- Tells that a hook failed.
function llmobs.failed()
    command("hook/failed", {})
end

local function in_span(...)
    command("span/finish", ended(...))
    return passed(...)
end

function llmobs.span(kind, name, work, input)
    llmobs.start(kind, name, input)
    return in_span(pcall(work))
end

local function in_request(entry, ...)
    command("request/finish", {entry = entry and ended(...) or nil})
    return passed(...)
end

-- For requests that take turns: what follows belongs to this one.
function llmobs.enter(headers, options)
    local given, known = {}, {}
    local entry = options and options.entry
    for name, value in pairs(headers) do known[name:lower()] = value end
    for _, name in ipairs(names) do given[name] = known[name] end
    given[":remote-addr"] = options and options.address
    command("request/start", {headers = given, entry = entry and says(
        "workflow", entry == true and "chat-proxy-entrypoint" or entry,
        options.input) or nil})
end

function llmobs.leave()
    command("request/finish", {})
end

function llmobs.request(headers, work, options)
    llmobs.enter(headers, options)
    return in_request(options and options.entry, pcall(work))
end

return llmobs
