"""Tests of spans."""
import os
from urllib.parse import urlsplit

import bodies
import expect
import otlp_conventions
import receivers
import replay
from bench import (CONTENT, Differences, Exchanges, ROOT, Run, compare_resource,
                   compare_spans, turns, with_values)
from doubles import wait_for
from harness import equal, ok
from receivers import NotHere

CORPUS = os.path.join(os.path.dirname(ROOT), "shared", "corpus")
FIRST_PORT = 20000


def all_calls(bench, receiver, form, json, exchanges=None, env=None):
    """Gives the events, and the spans as the receiver has them."""
    receiver.forget()
    run = Run(bench, receiver.url, form, json, env)
    run.make_calls(exchanges or bench.rules)
    run.make_spans()
    events, _ = run.events()
    ok(len(events) > 200, "only %d spans in the store" % len(events))
    spans = wait_for(lambda: (lambda s: s if len(s) >= len(events) else None)(
        receiver.got("traces")), 10, 0.1) or receiver.got("traces")
    compare_spans(bench, events, spans, form, not env)
    for span in spans:
        compare_resource(span)
    if not exchanges:
        ok(any(span["links"] for span in spans), "no span has a link")
    return events, spans


def linked_turns(bench, receiver, json):
    """In one trace the tool is linked to the answer that called it, and the
    model with its result to the tool and to the turn before."""
    receiver.forget()
    if not hasattr(bench, "turns"):
        bench.turns = Exchanges(os.path.join(bench.folder, "turns"), turns())
    run = Run(bench, receiver.url, "1.41", json)
    run.program(os.path.join(bench.build, "llmobs"), "span", "--kind",
                "workflow", "--name", "turns", "--", "curl", "-q", "-K",
                bench.turns.config)
    run.drain()
    spans = wait_for(lambda: (lambda s: s if len(s) == 4 else None)(
        receiver.got("traces")), 10, 0.1) or receiver.got("traces")
    _, call, tool, end = sorted(spans, key=lambda s: s["start"])
    equal([s["name"] for s in (call, tool, end)],
          ["chat gpt-4o", "tools/call get_weather", "chat gpt-4o"], "names")
    for span, linked in ((call, []), (tool, [call]), (end, [call, tool])):
        for link in span["links"]:
            equal(link["traceId"], span["traceId"], "trace of a link")
        equal({link["spanId"] for link in span["links"]},
              {s["spanId"] for s in linked}, "links of " + span["name"])


def elastic_spans(bench, form, json):
    all_calls(bench, bench.elastic(), form, json)


def strict_spans(bench, form, json, exchanges=None, env=None):
    strict = bench.strict()
    events, spans = all_calls(bench, strict, form, json, exchanges, env)
    equal(strict.refused, [], "requests that are refused")
    kinds = {headers["Content-Type"] for headers, _ in strict.raw}
    equal(kinds, {"application/json" if json else "application/x-protobuf"},
          "content types")
    check_conventions(bench, strict, events, form,
                      None if env is None else False)
    return spans


def check_conventions(bench, strict, events, form, content):
    """Every span holds to OpenTelemetry's conventions of that form."""
    found = Differences(bench.verbose)
    asked = {"%016x" % int(e["span_id"]): bool(expect.asked_model(
        e, e.get("_call", {}))) for e in events}
    for signal, request in strict.requests:
        for _, _, span in receivers.records(request, signal):
            found.found += ["%s: %s" % (span["name"], problem)
                            for problem in otlp_conventions.problems(
                                form, span, content,
                                asked=asked[span["spanId"]])]
    found.settle()


def recordings():
    if not os.path.isdir(CORPUS):
        raise NotHere("no recordings beside this checkout")
    return list(replay.of_corpus(CORPUS))


def corpus_spans(bench, form):
    """The recordings beside the checkout."""
    folder = os.path.join(bench.folder, "corpus")
    if not os.path.isdir(folder):
        bench.corpus = Exchanges(folder, recordings())
    strict_spans(bench, form, False, bench.corpus)


def corpus_facts(bench):
    """The facts of the recordings are what their bodies and URLs say; a port of
    its own tells which of them an event is of."""
    exchanges = recordings()
    for number, exchange in enumerate(exchanges):
        parts = urlsplit(exchange.url)
        exchange.url = parts._replace(netloc="%s:%d" % (
            parts.hostname, FIRST_PORT + number)).geturl()
    run = Run(bench, "http://127.0.0.1:1", env={"LLMOBS_EXPORTER": "store"})
    run.make_calls(Exchanges(os.path.join(bench.folder, "facts"), exchanges))
    found, seen = Differences(bench.verbose), 0
    for event in run.events()[0]:
        facts = event["_call"]
        exchange = exchanges[facts["port"] - FIRST_PORT]
        for name, value in bodies.facts_of(exchange).items():
            found.compare("%s, %s" % (exchange.name, name), facts.get(name),
                          value)
            seen += 1
    found.settle()
    ok(seen > 500, "only %d facts" % seen)


def unasked_content(bench):
    """Nobody asks for content: no attribute has it, and the log says so."""
    spans = strict_spans(bench, "1.41", False, env={
        "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": ""})
    for span in spans:
        has = set(span["attributes"]) & set(CONTENT)
        ok(not has, "content that nobody asked for: %s" % has)


def genkit_spans(bench, form):
    genkit = bench.genkit()
    run = Run(bench, genkit.url, form, True)
    run.make_calls(bench.rules)
    run.make_spans()
    events, _ = run.events()
    found = Differences(bench.verbose)
    for trace in {e["_dd"]["apm_trace_id"] for e in events}:
        spans = genkit.trace(trace)
        for event in events:
            if event["_dd"]["apm_trace_id"] == trace:
                want = expect.span_of(event, form, True)
                got = spans.pop(want["spanId"], None)
                compare_with_genkit(found, event, got, want)
        found.compare("further spans of a trace", spans, {})
    found.settle()


def compare_with_genkit(found, event, got, want):
    where = "%s %s" % (event["meta"]["span"]["kind"], event["name"])
    if not got:
        found.compare(where, got, "a span")
        return
    for key, name in (("traceId", "traceId"), ("spanId", "spanId"),
                      ("displayName", "name")):
        found.compare("%s, %s" % (where, name), got[key], want[name])
    found.compare(where + ", parent", got.get("parentSpanId", ""),
                  want["parentSpanId"])
    found.compare(where + ", kind", got["spanKind"],
                  {1: "INTERNAL", 3: "CLIENT"}[want["kind"]])
    for key, name in (("startTime", "start"), ("endTime", "end")):
        ok(abs(got[key] - want[name] / 1e6) <= 1, "%s, %s" % (where, name))
    status = got.get("status", {})
    found.compare(where + ", status", (status.get("code", 0),
                                       status.get("message", "")),
                  want["status"])
    found.compare_dicts(where, {k: as_read(v) for k, v in with_values(
        got["attributes"]).items()}, {k: as_kept(v) for k, v in with_values(
            want["attributes"]).items()})


def as_kept(value):
    """A value as Genkit keeps it: an int is the text that OTLP's JSON has."""
    return "%d" % value if expect.is_int(value) else value


def as_read(value):
    """A number in what Genkit gives was a double."""
    return float(value) if expect.is_int(value) else value
