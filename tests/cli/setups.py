#!/usr/bin/python3
"""Wrong set-ups: what the doctor says of each, and that the remedy that it
names, typed, mends it. Before the remedy the call is lost, behind it a span.

usage: setups.py BUILD_DIR [PART]...
"""
import glob
import http.server
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
BUILD = os.path.realpath(BUILD)
TOOL, RUN = BUILD + "/llmobs", BUILD + "/llmobs-run"
SHIM = BUILD + "/libllmobs_preload.so"
TMP = tempfile.mkdtemp(prefix="llmobs-setups.")
os.chmod(TMP, 0o755)
EMPTY = os.path.join(TMP, "empty.conf")
open(EMPTY, "w").close()
ANSWER = (b'{"id": "x", "object": "chat.completion", "model": "m", "choices": '
          b'[{"index": 0, "message": {"role": "assistant", "content": "hi"}}]}')


class Model(http.server.BaseHTTPRequestHandler):
    """A model; /slow takes a while. Also an agent."""

    def do_GET(self):
        self.do_POST()

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"] or 0))
        if "slow" in self.path:
            time.sleep(0.5)
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(ANSWER)))
        self.end_headers()
        self.wfile.write(ANSWER)

    def log_message(self, *what):
        pass


SERVER = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Model)
URL = "http://127.0.0.1:%d/v1/chat/completions" % SERVER.server_address[1]
CURL = ["curl", "-q", "-sS", "--noproxy", "*", "-o", "/dev/null",
        "-H", "Content-Type: application/json", "-d",
        '{"model": "m", "messages": [{"role": "user", "content": "q"}]}', URL]
STORES = [0]
# Their call is a span all the same; the last one's store is no folder.
AS_EVER = ("an API that is not wanted", "a preload that is not there",
           "a store that cannot be")


def settings(more):
    """An environment with a store of its own."""
    STORES[0] += 1
    store = os.path.join(TMP, "store%d" % STORES[0])
    env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": TMP,
           "LLMOBS_BUILD": BUILD, "LLMOBS_EXPORTER": "store",
           "LLMOBS_CONFIG": EMPTY, "LLMOBS_STORE_DIR": store,
           "LLMOBS_SPOOL_DIR": store + ".spool", **more}
    return {k: v for k, v in env.items() if v is not None}


def spans(env):
    """The spans that came into the environment's store."""
    return sum(sum(b'"span_id"' in line for line in open(path, "rb"))
               for path in glob.glob(env["LLMOBS_STORE_DIR"] + "/*.jsonl"))


def filled(words, env):
    """The words; "@" stands for the settings, as words such as A=1."""
    own = ["%s=%s" % one for one in env.items() if one[0].startswith("LLMOBS_")]
    return [w for word in words for w in (own if word == "@" else [word])]


def doctor(words, env):
    done = subprocess.run([TOOL, "doctor", "--no-self-test", *words], env=env,
                          stdout=subprocess.PIPE, timeout=100)
    return done.returncode, done.stdout.decode()


def lead_on(env):
    """Where a call is lost, stats and view name the command that tells why."""
    said = []
    for word in "stats", "view":
        done = subprocess.run([TOOL, word], env=env, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=100)
        said.append(done.stderr.decode())
    return all("`llmobs doctor --run CMD` tells why" in text for text in said) or said


