"""Programs that call a model by plain HTTP without libcurl, bare and observed in
turn, with LLMOBS_SOCKETS=on, and by `auto` with another gateway listed: what a
program prints, its status and what its server saw have to be equal, and each call
has to be a span."""
import collections
import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time

import harness

CLIENTS = """urllib requests httpx httpx_async aiohttp httpclient threads abort big
    fork spawn pieces rdwr pipeline unix six nonblock dup reuse early duplex""".split()
TICKING = "sends", "writes", "pieces", "dials", "jumps"
# A client that lets go of an answer gets as much of it as has come by then.
SIZES_DIFFER = "abort", "early", "node", "jumps"
LEFT = 30  # calls that ticking jumps makes
# Sends what no rule takes for a call, beside its calls.
NO_CALL = 50000


def programs(folder, clients):
    """(name, argv) of each."""
    ticking = os.path.join(folder, "ticking")
    subprocess.run(["cc", "-O1", "-o", ticking, os.path.join(
        os.path.dirname(__file__), "ticking.c"), "-lpthread"], check=True)
    for what in TICKING:
        yield "ticking " + what, [ticking, what]
    for what in CLIENTS:
        yield what, [harness.PYTHON, clients + "/clients.py", what]
    for runs, name in ((["node"], "node.js"), (["ruby"], "nethttp.rb"),
                       (["perl"], "lwp.pl"), (["php"], "streams.php"),
                       (["php"], "guzzle.php"), (["lua5.1"], "socket.lua"),
                       (["sh"], "wget.sh"), (["sh"], "nc.sh")):
        if shutil.which(runs[0]):
            yield name.split(".")[0], [*runs, clients + "/" + name]
    if shutil.which("javac"):
        subprocess.run(["javac", "-d", folder, clients + "/Http.java"], check=True)
        yield "java", ["java", "-Xmx128m", "-cp", folder, "Http"]


