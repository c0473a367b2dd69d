#!/usr/bin/python3
"""The facts of cli/query/keys.h: each has one value, wherever one asks for it.

usage: facts.py BUILD_DIR [PART]...

The page says which facts there are; fields, filters, groups and the page's own
rows are asked for each, over one store of spans of all kinds.
"""
import collections
import csv
import io
import json
import os
import random
import re
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
from checks import check  # noqa: E402
import inputs  # noqa: E402,F401
import mixed  # noqa: E402

BUILD, *ONLY = sys.argv[1:]
TOOL = os.path.join(BUILD, "llmobs")
TMP = tempfile.TemporaryDirectory(prefix="llmobs-facts.")
STORE = os.path.join(TMP.name, "store")
ENV = {"PATH": "/usr/bin:/bin", "HOME": TMP.name, "TZ": "UTC",
       "LC_ALL": "C.UTF-8", "LLMOBS_CONFIG": os.path.join(TMP.name, "none"),
       "LLMOBS_STORE_DIR": STORE}
SECOND = 10**9
FIELD, GROUP, FACET, COLUMN, PATH = (1 << i for i in range(5))


def view(*args, status=0):
    done = subprocess.run([TOOL, "view", *args], capture_output=True,
                          timeout=60, env=ENV)
    if done.returncode != status:
        check("status of %s" % (args,), False, done)
    return done.stdout.decode()


def rows(*args):
    return list(csv.DictReader(io.StringIO(view("--csv", *args), newline="")))


def page():
    """The facts and the rows of the page."""
    text = view("--html", "-", "-n", "0")
    index, meta = (json.loads(re.search(
        r'id="%s">(.*?)</script>' % part, text, re.S).group(1))
        for part in ("index", "meta"))
    return meta["keys"], index


def unquoted(text):
    """A cell of CSV without the mark that keeps it from being a formula."""
    return text[1:] if re.match("'[=+@\t\r-]", text) else text


def number(text):
    return float(text) if text else None


def is_call(row):
    return row["kind"] in ("llm", "embedding")


def same_names(keys):
    """Fields, groups and filters are those that the table has."""
    have = [name for name in rows()[0] if not name.startswith("eval:")]
    check("fields", have == [word for word, _, _, uses, _ in keys
                             if uses & FIELD], have)
    for word, _, _, uses, _ in keys:
        view("--summary", "--by", word, status=0 if uses & GROUP else 2)
        view("--csv", "--fields", word, "-n", "1",
             status=0 if uses & FIELD else 2)


def same_words(keys):
    """The help and the shells have the words of the table."""
    said = view("--help")
    for option, use in ("by", GROUP), ("fields", FIELD):
        words = {word for word, _, _, uses, _ in keys if uses & use}
        have = subprocess.run([TOOL, "completion", "values", option],
                              capture_output=True, timeout=60, env=ENV)
        check("completion of --" + option, set(
            have.stdout.decode().split()) == words | {"tag:", "eval:"}, have)
        missing = [word for word in words if use == GROUP and not re.search(
            r"[ ,]%s[,\n]" % word, said)]
        check("help of --" + option, not missing, missing)
    missing = [word for word, _, _, _, _ in keys if "--%s " % word.replace(
        "_", "-") not in said and subprocess.run(
            [TOOL, "view", "-q", "--%s" % word.replace("_", "-"), "x"],
            env=ENV, capture_output=True, timeout=60).returncode != 2]
    check("help of filters", not missing, missing)


def same_values(keys, index):
    """A field of a span is what the page's row has."""
    for word, _, letter, uses, _ in keys:
        if not letter or not uses & FIELD:
            continue
        want = {row["span_id"]: row[word] for row in rows(
            "--fields", "span_id," + word)} if word != "span_id" else {
                row["s"]: row["s"] for row in index}
        wrong = []
        for row in index:
            have, text = row.get(letter), want[row["s"]]
            if isinstance(have, (int, float)) and word != "start":
                text = number(text)
                have /= 1e9 if word == "duration_s" else 1
                good = text is not None and abs(have - text) < 1e-9
            elif word == "start":
                good = text.endswith("%06dZ" % (have % 1000000))
            else:
                good = (have or "") == unquoted(text)
            if not good:
                wrong.append((have, text))
        check("page and field: " + word, len(index) == len(want) and
              not wrong, wrong[:3])


