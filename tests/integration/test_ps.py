"""llmobs ps: the calls that are under way, and where in their programs; the
programs do not notice."""
import ctypes
import http.server
import json
import os
import random
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time

import harness
from delivery import (Living, left_behind, name_of, process_of, spool_of,
                      wait_for)
from hanging import Hanging
from harness import APPS, Skip, body, compiled, equal, ok, test
from relays import Relay

NOBODY = 65534
PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_DETACH = 0x4206, 0x4207, 17
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


def expect(call, program, state, functions):
    """The call hangs where these patterns say, from the inside out."""
    equal((call["program"], call["model_name"], call["state"],
           call.get("no_stack")),
          (program, "hang" if state == "waiting" else "stall", state, None),
          "program, model, state, problem")
    equal(call["received_bytes"] > 0, state == "streaming", "bytes")
    text = "\n".join(call["stack"])
    ok(re.search("(?s)" + ".*\n".join(functions), text), text)


def hanging(t, count, *expected, spool=None):
    """That many calls, of which each comes to hang as expect() says.  A call is
    listed from its beginning, a while before libcurl waits: looks again."""
    end = time.monotonic() + 20
    while True:
        found = calls(t, "--stack", *(["--dir", spool] if spool else []))
        try:
            equal(len(found), count, "calls")
            for call in found:
                expect(call, *expected)
            return found
        except harness.Failure:
            if time.monotonic() > end:
                raise
        time.sleep(0.05)


def need_unwinder():
    harness.installed("/usr/lib/*/libunwind-ptrace.so.0",
                      "/usr/lib/libunwind-ptrace.so.0")


IN_CURL = [r"libc\.so\.6!__poll\+", r"libcurl\.so[.\d]*!curl_easy_perform\+"]


@test
def where_curl_waits(t):
    need_unwinder()
    with Programs(t) as programs:
        process = programs.curl()
        call = hanging(t, 1, "curl", "waiting", IN_CURL)[0]
        equal((call["pid"], call["host"]),
              (process.pid, t.url.split("/")[2]), "process and host")
        ok(0 < call["age_ns"] < 60e9, "age")
        text = ps(t, "--stack")
        ok("was stopped for" in text and "!__poll+" in text, text)
        equal(len(ps(t).splitlines()), 2, "lines without stacks")
        equal(process.poll(), None, "the program")


@test
def where_threads_wait(t):
    """Each call has a thread of its own, and it is the one that is stopped."""
    need_unwinder()
    with Programs(t) as programs:
        programs.waits("hang", str(THREADS))
        found = hanging(
            t, THREADS, "waits", "waiting",
            [*IN_CURL, r"waits!wait_for_model\+", r"waits!in_thread\+"])
        equal(len({call["thread"] for call in found}), THREADS, "threads")


@test
def where_php_waits(t):
    need_unwinder()
    if not shutil.which("php"):
        raise Skip("no php")
    with Programs(t) as programs:
        programs.start("php", os.path.join(APPS, "calls.php"), "easy", t.url,
                       body("hi", "hang"))
        hanging(t, 1, "php", "waiting",
                [*IN_CURL, r"curl\.so", r"php[.\d]*!execute_ex\+"])


WAYS = ("read", "poll", "epoll", "recv", "sigwait", "sleep", "semaphore",
        "vfork")


@test
def no_wait_ends_early(t):
    """However a thread waits, it goes on to wait: no EINTR reaches it."""
    need_unwinder()
    with Programs(t) as programs:
        process = programs.waits("stall", "blocked")
        under_way(t, len(WAYS))
        found = calls(t, "--stack")
        held = [c for c in found if "no_stack" in c]
        ok(len(held) <= 1 and all("does not stop" in c["no_stack"]
                                  for c in held), repr(held))
        for call in found:
            if call not in held:
                expect(call, "waits", "streaming",
                       [r"waits!block\+", r"waits!wait_for_model\+"])
        for _ in range(2):
            ps(t, "--stack")
        out, _ = process.communicate(b"\n", timeout=30)
        equal(sorted(out.decode().split("\n")),
              sorted(["", *("%s 1 -" % way for way in WAYS)]),
              "how the waits ended")


def state_of(pid):
    with open("/proc/%d/status" % pid) as f:
        text = f.read()
    return (re.search(r"State:\s+(\w)", text).group(1),
            int(re.search(r"TracerPid:\s+(\d+)", text).group(1)))


