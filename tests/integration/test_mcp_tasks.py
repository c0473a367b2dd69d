"""Tools of MCP that go on behind their call, as tasks: the requests that ask for
one are linked to the call that began it, and to no other."""
import json

from harness import equal, ok, test
from serving import Handler, serving
from test_links import links_of, one_by_one, turns
from test_mcp import BOTH, CONTENT, kind_of, message, value_of

NOW = "MCP-Protocol-Version: 2025-11-25"
LATER = "MCP-Protocol-Version: 2026-07-28"
RESULT = {"content": [{"type": "text", "text": "3"}], "isError": False}
OUTPUT = {"content": [dict(CONTENT, text="3")], "isError": False}
LINKS = ["", "0:job", "0:job"]


class Tasks(Handler):
    """A task whose id is the name of the tool: done when it is asked for."""

    def task(self, name, status):
        return {"taskId": name, "status": status, "ttl": 60000}

    def result(self, method, params, late):
        if method == "tools/call":
            task = self.task(params["name"], "working")
            return dict(task, resultType="task") if late else {"task": task}
        if method == "tasks/result":
            return RESULT
        if method == "tasks/cancel":
            return self.task(params["taskId"], "cancelled")
        task = self.task(params["taskId"], "completed")
        return dict(task, resultType="complete", result=RESULT) if late \
            else task

    def do_POST(self):
        doc = json.loads(self.read())
        late = self.headers["MCP-Protocol-Version"] > "2026"
        text = json.dumps({"jsonrpc": "2.0", "id": doc["id"],
                           "result": self.result(doc["method"], doc["params"],
                                                 late)}).encode()
        if doc["params"].get("_meta"):
            self.answer(b"id: 1\ndata:\n\ndata: " + text + b"\n\n",
                        "text/event-stream")
        else:
            self.answer(text)


def headers(*lines):
    return [word for line in (BOTH,) + lines for word in ("-H", line)]


def begins(name, *lines, **more):
    return (message("tools/call", 1, name=name, arguments={}, **more),
            headers(*lines))


def asks(method, name, *lines, **more):
    return message(method, 2, taskId=name, **more), headers(*lines)


def both(t, url, *requests):
    """The spans of the requests by one process, then by one for each."""
    yield t.run(turns(url, *requests)).spans
    yield one_by_one(t, [turns(url, r) for r in requests]).spans


def in_order(spans):
    return sorted(spans, key=lambda s: s["start_ns"])


@test
def a_task_of_a_session(t):
    session = ("Mcp-Session-Id: sk-tasks", NOW)
    t.secrets.append("sk-tasks")
    with serving(Tasks, "/mcp") as url:
        for name, more in ("a1", {}), ("a2", {"_meta": {"x": 1}}):
            for spans in both(
                    t, url, begins(name, *session, task={}, **more),
                    asks("tasks/get", name, *session, **more),
                    asks("tasks/result", name, *session, **more)):
                equal(links_of(spans), LINKS, "links")
                equal([(s["name"], kind_of(s)) for s in in_order(spans)], [
                    ("MCP Client Tool Call: " + name, "tool"),
                    ("MCP Client Get Task", "task"),
                    ("MCP Client Task Result", "task")], "spans")
                equal([s["meta"]["metadata"]["task_id"] for s in spans],
                      [name] * 3, "the task")
                call, poll, end = in_order(spans)
                equal(call["meta"]["metadata"]["status"], "working", "status")
                equal(value_of(end, "output"), OUTPUT, "the tool's value")
                equal([RESULT["content"][0]["text"] in
                       s["meta"]["output"]["value"] and "content" in
                       s["meta"]["output"]["value"] for s in (call, poll)],
                      [False, False], "it is there once")
                t.fresh(None)


@test
def a_task_without_a_session(t):
    with serving(Tasks, "/mcp") as url:
        for spans in both(t, url, begins("b", LATER),
                          asks("tasks/get", "b", LATER),
                          asks("tasks/cancel", "b", LATER)):
            equal(links_of(spans), LINKS, "links")
            equal(value_of(in_order(spans)[1], "output")["result"], RESULT,
                  "the tool's value")
            t.fresh(None)


@test
def a_task_of_another(t):
    one, two = ("Mcp-Session-Id: one", NOW), ("Mcp-Session-Id: two", NOW)
    key = ("Authorization: Bearer Zyx7other",)
    with serving(Tasks, "/mcp") as url, serving(Tasks, "/mcp") as other:
        for why, requests in (
                ("session", [begins("c", *one), asks("tasks/get", "c", *two)]),
                ("host", [begins("d", *one),
                          asks("tasks/result", "d", *one) + (other,)]),
                ("key", [begins("e", *one),
                         asks("tasks/get", "e", *one, *key)]),
                ("task", [begins("f", *one), asks("tasks/get", "g", *one)]),
                ("of two", [begins("h", *one), begins("h", *one),
                            asks("tasks/get", "h", *one)])):
            for spans in both(t, url, *requests):
                equal(links_of(spans), [""] * len(requests), why)
                ok("job" not in json.dumps(spans), why)
                t.fresh(None)
