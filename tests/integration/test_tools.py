"""Spans of tools that make no call of their own (LLMOBS_TOOLS=inferred)."""
import json
import os
import subprocess

from delivery import wait_for
from harness import HERE, curl, equal, ok, read_spans, test
from relays import Relay
from serving import NOBODY, Handler, drained, serving
from test_caller import build
from test_links import turns

APPS = os.path.join(HERE, "apps")
IDS = ["call_4kTq8Wb2ZsX0pLm7RvN3", "call_9sW1dK3fP5gJ7hQ2aZ4x"]
ON = {"LLMOBS_TOOLS": "inferred"}
ARGUMENTS, RESULT = {"city": "Oslo"}, "-3 degrees"


class Chat:
    """OpenAI's chat completions. Each class has the answer that calls tools,
    that which calls none, and the request that brings results."""
    path = "/v1/chat/completions"

    @staticmethod
    def calls(ids):
        return {"role": "assistant", "content": None, "tool_calls": [
            {"id": i, "type": "function", "function": {
                "name": "weather", "arguments": json.dumps(ARGUMENTS)}}
            for i in ids]}

    def answer(self, ids):
        message = self.calls(ids) if ids else {
            "role": "assistant", "content": "It is cold."}
        return {"model": "m", "choices": [{
            "index": 0, "message": message, "finish_reason": "stop"}]}

    def ask(self):
        return {"model": "m", "messages": [
            {"role": "user", "content": "Is it cold?"}]}

    def bring(self, ids):
        doc = self.ask()
        doc["messages"] += [self.calls(ids)] + [
            {"role": "tool", "tool_call_id": i, "content": RESULT}
            for i in ids]
        return doc


class Responses(Chat):
    path = "/v1/responses"

    @staticmethod
    def calls(ids):
        return [{"type": "function_call", "call_id": i, "name": "weather",
                 "arguments": json.dumps(ARGUMENTS)} for i in ids]

    def answer(self, ids):
        return {"id": "resp_1", "object": "response", "status": "completed",
                "model": "m", "output": self.calls(ids) or [
                    {"type": "message", "role": "assistant", "content": [
                        {"type": "output_text", "text": "It is cold."}]}]}

    def ask(self):
        return {"model": "m", "input": [
            {"role": "user", "content": "Is it cold?"}]}

    def bring(self, ids):
        doc = self.ask()
        doc["input"] += self.calls(ids) + [
            {"type": "function_call_output", "call_id": i, "output": RESULT}
            for i in ids]
        return doc


class Messages(Chat):
    path = "/v1/messages"

    @staticmethod
    def calls(ids):
        return [{"type": "tool_use", "id": i, "name": "weather",
                 "input": ARGUMENTS} for i in ids]

    def answer(self, ids):
        return {"id": "msg_1", "type": "message", "role": "assistant",
                "model": "m", "stop_reason": "end_turn",
                "content": self.calls(ids) or [
                    {"type": "text", "text": "It is cold."}]}

    def ask(self):
        return {"model": "m", "max_tokens": 9, "messages": [
            {"role": "user", "content": "Is it cold?"}]}

    def bring(self, ids):
        doc = self.ask()
        doc["messages"] += [
            {"role": "assistant", "content": self.calls(ids)},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": i, "content": RESULT}
                for i in ids]}]
        return doc


class Gemini(Chat):
    path = "/v1beta/models/gemini-3-flash:generateContent"

    @staticmethod
    def calls(ids):
        return [{"functionCall": {"id": i, "name": "weather",
                                  "args": ARGUMENTS}} for i in ids]

    def answer(self, ids):
        return {"candidates": [{"content": {
            "role": "model",
            "parts": self.calls(ids) or [{"text": "It is cold."}]},
            "finishReason": "STOP"}]}

    def ask(self):
        return {"contents": [
            {"role": "user", "parts": [{"text": "Is it cold?"}]}]}

    def bring(self, ids):
        doc = self.ask()
        doc["contents"] += [
            {"role": "model", "parts": self.calls(ids)},
            {"role": "user", "parts": [{"functionResponse": {
                "id": i, "name": "weather", "response": {"output": RESULT}}}
                for i in ids]}]
        return doc


