"""Both ends of a connection in the test's own process: bare, or by the proxy of
a run, so that what each end sees can be compared step by step."""
import contextlib
import os
import select
import socket
import ssl
import struct
import threading

from harness import equal, ok, read_spans
from test_intercept import Door, end, nothing_left, start

LIMIT = 30
NAME = "localhost"


def whole(data):
    return [data]


class End:
    """A socket, and above it TLS whose bytes are the test's to cut."""

    def __init__(self, sock, context=None, server=False, name=NAME, session=None):
        self.sock, self.tls, self.heard = sock, None, False
        sock.settimeout(LIMIT)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if context:
            self.come, self.go = ssl.MemoryBIO(), ssl.MemoryBIO()
            self.tls = context.wrap_bio(
                self.come, self.go, server_side=server, session=session,
                server_hostname=None if server else name)

    def raw(self):
        """What came; or the end as text."""
        try:
            return self.sock.recv(65536) or "fin"
        except ConnectionError:
            return "reset"

    def flush(self, cut=whole):
        for piece in cut(self.go.read()):
            self.sock.sendall(piece)

    def shake(self, cut=whole):
        """`cut` gives the pieces in which the first message goes."""
        while True:
            try:
                self.tls.do_handshake()
                return self.flush()
            except ssl.SSLWantReadError:
                self.flush(cut)
                cut = whole
            except ssl.SSLError:
                self.flush()
                raise
            data = self.raw()
            if isinstance(data, str):
                raise ConnectionError(data)
            self.come.write(data)

    def shaken(self, cut=whole):
        """Itself, or why it could not."""
        try:
            self.shake(cut)
            return self
        except ssl.SSLError as e:
            self.sock.close()
            return e.reason, getattr(e, "verify_message", "")
        except OSError as e:
            self.sock.close()
            return str(e)

    def seal(self, data):
        """The bytes within TLS, which do not go yet."""
        self.tls.write(data)
        return self.go.read()

    def send(self, data):
        self.sock.sendall(self.seal(data) if self.tls else data)

    def some(self):
        """The next bytes; or how the sending ended: "notify", "fin", "reset"."""
        while self.tls and not self.heard:
            try:
                data = self.tls.read(65536)
                self.heard = not data
                return data or "notify"
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLZeroReturnError:
                self.heard = True
                return "notify"
            except ssl.SSLError as e:
                return e.reason
            data = self.raw()
            if isinstance(data, str):
                return data
            self.come.write(data)
        return self.raw()

    def take(self, size):
        """As many bytes, or fewer and how it ended."""
        data = b""
        while len(data) < size:
            more = self.some()
            if isinstance(more, str):
                return data, more
            data += more
        return data

    def rest(self):
        """All bytes, and each end that came."""
        data, ends = [], []
        while not {"fin", "reset"} & set(ends) and len(ends) < 3:
            more = self.some()
            (ends if isinstance(more, str) else data).append(more)
        return (b"".join(data), *ends)

    def notify(self):
        with contextlib.suppress(ssl.SSLError):
            self.tls.unwrap()
        self.flush()

    def fin(self):
        self.sock.shutdown(socket.SHUT_WR)

    def reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                             struct.pack("ii", 1, 0))
        self.sock.close()


class Place:
    """A server of the test's, to which connections lead bare, or by a run's
    proxy."""

    def __init__(self, t):
        self.t, self.process = t, None
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=2000)
        self.listener.settimeout(LIMIT)
        self.port = self.listener.getsockname()[1]
        self.context = self.proving(t.servers.own)

    @staticmethod
    def proving(leaf, alpn=("http/1.1",)):
        """A server's context."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.num_tickets = 0
        context.load_cert_chain(*leaf)
        if alpn:
            context.set_alpn_protocols(list(alpn))
        return context

    def begin(self, env=None, by=()):
        """A run, by whose proxy the next connections go."""
        self.process = start(self.t, by=by, env={
            "DD_LLMOBS_INSTRUMENTED_PROXY_URLS":
            "https://localhost:%d" % self.port, **(env or {})})
        self.trust = self.tell("echo $SSL_CERT_FILE").strip()
        self.door = Door(self.t, self.process)

    def tell(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline()

    def over(self):
        """The spans of the run."""
        self.door.close(self.process)
        equal(end(self.process), 5, "status")
        self.process = None
        nothing_left(self.t)
        return read_spans(os.path.join(self.t.dir, "store"))

    def trusting(self, alpn=("http/1.1",)):
        """A client's context."""
        context = ssl.create_default_context(
            cafile=self.trust if self.process else self.t.servers.cert)
        if alpn:
            context.set_alpn_protocols(list(alpn))
        return context

    def dial(self, head=None, name=NAME):
        """A connection to it, as a socket."""
        if not self.process:
            return socket.create_connection(("127.0.0.1", self.port), LIMIT)
        sock = self.door.dial()
        sock.settimeout(LIMIT)
        where = "%s:%d" % (name, self.port)
        sock.sendall(head or ("CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n" % (
            where, where)).encode())
        answer = b""
        while not answer.endswith(b"\r\n\r\n"):
            byte = sock.recv(1)
            ok(byte, "the proxy left")
            answer += byte
        self.door.left()
        equal(answer, b"HTTP/1.1 200 Connection established\r\n\r\n", "answer")
        return sock

    def plain(self):
        client = End(self.dial())
        return client, End(self.listener.accept()[0])

    def both(self, client=None, cut=whole, server=None, host=NAME, **more):
        """The two ends, once they have shaken hands; of a client that cannot,
        why, and of a server, None. `client`, `server`: their contexts; `host`:
        of the CONNECT; `more`: of the client's end."""
        one, seen, found = End(self.dial(name=host), client or self.trusting(),
                               **more), [], None
        thread = threading.Thread(
            target=lambda: seen.append(one.shaken(cut)), daemon=True)
        thread.start()
        while thread.is_alive() or self.waits(0):
            if self.waits(0.01): # the proxy may leave, and come again
                end = End(self.listener.accept()[0], server or self.context,
                          server=True)
                found = end if end.shaken() is end else None
        thread.join()
        return seen[0], found

    def waits(self, seconds):
        return select.select([self.listener], [], [], seconds)[0]
