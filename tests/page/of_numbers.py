"""The page counts and sums as the tool and a computation of this file do."""
import datetime
import fnmatch
import json
import math
import os
import random

import hostile
from pages import PRICES, go, need, text_of

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
    need(have["user_id"] == {"u%d" % n: 18 for n in range(5)} and have[
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
