"""Intakes that are far away: TLS on loopback, where each flight of the client
comes a round trip late, the handshakes of TCP and TLS among them.

usage: far.py CERT KEY MS...

A listener for each time. Prints their ports and that of the control, which
answers each connection with what came since the last one, as JSON: `opened`
connections, `posts`, `spans` in them. Serves until killed.
"""
import json
import queue
import socket
import ssl
import sys
import threading
import time

ANSWER = (b"HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\n"
          b"Content-Length: 2\r\n\r\n{}")
NONE = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"


class Counts:
    def __init__(self):
        self.lock = threading.Lock()
        self.counts = {"opened": 0, "posts": 0, "spans": 0}

    def add(self, **more):
        with self.lock:
            for name, count in more.items():
                self.counts[name] += count

    def take(self):
        with self.lock:
            taken, self.counts = self.counts, dict.fromkeys(self.counts, 0)
        return taken


class Connection:
    """One client. A thread of its own notes when each flight came."""

    def __init__(self, tls, client, far, counts):
        self.client, self.far, self.counts = client, far, counts
        self.arrived = queue.SimpleQueue()
        self.coming, self.going = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = tls.wrap_bio(self.coming, self.going, server_side=True)
        self.open = time.monotonic() + far
        self.asked, self.greeted = b"", False

    def listen(self):
        try:
            while True:
                data = self.client.recv(65536)
                self.arrived.put((time.monotonic(), data))
                if not data:
                    return
        except OSError:
            self.arrived.put((0, b""))

    def flush(self):
        if self.going.pending:
            self.client.sendall(self.going.read())

    def answer(self):
        """Answers each whole request that is there."""
        while True:
            head, end, rest = self.asked.partition(b"\r\n\r\n")
            words = head.lower().partition(b"\r\ncontent-length:")[2].split()
            length = int(words[0]) if words else 0
            if not end or len(rest) < length:
                return
            post = head.startswith(b"POST ")
            if post:
                self.counts.add(posts=1,
                                spans=rest[:length].count(b'"_dd.stage"'))
            self.asked = rest[length:]
            self.tls.write(ANSWER if post else NONE)

    def proceed(self):
        """False once the client has ended TLS."""
        try:
            if not self.greeted:
                self.tls.do_handshake()
                self.greeted = True
            while True:
                data = self.tls.read(65536)
                if not data:
                    return False
                self.asked += data
                self.answer()
        except ssl.SSLWantReadError:
            return True
        except ssl.SSLError:
            return False
        finally:
            self.flush()

    def serve(self):
        threading.Thread(target=self.listen, daemon=True).start()
        try:
            while True:
                came, data = self.arrived.get()
                if not data:
                    return
                wait = max(came, self.open) + self.far - time.monotonic()
                if wait > 0:
                    time.sleep(wait)
                self.coming.write(data)
                if not self.proceed():
                    return
        except OSError:
            pass
        finally:
            self.client.close()


def listen(listener, tls, far, counts):
    while True:
        client = listener.accept()[0]
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        counts.add(opened=1)
        threading.Thread(target=Connection(tls, client, far, counts).serve,
                         daemon=True).start()


def main():
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(sys.argv[1], sys.argv[2])
    counts, ports = Counts(), []
    for ms in sys.argv[3:]:
        listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        ports.append(listener.getsockname()[1])
        threading.Thread(target=listen, daemon=True, args=(
            listener, tls, float(ms) / 1000, counts)).start()
    with socket.create_server(("127.0.0.1", 0)) as control:
        print(*ports, control.getsockname()[1], flush=True)
        while True:
            asker = control.accept()[0]
            asker.sendall(json.dumps(counts.take()).encode())
            asker.close()


if __name__ == "__main__":
    main()
