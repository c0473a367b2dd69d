"""The disk's part: no call is lost by a kill, a dead peer or a bad disk, and
none comes twice."""
import errno
import json
import os
import shutil
import subprocess
import time

from delivery import (PATIENT, Living, agent, agentless, caller, counts, double,
                      failing, ids, left_behind, name_of, recover, recovered,
                      settled, spool_of, stored, untouched, wait_for)
from harness import (APPS, LAUNCHER, Skip, body, compiled, curl, equal,
                     free_port, ok, test, tree)
from otlp_case import Receiver, otlp


def errors(spans):
    return [s["meta"]["error"]["type"] for s in spans
            if s["status"] == "error"]


def no_secret(t):
    for name, data in tree(spool_of(t)).items():
        for secret in t.secrets:
            ok(secret.encode() not in data, "a secret is in " + name)


# ---- a process that goes elsewhere ----------------------------------------

def gone(t, command, wait=20, **more):
    """A call before it and one after it: each comes once, by whoever can
    release it.  Without `wait` the exit delivers."""
    if os.geteuid() != 0:
        raise Skip("it needs another user")
    with double(t) as dd:
        with Living(t, agent(dd, **more)) as app:
            dd.fault("500")
            app.ask("before")
            app.tell(command)
            app.ask("after")
            dd.well()
            if wait:
                settled(t, dd, 1, wait=wait)
            app.end()
        settled(t, dd, 1)
        spans = recover(t, dd, agent(dd), 2)
        equal(len(spans), 2, "spans in the end")
        equal(len(set(ids(spans))), 2, "their ids")
        equal(left_behind(t), [], "what is left in the spool")


@test
def given_up_its_user(t):
    gone(t, "user 65534")


@test
def given_up_its_user_without_a_thread(t):
    gone(t, "user 65534", wait=0, LLMOBS_THREAD="off")


@test
def taken_on_another_user(t):
    """One that may return, and does not."""
    gone(t, "as 65534")


@test
def back_from_another_user(t):
    if os.geteuid() != 0:
        raise Skip("it needs another user")
    with double(t) as dd:
        with Living(t, agent(dd)) as app:
            dd.fault("500")
            app.ask("before")
            app.tell("as 65534")
            app.ask("meanwhile")
            dd.well()
            settled(t, dd, 1, wait=20)
            app.tell("as 0")
            app.ask("after")
            settled(t, dd, 3, wait=20)
            app.end()
        equal(left_behind(t), [], "what is left in the spool")


@test
def given_up_its_root(t):
    root = os.path.join(t.dir, "root")
    os.mkdir(root)
    gone(t, "root " + root)


# ---- kills ---------------------------------------------------------------

@test
def killed_in_a_call(t):
    """The next process says that it was under way, and what was asked."""
    with double(t) as dd:
        with Living(t, agent(dd)) as app:
            app.ask("before")
            settled(t, dd, 1, wait=5)
            app.begin("under way")
            no_secret(t)
            app.kill()
        spans = recovered(t, dd, agent(dd), 2)
        equal(errors(spans), ["process_killed"], "types of the errors")
        last = [s for s in spans if s["status"] == "error"][0]
        equal(last["meta"]["input"]["messages"][0]["content"], "under way",
              "what was asked")
        ok(0 <= last["duration"] < 5e9, "duration %d" % last["duration"])
        equal(counts(t)["captured"], 3, "captured")


@test
def counted_before_anybody_adopts(t):
    """A call of the last moment before a kill is in no record."""
    with double(t) as dd:
        with Living(t, agent(dd)) as app:
            app.ask("delivered")
            settled(t, dd, 1, wait=5)
            dd.fault("500")
            for i in range(3):
                app.ask("in the spool")
            app.kill()
        names = ["captured", "delivered", "spooled", "pending", "dropped"]
        equal([counts(t)[n] for n in names], [4, 1, 3, 0, 0], "at the kill")
        dd.well()
        recovered(t, dd, agent(dd), 4)
        equal([counts(t)[n] for n in names], [5, 5, 0, 0, 0], "in the end")


