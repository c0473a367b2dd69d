"""metadata.caller: the line of a script, beside the language's own backtrace,
which the script writes on the line of the call."""
import glob
import itertools
import json
import os
import re
import signal
import subprocess

from delivery import stored, wait_for
from harness import (APPS, PYTHON, ROOT, SECRET, Skip, body, compiled, equal,
                     installed, ok, test)
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
    """The words of a span on the place of a backtrace: of code that no file has it
    says where the code is run."""
    told = {k: v for k, v in told.items() if k in OURS and v is not None}
    if "code" in told: # from PHP 8.4 on a closure's name has its place
        told["code"] = re.sub(r"\{closure:.*", "{closure}", told["code"])
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


def same_places(r, want, what):
    """In any order: beside threads a span may come later."""
    got = [sorted(place.items()) for place in places(r)]
    want = [sorted(place.items()) for place in want]
    equal([p for p in got if got.count(p) > want.count(p)],
          [p for p in want if want.count(p) > got.count(p)], what)


def ruby_lines(t, binding):
    installed("/usr/share/rubygems-integration/*/gems/%s-*" % binding,
              "/usr/lib/*/rubygems-integration/*/gems/%s-*" % binding)
    # typhoeus' mime-types has a warning by itself, in one run of 300
    r = t.same(["ruby", "-W0", os.path.join(APPS, "lines.rb"), binding, t.url, body()])
    same_places(r, [wanted(b) for b in backtraces(r)], binding)
    ok(len(r.spans) > 20, "too few calls")


@test(of="rest")
def ruby_curb(t):
    """In any frame: methods, blocks, fibers, evaluated code, beside an
    exception, in threads, after a fork, at the end."""
    ruby_lines(t, "curb")


@test(of="rest")
def ruby_typhoeus(t):
    """Which drops the GVL before it performs."""
    ruby_lines(t, "typhoeus")


RUBY_ASK = """c = Curl::Easy.new(ARGV[0])
c.headers = {"Content-Type" => "application/json"}
c.post_body = ARGV[1]
"""


@test(of="rest")
def ruby_without_a_file(t):
    """The code of a command line, and of standard input."""
    installed("/usr/lib/*/rubygems-integration/*/gems/curb-*")
    ask = RUBY_ASK + "c.perform\n"
    for argv, stdin, name in ((["-e", ask], b"", "-e"),
                              (["-"], ask.encode(), "-")):
        r = t.same(["ruby", "-r", "curb"] + argv + [t.url, body()], spans=1,
                   stdin=stdin)
        equal(places(r), [{"file": name, "line": 4, "entry": name}], name)


@test(of="rest")
def ruby_libraries(t):
    """Are passed, whose file may have a key in its path, as a script's may."""
    installed("/usr/lib/*/rubygems-integration/*/gems/curb-*")
    folder = os.path.join(t.dir, SECRET)
    os.makedirs(os.path.join(folder, "gems"))
    script = os.path.join(folder, "ask.rb")
    for path, text in ((os.path.join(folder, "gems", "helper.rb"),
                        "def through(c) = c.perform\n"),
                       (script, RUBY_ASK + "through(c)\n")):
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
    r = t.same(["ruby", "-r", "curb", "-r", folder + "/gems/helper.rb", script,
                t.url, body()], spans=1)
    told = places(r)[0]
    equal((told["file"].rpartition("/")[2], told["line"]), ("ask.rb", 4),
          "passed")
    ok("Unspeakable" not in json.dumps(r.only()), "a key")


@test(of="rest")
def ruby_other_threads(t):
    """No line makes the call of a library's own thread."""
    script = """require "fiddle"
l = Fiddle.dlopen(ARGV[2])
%w[aside here aside].each do |name|
  Fiddle::Function.new(l[name], [Fiddle::TYPE_VOIDP] * 2, Fiddle::TYPE_VOID,
                       need_gvl: name == "here").call(ARGV[0], ARGV[1])
end"""
    r = t.same(["ruby", "-e", script, t.url, body(), aside(t)], spans=3)
    equal(places(r), [{}, {"file": "-e", "line": 5, "entry": "-e"}, {}],
          "places")


