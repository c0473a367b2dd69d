"""Runs a program bare and under llmobs-run against the servers of
tests/support, compares all that can be seen of it, and reads the spans.

A test is a function decorated with @test; it gets a Case.  A failed
expectation raises Failure.  Nothing here knows what the product looks like
inside: only the launcher, the store and the log.
"""
import base64
import contextlib
import ctypes
import fcntl
import glob
import json
import os
import re
import select
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
SUPPORT = os.path.join(ROOT, "tests", "support")
sys.path.append(SUPPORT)
from ports import free_port  # noqa: E402, F401
APPS = os.path.join(HERE, "apps")
# By these (LLMOBS_RULES) each HTTP request is captured.
ALL_REQUESTS = os.path.join(ROOT, "tests", "curl-suite", "rules.json")
LAUNCHER = os.path.join(ROOT, "scripts", "llmobs-run")
PYTHON = "/usr/bin/python3"

# In every request of chat_args; must never be seen in the store or the log.
SECRET = "sk-Zq7fUnspeakable9Xw2"
COMMON_TAGS = ("ml_app", "agent_service", "service", "env", "version",
               "source", "language", "ddtrace.version", "error")
LANGUAGES = ("c", "python", "php", "ruby", "perl", "javascript", "lua", "r",
             "tcl", "elisp", "guile", "julia", "java")

# Programs of another machine: "EMULATOR -L ROOT", which takes -E NAME=VALUE for
# the program's environment and finds the program and its libraries in ROOT.
EMULATOR = os.environ.get("LLMOBS_TEST_EMULATOR", "").split()

TESTS = []
ALONE = set()  # names of tests
SETS = {}      # the set of each test, by its name
BUILD = ""
COMPILED = ""  # where programs of C wait for the tests of a run


class Failure(Exception):
    """An expectation that was not met."""


class Skip(Exception):
    """The test cannot run here."""


def installed(*patterns):
    """The first file that one of these patterns finds, of this machine's kind: a
    compiler for several has the others beside it."""
    for pattern in patterns:
        for path in sorted(glob.glob(pattern)):
            if not re.search("/(i386-linux-gnu|lib32|libx32)/", path):
                return path
    raise Skip("not installed: " + patterns[0])


def test(function=None, *, limit=240, alone=False, of=None):
    """Registers a test; `limit` is its time in seconds.  `alone`: no other test
    may run beside it: it compares short times, or takes a port that all know.
    `of`: its set (scripts/parts); by default that of its module's OF, or "quick",
    whose tests are short and want only what that part installs."""
    def join(f):
        name = f.__module__.replace("test_", "", 1) + "." + f.__name__
        TESTS.append((name, f, limit))
        SETS[name] = of or f.__globals__.get("OF", "quick")
        if alone:
            ALONE.add(name)
        return f
    return join(function) if function else join


def command(argv, build=None):
    """The command that starts argv; `build`: with the objects of that
    directory preloaded."""
    argv = list(argv)
    if not EMULATOR:
        return ([LAUNCHER] if build else []) + argv
    if "/" not in argv[0]:
        argv[0] = EMULATOR[2] + "/usr/bin/" + argv[0]
    given = []
    if build:
        given = ["-E", "DD_LLMOBS_ENABLED=1", "-E",
                 "LD_PRELOAD=%s/libllmobs_preload.so" % build]
    return EMULATOR + given + argv


def made_once(folder, name, argv, make):
    """The file of that name which make(path) makes of argv: once for all tests of
    a run, since it takes longer than most of them."""
    folder = os.path.join(folder, "%08x" % zlib.crc32("\0".join(argv).encode()))
    path = os.path.join(folder, name)
    if not os.path.exists(path):
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, "lock"), "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX) # others may want the same now
            if not os.path.exists(path):
                make(path + ".new")
                os.rename(path + ".new", path)
    return path


def compiled(t, name, *argv, cc=("gcc",)):
    """The file of that name which the compiler makes of argv. Nobody may change it."""
    argv = [*cc, *argv]
    return made_once(COMPILED or t.dir, name, argv, lambda path: subprocess.run(
        [*argv, "-o", path], check=True, timeout=60))


