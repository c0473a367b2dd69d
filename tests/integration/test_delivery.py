"""Delivery to an Agent and to the intake: the ways that lead there, and which
one is taken."""
import contextlib
import json
import os
import subprocess
import time

from delivery import (PATIENT, Datadog, Living, agent, agentless, caller,
                      counts, double, ids, left_behind, private_network, same_event,
                      settled, stored, untouched, wait_for)
from harness import (APPS, LAUNCHER, SECRET, Failure, Skip, body, compiled,
                     curl, equal, expect_llm, free_port, ok, test)

STANDARD_SOCKET = "/var/run/datadog/apm.socket"

# An end that is cut on a busy machine delivers later, and may do so twice.


def posts(dd, listener=None):
    return dd.requests("/api/v2/llmobs", listener)


def by_agent(t, dd, **env):
    """One curl run; its span is with the agent when the process is gone."""
    untouched(t, curl(t.url, body()), dict(agent(dd), **env))
    return expect_llm(settled(t, dd, 1)[0])


# ---- to an agent ---------------------------------------------------------

@test
def agent_tcp(t):
    with double(t) as dd:
        by_agent(t, dd)
        equal([r["listener"] for r in posts(dd)], ["agent"], "listeners")


def built(t, name):
    return compiled(t, name, "-O1", os.path.join(APPS, name + ".c"), "-lcurl",
                    "-lpthread")


def boxed(t):
    """The program that takes on a sandbox, built."""
    return built(t, "boxed")


def has_landlock(ours):
    """False, and a word, where the kernel has none; else all went well."""
    if ours.code == 77:
        print("# no landlock here")
        return False
    equal(ours.code, 0, "status")
    return True


def drain(t, env):
    subprocess.run([os.path.join(t.build, "llmobs"), "drain"],
                   env=t.environment(True, env), stdout=subprocess.DEVNULL,
                   check=True, timeout=60)


@test
def agent_from_a_sandbox(t):
    """A program that may open no file any more: the network is left. A later
    drain finds nothing that was delivered."""
    for how in "seccomp", "landlock":
        for when, count in ("init", 3), ("call", 4), ("first", 0):
            with double(t) as dd:
                ours = untouched(t, [boxed(t), when, how, t.url, body()],
                                 agent(dd))
                if not has_landlock(ours):
                    continue
                settled(t, dd, count)
                drain(t, agent(dd))
                settled(t, dd, count)


@test
def store_from_a_sandbox(t):
    """Nor the store: the spans wait in the spool file that was held open, also
    those after a child's call. Where the program has taken the number for a
    file of its own, that stays as it is, and only the spans before are there.
    """
    for how in "seccomp", "landlock":
        for when, then, count in (("init", "", 3), ("call", "", 4),
                                  ("init", "fork", 3), ("call", "close", 1)):
            ours = t.run([boxed(t), when, how, t.url, body(), then],
                         check=False)
            if not has_landlock(ours):
                continue
            drain(t, {})
            spans = stored(t)
            equal(len(spans), count, "spans " + " ".join((how, when, then)))
            equal(len({s["spans"][0]["span_id"] if "spans" in s
                       else s["span_id"] for s in spans}), count, "ids")
        # One that makes no call leaves nothing that a drain complains of.
        t.run([boxed(t), "init", how, "http://127.0.0.1:%d/none" % free_port(),
               ""], check=False)
        drain(t, {})


@test
def under_a_filter_that_kills(t):
    """Where it would kill for what the library needs, the library is still from
    then on: the calls before are spans, one under way is cut off."""
    for how, count in (("prctl", 1), ("seccomp", 1), ("multi", 2),
                       ("threads", 1), ("fork", 1), ("wide", 3)):
        with double(t) as dd:
            ours = untouched(t, [built(t, "filtered"), how, t.url, body()],
                             agent(dd))
            equal(ours.code, 0, "status with " + how)
            equal(ours.log_count("forbids calls of the system"),
                  int(how != "wide"), "log lines with " + how)
            drain(t, agent(dd))
            settled(t, dd, count)
    # A thread that waits to try an agent again has something left to do.
    ours = untouched(t, [built(t, "filtered"), "threads", t.url, body()],
                     {"LLMOBS_EXPORTER": "agent",
                      "DD_TRACE_AGENT_URL": "http://127.0.0.1:1"})
    equal(ours.code, 0, "status with no agent")


