"""Calls by plain HTTP that programs make without libcurl: each is one span, and
the program does not notice. tests/matrix has the clients."""
import contextlib
import os
import resource
import socket
import subprocess
import threading

from delivery import agent, counts, double, settled, stored
from harness import (APPS, EMULATOR, PYTHON, ROOT, Skip, body, compiled, curl, equal,
                     expect_llm, expect_proxy, free_port, installed, ok, test,
                     trace_headers, wait_port)
from serving import drained, nginx_conf
from test_preloads import PAIRS, written
from test_tls import CC, http2_url, sanitizers
from websocket_server import Websockets

ON = {"LLMOBS_SOCKETS": "on"}
LIST = "DD_LLMOBS_INSTRUMENTED_PROXY_URLS"
CASES = os.path.join(APPS, "sockets", "cases.c")


def base(t):
    return "http://127.0.0.1:%d" % t.servers.http


# The cases of cases.c: spans, and how many of them are errors. Spans of None: the
# program goes on as it did, and not all of its calls are seen.
OF_CASES = (
    ("plain", 2, 0), ("functions", 4, 0), ("bytes", 1, 0), ("of_nothing", 2, 0),
    ("of_nowhere", 6, 0), ("again", 3, 0), ("asked_again", 8, 0),
    ("truncated", 1, 0), ("looked_at", 1, 0),
    ("pipelined", 50, 0), ("ahead", 50, 0), ("duplex", 25, 0), ("waits_first", 24, 0),
    ("partial", 1, 0), ("keeps_errno", 1, 0), ("one_number", 6, 3),
    ("threads", 40, 0), ("forks", 3, 0), ("child_reads", 2, 0), ("vforks", 4, 0),
    ("ended_unseen", 5, 1), ("copies", 6, 0), ("passed", 0, 0),
    ("numbers", 64, 0), ("signals", 20, 0), ("jumped", 2, 0), ("cancelled", 2, 0),
    ("exits", 2, 0), ("filter_first", None, 0), ("filter_between", None, 0),
    ("no_http", 0, 0), ("accepts", 1, 0), ("others", 0, 0), ("refused", 1, 0), ("replaced", 5, 3),
    ("shut", 5, 3),
    ("unsent_at_exit", 1, 0), ("unsent_at_once", 1, 0), ("unsent_at_kill", 1, 0),
    ("unsent_at_exec", 1, 0), ("unsent_by_signal", 1, 0), ("sent_later", 3, 3),
    ("frames_at_once", 30, 0),
    ("sent_file", 1, 0), ("sent_beside", 2, 0), ("read_beside", 6, 0), ("flags", 3, 0),
    ("little_stack", 2, 0))
AT_ONCE = ("threads", "numbers", "frames_at_once")
# They end by themselves, and wait for nothing.
NOT_DELIVERED = ("exits", "unsent_at_once", "unsent_at_kill", "unsent_at_exec",
                 "unsent_by_signal", "sent_later")


