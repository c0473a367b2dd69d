#!/usr/bin/python3
"""The front of the tool: its names, and how it starts llmobs-tool by
the kernel, or by a loader that it seeks.

usage: front.py BUILD
"""
import ctypes
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile

BUILD = os.path.realpath(sys.argv[1])
TMP = tempfile.mkdtemp(prefix="front.")
LIBC = ctypes.CDLL(None, use_errno=True)
FILES = ("llmobs", "llmobs-tool", "libllmobs_preload.so", "libllmobs_core.so")
NO_LOADER = b": no loader of glibc or musl starts it here\n"
HELP = b"usage: llmobs COMMAND [ARGUMENTS]"
LIMIT = 60
ENV = {"PATH": "/usr/bin:/bin", "HOME": TMP, "LLMOBS_STORE_DIR": TMP + "/store",
       "LLMOBS_EXPORTER": "store", "LLMOBS_GRACE_MS": "0"}


def check(name, good, what=""):
    print("%s %s%s" % ("ok" if good else "not ok", name,
                       "" if good else " (%s)" % (str(what)[:600],)),
          flush=True)


def run(path, argv, env=None, root=None, **options):
    """(status, stdout, stderr) of execve with these words."""
    def begin():
        if root:
            os.chroot(root)
            os.chdir("/")
        words = (ctypes.c_char_p * (len(argv) + 1))()
        words[:-1] = [os.fsencode(a) for a in argv]
        all_of = [os.fsencode("%s=%s" % e) for e in (env or ENV).items()]
        variables = (ctypes.c_char_p * (len(all_of) + 1))()
        variables[:-1] = all_of
        LIBC.execve(os.fsencode(path), words, variables)
        os._exit(100)
    done = subprocess.run(["/bin/true"], preexec_fn=begin, timeout=LIMIT,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          **options)
    return done.returncode, done.stdout, done.stderr


def folder(name, loader=None):
    """A build folder; loader=: the path that the tool has of its loader."""
    path = os.path.join(TMP, name)
    os.mkdir(path)
    for file in FILES:
        shutil.copy(os.path.join(BUILD, file), path)
    for link in "llmobs-run", "llmobs-entrypoint":
        os.symlink("llmobs", os.path.join(path, link))
    shutil.copytree(BUILD + "/empty", path + "/empty")
    if loader:
        rename_loader(path + "/llmobs-tool", loader)
    return path


def interpreter(data):
    return re.search(rb"/lib\w*/ld-linux-[\w-]+\.so\.\d\0", data).group()


def rename_loader(path, to):
    with open(path, "rb") as f:
        data = f.read()
    was = interpreter(data)
    with open(path, "wb") as f:
        f.write(data.replace(was, to.ljust(len(was), b"\0"), 1))


# ---- names -----------------------------------------------------------------

def names():
    tool, launcher = BUILD + "/llmobs", BUILD + "/llmobs-run"
    link = TMP + "/another"
    os.symlink(tool, TMP + "/one")
    os.symlink("one", link)
    os.symlink(launcher, TMP + "/third")
    shutil.copy(tool, TMP + "/copy")
    version = run(tool, ["llmobs", "version"])
    check("the tool", version[0] == 0 and version[1].startswith(b"llmobs "),
          version)
    for name, path, argv in (
            ("by its path", tool, [tool, "version"]),
            ("another name, by its file", tool, ["nobody", "version"]),
            ("an empty name", tool, ["", "version"]),
            ("a login shell's name", tool, ["-llmobs", "version"]),
            ("a link of another name", link, [link, "version"]),
            ("a link of another name, by PATH", link, ["another", "version"])):
        got = run(path, argv)
        check("the tool: " + name, got == version, got)
    for name, argv in ("no words", []), ("one word", ["llmobs"]):
        got = run(tool, argv)
        check("the tool: " + name, got[0] == 2 and got[2].startswith(HELP), got)
    for name, path, argv in (
            ("by its name", launcher, ["llmobs-run"]),
            ("another name, by its file", launcher, ["nobody"]),
            ("a link of another name", TMP + "/third", [TMP + "/third"]),
            ("a file of another name", TMP + "/copy", ["copy"])):
        got = run(path, argv + ["sh", "-c", "exit 7"],
                  dict(ENV, LLMOBS_BUILD=BUILD))
        check("the launcher: " + name, got[0] == 7, got)
    got = run(BUILD + "/llmobs-entrypoint", ["llmobs-entrypoint", "no-command"])
    check("the entrypoint", got[0] == 127 and
          got[2].startswith(b"llmobs-entrypoint: no-command"), got)


