"""Shared by the faults: a table of calls made against spans that came, and
the proof that each span that came twice was never answered."""
import json
import os
import re
import shutil
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import harness
from delivery import (Living, agent, caller, left_behind, spool_of, stored,
                      wait_for)

PROMPT = re.compile(r"<([a-z0-9. -]+)>")
# Faults that take the spans and keep the answer from who waits for it.
UNREAD = ("cut-head", "slow", "drip")


def prompt_of(span):
    found = PROMPT.search(json.dumps(span["meta"].get("input", {})))
    return found.group(1) if found else None


def set_aside(t):
    try:
        with open(os.path.join(spool_of(t), "rejected.jsonl")) as f:
            return [json.loads(line) for line in f]
    except FileNotFoundError:
        return []


def all_of(t, spans):
    return spans + stored(t) + set_aside(t)


def age_all(t, folder=None):
    """A process that is killed in its first write has left nothing to be read:
    that goes when it is old."""
    for name in left_behind(t, folder):
        try:
            os.utime(os.path.join(folder or spool_of(t), name), (1, 1))
        except FileNotFoundError:
            pass # somebody takes it


def take_over(t, dd, env, seconds=30, folder=None, launcher=()):
    """The next process delivers all that others left."""
    age_all(t, folder)
    with Living(t, env, keep=True, launcher=launcher) as app:
        app.ask("recover")
        wait_for(lambda: len(left_behind(t, folder)) <= 1, seconds, 0.1)
        app.end()
    return [s for s in dd.spans() if "recover" not in json.dumps(s)]


def kept_files(t, dd):
    """The files that are left when all was taken over."""
    take_over(t, dd, agent(dd), 10)
    return left_behind(t)


def copies(dd):
    """{span id: the requests that brought it, in their order}."""
    found = {}
    for one in dd.spans(full=True):
        found.setdefault(one["event"]["span_id"], []).append(one["request"])
    return {i: sorted(numbers) for i, numbers in found.items()}


def unexplained(dd):
    """Span ids that came twice though somebody could read the first answer."""
    fault = {r["number"]: r["fault"] for r in dd.requests("")}
    return [i for i, numbers in copies(dd).items()
            if any(fault[n] not in UNREAD for n in numbers[:-1])]


def ask(app, made, name, size=0):
    app.ask("<%s> %s" % (name, "x" * size))
    made.append(name)


class Report:
    def __init__(self, servers, build, folder):
        self.servers, self.build, self.folder = servers, build, folder
        self.passed = self.failed = self.cases = 0
        self.lock = threading.Lock()
        self.caller = None

    def head(self):
        print("%-36s %6s %9s %10s %5s" % ("fault", "calls", "delivered",
                                          "duplicated", "lost"))

    def case(self, build=None):
        with self.lock:
            self.cases += 1
            folder = os.path.join(self.folder, "c%d" % self.cases)
            os.mkdir(folder)
            t = harness.Case("report", self.servers, build or self.build,
                             folder)
            t.fresh(None)
            if self.caller:
                os.link(self.caller, os.path.join(folder, "caller"))
            else:
                self.caller = os.path.join(self.folder, "caller")
                os.link(caller(t), self.caller)
            return t

    def done(self, t):
        shutil.rmtree(t.dir, ignore_errors=True)

    def row(self, name, made, spans, twice_by=(), more="", begun=None):
        """made: the prompts of all calls; spans: all that came anywhere;
        twice_by: what may have come twice, by span id, and why is known;
        begun: the prompts of calls of which it is not known how far they came:
        with it a span of any other call is a failure."""
        came = {}
        for span in spans:
            came.setdefault(prompt_of(span), []).append(span["span_id"])
        came.pop(None, None)
        lost = sorted(set(made) - set(came))
        wrong = sorted(p for p, ids in came.items() if len(ids) > 1 and
                       (len(set(ids)) > 1 or ids[0] not in twice_by))
        twice = sum(len(ids) - 1 for ids in came.values())
        strange = [] if begun is None else sorted(
            set(came) - set(made) - set(begun))
        self.verdict(not lost and not wrong and not strange,
                     "%-36s %6d %9d %10d %5d%s%s%s%s" % (
                         name, len(set(made)), len(came), twice, len(lost),
                         "  " + more if more else "",
                         "  LOST " + ", ".join(lost[:5]) if lost else "",
                         "  DOUBLED " + ", ".join(wrong[:5]) if wrong
                         else "",
                         "  INVENTED " + ", ".join(strange[:5]) if strange
                         else ""))

    def verdict(self, well, text):
        with self.lock:
            self.passed += well
            self.failed += not well
            print(("" if well else "not ok: ") + text)
            sys.stdout.flush()

    def skip(self, text):
        with self.lock:
            print("skip " + text)
            sys.stdout.flush()

    def one(self, row, arguments):
        try:
            row(self, *arguments)
        except Exception as e:
            self.verdict(False, "%s%r: %s: %s" % (
                row.__name__, arguments, type(e).__name__, e))

    def at_once(self, rows, most=6):
        """Functions, each with its arguments; they mostly wait."""
        with ThreadPoolExecutor(most) as pool:
            list(pool.map(lambda row: self.one(row[0], row[1:]), rows))


def read_unanswered(dd):
    """The spans that may have come twice at this double."""
    known = set(unexplained(dd))
    return {i for i, numbers in copies(dd).items()
            if len(numbers) > 1 and i not in known}
