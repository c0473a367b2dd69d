"""The rows of the table: what was run, what is expected."""
import os
import re
import signal
import subprocess
import time

from world import ENTRY, LISTED, PREFIX, SHIM, Wrong, case, equal, wait_for

FIRST = "the app is the first process, LD_PRELOAD"
LAUNCH = "llmobs-entrypoint is the first process"
PROGRAMS = "programs of other kinds"
POOR = "a poor container"
ALL = "/etc/ld.so.preload for the whole root"

SH = "/bin/sh"
OTHER = "/opt/other.so"
APP = 1000
# Leaves its mark when it is ready, and one for each TERM.
TRAPS = """trap 'echo term >> /mnt/got; n=$((n + 1))
[ $n -lt %d ] || exit 5' TERM
n=0; : > /mnt/ready; while :; do sleep 0.02; done"""
# A call that is under way when its process is killed.
SPOOLED = \
    "[ -n \"$(find /var/lib/llmobs -path '*/spool/[ocr].*' -size +0)\" ]"
KILLED = "exec 2> /dev/null; %s & pid=$!; until " + SPOOLED + """
do sleep 0.02; done
kill -KILL $pid; wait $pid; exit 4"""


def quoted(argv):
    return " ".join("'%s'" % a.replace("'", "'\\''") for a in argv)


def launched(world, argv, **how):
    return world.run([ENTRY, *argv], preload=False, **how)


# ---- the app is the first process ----------------------------------------

@case(FIRST, "same output and status, one span")
def curl(world):
    return world.same(world.chat(), 1)


@case(FIRST, "same output and status, one span for each of two calls")
def a_shell_that_runs_curl_twice(world):
    one = quoted(world.chat())
    return world.same([SH, "-c", "%s && %s; exit 3" % (one, one)], 2)


@case(FIRST, "the app goes on, as it does without the library: a first "
      "process without a handler ignores TERM; KILL ends it")
def TERM_to_sleep(world):
    process = world.start([SH, "-c", ": > /mnt/ready; exec sleep 100"])
    world.signal_when_ready(process, signal.SIGTERM)
    if wait_for(lambda: process.poll() is not None, 0.5):
        raise Wrong("TERM ended it")
    world.signal_when_ready(process, signal.SIGKILL)
    if world.finish(process).status == 0: # unshare's: 1 or the signal
        raise Wrong("status 0")
    return "as expected"


@case(FIRST, "the library stands last in LD_PRELOAD, and both preloads "
      "are loaded")
def another_preload(world):
    got = world.run([SH, "-c", "cat /proc/self/maps; " + quoted(world.chat())],
                    LD_PRELOAD=OTHER + ":" + SHIM)
    equal((got.status, got.err, SHIM.encode() in got.out,
           OTHER.encode() in got.out), (0, b"", True, True),
          "status, stderr, both loaded")
    world.spans(1)
    return "both loaded, 1 span"


# ---- llmobs-entrypoint ---------------------------------------------------

@case(LAUNCH, "same output and status as the bare app, one span")
def curl_below_it(world):
    bare = world.run(world.chat(), preload=False)
    equal(launched(world, world.chat()), bare, "launched against bare")
    world.spans(1)
    return "same, 1 span"


@case(LAUNCH, "llmobs-entrypoint exits as the app did: 7; 137 after its"
      " KILL; 127 and 126 if it cannot be run")
def exit_status(world):
    got = [launched(world, argv).status for argv in (
        [SH, "-c", "exit 7"], [SH, "-c", "kill -KILL $$"], ["no-such-app"],
        ["/etc/passwd"])]
    equal(got, [7, 137, 127, 126], "status")
    return ", ".join(map(str, got))


@case(LAUNCH, "the library stands last in LD_PRELOAD, and llmobs-"
      "entrypoint is the app's parent")
