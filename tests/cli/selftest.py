#!/usr/bin/python3
"""The self-test that `llmobs doctor` ends with: it passes where all is well, and
with each of its steps broken on purpose it names that one.

usage: selftest.py BUILD_DIR
"""
import glob
import http.server
import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import threading

sys.dont_write_bytecode = True
from checks import check  # noqa: E402

BUILD = sys.argv[1]
TOOL = os.path.join(BUILD, "llmobs")
SHIM, CORE = "libllmobs_preload.so", "libllmobs_core.so"
TMP = tempfile.mkdtemp(prefix="llmobs-selftest.")
STEPS = ["client", "preload", "core", "request", "rule", "span", "exporter"]
CURL = shutil.which("curl", path="/usr/bin:/bin")
BASE = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LLMOBS_BUILD": BUILD,
        "LLMOBS_EXPORTER": "store", "HOME": TMP,
        "LLMOBS_STORE_DIR": os.path.join(TMP, "store"),
        "LLMOBS_CONFIG": os.path.join(TMP, "empty.conf")}
open(BASE["LLMOBS_CONFIG"], "w").close()
# It loads libcurl, and speaks to the server by itself.
PAST = """#include <arpa/inet.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
int main(int argc, char **argv) {
  void *h = dlopen("libcurl.so.4", RTLD_NOW);
  long (*init)(long) = h ? (long (*)(long))dlsym(h, "curl_global_init") : 0;
  struct sockaddr_in at = {.sin_family = AF_INET};
  char text[] = "POST / HTTP/1.1\\r\\nContent-Length: 0\\r\\n\\r\\n";
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  at.sin_port = htons(atoi(strrchr(argv[argc - 1], ':') + 1));
  if (init) init(3);
  if (connect(fd, (void *)&at, sizeof at)) return 1;
  return write(fd, text, sizeof text - 1) < 0 || read(fd, text, 9) < 1; }
"""


STARTED = [] # the pids of all doctors


