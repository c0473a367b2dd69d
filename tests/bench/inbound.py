"""Counts the instructions of a request that asks no model: bare and hooked.

Each server runs under valgrind's callgrind, bare and by `llmobs-run --inbound`
in turn, and answers requests, over one connection where the server keeps it: of
a client with seven headers, and of one that names its caller besides, in two
styles. A run has few requests, another run many more: the difference, divided by
their number, is a request. It prints a table in Markdown, of the medians of the
rounds.
"""
import contextlib
import glob
import http.client
import os
import re
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time

from announce import announce
from ports import free_port

APPS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
                    "integration/apps/unmodified")
FEW, MANY = 20, 220
CLIENT = {"User-Agent": "client/1.0", "Accept": "*/*", "X-Request-Id": "7",
          "Accept-Language": "en", "Cache-Control": "no-cache"}
CALLER = dict(h.split(": ", 1)
              for h in announce("shop", "datadog,tracecontext", 1)[1])

# The arguments of each server beside its port.
SERVERS = {
    "Perl, starman": ["/usr/bin/perl", "/usr/bin/starman", "--workers", "1",
                      "--max-requests", "100000", "--listen",
                      "127.0.0.1:@port", APPS + "/app.psgi"],
    "Perl, plackup": ["/usr/bin/perl", "/usr/bin/plackup", "-E", "deployment",
                      "--port", "@port", "--host", "127.0.0.1",
                      APPS + "/app.psgi"],
    "Ruby, puma": ["/usr/bin/ruby", "/usr/bin/puma", "-q", "-t", "1:1", "-b",
                   "tcp://127.0.0.1:@port", APPS + "/config.ru"],
    "Python, gunicorn": ["/usr/bin/python3", "-m", "gunicorn", "-b",
                         "127.0.0.1:@port", "--threads", "2", "--keep-alive",
                         "60", "--chdir", APPS, "gateway:wsgi"],
    "Python, uvicorn": ["/usr/bin/python3", "-m", "uvicorn", "--port", "@port",
                        "--app-dir", APPS, "--log-level", "error",
                        "gateway:asgi"],
    "Python, wsgiref": ["/usr/bin/python3", APPS + "/gateway.py", "@port"],
    "R, httpuv": ["/usr/lib/R/bin/exec/R", "--no-echo", "--no-restore",
                  "--file=%s/gateway.R" % APPS, "--args", "@port"],
    "PHP, php-fpm": ["@fpm", "-F", "-y", "@dir/fpm.conf"],
    "PHP, php-cgi": ["/usr/bin/php-cgi", "-b", "127.0.0.1:@port"],
}
FCGI = ("PHP, php-fpm", "PHP, php-cgi")
# Between two requests of a connection its threads take turns, as it happens.
CLOSES = ("Ruby, puma",)
FPM = """[global]
error_log=%(dir)s/fpm.log
process_control_timeout=20
[www]
user=www-data
group=www-data
listen=127.0.0.1:%(port)d
pm=static
pm.max_children=1
"""
BODY = b"{}"


# ---- clients -----------------------------------------------------------------

def by_http(port, headers, count, closes):
    """In one piece each, so that the server reads as often for all of them."""
    if closes:
        headers = dict(headers, Connection="close")
    head = "".join("%s: %s\r\n" % header for header in headers.items())
    asked = ("POST /plain HTTP/1.1\r\nHost: 127.0.0.1\r\n%s"
             "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n"
             % (head, len(BODY))).encode() + BODY
    connection = None
    for _ in range(count):
        if connection is None:
            connection = socket.create_connection(("127.0.0.1", port), 120)
        connection.sendall(asked)
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        text = answer.read()
        assert answer.status == 200 and b"plain" in text, text
        if answer.will_close: # as plackup does
            connection.close()
            connection = None
    if connection:
        connection.close()


def pairs(parameters):
    return b"".join(struct.pack("!II", len(n) | 1 << 31, len(v) | 1 << 31)
                    + n.encode() + v.encode() for n, v in parameters.items())


def record(kind, data):
    return struct.pack("!BBHHBx", 1, kind, 1, len(data), 0) + data


def take(stream, size):
    data = stream.read(size)
    assert len(data) == size, "the connection ended"
    return data


