"""Shared by the tests of delivery: a program that lives as long as they
want, and runs that end with their spans at the doubles."""
import ctypes
import errno
import fcntl
import glob
import json
import os
import socket
import struct
import subprocess
import sys
import time

import harness
from harness import (LAUNCHER, SUPPORT, Failure, Skip, accept, compiled,
                     equal)

sys.path.append(SUPPORT)
from doubles import Datadog, wait_for  # noqa: E402
from spool_names import (files_in, name_of, number_of,  # noqa: E402
                         process_of, reader_of)


def double(t, *options):
    """The doubles, with the certificate authority of the LLM server."""
    return Datadog(*options, ca=t.servers.cert)


def agent(dd, **more):
    """The exit waits so long that a busy machine delivers what it can."""
    return dict({"LLMOBS_EXPORTER": "agent", "DD_TRACE_AGENT_URL": dd.url,
                 "LLMOBS_EXIT_FLUSH_MS": "10000"}, **more)


def agentless(t, dd, **more):
    return dict({"LLMOBS_EXPORTER": None, "DD_LLMOBS_AGENTLESS_ENABLED": "1",
                 "DD_API_KEY": dd.key, "LLMOBS_CA_FILE": t.servers.cert,
                 "DD_LLMOBS_OVERRIDE_ORIGIN":
                 "https://localhost:%d" % dd.intake}, **more)


def ids(spans):
    return sorted(s["span_id"] for s in spans)


def settled(t, dd, count, wait=0.0):
    """The spans at the doubles: so many, each once, all of good form."""
    spans = dd.wait_spans(count, wait) if wait else dd.spans()
    equal(dd.violations(), [], "violations")
    equal(len(spans), count, "number of spans that arrived")
    equal(len(set(ids(spans))), count, "number of their ids")
    for span in spans:
        accept(span)
    return spans


# A program delivers at its exit, however slow the machine.
PATIENT = {"LLMOBS_EXIT_FLUSH_MS": "20000"}


def untouched(t, argv, env, hurries=False, **options):
    """Runs argv bare and with delivery; outputs must be equal.  Gives the
    preloaded run; result.bare and result.took (seconds) besides.  `hurries`:
    its exit waits no longer than it does by itself."""
    env = dict({} if hurries else PATIENT, **env)
    app = {k: v for k, v in env.items()
           if not k.startswith(("DD_", "LLMOBS_"))}
    bare = t.run(argv, preload=False, env=app, **options)
    began = time.monotonic()
    ours = t.run(argv, env=env, **options)
    ours.took = time.monotonic() - began
    for name in ("code", "stdout", "stderr", "files"):
        equal(getattr(ours, name), getattr(bare, name), name)
    for secret in (env.get("DD_API_KEY"),):
        if secret and secret in ours.log:
            raise Failure("the API key is in the log")
    return ours


def caller(t):
    """The C program of tests/support."""
    return compiled(t, "caller", "-O1", os.path.join(SUPPORT, "caller.c"),
                    "-lcurl", "-lpthread")


class Living:
    """A preloaded program that makes a call when told and lives on."""

    def __init__(self, t, env, url=None, keep=False, launcher=()):
        if not keep:
            t.fresh(None)
        self.t = t
        self.process = subprocess.Popen(
            [*launcher, LAUNCHER, caller(t), url or t.url],
            env=t.environment(True, env), stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            cwd=os.path.join(t.dir, "work"), start_new_session=True)

    def ask(self, prompt="hello there", model="gpt-test"):
        """One call; gives the seconds that it took."""
        began = time.monotonic()
        self.post(harness.body(prompt, model))
        return time.monotonic() - began

    def post(self, text):
        """One call with that body."""
        self.process.stdin.write(text.encode() + b"\n")
        self.process.stdin.flush()
        told = self.process.stdout.readline().split()
        equal(told[:2], [b"0", b"200"], "code and status of a call")

    def begin(self, prompt, model="hang", wait=0.3):
        """A call that is not waited for."""
        self.process.stdin.write(harness.body(prompt, model).encode() + b"\n")
        self.process.stdin.flush()
        time.sleep(wait)

    def tell(self, command):
        """A command of tests/support/caller.c."""
        self.process.stdin.write(b"!" + command.encode() + b"\n")
        self.process.stdin.flush()
        equal(self.process.stdout.readline(), b"-\n", "answer to a command")

    def kill(self):
        self.process.kill()
        self.process.wait()

    def end(self):
        """Ends the program; gives the seconds that its end took."""
        began = time.monotonic()
        out, err = self.process.communicate(timeout=30)
        took = time.monotonic() - began
        equal((out, err, self.process.returncode), (b"", b"", 0),
              "what is left of stdout, stderr, exit status")
        return took

    def log(self):
        try:
            with open(os.path.join(self.t.dir, "log"), errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def __enter__(self):
        return self

    def __exit__(self, *what):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout,
                     self.process.stderr):
            try:
                pipe.close()
            except OSError:
                pass


