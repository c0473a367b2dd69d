"""`llmobs-run --intercept`: a program whose https goes by the proxy of the run
notices nothing but its variables, and nothing is left of it."""
import base64
import glob
import json
import os
import pty
import re
import shlex
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import threading

from delivery import counts, wait_for
import harness
from harness import (APPS, PYTHON, Skip, body, compiled, equal, ok,
                     read_spans, test, without_added)
from test_listed import joined

SYSTEM = "/etc/ssl/certs/ca-certificates.crt"
CLIENT = os.path.join(APPS, "intercept", "client.py")
DOOR = os.path.join(APPS, "intercept", "door.py")
ABSOLUTE = os.path.join(APPS, "intercept", "absolute.py")
# The harness has NO_PROXY=*.
OPEN = {"NO_PROXY": None, "no_proxy": None}
# The library in the program sees nothing.
AT_HOME = dict(OPEN, LLMOBS_TLS="off")
# A program without it.
UNSEEN = ["env", "-u", "LD_PRELOAD"]


def run_by(t):
    return os.path.join(t.build, "llmobs-run")


def listed(t):
    """Calls to the test's server are read, though it is on loopback."""
    return {"DD_LLMOBS_INSTRUMENTED_PROXY_URLS":
            "https://localhost:%d" % t.servers.tls}


def client(t, how, *more, port=None):
    return [PYTHON, CLIENT, how, "localhost", str(port or t.servers.tls),
            *map(str, more)]


def both(t, argv, env=None, order=True, spans=None, bare=None, **more):
    """Runs argv bare, or takes `bare` as t.same does, and under the option, and
    compares all that can be seen."""
    env = {**OPEN, "SSL_CERT_FILE": t.servers.cert, **(env or {})}
    bare = bare or t.run(argv, preload=False, env={
        k: v for k, v in env.items() if not k.startswith(("DD_", "LLMOBS_"))},
        **more)
    ours = t.run([run_by(t), "--intercept", "--", *argv], launcher=[],
                 env={**listed(t), **env}, **more)
    t.compare(bare, ours, order=order)
    nothing_left(t)
    if spans is not None:
        equal(len(ours.spans), spans, "spans of %s" % argv[2:])
    ours.bare = bare
    return ours


def proxies(t):
    """The pids of this build's proxies, and of who stands by for them."""
    found = []
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        try:
            with open(path, "rb") as f:
                words = f.read().split(b"\0")
            with open(path.replace("cmdline", "environ"), "rb") as f:
                mine = t.dir.encode() in f.read()
        except OSError:
            continue
        if mine and b"intercept" in words[1:2]:
            found.append(int(path.split("/")[2]))
    return found


def state(t):
    """The folder of the runs' files."""
    return os.path.join(t.dir, "store", "intercept")


def nothing_left(t):
    ok(not proxies(t), "a process is left: %s" % proxies(t))
    ok(not glob.glob(state(t) + "/run-*"), "a folder is left")


class Front:
    """A CONNECT proxy of the user's, which leads every name to one port, and
    notes the heads."""

    def __init__(self, port, refuse=b""):
        self.port, self.refuse, self.heads = port, refuse, []
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.url = "http://127.0.0.1:%d" % self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            sock = self.listener.accept()[0]
            threading.Thread(target=self.serve, args=(sock,),
                             daemon=True).start()

    def serve(self, sock):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            byte = sock.recv(1)
            if not byte:
                return
            head += byte
        self.heads.append(head)
        if self.refuse:
            sock.sendall(self.refuse)
            sock.close()
            return
        if not head.startswith(b"CONNECT"):
            length = re.search(rb"Content-Length: (\d+)", head)
            while length and len(head) < len(self.heads[-1]) + int(length[1]):
                head += sock.recv(65536)
            sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            sock.close()
            return
        server = socket.create_connection(("127.0.0.1", self.port))
        sock.sendall(b"HTTP/1.1 200 Fine\r\nVia: front\r\n\r\n")
        for pair in (sock, server), (server, sock):
            threading.Thread(target=self.pass_on, args=pair,
                             daemon=True).start()

    @staticmethod
    def pass_on(start, end):
        try:
            while data := start.recv(65536):
                end.sendall(data)
            end.shutdown(socket.SHUT_WR)
        except OSError:
            pass


# ---- the variables -----------------------------------------------------------

def variables(t, env):
    r = t.run([run_by(t), "--intercept", "env"], launcher=[],
              env=dict(OPEN, **env))
    return r, dict(line.split("=", 1) for line in
                   r.stdout.decode().splitlines() if "=" in line)


@test
def what_the_command_gets(t):
    _, got = variables(t, {})
    ok(re.fullmatch(r"http://127\.0\.0\.1:\d+", got["HTTPS_PROXY"]), got)
    equal(got["https_proxy"], got["HTTPS_PROXY"], "https_proxy")
    equal(got["NO_PROXY"], "localhost,127.0.0.1,::1", "NO_PROXY")
    ok("HTTP_PROXY" not in got and "ALL_PROXY" not in got, got)
    for given, wanted in (({"NO_PROXY": "a.b", "no_proxy": "c"},
                           ("a.b,localhost,127.0.0.1,::1",
                            "c,localhost,127.0.0.1,::1")),
                          (listed(t), (None, None)),
                          ({"DD_LLMOBS_INSTRUMENTED_PROXY_URLS": "a.b, 127.0.0.1:4000"},
                           (None, None)),
                          ({"DD_LLMOBS_INSTRUMENTED_PROXY_URLS": "https://a.b"},
                           ("localhost,127.0.0.1,::1",) * 2),
                          ({"http_proxy": "http://p:1"}, (None, None)),
                          ({"ALL_PROXY": "http://p:1", "NO_PROXY": "x"},
                           ("x", None))):
        _, got = variables(t, given)
        equal((got.get("NO_PROXY"), got.get("no_proxy")), wanted, given)


@test
def trust_of_programs(t):
    """Few variables are set, each to what the program has without them, and the
    run's authority: what its own settings say of other hosts stands."""
    def certificates(name, env):
        r = t.run([run_by(t), "--intercept", "sh", "-c", "cat $%s" % name],
                  launcher=[], env=dict(OPEN, **env))
        return re.findall(rb"(?s)-----BEGIN.*?-----END", r.stdout)
    folder = os.path.join(t.dir, "certs")
    os.mkdir(folder)
    shutil.copy(t.servers.cert, folder + "/0a1b2c3d.0")
    shutil.copy(SYSTEM, folder + "/other.pem")
    os.symlink("nowhere", folder + "/0a1b2c3d.1")
    _, got = variables(t, {})
    for name in ("CURL_CA_BUNDLE", "GIT_SSL_CAINFO", "PIP_CERT", "AWS_CA_BUNDLE",
                 "CARGO_HTTP_CAINFO", "CODEX_CA_CERTIFICATE"):
        ok(name not in got, name)
        if name != "CODEX_CA_CERTIFICATE" and name != "AWS_CA_BUNDLE":
            equal(variables(t, {name: t.servers.cert})[1][name], t.servers.cert,
                  name)
    with open(t.servers.cert, "rb") as f:
        own = re.findall(rb"(?s)-----BEGIN.*?-----END", f.read())
    with open(SYSTEM, "rb") as f:
        system = re.findall(rb"(?s)-----BEGIN.*?-----END", f.read())
    names = "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"
    for name, env, wanted in (
            (names[0], {}, system), (names[1], {}, system),
            (names[1], {names[1]: folder}, own), (names[0], {names[0]: t.servers.cert}, own),
            (names[1], {names[0]: t.servers.cert}, system),
            (names[1], {"CURL_CA_BUNDLE": t.servers.cert}, own),
            ("GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", {}, system),
            ("GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
             {"NODE_EXTRA_CA_CERTS": t.servers.cert}, system + own),
            ("AWS_CA_BUNDLE", {"AWS_CA_BUNDLE": t.servers.cert}, own)):
        equal(certificates(name, env)[:-1], wanted, (name, list(env)))
    if os.path.exists("/usr/bin/git"):
        both(t, ["git", "-c", "http.sslCAInfo=" + t.servers.cert, "ls-remote",
                 "https://localhost:%d/git/plain/" % t.servers.tls],
             env={"SSL_CERT_FILE": SYSTEM})


def requests_variable(t, argv, **env):
    """The file that requests would take, in a program of a run."""
    r = t.run([run_by(t), "--intercept", *argv], launcher=[], env={**OPEN, **env})
    return os.path.basename(r.stdout.decode().strip())


