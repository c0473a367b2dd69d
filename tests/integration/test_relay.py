"""A relay delivers for the others: they write their calls and leave, and none
is lost or comes twice, in whatever state it is."""
import contextlib
import json
import os
import signal
import socket
import struct
import subprocess
import time

from delivery import (Living, agent, counts, double, failing, ids,
                      left_behind, reader_of, recover, settled, spool_of,
                      stored, wait_for)
from harness import (APPS, LAUNCHER, Skip, body, compiled, curl, data_of,
                     equal, ok, test)
from relays import Relay, holders, own_signs, sign, sign_is_up
from serving import Handler, serving

NAMELESS = {"LLMOBS_CALLSITE": "off"}  # so the program delivers none itself


def takes_back(t, app):
    """A program has claimed what it had handed over."""
    return any(reader_of(name) == app.process.pid for name in left_behind(t))


def threads_of(app):
    """The program's own, without the launcher."""
    return len(os.listdir("/proc/%d/task" % app.process.pid))


def none(**more):
    """The environment of a program that names no destination."""
    return dict({"LLMOBS_EXPORTER": None, "DD_TRACE_AGENT_URL": None}, **more)


def ended(t, left=0):
    """The calls of all processes are counted once, and none waits."""
    def said():
        return [counts(t)[n] for n in ("pending", "spooled", "dropped")]
    wait_for(lambda: said() == [0, left, 0], 5)
    equal(said(), [0, left, 0], "pending, spooled and dropped")


def build(t, name, *flags):
    path = os.path.join(t.dir, name)
    subprocess.run(["gcc", "-O2", "-Wl,--build-id", *flags,
                    os.path.join(APPS, "agent.c"), "-o", path, "-lcurl",
                    "-lpthread"], check=True)
    return path


def stored_caller(t, path):
    t.run([path, "easy", t.url, body("who")], keep=True, check=False)
    return stored(t)[0]["meta"]["metadata"]["caller"]


# ---- short programs -------------------------------------------------------

@test
def a_short_program_leaves(t):
    """It makes no connection but its own, and its span comes at once."""
    t.fresh(None)
    with double(t) as dd, Relay(t, agent(dd)):
        for i in range(3):
            bare = t.run(curl(t.url, body("call %d" % i)), preload=False,
                         keep=True, check=False)
            ours = t.run(curl(t.url, body("call %d" % i)), env=agent(dd),
                         keep=True, check=False)
            equal((ours.code, ours.stdout, ours.stderr),
                  (bare.code, bare.stdout, bare.stderr), "what it does")
        settled(t, dd, 3, wait=5)
        ok(wait_for(lambda: left_behind(t) == [], 5), "an empty spool")
        ended(t)
        equal(counts(t)["captured"], 3, "captured")


@test
def a_peer_that_hangs_is_nothing_to_a_short_program(t):
    t.fresh(None)
    with double(t) as dd, Relay(t, agent(dd)):
        dd.fault("hang")
        began = time.monotonic()
        for i in range(4):
            t.run(curl(t.url, body("call %d" % i)), env=agent(dd), keep=True)
        ok(time.monotonic() - began < 4, "four programs do not wait for it")
        dd.well()
        settled(t, dd, 4, wait=30)


@test
def to_the_store(t):
    t.fresh(None)
    with Relay(t, {}):
        t.run(curl(t.url, body("to the store")), keep=True, check=False)
        ok(wait_for(lambda: len(stored(t)) == 1, 5), "a span in the store")
        equal(stored(t)[0]["meta"]["metadata"]["caller"]["module"], "curl",
              "module of the caller")
        equal(facts_of(stored(t)[0]), (os.getuid(), socket.gethostname()),
              "account and machine")


def facts_of(span):
    return tuple(span["_call"].get(key) for key in ("uid", "hostname"))


@test
def of_another_machine(t):
    """A container's name is told, not that of the relay beside it."""
    away = ["unshare", "-u", "sh", "-c",
            "echo away >/proc/sys/kernel/hostname && exec \"$@\"", "sh"]
    if subprocess.run([*away, "true"], stderr=subprocess.DEVNULL).returncode:
        raise Skip("no name of its own is allowed here")
    t.fresh(None)
    with Relay(t, {}):
        t.run([*away, *curl(t.url, body("away"))], keep=True, check=False)
        ok(wait_for(lambda: len(stored(t)) == 1, 5), "a span in the store")
        equal(facts_of(stored(t)[0]), (os.getuid(), "away"),
              "account and machine")


def caller_of_agent(t, path, meanwhile=None):
    """metadata.caller of a call that a relay delivers, after `meanwhile`."""
    t.fresh(None)
    with Relay(t, {}) as relay:
        os.killpg(relay.process.pid, signal.SIGSTOP)
        t.run([path, "easy", t.url, body("who")], keep=True, check=False)
        if meanwhile:
            meanwhile()
        os.killpg(relay.process.pid, signal.SIGCONT)
        ok(wait_for(lambda: len(stored(t)) == 1, 10), "a span")
        return stored(t)[0]["meta"]["metadata"]["caller"]


