// The two receivers from npm, on free ports of loopback. Prints one JSON line
// with their base URLs; each request that Elastic's decodes is a JSON line after
// that, with the signal. Ends when its stdin does.
//
// usage: NODE_PATH=.../node_modules node servers.js FOLDER GENKIT_PORT
'use strict';
const { MockOtlpServer } = require('@elastic/mockotlpserver');
const genkit = require('@genkit-ai/telemetry-server');

const [folder, port] = process.argv.slice(2);

// Gives a message as protobufjs decoded it, with ids as hex and 64-bit numbers
// as texts, and nothing else changed: Elastic's own normalizing loses the types
// of attributes.
function plain(message) {
  if (typeof message.constructor.toObject !== 'function')
    return message;
  return message.constructor.toObject(message, { longs: String });
}

function hexed(key, value) {
  return value && value.type === 'Buffer' ?
    Buffer.from(value.data).toString('hex') : value;
}

function tell(signal) {
  return (message) => process.stdout.write(
    JSON.stringify({ signal, request: plain(message) }, hexed) + '\n');
}

async function main() {
  const elastic = new MockOtlpServer({
    logLevel: 'fatal', services: ['http'], httpHostname: '127.0.0.1',
    httpPort: 0, onTrace: tell('traces'), onMetrics: tell('metrics'),
    onLogs: tell('logs'),
  });
  const roots = { storeRoot: folder, indexRoot: folder };

  await elastic.start();
  await genkit.startTelemetryServer({
    port: Number(port), traceStore: new genkit.LocalFileTraceStore(roots),
    logStore: new genkit.LocalFileLogStore(roots),
  });
  process.stdout.write(JSON.stringify({
    elastic: elastic.httpUrl.href.replace(/\/$/, ''),
    genkit: `http://127.0.0.1:${port}/api/otlp`,
    traces: `http://127.0.0.1:${port}/api/traces`,
  }) + '\n');
}

process.stdin.on('end', () => process.exit(0)).resume();
main().catch((e) => {
  process.stderr.write(e.stack + '\n');
  process.exit(1);
});
