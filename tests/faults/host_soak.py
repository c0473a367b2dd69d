"""A host for a while: programs of many kinds beside one relay and an agent
that dies and returns, logs that are rotated, a disk that is full and an
upgrade. Each program counts its calls; the spans are counted at the agent."""
import collections
import contextlib
import importlib.machinery
import importlib.util
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request

import harness
from delivery import (Datadog, Living, agent, caller, counts, left_behind,
                      wait_for)
from relay_rows import mounted, replace
from relays import Relay
from report import copies, prompt_of, take_over, unexplained
from soak import PART_KIB, Master, Watch, tell_files

ROOM = os.path.join(harness.ROOT, "tests", "matrix")
SPOOL = "64m" # the file system of the spool
PROGRAMS = 3 # at once, of those that come and go
LONGEST_S = 60 # of an outage
# Of the matrix's C programs these; the others differ in how they are linked.
C = ("C, linked, lazy, PIE", "C, dlopen and dlsym, RTLD_LOCAL",
     "C, plugin, RTLD_LOCAL", "C, as Julia: own copy, RTLD_DEEPBIND")


def matrix():
    """tests/matrix/run as a module."""
    sys.path.append(ROOM)
    loader = importlib.machinery.SourceFileLoader(
        "matrix_run", os.path.join(ROOM, "run"))
    spec = importlib.util.spec_from_loader("matrix_run", loader)
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


class Agent(Datadog):
    """Dies, returns at its port, and knows what came to it before."""

    def __init__(self, ca):
        self.taken, self.asked, self.complaints = [], [], []
        super().__init__(ca=ca)

    def die(self):
        """First it takes spans and answers nobody, so they come twice; then it
        takes none, so all that it took is known when it is killed."""
        self.fault("cut-head")
        time.sleep(1)
        self.fault("503")
        time.sleep(1)
        self.taken, self.asked, self.complaints = (
            self.spans(True), self.requests(""), self.violations())
        os.kill(self.pid, signal.SIGKILL)
        wait_for(lambda: not self.lives(), 20)

    def live_again(self):
        self.start("--agent-port", str(self.port))

    def numbered(self, found, name):
        for one in found:
            one[name] += len(self.asked)
        return found

    def spans(self, full=False):
        every = self.taken + self.numbered(super().spans(True), "request")
        return every if full else [one["event"] for one in every]

    def requests(self, path="llmobs", listener=None):
        return self.asked + self.numbered(super().requests(path, listener),
                                          "number")

    def violations(self):
        return self.complaints + super().violations()


