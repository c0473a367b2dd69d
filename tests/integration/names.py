"""A name server in a namespace of its own."""
import errno
import os
import shutil
import socket
import subprocess
import threading

from harness import Skip


class Names:
    """Answers every name with an address, fails most questions, or is mute."""

    def __init__(self, t, fail=0, mute=False):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        own = self.bind()
        self.socket.settimeout(0.1)
        self.fail = fail
        self.mute = mute
        self.address = "127.0.0.1"
        self.asked = 0
        self.over = False
        self.conf = os.path.join(t.dir, "resolv.conf")
        with open(self.conf, "w") as f:
            f.write("nameserver %s\noptions timeout:%d attempts:2\n"
                    % (own, 30 if mute else 1))
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def bind(self):
        """An address of its own: other tests have theirs at the same time."""
        for last in range(8, 40):
            address = "127.9.9.%d" % last
            try:
                self.socket.bind((address, 53))
                return address
            except OSError as error:
                why = error
                if why.errno != errno.EADDRINUSE:
                    break
        self.socket.close()
        raise Skip("no port 53: %s" % why)

    def serve(self):
        while not self.over:
            try:
                q, peer = self.socket.recvfrom(512)
            except socket.timeout:
                continue
            self.asked += 1
            if self.mute:
                continue
            end = q.index(b"\0", 12) + 5
            failing = self.fail and self.asked % self.fail
            found = q[end - 3] == 1 and not failing
            self.socket.sendto(
                q[:2] + (b"\x84\x82" if failing else b"\x84\x80") + q[4:6] +
                (b"\0\1" if found else b"\0\0") + b"\0\0\0\0" + q[12:end] +
                (b"\xc0\x0c\0\1\0\1\0\0\0\1\0\4" +
                 socket.inet_aton(self.address) if found else b""), peer)

    def launcher(self):
        script = ('mount --bind "$1" /etc/resolv.conf && shift && exec "$@"')
        argv = ["unshare", "-m", "sh", "-c", script, "sh", self.conf]
        if not shutil.which("unshare") or subprocess.run(
                argv + ["true"], stderr=subprocess.DEVNULL).returncode:
            self.close()
            raise Skip("no mount namespace")
        return argv

    def close(self):
        self.over = True
        self.thread.join()
        self.socket.close()
