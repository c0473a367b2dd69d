#!/usr/bin/python3
"""Strict doubles of a Datadog Agent and of the LLM Observability intake.

usage: datadog.py [--ready FILE] [--ca CERT] [--key KEY]... [--peer]
                  [--secret TEXT]... [--header NAME]... [--event-max N]
                  [--agent-port N] [--agent-address IP] [--intake-port N]
                  [--socket PATH] [--name NAME]

Listeners: the Agent on TCP and on a Unix socket, the intake on TLS and (for
DD_LLMOBS_OVERRIDE_ORIGIN) on plain HTTP, and a control port.  --ready FILE gets
shell assignments AGENT_PORT, AGENT_SOCKET, INTAKE_PORT, INTAKE_HTTP_PORT,
CONTROL_PORT, CERT (the CA), API_KEY, DATADOG_PID.  --ca CERT: the CA of
llm_server.py (its key lies beside it) signs the intake's certificate, for
localhost and the names below datadoghq.com and its like, or for --name only.

A difference from the form of WIRE 1 and 2 is a violation: in the
events, in the headers (--header NAME allows one more), a secret (the API key
and each --secret) outside DD-API-KEY, a span id or the same evaluation taken
twice though the first was acknowledged.  --peer: a Node tracer reports here,
too; its own paths and the other form of its events are let through.

Control, on any listener (on the control port also while a fault holds):
  GET    /__violations   list of texts
  GET    /__spans        list of events taken, in their order; ?full=1: each as
                         {"event", "listener", "request", "time"}
  GET    /__evaluations  list of evaluation metrics
  GET    /__requests     list of {listener, method, path, headers, bytes, spans,
                         evaluations, status, fault, time, duration_ms,
                         connection}; a status of 0: not answered
  PUT    /__fault        what happens to requests from now on; see Fault
  DELETE /__fault        nothing more of it; what hangs is let go with a reset
  PUT    /__info         the document (or any bytes) that /info answers
  POST   /__reset        forgets all that came, faults and violations

A violation does not change the answer: that is the business of faults.
"""
import argparse
import contextlib
import http.server
import json
import os
import re
import select
import shutil
import signal
import socket
import socketserver
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import zlib

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import llm_server  # noqa: E402
import llmobs_form  # noqa: E402

SPANS = "/api/v2/llmobs"
EVALUATIONS = "/api/intake/llm-obs/v2/eval-metric"
PROXY = "/evp_proxy/v2"
NAMES = ["DNS:localhost", "IP:127.0.0.1", "IP:0:0:0:0:0:0:0:1"] + [
    "DNS:%s.%s" % (host, site) for host in ("llmobs-intake", "api")
    for site in ("datadoghq.com", "us3.datadoghq.com", "us5.datadoghq.com",
                 "datadoghq.eu", "ap1.datadoghq.com", "ddog-gov.com",
                 "site.example")]
HEADERS = {"host", "content-length", "content-type", "user-agent", "accept",
           "datadog-container-id", "datadog-entity-id", "datadog-external-env",
           "x-datadog-test-session-token"}
INFO = {"version": "7.99.0", "git_commit": "0000000",
        "endpoints": ["/v0.4/traces", "/v0.5/traces", "/v0.7/traces",
                      "/telemetry/proxy/", "/v0.6/stats", "/evp_proxy/v2/",
                      "/evp_proxy/v4/", "/v0.7/config"],
        "client_drop_p0s": False, "feature_flags": [], "config": {}}
PEER_PATHS = re.compile(r"/(v0\.\d/|telemetry/|debugger/|profiling/|dogstatsd|"
                        r"evp_proxy/v[24]/|v1/|openlineage|tracer_flare)")


