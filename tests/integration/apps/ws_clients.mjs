// Clients of websockets for Node: each turn of a conversation over one connection, the last event of which is
// shown.  usage: ws_clients.mjs CLIENT URL CA TURN...  as ws_clients.py; the packages are those of MODULES.
import { once } from 'node:events';
import { createRequire } from 'node:module';

const [way, url, , ...turns] = process.argv.slice(2);
const load = (name) => createRequire(process.env.MODULES + '/x.js')(name);
const headers = { Authorization: 'Bearer ' + process.env.KEY };
const place = url.replace('http', 'ws') + '/v1/responses';
const last = ['response.completed', 'response.failed', 'response.incomplete', 'error'];

const clients = {
    // Node's own has no headers.
    global: () => new WebSocket(place),
    ws: () => new (load('ws'))(place, { headers, perMessageDeflate: { threshold: 0 } }),
    openai() {
        const { default: OpenAI } = load('openai');
        const { ResponsesWS } = load('openai/resources/responses/ws');
        const client = new OpenAI({ apiKey: process.env.KEY, baseURL: url + '/v1' });
        const ws = new ResponsesWS(client, { perMessageDeflate: { threshold: 0 } });
        const target = new EventTarget();
        const tell = (data) => target.dispatchEvent(new MessageEvent('message', { data: JSON.stringify(data) }));
        ws.on('event', tell);
        ws.on('error', (e) => e.error ? undefined : target.dispatchEvent(new Event('close')));
        ws.on('close', () => target.dispatchEvent(new Event('close')));
        target.send = (text) => ws.send(JSON.parse(text));
        target.close = () => ws.close();
        return target;
    },
};

const ws = clients[way]();
const events = [];
let wake = () => {};
ws.addEventListener('message', ({ data }) => { events.push(JSON.parse(data)); wake(); });
for (const kind of ['close', 'error'])
    ws.addEventListener(kind, () => { events.push(undefined); wake(); });
const next = async () => {
    while (events.length === 0)
        await new Promise((done) => { wake = done; });
    return events.shift();
};

if (way !== 'openai')
    await once(ws, 'open');
talk: for (const turn of turns) {
    const { times = 1, input = 'where?', ...more } = turn === 'leave' ? {} : JSON.parse(turn);
    ws.send(JSON.stringify({ type: 'response.create', model: 'gpt-test', ...more, input: input.repeat(times) }));
    for (;;) {
        const event = await next();
        if (!event)
            console.log('the end');
        else if (last.includes(event.type))
            console.log(event.type);
        if (!event || turn === 'leave')
            break talk;
        if (last.includes(event.type))
            break;
    }
}
ws.close();
