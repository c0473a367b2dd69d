#!/usr/bin/python3
"""`llmobs view --html` without a browser: the file, its parts, its limits.

usage: page.py BUILD_DIR [PART]...
"""
import base64
import hashlib
import html.parser
import json
import os
import re
import signal
import stat
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
from checks import check  # noqa: E402
from inputs import hostile, stores  # noqa: E402

BUILD, *ONLY = sys.argv[1:]
TOOL = os.path.join(BUILD, "llmobs")
TMP = tempfile.TemporaryDirectory(prefix="llmobs-page-cli.")
PAGE = os.path.join(TMP.name, "page.html")
STORE = os.path.join(TMP.name, "store")
HOSTILE = os.path.join(TMP.name, "hostile")


def view(*args, store=STORE, status=0, **env):
    done = subprocess.run(
        [TOOL, "view", "--store", store, *args], capture_output=True,
        timeout=120, env={"PATH": TMP.name + ":/usr/bin:/bin",
                          "HOME": TMP.name, "LLMOBS_CONFIG":
                          os.path.join(TMP.name, "none"), **env})
    if done.returncode != status:
        check("status of %s" % (args,), False, done)
    return done


class Parts(html.parser.HTMLParser):
    """The elements as a browser finds them, and the texts of scripts."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.tags, self.texts, self.at = [], {}, None
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.at = dict(attrs).get("id") or tag

    def handle_endtag(self, tag):
        self.at = None

    def handle_data(self, data):
        if self.at:
            self.texts[self.at] = self.texts.get(self.at, "") + data


def parts(data):
    """The page's bodies, its rows, its evaluations, its own words."""
    page = Parts(data.decode("utf-8", "replace").replace("\x00", "\ufffd"))
    assert [a.get("id") for t, a in page.tags if t == "script"] == [
        "bodies", "index", "evals", "meta", None], page.tags
    assert not {t for t, _ in page.tags} - {
        "html", "head", "meta", "title", "style", "body", "div", "noscript",
        "p", "code", "script"}, page.tags
    lines = page.texts.get("bodies", "").split("\n")[:-1]
    return ([json.loads(line) for line in lines],
            *(json.loads(page.texts[key])
              for key in ("index", "evals", "meta")), page)


def whole(path=PAGE):
    with open(path, "rb") as f:
        return parts(f.read())


def event_of(number, text):
    return hostile.span(number, meta={"span": {"kind": "llm"}, "input": {
        "messages": [{"role": "user", "content": text}]}})


def store_of(name, events):
    path = os.path.join(TMP.name, name)
    os.makedirs(path, exist_ok=True)
    with open(os.path.join(path, "spans.jsonl"), "w", encoding="utf-8") as f:
        f.writelines(json.dumps(e, ensure_ascii=False) + "\n" for e in events)
    return path


# ---- the file --------------------------------------------------------------

def files():
    said = view("--html", PAGE).stderr.decode()
    check("html says what is in it", re.search(
        r"^llmobs view: 400 spans, \d+ KB, in ", said), said)
    check("html is its owner's", stat.S_IMODE(os.stat(PAGE).st_mode) == 0o600)
    before = os.stat(PAGE).st_ino
    view("--html", PAGE, "-n", "3")
    check("html replaces the file", os.stat(PAGE).st_ino != before
          and len(whole()[1]) == 3)
    out = view("--html", "-", "-n", "3").stdout
    check("html to stdout", parts(out)[1] == whole()[1])
    target = os.path.join(TMP.name, "target")
    link = os.path.join(TMP.name, "link")
    with open(target, "w", encoding="ascii") as f:
        f.write("mine")
    os.symlink(target, link)
    said = view("--html", link, status=1).stderr
    check("html follows no link", os.path.islink(link)
          and open(target).read() == "mine" and b"regular" in said, said)
    # A device would do as well, but a mistake would take it from the host.
    fifo = os.path.join(TMP.name, "fifo")
    os.mkfifo(fifo)
    view("--html", fifo, status=1)
    check("html replaces no fifo", stat.S_ISFIFO(os.stat(fifo).st_mode))
    view("--html", os.path.join(TMP.name, "none", "x.html"), status=1)
    spans = os.path.join(STORE, "spans.jsonl")
    to_spans = os.path.join(TMP.name, "to-spans")
    os.symlink(spans, to_spans)
    before = os.stat(spans)
    os.mkdir(os.path.join(STORE, "stats"))
    for option, name in (("-o", spans), ("-o", to_spans), ("--html", spans),
                         ("-o", os.path.join(STORE, "..", "store", "new.jsonl")),
                         ("-o", os.path.join(STORE, "stats", "totals"))):
        said = view(option, name, status=1).stderr
        check("no file of the store is replaced: " + option,
              b"a name of the store's files" in said, said)
    done = subprocess.run([TOOL, "stats", "--store", STORE, "-o", "spans.jsonl"],
                          capture_output=True, cwd=STORE)
    check("no file of the store is replaced: stats", done.returncode == 1, done)
    after = os.stat(spans)
    check("the store is as before", (before.st_ino, before.st_size) ==
          (after.st_ino, after.st_size) and
          not os.path.exists(os.path.join(STORE, "new.jsonl")))
    view("-o", os.path.join(STORE, "other.txt"))
    os.unlink(os.path.join(STORE, "other.txt"))
    left = [n for n in os.listdir(TMP.name) if "html." in n]
    check("html leaves no piece", left == [], left)
    full = subprocess.run("%s view --store %s --html - > /dev/full" % (
        TOOL, STORE), shell=True, capture_output=True, timeout=60)
    check("html tells a full disk", full.returncode == 1, full)