@test
def names_of_callers_are_the_relays_work(t):
    """The program opens no file for them; the relay reads the program's, and
    only where it is the one that ran."""
    path = build(t, "agent")
    t.fresh(None)
    alone = stored_caller(t, path)
    equal(alone["function"], "fetch_reply", "without a relay")
    equal(caller_of_agent(t, path), alone, "with a relay")

    def bare():
        os.replace(path, path + ".old")
        build(t, "agent", "-O0", "-DANOTHER")

    for what, change in (("another file", bare),
                         ("no file", lambda: os.unlink(path))):
        caller = caller_of_agent(t, path, change)
        ok("function" not in caller, "%s has no name" % what)
        equal((caller["module"], len(caller["frames"])),
              ("agent", len(alone["frames"])), what)
        ok(all("!fetch_reply" not in f for f in caller["frames"]), what)


@test
def a_file_without_a_build_id(t):
    """Its beginning tells it from another."""
    path = build(t, "agent", "-Wl,--build-id=none")
    t.fresh(None)
    alone = stored_caller(t, path)
    equal(alone["function"], "fetch_reply", "alone")
    equal(caller_of_agent(t, path), alone, "with a relay")

    def another():
        os.replace(path, path + ".old")
        build(t, "agent", "-O0", "-DANOTHER", "-Wl,--build-id=none")

    ok("function" not in caller_of_agent(t, path, another), "another file")


@test
def without_a_destination_of_its_own(t):
    """The key lives with the relay alone."""
    t.fresh(None)
    with double(t) as dd, Relay(t, agent(dd)):
        t.run(curl(t.url, body("no key")), env=none(), keep=True, check=False)
        settled(t, dd, 1, wait=5)


@test
def a_workflow_beside_a_relay(t):
    """The tool's own span and an evaluation go the way of the calls."""
    t.fresh(None)
    run, tool = [os.path.join(t.build, n) for n in ("llmobs-run", "llmobs")]
    with double(t) as dd, Relay(t, agent(dd)):
        t.run([run, "--workflow", "flow", *curl(t.url, body("inside"))],
              launcher=[], env=none(), keep=True, check=False)
        spans = {s["name"]: s for s in settled(t, dd, 2, wait=5)}
        equal(spans["OpenAI.createChatCompletion"]["parent_id"],
              spans["flow"]["span_id"], "parent of the call")
        t.run([tool, "evaluate", "--label", "good", "--type", "score",
               "--value", "1", "--tag", "a=b"], launcher=[],
              env=none(DD_LLMOBS_ENABLED="1"), keep=True, check=False)
        equal(len(dd.wait_evaluations(1)), 1, "evaluations")
        equal(stored(t), [], "store")
        empty_soon(t) # the relay removes a file after it has the answer
        ended(t)


@test
def with_another_destination(t):
    """It delivers by itself."""
    t.fresh(None)
    with double(t) as dd, double(t) as other, Relay(t, agent(dd)):
        t.run(curl(t.url, body("elsewhere")), env=agent(other), keep=True,
              check=False)
        settled(t, other, 1)
        time.sleep(0.3)
        settled(t, dd, 0)


@test
def switched_off(t):
    t.fresh(None)
    with double(t) as dd, Relay(t, agent(dd)) as relay:
        relay.process.send_signal(signal.SIGCONT)
        os.killpg(relay.process.pid, signal.SIGSTOP)
        t.run(curl(t.url, body("by itself")),
              env=agent(dd, LLMOBS_RELAY="off"), keep=True, check=False)
        settled(t, dd, 1)


@test
def a_living_program_that_is_switched_off(t):
    """The relay leaves alone what it delivers."""
    t.fresh(None)
    env = {"LLMOBS_RELAY": "off"}
    with double(t) as dd, Relay(t, agent(dd)):
        with Living(t, agent(dd, **env), keep=True) as app:
            for i in range(5):
                app.ask("call %d" % i)
                settled(t, dd, i + 1, wait=5)
            app.end()
        time.sleep(1.2)
        settled(t, dd, 5)


@test
def content_stays_off_the_disk(t):
    """The process maps the call itself: no body reaches the spool."""
    t.fresh(None)
    env = {"LLMOBS_CONTENT": "off"}
    with double(t) as dd, Relay(t, agent(dd, **env)) as relay:
        os.killpg(relay.process.pid, signal.SIGSTOP)
        t.run(curl(t.url, body("a private word")), env=agent(dd, **env),
              keep=True, check=False)
        text = b"".join(data_of(os.path.join(spool_of(t), name))
                        for name in left_behind(t))
        ok(b"start_ns" in text, "an encoded event on the disk")
        ok(b"private word" not in text, "no content on the disk")
        os.killpg(relay.process.pid, signal.SIGCONT)
        spans = settled(t, dd, 1, wait=5)
        ok("private word" not in json.dumps(spans), "no content in the span")
        equal(spans[0]["metrics"]["input_tokens"] > 0, True, "tokens")