def environment_of_the_app(world):
    got = launched(world, [SH, "-c", "echo $LD_PRELOAD $$ $PPID"],
                   LD_PRELOAD=OTHER).out.decode().split()
    equal((got[0], got[2]), (OTHER + ":" + LISTED, "1"), "LD_PRELOAD, parent")
    return "%s, parent 1" % got[0]


def ends_by_signal(world, number, count):
    process = world.start([ENTRY, SH, "-c", TRAPS.replace(
        "TERM", signal.Signals(number).name[3:]) % count], preload=False)
    for n in range(1, count + 1):
        world.signal_when_ready(process, number)
        if not wait_for(lambda: len(world.said()) >= n, 60):
            raise Wrong("%s did not come, the one of number %d" % (
                signal.Signals(number).name, n))
    equal(world.finish(process).status, 5, "status")
    equal(len(world.said()), count, "signals")


@case(LAUNCH, "llmobs-entrypoint passes TERM on once; the app's handler"
      " decides, and llmobs-entrypoint exits with its status")
def TERM(world):
    ends_by_signal(world, signal.SIGTERM, 1)
    return "one TERM arrived, status 5"


@case(LAUNCH, "llmobs-entrypoint passes each on, and waits for the app")
def a_second_and_a_third_TERM(world):
    ends_by_signal(world, signal.SIGTERM, 3)
    return "three arrived, status 5"


@case(LAUNCH, "llmobs-entrypoint passes them on, those of faults too "
      "(STOPSIGNAL may be any)")
def INT_HUP_QUIT_USR1_ABRT(world):
    for name in ("INT", "HUP", "QUIT", "USR1", "ABRT"):
        world.fresh()
        ends_by_signal(world, getattr(signal, "SIG" + name), 1)
    return "each arrived"


@case(LAUNCH, "status 143 and the span of the call that TERM broke off")
def TERM_ends_an_app_without_a_handler(world):
    process = world.start([ENTRY, *world.chat("hang")], preload=False)
    if not wait_for(world.spooled, 60):
        raise Wrong("no call began")
    os.kill(world.first(process), signal.SIGTERM)
    equal(world.finish(process).status, 143, "status")
    span, = world.spans(1)
    equal(span["meta"]["error.type"] if "error.type" in span["meta"]
          else span["meta"]["error"]["type"], "process_killed", "error type")
    return "143, 1 span: process_killed"


@case(LAUNCH, "TERM waits for the app; KILL (kubelet's, after its grace) ends "
      "all; its call stays in the spool")
def an_app_that_ignores_TERM(world):
    process = world.start([ENTRY, SH, "-c", "trap '' TERM; : > /mnt/ready; " +
                           quoted(world.chat("hang"))], preload=False)
    if not wait_for(world.spooled, 60):
        raise Wrong("no call began")
    world.signal_when_ready(process, signal.SIGTERM)
    if wait_for(lambda: process.poll() is not None, 0.7):
        raise Wrong("it did not wait")
    world.signal_when_ready(process, signal.SIGKILL)
    if world.finish(process).status == 0: # unshare's: 1 or the signal
        raise Wrong("status 0")
    if not world.spooled():
        raise Wrong("nothing in the spool")
    return "waited; killed; %d file in the spool" % len(world.spooled())


@case(LAUNCH, "twenty orphans end: no zombie stays")
def orphans_are_reaped(world):
    got = launched(world, [SH, "-c", """
for i in 1 2 3 4 5 6 7 8 9 10; do (sleep 0.01 & sleep 0.02 &); done
n=0; while [ $n -lt 100 ]; do
    cat /proc/[0-9]*/stat 2>/dev/null | grep -E '\\) Z ' > /mnt/z || :
    running=$(cat /proc/[0-9]*/stat 2>/dev/null | grep -c '(sleep)')
    [ -s /mnt/z ] || [ "$running" -gt 0 ] || exit 0
    sleep 0.1; n=$((n + 1))
done; cat /mnt/z; exit 9"""])
    equal((got.status, got.out), (0, b""), "status, zombies")
    return "none left"