@test
def killed_beside_a_dead_agent(t):
    """A span that the disk has when perform returns is not lost."""
    port = free_port()
    env = {"LLMOBS_EXPORTER": "agent",
           "DD_TRACE_AGENT_URL": "http://127.0.0.1:%d" % port}
    with Living(t, env) as app:
        for i in range(5):
            app.ask("call %d" % i)
        app.kill()
    with double(t, "--agent-port", str(port)) as dd:
        equal(errors(recovered(t, dd, env, 5)), [], "errors")


@test
def many_killed(t):
    """A host full of them: one process delivers for all."""
    with double(t) as dd:
        t.fresh(None)
        dd.fault("500")
        for i in range(12):
            with Living(t, agent(dd), keep=True) as app:
                app.ask("call %d" % i)
                app.kill()
        equal(len(left_behind(t)), 12, "files")
        dd.well()
        recovered(t, dd, agent(dd), 12)


@test
def killed_while_it_adopts(t):
    """A claimed entry is claimed again."""
    with double(t) as dd:
        with Living(t, agent(dd)) as app:
            dd.fault("500")
            for i in range(3):
                app.ask("call %d" % i)
            app.kill()
        dd.well()
        with Living(t, agent(dd), keep=True) as app:
            dd.fault("hang")
            app.ask("recover this one")
            dd.fault("hang")
            time.sleep(0.3)
            app.kill()
        dd.well()
        spans = recover(t, dd, agent(dd), 4)
        equal(len(set(ids(spans))), 3, "spans")
        equal(left_behind(t), [], "what is left")


@test
def exec_in_the_same_process(t):
    """Neither lost nor doubled by a program that begins anew."""
    with double(t) as dd, Living(t, agent(dd)) as app:
        dd.fault("500")
        app.ask("one")
        app.ask("two")
        app.tell("exec")
        app.ask("three")
        dd.well()
        settled(t, dd, 3, wait=20)
        app.tell("exec")
        app.ask("four")
        settled(t, dd, 4, wait=20)
        wait_for(lambda: not left_behind(t), 60)
        app.end()
        settled(t, dd, 4)
        equal(left_behind(t), [], "what is left in the spool")


@test
def children_that_find_no_agent(t):
    with double(t) as dd:
        dd.fault("reset")
        r = t.run([caller(t), t.url, "prefork", "6", body()], env=agent(dd))
        equal(r.stdout, b"22\n", "calls that went well")
        equal(counts(t)["spooled"], 22, "spooled")
        dd.well()
        recovered(t, dd, agent(dd), 22)


@test
def dead_agent_and_a_living_program(t):
    """Longer than the program lives, and while it lives."""
    with double(t) as dd:
        with Living(t, agent(dd)) as app:
            for kind in ("500", "reset", "close"):
                dd.fault(kind)
                app.ask("at " + kind)
                time.sleep(0.2)
            dd.well()
            settled(t, dd, 3, wait=20)
            dd.fault("reset")
            app.ask("last")
            app.end()
        dd.well()
        recovered(t, dd, agent(dd), 4)


# ---- whose they are ------------------------------------------------------

@test
def two_tenants(t):
    """No span comes with another's key, whoever adopts."""
    port, keys = str(free_port()), ["1" * 32, "2" * 32]
    url = "https://localhost:" + port
    envs = [{"LLMOBS_EXPORTER": None, "DD_LLMOBS_AGENTLESS_ENABLED": "1",
             "DD_API_KEY": key, "LLMOBS_CA_FILE": t.servers.cert,
             "DD_LLMOBS_OVERRIDE_ORIGIN": url} for key in keys]
    t.fresh(None)
    for i, env in enumerate(envs):
        with Living(t, env, keep=True) as app:
            app.ask("of tenant %d" % i)
            app.kill()
    for i, env in enumerate(envs):
        equal(len(left_behind(t)), 2 - i, "what is in the spool")
        with double(t, "--intake-port", port, "--key", keys[i]) as dd:
            spans = recover(t, dd, env, 1, left=1 - i)
            equal(len(spans), 1, "spans of tenant %d" % i)
            ok("of tenant %d" % i in json.dumps(spans[0]), "another's span")
            equal(dd.violations(), [], "violations")
    equal(left_behind(t), [], "what is left in the spool")
    for name, data in tree(spool_of(t)).items():
        for key in keys:
            ok(key.encode() not in data, "a key is in " + name)


