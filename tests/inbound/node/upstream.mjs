// upstream.mjs KEY CERT - a provider for run: HTTP/1.1 and
// HTTP/2 over TLS, and plain HTTP. It prints the two ports, answers after 5 to 60
// ms, and ends with its standard input.
import fs from 'node:fs';
import http from 'node:http';
import http2 from 'node:http2';
import process from 'node:process';

process.on('uncaughtException', (error) => console.error(error.message));
const wait = (ms) => new Promise((done) => { setTimeout(done, ms); });
const asked = new Map();

const answers = {
  '/v1/messages': (model) => ({ id: 'msg_1', type: 'message', role: 'assistant',
    model, content: [{ type: 'text', text: 'ok' }], stop_reason: 'end_turn',
    usage: { input_tokens: 3, output_tokens: 1 } }),
  '/v1/chat/completions': (model) => ({ id: 'chatcmpl-1',
    object: 'chat.completion', created: 1, model,
    choices: [{ index: 0, message: { role: 'assistant', content: 'ok' },
      finish_reason: 'stop' }],
    usage: { prompt_tokens: 3, completion_tokens: 1, total_tokens: 4 } }),
};

async function serve(request, response) {
  let body = '';
  for await (const piece of request) body += piece;
  const { model, messages, stream } = JSON.parse(body);
  const text = JSON.stringify(messages);
  await wait(5 + Math.random() * 55);
  asked.set(text, (asked.get(text) ?? 0) + 1);
  if (text.includes('FLAKY') && asked.get(text) === 1) {
    response.writeHead(503, { 'content-type': 'application/json' });
    response.end('{"error":{"message":"try again","type":"server_error"}}');
  } else if (text.includes('BROKEN') && asked.get(text) === 1) {
    request.socket.destroy();
  } else if (stream) {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (let i = 0; i < 4; i++) {
      await wait(5 + Math.random() * 10);
      response.write(`data: ${JSON.stringify({ id: 'c', model,
        object: 'chat.completion.chunk', choices: [{ index: 0,
          delta: { role: 'assistant', content: 'w' },
          finish_reason: i === 3 ? 'stop' : null }] })}\n\n`);
    }
    response.end('data: [DONE]\n\n');
  } else {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(answers[request.url](model)));
  }
}

const [key, cert] = process.argv.slice(2).map((path) => fs.readFileSync(path));
const tls = http2.createSecureServer({ key, cert, allowHTTP1: true }, serve);
const plain = http.createServer(serve);
tls.listen(0, '127.0.0.1', () => plain.listen(0, '127.0.0.1', () =>
  console.log(tls.address().port, plain.address().port)));
process.stdin.resume().on('end', () => process.exit());
