"""llmobs ps: the calls that are under way."""
import http.server
import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time

from delivery import (Living, left_behind, name_of, process_of, spool_of,
                      wait_for)
from hanging import Hanging
from harness import APPS, Skip, body, compiled, equal, ok, test
from relays import Relay

NOBODY = 65534
OTHER_PIDS = ("unshare", "-p", "-f", "--mount-proc", "--kill-child")
THREADS = 32


class Programs(Hanging):
    """Programs whose output the test reads."""

    def __init__(self, t):
        super().__init__(t, {}, subprocess.PIPE)

    def waits(self, model, how, **more):
        path = compiled(self.t, "waits", "-O2", os.path.join(APPS, "waits.c"),
                        "-lcurl", "-lpthread")
        process = self.start(path, self.t.url, body("hi", model, stream=True), how,
                             **more)
        equal(process.stdout.readline(), b"ready\n", "the program")
        return process

    def curl(self, **more):
        return self.start("curl", "-s", "-d", body("hi", "hang"), self.t.url,
                          **more)


def ps(t, *options, **more):
    """The tool's output."""
    done = subprocess.run(
        [os.path.join(t.build, "llmobs"), "ps", *options],
        env=t.environment(True, {}), stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, timeout=60, **more)
    equal((done.returncode, done.stderr), (0, b""), "status and stderr")
    return done.stdout.decode()


def calls(t, *options, **more):
    return [json.loads(row)
            for row in ps(t, "--json", *options, **more).splitlines()]


def under_way(t, count, *options):
    """That many calls, which are soon there."""
    ok(wait_for(lambda: len(calls(t)) == count, 20, 0.05), "%d calls" % count)
    return calls(t, *options)


@test
def where_calls_are(t):
    """A row for each call: its thread, and whether an answer has begun."""
    with Programs(t) as programs:
        process = programs.curl()
        call = under_way(t, 1)[0]
        equal((call["pid"], call["host"], call["program"], call["model_name"],
               call["state"], call["received_bytes"]),
              (process.pid, t.url.split("/")[2], "curl", "hang", "waiting", 0),
              "call")
        ok(0 < call["age_ns"] < 60e9, "age")
        equal(len(ps(t).splitlines()), 2, "lines")
        equal(process.poll(), None, "the program")
    with Programs(t) as programs:
        programs.waits("stall", str(THREADS))
        found = under_way(t, THREADS)
        equal(len({call["thread"] for call in found}), THREADS, "threads")
        ok(wait_for(lambda: {(c["state"], c["received_bytes"] > 0)
                             for c in calls(t)} == {("streaming", True)}, 20),
           "answers have begun")


def file_of(t, process):
    """The file of a process that has one."""
    name, = [n for n in left_behind(t)
             if process_of(n).startswith("%d-" % process.pid)]
    return name


@test
def forged_and_torn(t):
    """A call counts only where its process says so itself."""
    with Programs(t) as programs:
        process = programs.curl()
        under_way(t, 1)
        spool = spool_of(t)
        own = file_of(t, process)
        with open("/proc/self/stat") as f:
            start = f.read().rsplit(")", 1)[1].split()[19]
        for name in ("%d-%s-2" % (os.getpid(), start),
                     "%d-1234-2" % process.pid,
                     "%d-%s-78" % (process.pid, own.split("-")[1]),
                     "999999-1234-2"):
            shutil.copy(os.path.join(spool, own),
                        os.path.join(spool, name_of(name)))
        # The third one tells of the same call again.
        equal([c["pid"] for c in calls(t)], [process.pid], "calls")
        path = os.path.join(spool, own)
        for size in range(os.path.getsize(path), 0, -97):
            os.truncate(path, size)
            ps(t)
        process.kill()
        process.wait()
        equal(calls(t), [], "after its end")


@test
def ended_calls_go(t):
    """Also those of a process that has begun another program."""
    with Programs(t) as programs:
        process = programs.waits("hang", "2")
        under_way(t, 2)
        process.stdin.write(b"\n")
        process.stdin.flush()
        process.wait(30)
        equal(calls(t), [], "after the end")
        shell = programs.start("sh", "-c", 'curl -s -d "$1" "$2" & sleep 1; '
                               'kill -9 $!; wait; echo over; sleep 30', "sh",
                               body("hi", "hang"), t.url)
        equal(shell.stdout.readline(), b"over\n", "shell")
        equal(calls(t), [], "after a kill")


