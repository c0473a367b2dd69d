"""A server of websockets by plain frames of RFC 6455, on loopback.

To each `response.create` it answers with the events of one response, as OpenAI's
Realtime API does: `response.created`, pieces of text, `response.done`; or as its
Responses API does: `response.created`, a piece, `response.completed`.  It keeps
what each connection sent: the lines of its request but the key, which libcurl
draws at random, and its frames unmasked; or its messages.
"""
import base64
import contextlib
import hashlib
import json
import socketserver
import ssl
import struct
import threading
import time
import zlib

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3
TEXT, CLOSE = 1, 8
LONG = "a word and " * 100  # a frame with a length of 16 bits


def frame(opcode, payload, first=0x80):
    size = len(payload)
    if size < 126:
        head = bytes([first | opcode, size])
    else:
        head = struct.pack(">BBH", first | opcode, 126, size)
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


class Responses(Connection):
    """By OpenAI's Responses API.  The `metadata` of a message says how its
    response ends: `end`, the last event, or "cut", "close": so does all; or "stall".  What
    is said is compressed where the client offers that and the server's
    `compressed` is "shared", or "anew": each message by itself."""

    def upgrade(self):
        lines = [x.decode().rstrip() for x in iter(self.rfile.readline, b"\r\n")]
        head = {k.lower(): v for k, v in (x.split(": ", 1) for x in lines[1:])}
        key = head["sec-websocket-key"].encode()
        self.anew = self.server.compressed == "anew"
        self.zip = self.unzip = None
        agreed = b""
        if self.server.compressed and "permessage-deflate" in head.get(
                "sec-websocket-extensions", ""):
            self.zip = zlib.compressobj(wbits=-15)
            self.unzip = zlib.decompressobj(wbits=-15)
            agreed = b"Sec-WebSocket-Extensions: permessage-deflate%s\r\n" % (
                b"; server_no_context_takeover; client_no_context_takeover"
                if self.anew else b"")
        self.wfile.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Accept: " +
            base64.b64encode(hashlib.sha1(key + GUID).digest()) + b"\r\n" +
            agreed + b"\r\n")

    def messages(self):
        """Each message of the client, and whether it was compressed."""
        while True:
            head = self.rfile.read(2)
            if len(head) < 2 or head[0] & 15 == CLOSE:
                return
            size = head[1] & 127
            if size > 125:
                size = int.from_bytes(self.rfile.read(2 if size == 126 else 8),
                                      "big")
            mask = self.rfile.read(4)
            data = bytes(b ^ mask[i % 4]
                         for i, b in enumerate(self.rfile.read(size)))
            if head[0] & 15 > 2:
                continue
            if head[0] & 15:
                whole, packed = b"", bool(head[0] & 0x40)
            whole += data
            if head[0] & 0x80:
                if packed and self.anew:
                    self.unzip = zlib.decompressobj(wbits=-15)
                yield (self.unzip.decompress(whole + b"\0\0\xff\xff")
                       if packed else whole), packed

    def tell(self, kind, **more):
        """An event in two frames, and between them a ping, which aiohttp 3.8
        does not bear within a compressed one."""
        data, packed = json.dumps(dict(more, type=kind)).encode(), 0
        if self.zip:
            if self.anew:
                self.zip = zlib.compressobj(wbits=-15)
            packed = 0x40
            data = (self.zip.compress(data) +
                    self.zip.flush(zlib.Z_SYNC_FLUSH))[:-4]
        self.wfile.write(frame(TEXT, data[:9], packed) +
                         frame(9, b"") * (not packed) + frame(0, data[9:]))

    def answer(self, number, asked):
        """False: the connection is to end."""
        end = asked.get("metadata", {}).get("end", "completed")
        speaks = asked.get("generate", True)
        response = {"id": "resp_%d" % number, "object": "response",
                    "status": "in_progress", "model": asked["model"],
                    "output": []}
        self.tell("response.created", response=response)
        time.sleep(0.05)
        if speaks:
            self.tell("response.output_text.delta", output_index=0,
                      item_id="m", delta="It is in ")
        if end == "stall":
            self.rfile.read()
        if end == "close":
            self.wfile.write(frame(CLOSE, struct.pack(">H", 1011)))
        if end in ("cut", "close"):
            return False
        if end == "error":
            self.tell("error", status=429, error={
                "type": "rate_limit_error", "code": "rate_limit_exceeded",
                "message": "too fast"})
            return True
        if end == "failed":
            response["error"] = {"code": "server_error", "message": "it broke"}
        if end == "incomplete":
            response["incomplete_details"] = {"reason": "max_output_tokens"}
        self.tell("response." + end, response=dict(
            response, status=end, output=[{
                "type": "message", "id": "m", "role": "assistant",
                "status": "completed", "content": [{
                    "type": "output_text", "text": "It is in Ulm.",
                    "annotations": []}]}] * speaks,
            usage={"input_tokens": 7, "output_tokens": 5, "total_tokens": 12}))
        return True

    def handle(self):
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            self.upgrade()
            for number, (data, packed) in enumerate(self.messages(), 1):
                self.server.seen.append((data, packed))
                if not self.answer(number, json.loads(data)):
                    return


class Websockets:
    """`turns`: responses after which the server closes the connection;
    `handler`, `compressed`: as Responses says; `tls`: a folder with a leaf."""

    def __init__(self, turns=0, handler=Connection, compressed=None, tls=None):
        self.server = socketserver.ThreadingTCPServer(
            ("127.0.0.1", 0), handler)
        self.server.daemon_threads = True
        self.server.seen, self.server.turns = [], turns
        self.server.compressed = compressed
        port = self.server.server_address[1]
        self.url = "http://127.0.0.1:%d" % port
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(tls + "/leaf.pem", tls + "/leaf.key")
            self.server.socket = context.wrap_socket(
                self.server.socket, server_side=True)
            self.url = "https://localhost:%d" % port
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
