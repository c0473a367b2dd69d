"""Kills of relays, and of the programs that leave their calls to them: at each
step of a relay, and at random moments.  The proof is that of kills.py: each
process, a relay too, has a number and a log of its steps."""
import contextlib
import os
import random
import subprocess
import threading
import time

import kills
from delivery import Living, double, left_behind, wait_for
from relays import Relay, sign_is_up
from report import age_all

SLOW = dict(kind="slow", delay_ms=40)


def has_fallen(runs, number, at):
    """It has come to the step at which it dies."""
    return len(runs.steps(number)) >= at


def work(t, runs, dd, name):
    """A program that ends well, and one whose files the relay closes, and that
    is killed: what returned."""
    with Living(t, runs.environment(dd), keep=True) as app:
        returned = kills.feed(app, name + " ends", 2)
        app.end()
    with Living(t, runs.environment(dd), keep=True) as app:
        returned += kills.feed(app, name + " is killed", 1)
        time.sleep(0.1)
        returned += kills.feed(app, name + " is killed later", 1)
        app.begin("<%s under way>" % name, wait=0.1)
        app.kill()
    return returned + [name + " under way"]


def drain(t, runs, dd):
    """It delivers all that is left, so that each relay finds as much."""
    subprocess.run([os.path.join(t.build, "llmobs"), "drain"],
                   env=t.environment(True, runs.environment(dd)),
                   stdout=subprocess.DEVNULL, timeout=60, check=True)


def at_rest(t, runs, number, at):
    return wait_for(lambda: has_fallen(runs, number, at) or
                    not left_behind(t), 10, 0.005)


def dies_at(t, runs, dd, n, second):
    """A relay that dies at its n-th step, and `second`, or None: what returned,
    and its last step, or None where it had no such step."""
    env = runs.environment(dd, n)
    number = runs.number(env)
    with Relay(t, env, wait=False) as relay, contextlib.ExitStack() as stack:
        wait_for(lambda: sign_is_up(t) or has_fallen(runs, number, n), 10)
        if second:
            stack.enter_context(Relay(t, runs.environment(dd), wait=False))
        returned = work(t, runs, dd, "relay %d" % n)
        at_rest(t, runs, number, n)
        fell = has_fallen(runs, number, n)
        relay.kill(wait=not second)
        if second:
            wait_for(lambda: not left_behind(t), 10)
    return returned, runs.steps(number)[n - 1] if fell else None


def each_step(report, build, name, second=False):
    t, made, places = report.case(build), set(), []
    mark = report.servers.mark()
    with double(t) as dd:
        runs = kills.Runs(t)
        for n in range(1, 400):
            returned, fell = dies_at(t, runs, dd, n, second)
            made |= set(returned)
            if not second:
                drain(t, runs, dd)
            if not fell:
                break
            places.append(fell)
        made |= kills.asked_since(report, mark)
        kills.finish(report, t, dd, runs, "a relay killed at each of %d steps, "
                     "%s" % (len(places), name), made)
        kills.tell_places(places)
    report.done(t)


def steps(report, build):
    each_step(report, build, "alone")
    each_step(report, build, "beside another", second=True)


# ---- at random moments ------------------------------------------------------