@test
def stopped_stays_stopped(t):
    need_unwinder()
    with Programs(t) as programs:
        process = programs.curl()
        hanging(t, 1, "curl", "waiting", IN_CURL)
        process.send_signal(signal.SIGSTOP)
        ok(wait_for(lambda: state_of(process.pid)[0] == "T"), "stop")
        expect(calls(t, "--stack")[0], "curl", "waiting", IN_CURL)
        time.sleep(0.1)
        equal(state_of(process.pid), ("T", 0), "state and tracer")
        process.send_signal(signal.SIGCONT)
        ok(wait_for(lambda: state_of(process.pid)[0] == "S"), "go on")


@test
def traced_by_another(t):
    need_unwinder()
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_int, ctypes.c_void_p,
                            ctypes.c_void_p]
    with Programs(t) as programs:
        pid = programs.curl().pid
        under_way(t, 1)
        if libc.ptrace(PTRACE_SEIZE, pid, None, None):
            raise Skip("no ptrace here")
        equal(calls(t, "--stack")[0]["no_stack"],
              "process %d traces it already" % os.getpid(), "problem")
        libc.ptrace(PTRACE_INTERRUPT, pid, None, None)
        os.waitpid(pid, 0x40000000)
        libc.ptrace(PTRACE_DETACH, pid, None, None)
        hanging(t, 1, "curl", "waiting", IN_CURL)


@test
def killed_in_the_middle(t):
    """The thread goes on, whenever the tool is killed."""
    need_unwinder()
    with Programs(t) as programs:
        process = programs.waits("hang", "8")
        under_way(t, 8)
        for _ in range(15):
            tool = subprocess.Popen(
                [os.path.join(t.build, "llmobs"), "ps", "--stack"],
                env=t.environment(True, {}), stdout=subprocess.DEVNULL)
            time.sleep(random.uniform(0.002, 0.06))
            tool.kill()
            tool.wait()
        threads = os.listdir("/proc/%d/task" % process.pid)
        ok(wait_for(lambda: {state_of(int(n)) for n in threads} ==
                    {("S", 0)}), "all threads go on")
        equal(len(under_way(t, 8, "--stack")), 8, "calls")


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
        hanging(t, 1, "curl", "waiting", IN_CURL, spool=spool)


@test
def in_another_pid_namespace(t):
    """Such calls are named; whether their process lives is not guessed."""
    if subprocess.run([*OTHER_PIDS, "true"],
                      stderr=subprocess.DEVNULL).returncode:
        raise Skip("no pid namespaces here")
    with Programs(t) as programs:
        programs.curl(launcher=OTHER_PIDS)
        call = under_way(t, 1, "--stack")[0]
        ok(call["pid_namespace"] > 0, "namespace")
        equal(sorted({"state", "thread", "stack", "received_bytes"} &
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


def plain(frame):
    """A frame without the version of its library: one reader names a library as
    the loader does, the other one by its file."""
    return re.sub(r"^([^!+]*?\.so)[.\d]*", r"\1", frame)


def compare(t, *argv, moved=0):
    """The frames that the library has read by itself are libunwind's, but for
    so many of the innermost, which have gone on since."""
    with Held() as held, Programs(t) as programs:
        process = programs.start(*[held.url if a is URL else a for a in argv])
        stack = [plain(f) for f in under_way(t, 1, "--stack")[0]["stack"]]
        held.go.set()
        process.communicate(timeout=30)
        spans = harness.read_spans(os.path.join(t.dir, "store"))
    frames = [plain(f) for f in
              spans[0]["meta"]["metadata"]["caller"]["frames"][moved:]]
    ok(frames and frames[0] in stack, "%s: %r not in %r" % (argv, frames,
                                                             stack))
    at = stack.index(frames[0])
    equal(frames, stack[at:at + len(frames)], "frames of %s" % (argv,))
    return frames


URL = object()
FLAGS = (("gcc", "-O2", "-fomit-frame-pointer"), ("gcc", "-O3"),
         ("gcc", "-O0", "-fno-omit-frame-pointer"), ("gcc", "-Os", "-no-pie"),
         ("clang", "-O2"))
HOWS = ("easy", "multi", "thread", "small", "coroutine", "signal")


@test(of="rest")
def frames_as_libunwind_reads_them(t):
    need_unwinder()
    built = {}
    for cc, *flags in FLAGS:
        if shutil.which(cc):
            path = os.path.join(t.dir, "agent%d" % len(built))
            subprocess.run([cc, *flags, os.path.join(APPS, "agent.c"), "-o",
                            path, "-lcurl", "-lpthread"], check=True)
            built[path] = flags
    for number, how in enumerate(HOWS):
        for path in list(built)[number % 2:] or built:
            frames = compare(t, path, how, URL, body(),
                             moved=how == "multi")
            ok([f for f in frames if "!think+" in f], repr(frames))


@test
def frames_of_curl_as_libunwind_reads_them(t):
    need_unwinder()
    compare(t, "curl", "-s", "-d", body(), URL)


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
