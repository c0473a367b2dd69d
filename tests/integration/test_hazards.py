"""Hazards that only show in the spans, or under a setting, of the programs of
tests/clients; and places that refuse to be written."""
import base64
import json
import os
import shutil
import socket
import subprocess
import threading

from delivery import counts
from harness import (ALL_REQUESTS, LAUNCHER, Skip, body, curl, equal,
                     expect_error, expect_llm, ok, short, test)
from websocket_server import Websockets

UNSUPPORTED = 1  # CURLE_UNSUPPORTED_PROTOCOL
LIST = "DD_LLMOBS_INSTRUMENTED_PROXY_URLS"
ASKED = "say hello to the test"


def case(t, name, spans, program, *more, **env):
    """One case, bare and preloaded."""
    path = os.path.join(t.build, "tests", "clients", program)
    if not os.path.exists(path):
        raise Skip("tests/clients is not built")
    # Its two requests begin at once.
    order = not more and name != "added_unseen"
    return t.same([path, name, base(t), *more], env=env, spans=spans,
                  order=order, answers=not more)


def base(t):
    return "http://127.0.0.1:%d" % t.servers.http


def inputs(result):
    return [s["meta"]["input"].get("value") for s in result.spans]


@test
def buffers_of_the_program(t):
    """Read as they were when the call began, whatever becomes of them."""
    r = case(t, "buffer_changed", 3, "body_cases")
    equal([s["meta"]["input"]["messages"][0]["content"] for s in r.spans],
          [ASKED, "say more of it", ASKED], "prompts")


@test
def bodies_that_are_replaced(t):
    """The span has the body that was sent, whichever of two that is."""
    for name in "fields_goes", "string_goes":
        r = case(t, name, 13, "memory_cases")
        sent = [json.loads(base64.b64decode(q["body"]))["messages"][0]["content"]
                for q in r.requests]
        equal(sorted(s["meta"]["input"]["messages"][0]["content"]
                     for s in r.spans), sorted(sent), "prompts of " + name)
        ok(len(set(sent)) == 2, "one body alone was sent")


@test
def lists_that_libcurl_reads_once(t):
    """The span of a second transfer has no fields of the list, which may be
    gone: also where this libcurl would read it again."""
    r = case(t, "form_goes_between", 6, "memory_cases")
    known = [s["meta"].get("model_name") == "whisper-1" for s in r.spans]
    equal(known, [True, False, True, False, False, False], "models")


@test
def bodies_that_go_later(t):
    """The span has the body that was sent, at the end of it all, and none where
    none was."""
    def content(text):
        return json.loads(text)["messages"][0]["content"]

    r = case(t, "fields_late", 14, "memory_cases")
    sent = [content(base64.b64decode(q["body"])) for q in r.requests
            if b"HTTP/1.1 200" in base64.b64decode(q["response"])]
    equal(sorted(s["meta"]["input"]["messages"][0]["content"] for s in r.spans),
          sorted(sent), "prompts")
    r = case(t, "fields_refused", 4, "memory_cases")
    ok(all("input" not in s["meta"] for s in r.spans),
       "a prompt of what was refused")
    r = case(t, "fields_unanswered", 2, "memory_cases")
    equal([s["meta"]["model_name"] for s in r.spans], ["hang"] * 2, "models")


@test
def bodies_that_another_transfer_replaces(t):
    """The span has the body that was sent; the newer one in so many calls."""
    for name, newer in ("begins", 4), ("waits", 4), ("connects", 2):
        r = case(t, name, None, "beside_cases",
                 "https://127.0.0.1:%d" % t.servers.tls)
        equal([s["meta"]["input"]["messages"][0]["content"] for s in
               r.spans].count("now something newer 1"), newer, "in " + name)


@test
def bodies_with_zero_bytes(t):
    r = case(t, "zero_bytes", 2, "body_cases", **{LIST: base(t)})
    equal(inputs(r), ["[binary]", "[binary]"], "inputs")


