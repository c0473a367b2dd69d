"""One relay of root for all users of a host: it keeps them apart, and one who
does harm does none to the others."""
import contextlib
import ctypes
import errno
import json
import os
import shutil
import signal
import stat
import subprocess
import time

from delivery import (NEW_MOUNTS, PRIVATE, agent, caller, double, ids,
                      left_behind, name_of, spool_of, wait_for)
from harness import Skip, body, curl, data_of, equal, ok, test
from relays import Relay, sign_is_up

USERS = (60001, 60002, 60003) # they need no name
HERE = "/var/lib/it" # the programs, where all may read them
LOG = "/var/tmp/relay.log" # where the relay's processes may all write
NAMED = ("root", "one", "two", "three")


class User:
    """Root, or one of the users, with a home; `spool`: one that all share."""

    def __init__(self, t, uid, spool=None, has_spool=True):
        self.t, self.uid = t, uid
        self.name = NAMED[0 if uid == 0 else uid - USERS[0] + 1]
        self.home = "/root" if uid == 0 else "/home/" + self.name
        self.state = "/var/lib/llmobs" if uid == 0 else \
            self.home + "/.local/state/llmobs"
        self.spool = spool or self.state + "/spool"
        self.shared = spool is not None
        self.make(self.state)
        if has_spool and not self.shared:
            self.make(self.spool)

    def make(self, path):
        """With all that is missing above it, each the user's alone."""
        if not os.path.isdir(path):
            self.make(os.path.dirname(path))
            os.mkdir(path, 0o700)
            os.chown(path, self.uid, self.uid)

    def environment(self, **more):
        """Of a program that names no destination."""
        env = {"PATH": "/usr/bin:/bin", "HOME": self.home, "LANG": "C.UTF-8",
               "DD_LLMOBS_ENABLED": "1", "DD_LLMOBS_ML_APP": self.name,
               "LD_PRELOAD": HERE + "/libllmobs_preload.so", "NO_PROXY": "*",
               "LLMOBS_LOG": self.home + "/log", "LLMOBS_LOG_LEVEL": "debug"}
        if self.shared:
            env["LLMOBS_SPOOL_DIR"] = self.spool
        return dict(env, **more)

    def become(self, command, **options):
        return subprocess.run(command, user=self.uid, group=self.uid,
                              extra_groups=[], check=True, timeout=60,
                              **options)

    def call(self, *prompts, **env):
        """A short program of this user."""
        out = self.become(
            [HERE + "/caller", self.t.url], cwd=self.home,
            env=self.environment(**env), stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, input=b"".join(
                body("<%s %s>" % (self.name, p)).encode() + b"\n"
                for p in prompts)).stdout
        equal([line.split()[:2] for line in out.splitlines()],
              [[b"0", b"200"]] * len(prompts), "calls")

    def sign_is_up(self):
        return sign_is_up(self.t, "%s/relay.%d" % (self.spool, self.uid))

    def child(self, relay):
        """The relay's process for this user."""
        return next((int(p) for p in os.listdir("/proc") if p.isdigit() and
                     is_of(p, self.uid, relay.process.pid)), None)


def is_of(pid, uid, parent):
    try:
        with open("/proc/%s/status" % pid) as f:
            said = dict(line.split(":", 1) for line in f)
    except OSError:
        return False
    return int(said["PPid"]) == parent and int(said["Uid"].split()[0]) == uid


def own_mounts(t):
    """Empty places for homes, stores and spools; the process ends with the
    test."""
    libc = ctypes.CDLL(None, use_errno=True)
    if os.geteuid() != 0:
        raise Skip("several users: not root")
    if libc.unshare(NEW_MOUNTS) or \
            libc.mount(b"none", b"/", None, PRIVATE, None):
        raise Skip("no mount namespaces here")
    for place in (b"/home", b"/var/tmp", b"/var/lib", b"/root"):
        if libc.mount(b"tmpfs", place, b"tmpfs", 0, b"mode=755"):
            raise Skip("no mounts here")
    os.chmod("/var/tmp", 0o1777)
    with open(LOG, "w"):
        os.chmod(LOG, 0o666)
    os.mkdir(HERE)
    shutil.copy(caller(t), HERE + "/caller")
    for name in ("libllmobs_preload.so", "libllmobs_core.so", "llmobs",
                 "llmobs-tool"):
        shutil.copy(os.path.join(t.build, name), HERE)


def own_place(t, dd, **more):
    """The environment of root's relay: no test's directory, but the host's."""
    return agent(dd, LLMOBS_STORE_DIR=None, HOME="/root",
                 LD_PRELOAD=None, LLMOBS_LOG=LOG, **more)


