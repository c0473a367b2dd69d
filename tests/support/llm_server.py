#!/usr/bin/python3
"""A deterministic stand-in for an LLM provider and for a gateway, on loopback.

usage: llm_server.py [--ready FILE] [--record FILE] [--delay MS]
                     [--http-port N] [--tls-port N] [--gateway-port N]

Four listeners: HTTP, HTTPS (a certificate made at start, in a directory that
goes away at the end), a sample gateway that relays to the first, and HTTP on
[::1] where there is IPv6.  --ready FILE gets shell assignments HTTP_PORT,
TLS_PORT, GATEWAY_PORT, HTTP6_PORT, CERT (the CA), LEAF and KEY (the server's
own), SERVER_PID.  --record FILE gets one JSON line per request, in the order in
which they ended: listener, method, path, head (the request's head as it came,
base64), headers (name and value, in order), body and response (base64; the
response is all bytes sent, its head included).  GET /__sync answers once no
other request is under way and all of them are on record.

Two runs of the same requests get the same bytes: ids come from the request
body, dates are fixed.

POST .../chat/completions answers in the form of an OpenAI chat completion that
echoes the last user message; `stream`, `stream_options.include_usage`, `n` and
`tools` are honoured.  These models behave differently:

  error-401 error-429 error-500 error-503   an error of that status
  html-502           a proxy's HTML page
  malformed          200, broken JSON
  empty              200, no body
  truncated-stream   cut within an event, connection closed, no terminator
  truncated-body     fewer bytes than Content-Length says
  no-finish          a stream without finish reason and [DONE], ended in order
  stream-error       two pieces, then an error event
  hang               no answer, ever     stall   three pieces, then nothing
  drop               the connection is closed at once
  slow               40 ms between the pieces
  gzip deflate br zstd   that coding where Accept-Encoding allows it
  gzip-force         gzip in any case
  big huge           1 MB, 20 MB of text
  bad-bytes          12 MB that are no UTF-8
  no-usage           no token counts
  reasoning          with reasoning_content
  redirect-307       to this server      redirect-other   to another host name
  auth               401 until there is an Authorization header
                     (also: any path that begins with /auth/)

PUT .../chat/completions does the same.  /git/HOW/ is a git repository of one
branch (protocol version 2); its answer comes in pieces where HOW is `stream`,
stops after the first where it is `timeout`, and is an error for error-NNN.

A path that begins with /hang/ gets no answer, ever.
Any path that begins with /away/ is a redirect to another host name.  One that
begins with /refused/ is refused, and with /unasked/ is not answered, before the
body, where the client waits for a 100.

POST .../v1/messages is the same of Anthropic's, without the special models.
GET .../responses/ID is a stored response (ID begins with resp_), as is POST
.../responses/ID/cancel; one of resp_moved is a redirect to resp_there, resp_same is
unchanged (304), resp_hang never comes, resp_empty has no body, resp_error is a 500, resp_stream streams.
POST .../rerank orders texts by length, .../moderations flags "kill", .../audio/
transcriptions answers a form with the length of what came.  POST .../points/query
finds the vector that it got, and /search, /search.json and /res/v1/web/search one page.

GET /v1/models lists models.  POST /chat answers {"reply": ...} for
{"message": ...}, as gateways of one's own do.  The gateway is an HTTP proxy,
too: a CONNECT to any name is led to the TLS listener.  POST or PUT /upload takes
anything.  POST /mcp is an MCP server with the tool `add`: it answers as an event
stream to initialize and where the arguments have "stream", and gives a session the id
sk-mcp-session.  Everything else is a 404 with an error object.
"""
import argparse
import base64
import gzip
import hashlib
import http.client
import http.server
import json
import os
import select
import shutil
import signal
import socket
import socketserver
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import zlib

EPOCH = 1700000000
DATE = "Tue, 14 Nov 2023 22:13:20 GMT"
NAMES = ("DNS:localhost,IP:127.0.0.1,IP:0:0:0:0:0:0:0:1,DNS:gw.example,"
         "DNS:*.gw.example,DNS:*.openai.com,DNS:*.openai.azure.com,"
         "DNS:openrouter.ai,DNS:api.deepseek.com,DNS:api.anthropic.com,"
         "DNS:api.groq.com,DNS:api.mistral.ai")
GIT_RESULT = "application/x-git-upload-pack-result"
ERRORS = {
    401: ("invalid_request_error", "invalid_api_key",
          "Incorrect API key provided: %s. You can find your API key at "
          "https://platform.openai.com/account/api-keys."),
    429: ("tokens", "rate_limit_exceeded",
          "Rate limit reached for requests. Please try again in 1s."),
    500: ("server_error", None,
          "The server had an error while processing your request."),
    503: ("service_unavailable", None, "The engine is currently overloaded."),
}