def succeeds(*argv):
    """Does this command end with status 0?"""
    def ask(path):
        with open(path, "w") as f:
            f.write(str(subprocess.run(argv, stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL).returncode))
    with open(made_once(COMPILED, "status", argv, ask)) as f:
        return f.read() == "0"


def connected(path):
    """A Unix socket, whose name is there a moment before anybody listens."""
    until = time.monotonic() + 20
    while True:
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(20)
        try:
            s.connect(path)
            return s
        except (ConnectionRefusedError, FileNotFoundError):
            s.close()
            if time.monotonic() > until:
                raise
            time.sleep(0.02)


def short(value):
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= 400 else text[:300] + " ... " + text[-80:]


def equal(got, want, what):
    if got != want:
        raise Failure("%s: got %s, want %s" % (what, short(got), short(want)))


def ok(condition, what):
    if not condition:
        raise Failure(what)


# ---- servers -------------------------------------------------------------

def wait_port(port, process, seconds=10):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if process.poll() is not None:
            raise RuntimeError("%s ended at once" % process.args[0])
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.02)
    raise RuntimeError("%s does not listen" % process.args[0])


def end_with_parent():
    """In a child: the kernel ends it when the harness is killed."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)


def end_group(process):
    """Kills the session that the process began, and waits for the process."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


class Servers:
    """The LLM server, one that pushes and, where nghttpx is installed, HTTP/2
    before the first."""

    def __init__(self, folder):
        self.processes = []
        self.record_path = os.path.join(folder, "record")
        ready = os.path.join(folder, "ready")
        self.start([os.path.join(SUPPORT, "llm_server.py"), "--ready", ready,
                    "--record", self.record_path])
        self.wait_ready(ready)
        values = dict(re.findall(r"^(\w+)='(.*)'$", open(ready).read(), re.M))
        self.http = int(values["HTTP_PORT"])
        self.tls = int(values["TLS_PORT"])
        self.gateway = int(values["GATEWAY_PORT"])
        self.http6 = int(values.get("HTTP6_PORT", 0))
        self.cert = values["CERT"]
        self.own = values["LEAF"], values["KEY"]
        # Where CURLOPT_CONNECT_TO leads to http://llm.test, which pushes, and
        # to https://llm.test.
        self.push, self.push_tls = self.pushes(os.path.join(folder, "push"),
                                               values)
        self.h2c = self.h2 = 0
        nghttpx = shutil.which("nghttpx", path=os.environ["PATH"] +
                               ":/usr/sbin:/usr/local/sbin")
        if nghttpx:
            self.front(nghttpx, folder, values)

    def start(self, argv):
        self.processes.append(subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=sys.stderr if argv[0].endswith(".py")
            else subprocess.DEVNULL, start_new_session=True,
            preexec_fn=end_with_parent))
        return self.processes[-1]

    def wait_ready(self, ready):
        """Until the server that was started last has made its file."""
        end = time.monotonic() + 20
        while not os.path.exists(ready):
            if time.monotonic() > end or self.processes[-1].poll() is not None:
                raise RuntimeError("a server of the tests did not start")
            time.sleep(0.02)

    def pushes(self, ready, values):
        self.start([os.path.join(SUPPORT, "push_server.py"), ready, "llm.test",
                    values["LEAF"], values["KEY"]])
        self.wait_ready(ready)
        return ["::127.0.0.1:" + port for port in open(ready).read().split()]

    def front(self, nghttpx, folder, values):
        h2c, h2 = free_port(), free_port()
        process = self.start([
            nghttpx, "--conf=/dev/null", "-f127.0.0.1,%d;no-tls" % h2c,
            "-f127.0.0.1,%d" % h2, "-b127.0.0.1,%d" % self.http,
            "--workers=1", "--no-ocsp", "--no-via",
            "--errorlog-file=" + os.path.join(folder, "nghttpx.log"),
            values["KEY"], values["LEAF"]])
        wait_port(h2c, process)
        wait_port(h2, process)
        self.h2c, self.h2 = h2c, h2

    def stop(self):
        for process in reversed(self.processes):
            process.terminate()
        for process in self.processes:
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def mark(self):
        try:
            return os.path.getsize(self.record_path)
        except OSError:
            return 0

    def base(self, tls):
        """The address of the LLM server, to which a path is added."""
        return ("https://localhost:%d" % self.tls if tls else
                "http://127.0.0.1:%d" % self.http)

    def requests_since(self, mark):
        """The requests that the LLM server received since, in the order of
        their arrival; waits until it is quiet."""
        with socket.create_connection(("127.0.0.1", self.http), 10) as s:
            s.sendall(b"GET /__sync HTTP/1.0\r\n\r\n")
            answer = b""
            while data := s.recv(4096):
                answer += data
        ok(b" 200 OK\r\n" in answer, "the LLM server is not quiet: %r" % answer)
        with open(self.record_path, "rb") as f:
            f.seek(max(mark - 1, 0))
            if mark and f.read(1) != b"\n":  # one was being written then
                f.readline()
            return sorted(map(json.loads, f), key=lambda r: r["place"])


