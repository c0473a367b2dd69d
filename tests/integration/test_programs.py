"""The C programs of tests/clients: each case bare and preloaded.  Built with a
sanitizer, they bring the sanitized core with them."""
import glob
import os
import shutil
import subprocess

import harness
from harness import Skip, equal, test

# A sanitizer's allocator is not made for fork beside another thread, and what
# a child abandons on purpose is a leak to it; nor is it made for an exit in the
# middle of it.
FORKING = ("prefork", "fork_in_transfer", "fork_before_transfer", "forks",
           "exit_in_child", "forks_of_one_pid", "left_by_main",
           "left_while_waiting", "left_by_system_call", "left_by_handler",
           "left_to_another", "exit_in_malloc", "fork_in_handler",
           "forked_after_a_call", "cleanup_in_child")


# The emulator cannot start a thread in a child of a program with threads, nor
# a program by itself; nor does its /proc say that a first thread has ended. It is
# slow between the library's last look at a descriptor and the close (lib/base/fd.h).
NOT_EMULATED = ("forks", "forks_of_one_pid", "exit_in_child", "prefork",
                "fork_before_transfer", "executed", "left_by_main",
                "left_while_waiting", "left_by_system_call",
                "left_by_handler", "left_to_another", "fork_in_handler", "cleanup_in_child", "descriptors_busy")


# They ask whether the program is alone in its process, where a sanitizer may have
# a thread of its own.
ALONE = ("rests", "namespaces", "sandboxes", "vforks")


# A log of every request is a file that is opened, for which a filter kills.
CONFINED = ("confined", "confined_exit")


def sanitized(program):
    needed = subprocess.run(["readelf", "-d", program], check=True,
                            stdout=subprocess.PIPE).stdout
    return b"libasan" in needed or b"libtsan" in needed


def options_under_sanitizer(t, argv, name):
    """Environment for a program of a sanitizer; what the sanitizer finds in
    the bare program is not ours."""
    if name in FORKING or name in ALONE:
        raise Skip("not under a sanitizer")
    found = t.run(argv, preload=False).stderr
    if b"LeakSanitizer" in found:
        return {"ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") +
                ":detect_leaks=0"}
    if b"Sanitizer" in found:
        raise Skip("the bare program is not clean")
    return {}


def each_its_own(spans):
    ids = [s["span_id"] for s in spans]
    equal(len(set(ids)), len(ids), "ids of spans")
    roots = [s["trace_id"] for s in spans if s["parent_id"] == "undefined"]
    equal(len(set(roots)), len(roots), "ids of the traces of roots")


def join(program, name, spans, errors):
    def run(t):
        if harness.EMULATOR and name in NOT_EMULATED:
            raise Skip("not under the emulator")
        t.secrets.append("sk-SECRETKEY")
        t.foreign_trace = name == "experiment"
        base = "http://127.0.0.1:%d" % t.servers.http
        if program.endswith("/push_cases"):
            base = t.servers.push
        argv = [program, name, base]
        if program.endswith("/beside_cases"):
            argv.append("https://127.0.0.1:%d" % t.servers.tls)
        env = {}
        if sanitized(program):
            env = options_under_sanitizer(t, argv, name)
        if name in CONFINED:
            if sanitized(program) or harness.EMULATOR:
                raise Skip("more than the program is in it")
            env = {"LLMOBS_LOG": None, "LLMOBS_LOG_LEVEL": None}
        r = t.same(argv, order=False, answers=False, env=env,
                   spans=None if spans < 0 else spans)
        each_its_own(r.spans)
        if spans >= 0:  # else the program ends in a way that may lose some
            equal(len([s for s in r.spans if s["status"] == "error"]), errors,
                  "number of spans with status error")
    run.__module__ = "test_programs"
    run.__name__ = os.path.basename(program) + "." + name
    test(run)


for path in sorted(glob.glob(os.path.join(harness.BUILD, "tests", "clients",
                                          "*_cases"))):
    listed = subprocess.run(harness.command([path, "--list"]), stdout=subprocess.PIPE,
                            check=True, timeout=20).stdout.decode()
    for line in listed.splitlines():
        case, spans, errors = line.split()
        join(path, case, int(spans), int(errors))


def closed_in(call):
    """All descriptors are closed and taken each time when our thread has left
    that system call and done nothing since."""
    def run(t):
        program = os.path.join(t.build, "tests", "clients", "life_cases")
        if not shutil.which("strace"):
            raise Skip("no strace")
        if harness.EMULATOR or sanitized(program):
            raise Skip("not to be traced")
        t.secrets.append("sk-SECRETKEY")
        # strace complains of a thread that ends in its delay.
        t.same(["sh", "-c", "exec strace \"$@\" 2> /dev/null", "sh", "-f",
                "--seccomp-bpf", "-qq", "-o", "/dev/null", "-e",
                "trace=" + call, "-e", "inject=%s:delay_exit=1000" % call,
                program, "descriptors_busy",
                "http://127.0.0.1:%d" % t.servers.http],
               # A millisecond at each call of the exit may be a second in all.
               env={"_DD_LLMOBS_WRITER_INTERVAL": "0.005",
                    "LLMOBS_EXIT_FLUSH_MS": "20000"}, order=False,
               answers=False, spans=12)
    run.__module__ = "test_programs"
    run.__name__ = "closed_in_" + call
    test(run)


for one in "openat", "fcntl":
    closed_in(one)
