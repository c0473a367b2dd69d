"""The page counts and sums as the tool and a computation of this file do."""
import datetime
import fnmatch
import json
import math
import os
import random

import hostile
from pages import PRICES, go, need, rows_of, text_of

METRICS = (("input", "input_tokens"), ("output", "output_tokens"))
FACETS = {  # name: the option of `view`, and the value in an event
    "kind": ("--kind", lambda e: e["meta"]["span"]["kind"]),
    "ml_app": ("--ml-app", lambda e: tag(e, "ml_app")),
    "service": ("--service", lambda e: tag(e, "service")),
    "model": ("--model", lambda e: e["meta"].get("model_name")),
    "name": ("--name", lambda e: e["name"]),
    "session": ("--session", lambda e: e.get("session_id")),
    "version": (None, lambda e: tag(e, "version")),
}


def tag(event, key):
    return next((t[len(key) + 1:] for t in event["tags"]
                 if t.startswith(key + ":")), None)


def is_call(event):
    return event["meta"]["span"]["kind"] in ("llm", "embedding")


def rank(values, share):
    values = sorted(values)
    return values[max(0, math.ceil(share / 100 * len(values)) - 1)] \
        if values else None


def cost_of(event):
    """The cost of a call, or None."""
    usage, model = event["metrics"], event["meta"].get("model_name") or ""
    prices = next((p for name, p in PRICES.items() if fnmatch.fnmatchcase(
        model, name)), None)
    if not is_call(event) or prices is None or "input_tokens" not in usage:
        return None
    price = prices["input_cost_per_token"]
    read = usage.get("cache_read_input_tokens", 0)
    return ((usage["input_tokens"] - read) * price
            + read * prices.get("cache_read_input_token_cost", price)
            + usage.get("output_tokens", 0)
            * prices.get("output_cost_per_token", 0))