class Host:
    """Runs the programs and counts their calls, by prompt."""

    def __init__(self, t, env, launcher):
        self.t, self.env, self.launcher = t, env, launcher
        self.made, self.begun = collections.Counter(), set()
        self.runs, self.kinds, self.broken = collections.Counter(), [], []
        self.over, self.lock = threading.Event(), threading.Lock()
        self.turn = itertools.count()

    def body(self, prompt, **more):
        return harness.body("<%s>" % prompt, **more)

    def note(self, prompt, calls=1):
        with self.lock:
            self.made[prompt] += calls

    def place(self, prompt):
        path = os.path.join(self.t.dir, "work", prompt.replace(" ", "-"))
        os.makedirs(path, exist_ok=True)
        return path

    def start(self, argv, place, env=None, bare=False, **more):
        into = [] if bare or not self.launcher else [
            *self.launcher, "--wd=" + place]
        return subprocess.Popen(
            into + ([] if bare else [harness.LAUNCHER]) + list(argv),
            env=self.t.environment(not bare, dict(
                {} if bare else self.env, **env or {})), cwd=place,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, **more)

    def run(self, argv, prompt, **more):
        """Gives what it says; it must end well."""
        process = self.start(argv, self.place(prompt), **more)
        try:
            out = process.communicate(timeout=120)[0]
        finally:
            process.kill()
            process.wait()
        shutil.rmtree(self.place(prompt), ignore_errors=True)
        harness.equal(process.returncode, 0, "status of %s (%s)" % (
            argv[0], harness.short(out)))
        return out

    def living(self):
        return Living(self.t, self.env, keep=True, launcher=self.launcher)

    def work(self):
        while not self.over.is_set():
            with self.lock:
                number = next(self.turn)
            kind = number % len(self.kinds)
            name, program = self.kinds[kind]
            try:
                program("k%d r%d" % (kind, number))
                self.runs[kind] += 1
            except Exception as e: # a verdict says it
                self.broken.append("%s: %s: %s" % (name, type(e).__name__, e))
            self.over.wait(0.1)

    # -- kinds; each takes the beginning of its prompts

    def add_row(self, row, argv, calls):
        url = self.t.servers.base(row.tls) + row.path

        def program(prompt, bare=False):
            arguments, prompts = [], []
            for i in range(calls):
                mode = ("json", "stream")[i % 2]
                path = os.path.join(self.place(prompt), "%d.body" % i)
                prompts.append("%s c%d" % (prompt, i))
                with open(path, "w") as f:
                    f.write(self.body(prompts[-1], stream=True) if i % 2
                            else self.body(prompts[-1]))
                arguments += [mode, path]
            self.run(argv + [url] + arguments, prompt, bare=bare,
                     env={"CA_FILE": self.t.servers.cert, **row.settings})
            if not bare:
                for one in prompts:
                    self.note(one)

        try:
            program("probe", bare=True)
            self.kinds.append((row.name, program))
        except (OSError, harness.Failure, subprocess.SubprocessError):
            pass # it is not installed

    def lines(self, *mode):
        """Calls by the caller's stdin, as a program that lives for a while."""
        def program(prompt):
            process = self.start(
                ["sh", "-c", 'printf "%s\\n%s\\n" "$1" "$2" | "$3" "$4" $5',
                 "sh", self.body(prompt), self.body(prompt), caller(self.t),
                 self.t.url, *mode], self.place(prompt))
            said = process.communicate(timeout=120)[0].split()
            harness.equal(said[1::3], [b"200"] * 2, "its calls")
            self.note(prompt, 4 if mode == ("pair",) else 2)
        return program

    def lives(self, prompt, end="end"):
        """For seconds; ends in order, begins anew by exec amid that, or is
        killed amid a call."""
        with self.living() as app:
            for i in range(4):
                if end == "exec" and i == 2:
                    app.tell("exec")
                app.ask("<%s c%d>" % (prompt, i))
                self.note("%s c%d" % (prompt, i))
                self.over.wait(0.5)
            if end == "kill":
                self.begun.add(prompt + " cut")
                app.begin("<%s cut>" % prompt)
                app.kill()
            else:
                app.end()

    def prefork(self, prompt):
        said = self.run([caller(self.t), self.t.url, "prefork", "3",
                         self.body(prompt)], prompt)
        self.note(prompt, int(said))

    def shell(self, prompt, script, calls):
        self.run(["sh", "-c", script, "sh", self.body(prompt), self.t.url],
                 prompt)
        self.note(prompt, calls)

    def page(self, prompt):
        """Of PHP's own server, which lives as long as the host."""
        path = os.path.join(self.place(prompt), "body")
        with open(path, "w") as f:
            f.write(self.body(prompt))
        query = urllib.parse.quote(json.dumps(
            ["easy", self.t.url, "json", path]))
        with urllib.request.urlopen("http://127.0.0.1:%d/?args=%s" % (
                self.pages, query), timeout=60) as answer:
            harness.ok(b"json 0 200" in answer.read(), "the page's call")
        self.note(prompt)

    def begin(self):
        """Those that live as long as the host, and those that come and go."""
        self.pages = harness.free_port()
        self.server = self.start(
            ["php", "-S", "127.0.0.1:%d" % self.pages,
             os.path.join(ROOM, "client.php")], self.t.dir)
        harness.wait_port(self.pages, self.server)
        self.watch = Watch(self.server.pid)
        self.prompt = "k%d" % len(self.kinds) # after those of the programs
        self.master = Master(self.t, self.env, "", self.launcher,
                             (4, 2, 1000), self.body(self.prompt))
        self.threads = [threading.Thread(target=one) for one in [
            self.server.stdout.read] + PROGRAMS * [self.work]]
        for one in self.threads:
            one.start()

    def finish(self):
        self.over.set()
        for one in self.threads[1:]:
            one.join()
        self.note(self.prompt, self.master.stop())
        self.runs[len(self.kinds)] += 1
        self.master.still()
        self.watch.end()
        self.server.terminate()
        harness.equal((self.master.end(), self.server.wait()),
                      ((0, b"", b""), -signal.SIGTERM), "how they ended")

    def quiet(self, argv):
        """A program that makes no call: it has no span."""
        return lambda prompt: self.run(argv, prompt)

    def add_kinds(self):
        room = matrix()
        programs = room.Programs(os.path.join(self.t.dir, "programs"))
        for n, row in enumerate(room.rows.ROWS):
            if row.seen and not (row.quiet or row.user or row.rules or
                                 row.cmake) and \
                    (row.client in C or not row.client.startswith("C, ")):
                with contextlib.suppress(OSError, harness.Failure):
                    self.add_row(row, programs.argv(row), 1 + n % 4)
        ask = 'curl -qsS -H Content-Type:application/json -d "$1"'
        self.kinds += [
            ("C, two lines, easy", self.lines()),
            ("C, two lines, multi", self.lines("multi")),
            ("C, two at once on one connection", self.lines("pair")),
            ("C, lives for seconds", self.lives),
            ("C, execs itself", lambda p: self.lives(p, "exec")),
            ("C, killed (SIGKILL) amid a call",
             lambda p: self.lives(p, "kill")),
            ("C, forks workers", self.prefork),
            ("sh, a loop of curls", lambda p: self.shell(
                p, "for i in 1 2 3 4; do %s $2; done" % ask, 4)),
            ("sh, curls side by side", lambda p: self.shell(
                p, "for i in 1 2 3; do %s $2 & done; wait" % ask, 3)),
            ("sh, exec of curl", lambda p: self.shell(
                p, "exec %s $2" % ask, 1)),
            ("PHP, its built-in server", self.page),
            ("no call, git", self.quiet(["git", "--version"])),
            ("no call, Python", self.quiet([harness.PYTHON, "-c", "1"])),
        ]