def doctor(*args, target="curl", timeout=100, **env):
    env = {k: v for k, v in dict(BASE, **env).items() if v is not None}
    process = subprocess.Popen([TOOL, "doctor", *args, target], env=env,
                               cwd=TMP, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    STARTED.append(process.pid)
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    return subprocess.CompletedProcess(target, process.returncode, out, err)


def expect(name, failed, why="", client=None, **how):
    """failed: the step, None for a test that passes."""
    try:
        done = doctor("--json", **how)
        facts = json.loads(done.stdout)
        test = facts["self_test"]
        told = [f for f in facts["findings"] if f["about"] == "self-test"]
        steps = [s["step"] for s in test["steps"]]
        wrong = []
        if test.get("failed") != failed or why not in test.get("why", ""):
            wrong.append("step and reason")
        if steps != STEPS[:len(steps)] or len(steps) != (
                len(STEPS) if failed is None else STEPS.index(failed) + 1):
            wrong.append("steps")
        if [s["ok"] for s in test["steps"]] != [
                s != failed for s in steps]:
            wrong.append("their values")
        if test["span"] != (failed in (None, "exporter")):
            wrong.append("span")
        if len(told) != 1 or told[0]["level"] != ("fail" if failed else "ok"):
            wrong.append("finding")
        if facts["works"] != (done.returncode == 0) or (
                failed and done.returncode != 1):
            wrong.append("status %d" % done.returncode)
        if client is not None and test["client"] != client:
            wrong.append("client")
        check(name, not wrong, (wrong, done))
    except Exception as e:
        check(name, False, repr(e))


def folder(name, *files):
    path = os.path.join(TMP, name)
    os.mkdir(path)
    for file in files:
        shutil.copy(os.path.join(BUILD, file), path)
    return path


def fake(name, text):
    """A folder with a curl of that text; gives a PATH that begins with it."""
    path = folder(name)
    with open(path + "/curl", "w") as f:
        f.write(text)
    os.chmod(path + "/curl", 0o755)
    return path + ":" + BASE["PATH"]


def well():
    expect("all is well", None, client=CURL)
    expect("content off", None, LLMOBS_CONTENT="off")
    expect("a proxy for all is not asked", None,
           http_proxy="http://127.0.0.1:9", ALL_PROXY="http://127.0.0.1:9")
    with open(os.path.join(TMP, ".curlrc"), "w") as f:
        f.write("proxy = http://127.0.0.1:9\n")
    expect("nor what .curlrc says", None)
    os.unlink(os.path.join(TMP, ".curlrc"))
    expect("the target is excluded, the test is made", None,
           LLMOBS_EXCLUDE="curl")
    if shutil.which("strace"):
        subprocess.run(["strace", "-o", TMP + "/trace", "-e", "trace=ppoll", "env",
                        "--block-signal=CHLD", TOOL, "doctor", "curl"], env=BASE,
                       stdout=subprocess.DEVNULL)
        with open(TMP + "/trace") as f:
            trace = f.read()
        os.unlink(TMP + "/trace")
        check("whoever started it has blocked SIGCHLD: the client's end wakes it",
              "ppoll(" in trace and "[CHLD]" not in trace, trace)
    text = doctor().stdout.decode()
    check("its line is the last but one", text.splitlines()[-2].startswith(
        "self-test  ok a call by %s became a span" % CURL), text)
    check("nothing is in the user's store",
          not os.path.exists(BASE["LLMOBS_STORE_DIR"]))
    done = doctor("--json", "--no-self-test")
    check("--no-self-test", done.returncode == 0 and
          b"self_test" not in done.stdout, done)


def beside_a_holder():
    """Another preload leads connections elsewhere: nothing could be told."""
    library = os.path.join(folder("holder"), "holder.so")
    with open(library + ".c", "w") as f:
        f.write("int connect(void) { return -1; }\n")
    subprocess.run(["gcc", "-shared", "-fPIC", "-fno-builtin", "-o", library,
                    library + ".c"], check=True)
    done = doctor(LD_PRELOAD=library)
    check("beside a preload that holds connect", done.returncode == 0 and
          ("not made: beside " + library).encode() in done.stdout, done)


def no_client():
    done = doctor(target=CURL, PATH="/none")
    check("no curl", done.returncode == 0 and
          b"could not be made: there is no curl" in done.stdout, done)
    expect("client: curl fails", "client", "status 6",
           PATH=fake("six", "#!/bin/sh\nexit 6\n"))
    expect("client: curl is killed", "client", "signal 9",
           PATH=fake("nine", "#!/bin/sh\nkill -9 $$\n"))


def no_objects():
    path = folder("no-shim")
    with open(os.path.join(path, SHIM), "w") as f:
        f.write("no library\n")
    expect("preload: the loader refuses it", "preload", "did not take",
           LLMOBS_BUILD=path)
    expect("core: it is not there", "core", "is not beside",
           LLMOBS_BUILD=folder("no-core", SHIM))
    path = folder("bad-core", SHIM)
    with open(os.path.join(path, CORE), "w") as f:
        f.write("no library\n")
    expect("core: it is no library", "core", "could not be loaded: " +
           os.path.join(path, CORE) + ": file too short",
           LLMOBS_BUILD=path)
    expect("core: switched off", "core", "switched off",
           DD_LLMOBS_ENABLED="false")


def no_request():
    path = folder("past")
    made = subprocess.run(["gcc", "-w", "-xc", "-", "-o", path + "/curl",
                           "-ldl"], input=PAST, text=True)
    check("a client that goes past libcurl", made.returncode == 0)
    expect("request: it goes past libcurl", "request", "past libcurl",
           PATH=path + ":" + BASE["PATH"])


def no_rule():
    script = "#!/bin/sh\nfor last; do :; done\n" \
        "exec %s -sS -d {} \"$last/x\"\n" % CURL
    expect("rule: an unknown path", "rule",
           "not ours (no known method and path)", PATH=fake("path", script))
    script = "#!/bin/sh\nfor last; do :; done\nexec %s -sS \"$last\"\n" % CURL
    expect("rule: no body", "rule", "not ours (no body)",
           PATH=fake("body", script))


def no_span():
    script = "#!/bin/sh\n: > \"$LLMOBS_STORE_DIR\"\nexec %s \"$@\"\n" % CURL
    expect("span: no place for it", "span", "none is in the store",
           PATH=fake("store", script))


class Agent(http.server.BaseHTTPRequestHandler):
    asked = []

    def do_GET(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.asked.append(self.path)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"endpoints": ["/evp_proxy/v2/"]}')

    do_POST = do_GET

    def log_message(self, *args):
        pass


def no_exporter():
    expect("exporter: no agent", "exporter", "see agent",
           LLMOBS_EXPORTER="agent", DD_TRACE_AGENT_URL="http://127.0.0.1:9")
    expect("exporter: no key", "exporter", "see agent",
           LLMOBS_EXPORTER="agentless", DD_TRACE_AGENT_URL="http://127.0.0.1:9")
    expect("auto takes the store where there is no agent", None,
           LLMOBS_EXPORTER=None)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Agent)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = "http://127.0.0.1:%d" % server.server_port
    expect("an agent is there", None, LLMOBS_EXPORTER="agent",
           DD_TRACE_AGENT_URL=url)
    goes_nowhere(url)
    server.shutdown()


