"""Answers of MCP that come by another request than the one that asked: a stream
that is taken up again by its last event's id."""
import json
import os

from harness import PYTHON, curl, equal, ok, test
from serving import Handler, serving
from test_links import links_of, one_by_one, turns
from test_mcp import BOTH, CONTENT, kind_of, message, value_of
from test_mcp_tasks import headers, in_order

NOW = "MCP-Protocol-Version: 2025-11-25"
SESSION = "Mcp-Session-Id: sk-resumed"
OUTPUT = {"content": [dict(CONTENT, text="late")], "isError": False}
HANGS = 10 ** 6  # bytes of an answer that do not come
CALL = ["MCP Client Tool Call: add"]
LATE = CALL + ["MCP Client Resume"]


class Later(Handler):
    """Lets go of each call's stream, or breaks it off where the tool says so. An
    event's id says what a GET from there on brings; one without it gets an
    answer, too, which the protocol forbids."""

    def stream(self, *events, more=0):
        data = "".join(
            "%sdata: %s\n\n" % ("id: e\n", json.dumps(e) if e else "")
            for e in events).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Content-Length", str(len(data) + more))
        self.end_headers()
        self.wfile.write(data)
        if more == HANGS:
            self.rfile.read(1)
        self.close_connection = more > 0

    def do_POST(self):
        doc = json.loads(self.read())
        broken = doc["params"].get("name") == "broken"
        self.stream(None, more=100 if broken else 0)

    def do_GET(self):
        note = {"jsonrpc": "2.0", "method": "notifications/message"}
        place = self.headers["Last-Event-ID"] or "answer-1"
        what, _, number = place.partition("-")
        if what != "answer":
            self.stream(note, more=HANGS if what == "hang" else 0)
        else:
            self.stream(note, {"jsonrpc": "2.0", "id": int(number), "result": {
                "content": [{"type": "text", "text": "late"}]}})


def later():
    return serving(Later, "/mcp")


def asks(number=1, *lines, name="add"):
    return message("tools/call", number, name=name, arguments={}), \
        headers(*(lines or (SESSION, NOW)))


def takes_up(url, what, *lines):
    """A GET from that event on."""
    fields = ("Accept: text/event-stream", "Last-Event-ID: " + what) + (
        lines or (SESSION, NOW))
    return None, [w for line in fields for w in ("-H", line)], url


def names_of(spans):
    return [s["name"] for s in in_order(spans)]


@test
def a_stream_that_is_polled(t):
    """The first requests that go on with it bring nothing: they are no calls."""
    t.secrets.append("sk-resumed")
    with later() as url:
        spans = t.run(turns(url, asks(), takes_up(url, "wait-1"),
                            takes_up(url, "wait-2"),
                            takes_up(url, "answer-1"))).spans
        equal(names_of(spans), LATE, "names")
        equal(links_of(spans), ["", "0:job"], "links")
        call, late = in_order(spans)
        equal([kind_of(s) for s in (call, late)], ["tool", "task"], "kinds")
        equal([call["status"], late["status"]], ["ok", "ok"], "status")
        ok("value" not in call["meta"].get("output", {}), "the call's output")
        equal(value_of(late, "output"), OUTPUT, "the answer")
        equal(late["_call"]["rpc_id"], "1", "id")


@test
def a_stream_that_broke(t):
    with later() as url:
        run = t.run(turns(url, asks(name="broken"),
                          takes_up(url, "answer-1")))
        equal(names_of(run.spans), ["MCP Client Tool Call: broken", LATE[1]],
              "names")
        equal(links_of(run.spans), ["", "0:job"], "links")
        equal([s["status"] for s in in_order(run.spans)], ["error", "ok"],
              "status")


@test
def answers_to_others(t):
    with later() as url, later() as other:
        for why, want, requests in (
                ("request", LATE, [asks(1), takes_up(url, "answer-2")]),
                ("session", LATE, [asks(1), takes_up(
                    url, "answer-1", "Mcp-Session-Id: another", NOW)]),
                ("no session", LATE, [asks(1, NOW), takes_up(
                    url, "answer-1", NOW)]),
                ("host", LATE, [asks(1), takes_up(other, "answer-1")]),
                ("key", LATE, [asks(1), takes_up(
                    url, "answer-1", SESSION, NOW, "X-Api-Key: Zyx7other")]),
                ("two", CALL + LATE, [asks(1), asks(1),
                                      takes_up(url, "answer-1")])):
            spans = t.run(turns(url, *requests)).spans
            equal(names_of(spans), want, why)
            equal(links_of(spans), [""] * len(want), why)


