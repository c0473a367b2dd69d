"""The curl command, in all the ways in which it sends a request."""
import gzip
import json
import os
import re

from harness import (SECRET, Skip, body, curl, equal, expect_error, expect_llm,
                     expect_proxy, ok, short, tags_of, test)
from serving import Handler, serving


@test
def plain(t):
    r = t.same(curl(t.url, body()))
    span = expect_llm(r.only())
    equal(span["parent_id"], "undefined", "parent_id")
    equal(tags_of(span)["ml_app"], "it", "ml_app")
    ok(span["duration"] > 0, "duration is 0")


@test
def streamed(t):
    r = t.same(curl(t.url, body("tell me a story", stream=True)))
    expect_llm(r.only(), "tell me a story", stream=True, usage=False)


@test
def streamed_with_usage(t):
    r = t.same(curl(t.url, body(stream=True,
                                stream_options={"include_usage": True}),
                    "-N"))
    span = expect_llm(r.only(), stream=True)
    equal(span["meta"]["metadata"]["stream_options"], {"include_usage": True},
          "metadata.stream_options")


@test
def data_from_file(t):
    r = t.same(curl(t.url, "@request.json"),
               inputs={"request.json": body().encode()})
    expect_llm(r.only())


@test
def data_binary_from_stdin(t):
    r = t.same(curl(t.url, None, "--data-binary", "@-"),
               stdin=body().encode())
    expect_llm(r.only())


@test
def json_option(t):
    r = t.same(["curl", "-q", "-sS", "--json", body(), t.url])
    expect_llm(r.only())


@test
def upload_from_stdin_chunked(t):
    r = t.same(curl(t.url, None, "-X", "POST", "-T", "-"),
               stdin=body("from stdin").encode())
    equal(r.requests[0]["headers"].count(["Transfer-Encoding", "chunked"]), 1,
          "chunked upload")
    expect_llm(r.only(), "from stdin")


@test
def upload_of_a_file(t):
    r = t.same(curl(t.url, None, "-X", "POST", "-T", "request.json"),
               inputs={"request.json": body().encode()})
    expect_llm(r.only())


@test
def upload_large_by_read_callback(t):
    prompt = "word " * 60000 + "end"
    r = t.same(curl(t.url, None, "-X", "POST", "-T", "-", "-o", "answer"),
               stdin=body(prompt).encode())
    expect_llm(r.only(), prompt)


@test
def upload_that_is_no_call(t):
    """A candidate until its body is known: then no span."""
    t.same(curl(t.url, None, "-X", "POST", "-T", "-"), spans=0,
           stdin=b'{"colour": "red"}')


@test
def expect_100_continue(t):
    prompt = "word " * 300000
    r = t.same(curl(t.url, "@request.json", "-o", "answer", "-H",
                    "Expect: 100-continue"),
               inputs={"request.json": body(prompt).encode()})
    expect_llm(r.only(), prompt)


class Early(Handler):
    """Begins its answer while most of the request is under way."""

    def handle_expect_100(self):
        return True

    def do_POST(self):
        self.rfile.read(50000)
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n")
        self.rfile.read(int(self.headers["Content-Length"]) - 50000)
        self.wfile.write(b"Content-Length: 2\r\n\r\n{}")


@test
def secret_across_the_end_of_what_was_sent(t):
    """A key that the first bytes of a body cut is masked in all of it."""
    key = "sk-proj-0aB1cD2eF3gH4iJ5kL6mN7oP8qR9sT0uV1wX2yZ3aB4cD5eF6"
    with serving(Early, "/v1/chat/completions") as url:
        r = t.run(curl(url, "@request.json", "-H", "Expect: 100-continue",
                       "--expect100-timeout", "0.1", "--limit-rate", "200k"),
                  inputs={"request.json": body((key + " ") * 5000).encode()})
    prompt = r.only()["meta"]["input"]["messages"][0]["content"]
    equal({word[-24:] for word in prompt.split()}, {20 * "*" + key[-4:]},
          "what is left of a key")


@test
def multipart_to_chat_is_no_call(t):
    t.same(curl(t.url, None, "-F", "model=gpt-test", "-F", "file=@f.txt"),
           spans=0, inputs={"f.txt": b"some text\n"})


