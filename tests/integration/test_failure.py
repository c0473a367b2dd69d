"""Calls that fail: the app sees what it would have seen, the span says it."""
import os
import socket

from delivery import counts
from harness import (APPS, SECRET, SUPPORT, Failure, body, compiled, curl,
                     equal, expect_error, expect_llm, free_port, ok, short,
                     tags_of, test)


@test
def http_errors(t):
    for model, kind, status in (
            ("error-401", "invalid_api_key", 401),
            ("error-429", "rate_limit_exceeded", 429),
            ("error-500", "server_error", 500),
            ("error-503", "service_unavailable", 503),
            ("html-502", "http_502", 502)):
        for stream in (False, True):
            r = t.same(curl(t.url, body(model=model, stream=stream)))
            expect_error(r.only(), kind, status=status)


@test
def error_texts(t):
    span = t.same(curl(t.url, body(model="error-429"))).only()
    equal(span["meta"]["error"]["message"],
          "Rate limit reached for requests. Please try again in 1s.",
          "error.message")
    span = t.same(curl(t.url, body(model="html-502"))).only()
    equal(span["meta"]["error"]["message"], "HTTP 502", "error.message")


@test
def key_in_an_error_text_is_masked(t):
    r = t.same(curl(t.url, body(model="error-401")))
    ok(SECRET.encode() in r.stdout, "the server did not echo the key")
    message = r.only()["meta"]["error"]["message"]
    ok(message.startswith("Incorrect API key provided:"), message)


@test
def malformed_json(t):
    r = t.same(curl(t.url, body(model="malformed")))
    span = r.only()
    equal(span["status"], "ok", "status")
    equal(span["meta"]["output"]["messages"][0]["content"],
          r.stdout.decode(), "output")
    equal(span["metrics"], {}, "metrics")


@test
def empty_answer(t):
    span = t.same(curl(t.url, body(model="empty"))).only()
    expect_error(span, "empty_response", status=200)


@test
def truncated_stream(t):
    r = t.same(curl(t.url, body("a b c d", model="truncated-stream",
                                stream=True)))
    equal(r.code, 18, "exit status")
    expect_error(r.only(), "CURLE_PARTIAL_FILE", prompt="a b c d",
                 output="Echo: a", role="assistant", status=200)


@test
def truncated_body(t):
    r = t.same(curl(t.url, body(model="truncated-body")))
    equal(r.code, 18, "exit status")
    span = r.only()
    equal(span["status"], "error", "status")
    equal(span["meta"]["error"]["type"], "CURLE_PARTIAL_FILE", "error.type")
    equal(span["metrics"], {}, "metrics")


@test
def stream_without_an_end(t):
    r = t.same(curl(t.url, body(model="no-finish", stream=True)))
    equal(r.code, 0, "exit status")
    expect_error(r.only(), "incomplete_stream", output="Echo: hello there",
                 role="assistant", status=200)


@test
def error_within_a_stream(t):
    r = t.same(curl(t.url, body("a b c d", model="stream-error",
                                stream=True)))
    expect_error(r.only(), "overloaded", "The model ran out of steam.",
                 prompt="a b c d", output="Echo: a", role="assistant",
                 status=200)


@test
def time_out_without_an_answer(t):
    argv = curl(t.url, body(model="hang"), "--max-time", "0.4")
    argv[2] = "-s"  # the message holds a time
    r = t.same(argv)
    equal(r.code, 28, "exit status")
    span = expect_error(r.only(), "CURLE_OPERATION_TIMEDOUT")
    ok(span["meta"]["error"]["message"], "error.message is empty")
    ok(0.3e9 < span["duration"] < 5e9, "duration %d" % span["duration"])


@test
def time_out_within_a_stream(t):
    argv = curl(t.url, body("a b c d", model="stall", stream=True),
                "--max-time", "0.5")
    argv[2] = "-s"
    r = t.same(argv)
    equal(r.code, 28, "exit status")
    expect_error(r.only(), "CURLE_OPERATION_TIMEDOUT", prompt="a b c d",
                 output="Echo: a", role="assistant", status=200)