@test
def calls_after_the_exit_handler(t):
    """A relay that does not see the program, as one in another container,
    takes them at once, too."""
    need(OTHER_PIDS)
    t.fresh(None)
    program = compiled(t, "late", "-O1", os.path.join(APPS, "late.c"), "-lcurl",
                       "-lpthread")
    with double(t) as dd, Relay(t, agent(dd)) as relay:
        os.killpg(relay.process.pid, signal.SIGSTOP)
        done = t.run([*OTHER_PIDS, LAUNCHER, program, t.url, body("late")],
                     launcher=[], env=agent(dd), keep=True, check=False)
        equal(done.stdout, b"main 0\nthread 0\nhandler 0\ndestructor 0\n",
              "calls")
        os.killpg(relay.process.pid, signal.SIGCONT)
        settled(t, dd, 4, wait=5)
        empty_soon(t)
        ended(t)


# ---- programs that live ---------------------------------------------------

@test
def a_living_program_needs_no_thread(t):
    """Its spans come while it lives."""
    t.fresh(None)
    with double(t) as dd, Relay(t, agent(dd)):
        with Living(t, agent(dd), keep=True) as app:
            for i in range(20):
                app.ask("call %d" % i)
            settled(t, dd, 20, wait=5)
            equal(threads_of(app), 1, "threads of the program")
            app.ask("one more")
            settled(t, dd, 21, wait=5)
            app.end()
        ok(wait_for(lambda: left_behind(t) == [], 5), "an empty spool")
        settled(t, dd, 21)
        ended(t)


@test
def calls_that_come_closely(t):
    """They share requests: the relay gathers them for 40 ms. A slow host may make
    it send some more, of calls that came while it sent: so one try must do."""
    t.fresh(None)
    tries, calls = [], 20
    with double(t) as dd, Relay(t, agent(dd)):
        with Living(t, agent(dd), keep=True) as app:
            while len(tries) < 8 and not any(s <= most for s, most in tries):
                before, began = len(dd.requests()), time.monotonic()
                for i in range(calls):
                    app.ask("call %d" % i)
                    time.sleep(0.012)
                most = (time.monotonic() - began) / 0.04 + 2
                settled(t, dd, calls * (len(tries) + 1), wait=5)
                tries.append((len(dd.requests()) - before, most))
            ok(any(s <= most for s, most in tries),
               "requests, and the most: %s" % tries)
            app.end()


@test
def no_room_for_the_end_beside_a_relay(t):
    """The program has such a call alone, and drops it at its exit, or, where the
    worker's thread is quicker, stores it: the relay does not tell of it as one
    that was cut off."""
    t.fresh(None)
    env = {"LLMOBS_SPOOL_MAX": "61500", "LLMOBS_EXIT_FLUSH_MS": "0"}
    with double(t) as dd, Relay(t, agent(dd)):
        dd.fault("500")
        with Living(t, agent(dd, **env), keep=True) as app:
            for i in range(20):
                app.ask("call %d %s" % (i, "x" * 5000))
            app.end()
        gone = counts(t)["dropped"] + len(stored(t))
        ok(gone > 0, "all calls were left to the relay")
        dd.well()
        spans = settled(t, dd, 20 - gone, wait=20)
        equal([s["status"] for s in spans if s["status"] != "ok"], [],
              "calls that were cut off")
        ok(wait_for(lambda: left_behind(t) == [], 5), "an empty spool")
        equal(counts(t)["captured"], 20, "captured")


@test
def many_files_of_a_living_program(t):
    """Files that nobody needs go while it lives, and no call with them."""
    t.fresh(None)
    env = {"LLMOBS_SPOOL_MAX": str(1024 * 1024)}
    with double(t) as dd, Relay(t, agent(dd, **env)):
        with Living(t, agent(dd, **env), keep=True) as app:
            for i in range(120):
                app.ask("x" * 4000 + " %d" % i)
                time.sleep(0.01)
            settled(t, dd, 120, wait=10)
            ok(wait_for(lambda: len(left_behind(t)) < 4, 12), "few files")
            app.ask("after that")
            settled(t, dd, 121, wait=5)
            app.end()
        ok(wait_for(lambda: left_behind(t) == [], 5), "an empty spool")
        settled(t, dd, 121)


@test
def killed_beside_a_relay(t):
    """The relay delivers what ended, and the call that was under way."""
    t.fresh(None)
    with double(t) as dd, Relay(t, agent(dd)):
        with Living(t, agent(dd), keep=True) as app:
            app.ask("before")
            app.begin("under way")
            app.kill()
        spans = settled(t, dd, 2, wait=10)
        equal([s["meta"]["error"]["type"] for s in spans
               if s["status"] == "error"], ["process_killed"], "errors")
        ended(t)