@test
def multipart_to_proxy(t):
    url = "http://127.0.0.1:%d/upload" % t.servers.http
    r = t.same(curl(url, None, "-F", "purpose=test", "-F", "file=@f.txt",
                    "-w", "%{http_code}", "-o", "/dev/null"),
               inputs={"f.txt": b"some text\n" * 1000}, answers=False,
               env={"DD_LLMOBS_INSTRUMENTED_PROXY_URLS":
                    "http://127.0.0.1:%d" % t.servers.http})
    meta = r.only()["meta"]
    equal(meta["span"]["kind"], "workflow", "kind")
    equal(json.loads(meta["input"]["value"]),
          {"purpose": "test", "file": {}}, "input")
    equal(r.only()["name"], "llm_proxy.request", "name")


@test
def compressed_option(t):
    r = t.same(curl(t.url, body(model="gzip"), "--compressed"))
    expect_llm(r.only(), model="gzip")


@test
def deflate_coding(t):
    r = t.same(curl(t.url, body(model="deflate"), "--compressed"))
    expect_llm(r.only(), model="deflate")


@test
def compressed_request(t):
    """The request's own body: on any host, and behind a listed gateway."""
    packed = {"body.gz": gzip.compress(body().encode())}
    argv = curl(t.url, None, "-H", "Content-Type: application/json", "-H",
                "Content-Encoding: gzip", "--data-binary", "@body.gz")
    for proxy in (None, t.url.rsplit("/v1", 1)[0]):
        env = {"DD_LLMOBS_INSTRUMENTED_PROXY_URLS": proxy} if proxy else None
        r = t.same(argv, inputs=packed, env=env)
        span = r.only()
        equal(span["name"], "OpenAI.createChatCompletion", "name")
        ok("hello there" in str(span["meta"]["input"]), "the input was read")


@test
def compressed_other_request(t):
    """Compressed, and no LLM call after all."""
    packed = {"body.gz": gzip.compress(b'{"rows": [1, 2]}')}
    t.same(curl(t.url, None, "-H", "Content-Type: application/json", "-H",
                "Content-Encoding: gzip", "--data-binary", "@body.gz"),
           inputs=packed, spans=0)


@test
def compressed_stream(t):
    r = t.same(curl(t.url, body(model="gzip", stream=True), "--compressed"))
    expect_llm(r.only(), model="gzip", stream=True, usage=False)


@test
def accept_encoding_by_hand(t):
    r = t.same(curl(t.url, body(model="gzip"), "-H", "Accept-Encoding: gzip",
                    "-o", "raw.gz"))
    equal(r.files["raw.gz"][:2], b"\x1f\x8b", "the app's bytes")
    expect_llm(r.only(), model="gzip")


@test
def deflate_by_hand(t):
    r = t.same(curl(t.url, body(model="deflate"), "-H",
                    "Accept-Encoding: deflate", "-o", "raw"))
    expect_llm(r.only(), model="deflate")


@test
def compressed_stream_by_hand(t):
    r = t.same(curl(t.url, body(model="gzip", stream=True), "-H",
                    "Accept-Encoding: gzip", "-o", "raw.gz"))
    span = r.only()
    equal(span["meta"]["output"], {"messages": [
        {"content": "Echo: hello there", "role": "assistant"}]}, "output")
    equal(span["status"], "ok", "status")


@test
def other_codings_by_hand(t):
    """br and zstd: read where the build found their libraries, else a span
    that says so."""
    with open(os.path.join(t.build, "codings")) as f:
        built = f.read()
    for coding, library in (("br", "brotli"), ("zstd", "zstd")):
        for stream in (False, True):
            r = t.same(curl(t.url, body(model=coding, stream=stream), "-H",
                            "Accept-Encoding: " + coding, "-o", "raw"))
            ok(b"hello" in r.files["raw"], "the app's bytes")
            text = "Echo: hello there" if library in built else \
                "[encoded: %s]" % coding
            message = r.only()["meta"]["output"]["messages"][0]
            equal(message["content"], text, coding)
            equal(r.only()["status"], "ok", "status")


@test
def gzip_unasked(t):
    r = t.same(curl(t.url, body(model="gzip-force"), "-o", "raw.gz"))
    expect_llm(r.only(), model="gzip-force")


@test
def http2_prior_knowledge(t):
    if not t.servers.h2c:
        raise Skip("no nghttpx")
    url = "http://127.0.0.1:%d/v1/chat/completions" % t.servers.h2c
    r = t.same(curl(url, body(), "--http2-prior-knowledge", "-w",
                    "%{http_version}"))
    ok(r.stdout.endswith(b"2"), "not HTTP/2: " + short(r.stdout))
    expect_llm(r.only())
    r = t.same(curl(url, body(stream=True), "--http2-prior-knowledge"))
    expect_llm(r.only(), stream=True, usage=False)


