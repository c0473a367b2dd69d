// usage: node client.js LIBRARY URL (MODE FILE)...      by http, on connections
// that it keeps, or by fetch
const fs = require("fs");
const http = require("http");
const [library, url, ...rest] = process.argv.slice(2);
const heads = {"Content-Type": "application/json",
               Authorization: "Bearer sk-of-nobody"};
const agent = new http.Agent({keepAlive: true, maxSockets: 1});

function byHttp(body, limit) {
  return new Promise((done, failed) => {
    const ask = http.request(url, {
      agent, method: "POST", headers: heads, signal: AbortSignal.timeout(limit)});
    ask.on("error", failed);
    ask.on("response", (answer) => {
      let text = "";
      answer.setEncoding("latin1");
      answer.on("data", (part) => text += part);
      answer.on("error", failed);
      answer.on("end", () => done([answer.statusCode, text]));
    });
    ask.end(body);
  });
}

async function byFetch(body, limit) {
  const answer = await fetch(url, {method: "POST", headers: heads, body,
                                   signal: AbortSignal.timeout(limit)});
  return [answer.status, await answer.text()];
}

(async () => {
  const ask = library === "http" ? byHttp : byFetch;
  let failed = 0;
  for (let i = 0; i < rest.length; i += 2) {
    const limit = rest[i] === "timeout" ? 600 : 20000;
    try {
      const [code, text] = await ask(fs.readFileSync(rest[i + 1]), limit);
      console.log(rest[i], code, text);
      failed += code !== 200;
    } catch (e) {
      console.log(rest[i], e.name, e.message);
      failed++;
    }
  }
  agent.destroy();
  process.exitCode = failed;
})();
