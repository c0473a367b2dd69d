"""Unmodified gateways in C, on server libraries that give them their requests:
with LLMOBS_INBOUND=1 what each request asks for belongs to its caller."""
import concurrent.futures
import os
import socket
import struct
import subprocess
import time

import harness
import test_gateways
from delivery import double
from harness import (LAUNCHER, PYTHON, Failure, Skip, body, connected,
                     end_group, equal, free_port, ok, tags_of, test)
from test_gateways import (CALLERS, Server, announce, check, prompt_of,
                           requests, settings)

INBOUND = {"LLMOBS_INBOUND": "1"}
PATH = "/chat.php/v1/chat/completions"


def server(name):
    path = os.path.join(harness.BUILD, "tests", "servers", name)
    if not os.path.exists(path):
        raise Skip("built without the library of " + name)
    return path


# ---- a web server, as FastCGI sees it ------------------------------------

BEGIN, END, PARAMS, STDIN, STDOUT, STDERR = 1, 3, 4, 5, 6, 7


def record(kind, content=b""):
    return struct.pack("!BBHHBx", 1, kind, 1, len(content), 0) + content


def pair(name, value):
    name, value = name.encode(), value.encode()
    return b"".join(struct.pack("!B", len(s)) if len(s) < 128 else
                    struct.pack("!I", len(s) | 1 << 31)
                    for s in (name, value)) + name + value


def message(data, headers, keep):
    """A request, as FastCGI's specification has it (version 1.0, 3 to 5)."""
    variables = {"HTTP_" + n.upper().replace("-", "_"): v
                 for n, v in (h.split(": ", 1) for h in headers)}
    variables.update(REQUEST_METHOD="POST", REMOTE_ADDR="127.0.0.1",
                     CONTENT_LENGTH=str(len(data)))
    return record(BEGIN, struct.pack("!HB5x", 1, int(keep))) + \
        record(PARAMS, b"".join(pair(*v) for v in variables.items())) + \
        record(PARAMS) + (record(STDIN, data) if data else b"") + \
        record(STDIN)


def exactly(peer, count):
    data = b""
    while len(data) < count:
        some = peer.recv(count - len(data))
        if not some:
            raise Failure("the gateway has closed the connection")
        data += some
    return data


def exchange(peer, data, headers, keep=False):
    """All that comes back, but for the padding, which is not initialised."""
    peer.sendall(message(data, headers, keep))
    kind, answer = 0, []
    while kind != END:
        _, kind, _, length, padding = struct.unpack("!BBHHBx", exactly(peer, 8))
        answer.append((kind, exactly(peer, length)))
        exactly(peer, padding)
    return answer


def page(answer):
    return b"".join(data for kind, data in answer if kind == STDOUT)


class FastCgi:
    """A gateway on a socket of its own."""

    def __init__(self, t, argv, env, launcher=(LAUNCHER,)):
        self.path = os.path.join(t.dir, "fcgi.sock")
        if os.path.exists(self.path):
            os.unlink(self.path)
        self.process = subprocess.Popen(
            [*launcher, *argv, self.path], env=env, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            start_new_session=True, preexec_fn=harness.end_with_parent)
        end = time.monotonic() + 20
        while not os.path.exists(self.path):
            if time.monotonic() > end or self.process.poll() is not None:
                raise Failure("the gateway did not start")
            time.sleep(0.02)

    def ask(self, prompt, headers):
        with connected(self.path) as peer:
            answer = page(exchange(peer, body(prompt).encode(), headers))
        ok(answer.startswith(b"Status: 200"), "status: %.200r" % answer)
        ok(b"Echo: " + prompt.encode() in answer, "answer: %.200r" % answer)

    def __enter__(self):
        return self

    def __exit__(self, *what):
        end_group(self.process)
        said = self.process.communicate(timeout=20)[0]
        if not what[0]:
            equal(said, b"", "stdout and stderr")


def talk(gateway):
    known = {}
    for prompt, ids, headers in requests():
        gateway.ask(prompt, headers)
        known[prompt] = ids
    return known


def fcgi(t, *arguments, program="fcgi"):
    with double(t) as dd:
        env = settings(t, dd, **INBOUND)
        with FastCgi(t, [server(program), *arguments], env) as gateway:
            check(dd, talk(gateway))


OPEN = """import os, socket, sys
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[-1])
listener.listen(64)
os.dup2(listener.fileno(), 0)
os.execvp(sys.argv[1], sys.argv[1:])"""


