#!/usr/bin/python3
"""`llmobs drain`, and the entries that dead processes left in the spool.

usage: drain.py LLMOBS_RUN LLMOBS [TEST]...
"""
import contextlib
import ctypes
import faulthandler
import fcntl
import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

sys.dont_write_bytecode = True
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))
from doubles import Datadog, wait_for  # noqa: E402
from otlp_receiver import Receiver  # noqa: E402
from ports import free_port  # noqa: E402

RUN, LLMOBS = sys.argv[1:3]
LIMIT = 60
FOLDER = tempfile.mkdtemp(prefix="llmobs-drain.")
STORE = os.path.join(FOLDER, "store")
SPOOL = os.path.join(STORE, "spool")
BEGIN, END, RELEASE = 2, 3, 5  # enum llmobs_entry_type
NOBODY = 65534
BATCH = 64  # calls that a drain sends at a time
SHORT_ONES = BATCH + 6
HOME = os.path.join("/home", "a")  # in a mount of the test's own
BODY = json.dumps({"model": "%s", "messages": [
    {"role": "user", "content": "hello there"}]})
TYPE = "Content-Type: application/json"


class Wrong(Exception):
    pass


def equal(got, want, what):
    if got != want:
        raise Wrong("%s: got %s, want %s" % (what, got, want))


PORT = free_port()
AGENT = "http://127.0.0.1:%d" % PORT


def environment(**more):
    env = {k: v for k, v in os.environ.items()
           if not k.startswith(("DD_", "LLMOBS_", "_DD_", "OTEL_"))}
    env.update(LLMOBS_BUILD=os.environ["LLMOBS_BUILD"], LLMOBS_STORE_DIR=STORE,
               LLMOBS_EXPORTER="agent", DD_TRACE_AGENT_URL=AGENT,
               DD_LLMOBS_ML_APP="drained",
               LLMOBS_LOG=os.path.join(FOLDER, "log"))
    env.update(more)
    return {k: v for k, v in env.items() if v is not None}


def calls(count=1, model="gpt-4o-mini", url=None, **env):
    """One curl that makes so many calls; its agent is away."""
    args = []
    for _ in range(count):
        args += ["--next"] if args else []
        args += ["-s", "-o", "/dev/null", "-H", TYPE, "-d", BODY % model,
                 url or URL]
    subprocess.run([RUN, "curl"] + args, env=environment(**env), check=True,
                   timeout=LIMIT)


def start(*args, env=None, **options):
    return subprocess.Popen([LLMOBS, "drain", *args], start_new_session=True,
                            env=env or environment(), text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            **options)


def finish(process):
    try:
        out, err = process.communicate(timeout=LIMIT)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise Wrong("no end")
    return process.returncode, out, err


def drain(*args, env=None, **options):
    """Exit status and the counts of the one line."""
    code, out, err = finish(start(*args, "--json", env=env, **options))
    if out.count("\n") != 1:
        raise Wrong("not one line: %r %r %r" % (code, out, err))
    return code, json.loads(out)


def expect(result, code, **counts):
    want = dict(delivered=0, left=0, for_other_destinations=0, expired=0,
                refused=0, sampled_out=0, unreadable=0, set_aside=0)
    want.update(counts)
    equal(result, (code, want), "exit status and counts")


def entries():
    """The files of processes, and what else should not be there."""
    found = os.listdir(SPOOL) if os.path.isdir(SPOOL) else []
    return [name for name in found if name not in (
        "usage", "relay.%d" % os.geteuid()) and
        not re.fullmatch(r"links\.\d+", name)]


def stats():
    done = subprocess.run([LLMOBS, "stats", "--json"], env=environment(),
                          stdout=subprocess.PIPE, timeout=LIMIT, check=True)
    return json.loads(done.stdout)


def books(captured, delivered, spooled=0, dropped=0):
    s = stats()
    equal((s["captured"], s["delivered"], s["spooled"], s["dropped"],
           s["pending"]), (captured, delivered, spooled, dropped, 0),
          "captured, delivered, spooled, dropped, pending")


def agent():
    return Datadog("--agent-port", str(PORT))


def arrived(double, count, wait=0):
    spans = double.wait_spans(count, wait) if wait else double.spans()
    equal(double.violations(), [], "violations")
    equal(len(spans), count, "spans that arrived")
    equal(len(set(s["span_id"] for s in spans)), count, "their ids")
    return spans


def spooled_ids(process="", kind=END):
    """The ids of the entries of a kind on the disk, of all files or of one:
    file and head of entry.h."""
    found = set()
    for place, _, names in os.walk(SPOOL):
        for name in names:
            if not name[1:].startswith(".") or process not in name:
                continue
            with open(os.path.join(place, name), "rb") as f:
                data = f.read()
            mark, at = data[16:24], 40
            while (at := data.find(mark, at)) >= 0:
                if int.from_bytes(data[at + 10:at + 12], sys.byteorder) == kind:
                    found.add(str(int.from_bytes(data[at + 24:at + 32],
                                                 sys.byteorder)))
                at += 8
    return found


# ---- what is delivered ---------------------------------------------------

def nothing_there():
    expect(drain(), 0)
    equal(os.path.exists(STORE), False, "a store was made")
    code, out, err = finish(start())
    equal((code, out, err),
          (0, "delivered 0, left 0, expired 0, unreadable 0\n", ""), "text")


def each_once():
    for _ in range(3):
        calls()
    calls(5)
    expect(drain(), 1, left=8)
    books(8, 0, spooled=8)
    ids = spooled_ids()
    equal(len(ids), 8, "ids on the disk")
    with agent() as dd:
        expect(drain(), 0, delivered=8)
        spans = arrived(dd, 8)
        equal(set(s["span_id"] for s in spans), ids, "ids")
        equal(set(s["tags"][s["tags"].index("ml_app:drained")]
                  for s in spans), {"ml_app:drained"}, "ml_app")
        expect(drain(), 0)
        arrived(dd, 8)
    equal(entries(), [], "left in the spool")
    books(8, 8)