@test(of="rest")
def ruby_without_libcurl(t):
    """By Net::HTTP."""
    script = os.path.join(t.dir, "net.rb")
    with open(script, "w", encoding="utf-8") as f:
        f.write("""require "net/http"
def ask(uri)
  Net::HTTP.start(uri.host, uri.port, use_ssl: true, ca_file: ARGV[2]) do |http|
    http.post(uri.path, ARGV[1], "Content-Type" => "application/json")
  end
end
ask(URI(ARGV[0]))
""")
    r = t.same(["ruby", script, "https://localhost:%d/v1/chat/completions" %
                t.servers.tls, body(), t.servers.cert], spans=1)
    equal(places(r), [{"file": script, "line": 4, "code": "ask",
                       "entry": script}], "place")


@test(of="rest")
def perl_lines(t):
    """In any frame: functions, methods, closures, destructors, handlers of
    warnings and exceptions, in threads, after a fork, at the end; and Perl's
    errors and warnings stay as they are."""
    installed("/usr/lib/*/perl5/*/WWW/Curl.pm")
    r = t.same(["perl", os.path.join(APPS, "lines.pl"), t.url, body()])
    same_places(r, [wanted(b) for b in backtraces(r)], "places")
    ok(len(r.spans) > 15, "too few calls")


PERL_ASK = """my $c = WWW::Curl::Easy->new;
$c->setopt(CURLOPT_URL, $ARGV[0]);
$c->setopt(CURLOPT_POSTFIELDS, $ARGV[1]);
$c->setopt(CURLOPT_HTTPHEADER, ["Content-Type: application/json"]);
open(my $null, ">", "/dev/null");
$c->setopt(CURLOPT_WRITEDATA, $null);
"""


@test(of="rest")
def perl_files(t):
    """The code of a command line, of a script by its name alone, of text that
    is evaluated, of a library's, and of a file with a key in its path."""
    installed("/usr/lib/*/perl5/*/WWW/Curl.pm")
    ask, name = PERL_ASK + "$c->perform;\n", SECRET + ".pl"
    helper = "use WWW::Curl::Easy; sub ask {\n" + ask + "} 1;\n"
    os.makedirs(os.path.join(t.dir, "perl5"))
    with open(os.path.join(t.dir, "perl5", "helper.pl"), "w",
              encoding="utf-8") as f:
        f.write(helper)
    run = ["perl", "-MWWW::Curl::Easy"]

    def told(argv):
        told = places(t.same(run + argv + [t.url, body()], spans=1, inputs={
            "ask.pl": ask.encode(), name: ask.encode()}))[0]
        told.pop("entry", None) # the process's
        return told
    equal(told(["-e", ask]), {"file": "-e", "line": 7}, "-e")
    equal(told(["ask.pl"]), {"file": "ask.pl", "line": 7}, "a name")
    equal(told(["-e", PERL_ASK + "eval '$c->perform'"]),
          {"file": "-e", "line": 7}, "eval")
    equal(told(["-e", PERL_ASK + '# line 1 "Ask about cats"\n$c->perform']), {},
          "a name that is text")
    equal(told(["-I", t.dir, "-e", "require 'perl5/helper.pl';\nask()"]),
          {"file": "-e", "line": 2}, "a library")
    ok("Unspeakable" not in told([name])["file"], "a key")


@test(of="rest")
def perl_without_libcurl(t):
    """By LWP, whose own code calls."""
    installed("/usr/share/perl5/LWP/Protocol/https.pm")
    script = os.path.join(t.dir, "net.pl")
    with open(script, "w", encoding="utf-8") as f:
        f.write("""use LWP::UserAgent;
my $agent = LWP::UserAgent->new(ssl_opts => {SSL_ca_file => $ARGV[2]});
sub ask {
    $agent->post($ARGV[0], "Content-Type" => "application/json",
                 Content => $ARGV[1]);
}
ask();
""")
    r = t.same(["perl", script, "https://localhost:%d/v1/chat/completions" %
                t.servers.tls, body(), t.servers.cert], spans=1)
    equal(places(r), [{"file": script, "line": 4, "entry": script}], "place")


# DynaLoader calls the library's function of this name.
PERL_BOTH = """require DynaLoader;
my $l = DynaLoader::dl_load_file($ARGV[0]);
DynaLoader::dl_install_xsub("both", DynaLoader::dl_find_symbol($l, "both"));
both();
"""


