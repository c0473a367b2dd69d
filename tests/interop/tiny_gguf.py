#!/usr/bin/python3
"""Writes a model of 3.3 MB that nobody trained, for llama.cpp's server.

usage: tiny_gguf.py FILE

Its architecture is llama, its attention zero, its embeddings are one-hot, and its
output matrix is a table of what follows what: it thinks " Let me think", says
"Hello there, friend." and ends, ten tokens. Where a grammar forbids the end it opens
<tool_call>, and prefers '"', '}' and ']' in this order. A byte is a token, and so is
each word of `words` and `special`: the counts of a call are known before it.
"""
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
