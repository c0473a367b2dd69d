#!/usr/bin/python3
"""Signals, job control and terminals around `llmobs-run --workflow`, and the
same with a limit.

usage: jobs.py LLMOBS_RUN
"""
import fcntl
import os
import pty
import select
import signal
import subprocess
import sys
import time

FORMS = (["--workflow", "job"], ["--max-tokens", "1"])
RUN = []
LIMIT = 10
os.environ["DD_LLMOBS_ENABLED"] = "1"


def check(name, good, what=""):
    print("%s %s: %s%s" % ("ok" if good else "not ok", RUN[1], name,
                           "" if good else " (%s)" % (what,)), flush=True)


def start(*command, **options):
    options.setdefault("stdout", subprocess.PIPE)
    return subprocess.Popen(RUN + list(command), **options)


def line_of(process):
    ready, _, _ = select.select([process.stdout], [], [], LIMIT)
    return process.stdout.readline().strip() if ready else b"(nothing)"


def ended(process):
    try:
        return process.wait(LIMIT)
    except subprocess.TimeoutExpired:
        process.kill()
        return "no end"


TRAP = """trap 'echo got %s; exit 9' %s
echo ready
while :; do sleep 0.05; done"""


def passes_on():
    for name in ("TERM", "HUP", "INT", "QUIT", "USR1", "USR2", "WINCH", "ALRM"):
        process = start("sh", "-c", TRAP % (name, name))
        line_of(process)
        process.send_signal(getattr(signal, "SIG" + name))
        said = line_of(process)
        status = ended(process)
        check("SIG%s is passed on" % name,
              said == b"got " + name.encode() and status == 9, (said, status))


def once_only():
    # The whole group gets it, as from a terminal: the child from its group
    # only, when the kernel is the sender; a process as sender cannot be told
    # from one that means us alone.
    master, slave = pty.openpty()
    code = ("import signal,sys,time\nn=0\ndef f(*a):\n global n\n n+=1\n"
            "signal.signal(2,f)\nprint('ready',flush=True)\n"
            "e=time.time()+%d\n"
            "while n==0 and time.time()<e: time.sleep(.05)\n"
            "time.sleep(.5)\n"  # for another one
            "print('count',n,'done',flush=True)" % LIMIT)
    pid = os.fork()
    if pid == 0:
        os.setsid()
        fcntl.ioctl(slave, 0x540E, 0)  # TIOCSCTTY
        for fd in (0, 1, 2):
            os.dup2(slave, fd)
        os.execv(RUN[0], RUN + [sys.executable, "-c", code])
    text = read_until(master, b"ready")
    os.write(master, b"\x03")
    text += read_until(master, b"done")
    _, status = os.waitpid(pid, 0)
    check("Ctrl-C reaches the command once", b"count 1" in text, text)
    check("and the command's status is ours",
          os.WIFEXITED(status) and os.WEXITSTATUS(status) == 0, status)
    os.close(master)
    os.close(slave)


def read_until(fd, what):
    text = b""
    end = time.time() + LIMIT
    while what not in text and time.time() < end:
        ready, _, _ = select.select([fd], [], [], 0.2)
        if ready:
            try:
                data = os.read(fd, 4096)
            except OSError:
                break
            if not data:
                break
            text += data
    return text


def stops_and_goes_on():
    process = start("sh", "-c", "kill -STOP $$; echo again; exit 7")
    _, status = os.waitpid(process.pid, os.WUNTRACED)
    stopped = os.WIFSTOPPED(status)
    check("we stop when the command stops", stopped, status)
    if not stopped:
        process.returncode = 0
        return
    os.kill(process.pid, signal.SIGCONT)
    said = line_of(process)
    status = ended(process)
    check("the command goes on when we do",
          said == b"again" and status == 7, (said, status))


def shell_job_control():
    # A real shell, a real terminal: Ctrl-Z, jobs, fg.
    pid, fd = pty.fork()
    if pid == 0:
        os.environ["PS1"] = "$ "
        os.execvp("bash", ["bash", "--norc", "--noediting", "-i"])
    command = " ".join(RUN) + " sh -c 'echo be\"\"gun; read x; echo fin\"\"ished'"
    read_until(fd, b"$ ")
    os.write(fd, command.encode() + b"\n")
    text = read_until(fd, b"begun")
    os.write(fd, b"\x1a")
    text = read_until(fd, b"Stopped")
    check("Ctrl-Z gives the shell back", b"Stopped" in text, text)
    os.write(fd, b"fg\n\n")  # the command reads the second line
    text = read_until(fd, b"finished")
    check("fg brings it back", b"finished" in text, text)
    os.write(fd, b"exit\n")
    end = time.time() + LIMIT
    while time.time() < end:
        if os.waitpid(pid, os.WNOHANG)[0]:
            break
        read_until(fd, b"\0")
    else:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    os.close(fd)


