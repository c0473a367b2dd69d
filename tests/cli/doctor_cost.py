#!/usr/bin/python3
"""`llmobs doctor --cost`: which commands it runs, how often, in which order and by
whose word; the figures of commands whose difference is known; and that nothing of
its runs reaches the user's store, files or peers, or stays behind.

usage: doctor_cost.py BUILD_DIR [PART]...
"""
import http.server
import json
import os
import pty
import signal
import subprocess
import sys
import tempfile
import threading

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                os.pardir, "support"))
from checks import check  # noqa: E402
from doubles import wait_for  # noqa: E402

BUILD, *PARTS = sys.argv[1:]
BUILD = os.path.abspath(BUILD)
TOOL = os.path.join(BUILD, "llmobs")
SHIM = os.path.join(BUILD, "libllmobs_preload.so")
FOLDER = tempfile.TemporaryDirectory(prefix="llmobs-doctor-cost.")
TMP = FOLDER.name
BASE = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LLMOBS_BUILD": BUILD,
        "HOME": TMP, "NO_PROXY": "*", "LANG": "C",
        "LLMOBS_STORE_DIR": os.path.join(TMP, "store"),
        "LLMOBS_CONFIG": os.path.join(TMP, "empty.conf")}
open(BASE["LLMOBS_CONFIG"], "w").close()
BODY = '{"model": "m", "messages": [{"role": "user", "content": "x"}]}'
ANSWER = json.dumps({
    "model": "m", "choices": [{"message": {"role": "assistant",
                                           "content": "hi"}}],
    "usage": {"prompt_tokens": 1, "completion_tokens": 1}}).encode()


class Peer(http.server.BaseHTTPRequestHandler):
    """A model, and all peers that could get something of its calls."""

    protocol_version = "HTTP/1.1"
    asked = []

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.asked.append(self.path)
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(ANSWER)))
        self.end_headers()
        self.wfile.write(ANSWER)

    do_GET = do_POST

    def log_message(self, *what):
        pass


def serve():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Peer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return "http://127.0.0.1:%d" % server.server_port


def path(name):
    return os.path.join(TMP, name)


def lines(name):
    """The lines of a file, which is removed."""
    try:
        with open(path(name)) as f:
            return f.read().split()
    except FileNotFoundError:
        return []
    finally:
        if os.path.exists(path(name)):
            os.unlink(path(name))


