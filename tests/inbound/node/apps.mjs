// apps.mjs SERVER PORT - a gateway in Node, for run: a server
// of that kind, whose POST /go?c=CLIENT asks the provider at UPSTREAM by that
// client. MODULES: the folder of the packages.
import fs from 'node:fs';
import http from 'node:http';
import http2 from 'node:http2';
import https from 'node:https';
import { createRequire } from 'node:module';
import process from 'node:process';

const require = createRequire(process.env.MODULES + '/package.json');
const base = process.env.UPSTREAM;
const path = '/v1/chat/completions';
const headers = { 'content-type': 'application/json',
  authorization: 'Bearer sk-up' };
const ca = fs.readFileSync(process.env.NODE_EXTRA_CA_CERTS);
const secure = base.startsWith('https');
const made = {};
const kept = (name, make) => (made[name] ??= make());
const callback = async (work) => new Promise((done, fail) => work(done, fail));

const ask = (body, agent) => callback((done, fail) => {
  const request = (secure ? https : http).request(base + path,
    { method: 'POST', headers, agent, ca }, (response) => {
      let text = '';
      response.on('data', (piece) => { text += piece; });
      response.on('end', () => done(text));
    });
  request.on('error', fail);
  request.end(body);
});
const agent = (options) => new (secure ? https : http).Agent(options);
const undici = async (body, dispatcher, name = 'undici') => {
  const { request } = require(name);
  const answer = await request(base + path,
    { method: 'POST', headers, body, dispatcher });
  return answer.body.text();
};
const by_http2 = (body) => callback((done, fail) => {
  const session = kept('session', () => http2.connect(base, { ca }));
  const stream = session.request({ ':path': path, ':method': 'POST', ...headers });
  let text = '';
  stream.setEncoding('utf8').on('data', (piece) => { text += piece; });
  stream.on('end', () => done(text)).on('error', fail).end(body);
});

const clients = {
  fetch: async (body) =>
    (await fetch(base + path, { method: 'POST', headers, body })).text(),
  fetch_few: async (body) => {
    kept('global', () => {
      const { Agent, setGlobalDispatcher } = require('undici');
      setGlobalDispatcher(new Agent({ connections: 3 }));
      return true;
    });
    return clients.fetch(body);
  },
  https: (body) => ask(body, kept('keep', () => agent({ keepAlive: true }))),
  https_one: (body) => ask(body, kept('one', () => agent({ keepAlive: false }))),
  https_few: (body) => ask(body,
    kept('few', () => agent({ keepAlive: true, maxSockets: 3 }))),
  undici: (body) => undici(body),
  undici6: (body) => undici(body, undefined, 'undici6'),
  undici_few: (body) => undici(body,
    kept('pool', () => new (require('undici').Pool)(base, { connections: 3 }))),
  undici_pipes: (body) => undici(body, kept('pipes', () =>
    new (require('undici').Pool)(base, { connections: 3, pipelining: 4 }))),
  undici_h2: (body) => undici(body,
    kept('h2', () => new (require('undici').Agent)({ allowH2: true }))),
  http2: by_http2,
  axios: async (body) => JSON.stringify(
    (await require('axios').post(base + path, body, { headers })).data),
  openai: async (body) => {
    const { OpenAI } = require('openai');
    const client = kept('openai',
      () => new OpenAI({ apiKey: 'sk-up', baseURL: base + '/v1' }));
    const answer = await client.chat.completions.create(JSON.parse(body));
    if (answer.choices) return JSON.stringify(answer);
    let text = '';
    for await (const piece of answer) text += piece.choices[0].delta.content ?? '';
    return JSON.stringify({ text });
  },
  anthropic: async (body) => {
    const { Anthropic } = require('@anthropic-ai/sdk');
    const client = kept('anthropic',
      () => new Anthropic({ apiKey: 'sk-up', baseURL: base }));
    return JSON.stringify(await client.messages.create(JSON.parse(body)));
  },
  retry: async (body) => {
    const text = await clients.fetch(body);
    return text.includes('try again') ? clients.fetch(body) : text;
  },
  // In the style of callbacks: the error of a kept connection leads to another call.
  retry_https: (body) => callback((done, fail) => {
    const once = (left) => {
      const request = https.request(base + path, { method: 'POST', headers, ca,
        agent: kept('retry', () => agent({ keepAlive: true, maxSockets: 3 })) },
      (response) => {
        let text = '';
        response.on('data', (piece) => { text += piece; });
        response.on('end', () =>
          text.includes('try again') ? once(left - 1) : done(text));
      });
      request.on('error', (error) => (left ? once(left - 1) : fail(error)));
      request.end(body);
    };
    once(3);
  }),
  background: async (body) => {
    setTimeout(() => clients.fetch(body), 50);
    return '{}';
  },
  // One loop, which the first request starts, calls for all.
  batched: (body) => callback((done) => {
    const batch = kept('batch', () => ({ queue: [], wake() {} }));
    batch.queue.push([body, done]);
    batch.wake();
    batch.loop ??= (async () => {
      for (;;) {
        while (batch.queue.length) {
          const [one, answer] = batch.queue.shift();
          answer(await clients.fetch(one));
        }
        await new Promise((wake) => { batch.wake = wake; });
      }
    })();
  }),
};