class Lane:
    """A server of its own, and one program at a time."""

    def __init__(self, report, clients, way):
        self.report = report
        self.way = way
        self.folder = tempfile.mkdtemp(dir=report.folder)
        self.log = self.folder + "/log"
        self.server = subprocess.Popen(
            [sys.executable, clients + "/server.py", "0", self.log, "--unix",
             self.folder + "/sock"], stdout=subprocess.PIPE, text=True)
        self.env = {"PATH": os.environ["PATH"], "HOME": self.folder,
                    "BASE": "http://127.0.0.1:" + self.server.stdout.readline().strip(),
                    "SOCK": self.folder + "/sock"}
        self.sums = collections.Counter()

    def close(self):
        self.server.kill()
        self.server.wait()

    def run(self, argv, env):
        """(status, stdout, stderr), and what the server had of it."""
        at = os.path.getsize(self.log)
        done = subprocess.run(argv, env=env, stdin=subprocess.DEVNULL, cwd=self.folder,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=180)
        size = at
        while True:  # the server hears of an end
            time.sleep(0.4)
            before, size = size, os.path.getsize(self.log)
            if size == before:
                break
        with open(self.log) as f:
            f.seek(at)
            asked = [json.loads(line) for line in f]
        return (done.returncode, done.stdout, done.stderr), asked

    def both(self, name, argv):
        store = tempfile.mkdtemp(dir=self.folder)
        env = dict(self.env, DD_LLMOBS_ENABLED="1", LLMOBS_SOCKETS=self.way,
                   DD_LLMOBS_INSTRUMENTED_PROXY_URLS="http://192.0.2.1:4000",
                   LLMOBS_EXPORTER="store", LLMOBS_STORE_DIR=store,
                   LLMOBS_BUILD=self.report.build, LLMOBS_CONFIG="/dev/null",
                   LLMOBS_EXIT_FLUSH_MS="20000")
        bare, had = self.run(argv, self.env)
        seen, has = self.run([harness.LAUNCHER, *argv], env)
        tool = os.path.join(self.report.build, "llmobs")
        subprocess.run([tool, "drain"], env=env, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        spans = []
        with contextlib.suppress(FileNotFoundError), open(store + "/spans.jsonl") as f:
            spans = [json.loads(line) for line in f]
        stats = json.loads(subprocess.run(
            [tool, "stats", "--json"], env=env, stdout=subprocess.PIPE).stdout)
        shutil.rmtree(store)
        self.judge(name, (bare, had), (seen, has), spans, stats)

    def judge(self, name, bare, seen, spans, stats):
        whole = name.split()[-1] not in SIZES_DIFFER
        calls = [c for c in seen[1] if c["m"] == "POST" and c["reqb"] != NO_CALL]
        by_handler = sum("=tick" in c["t"] for c in calls)
        spans_of_handler = sum("from tick" in json.dumps(s["meta"].get("input", {}))
                               for s in spans)
        twice = len(spans) - len({s["span_id"] for s in spans})
        # A call that is left may be counted instead, and its server hears late of it.
        left = name == "ticking jumps" and len(spans) <= LEFT
        missed = len(calls) - len(spans)
        told = {k: v for k, v in stats.items() if isinstance(v, int) and v and
                re.search(r"unfollowed|signal|handler|unseen|lost|dropped", k)}
        wrong = []
        if bare[0] != seen[0]:
            wrong.append("it noticed: %r, bare %r" % (seen[0], bare[0]))
        if self.wire(bare[1], whole) != self.wire(seen[1], whole):
            wrong.append("the server saw other bytes")
        if twice or missed < 0 and not left:
            wrong.append("%d spans of %d calls" % (len(spans), len(calls)))
        if missed > 0 and not (left or missed == by_handler - spans_of_handler):
            wrong.append("%d of %d calls have no span (handler: %d of %d)" % (
                missed, len(calls), by_handler - spans_of_handler, by_handler))
        self.sums.update(runs=1, calls=len(calls), spans=len(spans),
                         in_handlers=by_handler,
                         in_handlers_without=by_handler - spans_of_handler,
                         left_without=missed if left else 0, wrong=len(wrong))
        self.sums.update({"counted " + k: v for k, v in told.items()})
        if wrong:
            print("not ok %s %s: %s %s" % (name, self.way, "; ".join(wrong), told), flush=True)

    @staticmethod
    def wire(asked, whole):
        """The facts that do not depend on the time, in any order."""
        return sorted((c["way"], c["m"], c["t"], c["reqb"], c["reqh"],
                       *((c["st"], c["respb"]) if whole else ()),
                       # of random bytes
                       *(() if not whole or "=big" in c["t"] else (c["resph"],)))
                      for c in asked if "=tick" not in c["t"] and
                      (whole or c["end"] == "done"))


def soak(report, seconds, clients):
    clients = os.path.abspath(clients)
    every = list(programs(report.folder, clients))
    until, lock, turn = time.monotonic() + seconds, threading.Lock(), [0]
    made = [Lane(report, clients, way) for way in ("on", "auto")]

    def go(lane):
        while time.monotonic() < until:
            with lock:
                name, argv = every[turn[0] % len(every)]
                turn[0] += 1
            try:
                lane.both(name, argv)
            except (subprocess.TimeoutExpired, OSError, ValueError) as e:
                lane.sums["wrong"] += 1
                print("not ok %s: %s" % (name, e), flush=True)

    threads = [threading.Thread(target=go, args=(lane,)) for lane in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sums = sum((lane.sums for lane in made), collections.Counter())
    for lane in made:
        lane.close()
    report.verdict(sums["runs"] >= len(every) and not sums["wrong"],
                   "%d programs, %.1f rounds in %d s: %s" % (
                       len(every), sums["runs"] / len(every), seconds, ", ".join(
                           "%s %d" % pair for pair in sorted(sums.items()))))
