#!/usr/bin/python3
"""A command sees nothing of the launcher but the variables that it adds.

Each condition runs a command bare and by the launcher in all its forms, both by
execve with raw bytes, and compares what /proc says of the command.

usage: launcher.py BUILD [PART]...
PART: environment, room, state, errors, without
"""
import ctypes
import os
import re
import resource
import shutil
import signal
import sys
import tempfile

BUILD = os.path.realpath(sys.argv[1])
RUN, TOOL = BUILD + "/llmobs-run", BUILD + "/llmobs"
ENTRY = BUILD + "/llmobs-entrypoint"
LIBRARY = (BUILD + "/behind-libasan.so/$PLATFORM/libllmobs_preload.so").encode()
LIMIT = 60
LIBC = ctypes.CDLL(None, use_errno=True)
TMP = tempfile.mkdtemp(prefix="launcher.")
OUT = TMP + "/out"

FORMS = {
    "llmobs-run": (RUN, [RUN]),
    "llmobs run": (TOOL, [TOOL, "run"]),
    "with options": (RUN, [RUN, "--service=s", "--env", "e", "--"]),
    "with a workflow": (RUN, [RUN, "--workflow", "w"]),
    "entrypoint": (ENTRY, [ENTRY]),
    "entrypoint with a workflow": (ENTRY, [ENTRY, "--workflow", "w"]),
}
# It does not run the command where the limit would not hold.
ALL = dict(FORMS, **{"with a limit": (RUN, [RUN, "--max-tokens", "9"])})
BASE = [b"PATH=/usr/sbin:/usr/bin:/sbin:/bin",
        b"LLMOBS_STORE_DIR=" + TMP.encode() + b"/store",
        b"LLMOBS_EXPORTER=store", b"LLMOBS_GRACE_MS=0"]


FAILED = []


def check(name, good, what=""):
    if not good:
        FAILED.append(name)
    print("%s %s%s" % ("ok" if good else "not ok", name,
                       "" if good else " (%s)" % (str(what)[:600],)),
          flush=True)


# ---- running ---------------------------------------------------------------

def strings(items):
    out = (ctypes.c_char_p * (len(items) + 1))()
    out[:-1] = [os.fsencode(i) for i in items]
    return out


def execute(path, argv, environment, prepare):
    """Between fork and exec; does not come back."""
    try:
        args, variables = strings(argv), strings(environment)
        err = os.open(TMP + "/err", os.O_CREAT | os.O_TRUNC | os.O_WRONLY)
        for fd, to in ((os.open("/dev/null", os.O_RDONLY), 0),
                       (os.open(OUT, os.O_CREAT | os.O_TRUNC | os.O_WRONLY), 1),
                       (err, 2)):
            os.dup2(fd, to)
        os.closerange(3, 64)
        signal.alarm(LIMIT)
        prepare()
        LIBC.execve(os.fsencode(path), args, variables)
        os._exit(100 if ctypes.get_errno() == 7 else 101)
    except BaseException as e:  # in a fork: nobody else may go on
        os.write(2, repr(e).encode())
        os._exit(102)


def run(path, argv, environment, prepare=lambda: None):
    """(status, what it wrote to its output, to its error output)"""
    for name in OUT, TMP + "/err":
        if os.path.exists(name):
            os.unlink(name)
    pid = os.fork()
    if pid == 0:
        execute(path, argv, environment, prepare)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return (status,) + tuple(open(name, "rb").read()
                             for name in (OUT, TMP + "/err"))


CAT = ["/bin/cat", "/proc/self/environ"]


def entries(text):
    return text.split(b"\0")[:-1]


def expected(form, given):
    """As the command must find it."""
    out = list(given)

    def put(name, value):
        value = name + b"=" + value
        there = [i for i, e in enumerate(out) if e.startswith(name + b"=")]
        for i in there:
            out[i] = value
        if not there:
            out.append(value)

    if "entrypoint" not in form:
        put(b"LLMOBS_LAUNCHED", b"1")
    if form == "with options":
        put(b"DD_SERVICE", b"s")
        put(b"DD_ENV", b"e")
    if not any(re.match(b"DD_LLMOBS_ENABLED=.", e) for e in out):
        put(b"DD_LLMOBS_ENABLED", b"1")
    there = [i for i, e in enumerate(out) if e.startswith(b"LD_PRELOAD=")]
    for i in there:
        out[i] += (b":" if out[i] != b"LD_PRELOAD=" else b"") + LIBRARY
    if not there:
        out.append(b"LD_PRELOAD=" + LIBRARY)
    return out


