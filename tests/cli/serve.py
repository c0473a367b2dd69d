#!/usr/bin/python3
"""`llmobs view --serve` without a browser: whom it answers, and with what.

usage: serve.py BUILD_DIR [PART]...
"""
import json
import os
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
from checks import check  # noqa: E402
from inputs import hostile  # noqa: E402
from live import LONG, Live, serving  # noqa: E402

BUILD, *ONLY = sys.argv[1:]
TMP = tempfile.TemporaryDirectory(prefix="llmobs-serve.")


def need(good, what):
    if not good:
        raise AssertionError(what)


def live(name, count=3, *args):
    return serving(Live(BUILD, TMP.name, name, hostile.span, count), *args)


def whom_it_answers():
    with live("live-whom") as one:
        status, answer, body = one.ask()
        need(status == 200 and b"span-1" in body, status)
        need(answer.getheader("Cache-Control") == "no-store" and
             "frame-ancestors 'none'" in answer.getheader(
                 "Content-Security-Policy"), answer.getheaders())
        need(answer.getheader("Access-Control-Allow-Origin") is None, "cors")
        here = "127.0.0.1:%d" % one.port
        for path, method, headers, want in [
                ("", "GET", {"Host": "localhost:1234"}, 200),
                ("", "GET", {"Origin": "http://" + here}, 200),
                ("", "HEAD", {}, 200), ("x", "GET", {}, 404),
                ("../", "GET", {}, 404), ("news?after=0-0", "POST", {}, 405),
                ("", "PUT", {}, 405), ("", "OPTIONS", {}, 405),
                ("", "GET", {"Host": "rebound.example"}, 421),
                ("", "GET", {"Host": "127.0.0.1.rebound.example"}, 421),
                ("", "GET", {"Host": "localhost.rebound.example"}, 421),
                ("", "GET", {"Origin": "http://rebound.example"}, 403),
                ("", "GET", {"Origin": "null"}, 403),
                ("", "GET", {"Origin": "https://" + here}, 403),
                ("", "GET", {"Origin": "http://%s.example" % here}, 403)]:
            status, _, body = one.ask(path, method, **headers)
            need(status == want, (path, method, headers, status))
            need(want == 200 or b"span" not in body, body)
        wrong = [one.token[:-1] + ("0" if one.token[-1] != "0" else "1"),
                 "", "0" * 32, one.token.upper() + "x", one.token + "0"]
        for token in wrong:
            status, _, body = one.ask(token=token)
            need(status in (404, 400) and b"span" not in body, (token, status))
        with live("live-whom") as other:
            need(other.token != one.token, "the same token")
        # No host at all, and two of them.
        for lines, want in ((b"", b"421"), (b"Host: localhost\r\nHost: x\r\n",
                                            b"400")):
            with socket.create_connection(("127.0.0.1", one.port), LONG) as s:
                s.sendall(b"GET /%s/ HTTP/1.1\r\n%s\r\n" % (
                    one.token.encode(), lines))
                need(s.recv(64).split()[1] == want, lines)
        # Nobody needs to send a body, and none is kept in memory.
        for lines in (b"Content-Length: 1\r\n",
                      b"Transfer-Encoding: chunked\r\n"):
            with socket.create_connection(("127.0.0.1", one.port), LONG) as s:
                s.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\n%s\r\n1\r\n"
                          % lines)
                need(s.recv(64).startswith(b"HTTP/1.1 413 "), lines)
        # It listens on no other address of the host.
        listening = subprocess.run(["ss", "-Hltn", "sport", "=", str(one.port)],
                                   capture_output=True, check=False).stdout
        need(not listening or b"127.0.0.1:" in listening, listening)


def news():
    """Each line once, whatever happens to the store."""
    with live("live-news") as one:
        at = one.position()
        need(one.ask("news?after=" + at)[2] == b"{}", "news of nothing")
        one.add(2)
        one.write(b'garbage\n{"a":1}\n[1]\n\n\xff\xfe\n{"half":')
        lines, head = until(lambda: one.news(at), lambda n: len(n[0]) == 2)
        need([json.loads(text)["span_id"] for text in lines] == [
            "span-4", "span-5"], lines)
        need([row["s"] for row in head["rows"]] == ["span-4", "span-5"], head)
        at = head["at"]
        one.write(b'1}\n')
        # Rotation as the exporter does it: the old name goes, a new one comes.
        os.rename(one.path(), one.path().replace("spans", "spans.1"))
        one.add(700)
        seen = []
        while len(seen) < 700:
            lines, head = until(lambda: one.news(at), lambda n: n[0])
            seen += [json.loads(text)["span_id"] for text in lines]
            at = head["at"]
        need(seen == ["span-%d" % n for n in range(6, 706)], len(seen))
        evaluation = {"label": "good", "join_on": {"span": {
            "trace_id": "trace-4", "span_id": "span-4"}},
            "metric_type": "score", "score_value": 1, "timestamp_ms": 1,
            "ml_app": "a"}
        one.write(json.dumps(evaluation).encode() + b"\n")
        lines, head = until(lambda: one.news(at), lambda n: n[0])
        need(head["rows"] == [None] and json.loads(lines[0]) == evaluation,
             (lines, head))
        for position in ("", "x", "0-0", "99-1", "1-99999999", "1--1", "1-1x",
                         "1-18446744073709551616", "%31-0"):
            need(one.news(position) == ([], {"again": True}), position)
        # The directory goes, and another one comes.
        for name in os.listdir(one.store):
            os.unlink(os.path.join(one.store, name))
        os.rmdir(one.store)
        need(one.ask()[0] == 200, "without a store")
        one.add(1)
        until(lambda: one.news(at)[1], lambda head: head == {"again": True})
        need(b"span-706" in one.ask()[2], "the new store")