class Record:
    """The record file, and the count of requests under way."""

    def __init__(self, path):
        self.file = open(path, "a") if path else None
        self.active = 0
        self.entered = 0
        self.quiet = threading.Condition()

    def enter(self):
        """Gives the place of a request in the order of their arrival: the
        threads that answer may write their entries in another."""
        with self.quiet:
            self.active += 1
            self.entered += 1
            return self.entered

    def leave(self, entry):
        with self.quiet:
            if self.file and entry:
                self.file.write(json.dumps(entry) + "\n")
                self.file.flush()
            self.active -= 1
            self.quiet.notify_all()

    def wait(self, seconds):
        """True when the only request under way is the caller's."""
        with self.quiet:
            return self.quiet.wait_for(lambda: self.active <= 1, seconds)


class TeeReader:
    """Passes reads on and keeps the bytes of the head."""

    def __init__(self, raw):
        self.raw = raw
        self.kept = None

    def readline(self, *args):
        line = self.raw.readline(*args)
        if self.kept is not None:
            self.kept.append(line)
        return line

    def read(self, *args):
        return self.raw.read(*args)

    def close(self):
        self.raw.close()

    @property
    def closed(self):
        return self.raw.closed

    def flush(self):
        pass


class TeeWriter:
    """Passes writes on and keeps the bytes."""

    def __init__(self, raw):
        self.raw = raw
        self.kept = bytearray()

    def write(self, data):
        self.kept += data
        return self.raw.write(data)

    def flush(self):
        self.raw.flush()

    def close(self):
        self.raw.close()

    @property
    def closed(self):
        return self.raw.closed


def words_of(text):
    """Pieces of a streamed answer: each word with the space before it."""
    parts = text.split(" ")
    return [parts[0]] + [" " + w for w in parts[1:]]


def stored_br(data):
    """In brotli's form, the bytes as they are (RFC 7932, 9.2)."""
    out = b""
    for at in range(0, len(data), 65536):
        part = data[at:at + 65536]
        bits = (len(part) - 1) << 3 | 1 << 19
        # the window's size stands before the first piece: one bit
        out += (bits << (0 if at else 1)).to_bytes(3, "little") + part
    return out + (b"\x03" if data else b"\x06")


def stored_zstd(data):
    """In zstd's form, the bytes as they are (RFC 8878, 3.1.1)."""
    out = b"\x28\xb5\x2f\xfd\x00\x50"
    for at in range(0, len(data), 65536):
        part = data[at:at + 65536]
        last = at + 65536 >= len(data)
        out += (len(part) << 3 | last).to_bytes(3, "little") + part
    return out


CODINGS = {"gzip": lambda data: gzip.compress(data, mtime=0),
           "deflate": zlib.compress, "br": stored_br, "zstd": stored_zstd}


