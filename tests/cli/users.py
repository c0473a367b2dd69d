#!/usr/bin/python3
"""`llmobs stats` of all users, for Prometheus, and what --check looks at.

usage: users.py LLMOBS_RUN LLMOBS [TEST]...
"""
import contextlib
import ctypes
import fcntl
import json
import os
import re
import signal
import struct
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import drain  # noqa: E402
import prometheus  # noqa: E402
from drain import (FOLDER, HOME, LLMOBS, NOBODY, STORE, Wrong,  # noqa: E402
                   calls, environment, equal, give, in_own_mounts, needs_root,
                   entries)

HOST = dict(LLMOBS_STORE_DIR=None, HOME="/root")  # of root, where it has none
ROOTS = "/var/lib/llmobs/stats"
HOMES = HOME + "/.local/state/llmobs/stats"
MINUTE = 60 * 10 ** 9


def stats(*args, **options):
    options.setdefault("env", environment())
    options.setdefault("timeout", drain.LIMIT)
    done = subprocess.run([LLMOBS, "stats", *args], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, **options)
    return done.returncode, done.stdout, done.stderr.decode()


def host(*args, **more):
    return stats("--users", *args, env=environment(**dict(HOST, **more)))


def page(counts, boot=0, pidns=0):
    """A file of a ledger (core/ledger/counts.h)."""
    text = "llmobs-ledger 1\n%d %d -\n" % (boot, pidns)
    text += "".join("%s %d\n" % c for c in counts.items())
    total = 0xcbf29ce484222325
    for byte in text.encode():
        total = (total ^ byte) * 0x100000001b3 % 2 ** 64
    return (text + "= %016x\n" % total).ljust(2047).encode() + b"\n"


def ledger(place, uid, **counts):
    """A user's totals."""
    put(place, uid, "totals", page(counts))


def put(place, uid, name, data):
    os.makedirs(place, 0o700, exist_ok=True)
    with open(os.path.join(place, name), "wb") as f:
        f.write(data)
    own(place, uid)


def own(place, uid):
    """Gives all below a home, or below /var/tmp/llmobs-UID."""
    top = re.match("/home/[^/]+|/var/(?:tmp|lib)/[^/]+|.*", place).group()
    for at, folders, names in os.walk(top):
        for name in ["."] + folders + names:
            os.lchown(os.path.join(at, name), uid, uid)


def rows(out):
    """{user: the numbers} of the text."""
    return {r.split()[0]: r.split()[1:] for r in out.decode().splitlines()[1:]}


def samples(out, metric):
    return prometheus.read(out)["llmobs_" + metric][1]


def of(user, uid, **more):
    return tuple(sorted(dict(more, user=user, uid=str(uid)).items()))


# ---- all users --------------------------------------------------------------

def each_and_their_sum():
    needs_root()
    in_own_mounts(walk_all)


def walk_all():
    ledger(ROOTS, 0, captured=5, delivered=5, processes=2)
    ledger(HOMES, 4001, captured=7, delivered=4, left=2, dropped_full=1,
           processes=3)
    # A process with another HOME took over the leavings of one of the user's.
    ledger("/var/tmp/llmobs-4001/stats", 4001, adopted=2, delivered=2)
    ledger("/var/tmp/llmobs-33/stats", 33, captured=1, delivered=1)
    ledger("/var/tmp/llmobs-4003/stats", 4004, captured=99)  # another's name
    os.makedirs(HOME + "none")
    code, out, err = host()
    equal((code, err), (0, ""), "status, messages")
    equal(rows(out), {
        "root": "5 5 0 0 0 0".split(), "4001": "7 6 0 0 0 1".split(),
        "www-data": "1 1 0 0 0 0".split(), "sum": "13 12 0 0 0 1".split()},
        "rows")
    equal([r.split()[0] for r in out.decode().splitlines()],
          ["USER", "root", "www-data", "4001", "sum"], "by their numbers")
    told = json.loads(host("--json")[1])
    equal([(u["uid"], u["user"], u["captured"], u["spooled"], u["readable"])
           for u in told["users"]],
          [(0, "root", 5, 0, True), (33, "www-data", 1, 0, True),
           (4001, "4001", 7, 0, True)], "as JSON")
    equal((told["sum"]["captured"], told["sum"]["dropped_by_reason"]["full"],
           told["sum"]["alerts"]["dropped"]), (13, 1, True), "the sum")
    out = host("--prometheus")[1]
    equal(samples(out, "captured_total"),
          {of("root", 0): 5, of("www-data", 33): 1, of("4001", 4001): 7},
          "for Prometheus")
    equal(samples(out, "dropped_total")[of("4001", 4001, reason="full")], 1,
          "a reason")
    equal(samples(out, "readable"), {of("root", 0): 1, of("www-data", 33): 1,
                                     of("4001", 4001): 1}, "readable")
    # One place for all is one row, whoever runs.
    equal(rows(host(LLMOBS_STORE_DIR="/var/lib/llmobs")[1])["root"][0], "5",
          "of one place")
    equal(len(rows(host(LLMOBS_STORE_DIR="/var/lib/llmobs")[1])), 2, "its rows")
    # Entries of a spool for all are nobody's; the counts are each user's.
    equal(rows(host(LLMOBS_SPOOL_DIR="/var/tmp/all")[1])["4001"][0], "7",
          "with a spool for all")