def without_run(form, out):
    """Without what hands a run on, which is another every time; a container is
    none."""
    got = entries(out)
    run = [e for e in got if re.fullmatch(
        b"LLMOBS_RUN=[0-9a-f]{16}|LLMOBS_RUN_STORE=1", e)]
    if len(run) != (2 if "limit" in form else 0 if "entrypoint" in form else 1):
        return [b"no run"]
    return [e for e in got if e not in run]


def seen(form, out):
    """Also without what hands a workflow's span on."""
    got = without_run(form, out)
    if "workflow" not in form:
        return got
    if sum(e.startswith(b"TRACEPARENT=00-") for e in got) != 1:
        return ["no TRACEPARENT"]
    return [e for e in got if not e.startswith((b"TRACEPARENT=",
                                                b"TRACESTATE="))]


def compare(name, given, prepare=lambda: None, forms=ALL, want=expected):
    given = BASE + given
    bare = run(CAT[0], CAT, given, prepare)
    if (bare[0], entries(bare[1])) != (0, given):
        return check(name, False, "bare: %r" % (bare,))
    for form in forms:
        path, argv = ALL[form]
        status, out, err = run(path, argv + CAT, given, prepare)
        check("%s, %s" % (name, form), (status, seen(form, out), err) ==
              (0, want(form, given), bare[2]),
              (status, seen(form, out)[len(BASE):], err))


# ---- environment -----------------------------------------------------------

def environment():
    compare("nothing but the base", [])
    compare("what a shell has a mind about", [
        b"OPTIND=abc", b"IFS=x", b"PWD=/nowhere", b"OLDPWD=-", b"PPID=x",
        b"PS1=$(exit 9)", b"ENV=/dev/full", b"BASH_ENV=/dev/full", b"_=/x",
        b"SHLVL=many", b"POSIXLY_CORRECT=1", b"LC_ALL=xx_XX", b"LINENO=z"])
    compare("entries of every form", [
        b"noequals", b"", b"=", b"=x", b"==", b"a.key=it's $x \"y\"", b"E=",
        b"BASH_FUNC_f%%=() { :; }", b"\xff\xfe=\xfd\x80", b"\xc3=\xc3",
        b"line=1\n2", b"-i=x", b"--=x", b" = ", b"", b"noequals"])
    compare("duplicates stay, in their order", [
        b"A=1", b"B=2", b"A=3", b"A", b"A=1", b"AA=1"])
    compare("a variable that is set is set each time", [
        b"DD_SERVICE=1", b"LD_PRELOAD=", b"X=1", b"DD_SERVICE=2",
        b"LD_PRELOAD=libc.so.6", b"DD_LLMOBS_ENABLED=",
        b"DD_LLMOBS_ENABLED="])
    compare("an explicit word about observing stays",
            [b"DD_LLMOBS_ENABLED=true"])
    compare("names that only begin like ours", [
        b"LD_PRELOADED=x", b"LD_PRELOAD", b"DD_LLMOBS_ENABLE=x",
        b"DD_LLMOBS_ENABLED"])
    compare("ten thousand variables", [b"v%d=%d" % (i, i)
                                       for i in range(10000)])
    nothing_at_all()


def nothing_at_all():
    status, out, err = run(RUN, [RUN] + CAT, [])
    check("an empty environment", (status, seen("", out), err) == (
        0, expected("", []), b""), (status, out, err))


# ---- room ------------------------------------------------------------------

def stack(bytes_):
    def prepare():
        resource.setrlimit(resource.RLIMIT_STACK, (
            bytes_, resource.getrlimit(resource.RLIMIT_STACK)[1]))
    return prepare


