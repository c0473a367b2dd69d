#!/usr/bin/python3
"""A receiver of OTLP over HTTP, strict about the form of what comes.

usage: otlp_receiver.py [--ready FILE] [--port N] [--fault RULE]...
                        [--tls CERT KEY] [--clients CA] [--out FILE]

--ready FILE gets PORT='N' once it listens on 127.0.0.1; --out FILE a line of
JSON for each request.  Of protobuf and JSON it makes the same: the names of the
JSON form, ids in hex, whole numbers as numbers.

A RULE is [SIGNAL/]WHICH:KIND[,NAME=VALUE]..., as traces/1:503,retry-after=2;
values are percent-decoded.
SIGNAL: traces, metrics or logs.  WHICH of its requests: 3, 2-4, 2- or *.  KIND:
  a status      answers it; retry-after=TEXT, location=URL, body=TEXT besides
  partial       200, but rejected=N records are lost; message=TEXT
  garbage       200 with bytes that are no answer
  type          200 with another content type
  page          200 with a web page; no record is taken
  big           status=N (413) where the body has more than bytes=N
  many          status=N (400) where it has more than records=N
  hang          no answer until the receiver is well again
  close, reset  the connection ends without an answer, in order or not
  interim       it ends after a "100 Continue"
  cut           the records are taken, the answer ends within its body
  slow          ms=N (500), then as usual
"""
import argparse
import base64
import gzip
import http.server
import json
import re
import socket
import socketserver
import ssl
import struct
import sys
import threading
import time
import urllib.parse

# -- the messages: {number: (name, type, repeated)} --------------------------

ANY, KEY_VALUE = {}, {}
ANY.update({1: ("stringValue", "text"), 2: ("boolValue", "bool"),
            3: ("intValue", "int"), 4: ("doubleValue", "double"),
            5: ("arrayValue", {1: ("values", ANY, True)}),
            6: ("kvlistValue", {1: ("values", KEY_VALUE, True)}),
            7: ("bytesValue", "base64")})
KEY_VALUE.update({1: ("key", "text"), 2: ("value", ANY)})
ATTRIBUTES = ("attributes", KEY_VALUE, True)
DROPPED = ("droppedAttributesCount", "int")
RESOURCE = {1: ATTRIBUTES, 2: DROPPED}
SCOPE = {1: ("name", "text"), 2: ("version", "text"), 3: ATTRIBUTES,
         4: DROPPED}
SPAN = {
    1: ("traceId", "hex"), 2: ("spanId", "hex"), 3: ("traceState", "text"),
    4: ("parentSpanId", "hex"), 5: ("name", "text"), 6: ("kind", "int"),
    7: ("startTimeUnixNano", "fixed64"), 8: ("endTimeUnixNano", "fixed64"),
    9: ATTRIBUTES, 10: DROPPED,
    11: ("events", {1: ("timeUnixNano", "fixed64"), 2: ("name", "text"),
                    3: ATTRIBUTES, 4: DROPPED}, True),
    12: ("droppedEventsCount", "int"),
    13: ("links", {1: ("traceId", "hex"), 2: ("spanId", "hex"),
                   3: ("traceState", "text"), 4: ATTRIBUTES, 5: DROPPED,
                   6: ("flags", "fixed32")}, True),
    14: ("droppedLinksCount", "int"),
    15: ("status", {2: ("message", "text"), 3: ("code", "int")}),
    16: ("flags", "fixed32")}
NUMBER = {2: ("startTimeUnixNano", "fixed64"), 3: ("timeUnixNano", "fixed64"),
          4: ("asDouble", "double"), 6: ("asInt", "sfixed64"), 7: ATTRIBUTES}
HISTOGRAM = {2: ("startTimeUnixNano", "fixed64"),
             3: ("timeUnixNano", "fixed64"), 4: ("count", "fixed64"),
             5: ("sum", "double"), 6: ("bucketCounts", "fixed64", True),
             7: ("explicitBounds", "double", True), 9: ATTRIBUTES,
             11: ("min", "double"), 12: ("max", "double")}