def perl_calls(t, spans, both):
    """Runs the function `both` of C in a Perl."""
    with open(os.path.join(APPS, "lines", "aside.c"), encoding="utf-8") as f:
        text = f.read()
    source = os.path.join(t.dir, "both.c")
    with open(source, "w", encoding="utf-8") as f:
        f.write(text + "#include <stdlib.h>\n" + both)
    library = os.path.join(t.dir, "both.so")
    subprocess.run(["gcc", "-shared", "-fPIC", source, "-o", library, "-lcurl",
                    "-lpthread"], check=True)
    return t.same(["perl", "-e", PERL_BOTH, library], spans=spans,
                  env={"ASIDE_URL": t.url, "ASIDE_BODY": body()})


@test
def perl_other_threads(t):
    """No line makes the call of a library's own thread."""
    r = perl_calls(t, 2, """
void both(void);
void both(void)
{
    aside(getenv("ASIDE_URL"), getenv("ASIDE_BODY"));
    here(getenv("ASIDE_URL"), getenv("ASIDE_BODY"));
}
""")
    equal([(p.get("file"), p.get("line")) for p in places(r)],
          [(None, None), ("-e", 4)], "places")


@test
def perl_has_ended(t):
    """Perl is not asked for a line as the process exits: a library calls after
    Perl has freed its interpreter."""
    r = perl_calls(t, 1, """
static void late(void)
{
    here(getenv("ASIDE_URL"), getenv("ASIDE_BODY"));
}
void both(void);
void both(void)
{
    atexit(late);
}
""")
    equal(places(r), [{}], "places")


# With ctypes in the place of pycurl: other versions than the system's, where
# there are any.
PYTHONS = ("/usr/bin/python3", "/usr/bin/python3.*[0-9]",
           os.path.expanduser("~/.pyenv/versions/3.*/bin/python3"))
KNOWN = [(3, minor) for minor in range(9, 15)]


def pythons():
    """The files of the versions that are known, one of each."""
    found = {}
    for path in sum((sorted(glob.glob(p)) for p in PYTHONS), []):
        said = subprocess.run(
            [path, "-c", "import sys; print(*sys.version_info[:2])"],
            stdout=subprocess.PIPE, check=True).stdout
        found.setdefault(tuple(map(int, said.split())), path)
    return {v: p for v, p in found.items() if v in KNOWN}


@test
def python_lines(t):
    """In any frame: functions, methods, lambdas, generators, coroutines,
    evaluated code, beside an exception, in threads, after a fork, at the
    end."""
    for version, path in pythons().items():
        script = os.path.join(APPS, "lines.py")
        r = t.same([path, script, t.url, body()],
                   env={"PYTHONWARNINGS": "ignore"})
        want = [wanted(b) for b in backtraces(r)]
        for place in want: # a thread's own frames begin in a library
            if "/threading.py" in place["entry"]:
                place["entry"] = home(script)
        same_places(r, want, version)
        ok(len(r.spans) > 25, "too few calls")


PYTHON_ASK = """import ctypes, pycurl, sys
c = pycurl.Curl()
c.setopt(c.URL, sys.argv[1])
c.setopt(c.HTTPHEADER, ["Content-Type: application/json"])
c.setopt(c.POSTFIELDS, sys.argv[2])
c.setopt(c.WRITEFUNCTION, lambda data: None)
%s
"""


def python(t, ask, *args, spans=1, env=None):
    """The places of calls that a program at the command line makes."""
    installed("/usr/lib/python3/dist-packages/pycurl*")
    return places(t.same([PYTHON, "-c", PYTHON_ASK % ask, t.url, body(), *args],
                         spans=spans, env=env))


STRING = {"file": "<string>", "line": 7, "entry": "<string>"}


@test
def python_without_a_file(t):
    """The code of a command line, of standard input, of a module that Python
    runs, and of one whose name is free text."""
    equal(python(t, "c.perform()"), [STRING], "-c")
    r = t.same([PYTHON, "-", t.url, body()], spans=1,
               stdin=(PYTHON_ASK % "c.perform()").encode())
    equal(places(r), [dict(STRING, file="<stdin>", entry="<stdin>")], "stdin")
    equal(python(t, "exec(compile('c.perform()', 'Ask about cats', 'exec'))"),
          [{}], "a name that is text")
    folder = os.path.join(t.dir, "modules")
    os.makedirs(folder)
    path = os.path.join(folder, "ask.py")
    with open(path, "w", encoding="utf-8") as f:
        f.write(PYTHON_ASK % "c.perform()")
    r = t.same([PYTHON, "-m", "ask", t.url, body()], spans=1,
               env={"PYTHONPATH": folder})
    equal(places(r), [{"file": path, "line": 7, "entry": path}], "-m")


