"""Trace headers of calls that clients make without libcurl: those to listed
gateways have them, once, and nothing else of a request changes, however the kernel
cuts what is sent. LLMOBS_TEST_LISTED is the number of calls of each kind of stress."""
import base64
import contextlib
import errno
import glob
import hashlib
import json
import os
import re
import select
import shutil
import socket
import ssl
import subprocess
import threading

import test_sockets  # noqa: F401, whose cases run once more here
import test_tls  # noqa: F401
from delivery import counts
from harness import (APPS, EMULATOR, PYTHON, TESTS, Skip, body, compiled, equal,
                     installed, ok, test, trace_headers)
from test_node import NODES
from test_tls import frame

LIST = "DD_LLMOBS_INSTRUMENTED_PROXY_URLS"
DIR = os.path.join(APPS, "listed")
MANY = int(os.environ.get("LLMOBS_TEST_LISTED", "400"))
KINDS = ("urllib", "requests", "httpx", "httpx_async", "aiohttp")
PROGRAMS = {"ruby": "client.rb", "php": "client.php", "perl": "client.pl"}


def base(t, tls=False):
    return "https://localhost:%d" % t.servers.tls if tls else \
        "http://127.0.0.1:%d" % t.servers.http


def joined(r, kind="workflow"):
    """Each request has the headers of its span."""
    sent = []
    for request in r.requests:
        headers = trace_headers(request)
        sent.append((headers["traceparent"].split("-")[1],
                     int(headers["x-datadog-parent-id"])))
    equal(sorted(sent), sorted((s["_dd"]["apm_trace_id"], int(s["span_id"]))
                               for s in r.spans), "traces and parents")
    for span in r.spans:
        equal(span["meta"]["span"]["kind"], kind, "kind")
        ok("no_trace_headers" not in span["meta"]["metadata"]["transfer"], "says none")


def bare(r, why=None):
    equal([trace_headers(q) for q in r.requests], [{}] * len(r.requests), "headers")
    for span in r.spans:
        equal(span["meta"]["metadata"]["transfer"].get("no_trace_headers"), why, "why")


def asks(t, argv, count=3, tls=False, **env):
    r = t.same(argv, spans=count, order=False, env={LIST: base(t, tls), **env})
    joined(r)
    name = base(t, tls).split("/")[2]
    joined(t.same(argv, count, order=False, env={"LLMOBS_INJECT": "x.test," + name, **env},
                  bare=r.bare), "llm")
    bare(t.same(argv, order=False, env={LIST: "http://127.0.0.1:1", "LLMOBS_INJECT":
                                        "x" + name + ",*." + name, **env}, bare=r.bare))


def join_python(kind):
    def run(t):
        module = kind.split("_")[0]
        if subprocess.run([PYTHON, "-c", "import " + module],
                          stderr=subprocess.DEVNULL).returncode:
            raise Skip("no " + module)
        for tls in False, True:
            asks(t, [PYTHON, os.path.join(DIR, "clients.py"), kind, base(t, tls),
                     *([t.servers.cert] if tls else [])], tls=tls)
    run.__module__, run.__name__ = "test_listed", "python_" + kind
    test(run)


for each in KINDS:
    join_python(each)


@test
def other_languages(t):
    found = 0
    for name, file in PROGRAMS.items():
        if shutil.which(name):
            found += 1
            for tls in False, True:
                asks(t, [shutil.which(name), os.path.join(DIR, file), base(t, tls),
                         *([t.servers.cert] if tls else [])], tls=tls)
    if not found:
        raise Skip("none is installed")


def nodes():
    found = [path for path in NODES.values() if path]
    if not found:
        raise Skip("no node")
    return found


@test
def node(t):
    for path in nodes():
        for kind in "http", "fetch":
            for tls in False, True:
                asks(t, [path, os.path.join(DIR, "clients.js"), kind, base(t, tls)],
                     tls=tls, LLMOBS_TLS="on", NODE_EXTRA_CA_CERTS=t.servers.cert)


def front(t):
    """The server behind a proxy of HTTP/2, to which it is listed."""
    if not t.servers.h2:
        raise Skip("no nghttpx")
    return "https://localhost:%d" % t.servers.h2


def http2(t, argv, count=3, **env):
    url = front(t)
    r = t.same(argv, spans=count, order=False, env={LIST: url, **env})
    joined(r)
    joined(t.same(argv, spans=count, order=False, bare=r.bare, env={
        "LLMOBS_INJECT": url.split("/")[2], **env}), "llm")
    bare(t.same(argv, spans=count, order=False, env={LIST: "http://127.0.0.1:1", **env},
                bare=r.bare))


@test
def http2_of_node(t):
    """Since 26 its fetch asks by HTTP/2, too."""
    for path in nodes():
        for kind in "http2", "fetch":
            http2(t, [path, os.path.join(DIR, "clients.js"), kind, front(t)],
                  LLMOBS_TLS="on", NODE_EXTRA_CA_CERTS=t.servers.cert)


