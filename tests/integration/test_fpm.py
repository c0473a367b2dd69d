"""php-fpm behind nginx with the default pool of the package: its workers run
as another user, with an empty environment."""
import concurrent.futures
import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
import urllib.request

from delivery import double, wait_for
from harness import (SECRET, Skip, equal, expect_llm, free_port, installed, ok,
                     tags_of, test, wait_port)
from serving import fastcgi_conf, nginx_conf
from versions import another, install

OF = "rest"

PAGE = r"""<?php
$url = "%s";
foreach (explode(",", $_GET["ask"]) as $prompt) {
    $c = curl_init($url);
    curl_setopt_array($c, [
        CURLOPT_POSTFIELDS => json_encode(["model" => "gpt-test",
            "messages" => [["role" => "user", "content" => $prompt]]]),
        CURLOPT_HTTPHEADER => ["Content-Type: application/json",
                               "Authorization: Bearer %s"],
        CURLOPT_RETURNTRANSFER => true]);
    echo json_decode(curl_exec($c))->choices[0]->message->content, "\n";
}
if (isset($_GET["env"])) {
    echo count(getenv()), " ", var_export(getenv("LD_PRELOAD"), true),
        var_export(getenv("DD_SERVICE"), true), "\n";
}
"""


class Web:
    """nginx and php-fpm in a folder that workers may read."""

    def __init__(self, t, dd, env, pool=None, config=None, chroot=False,
                 patience="0", page=None, files=None, params=None):
        if os.geteuid() != 0:
            raise Skip("php-fpm's default pool needs root")
        self.fpm_path = installed("/usr/sbin/php-fpm[0-9]*")
        self.nginx_path = installed("/usr/sbin/nginx")
        default = installed("/etc/php/*/fpm/pool.d/www.conf")
        try:
            pwd.getpwnam("www-data")
        except KeyError:
            raise Skip("no user www-data")
        self.processes = []
        self.dir = tempfile.mkdtemp(prefix="llmobs-fpm.", dir="/tmp")
        os.chmod(self.dir, 0o755)
        self.write("index.php", page or PAGE % (t.url, SECRET))
        for name, text in (files or {}).items():
            self.write(name, text)
        if config is not None:
            env = dict(env, LLMOBS_CONFIG=self.write("llmobs.conf", config))
        self.write("pool.conf", self.pool_of(default, pool, chroot))
        self.write("fpm.conf", "[global]\nerror_log=%s/fpm.log\n"
                   "process_control_timeout=%s\ninclude=%s/pool.conf\n" % (
                       self.dir, patience, self.dir))
        self.port = free_port()
        page = "/index.php" if chroot else self.dir + "/index.php"
        self.write("nginx.conf", nginx_conf(self.dir, fastcgi_conf(
            self.port, self.dir + "/fpm.sock",
            dict({"SCRIPT_FILENAME": page}, **params or {})), "www-data"))
        try:
            self.start(t, env)
        except BaseException:
            self.close()
            raise

    def write(self, name, text):
        path = os.path.join(self.dir, name)
        with open(path, "w") as f:
            f.write(text)
        return path

    def pool_of(self, default, more, chroot):
        """The package's pool; only its place, and what the test asks for."""
        with open(default) as f:
            text = re.sub(r"(?m)^listen = .*", "listen = %s/fpm.sock" %
                          self.dir, f.read())
        if re.search(r"(?m)^\s*(clear_env|env\[)", text):
            raise Skip("the package's pool is not the default one")
        if chroot:
            more = dict(more or {}, chroot=self.dir)
        for key, value in (more or {}).items():
            text = re.sub(r"(?m)^%s = .*\n" % re.escape(key), "", text)
            text += "%s = %s\n" % (key, value)
        return text

    def command(self):
        return [self.fpm_path, "-F", "-y", self.dir + "/fpm.conf"]

    def start(self, t, env):
        base = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
        self.fpm = subprocess.Popen(
            self.command(), env=dict(base, **env), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            start_new_session=True, umask=0)
        self.processes.append(self.fpm)
        ok(wait_for(lambda: os.path.exists(self.dir + "/fpm.sock"), 10),
           "PHP does not start")
        self.processes.append(subprocess.Popen(
            [self.nginx_path, "-c", self.dir + "/nginx.conf", "-p", self.dir,
             "-g", "daemon off;"], env=base, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True))
        # its socket is there before it listens
        wait_port(self.port, self.processes[-1])

    def get(self, query):
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open("http://127.0.0.1:%d/?%s" % (self.port, query),
                         timeout=20) as answer:
            return answer.read().decode()

    def quit(self):
        """Ends php-fpm as systemd does; gives what it printed."""
        self.fpm.send_signal(signal.SIGQUIT)
        out = self.fpm.communicate(timeout=20)[0].decode()
        with open(self.dir + "/fpm.log") as f:
            return out + f.read()

    def close(self):
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
        shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *what):
        self.close()


def settings(t, dd):
    return {"DD_LLMOBS_ENABLED": "1", "DD_SERVICE": "shop",
            "DD_ENV": "prod", "DD_LLMOBS_ML_APP": "fpm-app",
            "LLMOBS_EXPORTER": "agent", "DD_TRACE_AGENT_URL": dd.url}


def preload(t):
    return {"LD_PRELOAD": os.path.join(t.build, "libllmobs_preload.so")}


CHILD = re.compile(r"child \d+ (started|exited with code 0 )")


