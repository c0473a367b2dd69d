"""The platforms: how the root of each is made, once, and entered.

A root is a folder that is kept for the next run and never written to: what runs
in it writes into a layer of its own (overlayfs), which goes at the end.
"""
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.dirname(os.path.dirname(HERE))
DEBIAN = ["curl", "php-cli", "php-curl", "python3-pycurl", "lua5.2", "lua-curl"]
# Packages that debootstrap would have brought, where others are only unpacked.
UNPACKED = ["dash", "coreutils", "tar", "gzip", "findutils"]
HOST = os.uname().machine
EMULATOR = "/usr/bin/qemu-aarch64-static"


class NoRoot(Exception):
    """Why there is no such root, in words."""


def run(argv, log, **options):
    with open(log, "ab") as out:
        if subprocess.run(argv, stdout=out, stderr=out, cwd=SOURCE,
                          stdin=subprocess.DEVNULL, **options).returncode:
            raise NoRoot("%s failed: %s" % (os.path.basename(argv[0]), log))


class Platform:
    """One row of the table."""

    def __init__(self, name, machine, make, programs, why=()):
        self.name, self.machine, self.make_root = name, machine, make
        self.programs, self.why = programs, dict(why)
        self.musl = "musl" in name

    def root(self, roots):
        os.makedirs(roots, exist_ok=True)
        return self.make_root(self, roots)


def has_packages(root):
    """Whether the root was made with all of them; dpkg's lists say so."""
    info = os.path.join(root, "var", "lib", "dpkg", "info")
    there = {name.split(":")[0].removesuffix(".list")
             for name in (os.listdir(info) if os.path.isdir(info) else [])
             if name.endswith(".list")}
    return there.issuperset(DEBIAN)


def debian(release):
    def make(_, roots):
        root = os.path.join(roots, "platform-" + release)
        if not has_packages(root):
            run([SOURCE + "/scripts/debian-root", "--run", release, root,
                 *DEBIAN], root + ".log")
        return root
    return make


def debian_arm64(_, roots):
    root = os.path.join(roots, "platform-bookworm-arm64")
    run([SOURCE + "/scripts/debian-root", "arm64", root, *DEBIAN, *UNPACKED],
        root + ".log")
    return root


def musl(folder, options, costly):
    """A root that has curl does without what takes long."""
    def make(_, roots):
        place = os.path.join(SOURCE, folder)
        there = os.path.exists(place + "/root/usr/bin/curl")
        run([SOURCE + "/scripts/musl-root", *options,
             *([] if there else costly), place],
            os.path.join(roots, folder + ".log"))
        return place + "/root"
    return make


NAMES = {"curl": ["curl"], "php": ["php"], "python": ["python3"],
         "lua": ["lua5.2"]}
# Nothing was run that writes PHP's settings, or makes the name php.
BARE = dict(NAMES, php=["php8.2", "-d", "extension=curl.so"])

LACKS = {"python": "scripts/musl-root builds no python",
         "php": "that root was made without --php"}

PLATFORMS = [
    Platform("Debian 11, glibc 2.31", "x86_64", debian("bullseye"), NAMES),
    Platform("Debian 12, glibc 2.36", "x86_64", debian("bookworm"), NAMES),
    Platform("Debian 13, glibc 2.41", "x86_64", debian("trixie"), NAMES),
    Platform("musl 1.2.3", "x86_64",
             musl("build-musl", [], ["--tls", "--php"]), NAMES, LACKS),
    Platform("Debian 12, glibc 2.36, arm64", "aarch64", debian_arm64, BARE),
    Platform("musl 1.2.3, arm64", "aarch64",
             musl("build-musl-arm64", ["--arm64"], ["--php"]), NAMES,
             LACKS),
]

