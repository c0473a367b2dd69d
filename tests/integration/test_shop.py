"""A shop's curl asks gateways in C, which know nothing of the library; both
are started by `llmobs-run`, and each request is one trace over both."""
import concurrent.futures
import json
import os
import subprocess

from delivery import double
from harness import (LAUNCHER, body, curl, end_group, end_with_parent, equal,
                     free_port, installed, ok, tags_of, test, wait_port)
from serving import fastcgi_conf, nginx_conf
from test_gateways import ENTRY, Server, kind_of, prompt_of, settings
from test_servers import PATH, FastCgi, server

GATEWAY = (LAUNCHER, "--inbound", "--service", "gw")


class BehindNginx(FastCgi):
    """nginx before a gateway of libfcgi; it is not observed itself."""

    def __init__(self, t, kind, env, launcher):
        nginx = installed("/usr/sbin/nginx")
        super().__init__(t, [server("fcgi"), kind], env, launcher)
        self.port = free_port()
        conf = os.path.join(t.dir, "nginx.conf")
        with open(conf, "w") as f:
            f.write(nginx_conf(t.dir, fastcgi_conf(self.port, self.path)))
        self.nginx = subprocess.Popen(
            [nginx, "-c", conf, "-p", t.dir, "-g", "daemon off;"],
            env={"PATH": "/usr/bin:/bin"}, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True, preexec_fn=end_with_parent)
        wait_port(self.port, self.nginx)

    def __exit__(self, *what):
        end_group(self.nginx)
        super().__exit__(*what)


def its_settings(t, dd, **more):
    """For one gateway and its callers: a gateway is killed, and what it leaves in
    the spool is not to reach the next one's double."""
    spool = os.path.join(t.dir, "spool-" + dd.url.rsplit(":", 1)[1])
    return settings(t, dd, DD_SERVICE=None, LLMOBS_SPOOL_DIR=spool, **more)


def gateway(t, dd, name, kind, launcher=GATEWAY, **more):
    env = its_settings(t, dd, **more)
    if name == "fcgi":
        return BehindNginx(t, kind, env, launcher)
    port = free_port()
    return Server([server(name), kind, str(port)], env, port, launcher)


