#!/usr/bin/python3
"""`llmobs view --why-cache` against conversations whose cache is simulated here.

usage: why_cache.py BUILD [SEED]

A conversation goes on call by call; at some of them one thing changes. What the
provider would read from its cache is computed from the whole prompts, whatever the
tool thinks. Two conversations of one session alternate, so that the call before is
mostly of the other one.
"""
import copy
import csv
import fcntl
import io
import json
import os
import pty
import random
import struct
import subprocess
import sys
import tempfile
import termios

BUILD = sys.argv[1]
SEED = int(sys.argv[2]) if len(sys.argv) > 2 else 80
DRAW = random.Random(SEED)
passed = failed = 0


def check(name, good, said=""):
    global passed, failed
    passed, failed = passed + bool(good), failed + (not good)
    print("%s %s" % ("ok" if good else "not ok", name))
    if not good:
        print("  %s" % (said,))


def words(n):
    return " ".join("%05x" % DRAW.randrange(1 << 20) for _ in range(n))


# The providers: name, model, another model, tokens that a cache keeps at least, its
# steps, its life in seconds, whether it counts what it writes.
KINDS = [("anthropic", "claude-sonnet-4-5", "claude-opus-4-1", 1024, 1, 300, True),
         ("openai", "gpt-4.1", "gpt-4.1-mini", 1024, 128, 600, False),
         ("gemini", "gemini-2.5-flash", "gemini-2.5-pro", 1024, 128, 600, False),
         ("bedrock", "anthropic.claude-sonnet-4-5-v1:0", "anthropic.claude-opus-4-1-v1:0",
          1024, 1, 300, True)]


