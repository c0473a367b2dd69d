#!/usr/bin/python3
"""Writes sample stores for the tests of `llmobs view` below a directory.

usage: samples.py DIR

main/    spans of three traces: a tree, an orphan, a circle of parents, a
         hostile answer, a repeated span, and lines that are no spans
big/     10000 spans in one file, and a line beyond the reader's limit
deep/    one trace of 3000 spans, each the parent of the next
"""
import json
import os
import sys
import time

TRACE = "6affe73a00000000c3d1e2f3a4b5c6d7"
START = 1795155770123456789
SECOND = 10**9


def span(span_id, parent, name, kind, start=START, duration=SECOND, trace=TRACE,
         tags=("ml_app:shop", "service:web", "env:prod"), meta=None,
         metrics=None, error=None, **top):
    event = {"_dd": {}, "duration": duration, "name": name,
             "meta": {"metadata": {}, "span": {"kind": kind}},
             "metrics": metrics or {}, "parent_id": parent,
             "span_id": span_id, "start_ns": start, "status": "ok",
             "tags": list(tags), "trace_id": trace}
    event["meta"].update(meta or {})
    if error:
        event["status"] = "error"
        event["meta"]["error"] = {"type": error[0], "message": error[1],
                                  "stack": ""}
    event.update(top)
    return event


HOSTILE = ("line\n\x1b]0;owned\x07\x1b[2J\u009b31m\u202egnp.exe\x7f "
           "w\u00f6rld \u65e5\u672c\u8a9e " + "x" * 300)


def main_events():
    yield span("2", "1", "OpenAI.createChatCompletion", "llm", START + 10,
               412330121,
               meta={"model_name": "gpt-4o-mini", "model_provider": "openai",
                     "input": {"messages": [
                         {"role": "system", "content": "You are terse."},
                         {"role": "user", "content": HOSTILE}]},
                     "output": {"messages": [
                         {"role": "assistant", "content": "", "tool_calls": [
                             {"name": "get_weather", "type": "function",
                              "tool_id": "c", "arguments":
                              {"city": "Paris"}}]}]}},
               metrics={"input_tokens": 61, "output_tokens": 15,
                        "time_to_first_token": 0.25})
    yield span("3", "1", "OpenAI.createChatCompletion", "workflow", START + 20,
               90211045, error=("rate_limit_error", "Rate \x1b[31mlimit"),
               meta={"input": {"value": "[{\"content\": \"Weather\"}]"}})
    yield span("4", "3", "inner step", "task", START + 30, 900)
    yield span("5", "777", "lost child", "tool", START + 40, 3700 * SECOND)
    yield span("6", "7", "circle-a", "task", START + 50)
    yield span("7", "6", "circle-b", "task", START + 51)
    yield span("8", "8", "own parent", "task", START + 52)
    yield span("1", "undefined", "support chat", "workflow", START,
               61 * SECOND)
    yield span("42", "9007199254740993", "OpenAI.createEmbedding", "embedding",
               START - SECOND, 2100000000,
               trace="6affe73c000000001234123412341234",
               tags=("ml_app:indexer", "service:batch", "team:a:b"),
               session_id="sess-77",
               meta={"model_name": "text-embedding-3-small",
                     "input": {"documents": [{"text": "hello world"}]},
                     "output": {"value": "[1 embedding(s)]"}},
               metrics={"input_tokens": 0, "total_tokens": 4})
    yield span("50", "undefined", "recent", "agent",
               time.time_ns() - 2 * 86400 * SECOND,
               trace="6affe73d000000001234123412341234")


def line(event):
    return json.dumps(event, sort_keys=True) + "\n"


def write_main(path):
    events = list(main_events())
    with open(path + "/a.jsonl", "w") as out:
        for event in events[:6]:
            out.write(line(event))
        out.write("garbage\n\n[1]\n{}\n" + "[" * 100000 + "\n")
    with open(path + "/b.jsonl", "w") as out:
        out.write("\0\0\0\0\n")
        for event in events[6:]:
            out.write(line(event))
        out.write(line(events[0]))      # once more: a batch sent twice
        out.write(line(events[1])[:70])  # cut by a crash
    with open(path + "/notes.txt", "w") as out:
        out.write(line(span("99", "undefined", "not ours", "task")))
    os.mkfifo(path + "/fifo.jsonl")


def write_big(path):
    with open(path + "/a.jsonl", "w") as out:
        for i in range(1, 10001):
            out.write(line(span(str(i), "undefined", "n%d" % i, "task",
                                START + i, trace="%032x" % i)))
            if i == 5000:
                for _ in range(70):
                    out.write("x" * 1024 * 1024)
                out.write("\n")


def write_deep(path):
    with open(path + "/a.jsonl", "w") as out:
        for i in range(1, 3001):
            out.write(line(span(str(i), str(i - 1) if i > 1 else "undefined",
                                "n%d" % i, "task", START + i)))


def main():
    base = sys.argv[1]
    for name, write in (("main", write_main), ("big", write_big),
                        ("deep", write_deep)):
        os.makedirs(base + "/" + name)
        write(base + "/" + name)


main()