METRIC = {1: ("name", "text"), 2: ("description", "text"), 3: ("unit", "text"),
          5: ("gauge", {1: ("dataPoints", NUMBER, True)}),
          7: ("sum", {1: ("dataPoints", NUMBER, True),
                      2: ("aggregationTemporality", "int"),
                      3: ("isMonotonic", "bool")}),
          9: ("histogram", {1: ("dataPoints", HISTOGRAM, True),
                            2: ("aggregationTemporality", "int")})}
RECORD = {1: ("timeUnixNano", "fixed64"), 2: ("severityNumber", "int"),
          3: ("severityText", "text"), 5: ("body", ANY), 6: ATTRIBUTES,
          7: DROPPED, 8: ("flags", "fixed32"),
          9: ("traceId", "hex"), 10: ("spanId", "hex"),
          11: ("observedTimeUnixNano", "fixed64"), 12: ("eventName", "text")}


def request_of(resources, scopes, records, record):
    return {1: (resources, {
        1: ("resource", RESOURCE), 2: (scopes, {
            1: ("scope", SCOPE), 2: (records, record, True),
            3: ("schemaUrl", "text")}, True),
        3: ("schemaUrl", "text")}, True)}


SIGNALS = {  # signal: its message, and the names on the way to its records
    "traces": (request_of("resourceSpans", "scopeSpans", "spans", SPAN),
               ("resourceSpans", "scopeSpans", "spans")),
    "metrics": (request_of("resourceMetrics", "scopeMetrics", "metrics",
                           METRIC),
                ("resourceMetrics", "scopeMetrics", "metrics")),
    "logs": (request_of("resourceLogs", "scopeLogs", "logRecords", RECORD),
             ("resourceLogs", "scopeLogs", "logRecords"))}


class Bad(ValueError):
    """A body that is not of the form."""


# -- protobuf ----------------------------------------------------------------

def varint(data, at):
    number = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise Bad("a number without its end")
        number |= (data[at] & 127) << shift
        shift += 7
        at += 1
        if data[at - 1] < 128:
            return number, at


FIXED = {"fixed64": (1, "<Q", 8), "sfixed64": (1, "<q", 8),
         "double": (1, "<d", 8), "fixed32": (5, "<I", 4)}


def scalar(kind, wire, raw):
    """A value that is no message; `raw` is a number or bytes."""
    if kind in ("int", "bool") and wire == 0:
        if kind == "bool":
            return bool(raw)
        return raw - (1 << 64) if raw >> 63 else raw
    if kind in FIXED and wire == FIXED[kind][0]:
        return struct.unpack(FIXED[kind][1], raw)[0]
    if wire == 2 and kind == "text":
        return raw.decode("utf-8")
    if wire == 2 and kind == "hex":
        return raw.hex()
    if wire == 2 and kind == "base64":
        return base64.b64encode(raw).decode()
    raise Bad("wire type %d for %s" % (wire, kind))


def fields(data):
    """(number, wire type, value) of each field."""
    at = 0
    while at < len(data):
        tag, at = varint(data, at)
        wire = tag & 7
        if wire == 0:
            raw, at = varint(data, at)
        else:
            size = 8 if wire == 1 else 4 if wire == 5 else None
            if wire == 2:
                size, at = varint(data, at)
            if size is None or at + size > len(data):
                raise Bad("a field beyond the end")
            raw, at = data[at:at + size], at + size
        yield tag >> 3, wire, raw


def from_protobuf(message, data):
    doc = {}
    for number, wire, raw in fields(data):
        if number not in message:
            raise Bad("field %d" % number)
        name, kind, *repeated = message[number]
        if isinstance(kind, dict):
            if wire != 2:
                raise Bad("%s is no message" % name)
            values = [from_protobuf(kind, raw)]
        elif repeated and wire == 2 and kind in FIXED:
            size = FIXED[kind][2]
            values = [scalar(kind, FIXED[kind][0], raw[i:i + size])
                      for i in range(0, len(raw), size)]
        else:
            values = [scalar(kind, wire, raw)]
        if repeated:
            doc.setdefault(name, []).extend(values)
        elif name in doc:
            raise Bad("%s twice" % name)
        else:
            doc[name] = values[0]
    return doc


