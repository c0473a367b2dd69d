#!/usr/bin/python3
"""`llmobs view --otlp`: each span of a store, once, in lines that OTLP's JSON
allows, whatever else is in the store.

usage: otlp_lines.py BUILD_DIR
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
from checks import check  # noqa: E402

BUILD = sys.argv[1]
TOOL = os.path.join(BUILD, "llmobs")
TMP = tempfile.mkdtemp(prefix="llmobs-otlp-lines.")
STORE = os.path.join(TMP, "store")
BASE = {"PATH": "/usr/bin:/bin", "HOME": TMP, "LLMOBS_EXPORTER": "store",
        "LLMOBS_STORE_DIR": STORE, "DD_LLMOBS_ENABLED": "1",
        "LLMOBS_CONFIG": os.path.join(TMP, "none.conf"),
        "LLMOBS_SPOOL_MAX": "0"}
LINE_MAX = 1024 * 1024  # of the otlpjsonfile receiver of a Collector


def tool(*args, out=subprocess.PIPE, **env):
    return subprocess.run([TOOL, *args], env=dict(BASE, **env), stdout=out,
                          stderr=subprocess.PIPE, timeout=60, encoding="utf-8")


def made(kind, text, service):
    """An event as the library itself makes it."""
    before = len(stored()) if os.path.isdir(STORE) else 0
    tool("span", "--kind", kind, "--name", "some " + kind, "--input", text,
         "--", "true", DD_SERVICE=service)
    events = stored()
    assert len(events) == before + 1, events
    return events[-1]


def stored():
    with open(os.path.join(STORE, "spans.jsonl"), encoding="utf-8") as f:
        return [json.loads(line) for line in f]


def write(lines):
    with open(os.path.join(STORE, "spans.jsonl"), "w", encoding="utf-8") as f:
        f.write("".join(line + "\n" for line in lines))


def spans_of(out):
    """The spans of all lines: (service, span)."""
    found = []
    for line in out.splitlines():
        doc = json.loads(line)
        assert list(doc) == ["resourceSpans"], list(doc)
        for one in doc["resourceSpans"]:
            keys = {a["key"]: a["value"] for a in one["resource"]["attributes"]}
            name = keys["service.name"]["stringValue"]
            for scope in one["scopeSpans"]:
                found += [(name, span) for span in scope["spans"]]
    return found


def ids(out):
    return sorted(int(span["spanId"], 16) for _, span in spans_of(out))


def copies(event, count, text):
    """The same event under other ids, with a text of its own."""
    for i in range(count):
        event = json.loads(json.dumps(event))
        event["span_id"] = event["_dd"]["span_id"] = str(10**6 + i)
        event["meta"]["input"] = {"value": text}
        yield json.dumps(event)


def each_span_once():
    task, tool_span = made("task", "some text", "shop"), made("tool", "x", "web")
    evaluation = {"join_on": {"span": {"span_id": task["span_id"],
                                       "trace_id": task["trace_id"]}},
                  "label": "good", "metric_type": "score", "score_value": 1,
                  "ml_app": "shop", "timestamp_ms": 1795312751212}
    write([json.dumps(task), json.dumps(evaluation), "no JSON", "{}", "",
           json.dumps(tool_span)])
    done = tool("view", "--otlp")
    found = spans_of(done.stdout)
    check("each span, and no evaluation", done.returncode == 0 and
          [(name, span["spanId"]) for name, span in found] ==
          [(service, "%016x" % int(e["span_id"])) for service, e in
           (("shop", task), ("web", tool_span))], (done, found))
    check("other lines are told", "2 lines could not be read" in done.stderr,
          done.stderr)
    check("ids and times of the store", all(
        span["traceId"] == e["_dd"]["apm_trace_id"] and
        span["startTimeUnixNano"] == str(e["start_ns"]) and
        span["endTimeUnixNano"] == str(e["start_ns"] + e["duration"])
        for (_, span), e in zip(found, (task, tool_span))), found)
    done = tool("view", "--otlp", OTEL_TRACES_SAMPLER="always_off",
                OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf",
                OTEL_SDK_DISABLED="true")
    check("no setting of the exporter's way takes a span away",
          len(spans_of(done.stdout)) == 2, done)
    texts = [tool("view", "--otlp", **env).stdout.count("some text")
             for env in ({}, {"LLMOBS_CONTENT": "off"}, {
                 "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT":
                     "NO_CONTENT"})]
    check("texts as stored, unless content is off", texts == [1, 0, 1], texts)
    done = tool("view", "--otlp", "--kind", "tool", "--service", "web")
    check("filters", ids(done.stdout) == [int(tool_span["span_id"])], done)
    return task


def lines_have_a_length(event):
    small = list(copies(event, 1000, "short"))
    write(small)
    done = tool("view", "--otlp")
    sizes = [len(line) for line in done.stdout.splitlines()]
    check("many small ones: all, in few lines",
          ids(done.stdout) == [10**6 + i for i in range(1000)] and
          len(sizes) <= 20 and max(sizes) < LINE_MAX, (sizes, done.stderr))
    write(copies(event, 40, '"\\\n' * 12000))  # each grows by its escapes
    done = tool("view", "--otlp", LLMOBS_CONTENT="full")
    sizes = [len(line) for line in done.stdout.splitlines()]
    check("large ones: all, in more lines",
          len(ids(done.stdout)) == 40 and max(sizes) < LINE_MAX,
          (sizes, done.stderr))
    write(copies(event, 1, "y" * 3000000))
    done = tool("view", "--otlp")
    check("one beyond a line's limit", len(spans_of(done.stdout)) == 1,
          done.stderr)


def faults(event):
    write(copies(event, 5, "x"))
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = tool("view", "--otlp", out=full)
    check("a full disk is told by the exit status", done.returncode == 1, done)
    write(json.dumps(dict(event, **change)) for change in (
        {"span_id": "0"}, {"span_id": "-1"}, {"start_ns": "x"},
        {"_dd": {}, "trace_id": "nothing"}))
    done = tool("view", "--otlp")
    check("no span with an id that OTLP cannot hold",
          done.returncode == 0 and done.stdout == "" and
          "4 lines could not be read" in done.stderr, done)
    shutil.rmtree(STORE)
    done = tool("view", "--otlp")
    check("no store, no line", done.returncode == 0 and done.stdout == "" and
          "no such directory" in done.stderr, done)


def main():
    try:
        event = each_span_once()
        lines_have_a_length(event)
        faults(event)
    except Exception as e:
        check("the tests themselves", False, repr(e))
    finally:
        shutil.rmtree(TMP, ignore_errors=True)


main()
