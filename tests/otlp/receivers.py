"""Receivers of OTLP that others wrote, and what they received in one form.

A span in that form is a dict: resource and attributes ({key: value}, a Python
value of the type that was sent), scope, traceId, spanId, parentSpanId, name,
kind, start, end, status (code, message), flags, traceState, links. A log record
has time, severity, body, event, traceId, spanId, attributes; a metric has name,
unit, type, temporality, monotonic and points.
"""
import base64
import http.server
import json
import os
import subprocess
import sys
import threading
import urllib.error
import urllib.parse
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
SUPPORT = os.path.join(os.path.dirname(HERE), "support")
sys.path.append(SUPPORT)
from doubles import wait_for  # noqa: E402
from ports import free_port  # noqa: E402

OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class NotHere(Exception):
    """A receiver that cannot be had on this machine."""


def fetched(what):
    """The folder that `get` prints."""
    done = subprocess.run([os.path.join(HERE, "get"), what],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, encoding="utf-8")
    if done.returncode == 77:
        raise NotHere(done.stderr.strip().splitlines()[-1])
    if done.returncode:
        raise RuntimeError("tests/otlp/get fails: %s" % done.stderr[-500:])
    return done.stdout.strip()


def ask(url, data=None, kind=None):
    request = urllib.request.Request(
        url, data=data, headers={"Content-Type": kind} if kind else {})
    with OPENER.open(request, timeout=20) as answer:
        return answer.status, answer.read()


# ---- one form --------------------------------------------------------------

def any_value(value):
    """An AnyValue as JSON, where an int is a text; without a field it is null."""
    if not value:
        return None
    (kind, inner), = value.items()
    if kind == "intValue":
        return int(inner)
    if kind == "doubleValue":
        return float(inner)
    if kind == "arrayValue":
        return [any_value(v) for v in inner.get("values", [])]
    if kind == "kvlistValue":
        return attributes(inner.get("values", []))
    if kind in ("stringValue", "boolValue"):
        return inner
    raise ValueError("a value of kind " + kind)


def attributes(pairs):
    found = {}
    for pair in pairs or []:
        if pair["key"] in found:
            raise ValueError("attribute %s twice" % pair["key"])
        found[pair["key"]] = any_value(pair["value"])
    return found


def records(request, signal):
    """(resource, scope with its schema, record) of each in a request."""
    outer, inner, last = {
        "traces": ("resourceSpans", "scopeSpans", "spans"),
        "logs": ("resourceLogs", "scopeLogs", "logRecords"),
        "metrics": ("resourceMetrics", "scopeMetrics", "metrics")}[signal]
    for group in request.get(outer, []):
        resource = attributes(group["resource"].get("attributes"))
        for scope in group[inner]:
            named = dict(scope["scope"], schema=scope.get("schemaUrl", ""))
            for record in scope[last]:
                yield resource, named, record


def span_of(resource, scope, span):
    status = span.get("status", {})
    return {
        "resource": resource, "scope": scope,
        "traceId": span["traceId"], "spanId": span["spanId"],
        "parentSpanId": span.get("parentSpanId", ""),
        "traceState": span.get("traceState", ""),
        "flags": span.get("flags", 0), "name": span["name"],
        "kind": span.get("kind", 0),
        "start": int(span["startTimeUnixNano"]),
        "end": int(span["endTimeUnixNano"]),
        "attributes": attributes(span.get("attributes")),
        "status": (status.get("code", 0), status.get("message", "")),
        "dropped": span.get("droppedAttributesCount", 0),
        "events": span.get("events", []),
        "links": [{"traceId": l["traceId"], "spanId": l["spanId"],
                   "attributes": attributes(l.get("attributes"))}
                  for l in span.get("links", [])]}


def log_of(resource, scope, log):
    return {
        "resource": resource, "scope": scope,
        "traceId": log.get("traceId", ""), "spanId": log.get("spanId", ""),
        "time": int(log.get("timeUnixNano", 0)),
        "severity": log.get("severityNumber", 0),
        "event": log.get("eventName", ""), "flags": log.get("flags", 0),
        "body": any_value(log["body"]) if log.get("body") else None,
        "attributes": attributes(log.get("attributes"))}


