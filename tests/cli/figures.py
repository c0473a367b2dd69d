#!/usr/bin/python3
"""The tables of `llmobs view`, each number held to another computation of it.

usage: figures.py BUILD_DIR [PART]...

The numbers come from the events of `llmobs view --json` with the same filters,
by this file's own arithmetic.
"""
import collections
import csv
import datetime
import functools
import io
import json
import math
import operator
import os
import pty
import random
import re
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import unicodedata
import zoneinfo

sys.dont_write_bytecode = True
from checks import check  # noqa: E402
from inputs import hostile, stores  # noqa: E402

BUILD, *ONLY = sys.argv[1:]
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
           ["--session", "session-7"], ["duration:>=300ms"],
           ["--tag", "env:prod"], ["--name", "!OpenAI.*"],
           ["--grep", "parcel|invoice"], ["--kind", "tool"]]


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


@functools.lru_cache(None)
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
            if any(got[key] != want[key] and not (
                    key == "cost_usd" and None not in (got[key], want[key])
                    and abs(got[key] - want[key]) < 1e-12)
                    for key in got) or have[
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


def many(count):
    """Spans of traces with workflows, tools, retries, teams and templates."""
    rng = random.Random(13)
    trace, failed = [], None
    for i in range(count):
        kind = "workflow" if i % 9 == 0 else rng.choice(["llm", "llm", "llm", "tool"])
        if i % 9 == 0:
            trace = hostile.span(i)["trace_id"]
        bad = kind == "llm" and rng.random() < 0.2
        event = hostile.span(i, trace_id=trace, status="error" if bad else "ok",
                             name=rng.choice("abcd") + kind,
                             parent_id="undefined" if i % 9 == 0 else str(i - i % 9),
                             start_ns=hostile.BEGIN + i * 7 * NS,
                             duration=rng.randrange(80 * NS),
                             tags=["team:" + rng.choice("xyz"), "env:a:b"])
        prompt = {"prompt": {"id": rng.choice("pq"), "version": str(rng.randrange(3))}}
        event["span_id"] = str(2**63 + i)
        event["parent_id"] = event["parent_id"] if i % 9 == 0 else str(2**63 + i - i % 9)
        event["meta"] = {"span": {"kind": kind}, "error": {
            "type": rng.choice(["dead", "late"])} if bad else {}}
        event["metrics"] = {}
        if kind == "llm":
            event["meta"].update(model_name=rng.choice("mn"), input={
                "messages": [{"role": "user", "content": rng.choice(
                    ["what's \"it\"?", "ok", "zwölf,\nund", "x" * 300])}], **prompt},
                output={"messages": [{"role": "assistant", "content": "", "tool_calls": [
                    {"name": "t", "arguments": {"a": rng.randrange(3)}, "tool_id": "c%d" % i}]}]})
            event["metrics"] = {"input_tokens": rng.randrange(5) + 1, "output_tokens": 2,
                                "time_to_first_token": rng.random()}
            if not bad:
                event["metrics"]["total_cost"] = rng.randrange(99) / 100
            if rng.random() < 0.6:
                event["metrics"]["cache_read_input_tokens"] = 1
            if failed and failed["trace_id"] == trace:
                event["span_links"] = [{"trace_id": trace, "span_id": failed["span_id"],
                                        "attributes": {"kind": "retry_of"}}]
            failed = event if bad else None
        yield event


def summed(found, key, value):
    """Groups of a list, and of each the sum of what is known, or None."""
    groups = collections.defaultdict(list)
    for one in found:
        groups[key(one)].append(value(one))
    return {k: (len(v), sum_of([x for x in v if x is not None])
                if any(x is not None for x in v) else None) for k, v in groups.items()}


def near(have, want):
    return len(have) == len(want) and all(
        len(h) == len(w) and all(
            abs(a - b) < 1e-9 if isinstance(b, float) and a is not None else a == b
            for a, b in zip(h, w)) for h, w in zip(have, want))


def database():
    """--sqlite against the events, and the recipes of docs/VIEW.md as they stand there."""
    store = os.path.join(TMP.name, "database")
    os.makedirs(store)
    with open(os.path.join(store, "spans.jsonl"), "w", encoding="utf-8") as f:
        f.writelines(json.dumps(event) + "\n" for event in many(3000))
    path = os.path.join(TMP.name, "spans.db")
    done = view("--sqlite", path, store=store)
    if b"libsqlite3" in done.stderr:
        print("skip --sqlite: no libsqlite3 here")
        return
    db = sqlite3.connect(path)
    check("only the owner reads it", os.stat(path).st_mode & 0o777 == 0o600)
    check("it is whole", db.execute("pragma integrity_check").fetchall() == [("ok",)])
    every = events(store=store)
    table = [dict(zip([c[0] for c in cursor.description], row)) for cursor in [
        db.execute("select * from spans order by start")] for row in cursor]
    names = list(table[0])
    check("its columns are the fields", names == list(rows("-n", "1", store=store)[0]), names)
    check("ids are texts, unknown is NULL", all(
        isinstance(row["span_id"], str) and
        (row["parent_id"] is None or isinstance(row["parent_id"], str)) and
        "" not in row.values() for row in table))
    wrong = []
    for row, event in zip(table, every):
        want = facts(event)
        want["duration_s"] = seconds_of(want.pop("duration_ns"))
        for key in set(want) & set(names):
            if key != "name" and row[key] != want[key]:
                wrong.append((key, row[key], want[key]))
    check("every fact of each span", len(table) == len(every) == 3000 and not wrong, wrong[:5])
    retries = [e for e in every if e.get("span_links")]
    check("retry_of, prompt and its version", all(
        row["retry_of"] == (part((event.get("span_links") or [None])[0], "span_id")) and
        row["prompt"] == part(event, "meta", "input", "prompt", "id") and
        row["prompt_version"] == part(event, "meta", "input", "prompt", "version")
        for row, event in zip(table, every)) and len(retries) > 100, len(retries))
    check("children find their parents", db.execute(
        "select count(*) from spans a join spans b on b.span_id = a.parent_id").fetchone()[0]
        == sum(e["parent_id"] != "undefined" for e in every))
    have = db.execute("select span_id, side, number, role, content, tool_calls from messages "
                      "order by span_id, side").fetchall()
    want = [(e["span_id"], side, 1, m["role"], m["content"],
             m.get("tool_calls")) for e in every for side in ("input", "output")
            for m in part(e, "meta", side, "messages") or []]
    check("messages, whole", [(*h[:5], h[5] and json.loads(h[5])) for h in have] == want,
          have[:2])
    check("tags", db.execute("select tag, value, count(*) from tags group by 1, 2").fetchall()
          == sorted((*t.split(":", 1), n) for t, n in collections.Counter(
              t for e in every for t in e["tags"]).items()))
    recipes(db, store, [facts(e) for e in every], every)
    db.close()
    for args in ["--kind", "tool"], ["--tag", "!team:x"], ["-n", "70"], [
            "--prompt", "p", "--errors"]:
        view("--sqlite", path, *args, store=store)
        db = sqlite3.connect(path)
        have = [row[0] for row in db.execute("select span_id from spans order by start desc")]
        want = [row["span_id"] for row in rows("--fields", "span_id", *args, store=store)]
        check("the spans of %s" % args, have == want and len(want) > 20)
        db.close()
    view("--sqlite", path, store=HOSTILE)
    db = sqlite3.connect(path)
    check("a hostile store", db.execute("select count(*) from spans").fetchone()[0] ==
          len(events(store=HOSTILE)))
    db.close()
    faults(path, store)


def by_prompt():
    """Groups by template, and by week; tags that exclude."""
    store = os.path.join(TMP.name, "prompts")
    os.makedirs(store)
    every = [{**event, "start_ns": hostile.BEGIN + i * 7000 * NS}
             for i, event in enumerate(many(900))]
    with open(os.path.join(store, "spans.jsonl"), "w", encoding="utf-8") as f:
        f.writelines(json.dumps(event) + "\n" for event in every)
    calls = [e for e in every if part(e, "meta", "span", "kind") == "llm"]
    have = {(r["prompt"], r["prompt_version"]): r["calls"] for r in lines(
        "--summary", "--by", "prompt,prompt_version", store=store)}
    check("by template and version", have == dict(collections.Counter((
        part(e, "meta", "input", "prompt", "id"), part(e, "meta", "input", "prompt", "version"))
        for e in calls)) and len(have) == 6, have)
    for zone in "UTC", "America/St_Johns", "Asia/Tehran":
        weeks = collections.Counter()
        for e in calls:
            day = datetime.datetime.fromtimestamp(
                e["start_ns"] // NS, zoneinfo.ZoneInfo(zone)).date()
            weeks[str(day - datetime.timedelta(day.weekday()))] += 1
        have = [(r["week"], r["calls"]) for r in (json.loads(t) for t in view(
            "--summary", "--by", "week", "--json", store=store, TZ=zone).stdout.splitlines())]
        check("weeks of %s" % zone, have == sorted(weeks.items()) and len(have) > 8,
              (have, weeks))
    for tags in ["!team:x"], ["!team:x", "!team=y"], ["team:x", "!env:a:b"], [
            "!none:x"], ["!team:x", "env=a:b"]:
        args = [word for tag in tags for word in ("--tag", tag)]
        want = [e["span_id"] for e in every if all(
            (t.strip("!").replace("=", ":", 1) in e["tags"]) != t.startswith("!")
            for t in tags)]
        check("tags %s" % tags, [r["span_id"] for r in rows(
            "--fields", "span_id", *args, store=store)] == want[::-1], len(want))
        check("tags %s of a summary" % tags, lines("--summary", *args, store=store)[0]["calls"]
              == len([e for e in calls if e["span_id"] in want]))
    view("--tag", "!", store=store, status=2)
    view("--tag", "!x", store=store, status=2)
    roots = {e["trace_id"]: e["name"] for e in every if e["parent_id"] == "undefined"}
    with open(os.path.join(store, "spans.jsonl"), "a", encoding="utf-8") as f:
        f.write(json.dumps({**every[0], "span_id": "7", "name": "younger",
                            "start_ns": every[0]["start_ns"] + 1}) + "\n")
    for args in [], ["--errors"], ["--kind", "tool"]:
        want = collections.Counter(
            roots[e["trace_id"]] for e in every if part(e, "meta", "span", "kind") == (
                "tool" if "--kind" in args else "llm") and (
                    "--errors" not in args or e["status"] == "error"))
        have = {r["root"]: r["calls"] for r in lines(
            "--summary", "--by", "root", *args, store=store)}
        check("by root %s" % args, have == dict(want) and len(have) == 4, (have, want))


def recipes(db, store, all_facts, every):
    with open("docs/VIEW.md", encoding="utf-8") as f:
        recipe = re.search(r"\n\*\*SQLite.*?```sh\n(.*?)```", f.read(), re.S)[1]
    if shutil.which("sqlite3"):
        done = subprocess.run(
            ["sh", "-ec", recipe], capture_output=True, text=True, timeout=60,
            cwd=TMP.name, env={**ENV, "LLMOBS_STORE_DIR": store, "PATH":
                               os.path.abspath(BUILD) + ":" + ENV["PATH"]})
        check("the recipes run as they stand", done.returncode == 0, done.stderr)
    have = [db.execute(q.replace("\\$", "$")).fetchall()
            for q in re.findall(r'sqlite3 spans.db "(.*?)"\n', recipe, re.S)]
    llm = [f for f in all_facts if f["kind"] == "llm"]
    roots = {e["trace_id"]: e["name"] for e in every if e["parent_id"] == "undefined"}
    ids = {e["span_id"]: e for e in every}
    cost = lambda f: f["cost_usd"]
    want = []
    cents = summed(llm, lambda f: f["model"], cost)
    tokens = summed(llm, lambda f: f["model"], lambda f: f["input_tokens"])
    want.append(sorted(((None, m, n, c, tokens[m][1]) for m, (n, c) in cents.items()),
                       key=lambda r: -r[3]))
    asked = [(f, part(e, "meta", "input", "messages")[0]["content"][:200])
             for f, e in zip(all_facts, every) if f["kind"] == "llm" and not f["failed"]]
    groups = summed(asked, lambda a: (a[0]["model"], a[1], a[0]["input_tokens"]),
                    lambda a: cost(a[0]))
    want.append(sorted(((None, k[0], k[1], n - 1, c) for k, (n, c) in groups.items()
                        if n > 1), key=lambda r: (-r[3], -r[4]))[:10])
    groups = summed([(f, e) for f, e in zip(all_facts, every) if e.get("span_links")],
                    lambda p: part(ids[p[1]["span_links"][0]["span_id"]],
                                   "meta", "error", "type"), lambda p: cost(p[0]))
    want.append(sorted(((k, n, c) for k, (n, c) in groups.items()),
                       key=lambda r: (-r[1], r[0])))
    groups = summed(all_facts, lambda f: roots[f["trace_id"]], cost)
    traces = collections.Counter(roots.values())
    want.append(sorted(((k, traces[k], c) for k, (_, c) in groups.items()),
                       key=lambda r: (-(r[2] or 0), r[0])))
    used = [f for f in all_facts if f["kind"] == "tool"]
    groups = summed(used, lambda f: f["name"], lambda f: f["duration_ns"] / NS)
    longest = {k: max(f["duration_ns"] / NS for f in used if f["name"] == k) for k in groups}
    want.append(sorted(((k, n, s / n, longest[k]) for k, (n, s) in groups.items()),
                       key=lambda r: -r[2]))
    groups = {m: [f for f in llm if f["model"] == m and f["cache_read_tokens"] is not None]
              for m in "mn"}
    want.append(sorted(((m, sum(f["cache_read_tokens"] for f in g) / sum(
        f["input_tokens"] for f in g)) for m, g in groups.items()), key=lambda r: -r[1]))
    groups = summed(zip(all_facts, every), lambda p: tag_of(p[1], "team"),
                    lambda p: cost(p[0]))
    want.append(sorted(((k, c) for k, (_, c) in groups.items()), key=lambda r: -r[1]))
    loops = collections.Counter((e["trace_id"], json.dumps(c["arguments"])) for e in every
                                for m in part(e, "meta", "output", "messages") or []
                                for c in m["tool_calls"])
    want.append(sorted(((t, "t", n) for (t, _), n in loops.items() if n > 1),
                       key=lambda r: (-r[2], r[0], r[1]))[:10])
    check("eight recipes", len(have) == len(want), len(have))
    for i, (h, w) in enumerate(zip(have, want)):
        check("recipe %d" % (i + 1), near(h, w) and len(h) > 1, (h, w))


def faults(path, store):
    """What is not whole takes no name, and a whole file stays."""
    with open(path, "rb") as f:
        before = f.read()

    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, 1 << 16))

    def left():
        with open(path, "rb") as f:
            return f.read() == before and [
                n for n in os.listdir(TMP.name) if n.startswith("spans.db")] == ["spans.db"]

    done = subprocess.run([TOOL, "view", "--store", store, "--sqlite", path], env=ENV,
                          capture_output=True, timeout=60, preexec_fn=limit)
    check("no room: the file stays", done.returncode == 1 and left() and
          path.encode() in done.stderr, done)
    odd = os.path.join(TMP.name, "odd")
    os.makedirs(odd)
    with open(os.path.join(odd, "libsqlite3.so.0"), "w") as f:
        f.write("no library")
    done = view("--sqlite", path, store=store, status=1, LD_LIBRARY_PATH=odd)
    check("no library: the file stays", left() and b"needs libsqlite3.so.0" in done.stderr,
          done)
    view("--sqlite", path, "--exit-status", "--model", "none", store=store, status=1)
    check("nothing found: the file stays", left())
    for args in ["-o", "x"], ["--html", "x"], ["--fields", "model"], ["--by", "model"]:
        done = view("--sqlite", path, *args, store=store, status=2)
        check("not with %s" % args[0], left(), done)
    view("--sqlite", os.path.join(store, "spans.jsonl"), store=store, status=1)
    check("not into the store", len(rows(store=store)) == 3000)
    os.symlink("nowhere", os.path.join(TMP.name, "link"))
    view("--sqlite", os.path.join(TMP.name, "link"), store=store, status=1)
    check("not through a link", not os.path.exists(os.path.join(TMP.name, "nowhere")))