@test
def http2_of_httpx(t):
    installed("/usr/lib/python3/dist-packages/h2")
    http2(t, [PYTHON, os.path.join(DIR, "clients.py"), "httpx_h2", front(t), t.servers.cert])


@test
def http2_of_curl(t):
    """libcurl's own, once."""
    r = t.same([installed("/usr/bin/curl"), "-s", "--http2", "--cacert", t.servers.cert,
                front(t) + "/v1/chat/completions", "-H", "Content-Type: application/json",
                "-d", body()], spans=1, env={LIST: front(t), "LLMOBS_TLS": "on"})
    joined(r)


def asks_nghttp(t, why, *more, url=front, spans=1):
    sent = os.path.join(t.dir, "sent")
    with open(sent, "w") as f:
        f.write(body())
    to = url(t)
    argv = [installed("/usr/bin/nghttp"), "-n", "-d", sent, "-H",
            "content-type: application/json", *more, to + "/v1/chat/completions"]
    r = t.same(argv, spans=spans, order=False, answers=False, env={
        LIST: to, "LLMOBS_TLS": "on", "LLMOBS_SOCKETS": "on"})
    (bare if why else lambda r, _: joined(r))(r, why)


@test
def http2_of_nghttp(t):
    """Some by the table of the connection, all in one write."""
    for more, why, spans in (
            ([], None, 1), (["-m", "100"], None, 100),
            (["--header-table-size=0"], None, 1), (["-H", "x: " + "x" * 5000], None, 1),
            (["-H", "x: " + "x" * 6600], "large", 1), (["--padding=255"], "cut", 1),
            (["--continuation"], "cut", 1), (["-H", "x-signature: a"], "signed", 1)):
        asks_nghttp(t, why, *more, spans=spans)


@test
def http2_without_tls(t):
    front(t)
    asks_nghttp(t, "way", url=lambda t: "http://127.0.0.1:%d" % t.servers.h2c)


@test(of="rest")
def java(t):
    """It is no interpreter that is known: it has to be asked for."""
    argv = [installed("/usr/bin/java"), os.path.join(DIR, "Client.java"), base(t)]
    asks(t, argv, LLMOBS_SOCKETS="on")


@test
def wget(t):
    """Over GnuTLS, on Debian."""
    for tls in False, True:
        asks(t, [installed("/usr/bin/wget"), "-qO-", "--ca-certificate=" + t.servers.cert,
                 "--header=Content-Type: application/json", "--post-data=" + body(),
                 base(t, tls) + "/v1/chat/completions"], 1, tls)


CLAUDE = """
import http.client, json, ssl, sys
port, cert, more = int(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3])
c = http.client.HTTPSConnection("127.0.0.1", port, context=ssl.create_default_context(cafile=cert))
c.set_tunnel("api.anthropic.com", 443)
for i in range(2):
    c.request("POST", "/v1/messages", json.dumps({"model": "claude-x", "max_tokens": 9, "messages": [
        {"role": "user", "content": "hi"}]}), {"Content-Type": "application/json", "x-api-key": "k", **more})
    print(c.getresponse().read())
"""


@test
def provider_that_is_named(t):
    """In a tunnel alone, and ids alone: what belongs to them has the call's span as its
    parent. The program's own stay, and the span says so."""
    ids = {"traceparent", "x-datadog-trace-id", "x-datadog-parent-id",
           "x-datadog-sampling-priority"}
    own = {"traceparent": "00-%032x-%016x-01" % (0xabc, 0xdef)}
    t.foreign_trace = True
    for more, named in ({}, "api.anthropic.com"), (own, "api.anthropic.com"), ({}, "anthropic.com"):
        r = t.same([PYTHON, "-c", CLAUDE, str(t.servers.gateway), t.servers.cert,
                    json.dumps(more)], spans=2, order=False, env={
                        "LLMOBS_INJECT": named, "DD_LLMOBS_ML_APP": "secret-name"})
        equal([trace_headers(q) for q in r.requests if q["method"] == "CONNECT"], [{}], "tunnel")
        for request in r.requests:
            ok(b"secret-name" not in base64.b64decode(request["head"]), "the app's name")
        inside = [trace_headers(q) for q in r.requests if q["method"] == "POST"]
        equal([set(headers) for headers in inside],
              [set(more) or (ids if named[0:3] == "api" else set())] * 2, "headers")
        equal(["trace_headers:own" in s["tags"] for s in r.spans], [bool(more)] * 2, "tag")
        for s in r.spans:
            equal((s["meta"]["span"]["kind"], s["name"]), ("llm", "anthropic.request"), "span")
            if more:
                equal((s["_dd"]["apm_trace_id"], inside[0]["traceparent"]),
                      ("%032x" % 0xabc, own["traceparent"]), "trace")
        if not more and named[0:3] == "api":
            equal(sorted(h["traceparent"] for h in inside),
                  sorted("00-%s-%016x-01" % (s["_dd"]["apm_trace_id"], int(s["span_id"]))
                         for s in r.spans), "parents")


