"""Kills at each step of the spool, and at random moments.  Of what came twice
is proved, span by span, that its sender was dead before it could note the
answer: the core of `make TEST=1` logs each step before it is done, and each
request says which process sent it."""
import base64
import os
import random
import threading

import harness
from delivery import Living, agent, double
from report import PROMPT, all_of, copies, kept_files, take_over

# A process tells its number as the name of its container, which is no part of
# its destination: so the others may deliver what it leaves.
HEADER = "Datadog-External-Env"


class Runs:
    """The processes, by number: each with a log of its steps."""

    def __init__(self, t):
        self.t, self.count = t, 0
        self.lock = threading.Lock()

    def log(self, number):
        return os.path.join(self.t.dir, "steps.%s" % number)

    def environment(self, dd, die_at=0):
        with self.lock:
            self.count += 1
            number = self.count
        return dict(agent(dd), LLMOBS_TEST_DIE_AT=str(die_at),
                    LLMOBS_TEST_DIE_LOG=self.log(number),
                    # A fast host fills the default in 600 short lives, of
                    # which none has the time to deliver another's.
                    LLMOBS_SPOOL_MAX="8000000000",
                    # an answer is waited for, however busy the host
                    _DD_LLMOBS_WRITER_TIMEOUT="60",
                    DD_EXTERNAL_ENV=str(number))

    @staticmethod
    def number(env):
        """That of the process with this environment."""
        return int(env["LLMOBS_TEST_DIE_LOG"].rpartition(".")[2])

    def steps(self, number):
        try:
            with open(self.log(number)) as f:
                return [line.split(" ", 1)[1] for line in
                        f.read().splitlines() if " " in line]
        except FileNotFoundError:
            return []

    def fell(self):
        """The last step of the last process."""
        return (self.steps(self.count) or ["nowhere"])[-1]


def batches_of(steps):
    """For each batch of which the sender read that it was accepted: whether
    that was noted after it."""
    noted = []
    for step in steps:
        if step == "accepted":
            noted.append(False)
        elif step == "noted" and noted:
            noted[-1] = True
    return noted


class Proof:
    """The words of the doubles and the logs on each delivery of a span."""

    def __init__(self, dd, runs):
        self.place = {}  # request: (run, the how manieth of it)
        sent = {}
        for r in dd.requests():
            if r["spans"] and (r["status"] == 202 or not r["fault"]):
                run = dict((n.lower(), v) for n, v in r["headers"]).get(
                    HEADER.lower())
                self.place[r["number"]] = run, sent.get(run, 0)
                sent[run] = sent.get(run, 0) + 1
        self.noted = {run: batches_of(runs.steps(run)) for run in sent}
        # Of each process one request at most is without an answer that was
        # read, the last: so the n-th request is the n-th batch of the log.
        self.strange = sorted(run for run in sent
                              if not 0 <= sent[run] - len(self.noted[run]) <= 1)
        self.sent = sent
        self.kinds = {"unread": 0, "unnoted": 0, "noted": 0}
        self.explained = set()
        for span, numbers in copies(dd).items():
            kinds = [self.kind_of(n) for n in numbers[:-1]]
            for kind in kinds:
                self.kinds[kind] += 1
            if kinds and "noted" not in kinds:
                self.explained.add(span)

    def kind_of(self, number):
        run, at = self.place.get(number, (None, 0))
        noted = self.noted.get(run)
        if noted is None:
            return "noted"
        if at >= len(noted):
            return "unread"
        # A process that sends another batch has lived to note this one.
        return "noted" if noted[at] or at + 1 < self.sent[run] else "unnoted"

    def tell(self, report):
        report.verdict(
            not self.kinds["noted"] and not self.strange,
            "  came twice: %d of the batch under way at a kill, %d answered "
            "and not noted yet, %d for no such reason%s" % (
                self.kinds["unread"], self.kinds["unnoted"],
                self.kinds["noted"],
                "; requests and batches do not agree: %s" % self.strange[:5]
                if self.strange else ""))


