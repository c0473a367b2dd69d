#!/usr/bin/python3
"""The words of `llmobs doctor` for an endpoint of OTLP: of each kind of answer, of a
port of gRPC, of TLS and its files, and of endpoints that get nothing.

usage: doctor_otlp.py BUILD_DIR [PART]...
"""
import gzip
import http.server
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
from checks import check  # noqa: E402

BUILD, *PARTS = sys.argv[1:]
TOOL = os.path.join(BUILD, "llmobs")
PAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..",
                    "docs", "OTLP.md")
TMP = tempfile.mkdtemp(prefix="llmobs-doctor-otlp.")
SECRET = "c2VjcmV0+0MTIz/NDU2Nzg5MA=="  # as base64 has it
BASE = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LLMOBS_BUILD": BUILD,
        "LLMOBS_EXPORTER": "otlp", "HOME": TMP, "NO_PROXY": "*",
        "LLMOBS_STORE_DIR": os.path.join(TMP, "store"),
        "LLMOBS_CONFIG": os.path.join(TMP, "empty.conf")}
open(BASE["LLMOBS_CONFIG"], "w").close()
# A server of gRPC in Go sends this before it reads: SETTINGS of HTTP/2.
FRAME = b"\0\0\6\4\0\0\0\0\0\0\5\0\0\x40\0"


class Receiver(http.server.BaseHTTPRequestHandler):
    """Answers as it is told, and keeps what it got."""

    protocol_version = "HTTP/1.1"
    answer = (200, "application/x-protobuf", b"")
    got = []

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.got.append((self.path, dict(self.headers.items()), body))
        status, kind, text = self.answer
        if status == "body":  # as a server that wants one
            status = 200 if body else 400
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(text)))
        if status == 302:
            self.send_header("Location", "/elsewhere")
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *what):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *what):
        """A client breaks off where it does not trust the server."""


def serve(tls=None):
    """The base URL of a receiver."""
    server = Server(("127.0.0.1", 0), Receiver)
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True,
                                        do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return "http%s://127.0.0.1:%d" % ("s" if tls else "", server.server_port)


def talk(say):
    """The base URL of a server that calls say(connection) for each."""
    listener = socket.create_server(("127.0.0.1", 0))

    def accept():
        while True:
            with listener.accept()[0] as one:
                one.settimeout(10)
                try:
                    say(one)
                except OSError:
                    pass

    threading.Thread(target=accept, daemon=True).start()
    return "http://127.0.0.1:%d" % listener.getsockname()[1]


def doctor(env, *args):
    env = {k: v for k, v in dict(BASE, **env).items() if v is not None}
    return subprocess.run([TOOL, "doctor", "--no-self-test", *args, "curl"],
                          env=env, cwd=TMP, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=100,
                          encoding="utf-8")


def expect(name, status, texts, env, without=()):
    """One run: its status, and words of what it says of OTLP."""
    done = doctor(env)
    wrong = [t for t in texts if t not in done.stdout]
    wrong += ["not: " + t for t in without if t in done.stdout]
    if done.returncode != status:
        wrong.append("status %d" % done.returncode)
    if SECRET in done.stdout:
        wrong.append("the secret")
    check(name, not wrong, (wrong, done.stdout))
    return done.stdout


def at(url, **env):
    return dict(env, OTEL_EXPORTER_OTLP_ENDPOINT=url)


# ---- answers -------------------------------------------------------------

