// usage: node client.js LIBRARY URL (MODE FILE)...      by http, on connections that it
// keeps, by fetch, by http2, or by npm's openai or anthropic, which is beside node
const fs = require("fs");
const [library, url, ...rest] = process.argv.slice(2);
const heads = {"Content-Type": "application/json",
               Authorization: "Bearer sk-of-nobody"};
const {createRequire} = require("module");
const beside = createRequire(process.execPath);
let end = () => {};

function text(answer, done, failed) {
  let all = "";
  answer.setEncoding("latin1");
  answer.on("data", (part) => all += part);
  answer.on("error", failed);
  answer.on("end", () => done(all));
}

function http() {
  const used = require(url.startsWith("https:") ? "https" : "http");
  const agent = new used.Agent({keepAlive: true, maxSockets: 1});
  end = () => agent.destroy();
  return (body, signal) => new Promise((done, failed) => {
    const ask = used.request(url, {agent, method: "POST", headers: heads, signal});
    ask.on("error", failed);
    ask.on("response", (answer) =>
      text(answer, (all) => done([answer.statusCode, all]), failed));
    ask.end(body);
  });
}

function http2() {
  const to = new URL(url);
  const session = require("http2").connect(to.origin);
  end = () => session.close();
  return (body, signal) => new Promise((done, failed) => {
    const ask = session.request(
      {":method": "POST", ":path": to.pathname, ...heads}, {signal});
    let status;
    ask.on("response", (answer) => status = answer[":status"]);
    text(ask, (all) => done([status, all]), failed);
    ask.end(body);
  });
}

function byFetch() {
  return async (body, signal) => {
    const answer = await fetch(url, {method: "POST", headers: heads, body, signal});
    return [answer.status, await answer.text()];
  };
}

async function all(answer) {
  const parts = [];
  if (!answer[Symbol.asyncIterator]) return JSON.stringify(answer);
  for await (const part of answer) parts.push(part);
  return JSON.stringify(parts);
}

function openai() {
  const {OpenAI} = beside("openai");
  const client = new OpenAI({apiKey: "sk-of-nobody", maxRetries: 0,
                             baseURL: url.replace("/chat/completions", "")});
  return async (body, signal) => [200, await all(
    await client.chat.completions.create(JSON.parse(body), {signal}))];
}

function anthropic() {
  const {Anthropic} = beside("@anthropic-ai/sdk");
  const client = new Anthropic({apiKey: "sk-of-nobody", maxRetries: 0,
                                baseURL: url.replace("/v1/messages", "")});
  return async (body, signal) => {
    const {model, messages, stream} = JSON.parse(body);
    return [200, await all(await client.messages.create(
      {model, messages, stream, max_tokens: 9}, {signal}))];
  };
}

(async () => {
  const ask = {http, http2, fetch: byFetch, openai, anthropic}[library]();
  let failed = 0;
  for (let i = 0; i < rest.length; i += 2) {
    const signal = AbortSignal.timeout(rest[i] === "timeout" ? 600 : 20000);
    try {
      const [code, text] = await ask(fs.readFileSync(rest[i + 1]), signal);
      console.log(rest[i], code, text);
      failed += code !== 200;
    } catch (e) {
      console.log(rest[i], e.name, e.message);
      failed++;
    }
  }
  end();
  process.exitCode = failed;
})();