@test
def foreign_files(t):
    """Links and others' files are neither read nor removed."""
    if os.geteuid() != 0:
        raise Skip("not root")
    with double(t) as dd:
        dd.fault("500")
        with Living(t, agent(dd)) as app:
            app.ask("somebody's")
            app.kill()
        dd.well()
        mine = os.path.join(spool_of(t), left_behind(t)[0])
        away = os.path.join(t.dir, "away")
        os.rename(mine, away)
        os.symlink(away, mine)
        other = os.path.join(spool_of(t), name_of("4194000-77-abc"))
        shutil.copy(away, other)
        os.chown(other, 12345, 12345)
        spans = recover(t, dd, agent(dd), 0, left=2)
        equal(spans, [], "spans of others")
        ok(os.path.islink(mine) and os.path.getsize(other) and
           os.path.getsize(away),
           "something of it is gone")


# ---- the disk ------------------------------------------------------------

@test
def closed_descriptors(t):
    """A database opened after close_range holds its own bytes."""
    with double(t) as dd, Living(t, agent(dd)) as app:
        path = os.path.join(t.dir, "database")
        app.ask("one")
        app.tell("close " + path)
        for i in range(3):
            app.ask("call %d" % i)
            time.sleep(0.1)
        settled(t, dd, 4, wait=10)
        app.end()
        with open(path, "rb") as f:
            equal(f.read(), b"mine\n", "the database")


def app_and_bad_disk(t, alive, env, want_stored=None, calls=6):
    """Calls beside a disk that fails; all are delivered, or recovered from
    the spool and the store together."""
    with double(t) as dd:
        if not alive:
            dd.fault("reset")
        with Living(t, dict(agent(dd), **env)) as app:
            for i in range(calls):
                took = app.ask("call %d %s" % (i, "x" * 3000))
                ok(took < 4, "a call took %.2f s" % took)
            app.end()
        if alive:
            settled(t, dd, calls)
            equal(left_behind(t), [], "what is left in the spool")
            return
        dd.well()
        saved = stored(t)
        if want_stored is not None:
            equal(len(saved), want_stored, "spans in the store")
        spans = recover(t, dd, agent(dd), calls - len(saved))
        equal(len(set(ids(spans) + ids(saved))), calls, "spans in both")
        equal(len(spans) + len(saved), calls, "none twice")


@test
def disk_full(t):
    for alive in (True, False):
        app_and_bad_disk(t, alive, failing(t, errno.ENOSPC))


@test
def memory_alone_does_not_wait(t):
    """A call that the disk has no room for does not wait for the interval
    between two sends: an exec or a kill would lose it."""
    with double(t) as dd, Living(t, dict(
            agent(dd, _DD_LLMOBS_WRITER_INTERVAL="60"),
            **failing(t, errno.ENOSPC))) as app:
        for i in range(3):
            app.ask("call %d" % i)
            ok(wait_for(lambda: len(dd.spans()) == i + 1, 20), "call %d" % i)
        app.tell("exec")
        app.ask("call 3")
        app.end()
        settled(t, dd, 4)


@test
def disk_full_later(t):
    for after in (1, 2, 3, 5, 8):
        app_and_bad_disk(t, False, failing(t, errno.ENOSPC, after=after))


@test
def disk_with_errors(t):
    for alive in (True, False):
        app_and_bad_disk(t, alive, failing(t, errno.EIO, after=3))


