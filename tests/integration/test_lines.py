"""metadata.caller: the line of a script, beside the language's own backtrace,
which the script writes on the line of the call."""
import json
import os
import re
import signal
import subprocess

from delivery import stored, wait_for
from harness import APPS, SECRET, Skip, body, equal, installed, ok, test
from otlp_case import Receiver, each_once, otlp
from relays import Relay

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
    """Without a file, `entry` is the process's own, not the frames'."""
    callers = [s["meta"]["metadata"].get("caller", {}) for s in r.spans]
    return [{k: v for k, v in c.items() if k in OURS and "file" in c}
            for c in callers]


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
            ok(not {"file", "line", "code"} & set(caller), value)


# A page whose title a plugin writes with the help of another, by libraries.
SITE = {
    "index.php": """<?php
foreach (["wp-includes/http.php", "wp-content/mu-plugins/limits.php",
          "wp-content/plugins/ai-services/vendor/http/src/Client.php",
          "wp-content/plugins/ai-services/ai-services.php",
          "wp-content/plugins/seo-writer/inc/title.php",
          "wp-content/themes/paper/functions.php"] as $file) {
    require __DIR__ . "/" . $file;
}
$argv[3]();
""",
    "wp-includes/http.php": """<?php
function wp_remote_post() {
    global $argv;
    $c = curl_init($argv[1]);
    curl_setopt_array($c, [CURLOPT_POSTFIELDS => $argv[2],
        CURLOPT_RETURNTRANSFER => true,
        CURLOPT_HTTPHEADER => ["Content-Type: application/json"]]);
    curl_exec($c);
}
function apply_filters($do) { return array_map($do, [1]); }
""",
    "wp-content/mu-plugins/limits.php": """<?php
function limited() { do_the_title(); }
""",
    "wp-content/plugins/ai-services/vendor/http/src/Client.php": """<?php
namespace Http;
class Client { public function send() { \\wp_remote_post(); } }
""",
    "wp-content/plugins/ai-services/ai-services.php": """<?php
namespace AiServices;
class Client {
    public static function generate() {
        (new \\Http\\Client())->send();
    }
}
function again() { \\apply_filters(fn () => \\seo_again()); }
""",
    "wp-content/plugins/seo-writer/inc/title.php": """<?php
function do_the_title() { apply_filters(fn () => AiServices\\Client::generate()); }
function seo_again() { AiServices\\Client::generate(); }
function twice() { AiServices\\again(); }
function deep($n = 60) { $n ? deep($n - 1) : do_the_title(); }
""",
    "wp-content/themes/paper/functions.php": """<?php
function page() { limited(); }
function direct() { wp_remote_post(); }
""",
}


def site(t, name="site", content="wp-content"):
    folder = os.path.join(t.dir, name)
    for path, text in SITE.items():
        path = os.path.join(folder, path.replace("wp-content", content))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text.replace("wp-content", content))
    return folder


def asked_by(t, folder, function):
    r = t.same(php(os.path.join(folder, "index.php"), t.url, body(), function),
               spans=1)
    span = r.spans[0]
    caller = span["meta"]["metadata"]["caller"]
    tags = [x for x in span["tags"] if x.startswith("plugin:")]
    return (caller["file"].rpartition("/")[2], caller.get("code"),
            caller.get("entry", "").rpartition("/")[2],
            caller.get("plugins"), tags)


@test
def plugins(t):
    """Of WordPress, from the inside out; the outermost asked for it."""
    for folder in site(t), site(t, "bedrock", "app"):
        equal(asked_by(t, folder, "do_the_title"),
              ("ai-services.php", "AiServices\\Client::generate", "index.php",
               ["ai-services", "seo-writer"], ["plugin:seo-writer"]), "two")
        equal(asked_by(t, folder, "page")[3:],
              (["ai-services", "seo-writer", "limits.php", "paper"],
               ["plugin:paper"]), "four")
        equal(asked_by(t, folder, "twice")[3:],
              (["ai-services", "seo-writer"], ["plugin:seo-writer"]), "twice")
        equal(asked_by(t, folder, "direct"),
              ("functions.php", "direct", "index.php", ["paper"],
               ["plugin:paper"]), "a theme")
        equal(asked_by(t, folder, "wp_remote_post"),
              ("index.php", None, "index.php", None, []), "none")
        # How far up it goes nobody knows, and so not who asked: the entry is
        # the process's.
        equal(asked_by(t, folder, "deep"),
              ("ai-services.php", "AiServices\\Client::generate", "index.php",
               ["ai-services", "seo-writer"], []), "deep")


@test
def by_a_relay(t):
    """What another process delivers says the same."""
    t.fresh(None)
    argv = php(os.path.join(site(t), "index.php"), t.url, body(),
               "do_the_title")
    alone = t.run(argv).only()
    t.fresh(None)
    with Relay(t, {}) as relay:
        os.killpg(relay.process.pid, signal.SIGSTOP)
        t.run(argv, keep=True, check=False)
        os.killpg(relay.process.pid, signal.SIGCONT)
        ok(wait_for(lambda: len(stored(t)) == 1, 10), "a span")
        got = stored(t)[0]
    for key in OURS + ("plugins",):
        equal(*[s["meta"]["metadata"]["caller"].get(key)
                for s in (got, alone)], key)
    ok("plugin:seo-writer" in got["tags"], "the tag")


@test
def keys_in_paths(t):
    """Are nowhere, as the harness sees to it."""
    folder = site(t, SECRET)
    os.rename(os.path.join(folder, "wp-content", "plugins", "seo-writer"),
              os.path.join(folder, "wp-content", "plugins", SECRET))
    index = os.path.join(folder, "index.php")
    with open(index, encoding="utf-8") as f:
        text = f.read().replace("seo-writer", SECRET)
    with open(index, "w", encoding="utf-8") as f:
        f.write(text)
    r = t.run(php(index, t.url, body(), "seo_again"))
    caller = r.only()["meta"]["metadata"]["caller"]
    ok(caller["file"].endswith("/plugins/ai-services/ai-services.php"), "file")
    ok("Unspeakable" not in json.dumps(r.only()), "a key")


@test
def by_otlp(t):
    """As the conventions name it."""
    path = os.path.join(site(t), "index.php")
    with Receiver() as receiver:
        t.run(php(path, t.url, body(), "do_the_title"), env=otlp(receiver))
        receiver.wait_spans(1)
        each_once(receiver, 1)
        told = receiver.spans()[0]["attributes"]
    equal((told["code.file.path"].rpartition("/")[2],
           told["code.line.number"], told["code.function.name"],
           told["llmobs.tag.plugin"]),
          ("ai-services.php", 5, "AiServices\\Client::generate",
           "seo-writer"), "attributes")
