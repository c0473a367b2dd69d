"""Rows of the disk, and of what others may do to our directories."""
import errno
import os
import shutil
import subprocess

import harness
from delivery import (Living, agent, double, failing, left_behind, name_of,
                      process_of, recover, stored, wait_for)
from report import all_of, ask, spool_of

SOMEBODY = 12345


def in_mounts(report, what, script):
    """The command that starts a program after a script of mounts in a namespace
    of its own; None where there are none."""
    launcher = ["unshare", "-m", "sh", "-c", script + ' && exec "$@"', "sh"]
    if subprocess.run(launcher + ["true"], stderr=subprocess.DEVNULL,
                      check=False).returncode == 0:
        return launcher
    report.skip("%s: no mount namespace" % what)
    return None


def disk_row(report, name, env=None, before=None, after=None, launcher=()):
    """A dead agent beside a bad disk; then both are well.  What is mounted
    ends with the program: there the agent is well before."""
    t, made = report.case(), []
    more = env(t) if env else {}
    with double(t) as dd:
        dd.fault("500")
        with Living(t, dict(agent(dd), **more), keep=True,
                    launcher=launcher) as app:
            for i in range(8):
                if i == 3 and before:
                    before(t, app)
                ask(app, made, "disk %d" % i, 3000)
            if after:
                after(t, app)
            if launcher:
                dd.well()
                wait_for(lambda: len(dd.spans()) >= 8, 60, 0.05)
            app.end()
        dd.well()
        saved = stored(t)
        spans = recover(t, dd, agent(dd), 8 - len(saved), 60)
        report.row(name, made, all_of(t, spans))
    report.done(t)


def mounted_row(report, name, options):
    """Its spool is a file system of this kind."""
    place = os.path.join(report.folder, "mounted " + options)
    os.mkdir(place)
    launcher = in_mounts(report, name, "mount -t tmpfs -o %s none '%s'"
                         % (options, place))
    if launcher:
        disk_row(report, name, lambda t: {"LLMOBS_SPOOL_DIR": place},
                 launcher=launcher)


def default_row(report, name, lay):
    """The default place of root, laid out by somebody else: nothing of ours
    comes there."""
    launcher = in_mounts(report, name, "for d in /var/lib /var/tmp; do mount "
                         "-t tmpfs none $d || exit; done; mkdir /var/lib/away "
                         "&& chown %d /var/lib/away && " % SOMEBODY + lay)

    def untouched(t, app):
        lib = "/proc/%d/root/var/lib" % app.process.pid
        for name in "away", "llmobs":
            place = os.path.join(lib, name)
            if os.path.isdir(place) and not os.path.islink(place) and \
                    os.listdir(place):
                raise harness.Failure("written below " + name)

    if launcher:
        disk_row(report, name, lambda t: {"LLMOBS_STORE_DIR": None,
                                          "LLMOBS_SPOOL_DIR": None},
                 after=untouched, launcher=launcher)


def take_spool(t):
    """Out of the way, while the program may write in it."""
    gone = os.path.join(t.dir, "gone")
    os.rename(spool_of(t), gone)
    shutil.rmtree(gone, ignore_errors=True)


def link_spool(t, app):
    away = os.path.join(t.dir, "away")
    os.mkdir(away)
    os.chown(away, SOMEBODY, SOMEBODY)
    take_spool(t)
    os.symlink(away, spool_of(t))


def nothing_away(t, app):
    if os.listdir(os.path.join(t.dir, "away")):
        raise harness.Failure("written through a link")
    os.unlink(spool_of(t))


def link_files(t, app):
    """Its next files are links already."""
    victim = os.path.join(t.dir, "victim")
    with open(victim, "w") as f:
        f.write("mine")
    for process in {process_of(name) for name in left_behind(t)}:
        for number in range(1, 64):
            try:
                os.symlink(victim, os.path.join(spool_of(t),
                                                name_of(process, number)))
            except FileExistsError:
                pass


def same_victim(t, app):
    with open(os.path.join(t.dir, "victim")) as f:
        harness.equal(f.read(), "mine", "what a link leads to")


def rows(report):
    plain = [
        (disk_row, "disk full", lambda t: failing(t, errno.ENOSPC, after=7)),
        (disk_row, "disk full from the start",
         lambda t: failing(t, errno.ENOSPC)),
        (disk_row, "EIO", lambda t: failing(t, errno.EIO, after=7)),
        (disk_row, "EMFILE", None, lambda t, a: a.tell("files 3"),
         lambda t, a: a.tell("files 1024")),
        (disk_row, "RLIMIT_FSIZE", None, lambda t, a: a.tell("size 9000")),
        (disk_row, "directory removed", None, lambda t, a: take_spool(t)),
        (disk_row, "links in place of its files",
         lambda t: {"LLMOBS_SPOOL_MAX": "100000"}, link_files, same_victim)]
    if os.geteuid() != 0:
        report.skip("mounts and foreign owners: not root")
        return plain
    return plain + [
        (disk_row, "a link of somebody else", None, link_spool, nothing_away),
        (mounted_row, "a file system of 16 KiB", "size=16k"),
        (mounted_row, "read-only", "ro"),
        (default_row, "a directory of somebody else",
         "mkdir /var/lib/llmobs && chown %d /var/lib/llmobs" % SOMEBODY),
        (default_row, "a link at its default place",
         "ln -s away /var/lib/llmobs")]
