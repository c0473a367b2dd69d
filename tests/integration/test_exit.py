"""Ends of processes, forks and libcurl's global state beside deliveries to a
TLS intake and to an agent."""
import glob
import os
import re
import socket
import sys
import time

import harness
from delivery import (agent, agentless, double, ids, left_behind, recover,
                      recovered, untouched)
from harness import LAUNCHER, Skip, equal, ok, test
from names import Names

SOON = {"_DD_LLMOBS_WRITER_INTERVAL": "0.02"}
# case, spans, exit status; None: who is faster decides
CASES = (("plain", 1, 0), ("exit_in_transfer", 2, 4), ("exit_in_child", 2, 0),
         ("exit_from_thread", 3, 0), ("left_by_main", 1, 0),
         ("left_by_system_call", 1, 3), ("cleanup_in_flight", 3, 0),
         ("cleanup_for_good", 1, 0), ("cleanup_often", 30, 0),
         ("cleanup_in_threads", 40, 0), ("cleanup_again", 8, 0),
         ("close_low", 1, 0), ("close_standard", 1, 0),
         ("cleanup_of_two", 2, 0), ("cleanup_in_child", 2, 0),
         ("cleanup_by_destructor", 2, 0), ("own_memory", 1, 0),
         ("forks", 12, 0),
         ("exit_hard", None, 7))


def program(t, cases="exit_cases"):
    path = os.path.join(t.build, "tests", "clients", cases)
    if not os.path.exists(path):
        raise Skip("tests/clients is not built")
    return path


def run_case(t, name, env, code, limit=90, cases="exit_cases"):
    """Runs it bare and with delivery; gives the seconds of the latter, too."""
    t.secrets.append("sk-SECRETKEY")
    argv = [program(t, cases), name,
            "http://127.0.0.1:%d" % t.servers.http]
    app = {k: v for k, v in env.items()
           if not k.startswith(("DD_", "_DD", "LLMOBS_"))}
    bare = t.run(argv, preload=False, env=app, limit=limit)
    began = time.monotonic()
    ours = t.run(argv, env=env, limit=limit)
    took = time.monotonic() - began
    for what in ("code", "stdout", "stderr", "files"):
        equal(getattr(ours, what), getattr(bare, what), what)
    equal(ours.code, code, "exit status")
    return ours, took


def arrived(dd, spans):
    equal(dd.violations(), [], "violations")
    got = ids(dd.spans())
    equal(len(got), len(set(got)), "ids that came once")
    if spans is None:
        ok(len(got) <= 1, "too many spans")
    else:
        equal(len(got), spans, "number of spans that arrived")


def join(kind, name, spans, code):
    def run(t):
        with double(t) as dd:
            env = agentless(t, dd) if kind == "agentless" else agent(dd)
            for more in ({}, SOON):
                dd.reset()
                # An end within the bound needs a machine that keeps up.
                run_case(t, name, dict(env, LLMOBS_EXIT_FLUSH_MS="4000",
                                       **more), code)
                arrived(dd, spans)
    run.__module__ = "test_exit"
    run.__name__ = "%s.%s" % (kind, name)
    test(run)


for each in CASES:
    join("agentless", *each)
    join("agent", *each)


@test
def the_worker_goes_on_after_a_rest(t):
    """A delivery that is not due yet waits meanwhile."""
    with double(t) as dd:
        for name, spans in (("vforks", 4), ("lowered", 1)):
            dd.reset()
            run_case(t, name, agent(dd, LLMOBS_EXIT_FLUSH_MS="4000"), 0,
                     cases="alone_cases")
            arrived(dd, spans)


@test
def fork_of_the_same_pid(t):
    """The first process of a pid namespace forks the first of another one:
    neither delivers the other's, and the counters are those of two."""
    with double(t) as dd:
        r, took = run_case(t, "forks_of_one_pid", agent(
            dd, LLMOBS_EXIT_FLUSH_MS="4000", _DD_LLMOBS_WRITER_INTERVAL="2"),
            0)
        if b"no pid namespaces" in r.stdout:
            raise Skip("no pid namespaces")
        equal(r.stdout, b"first: 1 200\nsecond: 1 200\nended: 0\n", "stdout")
        arrived(dd, 2)
        ok(took < 3, "it took %.1f s: an end waited" % took)