SIGNS = {">": operator.gt, ">=": operator.ge, "<": operator.lt,
         "<=": operator.le, "=": operator.eq}


def comparisons():
    """Filters by cost, tokens and duration: a span without one never passes."""
    def numbers(event):
        f = facts(event)
        return {"cost": f["cost_usd"], "duration": f["duration_ns"],
                "tokens": sum_of([f["input_tokens"], f["output_tokens"]])}

    words = [("%s:%s%s" % (what, sign, shown), [(what, sign, value)])
             for sign in SIGNS for what, shown, value in (
                 ("cost", "0.005", 0.005), ("cost", "0", 0), ("tokens", "300", 300),
                 ("duration", "0.3s", 0.3 * NS), ("duration", "1m", 60 * NS))]
    words.append((["duration:>=250ms", "tokens:<400"],
                  [("duration", ">=", NS / 4), ("tokens", "<", 400)]))
    found = 0
    for store in STORE, HOSTILE:
        for word, bounds in words:
            have = {e["span_id"] for e in events(*([word] if isinstance(
                word, str) else word), store=store)}
            want = {e["span_id"] for e in events(store=store) if all(
                numbers(e)[what] is not None and SIGNS[sign](
                    numbers(e)[what], value) for what, sign, value in bounds)}
            found += len(have) > 0
            if have != want:
                check("spans of %s" % word, False, (have ^ want))
    check("comparisons select", found > 20, found)
    prices = os.path.join(TMP.name, "prices-of-all")
    with open(prices, "w", encoding="ascii") as f:
        json.dump({"*": {"input_cost_per_token": 1e-6, "output_cost_per_token": 0}}, f)
    every = [json.loads(line)["cost_usd"] for line in view(
        "--json", "--fields", "cost_usd", LLMOBS_PRICES=prices).stdout.splitlines()]
    have = [json.loads(line)["cost_usd"] for line in view(
        "--json", "--fields", "cost_usd", "cost:>0.0003", LLMOBS_PRICES=prices
    ).stdout.splitlines()]
    check("comparisons know estimates", have == [
        c for c in every if c is not None and c > 0.0003] and have, have[:3])
    for wrong in ("cost:1", "cost:>", "cost:>x", "cost:>>1", "tokens:>1e3", "tokens:>-1",
                  "duration:>2y", "duration:=>1s", "price:>1", "cost>1"):
        view(wrong, status=2)
    view(*["tokens:>1"] * 17, status=2)