# -- JSON --------------------------------------------------------------------

def plain(kind, value):
    if isinstance(kind, dict):
        return from_json(kind, value)
    if kind in ("int", "fixed64", "sfixed64", "fixed32"):
        if isinstance(value, bool) or not isinstance(value, (int, str)):
            raise Bad("%r for %s" % (value, kind))
        return int(value)
    if kind == "double":
        return float(value)
    wanted = bool if kind == "bool" else str
    if not isinstance(value, wanted):
        raise Bad("%r for %s" % (value, kind))
    return bytes.fromhex(value).hex() if kind == "hex" else value


def from_json(message, value):
    if not isinstance(value, dict):
        raise Bad("%r is no object" % (value,))
    known = {field[0]: field for field in message.values()}
    doc = {}
    for name, inner in value.items():
        if name not in known:
            raise Bad("member %s" % name)
        kind, repeated = known[name][1], len(known[name]) > 2
        if repeated and not isinstance(inner, list):
            raise Bad("%s is no list" % name)
        doc[name] = [plain(kind, v) for v in inner] if repeated \
            else plain(kind, inner)
    return doc


# -- records -----------------------------------------------------------------

def value_of(any_value):
    """The Python value of an AnyValue."""
    for name, value in any_value.items():
        if name == "arrayValue":
            return [value_of(v) for v in value.get("values", [])]
        if name == "kvlistValue":
            return attributes_of(value.get("values", []))
        return value
    return None


def attributes_of(pairs):
    """{key: value} of a list of attributes; no key comes twice."""
    if len({p["key"] for p in pairs}) != len(pairs):
        raise Bad("a key twice: %s" % sorted(p["key"] for p in pairs))
    return {p["key"]: value_of(p.get("value", {})) for p in pairs}


def records_of(signal, doc):
    """Each record with its resource and scope, attributes as dicts."""
    resources, scopes, records = SIGNALS[signal][1]
    found = []
    for group in doc.get(resources, []):
        resource = attributes_of(group.get("resource", {}).get(
            "attributes", []))
        for part in group.get(scopes, []):
            for record in part.get(records, []):
                whole = dict(record, resource=resource,
                             scope=part.get("scope", {}),
                             schemaUrl=part.get("schemaUrl"))
                if "attributes" in record or signal != "metrics":
                    whole["attributes"] = attributes_of(
                        record.get("attributes", []))
                found.append(whole)
    return found


# -- faults ------------------------------------------------------------------

class Fault:
    FORM = re.compile(r"(?:(traces|metrics|logs)/)?(\*|\d+(?:-\d*)?):"
                      r"([\w-]+)((?:,[\w-]+=[^,]*)*)$")
    KINDS = ("partial", "garbage", "type", "page", "big", "many", "hang", "close",
             "reset", "interim", "cut", "slow")

    def __init__(self, text):
        form = self.FORM.match(text)
        if not form or not (form[3].isdigit() or form[3] in self.KINDS):
            raise ValueError("no fault: %s" % text)
        self.signal, which, self.kind, rest = form.groups()
        first, dash, last = which.partition("-")
        self.first = 1 if which == "*" else int(first)
        self.last = int(last) if last else \
            self.first if which != "*" and not dash else sys.maxsize
        self.options = {n: urllib.parse.unquote(v) for n, v in (
            option.split("=", 1) for option in rest.split(",")[1:])}

    def meets(self, signal, number, size, records):
        if self.signal not in (None, signal) or \
                not self.first <= number <= self.last:
            return False
        if self.kind == "big":
            return size > int(self.options["bytes"])
        if self.kind == "many":
            return records > int(self.options["records"])
        return True

    def status(self):
        if self.kind in ("big", "many"):
            return int(self.options.get(
                "status", 413 if self.kind == "big" else 400))
        return int(self.kind) if self.kind.isdigit() else 200


