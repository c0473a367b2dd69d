"""Gateways in several languages: requests of several callers, one after the
other, over one connection to one worker. The calls of each belong to its
caller's trace and ml_app, and to nobody's where it named none."""
import concurrent.futures
import http.client
import json
import os
import shutil
import signal
import subprocess
import sys

import harness
from delivery import PATIENT, double
from harness import (APPS, LAUNCHER, ROOT, SUPPORT, Failure, Skip, body,
                     end_group, equal, free_port, installed, ok, succeeds,
                     tags_of, test, trace_headers, wait_port)
from test_fpm import Web, preload

sys.path.append(SUPPORT)
from announce import announce  # noqa: E402

OF = "rest"

EXAMPLES = os.path.join(ROOT, "examples")
HELPER = os.path.join(EXAMPLES, "inbound", "llmobs.php")
CHAT = os.path.join(EXAMPLES, "chat.php")

# The clients that ask, and by which headers.
CALLERS = [("app-a", "tracecontext"), None, ("app-b", "datadog"),
           ("app-a", "datadog,tracecontext"), ("", "opentelemetry"), None]


def settings(t, dd, **more):
    """A service with a name, and no ml_app."""
    env = {"DD_SERVICE": "chat-proxy", "DD_LLMOBS_ML_APP": None,
           "LLMOBS_EXPORTER": "agent", "DD_TRACE_AGENT_URL": dd.url,
           # a process for each request must deliver, however slow the machine
           **PATIENT,
           "PYTHONDONTWRITEBYTECODE": "1",  # the sources' folders stay clean
           "UPSTREAM": t.url.replace("/chat/completions", "")}
    env.update(more)
    return t.environment(True, env)


class Server:
    """A gateway on a port of its own. One that is not told which ends with its
    standard input."""

    def __init__(self, argv, env, port=None, launcher=(LAUNCHER,),
                 seconds=10):
        argv = [a.replace("@port", str(port)) for a in argv]
        self.process = subprocess.Popen(
            [*launcher, *argv], env=env, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            start_new_session=True, preexec_fn=harness.end_with_parent)
        self.port, self.asked_for = port, port
        if port:
            wait_port(port, self.process, seconds)
        else:
            line = self.process.stdout.readline().strip()
            if not line.isdigit():
                self.process.kill()
                raise Failure("the gateway did not start: %s" %
                              self.process.communicate()[1][-500:])
            self.port = int(line)

    def __enter__(self):
        return self

    def __exit__(self, *what):
        self.process.stdin.close()
        if self.asked_for:
            self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            pass
        end_group(self.process)  # its workers too
        for pipe in (self.process.stdout, self.process.stderr):
            pipe.close()


def requests():
    """(prompt, known, header lines) of every caller."""
    for i, caller in enumerate(CALLERS):
        known, headers = None, []
        if caller and caller[1] == "opentelemetry":
            known, headers = announce("", "tracecontext", i)
            headers = headers[:1] + ["tracestate: other=1"]
        elif caller:
            known, headers = announce(*caller, i)
        yield "prompt-%d" % i, known, headers


def connect(port):
    return http.client.HTTPConnection("127.0.0.1", port, timeout=20)


def ask(connection, prompt, headers, path="/chat.php/v1/chat/completions", status=200):
    connection.request("POST", path, body(prompt), dict(
        [h.split(": ", 1) for h in headers],
        **{"Content-Type": "application/json"}))
    answer = connection.getresponse()
    text = answer.read().decode()
    equal(answer.status, status, "status (%s)" % text[:200])
    if status == 200:
        ok("Echo: " + prompt in text, "the answer: %.200s" % text)
    return answer


def talk(port, kept=True):
    """Asks for all callers, over one connection if it is kept; gives what is
    known of them, by prompt."""
    connection = connect(port)
    known, workers = {}, set()
    for prompt, ids, headers in requests():
        answer = ask(connection, prompt, headers)
        equal(connection.sock is not None, kept, "connection kept")
        workers.add(answer.headers.get("X-Worker"))
        known[prompt] = ids
    connection.close()
    equal(len(workers), 1, "workers that served the connection")
    return known


def kind_of(span):
    return span["meta"]["span"]["kind"]