const read = async (request) => {
  let body = '';
  for await (const piece of request) body += piece;
  return body;
};
const client_of = (url) => clients[new URL(url, 'http://x').searchParams.get('c')];
const json = 'application/json';

const servers = {
  http: (port) => http.createServer(async (request, response) => {
    const text = await client_of(request.url)(await read(request));
    response.writeHead(200, { 'content-type': json });
    response.end(text);
  }).listen(port, '127.0.0.1'),
  callbacks: (port) => http.createServer((request, response) => {
    let body = '';
    request.on('data', (piece) => { body += piece; });
    request.on('end', () => client_of(request.url)(body).then((text) => {
      response.writeHead(200);
      response.end(text);
    }));
  }).listen(port, '127.0.0.1'),
  stream: (port) => http.createServer(async (request, response) => {
    const body = await read(request);
    response.writeHead(200, { 'content-type': json });
    response.write(' ');
    setTimeout(async () => response.end(await client_of(request.url)(body)), 5);
  }).listen(port, '127.0.0.1'),
  express: (port) => {
    const express = require('express');
    const app = express();
    app.use(express.json());
    app.post('/go', async (request, response) => {
      const text = await clients[request.query.c](JSON.stringify(request.body));
      response.type('json').send(text);
    });
    app.listen(port, '127.0.0.1');
  },
  fastify: (port) => {
    const app = require('fastify')();
    app.post('/go', async (request, reply) => {
      reply.type(json);
      return clients[request.query.c](JSON.stringify(request.body));
    });
    app.listen({ port, host: '127.0.0.1' });
  },
  hono: (port) => {
    const { Hono } = require('hono');
    const app = new Hono();
    app.post('/go', async (c) =>
      c.body(await clients[c.req.query('c')](await c.req.text())));
    require('@hono/node-server').serve({ fetch: app.fetch, port,
      hostname: '127.0.0.1' });
  },
  koa: (port) => {
    const Koa = require('koa');
    const app = new Koa();
    app.use(async (c) => {
      c.body = await clients[c.query.c](await read(c.req));
    });
    app.listen(port, '127.0.0.1');
  },
  cluster: async (port) => {
    const { default: cluster } = await import('node:cluster');
    if (!cluster.isPrimary) return servers.http(port);
    const workers = [cluster.fork(), cluster.fork()];
    return process.on('SIGTERM', () => {
      for (const worker of workers) worker.kill();
      process.exit();
    });
  },
  worker: async (port) => {
    const { Worker, isMainThread } = await import('node:worker_threads');
    if (!isMainThread) return servers.http(port);
    return new Worker(new URL(import.meta.url), { argv: process.argv.slice(2) });
  },
};

await servers[process.argv[2]](Number(process.argv[3]));
