"""Shared by the tests of OTLP: the calls that programs make, one run of them,
and the comparison of what was received with the store."""
import json
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [os.path.join(ROOT, "tests", d)
                for d in ("integration", "support")]
import expect  # noqa: E402
import harness  # noqa: E402
import receivers  # noqa: E402
import replay  # noqa: E402
from harness import Failure, equal  # noqa: E402
from receivers import NotHere  # noqa: E402

PROXY = "gateway.test"
SHOWN = 10


class Exchanges:
    """Calls that curl makes, all in one process."""

    def __init__(self, folder, exchanges, more=()):
        os.mkdir(folder)
        self.server = replay.Server(list(exchanges))
        self.config = replay.write_config(os.path.join(folder, "curl"),
                                          self.server, folder, more)


def to_gateway(exchange):
    """The same call, to a host that is a proxy of the user's own."""
    parts = exchange.url.split("/", 3)
    parts[2] = PROXY
    return replay.Exchange(exchange.name, exchange.method, "/".join(parts),
                           exchange.sent, exchange.body, exchange.status,
                           exchange.answered, exchange.answer)


def turns():
    """A model that calls a tool, the tool behind an MCP server, and the model
    with the result."""
    call = {"id": "call_of_turns", "type": "function", "function": {
        "name": "get_weather", "arguments": "{}"}}
    asked = [{"role": "user", "content": "Is it raining in these turns?"}]
    said = {"role": "assistant", "content": None, "tool_calls": [call]}
    result = {"role": "tool", "tool_call_id": call["id"], "content": "Rain"}
    for name, messages, answer, reason in (
            ("turns/call", asked, said, "tool_calls"), ("turns/tool", 0, 0, 0),
            ("turns/end", asked + [said, result],
             {"role": "assistant", "content": "Yes."}, "stop")):
        headers = [("Content-Type", "application/json")]
        if messages:
            url = "https://api.openai.com/v1/chat/completions"
            body = {"model": "gpt-4o", "messages": messages}
            back = {"id": name, "model": "gpt-4o", "choices": [
                {"index": 0, "message": answer, "finish_reason": reason}]}
        else:
            url = "https://tools.test/mcp"
            headers += [("Accept", "application/json, text/event-stream"),
                        ("MCP-Protocol-Version", "2025-06-18")]
            body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call",
                    "params": {"name": "get_weather", "arguments": {}}}
            back = {"jsonrpc": "2.0", "id": 1, "result": {
                "content": [{"type": "text", "text": "Rain"}]}}
        yield replay.Exchange(name, "POST", url, headers,
                              json.dumps(body).encode(), 200, headers[:1],
                              json.dumps(back).encode())


def that_fail(port):
    """Calls to the LLM server of the tests, and to nobody."""
    url = "http://127.0.0.1:%d/v1/chat/completions" % port
    for model, stream, lines in (
            ("stall", True, ["max-time = 0.3"]), ("hang", False,
                                                  ["max-time = 0.2"]),
            ("truncated-stream", True, []), ("stream-error", True, []),
            ("error-429", False, []), ("html-502", False, []),
            ("drop", False, []), ("malformed", False, [])):
        yield url, harness.body("hello", model, stream=stream), lines
    yield "http://127.0.0.1:1/v1/chat/completions", harness.body(), []


