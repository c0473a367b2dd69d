"""All that is taken at a call is in its entries: the span is the same whoever
makes it, but for what nobody could know."""
import copy
import os
import re
import shutil
import signal
import subprocess

from delivery import PATIENT, agent, double, recover, wait_for
from harness import APPS, PYTHON, ROOT, body, equal, free_port, ok, test
from relays import Relay
from test_caller import build
from test_killed import PATH, Dying, in_the_spool, kept, mute

# The frames below which a child of multiprocessing has others.
FEW = {"LLMOBS_CALLSITE": "stack:4"}
# The members that differ at each call.
ALWAYS = ("span_id", "trace_id", "start_ns", "duration", "_dd", "_call")

def known(event):
    """The members that two spans of one call share."""
    event = {k: v for k, v in copy.deepcopy(event).items() if k not in ALWAYS}
    event["meta"]["metadata"].pop("transfer", None)
    event["tags"] = sorted(t for t in event["tags"]
                           if not re.match("runtime-id:|process_id:", t))
    return event


def programs(t):
    """Names, their command lines up to the URL for a kind of end, and the kinds;
    "end": in order."""
    path = build(t, "agent")
    yield "Python", lambda how: [PYTHON, "-B", os.path.join(APPS, "ends.py"),
                                 how], ("end", "next", "kill", "_exit", "exec",
                                        "multiprocessing")
    if shutil.which("php"):
        yield "PHP", lambda how: ["php", os.path.join(APPS, "ends.php"),
                                  how], ("end", "next", "kill")
    yield "C", lambda how: [path, "easy"], ("end", "next")


def nobody():
    """The environment of a program whose agent is away, and the options of
    the double that is that agent later."""
    port = free_port()
    return {"LLMOBS_EXPORTER": "agent", "LLMOBS_EXIT_FLUSH_MS": "0", **FEW,
            "DD_TRACE_AGENT_URL": "http://127.0.0.1:%d" % port}, \
        ("--agent-port", str(port))


def drained(t, dd):
    subprocess.run([os.path.join(t.build, "llmobs"), "drain"], check=True,
                   env=t.environment(True, agent(dd)),
                   stdout=subprocess.DEVNULL)
    return dd.spans()


def by_itself(t, argv):
    t.fresh(None)
    with double(t) as dd:
        t.run(argv, env=agent(dd, **PATIENT, **FEW), keep=True, check=False)
        return known(dd.wait_spans(1, 20)[0])


@test
def after_each_end(t):
    """A process that could not deliver its call, by `llmobs drain`, or by the
    next process."""
    for name, argv, hows in programs(t):
        alone = by_itself(t, [*argv("end"), t.url, body()])
        ok("caller" in alone["meta"]["metadata"], "a caller")
        for how in hows:
            t.fresh(None)
            env, there = nobody()
            t.run([*argv(how), t.url, body()], env=env, keep=True, check=False)
            with double(t, *there) as dd:
                span, = recover(t, dd, agent(dd), 1) if how == "next" \
                    else drained(t, dd)
            equal(known(span), alone, "%s, %s" % (name, how))


@test
def by_a_relay(t):
    for name, argv, _ in programs(t):
        argv = [*argv("end"), t.url, body()]
        alone = by_itself(t, argv)
        t.fresh(None)
        with double(t) as dd, Relay(t, agent(dd)) as relay:
            os.killpg(relay.process.pid, signal.SIGSTOP)
            t.run(argv, env=agent(dd, **FEW), keep=True, check=False)
            os.killpg(relay.process.pid, signal.SIGCONT)
            equal(known(dd.wait_spans(1, 20)[0]), alone, name)


@test
def after_each_entry(t):
    """Killed when it has begun, and when its request is sent: whose call it is
    is known from the begin."""
    for name, argv, _ in programs(t):
        alone = by_itself(t, [*argv("end"), t.url, body()])
        with mute(0) as port:
            for url, sent in ("http://127.0.0.1:%d%s" % (port, PATH), b""), \
                    (t.url, b"hello there"):
                with double(t) as dd, Dying(t, agent(dd, **FEW)) as dying:
                    dying.start(*argv("end"), url, body("hello there", "hang"))
                    ok(wait_for(lambda: in_the_spool(t) and sent in kept(t), 10),
                       "an entry")
                    dying.kill()
                    span = known(drained(t, dd)[0])
                for key in ("caller",) if not sent else (
                        "caller", "temperature"):
                    equal(*[s["meta"]["metadata"].get(key)
                            for s in (span, alone)], "%s, %s" % (name, sent))
                equal(without_end(span, sent), without_end(alone, sent), name)


def without_end(span, sent):
    """Without what the end tells, and, where nothing was sent, the request."""
    meta = dict(span["meta"], metadata={
        k: v for k, v in span["meta"]["metadata"].items() if k == "caller"})
    for key in ("output", "error", "error.message", "error.type", "error.stack",
                "model_name", *(() if sent else ("input", "model_provider"))):
        meta.pop(key, None)
    return {**{k: v for k, v in span.items()
               if k not in ("status", "metrics")}, "meta": meta,
            "tags": [tag for tag in span["tags"] if not re.match(
                "error|http.status_code", tag)]}


def members(text, name):
    """The names of a struct's members in C."""
    inside = re.search(r"(?ms)^struct %s \{\n(.*?)^\};" % name, text).group(1)
    inside = re.sub(r"/\*.*?\*/", "", inside, flags=re.S)
    return {re.match(r"\w+", word.strip(" *\n")).group()
            for line in inside.split(";") if line.strip()
            for word in re.sub(r"^\s*(const |enum |struct |unsigned )?\w+(?=[ *])",
                               "", line).split(",")}


@test
def the_table_of_entries(t):
    """docs/SPOOL.md says of each member which entry has it first."""
    with open(os.path.join(ROOT, "core/event/exchange.h")) as f:
        have = members(f.read(), "llmobs_exchange")
    with open(os.path.join(ROOT, "docs/SPOOL.md")) as f:
        table = f.read().split("## The members of an exchange\n")[1]
    table = re.search(r"(?s)\n\|.*?\n\n", table).group()
    said = re.findall(r"`(\w+)`", "\n".join(
        row.split("|")[2] for row in table.strip().splitlines()[2:]))
    equal(sorted(said), sorted(have), "members")


@test
def children_of_a_thread_that_loads(t):
    """No child waits for a lock of the loader's that a thread of its parent
    held; a caller that it could not ask for is absent."""
    path = os.path.join(t.dir, "forks")
    subprocess.run(["gcc", "-O1", os.path.join(APPS, "forks.c"), "-o", path,
                    "-lcurl", "-lpthread"], check=True)
    r = t.same([path, "60", t.url, body()])
    equal(r.stdout, b"60\n", "children that ended")