def text_of(content):
    """The text of a message's content, a string or a list of parts."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return " ".join(p.get("text", "") for p in content
                        if isinstance(p, dict))
    return ""


def count(text):
    """A token count that anyone can recompute: words."""
    return len(text.split())


class Chat:
    """One chat request, and the answer that belongs to it."""

    def __init__(self, doc, body):
        self.doc = doc
        self.model = doc.get("model") if isinstance(doc.get("model"),
                                                    str) else ""
        self.stream = doc.get("stream") is True
        self.id = "chatcmpl-" + hashlib.sha1(body).hexdigest()[:24]
        self.prompt = ""
        self.prompt_tokens = 0
        for m in doc.get("messages") or []:
            if isinstance(m, dict):
                text = text_of(m.get("content"))
                self.prompt_tokens += count(text)
                if m.get("role") == "user":
                    self.prompt = text
        self.reasoning = "Let me think." if self.model == "reasoning" else None
        self.answer = self.make_answer()
        tools = doc.get("tools")
        self.tool = None
        if isinstance(tools, list) and tools and isinstance(tools[0], dict):
            self.tool = (tools[0].get("function") or {}).get("name") or "tool"

    def make_answer(self):
        if self.model == "big":
            return ("0123456789 abcde" * 65536)[:1 << 20]
        if self.model == "huge":
            return ("0123456789 abcde" * 1310720)[:20 << 20]
        return "Echo: " + self.prompt

    def arguments(self):
        return json.dumps({"query": self.prompt})

    def usage(self):
        out = count(self.answer)
        return {"prompt_tokens": self.prompt_tokens, "completion_tokens": out,
                "total_tokens": self.prompt_tokens + out}

    def message(self):
        m = {"role": "assistant", "content": self.answer}
        if self.reasoning:
            m["reasoning_content"] = self.reasoning
        if self.tool:
            m["content"] = None
            m["tool_calls"] = [{
                "id": "call_" + self.id[9:21], "type": "function",
                "function": {"name": self.tool,
                             "arguments": self.arguments()}}]
        return m

    def finish(self):
        return "tool_calls" if self.tool else "stop"

    def document(self):
        n = self.doc.get("n")
        n = n if isinstance(n, int) and 0 < n < 10 else 1
        doc = {"id": self.id, "object": "chat.completion", "created": EPOCH,
               "model": self.model + "-2023-11-14",
               "choices": [{"index": i, "message": self.message(),
                            "finish_reason": self.finish()}
                           for i in range(n)]}
        if self.model != "no-usage":
            doc["usage"] = self.usage()
        return doc

    def chunk(self, delta, finish=None, usage=None, choices=True):
        doc = {"id": self.id, "object": "chat.completion.chunk",
               "created": EPOCH, "model": self.model + "-2023-11-14",
               "choices": [{"index": 0, "delta": delta,
                            "finish_reason": finish}] if choices else []}
        if usage:
            doc["usage"] = usage
        return b"data: " + json.dumps(doc).encode() + b"\n\n"

    def deltas(self):
        yield {"role": "assistant", "content": ""}
        if self.reasoning:
            yield {"reasoning_content": self.reasoning}
        if self.tool:
            yield {"tool_calls": [{
                "index": 0, "id": "call_" + self.id[9:21], "type": "function",
                "function": {"name": self.tool, "arguments": ""}}]}
            args = self.arguments()
            for i in range(0, len(args), 7):
                yield {"tool_calls": [{
                    "index": 0, "function": {"arguments": args[i:i + 7]}}]}
            return
        pieces = words_of(self.answer)
        if len(pieces) > 4000:
            pieces = [self.answer[i:i + 65536]
                      for i in range(0, len(self.answer), 65536)]
        for piece in pieces:
            yield {"content": piece}

    def events(self):
        """The stream, event by event."""
        for delta in self.deltas():
            yield self.chunk(delta)
        if self.model == "no-finish":
            return
        yield self.chunk({}, self.finish())
        options = self.doc.get("stream_options")
        if isinstance(options, dict) and options.get("include_usage"):
            yield self.chunk({}, usage=self.usage(), choices=False)
        yield b"data: [DONE]\n\n"


class Handler(http.server.BaseHTTPRequestHandler):
    """Shared by the listeners: bodies, records, plain answers."""

    protocol_version = "HTTP/1.1"
    timeout = 120

    def setup(self):
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.server.tls:
            self.request.settimeout(20)
            self.request = self.server.tls.wrap_socket(self.request,
                                                       server_side=True)
        super().setup()
        self.rfile = TeeReader(self.rfile)
        self.wfile = TeeWriter(self.wfile)
        self.counted = False
        self.entry = None

    def log_message(self, *args):
        pass

    def version_string(self):
        return "llm"

    def date_time_string(self, timestamp=None):
        return DATE

    def parse_request(self):
        self.place = self.server.record.enter()
        self.counted = True
        return super().parse_request()

    def handle_one_request(self):
        self.rfile.kept = []
        self.wfile.kept = bytearray()
        self.entry = None
        self.counted = False
        try:
            super().handle_one_request()
        finally:
            if self.counted:
                if self.entry:
                    sent = bytes(self.wfile.kept)
                    self.entry["response"] = base64.b64encode(sent).decode()
                self.server.record.leave(self.entry)

    def take_body(self):
        """Reads the body; makes the record's entry."""
        head = b"".join(self.rfile.kept)
        self.rfile.kept = None
        self.entry = {"place": self.place,
                      "listener": self.server.name, "method": self.command,
                      "path": self.path, "version": self.request_version,
                      "head": base64.b64encode(head).decode(),
                      "headers": [[k, v] for k, v in self.headers.items()],
                      "body": "", "response": ""}
        body = self.read_body()
        self.entry["body"] = base64.b64encode(body).decode()
        return body

    def read_body(self):
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            return self.read_chunks()
        left = int(self.headers.get("Content-Length") or 0)
        parts = []
        while left > 0:
            part = self.rfile.read(min(left, 1 << 16))
            if not part:
                self.close_connection = True
                break
            parts.append(part)
            left -= len(part)
        return b"".join(parts)

    def read_chunks(self):
        parts = []
        while True:
            line = self.rfile.readline()
            size = int(line.split(b";")[0].strip() or b"0", 16)
            if not line or size == 0:
                break
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline() not in (b"\r\n", b"\n", b""):
            pass
        return b"".join(parts)

    def reply(self, status, body, ctype="application/json", headers=(),
              length=None):
        self.send_response(status)
        self.send_header("Content-Type", ctype)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length",
                         str(len(body) if length is None else length))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def reply_json(self, status, doc, headers=()):
        self.reply(status, json.dumps(doc).encode(), headers=headers)

    def not_found(self):
        self.reply_json(404, {"error": {
            "message": "Invalid URL (%s %s)" % (self.command,
                                                self.path.split("?")[0]),
            "type": "invalid_request_error", "param": None, "code": None}})

    def begin_stream(self, ctype, headers=()):
        """Sends the head of an answer without a length."""
        self.chunked = self.request_version != "HTTP/1.0"
        self.send_response(200)
        self.send_header("Content-Type", ctype)
        for name, value in headers:
            self.send_header(name, value)
        if self.chunked:
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.close_connection = True
        self.end_headers()

    def piece(self, data):
        if not data:
            return
        if self.chunked:
            data = b"%x\r\n%s\r\n" % (len(data), data)
        self.wfile.write(data)
        self.wfile.flush()

    def end_stream(self):
        if self.chunked:
            self.wfile.write(b"0\r\n\r\n")
            self.wfile.flush()

    def wait_for_close(self):
        """Until the client gives up, or the server is told to stop."""
        self.close_connection = True
        while not self.server.stopping.is_set():
            ready, _, _ = select.select([self.connection], [], [], 0.1)
            if ready:
                return

    def serve(self):
        if self.path == "/__sync":
            ok = self.server.record.wait(5)
            return self.reply_json(200 if ok else 503, {"quiet": ok})
        return self.answer(self.take_body())

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = serve
    do_OPTIONS = serve


