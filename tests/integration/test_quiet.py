"""Programs that call no model: nothing is created, started or written that the
program itself would not, says strace."""
import os
import re
import shutil

from delivery import agent, counts, double, untouched
from harness import APPS, PYTHON, ROOT, Skip, body, equal, ok, test, tree

# The kinds of trace: files, processes and threads, bytes, sockets, descriptors
# that wake others, shared memory, signals. An unknown name is skipped (`?`).
CALLS = """open creat openat openat2 mkdir mkdirat rename renameat renameat2
unlink unlinkat rmdir link linkat symlink symlinkat mknod mknodat truncate
ftruncate fallocate chmod fchmod fchmodat chown fchown fchownat utimensat
setxattr memfd_create shmget msgget semget clone clone3 fork vfork execve
execveat write writev pwrite64 pwritev pwritev2 sendto sendmsg sendmmsg sendfile
splice copy_file_range msync socket socketpair connect bind listen pipe pipe2
eventfd eventfd2 epoll_create epoll_create1 timerfd_create timer_create
setitimer signalfd4 inotify_init1 io_uring_setup kill tkill tgkill""".split()
READS = re.compile(r"^open(at2?)?\(.*\bO_RDONLY\b(?!.*O_(CREAT|TRUNC))")
LEVEL = re.compile(r"0x[0-9a-f]+|\b\d+ vars\b")


def traced(t, argv, ours, env):
    """The acts of argv that leave a trace, sorted, since processes run as they
    may; addresses and pids are levelled."""
    if not shutil.which("strace"):
        raise Skip("no strace")
    folder = os.path.join(t.dir, "trace")
    shutil.rmtree(folder, ignore_errors=True)
    os.mkdir(folder)
    r = t.run(["strace", "-ff", "-qq", "-s", "200", "-e", "signal=none", "-e",
               "trace=" + ",".join("?" + name for name in CALLS), "-o",
               folder + "/of", "--"] + argv, preload=ours, env=env)
    lines = b"".join(tree(folder).values()).decode().splitlines()
    done = [LEVEL.sub("N", re.sub(r"^((clone|v?fork).*= )\d+$", r"\1N", line))
            for line in lines if not READS.match(line)]
    return r, sorted(line for line in done if not line.startswith("+++"))


def nothing_more(t, argv, done_at_least=1):
    """argv does the same with us, and leaves neither store nor log."""
    bare, want = traced(t, argv, False, {})
    ok(len(want) >= done_at_least, "strace saw nothing")
    for exporter in "store", None:
        ours, got = traced(t, argv, True, {
            "LLMOBS_EXPORTER": exporter, "LLMOBS_LOG_LEVEL": None})
        t.compare(bare, ours)
        equal("\n".join(got), "\n".join(want), "what it did")
        equal((ours.store_exists, ours.log), (False, ""), "store and log")


def page(t):
    return "http://127.0.0.1:%d/v1/models" % t.servers.http


@test
def no_libcurl(t):
    nothing_more(t, ["true"])
    nothing_more(t, ["sh", "-c", "echo a > b; ls b | cat; exit 3"], 4)


@test
def curl_get(t):
    nothing_more(t, ["curl", "-q", "-sS", page(t)], 4)


@test
def curl_parallel_to_files(t):
    nothing_more(t, ["curl", "-q", "-s", "--no-progress-meter", "-Z", "-o",
                     "#1", page(t) + "?{a}"], 4)


@test
def curl_post_of_something_else(t):
    nothing_more(t, ["curl", "-q", "-sS", "--json", '{"a": 1}',
                     page(t).replace("/v1/models", "/upload")], 4)


@test
def php_without_a_call(t):
    if not shutil.which("php"):
        raise Skip("no php")
    nothing_more(t, ["php", "-r", "echo 1;"])
    nothing_more(t, ["php", "-r", "echo curl_exec(curl_init('%s'));" %
                     page(t)], 4)


@test
def pycurl_get(t):
    nothing_more(t, [PYTHON, "-B", "-c", "import pycurl, sys\n"
                     "c = pycurl.Curl()\nc.setopt(c.URL, sys.argv[1])\n"
                     "c.perform()", page(t)], 4)


# libcurl asks anew while it waits: as often as the peer is late. Memory is
# taken for records of ours, too, by calls that every program makes.
OF_TIME = {"poll", "ppoll", "recvfrom", "rt_sigaction", "restart_syscall"}
OF_MEMORY = {"brk", "mmap", "munmap", "mprotect", "madvise", "mremap"}
NAME = re.compile(r"^[a-z_0-9]+(?=\()")


def calls_of(lines):
    """The system calls after the program's mark, in order; their kinds."""
    names = [NAME.match(line).group() for line in lines if NAME.match(line)]
    return ([n for n in names if n not in OF_TIME | OF_MEMORY], set(names))


def as_they_began(pids):
    """In the order of their making: each has a larger pid than the one before,
    but for one, where the host begins anew.  That comes after the widest gap,
    as they began within a moment."""
    with open("/proc/sys/kernel/pid_max") as file:
        most = int(file.read())
    pids = sorted(pids)
    first = max(range(len(pids)),
                key=lambda i: (pids[i] - pids[i - 1]) % most)
    return pids[first:] + pids[:first]