class Bench:
    """Shared by the tests; each receiver starts when one first asks for it."""

    def __init__(self, options, folder):
        self.build, self.folder = options.build, folder
        self.verbose = options.v
        self.servers = harness.Servers(folder)
        self.started, self.runs = {}, 0
        rules = list(replay.of_rules(os.path.join(ROOT, "tests")))
        self.rules = Exchanges(
            os.path.join(folder, "rules"),
            rules + [to_gateway(e) for e in rules
                     if e.name.startswith(("rules/openai_chat/s", "rules/anthropic/t",
                                           "rules/openai_embeddings/"))]
            + list(turns()),
            that_fail(self.servers.http))
        self.client = os.path.join(folder, "spans")
        subprocess.run(["gcc", "-O1", "-I", os.path.join(ROOT, "include"),
                        "-o", self.client, os.path.join(HERE, "spans.c"),
                        "-ldl"], check=True)
        # The library sends from a process that has libcurl.
        self.living = self.client + "-with-curl"
        subprocess.run(["gcc", "-O1", "-I", os.path.join(ROOT, "include"),
                        "-o", self.living, os.path.join(HERE, "spans.c"),
                        "-DWITH_CURL", "-ldl", "-lcurl"], check=True)

    def start(self, what, *args):
        if what not in self.started:
            try:
                self.started[what] = what(*args)
            except NotHere as e:
                self.started[what] = e
        if isinstance(self.started[what], NotHere):
            raise self.started[what]
        return self.started[what]

    def elastic(self):
        npm = self.start(receivers.Npm, self.folder)
        return self.start(receivers.Elastic, npm)

    def genkit(self):
        npm = self.start(receivers.Npm, self.folder)
        return self.start(receivers.Genkit, npm)

    def victoria(self):
        return self.start(receivers.Victoria, self.folder)

    def strict(self):
        return self.start(receivers.Strict)

    def close(self):
        for one in self.started.values():
            if hasattr(one, "close"):
                one.close()
        self.servers.stop()


class Run:
    """Programs with one store, that export to one receiver."""

    def __init__(self, bench, url, form="1.41", json=False, env=None):
        bench.runs += 1
        self.bench, self.form = bench, form
        self.folder = os.path.join(bench.folder, "run-%d" % bench.runs)
        self.store = os.path.join(self.folder, "store")
        os.mkdir(self.folder)
        self.env = {
            "PATH": os.environ["PATH"], "HOME": self.folder, "NO_PROXY": "*",
            "LLMOBS_BUILD": bench.build, "LLMOBS_EXPORTER": "store,otlp",
            "LLMOBS_STORE_DIR": self.store, "DD_LLMOBS_ML_APP": "it",
            "LLMOBS_LOG": os.path.join(self.folder, "log"),
            "LLMOBS_LOG_LEVEL": "debug", "LLMOBS_EXIT_FLUSH_MS": "60000",
            # a receiver of JavaScript takes its time on a busy machine
            "OTEL_EXPORTER_OTLP_TIMEOUT": "60000",
            "DD_LLMOBS_INSTRUMENTED_PROXY_URLS": "http://" + PROXY,
            "DD_TAGS": "team:t,release:1.2", "DD_ENV": "ci",
            "DD_VERSION": "7", "OTEL_SERVICE_NAME": "service-of-tests",
            "OTEL_RESOURCE_ATTRIBUTES": "k8s.pod.name=p%20d,x=%C3%A9",
            "OTEL_EXPORTER_OTLP_ENDPOINT": url,
            "OTEL_EXPORTER_OTLP_PROTOCOL":
            "http/json" if json else "http/protobuf",
            "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "true",
            "LLMOBS_OTLP_SEMCONV": form}
        self.env.update(env or {})

    def program(self, *argv):
        done = subprocess.run(
            [harness.LAUNCHER, "--", *argv], env=self.env,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, timeout=240)
        equal((done.returncode, done.stdout, done.stderr), (0, b"", b""),
              "status, stdout, stderr of " + argv[0])

    def make_calls(self, exchanges):
        self.program("curl", "-q", "-K", exchanges.config)

    def make_spans(self):
        self.program(self.bench.client)
        # The next program would deliver them at its exit, for a moment only: what
        # it then cuts comes twice.
        self.drain()
        self.program(os.path.join(self.bench.build, "llmobs"), "span",
                     "--kind", "tool", "--name", "true", "--", "true")
        self.drain()

    def drain(self):
        """A program without libcurl leaves its spans to others."""
        subprocess.run(
            [os.path.join(self.bench.build, "llmobs"), "drain"], env=self.env,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True,
            timeout=120)

    def events(self):
        """The spans of the store, and the evaluations."""
        found = [json.loads(line)
                 for name, data in sorted(harness.tree(self.store).items())
                 if re.fullmatch(r"spans.*\.jsonl", name)
                 for line in data.splitlines()]
        return ([e for e in found if "meta" in e],
                [e for e in found if "meta" not in e])

    def log(self):
        with open(self.env["LLMOBS_LOG"], errors="replace") as f:
            return f.read()