def killed_call():
    process = subprocess.Popen(
        [RUN, "curl", "-s", "-H", TYPE, "-d", BODY % "hang", URL],
        env=environment(), stdout=subprocess.DEVNULL)
    wait_for(lambda: spooled_ids(kind=BEGIN), LIMIT)
    process.kill()
    process.wait()
    with agent() as dd:
        expect(drain(), 0, delivered=1)
        span, = arrived(dd, 1)
        equal((span["status"], span["meta"]["error"]["type"]),
              ("error", "process_killed"), "status")
        equal(span["meta"]["input"]["messages"][0]["content"], "hello there",
              "input")
    books(1, 1)


def second_tenant():
    """Another key: its entries stay, byte by byte, until it comes itself."""
    mine = dict(LLMOBS_EXPORTER="agentless", DD_API_KEY="0" * 32,
                DD_LLMOBS_OVERRIDE_ORIGIN="http://127.0.0.1:%d" % free_port())
    calls(2)
    calls(3, **mine)
    with agent() as dd:
        expect(drain(), 1, delivered=2, left=3, for_other_destinations=3)
        arrived(dd, 2)
        before = entries()
        expect(drain(), 1, left=3, for_other_destinations=3)
        equal((len(before), entries()), (1, before), "the other's file")
        expect(drain("--to", "agent"), 0, delivered=3)
        arrived(dd, 5)
    equal(entries(), [], "left in the spool")


def to_the_store():
    calls(4)
    expect(drain("--to", "store"), 0, delivered=4)
    with open(os.path.join(STORE, "spans.jsonl")) as f:
        equal(len(set(json.loads(line)["span_id"] for line in f)), 4, "stored")
    equal(entries(), [], "left in the spool")
    books(4, 4)


def to_a_full_store():
    """A name that the library does not write neither goes nor is waited for."""
    os.makedirs(STORE, 0o700)
    copy = os.path.join(STORE, "spans-20260101.jsonl")
    with open(copy, "w") as f:
        f.truncate(1 << 20)
    full = environment(LLMOBS_STORE_MAX="65536")
    for _ in range(3):
        calls(30)
        expect(drain("--to", "store", env=full), 0, delivered=30)
    equal(os.path.getsize(copy), 1 << 20, "the copy")
    equal(entries(), [], "left in the spool")


def to_a_url():
    calls(2)
    with Datadog() as dd:
        expect(drain("--to", dd.url,
                     env=environment(DD_TRACE_AGENT_URL="http://127.0.0.1:9",
                                     DD_LLMOBS_OVERRIDE_ORIGIN=AGENT)),
               0, delivered=2)
        arrived(dd, 2)


def settings_that_are_empty():
    """/dev/null is an empty file of settings, for process and tool."""
    null = dict(LLMOBS_CONFIG="/dev/null", LLMOBS_RULES="/dev/null")
    calls(**null)
    with agent() as dd:
        expect(drain(env=environment(**null)), 0, delivered=1)
        span, = arrived(dd, 1)
        equal(span["meta"]["input"]["messages"][0]["content"], "hello there",
              "input")
    done = subprocess.run(
        [LLMOBS, "doctor", "--no-self-test", "curl"], timeout=LIMIT,
        env=environment(**null), stdout=subprocess.PIPE, text=True)
    equal([line for line in done.stdout.splitlines() if "regular" in line or
           "CONTENT" in line], [], "what the doctor says of it")


# ---- what is said of what waits ------------------------------------------

WAITS = r"(\d+) calls? waits? in the spool since 20\S+ \S+ for (.*); next try:" \
    r" (.*); now: `(.*)`$"


def told(*command, **env):
    """A command's words about each destination: (calls, next try, remedy)."""
    done = subprocess.run([LLMOBS, *command], env=environment(**env), text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=LIMIT)
    return done.stdout, {m[2]: (int(m[1]), m[3], m[4]) for m in re.finditer(
        "^llmobs %s: " % command[0] + WAITS, done.stdout, re.M)}


def type_it(remedy, **env):
    """A remedy as a user types it, with the key in the place of the dots."""
    env = environment(**env)
    env["PATH"] = os.path.dirname(LLMOBS) + ":" + env["PATH"]
    return subprocess.run(remedy.replace("=...", "=" + "0" * 32), shell=True,
                          env=env, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=LIMIT).stdout


def says_what_waits():
    """An empty store: each command says for what calls wait, and how they go."""
    intake = "http://127.0.0.2:%d" % free_port()  # never the agent's
    far = dict(LLMOBS_EXPORTER="agentless", DD_API_KEY="0" * 32,
               DD_LLMOBS_OVERRIDE_ORIGIN=intake)
    words = "agentless %s with DD_API_KEY ...0000" % intake
    equal(told("view")[1], {}, "of an empty spool")
    calls(2, LLMOBS_EXIT_FLUSH_MS="10000")  # it meets the refusal on any machine
    for command in "stats", "view", "drain":
        text, waits = told(command)
        equal(waits, {"agent " + AGENT: (
            2, "with a program that goes on", "llmobs drain")}, command + text)
        text, waits = told(command, **far)
        equal(waits, {"agent " + AGENT: (
            2, "with a call for it", "llmobs drain --to agentless --for " +
            AGENT)}, command + text)
    calls(3, **far)
    for command in "stats", "view", "drain":
        text, waits = told(command)
        equal((len(waits), waits[words][0], "0" * 32 in text),
              (2, 3, False), command + text)
    nowhere = told("stats", DD_TRACE_AGENT_URL="", LLMOBS_EXPORTER="")[1]
    equal(nowhere[words][2], "llmobs drain --to agentless --for " + intake,
          "without a destination")
    alerts = json.loads(told("stats", "--json")[0])["waiting"]
    equal(sorted(re.search(WAITS, a)[1] for a in alerts), ["2", "3"], "JSON")
    with agent() as dd:
        type_it(waits[words][2])  # what cannot arrive goes to the agent
        arrived(dd, 3)
        type_it(told("stats")[1]["agent " + AGENT][2])
        arrived(dd, 5)
    equal([told(c)[1] for c in ("stats", "view", "drain")], [{}] * 3, "left")


