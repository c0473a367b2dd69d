#!/usr/bin/python3
"""`llmobs purge`: the files that it removes, and those that it leaves alone.

usage: purge.py LLMOBS_RUN LLMOBS [TEST]...
"""
import fcntl
import json
import os
import pty
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import drain  # noqa: E402
from doubles import wait_for  # noqa: E402
from drain import (BODY, FOLDER, LIVING, LLMOBS, NOBODY, RUN, SPOOL,  # noqa: E402
                   STORE, Wrong, books, calls, entries, environment, equal,
                   give, in_own_mounts, needs_root)

SPANS = os.path.join(STORE, "spans.jsonl")


def start(*args, env=None, **options):
    options.setdefault("stdin", subprocess.DEVNULL)
    return subprocess.Popen([LLMOBS, "purge", *args], start_new_session=True,
                            env=env or environment(), stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True, **options)


def run(*args, **options):
    return drain.finish(start(*args, **options))


def purge(*args, **options):
    """Exit status and the numbers; --yes is said."""
    code, out, err = run("--yes", "--json", *args, **options)
    if out.count("\n") != 1:
        raise Wrong("not one line: %r %r %r" % (code, out, err))
    return code, json.loads(out)


def expect(result, code, **numbers):
    want = dict(dry_run=False, files=0, calls=0, of_running=0, unreadable=0,
                refused=0)
    want.update(numbers)
    got = dict(result[1])
    for name in "bytes", "spans", "traces", "evaluations":
        if name not in numbers:
            del got[name]
    equal((result[0], got), (code, want), "exit status and numbers")


def stored(count=1):
    calls(count, LLMOBS_EXPORTER="store")


def files(folder):
    return sorted(os.path.join(place, n) for place, _, names in os.walk(folder)
                  for n in names)


def nothing_there():
    expect(purge(), 0, bytes=0)
    equal(os.path.exists(STORE), False, "a store was made")
    equal(run("--yes"), (0, "removed 0 bytes: 0 spans in 0 traces; 0 calls of "
                            "the spool\n", ""), "text")


def store_and_spool():
    stored(2)
    calls(3)
    calls(1)
    size = os.path.getsize(SPANS)
    old = os.path.join(STORE, "spans-1700000000000000000.jsonl")
    shutil.copy(SPANS, old)
    expect(purge("--dry-run"), 0, dry_run=True, files=2, bytes=2 * size,
           calls=4, spans=4, traces=2, evaluations=0)
    books(6, 2, spooled=4)
    equal(len(entries()), 2, "a dry run leaves the spool")
    equal(os.path.exists(SPANS), True, "a dry run leaves the store")
    links = os.path.join(SPOOL, "links.%d" % os.geteuid())
    equal(os.path.exists(links), True, "a dry run leaves the file of links")
    expect(purge(), 0, files=2, bytes=2 * size, calls=4)
    equal((os.path.exists(SPANS), os.path.exists(old), entries()),
          (False, False, []), "what is left")
    equal(os.path.exists(links), False, "the file of links")
    found = drain.stats()
    equal((found["captured"], found["delivered"], found["purged"],
           found["spooled"], found["dropped"]), (6, 2, 4, 0, 0), "counts")
    expect(purge(), 0)
    stored()
    books(7, 3)


def full_store():
    """The command says that a full store has removed spans until the store is
    purged."""
    def view(*args):
        r = subprocess.run([LLMOBS, "view", *args], env=environment(TZ="UTC"),
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                           text=True)
        return r.stdout, r.stderr

    stored(3)
    equal([view("--summary")[1], "trimmed" in view("--html", "-")[0]],
          ["", True], "of a store that was not full")
    calls(80, LLMOBS_EXPORTER="store", LLMOBS_STORE_MAX="65536")
    gone = "spans before 20"
    for args, told in ((), True), (("--summary",), True), (("--json",), True), \
            (("-n", "2"), False), (("-n", "70"), True), \
            (("--spans", "-n", "70"), True), (("--spans", "-n", "2"), False), \
            (("--since", "now"), False):
        equal(gone in view(*args)[1], told, "told by view %s" % " ".join(args))
    page, _ = view("--html", "-")
    equal('"trimmed":0' in page, False, "the page's time")
    purge("--store", "--dry-run")
    equal(gone in view()[1], True, "told after a dry run")
    purge("--store")
    equal(os.path.exists(os.path.join(STORE, "trimmed")), False, "the note of it")
    stored()
    equal(gone in view()[1], False, "told of a new store")


