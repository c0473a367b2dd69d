"""Recipes of the documentation and of examples/, followed as they stand but for
their paths and ports."""
import collections
import contextlib
import importlib
import json
import os
import re
import shlex
import shutil
import subprocess

import cases
import harness
from delivery import PATIENT, double, wait_for
from harness import (LAUNCHER, ROOT, Skip, body, equal, free_port, installed, ok,
                     tags_of, test)
from otlp_case import Receiver, each_once
from relays import Relay, sign_is_up
from serving import Handler, nginx_conf, serving
from test_gateways import (COMMANDS, ENTRY, EXAMPLES, Server, ask, check, connect,
                           kind_of, need, read, requests, settings)
from test_hooks import check as check_spans

OF = "rest"

INSTALLED = "/usr/local/share/llmobs/inbound"
INBOUND = os.path.join(EXAMPLES, "inbound")


def write(t, name, text):
    path = os.path.join(t.dir, name)
    with open(path, "w") as f:
        f.write(text)
    return path


def followed(t, name, **changes):
    """A file of examples/ with each of these texts replaced."""
    text = read(os.path.join(EXAMPLES, name))
    for old, new in dict({INSTALLED: INBOUND}, **changes).items():
        ok(old in text, "%s has no %s" % (name, old))
        text = text.replace(old, new)
    return write(t, os.path.basename(name), text)


def talk(port):
    """Asks for all callers; gives what is known of them, by prompt."""
    known, connection = {}, connect(port)
    for prompt, ids, headers in requests():
        ask(connection, prompt, headers, "/v1/chat/completions")
        known[prompt] = ids
    connection.close()
    return known


@test
def plumber(t):
    need("Rscript", "-e", "library(plumber); library(curl)")
    page, port = followed(t, "plumber.R"), free_port()
    run = "plumber::pr_run(plumber::pr('%s'), port = %d, docs = FALSE)" % (
        page, port)
    with double(t) as dd, Server(["Rscript", "-e", run],
                                 settings(t, dd, **COMMANDS), port,
                                 seconds=60) as at:
        check(dd, talk(at.port), ENTRY)


NGINX_MODULES = """load_module /usr/lib/nginx/modules/ndk_http_module.so;
load_module /usr/lib/nginx/modules/ngx_http_lua_module.so;
daemon off;
"""


@test
def nginx_with_lua(t):
    """As OpenResty is: each request in a coroutine of the worker."""
    installed("/usr/lib/nginx/modules/ngx_http_lua_module.so")
    installed("/usr/lib/*/lua/5.1/curl.so")
    port = free_port()
    page = followed(t, "nginx-lua.conf", **{
        "127.0.0.1:8080": "127.0.0.1:%d" % port,
        "https://api.openai.com/v1": t.url.replace("/chat/completions", "")})
    conf = write(t, "nginx.conf", nginx_conf(
        t.dir, "include %s;" % page, before=NGINX_MODULES))
    with double(t) as dd, Server(
            [installed("/usr/sbin/nginx"), "-c", conf, "-p", t.dir],
            settings(t, dd, **COMMANDS), port) as at:
        check(dd, talk(at.port), ENTRY)


def page_of(name):
    return read(os.path.join(ROOT, "docs", name))


