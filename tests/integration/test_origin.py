"""The names that nobody gave: of the application, the script and the unit."""
import os
import shutil
import socket
import subprocess

from harness import (LAUNCHER, Skip, body, curl, equal, ok, read_spans,
                     tags_of, test)
from otlp_case import Receiver, otlp
from test_commands import events

UNNAMED = "unnamed-ml-app"
NOBODY = {"DD_LLMOBS_ML_APP": None}


def words(t, *more):
    """A call as words of a shell."""
    return " ".join("'%s'" % w for w in [*curl(t.url, body()), *more])


def told(t, argv, inputs=None, env=None, **options):
    """(ml_app, script) of the one span of a program."""
    span = t.run(argv, inputs=inputs, env=dict(NOBODY, **(env or {})),
                 **options).only()
    caller = span["meta"]["metadata"].get("caller", {})
    return tags_of(span)["ml_app"], caller.get("entry")


def shell(text):
    return ("#!/bin/sh\n%s\ntrue\n" % text).encode()


@test
def scripts(t):
    call = words(t)
    files = {"nightly-report.sh": shell(call),
             "outer.sh": shell("sh ./nightly-report.sh"),
             "plain": shell(call),
             "Loud Name.sh": shell(call),
             "job-20261125113000.sh": shell(call),
             "ask.py": b"import subprocess\nsubprocess.run(\"\"\"%s\"\"\", "
             b"shell=True)\n" % call.encode()}
    for argv, want in (
            (["sh", "nightly-report.sh"],
             ("nightly-report", "nightly-report.sh")),
            (["sh", "-eu", "nightly-report.sh", "sk-not-a-name", "x.sh"],
             ("nightly-report", "nightly-report.sh")),
            (["sh", "outer.sh"], ("outer", "outer.sh")),
            (["sh", "-c", "timeout 9 sh -x plain 2> /dev/null; true"],
             ("plain", "plain")),
            (["sh", "-c", "sh './Loud Name.sh'; true"], None),
            (["sh", "-c", "sh job-20261125113000.sh; true"],
             (UNNAMED, "job-20261125113000.sh")),
            (["/usr/bin/python3", "-B", "ask.py"], ("ask", "ask.py")),
            (["/usr/bin/python3", "-m", "ask"], ("ask", "ask")),
            (["sh", os.path.join(t.dir, "work", "plain")],
             (UNNAMED, os.path.join(t.dir, "work", "plain")))):
        got = told(t, argv, inputs=files)
        if want:
            equal(got, want, " ".join(argv))
        else:
            ok("Loud" not in str(got), "a name with a blank: %r" % (got,))


@test
def the_launcher_tells(t):
    """A child whose parents do not tell belongs to the command's script."""
    files = {"deploy.sh": shell("(setsid sh -c \"$CALL\" & wait)")}
    got = told(t, ["sh", "deploy.sh"], inputs=files,
               env={"CALL": words(t) + "; true"})
    equal(got, ("deploy", "deploy.sh"), "names")
    got = told(t, ["sh", "deploy.sh"], inputs=files,
               env={"CALL": words(t) + "; true", "LLMOBS_CALLSITE": "off"})
    equal(got, ("deploy", None), "names without a caller")


@test
def an_evaluation(t):
    """It is of the application whose calls it is about."""
    tells = ("'%s' evaluate --label tone --type score --value 1 --span-id 258 "
             "--trace-id %s" % (os.path.join(t.build, "llmobs"), "1f" * 16))
    t.run(["sh", "x.sh"], env=NOBODY, check=False,
          inputs={"x.sh": shell(words(t) + "\n" + tells)})
    (span,), (evaluation,) = events(t)
    equal((tags_of(span)["ml_app"], evaluation["ml_app"]), ("x", "x"),
          "ml_app")


@test
def somebody_named_it(t):
    files = {"x.sh": shell(words(t))}
    for env, want in (({"DD_LLMOBS_ML_APP": "mine"}, "mine"),
                      ({"DD_SERVICE": "svc"}, "svc")):
        equal(told(t, ["sh", "x.sh"], inputs=files, env=env), (want, "x.sh"),
              "names")


@test
def a_program(t):
    """One of its own has a name, and one for all has none. A pid namespace of
    its own has no parents."""
    apart = ["unshare", "-pf", "--mount-proc"]
    if subprocess.run(apart + ["true"],
                      stderr=subprocess.DEVNULL).returncode != 0:
        raise Skip("no pid namespaces")
    with open(shutil.which("curl"), "rb") as file:
        program = file.read()
    for name, want in (("weather", "weather"), ("curl", UNNAMED),
                       ("a1b2c3d4e5", UNNAMED)):
        script = "chmod +x %s && exec ./%s \"$@\"" % (name, name)
        got = told(t, ["sh", "-c", script, "sh", *curl(t.url, body())[1:]],
                   inputs={name: program}, launcher=[*apart, LAUNCHER])
        equal(got, (want, None), name)


