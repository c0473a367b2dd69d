"""Links between the calls of an agent, and none between strangers."""
import json
import os
import re
import stat
import subprocess
import threading
import time

from delivery import PATIENT, Living, failing, wait_for
from harness import HERE, LAUNCHER, SECRET, curl, equal, ok, read_spans, test
from otlp_case import Receiver, each_once, otlp
from relays import Relay
from serving import NOBODY, Handler, drained, serving
from test_caller import build

APPS = os.path.join(HERE, "apps")
ID = "call_4kTq8Wb2ZsX0pLm7RvN3"


class Agent(Handler):
    """A model that calls a tool under the id that the request's own model
    names, "tool:ID", is busy for the first requests that say so, "busy:2", and
    else says how many messages it got."""

    def message(self, doc):
        kind, _, what = doc["model"].partition(":")
        if kind != "tool":
            return {"role": "assistant", "content":
                    "You said %d things." % len(doc["messages"])}
        return {"role": "assistant", "content": None, "tool_calls": [
            {"id": what, "type": "function", "function": {
                "name": "weather", "arguments": "{\"city\": \"Oslo\"}"}}]}

    def do_POST(self):
        doc = json.loads(self.read())
        if self.is_busy(doc["model"]):
            time.sleep(0.5)  # those sent at once begin before it answers
            self.answer(b'{"error": {"message": "busy"}}', status=503)
            return
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
            data = json.dumps({
                "model": "other" if doc["model"] == "other-1" else "m", "choices": [
                {"index": 0, "message": message,
                 "finish_reason": "stop"}]}).encode()
        self.answer(data, "text/event-stream" if doc.get("stream")
                    else "application/json")

    def is_busy(self, model):
        kind, _, often = model.partition(":")
        if kind != "busy":
            return False
        with self.server.lock:
            self.server.refused += 1
            return self.server.refused <= int(often)


def agent():
    """The address of such a model."""
    return serving(Agent, "/v1/chat/completions", refused=0,
                   lock=threading.Lock())


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
    """For each span, in their order, what it is linked to: "0" is the first,
    "0:turn" the same as the turn before."""
    order = sorted(spans, key=lambda s: s["start_ns"])
    places = {(s["span_id"], s["trace_id"]): i for i, s in enumerate(order)}
    out = []
    for span in order:
        ends = [dict(x["attributes"]) for x in span.get("span_links", [])]
        kinds = [x.pop("kind", None) for x in ends]
        for kind, end in zip(kinds, ends):
            equal(end, {"from": "input" if kind == "retry_of" else "output",
                        "to": "input"}, "attributes")
        out.append(" ".join(
            "%d" % places[x["span_id"], x["trace_id"]] +
            (":" + kind if kind else "")
            for x, kind in zip(span.get("span_links", []), kinds)))
    return out


def says(text):
    return {"role": "assistant", "content": text}


def user(text):
    return {"role": "user", "content": text}


ASKS = request(USER, model="tool:" + ID)
BRINGS = request(USER, called(ID), result(ID))
# The model above answers so to requests of one message and of three.
HELLO, STORY = "You said 1 things.", "You said 3 things."
TALK = [request(user("Hi")),
        request(user("Hi"), says(HELLO), user("More!")),
        request(user("Hi"), says(HELLO), user("More!"), says(STORY),
                user("And then?"))]
TURNS = ["", "0:turn", "1:turn"]
AGENT = [ASKS, BRINGS, request(
    USER, called(ID), result(ID), says(STORY), USER)]
STEPS = ["", "0", "1:turn"]


@test
def turns_of_one_process(t):
    with agent() as url:
        for more in ({}, {"stream": True}):
            for bodies, want in ((TALK, TURNS), (AGENT, STEPS)):
                some = [json.dumps(dict(json.loads(b), **more))
                        for b in bodies]
                run = t.run(turns(url, *some))
                equal(links_of(run.spans), want, "links %s" % more)
                run = t.run(["php", os.path.join(APPS, "calls.php"), "easy",
                             url] + some)
                equal(links_of(run.spans), want, "links of PHP %s" % more)


def one_by_one(t, commands, **env):
    """Each command in a process of its own; gives the links of all."""
    env = dict(PATIENT, **env)
    for i, argv in enumerate(commands):
        run = t.run(argv, env=env, keep=i > 0)
    return run