@test
def python_libraries(t):
    """Are passed, whose file may have a key in its path."""
    folder = os.path.join(t.dir, SECRET, "site-packages")
    os.makedirs(folder)
    for path in ("helper.py", "../inner.py"):
        with open(os.path.join(folder, path), "w", encoding="utf-8") as f:
            f.write("def ask(c): c.perform()\n")
    ask = "import sys; sys.path += [%r, %r]; import helper, inner\n" % (
        folder, os.path.dirname(folder))
    equal(python(t, ask + "helper.ask(c)"), [dict(STRING, line=8)], "passed")
    told = python(t, ask + "inner.ask(c)")[0]
    ok(told["file"].endswith("/inner.py"), "file")
    ok("Unspeakable" not in told["file"], "a key")


@test
def python_by_a_relative_path(t):
    """A script has one name, whether frames tell it or the process."""
    installed("/usr/lib/python3/dist-packages/pycurl*")
    ask = PYTHON_ASK % """import threading
c.perform()
aside = threading.Thread(target=c.perform)
aside.start()
aside.join()"""
    for path in "ask.py", "./ask.py":
        r = t.run([PYTHON, path, t.url, body()],
                  inputs={"ask.py": ask.encode()})
        equal([s["meta"]["metadata"]["caller"]["entry"] for s in r.spans],
              [os.path.join(t.dir, "work", path)] * 2, path)


@test
def python_other_threads(t):
    """No line makes the call of a library's own thread."""
    library = aside(t)
    ask = """l = ctypes.CDLL(sys.argv[3])
for f in l.aside, l.here, l.aside:
    f(sys.argv[1].encode(), sys.argv[2].encode())"""
    equal(python(t, ask, library, spans=3), [{}, dict(STRING, line=9), {}],
          "places")


@test
def python_of_two_minds(t):
    """Beside a second interpreter no line is told."""
    ask = """import _xxsubinterpreters as s
i = s.create(); c.perform(); s.destroy(i); c.perform()"""
    equal(python(t, ask, spans=2), [{}, dict(STRING, line=8)], "places")


@test
def python_without_libcurl(t):
    script = os.path.join(APPS, "tls", "client.py")
    r = t.same([PYTHON, script, "https://localhost:%d/v1/chat/completions" %
                t.servers.tls, t.servers.cert, "1", "1"], spans=1)
    with open(script, encoding="utf-8") as f:
        line = [i for i, x in enumerate(f, 1) if "link.request(" in x]
    equal(places(r), [{"file": home(script), "line": line[0], "code": "run",
                       "entry": home(script)}], "place")


def aside(t):
    """A library that calls in a thread of its own, or here."""
    return compiled(t, "aside.so", "-shared", "-fPIC", os.path.join(
        APPS, "lines", "aside.c"), "-lcurl", "-lpthread")


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
def a_home_elsewhere(t):
    """The folder of HOME is no more told of a frame than of a command line."""
    work = os.path.join(t.dir, "work")
    r = t.run(php(os.path.join(work, "ask.php"), t.url, body()),
              inputs={"ask.php": b"<?php\n" + ASK.encode()},
              env={"HOME": work})
    for span in r.spans:
        caller = span["meta"]["metadata"]["caller"]
        equal((caller["file"], caller["entry"]), ("~/ask.php",) * 2, "paths")


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


def needs_ffi():
    if subprocess.run(php("-r", "exit(class_exists('FFI') ? 0 : 1);"),
                      check=False).returncode:
        raise Skip("no FFI")