@test
def small_disk(t):
    """A file system that is really full."""
    spool = os.path.join(t.dir, "small")
    os.makedirs(spool)
    launcher = ["unshare", "-m", "sh", "-c", "mount -t tmpfs -o size=32k "
                "none \"$1\" && shift && exec \"$@\"", "sh", spool]
    if subprocess.run(launcher + ["true"]).returncode:
        raise Skip("no mount namespace")
    with double(t) as dd, Living(t, agent(dd, LLMOBS_SPOOL_DIR=spool),
                                 launcher=launcher) as app:
        dd.fault("500")
        for i in range(20):
            app.ask("call %d %s" % (i, "x" * 4000))
        dd.well()
        settled(t, dd, 20, wait=20)
        app.end()


@test
def read_only(t):
    spool = os.path.join(t.dir, "fixed")
    os.makedirs(spool)
    launcher = ["unshare", "-m", "sh", "-c", "mount -t tmpfs -o ro none "
                "\"$1\" && shift && exec \"$@\"", "sh", spool]
    if subprocess.run(launcher + ["true"]).returncode:
        raise Skip("no mount namespace")
    env = {"LLMOBS_SPOOL_DIR": spool}
    with double(t) as dd:
        with Living(t, agent(dd, **env), launcher=launcher) as app:
            app.ask("one")
            settled(t, dd, 1, wait=10)
            dd.fault("500")
            app.ask("two")
            app.end()
        equal(len(stored(t)), 1, "spans in the store")


@test
def no_descriptors(t):
    with double(t) as dd, Living(t, agent(dd)) as app:
        app.ask("one")
        settled(t, dd, 1, wait=10)
        app.tell("files 3")
        for i in range(3):
            app.ask("call %d" % i)
        app.tell("files 1024")
        app.ask("last")
        settled(t, dd, 5, wait=20)
        app.end()
        settled(t, dd, 5)
        equal(left_behind(t), [], "what is left in the spool")


@test
def small_files(t):
    """RLIMIT_FSIZE: no signal, other files."""
    with double(t) as dd:
        dd.fault("500")
        with Living(t, agent(dd)) as app:
            app.tell("size 20000")
            for i in range(12):
                app.ask("call %d %s" % (i, "x" * 2000))
            app.tell("size 1")
            app.ask("in memory")
            app.tell("size 20000")
            app.end()
        dd.well()
        saved = stored(t)
        spans = recover(t, dd, agent(dd), 13 - len(saved))
        equal(len(set(ids(spans) + ids(saved))), 13, "spans")


@test
def left_by_a_signal(t):
    """A program's timeout that leaves by siglongjmp may hit our write. The
    handle is none the worse: the call ends as the next one begins."""
    path = compiled(t, "left", "-O1", os.path.join(APPS, "left.c"), "-lcurl")
    for how, after in (("perform", 0), ("reset", 0), ("cleanup", 0),
                       ("cleanup", 1)):
        r = t.run([path, "100", how, t.url, body()],
                  limit=10,
                  env=failing(t, 0, after=after, BAD_SLOW_MS="200"))
        equal([r.code, r.stdout], [0, b"0\n0\n"], "after " + how)
        equal(len(r.spans), 3, "spans after " + how)
        equal(len(errors(r.spans)), 1, "calls that were left, by " + how)


@test
def killed_before_it_is_counted(t):
    """A span on the disk did not die with the process, whatever the process
    could say of it."""
    with double(t) as dd:
        dd.fault("503")
        with Living(t, agent(dd, **failing(t, 0, path="/o.", after=5,
                                           BAD_SLOW_MS="5000"))) as app:
            app.ask("BEGIN and END")
            app.begin("BEGIN, and an END that takes its time", "gpt-test",
                      wait=2.5)
            app.kill()
        dd.well()
        recovered(t, dd, agent(dd), 2)


def removed(path):
    """The process may write in it meanwhile."""
    for _ in range(1000):
        shutil.rmtree(path, ignore_errors=True)
        if not os.path.exists(path):
            return
    raise OSError("cannot be removed: " + path)


