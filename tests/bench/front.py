"""Measures what a quick start costs that has no agent: the launcher's start, and the
exit of a Python and of a Node program with one call, to an intake of TLS on loopback
(far.py) that is at once there, or 100 ms away.

Each round runs all arms in turn, 21 times: bare, this build, another (--than), and
each build a second time, with files of its own: two runs of one build differ by the
noise. "first" has a new folder each time, so what a user's first command starts is
in it; "later" has the folder of the rounds before. It prints a table in Markdown, in
ms: the median of the differences of the pairs, with their quartiles. A line tells of
spans that did not arrive.
"""
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

from llm_server import make_certificates

ASK = '{"model":"gpt-4o-mini","messages":[{"role":"user","content":"hello"}]}'
PYTHON = """import sys, urllib.request
urllib.request.urlopen(urllib.request.Request(sys.argv[1], sys.argv[2].encode(),
    {"Content-Type": "application/json"})).read()"""
NODE = """require("http").request(process.argv[1], {method: "POST", headers:
{"Content-Type": "application/json", "Content-Length": process.argv[2].length}},
a => a.resume()).end(process.argv[2])"""
TRIPS = ("0", "100")


class Front:
    def __init__(self, bench, rounds, word):
        self.rounds, self.word, self.work = rounds or 21, word, bench.work
        builds = [bench.build, bench.build] + [bench.other] * 2 * bool(bench.other)
        self.arms = [(build, os.path.join(self.work, "front-%d" % i))
                     for i, build in enumerate([None, *builds])]
        ca, leaf, key = make_certificates(self.work)
        self.model = "http://127.0.0.1:%d/v1/chat/completions" % bench.serve(
            os.path.join(self.work, "server"))[0]
        *ports, self.control = bench.serve(
            sys.executable, os.path.join(os.path.dirname(__file__), "far.py"), leaf,
            key, *TRIPS)
        self.env = {trip: dict(
            bench.bare, DD_LLMOBS_ENABLED="1", DD_LLMOBS_ML_APP="bench",
            DD_API_KEY="0" * 32, DD_LLMOBS_AGENTLESS_ENABLED="1", LLMOBS_CA_FILE=ca,
            LLMOBS_CONFIG="/dev/null",
            DD_LLMOBS_OVERRIDE_ORIGIN="https://localhost:%d" % port)
            for trip, port in zip(TRIPS, ports)}
        self.calls = 0

    def run(self, arm, trip, argv, first):
        build, store = arm
        if first:
            store = tempfile.mkdtemp(dir=self.work)
        env = dict(self.env[trip], LLMOBS_STORE_DIR=store, LLMOBS_BUILD=build or "")
        argv = [build + "/llmobs-run", *argv] if build else argv
        began = time.monotonic()
        subprocess.run(argv, env=env, check=True, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL)
        return 1000 * (time.monotonic() - began)

    @staticmethod
    def cell(pairs):
        more = [b - a for a, b in pairs]
        low, middle, high = statistics.quantiles(more, n=4)
        return "%+.1f (%+.1f to %+.1f)" % (middle, low, high)

    def row(self, name, trip, argv, first=False):
        if self.word not in name:
            return
        if not first:  # what the first command starts is there
            for arm in self.arms:
                self.run(arm, trip, argv, first)
        times = []
        for i in range(self.rounds):
            order = range(len(self.arms))[::1 if i % 2 else -1]
            took = {j: self.run(self.arms[j], trip, argv, first) for j in order}
            times.append([took[j] for j in range(len(self.arms))])
        cells = ["%.1f" % statistics.median(t[0] for t in times)]
        pairs = [(0, 1), (1, 2)] + [(3, 1), (3, 4)] * (len(self.arms) > 3)
        cells += [self.cell([(t[a], t[b]) for t in times]) for a, b in pairs]
        print("| %s | %s |" % (name, " | ".join(cells)), flush=True)
        if argv[0] != "true":
            self.calls += (self.rounds + (not first)) * (len(self.arms) - 1)

    def taken(self):
        with socket.create_connection(("127.0.0.1", self.control)) as s:
            return json.load(s.makefile())["spans"]

    def table(self):
        heads = ["", "bare", "this build, more", "it twice"]
        heads += ["beside the other", "the other twice"] * (len(self.arms) > 3)
        print("| %s |\n|%s" % (" | ".join(heads), " --- |" * len(heads)))
        programs = [("Python", ["/usr/bin/python3", "-c", PYTHON, self.model, ASK])]
        if shutil.which("node"):
            programs.append(("Node", ["node", "-e", NODE, self.model, ASK]))
        self.row("true, later", "0", ["true"])
        for name, argv in programs:
            for trip in TRIPS:
                far = "" if trip == "0" else ", 100 ms"
                self.row(name + far + ", first", trip, argv, True)
                self.row(name + far + ", later", trip, argv)
        got, until = 0, time.monotonic() + 30
        while got < self.calls and time.monotonic() < until:
            got += self.taken()
            time.sleep(0.2)
        if got != self.calls:
            print("of %d spans %d arrived" % (self.calls, got))


def table(bench, rounds, word):
    Front(bench, rounds, word).table()
