#!/usr/bin/python3
"""The costs of calls: by a computation of this file, by tables that are none, and
by the table that ships.

usage: cost.py BUILD_DIR [PART]...
"""
import datetime
import io
import json
import os
import random
import re
import subprocess
import sys
import tarfile
import tempfile

sys.dont_write_bytecode = True
from checks import check  # noqa: E402
from inputs import hostile  # noqa: E402

BUILD, *ONLY = sys.argv[1:]
BUILD = os.path.abspath(BUILD)
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))

TOOL = os.path.join(BUILD, "llmobs")
TMP = tempfile.TemporaryDirectory(prefix="llmobs-cost.")
KINDS = ("input_cost_per_token", "cache_read_input_token_cost",
         "cache_creation_input_token_cost",
         "cache_creation_input_token_cost_above_1hr",
         "output_cost_per_token", "output_cost_per_reasoning_token")


def path(name):
    return os.path.join(TMP.name, name)


def write(name, data):
    with open(path(name), "w", encoding="utf-8") as f:
        f.write(data if isinstance(data, str) else json.dumps(data))
    return path(name)


def store(name, events):
    os.makedirs(path(name), exist_ok=True)
    write(name + "/spans.jsonl",
          "".join(json.dumps(event) + "\n" for event in events))
    return path(name)


def call(number, model, provider="openai", kind="llm", **metrics):
    return hostile.span(number, metrics=metrics, meta={
        "span": {"kind": kind}, "model_name": model,
        "model_provider": provider})


def tool(*args, prices=None, status=0):
    env = {"PATH": "/usr/bin:/bin", "HOME": TMP.name, "TZ": "UTC",
           "LLMOBS_CONFIG": path("none"),
           **({} if prices is None else {"LLMOBS_PRICES": prices})}
    done = subprocess.run([TOOL, *args], env=env, capture_output=True,
                          timeout=120)
    if done.returncode != status:
        check("status of %s" % (args,), False, done)
    return done


def costs(events, prices=None, name="some"):
    """Each span's cost as the page has it, the date, and what stderr says."""
    done = tool("view", "--store", store(name, events), "--html", "-",
                prices=prices)
    page = done.stdout.decode()
    index, meta = (json.loads(re.search(
        r'id="%s">(.*?)</script>' % key, page, re.DOTALL)[1])
        for key in ("index", "meta"))
    found = {row["s"]: row.get("y") for row in index}
    return ([found[event["span_id"]] for event in events], meta["prices"],
            done.stderr.decode())


# ---- the formula -----------------------------------------------------------

def random_model(rng):
    entry = {"input_cost_per_token": rng.choice((0, rng.random() * 1e-5)),
             "output_cost_per_token": rng.random() * 1e-5}
    for kind in KINDS:
        if kind not in entry and rng.random() < 0.4:
            entry[kind] = rng.random() * 1e-5
    for limit, name in ((200000, "200k"), (1000, "1k"), (4999, "4999")):
        for kind in KINDS:
            if rng.random() < 0.25:
                entry["%s_above_%s_tokens" % (kind, name)] = \
                    rng.random() * 1e-4
    entry.update(mode="chat", max_tokens=4096, supports_vision=True)
    return dict(rng.sample(sorted(entry.items()), len(entry)))


def random_usage(rng):
    usage = {"input_tokens": rng.choice((0, 12, 1000, 1001, 4999, 5000,
                                         200000, 200001, 700000)),
             "output_tokens": rng.randint(0, 5000)}
    usage["cache_read_input_tokens"] = rng.randint(0, usage["input_tokens"])
    usage["cache_write_input_tokens"] = rng.randint(
        0, usage["input_tokens"] - usage["cache_read_input_tokens"])
    usage["ephemeral_1h_input_tokens"] = rng.randint(
        0, usage["cache_write_input_tokens"])
    usage["reasoning_output_tokens"] = rng.randint(0, usage["output_tokens"])
    for key in rng.sample(sorted(usage), rng.randint(0, 3)):
        if rng.random() < 0.5:
            del usage[key]
    return usage