class Provider(Handler):
    """The LLM provider."""

    def handle_expect_100(self):
        if self.path.startswith("/refused/"):
            self.close_connection = True
            self.error(413)
            return False
        return (self.path.startswith("/unasked/") or
                super().handle_expect_100())

    def answer(self, body):
        path = self.path.split("?")[0]
        if path.startswith("/auth/") and not self.authorized():
            return self.challenge()
        if self.command in ("POST", "PUT") and path.endswith(
                "/chat/completions"):
            return self.chat(body)
        if self.command == "POST" and path.endswith("/v1/messages"):
            return self.messages(Chat(json.loads(body), body))
        if "/responses/resp_" in path:
            return self.stored(path.split("/responses/")[1].split("/"))
        if self.command == "POST" and path.endswith("/rerank"):
            return self.rerank(json.loads(body))
        if self.command == "POST" and path.endswith("/points/query"):
            vector = json.loads(body).get("query")
            return self.reply_json(200, {"status": "ok", "result": {"points": [
                {"id": 7, "score": 0.5, "payload": {"text": "Paris is a city."},
                 "vector": vector},
                {"id": 8, "score": 0.25, "payload": {"place": "Rome",
                                                     "vector": vector}}]}})
        if path in ("/search", "/search.json", "/res/v1/web/search"):
            page = [{"title": "Paris", "url": "https://example.org/paris"}]
            return self.reply_json(200, {
                "results": page, "organic_results": page,
                "web": {"results": page}})
        if self.command == "POST" and path.endswith("/moderations"):
            bad = b"kill" in body
            return self.reply_json(200, {"id": "modr-1", "model": "mod-1",
                                         "results": [{
                                             "flagged": bad, "categories": {
                                                 "violence": bad}}]})
        if path.startswith("/hang/"):
            return self.wait_for_close()
        if path.endswith("/audio/transcriptions"):
            return self.reply_json(200, {"text": "%d bytes" % len(body),
                                         "usage": {"type": "duration",
                                                   "seconds": 2}})
        if path.startswith("/git/"):
            return self.git(*path[5:].partition("/")[::2])
        if self.command in ("GET", "HEAD") and path.endswith("/models"):
            return self.reply_json(200, {"object": "list", "data": [
                {"id": "gpt-test", "object": "model", "created": EPOCH,
                 "owned_by": "llm"}]})
        if self.command == "POST" and path == "/mcp":
            return self.mcp(body)
        if self.command in ("POST", "PUT") and path.startswith("/upload"):
            return self.reply_json(200, {
                "received": len(body),
                "sha256": hashlib.sha256(body).hexdigest()})
        if self.command == "POST" and path == "/chat":
            return self.generic(body)
        if path.startswith("/away/"):
            return self.to_other("/redirected/v1/models", 302)
        return self.not_found()

    def stored(self, parts):
        """A response that was made before, or its cancellation."""
        name = parts[0]
        if self.command not in ("GET", "HEAD", "DELETE") and parts[1:] != [
                "cancel"]:
            return self.not_found()
        if name == "resp_moved":
            return self.reply(307, b"", headers=[
                ("Location", self.path.replace("moved", "there"))])
        if name == "resp_same":
            self.send_response(304)
            return self.end_headers()
        if name == "resp_hang":
            return self.wait_for_close()
        if name == "resp_empty":
            return self.reply(200, b"")
        if name == "resp_error":
            return self.error(500)
        state = "cancelled" if parts[1:] else "completed"
        doc = {"id": name, "object": "response", "status": state, "model":
               "gpt-test", "error": None, "output": [] if parts[1:] else [
                   {"type": "message", "role": "assistant", "content": [
                       {"type": "output_text", "text": "stored"}]}],
               "usage": {"input_tokens": 3, "output_tokens": 4,
                         "total_tokens": 7}}
        if name != "resp_stream":
            return self.reply_json(200, doc)
        self.begin_stream("text/event-stream")
        for kind in ("created", "completed"):
            event = {"type": "response." + kind, "response": doc}
            self.piece(("event: %s\ndata: %s\n\n" % (
                event["type"], json.dumps(event))).encode())
        return self.end_stream()

    def rerank(self, asked):
        texts = asked["documents"]
        order = sorted(range(len(texts)), key=lambda i: -len(texts[i]))
        return self.reply_json(200, {"id": "rr-1", "results": [
            {"index": i, "relevance_score": len(texts[i]) / 100}
            for i in order], "meta": {"billed_units": {"search_units": 1}}})

    def generic(self, body):
        try:
            message = json.loads(body).get("message", "")
        except (ValueError, AttributeError, RecursionError):
            return self.reply_json(400, {"detail": "a JSON object, please"})
        return self.reply_json(200, {"reply": "Echo: " + str(message)})

    def git(self, how, what):
        """A repository of one branch, as git's HTTP protocol shows it."""
        if what == "info/refs":
            return self.reply(200, b"001e# service=git-upload-pack\n0000"
                              b"000eversion 2\n000cls-refs\n0000",
                              "application/x-git-upload-pack-advertisement")
        line = b"%s refs/heads/main\n" % hashlib.sha1(b"llm").hexdigest(
            ).encode()
        parts = [b"%04x%s" % (len(line) + 4, line), b"0000"]
        if how.startswith("error-"):
            return self.error(int(how[6:]))
        if how not in ("stream", "timeout"):
            return self.reply(200, b"".join(parts), GIT_RESULT)
        self.begin_stream(GIT_RESULT)
        self.piece(parts[0])
        if how == "timeout":
            return self.wait_for_close()
        self.piece(parts[1])
        return self.end_stream()

    def authorized(self):
        return self.headers.get("Authorization") is not None

    def challenge(self):
        self.reply_json(401, {"error": {
            "message": "who are you?", "type": "authentication_error",
            "code": None}}, [
                ("WWW-Authenticate", 'Digest realm="llm", nonce="6e6f6e6365",'
                 ' algorithm=MD5, qop="auth"'),
                ("WWW-Authenticate", 'Basic realm="llm"')])

    def mcp(self, body):
        message = json.loads(body)
        if "id" not in message:
            return self.reply(202, b"")
        params = message.get("params", {})
        arguments = params.get("arguments", {})
        answer = {"jsonrpc": "2.0", "id": message["id"]}
        if message["method"] == "initialize":
            answer["result"] = {
                "protocolVersion": "2025-06-18", "capabilities": {},
                "serverInfo": {"name": "sums", "version": "2.1"}}
        elif message["method"] == "tools/list":
            answer["result"] = {"tools": [{"name": "add", "inputSchema": {}}]}
        elif params.get("name") != "add":
            answer["error"] = {"code": -32602, "message": "Unknown tool"}
        else:
            failed = not arguments.get("a")
            answer["result"] = {"isError": failed, "content": [
                {"type": "text", "text": "no" if failed else "3"}]}
        text = json.dumps(answer).encode()
        if message["method"] != "initialize" and "stream" not in arguments:
            return self.reply(200, text)
        self.begin_stream("text/event-stream",
                          [("Mcp-Session-Id", "sk-mcp-session")])
        self.piece(b'data: {"jsonrpc": "2.0", "method": "notifications/x"}'
                   b"\n\n")
        self.piece(b"event: message\ndata: " + text + b"\n\n")
        return self.end_stream()

    def chat(self, body):
        try:
            doc = json.loads(body)
        except (ValueError, RecursionError):
            doc = None
        if not isinstance(doc, dict):
            return self.reply_json(400, {"error": {
                "message": "We could not parse the JSON body of your request.",
                "type": "invalid_request_error", "param": None, "code": None}})
        chat = Chat(doc, body)
        special = getattr(self, "model_" + chat.model.replace("-", "_"), None)
        if chat.model.startswith("error-"):
            return self.error(int(chat.model[6:]))
        if special:
            return special(chat)
        return self.normal(chat)

    def messages(self, chat):
        doc = {"id": "msg_" + chat.id[9:], "type": "message",
               "role": "assistant", "model": chat.model, "stop_reason": None,
               "content": [],
               "usage": {"input_tokens": chat.prompt_tokens,
                         "output_tokens": 0}}
        text = {"type": "text", "text": chat.answer}
        end = {"stop_reason": "end_turn", "stop_sequence": None}
        used = {"output_tokens": count(chat.answer)}
        if not chat.stream:
            doc.update(end, content=[text], usage=dict(doc["usage"], **used))
            return self.reply_json(200, doc)
        self.begin_stream("text/event-stream")
        for kind, more in (
                ("message_start", {"message": doc}),
                ("content_block_start",
                 {"index": 0, "content_block": dict(text, text="")}),
                *(("content_block_delta", {"index": 0, "delta": {
                    "type": "text_delta", "text": piece}})
                  for piece in words_of(chat.answer)),
                ("content_block_stop", {"index": 0}),
                ("message_delta", {"delta": end, "usage": used}),
                ("message_stop", {})):
            self.piece(b"event: %s\ndata: %s\n\n" % (
                kind.encode(), json.dumps(dict(more, type=kind)).encode()))
        return self.end_stream()

    def normal(self, chat, coding=None):
        headers = [("X-Request-Id", "req_" + chat.id[9:])]
        if coding:
            headers.append(("Content-Encoding", coding))
        if chat.stream:
            return self.stream(chat, headers, coding)
        body = json.dumps(chat.document()).encode()
        if coding:
            body = CODINGS[coding](body)
        return self.reply(200, body, headers=headers)

    def stream(self, chat, headers, coding, delay=None):
        delay = self.server.delay if delay is None else delay
        squeeze = None
        if coding in ("br", "zstd"):
            self.begin_stream("text/event-stream", headers)
            packed = CODINGS[coding](b"".join(chat.events()))
            for at in range(0, len(packed), 50):
                self.piece(packed[at:at + 50])
            return self.end_stream()
        if coding:
            squeeze = zlib.compressobj(wbits=31 if coding == "gzip" else 15)
        self.begin_stream("text/event-stream", headers)
        for event in chat.events():
            if squeeze:
                event = squeeze.compress(event)
                event += squeeze.flush(zlib.Z_SYNC_FLUSH)
            time.sleep(delay)
            self.piece(event)
        if squeeze:
            self.piece(squeeze.flush())
        self.end_stream()

    def error(self, status):
        kind, code, text = ERRORS.get(status, ("server_error", None, "Error."))
        if "%s" in text:
            given = self.headers.get("Authorization", "").split(" ")[-1]
            text = text % given
        extra = [("Retry-After", "1"), ("x-request-id", "req_of_429"),
                 ("x-ratelimit-remaining-tokens", "0")] if status == 429 else []
        self.reply_json(status, {"error": {
            "message": text, "type": kind, "param": None, "code": code}},
            extra)

    def model_behind_gateway(self, chat):
        self.reply_json(200, chat.document(),
                        [("x-litellm-call-id", "01JADMCQQQBWH3NXZ5GCRN98DP")])

    def model_html_502(self, chat):
        self.reply(502, b"<html><head><title>502 Bad Gateway</title></head>\r\n"
                   b"<body><center><h1>502 Bad Gateway</h1></center></body>"
                   b"</html>\r\n", "text/html")

    def model_malformed(self, chat):
        whole = json.dumps(chat.document()).encode()
        self.reply(200, whole[:len(whole) // 2] + b"]]")

    def model_bad_bytes(self, chat):
        whole = json.dumps(chat.document()).encode()
        self.reply(200, whole.replace(b"Echo", b"\xff" * 12000000, 1))

    def model_empty(self, chat):
        self.reply(200, b"")

    def cut(self, chat, pieces):
        """The first pieces of the stream; the next one only in part."""
        self.begin_stream("text/event-stream")
        for i, event in enumerate(chat.events()):
            time.sleep(self.server.delay)
            if i == pieces:
                self.piece(event[:len(event) // 2])
                break
            self.piece(event)
        self.close_connection = True

    def model_truncated_stream(self, chat):
        self.cut(chat, 3)

    def model_truncated_body(self, chat):
        body = json.dumps(chat.document()).encode()
        self.reply(200, body[:len(body) // 2], length=len(body))
        self.close_connection = True

    def model_stream_error(self, chat):
        self.begin_stream("text/event-stream")
        for i, event in enumerate(chat.events()):
            if i == 3:
                break
            time.sleep(self.server.delay)
            self.piece(event)
        self.piece(b"data: " + json.dumps({"error": {
            "message": "The model ran out of steam.", "type": "server_error",
            "code": "overloaded"}}).encode() + b"\n\n")
        self.end_stream()

    def model_hang(self, chat):
        self.wait_for_close()

    def model_stall(self, chat):
        self.begin_stream("text/event-stream")
        for i, event in enumerate(chat.events()):
            if i == 3:
                break
            self.piece(event)
        self.wait_for_close()

    def model_drop(self, chat):
        self.close_connection = True

    def model_slow(self, chat):
        if chat.stream:
            return self.stream(chat, [], None, 0.04)
        body = json.dumps(chat.document()).encode()
        self.begin_stream("application/json")
        for i in range(0, len(body), 64):
            time.sleep(0.04)
            self.piece(body[i:i + 64])
        return self.end_stream()

    def accepts(self, coding):
        return coding in self.headers.get("Accept-Encoding", "").lower()

    def model_gzip(self, chat):
        self.normal(chat, "gzip" if self.accepts("gzip") else None)

    def model_deflate(self, chat):
        self.normal(chat, "deflate" if self.accepts("deflate") else None)

    def model_br(self, chat):
        self.normal(chat, "br" if self.accepts("br") else None)

    def model_zstd(self, chat):
        self.normal(chat, "zstd" if self.accepts("zstd") else None)

    def model_gzip_force(self, chat):
        self.normal(chat, "gzip")

    def model_redirect_307(self, chat):
        if "/redirected/" in self.path:
            return self.normal(chat)
        return self.reply(307, b"moved\n", "text/plain", [
            ("Location", "/redirected/v1/chat/completions")])

    def model_redirect_other(self, chat):
        if "/redirected/" in self.path:
            return self.normal(chat)
        return self.to_other("/redirected/v1/chat/completions", 307)

    def to_other(self, path, status):
        host = self.headers.get("Host", "")
        other = "localhost" if host.startswith("127.") else "127.0.0.1"
        scheme = "https" if self.server.tls else "http"
        return self.reply(status, b"moved\n", "text/plain", [
            ("Location", "%s://%s:%d%s" % (
                scheme, other, self.server.server_address[1], path))])

    def model_auth(self, chat):
        if self.authorized():
            return self.normal(chat)
        return self.challenge()


class Gateway(Handler):
    """A sample gateway: relays to the provider, streams as they come; its own
    endpoint POST /chat asks the provider for a completion.  Also an HTTP proxy:
    CONNECT to any name ends at the TLS listener here."""

    SKIP = {"host", "connection", "content-length", "transfer-encoding",
            "expect", "accept-encoding"}

    def answer(self, body):
        path = self.path.split("?")[0]
        if self.command == "POST" and path == "/chat":
            return self.own_endpoint(body)
        upstream, answer = self.ask(self.command, self.path, body)
        try:
            self.relay(answer)
        finally:
            upstream.close()

    def do_CONNECT(self):
        self.take_body()
        far = socket.create_connection(("127.0.0.1", self.server.tunnel), 10)
        self.send_response(200, "Connection established")
        self.end_headers()
        self.close_connection = True
        other = {self.connection: far, far: self.connection}
        try:
            while True:
                for side in select.select(list(other), [], [], 60)[0]:
                    data = side.recv(65536)
                    if not data:
                        return
                    other[side].sendall(data)
        finally:
            far.close()

    def ask(self, method, path, body):
        if path.startswith("http://"):  # as a proxy is asked
            path = "/" + path.split("/", 3)[3]
        upstream = http.client.HTTPConnection("127.0.0.1",
                                              self.server.upstream, timeout=60)
        headers = {k: v for k, v in self.headers.items()
                   if k.lower() not in self.SKIP}
        upstream.request(method, path, body or None, headers)
        return upstream, upstream.getresponse()

    def own_endpoint(self, body):
        try:
            message = str(json.loads(body).get("message", ""))
        except (ValueError, AttributeError, RecursionError):
            return self.reply_json(400, {"detail": "a JSON object, please"})
        upstream, answer = self.ask("POST", "/v1/chat/completions", json.dumps({
            "model": "gpt-test",
            "messages": [{"role": "user", "content": message}]}).encode())
        try:
            text = json.load(answer)["choices"][0]["message"]["content"]
        finally:
            upstream.close()
        return self.reply_json(200, {"reply": text})

    def relay(self, answer):
        ctype = answer.getheader("Content-Type", "application/octet-stream")
        keep = [(k, v) for k, v in answer.getheaders() if k.lower() in
                ("content-encoding", "retry-after", "www-authenticate",
                 "location", "x-request-id")]
        if answer.getheader("Content-Length") is not None:
            return self.reply(answer.status, answer.read(), ctype, keep)
        self.begin_stream(ctype, keep)
        while True:
            try:
                data = answer.read1(65536)
            except (OSError, http.client.HTTPException):
                self.close_connection = True
                return None
            if not data:
                break
            self.piece(data)
        return self.end_stream()


class Listener(socketserver.ThreadingMixIn, socketserver.TCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, name, address, handler, shared, tls=None):
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        super().__init__(address, handler)
        self.name = name
        self.tls = tls
        self.record = shared["record"]
        self.delay = shared["delay"]
        self.stopping = shared["stopping"]
        self.upstream = shared.get("upstream", 0)
        self.tunnel = shared.get("tunnel", 0)

    def handle_error(self, request, client_address):
        error = sys.exc_info()[1]
        if not isinstance(error, (OSError, ValueError)):
            super().handle_error(request, client_address)


def make_certificates(folder, names=NAMES):
    """A CA and a leaf for the names above; gives the three paths."""
    def path(name):
        return os.path.join(folder, name)

    def openssl(*args):
        subprocess.run(("openssl",) + args, check=True,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
           "-nodes")
    openssl("req", "-x509", *key, "-keyout", path("ca.key"), "-out",
            path("ca.pem"), "-days", "2", "-subj", "/CN=llm test CA",
            "-addext", "keyUsage=critical,keyCertSign,cRLSign")
    openssl("req", *key, "-keyout", path("leaf.key"), "-out",
            path("leaf.csr"), "-subj", "/CN=llm")
    with open(path("ext"), "w") as f:
        f.write("subjectAltName=%s\nbasicConstraints=CA:FALSE\n"
                "extendedKeyUsage=serverAuth\n" % names)
    openssl("x509", "-req", "-in", path("leaf.csr"), "-CA", path("ca.pem"),
            "-CAkey", path("ca.key"), "-CAcreateserial", "-days", "2",
            "-extfile", path("ext"), "-out", path("leaf.pem"))
    return path("ca.pem"), path("leaf.pem"), path("leaf.key")


def write_ready(path, values):
    text = "".join("%s='%s'\n" % kv for kv in values.items())
    if not path:
        sys.stdout.write(text)
        sys.stdout.flush()
        return
    with open(path + ".new", "w") as f:
        f.write(text)
    os.rename(path + ".new", path)


def start(options, folder, stopping):
    """Starts the listeners; gives them and what to tell."""
    ca, leaf, key = make_certificates(folder)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(leaf, key)
    shared = {"record": Record(options.record), "stopping": stopping,
              "delay": options.delay / 1000}
    plain = Listener("http", ("127.0.0.1", options.http_port), Provider,
                     shared)
    shared["upstream"] = plain.server_address[1]
    secure = Listener("tls", ("127.0.0.1", options.tls_port), Provider, shared,
                      tls)
    shared["tunnel"] = secure.server_address[1]
    gateway = Listener("gateway", ("127.0.0.1", options.gateway_port), Gateway,
                       shared)
    listeners = [plain, secure, gateway]
    told = {"HTTP_PORT": plain.server_address[1],
            "TLS_PORT": secure.server_address[1],
            "GATEWAY_PORT": gateway.server_address[1]}
    try:
        six = Listener("http6", ("::1", 0), Provider, shared)
        listeners.append(six)
        told["HTTP6_PORT"] = six.server_address[1]
    except OSError:
        pass
    told.update(CERT=ca, LEAF=leaf, KEY=key, SERVER_PID=os.getpid())
    return listeners, told


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--ready")
    parser.add_argument("--record")
    parser.add_argument("--delay", type=float, default=3)
    parser.add_argument("--http-port", type=int, default=0)
    parser.add_argument("--tls-port", type=int, default=0)
    parser.add_argument("--gateway-port", type=int, default=0)
    options = parser.parse_args()
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *args: stopping.set())
    folder = tempfile.mkdtemp(prefix="llm-server.")
    try:
        listeners, told = start(options, folder, stopping)
        for listener in listeners:
            # nobody wakes it but a client
            threading.Thread(target=listener.serve_forever, args=(None,),
                             daemon=True).start()
        write_ready(options.ready, told)
        stopping.wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
