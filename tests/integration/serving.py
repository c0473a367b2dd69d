"""Servers in the test's own process, and calls that wait for a drain."""
import contextlib
import http.server
import os
import subprocess
import threading

from harness import equal, read_spans

# Nobody listens: what a process does not deliver waits in the spool.
NOBODY = {"LLMOBS_EXPORTER": "agent",
          "DD_TRACE_AGENT_URL": "http://127.0.0.1:1"}


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers over one connection, and says nothing of it."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def read(self):
        """The request's body."""
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def answer(self, data, kind="application/json", status=200):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


@contextlib.contextmanager
def serving(handler, path="", **state):
    """The address of a path at a server with such a handler and attributes."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    vars(server).update(state)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield "http://127.0.0.1:%d%s" % (server.server_port, path)
    finally:
        server.shutdown()
        server.server_close()


def drained(t, env):
    """The spans of the store, once it has what waited in the spool."""
    done = subprocess.run(
        [os.path.join(t.build, "llmobs"), "drain", "--to", "store"],
        env=t.environment(True, env), capture_output=True)
    equal(done.returncode, 0, "drain: %r" % done.stderr)
    return read_spans(os.path.join(t.dir, "store"))