def accepted(url):
    Receiver.got.clear()
    key = "authorization=Basic%20" + SECRET
    expect("accepts", 0, ["ok traces: %s/v1/traces takes a request by "
                          "http/protobuf" % url],
           at(url, OTEL_EXPORTER_OTLP_HEADERS=key), ["metrics:", "logs:"])
    path, headers, body = Receiver.got[-1]
    check("the request holds nothing, and the key",
          len(Receiver.got) == 1 and path == "/v1/traces" and body == b"" and
          headers["Content-Type"] == "application/x-protobuf" and
          headers["authorization"] == "Basic " + SECRET, Receiver.got)
    Receiver.got.clear()
    expect("three signals, as JSON", 0,
           ["%s: %s/v1/%s takes" % (s, url, s)
            for s in ("traces", "metrics", "logs")],
           at(url, OTEL_METRICS_EXPORTER="otlp", OTEL_LOGS_EXPORTER="otlp",
              OTEL_EXPORTER_OTLP_PROTOCOL="http/json"))
    empty = [json.loads(body) for _, _, body in Receiver.got]
    check("the requests hold nothing",
          empty == [{"resourceSpans": []}, {"resourceMetrics": []},
                    {"resourceLogs": []}], Receiver.got)
    Receiver.got.clear()
    expect("compressed", 0, ["takes a request"],
           at(url, OTEL_EXPORTER_OTLP_COMPRESSION="gzip"))
    check("the compressed request holds nothing", [
        (headers["Content-Encoding"], gzip.decompress(body))
        for _, headers, body in Receiver.got] == [("gzip", b"")], Receiver.got)
    facts = json.loads(doctor(at(url), "--json").stdout)
    check("facts", facts["otlp"] == [{
        "signal": "traces", "url": url + "/v1/traces", "status": 200,
        "protocol": "http/protobuf", "accepts": True}],
        facts.get("otlp"))


def answers():
    url = serve()
    accepted(url)
    for name, answer, status, text, env in (
            ("a web page", (200, "text/html; charset=utf-8", b"<html>"), 1,
             "a web page answers: nothing takes spans at this URL", {}),
            ("redirect", (302, "text/plain", b""), 1, "not followed", {}),
            ("no key", (401, "text/plain", b""), 1, "HEADERS names no key", {}),
            ("wrong key", (403, "text/plain", b""), 1, "or one that it does "
             "not accept", {"OTEL_EXPORTER_OTLP_HEADERS": "dd-api-key=" + SECRET}),
            ("wrong path", (404, "text/plain", b""), 1, "at this path", {}),
            ("wrong form", (415, "text/plain", b""), 1, "=http/json", {}),
            ("wrong form, JSON", (415, "text/plain", b""), 1,
             "=http/protobuf", {"OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"}),
            ("JSON is a bad request", (400, "text/plain", b""), 1,
             "=http/protobuf", {"OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"}),
            ("gzip is a bad request", (400, "text/plain", b""), 1,
             "COMPRESSION=none", {"OTEL_EXPORTER_OTLP_COMPRESSION": "gzip"}),
            ("no body is a bad request", ("body", "text/plain", b""), 0,
             "takes a request by http/protobuf", {}),
            ("an answer in another form", (200, "application/json", b"{}"), 0,
             "answers http/protobuf by application/json", {}),
            ("empty is a bad request", (400, "text/plain", b""), 0,
             "whether it takes spans is not known", {}),
            ("wants TLS", (400, "text/plain", b"Client sent an HTTP request "
                           b"to an HTTPS server.\n"), 1,
             "the URL must begin with https", {}),
            ("busy", (503, "text/plain", b""), 1, "sent later", {}),
            ("broken", (500, "text/plain", b""), 1, "status 500", {})):
        Receiver.answer = answer
        expect(name, status, [text], at(url, **env))
    Receiver.answer = (200, "application/x-protobuf", b"")


# ---- no answer -----------------------------------------------------------

def silence():
    def grpc(one):
        one.sendall(FRAME)
        one.recv(4096)

    def noise(one):
        one.recv(4096)
        one.sendall(FRAME.replace(b"\4", b"\5", 1))  # no SETTINGS

    expect("a port of gRPC", 1, ["as a port of gRPC does", "4318"],
           at(talk(grpc)))
    began = time.monotonic()
    expect("mute", 1, ["does not answer"],
           at(talk(lambda one: one.recv(4096) and time.sleep(9)),
              OTEL_EXPORTER_OTLP_TIMEOUT="300"))
    check("mute: asked for a bounded time", time.monotonic() - began < 5)
    expect("no HTTP at all", 1, ["in no HTTP/1.1"], at(talk(noise)))
    expect("nobody listens", 1, ["Connection refused"],
           at("http://127.0.0.1:1"))
    expect("no name", 1, ["no address is known"], at("http://no.invalid:4318"))
    expect("gRPC by name and port", 1,
           ["PROTOCOL: grpc is not spoken", "port 4317 is gRPC's"],
           at("http://127.0.0.1:4317", OTEL_EXPORTER_OTLP_PROTOCOL="grpc"))