@test
def settings_of_requests(t):
    """Its variable goes before `session.verify`: a Python whose calls the library
    sees has it only where the user has set it, and others have it."""
    show = [PYTHON, "-c", "import os; print(os.getenv('REQUESTS_CA_BUNDLE'))"]
    inside = compiled(t, "python3", "-rdynamic",
                      os.path.join(APPS, "intercept", "python.c"))
    store, own = "store.pem", "REQUESTS_CA_BUNDLE.pem"
    for argv, env, wanted in (
            (show, {}, "None"),
            (show, {"SSL_CERT_FILE": t.servers.cert}, "None"),
            (show, {"REQUESTS_CA_BUNDLE": SYSTEM}, own),
            (show, {"CURL_CA_BUNDLE": t.servers.cert}, own),
            (show, {"LLMOBS_TLS": "off"}, store),
            (show, {"LLMOBS_EXCLUDE": "python*"}, store),
            (show, {"PYTHONPATH": "/x/ddtrace/bootstrap"}, store),
            (["sh", "-c", "echo $REQUESTS_CA_BUNDLE"], {}, store),
            ([*UNSEEN, *show], {}, store),
            (["sh", "-c", '"$@"; :', "sh", *show], {}, "None"),
            ([inside], {}, store)):
        equal(requests_variable(t, argv, **env), wanted, (argv[:1], env))
    if not os.path.exists("/usr/lib/python3/dist-packages/requests"):
        raise Skip("no requests")
    code = """import requests, sys
s = requests.Session()
for s.verify in sys.argv[3], False:
    for host in sys.argv[1:3]:
        print(s.post(host, sys.argv[4], headers={
            "Content-Type": "application/json"}).status_code)"""
    url = "https://%s:%d/v1/chat/completions"
    both(t, [PYTHON, "-Wignore", "-c", code, url % ("localhost", t.servers.tls),
             url % ("127.0.0.1", t.servers.tls), t.servers.cert, body()],
         env={"SSL_CERT_FILE": SYSTEM}, spans=None)


@test
def proxies_that_stay_alone(t):
    for given in ({"HTTPS_PROXY": "socks5://p:1"}, {"ALL_PROXY": "socks5h://p:1"},
                  {"https_proxy": "https://p:1"}, {"HTTPS_PROXY": "http://p"},
                  {"HTTPS_PROXY": "http://p:1", "https_proxy": "http://q:1"},
                  {"https_proxy": "http://p:1", "ALL_PROXY": "socks5://p:1"}):
        r, got = variables(t, given)
        ok("LLMOBS_INTERCEPT" not in got, got)
        for name, value in given.items():
            equal(got[name], value, name)
        ok(b"the command runs without" in r.stderr and b"p:1" not in r.stderr,
           r.stderr)


@test
def one_inside_another(t):
    r = t.run([run_by(t), "--intercept", run_by(t), "--intercept", "sh", "-c",
               "echo $HTTPS_PROXY; cat /proc/$PPID/environ"], launcher=[],
              env=OPEN)
    first = r.stdout.split(b"\n")[0]
    ok(b"HTTPS_PROXY=" + first in r.stdout, r.stdout)


# ---- what passes ---------------------------------------------------------------

@test
def as_bare(t):
    """Each call is a span, whatever becomes of it."""
    for how, spans in ((("ask", 3), 3), (("stream",), 1), (("half",), 1),
                       (("refuse",), 0), (("plain",), 0), (("abort",), 1),
                       (("reset",), 1), (("late", 1), 2)):
        both(t, client(t, *how), env=AT_HOME, spans=spans)


@test
def much_and_many(t):
    both(t, client(t, "big"), env=AT_HOME, spans=2)
    both(t, client(t, "flood", 100), env=AT_HOME, order=False, spans=100)


@test
def counted(t):
    """`llmobs stats` tells how many were read, and why others were not."""
    mine = {"SSL_CERT_FILE": t.servers.cert}
    for how, words, env, wanted in (
            (("ask", 3), [], mine, {"intercepted": 1}),
            (("ask",), ["--intercept-not", "local*"], mine, {"intercept_left": 1}),
            (("plain",), [], mine, {"intercept_odd": 1}),
            (("ask",), [], {"SSL_CERT_FILE": SYSTEM}, {"intercept_server": 1}),
            (("refuse",), [], mine, {"intercept_refused": 2}),
            (("ask",), [], {**mine, "DD_LLMOBS_INSTRUMENTED_PROXY_URLS":
                            "https://localhost:9"}, {})):
        t.run([run_by(t), "--intercept", *words, *client(t, *how)], launcher=[],
              env={**AT_HOME, **listed(t), **env})
        got = {k: v for k, v in counts(t).items()
               if k.startswith("intercept") and v}
        equal(got, wanted, how)


@test
def doctor_runs_it(t):
    """`llmobs doctor --run` tells the call, and not the way to the proxy."""
    argv = client(t, "late", 2)
    env = {**AT_HOME, **listed(t), "SSL_CERT_FILE": t.servers.cert}
    doctor = [os.path.join(t.build, "llmobs"), "doctor", "--run"]
    r = t.run([*doctor, run_by(t), "--intercept", *argv], launcher=[], env=env)
    ok(b"  captured   POST localhost:" in r.stderr and
       b"not read" not in r.stderr, r.stderr)
    r = t.run([*doctor, *argv], launcher=[], check=False, env={
        **env, "DD_LLMOBS_INSTRUMENTED_PROXY_URLS": None})
    ok(b"not read" in r.stderr and b"`llmobs-run --intercept`" in r.stderr, r.stderr)


@test
def other_hosts(t):
    """Of a host that is no model's no byte is looked at."""
    both(t, client(t, "ask"), spans=0, env=dict(
        AT_HOME, DD_LLMOBS_INSTRUMENTED_PROXY_URLS="https://localhost:9"))


@test
def hosts_to_leave(t):
    """--intercept-not, more than once, and with patterns."""
    for words, spans in ((["a.b", "--intercept-not", "local*,c"], 0),
                         (["localhost"], 0), (["a.b,*.localhost"], 1)):
        r = t.run([run_by(t), "--intercept", "--intercept-not",
                   *words, *client(t, "ask")], launcher=[],
                  env={**AT_HOME, **listed(t), "SSL_CERT_FILE": t.servers.cert})
        equal(len(r.spans), spans, words)
        ok(b"200" in r.stdout, r.stdout)
    r = t.run([run_by(t), "--intercept-not", "a", "true"], launcher=[])
    ok(b"needs --intercept" in r.stderr and r.code != 0, r.stderr)


@test
def by_http2(t):
    """A curl whose calls the library does not see."""
    if not t.servers.h2:
        raise Skip("no nghttpx")
    url = "https://localhost:%d/v1/chat/completions" % t.servers.h2
    both(t, [*UNSEEN, "curl", "-qsS", "-w", "%{http_version}\\n", "-d", body(), url,
             "-d", body("again"), url], spans=2, env={
                 "DD_LLMOBS_INSTRUMENTED_PROXY_URLS":
                 "https://localhost:%d" % t.servers.h2})


@test
def one_span_of_each_call(t):
    """Who reads a connection is decided by the certificate that the program has
    got: no call is two spans, or none."""
    url = "https://localhost:%d/v1/chat/completions" % t.servers.tls
    python = """import urllib.request, sys
for i in range(3):
    r = urllib.request.Request(sys.argv[1], sys.argv[2].encode(),
        {"Content-Type": "application/json"})
    print(urllib.request.urlopen(r).status)"""
    both(t, client(t, "ask", 3), spans=3)
    both(t, [PYTHON, "-c", python, url, body()], spans=3)
    both(t, [PYTHON, "-c", python, url, body()], spans=3,
         env={"no_proxy": "localhost", "NO_PROXY": "localhost"})
    both(t, ["curl", "-qsS", "-i", "-d", body(), url], spans=1)
    for own in "$HTTPS_PROXY", "localhost:${HTTPS_PROXY##*:}":
        both(t, ["sh", "-c", "exec curl -qsS ${HTTPS_PROXY:+-x %s} "
                 '-d "$1" "$0"' % own, url, body()], spans=1)
    # It is left alone; and one to which the variables of the run are not passed.
    both(t, ["curl", "-qsS", "-i", "-d", body(), url], spans=0,
         env={"LLMOBS_EXCLUDE": "curl"})
    both(t, ["env", "-u", "LLMOBS_INTERCEPT", "-u", "LLMOBS_INTERCEPT_PAST",
             PYTHON, "-c", python, url, body()], spans=3)
    if os.path.exists("/usr/bin/php"):
        both(t, ["php", os.path.join(APPS, "tls", "streams.php"), url,
                 t.servers.cert, "gpt-test", "s:gpt-test"], spans=2)
    # These tell servers of a proxy, or speak TLS to it.
    for name in "wget", "wget2":
        if os.path.exists("/usr/bin/" + name):
            both(t, [name, "-qO-", "--ca-certificate=" + t.servers.cert,
                     "--header=Content-Type: application/json",
                     "--post-data=" + body(), url], spans=1)


@test
def whose_it_was(t):
    """A span names the process of the program, and not the proxy's, as the
    library in it would."""
    code = "import os; print(os.getpid(), flush=True); " \
        "exec(open('client.py').read())"
    folder, name = os.path.split(CLIENT)
    for argv, script in ((client(t, "ask"), CLIENT),
                         ([PYTHON, name, *client(t, "ask")[2:]], CLIENT),
                         ([PYTHON, "-c", code, *client(t, "ask")[2:]], None)):
        facts = []
        for words, env in (["--intercept"], AT_HOME), ([], OPEN):
            r = t.run(["sh", "-c", 'cd "$0"; exec "$@"', folder, run_by(t),
                       *words, *argv], launcher=[],
                      env={**env, **listed(t), "SSL_CERT_FILE": t.servers.cert})
            span = r.only()
            call = span["_call"]
            facts.append((call["executable"], call["uid"], [
                tag for tag in span["tags"] if tag.startswith("language:")],
                span["meta"]["metadata"].get("caller", {}).get("entry")))
            if script is None:
                equal(call["pid"], int(r.stdout.split()[0]), "pid")
        equal(facts[0][:3], facts[1][:3], "facts")
        equal(facts[0][0], "python3", "executable")
        equal(facts[0][3], script, "script")


