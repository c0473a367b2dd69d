"""A server of a folder's files, which keeps each request and its answer."""
import base64
import contextlib
import http.server
import os
import re
import ssl
import sys
import threading

DATE = "Tue, 14 Nov 2023 22:13:20 GMT"


class Handler(http.server.BaseHTTPRequestHandler):
    """GET, HEAD, a range of bytes; a POST is taken, whatever it is."""

    protocol_version = "HTTP/1.1"
    timeout = 20

    def log_message(self, *args):
        pass

    def version_string(self):
        return "files"

    def date_time_string(self, timestamp=None):
        return DATE

    def say(self, status, data, body=b"", **headers):
        """Keeps it first: when the client has it, it is on record."""
        self.keep(body, b"%d %r " % (status, headers) + data)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def keep(self, body, answer):
        """In the form of llm_server.py's record."""
        head = "".join("%s: %s\r\n" % pair for pair in self.headers.items())
        parts = {"head": head.encode(), "body": body, "response": answer}
        self.server.kept.append(dict(
            {name: base64.b64encode(data).decode()
             for name, data in parts.items()},
            listener="files", method=self.command, path=self.path,
            version=self.request_version))

    def do_GET(self):
        path = os.path.normpath(self.path.partition("?")[0]).lstrip("/")
        path = os.path.join(self.server.folder, path)
        if not os.path.isfile(path):
            self.say(404, b"nothing\n")
            return
        with open(path, "rb") as f:
            data = f.read()
        more = {"Last_Modified": DATE, "Accept_Ranges": "bytes"}
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers["Range"] or "")
        if not asked:
            self.say(200, data, **more)
            return
        first = int(asked[1])
        part = data[first:int(asked[2]) + 1 if asked[2] else None]
        more["Content_Range"] = "bytes %d-%d/%d" % (
            first, first + len(part) - 1, len(data))
        self.say(206 if part else 416, part, **more)

    do_HEAD = do_GET

    def do_POST(self):
        self.say(200, b"taken\n", b"".join(self.pieces()))

    def pieces(self):
        """Of the request's body, which may be chunked."""
        if "Content-Length" in self.headers:
            yield self.rfile.read(int(self.headers["Content-Length"]))
            return
        size = 1
        while size:
            size = int(self.rfile.readline(), 16)
            yield self.rfile.read(size)
            self.rfile.readline()


class Server(http.server.ThreadingHTTPServer):
    """Says nothing of clients that leave without a word."""

    daemon_threads = True

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


@contextlib.contextmanager
def serving(folder, certificate=None):
    """The server; with TLS where a certificate and its key are given."""
    server = Server(("127.0.0.1", 0), Handler)
    server.folder, server.kept = folder, []
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    server.base = "%s://localhost:%d" % ("https" if certificate else "http",
                                         server.server_port)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