@test
def exit_in_malloc(t):
    """exit() in a signal handler that interrupted malloc: what waits for the
    allocator then, waits for ever. Our exit handler does not, and ends in
    time whether our thread waits or not. (The libraries' own ends come after
    it, and wait.)"""
    with double(t) as dd:
        for env in (agentless(t, dd), agent(dd), {"LLMOBS_EXPORTER": "store"}):
            # After 1.2 s the exit counts the spool anew, by its names.
            for fault, after in ((None, "50"), ("hang", "50"),
                                 ("503", "1200")):
                dd.reset()
                if fault:
                    dd.fault(fault)
                _, took = run_case(t, "exit_in_malloc", dict(
                    env, LLMOBS_EXIT_FLUSH_MS="300", AFTER_MS=after), 9)
                ok(took < 2 + int(after) / 1000, "it took %.1f s" % took)
                dd.well()


@test
def last_thread_beside_a_silent_agent(t):
    """Our thread waits for an answer or its next try: the process ends all the
    same, and the span is there for the next one."""
    for name, code, fault, after in (("left_by_main", 0, "hang", "0"),
                                     ("left_by_system_call", 3, "hang", "300"),
                                     ("left_by_system_call", 3, "503", "0")):
        with double(t) as dd:
            dd.fault(fault)
            env = agent(dd, LLMOBS_EXIT_FLUSH_MS="300", AFTER_MS=after)
            _, took = run_case(t, name, env, code, limit=12)
            ok(took < 3, "it took %.1f s" % took)
            dd.well()
            recovered(t, dd, env, 1)


@test
def last_thread_wakes_a_waiting_worker(t):
    """Our thread waits a second for more to send, and looks each second whether
    the first thread has ended. A pthread_exit wakes it."""
    with double(t) as dd:
        times = []
        while not times or min(times) > 0.8 and len(times) < 9:
            _, took = run_case(t, "left_while_waiting", agent(dd), 0)
            times.append(took)
        ok(min(times) <= 0.8, "it took %s s" % times)
        arrived(dd, 2 * len(times))


@test
def last_thread_beside_a_lookup(t):
    """A second thread of ours, which looked the intake's name up, is no reason
    to go on either."""
    names = Names(t)
    try:
        with double(t) as dd:
            for name, code, said in (
                    ("left_by_main", 0, b"last: 200\nat exit: 1\n"),
                    ("left_by_system_call", 3, b"only: 200\n")):
                dd.reset()
                r = t.run([program(t), name,
                           "http://127.0.0.1:%d" % t.servers.http],
                          env=agentless(t, dd, DD_LLMOBS_OVERRIDE_ORIGIN=
                                        "http://intake.test:%d"
                                        % dd.intake_http),
                          launcher=names.launcher() + [LAUNCHER], limit=12)
                equal(r.code, code, "exit status")
                equal(r.stdout, said, "stdout")
                ok(names.asked > 0, "nobody asked for a name")
                arrived(dd, 1)
    finally:
        names.close()


@test
def last_thread_has_the_last_descriptors(t):
    """No thread of the app is left that could need them: our thread reads the
    first one's code, and delivers."""
    r = t.same(["sh", "-c", "ulimit -n 12 && exec \"$@\"", "sh", program(t),
                "left_by_system_call",
                "http://127.0.0.1:%d" % t.servers.http], spans=1,
               answers=False)
    equal(r.code, 3, "exit status")


@test
def without_thread(t):
    for name, spans, code in (("plain", 1, 0), ("cleanup_often", 30, 0),
                              ("cleanup_for_good", 1, 0)):
        with double(t) as dd:
            run_case(t, name, agentless(
                t, dd, LLMOBS_THREAD="off", LLMOBS_EXIT_FLUSH_MS="4000"),
                code)
            arrived(dd, spans)


