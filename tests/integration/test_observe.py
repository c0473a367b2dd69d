"""LLMOBS_OBSERVE: searches in vector databases and in the web, keys."""
import hashlib
import json
import os
import shutil

from harness import body, curl, equal, ok, tags_of, test, trace_headers
from serving import drained

BOTH = {"LLMOBS_OBSERVE": "vector, search"}
VECTOR = [0.731149, -0.27, 3.5e-05]


def points(t):
    t.secrets.append("731149")  # a number of the vector
    return curl("http://127.0.0.1:%d/collections/docs/points/query" %
                t.servers.http, json.dumps({"query": VECTOR, "limit": 3}))


def named(t, host, path, data=None, *more):
    """A request to this name, which is the server's for this one curl."""
    return curl("http://%s:%d%s" % (host, t.servers.http, path), data,
                "--resolve", "%s:%d:127.0.0.1" % (host, t.servers.http), *more)


def key(t, name):
    t.secrets.append(name)
    return name


@test
def a_search_by_a_vector(t):
    t.same(points(t), env=dict(BOTH, LLMOBS_SPOOL_MAX="0"), spans=1)
    span = t.same(points(t), env=BOTH, spans=1).only()
    meta = span["meta"]
    equal((span["name"], meta["span"]["kind"]), ("qdrant.query", "retrieval"),
          "name and kind")
    equal(meta["output"]["documents"],
          [{"id": "7", "score": 0.5, "text": "Paris is a city."},
           {"id": "8", "score": 0.25, "text": '{"place": "Rome"}'}],
          "documents")
    equal("value" in meta.get("input", {}), False, "a text of a vector")
    equal(meta["metadata"]["collection"], "docs", "collection")


@test
def a_search_of_the_web(t):
    for host, path, data, name in (
            ("api.tavily.com", "/search",
             json.dumps({"query": "what is Paris?",
                         "api_key": key(t, "tvly-9f8e7d6c5b4a")}),
             "tavily.search"),
            ("serpapi.com", "/search.json?q=what+is%20Paris%3F&api_key=" +
             key(t, "9f8e7d6c5b4a39281706"), None, "serpapi.search"),
            ("api.search.brave.com", "/res/v1/web/search?q=what+is+Paris?",
             None, "brave.search")):
        r = t.same(named(t, host, path, data, "-H", "X-Subscription-Token: " +
                         key(t, "BSA9f8e7d6c5b4a")), env=BOTH, spans=1)
        span = r.only()
        meta = span["meta"]
        equal((span["name"], meta["span"]["kind"]), (name, "tool"),
              "name and kind")
        equal(meta["input"]["value"], "what is Paris?", "input")
        equal(json.loads(meta["output"]["value"]),
              [{"title": "Paris", "url": "https://example.org/paris"}],
              "output")


@test
def only_what_it_names(t):
    search = named(t, "api.tavily.com", "/search", '{"query": "x"}')
    for env, argv, count in (({}, points(t), 0), ({}, search, 0),
                             ({"LLMOBS_OBSERVE": "search"}, points(t), 0),
                             ({"LLMOBS_OBSERVE": "search"}, search, 1),
                             ({"LLMOBS_OBSERVE": "vector"}, search, 0),
                             ({"LLMOBS_OBSERVE": "vector"}, points(t), 1)):
        t.same(argv, env=env, spans=count)


def keyed(t, env, *headers, query=""):
    """The tag of a call with these headers, as a span has it that was delivered
    from the spool."""
    argv = curl(t.url + query, body())
    argv[argv.index("-H") + 2:argv.index("-d")] = [
        x for h in headers for x in ("-H", h)]
    left = {"LLMOBS_EXPORTER": "agent", "LLMOBS_SPOOL_MAX": None,
            "DD_TRACE_AGENT_URL": "http://127.0.0.1:1"}
    for found in (t.same(argv, env=env).only(), None):
        if not found:
            shutil.rmtree(os.path.join(t.dir, "store"), ignore_errors=True)
            t.run(argv, env=dict(env, **left), check=False)
            found, = drained(t, left)
        yield tags_of(found).get("key")


@test
def keys(t):
    """Eight digits of a key's hash, where they are asked for, and no more of
    the key."""
    asked = {"LLMOBS_OBSERVE": "key"}
    digits = hashlib.sha256(b"sk-proj-one").hexdigest()[:8]
    for env, headers, query, want in (
            ({}, ["Authorization: Bearer sk-proj-one"], "", None),
            (asked, ["Authorization: Bearer sk-proj-one"], "", digits),
            (asked, ["x-api-key: sk-proj-one"], "", digits),
            (asked, ["api-key: other", "x-goog-api-key: sk-proj-one"], "",
             hashlib.sha256(b"other").hexdigest()[:8]),
            (asked, [], "?key=sk-proj-one", digits),
            (asked, ["Authorization: Basic c2s6eA=="], "", None)):
        for have in keyed(t, env, *headers, query=query):
            equal(have, want, "the tag key, with %r" % (headers or query))


@test
def other_requests_are_none(t):
    base = "http://127.0.0.1:%d" % t.servers.http
    for argv in (curl(base + "/search?q=shoes"),
                 curl(base + "/search", '{"query": "shoes"}'),
                 curl(base + "/shop/_search", '{"query": {"match": '
                      '{"name": "knn"}}}'),
                 curl(base + "/v1/graphql", '{"query": "{ users { id } }"}'),
                 curl(base + "/collections/a/points/query", '{"x": 1}')):
        t.same(argv, env=BOTH, spans=0)


@test
def no_trace_headers(t):
    """A database is no gateway: it gets the bytes that it always got."""
    r = t.same(points(t), env=BOTH, spans=1)
    for request in r.requests:
        equal(trace_headers(request), {}, "trace headers")
    ok(r.requests, "no request came")


@test
def without_content(t):
    span = t.same(named(t, "serpapi.com", "/search?q=Zecret+words&api_key=k"),
                  env=dict(BOTH, LLMOBS_CONTENT="off"), spans=1).only()
    ok("Zecret" not in json.dumps(span), "the query in the span")
    ok("example.org" not in json.dumps(span), "the answer in the span")


@test
def one_off_by_its_name(t):
    """An API off: nothing else is, and nothing is sent."""
    chat, claude = t.url, "http://127.0.0.1:%d/v1/messages" % t.servers.http
    for names, wanted in (("-openai", [0, 1]), ("-anthropic", [1, 0]),
                          ("-openai, -anthropic", [0, 0]), ("vector", [1, 1]),
                          ("-mistralai,-nobody", [1, 1]), ("-", [1, 1])):
        found = []
        for url in chat, claude:
            r = t.same(curl(url, body()), env={"LLMOBS_OBSERVE": names,
                                               "LLMOBS_INJECT": "all"})
            found.append(len(r.spans))
            if not r.spans:
                equal([trace_headers(q) for q in r.requests], [{}], "headers")
        equal(found, wanted, "spans with %s" % names)
    ok("LLMOBS_OBSERVE: no API is named" in r.log, "the log")