def same_counts(keys):
    """A value selects the spans that have it as a field, and a group has those
    of them that are calls, with their tokens and costs."""
    all_rows = [{key: unquoted(text) for key, text in row.items()}
                for row in rows()]
    for word, _, _, uses, _ in keys:
        if word not in all_rows[0] or not uses & GROUP:
            continue
        counts = collections.Counter(row[word] for row in all_rows)
        calls = collections.Counter(row[word] for row in all_rows
                                    if is_call(row))
        for value, count in list(counts.most_common(6)):
            option = "--" + word.replace("_", "-")
            if not value:
                continue
            have = len(rows("--fields", "span_id", option,
                            re.sub(r"([][*?\\])", r"\\\1", value)))
            check("filter and field: %s %s" % (word, value), have == count,
                  (have, count))
            summary = json.loads(view("--summary", "--json", option, re.sub(
                r"([][*?\\])", r"\\\1", value)))
            check("filter and sum: %s %s" % (word, value),
                  word == "kind" or summary["calls"] == calls[value],
                  (summary, calls[value]))
        groups = [json.loads(line) for line in view(
            "--summary", "--json", "--by", word).splitlines()]
        if not uses & PATH:  # whose groups have the ends of paths
            have = {row[word] or "": row["calls"] for row in groups
                    if row["calls"]}
            check("group and field: " + word, have == dict(calls), (have,
                                                                    calls))
        for key in "input_tokens", "output_tokens", "cost_usd":
            have = sum(row[key] or 0 for row in groups)
            want = json.loads(view("--summary", "--json"))[key]
            check("sum of groups: %s by %s" % (key, word),
                  abs(have - want) < 1e-6, (have, want))


def two_models():
    """`model` was asked for, `response_model` answered, in each question."""
    for option, value in (("--model", "gpt-4o-mini"),
                          ("--response-model", "gpt-4o-mini-2024-07-18")):
        key = option[2:].replace("-", "_")
        have = len([row for row in rows(option, value) if is_call(row)])
        group = [json.loads(line)["calls"] for line in view(
            "--summary", "--json", "--by", key).splitlines()
            if json.loads(line)[key] == value]
        summary = json.loads(view("--summary", "--json", option, value))
        check("%s %s" % (option, value), have > 20 and
              group == [have] == [summary["calls"]], (have, group, summary))
        check("%s: as a field" % option, {row[key] for row in rows(
            option, value)} == {value})
    both = {(row["model"], row["response_model"]) for row in rows()}
    check("a call has both", ("gpt-4o-mini", "gpt-4o-mini-2024-07-18") in both
          and ("router/auto", "claude-sonnet-4-5") in both, both)
    failed = {row["response_model"] for row in rows("--errors")}
    check("nobody answered a failed call", failed == {""}, failed)


def inferred():
    """A name that a shell offers selects spans."""
    event = next(e for e in mixed.events() if "span_id" in e)
    event.update(name="search", tags=["inferred:true"], span_id="1")
    with open(os.path.join(STORE, "spans.jsonl"), "a") as f:
        f.write(json.dumps(event) + "\n")
    names = subprocess.run([TOOL, "completion", "values", "name"], env=ENV,
                           capture_output=True, timeout=60).stdout.decode()
    check("names that are offered", "search" in names.splitlines(), names)
    for name in names.splitlines():
        check("name: " + name, rows("--name", name), name)


