"""Kills at each step of a process that infers the spans of tools: none is lost,
none comes twice but with the batch under way, none is invented."""
import json
import os
import subprocess

from kills import batches_of
from harness import curl, read_spans
from test_tools import APIS, IDS, RESULT, model

API = APIS[0]
FAR = {"LLMOBS_EXPORTER": "agent", "LLMOBS_EXIT_FLUSH_MS": "0",
       "DD_TRACE_AGENT_URL": "http://127.0.0.1:1"}


class Kills:
    """A program that asks a model, and one that brings the results of two
    tools; one of both, or the drain behind them, dies at a step."""

    def __init__(self, t, url):
        self.t, self.url = t, url + API.path
        self.log = os.path.join(t.dir, "steps")

    def run(self, argv, die_at=0, **env):
        if os.path.exists(self.log):
            os.unlink(self.log)
        env = dict(env, LLMOBS_TOOLS="inferred", LLMOBS_RELAY="off",
                   LLMOBS_TEST_DIE_AT=str(die_at),
                   LLMOBS_TEST_DIE_LOG=self.log)
        return subprocess.run(argv, env=self.t.environment(True, env),
                              capture_output=True).returncode

    def call(self, doc, die_at=0, **env):
        launcher = os.path.join(self.t.build, "llmobs-run")
        return self.run([launcher] + curl(self.url, json.dumps(doc)), die_at,
                        **env)

    def drain(self, die_at=0):
        return self.run([os.path.join(self.t.build, "llmobs"), "drain",
                         "--to", "store"], die_at)

    def steps(self):
        try:
            with open(self.log) as f:
                return [line.rstrip("\n").split(" ", 1)[1] for line in f]
        except FileNotFoundError:
            return ["nowhere"]

    def judge(self, steps):
        """The fault of the spans that came; "": none."""
        spans = read_spans(os.path.join(self.t.dir, "store"))
        tools = [s["span_id"] for s in spans if s["name"] == "weather"]
        calls = [s["span_id"] for s in spans if s["name"] != "weather"]
        brought = any(RESULT in json.dumps(s["meta"].get("input"))
                      for s in spans)
        wrong = []
        if len(set(tools)) != (len(IDS) if brought else 0):
            wrong.append("%d tools" % len(set(tools)))
        if len(set(calls)) > 2:
            wrong.append("%d calls" % len(set(calls)))
        if len(set(tools + calls)) < len(tools + calls) and (
                batches_of(steps) or [True])[-1]:
            wrong.append("twice")
        return ", ".join(wrong)


def own(kills, n):
    return kills.call(API.bring(IDS), n)


def drained(kills, n):
    kills.call(API.bring(IDS), **FAR)
    return kills.drain(n)


def adopted(kills, n):
    """Killed as soon as its request is on the disk."""
    log = []
    for at in range(1, 40):
        kills.t.fresh(None)
        kills.call(API.ask())
        kills.call(API.bring(IDS), at)
        log = kills.steps()
        if log.count("written") == 2 and log[-1] == "written":
            break
    return kills.drain(n)


def each_step(report, build, name, life):
    t, wrong, count = report.case(build), [], 0
    with model(IDS) as url:
        kills = Kills(t, url)
        for n in range(1, 200):
            t.fresh(None)
            kills.call(API.ask())
            code = life(kills, n)
            steps = kills.steps()
            kills.drain()
            what = kills.judge(steps)
            if what:
                wrong.append("%s at %d %s" % (what, n, steps[-1]))
            if code == 0:
                break
            count += 1
    report.verdict(count > 5 and not wrong,
                   "  inferred tools, killed at each of %d steps, %s%s"
                   % (count, name, "".join("  WRONG " + w for w in wrong)))
    report.done(t)


def steps(report, build):
    each_step(report, build, "the program", own)
    each_step(report, build, "the drain", drained)
    each_step(report, build, "one that adopts a killed call", adopted)
