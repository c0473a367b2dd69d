const { createRequire } = require("module");
const OpenAI = createRequire(process.env.MODULES + "/")("openai");

new OpenAI({ apiKey: "sk-test", baseURL: process.env.MODEL + "/v1" }).chat
  .completions.create({
    model: "gpt-4o-mini",
    messages: [{ role: "user", content: "Hello?" }],
  })
  .then((answer) => console.log(answer.choices[0].message.content));
