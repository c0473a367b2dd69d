"""Where a variable may come from (the environment, the file LLMOBS_CONFIG, the
system's file), who opens that file, and what each variable does."""
import os
import re
import shutil
import struct
import subprocess
import tempfile
import time

from harness import (Skip, body, connected, curl, equal, expect_llm, ok, read_spans,
                     short, tags_of, test, trace_headers, tree)

FILE = "llmobs.conf"
SYSTEM_FILE = "/etc/llmobs/llmobs.conf"
OPENS = "open,openat,openat2,access,faccessat,faccessat2,stat,newfstatat,statx"


def shim(t):
    return os.path.join(t.build, "libllmobs_preload.so")


def conf(text):
    return {FILE: text if isinstance(text, bytes) else text.encode()}


def preloaded(t, argv, **env):
    """LD_PRELOAD alone; the configuration file stands in the run's folder."""
    text = env.pop("file", None)
    env = dict({"LD_PRELOAD": shim(t)}, **env)
    if text is not None:
        env.setdefault("LLMOBS_CONFIG", FILE)
    return t.run(argv, launcher=["env"], env=env,
                 inputs=None if text is None else conf(text))


def lines_of(run, text):
    """Lines of the log with this in it, those of level debug left out."""
    return [x for x in run.log.splitlines()
            if text in x and " debug " not in x]


def expect_off(run, what):
    equal(run.store_exists, False, "store with %s" % what)
    equal(run.log, "", "log with %s" % what)


# ---- on or off -------------------------------------------------------------

SWITCHES = (  # the file, and what it says
    ("DD_LLMOBS_ENABLED=1", True),
    ("DD_LLMOBS_ENABLED=true\n", True),
    ("DD_LLMOBS_ENABLED=TrUe\r\n", True),
    ("# a comment\n\n \t DD_LLMOBS_ENABLED \t=  1 \n", True),
    ("DD_LLMOBS_ENABLED=\"1\"\n", True),
    ("DD_LLMOBS_ENABLED='true'\n", True),
    ("export DD_LLMOBS_ENABLED=1\n", True),
    ("export DD_LLMOBS_ENABLED=1\n\texport \t DD_LLMOBS_ENABLED='0'", False),
    ("exportDD_LLMOBS_ENABLED=1\n", False),
    ("export export DD_LLMOBS_ENABLED=1\n", False),
    ("DD_LLMOBS_ENABLED=0\nDD_LLMOBS_ENABLED=1\n", True),
    ("DD_LLMOBS_ENABLED=1\nDD_LLMOBS_ENABLED='0'0'\n", True),
    ("no line at all\nDD_LLMOBS_ENABLED=1\n", True),
    ("\x00\nDD_LLMOBS_ENABLED=1", True),
    ("", False),
    ("DD_LLMOBS_ENABLED=\n", False),
    ("DD_LLMOBS_ENABLED", False),
    ("DD_LLMOBS_ENABLED=0\n", False),
    ("DD_LLMOBS_ENABLED=yes\n", False),
    ("DD_LLMOBS_ENABLED=true x\n", False),
    ("DD_LLMOBS_ENABLED=' true '\n", False),
    ("DD_LLMOBS_ENABLED='1\n", False),
    ("DD_LLMOBS_ENABLED='1\"\n", False),
    ("DD_LLMOBS_ENABLED='1'1'\n", False),
    ("DD_LLMOBS_ENABLED=1\nDD_LLMOBS_ENABLED=0\n", False),
    ("DD_LLMOBS_ENABLED=1\nDD_LLMOBS_ENABLED=\n", False),
    ("#DD_LLMOBS_ENABLED=1\n", False),
    ("DD_LLMOBS_ENABLEDX=1\nXDD_LLMOBS_ENABLED=1\n", False),
    ("dd_llmobs_enabled=1\n", False),
    ("DD_LLMOBS_ENABLED=1\x00\n", False),
    ("\x00DD_LLMOBS_ENABLED=1\n", False),
    ("DD_LLMOBS_ENABLED=1\n" + "#" * 65536, False),
)