def every_call(t, argv, ours, **env):
    """Of each process and thread, as it began, what it did from its mark on,
    or, of those that began later, all."""
    if not shutil.which("strace"):
        raise Skip("no strace")
    folder = os.path.join(t.dir, "trace")
    shutil.rmtree(folder, ignore_errors=True)
    os.mkdir(folder)
    r = t.run(["strace", "-ff", "-qq", "-e", "signal=none", "-o",
               folder + "/of", "--"] + argv, preload=ours,
              env=dict(env, LLMOBS_LOG=None, LLMOBS_LOG_LEVEL=None))
    found = []
    for pid in as_they_began(int(name.split(".")[1])
                             for name in os.listdir(folder)):
        with open(os.path.join(folder, "of.%d" % pid)) as file:
            lines = file.read().splitlines()
        marks = [i for i, line in enumerate(lines) if "from here on" in line]
        found.append(calls_of(lines[marks[0]:] if marks else lines))
    return r, found


def children(tasks):
    """Processes that ended by themselves, but for the first one."""
    return [task for task in tasks[1:] if "exit_group" in task[1]]


def exactly(name, calls_one=False):
    """With us the program makes the same system calls in the same order; where
    it calls a model itself, its children do."""
    def run(t):
        program = os.path.join(t.build, "tests", "clients", "quiet_cases")
        argv = [program, name, "http://127.0.0.1:%d" % t.servers.http]
        bare, want = every_call(t, argv, False)
        ours, got = every_call(t, argv, True)
        t.compare(bare, ours)
        if calls_one:
            want, got = children(want), children(got)
            ok(want, "no child")
        equal(len(got), len(want), "processes and threads")
        for each, (here, there) in enumerate(zip(got, want)):
            equal("\n".join(here[0]), "\n".join(there[0]),
                  "system calls of task %d" % each)
            equal(sorted(here[1] - there[1] - OF_TIME - OF_MEMORY), [],
                  "kinds of task %d" % each)
    run.__module__ = "test_quiet"
    run.__name__ = "exactly." + name
    test(run)


for case in ("fetch_easy", "fetch_multi", "fetch_threads", "fetch_forked",
             "fetch_cleaned"):
    exactly(case)
exactly("forked_after_a_call", True)


def documented():
    """The kinds that the manual tells of."""
    path = os.path.join(ROOT, "docs", "FLEET.md")
    with open(path) as file:
        part = file.read().split("## System call filters")[1]
    return set(re.findall(r"`([a-z_0-9]+)`", part.split("\n## ")[0]))


def kinds(t, ours, **env):
    """The system calls of a program of three calls, in all its threads."""
    program = os.path.join(t.build, "tests", "clients", "quiet_cases")
    found = every_call(t, [program, "called_thrice", "http://127.0.0.1:%d" %
                           t.servers.http], ours, **env)[1]
    return set().union(*(names for _, names in found))


@test
def calls_use_documented_kinds(t):
    bare = kinds(t, False)
    with double(t) as dd:
        for more in (agent(dd), agent(dd, LLMOBS_THREAD="off"),
                     {"LLMOBS_EXPORTER": "store"}):
            got = kinds(t, True, _DD_LLMOBS_WRITER_INTERVAL="0.01", **more)
            ok(got - bare, "strace saw nothing of ours")
            equal(sorted(got - bare - documented()), [], "kinds")


# -- few descriptors ---------------------------------------------------------

def few(limit, fault):
    """The program that takes all descriptors, as often as it can, gets as many
    as without us, and each of its calls is counted."""
    def run(t):
        program = os.path.join(t.build, "tests", "clients", "quiet_cases")
        argv = ["sh", "-c", "ulimit -n %d; exec \"$@\"" % limit, "sh", program,
                "few_descriptors", "http://127.0.0.1:%d" % t.servers.http]
        with double(t) as dd:
            if fault:
                dd.fault(fault)
            ours = untouched(t, argv, agent(dd, LLMOBS_LOG=None, LOOK_MS="3"))
            found = counts(t)
        ok(b"at the end" in ours.stdout, "it did not come to its end")
        equal((found["captured"], found["dropped"]), (5, 0), "counts")
        equal(found["delivered"] + found["spooled"], 5, "what became of them")
    run.__module__ = "test_quiet"
    run.__name__ = "few.%d_%s" % (limit, fault or "well")
    test(run)


for number in (5, 6, 8, 12, 20):
    few(number, None)
for number in (8, 20):
    few(number, "close")
    few(number, "hang")


@test
def keeps_no_connection_where_few_are_left(t):
    """A moment after the last delivery all descriptors are the program's."""
    program = os.path.join(t.build, "tests", "clients", "quiet_cases")
    argv = ["sh", "-c", "ulimit -n 48; exec \"$@\"", "sh", program,
            "few_descriptors", "http://127.0.0.1:%d" % t.servers.http]
    bare = t.run(argv, preload=False, env={"LOOK_MS": "1"})
    with double(t) as dd:
        ours = t.run(argv, env=agent(dd, LOOK_MS="30",
                                     SETTLE_MS="2000",
                                     _DD_LLMOBS_WRITER_INTERVAL="0.01"))
        ok(dd.spans(), "nothing was delivered")
    left = [r.stdout.splitlines()[-2].split(b", ")[-1] for r in (bare, ours)]
    equal(left[1], left[0], "left after the last call")


@test
def the_trace_sees_a_call(t):
    """The same with a call to a model is told apart, or nothing is proved."""
    argv = [PYTHON, "-B", os.path.join(APPS, "pycurl_calls.py"), "easy", t.url,
            body("one")]
    want = traced(t, argv, False, {})[1]
    got = traced(t, argv, True, {"LLMOBS_LOG_LEVEL": None})[1]
    ok(set(got) - set(want), "a call to a model left no trace")