@test
def a_pinned_program(t):
    """Its first call fails, once and not in each run: it is remembered. The
    library in the program sees nothing."""
    code = """import os, ssl, sys, time, urllib.request
context = ssl.create_default_context(cafile=sys.argv[2])
for i in range(3):
    r = urllib.request.Request(sys.argv[1], sys.argv[3].encode(),
        {"Content-Type": "application/json"})
    try:
        print(urllib.request.urlopen(r, context=context).status)
    except urllib.error.URLError as e:
        print(e.reason.reason)
        while not os.path.exists(sys.argv[4]): # the proxy has its alert
            time.sleep(0.01)"""
    url = "https://localhost:%d/v1/chat/completions" % t.servers.tls
    argv = [run_by(t), "--intercept", PYTHON, "-c", code, url, t.servers.cert,
            body(), state(t) + "/refused"]
    env = dict(listed(t), SSL_CERT_FILE=t.servers.cert, **AT_HOME)
    first = t.run(argv, launcher=[], env=env)
    equal(first.stdout, b"CERTIFICATE_VERIFY_FAILED\n200\n200\n", "first run")
    equal(first.log_count("no certificate of the run for localhost"), 1, "log")
    again = t.run(argv, launcher=[], env=env, keep=True)
    equal(again.stdout, b"200\n200\n200\n", "the next run")
    nothing_left(t)

    def doctor(*words):
        return subprocess.run(
            [os.path.join(t.build, "llmobs"), "doctor", *words],
            env=t.environment(True, env), capture_output=True, text=True).stdout
    told = doctor("--no-self-test", "curl")
    ok("took no certificate of a run for localhost" in told, told)
    # After 30 days it is tried again.
    path = state(t) + "/refused"
    with open(path) as f:
        host, kind, when = f.read().split()
    equal(host, "localhost", "the host")
    with open(path, "w") as f:
        f.write("%s %s %d\n" % (host, kind, int(when) - 31 * 86400 * 10**9))
    ok("certificate of a run" not in doctor("--no-self-test", "curl"), "it ended")
    again = t.run(argv, launcher=[], env=env, keep=True)
    ok(again.stdout.startswith(b"CERT"), again.stdout)
    equal((doctor("--forget-refusals"), os.path.exists(path)), ("", False), "forgotten")


OWN = {
    "ruby": """require 'net/http'
u = URI(ARGV[0]); h = Net::HTTP.new(u.host, u.port); h.use_ssl = true
h.ca_file = ARGV[1]
puts h.post(u.path, ARGV[2], 'Content-Type' => 'application/json').code""",
    "perl": """use LWP::UserAgent; my $ua = LWP::UserAgent->new;
$ua->env_proxy; $ua->ssl_opts(SSL_ca_file => $ARGV[1]); print $ua->post($ARGV[0],
'Content-Type' => 'application/json', Content => $ARGV[2])->code, "\n";""",
    "php": """[, $url, $ca, $body] = $argv;
$o = ['http' => ['method' => 'POST', 'content' => $body, 'request_fulluri' => false,
 'header' => 'Content-Type: application/json'], 'ssl' => ['cafile' => $ca]];
if ($p = getenv('HTTPS_PROXY')) $o['http']['proxy'] = 'tcp' . substr($p, 4);
echo strlen(file_get_contents($url, false, stream_context_create($o))), "\n";""",
    "node": """const [url, ca, body] = process.argv.slice(1);
const u = new URL(url), via = process.env.HTTPS_PROXY && new URL(process.env.HTTPS_PROXY);
const net = require('net'), tls = require('tls'), https = require('https');
const one = () => new Promise(done => {
  const ask = socket => { const s = tls.connect({socket, servername: u.hostname,
      ca: require('fs').readFileSync(ca)});
    const q = https.request(u, {method: 'POST', createConnection: () => s,
      headers: {'content-type': 'application/json'}}, r => { r.resume();
        r.on('end', () => { console.log(r.statusCode); done(); }); });
    q.on('error', e => { console.log(e.code); done(); }); q.end(body); };
  const c = net.connect(via ? via.port : u.port, via ? via.hostname : u.hostname);
  if (!via) return ask(c);
  c.write(`CONNECT ${u.host} HTTP/1.1\\r\\n\\r\\n`); c.once('data', () => ask(c));
});
(async () => { for (let i = 0; i < 3; i++) await one(); })();"""}


@test
def authorities_of_its_own(t):
    """What the library in the program follows passes unread by the proxy: so
    it takes the server's certificate, and no call fails, or is two spans."""
    words = ["https://localhost:%d/v1/chat/completions" % t.servers.tls,
             t.servers.cert, body()]

    def same(argv, spans):
        both(t, argv, spans=spans)
        got = counts(t)
        equal((got.get("intercepted", 0), got.get("intercept_refused", 0)),
              (0, 0), "read by the proxy, %s" % argv[:3])
    for how in ("urllib", "asyncio", "threads", "requests", "httpx", "urllib3",
                "aiohttp"):
        if how in ("urllib", "asyncio", "threads") or subprocess.run(
                [PYTHON, "-c", "import " + how],
                capture_output=True).returncode == 0:
            same([PYTHON, os.path.join(APPS, "intercept", "own_ca.py"), how,
                  *words], 30 if how == "threads" else 1)
    for program, option in (("ruby", "-e"), ("perl", "-e"), ("php", "-r"),
                            ("node", "-e")):
        if os.path.exists("/usr/bin/" + program) and (
                program != "perl" or subprocess.run(
                    ["perl", "-MLWP::Protocol::https", "-e", "1"],
                    capture_output=True).returncode == 0):
            same(["/usr/bin/" + program, option, OWN[program], *words],
                 3 if program == "node" else 1)
    ok(not os.path.exists(state(t) + "/refused"), "a refusal")


@test
def announced_by_strangers(t):
    """Another user tells the proxy, as the library does, of a connection that
    nothing follows: it is read. Nor does he keep the library's own words from
    the proxy by thousands of his."""
    if os.getuid() != 0:
        raise Skip("needs root")
    tells = """import os, socket, struct, sys
inode, uid, count = map(int, sys.argv[2:])
os.setuid(uid)
for i in range(count):
    with socket.socket(socket.AF_UNIX) as s:
        s.setblocking(False)
        s.bind(b"\\0" + struct.pack("Q32x", inode))
        try:
            s.connect("\\0llmobs-intercept-" + sys.argv[1])
        except OSError:
            pass"""
    code = """import os, subprocess, sys, urllib.request
from urllib.parse import urlparse
tells, own, client, port, *words = sys.argv[1:]
sys.path.insert(0, os.path.dirname(client))
from client import ask, reach, ssl
via = urlparse(os.environ["HTTPS_PROXY"]).netloc
for uid in 0, 12345:
    sock = reach("localhost", int(port))
    subprocess.run([sys.executable, "-c", tells, via,
                    str(os.fstat(sock.fileno()).st_ino), str(uid), "1"], check=True)
    sock = ssl.create_default_context().wrap_socket(sock,
                                                    server_hostname="localhost")
    print(b"llmobs" in sock.getpeercert(True), ask(sock, "localhost", int(port)),
          flush=True)
flood = subprocess.Popen([sys.executable, "-c", tells, via, "1", "12345", "99999"])
own = subprocess.run([sys.executable, own, "threads", "https://localhost:" + port +
                      "/v1/chat/completions", *words],
                     env={**os.environ, "LLMOBS_TLS": "auto"})
print(own.returncode, flood.poll())
flood.kill()"""
    r = t.run([run_by(t), "--intercept", PYTHON, "-c", code, tells, os.path.join(
        APPS, "intercept", "own_ca.py"), CLIENT, str(t.servers.tls),
        t.servers.cert, body()], launcher=[], env={
            **AT_HOME, **listed(t), "SSL_CERT_FILE": t.servers.cert})
    lines = r.stdout.decode().splitlines()
    equal([line.split()[0] for line in lines], ["False", "True", "[200,", "0"],
          r.stderr)
    equal((len(r.spans), counts(t)["intercepted"]), (31, 1), "spans, and read")
    nothing_left(t)


@test
def one_that_starts_another(t):
    """The library follows the first, and the proxy reads the other's TLS."""
    url = "https://localhost:%d/v1/chat/completions" % t.servers.tls
    code = """import os, subprocess, sys, urllib.request
def ask():
    r = urllib.request.Request(sys.argv[1], sys.argv[2].encode(),
        {"Content-Type": "application/json"})
    print(urllib.request.urlopen(r).status, flush=True)
ask()
if len(sys.argv) == 3:
    words = [sys.executable, "-c", sys.orig_argv[2], *sys.argv[1:], "child"]
    own = {**os.environ, "LLMOBS_TLS": "off"}
    subprocess.run(words, env=own, close_fds=False) # a vfork
    os.waitpid(os.posix_spawn(sys.executable, words, own), 0)
    few = {k: own[k] for k in own if k != "LD_PRELOAD"}
    subprocess.run(words, env=few)
    ask()
"""
    both(t, [PYTHON, "-c", code, url, body()], spans=5)
    equal(counts(t)["intercepted"], 3, "read by the proxy")


