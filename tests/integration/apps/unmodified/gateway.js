// A gateway that knows nothing of traces, and asks by curl. UPSTREAM is a base
// URL.
'use strict';
const http = require('http');
const { execFile, execFileSync, spawnSync } = require('child_process');

const url = process.env.UPSTREAM + '/chat/completions';
const curl = ['-q', '-sS', '-H', 'Content-Type: application/json', '-d'];

const ask = (body) => new Promise((done) =>
  execFile('curl', [...curl, body, url], (error, out) => done(out)));

const answers = {
  '/plain': () => 'plain',
  '/later': async (body) => {
    await new Promise((done) => setTimeout(done, 5));
    return ask(body);
  },
  '/sync': (body) => execFileSync('curl', [...curl, body, url]),
  '/own': (body) => spawnSync('curl', [...curl, body, url],
    { env: { ...process.env, OWN: '1' } }).stdout,
};

http.createServer((request, response) => {
  const pieces = [];
  request.on('data', (piece) => pieces.push(piece));
  request.on('end', async () => {
    const answer = answers[request.url] || ask;
    response.end(await answer(Buffer.concat(pieces).toString()));
  });
}).listen(Number(process.argv[2]), '127.0.0.1');
