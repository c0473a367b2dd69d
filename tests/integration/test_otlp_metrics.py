"""Metrics by OTLP: which processes send them and when, and that each call is in
them once, whatever happens to the receiver, the process and its spans."""
import json
import subprocess
import time

from delivery import (LAUNCHER, Living, agent, caller, double, left_behind,
                      untouched)
from harness import SECRET, body, curl, equal, free_port, ok, test
from otlp_case import Receiver, books, of_good_form, otlp

INTERVAL = 300  # ms
DURATION = "gen_ai.client.operation.duration"
USAGE = "gen_ai.client.token.usage"


def metered(receiver, delta=False, **more):
    """Metrics alone go to the receiver; spans to the store."""
    return dict({"OTEL_METRICS_EXPORTER": "otlp",
                 "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url,
                 "OTEL_METRIC_EXPORT_INTERVAL": str(INTERVAL),
                 "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE":
                 "delta" if delta else "cumulative"}, **more)


def points(receiver, name=DURATION):
    """The points of a metric that the receiver took, in their order: each with
    the process that sent it."""
    found = []
    for metric in receiver.records("metrics"):
        kind = metric.get("histogram") or metric.get("sum")
        for point in kind["dataPoints"] if metric["name"] == name else ():
            found.append(dict(
                point, kind=kind["aggregationTemporality"],
                instance=metric["resource"]["service.instance.id"]))
    return found


def calls(receiver):
    """How many calls the receiver knows of: of each process what its last
    cumulative sum says, or all its deltas."""
    last, deltas = {}, 0
    for point in points(receiver):
        if point["kind"] == 1:
            deltas += point["count"]
        else:
            last[point["instance"]] = point["count"]
    return deltas + sum(last.values())


def reaches(receiver, count, seconds=10):
    receiver.wait(lambda: calls(receiver) >= count, seconds)
    equal(calls(receiver), count, "calls in the metrics")


def posts(receiver):
    return len(receiver.posts("metrics"))


def goes_on(receiver):
    """Another request comes by itself."""
    before = posts(receiver)
    ok(receiver.wait(lambda: posts(receiver) > before, 10), "no request came")


# ---- times ---------------------------------------------------------------

@test
def cumulative(t):
    with Receiver() as receiver:
        with Living(t, metered(receiver)) as app:
            app.ask()
            reaches(receiver, 1)
            app.ask()
            app.ask()
            reaches(receiver, 3)
            goes_on(receiver)
            app.end()
        of_good_form(receiver)
        all_ = points(receiver)
        equal(len({p["instance"] for p in all_}), 1, "instances")
        equal(len({p["startTimeUnixNano"] for p in all_}), 1, "start times")
        times = [p["timeUnixNano"] for p in all_]
        equal(times, sorted(set(times)), "times")
        gaps = [(b - a) / 1e6 for a, b in zip(times, times[1:])]
        ok(min(gaps) >= INTERVAL * 0.9, "too soon: %s" % gaps)
        equal(points(receiver, USAGE)[-1]["sum"], 9, "tokens of three answers")
        books(t, captured=3, delivered=3, sent_otlp_metrics=3,
              lost_otlp_metrics=0)


@test
def deltas(t):
    """Each says what came since the last one, and an idle process nothing."""
    with Receiver() as receiver:
        with Living(t, metered(receiver, delta=True)) as app:
            app.ask()
            app.ask()
            reaches(receiver, 2)
            sent = posts(receiver)
            time.sleep(INTERVAL * 4 / 1000)
            equal(posts(receiver), sent, "requests of an idle process")
            app.ask()
            reaches(receiver, 3)
            app.end()
        of_good_form(receiver)
        all_ = points(receiver)
        for a, b in zip(all_, all_[1:]):
            equal(b["startTimeUnixNano"], a["timeUnixNano"], "start of a delta")
        books(t, captured=3, delivered=3, sent_otlp_metrics=3)


@test
def by_the_minute_unless_told(t):
    with Receiver() as receiver:
        with Living(t, metered(receiver,
                               OTEL_METRIC_EXPORT_INTERVAL=None)) as app:
            app.ask()
            time.sleep(1)
            app.end()
        equal(posts(receiver), 0, "requests of a process that lived a second")


