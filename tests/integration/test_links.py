"""Links between the calls of an agent, and none between strangers."""
import contextlib
import http.server
import json
import threading

from harness import curl, equal, ok, test

ID = "call_4kTq8Wb2ZsX0pLm7RvN3"


class Agent(http.server.BaseHTTPRequestHandler):
    """A model that calls a tool under the id that the request's own model
    names, "tool:ID", and else says how many messages it got."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def message(self, doc):
        kind, _, what = doc["model"].partition(":")
        if kind != "tool":
            return {"role": "assistant", "content":
                    "You said %d things." % len(doc["messages"])}
        return {"role": "assistant", "content": None, "tool_calls": [
            {"id": what, "type": "function", "function": {
                "name": "weather", "arguments": "{\"city\": \"Oslo\"}"}}]}

    def do_POST(self):
        doc = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        message = self.message(doc)
        if doc.get("stream"):
            calls = message.get("tool_calls") or []
            delta = dict(message, tool_calls=[
                dict(c, index=i) for i, c in enumerate(calls)])
            data = b"".join(b"data: %s\n\n" % json.dumps(
                {"choices": [dict({"index": 0}, **c)]}).encode() for c in (
                    {"delta": delta}, {"delta": {}, "finish_reason": "stop"}))
            data += b"data: [DONE]\n\n"
        else:
            data = json.dumps({"model": "m", "choices": [
                {"index": 0, "message": message,
                 "finish_reason": "stop"}]}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream" if doc.get(
            "stream") else "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


@contextlib.contextmanager
def agent():
    """The address of such a model."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Agent)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield "http://127.0.0.1:%d/v1/chat/completions" % server.server_port
    finally:
        server.shutdown()
        server.server_close()


USER = {"role": "user", "content": "Is it cold in Oslo?"}


def called(tool_id, name="weather"):
    return {"role": "assistant", "content": None, "tool_calls": [
        {"id": tool_id, "type": "function", "function": {
            "name": name, "arguments": "{\"city\":\"Oslo\"}"}}]}


def result(tool_id):
    return {"role": "tool", "tool_call_id": tool_id, "content": "-3"}


def request(*messages, model="m", **more):
    return json.dumps(dict({"model": model, "messages": messages}, **more))


def turns(url, *requests):
    """A curl that makes one request after the other."""
    argv = []
    for data in requests:
        headers, target = [], url
        if isinstance(data, tuple):
            data, headers, target = (data + (url,))[:3]
        one = curl(target, data, *headers)
        argv += one if not argv else ["--next"] + one[1:]
    return [a for i, a in enumerate(argv) if a != "-q" or i == 1]


def links_of(spans):
    """For each span in their order the places of those that it links to."""
    order = sorted(spans, key=lambda s: s["start_ns"])
    places = {(s["span_id"], s["trace_id"]): i for i, s in enumerate(order)}
    for span in order:
        for link in span.get("span_links", []):
            equal(link["attributes"], {"from": "output", "to": "input"},
                  "attributes")
    return [[places[x["span_id"], x["trace_id"]]
             for x in s.get("span_links", [])] for s in order]


ASKS = request(USER, model="tool:" + ID)
BRINGS = request(USER, called(ID), result(ID))


@test
def tool_results_link_to_calls(t):
    with agent() as url:
        for more in ({}, {"stream": True}):
            asks = request(USER, model="tool:" + ID, **more)
            brings = request(USER, called(ID), result(ID), **more)
            later = request(USER, called(ID), result(ID),
                            {"role": "assistant", "content": "Yes."}, USER)
            run = t.run(turns(url, asks, brings, later))
            equal(links_of(run.spans), [[], [0], []], "links %s" % more)


@test
def no_link_between_strangers(t):
    key = ["-H", "x-api-key: Zyx7other"]
    with agent() as url, agent() as other:
        for why, asks, brings in (
                ("another key", ASKS, (BRINGS, key)),
                ("a key at all", (ASKS, key), BRINGS),
                ("another host", ASKS, (BRINGS, [], other)),
                ("another user", ASKS, request(
                    USER, called(ID), result(ID), user="b")),
                ("another tool", ASKS, request(
                    USER, called(ID, "mail"), result(ID))),
                ("a weak id", request(USER, model="tool:call_1"),
                 request(USER, called("call_1"), result("call_1"))),
                ("a key in the URL", ASKS, (BRINGS, [], url + "?key=b")),
                ("no result", ASKS, request(USER, called(ID)))):
            run = t.run(turns(url, asks, brings))
            equal(links_of(run.spans), [[], []], why)
        run = t.run(turns(url, ASKS, ASKS, BRINGS))
        equal(links_of(run.spans), [[], [], []], "a reused id")
        for text in (json.dumps(run.spans), run.log):
            ok("Zyx7other" not in text, "the key is nowhere")