@test
def pool(t):
    for name, want in (("shop", "shop"), ("www", None)):
        span = t.run(["bash", "-c", "exec -a 'php-fpm: pool %s' %s"
                      % (name, words(t))], env=NOBODY).only()
        tags = tags_of(span)
        equal(tags["pool"], name, "tag pool")
        if want:
            equal(tags["ml_app"], want, "ml_app")


GROUPS = (
    ("0::/system.slice/report.service\n", "report", "report"),
    ("0::/system.slice/worker@7.service\n", "worker", "worker"),
    ("12:cpu:/x\n1:name=systemd:/system.slice/old.service\n0::/\n", "old",
     "old"),
    ("0::/user.slice/user-1.slice/user@1.service/app.slice/notes.service\n",
     "notes", "notes"),
    ("0::/system.slice/cron.service\n", "cron", None),
    ("0::/user.slice/user-1.slice/user@1.service/app.slice/vte-1.scope\n",
     None, None),
    ("0::/system.slice/docker-0123456789abcdef.scope\n", None, None),
    ("0::/system.slice/run-r0123456789abcdef.service\n", None, None),
    ("0::/\n", None, None),
    ("", None, None),
    (".service\n::/\n::/.service/@.service", None, None),
)


@test
def units(t):
    """The kernel's file of the process is another one, in a mount namespace of
    its own."""
    script = ("mount --make-rprivate / && mount --bind group /proc/$$/cgroup "
              "&& exec %s" % words(t))
    if subprocess.run(["unshare", "-m", "true"],
                      stderr=subprocess.DEVNULL).returncode != 0:
        raise Skip("no mount namespaces")
    for text, unit, app in GROUPS:
        span = t.run(["sh", "-c", script], env=NOBODY,
                     inputs={"group": text.encode()},
                     launcher=["unshare", "-m", LAUNCHER]).only()
        tags = tags_of(span)
        equal(tags.get("unit"), unit, "unit of %r" % text)
        if app:
            equal(tags["ml_app"], app, "ml_app of %r" % text)
        else:
            ok(tags["ml_app"] != unit or unit is None, "ml_app of %r" % text)
    span = t.run(["sh", "-c", script], env={"DD_TAGS": "unit:mine"},
                 inputs={"group": GROUPS[0][0].encode()},
                 launcher=["unshare", "-m", LAUNCHER]).only()
    equal(tags_of(span)["unit"], "mine", "the user's own tag")


ID = "0123456789abcdef" * 4
UID = "11111111-2222-3333-4444-555555555555"
MANAGED = "# Kubernetes-managed hosts file%s.\n127.0.0.1 localhost\n"
IN_POD = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "POD_NAME": None,
          "POD_NAMESPACE": None, "POD_UID": None}
KUBELET = ("36 35 98:0 /var/lib/kubelet/pods/" + UID + "/containers/web/"
           "0a1b2c3d /dev/termination-log rw - ext4 /dev/sda rw\n")
DOCKER = ("36 35 98:0 /var/lib/docker/containers/" + ID + "/hostname "
          "/etc/hostname rw - ext4 /dev/sda rw\n")
HOST = socket.gethostname()

# The files, the environment, and what is told of container and pod.
PLACES = (
    ("0::/system.slice/docker-%s.scope\n" % ID, "", "", {},
     {"container.id": ID}),
    ("4:memory:/docker/%s\n0::/\n" % ID, KUBELET, "", {},
     {"container.id": ID}),
    ("0::/\n", DOCKER, "", {}, {"container.id": ID}),
    ("0::/user.slice/x.scope\n", DOCKER + KUBELET, MANAGED % "",
     dict(IN_POD, KUBERNETES_SERVICE_HOST=None, POD_NAME="no"), {}),
    ("0::/\n", KUBELET + DOCKER, MANAGED % "", IN_POD,
     {"k8s.pod.name": HOST, "k8s.pod.uid": UID, "k8s.container.name": "web"}),
    ("0::/\n", KUBELET, MANAGED % " (host network)",
     dict(IN_POD, POD_NAMESPACE="shop"),
     {"k8s.pod.uid": UID, "k8s.container.name": "web",
      "k8s.namespace.name": "shop"}),
    ("0::/kubepods/pod%s/%s\n" % (UID, ID), "", MANAGED % "",
     dict(IN_POD, POD_NAME="web-0", POD_NAMESPACE="a,b", POD_UID="x"),
     {"container.id": ID, "k8s.pod.uid": UID, "k8s.pod.name": "web-0"}),
)
TAGS = {"container.id": "container_id", "k8s.pod.name": "pod_name",
        "k8s.namespace.name": "kube_namespace",
        "k8s.container.name": "kube_container_name"}


