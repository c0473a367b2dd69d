"""Three users and root beside one relay for a while, of whom one does harm all
the time: the spans of the others come as ever."""
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time

import harness
from delivery import agent, double, wait_for
from report import prompt_of
from test_users import (HERE, USERS, User, apart, as_user, litter, own_mounts,
                        plant, prompts, relay_of_root)

MOST_S = 1.0 # from a program's end to its span
FIRST = 4000000 # of the numbers in the names that litter has


class Harm:
    """By the user `bad`, in turn."""

    def __init__(self, t, relay, bad, victim, over):
        self.t, self.relay, self.bad = t, relay, bad
        self.victim, self.over = victim, over
        self.done, self.broken = 0, None

    def run(self):
        draw = random.Random(1)
        plant(self.bad, self.victim)
        try:
            while not self.over.is_set():
                draw.choice([self.litter, self.flood, self.stop, self.kill])()
                self.done += 1
        except Exception as e: # the verdict says it
            self.broken = "%s: %s" % (type(e).__name__, e)

    def litter(self):
        if self.done < 50:
            litter(self.bad, self.victim, 100, FIRST + 100 * self.done)

    def flood(self):
        line = (harness.body("<one floods> " + "x" * 4000) + "\n").encode()
        flood = subprocess.Popen(
            [HERE + "/caller", self.t.url], user=self.bad.uid,
            group=self.bad.uid, extra_groups=[], cwd=self.bad.home,
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
            env=self.bad.environment())
        flood.stdin.write(line * 300)
        flood.stdin.flush()
        self.over.wait(0.5)
        flood.kill()
        flood.wait()
        flood.stdin.close()

    def signal(self, number):
        child = self.bad.child(self.relay)
        if child:
            as_user(self.bad, lambda: os.kill(child, number))

    def stop(self):
        self.signal(signal.SIGSTOP)
        self.over.wait(1)
        self.signal(signal.SIGCONT)

    def kill(self):
        self.signal(signal.SIGKILL)
        self.over.wait(0.5)


def lives(t, seconds):
    """Gives what is to be said, and whether it is well."""
    own_mounts(t)
    users = [User(t, uid) for uid in (0,) + USERS]
    bad, others = users[1], [users[0]] + users[2:]
    over, ended = threading.Event(), {}
    with double(t) as dd, double(t) as own, \
            relay_of_root(t, dd, users) as relay:
        harm = Harm(t, relay, bad, others[1], over)
        thread = threading.Thread(target=harm.run)
        thread.start()
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            for user in others:
                one = "%d" % len(ended)
                user.call(one)
                ended["%s %s" % (user.name, one)] = time.time()
                wait_for(lambda: len(ended) <= sum(
                    not p.startswith(bad.name + " ") for p in prompts(dd)),
                    10, 0.005)
            user.call("its own", **agent(own))
        over.set()
        thread.join()
        came = [p for p in prompts(dd) if not p.startswith(bad.name + " ")]
        took = times(dd, ended)
        elsewhere = {p for p in prompts(own)}
        apart(users)
    yield not harm.broken and harm.done > 0, \
        "users: %d s, one did harm %d times%s" % (
            seconds, harm.done, ": " + harm.broken if harm.broken else "")
    yield max(took) < MOST_S, \
        "  the others' %d spans: %.0f ms at most, %.0f in the middle" % (
            len(took), max(took) * 1000, sorted(took)[len(took) // 2] * 1000)
    yield sorted(came) == sorted(ended) and elsewhere == {"three its own"}, \
        "  each once, at its own destination"


def times(dd, ended):
    """The seconds until each span was there, as the double has noted it: to ask
    for all of them takes longer than that."""
    came = {prompt_of(one["event"]): one["time"]
            for one in dd.spans(full=True)}
    return [came.get(name, time.time()) - at for name, at in ended.items()]


def users(report, seconds):
    """In a process with mounts of its own."""
    t = report.case()
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            said = list(lives(t, seconds))
        except harness.Skip as e:
            said = [(None, str(e))]
        except BaseException as e:
            said = [(False, "users: %s: %s" % (type(e).__name__, e))]
        os.write(write, json.dumps(said).encode())
        sys.stdout.flush()
        os._exit(0)
    os.close(write)
    with open(read, "rb") as f:
        said = json.loads(f.read() or b"[]")
    os.waitpid(pid, 0)
    for well, text in said or [(False, "users: no word of them")]:
        if well is None:
            report.skip(text)
        else:
            report.verdict(well, text)
    report.done(t)