def prompt_of(span):
    """Of an llm span, or of a workflow that was given the request."""
    meta = span["meta"]["input"]
    messages = meta.get("messages") or json.loads(meta["value"])["messages"]
    return messages[-1]["content"]


def check(dd, known, entry=None):
    """For each request one llm span, where it belongs; `entry`: below a
    workflow of this name, which belongs there."""
    checked(dd, dd.wait_spans(len(known) * (2 if entry else 1), 20), known,
            entry)


def violations(dd):
    """A root of ours may be in a trace of another vendor's."""
    return [v for v in dd.violations()
            if not v.endswith("_dd.trace_id of a root")]


def checked(dd, spans, known, entry):
    equal(violations(dd), [], "violations")
    calls = [s for s in spans if kind_of(s) == "llm"]
    entries = {prompt_of(s): s for s in spans if kind_of(s) == "workflow"}
    equal(sorted(prompt_of(s) for s in calls), sorted(known), "prompts")
    for span in calls:
        prompt = prompt_of(span)
        if entry:
            equal(span["parent_id"], entries[prompt]["span_id"], "parent")
            equal(span["trace_id"], entries[prompt]["trace_id"], "trace")
            span = entries[prompt]
            enters(span, prompt, entry)
        belongs(span, known[prompt], CALLERS[int(prompt[-1])])
    equal(len({s["_dd"]["trace_id"] for s in calls}), len(known), "traces")


def enters(span, prompt, name):
    equal(span["name"], name, "name of the entry")
    equal(span["status"], "ok", "status of the entry")
    ok("Echo: " + prompt in span["meta"]["output"]["value"],
       "output of the entry: %s" % span["meta"]["output"])


def belongs(span, known, caller):
    if caller is None or not caller[0]:
        equal(span["parent_id"], "undefined", "parent of a root")
        equal(tags_of(span)["ml_app"], "chat-proxy", "ml_app of a root")
        equal(span["_dd"]["trace_id"],
              known["trace_id"] if known else span["trace_id"],
              "APM trace of a root")
        return
    equal((span["trace_id"], span["parent_id"]),
          (known["trace_id"], known["span_id"]),
          "trace and parent (%s)" % caller[1])
    equal(tags_of(span)["ml_app"], caller[0], "ml_app")


ENTRY = "chat-proxy-entrypoint"


def serve(t, argv, port=None, entry=None, **more):
    with double(t) as dd, \
            Server(argv, settings(t, dd, **more), port) as server:
        check(dd, talk(server.port, argv[0] != "php"), entry)


def need(program, *probe):
    if not shutil.which(program):
        raise Skip("no " + program)
    if probe and not succeeds(program, *probe):
        raise Skip("%s without its libcurl" % program)


# ---- PHP -----------------------------------------------------------------

COMMANDS = {"LLMOBS_COMMANDS": "1"}
WITH_ENTRY = {"LLMOBS_COMMANDS": "1", "LLMOBS_ENTRY": "1",
              "LLMOBS_ENTRY_CONTENT": "1"}


def php():
    need("php")
    return ["php", "-d", "auto_prepend_file=" + HELPER, "-S",
            "127.0.0.1:@port", "-t", EXAMPLES]


@test
def php_built_in_server(t):
    serve(t, php(), free_port())


@test
def php_built_in_server_with_entry(t):
    serve(t, php(), free_port(), entry=ENTRY, **WITH_ENTRY)


def web(t, dd, kind, params=None, **more):
    """nginx and PHP with the helper, all as another user may read it."""
    upstream = t.url.replace("/chat/completions", "")
    env = dict(preload(t), DD_LLMOBS_ENABLED="1", DD_SERVICE="chat-proxy",
               LLMOBS_EXPORTER="agent", DD_TRACE_AGENT_URL=dd.url,
               UPSTREAM=upstream, **dict(PATIENT, **more))
    pool = {"pm": "static", "pm.max_children": "1", "env[UPSTREAM]": upstream,
            "php_admin_value[auto_prepend_file]": "llmobs.php"}
    pool.update(("env[%s]" % n, v) for n, v in more.items()
                if n.startswith("LLMOBS_ENTRY"))
    return kind(t, dd, env, pool=pool, page=read(CHAT),
                files={"llmobs.php": read(HELPER)}, params=params)