def two_sites():
    """No process could try: the remedies lead each call to its own site."""
    for site in "datadoghq.eu", "us5.datadoghq.com":
        subprocess.run(
            [RUN, "python3", "-c", "import sys, urllib.request as u; u.urlopen("
             "u.Request(sys.argv[1], sys.argv[2].encode(), {'Content-Type':"
             "'application/json'}))", URL, BODY % "gpt-4o"], check=True,
            timeout=LIMIT, env=environment(
                LLMOBS_EXPORTER="agentless", DD_SITE=site, LLMOBS_RELAY="off",
                DD_API_KEY="0" * 32))
    for place, (count, _, remedy) in told("stats")[1].items():
        site = place[len("agentless https://llmobs-intake."):].split()[0]
        equal((count, remedy), (
            1, "DD_SITE=%s DD_API_KEY=... llmobs drain --to agentless --for "
            "https://llmobs-intake.%s" % (site, site)), place)
    equal(len(told("stats")[1]), 2, "sites")
    with agent() as dd:
        expect(drain("--to", "agent", "--for", "us5.datadoghq"), 1, delivered=1,
               left=1, for_other_destinations=1)
        arrived(dd, 1)
    equal([p.split()[1] for p in told("stats")[1]],
          ["https://llmobs-intake.datadoghq.eu"], "left")


def another_address():
    """The address was wrong: once nothing waits for it, nothing speaks of it,
    and each address has its own number."""
    fails = "agent %s has accepted nothing since" % AGENT
    calls(3, LLMOBS_EXIT_FLUSH_MS="4000")
    with Datadog() as dd:
        new = dict(DD_TRACE_AGENT_URL=dd.url)
        text, waits = told("stats", **new)
        remedy = waits["agent " + AGENT][2]
        equal((remedy, fails in text),
              ("llmobs drain --to agent --for " + AGENT, True), text)
        type_it(remedy, **new)
        arrived(dd, 3)
        for command in ("stats",), ("drain",), ("view",), (
                "doctor", "--no-self-test", "curl"):
            text = told(*command, **new)[0]
            equal("accepted nothing" in text, False, command[0] + text)
        calls(2, DD_TRACE_AGENT_URL=AGENT)
        with agent() as old:
            expect(drain(), 0, delivered=2)
            arrived(old, 2)
        sent = re.findall(r": (\d+) went to agent, .* to (\S+)$",
                          told("view", **new)[0], re.M)
        equal(sorted(sent), sorted([("3", dd.url), ("2", AGENT)]), "numbers")


def silent_agent():
    """For 30 seconds behind a silent agent no process tries: stats says until
    when, and that a drain need not wait."""
    with agent() as dd:
        dd.fault("hang")
        calls(LLMOBS_EXIT_FLUSH_MS="300")
        dd.well()
        calls()
        text, waits = told("stats")
        count, when, remedy = waits["agent " + AGENT]
        when = re.fullmatch(r"with a program that goes on from (20\S+ \S+)", when)
        equal((count, bool(when), remedy), (2, True, "llmobs drain"), text)
        later = time.mktime(time.strptime(when[1], "%Y-%m-%d %H:%M:%S"))
        equal(15 < later - time.time() <= 30, True, text)
        type_it(remedy)
        arrived(dd, 2)
        equal("waits" in told("stats")[0], False, "left")


def rows():
    """The spans that view shows, each once; True: it waits."""
    done = subprocess.run([LLMOBS, "view", "--csv", "--fields",
                           "span_id,tag:waiting"], env=environment(), text=True,
                          stdout=subprocess.PIPE, timeout=LIMIT, check=True)
    found = [line.split(",") for line in done.stdout.split()[1:]]
    equal(len(set(span for span, _ in found)), len(found), "shown twice")
    return {span: mark == "spool" for span, mark in found}


def moved_and_away():
    """Lines of the store that go to the spool, and wait there: view shows each
    once, and they are stored no more."""
    calls(3, LLMOBS_SPOOL_MAX="0")
    equal(sorted(rows().values()), [False] * 3, "in the store")
    expect(drain("--store"), 1, left=3)
    equal((len(rows()), len(spooled_ids(kind=4))), (3, 3), "moved")
    expect(drain("--store"), 1, left=3)
    equal((len(rows()), len(spooled_ids(kind=4))), (3, 3), "moved once")
    with agent() as dd:
        expect(drain(), 0, delivered=3)
        arrived(dd, 3)
        expect(drain("--store"), 0)
    equal(len(rows()), 3, "in the store")


def fell_back():
    """Calls for which the spool has no room are in the store: that is no
    delivery, each command says so, and a drain sends them once."""
    small = dict(LLMOBS_SPOOL_MAX="4096")
    for _ in range(2):
        calls(2, **small)
    calls(1, LLMOBS_SPOOL_MAX="0")
    s = stats()
    equal((s["captured"], s["delivered"], s["dropped"],
           s["spooled"] + s["fell_back"]), (5, 0, 0, 5), "sums")
    fallen = s["fell_back"]
    equal(fallen > 0, True, "no call fell back")
    text = told("stats", "--check")[0]
    equal(("%d fell back to the local store" % fallen in text,
           s["alerts"]["fell_back"]), (True, True), text)
    equal("llmobs_fell_back %d\n" % fallen in told(
        "stats", "--prometheus")[0], True, "metric")
    seen = rows()
    equal((len(seen), sum(seen.values())), (5, 5 - fallen),
          "seen by view, and of them those that wait")
    seen = [span for span, waits in seen.items() if not waits]
    expect(drain(), 1, left=s["spooled"])
    with agent() as dd:
        at_once = [start("--store", "--json") for _ in range(3)]
        for one in at_once:
            finish(one)
        spans = arrived(dd, 5)
        expect(drain("--store"), 0)
        arrived(dd, 5)
        equal((sorted(rows()), set(seen) <= set(s["span_id"] for s in spans)),
              (sorted(seen), True), "the store has them still")
    books(5, 5)
    equal(told("stats", "--check")[0], "", "alerts")
    calls(2, LLMOBS_SPOOL_MAX="0")
    os.remove(os.path.join(STORE, "spans.jsonl"))
    with agent() as dd:
        expect(drain("--store"), 0)
    equal((stats()["fell_back"], stats()["dropped_by_reason"]["expired"]),
          (0, 2), "those that the store lost")


def log_lines(text):
    with open(os.path.join(FOLDER, "log")) as f:
        return f.read().count(text)


