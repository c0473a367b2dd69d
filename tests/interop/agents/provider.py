"""A model for coding agents: Anthropic's, OpenAI's and Google's, by HTTP/1.1 and
the websocket of the Responses API.

Asks once for the program's tool that runs commands, and answers in words when it
has the tool's result. `calls` has what came: a dict for each request to a model.
"""
import base64
import hashlib
import http.server
import json
import re
import struct
import threading
import zlib

TEXT = "It is in Ulm."
COMMAND = "echo from-a-tool"
IN, OUT = 1100, 7
SHELLS = re.compile(r"bash|shell|exec_command|run_commands?|execute_command|"
                    r"run_shell_command|run_terminal_command", re.I)


def value_of(name, schema):
    """A value for a parameter of a tool."""
    kind = schema.get("type")
    kind = kind[0] if isinstance(kind, list) else kind
    if "anyOf" in schema and not kind:
        return value_of(name, schema["anyOf"][0])
    if "enum" in schema:
        return schema["enum"][0]
    kind = str(kind).lower()
    if kind == "array":
        return [value_of(name, schema.get("items", {"type": "string"}))]
    if kind == "object":
        return arguments_of(schema)
    return {"boolean": False, "integer": 5000, "number": 5000}.get(
        kind, COMMAND if re.match("cmd|command", name) else "the one")


def arguments_of(schema):
    known = schema.get("properties", {})
    wanted = set(schema.get("required", [])) | (
        {"cmd", "command", "commands"} & set(known))
    return {name: value_of(name, known.get(name, {})) for name in sorted(wanted)}


def tool_of(tools):
    """(name, arguments) for the tool that runs commands, or None."""
    for tool in tools or []:
        for one in tool.get("functionDeclarations", [tool]):
            one = one.get("function", one)
            if SHELLS.fullmatch(one.get("name", "")):
                return one["name"], arguments_of(
                    one.get("input_schema") or one.get("parameters") or
                    one.get("parametersJsonSchema") or {})
    return None


def reply(doc):
    """(text, tool): with a result of it in the request, words."""
    tool = tool_of(doc.get("tools"))
    if not tool or re.search(r'"(tool_result|functionResponse|custom_tool_call_output|'
                             r'function_call_output)"|"role": "tool"',
                             json.dumps(doc)):
        return TEXT, None
    return "", tool


# ---- the answers, as events ------------------------------------------------

def anthropic(doc):
    text, tool = reply(doc)
    block = ({"type": "tool_use", "id": "toolu_1", "name": tool[0], "input": {}}
             if tool else {"type": "text", "text": ""})
    delta = ({"type": "input_json_delta", "partial_json": json.dumps(tool[1])}
             if tool else {"type": "text_delta", "text": text})
    stop = "tool_use" if tool else "end_turn"
    message = {"id": "msg_1", "type": "message", "role": "assistant",
               "model": doc["model"], "content": [], "stop_reason": None,
               "stop_sequence": None,
               "usage": {"input_tokens": IN, "output_tokens": 1}}
    if not doc.get("stream"):
        whole = dict(block, input=tool[1]) if tool else dict(block, text=text)
        return dict(message, content=[whole], stop_reason=stop,
                    usage={"input_tokens": IN, "output_tokens": OUT})
    return [
        {"type": "message_start", "message": message},
        {"type": "content_block_start", "index": 0, "content_block": block},
        {"type": "content_block_delta", "index": 0, "delta": delta},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "usage": {"output_tokens": OUT},
         "delta": {"stop_reason": stop, "stop_sequence": None}},
        {"type": "message_stop"}]


def chat(doc):
    text, tool = reply(doc)
    message = {"role": "assistant", "content": None if tool else text}
    if tool:
        message["tool_calls"] = [{
            "index": 0, "id": "call_1", "type": "function", "function": {
                "name": tool[0], "arguments": json.dumps(tool[1])}}]
    stop = "tool_calls" if tool else "stop"
    usage = {"prompt_tokens": IN, "completion_tokens": OUT,
             "total_tokens": IN + OUT}
    part = {"id": "chatcmpl-1", "object": "chat.completion.chunk",
            "created": 1, "model": doc["model"]}
    if not doc.get("stream"):
        return dict(part, object="chat.completion", usage=usage, choices=[
            {"index": 0, "message": message, "finish_reason": stop}])
    return [dict(part, choices=[{"index": 0, "delta": message,
                                 "finish_reason": None}]),
            dict(part, choices=[{"index": 0, "delta": {},
                                 "finish_reason": stop}]),
            dict(part, choices=[], usage=usage)]


