"""Many calls for a while, beside an agent that comes and goes: what a process
has must not grow, and what it counts must add up."""
import contextlib
import os
import random
import re
import statistics
import subprocess
import threading
import time

import harness
from delivery import (Living, agent, caller, counts, double, left_behind,
                      name_of, number_of, wait_for)
from relays import Relay
from report import copies, read_unanswered, spool_of

THREADS, WORKERS, PAUSE_MS = 16, 4, 100
MIB = 1024 * 1024
# A leak grows in each part of the time; a burst, or memory that
# libc keeps after it, does in one.
PARTS = 4
PART_KIB = 256
# Beside the program's own threads; of descriptors each of its threads has some
# in a call, and so has each of ours.
OUR_THREADS = 2
FILES_AT_REST, FILES_A_THREAD = 16, 5
RELAY_FILES = 32 # of a relay
FLAPS = ("500", "reset", "close", "429")


def flap(dd, over):
    draw = random.Random(1)
    while not over.wait(0.3):
        dd.fault(draw.choice(FLAPS))
        over.wait(0.3)
        dd.well()


class Sample:
    def __init__(self, pid):
        with open("/proc/%d/status" % pid) as f:
            text = f.read()
        self.kib = int(re.search(r"VmRSS:\s+(\d+)", text).group(1))
        self.threads = len(os.listdir("/proc/%d/task" % pid))
        self.files = len(os.listdir("/proc/%d/fd" % pid))