def read(path):
    with open(path) as f:
        return f.read()


class FastCgi(Web):
    """php-cgi that stays, the variables of a request not in its environment."""

    def command(self):
        need("php-cgi")
        return ["php-cgi", "-b", self.dir + "/fpm.sock", "-d",
                "auto_prepend_file=%s/llmobs.php" % self.dir]


@test
def php_fpm(t):
    with double(t) as dd, web(t, dd, Web) as gateway:
        check(dd, talk(gateway.port))


@test
def php_fpm_with_entry(t):
    with double(t) as dd, web(t, dd, Web, **WITH_ENTRY) as gateway:
        check(dd, talk(gateway.port), ENTRY)


@test
def php_fastcgi(t):
    with double(t) as dd, web(t, dd, FastCgi) as gateway:
        check(dd, talk(gateway.port))


@test
def php_fastcgi_with_entry(t):
    """Asked for by the web server."""
    params = dict(WITH_ENTRY, LLMOBS_ENTRY="my-gateway")
    with double(t) as dd, \
            web(t, dd, FastCgi, params, **COMMANDS) as gateway:
        check(dd, talk(gateway.port), "my-gateway")


def cgi(env, headers, prompt, *options):
    """A request as a CGI server passes it on."""
    data = body(prompt).encode()
    variables = {"HTTP_" + n.upper().replace("-", "_"): v
                 for n, v in (h.split(": ", 1) for h in headers)}
    answer = subprocess.run(
        [LAUNCHER, "php-cgi", *options], input=data, timeout=20,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env=dict(env, **variables, GATEWAY_INTERFACE="CGI/1.1",
                 REQUEST_METHOD="POST", REDIRECT_STATUS="200",
                 SCRIPT_FILENAME=CHAT, CONTENT_TYPE="application/json",
                 CONTENT_LENGTH=str(len(data))))
    equal(answer.stderr, b"", "stderr")
    ok(b"Echo: " + prompt.encode() in answer.stdout,
       "the answer: %.200r" % answer.stdout)


def serve_by_cgi(t, *options, entry=None, **more):
    need("php-cgi")
    with double(t) as dd:
        env, known = settings(t, dd, **more), {}
        for prompt, ids, headers in requests():
            cgi(env, headers, prompt, *options)
            known[prompt] = ids
        check(dd, known, entry)


@test
def php_cgi(t):
    """A CGI server's own variables are enough."""
    serve_by_cgi(t)


@test
def php_cgi_with_entry(t):
    serve_by_cgi(t, "-d", "auto_prepend_file=" + HELPER, entry=ENTRY,
                 **WITH_ENTRY)


APACHE = """ServerRoot %(dir)s
PidFile %(dir)s/apache.pid
Listen 127.0.0.1:%(port)d
ServerName localhost
User www-data
Group www-data
DocumentRoot %(dir)s
ErrorLog %(dir)s/apache.log
LoadModule mpm_prefork_module %(modules)s/mod_mpm_prefork.so
LoadModule authz_core_module %(modules)s/mod_authz_core.so
LoadModule alias_module %(modules)s/mod_alias.so
LoadModule php_module %(php)s
KeepAlive On
StartServers 1
MinSpareServers 1
MaxSpareServers 1
MaxRequestWorkers 1
<FilesMatch "\\.php$">
SetHandler application/x-httpd-php
</FilesMatch>
AliasMatch ^/chat.php %(dir)s/index.php
php_admin_value auto_prepend_file %(dir)s/llmobs.php
"""