def pipe_ends_with_the_command():
    # Only the command's own descriptors keep a pipe open.
    process = start("sh", "-c", "exec >&-; read x", stdin=subprocess.PIPE)
    said = line_of(process)
    check("a pipe ends when the command ends it", said == b"", said)
    check("and the command goes on", process.poll() is None,
          process.returncode)
    process.stdin.close()
    ended(process)


def keeps_no_descriptor():
    # A reader of the command's pipe would wait for this process as well.
    read, write = os.pipe()
    look = ("[ -e /proc/$$/fd/%d ] && [ -e /proc/$PPID/fd/0 ] || exit 6; "
            "for i in $(seq 100); do [ -e /proc/$PPID/fd/%d ] || exit 5; "
            "sleep 0.05; done" % (write, write))
    old = ["strace", "-f", "--seccomp-bpf", "-qq", "-o", "/dev/null", "-e",
           "trace=close_range", "-e", "inject=close_range:error=ENOSYS"]
    for before, kernel in ([], ""), (old, ", nor on an old kernel"):
        status, _ = bounded(before + RUN + ["sh", "-c", look],
                            pass_fds=[write])
        check("we keep no descriptor of the command's" + kernel, status == 5,
              status)
    os.close(read)
    os.close(write)


def inherited_dispositions():
    def ignore():
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
    show = ["grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status"]
    bare = bounded(show, preexec_fn=ignore, restore_signals=False)
    ours = bounded(RUN + show, preexec_fn=ignore, restore_signals=False)
    check("mask and dispositions are as without us",
          bare[0] == 0 and bare == ours, (bare, ours))
    status, _ = bounded(RUN + ["sh", "-c", "exit 5"], preexec_fn=ignore)
    check("the status is known with SIGCHLD ignored", status == 5, status)


def bounded(command, **options):
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, timeout=LIMIT,
                              **options)
    except subprocess.TimeoutExpired:
        return "no end", b""
    return done.returncode, done.stdout


def descriptors():
    read, write = os.pipe()
    os.set_inheritable(write, True)
    show = [sys.executable, "-c",
            "import os;print(sorted(int(f) for f in os.listdir('/proc/self/fd')"
            " if os.path.exists('/proc/self/fd/'+f)))"]
    bare = subprocess.run(show, stdout=subprocess.PIPE, close_fds=False)
    ours = subprocess.run(RUN + show, stdout=subprocess.PIPE, close_fds=False)
    os.close(read)
    os.close(write)
    check("no descriptor is added or lost", bare.stdout == ours.stdout,
          (bare.stdout, ours.stdout))


def alarm_set_before():
    # Time enough for the trap to be set first, on a busy machine too.
    process = start("sh", "-c", TRAP % ("ALRM", "ALRM"),
                    preexec_fn=lambda: signal.alarm(5))
    line_of(process)
    said = line_of(process)
    check("a timer set before goes to the command", said == b"got ALRM", said)
    ended(process)


def kill_by_the_command():
    # To us alone, then to its whole group: only the latter is for it, once.
    code = ("import os,signal,time\nr,w=os.pipe()\nos.set_blocking(w,False)\n"
            "os.set_blocking(r,False)\nsignal.set_wakeup_fd(w)\n"
            "signal.signal(15,lambda *a:None)\n"
            "os.kill(os.getppid(),15)\ntime.sleep(.3)\n"
            "os.kill(0,15)\ntime.sleep(.3)\n"
            "print(len(os.read(r,99)))\nraise SystemExit(4)")
    process = start(sys.executable, "-c", code, start_new_session=True)
    text, _ = process.communicate(timeout=LIMIT)
    check("what the command itself sends does not come back",
          text == b"1\n" and process.returncode == 4,
          (text, process.returncode))


for form in FORMS:
    RUN = [sys.argv[1], *form]
    passes_on()
    once_only()
    stops_and_goes_on()
    shell_job_control()
    pipe_ends_with_the_command()
    keeps_no_descriptor()
    inherited_dispositions()
    descriptors()
    alarm_set_before()
    kill_by_the_command()