@contextlib.contextmanager
def relay_of_root(t, dd, users, **more):
    t.fresh(None)
    with Relay(t, own_place(t, dd, **more), wait=False) as relay:
        ok(wait_for(lambda: all(u.sign_is_up() for u in users), 30),
           "a sign for each user")
        yield relay


def prompts(dd):
    return sorted(s["meta"]["input"]["messages"][0]["content"].strip("<>")
                  for s in dd.spans())


def soon(dd, users, what):
    """Each call of these users comes to the relay's destination, and in less
    than a second where the machine gives the processes their time: one of five
    calls at least."""
    for user in users:
        took = []
        while not took or min(took) >= 1:
            ok(len(took) < 5, "%s: the calls took %s s" % (user.name, took))
            prompt = "%s %d" % (what, len(took))
            user.call(prompt)
            began = time.monotonic()
            ok(wait_for(lambda: "%s %s" % (user.name, prompt) in prompts(dd),
                        20, 0.005), "the span of " + user.name)
            took.append(time.monotonic() - began)


def files_below(top):
    for place, _, names in os.walk(top):
        for name in names:
            yield os.path.join(place, name)


def apart(users):
    """No byte of a user's is in a file of another, or in the relay's log."""
    for user in users:
        others = [u.name for u in users if u is not user]
        for path in [p for top in (user.home, user.state)
                     for p in files_below(top)]:
            st = os.lstat(path)
            equal(st.st_uid, user.uid, "owner of " + path)
            if stat.S_ISREG(st.st_mode):
                data = data_of(path)
                for other in others:
                    ok(("<%s " % other).encode() not in data,
                       "%s is in %s" % (other, path))
    data = open(LOG, "rb").read()
    for user in users:
        ok(("<%s " % user.name).encode() not in data, "a call in the log")


@test
def three_users_and_root(t):
    """A user who names no destination leaves the calls to the relay; one who
    names a destination delivers there, and the leftovers go nowhere else."""
    own_mounts(t)
    users = [User(t, uid) for uid in (0,) + USERS]
    with contextlib.ExitStack() as stack:
        host = stack.enter_context(double(t))
        own = [stack.enter_context(double(t)) for _ in users]
        stack.enter_context(relay_of_root(t, host, users))
        own[2].fault("500")
        for user, dd in zip(users, own):
            user.call("with the host's", "again")
            user.call("with its own", **agent(dd))
            user.call("in its store", LLMOBS_EXPORTER="store")
        ok(wait_for(lambda: len(host.spans()) == 8, 30), "the relay's spans")
        time.sleep(1.2) # it looks for what is left
        equal(prompts(host), sorted(
            u.name + " " + p for u in users for p in ("with the host's",
                                                      "again")), "at the host's")
        equal(len(set(ids(host.spans()))), 8, "each once")
        own[2].well()
        users[2].become([HERE + "/llmobs", "drain"], stdout=subprocess.DEVNULL,
                        env=users[2].environment(**agent(own[2])))
        for user, dd in zip(users, own):
            ok(wait_for(dd.spans, 30), "the span at its own")
            equal(prompts(dd), [user.name + " with its own"], "at its own")
            stored = b"".join(open(p, "rb").read()
                              for p in files_below(user.state)
                              if p.endswith(".jsonl"))
            ok(b"in its store" in stored, "the store of " + user.name)
        apart(users)


@test
def no_mask_opens_a_file(t):
    """Under umask 000 all that programs, relay and commands make is their
    user's alone: store, spool, links, counters, log, recordings, the sign."""
    t.fresh(None)
    os.umask(0)
    record = os.path.join(t.dir, "work", "record", "deep")
    with double(t) as dd, Relay(t, agent(dd)):
        t.run(curl(t.url, body()), env=agent(dd), keep=True)
        t.run(curl(t.url, body()), keep=True, env={"LLMOBS_RECORD": record})
        dd.fault("400")
        t.run(curl(t.url, body()), env=agent(dd), keep=True)
        ok(wait_for(lambda: os.path.exists(
            os.path.join(spool_of(t), "rejected.jsonl")), 20), "a refused one")
        made = [os.path.join(t.dir, "log")] + [
            os.path.join(place, name)
            for top in ("home", "store", "work")
            for place, folders, names in os.walk(os.path.join(t.dir, top))
            for name in folders + names]
        equal({"log", "spool", "stats", "totals", "spans.jsonl", "usage",
               "relay.%d" % os.geteuid(), "links.%d" % os.geteuid(),
               "rejected.jsonl", "deep", "0001", "request.json"} -
              {os.path.basename(p) for p in made}, set(), "what was not made")
        equal([(p, oct(os.stat(p).st_mode)) for p in made
               if os.stat(p).st_mode & 0o077], [], "open to others")