def real_ones():
    """The leavings of users' processes, beside their counters."""
    needs_root()
    calls(2)
    calls(1)
    in_own_mounts(walk_real)


def walk_real():
    names = entries()
    give(names[0], HOME + "/.local/state/llmobs/spool", 4001, HOME)
    give(names[1], "/var/tmp/llmobs-4002/spool", 4002)
    time.sleep(2.1)
    got = rows(host()[1])
    equal(sorted((got["4001"][3], got["4002"][3])), ["1", "2"], "spooled")
    equal(got["sum"][0], "3", "captured")
    told = json.loads(host("--json")[1])
    equal([w.split(" since ")[0] for w in told["sum"]["waiting"]],
          ["3 calls wait in the spool"], "what waits of all")
    equal(told["sum"]["spool"]["of_ended"], 3, "in the spool of all")
    code, _, err = host("--check=1")
    equal((code, "llmobs stats: 4001: in the spool for" in err,
           "llmobs stats: 4002: in the spool for" in err), (1, True, True), err)


def others_see_themselves():
    needs_root()
    in_own_mounts(walk_as_nobody)


def walk_as_nobody():
    ledger(HOMES, 4001, captured=7)
    ledger("/var/tmp/llmobs-%d/stats" % NOBODY, NOBODY, captured=3)
    code, out, err = stats("--users", env=environment(
        LLMOBS_STORE_DIR=None, HOME=None, XDG_STATE_HOME=None),
        user=NOBODY, group=NOBODY)
    equal((code, err, rows(out)["nobody"][0], len(rows(out))), (0, "", "3", 2),
          "of nobody")


# ---- a place that another user has made --------------------------------------

SERVICE = dict(LLMOBS_STORE_DIR=None, HOME="/nonexistent", XDG_STATE_HOME=None,
               LLMOBS_LOG=None)


def as_service(*argv, **env):
    done = subprocess.run(argv, capture_output=True, timeout=drain.LIMIT,
                          env=environment(**SERVICE, **env), user=NOBODY,
                          group=NOBODY, cwd="/")
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def taken_places():
    """A name in /var/tmp that another user took first: the next one is used."""
    needs_root()
    in_own_mounts(walk_taken, alone=True)


def walk_taken():
    os.chmod("/var/tmp", 0o1777)
    place = "/var/tmp/llmobs-%d" % NOBODY
    call = [drain.RUN, "curl", "-s", "-o", "/dev/null", "-H", drain.TYPE, "-d",
            drain.BODY % "m", drain.URL]
    took = [lambda: os.mkdir(place), lambda: os.symlink("/var/lib", place),
            lambda: open(place, "w").close()]
    for n, take in enumerate(took):
        take()
        if not os.path.islink(place):
            os.chmod(place, 0o777)
        os.lchown(place, 4001, 4001)
        equal(as_service(*call), (0, "", ""), "a call")
        equal(os.stat(place + ".1").st_uid, NOBODY, "whose directory")
        code, out, err = as_service(LLMOBS, "stats", "--json")
        equal((code, json.loads(out)["captured"]), (0, n + 1), err)
        code, out, err = as_service(LLMOBS, "stats", "--check=1000")
        equal((code, place + " belongs to another user" in err), (0, True), err)
        out = as_service(LLMOBS, "doctor", "--no-self-test", "curl")[1]
        equal(place + " belongs to another user" in out, True, out)
        os.rmdir(place) if os.path.isdir(place) and not os.path.islink(place) \
            else os.unlink(place)
    # Of all users, and once the name is free: the directory with the calls.
    equal(rows(host()[1])["nobody"][0], "3", "root's stats")
    equal("belongs" in as_service(LLMOBS, "stats", "--check=1000")[2], False,
          "nothing is taken")
    os.mkdir(place)
    os.lchown(place, 4001, 4001)
    done = subprocess.run([LLMOBS, "drain", "--to", "store"], timeout=drain.LIMIT,
                          env=environment(**HOST), capture_output=True)
    equal(done.returncode, 0, done.stderr.decode())
    equal(len(as_service(LLMOBS, "view", "--json")[1].splitlines()), 3, "view")
    for n in range(1, 10):
        if n > 1:
            os.mkdir(place + ".%d" % n)
        os.lchown(place + ".%d" % n, 4001, 4001)
    equal(as_service(*call), (0, "", ""), "without a place")
    code, out, err = as_service(LLMOBS, "stats", "--check=1000")
    equal((code, "nothing is recorded" in err), (1, True), err)


