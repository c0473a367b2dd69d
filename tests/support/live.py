"""A server of `llmobs view --serve`, with a store of its own."""
import contextlib
import http.client
import json
import os
import signal
import subprocess

LONG = 60  # seconds, on a busy machine


class Live:
    """A server of its own, with its store."""

    def __init__(self, build, folder, name, span, count=0):
        """`span(number, **members)` makes an event."""
        self.store = os.path.join(folder, name)
        self.build, self.folder = build, folder
        self.span, self.number = span, 0
        if count:
            self.add(count)

    def add(self, count=1, **members):
        os.makedirs(self.store, exist_ok=True)
        with open(self.path(), "a", encoding="ascii") as f:
            for _ in range(count):
                self.number += 1
                f.write(json.dumps(self.span(self.number, **members)) + "\n")

    def write(self, text):
        with open(self.path(), "ab") as f:
            f.write(text)

    def path(self):
        return os.path.join(self.store, "spans.jsonl")

    def start(self, *args):
        self.process = subprocess.Popen(
            [os.path.join(self.build, "llmobs"), "view", "--store",
             self.store, "--serve", *args],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, env={
                "PATH": self.folder + ":/usr/bin:/bin", "HOME": self.folder,
                "TZ": "UTC", "XDG_RUNTIME_DIR": self.folder,
                "LLMOBS_CONFIG": os.path.join(self.folder, "none.conf")})
        self.address = self.process.stdout.readline().decode().strip()
        assert self.address.startswith("http://127.0.0.1:"), self.address
        self.port = int(self.address.split(":")[2].split("/")[0])
        self.token = self.address.split("/")[3]
        return self

    def stop(self, number=signal.SIGINT):
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=LONG)
        assert out == b"" and self.process.returncode == 0, (
            self.process.returncode, out, err)
        return err

    def ask(self, path="", method="GET", token=None, **headers):
        """Gives the status, the headers and the body."""
        one = http.client.HTTPConnection("127.0.0.1", self.port, timeout=LONG)
        with contextlib.closing(one):
            one.request(method, "/%s/%s" % (
                self.token if token is None else token, path),
                        headers={k.replace("_", "-"): v
                                 for k, v in headers.items()})
            answer = one.getresponse()
            return answer.status, answer, answer.read()

    def position(self):
        body = self.ask()[2].decode()
        return body.split('"live":"')[1].split('"')[0]

    def news(self, position):
        """The lines, and the head that stands behind them."""
        *lines, head = self.ask("news?after=" + position)[2].split(b"\n")
        return lines, json.loads(head)

    def size(self):
        """Resident memory in KiB."""
        with open("/proc/%d/status" % self.process.pid,
                  encoding="ascii") as f:
            return int(f.read().split("VmRSS:")[1].split()[0])


@contextlib.contextmanager
def serving(live, *args):
    live.start(*args)
    try:
        yield live
    finally:
        if live.process.poll() is None:
            live.stop()