@case(LAUNCH, "a process that the app leaves gets TERM, and the time to"
      " end; its call is delivered")
def a_process_left_behind(world):
    script = "(trap 'echo term >> /mnt/got; exit' TERM; : > /mnt/ready; " \
        "while :; do sleep 0.02; done) & (%s) & until [ -e /mnt/ready ] && " \
        "%s; do sleep 0.02; done; exit 6" % (quoted(world.chat("hang")),
                                             SPOOLED)
    got = launched(world, [SH, "-c", script], LLMOBS_GRACE_MS="60000")
    equal((got.status, world.said()), (6, ["term"]), "status, TERM")
    world.spans(1)
    return "TERM arrived, status 6, 1 span"


@case(LAUNCH, "llmobs-entrypoint kills it after a third of "
      "LLMOBS_GRACE_MS")
def one_left_behind_that_ignores_TERM(world):
    script = "(trap '' TERM; : > /mnt/ready; " \
        "while :; do sleep 0.02; done) & until [ -e /mnt/ready ]; do " \
        "sleep 0.02; done; exit 6"
    began = time.monotonic()
    got = launched(world, [SH, "-c", script], LLMOBS_GRACE_MS="600")
    equal(got.status, 6, "status")
    if time.monotonic() - began > 30:
        raise Wrong("it took %d s" % (time.monotonic() - began))
    return "status 6, ended"


def killed_call(world, agent, **env):
    """The call of a process that was killed waits when its shell ends."""
    got = launched(world, [SH, "-c", KILLED % quoted(world.chat("hang"))],
                   DD_TRACE_AGENT_URL=agent, **env)
    equal((got.status, got.out, got.err), (4, b"", b""), "end of the app")


@case(LAUNCH, "the calls of a killed process are delivered before the "
      "end")
def grace_delivers(world):
    killed_call(world, world.datadog.url, LLMOBS_GRACE_MS="60000")
    world.spans(1)
    equal(world.spooled(), [], "spool")
    return "1 span, the spool is empty"


@case(LAUNCH, "without /proc nobody can tell the dead from the living: "
      "the call is delivered or kept, not lost")
def grace_without_proc(world):
    killed_call(world, world.datadog.url, LLMOBS_GRACE_MS="60000", proc=False)
    left = len(world.spooled())
    got = world.datadog.wait_spans(1 if not left else 0, 10)
    equal(len(got) + left, 1, "delivered or kept")
    return "delivered" if got else "kept in the spool"


def bounded(world, agent, what):
    began = time.monotonic()
    killed_call(world, agent, LLMOBS_GRACE_MS="1500")
    took = time.monotonic() - began
    if took > 60:
        raise Wrong("it took %d s" % took)
    if not world.spooled():
        raise Wrong("nothing in the spool")
    return "%s: ended, the call is kept" % what


@case(LAUNCH, "llmobs-entrypoint ends within LLMOBS_GRACE_MS, and the "
      "call stays in the spool")
def grace_with_a_dead_agent(world):
    return bounded(world, "http://127.0.0.1:9", "refused")


@case(LAUNCH, "the same, if the agent takes the request and does not "
      "answer")
def grace_with_a_silent_agent(world):
    world.datadog.fault("hang", path="")
    return bounded(world, world.datadog.url, "silent")


@case(LAUNCH, "the call is delivered, though every answer takes half a "
      "second")
def grace_with_a_slow_agent(world):
    world.datadog.fault("slow", delay_ms=500, path="")
    killed_call(world, world.datadog.url, LLMOBS_GRACE_MS="60000")
    world.spans(1)
    return "1 span"


@case(LAUNCH, "LLMOBS_GRACE_MS=0: nothing is delivered at the end")
def no_grace(world):
    killed_call(world, world.datadog.url, LLMOBS_GRACE_MS="0")
    world.spans(0)
    return "%d file in the spool" % len(world.spooled())