@test
def switched_on_by_the_file(t):
    argv = curl(t.url, body())
    for text, on in SWITCHES:
        ours = preloaded(t, argv, file=text)
        equal(ours.code, 0, "exit status with " + short(text))
        equal(len(ours.spans), int(on), "spans with " + short(text))
        if not on:
            expect_off(ours, short(text))
    switch = "DD_LLMOBS_ENABLED=1"
    t.compare(preloaded(t, argv, file=switch, LD_PRELOAD=None),
              preloaded(t, argv, file=switch))


@test
def the_environment_switches_first(t):
    argv = curl(t.url, body())
    for value in ("0", "false", "no", "yes", "off", " 1"):
        expect_off(preloaded(t, argv, DD_LLMOBS_ENABLED=value,
                             file="DD_LLMOBS_ENABLED=1"), value)
    expect_llm(preloaded(t, argv, DD_LLMOBS_ENABLED="true",
                         file="DD_LLMOBS_ENABLED=0").only())
    expect_llm(preloaded(t, argv, DD_LLMOBS_ENABLED="",
                         file="DD_LLMOBS_ENABLED=1").only())
    expect_off(preloaded(t, argv, file="DD_LLMOBS_ENABLED=1",
                         LLMOBS_CONFIG=""), "an empty LLMOBS_CONFIG")
    r = t.run(argv, env={"LLMOBS_CONFIG": FILE},
              inputs=conf("DD_LLMOBS_ENABLED=0"))
    expect_llm(r.only())  # the launcher has said yes


@test
def odd_files_do_not_hold_up(t):
    """A fifo, a directory, a device, a loop, a socket: off, at once."""
    argv = curl(t.url, body())
    fifo = os.path.join(t.dir, "fifo")
    loop = os.path.join(t.dir, "loop")
    os.mkfifo(fifo)
    os.symlink(loop, loop)
    try:
        for path in (fifo, t.dir, "/dev/zero", "/dev/tty", loop,
                     "/proc/self/mem", "/no/such/file", "x" * 5000):
            start = time.monotonic()
            r = preloaded(t, argv, LLMOBS_CONFIG=path)
            equal(r.code, 0, "exit status with " + path[:40])
            expect_off(r, path[:40])
            r = preloaded(t, argv, LLMOBS_CONFIG=path, DD_LLMOBS_ENABLED="1")
            equal("input" in r.only()["meta"], path == "/no/such/file",
                  "content with " + path[:40])
            equal(len(lines_of(r, "LLMOBS_CONFIG")), 1,
                  "log lines about " + path[:40])
            ok(time.monotonic() - start < 5, "it took long: " + path[:40])
    finally:
        os.unlink(fifo)
        os.unlink(loop)


@test
def a_fifo_is_not_read(t):
    """The bytes in it are for somebody else."""
    fifo = os.path.join(t.dir, "fifo")
    switch = b"DD_LLMOBS_ENABLED=1\n"
    os.mkfifo(fifo)
    fd = os.open(fifo, os.O_RDWR | os.O_NONBLOCK)
    try:
        os.write(fd, switch)
        for value in (None, "1"):
            r = preloaded(t, curl(t.url, body()), LLMOBS_CONFIG=fifo,
                          DD_LLMOBS_ENABLED=value)
            equal((r.code, len(r.spans)), (0, int(value == "1")), "outcome")
        equal(os.read(fd, 100), switch, "what the fifo holds")
    finally:
        os.close(fd)
        os.unlink(fifo)


@test
def what_a_user_may_not_read_closes(t):
    """The file of root says that no content leaves the process."""
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        raise Skip("needs root and setpriv")
    user = ["setpriv", "--reuid", "12345", "--clear-groups"]
    with tempfile.TemporaryDirectory() as top:
        folder, store = os.path.join(top, "etc"), os.path.join(top, "store")
        path = os.path.join(folder, "llmobs.conf")
        os.mkdir(folder)
        os.mkdir(store)
        os.chown(store, 12345, -1)
        os.chmod(top, 0o755)
        with open(path, "w") as f:
            f.write("LLMOBS_CONTENT=off\n")
        os.chmod(path, 0o600)
        for mode, name in ((0o700, path), (0o755, path), (0o755, path + "0")):
            os.chmod(folder, mode)
            t.run(user + [os.path.join(t.build, "llmobs-run")] +
                  curl(t.url, body()), launcher=["env"],
                  env={"LLMOBS_CONFIG": name, "LLMOBS_EXPORTER": "store",
                       "LLMOBS_STORE_DIR": store})
        equal(["input" in span["meta"] for span in read_spans(store)],
              [False, False, True], "content")