# ---- what passes through ---------------------------------------------------

def passes(name, tool, words):
    """Status, signals, streams and environment of commands below the tool."""
    by = [tool, *words]

    def command(*argv, **options):
        return run(tool, by + list(argv), **options)

    got = command("sh", "-c", "echo out; echo err >&2; exit 7")
    check(name + ": status and output", got == (7, b"out\n", b"err\n"), got)
    got = command("sh", "-c", "kill -TERM $$")
    check(name + ": a signal", got[0] in (-signal.SIGTERM, 143), got)
    text = os.urandom(100000)
    got = command("cat", input=text)
    check(name + ": input", got == (0, text, b""), len(got[1]))
    odd = dict(ENV, **{"A B": "c\nd", "EMPTY": "", "LD_LIBRARY_PATH": "/a::/b"})
    got = command("env", "-0", env=odd)
    seen = dict(e.split(b"=", 1) for e in got[1].split(b"\0") if e)
    changed = {k for k, v in odd.items()
               if seen.get(os.fsencode(k)) != os.fsencode(v)}
    added = {k for k in seen if os.fsdecode(k) not in odd}
    check(name + ": environment", not changed and added <= {
        b"LD_PRELOAD", b"DD_LLMOBS_ENABLED", b"LLMOBS_RUN", b"LLMOBS_LAUNCHED",
        b"TRACEPARENT", b"TRACESTATE", b"_DD_P", b"PWD", b"_"}, (changed, added))
    got = run(tool, [tool, "nonsense"])
    check(name + ": the tool's status", got[0] == 2 and
          b"no such command: nonsense" in got[2], got)


def find_itself(name, tool, **options):
    """The tool knows where it is: library, prices and the page."""
    got = run(tool[0], [*tool, "doctor", "--no-self-test", "true"], **options)
    folder_of = os.path.dirname(tool[-1])
    check(name + ": its library", ("would preload %s/libllmobs_preload.so" %
                                   folder_of).encode() in got[1], got)


# ---- loaders ---------------------------------------------------------------

def loaders():
    with open(BUILD + "/llmobs-tool", "rb") as f:
        loader = interpreter(f.read()).rstrip(b"\0").decode()
    away = folder("away", loader=b"/no/loader")
    got = run(away + "/llmobs", ["llmobs", "version"])
    check("sought: starts", got[0] == 0 and got[1].startswith(b"llmobs "), got)
    passes("sought", away + "/llmobs", ["workflow", "--name", "w", "--"])
    find_itself("sought", [away + "/llmobs"])
    tool = BUILD + "/llmobs-tool"
    machine = os.uname().machine
    for path in loader, "/lib/ld-musl-%s.so.1" % machine:
        if not os.path.exists(path):
            print("skip by %s: it is not here" % path)
            continue
        find_itself("by " + path, [path, tool])
    bare = folder("bare")
    os.unlink(bare + "/llmobs-tool")
    got = run(bare + "/llmobs", ["llmobs", "version"])
    check("no tool", got[:2] == (127, b"") and got[2].endswith(
        b"/llmobs-tool is not there (run make)\n"), got)
    installed = folder("usr")
    os.mkdir(installed + "/bin")
    os.makedirs(installed + "/lib/llmobs")
    for name in "llmobs", "llmobs-run":
        os.rename("%s/%s" % (installed, name), "%s/bin/%s" % (installed, name))
    for name, argv, missing, more in (
            ("llmobs", ["llmobs", "version"], "llmobs-tool", ""),
            ("llmobs-run", ["llmobs-run", "true"], "libllmobs_preload.so",
             ": not observed")):
        got = run("%s/bin/%s" % (installed, name), argv)
        check("an installation without " + missing, got[1] == b"" and got[2] ==
              ("%s: %s/lib/llmobs/%s is not there: install llmobs-preload "
               "again%s\n" % (name, installed, missing, more)).encode(), got)
    shutil.copy(BUILD + "/llmobs-tool", bare)
    os.chmod(bare + "/llmobs-tool", 0o644)
    got = run(bare + "/llmobs", ["llmobs", "version"])
    check("a tool that may not be run", got[:2] == (126, b"") and
          got[2].endswith(b"Permission denied\n"), got)


