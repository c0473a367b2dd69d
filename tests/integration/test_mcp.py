"""MCP over Streamable HTTP: calls that only their header shows."""
import hashlib
import json

from harness import curl, equal, ok, tags_of, test

BOTH = "Accept: application/json, text/event-stream"
ID = "sk-mcp-session"
SESSION = "Mcp-Session-Id: " + ID
CONTENT = {"type": "text", "annotations": {}, "meta": {}}


def message(method, number=1, **params):
    return json.dumps({"jsonrpc": "2.0", "id": number, "method": method,
                       "params": params})


def ask(t, text, *headers):
    t.secrets.append(ID)
    options = [word for header in headers for word in ("-H", header)]
    return curl("http://127.0.0.1:%d/mcp" % t.servers.http, text, *options)


def kind_of(span):
    return span["meta"]["span"]["kind"]


def value_of(span, side):
    return json.loads(span["meta"][side]["value"])


@test
def initialize(t):
    span = t.same(ask(t, message("initialize", protocolVersion="2025-06-18"),
                      BOTH), spans=1).only()
    equal(span["name"], "MCP Client Initialize", "name")
    equal(kind_of(span), "task", "kind")
    equal(value_of(span, "output")["serverInfo"]["name"], "sums", "output")
    equal(tags_of(span)["mcp_server_name"], "sums", "server")
    equal(tags_of(span)["mcp_server_version"], "2.1", "server's version")
    equal(span["_call"]["mcp_session"],
          hashlib.sha256(ID.encode()).hexdigest()[:32], "session")


@test
def tool_call(t):
    for more in ({}, {"stream": 1}):
        r = t.same(ask(t, message("tools/call", 7, name="add",
                                  arguments=dict(a=1, **more)), SESSION, BOTH,
                       "MCP-Protocol-Version: 2025-06-18"), spans=1)
        span = r.only()
        equal(span["name"], "MCP Client Tool Call: add", "name")
        equal(kind_of(span), "tool", "kind")
        equal(span["status"], "ok", "status")
        equal(value_of(span, "input"), dict(a=1, **more), "input")
        equal(value_of(span, "output"), {
            "content": [dict(CONTENT, text="3")], "isError": False}, "output")
        equal(tags_of(span)["mcp_tool_kind"], "client", "tool kind")
        equal(tags_of(span)["integration"], "mcp", "integration")
        equal(span["_call"]["rpc_id"], "7", "id")
        ok(span["_call"]["first_chunk_ns"] > 0, "time of the answer")
        ok(span["meta"]["metadata"]["transfer"]["connect_ms"] <=
           span["duration"] / 1e6, "the call lasts from its begin")
        ok(span["meta"]["metadata"]["caller"]["module"] == "curl", "caller")


@test
def session(t):
    """The calls of one process know the server; those of another do not."""
    call = message("tools/call", name="add", arguments={"a": 1})
    first = ask(t, message("initialize"), BOTH)
    names = []
    for argv in (first + ["--next"] + ask(t, call, SESSION)[2:],
                 first + ["--next"] + ask(t, call, "Mcp-Session-Id: b")[2:],
                 ask(t, call, SESSION)):
        spans = t.same(argv, spans=1 + ("--next" in argv)).spans
        names.append([tags_of(s).get("mcp_server_name") for s in spans
                      if kind_of(s) == "tool"])
    equal(names, [["sums"], [None], [None]], "the server's name")


@test
def failures(t):
    for name, kind, text in (("add", "tool_error", "no"),
                             ("else", "-32602", "Unknown tool")):
        span = t.same(ask(t, message("tools/call", name=name, arguments={}),
                          SESSION), spans=1).only()
        equal(span["status"], "error", "status")
        equal(span["meta"]["error"]["type"], kind, "type")
        equal(span["meta"]["error"]["message"], text, "message")


@test
def no_calls(t):
    call = message("tools/call", name="add", arguments={"a": 1})
    notice = json.dumps({"jsonrpc": "2.0",
                         "method": "notifications/initialized"})
    for text, headers in ((call, ()), (call, ("Accept: application/json",)),
                          (call, ("Mcp-Session-Id:",)), (notice, (SESSION,)),
                          (message("ping", name="add"), (SESSION, BOTH)),
                          (message("message/send"), (BOTH,))):
        t.same(ask(t, text, *headers), spans=0)


@test
def each_request_is_told(t):
    r = t.same(ask(t, message("tools/list"), "X-A: b"), spans=0)
    equal(r.log_count("not ours .no known method and path, and no known "
                      "header"), 1, "line of the log")
