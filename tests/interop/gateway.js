// A gateway of the kind that users have: a service name only, one workflow span
// around the handler, the openai client inside. Prints its port.
//
// The body is read with `for await`: with 'data' and 'end' events the tracer
// loses the context of the request before the handler runs.
'use strict'
const http = require('http')
const tracer = require('dd-trace')
const OpenAI = require('openai')

const client = new OpenAI({ baseURL: process.env.UPSTREAM, apiKey: 'none' })

async function bodyOf (req) {
  const parts = []
  for await (const part of req) parts.push(part)
  return Buffer.concat(parts).toString()
}

async function complete (asked, res) {
  const answer = await client.chat.completions.create(asked)
  if (!asked.stream) {
    res.setHeader('content-type', 'application/json')
    return res.end(JSON.stringify(answer))
  }
  res.setHeader('content-type', 'text/event-stream')
  for await (const chunk of answer) {
    res.write('data: ' + JSON.stringify(chunk) + '\n\n')
  }
  return res.end('data: [DONE]\n\n')
}

async function handle (req, res) {
  const text = await bodyOf(req)
  await tracer.llmobs.trace({ kind: 'workflow', name: 'gateway' },
    async () => {
      tracer.llmobs.annotate({ inputData: text })
      await complete(JSON.parse(text), res)
      tracer.llmobs.annotate({ outputData: 'done' })
    })
}

http.createServer((req, res) => {
  handle(req, res).catch(error => {
    res.statusCode = 502
    res.end(JSON.stringify({ error: { message: String(error) } }))
  })
}).listen(0, '127.0.0.1', function () { console.log(this.address().port) })