def opens():
    log = os.path.join(TMP.name, "opened")
    with open(os.path.join(TMP.name, "xdg-open"), "w", encoding="ascii") as f:
        f.write("#!/bin/sh\necho \"$*\" > '%s'\n" % log)
    os.chmod(f.name, 0o755)
    view("--open", "-n", "2", XDG_RUNTIME_DIR=TMP.name)
    path = os.path.join(TMP.name, "llmobs-view.html")
    check("open makes a page and opens it", os.path.exists(log)
          and open(log).read() == os.path.realpath(path) + "\n"
          and len(whole(path)[1]) == 2)
    with open(f.name, "w", encoding="ascii") as f:
        f.write("#!/bin/sh\nexit 3\n")
    said = view("--open", status=1, XDG_RUNTIME_DIR=TMP.name).stderr
    check("open names the browser that fails, not the store",
          b"xdg-open does not open it" in said and b"child" not in said, said)
    none = subprocess.run([TOOL, "view", "--html", PAGE + ".none"],
                          capture_output=True, timeout=120, env={
                              "PATH": "/usr/bin:/bin", "HOME": TMP.name,
                              "LLMOBS_CONFIG": TMP.name + "/none",
                              "LLMOBS_STORE_DIR": TMP.name + "/no-store"})
    check("no store, no page, and a status", none.returncode == 1 and
          not os.path.exists(PAGE + ".none"), none)
    said = view("--open", status=1).stderr
    check("open wants a directory", b"XDG_RUNTIME_DIR" in said, said)
    done = view("--open", "--html", "-", status=2)
    check("stdout is not opened", not done.stdout and b"a file" in done.stderr,
          done)


# ---- its parts -------------------------------------------------------------

def agree():
    view("--html", PAGE)
    bodies, rows, evals, meta, page = whole()
    lines = [json.loads(line) for line in
             view("--json").stdout.splitlines()]
    spans = [e for e in lines if "join_on" not in e]
    check("bodies are the events, newest first", bodies == spans[::-1])
    check("row N is of line N", [(r["t"], r["s"]) for r in rows] ==
          [(b["trace_id"], b["span_id"]) for b in bodies])
    check("evaluations are there", evals == [e for e in lines
                                             if "join_on" in e])
    wrong = [r for r, b in zip(rows, bodies) if (
        r["b"], r["d"], r.get("i"), r.get("o"), r.get("r"), r["k"],
        r.get("z", 0), r.get("m"), r.get("p"), r.get("u"), r.get("f")) != (
        b["start_ns"] // 1000, b["duration"],
        b["metrics"].get("input_tokens"), b["metrics"].get("output_tokens"),
        b["metrics"].get("cache_read_input_tokens"), b["meta"]["span"]["kind"],
        int(b["status"] == "error"), b["meta"].get("model_name"),
        b["parent_id"].replace("undefined", "") or None, b.get("session_id"),
        b["metrics"].get("time_to_first_token"))]
    check("rows have the events' facts", wrong == [], wrong[:2])
    check("no row has an empty or unknown member", not [
        r for r in rows if "" in r.values() or None in r.values()
        or -1 in r.values()])
    check("the page tells its making", meta["spans"] == 400 and
          meta["spans_in_store"] == 400 and meta["store"] == STORE and
          meta["cut"] == {"texts": 0, "images": 0, "spans": 0}, meta)
    policy = next(a["content"] for t, a in page.tags if t == "meta" and
                  a.get("http-equiv") == "Content-Security-Policy")
    for tag, directive in (("script", "script-src"), ("style", "style-src")):
        want = "%s 'sha256-%s';" % (directive, base64.b64encode(hashlib.sha256(
            page.texts[tag].encode()).digest()).decode())
        check("the policy names the %s's hash" % tag, want in policy, policy)
    check("the policy refuses the rest", "default-src 'none'" in policy and
          "unsafe" not in policy and "http" not in policy, policy)