@test
def forms_to_a_proxy(t):
    """libcurl hands the app's pointers to the app's reader, not to ours."""
    for name, size in ("form_stream", 92), ("mime_callback", 93):
        r = case(t, name, 1, "body_cases", **{LIST: base(t)})
        equal(inputs(r), ['{"body": {"bytes": %d}}' % size],
              "input of " + name)


@test
def resumed_uploads_to_a_proxy(t):
    """Bytes that libcurl reads and drops are in the input, too: a known limit.
    8.23 reads nothing and fails."""
    r = case(t, "upload_resumed", 2, "body_cases", **{LIST: base(t)})
    for span, text in zip(r.spans, inputs(r)):
        if span["status"] == "ok":
            ok(text.endswith(ASKED + "\"}]}"), "input: " + short(text))
        else:
            equal(text, "", "input of a failed one")


@test
def more_push_functions_than_places(t):
    t.secrets.append("sk-SECRETKEY")
    r = t.same([os.path.join(t.build, "tests", "clients", "push_cases"),
                "many_functions", t.servers.push], order=False, answers=False,
               spans=4)
    lines = [x for x in r.log.splitlines() if "push callbacks" in x]
    equal(len(lines), 1, "log lines: " + short(str(lines)))


@test
def a_process_of_one_thread(t):
    r = case(t, "unshared", 2, "process_cases", SHOW_UNSHARED="1",
             LLMOBS_THREAD="off")
    if os.geteuid() == 0:
        ok(b"setns=0" in r.stdout, "the bare program may not")


def speaks(t, name, turns=0):
    """A case over libcurl's own websockets, bare and preloaded: first as it is,
    then with settings that capture all and name the server a gateway. The bytes
    and results are the same, and no span is made. Gives the last run, and the
    frames sent."""
    more = {}
    if "LLMOBS_TEST_LIBCURL" in os.environ:
        more["LD_LIBRARY_PATH"] = os.environ["LLMOBS_TEST_LIBCURL"]
    program = os.path.join(t.build, "tests", "clients", "hazard_cases")
    for all_of_it in False, True:
        with Websockets(turns) as server:
            if all_of_it:
                more.update({LIST: server.url, "LLMOBS_INJECT": "all",
                             "LLMOBS_RULES": ALL_REQUESTS})
            r = t.same([program, name, server.url], env=more, spans=0)
        if r.stdout == b"rc=%d\n" % UNSUPPORTED:
            raise Skip("this libcurl has no websockets")
        bare, ours = server.seen
        equal(ours, bare, "what the server got")
    return r, [x for x in ours if isinstance(x, tuple)]


@test
def websockets(t):
    """Frames pass as they came, whole, in parts and in fragments."""
    for name in "websocket", "websocket_multi":
        r, frames = speaks(t, name)
        equal(r.stdout.count(b"response.done"), 4, "responses")
        equal([f[0] for f in frames], [1, 1, 1, 1, 1, 1, 0, 8],
              "kinds of the frames sent")


@test
def websockets_by_a_write_callback(t):
    r, frames = speaks(t, "websocket_written", 1)
    equal(r.stdout.count(b"response.done"), 1, "responses")
    ok(b", 0 bare: " in r.stdout, "libcurl said of a piece no frame")
    equal(len(frames), 1, "frames sent")


def mounted(t, script):
    """A launcher before whom `script` has mounted on $1, the store's folder;
    nobody else sees it."""
    store = os.path.join(t.dir, "mounted")
    os.mkdir(store)
    argv = ["unshare", "-m", "sh", "-c", script + ' && shift && exec "$@"',
            "sh", store]
    if not shutil.which("unshare") or subprocess.run(
            argv + ["true"], stderr=subprocess.DEVNULL).returncode:
        raise Skip("no mount namespace")
    return argv, store