class Fault:
    """One rule: which requests it is for, and what happens to them.

    kind: a status (500, "429"...), or
      hang     no answer until the fault is taken back
      reset    the connection is reset, the request unread or read
      close    closed in order without an answer
      cut-head the events are taken, the answer ends within its status line
      cut-body the events are taken, the answer ends within its body
      slow     delay_ms (1000), then as usual
      drip     as usual, a byte of the answer each delay_ms (20)
      garbage  an answer that is not HTTP
      redirect 307 to `location`
      marker   400 (or `code`) where the body has the text `marker`
      limit    413 where more than `spans` events, of whatever kind, come
               at once
    times: how often it applies; retry_after: seconds (or a text), with a
    status; listener: agent, socket, intake, intake_http; path: part of the
    path, "llmobs" (of spans) unless given ("" is every path, "eval-metric"
    that of evaluations)."""

    KINDS = {"hang", "reset", "close", "cut-head", "cut-body", "slow",
             "drip", "garbage", "redirect", "marker", "limit"}

    def __init__(self, doc):
        self.kind = str(doc["kind"])
        if self.kind not in self.KINDS and not self.kind.isdigit():
            raise ValueError("no such fault: " + self.kind)
        self.times = doc.get("times")
        self.retry_after = doc.get("retry_after")
        self.delay = doc.get("delay_ms", 20 if self.kind == "drip"
                             else 1000) / 1000
        self.marker = doc.get("marker", "\0").encode()
        self.code = doc.get("code", 400)
        self.spans = doc.get("spans", 1)
        self.location = doc.get("location", "/elsewhere")
        self.listener = doc.get("listener")
        self.path = doc.get("path", "llmobs")
        self.over = threading.Event()

    def status(self, body, count):
        """The status that it answers, or None: the request is not for it."""
        if self.kind == "marker":
            return self.code if self.marker in body else None
        if self.kind == "limit":
            return 413 if count > self.spans else None
        if self.kind == "redirect":
            return 307
        return int(self.kind) if self.kind.isdigit() else 0

    def wants(self, listener, path, body, count):
        if self.times == 0 or self.path not in path:
            return False
        if self.listener and self.listener != listener:
            return False
        return self.status(body, count) is not None

    def use(self):
        if self.times is not None:
            self.times -= 1


class State:
    """All that came, and what is to happen.  One lock for everything."""

    def __init__(self, options):
        self.lock = threading.Lock()
        self.keys = options.key
        self.peer = options.peer
        self.secrets = list(options.secret)
        self.headers = HEADERS | {h.lower() for h in options.header}
        self.event_max = options.event_max
        self.faults = []
        self.clear()

    def clear(self):
        """Also the faults; the caller holds no lock."""
        with self.lock:
            self.violations, self.requests = [], []
            self.taken, self.evaluations = [], []
            self.acknowledged = {}  # name: the request that brought it
            self.info = json.dumps(INFO).encode()
            self.end_faults()

    def end_faults(self):
        for fault in self.faults:
            fault.over.set()
        self.faults = []

    def facts(self):
        return llmobs_form.Facts(self.secrets + self.keys, self.peer,
                                 self.event_max)

    def complain(self, entry, texts):
        with self.lock:
            self.violations += ["%s %s %s: %s" % (
                entry["listener"], entry["method"], entry["path"], t)
                for t in texts]

    def fault_for(self, listener, path, body, count):
        with self.lock:
            for fault in self.faults:
                if fault.wants(listener, path, body, count):
                    fault.use()
                    return fault
        return None

    def take(self, entry, events):
        with self.lock:
            for event in events:
                self.taken.append({"event": event, "time": time.time(),
                                   "listener": entry["listener"],
                                   "request": entry["number"]})

    @staticmethod
    def names(kind, events):
        """The names that tell events apart: an evaluation has no id."""
        return [e.get("span_id") if kind == "spans" else
                json.dumps(e, sort_keys=True) for e in events]

    def seen_before(self, kind, events, entry):
        """Names that were acknowledged already, or are here twice, each with
        what tells whether its first acceptance can have been heard of."""
        names = self.names(kind, events)
        with self.lock:
            return sorted("%s came again%s" % (n, self.after(n, entry))
                          for n in set(names) if n in self.acknowledged or
                          names.count(n) > 1)

    def after(self, name, entry):
        first = self.acknowledged.get(name)
        if not first:
            return ", in one request"
        return ", on connection %d %.3f s after connection %d, which %s" % (
            entry["connection"], entry["time"] - first["time"],
            first["connection"], "took %.0f ms" % first["duration_ms"]
            if first["duration_ms"] else "has not been answered to its end")

    def acknowledge(self, kind, events, entry):
        with self.lock:
            self.acknowledged.update(
                (name, entry) for name in self.names(kind, events))


