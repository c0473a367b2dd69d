"""Jobs that go on behind their call, and the calls that ask for them: one of
these has the tokens, and no other."""
import collections
import contextlib
import json
import os
import subprocess
import threading
import time

from delivery import wait_for
from harness import equal, ok, read_spans, test
from relays import Relay
from serving import NOBODY, Handler, drained, serving
from test_links import links_of, one_by_one, turns

USAGE = {"input_tokens": 11, "output_tokens": 4, "total_tokens": 15}


class Jobs(Handler):
    """OpenAI's responses, whose id is "resp_" and the request's input; and the
    same of Gemini's interactions and of Replicate's predictions. One in the
    background has ended when it is asked for the second time."""

    def response(self, name, status, usage):
        return {"id": name, "object": "response", "model": "gpt-test",
                "status": status, "usage": usage, "output": [{
                    "type": "message", "role": "assistant", "content": [
                        {"type": "output_text", "text": "done"}]}]
                if usage else []}

    def events(self, *events):
        self.answer(b"".join(
            b"event: %s\ndata: %s\n\n" % (kind.encode(), json.dumps(
                {"type": kind, "response": response}).encode())
            for kind, response in events), "text/event-stream")

    def send(self, name, status, usage):
        self.answer(json.dumps(
            self.response(name, status, usage)).encode())

    def prediction(self, name, status, usage):
        self.answer(json.dumps({
            "id": name, "model": "acme/m", "status": status,
            "output": ["do", "ne"] if usage else None,
            "metrics": {"input_token_count": 11, "output_token_count": 4}
            if usage else {}}).encode())

    def interaction(self, name, status, usage):
        self.answer(json.dumps({
            "id": name, "model": "gemini-x", "status": status, "steps": [],
            "usage": {"total_input_tokens": 11, "total_output_tokens": 4}
            if usage else None}).encode())

    def do_POST(self):
        doc = json.loads(self.read() or b"{}")
        if self.path.endswith("/predictions"):
            self.prediction(doc["input"]["prompt"], "starting", None)
        elif self.path.endswith("/interactions"):
            self.interaction(doc["input"], "in_progress", None)
        elif self.path.endswith("/cancel"):
            self.send(self.path.split("/")[-2], "cancelled", USAGE)
        elif not doc.get("background"):
            self.send("resp_" + doc["input"], "completed", USAGE)
        elif doc.get("stream"):  # it is cut
            self.events(("response.created", self.response(
                "resp_" + doc["input"], "queued", None)))
        else:
            self.send("resp_" + doc["input"], "queued", None)

    def do_GET(self):
        path, _, query = self.path.partition("?")
        name = path.split("/")[-1]
        if "stream" in query:
            self.events(("response.completed", self.response(
                name, "completed", USAGE)))
            return
        self.server.asked[name] += 1
        early = self.server.asked[name] == 1
        if "/predictions/" in path:
            self.prediction(name, "processing" if early else "succeeded",
                            None if early else USAGE)
        elif "/interactions/" in path:
            self.interaction(name, "in_progress" if early else "completed",
                             None if early else USAGE)
        else:
            self.send(name, "in_progress" if early else "completed",
                      None if early else USAGE)


def jobs(handler=Jobs):
    """The address of such responses."""
    return serving(handler, "/v1/responses", asked=collections.Counter())


def begins(name, **more):
    return json.dumps(dict({"model": "gpt-test", "input": name,
                            "background": True}, **more))


def asks(url, name, *headers):
    return (None, list(headers), url + "/resp_" + name)


def commands(url, *requests):
    """Each request as a curl of its own."""
    return [turns(url, request) for request in requests]


def counted(spans):
    """The tokens of each span, in their order."""
    order = sorted(spans, key=lambda s: s["start_ns"])
    return [s["metrics"].get("total_tokens") for s in order]


LINKS = ["", "0:job", "0:job", "0:job"]
TOKENS = [None, None, 15, None]