def to_otlp():
    """Entries for an agent. The log says once that texts are left out."""
    left_out = "the texts of messages are left out"
    calls(3)
    with Receiver() as receiver:
        there = environment(OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url,
                            OTEL_BSP_MAX_EXPORT_BATCH_SIZE="1")
        off = dict(there, OTEL_TRACES_EXPORTER="none")
        code, out, err = finish(start("--to", "otlp", env=off))
        equal((code, out, "switches it off" in err), (1, "", True), "off")
        ids = spooled_ids()
        expect(drain("--to", "otlp", env=there), 0, delivered=3)
        equal(set(str(int(i, 16)) for i in receiver.ids()), ids, "ids")
        equal((len(receiver.ids()), receiver.wrong), (3, []), "spans")
        equal((len(receiver.posts()), log_lines(left_out)), (3, 1), "told")
        equal(log_lines("hello there"), 0, "texts in the log")
        calls(1)
        asked = dict(
            there, OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT="true")
        expect(drain("--to", "otlp", env=asked), 0, delivered=1)
        texts = ["hello there" in json.dumps(s) for s in receiver.spans()]
        equal((texts, log_lines(left_out)), ([False] * 3 + [True], 1), "texts")
    equal(entries(), [], "left in the spool")
    books(4, 4)


def to_a_receiver_that_was_away():
    port = free_port()
    mine = dict(LLMOBS_EXPORTER="otlp",
                OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:%d" % port)
    calls(2, **mine)
    calls(1, OTEL_TRACES_SAMPLER="always_off")
    with Receiver(port=port) as receiver:
        expect(drain(env=environment(**mine)), 1, delivered=2, left=1,
               for_other_destinations=1)
        equal((len(receiver.ids()), receiver.wrong), (2, []), "requests")
        expect(drain("--to", "otlp", env=environment(**mine)), 0,
               sampled_out=1)
        equal(len(receiver.ids()), 2, "with what the sampler kept back")
    equal(entries(), [], "left in the spool")


def flapping_agent():
    calls(6)
    with agent() as dd:
        dd.fault("500", times=2)
        expect(drain(), 0, delivered=6)
        arrived(dd, 6)


def hanging_agent():
    calls(2)
    with agent() as dd:
        dd.fault("hang")
        process = start("--json",
                        env=environment(_DD_LLMOBS_WRITER_TIMEOUT="600"))
        wait_for(lambda: dd.requests("llmobs"), LIMIT)
        process.terminate()
        code, out, _ = finish(process)
        equal((code, json.loads(out)["left"]), (1, 2), "left")
        dd.well()
        expect(drain(), 0, delivered=2)
    books(2, 2)


def refused_event():
    calls(2)
    calls(1, model="gpt-bad")
    with agent() as dd:
        dd.fault("marker", marker="gpt-bad")
        expect(drain(), 0, delivered=2, refused=1)
        arrived(dd, 2)
    with open(os.path.join(SPOOL, "rejected.jsonl")) as f:
        equal(len(f.read().splitlines()), 1, "set aside")


def many():
    """More than a moment's work."""
    calls()
    one = os.path.join(SPOOL, entries()[0])
    for i in range(4000):
        shutil.copy(one, os.path.join(SPOOL, "o.%d-1-%x-1" %
                                      (4000000 + i, i)))
    expect(drain("--to", "store"), 0, delivered=4001)
    equal(entries(), [], "left in the spool")


# ---- several at once, and for long ---------------------------------------

def concurrent():
    for _ in range(40):
        calls()
    with agent() as dd:
        processes = [start("--json") for _ in range(4)]
        told = [json.loads(finish(p)[1]) for p in processes]
        if any(t["left"] for t in told):
            drain()  # one ended while another still had some
        equal(sum(t["delivered"] for t in told), 40, "delivered by all")
        arrived(dd, 40)
    equal(entries(), [], "left in the spool")
    books(40, 40)


def beside_the_living():
    """A running program's entries are its own."""
    process = subprocess.Popen(
        [RUN, "/usr/bin/python3", "-c", LIVING, URL, BODY % "gpt-4o-mini"],
        env=environment(), stdout=subprocess.PIPE, stdin=subprocess.PIPE)
    process.stdout.readline()
    with agent() as dd:
        expect(drain("--to", "store"), 0)
        arrived(dd, 1, 15)
        # The span of a process that dies before it notes the agent's answer
        # comes again.
        wait_for(lambda: spooled_ids(kind=RELEASE), LIMIT)
        process.kill()
        process.wait()
        drain()
        arrived(dd, 1)
    process.stdout.close()
    process.stdin.close()


def stat_of(pid):
    """The begin of a process, and the place of its stack."""
    with open("/proc/%d/stat" % pid) as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return int(fields[19]), int(fields[25])


def past_self():
    """A process that has executed another program writes no more to its files,
    and has nothing more to do with those that it had claimed."""
    calls()
    foreign = entries()[0]
    process = subprocess.Popen(
        [RUN, "/usr/bin/python3", "-c",
         LIVING.replace("sys.stdin.read()", "import os; "
                        "os.execv('/bin/cat', ['cat'])"),
         URL, BODY % "gpt-4o-mini"],
        env=environment(), stdout=subprocess.PIPE, stdin=subprocess.PIPE)

    def comm():
        with open("/proc/%d/comm" % process.pid) as f:
            return f.read()
    wait_for(lambda: comm() == "cat\n", LIMIT)
    start, program = stat_of(process.pid)
    claimed = "c.%d-%d-%%x.%d.%s" % (
        process.pid, start, os.stat("/proc/self/ns/pid").st_ino, foreign[2:])
    os.rename(os.path.join(SPOOL, foreign),
              os.path.join(SPOOL, claimed % program))
    expect(drain("--to", "store"), 1, delivered=1, left=1)
    os.rename(os.path.join(SPOOL, claimed % program),
              os.path.join(SPOOL, claimed % (program + 16)))
    expect(drain("--to", "store"), 0, delivered=1)
    process.stdin.close()
    process.wait()
    process.stdout.close()
    equal(entries(), [], "left in the spool")


LIVING = """
import sys, pycurl
c = pycurl.Curl()
c.setopt(pycurl.URL, sys.argv[1])
c.setopt(pycurl.POSTFIELDS, sys.argv[2])
c.setopt(pycurl.HTTPHEADER, ["Content-Type: application/json"])
c.setopt(pycurl.WRITEFUNCTION, lambda data: None)
c.perform()
print("called", flush=True)
sys.stdin.read()
"""


def own_ones():
    """Of those that programs start at one time, one works; a person's does in
    any case."""
    calls(3)
    with agent() as dd:
        holder = os.open(SPOOL, os.O_RDONLY)
        fcntl.flock(holder, fcntl.LOCK_EX)
        equal(finish(start("--own")), (0, "", ""), "a second one")
        arrived(dd, 0)
        expect(drain(), 0, delivered=3)
    calls(3)
    with agent() as dd:
        os.close(holder)
        equal(finish(start("--own")), (0, "", ""), "the next one")
        arrived(dd, 3)


def drain_killed():
    """A drain that dies half-way repeats one batch at most."""
    calls(30)
    with agent() as dd:
        dd.fault("slow", delay_ms=LIMIT * 1000)
        process = start("--json")
        wait_for(lambda: dd.requests("llmobs"), LIMIT)
        os.killpg(process.pid, signal.SIGKILL)
        finish(process)
        dd.well()
        code, told = drain()
        equal((code, told["left"]), (0, 0), "after it")
        ids = [s["span_id"] for s in dd.spans()]
        equal(len(set(ids)), 30, "each is there")
    equal(entries(), [], "left in the spool")


def short_ones_killed():
    """Of programs of one call each, too: calls that were sent are out of the
    spool before the next batch is."""
    for _ in range(SHORT_ONES):
        calls()
    equal(len(entries()), SHORT_ONES, "files")
    with agent() as dd:
        dd.fault("slow", delay_ms=300)
        process = start("--json")
        wait_for(lambda: len(dd.requests("llmobs")) > 1, 5)
        os.killpg(process.pid, signal.SIGKILL)
        finish(process)
        equal(len(entries()), SHORT_ONES - BATCH, "left by the killed one")
        dd.well()
        time.sleep(0.5)
        expect(drain(), 0, delivered=SHORT_ONES - BATCH)
        ids = [s["span_id"] for s in dd.spans()]
        equal(len(set(ids)), SHORT_ONES, "each is there")
    equal(entries(), [], "left in the spool")


def moved():
    """Of a spool that was moved, for what it waits, and a command that sends it."""
    calls(2)
    calls(1, LLMOBS_EXPORTER="store", LLMOBS_EXIT_FLUSH_MS="0",
          _DD_LLMOBS_WRITER_INTERVAL="60")
    store = os.path.join(FOLDER, "victim")
    os.rename(STORE, store)
    for exporter, remedies in (
            ("agent", {"--to agent --for " + AGENT, "--to agent"}),
            ("store", {"--to %s --for %s" % (AGENT, AGENT), "--to store"})):
        env = environment(LLMOBS_STORE_DIR=store, LLMOBS_EXPORTER=exporter)
        text = subprocess.run([LLMOBS, "stats"], env=env, stderr=subprocess.PIPE,
                              text=True, stdout=subprocess.DEVNULL).stderr
        equal(set(re.findall("now: `llmobs drain (.*)`", text)), remedies, text)
    with agent() as dd:
        expect(drain("--to", "agent", "--for", AGENT, env=env), 1, delivered=2, left=1,
               for_other_destinations=1)
        arrived(dd, 2)
    expect(drain("--to", "store", env=env), 0, delivered=1)


def short_ones_beside_load():
    """Of programs of one call, which wait for their delivery as long as they do by
    themselves, beside others that take the processors: each call arrived or is
    left in the spool, and is counted as such."""
    count, at_once = 24, 6
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"])
            for _ in range(4 * os.cpu_count())]
    try:
        with agent() as dd:
            with ThreadPoolExecutor(at_once) as threads:
                list(threads.map(lambda _: calls(), range(count)))
            spans = {s["span_id"] for s in dd.spans()}
    finally:
        for one in busy:
            one.kill()
            one.wait()
    told = json.loads(subprocess.run([LLMOBS, "stats", "--json"], env=environment(),
                                     stdout=subprocess.PIPE, check=True).stdout)
    equal((told["captured"], told["delivered"] + told["spooled"], told["dropped"]),
          (count, count, 0), "captured, delivered and spooled, dropped")
    # An answer that came too late for the exit is one of both.
    ok = told["delivered"] <= len(spans) <= count
    equal(ok, True, "%d delivered, %d arrived" % (told["delivered"], len(spans)))
    with agent() as dd:
        expect(drain(), 0, delivered=told["spooled"])
        spans |= {s["span_id"] for s in dd.spans()}
    equal((len(spans), entries()), (count, []), "spans, and what is left")


