"""The columns of the table: what is run in each root, and what proves it.

Each runs a program bare and then observed, from the archive as it was unpacked
there, and gives the text of its cell.
"""
import json
import os
import shutil
import signal
import subprocess
import sys

from places import SOURCE, Place

sys.path.append(SOURCE + "/tests/support")
sys.path.append(SOURCE + "/tests/container")
from doubles import Datadog, wait_for  # noqa: E402
from otlp_receiver import Receiver  # noqa: E402
from spool_names import files_in  # noqa: E402
from world import Result, Wrong, equal, start_llm  # noqa: E402

LIMIT = 180
STATE = "/var/lib/llmobs" # root's
COLUMNS = []
PROMPTS = ["the first", "and the second", "and one more"]


class Absent(Exception):
    """Why a cell cannot be had there, in words."""


def column(title):
    def join(function):
        COLUMNS.append((title, function))
        return function
    return join


class Servers:
    """On the host's loopback, which the roots share."""

    def __init__(self, folder):
        self.llm, self.port = start_llm(folder + "/llm")
        self.datadog = Datadog()

    def close(self):
        self.llm.terminate()
        self.llm.wait()
        self.datadog.close()


class Room:
    """A fresh root with the archive unpacked in it."""

    def __init__(self, platform, base, archive, clients, servers):
        self.made_of = platform, base, archive, clients, servers
        self.platform, self.servers = platform, servers
        self.datadog = servers.datadog
        self.place = Place(platform, base)
        self.shared = self.place.shared
        self.number = 0
        try:
            shutil.copy(archive, self.shared + "/llmobs.tar.gz")
            shutil.copytree(SOURCE + "/tests/integration/apps",
                            self.shared + "/tests/integration/apps")
            for path in clients + [SOURCE + "/tests/matrix/client.lua"]:
                shutil.copy(path, self.shared)
            self.before = self.left()
            self.fresh()
            self.unpack()
        except BaseException:
            self.close()
            raise

    def close(self):
        self.place.close()

    def left(self):
        """The files in the root that it was not made of."""
        top = self.place.folder + "/upper"
        found = {os.path.join(d, n)[len(top):]
                 for d, dirs, files in os.walk(top) for n in dirs + files}
        return {p for p in found if not (
            os.path.isdir(top + p) and os.path.isdir(self.place.base + p))}

    def unpack(self):
        done = self.run(["tar", "-xzf", "/mnt/llmobs.tar.gz", "-C", "/opt"]
                        if os.path.isdir(self.place.base + "/opt") else
                        ["tar", "-xzf", "/mnt/llmobs.tar.gz", "-C", "/root"])
        equal((done.status, done.err), (0, b""), "tar")
        found = [p for p in self.left() - self.before
                 if p.endswith("/bin/llmobs-run")]
        equal(len(found), 1, "launchers in the archive")
        self.top = os.path.dirname(os.path.dirname(found[0]))
        self.launcher = found[0]

    def fresh(self):
        """A store of its own for each cell."""
        self.datadog.well()
        self.datadog.reset()
        self.number += 1
        self.own = "%s/%d" % (self.shared, self.number)
        os.mkdir(self.own)

    def environment(self, more):
        env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root",
               "LC_ALL": "C"}
        if more is not None:
            env.update(LLMOBS_EXPORTER="agent", LLMOBS_EXIT_FLUSH_MS="30000",
                       DD_TRACE_AGENT_URL=self.datadog.url,
                       DD_LLMOBS_ML_APP="platforms",
                       LLMOBS_STORE_DIR="/mnt/%d/store" % self.number)
            env.update(more)
        return {k: v for k, v in env.items() if v is not None}

    def start(self, argv, env):
        return self.place.start(argv, self.environment(env))

    def run(self, argv, env=None, limit=LIMIT):
        """Bare, where there are no settings."""
        process = self.start(argv, env)
        try:
            out, err = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            child = self.place.child_of(process.pid)
            if child:
                os.kill(child, signal.SIGKILL)
            process.kill()
            out, err = process.communicate()
            raise Wrong("no end within %d s: %r %r" % (
                limit, out[-200:], err[-200:]))
        return Result(process.returncode, out, err)

    def program(self, name):
        argv = self.platform.programs[name]
        if not self.place.has(argv[0]):
            raise Absent(self.platform.why.get(
                name, "the root has no %s" % argv[0]))
        return argv

    def same(self, argv, **env):
        """Observed as it is bare: bytes and status."""
        bare = self.run(argv)
        ours = self.run([self.launcher, *argv], env)
        equal(ours, bare, "observed against bare")
        return bare

    def spans(self, count, but="never"):
        """Exactly so many at the agent, all of good form."""
        got = self.datadog.wait_spans(count, 30)
        equal(len(got), count, "spans")
        equal([v for v in self.datadog.violations() if not v.endswith(but)],
              [], "violations")
        return got

    @property
    def url(self):
        return "http://127.0.0.1:%s/v1/chat/completions" % self.servers.port


