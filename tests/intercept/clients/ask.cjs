// A request by a library of Node, Bun or Deno.
// usage: ask.js LIBRARY URL FILE|- [BODY]
// FILE: of authorities, which the program names itself.
const fs = require('fs'), https = require('https');
const args = process.argv.slice(2), [library, url, trust, body] = args;
const ca = trust == '-' ? undefined : fs.readFileSync(trust);
const data = body ? fs.readFileSync(body) : undefined;
const headers = body ? {'Content-Type': 'application/json'} : {};
const method = body ? 'POST' : 'GET';
// Packages are where NODE_PATH says.
const ways = {
  fetch: async () => (await fetch(url, {method, headers, body: data})).text(),
  bun: async () => (await fetch(url, {method, headers, body: data, tls: {ca}})).text(),
  https: () => new Promise((good, bad) => {
    const r = https.request(url, {method, headers, ca}, (r) => {
      let text = '';
      r.on('data', (piece) => text += piece).on('end', () => good(text));
    });
    r.on('error', bad).end(data);
  }),
  axios: async (name) => JSON.stringify((await require(name)({url, method, headers, data,
    ...(ca ? {httpsAgent: new https.Agent({ca})} : {})})).data),
  undici: async (name) => {
    const {request, Agent} = require(name);
    return (await request(url, {method, headers, body: data,
      ...(ca ? {dispatcher: new Agent({connect: {ca}})} : {})})).body.text();
  },
  agent: async (name) => {
    const {HttpsProxyAgent} = require(name), proxy = process.env.HTTPS_PROXY;
    const agent = proxy ? new HttpsProxyAgent(proxy) : undefined;
    return new Promise((good, bad) => https.request(url, {method, headers, ca, agent}, (r) => {
      let text = '';
      r.on('data', (piece) => text += piece).on('end', () => good(text));
    }).on('error', bad).end(data));
  },
};
const [way, name] = library.split(':');
ways[way](name).then((text) => console.log(text), (e) => {
  console.log(e.code, e.cause && e.cause.code, e.message);
  process.exitCode = 1;
});
