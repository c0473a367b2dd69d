// A gateway of the kind that users have: npm's OpenTelemetry SDK, set by its
// variables, with the instrumentations of http and undici. Prints its port.
//
// The header x-via says how it asks the model: fetch (undici), http (the module
// http), child (a command that gets the active span in its environment), or cgi
// (a command that gets the request's trace headers as a CGI server hands them
// on). COMMAND is the command, a JSON list; it reads the request's body. The
// answer's header x-seen names the trace headers that came.
'use strict'
const { HttpInstrumentation } =
  require('@opentelemetry/instrumentation-http')
const { UndiciInstrumentation } =
  require('@opentelemetry/instrumentation-undici')
const { NodeSDK } = require('@opentelemetry/sdk-node')

const sdk = new NodeSDK({
  instrumentations: [new HttpInstrumentation(), new UndiciInstrumentation()]
})
sdk.start()

const { context, propagation } = require('@opentelemetry/api')
const { spawn } = require('child_process')
const http = require('http')

const TRACE_HEADER = /^(traceparent|tracestate|baggage|b3|x-b3-|x-datadog-)/

async function textOf (stream) {
  const parts = []
  for await (const part of stream) parts.push(part)
  return Buffer.concat(parts).toString()
}

async function byFetch (req, body) {
  const answer = await fetch(process.env.UPSTREAM + req.url, {
    method: 'POST', headers: { 'content-type': 'application/json' }, body
  })
  return answer.text()
}

function byHttp (req, body) {
  return new Promise((resolve, reject) => {
    http.request(process.env.UPSTREAM + req.url, {
      method: 'POST', headers: { 'content-type': 'application/json' }
    }, answer => resolve(textOf(answer))).on('error', reject).end(body)
  })
}

async function byCommand (env, body) {
  const [file, ...args] = JSON.parse(process.env.COMMAND)
  const child = spawn(file, args, {
    env: { ...JSON.parse(process.env.COMMAND_ENV), ...env },
    stdio: ['pipe', 'pipe', 'ignore']
  })
  child.stdin.end(body)
  return textOf(child.stdout)
}

function activeSpan () {
  const carrier = {}
  propagation.inject(context.active(), carrier)
  return Object.fromEntries(Object.entries(carrier).map(
    ([name, value]) => [name.toUpperCase(), value]))
}

function cgiHeaders (req) {
  return Object.fromEntries(Object.entries(req.headers).map(
    ([name, value]) => ['HTTP_' + name.toUpperCase().replace(/-/g, '_'),
      value]))
}

async function complete (req) {
  const body = await textOf(req)
  switch (req.headers['x-via']) {
    case 'http': return byHttp(req, body)
    case 'child': return byCommand(activeSpan(), body)
    case 'cgi': return byCommand(cgiHeaders(req), body)
    default: return byFetch(req, body)
  }
}

http.createServer((req, res) => {
  res.setHeader('x-seen', Object.keys(req.headers).filter(
    name => TRACE_HEADER.test(name)).sort().join(' '))
  complete(req).then(text => {
    res.setHeader('content-type', 'application/json')
    res.end(text)
  }, error => {
    res.statusCode = 502
    res.end(String(error))
  })
}).listen(0, '127.0.0.1', function () { console.log(this.address().port) })