def only_one():
    stored()
    calls(2)
    expect(purge("--spool"), 0, calls=2)
    equal((os.path.exists(SPANS), entries()), (True, []), "--spool")
    calls(2)
    expect(purge("--store"), 0, files=1)
    equal((os.path.exists(SPANS), len(entries())), (False, 1), "--store")
    stored()
    expect(purge("--dir", SPOOL), 0, calls=2)
    equal((os.path.exists(SPANS), entries()), (True, []), "--dir")
    expect(purge("--store", "--spool"), 0, files=1)


def refused_ones():
    """Events that the peer refused hold prompts, too."""
    calls()
    with open(os.path.join(SPOOL, "rejected.jsonl"), "w") as f:
        f.write("{}\n")
    expect(purge(), 0, files=1, bytes=3, calls=1)
    equal(files(SPOOL), [], "files of the spool")


def a_closed_one():
    """A reader that was killed had closed the file: its size is no disk."""
    calls()
    closed = os.path.join(SPOOL, entries()[0])
    os.truncate(closed, 1 << 30)
    numbers = purge()[1]
    equal((numbers["calls"], numbers["bytes"] < 1 << 20), (1, True),
          "a call, and its bytes: %d" % numbers["bytes"])


def beside_the_living():
    """Nothing of a running process goes, but by --all, and it lives on."""
    process = subprocess.Popen(
        [RUN, "/usr/bin/python3", "-c", LIVING, drain.URL,
         BODY % "gpt-4o-mini"],
        env=environment(), stdout=subprocess.PIPE, stdin=subprocess.PIPE)
    process.stdout.readline()
    wait_for(drain.spooled_ids, drain.LIMIT)
    mine, = entries()
    expect(purge(), 0, of_running=1)
    equal(entries(), [mine], "its file")
    code, told = purge("--all")
    equal((code, told["calls"], told["of_running"]), (0, 1, 0), "--all")
    equal(entries(), [], "after --all")
    with drain.agent() as dd:
        drain.arrived(dd, 1, 30)  # it has it in memory
        process.stdin.close()
        equal(process.wait(drain.LIMIT), 0, "its exit status")
    process.stdout.close()


def links_and_strangers():
    """Neither a link nor another kind of file is followed or removed, and
    files that are none of ours stay."""
    stored()
    victim = os.path.join(FOLDER, "victim")
    os.mkdir(victim)
    kept = os.path.join(victim, "kept")
    with open(kept, "w") as f:
        f.write("mine\n")
    os.rename(SPANS, os.path.join(victim, "spans.jsonl"))
    os.symlink(os.path.join(victim, "spans.jsonl"), SPANS)
    os.mkfifo(os.path.join(STORE, "spans-%019d.jsonl" % 1))
    os.mkdir(os.path.join(STORE, "spans-%019d.jsonl" % 2))
    other = ["spans.jsonl.bak", "spans-.jsonl", "spans-x.jsonl", "notes.jsonl",
             "spans-1.jsonl.gz", "spans-20260101.jsonl", "spans-%020d.jsonl" % 1]
    for name in other:
        open(os.path.join(STORE, name), "w").close()
    os.makedirs(SPOOL, 0o700, exist_ok=True)
    os.symlink(victim, os.path.join(SPOOL, "o.4000001-1-1-1"))
    os.symlink(kept, os.path.join(SPOOL, "rejected.jsonl"))
    os.symlink(kept, os.path.join(SPOOL, "o.4000002-1-2-1"))
    code, told = purge("--all")
    equal((code, told["files"], told["refused"]), (1, 0, 6), "numbers")
    code, _, err = run("--yes", "--store")
    equal((code, err.count("not a file of yours")), (1, 3), err)
    equal(files(victim), [kept, os.path.join(victim, "spans.jsonl")], "victim")
    with open(kept) as f:
        equal(f.read(), "mine\n", "what a link led to")
    equal(set(other) <= set(os.listdir(STORE)), True, "others' files")


