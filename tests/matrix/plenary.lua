-- usage: nvim --headless -u NONE -i NONE -n -S plenary.lua INTERFACE URL
--            (MODE FILE)...
--
-- Starts curl as plenary.nvim does, on which the plugins for models build
-- (nvim-lua/plenary.nvim, lua/plenary/curl.lua and job.lua): by libuv, with
-- pipes, the answer's head in a file, lines as they come. easy: each call is
-- waited for; multi: all are started first.
local uv = vim.loop
local args = vim.fn.argv()
local interface, url = args[1], args[2]
local jobs, failed = {}, 0

local function start(mode, file)
    local job = { mode = mode, head = "head-" .. mode, open = 2,
        text = "", told = "" }
    local out, err = uv.new_pipe(false), uv.new_pipe(false)
    local options = { "-sSL", "-D", job.head, "--compressed", "-X", "POST" }
    if mode == "timeout" then
        vim.list_extend(options, { "-m", "0.6" })
    end
    vim.list_extend(options, { "-H", "Content-Type: application/json",
        "-H", "Authorization: Bearer sk-of-nobody", "-d", "@" .. file, url })
    job.handle = uv.spawn("curl", { args = options, stdio = { nil, out, err } },
        function(code)
            job.code = code
        end)
    for name, pipe in pairs({ text = out, told = err }) do
        pipe:read_start(function(_, data)
            if data then
                job[name] = job[name] .. data
            else
                job.open = job.open - 1
                pipe:close()
            end
        end)
    end
    return job
end

local function wait(job)
    vim.wait(20000, function()
        return job.code ~= nil and job.open == 0
    end, 5)
    -- behind its number there is a time
    io.stdout:write(job.mode, " ", tostring(job.code), " ",
        job.told:match("^curl: %(%d+%)") or "", job.text, "\n")
    if job.code ~= 0 then
        failed = failed + 1
    end
end

for i = 3, #args - 1, 2 do
    local job = start(args[i], args[i + 1])
    jobs[#jobs + 1] = job
    if interface == "easy" then
        wait(job)
    end
end
if interface == "multi" then
    for _, job in ipairs(jobs) do
        wait(job)
    end
end
io.stdout:flush()
vim.cmd("cquit " .. failed)