def price(entry, kind, tokens):
    """The price of a kind of token in a call of that length, or None."""
    found, best = entry.get(kind), 0
    for limit, name in ((1000, "1k"), (4999, "4999"), (200000, "200k")):
        rate = entry.get("%s_above_%s_tokens" % (kind, name))
        if rate is not None and tokens > limit > best:
            found, best = rate, limit
    return found


def estimate(entry, usage):
    if "input_tokens" not in usage or "output_tokens" not in usage:
        return None
    length = usage["input_tokens"]
    of = dict(zip(("in", "read", "write", "hour", "out", "think"), (
        price(entry, kind, length) for kind in KINDS)))
    read = usage.get("cache_read_input_tokens", 0)
    write_ = usage.get("cache_write_input_tokens", 0)
    hour = min(usage.get("ephemeral_1h_input_tokens", 0), write_)
    think = usage.get("reasoning_output_tokens", 0)

    def either(*rates):
        return next(rate for rate in rates if rate is not None)
    return ((length - read - write_) * of["in"]
            + read * either(of["read"], of["in"])
            + (write_ - hour) * either(of["write"], of["in"])
            + hour * either(of["hour"], of["write"], of["in"])
            + (usage["output_tokens"] - think) * of["out"]
            + think * either(of["think"], of["out"]))


def same(have, want):
    return have == want or None not in (have, want) and \
        abs(have - want) <= 1e-12 + 1e-9 * want


def formula():
    rng = random.Random(21)
    table = {"model-%d" % i: random_model(rng) for i in range(60)}
    events, want = [], []
    for i in range(1500):
        model, usage = rng.choice(sorted(table)), random_usage(rng)
        events.append(call(i, model, **usage))
        want.append(estimate(table[model], usage))
    have, _, _ = costs(events, write("random.json", table))
    wrong = [(e["meta"], e["metrics"], h, w) for e, h, w in zip(
        events, have, want) if not same(h, w)]
    check("1500 calls cost what a formula says", not wrong and
          100 < want.count(None) < 1000, (len(wrong), wrong[:1]))


# ---- which cost counts -----------------------------------------------------

def given():
    table = write("m.json", {"m": {"input_cost_per_token": 0.5}})
    usage = {"input_tokens": 3, "output_tokens": 0}
    have, date, _ = costs([
        call(0, "m", **usage), call(1, "m", total_cost=0.25, **usage),
        call(2, "m", total_cost=0, **usage),
        call(3, "m", total_cost=-1, **usage),
        call(4, "m", kind="embedding", input_tokens=3),
        call(5, "m", kind="workflow", total_cost=7, **usage),
        call(6, "m", input_cost=0.5, output_cost=0.25),
        call(7, "m", output_tokens=0), call(8, "n", **usage)], table)
    check("a given cost wins, an unknown one is none", have == [
        1.5, 0.25, 0, 1.5, 1.5, None, 0.75, None, None], have)
    today = datetime.datetime.now(datetime.timezone.utc).date()
    check("a table without a date is as old as its file", date in (
        str(today), str(today - datetime.timedelta(1))), date)