@test
def http2_over_tls(t):
    if not t.servers.h2:
        raise Skip("no nghttpx")
    url = "https://127.0.0.1:%d/v1/chat/completions" % t.servers.h2
    for stream in (False, True):
        data = body(stream=True) if stream else body()
        r = t.same(curl(url, data, "--http2", "--cacert", t.servers.cert,
                        "-w", "%{http_version}"))
        ok(r.stdout.endswith(b"2"), "not HTTP/2: " + short(r.stdout))
        expect_llm(r.only(), stream=stream, usage=not stream)


@test
def http2_parallel(t):
    """Eight streams of one connection."""
    if not t.servers.h2:
        raise Skip("no nghttpx")
    url = "https://127.0.0.1:%d/v1/chat/completions" % t.servers.h2
    argv = ["curl", "-q", "-Z"]
    for i in range(8):
        argv += (["--next"] if i else []) + [
            "-s", "--no-progress-meter", "--http2", "--cacert",
            t.servers.cert, "-o", "f%d" % i, "--json", body("number %d" % i),
            url]
    r = t.same(argv, spans=8, order=False)
    equal(r.code, 0, "exit status")
    for span in r.spans:
        prompt = span["meta"]["input"]["messages"][0]["content"]
        expect_llm(span, prompt)
    equal(len({s["trace_id"] for s in r.spans}), 8, "number of traces")


@test
def http_1_0(t):
    r = t.same(curl(t.url, body(stream=True), "--http1.0"))
    expect_llm(r.only(), stream=True, usage=False)


@test
def parallel(t):
    argv = ["curl", "-q", "-s", "--no-progress-meter", "-Z", "--parallel-max",
            "10"]
    for i in range(20):
        argv += (["--next", "-s", "--no-progress-meter"] if i else [])
        argv += ["-o", "f%d" % i, "--json",
                 body("number %d" % i, stream=i % 2 == 0), t.url]
    r = t.same(argv, spans=20, order=False)
    prompts = set()
    for span in r.spans:
        prompt = span["meta"]["input"]["messages"][0]["content"]
        prompts.add(prompt)
        equal(span["meta"]["output"]["messages"][0]["content"],
              "Echo: " + prompt, "output")
        equal(span["status"], "ok", "status")
    equal(len(prompts), 20, "number of different prompts")


@test
def parallel_mixed_with_errors(t):
    argv = ["curl", "-q", "-s", "--no-progress-meter", "-Z"]
    # One transfer that fails: of two, either may give curl its exit status.
    models = ("gpt-test", "error-429", "slow", "truncated-stream")
    for i, model in enumerate(models):
        argv += (["--next", "-s", "--no-progress-meter"] if i else [])
        # On a connection that was used before a failure may be tried again.
        argv += ["-o", "f%d" % i, "-H", "Connection: close", "--json",
                 body(model=model, stream=True), t.url]
    r = t.same(argv, spans=4, order=False)
    equal(sorted(s["status"] for s in r.spans),
          ["error", "error", "ok", "ok"], "statuses")


@test
def redirect_followed(t):
    r = t.same(curl(t.url, body(model="redirect-307"), "-L", "-w",
                    "%{num_redirects} %{url_effective}"))
    equal(len(r.requests), 2, "requests")
    expect_llm(r.only(), model="redirect-307")


@test
def redirect_of_a_chunked_upload(t):
    """The upload has to be rewound, which stdin cannot do."""
    t.same(curl(t.url, None, "-X", "POST", "-T", "-", "-L"), spans=1,
           stdin=body(model="redirect-307").encode())


@test
def redirect_of_a_file_upload(t):
    r = t.same(curl(t.url, None, "-X", "POST", "-T", "request.json", "-L"),
               inputs={"request.json": body(model="redirect-307").encode()})
    expect_llm(r.only(), model="redirect-307")


@test
def redirect_to_another_host(t):
    r = t.same(curl(t.url, body(model="redirect-other"), "-L"))
    equal(len(r.requests), 2, "requests")
    expect_llm(r.only(), model="redirect-other")


@test
def redirect_not_followed(t):
    r = t.same(curl(t.url, body(model="redirect-307")))
    expect_error(r.only(), "http_307", "HTTP 307", status=307)