def answer_body(rejected, message, as_json):
    """An Export...ServiceResponse."""
    if as_json:
        part = {"rejectedSpans": str(rejected), "errorMessage": message}
        return json.dumps({"partialSuccess": part}).encode()
    text = message.encode()
    part = b"\x08" + encode_varint(rejected) if rejected else b""
    if text:
        part += b"\x12" + encode_varint(len(text)) + text
    return b"\x0a" + encode_varint(len(part)) + part


def encode_varint(number):
    out, number = b"", number & (1 << 64) - 1
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


# -- the server --------------------------------------------------------------

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def do_HEAD(self):
        self.server.state.warmed.append(self.client_address[1])
        self.reply(404, b"")

    def do_GET(self):
        self.server.state.complain("a GET of %s" % self.path)
        self.reply(405, b"")

    def do_POST(self):
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = b"".join(self.chunks())
        else:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.state.handle(self, body)

    def chunks(self):
        size = 1
        while size:
            size = int(self.rfile.readline(), 16)
            yield self.rfile.read(size)
            self.rfile.readline()

    def reply(self, status, body, kind=None, head=()):
        self.send_response(status)
        for name, value in head:
            self.send_header(name, value)
        if kind:
            self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def drop(self, abruptly):
        self.close_connection = True
        if abruptly:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                       struct.pack("ii", 1, 0))
        self.connection.close()