@test
def cleanup_while_the_intake_hangs(t):
    """The request is cut, cleanups and exit wait no longer than one exit, and
    the spans come, now or by the next process."""
    with double(t) as dd:
        dd.fault("hang", times=1)
        env = agentless(t, dd, AFTER_MS="300", LLMOBS_EXIT_FLUSH_MS="1000",
                        **SOON)
        _, took = run_case(t, "cleanup_in_flight", env, 0)
        ok(took < 3.5, "it took %.1f s" % took)
        dd.well()
        equal(len(set(ids(recover(t, dd, env, 3)))), 3, "spans")
        equal(dd.violations(), [], "violations")
        equal(left_behind(t), [], "what is left in the spool")


@test
def cleanup_over_the_warm_connection(t):
    """curl takes libcurl down before it exits: the span goes over the
    connection that was opened while the call ran, and there is no other."""
    with double(t) as dd:
        env = agentless(t, dd, LLMOBS_EXIT_FLUSH_MS="4000")
        untouched(t, harness.curl(t.url, harness.body(
            model="slow", stream=True)), env)
        arrived(dd, 1)
        asked = dd.requests("", "intake")
        equal(asked[-1]["connection"], 1, "the connection of the last request")


@test
def a_process_that_goes_on_waits_once(t):
    """After its first cleanup that delivered it is not taken for one that
    ends: what comes then waits for its exit."""
    with double(t) as dd:
        env = agentless(t, dd, LLMOBS_EXIT_FLUSH_MS="4000")
        run_case(t, "cleanup_in_flight", dict(env, AFTER_MS="0"), 0)
        arrived(dd, 3)
        posts = [r["spans"] for r in dd.requests()]
        equal(posts, [1, 2], "spans of each request")


@test
def a_silent_intake_is_left_alone(t):
    """Nobody connects to a peer that let another process wait: neither ahead
    nor at the end."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as silent:
        silent.setblocking(False)
        env = {"LLMOBS_EXPORTER": "agentless", "DD_API_KEY": "0" * 32,
               "LLMOBS_CA_FILE": t.servers.cert,
               "LLMOBS_EXIT_FLUSH_MS": "1200",
               "DD_LLMOBS_OVERRIDE_ORIGIN":
               "https://localhost:%d" % silent.getsockname()[1]}
        argv = harness.curl(t.url, harness.body())
        came = []
        for _ in range(3):
            t.run(argv, env=env, keep=bool(came))
            came.append(accepted(silent))
        equal(came, [1, 0, 0], "connections of each run")
        # When its time is over, one of many processes asks for all.
        for mark in glob.glob(os.path.join(t.dir, "store", "dead-*")):
            os.utime(mark, (time.time() - 31,) * 2)
        t.run(["sh", "-c", "for i in 1 2 3 4 5 6; do sleep 0.1; \"$@\" & done; "
               "wait", "sh"] + argv, env=env, keep=True)
        equal(accepted(silent), 1, "connections of six processes")


def accepted(server):
    """How many connections wait there; they are closed."""
    count = 0
    while True:
        try:
            server.accept()[0].close()
            count += 1
        except BlockingIOError:
            return count


@test
def a_child_that_cleans_up_waits_for_nothing(t):
    """The calls that wait are its parent's, and so is the thread that would
    deliver them."""
    with double(t) as dd:
        dd.fault("hang", times=1)
        env = agentless(t, dd, LLMOBS_EXIT_FLUSH_MS="1000",
                        _DD_LLMOBS_WRITER_INTERVAL="2")
        _, took = run_case(t, "cleanup_in_child", env, 0)
        ok(took < 3.5, "it took %.1f s" % took)
        dd.well()
        recovered(t, dd, env, 2)


@test
def adoption_delays_no_exit(t):
    """A short program delivers its own call alone, whatever others have left. A
    process that lives starts a drain for the rest."""
    argv = harness.curl(t.url, harness.body())
    with double(t) as dd:
        for env in (agent(dd), agentless(t, dd)):
            env["LLMOBS_EXIT_FLUSH_MS"] = "4000"
            dd.reset()
            dd.fault("503")
            for i in range(8):
                t.run(argv, env=env, keep=i > 0)
            equal(len(left_behind(t)), 8, "files that an outage left")
            dd.well()
            t.run(argv, env=env, keep=True)
            equal(len(dd.spans()), 1, "spans that it delivered")
            equal(len(left_behind(t)), 8, "files that it left")
            recovered(t, dd, env, 9)


@test
def exit_while_the_intake_hangs(t):
    """The exit is bounded, and what did not arrive comes by the next."""
    with double(t) as dd:
        dd.fault("hang")
        env = agentless(t, dd, LLMOBS_EXIT_FLUSH_MS="500")
        _, took = run_case(t, "plain", env, 0)
        ok(took < 2, "it took %.1f s" % took)
        dd.well()
        recovered(t, dd, env, 1)


@test
def own_allocator_is_left_alone(t):
    """No libcurl, hence none of the app's allocator, on our thread."""
    with double(t) as dd:
        for env in (agentless(t, dd), agent(dd)):
            dd.reset()
            r, _ = run_case(t, "own_memory", dict(
                env, SHOW_FOREIGN="1", LLMOBS_EXIT_FLUSH_MS="4000", **SOON), 0)
            ok(b"foreign=0" in r.stdout, "our thread used the app's allocator")
            arrived(dd, 1)