@test
def connection_dropped(t):
    r = t.same(curl(t.url, body(model="drop")))
    equal(r.code, 52, "exit status")
    expect_error(r.only(), "CURLE_GOT_NOTHING")


def expect_unsent(span, kind):
    """No request was made; the body was read as the transfer ended."""
    expect_error(span, kind)
    equal(span["meta"]["model_name"], "gpt-test", "model")
    ok(span["meta"]["error"]["message"], "error.message is empty")


@test
def connection_refused(t):
    url = "http://127.0.0.1:%d/v1/chat/completions" % free_port()
    argv = curl(url, body())
    argv[2] = "-s"
    r = t.same(argv)
    equal(r.code, 7, "exit status")
    expect_unsent(r.only(), "CURLE_COULDNT_CONNECT")


@test
def refused_by_an_unknown_host(t):
    """Of a body that comes from a function nothing is read, so the path has to
    say that it was a call; where it says too little there is no span, and the
    count of those tells of it."""
    port = free_port()
    here = "http://127.0.0.1:%d" % port
    telling = ("/v1/models/m:generateContent", "/model/m/converse")
    others = ("/api/chat", "/api/generate", "/v1/messages", "/v1/responses",
              "/v1/embeddings", "/v1/completions")
    r = t.same(["curl", "-s", "-X", "POST", *(
        word for path in telling + others for word in ("-T", "-", here + path))],
               stdin=body().encode(), spans=len(telling))
    for span in r.spans:
        equal(span["meta"]["error"]["type"], "CURLE_COULDNT_CONNECT", "type")
    said = counts(t)
    equal([said["captured"], said["unconfirmed"]],
          [len(telling + others), len(others)], "counts")


@test
def refused_by_a_known_host(t):
    port = free_port()
    argv = curl("http://api.anthropic.com/v1/messages", body(), "--connect-to",
                "api.anthropic.com:80:127.0.0.1:%d" % port)
    argv[2] = "-s"
    r = t.same(argv)
    equal(r.code, 7, "exit status")
    equal(r.only()["meta"]["model_provider"], "anthropic", "provider")


@test
def name_unknown(t):
    argv = curl("http://nowhere.invalid/v1/chat/completions", body(),
                "--resolve", "x.invalid:80:127.0.0.1")
    r = t.same(argv)
    equal(r.code, 6, "exit status")
    expect_unsent(r.only(), "CURLE_COULDNT_RESOLVE_HOST")


@test
def certificate_not_trusted(t):
    r = t.same(curl("https://127.0.0.1:%d/v1/chat/completions"
                    % t.servers.tls, body()))
    equal(r.code, 60, "exit status")
    expect_unsent(r.only(), "CURLE_PEER_FAILED_VERIFICATION")


def unsent(t, how, way, url, kind, *more):
    """The span of a call that libcurl never sends, by tests' apps/unsent.c."""
    program = compiled(t, "unsent", "-O1", "-Wno-deprecated-declarations",
                       os.path.join(APPS, "unsent.c"), "-lcurl")
    form = how in ("mime", "form")
    r = t.same([program, how, way, url + ("/v1/audio/transcriptions" if form
                                          else "/v1/chat/completions"),
                "whisper-1" if form else body(), *more], spans=1)
    ok(b", 0 reads, at 0\n" in r.stdout, r.stdout)
    meta = r.only()["meta"]
    equal(meta["error"]["type"], kind, "error.type")
    asked = meta.get("input", {}).get("messages", [])
    ok(all(m["content"] for m in asked), "an empty message: %s" % asked)
    return meta["model_name"], [m["content"] for m in asked]


HAS = ("gpt-test", ["hello there"])


@test
def a_body_that_was_not_sent(t):
    """By each way to give one, and in each way to drive it: the memory that an
    option names is read as the transfer ends, and not later; no function and no
    file is."""
    refused = "http://127.0.0.1:%d" % free_port()
    with socket.create_server(("127.0.0.1", 0)) as mute:
        beside = "http://127.0.0.1:%d/x" % mute.getsockname()[1]
        for how, want in (("string", HAS), ("fields", HAS), ("copy", HAS),
                          ("read", None), ("file", None),
                          ("mime", "whisper-1"), ("form", "whisper-1")):
            for way in "easy", "multi", "beside":
                model, asked = unsent(t, how, way, refused,
                                      "CURLE_COULDNT_CONNECT", "-", beside)
                what = "%s, %s: %s, %s" % (how, way, model, asked)
                if how in ("mime", "form"):
                    equal(model, want, what)
                elif want:
                    equal((model, asked), want, what)
                else:
                    equal((model, asked), ("unknown_model", []), what)