@test
def agent_socket(t):
    with double(t) as dd:
        by_agent(t, dd, DD_TRACE_AGENT_URL="unix://" + dd.socket)
        equal([r["listener"] for r in posts(dd)], ["socket"], "listeners")


@test
def agent_by_host_and_port(t):
    with double(t) as dd:
        by_agent(t, dd, DD_TRACE_AGENT_URL=None, DD_AGENT_HOST="127.0.0.1",
                 DD_TRACE_AGENT_PORT=str(dd.port))


@test
def agent_by_name(t):
    with double(t) as dd:
        by_agent(t, dd, DD_TRACE_AGENT_URL="http://localhost:%d" % dd.port)


@test
def agent_with_base_path(t):
    with double(t) as dd:
        by_agent(t, dd, DD_TRACE_AGENT_URL=dd.url + "/base")
        equal([r["path"] for r in posts(dd)],
              ["/base/evp_proxy/v2/api/v2/llmobs"], "path")


@test
def agent_not_through_a_proxy(t):
    """The app's proxy is not for the agent; nor is ALL_PROXY's."""
    dead = "http://127.0.0.1:%d" % free_port()
    with double(t) as dd:
        untouched(t, curl(t.url, body(), "--noproxy", "*"),
                  agent(dd, NO_PROXY=None, no_proxy=None, http_proxy=dead,
                        ALL_PROXY=dead))
        settled(t, dd, 1)


@test
def override_origin(t):
    """Full endpoint without a base path, the bare one with it."""
    for base, path in (("", "/evp_proxy/v2/api/v2/llmobs"),
                       ("/", "/evp_proxy/v2/api/v2/llmobs"),
                       ("/base", "/base/api/v2/llmobs")):
        with double(t) as dd:
            nowhere = "http://127.0.0.1:%d" % free_port()
            untouched(t, curl(t.url, body()), agent(
                dd, DD_TRACE_AGENT_URL=nowhere,
                DD_LLMOBS_AGENTLESS_ENABLED="0",
                DD_LLMOBS_OVERRIDE_ORIGIN=dd.url + base))
            settled(t, dd, 1)
            equal([r["path"] for r in posts(dd)], [path], "path")


@test
def extra_headers(t):
    with double(t) as dd:
        by_agent(t, dd, DD_EXTERNAL_ENV="it-false,cn-app", **{
            "_DD_TRACE_WRITER_ADDITIONAL_HEADERS":
            "X-Datadog-Test-Session-Token:token-1"})
        head = dict(posts(dd)[0]["headers"])
        equal(head.get("X-Datadog-Test-Session-Token"), "token-1",
              "additional header")
        equal(head.get("Datadog-External-Env"), "it-false,cn-app",
              "Datadog-External-Env")


@test
def no_thread(t):
    with double(t) as dd:
        by_agent(t, dd, LLMOBS_THREAD="off")