class Watch:
    """A process, looked at four times a second."""

    def __init__(self, pid):
        self.pid, self.seen = pid, []
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.look)
        self.thread.start()

    def look(self):
        while True:
            try:
                self.seen.append(Sample(self.pid))
            except (OSError, AttributeError):
                return
            if self.over.wait(0.25):
                return

    def end(self):
        self.over.set()
        self.thread.join()

    def growth(self):
        """KiB of each part of the time after a third, in which it warms up."""
        kib = [s.kib for s in self.seen[len(self.seen) // 3:]]
        n = max(len(kib) // (PARTS + 1), 1)
        level = [statistics.median(kib[i * n:(i + 1) * n] or kib[-1:])
                 for i in range(PARTS + 1)]
        return [int(b - a) for a, b in zip(level, level[1:])]


class Master:
    """The program of many threads, and its workers."""

    def __init__(self, t, env, leak, launcher=(),
                 sizes=(THREADS, WORKERS, PAUSE_MS),
                 body=harness.body("<soak>")):
        self.process = subprocess.Popen(
            [*launcher, harness.LAUNCHER, caller(t), t.url, "soak",
             *map(str, sizes), body],
            env=dict(t.environment(True, env), LEAK=leak),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE)
        pids = [int(p) for p in self.process.stdout.readline().split()]
        self.watches = [Watch(p) for p in [self.process.pid] + pids]

    def stop(self):
        """No more calls; gives how many went well."""
        self.process.stdin.write(b"\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def still(self):
        """The memory and files that each process has then."""
        for watch in self.watches:
            watch.end()
        return [Sample(w.pid) for w in self.watches]

    def end(self):
        out, err = self.process.communicate(timeout=60)
        return self.process.returncode, out, err


def tell_processes(report, master, still):
    for i, (watch, last) in enumerate(zip(master.watches, still)):
        name = "worker %d" % i if i else "16 threads"
        grown, seen = watch.growth(), watch.seen[len(watch.seen) // 3:]
        own = 1 if i else THREADS + 1
        report.verdict(min(grown) <= PART_KIB,
                       "  %s: memory %d KiB at the end; it grew by %s KiB"
                       % (name, last.kib, ", ".join(map(str, grown))))
        report.verdict(
            max(s.files for s in seen) <= FILES_AT_REST +
            own * FILES_A_THREAD and last.files <= FILES_AT_REST,
            "  %s: descriptors %d at most, %d at rest" % (
                name, max(s.files for s in seen), last.files))
        report.verdict(
            max(s.threads for s in seen) <= own + OUR_THREADS and
            last.threads <= 1 + OUR_THREADS,
            "  %s: threads %d at most, %d at rest" % (
                name, max(s.threads for s in seen), last.threads))


def tell_counters(report, t, made):
    said = counts(t)
    parts = ("delivered", "pending", "spooled", "unconfirmed", "dropped")
    report.verdict(said["captured"] == made == said["delivered"] and
                   made == sum(said[p] for p in parts),
                   "  counters: %d calls, captured %d" % (
                       made, said["captured"]) +
                   "".join(", %s %d" % (p, said[p]) for p in parts))


def tell_files(report, t, spool=None):
    """The spool's own files of usage and links, and the ledger's own, stay.
    `spool`: where it is, if not in the store."""
    found = sorted(os.path.relpath(os.path.join(place, name), top)
                   for top in filter(None, (spool, os.path.join(
                       t.dir, "store")))
                   for place, _, names in os.walk(top) for name in names)
    stays = re.compile(r"(spool/)?(usage|(links|relay)\.\d+)|"
                       r"stats/(totals|folded)|answers|dead-[^/]*")
    kept = [n for n in found if not stays.fullmatch(n)]
    report.verdict(not kept and not left_behind(t, spool),
                   "  files left behind: %s" % (", ".join(kept) or "none"))


class Watched:
    """A relay whose process is looked at; or none."""

    def __init__(self, t, env, wanted):
        self.relay = Relay(t, env) if wanted else None
        if self.relay:
            self.watch = Watch(int(subprocess.run(
                ["pgrep", "-P", str(self.relay.process.pid)], check=True,
                stdout=subprocess.PIPE).stdout))

    def end(self, report):
        if not self.relay:
            return
        self.watch.end()
        with self.relay as relay:
            relay.end()
        grown = self.watch.growth()
        seen = self.watch.seen[len(self.watch.seen) // 3:]
        report.verdict(
            min(grown) <= PART_KIB and len(seen) > PARTS and
            max(s.files for s in seen) <= RELAY_FILES and
            max(s.threads for s in seen) == 1,
            "  the relay: memory %d KiB at the end; it grew by %s KiB; "
            "descriptors %d at most, a thread" % (
                seen[-1].kib, ", ".join(map(str, grown)),
                max(s.files for s in seen)))


def steady(report, seconds, leak="", relay=False):
    t, over = report.case(), threading.Event()
    with double(t) as dd:
        # an answer is waited for, however busy the host
        env = agent(dd, _DD_LLMOBS_WRITER_TIMEOUT="60")
        watched = Watched(t, env, relay)
        master = Master(t, env, leak)
        flapper = threading.Thread(target=flap, args=(dd, over))
        flapper.start()
        time.sleep(seconds)
        made = master.stop()
        over.set()
        flapper.join()
        dd.well()
        wait_for(lambda: len(copies(dd)) >= made, 120, 0.5)
        still = master.still()
        if "d" in leak: # a file of somebody who is gone
            open(os.path.join(spool_of(t), name_of("1-1-1")), "w").close()
        ended = master.end()
        wait_for(lambda: not relay or not left_behind(t), 30, 0.1)
        watched.end(report)
        came = copies(dd)
        twice = sum(len(n) - 1 for n in came.values())
        report.verdict(
            len(came) == made and twice <= len(read_unanswered(dd)),
            "soak%s, %d s of an agent that comes and goes: %d calls, %d "
            "delivered, %d twice" % (" with a relay" if relay else "", seconds,
                                     made, len(came), twice))
        report.verdict(ended == (0, b"", b""), "  it ended as it should")
        tell_processes(report, master, still)
        tell_counters(report, t, made)
        tell_files(report, t)
    report.done(t)


def usage(t):
    """Bytes in the spool's files, and the highest number of one."""
    total = last = 0
    for name in left_behind(t):
        last = max(last, number_of(name))
        with contextlib.suppress(OSError): # it went meanwhile
            total += len(harness.data_of(os.path.join(spool_of(t), name)))
    return total, last


def turnover(report, files, file_bytes):
    """A worker of 50 spans a second at most, for so many files of its spool,
    more than its cap has room for: what is delivered must go before."""
    t, cap = report.case(), 16 * file_bytes  # a 16th of it is a file's
    peak = last = made = 0
    with double(t) as dd:
        # On a busy host its exit may take longer than it has by default.
        env = agent(dd, LLMOBS_SPOOL_MAX=str(cap),
                    LLMOBS_EXIT_FLUSH_MS="20000")
        with Living(t, env, keep=True) as app:
            due = time.monotonic()
            while last <= files:
                due = max(due + 0.02, time.monotonic())
                app.ask("%d %s" % (made, "x" * 16000))
                made += 1
                size, last = usage(t)
                peak = max(peak, size)
                time.sleep(max(due - time.monotonic(), 0))
            app.end()
            full = "LLMOBS_SPOOL_MAX" in app.log()
        came = len(copies(dd))
    report.verdict(
        not full and peak < cap and came == made and not left_behind(t),
        "%d files of %d KiB, %d calls: %d delivered; the spool had %d of %d "
        "KiB at most%s" % (last - 1, file_bytes // 1024, made, came,
                           peak // 1024, cap // 1024,
                           ", AND WAS FULL" if full else ""))
    report.done(t)