def body(prompt, model="m", **more):
    return json.dumps(dict(more, model=model, messages=[
        {"role": "user", "content": prompt}]))


def curl_calls(room, *bodies):
    argv = room.program("curl") + ["-sS", "-m", "100"]
    for number, data in enumerate(bodies):
        argv += ["--next", "-sS"] * (number > 0) + [
            "-H", "Content-Type: application/json", "-d", data, room.url]
    return argv


def answered(bare):
    """The bare run has to be one that works."""
    equal((bare.status, bare.err, b"chatcmpl" in bare.out), (0, b"", True),
          "the bare run")


def counted(room, argv, count):
    """Bare and observed alike, and so many spans."""
    answered(room.same(argv))
    room.spans(count)
    return "%d/%d" % (count, count)


def app(room, program, name, *arguments):
    return [*room.program(program), "/mnt/tests/integration/apps/" + name,
            *arguments]


@column("curl")
def curl(room):
    return counted(room, curl_calls(room, *map(body, PROMPTS[:2])), 2)


@column("PHP, easy")
def php_easy(room):
    return counted(room, app(room, "php", "calls.php", "easy", room.url,
                             *map(body, PROMPTS)), 3)


@column("PHP, multi")
def php_multi(room):
    return counted(room, app(room, "php", "calls.php", "multi", room.url,
                             *map(body, PROMPTS)), 3)


@column("pycurl")
def pycurl(room):
    return counted(room, app(room, "python", "pycurl_calls.py", "multi",
                             room.url, *map(body, PROMPTS)), 3)


@column("Lua")
def lua(room):
    """Its client takes each call from a file."""
    argv = [*room.program("lua"), "/mnt/client.lua", "easy", room.url]
    for number, prompt in enumerate(PROMPTS):
        with open("%s/%d.json" % (room.own, number), "w") as f:
            f.write(body(prompt))
        argv += ["json", "/mnt/%d/%d.json" % (room.number, number)]
    return counted(room, argv, 3)


@column("C API")
def c_api(room):
    """Spans of the program around one of its call, and an evaluation."""
    url = "http://127.0.0.1:" + room.servers.port
    bare = room.same(["/mnt/rag", url, "Why is the parcel late?"])
    equal((bare.status, bare.err), (0, b""), "the bare run")
    # The doubles want of each embedding a tag that only libcurl's calls have.
    kinds = sorted(s["meta"]["span"]["kind"]
                   for s in room.spans(4, "no tag integration"))
    equal(kinds, ["embedding", "llm", "retrieval", "workflow"], "kinds")
    equal(len(room.datadog.wait_evaluations(1)), 1, "evaluations")
    return "4/4, 1 evaluation"


def told(span):
    meta = span["meta"]
    return (meta["input"]["messages"][0]["content"],
            "total_tokens" in span["metrics"], span["status"])


