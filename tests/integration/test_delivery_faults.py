"""Delivery when the other side fails: each span arrives once, the app does not
notice, and nobody is asked too often."""
import os
import subprocess
import time

from delivery import (Living, agent, agentless, counts, double, ids,
                      recovered, settled, stored, untouched, wait_for)
from harness import body, curl, equal, free_port, ok, test

QUICK = {"_DD_LLMOBS_WRITER_TIMEOUT": "0.5"}
SPANS = "/api/v2/llmobs"


def posts(dd):
    return dd.requests(SPANS)


def through(t, kind, calls=4, seconds=20, **more):
    """Calls under a fault that ends; every span arrives, each once."""
    with double(t) as dd, Living(t, dict(agent(dd), **QUICK)) as app:
        dd.fault(kind, **more)
        for i in range(calls):
            slow = app.ask("call %d" % i)
            ok(slow < 2, "a call took %.2f s" % slow)
        got = dd.wait_spans(calls, seconds)
        ok(any(r["fault"] for r in posts(dd)), "the fault was not met")
        app.end()
        equal(len(got), calls, "spans that arrived")
        settled(t, dd, calls)
        return posts(dd), app.log()


@test
def status_500(t):
    through(t, "500", times=2)


@test
def status_503_and_408(t):
    through(t, "503", times=1)
    through(t, "408", times=1)


@test
def status_429_and_retry_after(t):
    """Not asked again before the time that the answer named."""
    requests, _ = through(t, "429", times=1, retry_after=2)
    first = [r for r in requests if r["status"] == 429][0]
    later = [r for r in requests if r["number"] > first["number"]]
    waited = later[0]["time"] - first["time"]
    ok(1.9 <= waited < 10, "asked again after %.2f s" % waited)


@test
def retry_after_nonsense(t):
    for value in ("soon", "-5", "", "99999999999999999999", "\t1",
                  "Wed, 21 Oct 2015 07:28:00 GMT"):
        with double(t) as dd:
            dd.fault("429", times=1, retry_after=value)
            untouched(t, curl(t.url, body()), agent(dd))
            equal(dd.violations(), [], "violations")
            ok(posts(dd), "the agent was not asked at all")


@test
def connection_reset(t):
    through(t, "reset", times=2)


@test
def connection_closed(t):
    through(t, "close", times=2)


@test
def garbage(t):
    through(t, "garbage", times=2)


@test
def slow_agent(t):
    """Slower than the flushes: nothing is sent twice beside itself."""
    requests, _ = through(t, "slow", calls=6, delay_ms=300)
    for a, b in zip(requests, requests[1:]):
        ok(b["time"] >= a["time"] + a["duration_ms"] / 1000 - 0.05,
           "two requests at once")


@test
def answer_cut_in_its_body(t):
    """The status said that they were taken: they do not come again."""
    through(t, "cut-body", times=1)


@test
def answer_cut_in_its_head(t):
    """Nobody can know whether they were taken: they come again, the same."""
    with double(t) as dd, Living(t, agent(dd)) as app:
        dd.fault("cut-head", times=1)
        for i in range(3):
            app.ask("call %d" % i)
        wait_for(lambda: len({s["span_id"] for s in dd.spans()}) == 3 and
                 posts(dd)[-1]["status"] == 202, 20, 0.1)
        app.end()
        equal(dd.violations(), [], "violations")
        equal(len(set(ids(dd.spans()))), 3, "spans")
        equal(posts(dd)[-1]["status"], 202, "last status")


@test
def hanging_agent(t):
    """A request has a time limit; what it held arrives later."""
    with double(t) as dd, Living(t, dict(agent(dd), **QUICK)) as app:
        dd.fault("hang", times=1)
        for i in range(3):
            app.ask("call %d" % i)
        got = dd.wait_spans(3, 20)
        dd.well()
        took = app.end()
        ok(took < 2, "the end took %.1f s" % took)
        equal(len(got), 3, "spans that arrived")
        settled(t, dd, 3)


@test
def hanging_agent_beside_the_store(t):
    """A span to this host does not wait for one over the network."""
    with double(t) as dd, Living(
            t, agent(dd, LLMOBS_EXPORTER="agent,store")) as app:
        dd.fault("hang")
        app.ask("call 0")
        wait_for(lambda: posts(dd), 10, 0.02)
        for i in range(1, 4):
            app.ask("call %d" % i)
            began = time.monotonic()
            wait_for(lambda n=i + 1: len(stored(t)) == n, 10, 0.02)
            waited = time.monotonic() - began
            ok(waited < 3, "the store waited %.2f s" % waited)
        equal(len(posts(dd)), 1, "requests while the first one hangs")
        dd.well()
        equal(len(dd.wait_spans(4, 20)), 4, "spans that arrived")
        app.end()