def filtered():
    for args, test in (
            (["--kind", "llm"], lambda e: e["meta"]["span"]["kind"] == "llm"),
            (["--errors"], lambda e: e["status"] == "error"),
            (["--tag", "ml_app:travel"], lambda e: "ml_app:travel"
             in e["tags"])):
        view("--html", PAGE, *args)
        bodies, _, evals, meta, _ = whole()
        check("html %s" % args[0], bodies and all(map(test, bodies))
              and meta["filters"] == " ".join(args), meta)
        ids = {b["span_id"] for b in bodies}
        check("evaluations of html %s" % args[0], all(
            e["join_on"]["span"]["span_id"] in ids for e in evals))
    said = view("--html", PAGE, "-n", "10", "--kind", "llm").stderr.decode()
    bodies, _, _, meta, _ = whole()
    check("html -n has the newest", len(bodies) == 10
          and meta["spans_in_store"] > 10 and
          "the newest 10 of %d spans" % meta["spans_in_store"] in said
          and min(b["start_ns"] + b["duration"] for b in bodies) > 0, said)
    view("--html", PAGE, "-n", "0", "--trace", "nothing")
    check("a page of nothing", whole()[1] == [])


def hostile_store():
    view("--html", PAGE, store=HOSTILE)
    with open(PAGE, "rb") as f:
        data = f.read()
    bodies, rows, evals, _, page = whole()
    check("hostile lines are lines", len(bodies) == len(rows) and
          len(evals) == len(hostile.TEXTS), (len(bodies), len(rows)))
    check("a text ends no element",
          len(re.findall(rb"<[/a-z!]", data.split(b"id=\"bodies\">")[1]
                         .split(b"<script type=\"application/json\" id=\"meta")
                         [0])) == 5)
    found = {b["name"] for b in bodies if isinstance(b.get("name"), str)}
    check("each text is there, as it was", set(hostile.TEXTS.values()) <= found,
          set(hostile.TEXTS.values()) - found)
    check("a raw line end is none", any(
        "raw \x1b[31m \r" in name for name in found), found)


# ---- limits ----------------------------------------------------------------

def cuts():
    image = "A" * (256 * 1024)
    texts = ["a b" * 21845 + "c", "\u00e9 " * 30000, "\U0001f600 " * 30000,
             "\\ \" " * 30000, "a b" * 30000]
    store = store_of("cuts", [event_of(i, t) for i, t in enumerate(texts)] + [
        event_of(10, image), event_of(11, image + "A")])
    view("--html", PAGE, store=store)
    bodies, _, _, meta, _ = whole()
    have = {b["span_id"]: b["meta"]["input"]["messages"][0]["content"]
            for b in bodies}
    check("64 KiB stay", have["span-0"] == texts[0])
    good = True
    for i, text in list(enumerate(texts))[1:]:
        kept, _, said = have["span-%d" % i].partition(" [cut: ")
        good = good and text.startswith(kept) and 32000 < len(
            json.dumps(kept, ensure_ascii=False).encode()) <= 65538 and \
            said.endswith("see llmobs view --json --trace trace-%d]" % i)
    check("a longer text is cut between characters", good,
          {k: v[-120:] for k, v in have.items()})
    check("an image of 256 KiB stays", have["span-10"] == image)
    check("a larger one is left out",
          have["span-11"].startswith("[left out: 262145 bytes; see llmobs"))
    check("cuts are counted", meta["cut"] == {"texts": 4, "images": 1,
                                              "spans": 0}, meta)
    view("--html", PAGE, "--full", store=store)
    check("--full cuts nothing", {
        b["span_id"]: b["meta"]["input"]["messages"][0]["content"]
        for b in whole()[0]}["span-11"] == image + "A")


def much():
    """Beyond 64 MiB the older spans keep 256 bytes of each text."""
    store = store_of("much", [event_of(i, "word " * 12000)
                              for i in range(1300)])
    view("--html", PAGE, store=store)
    bodies, _, _, meta, _ = whole()
    sizes = [len(b["meta"]["input"]["messages"][0]["content"])
             for b in bodies]
    count = sizes.count(60000)
    check("the newest are whole, the others short", 1110 < count < 1125 and
          sizes[:count] == [60000] * count and
          all(256 < size < 400 for size in sizes[count:]) and
          meta["cut"]["spans"] == len(sizes) - count, (count, meta))


def ended():
    """A signal in the midst leaves no piece of a page."""
    store = store_of("ended", [event_of(i, "word " * 6000)
                               for i in range(1300)])
    where = os.path.join(TMP.name, "ended.d")
    os.mkdir(where)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        child = subprocess.Popen([TOOL, "view", "--store", store, "--html",
                                  os.path.join(where, "x.html")])
        while not os.listdir(where) and child.poll() is None:
            pass
        child.send_signal(number)
        check("signal %d leaves no piece" % number, (child.wait(timeout=60),
              os.listdir(where)) == (-number, []), os.listdir(where))


def repeated():
    events = [event_of(1, "first"), event_of(2, "other"), event_of(1, "last")]
    said = view("--html", PAGE, store=store_of("twice", events)).stderr
    have = [b["meta"]["input"]["messages"][0]["content"] for b in whole()[0]]
    check("of repeated spans the last one counts", have == ["last", "other"]
          and b"1 repeated span shown once" in said, (have, said))


stores.write(STORE, 400, seed=3)
hostile.write(HOSTILE)
for part in (files, opens, agree, filtered, hostile_store, cuts, much,
             ended, repeated):
    if not ONLY or part.__name__ in ONLY:
        part()