@test
def fcgi_of_lua(t):
    """WSAPI, which has libfcgi give it its requests."""
    test_gateways.need("lua5.1", "-e", "require 'wsapi.fastcgi' require 'curl'")
    with double(t) as dd:
        argv = [PYTHON, "-c", OPEN, "lua5.1",
                os.path.join(harness.APPS, "unmodified", "wsapi.lua")]
        with FastCgi(t, argv, settings(t, dd, **INBOUND)) as gateway:
            check(dd, talk(gateway))


@test
def fcgi_in_a_thread_and_in_processes(t):
    for kind in ("r", "processes", "child"):
        fcgi(t, kind)


@test
def fcgi_by_its_other_calls(t):
    for kind in ("plain", "stdio", "opened"):
        fcgi(t, kind)


@test
def fcgi_in_an_object_that_is_opened(t):
    fcgi(t, server("fcgi.so"), "r", program="plugin")
    fcgi(t, server("fcgi.so"), "threads", program="plugin")


def asks_itself(t, kind):
    with double(t) as dd:
        env = settings(t, dd, ASKS_ITSELF="1", **INBOUND)
        with FastCgi(t, [server("fcgi"), kind], env) as gateway:
            talk(gateway)
            spans = dd.wait_spans(2 * len(CALLERS), 20)
    own = [s for s in spans if prompt_of(s) == "own"]
    return own, [s for s in spans if s not in own]


def children(spans):
    """By their ids: a gateway that is killed may leave a span that it has just
    delivered to the next one."""
    return {s["span_id"] for s in spans if s["parent_id"] != "undefined"}


def roots(spans):
    return sum(s["parent_id"] == "undefined" for s in spans)


@test
def fcgi_after_a_request(t):
    own, others = asks_itself(t, "r")
    equal((roots(own), roots(others)), (len(CALLERS), 3), "roots")


@test
def fcgi_handed_to_others(t):
    """A thread that accepts a request beside one that is not done serves
    neither, as far as anybody can tell, from the second on; nor do those that it
    hands them to."""
    own, others = asks_itself(t, "handed")
    equal(roots(others), len(CALLERS), "roots, of requests")
    ok(roots(own) >= len(CALLERS) - 1, "roots, of the thread that accepts")


@test
def fcgi_is_the_same(t):
    """Every byte of the answers to a kept connection, bare and observed; and
    without LLMOBS_INBOUND nobody's trace."""
    with double(t) as dd:
        argv, seen = [server("fcgi"), "threads"], []
        for launcher, more in (((), INBOUND), ((LAUNCHER,), INBOUND),
                               ((LAUNCHER,), {"LLMOBS_INBOUND": "off"})):
            with FastCgi(t, argv, settings(t, dd, **more), launcher) as gateway:
                seen.append(conversation(gateway.path))
                spans = dd.wait_spans(len(CALLERS) * max(len(seen) - 1, 0), 20)
    equal(seen[1], seen[0], "observed")
    equal(seen[2], seen[0], "observed without the variable")
    equal(len(children(spans)), 3, "spans below a caller's")


def conversation(path):
    answers = []
    with connected(path) as peer:
        for prompt, _, headers in requests():
            answers.append(exchange(peer, body(prompt).encode(), headers, True))
            answers.append(exchange(peer, b"", headers, True))
    return answers


# ---- servers of HTTP ------------------------------------------------------

def gateway(t, dd, name, kind, *opener, launcher=(LAUNCHER,), **more):
    port = free_port()
    env = settings(t, dd, **dict(INBOUND, **more))
    return Server([*map(server, opener), server(name), kind, str(port)], env,
                  port, launcher)


def http(t, name, *kinds):
    for kind in kinds:
        with double(t) as dd, gateway(t, dd, name, kind) as at:
            check(dd, test_gateways.talk(at.port))
    with double(t) as dd, \
            gateway(t, dd, name + ".so", kinds[0], "plugin") as at:
        check(dd, test_gateways.talk(at.port))


def post(port, prompt, headers):
    connection = test_gateways.connect(port)
    test_gateways.ask(connection, prompt, headers)
    connection.close()


