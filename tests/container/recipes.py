"""The recipes of examples/container, followed step by step without docker: a
stage of the Dockerfile is a copy of a debootstrap root, RUN a chroot; a pod is
a set of directories and mounts.
"""
import glob
import json
import os
import re
import shlex
import shutil
import signal
import subprocess

import jmespath
import yaml

from world import SOURCE, Wrong, case, equal, wait_for

RECIPES = os.path.join(SOURCE, "examples", "container")
GROUP = "examples/container"
BUILD = r"""
mount -t proc proc "$ROOT/proc"
for d in null zero random urandom; do
    : > "$ROOT/dev/$d"; mount --bind "/dev/$d" "$ROOT/dev/$d"
done
exec chroot "$ROOT" /bin/sh -c "$RUN"
"""


class Image:
    """The files and settings that a stage has come to."""

    def __init__(self, root):
        self.root, self.env, self.entrypoint, self.cmd = root, {}, [], []
        self.cwd = "/"

    def command(self):
        return self.entrypoint + self.cmd


def instructions(path):
    with open(path) as f:
        text = "".join(line for line in f if not line.startswith("#"))
    for line in text.replace("\\\n", " ").splitlines():
        if line.strip():
            yield line.split(None, 1)


def run(image, command):
    env = {"PATH": os.environ["PATH"], "ROOT": image.root, "RUN": command,
           "DEBIAN_FRONTEND": "noninteractive"}
    shutil.copy("/etc/resolv.conf", image.root + "/etc/resolv.conf")
    done = subprocess.run(["unshare", "-m", "sh", "-ec", BUILD], env=env,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        raise Wrong("RUN %s: %s" % (command, done.stdout[-1500:]))


def copy(image, stages, words):
    source = SOURCE
    if words[0].startswith("--from="):
        source = stages[words.pop(0)[7:]].root
    what, where = os.path.join(source, words[0].lstrip("/")), words[1]
    if words[0] == ".":  # what is in the repository, as a clean checkout
        os.makedirs(image.root + where, exist_ok=True)
        files = subprocess.run(["git", "-C", source, "ls-files", "-z"],
                               stdout=subprocess.PIPE, check=True).stdout
        subprocess.run(["cpio", "-0pdm", "--quiet", image.root + where],
                       cwd=source, input=files, check=True)
        return
    os.makedirs(os.path.dirname(image.root + where), exist_ok=True)
    subprocess.run(["cp", "-a", what, image.root + where], check=True)


def build(path, base, folder):
    """Gives the stages by name; the last one as \"\"."""
    stages = {}
    for word, rest in instructions(path):
        if word == "FROM":
            name = rest.partition(" AS ")[2].strip()
            root = os.path.join(folder, "image-%d" % len(stages))
            subprocess.run(["cp", "-a", base, root], check=True)
            stages[name] = image = Image(root)
        elif word == "RUN":
            run(image, rest)
        elif word == "COPY":
            copy(image, stages, shlex.split(rest))
        elif word == "WORKDIR":
            image.cwd = rest
        elif word == "ENV":
            image.env.update(w.split("=", 1) for w in shlex.split(rest))
        elif word in ("ENTRYPOINT", "CMD"):
            setattr(image, word.lower(), json.loads(rest))
        else:
            raise Wrong("an instruction that is not known here: " + word)
    return stages


def images(world):
    """The stages of our Dockerfile, made once."""
    if not hasattr(world, "images"):
        world.images = build(os.path.join(RECIPES, "Dockerfile"), world.base,
                             world.folder)
        for image in world.images.values():
            os.makedirs(image.root + "/var/lib/llmobs", exist_ok=True)
    return world.images


def init_image(world):
    """The image of scripts/oci-image, for this processor, unpacked by umoci."""
    if hasattr(world, "init_image"):
        return world.init_image
    made = glob.glob(SOURCE + "/dist/llmobs-preload-*-image.tar")
    if len(made) != 1:
        raise Wrong("no image: scripts/oci-image makes it in dist")
    version = re.search(r"preload-(.*)-image", made[0]).group(1)
    layout, bundle = world.folder + "/layout:llmobs", world.folder + "/bundle"
    subprocess.run(["skopeo", "copy", "-q", "oci-archive:%s:%s" % (
        made[0], version), "oci:" + layout], check=True)
    subprocess.run(["umoci", "unpack", "--image", layout, bundle], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with open(bundle + "/config.json") as f:
        process = json.load(f)["process"]
    world.init_image = image = Image(bundle + "/rootfs")
    image.cmd, image.cwd = process["args"], process["cwd"]
    image.env = dict(v.split("=", 1) for v in process["env"])
    os.chmod(bundle, 0o755)
    for place in ("proc", "dev", "mnt", "var/tmp"):  # as a runtime makes them
        os.makedirs(os.path.join(image.root, place), exist_ok=True)
    return image


def here(world, env):
    """Our servers, for the provider's and the host's."""
    env = dict(env, LLM_URL="http://127.0.0.1:%s" % world.port)
    env["DD_TRACE_AGENT_URL"] = None
    env["LLMOBS_EXPORTER"] = "agent"
    env["DD_AGENT_HOST"] = "127.0.0.1"
    env["DD_AGENT_PORT"] = str(world.datadog.port)
    return env


def until_term(world, process, count):
    """It has made its call; then TERM."""
    try:
        world.spans(count)
        os.kill(world.first(process), signal.SIGTERM)
    except Exception:
        process.kill()
        raise
    got = world.finish(process)
    equal(got.status, 0, "status (%r)" % got)
    equal(b"Echo: What is new?" in got.out, True, "its output")


@case(GROUP, "it builds; ENTRYPOINT and CMD run; one span; TERM ends the app, "
      "status 0")
def Dockerfile(world):
    image = images(world)[""]
    process = world.start(image.command(), preload=False, root=image.root,
                          **here(world, image.env))
    until_term(world, process, 1)
    return "built by chroot, 1 span, TERM: status 0"


def volumes(world, pod):
    """An emptyDir is a directory that all may write."""
    made = {}
    for volume in pod["volumes"]:
        made[volume["name"]] = path = os.path.join(world.own, "volume-" + volume["name"])
        os.mkdir(path)
        os.chmod(path, 0o777)
    return made


def mounts_of(container, made, root):
    rows = []
    for mount in container["volumeMounts"]:
        os.makedirs(root + mount["mountPath"], exist_ok=True)
        rows.append((made[mount["name"]], mount["mountPath"],
                     "ro" if mount.get("readOnly") else "rw"))
    return rows


def start(world, pod, made, container, image):
    env = {v["name"]: v.get("value", "") for v in container.get("env", [])}
    safe = container.get("securityContext", {})
    command = container.get("command", image.command())
    return world.start(
        ["sh", "-c", 'cd "$0" && exec "$@"', image.cwd, *command], preload=False,
        root=image.root, state=False, user=pod["securityContext"]["runAsUser"],
        read_only=safe.get("readOnlyRootFilesystem", False),
        mounts=mounts_of(container, made, image.root),
        **here(world, dict(image.env, **env)))


def plain_app(world):
    """The app's image as it is without us."""
    root = os.path.join(world.folder, "plain")
    if not os.path.exists(root):
        subprocess.run(["cp", "-a", images(world)[""].root, root], check=True)
        shutil.rmtree(root + "/opt/llmobs")
    return Image(root)


@case(GROUP, "the init container fills the volume; both containers of the pod "
      "give a span each and end at TERM, one on a read-only root")
def kubernetes_yaml(world):
    with open(os.path.join(RECIPES, "base/kubernetes.yaml")) as f:
        pod = yaml.safe_load(f)["spec"]["template"]["spec"]
    made = volumes(world, pod)
    init, = pod["initContainers"]
    got = world.finish(start(world, pod, made, init, init_image(world)))
    equal((got.status, got.err), (0, b""), "init container")
    image = plain_app(world)
    for count, container in enumerate(pod["containers"], 1):
        until_term(world, start(world, pod, made, container, image), count)
    if not wait_for(lambda: os.listdir(made["state"]), 1):
        raise Wrong("nothing was ever in the volume of the state")
    return "as user 1000: 2 spans, TERM: status 0 twice"


def patched(pod, patches):
    """A list of the patches' JSON, with the lists made that are not there."""
    for patch in yaml.safe_load(patches):
        *way, last = patch["path"].lstrip("/").split("/")
        equal((patch["op"], last), ("add", "0"), "a patch")
        at = {"spec": pod}
        for word, after in zip(way, way[1:] + [last]):
            if isinstance(at, list):
                at = at[int(word)]
            else:
                at = at.setdefault(word, [] if after == last else {})
        at.insert(0, patch["value"])


def policy_applied(pod):
    """As Kyverno applies our policy: its two rules, in their order."""
    with open(os.path.join(RECIPES, "kyverno.yaml")) as f:
        containers, objects = yaml.safe_load(f)["spec"]["rules"]
    loop, = containers["mutate"]["foreach"]
    condition, = loop["preconditions"]["all"]
    equal(condition["operator"], "AnyNotIn", "the condition")
    for i, element in enumerate(pod["containers"]):
        have = jmespath.search(condition["value"].strip("{} "),
                               {"element": element})
        if condition["key"] not in have:
            patched(pod, loop["patchesJson6902"]
                    .replace("{{elementIndex}}", str(i))
                    .replace("{{element.name}}", element["name"]))
    patched(pod, objects["mutate"]["patchesJson6902"])
    return pod


@case(GROUP, "a pod that the policy for a namespace changed: as above; what the "
      "container sets itself counts; one that preloads something is left alone")
def kyverno_yaml(world):
    own = [{"name": "LD_PRELOAD", "value": "/theirs.so"}]
    asked = [{"name": "DD_LLMOBS_ML_APP", "value": "shop"}]
    pod = policy_applied({
        "securityContext": {"runAsUser": 1000},
        "containers": [{"name": "bare", "command": ["/app/app.sh"]},
                       {"name": "own", "env": list(own)},
                       {"name": "asks", "command": ["/app/app.sh"],
                        "env": list(asked)}]})
    bare, other, asks = pod["containers"]
    equal(other, {"name": "own", "env": own}, "left alone")
    made = volumes(world, pod)
    init, = pod["initContainers"]
    bounds = init["resources"]
    equal((sorted(bounds["limits"]), bounds["requests"]),
          (["cpu", "memory"], bounds["limits"]), "what quotas and QoS ask for")
    got = world.finish(start(world, pod, made, init, init_image(world)))
    equal((got.status, got.err), (0, b""), "init container")
    image = plain_app(world)
    for count, container in enumerate((bare, asks), 1):
        until_term(world, start(world, pod, made, container, image), count)
    equal(sorted(os.listdir(made["llmobs-state"])), ["asks", "bare"], "stores")
    apps = [tag for s in world.spans(2) for tag in s["tags"]
            if tag.startswith("ml_app:")]
    equal(sorted(apps), ["ml_app:app", "ml_app:shop"], "ml_app")
    return "as user 1000: 2 spans, one by the name that the container has"


# Controllers of others run these in an image for init containers.
WAYS = ({}, {"command": ["sh", "copy-lib.sh", "/llmobs"]},
        {"command": ["cp", "-r", "/autoinstrumentation/.", "/llmobs"]})


def filled(world, image, pod, way, name):
    """The files that an init container leaves in a volume of its own."""
    volume = os.path.join(world.own, name)
    os.mkdir(volume)
    os.chmod(volume, 0o777)
    init = dict(way, volumeMounts=[{"name": "v", "mountPath": "/llmobs"}])
    got = world.finish(start(world, pod, {"v": volume}, init, image))
    equal((got.status, got.err), (0, b""), "init container %s" % way)
    paths = ["lib/llmobs/libllmobs_preload.so", "lib/llmobs/libllmobs_core.so",
             "bin/llmobs", "bin/llmobs-entrypoint"]
    for path in paths:
        mode = os.stat(os.path.join(volume, path)).st_mode
        equal(mode & 0o555, 0o555, "who may use " + path)


@case(GROUP, "the image of scripts/oci-image and the Dockerfile's stage llmobs "
      "fill a volume by their own command, by copy-lib.sh (Datadog's admission "
      "controller) and by cp -r (OpenTelemetry's operator)")
def init_images(world):
    pod = {"securityContext": {"runAsUser": 65534}}
    both = init_image(world), images(world)["llmobs"]
    for i, image in enumerate(both):
        for j, way in enumerate(WAYS):
            filled(world, image, pod, way, "filled-%d-%d" % (i, j))
    return "two images, three ways each, readable by all"