def iso(us):
    return datetime.datetime.fromtimestamp(
        us // 1000000, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def one_filter(rng, events):
    """A filter: the page's state, the tool's arguments, the test of an
    event."""
    at, args, tests = [], [], []
    for key in rng.sample(sorted(FACETS), rng.choice((0, 1, 1, 2))):
        option, value_of = FACETS[key]
        value = value_of(rng.choice(events))
        if value is None:
            continue
        at.append(("f", key + ":" + value))
        args += [option, value] if option else \
            ["--tag", key + ":" + value]
        tests.append(lambda e, of=value_of, v=value: of(e) == v)
    if rng.random() < 0.3:
        at.append(("f", "status:error"))
        args.append("--errors")
        tests.append(lambda e: e["status"] == "error")
    if rng.random() < 0.4:
        ends = sorted(rng.choice(events)["start_ns"] // 1000000000 * 1000000
                      for _ in range(2))
        ends[1] += 1000000
        at.append(("r", "%d-%d" % tuple(ends)))
        args += ["--since", iso(ends[0]), "--until", iso(ends[1])]
        tests.append(lambda e, a=ends[0], b=ends[1]:
                     a * 1000 <= e["start_ns"] < b * 1000)
    return at, args, lambda e: all(test(e) for test in tests)


def sums(events):
    """The sums that a table of the page has for these calls."""
    found = {"calls": len(events),
             "errors": len([e for e in events if e["status"] == "error"]),
             "p50": rank([e["duration"] for e in events], 50),
             "p95": rank([e["duration"] for e in events], 95),
             "ttft": rank([e["metrics"]["time_to_first_token"] * 1e9
                           for e in events
                           if "time_to_first_token" in e["metrics"]], 50)}
    for name, metric in METRICS:
        known = [e["metrics"][metric] for e in events
                 if metric in e["metrics"]]
        found[name] = sum(known) if known else None
    known = [c for c in map(cost_of, events) if c is not None]
    found["cost"] = sum(known) if known else None
    return found


TABLES = """(() => {
  const found = {};
  for (const row of document.querySelectorAll('[data-table=model] [data-row]'))
    if (row.getClientRects().length) found[row.dataset.row] = Object.fromEntries([...row.querySelectorAll(
      '[data-sum]')].map((cell) => [cell.dataset.sum, cell.dataset.value]));
  return found;
})()"""


def same(have, want):
    """The page's text of a number, and a number or None."""
    if want is None:
        return have == ""
    return have not in (None, "") and \
        abs(float(have) - want) <= 1e-6 * max(1, abs(want))


def compare_tables(tables, events, where):
    models = {}
    for event in events:
        if is_call(event) or "--kind" in where:
            models.setdefault(event["meta"].get("model_name") or "\u2013",
                              []).append(event)
    need(set(tables) == set(models), "%s: models %s, not %s" % (
        where, sorted(tables), sorted(models)))
    for model, some in models.items():
        for name, want in sums(some).items():
            need(same(tables[model].get(name), want),
                 "%s: %s of %s is %s, not %s" % (
                     where, name, model, tables[model].get(name), want))


def filters(bench):
    """Fifty filters, by the page, by the tool, and by this file."""
    events = [json.loads(line) for line in bench.tool(
        "--store", bench.store("few"), "--json").stdout.splitlines()]
    events = [e for e in events if "join_on" not in e]
    rng = random.Random(21)
    tab = bench.open("few")
    some = 0
    for number in range(50):
        at, args, test = one_filter(rng, events)
        want = [e for e in events if test(e)]
        some += 1 if want else 0
        where = " ".join(args) or "no filter"
        go(tab, [("v", "timeseries"), *at])
        have = tab.js("+document.querySelector('#count').dataset.spans")
        need(have == len(want), "%s: %s spans, not %d" % (
            where, have, len(want)))
        told = [line for line in bench.tool(
            "--store", bench.store("few"), "--json", *args).stdout.splitlines()
            if b'"join_on"' not in line]
        need(len(told) == len(want), "%s: the tool has %d spans, not %d" % (
            where, len(told), len(want)))
        compare_tables(tab.js(TABLES), want, where)
        if number % 10 == 0:
            made = bench.tool("--store", bench.store("few"), "--html", "-",
                              *args).stderr.decode()
            need(made.startswith("llmobs view: %d span" % len(want))
                 or not want, where + ": " + made)
    need(some > 25, "only %d filters find something" % some)
    tab.close()


def bounds(bench):
    """A word bounds cost, tokens or duration, as the tool's do; a span that
    lacks the number has none of them."""
    tab = bench.open()
    rows = [(row.get("y"), sum(row.get(key, 0) for key in "io")
             if "i" in row or "o" in row else None, row.get("d"))
            for row in rows_of(tab)]
    costs, tokens, times = zip(*rows)
    half = sorted(filter(None, tokens))[len(rows) // 4]
    for query, values, test in (
            ("cost:>0.001", costs, lambda n: n > 0.001),
            ("cost:<=.001", costs, lambda n: n <= 0.001),
            ("tokens:>=%d" % half, tokens, lambda n: n >= half),
            ("tokens:=%d" % half, tokens, lambda n: n == half),
            ("tokens:<%d" % half, tokens, lambda n: n < half),
            ("duration:>0.5", times, lambda n: n > 5e8),
            ("duration:>500ms", times, lambda n: n > 5e8),
            ("duration:<=.01m", times, lambda n: n <= 6e8),
            ("duration:<1h", times, lambda n: n < 3.6e12),
            ("duration:=0s", times, lambda n: n == 0),
            ("tokens:>1 cost:>0", costs, lambda n: n > 0)):
        want = len([n for n in values if n is not None and test(n)])
        for minus in ("", "-") if " " not in query else ("",):
            go(tab, {"v": "spans", "q": minus + query})
            have = tab.js("+document.querySelector('#count').dataset.spans")
            need(have == (len(rows) - want if minus else want),
                 "%s%s: %d, not %d" % (minus, query, have, want))
        need(0 < want < len(rows) or "0s" in query or "1h" in query, query)
    for query in ("cost:>", "cost:0.001", "tokens:>x", "duration:>1d", "kind:>1"):
        go(tab, {"v": "spans", "q": query, "deep": "1"})
        need(tab.js("+document.querySelector('#count').dataset.spans") == 0, query)
    go(tab, {"q": "duration:>1s", "deep": "1"})
    need(tab.js("+document.querySelector('#count').dataset.spans") > len(
        [n for n in times if n > 1e9]), "whole traces")
    tab.close()


def bills(bench):
    """The tokens of a call count once, also where another span has them."""
    path = os.path.join(bench.folder, "bills")
    os.makedirs(path)
    with open(os.path.join(path, "spans.jsonl"), "w", encoding="ascii") as f:
        f.writelines(json.dumps(e) + "\n" for e in hostile.bills())
    tab = bench.open("bills", at={"t": "job"})
    have = tab.js("+document.querySelector('[data-sum=trace-tokens]')"
                  ".dataset.value")
    need(have == 42, "%s tokens of the trace" % have)
    go(tab, {"v": "timeseries"})
    have = {key: tab.js("document.querySelector('[data-chart=%s] [data-sum=%s]'"
                        ").dataset.value" % (key, key))
            for key in ("calls", "tokens", "cost")}
    need(have["calls"] == "2" and have["tokens"] == "42" and
         have["cost"] == "0.5", have)
    have = tab.js(TABLES)["m"]
    need((have["calls"], have["input"], have["output"]) == ("2", "20", "8"),
         have)
    tab.close()


def write_callers(path):
    """Calls of scripts of one name, by a plugin that is named like the model,
    users and a tag of too many values, of one, and of a few."""
    os.makedirs(path)
    with open(os.path.join(path, "spans.jsonl"), "w", encoding="ascii") as f:
        for i in range(120):
            caller = {"module": "curl.so", "frames": ["php!execute_ex+0x1"]}
            tags = ["team:" + "xyz"[i % 3], "number:%d" % i, "one:1"]
            if i % 4:
                caller.update(
                    entry="/var/www/%s/index.php" % "ab"[i % 2],
                    file="/var/www/plugins/seo/<b>seo.php", line=i % 2,
                    code="S\\T::do", plugins=["ai", "seo"])
                tags += ["unit:fpm.service", "user_id:u%d" % (i % 5)]
            span = hostile.span(i, "trace-%d" % i, tags=tags, meta={
                "span": {"kind": "llm"}, "model_name": "seo",
                "metadata": {"caller": caller}})
            if i % 3:
                span["_call"] = {"hostname": "<i>h%d" % (i % 2), "uid": 0}
            f.write(json.dumps(span) + "\n")


def callers(bench):
    """Facets of who called, and the line of the script above the frames."""
    write_callers(os.path.join(bench.folder, "callers"))
    tab = bench.open("callers", at={"v": "spans"})
    have = tab.js("Object.fromEntries([...document.querySelectorAll("
                  "'[data-facet]')].filter((f) => !f.hidden).map((f) => ["
                  "f.dataset.facet, Object.fromEntries([...f.querySelectorAll("
                  "'[data-value]')].map((v) => [v.dataset.value,"
                  "+v.dataset.count]))]))")
    need(have["script"] == {"a/index.php": 30, "b/index.php": 60}, have)
    need(have["plugin"] == {"seo": 90} and have["unit"] == {
        "fpm.service": 90}, have)
    need(have["user"] == {"u%d" % n: 18 for n in range(5)} and have[
        "team"] == {key: 40 for key in "xyz"}, have)
    need(have["caller"] == {"<b>seo.php:1 S\\T::do": 60,
                            "<b>seo.php S\\T::do": 30,
                            "php!execute_ex+0x1": 30}, have)
    need(have["host"] == {"<i>h0": 40, "<i>h1": 40} and have[
        "os_user"] == {"root": 80}, have)
    need("number" not in have and "one" not in have, list(have))
    go(tab, {"v": "spans", "q": "user:u1 script:b/index"})
    want = sum(i % 5 == 1 and i % 2 for i in range(120) if i % 4)
    need(tab.js("+document.getElementById('count').dataset.spans") == want,
         text_of(tab, "#count"))
    go(tab, {"v": "spans", "q": "host:h1 -caller:php! os_user:root"})
    want = sum(i % 2 and i % 3 > 0 for i in range(120) if i % 4)
    need(tab.js("+document.getElementById('count').dataset.spans") == want,
         text_of(tab, "#count"))
    go(tab, {"t": "trace-7", "tab": "info"})
    said = text_of(tab, "#caller")
    need(said == "<b>seo.php:1 S\\T::do, plugin seo", said)
    need(tab.js("document.querySelector('#panel details ol').textContent")
         == "php!execute_ex+0x1" and not tab.js(
             "document.querySelector('#panel details:has(ol)').open"), "frames")
    go(tab, {"t": "trace-8", "tab": "info"})
    need(not text_of(tab, "#caller") and "php!execute_ex+0x1" in text_of(
        tab, "#panel ol"), "a caller without a line")
    tab.close()


def write_runs(path):
    """Traces of runs: of one, of several, with two spans, without a run; and two
    conversations, of which one has lost its first turn."""
    rng = random.Random(5)
    os.makedirs(path)
    events = []
    for i in range(90):
        facts = {"executable": "curl"}
        trace = i // 2 if i % 6 == 1 else i
        if trace % 7:
            facts["run"] = "%016x" % (trace % 11 if trace % 11 < 9 else trace)
            facts["run"] += ".inner" if i % 2 else ""
        meta = {"span": {"kind": ("llm", "embedding", "workflow")[i % 3]},
                "model_name": ("gpt-4o", "o4-mini")[i % 2],
                "metadata": {"caller": {"entry": "/srv/<b>job%d.sh" % (i % 11)}}}
        metrics = {} if i % 5 == 0 else {
            "input_tokens": rng.randrange(100), "output_tokens": i}
        events.append(hostile.span(
            i, "trace-%d" % trace, meta=meta,
            metrics=metrics, span_id=str(1000 + i),
            tags=["env:" + "ab"[i % 2]]))
        events[-1]["_call"] = facts
    for i, of in ((40, 38), (42, 40), (44, 40), (60, 5000), (61, 60)):
        other = events[of] if of < 90 else {"trace_id": "t", "span_id": "5000"}
        events[i]["span_links"] = [
            {"trace_id": other["trace_id"], "span_id": other["span_id"],
             "attributes": {"kind": "turn", "from": "output", "to": "input"}}]
    with open(os.path.join(path, "spans.jsonl"), "w", encoding="ascii") as f:
        f.writelines(json.dumps(e) + "\n" for e in events)
    return events


RUNS = """Object.fromEntries([...document.querySelectorAll('[data-run]')]
  .filter((row) => row.getClientRects().length).map((row) => [row.dataset.run,
    {...row.dataset, text: row.textContent}]))"""


def runs_of(events, test):
    """Run: the spans that are found of it, where these are of two traces."""
    traces, runs = {}, {}
    for e in events:
        traces.setdefault(e["trace_id"], []).append(e)
    for some in traces.values():
        some.sort(key=lambda e: e["start_ns"])
        run = next((e["_call"]["run"] for e in some if "run" in e["_call"]),
                   None)
        found = [e for e in some if test(e)]
        if run and found:
            runs.setdefault(run.split(".")[0], []).append(found)
    return {run: [e for trace in found for e in trace]
            for run, found in runs.items() if len(found) > 1}


def runs(bench):
    """The traces of a run are one entry; its sums are those of what is found,
    as the terminal and this file have them."""
    path = os.path.join(bench.folder, "runs")
    events = write_runs(path)
    tab = bench.open("runs", size=(1440, 6000))
    seen = 0
    for at, args, test in (
            ([], [], lambda e: True),
            ([("f", "kind:llm")], ["--kind", "llm"],
             lambda e: e["meta"]["span"]["kind"] == "llm"),
            ([("f", "model:o4-mini")], ["--model", "o4-mini"],
             lambda e: e["meta"]["model_name"] == "o4-mini"),
            ([("f", "env:a"), ("f", "kind:embedding")],
             ["--tag", "env:a", "--kind", "embedding"],
             lambda e: "env:a" in e["tags"] and
             e["meta"]["span"]["kind"] == "embedding")):
        go(tab, [*at, ("one", "1")])
        have, want = tab.js(RUNS), runs_of(events, test)
        need(sorted(have) == sorted(want), (args, sorted(have), sorted(want)))
        terminal = bench.tool("--store", path, *args).stdout.decode()
        need(terminal.count("\nrun  ") == len(want), terminal)
        for run, some in want.items():
            calls = [e for e in some if is_call(e)]
            sums_ = {key: [e["metrics"][name] for e in calls
                           if name in e["metrics"]] for key, name in METRICS}
            cost = [c for c in map(cost_of, some) if c is not None]
            row = have[run]
            need(row["calls"] == str(len(calls)), (run, row))
            for key, known in (*sums_.items(), ("cost", cost)):
                need(same(row.get(key, ""), sum(known) if known else None),
                     (args, run, key, row, known))
            count = len({e["trace_id"] for e in some})
            need("%d traces" % count in row["text"] and "job" in row["text"]
                 and run not in row["text"], row)
            words = ["%d traces, %d call%s" % (
                count, len(calls), "" if len(calls) == 1 else "s")]
            if any(sums_.values()):
                words.append(", %s/%s tokens" % tuple(
                    sum(known) if known else "\u2013"
                    for known in sums_.values()))
            need(any(all(word in said for word in words)
                     for said in terminal.split("\n")), (words, terminal))
            seen += 1
    need(seen > 15, seen)
    go(tab, [])
    tab.js("document.querySelector('[data-run]').click()")
    tab.frames()
    need(tab.js("document.querySelectorAll('[data-run]').length") == 0 and
         tab.js("document.querySelectorAll('#chips button').length") == 2,
         text_of(tab, "#chips"))
    go(tab, {"v": "spans"})
    said = [text for text in tab.js(
        "[...document.querySelectorAll('#list [role=option]')].map("
        "(row) => /turn \\d of \\d/.exec(row.textContent)?.[0] ?? '')")
        if text]
    need(sorted(said) == ["turn 1 of 3", "turn 2 of 3", "turn 3 of 3",
                          "turn 3 of 3"], said)
    tab.close()


def unknown(bench):
    """An embedding has no output tokens: a dash, not 0; nor has a sum of
    costs that nobody knows a value."""
    tab = bench.open("few", at={"v": "timeseries", "f": "kind:embedding"})
    row = tab.js(TABLES)["text-embedding-3-small"]
    need(row["output"] == "" and row["ttft"] == "", row)
    text = tab.js("document.querySelector('[data-row] [data-sum=output]')"
                  ".textContent")
    need(text == "\u2013", text)
    tab.close()


def costs(bench):
    """Each place has the cost of its calls, says how many these are, and from
    when the prices are."""
    events = [e for e in map(json.loads, bench.tool(
        "--store", bench.store("few"), "--json").stdout.splitlines())
        if "join_on" not in e]
    said = "estimated, prices of 2026-01-02"
    traces = {}
    for event in events:
        traces.setdefault(event["trace_id"], []).append(event)
    some = [t for t in traces.values() if {True, False} == {
        cost_of(e) is None for e in t if is_call(e)}][0]
    calls = [e for e in some if is_call(e)]
    known = [e for e in calls if cost_of(e) is not None]
    tab = bench.open("few", at={"t": some[0]["trace_id"]})
    have = tab.js("document.querySelector('[data-sum=trace-cost]')"
                  ".dataset.value")
    need(same(have, sum(map(cost_of, known))), (have, known))
    text = text_of(tab, "#panel")
    need("of %d of %d calls" % (len(known), len(calls)) in text and
         said in text, text)
    for event, want in ((known[0], cost_of(known[0])),
                        (next(e for e in calls if e not in known), None)):
        go(tab, {"t": event["trace_id"], "s": event["span_id"]})
        have = tab.js("document.querySelector('[data-sum=span-cost]')"
                      ".dataset.value")
        need(same(have, want), (have, want, event["metrics"]))
    go(tab, {"v": "timeseries"})
    calls = [e for e in events if is_call(e)]
    known = [e for e in calls if cost_of(e) is not None]
    have = tab.js("document.querySelector('[data-sum=cost]').dataset.value")
    text = text_of(tab, "[data-chart=cost]")
    need(same(have, sum(map(cost_of, known))) and said in text, (have, text))
    need("of {:,} of {:,} calls".format(len(known), len(calls)) in text, text)
    tab.close()


SHOWN = """(() => {
  const rows = [...document.querySelectorAll('[data-group]')].filter((row) => row.getClientRects().length);
  return Object.fromEntries(rows.map((row) => [row.dataset.group, {...row.dataset}]));
})()"""
COUNTED = """Object.fromEntries([...document.querySelectorAll('[data-facet=%s] [data-value]')]
  .filter((row) => row.getClientRects().length).map((row) => [row.dataset.value, +row.dataset.count]))"""


def traces_of(events):
    traces = {}
    for event in events:
        traces.setdefault(event["trace_id"], []).append(event)
    return list(traces.values())


def questions(bench):
    """A trace is chosen where each condition has a span of it, and no span has a
    forbidden value; a facet counts the traces that a click would leave."""
    events = [e for e in map(json.loads, bench.tool(
        "--store", bench.store("few"), "--json").stdout.splitlines())
        if "join_on" not in e]
    rng, tab, some, other = random.Random(8), bench.open("few"), 0, 0
    traces = traces_of(events)
    for _ in range(40):
        at, conditions = [], []
        for key in rng.sample(sorted(FACETS), rng.choice((1, 2, 2, 3))):
            value_of, no = FACETS[key][1], rng.random() < 0.25
            value = value_of(rng.choice(events))
            if value is None:
                continue
            at.append(("n" if no else "f", key + ":" + value))
            conditions.append((key, no, lambda e, of=value_of, v=value:
                               of(e) == v))
        if rng.random() < 0.5:
            at.append(("q", "status:error"))
            conditions.append(("status", False,
                               lambda e: e["status"] == "error"))

        def passes(trace, but=None):
            return all(any(map(test, trace)) != no
                       for key, no, test in conditions if key != but)
        go(tab, at)
        want = [t for t in traces if passes(t)]
        said = text_of(tab, "#count")
        need(said.startswith("{:,} trace".format(len(want))),
             (at, said, len(want)))
        need(tab.js("+document.querySelector('#count').dataset.spans")
             == sum(map(len, want)), (at, said))
        counts = {}
        for trace in traces:
            if passes(trace, "kind"):
                for kind in {e["meta"]["span"]["kind"] for e in trace}:
                    counts[kind] = counts.get(kind, 0) + 1
        have = {k: n for k, n in tab.js(COUNTED % "kind").items() if n}
        need(have == counts, (at, have, counts))
        tags = {}
        for trace in want:
            for key in {t.split(":")[0] for e in trace for t in e["tags"]}:
                tags[key] = tags.get(key, 0) + 1
        have = tab.js("Object.fromEntries([...document.querySelectorAll("
                      "'[data-tag]')].map((r) => [r.dataset.tag,"
                      "+r.dataset.count]))")
        need(bool(have) >= bool(want) and all(
            n == tags.get(key, 0) for key, n in have.items()),
            (at, have, tags))
        go(tab, [*at, ("one", "1")])
        some += bool(want)
        other += text_of(tab, "#count") != said
    need(some > 10 and other > 10, (some, other))
    tab.close()


def groups(bench):
    """The groups of the list have the sums of the terminal's lines."""
    tab = bench.open("few", size=(1440, 3000))
    for key in ("ml_app", "session", "day", "service"):
        rows = json.loads(b"[" + b",".join(bench.tool(
            "--store", bench.store("few"), "--summary", "--by", key, "--json")
            .stdout.splitlines()) + b"]")
        go(tab, {"by": key, "o": "-calls"})
        have, seen = tab.js(SHOWN), 0
        for row in rows:
            value = row.get(key)
            if value not in have:
                continue
            seen += 1
            need(int(have[value]["calls"]) == row["calls"] and
                 int(have[value]["errors"]) >= row["errors"],
                 (have[value], row))
            for name, of in (("input", "input_tokens"), ("output",
                             "output_tokens"), ("cost", "cost_usd")):
                need(same(have[value].get(name, ""), row.get(of)),
                     (key, name, have[value], row))
        need(seen >= min(len(rows), 2), (key, list(have), rows[:2]))
    first = tab.js("document.querySelector('[data-group]').dataset.group")
    tab.js("document.querySelector('[data-group]').click()")
    tab.frames()
    need(first in text_of(tab, "#chips"), text_of(tab, "#chips"))
    tab.close()