def pins(t, argv, keep=True):
    """Runs argv in a run; gives its output's lines."""
    return t.run([run_by(t), "--intercept", *argv], launcher=[], keep=keep,
                 env={**AT_HOME, **listed(t), "SSL_CERT_FILE": t.servers.cert,
                      "PINNED": t.servers.own[0]}).stdout.decode().splitlines()


def refusals(t):
    """How often each kind of line is in the file."""
    with open(state(t) + "/refused") as f:
        lines = f.read().splitlines()
    return [sum(line[0] == sign for line in lines) for sign in "?+l"]


@test
def leaves_without_a_word(t):
    """A program that compares the certificate behind the handshake fails twice,
    in one run or in two, and then no more. Another script by the same Python
    is read all the while."""
    another = shutil.copy(CLIENT, os.path.join(t.dir, "another.py"))
    ask = [PYTHON, another, *client(t, "ask")[2:]]
    good, = pins(t, ask, keep=False)
    for n, outputs in ((1, (["another"], ["another"], [good], [good])),
                       (3, (["another", "another", good], [good] * 3))):
        for i, wanted in enumerate(outputs):
            equal(pins(t, client(t, "pin", n)), wanted, "run %d of %d" % (i, n))
            equal(pins(t, ask), [good], "another script")
        equal(refusals(t), [1, 0, 1], "lines")
        equal(len(read_spans(t.dir + "/store")), 1 + len(outputs), "spans")
        told = subprocess.run(
            [os.path.join(t.build, "llmobs"), "doctor", "--no-self-test",
             "curl"], env=t.environment(True, listed(t)), capture_output=True,
            text=True).stdout
        equal(told.count("took no certificate of a run for localhost"), 1, told)
        pins(t, ask, keep=False)


@test
def connections_that_nobody_uses(t):
    """A program that opens five connections and uses one goes on being read; so
    does one that has left once, and used the next."""
    for how in ("pool", 5), ("pool", 2), ("leave", 5):
        for i in range(4):
            r = pins(t, client(t, *how), keep=i > 0)
            equal(len(r), 1, "calls")
        equal(len(read_spans(t.dir + "/store")), 4, "spans of %s" % how[0])
    left, used, refused = refusals(t)
    ok(left == used > 0 == refused, (left, used, refused))


class Late:
    """A server whose certificate, its own, counts for long."""

    def __init__(self, t):
        own = os.path.join(t.dir, "own")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", own,
                        "-out", own + ".pem", "-days", "2000", "-subj", "/CN=x",
                        "-addext", "subjectAltName=DNS:localhost"],
                       check=True, stderr=subprocess.DEVNULL)
        self.cert = own + ".pem"
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(self.cert, own)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            sock = self.listener.accept()[0]
            try:
                with self.context.wrap_socket(sock, server_side=True) as one:
                    asked = b""
                    while b"\r\n\r\n" not in asked:
                        asked += one.recv(65536) or b"\r\n\r\n"
                    text = json.dumps({"id": "c", "object": "chat.completion",
                                       "model": "gpt-test", "choices": []})
                    one.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json"
                                b"\r\nContent-Length: %d\r\n\r\n%s" % (
                                    len(text), text.encode()))
                    one.recv(65536)
            except OSError:
                pass


def doctor(t):
    """What it says of other runs."""
    return subprocess.run(
        [os.path.join(t.build, "llmobs"), "doctor", "--no-self-test", "curl"],
        env=t.environment(True, {}), capture_output=True, text=True).stdout


FAKETIME = glob.glob("/usr/lib/*/faketime/libfaketime.so.1")


@test
def clocks(t):
    """A night's suspend, or a month, takes nothing from a run; once no program
    takes its certificates any more, calls pass unread, which is told."""
    server, path = Late(t), os.path.join(t.dir, "ahead")
    fakes = [compiled(t, "clock.so", "-O1", "-shared", "-fPIC",
                      os.path.join(APPS, "intercept", "clock.c")), *FAKETIME]

    def ahead(days):
        with open(path + ".new", "w") as f:
            f.write("%+d\n" % (days * 86400))
        os.rename(path + ".new", path)
    for fake in fakes:
        ahead(0)
        process = start(t, env={
            "CLOCK_AHEAD": path, "LD_PRELOAD": fake, "SSL_CERT_FILE": server.cert,
            "FAKETIME_TIMESTAMP_FILE": path, "FAKETIME_NO_CACHE": "1",
            "DONT_FAKE_MONOTONIC": "1", "DD_LLMOBS_INSTRUMENTED_PROXY_URLS":
            "https://localhost:%d" % server.port})
        for days in 0, 1, 25 / 24, 40, 401, 2:
            ahead(days)
            ok("200" in asks(t, process, server.port), days)
        equal(end(process), 5, "status")
        nothing_left(t)
    got = counts(t)
    equal((got["intercepted"], got["intercept_expired"]),
          (5 * len(fakes), len(fakes)), "counts")
    with open(os.path.join(t.dir, "log")) as f:
        equal(f.read().count("certificates have expired"), len(fakes), "log")
    equal(doctor(t).count("certificates have expired"), 1, "doctor")


def on_terminal(t, argv, act=lambda: None):
    """What comes to the terminal of a run, whose output goes elsewhere."""
    fd, ours = pty.openpty()
    process = subprocess.Popen(
        ["setsid", "-c", "-w", run_by(t), "--intercept", "sh", "-c",
         "exec 1>/dev/null 2>&1; " + argv], stdin=ours, stdout=ours, stderr=ours,
        env=t.environment(True, {**AT_HOME, **listed(t),
                                 "SSL_CERT_FILE": t.servers.cert}))
    act()
    equal(process.wait(60), 0, "status")
    os.write(ours, b".")
    got = b""
    while not got.endswith(b"."):
        got += os.read(fd, 4096)
    os.close(fd)
    os.close(ours)
    return got[:-1]


@test
def told_at_the_end(t):
    """The launcher's terminal names each reason once; nothing else does."""
    go = os.path.join(t.dir, "go")

    def kill():
        ok(wait_for(lambda: os.path.exists(go)), "the command")
        os.kill(by_age(t)[2], signal.SIGKILL)
        ok(wait_for(lambda: len(proxies(t)) == 2), "it is dead")
        os.unlink(go)
    refuse = " ".join(client(t, "refuse"))
    for argv, act, wanted in (
            ("true", lambda: None, []),
            (refuse + "; " + refuse, lambda: None, [b"refused its certificate"]),
            ("touch %s; while test -e %s; do sleep 0.1; done" % (go, go), kill,
             [b"its proxy was killed"])):
        told = on_terminal(t, argv, act).splitlines()
        equal(len(told), len(wanted), told)
        for line, text in zip(told, wanted):
            ok(text in line, told)
    ok("its proxy was killed" in doctor(t), "doctor")


@test
def servers_that_are_not_as_they_should_be(t):
    """The program itself sees, and says, what is wrong; where it does not mind,
    its call passes."""
    for name in "localhost", "127.0.0.1":
        url = "https://%s:%d/v1/chat/completions" % (name, t.servers.tls)
        for more in [], ["-k"]:
            both(t, [*UNSEEN, "curl", "-qsS", *more, "-d", body(), url], spans=0,
                 env={"SSL_CERT_FILE": SYSTEM,
                      "DD_LLMOBS_INSTRUMENTED_PROXY_URLS":
                      "https://%s:%d" % (name, t.servers.tls)})


@test
def no_key_anywhere(t):
    """Not in a file, an argument or a variable; and the process that has it
    gives none of its memory."""
    process = start(t)
    launcher, by, proxy = by_age(t)
    ok("200" in asks(t, process), "a call")
    found = 0
    run, = glob.glob(state(t) + "/run-*")
    for folder, _, names in [*os.walk(t.dir), *os.walk(os.readlink(run))]:
        for name in names:
            path = os.path.join(folder, name)
            if os.path.islink(path):
                continue
            with open(path, "rb") as f:
                text = f.read()
            found += b"BEGIN CERT" in text and "-run-" in folder
            ok(b"PRIVATE KEY" not in text or b"llmobs" in text, path)
    ok(found >= 2, "certificates")
    for pid in launcher, by, proxy:
        for name in "cmdline", "environ":
            try:
                with open("/proc/%d/%s" % (pid, name), "rb") as f:
                    ok(b"PRIVATE" not in f.read(), name)
            except PermissionError:
                pass
    with open("/proc/%d/limits" % proxy) as f:
        ok(re.search(r"core file size +0 +0 ", f.read()), "a core")
    equal(os.stat("/proc/%d/environ" % proxy).st_uid, 0, "whose memory it is")
    with open(glob.glob(state(t) + "/run-*/SSL_CERT_FILE.pem")[0]) as f:
        last = f.read().split("-----BEGIN")[-1]
    shown = subprocess.run(["openssl", "x509", "-noout", "-text"],
                           input="-----BEGIN" + last, text=True,
                           capture_output=True, check=True).stdout
    ok("CA:TRUE, pathlen:0" in shown, shown)
    ok("Issuer: CN = llmobs-run " in shown, shown)
    ok("Name Constraints: critical" in shown, shown)
    for name in "openai.com", "amazonaws.com", "localhost":
        ok("DNS:%s\n" % name in shown, shown)
    dates = in_the_run(process, ["sh", "-c", "openssl s_client -proxy "
        "${HTTPS_PROXY#http://} -connect localhost:%d 2>&1 </dev/null | openssl x509 "
        "-noout -startdate -enddate | tr '\\n' ' '; echo" % t.servers.tls])
    begins, ends = [ssl.cert_time_to_seconds(x) for x in
                    re.findall("=(.*?GMT)", dates)]
    equal(ends - begins, 25 * 3600, "seconds for which a host's certificate counts")
    equal(end(process), 5, "status")
    nothing_left(t)