@test
def directory_removed(t):
    """Others' hands in our directory: what memory has is written again."""
    for alive in (True, False):
        with double(t) as dd:
            dd.fault("500")
            with Living(t, agent(dd)) as app:
                for i in range(3):
                    app.ask("before %d" % i)
                removed(spool_of(t))
                for i in range(3):
                    app.ask("after %d" % i)
                if alive:
                    dd.well()
                    settled(t, dd, 6, wait=20)
                app.end()
            dd.well()
            recovered(t, dd, agent(dd), 6)


@test
def replaced_by_a_link(t):
    """Nothing is written where others may read or remove it."""
    away = os.path.join(t.dir, "away")
    os.mkdir(away)
    if os.geteuid() == 0:
        os.chown(away, 65534, 65534)
    with double(t) as dd:
        dd.fault("500")
        with Living(t, agent(dd)) as app:
            app.ask("before")
            os.rename(spool_of(t), os.path.join(t.dir, "gone"))
            os.symlink(away, spool_of(t))
            for i in range(3):
                app.ask("after %d" % i)
            equal(os.listdir(away), [], "files behind the link")
            dd.well()
            settled(t, dd, 4, wait=20)
            app.end()
        equal(os.listdir(away), [], "files behind the link")


# ---- limits --------------------------------------------------------------

def drained(t, env, *args):
    """What `llmobs drain` says."""
    done = subprocess.run([os.path.join(t.build, "llmobs"), "drain", "--json",
                           *args], env=t.environment(True, env),
                          stdout=subprocess.PIPE)
    return json.loads(done.stdout)


def killed_with(t, env, count, keep=False, **more):
    """A program that is killed with so many calls in the spool."""
    with Living(t, dict(env, **failing(t, 0, **more)), keep=keep) as app:
        for i in range(count):
            app.ask("call %d" % i)
        app.kill()


def line_ends(t):
    with open(os.path.join(t.dir, "store", "spans.jsonl"), newline="") as f:
        return [line[line.rindex("}") + 1:] for line in f.readlines()]


@test
def no_drain_where_none_may_start(t):
    """The calls of an ended program wait, the log says why, and programs go
    on."""
    hide = 'mount --bind /dev/null "$0" && shift && exec "$@"'
    no_tool = [LAUNCHER, "unshare", "-m", "sh", "-c", hide,
               os.path.join(t.build, "llmobs")]
    with double(t) as dd:
        dd.fault("500")
        killed_with(t, agent(dd), 1)
        dd.well()
        made = 0
        for why, launcher, env in (
                ("as LLMOBS_RELAY is off", [], {"LLMOBS_RELAY": "off"}),
                ("is limited", ["prlimit", "--nproc=200"], {}),
                ("as No such file", no_tool, {})):
            if launcher is no_tool and os.geteuid() != 0:
                continue
            with Living(t, agent(dd, **env), keep=True,
                        launcher=launcher) as app:
                app.ask("beside")
                ok(wait_for(lambda: why in app.log(), 60), app.log())
                app.ask("and on")
                app.end()
            made += 2
            equal(len(dd.wait_spans(made, 60)), made, "spans")
        equal(len(left_behind(t)), 1, "files that wait")
        equal(drained(t, agent(dd))["delivered"], 1, "delivered by hand")


SLEPT = {"SLEPT_S": "90000"}


@test
def expired(t):
    """Datadog gets no span that is older than a day: it is in the store, marked
    and counted, and no later drain sends it."""
    with double(t) as dd:
        for env in agent(dd), agentless(t, dd):
            before = len(dd.spans())
            dd.fault("500")
            killed_with(t, env, 3)
            killed_with(t, env, 1, keep=True, **SLEPT)
            dd.well()
            late = dict(env, **failing(t, 0, **SLEPT))
            said = drained(t, late)
            equal([said[n] for n in ("delivered", "expired", "left")],
                  [1, 3, 0], "what a drain says")
            equal(len(dd.spans()), before + 1, "spans at Datadog")
            equal(line_ends(t), ["\r\n"] * 3, "ends of the lines in the store")
            equal(left_behind(t), [], "what is left in the spool")
            equal(counts(t)["dropped_by_reason"]["expired"], 3, "expired")
            equal(drained(t, late, "--store")["delivered"], 0, "sent later")