def calls(words, more, lost=False):
    """Runs it under the launcher; gives the number of spans. `lost`: there shall be
    none, and then what lead_on gives."""
    env = settings(more)
    subprocess.run([RUN, *filled(words, env)], env=env, timeout=100,
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    return lead_on(env) if lost and spans(env) == 0 else spans(env)


def is_there(words):
    return all(shutil.which(w, path="/usr/sbin:/usr/bin:/sbin:/bin")
               for w in words.split())


def right(name, words, needs=""):
    """No false alarm: the doctor is content, and the call is a span."""
    if not is_there(needs):
        print("skip %s: no %s" % (name, needs))
        return
    env = settings({})
    status, text = doctor(filled(words, env), env)
    made = calls(words, {})
    check("right: " + name, status == 0 and made == 1 and " NO " not in text,
          (status, made, text))


def before(words, text):
    """The remedy "put `X run` right before NAME", typed."""
    found = re.search(r"put `(\S+) run` right before (\S+)", text)
    name = found.group(2) if found else "?"
    at = max(i for i, w in enumerate(words) if os.path.basename(w) == name)
    return [*words[:at], found.group(1), "run", *words[at:]]


def dropped(name, words, by, needs=""):
    """One that takes LD_PRELOAD away."""
    if not is_there(needs):
        print("skip %s: no %s" % (name, needs))
        return
    env = settings({})
    status, text = doctor(filled(words, env), env)
    lost = calls(words, {}, lost=True)
    try:
        mended = before(words, text)
        again, said = doctor(filled(mended, env), env)
        check("wrong: " + name, status == 1 and lost is True and
              "NO %s runs its command without LD_PRELOAD" % by in text and
              calls(mended, {}) == 1 and again == 0, (lost, text, said))
    except Exception as e:
        check("wrong: " + name, False, (repr(e), text))


def runners():
    """Commands that run another."""
    lock = os.path.join(TMP, "lock")
    file = os.path.join(TMP, "words")
    with open(file, "w") as f:
        f.write("%s\n" % URL)
    for name, words, needs in (
            ("timeout", ["timeout", "10"], ""),
            ("timeout, with options", ["timeout", "-k", "5", "-s", "TERM",
                                       "10"], ""),
            ("timeout, long", ["timeout", "--signal=TERM", "--kill-after", "5",
                               "10"], ""),
            ("env", ["env", "A=1", "-", "@", "A=2"][:2], ""),
            ("env -u of another", ["env", "-u", "NOBODY", "--", "A=1"], ""),
            ("nice", ["nice"], ""), ("nice -n", ["nice", "-n", "5"], ""),
            ("nohup", ["nohup"], ""), ("setsid", ["setsid", "-w"], ""),
            ("stdbuf", ["stdbuf", "-o", "L", "--error=0"], ""),
            ("ionice", ["ionice", "-c", "2", "-n", "7"], "ionice"),
            ("chrt", ["chrt", "-b", "0"], "chrt"),
            ("taskset", ["taskset", "1"], "taskset"),
            ("taskset -c", ["taskset", "-c", "0"], "taskset"),
            ("flock", ["flock", "-w", "9", lock], "flock"),
            ("unshare", ["unshare", "--uts"], "unshare"),
            ("setpriv", ["setpriv", "--nnp", "--pdeathsig", "HUP"], "setpriv"),
            ("xargs", ["xargs", "-a", "/dev/null", "-n", "9"], ""),
            ("strace", ["strace", "-f", "-o", "/dev/null"], "strace"),
            ("fakeroot", ["fakeroot"], "fakeroot"),
            ("busybox", ["busybox", "timeout", "10"], "busybox"),
            ("busybox env", ["busybox", "env", "A=1"], "busybox"),
            ("llmobs-run", [RUN, "--ml-app", "one"], ""),
            ("five of them", ["env", "A=1", "timeout", "-k", "5", "10", "nice",
                              "-n5", "stdbuf", "-oL", "nohup"], ""),
            ("env -i, and the library", [
                "env", "-i", "@", "LD_PRELOAD=" + SHIM,
                "DD_LLMOBS_ENABLED=1"], "")):
        right(name, words + CURL, needs)
    for words in (["make", "x"], ["npm", "start"], ["sh", "-c", "x"],
                  ["flock", lock, "-c", "curl"], ["watch", "curl -s x"],
                  ["script", "-qc", "curl", "/dev/null"], ["busybox", "sh"],
                  ["uv", "run", "x"], ["chroot", "/", "curl"], ["env"],
                  ["parallel", "curl"], ["find", ".", "-exec", "curl", ";"]):
        env = settings({})
        # There are two programs of that name, one of them a script.
        if words[0] == "parallel":
            own = os.path.join(TMP, "own")
            os.makedirs(own, exist_ok=True)
            shutil.copy("/bin/true", own + "/parallel")
            env["PATH"] = own + ":" + env["PATH"]
        if words[0] == "parallel" or is_there(words[0]):
            status, text = doctor(words, env)
            check("not known: %s hands on" % " ".join(words), status == 4 and
                  "makes no calls itself" in text and
                  "?? " in text and "All is well" not in text and
                  text.endswith("Not all is known: see the lines with ??.\n"),
                  text)
    if is_there("chroot"):
        text = doctor(["chroot", "/", "curl"], settings({}))[1]
        check("right: chroot, and its own root",
              "if the new root has it at the same path" in text, text)
    for name, words, by, needs in (
            ("env -i", ["env", "-i", "@"], "env", ""),
            ("env -", ["env", "-", "@"], "env", ""),
            ("env --ignore-environment", ["env", "--ignore-environment", "@"],
             "env", ""),
            ("env -u", ["env", "-u", "LD_PRELOAD"], "env", ""),
            ("env -uNAME", ["env", "-uLD_PRELOAD"], "env", ""),
            ("env --unset", ["env", "--unset=LD_PRELOAD"], "env", ""),
            ("env LD_PRELOAD= of another", ["env", "LD_PRELOAD="], "env", ""),
            ("behind others", ["nice", "timeout", "9", "env", "-i", "@", "env",
                               "A=1"], "env", ""),
            ("setpriv --reset-env", ["setpriv", "--reset-env", "env", "@"],
             "setpriv", "setpriv"),
            ("busybox env -i", ["busybox", "env", "-i", "@"], "busybox",
             "busybox"),
            ("sudo", ["sudo", "-n", "@"], "sudo", "sudo"),
            ("sudo -u", ["sudo", "-n", "-u", "root", "-g", "root", "@"],
             "sudo", "sudo")):
        dropped(name, words + CURL, by, needs)
    for words in (["su", "-", "-c", "curl"], ["sudo", "-i"],
                  ["su", "-l", "nobody", "-c", "curl"]):
        if is_there(words[0]):
            status, text = doctor(words, settings({}))
            check("wrong: %s" % " ".join(words), status == 1 and
                  "right before what its shell gets" in text, text)
    status, text = doctor(["timeout", "9", "crul"], settings({}))
    check("wrong: no such command behind timeout", status == 1 and
          "crul: no such command" in text, text)


PROGRAM = """const char text[1 << 20] = "%s";
int main(int n, char **v) { return n > 9 && text[n] == v[0][0]; }
"""


def program(path, text, *flags):
    """A big program that has the text."""
    path = os.path.join(TMP, path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path + ".c", "w") as f:
        f.write(PROGRAM % text)
    subprocess.run(["gcc", "-w", path + ".c", "-o", path, *flags], check=True)
    os.remove(path + ".c")


def starts():
    """The programs that a script of Node may start."""
    modules = os.path.join(TMP, "app", "node_modules")
    fuse = "NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2:"
    for package, text, flags, told in (
            ("@o/codex", "api.openai.com", ["-static"], "is static"),
            ("@o/pie", "https://api.anthropic.com/v1", ["-static-pie"],
             "is static"),
            ("@a/sdk", "---- Bun! ----", [], "has Bun's TLS inside"),
            ("copilot", fuse + "1", [], "is a Node of its own"),
            ("esbuild", "bundles", ["-static"], ""),
            ("linked", "api.openai.com", [], ""),
            ("node", fuse + "0", [], ""),
            ("none", None, [], None)):
        for where in (package + "/vendor/linux", package + "-linux-x64/bin"):
            shutil.rmtree(modules, ignore_errors=True)
            home = os.path.join(modules, package)
            os.makedirs(home + "/bin")
            with open(home + "/package.json", "w") as f:
                f.write("{}")
            cli = home + "/bin/cli.js"
            with open(cli, "w") as f:
                f.write("#!/usr/bin/env node\n")
            os.chmod(cli, 0o755)
            with open(os.path.join(TMP, "app", "own.js"), "w") as f:
                f.write("1\n")
            link = os.path.join(TMP, "app", "link")
            if os.path.lexists(link):
                os.remove(link)
            os.symlink(cli, link)
            if text:
                program("app/node_modules/%s/it" % where, text, *flags)
            for words in ([cli], ["node", cli], [link], ["nice", "node", "-r",
                          "x", os.path.join(TMP, "app", "own.js"), "y"]):
                status, said = doctor(words, settings({}))
                check("starts: %s, %s, by %s" % (package, where, words[-1]),
                      status == (0 if told is None else 3 if told else 4) and
                      (not told or (told in said and "`llmobs-run --intercept "
                                    "CMD` observes them" in said)) and
                      (told != "" or "were not looked at" in said) and
                      ("All is well for calls over a TLS library, by plain "
                       "http://. Still" in said) == (told is None), said)
    # Packages of a script in a package of its own are in a directory above.
    inner = os.path.join(TMP, "app", "inner")
    os.makedirs(inner)
    for name in "package.json", "own.js":
        with open(os.path.join(inner, name), "w") as f:
            f.write("{}\n")
    program("app/node_modules/sdk/it", "---- Bun! ----")
    status, said = doctor(["node", inner + "/own.js"], settings({}))
    check("starts: packages above the script's own", status == 3 and
          "has Bun's TLS inside" in said, said)


def not_known():
    """What the doctor must not call well."""
    for words in ["bash", "/nonexistent/agent.sh"], ["python3", "./no.py"]:
        status, said = doctor(words, settings({}))
        check("wrong: " + " ".join(words), status == 1 and
              "NO %s: no such file" % words[1] in said, said)
    script = os.path.join(TMP, "agent.sh")
    with open(script, "w") as f:
        f.write("#!/bin/sh\ncurl x\n")
    os.chmod(script, 0o755)
    for words in [script], ["sh", script]:
        status, said = doctor(words, settings({}))
        check("not known: %s" % os.path.basename(words[0]), status == 4 and
              "`llmobs doctor --run CMD` tells" in said, said)
    own = os.path.join(TMP, "own-runner")
    shutil.copy("/bin/true", own)
    for words, known in ([own, "-v", "curl", "x"], False), (
            [own, "x", "y"], True):
        status, said = doctor(words, settings({}))
        check("%s: %s" % ("wrong" if known else "not known", words[1:]),
              status == (1 if known else 4) and
              ("it may run curl" in said) != known, said)
    for more in ({"DD_LLMOBS_SAMPLE_RATE": "0"},
                 {"LLMOBS_EXPORTER": "store,otlp",
                  "OTEL_TRACES_SAMPLER": "always_off"}):
        said = doctor(["curl"], settings(more))[1]
        check("wrong: %s" % more, "unset it to have spans" in said, said)
    for name in ("DD_LLMOBS_PROXY_URL", "DD_LLMOBS_PROXY_URLS",
                 "DD_LLMOBS_GATEWAY_URLS", "LLMOBS_GATEWAY_URL",
                 "DD_LLMOBS_INSTRUMENTED_PROXY_URL"):
        status, said = doctor(["curl"], settings({name: "http://a.test"}))
        check("wrong: " + name, status == 3 and "did you mean "
              "DD_LLMOBS_INSTRUMENTED_PROXY_URLS?" in said, said)
    for name, value in ("LLMOBS_INBOUND", "1"), ("LLMOBS_ENTRY", "1"):
        said = doctor(["node", "x.js"], settings({name: value}))[1]
        check("hooks: %s of Node" % name,
              "LLMOBS_ENTRY have an effect in node" in said, said)
    said = subprocess.run(
        [os.path.join(BUILD, "llmobs"), "doctor", "--run", "curl", "-q", "-s", "-H",
         "Content-Type: application/vnd.llmobs", "-d", '{"name": "server.method"}', "llmobs://hook/failed"],
        stderr=subprocess.PIPE, env=settings({"LLMOBS_COMMANDS": "1"}), text=True).stderr
    check("hooks: the name of what failed", "  a hook of LLMOBS_INBOUND failed: "
          "some requests have no caller: server.method\n" in said, said)
    with tempfile.TemporaryDirectory() as place:
        for name, words in (
                ("python3.99", "LLMOBS_ENTRY have an effect in python3.99 with"),
                ("php-fpm8.9", "LLMOBS_ENTRY have an effect in php-fpm8.9 with"),
                ("lua5.9", "INBOUND has an effect in lua5.9 with the servers of "
                 "docs/SDK.md, LLMOBS_ENTRY has none"),
                ("java", "LLMOBS_ENTRY have no effect on java"),
                ("serve", "have an effect on serve is not known")):
            program = shutil.copy("/bin/true", os.path.join(place, name))
            said = doctor([program], settings({"LLMOBS_INBOUND": "1"}))[1]
            check("hooks: %s" % name, words in said, said)
            said = subprocess.run(
                [os.path.join(BUILD, "llmobs-run"), "--inbound", program],
                stderr=subprocess.PIPE, env=settings({}), text=True).stderr
            check("hooks: launcher of %s" % name, ("--inbound has no effect on "
                  + program in said) == (name == "java"), said)


def relays():
    """A program that cannot reach a destination itself starts a relay."""
    more = {"LLMOBS_EXPORTER": "agent", "DD_TRACE_AGENT_URL":
            "http://127.0.0.1:%d" % SERVER.server_address[1]}
    for program in "python3", "node":
        for relay in "on", "off":
            if not is_there(program):
                continue
            status, said = doctor([program], settings({
                **more, "LLMOBS_RELAY": relay}))
            check("%s and an agent, LLMOBS_RELAY=%s" % (program, relay),
                  ("starts a relay, which delivers for it" in said) ==
                  (relay == "on"), said)


def runs_it():
    """doctor --run: what left the command, on stderr, and nothing else."""
    def run(words, say=b"", **more):
        env = settings(more)
        done = subprocess.run([TOOL, "doctor", "--run", *words], env=env,
                              input=say, stdout=subprocess.PIPE, timeout=100,
                              stderr=subprocess.PIPE)
        return done.returncode, done.stdout.decode(), done.stderr.decode(), env

    at = URL[len("http://"):]
    host = at.split("/")[0]
    captured = "  captured   POST %s (rule 3: " % at
    status, out, err, env = run(CURL)
    check("run: a call", (status, out, spans(env)) == (0, "", 1) and
          err.startswith("llmobs doctor: what left curl:\n" + captured) and
          err.count("\n") == 2, err)
    other = CURL[:-1] + ["http://%s/ask?key=%s" % (host, "sk-" + "a1" * 16)]
    status, out, err, env = run(other + ["-H", "Authorization: Bearer " +
                                         "sk-" + "b2" * 16])
    check("run: no call, and why, without its secrets", spans(env) == 0 and
          "  not ours   POST %s/ask (no known method and path" % host in err and
          "sk-" not in err and "a1a1" not in err, err)
    status, out, err, env = run(
        other, DD_LLMOBS_INSTRUMENTED_PROXY_URLS="http://" + host)
    check("run: and named as a gateway it is one", spans(env) == 1 and
          "  captured   POST %s/ask (" % host in err, err)
    status, out, err, env = run(
        ["sh", "-c", "cat; echo e >&2; exit 7"], b"in\n")
    check("run: its stdin, stdout, stderr and status", (status, out) ==
          (7, "in\n") and err.startswith("e\nllmobs doctor: what left sh:\n  "
                                         "nothing that is seen"), (out, err))
    err = run(["env", "-i", "true"])[2]
    check("run: the same words say why nothing is seen", err.endswith(
        "`llmobs doctor` and the same words, without --run, says whether "
        "calls can be\n"), err)
    check("run: a signal's status", run(["sh", "-c", "kill -9 $$"])[0] == 137)
    check("run: no such command", run(["no-such"])[0] == 127)
    # The doctor looks at connections now and then: this one stays for seconds.
    slow = ("import http.client, time; c = http.client.HTTPConnection('%s'); "
            "c.request('POST', '/slow', b'{}'); r = c.getresponse(); "
            "time.sleep(3); r.read()" % host)
    status, out, err, env = run(["/usr/bin/python3", "-c", slow],
                                LLMOBS_SOCKETS="off")
    told = "  not read   127.0.0.1 port %s, by python3" % host.split(":")[1]
    check("run: a connection that is not followed", told in err, err)
    status, out, err, env = run(["/usr/bin/python3", "-c", slow])
    check("run: and one that is", told not in err and
          "  not ours   POST %s/slow (" % host in err, err)
    status, out, err, env = run(
        ["timeout", "9", "sh", "-c", "exec 3<&0; %s <&3" % " ".join(
            "'%s'" % w for w in CURL[:-1] + [URL, URL, "-o", "/dev/null"])],
        LLMOBS_EXPORTER="agent", DD_TRACE_AGENT_URL="http://" + host)
    check("run: deliveries are no connections of the command, and a request "
          "is told once", "not read" not in err and err.count("\n") == 2, err)
    for name in "static", "shared":
        path = os.path.join(TMP, name + "-client")
        with open(path + ".c", "w") as f:
            f.write("""#include <arpa/inet.h>
#include <unistd.h>
int main(void) {
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(%s),
                           .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(fd, (void *)&at, sizeof at)) return 1;
  sleep(2);
  return 0; }
""" % host.split(":")[1])
        subprocess.run(["gcc", path + ".c", "-o", path] +
                       ["-static"] * (name == "static"), check=True)
        status, out, err, env = run(["nice", path])
        check("run: a %s program's own connection" % name, "  not read   "
              "127.0.0.1 port %s, by %s-client (TLS of its own" %
              (host.split(":")[1], name) in err, err)
    status, out, err, env = run(CURL, DD_LLMOBS_ENABLED="0")
    check("run: switched off", spans(env) == 0 and "captured" not in err, err)


def names():
    """Mistyped names, in the environment and in the file, and the right one
    typed; names of Datadog's own, and of others, are no mistakes."""
    right = {
        "DD_TRACE_AGENT_ULR": "DD_TRACE_AGENT_URL", "DD_API_KY": "DD_API_KEY",
        "DD_SERIVCE": "DD_SERVICE", "DD_AGENT_HOSTS": "DD_AGENT_HOST",
        "DD_ENVIRONMENT": "DD_ENV", "DD_LLMOBS_SITE": "DD_SITE",
        "DD_LLMOBS_PROXY_URLS": "DD_LLMOBS_INSTRUMENTED_PROXY_URLS",
        "DD_LLMOBS_MLAPP": "DD_LLMOBS_ML_APP", "DD_VERSON": "DD_VERSION",
        "OTEL_EXPORTER_OTLP_ENPOINT": "OTEL_EXPORTER_OTLP_ENDPOINT",
        "OTEL_EXPORTER_OTLP_TRACE_ENDPOINT":
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
        "DD_LLMOBS_API_KEY": "DD_API_KEY", "DD_AGENT_PROT": "DD_AGENT_PORT",
        "DD_LLMOBS_AGENTLESS": "DD_LLMOBS_AGENTLESS_ENABLED",
        "LLMOBS_STORE": "LLMOBS_STORE_DIR", "LLMOBS_LOG_FILE": "LLMOBS_LOG",
        "dd_api_key": "DD_API_KEY", "DD_LLMOB_ENABLED": "DD_LLMOBS_ENABLED",
        "LLMOBS_CONTENTS": "LLMOBS_CONTENT"}
    for name, meant in right.items():
        told = "!! %s: no variable has this name" % name
        remedy = ": did you mean %s?" % meant
        status, text = doctor(["curl"], settings({name: "1"}))
        check("name: %s" % name, status == 3 and told + remedy in text, text)
        _, text = doctor(["curl"], settings({meant: "1"}))
        check("name: %s, mended" % name, "no variable has" not in text and
              meant + "=" in text, text)
    file = os.path.join(TMP, "names.conf")
    with open(file, "w") as f:
        f.write("".join("%s=1\n" % name for name in right) + "what\n")
    status, text = doctor(["curl"], settings({"LLMOBS_CONFIG": file}))
    check("names: all in the file", status == 3 and all(
        "!! %s: no variable has this name, in %s: did you mean %s?\n" %
        (name, file, meant) in text for name, meant in right.items()), text)
    check("names: a bad line of the file", "line %d: not NAME=value: mend that "
          "line of the file\n" % (len(right) + 1) in text and
          "can read, or unset it" not in text, text)
    others = (
        "DD_TRACE_ENABLED DD_LOGS_INJECTION DD_PROFILING_ENABLED DD_APP_KEY "
        "DD_DOGSTATSD_PORT DD_DOGSTATSD_URL DD_TRACE_SAMPLE_RATE DD_HOSTNAME "
        "DD_SERVICE_MAPPING DD_TRACE_HEADER_TAGS DD_RUNTIME_METRICS_ENABLED "
        "DD_APPSEC_ENABLED DD_IAST_ENABLED DD_LOGS_ENABLED DD_APM_ENABLED "
        "DD_LLMOBS_PROJECT_NAME DD_LLMOBS_AUTO_SPAN_LINKING_ENABLED DD_URL "
        "DD_LLMOBS_EVALUATORS DD_GIT_BRANCH DD_TRACE_RATE_LIMIT DD_ENTITY_ID "
        "DD_TRACE_128_BIT_TRACEID_LOGGING_ENABLED DD_DATA_STREAMS_ENABLED "
        "DD_REMOTE_CONFIGURATION_ENABLED DD_TRACE_OTEL_ENABLED DD_EXTRA_TAGS "
        "DD_INSTRUMENTATION_TELEMETRY_ENABLED DD_TRACE_STARTUP_LOGS "
        "DD_CIVISIBILITY_AGENTLESS_ENABLED DD_TRACE_API_VERSION "
        "OTEL_EXPORTER_OTLP_CERTIFICATE OTEL_EXPORTER_OTLP_CLIENT_KEY "
        "OTEL_EXPORTER_OTLP_INSECURE OTEL_BLRP_MAX_EXPORT_BATCH_SIZE "
        "OTEL_LOG_LEVEL LLM_MODEL OPENAI_API_KEY").split()
    status, text = doctor(["curl"], settings({n: "1" for n in others}))
    check("names: those of others", "no variable has" not in text and
          status == 0, text)


def values():
    """Values that are well formed and wrong."""
    host = URL.split("/")[2]
    ask = CURL[:-1] + ["http://%s/ask" % host]
    gateways = "DD_LLMOBS_INSTRUMENTED_PROXY_URLS"
    rows = [ # a wrong setting, the doctor's words and status, the right one
        (gateways, "*", "it has a *", 3, "http://" + host),
        (gateways, "http://*:18080", "it has a *", 3, "http://" + host),
        (gateways, "http://gw,http://*.example.com/v1", "entry 2 is ignored: "
         "it has a *", 3, "http://u:p*ss@%s,http://gw" % host),
        (gateways, "http://localhost", "nothing listens on port 80 of this "
         "host: give the gateway's port", 3, "http://" + host),
        (gateways, "https://127.0.0.1/v1,", "nothing listens on port 443", 3,
         "http://%s/ask" % host)]
    for name, wrong, told, status, mended in rows:
        got, text = doctor(["curl"], settings({name: wrong}))
        again, said = doctor(["curl"], settings({name: mended}))
        check("value: %s=%s" % (name, wrong), (got, told in text, again) ==
              (status, True, 0) and (calls(ask, {name: wrong}), calls(
                  ask, {name: mended})) == (0, 1), (text, said))
    right = "0123456789abcdef" * 2
    for key, told in ((right + "01234567", "40 characters, where"),
                      (right + " ", "33 characters, with blanks, where"),
                      (right[:-1] + "x", "32 characters, where"),
                      ("pub" + right[3:], "32 characters, where")):
        got, text = doctor(["curl"], settings({"DD_API_KEY": key}))
        check("value: a key, " + told, got == 3 and told in text and
              key.strip() not in text, text)
    check("value: a key", doctor(["curl"], settings({"DD_API_KEY": right}))[0]
          == 0)
    file = os.path.join(TMP, "file")
    open(file, "w").close()
    plain = ("import urllib.request as u; u.build_opener(u.ProxyHandler({}))"
             ".open('%s', b'{\"model\": \"m\", \"messages\": []}').read()" % URL)
    python = ["/usr/bin/python3", "-c", plain]
    blank = os.path.join(TMP, "a b")
    os.makedirs(blank)
    for name in os.listdir(BUILD):
        if name.startswith(("llmobs", "libllmobs")) and os.path.isfile(
                os.path.join(BUILD, name)):
            os.symlink(os.path.join(BUILD, name), os.path.join(blank, name))
    for name, words, env, status, told, mended in (
            ("switched off", CURL, {"DD_LLMOBS_ENABLED": "0"}, 1,
             "switched off by DD_LLMOBS_ENABLED", {}),
            ("excluded", CURL, {"LLMOBS_EXCLUDE": "git,curl"}, 1,
             "switched off for /usr/bin/curl by LLMOBS_EXCLUDE",
             {"LLMOBS_EXCLUDE": "git"}),
            ("a store that cannot be", CURL,
             {"LLMOBS_STORE_DIR": file + "/store"}, 1,
             file + "/store cannot be written", {}),
            ("plain http off", python, {"LLMOBS_SOCKETS": "off"}, 0,
             "LLMOBS_SOCKETS is off", {"LLMOBS_SOCKETS": "auto"}),
            ("a preload that is not there", CURL,
             {"LD_PRELOAD": TMP + "/no/libllmobs_preload.so",
              "DD_LLMOBS_ENABLED": "1"}, 1, "not there, and the loader goes on",
             {}),
            ("a library below a name with a blank", CURL,
             {"LLMOBS_BUILD": blank}, 1, "install elsewhere than in " + blank,
             {}),
            ("off in the environment by env", ["env", "DD_LLMOBS_ENABLED=0"] +
             CURL, {}, 1, "switched off by DD_LLMOBS_ENABLED", None),
            ("an API that is not wanted", CURL, {"LLMOBS_OBSERVE": "-opneai"},
             3, 'no API is named "opneai"', {})):
        got, text = doctor(words, settings(env))
        led = calls(words, env, lost=True)
        check("wrong: " + name, got == status and told in text and (
            led is True or name in AS_EVER), (got, text, led))
        if mended is not None:
            check("wrong: %s, mended" % name, calls(words, mended) == 1)


def main():
    threading.Thread(target=SERVER.serve_forever, daemon=True).start()
    try:
        for part in (runners, starts, not_known, relays, runs_it, names,
                     values):
            if not PARTS or part.__name__ in PARTS:
                try:
                    part()
                except Exception as e:
                    check(part.__name__, False, repr(e))
    finally:
        SERVER.shutdown()
        shutil.rmtree(TMP, ignore_errors=True)


main()
