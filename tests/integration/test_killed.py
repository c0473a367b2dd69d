"""A killed process leaves one span of a call, from the moment that libcurl begins
it; from the moment that libcurl makes the request, with the question."""
import contextlib
import ctypes.util
import json
import os
import signal
import socket
import subprocess
import time

from delivery import (agent, caller, counts, double, ids, left_behind,
                      process_of, recover, recovered, spool_of, wait_for)
from hanging import Hanging
from harness import (APPS, PYTHON, body, curl, equal, expect_error, ok, test,
                     tree)
from names import Names

PATH = "/openai/deployments/dep1/chat/completions"
TRACE = "%032x" % 0xabcdef


class Dying(Hanging):
    """Programs that a signal ends in the middle of a call."""

    def __init__(self, t, env):
        # As a shell starts what it does not wait for, it would be ignored.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        super().__init__(t, env)

    def call(self, url, prompt="hello there", *more, **options):
        process = self.start(caller(self.t), url, *more, **options)
        process.stdin.write(body(prompt, "hang").encode() + b"\n")
        process.stdin.flush()

    def kill(self, number=signal.SIGKILL):
        for process in self.all:
            equal(process.poll(), None, "a call that ended")
            process.send_signal(number)
            equal(process.wait(), -number, "how it ended")
        self.all = []


def in_the_spool(t):
    """The processes that have an entry there: one that is killed between the
    making of its file and the entry leaves nothing to tell of."""
    return {process_of(name) for name, data in tree(spool_of(t)).items()
            if name in left_behind(t) and data}


def kept(t):
    """All bytes in the spool."""
    return b"".join(tree(spool_of(t)).values())


def prompt_of(span):
    asked = span["meta"].get("input", {"messages": [{"content": ""}]})
    return asked["messages"][0]["content"]


def killed_early(t, url, launcher=()):
    """By each interface and each of two signals: one span for each call, which
    says all that the URL says, and nothing of the request."""
    for number in signal.SIGKILL, signal.SIGINT:
        with double(t) as dd, Dying(t, agent(dd)) as dying:
            dying.call(url + PATH, launcher=launcher)
            dying.call(url + PATH, "hello there", "multi", launcher=launcher)
            dying.start(*curl(url + PATH, body(), "-k"), launcher=launcher)
            ok(wait_for(lambda: len(in_the_spool(t)) == 3, 10),
               "calls in the spool")
            time.sleep(0.2)
            ok(b"hello there" not in kept(t), "a prompt is in the spool")
            dying.kill(number)
            spans = recovered(t, dd, agent(dd), 3)
            for span in spans:
                expect_error(span, "process_killed", prompt="")
                equal(span["meta"]["model_name"], "dep1", "model")
                ok(0 <= span["duration"] < 30e9, "duration %d"
                   % span["duration"])
            said = counts(t)
            equal([said["captured"], said["delivered"]], [4, 4], "counts")


@contextlib.contextmanager
def mute(backlog):
    """A port where nobody answers; one that is full takes no connection."""
    with socket.socket() as s, contextlib.ExitStack() as stack:
        s.bind(("127.0.0.1", 0))
        s.listen(backlog)
        for _ in range(0 if backlog else 4):
            one = stack.enter_context(socket.socket())
            one.setblocking(False)
            one.connect_ex(s.getsockname())
        yield s.getsockname()[1]


@test
def in_a_look_up(t):
    names = Names(t, mute=True)
    try:
        killed_early(t, "http://model.test:%d" % t.servers.http,
                     names.launcher())
        ok(names.asked > 0, "nobody asked for the name")
    finally:
        names.close()


@test
def in_a_connect(t):
    with mute(0) as port:
        killed_early(t, "http://127.0.0.1:%d" % port)


@test
def in_a_handshake(t):
    with mute(16) as port:
        killed_early(t, "https://127.0.0.1:%d" % port)


@test
def by_a_handle_that_nobody_saw_made(t):
    """Where the program has set the kind of the request since."""
    path = os.path.join(t.build, "tests", "clients", "unseen_cases")
    with double(t) as dd:
        r = t.run([path, "left", "http://127.0.0.1:%d" % t.servers.http],
                  env=agent(dd))
        equal((r.code, r.stdout), (0, b"leaves\n"), "status, output")
        span, = recovered(t, dd, agent(dd), 1)
        equal((span["status"], span["meta"]["error"]["type"]),
              ("error", "process_killed"), "its end")


