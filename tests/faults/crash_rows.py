"""Rows of a reader that dies of an entry: a bug that one call meets.  The core
of `make TEST=1` dies where LLMOBS_TEST_READ says (tests/support/crash_point.c):
in the reading of each call of some dialects with a word in its request."""
import json
import os
import subprocess

import harness
from delivery import Living, agent, double, left_behind, spool_of, wait_for
from harness import ROOT, equal, ok
from relays import Relay
from report import prompt_of

# A fault, an abort, a bus error, an arithmetic one, an illegal instruction.
SIGNALS = 11, 6, 7, 8, 4
FEW = "openai_chat", "anthropic", "gemini", "rerank", "http"
BAD = "bad_ one"
# Of which a chat's body makes no call.
OTHERS = "a2a", "anthropic_sessions", "mcp", "vertex_agents"


def dialects():
    """Those that a user's rule may name."""
    return FEW + tuple(sorted(
        name for tests, rules in (("rules", "apis"), ("rare", "rare"))
        for name in os.listdir(os.path.join(ROOT, "tests", tests))
        if os.path.exists(os.path.join(ROOT, "rules", rules, name + ".api"))
        and name not in FEW + OTHERS))


def leave(t, env, names):
    """One program, which leaves a bad call of each dialect, and behind it a
    good one."""
    path = os.path.join(t.dir, "rules.json")
    with open(path, "w") as f:
        json.dump([{"host": "127.0.0.1", "dialect": name,
                    "path": "/%s/chat/completions" % name}
                   for name in names], f)
    argv, made = ["curl", "-q", "-sS", "-o", "/dev/null"], []
    for name in names:
        url = t.url.replace("/v1/", "/%s/" % name)
        made.append("behind " + name.replace("_", " "))
        for url, text in (url, BAD), (t.url, "<%s>" % made[-1]):
            argv += ["-H", "Content-Type: application/json", "-d",
                     harness.body(text), url, "--next", "-sS", "-o",
                     "/dev/null"]
    t.run(argv[:-4], env=dict(env, LLMOBS_RULES=path), check=False)
    ok(os.path.isdir(spool_of(t)), "a spool")
    return made


def tool(t, *words, **env):
    return subprocess.run(
        [os.path.join(t.build, "llmobs"), *words], env=t.environment(True, env),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, timeout=300)


def check_aside(t, count, waiting=0):
    """Each command says so, and fails where it is asked to; so many other calls
    wait."""
    told = json.loads(tool(t, "stats", "--json").stdout)
    equal((told["set_aside"], told["alerts"]["set_aside"],
           told["spool"]["of_ended"]), (count, True, waiting), "stats")
    checked = tool(t, "stats", "--check")
    equal((checked.returncode, b"set_aside: %d " % count in checked.stderr),
          (1, True), "stats --check: %r" % checked.stderr)
    ok(b"set_aside: %d " % count in
       tool(t, "doctor", "--no-self-test", "curl").stdout, "doctor")


def drained(report, build, name, names, number):
    """A drain; then programs go on beside what it has set aside, and purge
    removes it."""
    t = report.case(build)
    with double(t) as dd:
        env = agent(dd)
        dd.fault("500")
        made = leave(t, env, names)
        dd.well()
        bad = dict(env, LLMOBS_TEST_READ="%d * bad_" % number)
        told = tool(t, "drain", "--json", **bad)
        sums = json.loads(told.stdout)
        equal((told.returncode, sums["left"], sums["set_aside"]),
              (0, 0, len(names)), "drain: %r" % told.stderr)
        with Living(t, bad, keep=True) as app:
            app.ask("<beside>")
            dd.wait_spans(len(made) + 1, 60)
            app.end()
        report.row(name, made + ["beside"], dd.spans())
        check_aside(t, len(names))
        equal(tool(t, "drain", **bad).returncode, 0, "another drain")
        equal(tool(t, "purge", "--spool", "--yes", **env).returncode, 0,
              "purge")
        equal(left_behind(t), [], "what purge has left")
    report.done(t)


def relayed(report, build, names):
    """A relay starts its process anew, and goes on behind each."""
    t = report.case(build)
    with double(t) as dd:
        env = agent(dd)
        dd.fault("500")
        made = leave(t, env, names)
        dd.well()
        bad = dict(env, LLMOBS_TEST_READ="11 * bad_")
        with Relay(t, bad, wait=False) as relay:
            ok(wait_for(lambda: {prompt_of(s) for s in dd.spans()} >=
                        set(made), 120), "all that is behind them")
            ok(wait_for(lambda: json.loads(
                tool(t, "stats", "--json").stdout)["set_aside"] ==
                len(names), 60), "all of them set aside")
            relay.end()
        report.row("readers that crash: a relay", made, dd.spans(),
                   {s["span_id"] for s in dd.spans()})
        check_aside(t, len(names))
    report.done(t)


def beside_programs(report, build, name):
    """Programs go on; a drain that one of them starts reads what is left, and no
    other starts one for the entry that nobody can read."""
    t = report.case(build)
    with double(t) as dd:
        env = agent(dd)
        dd.fault("500")
        made = leave(t, env, [name])
        dd.well()
        bad = dict(env, LLMOBS_TEST_READ="11 * bad_")
        asked = ["<first>", "<second>"], ["<third>", "<fourth>"]
        kept = []
        for texts in asked:
            with Living(t, bad, keep=True) as app:
                for text in texts:
                    app.ask(text)
                    made.append(text[1:-1])
                    ok(wait_for(lambda: {prompt_of(s) for s in dd.spans()} >=
                                set(made), 60), "all spans but one")
                ok(wait_for(lambda: len(left_behind(t)) <= 2, 60), "its files")
                app.end()
            equal(len(left_behind(t)), 1, "files that are left")
            path = os.path.join(spool_of(t), left_behind(t)[0])
            ok(wait_for(lambda: os.stat(path).st_mode & 0o100, 60), "its mode")
            kept.append((path, os.stat(path).st_ctime_ns))
        equal(kept[0], kept[1], "what is left, which nobody touched")
        report.row("readers that crash: beside programs", made, dd.spans())
        check_aside(t, 1)
    report.done(t)


def viewed(report, build, name):
    """`llmobs view` reads what waits in a child: the third one has all."""
    t = report.case(build)
    with double(t) as dd:
        dd.fault("500")
        made = leave(t, agent(dd), [name])
        bad = dict(agent(dd), LLMOBS_TEST_READ="6 * bad_")
        shown = [b"<%s>" % made[0].encode() in
                 tool(t, "view", "--messages", **bad).stdout
                 for _ in range(3)]
        report.verdict(shown == [False, False, True],
                       "readers that crash: view %s" % shown)
        check_aside(t, 1, 1)
    report.done(t)


def rows(report, build, every):
    names = dialects() if every else FEW
    groups = [(SIGNALS[i], names[i::5]) for i in range(5)]
    return [(relayed, build, names[:2]), (viewed, build, names[0]),
            (beside_programs, build, names[0])] + [
        (drained, build, "readers that crash: a drain, signal %d" % number,
         group, number) for number, group in groups if group]