def tools():
    """The calls that take a tool's results are what it costs; those that carry
    older results are not."""
    def call(name, number, **more):
        return {"name": name, "tool_id": "c%d" % number, **more}

    def turn(number, *messages):
        return dict(event, span_id=str(100 + number), start_ns=(
            event["start_ns"] + number), session_id="of tools", meta=dict(
                event["meta"], input={"messages": list(messages)}))

    event = next(e for e in mixed.events() if e.get("span_id") and
                 e["meta"].get("span", {}).get("kind") == "llm")
    user = {"role": "user", "content": "go"}
    asks = {"role": "assistant", "tool_calls": [call("Read", 1)]}
    read = {"role": "user", "tool_results": [call("", 1, result="x")]}
    more = {"role": "", "tool_calls": [call("Bash", 2), call("Read", 3)]}
    both = [{"role": "tool", "tool_results": [call("", n, result="y")]}
            for n in (3, 2)]
    named = {"role": "tool", "tool_results": [call("grep", 9, result="")]}
    late = {"role": "user", "tool_results": [{"tool_id": "c8"}]}
    turns = [turn(0, user), turn(1, user, asks, read),
             turn(2, user, asks, read, more, *both),
             turn(3, user, asks, read, more, *both,
                  {"role": "assistant", "content": "done"}, user),
             turn(4, named, user), turn(5, late)]
    with open(os.path.join(STORE, "spans.jsonl"), "a") as f:
        f.writelines(json.dumps(one) + "\n" for one in turns)
    have = {row["span_id"]: row["tool"] for row in rows(
        "--session", "of tools", "--fields", "span_id,tool")}
    check("tools of calls", have == {
        "100": "", "101": "Read", "102": "Bash, Read", "103": "",
        "104": "grep", "105": "?"}, have)
    # Over a websocket a result comes without its call, in a task that was taken
    # up again in another trace and without a session.
    def answer(number, *calls):
        return dict(turn(number, user), trace_id="9%031d" % number, tags=[], meta=dict(
            event["meta"], output={"messages": [{"role": "assistant", "tool_calls": [
                {"tool_id": id, "name": name} for id, name in calls]}]}))

    def result(number, id):
        return dict(turn(number, {"role": "tool", "tool_results": [{"tool_id": id, "result": "x"}]}),
                    trace_id="8%031d" % number, tags=[], session_id="taken up")

    ids = "call_Zx81Kq0PmW3bT7", "call_Yw72Jp9OnV2aS6", "call_1"
    with open(os.path.join(STORE, "spans.jsonl"), "a") as f:
        f.writelines(json.dumps(one) + "\n" for one in (
            *(result(10 + i, id) for i, id in enumerate(ids)),
            answer(20, (ids[0], "exec_command"), (ids[1], "a"), (ids[2], "b")),
            answer(21, (ids[0], "exec_command"), (ids[1], "c"))))
    have = {row["span_id"]: row["tool"] for row in rows("--session", "taken up", "--fields", "span_id,tool")}
    check("a tool whose call another span has; none with two names, or an id that servers count", have == {
        "110": "exec_command", "111": "?", "112": "?"}, have)
    check("a filter by it", [row["span_id"] for row in rows("--tool", "exec_*")] == ["110"], None)
    check("the sum by it", re.search(r"^exec_command  +1 ", view(
        "--summary", "--by", "tool", "--session", "taken up"), re.M), None)
    check("and a transcript", "result of exec_command [%s]" % ids[0] in view(
        "--spans", "-m", "--session", "taken up"), None)
    said = view("--summary", "--by", "tool", "--session", "of tools")
    check("the sum says whose calls they are", re.search(
        r"^Bash, Read  +1 ", said, re.M) and
        "\ntool: the calls that take its results\n" in said, said)
    check("a filter by tool", [row["span_id"] for row in rows(
        "--tool", "bash, read")] == ["102"], None)


def arns():
    """A list tells an ARN by the part in which two of them differ."""
    event = next(e for e in mixed.events() if e.get("span_id") and
                 e["meta"].get("span", {}).get("kind") == "llm")
    arn = "arn:aws:bedrock:us-east-1:123456789012:application-inference-" \
        "profile/abc"
    event.update(span_id="200", session_id="of arns",
                 _call={"request_model": arn})
    with open(os.path.join(STORE, "spans.jsonl"), "a") as f:
        f.write(json.dumps(event) + "\n")
    said = view("--spans", "--session", "of arns")
    check("an ARN in a list", "  abc  " in said
          and "arn:aws" not in said, said)
    check("an ARN as a field", rows("--session", "of arns")[0]["model"] == arn,
          None)


def store_of(name, events):
    path = os.path.join(TMP.name, name)
    os.makedirs(path)
    with open(os.path.join(path, "spans.jsonl"), "w", encoding="utf-8") as f:
        f.writelines(json.dumps(event, sort_keys=True) + "\n" for event in events)
    return path


