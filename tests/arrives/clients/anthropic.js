const { createRequire } = require("module");
const Anthropic = createRequire(process.env.MODULES + "/")("@anthropic-ai/sdk");

new Anthropic({ apiKey: "sk-test", baseURL: process.env.MODEL }).messages
  .create({
    model: "claude-haiku-4-5",
    max_tokens: 9,
    messages: [{ role: "user", content: "Hello?" }],
  })
  .then((answer) => console.log(answer.content[0].text));
