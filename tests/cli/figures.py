#!/usr/bin/python3
"""The tables of `llmobs view`, each number held to another computation of it.

usage: figures.py BUILD_DIR [PART]...

The numbers come from the events of `llmobs view --json` with the same filters,
by this file's own arithmetic.
"""
import csv
import datetime
import decimal
import io
import json
import os
import pty
import random
import re
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
BUILD, *ONLY = sys.argv[1:]
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
sys.path[:0] = [os.path.join(ROOT, "tests", "page"),
                os.path.join(ROOT, "tests", "support")]
import hostile  # noqa: E402
import stores  # noqa: E402

TOOL = os.path.join(BUILD, "llmobs")
TMP = tempfile.TemporaryDirectory(prefix="llmobs-figures.")
STORE = os.path.join(TMP.name, "store")
HOSTILE = os.path.join(TMP.name, "hostile")
NS = 10**9
ENV = {"PATH": "/usr/bin:/bin", "HOME": TMP.name, "TZ": "UTC",
       "LC_ALL": "C.UTF-8", "LLMOBS_CONFIG": os.path.join(TMP.name, "none"),
       "LLMOBS_PRICES": "off"}
FILTERS = [[], ["--kind", "llm"], ["--errors"], ["--model", "gpt-4o*"],
           ["--provider", "anthropic"], ["--ml-app", "support"],
           ["--session", "session-7"], ["--min-duration", "300ms"],
           ["--tag", "env:prod"], ["--name", "!OpenAI.*"],
           ["--grep", "parcel|invoice"], ["--kind", "tool"]]


def check(name, good, what=""):
    print("%s %s%s" % ("ok" if good else "not ok", name,
                       "" if good else " (%s)" % str(what)[:1500]), flush=True)


def view(*args, store=STORE, status=0, **env):
    done = subprocess.run([TOOL, "view", "--store", store, *args],
                          capture_output=True, timeout=60, env={**ENV, **env})
    if done.returncode != status:
        check("status of %s" % (args,), False, done)
    return done


def terminal(*args, store=STORE, **env):
    """The bytes that reach a terminal."""
    master, slave = pty.openpty()
    done = subprocess.Popen([TOOL, "view", "--store", store, *args],
                            stdout=slave, stderr=subprocess.DEVNULL,
                            env={**ENV, **env})
    os.close(slave)
    out = b""
    try:
        while data := os.read(master, 65536):
            out += data
    except OSError:  # the other end is closed
        pass
    os.close(master)
    done.wait(60)
    return out


def events(*args, store=STORE):
    """The spans, each once: of repeated ones the last."""
    found = {}
    for line in view("--json", *args, store=store).stdout.split(b"\n")[:-1]:
        event = json.loads(line.decode("utf-8", "replace").lstrip("\ufeff"),
                           strict=False)
        if "span_id" in event:
            found.pop((event["trace_id"], event["span_id"]), None)
            found[event["trace_id"], event["span_id"]] = event
    return list(found.values())


def lines(*args, store=STORE):
    """The objects of a table in JSON."""
    return [json.loads(line) for line in
            view("--json", *args, store=store).stdout.split(b"\n")[:-1]]


def rows(*args, store=STORE):
    """The rows of a table in CSV."""
    text = view("--csv", *args, store=store).stdout.decode()
    if not text.replace("\r\n", "").count("\n"):
        assert text.endswith("\r\n"), text[-80:]
    return list(csv.DictReader(io.StringIO(text, newline="")))


# ---- facts of an event, as this file reads them ----------------------------

def part(value, *keys):
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def text_of(value):
    if not isinstance(value, str):
        return None
    return value.replace("\0", "\ufffd").encode(
        "utf-16", "surrogatepass").decode("utf-16", "replace") or None


def tag_of(event, key):
    tags = event.get("tags")
    for tag in tags if isinstance(tags, list) else []:
        if isinstance(tag, str) and tag.startswith(key + ":"):
            return text_of(tag[len(key) + 1:])
    return None


def count_of(value):
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    if isinstance(value, float) and not value < 9e15 or value < 0:
        return None
    return int(value)


def seconds_of(ns):
    return None if ns is None else ns / NS


def cost_of(kind, metrics):
    """The cost that a provider gave."""
    cost = part(metrics, "total_cost")
    return cost if kind in ("llm", "embedding") else None


