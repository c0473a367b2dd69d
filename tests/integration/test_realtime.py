"""Conversations over libcurl's own websockets: each response is a span, and the
program's bytes stay as they were.  Debian's libcurl has no websockets: with
LLMOBS_TEST_LIBCURL the tests take the one of that directory."""
import json
import os
import shutil
import subprocess
import time

from harness import APPS, Skip, compiled, equal, ok, tags_of, test
from realtime_server import (BINARY, PING, PONG, Drop, Realtime, fragments,
                             frame)

NONE = 77  # this libcurl has no websockets
CREATE = '{"type": "response.create"}'
SESSION = {"id": "sess_1", "model": "gpt-realtime", "instructions": "Be brief.",
           "output_modalities": ["text"]}
SOUND = "QUJDREVG" * 3000


def item(**of):
    return json.dumps({"type": "conversation.item.create", "item": of})


def ask(text):
    return item(type="message", role="user",
                content=[{"type": "input_text", "text": text}])


def begun(name, **more):
    return {"type": "response.created", "response": dict(
        more, id=name, status="in_progress", output=[])}


def delta(name, text, kind="output_text"):
    return {"type": "response.%s.delta" % kind, "response_id": name,
            "output_index": 0, "delta": text}


def ended(name, output, status="completed", tokens=(7, 3)):
    return {"type": "response.done", "response": {
        "id": name, "status": status, "output": output,
        "usage": {"input_tokens": tokens[0], "output_tokens": tokens[1],
                  "input_token_details": {"cached_tokens": 2}}}}


def said(text, kind="output_text"):
    word = "text" if kind == "output_text" else "transcript"
    return [{"type": "message", "role": "assistant",
             "content": [{"type": kind, word: text}]}]


def whole(name, text="Yes."):
    return [begun(name), delta(name, text), ended(name, said(text))]


def talks(answer):
    """A server's part: `answer` gives what it says to the n-th question, each
    time with a new generator's count."""
    def make():
        count = 0

        def to(message):
            nonlocal count
            if message["type"] == "session.update":
                yield {"type": "session.updated", "session": SESSION}
            elif message["type"] == "response.create":
                count += 1
                yield from answer(count)
        return to
    return make


def program(t):
    return compiled(t, "talk", "-O2", os.path.join(APPS, "talk.c"), "-lcurl",
                    "-lpthread")


def libcurl():
    where = os.environ.get("LLMOBS_TEST_LIBCURL")
    return {"LD_LIBRARY_PATH": where} if where else {}


COMMIT = 'send:{"type": "input_audio_buffer.commit"}'
APPEND = 'send:{"audio": "%s", "type": "input_audio_buffer.append"}' % SOUND
START = 'send:{"type": "session.update", "session": {}}', "until:session.updated"


def speak(t, make, *steps, spans, run=None, start=START, path="/v1/realtime",
          **env):
    """Runs the program bare and preloaded, each against a server of its own.
    Gives the preloaded run."""
    runs, seen = [], []
    for preload in False, True:
        with Realtime(answer=make()) as server:
            url = server.url.replace("http", "ws") + path
            more = dict(libcurl(), **{k: v.replace("@", server.url)
                                      for k, v in env.items()})
            r = (run or t.run)([program(t), url, *start, *steps],
                               preload=preload, env=more)
            if r.code == NONE:
                raise Skip("this libcurl has no websockets")
            r.stdout = r.stdout.replace(server.url.encode(), b"")
            runs.append(r)
            time.sleep(0.05)
        seen.append(sorted([x for x in s if isinstance(x, tuple)
                            and x[0] != PONG] for s in server.seen))
    bare, ours = runs
    equal(ours.stdout, bare.stdout, "stdout")
    equal((ours.code, ours.stderr), (bare.code, bare.stderr), "its end")
    equal(seen[1], seen[0], "frames that the server got")
    equal(len(ours.spans), spans, "number of spans")
    return ours


def texts(span, side):
    return [(m.get("role"), m.get("content"))
            for m in span["meta"][side]["messages"]]


def error_of(span):
    return span["meta"].get("error", {"type": None, "message": None})


SYSTEM = ("system", "Be brief.")


