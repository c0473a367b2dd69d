// The processor time of a call by Datadog's own SDK: an openai client, and the
// sending of its events.
// usage: BASE_URL=... [-r dd-trace/init] peer.js STREAM COUNT, which prints us
'use strict'
const OpenAI = require('openai')

const client = new OpenAI({ baseURL: process.env.BASE_URL, apiKey: 'none' })
const stream = process.argv[2] === 'stream'
const count = Number(process.argv[3])
const settled = 2300 // ms; it sends each second

async function ask (times) {
  for (let i = 0; i < times; i++) {
    const answer = await client.chat.completions.create({
      model: stream ? 'short' : 'gpt-4o-mini',
      messages: [{ role: 'user', content: stream ? 'hello' : 'x'.repeat(2000) }],
      ...(stream ? { stream } : {})
    })
    if (stream) for await (const chunk of answer) chunk.choices.length
  }
}

async function main () {
  const sleep = () => new Promise(resolve => setTimeout(resolve, settled))

  await ask(Math.ceil(count / 5))
  await sleep()
  const before = process.cpuUsage()
  await ask(count)
  await sleep()
  const used = process.cpuUsage(before)
  console.log((used.user + used.system) / count)
}

main().catch(error => {
  console.error(error)
  process.exitCode = 1
})