def facts(event):
    metrics = event.get("metrics")
    failed = event.get("status") == "error"
    kind = text_of(part(event, "meta", "span", "kind"))
    first = part(metrics, "time_to_first_token")
    start = event.get("start_ns")
    return {
        "start_ns": start if isinstance(start, int) and start > 0 else None,
        "trace_id": event["trace_id"], "span_id": event["span_id"],
        "kind": kind, "name": text_of(event.get("name")) or "",
        "model": text_of(part(event, "meta", "model_name")),
        "provider": text_of(part(event, "meta", "model_provider")),
        "status": "error" if failed else "ok", "failed": failed,
        "error_type": failed and (text_of(part(event, "meta", "error", "type"))
                                  or tag_of(event, "error_type")) or None,
        "duration_ns": count_of(event.get("duration")),
        "first_token_s": first if isinstance(first, (int, float))
        and 0 <= first < float("inf") else None,
        "input_tokens": count_of(part(metrics, "input_tokens")),
        "output_tokens": count_of(part(metrics, "output_tokens")),
        "cache_read_tokens": count_of(part(metrics,
                                           "cache_read_input_tokens")),
        "cache_write_tokens": count_of(part(metrics,
                                            "cache_write_input_tokens")),
        "reasoning_tokens": count_of(part(metrics,
                                          "reasoning_output_tokens")),
        "cost_usd": cost_of(kind, metrics),
        "ml_app": tag_of(event, "ml_app"), "service": tag_of(event, "service"),
        "env": tag_of(event, "env"),
        "session": text_of(event.get("session_id"))
        or tag_of(event, "session_id")}


def choices(seed, count):
    """So many lists of filters, by chance."""
    rng = random.Random(seed)
    for _ in range(count):
        yield sum(rng.sample(FILTERS[1:], rng.randint(1, 2)), [])


# ---- spans -----------------------------------------------------------------

def spans():
    """--csv and --json --fields: every fact of every span."""
    for args in [[], *choices(1, 5)]:
        wanted = [facts(event) for event in events(*args)][::-1]
        wrong = []
        for want, have in zip(wanted, rows(*args)):
            got = {key: have[key] or None for key in have if key in want}
            for key in [k for k in got if k.endswith(("_tokens", "_s", "_usd"))]:
                got[key] = got[key] and float(got[key])
            if any(got[key] != want[key] for key in got) or have[
                    "duration_s"] != "%.9f" % (want["duration_ns"] / NS) \
                    and float(have["duration_s"]) != want["duration_ns"] / NS:
                wrong.append((want, have))
            at = datetime.datetime.strptime(have["start"],
                                            "%Y-%m-%dT%H:%M:%S.%f%z")
            if at.timestamp() != want["start_ns"] // 1000 / 1e6:
                wrong.append((want, have))
        check("csv %s" % args, not wrong and len(wanted) == len(rows(*args)),
              wrong[:1])
        fields = ["model", "start", "input_tokens", "failed"][:3]
        have = lines("--fields", ",".join(fields), *args)
        check("json of fields %s" % args, [list(h) for h in have] ==
              [fields] * len(wanted) and [
                  (h["model"], h["input_tokens"]) for h in have] ==
              [(w["model"], w["input_tokens"]) for w in wanted], have[:2])
    have = rows("--fields", "question,answer,name", "--kind", "embedding")
    check("csv has the first words", have and all(
        row["question"] in stores.QUESTIONS and "embedding(s)" in row["answer"]
        for row in have), have[:1])
    check("csv -n has the newest", rows("-n", "3") == rows()[:3])
    said = view("--csv", "--fields", "modle", status=2).stderr
    check("a mistyped field", b"did you mean model?" in said, said)
    view("--spans", "--fields", "model", status=2)


def formulas():
    """--csv of a hostile store: each text is there, and computes nothing."""
    marks = ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "a,b", "say \"no\"",
             "two\nlines", " = 1", "", "'", "\"", ","]
    store = os.path.join(TMP.name, "formulas")
    os.makedirs(store)
    with open(os.path.join(store, "spans.jsonl"), "w", encoding="utf-8") as f:
        for i, mark in enumerate(marks):
            f.write(json.dumps(hostile.span(i, name=mark, session_id=mark))
                    + "\n")
    have = [row["name"] for row in rows(store=store)][::-1]
    check("a cell is no formula", have == [
        "'" + m if m[:1] and m[0] in "=+-@\t\r" else m for m in marks], have)
    have = rows(store=HOSTILE)
    want = [facts(e) for e in events(store=HOSTILE)][::-1]
    check("csv of a hostile store", len(have) == len(want) and {
        re.sub("\ufffd+", "?", row["name"]) for row in have} == {
        re.sub("\ufffd+", "?", w["name"]) for w in want})
    odd = [row for row in have if row["span_id"] in ("span-101", "span-202")]
    check("csv of odd numbers", len(odd) == 2 and not any(
        row["duration_s"] for row in odd) and odd[1]["start"] == "", odd)
    seen = terminal("--csv", "--fields", "name,model", store=HOSTILE)
    check("a terminal sees no control of csv", b"\x1b" not in seen
          and b"\\x1b[2J" in seen and "\u202e".encode() not in seen, seen[:200])