def big(total):
    part = 100 * 1024
    out = [b"v%07d=" % i + b"x" * part for i in range(total // (part + 10))]
    return out + [b"rest=" + b"x" * (total % (part + 10))]


def edge(prepare):
    """The most that a bare command can have, by its pad."""
    low, high = 0, 8 << 20
    while high - low > 1:
        middle = (low + high) // 2
        if run("/bin/true", CAT, BASE + big(middle), prepare)[0] == 0:
            low = middle
        else:
            high = middle
    return low


def room():
    compare("two megabytes", big(2 << 20), stack(64 << 20))
    compare("two megabytes in small variables",
            [b"v%d=%s" % (i, b"y" * 85) for i in range(20000)],
            stack(64 << 20))
    # The kernel takes 128 KiB of one string.
    longest = b"LD_PRELOAD=" + b":" * (128 * 1024 - 12)
    for form, (path, argv) in FORMS.items():
        status, out, err = run(path, argv + CAT, BASE + [longest])
        check("an LD_PRELOAD as long as one can be, %s" % form,
              (status, entries(out), err) == (0, BASE + [longest], b""),
              (status, len(entries(out)), err))
    at_the_edge()


def at_the_edge():
    """Bare it fits to the byte; each form has it as it is, or observed."""
    prepare = stack(1 << 20)
    most = edge(prepare)
    for form, (path, argv) in FORMS.items():
        wrong, ran = [], 0
        for less in list(range(0, 400, 7)) + list(range(400, 12000, 331)):
            given = BASE + big(most - less)
            status, out, err = run(path, argv + CAT, given, prepare)
            if status == 100:  # nobody could start the launcher itself
                continue
            ran += 1
            got = entries(out)
            if status or err or got != given and \
                    seen(form, out) != expected(form, given) and \
                    without_run(form, out) != expected(form, given):
                wrong.append((less, status, err, len(got) - len(given)))
        check("near the kernel's limit, %s" % form, not wrong and ran > 30,
              (ran, wrong[:4]))


# ---- state -----------------------------------------------------------------

def deleted():
    place = tempfile.mkdtemp(dir=TMP)
    os.chdir(place)
    os.rmdir(place)


def files(count):
    return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (count, count))


def state():
    os.chdir("/")
    compare("a deleted working directory", [], deleted)
    for count in 4, 5, 7, 10:
        # Without room for a pipe there is no process to be had for a span.
        compare("ulimit -n %d" % count, [], files(count),
                [f for f in FORMS if count > 7 or "workflow" not in f])
        for form in "with a workflow", "entrypoint with a workflow":
            path, argv = FORMS[form]
            status, out, err = run(path, argv + ["sh", "-c", "exit 7"], BASE,
                                   files(count))
            check("ulimit -n %d, %s" % (count, form), (status, err) == (7, b""),
                  (status, err))
    for mask in range(1, 8):
        closed(mask)
    for what in ("status", "limits", "cmdline", "mountinfo"):
        process(what)
    command_lines()


def closed(mask):
    """Descriptors of the command: none of ours, none that was not there."""
    def prepare():
        for fd in range(3):
            if mask >> fd & 1:
                os.close(fd)
    seen_of = TMP + "/fds"
    script = "for fd in 0 1 2 3 4 5 6 7 8 9; do [ ! -e /proc/$$/fd/$fd ] || " \
        "s=$s$fd; done; echo .$s > %s; exit 3" % seen_of

    def of(path, argv):
        status = run(path, argv, BASE, prepare)[0]
        with open(seen_of) as f:
            return status, f.read()
    bare = of("/bin/sh", ["sh", "-c", script])
    for form, (path, argv) in ALL.items():
        got = of(path, argv + ["sh", "-c", script])
        check("closed descriptors %s, %s" % (bin(mask), form), got == bare,
              (got, bare))


def process(what):
    """Signals ignored and blocked, limits, the command line."""
    def prepare():
        signal.alarm(0)
        for number in signal.SIGCHLD, signal.SIGPIPE, signal.SIGUSR1:
            signal.signal(number, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR2, 40})
        os.umask(0o123)
    drop = rb"(?m)^(?!Name|Umask|Sig(Blk|Ign|Cgt)|Cap|NoNew|Sec|Max [^p]).*\n" \
        if what in ("status", "limits") else rb"$^"
    argv = ["/bin/cat", "/proc/self/" + what]
    bare = re.sub(drop, b"", run(argv[0], argv, BASE, prepare)[1])
    for form, (path, words) in ALL.items():
        got = re.sub(drop, b"", run(path, words + argv, BASE, prepare)[1])
        check("/proc/self/%s, %s" % (what, form), got == bare and got, got)


def command_lines():
    """No process of ours shows a variable to everybody."""
    secret = b"odd.key=sk-very-secret"
    script = "cat /proc/$$/cmdline /proc/$PPID/cmdline | tr '\\0' ' '"
    for form, (path, argv) in ALL.items():
        out = run(path, argv + ["sh", "-c", script], BASE + [secret])[1]
        check("no variable on a command line, %s" % form,
              b"sk-very" not in out and b"odd.key" not in out and out, out)


