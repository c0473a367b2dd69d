"""bash, curl, a gateway in PHP and its call of a model: four processes, one
trace, each span once, as `llmobs view` shows it; and what scripts nest."""
import os
import re
import subprocess
import sys

from delivery import stored, wait_for
from harness import (LAUNCHER, SUPPORT, Skip, body, equal, free_port, ok,
                     tags_of, test)
from test_gateways import ENTRY, EXAMPLES, WITH_ENTRY, Server, php

sys.path.append(SUPPORT)
from announce import announce  # noqa: E402

NOTES = """Parcels leave at noon.
A parcel that is lost is paid for.
Flowers are sent by bicycle.
"""
TREE = """agent
├─ search
└─ OpenAI.createChatCompletion
   └─ chat-proxy-entrypoint
      └─ OpenAI.createChatCompletion
"""


def shown(t):
    """The names of the tree."""
    done = subprocess.run([os.path.join(t.build, "llmobs"), "view"],
                          env=t.environment(True, {}), check=True,
                          stdout=subprocess.PIPE)
    lines = done.stdout.decode().splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("trace "))
    equal(sum(line.startswith("trace ") for line in lines), 1, "traces")
    return "".join(re.sub("  +(workflow|llm|retrieval|agent) .*", "", line) + "\n"
                   for line in lines[at + 1:])


@test
def agent_and_gateway(t):
    if not os.access("/bin/bash", os.X_OK):
        raise Skip("no bash")
    t.foreign_trace = True
    t.fresh({"notes": NOTES.encode()})
    upstream = t.url.replace("/chat/completions", "")
    service = {"DD_SERVICE": "chat-proxy", "DD_LLMOBS_ML_APP": None,
               "UPSTREAM": upstream, **WITH_ENTRY}
    with Server(php(), t.environment(True, service), free_port()) as server:
        gateway = "http://127.0.0.1:%d/chat.php" % server.port
        r = t.run(
            ["--ml-app", "support", "--workflow", "agent",
             os.path.join(EXAMPLES, "agent.sh"), "Where is my parcel"],
            keep=True, check=False, launcher=[LAUNCHER], env={
                "GATEWAY": gateway, "NOTES": "notes",
                "PATH": t.build + ":" + os.environ["PATH"],
                "DD_LLMOBS_INSTRUMENTED_PROXY_URLS": gateway,
                "DD_LLMOBS_ML_APP": None, "DD_SERVICE": "agent"})
        equal((r.code, r.stderr), (0, b""), "end of the agent")
        ok(b"Echo: Where is my parcel" in r.stdout, "answer: %r" % r.stdout)
        ok(wait_for(lambda: len(stored(t)) >= 5, 20), "spans are missing")
    equal(shown(t), TREE, "tree")
    spans = stored(t)
    equal(len({s["span_id"] for s in spans}), 5, "ids of spans")
    equal({tags_of(s)["ml_app"] for s in spans}, {"support"}, "ml_apps")
    entry = next(s for s in spans if s["name"] == ENTRY)
    ok("A parcel that is lost" in entry["meta"]["input"]["value"],
       "what was found is not asked with")


# ---- scripts -------------------------------------------------------------

SCRIPT = r"""
ask() { curl -q -sS -o /dev/null -H 'Content-Type: application/json' \
    -d "$BODY" "$URL"; }
export -f ask
llmobs-run --workflow inner bash -c ask
llmobs span --kind agent --name a -- bash -c '
    ask
    llmobs-run --workflow deep bash -c ask
    found=$(llmobs span --kind retrieval --name search --input "what is x" \
        --keep-output -- printf "one\ntwo\n")
    [ "$found" = "one
two" ]'
ask
"""
CALL = "OpenAI.createChatCompletion"
NESTED = """outer
├─ inner
│  └─ %s
├─ a
│  ├─ %s
│  ├─ deep
│  │  └─ %s
│  └─ search
└─ %s
""" % (CALL, CALL, CALL, CALL)


def script(t, **env):
    """Runs it in a workflow."""
    if not os.access("/bin/bash", os.X_OK):
        raise Skip("no bash")
    paths = [t.build, os.path.dirname(LAUNCHER), os.environ["PATH"]]
    r = t.run(["--workflow", "outer", "bash", "-c", SCRIPT], check=False,
              launcher=[LAUNCHER],
              env=dict({"PATH": ":".join(paths), "URL": t.url,
                        "BODY": body()}, **env))
    equal((r.code, r.stdout, r.stderr), (0, b"", b""), "end of the script")
    return stored(t)


@test
def workflows_and_spans_nest(t):
    spans = script(t)
    equal(len(spans), 9, "number of spans")
    equal(shown(t), NESTED, "tree")
    search = next(s for s in spans if s["name"] == "search")
    equal(search["meta"]["input"], {"value": "what is x"}, "input")
    equal([d["text"] for d in search["meta"]["output"]["documents"]],
          ["one", "two"], "documents")


@test
def script_behind_a_web_server(t):
    """As CGI starts it: all of it is the caller's."""
    for style in "tracecontext", "datadog":
        known, headers = announce("caller-app", style, 7)
        spans = script(t, **{
            "HTTP_" + n.upper().replace("-", "_"): v
            for n, v in (h.split(": ", 1) for h in headers)})
        equal(len(spans), 9, "number of spans")
        equal({s["trace_id"] for s in spans}, {known["trace_id"]}, "traces")
        equal({tags_of(s)["ml_app"] for s in spans}, {"caller-app"},
              "ml_apps")
        equal([s["name"] for s in spans
               if s["parent_id"] == known["span_id"]], ["outer"],
              "spans below the caller")