@test
def text(t):
    r = speak(t, talks(lambda n: whole("resp_%d" % n)),
              "send:" + ask("Is it here?"), "send:" + CREATE,
              "until:response.done", "close", spans=1)
    span = r.only()
    equal(span["name"], "OpenAI.createRealtimeResponse", "name")
    equal(span["meta"]["span"]["kind"], "llm", "kind")
    equal(span["meta"]["model_name"], "gpt-realtime", "model")
    equal(texts(span, "input"), [SYSTEM, ("user", "Is it here?")], "input")
    equal(texts(span, "output"), [("assistant", "Yes.")], "output")
    tokens = {k: v for k, v in span["metrics"].items() if "tokens" in k}
    equal(tokens, {"input_tokens": 7, "output_tokens": 3, "total_tokens": 10,
                   "cache_read_input_tokens": 2}, "tokens")
    ok(0 < span["metrics"]["time_to_first_token"] < 5, "first token")
    equal(tags_of(span)["conversation_id"], "sess_1", "conversation")


def tool(n):
    name = "resp_%d" % n
    call = {"type": "function_call", "call_id": "call_1", "name": "stock",
            "arguments": "{\"of\": \"tea\"}"}
    return [begun(name), ended(name, [call])] if n == 1 else whole(name, "Two.")


@test
def a_tool_and_its_result(t):
    r = speak(t, talks(tool), "send:" + ask("Any tea?"), "send:" + CREATE,
              "until:response.done",
              "send:" + item(type="function_call_output", call_id="call_1",
                             output="2"),
              "send:" + CREATE, "until:response.done", spans=2)
    first, second = r.spans
    equal(first["meta"]["output"]["messages"][0]["tool_calls"][0]["name"],
          "stock", "call")
    equal(texts(second, "output"), [("assistant", "Two.")], "output")
    results = [m["tool_results"][0] for m in second["meta"]["input"]["messages"]
               if "tool_results" in m]
    equal([x["result"] for x in results], ["2"], "result")
    ok(first["span_id"] in [x["span_id"] for x in second["span_links"]],
       "a link to the call")


def spoken(n):
    name = "resp_%d" % n
    words = {"type": "conversation.item.input_audio_transcription.completed",
             "item_id": "item_%d" % n, "transcript": "Speech %d" % n}
    heard = {"type": "input_audio_buffer.committed", "item_id": "item_%d" % n}
    pieces = [begun(name), delta(name, SOUND, "output_audio"),
              delta(name, "Hm", "output_audio_transcript"),
              ended(name, said("Hm.", "output_audio"))]
    if n == 1:  # the words come behind the response
        return [heard, *pieces, words]
    return [heard, words, *pieces] if n == 2 else [heard, *pieces]


def talks_of_sound(answer):
    """The server hears speech behind each commit, and answers by itself."""
    def make():
        count = 0

        def to(message):
            nonlocal count
            if message["type"] == "session.update":
                yield {"type": "session.updated", "session": dict(
                    SESSION, audio={"input": {"transcription": {"model": "w"}},
                                    "output": {"voice": "marin"}})}
            elif message["type"] == "input_audio_buffer.commit":
                count += 1
                yield from answer(count)
        return to
    return make


@test
def speech(t):
    """Sound is in no span; words count for the response that they led to."""
    r = speak(t, talks_of_sound(spoken), APPEND, COMMIT, "until:Speech 1",
              APPEND, COMMIT, "until:response.done", APPEND, COMMIT,
              "until:response.done", spans=3)
    equal([texts(s, "input") for s in r.spans],
          [[SYSTEM, ("user", x)] for x in ("Speech 1", "Speech 2", "[audio]")],
          "input")
    equal([texts(s, "output") for s in r.spans],
          [[("assistant", "Hm.")]] * 3, "output")
    equal([s["status"] for s in r.spans], ["ok"] * 3, "status")
    ok(SOUND[:64] not in json.dumps(r.spans), "no sound")


@test
def frames_in_pieces(t):
    """However a message is cut, by the program or by the server."""
    def cut(n):
        for event in whole("resp_%d" % n, "word " * 2000):
            yield fragments(json.dumps(event, indent=1).encode(), 97)
            yield frame(PING, b"x")
    r = speak(t, talks(cut), "parts:7:" + ask("In parts?"),
              "frags:5:" + CREATE, "until:response.done", "send:" + CREATE,
              "until:response.done", spans=2)
    equal(texts(r.spans[0], "input"), [SYSTEM, ("user", "In parts?")], "input")
    equal(texts(r.spans[0], "output"), [("assistant", "word " * 2000)], "output")
    equal([s["status"] for s in r.spans], ["ok"] * 2, "status")


