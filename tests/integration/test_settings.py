"""Switches, names, tags, sessions, rules, nesting, secrets."""
import hmac
import json
import os
import re
import time

from harness import (ALL_REQUESTS, LAUNCHER, PYTHON, SECRET, Skip, body, curl,
                     equal, expect_llm, ok, short, tags_of, test, trace_headers,
                     tree)
from serving import drained

LIST = "DD_LLMOBS_INSTRUMENTED_PROXY_URLS"


def preloaded(t, argv, **env):
    """Without the launcher: LD_PRELOAD alone."""
    env["LD_PRELOAD"] = os.path.join(t.build, "libllmobs_preload.so")
    return t.run(argv, launcher=["env"], env=env)


@test
def off_unless_switched_on(t):
    argv = curl(t.url, body())
    bare = t.run(argv, preload=False)
    for value in (None, "", "0", "false", "no", "yes", "on", "nonsense",
                  " true ", "2"):
        ours = preloaded(t, argv, DD_LLMOBS_ENABLED=value)
        t.compare(bare, ours)
        equal(ours.store_exists, False, "store with %r" % value)
        equal(ours.log, "", "log with %r" % value)


@test
def on_when_switched_on(t):
    argv = curl(t.url, body())
    bare = t.run(argv, preload=False)
    for value in ("1", "true", "TRUE", "True"):
        ours = preloaded(t, argv, DD_LLMOBS_ENABLED=value)
        t.compare(bare, ours)
        expect_llm(ours.only())


@test
def everything_is_captured_by_rules(t):
    """The spans that scripts/curl-suite asks for."""
    for argv in (curl(t.url), curl(t.url, None, "-I"),
                 curl(t.url, None, "-X", "DELETE"),
                 curl(t.url, None, "-F", "a=b"), curl(t.url, "a=b")):
        t.same(argv, spans=0)
        r = t.same(argv, env={"LLMOBS_RULES": ALL_REQUESTS}, spans=1)
        equal(r.only()["name"], "llm_proxy.request", "name of %s" % argv)


@test
def explicit_no_beats_the_launcher(t):
    r = t.same(curl(t.url, body()), env={"DD_LLMOBS_ENABLED": "0"}, spans=0)
    equal(r.store_exists, False, "store")


@test
def launcher_keeps_other_preloads(t):
    r = t.run(["sh", "-c", "echo $LD_PRELOAD"],
              env={"LD_PRELOAD": "/lib/x86_64-linux-gnu/libm.so.6"})
    parts = re.split("[: ]", r.stdout.decode().strip())
    equal(parts[0], "/lib/x86_64-linux-gnu/libm.so.6", "first preload")
    ok(parts[-1].endswith("libllmobs_preload.so"), "ours: %s" % parts)


@test
def launcher_exit_status(t):
    for script, code in (("exit 0", 0), ("exit 42", 42), ("kill -9 $$", -9),
                         ("kill -15 $$", -15)):
        equal(t.run(["sh", "-c", script]).code, code, script)
    ok(t.run(["/no/such/program"]).code in (126, 127), "no such program")


@test
def arguments_are_kept(t):
    argv = ["printf", "[%s]", "a b", "", "$HOME", "*", "--", "-x", "\n", "'"]
    r = t.same(argv)
    equal(r.stdout, b"[a b][][$HOME][*][--][-x][\n][']", "arguments")


@test
def launcher_options(t):
    r = t.run(["--ml-app", "shop", "--service", "svc", "--env", "prod",
               "--session", "s-1", "--"] + curl(t.url, body()))
    span = expect_llm(r.only())
    tags = tags_of(span)
    equal([tags[k] for k in ("ml_app", "service", "env", "session_id")],
          ["shop", "svc", "prod", "s-1"], "tags")
    equal(span["session_id"], "s-1", "session_id")


@test
def datadog_tags(t):
    r = t.same(curl(t.url, body()), env={
        "DD_TAGS": "team:ml,url:http://a:1/b,env:fromtags,empty:,bare",
        "DD_ENV": "prod", "DD_VERSION": "1.2.3", "DD_SERVICE": "svc"})
    tags = tags_of(r.only())
    equal((tags["team"], tags["url"], tags["env"], tags["version"],
           tags["service"], tags["ml_app"]),
          ("ml", "http://a:1/b", "prod", "1.2.3", "svc", "it"), "tags")


