"""The doubles of tests/support themselves: they take what is right and see
what is wrong."""
import copy
import http.client
import json
import socket
import ssl

from delivery import double
from llmobs_form import DROPPED
from harness import SECRET, body, curl, equal, ok, test

PATH = "/evp_proxy/v2/api/v2/llmobs"
HEAD = {"Content-Type": "application/json",
        "X-Datadog-EVP-Subdomain": "llmobs-intake", "User-Agent": "llmobs/1"}


def good_events(t):
    """A root llm, a proxied workflow with a session, an error."""
    urls = {"DD_LLMOBS_INSTRUMENTED_PROXY_URLS":
            "http://127.0.0.1:%d" % t.servers.gateway}
    proxy = "http://127.0.0.1:%d/v1/chat/completions" % t.servers.gateway
    tool = {"type": "function", "function": {"name": "f", "parameters": {}}}
    events = t.run(curl(t.url, body(tools=[tool]))).spans
    events += t.run(curl(t.url, body(stream=True))).spans
    events += t.run(curl(proxy, body()), env=dict(
        urls, LLMOBS_SESSION_ID="s1")).spans
    events += t.run(curl(t.url, body(model="error-429"))).spans
    equal(len(events), 4, "events")
    for event in events:
        del event["_call"]  # of the store alone
    return events


def envelope(event, **more):
    return dict({"_dd.stage": "raw", "event_type": "span",
                 "_dd.tracer_version": ([
                     x.split(":")[1] for x in event["tags"]
                     if x.startswith("ddtrace.version")] + ["1"])[0],
                 "spans": [event]}, **more)


def post(dd, data, head=None, path=PATH, port=None, tls=None):
    if not isinstance(data, bytes):
        data = json.dumps(data).encode()
    port = port or dd.port
    connection = http.client.HTTPSConnection(
        "localhost", port, context=tls, timeout=5) if tls else \
        http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.putrequest("POST", path, skip_accept_encoding=True)
    for item in dict(HEAD if head is None else head,
                     **{"Content-Length": str(len(data))}).items():
        connection.putheader(*item)
    connection.endheaders(data)
    status = connection.getresponse().status
    connection.close()
    return status


def fresh(event, number=[1000]):
    """A copy of the event with another id."""
    event = copy.deepcopy(event)
    number[0] += 1
    event["span_id"] = event["_dd"]["span_id"] = str(number[0])
    return event


@test
def takes_what_is_right(t):
    events = good_events(t)
    with double(t) as dd:
        equal(post(dd, [envelope(e) for e in events]), 202, "status")
        tls = ssl.create_default_context(cafile=t.servers.cert)
        head = dict(HEAD, **{"DD-API-KEY": dd.key})
        del head["X-Datadog-EVP-Subdomain"]
        again = [envelope(fresh(e)) for e in events]
        equal(post(dd, again, head, "/api/v2/llmobs", dd.intake, tls), 202,
              "status of the intake")
        equal(dd.violations(), [], "violations")
        equal(len(dd.spans()), 8, "spans")


def put(*path):
    """A change that sets the last of path to its value; None removes it."""
    *way, last, value = path

    def change(event):
        at = event
        for name in way:
            at = at[name]
        if value is None:
            del at[last]
        else:
            at[last] = value
    return change


def add_tag(tag):
    return lambda e: e.update(tags=sorted(e["tags"] + [tag]))


