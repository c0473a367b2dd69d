"""APIs that a user's file describes in the language of docs/RULES.md: whole,
streamed and failed answers, gateways, other processes, files with faults."""
import json
import os
import signal

from harness import body, curl, equal, expect_llm, ok, test
from serving import NOBODY, Handler, drained, serving

FILE = """host 127.0.0.1 corp zed

api zed
path /v2/talk llm chat zed.request

form main
settings temperature stream
input /turns
model /engine
text /delta/words /answer/words
tool_calls /delta/calls
end /state = over
finish_reason /why
finish_reasons fine=stop
input_tokens /used/read
output_tokens /used/written
error /trouble
"""
ASKED = {"engine": "zed-0", "temperature": 0,
         "turns": [{"role": "user", "content": "Hi"}]}
USED = {"why": "fine", "used": {"read": 7, "written": 3}}
CALL = {"id": "c1", "name": "clock", "arguments": {"tz": "UTC"}}
TROUBLE = {"trouble": {"message": "too many", "type": "rate"}}


class Zed(Handler):
    """Answers a question as its first text says."""

    def do_POST(self):
        asked = json.loads(self.read())
        how = asked.get("turns", [{"content": ""}])[0]["content"]
        if asked.get("stream"):
            events = [{"engine": "zed-1"}, {"delta": {"words": "Hel"}},
                      {"delta": {"words": "lo"}}, {"delta": {"calls": [CALL]}},
                      TROUBLE if how == "fail" else dict(USED, state="over")]
            self.answer("".join("data: %s\n\n" % json.dumps(one)
                                for one in events).encode(),
                        "text/event-stream")
        elif how == "hang":
            os.kill(int(self.headers["X-Pid"]), signal.SIGKILL)
        elif how in ("fail", "text"):
            said = TROUBLE if how == "fail" else {"trouble": "too many"}
            self.answer(json.dumps(said).encode(), status=429)
        else:
            self.answer(json.dumps(dict(
                USED, engine="zed-1", answer={"words": "Hello"})).encode())


def asks(url, how="Hi", *more, **members):
    return curl(url, json.dumps(dict(ASKED, turns=[
        {"role": "user", "content": how}], **members)), *more)


def own(t, argv, text=FILE, spans=1, **env):
    return t.run(argv, env=dict({"LLMOBS_RULES": "file"}, **env),
                 inputs={"file": text if isinstance(text, bytes)
                         else text.encode()})


def seen(span):
    """The parts of a span that no process changes."""
    return (span["name"], span["meta"]["model_provider"], span["metrics"],
            span["meta"]["model_name"], span["meta"]["input"],
            span["meta"]["output"], span["meta"]["metadata"]["temperature"])


@test
def whole_and_streamed(t):
    for text in (FILE, FILE.replace("\n", "\r\n"), "\ufeff" + FILE,
                 FILE.rstrip("\n"), FILE.replace("\n", " # said\n")):
        with serving(Zed, "/v2/talk") as url:
            equal(seen(own(t, asks(url), text).only())[:6], (
                "zed.request", "corp", {"input_tokens": 7, "output_tokens": 3},
                "zed-1", {"messages": [{"content": "Hi", "role": "user"}]},
                {"messages": [{"content": "Hello", "role": ""}]}), "whole")
            span = own(t, asks(url, stream=True), text).only()
    equal(span["meta"]["output"]["messages"][0]["tool_calls"][0]["name"],
          "clock", "tool")
    equal(span["metrics"]["output_tokens"], 3, "tokens")


@test
def the_system_stands_first(t):
    """In whichever order the file has its lines."""
    for text in (FILE.replace("input ", "system /rule\ninput ", 1),
                 FILE.replace("model ", "system /rule\nmodel ", 1)):
        with serving(Zed, "/v2/talk") as url:
            for rule, want in (("Be nice.", [("system", "Be nice.")]), ("", [])):
                span = own(t, asks(url, rule=rule), text).only()
                equal([(m["role"], m["content"])
                       for m in span["meta"]["input"]["messages"]],
                      want + [("user", "Hi")], "messages")