@test
def a_short_process_sends_none(t):
    with Receiver() as receiver:
        ours = untouched(t, curl(t.url, body()), metered(receiver))
        equal(len(ours.spans), 1, "spans")
        with Living(t, metered(receiver,
                               OTEL_METRIC_EXPORT_INTERVAL="5000")) as app:
            for _ in range(5):
                app.ask()
            app.end()
        equal(posts(receiver), 0, "requests")
        books(t, captured=5, delivered=5, sent_otlp_metrics=0)


@test
def the_last_ones_come_at_exit(t):
    for delta in (False, True):
        with Receiver() as receiver:
            with Living(t, metered(receiver, delta,
                                   OTEL_METRIC_EXPORT_INTERVAL="1500")) as app:
                app.ask()
                reaches(receiver, 1)
                app.ask()
                app.ask()
                app.end()
            of_good_form(receiver)
            equal(calls(receiver), 3, "calls in the metrics")
            books(t, captured=3, sent_otlp_metrics=3)


@test
def an_exit_that_owes_nothing_sends_nothing(t):
    with Receiver() as receiver:
        with Living(t, metered(receiver,
                               OTEL_METRIC_EXPORT_INTERVAL="1000")) as app:
            app.ask()
            reaches(receiver, 1)
            app.end()
        equal(posts(receiver), 1, "requests")


@test
def a_hanging_receiver_holds_no_exit_up(t):
    with Receiver() as receiver:
        with Living(t, metered(receiver, LLMOBS_EXIT_FLUSH_MS=None)) as app:
            app.ask()
            reaches(receiver, 1)
            receiver.fault("metrics/*:hang")
            goes_on(receiver)
            app.ask()
            took = app.end()
        ok(took < 2, "the end took %.1f s" % took)
        books(t, captured=2, delivered=2, sent_otlp_metrics=1)


@test
def off_unless_asked_for(t):
    with Receiver() as receiver:
        for env in ({"OTEL_METRICS_EXPORTER": None},
                    {"OTEL_METRICS_EXPORTER": "none"},
                    {"OTEL_METRICS_EXPORTER": "console"},
                    {"OTEL_SDK_DISABLED": "true"}):
            with Living(t, metered(receiver, **env)) as app:
                app.ask()
                time.sleep(INTERVAL * 2.5 / 1000)
                app.end()
        equal(posts(receiver), 0, "requests")


@test
def without_content_or_secrets(t):
    with Receiver() as receiver:
        with Living(t, metered(receiver, LLMOBS_CONTENT="full",
                               OTEL_EXPORTER_OTLP_PROTOCOL="http/json")) as app:
            app.ask("a prompt that nobody else has")
            reaches(receiver, 1)
            app.end()
        said = json.dumps([r["doc"] for r in receiver.posts("metrics")])
        for text in ("nobody else", SECRET, "session", "trace"):
            ok(text not in said, "%s is in the metrics" % text)


# ---- receivers that fail -------------------------------------------------

FAULTS = ("metrics/*:503", "metrics/*:429,retry-after=1", "metrics/*:close",
          "metrics/*:reset")


def outage(t, fault, delta):
    with Receiver() as receiver:
        with Living(t, metered(receiver, delta)) as app:
            app.ask()
            reaches(receiver, 1)
            receiver.fault(fault)
            for _ in range(3):
                app.ask()
            goes_on(receiver)
            goes_on(receiver)
            equal(calls(receiver), 1, "calls that an outage lets through")
            receiver.well()
            app.ask()
            reaches(receiver, 5)
            goes_on(receiver) if not delta else time.sleep(INTERVAL / 500)
            app.end()
        of_good_form(receiver)
        equal(calls(receiver), 5, "calls in the metrics: " + fault)
        books(t, captured=5, delivered=5, sent_otlp_metrics=5,
              lost_otlp_metrics=0)


@test
def an_outage_loses_and_doubles_nothing(t):
    for fault in FAULTS:
        outage(t, fault, delta=True)
    outage(t, FAULTS[0], delta=False)


@test
def a_receiver_that_comes_late(t):
    """Nobody listens at first."""
    port = free_port()
    env = metered(type("Late", (), {"url": "http://127.0.0.1:%d" % port}),
                  delta=True)
    with Living(t, env) as app:
        app.ask()
        app.ask()
        time.sleep(INTERVAL * 2 / 1000)
        with Receiver(port=port) as receiver:
            reaches(receiver, 2)
            app.end()
    books(t, captured=2, sent_otlp_metrics=2)


