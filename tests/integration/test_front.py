"""Where a program has no libcurl for its destination, it starts a relay of that
destination, and sees nothing of it. Else its calls wait in the spool."""
import contextlib
import glob
import os
import signal
import subprocess
import time

from delivery import (agent, agentless, double, left_behind, recover, settled,
                      spool_of, wait_for)
from harness import (APPS, PYTHON, Skip, data_of, equal, installed, ok, test,
                     tree)
from relays import holders, own_signs

CLIENT = os.path.join(APPS, "tls", "client.py")
NODE = """
process.env.NODE_EXTRA_CA_CERTS;
fetch(process.argv[1], {method: "POST", headers: {"content-type":
  "application/json"}, body: JSON.stringify({model: "gpt-test", messages:
  [{role: "user", content: "hi"}]})}).then(r => r.text()).then(
  t => console.log(t.length));
"""
RUBY = """
require "net/http"; require "json"
u = URI(ARGV[0]); h = Net::HTTP.new(u.host, u.port); h.use_ssl = true
h.ca_file = ARGV[1]
puts h.post(u.path, JSON.dump(model: "gpt-test", messages: [{role: "user",
  content: "hi"}]), "Content-Type" => "application/json").body.size
"""
ON = {"LLMOBS_TLS": "on", "DD_LLMOBS_ENABLED": "1"}


def url(t):
    return "https://localhost:%d/v1/chat/completions" % t.servers.tls


def python(t, first="", last=""):
    """One call, between these lines."""
    return [PYTHON, "-c", "import runpy, sys, os\n%s\nsys.argv = %r\n"
            "runpy.run_path(%r)\n%s" % (
                first, ["", url(t), t.servers.cert, "1", "1"], CLIENT, last)]


def relays(t):
    return sorted({pid for pid, _ in holders(own_signs(t))})


@contextlib.contextmanager
def world(t, count=1):
    """Doubles, and no relay left at the end."""
    t.fresh(None)
    with contextlib.ExitStack() as stack:
        dds = [stack.enter_context(double(t)) for _ in range(count)]
        try:
            yield dds if count > 1 else dds[0]
        finally:
            time.sleep(0.3)  # one that is being started
            for pid in relays(t):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGTERM)
            ok(wait_for(lambda: relays(t) == [], 10), "the relays' end")


def launched(t, argv, env, **how):
    return t.run(argv, launcher=[os.path.join(t.build, "llmobs-run")],
                 env=dict(ON, **env), keep=True, check=False, **how)


def preloaded(t, argv, env, launcher=(), **how):
    return t.run(argv, launcher=[*launcher, "env", "LD_PRELOAD=" +
                                 os.path.join(t.build, "libllmobs_preload.so")],
                 env=dict(ON, **env), keep=True, check=False, **how)


def arrives(t, dd, run, argv, env, count):
    bare = t.run(argv, preload=False, keep=True, check=False)
    ours = run(t, argv, env)
    equal((ours.code, ours.stdout, ours.stderr),
          (bare.code, bare.stdout, bare.stderr), "what the program says")
    equal(ours.code, 0, "its status: %r" % ours.stderr)
    settled(t, dd, count, wait=20)


@test
def by_the_launcher(t):
    with world(t) as dd:
        arrives(t, dd, launched, python(t), agentless(t, dd), 1)
        pid, = relays(t)
        arrives(t, dd, launched, python(t), agentless(t, dd), 2)
        equal(relays(t), [pid], "one relay")
        equal(os.getsid(pid), pid, "a session of its own")
        equal(open("/proc/%d/environ" % pid, "rb").read().strip(b"\0"), b"",
              "what ps sees of its environment")
        ok(dd.key.encode() not in open("/proc/%d/cmdline" % pid, "rb").read(),
           "no key in its words")
        equal(sorted({os.readlink("/proc/%d/fd/%d" % (pid, fd))
                      for fd in range(3)}), ["/dev/null"], "its terminal")
        for name in tree(spool_of(t)):
            path = os.path.join(spool_of(t), name)
            ok(os.path.isdir(path) or dd.key.encode() not in data_of(path),
               "no key in " + name)


@test
def by_the_preload(t):
    with world(t) as dd:
        arrives(t, dd, preloaded, python(t), agentless(t, dd), 1)
        equal(len(relays(t)), 1, "relays")


@test(of="rest")
def other_clients(t):
    node, ruby = installed("/usr/bin/node"), installed("/usr/bin/ruby")
    with world(t) as dd:
        env = agentless(t, dd)
        arrives(t, dd, launched, ["env", "NODE_EXTRA_CA_CERTS=" +
                                  t.servers.cert, node, "-e", NODE, url(t)],
                env, 1)
        arrives(t, dd, preloaded, [ruby, "-e", RUBY, url(t), t.servers.cert],
                env, 2)