WRONG = [
    put("trace_id", "12"), put("trace_id", "A" * 32), put("span_id", 7),
    put("span_id", "0"), put("parent_id", ""), put("parent_id", "0"),
    put("parent_id", None), put("name", ""), put("start_ns", 1.5e18),
    put("start_ns", 1), put("duration", "7"), put("duration", -1),
    put("duration", True), put("status", "fine"), put("metrics", None),
    put("metrics", "a.b", 1), put("metrics", "input_tokens", 1.5),
    put("metrics", "total_tokens", -1), put("metrics", "cost", 1),
    put("_dd", "scope", "x"), put("_dd", "sample_rate", 1),
    put("_dd", "sample_rate", "1.0"), put("_dd", "trace_id", "0" * 32),
    put("_dd", "sampling_decision", None), put("meta", "metadata", None),
    put("meta", "span.kind", "llm"), put("meta", "span", "kind", "thing"),
    put("meta", "span", "flat"), put("meta", "model_name", ""),
    put("meta", "model_provider", "OpenAI"), put("meta", "error", {}),
    put("meta", "extra", 1), put("meta", "metadata", "_dd", {}),
    put("meta", "metadata", "authorization", "x"),
    put("meta", "input", {}), put("meta", "input", "messages", []),
    put("meta", "input", "messages", [{"content": "x"}]),
    put("meta", "input", "messages", [{"content": None, "role": "user"}]),
    put("meta", "input", "messages", [{"role": "user", "name": "x"}]),
    put("meta", "output", "messages", [
        {"role": "a", "tool_calls": [{"name": "f", "arguments": "{}"}]}]),
    put("meta", "output", "messages", [
        {"role": "a", "tool_results": [{"result": {}}]}]),
    put("meta", "input", {"value": {}}), put("meta", "input", "secret", "x"),
    put("meta", "tool_definitions", [{"schema": {}}]),
    put("collection_errors", ["dropped_io"]), put("service", "x"),
    put("ml_app", "x"), put("span_links", []), put("session_id", "s"),
    add_tag("ml_app:again"), add_tag("x:a,b"), add_tag("error_type:x"),
    add_tag("ml-proxy:yes"), add_tag("session_id:x"),
    put("trace_id", "0" * 32), put("status", "warn"),
    put("duration", 86400 * 10 ** 9), put("_dd", "apm_trace_id", "1" * 32),
    put("_dd", "span_id", "5"), put("_dd", "sampling_decision", "2"),
    lambda e: e["_dd"].update(trace_id="1" * 32, apm_trace_id="1" * 32),
    lambda e: e["_dd"].update(trace_id="x", apm_trace_id="x"),
    lambda e: e.update(parent_id=e["span_id"]),
    lambda e: e.update(span_id=str(1 << 64)) or e["_dd"].update(
        span_id=str(1 << 64)),
    put("metrics", []), put("meta", []), put("tags", ["lonely"]),
    put("meta", "tool_definitions", []), put("meta", "tool_definitions", [1]),
    put("meta", "input", "messages", ["text"]),
    put("meta", "span", "kind", "embedding"),
    put("metrics", "time_to_first_token", 1e6),
    put("meta", "metadata", json.loads('{"a":' * 14 + "1" + "}" * 14)),
    lambda e: e.update(collection_errors=["other"]) or e["meta"].update(
        input={"value": DROPPED}, output={"value": DROPPED}),
    lambda e: e.update(tags=[t.replace(":it", ":") for t in e["tags"]]),
    lambda e: e.update(tags=sorted(t.replace("language:c", "language:x")
                                   for t in e["tags"])),
    put("meta", "input", {"messages": [
        {"role": "user", "content": "x" * 5000000}]}),
    lambda e: e["tags"].reverse(),
    lambda e: e["tags"].remove("language:c"),
    lambda e: e["tags"].remove("error:0"),
    lambda e: e["tags"].remove("integration:openai"),
    lambda e: e["tags"].remove("source:integration"),
]


@test
def sees_wrong_events(t):
    event = good_events(t)[0]
    with double(t) as dd:
        for i, change in enumerate(WRONG):
            bad = fresh(event)
            change(bad)
            dd.reset()
            post(dd, [envelope(bad)])
            ok(dd.violations(), "change %d is not seen" % i)


@test
def sees_wrong_workflows_and_errors(t):
    _, _, flow, error = good_events(t)
    with double(t) as dd:
        for base, change in (
                (flow, put("meta", "model_name", "m")),
                (flow, put("metrics", "input_tokens", 1)),
                (flow, put("meta", "input", {"messages": []})),
                (flow, put("meta", "tool_definitions", [{"name": "f"}])),
                (flow, put("session_id", None)),
                (error, put("meta", "error", None)),
                (error, put("meta", "error", "type", "")),
                (error, put("meta", "error", "stack", None)),
                (error, put("status", "ok"))):
            bad = fresh(base)
            change(bad)
            dd.reset()
            post(dd, [envelope(bad)])
            ok(dd.violations(), "a wrong %s is not seen" % base["name"])