@test
def a_body_at_hand(t):
    """A body that libcurl measured before it connects says whether it is a
    call; it is in the spool with the request, and not before."""
    library = ctypes.util.find_library("curl")
    with mute(0) as port, double(t) as dd, Dying(t, agent(dd)) as dying:
        for text in body(), "no call":
            dying.start(PYTHON, os.path.join(
                APPS, "ctypes_calls.py"), library,
                "http://127.0.0.1:%d%s" % (port, PATH), text)
        ok(wait_for(lambda: in_the_spool(t), 10), "no call is kept")
        time.sleep(0.5)
        equal(len(in_the_spool(t)), 1, "processes with a call")
        ok(b"hello there" not in kept(t), "a prompt is in the spool")
        dying.kill()
        span, = recovered(t, dd, agent(dd), 1)
        expect_error(span, "process_killed", prompt="")


@test
def at_a_path_of_many(t):
    """Nothing but the path is known, which on a host that nobody knows says too
    little: it is counted, and no span."""
    with mute(0) as port, double(t) as dd, Dying(t, agent(dd)) as dying:
        for path in "/api/chat", "/v1/messages":
            dying.call("http://127.0.0.1:%d%s" % (port, path))
        ok(wait_for(lambda: len(in_the_spool(t)) == 2, 10), "none is kept")
        dying.kill()
        recovered(t, dd, agent(dd), 0)
        said = counts(t)
        equal([said["captured"], said["delivered"], said["unconfirmed"]],
              [3, 1, 2], "counts")


@test
def behind_another(t):
    """Of two calls the second waits for the connection of the first one:
    libcurl has begun with it, and looked nothing up."""
    with mute(16) as port, double(t) as dd, Dying(t, agent(dd)) as dying:
        dying.call("http://127.0.0.1:%d%s" % (port, PATH), "first", "pair")
        ok(wait_for(lambda: b'"first' in kept(t), 10), "no request is kept")
        dying.kill()
        spans = recovered(t, dd, agent(dd), 2)
        equal(sorted(prompt_of(s) for s in spans), ["", "first"], "prompts")
        equal(counts(t)["captured"], 3, "captured")


@test
def in_an_answer(t):
    """The entry of the request replaces the one before it, also where the
    program sends a context of its own."""
    with double(t) as dd, Dying(t, agent(dd)) as dying:
        dying.call(t.url, "asked")
        dying.call(t.url, "asked", "multi")
        dying.start(*curl(t.url, body("asked", "hang"), "-H",
                         "traceparent: 00-%s-%016x-01" % (TRACE, 7)))
        ok(wait_for(lambda: kept(t).count(b'"asked"') == 3, 10),
           "requests in the spool")
        dying.kill()
        spans = recover(t, dd, agent(dd), 3)
        equal(len(spans), 3, "spans")
        equal(len(set(ids(spans))), 3, "ids")
        for span in spans:
            expect_error(span, "process_killed", prompt="asked")
        equal(sum(s["_dd"]["apm_trace_id"] == TRACE for s in spans), 1,
              "spans in the program's own trace")
        equal([left_behind(t), counts(t)["captured"]], [[], 4],
              "what is left, and the count")


@test
def no_call_after_all(t):
    """Method and URL speak for a call until header list or body say otherwise,
    as they do at once, or when its body is looked for a dialect's."""
    with mute(16) as port, double(t) as dd, Dying(t, agent(dd)) as dying:
        url = "http://127.0.0.1:%d/v1/chat/completions" % port
        dying.start(*curl(url, "a=b", "-H", "Content-Type: text/plain"))
        dying.start(*curl(url, '{"n": 1}'))
        time.sleep(0.5)
        ok(b"chat/completions" in kept(t), "it was never taken for a call")
        dying.kill()
        recovered(t, dd, agent(dd), 0)
        said = counts(t)
        equal([said["captured"], said["delivered"], said["unconfirmed"]],
              [2, 1, 1], "counts")


def ends_unread(t, case):
    with double(t) as dd:
        t.run([PYTHON, "-B", os.path.join(APPS, "unread.py"), case, t.url,
               body("unread")], env=agent(dd))
        return recovered(t, dd, agent(dd), 1)[0]


@test
def message_never_read(t):
    """The answer is complete, and the program exits by _exit before it asks
    libcurl for the message."""
    equal(ends_unread(t, "exit")["status"], "ok", "status")


@test
def completed_by_a_child(t):
    """A child goes on with its parent's transfer, and the parent leaves it."""
    span = ends_unread(t, "child")
    equal(span["status"], "ok", "status")
    ok(span["meta"]["output"]["messages"][0]["content"], "no answer")


