"""Trace headers: which requests get them, what they say, and that nothing else
of a request changes (WIRE 5)."""
import os
import re
import subprocess

from harness import (PYTHON, Skip, body, curl, equal, expect_llm, ok, tags_of,
                     test, trace_headers)

LIST = "DD_LLMOBS_INSTRUMENTED_PROXY_URLS"
STYLE = "DD_TRACE_PROPAGATION_STYLE"
DATADOG = {"x-datadog-trace-id", "x-datadog-parent-id",
           "x-datadog-sampling-priority", "x-datadog-tags"}
W3C = {"traceparent", "tracestate"}
TRACE = "6affe73a00000000c3d1e2f3a4b5c6d7"
PARENT = "00-%s-6573f78e6e7bca2b-01" % TRACE
STATE = ("dd=p:6573f78e6e7bca2b;s:2;o:rum;t.dm:-4;t.llmobs_parent_id:77;"
         "t.llmobs_trace_id:142226893083979332950388645837860619991;"
         "t.llmobs_ml_app:up~app;t.llmobs_sd:1;t.llmobs_sr:1,other=1")


def names(request):
    return set(trace_headers(request))


def hops(result):
    """The two requests of a redirect, which are recorded in any order."""
    equal(len(result.requests), 2, "requests")
    return sorted(result.requests, key=lambda q: "/redirected/" not in
                  q["path"], reverse=True)


def tag_map(value):
    return dict(pair.split("=", 1) for pair in value.split(","))


def state_map(value):
    member = value.split(",")[0]
    ok(member.startswith("dd="), "tracestate: dd is not first")
    return dict(pair.split(":", 1) for pair in member[3:].split(";"))


def expect_joined(request, span, apm_trace=None):
    """Both styles, each saying that the peer's spans are children of ours."""
    h = trace_headers(request)
    trace = apm_trace or span["_dd"]["apm_trace_id"]
    equal(set(h) - {"baggage", "x-datadog-origin"}, DATADOG | W3C, "headers")
    equal(h["x-datadog-trace-id"], str(int(trace[16:], 16)), "trace id")
    equal(h["x-datadog-parent-id"], span["span_id"], "parent id")
    tags = tag_map(h["x-datadog-tags"])
    equal(tags.get("_dd.p.tid"), trace[:16], "tid")
    state = state_map(h["tracestate"])
    hex_id = "%016x" % int(span["span_id"])
    equal(h["traceparent"][:-3], "00-%s-%s" % (trace, hex_id), "traceparent")
    equal(state["p"], hex_id, "tracestate: p")
    for read in (lambda k: tags.get("_dd.p." + k),
                 lambda k: state.get("t." + k)):
        equal(read("llmobs_parent_id"), span["span_id"], "llmobs_parent_id")
        equal(read("llmobs_trace_id"), str(int(span["trace_id"], 16)),
              "llmobs_trace_id")
        equal(read("llmobs_ml_app").replace("~", "="),
              tags_of(span)["ml_app"], "llmobs_ml_app")
    return h


# ---- where ---------------------------------------------------------------

@test
def custom_endpoint(t):
    r = t.same(curl(t.url, body()), spans=1)
    expect_joined(r.requests[0], r.only())
    equal(r.only()["_dd"]["apm_trace_id"], r.only()["trace_id"], "one id")


@test
def short_trace_ids(t):
    """APM's ids of 64 bits: the LLM Observability ones keep their 128."""
    name = "DD_TRACE_128_BIT_TRACEID_GENERATION_ENABLED"
    t.foreign_trace = True
    for value, short, told in (("true", False, 0), ("", False, 0),
                               ("false", True, 0), ("128", True, 1)):
        r = t.same(curl(t.url, body()), env={name: value}, spans=1)
        span, h = r.only(), trace_headers(r.requests[0])
        trace = span["_dd"]["apm_trace_id"]
        equal(trace[:16] == "0" * 16, short, "a short id with %r" % value)
        equal(trace[16:], span["trace_id"][16:], "the id's other half")
        equal(h["x-datadog-trace-id"], str(int(trace[16:], 16)), "trace id")
        equal(h["traceparent"].split("-")[1], trace, "traceparent")
        equal("_dd.p.tid" in tag_map(h["x-datadog-tags"]), not short, "tid")
        equal(r.log_count(name + ":"), told, "log lines with %r" % value)