@test
def php_other_threads(t):
    """No line of the script's makes the call of a library's own thread, which
    may run beside any."""
    library = aside(t)
    script = """$names = "void here(const char *url, const char *body);
    void aside(const char *url, const char *body);";
$library = FFI::cdef($names, $argv[3]);
$library->aside($argv[1], $argv[2]);
$library->here($argv[1], $argv[2]);
$library->aside($argv[1], $argv[2]);"""
    needs_ffi()
    r = t.same(php("-r", script, t.url, body(), library), spans=3)
    name = "Command line code"
    first, here, last = places(r)
    equal(here, {"file": name, "line": 5, "entry": name}, "place")
    for other in first, last:  # beside the script that a parent runs
        equal(set(other) - {"entry"}, set(), "place of another thread")


# ---- wrong offsets ----------------------------------------------------------

def by_any_offsets(t, name, table):
    """The code that reads an interpreter's frames, with a table to change."""
    objects = sum((glob.glob("%s/%s/**/*.o" % (t.build, room), recursive=True)
                   for room in ("core", "lib", "rules")), [])
    archive = os.path.join(t.dir, "all.a")
    if not os.path.exists(archive):
        subprocess.run(["ar", "rcs", archive, *objects], check=True)
    library = os.path.join(t.dir, "%s_%s.so" % (name, table))
    subprocess.run(
        ["gcc", "-D_GNU_SOURCE", "-O0", "-shared", "-fPIC", "-I", ROOT, "-DTABLE=" + table,
         '-DFRAMES="core/trace/%s_frames.c"' % name, os.path.join(
             APPS, "lines", "offsets.c"), archive, "-o", library], check=True)
    return library


def offsets(argv, far=True):
    """Far offsets tell nothing that is not so, and near ones, by which another
    fact of the script's may stand, do no harm."""
    for top in (0, 300) if far else (64,):
        done = subprocess.run([*argv, str(top)], stdout=subprocess.PIPE,
                              check=False)
        equal(done.returncode, 0, "%s below %d" % (argv[0], top))
        ok(done.stdout == b"0\n" if top == 0 else int(done.stdout) >= 0,
           "%s of %s" % (done.stdout, argv[0]))


@test
def python_by_any_offsets(t):
    """Ten thousand tables that do not fit tell less, or nothing. From 3.13 on
    Python itself has the table, and ours says where in it."""
    script = """import ctypes, sys
def inner(n):
    if n:
        return inner(n - 1)
    return ctypes.CDLL(sys.argv[1]).offsets(10000, int(sys.argv[2]))
print(inner(5))"""
    for version, path in pythons().items():
        old = version < (3, 13)
        offsets([path, "-c", script, by_any_offsets(
            t, "python", "layouts" if old else "places")], old)


@test
def php_by_any_offsets(t):
    """PHP's own functions still tell the innermost place."""
    needs_ffi()
    script = """$own = FFI::cdef("int offsets(int, int);", $argv[1]);
function inner($n) {
    global $own, $argv;
    return $n ? inner($n - 1) : $own->offsets(10000, (int) $argv[2]);
}
echo inner(5), "\n";"""
    offsets(php("-r", script, by_any_offsets(t, "php", "layouts")))


@test
def as_configured(t):
    """Where the address alone is asked for, no text is."""
    both = php("-r", ASK, t.url, body()), [
        PYTHON, "-c", PYTHON_ASK % "c.perform()", t.url, body()], [
        "ruby", "-r", "curb", "-e", RUBY_ASK + "c.perform", t.url, body()], [
        "perl", "-MWWW::Curl::Easy", "-e", PERL_ASK + "$c->perform", t.url,
        body()]
    for value, argv in itertools.product(("address", "off"), both):
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
function themed() { direct(); }
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
              (["ai-services", "seo-writer", "limits.php"],
               ["plugin:limits.php"]), "behind a theme")
        equal(asked_by(t, folder, "themed")[3:],
              (["paper", "seo-writer"], ["plugin:seo-writer"]), "a theme first")
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
    """A span that another process delivers says the same."""
    t.fresh(None)
    argv = php(os.path.join(site(t), "index.php"), t.url, body(),
               "do_the_title")
    alone = t.run(argv).only()
    t.fresh(None)
    with Relay(t, {}) as relay:
        os.killpg(relay.process.pid, signal.SIGSTOP)
        t.run(argv, keep=True, check=False)
        os.killpg(relay.process.pid, signal.SIGCONT)
        ok(wait_for(lambda: len(stored(t)) == 1, 60), "a span")
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