def responses(doc):
    text, tool = reply(doc)
    item = {"type": "function_call", "id": "fc_1", "call_id": "call_1",
            "name": tool[0], "arguments": json.dumps(tool[1]),
            "status": "completed"} if tool else {
        "type": "message", "id": "msg_1", "role": "assistant",
        "status": "completed", "content": [
            {"type": "output_text", "text": text, "annotations": []}]}
    response = {"id": "resp_%d" % (2 if tool else 3), "object": "response",
                "created_at": 1, "status": "in_progress",
                "model": doc["model"], "output": []}
    done = dict(response, status="completed", output=[item], usage={
        "input_tokens": IN, "output_tokens": OUT, "total_tokens": IN + OUT,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens_details": {"reasoning_tokens": 0}})
    if not doc.get("stream", True):
        return done
    begun = dict(item, status="in_progress", **(
        {"arguments": ""} if tool else {"content": []}))
    events = [{"type": "response.created", "response": response},
              {"type": "response.output_item.added", "output_index": 0,
               "item": begun}]
    if tool:
        events += [{"type": "response.function_call_arguments." + kind,
                    "item_id": "fc_1", "output_index": 0, name: item["arguments"]}
                   for kind, name in (("delta", "delta"), ("done", "arguments"))]
    else:
        events += [{"type": "response.content_part.added", "item_id": "msg_1",
                    "output_index": 0, "content_index": 0,
                    "part": dict(item["content"][0], text="")},
                   {"type": "response.output_text.delta", "item_id": "msg_1",
                    "output_index": 0, "content_index": 0, "delta": text}]
    events += [{"type": "response.output_item.done", "output_index": 0,
                "item": item},
               {"type": "response.completed", "response": done}]
    return [dict(e, sequence_number=i) for i, e in enumerate(events)]


def gemini(doc, stream):
    text, tool = reply(doc)
    part = {"functionCall": {"name": tool[0], "args": tool[1]}} if tool else {
        "text": text}
    whole = {"candidates": [{"content": {"role": "model", "parts": [part]},
                             "finishReason": "STOP", "index": 0}],
             "modelVersion": "gemini-2.5-pro", "responseId": "r1",
             "usageMetadata": {"promptTokenCount": IN,
                               "candidatesTokenCount": OUT,
                               "totalTokenCount": IN + OUT}}
    return [whole] if stream else whole


# ---- the server --------------------------------------------------------------

class Provider(http.server.ThreadingHTTPServer):
    """Threads: one for each connection; `calls` is theirs under `lock`."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.lock = threading.Lock()
        self.calls, self.others = [], []
        self.websocket = None  # "plain", "packed", or None: refused
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def take(self):
        with self.lock:
            calls, self.calls = self.calls, []
            others, self.others = self.others, []
        return calls, others


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def note(self, doc, **more):
        with self.server.lock:
            self.server.calls.append(dict(
                more, path=self.path, body=doc,
                headers=sorted((k.lower(), v) for k, v in self.headers.items())))

    def send(self, status, kind, data):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        if (self.headers.get("upgrade", "").lower() == "websocket" and
                self.server.websocket):
            self.talk()
            return
        self.send(426 if "upgrade" in self.headers else 404,
                  "application/json", b'{"error": {"message": "none"}}')
        with self.server.lock:
            self.server.others.append(("GET", self.path))

    def body(self):
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers["Content-Length"] or 0))
        whole = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            whole += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return whole

    def do_POST(self):
        raw = self.body()
        path = self.path.split("?")[0]
        try:
            doc = json.loads(raw)
        except ValueError:
            doc = {}
        if path.endswith("/count_tokens"):
            answer, ends = {"input_tokens": IN}, b""
        elif path.endswith("/messages"):
            answer, ends = anthropic(doc), b""
        elif path.endswith("/chat/completions"):
            answer, ends = chat(doc), b"data: [DONE]\n\n"
        elif path.endswith("/responses"):
            answer, ends = responses(doc), b""
        elif path.endswith("enerateContent"):
            answer, ends = gemini(doc, "streamG" in path), b""
        else:
            with self.server.lock:
                self.server.others.append(("POST", self.path))
            self.send(404, "application/json", b'{"error": {"message": "no"}}')
            return
        self.note(doc)
        if isinstance(answer, dict):
            self.send(200, "application/json", json.dumps(answer).encode())
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for event in answer:
            named = b"event: %s\n" % event["type"].encode() if "type" in event \
                else b""
            self.chunk(b"%sdata: %s\n\n" % (named, json.dumps(event).encode()))
        if ends:
            self.chunk(ends)
        self.wfile.write(b"0\r\n\r\n")

    def chunk(self, data):
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    # -- the websocket (RFC 6455, 7692)

    def talk(self):
        key = self.headers["Sec-WebSocket-Key"].encode()
        proof = base64.b64encode(hashlib.sha1(
            key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()).decode()
        packed = (self.server.websocket == "packed" and "permessage-deflate" in
                  self.headers.get("Sec-WebSocket-Extensions", ""))
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", proof)
        if packed:
            self.send_header("Sec-WebSocket-Extensions", "permessage-deflate")
        self.end_headers()
        self.close_connection = True
        unpack, pack = zlib.decompressobj(-15), zlib.compressobj(9, 8, -15)
        while (text := self.message(unpack)) is not None:
            doc = json.loads(text)
            if doc.get("type") != "response.create":
                continue
            warm = doc.get("generate") is False
            self.note(doc, warm=warm)
            for event in responses(doc):
                data = json.dumps(event).encode()
                if packed:
                    data = (pack.compress(data) +
                            pack.flush(zlib.Z_SYNC_FLUSH))[:-4]
                size = (bytes([len(data)]) if len(data) < 126 else
                        b"\x7e" + struct.pack(">H", len(data)))
                self.wfile.write((b"\xc1" if packed else b"\x81") + size + data)

    def message(self, unpack):
        """The next message's text; None: none comes."""
        whole, packed = b"", False
        while True:
            head = self.rfile.read(2)
            if len(head) < 2 or head[0] & 15 == 8:
                return None
            size = head[1] & 127
            if size > 125:
                form = ">H" if size == 126 else ">Q"
                size = struct.unpack(form, self.rfile.read(
                    struct.calcsize(form)))[0]
            mask = self.rfile.read(4)
            data = self.rfile.read(size)
            data = bytes(a ^ b for a, b in zip(data, mask * (size // 4 + 1)))
            if head[0] & 15 > 2:
                if head[0] & 15 == 9:
                    self.wfile.write(bytes([0x8a, len(data)]) + data)
                continue
            packed |= bool(head[0] & 0x40)
            whole += data
            if head[0] & 0x80:
                return unpack.decompress(whole + b"\0\0\xff\xff") if packed \
                    else whole