@test
def a_refused_delta_is_counted(t):
    with Receiver("metrics/1:400") as receiver:
        with Living(t, metered(receiver, delta=True)) as app:
            app.ask()
            app.ask()
            ok(receiver.wait(lambda: posts(receiver) == 1), "no request")
            app.ask()
            reaches(receiver, 1)
            app.end()
        books(t, captured=3, delivered=3, dropped=0, sent_otlp_metrics=1,
              lost_otlp_metrics=2)
    with Receiver("metrics/1:400") as receiver:
        with Living(t, metered(receiver)) as app:
            app.ask()
            app.ask()
            reaches(receiver, 2)
            app.end()
        books(t, captured=2, delivered=2, dropped=0, sent_otlp_metrics=2,
              lost_otlp_metrics=0)


@test
def a_partial_success_is_logged_once(t):
    with Receiver("metrics/*:partial,rejected=2,message=no room") as receiver:
        with Living(t, metered(receiver)) as app:
            app.ask()
            goes_on(receiver)
            goes_on(receiver)
            app.end()
            equal(app.log().count("threw 2 metrics away: no room"), 1,
                  "lines of the log")


# ---- each call once ------------------------------------------------------

@test
def a_span_that_waits_is_counted_once(t):
    """The agent is away, memory is short, and the store has each span: what
    goes to the disk for the agent and comes back is not another call."""
    t.fresh(None)
    with double(t) as dd, Receiver() as receiver:
        dd.fault("503", path="")
        env = metered(receiver, **agent(dd, LLMOBS_EXPORTER="store,agent",
                                        LLMOBS_BUFFER_MAX="100000"))
        with Living(t, env) as app:
            for i in range(40):
                app.ask("%d " % i + "p" * 20000)
            dd.well()
            equal(len(dd.wait_spans(40, 30)), 40, "spans at the agent")
            reaches(receiver, 40)
            goes_on(receiver)
            app.end()
        equal(calls(receiver), 40, "calls in the metrics")
        books(t, captured=40, delivered=40, sent_store=40,
              sent_otlp_metrics=40)


@test
def spans_of_others_are_not_counted(t):
    """A process is killed with its spans in the spool; the next one delivers
    them, and its metrics have its own call alone."""
    with Receiver("traces/*:503") as receiver:
        env = otlp(receiver, **metered(receiver, delta=True))
        with Living(t, dict(env, OTEL_METRIC_EXPORT_INTERVAL="60000")) as app:
            for _ in range(3):
                app.ask()
            ok(receiver.wait(lambda: receiver.posts()), "no request")
            app.kill()
        receiver.well()
        with Living(t, env, keep=True) as app:
            app.ask()
            equal(len(receiver.wait_spans(4, 30)), 4, "spans")
            reaches(receiver, 1)
            time.sleep(INTERVAL / 500)
            app.end()
        of_good_form(receiver)
        equal(calls(receiver), 1, "calls in the metrics")
        equal(left_behind(t), [], "what is left in the spool")
        books(t, captured=4, delivered=4, sent_otlp_metrics=1)


@test
def children_count_their_own(t):
    """A master, its threads and its forked workers."""
    for delta in (False, True):
        t.fresh(None)
        with Receiver() as receiver:
            master = subprocess.Popen(
                [LAUNCHER, caller(t), t.url, "soak", "2", "2", "20", body()],
                env=t.environment(True, metered(receiver, delta)),
                stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=subprocess.PIPE, start_new_session=True)
            try:
                equal(len(master.stdout.readline().split()), 2, "children")
                receiver.wait(lambda: len({
                    p["instance"] for p in points(receiver)}) == 3, 20)
                master.stdin.write(b"\n")
                master.stdin.flush()
                done = int(master.stdout.readline())
                out, err = master.communicate(timeout=30)
            finally:
                if master.poll() is None:
                    master.kill()
                    master.wait()
            equal((out, err, master.returncode), (b"", b"", 0), "the rest")
            of_good_form(receiver)
            equal(len({p["instance"] for p in points(receiver)}), 3,
                  "instances")
            equal(calls(receiver), done, "calls in the metrics")
