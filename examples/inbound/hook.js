// hook.js - each Node that `llmobs-run --inbound` starts loads this file first
// (NODE_OPTIONS). Node's own requests do not go through libcurl; but a program
// that a request of a server (http, https) starts then belongs to that request.
//
// It loads two modules of Node, and no other code runs before a request comes
// that names its caller.
'use strict';

const known = ['traceparent', 'tracestate', 'baggage', 'x-datadog-trace-id',
  'x-datadog-parent-id', 'x-datadog-tags', 'x-datadog-sampling-priority',
  'x-datadog-origin'];
const who = ['x-forwarded-for', 'forwarded', 'x-real-ip', 'x-forwarded',
  'forwarded-for', 'x-client-ip', 'x-cluster-client-ip', 'true-client-ip',
  'cf-connecting-ip', 'cf-connecting-ipv6', 'fastly-client-ip',
  'fly-client-ip'];
const named = (name) => 'HTTP_' + name.toUpperCase().replaceAll('-', '_');
const taken = known.concat(who).map((name) => ({ name, as: named(name) }));
const carried = new Set(['TRACEPARENT', 'TRACESTATE', 'BAGGAGE', 'REMOTE_ADDR',
  ...taken.map(({ as }) => as)]);
let requests = null; // which request the running code works for

// As CGI names them; null where the request names no caller.
function variables(request) {
  const headers = request.headers;
  if (!known.some((name) => headers[name] !== undefined)) return null;
  const found = {};
  for (const { name, as } of taken)
    if (headers[name] !== undefined) found[as] = String(headers[name]);
  const address = request.socket && request.socket.remoteAddress;
  if (address) found.REMOTE_ADDR = address;
  return found;
}

function begin({ request }) {
  try {
    const found = variables(request);
    if (!found && !requests) return;
    if (!requests) {
      const { AsyncLocalStorage } = require('async_hooks');
      requests = new AsyncLocalStorage();
    }
    requests.enterWith(found || undefined);
  } catch { /* the program goes on without it */ }
}

// The environment of a program, as an object.
function environment(given) {
  const made = { ...given };
  for (const name of carried) delete made[name];
  return Object.assign(made, requests.getStore());
}

// The options of `exec`, `execFile`, `fork` and `spawn`, as Node has made them.
function withPairs([options, ...rest]) {
  const entries = options.envPairs.map((pair) => {
    const end = pair.indexOf('=', 1); // a name may begin with it
    return [pair.slice(0, end), pair.slice(end + 1)];
  });
  const made = environment(Object.fromEntries(entries));
  options.envPairs = Object.entries(made).map((pair) => pair.join('='));
  return [options, ...rest];
}

// The arguments of a call that waits for the program's end; the options come
// last.
function withOptions(given) {
  const last = given.length - 1;
  const at = last > 0 && !Array.isArray(given[last]) ? last : last + 1;
  const made = [...given];
  const env = environment((given[at] && given[at].env) || process.env);
  made[at] = { ...given[at], env };
  return made;
}

// In place of the function, which it is to all who ask.
function change(owner, name, make) {
  owner[name] = new Proxy(owner[name], {
    apply(target, self, given) {
      let made = given;
      try {
        if (requests && requests.getStore()) made = make(given);
      } catch { /* as above */ }
      return Reflect.apply(target, self, made);
    },
  });
}

function watch() {
  const programs = require('child_process');
  change(programs.ChildProcess.prototype, 'spawn', withPairs);
  for (const name of ['execFileSync', 'execSync', 'spawnSync'])
    change(programs, name, withOptions);
}

try {
  require('diagnostics_channel').subscribe('http.server.request.start', begin);
  watch();
} catch { /* an older Node has no such channel */ }
delete require.cache[__filename];
