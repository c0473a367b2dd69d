"""Two versions of the product beside each other, on one spool and one store,
and one that replaces the other under programs that run: nothing is lost,
doubled or taken apart, and a person is told what waits for which version."""
import concurrent.futures
import json
import os
import signal
import subprocess
import time

from delivery import (Living, agent, caller, double, left_behind, settled,
                      spool_of, stored, wait_for)
from harness import (PYTHON, body, curl, equal, free_port, ok, test, tree)
from relays import Relay
from versions import another, install

OF_ANOTHER = "%s: %d file%s of another version of llmobs-preload: " \
    "only that version reads %s\n"


def tool(t, *args, **env):
    """(status, stdout, stderr) of the tool of that version."""
    run = subprocess.run([os.path.join(t.build, "llmobs"), *args],
                         env=t.environment(True, env), text=True,
                         stdin=subprocess.DEVNULL, capture_output=True)
    return run.returncode, run.stdout, run.stderr


def both_ways(t, *raised):
    """Upgrade and downgrade: each version as the one that was there first."""
    later = another(t, *raised)
    for first, second in (t, later), (later, t):
        t.fresh(None)
        yield first, second


def ask(t, prompt, **env):
    t.run(curl(t.url, body(prompt)), env=env, keep=True, check=False)


def empty(t):
    ok(wait_for(lambda: left_behind(t) == [], 10), "an empty spool: %s" %
       left_behind(t))


# ---- the spool ------------------------------------------------------------

@test
def a_relay_of_another_version(t):
    """It would not read what it was given: programs deliver by themselves, and
    those of its own version hand over."""
    for program, relay in both_ways(t, "spool"):
        with double(t) as dd, Relay(relay, agent(dd)):
            for i in range(3):
                ask(program, "short %d" % i, **agent(dd))
            settled(t, dd, 3, wait=10)
            with Living(program, agent(dd), keep=True) as app:
                app.ask("of one that lives")
                settled(t, dd, 4, wait=10)
                app.end()
            ask(relay, "of its own version", **agent(dd))
            settled(t, dd, 5, wait=10)
            empty(t)


@test
def a_file_of_another_version_stays(t):
    """Other readers neither rename nor close it, say so once, and the version
    that wrote it delivers it."""
    for writer, reader in both_ways(t, "spool"):
        away = {"LLMOBS_EXPORTER": "agent",
                "DD_TRACE_AGENT_URL": "http://127.0.0.1:%d" % free_port()}
        with Living(writer, away, keep=True) as app:
            app.ask("ended")
            app.begin("under way")
            app.kill()
        before = {name: data for name, data in tree(spool_of(t)).items()
                  if name in left_behind(t)}
        equal(len(before), 1, "files")
        status, out, err = tool(reader, "drain", "--to", "store")
        # A newer reader also tells that the writer's agent is away.
        equal((status, out, err.split("\n")[0] + "\n"), (
            1, "delivered 0, left 0, expired 0, unreadable 1\n",
            OF_ANOTHER % ("llmobs drain", 1, "", "it")), "drain")
        equal(tool(reader, "stats")[2].split("\n")[0] + "\n", OF_ANOTHER % (
            "llmobs stats", 1, "", "it"), "stats")
        log = os.path.join(t.dir, "log")
        os.unlink(log)
        with Relay(reader, away):
            def said():
                with open(log) as f:
                    return f.read().count("is of another version")
            ok(wait_for(lambda: os.path.exists(log) and said(), 10),
               "a line in the relay's log")
            ask(reader, "to the relay", LLMOBS_EXPORTER="store")
            equal(said(), 1, "lines about it")
        now = tree(spool_of(t))
        equal({name: now.get(name) for name in before}, before, "the file")
        ours = len(stored(t))
        equal(tool(writer, "drain", "--to", "store")[:2], (
            0, "delivered 2, left 0, expired 0, unreadable 0\n"), "drain")
        equal(sorted(s["status"] for s in stored(t)[ours:]), ["error", "ok"],
              "what the version that wrote it makes of it")
        empty(t)


