"""A case of tests/container gets this: a root, the servers, and how to run a
program as the first process of a namespace.
"""
import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(SOURCE, "tests", "support"))
import root as roots  # noqa: E402
from doubles import Datadog, wait_for  # noqa: E402
from spool_names import files_in  # noqa: E402

LIMIT = 120
PREFIX = roots.PREFIX
SHIM = PREFIX + "/lib/llmobs/libllmobs_preload.so"
LISTED = PREFIX + "/lib/llmobs/behind-libasan.so/$PLATFORM/libllmobs_preload.so"
ENTRY = PREFIX + "/bin/llmobs-entrypoint"
APP = 1000
CASES = []


class Wrong(Exception):
    pass


class Result:
    def __init__(self, status, out, err):
        self.status, self.out, self.err = status, out, err

    def __eq__(self, other):
        return (self.status, self.out, self.err) == \
            (other.status, other.out, other.err)

    def __repr__(self):
        return "status %s, out %r, err %r" % (self.status, self.out[-300:],
                                              self.err[-300:])


def equal(got, want, what):
    if got != want:
        raise Wrong("%s: got %s, want %s" % (what, got, want))


def start_llm(ready):
    """The sample provider, and the port of its HTTP."""
    llm = subprocess.Popen(
        [sys.executable, SOURCE + "/tests/support/llm_server.py", "--ready",
         ready], stdout=subprocess.DEVNULL)
    if not wait_for(lambda: os.path.exists(ready), 60):
        raise RuntimeError("the LLM server did not start")
    with open(ready) as f:
        return llm, re.search(r"HTTP_PORT='(\d+)'", f.read()).group(1)


def case(group, expectation):
    """Registers one row of the table; the function answers what was seen."""
    def join(function):
        CASES.append((group, function.__name__.replace("_", " "), expectation,
                      function))
        return function
    return join


class World:
    """The root, the servers, and what one case has of its own."""

    def __init__(self, root, folder, base):
        self.root, self.folder, self.base = root, folder, base
        self.llm, self.port = start_llm(os.path.join(folder, "llm"))
        self.datadog = Datadog()
        self.started = []
        self.fresh()

    def close(self):
        self.stop()
        self.llm.terminate()
        self.llm.wait()
        self.datadog.close()

    def stop(self):
        """Ends the processes that a failed case left, with all below them."""
        for process in self.started:
            if process.poll() is None:
                process.kill()
                process.communicate()
        self.started = []

    def fresh(self):
        self.stop()
        self.datadog.well()
        self.datadog.reset()
        self.own = tempfile.mkdtemp(dir=self.folder)
        self.state, self.shared = self.own + "/state", self.own + "/mnt"
        os.mkdir(self.state)
        os.mkdir(self.shared, 0o777)
        os.chmod(self.shared, 0o777)

    def chat(self, model="m", program="curl"):
        body = json.dumps({"model": model, "messages": [
            {"role": "user", "content": "hello there"}]})
        return [program, "-sS", "-m", "100", "-H",
                "Content-Type: application/json", "-d", body,
                "http://127.0.0.1:%s/v1/chat/completions" % self.port]

    def environment(self, preload, **more):
        env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
               "LLMOBS_EXPORTER": "agent", "LLMOBS_EXIT_FLUSH_MS": "30000",
               "DD_TRACE_AGENT_URL": self.datadog.url,
               "DD_LLMOBS_ML_APP": "boxed", "LC_ALL": "C"}
        if preload:
            env.update(LD_PRELOAD=SHIM, DD_LLMOBS_ENABLED="1")
        env.update(more)
        return ["%s=%s" % kv for kv in env.items() if kv[1] is not None]

    def start(self, argv, *, preload=True, user=0, read_only=False, proc=True,
              shm=True, var_tmp=True, state=True, root=None, mounts=(), **env):
        """argv as the first process of a namespace; gives the Popen."""
        mounts = [*mounts, (self.shared, "/mnt", "rw")]
        if state:
            mounts.append((self.state, "/var/lib/llmobs", "rw"))
        script = {"ROOT": root or self.root,
                  "MOUNTS": "\n".join(map(" ".join, mounts)),
                  "READ_ONLY": "1" if read_only else "",
                  "PROC": "1" if proc else "", "SHM": "1" if shm else "",
                  "VAR_TMP": "1" if var_tmp else "",
                  "USER_ID": "%d:%d" % (user, user)}
        # The signals that the tests were started with ignored (by nohup, or a shell that
        # put them into the background) no shell in there could trap.
        process = subprocess.Popen(
            ["env", "--default-signal", "unshare", "-p", "-m", "-f",
             "--kill-child", "sh", "-c", roots.SETUP, "setup",
             *self.environment(preload, **env), *argv],
            env=dict(script, PATH=os.environ["PATH"]),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE)
        self.started.append(process)
        return process

    def finish(self, process):
        try:
            out, err = process.communicate(timeout=LIMIT)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            raise Wrong("no end within %d s: %r %r" % (LIMIT, out, err))
        return Result(process.returncode, out, err)

    def run(self, argv, **how):
        return self.finish(self.start(argv, **how))

    def first(self, process):
        """The first process of the namespace, as the host numbers it."""
        path = "/proc/%d/task/%d/children" % (process.pid, process.pid)
        with open(path) as f:
            return int(f.read().split()[0])

    def signal_when_ready(self, process, *numbers):
        if not wait_for(lambda: os.path.exists(self.shared + "/ready"), LIMIT):
            raise Wrong("the app did not begin")
        for number in numbers:
            os.kill(self.first(process), number)

    def said(self, name="got"):
        try:
            with open(os.path.join(self.shared, name)) as f:
                return f.read().split()
        except FileNotFoundError:
            return []

    def spans(self, count, what=""):
        """Exactly so many at the agent."""
        got = self.datadog.wait_spans(count, 30) if count else \
            self.datadog.spans()
        equal(len(got), count, "spans %s" % what)
        equal(self.datadog.violations(), [], "violations")
        return got

    def spooled(self):
        """Files that wait in the container's spool."""
        return [path for d, _, _ in os.walk(self.state)
                if d.endswith("/spool")
                for path in [os.path.join(d, f) for f in files_in(d)]
                if os.path.getsize(path) > 0]

    def same(self, argv, count, **how):
        """Bare and observed: what can be seen is the same, and the spans."""
        bare = self.run(argv, preload=False, **how)
        ours = self.run(argv, **how)
        equal(ours, bare, "observed against bare")
        self.spans(count)
        return "%s, same output, %d span%s" % (
            "status %d" % bare.status, count, "" if count == 1 else "s")

    @contextlib.contextmanager
    def file(self, path, text):
        path = self.root + path
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as f:
            f.write(text)
        try:
            yield
        finally:
            os.unlink(path)

    def has(self, program):
        return shutil.which(program, path=":".join(
            self.root + p for p in ("/usr/bin", "/bin")))