@test
def vfork_child_exits(t):
    """The child ends nothing of its parent's, and nothing waits for ever for a
    lock of musl's. At rest the program has no thread of the library."""
    with double(t) as dd:
        r = t.run([program(t), "exit_in_vfork_child",
                   "http://127.0.0.1:%d" % t.servers.http],
                  env=dict(agent(dd), SHOW_THREADS="1", AFTER_MS="1000",
                           **SOON))
        equal(r.stdout, b"200\nthreads=0\n", "stdout")
        arrived(dd, 1)


@test
def cleanups_wait_once(t):
    """Of eight cleanups beside an intake that hangs one waits, for what an
    exit may take, and the exit has what is left of it."""
    with double(t) as dd:
        dd.fault("hang")
        _, took = run_case(t, "cleanup_again", agentless(
            t, dd, LLMOBS_EXIT_FLUSH_MS="2000", **SOON), 0)
        ok(took < 1.2 + 2 + 1, "it took %.1f s" % took)
        dd.well()


@test
def a_hostile_answer_is_left_in_the_spool(t):
    """An answer that takes longer to read than an exit may wait stays on the
    disk as it came; the next process reads as much of it as it may cost."""
    t.secrets.append("sk-SECRETKEY")
    with double(t) as dd:
        for env in (agent(dd), agentless(t, dd)):
            dd.reset()
            r = untouched(t, harness.curl(t.url, harness.body(
                model="bad-bytes")), dict(env, LLMOBS_EXIT_FLUSH_MS="20"))
            equal(len(r.stdout) > 12000000, True, "the answer's length")
            equal(dd.spans(), [], "spans")
            equal(len(left_behind(t)), 1, "files in the spool")
            span, = recovered(t, dd, env, 1)
            equal(span["meta"]["model_name"], "bad-bytes-2023-11-14", "model")
            equal(span["meta"]["metadata"]["truncated"]["response_bytes"],
                  len(r.stdout), "bytes that came")


# Runs a command and, where it is to, sends TERM a moment after its first line;
# the seconds from there to its end and those of a processor go to a file.
WATCH = """
import os, signal, subprocess, sys, time
process = subprocess.Popen(sys.argv[2:], stderr=subprocess.PIPE)
line = process.stderr.readline()
if sys.argv[1] == "term":
    time.sleep(0.03)
    os.kill(process.pid, signal.SIGTERM)
began = time.monotonic()
_, status, usage = os.wait4(process.pid, 0)
print(int(line))
with open("watched", "w") as f:
    f.write("%f %f" % (time.monotonic() - began,
                       usage.ru_utime + usage.ru_stime))
sys.exit(0 if status in (0, signal.SIGTERM) else 1)
"""


def watch(t, how, **options):
    """A call whose answer of 12 MB takes more than a second to read where
    nothing bounds it."""
    r = t.run([sys.executable, "-c", WATCH, how] + harness.curl(
        t.url, harness.body(model="bad-bytes"), "-o", "/dev/null", "-w",
        "%{stderr}%{size_download}\\n"), **options)
    equal(r.code, 0, "exit status")
    ok(int(r.stdout) > 12000000, "the answer's length")
    return [float(word) for word in r.files["watched"].split()]