# ---- hostile spools --------------------------------------------------------

def hostile():
    calls(3)
    victim = os.path.join(FOLDER, "victim")
    shutil.copy(os.path.join(SPOOL, entries()[0]), victim)
    with open(victim, "rb") as f:
        good = f.read()

    def place(number):
        return os.path.join(SPOOL, "o.%d-1-%x-1" % (4000000 + number, number))

    def make(number, data):
        with open(place(number), "wb") as f:
            f.write(data)
        os.chmod(place(number), 0o600)
    make(1, os.urandom(100000))
    make(2, b"")
    make(3, good[:40])
    make(11, good[:8] + b"\x09" + good[9:])
    os.symlink(victim, place(5))
    os.symlink("/etc/passwd", place(6))
    os.mkfifo(place(7))
    os.mkdir(place(8))
    os.link(victim, place(9)) # whose other name may be another user's
    os.mkdir(os.path.join(SPOOL, "not a name"))
    make(99999999999999999999, good)
    with agent() as dd:
        code, told = drain()
        equal((code, told["delivered"], told["left"]), (1, 3, 0), "counts")
        equal(told["unreadable"] >= 5, True, "unreadable: %s" % told)
        arrived(dd, 3)
        code, told = drain()
        equal((code, told["delivered"]), (1, 0), "again")
        arrived(dd, 3)
    with open(victim, "rb") as f:
        equal(f.read() == good, True, "what a link led to is as it was")