@test
def frames_beyond_the_limit(t):
    """Sound before its type is passed over; of a last frame that is not kept
    whole nothing is guessed, and the response has not failed."""
    def long(n):
        return whole("resp_1") if n == 1 else [
            begun("resp_2"), delta("resp_2", "Much"),
            ended("resp_2", said("much " * 60000))]
    sound = APPEND.replace(SOUND, SOUND * 5)  # an argument has 128 KiB at most
    r = speak(t, talks(long), sound, "send:" + CREATE, "until:response.done",
              "send:" + CREATE, "until:response.done", spans=2)
    equal([s["status"] for s in r.spans], ["ok"] * 2, "status")
    equal([s["metrics"].get("output_tokens") for s in r.spans], [3, None],
          "tokens")
    ok(r.spans[1]["meta"]["metadata"]["truncated"]["response_bytes"] > 300000,
       "it is said to be cut")


def refusal(about=None):
    return {"type": "error", "error": {"type": "invalid_request_error",
                                       "message": "No.", "event_id": about}}


@test
def errors(t):
    """One that names the question, one that may be its answer, and one that is
    about something else."""
    def no(n):
        return ([refusal("ask_1")] if n == 1 else [refusal()] if n == 2 else
                [refusal(), *whole("resp_3")])
    asked = CREATE[:-1] + ', "event_id": "ask_1"}'
    r = speak(t, talks(no), "send:" + asked, "until:error", "send:" + CREATE,
              "until:error", "send:" + CREATE, "until:response.done", spans=3)
    equal([s["status"] for s in r.spans], ["error", "error", "ok"], "status")
    equal([error_of(s)["message"] for s in r.spans], ["No.", "No.", None],
          "messages")
    ok("output_tokens" not in r.spans[0]["metrics"], "no tokens")


@test
def declined_beside_another(t):
    """The server began a response by itself, declines the program's question, and
    begins another one: the error is not the answer of that one."""
    def to(message):
        if message["type"] == "session.update":
            yield {"type": "session.updated", "session": SESSION}
        elif message["type"] == "input_audio_buffer.commit":
            yield begun("resp_1")
        else:
            error = refusal()
            error["error"]["code"] = "conversation_already_has_active_response"
            yield from (error, ended("resp_1", said("One.")))
            yield from whole("resp_2", "Two.")
    r = speak(t, lambda: to, COMMIT, "until:resp_1", "send:" + CREATE,
              'until:resp_2", "status": "c', spans=3)
    equal(sorted((s["status"], texts(s, "output")[0][1]) for s in r.spans),
          [("error", ""), ("ok", "One."), ("ok", "Two.")], "spans")


@test
def a_failed_response(t):
    def failed(n):
        done = ended("resp_1", [], "failed")
        done["response"]["status_details"] = {"error": {
            "type": "server_error", "code": "overloaded", "message": "Busy."}}
        return [begun("resp_1"), done]
    span = speak(t, talks(failed), "send:" + CREATE, "until:response.done",
                 spans=1).only()
    equal((span["status"], error_of(span)["type"]), ("error", "overloaded"),
          "its end")


def half(n):
    return [begun("resp_1"), delta("resp_1", "Half a")]


@test
def ended_in_the_middle(t):
    """By the server with and without a word, by the program, by its exit."""
    def dropped(n):
        yield from half(n)
        raise Drop()

    def left(n):
        yield from half(n)
        yield frame(8, b"\3\350")
    for answer, last, error in ((left, "until:never", "incomplete_stream"),
                                (dropped, "until:never", "CURLE_"),
                                (half, "until:Half", "aborted"),
                                (half, "until:Half\0exit", "aborted"),
                                (half, "until:Half\0reset", "aborted")):
        span = speak(t, talks(answer), "send:" + CREATE, *last.split("\0"),
                     spans=1).only()
        equal(span["status"], "error", "status")
        ok(error_of(span)["type"].startswith(error),
           "error: " + error_of(span)["type"])
        equal(texts(span, "output"), [("assistant", "Half a")], "output")
        equal([k for k in span["metrics"] if "tokens" in k], [], "no tokens")


@test
def nobody_answers(t):
    span = speak(t, talks(lambda n: []), "send:" + CREATE, spans=1).only()
    equal((span["status"], error_of(span)["type"]), ("error", "aborted"),
          "its end")
    speak(t, talks(lambda n: []), spans=0)


@test
def beside_each_other(t):
    """Two responses at once, told apart by their ids."""
    def both(n):
        if n == 2:
            yield from (begun("resp_a"), begun("resp_b"),
                        delta("resp_b", "B"), delta("resp_a", "A"),
                        ended("resp_b", said("B"), tokens=(1, 2)),
                        ended("resp_a", said("A"), tokens=(3, 4)))
    r = speak(t, talks(both), "send:" + ask("a"), "send:" + CREATE,
              "send:" + ask("b"), "send:" + CREATE, 'until:resp_a", "status": "c',
              spans=2)
    equal({texts(s, "output")[0][1]: (texts(s, "input")[-1][1],
                                      s["metrics"]["input_tokens"])
           for s in r.spans}, {"A": ("a", 3), "B": ("b", 1)}, "each its own")


