"""A relay for a test, and the sign by which others find it."""
import fcntl
import glob
import os
import struct
import subprocess

from delivery import spool_of, wait_for
from harness import end_group, equal, ok

# fcntl's command and the layout of its struct flock, of which Python knows
# neither.
OFD_GETLK, FLOCK = 36, "hhqqi4x"


class Relay:
    """`llmobs relay` for a test's spool."""

    def __init__(self, t, env, *options, wait=True, launcher=()):
        self.t = t
        self.process = subprocess.Popen(
            [*launcher, os.path.join(t.build, "llmobs"), "relay", *options],
            env=t.environment(True, env), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            start_new_session=True)
        if wait:
            ok(wait_for(lambda: sign_is_up(t), 10), "the sign of the relay")

    def end(self):
        self.process.terminate()
        out = self.process.communicate(timeout=20)[0]
        equal((self.process.returncode, out), (0, b""), "end of the relay")

    def kill(self, wait=True):
        """All of its processes at once; waits until they have ended: one that
        dies closes its inotify before that, for which the kernel takes its
        time."""
        end_group(self.process)
        if wait:
            ok(wait_for(lambda: not lives(self.process.pid), 5, 0.002),
               "its end")

    def __enter__(self):
        return self

    def __exit__(self, *what):
        end_group(self.process)
        self.process.stdout.close()


def lives(session):
    """True where that session has a process, other than a zombie."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/stat" % pid) as f:
                fields = f.read().rpartition(") ")[2].split()
        except OSError:
            continue # it has ended
        if int(fields[3]) == session and fields[0] not in "ZX":
            return True
    return False


def sign(t):
    return os.path.join(spool_of(t), "relay.%d" % os.geteuid())


def own_signs(t):
    """Those of relays for one destination each."""
    return glob.glob(sign(t) + ".*")


def holders(paths):
    """The processes that have one of the files open, and which."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            for fd in os.listdir("/proc/%s/fd" % pid):
                path = os.readlink("/proc/%s/fd/%s" % (pid, fd))
                if path in paths:
                    found.append((int(pid), path))
        except OSError:
            continue  # it has ended
    return found


def sign_is_up(t, path=None):
    """That of a relay that lives: one that was killed has left its own."""
    path = path or sign(t)
    try:
        return os.path.getsize(path) > 0 and is_locked(path)
    except OSError:
        return False


def is_locked(path):
    """Only asks: a lock of the test's would keep a relay from its own."""
    with open(path, "rb") as f:
        asked = struct.pack(FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
        told = fcntl.fcntl(f, OFD_GETLK, asked)
    return struct.unpack(FLOCK, told)[0] != fcntl.F_UNLCK