@test
def no_calls(t):
    """A listener, a browser's stream, and all of a process that asked nothing."""
    listens = takes_up("", "x")[1][:2] + ["-H", SESSION, "-H", NOW]
    with later() as url:
        for why, requests in (
                ("listener", [(None, listens, url)]),
                ("empty place", [(None, listens + [
                    "-H", "Last-Event-ID:"], url)]),
                ("no field of MCP", [takes_up(url, "answer-1", "X-A: b")]),
                ("no fields", [(None, [], url)]),
                ("HEAD", [(None, takes_up(url, "answer-1")[1] + ["-I"], url)])):
            run = t.run(turns(url, asks(), *requests))
            equal(names_of(run.spans), CALL, why)
        run = t.run(turns(url, takes_up(url, "answer-1")))
        equal(names_of(run.spans), [], "it asked nothing")


@test
def a_rule_for_other_processes(t):
    """A rule says that a GET of this path counts in each process."""
    rules = os.path.join(t.dir, "rules.json")
    with later() as url:
        with open(rules, "w") as f:
            json.dump([{"host": "127.0.0.1", "path": "/mcp", "method": "GET",
                        "dialect": "mcp", "operation": "resume"}], f)
        run = one_by_one(t, [turns(url, r) for r in (
            asks(), takes_up(url, "wait-1"), takes_up(url, "answer-1"))],
            LLMOBS_RULES=rules)
        equal(names_of(run.spans), LATE, "names")
        equal(links_of(run.spans), ["", "0:job"], "links")


@test
def a_process_that_is_killed_as_it_waits(t):
    with later() as url:
        waits = takes_up(url, "hang-1")
        waits[1].append("-N")
        t.run(turns(url, asks(), waits), kill_after=b"notifications/message",
              check=False)
        run = t.run(curl(url, asks()[0], "-H", BOTH), keep=True)
        equal(names_of(run.spans), CALL * 2, "names")


class Patient(Later):
    """Answers a call with a stream that goes on, and a notice at once."""

    def do_POST(self):
        if "id" in json.loads(self.read()):
            self.stream(None, more=HANGS)
            return
        self.send_response(202)
        self.send_header("Content-Length", "0")
        self.end_headers()


CANCELS = """import http.client, json, os, sys
port, mine, theirs, session, other, forks = sys.argv[1:]


def post(session, method, params, **more):
    c = http.client.HTTPConnection("127.0.0.1", int(port))
    c.request("POST", "/mcp", json.dumps(dict(
        method=method, params=params, jsonrpc="2.0", **more)), {
        "Content-Type": "application/json", "MCP-Protocol-Version": "2025-11-25",
        "Accept": "application/json, text/event-stream",
        **({"Mcp-Session-Id": session} if session else {})})
    return c, c.getresponse()


call = post(session, "tools/call", {"name": "where", "arguments": {
    "id": 3, "text": 'a"},{b'}}, id=json.loads(mine))
call[1].readline()
child = os.fork() if forks else 0
if not child:
    post(other, "notifications/cancelled", {
        "requestId": json.loads(theirs), "reason": "took too long"})[1].read()
if forks and not child:
    os._exit(0)
if forks:
    os.waitpid(child, 0)
call[1].close()
call[0].close()"""


@test
def a_call_that_is_cancelled(t):
    """Its client's notice ends its span, with the reason, and no other call's."""
    with serving(Patient) as url:
        port = url.rsplit(":", 1)[1]
        for why, words, ends in (
                ("a number", ("3", "3", "s", "s", ""), True),
                ("a text", ('"3-a"', '"3-a"', "s", "s", ""), True),
                ("another id", ("3", "4", "s", "s", ""), False),
                ("no text", ("3", '"3"', "s", "s", ""), False),
                ("another session", ("3", "3", "s", "z", ""), False),
                ("no session", ("3", "3", "", "", ""), False),
                ("a child", ("3", "3", "s", "s", "1"), False)):
            run = t.run([PYTHON, "-c", CANCELS, port, *words])
            equal(run.code, 0, "%s: %r" % (why, run.stderr))
            error = run.only()["meta"]["error"]
            equal((error["type"] == "cancelled",
                   error["message"] == "took too long"), (ends, ends), why)