@test
def many_connections(t):
    """In threads of their own, and again on a handle that was used before."""
    steps = ("send:" + CREATE, "until:response.done") * 3
    make = talks(lambda n: whole("resp_%d" % n))
    speak(t, make, *steps, "again", *START, *steps, spans=6)
    # one server: each connection has a count of its own

    def shared(message):
        if message["type"] == "session.update":
            yield {"type": "session.updated", "session": SESSION}
        else:
            yield from whole("resp_x")
    speak(t, lambda: shared, *steps, spans=24, THREADS="8")


@test
def by_a_multi(t):
    speak(t, talks(lambda n: whole("resp_%d" % n)), "send:" + CREATE,
          "until:response.done", "twin", "send:" + CREATE, "until:response.done",
          spans=2, MULTI="1")


@test
def a_fork(t):
    """The parent ends what it has begun, the child what it asks for."""
    def late(n):
        return half(n) if n == 1 else [
            ended("resp_1", said("Half and half")), *whole("resp_2", "Child's.")]
    r = speak(t, talks(late), "send:" + CREATE, "until:Half", "child:2",
              "send:" + CREATE, "until:resp_2\", \"status\": \"c", spans=2)
    equal(sorted((texts(s, "output")[0][1], s["status"]) for s in r.spans),
          [("Child's.", "ok"), ("Half a", "error")], "spans")


@test
def a_gateway(t):
    r = speak(t, talks(lambda n: whole("resp_1")), "send:" + ask("Through?"),
              "send:" + CREATE, "until:response.done", spans=1,
              DD_LLMOBS_INSTRUMENTED_PROXY_URLS="@")
    span = r.only()
    equal(span["meta"]["span"]["kind"], "workflow", "kind")
    equal(span["metrics"], {}, "metrics")


@test
def other_connections(t):
    """To another path, or with sound and text that are nobody's events."""
    make = talks(lambda n: whole("resp_1"))
    speak(t, make, "send:" + CREATE, "until:response.done", spans=0,
          path="/v1/other")
    speak(t, make, 'send:{"type": "session.update"}', "until:session.updated",
          'send:{"note": {"type": "response.create"}, "type": "x"}',
          'send:{"type": "note", "text": "\\"type\\": \\"response.create\\""}',
          spans=0)
    r = speak(t, make, "send:" + CREATE, "until:response.done", spans=0,
              DD_LLMOBS_ENABLED="0")
    ok(not r.store_exists or not r.spans, "off")


@test
def without_content(t):
    t.secrets.append("unspeakable words")
    r = speak(t, talks(lambda n: whole("resp_1", "unspeakable words")),
              "send:" + ask("unspeakable words"), "send:" + CREATE,
              "until:response.done", spans=1, LLMOBS_CONTENT="off")
    equal(r.only()["metrics"]["output_tokens"], 3, "tokens")


@test
def killed(t):
    """The spool has the question, and another process delivers it, once."""
    def run(argv, preload, env):
        r = t.run(argv, preload=preload, env=env, check=False)
        if preload:
            drain = [os.path.join(t.build, "llmobs"), "drain"]
            subprocess.run(drain, env=t.environment(True, {}), check=True,
                           stdout=subprocess.DEVNULL)
            r = t.run(["true"], keep=True) if False else collect(t, r)
        return r

    def collect(t, r):
        r.spans = []
        for folder, _, names in os.walk(os.path.join(t.dir, "store")):
            for name in names:
                if name.endswith(".jsonl"):
                    with open(os.path.join(folder, name)) as f:
                        r.spans += [json.loads(x) for x in f]
        return r
    r = speak(t, talks(half), "send:" + ask("Who?"), "send:" + CREATE,
              "until:Half", "kill", spans=1, run=run)
    span = r.spans[0]
    equal(error_of(span)["type"], "process_killed", "error")
    equal(texts(span, "input"), [SYSTEM, ("user", "Who?")], "input")
    equal([k for k in span["metrics"] if "tokens" in k], [], "no tokens")
    shutil.rmtree(os.path.join(t.dir, "store"))


# -- Gemini's Live API: binary frames, which have neither a type nor an id ------

LIVE = ("/ws/google.ai.generativelanguage.v1beta.GenerativeService."
        "BidiGenerateContent?key=AIzaSecret")
SETUP = 'send:{"setup": {"model": "models/gemini-live", "systemInstruction": ' \
        '{"parts": [{"text": "Be brief."}]}}}', "until:setupComplete"