@test
def cancelled_beside_a_relay(t):
    """A thread that looks for the relay is not cancelled in that: its call
    returns, as it does without the library."""
    t.fresh(None)
    with double(t) as dd, Relay(t, agent(dd)):
        with Living(t, agent(dd), keep=True) as app:
            app.ask("before")
            time.sleep(1.1)
            app.tell("cancel " + body("cancelled"))
            equal(app.process.stdout.readline(), b"cancelled=1 returned=1\n",
                  "what became of the thread")
            app.ask("after")
            app.end()
        settled(t, dd, 3, wait=5)
        ended(t)


@test
def exec_beside_a_relay(t):
    t.fresh(None)
    with double(t) as dd, Relay(t, agent(dd)):
        with Living(t, agent(dd), keep=True) as app:
            for i in range(3):
                app.ask("call %d" % i)
                app.tell("exec")
            app.end()
        settled(t, dd, 3, wait=10)
        time.sleep(1.2)
        settled(t, dd, 3)


# ---- the states of a relay ------------------------------------------------

@test
def started_late(t):
    t.fresh(None)
    with double(t) as dd, Living(t, agent(dd), keep=True) as app:
        app.ask("before it")
        settled(t, dd, 1, wait=5)
        with Relay(t, agent(dd)):
            time.sleep(1.2)
            for i in range(5):
                app.ask("with it %d" % i)
            settled(t, dd, 6, wait=5)
            app.end()
        settled(t, dd, 6)


@test
def killed_and_not_started_again(t):
    """The program delivers by itself from the next second on, and another
    process what the relay had to deliver."""
    t.fresh(None)
    with double(t) as dd:
        with Relay(t, agent(dd)) as relay:
            with Living(t, agent(dd), keep=True) as app:
                app.ask("with the relay")
                settled(t, dd, 1, wait=5)
                # The relay has read the answer: else the call came twice.
                ok(wait_for(lambda: counts(t)["delivered"] == 1, 20),
                   "the relay's count")
                os.killpg(relay.process.pid, signal.SIGSTOP)
                app.ask("left to it")
                relay.kill()
                time.sleep(1.2)
                app.ask("without it")
                wait_for(lambda: len(dd.spans()) >= 2, 10)
                app.end()
        recover(t, dd, agent(dd), 3)
        spans = [s for s in dd.spans() if "recover" not in json.dumps(s)]
        equal(len(set(ids(spans))), 3, "spans")
        equal(len(spans), 3, "each once")
        equal(left_behind(t), [], "what is left in the spool")


def hand_over_and_kill(t, dd, app, relay, count):
    """The relay delivers one call, and is killed before it has the others."""
    app.ask("delivered")
    settled(t, dd, 1, wait=5)
    time.sleep(2.1)
    dd.fault("503", path="")
    for i in range(count):
        app.ask("left to it %d" % i)
    equal(threads_of(app), 2, "threads of a program that lives on")
    time.sleep(0.3)
    relay.kill()
    dd.well()


def descriptors(pid):
    """{number: file}, of those that stay open meanwhile."""
    found = {}
    for fd in os.listdir("/proc/%d/fd" % pid):
        with contextlib.suppress(FileNotFoundError):
            found[int(fd)] = os.readlink("/proc/%d/fd/%s" % (pid, fd))
    return found


def holds_spool(t, app):
    """The program may close all descriptors and open its own."""
    return any(spool_of(t) in to
               for to in descriptors(app.process.pid).values())


def end_with_another(t, dd, app):
    """The program makes its fifth call beside another relay, and ends."""
    app.ask("with another relay")
    settled(t, dd, 5, wait=5)
    app.end()
    empty_soon(t)


@test
def taken_back(t):
    """A program that lives on delivers by itself what it had left to a relay
    that is gone; the next relay does not deliver it again."""
    t.fresh(None)
    with double(t) as dd, Relay(t, agent(dd)) as relay, \
            Living(t, agent(dd, **NAMELESS), keep=True) as app:
        hand_over_and_kill(t, dd, app, relay, 3)
        settled(t, dd, 4, wait=10)
        with Relay(t, agent(dd)):
            time.sleep(1.2)
            end_with_another(t, dd, app)
        settled(t, dd, 5)
        ended(t)