APIS = [Chat(), Responses(), Messages(), Gemini()]


class Model(Handler):
    """Calls the tools of the server's list until a request brings results."""

    def do_POST(self):
        api = next(a for a in APIS if self.path.endswith(a.path))
        brings = RESULT in self.read().decode()
        refused = brings and self.server.refuses > 0
        self.server.refuses -= refused
        self.answer(json.dumps(
            {"error": {"message": "busy"}} if refused else
            api.answer([] if brings else self.server.ids)).encode(),
            status=503 if refused else 200)


def model(ids=IDS[:1], refuses=0):
    return serving(Model, ids=ids, refuses=refuses)


def tools_of(spans):
    return [s for s in spans if s["meta"]["span"]["kind"] == "tool"]


def check(spans, count=1, requests=1, text=True):
    """A model's answer, `count` inferred tools, and the requests with their
    results, each linked to the one before."""
    tools = tools_of(spans)
    calls = sorted((s for s in spans if s not in tools),
                   key=lambda s: s["start_ns"])
    equal((len(tools), len(calls)), (count, 1 + requests),
          "spans %s" % [s["name"] for s in spans])
    first, last = calls[0], calls[1:]
    for span in tools:
        equal([(x["span_id"], x["trace_id"]) for x in span["span_links"]],
              [(first["span_id"], first["trace_id"])], "links of the tool")
        equal((span["name"], span["trace_id"], span["parent_id"]),
              ("weather", first["trace_id"], first["parent_id"]), "its place")
        equal((span["start_ns"], span["start_ns"] + span["duration"]),
              (first["start_ns"] + first["duration"], last[0]["start_ns"]),
              "its times")
        ok("inferred:true" in span["tags"], "its tag")
        equal(span["meta"]["metadata"].get("duration_is_upper_bound"), True,
              "its metadata")
        if text:
            equal(json.loads(span["meta"]["input"]["value"]), ARGUMENTS,
                  "its arguments")
            ok(RESULT in span["meta"]["output"]["value"], "its result")
    ids = sorted(s["span_id"] for s in tools)
    equal(len(set(ids)), count, "ids of the tools")
    for span in last:
        got = sorted(x["span_id"] for x in span["span_links"]
                     if "kind" not in x["attributes"])
        equal(got, ids, "links of the request")
    return tools


@test
def tools_of_each_api(t):
    for api in APIS:
        with model() as url:
            ask, bring = json.dumps(api.ask()), json.dumps(api.bring(IDS[:1]))
            run = t.run(turns(url + api.path, ask, bring), env=ON)
            check(run.spans)
            run = t.run(turns(url + api.path, ask, bring))
            equal(len(run.spans), 2, "spans where it is off")
            for i, body in enumerate((ask, bring, bring)):
                run = t.run(curl(url + api.path, body), env=ON, keep=i > 0)
            check(run.spans, requests=2)
        with model(IDS) as url:
            run = t.run(turns(url + api.path, ask, json.dumps(api.bring(IDS))),
                        env=ON)
            check(run.spans, count=2)


@test
def tools_of_programs(t):
    """A program's calls in a process, or a process a turn; where the spans
    are made by the program, by a relay, and by the drain."""
    api, program = APIS[0], build(t, "agent")
    bodies = [json.dumps(api.ask()), json.dumps(api.bring(IDS[:1]))]
    store = os.path.join(t.dir, "store")
    with model() as url:
        url += api.path
        for argv in (["php", os.path.join(APPS, "calls.php"), "easy", url],
                     [program, "easy", url]):
            if argv[0] == "php":
                check(t.run(argv + bodies, env=ON).spans)
            for i, body in enumerate(bodies):
                run = t.run(argv + [body], env=ON, keep=i > 0)
            check(run.spans)
        t.fresh(None)
        with Relay(t, ON) as relay:
            for body in bodies:
                t.run(curl(url, body), keep=True)
            ok(wait_for(lambda: len(read_spans(store)) == 3, 20),
               "three spans by the relay")
            relay.end()
        check(read_spans(store))
        far = dict(ON, **NOBODY, LLMOBS_EXIT_FLUSH_MS="0")
        for i, body in enumerate(bodies):
            t.run(curl(url, body), env=far, keep=i > 0)
        check(drained(t, far))