RAW = """
import socket, sys
head = "\\r\\n".join(sys.argv[3:])
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
s.sendall(("POST /v1/chat/completions HTTP/1.1\\r\\nHost: 127.0.0.1:%s\\r\\n"
           "Content-Type: application/json\\r\\nConnection: close\\r\\nContent-Length: %d\\r\\n%s\\r\\n%s" %
           (sys.argv[1], len(sys.argv[2]), head and head + "\\r\\n", sys.argv[2])).encode())
print(b"".join(iter(lambda: s.recv(100000), b"")))
"""


@test
def reasons(t):
    """None are added, and the span and the counters say why."""
    for lines, why in (
            (["Authorization: AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host"],
             "signed"),
            (["Signature-Input: sig1=()"], "signed"), (["X: " + "x" * 6600], "large"),
            (["X: " + "x" * 5000], None)):
        argv = [PYTHON, "-c", RAW, str(t.servers.http), body(), *lines]
        r = t.same(argv, spans=1, env={LIST: base(t)})
        (bare if why else lambda r, _: joined(r))(r, why)
        equal(counts(t).get("headers_" + (why or "added")), 1, "counter")
    argv = [PYTHON, "-c", RAW, str(t.servers.http), body()]
    for value in "none", "default":
        r = t.same(argv, spans=1, env={LIST: base(t), "LLMOBS_INJECT": value})
        (bare if value == "none" else joined)(r)
    r = t.same(argv, spans=1, env={"LLMOBS_INJECT": "all"})
    bare(r)


REFUSED = """
import ctypes, os, socket, struct, sys
port, number, error = map(int, sys.argv[1:4])
connections = [socket.create_connection(("127.0.0.1", port)) for _ in range(4)]
data = ("POST /v1/chat/completions HTTP/1.1\\r\\nHost: 127.0.0.1:%d\\r\\nConnection: close\\r\\n"
        "Content-Type: application/json\\r\\nContent-Length: %d\\r\\n\\r\\n%s" %
        (port, len(sys.argv[4]), sys.argv[4])).encode()
steps = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in (
    (0x20, 0, 0, 0), (0x15, 0, 1, number), (6, 0, 0, 0x50000 | error), (6, 0, 0, 0x7fff0000))))
for i, s in enumerate(connections):
    if i == 1:
        libc = ctypes.CDLL(None)
        print(libc.prctl(38, 1, 0, 0, 0), libc.prctl(
            22, 2, struct.pack("HxxxxxxP", 4, ctypes.addressof(steps)), 0, 0))
    print(os.write(s.fileno(), data) if i == 2 else s.send(data), s.recv(15))
"""


@test
def sendmsg_refused(t):
    """By a filter that lets the program's own calls pass: it may never call it."""
    number = {"x86_64": 46, "aarch64": 211}[os.uname().machine]
    for error in errno.EPERM, errno.ENOSYS:
        r = t.same([PYTHON, "-c", REFUSED, str(t.servers.http), str(number), str(error),
                    body()], spans=4, env={LIST: base(t)})
        equal([bool(trace_headers(q)) for q in r.requests], [True] + [False] * 3, "headers")
        equal(sorted(s["meta"]["metadata"]["transfer"].get("no_trace_headers", "")
                     for s in r.spans), ["", "", "way", "way"], "why")
        equal(counts(t).get("headers_lost"), 1, "counter")


@test
def another_name_by_tls(t):
    """Than that of Host, which is listed; an address is no name."""
    for name, why in ("localhost", "way"), ("127.0.0.1", None), ("gateway.test", None):
        argv = [PYTHON, "-c", RAW.replace("s.sendall", "import ssl; s = ssl._create_unverified_context().wrap_socket("
                  "s, server_hostname=%r); s.sendall" % name).replace(
            "Host: 127.0.0.1", "Host: gateway.test"), str(t.servers.tls), body()]
        r = t.same(argv, spans=1, env={LIST: "https://gateway.test:%d" % t.servers.tls})
        (bare if why else lambda r, _: joined(r))(r, why)


@test
def baggage_of_a_stranger(t):
    """As a call by libcurl, it sends a stranger's on only where the user trusts all."""
    public = ["X-Forwarded-For: 8.8.8.8"]
    for lines, trust, sent in (([], "default", "a=1"), (public, "default", None),
                               (public, "all", "a=1"), ([], "none", None)):
        for argv in ([PYTHON, "-c", RAW, str(t.servers.http), body(), *lines],
                     ["curl", "-sd", body(), base(t) + "/v1/chat/completions",
                      *["-H" + line for line in lines]]):
            t.foreign_trace = True
            r = t.run(argv, env={
                LIST: base(t), "REMOTE_ADDR": "10.0.0.1", "HTTP_BAGGAGE": "a=1",
                "HTTP_TRACEPARENT": "00-%032x-%016x-01" % (7, 8),
                "LLMOBS_INBOUND_TRUST": trust})
            equal([trace_headers(q).get("baggage") for q in r.requests], [sent],
                  "%r %s" % (lines, trust))