# ---- who opens it ----------------------------------------------------------

def opened(t, argv, path, **env):
    """How often `path` is touched, and what else we opened."""
    if not shutil.which("strace"):
        raise Skip("no strace")
    trace = os.path.join(t.dir, "trace")
    given = []
    for name, value in env.items():
        given += ["-E", "%s=%s" % (name, value)]
    r = t.run(["strace", "-f", "-qq", "-e", "trace=" + OPENS, "-o", trace,
               "-E", "LD_PRELOAD=" + shim(t)] + given + argv,
              launcher=["env"])
    with open(trace, errors="replace") as f:
        text = f.read()
    os.unlink(trace)
    equal(r.code, 0, "exit status")
    ok("libllmobs_preload" in text, "not preloaded")
    return text.count('"%s"' % path), text


@test
def only_users_of_libcurl_open_it(t):
    for argv in (["true"], ["sh", "-c", "ls / >/dev/null; :"]):
        for value in ("1", "0", ""):
            for path in (SYSTEM_FILE, "/no/such/conf"):
                n, text = opened(t, argv, path, DD_LLMOBS_ENABLED=value,
                                 LLMOBS_CONFIG=path)
                equal((n, "llmobs/disabled" in text), (0, False),
                      "opened by %s with %r" % (argv[0], value))


@test
def it_is_opened_once_and_only_where_it_decides(t):
    argv = curl(t.url, body(), "-o", "/dev/null")
    if os.path.exists(SYSTEM_FILE):
        raise Skip("this machine has " + SYSTEM_FILE)
    n, text = opened(t, argv, SYSTEM_FILE)
    equal((n, "llmobs_core" in text), (1, False), "unset: opened by the shim")
    n, text = opened(t, argv, SYSTEM_FILE, DD_LLMOBS_ENABLED="0")
    equal((n, "llmobs_core" in text), (0, False), "off: opened")
    n, text = opened(t, argv, SYSTEM_FILE, DD_LLMOBS_ENABLED="1")
    equal((n, "llmobs_core" in text), (2, True), "on: opened by the shim, since "
          "the file may exclude the program, and by the core")
    path = os.path.join(t.dir, "named.conf")
    with open(path, "w") as f:
        f.write("DD_LLMOBS_ENABLED=1\n")
    n, text = opened(t, argv, path, LLMOBS_CONFIG=path)
    os.unlink(path)
    equal((n, text.count('"%s"' % SYSTEM_FILE)), (2, 0),
          "named: opened by the shim and the core")


# ---- the system's file: sudo, env -i, chroot, php-fpm ------------------------

def own_etc(t, text, disabled=False):
    """Argv before a command that sees an /etc of its own: our shim in
    ld.so.preload, `text` as the configuration."""
    if os.getuid() != 0 or subprocess.call(
            ["unshare", "-m", "mount", "--bind", t.dir, "/etc"],
            stderr=subprocess.DEVNULL) != 0:
        raise Skip("needs root and mount namespaces")
    etc = os.path.join(t.dir, "etc")
    shutil.rmtree(etc, ignore_errors=True)
    os.mkdir(etc)
    names = ("passwd", "group", "hosts", "nsswitch.conf", "ld.so.cache",
             "resolv.conf", "localtime")
    subprocess.check_call(["cp", "-a", *filter(os.path.exists, (
        os.path.join("/etc", name) for name in names)), etc])
    for name in ("php", "ssl", "alternatives", "llmobs"):
        os.mkdir(os.path.join(etc, name))
    with open(os.path.join(etc, "llmobs", "llmobs.conf"), "w") as f:
        f.write(text)
    if disabled:
        with open(os.path.join(etc, "llmobs", "disabled"), "w"):
            pass
    with open(os.path.join(etc, "ld.so.preload"), "w") as f:
        f.write(shim(t) + "\n")
    return ["unshare", "-m", "sh", "-c",
            'for name in php ssl alternatives; do [ ! -d "/etc/$name" ] || '
            'mount --bind "/etc/$name" "$1/$name" || exit; done; '
            'mount --rbind "$1" /etc && shift && exec "$@"', "sh", etc]