@test
def sees_wrong_bodies(t):
    event = good_events(t)[0]
    text = json.dumps([envelope(event)])
    two = [envelope(event, spans=[event, fresh(event)])]
    with double(t) as dd:
        for bad in (b"", b"[]", b"{}", b"[{}]", b"nonsense", text[:-1],
                    json.dumps(envelope(event)), json.dumps(two),
                    json.dumps([envelope(event, **{"_dd.stage": "done"})]),
                    json.dumps([envelope(event, more=1)]), b"[[]]",
                    json.dumps([envelope(event, event_type="x")]),
                    json.dumps([envelope(event, spans=[])]),
                    json.dumps([envelope(event, **{
                        "_dd.tracer_version": ""})]),
                    text.replace("hello there", "h\u00e9llo"),
                    text.replace('"status": "ok"',
                                 '"status": "ok", "status": "ok"'),
                    text.replace('"duration": ', '"duration": NaN, "x": '),
                    text.replace("hello there", SECRET),
                    text.replace("hello there", dd.key),
                    json.dumps([envelope(event), envelope(event)])):
            dd.reset()
            post(dd, bad if isinstance(bad, bytes) else bad.encode())
            ok(dd.violations(), "not seen: %.60r" % bad)


@test
def sees_wrong_heads(t):
    event = good_events(t)[0]
    with double(t) as dd:
        for more in ({"Content-Type": "text/plain"}, {"User-Agent": "curl/7"},
                     {"X-Datadog-EVP-Subdomain": "api"},
                     {"DD-API-KEY": dd.key}, {"Content-Encoding": "identity"},
                     {"Authorization": "x"}, {"traceparent": "x"},
                     {"Cookie": "a=b"}, {"X-Other": SECRET}):
            dd.reset()
            post(dd, [envelope(fresh(event))], dict(HEAD, **more))
            ok(dd.violations(), "not seen: %s" % more)
        for path in ("/api/v2/llmobs", "/evp_proxy/v4/api/v2/llmobs",
                     PATH + "/update", "/", PATH + "?key=" + dd.key):
            dd.reset()
            post(dd, [envelope(fresh(event))], path=path)
            ok(dd.violations(), "not seen: " + path)
        for head in (HEAD, {"Content-Type": "application/json",
                            "User-Agent": "llmobs/1", "DD-API-KEY": "other"}):
            dd.reset()
            status = post(dd, [envelope(fresh(event))], head,
                          "/api/v2/llmobs", dd.intake_http)
            equal(status, 403, "status without the right key")
            ok(dd.violations(), "not seen: %s" % head)
            equal(dd.spans(), [], "spans with a wrong key")


@test
def sees_what_comes_again(t):
    """A span again is a violation, unless its answer was not seen."""
    event = good_events(t)[0]
    with double(t) as dd:
        for kind, status in (("500", 500), ("429", 429), ("cut-head", None)):
            dd.reset()
            dd.fault(kind, times=1)
            try:
                equal(post(dd, [envelope(event)]), status, "status")
            except (http.client.HTTPException, OSError):
                equal(status, None, "status")
            equal(post(dd, [envelope(event)]), 202, "second status")
            equal(dd.violations(), [], "violations after " + kind)
            post(dd, [envelope(event)])
            ok(dd.violations(), "the third time is not seen")


@test
def does_as_told(t):
    event = good_events(t)[0]
    with double(t) as dd:
        dd.fault("marker", marker="hello there")
        equal(post(dd, [envelope(event)]), 400, "status of a marked event")
        dd.fault("limit", spans=2)
        equal(post(dd, [envelope(fresh(event)) for _ in range(3)]), 413,
              "status of three")
        equal(dd.spans(), [], "spans taken")
        equal(post(dd, [envelope(fresh(event)) for _ in range(2)]), 202,
              "status of two")
        for kind in ("reset", "close", "garbage", "hang"):
            dd.fault(kind, times=1)
            try:
                with socket.create_connection(("127.0.0.1", dd.port), 5) as s:
                    s.settimeout(0.3)
                    s.sendall(b"POST %s HTTP/1.1\r\nHost: x\r\n"
                              b"Content-Length: 0\r\n\r\n" % PATH.encode())
                    got = s.recv(99)
            except socket.timeout:
                got = "nothing"
            except ConnectionResetError:
                got = "reset"
            want = {"reset": "reset", "close": b"", "hang": "nothing"}
            ok(got == want.get(kind) or kind == "garbage" and
               got[:4] != b"HTTP" and got, "%s: got %r" % (kind, got))
        equal(len(dd.spans()), 2, "spans taken in the end")