def linked_directories():
    """A store or spool that is a link was made by somebody else."""
    home = os.path.join(FOLDER, "victim")
    real = os.path.join(home, "real")
    state = os.path.join(home, "state", "llmobs")
    os.makedirs(real)
    os.makedirs(state)
    shutil.copy(__file__, os.path.join(real, "spans.jsonl"))
    shutil.copy(__file__, os.path.join(real, "rejected.jsonl"))
    os.symlink(real, os.path.join(state, "store"))
    os.symlink(real, os.path.join(state, "spool"))
    if os.geteuid() == 0:
        for place, names, more in os.walk(home):
            for name in [place] + [os.path.join(place, n)
                                   for n in names + more]:
                os.lchown(name, NOBODY, NOBODY)
        os.chmod(FOLDER, 0o755)
    env = environment(LLMOBS_STORE_DIR=None,
                      XDG_STATE_HOME=os.path.join(home, "state"))
    user = {"user": NOBODY, "group": NOBODY} if os.geteuid() == 0 else {}
    for what in ("--store", "--spool"):
        code, _, err = run("--yes", what, env=env, **user)
        equal((code, err != ""), (1, True), what + err)
    equal(len(os.listdir(real)), 2, "the files behind the link")


def damaged():
    """Files that cannot be read stay until --all."""
    calls(2)
    path = os.path.join(SPOOL, "o.4000001-1-1-1")
    with open(path, "wb") as f:
        f.write(os.urandom(100000))
    code, told = purge()
    equal((code, told["calls"], told["unreadable"] > 0), (1, 2, True), told)
    equal(entries(), [os.path.basename(path)], "left")
    code, told = purge("--all")
    equal((code, told["unreadable"]), (0, 0), told)
    equal(entries(), [], "after --all")


def other_users():
    """Another user's files are none of root's, but by --users."""
    needs_root()
    stored()
    os.chown(SPANS, NOBODY, NOBODY)
    expect(purge(), 1, refused=1)
    equal(os.path.exists(SPANS), True, "the other's store")


def all_users():
    needs_root()
    calls(2)
    calls(1)
    calls(3)
    in_own_mounts(walk_all)


def walk_all():
    names = entries()
    home = drain.HOME
    give(names[0], home + "/.local/state/llmobs/spool", 4001, home)
    give(names[1], "/var/tmp/llmobs-4002/spool", 4002)
    give(names[2], "/var/lib/llmobs/spool", 0)
    stores = [(home + "/.local/state/llmobs/store", 4001, 4001),
              ("/var/tmp/llmobs-4003/store", 4003, 4003),  # and no spool
              (home + "b/.local/state/llmobs/store", 4004, 0)]  # root's in it
    for place, uid, owner in stores:
        os.makedirs(place)
        with open(place + "/spans.jsonl", "w") as f:
            f.write("{}\n")
        top = place[:place.index("/.local")] if "/.local" in place \
            else os.path.dirname(place)
        for at, _, found in os.walk(top):
            os.chown(at, uid, uid)
            for n in found:
                os.chown(os.path.join(at, n), owner, owner)
    env = environment(LLMOBS_STORE_DIR=None, HOME="/root")
    code, told = purge(env=env)
    own = told["calls"]
    equal((code, own in (1, 2, 3), told["files"]), (0, True, 0), "root's own")
    code, told = purge("--users", env=env)
    equal((code, told["calls"], told["files"], told["refused"]),
          (1, 6 - own, 2, 1), "of all users")
    equal([os.path.exists(s + "/spans.jsonl") for s, _, _ in stores],
          [False, False, True], "their stores")
    left = [x for x in files("/home") + files("/var/tmp") + files("/var/lib")
            if "/spool/" in x]
    equal(left, [], "their spools")
    equal(os.stat(home + "/.local/state/llmobs/stats/totals").st_uid, 4001,
          "whose counters")


def stopped_by_its_user():
    """A user who stops the process that removes for it holds up no other."""
    needs_root()
    calls(1)
    calls(2)
    in_own_mounts(walk_beside_a_stopper, alone=True)


def walk_beside_a_stopper():
    names, first = sorted(entries()), 60000 + os.getpid() % 4000
    places = ["/var/tmp/llmobs-%d/spool" % (first + i) for i in range(2)]
    for i in range(2):
        give(names[i], places[i], first + i)
    store = os.path.join(os.path.dirname(places[0]), "store")
    os.mkdir(store)
    os.chown(store, first, first)
    with open(os.path.join(store, "spans.jsonl"), "w") as f:
        os.chown(f.name, first, first)
        fcntl.lockf(f, fcntl.LOCK_EX)  # the process waits for it, at first
        with drain.stopper(first) as stopped:
            process = start("--yes", "--json", "--users", "--user-time", "2",
                            env=environment(LLMOBS_STORE_DIR=None,
                                            HOME="/root"))
            stopped()
            code, out, _ = drain.finish(process)
    equal((code, json.loads(out)["calls"] in (1, 2)), (1, True), out)
    equal([name in os.listdir(at) for name, at in zip(names, places)],
          [True, False], "what is left of either user")