@test
def the_relay_is_upgraded_first(t):
    """In the middle of calls: what the old one had is taken back by programs of
    its version, which deliver from then on, and nothing comes twice."""
    t.fresh(None)
    later = another(t, "spool")
    with double(t) as dd, Relay(t, agent(dd)) as old, \
            Living(t, agent(dd), keep=True) as app, \
            Living(later, agent(dd), keep=True) as newer:
        app.ask("by the old relay")
        newer.ask("by itself")
        settled(t, dd, 2, wait=10)
        os.killpg(old.process.pid, signal.SIGSTOP)
        app.ask("to a relay that hangs")
        old.kill()
        with Relay(later, agent(dd)):
            newer.ask("by the new relay")
            time.sleep(1.1) # so often it looks who delivers
            app.ask("by itself, now")
            settled(t, dd, 5, wait=30)
            app.end()
            newer.end()
            empty(t)


@test
def both_at_once(t):
    """Short programs of both versions, of which some are killed, beside a
    relay of one: each call is one span."""
    t.fresh(None)
    later = another(t, "spool")
    caller(t)
    with double(t) as dd, Relay(later, agent(dd)):
        def one(i):
            of = later if i % 2 else t
            if i % 5 == 0:
                with Living(of, agent(dd), keep=True) as app:
                    app.begin("call %d" % i)
                    app.kill()
            else:
                with Living(of, agent(dd), keep=True) as app:
                    app.ask("call %d" % i)
                    app.end()
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            list(pool.map(one, range(20)))
        tool(t, "drain", **agent(dd))
        got = [s["meta"]["input"]["messages"][0]["content"]
               for s in settled(t, dd, 20, wait=20)]
        equal(sorted(got), sorted("call %d" % i for i in range(20)), "calls")
        empty(t)


# ---- counters, links, store, configuration --------------------------------

@test
def counters_and_links_of_a_later_version(t):
    """A downgrade leaves both as they are: its processes note their counts
    beside the totals, and link only their own calls."""
    t.fresh(None)
    later = another(t, "spool", "counters", "links", "table")
    ask(later, "later")
    ask(later, "later")
    kept = {name: data for name, data in tree(os.path.join(
        t.dir, "store")).items() if name.endswith("/totals") or
        "/links." in name}
    equal(len(kept), 2, "files of both: %s" % list(kept))
    for _ in range(2):
        command = curl(t.url, body("earlier"))
        t.compare(t.run(command, preload=False, keep=True),
                  t.run(command, keep=True))
    now = tree(os.path.join(t.dir, "store"))
    equal({name: now[name] for name in kept}, kept, "totals and links")
    equal(len(stored(t)), 4, "spans of both")
    status, _, said = tool(t, "stats")
    equal((status, said.splitlines()[-1] + "\n"), (0, OF_ANOTHER % (
        "llmobs stats", 1, "", "it")), "stats")
    said = json.loads(tool(t, "stats", "--json")[1])
    equal((said["captured"], said["delivered"], said["dropped"]), (2, 2, 0),
          "counts of this version's processes")
    equal(said["link_file_failed"], 2, "told that calls are not linked")
    equal(tool(later, "stats")[0], 0, "stats of the later version")


@test
def a_store_of_a_later_version(t):
    """With members, kinds and lines of which this one knows nothing: it shows
    what it knows, and changes nothing."""
    t.fresh(None)
    ask(t, "known")
    path = os.path.join(t.dir, "store", "spans.jsonl")
    with open(path) as f:
        span = json.loads(f.readline())
    span["_later"] = {"a": [1]}
    span["meta"]["later"] = "text"
    span["meta"]["metadata"]["later"] = {"b": None}
    span["metrics"]["later_tokens"] = 7
    span["span_id"] = "76"
    other = dict(span, span_id="77", name="of a later kind", meta=dict(
        span["meta"], span={"kind": "later"}))
    with open(path, "a") as f:
        for line in span, other, {"_later_line": 1}:
            f.write(json.dumps(line) + "\n")
    with open(path) as f:
        before = f.read()
    for form, has in ("--spans", "of a later kind"), \
            ("--messages", "Echo: known"), ("--summary", "    2  "), \
            ("--json", "later_tokens"), ("--otlp", "known"):
        status, out, said = tool(t, "view", form)
        equal((status, has in out, said), (
            0, True, "llmobs view: 1 line could not be read as a span\n"),
            "view %s: %s" % (form, out))
    ask(t, "known")
    with open(path) as f:
        ok(f.read().startswith(before), "the lines stay")


