"""Their SDK calls gateways of ours."""
import os
import re
import shutil
import signal
import subprocess

import harness
from harness import Failure, equal, ok, tags_of
from spans import chain, draw

HERE = os.path.dirname(os.path.abspath(__file__))
EXAMPLES = os.path.join(harness.ROOT, "examples")
PHP = ["php", "-d", "auto_prepend_file=" + os.path.join(
    EXAMPLES, "inbound", "llmobs.php"), "-S", "127.0.0.1:@port", "-t",
    EXAMPLES]
# The client's workflow and call, our entry, our call.
ONE_TRACE = [("javascript", "workflow"), ("javascript", "llm"),
             ("c", "workflow"), ("c", "llm")]


class Gateway:
    """A program of ours that serves at a port; a service without an ml_app,
    which reports as the bench says."""

    def __init__(self, bench, argv, base, more=None, end=signal.SIGINT,
                 launcher=()):
        self.end = end
        port = harness.free_port()
        env = {"PATH": os.environ["PATH"], "HOME": bench.folder,
               "NO_PROXY": "*", "LLMOBS_BUILD": bench.build,
               "LLMOBS_STORE_DIR": os.path.join(bench.folder, "gateway"),
               "UPSTREAM": bench.upstream, "LLMOBS_EXIT_FLUSH_MS": "4000",
               "LLMOBS_ENTRY": "1", "LLMOBS_ENTRY_CONTENT": "1",
               **bench.reports()}
        env.update(more or {})
        self.process = subprocess.Popen(
            [harness.LAUNCHER, *launcher] + [a.replace("@port", str(port))
                                             for a in argv],
            env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, start_new_session=True)
        harness.wait_port(port, self.process)
        self.url = "http://127.0.0.1:%d%s" % (port, base)

    def __enter__(self):
        return self

    def __exit__(self, *what):
        self.process.send_signal(self.end)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            pass
        harness.end_group(self.process)  # its workers too


def php(bench, more=None):
    return Gateway(bench, PHP, "/chat.php/v1",
                   dict({"LLMOBS_COMMANDS": "1"}, **more or {}))


def unmodified(page, *argv):
    """A program that knows nothing of traces, and no file of ours beside it:
    its page is the last argument."""
    page = os.path.join(harness.APPS, "unmodified", page)

    def start(bench, more=None):
        if not shutil.which(argv[0]):
            raise harness.Skip("no " + argv[0])
        return Gateway(bench, [*argv, page], "/v1",
                       dict({"BINDING": "typhoeus"}, **more or {}),
                       launcher=["--inbound"])
    return start


def in_c(bench, more=None):
    """The example, which knows nothing of the helpers."""
    upstream = "http://127.0.0.1:%d" % bench.servers.http
    return Gateway(bench, [os.path.join(bench.build, "examples", "gateway"),
                           "@port", upstream], "/v1", more, signal.SIGTERM)


GATEWAYS = {
    "php": php, "c": in_c,
    "php_as_it_is": unmodified("gateway.php", "php", "-S", "127.0.0.1:@port"),
    "perl_as_it_is": unmodified("app.psgi", "starman", "--workers", "2",
                                "--listen", "127.0.0.1:@port"),
    "ruby_as_it_is": unmodified("config.ru", "puma", "-q", "-t", "4:4", "-b",
                                "tcp://127.0.0.1:@port")}
# The library sees no text of a request that PHP serves by itself.
WITHOUT_TEXTS = ("php_as_it_is",)


def ask(bench, gateway, ml_app, style=None):
    """Runs their client."""
    env = {"PATH": os.environ["PATH"], "HOME": bench.folder,
           "NODE_PATH": os.path.join(bench.modules, "node_modules"),
           "BASE_URL": gateway.url, "MODEL": "gpt-test", "PROMPT": "hello",
           "DD_LLMOBS_ENABLED": "1", "DD_LLMOBS_ML_APP": ml_app,
           "DD_SERVICE": "client", "DD_TRACE_AGENT_URL": bench.dd.url,
           "_DD_LLMOBS_FLUSH_INTERVAL": "100",
           "DD_TRACE_STARTUP_LOGS": "false",
           "DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false",
           "DD_REMOTE_CONFIGURATION_ENABLED": "false"}
    if style:
        env["DD_TRACE_PROPAGATION_STYLE"] = style
    done = subprocess.run(
        ["node", "-r", "dd-trace/init", os.path.join(HERE, "client.js")],
        env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, timeout=60)
    equal((done.returncode, done.stderr), (0, b""), "the client's end")
    equal(done.stdout, b"Echo: hello\n", "what the client got")


def one_trace(bench, start=php, style=None, title=None, more=None):
    """Their client, and an entry and a call of ours."""
    bench.dd.reset()
    with start(bench, more) as gateway:
        ask(bench, gateway, "their-app", style)
        spans = bench.spans(4)
    if title:
        draw(title, spans)
    path = chain(spans, ONE_TRACE)
    for span in spans:
        equal(tags_of(span)["ml_app"], "their-app", "ml_app of " +
              span["name"])
    entry, llm = path[2:]
    equal(entry["name"], "chat-proxy-entrypoint", "name of the entry")
    if start in [GATEWAYS[name] for name in WITHOUT_TEXTS]:
        equal([entry["meta"].get(side) for side in ("input", "output")],
              [None] * 2, "texts of the entry")
    else:
        ok('"hello"' in entry["meta"]["input"]["value"], "input of the entry")
        ok("Echo: hello" in entry["meta"]["output"]["value"],
           "output of the entry")
    equal(tags_of(llm)["service"], "chat-proxy", "service of the llm")


def callers_in_turn(bench, start=php):
    """Two ml_apps, and one without headers in between."""
    bench.dd.reset()
    with start(bench) as gateway:
        ask(bench, gateway, "left-app")
        ask(bench, gateway, "own", style="none")
        ask(bench, gateway, "right-app")
        spans = bench.spans(12)
    traces = {}
    for span in spans:
        traces.setdefault(span["trace_id"], []).append(span)
    apps = []
    for members in traces.values():
        names = {tags_of(s)["ml_app"] for s in members}
        equal(len(names), 1, "ml_apps of a trace (%s)" % names)
        apps += names
        chain(members, ONE_TRACE if len(members) == 4 else
              ONE_TRACE[:2] if names == {"own"} else ONE_TRACE[2:])
    equal(sorted(apps), ["chat-proxy", "left-app", "own", "right-app"],
          "ml_apps")


def not_joined(bench):
    """Without any style the checks of the other tests fail."""
    try:
        one_trace(bench, style="none")
    except Failure as e:
        ok(re.match("number of traces", str(e)), str(e))
        return
    raise Failure("joined although no headers were sent")


def tests(styles):
    for name, start in GATEWAYS.items():
        yield "theirs_to_" + name, lambda b, g=start, n=name: one_trace(
            b, g, title="their client, our gateway: " + n.replace("_", " "))
        for style in () if name.endswith("as_it_is") else styles:
            yield "theirs_to_%s_by_%s" % (name, style), \
                lambda b, g=start, s=style: one_trace(b, g, s)
        yield "theirs_in_turn_of_" + name, \
            lambda b, g=start: callers_in_turn(b, g)
    yield "theirs_not_joined", not_joined
