// llmobs_hook.cjs - what each Node that `llmobs-run --inbound` starts loads first
// (shim/node.h), in its worker threads too. A request of `http` or `https`, and
// so of Express, Fastify, Hono and Koa, is then the request of the asynchronous
// context (AsyncLocalStorage) that its handler begins. The library is told whose
// a model's call is as the call's head is written: core/capture/command.h has
// the commands. LLMOBS_ENTRY: see docs/SDK.md.
//
// It never guesses: a call whose request is not certain belongs to none. Where
// Node lacks a function that it wraps, the library counts `hook_failed`.
'use strict';

const dc = require('diagnostics_channel');
const { writeSync } = require('fs');

const NAMES = new Set(['traceparent', 'tracestate', 'baggage',
  'x-datadog-trace-id', 'x-datadog-parent-id', 'x-datadog-tags',
  'x-datadog-sampling-priority', 'x-datadog-origin', 'b3', 'x-b3-traceid',
  'x-b3-spanid', 'x-b3-sampled', 'x-b3-flags', 'x-forwarded-for', 'forwarded',
  'x-real-ip', 'x-forwarded', 'forwarded-for', 'x-client-ip',
  'x-cluster-client-ip', 'true-client-ip', 'cf-connecting-ip',
  'cf-connecting-ipv6', 'fastly-client-ip', 'fly-client-ip', 'via',
  'x-envoy-external-address', 'x-azure-clientip', 'x-azure-socketip',
  'cloudfront-viewer-address', 'x-appengine-user-ip',
  'x-original-forwarded-for', 'x-vercel-forwarded-for']);
const NO_DESCRIPTOR = 2147483647; // shim/node.c
const MINE = Symbol('llmobs.request'); // of undici's options: whose they are
const NUMBER = Symbol('llmobs.connection'); // of a socket by TLS

const MOST = 2 ** 20; // bytes of a request or an answer that its span keeps

const { LLMOBS_ENTRY, LLMOBS_ENTRY_CONTENT } = process.env;
const entry = { undefined: '', 0: '', 1: 'chat-proxy-entrypoint' }[
  LLMOBS_ENTRY] ?? LLMOBS_ENTRY;
const content = entry && LLMOBS_ENTRY_CONTENT === '1';

let als; // undefined: before the first request; null: there is no library
let base; // all keys and numbers of connections of this thread are above it
let keys = 0;
let connections = 0;
let dispatched; // whose the call is that undici dispatches; undefined: none
let sent; // {socket, mine}: of the call that undici sends by HTTP/2
let forgotten; // the registry of requests that the library knows
const requests = new WeakMap(); // a request or an answer: whose it is, or null
const heads = new WeakMap(); // a socket: whose head it writes next
const early = new WeakMap(); // the same, of one written during the handshake
const watched = new WeakSet(); // of undici's DispatcherBase
const failures = new Set();

const text = words => Buffer.from(words + '\0');
const tell = bytes => writeSync(NO_DESCRIPTOR, bytes, 0, bytes.length, 0);
const say = (command, what) => tell(text(`${command} ${JSON.stringify(what)}`));
const NONE = text('serve 0');

function failed(name) {
  if (als === null || failures.has(name)) return;
  failures.add(name);
  try { say('hook/failed', { name }); } catch { als = null; }
}

// Runs the hook's own work, which must not disturb the program.
function quietly(name, work, ...given) {
  try {
    return work(...given);
  } catch {
    return failed(name);
  }
}

function on(channel, work) {
  dc.subscribe(channel, message => quietly(channel, work, message));
}

// Puts a function in the place of a method, with its name and its length.
function wrap(owner, name, make, label = name) {
  const method = owner && owner[name];
  if (typeof method !== 'function') return failed(label);
  const made = make(method);
  for (const key of ['name', 'length'])
    Object.defineProperty(made, key, { value: method[key], configurable: true });
  Object.defineProperty(owner, name, {
    configurable: true, writable: true, value: made,
    enumerable: Object.prototype.propertyIsEnumerable.call(owner, name) });
}

// ---- requests --------------------------------------------------------------

// The first part of a text that comes in pieces.
class Text {
  pieces = [];
  room = MOST;

  add(piece, encoding) {
    if (this.room === 0 || (typeof piece !== 'string' &&
        !(piece instanceof Uint8Array))) return;
    const bytes = Buffer.from(piece, encoding).subarray(0, this.room);
    this.pieces.push(bytes);
    this.room -= bytes.length;
  }

  toString() {
    return Buffer.concat(this.pieces).toString();
  }
}

const underWay = new Set(); // the numbers of the requests that are served
let latest = 0;

