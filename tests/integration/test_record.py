"""llmobs-run --record: exchanges as files."""
import glob
import json
import os
import re
import subprocess

from delivery import wait_for
from harness import LAUNCHER, SECRET, body, curl, equal, ok, test, tree


def recorded(folder):
    """{number: exchange.json} of a cassette; checks that each is whole."""
    found = {}
    for name in sorted(os.listdir(folder)):
        if name.startswith("."):
            continue
        ok(re.fullmatch(r"\d{4}", name), "name of a recording: " + name)
        with open(os.path.join(folder, name, "exchange.json")) as f:
            head = json.load(f)
        for side in ("request", "answer"):
            if "body" in head[side]:
                path = os.path.join(folder, name, head[side]["body"])
                ok(os.path.getsize(path) > 0, "empty " + path)
        found[name] = head
    return found


def no_secret(t, folder):
    for path, data in tree(folder).items():
        for secret in t.secrets:
            ok(secret.encode() not in data, "%s has a key" % path)


@test
def as_files(t):
    folder = os.path.join(t.dir, "cassette")
    script = "\n".join("curl -sS -N %s -H 'Authorization: Bearer %s' -d '%s'" % (
        t.url + "?key=" + SECRET, SECRET, sent) for sent in (
            body(), body(stream=True), body(model="error-429"),
            body(model="drop"), json.dumps({
                "model": "m", "api_key": SECRET,
                "messages": [{"role": "user", "content": "x"}]})))
    r = t.same(["sh", "-c", script + "; true"],
               env={"LLMOBS_RECORD": folder}, answers=False, spans=5)
    ok(r.stdout.count(b"chat.completion"), "an answer")
    found = recorded(folder)
    equal(list(found), ["%04d" % i for i in range(1, 6)], "names")
    equal([x["answer"]["status"] for x in found.values()],
          [200, 200, 429, 0, 200], "status")
    equal(found["0002"]["answer"]["body"], "answer.sse", "of the stream")
    equal(found["0004"]["answer"]["fault"], "CURLE_GOT_NOTHING", "fault")
    with open(os.path.join(folder, "0001", "answer.json"), "rb") as f:
        ok(r.stdout.startswith(f.read()), "the answer's bytes")
    equal({oct(os.stat(p).st_mode & 0o777) for p in
           glob.glob(folder + "/*/*")}, {"0o600"}, "modes")
    no_secret(t, folder)


@test
def only_when_asked(t):
    conf = os.path.join(t.dir, "conf")
    folder = os.path.join(t.dir, "cassette")
    with open(conf, "w") as f:
        f.write("LLMOBS_RECORD=%s\n" % folder)
    t.run(curl(t.url, body()), env={"LLMOBS_CONFIG": conf}).only()
    ok(not os.path.exists(folder), "recorded by the configuration file")
    t.run(curl(t.url, body()), env={"LLMOBS_RECORD": folder,
                                    "LLMOBS_CONTENT": "off"}).only()
    ok(not os.path.exists(folder), "recorded without content")


@test
def by_many_processes(t):
    """Each gets a number of its own; a kill leaves no half of one."""
    folder = os.path.join(t.dir, "cassette")
    command = [LAUNCHER, "--record", "cassette"] + curl(t.url, body())
    env = t.environment(True, {})
    running = [subprocess.Popen(command, cwd=t.dir, env=env,
                                stdout=subprocess.DEVNULL) for _ in range(20)]
    for one in running:
        equal(one.wait(60), 0, "status of curl")
    equal(len(recorded(folder)), 20, "recordings")
    loop = "while :; do %s; done" % " ".join(
        "'%s'" % word for word in curl(t.url, body()))
    killed = subprocess.Popen(
        [LAUNCHER, "--record", folder, "sh", "-c", loop], cwd=t.dir, env=env,
        stdout=subprocess.DEVNULL, start_new_session=True)
    ok(wait_for(lambda: len(recorded(folder)) > 22, 60), "recordings of the loop")
    os.killpg(killed.pid, 9)
    killed.wait()
    recorded(folder)


@test
def a_directory_that_cannot_be(t):
    r = t.run([LAUNCHER, "--record", "/proc/none", "true"], launcher=[],
              preload=False)
    equal(r.code, 2, "status")
    ok(b"--record /proc/none" in r.stderr, "message")
