#!/usr/bin/python3
"""`llmobs view` on a terminal: its screens, and that no line is too long.

usage: python3 screens.py BUILD_DIR [PART]...      PART: golden, widths, choices
       python3 screens.py --write BUILD_DIR        writes the golden screens anew
"""
import base64
import difflib
import fcntl
import functools
import json
import os
import pty
import random
import re
import resource
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import unicodedata

sys.dont_write_bytecode = True
WRITE = sys.argv[1] == "--write"
BUILD, *ONLY = sys.argv[2 if WRITE else 1:]
ROOT = os.path.dirname(os.path.abspath(__file__))
TOOL = os.path.join(BUILD, "llmobs")
TMP = tempfile.TemporaryDirectory(prefix="llmobs-screens.")
STORE = os.path.join(TMP.name, "store")
RANDOM = os.path.join(TMP.name, "random")
SECOND = 1000000000
BEGIN = 1637488800 * SECOND  # not of this year: the date is whole


FAILED = []


def check(name, good, what=""):
    if not good:
        FAILED.append(name)
    print("%s %s%s" % ("ok" if good else "not ok", name,
                       "" if good else "\n%s" % str(what)[:3000]), flush=True)


def environment(**env):
    return {"PATH": TMP.name + ":/usr/bin:/bin", "HOME": TMP.name, "TZ": "UTC",
            "LANG": "C.UTF-8", "TERM": "xterm", "NO_COLOR": "1",
            "PAGER": "", "LLMOBS_PRICES": "off",
            "LLMOBS_CONFIG": os.path.join(TMP.name, "none"), **env}


def screen(columns, *args, store=STORE, raw=False, seconds=60, **env):
    """The stdout of a view on a terminal so wide."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ,
                struct.pack("HHHH", 50, columns, 0, 0))
    env = {k: v for k, v in environment(**env).items() if v is not None}
    child = subprocess.Popen([TOOL, "view", "--store", store, *args],
                             stdin=theirs, stdout=theirs, env=env,
                             stderr=subprocess.DEVNULL,
                             preexec_fn=lambda: resource.setrlimit(
                                 resource.RLIMIT_CPU, (seconds, seconds)))
    os.close(theirs)
    data = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:
            break
        if not piece:
            break
        data += piece
    os.close(ours)
    status = child.wait(timeout=60)
    text = data.decode().replace("\r\n", "\n")
    return text if raw else text + ("" if status == 0 else "status %d\n"
                                    % status)


def piped(*args, store=STORE, **env):
    done = subprocess.run([TOOL, "view", "--store", store, *args], timeout=60,
                          capture_output=True, env=environment(**env))
    return done.stdout.decode()


JOINERS = "\u200b\u200c\u200d"


def width(line):
    """The columns of a line, by another table than the tool's."""
    return sum(map(width_of, line))


@functools.lru_cache(None)
def width_of(c):
    return 0 if unicodedata.category(c) in ("Mn", "Me") or c in JOINERS else \
        2 if unicodedata.east_asian_width(c) in "WF" else 1


# ---- stores