# ---- one run of a program ------------------------------------------------

class Result:
    """All that can be seen of one run."""

    def __init__(self):
        self.stdout = self.stderr = b""
        self.code = None
        self.files = {}
        self.requests = []
        self.spans = []
        self.log = ""
        self.store_exists = False

    def only(self):
        """The one span."""
        equal(len(self.spans), 1, "number of spans")
        return self.spans[0]

    def log_count(self, pattern):
        return len(re.findall(pattern, self.log, re.I | re.M))


# A reader of the spool closes a file by this size, of which the disk stores
# nothing.
CLOSED = 1 << 30


def data_of(path):
    """The bytes of a file; of a big one without its holes."""
    with open(path, "rb") as f:
        fd, at, parts = f.fileno(), 0, []
        if os.fstat(fd).st_size < CLOSED:
            return f.read()
        with contextlib.suppress(OSError): # no more data
            while True:
                at = os.lseek(fd, at, os.SEEK_DATA)
                end = os.lseek(fd, at, os.SEEK_HOLE)
                parts.append(os.pread(fd, end - at, at))
                at = end
        return b"".join(parts)


def tree(folder):
    """{relative path: content} of the regular files below a folder. A relay or
    an adopter may remove one meanwhile."""
    found = {}
    for place, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(place, name)
            if os.path.isfile(path) and not os.path.islink(path):
                with contextlib.suppress(FileNotFoundError):
                    found[os.path.relpath(path, folder)] = data_of(path)
    return found


BOUNDARY = re.compile(rb"-{24}[0-9a-f]{16}|-{20,}[0-9A-Za-z]{8,40}")
DIGEST = re.compile(r'(cnonce|response)="[^"]*"')
SOCKET_KEY = re.compile(r"(?m)^(Sec-WebSocket-Key:) .*")


def wire(request):
    """A request as compared: what programs choose at random is levelled."""
    head = base64.b64decode(request["head"])
    body = base64.b64decode(request["body"])
    head = BOUNDARY.sub(b"BOUNDARY", head)
    body = BOUNDARY.sub(b"BOUNDARY", body)
    head = DIGEST.sub(r'\1=""', head.decode("latin-1"))
    head = SOCKET_KEY.sub(r"\1", head)
    return (request["listener"], request["method"], request["path"],
            request["version"], head, body)


# The headers that may be added to a request, one line each and well-formed.
ADDED_FORMS = {
    "x-datadog-trace-id": r"[1-9][0-9]{0,19}",
    "x-datadog-parent-id": r"[1-9][0-9]{0,19}",
    "x-datadog-sampling-priority": r"-1|[0-2]",
    "x-datadog-origin": r"[!-~]+",
    "x-datadog-tags": r"_dd\.p\.[a-z_]+=[ -+\--~]+"
                      r"(?:,_dd\.p\.[a-z_]+=[ -+\--~]+)*",
    "traceparent": r"00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]",
    "tracestate": r"dd=p:[0-9a-f]{16};s:-?[0-9][ -~]*",
    "baggage": r"[ -~]+",
    "b3": r"(?:[0-9a-f]{16}){1,2}-[0-9a-f]{16}-[01d]",
    "x-b3-traceid": r"(?:[0-9a-f]{16}){1,2}",
    "x-b3-spanid": r"[0-9a-f]{16}",
    "x-b3-sampled": r"[01]",
    "x-b3-flags": r"1",
}
ADDED_LINE = re.compile(r"^(?:%s)\r\n" % "|".join(
    "(?i:%s): (?:%s)" % form for form in ADDED_FORMS.items()), re.M)