@test
def taken_back_by_one(t):
    """A relay that begins while the program delivers what it took back leaves
    that to it."""
    t.fresh(None)
    with double(t) as dd, Relay(t, agent(dd)) as relay, \
            Living(t, agent(dd, **NAMELESS), keep=True) as app:
        hand_over_and_kill(t, dd, app, relay, 3)
        dd.fault("503", path="")
        ok(wait_for(lambda: takes_back(t, app), 10), "a claim of the program")
        ok(wait_for(lambda: not holds_spool(t, app), 10),
           "what it holds open meanwhile")
        with Relay(t, agent(dd)):
            time.sleep(1.5)
            dd.well()
            settled(t, dd, 4, wait=20)
            ok(wait_for(lambda: not takes_back(t, app), 10), "no claim")
            end_with_another(t, dd, app)
        settled(t, dd, 5)
        ended(t)


@test
def two_at_once(t):
    """One delivers; the other goes on when that ends."""
    t.fresh(None)
    with double(t) as dd, Relay(t, agent(dd)) as first, \
            Relay(t, agent(dd)):
        t.run(curl(t.url, body("one")), env=agent(dd), keep=True, check=False)
        settled(t, dd, 1, wait=5)
        first.end()
        ok(wait_for(lambda: sign_is_up(t), 10), "the sign of the other")
        t.run(curl(t.url, body("two")), env=agent(dd), keep=True, check=False)
        settled(t, dd, 2, wait=5)
        time.sleep(0.3)
        settled(t, dd, 2)


@test
def its_process_is_killed(t):
    """It is started again."""
    t.fresh(None)
    with double(t) as dd, Relay(t, agent(dd)) as relay:
        children = subprocess.run(
            ["pgrep", "-P", str(relay.process.pid)],
            stdout=subprocess.PIPE).stdout.split()
        for pid in children:
            os.kill(int(pid), signal.SIGKILL)
        t.run(curl(t.url, body("meanwhile")), env=agent(dd), keep=True,
              check=False)
        ok(wait_for(lambda: len(dd.spans()) == 1, 15), "the span")
        time.sleep(0.3)
        settled(t, dd, 1)


@test
def a_false_sign(t):
    """A file without the lock of a living relay is none."""
    t.fresh(None)
    with double(t) as dd:
        with Relay(t, agent(dd)) as relay:
            content = open(sign(t), "rb").read()
            relay.kill()
        with open(sign(t), "wb") as f:
            f.write(content)
        t.run(curl(t.url, body("by itself")), env=agent(dd), keep=True,
              check=False)
        settled(t, dd, 1)


@test
def a_full_disk(t):
    """The process delivers the calls that it cannot write."""
    t.fresh(None)
    with double(t) as dd, Relay(t, agent(dd)):
        t.run(curl(t.url, body("no room")), env=failing(t, **agent(dd)),
              keep=True, check=False)
        settled(t, dd, 1, wait=5)


@test
def it_ends_when_idle(t):
    t.fresh(None)
    with double(t) as dd, Relay(t, agent(dd), "--idle", "1") as relay:
        t.run(curl(t.url, body("one")), env=agent(dd), keep=True, check=False)
        settled(t, dd, 1, wait=5)
        equal(relay.process.wait(20), 0, "exit status")
        ok(not sign_is_up(t), "no sign")


@test
def waits_no_longer_than_it_may_idle(t):
    """A relay that never gets the spool ends, too."""
    t.fresh(None)
    with double(t) as dd, Relay(t, agent(dd)), \
            Relay(t, agent(dd), "--idle", "1", wait=False) as second:
        equal(second.process.wait(20), 0, "exit status")
        ok(sign_is_up(t), "the sign of the first")


@test
def idle_beside_calls_for_others(t):
    """Calls that it does not deliver keep it from nothing."""
    t.fresh(None)
    with double(t) as dd, double(t) as other:
        other.stop()
        t.run(curl(t.url, body("of another")), env=agent(other), keep=True,
              check=False)
        ok(left_behind(t) != [], "a call in the spool")
        with Relay(t, agent(dd), "--idle", "1") as relay:
            equal(relay.process.wait(20), 0, "exit status")


@test
def no_spool_and_idle(t):
    """A relay that can serve no spool does not try for ever."""
    t.fresh(None)
    env = {"LLMOBS_SPOOL_DIR": "/proc/nowhere"}
    with Relay(t, env, "--idle", "1", wait=False) as relay:
        equal(relay.process.wait(20), 0, "exit status")


@test
def a_child_that_nobody_can_kill(t):
    """As one that waits for a file system: the relay ends without it."""
    source = os.path.join(t.dir, "spares.c")
    with open(source, "w") as f:
        f.write("#include <signal.h>\n#include <sys/syscall.h>\n"
                "#include <unistd.h>\nint kill(pid_t pid, int n)\n"
                "{ return n == SIGKILL ? 0 : syscall(SYS_kill, pid, n); }\n")
    spares = compiled(t, "spares.so", "-shared", "-fPIC", source)
    t.fresh(None)
    with double(t) as dd, Relay(t, agent(dd, LD_PRELOAD=spares)) as relay:
        with open("/proc/%d/task/%d/children" % (2 * (relay.process.pid,))) as f:
            child = int(f.read())
        os.kill(child, signal.SIGSTOP)
        relay.process.terminate()
        begun = time.monotonic()
        pid = 0
        while not pid and time.monotonic() - begun < 20:
            pid, status, used = os.wait4(relay.process.pid, os.WNOHANG)
            time.sleep(0.01)
        os.kill(child, signal.SIGKILL)
        ok(pid, "no end")
        relay.process.returncode = status
        equal(status, 0, "exit status")
        ok(time.monotonic() - begun > 3, "it waited before and after the kill")
        ok(used.ru_utime + used.ru_stime < 1, "it slept")


