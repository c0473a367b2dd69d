"""A root for programs to run in as in a container: made of the host's own
files, or a directory that is one already.

The caller needs root's rights: mounts, namespaces, chroot.
"""
import os
import re
import shutil
import subprocess

PREFIX = "/opt/llmobs"
PROGRAMS = ["sh", "bash", "env", "cat", "ls", "cp", "mv", "rm", "mkdir", "ln",
            "sleep", "true", "false", "echo", "printf", "head", "tail", "wc",
            "sort", "uniq", "tr", "cut", "sed", "grep", "awk", "find", "tar",
            "gzip", "date", "id", "stat", "touch", "tee", "xargs", "sha256sum",
            "readlink", "dirname", "chmod", "rmdir", "uname", "curl"]
PASSWD = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n"
STATIC = 'int main(int c, char **v) { return c > 1 ? 3 : 0; }\n'


def libraries(path):
    """The files that the loader opens for a program, itself included."""
    said = subprocess.run(["ldd", path], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True).stdout
    return [p for p in re.findall(r"(/[^\s()]+)", said) if os.path.exists(p)]


def copy(root, path, to=None):
    target = root + (to or path)
    if not os.path.exists(target):
        os.makedirs(os.path.dirname(target), exist_ok=True)
        shutil.copy(os.path.realpath(path), target)


def assemble(root):
    """The programs above, with what their loader wants."""
    for name in ("bin", "sbin", "lib", "lib64"):
        os.makedirs("%s/usr/%s" % (root, name), exist_ok=True)
        os.symlink("usr/" + name, "%s/%s" % (root, name))
    for name in PROGRAMS:
        path = shutil.which(name, path="/usr/bin:/bin")
        copy(root, path, "/usr/bin/" + name)
        for library in libraries(path):
            copy(root, library)
    for name in ("etc", "tmp", "var/tmp", "var/lib", "root", "home/app"):
        os.makedirs(os.path.join(root, name), exist_ok=True)
    with open(root + "/etc/passwd", "w") as f:
        f.write(PASSWD)


def furnish(root, build, source):
    """Gives every root the same: ours, as `make install` lays it, a static
    program, a set-user-id one, and the places of mounts."""
    subprocess.run(["make", "-s", "-C", source, "install", "B=" + build,
                    "PREFIX=" + PREFIX, "DESTDIR=" + root], check=True,
                   stdout=subprocess.DEVNULL)
    subprocess.run(["gcc", "-static", "-xc", "-", "-o", root + "/opt/static"],
                   input=STATIC, text=True, check=True)
    subprocess.run(["gcc", "-shared", "-xc", "/dev/null", "-o",
                    root + "/opt/other.so"], check=True)
    shutil.copy(root + "/usr/bin/curl", root + "/opt/setuid-curl")
    os.chmod(root + "/opt/setuid-curl", 0o4755)
    with open(root + "/opt/hello.txt", "w") as f:
        f.write("c 3\na 1\nb 2\n")
    for name in ("proc", "dev", "mnt", "var/lib/llmobs", "var/tmp", "tmp",
                 "etc/llmobs"):
        os.makedirs(os.path.join(root, name), exist_ok=True)
    os.chmod(root + "/var/tmp", 0o1777)
    os.chmod(root + "/tmp", 0o1777)


SETUP = r"""
set -eu
mount --bind "$ROOT" "$ROOT"
if [ -n "$READ_ONLY" ]; then mount -o remount,bind,ro "$ROOT"; fi
mount -t tmpfs -o mode=755 tmpfs "$ROOT/dev"
for d in null zero random urandom; do
    : > "$ROOT/dev/$d"
    mount --bind "/dev/$d" "$ROOT/dev/$d"
done
if [ -n "$SHM" ]; then
    mkdir "$ROOT/dev/shm"
    mount -t tmpfs -o mode=1777 tmpfs "$ROOT/dev/shm"
fi
if [ -n "$PROC" ]; then mount -t proc proc "$ROOT/proc"; fi
if [ -n "$VAR_TMP" ]; then mount -t tmpfs -o mode=1777 tmpfs "$ROOT/var/tmp"
else chmod 755 "$ROOT/var/tmp" 2> /dev/null || :; fi
# Lines of three words: what, where, and ro or rw.
echo "$MOUNTS" | while read -r what where how; do
    [ -n "$what" ] || continue
    mount --bind "$what" "$ROOT$where"
    [ "$how" != ro ] || mount -o remount,bind,ro "$ROOT$where"
done
cd /
exec chroot --userspec="$USER_ID" --groups= "$ROOT" /usr/bin/env -i "$@"
"""
