#!/usr/bin/python3
"""`llmobs view A B --diff`, held to another computation of the same.

usage: diffs.py BUILD_DIR [PART]...

The sums and the pairs come from the events of the store, by this file's own
arithmetic; of the texts each difference is read back into both, and is the
shortest but for words that are the same by chance.
"""
import itertools
import json
import os
import pty
import random
import re
import resource
import subprocess
import sys
import tempfile
import unicodedata

sys.dont_write_bytecode = True
from checks import check  # noqa: E402
from inputs import hostile, stores  # noqa: E402

BUILD, *ONLY = sys.argv[1:]
TOOL = os.path.join(BUILD, "llmobs")
TMP = tempfile.TemporaryDirectory(prefix="llmobs-diffs.")
STORE = os.path.join(TMP.name, "store")
HOSTILE = os.path.join(TMP.name, "hostile")
ENV = {"PATH": "/usr/bin:/bin", "HOME": TMP.name, "TZ": "UTC",
       "LC_ALL": "C.UTF-8", "LLMOBS_CONFIG": os.path.join(TMP.name, "none"),
       "LLMOBS_PRICES": "off"}
CALLS = ("llm", "embedding")
PARTS = []


def part(run):
    PARTS.append(run)
    return run


def view(*args, store=STORE, status=0, **env):
    done = subprocess.run([TOOL, "view", "--store", store, "--diff", *args],
                          capture_output=True, timeout=60, env={**ENV, **env})
    if done.returncode != status:
        check("status of %s" % (args,), False, done)
    return done


def screen(width, *args, store=STORE, **env):
    """The lines of a terminal of that width."""
    master, slave = pty.openpty()
    done = subprocess.Popen(
        [TOOL, "view", "--store", store, "--diff", "--no-pager", *args],
        stdout=slave, stderr=subprocess.DEVNULL,
        env={**ENV, "TERM": "xterm", "COLUMNS": str(width), **env})
    os.close(slave)
    out = b""
    try:
        while data := os.read(master, 65536):
            out += data
    except OSError:  # the other end is closed
        pass
    os.close(master)
    done.wait(60)
    return out.decode().replace("\r\n", "\n").split("\n")


def write(name, events):
    folder = os.path.join(TMP.name, name)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "spans.jsonl"), "w") as out:
        for event in events:
            out.write(json.dumps(event, sort_keys=True) + "\n")
    return folder


def said(trace, text, number=1, answer="fine", **metadata):
    """A call with a question."""
    return hostile.span(
        number, trace, span_id="%s%02d" % (trace, number),
        meta={"span": {"kind": "llm"}, "metadata": metadata,
              "input": {"messages": [{"role": "user", "content": text}]},
              "output": {"messages": [{"role": "assistant",
                                       "content": answer}]}})


# ---- sums and pairs --------------------------------------------------------

def known(values):
    values = [value for value in values if value is not None]
    return sum(values) if values else None


