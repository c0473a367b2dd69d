"""bash, curl, a gateway in PHP and its call of a model: four processes, one
trace, each span once, as `llmobs view` shows it."""
import os
import re
import subprocess

from delivery import stored, wait_for
from harness import LAUNCHER, Skip, equal, free_port, ok, tags_of, test
from test_gateways import ENTRY, EXAMPLES, WITH_ENTRY, Server, php

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
    return "".join(re.sub("  +(workflow|llm|retrieval) .*", "", line) + "\n"
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