class Events:
    """That which happens to a host, in its order."""

    def __init__(self, host, dd, seconds, path, installed):
        self.host, self.dd, self.t, self.path = host, dd, host.t, path
        self.seconds, self.installed = seconds, installed
        self.relays, self.log, self.began = [], [], time.monotonic()
        self.relay()

    def relay(self, wait=True):
        relay = Relay(self.t, self.host.env, wait=wait and not self.path,
                      launcher=self.host.launcher)
        child = wait_for(lambda: subprocess.run(
            ["pgrep", "-P", str(relay.process.pid)], check=False,
            stdout=subprocess.PIPE).stdout, 10)
        self.relays.append((relay, Watch(int(child))))

    def tell(self, text):
        self.log.append("%d s: %s" % (time.monotonic() - self.began, text))

    def until(self, part):
        time.sleep(max(0, self.began + part * self.seconds -
                       time.monotonic()))

    def outage(self, part):
        """The end of what began at that part of the time."""
        time.sleep(min(LONGEST_S, part * self.seconds))

    def agent_dies(self):
        self.dd.die()
        self.tell("the agent was killed")
        self.outage(0.08)
        self.dd.live_again()
        self.tell("the agent was there again")

    def rotate(self):
        log = os.path.join(self.t.dir, "log")
        with contextlib.suppress(FileNotFoundError):
            os.rename(log, log + ".1")
        self.tell("the log was renamed")

    def fill(self):
        if not self.path:
            return
        ballast = os.path.join(self.path, "ballast")
        with open(ballast, "wb", 0) as f, contextlib.suppress(OSError):
            while True:
                f.write(bytes(4096))
        free = os.statvfs(self.path).f_bavail
        self.tell("the disk had %d free pages" % free)
        self.outage(0.07)
        os.unlink(ballast)
        self.tell("the disk had room again")

    def upgrade(self):
        """Programs under way keep the files that they have."""
        other = self.t.built + "-test"
        replace(other if os.path.exists(os.path.join(other, "llmobs"))
                else self.t.built, self.installed)
        self.relay(wait=False)
        time.sleep(0.5)
        relay, watch = self.relays[-2]
        watch.end()
        relay.end()
        self.tell("the files were replaced, a new relay took over")

    def kill_relay(self):
        relay, watch = self.relays[-1]
        relay.kill()
        watch.end()
        self.outage(0.02)
        self.relay(wait=False)
        self.tell("the relay had been killed, a new one began")

    def happen(self):
        for part, event in (
                (0.10, self.agent_dies), (0.25, self.rotate),
                (0.32, self.fill), (0.50, self.upgrade), (0.58, self.rotate),
                (0.62, self.agent_dies), (0.75, self.fill),
                (0.90, self.kill_relay), (1, lambda: None)):
            self.until(part)
            event()

    def close(self):
        for relay, watch in self.relays:
            watch.end()
            with relay:
                if relay.process.poll() is None:
                    relay.end()


