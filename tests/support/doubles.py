"""Starts the doubles of datadog.py for a test, and asks them."""
import contextlib
import http.client
import json
import os
import re
import signal
import sys
import tempfile
import threading
import time
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import datadog  # noqa: E402


def wait_for(condition, seconds=10, step=0.01):
    """The first true value of condition() within that time, else its last."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value or time.monotonic() > end:
            return value
        time.sleep(step)


def forked(function):
    """Calls it in a child in a session of its own, which has none of our files but
    the standard error: gives the pid.  A new interpreter would read and compile
    the modules again for each test."""
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        os.setsid()
        nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, 0)
        os.dup2(nothing, 1)
        os.closerange(3, os.sysconf("SC_OPEN_MAX"))
        function()
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def spawned(argv):
    """As forked, a Python that runs argv."""
    return os.posix_spawn(
        sys.executable, [sys.executable, *argv], os.environ, setsid=True,
        file_actions=[(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_RDWR, 0)
                      for fd in (0, 1)])


class Datadog:
    """The Agent's and the intake's doubles as one process."""

    def __init__(self, *options, ca=None):
        self.folder = tempfile.TemporaryDirectory(prefix="dd-test.")
        self.ready = os.path.join(self.folder.name, "ready")
        self.options = list(options) + (["--ca", ca] if ca else [])
        self.pid = 0
        self.start()

    def start(self, *options):
        if os.path.exists(self.ready):
            os.unlink(self.ready)
        argv = ["--ready", self.ready, *self.options, *options]
        # A child of one of several threads may wait for a lock of another.
        self.pid = spawned([datadog.__file__, *argv]) \
            if threading.active_count() > 1 else forked(
                lambda: datadog.main(argv))
        if not wait_for(lambda: os.path.exists(self.ready) or
                        not self.lives(), 20) or \
                not os.path.exists(self.ready):
            raise RuntimeError("the doubles did not start")
        with open(self.ready) as f:
            told = dict(re.findall(r"^(\w+)='(.*)'$", f.read(), re.M))
        self.port = int(told["AGENT_PORT"])
        self.socket = told["AGENT_SOCKET"]
        self.intake = int(told["INTAKE_PORT"])
        self.intake_http = int(told["INTAKE_HTTP_PORT"])
        self.control = int(told["CONTROL_PORT"])
        self.cert, self.key = told["CERT"], told["API_KEY"]
        self.url = "http://127.0.0.1:%d" % self.port

    def lives(self):
        if self.pid and os.waitpid(self.pid, os.WNOHANG)[0]:
            self.pid = 0
        return self.pid != 0

    def stop(self):
        if self.lives():
            os.kill(self.pid, signal.SIGTERM)
            if not wait_for(lambda: not self.lives(), 5):
                os.kill(self.pid, signal.SIGKILL)
                os.waitpid(self.pid, 0)
                self.pid = 0

    def close(self):
        self.stop()
        self.folder.cleanup()

    def __enter__(self):
        return self

    def __exit__(self, *what):
        self.close()

    def ask(self, method, path, doc=None):
        data = None if doc is None else doc if isinstance(doc, bytes) \
            else json.dumps(doc).encode()
        connection = http.client.HTTPConnection("127.0.0.1", self.control,
                                                timeout=20)
        with contextlib.closing(connection):
            connection.request(method, path, data)
            answer = connection.getresponse()
            if answer.status != 200:
                raise RuntimeError("%s %s of the doubles: %d" % (
                    method, path, answer.status))
            return json.load(answer)

    def spans(self, full=False):
        return self.ask("GET", "/__spans" + ("?full=1" if full else ""))

    def evaluations(self):
        return self.ask("GET", "/__evaluations")

    def violations(self):
        return self.ask("GET", "/__violations")

    def requests(self, path="llmobs", listener=None):
        return [r for r in self.ask("GET", "/__requests")
                if path in r["path"] and listener in (None, r["listener"])]

    def fault(self, kind, **more):
        return self.ask("PUT", "/__fault", dict(more, kind=kind))

    def well(self):
        return self.ask("DELETE", "/__fault")

    def reset(self):
        return self.ask("POST", "/__reset")

    def wait_spans(self, count, seconds=10):
        """At least so many spans, or what there is when the time is up."""
        return self.wait(self.spans, count, seconds)

    def wait_evaluations(self, count, seconds=10):
        """Likewise."""
        return self.wait(self.evaluations, count, seconds)

    @staticmethod
    def wait(ask, count, seconds):
        return wait_for(lambda: (lambda s: s if len(s) >= count else None)(
            ask()), seconds, 0.05) or ask()