def bills():
    """The tokens of a call count once, also where another span than its own
    has them."""
    table = write("b.json", {"m": {"input_cost_per_token": 0.01,
                                   "output_cost_per_token": 0}})
    have, _, _ = costs(list(hostile.bills()), table, "bills")
    check("cost of what is no call", have == [
        None, 0.1, None, None, 0.5, 0.1, None, None, None], have)
    for args in ["--summary"], ["--timeseries"]:
        done = tool("view", "--store", path("bills"), "--json", *args,
                    prices=table)
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        told = [sum(line.get(key) or 0 for line in lines) for key in (
            "calls", "errors", "input_tokens", "output_tokens")]
        check("each token counts once in %s" % args,
              told == [2, 0, 30, 12], lines)
    done = tool("view", "--store", path("bills"), "--summary", "--by", "model",
                "--json", prices=table)
    lines = {line["model"]: line for line in map(
        json.loads, done.stdout.splitlines())}
    check("by the model of the job", [
        [lines[key][name] for name in ("calls", "input_tokens", "cost_usd")]
        for key in ("m", None)] == [[2, 20, 0.2], [0, 10, 0.5]], lines)
    for args, status in (("40", 1), ("42", 0)):
        tool("stats", "--store", path("bills"), "--max-tokens", args,
             prices=table, status=status)
    done = tool("stats", "--store", path("bills"), "--max-cost", "0.7",
                prices=table)
    check("the limit of costs", done.stdout.startswith(
        b"cost: $0.70 of 1 of 2 "),
          done)
    # a billed span does not hide that a call's cost is unknown
    where = store("half", [call(0, "m", input_tokens=10, output_tokens=0),
                           call(1, "none", input_tokens=1, output_tokens=0),
                           list(hostile.bills())[4]])
    done = tool("stats", "--store", where, "--max-cost", "0.7", prices=table)
    check("of how many calls", done.stdout.startswith(
        b"cost: $0.60 of 1 of 2 "), done)
    done = tool("view", "--store", where, "--summary", prices=table)
    check("the summary says it", b"cost: of 1 of 2 calls" in done.stdout, done)
    line, = tool("view", "--store", where, "--summary", "--json",
                 prices=table).stdout.splitlines()
    check("so do its lines", (json.loads(line)["cost_usd"],
                              json.loads(line)["cost_calls"]) == (0.6, 1), line)


def absent():
    """A call that told no tokens is named below the sum, in the terminal and in
    the page; nothing is guessed."""
    first = {"time_to_first_token": 0.5}
    counts = {"input_tokens": 3, "output_tokens": 2}
    remedy = ": OpenAI's API tells them with stream_options " \
        '{"include_usage": true}'
    failed = call(9, "m", **first)
    failed.update(status="error", error={"type": "t"})
    told = [call(0, "m", **counts), call(1, "m", **first, **counts),
            call(2, "m", output_tokens=0, **first),
            call(3, "m", kind="embedding"), call(4, "m", kind="agent"), failed]
    stream, other = call(5, "n", **first), call(6, "m")
    for name, events, note in (
            ("told", told, ""),
            ("stream", [stream], "1 streamed call told no tokens" + remedy),
            ("mixed", told + [stream, call(7, "n", **first), other],
             "2 streamed calls told no tokens" + remedy),
            ("whole", told + [other, call(8, "m")],
             "2 calls told no tokens"),
            ("many", [call(i, "m", **first) for i in range(1001)],
             "1,001 streamed calls told no tokens" + remedy)):
        for event in events:
            event["trace_id"] = "abc%d" % len(events)
        where = store("absent-" + name, events)
        for args in ["--summary"], ["--summary", "--by", "model"], ["last"], [
                "abc%d" % len(events)]:
            lines = tool("view", "--store", where, *args, "duration:>="
                         "1ms").stdout.decode().split("\n")
            check("absent tokens: %s %s" % (name, args), lines[-2] == note
                  if note else "told no" not in "".join(lines), lines[-4:])
        for args in ["--json"], ["--csv"]:
            check("absent tokens: %s %s" % (name, args), b"told no" not in tool(
                "view", "--store", where, "--summary", *args).stdout)
    where = path("absent-mixed")
    lines = tool("view", "--store", where, "--summary", "--model", "m"
                 ).stdout.decode().split("\n")
    check("absent tokens: of those asked for",
          lines[-2] == "1 call told no tokens", lines)
    lines = tool("view", "--store", where, "last", "--model", "m"
                 ).stdout.decode().split("\n")
    check("absent tokens: of those shown", lines[-2] == "1 call told no tokens",
          lines)
    page = tool("view", "--store", where, "--html", "-").stdout.decode()
    check("absent tokens: the page has the words", json.loads(re.search(
        r'id="meta">(.*?)</script>', page)[1])["lack"] == remedy)