def memory(report, name, watch):
    seen = watch.seen
    if len(seen) < 8:
        return report.verdict(False, name + ": seen %d times" % len(seen))
    at = [seen[min(len(seen) - 1, len(seen) * i // 4)].kib
          for i in range(1, 5)]
    return report.verdict(
        min(watch.growth()) <= PART_KIB, "| %s | %s |" % (
            name, " | ".join(map(str, at))))


def tell_kinds(report, host, spans):
    """Gives how many spans are lost, and prints them by language."""
    came, made = {}, host.made
    for span in spans:
        came.setdefault(prompt_of(span), set()).add(span["span_id"])
    missing = {p: max(0, n - len(came.get(p, ()))) for p, n in made.items()}
    rows, kinds = {}, host.kinds + [("C, threads and workers", None)]
    for kind, (name, _) in enumerate(kinds):
        mine = [p for p in made if p.split()[0] == "k%d" % kind]
        row = rows.setdefault(name.split(",")[0], [0] * 5)
        calls, less = [sum(n[p] for p in mine) for n in (made, missing)]
        for i, n in enumerate((1, host.runs[kind], calls, calls - less, less)):
            row[i] += n
        if less:
            print("lost of %s: %s" % (name, [p for p in mine if missing[p]]))
    rows["all"] = list(map(sum, zip(*rows.values())))
    print("\n| programs | kinds | runs | calls | spans | lost |\n"
          "| --- | --- | --- | --- | --- | --- |")
    for name, row in rows.items():
        print("| %s | %s |" % (name, " | ".join(map(str, row))))
    print()
    strange = sorted(str(p) for p, ids in came.items()
                     if len(ids) > made.get(p, p in host.begun))
    report.verdict(not strange, "invented: %s" % (
        ", ".join(strange[:5]) or "none"))
    return rows["all"][-1]


def logs(t):
    """The texts of the log, and of the one that was renamed last."""
    for name in "log", "log.1":
        with open(os.path.join(t.dir, name), errors="replace") as f:
            yield f.read()


def tell(report, host, dd, spans, spool):
    t, wrong = host.t, unexplained(dd)
    lost, said = tell_kinds(report, host, spans), counts(t)
    report.verdict(
        lost <= said["dropped"] + said["fell_back"],
        "not at the agent: %d; counted as dropped: %d, in the local store: %d"
        % (lost, said["dropped"], said["fell_back"]))
    twice = sum(len(n) - 1 for n in copies(dd).values())
    report.verdict(not wrong, "came twice: %d; of these with an answer that "
                   "could be read: %d" % (twice, len(wrong)))
    report.verdict(not host.broken, "programs that did not end as ever: %d %s"
                   % (len(host.broken), host.broken[:3]))
    report.verdict(not dd.violations(), "violations at the agent: %s" % (
        dd.violations()[:3] or "none"))
    report.verdict(not any(harness.SECRET in text for text in logs(t)),
                   "secrets in the log: none")
    tell_files(report, t, spool)


def live(report, t, seconds, launcher, path):
    """For so long; `path`: the spool's file system as seen from here."""
    t.built, t.build = t.build, os.path.join(t.dir, "installed")
    os.makedirs(t.build)
    replace(t.built, t.build)
    place = os.path.join(t.dir, "small", "spool")
    folder = os.path.join(path, "spool") if path else place
    with Agent(t.servers.cert) as dd:
        # an answer is waited for, however busy the host
        env = agent(dd, _DD_LLMOBS_WRITER_TIMEOUT="60",
                    LLMOBS_SPOOL_DIR=place, LLMOBS_LOG_LEVEL="info")
        host = Host(t, env, list(launcher or ()))
        host.add_kinds()
        with contextlib.closing(Events(host, dd, seconds, path,
                                       t.build)) as events:
            host.begin()
            try:
                events.happen()
            finally:
                host.finish()
            wait_for(lambda: not left_behind(t, folder), 60, 0.5)
            spans = take_over(t, dd, env, 60, folder, host.launcher)
            wait_for(lambda: not left_behind(t, folder), 10, 0.1)
        print("%d s\n%s" % (seconds, "\n".join(events.log)))
        tell(report, host, dd, spans, folder)
        print("\n| KiB at each quarter of its time | 1 | 2 | 3 | 4 |")
        print("| --- | --- | --- | --- | --- |")
        for i, watch in enumerate(host.master.watches):
            memory(report, "worker %d" % i if i else "4 threads", watch)
        memory(report, "PHP's built-in server", host.watch)
        for i, (_, watch) in enumerate(events.relays):
            memory(report, "relay %d" % (i + 1), watch)


def lives(report, seconds):
    t = report.case()
    place = os.path.join(t.dir, "small")
    os.mkdir(place)
    with mounted(report, "a full disk", place, SPOOL) as (launcher, path):
        live(report, t, seconds, launcher, path)
    report.done(t)
