"""Page and terminal have one answer to one question, for each fact of a span
(cli/query/keys.h), over one store of spans of all kinds; and what a person
reads of a trace is of one call."""
import csv
import fcntl
import io
import json
import os
import pty
import re
import struct
import subprocess
import termios

import hostile
import mixed
from pages import go, need, text_of

FIELD, GROUP, FACET, COLUMN, PATH = (1 << i for i in range(5))
OWN = {"status": lambda value: ["--errors"] if value == "error" else None,
       "env": lambda value: ["--tag", "env:" + value]}
GROUPS = """[...groupsBy(%s)].map((one) => [one.without ? null : one.id, callsOf(one),
  errorsOf(one), one.input ?? null, one.output ?? null, one.cost ?? null,
  one.length ?? null, one.first ?? null])"""
SUMS = ("calls", "errors", "input_tokens", "output_tokens", "cost_usd",
        "latency_p50_s", "ttft_p50_s")


def near(have, want):
    if have is None or want is None:
        return have is None and want is None
    return abs(have - want) <= 1e-6 * max(1, abs(want))


def lines(bench, *args):
    return bench.tool("--store", bench.store("mixed"), "-n", "0",
                      *args).stdout.decode()


def option_of(word, value):
    if word in OWN:
        return OWN[word](value)
    return ["--" + word.replace("_", "-"),
            re.sub(r"([][*?\\])", r"\\\1", value)]


def filters(bench, tab, keys):
    """A value to the left selects as many spans as the option does."""
    seen = 0
    for word, _, _, uses, _ in keys:
        if not uses & FACET or not uses & FIELD:
            continue
        go(tab, {"v": "spans"})
        values = tab.js("facet(%s).values.slice(0, 5)" % json.dumps(word))
        need(values, word + " has no values")
        for value in values:
            option = option_of(word, value)
            if option is None:
                continue
            go(tab, [("v", "spans"), ("f", "%s:%s" % (word, value))])
            have = tab.js("+document.querySelector('#count').dataset.spans")
            want = len(list(csv.DictReader(io.StringIO(lines(
                bench, "--csv", "--fields", "span_id", *option)))))
            need(have == want, "%s %s: %s spans, not %s" % (
                word, value, have, want))
            seen += 1
    need(seen > 50, "only %d values" % seen)


def groups(bench, tab, keys):
    """Groups have equal sums, errors and times, also of a chosen kind."""
    seen = 0
    for filters_ in [], [("f", "kind:tool")], [("f", "model:gpt-4o")]:
        option = [part for _, pair in filters_ for part in (
            "--" + pair.split(":")[0], pair.split(":")[1])]
        go(tab, [("v", "spans"), *filters_])
        for word, _, _, uses, _ in keys:
            if not uses & GROUP:
                continue
            want = {}
            for line in lines(bench, "--summary", "--json", "--by", word,
                              *option).splitlines():
                row = json.loads(line)
                want[row[word]] = [row[key] for key in SUMS]
            have = {row[0]: row[1:5 + 1] + [
                n if n is None else n / 1e9 for n in row[6:]]
                for row in tab.js(GROUPS % json.dumps(word))}
            for value, sums in want.items():
                if sums[0] or sums[2] is not None:
                    need(value in have and all(map(near, have[value], sums)),
                         "%s %s by %s: %s, not %s" % (
                             option, value, word, have.get(value), sums))
                    seen += 1
            need({value for value, row in have.items() if row[0]} <= set(want),
                 "%s by %s: %s, not %s" % (option, word, have, want))
            need("-" not in have, (word, have))
    need(seen > 150, "only %d groups" % seen)
    go(tab, {"v": "spans", "by": "user_id"})  # as older links have it
    need(tab.js("state.by") == "user", tab.js("state.by"))


def tables(bench, tab, keys):
    """Each group of the charts has a table, and a name one colour."""
    for word, _, _, uses, _ in keys:
        if not uses & GROUP:
            continue
        go(tab, {"v": "timeseries", "by": word})
        have = tab.js("Object.fromEntries([...document.querySelectorAll("
                      "'[data-table=%s] [data-row]')].map((row) => "
                      "[row.dataset.row, row.querySelector('[data-sum=calls]')"
                      ".dataset.value]))" % word)
        want = {json.loads(line)[word] or "\u2013": json.loads(line)["calls"]
                for line in lines(bench, "--summary", "--json", "--by",
                                  word).splitlines()}
        need(have and all(want.get(name) == int(calls)
                          for name, calls in have.items()), (word, have, want))
        colours = tab.js(
            "charts.filter(({key}) => key !== 'scores').flatMap(({series}) =>"
            " series.map(({label, color}) => [label.replace(/^\\d+ others$/, "
            "'others'), color]))")
        pairs = {tuple(pair) for pair in colours}
        need(len(pairs) == len({name for name, _ in pairs}) ==
             len({colour for _, colour in pairs}), (word, pairs))


def one_answer(bench):
    path = os.path.join(bench.folder, "mixed")
    mixed.write(path)
    tab = bench.open("mixed", "-n", "0")
    keys = tab.js("meta.keys")
    need(len(keys) > 30, keys)
    filters(bench, tab, keys)
    groups(bench, tab, keys)
    tables(bench, tab, keys)
    tab.close()