@test
def tags_separated_by_blanks(t):
    tags = tags_of(t.same(curl(t.url, body()), env={
        "DD_TAGS": "team:ml role:x"}).only())
    equal((tags["team"], tags["role"]), ("ml", "x"), "tags")


@test
def unset_names(t):
    tags = tags_of(t.same(curl(t.url, body()), env={
        "DD_LLMOBS_ML_APP": None}).only())
    equal((tags["service"], tags["env"], tags["version"]), ("", "", ""),
          "tags")
    tags = tags_of(t.same(curl(t.url, body()), env={
        "DD_LLMOBS_ML_APP": None, "DD_SERVICE": "svc"}).only())
    equal(tags["ml_app"], "svc", "ml_app")


@test
def bad_ml_app_is_kept_and_logged_once(t):
    r = t.same(curl(t.url, body(), t.url), spans=2,
               env={"DD_LLMOBS_ML_APP": "My App__x,y_"})
    for span in r.spans:
        equal(tags_of(span)["ml_app"], "My App__x_y_", "ml_app")
    equal(r.log_count(r"^(?!.*\bdebug\b).*ml_app.*$"), 1,
          "log lines: " + short(r.log))
    r = t.same(curl(t.url, body()), env={"DD_LLMOBS_ML_APP": "a" * 300})
    equal(tags_of(r.only())["ml_app"], "a" * 193, "ml_app")
    r = t.same(curl(t.url, body()), env={"DD_LLMOBS_ML_APP": "good-app.x/1"})
    equal(r.log_count(r"^(?!.*\bdebug\b).*ml_app.*$"), 0,
          "log lines: " + short(r.log))


@test
def session(t):
    span = t.same(curl(t.url, body()), env={
        "LLMOBS_SESSION_ID": "sess-77"}).only()
    equal(span["session_id"], "sess-77", "session_id")
    equal(tags_of(span)["session_id"], "sess-77", "tag session_id")
    span = t.same(curl(t.url, body())).only()
    ok("session_id" not in span and "session_id" not in tags_of(span),
       "a session from nowhere")


@test
def git_tags(t):
    env = {"DD_GIT_REPOSITORY_URL": "https://git.example/r.git",
           "DD_GIT_COMMIT_SHA": "0123456789abcdef"}
    tags = tags_of(t.same(curl(t.url, body()), env=env).only())
    equal((tags["git.repository_url"], tags["git.commit.sha"]),
          tuple(env.values()), "tags")
    env["DD_TRACE_GIT_METADATA_ENABLED"] = "false"
    ok("git.commit.sha" not in tags_of(t.same(curl(t.url, body()),
                                              env=env).only()), "git tags")


@test
def sampling(t):
    span = t.same(curl(t.url, body())).only()
    equal((span["_dd"]["sample_rate"], span["_dd"]["sampling_decision"]),
          ("1", "1"), "sampling")
    span = t.same(curl(t.url, body()), env={
        "DD_LLMOBS_SAMPLE_RATE": "0"}).only()
    equal((span["_dd"]["sample_rate"], span["_dd"]["sampling_decision"]),
          ("0", "0"), "sampling at rate 0")


@test
def parent_from_the_environment(t):
    env = {"TRACEPARENT": "00-0af7651916cd43dd8448eb211c80319c-"
                          "b7ad6b7169203331-01",
           "TRACESTATE": "dd=s:1;p:b7ad6b7169203331;"
                         "t.llmobs_parent_id:1234567890123;"
                         "t.llmobs_trace_id:6affe73a00000000c3d1e2f3a4b5c6d7;"
                         "t.llmobs_ml_app:upstream"}
    span = t.same(curl(t.url, body()), env=env).only()
    equal(span["parent_id"], "1234567890123", "parent_id")
    equal(span["trace_id"], "6affe73a00000000c3d1e2f3a4b5c6d7", "trace_id")
    equal(span["_dd"]["trace_id"], "0af7651916cd43dd8448eb211c80319c",
          "_dd.trace_id")
    equal(tags_of(span)["ml_app"], "upstream", "ml_app")


@test
def parent_from_the_request(t):
    argv = curl(t.url, body(), "-H", "traceparent: 00-0af7651916cd43dd8448eb2"
                "11c80319c-b7ad6b7169203331-01", "-H",
                "tracestate: dd=s:1;t.llmobs_parent_id:42;"
                "t.llmobs_trace_id:6affe73a00000000c3d1e2f3a4b5c6d7")
    span = t.same(argv).only()
    equal(span["parent_id"], "42", "parent_id")
    equal(span["trace_id"], "6affe73a00000000c3d1e2f3a4b5c6d7", "trace_id")