@test
def programs(t):
    """curl sends what it sent, and git fetches."""
    for more in ([], ["-d", body()]):
        both(t, ["curl", "-qsS", "--cacert", t.servers.cert, *more,
                 "https://localhost:%d/v1/chat/completions" % t.servers.tls])
    if os.path.exists("/usr/bin/git"):
        both(t, ["git", "-c", "http.sslCAInfo=" + t.servers.cert, "ls-remote",
                 "https://localhost:%d/git/plain/" % t.servers.tls])


@test
def a_server_that_is_not_there(t):
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    r = both(t, client(t, "ask", port=port), env=AT_HOME)
    ok(b"ConnectionRefusedError" in r.stdout, r.stdout)


@test
def hosts_that_are_not_there(t):
    """A host without an address, one that refuses, and a proxy of the user's that
    is away, are errors of the connection to all programs, and no answer."""
    code = """import sys, urllib.request
for url in sys.argv[1:]:
    try:
        print(urllib.request.urlopen(url, timeout=60).status)
    except OSError as e:
        print(isinstance(getattr(e, "reason", e), ConnectionResetError))
try:
    import requests
    print(not hasattr(requests.get(url), "status_code"))
except (ImportError, requests.exceptions.ConnectionError):
    print(True)
try:
    import httpx
    print(not hasattr(httpx.get(url), "status_code"))
except (ImportError, httpx.NetworkError):
    print(True)"""
    away = "https://127.0.0.9:9/"
    for more in {}, {"HTTPS_PROXY": "http://127.0.0.9:9"}:
        r = t.run([run_by(t), "--intercept", PYTHON, "-c", code, "https://x.invalid",
                   "https://127.0.0.9:9", away], launcher=[], env={**OPEN, **more})
        equal(r.stdout, 5 * b"True\n", more)
    for scheme in "http", "https":
        r = t.run([run_by(t), "--intercept", PYTHON, ABSOLUTE, "old",
                   scheme + "://127.0.0.9:9"], launcher=[], env=OPEN, check=False)
        equal(r.stdout, b"ConnectionResetError\n", scheme)


@test
def no_check_of_certificates(t):
    """A program of Node that checks none has its answer, and others have none."""
    for value, wanted in ("0", b"HTTP/1.1 200"), ("1", b"ConnectionReset"):
        r = t.run([run_by(t), "--intercept", PYTHON, ABSOLUTE, "old",
                   "https://localhost:%d" % t.servers.tls], launcher=[],
                  check=value == "0", env={**AT_HOME, **listed(t),
                                           "NODE_TLS_REJECT_UNAUTHORIZED": value})
        ok(wanted in r.stdout, r.stdout)
        equal(len(r.spans), value == "0", "spans")


# ---- sandboxes and other users ---------------------------------------------------

def shows(t, code, before=(), by=(), **env):
    """What a shell of a run says, below `before`; `by` runs the run itself."""
    r = t.run([*by, run_by(t), "--intercept", *before, "sh", "-c", code],
              launcher=[], env={**OPEN, **env})
    nothing_left(t)
    return r.stdout.decode().splitlines()


FILES = "echo $SSL_CERT_FILE; grep -c BEGIN $SSL_CERT_FILE $NODE_EXTRA_CA_CERTS"


def hiding(*mounts):
    """A command in whose view something is mounted."""
    return ["unshare", "-m", "sh", "-c", " && ".join(
        "mount -t tmpfs %s" % one for one in mounts) + ' && exec "$@"', "sh"]


@test
def who_has_the_certificates(t):
    """A sandbox that hides home and /tmp, and other users; none but the user can
    change them, and nothing is left."""
    seen = shows(t, "stat -c '%a %u' ${SSL_CERT_FILE%/*} $SSL_CERT_FILE; " + FILES,
                 by=["sh", "-c", 'umask 777; exec "$@"', "sh"])
    equal(seen[:2], ["755 %d" % os.getuid(), "644 %d" % os.getuid()], "modes")
    ok(seen[2].startswith("/var/tmp/llmobs-run-"), seen)
    ok(not os.path.exists(os.path.dirname(seen[2])), "it is left")
    equal(len(seen), 5, seen)
    if os.getuid() != 0:
        raise Skip("the rest needs root")
    for before in (hiding("x " + t.dir), hiding("x /tmp"), hiding("x /root", "x /run"),
                   hiding("x /dev/shm", "x /tmp", "x /home"),
                   ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]):
        again = shows(t, FILES, before)
        equal([x.rpartition(":")[2] for x in again[1:]],
              [x.rpartition(":")[2] for x in seen[3:]], before)


@test
def a_place_for_certificates(t):
    """Where anybody could replace them, or nothing can be written, they lie beside
    the store."""
    if os.getuid() != 0:
        raise Skip("needs root")
    for mount in ("-o mode=0777 x /var/tmp", "-o ro x /var/tmp",
                  "-o mode=1777,uid=1 x /var/tmp", "-o mode=0770 x /var/tmp"):
        where = shows(t, FILES, by=hiding(mount))[0]
        ok(where.startswith(state(t) + "/llmobs-run-"), (mount, where))
        ok(not glob.glob(state(t) + "/*run-*"), mount)


@test
def hidden_certificates(t):
    """A program that cannot see the run's certificates takes those of a model's
    host itself, unread; that is counted and told, and not remembered."""
    if os.getuid() != 0:
        raise Skip("needs root")
    url = "https://localhost:%d/v1/chat/completions" % t.servers.tls
    curl = [*UNSEEN, "curl", "-qsS", "--cacert", t.servers.cert, "-d", body(), url]
    bare = t.run(curl, preload=False)
    for before in (hiding("x /var/tmp"), hiding("-o mode=1777 x /var/tmp", "x /run"),
                   ["chroot", t.dir + "/root"]):
        if before[0] == "chroot":
            os.mkdir(before[1])
            before = ["unshare", "-m", "sh", "-c", "mount --rbind / %s && mount -t tmpfs "
                      "x %s/var/tmp && exec chroot %s \"$@\"" % (3 * (before[1],)), "sh"]
        both(t, [*before, *curl], bare=bare, spans=0)
        equal(counts(t).get("intercept_refused"), 1, "counted")
        with open(state(t) + "/refused") as f:
            ok("localhost" not in f.read(), "remembered")
    ok("a sandbox hides its certificates" in doctor(t), "doctor")
    # Programs with the library have no variables that name what is not there.
    code = "env | grep -c llmobs-run-; curl -qs https://localhost:%d; echo $?; " \
        "%s -c 'import os; print(os.getenv(\"SSL_CERT_FILE\"))'" % (
            t.servers.tls, PYTHON)
    other = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    for before, by, wanted in (
            (hiding("x /var/tmp"), (), "None"), (before, (), "None"),
            (other, hiding("-o mode=0777 x /var/tmp"), "None")):
        equal(shows(t, code, before, by), ["0", "60", wanted], (before, by))


@test
def ends_of_the_command(t):
    for code in ("exit 7", "kill -KILL $$", "kill -TERM $$", "exec nosuch"):
        bare = t.run(["sh", "-c", code], preload=False)
        ours = t.run([run_by(t), "--intercept", "sh", "-c", code], launcher=[])
        equal(ours.code, bare.code, code)
        equal(ours.stderr, bare.stderr, code)
        nothing_left(t)


# ---- programs that ask the proxy for a whole URL --------------------------------

def whole(t, how, scheme="http", env=None, **more):
    """Some send plain http to HTTPS_PROXY, and older axios https, too."""
    urls = ["http://localhost:%d" % port for port in (t.servers.http, t.servers.gateway)]
    if scheme == "https":
        urls = ["https://localhost:%d" % t.servers.tls, urls[0]]
    return both(t, [PYTHON, ABSOLUTE, how, *urls], env={
        **AT_HOME, "DD_LLMOBS_INSTRUMENTED_PROXY_URLS": ",".join(urls),
        **(env or {})}, **more)


