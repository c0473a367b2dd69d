"""A small corpus of our own, for any clone: cases of tests/rules, each a whole exchange in
a provider's form, with the span that is expected of it.

exchanges() gives those of CASES, in its order; expected(name) the span of one; tree(folder)
writes those of STREAMS as recordings, a folder each.
"""
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.append(os.path.join(os.path.dirname(HERE), "otlp"))
import cases  # noqa: E402
import replay  # noqa: E402

RULES = os.path.join(os.path.dirname(HERE), "rules")
STREAMS = ("anthropic/stream", "anthropic/stream_tools_interleaved",
           "bedrock_converse/stream_tools", "cohere/stream_tools", "gemini/stream_sse",
           "mistral/stream_tools", "ollama/stream", "openai_chat/stream",
           "openai_responses/stream")
CASES = STREAMS + (
    "anthropic/plain", "anthropic/tools", "bedrock_converse/plain",
    "bedrock_converse/tools", "bedrock_embed/titan", "cohere/embed", "cohere/plain",
    "gemini/plain", "gemini/thoughts", "gemini/tools", "gemini_embed/plain",
    "mistral/embeddings", "mistral/plain", "ollama/embed", "ollama/plain",
    "openai_chat/choices", "openai_chat/plain", "openai_chat/tools",
    "openai_completions/plain", "openai_embeddings/plain", "openai_responses/plain",
    "openai_responses/reasoning", "rerank/cohere")


def sections(name):
    return cases.read(os.path.join(RULES, name))


def exchanges():
    """One replay.Exchange for each of CASES."""
    found = []
    for name in CASES:
        case = sections(name)
        first, sent, body = replay.message(case["request"])
        status, answered, answer = replay.message(case["answer"])
        method, url = first.split(" ", 1)
        found.append(replay.Exchange(name, method, url, sent, body,
                                     int(status.split()[1]), answered, answer))
    return found


def expected(name):
    return json.loads(sections(name)["span"])


def side(pairs, body, **more):
    text = body.decode("utf-8", "replace")
    if text.encode() == body:
        more["body"] = text
    else:
        more["body_base64"] = replay.base64.b64encode(body).decode()
    return dict(more, headers={name.lower(): value for name, value in pairs})


def tree(folder):
    """The streams, as the recordings of a corpus; their names."""
    for one in exchanges():
        if one.name not in STREAMS:
            continue
        place = os.path.join(folder, one.name)
        os.makedirs(place)
        for name, what in (
                ("request", side(one.sent, one.body, method=one.method, url=one.url)),
                ("response", side(one.answered, one.answer, status=one.status)),
                ("meta", {"operation": expected(one.name)["name"]})):
            with open(os.path.join(place, name + ".json"), "w", encoding="utf-8") as f:
                json.dump(what, f)
    return STREAMS