def before_its_end(t, argv, **env):
    """A program that does not end by itself: its first span arrives, and it
    goes on."""
    with double(t) as dd:
        t.fresh(None)
        process = subprocess.Popen(
            [LAUNCHER] + argv, env=t.environment(True, agent(dd, **env)),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        try:
            settled(t, dd, 1, 20)
            equal(process.poll(), None, "its status while it waits")
        finally:
            process.kill()
            process.wait()


def url_without_answer(t):
    """Of no model."""
    return t.url.replace("/v1/chat/completions", "/git/timeout/x")


@test
def curl_goes_on(t):
    """Work of curl after a call, or beside it, does not hold up the span of
    the call: only one that ends at once has no thread."""
    never = url_without_answer(t)
    call, beside = curl(t.url, body()), curl(t.url, body(model="hang"))[2:]
    for argv in (call + ["--next"] + beside, call + ["--next", never],
                 call[:2] + ["-Z"] + call[2:] + ["--next"] + beside,
                 call[:2] + ["-Z"] + call[2:] + ["--next", never]):
        before_its_end(t, argv)


@test
def curl_without_a_spool(t):
    """A span that is nowhere but in memory is delivered at once."""
    before_its_end(t, curl(t.url, body()) + ["--next", url_without_answer(t)],
                   LLMOBS_SPOOL_MAX="0")


@test
def workflow_and_its_call(t):
    """The launcher's own span goes the same way."""
    with double(t) as dd:
        env = t.environment(True, agent(dd, **PATIENT))
        t.fresh(None)
        done = subprocess.run(
            [LAUNCHER, "--workflow", "top", "--"] + curl(t.url, body()),
            env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, timeout=30)
        equal((done.returncode, done.stderr), (0, b""), "status, stderr")
        spans = settled(t, dd, 2)
        top = [s for s in spans if s["name"] == "top"]
        equal(len(top), 1, "workflow spans")
        call = [s for s in spans if s["name"] != "top"][0]
        equal(call["parent_id"], top[0]["span_id"], "parent of the call")


@test(alone=True)
def delivery_takes_no_time(t):
    """The end of a program is not held up by more than the agent's answer.
    Runs in turn, and the least of each: what else the machine does makes them
    longer. A delivery that is put off waits for 50 ms."""
    took = {"store": [], "agent": []}
    with double(t) as dd:
        for _ in range(25):
            for exporter in took:
                began = time.monotonic()
                t.run(curl(t.url, body()), env=agent(
                    dd, LLMOBS_EXPORTER=exporter), check=False)
                took[exporter].append(time.monotonic() - began)
    more = (min(took["agent"]) - min(took["store"])) * 1000
    ok(more < 25, "%.1f ms more than to the store" % more)


@test
def no_call_no_request(t):
    """Nothing to deliver: the agent hears nothing, not even a probe."""
    with double(t) as dd:
        url = t.url.replace("/chat/completions", "/models")
        untouched(t, curl(url), agent(dd, LLMOBS_EXPORTER="auto"))
        equal(dd.requests(""), [], "requests")


@test
def one_connection_for_many(t):
    with double(t) as dd, Living(t, agent(dd, **PATIENT)) as app:
        for i in range(30):
            app.ask("call %d" % i)
        app.end()
        settled(t, dd, 30)
        made = {r["connection"] for r in posts(dd)}
        ok(len(made) <= 2, "%d connections for %d requests" % (
            len(made), len(posts(dd))))


# ---- to the intake -------------------------------------------------------

@test
def agentless_tls(t):
    """One curl process: the span has arrived when the process is gone."""
    with double(t) as dd:
        untouched(t, curl(t.url, body()), agentless(t, dd))
        expect_llm(settled(t, dd, 1)[0])
        equal([r["listener"] for r in dd.requests("")], ["intake"],
              "requests: no probe of an agent")


@test
def agentless_many_times(t):
    with double(t) as dd:
        for i in range(8):
            t.run(curl(t.url, body()), env=agentless(t, dd, **PATIENT))
            settled(t, dd, i + 1)


@test
def agentless_plain_override(t):
    with double(t) as dd:
        for base in ("", "/base"):
            dd.reset()
            untouched(t, curl(t.url, body()), agentless(
                t, dd, DD_LLMOBS_OVERRIDE_ORIGIN="http://127.0.0.1:%d%s" % (
                    dd.intake_http, base)))
            settled(t, dd, 1)
            equal([r["path"] for r in posts(dd)], [base + "/api/v2/llmobs"],
                  "path")


@test
def agentless_unknown_authority(t):
    """A certificate is verified, whatever the app asks of its own."""
    url = "https://localhost:%d/v1/chat/completions" % t.servers.tls
    with Datadog() as dd:
        r = untouched(t, curl(url, body(), "-k"), agentless(t, dd))
        equal(dd.requests(""), [], "requests")
        ok(r.log_count("error|warn") > 0, "the log does not say why")


@test
def agentless_wrong_name(t):
    with double(t, "--name", "DNS:elsewhere.example") as dd:
        r = untouched(t, curl(t.url, body()), agentless(t, dd))
        equal(dd.requests(""), [], "requests")
        ok(r.log_count("error|warn") > 0, "the log does not say why")


@test
def agentless_without_key(t):
    with double(t) as dd:
        r = untouched(t, curl(t.url, body()),
                      agentless(t, dd, DD_API_KEY=None))
        equal(dd.requests(""), [], "requests")
        equal(r.log_count("DD_API_KEY"), 1, "log lines about the key")


@test
def agentless_key_is_trimmed(t):
    with double(t) as dd:
        untouched(t, curl(t.url, body()),
                  agentless(t, dd, DD_API_KEY="  %s\t" % dd.key))
        settled(t, dd, 1)


@test
def agentless_key_refused(t):
    """403: said once, the key never; the app is not held up."""
    with double(t) as dd:
        r = untouched(t, curl(t.url, body()),
                      agentless(t, dd, DD_API_KEY="f" * 32), hurries=True)
        equal(dd.spans(), [], "spans")
        equal(r.log_count(r"\b403\b"), 1, "log lines about 403")
        ok("f" * 32 not in r.log, "the key is in the log")
        ok(r.took < 3, "took %.1f s" % r.took)


@test
def agentless_redirect_is_not_followed(t):
    """The key goes to no other place."""
    with double(t) as dd, double(t) as other:
        dd.fault("redirect", location="http://127.0.0.1:%d/api/v2/llmobs" %
                 other.intake_http)
        untouched(t, curl(t.url, body()), agentless(t, dd))
        equal(other.requests(""), [], "requests elsewhere")
        ok(posts(dd), "no request at all")


@test
def agentless_by_site(t):
    """The intake of each site, found by its name; the government's is said to
    lack the product, once, and sent to all the same."""
    sites = {None: "datadoghq.com", "datadoghq.eu": "datadoghq.eu",
             "us5.datadoghq.com": "us5.datadoghq.com",
             "ddog-gov.com": "ddog-gov.com"}
    private_network(t, ["llmobs-intake." + s for s in sites.values()])
    try:
        with double(t, "--intake-port", "443") as dd:
            for site, name in sites.items():
                dd.reset()
                r = untouched(t, curl(t.url, body()), agentless(
                    t, dd, DD_SITE=site, DD_LLMOBS_OVERRIDE_ORIGIN=None))
                settled(t, dd, 1)
                equal([dict(x["headers"])["Host"] for x in posts(dd)],
                      ["llmobs-intake." + name], "host")
                equal(r.log_count("warn.*ddog-gov"),
                      1 if name == "ddog-gov.com" else 0,
                      "log lines about the site")
    finally:
        t.servers.stop()


# ---- auto ----------------------------------------------------------------

def usual_places(t):
    """Gives the test the places where an agent is looked for by default, in a
    network where no other test, build or agent of the host has them."""
    if os.path.exists(STANDARD_SOCKET):
        raise Skip("an agent listens in its usual place")
    private_network(t, [])


AUTO = {"LLMOBS_EXPORTER": "auto"}


@test
def auto_agentless_asked_for(t):
    """Also where an agent is configured; it is not even probed."""
    with double(t) as dd:
        untouched(t, curl(t.url, body()),
                  agentless(t, dd, LLMOBS_EXPORTER="auto",
                            DD_TRACE_AGENT_URL=dd.url))
        settled(t, dd, 1)
        equal([r["listener"] for r in dd.requests("")], ["intake"],
              "listeners")


@test
def auto_agent_configured(t):
    with double(t) as dd:
        untouched(t, curl(t.url, body()),
                  dict(AUTO, DD_TRACE_AGENT_URL=dd.url, DD_API_KEY=dd.key))
        settled(t, dd, 1)
        equal({r["listener"] for r in dd.requests("")}, {"agent"},
              "listeners")
        equal(stored(t), [], "spans in the store")


@test
def auto_agent_asked_for(t):
    """DD_LLMOBS_AGENTLESS_ENABLED=0: no probe."""
    with double(t) as dd:
        untouched(t, curl(t.url, body()),
                  dict(AUTO, DD_TRACE_AGENT_URL=dd.url,
                       DD_LLMOBS_AGENTLESS_ENABLED="0"))
        settled(t, dd, 1)
        equal(dd.requests("/info"), [], "probes")


@test
def auto_agent_in_its_usual_place(t):
    usual_places(t)
    quick = 0
    with double(t, "--agent-port", "8126") as dd:
        for _ in range(60):  # the end of the program races with the probe
            dd.reset()
            untouched(t, curl(t.url, body()), AUTO)
            if not dd.spans():
                # On a busy machine no agent answers in the 100 ms that a
                # probe has at exit.
                ok(stored(t) or left_behind(t), "the span is lost")
                continue
            settled(t, dd, 1)
            ok(dd.requests("/info"), "it was not probed")
            equal(stored(t), [], "spans in the store")
            quick += 1
            if quick == 10:
                return
    raise Failure("%d of 60 spans came to the agent" % quick)


STRANGER = """import os, socket, sys
os.setuid(12345)
s = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind((sys.argv[1], 8126))
s.listen()
print("ready", flush=True)
while True:
    c = s.accept()[0]
    text = b""
    while b"\\r\\n\\r\\n" not in text:
        part = c.recv(65536)
        if not part:
            break
        text += part
    print(text[:60], flush=True)
    body = b'{"endpoints": ["/evp_proxy/v2/"]}'
    c.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n%s"
              % (len(body), body))
    c.close()
"""


@contextlib.contextmanager
def stranger(address):
    """Another user, who says that it is an agent; gives what it was told."""
    process = subprocess.Popen(["/usr/bin/python3", "-c", STRANGER, address],
                               stdout=subprocess.PIPE)
    told = []
    try:
        equal(process.stdout.readline(), b"ready\n", "the stranger")
        yield told
    finally:
        process.kill()
        told += process.stdout.read().splitlines()
        process.wait()
        process.stdout.close()


@test
def auto_stranger_in_the_usual_place(t):
    """Nothing is sent there, not even a probe, unless the user names it."""
    usual_places(t)
    if os.geteuid() != 0:
        raise Skip("it needs another user")
    for address in "127.0.0.1", "0.0.0.0", "::1", "::":
        with stranger(address) as told:
            untouched(t, curl(t.url, body()), AUTO)
        equal(told, [], "what %s was told" % address)
        equal(len(stored(t)), 1, "spans in the store")
    with stranger("127.0.0.1") as told:
        untouched(t, curl(t.url, body()), dict(
            AUTO, DD_LLMOBS_AGENTLESS_ENABLED="0"))
    equal(told, [], "what it was told, as the only agent")
    with stranger("127.0.0.1") as told:
        untouched(t, curl(t.url, body()), dict(
            AUTO, DD_AGENT_HOST="127.0.0.1"))
    ok(told and b"/info" in told[0], "one that the user names is asked")


@test
def auto_stranger_and_a_span_of_the_tool(t):
    """The tool asks as the library does, although it needs no libcurl."""
    usual_places(t)
    if os.geteuid() != 0:
        raise Skip("it needs another user")
    with stranger("127.0.0.1") as told:
        subprocess.run(
            [os.path.join(t.build, "llmobs"), "span", "--", "true"],
            env=t.environment(True, dict(AUTO, DD_LLMOBS_ENABLED="1")),
            check=True, timeout=60)
    equal(told, [], "what it was told")
    equal(len(stored(t)), 1, "spans in the store")


@test
def auto_key_and_no_agent(t):
    usual_places(t)
    with double(t) as dd:
        untouched(t, curl(t.url, body()), agentless(
            t, dd, LLMOBS_EXPORTER="auto", DD_LLMOBS_AGENTLESS_ENABLED=None))
        settled(t, dd, 1)
        equal({r["listener"] for r in posts(dd)}, {"intake"}, "listeners")


@test
def auto_agent_without_the_proxy(t):
    """An agent that is too old, in its usual place, and a key."""
    usual_places(t)
    with double(t, "--agent-port", "8126") as dd:
        dd.ask("PUT", "/__info", {"endpoints": ["/v0.4/traces"]})
        untouched(t, curl(t.url, body()), agentless(
            t, dd, LLMOBS_EXPORTER="auto", DD_LLMOBS_AGENTLESS_ENABLED=None))
        settled(t, dd, 1)
        equal({r["listener"] for r in posts(dd)}, {"intake"}, "listeners")


def drained(t, *args):
    """What `llmobs drain` says, where nothing is named."""
    done = subprocess.run(
        [os.path.join(t.build, "llmobs"), "drain", "--json", *args],
        env=t.environment(True, AUTO), stdout=subprocess.PIPE, timeout=60)
    return json.loads(done.stdout)


def called(t, count, **more):
    """So many short programs with a call each, where nothing is named."""
    for _ in range(count):
        t.run(curl(t.url, body()), env=dict(AUTO, **more), keep=True)


def arrived(dd):
    """The ids of what came; an end that is cut may send a call once more."""
    return set(ids(dd.spans()))


@test
def auto_agent_that_is_slow(t):
    """An agent's socket that takes connections gets the calls, now or later,
    however long /info takes: the store gets none."""
    usual_places(t)
    t.fresh(None)
    with double(t, "--agent-port", "8126") as dd:
        made = 0
        for kind, ms in (("slow", 0), ("slow", 20), ("slow", 50), ("slow", 80),
                         ("slow", 200), ("slow", 1000), ("hang", 0),
                         ("reset", 0), ("close", 0), ("garbage", 0), ("500", 0),
                         ("429", 0)):
            dd.fault(kind, path="info", delay_ms=ms)
            calls = 20 if kind in ("slow", "hang") else 2
            called(t, calls)
            made += calls
            dd.well()
            equal(stored(t), [], "stored: %s %d" % (kind, ms))
            ok(len(arrived(dd)) + counts(t)["spooled"] >= made,
               "delivered and waiting: %s %d" % (kind, ms))
            drained(t)
            equal(len(arrived(dd)), made, "spans: %s %d" % (kind, ms))
    equal([counts(t)[n] for n in ("captured", "delivered", "fell_back")],
          [made, made, 0], "captured, delivered, fell back")


def with_a_seen_agent(t):
    """One that has taken a call, and is away."""
    with double(t, "--agent-port", "8126") as dd:
        with Living(t, AUTO) as app:
            app.ask("seen")
            equal(len(dd.wait_spans(1, 60)), 1, "spans")
            app.end()


@test
def auto_agent_that_is_away(t):
    """What the store has in the place of an agent that was there within a day
    is marked: a person sends it, once.  Nothing else leaves the store."""
    usual_places(t)
    t.fresh(None)
    called(t, 2, **PATIENT)  # no agent ever was there
    equal((len(stored(t)), counts(t)["fell_back"]), (2, 0), "in the store")
    with_a_seen_agent(t)
    equal(counts(t)["fell_back"], 0, "marked")
    called(t, 3, **PATIENT)
    equal((len(stored(t)), counts(t)["fell_back"]), (3, 3), "marked")
    said = drained(t, "--store")  # it is still away
    equal((said["left"], len(stored(t))), (3, 3), "left, and in the store")
    with double(t, "--agent-port", "8126") as dd:
        equal(drained(t, "--store")["delivered"], 3, "delivered")
        sent = settled(t, dd, 3)
        equal(ids(sent), ids(stored(t)), "ids")
        equal(drained(t, "--store")["delivered"], 0, "sent twice")
        settled(t, dd, 3)


@test
def auto_agent_that_begins_late(t):
    """Each call is at one place: in the store, or with the agent."""
    usual_places(t)
    t.fresh(None)
    called(t, 2, **PATIENT)
    equal(len(stored(t)), 2, "spans in the store")
    with double(t, "--agent-port", "8126") as dd:
        called(t, 2)
        drained(t, "--store")
        equal((len(arrived(dd)), len(stored(t))), (2, 2), "sent and stored")
        equal(counts(t)["delivered"], 4, "delivered")


@test
def auto_strange_info(t):
    """The app is not touched, whatever an agent says of itself, and the span
    is somewhere."""
    usual_places(t)
    for info in (b"", b"nonsense", b"[]", b'{"endpoints": 7}', b"{" * 9999,
                 b'{"endpoints": [null, {}, "/evp_proxy"]}',
                 b"x" * 3000000):
        with double(t, "--agent-port", "8126") as dd:
            dd.ask("PUT", "/__info", info)
            untouched(t, curl(t.url, body()), AUTO)
            equal(len(dd.spans()) + len(stored(t)), 1,
                  "spans with %.20r" % info)


@test
def auto_nothing_there(t):
    """A first run needs neither account nor network."""
    usual_places(t)
    r = untouched(t, curl(t.url, body()), AUTO)
    expect_llm(r.only())


@test
def auto_agent_comes_late(t):
    """The store is not sticky: configured, down, then up."""
    port = free_port()
    url = "http://127.0.0.1:%d" % port
    with Living(t, dict(AUTO, DD_TRACE_AGENT_URL=url)) as app:
        for i in range(3):
            app.ask("early %d" % i)
        with double(t, "--agent-port", str(port)) as dd:
            app.ask("late")
            got = dd.wait_spans(4, 45)
            app.end()
            equal(len(got), 4, "spans at the agent")
            settled(t, dd, 4)
            equal(stored(t), [], "spans in the store")


# ---- several at once -----------------------------------------------------

@test
def agent_and_store(t):
    with double(t) as dd:
        untouched(t, curl(t.url, body()),
                  agent(dd, LLMOBS_EXPORTER="agent,store"))
        one, two = settled(t, dd, 1)[0], stored(t)
        equal(len(two), 1, "spans in the store")
        ok(same_event(one, two[0]), "the events differ")


@test
def intake_and_store(t):
    with double(t) as dd:
        untouched(t, curl(t.url, body()),
                  agentless(t, dd, LLMOBS_EXPORTER=" agentless , store,"))
        one, two = settled(t, dd, 1)[0], stored(t)
        equal(len(two), 1, "spans in the store")
        ok(same_event(one, two[0]), "the events differ")


@test
def one_fails_the_other_does_not_wait(t):
    """Each has its own progress."""
    with double(t) as dd:
        dd.fault("500")
        with Living(t, agent(dd, LLMOBS_EXPORTER="agent,store", **PATIENT)) as app:
            app.ask()
            app.ask()
            app.end()
        equal(len(stored(t)), 2, "spans in the store")
        equal(dd.spans(), [], "spans at the agent")
        ok(wait_for(lambda: posts(dd), 10), "the agent was not asked at all")


@test
def killed_after_the_delivery(t):
    """A span that the agent had before a SIGKILL is not counted as lost."""
    with double(t) as dd, \
            Living(t, agent(dd, _DD_LLMOBS_WRITER_INTERVAL="0.3")) as app:
        for _ in range(3):
            app.ask()
        settled(t, dd, 3, wait=5)
        time.sleep(0.05)
        app.process.kill()
        app.process.wait()
        shown = subprocess.run(
            [os.path.join(t.build, "llmobs"), "stats", "--json"],
            env=t.environment(True, {}), stdout=subprocess.PIPE, check=True)
        counts = json.loads(shown.stdout)
        equal([counts[name] for name in ("captured", "delivered", "dropped")],
              [3, 3, 0], "captured, delivered and dropped calls")


# ---- kinds of programs ---------------------------------------------------

@test
def prefork(t):
    """Every child delivers its own, none the parent's again."""
    with double(t) as dd:
        r = untouched(t, [caller(t), t.url, "prefork", "6", body()],
                      agent(dd))
        equal(r.stdout, b"22\n", "calls that went well")
        settled(t, dd, 22)


@test
def shell_script_of_calls(t):
    line = "curl -q -sS -H 'Authorization: Bearer %s' -d '%s' %s\n" % (
        SECRET, body(), t.url)
    with double(t) as dd:
        untouched(t, ["sh", "-c", line * 5], agent(dd))
        settled(t, dd, 5)


@test
def parallel_curl(t):
    with double(t) as dd:
        argv = ["curl", "-q", "-sS", "--no-progress-meter", "-Z", "-d",
                body(), "-H", "Content-Type: application/json"]
        argv += [t.url] * 20
        r = t.run(argv, env=agent(dd, **PATIENT))
        equal(r.code, 0, "exit status")
        settled(t, dd, 20)


@test
def living_program_delivers_while_it_lives(t):
    with double(t) as dd, Living(t, agent(dd)) as app:
        for i in range(3):
            app.ask("call %d" % i)
            settled(t, dd, i + 1, wait=3)
        app.end()
        settled(t, dd, 3)


# ---- sizes ---------------------------------------------------------------

@test
def event_over_the_limit(t):
    """20 MB of answer beside small ones: reduced, and none is lost."""
    with double(t) as dd, Living(t, agent(dd)) as app:
        app.ask("before")
        app.ask("big", "huge")
        app.ask("after")
        spans = dd.wait_spans(3, 10)
        app.end()
        equal(dd.violations(), [], "violations")
        equal(len(spans), 3, "spans")
        big = [s for s in spans if "collection_errors" in s]
        equal(len(big), 1, "reduced spans")
        ok(big[0]["metrics"]["output_tokens"] > 0, "its tokens are lost")
        equal(big[0]["meta"]["model_name"], "huge-2023-11-14", "its model")


@test
def many_big_events(t):
    """1 MB each: no payload beyond the limit."""
    with double(t) as dd, Living(t, agent(dd)) as app:
        for i in range(12):
            app.ask("big %d" % i, "big")
        dd.wait_spans(12, 10)  # more than the end of a program may wait for
        app.end()
        settled(t, dd, 12)
        ok(all(r["bytes"] <= 5242880 for r in posts(dd)),
           "payloads of %s bytes" % [r["bytes"] for r in posts(dd)])


@test
def payload_limit_by_variable(t):
    with double(t) as dd, Living(t, agent(
            dd, DD_LLMOBS_PAYLOAD_SIZE_BYTES="20000", **PATIENT)) as app:
        for i in range(40):
            app.ask("call %d" % i)
        app.end()
        settled(t, dd, 40, wait=5)
        ok(all(r["bytes"] <= 20000 for r in posts(dd)),
           "payloads of %s bytes" % [r["bytes"] for r in posts(dd)])


@test
def event_limit_by_variable(t):
    with double(t, "--event-max", "20000") as dd:
        untouched(t, curl(t.url, body("word " * 5000)), agent(
            dd, DD_LLMOBS_EVENT_SIZE_BYTES="20000"))
        spans = dd.spans()
        equal(dd.violations(), [], "violations")
        equal([s.get("collection_errors") for s in spans], [["dropped_io"]],
              "collection_errors")
