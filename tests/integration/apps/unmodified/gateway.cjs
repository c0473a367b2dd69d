// A gateway in Node that knows nothing of traces: gateway.cjs PORT. UPSTREAM is a
// base URL. It ends with its standard input.
'use strict';
const http = require('http');

const url = process.env.UPSTREAM + '/chat/completions';
const type = { 'Content-Type': 'application/json' };
const agent = new http.Agent({ keepAlive: true, maxSockets: 3 });

const read = async (stream) => {
  const pieces = [];
  for await (const piece of stream) pieces.push(piece);
  return Buffer.concat(pieces);
};

// In the style of callbacks, over connections that requests wait for.
const ask = (body) => new Promise((done, fail) => {
  const request = http.request(url, { method: 'POST', headers: type, agent },
    (answer) => {
      const pieces = [];
      answer.on('data', (piece) => pieces.push(piece));
      answer.on('end', () => done(Buffer.concat(pieces)));
    });
  request.on('error', fail).end(body);
});

const fetched = async (body) => Buffer.from(await (await fetch(url,
  { method: 'POST', headers: type, body })).arrayBuffer());

const serve = {
  '/ask': async (body, answer) => answer.end(await ask(body)),
  '/fetch': async (body, answer) => answer.end(await fetched(body)),
  '/pieces': async (body, answer) => {
    answer.write('first ');
    answer.end(await ask(body));
  },
  '/later': async (body, answer) => {
    answer.end(await ask(body));
    setTimeout(() => fetched(body), 300);
  },
  '/die': async (body, answer) => {
    answer.statusCode = 500;
    answer.end('told to die');
  },
  '/torn': async (body, answer) => {
    answer.write('first ');
    setTimeout(() => answer.destroy(), 20);
  },
  // The stack of an error, and what the hook might have left.
  '/shows': async (body, answer) => answer.end(JSON.stringify({
    stack: new Error('here').stack.split('\n').map((l) => l.trim()),
    argv: process.execArgv, options: process.env.NODE_OPTIONS,
    cache: Object.keys(require.cache),
    own: Object.keys(process.env).filter((k) => /^NODE/.test(k)),
    names: ['onSocket', 'emit'].map((n) => [
      http.ClientRequest.prototype[n].name,
      http.ClientRequest.prototype[n].length]),
    listeners: answer.eventNames().map(String),
  })),
};

http.createServer(async (request, answer) => {
  answer.setHeader('Content-Type', 'application/json');
  if (request.url === '/callbacks') {
    const pieces = [];
    request.on('data', (piece) => pieces.push(piece));
    request.on('end', () => ask(Buffer.concat(pieces)).then((a) => answer.end(a)));
    return;
  }
  const body = await read(request);
  await (serve[request.url] ?? serve['/ask'])(body, answer);
}).listen(process.argv[2], '127.0.0.1');
process.stdin.resume().on('end', () => process.exit());