@test
def each_destination_has_its_own(t):
    """Two keys within a moment, and one key at another place."""
    with world(t, 2) as (one, two):
        launched(t, python(t), agentless(t, one))
        launched(t, python(t), agentless(t, two))
        launched(t, python(t), agentless(t, one, DD_SITE="datadoghq.eu"))
        settled(t, one, 2, wait=20)
        settled(t, two, 1, wait=20)
        equal(len(relays(t)), 3, "relays")


@test
def no_child(t):
    """The program finds none: not by a wait for any, not by a signal."""
    with world(t) as dd:
        r = launched(t, python(t, "import signal, time\nseen = []\n"
                               "signal.signal(17, lambda *a: seen.append(1))",
                               "time.sleep(1)\ntry:\n    os.wait()\n"
                               "except ChildProcessError:\n"
                               "    print('none', seen)"), agentless(t, dd))
        ok(b"none []" in r.stdout, r.stdout)
        settled(t, dd, 1, wait=20)


@test
def a_pipe_ends_with_the_program(t):
    """As that of ssh or cron: the relay holds no end of it."""
    with world(t) as dd:
        env = t.environment(True, dict(ON, **agentless(t, dd)))
        app = subprocess.Popen([os.path.join(t.build, "llmobs-run"),
                                *python(t)], env=env, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT)
        app.stdout.read()
        equal(app.wait(5), 0, "its status")
        ok(wait_for(lambda: relays(t), 10), "a relay that lives")
        settled(t, dd, 1, wait=20)