def raw(port):
    """Every byte of the answers to requests of one connection, with a body and
    without; then of a stream, and of a client that goes away in its body."""
    answers = []
    with socket.create_connection(("127.0.0.1", port), 20) as peer:
        for prompt, _, headers in requests():
            for data in (body(prompt), "", body(prompt, stream=True)):
                peer.sendall(request(data, headers))
                answers.append(one_answer(peer))
        peer.sendall(request(body("never"), headers)[:-5])
    return answers


def request(data, headers):
    lines = ["POST %s HTTP/1.1" % PATH, "Host: gw",
             "Content-Length: %d" % len(data)] + headers
    return ("\r\n".join(lines) + "\r\n\r\n" + data).encode()


def one_answer(peer):
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += exactly(peer, 1)
    fields = dict(line.lower().split(b": ", 1)
                  for line in head.split(b"\r\n")[1:-2])
    fields.pop(b"date", None)
    length = int(fields[b"content-length"])
    return head.split(b"\r\n")[0], fields, exactly(peer, length)


def http_same(t, name, kind):
    seen = []
    with double(t) as dd:
        for launcher, on in (((), "1"), ((LAUNCHER,), "1"), ((LAUNCHER,), "")):
            with gateway(t, dd, name, kind, launcher=launcher,
                         LLMOBS_INBOUND=on) as at:
                seen.append(raw(at.port))
                spans = dd.wait_spans(2 * len(CALLERS) * (len(seen) - 1), 20)
    equal(seen[1], seen[0], "observed")
    equal(seen[2], seen[0], "observed without the variable")
    equal(len(children(spans)), 6, "spans below a caller's")


@test
def http_of_all_kinds(t):
    http(t, "mhd", "one", "pool", "each", "own", "multi")


@test
def http_is_the_same(t):
    for kind in "one", "multi":
        http_same(t, "mhd", kind)


@test
def a_library_in_part(t):
    """An object with one of the calls alone is no server library."""
    ask = ("import ctypes; lib = ctypes.CDLL(%r); "
           "print(bool(lib.MHD_start_daemon(0, 1, 0, 0, 1, 0, 0)))" %
           server("part.so"))
    r = t.same([PYTHON, "-c", ask], env={"LLMOBS_INBOUND": "1"}, spans=0)
    equal(r.stdout, b"True\n", "what it says")


@test
def http_within_http(t):
    """A callback waits until another one, in its thread, has served a request of
    another caller, or of none: each has its own."""
    for caller in (CALLERS[2], None):
        with double(t) as dd, gateway(t, dd, "mhd", "nested") as at, \
                concurrent.futures.ThreadPoolExecutor(1) as pool:
            ids, headers = announce("app-a", "tracecontext", 0)
            outer = pool.submit(post, at.port, "nest", headers)
            inside = announce(*caller, 2)[1] if caller else []
            post(at.port + 1, "inner", inside)
            outer.result(20)
            spans = {prompt_of(s): s for s in dd.wait_spans(2, 20)}
        equal(spans["nest"]["parent_id"], ids["span_id"], "parent, around")
        equal(tags_of(spans["inner"])["ml_app"],
              caller[0] if caller else "chat-proxy", "ml_app, within")


@test
def http_entries_within_entries(t):
    """Each of two requests, one served within the other, has a span of its
    own, of the name that was asked for."""
    with double(t) as dd, \
            gateway(t, dd, "mhd", "nested", LLMOBS_ENTRY="mine") as at, \
            concurrent.futures.ThreadPoolExecutor(1) as pool:
        ids, headers = announce("app-a", "tracecontext", 0)
        outer = pool.submit(post, at.port, "nest", headers)
        post(at.port + 1, "inner", [])
        outer.result(20)
        spans = dd.wait_spans(4, 20)
    calls = {prompt_of(s): s for s in spans if s["name"] != "mine"}
    entries = {s["span_id"]: s for s in spans if s["name"] == "mine"}
    equal(entries[calls["nest"]["parent_id"]]["parent_id"], ids["span_id"],
          "parent, around")
    equal(entries[calls["inner"]["parent_id"]]["parent_id"], "undefined",
          "parent, within")
    equal(tags_of(calls["inner"])["ml_app"], "chat-proxy", "ml_app, within")