def truncated():
    """A file that ends within an entry, and garbage between two."""
    calls(3)
    path = os.path.join(SPOOL, entries()[0])
    with open(path, "rb") as f:
        data = f.read()
    mark = data[16:24]
    starts = [i for i in range(40, len(data)) if data.startswith(mark, i)]
    last = max(i for i in starts
               if int.from_bytes(data[i + 10:i + 12], sys.byteorder) == 3)
    with open(path, "wb") as f:
        f.write(data[:starts[1]] + os.urandom(5000) + data[starts[1]:last + 99])
    with agent() as dd:
        code, told = drain()
        equal((code, told["delivered"]), (0, 3), "two, and a killed call")
        kinds = sorted(s["status"] for s in arrived(dd, 3))
        equal(kinds, ["error", "ok", "ok"], "status")
    equal(entries(), [], "left in the spool")


def one_file_of_two():
    """A file that cannot be read stays, and nothing else."""
    calls(2)
    strange = os.path.join(SPOOL, entries()[0])[:-1] + "2"
    os.symlink("/etc/passwd", strange)
    with agent() as dd:
        expect(drain(), 1, delivered=2, unreadable=1)
        expect(drain(), 1, unreadable=1)
        arrived(dd, 2)
        os.unlink(strange)
        expect(drain(), 0)
        arrived(dd, 2)
    equal(entries(), [], "left in the spool")


def needs_root():
    if os.geteuid() != 0:
        raise Wrong("skip: needs root")


def other_users():
    """Root delivers a user's entries as that user; what a user made for root
    to follow leads nowhere."""
    needs_root()
    os.chmod(FOLDER, 0o755)
    calls(2)
    calls(1)
    user = entries()[0]
    secret = os.path.join(FOLDER, "secret")
    shutil.copy(os.path.join(SPOOL, entries()[1]), secret)
    os.chown(os.path.join(SPOOL, user), NOBODY, NOBODY)
    os.chmod(STORE, 0o755)
    os.chmod(SPOOL, 0o1777)
    trap = os.path.join(SPOOL, "o.4000001-1-1-1")
    os.symlink(secret, trap)
    os.lchown(trap, NOBODY, NOBODY)
    before = open(secret, "rb").read()
    with agent() as dd:
        code, told = drain("--dir", SPOOL)
        equal((code, told["delivered"], told["unreadable"]), (1, 3, 1),
              "counts")
        arrived(dd, 3)
    equal(open(secret, "rb").read() == before, True,
          "root's file is as it was")
    equal(entries(), [os.path.basename(trap)], "left in the spool")


def nobodys_file():
    calls(2)
    path = os.path.join(SPOOL, entries()[0])
    if os.geteuid() == 0:
        os.chmod(FOLDER, 0o755)
        os.chmod(STORE, 0o755)
        os.chmod(SPOOL, 0o1777)
        os.chown(path, NOBODY, NOBODY)
    return path


def unchangeable():
    """Of a file that cannot be changed no call is delivered: it would be again
    and again."""
    path = nobodys_file()
    os.chmod(path, 0o400)
    with agent() as dd:
        for _ in range(2):
            code, told = drain("--dir", SPOOL)
            equal((code, told["delivered"], told["left"]), (1, 0, 2), "counts")
        os.chmod(path, 0o600)
        equal(drain("--dir", SPOOL)[1]["delivered"], 2, "once it may go")
        arrived(dd, 2)


def read_only():
    """Of a spool from which nothing can be removed nothing is delivered."""
    nobodys_file()
    os.chmod(SPOOL, 0o755 if os.geteuid() == 0 else 0o500)
    with agent() as dd:
        for _ in range(2):
            code, told = drain("--dir", SPOOL)
            equal((code, told["delivered"], told["left"]), (1, 0, 2), "counts")
        os.chmod(SPOOL, 0o1777)
        equal(drain("--dir", SPOOL)[1]["delivered"], 2, "once they may go")
        arrived(dd, 2)


def all_users():
    """Without --dir root finds the spools of homes and of /var/tmp."""
    needs_root()
    calls(2)
    calls(1)
    calls(3)
    in_own_mounts(walk_all)


