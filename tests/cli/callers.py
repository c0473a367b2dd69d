#!/usr/bin/python3
"""The callers: `llmobs view` by script, line, plugin, unit, host, account, user
and tag, each number held to another computation of it.

usage: callers.py BUILD_DIR [PART]...

The store is a week of cron jobs, PHP pages and scripts, made by chance.
"""
import collections
import csv
import fnmatch
import io
import itertools
import json
import math
import os
import random
import re
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
from checks import check  # noqa: E402
from inputs import hostile  # noqa: E402

BUILD, *ONLY = sys.argv[1:]
TOOL = os.path.join(BUILD, "llmobs")
TMP = tempfile.TemporaryDirectory(prefix="llmobs-callers.")
STORE = os.path.join(TMP.name, "store")
NS = 10**9
DAY = 86400 * NS
ENV = {"PATH": "/usr/bin:/bin", "HOME": TMP.name, "TZ": "UTC",
       "LC_ALL": "C.UTF-8", "LLMOBS_CONFIG": os.path.join(TMP.name, "none"),
       "LLMOBS_PRICES": "off"}
SITE = "/var/www/shop/wp-content/plugins/"
# Scripts of one name in two folders, and in two folders of one name.
CRON = ["/opt/jobs/backup.sh", "/opt/jobs/report.py", "/srv/a/run.py",
        "/srv/b/run.py", "~/x/run.py", "/old/a/run.py", "run.py"]
PAGES = ["/var/www/shop/index.php", "/var/www/blog/index.php",
         "/var/www/shop/wp-cron.php"]
ODD = ["Command line code", "-e", "/tmp/\x1b[2Jx.php", "/q/\"a\",b;.php",
       "/tmp/xindex.php", "/tmp/-index.php", "/", "/end/", "//two"]
PLUGINS = [["ai-services", "seo-writer"], ["shop-bot"], []]