TRACE_LINE = re.compile(r"^(%s): ?([^\r\n]*)\r\n" % "|".join(ADDED_FORMS),
                        re.M | re.I)


def trace_headers(request):
    """{name in lower case: value} of a request's trace headers; a name that
    comes twice is a failure."""
    head = base64.b64decode(request["head"]).decode("latin-1")
    pairs = [(n.lower(), v) for n, v in TRACE_LINE.findall(head)]
    equal(len(dict(pairs)), len(pairs), "trace headers: a name twice")
    return dict(pairs)


def without_added(head, bare):
    """A request's head without the well-formed trace header lines that the bare
    run's has not."""
    kept = set(m.group(0) for m in TRACE_LINE.finditer(bare))
    return ADDED_LINE.sub(
        lambda m: m.group(0) if m.group(0) in kept else "", head)


def read_spans(folder):
    """Every event of the store, in the order of its lines."""
    spans = []
    for place, _, names in os.walk(folder):
        for name in sorted(names):
            if not re.fullmatch(r"spans.*\.jsonl", name):
                continue
            with open(os.path.join(place, name), "rb") as f:
                data = f.read()
            ok(not data or data.endswith(b"\n"), "store: cut last line")
            for line in data.splitlines():
                ok(line.isascii(), "store: a line is not ASCII")
                spans.append(json.loads(line))
    return sorted(spans, key=lambda s: s["start_ns"])


def check_modes(folder):
    """Files 0600, directories 0700, as far as nobody removes them meanwhile. The
    sticky bit marks a file that its process holds open (spool_file.h). Where files
    may not grow a link has the counts."""
    for place, _, names in os.walk(folder):
        for path in [place] + [os.path.join(place, name) for name in names]:
            if place.endswith("/stats") and os.path.islink(path):
                continue
            with contextlib.suppress(FileNotFoundError):
                equal(stat.S_IMODE(os.lstat(path).st_mode) & ~stat.S_ISVTX,
                      0o700 if path == place else 0o600, "mode of " + path)


