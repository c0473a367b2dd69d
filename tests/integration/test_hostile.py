"""Answers made to cost memory and time: the program pays what they weigh, up to
the cap, and there is a span all the same."""
import contextlib
import json
import socket
import sys
import threading

from delivery import agent, double
from harness import body, curl, equal, ok, test

MIB = 1 << 20
USAGE = {"prompt_tokens": 7, "completion_tokens": 11}

# Runs a command; the most memory that it had, in KiB, goes to the file `peak`.
PEAK = """
import os, sys
pid = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ)
status, usage = os.wait4(pid, 0)[1:]
with open("peak", "w") as f:
    f.write(str(usage.ru_maxrss))
sys.exit(os.waitstatus_to_exitcode(status))
"""


def event(**fields):
    return b"data: " + json.dumps(fields).encode() + b"\n\n"


def token(text):
    return event(choices=[{"index": 0, "delta": {"content": text}}])


END = event(choices=[], usage=USAGE) + b"data: [DONE]\n\n"


def serve(listener, pieces):
    """Answers one request with an event stream of (bytes, times)."""
    with listener.accept()[0] as peer:
        head = b""
        while b"\r\n\r\n" not in head:
            head += peer.recv(65536)
        peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                     b"Connection: close\r\n\r\n")
        for data, times in pieces:
            block = max(1, MIB // len(data))
            for _ in range(times // block):
                peer.sendall(data * block)
            peer.sendall(data * (times % block))


@contextlib.contextmanager
def server(pieces, count=1):
    with socket.create_server(("127.0.0.1", 0), backlog=count) as listener:
        threads = [threading.Thread(target=serve, args=(listener, pieces),
                                    daemon=True) for _ in range(count)]
        for thread in threads:
            thread.start()
        yield "http://127.0.0.1:%d/v1/chat/completions" % (
            listener.getsockname()[1])
        for thread in threads:
            thread.join(10)


def run(t, pieces, **env):
    """Gives the span, and the most memory that curl had, in MiB.  Such an
    answer may be read for longer than an exit waits by itself."""
    env = {"LLMOBS_EXIT_FLUSH_MS": "20000", **env}
    with server(pieces) as url:
        r = t.run([sys.executable, "-c", PEAK] + curl(
            url, body(stream=True), "-o", "/dev/null",
            "-w", "%{size_download}"), env=env, limit=50)
    equal(r.code, 0, "exit status")
    equal(int(r.stdout), sum(len(data) * times for data, times in pieces),
          "bytes that curl got")
    span = r.only()
    equal(span["status"], "ok", "status")
    equal([span["metrics"][k] for k in ("input_tokens", "output_tokens")],
          [USAGE["prompt_tokens"], USAGE["completion_tokens"]], "tokens")
    return span, int(r.files["peak"]) // 1024


@test
def a_hundred_megabytes_of_stream(t):
    piece = token("word " * 20)
    span, peak = run(t, [(piece, 100 * MIB // len(piece)), (END, 1)])
    equal(span["collection_errors"], ["dropped_io"], "collection_errors")
    ok(peak < 80, "curl had %d MiB for the 16 MiB that are kept" % peak)


def check_content(span, whole, content):
    """A body that takes more work than it may is read by its ends."""
    equal(span.get("collection_errors"), None if whole else ["dropped_io"],
          "collection_errors")
    if whole:
        equal(span["meta"]["output"]["messages"][0]["content"], content,
              "content")


@test
def a_million_tiny_events(t):
    for count, whole in ((50000, True), (1000000, False)):
        span, peak = run(t, [(token("a"), count), (END, 1)],
                         LLMOBS_CAPTURE_MAX=str(128 * MIB),
                         LLMOBS_BUFFER_MAX=str(1024 * MIB))
        check_content(span, whole, "a" * count)
        size = len(token("a")) * count // MIB
        ok(peak < 3 * size + 64, "curl had %d MiB for a body of %d MiB" % (
            peak, size))


@test
def a_million_events_that_say_nothing(t):
    for count, whole in ((200000, True), (1000000, False)):
        span, peak = run(t, [(token("a"), 1), (b"data: {}\n\n", count),
                             (b":\n", count), (END, 1)])
        check_content(span, whole, "a")
        ok(peak < 80, "curl had %d MiB" % peak)


def peak_of_many(t, preload, count, size, **env):
    """Calls at the same time whose answers curl throws away."""
    pieces = [(token("word " * 2000), size // 10000), (END, 1)]
    with server(pieces, count) as url:
        r = t.run([sys.executable, "-c", PEAK] + curl(
            url + "?[1-%d]" % count, body(stream=True), "-Z", "--parallel-max",
            str(count), "-o", "/dev/null", "-w", "%{size_download}\n"),
            env={"LLMOBS_EXIT_FLUSH_MS": "20000", **env} if preload else None,
            preload=preload, limit=50)
    equal(r.code, 0, "exit status")
    equal(set(r.stdout.split()), {b"%d" % sum(len(data) * times
                                              for data, times in pieces)},
          "bytes that curl got of each")
    if preload:
        equal(len(r.spans), count, "number of spans")
        for span in r.spans:
            equal([span["status"], span["metrics"].get("output_tokens")],
                  ["ok", USAGE["completion_tokens"]], "status and tokens")
    return int(r.files["peak"]) / 1024


# MB that our objects and threads take beside the bodies.
OWN = 8


@test
def many_answers_have_one_budget(t):
    bare = peak_of_many(t, False, 20, 3 * MIB)
    for most, env in ((4, {"LLMOBS_BUFFER_MAX": str(4 * MIB)}),
                      (20 / 2, {"LLMOBS_CONTENT": "off"})):
        peak = peak_of_many(t, True, 20, 3 * MIB, **env)
        ok(peak < bare + most + OWN, "%r: %d MiB beside curl's own %d" % (
            env, peak - bare, bare))


@test
def behind_a_slow_agent_memory_has_its_bound(t):
    """The queue, what the worker took out of it, and encoded events: each of
    the three has the limit."""
    most, count = 4, 1500
    many = [sys.executable, "-c", PEAK] + curl(
        t.url + "?[1-%d]" % count, body("x" * 8000), "-o", "/dev/null")

    def peak(**how):
        r = t.run(many, limit=60, **how)
        equal(r.code, 0, "exit status")
        return int(r.files["peak"]) / 1024

    bare = peak(preload=False)
    with double(t) as dd:
        dd.fault("slow", delay_ms=2000)
        got = peak(env=agent(dd, LLMOBS_BUFFER_MAX=str(most * MIB)))
    ok(got < bare + 3 * most + OWN, "%d MiB beside curl's own %d" % (
        got - bare, bare))