def join(name, spans, errors):
    def run(t):
        flags, env = sanitizers(t), dict(ON)
        # A child has its locks as they were, and its lists of threads.
        if flags and name in ("little_stack", "cancelled", "jumped", "forks",
                              "child_reads", "filter_first", "filter_between"):
            raise Skip("not for a sanitizer")
        # It makes a vfork a fork, and sees neither the order in which the shim,
        # which is not built with it, hands things from thread to thread, nor a
        # number that is closed by the system call itself.
        if "-fsanitize=thread" in flags and name in ("vforks", "threads", "numbers",
                                                     "ended_unseen"):
            raise Skip("not for this sanitizer")
        if name in NOT_DELIVERED:  # a kill between a delivery and its note doubles
            env["LLMOBS_THREAD"] = "off"
        if flags and name in NOT_DELIVERED:  # the tool frees nothing at its end
            env["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + \
                ":detect_leaks=0"
        path = compiled(t, "cases", *flags, "-O1", CASES, "-lpthread", cc=CC)
        to = t.servers.http
        if name == "frames_at_once":
            http2_url(t)
            to = t.servers.h2c
        r = t.same([path, name, str(to)], env=env,
                   order=name not in AT_ONCE, answers=errors == 0)
        if name in NOT_DELIVERED:
            r.spans = drained(t, env)
        if spans is not None:
            equal(len(r.spans), spans, "number of spans")
            equal(sum(s["status"] == "error" for s in r.spans), errors, "errors")
        if name == "shut":
            equal({s["meta"]["error"]["type"] for s in r.spans if s["status"] == "error"},
                  {"aborted"}, "who ended the connections")
    run.__module__ = "test_sockets"
    run.__name__ = "case_" + name
    test(run)


for each in OF_CASES:
    # qemu itself fails in a child that was forked beside threads, and with this
    # many signals, knows no TCP_INFO, and does not look at a mask before it refuses
    # the change; the tool that drains is not of here. In the time that it takes the
    # kernel tries a connection again, and makes it.
    if not (EMULATOR and each[0] in (*NOT_DELIVERED, "forks", "child_reads", "vforks",
                                     "signals", "filter_first", "filter_between",
                                     "read_beside", "of_nowhere", "unsent_at_exit")):
        join(*each)


# The cases of handlers.c, and their spans; None: some of what was left. The
# library counts the calls of a handler, and sees none.
OF_HANDLERS = (
    ("sends", "malloc", 4), ("sends", "dlopen", 4), ("sends", "calls", 104),
    ("sends", "threads", 184), ("sends", "first", 3), ("writes", "malloc", 4),
    ("writes", "calls", 104), ("connects", "malloc", 4), ("connects", "calls", 104),
    ("copies", "malloc", 4), ("copies", "calls", 104), ("forks", "malloc", 4),
    ("forks", "calls", 104), ("jumps", "send", None), ("jumps", "read", None),
    ("jumps", "connect", None), ("set", "", 0), ("queue", "", 200),
    ("jumped", "", 20), ("order", "", None), ("order_jumps", "", None),
    ("order_forks", "", None), ("order_full", "", None), ("order_waits", "", None), ("places", "", 1103), ("unplaced", "", None), ("left", "", 3),
    ("amid", "", 1 + 32 * 20 + 16 * 4 * 3))
HANDLERS = os.path.join(APPS, "sockets", "handlers.c")


def join_handlers(what, where, spans):
    def run(t):
        if sanitizers(t):
            raise Skip("a sanitizer lets handlers run at other times")
        if EMULATOR and what in ("left", "amid"):
            raise Skip("the emulator does not tell what the kernel took, and fails in "
                       "children that were forked beside threads")
        if what in ("places", "unplaced") and 0 < resource.getrlimit(resource.RLIMIT_NOFILE)[1] < 1200:
            raise Skip("no process may have so many files")
        if what in ("places", "unplaced") and 0 < resource.getrlimit(resource.RLIMIT_NPROC)[1] < 2000:
            raise Skip("no user may have so many threads")
        path = compiled(t, "handlers", "-O1", HANDLERS, "-lpthread", "-ldl", cc=CC)
        r = t.same([path, what, where], env=ON)
        if spans is None:
            ok(len(r.spans) >= 3, "%d spans" % len(r.spans))
        else:
            equal(len(r.spans), spans, "number of spans")
        if what == "unplaced":
            equal(sum(s["status"] == "ok" for s in r.spans), 4, "answered calls")
        if what == "places" and not EMULATOR:
            equal(counts(t).get("unfollowed", 0), 0, "unfollowed")
        elif spans and what not in ("forks", "queue", "jumped", "left", "amid") and not EMULATOR:
            ok(counts(t).get("unfollowed", 0) > 0, "it is counted")
    run.__module__ = "test_sockets"
    run.__name__ = "handler_" + (what + "_" + where).rstrip("_")
    test(run)


for each in OF_HANDLERS:
    join_handlers(*each)


# What a child, or a thread, does with a connection that its parent has, in each
# state of that: 20 of the 24 ways have a call in the child.
DESCRIPTORS = os.path.join(APPS, "sockets", "descriptors.c")


def join_descriptors(state):
    def run(t):
        if EMULATOR or sanitizers(t):
            raise Skip("not for an emulator, nor for a sanitizer")
        path = compiled(t, "descriptors", "-O1", DESCRIPTORS, "-lpthread", "-ldl")
        # Children end by _exit, and leave their calls to others.
        env = dict(ON, LLMOBS_THREAD="off")
        t.same([path, state, str(t.servers.http)], env=env)
        shown(t, drained(t, env), 20 + (24 if state == "unused" else 48))
        equal(counts(t).get("unfollowed", 0), 0, "unfollowed")
    run.__module__ = "test_sockets"
    run.__name__ = "descriptors_" + state
    test(run)


for each in "unused", "idle", "answered":
    join_descriptors(each)


def shown(t, r, count, **more):
    """So many calls, each an llm span of an answered call."""
    spans = getattr(r, "spans", r)
    equal(len(spans), count, "number of spans")
    for span in spans:
        expect_llm(span, **more)


def python(t, text, *more):
    return [PYTHON, "-c", text, base(t), body(), *more]


URLLIB = """
import sys, urllib.request
for url in sys.argv[3:] or [sys.argv[1] + "/v1/chat/completions"]:
    print(urllib.request.urlopen(urllib.request.Request(
        url, sys.argv[2].encode(), {"Content-Type": "application/json"})).read())
"""


# ---- a program that listens -----------------------------------------------------

# The cases of listens.c, and their spans, in a program that is observed since the
# list has an http:// gateway; None: as many as came before another thread listened.
OF_LISTENS = (
    ("before", 0), ("after", 2), ("in_mid_answer", 1), ("in_mid_request", 2),
    ("on_one_connection", 3), ("in_a_thread", 1), ("beside_threads", None), ("beside_threads_after", None),
    ("in_children", 3), ("then_executes", 2), ("activates", 1), ("by_a_library", 1),
    ("then_php", 2), ("by_a_pointer", 1), ("in_a_handler", 1), ("fails", 2),
    ("with_handlers", 1), ("by_unix", 2), ("by_syscall", 1), ("is_left", 1), ("often", 0))
LISTENS = os.path.join(APPS, "sockets", "listens.c")
LIBRARY = """
#include <netinet/in.h>
void php_request_startup(void)
{
}
int serve(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    bind(fd, (struct sockaddr *)&at, sizeof(at));
    return listen(fd, 5);
}
"""


def join_listens(name, spans):
    def run(t):
        if EMULATOR or sanitizers(t):
            raise Skip("not for an emulator, nor for a sanitizer")
        path = compiled(t, "listens", "-O1", "-fno-plt", LISTENS, "-lpthread", "-ldl")
        argv = [path, name.replace("_after", ""), str(t.servers.http),
                "after" if name.endswith("_after") else ""]
        if name in ("by_a_library", "then_php"):
            argv[3] = t.dir + ("/serve.so" if name == "by_a_library" else "/libphp8.so")
            subprocess.run(["gcc", "-shared", "-fPIC", "-x", "c", "-", "-o", argv[3]],
                           input=LIBRARY.encode(), check=True)
        r = t.same(argv, env={LIST: "https://gateway.example,http://localhost:1"},
                   order="threads" not in name)
        equal([(s["status"], s["meta"]["span"]["kind"]) for s in r.spans],
              [("ok", "llm")] * (len(r.spans) if spans is None else spans), "spans")
        for span in r.spans:
            ok(span["meta"]["output"]["messages"][0]["content"], "an answer")
        if name == "after":
            t.same(argv, spans=0, env={LIST: "https://localhost:1"})
    run.__module__ = "test_sockets"
    run.__name__ = "listens_" + name
    test(run)


for each in OF_LISTENS:
    join_listens(*each)


@test
def under_a_filter_that_others_set(t):
    """As a service manager does for one program: nothing more is asked of the
    kernel, where only the list is why the program is observed."""
    if EMULATOR or sanitizers(t):
        raise Skip("not for an emulator, nor for a sanitizer")
    filtered = compiled(t, "under_filter", "-O1", os.path.join(APPS, "under_filter.c"))
    to = str(t.servers.http)
    client = [compiled(t, "cases", "-O1", CASES, "-lpthread"), "plain", to]
    server = [compiled(t, "listens", "-O1", "-fno-plt", LISTENS, "-lpthread", "-ldl"),
              "before", to, ""]
    for argv in client, server:
        for how in ("own", "root") if os.geteuid() == 0 else ("own",):
            r = t.same([filtered, how, *argv], spans=0,
                       env={LIST: "http://localhost:1"})
            equal(r.code, 0, "status (%s)" % r.stderr)


@test
def with_gaps_between_segments(t):
    """The symbols of a program that exports nothing are not looked for behind its
    first segment, where no memory may be."""
    path = t.dir + "/gaps"
    for flags in ([], ["-Wl,--hash-style=sysv"], ["-no-pie"]):
        subprocess.run([*CC, "-O1", "-x", "c", "-", "-o", path, "-Wl,-z,noseparate-code",
                        "-Wl,-z,max-page-size=0x200000", *flags],
                       input=b"int main(void)\n{\n    return 7;\n}\n", check=True)
        r = t.same([path], spans=0, env={LIST: "http://localhost:1"})
        equal(r.code, 7, "status with " + " ".join(flags))


# ---- the policy ---------------------------------------------------------------

@test
def in_programs_that_are_known(t):
    """auto, in the programs of which it is known that they do not notice."""
    listed, r = {LIST: base(t)}, None
    for env, spans in (
            ({}, 1), ({LIST: "https://gateway.example:4000"}, 1), (listed, 1),
            (dict(listed, LLMOBS_SOCKETS="off"), 0),
            (dict(listed, DD_LLMOBS_ENABLED="0"), 0),
            (dict(listed, LLMOBS_EXCLUDE="python3*"), 0)):
        r = t.same(python(t, URLLIB), spans=spans, env=env, bare=r and r.bare)
    path = compiled(t, "cases", "-O1", CASES, "-lpthread")
    for env, spans in (
            ({}, 0), (listed, 2), ({LIST: "gateway,https://http:1"}, 0),
            ({LIST: "https://a:1 , HTTP://b"}, 2), (dict(listed, LLMOBS_SOCKETS="auto"), 2),
            (dict(listed, LLMOBS_SOCKETS="off"), 0), (dict(listed, LLMOBS_EXCLUDE="cases"), 0),
            (dict(listed, PYTHONPATH="/opt/x/ddtrace/bootstrap"), 0),
            (dict(listed, **ON), 2), (ON, 2)):
        r = t.same([path, "plain", str(t.servers.http)], spans=spans, env=env)
    shown(t, r, 2)
    for name in ("claude", "claude.exe", "opencode", "opencode.exe", "copilot",
                 "bun", "deno"):
        agent = os.path.join(t.dir, name)
        os.link(path, agent)
        for env in ({}, listed):
            t.same([agent, "plain", str(t.servers.http)], spans=2, env=env)
    # of a program that takes its address a linker puts connect behind the others
    with open(t.dir + "/takes.c", "w") as f:
        f.write("int connect();\nvoid *take(void) { return (void *)connect; }\n")
    own = compiled(t, "takes", "-O1", CASES, t.dir + "/takes.c", "-lpthread")
    t.same([own, "plain", str(t.servers.http)], spans=2, env=listed)
    for name in "bunzip2", "claudette", "denominator", "co", "emoji":
        other = os.path.join(t.dir, name)
        os.link(path, other)
        t.same([other, "plain", str(t.servers.http)], spans=0)


@test
def by_a_file(t):
    """The environment wins; programs that nobody knows do not open the file,
    unless they have a TLS library."""
    known = python(t, URLLIB)
    other = [compiled(t, "cases", "-O1", CASES, "-lpthread"), "plain",
             str(t.servers.http)]
    has_tls = [compiled(t, "has_tls", "-O1", CASES, "-lpthread",
                        "-Wl,--no-as-needed", "-l:libssl.so.3"), *other[1:]]
    traced = {"PYTHONPATH": "/opt/x/ddtrace/bootstrap"}
    conf = {"LLMOBS_CONFIG": t.dir + "/sockets.conf"}
    for value, argv, env, spans in (
            ("off", known, {}, 0), ("off", known, {"LLMOBS_SOCKETS": "auto"}, 1),
            ("off", other, ON, 2), ("on", known, traced, 1),
            ("on", known, dict(traced, LLMOBS_SOCKETS="auto"), 0),
            ("on", known, {"LLMOBS_SOCKETS": "off"}, 0), ("on", other, {}, 0),
            ("on", has_tls, {}, 2), ("on", has_tls, {"LLMOBS_TLS": "off"}, 2),
            ("some", known, {}, 1), ("off", known, {"LLMOBS_SOCKETS": ""}, 0)):
        with open(conf["LLMOBS_CONFIG"], "w") as f:
            f.write("LLMOBS_SOCKETS=%s\n" % value)
        t.same(argv, spans=spans, env=dict(env, **conf))


@test
def switched_on_by_the_program(t):
    """Before that nobody had asked; the calls that follow are observed."""
    if EMULATOR:
        raise Skip("the launcher is what preloads there")
    source = os.path.join(t.dir, "enable.c")
    with open(source, "w") as f:
        f.write("#include <llmobs.h>\n__attribute__((constructor)) static void "
                "enable(void) { llmobs_enable(NULL); }\n")
    shim = os.path.join(t.build, "libllmobs_preload.so")
    for name, env, spans in (("cases", ON, 2), ("python3-cases", {}, 2),
                             ("cases", {}, 0)):
        path = os.path.join(t.dir, name)
        subprocess.run(["gcc", "-I", os.path.join(ROOT, "include"), source, CASES,
                        "-lpthread", "-o", path], check=True)
        r = t.run([path, "plain", str(t.servers.http)], launcher=[],
                  env=dict(env, LD_PRELOAD=shim))
        equal((r.code, len(r.spans)), (0, spans), "status and spans")


@test
def below_the_path_of_a_gateway(t):
    """The list decides, as for libcurl."""
    r = t.same(python(t, URLLIB), spans=1, env={LIST: base(t) + "/v1"})
    expect_proxy(r.only())
    r = t.same(python(t, URLLIB), spans=1, env={LIST: base(t) + "/other"})
    expect_llm(r.only())


@test
def beside_a_tracer(t):
    """A tracer in the language reports the calls."""
    env = {LIST: base(t), "PYTHONPATH": "/opt/x/ddtrace/bootstrap:/opt/y"}
    t.same(python(t, URLLIB), spans=0, env=env)
    t.same(python(t, URLLIB), spans=1, env=dict(env, **ON))


@test
def what_is_added(t):
    """Headers of the program's own stay, and are continued. Only a listed server gets
    others beside them, which name the same parent."""
    t.foreign_trace = True
    trace = "00-%032x-%016x-01" % (0xabc, 0xdef)
    text = URLLIB.replace('{"Content', '{"traceparent": %r, "Content' % trace)
    for env, added in (({LIST: base(t)}, True), ({"LLMOBS_INJECT": "all"}, False),
                       ({LIST: base(t), "LLMOBS_INJECT": "none"}, False)):
        r = t.same(python(t, text), env=env)
        equal(r.only()["_dd"]["apm_trace_id"], "%032x" % 0xabc, "trace")
        if added:
            headers = trace_headers(r.requests[0])
            equal((headers["traceparent"], headers["x-datadog-parent-id"]),
                  (trace, str(0xdef)), "the parent")
        else:
            equal(r.requests[0]["head"], r.bare.requests[0]["head"], "bytes of the head")


@test
def the_id_of_a_gateway(t):
    """In the answer, it is a tag, whichever way the call goes."""
    asked = body(model="behind-gateway")
    tls = "https://localhost:%d/v1/chat/completions" % t.servers.tls
    for argv in (curl(t.url, asked), [PYTHON, "-c", URLLIB, base(t), asked],
                 [PYTHON, "-c", URLLIB, base(t), asked, tls]):
        span = t.same(argv, env={"SSL_CERT_FILE": t.servers.cert}).only()
        ok("gateway_request_id:01JADMCQQQBWH3NXZ5GCRN98DP" in span["tags"],
           "no such tag: %r" % span["tags"])
        ok("gateway_request_id" not in span["meta"]["metadata"]["transfer"],
           "the metadata has it, too")


# ---- ways to a server ---------------------------------------------------------

@test
def through_a_proxy(t):
    """Absolute targets; and TLS behind a CONNECT, which counts once."""
    proxy = "http://127.0.0.1:%d" % t.servers.gateway
    env = {"http_proxy": proxy, "https_proxy": proxy, "no_proxy": None,
           "NO_PROXY": None, "SSL_CERT_FILE": t.servers.cert}
    r = t.same(python(t, URLLIB, "http://api.openai.com/v1/chat/completions",
                      "https://localhost:%d/v1/chat/completions"
                      % t.servers.tls), spans=2, env=dict(env, **ON))
    equal([s["meta"]["model_provider"] for s in r.spans], ["openai", "unknown"],
          "providers")
    for span in r.spans:
        equal((span["status"], span["meta"]["span"]["kind"]), ("ok", "llm"),
              "status and kind")


RAW = """
import socket, sys
s = socket.socket(getattr(socket, sys.argv[3]))
s.connect(sys.argv[4] if sys.argv[3] == "AF_UNIX" else ("::1", int(sys.argv[4])))
s.sendall(("POST /v1/chat/completions HTTP/1.1\\r\\nHost: localhost\\r\\n"
           "Content-Type: application/json\\r\\nConnection: close\\r\\n"
           "Content-Length: %d\\r\\n\\r\\n%s" % (len(sys.argv[2]),
                                           sys.argv[2])).encode())
said = b""
while part := s.recv(100):
    said += part
print(said)
"""


@contextlib.contextmanager
def behind_a_name(t):
    """A socket of the file system that leads to the server."""
    path = os.path.join(t.dir, "model.sock")

    def lead():
        while True:
            near = listener.accept()[0]
            far = socket.create_connection(("127.0.0.1", t.servers.http))
            far.sendall(near.recv(65536))
            while part := far.recv(65536):
                near.sendall(part)
            near.close()

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        threading.Thread(target=lead, daemon=True).start()
        yield path


@test
def other_families(t):
    with behind_a_name(t) as path:
        r = t.same(python(t, RAW, "AF_UNIX", path), env=ON)
        expect_llm(r.only())
    if t.servers.http6:
        r = t.same(python(t, RAW, "AF_INET6", str(t.servers.http6)), env=ON)
        expect_llm(r.only())


@test
def without_a_port(t):
    """A Host that does not name the port that was connected."""
    text = RAW.replace("::1", "127.0.0.1")
    argv = python(t, text, "AF_INET", str(t.servers.http))
    for listed, expect in (("http://localhost:%d" % t.servers.http, expect_proxy),
                           ("http://localhost", expect_llm)):
        expect(t.same(argv, env={LIST: listed}).only())
    argv[2] = text.replace("Host: localhost", "Host: api.openai.com")
    span = t.same(argv).only()
    equal((span["meta"]["model_provider"], span["meta"]["span"]["kind"]),
          ("openai", "llm"), "provider and kind")


@test
def websockets(t):
    """Of another protocol: frames pass, and none is a call."""
    with Websockets(0) as server:
        r = t.same([PYTHON, "-c", """
import base64, os, socket, struct, sys
host, port = sys.argv[1].split("//")[1].split("/")[0].split(":")
s = socket.create_connection((host, int(port)))
s.sendall(("GET /v1/realtime?model=m HTTP/1.1\\r\\nHost: x\\r\\nUpgrade: websocket\\r\\n"
    "Connection: Upgrade\\r\\nSec-WebSocket-Version: 13\\r\\nSec-WebSocket-Key: %s"
    "\\r\\n\\r\\n" % base64.b64encode(bytes(16)).decode()).encode())
text = b'{"type": "response.create"}'
said = b""
while b"\\r\\n\\r\\n" not in said:
    said += s.recv(1)
s.sendall(bytes([0x81, 0x80 | len(text)]) + bytes(4) + text)
while b"response.done" not in said:
    said += s.recv(1000)
s.sendall(b"\\x88\\x80" + bytes(4))
print(said)""", server.url], env=dict(ON, **{LIST: server.url}), spans=0)
    ok(b"101 Switching" in r.stdout, "no websocket: %r" % r.stdout)


@test
def a_body_that_goes_in_parts(t):
    """The kernel is asked once for each page, not with each part anew."""
    installed("/usr/bin/strace")
    path = compiled(t, "cases", "-O1", CASES, "-lpthread")
    trace = os.path.join(t.dir, "trace")
    t.run(["strace", "-f", "-qq", "-e", "trace=rt_sigprocmask", "-o", trace, path,
           "partial", str(t.servers.http)], preload=True, env=ON).only()
    with open(trace) as f:
        asked = f.read().count("EINVAL")
    ok(3000000 // 4096 <= asked < 2 * 3000000 // 4096, "asked %d times" % asked)


# ---- what would count twice -----------------------------------------------------

@test
def by_both_ways(t):
    """libcurl's calls over its own sockets, beside streams."""
    installed("/usr/bin/php")
    r = t.same(["php", "-r", """
        $c = curl_init($argv[1]);
        curl_setopt_array($c, [CURLOPT_RETURNTRANSFER => true, CURLOPT_HTTPHEADER
            => ['Content-Type: application/json'], CURLOPT_POSTFIELDS => $argv[2]]);
        echo curl_exec($c), "\\n";
        echo file_get_contents($argv[1], false, stream_context_create([
            'http' => ['method' => 'POST', 'content' => $argv[2],
                       'header' => 'Content-Type: application/json']]));""",
                t.url, body()], env=dict(ON, **{LIST: base(t)}), spans=2)
    for span in r.spans:
        expect_proxy(span)
    t.same(curl(t.url, body()), env=ON, spans=1)
    installed("/usr/lib/python3/dist-packages/pycurl*.so")
    t.same(python(t, """
import pycurl, sys
c = pycurl.Curl()
c.setopt(c.URL, sys.argv[1] + "/v1/chat/completions")
c.setopt(c.HTTPHEADER, ["Content-Type: application/json"])
c.setopt(c.POSTFIELDS, sys.argv[2])
c.perform()"""), env=ON, spans=1)


GATEWAY = """
import http.server, sys, urllib.request
class Gateway(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        answer = urllib.request.urlopen(urllib.request.Request(
            sys.argv[1] + self.path, body, {"Content-Type": "application/json"}))
        text = answer.read()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)
    def log_message(self, *args):
        pass
server = http.server.HTTPServer(("127.0.0.1", 0), Gateway)
print(server.server_port, flush=True)
for _ in range(3):
    server.handle_request()
"""


def served(t, text, env, count=3):
    """The spans of a server that runs `text` and answers so many calls."""
    t.fresh(None)
    with subprocess.Popen(
            [os.path.join(t.build, "llmobs-run"), PYTHON, "-c", text, base(t)],
            env=t.environment(True, env), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE) as server:
        url = "http://127.0.0.1:%d/v1/chat/completions" % int(
            server.stdout.readline())
        for _ in range(count):
            said = subprocess.run(curl(url, body()), check=True,
                                  stdout=subprocess.PIPE).stdout
            ok(b"Echo" in said or b"hi" in said, said)
        equal(server.wait(20), 0, "the server's status")
    return stored(t)


@test
def a_gateway_that_is_observed(t):
    """Its own calls alone."""
    spans = served(t, GATEWAY, ON)
    equal(len(spans), 3, "number of spans")
    for span in spans:
        expect_llm(span)


# ---- programs that look no further ----------------------------------------------

SERVER = GATEWAY[:GATEWAY.index("        answer =")] + \
    "        text = b'{\"choices\":[{\"message\":{\"content\":\"hi\"}}]}'\n" + \
    GATEWAY[GATEWAY.index("        self.send_response"):]

# Servers of which each says what its client wants to hear, as far as a client
# comes that it then lets down.
OTHERS = """
import os, socket, struct, sys, threading
def redis(link):
    while link.recv(1000):
        link.sendall(b"+PONG\\r\\n")
def postgres(link):
    link.recv(1000)
    link.sendall(b"R\\0\\0\\0\\x08\\0\\0\\0\\0Z\\0\\0\\0\\x05I")
    link.recv(1000)
    link.sendall(b"C\\0\\0\\0\\x0dSELECT 1\\0Z\\0\\0\\0\\x05I")
    link.recv(1000)
def mysql(link):
    said = b"\\x0a8.0.0\\0" + bytes(4) + b"12345678\\0" + b"\\xff\\xf7\\x21\\2\\0" \\
        b"\\x08\\0\\x15" + bytes(10) + b"123456789012\\0mysql_native_password\\0"
    link.sendall(struct.pack("<I", len(said)) + said)
    link.recv(1000)
    said = b"\\xff\\x15\\x04#28000no"
    link.sendall(struct.pack("<I", len(said) | 2 << 24) + said)
def ssh(link):
    link.sendall(b"SSH-2.0-none\\r\\n")
    link.shutdown(socket.SHUT_WR)
    while link.recv(1000):
        pass
servers = [socket.create_server(("127.0.0.1", 0)) for _ in range(4)]
def serve(server, run):
    while True:
        link = server.accept()[0]
        threading.Thread(target=lambda: (run(link), link.close())).start()
for server, run in zip(servers, (redis, postgres, mysql, ssh)):
    threading.Thread(target=serve, args=(server, run), daemon=True).start()
print(*[s.getsockname()[1] for s in servers], flush=True)
sys.stdin.read()
os._exit(0)
"""


def without_the_core(t, argv, env, **more):
    """Nothing differs, and the core is never opened."""
    t.same(argv, spans=0, env=env, **more)
    trace = os.path.join(t.dir, "trace")
    t.run(["strace", "-f", "-qq", "-e", "trace=openat,connect", "-o", trace] + argv,
          preload=True, env=env)
    with open(trace, errors="replace") as f:
        did = f.read()
    ok("connect(" in did, "no connection: " + argv[0])
    ok("libllmobs_core" not in did, "the core: " + argv[0])


@test(of="rest")
def without_http(t):
    """Programs that speak no HTTP, or no call of a model's: one look, if any."""
    installed("/usr/bin/strace")
    with subprocess.Popen([PYTHON, "-c", OTHERS], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as server:
        ports = server.stdout.readline().decode().split()
        clients = [
            ["redis-cli", "-p", ports[0], "ping"],
            ["psql", "-w", "host=127.0.0.1 port=%s sslmode=disable "
             "gssencmode=disable" % ports[1], "-c", "select 1"],
            ["mysql", "--no-defaults", "-h127.0.0.1", "-P" + ports[2], "-unobody",
             "--skip-ssl", "-eselect 1"],
            ["ssh", "-F/dev/null", "-p", ports[3], "-oBatchMode=yes", "127.0.0.1"]]
        found = 0
        for argv in clients:
            with contextlib.suppress(Skip):
                argv[0] = installed("/usr/bin/" + argv[0])
                found += 1
                for env in ON, {LIST: base(t)}:
                    without_the_core(t, argv, env)
        ok(found, "no such client is installed")
        server.stdin.close()


@test(of="rest")
def apt(t):
    """Requests of files, by an auto that sees a gateway listed: they are no calls."""
    source = "deb [trusted=yes] %s/none ./\n" % base(t)
    argv = [installed("/usr/bin/apt-get"), "-q", "-o",
            "Dir::Etc::SourceParts=/dev/null", "-o", "APT::Sandbox::User=root",
            "-o", "Acquire::Retries=0", "-o", "Dir::Etc::SourceList=" + t.dir + "/list",
            "-o", "Dir::State=" + t.dir + "/apt", "-o", "Dir::Cache=" + t.dir + "/apt",
            "update"]
    with open(t.dir + "/list", "w") as f:
        f.write(source)
    os.makedirs(t.dir + "/apt/lists/partial")
    t.same(argv, spans=0, env={LIST: base(t)})


@test(of="rest")
def servers_alone(t):
    """A connection that they accept is no call of theirs."""
    for env in ON, {LIST: "http://127.0.0.1:1"}:
        equal(served(t, SERVER, env), [], "spans of a server in Python")
    nginx = installed("/usr/sbin/nginx")
    folder, port = os.path.join(t.dir, "nginx"), free_port()
    os.makedirs(folder)
    with open(folder + "/nginx.conf", "w") as f:
        f.write(nginx_conf(folder, "server { listen 127.0.0.1:%d; location / { "
                           "return 200 '{}'; } }" % port))
    with subprocess.Popen(
            [os.path.join(t.build, "llmobs-run"), nginx, "-c",
             folder + "/nginx.conf", "-p", folder, "-g", "daemon off;"],
            env=t.environment(True, ON)) as server:
        wait_port(port, server)
        for _ in range(3):
            subprocess.run(curl("http://127.0.0.1:%d/v1/chat/completions" % port,
                                body()), check=True, stdout=subprocess.DEVNULL)
        workers = subprocess.run(["pgrep", "-P", str(server.pid)], check=True,
                                 stdout=subprocess.PIPE, text=True).stdout.split()
        mapped = ""
        for pid in [server.pid, *workers]:
            with open("/proc/%s/maps" % pid) as f:
                mapped += f.read()
        server.terminate()
    ok("libllmobs_preload" in mapped and "libllmobs_core" not in mapped,
       "the core in nginx")


# ---- company --------------------------------------------------------------------

def beside(name):
    def run(t):
        other, env = installed(PAIRS[name][0]), written(t, PAIRS[name][2])
        shim = os.path.join(t.build, "libllmobs_preload.so")
        path = compiled(t, "cases", "-O1", CASES, "-lpthread")
        for argv, spans in ((python(t, URLLIB), 1),
                            ([path, "copies", str(t.servers.http)], 6)):
            bare = t.run(argv, preload=False, env=dict(env, LD_PRELOAD=other))
            equal(bare.code, 0, "exit status of the bare run (%s)" % bare.stderr)
            for both in (other, shim), (shim, other):
                ours = t.run(argv, launcher=[], env=dict(
                    env, LD_PRELOAD=":".join(both), DD_LLMOBS_ENABLED="1", **ON))
                t.compare(bare, ours)
                equal(len(ours.spans), spans, "spans with " + both[0])
    run.__module__ = "test_sockets"
    run.__name__ = "beside_" + name
    test(run, of="rest")


for each in ("torsocks", "proxychains", "tsocks", "socket_wrapper", "faketime",
             "jemalloc", "malloc_debug"):
    beside(each)


@test(of="rest")
def under_valgrind(t):
    """It says on stderr how it is asked for memory that can be read."""
    path = compiled(t, "cases", "-O1", CASES, "-lpthread")
    for name, spans in ("plain", 2), ("functions", 4):
        r = t.same([installed("/usr/bin/valgrind"), "-q", "--error-exitcode=9", path,
                    name, str(t.servers.http)], env=ON, spans=spans)
        equal(r.code, 0, "exit status (%s)" % r.stderr)


@test(of="rest")
def built_with_a_sanitizer(t):
    """Its own functions stand before libc's: nothing is followed, or all is. A
    child of fork has its locks as they were, as in join()."""
    path = compiled(t, "asan", "-g1", "-fsanitize=address,undefined", "-O1", CASES,
                    "-lpthread")
    for name, spans in ("plain", 2), ("copies", 6), ("vforks", 4):
        r = t.same([path, name, str(t.servers.http)], env=dict(
            ON, ASAN_OPTIONS="detect_leaks=0"))
        ok(len(r.spans) in (0, spans), "spans of %s: %d" % (name, len(r.spans)))


@test(of="rest")
def of_musl(t):
    compiler = installed("/usr/bin/musl-gcc")
    kernel = [a for folder in ("/usr/include", *[
        "/usr/include/" + name for name in os.listdir("/usr/include")
        if name.endswith("-linux-gnu")]) for a in ("-idirafter", folder)]
    shim = os.path.join(t.build, "libllmobs_preload.so")

    def program(source):
        path = os.path.join(t.dir, "of_musl")
        subprocess.run([compiler, *kernel, "-O1", "-o", path, source], check=True)
        return path

    def both(argv, spans, env, order=True, answers=False):
        bare = t.run(argv, preload=False)
        ours = t.run(argv, launcher=[], env=dict(
            env, LD_PRELOAD=shim, DD_LLMOBS_ENABLED="1"))
        t.compare(bare, ours, order=order, answers=answers)
        ok(spans in (None, len(ours.spans)), "spans of %s: %d, not %s" % (
            argv[1:], len(ours.spans), spans))
    path = program(CASES)
    for name, spans, _ in OF_CASES:
        # of_nowhere passes no message, which musl itself reads.
        # frames_at_once wants a server of HTTP/2.
        if name in NOT_DELIVERED + ("little_stack", "filter_first",
                                    "filter_between", "of_nowhere",
                                    "frames_at_once"):
            continue
        both([path, name, str(t.servers.http)], spans, ON, name not in AT_ONCE)
    path = program(HANDLERS)
    for what, where, spans in OF_HANDLERS:
        both([path, what, where], spans, ON)
    path = program(LISTENS)
    for name, spans in OF_LISTENS:
        if name not in ("by_a_library", "then_php"):  # of glibc
            both([path, name.replace("_after", ""), str(t.servers.http),
                  "after" if name.endswith("_after") else ""], spans,
                 {LIST: "http://localhost:1"}, "threads" not in name)


# Says what it sends by which path; a pause lets the library deliver meanwhile.
POSTS = """
import http.client, sys, time
to = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]))
for path in sys.argv[3:]:
    to.request("POST", path, sys.argv[2], {"Content-Type": "application/json"})
    print(to.getresponse().read())
    time.sleep(0.2)"""


@test
def a_tracer_in_the_program(t):
    """It has no sign but what it sends, and has spans of all calls. What the
    library itself sends to the agent is none."""
    chat, report = "/v1/chat/completions", "/evp_proxy/v2/api/v2/llmobs"
    argv = [PYTHON, "-c", POSTS, str(t.servers.http), body()]
    r = t.same(argv + [chat, report, chat, chat], spans=1)
    ok("a tracer in the program reports its calls" in r.log, r.log)
    t.same(argv + [chat, report, chat, chat], env=ON, spans=3)
    with double(t) as dd:
        t.same(argv + [chat] * 4, env=agent(dd))
        settled(t, dd, 4)