@test
def polls_of_one_process(t):
    with jobs() as url:
        run = t.run(turns(url, begins("a1"), *[asks(url, "a1")] * 3))
        equal(links_of(run.spans), LINKS, "links")
        equal(counted(run.spans), TOKENS, "tokens")
        equal([(s["name"], s["meta"]["span"]["kind"]) for s in sorted(
            run.spans, key=lambda s: s["start_ns"])],
              [("OpenAI.createResponse", "llm")] +
              [("OpenAI.retrieveResponse", "task")] * 3, "spans")
        out = subprocess.run([os.path.join(t.build, "llmobs"), "view"],
                             env=t.environment(True, {}), text=True,
                             capture_output=True).stdout
        equal(out.count("asks for the job of"), 3, "view")


@test
def polls_of_many_processes(t):
    with jobs() as url:
        for i, env in enumerate(({}, {"LLMOBS_THREAD": "off"},
                                 {"LLMOBS_CONTENT": "off"},
                                 {"LLMOBS_STITCH": "off"})):
            name = "b%d" % i
            run = one_by_one(t, commands(
                url, begins(name, user="ann"), *[asks(url, name)] * 3), **env)
            equal(links_of(run.spans), LINKS, "links %s" % env)
            equal(counted(run.spans), TOKENS, "tokens %s" % env)


@test
def polls_beside_a_relay(t):
    with jobs() as url:
        t.fresh(None)
        store = os.path.join(t.dir, "store")
        with Relay(t, {}) as relay:
            for argv in commands(url, begins("c"), *[asks(url, "c")] * 3):
                t.run(argv, keep=True)
            ok(wait_for(lambda: len(read_spans(store)) == 4, 20),
               "four spans")
            relay.end()
        equal(counted(read_spans(store)), TOKENS, "tokens")


@test
def polls_that_are_drained(t):
    """No agent listens: the calls wait in the spool."""
    far = dict(NOBODY, LLMOBS_EXIT_FLUSH_MS="0")
    with jobs() as url:
        one_by_one(t, commands(url, begins("d"), *[asks(url, "d")] * 3),
                   **far)
        equal(counted(drained(t, far)), TOKENS, "tokens")


def check_both(t, make, want):
    """In one process, then in one for each request."""
    for many in (False, True):
        with jobs() as url:
            requests = make(url)
            run = one_by_one(t, commands(url, *requests)) if many else t.run(
                turns(url, *requests))
        equal(links_of(run.spans), LINKS, "links, many processes: %s" % many)
        equal(counted(run.spans), want, "tokens, many processes: %s" % many)


@test
def a_stream_that_is_resumed(t):
    check_both(t, lambda url: [
        begins("e", stream=True),
        (None, [], url + "/resp_e?stream=true&starting_after=0"),
        asks(url, "e"), asks(url, "e")], [None, 15, None, None])


@test
def a_response_that_is_cancelled(t):
    check_both(t, lambda url: [
        begins("f"), asks(url, "f"), ("", [], url + "/resp_f/cancel"),
        asks(url, "f")], [None, None, 15, None])


@test
def tokens_that_are_not_a_polls(t):
    key = ["-H", "x-api-key: Zyx7other"]
    with jobs() as url, jobs() as other:
        for why, want, requests in (
                ("the call has them", [15, None, None],
                 [begins("g", background=False), asks(url, "g"),
                  asks(url, "g")]),
                ("nobody began it", [None, None],
                 [asks(url, "h"), asks(url, "h")]),
                ("another response", [None, None, None],
                 [begins("i"), asks(url, "j"), asks(url, "j")]),
                ("another key", [None, None, None],
                 [begins("k"), asks(url, "k", *key), asks(url, "k", *key)]),
                ("another host", [None, None, None],
                 [begins("l"), asks(other, "l"), asks(other, "l")])):
            run = t.run(turns(url, *requests))
            equal(counted(run.spans), want, why)
            equal(links_of(run.spans), [""] * len(want), why)
            run = one_by_one(t, commands(url, *requests))
            equal([x for x in counted(run.spans) if x],
                  [x for x in want if x], why + ", many processes")