def point_of(point):
    found = {"attributes": attributes(point.get("attributes")),
             "start": int(point["startTimeUnixNano"]),
             "time": int(point["timeUnixNano"])}
    if "bucketCounts" in point:
        found.update(count=int(point["count"]), sum=float(point["sum"]),
                     bounds=[float(b) for b in point["explicitBounds"]],
                     buckets=[int(n) for n in point["bucketCounts"]])
        found.update((k, float(point[k])) for k in ("min", "max")
                     if k in point)
    else:
        found["value"] = int(point["asInt"]) if "asInt" in point else \
            float(point["asDouble"])
    return found


def metric_of(resource, scope, metric):
    kind, = {"sum", "histogram", "gauge"} & set(metric)
    data = metric[kind]
    return {"resource": resource, "scope": scope, "name": metric["name"],
            "unit": metric.get("unit", ""), "type": kind,
            "temporality": data.get("aggregationTemporality", 0),
            "monotonic": data.get("isMonotonic", False),
            "points": [point_of(p) for p in data["dataPoints"]]}


FORMS = {"traces": span_of, "logs": log_of, "metrics": metric_of}


def in_one_form(requests, signal):
    return [FORMS[signal](*record) for request in requests
            for record in records(request, signal)]


# ---- the receivers -----------------------------------------------------------

class Npm:
    """@elastic/mockotlpserver and @genkit-ai/telemetry-server, one process."""

    def __init__(self, folder):
        modules = os.path.join(fetched("npm"), "node_modules")
        self.folder = os.path.join(folder, "genkit")
        os.mkdir(self.folder)
        self.process = subprocess.Popen(
            ["node", os.path.join(HERE, "servers.js"), self.folder,
             str(free_port())],
            env={"PATH": os.environ["PATH"], "HOME": folder,
                 "NODE_PATH": modules}, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, encoding="utf-8", start_new_session=True)
        self.got = []
        self.told = None
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()
        if not wait_for(lambda: self.told, 30):
            self.close()
            raise RuntimeError("the receivers from npm do not start")

    def read(self):
        for line in self.process.stdout:
            if line.startswith('{"elastic"'):
                self.told = json.loads(line)
            elif line.startswith("{"):
                self.got.append(json.loads(line))

    def close(self):
        self.process.stdin.close()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Elastic:
    """The values that protobufjs, or JSON.parse, makes of a request."""

    name = "@elastic/mockotlpserver 0.10.0"

    def __init__(self, npm):
        self.npm, self.url = npm, npm.told["elastic"]

    def forget(self):
        self.npm.got.clear()

    def got(self, signal):
        return in_one_form([g["request"] for g in list(self.npm.got)
                            if g["signal"] == signal], signal)


class Genkit:
    """JSON alone; keeps milliseconds and the values, but not their types."""

    name = "@genkit-ai/telemetry-server 1.43.0"

    def __init__(self, npm):
        self.url, self.traces = npm.told["genkit"], npm.told["traces"]

    def trace(self, trace_id):
        """{span id: span} of one trace."""
        _, body = ask("%s/%s" % (self.traces, trace_id))
        return json.loads(body)["spans"] if body else {}

    def logs(self, trace_id):
        _, body = ask("%s/%s/logs?limit=1000" % (self.traces, trace_id))
        return json.loads(body)["logs"]