@test
def bad_parents_are_ignored(t):
    for parent in ("", "00-xyz", "ff-0af7651916cd43dd8448eb211c80319c-"
                   "b7ad6b7169203331-01", "00-" + "0" * 32 + "-" + "0" * 16 +
                   "-01", "x" * 9000):
        span = t.same(curl(t.url, body()), env={"TRACEPARENT": parent}).only()
        equal(span["parent_id"], "undefined", "parent of " + short(parent))


@test
def workflow_launcher(t):
    two = ["sh", "-c", '"$@"; "$@"; exit 5', "sh"] + curl(t.url, body())
    r = t.run(["--workflow", "nightly", "--"] + two)
    equal(r.code, 5, "exit status")
    equal(len(r.spans), 3, "number of spans")
    root = [s for s in r.spans if s["parent_id"] == "undefined"]
    equal(len(root), 1, "number of roots")
    root = root[0]
    equal((root["name"], root["meta"]["span"]["kind"]),
          ("nightly", "workflow"), "root")
    text = json.dumps(root)
    ok(SECRET not in text and "hello there" not in text and t.url not in text,
       "the root holds the program's arguments")
    for span in r.spans:
        equal(span["trace_id"], root["trace_id"], "trace_id")
        if span is not root:
            equal(span["parent_id"], root["span_id"], "parent_id")
            expect_llm(span)
            ok(span["start_ns"] >= root["start_ns"] and
               span["start_ns"] + span["duration"] <=
               root["start_ns"] + root["duration"], "child outside its root")


@test
def workflow_launcher_signals(t):
    for script, code in (("exit 0", 0), ("kill -9 $$", 137),
                         ("kill -15 $$", 143)):
        r = t.run(["--workflow", "w", "sh", "-c", script])
        equal(r.code, code, script)
        equal(len(r.spans), 1, "spans of " + script)


@test
def workflow_within_workflow(t):
    r = t.run(["--workflow", "outer", LAUNCHER, "--workflow", "inner"] +
              curl(t.url, body()))
    by_name = {s["name"]: s for s in r.spans}
    equal(sorted(by_name), ["OpenAI.createChatCompletion", "inner", "outer"],
          "names")
    equal(by_name["inner"]["parent_id"], by_name["outer"]["span_id"],
          "parent of inner")
    equal(by_name["OpenAI.createChatCompletion"]["parent_id"],
          by_name["inner"]["span_id"], "parent of the call")


@test
def own_rules(t):
    rules = [{"host": "127.0.0.1", "path": "/chat", "method": "POST",
              "operation": "chat", "dialect": "openai_chat",
              "provider": "inhouse", "name": "inhouse.chat"}]
    base = "http://127.0.0.1:%d" % t.servers.http
    r = t.same(curl(base + "/chat", '{"message": "x", "model": "m", '
                    '"messages": [{"role": "user", "content": "hi"}]}'),
               env={"LLMOBS_RULES": "rules.json"},
               inputs={"rules.json": json.dumps(rules).encode()})
    span = r.only()
    equal((span["name"], span["meta"]["model_provider"],
           span["meta"]["span"]["kind"]),
          ("inhouse.chat", "inhouse", "llm"), "span")
    equal(span["meta"]["input"], {"messages": [
        {"content": "hi", "role": "user"}]}, "input")


@test
def own_rule_for_a_method_without_a_body(t):
    """Only what the rule names: the other GET and the bare POST are not."""
    base = "http://127.0.0.1:%d" % t.servers.http
    rules = [{"path": "/v1/models", "method": "GET", "dialect": "http"}]
    r = t.same(["curl", "-q", "-sS", base + "/v1/models", base + "/v1/other",
                "-I", "--next", "-sS", "-X", "POST", base + "/v1/models",
                "--next", "-sS", base + "/v1/models"],
               env={"LLMOBS_RULES": "rules.json"},
               inputs={"rules.json": json.dumps(rules).encode()})
    span = r.only()
    equal(span["meta"]["input"], {"value": ""}, "input")
    equal(json.loads(span["meta"]["output"]["value"])["object"], "list",
          "output")