def listed(count=2500):
    """A list has its spans in the order of time, and of their ids, wherever the
    store has them; what it says of two spans, it says of any two."""
    said = {"messages": [{"role": "user", "content": "go"}]}
    spans = [{"trace_id": "%032x" % (i % 7), "span_id": str(i), "name": "n%d." % i,
              "start_ns": (1752000000 + i * 7919 % 900) * SECOND, "parent_id": "0",
              "meta": {"span": {"kind": "llm"}, "input": said}} for i in range(count)]
    for later, before in (1600, 3), (2400, 1600):  # in parts that are far apart
        spans[later]["span_links"] = [{
            "trace_id": spans[before]["trace_id"], "span_id": str(before),
            "attributes": {"kind": "turn"}}]
    for at, span in enumerate((3, 1600, 2400)):
        spans[span]["start_ns"] = (1752000000 + 400 * at) * SECOND
    want = ["n%s." % one["span_id"] for one in sorted(spans, key=lambda one: (
        one["start_ns"], one["trace_id"], one["span_id"]))]
    random.Random(5).shuffle(spans)
    path = store_of("listed", spans[:9] + spans)
    whole = view("--spans", "--store", path)
    check("a list in the order of time", re.findall(r"  (n\d+\.)", whole) == want)
    check("a list from the newest on", re.findall(
        r"  (n\d+\.)", view("--spans", "--reverse", "--store", path)) == want[::-1])
    for number, span in enumerate((3, 1600, 2400)):
        check("turn %d of a list" % (number + 1), re.search(
            r"  n%d\. .*\n   turn %d of 3\n" % (span, number + 1), whole), whole[-999:])
    newest = re.findall(r"  (n\d+\.)", view(
        "--spans", "-n", "9", "--store", store_of("again", spans[:9] + spans[:7])))
    check("the newest spans, one that came again counts once", set(newest) == {
        one["name"] for one in spans[:9]} and len(newest) == 9, newest)
    child = [one for one in spans if one["trace_id"] == "0" * 32]
    shown = view("--spans", "-m", "--store", store_of("children", child))
    check("a list tells what siblings share once", shown.count(
        "1 as above") == len(child) - 2, shown.count("1 as above"))


def changed(count=6000):
    """A store that is written again while it is listed: another span at a place
    is not shown, be it of the list or not."""
    lines = [json.dumps({"name": "n%d." % i, "span_id": str(10**9 + i), "start_ns": (1752000000 + i) * SECOND,
                         "trace_id": "%032x" % i}) for i in range(10**6, 10**6 + count)]
    for name, then in (("other spans", [line.replace('"1001', '"2001') for line in lines]),
                       ("the same spans", lines[::-1])):
        path = store_of(name, map(json.loads, lines))
        file = os.path.join(path, "spans.jsonl")
        listing = subprocess.Popen([TOOL, "view", "--spans", "--store", path],
                                   stdout=subprocess.PIPE, env=ENV, text=True)
        listing.stdout.readline()  # more rows than a pipe has room for are to come
        with open(file, "r+", encoding="utf-8") as f:
            f.write("\n".join(then[:count * 2 // 3]) + "\n")
            f.truncate()
        rest = re.findall(r"  n(\d+)\.", listing.stdout.read())
        check("a list beside " + name, listing.wait(60) == 0 and 1000 < len(rest) < count / 2 and
              rest == sorted(set(rest)), (listing.returncode, len(rest), len(set(rest))))


def marked_ids():
    """Ids may hold the character that once stood between them, or a word that
    stood for one: each span is shown, with the evaluations that name it."""
    def span(trace, id):
        return {"trace_id": trace, "span_id": id, "name": "n", "start_ns": 1752000000 * SECOND,
                "parent_id": "undefined", "meta": {"span": {"kind": "task"}}}

    path = store_of("marked ids", [
        span("a\x1fb", "c"), span("a", "b\x1fc"), span("session", "s1"),
        {"join_on": {"span": {"trace_id": "a\x1fb", "span_id": "c"}}, "label": "tone",
         "score_value": 0.5, "timestamp_ms": 1},
        {"submitter": {"id": "u"}, "label": "thumb", "boolean_value": True,
         "timestamp_ms": 1, "session_id": "s1"}])
    fields = "trace_id", "span_id", "eval:tone", "eval:thumb"
    have = sorted(tuple(row[name] for name in fields) for row in rows(
        "--store", path, "--fields", ",".join(fields)))
    check("ids with a mark", have == [
        ("a", "b\x1fc", "", ""), ("a\x1fb", "c", "0.5", ""), ("session", "s1", "", "")], have)
    check("and in a list", view("--spans", "--store", path).count("eval tone") == 1 and
          len(re.findall(" task ", view("--spans", "--store", path))) == 3, None)


def main():
    mixed.write(STORE)
    parts = (("models", two_models), ("names", lambda: same_names(page()[0])),
             ("words", lambda: same_words(page()[0])),
             ("values", lambda: same_values(*page())),
             ("counts", lambda: same_counts(page()[0])),
             ("inferred", inferred), ("tools", tools), ("arns", arns),
             ("listed", listed), ("changed", changed), ("marked", marked_ids))
    for name, part in parts:
        if not ONLY or name in ONLY:
            part()


main()