def shop(t, dd, port, argv, ml_app="shop"):
    """The shop's command; without an ml_app it runs bare."""
    base = "http://127.0.0.1:%d%s" % (port, PATH)
    env = its_settings(t, dd, DD_LLMOBS_INSTRUMENTED_PROXY_URLS=base)
    launcher = [LAUNCHER, "--ml-app", ml_app] if ml_app else []
    return subprocess.run(launcher + [a.replace("@", base) for a in argv],
                          env=env, stdin=subprocess.DEVNULL, timeout=60,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def requests(*bodies):
    """A command that makes them, over one connection."""
    argv = ["curl", "-q"]
    for one in bodies:
        argv += curl("@", one, "-i", "-w", "\n%{num_connects} new\n")[2:]
        argv.append("--next")
    return argv[:-1]


def heard(done):
    """All that the shop's curl shows, without the time of day."""
    equal((done.returncode, done.stderr), (0, b""), "end of curl")
    return [line for line in done.stdout.split(b"\n")
            if not line.lower().startswith(b"date: ")]


def asked(span):
    """The prompt; a request to a gateway is a workflow, whose input is text."""
    if kind_of(span) == "llm":
        return prompt_of(span)
    return json.loads(span["meta"]["input"]["value"])[-1]["content"]


def joined(spans, count, ml_apps):
    """Each of so many calls of a gateway is below the shop's request for it,
    whose ml_app it has; gives them by their prompts."""
    outer = {s["span_id"]: s for s in spans if kind_of(s) == "workflow"}
    calls = [s for s in spans if kind_of(s) == "llm"]
    equal((len(outer), len(calls)), (count, count), "spans of both sides")
    for call in calls:
        above = outer.pop(call["parent_id"])
        equal((call["trace_id"], asked(call)),
              (above["trace_id"], asked(above)), "trace and prompt")
        equal(tags_of(call)["service"], "gw", "service")
        app = tags_of(above)["ml_app"]
        equal(tags_of(call)["ml_app"], app, "ml_app")
        ok(app in ml_apps, "ml_app of the shop: " + app)
    equal(len({s["trace_id"] for s in calls}), count, "traces")
    return {asked(s): s for s in calls}


ASKED = [body("first"), body("streamed", stream=True),
         body("refused", model="error-429"), body("failed", model="error-500"),
         body("last")]


def whole(t, name, *kinds):
    for kind in kinds:
        with double(t) as dd, gateway(t, dd, name, kind, ()) as at:
            bare = heard(shop(t, dd, at.port, requests(*ASKED), None))
            equal(dd.spans(), [], "spans of bare programs")
            equal([line for line in bare if line.endswith(b" new")],
                  [b"1 new"] + [b"0 new"] * 4, "connections")
        with double(t) as dd, gateway(t, dd, name, kind) as at:
            equal(heard(shop(t, dd, at.port, requests(*ASKED))), bare,
                  "all that the shop hears (%s)" % kind)
            calls = joined(dd.wait_spans(2 * len(ASKED), 20), len(ASKED),
                           {"shop"})
            equal(dd.violations(), [], "violations")
        equal({p: s["status"] for p, s in calls.items()},
              {"first": "ok", "streamed": "ok", "refused": "error",
               "failed": "error", "last": "ok"}, "statuses")
    hangs_up(t, name, kinds[0])


def hangs_up(t, name, kind):
    """The shop does not wait for the answer: the gateway's call is still
    below its request, as is what it asks for next."""
    slow = body("long " * 40, model="slow", stream=True)
    with double(t) as dd, gateway(t, dd, name, kind) as at:
        done = shop(t, dd, at.port, curl("@", slow, "--max-time", "0.3"))
        equal(done.returncode, 28, "end of curl")
        heard(shop(t, dd, at.port, requests(body("next"))))
        joined(dd.wait_spans(4, 20), 2, {"shop"})


def entered(t, name, *kinds):
    """Each request that asks a model is a span between, also one without a
    caller, which comes first: it began before its call and ended after it."""
    for kind in kinds:
        with double(t) as dd, gateway(t, dd, name, kind,
                                      LLMOBS_ENTRY="1") as at:
            nobodys = requests("", body("own"), "", body("again"))
            heard(shop(t, dd, at.port, nobodys, None))
            heard(shop(t, dd, at.port, requests("", *ASKED)))
            spans = dd.wait_spans(4 + 3 * len(ASKED), 20)
            equal(dd.violations(), [], "violations")
        between = {s["span_id"]: s for s in spans if s["name"] == ENTRY}
        calls = [s for s in spans if kind_of(s) == "llm"]
        # a request without a body asks no model
        equal((len(between), len(calls)), (2 + len(ASKED),) * 2,
              "spans of the gateway (%s)" % kind)
        for call in calls:
            above = between.pop(call["parent_id"])
            equal(call["trace_id"], above["trace_id"], "trace of a call")
            equal(tags_of(call)["ml_app"], tags_of(above)["ml_app"], "ml_app")
            ok(above["start_ns"] <= call["start_ns"], "begin of an entry")
            ok(kind == "multi" or above["start_ns"] + above["duration"] >=
               call["start_ns"] + call["duration"], "end of an entry")
            call["parent_id"] = above["parent_id"]
        joined([s for s in spans if s["name"] != ENTRY and
                s["parent_id"] != "undefined" or kind_of(s) == "workflow" and
                s["name"] != ENTRY], len(ASKED), {"shop"})


def two_shops(t, name, kind):
    """32 requests of each at once."""
    with double(t) as dd, gateway(t, dd, name, kind) as at, \
            concurrent.futures.ThreadPoolExecutor(2) as pool:
        def one(app):
            bodies = [body("%s %d" % (app, i)) for i in range(32)]
            heard(shop(t, dd, at.port, requests(*bodies) + [
                "-Z", "--parallel-immediate", "--parallel-max", "32",
                "--no-progress-meter"], app))

        list(pool.map(one, ("shop-a", "shop-b")))
        calls = joined(dd.wait_spans(128, 40), 64, {"shop-a", "shop-b"})
    for prompt, call in calls.items():
        equal(tags_of(call)["ml_app"], prompt.split()[0], "ml_app")


@test
def entries_of_all(t):
    entered(t, "mhd", "pool", "own", "multi")
    entered(t, "fcgi", "r", "stdio", "child")


@test
def entries_by_the_file(t):
    """The configuration file says it, and the environment the rest."""
    conf = os.path.join(t.dir, "llmobs.conf")
    with open(conf, "w") as f:
        f.write("LLMOBS_ENTRY=filed\n")
    with double(t) as dd, gateway(t, dd, "mhd", "one",
                                  LLMOBS_CONFIG=conf) as at:
        heard(shop(t, dd, at.port, requests(body("own")), None))
        spans = {kind_of(s): s for s in dd.wait_spans(2, 20)}
    equal(spans["workflow"]["name"], "filed", "name")
    equal(spans["llm"]["parent_id"], spans["workflow"]["span_id"], "parent")


@test
def libmicrohttpd(t):
    whole(t, "mhd", "one", "pool", "each", "own", "multi")


@test
def libmicrohttpd_of_two_shops(t):
    for kind in ("pool", "each", "multi"):
        two_shops(t, "mhd", kind)


@test
def libfcgi_behind_nginx(t):
    whole(t, "fcgi", "r", "threads", "stdio")


@test
def libfcgi_of_two_shops_behind_nginx(t):
    two_shops(t, "fcgi", "threads")
