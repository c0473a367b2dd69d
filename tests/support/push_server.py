#!/usr/bin/python3
"""An HTTP/2 server that pushes what a chat request asks for, on loopback.

usage: push_server.py READY HOST [CERT KEY]

With CERT and KEY it speaks TLS and chooses h2 by ALPN; else a client has to
know that it speaks HTTP/2.  READY gets the port, which a client must connect to
while its URL says HOST alone: libcurl 7.88 refuses what is pushed from a URL
with a port.  It answers every request with
a chat completion that echoes the last user message of its JSON body, and promises
before it each path of the body's member "push", unless the client takes none.
Pushed bodies that the client does not refuse come after the answer, one after
the other: libcurl 7.88 has no memory for the first byte of a pushed one until
that has read from the connection itself, which one alone on it does.

The server does not read the client's header blocks: that would need HPACK.
"""
import json
import os
import socketserver
import ssl
import struct
import sys
import threading

DATA, HEADERS, RESET, SETTINGS, PROMISE, PING, WINDOW = 0, 1, 3, 4, 5, 6, 8
END_STREAM, END_HEADERS, ACK = 1, 4, 1
PREFACE = 24
NOTHING = b'{"model": "none", "messages": [{"content": "nothing"}]}'


def literal(text):
    data = text.encode()
    if len(data) < 127:
        return bytes([len(data)]) + data
    return bytes([127, len(data) - 127]) + data  # shorter than 255


def block(pairs):
    """A header block without compression."""
    return b"".join(b"\0" + literal(k) + literal(v) for k, v in pairs)


def answer_to(doc):
    text = "you said: " + doc["messages"][-1]["content"]
    return json.dumps({
        "id": "chatcmpl-1", "object": "chat.completion",
        "created": 1700000000, "model": doc["model"],
        "choices": [{"index": 0, "finish_reason": "stop", "message": {
            "role": "assistant", "content": text}}],
        "usage": {"prompt_tokens": 7, "completion_tokens": 5,
                  "total_tokens": 12}}).encode()


class Connection(socketserver.StreamRequestHandler):
    def send(self, kind, flags, stream, payload=b""):
        self.wfile.write(struct.pack(">I", len(payload))[1:] +
                         struct.pack(">BBI", kind, flags, stream) + payload)

    def respond(self, stream, kind, body):
        if stream in self.gone:
            return
        half = len(body) // 2
        self.send(HEADERS, END_HEADERS, stream, block([
            (":status", "200"), ("content-type", kind),
            ("content-length", str(len(body)))]))
        self.send(DATA, 0, stream, body[:half])
        self.send(DATA, END_STREAM, stream, body[half:])

    def promise(self, parent, path):
        stream, self.promised = self.promised, self.promised + 2
        scheme = "https" if self.server.tls else "http"
        self.send(PROMISE, END_HEADERS, parent, struct.pack(">I", stream) +
                  block([(":method", "GET"), (":scheme", scheme),
                         (":authority", self.server.host), (":path", path), ("x-pushed", "yes")]))
        return stream

    def turns(self):
        """Until the client has answered some pings: nghttp2 does so before it
        refuses what came earlier."""
        for _ in range(4):
            self.send(PING, 0, 0, bytes(8))
            yield

    def answer(self, stream, doc):
        paths = doc.get("push", []) if self.pushes else []
        promised = {self.promise(stream, path): path for path in paths}
        if promised:
            yield from self.turns()
        self.respond(stream, "application/json", answer_to(doc))
        for pushed, path in promised.items():
            yield from self.turns()
            self.respond(pushed, "text/plain", ("pushed " + path).encode() * 9)

    def go_on(self, script):
        if next(script, self) is None:
            self.waiting.append(script)

    def frames(self):
        while True:
            head = self.rfile.read(9)
            if len(head) < 9:
                return
            kind, flags, stream = struct.unpack(">BBI", head[3:])
            size = struct.unpack(">I", b"\0" + head[:3])[0]
            yield kind, flags, stream, self.rfile.read(size)

    def settle(self, payload):
        for at in range(0, len(payload), 6):
            name, value = struct.unpack(">HI", payload[at:at + 6])
            if name == 2:
                self.pushes = value == 1
        self.send(SETTINGS, ACK, 0)

    def handle(self):
        self.promised, self.pushes, self.gone, bodies = 2, True, set(), {}
        self.waiting = []
        if self.rfile.read(PREFACE)[:3] != b"PRI":
            return
        self.send(SETTINGS, 0, 0)
        for kind, flags, stream, payload in self.frames():
            if kind == SETTINGS and not flags & ACK:
                self.settle(payload)
            if kind == RESET:
                self.gone.add(stream)
            if kind == PING and flags & ACK:
                self.go_on(self.waiting.pop(0))
            if kind == DATA:
                bodies[stream] = bodies.get(stream, b"") + payload
                self.send(WINDOW, 0, 0, struct.pack(">I", len(payload) or 1))
            if kind in (DATA, HEADERS) and flags & END_STREAM:
                body = bodies.pop(stream, b"") or NOTHING
                self.go_on(self.answer(stream, json.loads(body)))

    def finish(self):
        try:
            super().finish()
        except OSError:
            pass


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    tls = None
    host = ""

    def get_request(self):
        sock, peer = super().get_request()
        if self.tls:
            sock = self.tls.wrap_socket(sock, server_side=True,
                                        do_handshake_on_connect=False)
        return sock, peer

    def handle_error(self, request, client_address):
        """A client that hangs up is no news."""


def main():
    ready, Server.host, cert, key = sys.argv[1:]
    plain, tls = [Server(("127.0.0.1", 0), Connection) for _ in range(2)]
    tls.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.tls.load_cert_chain(cert, key)
    tls.tls.set_alpn_protocols(["h2"])
    with open(ready + ".new", "w") as f:
        f.write("%d %d" % (plain.server_address[1], tls.server_address[1]))
    os.rename(ready + ".new", ready)
    threading.Thread(target=tls.serve_forever, daemon=True).start()
    plain.serve_forever()


if __name__ == "__main__":
    main()
