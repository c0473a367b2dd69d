"""Builds of other versions beside the one under test: the numbers of the forms
of files, or of the table between both objects, are raised in a copy."""
import contextlib
import copy
import fcntl
import os
import re
import shutil
import subprocess

from harness import ROOT, Skip

# The thing that is raised: the file, what stands before the number, and the objects to be
# made anew; all others are those of the build under test.
NUMBERS = {
    "spool": ("core/log/entry.h", "#define LLMOBS_ENTRY_VERSION ",
              ["core/log/entry.o", "core/log/relay_sign.o"]),
    "counters": ("core/ledger/counts.c", '#define VERSION "',
                 ["core/ledger/counts.o"]),
    "links": ("core/event/link_file.c", "llmobs links ",
              ["core/event/link_file.o"]),
    "table": ("include/engine.h", "#define LLMOBS_ENGINE_ABI ",
              ["core/capture/attach.o", "shim/load.o"]),
}
PARTS = ("cli", "core", "examples", "hooks", "include", "lib", "libc", "packaging",
         "rules", "scripts", "shim")
# Of a build, what a program or the tool finds beside it.
INSTALLED = ("libllmobs_core.so", "libllmobs_preload.so", "llmobs-tool",
             "llmobs", "llmobs-run", "prices.json")
PLACES = "behind-libasan.so"


def link_all(source, target, names=None, left_out=()):
    """The files below `source` by links, in folders of its own."""
    for place, _, files in os.walk(source):
        into = os.path.join(target, os.path.relpath(place, source))
        os.makedirs(into, exist_ok=True)
        for name in files:
            path = os.path.join(into, name)
            if (names is None or name.endswith(names)) and \
                    os.path.relpath(path, target) not in left_out:
                os.symlink(os.path.join(place, name), path)


def build_another(build, tree, raised):
    numbers = [NUMBERS[name] for name in raised]
    objects = [name for number in numbers for name in number[2]]
    for part in PARTS:
        link_all(os.path.join(ROOT, part), os.path.join(tree, part))
        if os.path.isdir(os.path.join(build, part)):
            link_all(os.path.join(build, part),
                     os.path.join(tree, "build", part), (".o", ".c"),
                     [name[len(part) + 1:] for name in objects])
    for name in "shapes-table", "codings", "page.js":
        os.symlink(os.path.join(build, name),
                   os.path.join(tree, "build", name))
    os.symlink(os.path.join(ROOT, "Makefile"), os.path.join(tree, "Makefile"))
    for file, before, _ in numbers:
        path = os.path.join(tree, file)
        with open(path) as f:
            text, times = re.subn(re.escape(before) + r"(\d+)", lambda m: before
                                  + str(int(m[1]) + 1), f.read())
        assert times == 1, file
        os.unlink(path)
        with open(path, "w") as f:
            f.write(text)
    # The launcher has none of the numbers, nor have the places any object.
    for name in "llmobs", "places":
        shutil.copy2(os.path.join(build, name), os.path.join(tree, "build", name))
    shutil.copytree(os.path.join(build, PLACES),
                    os.path.join(tree, "build", PLACES), symlinks=True)
    # -o: what is there stays, by whatever flags
    subprocess.run(["make", "-s", "-C", tree, "B=build", "WERROR=", "-o",
                    "build/flags", "-o", "build/llmobs", "-o", "build/places",
                    "all"], check=True, stdin=subprocess.DEVNULL)


def another(t, *raised):
    """The test as of a build with these numbers raised, which is made once for
    all tests of a run."""
    if not os.path.exists(os.path.join(t.build, "llmobs-tool")):
        raise Skip("this build has no tool")
    tree = os.path.join(os.path.dirname(os.path.dirname(t.dir)),
                        "another-" + "-".join(raised))
    with open(tree + ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(tree):
            try:
                build_another(t.build, tree, raised)
            except BaseException:
                shutil.rmtree(tree, ignore_errors=True)
                raise
    return of(t, os.path.join(tree, "build"))


def of(t, build):
    other = copy.copy(t)
    other.build = build
    return other


def install(t, folder):
    """Puts the objects of t.build into a folder, as `make install` does: by a
    rename each, also where a program runs that has them.  Gives the test as of
    that folder."""
    os.makedirs(folder, exist_ok=True)
    for name in INSTALLED:
        new = os.path.join(folder, ".new")
        shutil.copy2(os.path.join(t.build, name), new, follow_symlinks=False)
        os.replace(new, os.path.join(folder, name))
    with contextlib.suppress(FileExistsError):
        shutil.copytree(os.path.join(t.build, PLACES),
                        os.path.join(folder, PLACES), symlinks=True)
    return of(t, folder)