@test
def digest_authentication(t):
    url = "http://127.0.0.1:%d/auth/v1/chat/completions" % t.servers.http
    t.secrets.append("pw-Unspeakable77")
    r = t.same(["curl", "-q", "-sS", "--digest", "-u",
                "user:pw-Unspeakable77", "--json", body(), url])
    equal([x["method"] for x in r.requests], ["POST", "POST"], "rounds")
    expect_llm(r.only())


@test
def any_authentication(t):
    t.secrets.append("pw-Unspeakable77")
    r = t.same(["curl", "-q", "-sS", "--anyauth", "-u",
                "user:pw-Unspeakable77", "--json", body(model="auth"), t.url])
    equal(len(r.requests), 2, "rounds")
    expect_llm(r.only(), model="auth")


@test
def basic_authentication(t):
    t.secrets.append("pw-Unspeakable77")
    r = t.same(["curl", "-q", "-sS", "-u", "user:pw-Unspeakable77", "--json",
                body(model="auth"), t.url])
    expect_llm(r.only(), model="auth")


@test
def headers_in_the_output(t):
    r = t.same(curl(t.url, body(), "-i"))
    ok(r.stdout.startswith(b"HTTP/1.1 200"), "no headers: " + short(r.stdout))
    expect_llm(r.only())
    r = t.same(curl(t.url, body(stream=True), "-i"))
    expect_llm(r.only(), stream=True, usage=False)


@test
def headers_to_files(t):
    r = t.same(curl(t.url, body(), "-D-", "-o", "answer"))
    ok(r.stdout.startswith(b"HTTP/1.1 200"), "no headers")
    expect_llm(r.only())
    r = t.same(curl(t.url, body(), "-D", "head", "-o", "answer"))
    ok(r.files["head"].startswith(b"HTTP/1.1 200"), "no headers")
    expect_llm(r.only())


@test
def head_request(t):
    url = "http://127.0.0.1:%d/v1/models" % t.servers.http
    t.same(curl(url, None, "-I"), spans=0)


@test
def output_options(t):
    """%{size_request} counts added headers, so there are none here."""
    r = t.same(curl(t.url, body(), "-o", "answer", "-w",
                    "%{http_code} %{size_download} %{size_upload} "
                    "%{size_request} %{size_header} %{num_connects} "
                    "%{num_redirects} %{content_type} %{method} %{scheme} "
                    "%{url_effective} %{exitcode} %{errormsg} %{onerror}"
                    "%{stderr}to stderr\n"), env={"LLMOBS_INJECT": "none"})
    expect_llm(r.only())
    r = t.same(curl(t.url, body(), "--create-dirs", "-o", "a/b/answer"))
    expect_llm(r.only())


@test
def output_to_a_full_disk(t):
    r = t.same(curl(t.url, body(), "-o", "/dev/full"))
    equal(r.code, 23, "exit status")
    span = r.only()
    equal(span["status"], "error" if span["meta"].get("error") else "ok",
          "status")


@test
def verbose_output(t):
    """The output of -v is the same, but for ports and the times, and for added
    headers, of which there are none here."""
    argv = curl(t.url, body(), "-v", "--trace-ascii", "-",
                silent=True)
    bare = t.run(argv, preload=False)
    ours = t.run(argv, env={"LLMOBS_INJECT": "none"})
    lines = [[re.sub(rb"( port) \d+ $", rb"\1", line)
              for line in x.stdout.splitlines()
              if not line.startswith(b"== Info:")] for x in (bare, ours)]
    equal(lines[1], lines[0], "trace")
    expect_llm(ours.only())


@test
def fail_option(t):
    r = t.same(curl(t.url, body(model="error-401"), "--fail"))
    equal(r.code, 22, "exit status")
    expect_error(r.only(), "http_401", "HTTP 401", status=401)


@test
def fail_with_body(t):
    r = t.same(curl(t.url, body(model="error-429"), "--fail-with-body"))
    equal(r.code, 22, "exit status")
    span = r.only()
    expect_error(span, "rate_limit_exceeded", status=429)
    told = span["meta"]["metadata"]["transfer"]
    equal((told["retry_after"], told["request_id"],
           told["ratelimit_tokens_remaining"]), (1, "req_of_429", 0),
          "what the provider tells")


