"""Clients of MCP in C and PHP, over every version of the protocol: what each
message becomes, and that nobody notices."""
import hashlib
import json
import os

from harness import APPS, TRACE_LINE, compiled, equal, tags_of, test
from mcp_server import PICTURE, SERVER, STATE, McpServer, session_of
from test_links import links_of

OLD, FIRST, SECOND, THIRD, NOW = ALL = (
    "2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28")
PART = {"annotations": {}, "meta": {}}
PREFIX = "io.modelcontextprotocol/"


class Span:
    """The span that a message becomes; `later`: that of the request which
    brings its answer."""

    def __init__(self, kind, name, given, got, error=None, later=None, **call):
        self.kind, self.name, self.given, self.got = kind, name, given, got
        self.error = error
        self.later = later
        self.call = call


def request(method, number, **params):
    doc = {"jsonrpc": "2.0", "id": number, "method": method}
    return dict(doc, params=params) if params else doc


def texts(*words, failed=False):
    return {"content": [dict(PART, type="text", text=w) for w in words],
            "isError": failed}


def added(total):
    """The server's text is no JSON object, so the value stands beside it."""
    return dict(texts(str(total)), structuredContent={"sum": total})


def task(method, title, got, number=1, target="", **params):
    """A request of another method than a tool's."""
    return method, target, request(method, number, **params), Span(
        "task", "MCP Client " + title, params, got, rpc_id=str(number),
        mcp_method=method)


def call(name, got, number=2, error=None, span=True, more=None, later=None,
         **arguments):
    params = dict(more or {}, name=name, arguments=arguments)
    return "tools/call", name, request("tools/call", number, **params), \
        span and Span("tool", "MCP Client Tool Call: " + name, arguments, got,
                      error, later, rpc_id=str(number),
                      mcp_method="tools/call", mcp_target=name)


def batch(requests, answers, error, *others):
    return "batch", "", requests + list(others), Span(
        "task", "MCP Client Batch", requests, answers, error)


def notice(method):
    return method, "", {"jsonrpc": "2.0", "method": method}, None


def hello(version):
    got = {"protocolVersion": version, "capabilities": {"tools": {}},
           "serverInfo": SERVER}
    return [task("initialize", "Initialize", got, protocolVersion=version,
                 capabilities={}, clientInfo={"name": "it", "version": "1"}),
            notice("notifications/initialized")]


LIST = {"tools": [{"name": "add", "inputSchema": {"type": "object"}}]}
DRAWN = {"content": [
    dict(PART, type="image", mimeType="image/png"),
    dict(PART, type="resource_link", name="a.txt", uri="file:///a.txt"),
    dict(PART, type="resource", uri="file:///b.png", mimeType="image/png")],
    "isError": False}


def common(version):
    """The messages of every version with Streamable HTTP."""
    return [
        task("tools/list", "list Tools", LIST, number="list-1"),
        call("add", added(3), 2, a=1, b=2),
        call("add", added(7), "c-3", a=3, b=4, how="sse"),
        call("héllo", texts("Grüße, 世界 🌍"), 4, how="sse"),
        call("fail", texts("it broke", failed=True), 5,
             ("tool_error", "it broke")),
        call("fail", texts("it broke", failed=True), 6,
             ("tool_error", "it broke"), how="sse"),
        call("nothing", None, 7, ("-32602", "Unknown tool")),
        call("nothing", None, 8, ("-32602", "Unknown tool"), how="sse"),
        call("draw", DRAWN, 9),
        call("crash", None, 10, ("http_500", "HTTP 500")),
        call("gone", None, 11, ("-32001", "Session not found")),
        call("door", None, 12, ("http_401", "HTTP 401")),
        task("prompts/get", "Get Prompt: sum", {"messages": [
            {"role": "user", "content": {"type": "text", "text": "Add up"}}]},
            13, "sum", name="sum"),
        task("resources/read", "Read Resource", {"contents": [
            {"uri": "file:///b.png", "mimeType": "image/png"}]}, 14,
            "file:///b.png", uri="file:///b.png"),
        ("tools/frob", "", request("tools/frob", 15), None),
        ("ping", "", request("ping", 16), None),
        ("", "", {"jsonrpc": "2.0", "id": 2, "result": {}}, None),
        notice("notifications/cancelled")]


def batches():
    sums = [request("tools/call", i, name="add", arguments={"a": i})
            for i in (21, 22)]
    answers = [{"jsonrpc": "2.0", "id": i, "result": dict(
        structuredContent={"sum": i}, content=[
            {"type": "text", "text": str(i)}])} for i in (22, 21)]
    bad = [request("tools/list", 23), request(
        "tools/call", 24, name="fail", arguments={})]
    failed = [{"jsonrpc": "2.0", "id": 24, "result": {"isError": True,
               "content": [{"type": "text", "text": "it broke"}]}},
              {"jsonrpc": "2.0", "id": 23, "result": LIST}]
    sse = [request("tools/call", i, name="add",
                   arguments={"a": i, "how": "apart"}) for i in (21, 22)]
    return [
        batch(sums, answers, None, {"jsonrpc": "2.0", "method": "notify"}),
        batch(bad, failed, ("tool_error", "it broke")),
        batch(sse, answers, None),
        ("batch", "", [{"jsonrpc": "2.0", "method": "notify"}], None)]


