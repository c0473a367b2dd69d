"""The exporter to OTLP: its requests, its destinations beside others, and what
it keeps to itself."""
import json
import os
import subprocess
import time

from delivery import (Living, agent, double, left_behind, private_network,
                      stored, untouched)
from harness import body, curl, equal, free_port, ok, test, tree
from otlp_case import (Receiver, books, client_certificate, each_once,
                       make_certificates, otlp)
from test_evaluations import Program

HEADERS = {"content-type", "content-length", "user-agent", "accept", "host"}


def only_request(receiver):
    equal(len(receiver.posts()), 1, "requests")
    return receiver.posts()[0]


def one_call(t, receiver, env, **more):
    return asked(t, receiver, env, body(), **more)


def asked(t, receiver, env, request, **more):
    ours = untouched(t, curl(t.url, request), otlp(receiver, **env), **more)
    each_once(receiver, 1)
    return ours, only_request(receiver)


@test
def protobuf_is_the_default(t):
    with Receiver() as receiver:
        _, request = one_call(t, receiver, {})
        head = {k.lower(): v for k, v in request["headers"].items()}
        equal(head["content-type"], "application/x-protobuf", "content type")
        equal(set(head) - HEADERS, set(), "other headers")
        equal(request["path"], "/v1/traces", "path")
        equal(head["host"], "127.0.0.1:%d" % receiver.port, "host")
        books(t, captured=1, delivered=1, sent_otlp=1, sampled_out=0)
        equal(left_behind(t), [], "what is left in the spool")


@test
def json_and_gzip(t):
    with Receiver() as receiver:
        _, request = one_call(t, receiver, {
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json",
            "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION": "gzip"})
        head = request["headers"]
        equal((head["Content-Type"], head["Content-Encoding"]),
              ("application/json", "gzip"), "type and coding")
        ok(request["bytes"] < request["plain"], "it is not smaller")
    with Receiver() as receiver:
        _, plain = one_call(t, receiver, {
            "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
            "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION": "none"})
        ok("Content-Encoding" not in plain["headers"], "none is none")


@test
def headers_are_secrets(t):
    """They reach the receiver, and nothing else: no log, spool, store."""
    t.secrets += ["Sesame=", "sesame%3D"]
    with Receiver("1:503,retry-after=0") as receiver:
        env = otlp(receiver, OTEL_EXPORTER_OTLP_HEADERS="api-key=Sesame%3D,"
                   "content-type=text/evil,x-b=2",
                   LLMOBS_EXPORTER="otlp,store")
        with Living(t, env) as app:
            app.ask()
            receiver.wait_spans(1)
            log = app.log()
            app.end()
        each_once(receiver, 1)
        for request in receiver.posts():
            equal([request["headers"].get(n) for n in
                   ("api-key", "Content-Type", "x-b")],
                  ["Sesame=", "application/x-protobuf", "2"], "headers")
        for name, data in tree(os.path.join(t.dir, "store")).items():
            ok(b"esame" not in data, "a header is in " + name)
        ok("esame" not in log and "status 503" in log, "the log")


@test
def no_batch_beyond_its_limit(t):
    with Receiver("1-3:slow,ms=300") as receiver:
        env = otlp(receiver, OTEL_BSP_MAX_EXPORT_BATCH_SIZE="3")
        with Living(t, env) as app:
            for i in range(10):
                app.ask()
            receiver.wait_spans(10)
            app.end()
        each_once(receiver, 10)
        most = max(len(r["records"]) for r in receiver.posts())
        ok(1 < most <= 3, "a request with %d spans" % most)
        ok(len({r["client"] for r in receiver.posts()}) <= 2,
           "each request had a connection of its own")


# ---- TLS -----------------------------------------------------------------

@test
def private_ca_and_client_certificate(t):
    ca, leaf, key = make_certificates(t.dir)
    cert, cert_key = client_certificate(t.dir, ca)
    env = {"OTEL_EXPORTER_OTLP_CERTIFICATE": ca,
           "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE": cert,
           "OTEL_EXPORTER_OTLP_CLIENT_KEY": cert_key}
    with Receiver(tls=(leaf, key), clients=ca) as receiver:
        _, request = asked(t, receiver, env, body(model="slow", stream=True))
        equal(receiver.warmed, [request["client"]], "connected ahead")
    with Receiver(tls=(leaf, key), clients=ca) as receiver:
        for missing in ("OTEL_EXPORTER_OTLP_CERTIFICATE",
                        "OTEL_EXPORTER_OTLP_CLIENT_KEY"):
            less = {k: v for k, v in env.items() if k != missing}
            untouched(t, curl(t.url, body()), otlp(receiver, **less))
            equal(receiver.posts(), [], "requests without " + missing)
            books(t, captured=1, spooled=1, dropped=0)