@column("agent, by name")
def delivery(room):
    """Each span says what was asked, and has token counts."""
    answered(room.same(curl_calls(room, *map(body, PROMPTS)),
                       DD_TRACE_AGENT_URL=None, DD_AGENT_HOST="localhost",
                       DD_TRACE_AGENT_PORT=str(room.datadog.port)))
    spans = room.spans(3)
    equal(sorted(map(told, spans)), sorted((p, True, "ok") for p in PROMPTS),
          "prompts, token counts, status")
    return "3/3"


@column("OTLP")
def otlp(room):
    with Receiver() as receiver:
        answered(room.same(curl_calls(room, *map(body, PROMPTS)),
                           DD_TRACE_AGENT_URL=None, LLMOBS_EXPORTER="otlp",
                           OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url))
        receiver.wait_spans(3, 20)
        equal((len(receiver.ids()), len(set(receiver.ids())), receiver.wrong),
              (3, 3, []), "spans, different ones, what is wrong")
    return "3/3"


def spooled(room):
    """All bytes that wait in the spool."""
    kept = b""
    spool = room.own + "/store/spool"
    for name in files_in(spool):
        with open(os.path.join(spool, name), "rb") as f:
            kept += f.read()
    return kept


@column("kill -9, adopted")
def killed(room):
    """Killed in the middle of a call, for which a process starts a drain that
    makes one call of its own and goes on."""
    victim = room.start([room.launcher, *curl_calls(
        room, body("the killed one", "hang"))], {})
    try:
        if not wait_for(lambda: b"the killed one" in spooled(room), LIMIT):
            raise Wrong("no request was made")
        os.kill(room.place.child_of(victim.pid), signal.SIGKILL)
        victim.communicate(timeout=LIMIT)
    finally:
        victim.kill()
        victim.communicate()
    equal(room.datadog.spans(), [], "spans before the next process")
    heir = room.start([room.launcher, "/mnt/caller", room.url], {})
    try:
        heir.stdin.write(body("the next one").encode() + b"\n")
        heir.stdin.flush()
        spans = room.spans(2)
        out, err = heir.communicate(timeout=LIMIT)
    finally:
        heir.kill()
        heir.communicate()
    equal((heir.returncode, err), (0, b""), "the next process")
    lost = [s for s in spans if s["status"] == "error"]
    equal([(told(s)[0], s["meta"]["error"]["type"]) for s in lost],
          [("the killed one", "process_killed")], "the killed call")
    wait_for(lambda: spooled(room) == b"", LIMIT)
    equal(spooled(room), b"", "what is left in the spool")
    return "2/2"


@column("doctor")
def doctor(room):
    done = room.run([room.top + "/bin/llmobs", "doctor", "--json",
                     *room.program("curl")], {})
    try:
        said = json.loads(done.out)
    except ValueError:
        said = done.err.decode(errors="replace") or "nothing on stdout"
        raise Wrong("status %d, %s" % (done.status, said.split("\n")[0]))
    bad = [f["text"] for f in said["findings"] if f["level"] == "fail"]
    equal((done.status, said["works"], bad), (0, True, []),
          "status, works, findings")
    equal([s["step"] for s in said["self_test"]["steps"] if not s["ok"]], [],
          "steps that failed")
    return "works"


@column("archive: unpacked, run, removed")
def archive(used):
    """In a fresh root, with the default places; then nothing of it is left."""
    room = Room(*used.made_of)
    try:
        answered(room.same(curl_calls(room, body("hello")),
                           LLMOBS_STORE_DIR=None))
        room.spans(1)
        done = room.run(["rm", "-r", room.top, STATE])
        equal((done.status, done.err), (0, b""), "rm")
        made = {os.path.dirname(room.top), os.path.dirname(STATE)}
        equal(sorted(room.left() - room.before - made), [],
              "what is left in the root")
    finally:
        room.close()
    return "1/1"