def length(ns):
    """As a person reads it, without what is below the last digit."""
    if ns < 10**6:
        return "%d µs" % (ns // 1000)
    if ns < 10**9:
        return "%d ms" % (ns // 10**6)
    if ns < 60 * 10**9:
        return "%d.%02d s" % (ns // 10**9, ns % 10**9 // 10**7)
    at = ns // 10**9
    return "%d m %02d s" % (at // 60, at % 60) if at < 3600 else \
        "%d h %02d m" % (at // 3600, at // 60 % 60)


def share(value):
    return ("%.1f %%" if 0 < value * 100 < 9.95 else "%.0f %%") % (value * 100)


def sums(trace, judged):
    spans = sorted(trace, key=lambda one: one["start_ns"])
    calls = [one for one in spans if one["meta"]["span"]["kind"] in CALLS]
    first = [one["metrics"]["time_to_first_token"] for one in spans
             if "time_to_first_token" in one["metrics"]]
    verdicts = [verdict for one in spans
                for verdict in judged.get(one["span_id"], [])]
    costs = [one["metrics"].get("total_cost") for one in calls]
    return {
        "calls": (len(calls), "{:,}".format),
        "errors": (sum(one["status"] == "error" for one in spans),
                   "{:,}".format),
        "duration": (max(one["start_ns"] + one["duration"] for one in spans)
                     - spans[0]["start_ns"], length),
        "first token": (int(first[0] * 1e9) if first else None, length),
        "tokens in": (known(one["metrics"].get("input_tokens")
                            for one in calls), "{:,}".format),
        "tokens out": (known(one["metrics"].get("output_tokens")
                             for one in calls), "{:,}".format),
        "cost": (known(costs), None),
        "evaluations passed": (sum(verdicts) / len(verdicts)
                               if verdicts else None, share)}


def money(text):
    """The number, and half of what its last digit may hide."""
    if "<" in text:
        return 0, 1e-6
    digits = text.lstrip("+-$").replace(",", "")
    places = len(digits.partition(".")[2])
    return float(digits), 0.51 * 10**-places


def close(text, value):
    have, slack = money(text)
    return abs(have - abs(value)) <= slack


def wrong_row(cells, name, left, right):
    """The first cell of a row of sums that is not as computed; None: none."""
    (x, form), (y, _) = left, right
    for cell, value in zip(cells, (x, y)):
        if value is None:
            good = cell == "–"
        else:
            good = cell == form(value) if form else close(cell, value)
        if not good:
            return name, cell, value
    more = cells[2] if len(cells) > 2 else ""
    if None in (x, y) or x == y:
        return (name, more, "none") if more else None
    got = re.fullmatch(r"([+-])(.*?)(?: \((.*)x\))?", more)
    if not got or got[1] != ("+" if y > x else "-"):
        return name, more, y - x
    if not (got[2] == form(abs(y - x)) if form else close(got[2], y - x)):
        return name, more, y - x
    if (got[3] is None) != (x == 0):
        return name, more, "no ratio"
    return (name, more, y / x) if x and abs(
        float(got[3]) - y / x) > max(0.0051, y / x / 150) else None


def check_pair(events, judged, a, b):
    lines = view(a, b, "--full").stdout.decode().split("\n")
    left, right = (sums(events[one], judged) for one in (a, b))
    start = lines.index("") + 2
    rows = {}
    for line in itertools.takewhile(lambda one: re.match(
            "(calls|errors|duration|first token|tokens|cost |evaluations)",
            one), lines[start:]):
        name, *cells = re.split(" {2,}", line)
        rows[name] = cells
    want = [name for name in left
            if (left[name][0], right[name][0]) != (None, None)]
    if list(rows) != want:
        return list(rows), want
    for name in want:
        if wrong := wrong_row(rows[name], name, left[name], right[name]):
            return wrong
    calls = [sorted((one for one in events[trace]
                     if one["meta"]["span"]["kind"] in CALLS),
                    key=lambda one: (one["start_ns"], one["span_id"]))
             for trace in (a, b)]
    named = ["  %s  %s" % (letter, one["meta"]["model_name"] if one
                           else "no call")
             for pair in itertools.zip_longest(*calls)
             for letter, one in zip("AB", pair)]
    have = [line.split(",")[0] for line in lines
            if re.match("  [AB]  ", line)]
    return None if have == named else (have, named)


@part
def random_traces():
    rng = random.Random(5)
    made = stores.write(STORE, 600, seed=3)
    for event in made:  # costs, and what is unknown
        metrics = event["metrics"]
        if event["meta"]["span"]["kind"] in CALLS and rng.random() < 0.7:
            metrics["total_cost"] = round(rng.random() * 10**rng.randint(-5, 1),
                                          8)
        if rng.random() < 0.2:
            metrics.pop("input_tokens", None)
    events, judged, more = {}, {}, []
    for event in made:
        events.setdefault(event["trace_id"], []).append(event)
        for number in range(rng.choice([0, 0, 0, 1, 2])):
            passed = rng.random() < 0.6
            judged.setdefault(event["span_id"], []).append(passed)
            more.append({
                "join_on": {"span": {"trace_id": event["trace_id"],
                                     "span_id": event["span_id"]}},
                "label": "rule %d" % number, "metric_type": "categorical",
                "categorical_value": "(fail)", "reasoning": "(pass)",
                "assessment": "pass" if passed else "fail",
                "timestamp_ms": 5, "ml_app": "x", "tags": []})
    for name in os.listdir(STORE):
        os.unlink(os.path.join(STORE, name))
    write("store", made + more)
    wrong = None
    for _ in range(120):
        a, b = rng.sample(sorted(events), 2)
        wrong = wrong or check_pair(events, judged, a, b)
    check("sums and pairs of 120 pairs of traces", not wrong, wrong)


# ---- texts -----------------------------------------------------------------

def read_back(text):
    """The words of both texts."""
    a = re.sub(r"\{\+(.*?)\+\}", " ", text, flags=re.S)
    b = re.sub(r"\[-(.*?)-\]", " ", text, flags=re.S)
    return (re.sub(r"\[-(.*?)-\]", r"\1", a, flags=re.S).split(),
            re.sub(r"\{\+(.*?)\+\}", r"\1", b, flags=re.S).split())


def in_common(a, b):
    """The length of the longest common sequence."""
    row = [0] * (len(b) + 1)
    for one in a:
        last = 0
        for k, other in enumerate(b):
            here = row[k + 1]
            row[k + 1] = last + 1 if one == other else max(here, row[k])
            last = here
    return row[-1]


def fair(text, most):
    """Of `most` words in common the text has all, but for a few between longer
    differences."""
    mark = re.compile(r"\[-[^]]*\](?:\{\+[^}]*\})?|\{\+[^}]*\}")
    lost = most - sum(len(one.split()) for one in mark.split(text))
    sizes = [len(one.split()) for found in mark.findall(text)
             for one in found.split("-]{+")]
    return lost == 0 if max(sizes) < 3 else 0 <= lost <= sum(sizes) * 2 / 7


def section(out, title):
    """The text below a title, up to the next one."""
    lines = out.split("\n")
    at = next(i for i, line in enumerate(lines) if line.startswith(title))
    text = list(itertools.takewhile(
        lambda line: line.startswith("  ") or not line, lines[at + 1:]))
    return "\n".join(line[2:] for line in text)


def compare(name, a, b, *args):
    folder = write(name, [said("aa", a), said("bb", b)])
    return view("aa", "bb", *args, store=folder).stdout.decode()


@part
def random_texts():
    rng, wrong = random.Random(7), None
    for number in range(60):
        words = ["w%d" % i for i in range(rng.choice([2, 5, 40]))]
        text = [rng.choice(words) for _ in range(rng.randint(1, 80))]
        other = [word for word in text if rng.random() < 0.8]
        for _ in range(rng.randint(0, 9)):
            other.insert(rng.randint(0, len(other)), rng.choice(words))
        a, b = (rng.choice([" ", "\n", "  \t"]).join(one)
                for one in (text, other))
        out = compare("text", a, b, "--full")
        if a.split() == b.split():
            good = "> input, the same" in out
        else:
            whole = section(out, "> input")
            x, y = read_back(whole)
            good = (x == ["user:"] + text and y == ["user:"] + other
                    and fair(whole, in_common(text, other) + 1))
        if not good:
            wrong = wrong or (a, b, out)
    check("60 texts are read back from their difference, the shortest",
          not wrong, wrong)


@part
def words_by_chance():
    text = section(compare(
        "chance", "It is cold and wet in the north of Norway today",
        "Nobody goes to the sea in winter unless they must"), "> input")
    check("words that are the same by chance are parts of the difference",
          text == "user: [-It is cold and wet in the north of Norway "
          "today-]{+Nobody goes to the sea in winter unless they must+}", text)


@part
def words_around():
    same = " ".join("same%d" % i for i in range(200))
    text = section(compare("long", f"{same} old {same}", f"{same} new {same}"),
                   "> input")
    check("a difference stands among 24 words on each side",
          text.startswith("… 177 words the same … same176 ")
          and "same199 [-old-]{+new+} same0" in text
          and text.rstrip().endswith("same23 … 176 words the same …"), text)
    text = section(compare("full", f"{same} old", f"{same} new", "--full"),
                   "> input")
    check("--full shows all words", "same0 same1 " in text
          and "the same" not in text, text)


@part
def texts_that_are_the_same():
    """Their begin, cut between characters; blanks are no difference."""
    out = compare("same", "\u8bf7 x\n" * 99, "\u8bf7  x " * 99)
    check("the same but for blanks", "> input, the same\n  user: \u8bf7 x "
          in out and "\\x" not in out and "[-\u8bf7" not in out, out)
    out = compare("empty", " ", "\n")
    check("texts of blanks", "> input" in out and "{+" not in out.split(
        "call 1")[1], out)


@part
def huge_texts():
    rng = random.Random(9)
    texts = [" ".join("%d" % rng.randint(0, 9) for _ in range(3000))
             for _ in range(2)]
    out = section(compare("huge", *[f"begin {one} end" for one in texts]),
                  "> input")
    check("texts of too many words are one difference",
          out.count("[-") == 1 and out.count("{+") == 1
          and out.startswith("user: begin") and out.rstrip().endswith("end"),
          out[:200])
    folder = write("vast", [said("aa", "a " * 8000000),
                            said("bb", "b " * 8000000)])
    done = view("aa", "bb", store=folder)
    most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    check("texts of 16 MB need less than 400 MiB",
          done.stdout.count(b"a ") >= 7999999 and most < 400 << 10, most)


@part
def parameters():
    folder = write("parameters", [
        said("aa", "hi", temperature=0.2, seed=1, tools=["x", "y"], stop="a b",
             caller={"file": "one"}),
        said("bb", "hi", temperature=0.9, seed=1, tools=["x", "z"], stop="a b",
             caller={"file": "two"}, max_tokens=5)])
    out = view("aa", "bb", store=folder).stdout.decode()
    have = [line for line in out.split("\n") if re.match(r"  \w+: ", line)]
    check("the parameters that differ", have == [
        "  temperature: [-0.2-]{+0.9+}", '  tools: ["x", [-"y"]-]{+"z"]+}',
        "  max_tokens: {+5+}", "  user: hi", "  assistant: fine"], have)


@part
def screens():
    """No line is wider than the terminal, and colour is no condition."""
    ids = sorted({event["trace_id"] for event in stores.write(
        os.path.join(TMP.name, "wide"), 200, seed=8)})
    rng, wide = random.Random(2), None
    for width in (80, 100, 140, 41):
        a, b = rng.sample(ids, 2)
        for line in screen(width, a, b, store=os.path.join(TMP.name, "wide"),
                           NO_COLOR="1"):
            columns = sum(2 if unicodedata.east_asian_width(c) in "WF"
                          else not unicodedata.combining(c) for c in line)
            if columns > width or "\x1b" in line:
                wide = wide or (width, line)
    check("screens of 41 to 140 columns", not wide, wide)
    folder = write("colour", [said("aa", "red cat"), said("bb", "blue cat")])
    out = "\n".join(screen(80, "aa", "bb", store=folder))
    check("colours on a terminal", "\x1b[31m[-red-]\x1b" in out
          and "\x1b[32m{+blue+}\x1b" in out, out)
    out = "\n".join(screen(80, "aa", "bb", store=folder, LC_ALL="C"))
    check("lines of ASCII", out.isascii(), out)


@part
def odd_inputs():
    folder = write("odd", [said("aa01", "one"), said("aa02", "two"),
                           said("bb01", "three"),
                           said("bb01", "four", 2)])
    for args, why in (
            ((), "two IDs"), (("aa01",), "two IDs"),
            (("aa01", "bb01", "aa02"), "two IDs at most: aa02"),
            (("aa01", "bb01", "--json"), "no --json"),
            (("aa01", "bb01", "-q"), "or -q"),
            (("aa01", "bb01", "-n", "2"), "-n"),
            (("aa01", "bb01", "--summary"), "for --diff, and for no other"),
            (("aa01", "bb01", "--html", "x"), "other form such as --html"),
            (("aa01", "bb01", "--follow"), "--follow goes with"),
            (("aa01", "no id"), "no id of a trace")):
        done = view(*args, store=folder, status=2)
        check("refused: %s" % " ".join(args), why in done.stderr.decode()
              and not done.stdout, done)
    for args, why in ((("aa01", "cc"), "no trace or span cc in"),
                      (("aa01", "bb01", "-e", "--name", "x\x1b"),
                       r"no trace or span aa01 with --errors --name x\x1b in"),
                      (("last", "last", "--name", "x"), "at all with --name x"),
                      (("aa01", "aa01"), "both IDs name the same"),
                      (("aa0101", "aa01"), "both IDs name the same")):
        done = view(*args, store=folder, status=1)
        check("not compared: %s" % " ".join(args), why in done.stderr.decode()
              and done.stderr.count(b"\n") == 1 and not done.stdout, done)
    for args in (("cc",), ("--name", "none", "-n", "1")):
        done = subprocess.run([TOOL, "view", "--store", folder, *args],
                              env=ENV, capture_output=True, timeout=60)
        check("others are there: %s" % " ".join(args),
              b"no such spans in" in done.stderr, done)
    out = view("aa01", "bb01", store=folder).stdout.decode()
    check("a trace with more calls", "call 2\n  A  no call\n  B  name 2" in out
          and "{+user: four+}" in out, out)
    out = view("bb0101", "bb0102", store=folder).stdout.decode()
    check("two spans of one trace", "[-three-]{+four+}" in out
          and "calls" in out and "call 2" not in out, out)
    done = view("aa01", "aa", store=folder)
    check("the beginning of several ids is the newest of these",
          b"newest is shown" in done.stderr and b"[-one-]{+two+}" in done.stdout,
          done)
    out = view("last", "aa01", store=folder).stdout.decode()
    check("last", "[-three-]{+one+}" in out, out)
    many = write("many", [said("aa", "q", i) for i in range(1, 31)]
                 + [said("bb", "q", i) for i in range(40, 45)])
    out = view("aa", "bb", store=many).stdout.decode()
    check("20 pairs", out.count("\ncall ") == 20 and "10 more calls" in out,
          out[-200:])
    out = view("aa", "bb", "--full", store=many).stdout.decode()
    check("--full: all pairs", out.count("\ncall ") == 30, out[-200:])
    check("a store that is full", subprocess.run(
        "%s view --store %s --diff aa bb >/dev/full" % (TOOL, many),
        shell=True, env=ENV, stderr=subprocess.DEVNULL).returncode == 1)


@part
def hostile_texts():
    evil = "\x1b]0;x\x07 \u202e \x00 \x9b31m [-no-] {+no+}"
    folder = write("evil", [
        said("aa", evil + " one", 1, evil, **{"k\x1b[31m": evil + "1"}),
        said("bb", evil + " two\x1b[2J", 1, evil, **{"k\x1b[31m": evil + "2"})])
    for out in (view("aa", "bb", store=folder).stdout.decode(),
                "\n".join(screen(80, "aa", "bb", store=folder, NO_COLOR="1"))):
        bad = [c for c in out if (ord(c) < 32 and c != "\n")
               or 0x7f <= ord(c) < 0xa0 or c == "\u202e"]
        check("no byte of a text controls the terminal",
              not bad and "one" in out and "\\x1b" in out, bad)
    hostile.write(HOSTILE)
    ids, bad = set(), []
    with open(os.path.join(HOSTILE, "spans.jsonl"), "rb") as lines:
        for line in lines:
            try:
                event = json.loads(line.decode("utf-8", "replace"))
            except ValueError:
                continue
            if re.fullmatch("[0-9a-fA-F-]+", str(event.get("trace_id"))):
                ids.add(event["trace_id"])
    rows = subprocess.run([TOOL, "view", "--store", HOSTILE, "--spans"],
                          capture_output=True, env=ENV)
    good = view("last", "d", "--full", store=HOSTILE)
    bad = [c for c in good.stdout.decode()
           if (ord(c) < 32 and c != "\n") or 0x7f <= ord(c) < 0xa0]
    check("a hostile store", rows.returncode == 0 and not bad, bad)


for run in PARTS:
    if not ONLY or run.__name__ in ONLY:
        run()