@case(LAUNCH, "as a user without rights, with a read-only root: one "
      "span")
def not_root_read_only(world):
    got = launched(world, world.chat(), user=APP, read_only=True, state=False)
    equal((got.status, got.err), (0, b""), "status, stderr")
    world.spans(1)
    return "1 span"


@case(LAUNCH, "below another first process llmobs-entrypoint passes "
      "TERM on, leaves other processes alone, and delivers at "
      "the end")
def not_the_first(world):
    got = world.run([SH, "-c", "sleep 1000 & other=$!; %s %s -c '%s' & "
                     "until [ -e /mnt/ready ]; do sleep 0.02; done; "
                     "kill -TERM $!; wait $!; echo $?; kill -0 $other && "
                     "echo lives" % (ENTRY, SH, TRAPS.replace(
                         "'", "'\\''") % 1)], preload=False)
    equal(got.out, b"5\nlives\n", "output")
    return "status 5, the others live"


@case(LAUNCH, "one line on stderr, and the app runs without the library")
def the_library_is_missing(world):
    got = launched(world, [SH, "-c", "echo $LD_PRELOAD.; exit 3"],
                   LLMOBS_BUILD="/nowhere")
    equal((got.status, got.out, got.err.count(b"\n")), (3, b".\n", 1),
          "status, LD_PRELOAD, lines")
    return got.err.decode().strip()


@case(LAUNCH, "the app is the first process itself, and is observed")
def the_tool_does_not_start(world):
    tool = world.root + PREFIX + "/lib/llmobs/llmobs-tool"
    os.rename(tool, tool + ".away")
    try:
        with open(tool, "w") as f:
            f.write("#!/no/such/interpreter\n")
        os.chmod(tool, 0o755)
        got = launched(world, [SH, "-c", "echo $$; " + quoted(world.chat())])
    finally:
        os.rename(tool + ".away", tool)
    equal((got.status, got.out[:2], got.err), (0, b"1\n", b""), "the app")
    world.spans(1)
    return "pid 1, 1 span"


@case(LAUNCH, "the launcher and what starts the tool are static, the tool needs "
      "libc alone, and none runs a shell")
def without_a_shell(world):
    for name, libraries in (
            ("lib/llmobs/llmobs-tool",
             ["libc.so.6", "libdl.so.2", "libpthread.so.0"]),
            ("bin/llmobs", []), ("bin/llmobs-run", [])):
        needed = subprocess.run(
            ["readelf", "-d", "%s%s/%s" % (world.root, PREFIX, name)],
            stdout=subprocess.PIPE, text=True).stdout
        equal(sorted(re.findall(r"\(NEEDED\).*\[(.*)\]", needed)), libraries,
              "libraries of " + name)
    empty = os.path.join(world.shared, "sh")
    open(empty, "w").close()
    got = world.run([ENTRY, *world.chat()], preload=False,
                    mounts=[(empty, SH, "ro")])
    equal((got.status, got.err), (0, b""), "status, stderr")
    world.spans(1)
    return "1 span"


# ---- programs of other kinds ---------------------------------------------

@case(PROGRAMS, "same output and status, no span")
def no_libcurl(world):
    for argv in (["true"], ["false"], ["ls", "-la", "/opt"],
                 ["sort", "/opt/hello.txt"], ["sha256sum", "/opt/hello.txt"]):
        world.same(argv, 0)
    return "5 programs, same, 0 spans"


@case(PROGRAMS, "the loader can preload nothing: same output, no span")
def a_static_program(world):
    return world.same(["/opt/static", "x"], 0)


@case(PROGRAMS, "for root the bit changes nothing: observed, one span")
def set_user_id_for_its_owner(world):
    return world.same(world.chat(program="/opt/setuid-curl"), 1)


@case(PROGRAMS, "for another user the library does nothing: same "
      "output, no span")
def set_user_id_for_another(world):
    return world.same(world.chat(program="/opt/setuid-curl"), 0, user=APP)


