"""Servers in several languages that know nothing of traces, under `llmobs-run
--inbound`: what each request asks for belongs to its caller's trace and ml_app."""
import harness
import collections
import concurrent.futures
import http.client
import itertools
import os
import shutil
import socket
import struct
import subprocess

from delivery import agent, double, recovered, wait_for
from harness import (APPS, LAUNCHER, PYTHON, Skip, body, equal, free_port, installed,
                     ok, tags_of, test)
from test_fpm import Web, preload
from test_gateways import (APACHE, CALLERS, ENTRY, Server, announce, belongs, connect,
                           kind_of, need, of_strangers, pairs, prompt_of, read,
                           requests, settings, violations)
from test_killed import in_the_spool
from test_gateways import Apache as ApacheWithHelper

OF = "rest"

INBOUND = (LAUNCHER, "--inbound")
UNMODIFIED = os.path.join(APPS, "unmodified")


def app(name):
    return os.path.join(UNMODIFIED, name)


def puma(threads=1):
    need("puma")
    need("ruby", "-rtyphoeus", "-rcurb", "-e", "1")
    return ["puma", "-q", "-t", "%d:%d" % (threads, threads), "-b",
            "tcp://127.0.0.1:@port", app("config.ru")]


def starman(workers=1):
    need("starman")
    need("perl", "-MWWW::Curl::Easy", "-e", "1")
    return ["starman", "--workers", str(workers), "--listen",
            "127.0.0.1:@port", app("app.psgi")]


def ask(connection, prompt, headers, path):
    """The answer, without what tells the time and the port."""
    connection.request("POST", path, body(prompt), dict(
        [h.split(": ", 1) for h in headers],
        **{"Content-Type": "application/json"}))
    answer = connection.getresponse()
    text = answer.read()
    return (answer.status, [(n, v) for n, v in answer.getheaders()
                            if n.lower() not in ("date", "host")], text)


def talk(port, path):
    """Asks for all callers over one connection; gives what is known of them,
    and the answers."""
    connection = connect(port)
    known, answers = {}, []
    for prompt, ids, headers in requests():
        answers.append(ask(connection, prompt, headers, path))
        ok(b"Echo: " + prompt.encode() in answers[-1][2],
           "answer of %s: %r" % (path, answers[-1]))
        known[prompt] = ids
    connection.close()
    return known, answers


def check(spans, known, entry):
    calls = {prompt_of(s): s for s in spans if kind_of(s) == "llm"}
    entries = {s["span_id"]: s for s in spans if kind_of(s) == "workflow"}
    equal(sorted(calls), sorted(known), "prompts")
    equal(len(spans), len(known) * (2 if entry else 1), "spans")
    for prompt, span in calls.items():
        if entry:
            equal(entries[span["parent_id"]]["name"], entry, "entry")
            span = entries[span["parent_id"]]
        belongs(span, known[prompt], CALLERS[int(prompt[-1])])


def serve(t, argv, paths, bare=True, seconds=10, **more):
    """Each path: the same answers bare and observed, each call in its caller's
    trace; the server's context for none."""
    with double(t) as dd:
        env = settings(t, dd, **more)
        entry = more.get("LLMOBS_ENTRY")
        plain = {}
        if bare:
            with Server(argv, env, free_port(), (), seconds) as server:
                plain = {p: talk(server.port, p)[1] for p in paths}
        with Server(argv, env, free_port(), INBOUND, seconds) as server:
            seen = 0
            for path in paths:
                known, answers = talk(server.port, path)
                if bare:
                    equal(answers, plain[path], "answers of " + path)
                count = len(known) * (2 if entry else 1)
                spans = dd.wait_spans(seen + count, 20)[seen:]
                check(spans, known, entry)
                seen += count
        equal(violations(dd), [], "violations")


def around(dd, server, path="/ask", entry=ENTRY):
    """curl of an application `shop`, a gateway, a model: one trace."""
    done = subprocess.run(
        [LAUNCHER, "--ml-app", "shop", "curl", "-q", "-sS", "--json",
         body("prompt-9"), "http://127.0.0.1:%d%s" % (server.port, path)],
        env=dict(server.env, DD_SERVICE="shop", DD_LLMOBS_INSTRUMENTED_PROXY_URLS=
                 "http://127.0.0.1:%d" % server.port),
        stdout=subprocess.PIPE, timeout=30, check=True)
    ok(b"Echo: prompt-9" in done.stdout, "answer: %r" % done.stdout)
    spans = wait_for(lambda: (lambda found: found if len(found) == 3 else None)(
        [s for s in dd.spans() if "ml_app:shop" in s["tags"]]), 20)
    ok(spans, "spans of shop: %r" % [s["name"] for s in dd.spans()])
    by_id = {s["span_id"]: s for s in spans}
    call = next(s for s in spans if kind_of(s) == "llm")
    above = by_id[call["parent_id"]]
    equal((above["name"], by_id[above["parent_id"]]["parent_id"]),
          (entry, "undefined"), "spans above the call")
    equal(len({s["trace_id"] for s in spans}), 1, "traces")


def aborted(port, headers, prompts, path="/pieces"):
    """Clients that leave once the answer has begun."""
    for prompt in prompts:
        gone = connect(port)
        gone.request("POST", path, body(prompt),
                     dict(h.split(": ", 1) for h in headers))
        gone.sock.recv(1)
        gone.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                             struct.pack("ii", 1, 0))
        gone.close()


def failed(dd, server, entry, asks):
    """An application that fails, and clients that do not wait. `asks`: the
    application asks the model for these all the same."""
    seen = len(dd.spans())
    known, headers = announce("app-a", "datadog", 1)
    connection = connect(server.port)
    equal(ask(connection, "x", headers, "/die")[0], 500, "status of /die")
    connection.close()
    aborted(server.port, headers, ["prompt-%d" % i for i in range(2, 5)])
    def entries():
        return [s for s in dd.spans()[seen:] if kind_of(s) == "workflow"]

    ok(wait_for(lambda: len(entries()) == 4, 20), "entries: %r" % entries())
    spans = dd.wait_spans(seen + (7 if asks else 4), 20)[seen:]
    equal(len(entries()), 4, "entries")
    ok(len(spans) == 7 or not asks, "spans: %d" % len(spans))
    equal([s["status"] for s in spans if s["name"] == entry].count("error"), 1,
          "entries that failed")
    equal({s["trace_id"] for s in spans}, {known["trace_id"]}, "traces")


