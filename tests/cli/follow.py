#!/usr/bin/python3
"""`llmobs view --follow`: what comes is shown, once, and soon.

usage: follow.py BUILD_DIR [TEST]...

This file writes the spans itself, as the exporter of the store does.
"""
import fcntl
import json
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time

BUILD, *ONLY = sys.argv[1:]
TOOL = os.path.join(BUILD, "llmobs")
TMP = tempfile.TemporaryDirectory(prefix="llmobs-follow.")
ENV = {"PATH": "/usr/bin:/bin", "HOME": TMP.name, "TZ": "UTC",
       "LC_ALL": "C.UTF-8", "LLMOBS_CONFIG": os.path.join(TMP.name, "none")}
LIMIT = 10
NS = 10**9
TESTS = []


def test(function):
    TESTS.append(function)
    return function


class Wrong(Exception):
    pass


def expect(good, what):
    if not good:
        raise Wrong(what)


def span(name, trace="1", parent=None, number=None, error=None, **top):
    span.count += 1
    number = number or span.count
    event = {"name": name, "trace_id": "%032x" % int(trace),
             "span_id": str(number), "parent_id": parent or "undefined",
             "start_ns": time.time_ns(), "duration": 5 * 10**6,
             "status": "error" if error else "ok", "metrics": {},
             "meta": {"span": {"kind": "task"},
                      "input": {"value": "asked " + name}},
             "tags": ["service:web", "ml_app:shop"]}
    if error:
        event["meta"]["error"] = {"type": error, "message": "m"}
    event.update(top)
    return event


span.count = 1000


def evaluation(event, label):
    return {"join_on": {"span": {"trace_id": event["trace_id"],
                                 "span_id": event["span_id"]}},
            "label": label, "metric_type": "score", "score_value": 0.5,
            "timestamp_ms": 1, "tags": ["ml_app:shop"]}


class Store:
    def __init__(self, name, made=True):
        self.path = os.path.join(TMP.name, name)
        self.file = os.path.join(self.path, "spans.jsonl")
        if made:
            os.mkdir(self.path)

    def write(self, *events):
        self.put("".join(json.dumps(e) + "\n" for e in events))

    def put(self, text):
        with open(self.file, "a") as f:
            f.write(text)

    def rotate(self):
        old = os.path.join(self.path, "spans-%019d.jsonl" % time.time_ns())
        os.rename(self.file, old)
        return old