class Case:
    """One test's folder, servers and expectations."""

    def __init__(self, name, servers, build, folder):
        self.name = name
        self.servers = servers
        self.build = build
        self.dir = folder
        self.url = "http://127.0.0.1:%d/v1/chat/completions" % servers.http
        self.secrets = [SECRET]
        self.foreign_trace = False  # roots of ours may be in another's trace
        self.runs = 0

    # -- running

    def environment(self, preload, extra):
        env = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"),
               "HOME": os.path.join(self.dir, "home"),
               "LANG": "C.UTF-8", "NO_PROXY": "*", "no_proxy": "*",
               "TMPDIR": self.dir}
        env.update({k: v for k, v in os.environ.items()
                    if k.endswith("SAN_OPTIONS")})
        if preload:
            env.update(LLMOBS_BUILD=self.build, LLMOBS_EXPORTER="store",
                       LLMOBS_STORE_DIR=os.path.join(self.dir, "store"),
                       LLMOBS_LOG=os.path.join(self.dir, "log"),
                       LLMOBS_LOG_LEVEL="debug", DD_LLMOBS_ML_APP="it")
            # The exit waits a moment only for a store, since the spool has
            # all; a busy machine or a sanitizer takes longer.
            if (extra.get("LLMOBS_EXPORTER", "store") == "store" or EMULATOR
                    or any(k.endswith("SAN_OPTIONS") for k in env)):
                env["LLMOBS_EXIT_FLUSH_MS"] = "20000"
        env.update({k: v for k, v in extra.items() if v is not None})
        for name in [k for k, v in extra.items() if v is None]:
            env.pop(name, None)
        return env

    def fresh(self, inputs):
        for name in ("work", "home", "store"):
            path = os.path.join(self.dir, name)
            shutil.rmtree(path, ignore_errors=True)
            if name != "store":
                os.makedirs(path)
        log = os.path.join(self.dir, "log")
        if os.path.exists(log):
            os.unlink(log)
        for name, data in (inputs or {}).items():
            with open(os.path.join(self.dir, "work", name), "wb") as f:
                f.write(data)

    def run(self, argv, preload=True, env=None, stdin=b"", inputs=None,
            limit=90, launcher=None, kill_after=None, keep=False,
            check=True):
        """Runs argv in a fresh folder `work`; gives a Result.  `kill_after`:
        seconds, or a text to wait for in stdout, then SIGKILL."""
        result = Result()
        if not keep:
            self.fresh(inputs)
        mark = self.servers.mark()
        if launcher is None:
            argv = command(argv, self.build if preload else None)
        process = subprocess.Popen(
            (launcher or []) + list(argv), env=self.environment(
                preload, env or {}),
            cwd=os.path.join(self.dir, "work"), stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            start_new_session=True)
        try:
            if kill_after is not None:
                first = self.kill_at(process, kill_after)
                result.stdout, result.stderr = process.communicate(
                    timeout=limit)
                result.stdout = first + result.stdout
            else:
                result.stdout, result.stderr = process.communicate(
                    stdin, timeout=limit)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            raise Failure("%s run does not end in %d s" % (
                "preloaded" if preload else "bare", limit))
        result.code = process.returncode
        self.collect(result, mark, check)
        self.runs += 1
        return result

    def kill_at(self, process, when):
        """Kills the program; gives what it had written until then."""
        first = b""
        if isinstance(when, (int, float)):
            time.sleep(when)
        else:
            end = time.monotonic() + 20
            while when not in first and time.monotonic() < end:
                if select.select([process.stdout], [], [], 1)[0]:
                    data = os.read(process.stdout.fileno(), 65536)
                    if not data:
                        break
                    first += data
        os.killpg(process.pid, signal.SIGKILL)
        return first

    def collect(self, result, mark, check):
        result.requests = self.servers.requests_since(mark)
        result.files = tree(os.path.join(self.dir, "work"))
        for name, data in tree(os.path.join(self.dir, "home")).items():
            result.files["~/" + name] = data
        store = os.path.join(self.dir, "store")
        result.store_exists = os.path.exists(store)
        log = os.path.join(self.dir, "log")
        if os.path.isfile(log):
            with open(log, errors="replace") as f:
                result.log = f.read()
        if os.path.isdir(store):
            self.check_secrets(result, tree(store))
            if check:
                check_modes(store)
                result.spans = read_spans(store)
                for span in result.spans:
                    accept(span, self.foreign_trace)
        else:
            self.check_secrets(result, {})

    def check_secrets(self, result, stored):
        for secret in self.secrets:
            for name, data in stored.items():
                ok(secret.encode() not in data,
                   "a secret is in the store (%s)" % name)
            ok(secret not in result.log, "a secret is in the log")

    def same(self, argv, spans=None, env=None, order=True, answers=True,
             bare=None, **options):
        """Runs argv bare and preloaded; all that can be seen must be equal.
        Gives the preloaded run.  order=False: requests may come in any order;
        answers=False: the server's bytes depend on what programs choose at
        random; `bare`: that of an earlier run with the same argv and variables."""
        app_env = {k: v for k, v in (env or {}).items()
                   if not k.startswith(("DD_", "LLMOBS_"))}
        bare = bare or self.run(argv, preload=False, env=app_env, **options)
        equal(bare.store_exists, False, "store of the bare run")
        ours = self.run(argv, preload=True, env=env, **options)
        self.compare(bare, ours, order, answers)
        if spans is not None:
            equal(len(ours.spans), spans, "number of spans")
        ours.bare = bare
        return ours

    @staticmethod
    def compare(bare, ours, order=True, answers=True):
        equal(ours.code, bare.code, "exit status")
        equal(ours.stderr, bare.stderr, "stderr")
        equal(ours.stdout, bare.stdout, "stdout")
        equal(sorted(ours.files), sorted(bare.files), "names of the files")
        for name, data in bare.files.items():
            equal(ours.files[name], data, "file " + name)
        a, b = [[wire(r) for r in x.requests] for x in (bare, ours)]
        if not order:
            for wires in a, b:
                wires.sort(key=lambda w: w[:4] + (TRACE_LINE.sub("", w[4]),
                                                  w[5]))
        equal(len(b), len(a), "number of requests received")
        for i, (x, y) in enumerate(zip(a, b)):
            y = y[:4] + (without_added(y[4], x[4]),) + y[5:]
            for part, want, got in zip(("listener", "method", "path",
                                        "version", "head", "body"), x, y):
                equal(got, want, "request %d, %s" % (i, part))
        x, y = [sorted(r["response"] for r in run.requests)
                for run in (bare, ours)]
        # an answer that the client cut short ends where the kernel says
        if answers and bare.code == 0:
            equal(y, x, "bytes that the server sent")