# ---- in mounts of their own ---------------------------------------------------

UNIT = "/var/tmp/llmobs-%d"
LIBC = ctypes.CDLL(None, use_errno=True)


@contextlib.contextmanager
def unit(uid, *steps):
    """A process of a user with a /var/tmp of its own, as PrivateTmp gives it,
    where root has done these steps. Gives the process."""
    ready, tell = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            if LIBC.unshare(0x20000) or LIBC.mount(
                    b"tmpfs", b"/var/tmp", b"tmpfs", 0, b"mode=1777"):
                os._exit(3)
            for step in steps:
                step()
            os.setgid(uid)
            os.setuid(uid)
            LIBC.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
            os.write(tell, b".")
            while True:
                signal.pause()
        finally:
            os._exit(1)
    os.close(tell)
    try:
        equal(os.read(ready, 1), b".", "the unit")
        yield pid
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(ready)


def call(uid, count=1):
    """Calls whose agent is away."""
    for _ in range(count):
        subprocess.run([drain.RUN, "curl", "-s", "-o", "/dev/null", "-H",
                        drain.TYPE, "-d", drain.BODY % "m", drain.URL],
                       env=environment(**SERVICE), user=uid, group=uid, cwd="/",
                       check=True, timeout=drain.LIMIT)


def services():
    """Root's commands see the calls in them, each once."""
    needs_root()
    in_own_mounts(walk_services, alone=True)


def walk_services():
    call(4001)
    with contextlib.ExitStack() as two:
        pid = two.enter_context(unit(4001, lambda: call(4001, 2)))
        # Another of the user; one within; one that sees what all see.
        two.enter_context(unit(4001, lambda: call(4001)))
        two.enter_context(unit(4002, lambda: call(4002)))
        inside = subprocess.Popen(
            ["nsenter", "-t", str(pid), "-m", "unshare", "-m", "setpriv",
             "--reuid=4001", "--clear-groups", "sleep", "600"])
        two.callback(inside.wait)
        two.callback(inside.kill)
        outside = subprocess.Popen(["unshare", "-m", "setpriv", "--reuid=4001",
                                    "--clear-groups", "sleep", "600"])
        two.callback(outside.wait)
        two.callback(outside.kill)
        code, out, err = host()
        equal((code, err.count("in the spool since")), (0, 2), err)
        equal((rows(out)["4001"][0], rows(out)["4001"][3], rows(out)["4002"][3]),
              ("4", "4", "1"), "captured and spooled")
        env, dd = environment(**HOST), two.enter_context(drain.agent())
        drain.expect(drain.drain("--to", "agent", env=env), 0, delivered=5)
        drain.arrived(dd, 5)
        drain.expect(drain.drain("--to", "agent", env=env), 0)
        drain.arrived(dd, 5)
        equal(rows(host()[1])["sum"][:4], "5 5 0 0".split(), "the sum")
    with unit(4001, lambda: call(4001)):
        done = subprocess.run([LLMOBS, "purge", "--users", "--yes"], env=env,
                              capture_output=True, timeout=drain.LIMIT)
        equal((done.returncode, rows(host()[1])["4001"][3]), (0, "0"), "purged")


def links_of_services():
    """What its user puts there leads root's commands nowhere."""
    needs_root()
    in_own_mounts(walk_links, alone=True)


def walk_links():
    ledger("/var/lib/others/stats", 4001, captured=77)
    os.makedirs("/var/lib/others/var/tmp/llmobs-4001/stats")
    ledger("/var/lib/others/var/tmp/llmobs-4001/stats", 4001, captured=78)
    ledger(ROOTS, 0, captured=5)
    own("/var/lib/others", 4001)

    def links_to(path, name=""):
        def step():
            if name:
                os.mkdir(UNIT % 4001)
            os.symlink(path, UNIT % 4001 + name)
            if name:
                own(UNIT % 4001, 4001)
            else:
                os.lchown(UNIT % 4001, 4001, 4001)
        return step

    def whole(to):
        equal(LIBC.mount(b"tmpfs", b"/var", b"tmpfs", 0, None), 0, "the mount")
        os.symlink(to, "/var/tmp")

    for step in (links_to("/var/lib/others"), links_to("/var/lib/llmobs"),
                 links_to("/proc/1/cwd/var/lib/others"),
                 lambda: whole("/var/lib/others/var/tmp"),
                 lambda: whole("/proc/1/cwd/var/lib/others/var/tmp"),
                 lambda: ledger(UNIT % 4001 + "/stats", 4003, captured=79)):
        with unit(4001, step):
            code, out, err = host()
            equal((code, list(rows(out)), rows(out)["root"][0]),
                  (0, ["root", "sum"], "5"), err)
    for name in "/stats", "/spool":
        with unit(4001, links_to("/var/lib/others", name)):
            out = host()[1]
            equal(re.findall("7[789]", out.decode()), [], name)