# ---- calls -----------------------------------------------------------------

def calls_of(*args, store=STORE):
    return [f for f in map(facts, events(*args, store=store))
            if "--kind" in args or f["kind"] in ("llm", "embedding")]


def rank(values, percent):
    values = sorted(v for v in values if v is not None)
    return values[math.ceil(len(values) * percent / 100) - 1] if values \
        else None


def sum_of(values):
    values = [v for v in values if v is not None]
    return sum(values) if values else None


def rate_of(pairs):
    whole = sum(b for _, b in pairs)
    return sum(a for a, _ in pairs) / whole if whole else None


def figures(calls):
    """Every number about these calls."""
    def all_of(key):
        return [call[key] for call in calls]

    failed = sum(all_of("failed"))
    out = {"calls": len(calls), "errors": failed,
           "error_rate": failed / len(calls) if calls else None,
           "input_tokens": sum_of(all_of("input_tokens")),
           "output_tokens": sum_of(all_of("output_tokens")),
           "cached_tokens": sum_of(all_of("cache_read_tokens")),
           "reasoning_tokens": sum_of(all_of("reasoning_tokens")),
           "cache_rate": rate_of([(c["cache_read_tokens"], c["input_tokens"]) for c in calls
                                  if c["cache_read_tokens"] is not None
                                  and c["input_tokens"] is not None]),
           "cost_usd": sum_of(all_of("cost_usd")),
           "cost_calls": len(calls) - all_of("cost_usd").count(None),
           "traces": len(set(all_of("trace_id")))}
    for p in 50, 95, 99:
        out["latency_p%d_s" % p] = seconds_of(rank(all_of("duration_ns"), p))
        out["ttft_p%d_s" % p] = rank(all_of("first_token_s"), p)
    return out