def again(measure, goal):
    """Measures once more where another load may have spoilt the figure."""
    took = measure()
    return took if took < goal else measure()


@test(alone=True)
def a_signal_is_answered_at_exit(t):
    """TERM ends a program in exit() that reads such an answer, within the
    exit's time and a moment, on our thread or without it."""
    t.secrets.append("sk-SECRETKEY")
    with double(t) as dd:
        for thread in ("on", "off"):
            env = agent(dd, LLMOBS_EXIT_FLUSH_MS="200", LLMOBS_THREAD=thread)
            took = again(lambda: watch(t, "term", env=env)[0], 0.6)
            ok(took < 0.6, "it took %.2f s from the signal to the end" % took)


@test(alone=True)
def a_hostile_answer_has_its_price(t):
    """Of a processor, beside curl's own: twice what it is on a machine that
    does nothing else."""
    t.secrets.append("sk-SECRETKEY")
    with double(t) as dd:
        env = agent(dd, LLMOBS_EXIT_FLUSH_MS="20000")
        bare = watch(t, "no", preload=False)[1]
        took = again(lambda: watch(t, "no", env=env)[1] - bare, 0.8)
        ok(took < 0.8, "it took %.2f s of a processor" % took)
        ok(dd.spans(), "no span arrived")


# ---- a name server in a namespace of its own -----------------------------

def forks_against_a_name(t, count, fail, limit):
    names = Names(t, fail)
    try:
        launcher = names.launcher()
        with double(t) as dd:
            env = dict(agentless(t, dd), FORKS=str(count),
                       FORK_NAME="child.test", LLMOBS_EXIT_FLUSH_MS="4000",
                       DD_LLMOBS_OVERRIDE_ORIGIN="http://intake.test:%d"
                       % dd.intake_http, **SOON)
            began = time.monotonic()
            r = t.run([program(t), "forks",
                       "http://127.0.0.1:%d" % t.servers.http], env=env,
                      launcher=launcher + [LAUNCHER], limit=limit)
            took = time.monotonic() - began
            equal(r.code, 0, "exit status")
            equal(r.stderr, b"", "stderr")
            ok(b"bad=0\n" in r.stdout, "children that hang or fail: %r"
               % re.findall(rb"bad=.*", r.stdout))
            ok(names.asked > 0, "nobody asked for a name")
            equal(dd.violations(), [], "violations")
            equal(r.spans, [], "spans in the store")
            names.fail = 0
            recovered(t, dd, env, 1 + (count + 3) // 4 + (count + 39) // 40,
                      launcher=launcher)
            return names.asked, took
    finally:
        names.close()


@test
def forks_beside_lookups(t):
    count = int(os.environ.get("LLMOBS_TEST_FORKS", "200"))
    forks_against_a_name(t, count, 0, 60 + count // 20)


@test
def forks_beside_failing_lookups(t):
    count = int(os.environ.get("LLMOBS_TEST_FORKS", "120"))
    forks_against_a_name(t, count, 2, 60 + count // 10)


@test
def libcurl_looks_nothing_up(t):
    """All questions to the name server come from our own look-up: no thread of
    libcurl's own is there when the app forks."""
    names = Names(t)
    try:
        launcher = names.launcher()
        with double(t) as dd:
            r = t.run([program(t), "plain",
                       "http://127.0.0.1:%d" % t.servers.http],
                      env=agentless(t, dd, LLMOBS_EXIT_FLUSH_MS="4000",
                                    DD_LLMOBS_OVERRIDE_ORIGIN="http://"
                                    "Intake.Test.:%d" % dd.intake_http),
                      launcher=launcher + [LAUNCHER])
            equal(r.code, 0, "exit status")
            equal(r.log_count("look a name up itself"), 0, "refused look-ups")
            equal(names.asked, 2, "questions: one for each kind of address")
            equal(len(dd.spans()), 1, "number of spans that arrived")
    finally:
        names.close()