@test
def a_request_that_was_not_made(t):
    """However it failed."""
    refused = "http://127.0.0.1:%d" % free_port()
    with socket.create_server(("127.0.0.1", 0)) as mute:
        silent = "//127.0.0.1:%d" % mute.getsockname()[1]
        for url, kind, *more in (
                ("http://nowhere.invalid", "CURLE_COULDNT_RESOLVE_HOST"),
                ("https://127.0.0.1:%d" % t.servers.tls,
                 "CURLE_PEER_FAILED_VERIFICATION"),
                ("https:" + silent, "CURLE_OPERATION_TIMEDOUT"),
                ("http://model.test", "CURLE_COULDNT_CONNECT", refused),
                ("https://model.test", "CURLE_RECV_ERROR",
                 "http://127.0.0.1:%d" % t.servers.http)):
            for way in "easy", "multi":
                equal(unsent(t, "fields", way, url, kind, *more), HAS,
                      "%s, %s" % (url, way))


@test
def a_body_that_a_callback_frees(t):
    """It ends the transfer: libcurl reads nothing more, nor does the library."""
    with socket.create_server(("127.0.0.1", 0)) as mute:
        unsent(t, "fields", "abort", "https://127.0.0.1:%d"
               % mute.getsockname()[1], "CURLE_ABORTED_BY_CALLBACK")


@test
def retries_are_spans_of_their_own(t):
    argv = curl(t.url, body(model="error-503"), "--retry", "2",
                "--retry-delay", "1")
    argv[2] = "-s"
    r = t.same(argv, spans=3)
    for span in r.spans:
        expect_error(span, "service_unavailable", status=503)


@test
def reader_goes_away(t):
    """curl | head: curl is told by a write error."""
    argv = ["sh", "-c", '"$@" | head -c 100; true', "sh"] + curl(
        t.url, body(model="big", stream=True))
    argv[argv.index("-sS")] = "-s"
    bare = t.run(argv, preload=False)
    ours = t.run(argv)
    equal(ours.stdout, bare.stdout, "stdout")
    span = ours.only()
    equal(span["meta"]["span"]["kind"], "llm", "kind")


@test
def bad_request_bodies(t):
    for data in (b"", b"{", b"[]", b"{}", b"null", b'{"model": 5}',
                 b'{"model": "gpt-test", "messages": "text"}',
                 b'{"model": "gpt-test", "messages": [{"role": "user"}]}',
                 b'{"model": "gpt-test", "messages": [null, 7, [], {}]}',
                 b'{"model": "\xff\xfe", "messages": []}',
                 b'\xef\xbb\xbf{"model": "gpt-test", "messages": []}',
                 b"[" * 5000, b'{"a":' * 5000,
                 b'{"model": "gpt-test", "messages": [], "n": 1e999}',
                 b'{"model": "gpt-test", "messages": [], "seed": '
                 b'123456789012345678901234567890}'):
        r = t.same(curl(t.url, "@f"), inputs={"f": data})
        ok(len(r.spans) <= 1, "spans for " + short(data))
        host = ("https://api.openai.com/v1/chat/completions", "@f",
                "--cacert", t.servers.cert, "--connect-to",
                "api.openai.com:443:127.0.0.1:%d" % t.servers.tls)
        if data:
            r = t.same(curl(*host), inputs={"f": data})
            equal(len(r.spans), 1, "spans for %s to a known host"
                  % short(data))


@test
def store_is_not_writable(t):
    """As root a mode stops nobody: a file stands where the folder should."""
    path = os.path.join(t.dir, "blocked")
    with open(path, "w"):
        pass
    r = t.same(curl(t.url, body(), t.url, t.url),
               env={"LLMOBS_STORE_DIR": path + "/store"})
    equal(r.spans, [], "spans")
    ok(r.log, "the log is empty")
    lines = [x for x in r.log.splitlines() if path + "/store" in x or
             "store" in x.lower()]
    ok(lines, "the log does not say it: " + short(r.log))
    equal(len([x for x in lines if " debug" not in x.lower()]), 1,
          "log lines: " + short(str(lines)))