def in_own_mounts(work, alone=False):
    """Runs it where /home, /var/tmp and /var/lib are empty; `alone`: it leaves
    processes of users there, which root's commands of other tests would visit."""
    lock = os.open("/var/tmp", os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
    try:
        own_mounts(work)
    finally:
        os.close(lock)


def own_mounts(work):
    libc = ctypes.CDLL(None, use_errno=True)
    pid = os.fork()
    if pid == 0:
        try:
            if libc.unshare(0x20000) or \
                    libc.mount(b"none", b"/", None, 0x4000 | 0x40000, None):
                os._exit(3)
            for place in (b"/home", b"/var/tmp", b"/var/lib"):
                if libc.mount(b"tmpfs", place, b"tmpfs", 0, None):
                    os._exit(3)
            work()
            os._exit(0)
        except Wrong as e:
            print("# %s" % e, flush=True)
        except BaseException:
            import traceback
            traceback.print_exc()
        os._exit(1)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if code == 3:
        raise Wrong("skip: no mount namespaces here")
    equal(code, 0, "the test in its own mounts")


def give(name, folder, uid, home=None):
    """Moves a file of our spool to a user's."""
    os.makedirs(folder, 0o700)
    shutil.move(os.path.join(SPOOL, name), folder)
    top = home or os.path.dirname(folder)
    for place, _, names in os.walk(top):
        os.chown(place, uid, uid)
        for n in names:
            os.chown(os.path.join(place, n), uid, uid)
    os.chmod(top, 0o700)


def walk_all():
    names = entries()
    give(names[0], HOME + "/.local/state/llmobs/spool", 4001, HOME)
    give(names[1], "/var/tmp/llmobs-4002/spool", 4002)
    give(names[2], "/var/lib/llmobs/spool", 0)
    # No user's: another's name, a link for a home, a link within one.
    os.makedirs("/var/tmp/llmobs-4003/spool")
    os.chown("/var/tmp/llmobs-4003", 4004, 4004)
    os.symlink(HOME, HOME + "b")
    os.makedirs(HOME + "c/.local/state")
    os.symlink("/var/lib/llmobs", HOME + "c/.local/state/llmobs")
    os.lchown(HOME + "c", 4005, 4005)
    # The entries were for another store: their destination counts it.
    env = environment(LLMOBS_STORE_DIR=None, HOME="/root")
    with agent() as dd:
        code, told = drain(env=env)
        equal((code, told["left"]), (1, 6), "for another destination")
        equal(finish(start("--own", "--to", "agent", env=env)), (0, "", ""),
              "as a program starts it")
        equal(os.listdir("/var/lib/llmobs/spool").count(names[2]), 0,
              "root's file")
        own = len(dd.spans())
        equal(own in (1, 2, 3), True, "root's %d calls" % own)
        code, told = drain("--to", "agent", env=env)
        equal((code, told["delivered"], told["left"]), (0, 6 - own, 0),
              "delivered")
        arrived(dd, 6)
    for path, uid in ((HOME + "/.local/state/llmobs/stats/totals", 4001),
                      ("/var/tmp/llmobs-4002/stats/totals", 4002),
                      ("/var/lib/llmobs/stats/totals", 0)):
        equal(os.stat(path).st_uid, uid, "the counters of " + path)


STOPPER = """
import os, signal, sys, time
uid, told = int(sys.argv[1]), set()
os.setresuid(uid, uid, uid)
end = time.monotonic() + 40
old = set(os.listdir("/proc")) - {str(os.getpid())}
print("ready", flush=True)
while time.monotonic() < end:
    time.sleep(0.002)
    for pid in filter(str.isdigit, set(os.listdir("/proc")) - old):
        try:
            if os.stat("/proc/" + pid).st_uid == uid or uid == int(
                    [x for x in open("/proc/%s/status" % pid)
                     if x.startswith("Uid:")][0].split()[1]):
                if int(pid) != os.getpid():
                    os.kill(int(pid), signal.SIGSTOP)
                    if pid not in told:
                        print(pid, flush=True)
                    told.add(pid)
        except (OSError, IndexError):
            pass
"""


@contextlib.contextmanager
def stopper(uid):
    """A user who stops all processes of its own that it can see. Gives a
    function that waits until this user has stopped one more."""
    process = subprocess.Popen([sys.executable, "-c", STOPPER, str(uid)],
                               stdout=subprocess.PIPE, bufsize=0)

    def wait():
        if not select.select([process.stdout], [], [], LIMIT)[0] or \
                not process.stdout.readline():
            raise Wrong("the user stopped no process")
    try:
        wait()
        yield wait
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def stopped_by_its_user():
    """A user who stops the process that delivers for it stops no other's."""
    needs_root()
    for _ in range(4):
        calls(1)
    in_own_mounts(walk_beside_stoppers, alone=True)


def walk_beside_stoppers():
    names, first = entries(), 60000 + os.getpid() % 4000
    give(names[0], "/var/tmp/llmobs-%d/spool" % first, first)
    give(names[1], HOME + "/.local/state/llmobs/spool", first + 1, HOME)
    give(names[2], "/var/tmp/llmobs-%d/spool" % (first + 2), first + 2)
    give(names[3], "/var/lib/llmobs/spool", 0)
    env = environment(LLMOBS_STORE_DIR=None, HOME="/root")
    with stopper(first) as stopped, agent() as dd:
        process = start_stopped(stopped, dd, "--user-time", "5", "--json",
                                env=env)
        code, out, _ = finish(process)
        equal((code, json.loads(out)["delivered"]), (1, 3), "counts")
        process = start_stopped(stopped, dd, "--user-time", "600",
                                env=env)
        process.terminate()
        equal(finish(process)[0], 1, "exit status after TERM")


def start_stopped(stopped, double, *args, env):
    """A drain one of whose processes is stopped before the agent answers any:
    no user is too late to stop it."""
    double.fault("slow", delay_ms=LIMIT * 1000)
    process = start("--to", "agent", *args, env=env)
    try:
        stopped()
    except Wrong:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise
    finally:
        double.well()
    return process


def further_place_of_a_stopper():
    """A user of two places who stops the process for the first holds up no
    user that comes later."""
    needs_root()
    for _ in range(4):
        calls(1)
    in_own_mounts(walk_past_a_stopper, alone=True)


def walk_past_a_stopper():
    names, first = entries(), 60000 + os.getpid() % 4000
    others = spooled_ids(names[1]) | spooled_ids(names[3])
    give(names[0], HOME + "/.local/state/llmobs/spool", first, HOME)
    # In any order of a list one of the others is behind it.
    for i, uid in (1, first + 1), (2, first), (3, first + 2):
        give(names[i], "/var/tmp/llmobs-%d/spool" % uid, uid)
    env = environment(LLMOBS_STORE_DIR=None, HOME="/root")
    with agent() as dd:
        with stopper(first) as stopped:
            process = start_stopped(stopped, dd, "--user-time", "600", env=env)
            try:
                wait_for(lambda: others <= set(
                    s["span_id"] for s in dd.spans()), 20)
            finally:
                process.terminate()
                finish(process)
        code, told = drain("--to", "agent", env=env)
        equal((code, told["delivered"], told["left"]), (0, 2, 0), "later")


def another_namespace():
    """An entry of a container counts as dead when the container is gone, where
    that can be seen."""
    needs_root()
    if os.readlink("/proc/self/ns/pid") != "pid:[4026531836]":
        raise Wrong("skip: not the first pid namespace")
    unshare = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]
    if subprocess.run(unshare + ["true"]).returncode:
        raise Wrong("skip: no pid namespaces here")
    # Its first process lives on after the call.
    process = subprocess.Popen(
        unshare + ["sh", "-c", '"$@"; sleep 60', "sh", RUN, "curl", "-s", "-o",
                   "/dev/null", "-H", TYPE, "-d", BODY % "gpt-4o-mini", URL],
        env=environment())
    wait_for(spooled_ids, LIMIT)
    time.sleep(6)  # longer than what is not known of the newest
    with agent() as dd:
        expect(drain(), 0)
        equal(len(entries()), 1, "a living namespace's")
        process.kill()
        process.wait()
        wait_for(lambda: drain()[1]["delivered"], LIMIT, 0.2)
        arrived(dd, 1)
    equal(entries(), [], "left in the spool")