def without_a_store(t, script):
    launcher, store = mounted(t, script)
    argv = curl(t.url, body(), t.url, t.url)
    bare = t.run(argv, preload=False, launcher=launcher)
    ours = t.run(argv, launcher=launcher + [LAUNCHER],
                 env={"LLMOBS_STORE_DIR": store})
    t.compare(bare, ours)
    equal(os.listdir(store), [], "files below the mount")
    lines = [x for x in ours.log.splitlines()
             if "store" in x.lower() and " debug" not in x.lower()]
    equal(len(lines), 1, "log lines: " + short(str(lines)))


@test
def read_only_file_system(t):
    without_a_store(t, 'mount --bind "$1" "$1" && '
                       'mount -o remount,bind,ro "$1"')


@test
def file_system_that_is_full(t):
    without_a_store(t, 'mount -t tmpfs -o size=8k tmpfs "$1" && '
                       'chmod 700 "$1" && '
                       '(head -c 100000 /dev/zero > "$1/all" || true) '
                       '2> /dev/null')


@test
def several_hosts_of_one_handle(t):
    r = case(t, "other_host", 3, "hazard_cases")
    for span in r.spans:
        expect_llm(span, ASKED, model="gpt-4o-mini")


@test
def paused_and_given_again(t):
    """Bytes that libcurl delivers again after a pause are in the span once."""
    for program in ("easy_cases", "edge_cases", "multi_cases"):
        r = case(t, "paused", 1, program)
        expect_llm(r.only(), ASKED, model="gpt-4o-mini", stream=True,
                   usage=False)


@test
def changed_within_a_callback(t):
    """The bytes that the app's new callback gets are in the span as well."""
    r = case(t, "set_inside", 2, "multi_cases")
    expect_llm(r.spans[0], ASKED, model="slow", stream=True, usage=False)
    r = case(t, "changed_in_callback", 2, "easy_cases")
    for span in r.spans:
        expect_llm(span, ASKED, model="gpt-4o-mini", stream=True, usage=False)


@test
def sizes_of_a_body(t):
    """The size in force when it was set, and -1 for a string."""
    for name, spans in (("copied", 2), ("string_sized", 1)):
        r = case(t, name, spans, "easy_cases")
        for span in r.spans:
            expect_llm(span, ASKED, model="gpt-4o-mini")


@test
def handles_that_nobody_saw_made(t):
    """Of their calls the span has what the program set since, and what libcurl
    tells: nothing is guessed."""
    r = case(t, "performed", 2, "unseen_cases")
    for span in r.spans:
        meta = span["meta"]
        equal((span["status"], meta["model_name"], span["metrics"]),
              ("ok", "unknown_model", {}), "status, model, tokens")
        ok("input" not in meta and "output" not in meta, "it has content")
        equal(meta["metadata"]["truncated"]["unseen"], True, "unseen")
        ok("http.status_code:200" in span["tags"], span["tags"])
        ok(span["duration"] > 0, "duration")
    r = case(t, "reset", 3, "unseen_cases")
    expect_llm(r.spans[2], ASKED, model="gpt-4o-mini")
    for name in "set_whole", "set_partly":
        r = case(t, name, 2, "unseen_cases")
        for span in r.spans:
            expect_llm(span, ASKED, model="gpt-4o-mini")
    r = case(t, "header_data", 3, "unseen_cases")
    equal(["output" in span["meta"] for span in r.spans], [False, False, True],
          "outputs where the write function may get headers")
    r = case(t, "set_later", 3, "unseen_cases")
    meta = r.spans[1]["meta"]
    equal(meta["input"]["messages"][0]["content"], ASKED, "prompt")
    ok("output" not in meta, "it has an output")
    truncated = meta["metadata"]["truncated"]
    equal((truncated["unseen"], "request_bytes" in truncated), (True, False),
          "truncated")
    r = case(t, "added_unseen", 2, "unseen_cases")
    equal(r.spans[0]["meta"]["metadata"]["truncated"]["unseen"], True, "unseen")
    expect_llm(r.spans[1], ASKED, model="gpt-4o-mini")
    equal(counts(t)["unjudged"], 1, "requests that may have been calls")