@test
def a_pipe_ends_without_dev_null(t):
    if os.geteuid() != 0:
        raise Skip("needs a namespace of mounts")
    with world(t) as dd:
        app = subprocess.Popen(
            ["unshare", "-m", "sh", "-c", "mount -t tmpfs none /dev && mknod "
             "/dev/urandom c 1 9 && exec \"$@\"", "sh",
             os.path.join(t.build, "llmobs-run"), *python(t)],
            env=t.environment(True, dict(ON, **agentless(t, dd))),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        app.communicate(timeout=20)
        equal(app.wait(5), 0, "its status")
        settled(t, dd, 1, wait=20)


REAPER = "import ctypes\nctypes.CDLL(None).prctl(36, 1, 0, 0, 0)"


def in_a_group_of(t, most):
    """Words before a command: its control group may have so many processes."""
    folder = t.dir + "/group"
    os.makedirs(folder + "/pids", exist_ok=True)
    for place in folder, folder + "/pids":
        with open(place + "/pids.max", "w") as f:
            f.write("%s\n" % most)
    return ["unshare", "-m", "sh", "-c", 'mount --bind "$0" /sys/fs/cgroup && exec "$@"', folder]


@test
def it_starts_none(t):
    """Where a relay would harm the program or end with it: the calls wait, and
    the next command that may start one delivers them."""
    if os.geteuid() != 0:
        raise Skip("needs a pid namespace")
    with world(t) as dd:
        env = agentless(t, dd)
        for why, launcher, first in (
                ("is a service", ["setsid", "env", "INVOCATION_ID=1"], ""),
                ("first process", ["unshare", "-p", "-f", "--mount-proc"], ""),
                ("adopts the children", [], REAPER),
                ("is limited", ["prlimit", "--nproc=200"], ""),
                ("is limited", in_a_group_of(t, 200), ""),
                ("more rights", ["setpriv", "--reuid=65534"], "")):
            before = len(left_behind(t))
            if why == "more rights":
                continue  # its spool is another user's
            r = preloaded(t, python(t, first), env, launcher=launcher)
            equal(r.code, 0, why)
            ok(why in r.log, (why, r.log))
            time.sleep(0.3)
            equal((relays(t), len(left_behind(t)) - before), ([], 1), why)
        launched(t, python(t), env)
        settled(t, dd, 6, wait=20)


@test
def it_starts_one_in_a_large_group(t):
    if os.geteuid() != 0:
        raise Skip("needs a namespace of mounts")
    with world(t) as dd:
        for most in "max", 4096:
            preloaded(t, python(t), agentless(t, dd), launcher=in_a_group_of(t, most))
        settled(t, dd, 2, wait=20)


@test
def none_beside_a_tracer(t):
    """strace -f would wait for the relay's end."""
    tracer = [installed("/usr/bin/strace"), "-f", "-o", "/dev/null"]
    with world(t) as dd:
        r = preloaded(t, python(t), agentless(t, dd), launcher=tracer)
        equal(r.code, 0, "its status")
        ok("is traced" in r.log, r.log)
        equal((relays(t), len(left_behind(t))), ([], 1), "a call that waits")
        recover(t, dd, agentless(t, dd), 1)


@test
def many_at_once(t):
    with world(t) as dd:
        env = t.environment(True, dict(ON, **agentless(t, dd)))
        apps = [subprocess.Popen([os.path.join(t.build, "llmobs-run"),
                                  *python(t)], env=env,
                                 stdout=subprocess.DEVNULL) for _ in range(20)]
        equal([app.wait(60) for app in apps], [0] * 20, "their statuses")
        settled(t, dd, 20, wait=30)
        ok(wait_for(lambda: len(relays(t)) == 1, 10), "one relay")


@test
def killed_and_started_anew(t):
    with world(t) as dd:
        launched(t, python(t), agentless(t, dd))
        settled(t, dd, 1, wait=20)
        os.kill(relays(t)[0], signal.SIGKILL)
        ok(wait_for(lambda: relays(t) == [], 5), "its end")
        launched(t, python(t), agentless(t, dd))
        settled(t, dd, 2, wait=20)


def own(t, env, idle):
    return subprocess.Popen(
        [os.path.join(t.build, "llmobs"), "relay", "--own", "--idle", idle],
        env=t.environment(True, env), stdin=subprocess.DEVNULL)


@test
def it_ends_after_its_last_client(t):
    """Also beside calls that it cannot deliver, and leaves no file of its
    own."""
    with world(t) as dd:
        preloaded(t, python(t), agentless(t, dd, INVOCATION_ID="1"),
                  launcher=["setsid"])
        equal(len(left_behind(t)), 1, "a call that waits")
        recover(t, dd, agentless(t, dd), 1)
        dead = agentless(t, dd, DD_LLMOBS_OVERRIDE_ORIGIN="https://localhost:1")
        preloaded(t, python(t), dict(dead, INVOCATION_ID="1"),
                  launcher=["setsid"])
        for env in (dead, agentless(t, dd)):
            relay = own(t, env, "2")
            ok(wait_for(lambda: relays(t) == [relay.pid], 10), "its sign")
            equal(relay.wait(20), 0, "its status")
            equal(glob.glob(spool_of(t) + "/relay.*"), [], "signs")
        equal(len(left_behind(t)), 1, "a call that waits")


@test
def it_ends_beside_a_file_of_another_reader(t):
    """One that lives: it delivers those calls, and may take its time."""
    with world(t) as dd:
        preloaded(t, python(t), agentless(t, dd, INVOCATION_ID="1"),
                  launcher=["setsid"])
        name, = left_behind(t)
        stat = open("/proc/self/stat").read().rsplit(")", 1)[1].split()
        space = os.readlink("/proc/self/ns/pid").strip("pid:[]")
        folder = spool_of(t)
        os.rename(os.path.join(folder, name), "%s/c.%d-%s-%x.%s%s" % (
            folder, os.getpid(), stat[19], int(stat[25]), space, name[1:]))
        relay = own(t, agentless(t, dd), "2")
        equal(relay.wait(20), 0, "its status")
        equal(len(left_behind(t)), 1, "a call that waits")


@test
def a_living_client_keeps_it(t):
    """One that lives on, with a call of which the answer never comes."""
    with world(t) as dd:
        env = agentless(t, dd, INVOCATION_ID="1")
        app = subprocess.Popen(
            ["setsid", PYTHON, "-c", "import urllib.request, ssl\n"
             "urllib.request.urlopen(urllib.request.Request(%r, b'{\"model\": "
             "\"hang\", \"messages\": [{\"role\": \"user\", \"content\": \"hi\"}]}', "
             "{'Content-Type': 'application/json'}), context="
             "ssl.create_default_context(cafile=%r)).read()" % (
                 url(t), t.servers.cert)],
            env=dict(t.environment(True, dict(ON, **env)),
                     LD_PRELOAD=os.path.join(t.build,
                                             "libllmobs_preload.so")))
        try:
            ok(wait_for(lambda: left_behind(t), 10), "a call under way")
            relay = own(t, agentless(t, dd), "1")
            time.sleep(8)
            equal(relay.poll(), None, "the relay goes on")
        finally:
            app.kill()
            app.wait()
        settled(t, dd, 1, wait=10)
        equal(relay.wait(20), 0, "its end")


@test
def what_a_process_had_itself(t):
    """An agent at another host has no connection made ahead: the first try is
    the first that the process knows of it."""
    with world(t) as dd:
        env = agent(dd, DD_TRACE_AGENT_URL="https://localhost:%d" % dd.intake,
                    LLMOBS_CA_FILE=t.servers.cert)
        launched(t, python(t, "import time", "time.sleep(2)"), env)
        ok(wait_for(lambda: relays(t), 10), "a relay")


@test
def no_child_is_left(t):
    """A program that goes on waits for a child of its own, and has no other."""
    last = ("import glob, time\ntime.sleep(1)\nfor path in glob.glob('/proc/[0-9]*/stat'):\n"
            "    try: words = open(path).read().rpartition(')')[2].split()\n"
            "    except OSError: continue\n"
            "    if words[1] == str(os.getpid()): print(path, words[0])")
    for run in launched, preloaded:
        with world(t) as dd:
            arrives(t, dd, run, python(t, "", last), agentless(t, dd), 1)
            ok(relays(t), "a relay")