class Trace:
    def __init__(self, number, app):
        self.id = "%08x00000000%016x" % (BEGIN // SECOND + number, number + 17)
        self.begin = BEGIN + number * SECOND
        self.app = app
        self.events = []

    def span(self, number, parent, name, kind, at, ms, model=None, tokens=None,
             first=None, error=None, **meta):
        event = {"duration": ms * 1000000, "meta": {"span": {"kind": kind}},
                 "metrics": {}, "name": name,
                 "parent_id": str(parent) if parent else "undefined",
                 "span_id": "%d%d" % (self.begin // SECOND, number),
                 "start_ns": self.begin + at * 1000000,
                 "status": "error" if error else "ok",
                 "tags": ["ml_app:" + self.app], "trace_id": self.id}
        if parent:
            event["parent_id"] = "%d%d" % (self.begin // SECOND, parent)
        event["meta"].update(meta)
        if model:
            event["meta"]["model_name"] = model
        if tokens:
            event["metrics"].update(input_tokens=tokens[0],
                                    output_tokens=tokens[1])
        if first:
            event["metrics"]["time_to_first_token"] = first
        if error:
            event["meta"]["error"] = {"type": error[0], "message": error[1]}
            event["tags"].append("http.status_code:429")
        self.events.append(event)


def said(*messages):
    return {"messages": [{"role": role, "content": text}
                         for role, text in messages]}


def support():
    trace = Trace(0, "support")
    question = "Where is my parcel LX-2231?\nIt should have come on Friday."
    trace.span(1, 0, "answer ticket", "workflow", 0, 61000,
               input={"value": question}, output={"value": "See your mail."})
    trace.span(2, 1, "OpenAI.createEmbedding", "embedding", 4, 20,
               "text-embedding-3-small", (12, -1),
               input={"documents": [{"text": question}] * 3},
               output={"value": "[3 embeddings]"})
    trace.span(3, 1, "\u641c\u7d22\u8bf4\u660e\u4e66 " * 5, "retrieval", 25,
               30, input={"value": question}, output={"documents": [
                   {"text": "A parcel takes two days.", "name": "manual",
                    "score": 0.83, "id": "m-17"}]})
    trace.span(4, 3, "cafe\u0301 \U0001f5bc\ufe0f \u0938\u094d\u0924\u0947 "
               "\x1b[31m\u202e", "task", 26, 1)
    trace.span(5, 1, "OpenAI.createChatCompletion", "llm", 60, 412,
               "gpt-4o-2024-11-20", (12345, 1500000), 0.25,
               input=said(("system", "You are a support agent."),
                          ("user", question)),
               output=said(("reasoning", "The parcel left on Monday."),
                           ("assistant", "It is on its way.")))
    trace.span(6, 1, "Anthropic.createMessage", "llm", 500, 90,
               "anthropic.claude-3-5-sonnet-20240620-v1:0",
               error=("rate_limit_error", "Rate limit reached for requests: "
                      "wait for a minute before the next one, please."),
               input=said(("system", "You are a support agent."),
                          ("user", question),
                          ("assistant", "It is on its way."),
                          ("user", "Thank you \u2014 \u8c22\u8c22")))
    trace.events[4]["metrics"]["total_cost"] = 0.0123
    return trace.events


PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\xc8\0\0\0\x96"
                       + b"\x08" * 976).decode()


def travel():
    trace = Trace(30, "travel")
    call = {"role": "assistant", "content": "", "tool_calls": [
        {"name": "find_hotels", "tool_id": "call_7", "arguments":
         {"city": "Roma", "guests": 2, "wishes": ["quiet", "near the river",
                                                  "with a long breakfast"]}}]}
    result = {"role": "tool", "content": "", "tool_results": [
        {"name": "", "tool_id": "call_7", "result":
         json.dumps({"results": [{"name": "Hotel Am Dom", "price": 118.5}],
                     "note": "breakfast from seven " * 6})}]}
    asked = [{"role": "system", "content": "You plan trips.\n  - be brief\n"
              "\t- be kind"},
             {"role": "user", "content": "Where do we sleep?  We are two, and "
              "this is what we like:\r\n\r\n\u6cb3\u8fb9\u7684\u65c5"
              "\u9986" * 4, "image_parts": [
                  {"mime_type": "image/png", "content": PNG}]},
             {"role": "user", "content": "", "audio_parts": [
                 {"mime_type": "audio/wav", "content": "AAAA"}]}]
    trace.span(1, 0, "plan trip", "agent", 0, 900)
    trace.span(2, 1, "first", "llm", 10, 200, "gpt-4o", (34, 12),
               input={"messages": asked}, output={"messages": [call]})
    trace.span(3, 1, "second", "llm", 400, 300, "gpt-4o", (207, 9), 0.12,
               input={"messages": asked + [call, result]},
               output=said(("reasoning", "One hotel is left."),
                           ("assistant", "Take the Hotel Am Dom, as you asked "
                            "for breakfast.")))
    return trace.events


def deep():
    trace = Trace(60, "a very long name of an application")
    for level in range(1, 8):
        trace.span(level, level - 1, "level %d" % level, "agent", level,
                   3700000 if level == 1 else 5)
    trace.span(9, 77, "lost child", "tool", 40, 0)
    return trace.events


def write(path, events):
    os.makedirs(path, exist_ok=True)
    with open(os.path.join(path, "spans.jsonl"), "w", encoding="utf-8") as f:
        for event in events:
            f.write(json.dumps(event, ensure_ascii=False, sort_keys=True)
                    + "\n")


PIECES = ["a", "word ", "x" * 70, " ", "\n", "\t", "\r", "\x1b[2J", "\x9b",
          "\u65e5\u672c\u8a9e", "\U0001f469", "\U0001f3fd", "\u200d", "\ufe0f",
          "\u2764\ufe0f", "1\ufe0f\u20e3", "e\u0301\u0302", "\u0938\u094d",
          "\u1112\u1161\u11ab", "\uac00", "\uff21", "\u202e", "\u05d0",
          "\u3000", "\U0001f1e9\U0001f1ea", "\u0378", "\U0003fffd", "\ue000",
          "\u00ad", "{\"a\": [1, 2]}", "`", "\u2502", "\ufffd",
          "\n" + " " * 20, "word " * 9]


def odd(rng, most=12):
    return "".join(rng.choice(PIECES) for _ in range(rng.randrange(most)))


def odd_events(rng, count):
    for number in range(count):
        messages = [{"role": odd(rng, 3), "content": odd(rng, 60),
                     "tool_calls": [{"name": odd(rng), "tool_id": odd(rng),
                                     "arguments": {odd(rng): odd(rng)}}]}
                    for _ in range(rng.randrange(4))]
        yield {"trace_id": "%d%s" % (number // 9, odd(rng)),
               "span_id": str(number),
               "parent_id": str(number - rng.randrange(9)),
               "name": odd(rng), "start_ns": rng.choice(
                   [0, BEGIN, 2**62, BEGIN + number * SECOND]),
               "duration": rng.choice([-1, 0, 10**15, 2**62, 999999999]),
               "status": rng.choice(["ok", "error"]),
               "tags": ["ml_app:" + odd(rng)],
               "metrics": {"input_tokens": rng.choice([-1, 0, 99999, 2**62]),
                           "output_tokens": rng.randrange(10**6),
                           "time_to_first_token": rng.choice([0.1, 1e9, -1])},
               "meta": {"span": {"kind": rng.choice(["llm", "tool",
                                                     odd(rng)])},
                        "model_name": odd(rng), "input":
                        {"messages": messages, "value": odd(rng)},
                        "output": {"messages": messages[:1]},
                        "error": {"type": odd(rng, 3),
                                  "message": odd(rng, 30)}}}


# ---- parts

TRAVEL = "%08x" % (BEGIN // SECOND + 30)
GOLDEN = {
    "80": (80,), "100": (100,), "200": (200,),
    "40": (40,), "80-spans": (80, "--spans"),
    "80-errors": (80, "--errors"), "80-id": (80, TRAVEL),
    "40-id": (40, TRAVEL), "100-messages": (100, "-m", "-t", TRAVEL),
    "80-last": (80, "last", "--kind", "llm", "--full", "--errors"),
}

WANTED_SO = "if it is to be so: python3 tests/cli/screens.py --write BUILD_DIR\n"


def golden():
    path = os.path.join(ROOT, "screens.txt")
    have = {name: screen(columns, *args)
            for name, (columns, *args) in GOLDEN.items()}
    if WRITE:
        with open(path, "w", encoding="utf-8") as f:
            f.writelines("=== %s\n%s" % item for item in have.items())
        return
    with open(path, encoding="utf-8") as f:
        _, *parts = re.split("(?m)^=== (.*)\n", f.read())
    want = dict(zip(parts[::2], parts[1::2]))
    for name, text in have.items():
        check("screen: " + name, text == want.get(name), WANTED_SO + "\n".join(
            difflib.unified_diff(want.get(name, "").split("\n"),
                                 text.split("\n"), "wanted", "got",
                                 lineterm="")))


FORMS = [[], ["--spans"], ["--messages"], ["--errors"], ["--reverse"],
         ["--ascii"], ["--full"], ["last", "-n", "0"],
         ["--messages", "--grep", "o|x+", "--color=always"]]


def widths():
    """No line is longer than the terminal, whatever the store has."""
    wrong = []
    for seed in range(6):
        rng = random.Random(seed)
        write(RANDOM, odd_events(rng, 60))
        for columns in (1, 7, 30, 79, 80, 100, 141, 200):
            args = ["-n", rng.choice("03"), *rng.choice(FORMS)]
            for line in re.sub("\x1b\\[[0-9]*m", "", screen(
                    columns, *args, store=RANDOM)).split("\n"):
                if width(line) > columns:
                    wrong.append((seed, columns, args, width(line), line))
    check("widths: no line is too long", not wrong, wrong[:3])


def words():
    text = screen(80, "-m", "--grep", "hotel|first", "--color", "always")
    check("grep: hits are underlined", "\x1b[4mfirst\x1b[24m" in text and
          "result of find_\x1b[4mhotel\x1b[24ms" in text and
          "Take the \x1b[4mHotel\x1b[24m Am Dom" in text, text)
    text = screen(80, "-m", "--grep", "e\\Whotel", "--color", "always")
    check("grep: no letter behind a backslash is a capital",
          "Take th\x1b[4me Hotel\x1b[24m Am Dom" in text, text)
    text = piped("-m", "-t", TRAVEL)
    check("media: named in a pipe, too",
          " [image/png, 1 KB]\n" in text and
          "> user       [audio/wav, 3 bytes]\n" in text, text)
    text = piped(TRAVEL)
    check("id: a pipe has whole lines", "> user       Where do we sleep?  We "
          "are two, and this is what we like:\n" in text, text)
    text = piped("last", "--kind", "llm", "--json")
    check("last: in any form", re.findall(
        '"name": "(first|second|plan trip)"', text) == ["first", "second"], text)
    text = screen(80, "%d2" % (BEGIN // SECOND + 30))
    check("id: of a span, with those above it", "plan trip" in text and
          " first " in text and " second " not in text and
          "You plan trips." in text, text)
    text = screen(80, "%x" % (BEGIN // SECOND))
    check("id: the newest of several", "level 7" not in text and
          "answer ticket" in text, text)
    text = screen(80, "6")
    check("id: others have it, too", "level 7" in text and text.endswith(
        "older traces have such an id, too; -n 0 shows all\n"), text)
    for word, more in ("6", True), ("last", False):
        done = subprocess.run([TOOL, "view", "--store", STORE, word], timeout=60,
                              capture_output=True, env=environment())
        check("id: others have it, too, in a pipe: " + word,
              ("older traces have such an id, too" in done.stderr.decode()) ==
              more, done.stderr)
    for wrong in (["last", "last"], ["lost"], [""], ["x" * 99]):
        check("id: refused: %s" % wrong, screen(80, *wrong) == "status 2\n")


def window():
    many = [Trace(number, "many") for number in range(33)]
    for trace in many:
        trace.span(1, 0, "one", "task", 0, 5)
    store = os.path.join(TMP.name, "many")
    write(store, [trace.events[0] for trace in many])
    text = screen(80, store=store)
    check("window: the newest 20, newest last",
          [line.split()[1] for line in text.split("\n") if " many " in line] ==
          ["10:00:%02d" % s for s in range(13, 33)], text)
    check("window: it says so", text.endswith(
        "\nthe newest 20 traces, since 2021-11-21 10:00:13; -n 0 shows all\n"), text)
    text = screen(80, "-n", "0", store=store)
    check("window: all of them", text.count(" many ") == 33 and
          "shows all" not in text, text)
    text = screen(80, "--since", "2021-11-21 10:00:05", store=store)
    check("window: of those that a filter selects", text.endswith(
        "\nthe newest 20 traces, since 2021-11-21 10:00:13; -n 0 shows all\n"),
        text)
    text = screen(80, "--reverse", "-n", "2", store=store)
    check("window: newest first", text.index("10:00:32") <
          text.index("10:00:31"), text)
    os.utime(os.path.join(store, "spans.jsonl"), (946684800, 946684800))
    text = screen(80, "-n", "3", store=store)
    check("window: in a file that is older than its spans",
          text.count(" many ") == 3, text)
    check("pipe: everything", piped(store=store).count("trace ") == 33)


# A column goes no sooner than those behind it.
STAYS = {"summary": ["CALLS", "COST", "ERRORS", "IN", "OUT", "P50", "P95", "CACHED", "1ST P50"],
         "tree": ["NAME", "COST", "STATUS", "IN/OUT", "DURATION", "1ST TOKEN"]}


def what_stays():
    """Narrow tables keep calls, cost and tokens; times go first."""
    store, events = os.path.join(TMP.name, "spent"), []
    for number in range(4):
        trace = Trace(number, "spent")
        trace.span(1, 0, "OpenAI.createChatCompletion", "llm", 0, 412,
                   "anthropic.claude-3-5-sonnet-20240620-v1:0", (1234, 567), 0.25)
        trace.events[0].update(_call={"run": "r1"}, session_id="s")
        trace.events[0]["metrics"]["total_cost"] = 0.0123
        trace.events[0]["meta"]["metadata"] = {"caller": {
            "module": "curl", "entry": "/opt/jobs/a-report-of-%d-months.sh" % number}}
        events += trace.events
    write(store, events)
    for form, args in (("summary", ["--summary", "--by", "script,model"]),
                       ("tree", [])):
        for columns in range(30, 220, 5):
            text = screen(columns, *args, store=store)
            titles = [t for t in STAYS[form] if re.search(
                r"(^|  )%s(  |$)" % t, text.split("\n")[0])]
            if titles != STAYS[form][:len(titles)] or \
                    columns >= 80 and STAYS[form][3] not in titles or \
                    max(map(width, text.split("\n"))) > columns:
                check("%s: %d columns" % (form, columns), False, text)
    check("a run's cost comes before its tokens", all(
        "traces, 4 calls, $0.049, 4936/2268 tokens" in text for text in (
            screen(100, store=store), piped(store=store))), screen(100, store=store))
    text = piped(store=store)
    check("a tree in a pipe has the cost", text.count("  $0.012  ok") == 4, text)


def colours():
    for name, want, args, env in (
            ("on a terminal", True, [], {"NO_COLOR": None}),
            ("not with NO_COLOR", False, [], {"NO_COLOR": "1"}),
            ("an empty NO_COLOR is none", True, [], {"NO_COLOR": ""}),
            ("not where TERM is dumb", False, [],
             {"NO_COLOR": None, "TERM": "dumb"}),
            ("--color=always beats NO_COLOR", True, ["--color=always"], {}),
            ("--color=never", False, ["--color", "never"],
             {"NO_COLOR": None})):
        text = screen(80, "--no-pager", *args, **env)
        check("colours: " + name, ("\x1b[" in text) == want, text)
    check("colours: forced into a pipe",
          "\x1b[31m" in piped(NO_COLOR="", CLICOLOR_FORCE="1") and
          "\x1b[31m" in piped("--color", "always") and
          "\x1b[" not in piped(NO_COLOR="", CLICOLOR_FORCE="0"))
    check("colours: a pipe stays as it is, but for them", re.sub(
        "\x1b\\[[0-9]*m", "", piped("--color", "always")) == piped())


def questions():
    """The first words of the question, unless the messages stand below."""
    for args in ([], ["--spans"]):
        text = screen(80, *args)
        check("80 columns have the question: %s" % args,
              "STATUS  QUESTION" in text and "Where is my" in text and
              max(map(width, text.split("\n"))) <= 80, text)
    check("no question where the messages are shown",
          "QUESTION" not in screen(80, "--messages") + screen(200, "last"))
    check("no column where nothing was asked",
          "QUESTION" not in screen(80, "--name", "level 1"))


def characters():
    for name, args, env in (("asked for", ["--ascii"], {}),
                            ("by the locale", [], {"LANG": "C"})):
        text = screen(80, *args, **env)
        check("ASCII: " + name, "|- OpenAI.crea~" in text and
              not re.search("[\u2500-\u257f\u2026\u2013]", text), text)
    # The view keeps what writing needs; it numbers what turns it, and what
    # nobody sees.
    texts = {text: text for text in (
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645", "PDF\u200c\u0647\u0627",
        "\u0995\u09cd\u200d\u09b7", "\u1781\u200b\u1791", "\u845b\U000e0100",
        "\U0001f468\u200d\U0001f469\u200d\U0001f467", "1\ufe0f\u20e3",
        "\u2764\ufe0f\u200d\U0001f525")}
    for text in ("pass\u200dword", "\u00e9\u200c\u200d\u200c", "\u00e9\ufe0f\ufe01",
                 "a\u202eb\u2066", "flag\U000e0067", "\ufeffbom", "so\u00adft",
                 "one\u2028two\u2029", "\u200d\u0647", "a\u2063", "rtl\u200f\u061c"):
        keep = text[:2] if text[0] == "\u00e9" else ""
        texts[text] = keep + re.sub(
            "[\u00ad\u061c\u2000-\u2fff\ufe00-\uffff\U000e0000-\U000effff]", lambda c:
            "\\u{%x}" % ord(c[0]), text[len(keep):])
    trace = Trace(90, "scripts")
    for number, text in enumerate(texts):
        trace.span(number + 1, 0, text, "tool", number, 5)
    store = os.path.join(TMP.name, "scripts")
    write(store, trace.events)
    text = screen(100, "--spans", store=store)
    lines = [line for line in text.split("\n") if " 5 ms " in line]
    missed = [(want, line) for want, line in zip(texts.values(), lines)
              if " %s  " % want not in line]
    check("characters: those that writing needs", len(lines) == len(texts) and
          not missed, missed or text)
    check("characters: the columns stay", len(
        {width(line.split(" 5 ms ")[0]) for line in lines
         if "\ufe0f" not in line}) == 1, text)


def pager(script, *args, **env):
    path = os.path.join(TMP.name, "less")
    with open(path, "w", encoding="ascii") as f:
        f.write("#!/bin/sh\n" + script)
    os.chmod(path, 0o755)
    try:
        return screen(80, *args, **env)
    finally:
        os.remove(path)


def pagers():
    mark = "echo paged $LESS; cat\n"
    many = os.path.join(TMP.name, "many")
    for name, want, args, env in (
            ("less", "paged FRX\n", [], {}),
            ("less, at the end where it is long", "paged FRX+G\n", [],
             {"store": many}),
            ("less, newest first", "paged FRX\n", ["--reverse"],
             {"store": many}),
            ("the user's LESS stays", "paged S\n", [], {"LESS": "S"}),
            ("PAGER", "2 ", [], {"PAGER": "wc -l | sed 's/.*/2 /'"}),
            ("none that is empty", "  NAME", [], {"PAGER": ""}),
            ("none for a dumb terminal", "  NAME", [], {"TERM": "dumb"}),
            ("--no-pager", "  NAME", ["--no-pager"], {}),
            ("one that is not there", "  NAME", [], {"PAGER": "no-such"})):
        text = pager(mark, *args, **{"PAGER": None, **env})
        check("pager: " + name, text.startswith(want) and
              "status" not in text.lower().split("\n")[-1], text)
    text = pager("head -n 1 > /dev/null; exit 3\n", "-n", "0", PAGER=None)
    check("pager: left early", text == "", text)


def output():
    path = os.path.join(TMP.name, "out")
    text = screen(80, "-o", path)
    with open(path, encoding="utf-8") as f:
        have = f.read()
    check("output: to a file as to a pipe", text == "" and have == piped() and
          os.stat(path).st_mode & 0o777 == 0o600, text)
    os.chmod(path, 0o644)
    piped("-o", path)
    check("output: a file that others could read",
          os.stat(path).st_mode & 0o777 == 0o600)
    os.remove(path)
    done = subprocess.run(["sh", "-c", '"$0" "$@" >&-', TOOL, "view", "--store",
                           STORE, "-o", path], env=environment(), timeout=60)
    with open(path, encoding="utf-8") as f:
        check("output: to a file where stdout is closed",
              done.returncode == 0 and f.read() == have)
    text = screen(80, "-o", os.path.join(TMP.name, "no", "out"))
    check("output: no such directory", text == "status 1\n", text)
    with open(path, "w", encoding="utf-8") as f:
        f.write("mine")
    taken = socket.create_server(("127.0.0.1", 0))
    port = taken.getsockname()[1]
    for args in (("deadbeef", "-o"), ("deadbeef", "--html"), ("last", "-q", "-o"),
                 ("--exit-status", "--name", "none", "--json", "-o"),
                 ("--exit-status", "--name", "none", "--html"),
                 ("--store", path + ".none", "-o"), ("--store", path, "-fo"),
                 ("--serve", "--port", str(port), "-o"), ("--html", path, "-o")):
        text = screen(80, *args, path)
        with open(path, encoding="utf-8") as f:
            check("output: what failed leaves a file as it was: " +
                  " ".join(args), f.read() == "mine" and
                  ("-q" in args) != ("status" in text), text)
    taken.close()
    check("output: and no other", [n for n in os.listdir(TMP.name)
                                   if n.startswith("out.")] == [])
    text = screen(80, "--name", "none", "--json", "-o", path)
    check("output: nothing is an answer",
          text == "" and os.path.getsize(path) == 0, text)
    link = path + "-link"
    os.symlink(path, link)
    piped("-o", link)
    with open(path, encoding="utf-8") as f:
        check("output: by a link", os.path.islink(link) and f.read() == have)
    if os.geteuid() == 0:
        os.lchown(link, 4001, 4001)
        with open(path, "w", encoding="utf-8") as f:
            f.write("mine")
        text = screen(80, "-o", link) + screen(80, "--html", link)
        with open(path, encoding="utf-8") as f:
            check("output: not by a link of another", f.read() == "mine" and
                  text == "status 1\n" * 2, text)
    check("output: to a device", screen(80, "-o", "/dev/null") == "")
    check("output: to what is full",
          screen(80, "-o", "/dev/full") == "status 1\n")
    check("output: '-' is stdout", piped("-o", "-") == have and
          not os.path.exists("-"))


def long_line():
    """Megabytes without a line break, in five seconds of the processor: they
    take half a minute where each line looks for the end of all."""
    store = os.path.join(TMP.name, "long")
    trace = Trace(0, "long")
    trace.span(1, None, "long", "llm", 0, 1, input=said(("user", "x" * 8**8)))
    write(store, trace.events)
    text = screen(40, "--messages", store=store, seconds=5)
    check("a text of one long line", "xxx\n" in text and "more" in text and
          "status" not in text.lower().split("\n")[-2], text[-300:])
    text = screen(40, "--full", "--messages", store=store, PAGER="head -n 1")
    check("pager: left before the end", "NAME" in text and
          "status" not in text.split("\n")[-2], text[-300:])


def whole_traces():
    """`view ID` is the whole trace in every form, and that trace alone."""
    store = os.path.join(TMP.name, "three")
    traces = [Trace(number, "app") for number in range(3)]
    for number, trace in enumerate(traces):
        for i in range(1, 6):
            trace.span(i, 1 if i > 1 else None,
                       "s%d-%d" % (number, i), "llm", i, 5, model="m",
                       tokens=(3, 4))
        trace.events.append({
            "join_on": {"span": {"trace_id": trace.id, "span_id": "%d3" % (
                trace.begin // SECOND)}}, "label": "said-%d" % number,
            "metric_type": "score", "score_value": 1, "timestamp_ms": 1,
            "tags": ["ml_app:app"]})
    write(store, [e for trace in traces for e in trace.events])
    for form in ([], ["--spans"], ["-m"], ["--json"], ["--csv"], ["--otlp"],
                 ["--csv", "--fields", "name"], ["--json", "--fields", "name"],
                 ["--html", "-"]):
        for number, word in ((1, traces[1].id), (1, traces[1].id[:8]),
                             (2, "last")):
            have = set(re.findall(r"\bs[0-9]-[0-9]\b",
                                  piped(word, *form, store=store)))
            check("whole: %s of %s" % (form, word), have == {
                "s%d-%d" % (number, i) for i in range(1, 6)}, have)
    have = json.loads(piped(traces[1].id, "--json", "--summary", store=store))
    check("whole: --summary", have["calls"] == 5, have)
    text = piped(traces[1].id, "--json", store=store)
    check("whole: with the evaluations of its spans",
          re.findall("said-[0-9]", text) == ["said-1"], text)
    text = piped("%d3" % (BEGIN // SECOND + 1), "--json", store=store)
    check("whole: of a span's id that span", re.findall(
        r"\bs[0-9]-[0-9]\b", text) == ["s1-3"], text)
    text = piped("app", "--json", store=store)
    check("whole: no id", text == "", text)


def bounded():
    resource.setrlimit(resource.RLIMIT_CPU, (3, 3))
    resource.setrlimit(resource.RLIMIT_STACK, (4 << 20, 4 << 20))


def deep_traces():
    """A trace of 50,000 levels in three seconds of a processor and half a stack:
    it takes some six where each span climbs to the top."""
    count = 50000
    store = os.path.join(TMP.name, "levels")
    os.makedirs(store)
    line = ('{"name": "l%d", "span_id": "%d", "parent_id": "%s", "start_ns": '
            '%d, "duration": %d, "status": "%s", "meta": {"span": {"kind": '
            '"%s"}}, "metrics": {}, "tags": [], "trace_id": "%s"}\n')
    half = count // 2
    every = [(["-n0"], count), (["last"], count)]
    for name, above, ns, call, forms in (
            ("chain", lambda i: i - 1, lambda i: 10**9 - i, 1,
             every + [(["last", "--json"], count), (["-n0", "-e"], count),
                      (["last", "--spans"], count),
                      (["-n0", "--spans", "--full"], count),
                      (["-n0", "--kind", "llm"], 1)]),
            ("chain and fan", lambda i: min(i - 1, half), lambda i: 10**9 if
             i > half else 10**12 - i, 1, every),
            ("circle", lambda i: i - 1 or count, lambda i: 5, 1, every[:1]),
            ("chain above a call", lambda i: i - 1, lambda i: 5, count,
             [(["-n0", "--kind", "llm"], 1)]),
            ("own parent", lambda i: i, lambda i: 5, 1, every[:1])):
        with open(os.path.join(store, "spans.jsonl"), "w") as f:
            for i in range(1, count + 1):
                f.write(line % (i, i, above(i) or "undefined", BEGIN + i, ns(i),
                                "error" if i == count else "ok",
                                "llm" if i == call else "task", "6" * 32))
        for form, want in forms:
            done = subprocess.run(
                [TOOL, "view", "--store", store, *form], env=environment(),
                capture_output=True, timeout=300, preexec_fn=bounded)
            rows = len(set(re.findall(rb"\bl[0-9]+\b", done.stdout)))
            check("levels: %s, %s" % (name, " ".join(form)), rows == want and
                  done.returncode == 0, (done.returncode, rows))


PARTS = {"golden": [golden], "widths": [widths],
         "choices": [words, window, what_stays, colours, questions, characters, pagers, output,
                     long_line, whole_traces],
         "levels": [deep_traces]}


def main():
    write(STORE, support() + travel() + deep())
    for name in ["golden"] if WRITE else ONLY or PARTS:
        for part in PARTS[name]:
            part()
    sys.exit(1 if FAILED else 0)


if __name__ == "__main__":
    main()