@test
def beside_a_relay(t):
    t.fresh(None)
    with Relay(t, {}):
        with Programs(t) as programs:
            for _ in range(2):
                programs.start("curl", "-s", "-d", body("hi", "gpt-test"),
                               t.url).wait(30)
            programs.curl()
            found = under_way(t, 1)
            equal((found[0]["program"], found[0]["state"]),
                  ("curl", "waiting"), "call")


@test
def of_other_users(t):
    """A user sees the own calls, and none by a spool that names others'."""
    if os.geteuid() != 0:
        raise Skip("not root")
    with Programs(t) as programs, tempfile.TemporaryDirectory() as place:
        os.chmod(place, 0o1777)
        tool, _ = [shutil.copy(os.path.join(t.build, name), place)
                   for name in ("llmobs", "llmobs-tool")]
        spool = os.path.join(place, "spool")
        os.mkdir(spool)
        os.chmod(spool, 0o1777)

        def seen():
            done = subprocess.run(
                [tool, "ps", "--json", "--dir", spool], user=NOBODY,
                group=NOBODY, extra_groups=[], env={}, timeout=60,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            equal((done.returncode, done.stderr), (0, b""), "a user's look")
            return done.stdout

        programs.curl()
        under_way(t, 1)
        equal(seen(), b"", "calls of others")
        name, = left_behind(t)
        shutil.copy(os.path.join(spool_of(t), name), spool)
        os.chown(os.path.join(spool, name), NOBODY, NOBODY)
        equal((seen(), calls(t, "--dir", spool)), (b"", []),
              "calls that a forger names, to him and to root")
        for name in ("preload", "core"):
            shutil.copy(os.path.join(t.build, "libllmobs_%s.so" % name), place)
        programs.all.append(subprocess.Popen(
            ["curl", "-s", "-d", body("hi", "hang"), t.url], user=NOBODY,
            group=NOBODY, extra_groups=[], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, env={
                "LD_PRELOAD": place + "/libllmobs_preload.so",
                "DD_LLMOBS_ENABLED": "1", "LLMOBS_SPOOL_DIR": spool}))
        ok(wait_for(lambda: b'"waiting"' in seen()), "the own call")
        equal(len(calls(t, "--dir", spool)), 1, "the user's call, to root")


@test
def in_another_pid_namespace(t):
    """Such calls are named; whether their process lives is not guessed."""
    if subprocess.run([*OTHER_PIDS, "true"],
                      stderr=subprocess.DEVNULL).returncode:
        raise Skip("no pid namespaces here")
    with Programs(t) as programs:
        programs.curl(launcher=OTHER_PIDS)
        call = under_way(t, 1)[0]
        ok(call["pid_namespace"] > 0, "namespace")
        equal(sorted({"state", "thread", "received_bytes"} &
                     set(call)), [], "what is not known")
        ok("another pid namespace" in ps(t), "the note")


class Held:
    """A server that answers each request once it is told to."""

    ANSWER = json.dumps({"choices": [{"message": {
        "role": "assistant", "content": "hello"}}]}).encode()

    def __init__(self):
        held = self
        self.go = threading.Event()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                self.rfile.read(int(self.headers["Content-Length"]))
                held.go.wait(30)
                self.send_response(200)
                self.send_header("Content-Length", str(len(held.ANSWER)))
                self.end_headers()
                self.wfile.write(held.ANSWER)

            def log_message(self, *what):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0),
                                                      Handler)
        self.url = "http://127.0.0.1:%d/v1/chat/completions" % (
            self.server.server_address[1])
        threading.Thread(target=self.server.serve_forever,
                         daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *what):
        self.go.set()
        self.server.shutdown()
        self.server.server_close()


@test
def entries_that_outlive_their_call(t):
    """The process lives, and what the entries name is there, but no call."""
    copy = os.path.join(t.dir, "copy")
    with Held() as held, Living(t, {}, url=held.url) as program:
        program.begin("hello", "gpt-test")
        under_way(t, 1)
        name = file_of(t, program.process)
        shutil.copy(os.path.join(spool_of(t), name), copy)
        held.go.set()
        ok(program.process.stdout.readline().startswith(b"0 200"), "answer")
        # It would take the entries for those of a program before an exec.
        program.process.send_signal(signal.SIGSTOP)
        os.rename(copy, os.path.join(spool_of(t), name_of(
            process_of(name).rsplit("-", 1)[0] + "-2")))
        equal(calls(t), [], "calls")
        program.process.send_signal(signal.SIGCONT)