@test
def listed_proxy(t):
    gateway = "http://127.0.0.1:%d" % t.servers.gateway
    r = t.same(curl(gateway + "/chat", '{"message": "x"}'),
               env={LIST: gateway}, spans=1, order=False)
    expect_joined([q for q in r.requests if q["path"] == "/chat"][0], r.only())


@test
def public_provider_only_when_asked_for(t):
    argv = curl("https://api.openai.com/v1/chat/completions", body(),
                "--cacert", t.servers.cert, "--connect-to",
                "api.openai.com:443:127.0.0.1:%d" % t.servers.tls)
    r = t.same(argv, spans=1)
    equal(names(r.requests[0]), set(), "headers to a public provider")
    for value in "all", "api.openai.com:443":
        r = t.same(argv, env={"LLMOBS_INJECT": value}, spans=1)
        h = trace_headers(r.requests[0])
        equal(set(h), DATADOG - {"x-datadog-tags"} | {"traceparent"}, "ids alone")
        equal(h["traceparent"], "00-%s-%016x-01" % (
            r.only()["_dd"]["apm_trace_id"], int(r.only()["span_id"])), "parent")
    r = t.same(argv, env={LIST: "https://api.openai.com"}, spans=1)
    expect_joined(r.requests[0], r.only())


@test
def private_names_with_addresses_of_the_programs(t):
    """Such a name may lead anywhere: its gateway has to be named."""
    gateway = "http://gateway.internal:%d" % t.servers.http
    for pin in (["--resolve", "gateway.internal:%d:127.0.0.1" % t.servers.http],
                ["--connect-to", "::127.0.0.1:%d" % t.servers.http]):
        argv = curl(gateway + "/v1/chat/completions", body(), *pin)
        r = t.same(argv, spans=1)
        equal(names(r.requests[0]), set(), "headers to a private name")
        equal(r.log_count("get no trace headers unless"), 1, "lines of the log")
        for env in ({LIST: gateway}, {"LLMOBS_INJECT": "gateway.internal"}):
            r = t.same(argv, env=env, spans=1)
            expect_joined(r.requests[0], r.only())
            equal(r.log_count("get no trace headers unless"), 0, "lines")


@test
def public_hosts_of_no_known_provider(t):
    """They are told what the program is called only where the user says so; nor
    is a private name that the program leads elsewhere."""
    for host, env, told in (
            ("api.models-corp.com", {}, False),
            ("localhost.evil.com", {}, False),
            ("10.0.0.1.evil.com", {}, False),
            ("api.models-corp.com", {"LLMOBS_INJECT": "*.evil.com"}, False),
            ("API.Models-Corp.com", {"LLMOBS_INJECT": "x.test,*.models-corp.COM"},
             True),
            ("gateway.internal", {}, False)):
        argv = curl("http://%s/v1/openai/chat/completions" % host, body(),
                    "--connect-to", "::127.0.0.1:%d" % t.servers.http)
        r = t.same(argv, env=env, spans=1)
        if told:
            expect_joined(r.requests[0], r.only())
        else:
            equal(names(r.requests[0]), set(), "headers to " + host)
    for host in "localhost", "127.1", "0x7f.1", "2130706433":
        r = t.same(curl(t.url.replace("127.0.0.1", host), body()), spans=1)
        expect_joined(r.requests[0], r.only())


@test
def none_at_all(t):
    for env in ({"LLMOBS_INJECT": "none"}, {STYLE: "none"},
                {STYLE + "_INJECT": "none"}):
        r = t.same(curl(t.url, body()), env=env, spans=1)
        equal(names(r.requests[0]), set(), "headers with %s" % env)


@test
def other_requests_get_none(t):
    base = "http://127.0.0.1:%d" % t.servers.http
    env = {"LLMOBS_INJECT": "all", "TRACEPARENT": PARENT}
    for argv in (curl(base + "/v1/models"), curl(base + "/upload", "x=y"),
                 curl(base + "/upload", None, "-F", "a=b", "-o", "/dev/null")):
        r = t.same(argv, env=env, spans=0, answers=False)
        equal(names(r.requests[0]), set(), "headers")