def whole(t, **more):
    """A configuration file for processes without an environment."""
    values = {"DD_LLMOBS_ENABLED": "1", "DD_LLMOBS_ML_APP": "from-file",
              "LLMOBS_EXPORTER": "store", "LLMOBS_LOG_LEVEL": "warn",
              "LLMOBS_STORE_DIR": os.path.join(t.dir, "store"),
              "LLMOBS_LOG": os.path.join(t.dir, "log")}
    return "".join("%s=%s\n" % v for v in dict(values, **more).items())


@test
def processes_without_an_environment(t):
    argv = ["env", "-i", shutil.which("curl")] + curl(t.url, body())[1:]
    bare = t.run(argv, preload=False)
    ours = t.run(own_etc(t, whole(t)) + argv, launcher=["env"])
    t.compare(bare, ours)
    equal(tags_of(expect_one(ours))["ml_app"], "from-file", "ml_app")
    equal(ours.log, "", "log")
    ours = t.run(own_etc(t, whole(t, DD_LLMOBS_ENABLED="0")) + argv,
                 launcher=["env"])
    t.compare(bare, ours)
    expect_off(ours, "a file that says no")
    ours = t.run(own_etc(t, whole(t), disabled=True) + argv,
                 launcher=["env"])
    t.compare(bare, ours)
    expect_off(ours, "/etc/llmobs/disabled")
    ours = t.run(own_etc(t, whole(t)) + argv[:2] + ["DD_LLMOBS_ENABLED=0"] +
                 argv[2:], launcher=["env"])
    expect_off(ours, "an explicit no beside a file")


def expect_one(run):
    span = run.only()
    expect_llm(span)
    return span


@test
def the_file_of_a_machine_is_not_named(t):
    """Absent, or not for this user: not a word. Bad lines: told."""
    argv = curl(t.url, body())
    ours = t.run(own_etc(t, whole(t) + "DD_API_KEY\n") + ["env", "-i"] +
                 [shutil.which("curl")] + argv[1:], launcher=["env"])
    expect_one(ours)
    equal(len(lines_of(ours, "llmobs.conf: line 7")), 1, "log lines")
    r = t.run(argv)
    equal(lines_of(r, "llmobs.conf"), [], "lines about an absent file")


def fcgi(kind, data):
    return struct.pack("!BBHHBx", 1, kind, 1, len(data), 0) + data


def fcgi_pair(name, value):
    return (struct.pack("!BI", len(name), len(value) | 1 << 31) +
            name.encode() + value.encode())


def fcgi_get(path, script):
    """The output of a script by FastCGI over a Unix socket."""
    values = {"SCRIPT_FILENAME": script, "REQUEST_METHOD": "GET",
              "QUERY_STRING": "", "REQUEST_URI": "/", "SCRIPT_NAME": "/"}
    data = b"".join(fcgi_pair(*v) for v in values.items())
    with connected(path) as s:
        s.sendall(fcgi(1, struct.pack("!HB5x", 1, 0)) + fcgi(4, data) +
                  fcgi(4, b"") + fcgi(5, b""))
        out = b""
        while True:
            part = s.recv(65536)
            if not part:
                return out
            out += part


FPM_SCRIPT = """<?php
$c = curl_init("%s");
curl_setopt_array($c, [CURLOPT_RETURNTRANSFER => true, CURLOPT_POSTFIELDS =>
    '%s', CURLOPT_HTTPHEADER => ["Content-Type: application/json"]]);
echo strlen(curl_exec($c)) > 20 ? "served" : "failed", count($_ENV);
"""
FPM_CONF = """[global]
error_log = %(dir)s/fpm.log
daemonize = no
[www]
user = root
group = root
listen = %(dir)s/fpm.sock
pm = static
pm.max_children = 2
clear_env = yes
%(more)s
"""