@test
def too_large_together(t):
    """413: the batch is split until it fits."""
    requests, _ = through(t, "limit", calls=9, spans=1)
    ok(max(r["spans"] for r in requests) > 1, "never more than one at once")


@test
def refuses_all_for_a_while(t):
    """413 for each request, also of one small event: nothing is dropped, by the
    process, or by a drain that meets it; nothing comes twice."""
    with double(t) as dd, Living(t, agent(dd)) as app:
        dd.fault("413")
        for i in range(20):
            app.ask("call %d" % i)
        wait_for(lambda: len(posts(dd)) >= 8, 20)
        dd.well()
        dd.wait_spans(20, 20)
        dd.fault("413")
        for i in range(4):
            app.ask("late %d" % i)
        app.end()
        ok(len(posts(dd)) < 60, "%d requests" % len(posts(dd)))
        drain = [os.path.join(t.build, "llmobs"), "drain"]
        for _ in range(2):
            subprocess.run(drain, env=t.environment(True, agent(dd)),
                           capture_output=True)
        dd.well()
        subprocess.run(drain, env=t.environment(True, agent(dd)),
                       capture_output=True)
        settled(t, dd, 24)


@test
def refuses_one_by_413(t):
    """413 for one small event: it alone is dropped, wherever it stands."""
    for bad in 0, 3, 7:
        with double(t) as dd, Living(t, agent(dd)) as app:
            dd.fault("marker", marker="POISON", code=413)
            for i in range(8):
                app.ask("POISON pill" if i == bad else "call %d" % i)
            dd.wait_spans(7, 20)
            wait_for(lambda: "refused an event" in app.log() or
                     "is dropped" in app.log(), 30)
            app.end()
            settled(t, dd, 7)
            ok(len(posts(dd)) < 60, "%d requests" % len(posts(dd)))


@test
def refused_event(t):
    """400 for one event of many: it alone is set aside, and said once."""
    for status in ("marker",):
        with double(t) as dd, Living(t, agent(dd)) as app:
            dd.fault(status, marker="POISON")
            for i in range(8):
                app.ask("POISON pill" if i == 5 else "call %d" % i)
            got = dd.wait_spans(7, 20)
            time.sleep(2)
            asked = len(posts(dd))
            ok(asked < 25, "%d requests" % asked)
            app.end()
            equal(len(got), 7, "spans that arrived")
            settled(t, dd, 7)
            ok("POISON" not in app.log(), "the log has what was said")


@test
def refused_always(t):
    """403: the key's fault or the place's. Said once, kept, asked seldom."""
    for status in ("401", "403", "404"):
        with double(t) as dd, Living(t, agent(dd)) as app:
            dd.fault(status)
            for i in range(4):
                app.ask("call %d" % i)
                time.sleep(0.3)
            time.sleep(3)
            asked = len(posts(dd))
            ok(1 <= asked <= 4, "%s: %d requests in 4 s" % (status, asked))
            equal(len([x for x in app.log().splitlines() if status in x and
                       ("error" in x.lower() or "warn" in x.lower())]), 1,
                  "log lines about %s" % status)
            dd.well()
            app.end()
            settled(t, dd, 4)


@test
def errors_do_not_flood(t):
    """An agent that answers 500 for long is asked ever more seldom."""
    with double(t) as dd, Living(t, agent(dd)) as app:
        dd.fault("500")
        for i in range(10):
            app.ask("call %d" % i)
            time.sleep(0.3)
        time.sleep(3)
        asked = len(posts(dd))
        ok(2 <= asked <= 12, "%d requests in 6 s" % asked)
        dd.well()
        got = dd.wait_spans(10, 25)
        app.end()
        equal(len(got), 10, "spans that arrived")
        settled(t, dd, 10)


@test
def agent_restarted(t):
    """Down between two calls, at the same place again."""
    port = str(free_port())
    dd = double(t, "--agent-port", port)
    try:
        with Living(t, agent(dd)) as app:
            app.ask("first")
            settled(t, dd, 1, wait=5)
            dd.stop()
            for i in range(3):
                app.ask("down %d" % i)
                time.sleep(0.5)
            dd.start()
            got = dd.wait_spans(3, 40)
            app.end()
            equal(len(got), 3, "spans after the restart")
            settled(t, dd, 3)
    finally:
        dd.close()