# ---- one that the launcher starts ------------------------------------------

def launched(t):
    """The relays that were started for one destination of this test: each has
    its sign open, and nothing in the environment that others see."""
    return sorted(pid for pid, path in holders(own_signs(t)))


@contextlib.contextmanager
def launches(t):
    """Ends what the launchers start."""
    try:
        yield
    finally:
        for pid in launched(t):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        ok(wait_for(lambda: launched(t) == [], 10), "the end of the relay")


def launch(t, env, *command, **how):
    return t.run([os.path.join(t.build, "llmobs-run"), "--relay", *command],
                 launcher=[], env=env, keep=True, check=False, **how)


SHOW = ["sh", "-c", "ls -l /proc/self/fd | wc -l; cat; "
        "ps -o comm= --ppid $$ | sort; trap"]


@test
def launched_once(t):
    """The first launcher starts a relay, the next one finds it; the command
    sees neither."""
    t.fresh(None)
    with double(t) as dd, launches(t):
        for i in range(3):
            t.run(["sh", "-c", 'exec 7</dev/zero; exec "$@"', "sh",
                   os.path.join(t.build, "llmobs-run"), "--relay",
                   *curl(t.url, body("call %d" % i))], launcher=[],
                  env=agent(dd), keep=True, check=False)
            settled(t, dd, i + 1, wait=5)
            equal([sign_is_up(t, path) for path in own_signs(t)], [True],
                  "the sign")
            equal(len(launched(t)), 1, "relays")
        bare = t.run(SHOW, preload=False, stdin=b"text", keep=True,
                     check=False)
        ours = launch(t, agent(dd), *SHOW, stdin=b"text")
        equal((ours.code, ours.stdout, ours.stderr),
              (bare.code, bare.stdout, bare.stderr), "what the command sees")
        pid, = launched(t)
        equal(children_of(pid), [], "its children")
        files = descriptors(pid)
        equal([files[fd] for fd in range(3)], ["/dev/null"] * 3,
              "the first of its descriptors")
        ok("/dev/zero" not in files.values(), "the others")
        ok(os.path.join(t.dir, "work") != os.readlink("/proc/%d/cwd" % pid),
           "it is not where the command is")
        ended(t)


def children_of(pid):
    return [int(p) for p in subprocess.run(
        ["pgrep", "-P", str(pid)], stdout=subprocess.PIPE).stdout.split()]


@test
def launched_at_once(t):
    """Of many launchers one starts the relay that stays."""
    t.fresh(None)
    with double(t) as dd, launches(t):
        run = os.path.join(t.build, "llmobs-run")
        many = [subprocess.Popen(
            [run, "--relay", *curl(t.url, body("call %d" % i))],
            env=t.environment(True, agent(dd)), stdout=subprocess.DEVNULL)
            for i in range(8)]
        equal([p.wait(30) for p in many], [0] * 8, "exit statuses")
        settled(t, dd, 8, wait=10)
        ok(wait_for(lambda: len(launched(t)) == 1, 5), "one relay")
        time.sleep(0.3)
        equal([sign_is_up(t, path) for path in own_signs(t)], [True],
              "and it serves")


@test
def launched_in_vain(t):
    """The command delivers by itself, and the log says so."""
    t.fresh(None)
    with double(t) as dd, launches(t):
        for env in ({"LLMOBS_SPOOL_DIR": "/proc/nowhere"},
                    {"LLMOBS_RELAY": "off"}, {"DD_LLMOBS_ENABLED": "0"},
                    {"LLMOBS_SPOOL_MAX": "0"}):
            before = logged(t, "relay: none started")
            launch(t, agent(dd, **env), *curl(t.url, body("by itself")))
            equal(launched(t), [], "relays with %s" % env)
            equal(logged(t, "relay: none started") - before,
                  int("LLMOBS_SPOOL_DIR" in env), "lines with %s" % env)
        settled(t, dd, 3)


class BesideRelay(Handler):
    """Answers a call once a relay is up."""

    def do_POST(self):
        self.read()
        wait_for(lambda: launched(self.server.t), 60)
        self.answer(json.dumps({"choices": [{"message": {
            "role": "assistant", "content": "Ulm."}}]}).encode())