def beside_a_writer():
    """Programs that write to the store meanwhile lose nothing that comes
    after, and get no error. One that ends before all its calls are in the
    store, as on a busy machine, leaves them in the spool: a purge counts
    those that it removes there."""
    many = [subprocess.Popen(
        [RUN, "curl", "-s", "-o", "/dev/null"] +
        (["-H", drain.TYPE, "-d", BODY % "gpt-4o-mini", drain.URL,
          "--next", "-s", "-o", "/dev/null"] * 20)[:-4],
        env=environment(LLMOBS_EXPORTER="store"), stderr=subprocess.PIPE)
        for _ in range(3)]
    try:
        removed = 0
        while any(p.poll() is None for p in many):
            code, told = purge()
            equal(code, 0, "a purge: %s" % told)
            removed += told["calls"]
    except BaseException:
        for p in many:
            p.kill()
        raise
    for p in many:
        equal((p.returncode, p.stderr.read()), (0, b""), "a program")
        p.stderr.close()
    stored(2)
    books(62, 62 - removed)
    with open(SPANS) as f:
        equal(all(json.loads(x)["span_id"] for x in f), True, "whole lines")


def in_peoples_units():
    """Times are those of the spans, and a text that names them is none."""
    os.mkdir(STORE)
    begin = 1795155770 * 10**9  # 2026-11-20 06:22:50 UTC
    lines = [json.dumps({"meta": {"start_ns": 7, "input": {"value":
             '"start_ns": 5, "trace_id": "x"}'}}, "span_id": str(i),
             "start_ns": begin + i * 60 * 10**9, "tags": ["a:b"] * 9,
             "trace_id": str(i % 2)}) for i in range(3)]
    lines.append(json.dumps({"join_on": {"span": {"span_id": "1", "trace_id":
                 "1"}}, "label": "tone"}))
    lines += ["{broken", json.dumps({"trace_id": "9", "span_id": "9",
                                     "start_ns": begin - 10**9})]
    with open(SPANS, "w") as f:
        f.write("\n".join(lines) + "x" * 2000000 + "\n")
    numbers = dict(files=1, spans=3, traces=2, evaluations=1)
    expect(purge("--dry-run"), 0, dry_run=True, **numbers)
    got = run("--yes", env=dict(environment(), TZ="UTC"))
    equal(got[1], "removed 1.9 MiB: 3 spans in 2 traces and 1 evaluation, "
          "2026-11-20 06:22 to 06:24; 0 calls of the spool\n", "text")


def asks():
    """Only where somebody can answer."""
    stored()
    equal(run()[0], 2, "without a terminal")
    equal(os.path.exists(SPANS), True, "without a terminal")
    for answer, code in (("n", 1), ("", 1), ("y", 0)):
        ours, theirs = pty.openpty()
        os.write(ours, answer.encode() + b"\n")
        got = run(stdin=theirs)
        os.close(ours)
        os.close(theirs)
        equal((got[0], "1 span in 1 trace, " in got[1],
               os.path.exists(SPANS)), (code, True, code != 0), answer)


def usage():
    for bad in (["--what"], ["x"], ["--dir"], ["--dir", ""],
                ["--dir", "/x", "--store"], ["--yes", "no"],
                ["--user-time", "0"], ["--user-time", "1m"]):
        code, out, err = run("--yes", *bad)
        equal((code, out, err != ""), (2, "", True), str(bad))
    code, out, err = run("--yes", "--dir", os.path.join(FOLDER, "none"))
    equal((code, err != ""), (1, True), "no such spool")
    if os.geteuid() == 0:
        os.chmod(FOLDER, 0o755)
        got = run("--yes", "--users", user=NOBODY, group=NOBODY)
        equal(got[0], 2, "--users of nobody")


if __name__ == "__main__":
    drain.main([nothing_there, store_and_spool, full_store, only_one, refused_ones,
                a_closed_one, beside_the_living, links_and_strangers, linked_directories,
                damaged, other_users, all_users,
                stopped_by_its_user, beside_a_writer, in_peoples_units, asks,
                usage])