@test
def containers(t):
    """The container and the pod are the caller's, also where another process,
    which runs elsewhere, delivers the call."""
    script = ("mount --make-rprivate / && mount --bind group /proc/$$/cgroup "
              "&& mount --bind mounts /proc/$$/mountinfo && mount --bind hosts"
              " /etc/hosts && exec %s" % words(t))
    if subprocess.run(["unshare", "-m", "true"],
                      stderr=subprocess.DEVNULL).returncode != 0:
        raise Skip("no mount namespaces")
    for group, mounts, hosts, env, want in PLACES:
        with Receiver() as receiver:
            sends = dict(otlp(receiver, LLMOBS_EXIT_FLUSH_MS="0", **env),
                         LLMOBS_EXPORTER="otlp,store")
            shutil.rmtree(os.path.join(t.dir, "store"), ignore_errors=True)
            t.run(["sh", "-c", script], env=sends, check=False,
                  inputs={"group": group.encode(), "mounts": mounts.encode(),
                          "hosts": hosts.encode()},
                  launcher=["unshare", "-m", LAUNCHER])
            done = subprocess.run(
                [os.path.join(t.build, "llmobs"), "drain"], check=False,
                env=t.environment(True, dict(
                    sends, OTEL_RESOURCE_ATTRIBUTES="container.id=drain",
                    **{k: None for k in IN_POD})))
            equal(done.returncode, 0, "drain")
            span, = receiver.records("traces")
        said = span["resource"]
        equal(said.get("host.name"), HOST, "host.name")
        equal({k: v for k, v in said.items()
               if k.startswith(("container.", "k8s."))}, want, group + mounts)
        tags = tags_of(read_spans(os.path.join(t.dir, "store"))[0])
        equal({k: tags.get(k) for k in TAGS.values()},
              {TAGS[k]: want.get(k) for k in TAGS}, "tags")


@test
def what_travels(t):
    """A gateway hears of a name that somebody gave, of a unit and of a pool; its
    own says more than the name of a script."""
    files = {"x.sh": shell(words(t))}
    for argv, env, want in (
            (["sh", "x.sh"], {}, None),
            (["sh", "x.sh"], {"DD_LLMOBS_ML_APP": "mine"}, "mine"),
            (["bash", "-c", "exec -a 'php-fpm: pool shop' " + words(t)], {},
             "shop")):
        r = t.run(argv, inputs=files, env=dict(
            NOBODY, DD_LLMOBS_INSTRUMENTED_PROXY_URLS=t.url, **env))
        sent = {k.lower(): v for k, v in r.requests[-1]["headers"]}
        parts = dict(p.split("=", 1) for p in
                     sent["x-datadog-tags"].split(","))
        equal(parts.get("_dd.p.llmobs_ml_app"), want, "ml_app that travels")


@test
def no_secret_of_a_command_line(t):
    """Words of a parent, and a path with the form of a key, are nowhere."""
    key = "sk-proj-abcdefghijklmnopqrstuvwxyz0123456789ABCD"
    t.secrets.append(key)
    files = {"x.sh": shell(words(t)), key + ".sh": shell(words(t))}
    for argv, want in ((["sh", "x.sh", "--token", key], "x.sh"),
                       (["sh", "-c", "API_KEY=%s sh x.sh; true" % key], "x.sh"),
                       (["sh", key + ".sh"], None)):
        name, script = told(t, argv, inputs=files)
        equal(script, want, "script")
        ok(key not in name, "a key")


@test
def no_code_of_a_command_line(t):
    """A program among the words, and a stream, is no script."""
    call = words(t) + "; true"
    files = {"x.sh": shell(words(t)), "f('open-sesame').sh": shell(words(t))}
    t.secrets.append("open-sesame")
    for argv in (["perl", "-le", "system($ENV{CALL});#open-sesame"],
                 ["awk", 'BEGIN{system(ENVIRON["CALL"])}#open-sesame'],
                 ["sh", "f('open-sesame').sh"],
                 ["bash", "-c", "bash <(cat x.sh); true"]):
        if shutil.which(argv[0]):
            got = str(told(t, argv, inputs=files, env={"CALL": call}))
            ok("sesame" not in got and "fd" not in got, got)