def from_another_namespace():
    needs_root()
    unshare = ["unshare", "--pid", "--fork", "--mount-proc"]
    if subprocess.run(unshare + ["true"]).returncode:
        raise Wrong("skip: no pid namespaces here")
    calls(1)
    time.sleep(6)
    with agent() as dd:
        done = subprocess.run(unshare + [LLMOBS, "drain", "--json"],
                              env=environment(), stdout=subprocess.PIPE,
                              timeout=LIMIT)
        equal((done.returncode, json.loads(done.stdout)["delivered"]), (0, 0),
              "from there")
        arrived(dd, 0)
        expect(drain(), 0, delivered=1)


# ---- usage and alerts ------------------------------------------------------

def usage():
    for args in (["--nonsense"], ["something"], ["--to"], ["--to", "nowhere"],
                 ["--to", "http://"], ["--to", "ftp://host"], ["--dir", ""],
                 ["--user-time", "0"], ["--user-time=x"],
                 ["--user-time", "86401"], ["--user-time", "5", "6"]):
        code, out, err = finish(start(*args))
        equal((code, out), (2, ""), "exit status and stdout of %s" % args)
        equal("llmobs drain" in err, True, "stderr of %s: %s" % (args, err))
    code, out, _ = finish(start("--help"))
    equal((code, "--user-time" in out), (0, True), "help")


def missing_dir():
    code, out, err = finish(start("--dir", "/nonexistent/spool"))
    equal((code, "/nonexistent/spool" in err), (1, True), "exit status, error")


def alert(*args):
    done = subprocess.run([LLMOBS, "stats", *args], env=environment(),
                          text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=LIMIT)
    return done.returncode, done.stdout, done.stderr


def stats_check():
    equal(alert("--check")[0], 0, "with nothing")
    calls(2)
    time.sleep(2.2)
    code, out, err = alert("--check")
    equal((code, out, err), (0, "", ""), "within the hour")
    out = alert()[1]
    equal(("spooled                       2" in out, "oldest spooled, s" in out),
          (True, True), "rows: " + out)
    code, out, err = alert("--check=1")
    equal((code, "in the spool for" in err), (1, True), "too old: " + err)
    code, out, _ = alert("--check=1", "--json")
    told = json.loads(out)
    equal((code, told["alerts"]), (1, {"dropped": False, "spooled": True,
                             "set_aside": False, "fell_back": False}),
          "as JSON")
    equal((told["spool"]["of_ended"], told["spool"]["of_running"],
           told["spool"]["oldest_seconds"] >= 2), (2, 0, True), "spool")
    code, out, _ = alert("--check=1", "--prometheus")
    equal((code, 'llmobs_alert{reason="spooled"} 1\n' in out,
           'llmobs_alert{reason="dropped"} 0\n' in out,
           "llmobs_spooled 2\n" in out), (1, True, True, True), out)
    for bad in ("--check=0", "--check=x", "--check=86401"):
        equal(alert(bad)[0], 2, bad)
    with agent():
        expect(drain(), 0, delivered=2)
    equal(alert("--check=1")[0], 0, "after the drain")


def limited_files():
    """What no file may have is counted all the same (ulimit -f)."""
    argv = ["-s", "-o", "/dev/null", "-H", TYPE, "-d", BODY % "m", URL]
    for n, limit in enumerate(("0", "1"), 1):
        subprocess.run(["sh", "-c", "ulimit -f %s; exec \"$@\"" % limit, "sh", RUN,
                        "curl", *argv, "--next", *argv], check=True, timeout=LIMIT,
                       env=environment(LLMOBS_LOG=None))
        done = subprocess.run([LLMOBS, "stats", "--json"], timeout=LIMIT,
                              capture_output=True, env=environment())
        told = json.loads(done.stdout)
        equal((done.returncode, told["captured"]), (0, 2 * n), done.stderr)
        equal(told["dropped"] + told["spooled"], 2 * n, str(told))


TESTS = [nothing_there, each_once, killed_call, second_tenant, to_the_store,
         to_a_full_store, to_a_url, settings_that_are_empty, says_what_waits,
         two_sites, another_address, silent_agent, fell_back, moved_and_away,
         to_otlp, to_a_receiver_that_was_away, flapping_agent, hanging_agent, refused_event, many, concurrent,
         beside_the_living, past_self, own_ones, drain_killed,
         short_ones_killed, short_ones_beside_load, moved, hostile,
         truncated, one_file_of_two,
         other_users, read_only, unchangeable, all_users,
         stopped_by_its_user, further_place_of_a_stopper, another_namespace,
         from_another_namespace, usage, missing_dir, stats_check, limited_files]


def main(tests):
    global URL
    ready = os.path.join(FOLDER, "ready")
    server = subprocess.Popen(
        [sys.executable, os.path.join(ROOT, "tests/support/llm_server.py"),
         "--ready", ready], stdout=subprocess.DEVNULL)
    try:
        wait_for(lambda: os.path.exists(ready), 20)
        with open(ready) as f:
            port = [x for x in f if x.startswith("HTTP_PORT")][0].split("'")[1]
        URL = "http://127.0.0.1:%s/v1/chat/completions" % port
        for test in tests:
            name = test.__name__.replace("_", " ")
            if sys.argv[3:] and test.__name__ not in sys.argv[3:]:
                continue
            shutil.rmtree(STORE, ignore_errors=True)
            shutil.rmtree(os.path.join(FOLDER, "victim"), ignore_errors=True)
            # One that hangs ends them all. There is no limit for their sum, which
            # a busy machine takes many times as long for.
            faulthandler.dump_traceback_later(20 * LIMIT, exit=True)
            try:
                test()
                print("ok " + name, flush=True)
            except Wrong as e:
                text = str(e)
                print("skip %s: %s" % (test.__name__, text[6:])
                      if text.startswith("skip: ")
                      else "not ok %s (%s)" % (name, text), flush=True)
            except Exception as e:  # a broken answer is a failure, too
                print("not ok %s (%s: %s)" % (name, type(e).__name__, e),
                      flush=True)
    finally:
        server.terminate()
        server.wait()
        shutil.rmtree(FOLDER, ignore_errors=True)


if __name__ == "__main__":
    main(TESTS)