def shipped():
    """Of models that everybody knows, as the makers' own lists had them."""
    events = [call(0, "gpt-4o-2024-08-06", input_tokens=1000000,
                   output_tokens=100000),
              call(1, "claude-3-5-haiku-20241022", "anthropic",
                   input_tokens=1000000, output_tokens=0,
                   cache_read_input_tokens=500000),
              call(2, "text-embedding-3-small", kind="embedding",
                   input_tokens=1000000),
              call(3, "us.anthropic.claude-3-haiku-20240307-v1:0",
                   "amazon_bedrock", input_tokens=1000000, output_tokens=0),
              call(4, "no-such-model", input_tokens=1, output_tokens=1),
              call(5, "palmyra-x5", "writer", input_tokens=1000000,
                   output_tokens=1000000),
              call(6, "xai.grok-4", "oci", input_tokens=1000000,
                   output_tokens=0)]
    with open(os.path.join(ROOT, "packaging", "prices.json")) as f:
        about = json.load(f)["llmobs_prices"]
    mine = write("mine.json", {"mine": {"input_cost_per_token": 0.5}})
    for asked in (None, "", "default", mine + ",default"):
        have, date, said = costs(events, asked)
        check("the table that ships: %s" % asked, date == about["date"] and all(
            map(same, have, [3.5, 0.44, 0.02, 0.25, None, 6.6, 3])) and
            "PRICES" not in said, (have, date, said))
    have, date, said = costs(events, "off")
    check("no estimates", have == [None] * 7 and date is None, (have, date))
    check("the licence is in the table", about["license"] == "MIT" and
          "Permission is hereby granted" in about["notice"], about)


# ---- tables that are none --------------------------------------------------

def bad_files():
    os.mkfifo(path("fifo"))
    os.mkdir(path("directory"))
    with open(path("huge"), "wb") as f:
        f.truncate(1 << 40)
    names = [write("empty", ""), write("text", "model,price\n"),
             write("list", "[]"), write("deep", "[" * 1000000),
             write("deep2", '{"m":' * 100000), write("cut", '{"m": {"input'),
             path("fifo"), path("directory"), path("huge"), path("none"),
             path("none\x1b[31m")]
    good = write("good.json", {"llmobs_prices": {"date": "2020-01-02"},
                               "m": {"input_cost_per_token": 0.5}})
    events = [call(0, "m", input_tokens=1, output_tokens=0)]
    for name in names:
        have, date, said = costs(events, name)
        check("no table: %s" % ascii(os.path.basename(name)),
              have == [None] and date is None and len(re.findall(
                  "LLMOBS_PRICES: ", said)) == 1 and "\x1b" not in said, said)
    have, date, said = costs(events, ",".join(names[:6] + [good]))
    check("the others count", have == [0.5] and date == "2020-01-02" and
          said.count("LLMOBS_PRICES") == 6, (have, said))
    lines = {"m%d" % i: {"input_cost_per_token": value} for i, value in
             enumerate(("0.5", -0.5, 2.5, None, True, [0.5], {"a": 0.5}))}
    text = json.dumps(lines)[:-1] + \
        ', "m7": {"input_cost_per_token": 1e999}, "m8": {' \
        '"input_cost_per_token": NaN}, "m9": 0.5, "m10": null}'
    have, _, _ = costs([call(i, "m%d" % i, input_tokens=1, output_tokens=0)
                        for i in range(11)], write("values", text))
    check("values that are no prices", have == [None] * 11, have)