class Drip:
    """A byte at a time, for the rest of a connection."""

    def __init__(self, file, fault):
        self.file, self.fault = file, fault

    def write(self, data):
        for i in range(len(data)):
            self.file.write(data[i:i + 1])
            self.file.flush()
            self.fault.over.wait(self.fault.delay)

    def __getattr__(self, name):
        return getattr(self.file, name)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 120

    def setup(self):
        if self.request.family != socket.AF_UNIX:
            self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.server.tls:
            self.request.settimeout(20)
            self.request = self.server.tls.wrap_socket(self.request,
                                                       server_side=True)
        super().setup()
        self.connection_number = self.server.next_connection()

    def address_string(self):
        return "local"

    def log_message(self, *args):
        pass

    def serve(self):
        path = self.path.split("?")[0]
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if path.startswith("/__"):
            return self.control(path, body)
        if self.server.name == "control":
            return self.answer(404, b"{}")
        return self.observe(path, body)

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_PATCH = serve

    def answer(self, status, body, headers=()):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    # -- what comes from those under test

    def observe(self, path, body):
        state = self.server.state
        began = time.monotonic()
        entry = {"listener": self.server.name, "method": self.command,
                 "path": self.path, "headers": self.headers.items(),
                 "bytes": len(body), "spans": 0, "evaluations": 0, "status": 0,
                 "fault": None, "time": time.time(), "duration_ms": 0,
                 "connection": self.connection_number}
        kind = self.kind_of(path)
        if kind == "warm":
            state.complain(entry, self.wrong_names(
                {"host", "user-agent", "accept"}))
            return self.answer(404, b"")
        with state.lock:
            entry["number"] = len(state.requests)
            state.requests.append(entry)
        if self.client_left():
            return self.leave(entry)
        events = self.check(kind, path, body, entry)
        fault = state.fault_for(self.server.name, path, body, len(events))
        if not fault and self.client_left():  # its fault ended after it did
            return self.leave(entry)
        try:
            if fault:
                entry["fault"] = fault.kind
                self.misbehave(fault, kind, body, entry, events)
            else:
                self.behave(kind, entry, events)
        finally:
            entry["duration_ms"] = (time.monotonic() - began) * 1000

    def leave(self, entry):
        """Unanswered, it comes again."""
        entry["fault"] = "client left"
        self.close_connection = True

    def client_left(self):
        """It closed while we were slow: a client without pipelining says
        nothing else before it is answered."""
        return bool(select.select([self.connection], [], [], 0)[0])

    def kind_of(self, path):
        if path.endswith(SPANS):
            return "spans"
        if path.endswith(EVALUATIONS):
            return "evaluations"
        if self.command == "HEAD" and path == "/" and not self.server.agent:
            return "warm"  # a connection opened ahead of the first delivery
        if path.endswith("/info") and self.command == "GET" and \
                self.server.agent:
            return "info"
        return None

    def check(self, kind, path, body, entry):
        """Complains of the request; gives its events."""
        state = self.server.state
        if kind is None:
            if not (state.peer and PEER_PATHS.match(path)):
                state.complain(entry, ["an unknown path"])
            return []
        if kind == "info":
            state.complain(entry, self.wrong_info())
            return []
        events, wrong = [], []
        if kind == "spans":
            events, wrong = llmobs_form.check_spans(body, state.facts())
        else:
            events, wrong = llmobs_form.check_evaluations(body, state.facts())
        entry[kind] = len(events)
        wrong += ["%s: %s" % (kind, text)
                  for text in state.seen_before(kind, events, entry)]
        peer = state.peer and any(map(llmobs_form.is_peer, events))
        if not peer:
            wrong = self.wrong_head(kind, path, body) + wrong
        state.complain(entry, wrong)
        return events

    def head_texts(self):
        """Names and values of the head's lines, as written."""
        return [(k, v) for k, v in self.headers.items()]

    def wrong_info(self):
        """A probe has no key, and no trace of the app (WIRE 2.3)."""
        if self.server.state.peer:
            return []
        return self.wrong_names({"host", "user-agent", "accept",
                                 "content-type"})

    def wrong_names(self, allowed):
        state, wrong, names = self.server.state, [], []
        allowed = allowed | state.headers
        for name, value in self.head_texts():
            if name.lower() not in allowed:
                wrong.append("header %s" % name)
            if name.lower() in names:
                wrong.append("header %s twice" % name)
            names.append(name.lower())
            for secret in state.secrets + state.keys:
                if secret in value and name.lower() != "dd-api-key":
                    wrong.append("a secret in the header %s" % name)
        if any(s in self.path for s in state.secrets + state.keys):
            wrong.append("a secret in the path")
        return wrong

    def wrong_head(self, kind, path, body):
        wrong = []
        mode = {"x-datadog-evp-subdomain"} if self.server.agent else \
            {"dd-api-key"}
        wrong += self.wrong_names(mode)

        def must(good, text):
            if not good:
                wrong.append(text)
        must(self.command == "POST", "the method is no POST")
        must(self.request_version == "HTTP/1.1", self.request_version)
        must(self.headers.get("Content-Type") == "application/json",
             "Content-Type %s" % self.headers.get("Content-Type"))
        must(self.headers.get("Content-Length") == str(len(body)),
             "Content-Length")
        must(re.match(r"llmobs/\d", self.headers.get("User-Agent", "")),
             "User-Agent %s" % self.headers.get("User-Agent"))
        end = SPANS if kind == "spans" else EVALUATIONS
        before = path[:-len(end)]
        if self.server.agent:
            want = "llmobs-intake" if kind == "spans" else "api"
            must(self.headers.get("X-Datadog-EVP-Subdomain") == want,
                 "X-Datadog-EVP-Subdomain %s" % self.headers.get(
                     "X-Datadog-EVP-Subdomain"))
            # an override origin with a base path gets the bare endpoint
            must(before == PROXY or re.fullmatch(r"/base(%s)?" % PROXY,
                                                 before),
                 "the path before the endpoint is %s" % before)
        else:
            must(self.headers.get("DD-API-KEY") in self.server.state.keys,
                 "DD-API-KEY is missing or another one")
            must(before in ("", "/base"),
                 "the path before the endpoint is %s" % before)
        return wrong

    # -- what they get

    def behave(self, kind, entry, events):
        state = self.server.state
        if kind == "info":
            entry["status"] = 200
            return self.answer(200, state.info)
        if kind is None:
            entry["status"] = 200 if state.peer else 404
            return self.answer(entry["status"], b"{}")
        if not self.server.agent and \
                self.headers.get("DD-API-KEY") not in state.keys:
            entry["status"] = 403
            return self.answer(403, b'{"errors":["Forbidden"]}')
        if entry["bytes"] > llmobs_form.PAYLOAD_MAX:
            entry["status"] = 413
            return self.answer(413, b'{"errors":["Payload too large"]}')
        self.keep(kind, entry, events)
        state.acknowledge(kind, events, entry)
        entry["status"] = 202
        return self.answer(202, b"{}")

    def keep(self, kind, entry, events):
        state = self.server.state
        if kind == "spans":
            state.take(entry, events)
        elif kind == "evaluations":
            with state.lock:
                state.evaluations += events

    def misbehave(self, fault, kind, body, entry, events):
        status = fault.status(body, len(events))
        self.close_connection = True
        if status:
            self.close_connection = False
            entry["status"] = status
            head = []
            if fault.retry_after is not None:
                head.append(("Retry-After", str(fault.retry_after)))
            if status == 307:
                head.append(("Location", fault.location))
            return self.answer(status, b'{"errors":["as asked for"]}', head)
        if fault.kind == "slow":
            self.close_connection = False
            fault.over.wait(fault.delay)
            return self.behave(kind, entry, events)
        if fault.kind == "drip":
            self.wfile = Drip(self.wfile, fault)
            return self.behave(kind, entry, events)
        if fault.kind == "hang":
            fault.over.wait()
        if fault.kind in ("hang", "reset"):
            return self.reset()
        if fault.kind == "garbage":
            self.wfile.write(b"\0\1\2 this is not the protocol\r\n\r\n")
        elif fault.kind == "cut-head":
            self.keep(kind, entry, events)
            self.wfile.write(b"HTTP/1.1 2")
        elif fault.kind == "cut-body":
            self.keep(kind, entry, events)
            self.server.state.acknowledge(kind, events, entry)
            entry["status"] = 202
            self.wfile.write(b"HTTP/1.1 202 Accepted\r\n"
                             b"Content-Length: 2\r\n\r\n{")
        return None

    def reset(self):
        raw = self.connection
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                       struct.pack("ii", 1, 0))
        raw.close()

    # -- control

    def control(self, path, body):
        state = self.server.state
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
        try:
            status, doc = self.command_of(state, path, query, body)
        except (ValueError, KeyError, TypeError, AttributeError) as e:
            status, doc = 400, {"error": str(e)}
        self.answer(status, json.dumps(doc).encode())

    def command_of(self, state, path, query, body):
        what = self.command + " " + path
        if what == "POST /__reset":
            state.clear()
            return 200, {}
        with state.lock:
            if what == "GET /__violations":
                return 200, state.violations
            if what == "GET /__spans":
                return 200, state.taken if "full" in query else [
                    t["event"] for t in state.taken]
            if what == "GET /__evaluations":
                return 200, state.evaluations
            if what == "GET /__requests":
                return 200, state.requests
            if what == "PUT /__fault":
                doc = body.decode().strip()
                doc = json.loads(doc) if doc[:1] in "{[" else {"kind": doc}
                docs = doc if isinstance(doc, list) else [doc]
                new = [Fault(d) for d in docs]
                state.end_faults()
                state.faults = new
                return 200, {}
            if what == "DELETE /__fault":
                state.end_faults()
                return 200, {}
            if what == "PUT /__info":
                state.info = body
                return 200, {}
        return 404, {"error": "no such command"}


