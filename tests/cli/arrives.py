#!/usr/bin/python3
"""Why nothing arrives: after one call, each command says the same words, and they
lead to the mend.

usage: arrives.py DIR [PART]...

DIR: of llmobs and llmobs-run, built or installed.
"""
import http.server
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
from checks import check  # noqa: E402

BUILD, *PARTS = sys.argv[1:]
TMP = tempfile.mkdtemp(prefix="llmobs-arrives.")
KEY = "0123456789abcdef0123456789abcdef"
BASE = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": TMP, "NO_PROXY": "*",
        "LLMOBS_EXIT_FLUSH_MS": "20000",  # an answer on a busy machine
        "LLMOBS_CONFIG": os.path.join(TMP, "empty.conf")}
open(BASE["LLMOBS_CONFIG"], "w").close()
if os.path.exists(BUILD + "/libllmobs_preload.so"):
    BASE["LLMOBS_BUILD"] = BUILD
COMMANDS = (("stats",), ("stats", "--check=1"), ("drain",), ("view",),
            ("doctor", "--no-self-test", "curl"))


class Peer(http.server.BaseHTTPRequestHandler):
    """A model, an agent and a receiver in one; the last two answer by
    `status`."""

    status = 403

    def answer(self, status, body=b"{}"):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.answer(200, b'{"endpoints": ["/evp_proxy/v2/"]}')

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(200 if "chat" in self.path else self.status)

    def log_message(self, *what):
        pass


def serve():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Peer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return "http://127.0.0.1:%d" % server.server_port


URL, MODEL = serve(), serve()  # the library spares its own peers


def run(env, *argv, user=None):
    """The status, and what it says."""
    as_user = ["setpriv", "--reuid=%d" % user, "--clear-groups"] if user else []
    done = subprocess.run(as_user + list(argv), env=dict(BASE, **env), cwd="/",
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          encoding="utf-8", timeout=100)
    return done.returncode, done.stdout


def call(env, user=None):
    run(env, BUILD + "/llmobs-run", "curl", "-s", "-H",
        "Content-Type: application/json", "-d", '{"model": "m", "messages": []}',
        MODEL + "/v1/chat/completions", user=user)


def expect(name, env, words, doctors, user=None, quiet=()):
    """`words`: of each command; `doctors`: the doctor's status and words."""
    call(env, user)
    time.sleep(2.1)  # --check=1 is about what has lasted
    for command in COMMANDS:
        if command[0] in quiet:
            continue
        status, text = run(env, BUILD + "/llmobs", *command, user=user)
        wrong = [w for w in words if w not in text]
        if command[0] == "doctor":
            wrong += [w for w in doctors[1:] if w not in text]
            wrong += ["status"] if status != doctors[0] else []
        if KEY in text or "hunter2" in text:
            wrong.append("a secret")
        check("%s: %s" % (name, " ".join(command[:2])), not wrong,
              (wrong, text))


def newcomer():
    """Each way in which the first ten minutes may fail."""
    def place(name):
        return {"LLMOBS_STORE_DIR": os.path.join(TMP, name)}

    nobody, since = "http://127.0.0.1:1", " has accepted nothing since 20"
    for name, env, words, doctors in (
            ("no agent", {"LLMOBS_EXPORTER": "agent",
                          "DD_TRACE_AGENT_URL": "http://u:hunter2@127.0.0.1:1"},
             ["agent " + nobody + since, "Connection refused: start the agent, "
              "or name its address in DD_TRACE_AGENT_URL"], (1, "NO " + nobody)),
            ("no agent, by its host", {"LLMOBS_EXPORTER": "agent",
                                       "DD_AGENT_HOST": "127.0.0.1",
                                       "DD_TRACE_AGENT_PORT": "1"},
             ["agent " + nobody + since, "start the agent, or correct "
              "DD_AGENT_HOST and DD_TRACE_AGENT_PORT"], (1, "NO " + nobody)),
            ("no agent, by an older name", {
                "LLMOBS_EXPORTER": "agent", "DD_AGENT_HOST": "localhost",
                "DD_TRACE_AGENT_HOSTNAME": "127.0.0.1", "DD_AGENT_PORT": "1"},
             ["agent " + nobody + since, "or correct DD_TRACE_AGENT_HOSTNAME "],
             (1, "NO " + nobody)),
            ("an agent that refuses", {"LLMOBS_EXPORTER": "agent",
                                       "DD_TRACE_AGENT_URL": URL},
             ["agent " + URL + since, "status 403: the agent's own key or site "
              "is refused: see `datadog-agent status`"], (1, "NO " + URL)),
            ("a wrong site", {"DD_LLMOBS_AGENTLESS_ENABLED": "1",
                              "DD_SITE": "eu.invalid", "DD_API_KEY": KEY},
             ["agentless https://llmobs-intake.eu.invalid" + since,
              "no address is known for its name: look at DD_SITE"],
             (3, "perhaps it is datadoghq.eu")),
            ("a receiver that refuses", {
                "LLMOBS_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_ENDPOINT": URL,
                "OTEL_EXPORTER_OTLP_HEADERS": "api-key=" + KEY},
             ["otlp " + URL + "/v1/traces" + since,
              "status 403: OTEL_EXPORTER_OTLP_HEADERS names no key, or one"],
             (1, "NO traces: " + URL)),
            ("no receiver", {"LLMOBS_EXPORTER": "otlp",
                             "OTEL_EXPORTER_OTLP_ENDPOINT": nobody},
             ["otlp " + nobody + "/v1/traces" + since,
              "Connection refused: start the receiver"],
             (1, "NO traces: " + nobody))):
        expect(name, dict(env, **place(name)), words, doctors)
    call(dict(place("proxy"), DD_LLMOBS_INSTRUMENTED_PROXY_URLS="htp://x"))
    status, text = run({"DD_LLMOBS_INSTRUMENTED_PROXY_URLS": "htp://x"},
                       BUILD + "/llmobs", "doctor", "--no-self-test", "curl")
    check("a misspelt gateway: doctor", status == 3 and
          "neither http nor https: give such as http://gateway:4000" in text,
          text)


