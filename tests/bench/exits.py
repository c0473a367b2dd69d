"""Measures the exit of a short program: curl with one call, to each destination.

Each round runs curl bare and observed in turn, beside a model that answers at
once, and beside one that answers after 700 ms (a third of the rounds). It prints a
table in Markdown: the median of the ratios of the pairs, and that of the
differences in ms with their quartiles. The floor is the difference of a bare curl
that sends the same to the destination itself, after the call. An intake is a
server of TLS on loopback that answers each flight of the client a round trip late
(far.py). Another build (--than) runs in the same rounds, in front. A line tells of
spans that did not arrive.
"""
import contextlib
import glob
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

from llm_server import make_certificates

ASK = '{"model":"gpt-4o-mini","messages":[{"role":"user","content":"%s"}]%s}'
SPEEDS = {"at once": ASK % ("x" * 2000, ""),
          "700 ms": ASK % ("x" * 2000, ',"user":"late"')}
TRIPS = ("0", "30", "100")
LEFT = 40         # directories that an outage left, at least


def mute():
    """Takes connections, and never answers."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
    return listener, []


def black_hole():
    """A full queue: the kernel drops who wants to connect."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=0)
    held = []
    for _ in range(4):
        client = socket.socket()
        client.setblocking(False)
        client.connect_ex(listener.getsockname())
        held.append(client)
    return listener, held


class Arm:
    """One way to run curl, with files of its own."""

    def __init__(self, work, build):
        self.build = build
        self.preload = build and build + "/libllmobs_preload.so"
        self.folder = tempfile.mkdtemp(dir=work)
        self.store = os.path.join(self.folder, "store")

    def run(self, env, argv):
        """The seconds that it takes."""
        if self.preload:
            env = dict(env, LD_PRELOAD=self.preload,
                       LLMOBS_STORE_DIR=self.store)
        out = os.open(os.devnull, os.O_RDWR)
        began = time.monotonic()
        pid = os.posix_spawnp(argv[0], argv, env, file_actions=[
            (os.POSIX_SPAWN_DUP2, out, 1)])
        status = os.waitpid(pid, 0)[1]
        took = time.monotonic() - began
        os.close(out)
        if status:
            raise RuntimeError("curl failed: status %d" % status)
        return took

    def mark(self, url):
        """As a process does that finds a peer silent (core/export/peer.c)."""
        number = 0xcbf29ce484222325
        for byte in url.encode():
            number = (number ^ byte) * 0x100000001b3 % 2 ** 64
        os.makedirs(self.store, exist_ok=True)
        with open("%s/dead-%016x" % (self.store, number), "w"):
            pass

    @contextlib.contextmanager
    def relay(self, env):
        """One that runs for this arm's spool."""
        process = subprocess.Popen(
            [self.build + "/llmobs", "relay"],
            env=dict(env, LLMOBS_STORE_DIR=self.store),
            stdout=subprocess.DEVNULL)
        try:
            for _ in range(100):
                if glob.glob(self.store + "/spool/relay.*"):
                    break
                time.sleep(0.05)
            else:
                raise RuntimeError("the relay did not start")
            yield
        finally:
            process.terminate()
            process.wait()

    def forget_marks(self):
        with contextlib.suppress(FileNotFoundError):
            for name in os.listdir(self.store):
                if name.startswith("dead-"):
                    os.unlink(os.path.join(self.store, name))

    def left(self):
        """The files of processes in the spool."""
        try:
            names = os.listdir(self.store + "/spool")
        except FileNotFoundError:
            return 0
        return len([name for name in names if "-" in name])


