#!/usr/bin/python3
"""Makes a local store of traces as real programs leave them.

usage: stores.py [--spans N] [--seed N] [--bytes N] [--hours N] [--end NS] DIR

Four programs: a support bot (workflow of embedding, retrieval, chat, tool), a
travel agent (an agent that calls tools and repeats its conversation), reports
(long documents), and a nightly job of single calls with errors.  The same seed
and end give the same bytes.  --bytes is the mean length of a span's line; longer
documents make up for what the others lack.  The lines stand in the order in
which the spans end, in files of 64 MiB, as the store's exporter writes them.
"""
import argparse
import json
import os
import random

FILE_BYTES = 64 * 1024 * 1024
MS = 1000 * 1000
SECOND = 1000 * MS

QUESTIONS = [
    "Where is my parcel LX-2231? It should have come on Friday.",
    "How do I return a damaged item? The box was open.",
    "Is there a discount for students?",
    "Kann ich mein Paket an eine Packstation umleiten?",
    "\u8bf7\u603b\u7ed3\u8fd9\u7bc7\u6587\u7ae0",
    "\u0623\u062c\u0628 \u0628\u0627\u0644\u0639\u0631\u0628\u064a\u0629",
    "Is 9.11 greater than 9.9?",
    "Please answer with <b>bold</b> and a picture \U0001f5bc",
]
WORDS = ("revenue grew while churn fell in the second quarter and the team "
         "answered more tickets than in any quarter before with a model that "
         "cost less per call and waited less for its first token").split()
CHAT_MODELS = [("gpt-4o-2024-11-20", "openai"), ("gpt-4o-mini-2024-07-18",
               "openai"), ("claude-haiku-4-5", "anthropic"),
               ("claude-sonnet-4-5", "anthropic"), ("o4-mini", "openai")]
ERRORS = [("rate_limit_error", "Rate limit reached for requests.", 429),
          ("invalid_request_error", "Unknown parameter: 'temprature'.", 400),
          ("overloaded_error", "Overloaded", 529),
          ("CURLE_OPERATION_TIMEDOUT", "Operation timed out", None),
          ("http_500", "Internal Server Error", 500)]


def text_of(rng, length):
    words, have = [], 0
    while have < length:
        words.append(rng.choice(WORDS))
        have += len(words[-1]) + 1
    return " ".join(words)