def a_place_that_hangs():
    """A file system of its user's that never answers holds up nobody."""
    needs_root()
    if not os.path.exists("/dev/fuse"):
        raise Wrong("skip: no /dev/fuse")
    in_own_mounts(walk_hanging, alone=True)


def hang():
    """Mounts one for 4001, who has no group by a name, and answers its first request alone (FUSE_INIT)."""
    fd = os.open("/dev/fuse", os.O_RDWR)
    equal(LIBC.mount(b"fuse", b"/var/tmp", b"fuse", 0,
                     b"fd=%d,rootmode=41777,user_id=4001,group_id=65534" % fd), 0,
          "the mount")
    unique, = struct.unpack_from("=Q", os.read(fd, 1 << 17), 8)
    os.write(fd, struct.pack("=IiQIIII48x", 80, 0, unique, 7, 31, 0, 0))
    threading.Thread(target=os.read, args=(fd, 1 << 17), daemon=True).start()


def walk_hanging():
    ledger(UNIT % 4002 + "/stats", 4002, captured=2)
    with unit(4001, hang):
        env = environment(**HOST)
        both = [subprocess.Popen([LLMOBS, *args], env=env, text=True,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE)
                for args in (("stats", "--users"),
                             ("drain", "--to", "store", "--user-time", "1"))]
        (out, err), (drained, told) = [drain.finish(p)[1:] for p in both]
        equal((both[0].returncode, rows(out.encode())["4001"][0],
               rows(out.encode())["4002"][0]), (1, "-", "2"), err)
        equal((both[1].returncode, "broke off" in told), (1, True), told)


def no_openat2():
    """A kernel without it: such places are passed over, and that is said."""
    needs_root()
    in_own_mounts(walk_old, alone=True)


def walk_old():
    ledger(UNIT % 4002 + "/stats", 4002, captured=2)

    def refuse():
        lines = struct.pack("=HBBIHBBIHBBIHBBI", 0x20, 0, 0, 0, 0x15, 0, 1, 437,
                            6, 0, 0, 0x50026, 6, 0, 0, 0x7fff0000)
        kept = ctypes.create_string_buffer(lines)
        LIBC.prctl(38, 1, 0, 0, 0)
        LIBC.prctl(22, 2, struct.pack("=HxxxxxxQ", 4, ctypes.addressof(kept)))

    with unit(4001, lambda: ledger(UNIT % 4001 + "/stats", 4001, captured=1)):
        equal(sorted(rows(host()[1])), ["4001", "4002", "root", "sum"], "with it")
        code, out, err = stats("--users", env=environment(**HOST),
                               preexec_fn=refuse)
        equal((code, sorted(rows(out)), err.count("has no openat2")),
              (0, ["4002", "root", "sum"], 1), err)


def doctor_of_a_service():
    """It says that the store may go with the unit."""
    needs_root()
    in_own_mounts(walk_doctor, alone=True)


def walk_doctor():
    def of_process(*before, **env):
        process = subprocess.Popen(
            [*before, "setpriv", "--reuid=4001", "--clear-groups", drain.RUN,
             "curl", "-s", "-H", drain.TYPE, "-d", drain.BODY % "hang",
             drain.URL], stdout=subprocess.DEVNULL, cwd="/",
            env=environment(**dict(SERVICE, LLMOBS_EXPORTER="store",
                                    LLMOBS_CONFIG="/dev/null", **env)))
        try:
            drain.wait_for(lambda: "libllmobs_core" in open(
                "/proc/%d/maps" % process.pid).read(), drain.LIMIT)
            return subprocess.run(
                [LLMOBS, "doctor", "--no-self-test", str(process.pid)],
                env=environment(**HOST), capture_output=True, text=True,
                timeout=drain.LIMIT).stdout
        finally:
            process.kill()
            process.wait()

    private = ("unshare", "-m", "sh", "-c",
               "mount -t tmpfs -o mode=1777 none /var/tmp && exec \"$@\"", "sh")
    os.chmod("/var/tmp", 0o1777)
    os.makedirs("/var/lib/shop")
    own("/var/lib/shop", 4001)
    out = of_process(*private)
    equal(("mount namespace of its own" in out, "StateDirectory=" in out,
           "All is well" in out), (True, True, False), out)
    for out in (of_process(), of_process("unshare", "-m"),
                of_process(*private, LLMOBS_STORE_DIR="/var/lib/shop")):
        equal(("mount namespace" in out, "All is well" in out), (False, True),
              out)


