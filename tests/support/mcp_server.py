"""A server of the Model Context Protocol on loopback, in each of its versions.

/2024-11-05 is HTTP with SSE: GET gives a stream, whose first event names where to
POST, and which brings the answers.  The paths of later versions are Streamable
HTTP: 2025-03-26 takes lists of messages, those before 2026-07-28 have sessions
and a stream to listen on, 2025-11-25 lets go of a stream and has its answer
fetched, 2026-07-28 has fields in the header for what a message says, and asks
back by its results (modelcontextprotocol: docs/specification/*/basic/transports).

A tool's name says what the tool does; the argument `how` says how its answer comes.
The server keeps each request.
"""
import http.server
import json
import queue
import sys
import threading

SERVER = {"name": "sums", "title": "Sums", "version": "2.1"}
INFO = "io.modelcontextprotocol/serverInfo"
PICTURE = "iVBORw0KGgoSECRETPIXELS"
STATE = "sealed-state-of-the-server"
WAIT = 20  # seconds; nothing takes that long


def session_of(version):
    return "sk-session-of-" + version


def text(words):
    return {"content": [{"type": "text", "text": words}]}


def tool(name, params):
    """The result of a call, or the error."""
    arguments = params.get("arguments", {})
    if name == "add":
        total = sum(arguments.get(k, 0) for k in "ab")
        return dict(text(str(total)), structuredContent={"sum": total})
    if name == "héllo":
        return text("Grüße, 世界 🌍")
    if name == "fail":
        return dict(text("it broke"), isError=True)
    if name == "draw":
        return {"content": [
            {"type": "image", "mimeType": "image/png", "data": PICTURE},
            {"type": "resource_link", "uri": "file:///a.txt", "name": "a.txt"},
            {"type": "resource", "resource": {
                "uri": "file:///b.png", "mimeType": "image/png",
                "blob": PICTURE}}], "isError": False}
    if name == "ask" and "inputResponses" not in params:
        return {"resultType": "input_required", "requestState": STATE,
                "inputRequests": {"day": {"method": "elicitation/create"}}}
    if name == "ask":
        return text("booked")
    return None


def result(version, method, params):
    if method == "initialize":
        return {"protocolVersion": version, "capabilities": {"tools": {}},
                "serverInfo": SERVER}
    if method == "server/discover":
        return {"supportedVersions": [version], "capabilities": {"tools": {}}}
    if method == "tools/list":
        return {"tools": [{"name": "add", "inputSchema": {"type": "object"}}]}
    if method == "prompts/get":
        return {"messages": [{"role": "user", "content": {
            "type": "text", "text": "Add up"}}]}
    if method == "resources/read":
        return {"contents": [{"uri": params["uri"], "mimeType": "image/png",
                              "blob": PICTURE}]}
    if method == "tools/call":
        return tool(params["name"], params)
    return {}


def answer(version, message):
    """None: it wants none."""
    if "id" not in message or "method" not in message:
        return None
    out = {"jsonrpc": "2.0", "id": message["id"]}
    if message["method"] == "tools/frob":
        return dict(out, error={"code": -32601, "message": "Method not found"})
    found = result(version, message["method"], message.get("params", {}))
    if found is None:
        return dict(out, error={"code": -32602, "message": "Unknown tool"})
    if version >= "2026":
        found = dict({"resultType": "complete", "_meta": {INFO: SERVER}},
                     **found)
    return dict(out, result=found)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *args):
        pass

    def keep(self, body=b""):
        with self.server.lock:
            self.server.seen.append((self.command, self.path,
                                     str(self.headers), body))

    def reply(self, status, data=b"", kind="application/json", **fields):
        self.send_response(status)
        if data:
            self.send_header("Content-Type", kind)
        for name, value in fields.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def begin(self, **fields):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        for name, value in fields.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def piece(self, data):
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def event(self, doc, **fields):
        lines = ["%s: %s" % pair for pair in fields.items()]
        lines += ["data: " + line for line in
                  json.dumps(doc, ensure_ascii=False, indent=1).split("\n")]
        data = "\r\n".join(lines + ["", ""]).encode()
        for at in range(0, len(data), 50):
            self.piece(data[at:at + 50])

    # -- POST

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.keep(body)
        version = self.path.split("/")[1]
        doc = json.loads(body)
        messages = doc if isinstance(doc, list) else [doc]
        answers = [a for a in (answer(version, m) for m in messages) if a]
        if version == "2024-11-05":
            self.reply(202)
            for one in answers:
                self.server.late[version].put(one)
        elif not answers:
            self.reply(202)
        else:
            self.say(version, messages[0],
                     answers[::-1] if isinstance(doc, list) else answers[0])

    def say(self, version, first, out):
        params = first.get("params", {})
        how = params.get("arguments", {}).get("how", "json")
        more = {}
        if first["method"] == "initialize":
            more["Mcp_Session_Id"] = session_of(version)
        if params.get("name") == "crash":
            return self.reply(500, b"<h1>Sorry</h1>", "text/html")
        if params.get("name") == "gone":
            return self.reply(404, json.dumps({
                "jsonrpc": "2.0", "id": None, "error": {
                    "code": -32001, "message": "Session not found"}}).encode())
        if params.get("name") == "door":
            return self.reply(401, WWW_Authenticate='Bearer realm="mcp"')
        if how == "json":
            return self.reply(200, json.dumps(out).encode(), **more)
        return self.stream(version, first, how, out, more)

    def stream(self, version, first, how, out, more):
        self.begin(**more)
        if how == "later":
            self.piece(b"id: e-1\nretry: 1\ndata:\n\n")
            self.server.late["e-1"].put(out)
            return self.piece(b"")
        # The server's own requests have ids of their own, which may be equal.
        if version < "2026":
            self.event({"jsonrpc": "2.0", "id": first["id"],
                        "method": "sampling/createMessage", "params": {}})
        self.piece(b": still there\r\n\r\n")
        self.event({"jsonrpc": "2.0", "method": "notifications/progress",
                    "params": {"progressToken": first["id"], "progress": 1}})
        for one in out if how == "apart" else [out]:
            self.event(one, event="message", id="e-9")
        return self.piece(b"")

    # -- GET, DELETE

    def do_GET(self):
        self.keep()
        version = self.path.split("/")[1]
        again = self.headers["Last-Event-ID"]
        self.begin()
        if again:
            self.event(self.server.late[again].get(timeout=WAIT), id="e-2")
        elif version == "2024-11-05":
            self.piece(b"event: endpoint\ndata: /2024-11-05/messages\n\n")
            for one in iter(self.server.late[version].get, None):
                self.event(one, event="message")
        else:
            self.event({"jsonrpc": "2.0", "method":
                        "notifications/tools/list_changed"})
            self.server.late["end of " + version].get(timeout=WAIT)
        self.piece(b"")

    def do_DELETE(self):
        self.keep()
        self.server.late["end of " + self.path.split("/")[1]].put(None)
        self.reply(200)


class Queues(dict):
    def __missing__(self, key):
        return self.setdefault(key, queue.Queue())


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, request, address):
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, address)


class McpServer:
    """Use as a context: `url` without a path, `seen` the requests."""

    def __enter__(self):
        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.lock = threading.Lock()
        self.seen = self.server.seen = []
        self.server.late = Queues()
        self.url = "http://127.0.0.1:%d" % self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        for late in list(self.server.late.values()):
            late.put(None)
        self.server.shutdown()
        self.server.server_close()