# ---- what a request looks like -------------------------------------------

def body(prompt="hello there", model="gpt-test", **more):
    """A chat request as text."""
    doc = {"model": model, "messages": [{"role": "user", "content": prompt}]}
    doc.update(more)
    return json.dumps(doc)


def curl(url, data=None, *more, silent=True):
    """A curl command that sends a chat request, keys in its header."""
    argv = ["curl", "-q"] + (["-sS"] if silent else [])
    argv += ["-H", "Content-Type: application/json",
             "-H", "Authorization: Bearer " + SECRET]
    if data is not None:
        argv += ["-d", data]
    return argv + list(more) + [url]


# ---- what a span must be -------------------------------------------------

def tags_of(span):
    """{key: value} of a span's tags."""
    return dict(t.split(":", 1) for t in span["tags"])


def accept(span, foreign_trace=False):
    """The acceptance list of WIRE 7, and the types of WIRE 1."""
    extra = set(span) - {"trace_id", "span_id", "parent_id", "name",
                         "start_ns", "duration", "status", "meta", "metrics",
                         "tags", "_dd", "session_id", "span_links",
                         "collection_errors", "_call"}
    ok(not extra, "span: unknown fields %s" % extra)
    ok(re.fullmatch(r"[0-9a-f]{32}", span["trace_id"]), "trace_id")
    ok(re.fullmatch(r"[1-9][0-9]{0,19}", span["span_id"]), "span_id")
    ok(span["parent_id"] == "undefined" or
       re.fullmatch(r"[1-9][0-9]{0,19}", span["parent_id"]), "parent_id")
    for field in ("start_ns", "duration"):
        ok(type(span[field]) is int and span[field] >= 0, field)
    ok(abs(span["start_ns"] / 1e9 - time.time()) < 600, "start_ns: not now")
    ok(span["status"] in ("ok", "error"), "status")
    accept_dd(span, foreign_trace)
    accept_meta(span)
    accept_tags(span)
    for name, number in span["metrics"].items():
        ok("." not in name, "metric name " + name)
        ok(type(number) in (int, float), "metric " + name)


def accept_dd(span, foreign_trace):
    dd = span["_dd"]
    ok(all(isinstance(v, str) for v in dd.values()), "_dd: not all strings")
    equal(dd["span_id"], span["span_id"], "_dd.span_id")
    equal(dd["apm_trace_id"], dd["trace_id"], "_dd.apm_trace_id")
    ok(re.fullmatch(r"[0-9a-f]{32}", dd["trace_id"]), "_dd.trace_id")
    if span["parent_id"] == "undefined":
        ok(foreign_trace or dd["trace_id"] == span["trace_id"],
           "_dd.trace_id of a root")
        ok("sample_rate" in dd and "sampling_decision" in dd, "_dd: sampling")


def accept_meta(span):
    meta = span["meta"]
    kind = meta["span"]["kind"]
    ok(kind in ("llm", "embedding", "workflow", "agent", "task", "tool",
                "retrieval"), "kind " + kind)
    ok(isinstance(meta["metadata"], dict), "metadata")
    if span["status"] == "error":
        error = meta["error"]
        equal(sorted(error), ["message", "stack", "type"], "keys of the error")
        ok(all(isinstance(v, str) for v in error.values()), "error: strings")
        ok(error["type"], "error.type is empty")
    else:
        ok("error" not in meta, "an error on a span that is ok")
    if kind == "llm":
        for side in ("input", "output"):
            for m in meta.get(side, {}).get("messages", []):
                ok(isinstance(m["role"], str), "message without role")
    elif kind == "workflow":
        ok("model_name" not in meta and "model_provider" not in meta,
           "workflow with a model")
        equal(span["metrics"], {}, "metrics of a workflow")
        for side in ("input", "output"):
            if side in meta and "value" in meta[side]:
                ok(isinstance(meta[side]["value"], str), "value: no string")