@test
def own_rules(t):
    base = "http://127.0.0.1:%d" % t.servers.http
    with open(os.path.join(t.dir, "rules.json"), "w") as f:
        f.write('[{"host": "127.0.0.1", "path": "/upload", '
                '"dialect": "openai_chat"}, {"host": "api.openai.com", '
                '"path": "/upload", "dialect": "openai_chat"}]')
    env = {"LLMOBS_RULES": os.path.join(t.dir, "rules.json")}
    r = t.run(curl(base + "/upload", body()), env=env)
    expect_joined(r.requests[0], r.only())
    r = t.run(curl("http://api.openai.com/upload", body(), "--connect-to",
                   "api.openai.com:80:127.0.0.1:%d" % t.servers.http), env=env)
    equal(len(r.spans), 1, "spans")
    equal(names(r.requests[0]), set(), "headers to a provider")


@test
def proxied_get_carries_the_context_on(t):
    base = "http://127.0.0.1:%d" % t.servers.http
    argv = curl(base + "/v1/models")
    r = t.same(argv, env={LIST: base}, spans=0)
    equal(names(r.requests[0]), set(), "headers without a context")
    env = {LIST: base, "TRACEPARENT": PARENT, "TRACESTATE": STATE,
           "BAGGAGE": "k=v"}
    for more in ([], ["-I"], ["-X", "DELETE"]):
        r = t.same(argv[:-1] + more + argv[-1:], env=env, spans=0)
        h = trace_headers(r.requests[0])
        equal(set(h), DATADOG | W3C | {"x-datadog-origin", "baggage"},
              "headers")
        equal(h["traceparent"], PARENT, "traceparent")
        equal(h["x-datadog-parent-id"], str(0x6573f78e6e7bca2b), "parent")
        equal(h["x-datadog-origin"], "rum", "origin")
        equal(h["x-datadog-sampling-priority"], "2", "priority")
        tags = tag_map(h["x-datadog-tags"])
        equal(tags["_dd.p.llmobs_parent_id"], "77", "llmobs_parent_id")
        equal(tags["_dd.p.llmobs_ml_app"], "up=app", "ml_app")
        equal(tags["_dd.p.dm"], "-4", "dm")
        ok(h["tracestate"].endswith(",other=1"), "other vendors")
    r = t.same(argv + [base + "/v1/models"] + ["-H", "traceparent: x"],
               env=env, spans=0)
    for request in r.requests:
        equal(trace_headers(request), {"traceparent": "x"}, "the app's own")
    r = t.same(curl("http://127.0.0.1:%d/v1/models" % t.servers.gateway),
               env=env, spans=0, order=False)
    ok(not any(names(q) for q in r.requests), "headers to another place")


@test
def proxied_get_redirected_away(t):
    """Headers without a span leave with the origin, too."""
    base = "http://127.0.0.1:%d" % t.servers.http
    r = t.same(curl(base + "/away/", None, "-L"), order=False, spans=0,
               env={LIST: base, "TRACEPARENT": PARENT})
    first, second = hops(r)
    equal(names(first), DATADOG | W3C, "headers at the proxy")
    equal(names(second), set(), "headers at another origin")


# ---- what ----------------------------------------------------------------

@test
def styles(t):
    b3multi = {"x-b3-traceid", "x-b3-spanid", "x-b3-sampled"}
    for value, want in (("datadog", DATADOG), ("tracecontext", W3C),
                        ("tracecontext,datadog", DATADOG | W3C),
                        ("b3", {"b3"}), ("b3multi", b3multi),
                        ("baggage", set()),
                        ("b3,datadog,b3multi", DATADOG | b3multi | {"b3"})):
        for name in (STYLE, STYLE + "_INJECT"):
            r = t.same(curl(t.url, body()), env={name: value}, spans=1)
            equal(names(r.requests[0]), want, "%s=%s" % (name, value))
    h = trace_headers(r.requests[0])
    span = r.only()
    hex_id = "%016x" % int(span["span_id"])
    equal(h["b3"], "%s-%s-1" % (span["trace_id"], hex_id), "b3")
    equal((h["x-b3-traceid"], h["x-b3-spanid"], h["x-b3-sampled"]),
          (span["trace_id"], hex_id, "1"), "b3multi")