@test
def turns_of_many_processes(t):
    program = build(t, "agent")
    with agent() as url:
        for bodies, want in ((TALK, TURNS), (AGENT, STEPS)):
            for make in (lambda b: curl(url, b),
                         lambda b: ["php", os.path.join(APPS, "calls.php"),
                                    "easy", url, b],
                         lambda b: [program, "easy", url, b]):
                for env in ({}, {"LLMOBS_THREAD": "off"},
                            {"LLMOBS_CONTENT": "off"}):
                    run = one_by_one(t, [make(b) for b in bodies], **env)
                    equal(links_of(run.spans), want,
                          "links %s" % make("")[:2])
        path = os.path.join(t.dir, "store", "spool",
                            "links.%d" % os.geteuid())
        equal(stat.S_IMODE(os.stat(path).st_mode), 0o600, "mode")
        with open(path, "rb") as f:
            data = f.read()
        for word in (b"Oslo", ID.encode(), b"weather", SECRET.encode(),
                     b"127.0.0.1"):
            ok(word not in data, "no word of %r is in the file" % word)
        out = subprocess.run([os.path.join(t.build, "llmobs"), "purge",
                              "--yes"], env=t.environment(True, {}),
                             capture_output=True)
        equal((out.returncode, os.path.exists(path)), (0, False), "purge")


def otlp_links_of(spans):
    """The same of spans by OTLP: a link names its span by trace and span id, in
    hex. The link of a tool's result has no kind."""
    order = sorted(spans, key=lambda s: int(s["startTimeUnixNano"]))
    places = {(s["traceId"], s["spanId"]): i for i, s in enumerate(order)}
    return [" ".join("%d" % places[x["traceId"], x["spanId"]] + "".join(
        ":" + a["value"]["stringValue"] for a in x.get("attributes", [])
        if a["key"].endswith("kind")) for x in span.get("links", []))
        for span in order]


@test
def turns_by_otlp(t):
    """A process a turn, and no store: each link resolves among what the
    receiver got, an inferred tool's and those within a caller's trace, too."""
    program = build(t, "agent")
    trace = "%032x" % 0x1234abcd5678
    joined = {"TRACEPARENT": "00-%s-00f067aa0ba902b7-01" % trace}
    inferred = ["", "0", "1 0:turn", "2:turn"]
    with agent() as url:
        for make, bodies, want, env in (
                (lambda b: curl(url, b), TALK, TURNS, {}),
                (lambda b: curl(url, b), AGENT, STEPS, joined),
                (lambda b: curl(url, b), AGENT, inferred, dict(
                    joined, LLMOBS_TOOLS="inferred")),
                (lambda b: [program, "easy", url, b], AGENT, inferred, {
                    "LLMOBS_TOOLS": "inferred"})):
            with Receiver() as receiver:
                one_by_one(t, [make(b) for b in bodies],
                           **otlp(receiver, **env))
                spans = receiver.wait_spans(len(want), 20)
                each_once(receiver, len(want))
                equal(otlp_links_of(spans), want, "links by OTLP %s" % env)
                equal({s["traceId"] for s in spans} == {trace},
                      "TRACEPARENT" in env, "one trace")
                ok(SECRET not in json.dumps(spans), "the key")


@test
def turns_beside_a_relay(t):
    with agent() as url:
        for bodies, want in ((TALK, TURNS), (AGENT, STEPS)):
            t.fresh(None)
            with Relay(t, {}) as relay:
                for body in bodies:
                    t.run(curl(url, body), keep=True)
                ok(wait_for(lambda: len(read_spans(os.path.join(
                    t.dir, "store"))) == 3, 20), "three spans")
                relay.end()
            equal(links_of(read_spans(os.path.join(t.dir, "store"))), want,
                  "links")


@test
def turns_that_are_drained(t):
    """No agent listens: the calls wait in the spool."""
    far = dict(NOBODY, LLMOBS_EXIT_FLUSH_MS="0")
    with agent() as url:
        for bodies, want in ((TALK, TURNS), (AGENT, STEPS)):
            one_by_one(t, [curl(url, b) for b in bodies], **far)
            equal(links_of(drained(t, far)), want, "links")