class Exits:
    def __init__(self, bench, rounds, word):
        self.rounds, self.word = rounds or 15, word
        self.work = bench.work
        self.arms = [Arm(self.work, build) for build in (
            [None] + [bench.other] * bool(bench.other) + [bench.build])]
        self.ca, leaf, key = make_certificates(self.work)
        server = os.path.join(self.work, "server")
        self.model, = bench.serve(server)
        self.agent, = bench.serve(server)
        *trips, self.control = bench.serve(
            sys.executable, os.path.join(os.path.dirname(__file__), "far.py"),
            leaf, key, *TRIPS)
        self.trips = dict(zip(TRIPS, trips))
        self.app = bench.bare

    # ---- destinations -----------------------------------------------------

    def env(self, exporter, **more):
        return dict(self.app, DD_LLMOBS_ENABLED="1", DD_SERVICE="bench",
                    LLMOBS_EXPORTER=exporter, **more)

    def to_agent(self, port):
        return self.env("agent",
                        DD_TRACE_AGENT_URL="http://127.0.0.1:%d" % port)

    def to_intake(self, port):
        return self.env("agentless", DD_API_KEY="0" * 32,
                        LLMOBS_CA_FILE=self.ca,
                        DD_LLMOBS_OVERRIDE_ORIGIN="https://localhost:%d" %
                        port)

    # ---- runs --------------------------------------------------------------

    def curl(self, arm, env, speed, *more):
        return arm.run(env, ["curl", "-s", "-d", SPEEDS[speed],
                             "http://127.0.0.1:%d/v1/chat/completions" %
                             self.model, *more])

    def floor(self, speed, to):
        """Seconds of a bare curl that sends itself."""
        return self.curl(self.arms[0], self.app, speed, "--next", "-s",
                         "--cacert", self.ca, "-d", SPEEDS[speed], to)

    def pairs(self, env, speed, before, to):
        """The seconds of each arm, round by round; the first is the bare
        one, the last the floor if there is one."""
        rounds = self.rounds if speed == "at once" else (self.rounds + 2) // 3
        times = []
        for i in range(rounds):
            took = {}
            for arm in self.arms[::1 if i % 2 else -1]:
                if before and arm.preload:
                    before(arm)
                took[arm] = self.curl(arm, env, speed)
            times.append([took[arm] for arm in self.arms])
            if to:
                times[-1].append(self.floor(speed, to))
        return times

    def row(self, name, env, before=None, warm=False, to=None, relay=False):
        if self.word not in name:
            return
        cells = []
        for speed in SPEEDS:
            with contextlib.ExitStack() as relays:
                for arm in self.arms[1:]:
                    shutil.rmtree(arm.store, ignore_errors=True)
                    if relay:
                        relays.enter_context(arm.relay(env))
                    if warm:
                        self.curl(arm, env, speed)
                times = self.pairs(env, speed, before, to)
            for i in range(1, len(self.arms)):
                cells += ["%.3f" % statistics.median(t[i] / t[0]
                                                     for t in times),
                          self.more(times, i)]
            cells.append(self.more(times, -1) if to else "")
        print("| %s | %s |" % (name, " | ".join(cells)), flush=True)

    def more(self, times, i):
        more = [1000 * (t[i] - t[0]) for t in times]
        text = "%+.1f" % statistics.median(more)
        if len(more) > 1:
            low, _, high = statistics.quantiles(more, n=4)
            text += " (%+.1f to %+.1f)" % (low, high)
        return text

    # ---- what arrives ------------------------------------------------------

    def taken(self):
        with socket.create_connection(("127.0.0.1", self.control)) as s:
            return json.load(s.makefile())

    def intake(self, trip):
        name = "intake at once" if trip == "0" else "intake, %s ms" % trip
        self.row(name, self.to_intake(self.trips[trip]),
                 to="https://localhost:%d/" % self.trips[trip])

    def arrive(self):
        """Every span of an intake arrives, over one connection."""
        if self.word not in "intake":
            return
        env, count = self.to_intake(self.trips["0"]), 0
        self.taken()
        for arm in self.arms[1:]:
            shutil.rmtree(arm.store, ignore_errors=True)
            for _ in range(5):
                self.curl(arm, env, "700 ms")
                count += 1
        got = self.taken()
        if (got["spans"], got["opened"]) != (count, count):
            print("of %d spans %d arrived, over %d connections" % (
                count, got["spans"], got["opened"]))

    # ---- peers that do not answer -------------------------------------------

    def nobody(self, name, make):
        for kind, env in (("agent", self.to_agent), ("intake",
                                                     self.to_intake)):
            listener, held = make()
            port = listener.getsockname()[1]
            self.row("%s %s, first run of 30 s" % (name, kind), env(port),
                     Arm.forget_marks)
            self.row("%s %s, later runs" % (name, kind), env(port), warm=True)
            self.row("%s %s, with a relay" % (name, kind), env(port),
                     relay=True)
            for each in [listener] + held:
                each.close()

    # ---- after an outage -----------------------------------------------------

    def after_outage(self, kind, env, url):
        """Each run finds what others left while nobody answered."""
        def refill(arm):
            if arm.left() < LEFT:
                for _ in range(LEFT):
                    arm.mark(url)
                    self.curl(arm, env, "at once")
                if arm.left() < LEFT:
                    raise RuntimeError("runs in an outage left nothing")
                arm.forget_marks()

        self.row("%s, after an outage" % kind, env, refill)

    def run(self):
        heads = [""]
        for speed in SPEEDS:
            for mark in [""] if len(self.arms) == 2 else [" (a)", " (b)"]:
                heads += ["model %s%s: ratio" % (speed, mark), "more ms"]
            heads.append("floor, ms")
        print("| %s |\n|%s" % (" | ".join(heads), " --- |" * len(heads)))
        self.row("off", dict(self.env("store"), DD_LLMOBS_ENABLED="0"))
        self.row("store", self.env("store"))
        self.row("agent", self.to_agent(self.agent),
                 to="http://127.0.0.1:%d/evp_proxy/v2/x" % self.agent)
        self.row("agent, with a relay", self.to_agent(self.agent), relay=True)
        for trip in TRIPS:
            self.intake(trip)
        self.arrive()
        self.row("intake, 100 ms, with a relay",
                 self.to_intake(self.trips["100"]), relay=True)
        with socket.socket() as nobody:
            nobody.bind(("127.0.0.1", 0))
            self.row("dead agent", self.to_agent(nobody.getsockname()[1]))
            self.row("dead intake", self.to_intake(nobody.getsockname()[1]))
        env = self.to_agent(self.agent)
        self.after_outage("agent", env, env["DD_TRACE_AGENT_URL"])
        for trip in TRIPS[:2]:
            env = self.to_intake(self.trips[trip])
            self.after_outage("intake, %s ms" % trip, env,
                              env["DD_LLMOBS_OVERRIDE_ORIGIN"])
        self.nobody("silent", mute)
        self.nobody("black hole:", black_hole)


def table(bench, rounds, word):
    Exits(bench, rounds, word).run()