class Listener(socketserver.ThreadingMixIn, socketserver.TCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, name, address, state, tls=None):
        if isinstance(address, str):
            self.address_family = socket.AF_UNIX
        super().__init__(address, Handler)
        self.name, self.state, self.tls = name, state, tls
        self.agent = name in ("agent", "socket")
        self.connections = 0

    def next_connection(self):
        with self.state.lock:
            self.connections += 1
            return self.connections

    def handle_error(self, request, client_address):
        error = sys.exc_info()[1]
        if not isinstance(error, (OSError, ValueError)):
            super().handle_error(request, client_address)


def sign_leaf(ca, names):
    """A certificate for the names, signed by the CA at `ca`, with its key: one
    file beside the CA, for all doubles of these names."""
    leaf = os.path.join(os.path.dirname(ca), "dd-%08x.pem" % zlib.crc32(
        ",".join(names).encode()))
    if os.path.exists(leaf):
        return leaf
    new = "%s.%d" % (leaf, os.getpid())

    def openssl(*args):
        subprocess.run(("openssl",) + args, check=True,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
    openssl("req", "-newkey", "ec", "-pkeyopt",
            "ec_paramgen_curve:prime256v1", "-nodes", "-keyout",
            new + ".key", "-out", new + ".csr", "-subj", "/CN=intake")
    with open(new + ".ext", "w") as f:
        f.write("subjectAltName=%s\nbasicConstraints=CA:FALSE\n"
                "extendedKeyUsage=serverAuth\n" % ",".join(names))
    openssl("x509", "-req", "-in", new + ".csr", "-CA", ca, "-CAkey",
            os.path.join(os.path.dirname(ca), "ca.key"), "-set_serial",
            "0x%x" % time.time_ns(), "-days", "2", "-extfile",
            new + ".ext", "-out", new)
    with open(new + ".key") as key, open(new, "a") as f:
        f.write(key.read())
    with contextlib.suppress(FileExistsError):
        os.link(new, leaf) # ssl reads it twice: the first one stays
    os.unlink(new)
    return leaf


def start(options, folder):
    ca = options.ca or llm_server.make_certificates(folder)[0]
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(sign_leaf(
        ca, [options.name] if options.name else NAMES))
    state = State(options)
    path = options.socket or os.path.join(folder, "apm.socket")
    local = "127.0.0.1"
    listeners = [Listener("agent", (options.agent_address,
                                    options.agent_port), state),
                 Listener("socket", path, state),
                 Listener("intake", (local, options.intake_port), state, tls),
                 Listener("intake_http", (local, 0), state),
                 Listener("control", (local, 0), state)]
    ports = [x.server_address[1] for x in listeners]
    return listeners, {
        "AGENT_PORT": ports[0], "AGENT_SOCKET": path, "INTAKE_PORT": ports[2],
        "INTAKE_HTTP_PORT": ports[3], "CONTROL_PORT": ports[4], "CERT": ca,
        "API_KEY": options.key[0], "DATADOG_PID": os.getpid()}


def arguments(given):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--ready")
    parser.add_argument("--ca")
    parser.add_argument("--key", action="append")
    parser.add_argument("--peer", action="store_true")
    parser.add_argument("--secret", action="append",
                        default=["sk-Zq7fUnspeakable9Xw2"])
    parser.add_argument("--header", action="append", default=[])
    parser.add_argument("--event-max", type=int,
                        default=llmobs_form.EVENT_MAX)
    parser.add_argument("--agent-port", type=int, default=0)
    parser.add_argument("--agent-address", default="127.0.0.1")
    parser.add_argument("--intake-port", type=int, default=0)
    parser.add_argument("--socket")
    parser.add_argument("--name")
    options = parser.parse_args(given)
    options.key = options.key or ["0123456789abcdef0123456789abcdef"]
    return options


def main(given=None):
    options = arguments(given)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *args: stopping.set())
    folder = tempfile.mkdtemp(prefix="datadog.")
    listeners = []
    try:
        listeners, told = start(options, folder)
        for listener in listeners:
            # nobody wakes it but a client
            threading.Thread(target=listener.serve_forever, args=(None,),
                             daemon=True).start()
        llm_server.write_ready(options.ready, told)
        stopping.wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if options.socket and listeners:
            os.unlink(options.socket)


if __name__ == "__main__":
    main()