def many(dd, server, entry=True, count=64, path="/ask"):
    """Callers at once, each of an application of its own."""
    def one(i):
        connection = connect(server.port)
        known, headers = announce("app-%d" % i, "datadog", i)
        text = ask(connection, "prompt-%d" % i, headers, path)[2]
        connection.close()
        ok(b"Echo: prompt-%d" % i in text, "answer: %r" % text)
        return known

    seen = len(dd.spans())
    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        known = list(pool.map(one, range(count)))
    spans = dd.wait_spans(seen + (2 if entry else 1) * count, 30)[seen:]
    if entry:
        pairs(spans, count)
    else:
        equal(len({s["trace_id"] for s in spans}), count, "traces")
    for span in spans:
        i = int(prompt_of(span)[7:])
        equal((span["trace_id"], tags_of(span)["ml_app"]),
              (known[i]["trace_id"], "app-%d" % i), "of prompt-%d" % i)


def serve_calls(t, argv):
    """Many at once, without an entry."""
    with double(t) as dd, \
            Server(argv, settings(t, dd), free_port(), INBOUND) as server:
        many(dd, server, False)
        equal(violations(dd), [], "violations")


def serve_many(t, argv, asks=True, seconds=10, **more):
    """With an entry, and as many at once as the server has workers for."""
    with double(t) as dd, \
            Server(argv, settings(t, dd, LLMOBS_ENTRY="1",
                                  LLMOBS_ENTRY_CONTENT="1", **more),
                   free_port(), INBOUND, seconds) as server:
        server.env = settings(t, dd)
        around(dd, server)
        failed(dd, server, ENTRY, asks)
        many(dd, server)
        equal(violations(dd), [], "violations")


@test
def rack(t):
    serve(t, puma(), ["/ask", "/pieces", "/child", "/shell"],
          BINDING="typhoeus")
    serve(t, puma(), ["/ask", "/pieces"], BINDING="curb")


@test
def psgi(t):
    serve(t, starman(), ["/ask", "/pieces", "/later", "/child", "/shell",
                         "/piped"])


@test
def psgi_without_libcurl(t):
    """Nobody reads the hook's scalars: it sets the environment itself."""
    need("starman")
    argv = ["starman", "--workers", "1", "--listen", "127.0.0.1:@port",
            app("children.psgi")]
    serve(t, argv, ["/child"])


def python(server, *more):
    need(PYTHON, "-c", "import %s, pycurl" % server)
    return [PYTHON, "-m", server, *more]


def gunicorn():
    return python("gunicorn", "-b", "127.0.0.1:@port", "--threads", "8",
                  "--keep-alive", "20", "--chdir", UNMODIFIED, "gateway:wsgi")


def uvicorn():
    return python("uvicorn", "--port", "@port", "--app-dir", UNMODIFIED,
                  "--log-level", "error", "gateway:asgi")


@test
def wsgi(t):
    serve(t, gunicorn(), ["/ask", "/pieces", "/child"])
    serve_calls(t, gunicorn())


@test
def wsgi_at_once(t):
    serve_many(t, gunicorn(), asks=False)


@test
def wsgi_with_entry(t):
    """Lists and generators; their bytes are those without the library."""
    serve(t, gunicorn(), ["/ask", "/pieces"], LLMOBS_ENTRY="my-gateway",
          LLMOBS_ENTRY_CONTENT="1")


def counted(t, argv, **more):
    """A hook that fails: the application goes on, and the failure is counted."""
    with double(t) as dd:
        env = settings(t, dd, **more)
        headers = announce("app-a", "datadog", 1)[1]
        answers = []
        for launcher in (), INBOUND:
            with Server(argv, env, free_port(), launcher) as server:
                connection = connect(server.port)
                for path in "/ask", "/odd", "/ask":
                    answers.append(ask(connection, "prompt-1", headers, path))
                connection.close()
                if launcher:
                    equal([s["parent_id"] == "undefined" for s in
                           dd.wait_spans(3, 20)], [False, True, False], "spans")
        equal(answers[3:], answers[:3], "answers")
        stats = subprocess.run([os.path.join(t.build, "llmobs"), "stats"],
                               env=env, stdout=subprocess.PIPE, check=True)
        ok(b"hook_failed" in stats.stdout, "stats: %r" % stats.stdout)


@test
def failures_are_counted(t):
    counted(t, puma(), BINDING="typhoeus")
    counted(t, starman())
    counted(t, httpuv())
    counted(t, lua())