# ---- TLS -----------------------------------------------------------------

def certificate():
    """A certificate of 127.0.0.1 that signed itself, and its key."""
    files = [os.path.join(TMP, name) for name in ("own.pem", "own.key")]
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-subj",
                    "/CN=doctor-test", "-addext",
                    "subjectAltName=IP:127.0.0.1", "-out", files[0],
                    "-keyout", files[1]], check=True,
                   stderr=subprocess.DEVNULL)
    return files


def tls():
    cert, key = certificate()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    url = serve(context)
    ca = {"OTEL_EXPORTER_OTLP_CERTIFICATE": cert}
    expect("TLS, its CA named", 0, ["takes a request"], at(url, **ca))
    expect("TLS, an unknown CA", 1, ["is not trusted"], at(url))
    expect("TLS, no file of CAs", 1, ["file of CAs cannot be read"],
           at(url, OTEL_EXPORTER_OTLP_CERTIFICATE=TMP + "/none.pem"))
    expect("TLS, no such key", 1, ["CLIENT_KEY cannot be used"],
           at(url, OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE=cert,
              OTEL_EXPORTER_OTLP_CLIENT_KEY=TMP + "/none.key", **ca))
    expect("TLS to a server without", 1, ["handshake fails"],
           at(serve().replace("http:", "https:")))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    context.load_verify_locations(cert)
    context.verify_mode = ssl.CERT_REQUIRED
    expect("TLS with a client's certificate", 0, ["takes a request"],
           at(serve(context), OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE=cert,
              OTEL_EXPORTER_OTLP_CLIENT_KEY=key, **ca))


# ---- what is chosen ------------------------------------------------------

def choices():
    url = serve()
    Receiver.got.clear()
    free = "http://127.0.0.1:1"
    expect("auto: to Datadog, with a key", 3, ["auto sends to Datadog alone",
                                               "not known, and not asked"],
           at(url, LLMOBS_EXPORTER="auto", DD_API_KEY=SECRET,
              DD_SITE="site.invalid"))
    expect("auto: to a configured agent", 1, ["auto sends to Datadog alone"],
           at(url, LLMOBS_EXPORTER="auto", DD_TRACE_AGENT_URL=free))
    expect("auto: for gRPC", 3, ["for gRPC"],
           at(url, LLMOBS_EXPORTER="auto", OTEL_EXPORTER_OTLP_PROTOCOL="grpc"))
    expect("another exporter", 0, ["does not name otlp"],
           at(url, LLMOBS_EXPORTER="store"))
    expect("no endpoint, another exporter", 0, [],
           {"LLMOBS_EXPORTER": "store"}, ["otlp   "])
    expect("auto: switched off", 0, ["OTEL_TRACES_EXPORTER switches it off"],
           at(url, LLMOBS_EXPORTER="auto", OTEL_TRACES_EXPORTER="none"))
    check("none of these was asked", not Receiver.got, Receiver.got)
    expect("metrics beside another exporter", 0,
           ["metrics: %s/v1/metrics takes" % url, "gets no spans"],
           at(url, LLMOBS_EXPORTER="store", OTEL_METRICS_EXPORTER="otlp"),
           ["traces: ", "texts of messages"])
    expect("metrics beside another exporter, silent", 3,
           ["Connection refused: ", "as a rule, and 4317 that of gRPC: mend that"],
           at(free, LLMOBS_EXPORTER="store", OTEL_METRICS_EXPORTER="otlp"))
    expect("auto: chosen", 0, ["takes a request"],
           at(url, LLMOBS_EXPORTER="auto"))
    expect("auto: chosen, and silent", 1, ["Connection refused"],
           at(free, LLMOBS_EXPORTER="auto"))
    expect("switched off", 1, ["switched off by OTEL_SDK_DISABLED"],
           at(url, OTEL_SDK_DISABLED="true"))
    expect("a URL that is none", 1,
           ["OTEL_EXPORTER_OTLP_ENDPOINT: no port from 1 to 65535",
            "traces: nothing is sent, as the endpoint is no URL"],
           at("http://127.0.0.1:99999"), ["switched off by"])
    expect("too many headers", 1,
           ["OTEL_EXPORTER_OTLP_HEADERS: left out what is beyond 256 headers"],
           at(free, LLMOBS_EXPORTER="store,otlp",
              OTEL_EXPORTER_OTLP_HEADERS=",".join(
                  "k%d=v" % i for i in range(300))))
    expect("a password in the URL", 0, ["takes a request"],
           at(url.replace("//", "//me:passw0rd-0123456789@")),
           ["passw0rd"])
    expect("a header that is none", 3, ["OTEL_EXPORTER_OTLP_HEADERS: left out",
                                        "HEADERS=(set, not shown)"],
           at(url, OTEL_EXPORTER_OTLP_HEADERS="nonsense " + SECRET))
    for name, env, text in (
            ("unasked", {}, "not sent, as OpenTelemetry wants"),
            ("asked for", {"LLMOBS_CONTENT": "full"}, "messages are sent"),
            ("off", {"LLMOBS_CONTENT": "off"}, "are switched off")):
        out = expect("content: " + name, 0, [text], at(url, **env))
        check("content: %s, said once" % name,
              out.count("the texts of messages") == 1, out)