@test
def a_host_without_the_file(t):
    """Each process knows its own calls only; it counts none of another's."""
    small = {"LLMOBS_SPOOL_MAX": "1000000"}
    with jobs() as url:
        run = one_by_one(t, commands(url, begins("m"), *[asks(url, "m")] * 3),
                         **small)
        equal(counted(run.spans), [None] * 4, "tokens")
        run = t.run(turns(url, begins("n"), *[asks(url, "n")] * 3),
                    env=small)
        equal(counted(run.spans), TOKENS, "tokens of one process")


@test
def jobs_of_other_apis(t):
    """They are known by their hosts, for which rules stand here."""
    rules = os.path.join(t.dir, "rules.json")
    with open(rules, "w") as f:
        json.dump([{"host": "127.0.0.1", "path": path, "method": method,
                    "dialect": dialect, "operation": operation}
                   for dialect, where, begin in (
                       ("replicate", "/v1/predictions", "predict"),
                       ("gemini_interactions", "/v1/interactions",
                        "interaction"))
                   for path, method, operation in (
                       (where, "POST", begin),
                       (where + "/*", "GET", "retrieve"))], f)
    for where, body in (
            ("predictions", {"version": "v", "input": {"prompt": "o"}}),
            ("interactions", {"model": "gemini-x", "input": "o",
                              "background": True})):
        with jobs() as url:
            url = url.replace("responses", where)
            poll = (None, [], url + "/o")
            run = one_by_one(t, commands(url, json.dumps(body), *[poll] * 3),
                             LLMOBS_RULES=rules)
        equal(links_of(run.spans), LINKS, "links of " + where)
        equal(counted(run.spans), TOKENS, "tokens of " + where)


class Background(Jobs):
    """Says that they are in the background, and fails first: such a failure has
    no span where the host is not known."""

    def response(self, name, status, usage):
        return dict(Jobs.response(self, name, status, usage), background=True)

    def send(self, name, status, usage):
        if status == "in_progress":
            self.answer(b'{"error": {"message": "busy"}}', status=503)
        else:
            Jobs.send(self, name, status, usage)


@test
def responses_whose_begin_nobody_saw(t):
    """The end by a stream, behind a failure, by a cancel: told once, in one
    process, in many, and by a relay."""
    def requests(url):
        stream = (None, [], url + "/resp_a?stream=true&starting_after=0")
        cancel = ("", [], url + "/resp_c/cancel")
        return [stream, asks(url, "a"), stream, asks(url, "a"),
                asks(url, "b"), asks(url, "b"), asks(url, "b"),
                cancel, cancel, asks(url, "c"), asks(url, "c")]

    want = [15, None, None, 15, None, 15, None, None]
    with jobs(Background) as url:
        run = t.run(turns(url, *requests(url)))
        equal(counted(run.spans), want, "one process")
    with jobs(Background) as url:
        run = one_by_one(t, commands(url, *requests(url)))
        equal(counted(run.spans), want, "many")
    with jobs(Background) as url:
        t.fresh(None)
        store = os.path.join(t.dir, "store")
        with Relay(t, {}) as relay:
            for argv in commands(url, *requests(url)):
                t.run(argv, keep=True)
            ok(wait_for(lambda: len(read_spans(store)) == len(want), 20),
               "spans")
            relay.end()
        equal(counted(read_spans(store)), want, "by a relay")


@test
def a_response_that_its_call_waited_for(t):
    """The call was in the background, and has the tokens itself; or its stream
    was cut."""
    for stream, want in ((False, [15, None]), (True, [None, 15])):
        for many in (False, True):
            with jobs(Background) as url:
                requests = [begins("e", stream=stream, background=stream),
                            asks(url, "e"), asks(url, "e")]
                run = one_by_one(t, commands(url, *requests)) if many else \
                    t.run(turns(url, *requests))
            equal(counted(run.spans), want, "tokens, many: %s" % many)
            equal(links_of(run.spans), ["", "0:job"], "links")