@test
def http_left_by_its_handler(t):
    """As by an exception, or by a jump: what the thread then asks for is nobody's."""
    for kind in ("throws", "jumps"):
        with double(t) as dd, gateway(t, dd, "mhd", kind) as at:
            headers = announce("app-a", "tracecontext", 0)[1]
            with socket.create_connection(("127.0.0.1", at.port), 20) as peer:
                peer.sendall(request(body("leave"), headers))
                spans = dd.wait_spans(1, 20)
            equal([prompt_of(s) for s in spans], ["own"], "prompts")
            equal(roots(spans), 1, "roots (%s)" % kind)
            post(at.port, "after", headers)
            equal(roots(dd.wait_spans(2, 20)), 1, "roots, with the next request")


@test
def http_of_strangers(t):
    """A proxy's header of a public address; and more of them than are looked
    at, of which the last one has it: then the request has no caller."""
    headers = announce("app-a", "datadog", 0)[1]
    public = ["X-Forwarded-For: 203.0.113.9"]
    private = ["X-Forwarded-For: 10.0.0.9"]
    with double(t) as dd, gateway(t, dd, "mhd", "one") as at:
        for prompt, more in (("known", private), ("public", public),
                             ("lots", private * 20 + public)):
            post_raw(at.port, prompt, headers + more)
        spans = {prompt_of(s): s for s in dd.wait_spans(3, 20)}
    equal({p: (tags_of(s)["ml_app"], s["parent_id"] == "undefined")
           for p, s in spans.items()},
          {"known": ("app-a", False), "public": ("chat-proxy", False),
           "lots": ("chat-proxy", True)}, "ml_app, and whether a root")


PROXIES = ["X-Forwarded-For", "Forwarded", "X-Real-IP", "X-Forwarded",
           "Forwarded-For", "X-Client-IP", "X-Cluster-Client-IP",
           "True-Client-IP", "CF-Connecting-IP", "CF-Connecting-IPv6",
           "Fastly-Client-IP", "Fly-Client-IP", "Via",
           "X-Envoy-External-Address", "X-Azure-ClientIP", "X-Azure-SocketIP",
           "CloudFront-Viewer-Address", "X-AppEngine-User-IP",
           "X-Original-Forwarded-For", "X-Vercel-Forwarded-For"]
B3 = "0000000000000000463ac35c9f6413ad"
# Each is a trace by itself, and these are almost one of the names.
ALONE = {"traceparent": "00-%s-00f067aa0ba902b7-01" % B3,
         "X-Datadog-Trace-Id": str(int(B3, 16)),
         "B3": B3 + "-00f067aa0ba902b7-1"}
NEAR = ["Fly-Client-Ip-", "x-forwarde", "x-forwarded-fort", "forwarded-fo",
        "x-real-i", "f", "x", "x-", "t", "true", "c", "cf-connecting-ipv5",
        "vi", "vias", "x-a", "x-azure-clienti", "x-azure-s", "cloudfront"]


def heard(dd, ask):
    """Which headers of proxies show a stranger, and which names do not; which
    headers of a trace are one by themselves."""
    headers = announce("app-a", "datadog", 0)[1]
    public = [n + ": 203.0.113.9" for n in PROXIES]
    for i, line in enumerate(public + [n + ": 203.0.113.9" for n in NEAR]):
        ask("stranger-%02d" % i, headers + [line])
    for i, line in enumerate("%s: %s" % one for one in ALONE.items()):
        ask("alone-%02d" % i, [line])
    count = len(PROXIES) + len(NEAR)
    spans = sorted(dd.wait_spans(count + len(ALONE), 20), key=prompt_of)
    equal([s["_dd"]["trace_id"] for s in spans[:len(ALONE)]],
          [B3] * len(ALONE), "traces")
    equal([tags_of(s)["ml_app"] for s in spans[len(ALONE):]],
          ["chat-proxy"] * len(PROXIES) + ["app-a"] * len(NEAR), "ml_apps")


@test
def every_header_by_its_name(t):
    styles = {"DD_TRACE_PROPAGATION_STYLE": "datadog,tracecontext,b3"}
    with double(t) as dd, gateway(t, dd, "mhd", "one", **styles) as at:
        heard(dd, lambda *what: post_raw(at.port, *what))
    with double(t) as dd, FastCgi(
            t, [server("fcgi"), "r"],
            settings(t, dd, **INBOUND, **styles)) as at:
        heard(dd, at.ask)


def post_raw(port, prompt, headers):
    with socket.create_connection(("127.0.0.1", port), 20) as peer:
        peer.sendall(request(body(prompt), headers))
        equal(one_answer(peer)[0][:12], b"HTTP/1.1 200", "status")