def stored(t):
    """The events of the local store."""
    folder = os.path.join(t.dir, "store")
    return harness.read_spans(folder) if os.path.isdir(folder) else []


def same_event(a, b):
    """But for the facts beside it, which the store alone has."""
    a, b = ({k: v for k, v in e.items() if k != "_call"} for e in (a, b))
    return json.dumps(a, sort_keys=True) == json.dumps(b, sort_keys=True)


def failing(t, error=errno.ENOSPC, path="/spool/", after=0, **more):
    """The environment in which our writes below `path` fail so (0: do not),
    after so many that do not: tests/support/bad_disk.c."""
    library = compiled(t, "bad_disk.so", "-O1", "-shared", "-fPIC",
                       os.path.join(SUPPORT, "bad_disk.c"), "-ldl")
    return dict({"LD_PRELOAD": library, "BAD_ERROR": str(error),
                 "BAD_PATH": path, "BAD_AFTER": str(after)}, **more)


def counts(t):
    """The counts that `llmobs stats` gives of all processes of this test."""
    shown = subprocess.run(
        [os.path.join(t.build, "llmobs"), "stats", "--json"],
        env=t.environment(True, {}), stdout=subprocess.PIPE, check=True)
    return json.loads(shown.stdout)


def taken_over(t, left=0, seconds=20):
    """Waits until a process that lives has taken over what others left, and
    noted it: what arrives at the doubles comes before that, and what is no span
    comes nowhere."""
    return wait_for(lambda: len(left_behind(t)) <= 1 + left, seconds)


def recover(t, dd, env, want, seconds=30, launcher=(), left=0):
    """The next process of the same configuration starts a drain, which delivers
    what others left, but for so many files: waits for `want` spans besides its
    own, and gives all."""
    for name in glob.glob(os.path.join(t.dir, "store", "dead-*")):
        os.unlink(name)
    with Living(t, env, keep=True, launcher=launcher) as app:
        app.ask("recover")
        dd.wait_spans(want + 1, seconds)
        taken_over(t, left)
        time.sleep(0.2) # for what may come twice
        app.end()
    wait_for(lambda: len(left_behind(t)) <= left, 60)
    return [s for s in dd.spans() if "recover" not in json.dumps(s)]


def waiting(t):
    said = counts(t)
    return [said[n] for n in ("pending", "spooled", "dropped")]


def recovered(t, dd, env, want, **more):
    """Likewise; each of them came once, and nothing is left behind."""
    spans = recover(t, dd, env, want, **more)
    equal(len(spans), want, "spans that came by the next process")
    equal(len(set(ids(spans))), want, "their ids")
    equal(dd.violations(), [], "violations")
    equal(left_behind(t), [], "what is left in the spool")
    wait_for(lambda: not any(waiting(t)), 60)
    equal(waiting(t), [0, 0, 0], "pending, spooled and dropped")
    return spans


def spool_of(t):
    return os.path.join(t.dir, "store", "spool")


def left_behind(t, folder=None):
    """The files of processes in the spool."""
    return files_in(folder or spool_of(t))


NEW_NETWORK, NEW_MOUNTS = 0x40000000, 0x20000
BIND, PRIVATE = 0x1000, 0x4000 | 0x40000
GET_FLAGS, SET_FLAGS, UP = 0x8913, 0x8914, 1


def private_network(t, names):
    """Moves the test into a network of its own, where the names lead to this
    host, with servers of its own.  The process ends with the test."""
    libc = ctypes.CDLL(None, use_errno=True)
    hosts = os.path.join(t.dir, "hosts")
    with open(hosts, "w") as f:
        f.write("127.0.0.1 localhost %s\n" % " ".join(names))
    if libc.unshare(NEW_NETWORK | NEW_MOUNTS) or \
            libc.mount(b"none", b"/", None, PRIVATE, None) or \
            libc.mount(hosts.encode(), b"/etc/hosts", None, BIND, None):
        raise Skip("no namespaces here: %s" % os.strerror(ctypes.get_errno()))
    with socket.socket() as s:
        ask = struct.pack("16sh14x", b"lo", 0)
        flags = struct.unpack_from("16sh", fcntl.ioctl(s, GET_FLAGS, ask))[1]
        fcntl.ioctl(s, SET_FLAGS, struct.pack("16sh14x", b"lo", flags | UP))
    folder = os.path.join(t.dir, "servers")
    os.mkdir(folder)
    t.servers = harness.Servers(folder)
    t.url = "http://127.0.0.1:%d/v1/chat/completions" % t.servers.http


__all__ = ["Datadog", "Living", "agent", "agentless", "caller", "double",
           "counts", "failing", "ids", "left_behind", "name_of", "number_of",
           "private_network", "process_of", "reader_of", "recover",
           "recovered", "same_event", "settled", "spool_of", "stored",
           "taken_over", "untouched", "wait_for"]