@test
def limits(t):
    r = t.same(curl(t.url, body()), spans=1,
               env={"DD_TRACE_X_DATADOG_TAGS_MAX_LENGTH": "0"})
    equal(names(r.requests[0]), DATADOG - {"x-datadog-tags"} | W3C, "headers")
    for ml_app, in_tags in (("my app=v2", True), ("caf\u00e9", False),
                            ("m" * 193, True)):
        r = t.same(curl(t.url, body()), env={"DD_LLMOBS_ML_APP": ml_app},
                   spans=1)
        h = trace_headers(r.requests[0])
        tags = tag_map(h["x-datadog-tags"])
        equal(tags.get("_dd.p.llmobs_ml_app"), ml_app if in_tags else None,
              "ml_app")
        ok("_dd.p.llmobs_trace_id" in tags, "tags lost with an ml_app")
        ok(len(h["x-datadog-tags"]) <= 512 and len(h["tracestate"]) <= 512,
           "limits")
    ok("ml_app" not in h["tracestate"], "ml_app beyond 256 characters")
    r = t.same(curl(t.url, body()), env={"LLMOBS_SESSION_ID": "s-1"}, spans=1)
    equal(tag_map(trace_headers(r.requests[0])["x-datadog-tags"])
          ["_dd.p.llmobs_sid"], "s-1", "session")
    r = t.same(curl(t.url, body()), env={"DD_LLMOBS_SAMPLE_RATE": "0"},
               spans=1)
    equal(tag_map(trace_headers(r.requests[0])["x-datadog-tags"])
          ["_dd.p.llmobs_sd"], "0", "decision")


@test
def process_context(t):
    env = {"TRACEPARENT": PARENT, "TRACESTATE": STATE, "BAGGAGE": "k=v,l=w"}
    for style in (None, "datadog,tracecontext,baggage"):
        r = t.same(curl(t.url, body()), env=dict(env, **{STYLE: style}),
                   spans=1)
        span = r.only()
        equal(span["parent_id"], "77", "parent")
        equal(span["trace_id"], TRACE, "trace")
        h = expect_joined(r.requests[0], span)
        equal(h["x-datadog-origin"], "rum", "origin")
        equal(h["baggage"], "k=v,l=w", "baggage")
        ok(h["tracestate"].endswith(",other=1"), "other vendors")
    r = t.same(curl(t.url, body()), env={"BAGGAGE": "k"}, spans=1)
    expect_joined(r.requests[0], r.only())
    for behaviour in ("restart", "ignore"):
        r = t.same(curl(t.url, body()), spans=1, env=dict(
            env, DD_TRACE_PROPAGATION_BEHAVIOR_EXTRACT=behaviour))
        span = r.only()
        equal(span["parent_id"], "undefined", "parent")
        ok(span["trace_id"] != TRACE, "a new trace")
        h = expect_joined(r.requests[0], span)
        equal(h.get("baggage"), "k=v,l=w" if behaviour == "restart" else None,
              "baggage, " + behaviour)


# ---- the app's own -------------------------------------------------------

@test
def own_traceparent_is_completed(t):
    t.foreign_trace = True
    r = t.same(curl(t.url, body(), "-H", "Traceparent: " + PARENT), spans=1)
    h, span = trace_headers(r.requests[0]), r.only()
    equal(set(h), DATADOG | {"traceparent"}, "headers")
    equal(h["traceparent"], PARENT, "traceparent")
    equal(h["x-datadog-trace-id"], str(int(TRACE[16:], 16)), "trace id")
    equal(h["x-datadog-parent-id"], str(0x6573f78e6e7bca2b), "parent id")
    tags = tag_map(h["x-datadog-tags"])
    equal(tags["_dd.p.tid"], TRACE[:16], "tid")
    equal(tags["_dd.p.llmobs_parent_id"], span["span_id"], "parent")
    equal(tags["_dd.p.llmobs_trace_id"], str(int(span["trace_id"], 16)),
          "trace")
    equal(span["_dd"]["apm_trace_id"], TRACE, "apm_trace_id")


@test
def own_ids_get_our_members(t):
    t.foreign_trace = True
    ids = ["-H", "X-Datadog-Trace-Id: 5", "-H", "X-Datadog-Parent-Id: 6"]
    r = t.same(curl(t.url, body(), *ids), spans=1)
    h, span = trace_headers(r.requests[0]), r.only()
    equal(set(h), {"x-datadog-trace-id", "x-datadog-parent-id",
                   "x-datadog-tags"}, "headers")
    tags = tag_map(h["x-datadog-tags"])
    equal(tags["_dd.p.llmobs_parent_id"], span["span_id"], "parent")
    ok(all(k.startswith("_dd.p.llmobs_") for k in tags), "other members")
    r = t.same(curl(t.url, body(), *ids, "-H",
                    "X-Datadog-Tags: _dd.p.llmobs_parent_id=9"), spans=1)
    equal(len(trace_headers(r.requests[0])), 3, "headers")
    equal(r.only()["parent_id"], "9", "parent")