def make_root(name, *libraries):
    root = folder(name)
    for path in libraries:
        target = root + path
        os.makedirs(os.path.dirname(target), exist_ok=True)
        shutil.copy(os.path.realpath(path), target)
    return root


def roots():
    """Systems that have this and that."""
    if os.geteuid() != 0:
        print("skip roots: not root")
        return
    with open(BUILD + "/llmobs-tool", "rb") as f:
        loader = interpreter(f.read()).rstrip(b"\0").decode()
    machine = os.uname().machine
    libc = "/lib/%s-linux-gnu/libc.so.6" % machine
    version = run(BUILD + "/llmobs", ["llmobs", "version"])

    def starts(name, root, wanted=None):
        got = run("/llmobs", ["llmobs", "version"], root=root)
        check("root: " + name, got == (wanted or version), got)

    empty = make_root("empty")
    starts("no loader", empty, (127, b"", b"llmobs: /llmobs-tool" + NO_LOADER))
    got = run("/llmobs-run", ["llmobs-run", "/llmobs", "version"], root=empty)
    check("root: no loader, the launcher", got == (
        127, b"", b"llmobs: /llmobs-tool" + NO_LOADER), got)
    if not os.path.exists(libc) or not os.path.exists(loader):
        print("skip roots of glibc: no", libc)
        return
    starts("libc alone", make_root("alone", loader, libc))
    usual = make_root("usual", loader, libc)
    place = "/usr/lib/%s-linux-gnu/" % machine
    os.makedirs(usual + place)
    shutil.move(usual + loader, usual + place + os.path.basename(loader))
    starts("the loader in another place", usual)
    odd = make_root("odd", loader, libc)
    os.makedirs(odd + "/odd")
    os.makedirs(odd + "/bin")
    shutil.move(odd + loader, odd + "/odd/ld.so")
    shutil.copy(odd + "/llmobs-tool", odd + "/bin/sh")
    rename_loader(odd + "/bin/sh", b"/odd/ld.so")
    starts("the loader that the shell has", odd)
    subprocess.run(["gcc", "-static", "-xc", "-", "-o", odd + loader], check=True,
                   input=b"int main(void) { return 9; }")
    starts("the loader that the shell has, another program in its place", odd)
    wrong = make_root("wrong", libc)
    os.makedirs(os.path.dirname(wrong + loader), exist_ok=True)
    with open(wrong + loader, "w") as f:
        f.write("no loader\n")
    os.chmod(wrong + loader, 0o755)
    starts("a text in the loader's place", wrong,
           (127, b"", b"llmobs: /llmobs-tool" + NO_LOADER))


def main():
    names()
    passes("direct", BUILD + "/llmobs", ["workflow", "--name", "w", "--"])
    passes("run", BUILD + "/llmobs", ["run", "--"])
    find_itself("direct", [BUILD + "/llmobs"])
    if not os.path.isdir(BUILD + "/empty"):
        print("skip loaders: a sanitizer's build has libraries of its own")
        return
    loaders()
    roots()


try:
    main()
finally:
    shutil.rmtree(TMP)