@test
def store_on_a_full_disk(t):
    r = t.same(curl(t.url, body()), env={"LLMOBS_STORE_DIR": "/dev/full"})
    equal(r.spans, [], "spans")


@test
def log_is_not_writable(t):
    r = t.same(curl(t.url, body()), env={"LLMOBS_LOG": "/dev/full"})
    expect_llm(r.only())
    r = t.same(curl(t.url, body()), env={"LLMOBS_LOG": t.dir + "/no/such"})
    expect_llm(r.only())


@test
def bad_rules_file(t):
    files = {"empty": b"", "text": b"rules!", "cut": b'{"rules": [',
             "type": b'{"rules": 7}', "list": b"[1, 2]", "bin": bytes(256)}
    for name, data in files.items():
        r = t.same(curl(t.url, body(), t.url), spans=2, inputs={name: data},
                   env={"LLMOBS_RULES": name})
        for span in r.spans:
            expect_llm(span)
        ok(r.log_count(r"^.*rules.*$") >= 1,
           "%s: the log does not say it: %s" % (name, short(r.log)))
    r = t.same(curl(t.url, body()), env={"LLMOBS_RULES": "/no/such/file"})
    expect_llm(r.only())
    ok(r.log_count(r"^.*(LLMOBS_RULES|/no/such/file|rules).*$") >= 1,
       "the log does not say it: " + short(r.log))


@test
def bad_values(t):
    for name in ("DD_LLMOBS_SAMPLE_RATE", "LLMOBS_CAPTURE_MAX",
                 "LLMOBS_STORE_MAX", "LLMOBS_EXIT_FLUSH_MS",
                 "DD_LLMOBS_EVENT_SIZE_BYTES", "_DD_LLMOBS_WRITER_INTERVAL"):
        for value in ("many", "-5", "1e99", "99999999999999999999999", " "):
            r = t.same(curl(t.url, body(), t.url), env={name: value}, spans=2)
            for span in r.spans:
                expect_llm(span)
            lines = [x for x in r.log.splitlines() if name in x]
            ok(len(lines) <= 1, "%s=%s: said %d times" % (name, value,
                                                          len(lines)))
            if value == "many":
                equal(len(lines), 1, "%s=many: log lines" % name)


@test
def bad_exporter_and_level(t):
    r = t.same(curl(t.url, body()), env={"LLMOBS_LOG_LEVEL": "loud"})
    expect_llm(r.only())
    r = t.same(curl(t.url, body()), env={"LLMOBS_EXPORTER": "pigeon"})
    ok("LLMOBS_EXPORTER" in r.log or "pigeon" in r.log,
       "the log does not say it: " + short(r.log))


@test
def killed_before_and_within(t):
    """SIGKILL: the app ends as it would; the store has whole lines only."""
    data = body("word " * 500, model="slow", stream=True)
    for when in (0.15, b"data: "):
        r = t.run(curl(t.url, data, "-N"), kill_after=when)
        equal(r.code, -9, "exit status")
        ok(len(r.spans) <= 1, "spans")


@test
def terminated_within(t):
    argv = ["timeout", "-s", "TERM", "0.5"] + curl(
        t.url, body("word " * 500, model="slow", stream=True), "-o", "out")
    bare = t.run(argv, preload=False)
    ours = t.run(argv)
    equal((ours.code, ours.stderr, ours.stdout),
          (bare.code, bare.stderr, bare.stdout), "end")


@test
def read_only_and_homeless(t):
    """No HOME, no store directory, nothing writable but the log."""
    r = t.same(curl(t.url, body()), env={"HOME": None, "TMPDIR": None})
    expect_llm(r.only())