// A request that is served. The library learns of it with its first call.
class Request {
  constructor(request) {
    this.number = ++latest;
    underWay.add(this.number);
    this.headers = { ':method': request.method, ':path': request.url };
    for (let i = 0; i < request.rawHeaders.length; i += 2) {
      const name = request.rawHeaders[i].toLowerCase();
      if (!NAMES.has(name)) continue;
      const more = this.headers[name];
      const value = request.rawHeaders[i + 1];
      this.headers[name] = more === undefined ? value : `${more}, ${value}`;
    }
    const address = request.socket.remoteAddress;
    if (address) this.headers[':remote-addr'] = address;
    if (entry) this.start({ kind: 'workflow', name: entry });
  }

  start(begins) {
    this.key = base + ++keys;
    say('request/start',
      { headers: this.headers, request: this.key, entry: begins });
    forgotten.register(this, this.key);
    this.headers = undefined;
    if (!begins) return;
    this.begun = true;
    if (content) this.texts = { input: new Text(), output: new Text() };
  }

  note(side, piece, encoding) {
    if (this.texts) this.texts[side].add(piece, encoding);
  }

  // The words by which the library knows it. Where it has ended and others were
  // served since, what runs in its context may be a worker that it started, and
  // work for one of them.
  get words() {
    if (this.over && !(this.alone && latest === this.number))
      return nobody.words;
    if (this.headers) this.start();
    return this.key;
  }

  // A handler goes on where the caller has left.
  finish(response) {
    underWay.delete(this.number);
    this.over = response.writableEnded;
    this.alone = underWay.size === 0;
    if (!this.begun) return;
    this.begun = false;
    const { statusCode, req: { route, baseUrl } } = response;
    const what = { metadata: { status: statusCode } };
    if (route && typeof route.path === 'string') // Express
      what.metadata.route = `${baseUrl}${route.path}`;
    if (content)
      for (const side of ['input', 'output']) what[side] = `${this.texts[side]}`;
    this.texts = undefined;
    if (statusCode >= 500)
      what.error = { type: `http_${statusCode}`,
        message: `answered with status ${statusCode}` };
    say('request/finish', { request: this.key, entry: what });
  }
}

let nobody; // in place of a Request: calls that may be of several

// With the first request.
function begin() {
  if (als !== undefined) return als;
  als = null;
  const hooks = require('async_hooks');
  const { threadId } = require('worker_threads');
  tell(text('')); // fails without the library
  base = threadId * 2 ** 36;
  nobody = { words: base + ++keys, finish() {}, note() {} };
  forgotten = new FinalizationRegistry(
    key => quietly('forget', say, 'request/forget', { request: key }));
  als = new hooks.AsyncLocalStorage();
  quietly('exits', exits);
  return als;
}

on('http.server.request.start', ({ request, response }) => {
  if (!begin()) return;
  const mine = new Request(request);
  requests.set(request, mine);
  requests.set(response, mine);
  als.enterWith(mine);
  // Before Node 24 that is the context of all that the connection brings.
  const place = als.kResourceStore;
  if (place) mine.resource = require('async_hooks').executionAsyncResource();
});

on('http.server.response.finish', ({ request }) => {
  const mine = requests.get(request);
  const place = mine && mine.resource && als.kResourceStore;
  if (place && mine.resource[place] === mine) mine.resource[place] = undefined;
});

// ---- calls -----------------------------------------------------------------

const current = () => als && als.getStore() || null;

// The head of a call is about to be written to the socket.
function assign(socket, mine) {
  if (mine && !socket.destroyed) heads.set(socket, mine);
  else heads.delete(socket);
}

