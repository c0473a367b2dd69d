"""The harness itself: launchers that do harm must be found out."""
import os

from harness import (Failure, accept, body, curl, equal, expect_llm, ok,
                     read_spans, test)

HARM = {
    "stdout": 'echo x; exec "$@"',
    "stderr": 'echo x >&2; exec "$@"',
    "exit status": '"$@"; exit 1',
    "names of the files": 'echo x > extra; exec "$@"',
    "file answer": '"$@"; c=$?; echo x >> answer; exit $c',
    "request 0, head": 'shift; exec curl -H "traceparent: x" "$@"',
    "request 0, method": 'shift; exec curl -X PUT "$@"',
    "request 0, body": 'for a; do shift; case $a in "{"*) a=$(echo "$a" | '
                       'tr h j);; esac; set -- "$@" "$a"; done; exec "$@"',
    "number of requests received": '"$@" > /dev/null 2>&1; exec "$@"',
}


@test
def harm_is_found(t):
    url = "http://127.0.0.1:%d/upload" % t.servers.http
    argv = curl(t.url, body(), "-o", "answer")
    t.compare(t.run(argv, preload=False), t.run(argv, launcher=["env"]))
    for what, script in HARM.items():
        if what.startswith("request 0"):
            argv = curl(url, body(), "-o", "/dev/null")
        ours = t.run(argv, launcher=["sh", "-c", script, "sh"])
        try:
            t.compare(t.run(argv, preload=False), ours)
        except Failure as e:
            ok(str(e).startswith(what), "%s was told as %s" % (what, e))
        else:
            raise Failure("not found: " + what)


@test
def secrets_are_found(t):
    script = ('mkdir -m 700 -p $LLMOBS_STORE_DIR; umask 077; '
              'echo "$*" > $LLMOBS_STORE_DIR/x; exec "$@"')
    try:
        t.run(curl(t.url, body()), launcher=["sh", "-c", script, "sh"])
    except Failure as e:
        ok("secret" in str(e), str(e))
    else:
        raise Failure("a key in the store was not found")
    try:
        t.run(curl(t.url, body()), launcher=[
            "sh", "-c", 'echo "$*" > $LLMOBS_LOG; exec "$@"', "sh"])
    except Failure as e:
        ok("secret" in str(e), str(e))
    else:
        raise Failure("a key in the log was not found")


@test
def bad_stores_are_found(t):
    os.mkdir(t.dir + "/s")
    for data in (b'{"a": 1', b"{}", '{"a": "\u00e9"}\n'.encode()):
        with open(t.dir + "/s/spans.jsonl", "wb") as f:
            f.write(data)
        try:
            read_spans(t.dir + "/s")
        except (Failure, KeyError):
            continue
        raise Failure("not found: %r" % data)


@test
def bad_spans_are_found(t):
    """One good span, then each of its parts spoilt."""
    good = t.same(curl(t.url, body())).only()
    expect_llm(good)
    spoilt = (
        dict(good, trace_id="12"), dict(good, span_id="0"),
        dict(good, span_id=5), dict(good, parent_id=""),
        dict(good, start_ns=1.5), dict(good, start_ns=1),
        dict(good, duration=-1), dict(good, status="fine"),
        dict(good, ml_app="x"), dict(good, metrics={"a.b": 1}),
        dict(good, metrics={"a": "1"}), dict(good, metrics={"a": True}),
        dict(good, tags=good["tags"][::-1]), dict(good, tags=good["tags"][1:]),
        dict(good, tags=good["tags"] + good["tags"][-1:]),
        dict(good, _dd=dict(good["_dd"], span_id="1")),
        dict(good, _dd=dict(good["_dd"], trace_id="0" * 32)),
        dict(good, _dd=dict(good["_dd"], sample_rate=1)),
        dict(good, status="error"),
        dict(good, meta=dict(good["meta"], span={"kind": "llms"})),
        dict(good, meta=dict(good["meta"], span={"kind": "workflow"})),
        dict(good, meta=dict(good["meta"], error={"type": "x"})),
        dict(good, meta=dict(good["meta"], input={"messages": [{}]})),
    )
    accept(good)
    for i, span in enumerate(spoilt):
        try:
            accept(span)
        except (Failure, KeyError, TypeError):
            continue
        raise Failure("spoilt span %d was accepted" % i)
    equal(len(spoilt), 23, "number of spoilt spans")
