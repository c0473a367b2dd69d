"""A server of websockets by plain frames of RFC 6455, on loopback.

To each `response.create` it answers with the events of one response, as OpenAI's
Realtime API does: `response.created`, pieces of text, `response.done`.  It keeps
what each connection sent: the lines of its request but the key, which libcurl
draws at random, and its frames unmasked.
"""
import base64
import hashlib
import json
import socketserver
import struct
import threading

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3
TEXT, CLOSE = 1, 8
LONG = "a word and " * 100  # a frame with a length of 16 bits


def frame(opcode, payload):
    size = len(payload)
    if size < 126:
        head = bytes([0x80 | opcode, size])
    else:
        head = struct.pack(">BBH", 0x80 | opcode, 126, size)
    return head + payload


class Connection(socketserver.StreamRequestHandler):
    def tell(self, *events):
        self.wfile.write(b"".join(
            frame(TEXT, json.dumps(e).encode()) for e in events))

    def upgrade(self):
        """The request's lines; answers with the key's digest."""
        lines = []
        for line in iter(self.rfile.readline, b"\r\n"):
            name, _, value = line.partition(b":")
            if name.lower() == b"sec-websocket-key":
                key, line = value.strip(), name
            lines.append(line)
        digest = base64.b64encode(hashlib.sha1(key + GUID).digest())
        self.wfile.write(b"HTTP/1.1 101 Switching Protocols\r\n"
                         b"Upgrade: websocket\r\nConnection: Upgrade\r\n"
                         b"Sec-WebSocket-Accept: " + digest + b"\r\n\r\n")
        return lines

    def frames(self):
        """(opcode, payload) of each frame of the client, until it closes."""
        while True:
            try:
                head = self.rfile.read(2)
            except ConnectionResetError:
                return
            if len(head) < 2:
                return
            size = head[1] & 127
            if size == 126:
                size, = struct.unpack(">H", self.rfile.read(2))
            elif size == 127:
                size, = struct.unpack(">Q", self.rfile.read(8))
            mask = self.rfile.read(4)
            yield head[0] & 15, bytes(
                b ^ mask[i % 4] for i, b in enumerate(self.rfile.read(size)))
            if head[0] & 15 == CLOSE:
                return

    def respond(self, number):
        of = {"response_id": "resp_%d" % number}
        self.tell({"type": "response.created",
                   "response": {"id": of["response_id"]}},
                  dict(of, type="response.output_text.delta", delta="one "),
                  dict(of, type="response.output_text.delta", delta=LONG),
                  {"type": "response.done", "response": {
                      "id": of["response_id"], "status": "completed",
                      "usage": {"input_tokens": 3, "output_tokens": 2,
                                "total_tokens": 5}}})

    def handle(self):
        seen, number = self.upgrade(), 0
        self.tell({"type": "session.created", "session": {"id": "sess_1"}})
        for opcode, payload in self.frames():
            seen.append((opcode, payload))
            if b"response.create" in payload:
                number += 1
                self.respond(number)
                if number == self.server.turns:
                    break
        self.server.seen.append(seen)
        self.wfile.write(frame(CLOSE, struct.pack(">H", 1000)))


class Websockets:
    """`turns`: responses after which the server closes the connection."""

    def __init__(self, turns=0):
        self.server = socketserver.ThreadingTCPServer(
            ("127.0.0.1", 0), Connection)
        self.server.seen, self.server.turns = [], turns
        self.url = "http://127.0.0.1:%d" % self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever,
                                       args=(0.05,), daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    @property
    def seen(self):
        """The frames of each connection; of all, once the server is closed."""
        return self.server.seen