def no_room():
    """A place for spans that is full, and one that the user may not write."""
    full = os.path.join(TMP, "full")
    os.mkdir(full)
    os.chmod(TMP, 0o755)
    if os.geteuid() != 0 or subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=64k,mode=755", "none", full],
            stderr=subprocess.DEVNULL).returncode != 0:
        print("# no_room: skipped, it mounts as root")
        return
    try:
        with open(os.path.join(full, "x"), "wb") as f:
            f.write(b"x" * 65536)
        for exporter in "store", "auto":
            store = os.path.join(full, exporter)
            expect("a full disk, by " + exporter,
                   {"LLMOBS_EXPORTER": exporter, "LLMOBS_STORE_DIR": store},
                   ["store %s cannot be written: No space left on device: make "
                    "room there (`llmobs purge`), or name another" % store],
                   (1, "NO store"))
    finally:
        subprocess.run(["umount", full], check=True)
    mine = os.path.join(TMP, "mine")
    os.mkdir(mine)
    os.chown(mine, 4242, 4242)
    expect("no permission for the spool", {
        "LLMOBS_EXPORTER": "agent", "DD_TRACE_AGENT_URL": URL,
        "LLMOBS_STORE_DIR": mine + "/store", "LLMOBS_SPOOL_DIR": full + "/spool"},
        ["spool %s/spool cannot be written: Permission denied: give this user "
         "the right to write there, or name another" % full],
        (1, "!! spool", "NO " + URL), 4242, ("view",))
    expect("no permission for the store", {
        "LLMOBS_EXPORTER": "store", "LLMOBS_STORE_DIR": full + "/store"},
        ["store %s/store cannot be written: Permission denied" % full],
        (1, "NO store"), 4242)


def recovers():
    """A row of failures has a first, over all processes, and an end; then the
    view says where spans have gone."""
    env = {"LLMOBS_EXPORTER": "agent", "DD_TRACE_AGENT_URL": URL,
           "LLMOBS_STORE_DIR": os.path.join(TMP, "recovers")}
    tool = BUILD + "/llmobs"

    def failing():
        return json.loads(run(env, tool, "stats", "--json")[1])["failing"]

    Peer.status = 403
    call(env)
    first = failing()
    Peer.status = 503
    run(env, tool, "drain")
    second = failing()
    check("since the first failure, whatever the status",
          len(first) == len(second) == 1 and "status 503" in second[0] and
          first[0].split(": status")[0] == second[0].split(": status")[0],
          (first, second))
    Peer.status = 202
    status, text = run(env, tool, "drain")
    check("drained", status == 0 and text.startswith("delivered 1, left 0") and
          text.count("\n") == 1, text)
    call(env)
    check("nothing fails any more", failing() == [] and
          run(env, tool, "stats", "--check") == (0, ""), failing())
    status, text = run(env, tool, "view")
    check("where they went", status == 0 and re.search(
        r"^llmobs view: 2 went to agent, the last at 20\S+ \S+ to %s$" % URL,
        text, re.M), text)
    Peer.status = 403


def main():
    try:
        for part in newcomer, no_room, recovers:
            if not PARTS or part.__name__ in PARTS:
                part()
    finally:
        shutil.rmtree(TMP, ignore_errors=True)


main()
