"""Answers and requests with huge values: no value makes the span of its call
vanish, and each has its limit in the event (core/event/limits.h)."""
import copy
import json

from harness import curl, equal, ok, test
from serving import Handler, serving

OF = "rest"

MIB = 1 << 20
BIG = "\u00e9" * (5 * MIB // 2)
# More than an event may have, by the names for OTLP and the tags' copies.
MOST = 5_100_000

CHAT = {"model": "gpt", "messages": [{"role": "user", "content": "hi"}]}
CALL = {"id": "call_1", "type": "function",
        "function": {"name": "f", "arguments": "{}"}}
USAGE = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
FAMILIES = {
    "chat": ("/v1/chat/completions", CHAT, {
        "id": "c", "object": "chat.completion", "model": "m",
        "service_tier": "default", "system_fingerprint": "fp",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {
            "role": "assistant", "content": "hi", "tool_calls": [CALL]}}],
        "usage": USAGE}),
    "responses": ("/v1/responses", {"model": "gpt", "input": "hi"}, {
        "id": "resp_1", "object": "response", "status": "completed",
        "model": "m", "metadata": {"a": "b"}, "output": [
            {"type": "message", "id": "msg_1", "role": "assistant",
             "content": [{"type": "output_text", "text": "hi"}]},
            {"type": "function_call", "call_id": "c2", "name": "f",
             "arguments": "{}"}],
        "usage": {"input_tokens": 1, "output_tokens": 2}}),
    "anthropic": ("/v1/messages", dict(CHAT, max_tokens=5), {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "m",
        "content": [{"type": "text", "text": "hi"}, {
            "type": "tool_use", "id": "toolu_2", "name": "f",
            "input": {"a": "b"}}],
        "stop_reason": "tool_use",
        "usage": {"input_tokens": 1, "output_tokens": 2}}),
    "gemini": ("/v1beta/models/gemini-2.0-flash:generateContent", {
        "contents": [{"role": "user", "parts": [{"text": "hi"}]}]}, {
        "candidates": [{"content": {"role": "model", "parts": [
            {"text": "hi"}, {"functionCall": {"name": "f",
                                              "args": {"a": "b"}}}]},
            "finishReason": "STOP"}],
        "usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 2},
        "modelVersion": "m", "responseId": "r"}),
    "converse": ("/model/anthropic.claude-3/converse", {
        "messages": [{"role": "user", "content": [{"text": "hi"}]}]}, {
        "output": {"message": {"role": "assistant", "content": [
            {"text": "hi"}, {"toolUse": {"toolUseId": "t1", "name": "f",
                                         "input": {"a": "b"}}}]}},
        "stopReason": "tool_use",
        "usage": {"inputTokens": 1, "outputTokens": 2}}),
    "cohere": ("/v2/chat", CHAT, {
        "id": "x", "finish_reason": "TOOL_CALL", "message": {
            "role": "assistant", "content": [{"type": "text", "text": "hi"}],
            "tool_calls": [CALL]},
        "usage": {"tokens": {"input_tokens": 1, "output_tokens": 2}}}),
    "embeddings": ("/v1/embeddings", {"model": "e", "input": "a"}, {
        "object": "list", "model": "m", "data": [
            {"object": "embedding", "index": 0, "embedding": [0.1]}],
        "usage": {"prompt_tokens": 1, "total_tokens": 1}}),
}
ERROR = {"error": {"message": "m", "type": "t", "code": "c"}}
STREAMS = {
    "chat": [
        {"id": "c", "model": "m", "choices": [{"index": 0, "delta": {
            "role": "assistant", "content": "hi",
            "tool_calls": [dict(CALL, index=0)]}}]},
        {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}],
    "responses": [
        {"type": "response.output_text.delta", "delta": "hi"},
        {"type": "response.completed",
         "response": FAMILIES["responses"][2]}],
    "anthropic": [
        {"type": "message_start", "message": dict(
            FAMILIES["anthropic"][2], content=[])},
        {"type": "content_block_start", "index": 0, "content_block": {
            "type": "tool_use", "id": "toolu_1", "name": "f", "input": {}}},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}},
        {"type": "message_stop"}],
    "gemini": [FAMILIES["gemini"][2]],
    "cohere": [
        {"type": "message-start", "id": "x"},
        {"type": "content-delta", "index": 0, "delta": {
            "message": {"content": {"text": "hi"}}}},
        {"type": "message-end", "delta": {
            "finish_reason": "COMPLETE", "usage": {}}}],
}