@case(PROGRAMS, "php: same output and status, one span")
def other_users_of_libcurl(world):
    if not world.has("php"):
        return "not in this root"
    code = "$c = curl_init('http://127.0.0.1:%s/v1/chat/completions');" \
        "curl_setopt_array($c, [CURLOPT_POSTFIELDS => '%s', " \
        "CURLOPT_RETURNTRANSFER => 1, CURLOPT_HTTPHEADER => " \
        "['Content-Type: application/json']]); echo curl_exec($c);" % (
            world.port, world.chat()[7])
    return "php: " + world.same(["php", "-r", code], 1)


# ---- a poor container ----------------------------------------------------

@case(POOR, "same output and status, one span, no file written")
def read_only_root(world):
    return world.same(world.chat(), 1, read_only=True, state=False,
                      var_tmp=False)


@case(POOR, "same output and status, one span; the spool is "
      "/var/tmp/llmobs-%d" % APP)
def no_HOME(world):
    return world.same(world.chat(), 1, user=APP)


@case(POOR, "same output and status, one span, kept in memory only")
def no_HOME_and_var_tmp_not_to_be_written(world):
    return world.same(world.chat(), 1, user=APP, var_tmp=False)


@case(POOR, "same output and status, one span")
def no_dev_shm(world):
    return world.same(world.chat(), 1, shm=False)


@case(POOR, "same output and status, one span")
def no_proc(world):
    return world.same(world.chat(), 1, proc=False)


@case(POOR, "the doctor's own call works, though no /proc shows it the objects")
def doctor_without_proc(world):
    got = world.run([PREFIX + "/bin/llmobs", "doctor", "curl"], preload=False,
                    proc=False, DD_LLMOBS_ENABLED="1", LLMOBS_EXPORTER="store")
    equal((got.status, b"became a span" in got.out), (0, True),
          "status, its word (%r)" % got)
    return "status 0, a span"


@case(POOR, "same output and status, one span")
def all_of_it_at_once(world):
    return world.same(world.chat(), 1, user=APP, read_only=True, proc=False,
                      shm=False, var_tmp=False, state=False)


@case(POOR, "the same below llmobs-entrypoint: one span")
def all_of_it_below_the_entrypoint(world):
    got = launched(world, world.chat(), user=APP, read_only=True, proc=False,
                   shm=False, var_tmp=False, state=False)
    equal((got.status, got.err), (0, b""), "status, stderr")
    world.spans(1)
    return "status 0, 1 span"


# ---- /etc/ld.so.preload --------------------------------------------------

COMMANDS = """ls -la /opt; cat /opt/hello.txt; sort /opt/hello.txt
head -1 /opt/hello.txt; tail -1 /opt/hello.txt; wc /opt/hello.txt
tr a-z A-Z < /opt/hello.txt; cut -c1 /opt/hello.txt; uniq /opt/hello.txt
sed s/a/x/ /opt/hello.txt; grep b /opt/hello.txt
awk '{ print $2 }' /opt/hello.txt; find /opt; env | wc -l; date -d @0
tar cf - -C / opt/hello.txt | sha256sum; gzip -nc /opt/hello.txt | sha256sum
id; stat -c %a /opt/hello.txt; readlink /bin; printf '%s\\n' x | xargs echo
bash -c 'echo ${BASH_VERSINFO[0]}; (exit 9); echo $?'
cp /opt/hello.txt /tmp/h; mv /tmp/h /tmp/i; ln -s i /tmp/j; cat /tmp/j
rm /tmp/i /tmp/j; mkdir /tmp/k; touch /tmp/k/l; ls /tmp/k
rm -r /tmp/k; false"""
PHP = "php -r 'echo array_sum([1, 2, 3]), \"\\n\";'"


def for_all(world):
    return world.file("/etc/ld.so.preload", LISTED + "\n")


@case(ALL, "some thirty commands of shells and coreutils: same output and "
      "status, no span")
