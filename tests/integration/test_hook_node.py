"""Servers in Node that know nothing of traces, under `llmobs-run --inbound`
(hooks/node), and programs in Node that the hook must not disturb."""
import json
import os
import shutil

from delivery import double
from harness import EMULATOR, Skip, equal, free_port, ok, succeeds, test
from test_fpm import preload
from test_gateways import (Server, announce, belongs, connect, kind_of,
                           of_strangers, prompt_of, settings, violations)
from test_hooks import (INBOUND, after_the_answer, app, ask, serve, serve_calls,
                        serve_many)

OF = "rest"
PATHS = ["/ask", "/fetch", "/pieces", "/callbacks"]


def node():
    path = shutil.which("node")
    if not path or EMULATOR:
        raise Skip("no node")
    return [path, app("gateway.cjs"), "@port"]


@test
def node_http(t):
    serve(t, node(), PATHS)
    serve_calls(t, node())


@test
def node_with_entry(t):
    serve(t, node(), PATHS, LLMOBS_ENTRY="my-gateway", LLMOBS_ENTRY_CONTENT="1")


@test
def node_at_once(t):
    serve_many(t, node(), asks=True)


@test
def node_of_strangers(t):
    of_strangers(t, node(), free_port(), LLMOBS_INBOUND="1")


@test
def node_after_the_answer(t):
    after_the_answer(t, node())


def shown(t, argv, **more):
    """What a server sees of the hook, bare and observed, in a request with a
    caller; and the spans that it made."""
    with double(t) as dd:
        env = settings(t, dd, **more)
        headers = announce("app-a", "datadog", 1)[1]
        answers = []
        for launcher in (), INBOUND:
            with Server(argv, env, free_port(), launcher) as server:
                connection = connect(server.port)
                answers += [ask(connection, "prompt-1", headers, path)[2]
                            for path in ("/ask", "/shows")]
                connection.close()
                spans = dd.wait_spans(1, 20) if launcher else []
    equal(answers[2], answers[0], "answers")
    return [json.loads(a) for a in answers[1::2]], spans


@test
def node_notices_nothing(t):
    """Not the options, the modules, the stacks and the listeners; with the
    variable or without it."""
    other = os.path.join(t.dir, "other.cjs")
    with open(other, "w") as f:
        f.write("globalThis.other = process.env.NODE_OPTIONS")
    for options in None, "--require %s --stack-trace-limit=50" % other:
        (bare, seen), spans = shown(t, node(), NODE_OPTIONS=options)
        equal(seen, bare, "what the program sees")
        belongs(spans[0], announce("app-a", "datadog", 1)[0], ("app-a", "datadog"))


@test
def node_by_options(t):
    """Without addons the hook works; with the permission model Node runs as it
    does without the library."""
    program = node()
    known = announce("app-a", "datadog", 1)[0]
    (bare, seen), spans = shown(t, [program[0], "--no-addons", *program[1:]])
    equal(seen, bare, "what the program sees")
    belongs(spans[0], known, ("app-a", "datadog"))
    for name in "--permission", "--experimental-permission":
        argv = [program[0], "--no-warnings", name, "--allow-fs-read=*"]
        if not succeeds(*argv, "-e", "1"):
            continue
        (bare, seen), spans = shown(t, argv + program[1:])
        equal(seen, bare, "what the program sees")
        ok(spans[0]["trace_id"] != known["trace_id"], "trace")


@test
def node_without_the_hook(t):
    """Node starts although the hook's file is gone: in another root, or after
    an uninstall; and a program's own words and status stay."""
    gone = os.path.join(t.dir, "gone.cjs")
    code = "console.log(process.env.NODE_OPTIONS); null.x"
    bare = t.run([node()[0], "-e", code], preload=False)
    for env in ({"LLMOBS_NODE_HOOK": gone}, {"LLMOBS_NODE_HOOK": t.dir + '/"'},
                {"LLMOBS_INBOUND": "1"}):
        direct = "LLMOBS_NODE_HOOK" in env
        r = t.run([node()[0], "-e", code], preload=not direct,
                  env=dict(env, **(preload(t) if direct else {})))
        equal((r.code, r.stdout, r.stderr), (bare.code, bare.stdout, bare.stderr),
              "what it said with %r" % env)


@test
def node_that_lacks_a_function(t):
    """The hook gives no parent that it needs the function for, counts that, and
    the log names it."""
    lacks = os.path.join(t.dir, "lacks.cjs")
    with open(lacks, "w") as f:
        f.write("require('tls').TLSSocket.prototype._finishInit = null")
    argv = [node()[0], "--require", lacks, *node()[1:]]
    log = os.path.join(t.dir, "hook.log")
    _, spans = shown(t, argv, LLMOBS_LOG=log)
    belongs(spans[0], announce("app-a", "datadog", 1)[0], ("app-a", "datadog"))
    with open(log) as f:
        ok("_finishInit" in f.read(), "the log")