@test
def rate_limited(t):
    r = t.same(curl(t.url, body("word " * 4000), "--limit-rate", "60k", "-o",
                    "answer"))
    expect_llm(r.only(), "word " * 4000)


@test
def several_urls_reuse_the_handle(t):
    r = t.same(curl(t.url, body(), t.url, t.url), spans=3)
    for span in r.spans:
        expect_llm(span)
    equal(len({s["span_id"] for s in r.spans}), 3, "span ids")
    equal(len({s["trace_id"] for s in r.spans}), 3, "trace ids")


@test
def next_option(t):
    models = "http://127.0.0.1:%d/v1/models" % t.servers.http
    r = t.same(curl(t.url, body("one"), t.url, "--next", "-sS", "--json",
                    body("two", stream=True), t.url, "--next", "-sS",
                    models)[:-1], spans=2)
    expect_llm(r.spans[0], "one")
    expect_llm(r.spans[1], "two", stream=True, usage=False)


@test
def not_a_call(t):
    base = "http://127.0.0.1:%d" % t.servers.http
    t.same(curl(base + "/v1/models"), spans=0)
    t.same(curl(base + "/upload", body()), spans=0)
    t.same(curl(base + "/chat", '{"message": "x"}'), spans=0)
    t.same(curl(base + "/nothing/here", "a=b"), spans=0)
    t.same(curl(t.url), spans=0)
    t.same(curl(t.url, None, "-X", "DELETE"), spans=0)
    t.same(curl(t.url, "not json", "-H", "Content-Type: text/plain"), spans=0)
    t.same(["curl", "-q", "-sS", "file:///etc/hostname"], spans=0)
    t.same(["curl", "--version"], spans=0)


@test
def methods_with_a_body(t):
    t.same(curl(t.url, body(), "-X", "PUT"), spans=0)
    t.same(curl(t.url, body(), "-X", "post"))


@test
def tool_calls(t):
    tools = [{"type": "function", "function": {
        "name": "lookup", "description": "looks up",
        "parameters": {"type": "object", "properties": {}}}}]
    for stream in (False, True):
        data = body("find it", tools=tools, temperature=0, stream=stream)
        span = t.same(curl(t.url, data)).only()
        message = span["meta"]["output"]["messages"][0]
        call = message["tool_calls"][0]
        equal((call["name"], call["arguments"], call["type"]),
              ("lookup", {"query": "find it"}, "function"), "tool call")
        ok(call["tool_id"].startswith("call_"), "tool_id")
        equal(span["meta"]["tool_definitions"], [
            {"name": "lookup", "description": "looks up",
             "schema": {"type": "object", "properties": {}}}],
            "tool_definitions")
        equal(span["meta"]["metadata"]["temperature"], 0,
              "metadata.temperature")


@test
def reasoning(t):
    for stream in (False, True):
        span = t.same(curl(t.url, body(model="reasoning",
                                       stream=stream))).only()
        equal(span["meta"]["output"]["messages"], [
            {"content": "Let me think.", "role": "reasoning"},
            {"content": "Echo: hello there", "role": "assistant"}], "output")


@test
def usage_unknown_is_absent(t):
    r = t.same(curl(t.url, body(model="no-usage")))
    expect_llm(r.only(), model="no-usage", usage=False)


@test
def text_of_all_kinds(t):
    prompt = "\u00e4\u20ac\U0001f600 \"quoted\" \\ \n\t line \x7f \u2028 end"
    for stream in (False, True):
        data = json.dumps({"model": "gpt-test", "stream": stream, "messages": [
            {"role": "user", "content": prompt}]}, ensure_ascii=False)
        span = t.same(curl(t.url, "@r"), inputs={"r": data.encode()}).only()
        equal(span["meta"]["input"]["messages"][0]["content"], prompt, "input")
        equal(span["meta"]["output"]["messages"][0]["content"],
              "Echo: " + prompt, "output")


@test
def large_answer(t):
    r = t.same(curl(t.url, body(model="big"), "-o", "answer"))
    ok(len(r.files["answer"]) > 1 << 20, "size of the answer")
    text = r.only()["meta"]["output"]["messages"][0]["content"]
    equal(len(text), 1 << 20, "length of the output")
    r = t.same(curl(t.url, body(model="big", stream=True), "-o", "answer"))
    text = r.only()["meta"]["output"]["messages"][0]["content"]
    equal(len(text), 1 << 20, "length of the output")