def commands(world):
    script = (PHP + "\n" if world.has("php") else "") + COMMANDS
    bare = world.run([SH, "-c", script], preload=False, DD_LLMOBS_ENABLED="1")
    with for_all(world):
        ours = world.run([SH, "-c", script], preload=False,
                         DD_LLMOBS_ENABLED="1")
    equal(ours, bare, "observed against bare")
    equal((bare.status, bare.err), (1, b""), "status, stderr")
    world.spans(0)
    return "%d lines, same, 0 spans" % len(bare.out.splitlines())


@case(ALL, "one span, and /proc shows the object in every process")
def curl_in_it(world):
    script = "cat /proc/self/maps /proc/1/maps | grep -c llmobs_preload; " + \
        quoted(world.chat())
    with for_all(world):
        got = world.run([SH, "-c", script], preload=False,
                        DD_LLMOBS_ENABLED="1")
    equal((got.status, got.err, int(got.out.split()[0]) >= 2), (0, b"", True),
          "status, stderr, mapped")
    world.spans(1)
    return "mapped in sh and cat, 1 span"


@case(ALL, "/etc/llmobs/llmobs.conf switches it on, without any "
      "variable: one span")
def no_environment(world):
    text = "DD_LLMOBS_ENABLED=1\nLLMOBS_EXPORTER=agent\n" \
        "DD_TRACE_AGENT_URL=%s\nDD_LLMOBS_ML_APP=boxed\n" \
        "LLMOBS_EXIT_FLUSH_MS=30000\n" % world.datadog.url
    clear = {k: None for k in ("LLMOBS_EXPORTER", "LLMOBS_EXIT_FLUSH_MS",
                               "DD_TRACE_AGENT_URL", "DD_LLMOBS_ML_APP")}
    with for_all(world), world.file("/etc/llmobs/llmobs.conf", text):
        got = world.run(world.chat(), preload=False, **clear)
    equal((got.status, got.err), (0, b""), "status, stderr")
    world.spans(1)
    return "1 span"


@case(ALL, "the loader loads the library, which does nothing: same "
      "output, no span")
def set_user_id(world):
    argv = world.chat(program="/opt/setuid-curl")
    bare = world.run(argv, preload=False, user=APP)
    with for_all(world):
        ours = world.run(argv, preload=False, user=APP, DD_LLMOBS_ENABLED="1")
    equal(ours, bare, "observed against bare")
    world.spans(0)
    return "same, 0 spans"


@case(ALL, "same output, no span")
def static_program(world):
    with for_all(world):
        got = world.run(["/opt/static", "x"], preload=False,
                        DD_LLMOBS_ENABLED="1")
    equal((got.status, got.out, got.err), (3, b"", b""), "the program")
    return "status 3"


@case(ALL, "no DD_LLMOBS_ENABLED: same output, no span")
def not_switched_on(world):
    bare = world.run(world.chat(), preload=False)
    with for_all(world):
        equal(world.run(world.chat(), preload=False), bare, "the program")
    world.spans(0)
    return "same, 0 spans"


@case(ALL, "/etc/llmobs/disabled: same output, no span")
def disabled_for_all(world):
    bare = world.run(world.chat(), preload=False)
    with for_all(world), world.file("/etc/llmobs/disabled", ""):
        equal(world.run(world.chat(), preload=False, DD_LLMOBS_ENABLED="1"),
              bare, "the program")
    world.spans(0)
    return "same, 0 spans"


@case(ALL, "as a user without rights, no HOME, no /proc, read-only: one span")
def a_poor_container_too(world):
    with for_all(world):
        got = world.run(world.chat(), preload=False, user=APP, proc=False,
                        shm=False, var_tmp=False, read_only=True, state=False,
                        DD_LLMOBS_ENABLED="1")
    equal((got.status, got.err), (0, b""), "status, stderr")
    world.spans(1)
    return "1 span"