def terminal(bench, store, columns):
    """The text that a terminal of that width gets."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    done = subprocess.Popen(
        [os.path.join(bench.build, "llmobs"), "view", "--store", store, "-n",
         "0", "--spans", "--no-pager", "--color", "never"], stdout=slave,
        stderr=subprocess.DEVNULL, env={
            "PATH": "/usr/bin:/bin", "HOME": bench.folder, "TZ": "UTC",
            "LC_ALL": "C.UTF-8", "TERM": "xterm", "LLMOBS_CONFIG":
            os.path.join(bench.folder, "none.conf"), "LLMOBS_PRICES": "off"})
    os.close(slave)
    out = b""
    try:
        while data := os.read(master, 65536):
            out += data
    except OSError:  # the other end is closed
        pass
    os.close(master)
    done.wait(60)
    return out.decode()


LENGTHS = [0, 499, 500, 999499, 999500, 1000000, 12340000, 108600000, 999499999,
           999500000, 999600000, 1000000000, 2104999999, 2105000000,
           59994999999, 59996000000, 60000000000, 61500000000, 3599400000000,
           3599600000000, 3700000000000, 90000000000000]
COUNTS = [0, 9, 9999, 10000, 10049, 10050, 12250, 99949, 99950, 123456, 999499,
          999500, 1000000, 1234567, 99950000, 999500000, 1234567890123,
          7, 8, 10150, 11250, 13250]
COSTS = [0, 5e-7, 1e-6, 0.0000125, 0.001, 0.0125, 0.125, 0.375, 0.995, 1, 1.005,
         1.125, 12.345, 999.995, 1204.5, 0.1, 0.05, 0.45, 0.55, 2.675, 0.0625, 3]


def texts(bench):
    """A length, a count and a cost are one text in the page and on a terminal,
    rounded, not cut."""
    path = os.path.join(bench.folder, "texts")
    os.makedirs(path)
    with open(os.path.join(path, "spans.jsonl"), "w", encoding="ascii") as f:
        for i, (length, count, cost) in enumerate(zip(LENGTHS, COUNTS, COSTS)):
            span = hostile.span(i, "%032x" % (i + 1), meta={
                "span": {"kind": "llm"}, "model_name": "m"}, metrics={
                    "input_tokens": count, "total_cost": cost})
            span.update(name="n%03d" % i, duration=length)
            f.write(json.dumps(span) + "\n")
    said = dict((int(n), rest) for n, *rest in re.findall(
        r"n(\d{3}) +llm +m +(\S+)/\S+ +(\S.*?)  +\S+ +(<?\$\S+) ",
        terminal(bench, path, 150)))
    need(len(said) == len(LENGTHS), said)
    tab = bench.open("texts")
    for i, (length, count, cost) in enumerate(zip(LENGTHS, COUNTS, COSTS)):
        have = tab.js("[short(%d), duration(%d), dollars(%r)]" % (
            count, length, cost))
        need(have == said[i], "%s: the page has %s, the terminal %s" % (
            (count, length, cost), have, said[i]))
    need(said[LENGTHS.index(108600000)][1] == "109 ms", said)
    tab.close()


def people(bench):
    """A trace's row has question and answer of one call, its first; a trace is
    ok or failed; words are looked for in what people read."""
    path = os.path.join(bench.folder, "people")
    os.makedirs(path)

    def call(number, at, question, answer, error=None):
        says = [{"role": "system", "content": "Be brief."},
                {"role": "user", "content": question}]
        if number == 3:
            says.append({"role": "user", "content": "", "image_parts": [
                {"mime_type": "image/png", "content": "QmUgzebra" * 90}]})
        span = hostile.span(number, "%032x" % at, tags=["version:1.0"], meta={
            "span": {"kind": "llm"}, "model_name": "m", "input": {
                "messages": says}, "output": {"messages": [
                    {"role": "assistant", "content": answer}] if answer else []}})
        span.update(start_ns=hostile.BEGIN + number * 10**9)
        if at == 1:
            span["parent_id"] = root["span_id"]
        if error:
            span["status"] = "error"
            span["meta"]["error"] = {"type": error, "message": "no"}
        return span
    root = hostile.span(5, "%032x" % 1, tags=["version:1.0"], meta={
        "span": {"kind": "workflow"}})
    root.update(start_ns=hostile.BEGIN)
    spans = [root, call(1, 1, "first question", "first answer"),
             call(2, 1, "last question", None, "rate_limit"),
             call(3, 2, "other question", "other answer"),
             call(4, 3, "third question", None, "timeout")]
    with open(os.path.join(path, "spans.jsonl"), "w", encoding="ascii") as f:
        f.writelines(json.dumps(span) + "\n" for span in spans)
    tab = bench.open("people", at={"v": "traces"})
    row = tab.js("[...document.querySelectorAll('#list [role=option]')].filter("
                 "(row) => /first/.test(row.textContent))[0]?.textContent") or ""
    need("first question" in row and "first answer" in row and
         "last question" not in row, row)
    counts = tab.js("Object.fromEntries([...document.querySelectorAll("
                    "'[data-facet=status] [data-value]')].map((v) => "
                    "[v.dataset.value, +v.dataset.count]))")
    need(counts == {"ok": 1, "error": 2}, counts)
    for query, want in (("version 2", 0), ("version:1.0", 5), ("brief", 0),
                        ("zebra", 0), ("question", 4)):
        go(tab, {"v": "spans", "q": query})
        have = tab.js("+document.querySelector('#count').dataset.spans")
        need(have == want, "%s: %d spans, not %d" % (query, have, want))
    go(tab, {"v": "spans", "q": "brief"})
    need(tab.js("document.querySelector('#deeper').checkVisibility()"),
         "no hint at the search in all texts")
    tab.click("#deeper")
    tab.until("document.querySelector('#count').dataset.spans === '4'")
    go(tab, {"v": "spans", "q": "zebra", "deep": "1"})
    tab.frames(20)
    need(tab.js("+document.querySelector('#count').dataset.spans") == 0,
         "a word meets the bytes of a picture")
    need(not tab.js("document.querySelector('#deeper').checkVisibility()"),
         "the hint stays")
    tab.close()