# ---- the page --------------------------------------------------------------

RECIPES = {  # by a word of each: where the request arrives, and with what
    "grafana": ("/otlp/v1/traces", {"Authorization": "Basic Mzpr"}),
    "langfuse": ("/api/public/otel/v1/traces",
                 {"Authorization": "Basic cDpz",
                  "x-langfuse-ingestion-version": "4"}),
    "6006": ("/v1/traces", {"authorization": "Bearer key",
                            "x-project-name": "my-project"}),
    "dd-otlp-source": ("/v1/traces", {"dd-api-key": "key",
                                      "dd-otlp-source": "llmobs"})}
FILLED = {"ID": "3", "TOKEN": "k", "PUBLIC": "p", "SECRET": "s",
          "PHOENIX_API_KEY": "key", "DD_API_KEY": "key"}


def recipes():
    """Each recipe of docs/OTLP.md as it stands, but for the host."""
    url = serve()
    with open(PAGE, encoding="utf-8") as f:
        page = f.read().partition("\n## Recipes\n")[2]
    found = re.findall(r"```sh\n(.*?)```", page, re.S)
    check("each recipe with variables is known", len(found) == len(RECIPES),
          found)
    for word, (path, headers) in RECIPES.items():
        text, = [one for one in found if word in one]
        text = re.sub(r"ENDPOINT=\.\.\..*", "ENDPOINT=%s/v1/traces" % url, text)
        text = re.sub(r"https?://[^/\s]+", url, text)
        Receiver.got.clear()
        done = subprocess.run(
            ["sh", "-ec", text + "exec %s doctor --no-self-test sh" % TOOL],
            env=dict(BASE, **FILLED), stdout=subprocess.PIPE, cwd=TMP,
            stderr=subprocess.STDOUT, timeout=60, encoding="utf-8")
        check("recipe: " + word, len(Receiver.got) == 1 and
              Receiver.got[0][0] == path and headers.items() <=
              Receiver.got[0][1].items(), (done.stdout, Receiver.got))


def main():
    try:
        for part in (answers, silence, tls, choices, recipes):
            if PARTS and part.__name__ not in PARTS:
                continue
            try:
                part()
            except Exception as e:
                check(part.__name__, False, repr(e))
    finally:
        shutil.rmtree(TMP, ignore_errors=True)


main()