def span(i, rng):
    """A call of a cron job, of a page, of a script or of nobody."""
    kind = rng.choice(["cron", "page", "page", "script", "none"])
    caller, tags, facts = {}, ["ml_app:week"], {}
    if kind == "cron":
        caller = {"module": "curl", "offset": 7, "frames": ["curl+0x7"],
                  "entry": rng.choice(CRON)}
        if i % 5 == 0:
            del caller["entry"]
        tags.append("unit:cron.service")
        facts = {"uid": rng.choice([0, 1, 4242424])}
    elif kind == "page":
        plugins = rng.choice(PLUGINS)
        caller = {"module": "curl.so", "offset": 9, "function": "f",
                  "frames": ["curl.so!f+0x9", "php8.2!execute_ex+0x3"],
                  "entry": rng.choice(PAGES), "plugins": plugins,
                  "file": SITE + "%s/%s.php" % (
                      (plugins or ["core"])[0], rng.choice(["a", "b"])),
                  "line": rng.choice([0, 4, 40]), "code": "A\\B::f/g"}
        if rng.random() < 0.3:
            del caller["code"]
        if plugins and rng.random() < 0.7:
            tags.append("plugin:" + plugins[-1])
        tags += ["unit:php-fpm.service",
                 "user_id:" + rng.choice(["ann", "bob", "sha256:0a"])]
        facts = {"uid": 33, "hostname": rng.choice(["web1", "web2"]),
                 "page": rng.choice(["GET /shop/cart", "POST /shop/cart", "GET /"])}
    elif kind == "script":
        caller = {"module": "python3", "function": "do_call", "offset": 1,
                  "frames": ["python3!do_call+0x1"],
                  "entry": rng.choice(ODD)}
        tags += ["team:" + rng.choice("xy"), "key:0123abcd"]
        facts = {"uid": -1, "hostname": ""}
    elif i % 4 == 0:  # of a runtime that tells no line
        caller = {"entry": rng.choice(CRON)}
    metrics = {}
    if rng.random() < 0.9:
        metrics = {"input_tokens": rng.randrange(900),
                   "output_tokens": rng.randrange(90)}
    if kind != "script" and rng.random() < 0.7:
        metrics["total_cost"] = rng.randrange(1, 4000) / 65536
    if i % 7:  # with the runs that it stands in, or masked
        facts["run"] = "run%d.outer" % (i // 9) if i % 5 else "[redacted]"
    failed = rng.random() < 0.1
    return hostile.span(
        i, "trace-%d" % (i // 3), metrics=metrics, tags=tags,
        span_id=str(10**12 + i),
        start_ns=hostile.BEGIN + rng.randrange(7 * DAY),
        status="error" if failed else "ok", _call=facts,
        duration=rng.randrange(NS),
        meta={"span": {"kind": "llm"}, "model_name": rng.choice(
            ["gpt-4o", "claude"]), "input": {"messages": [
                {"role": "user", "content": "q%d" % rng.randrange(150)}]},
              "error": {"type": "e"} if failed else {},
              "metadata": {"caller": caller} if caller else {}})


def write():
    rng = random.Random(21)
    os.makedirs(STORE)
    made = [span(i, rng) for i in range(900)]
    with open(os.path.join(STORE, "spans.jsonl"), "w", encoding="utf-8") as f:
        for event in made:
            f.write(json.dumps(event) + "\n")
    return made


def view(*args, status=0, **env):
    done = subprocess.run([TOOL, "view", "--store", STORE, *args],
                          capture_output=True, timeout=60, env={**ENV, **env})
    if done.returncode != status:
        check("status of %s" % (args,), False, done)
    return done


def lines(*args):
    return [json.loads(x) for x in view("--json", *args).stdout.splitlines()]


# ---- the facts, as this file reads them -------------------------------------

def caller_of(event):
    caller = event["meta"]["metadata"].get("caller", {})
    if "file" in caller:
        return caller["file"] + (":%d" % caller["line"] if caller["line"]
                                 else "") + (
            " " + caller["code"] if "code" in caller else "")
    if "function" in caller:
        return "%s!%s" % (caller["module"], caller["function"])
    if "entry" in caller and "module" in caller:  # a shell's
        return "%s, by %s" % (caller["module"], caller["entry"].split("/")[-1])
    return caller["frames"][0] if "frames" in caller else caller.get("entry")


def tag_of(event, key):
    values = [t[len(key) + 1:] for t in event["tags"]
              if t.startswith(key + ":")]
    return values[0] if values else None


def plugin_of(event):
    plugins = event["meta"]["metadata"].get("caller", {}).get("plugins")
    return tag_of(event, "plugin") or (plugins[-1] if plugins else None)


def account_of(event):
    uid = event["_call"].get("uid")
    with open("/etc/passwd", encoding="utf-8") as f:
        for line in f:
            if line.split(":")[2] == str(uid):
                return line.split(":")[0]
    return None if uid is None else str(uid)


def fact(event, key):
    if key == "script":
        return event["meta"]["metadata"].get("caller", {}).get("entry")
    if key == "model":
        return event["meta"]["model_name"]
    if key == "run":
        run = event["_call"].get("run")
        return run.split(".")[0] if run and "[" not in run else None
    if key == "host":
        return event["_call"].get("hostname") or None
    if key == "page":
        return event["_call"].get("page")
    if key.startswith("tag:"):
        return tag_of(event, key[4:])
    return {"caller": caller_of, "plugin": plugin_of, "os_user": account_of,
            "user": lambda e: tag_of(e, "user_id")}.get(
        key, lambda e: tag_of(e, key))(event)


def ends(path):
    """The ends of a path, from its last member on."""
    file, blank, code = path.partition(" ")
    parts = file.split("/")
    return [end for end in ("/".join(parts[n:]) + blank + code
                            for n in range(len(parts) - 1, -1, -1)) if end]


def names(paths):
    """For each path its shortest end that no other path has."""
    return {path: next((end for end in ends(path) if not any(
        other == end or other.endswith("/" + end)
        for other in paths if other != path)), path) for path in paths}


def keys_of(all_, keys):
    """For each event its name under these keys."""
    columns = []
    for key in keys:
        values = [fact(event, key) for event in all_]
        if key in ("script", "caller"):
            named = names({v for v in values if v is not None})
            values = [named.get(v) for v in values]
        columns.append(values)
    return list(zip(*columns))


def sum_of(values):
    values = [v for v in values if v is not None]
    return sum(values) if values else None


def numbers(calls):
    def metric(key):
        return [c["metrics"].get(key) for c in calls]
    lengths = sorted(c["duration"] for c in calls)
    return {"calls": len(calls),
            "errors": sum(c["status"] == "error" for c in calls),
            "input_tokens": sum_of(metric("input_tokens")),
            "output_tokens": sum_of(metric("output_tokens")),
            "cost_usd": sum_of(metric("total_cost")),
            "cost_calls": len(calls) - metric("total_cost").count(None),
            "latency_p50_s": lengths[math.ceil(len(calls) / 2) - 1] / NS}


def grouped(all_, keys):
    groups = collections.defaultdict(list)
    for name, event in zip(keys_of(all_, keys), all_):
        groups[name].append(event)
    return groups


def order(name, n):
    """A line is sorted by this, the highest first."""
    return (any(part is not None for part in name),
            -1 if n["cost_usd"] is None else n["cost_usd"],
            (n["input_tokens"] or 0) + (n["output_tokens"] or 0), n["calls"])


WAYS = [["script"], ["caller"], ["plugin"], ["page"], ["unit"], ["host"], ["os_user"],
        ["user"], ["tag:team"], ["key"], ["plugin", "model"],
        ["script", "model"], ["user", "script"], ["unit", "caller"], ["run"],
        ["caller", "run"], ["run", "os_user"]]
KEYS = ["script", "caller", "plugin", "page", "unit", "host", "os_user", "user", "key",
        "run"]


# ---- the parts --------------------------------------------------------------

def close(have, want):
    return all(have[k] == want[k] or k == "cost_usd" and None not in (
        have[k], want[k]) and abs(have[k] - want[k]) < 1e-9 for k in want)


def summary():
    for keys in WAYS:
        groups = {name: numbers(all_)
                  for name, all_ in grouped(EVENTS, keys).items()}
        have = lines("--summary", "--by", ",".join(keys))
        found = [tuple(h[key] for key in keys) for h in have]
        check("summary by %s" % keys, sorted(found, key=str) ==
              sorted(groups, key=str) and len(groups) > 1 and all(
                  close(h, groups[name]) for h, name in zip(have, found)),
              (have[:2], list(groups)[:8]))
        places = [order(name, groups[name]) for name in found]
        check("the dearest first by %s" % keys, all(
            a[0] > b[0] or a[1] - b[1] > 1e-9 or abs(a[1] - b[1]) < 1e-9
            and a[2:] >= b[2:] for a, b in zip(places, places[1:])), places)
    have = [h["script"] for h in lines("--summary", "--by", "script")]
    check("scripts have their folders where they need them", {
        "backup.sh", "b/run.py", "srv/a/run.py", "old/a/run.py", "x/run.py",
        "run.py", "shop/index.php", "wp-cron.php", "Command line code",
        "xindex.php"} < set(have), have)
    text = view("--summary", "--by", "script,model").stdout.decode()
    check("two columns", re.match(r"SCRIPT +MODEL +CALLS", text) and re.search(
        r"(?m)^– +gpt-4o +\d", text) and "\x1b" not in text, text)
    same = view("--summary", "--by", "os-user").stdout
    check("with either stroke", same and same == view(
        "--summary", "--by", "os_user").stdout)
    said = view("--summary", "--by", "scirpt", status=2).stderr
    check("a mistyped key", b"did you mean script?" in said, said)
    for words in "user,user", "os-user,os_user", "tag:a,tag:a":
        said = view("--summary", "--by", words, status=2).stderr
        check("one key twice: %s" % words, b"the same key twice" in said, said)
    for words in "script,model,unit", "script,", "tag:", "tag:a\"b", "tag:a b":
        said = view("--summary", "--by", words, status=2).stderr
        check("no such keys: %s" % words, b"os_user, user, key, run, " in said
              and b"tag:NAME" in said, said)


def series():
    for keys in ["script"], ["plugin", "model"], ["user"], ["tag:team"]:
        have = lines("--timeseries", "calls,tokens_in", "--step", "1d", "--by",
                     ",".join(keys))
        want = collections.Counter(zip(
            keys_of(EVENTS, keys), [e["start_ns"] // DAY for e in EVENTS]))
        found, times = collections.Counter(), sorted({h["time"] for h in have})
        first = min(e["start_ns"] for e in EVENTS) // DAY
        for h in have:
            found[tuple(h[key] for key in keys),
                  first + times.index(h["time"])] += h["calls"]
        check("series by %s" % keys, +found == want, (found - want,
                                                      want - found))
    for columns in 60, 100:
        for keys in "script", "script,model", "caller,user":
            text = view("--timeseries", "--by", keys,
                        COLUMNS=str(columns)).stdout.decode()
            wide = [x for x in text.splitlines() if len(x) > columns]
            check("series by %s within %d" % (keys, columns), text and
                  not wide, wide[:2])
    check("series in words have both", re.search(
        r"(?m)^GROUP +AND +METRIC .*\n.+ (gpt-4o|claude) +calls ", view(
            "--timeseries", "calls", "--by", "script,model",
            COLUMNS="100").stdout.decode()))


FILTERS = [("script", "index.php"), ("script", "shop/index.php"),
           ("script", "/srv/a/run.py"), ("script", "a/run.py"),
           ("script", "!RUN.py"), ("script", "*/run.py"), ("script", "a"),
           ("caller", "a.php:4*"), ("caller", "*!do_call"),
           ("caller", "!curl+0x7"), ("caller", "curl, by backup.sh"), ("plugin", "seo-writer"),
           ("plugin", "!*"), ("page", "GET /*"), ("page", "get /"),
           ("page", "!post /shop/cart"), ("unit", "*.service"), ("host", "web1"),
           ("os-user", "root"), ("os-user", "4242424"), ("os-user", "!root"),
           ("user", "ann"), ("user", "sha256:*"), ("key", "0123abcd"),
           ("run", "run3"), ("run", "!run3*")]


def matches(event, option, wanted):
    """Whether the value, or of a path any end of it, matches."""
    value = fact(event, option.replace("-", "_"))
    pattern = wanted.lstrip("!").lower()
    all_ = [] if value is None else [value]
    if all_ and option in ("script", "caller"):
        all_ += [""] * value.endswith("/") + ends(value)
    return any(fnmatch.fnmatchcase(one.lower(), pattern)
               for one in all_) != wanted.startswith("!")


def filters():
    for option, wanted in FILTERS:
        have = {h["span_id"] for h in lines("--" + option, wanted)}
        want = {e["span_id"] for e in EVENTS if matches(e, option, wanted)}
        check("only those of --%s %s" % (option, wanted), have == want and
              0 < len(want) < len(EVENTS) or (have == want == set() and
                                              wanted == "a"),
              (have - want, want - have))
    have = lines("--summary", "--by", "script", "--unit", "cron.service",
                 "--os-user", "root")
    want = grouped([e for e in EVENTS if tag_of(e, "unit") == "cron.service"
                    and e["_call"]["uid"] == 0], ["script"])
    check("two filters and a group", {(h["script"],): h["calls"]
                                      for h in have} == {
        name: len(all_) for name, all_ in want.items()}, have)
    said = view("--script", "backup.bat").stderr.decode()
    check("a filter that finds nothing tells what there is",
          "scripts: " in said and PAGES[0] + "," in said and
          "\x1b" not in said, said)
    for key in KEYS:
        said = subprocess.run([TOOL, "completion", "values", key.replace(
            "_", "-"), STORE], capture_output=True, env=ENV, timeout=60).stdout
        have, want = said.decode().splitlines(), {fact(e, key) for e in EVENTS}
        check("a shell completes: " + key, set(have) == {
            w for w in want if w and "\x1b" not in w} or
            len(have) == 200 and set(have) < want, (have[:9], want))


def columns():
    """--csv: each fact of each span, whole."""
    order_ = sorted(EVENTS, key=lambda e: int(e["span_id"]), reverse=True)
    text = view("--csv").stdout.decode()
    have = list(csv.DictReader(io.StringIO(text, newline="")))
    check("csv has the keys last", list(have[0])[-15:-5] == KEYS, list(have[0]))
    wrong = [(h, k) for h, e in zip(have, order_) for k in KEYS
             if h[k].lstrip("'") != (fact(e, k) or "")
             or h["span_id"] != e["span_id"]]
    check("csv has each fact", len(have) == len(EVENTS) and not wrong,
          wrong[:1])
    for pair in itertools.permutations([*KEYS, "tag:team"], 2):
        have = lines("--fields", ",".join(pair), "-n", "300")
        want = [tuple(fact(e, k) for k in pair) for e in order_[:300]]
        if [tuple(h.values()) for h in have] != want:
            check("json of %s beside %s" % pair, False, (have[:1], want[:1]))
    have = lines("--fields", ",".join(KEYS))
    check("json of all keys", [tuple(h.values()) for h in have] == [
        tuple(fact(e, k) for k in KEYS) for e in order_], have[:1])
    have = lines("--fields", "tag:team,span_id,os-user,caller")
    check("json of a tag", [list(h.values()) for h in have] == [
        [tag_of(e, "team"), e["span_id"], account_of(e), caller_of(e)]
        for e in order_] and list(have[0]) == [
            "tag:team", "span_id", "os_user", "caller"], have[:2])
    said = view("--csv", "--fields", "scrpt", status=2).stderr
    check("a mistyped field", b"did you mean script?" in said, said)
    view("--csv", "--fields", "day", status=2)
    view("--csv", "--fields", "tag:", status=2)


def one_span():
    """`view ID`: the line of the script; with --full the frames below it."""
    def shown(*args):
        return [x.strip() for x in view("--color", "never", *args)
                .stdout.decode().splitlines()]
    event = next(e for e in EVENTS if "shop-bot/b.php:40 A" in
                 (caller_of(e) or "") and plugin_of(e) and
                 e["status"] == "ok")
    wanted = "by b.php:40 A\\B::f/g, plugin shop-bot"
    have = shown(event["span_id"])
    check("the line of a script", wanted in have and have.index(
        wanted) == have.index("span " + event["span_id"]) + 1 and not any(
        "execute_ex" in x for x in have), have)
    have = shown(event["span_id"], "--full")
    at = have.index(wanted)
    check("the frames below it", have[at + 1:at + 3] == [
        "curl.so!f+0x9", "php8.2!execute_ex+0x3"], have)
    event = next(e for e in EVENTS if caller_of(e) == "curl+0x7")
    check("no line of a program", not any(
        x.startswith("by ") for x in shown(event["span_id"], "--full")))


EVENTS = write()
for one in summary, series, filters, columns, one_span:
    if not ONLY or one.__name__ in ONLY:
        one()