@test
def whole_urls(t):
    """They get what they asked for, and each call is one span, also where the
    library in the program follows plain connections."""
    for how, spans in (("keep", 3), ("pipe", 3), ("expect", None), ("tail", None), ("slow", 2), ("half", 1),
                       ("old", 1), ("two", 4), ("bare", 0), ("leave", 1)):
        r = None
        for sockets in "off", "on":
            r = whole(t, how, spans=spans, env={"LLMOBS_SOCKETS": sockets},
                      bare=r and r.bare)
            if how in ("slow", "half", "old"):
                joined(r)
        if how != "half": # Python cannot, by TLS
            whole(t, how, "https", spans=spans)


@test
def whole_urls_that_switch(t):
    """To another protocol: what the program says then may look like HTTP."""
    def serve():
        while True:
            sock = listener.accept()[0]
            head = sock.recv(65536)
            while not head.endswith(b"\r\n\r\n"):
                head += sock.recv(65536)
            heads.append(head)
            sock.sendall(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 101 Yes\r\n"
                         b"Upgrade: odd\r\nConnection: Upgrade\r\n\r\n")
            while data := sock.recv(65536):
                sock.sendall(data)
            sock.sendall(b"and the end")
            sock.close()
    heads, listener = [], socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=serve, daemon=True).start()
    both(t, [PYTHON, ABSOLUTE, "switch", "http://localhost:%d" %
             listener.getsockname()[1]], env=AT_HOME, spans=0)
    equal(heads[1], heads[0], "heads")


@test
def whole_urls_by_the_users_proxy(t):
    """It gets the same, with its password: that for https, or else for http."""
    front = Front(t.servers.tls)
    login = front.url.replace("//", "//me:p%40ss%20word@")
    urls = "http://gw.test:4000", "https://gw.test"
    for name, url in (("HTTPS_PROXY", urls[0]), ("ALL_PROXY", urls[0]),
                      ("http_proxy", urls[0]), ("HTTPS_PROXY", urls[1])):
        front.heads.clear()
        t.run([PYTHON, ABSOLUTE, "old", url], preload=False,
              env=dict(OPEN, HTTPS_PROXY=front.url))
        r = t.run([run_by(t), "--intercept", PYTHON, ABSOLUTE, "old", url],
                  launcher=[], env={**AT_HOME, name: login, "LLMOBS_SOCKETS": "on",
                                    "DD_LLMOBS_INSTRUMENTED_PROXY_URLS": url})
        first, second = [head.decode() for head in front.heads]
        added = "Proxy-Authorization: Basic %s\r\n" % base64.b64encode(
            b"me:p@ss word").decode()
        equal(without_added(second, first).replace(added, ""), first, "heads")
        ok(added in second, "the password")
        ok(b"200 OK" in r.stdout, r.stdout)
        equal(r.only()["_call"]["host"], "gw.test", "its host")
        for folder, _, names in os.walk(t.dir):
            for path in (os.path.join(folder, x) for x in names):
                with open(path, "rb") as f:
                    text = f.read()
                for secret in (b"p@ss", b"p%40ss",
                               base64.b64encode(b"me:p@ss word")):
                    ok(secret not in text, "the password is in " + path)
        ok("p@ss" not in r.log and "p%40ss" not in r.log, "the log")
    for way in "socks5://127.0.0.1:1", "http://127.0.0.1":
        r = t.run([run_by(t), "--intercept", PYTHON, ABSOLUTE, "old", urls[0]],
                  launcher=[], env=dict(AT_HOME, http_proxy=way))
        equal(r.stdout, b"ConnectionResetError\n", way)


# ---- the user's own proxy -------------------------------------------------------

@test
def by_the_users_proxy(t):
    """It gets the head that it would have got, with its password, and the
    program its answer."""
    front = Front(t.servers.tls)
    login = front.url.replace("//", "//me:p%40ss%20word@")
    for argv in (["curl", "-qsS", "--cacert", t.servers.cert, "-i",
                  "https://provider.test/x"],):
        for name in "HTTPS_PROXY", "ALL_PROXY":
            front.heads.clear()
            both(t, argv, env={name: login})
            equal(sorted(front.heads[1].split(b"\r\n")),
                  sorted(front.heads[0].split(b"\r\n")), "heads")
            ok(base64.b64encode(b"me:p@ss word") in front.heads[1],
               front.heads)


@test
def a_proxy_that_refuses(t):
    answer = (b"HTTP/1.1 407 Who Are You\r\nProxy-Authenticate: Basic\r\n"
              b"Content-Length: 4\r\n\r\nno!\n")
    front = Front(t.servers.tls, answer)
    r = both(t, ["curl", "-qsS", "-i", "https://provider.test/x"],
             env={"HTTPS_PROXY": front.url})
    ok(b"407 Who Are You" in r.stdout, r.stdout)


# ---- beside other options --------------------------------------------------------

def to_a_model(t, *options, calls=1):
    """Calls to a model's host, which a proxy of the user's leads to the test's
    server."""
    front = Front(t.servers.tls)
    return t.run([run_by(t), "--intercept", *options, "--", PYTHON, CLIENT,
                  "ask", "api.openai.com", "443", str(calls)], launcher=[],
                 env={**AT_HOME, "HTTPS_PROXY": front.url,
                      "SSL_CERT_FILE": t.servers.cert})


@test
def in_a_workflow(t):
    r = to_a_model(t, "--workflow", "outer", calls=2)
    whole = [s for s in r.spans if s["name"] == "outer"]
    equal(len(whole), 1, "workflows of %s" % [s["name"] for s in r.spans])
    equal([s["parent_id"] for s in r.spans if s["name"] != "outer"],
          2 * [whole[0]["span_id"]], "parents")


@test
def trace_headers(t):
    """Calls to a listed gateway have the headers of their spans, among bytes
    that are as they were, and below a workflow."""
    joined(both(t, client(t, "ask", 3), env=AT_HOME, spans=3))
    joined(both(t, client(t, "flood", 40), env=AT_HOME, order=False, spans=40))
    r = t.run([run_by(t), "--workflow", "outer", "--intercept",
               *client(t, "ask", 2)], launcher=[], check=False,
              env={**AT_HOME, **listed(t), "SSL_CERT_FILE": t.servers.cert})
    outer = [s for s in r.spans or read_spans(os.path.join(t.dir, "store"))
             if s["name"] == "outer"]
    equal(len(outer), 1, "workflows")
    heads = [base64.b64decode(q["head"]) for q in r.requests]
    trace = outer[0]["_dd"]["trace_id"].encode()
    ok(len(heads) == 2 and all(trace in head for head in heads), heads)
    if not t.servers.h2:
        raise Skip("no nghttpx")
    url = "https://localhost:%d/v1/chat/completions" % t.servers.h2
    many = ["--no-progress-meter", "-Z", *40 * ["-o", "/dev/null", url]]
    for calls, words in (1, [url]), (40, many):
        joined(both(t, [*UNSEEN, "curl", "-qsS", "-w", "%{http_version}\\n", "-d",
                        body(), *words], order=False, spans=calls, env={
                            "DD_LLMOBS_INSTRUMENTED_PROXY_URLS":
                            "https://localhost:%d" % t.servers.h2}))


@test
def hosts_of_rules(t):
    """A host that the user's rules alone name is read; by a path alone, or where
    they say never, none is."""
    rule = {"host": "local*", "path": "/v1/chat/*", "dialect": "openai_chat"}
    path = os.path.join(t.dir, "rules")
    for text, spans in ((json.dumps([rule]), 1),
                        (json.dumps([dict(rule, host="*.localhost")]), 0),
                        (json.dumps([dict(rule, host="*")]), 0),
                        (json.dumps([{"path": rule["path"], "dialect": "openai_chat"}]), 0),
                        (json.dumps([{"host": "localhost", "never": True}]), 0),
                        ("host localhost own openai_chat\n", 1)):
        with open(path, "w") as f:
            f.write(text)
        both(t, client(t, "ask"), spans=spans, env=dict(
            AT_HOME, LLMOBS_RULES=path,
            DD_LLMOBS_INSTRUMENTED_PROXY_URLS="https://localhost:9"))


@test
def named_hosts(t):
    """A host that is read and named gets trace headers, and its span stays an llm span."""
    path = os.path.join(t.dir, "rules")
    with open(path, "w") as f:
        f.write("host localhost own openai_chat\n")
    for name, named in ("localhost:%d" % t.servers.tls, True), ("localhost:1", False):
        r = both(t, client(t, "ask"), spans=1, env=dict(
            AT_HOME, LLMOBS_RULES=path, LLMOBS_INJECT=name,
            DD_LLMOBS_INSTRUMENTED_PROXY_URLS="https://localhost:9"))
        span = r.only()
        equal(span["meta"]["span"]["kind"], "llm", "kind")
        equal(harness.trace_headers(r.requests[0]).get("traceparent"), named and "00-%s-%016x-01" % (
            span["_dd"]["apm_trace_id"], int(span["span_id"])) or None, "parent")


@test
def within_limits(t):
    """Calls that the proxy has read count."""
    r = to_a_model(t, "--max-tokens", "100000")
    equal((r.code, len(r.spans)), (0, 1), r.stderr)
    r = to_a_model(t, "--max-tokens", "5", calls=20000)
    ok(re.search(rb"stopped: \S+ tokens in \d+ calls? \(--max-tokens 5\)",
                 r.stderr), r.stderr)
    equal(r.code, 143, "status")
    nothing_left(t)