@test
def others_take_old_calls(t):
    """A receiver of OTLP and the store have no limit."""
    late = failing(t, 0, **SLEPT)
    for to in "otlp", "store":
        with Receiver() as receiver:
            away = otlp(receiver, OTEL_EXPORTER_OTLP_ENDPOINT=
                        "http://127.0.0.1:%d" % free_port())
            killed_with(t, away, 3)
            said = drained(t, dict(otlp(receiver), **late), "--to", to)
            equal([said[n] for n in ("delivered", "expired", "left")],
                  [3, 0, 0], "what a drain says")
            equal(len(receiver.spans()), 3 if to == "otlp" else 0, "spans sent")
            equal(len(stored(t)), 0 if to == "otlp" else 3, "spans stored")


@test
def expired_for_one_of_two(t):
    """What is too old for Datadog waits for a receiver of OTLP that is away, and
    is in the store once."""
    late = failing(t, 0, **SLEPT)
    with double(t) as dd, Receiver() as receiver:
        away = {**otlp(receiver), **agent(dd), "LLMOBS_EXPORTER": "agent,otlp",
                "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:%d" %
                free_port()}
        dd.fault("500")
        killed_with(t, away, 2)
        dd.well()
        for _ in range(2):
            equal(drained(t, dict(away, **late))["left"], 2, "waits for OTLP")
            equal(line_ends(t), ["\r\n"] * 2, "lines in the store")
        drained(t, dict(otlp(receiver), **late), "--to", "otlp")
        equal((len(receiver.spans()), len(dd.spans())), (2, 0), "OTLP, Datadog")
        equal((len(line_ends(t)), left_behind(t)), (2, []), "store and spool")


@test
def the_wall_clock_is_stepped(t):
    """By days, in either direction: nothing expires, neither a call nor the
    event that stands for it on the disk."""
    with double(t) as dd:
        for late in "172800", "-172800":
            for content in "full", "off":
                before = len(dd.spans())
                dd.fault("500")
                killed_with(t, agent(dd, LLMOBS_CONTENT=content), 2,
                            LATE_S=late)
                dd.well()
                said = drained(t, agent(dd))
                equal([said[n] for n in ("delivered", "expired", "left")],
                      [2, 0, 0], "what a drain says")
                equal(len(dd.spans()), before + 2, "spans at Datadog")


@test
def full_spool(t):
    """LLMOBS_SPOOL_MAX: newer ones are in memory only, and then in the
    store."""
    env = dict(PATIENT, LLMOBS_SPOOL_MAX="200000")
    with double(t) as dd:
        dd.fault("500")
        with Living(t, agent(dd, **env)) as app:
            for i in range(40):
                app.ask("call %d %s" % (i, "x" * 5000))
            app.end()
        used = sum(len(d) for d in tree(spool_of(t)).values())
        ok(used < 300000, "the spool has %d bytes" % used)
        saved = stored(t)
        ok(5 < len(saved) < 40, "%d in the store" % len(saved))
        dd.well()
        spans = recover(t, dd, agent(dd), 40 - len(saved))
        equal(len(set(ids(spans) + ids(saved))), 40, "spans")