def big_file():
    """Of the size of LiteLLM's."""
    table = {"vendor/model-%d" % i: dict(
        {kind: i * 1e-9 for kind in KINDS}, mode="chat", source="a page",
        **{"supports_%d" % k: True for k in range(12)}) for i in range(2500)}
    have, _, _ = costs([call(0, "model-2000", "vendor", input_tokens=1000,
                             output_tokens=0)], write("big", json.dumps(
                                 table, indent=4)))
    check("a table of %d KB" % (os.path.getsize(path("big")) // 1024),
          same(have[0], 0.002), have)


def exports():
    """The other forms have the estimate, too, and say so beside them."""
    table = write("x.json", {"llmobs_prices": {"date": "2020-01-02"},
                             "m": {"input_cost_per_token": 0.25}})
    where = store("exports", [
        call(0, "m", input_tokens=3), call(1, "n", input_tokens=3)])
    said = b"llmobs view: costs are estimated, prices of 2020-01-02\n"
    done = tool("view", "--store", where, "--csv", "--fields",
                "cost_usd,model", prices=table)
    check("CSV has the cost", sorted(done.stdout.split()) == [
        b",n", b"0.75,m", b"cost_usd,model"] and done.stderr == said, done)
    done = tool("view", "--store", where, "--csv", "--fields", "model",
                prices=table)
    check("CSV without a cost does not speak of it", done.stderr == b"", done)


# ---- limits ----------------------------------------------------------------

def limits():
    """`llmobs stats --max-...` says which limit is exceeded, and by how
    much."""
    table = write("g.json", {"llmobs_prices": {"date": "2020-01-02"},
                             "m": {"input_cost_per_token": 0.1,
                                   "output_cost_per_token": 0}})
    events = [call(0, "m", input_tokens=1, output_tokens=4),
              call(1, "m", input_tokens=2, output_tokens=0),
              dict(call(2, "m"), status="error"),
              call(3, "n", input_tokens=100),
              call(4, "m", kind="workflow", input_tokens=1000)]
    events[1]["tags"] = ["ml_app:one", "service:two"]
    where = store("gate", events)
    of = "of 2 of 4 calls, estimated, prices of 2020-01-02: "
    for args, status, out, err in (
            (["--max-cost", "0.3"], 0, "cost: $0.30 " + of +
             "at most $0.30\n", ""),
            (["--max-cost", "0.25"], 1, "", "llmobs stats: cost: $0.30 " + of +
             "$0.050 more than $0.25\n"),
            (["--max-tokens", "107"], 0,
             "tokens: 107 of 3 of 4 calls: at most 107\n", ""),
            (["--max-tokens", "106"], 1, "", "llmobs stats: tokens: 107 of 3 "
             "of 4 calls: 1 more than 106\n"),
            (["--max-errors", "0", "--max-cost", "1"], 1,
             "cost: $0.30 " + of + "at most $1.00\n",
             "llmobs stats: errors: 1 of 4 calls: 1 more than 0\n"),
            (["--max-errors", "1"], 0, "errors: 1 of 4 calls: at most 1\n",
             ""),
            (["--max-cost", "0.1", "--ml-app", "one"], 1, "",
             "llmobs stats: cost: $0.20 of 1 call, estimated, prices of "
             "2020-01-02: $0.10 more than $0.10\n"),
            (["--max-tokens", "1", "--service", "t*"], 1, "",
             "llmobs stats: tokens: 2 of 1 call: 1 more than 1\n"),
            (["--max-cost", "0", "--since", "2099-01-01"], 0,
             "cost: $0 of 0 calls, estimated, prices of 2020-01-02: "
             "at most $0\n", "")):
        done = tool("stats", "--store", where, *args, prices=table,
                    status=status)
        check("stats %s" % " ".join(args), (done.stdout.decode(),
                                            done.stderr.decode()) ==
              (out, err), done)
    done = tool("stats", "--store", where, "--max-cost", "1", prices=write(
        "else.json", {"llmobs_prices": {"date": "2020-01-02"}}))
    check("a cost that nobody knows", done.stdout ==
          b"cost: unknown for all 4 calls, estimated, prices of 2020-01-02: "
          b"at most $1.00\n", done)
    for args, prices in ((["--since", "1h"], table),
                         (["--max-cost", "1", "--json"], table),
                         (["--max-cost", "1", "--check"], table),
                         (["--max-cost", "1"], path("none")),
                         (["--max-cost", "1"], "off"),
                         (["--max-cost", "-1"], table),
                         (["--max-cost", "1e3"], table),
                         (["--max-cost", "nan"], table),
                         (["--max-cost", ""], table),
                         (["--max-cost", "9" * 20], table),
                         (["--max-errors", "9" * 20], table),
                         (["--max-tokens", "1.5"], table),
                         (["--max-tokens", "1", "--since", "soon"], table)):
        done = tool("stats", "--store", where, *args, prices=prices, status=2)
        check("stats cannot tell: %s" % " ".join(args), done.stderr and
              not done.stdout, done)
    tool("stats", "--store", path("nowhere"), "--max-cost", "1", status=2)
    os.symlink("/dev/null", path("gate/unread.jsonl"))
    for most, status in (("1", 2), ("0", 1)):
        done = tool("stats", "--store", where, "--max-errors", most,
                    prices=table, status=status)
        check("stats where a file cannot be read", b"it is a link" in
              done.stderr and (b"may be more" in done.stderr) == (status == 2),
              done)


# ---- nothing leaves --------------------------------------------------------

def kept_apart():
    """An estimate is in no event: not in the store, not in what is exported,
    and the library does not know prices."""
    table = write("seen.json", {"m": {"input_cost_per_token": 0.123456}})
    events = [dict(call(0, "m", input_tokens=1, output_tokens=0),
                   trace_id="6affe73c000000001234123412341234", span_id="5")]
    have, _, _ = costs(events, table, "apart")
    with open(path("apart/spans.jsonl"), encoding="utf-8") as f:
        kept = f.read()
    told = [tool("view", "--store", path("apart"), form, prices=table)
            .stdout.decode() for form in ("--json", "--otlp")]
    check("an estimate is in no event", have == [0.123456] and told[1] and
          "cost" not in kept + "".join(told), told)
    with open(os.path.join(BUILD, "libllmobs_core.so"), "rb") as f:
        core = f.read()
    check("the library knows no prices",
          not re.search(rb"cost_per_token|LLMOBS_PRICES|prices\.json", core))


# ---- scripts/prices --------------------------------------------------------

PACKAGE = """const E = [
  {id: "openai", name: 'it\\'s "one"', extractors: [{required: !0}], models: [
    {id: "a", description: `two
lines`, match: {or: [{equals: "A-1"}, {regex: "^a-2-\\\\d{4}$"}]},
     prices: {input_mtok: 2.5, output_mtok: 10, web_searches_kcount: 5}},
    {id: "b", match: {starts_with: "a"}, prices: [
      {prices: {input_mtok: 1}},
      {constraint: {start_date: "2026-01-01", type: "start_date"},
       prices: {input_mtok: {base: 2, tiers: [{start: 2e5, price: 4},
                                              {start: 271999, price: 5}]}}},
      {constraint: {start_date: "2027-01-01"}, prices: {input_mtok: 3}}]},
    {id: "c", match: {contains: "tts"}, prices: {audio_hours: .5}},
    {id: "d", match: {equals: "free"}, prices: {requests_kcount: 1}}]},
  {id: "deepseek", models: [{id: "e", match: {ends_with: "e"}, prices: [
    {prices: {input_mtok: 1}},
    {constraint: {start_time: "00:30:00Z", end_time: "16:30:00Z"},
     prices: {input_mtok: 8}}]}]},
  {id: "nobody", models: []}], J = {};
"""
MADE = {
    "a-1": {"litellm_provider": "openai", "input_cost_per_token": 2.5e-6,
            "output_cost_per_token": 1e-5},
    "a-2-[0-9][0-9][0-9][0-9]": {
        "litellm_provider": "openai", "input_cost_per_token": 2.5e-6,
        "output_cost_per_token": 1e-5},
    "a*": {"litellm_provider": "openai", "input_cost_per_token": 2e-6,
           "input_cost_per_token_above_200k_tokens": 4e-6,
           "input_cost_per_token_above_271999_tokens": 5e-6},
    "*tts*": {"litellm_provider": "openai"},
    "deepseek/*e": {"litellm_provider": "deepseek",
                    "input_cost_per_token": 8e-6},
}


def made():
    """A package of npm's becomes a table."""
    with tarfile.open(path("package.tgz"), "w:gz") as tar:
        for name, text in (("package.json", '{"version": "1.2.3"}'),
                           ("LICENSE", "The MIT License (MIT)\n"),
                           ("dist/index.js", PACKAGE)):
            entry = tarfile.TarInfo("package/" + name)
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text.encode()))
    done = subprocess.run(
        [os.path.join(ROOT, "scripts", "prices"), "--date", "2026-02-03",
         "-o", path("made.json"), path("package.tgz")], capture_output=True,
        timeout=60)
    with open(path("made.json"), encoding="utf-8") as f:
        table = json.load(f)
    about = table.pop("llmobs_prices")
    own = {name: table.pop(name) for name in list(table)
           if name.startswith(("oci/", "writer/"))}
    check("scripts/prices has rows of its own", own.get("writer/palmyra-x5") == {
        "litellm_provider": "writer", "input_cost_per_token": 6e-7,
        "output_cost_per_token": 6e-6}, own)
    check("scripts/prices makes a table", table == MADE and list(
        table) == list(MADE) and about["source"].endswith(" 1.2.3") and
        about["date"] == "2026-02-03", (done, table))


