"""Calls over websockets: each `response.create` that wants an answer is a span,
and the program does not notice."""
import json
import os

from delivery import agent, double, recovered, wait_for
from harness import (APPS, PYTHON, SECRET, Skip, accept, compiled, equal,
                     installed, ok, test)
from test_killed import Dying, kept
from test_node import MODULES, NODES, has_own
from websocket_server import Responses, Websockets

OF = "rest"
PACKAGES = "/usr/lib/python3/dist-packages/"
# The client, what shows that it is there, and what may be compressed.
CLIENTS = (("raw", PYTHON, ""),
           ("websocket_client", PACKAGES + "websocket", ""),
           ("threads", PACKAGES + "websocket", ""),
           ("websockets", PACKAGES + "websockets", "both ways"),
           ("aiohttp", PACKAGES + "aiohttp", "both ways"))
WARM_UP = {"generate": False, "input": ""}
TALK = (WARM_UP, {"previous_response_id": "resp_1"},
        {"previous_response_id": "resp_2", "times": 200},
        {"previous_response_id": "resp_3", "metadata": {"end": "incomplete"}})


def runs(t, client, *turns, spans, tls=False, compressed=None, **env):
    """The program's run against a server of its own, and what that got."""
    folder = os.path.dirname(t.servers.cert)
    with Websockets(handler=Responses, compressed=compressed,
                    tls=folder if tls else None) as server:
        r = t.same(client(server.url, t.servers.cert, *[
            x if isinstance(x, str) else json.dumps(x) for x in turns]),
            env=dict(env, LLMOBS_TLS="on", LLMOBS_SOCKETS="on", KEY=SECRET,
                     NODE_EXTRA_CA_CERTS=t.servers.cert, MODULES=MODULES or ""),
            spans=spans)
        seen = server.seen
    half = len(seen) // 2
    equal(seen[half:], seen[:half], "what the server got")
    return r, seen[:half]


def talks(t, client, packs, tls, **env):
    """A conversation on one connection, each way that it may be compressed."""
    for compressed in (None, "shared", "anew") if packs else (None,):
        r, seen = runs(t, client, *TALK, tls=tls, compressed=compressed,
                       spans=3, **env)
        equal([packed for _, packed in seen],
              [bool(compressed) and packs == "both ways"] * 4,
              "compressed messages")
        spans = sorted(r.spans, key=lambda s: s["start_ns"])
        for number, span in enumerate(spans, 1):
            accept(span)
            meta = span["meta"]
            equal((span["name"], span["status"], meta["model_name"],
                   meta["metadata"]["previous_response_id"]),
                  ("OpenAI.createResponse", "ok", "gpt-test",
                   "resp_%d" % number), "span")
            equal([m["content"] for m in meta["output"]["messages"]],
                  ["It is in Ulm."], "output")
            equal(span["metrics"]["output_tokens"], 5, "tokens")
            ok(span["metrics"]["time_to_first_token"] >= 0.04, "first token")
            equal([link["span_id"] for link in span.get("span_links", ())],
                  [before["span_id"] for before in spans[:number - 1][-1:]],
                  "links to the turn before")


def python(name):
    return lambda *args: [PYTHON, os.path.join(APPS, "ws_clients.py"), name,
                          *args]


def join(label, client, path, packs, **env):
    def plain(t):
        installed(path)
        talks(t, client, packs, False, **env)

    def tls(t):
        installed(path)
        talks(t, client, packs, True, **env)

    def ends(t):
        """A connection that is lost amid an answer is an error; one that the
        program leaves is none of the server's."""
        installed(path)
        # An event loop may see the end of TLS without a call of OpenSSL.
        for end, errors in (("failed", ["server_error"]),
                            ("error", ["rate_limit_exceeded"]),
                            ("close", ["connection_lost"]),
                            ("cut", ["connection_lost", "aborted"])):
            r, _ = runs(t, client, {"metadata": {"end": end}},
                        tls=end == "cut", spans=1, **env)
            ok(r.only()["meta"]["error"]["type"] in errors, "error of " + end)
        r, _ = runs(t, client, {}, "leave", spans=2, **env)
        equal(sorted(s["meta"].get("error", {}).get("type", "")
                     for s in r.spans), ["", "aborted"], "errors")

    for one in plain, tls, ends:
        one.__name__ = "%s_%s" % (label, one.__name__)
        one.__module__ = "test_websockets"
        test(one)


def node(path, name):
    def argv(url, ca, *turns):
        if not path or not has_own(path):
            raise Skip("no Node of its vendor's")
        return [path, "--no-warnings", *(
            ["--experimental-websocket"] * (name == "global")),
            os.path.join(APPS, "ws_clients.mjs"), name, url, ca, *turns]
    return argv


for row in CLIENTS:
    join(row[0], python(row[0]), *row[1:])
for version, binary in NODES.items():
    for row in (("global", "answers"),) * (version != "18") + (
            ("ws", "both ways"), ("openai", "both ways")) * bool(MODULES):
        join("node_%s%s" % (row[0], "_" + version if version else ""),
             node(binary, row[0]), PYTHON, row[1])


@test
def over_libcurl(t):
    """By its connection, with curl_easy_send and curl_easy_recv."""
    path = compiled(t, "ws_curl", "-D_GNU_SOURCE",
                    os.path.join(APPS, "ws_curl.c"), "-lcurl")
    r, _ = runs(t, lambda url, ca: [path, url], spans=2)
    for span in r.spans:
        equal([m["content"] for m in span["meta"]["output"]["messages"]],
              ["It is in Ulm."], "output")


@test
def killed(t):
    """A kill amid an answer leaves the call in the spool, without its keys."""
    stalls = json.dumps({"input": "where is it?", "metadata": {"end": "stall"}})
    with Websockets(handler=Responses) as server, double(t) as dd, Dying(
            t, dict(agent(dd), LLMOBS_SOCKETS="on", KEY=SECRET)) as dying:
        dying.start(*python("raw")(server.url, "", json.dumps(WARM_UP), stalls))
        ok(wait_for(lambda: b"where is it?" in kept(t), 20), "a call on disk")
        ok(SECRET.encode() not in kept(t), "a key is on disk")
        dying.kill()
        span, = recovered(t, dd, agent(dd), 1)
        equal((span["meta"]["error"]["type"], span["meta"]["input"]["messages"]),
              ("process_killed", [{"content": "where is it?", "role": "user"}]),
              "the span")