# ---- errors ----------------------------------------------------------------

def errors():
    """Looked for and refused as env does it."""
    os.mkdir(TMP + "/a")
    os.mkdir(TMP + "/b")
    for place, mode, text in (("a/tool", 0o644, "exit 1\n"),
                              ("b/tool", 0o755, "echo $0 $#; exit 6\n"),
                              ("a/gone", 0o755, "#!/no/such/interpreter\n"),
                              ("a/denied", 0o644, "#!/bin/sh\n")):
        with open("%s/%s" % (TMP, place), "w") as f:
            f.write(text)
        os.chmod("%s/%s" % (TMP, place), mode)
    paths = [None, b"", b"/etc/passwd:/bin", b"%s/a:%s/b:/bin" % ((
        TMP.encode(),) * 2), b":/bin"]
    commands = [["tool", "x"], ["gone"], ["denied"], ["no-such"], ["true"],
                ["./tool"], [TMP + "/b/tool", "1", "2"], [TMP], ["/bin/true/x"],
                [TMP + "/a/gone"], [TMP + "/a/denied"], [TMP + "/no-such"]]
    os.chdir(TMP + "/b")
    for path in paths:
        given = BASE[1:] + ([b"PATH=" + path] if path is not None else [])
        for words in commands:
            looked_up(path, words, given)


def looked_up(path, words, given):
    bare = run("/usr/bin/env", ["env"] + words, given)
    for form, (program, argv) in ALL.items():
        got = run(program, argv + words, given)
        good = got[:2] == bare[:2] and bool(got[2]) == bool(bare[2])
        if got[2]:
            good = good and got[2].count(b"\n") == 1 and \
                re.match(rb"llmobs[- ](run|entrypoint): ", got[2]) and \
                words[0].encode() in got[2]
        check("PATH %s, %s, %s" % (path, words[0].replace(TMP, ""), form), good,
              (got, bare))


# ---- without ---------------------------------------------------------------

# It does not run the command without what these options promise.
BOUND = (["--replay", TMP], ["--max-cost", "1"], ["--max-tokens", "9"])
# Each but "tool" lacks the library; the bytes that it says of it.
PLACES = {"gone": b"is not there (run make)", "a b": b"cannot preload",
          "a:b": b"cannot preload", "a$LIB": b"cannot preload",
          "tool": b"/llmobs is not there (run make)", None: b"no such directory"}


def without():
    """CMD runs as with `env`, beside one line, where it cannot be observed."""
    places = tempfile.mkdtemp(dir=TMP)
    for place, says in PLACES.items():
        build = "%s/%s" % (places, place)
        if place:
            os.mkdir(build)
        if place not in (None, "gone"):
            shutil.copy(BUILD + "/libllmobs_preload.so", build)
        given = BASE + [b"LLMOBS_BUILD=" + build.encode()]
        forms = FORMS if place != "tool" else {}
        more = [["--workflow", "w"], ["--intercept"]]
        for name, (path, argv) in {**forms, **{
                " ".join(m): (RUN, [RUN] + m) for m in more}}.items():
            goes_on("%s, %s" % (place, name), path, argv, given, says)
        for path in RUN, ENTRY:
            for words in BOUND:
                status, out, err = run(path, [path] + words + CAT, given)
                check("refused in %s, %s %s" % (
                    place, path.split("/")[-1], words[0]),
                    status in (126, 127) and not out and says in err and
                    b"not observed" not in err, (status, out, err))


def goes_on(name, path, argv, given, says):
    for words, want in (["/bin/sh", "-c", "cat; exit 7"], 7), \
            (["no-such-command"], 127), (CAT, 0):
        status, out, err = run(path, argv + words, given)
        lines = err.splitlines()
        check("CMD runs without it: %s, %s" % (name, words[0]),
              status == want and len(lines) == (2 if want == 127 else 1) and
              says in lines[0] and lines[0].endswith(
                  (b": not observed", b" is left out")) and
              (words != CAT or set(given) <= set(entries(out)) and
               (b"tool" in given[-1] or b"LD_PRELOAD=" not in out)),
              (status, out, err))


def main():
    parts = {f.__name__: f for f in (environment, room, state, errors,
                                     without)}
    try:
        for name in sys.argv[2:] or parts:
            parts[name]()
    finally:
        os.chdir("/")
        shutil.rmtree(TMP)
    return 1 if FAILED else 0


sys.exit(main())