@test
def own_headers_of_any_form(t):
    for header, want in (("traceparent: x", {"traceparent"}),
                         ("traceparent;", {"traceparent"}),
                         ("traceparent:", set()),
                         ("x-datadog-tags;", {"x-datadog-tags"} | W3C),
                         ("baggage: a=b", {"baggage"} | DATADOG | W3C)):
        r = t.same(curl(t.url, body(), "-H", header), spans=1)
        equal(names(r.requests[0]), want, "headers beside " + header)


@test
def signed_requests(t):
    auth = ("Authorization: AWS4-HMAC-SHA256 Credential=AKIA/x, "
            "SignedHeaders=host;x-amz-date;tracestate, Signature=abc")
    r = t.same(curl(t.url, body(), "-H", auth), spans=1)
    equal(names(r.requests[0]), DATADOG, "headers")


# ---- redirects, proxies, and all that must not change --------------------

@test
def redirect_within_the_origin(t):
    r = t.same(curl(t.url, body(model="redirect-307"), "-L"), spans=1)
    equal(len(r.requests), 2, "requests")
    for request in r.requests:
        expect_joined(request, r.only())


@test
def redirect_to_another_origin(t):
    t.foreign_trace = True
    r = t.same(curl(t.url, body(model="redirect-other"), "-L"), spans=1,
               order=False)
    first, second = hops(r)
    expect_joined(first, r.only())
    equal(names(second), set(), "headers at another origin")
    own = ["-H", "x-datadog-trace-id: 5", "-H", "x-datadog-parent-id: 6"]
    r = t.same(curl(t.url, body(model="redirect-other"), "-L", *own), spans=1,
               order=False)
    equal([len(names(q)) for q in hops(r)], [3, 2], "headers")


@test
def authentication_rounds(t):
    r = t.same(["curl", "-q", "-sS", "--digest", "-u", "a:b", "-H",
                "Content-Type: application/json", "-d", body(model="auth"),
                t.url.replace("/v1/", "/auth/v1/")], spans=1, answers=False)
    equal(len(r.requests), 2, "requests")
    for request in r.requests:
        expect_joined(request, r.only())


@test
def retries_have_their_own_ids(t):
    r = t.same(curl(t.url, body(model="error-503"), "--retry", "2",
                    "--retry-delay", "1"), spans=3)
    equal(len(r.requests), 3, "requests")
    for request, span in zip(r.requests, r.spans):
        expect_joined(request, span)


@test
def http2(t):
    if not t.servers.h2c:
        raise Skip("no nghttpx")
    url = "http://127.0.0.1:%d/v1/chat/completions" % t.servers.h2c
    r = t.same(curl(url, body(), "--http2-prior-knowledge"), spans=1)
    expect_joined(r.requests[0], r.only())
    url = "https://localhost:%d/v1/chat/completions" % t.servers.h2
    r = t.same(curl(url, body(), "--cacert", t.servers.cert), spans=1)
    expect_joined(r.requests[0], r.only())


@test
def connect_proxy_gets_none(t):
    url = "https://gw.example/v1/chat/completions"
    argv = curl(url, body(), "--cacert", t.servers.cert, "-x",
                "http://127.0.0.1:%d" % t.servers.gateway, "--noproxy", "")
    r = t.same(argv, env={"NO_PROXY": None, "no_proxy": None,
                          "LLMOBS_INJECT": "gw.example"}, spans=1, order=False)
    tunnels = [q for q in r.requests if q["method"] == "CONNECT"]
    equal(len(tunnels), 1, "tunnels")
    equal(names(tunnels[0]), set(), "headers to the CONNECT proxy")
    equal(len(r.requests), 2, "requests")
    expect_joined([q for q in r.requests if q["method"] != "CONNECT"][0],
                  r.only())


UNIFIED = """
import os, sys
import pycurl
url, cert, proxy, mode, data = sys.argv[1:]
c = pycurl.Curl()
c.setopt(c.URL, url)
c.setopt(c.CAINFO, cert)
c.setopt(c.HTTPHEADER, ["Content-Type: application/json"])
c.setopt(c.POSTFIELDS, data)
if mode != "default":
    c.setopt(pycurl.HEADEROPT, pycurl.HEADER_UNIFIED if mode == "unified"
             else pycurl.HEADER_SEPARATE)
if proxy == "env":
    pass
elif proxy:
    c.setopt(c.PROXY, proxy)
    c.setopt(c.NOPROXY, "")
c.perform()
print(c.getinfo(c.RESPONSE_CODE))
"""