@test
def cron(t):
    """Its line as cron runs it: by /bin/sh, without a terminal, with four
    variables and those of the crontab, here the store's. Each job is a trace of
    its own."""
    fields = re.search(r"^0 3 \* \* \* app (.*)$", page_of("OPERATIONS.md"),
                       re.M).group(1)
    line = fields.replace("/usr/local/bin/llmobs-run", LAUNCHER) \
        .replace("/opt/app/report.sh", write(t, "report.sh", "#!/bin/sh\n" +
                 shlex.join(harness.curl(t.url, body("report"))) +
                 " > /dev/null\n"))
    os.chmod(os.path.join(t.dir, "report.sh"), 0o755)
    ok("%" not in line, "cron takes a %% for a line's end: " + line)
    home = os.path.join(t.dir, "home")
    os.makedirs(home, exist_ok=True)
    store = {"LLMOBS_STORE_DIR": os.path.join(home, "store")}
    for _ in range(2):
        done = subprocess.run(["/bin/sh", "-c", line], cwd=home, timeout=60, env={
            "HOME": home, "LOGNAME": "app", "SHELL": "/bin/sh",
            "PATH": "/usr/bin:/bin", **store}, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        # cron would send a mail with it
        equal((done.returncode, done.stdout, done.stderr), (0, b"", b""),
              "end of the job")
    seen = subprocess.run([os.path.join(t.build, "llmobs"), "view", "--json"],
                          env=store, stdout=subprocess.PIPE, check=True)
    spans = [json.loads(one) for one in seen.stdout.splitlines()]
    equal(sorted((kind_of(s), s["name"]) for s in spans),
          [("llm", "OpenAI.createChatCompletion")] * 2 +
          [("workflow", "nightly")] * 2, "spans")
    equal({tags_of(s)["ml_app"] for s in spans}, {"nightly"}, "ml_app")
    equal(len({s["trace_id"] for s in spans}), 2, "traces")


def unit_of(t, name, changes):
    """The unit in the documentation that has this description: its file, with
    each of these texts replaced, and its section [Service]."""
    text = next(u for u in re.findall(r"^```ini\n(.*?)^```", page_of(
        "OPERATIONS.md"), re.M | re.S) if "Description=%s\n" % name in u)
    for old, new in changes.items():
        ok(old in text, "the unit has no " + old)
        text = text.replace(old, new)
    lines = re.search(r"^\[Service\]\n(.*?)^\[", text, re.M | re.S).group(1)
    return write(t, "gateway.service", text), [
        line.split("=", 1) for line in
        lines.replace("\\\n", "").splitlines() if line]


@test
def systemd_service(t):
    """The unit is one, by systemd's own tool, and its command serves: with the
    unit's environment, and a folder such as systemd makes for a user that comes
    and goes, behind a link."""
    need("systemd-analyze", "--version")
    need("puma")
    need("ruby", "-rtyphoeus", "-e", "1")
    port = free_port()
    path, service = unit_of(t, "The gateway to our models", {
        "/usr/local/bin/llmobs-run": LAUNCHER, ":8080": ":%d" % port,
        "https://api.openai.com/v1": t.url.replace("/chat/completions", ""),
        "/srv/gateway/config.ru": os.path.join(
            harness.APPS, "unmodified", "config.ru")})
    done = subprocess.run(["systemd-analyze", "--man=no", "verify", path],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=60)
    equal((done.returncode, done.stdout), (0, b""), "systemd's judgement")
    state = os.path.join(t.dir, "state")
    os.makedirs(os.path.join(state, "private", "gateway"), mode=0o700)
    os.symlink("private/gateway", os.path.join(state, "gateway"))
    given = [word.replace("%S", state).split("=", 1) for key, value in service
             if key == "Environment" for word in shlex.split(value)]
    command, = (value for key, value in service if key == "ExecStart")
    with double(t) as dd, Server(
            shlex.split(command), dict(settings(t, dd, BINDING="typhoeus"),
                                       **dict(given)), port, ()) as at:
        known = talk(at.port)
        check_spans(dd.wait_spans(2 * len(known), 20), known, ENTRY)
        ok(os.listdir(os.path.join(state, "private", "gateway")), "its folder")


@test
def docker_compose(t):
    """The file is one, by the tool's own schema, and names what is there."""
    need("docker-compose", "version")
    folder = os.path.join(EXAMPLES, "container")
    path = os.path.join(folder, "compose.yaml")
    done = subprocess.run(
        ["docker-compose", "-f", path, "config"], timeout=60,
        env={"PATH": os.environ["PATH"], "HOME": t.dir, "LLM_KEY": "key"},
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True)
    equal(done.returncode, 0, "end of config: " + done.stderr)
    try:
        import yaml
    except ImportError:
        raise Skip("no yaml for " + harness.PYTHON)
    services = yaml.safe_load(done.stdout)["services"]
    dockerfile = read(os.path.join(folder, "Dockerfile"))
    variables = page_of("CONFIG.md")
    for name, service in services.items():
        build = service.get("build", {})
        if build:
            equal(os.path.join(build["context"], build["dockerfile"]),
                  os.path.join(folder, "Dockerfile"), name)
            ok(" AS %s\n" % build.get("target", "llmobs") in dockerfile,
               "stage of " + name)
        for variable in service.get("environment", {}):
            ok(not variable.startswith(("LLMOBS_", "DD_LLMOBS_")) or
               "`%s`" % variable in variables, variable)
        for volume in service.get("volumes", []):
            source = str(volume).split(":")[0]
            ok(not source.startswith("/") or os.path.exists(source), source)
    words = " ".join(services["worker"]["entrypoint"] +
                     services["worker"]["command"])
    for file in re.findall(r"/llmobs/(\S+)", words):
        ok(os.path.basename(file) in os.listdir(
            INBOUND if "inbound" in file else os.path.dirname(LAUNCHER)), file)


class Acme(Handler):
    """Answers a stream of the API that the page's rule reads."""

    def do_POST(self):
        self.read()
        self.answer(self.server.stream, "text/event-stream")


@test
def api_of_the_page(t):
    """The file of RULES.md, for the request and the stream of a case."""
    text = re.search(r"```\n(.*?)```", page_of("RULES.md"), re.S).group(1)
    rules = write(t, "rules", text.replace("api.acme.test", "127.0.0.1"))
    case = cases.read(os.path.join(ROOT, "tests/rules/json/parts_stream"))
    asked, stream = (case[part].decode().split("\n\n", 1)[1]
                     for part in ("request", "answer"))
    with serving(Acme, "/v1/reply", stream=stream.encode()) as url:
        r = t.run(harness.curl(url, asked), env={"LLMOBS_RULES": rules})
    equal(r.stdout, stream.encode(), "stream")
    shown = subprocess.run(
        [os.path.join(t.build, "llmobs"), "view", "--messages", "--store",
         os.path.join(t.dir, "store")], stdout=subprocess.PIPE, text=True,
        check=True).stdout
    shown = " ".join(shown.split())
    for text in ("acme.request llm acme-1 11 4", "> user Rain in Bonn?",
                 "reasoning Clouds.", "< assistant It rains.",
                 'calls rain [t1] {"city": "Bonn"}'):
        ok(text in shown, "no %r in %s" % (text, shown))


# ---- examples/container ----------------------------------------------------

CONTAINER = os.path.join(EXAMPLES, "container")


def loaded(*name):
    return importlib.import_module("yaml").safe_load(
        read(os.path.join(CONTAINER, *name)))


def of_compose(folder):
    """The services' variables, by name: those of the second file win."""
    made = collections.defaultdict(dict)
    for name in ["compose.yaml"], [folder, "compose.yaml"]:
        for service, says in loaded(*name)["services"].items():
            made[service].update(says.get("environment", {}))
    return {name: {k: re.sub(r"\$\{\w+:-(.*?)\}", r"\1", v)
                   for k, v in env.items()} for name, env in made.items()}


def kubectl(t):
    """One with a kustomize of this time: the path's, or npm's."""
    here = shutil.which("kubectl")
    if here:
        said = subprocess.run([here, "version", "--client", "-o", "json"], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        if re.search(r'"kustomizeVersion": "v[5-9]', said.stdout):
            return here
    got = subprocess.run([os.path.join(ROOT, "tests/otlp/get"), "kubectl"], text=True,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if got.returncode == 77:
        raise Skip("no kubectl: " + got.stderr.strip())
    equal(got.returncode, 0, "get kubectl: " + got.stderr)
    return os.path.join(got.stdout.strip(), "kubectl")


def kustomized(t, folder):
    """The one Deployment that `kubectl apply -k` of the folder would send."""
    done = subprocess.run([kubectl(t), "kustomize", os.path.join(CONTAINER, folder)],
                          env={"PATH": os.environ["PATH"], "HOME": t.dir}, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    equal((done.returncode, done.stderr), (0, ""), "kustomize " + folder)
    deployment, = importlib.import_module("yaml").safe_load_all(done.stdout)
    return deployment


def of_kubernetes(t, folder):
    """The same of the pod's containers."""
    pod = kustomized(t, folder)["spec"]["template"]["spec"]
    volumes = {v["name"] for v in pod["volumes"]}
    for container in pod["containers"] + pod["initContainers"]:
        ok({m["name"] for m in container["volumeMounts"]} <= volumes, "volumes")
    return {c["name"]: {v["name"]: v.get("value", "its-node") for v in c.get("env", [])}
            for c in pod["containers"] + pod["initContainers"]}


@contextlib.contextmanager
def as_deployed(t, folder):
    """Each app's variables, with our doubles at the places that the recipe names."""
    t.fresh(None)
    with double(t) as dd, Receiver() as receiver:
        # of a file are those names alone that it gives a place
        places = {"http://jaeger:4318": receiver.url, "agent": "127.0.0.1",
                  "http://otel-collector:4318": receiver.url, "its-node": "127.0.0.1",
                  "/spool": t.dir + "/spool", "/state/spool": t.dir + "/spool"}
        model = t.url.replace("/v1/chat/completions", "")
        places.update(dict.fromkeys(
            ["https://api.openai.com", "http://gateway:4000", "http://worker:8080",
             "http://worker:8080/chat.php"], model))
        yield dd, receiver, [
            {name: dict({k: places.get(v, v) for k, v in env.items()},
                        LLMOBS_EXPORTER=env.get("LLMOBS_EXPORTER"), LD_PRELOAD=None,
                        LLMOBS_STORE_DIR=t.dir + "/store", **(
                            {"DD_AGENT_PORT": dd.url.rpartition(":")[2]}
                            if "DD_AGENT_HOST" in env else {}))
             for name, env in made.items()}
            for made in (of_compose(folder), of_kubernetes(t, folder))]


def asks(t, env):
    """As app.sh does; the end of a recipe's place has nothing to do with ours."""
    r = t.run([LAUNCHER, *harness.curl(env["LLM_URL"] + "/v1/chat/completions", body())],
              preload=True, launcher=[], env=dict(env, **PATIENT), keep=True,
              check=False)
    equal((r.code, r.stderr), (0, b""), "the app")


def apps_of(made):
    return [env for name, env in made.items() if "LLM_URL" in env]


@test
def containers_are_accepted(t):
    need("docker-compose")
    for folder in "otlp", "gateway", "relay":
        said = subprocess.run(
            ["docker-compose", "-f", "compose.yaml", "-f", folder + "/compose.yaml",
             "config", "-q"], cwd=CONTAINER, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT)
        equal((said.returncode, said.stdout), (0, b""), folder)


@test
def kustomizations_build(t):
    """Each folder alone, to the base and nothing but its own changes."""
    names = {"base": [], "otlp": ["LLMOBS_EXPORTER", "OTEL_EXPORTER_OTLP_ENDPOINT"],
             "gateway": ["DD_LLMOBS_INSTRUMENTED_PROXY_URLS"],
             "relay": ["LLMOBS_SPOOL_DIR"]}
    equal({name for name in os.listdir(CONTAINER) if os.path.exists(
        os.path.join(CONTAINER, name, "kustomization.yaml"))}, set(names), "folders")
    base = of_kubernetes(t, "base")
    for folder, more in names.items():
        made = of_kubernetes(t, folder)
        for name in base:
            equal(set(made[name]) - set(base[name]),
                  set(more if "LLM_URL" in made[name] else []), folder + " " + name)


@test
def containers_by_otlp(t):
    with as_deployed(t, "otlp") as (dd, receiver, kinds):
        for env in (env for made in kinds for env in apps_of(made)):
            asks(t, env)
        each_once(receiver, 4)
        equal(dd.spans(), [], "spans at the agent")


@test
def containers_through_a_gateway(t):
    with as_deployed(t, "gateway") as (dd, _, kinds):
        for env in (env for made in kinds for env in apps_of(made)
                    if "DD_LLMOBS_INSTRUMENTED_PROXY_URLS" in env):
            asks(t, env)
        equal([kind_of(s) for s in dd.wait_spans(3)], ["workflow"] * 3, "kinds")


@test
def containers_by_a_relay(t):
    """Of which they know by their spool alone: they name no place to send to."""
    with as_deployed(t, "relay") as (dd, _, kinds):
        for count, made in enumerate(kinds, 1):
            os.makedirs(t.dir + "/spool", exist_ok=True)
            with Relay(t, made.pop("relay"), wait=False):
                path = "%s/spool/relay.%d" % (t.dir, os.geteuid())
                ok(wait_for(lambda: sign_is_up(t, path), 60), "the sign")
                for env in apps_of(made):
                    ok(env.pop("DD_AGENT_HOST"), "the same destination")
                    asks(t, env)
                dd.wait_spans(2 * count, 60)
        equal(len(dd.spans()), 4, "spans")