# ---- where the framing does not prove a head ------------------------------------

class Steps:
    """A server of steps.py: keeps the bytes of each connection, and answers when it is
    told to, by a connection beside."""

    def __init__(self, own=None):
        self.got, self.peers, self.threads = [], [], []
        self.changed = threading.Condition()
        self.tls = own and ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        if own:
            self.tls.load_cert_chain(*own)
        self.port, self.control = [
            self.listen(what) for what in (self.keep, self.answer)]

    def listen(self, what):
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)

        def serve():
            while True:
                peer, _ = listener.accept()
                thread = threading.Thread(target=what, args=[peer], daemon=True)
                self.threads.append(thread)
                thread.start()
        threading.Thread(target=serve, daemon=True).start()
        return listener.getsockname()[1]

    def keep(self, peer):
        peer = self.tls.wrap_socket(peer, server_side=True) if self.tls else peer
        bytes_of, answers, (wake, told) = bytearray(), [], socket.socketpair()
        with self.changed:
            self.got.append(bytes_of)
            self.peers.append((answers, told))
            self.changed.notify_all()
        with peer, wake, told, contextlib.suppress(OSError):
            while True:  # one thread alone may use a connection of TLS
                ready = [peer] if self.tls and peer.pending() else \
                    select.select([peer, wake], [], [])[0]
                if wake in ready and wake.recv(1):
                    peer.sendall(answers.pop(0))
                data = peer.recv(65536) if peer in ready else None
                if data == b"":
                    break
                bytes_of += data or b""

    def answer(self, peer):
        for line in peer.makefile("rb"):
            number, text = json.loads(line)
            with self.changed:
                self.changed.wait_for(lambda: len(self.peers) > number)
            answers, told = self.peers[number]
            answers.append(text.encode())
            told.sendall(b".")

    def all_of(self, count):
        """What has come by so many connections, once all have ended."""
        with self.changed:
            self.changed.wait_for(lambda: len(self.got) == count)
        for thread in list(self.threads):
            thread.join()
        return [bytes(one).decode() for one in self.got]


def cases_of_steps(host):
    """Connections: what each sends, (ADDED, text) where the text is a call that gets
    headers, (CALL, text) where it is one that gets none; and what it is answered."""
    def head(line, *more, length=None):
        size = [] if length is None else ["Content-Length: %d" % length]
        return "\r\n".join([line + " HTTP/1.1", "Host: " + host, *more, *size, "", ""])

    def answer(status, data="", *more):
        return ("answer", "\r\n".join([
            "HTTP/1.1 %d X" % status, *more, "Content-Length: %d" % len(data), "", data]))

    text = body()
    call = head("POST /v1/chat/completions", "Content-Type: application/json",
                length=len(text)) + text
    done, no = answer(200, ANSWER.decode()), "HTTP/1.1 200 Yes\r\n\r\n"
    length, size = len(call), "%x\r\n" % len(call)
    chunked, expect = "Transfer-Encoding: chunked", "Expect: 100-continue"
    connect, upgrade = head("CONNECT " + host), head("GET /x", "Upgrade: x")
    more = [("ADDED", call), done]
    guess = [("CALL", call), done]

    def early(given, *lines, **size):
        return [("send", head("POST /up", *lines, **size)), given]

    return [
        # the body, behind an early answer
        early(answer(200), length=length) + [("send", call)],
        early(answer(200), length=length) + [("send", call[:99]), ("send", call[99:])] + guess,
        early(answer(200), length=length + 50) + [("send", call)],
        early(answer(413, "big"), length=length) + [("send", call)] + more,
        early(answer(200), expect, length=length) + [("send", call)] + guess,
        early(answer(417), expect, length=length) + [("send", call)],
        early(("answer", "HTTP/1.1 100 Go\r\n\r\n"), expect, length=length) +
        [("send", call), answer(200)] + more,
        early(answer(200), chunked) + [("send", size + call + "\r\n0\r\nA: b\r\n\r\n")] + more,
        early(("answer", "HTTP/1.1 102 Wait\r\n\r\n"), chunked) +
        [("send", size + call + "\r\n0\r\n\r\n"), answer(200)] + more,
        # left out, since the server did not want it
        early(answer(417), expect, length=30) + guess + guess,
        early(answer(200), expect, chunked) + guess,
        # what may be no HTTP
        [("send", connect), ("send", call), ("answer", no), ("send", call)],
        [("send", connect), ("CALL", call), answer(407), done] + more,
        [("send", upgrade), ("send", call), ("answer", "HTTP/1.1 101 X\r\nUpgrade: x\r\n\r\n")],
        [("send", upgrade), ("CALL", call), ("CALL", call), answer(200), done, done] + more,
        [("send", connect), ("send", call)],
        # proven
        [("send", head("HEAD /x")), ("answer", "HTTP/1.1 200 X\r\nContent-Length: 9\r\n\r\n"),
         ("send", head("GET /x")), ("answer", "HTTP/1.1 204 X\r\n\r\n"), ("send", head("GET /x")),
         ("answer", "HTTP/1.1 304 X\r\nContent-Length: 9\r\n\r\n")] + more,
        [("ADDED", call), ("ADDED", call), done, done] + more,
    ]