@test
def options_that_libcurl_refuses(t):
    """A body that it refuses is no body, nor is the one before it."""
    for name, spans in (("refused_copy", 2), ("refused_first", 1)):
        r = case(t, name, spans, "option_cases")
        for span in r.spans:
            expect_llm(span, "say hello to the others", model="gpt-4o-mini")


@test
def targets_of_requests(t):
    """CURLOPT_REQUEST_TARGET has the path, and of a whole URL the host."""
    where = "http://127.0.0.1:%d" % t.servers.http
    r = t.same(curl(where + "/", body("one"), "--request-target",
                    "/v1/chat/completions?a=b"), spans=1)
    expect_llm(r.only(), "one")
    # A proxy gets it as it stands; so a proxy that makes no tunnel leads it.
    for more in ([], ["-x", where]):
        r = t.same(curl(where + "/v1/models", body("two"), "--request-target",
                        "https://api.openai.com/v1/chat/completions", *more),
                   spans=1, env={"LLMOBS_INJECT": "all"})
        equal(r.only()["meta"]["model_provider"], "openai", "provider")
        ok(not any(n.lower() == "traceparent"
                   for n, _ in r.requests[0]["headers"]),
           "trace headers to a host that is not the target's")
    t.same(curl(t.url, body(), "--request-target", "*"), spans=0)


@test
def uploads_sent_twice(t):
    """Rewound for a redirect, by whatever means: in the span once."""
    for program, name, spans in (("easy_cases", "read_redirected", 2),
                                 ("easy_cases", "file_redirected", 2),
                                 ("edge_cases", "fmem_redirected", 1),
                                 ("edge_cases", "ioctl_redirected", 2)):
        r = case(t, name, spans, program)
        expect_llm(r.spans[0], ASKED, model="redirect-307")


@test
def failures_of_a_multi(t):
    """The span has the error of info_read, not the removal after it."""
    r = case(t, "failing", 1, "multi_cases")
    expect_error(r.only(), "CURLE_COULDNT_CONNECT", prompt=ASKED)


@test
def headers_within_the_body(t):
    """CURLOPT_HEADER: the app's body has them, the span's has not."""
    r = case(t, "header_in_body", 3, "easy_cases")
    for span in r.spans[:2]:
        expect_llm(span, ASKED, model="gpt-4o-mini", stream=True, usage=False)
    expect_llm(r.spans[2], ASKED, model="gpt-4o-mini")


MOVED = (b"HTTP/1.1 307 Moved\r\nContent-Type: text/plain\r\nLocation: /v1/chat"
         b"/completions\r\nContent-Length: 0\r\n\r\n")
EVENTS = b"".join(b"data: %s\n\n" % json.dumps({
    "model": "m", "choices": [{"index": 0, "delta": delta,
                               "finish_reason": finish}]}).encode()
    for delta, finish in (({"role": "assistant", "content": "one"}, None),
                          ({"content": " two"}, "stop"))) + b"data: [DONE]\n\n"


def redirect_to_events(listener):
    with listener.accept()[0] as peer:
        for answer in (MOVED, b"HTTP/1.1 200 OK\r\nContent-Type: text/event-"
                       b"stream\r\nConnection: close\r\n\r\n" + EVENTS):
            got = b""
            while not got.endswith(b"]}"):
                got += peer.recv(65536)
            peer.sendall(answer)


@test
def rounds_before_the_answer(t):
    """A redirect's words about itself are not the answer's: here, that it is no
    stream."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=redirect_to_events, args=(listener,),
                                  daemon=True)
        thread.start()
        r = t.run(curl("http://127.0.0.1:%d/v1/chat/completions"
                       % listener.getsockname()[1], body(), "-L"))
        thread.join(10)
    equal(r.code, 0, "exit status")
    equal(r.only()["meta"]["output"]["messages"],
          [{"role": "assistant", "content": "one two"}], "output")
