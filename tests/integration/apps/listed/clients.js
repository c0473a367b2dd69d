// clients.js KIND BASE: three calls, the last with a body of 300 KB.
const [kind, base] = process.argv.slice(2)
const path = '/v1/chat/completions'
const headers = { 'content-type': 'application/json', authorization: 'Bearer sk-x' }
const ask = i => JSON.stringify({ model: 'm', messages: [
  { role: 'user', content: 'hi '.repeat(i === 2 ? 100000 : 1) }] })

function read (stream, resolve, reject) {
  let n = 0
  stream.on('data', d => { n += d.length })
  stream.on('end', () => { console.log(n > 0); resolve() })
  stream.on('error', reject)
}

const kinds = {
  async http () {
    const http = require(base.startsWith('https') ? 'https' : 'http')
    const agent = new http.Agent({ keepAlive: true })
    for (let i = 0; i < 3; i++)
      await new Promise((resolve, reject) => http.request(
        base + path, { method: 'POST', headers, agent },
        answer => read(answer, resolve, reject)).on('error', reject).end(ask(i)))
    agent.destroy()
  },
  async fetch () {
    for (let i = 0; i < 3; i++)
      console.log((await (await fetch(base + path, {
        method: 'POST', headers, body: ask(i) })).text()).length > 0)
  },
  async http2 () {
    const session = require('http2').connect(base)
    await Promise.all([0, 1, 2].map(i => new Promise((resolve, reject) => {
      const stream = session.request({ ':method': 'POST', ':path': path, ...headers })
      read(stream, resolve, reject)
      stream.end(ask(i))
    })))
    session.close()
  }
}
kinds[kind]().catch(e => { console.error(e); process.exit(1) })
