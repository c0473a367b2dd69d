"""llmobs-run --record: exchanges as files; llmobs mock: answers from them."""
import errno
import glob
import gzip
import json
import os
import re
import shutil
import socket
import subprocess
import time

from delivery import failing, wait_for
from harness import (APPS, LAUNCHER, PYTHON, SECRET, body, curl, equal, ok,
                     test, tree)
from test_gateways import need


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
def on_a_bad_disk(t):
    """The program and its span do not notice, and nothing is left of it."""
    folder = os.path.join(t.dir, "cassette")
    for error, after in ((errno.ENOSPC, 0), (errno.EIO, 1), (errno.ENOSPC, 2)):
        env = failing(t, error, path="/cassette/", after=after)
        r = t.run(curl(t.url, body()), env=dict(env, LLMOBS_RECORD=folder))
        equal(r.code, 0, "status")
        r.only()
        equal(os.listdir(folder), [], "what is left")
        equal(r.log_count("a call is not recorded"), 1, "lines in the log")


@test
def a_directory_that_cannot_be(t):
    r = t.run([LAUNCHER, "--record", "/proc/none", "true"], launcher=[],
              preload=False)
    equal(r.code, 2, "status")
    ok(b"--record /proc/none" in r.stderr, "message")


# ---- the mock --------------------------------------------------------------

def llmobs(t, *words):
    return [os.path.join(t.build, "llmobs"), *words]


def offline(t, argv, calls):
    """The program's test runs live, then from its cassette: the same output."""
    folder = os.path.join(t.dir, "cassette")
    live = t.run([LAUNCHER, "--record", folder] + argv, launcher=[], env={
        "OPENAI_BASE_URL": "http://127.0.0.1:%d/v1" % t.servers.http})
    equal(live.code, 0, "status")
    equal(len(recorded(folder)), calls, "recordings")
    no_secret(t, folder)
    for more in [], ["--timing"], ["--nearest"]:
        mark = t.servers.mark()
        again = t.run(llmobs(t, "mock", folder, *more, "--", *argv),
                      preload=False)
        equal(again.stderr, live.stderr, "stderr, the mock's with it")
        equal((again.code, again.stdout), (0, live.stdout), "offline")
        equal(t.servers.requests_since(mark), [], "requests to the server")


@test
def offline_in_c(t):
    program = os.path.join(t.dir, "offline")
    subprocess.run([*os.environ.get("LLMOBS_TEST_CC", "gcc").split(), "-O2",
                    os.path.join(APPS, "offline.c"), "-o", program, "-lcurl"],
                   check=True)
    offline(t, [program], 5)


@test
def offline_in_php(t):
    offline(t, ["php", os.path.join(APPS, "offline.php")], 4)


@test(of="rest")
def offline_in_r(t):
    need("Rscript", "-e", "library(curl)")
    offline(t, ["Rscript", os.path.join(APPS, "offline.R")], 3)


# ---- calls that are led to the mock -----------------------------------------

def replayed(t, folder, *argv, **env):
    return t.run([LAUNCHER, "--replay", folder, *argv], launcher=[],
                 preload=False, env=env)


@test
def led_to_the_mock(t):
    """The program names the host in its source; what is no call of a model goes
    where it went."""
    need(PYTHON, "-c", "import pycurl")
    folder = os.path.join(t.dir, "cassette")
    port = str(t.servers.http)
    program = [PYTHON, os.path.join(APPS, "replayed.py")]
    live = t.run([LAUNCHER, "--record", folder, *program,
                  "http://127.0.0.1:" + port + "/v1", port], launcher=[])
    equal((live.code, len(recorded(folder))), (0, 5), "status, recordings")
    for more in {}, {"https_proxy": "http://127.0.0.1:9", "no_proxy": ""}:
        mark = t.servers.mark()
        again = replayed(t, folder, *program, "https://api.openai.com/v1", port,
                         **more)
        equal((again.code, again.stdout), (0, live.stdout), "replayed")
        equal(again.stderr.splitlines(), live.stderr.splitlines() +
              [b"llmobs mock: calls to models are answered from " +
               folder.encode()], "stderr")
        equal([r["path"] for r in t.servers.requests_since(mark)], ["/other"],
              "requests to the server")
    no_secret(t, folder)