def prompt_of(talk):
    """The tokens of each part, in the order in which a provider builds a prompt."""
    parts = [json.dumps(p) for p in
             talk["tools"] + [talk["system"]] + talk["messages"]]
    return [(p, len(p) // 4) for p in parts]


def change(talk, kind):
    """Changes one thing; gives the causes that are right."""
    what = DRAW.choice(["none"] * 4 + ["tool-added", "tool-removed", "tool-changed",
                                       "system", "model", "waited", "history-edited",
                                       "compacted"])
    if what == "tool-added":
        talk["tools"].insert(DRAW.randrange(len(talk["tools"])), tool())
    elif what == "tool-removed" and len(talk["tools"]) > 4:
        talk["tools"].pop(DRAW.randrange(len(talk["tools"])))
    elif what == "tool-changed":
        DRAW.choice(talk["tools"])["description"] = words(40)
    elif what == "system":
        talk["system"]["content"] = words(300)
    elif what == "model":
        talk["model"] = kind[2] if talk["model"] == kind[1] else kind[1]
    elif what == "history-edited" and len(talk["messages"]) > 6:
        talk["messages"][4]["content"] = words(50)
    elif what == "compacted" and len(talk["messages"]) > 14:
        talk["messages"] = [{"role": "user", "content": words(30)}] + talk["messages"][-1:]
    elif what != "waited":
        return "none"
    return what


def tool():
    return {"name": "t" + words(1), "description": words(60),
            "schema": {"type": "object", "properties": {words(1): {"type": "string"}}}}


def make(kind, number, spans, truth):
    provider, model, _, least, step, life, writes = kind
    now, cache, session = 1_700_000_000 + number * 100_000, {}, "s%d" % number
    talks = [{"tools": [tool() for _ in range(8)], "model": model, "left": 0,
              "last": now, "since": {},
              "system": {"role": "system", "content": words(400)},
              "messages": [{"role": "user", "content": words(200)}]}
             for _ in range(2)]
    for i in range(36):
        talk = talks[i % 2 if DRAW.random() < 0.8 else 0]
        what = change(talk, kind) if i > 3 else "none"
        now += life + 60 if what == "waited" else DRAW.randrange(3, 9)
        parts = prompt_of(talk)
        total = sum(n for _, n in parts)
        # The longest prefix that a call has left, and that still lives.
        read = at = 0
        for k in range(len(parts)):
            at += parts[k][1]
            key = (talk["model"], tuple(p for p, _ in parts[:k + 1]))
            if now - cache.get(key, -life - 1) <= life and at >= least:
                read = at // step * step
        for k in range(len(parts)):
            # The provider with marks keeps the prefix up to a mark: tools and system,
            # and the end; the others all.
            if not writes or k == len(parts) - 1 or k == len(talk["tools"]):
                cache[talk["model"], tuple(p for p, _ in parts[:k + 1])] = now
        lost = min(talk["left"], total // step * step) - read
        name = "%016x" % (number << 16 | i + 1)
        broke = talk["left"] >= least and lost > max(
            130 if not writes else 8, 0.01 * talk["left"])
        # Right is each change since the last call of this model, and a wait.
        for causes in talk["since"].values():
            causes.add(what)
        causes = talk["since"].get(talk["model"], set()) | {what}
        talk["since"][talk["model"]] = set()
        if now - talk["last"] > life:
            causes.add("waited")
        talk["last"] = now
        truth[name] = (causes - {"none"} if broke else set(), lost)
        talk["left"] = total if writes else total // step * step
        metrics = {"input_tokens": total, "output_tokens": 20, "total_tokens": total + 20,
                   "cache_read_input_tokens": read, "time_to_first_token": 0.4}
        if writes:
            metrics["cache_write_input_tokens"] = total - read
        answer = {"role": "assistant", "content": words(40)}
        spans.append({
            "name": "call", "trace_id": name * 2, "span_id": name, "parent_id": "undefined",
            "session_id": session, "start_ns": now * 10**9, "duration": 10**9,
            "status": "ok", "tags": ["ml_app:t", "session_id:" + session],
            "metrics": metrics, "_call": {"host": provider + ".test",
                                          "request_model": talk["model"]},
            "meta": {"kind": "llm", "span": {"kind": "llm"}, "model_name": talk["model"],
                     "model_provider": provider,
                     "tool_definitions": copy.deepcopy(talk["tools"]),
                     "input": {"messages": copy.deepcopy([talk["system"]] +
                                                         talk["messages"])},
                     "output": {"messages": [answer]}, "metadata": {}}})
        talk["messages"] += [answer, {"role": "user", "content": words(30)}]


def view(store, *args):
    done = subprocess.run(
        [os.path.join(BUILD, "llmobs"), "view", "--store", store, *args],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**os.environ, "COLUMNS": "80", "LLMOBS_CONFIG_FILE": "/dev/null"})
    check("exit of %s" % (args,), done.returncode == 0, done.stderr)
    return done.stdout.decode(), done.stderr.decode()


def terminal(store, *args):
    """What a terminal of 80 columns gets."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    env = {k: v for k, v in os.environ.items() if k != "COLUMNS"}
    done = subprocess.Popen([os.path.join(BUILD, "llmobs"), "view", "--store", store, *args],
                            stdin=subprocess.DEVNULL, stdout=slave, env=env)
    os.close(slave)
    text = b""
    while True:
        try:
            more = os.read(master, 4096)
        except OSError: # the other side is closed
            more = b""
        text += more
        if not more:
            break
    os.close(master)
    done.wait()
    return text.decode()


def put(where, spans):
    os.makedirs(where, mode=0o700)
    with open(os.path.join(where, "spans.jsonl"), "w") as out:
        out.writelines(json.dumps(s) + "\n" for s in spans)


with tempfile.TemporaryDirectory() as room:
    for kind in KINDS:
        spans, truth = [], {}
        for number in range(4):
            make(kind, number, spans, truth)
        store = os.path.join(room, kind[0])
        put(store, spans)
        said = {}
        for line in view(store, "--why-cache", "--json")[0].splitlines():
            line = json.loads(line)
            said[line["span_id"]] = line
        right = missed = false = wrong = 0
        for name, (cause, lost) in truth.items():
            have = said.get(name)
            if not have or not cause:
                missed += bool(cause)
                false += bool(have)
                if have:
                    print("  false:", kind[0], have["cause"], have["why"])
                elif cause:
                    print("  missed:", kind[0], cause, lost)
            elif have["cause"] in cause or (
                    have["cause"] == "tools-replaced" and
                    cause & {"tool-added", "tool-removed"}):
                right += 1
            else:
                wrong += 1
                print("  wrong:", kind[0], cause, have["cause"], have["why"])
        every = right + missed + wrong
        print("  %s: %d of %d named, %d wrong, %d missed, %d false" % (
            kind[0], right, every, wrong, missed, false))
        check("%s: causes" % kind[0], every > 10 and right >= 0.95 * every)
        check("%s: no false alarm" % kind[0], false == 0)
        table = view(store, "--why-cache", "--csv")[0]
        check("%s: csv" % kind[0], sorted(
            r["span_id"] for r in csv.DictReader(io.StringIO(table))) == sorted(said))
        text = view(store, "--why-cache")[0]
        check("%s: a row each" % kind[0], "WHY" in text and len(
            text.splitlines()) >= len(said) + 2, text)
        text = terminal(store, "--why-cache", "--no-pager", "--color", "never")
        check("%s: 80 columns" % kind[0], "WHY" in text and all(
            len(t) <= 80 for t in text.splitlines()), text)
        some = next(iter(said))
        one = view(store, "--why-cache", "--json", some)[0].splitlines()
        check("%s: one" % kind[0], [json.loads(t) for t in one] == [said[some]], one)
    text = view(store, "--why-cache")[0].splitlines()
    check("a pipe gets the whole cause", all(
        any(said[name]["why"] in line for line in text) for name in said), text)
    back = view(store, "--why-cache", "--reverse")[0].splitlines()
    check("reverse", len(said) > 3 and back[1:-2] == text[-3:0:-1] and
          back[-2:] == text[-2:], back)
    few = view(store, "--why-cache", "-n", "3")[0].splitlines()
    check("the newest 3, and the sum of all",
          few[0].split() == text[0].split() and
          [line.split() for line in few[1:]] == [line.split() for line in text[-5:]], few)
    few = view(store, "--why-cache", "-n", "3", "--reverse", "--json")[0].splitlines()
    check("the newest 3, the newest first", [json.loads(t)["span_id"] for t in few] ==
          list(said)[:-4:-1], few)
    check("the sum is of the call that was asked for",
          "1 break of 1 call:" in view(store, "--why-cache", some)[0])
    done = subprocess.run([os.path.join(BUILD, "llmobs"), "view", "--store", store,
                           "--why-cache", "ffffffffffffffff"], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE)
    check("no such call", done.returncode == 1 and b"no such spans" in done.stderr,
          done.stderr)
    for span in spans:
        span["meta"]["input"], span["meta"]["output"] = {}, {}
        del span["meta"]["tool_definitions"]
    put(os.path.join(room, "off"), spans)
    text, told = view(os.path.join(room, "off"), "--why-cache", "--json")
    check("without texts", text == "" and "not known for %d calls" % len(spans) in told,
          (text, told))
print("%d passed, %d failed" % (passed, failed))
sys.exit(failed > 0)