def slip(*rules):
    """The last rule has a word that no rule has."""
    return json.dumps([*rules, {"host": "x.test", "path": "/ask",
                                "kindd": "llm"}]).encode()


@test
def own_rules_that_may_say_never(t):
    """A mistake keeps no text that a rule beside it keeps off the disk."""
    never = {"host": "127.0.0.1", "never": True}
    env = {"LLMOBS_RULES": "rules.json"}
    for rules, off in (
            (slip(never), True), (json.dumps([never]).encode()[:-1], True),
            (b'[{"host": "127.0.0.1", "Never": true}]', True),
            (b'[{"host": "127.0.0.1", "\\u006eever": true}, 1]', True),
            (slip(), False)):
        r = t.same(curl(t.url, body("UnspeakableMarker")), env=env, spans=1,
                   inputs={"rules.json": rules})
        span = r.only()
        equal("input" in span["meta"], not off, "an input with %r" % rules)
        equal(r.log_count("LLMOBS_RULES: .*LLMOBS_CONTENT is off"), int(off),
              "lines of the log with %r" % rules)
        equal("UnspeakableMarker" in json.dumps(span), not off, "the words")
    t.same(curl(t.url, body()), env=env, spans=0,
           inputs={"rules.json": json.dumps([never]).encode()})
    if os.getuid() != 0:  # root reads each file
        t.fresh({"rules.json": slip()})
        os.chmod(os.path.join(t.dir, "work", "rules.json"), 0)
        r = t.run(curl(t.url, body()), env=env, keep=True)
        equal("input" in r.only()["meta"], False, "an unreadable file")


@test
def own_rules_with_a_kind(t):
    """A retrieval, and a tool without a body."""
    base = "http://127.0.0.1:%d" % t.servers.http
    rules = [{"path": "/in/rerank", "kind": "retrieval", "input": "/query",
              "documents": "/results", "document_id": "/index",
              "document_score": "/relevance_score"},
             {"path": "/v1/models", "method": "GET", "kind": "tool",
              "name": "models", "output": "/object"}]
    ask = '{"query": "Paris?", "documents": ["x", "yy"], "model": "m"}'
    r = t.same(curl(base + "/in/rerank", ask), env={"LLMOBS_RULES": "rules.json"},
               inputs={"rules.json": json.dumps(rules).encode()})
    meta = r.only()["meta"]
    equal((meta["span"]["kind"], meta["input"]),
          ("retrieval", {"value": "Paris?"}), "retrieval")
    equal([(d["id"], d["score"]) for d in meta["output"]["documents"]],
          [("1", 0.02), ("0", 0.01)], "documents")
    r = t.same(["curl", "-q", "-sS", base + "/v1/models"],
               env={"LLMOBS_RULES": "rules.json"},
               inputs={"rules.json": json.dumps(rules).encode()})
    span = r.only()
    equal((span["name"], span["meta"]["span"]["kind"],
           span["meta"]["output"]), ("models", "tool", {"value": "list"}),
          "tool")


@test
def own_rule_for_a_stream(t):
    rules = [{"path": "/v1/chat/completions", "kind": "llm",
              "input": "/messages", "output": "/choices/0/delta/content",
              "model": "/model", "name": "mine"}]
    span = t.same(curl(t.url, body(stream=True)),
                  env={"LLMOBS_RULES": "rules.json"},
                  inputs={"rules.json": json.dumps(rules).encode()}).only()
    equal((span["name"], span["meta"]["model_name"]),
          ("mine", "gpt-test-2023-11-14"), "name and model")
    equal(span["meta"]["output"]["messages"][0]["content"],
          "Echo: hello there", "output")
    equal(span["status"], "ok", "status")


@test
def own_rule_for_a_header(t):
    """A request that no path shows, and a GET."""
    base = "http://127.0.0.1:%d" % t.servers.http
    rules = [{"header": "X-Agent: search", "kind": "tool", "name": "found"},
             {"header": "X-Get", "method": "GET", "kind": "tool"}]
    env = {"LLMOBS_RULES": "rules.json"}
    files = {"rules.json": json.dumps(rules).encode()}
    ask = '{"message": "hi"}'
    for argv, count in (
            (curl(base + "/chat", ask, "-H", "x-agent: Search/1"), 1),
            (curl(base + "/chat", ask, "-H", "X-Agent: find"), 0),
            (curl(base + "/chat", ask), 0),
            (curl(base + "/v1/models", None, "-H", "X-Get: 1"), 1),
            (curl(base + "/v1/models"), 0)):
        r = t.same(argv, env=env, inputs=files, spans=count)
        if count:
            equal(r.only()["meta"]["span"]["kind"], "tool", "kind")