# ---- comparing ---------------------------------------------------------------

class Differences:
    def __init__(self, verbose):
        self.verbose, self.found = verbose, []

    def compare(self, where, got, want):
        if type(got) is not type(want) or got != want:
            self.found.append("%s: got %s, want %s" % (
                where, harness.short(got), harness.short(want)))

    def compare_sets(self, where, got, want):
        got, want = set(got), set(want)
        self.compare(where + ", too many", sorted(got - want), [])
        self.compare(where + ", missing", sorted(want - got), [])

    def compare_dicts(self, where, got, want):
        for key in sorted(set(got) | set(want)):
            self.compare("%s %s" % (where, key), got.get(key), want.get(key))

    def settle(self):
        if self.found:
            shown = self.found if self.verbose else self.found[:SHOWN]
            raise Failure("%d differences\n  %s" % (len(self.found),
                                                    "\n  ".join(shown)))


CONTENT = ("gen_ai.input.messages", "gen_ai.output.messages",
           "gen_ai.system_instructions", "gen_ai.tool.definitions",
           "gen_ai.tool.call.arguments", "gen_ai.tool.call.result",
           "gen_ai.retrieval.documents", "gen_ai.retrieval.query.text",
           "llmobs.input.value", "llmobs.output.value",
           "llmobs.input.documents", "llmobs.output.documents",
           "llmobs.tool.definitions")


def with_values(attributes):
    """The texts that are JSON as values: their spelling may differ."""
    return {k: expect.container(v) if isinstance(v, str) and
            k.startswith(CONTENT + ("llmobs.metadata.", "llmobs.prompt."))
            else v for k, v in attributes.items()}


def by_id(events, spans, found):
    """Pairs of an event and its span; each came, and came once."""
    ids = [s["spanId"] for s in spans]
    equal(len(ids), len(set(ids)), "spans that came, by their ids")
    spans = {s["spanId"]: s for s in spans}
    wanted = {"%016x" % int(e["span_id"]): e for e in events}
    found.compare_sets("ids", spans, wanted)
    return [(wanted[i], spans[i]) for i in wanted if i in spans]


def compare_spans(bench, events, spans, form, content):
    found = Differences(bench.verbose)
    for event, span in by_id(events, spans, found):
        want = expect.span_of(event, form, content)
        where = "%s %s" % (event["meta"]["span"]["kind"], event["name"])
        for key in ("traceId", "spanId", "parentSpanId", "traceState", "flags",
                    "name", "kind", "start", "end", "links"):
            found.compare("%s, %s" % (where, key), span[key], want[key])
        found.compare(where + ", status", span["status"], want["status"])
        found.compare(where + ", schema", span["scope"]["schema"],
                      want["schema"])
        found.compare_dicts(where, with_values(span["attributes"]),
                            with_values(want["attributes"]))
    found.settle()


def compare_resource(span):
    want = {"service.name": "service-of-tests", "service.version": "7",
            "deployment.environment.name": "ci", "k8s.pod.name": "p d",
            "x": "\u00e9", "telemetry.sdk.name": "llmobs-preload",
            "telemetry.sdk.language": "c"}
    got = span["resource"]
    equal({k: got.get(k) for k in want}, want, "resource")
    equal(span["scope"]["name"], "llmobs-preload", "scope")
    equal(span["scope"]["version"], got["telemetry.sdk.version"], "versions")