ELSEWHERE = (["--proto", "=https"], ["--http2-prior-knowledge"],
             ["--connect-to", "::127.0.0.1:9"], ["--unix-socket", "/nowhere"],
             ["--abstract-unix-socket", "nowhere"],
             ["--proxy", "http://127.0.0.1:9"],
             ["--preproxy", "socks5://127.0.0.1:9"],
             ["--resolve", "api.openai.com:443:127.0.0.1"])


@test
def led_past_other_settings(t):
    folder = os.path.join(t.dir, "cassette")
    t.run([LAUNCHER, "--record", folder, *curl(t.url, body())], launcher=[])
    for more in ELSEWHERE:
        done = replayed(t, folder, "curl", "-q", "-sS", *more, "--json", body(),
                        "https://api.openai.com/v1/chat/completions")
        equal(done.code, 0, "status with %s" % more)
        ok(b"chat.completion" in done.stdout, "answer with %s" % more)
    done = replayed(t, folder, "curl", "-q", "-sS", "--json", body("other"),
                    "https://api.openai.com/v1/chat/completions")
    equal(done.code, 1, "status of a miss")
    ok(b"no_recording" in done.stdout and b"without a recording: 1" in
       done.stderr, "a miss")


@test
def led_to_this_host_alone(t):
    """Keys go with the calls: so nobody else's address is taken, and none from
    the file."""
    conf = os.path.join(t.dir, "conf")
    with open(conf, "w") as f:
        f.write("LLMOBS_REPLAY=http://127.0.0.1:9\n")
    for env in ({"LLMOBS_CONFIG": conf},
                {"LLMOBS_REPLAY": "http://localhost:9"},
                {"LLMOBS_REPLAY": "http://127.0.0.1.example.com:80"},
                {"LLMOBS_REPLAY": "http://127.0.0.1:80@example.com"},
                {"LLMOBS_REPLAY": "https://127.0.0.1:9"}):
        r = t.run(curl(t.url, body()), env=env)
        equal(r.code, 0, "status with %s" % env)
        ok(b"chat.completion" in r.stdout, "the answer with %s" % env)


@test
def nothing_is_asked_without_a_cassette(t):
    for folder in "/nowhere", t.dir:
        mark = t.servers.mark()
        r = replayed(t, folder, *curl(t.url, body()))
        ok(r.code != 0 and not r.stdout and r.stderr, "end without recordings")
        equal(t.servers.requests_since(mark), [], "requests to the server")


@test
def offline_forms(t):
    """Of a form neither the file is kept nor its boundary, which is another one
    each time: any form is equal."""
    argv = ["sh", "-c", 'head -c 3000 /dev/zero > sound.wav && exec curl -sS '
            '-F model=whisper-1 -F file=@sound.wav '
            '"$OPENAI_BASE_URL/audio/transcriptions"']
    offline(t, argv, 1)


