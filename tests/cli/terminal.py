#!/usr/bin/python3
"""Nothing that others wrote controls a terminal: spans, arguments, variables.

usage: terminal.py BUILD_DIR [PART]...      PART: spans, messages, waiting
"""
import json
import os
import pty
import re
import subprocess
import sys
import tempfile
import threading

sys.dont_write_bytecode = True
from checks import check  # noqa: E402

BUILD, *ONLY = sys.argv[1:]
TOOL = os.path.join(BUILD, "llmobs")
TMP = tempfile.TemporaryDirectory(prefix="llmobs-terminal.")
STORE = os.path.join(TMP.name, "store")
# Escapes, DEL, C1 as UTF-8, other directions of writing; and bytes alone.
EVIL = "\x1b]0;evil\x07\x7f\u009b31m\u202eabc\u2066"
BYTES = EVIL.encode() + b"\xff\x9b\rx"
BAD = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\xc2[\x80-\x9f]|"
                 rb"\xe2\x80[\xaa-\xae]|\xe2\x81[\xa6-\xa9]|\r[^\r\n]")
FORMS = ["", "--json", "--csv", "--csv --fields name,model",
         "--json --fields name,model", "--otlp", "--spans", "-m", "--full -m",
         "--summary", "--summary --by model",
         "--summary --by model --json", "--summary --by model --csv",
         "--summary --by session", "--timeseries", "last",
         "--wide"]
WRONG = [["view", "--store"], ["view"], ["view", "--kind"], ["view", "--by"],
         ["view", "--store", STORE, "--name"], ["view", "--csv", "--fields"],
         ["view", "--timeseries"], ["view", "--since"],
         ["view", "--color"], ["view", "--newest"], ["view", "--step"],
          ["view", "--tag"],
         ["view", "--grep"], [], ["doctor"], ["doctor", "--json"],
         ["drain", "--to"], ["drain", "--dir"], ["drain"], ["purge", "--dir"],
         ["purge"], ["stats"], ["mock"], ["mock", "--port"], ["completion"],
         ["ps"], ["span", "--kind"], ["span", "n", "--"], ["evaluate"],
         ["evaluate", "--label"], ["feedback"], ["feedback", "--score"],
         ["help"], ["entrypoint", "--"], ["workflow", "name", "--"],
         ["limit", "--max-cost"], ["limit", "--max-tokens", "1", "--"]]
VARIABLES = ["LLMOBS_EXPORTER", "LLMOBS_STORE_DIR", "DD_SERVICE",
             "LLMOBS_CONFIG", "LLMOBS_REDACT", "DD_TRACE_AGENT_URL",
             "OTEL_EXPORTER_OTLP_ENDPOINT", "LLMOBS_PRICES", "LLMOBS_SPOOL_DIR",
             "LLMOBS_RULES", "DD_LLMOBS_ML_APP"]


def on_terminal(args, env):
    ours, theirs = pty.openpty()
    env = {"PATH": "/usr/bin:/bin", "HOME": TMP.name, "LANG": "C.UTF-8",
           "TERM": "dumb", "PAGER": "", "LLMOBS_BUILD": BUILD,
           "LLMOBS_EXPORTER": "store", "LLMOBS_STORE_DIR": STORE, **env}
    child = subprocess.Popen(args, stdin=theirs, stdout=theirs, stderr=theirs,
                             env=env)
    end = threading.Timer(60, child.kill)
    end.start()
    os.close(theirs)
    data = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:
            break
        data += piece
        if not piece:
            break
    os.close(ours)
    child.wait()
    end.cancel()
    return data


def harmless(name, *args, **env):
    data = on_terminal(args, env)
    found = BAD.search(data)
    data.decode()
    check(name, data and not found, data[-500:])


def span():
    event = {"name": "n" + EVIL, "span_id": "1", "parent_id": "undefined",
             "start_ns": 1790000000 * 10**9, "duration": 10**6,
             "status": "error", "meta": {
                 "span": {"kind": "llm"}, "model_name": "m" + EVIL,
                 "model_provider": "p" + EVIL, "input": {"messages": [
                     {"content": "q" + EVIL, "role": "user" + EVIL}]},
                 "error": {"message": "e" + EVIL, "type": "t" + EVIL}},
             "metrics": {"input_tokens": 3}, "trace_id": "6" * 32,
             "tags": ["ml_app:x" + EVIL, "session_id:S" + EVIL]}
    line = json.dumps(event, ensure_ascii=False).encode()
    for name, byte in ((b"\\u001b", b"\x1b"), (b"\\u0007", b"\x07")):
        line = line.replace(name, byte)
    return line


def spans():
    for form in FORMS:
        harmless("view " + form, TOOL, "view", "--store", STORE, *form.split())
    for args in (["--json"], ["--otlp"], ["--json", "--fields", "name"]):
        have = subprocess.run([TOOL, "view", "--store", STORE, *args],
                              capture_output=True, timeout=60).stdout
        check("a file: " + " ".join(args), not re.search(
            rb"[\x00-\x08\x0b-\x0c\x0e-\x1f\x7f]|\xc2[\x80-\x9f]", have), have)
        check("as it was: " + " ".join(args), all(
            "n" + EVIL in json.dumps(json.loads(line), ensure_ascii=False)
            .replace("\\u001b", "\x1b").replace("\\u0007", "\x07")
            for line in have.splitlines()), have)


def messages():
    for args in WRONG:
        harmless("refused: " + " ".join(args), TOOL, *args, BYTES)
    for command in ("view", "doctor", "drain", "purge", "stats", "mock", "ps",
                    "relay", "workflow", "limit", "span", "evaluate",
                    "feedback"):
        harmless("no option of " + command, TOOL, command, "--" + EVIL)
    for name in VARIABLES:
        value = BYTES.decode("utf-8", "surrogateescape")
        for args in (["doctor", "--no-self-test", "curl"], ["stats", "--json"],
                     ["doctor", "--no-self-test", "--json", "curl"]):
            harmless("%s: %s" % (name, " ".join(args)), TOOL, *args,
                     **{name: "/x" + value})
    for program in ("llmobs-run", "llmobs-entrypoint"):
        path = os.path.join(BUILD, program)
        harmless(program + ": an option", path, "--" + EVIL)
        harmless(program + ": a command", path, "--", BYTES)


def waiting():
    """The launcher says what waits, on a terminal alone."""
    env = {"LLMOBS_EXPORTER": "agent", "LLMOBS_STORE_DIR":
           os.path.join(STORE, "waiting"),
           "DD_TRACE_AGENT_URL": "http://127.0.0.1:1"}
    run = [os.path.join(BUILD, "llmobs-run"), "true"]
    check("waiting: nothing", on_terminal(run, env) == b"")
    subprocess.run([os.path.join(BUILD, "llmobs"), "span", "--name", "x", "--",
                    "true"], env=dict(os.environ, LLMOBS_BUILD=BUILD, **env))
    data = on_terminal(run, env)
    check("waiting: a call", b"llmobs-run: 1 " in data and
          b"llmobs drain" in data, data)
    quiet = subprocess.run(run, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, env=dict(
                               os.environ, LLMOBS_BUILD=BUILD, **env)).stdout
    check("waiting: no terminal", quiet == b"", quiet)


def main():
    os.makedirs(STORE)
    with open(os.path.join(STORE, "spans.jsonl"), "wb") as f:
        f.write(span() + b"\n" + span().replace(b'"1"', b'"2"') + b"\r\n")
    for part in (spans, messages, waiting):
        if not ONLY or part.__name__ in ONLY:
            part()


main()