class Batches(Handler):
    """A batch that has ended. It waits until so many ask for it at once."""

    def do_GET(self):
        name = self.path.split("/")[-1]
        self.server.all.wait(20)
        self.answer(json.dumps({
            "id": name, "object": "batch", "status": "completed",
            "created_at": 1780000000, "usage": USAGE}).encode())


@contextlib.contextmanager
def batches(t, parties):
    """The address of batches, and the environment that knows it."""
    rules = os.path.join(t.dir, "batches.json")
    with open(rules, "w") as f:
        json.dump([{"host": "127.0.0.1", "path": "/v1/batches/*",
                    "method": "GET", "dialect": "openai_batches",
                    "operation": "retrieve_batch"}], f)
    with serving(Batches, "/v1/batches",
                 all=threading.Barrier(parties)) as url:
        yield url, {"LLMOBS_RULES": rules}


@test
def a_batch_whose_begin_nobody_saw(t):
    """Its sum is told once, whoever asks, and never without the file."""
    key = ["-H", "authorization: Bearer Zyx7other"]
    with batches(t, 1) as (url, env):
        for env in (env, dict(env, LLMOBS_THREAD="off")):
            name = url + "/batch_%d" % len(env)
            run = one_by_one(t, commands(
                url, (None, [], name), (None, [], name), (None, key, name),
                (None, [], name + "x")), **env)
            equal(counted(run.spans), [15, None, None, 15], "tokens")
            equal(links_of(run.spans), [""] * 4, "links")
        run = one_by_one(t, commands(url, *[(None, [], url + "/batch_n")] * 2),
                         **dict(env, LLMOBS_SPOOL_MAX="1000000"))
        equal(counted(run.spans), [None, None], "tokens without the file")


@test
def processes_that_ask_for_a_batch_at_once(t):
    with batches(t, 6) as (url, env):
        for i in range(5):
            run = t.run(["sh", "-c", "for i in 1 2 3 4 5 6; do "
                         "curl -s %s/batch_%d >/dev/null & done; wait" % (url, i)],
                        env=env)
            spans = [s for s in run.spans if "atch" in s["name"]]
            equal(sorted(filter(None, counted(spans))), [15], "tokens")
            equal(len(spans), 6, "spans")


class Sessions(Handler):
    """A session of Claude's managed agents, whose stream stays open for a
    second after the agent has become idle."""

    def do_POST(self):
        self.read()
        self.answer(b'{"data": [{"id": "sevt_1", "type": "user.message"}]}')

    def do_GET(self):
        usage = {"input_tokens": 10, "output_tokens": 5,
                 "cache_creation_input_tokens": 0,
                 "cache_read_input_tokens": 0}
        said = [{"type": "text", "text": "hello"}]
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        for event in ({"id": "sevt_1", "type": "user.message",
                       "content": said},
                      {"id": "sevt_2", "type": "span.model_request_end",
                       "model_usage": usage},
                      {"id": "sevt_3", "type": "session.status_idle",
                       "stop_reason": {"type": "end_turn"}}):
            self.wfile.write(b"event: %s\ndata: %s\n\n" % (
                event["type"].encode(), json.dumps(event).encode()))
        self.wfile.flush()
        time.sleep(1)
        self.close_connection = True


@test
def a_stream_of_a_session_ends_before_its_connection(t):
    beta = ["-H", "anthropic-beta: managed-agents-2026-04-01"]
    ask = json.dumps({"events": [{"type": "user.message", "content": []}]})
    with serving(Sessions, "/v1/sessions/sesn_1/events") as url:
        run = t.run(turns(url, (ask, beta, url),
                          (None, beta, url + "/stream")))
        equal(links_of(run.spans), ["", "0:job"], "links")
        equal(counted(run.spans), [None, 15], "tokens")
        last = max(run.spans, key=lambda s: s["start_ns"])
        ok(last["duration"] < 900000000, "the agent's span ends early")
        run = t.run(turns(url, (ask, [], url), (None, [], url + "/stream")))
        equal(run.spans, [], "spans without the header")