TURN = {"serverContent": {"turnComplete": True}, "usageMetadata": {
    "promptTokenCount": 7, "responseTokenCount": 3, "totalTokenCount": 10}}
CALL = {"toolCall": {"functionCalls": [
    {"id": "function-call-8143", "name": "stock", "args": {"of": "tea"}}]}}
STOCK = 'send:{"toolResponse": {"functionResponses": [{"id": ' \
        '"function-call-8143", "name": "stock", "response": {"result": 2}}]}}'


def asks(text):
    return 'send:{"clientContent": {"turns": [{"role": "user", "parts": ' \
           '[{"text": "%s"}]}], "turnComplete": true}}' % text


def content(**of):
    return {"serverContent": of}


def piece(**part):
    return content(modelTurn={"parts": [part]})


def binary(event):
    return frame(BINARY, json.dumps(event).encode())


def lives(answer):
    """`answer` gives what the server says to the n-th message behind the setup."""
    def make():
        count = 0

        def to(message):
            nonlocal count
            if "setup" in message:
                yield binary({"setupComplete": {"sessionId": "sess_live_1"}})
                return
            count += 1
            for event in answer(count):
                yield event if isinstance(event, bytes) else binary(event)
        return to
    return make


def live(t, make, *steps, spans, **more):
    return speak(t, make, *steps, spans=spans, start=SETUP, path=LIVE, **more)


@test
def live_text(t):
    r = live(t, lives(lambda n: [piece(text="Y"), piece(text="es."),
                                 content(generationComplete=True), TURN]),
             asks("Is it here?"), "until:turnComplete", "close", spans=1)
    span = r.only()
    equal(span["name"], "google_genai.live", "name")
    equal(span["meta"]["model_name"], "gemini-live", "model")
    equal(texts(span, "input"), [SYSTEM, ("user", "Is it here?")], "input")
    equal(texts(span, "output"), [("assistant", "Yes.")], "output")
    tokens = {k: v for k, v in span["metrics"].items() if "tokens" in k}
    equal(tokens, {"input_tokens": 7, "output_tokens": 3, "total_tokens": 10},
          "tokens")
    ok(0 < span["metrics"]["time_to_first_token"] < 5, "first token")
    ok("AIza" not in json.dumps(r.spans), "no key")


@test
def live_tool(t):
    r = live(t, lives(lambda n: [CALL] if n == 1 else [piece(text="Two."), TURN]),
             asks("Any tea?"), "until:toolCall", STOCK, "until:turnComplete",
             spans=2)
    first, second = r.spans
    call, = first["meta"]["output"]["messages"][0]["tool_calls"]
    equal((call["name"], call["arguments"]), ("stock", {"of": "tea"}), "call")
    equal(error_of(first)["type"], None, "no error")
    equal(texts(second, "output"), [("assistant", "Two.")], "output")
    results = [m["tool_results"][0] for m in second["meta"]["input"]["messages"]
               if "tool_results" in m]
    equal([x["result"] for x in results], ['{"result": 2}'], "result")
    equal(tags_of(second)["conversation_id"], "sess_live_1", "conversation")
    ok(first["span_id"] in [x["span_id"] for x in second["span_links"]],
       "a link to the call")


@test
def live_sound(t):
    def answer(n):
        sound = json.dumps(piece(inlineData={"mimeType": "audio/pcm",
                                             "data": SOUND})).encode()
        return [content(inputTranscription={"text": "Is it "}),
                content(inputTranscription={"text": "cold?"}),
                fragments(sound, 5000, BINARY),
                content(outputTranscription={"text": "Ye"}),
                frame(BINARY, sound), content(outputTranscription={"text": "s."}),
                TURN]
    audio = 'send:{"realtimeInput": {"audio": {"data": "%s"}}}' % SOUND
    r = live(t, lives(answer), audio, "until:turnComplete", spans=1)
    equal(texts(r.only(), "input"), [SYSTEM, ("user", "Is it cold?")], "input")
    equal(texts(r.only(), "output"), [("assistant", "Yes.")], "output")
    ok("QUJD" not in json.dumps(r.spans), "no sound")


@test
def live_that_drops(t):
    def answer(n):
        yield piece(text="Half")
        raise Drop()
    r = live(t, lives(answer), asks("Who?"), "until:never", spans=1)
    equal(texts(r.only(), "output"), [("assistant", "Half")], "output")
    ok(error_of(r.only())["type"], "an error")
    equal([k for k in r.only()["metrics"] if "tokens" in k], [], "no tokens")