def feed(app, name, most, first=lambda: None):
    """Calls until it is dead, every second one a stream, `first` after one of
    them; gives the names of those that returned."""
    returned = []
    for i in range(most):
        one = "%s %d" % (name, i)
        try:
            app.process.stdin.write(harness.body(
                "<%s>" % one, stream=i % 2 == 1).encode() + b"\n")
            app.process.stdin.flush()
            if not app.process.stdout.readline():
                break
        except BrokenPipeError:
            break
        returned.append(one)
        if i == 0:
            first()
    return returned


def asked_since(report, mark):
    """The calls that reached the model: those under way at a kill too."""
    found = set()
    for request in report.servers.requests_since(mark):
        found |= set(PROMPT.findall(base64.b64decode(
            request["body"]).decode(errors="replace")))
    return found


def finish(report, t, dd, runs, name, made, begun=None):
    """The last process takes over; then the table, and the proof."""
    dd.well()
    spans = take_over(t, dd, runs.environment(dd), 120)
    proof = Proof(dd, runs)
    report.row(name, made, all_of(t, spans), proof.explained, begun=begun)
    proof.tell(report)
    report.verdict(not kept_files(t, dd), "  nothing is left behind")


def die_at(t, n, env):
    """A program that dies at its n-th step: what returned, and whether it had
    such a step."""
    with Living(t, env, keep=True) as app:
        returned = feed(app, "step %d" % n, 3)
        try:
            app.process.stdin.close()
        except OSError:
            pass
        return returned, app.process.wait(60) < 0


def take_all(t, env, name):
    """A process that takes over what there is and ends well.  Gives what it
    asked."""
    with Living(t, env, keep=True) as app:
        asked = set(feed(app, name, 1))
        app.end()
    return asked


def tell_places(places):
    print("  fell: " + "; ".join("%d %s" % (places.count(p), p) for p
                                 in dict.fromkeys(places)))


def each_step(report, build, name, fault, adopts=False, alone=False):
    """`adopts`: each finds what a killed one left; `alone`: each finds
    nothing."""
    t, made, places = report.case(build), set(), []
    mark = report.servers.mark()
    with double(t) as dd:
        runs = Runs(t)
        for n in range(1, 400):
            if adopts:
                dd.fault("500")
                with Living(t, runs.environment(dd), keep=True) as app:
                    made |= set(feed(app, "left %d" % n, 3))
                    app.kill()
                dd.well()
            if alone:
                made |= take_all(t, runs.environment(dd), "before %d" % n)
            if fault:
                dd.fault(fault)
            returned, fell = die_at(t, n, runs.environment(dd, n))
            made |= set(returned)
            if not fell:
                break
            places.append(runs.fell())
        made |= asked_since(report, mark)
        finish(report, t, dd, runs, "killed at each of %d steps, %s"
               % (len(places), name), made)
        tell_places(places)
    report.done(t)


def steps(report, build):
    each_step(report, build, "a well agent", None)
    each_step(report, build, "a dead agent", "500")
    each_step(report, build, "one that adopts", None, adopts=True)
    each_step(report, build, "from begin to end", None, alone=True)


def kill_soon(app, seconds, name, at_once):
    """So long after its start, or after its first call: a busy host would kill
    most of them before they begin."""
    timer = threading.Timer(seconds, app.process.kill)
    if at_once:
        timer.start()
    returned = feed(app, name, 100000,
                    (lambda: None) if at_once else timer.start)
    app.process.wait()
    timer.join()
    return returned


def random_kills(report, build, count):
    t, made, fell = report.case(build), set(), {}
    mark = report.servers.mark()
    seed = int.from_bytes(os.urandom(4), "big")
    draw = random.Random(seed)
    print("seed %d" % seed)
    with double(t) as dd:
        runs = Runs(t)
        for n in range(count):
            if n % 10 == 0:
                dd.well()
            if n % 10 == 5:
                dd.fault(draw.choice(["500", "reset", "close", "429"]))
            with Living(t, runs.environment(dd), keep=True) as app:
                made |= set(kill_soon(app, draw.uniform(0.005, 0.15),
                                      "kill %d" % n, n % 4 == 0))
            fell[runs.fell()] = fell.get(runs.fell(), 0) + 1
        made |= asked_since(report, mark)
        finish(report, t, dd, runs, "killed at %d random moments" % count,
               made)
        print("  last step before: " + "; ".join(
            "%d %s" % (fell[p], p) for p in sorted(fell, key=fell.get,
                                                   reverse=True)))
    report.done(t)
