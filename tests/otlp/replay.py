"""Recorded exchanges, played to curl by a server on loopback."""
import base64
import http.server
import json
import os
import sys
import threading
from urllib.parse import urlsplit, urlunsplit

import cases

NOT_SENT = ("host", "content-length", "connection", "accept-encoding",
            "transfer-encoding", "expect", "content-encoding", "user-agent")
NOT_ANSWERED = ("connection", "transfer-encoding", "content-length",
                "content-encoding", "keep-alive", "date", "set-cookie",
                "location")


class Exchange:
    """One request and its answer."""

    def __init__(self, name, method, url, sent, body, status, answered, answer):
        self.name, self.method, self.url = name, method, url
        self.sent, self.body = sent, body
        self.status, self.answered, self.answer = status, answered, answer

    def streamed(self):
        return b"\ndata:" in b"\n" + self.answer[:1000] or any(
            "stream" in value for name, value in self.answered
            if name.lower() == "content-type")


def message(data):
    """(first line, [(name, value)], body) of a request or answer as text."""
    head, _, body = data.partition(b"\n\n")
    lines = head.decode("latin-1").splitlines() or ["? 0"]  # never answered
    return lines[0], [tuple(p.strip() for p in line.split(":", 1))
                      for line in lines[1:]], body


def read(*path):
    with open(os.path.join(*path), "rb") as f:
        return f.read()


def of_rules(tests):
    """The cases of tests/rules and tests/rare; a name is ROOM/DIALECT/CASE."""
    for dialect in sorted(os.path.join(room, name) for room in ("rules", "rare")
                          for name in os.listdir(os.path.join(tests, room))):
        for name, case in cases.folder(os.path.join(tests, dialect)).items():
            first, sent, body = message(case["request"])
            status, answered, answer = message(case["answer"])
            method, url = first.split(" ", 1)
            yield Exchange(os.path.join(dialect, name), method, url, sent, body,
                           int(status.split()[1]), answered, answer)


def blob(side):
    if "body_base64" in side:
        return base64.b64decode(side["body_base64"])
    return side.get("body", "").encode()


def of_corpus(folder):
    """Recordings as JSON."""
    for place, folders, names in os.walk(folder):
        folders.sort()
        if "request.json" not in names:
            continue
        request = json.loads(read(place, "request.json"))
        answer = json.loads(read(place, "response.json"))
        yield Exchange(os.path.relpath(place, folder), request["method"],
                       request["url"], list(request["headers"].items()),
                       blob(request), answer["status"],
                       list(answer["headers"].items()), blob(answer))


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *what):
        pass

    def answer(self):
        self.rfile.read(int(self.headers.get("content-length") or 0))
        exchange = self.server.exchanges[int(self.headers["x-number"])]
        if not exchange.status:
            self.close_connection = True
            return
        self.send_response(exchange.status, "Recorded")
        for name, value in exchange.answered:
            if name.lower() not in NOT_ANSWERED and "\n" not in value:
                self.send_header(name, value)
        body = exchange.answer
        if not exchange.streamed():
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            return
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        cut = len(body) // 2
        for piece in filter(None, (body[:cut], body[cut:])):
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        self.wfile.write(b"0\r\n\r\n")

    do_GET = do_POST = do_PUT = do_DELETE = answer


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, exchanges):
        super().__init__(("127.0.0.1", 0), Handler)
        self.exchanges = exchanges
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request, address):
        if not isinstance(sys.exc_info()[1], (BrokenPipeError,
                                              ConnectionResetError)):
            super().handle_error(request, address)


def quoted(text):
    for a, b in (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n"), ("\r", "\\r"),
                 ("\t", "\\t")):
        text = text.replace(a, b)
    return '"%s"' % text


def write_config(path, server, folder, more=()):
    """A curl config that makes all the calls, one after another, in one process;
    `more`: (URL, body, [line]) of calls to somewhere else."""
    with open(path, "w", encoding="latin-1", errors="replace") as f:
        def option(name, value):
            f.write("%s = %s\n" % (name, quoted(value)))

        def end():
            f.write("silent\nhttp1.1\ngloboff\npath-as-is\nnext\n")
            option("output", os.devnull)

        option("output", os.devnull)
        for number, exchange in enumerate(server.exchanges):
            option("url", urlunsplit(("http",) + urlsplit(exchange.url)[1:]))
            option("request", exchange.method)
            option("connect-to", "::127.0.0.1:%d" % server.server_port)
            option("header", "x-number: %d" % number)
            option("header", "Expect:")
            for name, value in exchange.sent:
                if name.lower() not in NOT_SENT and "\n" not in value:
                    option("header", "%s: %s" % (name, value))
            if exchange.body or exchange.method in ("POST", "PUT"):
                body = os.path.join(folder, "body-%d" % number)
                with open(body, "wb") as b:
                    b.write(exchange.body)
                option("data-binary", "@" + body)
            f.write("max-time = 20\n")
            end()
        for url, body, lines in more:
            option("url", url)
            option("header", "Content-Type: application/json")
            option("data-binary", body)
            f.write("".join(line + "\n" for line in lines))
            end()
        option("url", "file:///dev/null")
    return path