def beside():
    """Our estimate stands beside a cost that a gateway gave."""
    table = {"m*": {"input_cost_per_token": 0.01,
                    "output_cost_per_token": 0.02}}
    prices = write("beside.json", table)
    events = [call(1, "m-1", "portkey", input_tokens=10, output_tokens=5,
                   total_cost=0.5),
              call(2, "m-1", "portkey", input_tokens=10, output_tokens=5),
              call(3, "other", "portkey", input_tokens=10, output_tokens=5,
                   total_cost=0.25),
              call(4, "m-1", "portkey", total_cost=0.125)]
    for event in events:
        event["trace_id"] = "8" * 32
    where = store("beside", events)
    rows = tool("view", "--store", where, "--csv", "--fields",
                "name,cost_usd,estimate_usd", prices=prices).stdout.decode()
    check("both are fields", sorted(rows.splitlines()[1:]) == [
        "name 1,0.5,0.2", "name 2,0.2,", "name 3,0.25,", "name 4,0.125,"],
        rows)
    alone = tool("view", "--store", where, "--csv", "--fields",
                 "name,estimate_usd", prices=prices).stdout.decode()
    check("the estimate is a field of its own",
          "name 1,0.2" in alone.splitlines(), alone)
    whole = tool("view", "--store", where, "last",
                 prices=prices).stdout.decode()
    check("view shows both, and no estimate twice",
          re.search(r"name 1 .*\$0\.50 .*\n.*, estimated \$0\.20", whole) and
          whole.count(", estimated $") == 1, whole)


