#!/usr/bin/python3
"""A span of the tool at a peer of this host, which needs no libcurl.

usage: plain_http.py LLMOBS [TEST]...

There is no libcurl for the tool here, and the peer answers as it likes.
"""
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

LLMOBS = sys.argv[1]
FOLDER = tempfile.mkdtemp(prefix="llmobs-plain.")
STORE = os.path.join(FOLDER, "store")
LIMIT = 30
STATUS = 3

ACCEPTED = b"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\n{}"
INFO = b'{"endpoints": ["/evp_proxy/v2/"]}'


def chunked(body, size=5):
    parts = [body[i:i + size] for i in range(0, len(body), size)]
    return (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" +
            b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in parts) +
            b"0\r\n\r\n")


def read_request(peer):
    text = b""
    while b"\r\n\r\n" not in text:
        text += peer.recv(65536)
    head, body = text.split(b"\r\n\r\n", 1)
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            while len(body) < int(line[15:]):
                body += peer.recv(65536)
    return head, body


class Peer:
    """Gives one answer to each connection, some bytes at a time; None: none,
    and the connection stays open."""

    def __init__(self, answers, path=None, listener=None, thinks=0):
        self.listener = listener or socket.socket(
            socket.AF_UNIX if path else socket.AF_INET)
        if not listener:
            self.listener.bind(path or ("127.0.0.1", 0))
            self.listener.listen(8)
        self.url = "unix://" + path if path else \
            "http://127.0.0.1:%d" % self.port()
        self.requests, self.open, self.thinks = [], [], thinks
        self.thread = threading.Thread(target=self.serve, args=(answers,),
                                       daemon=True)
        self.thread.start()

    def port(self):
        return self.listener.getsockname()[1]

    def serve(self, answers):
        for answer in answers:
            peer, _ = self.listener.accept()
            self.open.append(peer)
            peer.settimeout(LIMIT)
            try:
                self.requests.append(read_request(peer))
                time.sleep(self.thinks)
                for i in range(0, len(answer or b""), 7):
                    peer.sendall(answer[i:i + 7])
            except OSError:
                pass
            if answer is not None:
                peer.close()

    def lines(self):
        return [head.split(b"\r\n")[0] for head, _ in self.requests]


def environment(url, exporter):
    env = {k: v for k, v in os.environ.items()
           if not k.startswith(("DD_", "LLMOBS_", "OTEL_"))}
    env.update(DD_LLMOBS_ENABLED="1", LLMOBS_STORE_DIR=STORE,
               LLMOBS_EXPORTER=exporter, DD_TRACE_AGENT_URL=url,
               LD_LIBRARY_PATH=FOLDER)
    return env