@test
def own_rule_that_says_never(t):
    """No span and no trace header, whoever else would take the request."""
    host = "127.0.0.1:%d" % t.servers.http
    rules = [{"path": "/v1/*", "never": True}]
    for env in ({}, {"DD_LLMOBS_INSTRUMENTED_PROXY_URLS": "http://" + host},
                {"LLMOBS_INJECT": "all"}):
        r = t.same(curl(t.url, body()), spans=0,
                   env=dict(env, LLMOBS_RULES="rules.json"),
                   inputs={"rules.json": json.dumps(rules).encode()})
        ok("/v1/chat/completions: not ours (LLMOBS_RULES: a rule says never)"
           in r.log, "the log: " + r.log)
        equal(trace_headers(r.requests[0]), {}, "trace headers")


@test
def debug_log_says_which_rule(t):
    host = "POST 127.0.0.1:%d" % t.servers.http
    r = t.same(curl(t.url, body()))
    line = host + "/v1/chat/completions: captured (rule 3: "
    ok(line in r.log, "the log: " + r.log)
    for path, shown, why in (
            ("/upload", "/upload", "no known method and path"),
            ("/bot9/AbC/upload?key=k", "/*/AbC/upload", "no known method"),
            ("/v1/chat/completions/x", "/v1/chat/completions/x", "no known")):
        r = t.same(curl("http://127.0.0.1:%d%s" % (t.servers.http, path),
                        body()))
        ok("%s%s: not ours (%s" % (host, shown, why) in r.log,
           "the log does not say why a request is not ours: " + r.log)
    r = t.same(curl(t.url, "no JSON"))
    ok("not ours (known path, but the body is no JSON object)" in r.log,
       "the log: " + r.log)
    r = t.same(curl(t.url, body()), env={"LLMOBS_LOG_LEVEL": "error"})
    equal(r.log, "", "log at level error")


@test
def secrets_are_nowhere(t):
    marker = "UnspeakableMarker4711"
    t.secrets.append(marker)
    base = "http://127.0.0.1:%d" % t.servers.http
    for listed in ("", base):
        for path in ("/v1/chat/completions", "/v1/chat/completions/",
                     "/upload", "/nothing"):
            url = "http://me:%s@127.0.0.1:%d%s?key=%s&sig=%s&api_key=%s" % (
                marker, t.servers.http, path, marker, marker, marker)
            argv = curl(url, body())
            for header in ("Authorization: Bearer ", "x-api-key: ",
                           "api-key: ", "x-goog-api-key: ", "Cookie: a=",
                           "Proxy-Authorization: Basic ", "X-Custom: "):
                argv[1:1] = ["-H", header + marker]
            t.same(["curl", "-q"] + argv[1:], env={LIST: listed})
    t.same(curl(t.url, body(model="error-401"), "-H",
                "Authorization: Bearer sk-" + marker))
    argv = curl("http://127.0.0.1:1/v1/chat/completions?key=" + marker, body())
    argv[2] = "-s"
    t.same(argv)


@test
def secrets_of_the_environment(t):
    marker = "UnspeakableMarker4712"
    t.secrets.append(marker)
    t.same(curl(t.url, body()), env={
        "DD_API_KEY": marker, "DD_APP_KEY": marker, "OPENAI_API_KEY": marker,
        "LLMOBS_NO_SUCH": marker})


POSTS = """import http.client, sys
c = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]))
c.putrequest("POST", sys.argv[2])
c.putheader("Content-Type", "application/json")
c.putheader("Content-Length", str(len(sys.argv[3])))
c.endheaders()
c.send(sys.argv[3].encode())
print("completely sent", flush=True)
c.getresponse()"""