class Listener(socketserver.ThreadingMixIn, socketserver.TCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64

    def finish_request(self, request, client_address):
        if self.state.tls:
            request.settimeout(10)
            request = self.state.tls.wrap_socket(request, server_side=True)
        super().finish_request(request, client_address)

    def handle_error(self, request, client_address):
        self.state.errors.append(repr(sys.exc_info()[1]))


class Receiver:
    """Listens from the start; a context manager."""

    def __init__(self, *faults, port=0, tls=None, clients=None, out=None):
        self.lock = threading.RLock()
        self.over = threading.Event()
        self.faults = [Fault(text) for text in faults]
        self.requests, self.errors, self.wrong = [], [], []
        self.warmed = []  # the ports of clients that connected ahead
        self.out = out
        self.tls = None
        if tls:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(*tls)
            if clients:
                self.tls.load_verify_locations(clients)
                self.tls.verify_mode = ssl.CERT_REQUIRED
        self.listener = Listener(("127.0.0.1", port), Handler)
        self.listener.state = self
        self.port = self.listener.server_address[1]
        self.url = "%s://%s:%d" % ("https" if tls else "http",
                                   "localhost" if tls else "127.0.0.1",
                                   self.port)
        threading.Thread(target=self.listener.serve_forever, args=(0.02,),
                         daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *what):
        self.close()

    def close(self):
        self.over.set()
        self.listener.shutdown()
        self.listener.server_close()

    def fault(self, *texts):
        """From now on; requests are counted anew."""
        with self.lock:
            self.well()
            self.faults = [Fault(text) for text in texts]

    def well(self):
        with self.lock:
            self.faults = []
            self.counted = {}
            self.over.set()
            self.over = threading.Event()

    counted = {}
    agent = r"llmobs/\S+ OTel-OTLP-Exporter-C/\S+" # others on request

    def complain(self, text):
        with self.lock:
            self.wrong.append(text)

    # -- what came

    def records(self, signal):
        """The records of the requests that were accepted, in their order."""
        with self.lock:
            return [r for request in self.requests
                    if request["signal"] == signal and request["taken"]
                    for r in request["records"]]

    def spans(self):
        return self.records("traces")

    def ids(self):
        return [s["spanId"] for s in self.spans()]

    def posts(self, signal="traces"):
        with self.lock:
            return [r for r in self.requests if r["signal"] == signal]

    def wait(self, condition, seconds=10):
        end = time.monotonic() + seconds
        while not condition() and time.monotonic() < end:
            time.sleep(0.01)
        return condition()

    def wait_spans(self, count, seconds=10):
        self.wait(lambda: len(self.spans()) >= count, seconds)
        return self.spans()

    # -- a request

    def look(self, handler, body, entry):
        """The form of one request; its records."""
        kind = handler.headers.get("Content-Type")
        if handler.request_version != "HTTP/1.1":
            raise Bad(handler.request_version)
        if kind not in ("application/x-protobuf", "application/json"):
            raise Bad("Content-Type %s" % kind)
        if not re.fullmatch(self.agent, handler.headers.get("User-Agent", "")):
            raise Bad("User-Agent %s" % handler.headers.get("User-Agent"))
        coding = handler.headers.get("Content-Encoding")
        if coding not in (None, "gzip"):
            raise Bad("Content-Encoding %s" % coding)
        if coding:
            body = gzip.decompress(body)
        entry["plain"] = len(body)
        message = SIGNALS[entry["signal"]][0]
        entry["doc"] = from_protobuf(message, body) if kind.endswith("f") \
            else from_json(message, json.loads(body))
        records = records_of(entry["signal"], entry["doc"])
        if not records:
            raise Bad("a request without records")
        return records

    def handle(self, handler, body):
        signal = handler.path.rpartition("/")[2]
        entry = {"path": handler.path, "headers": dict(handler.headers),
                 "bytes": len(body), "time": time.time(), "records": [],
                 "client": handler.client_address[1],
                 "signal": signal if signal in SIGNALS else "traces",
                 "taken": False, "status": 0, "fault": None}
        try:
            entry["records"] = self.look(handler, body, entry)
        except (Bad, ValueError, KeyError, struct.error, OSError) as e:
            self.complain("%s: %s" % (handler.path, e))
        with self.lock:
            number = self.counted.get(entry["signal"], 0) + 1
            self.counted = dict(self.counted, **{entry["signal"]: number})
            self.requests.append(entry)
            fault = next((f for f in self.faults if f.meets(
                entry["signal"], number, entry.get("plain", 0),
                len(entry["records"]))), None)
            over = self.over
        self.answer(handler, entry, fault, over)
        if self.out:
            with self.lock, open(self.out, "a") as f:
                f.write(json.dumps(entry) + "\n")

    def answer(self, handler, entry, fault, over):
        kind = entry["headers"].get("Content-Type")
        as_json = kind == "application/json"
        body = b"{}" if as_json else b""
        head = []
        entry["status"] = 200
        if fault:
            options, entry["fault"] = fault.options, fault.kind
            if fault.kind == "slow":
                over.wait(int(options.get("ms", 500)) / 1000)
            if fault.kind == "hang":
                over.wait(60)
            if fault.kind == "interim":
                handler.send_response_only(100)
                handler.end_headers()
            if fault.kind in ("hang", "close", "reset", "interim"):
                entry["status"] = 0
                handler.drop(fault.kind in ("hang", "reset"))
                return
            entry["status"] = fault.status()
            body = options.get("body", "").encode() or body
            if "retry-after" in options:
                head.append(("Retry-After", options["retry-after"]))
            if "location" in options:
                head.append(("Location", options["location"]))
            if fault.kind == "partial":
                body = answer_body(int(options.get("rejected", 0)),
                                   options.get("message", ""), as_json)
            if fault.kind == "garbage":
                body = b"\xff\x00 no answer"
            if fault.kind == "type":
                kind, body = "text/plain", b"ok"
            if fault.kind == "page":
                kind, body = "text/html; charset=utf-8", b"<html>Log in</html>"
        entry["taken"] = 200 <= entry["status"] < 300 and \
            entry["fault"] != "page"
        if fault and fault.kind == "cut":
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\n"
                                b"Content-Length: 9\r\n\r\nx" % kind.encode())
            handler.drop(False)
            return
        handler.reply(entry["status"], body, kind, head)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--ready")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--fault", action="append", default=[])
    parser.add_argument("--tls", nargs=2)
    parser.add_argument("--clients")
    parser.add_argument("--out")
    options = parser.parse_args()
    with Receiver(*options.fault, port=options.port, tls=options.tls,
                  clients=options.clients, out=options.out) as receiver:
        if options.ready:
            with open(options.ready, "w") as f:
                f.write("PORT='%d'\n" % receiver.port)
        else:
            print(receiver.url, flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        pass