class Follower:
    """One `llmobs view --follow`; its lines come with their times."""

    def __init__(self, store, *args):
        self.process = subprocess.Popen(
            [TOOL, "view", "--store", store.path, "-f", *args], env=ENV,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.lines = []
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        for line in self.process.stdout:
            self.lines.append((time.monotonic(), line.rstrip("\n")))

    def text(self):
        return "\n".join(line for _, line in self.lines)

    def count(self, word):
        return sum(word in line for _, line in self.lines)

    def wait(self, word, count=1):
        """Answers how long it took."""
        begin = time.monotonic()
        while time.monotonic() < begin + LIMIT:
            came = [at for at, line in list(self.lines) if word in line]
            if len(came) >= count:
                return max(came[count - 1] - begin, 0)
            time.sleep(0.005)
        raise Wrong("%r does not come: %s" % (word, self.text()[-2000:]))

    def begun(self, store):
        """It has shown a span of its own, so it watches."""
        return self.begun_as(store, span("first-%d" % span.count, trace="999"))

    def begun_as(self, store, begun):
        store.write(begun)
        self.wait(begun["name"])
        return self

    def end(self, number=signal.SIGINT):
        self.process.send_signal(number)
        self.process.wait(LIMIT)
        self.thread.join(LIMIT)
        return self.process.returncode

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stderr.close()


@test
def soon(store):
    store.write(*[span("old-%02d" % i, trace=str(i)) for i in range(1, 31)])
    with Follower(store) as seen:
        seen.wait("old-30")
        expect(seen.count("old-") == 10, "not the newest 10: " + seen.text())
        took = []
        for i in range(5):
            store.write(span("new-%d" % i, trace=str(100 + i)))
            took.append(seen.wait("new-%d" % i))
        expect(min(took) < 0.3, "it takes %s s" % took)
        expect(seen.count("new-") == 5 and seen.count("old-") == 10,
               "shown twice: " + seen.text())


@test
def a_tree_when_its_root_ends(store):
    with Follower(store).begun(store) as seen:
        store.write(span("child-a", parent="1"), span("child-b", parent="1"))
        time.sleep(0.7)
        expect(seen.count("child") == 0, "too early: " + seen.text())
        store.write(span("the-root", number="1"))
        seen.wait("child-b")
        names = [line for _, line in seen.lines if "task" in line][1:]
        expect("the-root" in names[0] and "├─ child-a" in names[1] and
               "└─ child-b" in names[2], seen.text())
        store.write(span("late-child", parent="1"))
        seen.wait("late-child")
        expect("parent elsewhere" not in seen.text(), seen.text())
        expect(seen.count("child-a") == 1, "shown twice: " + seen.text())


@test
def silence(store):
    with Follower(store).begun(store) as seen:
        store.write(span("lonely", parent="1"))
        begin = time.monotonic()
        seen.wait("lonely")
        took = time.monotonic() - begin
        expect(1.8 < took < 6, "after %.1f s" % took)
        store.write(span("its-root", number="1"))
        seen.wait("its-root")
        expect(seen.count("lonely") == 1 and
               "parent elsewhere" not in seen.text(), seen.text())


@test
def rotation(store):
    store.write(span("before"))
    with Follower(store, "--json").begun(store) as seen, \
            open(store.file, "a") as late:
        old = store.rotate()
        store.write(span("in-the-new", trace="2"))
        late.write(json.dumps(span("in-the-old", trace="3")) + "\n")
        late.flush()
        seen.wait("in-the-new")
        seen.wait("in-the-old")
        os.unlink(store.rotate())
        os.unlink(old)
        store.write(span("in-the-third", trace="4"))
        seen.wait("in-the-third")
        fds = "/proc/%d/fd" % seen.process.pid
        end = time.monotonic() + LIMIT
        while any("(deleted)" in os.readlink(os.path.join(fds, n))
                  for n in os.listdir(fds)):
            expect(time.monotonic() < end, "it keeps a removed file open")
            time.sleep(0.05)
        expect(seen.count("in-the-") == 3 and seen.count("before") == 1,
               "shown twice: " + seen.text())


@test
def halves(store):
    line = json.dumps(span("in-two-parts"))
    with Follower(store).begun(store) as seen:
        store.put(line[:100])
        time.sleep(0.3)
        store.put(line[100:] + "\n")
        seen.wait("in-two-parts")
        store.put('{"name": "torn')  # its writer was killed
        store.put("\n" + json.dumps(span("behind", trace="2")) + "\n")
        seen.wait("behind")
        os.truncate(store.file, 0)
        time.sleep(0.3)
        store.write(span("after-the-cut", trace="3"))
        seen.wait("after-the-cut")
        expect(seen.count("in-two-parts") == 1 and
               seen.count("behind") == 1, seen.text())
        expect(seen.end() == 0, "status")
        expect("1 line could not be read" in seen.process.stderr.read(),
               "the torn line is not counted")


@test
def a_store_that_comes_and_goes(store):
    shutil.rmtree(store.path)
    with Follower(store, "-n", "1") as seen:
        time.sleep(0.2)
        os.mkdir(store.path)
        store.write(*[span("whole-%d" % i, trace=str(i)) for i in range(1, 4)])
        for i in range(1, 4):
            seen.wait("whole-%d" % i)
        shutil.rmtree(store.path)
        time.sleep(0.2)
        os.mkdir(store.path)
        store.write(span("in-another"))
        seen.wait("in-another")
        expect(seen.count("whole-") == 3, seen.text())
        expect(seen.end() == 0, "status")
        expect("waiting for it" in seen.process.stderr.read(), "nothing told")


@test
def ends(store):
    with Follower(store).begun(store) as seen:
        store.write(span("unfinished", parent="1"))
        time.sleep(0.5)
        expect(seen.end() == 0, "status of INT")
        expect(seen.count("unfinished") == 1, "lost at the end")
    with Follower(store) as seen:
        seen.wait("first-")
        time.sleep(0.2)
        expect(seen.end(signal.SIGTERM) == 0, "status of TERM")
    first = subprocess.Popen([TOOL, "view", "--store", store.path, "-f",
                              "--spans"], env=ENV, stdout=subprocess.PIPE)
    first.stdout.readline()
    time.sleep(0.2)
    first.stdout.close()
    expect(first.wait(LIMIT) == 0, "status where nobody reads")


@test
def filters(store):
    with Follower(store, "--errors") as seen:
        store.write(span("ignored", trace="2"))
        store.write(span("failed", trace="3", error="timeout"),
                    span("fine", trace="3", parent="7", number="8"))
        seen.wait("timeout")
        store.write(span("another", trace="4", error="limit"))
        seen.wait("another")
        expect("ignored" not in seen.text() and "fine" not in seen.text(),
               seen.text())


@test
def events(store):
    old = [span("old-%d" % i, trace=str(i)) for i in range(1, 4)]
    store.write(*old)
    with Follower(store, "--json", "-n", "2") as seen:
        seen.wait("old-3")
        new = [span("new-%d" % i, trace="9", parent="1") for i in range(3)]
        store.write(*new, evaluation(new[0], "tone"))
        seen.wait("tone")
        given = [json.loads(line) for _, line in seen.lines]
        expect(given[:-1] == old[1:] + new, given)
    with Follower(store, "--otlp", "-n", "1") as seen:
        seen.wait("new-2")
        store.write(span("by-otlp", trace="5"))
        seen.wait("by-otlp")
    with Follower(store, "--spans") as seen:
        seen.wait("new-2")
        store.write(span("one-more", trace="6", parent="1"))
        seen.wait("one-more")
        expect(seen.count("STARTED") <= 2, seen.text())


@test
def evaluations(store):
    first, second = span("judged", trace="1"), span("judged-too", trace="2")
    with Follower(store).begun(store) as seen:
        store.write(evaluation(second, "early"))
        store.write(first)
        seen.wait("judged")
        store.write(evaluation(first, "tone"))
        seen.wait("eval tone: 0.5")
        expect(seen.count("judged") == 2, seen.text())
        store.write(second)
        seen.wait("eval early: 0.5")
        expect(seen.count("judged-too") == 1, seen.text())


@test
def messages(store):
    with Follower(store, "--messages").begun(store) as seen:
        twice = span("talks", trace="2")
        store.write(twice)
        seen.wait("asked talks")
        store.write(twice)
        store.write(span("hostile\x1b[2J\u202e", trace="3"))
        seen.wait("hostile")
        expect("\x1b" not in seen.text() and seen.count("asked talks") == 1,
               repr(seen.text()))


@test
def tools(store):
    """A result names its tool by a call that came before, or only now."""
    def said(name, side, **message):
        one = span(name, trace=str(span.count))
        one["meta"] = {"span": {"kind": "llm"}, side: {"messages": [
            {"role": "assistant" if side == "output" else "tool", **message}]}}
        return one

    def asks(id, tool):
        return said("asks", "output", tool_calls=[{"tool_id": id, "name": tool}])

    def takes(id):
        return said("takes", "input", tool_results=[{"tool_id": id, "result": "x"}])

    early, late = "call_Zx81Kq0PmW3bT7", "call_Yw72Jp9OnV2aS6"
    store.write(asks(early, "find"))
    with Follower(store, "--spans", "-m", "--name", "takes").begun_as(store, takes(early)) as seen:
        seen.wait("result of find [%s]" % early)
        store.write(asks(late, "book"))
        store.write(takes(late))
        seen.wait("result of book [%s]" % late)


def read_until(fd, word):
    text = b""
    while word not in text:
        if not select.select([fd], [], [], LIMIT)[0]:
            raise Wrong("%r does not come: %r" % (word, text))
        text += os.read(fd, 4096)
    return text


@test
def on_a_terminal(store):
    """Fitted to it, in no pager, and below the titles of the first print."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    store.write(span("n" * 60))
    seen = subprocess.Popen(
        [TOOL, "view", "--store", store.path, "-f"], stdout=slave,
        stderr=subprocess.DEVNULL, env=dict(ENV, PAGER="cat; echo paged"))
    os.close(slave)
    text = read_until(master, b"ok")
    store.write(span("second", trace="2", parent="9"),
                span("last-one", trace="3"))
    text += read_until(master, b"last-one")
    seen.send_signal(signal.SIGINT)
    expect(seen.wait(LIMIT) == 0, "status")
    os.close(master)
    lines = re.sub(r"\033\[[0-9;]*m", "", text.decode()).splitlines()
    expect(all(len(line) <= 80 for line in lines) and
           sum("DURATION" in line for line in lines) == 1 and
           "paged" not in text.decode(), text)


@test
def many(store):
    with Follower(store, "--spans").begun(store) as seen:
        for i in range(0, 3000, 100):
            store.write(*[span("m%04d." % j, trace=str(j + 1))
                          for j in range(i, i + 100)])
            if i % 1000 == 500:
                store.rotate()
        seen.wait("m2999.")
        names = re.findall(r" (m\d+\.) ", seen.text())
        expect(names == ["m%04d." % i for i in range(3000)],
               "%d of 3000, or in disorder" % len(set(names)))


@test
def refused(store):
    for args in (["--html", "-"], ["--csv"], ["--quiet"]):
        done = subprocess.run([TOOL, "view", "--store", store.path, "-f",
                               *args], env=ENV, capture_output=True,
                              timeout=LIMIT, text=True)
        expect(done.returncode == 2 and "--follow goes with" in done.stderr
               and not done.stdout, "%s: %s" % (args, done))


def run(function, results):
    name = function.__name__.replace("_", " ")
    store = Store(function.__name__)
    try:
        function(store)
        results.append("ok " + name)
    except (Wrong, OSError, ValueError, subprocess.SubprocessError) as error:
        results.append("not ok %s (%s)" % (name, str(error)[:3000]))


def main():
    """Most of them wait, so they run side by side."""
    results = []
    threads = [threading.Thread(target=run, args=(function, results))
               for function in TESTS if not ONLY or function.__name__ in ONLY]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print("\n".join(results))
    return any(r.startswith("not") for r in results)


if __name__ == "__main__":
    sys.exit(main())