def differs(have, want):
    """The members of a line that are not those of the figures."""
    return {k: (v, want[k]) for k, v in have.items() if k in want
            and v != want[k] and not (k == "cost_usd" and v and want[k]
                                      and abs(v - want[k]) < 1e-9)}


def key_of(call, by):
    if by == "day":
        return call["start_ns"] and datetime.datetime.fromtimestamp(
            call["start_ns"] // NS, datetime.timezone.utc).strftime("%F")
    if by == "error":
        return (call["error_type"] or "error") if call["failed"] else None
    return call[by]


def grouped(calls, by):
    groups = {}
    for call in calls:
        groups.setdefault(key_of(call, by), []).append(call)
    return groups


WAYS = ["model", "provider", "ml_app", "service", "kind", "session", "day",
        "error"]


def summary():
    for store in STORE, HOSTILE:
        have = lines("--summary", store=store)
        check("summary of all", len(have) == 1 and not differs(
            have[0], figures(calls_of(store=store))), have)
        for by in WAYS:
            groups = grouped(calls_of(store=store), by)
            have = [h for h in lines("--summary", "--by", by, store=store)
                    if h["calls"]]  # others are of evaluations
            wrong = [d for h in have
                     for d in [differs(h, figures(groups[h[by]]))] if d]
            check("summary by %s" % by, not wrong and
                  len(have) == len(groups), wrong or (have, list(groups)))
    for n, args in enumerate(choices(7, 12)):
        by = WAYS[n % len(WAYS)]
        have = [h for h in lines("--summary", "--by", by, *args) if h["calls"]]
        groups = grouped(calls_of(*args), by)
        check("summary %s" % args, len(have) == len(groups) and not any(
            differs(h, figures(groups[h[by]])) for h in have), have[:2])
    have = rows("--summary", "--by", "model")
    same = lines("--summary", "--by", "model")
    check("summary in csv", [list(h.values()) for h in have] == [
        ["" if v is None else json.dumps(v).strip('"')
         for v in line.values()] for line in same], (have[:1], same[:1]))
    text = view("--summary", "--by", "model").stdout.decode()
    every = figures(calls_of())
    check("summary in words", re.search(
        r"\nall +%s +%d " % (format(every["calls"], ","), every["errors"]),
        text) and "\ncost: of %d of %d calls" % (
        every["cost_calls"], every["calls"]) in text, text)
    others = {f["name"] for f in map(facts, events())} - {
        f["name"] for f in calls_of()}
    check("summary of none", b"no span here is a call" in view(
        "--summary", "--name", min(others)).stderr)
    prices = os.path.join(TMP.name, "prices")
    with open(prices, "w", encoding="ascii") as f:
        json.dump({"gpt-4o-*": {"input_cost_per_token": 1e-6,
                                "output_cost_per_token": 5e-6}}, f)
    done = view("--summary", "--json", LLMOBS_PRICES=prices)
    each = [json.loads(line)["cost_usd"] for line in view(
        "--json", "--fields", "cost_usd", LLMOBS_PRICES=prices
    ).stdout.splitlines()]
    have = json.loads(done.stdout)
    check("summary of estimates", math.isclose(have["cost_usd"], sum_of(each))
          and have["cost_calls"] == len(each) - each.count(None)
          > every["cost_calls"] and b"estimated" in done.stderr, have)
    text = view("--summary", LLMOBS_PRICES=prices).stdout.decode()
    check("estimates are called so", re.search(
        r"\ncost: of \d+ of \d+ calls, estimated, prices of ", text), text)
    said = view("--summary", "--by", "modle", status=2).stderr
    check("a mistyped way", b"did you mean model?" in said, said)
    view("--spans", "--by", "model", status=2)


def scores():
    """Evaluations: a column of each, the means of calls and of time."""
    store, rng, made = os.path.join(TMP.name, "scores"), random.Random(9), []
    for i in range(60):
        made += [hostile.span(2 * i + n, "trace-%d" % i, metrics={"input_tokens": 5},
                              meta={"span": {"kind": kind}, "model_name": "m%d" % (i % 3)},
                              start_ns=hostile.BEGIN + i * 60 * NS, span_id="s%d" % (2 * i + n),
                              parent_id="undefined" if n else "s%d" % (2 * i + 1))
                 for n, kind in enumerate(["llm", "workflow"])]
    spans_, said = list(made), {}  # what each label says last of a span

    def judge(span, label, stamp, **value):
        made.append({"event_kind": "evaluation", "label": label, "timestamp_ms": stamp,
                     "join_on": {"span": {k: span[k] for k in ("trace_id", "span_id")}},
                     **value})
        said.setdefault(label, {})[span["span_id"]] = value
    for span in spans_:
        if rng.random() < 0.6:
            judge(span, "quality", 5, score_value=9)
            judge(span, "quality", 7, score_value=rng.randrange(-8, 8) / 8)
        if rng.random() < 0.4:
            judge(span, "is safe", 5, boolean_value=rng.random() < 0.5)
            judge(span, "tone", 5, categorical_value=rng.choice(["warm", "=cold, \"x\""]))
            judge(span, "judged", 5, categorical_value="x", assessment=rng.choice(
                ["pass", "fail"]))
    judge(spans_[0], "o\"dd", 5, score_value=1)
    os.makedirs(store)
    with open(os.path.join(store, "spans.jsonl"), "w", encoding="utf-8") as f:
        f.writelines(json.dumps(event) + "\n" for event in made)

    def shown(label, span):
        value = said[label].get(span["span_id"], {None: None})
        value = next(iter(value.values()))
        return str(value).lower() if isinstance(value, bool) else value
    labels = ["is safe", "judged", "quality", "tone"]
    want = [tuple(shown(x, s) for x in labels) for s in reversed(spans_)]
    words = ["eval:" + x for x in labels]
    have = lines("--fields", ",".join(words), store=store)
    check("json of evaluations", [tuple(h.values()) for h in have] == want, have[:3])
    have = rows(store=store)
    check("csv has evaluations last", list(have[0])[-4:] == words and [
        tuple(h[w].lstrip("'") for w in words) for h in have] == [
        tuple("" if v is None else json.dumps(v) if isinstance(v, float) else v for v in w)
        for w in want], have[:1])

    def mean(label, of):
        all_ = [said[label][s["span_id"]] for s in of if s["span_id"] in said[label]]
        numbers = [v["score_value"] if "score_value" in v else v["assessment"] == "pass"
                   if "assessment" in v else v["boolean_value"] for v in all_
                   if {"score_value", "assessment", "boolean_value"} & set(v)]
        return (sum(numbers) / len(numbers) if numbers else None), len(all_)
    for h in [*lines("--summary", store=store), *lines("--summary", "--by", "model", store=store)]:
        of = [s for s in spans_ if h.get("model", s["meta"]["model_name"]) ==
              s["meta"]["model_name"]]
        check("summary of evaluations", h["calls"] == len(of) / 2 and all(
            mean(x, of)[0] == h["eval:%s_mean" % x] or math.isclose(
                mean(x, of)[0], h["eval:%s_mean" % x])
            for x in labels) and [h["eval:%s_count" % x] for x in labels] ==
            [mean(x, of)[1] for x in labels], h)
    have = {h["eval:tone"]: h["eval:tone_count"] for h in lines(
        "--summary", "--by", "eval:tone", store=store)}
    check("summary by a category", have == {**collections.Counter(
        v["categorical_value"] for v in said["tone"].values()), None: 0}, have)
    have = lines("--timeseries", "eval:quality", "--step", "10m", store=store)
    want = [mean("quality", [s for s in spans_ if 0 <= s["start_ns"] - time_of(
        h["time"]) < 600 * NS])[0] for h in have]
    check("series of an evaluation", len(have) > 5 and [
        h["eval:quality_mean"] for h in have] == want, (have, want))
    text = view("--timeseries", store=store).stdout.decode()
    check("series in words have evaluations", re.findall("(?m)^eval:.*?  ", text) == [
        "eval:is safe  ", "eval:judged  ", "eval:quality  ", "eval:tone  "], text)
    title = view("--summary", store=store).stdout.decode().split("\n")[0].split("  ")
    check("summary in words has evaluations", [t.strip() for t in title[-4:]] == [
        "is safe", "judged", "quality", "tone_count"], title)


def cut_into(calls, begin, step):
    parts = {}
    for call in calls:
        if call["start_ns"]:
            parts.setdefault((call["start_ns"] - begin) // step, []).append(
                call)
    return parts


@functools.lru_cache(None)
def time_of(text):
    at = datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%f%z")
    return int(at.timestamp()) * NS + at.microsecond * 1000


def wrong_series(have, calls, by):
    """The first lines of a series that are not those of the calls."""
    times = sorted({time_of(h["time"]) for h in have})
    if not times:
        return [] if not [c for c in calls if c["start_ns"]] else ["none"]
    step = times[1] - times[0] if len(times) > 1 else NS * 10**9
    nothing = figures([])
    if times != [times[0] + i * step for i in range(len(times))]:
        return ["steps"]
    groups = grouped(calls, by) if by else {None: calls}
    if len(have) != len(groups) * len(times):
        return ["count", len(have), len(groups), len(times)]
    parts = {key: cut_into(all_, times[0], step)
             for key, all_ in groups.items()}
    starts = [c["start_ns"] for c in calls if c["start_ns"]]
    if not times[0] <= min(starts) < times[0] + step or not \
            times[-1] <= max(starts) < times[-1] + step:
        return ["range"]
    made = {key: collections.defaultdict(lambda: nothing, {
        at: figures(some) for at, some in its.items()})
            for key, its in parts.items()}
    return [d for h in have for d in [differs(
        h, made[h[by] if by else None][
            (time_of(h["time"]) - times[0]) // step])] if d]


METRICS = "calls,errors,error_rate,traces,tokens,cached,cache_rate,cost,latency,ttft"


def series():
    for store in STORE, HOSTILE:
        have = lines("--timeseries", METRICS, store=store)
        wrong = wrong_series(have, calls_of(store=store), None)
        check("series of all", not wrong and 38 <= len(have) <= 96,
              wrong or len(have))
    for n, args in enumerate(choices(8, 12)):
        by = WAYS[n % len(WAYS)]
        steps = ["--step", ["7m", "1h", "90s"][n % 3]] if n % 2 else []
        have = lines("--timeseries=" + METRICS, "--by", by, *steps, *args)
        wrong = wrong_series(have, calls_of(*args), by)
        check("series %s %s" % (by, args), not wrong, wrong[:2])
    have = [json.loads(line) for line in view(
        "--timeseries", "calls", "--step", "1h", "--json",
        TZ="Asia/Kolkata").stdout.splitlines()]
    check("steps begin at hours of the zone", have and all(
        h["time"][14:16] == "30" for h in have), have[:1])
    text = view("--timeseries", TZ="Asia/Kolkata").stdout.decode()
    check("the zone is named", " IST, a bar is " in text, text)
    said = view("--timeseries=callz", status=2).stderr
    check("a mistyped metric", b"did you mean calls?" in said, said)
    view("--timeseries", "--step", "1ns", status=2)
    view("--timeseries", "--step", "1ms", status=1)
    view("--summary", "--step", "1h", status=2)


def weeks():
    """Steps of weeks, and what is partial; groups in an order that is asked for."""
    store, day = os.path.join(TMP.name, "weeks"), 86400 * NS
    os.makedirs(store)
    begin = 1_764_028_800 * NS # 2025-11-25, a Tuesday
    starts = [begin + i * day + 3600 * NS for i in range(40)]
    with open(os.path.join(store, "spans.jsonl"), "w", encoding="utf-8") as f:
        f.writelines(json.dumps(hostile.span(i, start_ns=at)) + "\n"
                     for i, at in enumerate(starts))
    for since, until, first, days in (
            (None, None, begin - day, 7), ("2025-12-03", None, begin + 8 * day, 7),
            ("2025-12-01", "2026-01-01", begin + 6 * day, 7),
            ("2025-12-01", "2025-12-15", begin + 6 * day, 14),
            ("2025-12-03 06:00", "2025-12-30 01:00", begin + 8 * day + 6 * 3600 * NS, 7)):
        args = [w for n, v in (("--since", since), ("--until", until)) if v for w in (n, v)]
        have = lines("--timeseries", "calls", "--step", "%dd" % days, *args, store=store)
        times = [time_of(h["time"]) for h in have]
        bounds = [int(datetime.datetime.fromisoformat(t + "+00:00").timestamp()) * NS
                  if t else None for t in (since, until)]
        some = [s for s in starts if (not since or s >= bounds[0])
                and (not until or s < bounds[1])]
        check("weeks %s" % args, times == [first + i * days * day for i in range(len(times))]
              and [h["calls"] for h in have] == [sum(
                  t <= s < t + days * day for s in some) for t in times]
              and sum(h["calls"] for h in have) == len(some), have)
        check("partial %s" % args, [h["partial"] for h in have] == [
            int(bool(since and t < bounds[0] or until and t + days * day > bounds[1]))
            for t in times], have)
        text = view("--timeseries", "calls", "--step", "%dd" % days, *args,
                    store=store).stdout.decode().splitlines()[0]
        check("partial is said %s" % args, ("partial" in text) == any(
            h["partial"] for h in have), text)
    have = lines("--timeseries", "calls", "--step", "3d", "--since", "2025-11-26", store=store)
    check("a step that began before", [h["partial"] for h in have][:2] == [1, 0] or
          time_of(have[0]["time"]) >= begin + day, have[:2])
    with open(os.path.join(store, "spans.jsonl"), "w", encoding="utf-8") as f:
        f.write(json.dumps(hostile.span(1, start_ns=time.time_ns())) + "\n")
    have = lines("--timeseries", "calls", "--step", "7d", store=store)
    check("a week that is not over", [h["partial"] for h in have] == [1], have)
    for metric in "calls", "error_rate", "latency_p95", "cost", "cache_rate", "tokens_in":
        column = {"cost": "cost_usd", "latency_p95": "latency_p95_s",
                  "tokens_in": "input_tokens"}.get(metric, metric)
        for by in "model", "session,day":
            have = [r[column] for r in lines("--summary", "--by", by, "--sort", metric)]
            plain = [r[column] for r in lines("--summary", "--by", by)]
            want = sorted(plain, key=lambda v: -1 if v is None else v, reverse=True)
            check("sort by %s, by %s" % (metric, by), have == want and len(set(have)) > 1, have)
    for args in (["--summary", "--sort", "cost"], ["--sort", "cost"],
                 ["--summary", "--by", "model", "--sort", "latency"],
                 ["--summary", "--by", "model", "--sort", "eval:x"],
                 ["--timeseries", "--by", "model", "--sort", "cost"]):
        view(*args, status=2)


def width_of(line):
    return sum(0 if unicodedata.combining(c) else
               2 if unicodedata.east_asian_width(c) in "WF" else 1
               for c in line)


def bars():
    """Lines of bars: gaps, heights, widths, other locales."""
    store = os.path.join(TMP.name, "bars")
    os.makedirs(store)
    minute = 60 * NS
    begin = hostile.BEGIN // minute * minute
    with open(os.path.join(store, "spans.jsonl"), "w", encoding="utf-8") as f:
        for i, count in enumerate([1, 4, 0, 8, 2]):
            for k in range(count):
                f.write(json.dumps(hostile.span(
                    10 * i + k, start_ns=begin + i * minute + k,
                    metrics={"input_tokens": count} if i < 4 else {},
                    status="error" if i == 1 and k == 0 else "ok")) + "\n")
    text = view("--timeseries", "calls,errors,tokens_in", "--step", "1m",
                store=store).stdout.decode()
    have = [re.sub("  +", "|", line) for line in text.splitlines()[2:]]
    check("bars: heights, and a gap is a gap", have == [
        "calls|\u2581\u2584 \u2588\u2582|1|8|2",
        "errors|\u2581\u2588 \u2581\u2581|0|1|0",
        "tokens_in|\u2581\u2582 \u2588|1|64|\u2013"], have)
    text = view("--timeseries", "calls,tokens_in", "--step", "1m", "--ascii",
                store=store).stdout
    check("bars in ASCII", text.isascii() and b"_~ #." in text, text)
    for columns in 80, 100, 200:
        for more in [], ["--by", "session"]:
            text = view("--timeseries", *more, store=HOSTILE,
                        COLUMNS=str(columns)).stdout.decode()
            wide = [x for x in text.splitlines() if width_of(x) > columns]
            check("bars within %d %s" % (columns, more), not wide, wide[:2])
        seen = terminal("--summary", "--by", "session", COLUMNS=str(columns),
                        NO_COLOR="1", store=HOSTILE).decode()
        check("no control reaches the terminal", not re.search(
            "[\0-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f\u202e]", seen))
    for columns in 1, 8, 20, 40, 60, 80, 200:
        for form in (["--summary"], ["--summary", "--by", "model"],
                     ["--timeseries"]):
            for store in STORE, HOSTILE:
                seen = terminal(*form, COLUMNS=str(columns), NO_COLOR="1",
                                store=store).decode()
                wide = [x for x in seen.splitlines() if width_of(x) > columns]
                check("no line of %s is wider than %d" % (form, columns),
                      not wide, wide[:2])


def words():
    """A plain word finds what a pattern of the same meaning finds, however its letters
    are written, at each place of a line."""
    store = os.path.join(TMP.name, "words")
    os.makedirs(store)
    with open(os.path.join(STORE, "spans.jsonl"), encoding="utf-8") as f:
        lines_ = f.read().splitlines()
    for i, word in enumerate(("parcel", "PARCEL", "\\u0070arcel", "parce", "xparcelx", "arcel", "paRcel")):
        for k in range(9):
            event = json.loads(lines_[i * 9 + k])
            event["meta"] = {"span": {"kind": "llm"}, "model_name": word.lower().replace("\\u0070", "p"),
                             "input": {"value": "-" * k + "@ " + "." * (8 - k)}}
            text = json.dumps(event, sort_keys=True).replace("@", word)
            lines_.append(text.replace(': "p', ': "\\u0070') if word[0] == "\\" else text)
    rng = random.Random(9)
    for text in [x for x in lines_ if rng.random() < 0.05]:
        lines_.append(text[:rng.randrange(len(text))])
    with open(os.path.join(store, "spans.jsonl"), "w", encoding="utf-8") as f:
        f.write("\n".join(lines_))
    for form in ["--json"], ["--spans"], ["--csv"], ["--summary", "--by", "model"], []:
        for word, pattern in (("parcel", "(parcel)"), ("Parcel", "(Parcel)"), ("p", "[p]"), ("a b", "a[ ]b"),
                              ("paRcel", "(paRcel)"), ("nothing of this", "nothing of (this)")):
            have, want = [view(*form, "--grep", x, store=store) for x in (word, pattern)]
            check("%s: the word %s and %s" % (form, word, pattern), (have.stdout, have.stderr) ==
                  (want.stdout, want.stderr), (have.stderr, want.stderr))
        for option, word in (("--model", "parcel"), ("--model", "GPT-4o"), ("--provider", "openai"),
                             ("--ml-app", "support"), ("--host", "nowhere")):
            have, want = [view(*form, option, x, store=store)
                          for x in (word, "[%s%s]%s" % (word[0].lower(), word[0].upper(), word[1:]))]
            check("%s: %s %s" % (form, option, word), have.stdout == want.stdout)
    check("words: they are found", len(lines("--grep", "parcel", store=store)) >= 45 and
          len(lines("--model", "parcel", store=store)) == 36)


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
for one in (spans, comparisons, formulas, database, by_prompt, summary, scores, series,
            weeks, bars, words):
    if not ONLY or one.__name__ in ONLY:
        one()
