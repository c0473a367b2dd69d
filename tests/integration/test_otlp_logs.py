"""Logs by OTLP: evaluations, failures and details of calls, with the ids of the
spans that they belong to, and what becomes of them when the receiver fails."""
import json
import os
import subprocess

from delivery import (PATIENT, Living, agent, double, left_behind, untouched,
                      wait_for)
from harness import SECRET, body, curl, equal, ok, test
from otlp_case import Receiver, books, of_good_form, otlp
from test_commands import call, evaluate as said
from test_evaluations import Program

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
RESULT = "gen_ai.evaluation.result"
FAILURE = "gen_ai.client.operation.exception"
DETAILS = "gen_ai.client.inference.operation.details"
IDS = ("--span-id", "258", "--trace-id", TRACE)


def logged(receiver, **more):
    """Logs alone go to the receiver; spans to the store."""
    return dict({"OTEL_LOGS_EXPORTER": "otlp",
                 "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url}, **more)


def records(receiver, count, seconds=10):
    receiver.wait(lambda: len(receiver.records("logs")) >= count, seconds)
    found = receiver.records("logs")
    equal(len(found), count, "log records")
    of_good_form(receiver)
    return found


def posts(receiver):
    return len(receiver.posts("logs"))


def evaluate(t, env, label, *args, code=0, said=b""):
    done = subprocess.run(
        [os.path.join(t.build, "llmobs"), "evaluate", "--label", label, *args],
        cwd=os.path.join(t.dir, "work"), stdout=subprocess.PIPE,
        env=t.environment(True, dict(PATIENT, DD_LLMOBS_ENABLED="1", **env)),
        stderr=subprocess.PIPE, timeout=30)
    equal((done.returncode, done.stdout, done.stderr), (code, b"", said),
          "status, stdout, stderr")


# ---- evaluations ---------------------------------------------------------

@test
def of_a_script(t):
    t.fresh(None)
    with Receiver() as receiver:
        evaluate(t, logged(receiver, DD_SERVICE="shop", LLMOBS_CONTENT="full"),
                 "tone", *IDS, "--type", "score", "--value", "0.5",
                 "--assessment", "pass", "--reasoning", "it is kind")
        record = records(receiver, 1)[0]
        equal((record["eventName"], record["traceId"], record["spanId"]),
              (RESULT, TRACE, "0000000000000102"), "name and ids")
        equal(record["attributes"], {
            "gen_ai.evaluation.name": "tone",
            "gen_ai.evaluation.score.value": 0.5,
            "gen_ai.evaluation.score.label": "pass",
            "gen_ai.evaluation.explanation": "it is kind",
            "llmobs.ml_app": "it"}, "attributes")
        equal(record["resource"]["service.name"], "shop", "service")
        ok("telemetry.sdk.name" in record["resource"], "no resource")
        books(t, captured=1, delivered=1, evaluations=1, sent_otlp_logs=1)


@test
def the_first_of_a_pod(t):
    """Of another application, by a program that has not called yet."""
    with Receiver() as receiver:
        call(t, [said(label="tone", value=1, span_id="258", trace_id=TRACE,
                      ml_app="other")],
             **logged(receiver, KUBERNETES_SERVICE_HOST="10.0.0.1",
                      POD_NAMESPACE="shop"))
        record = records(receiver, 1)[0]
        equal(record["resource"].get("k8s.namespace.name"), "shop",
              "namespace")


@test
def content_is_asked_for(t):
    t.fresh(None)
    with Receiver() as receiver:
        for env in ({}, {"LLMOBS_CONTENT": "off"}):
            evaluate(t, logged(receiver, **env), "tone", *IDS, "--type",
                     "boolean", "--value", "true", "--reasoning",
                     "a reason that nobody else has")
        for record in records(receiver, 2):
            equal(record["attributes"]["gen_ai.evaluation.score.value"], 1,
                  "score")
            ok("nobody else" not in json.dumps(record), "a reason")


@test
def of_a_program(t):
    """The record names the span as the spans of OTLP have it: by the trace of
    the caller, which is not that of LLM Observability."""
    t.fresh(None)
    with Receiver() as receiver:
        env = otlp(receiver, **logged(
            receiver, TRACEPARENT="00-%s-%s-01" % (TRACE, PARENT)))
        with Program(t, env) as app:
            app.ask("tone")
            app.ask("style")
            app.end()
        found = records(receiver, 2)
        spans = {s["spanId"]: s["traceId"] for s in receiver.wait_spans(2)}
        equal({r["spanId"]: r["traceId"] for r in found}, spans,
              "spans of the records")
        equal(set(spans.values()), {TRACE}, "traces")
        equal(sorted(r["attributes"]["gen_ai.evaluation.name"] for r in found),
              ["style", "tone"], "names")
        books(t, captured=4, delivered=4, evaluations=2, sent_otlp=2,
              sent_otlp_logs=2, sent_store=0)


@test
def around_a_script(t):
    """An evaluation of the span that its script runs in."""
    t.fresh(None)
    with Receiver() as receiver:
        env = logged(receiver, TRACEPARENT="00-%s-%s-01" % (TRACE, PARENT),
                     TRACESTATE="dd=s:1;p:%s;t.llmobs_parent_id:%d;"
                     "t.llmobs_trace_id:7;t.llmobs_ml_app:other"
                     % (PARENT, int(PARENT, 16)))
        evaluate(t, env, "tone", "--type", "score", "--value", "1")
        record = records(receiver, 1)[0]
        equal((record["traceId"], record["spanId"]), (TRACE, PARENT), "ids")


@test
def by_a_tag_it_cannot_be_said(t):
    """It is counted; the agent, which can, has it."""
    t.fresh(None)
    args = ("--tag", "k=v", "--type", "score", "--value", "1")
    with Receiver() as receiver, double(t) as dd:
        evaluate(t, logged(receiver, **agent(dd)), "tone", *args)
        equal(len(dd.wait_evaluations(1, 10)), 1, "evaluations at the agent")
        books(t, captured=1, unsaid=1, sent_agent=1, sent_otlp_logs=0)
    t.fresh(None)
    with Receiver() as receiver:
        evaluate(t, logged(receiver, LLMOBS_EXPORTER="otlp"), "tone", *args,
                 code=1, said=b"llmobs evaluate: not submitted: OTLP has "
                 b"evaluations by a span's ids alone, and no "
                 b"feedback\n")
        books(t, captured=1, unsaid=1, sent_otlp_logs=0)
        equal(posts(receiver), 0, "requests")


@test
def the_agent_gets_no_facts(t):
    """The members that are for OTLP stay out of Datadog's body."""
    t.fresh(None)
    with Receiver() as receiver, double(t) as dd:
        evaluate(t, logged(receiver, **agent(dd)), "tone", *IDS, "--type",
                 "score", "--value", "1")
        ok("_call" not in json.dumps(dd.wait_evaluations(1, 10)), "facts")
        equal(dd.violations(), [], "violations")
        records(receiver, 1)
        books(t, captured=1, delivered=1, sent_agent=1, sent_otlp_logs=1)


# ---- calls ---------------------------------------------------------------

@test
def a_failed_call(t):
    with Receiver() as receiver:
        ours = untouched(t, curl(t.url, body(model="error-429")),
                         logged(receiver))
        span = ours.only()
        record = records(receiver, 1)[0]
        equal((record["eventName"], record["severityNumber"]), (FAILURE, 13),
              "name and severity")
        equal(int(record["spanId"], 16), int(span["span_id"]), "span")
        equal(record["traceId"], span["_dd"]["apm_trace_id"], "trace")
        equal(record["timeUnixNano"], span["start_ns"] + span["duration"],
              "time")
        kind = record["attributes"].pop("exception.type")
        ok(kind and " " not in kind, "exception.type: " + kind)
        equal(record["attributes"], {}, "other attributes")
        books(t, captured=1, delivered=1, sent_store=1, sent_otlp_logs=1)


@test
def a_call_that_went_well_is_no_record(t):
    with Receiver("logs/*:503") as receiver:
        ours = untouched(t, curl(t.url, body()), logged(receiver))
        equal(len(ours.spans), 1, "spans")
        equal(posts(receiver), 0, "requests")
        equal(left_behind(t), [], "what is left in the spool")
        books(t, captured=1, delivered=1, sent_store=1, sent_otlp_logs=0)


@test
def details_of_a_call(t):
    for mode, on_span in (("SPAN_AND_EVENT", True), ("EVENT_ONLY", False)):
        with Receiver() as receiver:
            env = otlp(receiver, **logged(receiver, **{
                "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": mode}))
            untouched(t, curl(t.url, body("a prompt of its own")), env)
            record = records(receiver, 1)[0]
            span = receiver.wait_spans(1)[0]
            equal((record["eventName"], record["traceId"], record["spanId"]),
                  (DETAILS, span["traceId"], span["spanId"]), "name and ids")
            said = record["attributes"]
            equal(said["gen_ai.input.messages"], [
                {"role": "user", "parts": [
                    {"type": "text", "content": "a prompt of its own"}]}],
                  "input")
            equal(said["gen_ai.output.messages"][0]["role"], "assistant",
                  "role of the answer")
            equal("gen_ai.input.messages" in span["attributes"], on_span,
                  "content on the span in mode " + mode)
            for name, value in span["attributes"].items():
                if not name.endswith("messages"):
                    equal(said[name], value, name)
            ok(SECRET not in json.dumps(record), "a key in the record")


@test
def no_details_unless_asked_for(t):
    with Receiver() as receiver:
        for env in ({"LLMOBS_CONTENT": "full"},
                    {"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT":
                     "SPAN_ONLY"},
                    {"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT":
                     "EVENT_ONLY", "LLMOBS_CONTENT": "off"},
                    {"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT":
                     "EVENT_ONLY", "OTEL_LOGS_EXPORTER": "none"}):
            untouched(t, curl(t.url, body()), logged(receiver, **env))
        equal(posts(receiver), 0, "requests")


# ---- receivers that fail -------------------------------------------------

@test
def an_outage_loses_and_doubles_nothing(t):
    t.fresh(None)
    labels = ["n%d" % i for i in range(12)]
    with Receiver("logs/*:503") as receiver:
        with Program(t, logged(receiver)) as app:
            for label in labels[:6]:
                app.ask(label)
            ok(receiver.wait(lambda: posts(receiver) >= 2), "no request")
            receiver.well()
            for label in labels[6:]:
                app.ask(label)
            found = records(receiver, 12, 20)
            app.end()
        equal(sorted(r["attributes"]["gen_ai.evaluation.name"] for r in found),
              sorted(labels), "names")
        equal(left_behind(t), [], "what is left in the spool")
        books(t, captured=24, delivered=24, evaluations=12, sent_store=24,
              sent_otlp_logs=12)


@test
def what_a_killed_process_left(t):
    """The next process with the same settings says it."""
    t.fresh(None)
    with Receiver("logs/*:503") as receiver:
        env = logged(receiver)
        with Program(t, env) as app:
            app.ask("first")
            app.ask("second")
            ok(receiver.wait(lambda: posts(receiver) >= 1), "no request")
            app.kill()
        receiver.well()
        with Program(t, env) as app:
            app.ask("third")
            found = records(receiver, 3, 20)
            app.end()
        equal(sorted(r["attributes"]["gen_ai.evaluation.name"] for r in found),
              ["first", "second", "third"], "names")
        wait_for(lambda: not left_behind(t), 60)
        equal(left_behind(t), [], "what is left in the spool")
        books(t, captured=6, delivered=6, evaluations=3)


@test
def one_that_is_refused_alone(t):
    t.fresh(None)
    with Receiver("logs/*:many,records=1") as receiver:
        with Living(t, logged(receiver, **{
                "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT":
                "EVENT_ONLY"})) as app:
            for _ in range(5):
                app.ask()
            records(receiver, 5, 20)
            app.end()
        books(t, captured=5, delivered=5, dropped=0, sent_otlp_logs=5)


@test
def a_partial_success_is_counted(t):
    t.fresh(None)
    with Receiver("logs/1:partial,rejected=1,message=no") as receiver:
        with Living(t, logged(receiver, **{
                "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT":
                "EVENT_ONLY"})) as app:
            app.ask()
            ok(receiver.wait(lambda: posts(receiver) >= 1), "no request")
            app.end()
        books(t, captured=1, rejected=1, sent_store=1, sent_otlp_logs=0)