@test
def not_in_a_replay(t):
    r = t.run([run_by(t), "--intercept", "--replay", t.dir, "true"],
              launcher=[])
    ok(b"--replay and --intercept exclude each other" in r.stderr, r.stderr)


@test
def by_node(t):
    """With its own switch for proxies, which older ones lack: one span of each
    call, by whichever way it went."""
    if not os.path.exists("/usr/bin/node"):
        raise Skip("no node")
    code = """const ask = () => fetch(process.argv[1], {method: 'POST',
        headers: {'content-type': 'application/json'}, body: process.argv[2]});
        (async () => { for (let i = 0; i < 3; i++)
            console.log((await (await ask()).json()).model); })();"""
    both(t, ["/usr/bin/node", "-e", code, "https://localhost:%d"
             "/v1/chat/completions" % t.servers.tls, body()], spans=3,
         env={"NODE_USE_ENV_PROXY": "1", "NODE_EXTRA_CA_CERTS": t.servers.cert})


@test
def by_another_user(t):
    """Nothing of it needs root."""
    if os.getuid() != 0:
        raise Skip("needs root")
    # The test's own folder is root's.
    with tempfile.TemporaryDirectory(dir="/tmp") as own:
        os.chown(own, 65534, 65534)
        cert = shutil.copy(t.servers.cert, own)
        os.chmod(cert, 0o644)
        r = t.run(["setpriv", "--reuid=65534", "--regid=65534",
                   "--clear-groups", run_by(t), "--intercept",
                   *client(t, "ask")], launcher=[],
                  env={**AT_HOME, **listed(t), "HOME": own, "TMPDIR": own,
                       "SSL_CERT_FILE": cert, "LLMOBS_LOG": own + "/log",
                       "LLMOBS_STORE_DIR": own + "/store"})
        ok(b"200" in r.stdout, (r.stdout, r.stderr))
        facts = [(s["_call"]["executable"], s["_call"]["uid"])
                 for s in read_spans(own + "/store")]
        equal(facts, [("python3", 65534)], "spans")


# ---- life and death -------------------------------------------------------------

def start(t, *words, env=None, by=()):
    """A run that goes on; its shell does what it is told by its stdin."""
    process = subprocess.Popen(
        [*by, run_by(t), "--intercept", *words, "sh"], stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, text=True, start_new_session=True,
        env=t.environment(True, {**AT_HOME, "SSL_CERT_FILE": t.servers.cert,
                                 **listed(t), **(env or {})}))
    process.stdin.write("echo begun\n")
    process.stdin.flush()
    equal(process.stdout.readline(), "begun\n", "the shell")
    return process


def asks(t, process, port=None):
    """It makes a call; gives the line that its client prints."""
    process.stdin.write(" ".join(client(t, "ask", port=port)) + "\n")
    process.stdin.flush()
    return process.stdout.readline()


def process_port(process):
    """The port of the run's proxy."""
    process.stdin.write("echo $HTTPS_PROXY\n")
    process.stdin.flush()
    return int(process.stdout.readline().strip().rsplit(":", 1)[1])


def end(process, code="exit 5"):
    process.stdin.write(code + "\n")
    process.stdin.close()
    return process.wait(30)


class Door:
    """Connections to the proxy that a process of the run makes: its others are
    not served."""

    def __init__(self, t, process):
        name = "llmobs-%d-%d" % (os.getpid(), process.pid)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind("\0" + name)
            listener.listen()
            listener.settimeout(60)
            process.stdin.write("LD_PRELOAD= %s %s %s $HTTPS_PROXY &\n" % (
                PYTHON, DOOR, name))
            process.stdin.flush()
            self.to = listener.accept()[0]

    def dial(self):
        """The next connection, which that process has as well until left()."""
        self.to.send(b"x")
        return socket.socket(fileno=socket.recv_fds(self.to, 1, 1)[1][0])

    def left(self):
        """The proxy has answered, and knows whose the connection is."""
        self.to.send(b"x")
        self.to.recv(1)

    def close(self, process):
        self.to.close()
        process.stdin.write("wait\n")


def by_age(t):
    """(launcher, who stands by, proxy)"""
    found = sorted(proxies(t))
    equal(len(found), 3, "processes")
    return found


@test
def killed(t):
    """Whichever dies, the command has its network, and nothing is left."""
    for which in (2,), (1,), (2, 1), (0,):
        process = start(t)
        pids = by_age(t)
        good = asks(t, process)
        ok("200" in good, good)
        for one in which:
            os.kill(pids[one], signal.SIGKILL)
        if which == (2, 1):
            ok(wait_for(lambda: len(proxies(t)) == 1), "they are dead")
            ok("200" not in asks(t, process), "nobody is there")
        else:
            equal(asks(t, process), good, "a call after the death of %s" % which)
        code = end(process)
        if 0 not in which:
            equal(code, 5, "status")
        ok(wait_for(lambda: not proxies(t), 30), "they end")


@test
def outlived(t):
    """A process that outlives the command keeps its network; the launcher does
    not wait for it."""
    process = start(t)
    launcher, by, proxy = by_age(t)
    out, go = os.path.join(t.dir, "late"), os.path.join(t.dir, "go")
    process.stdin.write("(until test -e %s; do sleep 0.1; done; exec %s) >%s "
                        "2>&1 &\n" % (go, " ".join(client(t, "ask")), out))
    equal(end(process), 5, "status")
    equal(sorted(proxies(t)), [by, proxy], "processes")
    open(go, "w").close()
    ok(wait_for(lambda: not proxies(t), 30), "they end")
    with open(out) as f:
        ok("200" in f.read(), "the late call")


@test
def all_killed(t):
    """What a run has left whose processes were all killed, the next one removes,
    and touches no file of a run that goes on."""
    killed, other = start(t), None
    left = glob.glob(state(t) + "/run-*")
    folder = os.readlink(left[0])
    for pid in [killed.pid, *by_age(t)]:
        os.kill(pid, signal.SIGKILL)
    killed.wait(30)
    killed.stdin.close()
    ok(wait_for(lambda: not proxies(t)), "they are dead")
    other = start(t)
    now = glob.glob(state(t) + "/run-*")
    ok(len(left) == len(now) == 1 and left != now, (left, now))
    ok(not os.path.exists(folder), "its files")
    subprocess.run([run_by(t), "--intercept", "true"], check=True,
                   env=t.environment(True, AT_HOME))
    equal(glob.glob(state(t) + "/run-*"), now, "the other's folder")
    ok("200" in asks(t, other), "a call of the other")
    equal(end(other), 5, "status")
    nothing_left(t)