def without_headers(got, case, number):
    """The bytes that the server got, with the lines of ADDED taken out, there alone."""
    at, out = 0, ""
    for what, text in case:
        if what == "answer":
            continue
        blank = text.index("\r\n\r\n") + 2 if what == "ADDED" else 0
        out, part = out + text[:blank], got[at + blank:]
        equal(got[at:at + blank], text[:blank], "case %d, head" % number)
        lines = re.match(r"(?:(?:x-datadog-[a-z-]+|trace(?:parent|state)): .*\r\n)*",
                         part if blank else "").group()
        equal("traceparent" in lines, what == "ADDED", "case %d, headers" % number)
        out, at = out + text[blank:], at + blank + len(lines) + len(text) - blank
        equal(got[at - len(text) + blank:at], text[blank:], "case %d" % number)
    equal(at, len(got), "case %d, bytes" % number)


def steps(t, argv, kind, **env):
    tls = kind != "plain"
    host = ("localhost:%d" if tls else "127.0.0.1:%d") % 4000
    url = ("https" if tls else "http") + "://" + host
    cases = cases_of_steps(host)
    sent = json.dumps([[(what if what == "answer" else "send", text)
                        for what, text in case] for case in cases])
    for listed in url + "/v1", "http://127.0.0.1:1":
        server = Steps(tls and t.servers.own)
        r = t.run([*argv, kind, str(server.port), str(server.control), sent],
                  env={LIST: listed, "LLMOBS_TLS": "on", "LLMOBS_SOCKETS": "on", **env})
        equal((r.code, r.stderr), (0, b""), "status and stderr of " + kind)
        for i, (got, case) in enumerate(zip(server.all_of(len(cases)), cases)):
            without_headers(got, case if listed.startswith(url) else [
                (what.replace("ADDED", "CALL"), text) for what, text in case], i)
        equal(len(r.spans), sum(what in ("ADDED", "CALL") for case in cases
                                for what, _ in case), "spans of " + kind)
        equal({s["status"] for s in r.spans}, {"ok"}, "status of the spans")


@test
def calls_within_a_body(t):
    """Bytes that begin like a request to the gateway, where the framing does not prove
    that they are one: they stay as they are, and are no call, unless an answer comes."""
    if EMULATOR:
        raise Skip("not for an emulator")
    for kind in "plain", "openssl", "gnutls":
        steps(t, [PYTHON, os.path.join(DIR, "steps.py")], kind)


@test
def calls_within_a_body_of_node(t):
    for path in nodes()[:1]:
        for kind in "plain", "tls":
            steps(t, [path, os.path.join(DIR, "steps.js")], kind)


# ---- what the kernel may do ---------------------------------------------------