class Victoria:
    """VictoriaMetrics: metrics as protobuf, read back by its API."""

    name = "VictoriaMetrics 1.112.0"

    def __init__(self, folder):
        program = os.path.join(fetched("debian"), "usr/bin/victoria-metrics")
        port = free_port()
        self.base = "http://127.0.0.1:%d" % port
        self.url = self.base + "/opentelemetry/v1/metrics"
        self.process = subprocess.Popen(
            [program, "-storageDataPath=" + os.path.join(folder, "vm"),
             "-httpListenAddr=127.0.0.1:%d" % port, "-loggerLevel=ERROR",
             "-memory.allowedBytes=64MB", "-search.disableCache"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, start_new_session=True)
        if not wait_for(self.is_up, 20, 0.05):
            self.close()
            raise RuntimeError("victoria-metrics does not start")

    def is_up(self):
        try:
            return ask(self.base + "/health")[0] == 200
        except OSError:
            return False

    def got(self):
        """[(labels, last value)] of every series."""
        ask(self.base + "/internal/force_flush")
        _, body = ask(self.base + "/api/v1/export?" + urllib.parse.urlencode(
            {"match[]": '{__name__!=""}'}))
        return [(row["metric"], row["values"][-1])
                for row in map(json.loads, body.splitlines())]

    def close(self):
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Strict:
    """A server around Google's protobuf runtime and OpenTelemetry's messages:
    refuses what the runtime refuses, and any field that is unknown."""

    name = "Google protobuf 3.21 with opentelemetry-proto 1.5.0"
    answer = b""  # an empty message: all accepted

    def __init__(self):
        sys.path.append(os.path.join(fetched("debian"),
                                     "usr/lib/python3/dist-packages"))
        try:
            from google.protobuf import json_format
            from opentelemetry.proto.collector.logs.v1 import logs_service_pb2
            from opentelemetry.proto.collector.metrics.v1 import \
                metrics_service_pb2
            from opentelemetry.proto.collector.trace.v1 import \
                trace_service_pb2
        except ImportError as e:
            raise NotHere("python3-protobuf: %s" % e)
        self.json = json_format
        self.types = {
            "traces": trace_service_pb2.ExportTraceServiceRequest,
            "logs": logs_service_pb2.ExportLogsServiceRequest,
            "metrics": metrics_service_pb2.ExportMetricsServiceRequest}
        self.forget()
        strict = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def log_message(self, *what):
                pass

            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                refused = strict.take(self.path, self.headers, body)
                if refused:
                    strict.refused.append(refused)
                self.send_response(400 if refused else 200)
                kind = self.headers["content-type"]
                answer = b"{}" if kind == "application/json" else b""
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0),
                                                      Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever,
                         daemon=True).start()
        self.url = "http://127.0.0.1:%d" % self.server.server_port

    def forget(self):
        self.requests = []  # (signal, as JSON)
        self.raw = []  # (headers, body) as they came
        self.refused = []

    def take(self, path, headers, body):
        """None, or why this request is refused."""
        self.raw.append((dict(headers), body))
        signal = path.rsplit("/", 1)[-1]
        if path != "/v1/" + signal or signal not in self.types:
            return "path " + path
        try:
            message = self.decode(signal, headers["content-type"], body)
            extra = unknown_fields(message)
            if extra:
                return "unknown fields: %s" % extra
            self.requests.append((signal, ids_as_hex(
                self.json.MessageToDict(message, use_integers_for_enums=True))))
        except Exception as e:  # the runtime has errors of several kinds
            return "%s: %s" % (type(e).__name__, e)
        return None

    def decode(self, signal, kind, body):
        message = self.types[signal]()
        if kind == "application/x-protobuf":
            message.ParseFromString(body)
        elif kind == "application/json":
            # The runtime wants base64 where OTLP has hex.
            self.json.ParseDict(changed_ids(
                json.loads(body.decode("utf-8", "strict")), to_base64),
                message)
        else:
            raise ValueError("content type " + kind)
        return message

    def got(self, signal):
        return in_one_form([r for s, r in list(self.requests) if s == signal],
                           signal)

    def close(self):
        self.server.shutdown()
        self.server.server_close()


IDS = ("traceId", "spanId", "parentSpanId")


def to_base64(text):
    return base64.b64encode(bytes.fromhex(text)).decode()


def to_hex(text):
    return base64.b64decode(text).hex()


def changed_ids(value, change):
    if isinstance(value, list):
        return [changed_ids(v, change) for v in value]
    if isinstance(value, dict):
        return {k: change(v) if k in IDS else changed_ids(v, change)
                for k, v in value.items()}
    return value


def ids_as_hex(value):
    return changed_ids(value, to_hex)


def unknown_fields(message):
    """The numbers of fields that the messages' definition does not have."""
    found = [f.field_number for f in message.UnknownFields()]
    for field, value in message.ListFields():
        if field.type == field.TYPE_MESSAGE:
            for inner in (value if field.label == field.LABEL_REPEATED
                          else [value]):
                found += unknown_fields(inner)
    return found