# ---- users who mean harm ------------------------------------------------------

def hostile_files():
    needs_root()
    in_own_mounts(walk_traps)


def walk_traps():
    ledger(ROOTS, 0, captured=5, delivered=5)
    with open("/var/lib/llmobs/secret", "wb") as f:
        f.write(page({"captured": 666}))
    os.chmod("/var/lib/llmobs/secret", 0o600)
    place = "/var/tmp/llmobs-%d/stats"
    ledger(place % 4001, 4001, captured=1)
    # Names of other metrics, more names than there is room for, and a lie.
    ledger(place % 4002, 4002, captured=2, spans=9, alert=9, readable=9,
           dropped=9, dropped_of_mine=2 ** 64 - 1, delivered=2 ** 64 - 1,
           lost_at=2 ** 64 - 1, **{"name_%d" % i: 1 for i in range(32)})
    put(place % 4003, 4003, "totals", b"\0" * 100)
    os.truncate(place % 4003 + "/totals", 1 << 40)
    os.makedirs(place % 4004)
    os.symlink("/var/lib/llmobs/secret", place % 4004 + "/totals")
    own(place % 4004, 4004)
    os.makedirs(place % 4005)
    os.mkfifo(place % 4005 + "/totals")
    own(place % 4005, 4005)
    os.makedirs("/var/tmp/llmobs-4006")
    os.symlink(ROOTS, place % 4006)
    own(place % 4006, 4006)
    put("/var/tmp/llmobs-4007", 4007, "stats", b"no folder")
    os.makedirs(place % 4008 + "/totals")
    own(place % 4008, 4008)
    ledger(HOMES, 4009, captured=9)  # whose processes write elsewhere
    os.chmod(HOME + "/.local", 0)
    code, out, err = host("--json")
    equal(code, 1, "some could not be read: " + err)
    users = {u["uid"]: u for u in json.loads(out)["users"]}
    equal({uid: u.get("captured") for uid, u in users.items()},
          {0: 5, 4001: 1, 4002: 2, 4003: 0, 4004: 0, 4005: 0, 4006: None,
           4007: None, 4008: 0}, "captured: " + err)
    equal(re.findall(r"stats: (400[34568]): 1 file in", err),
          ["4004", "4005", "4008"], err)
    code, out, err = host("--prometheus")
    told = prometheus.read(out)
    equal((code, told["llmobs_captured_total"][1][of("4001", 4001)]), (0, 1),
          "for Prometheus")
    equal({dict(k)["uid"] for k, v in told["llmobs_readable"][1].items()
           if v == 0}, {"4006", "4007"}, "not readable")
    equal("666" in out.decode(), False, "the secret")
    equal(told["llmobs_spans_total"][1][of("4001", 4001)], 0, "of another")
    equal(host()[0], 1, "as text")


def why_nothing_arrives():
    needs_root()
    in_own_mounts(walk_answers)


def answers(place, uid, exporter, peer, since, last, status):
    """One answer of a destination, as lib/base/answers.h has it."""
    path = os.path.join(os.path.dirname(place), "answers")
    with open(path, "wb") as f:
        f.write(struct.pack("=8s16s184sQqqqiiii", b"answer2", exporter, peer, 0,
                            since, last, 0, status, 0, 0, 0))
    os.chown(path, uid, uid)


def walk_answers():
    """Of each user, who may have written anything there."""
    now = time.time_ns()
    for place, uid in ((ROOTS, 0), (HOMES, 4001)):
        ledger(place, uid, captured=1, delivered=1)
        put(place, uid, "1-1-1", page({"captured": 1, "pending": 1}))
    answers(ROOTS, 0, b"agent", b"http://localhost:8126", now - 90 * MINUTE,
            now, 503)
    answers(HOMES, 4001, b"x" * 16, b"\x1b[2J" + b"y" * 188, now - 90 * MINUTE,
            now, 403)
    for args in [], ["--check"]:
        code, out, err = host(*args)
        lines = err.splitlines()
        equal((code, bool(out), len(lines), "\x1b" in err),
              (0, not args, 2, False), err)
        equal(("stats: root: agent http://localhost:8126 has accepted nothing "
               "since " in lines[0], "status 503: it takes nothing" in lines[0],
               "stats: 4001: xxxxxxxxxxxxxxx \\x1b[2Jyyyy" in lines[1]),
              (True,) * 3, err)
    answers(ROOTS, 0, b"agent", b"http://localhost:8126", now - 3000 * MINUTE,
            now - 1500 * MINUTE, 503)
    answers(HOMES, 4001, b"agent", b"http://h", now - 30 * MINUTE, now, 403)
    equal(host("--check")[2], "", "long ago, and not long enough")
    os.remove(os.path.join(os.path.dirname(HOMES), "answers"))
    os.symlink("/etc/shadow", os.path.join(os.path.dirname(HOMES), "answers"))
    equal(host()[2], "", "a link")