@test
def turns_of_killed_processes(t):
    """Nobody but the drainer sees their calls, in the order of their making."""
    with agent() as url:
        for bodies, want in ((TALK, TURNS), (AGENT, STEPS)):
            for i, data in enumerate(bodies):
                with Living(t, NOBODY, url=url, keep=i > 0) as app:
                    app.post(data)
                    app.kill()
            equal(links_of(drained(t, NOBODY)), want, "links")


@test
def a_full_disk_takes_no_links(t):
    """A process knows its own calls then, and those of no other; each call is a
    span all the same."""
    env = failing(t, path="/links.", BAD_BEYOND="1")
    with agent() as url:
        run = one_by_one(t, [curl(url, b) for b in TALK], **env)
        equal(links_of(run.spans), ["", "", ""], "links of many processes")
        run = t.run(turns(url, *TALK), env=env)
        equal(links_of(run.spans), TURNS, "links of one")
        run = one_by_one(t, [curl(url, b) for b in TALK])
        equal(links_of(run.spans), TURNS, "links after that")


def talk_of(i):
    """The conversation above, begun by another."""
    return [b.replace('"Hi"', '"Hi, I am number %d"' % i) for b in TALK]


@test
def many_write_links_at_once(t):
    """Where two want one place of the file, a link may be missing: none leads
    to another's call, and no span is lost."""
    talks = 12
    t.fresh(None)
    with agent() as url:
        asked = [threading.Thread(target=lambda i=i: [subprocess.run(
            [LAUNCHER, *curl(url, data)], env=t.environment(True, {}),
            stdout=subprocess.DEVNULL, check=True) for data in talk_of(i)])
            for i in range(talks)]
        for thread in asked:
            thread.start()
        for thread in asked:
            thread.join()
    spans = read_spans(os.path.join(t.dir, "store"))
    equal(len(spans), 3 * talks, "spans")
    whole = 0
    for i in range(talks):
        mine = [s for s in spans if "number %d\"" % i in json.dumps(
            s["meta"]["input"])]
        equal(len(mine), 3, "spans of number %d" % i)
        found = links_of(mine) # fails where one leads elsewhere
        ok(all(x in ("", y) for x, y in zip(found, TURNS)),
           "links of number %d: %r" % (i, found))
        whole += found == TURNS
    ok(whole >= talks // 2, "%d of %d have all links" % (whole, talks))


@test
def no_link_between_strangers(t):
    key = ["-H", "x-api-key: Zyx7other"]
    calls = request(USER, called(ID, "mail"), result(ID))
    more = user("More!")
    with agent() as url, agent() as other:
        for why, asks, brings in (
                ("another key", ASKS, (BRINGS, key)),
                ("a key at all", (ASKS, key), BRINGS),
                ("another host", ASKS, (BRINGS, [], other)),
                ("another user", ASKS, request(
                    USER, called(ID), result(ID), user="b")),
                ("another tool", ASKS, calls),
                ("a key in the URL", ASKS, (BRINGS, [], url + "?key=b")),
                ("a weak id alone", request(USER, model="tool:call_1"),
                 request(result("call_1"))),
                ("another user of libcurl's", ASKS, (
                    BRINGS, ["-u", "a:Zyx7other"])),
                ("another bearer of libcurl's", (
                    TALK[0], ["--oauth2-bearer", "a"]), (
                        TALK[1], ["--oauth2-bearer", "b"])),
                ("another key's turn", TALK[0], (TALK[1], key)),
                ("another host's turn", TALK[0], (TALK[1], [], other)),
                ("another user's turn", TALK[0], request(
                    user("Hi"), says(HELLO), more, user="b")),
                ("another model's turn", TALK[0], request(
                    user("Hi"), says(HELLO), more, model="other-1")),
                ("another answer", TALK[0], request(
                    user("Hi"), says("No."), more)),
                ("another beginning", TALK[0], request(
                    {"role": "system", "content": "x"}, user("Hi"),
                    says(HELLO), more)),
                ("no answer yet", TALK[0], request(user("Hi"), more)),
                ("a success", TALK[0], TALK[0])):
            run = t.run(turns(url, asks, brings))
            equal(links_of(run.spans), ["", ""], why)
            equal([x for s in run.spans for x in s["tags"]
                   if x.startswith("conversation_id")], [], why)
            for text in (json.dumps(run.spans), run.log):
                ok("Zyx7other" not in text, "the key is nowhere")
        for why, first, last in (("a reused id", ASKS, BRINGS),
                                 ("an equal beginning", TALK[0], TALK[1])):
            run = t.run(turns(url, first, first, last))
            equal(links_of(run.spans), ["", "", ""], why)
            run = one_by_one(t, [curl(url, b) for b in (first, first, last)])
            equal(links_of(run.spans), ["", "", ""], why)


@test
def branches_and_edits(t):
    edit = request(user("Hi"), says(HELLO), user("Less!"))
    with agent() as url:
        run = t.run(turns(url, TALK[0], TALK[1], edit, TALK[2], TALK[1]))
        equal(links_of(run.spans), ["", "0:turn", "0:turn", "1:turn",
                                    "0:turn"], "links")
        first = min(run.spans, key=lambda s: s["start_ns"])
        for span in run.spans:
            tags = [x for x in span["tags"] if "conversation_id" in x]
            equal(tags, [] if span is first else
                  ["conversation_id:" + first["span_id"]], "tags")
        out = subprocess.run([os.path.join(t.build, "llmobs"), "view"],
                             env=t.environment(True, {}), text=True,
                             capture_output=True).stdout
        said = re.findall(r"turn (\d) of (\d)", out)
        equal(said, [(n, "3") for n in "12232"], out)
        run = t.run(turns(url, *TALK), env={"LLMOBS_STITCH": "off"})
        equal(links_of(run.spans), ["", "", ""], "links without stitching")
        run = t.run(turns(url, *TALK), env={"LLMOBS_STITCH": "session"})
        equal(links_of(run.spans), TURNS, "links")
        first = min(run.spans, key=lambda s: s["start_ns"])["span_id"]
        equal([s.get("session_id") for s in run.spans], [first] * 3,
              "sessions")
        run = t.run(turns(url, *TALK), env={"LLMOBS_STITCH": "session",
                                            "LLMOBS_SESSION_ID": "mine"})
        equal([s.get("session_id") for s in run.spans], ["mine"] * 3,
              "sessions of the program's own")


@test
def retries_link_to_failures(t):
    busy = request(USER, model="busy:1")
    with agent() as url:
        run = one_by_one(t, [curl(url, busy), curl(url, busy),
                             curl(url, busy)])
        equal(links_of(run.spans), ["", "0:retry_of", ""], "processes")
    with agent() as url:
        run = t.run(turns(url, busy, busy, busy))
        equal(links_of(run.spans), ["", "0:retry_of", ""], "one process")
    with agent() as url:
        run = t.run(turns(url, busy, request(USER, model="busy:1 ")))
        equal(links_of(run.spans), ["", ""], "other bytes")


class Tools(Handler):
    """A tool of MCP that is busy at first."""

    def do_POST(self):
        doc = json.loads(self.read())
        self.server.asked += 1
        self.answer(json.dumps({
            "jsonrpc": "2.0", "id": doc["id"], "result": {"content": []}
        }).encode(), status=503 if self.server.asked == 1 else 200)


@test
def calls_that_their_header_shows(t):
    """Their credentials are read before the disk has anything of them, also
    those of the first call of a process."""
    call = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call",
                       "params": {"name": "add"}})
    with serving(Tools, "/mcp", asked=0) as url:
        both = [curl(url, call, "-H", "Mcp-Session-Id: a")] * 2
        run = one_by_one(t, both)
        equal(links_of(run.spans), ["", "0:retry_of"], "processes")
    with serving(Tools, "/mcp", asked=0) as url:
        request = call, ["-H", "Mcp-Session-Id: a"]
        run = t.run(turns(url, request, request))
        equal(links_of(run.spans), ["", "0:retry_of"], "one process")


@test
def twins_have_no_links(t):
    """Equal requests at the same time, as a pool of workers sends them."""
    for body in (TALK[0], ASKS, request(USER, model="busy:2")):
        with agent() as url:
            one = [a for i, a in enumerate(curl(url, body)) if i != 1]
            run = t.run(["curl", "-q", "-Z", "--parallel-immediate"] +
                        one[1:] + [url] * 7)
            equal(links_of(run.spans), [""] * 8, "links of %s" % body)