def sessions():
    """A session of a coding agent by model, an agent of it below its starter."""
    def said(number, model, session, cost, starter=None):
        event = call(number, model, "anthropic", total_cost=cost)
        event["meta"]["input"] = {"messages": [
            {"role": "user", "content": "Do it."},
            {"role": "user", "content": "<task-notification>\nDone."}]}
        event.update(span_id=str(7000 + number), trace_id="7" * 32,
                     session_id=session)
        if starter:
            event["span_links"] = [{
                "span_id": starter, "trace_id": "7" * 32,
                "attributes": {"from": "output", "to": "input",
                               "kind": "agent"}}]
        return event

    where = store("agents", [said(1, "opus", "s1", 0.5),
                             said(2, "haiku", "s1", 0.1, "7001"),
                             said(3, "haiku", "s2", 0.2),
                             said(4, "haiku", "s2", 0.25)])
    table = tool("view", "--store", where, "--summary", "--by",
                 "session,model").stdout.decode()
    check("what sessions cost by model",
          sorted(re.findall(r"^(s\d) +(\w+) .* (\S+)$", table,
                                          re.M)) ==
          [("s1", "haiku", "$0.10"), ("s1", "opus", "$0.50"),
           ("s2", "haiku", "$0.45")], table)
    tree = tool("view", "--store", where).stdout.decode()
    check("an agent is below the call that started it",
          re.search(r"name 1 .*\n\S+ name 2 ", tree), tree)
    apart = said(5, "haiku", "s3", 0.1, "7001")
    apart["trace_id"] = "8" * 32
    tree = tool("view", "--store", store("apart", [
        said(1, "opus", "s3", 0.5), apart])).stdout.decode()
    check("and nobody's child in a trace of its own",
          "started by" in tree and "parent elsewhere" not in tree, tree)
    rows = tool("view", "--store", where, "--csv").stdout.decode()
    check("a notification is no question",
          "Do it." in rows and "task-notification" not in rows, rows)


for part in (formula, beside, sessions, given, bills, absent, shipped, bad_files, big_file, exports,
             limits, kept_apart, made):
    if not ONLY or part.__name__ in ONLY:
        part()