class Maker:
    """One store's spans: `events` holds (end, event), to be sorted."""

    def __init__(self, seed, spans, mean, begin, end):
        self.rng = random.Random(seed)
        self.spans, self.mean = spans, mean
        self.begin, self.end = begin, end
        self.events = []

    def number(self):
        return str(self.rng.getrandbits(63) | 1)

    def transfer(self, duration, status):
        ms = duration / MS
        return {"bytes_received": self.rng.randint(300, 9000),
                "bytes_sent": self.rng.randint(100, 4000),
                "connect_ms": round(ms * 0.04, 3), "curl_code": 0,
                "dns_ms": round(ms * 0.01, 3),
                "first_byte_ms": round(ms * 0.5, 3), "http_version": "2",
                "redirects": 0, "tls_ms": round(ms * 0.09, 3),
                **({"http_status": status} if status else {})}

    def span(self, trace, parent, name, kind, start, duration, app, meta=None,
             metrics=None, error=None, session=None):
        service = {"support": "support-bot", "travel": "travel-agent",
                   "reports": "report-reader"}.get(app, app)
        event = {
            "_dd": {"apm_trace_id": trace, "sample_rate": "1",
                    "sampling_decision": "1", "trace_id": trace},
            "duration": duration, "name": name,
            "meta": {"metadata": {}, "span": {"kind": kind}},
            "metrics": metrics or {}, "parent_id": parent,
            "span_id": self.number(), "start_ns": start,
            "status": "error" if error else "ok",
            "tags": [f"ml_app:{app}", f"service:{service}", "env:prod",
                     "version:1.4", "language:c", "source:integration",
                     f"error:{1 if error else 0}"],
            "trace_id": trace}
        event["meta"].update(meta or {})
        if error:
            event["meta"]["error"] = {"type": error[0], "message": error[1],
                                      "stack": ""}
            event["tags"].append(f"error_type:{error[0]}")
        if session:
            event["session_id"] = session
            event["tags"].append(f"session_id:{session}")
        self.events.append((start + duration, event))
        return event["span_id"]

    def llm(self, trace, parent, start, duration, app, messages, answer,
            model=None, stream=False, error=None, session=None, tools=None):
        rng = self.rng
        model, provider = model or rng.choice(CHAT_MODELS)
        words = sum(len(json.dumps(m)) for m in messages) // 5 + 7
        metrics = {"input_tokens": words,
                   "output_tokens": rng.randint(5, 400)}
        metrics["total_tokens"] = sum(metrics.values())
        if rng.random() < 0.3:
            metrics["cache_read_input_tokens"] = words // 2
        if stream:
            metrics["time_to_first_token"] = round(duration / 1e9 * 0.4, 6)
        name = ("Anthropic.createMessage" if provider == "anthropic"
                else "OpenAI.createChatCompletion")
        meta = {"model_name": model, "model_provider": provider,
                "input": {"messages": messages},
                "output": {"messages": [answer]},
                "metadata": {"temperature": 0.2, "stream": stream,
                             "caller": {"module": "app", "offset": 113858,
                                        "frames": ["app!ask+0x1b",
                                                   "app!main+0xe2"]},
                             "transfer": self.transfer(
                                 duration, error[2] if error else 200)}}
        if tools:
            meta["tool_definitions"] = tools
        if error:
            metrics = {}
            meta["output"] = {"messages": [{"content": "", "role": ""}]}
        return self.span(trace, parent, name, "llm", start, duration, app,
                         meta, metrics, error, session)

    def support(self, trace, start, session):
        rng, length = self.rng, self.rng.randint(200, 900) * MS
        question = rng.choice(QUESTIONS)
        root = self.span(trace, "undefined", "answer ticket", "workflow",
                         start, length, "support",
                         {"input": {"value": question},
                          "output": {"value": "See your mail."}},
                         session=session)
        self.span(trace, root, "OpenAI.createEmbedding", "embedding",
                  start + 4 * MS, 20 * MS, "support",
                  {"model_name": "text-embedding-3-small",
                   "model_provider": "openai",
                   "input": {"documents": [{"text": question}]},
                   "output": {"value": "[1 embedding(s) returned with size "
                                       "1536]"}},
                  {"input_tokens": 12, "total_tokens": 12}, session=session)
        self.span(trace, root, "search manual", "retrieval", start + 25 * MS,
                  30 * MS, "support",
                  {"input": {"value": question},
                   "output": {"documents": [
                       {"text": text_of(rng, self.mean // 3), "name": "manual",
                        "score": 0.83, "id": "m-17"},
                       {"text": text_of(rng, 200), "name": "faq",
                        "score": 0.41, "id": "f-3"}]}}, session=session)
        self.llm(trace, root, start + 60 * MS, length - 120 * MS, "support",
                 [{"role": "system", "content": "You are a support agent."},
                  {"role": "user", "content": question}],
                 {"role": "assistant",
                  "content": text_of(rng, self.mean // 2)},
                 stream=True, session=session,
                 error=rng.choice(ERRORS) if rng.random() < 0.05 else None)
        self.span(trace, root, "send mail", "tool", start + length - 50 * MS,
                  20 * MS, "support",
                  {"input": {"value": "{\"to\": \"customer\"}"},
                   "output": {"value": "sent"}}, session=session)

    def travel(self, trace, start, session):
        rng = self.rng
        root = self.span(trace, "undefined", "plan trip", "workflow", start,
                         800 * MS, "travel", session=session)
        agent = self.span(trace, root, "planner", "agent", start + 5 * MS,
                          780 * MS, "travel", session=session)
        tools = [{"name": n, "description": "finds " + n, "schema":
                  {"type": "object", "properties": {"city": {"type":
                                                             "string"}}}}
                 for n in ("find_hotels", "find_trains")]
        messages = [{"role": "system", "content": "You plan trips."},
                    {"role": "user", "content": "Two of us want to go to "
                     + rng.choice(["Roma", "Wien", "Oslo"])
                     + " in the first week of December."}]
        call = {"role": "assistant", "content": "", "tool_calls": [
            {"name": "find_hotels", "type": "function",
             "tool_id": "call_" + self.number()[:6],
             "arguments": {"city": "Roma", "guests": 2}}]}
        self.llm(trace, agent, start + 20 * MS, 200 * MS, "travel", messages,
                 call, CHAT_MODELS[0], session=session, tools=tools)
        result = {"role": "tool", "content": "", "tool_results": [
            {"name": "find_hotels", "type": "tool_result",
             "tool_id": call["tool_calls"][0]["tool_id"],
             "result": json.dumps({"results": [{"name": "Hotel Am Dom",
                                                "price": 118.5}],
                                   "note": text_of(rng, self.mean // 4)})}]}
        self.llm(trace, agent, start + 400 * MS, 300 * MS, "travel",
                 messages + [call, result],
                 {"role": "assistant", "content": "Take the Hotel Am Dom."},
                 CHAT_MODELS[0], stream=True, session=session, tools=tools)

    def reports(self, trace, start, _session):
        rng = self.rng
        root = self.span(trace, "undefined", "board report", "workflow", start,
                         1900 * MS, "reports")
        for page in range(3):
            self.llm(trace, root, start + (10 + 600 * page) * MS, 580 * MS,
                     "reports",
                     [{"role": "user", "content": f"Summarise page {page}. "
                       + text_of(rng, self.mean * 2)}],
                     {"role": "assistant", "content": text_of(rng, 300)},
                     stream=True)

    def nightly(self, trace, start, _session):
        rng = self.rng
        self.llm(trace, "undefined", start, rng.randint(60, 300) * MS,
                 "nightly",
                 [{"role": "user", "content": "Classify: the invoice is wrong"}],
                 {"role": "assistant", "content": "billing"},
                 CHAT_MODELS[1],
                 error=rng.choice(ERRORS) if rng.random() < 0.2 else None)

    def make(self):
        kinds = [self.support, self.support, self.travel, self.reports,
                 self.nightly, self.nightly]
        number = 0
        while len(self.events) < self.spans:
            start = self.rng.randrange(self.begin, self.end - 3 * SECOND)
            trace = (f"{start // SECOND:08x}00000000"
                     f"{self.rng.getrandbits(64):016x}")
            number += 1
            self.rng.choice(kinds)(trace, start, f"session-{number // 3}")
        self.events.sort(key=lambda pair: (pair[0], pair[1]["span_id"]))
        return [event for _, event in self.events[:self.spans]]


def evaluation(rng, event):
    return {"join_on": {"span": {"trace_id": event["trace_id"],
                                 "span_id": event["span_id"]}},
            "label": "helpful", "metric_type": "score",
            "score_value": round(rng.random(), 2), "assessment": "pass",
            "timestamp_ms": (event["start_ns"] + event["duration"]) // MS,
            "ml_app": "support", "tags": []}


def lines_of(events, seed):
    rng = random.Random(seed + 1)
    for event in events:
        yield json.dumps(event, ensure_ascii=False, separators=(",", ":"),
                         sort_keys=True)
        if event["name"] == "answer ticket" and rng.random() < 0.5:
            yield json.dumps(evaluation(rng, event), separators=(",", ":"),
                             sort_keys=True)


def write(directory, spans, seed=1, mean=1900, hours=24,
          end=1795348800 * SECOND):
    """Writes the store, and returns its events."""
    os.makedirs(directory, exist_ok=True)
    events = Maker(seed, spans, mean, end - hours * 3600 * SECOND, end).make()
    files, out, room = 0, None, 0
    for line in lines_of(events, seed):
        data = line.encode() + b"\n"
        if out is None or room < len(data):
            if out is not None:
                out.close()
            files += 1
            out = open(os.path.join(directory, f"part-{files}"), "wb")
            room = FILE_BYTES
        out.write(data)
        room -= len(data)
    if out is not None:
        out.close()
    for i in range(1, files + 1):
        name = ("spans.jsonl" if i == files
                else f"spans-{end - files + i:019d}.jsonl")
        path = os.path.join(directory, name)
        os.rename(os.path.join(directory, f"part-{i}"), path)
        # A view passes files over that are older than what it looks for.
        os.utime(path, ns=(end, end))
    return events


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--spans", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--bytes", type=int, default=1900)
    parser.add_argument("--hours", type=int, default=24)
    parser.add_argument("--end", type=int, default=1795348800 * SECOND)
    parser.add_argument("directory")
    args = parser.parse_args()
    write(args.directory, args.spans, args.seed, args.bytes, args.hours,
          args.end)


if __name__ == "__main__":
    main()