@test
def huge_answer(t):
    for stream in (False, True):
        r = t.same(curl(t.url, body(model="huge", stream=stream), "-o",
                        "answer"))
        span = r.only()
        equal(span["status"], "ok", "status (%s)" % short(
            span["meta"].get("error")))
        ok(len(json.dumps(span)) < 5000000, "size of the event")
        ok("collection_errors" in span or
           "truncated" in span["meta"]["metadata"], "loss is not told")


@test
def default_host_over_tls(t):
    """Feature, first case: no base URL set."""
    r = t.same(curl("https://api.openai.com/v1/chat/completions", body(),
                    "--cacert", t.servers.cert, "--connect-to",
                    "api.openai.com:443:127.0.0.1:%d" % t.servers.tls))
    expect_llm(r.only(), provider="openai")


@test
def listed_proxy_over_tls(t):
    """Feature, second case: a base URL that is listed."""
    r = t.same(curl("https://gw.example/v1/chat/completions", body(),
                    "--cacert", t.servers.cert, "--connect-to",
                    "gw.example:443:127.0.0.1:%d" % t.servers.tls),
               env={"DD_LLMOBS_INSTRUMENTED_PROXY_URLS":
                    "https://gw.example"})
    expect_proxy(r.only())


@test
def unlisted_base_url_over_tls(t):
    """Feature, third case: a base URL that is not listed."""
    r = t.same(curl("https://gw.example/v1/chat/completions", body(),
                    "--cacert", t.servers.cert, "--connect-to",
                    "gw.example:443:127.0.0.1:%d" % t.servers.tls),
               env={"DD_LLMOBS_INSTRUMENTED_PROXY_URLS":
                    "https://other.example"})
    expect_llm(r.only(), provider="unknown")


@test
def through_the_sample_gateway(t):
    base = "http://127.0.0.1:%d" % t.servers.gateway
    env = {"DD_LLMOBS_INSTRUMENTED_PROXY_URLS": base}
    r = t.same(curl(base + "/v1/chat/completions", body(stream=True)), env=env,
               order=False)
    expect_proxy(r.only())
    r = t.same(curl(base + "/chat", '{"message": "hi you"}'), env=env,
               order=False)
    span = r.only()
    equal(span["name"], "llm_proxy.request", "name")
    equal(span["meta"]["input"], {"value": '{"message": "hi you"}'}, "input")
    equal(span["meta"]["output"], {"value": '{"reply": "Echo: hi you"}'},
          "output")
    equal(tags_of(span)["integration"], "http", "tag integration")
    equal(tags_of(span)["ml-proxy"], "custom", "tag ml-proxy")


@test
def through_an_http_proxy(t):
    """CURLOPT_PROXY is transport: the URL decides."""
    t.secrets.append("pxUnspeakable8")
    proxy = "http://127.0.0.1:%d" % t.servers.gateway
    env = {"NO_PROXY": None, "no_proxy": None,
           "DD_LLMOBS_INSTRUMENTED_PROXY_URLS": proxy}
    options = ("-x", proxy, "--proxy-user", "me:pxUnspeakable8")
    r = t.same(curl(t.url, body(), *options), env=env, order=False)
    equal(sorted(x["listener"] for x in r.requests), ["gateway", "http"],
          "listeners")
    expect_llm(r.only())
    r = t.same(curl("https://api.openai.com/v1/chat/completions",
                    body(stream=True), "--cacert", t.servers.cert, "-i",
                    *options), env=env, order=False)
    equal(sorted(x["method"] for x in r.requests), ["CONNECT", "POST"],
          "methods")
    expect_llm(r.only(), provider="openai", stream=True, usage=False)


@test
def azure_deployment(t):
    host = "res.openai.azure.com"
    t.secrets.append("azKeyUnspeakable5")
    r = t.same(["curl", "-q", "-sS", "--cacert", t.servers.cert,
                "--connect-to", "%s:443:127.0.0.1:%d" % (host, t.servers.tls),
                "-H", "api-key: azKeyUnspeakable5", "--json", body(),
                "https://%s/openai/deployments/dep1/chat/completions"
                "?api-version=2024-06-01" % host])
    expect_llm(r.only(), provider="azure_openai",
               name="AzureOpenAI.createChatCompletion")


@test
def unspeakable_header(t):
    """The key of the common requests did reach the server."""
    r = t.same(curl(t.url, body()))
    ok(["Authorization", "Bearer " + SECRET] in r.requests[0]["headers"],
       "Authorization was not sent")