@test
def launched_for_a_sudden_end(t):
    """Programs of Go and Bun end without handlers of an exit: a relay delivers
    their only call."""
    for runtime in "go", "bun":
        program = compiled(
            t, "unhandled_" + runtime, "-O1", "-rdynamic", "-DAS_" +
            runtime.upper(), os.path.join(APPS, "unhandled.c"), "-lcurl",
            "-Wl,--version-script=%s" % os.path.join(
                APPS, "unhandled.%s.map" % runtime))
        t.fresh(None)
        with double(t) as dd, launches(t), serving(
                BesideRelay, "/v1/chat/completions", t=t) as url:
            r = t.run([program, url, body("the only one")], env=agent(dd),
                      keep=True)
            equal(r.code, 0, "status")
            settled(t, dd, 1, wait=60)
            equal(len(launched(t)), 1, "relays")


@test
def notes_that_are_not_loaded(t):
    """A program's header may tell of a note that the kernel has not mapped. glibc
    reads those alone that are aligned to 8 bytes."""
    path = compiled(t, "unhandled_none", "-O1", os.path.join(APPS, "unhandled.c"),
                    "-lcurl")
    with open(path, "rb") as f:
        image = bytearray(f.read())
    at, size, count = *struct.unpack_from("<Q", image, 32), *struct.unpack_from("<HH", image, 54)
    for header in range(at, at + size * count, size):
        if (struct.unpack_from("<I", image, header)[0] == 4  # PT_NOTE
                and struct.unpack_from("<Q", image, header + 48)[0] == 4):
            struct.pack_into("<Q", image, header + 16, 1 << 36)
    path = os.path.join(t.dir, "not_loaded")
    with open(path, "wb") as f:
        f.write(image)
    os.chmod(path, 0o755)
    with serving(Handler, "/v1/chat/completions", t=t) as url:
        equal(t.same([path, url, body("not loaded")]).code, 0, "status")


def logged(t, text):
    path = os.path.join(t.dir, "log")
    return open(path).read().count(text) if os.path.exists(path) else 0


@test
def launched_beside_one_for_others(t):
    """A relay serves its own destinations: these get one, too."""
    t.fresh(None)
    with double(t) as dd, double(t) as other, Relay(t, agent(other)), \
            launches(t):
        launch(t, agent(dd), *curl(t.url, body("by its own")))
        settled(t, dd, 1, wait=5)
        equal(len(launched(t)), 1, "relays")


@test
def launched_from_a_place_that_blocks_signals(t):
    """It ends by TERM, whatever the launcher's signals were."""
    t.fresh(None)
    signals = "import os,signal,sys;signal.signal(15,signal.SIG_IGN);" \
        "signal.signal(17,signal.SIG_IGN);signal.pthread_sigmask(0," \
        "range(1,32));os.execv(sys.argv[1],sys.argv[1:])"
    with double(t) as dd, launches(t):
        t.run(["/usr/bin/python3", "-c", signals,
               os.path.join(t.build, "llmobs-run"), "--relay",
               *curl(t.url, body("with blocked signals"))], launcher=[],
              env=agent(dd), keep=True, check=False)
        settled(t, dd, 1, wait=5)
        pid, = launched(t)
        os.kill(pid, signal.SIGTERM)
        ok(wait_for(lambda: launched(t) == [], 5), "its end")


# ---- what happens to a relay ----------------------------------------------

OTHER_PIDS = ("unshare", "-p", "-f", "--mount-proc", "--kill-child")
OTHER_TIME = ("unshare", "-T", "-f", "--boottime", "100000", "--kill-child")


def empty_soon(t):
    ok(wait_for(lambda: left_behind(t) == [], 5), "an empty spool")


def need(launcher):
    if subprocess.run([*launcher, "true"]).returncode:
        raise Skip("no namespaces here")


@test
def programs_of_other_containers(t):
    """A program that ends in another pid namespace leaves nothing behind."""
    need(OTHER_PIDS)
    t.fresh(None)
    with double(t) as dd, Relay(t, agent(dd)):
        with Living(t, agent(dd), keep=True, launcher=OTHER_PIDS) as app:
            app.ask("one")
            settled(t, dd, 1, wait=5)
            app.ask("two")
            app.end()
        settled(t, dd, 2, wait=5)
        empty_soon(t)
        ended(t)


@test
def a_program_of_another_time_namespace(t):
    """Its start, as others see it, is not the one that it knows."""
    need(OTHER_TIME)
    t.fresh(None)
    with double(t) as dd, Relay(t, agent(dd)):
        with Living(t, agent(dd), keep=True, launcher=OTHER_TIME) as app:
            app.ask("before")
            app.begin("under way", wait=1.3)
            settled(t, dd, 1)
            app.kill()
        settled(t, dd, 2, wait=5)
        empty_soon(t)
        ended(t)