def until(get, good):
    """Asks until the answer is good."""
    end = time.monotonic() + LONG
    while True:
        answer = get()
        if good(answer):
            return answer
        if time.monotonic() > end:
            raise TimeoutError("%.500r" % (answer,))
        time.sleep(0.05)


def filtered():
    """News obeys the filters of the command."""
    with live("live-filtered", 2, "--name", "name 4") as one:
        at = one.position()
        one.add(3)
        lines, head = until(lambda: one.news(at), lambda n: n[0])
        need([row["s"] for row in head["rows"]] == ["span-4"], head)


def crowd():
    """Many visitors, some of whom never read; the others are answered."""
    with live("live-crowd", 4000) as one:
        slow = []
        for _ in range(200):
            s = socket.create_connection(("127.0.0.1", one.port), LONG)
            s.sendall(b"GET /%s/ HTTP/1.1\r\nHost: localhost\r\n\r\n"
                      % one.token.encode())
            slow.append(s)
        for _ in range(20):
            s = socket.create_connection(("127.0.0.1", one.port), LONG)
            s.sendall(b"GET /")
            slow.append(s)
        before, done = one.size(), []

        def visit():
            for _ in range(5):
                status, _, body = one.ask()
                done.append(status == 200 and body.endswith(b"</html>\n"))

        threads = [threading.Thread(target=visit) for _ in range(8)]
        for thread in threads:
            thread.start()
        for i in range(20):
            one.add(1)
            time.sleep(0.02)
        for thread in threads:
            thread.join()
        need(len(done) == 40 and all(done), done.count(False))
        grown = one.size() - before
        need(grown < 128 * 1024, "%d KiB more" % grown)
        for s in slow:
            s.close()
        need(one.ask()[0] == 200, "after the crowd")


def opens():
    """No argument of the browser has the token: others see these."""
    path = os.path.join(TMP.name, "xdg-open")
    with open(path, "w", encoding="ascii") as f:
        f.write('#!/bin/sh\ngrep SigBlk /proc/self/status > "%s.blocked"\n'
                'echo "$@" > "%s.said"\nexec sleep 5\n' % (path, path))
    os.chmod(path, 0o755)
    way = os.path.join(TMP.name, "llmobs-view.html")
    os.symlink("/etc/passwd", way)
    with live("opens", 1, "--open") as one:
        until(lambda: os.path.exists(path + ".said") and
              os.path.getsize(path + ".said"), bool)
        with open(path + ".said", encoding="ascii") as f:
            need(f.read() == way + "\n", "its argument")
        # It may be the browser itself, which asks before it ends.
        need(one.ask()[0] == 200, "while the browser runs")
        with open(path + ".blocked", encoding="ascii") as f:
            need(int(f.read().split()[1], 16) == 0, "signals are blocked")
        with open(way, encoding="ascii") as f:
            need("url=%s\"" % one.address in f.read(), "the way")
        need(stat.S_IMODE(os.lstat(way).st_mode) == 0o600, "its mode")


def refused():
    for args, word in ((["--html", "x"], b"--serve is a page"),
                       (["last"], b"--serve is a page"),
                       (["--port", "65536"], b"0 to 65535"),
                       (["--port", "x"], b"0 to 65535")):
        done = subprocess.run(
            [os.path.join(BUILD, "llmobs"), "view", "--serve", *args],
            capture_output=True, timeout=LONG)
        need(done.returncode == 2 and word in done.stderr, done)
    with live("port", 1) as one:
        done = subprocess.run(
            [os.path.join(BUILD, "llmobs"), "view", "--serve", "--port",
             str(one.port), "--store", one.store],
            capture_output=True, timeout=LONG)
        need(done.returncode == 1 and b"in use" in done.stderr, done)


for part in (whom_it_answers, news, filtered, crowd, opens, refused):
    if not ONLY or part.__name__ in ONLY:
        wrong = None
        try:
            part()
        except Exception as e:
            wrong = repr(e)
        check(part.__name__, not wrong, wrong)