# ---- the choice ----------------------------------------------------------

def auto(receiver, **more):
    return dict({"LLMOBS_EXPORTER": None, "LLMOBS_EXIT_FLUSH_MS": "5000",
                 "DD_TRACE_AGENT_PORT": None,
                 "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url}, **more)


def alone(t):
    """No agent listens at the usual port, whoever runs the tests."""
    private_network(t, [])


@test
def auto_takes_otlp(t):
    alone(t)
    with Receiver() as receiver:
        untouched(t, curl(t.url, body()), auto(receiver))
        each_once(receiver, 1)
        books(t, delivered=1, sent_otlp=1)
        equal(stored(t), [], "the store")


@test
def auto_leaves_what_is_not_meant_for_it(t):
    """gRPC, its port, no endpoint, a signal that is off: the local store."""
    alone(t)
    with Receiver() as receiver:
        for more in ({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
                     {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4317"},
                     {"OTEL_EXPORTER_OTLP_ENDPOINT": None,
                      "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": receiver.url},
                     {"OTEL_TRACES_EXPORTER": "none"},
                     {"OTEL_SDK_DISABLED": "true"}):
            untouched(t, curl(t.url, body()), auto(receiver, **more))
            equal(receiver.posts(), [], "requests with %s" % more)
            equal(len(stored(t)), 1, "the store with %s" % more)


@test
def auto_prefers_datadog(t):
    """An agent that answers, one that is named, a key: OTLP gets nothing.  A
    program that lives gives the agent the time that a slow host needs."""
    alone(t)
    with Receiver() as receiver, double(t, "--agent-port", "8126") as dd:
        with Living(t, auto(receiver)) as app:
            app.ask()
            equal(len(dd.wait_spans(1)), 1, "spans at the agent")
            app.end()
        equal(dd.violations(), [], "violations")
        dd.stop()
        for more in ({"DD_TRACE_AGENT_URL": "http://127.0.0.1:%d" %
                      free_port()}, {"DD_API_KEY": "0" * 32}):
            untouched(t, curl(t.url, body()), auto(receiver, **more))
            books(t, captured=1, spooled=1, sent_otlp=0)
        equal(receiver.posts(), [], "requests to the receiver")


# ---- beside others -------------------------------------------------------

@test
def beside_an_agent_and_the_store(t):
    with Receiver() as receiver, double(t) as dd:
        env = dict(agent(dd), **otlp(receiver))
        untouched(t, curl(t.url, body()),
                  dict(env, LLMOBS_EXPORTER="agent, otlp,store"))
        each_once(receiver, 1)
        equal(dd.violations(), [], "violations")
        same = {s["span_id"] for s in stored(t)}
        equal({str(int(i, 16)) for i in receiver.ids()}, same, "ids")
        equal({s["span_id"] for s in dd.spans()}, same, "ids at the agent")
        books(t, captured=1, delivered=1, sent_otlp=1, sent_agent=1,
              sent_store=1)


@test
def own_progress_over_a_kill(t):
    """The agent is dead, OTLP has its spans, the process is killed: the next
    one sends them to the agent alone."""
    port = free_port()
    with Receiver() as receiver:
        env = otlp(receiver, LLMOBS_EXPORTER="agent,otlp",
                   DD_TRACE_AGENT_URL="http://127.0.0.1:%d" % port)
        with Living(t, env) as app:
            for i in range(3):
                app.ask()
            equal(len(receiver.wait_spans(3)), 3, "spans at the receiver")
            time.sleep(0.5)  # the answer arrives, too
            app.kill()
        with double(t, "--agent-port", str(port)) as dd, \
                Living(t, env, keep=True) as app:
            app.ask()
            dd.wait_spans(4, 20)
            app.end()
            equal(dd.violations(), [], "violations")
            equal(sorted(int(s["span_id"]) for s in dd.spans()),
                  sorted(int(i, 16) for i in receiver.ids()), "ids")
        each_once(receiver, 4)
        books(t, delivered=4, dropped=0, pending=0, spooled=0)


@test
def own_progress_beyond_memory(t):
    """The same at an exit, where memory has no room for what waits for the
    agent, and the disk alone has it."""
    port, count = free_port(), 100
    with Receiver() as receiver:
        env = otlp(receiver, LLMOBS_EXPORTER="agent,otlp",
                   LLMOBS_BUFFER_MAX="65536", LLMOBS_EXIT_FLUSH_MS="10000",
                   DD_TRACE_AGENT_URL="http://127.0.0.1:%d" % port)
        with Living(t, env) as app:
            for _ in range(count):
                app.ask()
            app.end()
        with double(t, "--agent-port", str(port)) as dd, \
                Living(t, env, keep=True) as app:
            app.ask()
            dd.wait_spans(count + 1, 40)
            app.end()
            equal(len({s["span_id"] for s in dd.spans()}), count + 1, "ids")
        each_once(receiver, count + 1)


@test
def switched_off_alone(t):
    """OTEL_SDK_DISABLED switches this destination off, and no other."""
    with Receiver() as receiver:
        for exporter in ("otlp", "store,otlp"):
            untouched(t, curl(t.url, body()), otlp(
                receiver, LLMOBS_EXPORTER=exporter, OTEL_SDK_DISABLED="true"))
            equal(len(stored(t)), 1, "the store with " + exporter)
        equal(receiver.posts(), [], "requests")


@test
def a_bad_url_is_told_once(t):
    """Nothing goes to another place, and nothing else is blamed."""
    with Receiver() as receiver:
        for url, why in (("http://127.0.0.1:0", "no port from 1 to 65535"),
                         ("http://127.0.0.1:99999", "no port from 1 to 65535"),
                         ("127.0.0.1:4318", "no URL of http or https")):
            ours = untouched(t, curl(t.url, body()), otlp(
                receiver, OTEL_EXPORTER_OTLP_ENDPOINT=url))
            equal(len(stored(t)), 1, "the store with " + url)
            equal(ours.log_count("OTEL_EXPORTER_OTLP_ENDPOINT: " + why), 1,
                  "lines about " + url)
            equal(ours.log_count("OTEL_SDK_DISABLED"), 0, "other lines")


@test
def sampled_out(t):
    """A caller that did not sample keeps the span from this destination."""
    caller = {"TRACEPARENT": "00-%s-00f067aa0ba902b7-00" % ("4bf92f3577b34da6" +
                                                          "a3ce929d0e0e4736")}
    t.foreign_trace = True
    with Receiver() as receiver:
        untouched(t, curl(t.url, body()), otlp(
            receiver, LLMOBS_EXPORTER="store,otlp", **caller))
        equal(receiver.posts(), [], "requests")
        equal(len(stored(t)), 1, "spans in the store")
        books(t, captured=1, sampled_out=1, dropped=0, delivered=0,
              sent_store=1, sent_otlp=0)
        untouched(t, curl(t.url, body()), otlp(
            receiver, OTEL_TRACES_SAMPLER="always_on", **caller))
        each_once(receiver, 1)
        untouched(t, curl(t.url, body()), otlp(
            receiver, OTEL_TRACES_SAMPLER="always_off"))
        books(t, captured=1, sampled_out=1, dropped=0, sent_otlp=0)
        equal(left_behind(t), [], "what is left in the spool")


# ---- evaluations ---------------------------------------------------------

def evaluations(t):
    """The lines of the store that are evaluations."""
    path = os.path.join(t.dir, "store", "spans.jsonl")
    if not os.path.exists(path):
        return []
    with open(path) as f:
        return [e for e in map(json.loads, f) if "metric_type" in e]


@test
def evaluations_are_kept(t):
    """Without the logs signal OTLP has no place for them: the local store."""
    with Receiver() as receiver:
        t.fresh(None)
        with Program(t, otlp(receiver)) as app:
            for label in ("a", "b"):
                app.ask(label)
            app.end()
        each_once(receiver, 2)
        equal(sorted(e["label"] for e in evaluations(t)), ["a", "b"],
              "evaluations in the store")
        with open(os.path.join(t.dir, "log")) as f:
            equal(f.read().count("evaluations are kept"), 1, "log lines")
        with Program(t, otlp(receiver, LLMOBS_EXPORTER="otlp,store")) as app:
            app.ask("c")
            app.end()
        equal(len(evaluations(t)), 3, "evaluations in the store")
        books(t, captured=6, delivered=6, evaluations=3, sent_otlp=3,
              sent_store=4)


@test
def evaluations_by_the_tool(t):
    """`llmobs evaluate` makes one for the same destinations."""
    with Receiver() as receiver:
        t.fresh(None)
        done = subprocess.run(
            [os.path.join(t.build, "llmobs"), "evaluate", "--label", "a",
             "--tag", "msg_id=7", "--type", "score", "--value", "0.5"],
            env=t.environment(True, otlp(receiver, DD_LLMOBS_ENABLED="1")),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=30)
        equal((done.returncode, done.stdout, done.stderr), (0, b"", b""),
              "status and output")
        equal([e["label"] for e in evaluations(t)], ["a"], "evaluations")
        equal(receiver.posts(), [], "requests")