def doctor(*args, **env):
    return subprocess.run([TOOL, "doctor", *args], env=dict(BASE, **env),
                          cwd=TMP, stdin=subprocess.DEVNULL, timeout=100,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def cost(*command, runs=2, **env):
    done = doctor("--cost", "--yes", "--json", "--runs", str(runs), *command,
                  **env)
    return done, json.loads(done.stdout or b"{}")


def finding(facts, about):
    return [(f["level"], f["text"]) for f in facts["findings"]
            if f["about"] == about]


def ran():
    return lines("ran")


def order():
    sh = ["sh", "-c", "test $LD_PRELOAD && echo o >> ran || echo b >> ran"]
    done, facts = cost(*sh, runs=5)
    check("each kind is first of every second pair",
          ran() == list("boobboobbo") and done.returncode == 0, done)
    check("the number of pairs", facts["cost"]["runs"] == 5, facts)
    done = doctor("--cost", "--yes", *sh)
    check("ten of each kind by default", sorted(ran()) == ["b"] * 10 + ["o"] * 10)
    check("the last line", done.stdout.decode().splitlines()[-1] ==
          "All is well." and done.stderr == b"", done)


def words():
    """The options behind the command's name are its own."""
    sh = 'printf "%s\n" "$@" >> ran; cat >> ran; echo out; echo err >&2'
    done = doctor("--cost", "--yes", "--runs", "1", "sh", "-c", sh, "name",
                  "--runs", "--json")
    check("its words", ran() == ["--runs", "--json"] * 2, done)
    check("its output is dropped", done.returncode == 0 and
          done.stdout.startswith(b"time ") and done.stderr == b"", done)


def figures():
    """A command that takes longer, works more and needs more memory with the
    library by its own doing."""
    code = ("import os, time; o = 'LD_PRELOAD' in os.environ; "
            "time.sleep(1 if o else 0); x = bytearray(10**8 if o else 1); "
            "[i for i in range(10**7 if o else 1)]")
    done, facts = cost("/usr/bin/python3", "-c", code, runs=1)
    found = facts["cost"]
    check("figures: time", found["time"]["observed"] >= 1000 and
          found["time"]["ratio"] == found["time"]["observed"] /
          found["time"]["bare"] == found["time"]["least"] ==
          found["time"]["most"], facts)
    check("figures: processor", found["processor"]["ratio"] > 1.5, facts)
    memory = found["memory"]["observed"] - found["memory"]["bare"]
    check("figures: memory", 90 < memory < 500, facts)
    done, facts = cost("true", runs=40)
    one = facts["cost"]["time"]
    check("figures: the range", one["least"] <= one["ratio"] <= one["most"],
          facts)
    check("figures: no memory of a command smaller than the doctor",
          "memory" not in facts["cost"] and "processor" in facts["cost"], facts)


def ends():
    """How the command ends: the library must not change it."""
    for name, sh, level, text, status in (
            ("well", "exit 0", "ok", "status 0 in each run", 0),
            ("fails", "exit 7", "warn", "status 7 in each run", 3),
            ("is killed", "kill -KILL $$", "warn", "signal 9 in each run", 3),
            ("fails observed", "test -z $LD_PRELOAD", "fail",
             "status 0 in each bare run, and status 1 in 4 of 4 observed", 1),
            ("fails bare", "test $LD_PRELOAD || exit 5", "fail",
             "status 5 in each bare run, and status 0 in 4 of 4 observed", 1),
            ("fails by chance", "test $LD_PRELOAD || "
             "{ echo >> n; test $(wc -l < n) != 2; }", "warn",
             "status 0, but another one in 1 of 4 bare runs, and in 0 observed",
             3)):
        done, facts = cost("sh", "-c", sh, runs=4)
        told = finding(facts, "end")
        check("end: " + name, len(told) == 1 and told[0][0] == level and
              text in told[0][1] and done.returncode == status, done)


def refused():
    """Nothing runs."""
    with open(path("closed"), "w") as f:
        f.write("#!/bin/sh\necho >> ran\n")
    done, facts = cost(path("closed"))
    check("not executable", done.returncode == 3 and
          "status 126" in finding(facts, "end")[0][1], done)
    for name in ("no-such-command", path("nothing"), "4711"):
        done, facts = cost(name)
        check("no command: " + os.path.basename(name),
              done.returncode == 1 and len(finding(facts, "program")) == 1 and
              "cost" not in facts, done)
    note = ["sh", "-c", "echo >> ran"]
    done = doctor("--cost", *note)
    check("nobody to ask, and no --yes", done.returncode == 2 and
          done.stdout == b"" and done.stderr.count(b"\n") == 1 and
          b"say --yes" in done.stderr, done)
    for runs in ("0", "-1", "1001", "x", "", "2x", "99999999999999999999"):
        done = doctor("--cost", "--yes", "--runs", runs, *note)
        check("--runs %r" % runs, done.returncode == 2 and
              b"no number from 1 to 1000" in done.stderr, done)
    for args in (["--cost", "--yes"], ["--yes", *note], ["--runs", "2", *note],
                 ["--cost", "--yes", "--host"],
                 ["--cost", "--yes", "--no-self-test", *note]):
        done = doctor(*args)
        check("options: " + " ".join(args[:3]), done.returncode == 2 and
              done.stdout == b"" and done.stderr.count(b"\n") == 1, done)
    done, facts = cost(*note, LD_PRELOAD=SHIM)
    check("where all have the library no run would be bare",
          done.returncode == 1 and "no run would be bare" in
          finding(facts, "library")[0][1], done)
    check("nothing ran", ran() == [])


class Terminal:
    """The tool, on a terminal of its own."""

    def __init__(self, *args):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(TMP)
            os.execve(TOOL, [TOOL, "doctor", "--cost", *args], BASE)
        self.text = b""

    def until(self, *texts):
        """Reads on until a text came, or the end."""
        while not any(text in self.text for text in texts):
            try:
                piece = os.read(self.fd, 4096)
            except OSError:
                piece = b""
            if not piece:
                return
            self.text += piece

    def say(self, text):
        os.write(self.fd, text)

    def end(self):
        self.until(b"no such text")
        os.close(self.fd)
        return os.waitpid(self.pid, 0)[1]


def asks():
    for answer, status, count in ((b"n\n", 1, 0), (b"\n", 1, 0),
                                  (b"\4", 1, 0), (b"y\n", 0, 6)):
        tool = Terminal("--runs", "3", "sh", "-c", "echo x >> ran")
        tool.until(b"[y/N]")
        before = ran()
        tool.say(answer)
        code = os.waitstatus_to_exitcode(tool.end())
        check("asked: %r" % answer, before == [] and code == status and
              b"runs CMD 6 times" in tool.text and len(ran()) == count,
              (code, tool.text))


def begun():
    """Waits for a command that has noted its number and its store; gives
    both."""
    wait_for(lambda: os.path.exists(path("begun")) and
             open(path("begun")).read().endswith("\n"))
    pid, store = lines("begun")
    return int(pid), os.path.dirname(store)


def gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def signals():
    """The command ends, and the doctor as the signal ends a program."""
    hangs = "echo $$ $LLMOBS_STORE_DIR > begun.new; mv begun.new begun; "
    sleeps = ["--yes", "sh", "-c", hangs + "exec sleep 1000"]
    tool = Terminal(*sleeps)
    pid, folder = begun()
    there = os.path.isdir(folder)
    tool.say(b"\3")
    status = tool.end()
    check("Ctrl-C", there and os.WIFSIGNALED(status) and
          os.WTERMSIG(status) == signal.SIGINT and gone(pid) and
          not os.path.exists(folder), (there, status, tool.text))
    for number in signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT:
        process = subprocess.Popen([TOOL, "doctor", "--cost", *sleeps],
                                   env=BASE, cwd=TMP, start_new_session=True,
                                   stdout=subprocess.PIPE)
        pid, folder = begun()
        process.send_signal(number)
        out = process.communicate(timeout=60)[0]
        check("%s for the doctor alone" % number.name,
              process.returncode == -number and gone(pid) and out == b"" and
              not os.path.exists(folder), (process.returncode, out))
    deaf = ["--yes", "sh", "-c", "trap '' INT TERM; " + hangs +
            "while :; do sleep 0.1; done"]
    process = subprocess.Popen([TOOL, "doctor", "--cost", *deaf], env=BASE,
                               cwd=TMP, start_new_session=True)
    pid, folder = begun()
    process.terminate()
    # The first signal has been taken once it is no longer pending.
    wait_for(lambda: "ShdPnd:\t0000000000000000" in open(
        "/proc/%d/status" % process.pid).read())
    process.terminate()
    process.wait(timeout=60)
    check("a command that ignores it: the second kills",
          process.returncode == -signal.SIGTERM and gone(pid) and
          not os.path.exists(folder), process.returncode)


def left():
    """Processes that outlive the command are told of, and not those that ended."""
    done, facts = cost("sh", "-c", "(true &); sleep 0.3", runs=1)
    check("ended processes are not told of", finding(facts, "left") == [], facts)
    done, facts = cost("sh", "-c", "setsid sleep 1000 & echo $! "
                       "$LLMOBS_STORE_DIR >> ran", runs=1)
    said = ran()
    for pid in said[0], said[-2]:
        os.kill(int(pid), signal.SIGKILL)
    told = finding(facts, "left")
    check("processes that run on, and the folder of their calls",
          len(told) == 1 and told[0][0] == "warn" and
          os.path.dirname(said[-1]) in told[0][1] and done.returncode == 3,
          (said, facts))


def leaves_nothing():
    """Of a call that is observed, with every variable set that names a place."""
    model, peer = serve(), serve()
    os.mkdir(path("record"))
    call = "echo $LLMOBS_STORE_DIR >> ran; curl -sS -o /dev/null -d '%s' " \
        "-H 'Content-Type: application/json' %s/v1/chat/completions" % (
            BODY, model)
    env = {"LLMOBS_EXPORTER": "agent,otlp,store", "DD_TRACE_AGENT_URL": peer,
           "OTEL_EXPORTER_OTLP_ENDPOINT": peer, "OTEL_METRICS_EXPORTER": "otlp",
           "OTEL_LOGS_EXPORTER": "otlp", "LLMOBS_LOG": path("log"),
           "LLMOBS_LOG_LEVEL": "debug", "LLMOBS_RECORD": path("record"),
           "LLMOBS_REPLAY": "http://127.0.0.1:9",
           "LLMOBS_SPOOL_DIR": path("spool"), "LLMOBS_RUN_STORE": "1"}
    before = sorted(os.listdir(TMP))
    done, facts = cost("sh", "-c", call, runs=3, **env)
    folders = ran()
    check("observed: each observed run has a span", facts["cost"]["spans"] == 3
          and finding(facts, "spans")[0][0] == "ok", facts)
    check("observed: the calls went out, and nothing else",
          Peer.asked == ["/v1/chat/completions"] * 6, Peer.asked)
    check("observed: nothing of the user's was touched",
          sorted(os.listdir(TMP)) == before and
          os.listdir(path("record")) == [], os.listdir(TMP))
    check("observed: the folder is removed", len(set(folders)) == 1 and
          not os.path.exists(os.path.dirname(folders[0])), folders)
    done, facts = cost("true", DD_LLMOBS_ENABLED="false")
    check("observed: no span is told", facts["cost"]["spans"] == 0 and
          finding(facts, "spans")[0][0] == "note", facts)
    # The call that the doctor of a command makes leaves as little.
    del Peer.asked[:]
    done = doctor("curl", **env)
    asked = [at for at in Peer.asked if at.startswith("/v1/")]
    check("the self-test's call is not in the metrics",
          b"a span was made" in done.stdout and
          sorted(asked) == ["/v1/logs", "/v1/metrics", "/v1/traces"] and
          os.listdir(path("record")) == [], (Peer.asked, done))


def full(*places, run):
    """With full disks there, in mounts of its own; the build may be in one."""
    fill = "".join(" && mount -t tmpfs -o size=64k full %s && "
                   "! head -c 100k /dev/zero 2> /dev/null > %s/zeroes" % (p, p)
                   for p in places)
    sh = "mount -t tmpfs b /mnt && mkdir /mnt/b && mount --bind %s /mnt/b%s " \
        "&& exec /mnt/b/llmobs doctor --json %s" % (BUILD, fill, run)
    done = subprocess.run(["unshare", "-m", "sh", "-c", sh], cwd="/",
                          env=dict(BASE, LLMOBS_BUILD="/mnt/b",
                                   LLMOBS_CONFIG="/dev/null"),
                          capture_output=True, timeout=60)
    return done, json.loads(done.stdout or b"{}")


def full_disks():
    if os.geteuid() != 0 or subprocess.run(
            ["unshare", "-m", "true"], stderr=subprocess.DEVNULL).returncode:
        return print("skip no root, or no mounts")
    run = "--cost --yes --runs 1 curl -sSd '%s' -HContent-Type:application/json " \
        "%s/v1/chat/completions" % (BODY, serve())
    done, facts = full("/tmp", run=run)
    check("/tmp is full: another place is taken", facts["cost"]["spans"] == 1 and
          finding(facts, "spans")[0][0] == "ok", (done, facts))
    places = "/tmp", "/var/tmp", "/dev/shm"
    done, facts = full(*places, run=run)
    told = finding(facts, "spans")
    check("all are full: it says so", told[0][0] == "warn" and
          "was full" in told[0][1] and done.returncode == 3, (done, facts))
    done, facts = full(*places, run="curl")
    check("all are full: the self-test says so",
          "/tmp is full" in finding(facts, "self-test")[0][1], (done, facts))


def main():
    for part in (order, words, figures, ends, refused, asks, signals,
                 left, leaves_nothing, full_disks):
        if not PARTS or part.__name__ in PARTS:
            part()


main()