def pool(t, text, root, more=""):
    """Five requests to a php-fpm without any environment, whose pool has its
    script and its store in `root`."""
    fpm = next((os.path.join("/usr/sbin", n)
                for n in sorted(os.listdir("/usr/sbin"))
                if n.startswith("php-fpm")), None)
    if fpm is None:
        raise Skip("no php-fpm")
    prefix = own_etc(t, text)
    for name, data in (("fpm.conf", FPM_CONF % {"dir": t.dir, "more": more}),
                       (os.path.join(root, "fpm.php"),
                        FPM_SCRIPT % (t.url, body()))):
        with open(os.path.join(t.dir, name), "w") as f:
            f.write(data)
    sock, script = os.path.join(t.dir, "fpm.sock"), "/fpm.php"
    if not more:
        script = os.path.join(root, "fpm.php")
    server = subprocess.Popen(
        prefix + ["env", "-i", fpm, "-F", "-R", "-y",
                  os.path.join(t.dir, "fpm.conf")],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 30
        for _ in range(5):
            out = fcgi_get(sock, script)
            ok(b"served0" in out, "php: " + short(out))
        while time.monotonic() < end and sum(
                data.count(b"\n") for name, data in
                tree(os.path.join(root, "store")).items()
                if name.endswith(".jsonl")) < 5:
            time.sleep(0.05)
    finally:
        server.terminate()
        server.wait(20)
    spans = read_spans(os.path.join(root, "store"))
    equal(len(spans), 5, "spans of 5 requests")
    for span in spans:
        expect_llm(span)
        equal(tags_of(span)["service"], "pool", "service")


@test(of="rest")
def workers_with_a_cleared_environment(t):
    """php-fpm, whose workers have none, started by an init that gives none."""
    pool(t, whole(t, DD_SERVICE="pool"), t.dir)


@test(of="rest")
def workers_in_a_chroot(t):
    """The file was read before: in the chroot there is none."""
    root = os.path.join(t.dir, "pool")
    os.mkdir(root)
    pool(t, whole(t, DD_SERVICE="pool", LLMOBS_STORE_DIR="/store"), root,
         "chroot = " + root)


# ---- what a file may say -----------------------------------------------------

@test
def all_from_a_file(t):
    """Each variable has from the file the effect that it has from the
    environment; the environment wins for each by itself."""
    text = """
# what it is called
DD_LLMOBS_ML_APP = "file app"
DD_SERVICE=file-svc
DD_ENV='file-env'
DD_VERSION=1 # not a comment
DD_TAGS=team:ml,role:x
LLMOBS_SESSION_ID=file-session
DD_GIT_COMMIT_SHA=abc
DD_LLMOBS_SAMPLE_RATE=0
"""
    r = t.same(curl(t.url, body()), inputs=conf(text),
               env={"LLMOBS_CONFIG": FILE, "DD_ENV": "env-env",
                    "DD_VERSION": "", "DD_LLMOBS_ML_APP": None})
    span = expect_one(r)
    tags = tags_of(span)
    equal([tags.get(k) for k in ("ml_app", "service", "env", "version",
                                 "team", "role", "session_id",
                                 "git.commit.sha")],
          ["file app", "file-svc", "env-env", "1 # not a comment", "ml", "x",
           "file-session", "abc"], "tags")
    equal(span["_dd"]["sampling_decision"], "0", "sampling")
    r = t.same(curl(t.url, body()),
               inputs=conf("DD_LLMOBS_INSTRUMENTED_PROXY_URLS=" + t.url),
               env={"LLMOBS_CONFIG": FILE})
    equal(r.only()["meta"]["span"]["kind"], "workflow", "kind")
    r = t.same(curl(t.url, body("long " * 1000)),
               inputs=conf("DD_LLMOBS_EVENT_SIZE_BYTES=2048"),
               env={"LLMOBS_CONFIG": FILE})
    equal(r.only()["collection_errors"], ["dropped_io"], "event limit")
    r = t.same(curl(t.url, body()), inputs=conf("LLMOBS_LOG_LEVEL=off"),
               env={"LLMOBS_CONFIG": FILE, "LLMOBS_LOG_LEVEL": None})
    equal(r.log, "", "log")


@test
def places_from_a_file(t):
    text = whole(t)
    r = t.same(curl(t.url, body()), inputs=conf(text), env={
        "LLMOBS_CONFIG": FILE, "LLMOBS_STORE_DIR": None, "LLMOBS_LOG": None,
        "LLMOBS_LOG_LEVEL": None, "LLMOBS_EXPORTER": None})
    expect_one(r)
    view = t.run([os.path.join(t.build, "llmobs"), "view", "--json"],
                 launcher=["env"], keep=True, env={
                     "LLMOBS_CONFIG": FILE, "LLMOBS_STORE_DIR": None})
    equal(view.stdout.count(b"\n"), 1, "spans that view finds")
    r = t.run(["--workflow", "w", "true"], inputs=conf(text), env={
        "LLMOBS_CONFIG": FILE, "LLMOBS_STORE_DIR": None})
    equal(r.only()["name"], "w", "the workflow's span")


@test
def bad_lines_are_told_once_and_never_shown(t):
    marker = "UnspeakableMarker4715"
    t.secrets.append(marker)
    text = ("DD_API_KEY='%s\n%s\n\nDD_SERVICE=svc\nLLMOBS_NO_SUCH=%s\n"
            "DD_API_KEY=%s\n" % ((marker,) * 4))
    r = t.same(curl(t.url, body(), t.url), inputs=conf(text), spans=2,
               env={"LLMOBS_CONFIG": FILE})
    for span in r.spans:
        equal(tags_of(span)["service"], "svc", "service")
    for n, count in ((1, 1), (2, 1), (3, 0), (4, 0), (5, 1), (6, 0)):
        equal(len(lines_of(r, "%s: line %d: " % (FILE, n))), count,
              "log lines about line %d" % n)
    equal(len(lines_of(r, "LLMOBS_CONFIG")), 3, "log lines")


@test
def rubbish_as_a_file(t):
    """A file that cannot be read may have said that content stays here."""
    for data in (os.urandom(60000), b"\0" * 1000, b"=" * 60000,
                 b"\n" * 65536, b"DD_TAGS=" + b"a:b," * 16000,
                 b"A" * 65537, open("/bin/true", "rb").read(30000)):
        r = t.same(curl(t.url, body()), inputs=conf(data),
                   env={"LLMOBS_CONFIG": FILE})
        equal("input" in r.only()["meta"],
              len(data) <= 65536 and b"\0" not in data, "content")
        ok(len(lines_of(r, "LLMOBS_CONFIG")) <= 9, "log: " + short(r.log))
        r = preloaded(t, curl(t.url, body()), file=data.decode("latin-1"))
        expect_off(r, "rubbish")


@test
def a_crowded_environment_keeps_texts_back(t):
    """The variables of others in front leave room for those that decide about
    texts."""
    sizes = [1000] * 70 + [100] * 15 + [1] * 100
    crowd = {"OTEL_F%d" % n: "x" * size for n, size in enumerate(sizes)}
    r = t.same(curl(t.url, body("no secret here")),
               env=dict(crowd, LLMOBS_CONTENT="off"))
    r.only()
    ok("no secret here" not in repr(r.spans), "texts are in the span")


# ---- values ------------------------------------------------------------------

BAD = {  # a value that means nothing
    "DD_LLMOBS_AGENTLESS_ENABLED": "perhaps",
    "DD_LLMOBS_INSTRUMENTED_PROXY_URLS": "ftp://x.example",
    "DD_LLMOBS_SAMPLE_RATE": "1.5",
    "DD_LLMOBS_EVENT_SIZE_BYTES": "1023",
    "DD_LLMOBS_PAYLOAD_SIZE_BYTES": "1023",
    "DD_LLMOBS_OVERRIDE_ORIGIN": "gopher://x",
    "_DD_LLMOBS_WRITER_INTERVAL": "soon",
    "_DD_LLMOBS_WRITER_TIMEOUT": "0",
    "_DD_TRACE_WRITER_ADDITIONAL_HEADERS": "A:b\r\nX-Evil: 1",
    "DD_API_KEY": "UnspeakableMarker4716\nX-Evil: 1",
    "DD_SITE": "http://datadoghq.eu",
    "DD_TRACE_AGENT_URL": "localhost:8126",
    "DD_AGENT_HOST": "a/b",
    "DD_AGENT_PORT": "65536",
    "DD_TRACE_AGENT_HOSTNAME": "a b",
    "DD_TRACE_AGENT_PORT": "http",
    "DD_TRACE_AGENT_TIMEOUT_SECONDS": "-1",
    "DD_EXTERNAL_ENV": "a\x01b",
    "DD_TRACE_GIT_METADATA_ENABLED": "ja",
    "DD_TRACE_PROPAGATION_STYLE": "jaeger",
    "DD_TRACE_PROPAGATION_EXTRACT_FIRST": "2",
    "DD_TRACE_PROPAGATION_BEHAVIOR_EXTRACT": "stop",
    "DD_TRACE_X_DATADOG_TAGS_MAX_LENGTH": "long",
    "DD_TRACE_DEBUG": "loud",
    "LLMOBS_COMMANDS": "perhaps",
    "LLMOBS_INBOUND": "perhaps",
    "LLMOBS_INBOUND_TRUST": "some", "LLMOBS_STITCH": "some",
    "LLMOBS_SOCKETS": "some", "LLMOBS_TLS": "some", "LLMOBS_TOOLS": "some",
    "LLMOBS_REQUEST_TAGS": "some",
    "LLMOBS_INJECT": "some",
    "LLMOBS_CALLSITE": "stack:0",
    "LLMOBS_STORE_MAX": "4095",
    "LLMOBS_SPOOL_MAX": "-1",
    "LLMOBS_CAPTURE_MAX": "1 MiB",
    "LLMOBS_BUFFER_MAX": "0",
    "LLMOBS_EXIT_FLUSH_MS": "-2",
    "LLMOBS_GRACE_MS": "soon",
    "LLMOBS_THREAD": "maybe",
    "LLMOBS_RELAY": "perhaps",
    "LLMOBS_LAUNCHED": "perhaps",
    "LLMOBS_RUN_STORE": "perhaps",
    "LLMOBS_LOG_LEVEL": "verbose",
    "LLMOBS_CONFIG": "/no/such/file",
    "LLMOBS_RULES": "/no/such/rules",
    "LLMOBS_REPLAY": "http://127.0.0.1",
    "LLMOBS_OBSERVE": "everything",
}
MORE_BAD = {  # which win over another one
    "DD_TRACE_PROPAGATION_STYLE_INJECT": "zipkin",
    "DD_TRACE_PROPAGATION_STYLE_EXTRACT": "b3 multi",
}


# Where every value means something, and what has tests of its own, by the
# beginning of its name: those of OTLP are told only where spans go there.
ANYTHING = ("text", "file", "address", "addresses", "directory", "URL", "number", "tags",
            "W3C trace context", "W3C baggage", "patterns, comma-separated",
            "key:value, comma- or space-separated")
APART = ("DD_LLMOBS_ENABLED", "LLMOBS_EXPORTER", "LLMOBS_CONTENT",
         "DD_TRACE_128_BIT_TRACEID_GENERATION_ENABLED", "OTEL_",
         "LLMOBS_OTLP_SEMCONV")


def variables(t):
    """Name and type of every variable that there is."""
    out = t.run([os.path.join(t.build, "llmobs"), "help", "variables"],
                launcher=["env"]).stdout.decode()
    return dict(re.findall(r"^(\w+) \((.*); default: .*\)$", out, re.M))


@test
def every_bad_value_is_one_line(t):
    """All of them at once: the program runs on, the span is there, and each
    name is told once."""
    for name, kind in variables(t).items():
        ok(name in BAD or name in MORE_BAD or name.startswith(APART) or
           kind in ANYTHING,
           "%s has no bad value in BAD of tests/integration/test_variables.py" % name)
    t.secrets.append("UnspeakableMarker4716")
    r = t.same(curl(t.url, body(), t.url), env=BAD, spans=2)
    for span in r.spans:
        expect_llm(span)
        equal((span["_dd"]["sample_rate"], span["_dd"]["sampling_decision"]),
              ("1", "1"), "sampling")
    equal("Evil" in r.log, False, "a value in the log")
    more = t.same(curl(t.url, body(), t.url), env=MORE_BAD, spans=2)
    for run, names in ((r, BAD), (more, MORE_BAD)):
        for name in names:
            lines = lines_of(run, name + ":")
            equal(len(lines), 1, "log lines about %s: %s" % (name, lines))


@test
def empty_is_unset(t):
    """Every variable that there is, empty: as if there was none."""
    names = variables(t)
    ok(len(names) > 60, "variables: %d" % len(names))
    keep = ("LLMOBS_STORE_DIR", "LLMOBS_LOG", "LLMOBS_EXPORTER",
            "LLMOBS_LOG_LEVEL", "HOME", "DD_LLMOBS_ENABLED",
            # to curl itself these mean something
            "SSL_CERT_FILE", "CURL_CA_BUNDLE")
    r = t.same(curl(t.url, body()), env={n: "" for n in names
                                         if n not in keep})
    span = expect_one(r)
    # The script that runs the tests is the program's parent.
    ok(tags_of(span)["ml_app"] in ("run", "unnamed-ml-app"), "ml_app")
    equal([x for x in r.log.splitlines() if " debug " not in x], [], "log")


@test
def booleans(t):
    env = {"DD_GIT_COMMIT_SHA": "abc"}
    for value, yes in (("1", True), ("true", True), ("TRUE", True),
                       ("tRuE", True), ("0", False), ("false", False),
                       ("no", False), ("yes", False), (" true ", False),
                       ("on", False), ("11", False), ("", True)):
        env["DD_TRACE_GIT_METADATA_ENABLED"] = value
        span = t.run(curl(t.url, body()), env=env).only()
        equal("git.commit.sha" in tags_of(span), yes, "git tags with %r" %
              value)


@test
def what_is_of_apm_alone(t):
    """It changes neither the spans nor their delivery nor the headers."""
    argv = curl(t.url, body())
    for env in ({"DD_APM_TRACING_ENABLED": "false"},
                {"DD_TRACE_ENABLED": "false"}, {"DD_TRACE_SAMPLE_RATE": "0"},
                {"DD_TRACE_SAMPLING_RULES": '[{"sample_rate": 0}]'},
                {"DD_LLMOBS_PROJECT_NAME": "x"}):
        r = t.same(argv, env=env)
        expect_one(r)
        equal(r.only()["_dd"]["sampling_decision"], "1", "sampling")
        equal(trace_headers(r.requests[0])["x-datadog-sampling-priority"],
              "1", "priority with %s" % env)
        equal([x for x in r.log.splitlines() if " debug " not in x], [],
              "log with %s" % env)


@test
def debugging(t):
    """DD_TRACE_DEBUG raises our log's level and writes nowhere else."""
    for value, yes in (("1", True), ("0", False)):
        r = t.same(curl(t.url, body()), env={
            "DD_TRACE_DEBUG": value, "LLMOBS_LOG_LEVEL": "error"})
        equal(" debug " in r.log, yes, "debug lines with " + value)
    r = t.same(curl(t.url, body()), env={
        "DD_TRACE_DEBUG": "1", "LLMOBS_LOG": None})
    equal(r.log, "", "log")


@test
def a_site_without_the_product(t):
    for site, n in (("ddog-gov.com", 1), ("us2.ddog-gov.com", 1),
                    ("datadoghq.eu", 0)):
        r = t.same(curl(t.url, body(), t.url), env={"DD_SITE": site}, spans=2)
        equal(len(lines_of(r, "DD_SITE")), n, "log lines about " + site)


@test
def telemetry_of_others_is_not_observed(t):
    base = "http://127.0.0.1:%d" % t.servers.http
    argv = curl(t.url, body())
    for env in ({"DD_TRACE_AGENT_URL": base},
                {"DD_AGENT_HOST": "127.0.0.1",
                 "DD_AGENT_PORT": str(t.servers.http)},
                {"DD_TRACE_AGENT_HOSTNAME": "127.0.0.1", "DD_AGENT_HOST": "x",
                 "DD_TRACE_AGENT_PORT": str(t.servers.http)},
                {"DD_LLMOBS_OVERRIDE_ORIGIN": base + "/v1"},
                {"OTEL_EXPORTER_OTLP_ENDPOINT": base},
                {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": t.url},
                {"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": base + "/"},
                {"OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": base}):
        t.same(argv, env=env, spans=0)
        t.same(argv, inputs=conf("".join("%s=%s\n" % v for v in env.items())),
               env={"LLMOBS_CONFIG": FILE}, spans=0)
    t.same(argv, env={"DD_TRACE_AGENT_URL": "unix:///run/none"}, spans=1)