def counted_once(t, dd, env, size=None, calls=20):
    """The disk refuses the last entries of some calls, and the exit drops
    those, or, where the worker's thread is quicker, stores them: the spool has
    nothing more of them, and nobody tells of them."""
    t.fresh(None)
    dd.fault("500")
    before = len(dd.spans())
    with Living(t, agent(dd, LLMOBS_EXIT_FLUSH_MS="0", **env)) as app:
        for i in range(calls):
            if i == 3 and size:
                app.tell("size %d" % size)
            app.ask("call %d %s" % (i, "x" * 5000))
        app.end()
    said = counts(t)
    equal([said[n] for n in ("captured", "pending")], [calls, 0],
          "captured and pending")
    gone = said["dropped"] + len(stored(t))
    ok(gone > 0, "the spool had room for all calls")
    dd.well()
    recover(t, dd, agent(dd), before + calls - gone)
    spans = [s for s in dd.spans()[before:] if "recover" not in json.dumps(s)]
    equal(errors(spans), [], "calls that were cut off")
    equal(len(set(ids(spans))), calls - gone, "spans")
    equal(counts(t)["captured"], calls + 1, "captured in the end")


@test
def no_room_for_the_end(t):
    """The spool is full, or the disk is, or the program may write no larger
    file."""
    with double(t) as dd:
        counted_once(t, dd, {"LLMOBS_SPOOL_MAX": "61500"})
        counted_once(t, dd, failing(t, errno.ENOSPC, after=11))
        counted_once(t, dd, {}, size=9000)


@test
def full_spool_of_short_programs(t):
    env = {"LLMOBS_SPOOL_MAX": "100000"}
    with double(t) as dd:
        dd.fault("500")
        t.fresh(None)
        for i in range(40):
            with Living(t, agent(dd, **env), keep=True) as app:
                app.ask("call %d" % i)
                app.end()
            time.sleep(0.1)
        # 25 of these fit. They tell each other once a second, and at most ten
        # begin in one.
        files = len(left_behind(t))
        ok(5 <= files <= 36, "%d files" % files)
        saved = stored(t)
        dd.well()
        spans = recover(t, dd, agent(dd, **env), 40 - len(saved))
        equal(len(set(ids(spans) + ids(saved))), 40, "spans")


@test
def refused(t):
    """400 and 422: set aside for a person, and counted."""
    with double(t) as dd, Living(t, agent(dd)) as app:
        dd.fault("marker", marker="POISON")
        for i in range(4):
            app.ask("POISON pill" if i == 2 else "call %d" % i)
        settled(t, dd, 3, wait=20)
        path = os.path.join(spool_of(t), "rejected.jsonl")
        wait_for(lambda: os.path.exists(path))
        app.end()
        with open(path) as f:
            lines = [json.loads(line) for line in f]
        equal(len(lines), 1, "lines")
        ok("POISON" in json.dumps(lines[0]), "another one is set aside")
        equal(os.stat(path).st_mode & 0o777, 0o600, "mode")
        equal(counts(t)["dropped_by_reason"]["export"], 1, "counted")
        equal(left_behind(t), [], "what is left in the spool")


@test
def media_stay_out(t):
    """Of a file within the JSON of a request the disk has the size alone; of a
    picture that the span shows it has the bytes."""
    file, picture = "JVBERi0x" * 40000, "iVBORw0K" * 400
    parts = [
        {"type": "text", "text": "read"},
        {"type": "image_url",
         "image_url": {"url": "data:image/png;base64," + picture}},
        {"type": "file", "file": {
            "filename": "a.pdf",
            "file_data": "data:application/pdf;base64," + file}}]
    with double(t) as dd:
        dd.fault("500")
        untouched(t, curl(t.url, "@request.json"), agent(dd),
                  inputs={"request.json": body(parts).encode()})
        kept = b"".join(tree(spool_of(t)).values())
        ok(file[:99].encode() not in kept, "the file is in the spool")
        ok(b"...[240000 bytes of base64, " in kept, "its size is not")
        ok(picture.encode() in kept, "the picture is not in the spool")
        dd.well()
        span, = recovered(t, dd, agent(dd), 1)
    message = span["meta"]["input"]["messages"][0]
    equal(message["content"], "read\n[file]", "the message")
    equal(message["image_parts"][0]["content"], picture, "its picture")