def a_stopped_reader():
    """A user who stops the process that reads for root holds up no other."""
    needs_root()
    in_own_mounts(walk_beside_a_stopper, alone=True)


def walk_beside_a_stopper():
    first = 60000 + os.getpid() % 4000
    for uid in (first, first + 1):
        ledger("/var/tmp/llmobs-%d/stats" % uid, uid, captured=uid)
    # The reader waits for this lock, long enough to be stopped.
    with open("/var/tmp/llmobs-%d/stats/totals" % first, "r+b") as f:
        fcntl.lockf(f, fcntl.LOCK_EX)
        with drain.stopper(first) as stopped:
            process = subprocess.Popen(
                [LLMOBS, "stats", "--users"], stdout=subprocess.PIPE,
                stderr=subprocess.PIPE, env=environment(**HOST),
                start_new_session=True)
            stopped()
            try:
                out, err = process.communicate(timeout=drain.LIMIT)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                raise Wrong("no end")
    equal((process.returncode, rows(out)[str(first)][0],
           rows(out)[str(first + 1)][0]), (1, "-", str(first + 1)),
          err.decode())


def strange_names():
    """/etc/passwd alone has the names, with any bytes."""
    needs_root()
    in_own_mounts(walk_names)


def walk_names():
    with open("/var/lib/passwd", "wb") as f:
        f.write(b"root:x:0:0::/root:/bin/sh\n"
                b"a\"b\\c:x:4001:4001::/:/\n"
                b"bad\xff\x1b[31m:x:4002:4002::/:/\n"
                b"first:x:4003:4003:" + b"long" * 1000 + b":/:/\n"
                b"second:x:4003:4003::/:/\nfirst::4004:4004::/:/\nno row\n")
    libc = ctypes.CDLL(None, use_errno=True)
    equal(libc.mount(b"/var/lib/passwd", b"/etc/passwd", None, 0x1000, None), 0,
          "the mount")
    for uid in (4001, 4002, 4003, 4004):
        ledger("/var/tmp/llmobs-%d/stats" % uid, uid, captured=uid)
    code, out, _ = host("--prometheus")
    equal(samples(out, "captured_total"), {
        of("root", 0): 0, of('a"b\\c', 4001): 4001,
        of("bad\ufffd\ufffd[31m", 4002): 4002, of("first", 4003): 4003,
        of("first", 4004): 4004}, "labels")
    for form in ([], ["--json"]):
        out = host(*form)[1]
        equal(b"\x1b" in out, False, "an escape in %s: %r" % (form, out))
    json.loads(out)


def a_thousand():
    needs_root()
    in_own_mounts(walk_thousand)


def walk_thousand():
    for uid in range(5000, 6000):
        ledger("/var/tmp/llmobs-%d/stats" % uid, uid, captured=1)
    # Some vanish while they are read.
    gone = subprocess.Popen([sys.executable, "-c", """
import shutil
for uid in range(5990, 5999):
    shutil.rmtree("/var/tmp/llmobs-%d" % uid, True)
"""])
    # A process for each: seconds, and on a busy machine a minute.
    code, out, err = stats("--users", "--prometheus", env=environment(**HOST),
                           timeout=5 * drain.LIMIT)
    gone.wait()
    got = samples(out, "captured_total")
    equal(code, 0, err)
    equal(sum(got.values()) >= 991, True, "captured: %d" % sum(got.values()))


# ---- running processes ---------------------------------------------------------

def units_and_pools():
    needs_root()
    in_own_mounts(walk_units)