@test
def failed(t):
    """The error's own words, in whichever form it has them."""
    for how, stream, kind in (("fail", False, "rate"), ("fail", True, "rate"),
                              ("text", False, "http_429")):
        with serving(Zed, "/v2/talk") as url:
            span = own(t, asks(url, how, stream=stream)).only()
        error = span["meta"]["error"]
        equal((error["message"], error["type"], span["status"]),
              ("too many", kind, "error"), "%s %s" % (how, stream))


@test
def in_another_process(t):
    """The API's lines stand in the entry: who drains has no such file."""
    with serving(Zed, "/v2/talk") as url:
        for stream in (False, True):
            want = seen(own(t, asks(url, stream=stream)).only())
            want[2].pop("time_to_first_token", None)
            r = own(t, asks(url, stream=stream), **NOBODY)
            equal(len(r.spans), 0, "spans before the drain")
            got = [seen(span) for span in drained(t, {})]
            for one in got:
                one[2].pop("time_to_first_token", None)
            equal(got, [want], "spans of the drain")
        # Killed before an answer came: the question.
        r = own(t, ["sh", "-c", 'exec "$@" -H "X-Pid: $$"', "sh",
                    *asks(url, "hang")], **NOBODY)
        equal(r.code, -signal.SIGKILL, "end")
        span, = drained(t, {})
        equal((span["name"], span["meta"]["input"]["messages"]),
              ("zed.request", [{"content": "hang", "role": "user"}]), "killed")


@test
def behind_a_gateway(t):
    """As a rule in JSON: the API reads the call, which is the gateway's."""
    rule = [{"host": "127.0.0.1", "path": "/v2/talk", "kind": "llm",
             "name": "zed.request", "provider": "corp", "input": "/turns",
             "model": "/engine", "text": "/delta/words|/answer/words"}]
    with serving(Zed, "/v2/talk") as url:
        env = {"DD_LLMOBS_INSTRUMENTED_PROXY_URLS": url.rsplit("/", 2)[0]}
        spans = [own(t, asks(url), text, **env).only()
                 for text in (FILE, json.dumps(rule))]
    for part in (lambda span: span["name"], lambda span: span["meta"]["span"],
                 lambda span: span["meta"]["input"]):
        equal(part(spans[0]), part(spans[1]), "of both")


@test
def any_host_needs_its_signs(t):
    text = FILE.replace("host 127.0.0.1 corp zed", "").replace(
        "zed.request", "zed.request any_host") + "asks [turns\n"
    with serving(Zed, "/v2/talk") as url:
        equal(len(own(t, asks(url), text).spans), 1, "spans of its own")
        strange = curl(url, '{"talk": "Hi"}')
        equal(len(t.run(asks(url, engine=1), env={}).spans), 0, "without file")
        equal(len(own(t, strange, text).spans), 0, "spans of a stranger")


@test
def a_file_with_faults_counts_nothing(t):
    """Our own APIs still count, and the log names the line."""
    for bad, said in (("confirm", "line 18: confirm has one word"),
                      ("text x /y", "line 18: x: a pointer does not begin"),
                      ("form b like b", "line 18: there is no form b before"),
                      ("host a.test b %s" % ("c" * 5000), "line 18: no host speaks"),
                      ("text " + "/a" * 5000, "line 18: /a/a"),
                      ("api b\n" * 100000, "LLMOBS_RULES: ignored, a line has"),
                      ("# " + "x" * (16 << 20), "LLMOBS_RULES: ")):
        r = own(t, curl(t.url, body()), FILE + bad)
        if bad.startswith("# "):  # it cannot be read, and may say never
            equal("input" in r.only()["meta"], False, "content")
        else:
            expect_llm(r.only())
        ok(said in r.log, "%s: no %r in %s" % (bad[:20], said, r.log[:2000]))
        ok(r.log.count("LLMOBS_RULES") < 100, "a flood")