@test
def unified_headers_and_a_proxy(t):
    url = "https://gw.example/v1/chat/completions"
    proxy = "http://127.0.0.1:%d" % t.servers.gateway
    plain = {"NO_PROXY": None, "no_proxy": None, "LLMOBS_INJECT": "gw.example"}
    rows = [(proxy, "default", plain, True), (proxy, "separate", plain, True),
            (proxy, "unified", plain, False),
            ("env", "unified", dict(plain, https_proxy=proxy), False),
            ("env", "default", dict(plain, https_proxy=proxy), True)]
    for where, mode, env, sent in rows:
        r = t.same([PYTHON, "-B", "-c", UNIFIED, url, t.servers.cert, where,
                    mode, body()], env=env, spans=1, order=False)
        equal([(q["method"], bool(names(q))) for q in sorted(
            r.requests, key=lambda q: q["method"])],
              [("CONNECT", False), ("POST", sent)], "%s %s" % (where, mode))
    r = t.same([PYTHON, "-B", "-c", UNIFIED, t.url, t.servers.cert, "",
                "unified", body()], spans=1)
    expect_joined(r.requests[0], r.only())


@test
def libcurl_signs_nothing_of_ours(t):
    argv = ["curl", "-q", "-sS", "--aws-sigv4", "aws:amz:us:x", "--user",
            "AKIA:" + t.secrets[0], "--json", body(), t.url]
    r = t.run(argv)
    if r.code == 2:
        raise Skip("this curl does not sign")
    equal(len(r.spans), 1, "spans")
    equal(names(r.requests[0]), set(), "headers")


@test
def parallel_calls_keep_their_ids(t):
    argv = ["curl", "-q", "-s", "-Z", "--no-progress-meter"]
    for i in range(10):
        argv += (["--next", "-s", "--no-progress-meter"] if i else []) + [
            "-o", "f%d" % i, "--json", body("number %d" % i), t.url]
    r = t.same(argv, spans=10, order=False)
    by_id = {s["span_id"]: s for s in r.spans}
    for request in r.requests:
        h = trace_headers(request)
        expect_joined(request, by_id.pop(h["x-datadog-parent-id"]))
    equal(by_id, {}, "spans without a request")


@test
def lists_of_programs(t):
    """The cases of tests/clients/header_cases.c once more: what is no call has
    no header of ours, what is one has each once."""
    program = os.path.join(t.build, "tests", "clients", "header_cases")
    listed = subprocess.run([program, "--list"], stdout=subprocess.PIPE,
                            check=True).stdout.decode()
    base = "http://127.0.0.1:%d" % t.servers.http
    t.secrets.append("sk-SECRETKEY")
    for line in listed.splitlines():
        case = line.split()[0]
        r = t.run([program, case, base])
        ok(r.requests, case + ": no request")
        for q in r.requests:
            got = names(q)
            if q["path"] == "/v1/models" and case == "own_on_redirect":
                equal(got, {"traceparent"}, case)
            elif q["path"] == "/v1/models":
                equal(got, set(), "%s: headers of %s" % (case, q["path"]))
            elif case == "own_on_redirect" and "redirected" in q["path"]:
                equal(got, {"traceparent"}, case)
            else:
                equal(got, DATADOG | W3C, case)


@test
def through_the_gateway(t):
    """A request that a sample gateway relays still names our span."""
    gateway = "http://127.0.0.1:%d" % t.servers.gateway
    r = t.same(curl(gateway + "/v1/chat/completions", body()),
               env={LIST: gateway}, spans=1, order=False)
    equal(len(r.requests), 2, "requests")
    for request in r.requests:
        expect_joined(request, r.only())


@test
def nothing_of_ours_is_stored(t):
    """Header texts are not kept in spans, but for the fact of the trace's state,
    which is OTLP's."""
    r = t.same(curl(t.url, body()), spans=1)
    event = dict(r.only())
    facts = dict(event.pop("_call"))
    ok(facts.pop("tracestate").startswith("dd="), facts)
    text = str((event, facts))
    ok(not re.search("x-datadog|traceparent|tracestate", text), text)
    expect_llm(r.only())