@test
def core_is_missing(t):
    """The shim alone passes everything through."""
    build = os.path.join(t.dir, "half")
    os.mkdir(build)
    for name in ("libllmobs_preload.so",):
        with open(os.path.join(t.build, name), "rb") as a, \
                open(os.path.join(build, name), "wb") as b:
            b.write(a.read())
    argv = curl(t.url, body())
    bare = t.run(argv, preload=False)
    ours = t.run(argv, launcher=["env"], env={
        "LD_PRELOAD": os.path.join(build, "libllmobs_preload.so"),
        "DD_LLMOBS_ENABLED": "1"})
    t.compare(bare, ours)
    equal(ours.store_exists, False, "store")


@test
def core_is_garbage(t):
    build = os.path.join(t.dir, "half")
    os.mkdir(build)
    with open(os.path.join(t.build, "libllmobs_preload.so"), "rb") as a, \
            open(os.path.join(build, "libllmobs_preload.so"), "wb") as b:
        b.write(a.read())
    with open(os.path.join(build, "libllmobs_core.so"), "wb") as b:
        b.write(b"\x7fELF garbage")
    argv = curl(t.url, body())
    bare = t.run(argv, preload=False)
    ours = t.run(argv, launcher=["env"], env={
        "LD_PRELOAD": os.path.join(build, "libllmobs_preload.so"),
        "DD_LLMOBS_ENABLED": "1"})
    t.compare(bare, ours)


def under_limits(t, *scripts, **env):
    for limits in scripts:
        argv = ["sh", "-c", limits + '; exec "$@"', "sh"] + curl(
            t.url, body())
        bare = t.run(argv, preload=False)
        ours = t.run(argv, env=env)
        try:
            t.compare(bare, ours)
        except Failure as e:
            raise Failure("under %s: %s" % (limits, e))
        ok(len(ours.spans) <= 1, "spans under " + limits)


@test
def low_limits(t):
    """Few descriptors, little memory for the stack, for data, for all."""
    under_limits(t, "ulimit -n 12", "ulimit -n 6", "ulimit -s 256",
                 "ulimit -c 0; ulimit -u 4096", "ulimit -v 200000",
                 "ulimit -v 40000", "ulimit -d 2000", "ulimit -d 3000")


@test
def locked_memory(t):
    """A program that locks all it takes from now on has its whole limit for
    itself; without a limit it is observed."""
    program = compiled(t, "locked", "-O1", os.path.join(APPS, "locked.c"),
                       "-lcurl", "-lpthread")
    for most in 4 << 20, 7 << 20:
        ours = t.same([program, str(most), t.url, body()], spans=0)
        equal(ours.code, 0, "status")
        t.same([program, str(most), t.url, body(), "initialised"])
    if os.geteuid() == 0:
        t.same([program, "0", t.url, body()], spans=1)
        for kib in 40, 60, 80, 100:  # it has what is left of its heap
            t.same([program, str(kib << 10), t.url, body(), "handle"])


@test
def files_may_not_grow(t):
    """The kernel's signal for that kills; it may not be of our making."""
    under_limits(t, "ulimit -f 0", LLMOBS_LOG=None)


@test
def files_may_not_grow_nor_the_log(t):
    under_limits(t, "ulimit -f 0")


@test
def tags_tell_the_error(t):
    tags = tags_of(t.same(curl(t.url, body(model="error-500"))).only())
    equal((tags["error"], tags["error_type"], tags["http.status_code"]),
          ("1", "server_error", "500"), "tags")


@test
def short_of_memory(t):
    """Each allocation that a call makes fails once: the program sees nothing of
    it, and the call is counted, as what became of it."""
    library = compiled(t, "bad_memory.so", "-O1", "-shared", "-fPIC",
                       os.path.join(SUPPORT, "bad_memory.c"), "-ldl")
    program = compiled(t, "short", "-O1", os.path.join(APPS, "short.c"),
                       "-lcurl")
    calls = 9
    for how, lost in ("easy", 0), ("multi", 1):
        r = t.run([program, str(calls), how, t.url, body()],
                  env={"LD_PRELOAD": library})
        equal([r.code, r.stdout], [0, b"0\n" * calls], how)
        said = counts(t)
        equal(said["captured"], calls, "calls that are counted, by " + how)
        equal([said["delivered"], said["dropped_by_reason"]["memory"]],
              [calls - lost, lost], "what became of them")
