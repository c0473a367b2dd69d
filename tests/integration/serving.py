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


NGINX = """%(before)suser %(user)s;
worker_processes 1;
pid %(dir)s/nginx.pid;
error_log %(dir)s/nginx.log;
events { worker_connections 512; }
http {
  access_log off;
  client_body_temp_path %(dir)s/b; proxy_temp_path %(dir)s/p;
  fastcgi_temp_path %(dir)s/f; uwsgi_temp_path %(dir)s/u;
  scgi_temp_path %(dir)s/s;
  %(servers)s
}
"""
FASTCGI = """server {
    listen 127.0.0.1:%d;
    location / {
      include /etc/nginx/fastcgi_params;
      %s
      fastcgi_pass unix:%s;
    }
  }"""


def nginx_conf(folder, servers, user="root", before=""):
    """nginx's configuration: all that it writes is in the folder."""
    return NGINX % {"dir": folder, "servers": servers, "user": user,
                    "before": before}


def fastcgi_conf(port, socket, params=None):
    """A server of it that asks a FastCGI program on a socket."""
    return FASTCGI % (port, " ".join("fastcgi_param %s %s;" % one for one in
                                     (params or {}).items()), socket)
