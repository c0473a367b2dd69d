"""The examples in C, each run and its trace compared."""
import glob
import http.client
import json
import os
import signal
import subprocess

import harness
from harness import (Skip, body, curl, equal, expect_llm, ok, read_spans,
                     tags_of, test, trace_headers)
from test_api import tree

QUESTION = "Why is the parcel late?"
CALLER = "6affe73a00000000c3d1e2f3a4b5c6d7"


def example(t, name):
    if harness.EMULATOR:
        raise Skip("not under the emulator")
    return os.path.join(t.build, "examples", name)


# ---- rag -----------------------------------------------------------------

def events(t):
    lines = []
    for path in glob.glob(os.path.join(t.dir, "store", "**", "*.jsonl"),
                          recursive=True):
        with open(path) as f:
            lines += [json.loads(line) for line in f]
    return lines


@test
def rag(t):
    argv = [example(t, "rag"), "http://127.0.0.1:%d" % t.servers.http,
            QUESTION]
    r = t.same(argv, check=False)
    equal((r.code, r.stdout.decode()), (0, "Echo: %s\n" % QUESTION), "answer")
    lines = events(t)
    spans = sorted((e for e in lines if "start_ns" in e),
                   key=lambda s: s["start_ns"])
    for span in spans:
        harness.accept(span)
    equal(tree(spans), ["workflow answer_question(retrieval search("
                        "embedding embed), llm call)"], "tree")
    root, search, embedding, call = spans
    equal(root["meta"]["input"], {"value": QUESTION}, "input")
    equal(root["meta"]["output"], {"value": "Echo: " + QUESTION}, "output")
    equal([(d["name"], d["score"]) for d in
           search["meta"]["output"]["documents"]],
          [("delays", 4), ("depots", 2)], "documents")
    equal(embedding["meta"]["model_name"], "bag-of-words", "model")
    equal(embedding["meta"]["input"], {"documents": [{"text": QUESTION}]},
          "embedded")
    equal(embedding["metrics"], {"input_tokens": 5}, "metrics")
    equal(call["meta"]["input"]["messages"][1]["content"], QUESTION, "asked")
    grade, = [e for e in lines if "label" in e]
    equal(grade["join_on"]["span"], {"span_id": root["span_id"],
                                     "trace_id": root["trace_id"]}, "join_on")
    equal((grade["label"], grade["score_value"], grade["assessment"]),
          ("on_topic", 5, "pass"), "grade")


@test
def rag_without_a_model(t):
    argv = [example(t, "rag"), "http://127.0.0.1:1", QUESTION]
    r = t.same(argv)
    equal(r.code, 1, "exit status")
    equal(tree(r.spans), ["workflow answer_question(retrieval search("
                          "embedding embed), llm call)"], "tree")
    equal([s["status"] for s in r.spans], ["error", "ok", "ok", "error"],
          "statuses")


# ---- gateway -------------------------------------------------------------

class Gateway:
    """The example, observed, as a service without an ml_app of its own."""

    def __init__(self, t):
        t.fresh(None)
        env = {"DD_SERVICE": "chat-gateway", "DD_LLMOBS_ML_APP": None}
        self.process = subprocess.Popen(
            harness.command([example(t, "gateway"), "0", "http://127.0.0.1:%d"
                             % t.servers.http], t.build),
            env=t.environment(True, env), stdout=subprocess.PIPE,
            preexec_fn=harness.end_with_parent)
        self.port = int(self.process.stdout.readline().split()[-1])

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        equal(self.process.wait(30), 0, "exit status of the gateway")
        self.process.stdout.close()


def post(connection, prompt, headers):
    headers = dict(headers, **{"Content-Type": "application/json"})
    connection.request("POST", "/v1/chat/completions", body(prompt), headers)
    reply = connection.getresponse()
    text = reply.read()
    equal(reply.status, 200, "status")
    return text


def caller(app, parent):
    tags = ("_dd.p.tid=6affe73a00000000,_dd.p.llmobs_parent_id=%d,"
            "_dd.p.llmobs_trace_id=%d,_dd.p.llmobs_ml_app=%s" %
            (parent, int(CALLER, 16), app))
    return {"x-datadog-trace-id": str(int(CALLER[16:], 16)),
            "x-datadog-parent-id": str(parent), "x-datadog-tags": tags,
            "x-datadog-sampling-priority": "1"}


@test
def gateway_on_one_connection(t):
    """Two callers, then one that says nothing: none has another's trace."""
    t.foreign_trace = True
    gateway = Gateway(t)
    mark = t.servers.mark()
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, 20)
    for prompt, headers in (("one", caller("shop", 11)),
                            ("two", caller("support", 22)), ("three", {})):
        ok(b"Echo: " in post(connection, prompt, headers), "answer")
    connection.close()
    requests = t.servers.requests_since(mark)
    gateway.stop()
    spans = read_spans(os.path.join(t.dir, "store"))
    for span in spans:
        harness.accept(span, True)
    equal(tree(spans), ["workflow chat-proxy-entrypoint(llm call)"] * 3,
          "trees")
    for i, (app, parent) in enumerate((("shop", "11"), ("support", "22"),
                                       ("chat-gateway", "undefined"))):
        entry, call = spans[2 * i:2 * i + 2]
        equal(entry["parent_id"], parent, "parent")
        equal(entry["trace_id"] == CALLER, i < 2, "the caller's trace")
        equal(entry["meta"]["input"]["value"], body(("one", "two", "three")[i]),
              "input")
        ok("Echo: " in entry["meta"]["output"]["value"], "output")
        for span in entry, call:
            equal(tags_of(span)["ml_app"], app, "ml_app")
            equal(tags_of(span)["service"], "chat-gateway", "service")
        equal(trace_headers(requests[i])["x-datadog-parent-id"],
              call["span_id"], "parent that is passed on")


@test
def gateway_behind_curl(t):
    """Caller and gateway, both observed, are one trace."""
    t.foreign_trace = True
    gateway = Gateway(t)
    url = "http://127.0.0.1:%d" % gateway.port
    r = t.run(curl(url + "/v1/chat/completions", body("hello")), keep=True,
              env={"DD_LLMOBS_INSTRUMENTED_PROXY_URLS": url,
                   "DD_LLMOBS_ML_APP": "shell"}, check=False)
    equal(r.code, 0, "exit status")
    gateway.stop()
    spans = read_spans(os.path.join(t.dir, "store"))
    equal(tree(spans), ["workflow call(workflow chat-proxy-entrypoint("
                        "llm call))"], "tree")
    for span in spans:
        equal(tags_of(span)["ml_app"], "shell", "ml_app")
    expect_llm(spans[2], "hello")