@test(alone=True)
def failing_agent_and_a_short_program(t):
    """Nothing but the bounded attempt at exit."""
    for kind, most in (("500", 1), ("reset", 1), ("close", 1),
                       ("garbage", 1), ("cut-head", 1), ("403", 1),
                       ("413", 1)):
        with double(t) as dd:
            dd.fault(kind)
            r = untouched(t, curl(t.url, body()), agent(dd), hurries=True)
            ok(r.took < most, "%s: took %.2f s" % (kind, r.took))
            ok(1 <= len(posts(dd)) <= 3, "%s: %d requests" % (
                kind, len(posts(dd))))


@test(alone=True)
def nobody_listens(t):
    url = "http://127.0.0.1:%d" % free_port()
    r = untouched(t, curl(t.url, body()), {
        "LLMOBS_EXPORTER": "agent", "DD_TRACE_AGENT_URL": url}, hurries=True)
    ok(r.took < 1.5, "took %.2f s" % r.took)
    r = untouched(t, curl(t.url, body()), {
        "LLMOBS_EXPORTER": "agent",
        "DD_TRACE_AGENT_URL": "unix:///nonexistent/apm.socket"}, hurries=True)
    ok(r.took < 1.5, "took %.2f s" % r.took)


def run_times(t, env, count, keep, enough=0):
    """The seconds of so many runs; no more of them after one that takes less
    than enough."""
    took = []
    while len(took) < count and (not took or min(took) >= enough):
        began = time.monotonic()
        r = t.run(curl(t.url, body()), env=env, preload=bool(env), keep=keep)
        equal(r.code, 0, "exit status")
        took.append(time.monotonic() - began)
    return took


@test(alone=True)
def silent_agent(t):
    """At most 100 ms once, and then nothing: the host remembers for 30 s.  The
    least of some runs: what else the machine does makes them longer."""
    with double(t) as dd:
        dd.fault("hang", path="")
        for exporter in ("agent", "auto"):
            env = agent(dd, LLMOBS_EXPORTER=exporter, LLMOBS_EXIT_FLUSH_MS=None)
            base = min(run_times(t, {"LLMOBS_EXPORTER": "store"}, 5, False))
            first = min(run_times(t, env, 15, False, base + 0.16)) - base
            later = min(run_times(t, env, 25, True, base + 0.03)) - base
            ok(first < 0.16, "%s: the first run took %.0f ms more" % (
                exporter, first * 1000))
            ok(later < 0.03, "%s: later runs took %.0f ms more" % (
                exporter, later * 1000))


@test
def silent_agent_comes_back(t):
    """A living program finds it again though it was stamped as dead."""
    with double(t) as dd, Living(t, dict(agent(dd), **QUICK)) as app:
        dd.fault("hang", path="", times=2)
        app.ask("one")
        got = dd.wait_spans(1, 45)
        app.end()
        equal(len(got), 1, "spans that arrived")
        settled(t, dd, 1)


@test
def silent_intake(t):
    """A remote place may hold the exit up for two seconds, not longer; by
    LLMOBS_EXIT_FLUSH_MS for less."""
    with double(t) as dd:
        for more, least, most in (({}, 0, 3), (
                {"LLMOBS_EXIT_FLUSH_MS": "300"}, 0, 1.8)):
            t.fresh(None)
            dd.fault("hang")
            began = time.monotonic()
            r = t.run(curl(t.url, body()), env=agentless(t, dd, **more))
            took = time.monotonic() - began
            equal(r.code, 0, "exit status")
            ok(least <= took < most, "took %.2f s" % took)
            dd.well()


@test
def end_of_a_program_beside_a_hanging_agent(t):
    with double(t) as dd:
        dd.fault("hang")
        with Living(t, agent(dd, LLMOBS_EXIT_FLUSH_MS=None)) as app:
            for i in range(3):
                app.ask("call %d" % i)
            time.sleep(0.3)
            took = app.end()
        ok(took < 1.8, "the end took %.2f s" % took)
        ok(posts(dd), "the agent was not asked at all")


@test
def undelivered_at_the_end_is_kept(t):
    """No span is lost: what nobody would have waits in the spool, and the next
    process delivers it, once."""
    for kind in ("500", "429", "reset", "close", "403", "hang"):
        t.fresh(None)
        with double(t) as dd:
            dd.fault(kind)
            untouched(t, curl(t.url, body()), agent(dd))
            ok(posts(dd), "%s: the agent was not asked at all" % kind)
            equal(dd.spans(), [], kind + ": spans at the agent")
            equal(stored(t), [], kind + ": spans in the store")
            equal(counts(t)["spooled"], 1, kind + ": spooled")
            dd.well()
            recovered(t, dd, agent(dd), 1)
