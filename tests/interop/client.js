// An application of the kind that users have: a workflow that asks a model
// through the openai client. usage: BASE_URL=... node -r dd-trace/init client.js
'use strict'
const tracer = require('dd-trace')
const OpenAI = require('openai')

const client = new OpenAI({ baseURL: process.env.BASE_URL, apiKey: 'none' })

async function main () {
  const answer = await tracer.llmobs.trace(
    { kind: 'workflow', name: 'client' },
    () => client.chat.completions.create({
      model: process.env.MODEL,
      messages: [{ role: 'user', content: process.env.PROMPT }]
    }))
  console.log(answer.choices[0].message.content)
  tracer.llmobs.flush()
}

main().catch(error => {
  console.error(error)
  process.exitCode = 1
})
