"""Rows of a relay in each of its states, while programs come and go.  None of
them kills anything: so nothing may come twice."""
import contextlib
import os
import random
import signal
import subprocess
import threading
import time

from delivery import Living, agent, double, left_behind, wait_for
from disk_rows import in_mounts
from relays import Relay, sign_is_up
from report import all_of, ask, take_over

FILES = ("llmobs", "llmobs-tool", "libllmobs_preload.so", "libllmobs_core.so")


class Crowd:
    """Programs that come and go, two at a time, until the end of the block."""

    def __init__(self, t, env, size=0, launcher=()):
        self.t, self.env, self.size, self.launcher = t, env, size, launcher
        self.made, self.broken = [], []
        self.over = threading.Event()
        self.threads = [threading.Thread(target=self.run, args=(i,))
                        for i in range(2)]

    def run(self, number):
        try:
            n = 0
            while not self.over.is_set():
                self.program("crowd %d program %d" % (number, n), 1 + n % 4)
                n += 1
        except Exception as e: # the row says it
            self.broken.append("%s: %s" % (type(e).__name__, e))

    def program(self, name, calls):
        with Living(self.t, self.env, keep=True,
                    launcher=self.launcher) as app:
            for i in range(calls):
                ask(app, self.made, "%s call %d" % (name, i), self.size)
            app.end()

    def __enter__(self):
        for one in self.threads:
            one.start()
        return self

    def __exit__(self, *what):
        self.over.set()
        for one in self.threads:
            one.join()


def finish(report, t, dd, name, crowd, folder=None, launcher=()):
    spans = take_over(t, dd, crowd.env, 30, folder, launcher)
    report.row(name, crowd.made, all_of(t, spans), begun=())
    report.verdict(bool(crowd.made) and not crowd.broken and
                   not left_behind(t, folder),
                   "  nothing is left behind" + (
                       "; BROKEN: %s" % crowd.broken[:2]
                       if crowd.broken else ""))


def patient(dd, **more):
    """An answer is waited for, however busy the host."""
    return agent(dd, _DD_LLMOBS_WRITER_TIMEOUT="60", **more)


def state_row(report, name, states):
    """`states` leads one relay or more through them."""
    t = report.case()
    with double(t) as dd:
        with Crowd(t, patient(dd)) as crowd:
            states(t, dd, crowd)
        finish(report, t, dd, name, crowd)
    report.done(t)


def absent(t, dd, crowd):
    time.sleep(1)


def late(t, dd, crowd):
    time.sleep(0.7)
    with Relay(t, patient(dd)) as relay:
        time.sleep(0.7)
        relay.end()
        time.sleep(0.3)


def two_at_once(t, dd, crowd):
    with contextlib.ExitStack() as stack:
        relays = [stack.enter_context(Relay(t, patient(dd), wait=i == 0))
                  for i in range(2)]
        for _ in range(4):
            time.sleep(0.3)
            relays.pop(0).end()
            relays.append(stack.enter_context(
                Relay(t, patient(dd), wait=False)))
        time.sleep(0.3)
        for relay in relays:
            relay.end()


def replace(build, place):
    """As packages do it: each file at once.  Another process writes it: none
    that is forked here meanwhile has it open."""
    for name in FILES:
        subprocess.run(["cp", os.path.join(build, name), place + "/.new"],
                       check=True)
        os.rename(place + "/.new", os.path.join(place, name))


def upgraded(t, dd, crowd):
    """Programs and relays of two builds, which replace each other."""
    builds = [b for b in (t.build + "-test", t.build) if os.path.exists(
        os.path.join(b, FILES[0]))]
    place, build = os.path.join(t.dir, "installed"), t.build
    os.makedirs(place, exist_ok=True)
    replace(build, place)
    with contextlib.ExitStack() as stack:
        stack.callback(setattr, t, "build", build)
        t.build = place
        relay = stack.enter_context(Relay(t, patient(dd)))
        for i in range(4):
            time.sleep(0.3)
            replace(builds[i % len(builds)], place)
            following = stack.enter_context(Relay(t, patient(dd), wait=False))
            time.sleep(0.1)
            relay.end()
            relay = following
        time.sleep(0.3)
        relay.end()


def stopped(t, dd, crowd):
    """For a moment, in which programs still leave their calls to it."""
    with Relay(t, patient(dd)) as relay:
        for _ in range(3):
            os.killpg(relay.process.pid, signal.SIGSTOP)
            time.sleep(0.3)
            os.killpg(relay.process.pid, signal.SIGCONT)
            time.sleep(0.2)
        relay.end()


def in_turn(report, seconds):
    """All of these states, for so long."""
    draw = random.Random(1)
    until = time.monotonic() + seconds

    def states(t, dd, crowd):
        while time.monotonic() < until:
            draw.choice([absent, late, two_at_once, upgraded, stopped])(
                t, dd, crowd)

    state_row(report, "relays in all states", states)


@contextlib.contextmanager
def mounted(report, name, place, size="192k"):
    """A namespace where a small file system is at that place: gives what
    starts a program there, and its path from here; or None."""
    script = "mount -t tmpfs -o size=%s none '%s'" % (size, place)
    if not in_mounts(report, name, script):
        yield None, None
        return
    holder = subprocess.Popen(
        ["unshare", "-m", "sh", "-c", script + " && echo && exec cat"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        holder.stdout.readline()
        yield ("nsenter", "-m", "-t", str(holder.pid)), \
            "/proc/%d/root%s" % (holder.pid, place)
    finally:
        holder.communicate()


def full_row(report):
    """The relay is stopped until nobody can write any more."""
    name, t = "relay, and a full disk", report.case()
    place = os.path.join(t.dir, "small")
    os.mkdir(place)
    with double(t) as dd, mounted(report, name, place) as (launcher, path):
        if launcher:
            env = patient(dd, LLMOBS_SPOOL_DIR=place)
            with Relay(t, env, wait=False, launcher=launcher) as relay:
                wait_for(lambda: sign_is_up(t, "%s/relay.%d" % (
                    path, os.geteuid())), 10)
                os.killpg(relay.process.pid, signal.SIGSTOP)
                with Crowd(t, env, 3000, launcher) as crowd:
                    wait_for(lambda: is_full(path), 8)
                    time.sleep(0.5)
                    full = is_full(path)
                    os.killpg(relay.process.pid, signal.SIGCONT)
                    time.sleep(0.5)
                wait_for(lambda: not left_behind(t, path), 10)
                relay.end()
            report.verdict(full, "  the disk was full")
            finish(report, t, dd, name, crowd, path, launcher)
    report.done(t)


def is_full(path):
    st = os.statvfs(path)
    return st.f_bavail * st.f_frsize < 8192


def rows(report):
    named = [(absent, "no relay"), (late, "a relay started late, stopped"),
             (two_at_once, "two relays at once, in turn"),
             (upgraded, "relay and programs upgraded"),
             (stopped, "a relay stopped, continued")]
    plain = [(state_row, name, states) for states, name in named]
    if os.geteuid() != 0:
        report.skip("a relay's full disk: not root")
        return plain
    return plain + [(full_row,)]