@test
def driven_by_parent_and_child(t):
    """One span, whoever of the two gets the answer."""
    ends_unread(t, "both")


@test
def only_the_first_message_read(t):
    with double(t) as dd:
        t.run([PYTHON, "-B", os.path.join(APPS, "unread.py"), "first", t.url,
               body("read"), body("unread", "hang")], env=agent(dd))
        spans = recovered(t, dd, agent(dd), 2)
        equal({prompt_of(span): span["status"] for span in spans},
              {"read": "ok", "unread": "error"}, "status")


# ---- what a person sees before the delivery -------------------------------

READER = """import os, sys, urllib.request
answer = urllib.request.urlopen(urllib.request.Request(
    sys.argv[1], sys.argv[2].encode(), {"Content-Type": "application/json"}))
sys.stdout.buffer.write(answer.read(1))
sys.stdout.flush()
if sys.argv[3] == "leave":
    os._exit(0)
answer.read()
"""
STREAM = json.dumps({"model": "stall", "stream": True, "messages": [
    {"role": "user", "content": "hello there"}]})


def view(t, *args):
    """What `llmobs view` prints."""
    done = subprocess.run([os.path.join(t.build, "llmobs"), "view", *args],
                          env=t.environment(True, {}), stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          check=True)
    return done.stdout.decode()


def each_once(t, count):
    """Each form of the view has so many spans, each once; gives how many of
    them wait."""
    rows = [json.loads(line) for line in view(t, "--json").splitlines()]
    equal((len(rows), len(set(ids(rows)))), (count, count), "spans in JSON")
    csv = view(t, "--csv", "--fields", "span_id").split()[1:]
    equal(sorted(csv), ids(rows), "spans in CSV")
    tree_of = view(t, "-n", "100")
    waiting = sum("waiting:spool" in row["tags"] for row in rows)
    equal(tree_of.count("(waiting)"), waiting, "that wait, in the tree")
    equal(view(t, "--spans", "-n", "100").count("(waiting)"), waiting,
          "that wait, in the list")
    return waiting


def drain(t):
    subprocess.run([os.path.join(t.build, "llmobs"), "drain"], check=True,
                   env=t.environment(True, {}), stdout=subprocess.DEVNULL)


@test
def seen_before_its_delivery(t):
    """Calls that a signal has ended, before their answer and in the midst of
    it: view and stats have each once, and leave the spool as it is. One that
    still runs starts no drain for those that are dead."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with Hanging(t, {"LLMOBS_RELAY": "off"}, subprocess.PIPE) as hanging:
        dying = []
        for number in signal.SIGTERM, signal.SIGINT, signal.SIGKILL:
            for text in body("hello there", "hang"), STREAM:
                for argv in ([*curl(t.url, text, "-N")],
                             [PYTHON, "-c", READER, t.url, text, "stay"]):
                    dying.append((hanging.start(*argv), number, text))
        ok(wait_for(lambda: len(in_the_spool(t)) == len(dying), 60),
           "calls in the spool")
        for process, number, text in dying:
            if text == STREAM:
                ok(process.stdout.read(1), "no piece of a stream")
        for process, number, _ in dying:
            process.send_signal(number)
            process.wait()
        before = tree(spool_of(t))
        waiting = each_once(t, len(dying))
        ok(waiting >= 10, "%d of them wait" % waiting)
        # One may be in the store and not released: Python dies of INT, too.
        said = counts(t)["spooled"]
        ok(waiting <= said <= len(dying), "%d are spooled" % said)
        equal(tree(spool_of(t)), before, "the spool behind it")
        lengths = view(t, "--csv", "--fields", "error_type,duration_s")
        killed = [row for row in lengths.split() if "process_killed" in row]
        equal(set(killed), {"process_killed,"}, "those without a length")
        drain(t)
        equal(each_once(t, len(dying)), 0, "that wait after a drain")
        for name, data in before.items():  # as if the drain had been killed
            with open(os.path.join(spool_of(t), name), "wb") as f:
                f.write(data)
        equal(each_once(t, len(dying)), 0, "that wait, and are in the store")


@test
def ended_without_handlers(t):
    """By exit_group, behind the answer and in the midst of it."""
    t.fresh(None)
    for text in body(), STREAM:
        for _ in range(2):
            r = t.run([PYTHON, "-c", READER, t.url, text, "leave"], keep=True)
            equal(r.code, 0, "status")
    each_once(t, 4)