def accept_tags(span):
    equal(span["tags"], sorted(span["tags"]), "order of the tags")
    tags = tags_of(span)
    equal(len(tags), len(span["tags"]), "tags: a key twice")
    for key in COMMON_TAGS:
        ok(key in tags, "tag %s is missing" % key)
    equal(tags["source"], "integration", "tag source")
    ok(tags["language"] in LANGUAGES, "tag language:" + tags["language"])
    equal(tags["agent_service"], tags["ml_app"], "tag agent_service")
    equal(tags["error"], "1" if span["status"] == "error" else "0",
          "tag error")
    if span["status"] == "error":
        equal(tags["error_type"], span["meta"]["error"]["type"].replace(
            ",", "_"), "tag error_type")


def value_of(messages):
    """Messages as a workflow's value (WIRE 1.5)."""
    return json.dumps(messages, sort_keys=True, ensure_ascii=False)


def expect_llm(span, prompt="hello there", answer=None, model="gpt-test",
               provider="unknown", usage=True, stream=False,
               name="OpenAI.createChatCompletion", status=200):
    """An llm span of the LLM server's chat endpoint, ended well."""
    answer = "Echo: " + prompt if answer is None else answer
    meta = span["meta"]
    equal(span["status"], "ok", "status (%s)" % meta.get("error"))
    equal(meta["span"]["kind"], "llm", "kind")
    equal(span["name"], name, "name")
    equal(meta["model_name"], model + "-2023-11-14", "model_name")
    equal(meta["model_provider"], provider, "model_provider")
    equal(meta["input"], {"messages": [{"content": prompt, "role": "user"}]},
          "input")
    equal(meta["output"],
          {"messages": [{"content": answer, "role": "assistant"}]}, "output")
    metrics = dict(span["metrics"])
    ttft = metrics.pop("time_to_first_token", None)
    if stream:
        ok(ttft is not None and 0 < ttft <= span["duration"] / 1e9,
           "time_to_first_token %s of %s ns" % (ttft, span["duration"]))
    else:
        equal(ttft, None, "time_to_first_token")
    want = {}
    if usage:
        i, o = len(prompt.split()), len(answer.split())
        want = {"input_tokens": i, "output_tokens": o, "total_tokens": i + o}
    equal(metrics, want, "metrics")
    equal(meta["metadata"].get("stream"), True if stream else None,
          "metadata.stream")
    tags = tags_of(span)
    equal(tags.get("integration"), "openai", "tag integration")
    equal(tags.get("http.status_code"), str(status), "tag http.status_code")
    ok("ml-proxy" not in tags, "tag ml-proxy on an llm span")
    return span


def expect_proxy(span, prompt="hello there", answer=None):
    """The same call through a listed proxy: a workflow."""
    answer = "Echo: " + prompt if answer is None else answer
    meta = span["meta"]
    equal(span["status"], "ok", "status (%s)" % meta.get("error"))
    equal(meta["span"]["kind"], "workflow", "kind")
    equal(span["name"], "OpenAI.createChatCompletion", "name")
    equal(meta["input"], {"value": value_of(
        [{"content": prompt, "role": "user"}])}, "input")
    equal(meta["output"], {"value": value_of(
        [{"content": answer, "role": "assistant"}])}, "output")
    ok("tool_definitions" not in meta, "workflow with tool_definitions")
    equal(tags_of(span).get("ml-proxy"), "custom", "tag ml-proxy")
    return span


def expect_error(span, kind=None, message=None, prompt="hello there",
                 output="", role="", metrics=None, status=None, asker="user"):
    """An llm span of a chat call that failed."""
    meta = span["meta"]
    equal(span["status"], "error", "status")
    equal(meta["span"]["kind"], "llm", "kind")
    if kind is not None:
        equal(meta["error"]["type"], kind, "error.type")
    if message is not None:
        equal(meta["error"]["message"], message, "error.message")
    equal(meta["error"]["stack"], "", "error.stack")
    equal(meta.get("input"), {"messages": [{"content": prompt, "role": asker}]}
          if prompt else None, "input")
    equal(meta["output"], {"messages": [{"content": output, "role": role}]},
          "output")
    got = dict(span["metrics"])
    got.pop("time_to_first_token", None)
    equal(got, metrics or {}, "metrics")
    equal(tags_of(span).get("http.status_code"),
          None if status is None else str(status), "tag http.status_code")
    return span