# The registration of an emulator counts in this user namespace alone.  M: for
# programs that begin so; P: argv[0] as it was; F: opened now, so that it need not
# be in the root.
BEGIN = r"\x7fELF\x02\x01\x01\x00" + r"\x00" * 8 + r"\x02\x00\xb7\x00"
MASK = r"\xff" * 7 + r"\x00" + r"\xff" * 8 + r"\xfe\xff\xff\xff"
EMULATE = r"""
mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc
printf '%%s' ':arm64:M::%s:%s:%s:PF' > /proc/sys/fs/binfmt_misc/register
""" % (BEGIN, MASK, EMULATOR)
SETUP = r"""
set -eu
mkdir -p "$LAYER/upper" "$LAYER/work" "$LAYER/root"
root=$LAYER/root
cd "$LAYER"
mount -t overlay -o "lowerdir=$BASE,upperdir=upper,workdir=work" overlay root
mkdir -p "$root/proc" "$root/dev" "$root/mnt" "$root/tmp" "$root/root"
mount -t tmpfs -o mode=755 dev "$root/dev"
for d in null zero random urandom; do
    : > "$root/dev/$d"
    mount --bind "/dev/$d" "$root/dev/$d"
done
mount -t proc proc "$root/proc"
mount --bind "$SHARED" "$root/mnt"
mount -t proc proc /proc
echo 127.0.0.1 localhost > "$root/etc/hosts"
"""
HOLD = "echo ready; exec cat"


class Place:
    """A root that is entered: programs run in it until it is closed.

    They have a pid and mount namespace of their own, and the host's network.
    /mnt is a folder of the host.
    """

    def __init__(self, platform, base):
        self.platform, self.base = platform, base
        self.folder = tempfile.mkdtemp(prefix="llmobs-platform.")
        self.shared = self.folder + "/shared"
        os.mkdir(self.shared)
        script = SETUP + HOLD
        if platform.machine != HOST:
            script = SETUP + 'exec unshare -U -r -m sh -euc "$INNER"'
        self.holder = subprocess.Popen(
            ["unshare", "-p", "-m", "-f", "--kill-child", "sh", "-c", script],
            env={"PATH": os.environ["PATH"], "LAYER": self.folder,
                 "BASE": base, "SHARED": self.shared, "INNER": EMULATE + HOLD},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE)
        if self.holder.stdout.readline() != b"ready\n":
            self.holder.stdin.close()
            why = self.holder.stderr.read().decode(errors="replace").strip()
            self.close()
            raise NoRoot("cannot be entered: " + why)
        self.first = self.child_of(self.holder.pid)

    @staticmethod
    def child_of(pid):
        with open("/proc/%d/task/%d/children" % (pid, pid)) as f:
            children = f.read().split()
        return int(children[0]) if children else 0

    def close(self):
        """All that runs in it ends with its first process."""
        if self.holder.poll() is None:
            self.holder.kill()
        self.holder.communicate()
        # The mounts go with their namespace, a moment later.
        end = time.monotonic() + 10
        while time.monotonic() < end:
            shutil.rmtree(self.folder, ignore_errors=True)
            if not os.path.exists(self.folder):
                return
            time.sleep(0.1)
        print("left behind: " + self.folder, file=sys.stderr)

    def start(self, argv, env):
        """Gives the Popen of nsenter, whose child is the program."""
        enter = ["nsenter", "-t", str(self.first), "-m", "-p"]
        if self.platform.machine != HOST:
            enter += ["-U"]
        root = self.folder + "/root"
        clean = "/usr/bin/env" if os.path.lexists(
            self.base + "/usr/bin/env") else "/bin/env"
        return subprocess.Popen(
            [*enter, "chroot", root, clean, "-i",
             *("%s=%s" % kv for kv in env.items()), *argv],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, cwd="/", preexec_fn=lambda: signal.signal(
                signal.SIGINT, signal.SIG_DFL))

    def has(self, program):
        return any(os.path.lexists("%s/%s/%s" % (self.base, folder, program))
                   for folder in ("bin", "usr/bin"))