# ---- one who does harm ------------------------------------------------------

def as_user(user, work):
    """Does it in a process of the user's; gives its exit status."""
    pid = os.fork()
    if pid == 0:
        os.setgroups([])
        os.setresgid(user.uid, user.uid, user.uid)
        os.setresuid(user.uid, user.uid, user.uid)
        try:
            work()
            os._exit(0)
        except BaseException as e:
            print("# %s" % e, flush=True)
            os._exit(1)
    equal(os.waitpid(pid, 0)[1], 0, "end of a user's work")


def litter(user, victim, count, first=4000000):
    """Files that a relay must not follow, read to their end, or wait for; and
    a lot of them, under the names that it looks for."""
    def work():
        os.chdir(user.spool)
        for i in range(first, first + count):
            owner = "%d-1-%d" % (i, i)
            os.symlink(victim.spool if i % 2 else "/var/lib/secret",
                       name_of(owner))
            if i % 4 == 1:
                os.mkfifo(name_of(owner, 2), 0o600)
            if i % 4 == 2:
                with open(name_of(owner, 3), "wb") as f:
                    f.truncate(1 << 40) # nothing but a hole
            if i % 4 == 3:
                with open(name_of(owner, 4), "wb") as f:
                    f.write(os.urandom(65536))

    as_user(user, work)


def plant(user, victim):
    """Names that lead elsewhere, and a sign and a spool in the victim's name."""
    def work():
        os.chdir(user.spool)
        os.symlink(victim.spool, name_of("5000000-1-1"))
        os.mkdir(name_of("5000001-1-1"))
        os.mkfifo("relay.%d" % victim.uid, 0o600)
        os.mkdir("/var/tmp/llmobs-%d" % victim.uid)
        os.mkdir("/var/tmp/llmobs-%d/spool" % victim.uid)

    as_user(user, work)


def plant_links(user, victim):
    """Names in the user's spool of a file that the victim has: with hard links
    that nobody refuses, as on an old system, root makes them here."""
    victims = left_behind(victim.t, victim.spool)
    ok(victims, "the victim has no files")
    os.link(os.path.join(victim.spool, victims[0]),
            os.path.join(user.spool, name_of("6000000-1-1")))


@test
def one_who_does_harm(t):
    """A user stops the relay's process of that user, and litters and floods the
    spool: the others' spans come as ever."""
    own_mounts(t)
    with open("/var/lib/secret", "w") as f:
        f.write("<root of root's own>")
    os.chmod("/var/lib/secret", 0o600)
    users = [User(t, uid) for uid in (0,) + USERS]
    bad, others = users[1], [users[0]] + users[2:]
    with double(t) as dd, double(t) as dead, \
            relay_of_root(t, dd, users) as relay:
        dead.fault("500")
        soon(dd, users, "before")
        others[1].call("not to be seen", **agent(dead))
        litter(bad, others[1], 300)
        plant(bad, others[1])
        plant_links(bad, others[1])
        soon(dd, others, "beside litter")
        flood = subprocess.Popen(
            [HERE + "/caller", t.url], user=bad.uid, group=bad.uid,
            extra_groups=[], cwd=bad.home, stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL, env=bad.environment())
        try:
            flood.stdin.write((body("<one floods> " + "x" * 4000) + "\n"
                               ).encode() * 300)
            flood.stdin.flush()
            soon(dd, others, "beside a flood")
        finally:
            flood.kill()
            flood.wait()
            flood.stdin.close()
        child = bad.child(relay)
        as_user(bad, lambda: os.kill(child, signal.SIGSTOP))
        soon(dd, others, "beside one that is stopped")
        as_user(bad, lambda: os.kill(child, signal.SIGKILL))
        soon(dd, others, "beside one that is killed")
        ok(not any("not to be seen" in p or "root's own" in p
                   for p in prompts(dd)), "what the relay must not send")
        times = [p for p in prompts(dd) if p.startswith("two ")]
        equal(len(times), len(set(times)), "each call of the victim once")
        equal(relay.process.poll(), None, "the relay lives")


# ---- one spool of several users ---------------------------------------------

