// Calls by Node's own TLS.  usage: node.mjs URL WAY... ; each way prints what it got.
// The packages of MODULES, a folder, are those that openai, anthropic and ai call by.
import assert from 'node:assert';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import http2 from 'node:http2';
import https from 'node:https';
import { createRequire } from 'node:module';
import { Worker, isMainThread, workerData } from 'node:worker_threads';
import { fileURLToPath } from 'node:url';

const [url, ...wanted] = isMainThread ? process.argv.slice(2) : workerData;
const file = fileURLToPath(import.meta.url);

const question = (model, stream) => ({
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: 'Bearer ' + process.env.KEY },
    body: JSON.stringify({
        model, ...(stream && { stream, stream_options: { include_usage: true } }),
        messages: [{ role: 'user', content: 'hello there' }],
    }),
});

async function ask(model = 'gpt-test', stream = false, to = url) {
    try {
        const r = await fetch(to, question(model, stream));
        let text = '';
        for await (const part of r.body.pipeThrough(new TextDecoderStream())) text += part;
        return `${r.status} ${text}`;
    } catch (e) {
        return `${e.name} ${e.cause?.code}`;
    }
}

// `more` gets the request and the answer, `sent` the request.
function request(agent, model = 'gpt-test', stream = false, more = () => {}, sent = () => {}) {
    const { body, ...options } = question(model, stream);
    return new Promise((done) => {
        let text = '';
        const q = https.request(url, { ...options, agent }, (r) => {
            more(q, r);
            r.on('data', (part) => { text += part; });
            r.on('error', (e) => { text += e.code; });
            r.on('close', () => done(`${r.statusCode} ${text}`));
        });
        q.on('error', (e) => done(e.code));
        q.on('finish', () => sent(q));
        q.end(body);
    });
}

const base = url.replace('/v1/chat/completions', '');
const load = (name) => import(createRequire(process.env.MODULES + '/x.js').resolve(name));
const hello = [{ role: 'user', content: 'hello there' }];

const times = async (n, call) => { for (let i = 0; i < n; i++) console.log(await call(i)); };

const ways = {
    fetch: () => times(3, () => ask()),
    plain: () => times(1, () => ask('gpt-test', false, process.env.PLAIN + '/v1/chat/completions')),
    stream: () => times(2, () => ask('gpt-test', true)),
    https: () => times(2, () => request(undefined)),
    async keepalive() {
        const agent = new https.Agent({ keepAlive: true, maxSockets: 1 });
        await times(4, (i) => request(agent, 'gpt-test', i % 2 === 1));
        agent.destroy();
    },
    async many() {
        const all = await Promise.all(Array.from({ length: 64 }, (_, i) => ask('gpt-test', i % 2 === 1)));
        assert.strictEqual(new Set(all.map((one) => one.slice(0, 3))).size, 1);
        console.log(all[0], all[1]);
    },
    errors: async () => {
        for (const model of ['error-429', 'gzip', 'truncated-body', 'truncated-stream', 'drop'])
            console.log(await ask(model, model === 'truncated-stream'));
        console.log(await request(undefined, 'truncated-body'));
    },
    // After all three pieces, however they come.
    async aborted() {
        const whole = (text) => text.split('data: ').length > 3;
        console.log(await request(undefined, 'stall', true, (q, r) => {
            let text = '';
            r.on('data', (part) => whole(text += part) && q.destroy());
        }));
        const aborter = new AbortController();
        let text = '';
        try {
            const r = await fetch(url, { ...question('stall', true), signal: aborter.signal });
            for await (const part of r.body.pipeThrough(new TextDecoderStream())) {
                text += part;
                if (whole(text))
                    aborter.abort();
            }
        } catch (e) {
            console.log(e.name, text);
        }
        // No ticket follows the handshake, so that no byte comes.
        const agent = new https.Agent({ maxVersion: 'TLSv1.2' });
        console.log(await request(agent, 'hang', false, undefined, (q) => setTimeout(() => q.destroy(), 100)));
    },
    // The request is written before the certificate is refused, and never sent.
    async distrusted() {
        const ca = readFileSync(process.env.OWN.split(':')[0]);
        for (const maxVersion of ['TLSv1.2', 'TLSv1.3'])
            for (const no of [{ ca }, { checkServerIdentity: () => new Error('another') }])
                console.log(await request(new https.Agent({ ...no, maxVersion })));
        console.log(await request());
    },
    // The server ends the connection, too.
    async session() {
        const session = http2.connect(process.env.H2);
        const { body, headers } = question('stall', true);
        const q = session.request({ ':method': 'POST', ':path': '/v1/chat/completions', ...headers });
        q.end(body);
        await once(q, 'data');
        session.destroy();
        await once(session, 'close');
    },
    workers: () => Promise.all([1, 2, 3, 4].map(() => new Promise((done) => {
        new Worker(file, { workerData: [url, 'fetch'] }).on('exit', done);
    }))),
    async openai() {
        const { default: OpenAI } = await load('openai');
        const { chat } = new OpenAI({ apiKey: process.env.KEY, baseURL: base + '/v1', maxRetries: 0 });
        console.log(await chat.completions.create({ model: 'gpt-test', messages: hello }));
        for await (const part of await chat.completions.create({ model: 'gpt-test', messages: hello, stream: true }))
            console.log(part.choices[0]?.delta?.content);
    },
    async anthropic() {
        const { default: Anthropic } = await load('@anthropic-ai/sdk');
        const { messages } = new Anthropic({ apiKey: process.env.KEY, baseURL: base, maxRetries: 0 });
        console.log(await messages.create({ model: 'gpt-test', max_tokens: 9, messages: hello }));
        console.log(await messages.stream({ model: 'gpt-test', max_tokens: 9, messages: hello }).finalMessage());
    },
    async ai() {
        const { generateText, streamText } = await load('ai');
        const { createOpenAI } = await load('@ai-sdk/openai');
        const model = createOpenAI({ apiKey: process.env.KEY, baseURL: base + '/v1' }).chat('gpt-test');
        console.log((await generateText({ model, messages: hello, maxRetries: 0 })).text);
        for await (const part of streamText({ model, messages: hello, maxRetries: 0 }).textStream) console.log(part);
    },
    // It accepts a connection, its own, and calls then by new ones.
    async accepts() {
        const [cert, key] = process.env.OWN.split(':').map((name) => readFileSync(name));
        const server = https.createServer({ cert, key }, (q, r) => r.end('hello'));
        await new Promise((done) => { server.listen(0, '127.0.0.1', done); });
        const { port } = server.address();
        await new Promise((done) => {
            https.get({ port, agent: false, rejectUnauthorized: false }, (r) => r.resume().on('close', done));
        });
        server.close();
        await times(2, () => request(false));
    },
    // Probes come to the functions, and go again.
    async probed() {
        const [program, ...places] = process.env.PROBED.split(' ');
        await times(1, () => ask());
        const probe = spawn(program, [process.pid, process.execPath, ...places],
            { stdio: ['pipe', 'pipe', 'inherit'] });
        probe.stdout.on('data', (text) => process.stdout.write(text));
        await new Promise((done) => { probe.stdout.once('data', done); });
        await times(3, () => request(false));
        const gone = new Promise((done) => { probe.on('close', done); });
        probe.stdin.end();
        await gone;
        await times(2, () => request(false));
    },
    child() {
        const r = spawnSync(process.execPath, [file, url, 'fetch'], { encoding: 'utf8' });
        console.log(r.status, r.stdout, r.stderr);
    },
};

for (const way of wanted) await ways[way]();