class Apache(Web):
    """mod_php: PHP in the server's own worker, nothing between."""

    template = APACHE

    def start(self, t, env):
        modules = "/usr/lib/apache2/modules"
        server = installed("/usr/sbin/apache2")
        conf = self.write("apache.conf", self.template % {
            "dir": self.dir, "port": self.port, "modules": modules,
            "php": installed(modules + "/libphp*.so")})
        self.processes.append(subprocess.Popen(
            [server, "-D", "FOREGROUND", "-f", conf],
            env=dict({"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}, **env),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, start_new_session=True))
        wait_port(self.port, self.processes[-1])


@test
def mod_php(t):
    with double(t) as dd, web(t, dd, Apache) as gateway:
        check(dd, talk(gateway.port))


@test
def mod_php_with_entry(t):
    with double(t) as dd, web(t, dd, Apache, **WITH_ENTRY) as gateway:
        check(dd, talk(gateway.port), ENTRY)


# ---- Perl, Ruby, Lua, R --------------------------------------------------

def perl(*more):
    need("perl", "-MWWW::Curl::Easy", "-e", "1")
    return ["perl", os.path.join(APPS, "gateway.pl"), *more]


def ruby(binding, *more):
    need("ruby", "-rwebrick", "-r" + binding, "-e", "1")
    # typhoeus' mime-types has a warning by itself, in one run of 300
    return ["ruby", "-W0", os.path.join(APPS, "gateway.rb"), binding, *more]


@test
def perl_prefork(t):
    """By the environment alone."""
    serve(t, perl("1"))


@test
def perl_prefork_with_entry(t):
    serve(t, perl("1", "1", "1"), entry=ENTRY, **COMMANDS)


@test
def ruby_threads(t):
    serve(t, ruby("typhoeus"), **COMMANDS)


@test
def ruby_threads_with_entry(t):
    for binding in "typhoeus", "curb":
        serve(t, ruby(binding, "my-gateway", "1"), entry="my-gateway",
              **COMMANDS)


def of_strangers(t, argv, port=None, **more):
    """A client whose address a proxy tells names nothing; one of our own
    network does."""
    lines = announce("theirs", "datadog", 1)[1]
    with double(t) as dd, \
            Server(argv, settings(t, dd, **more), port) as server:
        connection = connect(server.port)
        for address in "8.8.8.8", "10.0.0.1":
            ask(connection, address, lines + ["X-Forwarded-For: " + address])
        connection.close()
        spans = dd.wait_spans(2, 20)
    apps = {prompt_of(s): tags_of(s)["ml_app"] for s in spans}
    equal(apps, {"8.8.8.8": "chat-proxy", "10.0.0.1": "theirs"}, "ml_app")
    equal(len({s["trace_id"] for s in spans}), 1, "traces")


@test
def strangers_of_php(t):
    of_strangers(t, php(), free_port())
    of_strangers(t, php(), free_port(), **COMMANDS)


@test
def strangers_of_perl_and_ruby(t):
    of_strangers(t, perl("1"))
    of_strangers(t, ruby("typhoeus"), **COMMANDS)


@test
def side_by_side(t):
    """Eight callers at once: threads of one process, then two processes."""
    for argv in ruby("typhoeus", "1", "1"), perl("2", "1", "1"):
        with double(t) as dd, \
                Server(argv, settings(t, dd, **COMMANDS)) as server, \
                concurrent.futures.ThreadPoolExecutor(8) as pool:
            known = list(pool.map(lambda i: talk(server.port), range(8)))
            spans = dd.wait_spans(8 * 2 * len(CALLERS), 20)
            equal(violations(dd), [], "violations")
            equal(len(known), 8, "callers")
            pairs(spans, 8 * len(CALLERS))


def pairs(spans, count):
    """Each call is below the entry of its own request."""
    entries = {s["span_id"]: s for s in spans if kind_of(s) == "workflow"}
    calls = [s for s in spans if kind_of(s) == "llm"]
    equal((len(entries), len(calls)), (count, count), "entries and calls")
    equal(len({s["parent_id"] for s in calls}), count, "entries with a call")
    for span in calls:
        entry = entries[span["parent_id"]]
        for what, of in (("prompt", prompt_of),
                         ("trace", lambda s: s["trace_id"]),
                         ("ml_app", lambda s: tags_of(s)["ml_app"])):
            equal(of(span), of(entry), what)


def lua(t, env, launcher):
    """Serves all callers; gives what it answered."""
    need("lua", "-e", "require 'curl'")
    lines = []
    for prompt, _, headers in requests():
        lines += [str(len(headers)), *headers, body(prompt)]
    done = subprocess.run(
        [*launcher, "lua", os.path.join(APPS, "gateway.lua"), t.url, "1"],
        input="\n".join(lines + ["0", "die"]) + "\n", timeout=30, env=env,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    equal((done.returncode, done.stderr), (0, ""), "end of lua")
    equal(done.stdout.count("Echo: "), len(CALLERS), "answers")
    equal(done.stdout.splitlines()[-1], "told to die", "the last answer")


@test
def lua_requests(t):
    known = {prompt: ids for prompt, ids, _ in requests()}
    with double(t) as dd:
        lua(t, settings(t, dd, **COMMANDS), [LAUNCHER])
        spans = dd.wait_spans(2 * len(known) + 1, 20)
        failed = [s for s in spans if s["status"] == "error"]
        equal([(s["name"], s["meta"]["error"]["message"]) for s in failed],
              [(ENTRY, "told to die")], "the failed request")
        checked(dd, [s for s in spans if s not in failed], known, ENTRY)


def r(*more):
    need("Rscript", "-e", "library(curl)")
    return ["Rscript", os.path.join(APPS, "gateway.R"), "@port", *more]


@test
def r_server(t):
    """By the environment alone."""
    serve(t, r(), free_port())


@test
def r_server_with_entry(t):
    serve(t, r("1"), free_port(), entry=ENTRY, **COMMANDS)


@test
def r_without_the_library(t):
    with double(t) as dd:
        mark = t.servers.mark()
        with Server(r("1"), settings(t, dd, **COMMANDS), free_port(),
                    ()) as server:
            talk(server.port)
        equal([trace_headers(q) for q in t.servers.requests_since(mark)],
              [{}] * len(CALLERS), "trace headers")
        equal(dd.spans(), [], "spans")


@test
def r_request_that_fails(t):
    """Its error is given back, in the span by its first line; the next request
    has nothing of it."""
    with double(t) as dd, Server(r("1"), settings(t, dd, **COMMANDS),
                                 free_port()) as server:
        connection = connect(server.port)
        known, headers = announce("app-a", "datadog", 1)
        connection.request("POST", "/", "die", dict(
            h.split(": ", 1) for h in headers))
        answer = connection.getresponse()
        equal((answer.status, answer.read()), (500, b"told to die\nat once"),
              "answer")
        ask(connection, "prompt-2", [])
        connection.close()
        failed, entry, call = sorted(dd.wait_spans(3, 20),
                                     key=lambda s: s["start_ns"])
    equal((failed["parent_id"], failed["meta"]["error"]["message"]),
          (known["span_id"], "told to die"), "the failed request")
    equal((entry["parent_id"], call["parent_id"], entry["status"]),
          ("undefined", entry["span_id"], "ok"), "the next one")


@test
def nothing_preloaded(t):
    """The helpers do no harm then, and send nothing."""
    with double(t) as dd:
        env = settings(t, dd, **WITH_ENTRY)
        mark = t.servers.mark()
        for argv, port in ((php(), free_port()), (perl("1", "1", "1"), None),
                           (ruby("typhoeus", "1", "1"), None),
                           (ruby("curb", "1", "1"), None)):
            with Server(argv, env, port, ()) as server:
                talk(server.port, argv[0] != "php")
        lua(t, env, ())
        sent = t.servers.requests_since(mark)
        equal(len(sent), 5 * len(CALLERS), "requests")
        equal([trace_headers(q) for q in sent], [{}] * len(sent),
              "trace headers")
        equal(dd.spans(), [], "spans")


SPANS = {
    "perl": r"""
use lib 'INBOUND'; use WWW::Curl::Easy; use Llmobs;
my $r = Llmobs::span('workflow', 'w', sub {
    Llmobs::span('tool', 't', sub { "s\x{e9}\x{263a}" }, 'in "quotes"');
    eval { Llmobs::span('task', 'bad', sub { die "no\nmore\n" }) };
    $@ });
print $r;""",
    "ruby": r"""
$VERBOSE = nil # as ruby() does
require 'LIBRARY'; require 'INBOUND/llmobs'
print(Llmobs.span('workflow', 'w') do
  Llmobs.span('tool', 't', input: 'in "quotes"') { "s\u00e9\u263a" }
  begin
    Llmobs.span('task', 'bad') { raise "no\nmore\n" }
  rescue => e
    e.message
  end
end)""",
    "lua": r"""
package.path = 'INBOUND/?.lua;' .. package.path
local llmobs = require 'llmobs'
io.write(llmobs.span('workflow', 'w', function()
    llmobs.span('tool', 't', function() return 's\195\169\226\152\186' end,
        'in "quotes"')
    local _, e = pcall(llmobs.span, 'task', 'bad', function()
        error('no\nmore\n', 0) end)
    return e
end))""",
    "Rscript": r"""
library(curl); source('INBOUND/llmobs.R')
cat(llmobs$span('workflow', 'w', {
    llmobs$span('tool', 't', 's\u00e9\u263a', 'in "quotes"')
    tryCatch(llmobs$span('task', 'bad', stop('no\nmore\n')),
             error = conditionMessage)
}))"""}


def nested_spans(t, program, library, probe):
    """The program's words on three spans are there, as it says them."""
    need(program, "-e", probe)
    code = SPANS[program].replace("LIBRARY", library).replace(
        "INBOUND", os.path.join(EXAMPLES, "inbound"))
    r = t.same([program, "-e", code], env=COMMANDS, spans=3)
    equal(r.stdout, b"no\nmore\n", "what %s printed" % program)
    spans = {s["name"]: s for s in r.spans}
    w, tool, bad = spans["w"], spans["t"], spans["bad"]
    equal([tool["parent_id"], bad["parent_id"]], [w["span_id"]] * 2,
          "parents (%s)" % program)
    equal((tool["meta"]["input"]["value"], tool["meta"]["output"]),
          ('in "quotes"', {"value": "s\u00e9\u263a"}),
          "what the tool said (%s)" % program)
    equal(bad["meta"]["error"]["message"], "no", "error (%s)" % program)
    equal(w["status"], "ok", "status (%s)" % program)


@test
def spans_in_each_language(t):
    for program, library, probe in (
            ("perl", "", "use WWW::Curl::Easy"),
            ("ruby", "typhoeus", "require 'typhoeus'"),
            ("ruby", "curb", "require 'curb'"), ("lua", "", "require 'curl'")):
        nested_spans(t, program, library, probe)


@test
def spans_in_r(t):
    nested_spans(t, "Rscript", "", "library(curl)")


# ---- ends of requests ----------------------------------------------------

def fetch(port, path, data=b"asked"):
    """All of the answer but what tells the time."""
    connection = connect(port)
    connection.request("POST", path, data, {"Content-Type": "text/plain"})
    answer = connection.getresponse()
    text = answer.read()
    head = [(n, v) for n, v in answer.getheaders() if n not in ("Date", "Host")]
    connection.close()
    return answer.status, head, text


PAGES = ("plain", "fatal", "refused", "buffered", "crashed", "late", "cleaned",
         "emptied", "redirect", "big", "binary", "echo")


def pages(t, launcher, env, *options):
    """The answers of the pages."""
    argv = ["php", *options, "-d", "display_errors=0", "-d", "log_errors=0",
            "-S", "127.0.0.1:@port", "-t", t.dir]
    port = free_port()
    with Server(argv, env, port, launcher) as server:
        return {p: fetch(server.port, "/index.php/" + p) for p in PAGES}


@test
def odd_ends_of_pages(t):
    """Neither the helper nor the library changes an answer; the entry says how
    the page ended."""
    need("php")
    t.fresh(None)
    shutil.copy(os.path.join(APPS, "pages.php"),
                os.path.join(t.dir, "index.php"))
    helper = ["-d", "auto_prepend_file=" + HELPER]
    with double(t) as dd:
        env = settings(t, dd, **WITH_ENTRY)
        bare = pages(t, (), env)
        for launcher in (), (LAUNCHER,):
            for page, got in pages(t, launcher, env, *helper).items():
                equal(got, bare[page], "answer of " + page)
        spans = dd.wait_spans(len(PAGES), 20)
        equal(dd.violations(), [], "violations")
    ends(dict(zip(PAGES, sorted(spans, key=lambda s: s["start_ns"]))), bare)


def ends(spans, answers):
    for page, span in spans.items():
        meta = span["meta"]
        equal(meta["input"]["value"], "asked", "input of " + page)
        text = answers[page][2]
        if page not in ("emptied", "late", "big", "binary"):
            equal(meta.get("output", {}).get("value", ""), text.decode(),
                  "output of " + page)
        equal(span["status"], "error" if answers[page][0] >= 500 else "ok",
              "status of " + page)
    equal(spans["late"]["meta"]["output"]["value"], "the page and last words",
          "output of a page with a shutdown function")
    equal(len(spans["big"]["meta"]["output"]["value"]), 1 << 20,
          "length of a big output")
    equal(spans["crashed"]["meta"]["error"]["type"], "unfinished", "type")
    equal(spans["refused"]["meta"]["error"]["type"], "http_503", "type")
    error = spans["fatal"]["meta"]["error"]
    equal(error["type"], "fatal_error", "type of a fatal error")
    ok("broke" in error["message"] and "second" not in error["message"],
       "message of a fatal error: " + error["message"])


@test
def spans_of_a_page(t):
    need("php")
    t.fresh(None)
    shutil.copy(os.path.join(APPS, "pages.php"),
                os.path.join(t.dir, "index.php"))
    argv = ["php", "-d", "auto_prepend_file=" + HELPER, "-S",
            "127.0.0.1:@port", "-t", t.dir]
    with double(t) as dd, Server(argv, settings(t, dd, **WITH_ENTRY),
                                 free_port()) as server:
        equal(fetch(server.port, "/index.php/span")[2], b"caught no", "page")
        spans = {s["name"]: s for s in dd.wait_spans(4, 20)}
        equal(dd.violations(), [], "violations")
    entry = spans.pop(ENTRY)
    equal(entry["meta"]["output"]["value"], "caught no", "output")
    equal({n: (s["parent_id"], s["meta"].get("error", {}).get("type"))
           for n, s in spans.items()},
          {n: (entry["span_id"], kind) for n, kind in (
              ("search", None), ("breaks", "Exception"),
              ("left", "unfinished"))}, "parents and errors")


@test
def requests_that_fail(t):
    """In Perl, with an answer that comes later too, and in Ruby."""
    for argv, error in ((perl("1", "1", "1"), "die"),
                        (ruby("typhoeus", "1", "1"), "RuntimeError")):
        with double(t) as dd, \
                Server(argv, settings(t, dd, **COMMANDS)) as server:
            connection = connect(server.port)
            ask(connection, "prompt-0", [], "/die", 500)
            connection.close()
            connection.connect()
            known, headers = announce("app-a", "datadog", 1)
            ask(connection, "prompt-1", headers, "/later")
            connection.close()
            spans = dd.wait_spans(3, 20)
            equal(dd.violations(), [], "violations")
        failed = next(s for s in spans if s["status"] == "error")
        equal(failed["meta"]["error"]["type"], error, "type")
        ok("told to die" in failed["meta"]["error"]["message"], "message")
        good = [s for s in spans if s["status"] == "ok"]
        equal({s["trace_id"] for s in good}, {known["trace_id"]}, "traces")


@test
def an_answer_that_writes_itself(t):
    """Rack 3: it is called, it cannot be read; it ends the request, or fails
    it."""
    with double(t) as dd, Server(ruby("typhoeus", "1", "1"),
                                 settings(t, dd, **COMMANDS)) as server:
        connection = connect(server.port)
        known, headers = announce("app-a", "datadog", 1)
        ask(connection, "prompt-1", headers, "/later")
        ask(connection, "prompt-2", headers, "/broken", 500)
        connection.close()
        spans = dd.wait_spans(3, 20)
        equal(dd.violations(), [], "violations")
    calls = [s for s in spans if kind_of(s) == "llm"]
    entries = {prompt_of(s): s for s in spans if kind_of(s) == "workflow"}
    equal([s["parent_id"] for s in calls], [entries["prompt-1"]["span_id"]],
          "parents of calls")
    ok("output" not in entries["prompt-1"]["meta"], "an output")
    equal({p: (s["parent_id"], s["meta"].get("error", {}).get("message"))
           for p, s in entries.items()},
          {"prompt-1": (known["span_id"], None),
           "prompt-2": (known["span_id"], "told to break")}, "entries")