def walk_units():
    """The group of a process is a mount over its file in /proc."""
    libc = ctypes.CDLL(None, use_errno=True)
    ident = "0123456789abcdef" * 4
    groups = ["0::/system.slice/shop@7.service\n",
              "0::/system.slice/php8.2-fpm.service\n",
              "0::/system.slice/docker-%s.scope\n" % ident, "0::/\n"]
    pidns = int(re.search(r"\d+", os.readlink("/proc/self/ns/pid")).group())
    boot = int(open("/proc/sys/kernel/random/boot_id").read()[:8], 16)
    running = []
    try:
        for i, group in enumerate(groups):
            process = subprocess.Popen(
                ["php-fpm: pool shop" if i == 1 else "sleep", "600"],
                executable="/bin/sleep", user=4001, group=4001)
            running.append(process)
            path = "/var/lib/group%d" % i
            with open(path, "w") as f:
                f.write(group)
            os.chmod(path, 0o644)
            equal(libc.mount(path.encode(), b"/proc/%d/cgroup" % process.pid,
                             None, 0x1000, None), 0, "the mount")
            start = open("/proc/%d/stat" % process.pid).read() \
                .rsplit(")", 1)[1].split()[19]
            put(HOMES, 4001, "%d-%s-1" % (process.pid, start),
                page({"captured": 3, "delivered": 3 - i, "pending": i},
                     boot, pidns))
        # A number of another pid namespace says nothing here.
        put(HOMES, 4001, "%d-1-1" % running[0].pid,
            page({"captured": 4, "pending": 4}, boot, 4711))
        out = host("--prometheus")[1]
    finally:
        for process in running:
            process.kill()
            process.wait()
    wanted = [of("4001", 4001, unit="shop"),
              of("4001", 4001, unit="php8.2-fpm", pool="shop"),
              of("4001", 4001, container_id=ident), of("4001", 4001)]
    for metric, numbers in (("pending", [0, 1, 2, 7]),
                            ("processes_running", [1, 1, 1, 2])):
        got = samples(out, metric)
        equal({k: got[k] for k in got if k != of("root", 0)},
              dict(zip(wanted, numbers)), metric)
    equal(rows(host()[1])["4001"][2], "4", "of the dead nothing is pending")


# ---- the file ------------------------------------------------------------------

def into_a_file():
    ledger(STORE + "/stats", os.geteuid(), captured=3)
    place = os.path.join(FOLDER, "out")
    os.mkdir(place)
    path = os.path.join(place, "llmobs.prom")
    earlier = os.umask(0o022)
    try:
        for _ in range(2):
            equal(stats("--prometheus", "-o", path), (0, b"", ""), "-o")
    finally:
        os.umask(earlier)
    with open(path, "rb") as f:
        equal(samples(f.read(), "captured_total"), {(): 3}, "the file")
    equal((os.stat(path).st_mode & 0o777, os.listdir(place)),
          (0o644, ["llmobs.prom"]), "its mode, and no other")
    equal(stats("--json", "--output", path)[:2], (0, b""), "as JSON")
    with open(path) as f:
        equal(json.load(f)["captured"], 3, "the JSON")
    equal(json.loads(stats("--json", "-o", "-")[1])["captured"], 3, "stdout")
    other = os.path.join(place, "link")
    os.symlink(path, other)
    for bad in (other, place, "/dev/null", place + "/none/x", place + "/x" * 5000):
        code, out, err = stats("-o", bad)
        equal((code, out, err != ""), (1, b"", True), bad[:60])
    equal(sorted(os.listdir(place)), ["link", "llmobs.prom"], "nothing else")
    if os.geteuid() == 0: # who owns the folder leads root nowhere
        os.mkdir(place + "/roots")
        os.symlink("roots", place + "/node-exporter")
        equal(stats("-o", place + "/node-exporter/x")[0], 0, "by root's link")
        os.lchown(place + "/node-exporter", 4001, 4001)
        code, _, err = stats("-o", place + "/node-exporter/y")
        equal((code, "not permitted" in err, os.listdir(place + "/roots")),
              (1, True, ["x"]), err)


def a_full_disk():
    needs_root()
    in_own_mounts(walk_full)


def walk_full():
    ledger(ROOTS, 0, captured=3)
    libc = ctypes.CDLL(None, use_errno=True)
    os.makedirs("/var/lib/full")
    equal(libc.mount(b"tmpfs", b"/var/lib/full", b"tmpfs", 0,
                     b"size=8192,nr_inodes=9"), 0, "the mount")
    path = "/var/lib/full/llmobs.prom"
    with open(path, "w") as f:
        f.write("earlier\n")
    with open("/var/lib/full/more", "wb", 0) as f:
        f.write(b"x" * 4096)
    code, out, err = host("--prometheus", "-o", path)
    equal((code, out, "No space left" in err), (1, b"", True), err)
    equal((open(path).read(), sorted(os.listdir("/var/lib/full"))),
          ("earlier\n", ["llmobs.prom", "more"]), "what is there")


# ---- --check --------------------------------------------------------------------

def lost(ago_ns, count, **more):
    ledger(STORE + "/stats", os.geteuid(), captured=count, dropped_exit=count,
           **dict({"lost_at": time.time_ns() - ago_ns} if ago_ns is not None
                  else {}, **more))


def red(*args):
    code, out, err = stats("--check", *args)
    if (code not in (0, 1) or (code == 1) != ("dropped: " in err) or out or
            (code == 0) != (err == "")):  # cron mails each line
        raise Wrong("%s: %r %r %r" % (args, code, out, err))
    return code