def by_fcgi(port, headers, count, page):
    parameters = {"HTTP_" + n.upper().replace("-", "_"): v
                  for n, v in headers.items()}
    parameters.update(
        REQUEST_METHOD="POST", SCRIPT_FILENAME=page, SCRIPT_NAME="/plain",
        CONTENT_LENGTH=str(len(BODY)), CONTENT_TYPE="application/json",
        SERVER_PROTOCOL="HTTP/1.1", REMOTE_ADDR="127.0.0.1",
        GATEWAY_INTERFACE="CGI/1.1", REQUEST_URI="/plain")
    asked = (record(1, struct.pack("!HB5x", 1, 1)) + record(4, pairs(parameters))
             + record(4, b"") + record(5, BODY) + record(5, b""))
    with socket.create_connection(("127.0.0.1", port), 120) as connection, \
            connection.makefile("rb") as stream:
        for _ in range(count):
            connection.sendall(asked)
            text, kind = b"", 0
            while kind != 3:
                _, kind, _, size, pad = struct.unpack("!BBHHBx", take(stream, 8))
                text += take(stream, size + pad)
            assert b"plain" in text, text


# ---- servers -----------------------------------------------------------------

def wait_port(port, process):
    end = time.monotonic() + 120
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 5).close()
            return
        time.sleep(0.1)
    sys.exit("the server does not start: %s" % process.args)


def lives(process):
    """Whether a process of the server does."""
    process.poll()
    return subprocess.run(["pgrep", "-s", str(process.pid)],
                          stdout=subprocess.DEVNULL).returncode == 0


def end(process):
    """Callgrind writes its file at an end by these signals, too."""
    for number in signal.SIGINT, signal.SIGTERM, signal.SIGKILL:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        until = time.monotonic() + 15
        while lives(process) and time.monotonic() < until:
            time.sleep(0.1)


def total(folder):
    """The instructions of the process that has most of them, the worker: another
    one counts the time. And how many processes there are."""
    found = []
    for path in glob.glob(folder + "/out.*"):
        with open(path) as f:
            found += re.findall(r"(?m)^totals: (\d+)", f.read())
    return max(map(int, found), default=0), len(found)


def run(work, name, launcher, env, headers, count):
    folder = tempfile.mkdtemp(dir=work)
    os.chmod(folder, 0o777)
    port, page = free_port(), folder + "/plain.php"
    with open(folder + "/fpm.conf", "w") as f:
        f.write(FPM % {"dir": folder, "port": port})
    with open(page, "w") as f:
        f.write('<?php echo "plain";')
    fpm = (glob.glob("/usr/sbin/php-fpm*") or [""])[0]
    argv = [a.replace("@port", str(port)).replace("@dir", folder)
            .replace("@fpm", fpm) for a in SERVERS[name]]
    valgrind = ["valgrind", "--tool=callgrind", "--quiet",
                "--callgrind-out-file=%s/out.%%p" % folder]
    with open(folder + "/log", "wb") as log:
        process = subprocess.Popen(
            [*launcher, *valgrind, *argv], env=dict(os.environ, **env),
            stdin=subprocess.PIPE, stdout=log, stderr=log,
            start_new_session=True, cwd=folder)
    try:
        wait_port(port, process)
        if name in FCGI:
            by_fcgi(port, headers, count, page)
        else:
            by_http(port, headers, count, name in CLOSES)
    finally:
        end(process)
    return total(folder)


def request(*how):
    """The instructions of one. A process that was killed has told none of its
    own: then both runs count again."""
    for _ in range(5):
        few, among = run(*how, FEW)
        many, all_of = run(*how, MANY)
        if among == all_of:
            return (many - few) / (MANY - FEW)
    sys.exit("%s does not end" % how[1])


def measure(work, name, build, rounds):
    env = {"UPSTREAM": "http://127.0.0.1:1/v1", "BINDING": "typhoeus",
           "PERL_HASH_SEED": "0", "PYTHONHASHSEED": "0",
           "PYTHONDONTWRITEBYTECODE": "1", "R_HOME": "/usr/lib/R",
           "LD_LIBRARY_PATH": "/usr/lib/R/lib", "LLMOBS_EXPORTER": "store",
           "LLMOBS_STORE_DIR": work + "/store", "DD_SERVICE": "bench"}
    launchers = ([], [build + "/llmobs-run", "--inbound"])
    cells = [name]
    for headers in CLIENT, dict(CLIENT, **CALLER):
        found = [[request(work, name, launcher, env, headers)
                  for launcher in launchers] for _ in range(rounds)]
        bare, hooked = (statistics.median(r[i] for r in found) for i in (0, 1))
        cells += ["{:,.0f}".format(bare), "{:,.0f}".format(hooked),
                  "%.3f" % statistics.median(r[1] / r[0] for r in found)]
    print("| %s |" % " | ".join(cells), flush=True)


def table(bench, rounds, word):
    os.chmod(bench.work, 0o777)
    print("| server | bare | hooked | ratio | bare, with a caller | hooked | "
          "ratio |\n| --- | --- | --- | --- | --- | --- | --- |")
    for name in SERVERS:
        if word.lower() in name.lower():
            measure(bench.work, name, bench.build, rounds or 3)