class Mock:
    """A mock that runs until the end of a `with`."""

    def __init__(self, t, folder, *more):
        self.process = subprocess.Popen(
            llmobs(t, "mock", folder, *more), env=t.environment(False, {}),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.url = self.process.stdout.readline().decode().strip()
        ok(self.url.startswith("http://127.0.0.1:"), "base URL of the mock")
        self.port = int(self.url.rsplit(":", 1)[1])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(20)

    def talk(self, *pieces):
        """All that the mock answers on one connection; it has answered each
        piece with something before the next, and the end follows the last."""
        with socket.create_connection(("127.0.0.1", self.port), 20) as s:
            got = b""
            for piece in pieces[:-1]:
                s.sendall(piece)
                got += s.recv(65536)
            s.sendall(pieces[-1])
            s.shutdown(socket.SHUT_WR)
            try:
                while part := s.recv(65536):
                    got += part
            except ConnectionError:
                pass
            return got

    def end(self):
        self.process.terminate()
        _, err = self.process.communicate(timeout=20)
        return self.process.returncode, err.decode()


def keep(folder, number, request, answer, status=200, **more):
    """Writes a recording as a person might."""
    place = os.path.join(folder, "%04d" % number)
    os.makedirs(place)
    head = {"format": 1, "request": {
        "method": "POST", "url": "https://api.openai.com/v1/chat/completions",
        "body": "request.json"}, "answer": dict({
            "status": status, "content_type": "application/json",
            "body": "answer.json"}, **more)}
    for name, text in (("exchange.json", json.dumps(head)),
                       ("request.json", request), ("answer.json", answer)):
        with open(os.path.join(place, name), "w") as f:
            f.write(text)


def head(length, *more):
    return "\r\n".join(["POST /v1/chat/completions?api-version=1 HTTP/1.1",
                        "Host: a", "Content-Length: %d" % length, *more,
                        "", ""]).encode()


@test
def requests_of_any_form(t):
    folder = os.path.join(t.dir, "cassette")
    keep(folder, 1, '{"q": 1}', '"one"')
    keep(folder, 2, '{"q": 1}', '"two"', chunks=[[99, 5], "x", [3, -1], [2, 9]])
    with Mock(t, folder) as mock:
        one = mock.talk(head(7) + b'{"q":1}')
        ok(one.endswith(b'\r\n\r\n"one"'), "answer")
        # A second one on the same connection; the last goes on and on.
        both = mock.talk(head(7) + b'{"q":1}' + head(7) + b'{"q":1}')
        equal(both.count(b'"two"'), 2, "answers to requests in a row")
        slow = mock.talk(head(9, "Expect: 100-continue"), b'{ "q":1 }')
        ok(slow.startswith(b"HTTP/1.1 100 ") and slow.endswith(b'"two"'),
           "answer after a 100")
        ok(mock.talk(head(0).replace(
            b"Content-Length: 0", b"Transfer-Encoding: chunked") +
            b'4\r\n{"q"\r\n3\r\n:1}\r\n0\r\n\r\n').endswith(b'"two"'), "chunks")
        ok(mock.talk(head(7).replace(b"POST /", b"POST http://a/") + b'{"q":1}')
           .endswith(b'"two"'), "as a proxy gets it")
        packed = gzip.compress(b'{"q":1}')
        ok(mock.talk(head(len(packed), "Content-Encoding: gzip") + packed)
           .endswith(b'"two"'), "a coded request")
        equal(mock.end(), (0, ""), "end")


@test
def hostile_requests(t):
    folder = os.path.join(t.dir, "cassette")
    keep(folder, 1, '{"q": 1}', '"one"')
    good = head(7) + b'{"q":1}'
    with Mock(t, folder) as mock:
        # More than it serves at a time, which say nothing or little; some go.
        idle = []
        for i in range(600):
            idle.append(socket.create_connection(("127.0.0.1", mock.port), 20))
            idle[-1].sendall(b"POST / HT"[:i % 9])
            if i % 100 == 99:
                for one in idle[-90:]:  # these go on, byte by byte
                    one.sendall(b"P")
                began = time.monotonic()
                ok(mock.talk(good).endswith(b'"one"'), "beside %d" % i)
                ok(time.monotonic() - began < 5, "beside %d, at once" % i)
        for text, status in (
                (b"X: " + b"a" * 100000, 431), (b"\0" * 1000 + b"\n\n", 400),
                (head(10 ** 12), 413), (good.replace(b"1.1", b"3.0"), 505),
                (head(3, "Transfer-Encoding: chunked") + b"x\r\n", 400),
                (head(0).replace(b"Content-Length: 0",
                                 b"Transfer-Encoding: chunked") + b"zz\r\n",
                 400)):
            answer = mock.talk(text)
            equal(answer[:12].decode(), "HTTP/1.1 %d" % status, text[:40])
        mock.talk(b"")
        mock.talk(head(100) + b"{")  # it does not come
        for one in idle[::2]:
            one.close()
        ok(mock.talk(good).endswith(b'"one"'), "answer beside all of them")
        for one in idle[1::2]:
            one.close()
        equal(mock.end(), (0, ""), "end")


@test
def misses_are_told(t):
    folder = os.path.join(t.dir, "cassette")
    keep(folder, 1, '{"q": "recorded", "api_key": "%s"}' % SECRET, '"one"')
    keep(folder, 2, '{"q": "long"}', "", cut="it was too long")
    with Mock(t, folder) as mock:
        sent = json.dumps({"q": "asked\x1b[31m", "api_key": SECRET}).encode()
        answer = mock.talk(head(len(sent)) + sent)
        equal(answer[:12], b"HTTP/1.1 404", "status")
        error = json.loads(answer.split(b"\r\n\r\n")[1])["error"]
        equal(error["code"], "no_recording", "code")
        ok("0001: q is" in error["message"], "message: " + error["message"])
        ok(b"too long" in mock.talk(head(12) + b'{"q":"long"}'), "a cut one")
        ok(b"404" in mock.talk(b"GET /other HTTP/1.1\r\n\r\n"), "another path")
        code, err = mock.end()
        equal(code, 1, "status of the mock")
        equal(len(err.splitlines()), 4, "lines on stderr")
        ok(SECRET not in err and "\x1b" not in err, "stderr: " + err)
    equal(t.run(llmobs(t, "mock", folder, "--", "sh", "-c", "exit 5"),
                preload=False).code, 5, "status of a command")


@test
def broken_cassettes(t):
    folder = os.path.join(t.dir, "cassette")
    for name, change in (("exchange.json", b""), ("exchange.json", b"{"),
                         ("exchange.json", b'{"format": 2}'),
                         ("answer.json", None), ("request.json", None)):
        keep(folder, 1, '{"q": 1}', '"one"')
        path = os.path.join(folder, "0001", name)
        os.unlink(path)
        if change is not None:
            with open(path, "wb") as f:
                f.write(change)
        r = t.run(llmobs(t, "mock", folder), preload=False)
        equal(r.code, 1, "status")
        ok(b"0001/" + name.encode() in r.stderr, "message")
        shutil.rmtree(folder)
    os.mkdir(folder)
    for words, code in (([folder], 1), ([folder + "/none"], 1), ([], 2),
                        ([folder, "--port", "x"], 2), ([folder, folder], 2),
                        ([folder, "--"], 2)):
        r = t.run(llmobs(t, "mock", *words), preload=False)
        equal((r.code, r.stdout), (code, b""), " ".join(words))
        ok(r.stderr, "message")


@test
def links_in_cassettes(t):
    """Somebody else's recording leads to no other file of the user's."""
    secret = os.path.join(t.dir, "secret")
    with open(secret, "w") as f:
        f.write('"secret"')

    def refused(folder, what):
        r = t.run(llmobs(t, "mock", folder), preload=False)
        equal((r.code, r.stdout), (1, b""), what)
        ok(b"0001/" in r.stderr, what)

    for file in ("exchange.json", "answer.json", "request.json"):
        for what, make in (("link", lambda at: os.symlink(secret, at)),
                           ("fifo", os.mkfifo), ("directory", os.mkdir)):
            folder = os.path.join(t.dir, "%s-%s" % (what, file))
            keep(folder, 1, '{"q": 1}', '"one"')
            path = os.path.join(folder, "0001", file)
            os.unlink(path)
            make(path)
            refused(folder, "%s for %s" % (what, file))
    keep(os.path.join(t.dir, "elsewhere"), 1, '{"q": 1}', '"one"')
    folder = os.path.join(t.dir, "linked")
    os.mkdir(folder)
    os.symlink("../elsewhere/0001", os.path.join(folder, "0001"))
    refused(folder, "a link for the recording")
    for i, name in enumerate(("../../secret", secret, "..", ".", "")):
        folder = os.path.join(t.dir, "named-%d" % i)
        keep(folder, 1, '{"q": 1}', '"one"')
        path = os.path.join(folder, "0001", "exchange.json")
        with open(path) as f:
            told = json.load(f)
        told["answer"]["body"] = name
        with open(path, "w") as f:
            json.dump(told, f)
        refused(folder, "the name " + name)
    # The user's own link to the whole is no way out of it.
    os.symlink("elsewhere", os.path.join(t.dir, "mine"))
    with Mock(t, os.path.join(t.dir, "mine")) as mock:
        ok(mock.talk(head(7) + b'{"q":1}').endswith(b'"one"'), "own link")