def since_a_time():
    equal(red(), 0, "without anything")
    lost(120 * MINUTE, 3)
    equal((red(), red("--since", "1h"), red("--since", "3h"),
           red("--since", "2026-01-01")), (1, 0, 1, 1), "two hours ago")
    before = int(time.time()) - 600
    lost(10 * MINUTE, 4)
    after = time.time() - 600
    equal((red(), red("--since", "1h"), red("--since", "5m")), (1, 1, 0),
          "ten minutes ago")
    told = json.loads(stats("--json", "--check", "--since", "5m")[1])
    equal((told["alerts"]["dropped"], told["dropped"],
           before <= told["last_drop_seconds"] <= after),
          (False, 4, True), "as JSON")
    equal(b"last drop " in stats()[1], True, "as text")
    lost(None, 4)
    equal((red(), red("--since", "1m")), (1, 1), "of an unknown time")
    lost(-600 * MINUTE, 4)
    equal(red("--since", "1m"), 1, "a clock that was ahead")
    for bad in (["--check", "--since", "2200-01-01"], ["--since", "1h"],
                ["--check", "--since", "x"], ["--check", "--since", ""],
                ["--check", "--ml-app", "a"], ["--check", "--max-errors", "1"],
                ["--users", "--max-errors", "1"], ["--acknowledge", "--check"],
                ["--users", "--store", STORE], ["-o", ""],
                ["-o", "x", "--max-cost", "1"]):
        code, out, err = stats(*bad)
        equal((code, out, err != ""), (2, b"", True), str(bad))


def known_ones():
    equal(stats("--acknowledge")[0], 0, "nothing to know of")
    equal(os.path.exists(STORE), False, "nothing is made")
    lost(10 * MINUTE, 3)
    code, _, err = stats("--acknowledge")
    equal((code, "acknowledged: dropped: 3, the last at " in err), (0, True),
          err)
    equal((red(), red("--since", "1h")), (0, 0), "known")
    equal((b"(acknowledged)" in stats()[1],
           json.loads(stats("--json")[1])["dropped"],
           samples(stats("--prometheus")[1], "alert")[(("reason", "dropped"),)]),
          (True, 3, 0), "told as known, and counted")
    lost(1 * MINUTE, 4)
    equal((red(), red("--since", "1h"), red("--since", "10s")), (1, 1, 0),
          "one more")
    stats("--acknowledge")
    lost(60 * MINUTE, 5)
    equal(red(), 1, "one more, after the clock was set back")
    stats("--acknowledge")
    lost(0, 1)
    equal(red(), 1, "one more, after the totals began anew")
    stats("--acknowledge")
    equal(red(), 0, "known again")
    with open(STORE + "/stats/acknowledged", "wb") as f:
        f.write(b"x" * 70)
    equal(red(), 1, "a file that nobody can read")


def of_all_users_known():
    needs_root()
    in_own_mounts(walk_known)


def walk_known():
    now = time.time_ns()
    for place, uid in ((ROOTS, 0), (HOMES, 4001)):
        ledger(place, uid, captured=1, dropped_full=1, lost_at=now)
    code, _, err = host("--check")
    equal((code, err.count("dropped: 1, the last at")), (1, 2), err)
    equal(host("--acknowledge")[0], 0, "--acknowledge")
    equal(host("--check")[0], 0, "known")
    equal(os.stat(HOMES + "/acknowledged").st_uid, 4001, "whose file")
    ledger(HOMES, 4001, captured=2, dropped_full=2, lost_at=now + 1)
    code, _, err = host("--check", "--since", "1h")
    equal((code, "stats: 4001: dropped: 2" in err, "root" in err),
          (1, True, False), err)


def a_real_loss():
    """A process that could not deliver at its end."""
    os.makedirs(os.path.join(STORE, "spans.jsonl"))
    before = int(time.time())
    calls(1, LLMOBS_EXPORTER="store", LLMOBS_SPOOL_MAX="0",
          LLMOBS_EXIT_FLUSH_MS="50")
    told = json.loads(stats("--json")[1])
    equal((told["dropped_by_reason"]["exit"],
           told["last_drop_seconds"] >= before), (1, True), str(told))
    equal((red(), red("--since", "1h")), (1, 1), "--check")
    stats("--acknowledge")
    calls(1, LLMOBS_EXPORTER="store")
    equal(red(), 0, "what is no drop")


if __name__ == "__main__":
    drain.main([each_and_their_sum, real_ones, others_see_themselves, taken_places,
                services, links_of_services, a_place_that_hangs, no_openat2,
                doctor_of_a_service,
                hostile_files, why_nothing_arrives, a_stopped_reader, strange_names, a_thousand,
                units_and_pools, into_a_file, a_full_disk, since_a_time,
                known_ones, of_all_users_known, a_real_loss])