@test
def tools_and_retries(t):
    api = APIS[0]
    bodies = [json.dumps(api.ask())] + [json.dumps(api.bring(IDS[:1]))] * 3
    with model(refuses=2) as url:
        check(t.run(turns(url + api.path, *bodies), env=ON).spans, requests=3)
    with model(refuses=2) as url:
        for i, body in enumerate(bodies):
            run = t.run(curl(url + api.path, body), env=ON, keep=i > 0)
        check(run.spans, requests=3)


@test
def a_history_that_the_server_has(t):
    """The request brings the result alone: the process that has read the
    answer knows the tool, another one does not."""
    api = APIS[1]
    bring = dict(api.bring(IDS[:1]), previous_response_id="resp_1")
    bring["input"] = bring["input"][-1:]
    bodies = [json.dumps(api.ask()), json.dumps(bring)]
    with model() as url:
        check(t.run(turns(url + api.path, *bodies), env=ON).spans)
        for i, body in enumerate(bodies):
            run = t.run(curl(url + api.path, body), env=ON, keep=i > 0)
        equal(len(run.spans), 2, "spans of two processes")


@test
def content_of_inferred_tools(t):
    api = APIS[0]
    bodies = [json.dumps(api.ask()), json.dumps(api.bring(IDS[:1]))]
    patterns = os.path.join(t.dir, "patterns")
    with open(patterns, "w") as f:
        f.write("city = Oslo\ncold = \\d+ degrees\n")
    with model() as url:
        run = t.run(turns(url + api.path, *bodies),
                    env=dict(ON, LLMOBS_CONTENT="off"))
        (tool,) = check(run.spans, text=False)
        ok("Oslo" not in json.dumps(run.spans) and
           "degrees" not in json.dumps(run.spans), "no content")
        run = t.run(turns(url + api.path, *bodies),
                    env=dict(ON, LLMOBS_REDACT=patterns))
        (tool,) = check(run.spans, text=False)
        ok("Oslo" not in json.dumps(tool) and
           "degrees" not in json.dumps(tool), "redacted: %r" % tool["meta"])
        ok("[redacted:" in tool["meta"]["input"]["value"], "redacted")
        run = t.run(turns(url + api.path, *bodies),
                    env=dict(ON, DD_LLMOBS_SAMPLE_RATE="0"))
        equal({s["_dd"]["sampling_decision"] for s in run.spans}, {"0"},
              "decisions")
        out = subprocess.run([os.path.join(t.build, "llmobs"), "view",
                              "--messages"], env=t.environment(True, {}),
                             text=True, capture_output=True).stdout
        ok("weather (inferred)" in out, "view: " + out)
        ok("took no longer than this" in out, "view: " + out)


@test
def no_tool_is_invented(t):
    """Two of one id, another key, no result, and a tool with a span."""
    api = APIS[0]
    ask, bring = json.dumps(api.ask()), json.dumps(api.bring(IDS[:1]))
    silent = api.bring(IDS[:1])
    silent["messages"].pop()
    silent["messages"].append({"role": "user", "content": RESULT})
    key = ["-H", "x-api-key: other"]
    with model() as url, model() as other:
        for why, bodies in (
                ("another key", [ask, (bring, key)]),
                ("another host", [ask, (bring, [], other + api.path)]),
                ("a reused id", [ask, ask, bring]),
                ("no result", [ask, json.dumps(silent)]),
                ("no answer", [bring, bring])):
            run = t.run(turns(url + api.path, *bodies), env=ON)
            equal((why, len(tools_of(run.spans)), len(run.spans)),
                  (why, 0, len(bodies)), "tools")
            for i, body in enumerate(bodies):
                data, more, to = (body + (url + api.path,))[:3] \
                    if isinstance(body, tuple) else (body, [], url + api.path)
                run = t.run(curl(to, data, *more), env=ON, keep=i > 0)
            equal((why, len(tools_of(run.spans)), len(run.spans)),
                  (why, 0, len(bodies)), "tools, a process a turn")