@test
def what_is_no_call_leaves_no_body(t):
    """A request to a path of an API, killed while the server is silent."""
    marker = "UnspeakableMarker"
    other = '{"hello": "%s"}' % marker
    call = body(marker, model="hang")

    def left(way, path, data):
        port, sent = t.servers.http, b"bytes data]"
        if way == "python":
            argv = [PYTHON, "-c", POSTS, str(port), "/hang" + path, data]
            sent = b"completely sent"
        else:
            argv = ["sh", "-c", "exec \"$@\" 2>&1", "sh", "curl", "-q", "-sv",
                    "-H", "Expect:", "-H", "Content-Type: application/json",
                    "http://127.0.0.1:%d/hang%s" % (port, path)]
            argv += {"-d": ["-d", data], "-T": ["-X", "POST", "-T", "in"]}[way]
        r = t.run(argv, inputs={"in": data.encode()}, check=False,
                  env={"LLMOBS_EXPORTER": "agent", "LLMOBS_RELAY": "off",
                       "DD_TRACE_AGENT_URL": "http://127.0.0.1:1"},
                  kill_after=sent)
        ok(sent in r.stdout, "%s sent: %r" % (way, r.stdout))
        store = tree(os.path.join(t.dir, "store"))
        return any(marker.encode() in part for part in store.values())

    for way in "-d", "-T", "python":
        for path in "/v1/embeddings", "/v1/messages", "/v1/responses":
            equal(left(way, path, other), False, "%s to %s" % (way, path))
    for way in "-d", "python":
        equal(left(way, "/v1/chat/completions", call), True, "a call by " + way)
    t.secrets.append(marker)
    # Nor does one whose program ends by itself.
    r = t.same(curl("http://127.0.0.1:%d/v1/embeddings" % t.servers.http, other),
               spans=0)
    equal(r.log_count("dropped"), 0, "drops")


@test
def nothing_else_is_written(t):
    """HOME, the working folder and the temporary one stay as they were."""
    r = t.same(curl(t.url, body()))
    equal(sorted(os.listdir(t.dir)), ["home", "log", "store", "work"],
          "the test's folder")
    equal(r.files, {}, "files")


@test
def store_by_default_below_home(t):
    if os.getuid() == 0:
        raise Skip("root's store is the system's")
    t.same(curl(t.url, body()), env={
        "LLMOBS_STORE_DIR": None, "LLMOBS_EXPORTER": None,
        "XDG_STATE_HOME": os.path.join(t.dir, "state")})
    ok(os.path.isdir(os.path.join(t.dir, "state", "llmobs")),
       "no store below XDG_STATE_HOME")


@test(alone=True)
def programs_do_not_wait(t):
    """The end of a program is not held up by us."""
    argv = curl(t.url, body())
    took = []
    for preload in (False, True):
        start = time.monotonic()
        for _ in range(10):
            t.run(argv, preload=preload, env={"LLMOBS_EXIT_FLUSH_MS": None})
        took.append(time.monotonic() - start)
    ok(took[1] < took[0] + 1.5, "10 calls: %.2f s bare, %.2f s preloaded"
       % tuple(took))


@test
def two_programs_share_a_store(t):
    r = t.run(["sh", "-c", "for i in 1 2 3 4 5 6 7 8; do \"$@\" & done; wait",
               "sh"] + curl(t.url, body(), "-o", "/dev/null", t.url, "-o",
                            "/dev/null"))
    equal(len(r.spans), 16, "number of spans")


# ---- what a request says of itself ------------------------------------------

SAYS = ["-H", "Helicone-User-Id: ada@example.com", "-H", "X-Title: Shop",
        "-H", "Helicone-Property-Plan: gold", "-H", "x-litellm-tags: a,job:9",
        "-H", 'x-portkey-metadata: {"team": "blue", "api_key": "%s"}' % SECRET,
        "-H", "OpenAI-Organization: org-1"]
ADA = "sha256:b5fc85e55755f9e0"  # printf %s ada@example.com | sha256sum


def said(r):
    """The tags that a request of SAYS has, beside those of all spans."""
    names = ("user_id", "app", "plan", "tag", "job", "team", "openai.organization",
             "session_id", "env", "run", "api_key")
    return {k: v for k, v in tags_of(r.only()).items() if k in names}


@test
def tags_from_the_request(t):
    """With headers of gateways and members of the body, by plain curl."""
    data = body(user="someone", litellm_session_id="s-7",
                metadata={"run": 7, "env": "theirs", "team": "red", "o": {}})
    wanted = {"user_id": ADA, "app": "Shop", "plan": "gold", "tag": "a",
              "job": "9", "team": "blue", "openai.organization": "org-1",
              "session_id": "s-7", "env": "prod", "run": "7"}
    env = {"DD_ENV": "prod"}
    r = t.same(curl(t.url, data, *SAYS), env=env, spans=1)
    equal(said(r), wanted, "tags")
    equal(r.only()["session_id"], "s-7", "session")
    equal(r.only()["meta"]["metadata"]["user"], "someone", "metadata.user")
    r = t.same(curl(t.url, data), env=dict(env, LLMOBS_SESSION_ID="own",
                                           DD_TAGS="team:ops"), spans=1)
    equal(said(r), {"user_id": "someone", "env": "prod", "session_id": "own",
                    "team": "ops", "run": "7"}, "what is set stays")