@test
def settings_of_a_later_version(t):
    """A variable that this version does not know is told, and all others
    count."""
    t.fresh(None)
    path = os.path.join(t.dir, "llmobs.conf")
    with open(path, "w") as f:
        f.write("DD_LLMOBS_LATER=1\nLLMOBS_LATER=2\nDD_SERVICE=known\n")
    ours = t.same(curl(t.url, body("x")), spans=1, keep=True,
                  env={"LLMOBS_CONFIG": path})
    ok("service:known" in ours.spans[0]["tags"], "the variable behind it")
    ok("%s: line 2: no variable that this file may set" % path in ours.log,
       "told in the log")
    ok("line 2: no variable" in tool(t, "doctor", "--no-self-test", "curl",
                                     LLMOBS_CONFIG=path)[1], "by the doctor")
    ok("LLMOBS_LATER: no variable" in tool(
        t, "doctor", "--no-self-test", "curl", LLMOBS_LATER="1")[1],
       "by the doctor, of the environment")


# ---- objects that are replaced under programs ------------------------------

@test
def a_program_goes_on_with_its_objects(t):
    """And the programs that it starts take the new ones, whatever both
    are."""
    t.fresh(None)
    here = install(t, os.path.join(t.dir, "installed"))
    ready = os.path.join(t.dir, "ready")
    starts = ["sh", "-c", "%s; >%s; read go; %s" % (
        " ".join(map(repr, curl(t.url, "@" + ready + ".1"))), ready,
        " ".join(map(repr, curl(t.url, "@" + ready + ".2"))))]
    for i in "12":
        with open(ready + "." + i, "w") as f:
            f.write(body("by the shell " + i))
    with Living(here, {}, keep=True) as app:
        app.ask("before")
        shell = subprocess.Popen(
            [os.path.join(here.build, "llmobs-run"), *starts],
            env=here.environment(True, {}), stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        ok(wait_for(lambda: os.path.exists(ready), 20), "the shell is ready")
        install(another(t, "spool", "counters", "links", "table"), here.build)
        app.ask("after")
        out, err = shell.communicate(b"\n", timeout=30)
        equal((shell.returncode, err, out.count(b"Echo: by the shell")),
              (0, b"", 2), "the shell and its programs")
        app.end()
    wait_for(lambda: len(stored(t)) == 4, 10)
    equal(sorted(s["meta"]["input"]["messages"][0]["content"]
                 for s in stored(t)),
          ["after", "before", "by the shell 1", "by the shell 2"], "spans")


LATE = """
import sys
print("ready", flush=True), sys.stdin.readline()
import io, pycurl
got, c = io.BytesIO(), pycurl.Curl()
c.setopt(c.URL, sys.argv[1])
c.setopt(c.POSTFIELDS, sys.argv[2])
c.setopt(c.HTTPHEADER, ["Content-Type: application/json"])
c.setopt(c.WRITEFUNCTION, got.write)
c.perform()
print(got.getvalue().decode(), flush=True), sys.stdin.readline()
"""


@test
def the_first_call_comes_after_the_upgrade(t):
    """Its shim finds a core of another version: with the same table between
    them it works, else the program is left alone, and a person is told."""
    for raised, want in ("spool", 1), ("table", 0):
        for before, after in both_ways(t, raised):
            here = install(before, os.path.join(t.dir, "installed-%s-%d" % (
                raised, before is t)))
            call_after(t, here, after, want)


def call_after(t, here, after, want):
    app = subprocess.Popen(
        [os.path.join(here.build, "llmobs-run"), PYTHON, "-c", LATE,
         t.url, body("late")], env=here.environment(True, {}), text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE)
    equal(app.stdout.readline(), "ready\n", "the program begins")
    install(after, here.build)
    app.stdin.write("\n")
    app.stdin.flush()
    ok("Echo: late" in app.stdout.readline(), "its answer")
    _, told, _ = tool(here, "doctor", "--no-self-test", str(app.pid))
    out, err = app.communicate("\n", timeout=30)
    equal((app.returncode, out, err), (0, "", ""), "its end")
    equal(len(stored(t)), want, "spans")
    with open(os.path.join(t.dir, "log")) as f:
        log = f.read()
    for text in log, told:
        equal("libllmobs_core.so is not loaded: it is of another version"
              in text, not want, "told in: " + text)
    ok("a restart takes the new one" in told, "the doctor: " + told)
    ask(here, "a program that starts now")
    equal(len(stored(t)), want + 1, "spans")
