"""metadata.caller: the line of a script, beside the language's own backtrace,
which the script writes on the line of the call."""
import json
import os
import re
import subprocess

from harness import APPS, Skip, body, equal, installed, ok, test

SCRIPT = os.path.join(APPS, "lines.php")
# Members that a script gives.
OURS = ("file", "line", "code", "entry")


def php(*args):
    installed("/usr/bin/php")
    return ["php", *args]


def home(path):
    return re.sub(r"^(/root|/home/[^/]*)/", "~/", path)


def wanted(told):
    """What a span says of the place of a backtrace: of code that no file has it
    says where the code is run."""
    told = {k: v for k, v in told.items() if k in OURS and v is not None}
    run = re.match(r"(.*?)\((\d+)\) : ", told["file"])
    if run:
        told.update(file=run.group(1), line=int(run.group(2)))
    return dict(told, file=home(told["file"]), entry=home(told["entry"]))


def places(r):
    callers = [s["meta"]["metadata"].get("caller", {}) for s in r.spans]
    return [{k: v for k, v in c.items() if k in OURS} for c in callers]


def backtraces(r):
    """The last of the backtraces before each call."""
    return [json.loads(line) for line in r.stdout.decode().splitlines()
            if line.startswith('{"file":')]


@test
def php_lines(t):
    """In any frame: functions, methods, generators, destructors, included and
    evaluated code, callbacks, beside an exception, after a fork, at the end."""
    for env in {}, {"LLMOBS_THREAD": "off"}:
        r = t.same(php(SCRIPT, t.url, body()), env=env)
        equal(places(r), [wanted(b) for b in backtraces(r)], "places")
        ok(len(r.spans) > 20, "too few calls")


ASK = """$c = curl_init($argv[1]);
curl_setopt_array($c, [CURLOPT_POSTFIELDS => $argv[2], CURLOPT_RETURNTRANSFER => true,
    CURLOPT_HTTPHEADER => ["Content-Type: application/json"]]);
curl_exec($c);
eval('curl_exec($c);');
"""


@test
def php_without_a_file(t):
    """The code of a command line, and of standard input."""
    for name, argv, stdin, line in (
            ("Command line code", ["-r", ASK], b"", 4),
            ("Standard input code", ["--"], b"<?php\n" + ASK.encode(), 5)):
        r = t.same(php(*argv, t.url, body()), stdin=stdin, spans=2)
        equal(places(r), [{"file": name, "line": n, "entry": name}
                          for n in (line, line + 1)], name)


@test
def php_streams(t):
    """Without libcurl."""
    script = os.path.join(APPS, "tls", "streams.php")
    r = t.same(php(script, "https://localhost:%d/v1/chat/completions" %
                   t.servers.tls, t.servers.cert, "gpt-test"), spans=1)
    with open(script, encoding="utf-8") as f:
        line = [i for i, x in enumerate(f, 1) if "fopen(" in x]
    equal(places(r), [{"file": home(script), "line": line[0],
                       "entry": home(script)}], "place")


@test
def php_other_threads(t):
    """No line of the script's makes the call of a library's own thread, which
    may run beside any."""
    library = os.path.join(t.dir, "aside.so")
    subprocess.run(["gcc", "-shared", "-fPIC", os.path.join(
        APPS, "lines", "aside.c"), "-o", library, "-lcurl", "-lpthread"],
        check=True)
    script = """$names = "void here(const char *url, const char *body);
    void aside(const char *url, const char *body);";
$library = FFI::cdef($names, $argv[3]);
$library->aside($argv[1], $argv[2]);
$library->here($argv[1], $argv[2]);
$library->aside($argv[1], $argv[2]);"""
    if subprocess.run(["php", "-r", "exit(class_exists('FFI') ? 0 : 1);"],
                      check=False).returncode:
        raise Skip("no FFI")
    r = t.same(php("-r", script, t.url, body(), library), spans=3)
    name = "Command line code"
    equal(places(r), [{}, {"file": name, "line": 5, "entry": name}, {}],
          "places")


@test
def as_configured(t):
    """Where the address alone is asked for, no text is."""
    argv = php("-r", ASK, t.url, body())
    for value in "address", "off":
        for span in t.run(argv, env={"LLMOBS_CALLSITE": value}).spans:
            caller = span["meta"]["metadata"].get("caller", {})
            ok(not set(OURS) & set(caller), value)