def goes_nowhere(url):
    """The receiver of OTLP gets the doctor's own three requests, which have no
    span, and nothing of the call."""
    record = folder("record")
    done = doctor(LLMOBS_EXPORTER="agent,otlp,store", DD_TRACE_AGENT_URL=url,
                  OTEL_EXPORTER_OTLP_ENDPOINT=url, OTEL_LOGS_EXPORTER="otlp",
                  OTEL_METRICS_EXPORTER="otlp", LLMOBS_RECORD=record,
                  LLMOBS_REPLAY="http://127.0.0.1:9", NO_PROXY="*")
    asked = sorted(at for at in Agent.asked if at.startswith("/v1/"))
    check("the call is neither recorded nor in the metrics",
          b"became a span" in done.stdout and os.listdir(record) == [] and
          asked == ["/v1/logs", "/v1/metrics", "/v1/traces"], (asked, done))


def full(command, *places):
    """With full disks there, in mounts of its own; the build may be in one."""
    fill = "".join(" && mount -t tmpfs -o size=64k full %s && "
                   "! head -c 100k /dev/zero 2> /dev/null > %s/zeroes" % (p, p)
                   for p in places)
    sh = "mount -t tmpfs b /mnt && mkdir /mnt/b && mount --bind %s /mnt/b%s " \
        "&& exec /mnt/b/llmobs doctor %s" % (BUILD, fill, command)
    return subprocess.run(["unshare", "-m", "sh", "-c", sh], cwd="/",
                          env=dict(BASE, LLMOBS_BUILD="/mnt/b",
                                   LLMOBS_CONFIG="/dev/null"),
                          capture_output=True, timeout=60)


def full_disks():
    if os.geteuid() != 0 or subprocess.run(
            ["unshare", "-m", "true"], stderr=subprocess.DEVNULL).returncode:
        return print("skip /tmp is full: no root, or no mounts\n"
                     "skip --run beside a full /tmp: no root, or no mounts\n"
                     "skip all are full: no root, or no mounts")
    done = full("--json curl", "/tmp")
    test = json.loads(done.stdout or b"{}").get("self_test", done)
    check("/tmp is full: another place is taken", test["span"], test)
    done = full("--run curl -s -m 9 http://127.0.0.1:1/v1/chat/completions -d {}",
                "/tmp")
    check("/tmp is full: --run tells what left the command",
          b"captured   POST 127.0.0.1:1/v1/chat" in done.stderr, done)
    done = full("--json curl", "/tmp", "/var/tmp", "/dev/shm")
    test = json.loads(done.stdout or b"{}").get("self_test", done)
    check("all are full: it says so", "/tmp is full" in test["why"], test)


def cleanly():
    left = [path for pid in STARTED for tmp in ("/tmp", "/var/tmp", "/dev/shm")
            for path in glob.glob("%s/llmobs-doctor.%d.*" % (tmp, pid))]
    check("nothing is left", not left, left)
    own = [p for p in os.listdir(TMP) if not stat.S_ISDIR(
        os.stat(os.path.join(TMP, p)).st_mode)]
    check("nor in the directory that it is called in", own == ["empty.conf"],
          own)


def main():
    try:
        for part in (well, beside_a_holder, no_client, no_objects, no_request,
                     no_rule, no_span, no_exporter, full_disks, cleanly):
            part()
    finally:
        shutil.rmtree(TMP, ignore_errors=True)


main()