def span(url, delivered, exporter="agent", at_most=5):
    """Runs a command in a span, and looks where the span is."""
    shutil.rmtree(STORE, ignore_errors=True)
    env = environment(url, exporter)
    if delivered:  # a busy host's peer may not answer in the usual time
        env["LLMOBS_EXIT_FLUSH_MS"] = "%d000" % LIMIT
        env["DD_TRACE_AGENT_TIMEOUT_SECONDS"] = str(LIMIT)
        at_most = LIMIT
    began = time.monotonic()
    done = subprocess.run([LLMOBS, "span", "--name", "x", "--", "sh", "-c",
                           "exit %d" % STATUS], env=env, timeout=LIMIT,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    took = time.monotonic() - began
    told = json.loads(subprocess.run(
        [LLMOBS, "stats", "--json"], env=env, timeout=LIMIT, check=True,
        stdout=subprocess.PIPE).stdout)
    got = (done.returncode, done.stdout, took < at_most,
           told["delivered"], told["spooled"], told["dropped"])
    want = STATUS, b"", True, int(delivered), int(not delivered), 0
    if got != want:
        raise AssertionError("%s, wanted %s" % (got, want))


def answered(answer):
    def test():
        peer = Peer([answer])
        span(peer.url, True)
        (head, body), = peer.requests
        assert head.startswith(b"POST /evp_proxy/v2/api/v2/llmobs HTTP/1.1\r\n"
                               b"Host: 127.0.0.1:"), head
        assert json.loads(body)[0]["spans"][0]["name"] == "x", body
    return test


def failed(answer, count=1):
    def test():
        span(Peer([answer] * count).url, False)
    return test


def unix_socket():
    path = os.path.join(FOLDER, "socket")
    peer = Peer([ACCEPTED], path)
    span(peer.url, True)
    assert b"\r\nHost: localhost\r\n" in peer.requests[0][0]


def localhost():
    peer = Peer([ACCEPTED])
    span(peer.url.replace("127.0.0.1", "localhost"), True)


class Skip(Exception):
    pass


def six_listener(port):
    try:
        six = socket.socket(socket.AF_INET6)
        six.bind(("::1", port))
    except OSError as e:
        raise Skip("no IPv6 here: %s" % e)
    six.listen(8)
    return six


def six_alone():
    """Nobody takes a connection at the first address of localhost."""
    for name in ("localhost", "agent.localhost", "[::1]"):
        peer = Peer([ACCEPTED], listener=six_listener(0))
        span("http://%s:%d" % (name, peer.port()), True)


def six_and_a_full_queue():
    """At the first address the kernel drops the connection."""
    full = socket.create_server(("127.0.0.1", 0), backlog=0)
    held = [socket.socket() for _ in range(4)]
    for one in held:
        one.setblocking(False)
        one.connect_ex(full.getsockname())
    peer = Peer([ACCEPTED], listener=six_listener(full.getsockname()[1]))
    span("http://localhost:%d" % peer.port(), True)
    for one in held + [full]:
        one.close()


def probed():
    """The user lets the end take seconds, and the peer needs some of them."""
    peer = Peer([chunked(INFO), ACCEPTED], thinks=0.3)
    span(peer.url, True, "auto")
    assert peer.lines()[0] == b"GET /info HTTP/1.1", peer.lines()


def nobody():
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    span("http://127.0.0.1:%d" % listener.getsockname()[1], False)


def elsewhere():
    """A request that needs libcurl waits in the spool."""
    span("http://192.0.2.1:1", False)


TESTS = {
    "accepted": answered(ACCEPTED),
    "a hundred first": answered(b"HTTP/1.1 100 Continue\r\n\r\n" + ACCEPTED),
    "an answer without a length": answered(b"HTTP/1.1 200 OK\r\n\r\n{}"),
    "an answer in chunks": answered(chunked(b"{}", 1)),
    "an answer without a body": answered(b"HTTP/1.1 204 No\r\n\r\n"),
    "no answer": failed(b""),
    "half a head": failed(b"HTTP/1.1 200 OK\r\nConte"),
    "no HTTP": failed(b"garbage\r\n\r\n"),
    "an endless head": failed(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 20000),
    "another protocol": failed(b"HTTP/1.1 101 Switching\r\n\r\n{}"),
    "silence": failed(None),
    "not now": failed(b"HTTP/1.1 503 No\r\nRetry-After: 5\r\n"
                      b"Content-Length: 0\r\n\r\n", 3),
    "a Unix socket": unix_socket,
    "localhost": localhost,
    "localhost of the other family": six_alone,
    "localhost of the other family beside a full queue": six_and_a_full_queue,
    "probed": probed,
    "nobody": nobody,
    "elsewhere": elsewhere,
}


def main():
    # A file that is no object stands before the host's libcurl.
    with open(os.path.join(FOLDER, "libcurl.so.4"), "w"):
        pass
    try:
        for name, test in TESTS.items():
            if sys.argv[2:] and name.replace(" ", "_") not in sys.argv[2:]:
                continue
            try:
                test()
                print("ok " + name, flush=True)
            except Skip as e:
                print("skip %s: %s" % (name, e), flush=True)
            except (AssertionError, OSError, ValueError,
                    subprocess.SubprocessError) as e:
                print("not ok %s (%s)" % (name, e), flush=True)
    finally:
        shutil.rmtree(FOLDER, ignore_errors=True)


if __name__ == "__main__":
    main()