function exits() {
  const http = require('http');
  const { TLSSocket } = require('tls');

  // Events come from the connection's context, which is older.
  for (const kind of ['IncomingMessage', 'ServerResponse', 'ClientRequest'])
    wrap(http[kind].prototype, 'emit', emit => function (type) {
      const mine = requests.get(this);
      if (mine && type === 'close' && this instanceof http.ServerResponse)
        quietly('close', () => mine.finish(this));
      return mine === undefined || mine === current()
        ? emit.apply(this, arguments)
        : als.run(mine, () => emit.apply(this, arguments));
    }, `${kind}.emit`);
  if (content) {
    const noting = (side) => (method) => function (piece, encoding) {
      // An answer to a call, which has no method, is pushed as well.
      const mine = this.method === null ? undefined : requests.get(this);
      if (mine && piece) quietly('content', () => mine.note(side, piece, encoding));
      return method.apply(this, arguments);
    };
    wrap(http.IncomingMessage.prototype, 'push', noting('input'));
    for (const name of ['write', 'end'])
      wrap(http.ServerResponse.prototype, name, noting('output'));
  }
  const created = ({ request }) => {
    if (!requests.has(request)) requests.set(request, current());
  };
  on('http.client.request.created', created);
  on('http.client.request.start', created); // before Node 22
  on('http.client.response.finish', ({ request, response }) =>
    requests.set(response, requests.get(request) || null));
  wrap(http.ClientRequest.prototype, 'onSocket', onSocket =>
    function (socket) {
      if (socket) quietly('onSocket', () => {
        created({ request: this });
        assign(socket, requests.get(this));
      });
      return onSocket.apply(this, arguments);
    });

  // A connection by TLS has a number, by which the library knows it as well.
  // Node calls this within OpenSSL, which says which connection it is.
  wrap(TLSSocket.prototype, '_finishInit', finishInit => function () {
    quietly('_finishInit', () => {
      if (this._tlsOptions.isServer) return;
      const number = base + ++connections;
      Object.defineProperty(this, NUMBER, { value: number });
      tell(text(`connection ${number}`));
      if (early.has(this)) tellHead(number, early.get(this));
    });
    return finishInit.apply(this, arguments);
  });
  const tellHead = (number, mine) => tell(text(`stream ${number} 0 ${mine.words}`));

  wrap(require('net').Socket.prototype, '_writeGeneric', write => function () {
    const mine = this.connecting ? undefined : heads.get(this);
    if (!mine) return write.apply(this, arguments);
    heads.delete(this);
    if (this.secureConnecting && !this[NUMBER]) {
      // The bytes wait for the end of the handshake.
      early.set(this, early.has(this) ? nobody : mine);
    } else if (this[NUMBER]) {
      quietly('tell', tellHead, this[NUMBER], mine);
    } else {
      quietly('tell', () => tell(text(`serve ${mine.words}`)));
      try {
        return write.apply(this, arguments);
      } finally {
        quietly('tell', tell, NONE);
      }
    }
    return write.apply(this, arguments);
  });

  // By HTTP/2 frames leave later, those of several streams at once. A stream of
  // a session that is connected starts before it is said to be created.
  const claim = (stream) => {
    if (requests.has(stream)) return;
    requests.set(stream, sent ? sent.mine : current());
    sent = undefined;
  };
  on('http2.client.stream.created', ({ stream }) => claim(stream));
  on('http2.client.stream.start', ({ stream }) => {
    claim(stream);
    const mine = requests.get(stream);
    const number = mine && stream.session.socket[NUMBER];
    if (number && stream.id)
      tell(text(`stream ${number} ${stream.id} ${mine.words}`));
  });
}

// ---- undici ----------------------------------------------------------------

// A pool keeps what waits for a connection, and makes a request of it in the
// context of the call that ended. So its options say whose it is, and its
// connections begin in none.
function watch(base) {
  if (watched.has(base)) return false;
  watched.add(base);
  wrap(base, 'dispatch', dispatch => function (options) {
    if (als === null || !options || typeof options !== 'object')
      return dispatch.apply(this, arguments);
    const mine = MINE in options ? options[MINE] : current();
    const before = dispatched;
    dispatched = mine;
    arguments[0] = { ...options, [MINE]: mine };
    try {
      return als ? als.exit(() => dispatch.apply(this, arguments))
        : dispatch.apply(this, arguments);
    } finally {
      dispatched = before;
    }
  }, 'undici.dispatch');
  return true;
}

// Looks for copies of undici: Node's own, and those of packages.
function seek() {
  let found = false;
  for (const version of [1, 2]) {
    let base = globalThis[Symbol.for(`undici.globalDispatcher.${version}`)];
    while (base && !Object.hasOwn(base, 'dispatch'))
      base = Object.getPrototypeOf(base);
    if (base) found = watch(base) || found;
  }
  for (const path of Object.keys(require.cache))
    if (/\/dispatcher-base\.js$/.test(path)) {
      const kind = require.cache[path].exports;
      if (kind && kind.prototype) found = watch(kind.prototype) || found;
    }
  return found;
}

// Of a copy that is bundled into another file nothing is known.
on('undici:request:create', ({ request }) => {
  const mine = dispatched !== undefined ? dispatched
    : seek() ? current() : nobody;
  if (als) requests.set(request, mine);
});

on('undici:client:sendHeaders', ({ request, socket }) => {
  const mine = requests.get(request) || null;
  if (socket.alpnProtocol === 'h2') {
    sent = { mine };
    queueMicrotask(() => { sent = undefined; });
  } else {
    assign(socket, heads.has(socket) ? nobody : mine);
  }
});

quietly('load', () => {
  tell(text(''));
  delete require.cache[__filename];
});