class Host:
    """Programs and relays that come, go and are killed, until so many were."""

    def __init__(self, report, build, count, seed):
        self.t, self.count, self.seed = report.case(build), count, seed
        self.lock = threading.Lock()
        self.killed = {"programs": 0, "relays": 0}
        self.states, self.broken = {}, []
        self.made, self.begun = set(), set()
        self.dd = double(self.t)
        self.runs = kills.Runs(self.t)

    def over(self):
        return self.broken or sum(self.killed.values()) >= self.count

    def note(self, what, numbers=1):
        with self.lock:
            self.killed[what] += numbers

    def thread(self, number, turn):
        draw = random.Random("%d %d" % (self.seed, number))
        try:
            for n in range(10 ** 9):
                if self.over():
                    return
                turn(draw, "%d of %d" % (n, number))
        except Exception as e: # the others end, and the verdict says it
            self.broken.append("%s: %s" % (type(e).__name__, e))

    def run(self, programs=2):
        turns = [self.program] * programs + [self.relay]
        threads = [threading.Thread(target=self.thread, args=(i, turn))
                   for i, turn in enumerate(turns)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()

    # -- programs

    def program(self, draw, name):
        with Living(self.t, self.runs.environment(self.dd), keep=True) as app:
            if draw.random() < 0.3:
                returned = kills.feed(app, "well " + name, draw.randint(1, 4))
                app.end()
            else:
                name = "kill " + name
                returned = kills.kill_soon(app, draw.uniform(0.005, 0.6), name,
                                           draw.random() < 0.25)
                self.note("programs")
        with self.lock:
            self.made |= set(returned)
            self.begun.add("%s %d" % (name, len(returned)))

    # -- relays, in each of their states

    def start(self):
        return Relay(self.t, self.runs.environment(self.dd), wait=False)

    def kill(self, *relays):
        for relay in relays:
            relay.kill(wait=False)
        self.note("relays", len(relays))

    def one(self, draw):
        """Sometimes before it has its sign."""
        with self.start() as relay:
            time.sleep(draw.uniform(0.01, 0.6))
            self.kill(relay)

    def two(self, draw):
        with self.start() as first, self.start() as second:
            time.sleep(draw.uniform(0.05, 0.5))
            self.kill(first)
            time.sleep(draw.uniform(0, 0.5))
            self.kill(second)

    def another_version(self, draw):
        """The new one is started, then the old one is stopped."""
        with self.start() as old, self.start() as new:
            wait_for(lambda: sign_is_up(self.t), 10)
            time.sleep(draw.uniform(0, 0.2))
            old.end()
            time.sleep(draw.uniform(0, 0.5))
            self.kill(new)

    def parent_first(self, draw):
        """The kernel tells its child to end; the next one waits for that."""
        with self.start() as relay:
            time.sleep(draw.uniform(0.05, 0.4))
            relay.process.kill()
            with self.start() as following:
                time.sleep(draw.uniform(0.05, 0.4))
                self.kill(relay, following)

    def absent(self, draw):
        time.sleep(draw.uniform(0, 0.5))

    def relay(self, draw, name):
        if draw.random() < 0.2:
            self.dd.fault(draw.choice(["500", "reset", "close", "429"]))
        elif draw.random() < 0.5:
            self.dd.fault(**SLOW)
        else:
            self.dd.well()
        state = draw.choice([self.one, self.one, self.two,
                             self.another_version, self.parent_first,
                             self.absent])
        self.states[state.__name__] = self.states.get(state.__name__, 0) + 1
        state(draw)
        self.dd.well()


def take_over_by_relay(host):
    """The next relay delivers what the others have left."""
    age_all(host.t)
    with Relay(host.t, host.runs.environment(host.dd)) as relay:
        wait_for(lambda: not left_behind(host.t), 60, 0.1)
        relay.end()


def random_kills(report, build, count, seed=None):
    if seed is None:
        seed = int.from_bytes(os.urandom(4), "big")
    print("seed %d" % seed)
    mark = report.servers.mark()
    host = Host(report, build, count, seed)
    with host.dd:
        host.run()
        host.dd.well()
        host.made |= kills.asked_since(report, mark)
        take_over_by_relay(host)
        kills.finish(report, host.t, host.dd, host.runs,
                     "relays and programs killed %d times" % sum(
                         host.killed.values()), host.made, host.begun)
        report.verdict(not host.broken, "  %d programs, %d relays: %s%s" % (
            host.killed["programs"], host.killed["relays"],
            ", ".join("%d %s" % (n, s.replace("_", " "))
                      for s, n in sorted(host.states.items())),
            "; BROKEN: %s" % host.broken[:3] if host.broken else ""))
    report.done(host.t)