class Answers(Handler):
    def do_POST(self):
        self.read()
        self.answer(*self.reply)


def places(value, path=()):
    if isinstance(value, dict):
        for key in value:
            yield from places(value[key], path + (key,))
    elif isinstance(value, list):
        for i, element in enumerate(value):
            yield from places(element, path + (i,))
    elif isinstance(value, str):
        yield path


def within(value, path):
    for key in path:
        value = value[key]
    return value


def mutants(skeleton):
    """The skeleton with each of its texts huge, and each of its lists and
    objects crowded."""
    for path in places(skeleton):
        made = copy.deepcopy(skeleton)
        within(made, path[:-1])[path[-1]] = BIG
        yield path, made
    crowded = copy.deepcopy(skeleton)
    for path in {path[:-1] for path in places(skeleton)}:
        at = within(crowded, path)
        if isinstance(at, dict):
            at.update(("k%d" % n, "v") for n in range(20000))
    yield "members", crowded
    crowded = copy.deepcopy(skeleton)
    for path in {path[:n] for path in places(skeleton) for n, key in
                 enumerate(path) if isinstance(key, int)}:
        at = within(skeleton, path)
        within(crowded, path).extend([at[0]] * 20000)
    yield "elements", crowded


def check(t, argv, what, inputs=None):
    """One span of at most what an intake takes, each value within its
    limit."""
    r = t.run(argv, limit=50, inputs=inputs,
              env={"LLMOBS_EXIT_FLUSH_MS": "20000"})
    calls = [span for span in r.spans
             if span["meta"]["span"]["kind"] != "tool"]
    equal((r.code, len(calls)), (0, 1), "spans with a huge %s" % (what,))
    for span in r.spans:
        ok(len(json.dumps(span)) < MOST, "%s: the event is too big" % (what,))
        meta = span["meta"]
        error = meta.get("error", {})
        texts = [(span["name"], 1024), (meta.get("model_name", ""), 512),
                 (error.get("type", ""), 256),
                 (error.get("message", ""), 65536)]
        texts += [(tag, 1024) for tag in span["tags"]]
        for side in ("input", "output"):
            for message in meta.get(side, {}).get("messages", []):
                texts.append((message["role"], 256))
                for call in message.get("tool_calls", []):
                    texts += [(call["name"], 512), (call["tool_id"], 1024)]
        for text, most in texts:
            ok(len(text.encode()) <= most, "%s: %s..." % (what, text[:60]))
        ok(len(meta["metadata"]) <= 1005, "%s: metadata" % (what,))


def calls(t, name, skeleton, encode, status=200):
    """Calls whose answers have huge values, in the dialect of that name."""
    path, request, _ = FAMILIES[name]
    kind = "application/json" if encode is whole else "text/event-stream"
    request = json.dumps(dict(request, stream=True) if encode is stream
                         else request)
    with serving(Answers) as url:
        host = "api.cohere.com" if name == "cohere" else "llm.test"
        argv = curl("http://%s%s" % (host, path), request, "-o", "/dev/null",
                    "--connect-to", "%s:80:%s" % (host, url[7:]))
        for what, made in mutants(skeleton):
            Answers.reply = (encode(made), kind, status)
            check(t, argv, (name, what))


def whole(answer):
    return json.dumps(answer, ensure_ascii=False).encode()


def stream(events):
    return b"".join(b"event: %s\ndata: %s\n\n" % (
        str(event.get("type", "message"))[:99].encode(), whole(event))
        for event in events if isinstance(event, dict))


@test
def whole_answers(t):
    for name in FAMILIES:
        calls(t, name, FAMILIES[name][2], whole)


@test
def streams(t):
    for name, events in STREAMS.items():
        calls(t, name, events, stream)


@test
def refusals(t):
    for name in FAMILIES:
        calls(t, name, ERROR, whole, 429)


@test
def requests(t):
    """The requests that the program sends itself, for each dialect."""
    for name, (path, request, answer) in FAMILIES.items():
        Answers.reply = (whole(answer), "application/json", 200)
        with serving(Answers) as url:
            host = "api.cohere.com" if name == "cohere" else "llm.test"
            for what, made in mutants(request):
                check(t, ["curl", "-q", "-sS", "-o", "/dev/null", "-H",
                          "Content-Type: application/json", "-H", "Expect:",
                          "--data-binary", "@request", "--connect-to",
                          "%s:80:%s" % (host, url[7:]),
                          "http://%s%s" % (host, path)], (name, what),
                      {"request": whole(made)})