@test
def a_shared_spool(t):
    """A user whose processes leave nothing behind has a relay, too, and nobody
    keeps another from one by a sign in that one's name."""
    own_mounts(t)
    place = "/var/tmp/shared"
    os.mkdir(place)
    os.chmod(place, 0o1777)
    users = [User(t, uid, place) for uid in USERS]
    with double(t) as dd, relay_of_root(t, dd, [],
                                        LLMOBS_SPOOL_DIR=place) as relay:
        for name in ("relay.%d" % USERS[1], "relay.%d" % USERS[2]):
            as_user(users[0], lambda: open(os.path.join(place, name),
                                           "w").close())
        for user in users:
            user.call("by itself", **agent(dd))
        ok(wait_for(users[0].sign_is_up, 30), "a relay for who leaves nothing")
        for user in users[1:]:
            wait_for(lambda: not os.path.exists(
                "%s/relay.%d" % (place, user.uid)), 6)
            user.call("again", **agent(dd))
            ok(wait_for(user.sign_is_up, 30), "one beside a forged sign")
        soon(dd, users, "left to it")
        equal(relay.process.poll(), None, "the relay lives")


@test
def no_right_but_the_users(t):
    """The relay's process of a user has neither a group of the host's, though
    the folder has root's, nor a capability; and the user, whose number it has,
    reads nothing of it, as the key of the relay is in its memory."""
    own_mounts(t)
    user = User(t, USERS[0])
    os.chown(user.home, user.uid, 0)
    with double(t) as dd, relay_of_root(t, dd, [user]) as relay:
        child = user.child(relay)
        with open("/proc/%d/status" % child) as f:
            said = dict(line.split(":", 1) for line in f)
        equal([said[name].split() for name in ("Uid", "Gid", "Groups", "CapPrm",
                                               "CapEff")],
              [[str(user.uid)] * 4, ["65534"] * 4, [], ["0" * 16],
               ["0" * 16]], "its rights")

        def look():
            for name in ("environ", "mem", "maps", "fd/1"):
                try:
                    os.close(os.open("/proc/%d/%s" % (child, name), os.O_RDONLY))
                except PermissionError:
                    continue
                raise AssertionError("the user reads its " + name)
            libc = ctypes.CDLL(None, use_errno=True)
            equal((libc.ptrace(16, child, None, None), ctypes.get_errno()),
                  (-1, errno.EPERM), "PTRACE_ATTACH")

        as_user(user, look)


@test
def no_spool_yet(t):
    """Root's relay says nothing of a user who has only a store, and serves one
    who gets a spool. Who can have none delivers by himself, or keeps in his store
    what his agent does not take, and that is told."""
    own_mounts(t)
    user = User(t, USERS[0], has_spool=False)
    with double(t) as dd, relay_of_root(t, dd, []):
        time.sleep(2.5)
        ok(user.spool not in open(LOG).read(),
           "a word about a spool that is not there")
        none = {"LLMOBS_SPOOL_DIR": "/proc/none"}
        user.call("without one", **agent(dd, **none))
        ok("one without one" in prompts(dd), "delivered by itself: %s" % prompts(dd))
        user.call("away", **agent(dd, **none, DD_TRACE_AGENT_URL="http://127.0.0.1:1"))
        told = subprocess.run(
            [HERE + "/llmobs", "stats", "--check", "--json"], user=user.uid,
            group=user.uid, extra_groups=[], env=user.environment(**none),
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=user.home)
        kept = json.loads(told.stdout)
        equal((told.returncode, kept["captured"], kept["delivered"], kept["fell_back"]),
              (1, 2, 1, 1), "status, captured, delivered, fell back")
        user.call("by itself", **agent(dd))
        ok(wait_for(user.sign_is_up, 30), "a relay for it")
        soon(dd, [user], "left to it")


LOSE_PARENT = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

/* The parent is killed before the child can ask for it. */
pid_t fork(void)
{
    pid_t (*real)(void) = (pid_t(*)(void))dlsym(RTLD_NEXT, "fork");
    pid_t parent = getpid(), pid = real();

    if (pid == 0) {
        kill(parent, SIGKILL);
        while (getppid() == parent)
            usleep(1000);
    }
    return pid;
}
"""


@test
def a_child_that_loses_its_parent_at_once(t):
    """It ends, too."""
    t.fresh(None)
    source = os.path.join(t.dir, "lose.c")
    with open(source, "w") as f:
        f.write(LOSE_PARENT)
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", source[:-1] + "so",
                    source, "-ldl"], check=True)
    with double(t) as dd, \
            Relay(t, agent(dd, LD_PRELOAD=source[:-1] + "so"),
                  wait=False) as relay:
        equal(relay.process.wait(10), -signal.SIGKILL, "end of the parent")
        out = relay.process.stdout
        os.set_blocking(out.fileno(), False)
        # The child has the pipe, too: its end is that of both.
        ok(wait_for(lambda: out.read() == b"", 5), "the end of the child")
        ok(not sign_is_up(t), "a sign of nobody")
