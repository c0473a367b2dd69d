"""Rows of a receiver of OTLP."""
import glob
import os
import time

from delivery import Living, left_behind, wait_for
from otlp_case import Receiver, otlp
from report import ask, prompt_of, set_aside

# A receiver that answers may have taken a batch, or a part of it: a busy machine must
# not end the wait for that answer.
WAITED = {"OTEL_EXPORTER_OTLP_TIMEOUT": "10000", "LLMOBS_EXIT_FLUSH_MS": "10000"}
# Tried again after a pause: the next process has it before.
PAUSED = ("401", "307,location=http://127.0.0.1:1/v1/traces",
          "503,retry-after=60")


def as_event(span):
    """The parts of a span of OTLP that a report looks at."""
    return {"span_id": str(int(span["spanId"], 16)), "meta": {"input": {
        "text": span["attributes"].get("gen_ai.input.messages", "")}}}


def arrived(receiver):
    spans = map(as_event, receiver.spans())
    return [s for s in spans if prompt_of(s) != "recover"]


def unread(receiver):
    """The spans taken while nobody waited for the answer any more."""
    return {as_event(s)["span_id"] for r in receiver.posts()
            if r["fault"] == "slow" for s in r["records"]}


def recover(t, env):
    for name in glob.glob(os.path.join(t.dir, "store", "dead-*")):
        os.unlink(name)
    with Living(t, env, keep=True) as app:
        app.ask("<recover>")
        wait_for(lambda: len(left_behind(t)) <= 1, 60, 0.1)
        app.end()


def otlp_row(report, name, fault):
    """Calls whose fault ends while the program lives, and after it."""
    t, made = report.case(), []
    with Receiver("*:" + fault) as receiver:
        env = otlp(receiver, LLMOBS_CONTENT="full",
                   **({"OTEL_EXPORTER_OTLP_TIMEOUT": "500"} if
                      fault.startswith(("hang", "slow")) else WAITED))
        with Living(t, env, keep=True) as app:
            for i in range(4):
                ask(app, made, "living %d" % i)
            time.sleep(0.6)
            receiver.well()
            if fault not in PAUSED:
                wait_for(lambda: len(receiver.spans()) + len(set_aside(t)) >=
                         4, 60, 0.05)
            receiver.fault("*:" + fault)
            for i in range(4):
                ask(app, made, "ending %d" % i)
            app.end()
        receiver.well()
        recover(t, env)
        report.row("OTLP: " + name, made, arrived(receiver) + set_aside(t),
                   unread(receiver), "; ".join(receiver.wrong))
    report.done(t)


def rows(report):
    return [(otlp_row, name, fault) for name, fault in (
        ("hangs", "hang"), ("resets", "reset"), ("closes early", "close"),
        ("503", "503"), ("429, a second's pause", "429,retry-after=1"),
        ("503, a minute's pause", PAUSED[2]), ("401", PAUSED[0]),
        ("redirects", PAUSED[1]), ("500", "500"),
        ("413 for more than one", "many,records=1,status=413"),
        ("400 for more than two", "many,records=2,status=400"),
        ("garbage after 200", "garbage"), ("answers cut short", "cut"),
        ("answers too late", "slow,ms=1000"),
        ("warns", "partial,message=a warning"))]