def database():
    """The recipe of docs/VIEW.md."""
    tool = shutil.which("sqlite3")
    if not tool:
        print("skip the recipe for SQLite: no sqlite3 here")
        return
    path = os.path.join(TMP.name, "t.db")
    subprocess.run("'%s' view --store '%s' --csv | '%s' '%s' "
                   "'.import --csv /dev/stdin spans'" % (
                       TOOL, STORE, tool, path),
                   shell=True, check=True, env=ENV, timeout=60,
                   stderr=subprocess.DEVNULL)
    done = subprocess.run([tool, path, "select count(*), sum(input_tokens), "
                           "sum(answer like '%churn%') > 0 from spans"],
                          capture_output=True, text=True, timeout=60)
    all_ = [facts(event) for event in events()]
    want = "%d|%.1f|1\n" % (len(all_), sum(f["input_tokens"] or 0
                                           for f in all_))
    check("the recipe for SQLite", done.stdout == want, (done, want))


# ---- chrome ----------------------------------------------------------------

def chrome_of(*args, store=STORE):
    return json.loads(view("--chrome-trace", *args, store=store).stdout,
                      parse_float=decimal.Decimal)["traceEvents"]


def hidden(found):
    """Pairs of spans that hide each other: on one lane, and neither part of
    the other, or equal in time and no relatives."""
    lanes, wrong = {}, []
    for e in found:
        if e["ph"] == "X":
            lanes.setdefault((e["pid"], e["tid"]), []).append(
                (int(e["ts"] * 1000), -int(e["dur"] * 1000), e))
    for lane in lanes.values():
        lane.sort(key=lambda one: one[:2])
        above = []
        for start, minus, e in lane:
            while above and above[-1][0] <= start:
                above.pop()
            if above and above[-1][0] < start - minus:
                wrong.append((above[-1][1], e))
            above.append((start - minus, e))
    return wrong


def chrome():
    for args in [[], *choices(2, 4)]:
        found = chrome_of(*args)
        have = sorted((e["args"]["span_id"], e["name"], e["cat"],
                       int(e["ts"] * 1000), int(e["dur"] * 1000))
                      for e in found if e["ph"] == "X")
        want = [(f["span_id"], f["name"], f["kind"], f["start_ns"],
                 f["duration_ns"]) for f in map(facts, events(*args))]
        check("chrome's events %s" % args, have == sorted(want), have[:2])
        check("no span hides another %s" % args, not hidden(found),
              hidden(found)[:1])
    pids = {e["pid"] for e in found}
    check("a process for each trace", pids == {
        e["pid"] for e in found if e["name"] == "process_name"} and
        len(pids) == len({e["trace_id"] for e in events(*args)}), len(pids))


def crowds():
    """Lanes of traces that were made to overlap."""
    rng = random.Random(5)
    store = os.path.join(TMP.name, "crowds")
    os.makedirs(store)
    with open(os.path.join(store, "spans.jsonl"), "w", encoding="utf-8") as f:
        for i in range(400):
            f.write(json.dumps(hostile.span(
                i, "trace-%d" % (i % 5), parent_id=rng.choice(
                    ["undefined", "span-%d" % rng.randrange(400)]),
                start_ns=hostile.BEGIN + 1000 * rng.randrange(60),
                duration=1000 * rng.choice([0, 1, 5, 20, 60]))) + "\n")
    found = chrome_of(store=store)
    check("crowds: every span", len([e for e in found if e["ph"] == "X"])
          == 400)
    check("crowds: none hides another", not hidden(found), hidden(found)[:1])
    check("crowds: lanes are few", max(e.get("tid", 0) for e in found) < 80)
    done = view("--chrome-trace", store=HOSTILE)
    have = json.loads(done.stdout)["traceEvents"]
    want = [facts(e) for e in events(store=HOSTILE)]
    lengths = [f["duration_ns"] for f in want if f["start_ns"]]
    check("chrome of a hostile store", len(
        [e for e in have if e["ph"] == "X"]) == len(
        [n for n in lengths if n is not None]) and len(
        [e for e in have if e["ph"] == "i"]) == lengths.count(None) and
        b"%d spans without a start" % (len(want) - len(lengths))
        in done.stderr, (len(lengths), done.stderr))


def write_store():
    """Spans of many kinds, some of which have a cost, or come twice."""
    rng = random.Random(4)
    stores.write(STORE, 600, seed=3)
    path = os.path.join(STORE, "spans.jsonl")
    with open(path, encoding="utf-8") as f:
        lines_ = [json.loads(line) for line in f]
    for event in lines_:
        if event.get("metrics") and rng.random() < 0.7:
            event["metrics"]["total_cost"] = rng.random() / 50
    again = [event for event in lines_ if rng.random() < 0.03]
    with open(path, "w", encoding="utf-8") as f:
        for event in again + lines_:
            if event in again:
                event = {**event, "duration": event.get("duration", 0) + 1}
            f.write(json.dumps(event) + "\n")


write_store()
hostile.write(HOSTILE)
for one in (spans, formulas, database, chrome, crowds):
    if not ONLY or one.__name__ in ONLY:
        one()