@test
def python_without_what_the_hook_changes(t):
    """The program runs, and the log names each part once."""
    for name, text in (("wsgiref/__init__.py", ""), ("wsgiref/handlers.py", ""),
                       ("uvicorn/__init__.py", ""),
                       ("uvicorn/config.py", "class Config: pass")):
        path = os.path.join(t.dir, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    log = os.path.join(t.dir, "log")
    done = t.run([LAUNCHER, "--inbound", PYTHON, "-c",
                  "import wsgiref.handlers, uvicorn.config; print(%r in "
                  "wsgiref.__file__)" % t.dir], preload=False, launcher=[],
                 env={"PYTHONPATH": t.dir, "LLMOBS_LOG": log,
                      "LLMOBS_BUILD": t.build})
    equal((done.stdout, done.stderr), (b"True\n", b""), "run")
    with open(log, encoding="utf-8") as file:
        said = file.read()
    for name in "wsgiref.handlers", "uvicorn.config":
        equal(said.count("no caller: %s\n" % name), 1, "log: " + said)


@test
def python_sees_little_of_it(t):
    """The whole of what a program can notice (HAZARDS.md), and the ways that
    lead past the hook."""
    shows = """
import sys, socket, traceback
import http.server
new = sorted(n for n in sys.modules if "llmobs" in n)
print(new, any(type(f).__name__ == "LlmobsFinder" for f in sys.meta_path),
      "send" in vars(socket.socket), any("inbound" in p for p in sys.path))
try:
    socket.socket().send(b"x")
except OSError:
    print(len(traceback.extract_tb(sys.exc_info()[2])))
"""
    seen = []
    for launcher in [], [LAUNCHER, "--inbound"]:
        for options in [], ["-I"], ["-E"], ["-S"]:
            done = t.run(launcher + [PYTHON, *options, "-c", shows],
                         preload=False, launcher=[],
                         env={"LLMOBS_BUILD": t.build})
            seen.append(done.stdout.decode().splitlines())
    bare = ["[] False False False", "1"]
    equal(seen[:4], [bare] * 4, "bare")
    equal(seen[4], ["[] True True False", "2"], "with the hook")
    equal(seen[5:7], [bare] * 2, "-I, -E")
    equal(seen[7], ["[] False False True", "1"], "-S")


@test
def wsgi_of_python(t):
    need(PYTHON, "-c", "import pycurl")
    serve(t, [PYTHON, app("gateway.py"), "@port"], ["/ask"])


@test
def asgi(t):
    serve(t, uvicorn(), ["/ask", "/pool", "/child"])
    serve_calls(t, uvicorn())


@test
def asgi_with_entry(t):
    """Whole answers and streams; their bytes are those without the library."""
    serve(t, uvicorn(), ["/ask", "/pool", "/pieces"], LLMOBS_ENTRY="my-gateway",
          LLMOBS_ENTRY_CONTENT="1")


def take_turns(dd, server, count=64):
    """Requests of two callers, all on one thread: each asks twice there, and twice
    at once in a pool. None gets a span of another one."""
    def one(i):
        connection = connect(server.port)
        known, headers = announce("app-%d" % (i % 2), "datadog", i)
        text = ask(connection, "prompt-%d" % i, headers, "/turns")[2]
        connection.close()
        ok(b"Echo: prompt-%d" % i in text, "answer: %r" % text)
        return known

    seen = len(dd.spans())
    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        known = list(pool.map(one, range(count)))
    spans = dd.wait_spans(seen + 5 * count, 60)[seen:]
    entries = {s["span_id"]: s for s in spans if kind_of(s) == "workflow"}
    calls = [s for s in spans if kind_of(s) == "llm"]
    equal(collections.Counter(s["parent_id"] for s in calls),
          {span: 4 for span in entries}, "calls of each")
    for call in calls:
        equal(prompt_of(call), prompt_of(entries[call["parent_id"]]), "prompt")
    for span in spans:
        i = int(prompt_of(span)[7:])
        equal((span["trace_id"], tags_of(span)["ml_app"]),
              (known[i]["trace_id"], "app-%d" % (i % 2)), "of prompt-%d" % i)
    for entry in entries.values():
        i = int(prompt_of(entry)[7:])
        equal((entry["parent_id"], entry["status"]),
              (known[i]["span_id"], "ok"), "of prompt-%d" % i)
        ok("Echo: prompt-%d" % i in entry["meta"]["output"]["value"], "output")


@test
def asgi_at_once(t):
    serve_many(t, uvicorn())
    with double(t) as dd, \
            Server(uvicorn(), settings(t, dd, LLMOBS_ENTRY="1",
                                       LLMOBS_ENTRY_CONTENT="1"),
                   free_port(), INBOUND) as server:
        take_turns(dd, server)
        equal(violations(dd), [], "violations")


UNFINISHED = ("unfinished", "ended before its answer")
REASONS = {"/ask": None, "/die": ("ValueError", "told to die"),
           "/refused": ("http_503", "answered with status 503"),
           "/mute": ("Mute", ""), "/cancelled": ("CancelledError", ""),
           "/none": UNFINISHED, "/half": UNFINISHED, "/left": UNFINISHED}


def outcome(port, prompt, headers, path):
    """The answer, as far as it comes."""
    connection = connect(port)
    try:
        return ask(connection, prompt, headers, path)
    except http.client.HTTPException as e:
        return type(e).__name__, getattr(e, "partial", b"")
    finally:
        connection.close()


@test
def wsgi_answer_that_fails(t):
    """The entry says why the pieces of its answer end."""
    known, headers = announce("app-a", "datadog", 1)
    answers = []
    with double(t) as dd:
        for launcher in (), INBOUND:
            with Server(gunicorn(), settings(t, dd, LLMOBS_ENTRY="1"),
                        free_port(), launcher) as server:
                answers.append(outcome(server.port, "x", headers, "/torn"))
                if launcher:
                    span, = dd.wait_spans(1, 20)
        equal(answers[1], answers[0], "answers")
        equal(violations(dd), [], "violations")
    error = span["meta"]["error"]
    equal((error["type"], error["message"], span["parent_id"]),
          ("ValueError", "told to tear", known["span_id"]), "entry")


@test
def asgi_requests_that_fail(t):
    """Each span says why; the client gets the same as without the library."""
    known, headers = announce("app-a", "datadog", 1)
    answers = []
    with double(t) as dd:
        env = settings(t, dd, LLMOBS_ENTRY="1", LLMOBS_ENTRY_CONTENT="1")
        for launcher in (), INBOUND:
            with Server(uvicorn(), env, free_port(), launcher) as server:
                answers.append([outcome(server.port, "in " + path, headers, path)
                                for path in list(REASONS)[:-1]])
                aborted(server.port, headers, ["in /left"], "/left")
                if launcher: # two ask the model
                    spans = dd.wait_spans(len(REASONS) + 2, 20)
        equal(answers[1], answers[0], "answers")
        equal(violations(dd), [], "violations")
    entries = {prompt_of(s)[3:]: s for s in spans if kind_of(s) == "workflow"}
    errors = {path: s["meta"].get("error") for path, s in entries.items()}
    equal({path: e and (e["type"], e["message"]) for path, e in errors.items()},
          REASONS, "errors")
    equal({s["parent_id"] for s in entries.values()}, {known["span_id"]},
          "parents")
    equal(entries["/half"]["meta"]["output"]["value"], "first ", "output")
    equal(sorted(s["parent_id"] for s in spans if kind_of(s) == "llm"),
          sorted(entries[path]["span_id"] for path in ("/ask", "/refused")),
          "parents of calls")


def after_the_answer(t, argv, **more):
    """A call that outlives its request is below the caller, beside the entry,
    while the server has no other request; then it is below nobody."""
    known = []
    with double(t) as dd, Server(argv, settings(t, dd, LLMOBS_ENTRY="1", **more),
                                 free_port(), INBOUND) as server:
        connection = connect(server.port)
        for i, path in enumerate(("/later", "/later", "/ask")):
            ids, headers = announce("app-%d" % i, "datadog", i)
            ask(connection, "prompt-%d" % i, headers, path)
            known.append(ids)
            if i == 0:
                dd.wait_spans(3, 20)
        connection.close()
        spans = dd.wait_spans(8, 20)
        equal(violations(dd), [], "violations")
    entries = {s["trace_id"]: s["span_id"] for s in spans
               if kind_of(s) == "workflow"}
    entries = [entries[ids["trace_id"]] for ids in known]
    equal(sorted((prompt_of(s), s["parent_id"]) for s in spans
                 if kind_of(s) == "llm"),
          sorted([("prompt-0", entries[0]), ("prompt-0", known[0]["span_id"]),
                  ("prompt-1", entries[1]), ("prompt-1", "undefined"),
                  ("prompt-2", entries[2])]), "parents")


@test
def asgi_after_the_answer(t):
    after_the_answer(t, uvicorn(), LLMOBS_ENTRY_CONTENT="1")


@test
def asgi_killed(t):
    """In the middle of a call: the next process sends the span of the call, and
    none of the request."""
    known, headers = announce("app-a", "datadog", 1)
    t.fresh(None)
    with double(t) as dd:
        with Server(uvicorn(), settings(t, dd, LLMOBS_ENTRY="1"), free_port(),
                    INBOUND) as server:
            connection = connect(server.port)
            connection.request("POST", "/ask", body("prompt-1", "hang"), dict(
                h.split(": ", 1) for h in headers))
            ok(wait_for(lambda: in_the_spool(t), 10), "the call in the spool")
            server.process.kill()
            connection.close()
        spans = recovered(t, dd, agent(dd), 1)
    equal(([kind_of(s) for s in spans], spans[0]["trace_id"]),
          (["llm"], known["trace_id"]), "spans")
    ok(spans[0]["parent_id"] not in ("undefined", known["span_id"]), "parent")


@test
def rack_at_once(t):
    serve_many(t, puma(8), BINDING="typhoeus")


@test
def psgi_at_once(t):
    serve_many(t, starman(4))


def php(t, dd, kind, pool=None, observed=True, entry=None, **more):
    """A web server and PHP with no file of ours, all as another user may read
    it."""
    upstream = t.url.replace("/chat/completions", "")
    env = dict(preload(t) if observed else {}, DD_LLMOBS_ENABLED="1",
               DD_SERVICE="chat-proxy", LLMOBS_EXPORTER="agent",
               DD_TRACE_AGENT_URL=dd.url, UPSTREAM=upstream, LLMOBS_INBOUND="1",
               **({"LLMOBS_ENTRY": entry} if entry else {}))
    pool = {"pm": "static", "pm.max_children": "2", "env[UPSTREAM]": upstream,
            **(pool or {})}
    return kind(t, dd, env, pool=pool, page=read(app("gateway.php")), **more)


class FastCgi(Web):
    """php-cgi that stays."""

    def command(self):
        need("php-cgi")
        return ["php-cgi", "-b", self.dir + "/fpm.sock"]


class Apache(ApacheWithHelper):
    template = APACHE.replace("php_admin_value auto_prepend_file", "#") \
        .replace("^/chat.php", "^/").replace("Workers 1", "Workers 4")


def in_php(t, kind, entry=None, **more):
    """The same answers bare and observed, over a connection that is kept."""
    with double(t) as dd:
        with php(t, dd, kind, observed=False, **more) as gateway:
            plain = [talk(gateway.port, p)[1] for p in ("/ask", "/pieces")]
        with php(t, dd, kind, entry=entry, **more) as gateway:
            seen = 0
            for i, path in enumerate(("/ask", "/pieces")):
                known, answers = talk(gateway.port, path)
                equal(answers, plain[i], "answers of " + path)
                count = len(known) * (2 if entry else 1)
                check(dd.wait_spans(seen + count, 20)[seen:], known, entry)
                seen += count
        equal(violations(dd), [], "violations")


def at_once(dd, gateway):
    """Pages that fail, clients that do not wait, and many callers; the next
    request of a worker has nothing of these."""
    known, headers = announce("app-a", "datadog", 1)
    connection = connect(gateway.port)
    equal(ask(connection, "x", headers, "/die")[0], 500, "status of /die")
    aborted(gateway.port, headers, ["prompt-%d" % i for i in range(2, 8)])
    spans = dd.wait_spans(7, 20)
    equal({(s["trace_id"], kind_of(s)) for s in spans},
          {(known["trace_id"], "llm")}, "of the caller")
    for _ in range(8):
        equal(ask(connection, "none", [], "/ask")[0], 200, "status")
    connection.close()
    equal({s["parent_id"] for s in dd.wait_spans(15, 20)[7:]},
          {"undefined"}, "parents without a caller")
    many(dd, gateway, False)
    equal(violations(dd), [], "violations")


def php_at_once(t, kind):
    with double(t) as dd, \
            php(t, dd, kind, pool={"pm.max_children": "4"}) as gateway:
        at_once(dd, gateway)


@test
def php_fpm(t):
    in_php(t, Web)


@test
def php_fpm_in_a_chroot(t):
    """No file of ours is there, or allowed."""
    in_php(t, Web, chroot=True,
           pool={"php_admin_value[open_basedir]": "/"})


@test
def php_with_entry(t):
    """The span ends with its request, and the next one has another."""
    for kind in Web, FastCgi, Apache:
        in_php(t, kind, entry="my-gateway")


def two_calls_in_one_entry(dd, gateway):
    """Also after a page that failed."""
    known, headers = announce("app-a", "datadog", 1)
    connection = connect(gateway.port)
    for path, status in ("/die", 500), ("/two", 200):
        equal(ask(connection, "prompt", headers, path)[0], status, path)
    connection.close()
    spans = dd.wait_spans(5, 20)
    entries = {s["span_id"]: s for s in spans if kind_of(s) == "workflow"}
    equal([(s["name"], s["parent_id"]) for s in entries.values()],
          [(ENTRY, known["span_id"])] * 2, "entries")
    equal(sorted([s["parent_id"] for s in spans if kind_of(s) == "llm"]
                 .count(i) for i in entries), [1, 2], "calls of each")
    equal(violations(dd), [], "violations")


@test
def php_two_calls_in_one_entry(t):
    with double(t) as dd, \
            php(t, dd, Web, pool={"pm.max_children": "1"}, entry="1") as gateway:
        two_calls_in_one_entry(dd, gateway)


@test
def php_fpm_at_once(t):
    php_at_once(t, Web)


@test
def php_apache_at_once(t):
    php_at_once(t, Apache)


@test
def php_beside_a_context_of_its_own(t):
    """The request's context replaces the process's: the pool's, here."""
    pool = {"env[TRACEPARENT]": "00-%032x-%016x-01" % (7, 9)}
    with double(t) as dd, php(t, dd, Web, pool=pool) as gateway:
        known, headers = announce("app-a", "datadog", 1)
        connection = connect(gateway.port)
        for given in headers, []:
            ask(connection, "prompt-1", given, "/ask")
        connection.close()
        spans = dd.wait_spans(2, 20)
        spans.sort(key=lambda s: s["start_ns"])
        equal([s["_dd"]["trace_id"] for s in spans],
              [known["trace_id"], "%032x" % 7], "traces")


@test
def php_fastcgi_and_apache(t):
    for kind in FastCgi, Apache:
        in_php(t, kind)


def built_in(page="gateway.php", *options):
    """PHP's own server; the page takes all requests."""
    need("php", "-r", "exit((int)!extension_loaded('curl'));")
    if subprocess.run(["php", "-r", "exit((int)(PHP_ZTS || "
                       "PHP_VERSION_ID < 70300 || PHP_VERSION_ID >= 80600));"]
                      ).returncode:
        raise Skip("a PHP whose own server needs the helper")
    # With it, opcache would keep no page that is younger than two seconds, and
    # PHP's use of memory would differ.
    return ["php", "-d", "opcache.file_update_protection=0", *options, "-S",
            "127.0.0.1:@port", app(page)]


@test
def php_built_in(t):
    serve(t, built_in(), ["/ask", "/pieces"])
    serve(t, built_in(), ["/ask", "/pieces"], LLMOBS_ENTRY="my-gateway")


@test
def php_built_in_two_calls_in_one_entry(t):
    with double(t) as dd, \
            Server(built_in(), settings(t, dd, LLMOBS_ENTRY="1"), free_port(),
                   INBOUND) as gateway:
        two_calls_in_one_entry(dd, gateway)


@test
def php_built_in_tells_the_same(t):
    """$_SERVER, what a filter of the site's makes of it, and the memory that
    PHP uses; no file of ours is below its open_basedir."""
    for options in [], ["-d", "filter.default=special_chars", "-d",
                        "open_basedir=" + UNMODIFIED]:
        serve(t, built_in("request.php", *options), ["/", "/?full"],
              LLMOBS_ENTRY="my-gateway")


def answers_of_built_in(t, dd, page, path, headers, **more):
    """Bare and observed; ids of the caller's span."""
    known, own = announce("app-a", "datadog", 1)
    for launcher in (), INBOUND:
        with Server(built_in(page), settings(t, dd, **more), free_port(),
                    launcher) as server:
            connection = connect(server.port)
            yield known, ask(connection, "prompt-1", own + headers, path)
            connection.close()


@test
def php_built_in_at_its_memory_limit(t):
    """Names that are longer than the memory that the page has left."""
    long = ["X-%s: v" % (c * 36000) for c in "ab"]
    with double(t) as dd:
        (known, bare), (_, seen) = answers_of_built_in(
            t, dd, "request.php", "/?full", long)
        ok(bare[0] == 200 and b"Echo: prompt-1" in bare[2], "bare: %r" % (bare,))
        equal(seen, bare, "answer")
        belongs(dd.wait_spans(1, 20)[0], known, ("app-a", ""))
        equal(violations(dd), [], "violations")


@test
def php_built_in_in_doubt(t):
    """Two headers that have one name in CGI: nobody knows whose the request
    is. The library does not ask a PHP that uses malloc."""
    for headers, more in (
            (["X-Forwarded-For: 8.8.8.8", "X_Forwarded_For: 10.0.0.1"], {}),
            ([], {"USE_ZEND_ALLOC": "0"})):
        with double(t) as dd:
            (_, bare), (_, seen) = answers_of_built_in(
                t, dd, "gateway.php", "/ask", headers, **more)
            equal(seen, bare, "answer")
            belongs(dd.wait_spans(1, 20)[0], None, None)


@test
def php_built_in_with_many_headers(t):
    """More than are kept, and as many as PHP takes."""
    headers = ["X-%d: %s" % (i, "v" * 10) for i in range(4000)]
    for more in headers, ["Baggage: " + "b=c," * 5000]:
        with double(t) as dd:
            (known, bare), (_, seen) = answers_of_built_in(
                t, dd, "gateway.php", "/ask", more)
            equal(seen, bare, "answer")
            span = dd.wait_spans(1, 20)[0]
            belongs(span, *(known, ("app-a", "")) if more is headers
                    else (None, None))


@test
def php_built_in_of_strangers(t):
    of_strangers(t, built_in(), free_port(), LLMOBS_INBOUND="1")


@test
def php_built_in_at_once(t):
    for workers in "1", "4":
        with double(t) as dd, \
                Server(built_in(), settings(
                    t, dd, PHP_CLI_SERVER_WORKERS=workers), free_port(),
                    INBOUND) as gateway:
            at_once(dd, gateway)


class ModPerl(ApacheWithHelper):
    """A script of ModPerl::Registry in Apache's own worker."""

    template = APACHE.replace("LoadModule php_module %(php)s", """
LoadModule perl_module %(modules)s/mod_perl.so
PerlPassEnv UPSTREAM
<Location />
SetHandler perl-script
PerlResponseHandler ModPerl::Registry
Options +ExecCGI
</Location>""").split("<FilesMatch")[0] + "AliasMatch ^/ %(dir)s/index.php\n"


def lua():
    need("lua5.2", "-e", "require 'http.server' require 'curl'")
    return ["lua5.2", app("gateway.lua"), "@port"]


@test
def lua_http(t):
    serve(t, lua(), ["/ask", "/later"])


@test
def lua_http_at_once(t):
    """Coroutines of one thread, which take turns."""
    with double(t) as dd, \
            Server(lua(), settings(t, dd), free_port(), INBOUND) as server:
        many(dd, server, False, path="/later")
        equal(violations(dd), [], "violations")


def httpuv():
    need("Rscript", "-e", "library(httpuv); library(curl)")
    return ["Rscript", app("gateway.R"), "@port"]


def plumber():
    need("Rscript", "-e", "library(plumber); library(curl)")
    return ["Rscript", "-e", "plumber::pr_run(plumber::pr('%s'), port = @port, "
            "docs = FALSE)" % app("plumber.R")]


@test
def r_httpuv(t):
    serve(t, httpuv(), ["/ask", "/stream", "/multi", "/later", "/child", "/shell",
                        "/piped"], seconds=60)


@test
def r_plumber(t):
    serve(t, plumber(), ["/ask"], seconds=60)


@test
def r_with_entry(t):
    serve(t, httpuv(), ["/ask", "/stream"], seconds=60, LLMOBS_ENTRY="my-gateway",
          LLMOBS_ENTRY_CONTENT="1")
    serve_many(t, httpuv(), seconds=60)
    serve_many(t, plumber(), seconds=60)


@test
def r_at_once(t):
    """Callers whose requests take turns, also by promises."""
    for path in "/ask", "/later":
        with double(t) as dd, Server(httpuv(), settings(t, dd), free_port(),
                                     INBOUND, 60) as server:
            many(dd, server, False, path=path)
            equal(violations(dd), [], "violations")


@test
def r_request_within_another(t):
    """Its calls are its own, and so are those of the outer one afterwards, whose
    span has ended."""
    for entry in "0", "1":
        with double(t) as dd, concurrent.futures.ThreadPoolExecutor(1) as pool, \
                Server(httpuv(), settings(t, dd, LLMOBS_ENTRY=entry), free_port(),
                       INBOUND, 60) as server:
            def one(i, path):
                known, headers = announce("app-%d" % i, "datadog", i)
                connection = connect(server.port)
                ask(connection, "prompt-%d" % i, headers, path)
                connection.close()
                return known["trace_id"]

            first = pool.submit(one, 0, "/outer")
            dd.wait_spans(1, 20)
            second = one(1, "/inner")
            traces = {"prompt-0": first.result(), "prompt-1": second}
            spans = dd.wait_spans(3 if entry == "0" else 5, 20)
            equal(sorted((prompt_of(s), s["trace_id"]) for s in spans
                         if kind_of(s) == "llm"), sorted(
                (p, traces[p]) for p in ("prompt-0", "prompt-0", "prompt-1")),
                "traces")
            equal({s["status"] for s in spans}, {"ok"}, "status")
            equal(violations(dd), [], "violations")


@test
def r_by_other_packages(t):
    need("Rscript", "-e", "library(RCurl); library(httr); library(processx); "
         "library(sys)")
    headers = announce("app-a", "datadog,tracecontext", 1)[1]
    with double(t) as dd:
        answers = []
        for launcher in (), INBOUND:
            with Server(httpuv(), settings(t, dd), free_port(), launcher,
                        60) as server:
                connection = connect(server.port)
                answers.append(ask(connection, "", headers, "/env"))
                connection.close()
        equal(answers[1], answers[0], "variables")
    serve(t, httpuv(), ["/rcurl", "/httr", "/processx", "/sys"],
          seconds=60)


@test
def r_sees_nothing_of_it(t):
    """The stack of an application's function, headers of any form, and the
    texts of an entry."""
    odd = [["traceparent: \xff\xfe"], ["traceparent: " + "0" * 60000],
           ["x-datadog-trace-id: 1\\\"{"], ["baggage: " + "a=\x80," * 900]]
    with double(t) as dd:
        env = settings(t, dd, LLMOBS_ENTRY="1", LLMOBS_ENTRY_CONTENT="1")
        answers = []
        for launcher in (), INBOUND:
            with Server(httpuv(), env, free_port(), launcher, 60) as server:
                for path, headers in [("/calls", []), ("/stack", []), ("/broken", [])] + [
                        ("/ask", h) for h in odd]:
                    connection = connect(server.port)
                    answers.append(ask(connection, "prompt-1", headers, path))
                    connection.close()
        count = len(answers) // 2
        equal(answers[count:], answers[:count], "answers")
        spans = dd.wait_spans(3 + 2 * len(odd), 20)
        texts = [s["meta"].get("output", {}).get("value") for s in spans
                 if kind_of(s) == "workflow"]
        ok("f\ufffd" in texts, "texts: %r" % texts)
        equal(violations(dd), [], "violations")


@test
def mod_perl(t):
    installed("/usr/lib/apache2/modules/mod_perl.so")
    need("perl", "-MWWW::Curl::Easy", "-e", "1")
    with double(t) as dd:
        done = subprocess.run([*INBOUND, "sh", "-c", "echo \"$PERL5OPT\""],
                              stdout=subprocess.PIPE, text=True, check=True)
        upstream = t.url.replace("/chat/completions", "")
        answers = []
        for observed in False, True:
            env = dict(preload(t) if observed else {}, DD_LLMOBS_ENABLED="1",
                       DD_SERVICE="chat-proxy", LLMOBS_EXPORTER="agent",
                       DD_TRACE_AGENT_URL=dd.url, UPSTREAM=upstream,
                       LLMOBS_INBOUND="1",
                       **({"PERL5OPT": done.stdout.strip()} if observed else {}))
            with ModPerl(t, dd, env, page=read(app("handler.pl"))) as gateway:
                known, given = talk(gateway.port, "/ask")
                answers.append(given)
                if observed:
                    check(dd.wait_spans(len(known), 20), known, None)
        equal(answers[1], answers[0], "answers")
        equal(violations(dd), [], "violations")


SITE = "import sys; print('own', __name__, sys.path[1:]); import json"
SITE_OF_R = b"""site <- 1
ls(all.names = TRUE)
"shown"; invisible("hidden")
sys.calls(); sys.function()
print(environment()); (function() parent.frame())()
for (i in 1:2) print(i)
rm(i)
try(stop("tried"))
.First <- function() print(sys.calls())
options(own = 1)
(function() warning("one"))()
"""
# Each prints what a hook might change, and ends with an error.
PROGRAMS = [
    (["ruby", "-e", """p $VERBOSE, $!, $0, caller, $LOAD_PATH,
        $LOADED_FEATURES.grep_v(/hook.rb/), defined?(Rack), defined?(Llmobs)
        class A; def self.inherited(b) = p(b); end
        class B < A; end
        p Class.new.name
        def system(x) = p(x)
        system("mine")
        require "nowhere" """],
     {"RUBYOPT": "-w -rset"}),
    (["perl", "-e", """print "$^W $0 @INC @ARGV\\n", defined &say, "\\n";
        print "$@ $!", join(" ", sort grep !/strict|hook/, keys %INC), "\\n";
        $x = "no strict"; $$x = 1; my $unused = undef . ""; die "at a line" """],
     {"PERL5OPT": "-w -MPOSIX=floor"}),
    ([PYTHON, "-c", """import sys, subprocess
print(sys.path[1:], sys.argv, sys.flags, sys.modules.get("sitecustomize"))
import pycurl
print(pycurl.Curl, pycurl.Curl.__name__, isinstance(pycurl.Curl(), pycurl.Curl))
sys.modules.pop("sitecustomize", None)
import sitecustomize
print(sitecustomize.__file__)
pycurl.Curl().setopt(pycurl.URL, None, 1)"""], {"PYTHONPATH": "."}),
    ([PYTHON, "-S", "-c", """import sys; del sys.path[0]
for name in "hook", "llmobs", "hook_rack", "python", "inbound":
    try: print(__import__(name))
    except ImportError as e: print(e)
nowhere"""], {"PYTHONPATH": "own"}),
    (["lua5.2", "-e", """print(arg, own, package.loaded.llmobs)
        print(pcall(require, "nowhere")) nowhere() """],
     {"LUA_INIT": "own = 1"}),
    (["lua5.2", "-e", "print(own, mine) nowhere()"],
     {"LUA_INIT_5_2": "@own.lua", "LUA_INIT": "mine = 1"}),
    (["Rscript", "-e", """print(ls(all.names = TRUE)); print(search())
        print(loadedNamespaces()); print(sort(names(options())))
        print(c(Sys.getenv("R_PROFILE_USER"), .libPaths())); print(body(system))
        print((function() sys.calls())()); warning("seen"); stop("at a line")"""],
     {"R_PROFILE": "site.R", "R_PROFILE_USER": "user.R"}),
]


@test
def own_values_stay(t):
    """A program that serves nothing prints the same, with start-up values of
    its own and without."""
    for argv, own in PROGRAMS:
        need(argv[0])
        for env in {}, own:
            files = {"sitecustomize.py": SITE.encode(), "own.lua": b"own = 2",
                     "site.R": SITE_OF_R, "user.R": b"site + 1\nsys.calls()\n"}
            bare = t.run(argv, preload=False, env=env, inputs=files)
            seen = t.run([LAUNCHER, "--inbound", *argv], preload=False, env=env,
                         inputs=files, check=False, launcher=[])
            equal((seen.code, seen.stdout, seen.stderr),
                  (bare.code, bare.stdout, bare.stderr), argv[0])
            ok(bare.code and bare.stdout and bare.stderr, "ran: %r" % bare.stderr)


# R runs no last line that has no end, and says of none that it is not right.
PROFILES = [
    b"", b"NULL\n", b"print(1)\nstop('told to')\nprint(2)\n", b"1\nx y\n", b"2",
    b"print(1)\nf <- function() {\n  1 +\n", b")\n", b"print(1)\n\"", b"1\n\n2\n3 # 4",
    b"f <- function() stop('inside')\nf()\n", b"print(1); q(status = 3)\n",
    b"options(warn = 2)\nwarning('w')\n", b"closeAllConnections()\n2\n",
    b"rm(list = ls(all.names = TRUE))\ngc()[0]\n# end\n", b"repeat break\n",
    b"\xff <- 1\n", b"print('\xc3\xa9')\n", b"x <- '\\0'\n", b"x <- 1;;\n",
    b"library(stats)\nstructure(list(), class = 'lm')\nas.Date('2020-01-01')\n"]
PACKAGE = {"DESCRIPTION": "Package: tiny\nVersion: 1.0\nTitle: T\nLicense: MIT\n"
           "Description: D.\nAuthor: A\nMaintainer: A <a@a.example>\n",
           "NAMESPACE": "export(f)\n", "R/f.R": "f <- function() sys.calls()\n"}


# Names of files, and code that goes on with what stands before it.
STARTS = ["@a]==]b.lua", "@a]=]", "@]", "@]=", "@\ny'\\", "@absent", "@", "@wrong.lua",
          "@\xc3\xa9.lua", "(function() own = 1 end)()", "own = ", "--[[ own", ""]


@test
def start_files_of_lua(t):
    """Each Lua runs the file or the code, and says as before why it cannot."""
    lua = [name for name in ("lua5.1", "lua5.2", "lua5.3", "lua5.4")
           if shutil.which(name)]
    need(*(lua[:1] or ["lua5.2"]))
    files = {start[1:]: b"own = 2" for start in STARTS
             if start[:1] == "@" and start not in ("@", "@absent")}
    files["wrong.lua"] = b"own = = 2"
    for name, start, more in itertools.product(
            lua, STARTS, ("", "_5_2", "_5_3", "_5_4")):
        argv, env = [name, "-e", "print(own, other)"], {"LUA_INIT" + more: start}
        env = dict({"LUA_INIT": "other = 1"}, **env)
        bare = t.run(argv, preload=False, env=env, inputs=files, check=False)
        seen = t.run([LAUNCHER, "--inbound", *argv], preload=False, env=env,
                     inputs=files, check=False, launcher=[])
        equal((seen.code, seen.stdout, seen.stderr),
              (bare.code, bare.stdout, bare.stderr), "%s %r" % (name, env))


@test
def profiles_of_r(t):
    """R prints and ends as without us, with a profile of the site of any kind,
    none, and for R's own commands."""
    need("Rscript")
    tiny = os.path.join(t.dir, "tiny")
    os.makedirs(os.path.join(tiny, "R"))
    os.mkdir(os.path.join(t.dir, "library"))
    for name, text in PACKAGE.items():
        with open(os.path.join(tiny, name), "w") as f:
            f.write(text)
    show = ["R", "--slave", "-e", "ls(all.names = TRUE); sys.calls()"]
    # most of R's start is its default packages, which come after the profile
    cases = [(show, text, {"R_PROFILE": "site.R", "R_DEFAULT_PACKAGES": "NULL"})
             for text in PROFILES]
    cases += [(show, b"1", {"R_PROFILE": own}) for own in ("", "/", "none", "~/x")]
    cases += [([*argv, "-e", "ls(all.names = TRUE)"], b"1", {"R_PROFILE": "site.R"})
              for argv in (["Rscript", "--vanilla"], ["Rscript", "--no-init-file"],
                           ["R", "--slave", "--no-site-file"])]
    cases += [(argv, b"", {}) for argv in (
        ["R", "CMD", "config", "CC"], ["sh", "-c", "R CMD BATCH --no-timing run.R "
         "&& cat run.Rout"], ["sh", "-c", "R CMD INSTALL -l %s/library %s 2>&1 && "
                              "R_LIBS=%s/library Rscript -e 'tiny::f()'"
                              % (t.dir, tiny, t.dir)])]
    def ended(run): # R shows less of the lines before a wrong one
        wrong = b": unexpected " in run.stderr
        return run.code, run.stdout, run.stderr.splitlines()[:1 if wrong else None]

    for argv, site, env in cases:
        files = {"site.R": site, "run.R": b"f <- function() sys.calls()\nf()\n"}
        bare = t.run(argv, preload=False, env=env, inputs=files)
        seen = t.run([LAUNCHER, "--inbound", *argv], preload=False, env=env,
                     inputs=files, check=False, launcher=[])
        equal(ended(seen), ended(bare), "%s %r" % (argv, site))


@test
def r_without_a_part_of_the_hook(t):
    """The rest is gone, or all of it."""
    need("Rscript", "-e", "library(httpuv); library(curl)")
    folder = os.path.join(t.dir, "inbound")
    os.mkdir(folder)
    argv = ["Rscript", "-e", "library(httpuv); library(curl); sys.calls(); stop(1)"]
    bare = t.run(argv, preload=False)
    for name, text in (None, None), ("hook.R", None), ("hook_httpuv.R", "stop(1)"), \
            ("llmobs.R", "]"):
        if name:
            source = os.path.join(harness.ROOT, "examples", "inbound", name)
            with open(os.path.join(folder, name), "w") as f:
                f.write(text or read(source))
        seen = t.run(argv, preload=False, env={"R_PROFILE": folder + "/hook.R"})
        equal((seen.code, seen.stdout, seen.stderr),
              (bare.code, bare.stdout, bare.stderr), name)


@test
def each_hook_is_listed_once(t):
    """An own item that only begins as the hook's does is another item."""
    hooks = os.path.realpath(os.path.join(t.build, "inbound"))
    own = {"RUBYOPT": "-W0 -r%s/hook.rb2" % hooks,
           "PERL5OPT": "-Mless=%s/hook.pl" % hooks,
           "PYTHONPATH": "%s/python2:/elsewhere" % hooks, "R_PROFILE": "%s/hook.R2" % hooks}
    show = ["sh", "-c", "echo $RUBYOPT; echo $PERL5OPT; echo $PYTHONPATH; "
            "echo $R_PROFILE $LLMOBS_R_PROFILE"]
    once, twice = (t.run([*INBOUND * count, *show], preload=False, env=own,
                         launcher=[]).stdout.decode() for count in (1, 2))
    equal(twice, once, "values within another llmobs-run")
    ruby, perl, python, r = once.splitlines()
    equal((ruby, python, r),
          ("%s -r%s/hook.rb" % (own["RUBYOPT"], hooks),
           "%s/python:%s" % (hooks, own["PYTHONPATH"]),
           "%s/hook.R %s" % (hooks, own["R_PROFILE"])), "values")
    ok(perl.startswith(own["PERL5OPT"] + " -Mstrict"), perl)


@test
def python_without_a_sitecustomize(t):
    """As most Pythons are, but for Debian's: the hook's import comes to its
    end."""
    hooks = os.path.join(harness.ROOT, "hooks", "python")
    r = t.run([PYTHON, "-B", "-I", "-S", "-c", "import sys; sys.path[:] = [%r]\n"
               "import sitecustomize; print(sitecustomize.__name__, sys.path)"
               % hooks], preload=False)
    equal((r.code, r.stdout, r.stderr), (0, b"sitecustomize []\n", b""), "run")


@test
def without_hooks(t):
    """The hooks are gone, or not to be read: the command runs."""
    build = os.path.join(t.dir, "no-hooks")
    os.mkdir(build)
    for name in "llmobs", "llmobs-tool", "llmobs-run", "libllmobs_preload.so", \
            "libllmobs_core.so":
        os.symlink(os.path.join(t.build, name), os.path.join(build, name))
    for mode in None, 0:
        if mode is not None:
            os.mkdir(os.path.join(build, "inbound"), mode)
        done = t.run([os.path.join(build, "llmobs-run"), "--inbound", "sh", "-c",
                      "echo $LLMOBS_INBOUND $RUBYOPT $PERL5OPT"],
                     env={"LLMOBS_BUILD": build, "RUBYOPT": "-W0"},
                     preload=False, check=False, launcher=[])
        equal((done.code, done.stdout, done.stderr), (0, b"1 -W0\n", b""), "end")
    for where, text in ((build, b"the hooks cannot be read"),
                        (t.build, b"hooks beside")):
        told = t.run([os.path.join(t.build, "llmobs"), "doctor",
                      "--no-self-test", "sh"], preload=False, check=False,
                     launcher=[], env={"LLMOBS_BUILD": where,
                                       "LLMOBS_INBOUND": "1"})
        ok(text in told.stdout, "the doctor: %r" % told.stdout)