def quiet(text):
    """A log without its times, numbers of processes and ends of workers."""
    return sorted(re.sub(r"\[.*?\]|pid \d+|\d+\.\d+ seconds", "", line)
                  for line in text.splitlines() if not CHILD.search(line))


def ask_all(web, requests, meanwhile=()):
    """Each request makes two calls; four at a time, and of these functions each
    as so many more have begun."""
    ask = "ask=first-%d,second-%d"
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        asked = []
        for i in range(requests):
            if i > 0 and i % (requests // (len(meanwhile) + 1)) == 0:
                asked[i - 3].result()
                meanwhile[i * len(meanwhile) // requests]()
            asked.append(pool.submit(web.get, ask % (i, i)))
        answers = [one.result() for one in asked]
    for i, text in enumerate(answers):
        equal(text, "Echo: first-%d\nEcho: second-%d\n" % (i, i), "page")


def check(dd, requests):
    """One span for each call of each request."""
    want = {"%s-%d" % (which, i) for i in range(requests)
            for which in ("first", "second")}
    spans = dd.wait_spans(len(want), 60)
    equal(dd.violations(), [], "violations")
    equal(len(spans), len(want), "number of spans")
    got = set()
    for span in spans:
        prompt = span["meta"]["input"]["messages"][0]["content"]
        expect_llm(span, prompt)
        got.add(prompt)
        tags = tags_of(span)
        equal((tags["service"], tags["env"], tags["ml_app"]),
              ("shop", "prod", "fpm-app"), "service, env, ml_app")
        equal(span["parent_id"], "undefined", "parent")
        caller = span["meta"]["metadata"]["caller"]
        ok(caller["entry"].endswith("/index.php") and caller["line"] > 1 and
           caller["file"] == caller["entry"], "the page: %r" % caller)
    equal(got, want, "prompts")
    equal(len({s["trace_id"] for s in spans}), len(want), "traces")


def serve(t, env, config=None, requests=15, **more):
    """The same requests with us; outputs compared with a bare run."""
    with double(t) as dd:
        env, config = env(t, dd), config(t, dd) if config else None
        with Web(t, dd, {}, **more) as web:
            ask_all(web, 3)
            bare = quiet(web.quit())
        with Web(t, dd, env, config=config, **more) as web:
            told = web.get("env=1&ask=first-0")
            ok(re.search(r"\n\d+ falsefalse\n$", told),
               "the worker's environment: %r" % told)
            ok(dd.wait_spans(1, 5), "the first span does not arrive")
            dd.reset()
            ask_all(web, requests)
            check(dd, requests)
            ours = quiet(web.quit())
            check(dd, requests)
        equal(ours, bare, "what php-fpm wrote")


@test
def environment_of_the_master(t):
    serve(t, lambda t, dd: dict(settings(t, dd), **preload(t)))


@test
def file_of_settings(t):
    """Nothing but the preload and the file in the environment."""
    serve(t, lambda t, dd: preload(t), lambda t, dd: "".join(
        "%s=%s\n" % kv for kv in settings(t, dd).items()))


@test
def workers_that_end_often(t):
    """A worker that ends after three requests delivers first."""
    serve(t, lambda t, dd: dict(settings(t, dd), **preload(t)),
          pool={"pm.max_requests": "3"})


@test
def pool_in_a_chroot(t):
    serve(t, lambda t, dd: dict(settings(t, dd), **preload(t)), chroot=True)


@test
def file_of_settings_outside_a_chroot(t):
    """It is read in the master."""
    serve(t, lambda t, dd: preload(t), lambda t, dd: "".join(
        "%s=%s\n" % kv for kv in settings(t, dd).items()), chroot=True)


@test
def agent_on_a_socket(t):
    with double(t) as dd:
        os.chmod(os.path.dirname(dd.socket), 0o755)
        os.chmod(dd.socket, 0o777)
        env = dict(settings(t, dd), **preload(t),
                   DD_TRACE_AGENT_URL="unix://" + dd.socket)
        with Web(t, dd, env) as web:
            ask_all(web, 5)
            check(dd, 5)


@test
def worker_that_ends_with_the_master(t):
    """Requests, then SIGQUIT at once. By default the master sends SIGTERM half
    a millisecond later, which ends a worker as a kill does; with patience each
    worker ends by exit."""
    with double(t) as dd:
        with Web(t, dd, dict(settings(t, dd), **preload(t)),
                 patience="60s") as web:
            ask_all(web, 4)
            web.quit()
            check(dd, 4)


@test
def reload_after_an_upgrade(t):
    """In the middle of requests another version takes the place of the objects,
    and then the master is reloaded, which starts it anew."""
    def taken():
        with open("/proc/%d/maps" % web.fpm.pid) as f:
            return re.search(r"libllmobs_preload\.so\n", f.read())

    later = another(t, "spool")
    with double(t) as dd, tempfile.TemporaryDirectory(dir="/tmp") as folder:
        os.chmod(folder, 0o755)
        here = install(t, os.path.join(folder, "installed"))
        with Web(t, dd, dict(settings(t, dd), **preload(here)),
                 patience="20s") as web:
            ask_all(web, 40, [lambda: install(later, here.build),
                              lambda: ok(not taken(), "it goes on as it was"),
                              lambda: web.fpm.send_signal(signal.SIGUSR2)])
            ok(wait_for(taken, 10), "the master has the new object")
            check(dd, 40)