@test
def tags_from_the_request_hashed_or_off(t):
    data = body(user="someone")
    hashed = {"env": "", "user_id": "sha256:2a59d59e3809f827"}
    for env, wanted in (({"LLMOBS_REQUEST_TAGS": "hash"}, hashed),
                        ({"LLMOBS_CONTENT": "off"}, hashed),
                        ({"LLMOBS_REQUEST_TAGS": "off"}, {"env": ""})):
        r = t.same(curl(t.url, data), env=env, spans=1)
        equal(said(r), wanted, "tags with %s" % env)
    r = t.same(curl(t.url, body(), *SAYS), env={"LLMOBS_REQUEST_TAGS": "off"},
               spans=1)
    equal(said(r), {"env": ""}, "tags of headers")


@test
def content_off_and_what_a_request_says(t):
    """Names of the program's own stay only where the user lists them."""
    data = body(metadata={"run": 7, "UnspeakableMarker": "x",
                          "note": "UnspeakableMarker"}, user="someone")
    hangs = data.replace('"gpt-test"', '"hang"')
    known = {"user_id": ADA, "app": "Shop", "openai.organization": "org-1",
             "env": ""}
    for more, wanted in (({}, known),
                         ({"LLMOBS_CONTENT_TAGS": "team, Run"},
                          dict(known, team="blue", run="7"))):
        r = t.same(curl(t.url, data, *SAYS), spans=1,
                   env=dict(more, LLMOBS_CONTENT="off"))
        equal(said(r), wanted, "tags with %s" % more)
        equal("UnspeakableMarker" in json.dumps(r.only()), False, "the metadata")
    # Nothing of it is in what a killed process leaves, either.
    t.secrets.append("UnspeakableMarker")
    r = t.run(curl(t.url, hangs, *SAYS, "-m", "1"),
              env={"LLMOBS_CONTENT": "off", "LLMOBS_EXPORTER": "agent",
                   "DD_TRACE_AGENT_URL": "http://127.0.0.1:1"}, check=False)
    equal(r.store_exists, True, "a spool")


def keyed(text, key=b"UnspeakableKey"):
    return "hmac:" + hmac.new(key, text, "sha256").hexdigest()[:16]


@test
def hashes_with_a_key(t):
    """By HMAC; whoever delivers later without the key makes no hash."""
    t.secrets.append("UnspeakableKey")
    env = {"LLMOBS_HASH_KEY": "UnspeakableKey", "LLMOBS_REQUEST_TAGS": "hash"}
    data = body(user="someone", metadata={"owner": "ada@example.com"})
    r = t.same(curl(t.url, data), env=env, spans=1)
    tags = tags_of(r.only())
    equal((tags["user_id"], tags["owner"]),
          (keyed(b"someone"), keyed(b"ada@example.com")), "tags")
    equal(r.only()["meta"]["metadata"]["user"], keyed(b"someone"),
          "metadata.user")
    away = {"LLMOBS_EXPORTER": "agent",
            "DD_TRACE_AGENT_URL": "http://127.0.0.1:1"}
    for mode in "hash", "plain":
        for later in (dict(env, LLMOBS_REQUEST_TAGS=mode),
                      {"LLMOBS_REQUEST_TAGS": "hash"}):
            t.run(curl(t.url, data),
                  env=dict(env, **away, LLMOBS_REQUEST_TAGS=mode), check=False)
            (span,) = drained(t, dict(later, LLMOBS_EXPORTER="store"))
            has = [tags_of(span).get(n) for n in ("user_id", "owner")]
            lacks = "LLMOBS_HASH_KEY" not in later
            equal(has, [None, None] if lacks else
                  ["someone" if mode == "plain" else keyed(b"someone"),
                   keyed(b"ada@example.com")], "%s, then %s" % (mode, later))
            equal("sha256:" in json.dumps(span), False, "a plain hash")