def messages_of(version):
    if version == OLD:
        # The answers come by another request, so there is nothing to tell.
        return [m[:3] + (None,) for m in hello(OLD) + [
            task("tools/list", "", None), call("add", None, a=1)]]
    if version == FIRST:
        return hello(version) + common(version) + batches()
    if version == SECOND:
        return hello(version) + common(version)
    if version == THIRD:
        return hello(version) + common(version) + [
            call("add", None, 30, a=1, how="later", later=Span(
                "task", "MCP Client Resume", None, added(1), rpc_id="30"))]
    asked = {"resultType": "input_required",
             "inputRequests": {"day": {"method": "elicitation/create"}}}
    return [task("server/discover", "Discover",
                 {"supportedVersions": [NOW], "capabilities": {"tools": {}}})
            ] + common(version) + [
        call("ask", asked, 40), call("ask", texts("booked"), 41, more={
            "requestState": STATE, "inputResponses": {"day": {}}})]


def plain(version, messages):
    """The messages with what 2026-07-28 has in each, and without its fields in
    a value of a span."""
    for method, name, body, want in messages:
        if version == NOW and isinstance(body, dict) and "id" in body \
                and "method" in body:
            params = dict(body.get("params", {}), _meta={
                PREFIX + "protocolVersion": NOW,
                PREFIX + "clientInfo": {"name": "it", "version": "1"}})
            body = dict(body, params=params)
        yield method, name, json.dumps(body), want


def script():
    return [(version,) + m for version in ALL
            for m in plain(version, messages_of(version))]


def sent(requests):
    """As a server sees them, but for the library's own fields."""
    return [(r[0], r[1], TRACE_LINE.sub("", r[2].replace("\n", "\r\n")), r[3])
            for r in requests]


def speak(t, argv):
    """The program bare and observed, each with a server of its own; gives the
    observed run."""
    lines = "".join("\t".join(row[:4]) + "\n" for row in script())
    runs = []
    for preload in False, True:
        with McpServer() as server:
            run = t.run(argv + [server.url], preload=preload,
                        stdin=lines.encode())
            port = server.url.rsplit(":", 1)[1]
            runs.append((run, [tuple(
                x.replace(port, "PORT") if isinstance(x, str) else x
                for x in r) for r in sent(server.seen)]))
    (bare, asked), (ours, asked_ours) = runs
    equal((bare.code, bare.stderr), (0, b""), "the bare program's end")
    equal((ours.code, ours.stderr), (0, b""), "its end")
    equal(ours.stdout, bare.stdout, "what it prints")
    equal(asked_ours, asked, "what the server got")
    return ours


def value_of(span, side):
    text = span["meta"].get(side, {}).get("value")
    return None if text is None else json.loads(text)


def check(version, want, span):
    what = "%s of %s" % (want.name, version)
    error = span["meta"].get("error")
    tags = tags_of(span)
    equal((span["name"], span["meta"]["span"]["kind"]),
          (want.name, want.kind), what)
    equal(error and (error["type"], error["message"]), want.error,
          what + ": error")
    given = want.given
    if want.kind == "task" and isinstance(given, dict):
        given = {k: v for k, v in given.items() if k != "_meta"}
    equal(value_of(span, "input"), given, what + ": input")
    got = value_of(span, "output")
    if isinstance(got, dict) and want.kind == "task":
        got = {k: v for k, v in got.items() if k not in ("_meta", "resultType")}
    equal(got, want.got, what + ": output")
    for name, value in want.call.items():
        equal(span["_call"].get(name), value, what + ": " + name)
    protocol = None if version == FIRST else version
    if want.name == "MCP Client Initialize":
        protocol = version
    equal(span["_call"].get("mcp_protocol"), protocol, what + ": version")
    session = hashlib.sha256(session_of(version).encode()).hexdigest()[:32]
    equal(span["_call"].get("mcp_session"),
          None if version == NOW else session, what + ": session")
    if version != NOW or (want.got and not want.error):
        equal([tags.get("mcp_server_" + k) for k in ("name", "version")],
              [SERVER["name"], SERVER["version"]], what + ": server")
    equal(tags.get("mcp_tool_kind"),
          "client" if want.kind == "tool" else None, what + ": tool kind")


def check_all(t, argv):
    t.secrets += [PICTURE, STATE] + [session_of(v) for v in ALL]
    run = speak(t, argv)
    wanted = [(row[0], span) for row in script() if row[4]
              for span in (row[4], row[4].later) if span]
    equal([s["name"] for s in run.spans], [w.name for _, w in wanted], "names")
    for (version, want), span in zip(wanted, run.spans):
        check(version, want, span)
    first, = [i for i, (_, want) in enumerate(wanted) if want.later]
    links = [""] * len(wanted)
    links[first + 1] = "%d:job" % first
    equal(links_of(run.spans), links, "links")


@test
def in_php(t):
    check_all(t, ["php", os.path.join(APPS, "mcp.php")])


@test
def in_c(t):
    check_all(t, [compiled(t, "mcp", "-O2", os.path.join(APPS, "mcp.c"),
                           "-lcurl")])