@test
def a_relay_beside_containers(t):
    """Likewise where the relay has pids of its own; it is killed while it
    delivers, and started again."""
    need(OTHER_PIDS)
    t.fresh(None)
    with double(t) as dd:
        dd.fault("hang")
        with Relay(t, agent(dd), launcher=OTHER_PIDS) as relay:
            os.killpg(relay.process.pid, signal.SIGSTOP)
            for i in range(3):
                t.run(curl(t.url, body("call %d" % i)), env=agent(dd),
                      keep=True, check=False)
            os.killpg(relay.process.pid, signal.SIGCONT)
            time.sleep(0.5)
            relay.kill()
        dd.well()
        with Relay(t, agent(dd), launcher=OTHER_PIDS):
            settled(t, dd, 3, wait=10)
            empty_soon(t)
            ended(t)


@test
def its_sign_is_removed(t):
    """A relay whose sign is gone puts up another."""
    t.fresh(None)
    with double(t) as dd, Relay(t, agent(dd)):
        os.unlink(sign(t))
        ok(wait_for(lambda: sign_is_up(t), 10), "another sign")
        subprocess.run(["rm", "-rf", spool_of(t)])
        ok(wait_for(lambda: sign_is_up(t), 10), "another spool")
        t.run(curl(t.url, body("one")), env=agent(dd), keep=True, check=False)
        settled(t, dd, 1, wait=5)
        empty_soon(t)


@test
def without_inotify(t):
    """It looks for calls more often where the kernel has no watch for it."""
    limited = ("unshare", "-U", "-r", "sh", "-c", "echo 0 > /proc/sys/user/"
               "max_inotify_%s && exec \"$@\"")
    for what in ("instances", "watches"):
        launcher = (*limited[:-1], limited[-1] % what, "sh")
        need(launcher)
        t.fresh(None)
        with double(t) as dd, Relay(t, agent(dd), launcher=launcher):
            with Living(t, agent(dd), keep=True) as app:
                app.ask("one")
                settled(t, dd, 1, wait=0.5)
                equal(threads_of(app), 1, "threads of the program")
                app.end()
            t.run(curl(t.url, body("two")), env=agent(dd), keep=True,
                  check=False)
            settled(t, dd, 2, wait=1)
            empty_soon(t)


@test
def a_full_disk_of_the_relay(t):
    """A call that it delivered, but could not release, comes once."""
    t.fresh(None)
    with double(t) as dd, Relay(t, failing(t, **agent(dd))):
        with Living(t, agent(dd), keep=True) as app:
            for i in range(5):
                app.ask("call %d" % i)
                settled(t, dd, i + 1, wait=5)
            app.end()
        time.sleep(1.5)
        settled(t, dd, 5)
        empty_soon(t)


def stop_with_three_calls(t, dd, relay):
    """It has them in its memory, and nobody takes them before that."""
    dd.fault("503", path="")
    with Living(t, agent(dd), keep=True) as app:
        for i in range(3):
            app.ask("call %d" % i)
        time.sleep(0.3)
        os.killpg(relay.process.pid, signal.SIGSTOP)
        app.end()
    dd.well()


@test
def another_that_drains(t):
    """While the relay has a call in its memory, nobody else takes it."""
    t.fresh(None)
    with double(t) as dd, Relay(t, agent(dd)) as relay:
        stop_with_three_calls(t, dd, relay)
        t.run(curl(t.url, body("by itself")),
              env=agent(dd, LLMOBS_RELAY="off"), keep=True, check=False)
        subprocess.run([os.path.join(t.build, "llmobs"), "drain"],
                       env=t.environment(True, agent(dd)),
                       stdout=subprocess.DEVNULL, timeout=60)
        os.killpg(relay.process.pid, signal.SIGCONT)
        settled(t, dd, 4, wait=15)
        time.sleep(1.2)
        settled(t, dd, 4)
        empty_soon(t)


@test(of="rest")
def stopped_and_continued(t):
    """A relay that counted as dead does not go on with what others took."""
    t.fresh(None)
    with double(t) as dd, Relay(t, agent(dd)) as relay:
        stop_with_three_calls(t, dd, relay)
        os.utime(sign(t), (1000000000, 1000000000))
        recover(t, dd, agent(dd), 3)
        time.sleep(2.2)
        os.killpg(relay.process.pid, signal.SIGCONT)
        time.sleep(3)
        settled(t, dd, 4)
        empty_soon(t)


@test
def killed_after_it_delivered(t):
    """Delivered calls count as delivered, although it is killed at once."""
    t.fresh(None)
    with double(t) as dd, Relay(t, agent(dd)) as relay:
        with Living(t, agent(dd), keep=True) as app:
            for i in range(5):
                app.ask("call %d" % i)
                settled(t, dd, i + 1, wait=5)
            time.sleep(0.1)
            relay.kill()
            app.end()
        ended(t)
        equal([counts(t)[n] for n in ("captured", "delivered")], [5, 5],
              "captured and delivered")