@test
def no_signal_to_others(t):
    """Who gets the proxy as a child when the stand-by has been killed, such as
    the first process of a container, gets no signal of it."""
    code = """import ctypes, os, subprocess, sys
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
subprocess.Popen(sys.argv[1:])
try:
    while True:
        os.wait()
except ChildProcessError:
    print("alive")"""
    process = subprocess.Popen(
        [PYTHON, "-c", code, run_by(t), "--intercept", "sh", "-c",
         "echo begun; read x"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        text=True, env=t.environment(True, AT_HOME))
    equal(process.stdout.readline(), "begun\n", "the command")
    _, by, proxy = by_age(t)

    def parent():
        with open("/proc/%d/stat" % proxy) as f:
            return int(f.read().rsplit(")", 1)[1].split()[1])
    os.kill(by, signal.SIGKILL)
    ok(wait_for(lambda: parent() != by), "the proxy has another parent")
    equal(process.communicate("x\n", 60)[0], "alive\n", "who gets the proxy")
    equal(process.returncode, 0, "status")


@test
def signals(t):
    """As in tests/cli: the command gets them, and the proxy goes on with it."""
    for number in signal.SIGTERM, signal.SIGINT:
        process = start(t)
        process.stdin.write("trap 'echo got; exit 9' TERM INT; echo set; "
                            "while :; do sleep 0.1; done\n")
        process.stdin.flush()
        equal(process.stdout.readline(), "set\n", "the trap")
        os.kill(process.pid, number)
        equal(process.stdout.readline(), "got\n", "the signal")
        equal(process.wait(30), 9, "status")
        nothing_left(t)


@test
def signals_to_all(t):
    """As of a service's manager, which sends them to each process: the command
    decides when it ends, gets no signal of ours, and is read until then."""
    for which in (1,), (2,), (1, 2):
        process = start(t)
        pids = by_age(t)
        for one in which:
            for number in signal.SIGTERM, signal.SIGUSR1, signal.SIGHUP:
                os.kill(pids[one], number)
        for _ in range(2):
            ok("200" in asks(t, process), "a call after TERM to %s" % (which,))
        equal(by_age(t), pids, "processes")
        equal(end(process), 5, "status")
        nothing_left(t)
    equal(len(read_spans(os.path.join(t.dir, "store"))), 6, "spans")


def goes_to(proxy, text, uid=None, leaves=False):
    """The first bytes that a process gets which sends this, or leaves at once."""
    code = """import os, socket, sys
if int(sys.argv[1]) >= 0:
    os.setuid(int(sys.argv[1]))
for _ in range(int(sys.argv[4])):
    s = socket.create_connection(("127.0.0.1", int(sys.argv[2])), 30)
    s.sendall(sys.argv[3].encode() + b"\\r\\n\\r\\n")
    if sys.argv[4] != "1":
        s.close()
    else:
        try:
            print(s.recv(12).decode())
        except ConnectionResetError:
            print()"""
    return [PYTHON, "-c", code, str(-1 if uid is None else uid), str(proxy), text,
            "100" if leaves else "1"]


def in_the_run(process, argv):
    """What a process of the run prints, in one line."""
    process.stdin.write(" ".join(map(shlex.quote, argv)) + "\n")
    process.stdin.flush()
    return process.stdout.readline()


@test
def strangers(t):
    """Who is no process of the run gets no byte, and no server a request of his:
    another user, this one, root, and one that has closed the connection before
    the proxy could ask whose it is."""
    process = start(t)
    proxy, files = by_age(t)[2], lambda: len(os.listdir("/proc/%d/fd" % proxy))
    port = process_port(process)
    uids = [None, 12345] if os.getuid() == 0 else [None]
    with socket.create_server(("127.0.0.1", 0)) as server:
        text = "GET http://127.0.0.1:%d/ HTTP/1.1" % server.getsockname()[1]
        for uid in uids:
            r = subprocess.run(goes_to(port, text, uid), capture_output=True,
                               check=True)
            equal(r.stdout, b"\n", uid)
        before = files()
        os.kill(proxy, signal.SIGSTOP)
        try:
            for uid in uids:
                subprocess.run(goes_to(port, text, uid, True), check=True)
        finally:
            os.kill(proxy, signal.SIGCONT)
        ok("200" in asks(t, process), "a call of the run's")
        ok(wait_for(lambda: files() <= before), "all have been left")
        server.setblocking(False)
        try:
            server.accept()
            ok(False, "a request has come")
        except BlockingIOError:
            pass
    equal(end(process), 5, "status")
    nothing_left(t)


# By hand LLMOBS_TEST_TRIES=100000, in `unshare -pf --mount-proc`, where the proxy has
# fewer processes to look at.
TRIES = int(os.environ.get("LLMOBS_TEST_TRIES", "200"))


@test(limit=240 + TRIES // 50)
def strangers_in_numbers(t):
    """Another user, a service of root's, a page in a browser, and sockets that are
    closed behind a full queue: no request of theirs goes out, no byte of the login at
    the user's proxy, and no span is made."""
    code = """import os, socket, sys
uid, port, stays, tries, text = sys.argv[1:]
if int(uid):
    os.setuid(int(uid))
got = 0
for i in range(int(tries)):
    try:
        with socket.create_connection(("127.0.0.1", int(port)), 60) as s:
            s.sendall(text.encode())
            got += stays == "stays" and len(s.recv(100))
    except ConnectionError:
        pass
print(got)"""
    front = Front(t.servers.tls)
    process = start(t, env={"HTTPS_PROXY": front.url.replace("//", "//me:pw@")})
    port, proxy = process_port(process), by_age(t)[2]
    call = ("POST https://api.openai.com/v1/chat/completions HTTP/1.1\r\nHost: "
            "api.openai.com\r\nContent-Type: application/json\r\nContent-Length: %d"
            "\r\n\r\n%s" % (len(body()), body()))
    page = call.replace("Host:", "Origin: http://page.test\r\nHost:")
    tunnel = "CONNECT api.openai.com:443 HTTP/1.1\r\n\r\n"

    def tries(uid, stays, text, count):
        done = subprocess.run([PYTHON, "-c", code, str(uid), str(port), stays,
                               str(count), text], capture_output=True, text=True)
        equal((done.stdout, done.stderr), ("0\n", ""), (uid, stays, text[:20]))
    uids = [12345, 0] if os.getuid() == 0 else [0]
    for uid in uids:
        tries(uid, "stays", call, TRIES // 2)
        tries(uid, "stays", tunnel, TRIES // 2)
        for _ in range(max(1, TRIES // 4000)): # as many as the queue has
            os.kill(proxy, signal.SIGSTOP)
            try:
                tries(uid, "leaves", call, min(TRIES, 4000))
            finally:
                os.kill(proxy, signal.SIGCONT)
            tries(uid, "stays", tunnel, 1) # behind all these
    tries(0, "stays", page, TRIES)
    # The proxy has seen them all when it answers one of the run.
    ok("200" in asks(t, process), "a call of the run's")
    equal(end(process), 5, "status")
    nothing_left(t)
    equal([head.split()[1] for head in front.heads],
          [b"localhost:%d" % t.servers.tls], "heads at the user's proxy")
    equal(len(read_spans(os.path.join(t.dir, "store"))), 1, "spans")


@test
def children_of_another_user(t):
    """They have their network, but not the user's login, and are not read."""
    if os.getuid() != 0:
        raise Skip("needs root")
    front = Front(t.servers.tls)
    # A container's root may not see the files of other users' processes.
    for by in ["setpriv", "--bounding-set=-sys_ptrace"], []:
        process = start(t, by=by, env={
            "HTTPS_PROXY": front.url.replace("//", "//me:pw@")})
        port = process_port(process)
        for uid, login in ((12345, False), (None, True)):
            argv = goes_to(port, "CONNECT api.openai.com:443 HTTP/1.1", uid)
            equal(in_the_run(process, argv), "HTTP/1.1 200\n", uid)
            equal(b"Proxy-Authorization" in front.heads[-1], login, "login")
        if by:
            equal(end(process), 5, "status")
    # As another user, and not below the launcher any more.
    out = os.path.join(t.dir, "out")
    process.stdin.write("(setsid %s >%s.new; mv %s.new %s) &\n" % (
        " ".join(map(shlex.quote, goes_to(port, "CONNECT x.test:1 HTTP/1.1",
                                          12345))), out, out, out))
    equal(end(process), 5, "status")
    ok(wait_for(lambda: os.path.exists(out), 60), "the late one")
    with open(out) as f:
        equal(f.read(), "HTTP/1.1 200\n", "the late one")
    ok(wait_for(lambda: not proxies(t), 30), "they end")
    equal(counts(t).get("intercept_odd"), 2, "connections that were looked at")


@test
def nobody_is_known(t):
    """Where it cannot be told whose a connection is, there is no proxy."""
    if os.getuid() != 0:
        raise Skip("needs root")
    r = t.run(["unshare", "-m", "sh", "-c", "mount -t tmpfs x /proc; exec \"$@\"",
               "sh", run_by(t), "--intercept", "sh", "-c",
               "echo \"[$HTTPS_PROXY]\""], launcher=[], env=OPEN)
    equal(r.stdout, b"[]\n", "the variable")
    equal(r.stderr.count(b"whose a connection is"), 1, r.stderr)
    equal(len(r.stderr.splitlines()), 1, r.stderr)


@test
def heads_that_are_none(t):
    """Whatever a program sends to the proxy, it is answered or left."""
    process = start(t)
    door = Door(t, process)
    for text, wanted in ((b"GET http://x.test/ HTTP/1.1\r\n\r\n", b"rese"),
                         (b"GET https://x.test/ HTTP/1.1\r\n\r\n", b"rese"),
                         (b"GET ftp://x.test/ HTTP/1.1\r\n\r\n", b" 501"),
                         (b"GET http:/// HTTP/1.1\r\n\r\n", b" 501"),
                         (b"GET http://a@b/ HTTP/1.1\r\n\r\n", b" 501"),
                         (b"GET http://[::1/ HTTP/1.1\r\n\r\n", b" 501"),
                         (b"GET h HTTP/1.1\r\n\r\n", b" 501"),
                         (b"GET / HTTP/1.1\r\n\r\n", b" 501"),
                         (b"GET /http://x/ HTTP/1.1\r\n\r\n", b" 501"),
                         (b"GET http://x/ HTTP/1.1\r\nContent-Length: 1\r\n"
                          b"Content-Length: 2\r\n\r\n", b" 501"),
                         (b"CONNECT  HTTP/1.1\r\n\r\n", b" 501"),
                         (b"CONNECT a b\r\n\r\n", b" 501"),
                         (b"CONNECT a HTTP/1.1\r\n\r\n", b"rese"),
                         (b"CONNECT x@y:1 HTTP/1.1\r\n\r\n", b" 501"),
                         (b"CONNECT [::1:1 HTTP/1.1\r\n\r\n", b" 501"),
                         (b"CONNECT y:70000 HTTP/1.1\r\n\r\n", b" 501"),
                         (b"CONNECT " + b"y" * 300 + b" H\r\n\r\n", b" 501"),
                         (b"y" * 70000, b"rese")):
        with door.dial() as s:
            s.settimeout(20)
            s.sendall(text)
            try:
                got = s.recv(100)
            except ConnectionResetError:
                got = b"it was: reset"
        door.left()
        if wanted != b"rese" or len(text) < 70000:
            equal(got[8:12], wanted, text[:40])
    ok("200" in asks(t, process), "and goes on")
    door.close(process)
    equal(end(process), 5, "status")