ANSWER = json.dumps({
    "id": "c", "object": "chat.completion", "created": 1, "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "ok"},
                 "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}}).encode()
OWN = ("host", "content-type", "x-n", "x-l", "content-length")
OWN_HTTP2 = ("content-type", "x-n", "x-l", "x-t")
PSEUDO = (":method", ":scheme", ":path", ":authority")


class Gateway(threading.Thread):
    """Keeps how the head and the body of each request of stress.c came. `slow`: it
    takes a KB at a time. http2: it speaks that, by a reader of its own."""

    def __init__(self, slow=False, own=None, http2=False):
        super().__init__(daemon=True)
        self.socket, self.slow, self.got = socket.socket(), slow, []
        self.tls = own and ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        if own:
            self.tls.load_cert_chain(*own)
            self.tls.options |= 1 << 8  # a client may begin another handshake
        if http2:
            self.tls.set_alpn_protocols(["h2"])
            self.serve_stream = self.serve_http2
        if slow:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.listen()
        self.port = self.socket.getsockname()[1]
        self.start()

    def run(self):
        while True:
            threading.Thread(target=self.serve, args=self.socket.accept()[:1],
                             daemon=True).start()

    def serve(self, peer):
        if self.tls:
            peer = self.tls.wrap_socket(peer, server_side=True)
        with peer, peer.makefile("rb", 1024 if self.slow else -1) as stream:
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.serve_stream(peer, stream)

    def serve_stream(self, peer, stream):
        while True:
            head = b"".join(iter(stream.readline, b"\r\n")).decode()
            if not head:
                return
            first, *lines = head.rstrip("\r\n").split("\r\n")
            equal(first, "POST /v1/chat/completions HTTP/1.1", "first line")
            fields = [line.lower().split(": ", 1) for line in lines]
            length = int(dict(fields)["content-length"])
            self.got.append((fields, stream.read(length)))
            peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (
                len(ANSWER), ANSWER))

    def serve_http2(self, peer, stream):
        import hpack
        table, heads, bodies = hpack.Decoder(), {}, {}
        most = b"\x7f\xff\0\0"
        peer.sendall(frame(4, 0, 0, b"\0\4" + most) + frame(8, 0, 0, most))
        stream.read(24)
        while head := stream.read(9):
            kind, flags, number = head[3], head[4], int.from_bytes(head[5:], "big")
            payload = stream.read(int.from_bytes(head[:3], "big"))
            if kind == 1:
                heads[number], bodies[number] = table.decode(payload), b""
            elif kind == 0:
                bodies[number] += payload
                if flags & 1:
                    self.got.append((heads.pop(number), bodies.pop(number)))
                    peer.sendall(frame(1, 4, number, b"\x88") +
                                 frame(0, 1, number, ANSWER))


def check(got, count, wanted=OWN):
    """Gives how many of these requests have trace headers; all else is as sent."""
    numbers, have = set(), 0
    for fields, content in got:
        names = tuple(name for name, _ in fields)
        added = [name for name in names if name not in wanted]
        number, length = (int(dict(fields)[name]) for name in ("x-n", "x-l"))
        equal(tuple(name for name in names if name not in added), wanted,
              "head of %d" % number)
        equal(names[:len(PSEUDO)], wanted[:len(PSEUDO)], "its begin")
        equal(hashlib.sha256(content).hexdigest(), hashlib.sha256((
            '{"model":"m","messages":[{"role":"user","content":"%s"}]}' % (
                chr(97 + number % 26) * length)).encode()).hexdigest(),
            "body of %d" % number)
        ok(not added or len(set(added)) == len(added) and "traceparent" in added,
           "added: %r" % added)
        have += bool(added)
        numbers.add(number)
    equal(numbers, set(range(count)), "requests")
    return have


def client(t, kind):
    """stress.c, or the same over TLS by that."""
    if kind == "python":
        return [PYTHON, os.path.join(DIR, "tls_stress.py")]
    if not kind:
        return [compiled(t, "stress", "-D_GNU_SOURCE", "-O1", os.path.join(DIR, "stress.c"),
                         "-lpthread")]
    return [compiled(t, "by_" + kind, "-D_GNU_SOURCE", "-O1", os.path.join(DIR, "tls_stress.c"),
                     *{"gnutls": ["-DGNU", "-lgnutls"], "openssl": ["-lssl", "-lcrypto"]}[kind])]


def stress(t, ways, count=MANY, less=0, room=(), slow=False, have=0.9, tls=None):
    if EMULATOR:
        raise Skip("not for an emulator")
    http2 = tls and "2" in ways
    if http2:
        installed("/usr/lib/python3/dist-packages/hpack")
    program = client(t, tls)
    cut = compiled(t, "takes_less.so", "-D_GNU_SOURCE", "-O1", "-shared", "-fPIC",
                   os.path.join(DIR, "takes_less.c"), "-ldl")
    gateway = Gateway(slow, tls and t.servers.own, http2)
    env = {LIST: ("https://localhost:%d" if tls else "http://127.0.0.1:%d") % gateway.port,
           "LLMOBS_SOCKETS": "on", "LLMOBS_TLS": "on"}
    if less:
        env.update(TAKES_LESS=str(less), LD_PRELOAD=cut)
    more = {"python": [t.servers.cert], None: room}.get(tls, ["7"])
    r = t.run([*program, ways, str(gateway.port), str(count), *more], env=env,
              launcher=[os.path.join(t.build, "llmobs-run")])
    equal((r.code, r.stdout), (0, b"%d answers\n" % count), "the program")
    ok(check(gateway.got, count, PSEUDO + OWN_HTTP2 if http2 else OWN) >= have * count,
       "requests with headers")
    return r


@test(of="rest")
def stress_of_musl(t):
    """The kernel takes a part of a call where the peer reads slowly."""
    program, gateway = os.path.join(t.dir, "stress"), Gateway(True, None, False)
    kernel = [a for folder in ("/usr/include", *glob.glob("/usr/include/*-linux-gnu"))
              for a in ("-idirafter", folder)]
    subprocess.run([installed("/usr/bin/musl-gcc"), *kernel, "-D_GNU_SOURCE", "-O1", "-o",
                    program, os.path.join(DIR, "stress.c")], check=True)
    r = t.run([program, "wsvmtlf", str(gateway.port), str(MANY), "4608"], launcher=[], env={
        LIST: "http://127.0.0.1:%d" % gateway.port, "LLMOBS_SOCKETS": "on",
        "LD_PRELOAD": os.path.join(t.build, "libllmobs_preload.so"), "DD_LLMOBS_ENABLED": "1"})
    equal((r.code, r.stdout), (0, b"%d answers\n" % MANY), "the program")
    ok(check(gateway.got, MANY, OWN) >= 0.9 * MANY, "requests with headers")
    equal(len(r.spans), MANY, "spans")


EXECS = """
import os, socket, sys
data = sys.stdin.buffer.read()
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
rest = data[s.send(data):].decode()
s.set_inheritable(True)
os.execv(sys.executable, [sys.executable, "-c", "import socket, sys; "
         "socket.socket(fileno=int(sys.argv[1])).sendall(sys.argv[2].encode())",
         str(s.fileno()), rest])
"""


def seed_of_a_cut(low, high):
    """For takes_less.c, whose first send then takes so many bytes of many."""
    for seed in range(1, 100000):
        first = (seed * 1103515245 + 12345) % 2**32
        taken = 1 + ((first * 1103515245 + 12345) % 2**32 >> 8) % 1600
        if (first >> 8) % 4 == 3 and low < taken < high:
            return seed


@test
def an_exec_behind_a_cut(t):
    """A limit: the new program does not know of headers of which a part has gone."""
    head = "POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n" \
        "Content-Length: 3000\r\n\r\n"
    cut = compiled(t, "takes_less.so", "-D_GNU_SOURCE", "-O1", "-shared", "-fPIC",
                   os.path.join(DIR, "takes_less.c"), "-ldl")
    for listed in False, True:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            data = (head % port + " " * 3000).encode()
            blank = data.index(b"\r\n\r\n") + 2
            t.run([PYTHON, "-c", EXECS, str(port)], stdin=data, env={
                LIST: "http://127.0.0.1:%d" % (port if listed else 1), "LD_PRELOAD": cut,
                "TAKES_LESS": str(seed_of_a_cut(blank + 100, blank + 300))},
                launcher=[os.path.join(t.build, "llmobs-run")])
            peer, _ = server.accept()
            with peer, peer.makefile("rb") as stream:
                got = stream.read()
        equal(got == data, not listed, "as it was sent")
        equal(b"\r\n\r\n" in got, not listed, "the end of the head")


class Silent(threading.Thread):
    """A server that reads nothing."""

    def __init__(self, tls, own):
        super().__init__(daemon=True)
        self.socket, self.held, self.tls = socket.socket(), [], None
        if tls:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(*own)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.listen()
        self.port = self.socket.getsockname()[1]
        self.start()

    def run(self):
        while True:
            peer = self.socket.accept()[0]
            self.held.append(self.tls.wrap_socket(peer, server_side=True)
                             if self.tls else peer)


@test
def sends_that_are_left(t):
    """By a jump, or with their thread: what was to go with them is freed."""
    if EMULATOR:
        raise Skip("not for an emulator")
    program = compiled(t, "leaves", "-D_GNU_SOURCE", "-O1", os.path.join(DIR, "leaves.c"),
                       "-lssl", "-lcrypto", "-lpthread")
    for tls in False, True:
        server = Silent(tls, t.servers.own)
        url = "http%s://localhost:%d" % ("s" * tls, server.port)
        for how in "jump", "cancel":
            r = t.run([program, how + "_tls" * tls, str(server.port), "200"],
                      env={LIST: url, "LLMOBS_SOCKETS": "on", "LLMOBS_TLS": "on",
                           "LLMOBS_CAPTURE_MAX": "1024"})
            equal((r.code, len(r.spans)), (0, 200), "status and spans")
            ok(int(r.stdout) < 4000, "memory grew: %s %s" % (how, r.stdout))


@test
def first_bytes(t):
    """OpenSSL holds the first ones, too few to tell a request, and has to wait; then
    it is given all."""
    if EMULATOR:
        raise Skip("not for an emulator")
    program = compiled(t, "first_bytes", "-O1", os.path.join(DIR, "first_bytes.c"), "-lssl",
                       "-lcrypto")
    for first in 1, 2, 16:
        told, gateway = [], Gateway(False, t.servers.own, False)
        for given in "1", "0":
            r = t.run([program, str(gateway.port), str(first)], env={
                LIST: "https://localhost:%d" % gateway.port, "LLMOBS_TLS": "on",
                "DD_LLMOBS_ENABLED": given})
            told.append((r.code, r.stdout))
        equal(told[0], told[1], "the program, of %d" % first)
        equal([content for _, content in gateway.got],
              [b'{"model":"m","messages":[{"role":"user","content":""}]}'] * 2, "bodies")


@test
def sends_that_send(t):
    """A preload's send writes to a log server before it calls the real one: the
    send that waits meanwhile has not been left."""
    if EMULATOR:
        raise Skip("not for an emulator")
    source, wrapper = os.path.join(DIR, "wraps.c"), os.path.join(t.dir, "libwraps.so")
    flags = test_tls.sanitizers(t) + ["-D_GNU_SOURCE", "-O1"]
    subprocess.run(["gcc", *flags, "-shared", "-fPIC", source, "-o", wrapper], check=True)
    program = os.path.join(t.dir, "wraps")
    subprocess.run(["gcc", *flags, "-DMAIN", source, wrapper, "-o", program], check=True)
    log, port = Silent(False, None), t.servers.http
    for signed in [], ["signed"]:
        r = t.run([program, str(port), "20", *signed],
                  env={LIST: "http://localhost:%d" % port, "LOG_PORT": str(log.port),
                       "LLMOBS_SOCKETS": "on"})
        equal((r.code, r.stdout, len(r.spans)), (0, b"." * 20, 20), "status, answers, spans")
        equal(len(r.requests), 20, "requests")
        equal([bool(trace_headers(q)) for q in r.requests],
              [not signed] * 20, "headers")


@test
def corked(t):
    """By GnuTLS, which tells the program how many bytes wait."""
    r = stress(t, "c", less=3, have=0, tls="gnutls")
    equal([s["meta"]["metadata"]["transfer"]["no_trace_headers"] for s in r.spans],
          ["way"] * MANY, "why")


def join_stress(name, *args, **more):
    def run(t):
        spans = stress(t, *args, **more).spans
        if more.get("have", 1):
            equal(len(spans), more.get("count", MANY), "spans")
    run.__module__, run.__name__ = "test_listed", "stress_" + name
    test(run, of=more.pop("of", None))


join_stress("whole", "wsvmtf")
join_stress("cut", "wsvmtlf", less=5)
join_stress("cut_of_one_that_blocks", "wsvmtlfb", less=6)
join_stress("byte_by_byte", "y", less=8, count=50)
for each in "blocks", "waits", "memory":
    join_stress("tls_" + each, each, less=4, tls="python")
for each in ("w", "x", "p", "xp", "po", "pf", "f", "o", "2", "2p", "2po", "2pf", "2xf",
             "pk", "pfk", "pofk", "xpfk", "2pfk", "pfr", "2pfr", "rb", "xpfrb"):
    join_stress("openssl_" + each, each, less=3, tls="openssl",
                count=50 if "r" in each else MANY)  # a handshake takes long
for each in "g", "og", "pg", "xpofg", "xfg":  # of many heads the end comes in two pieces
    join_stress("openssl_" + each, each, less=3, have=0.7, tls="openssl")
for each in "w", "2":
    join_stress("gnutls_" + each, each, less=3, tls="gnutls")
join_stress("slow", "wsvmtlf", room=("4608",), slow=True)
join_stress("signals", "wsvmtlfI", less=2)
join_stress("signals_of_one_that_blocks", "wsvmtlfbI", room=("4608",), slow=True)
join_stress("children", "wsvmtlK", less=2, have=0, count=MANY // 4)  # a process each
join_stress("two_threads_on_one", "wsvmtlfC", less=2)
join_stress("two_threads_on_two", "wsvmtlfD", less=2)
# A program that sends another request than it had begun is not followed any more.
join_stress("given_up", "wa", less=9, have=0)


# ---- what programs of other tests do ---------------------------------------------

OF_CASES = re.compile(r"(sockets|tls)\.(case|gnutls)_(?!%s)" % "|".join((
    "body_beside", "sent_file", "sent_beside",  # a listed URL makes them calls
    "filter_between")))  # sends headers, and no span


def join_case(name, program):
    """Once more, to a server that is listed: headers alone are added, of its spans."""
    def run(t):
        urls = ",".join(["http://localhost", "https://localhost"] + [
            "%s://%s:%d" % (scheme, host, port) for scheme, port in (
                ("http", t.servers.http), ("https", t.servers.tls))
            for host in ("127.0.0.1", "localhost")])
        same = t.same

        def to_listed(argv, env, **more):
            r = same(argv, env={LIST: urls, **env}, **more)
            sent = {(h["x-datadog-parent-id"], h["traceparent"].split("-")[1])
                    for h in filter(None, map(trace_headers, r.requests))}
            told = {(s["span_id"], s["_dd"]["apm_trace_id"]) for s in r.spans}
            ok(not told or sent <= told, "headers of no span: %s" % (sent - told))
            return r
        t.same = to_listed
        program(t)
    run.__module__, run.__name__ = "test_listed", "of_" + name.replace(".", "_")
    test(run, of="rest")


for each, program, _ in list(TESTS):
    if OF_CASES.match(each):
        join_case(each, program)
