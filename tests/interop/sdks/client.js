// usage: node client.js SDK URL      calls by npm's openai or @anthropic-ai/sdk: a
// document, a stream, a refusal, and four at once
const [sdk, url] = process.argv.slice(2);
const messages = [{role: "user", content: "hello there"}];

function openai() {
  const {OpenAI} = require("openai");
  const client = new OpenAI({apiKey: "sk-of-nobody", baseURL: url + "/v1",
                             maxRetries: 0});
  return {
    whole: async (model) => (await client.chat.completions.create(
      {model, messages})).choices[0].message.content,
    pieces: async (model) => {
      let text = "";
      for await (const part of await client.chat.completions.create(
        {model, messages, stream: true,
         stream_options: {include_usage: true}})) {
        text += part.choices[0]?.delta?.content ?? "";
      }
      return text;
    }};
}

function anthropic() {
  const {Anthropic} = require("@anthropic-ai/sdk");
  const client = new Anthropic({apiKey: "sk-of-nobody", baseURL: url,
                                maxRetries: 0});
  return {
    whole: async (model) => (await client.messages.create(
      {model, messages, max_tokens: 9})).content[0].text,
    pieces: async (model) => (await client.messages.stream(
      {model, messages, max_tokens: 9}).finalMessage()).content[0].text};
}

(async () => {
  const {whole, pieces} = sdk === "openai" ? openai() : anthropic();
  console.log(await whole("gpt-test"), await pieces("gpt-test"));
  console.log(await whole("error-429").catch((e) => e.message));
  console.log(await Promise.all([whole("gpt-test"), pieces("gpt-test"),
                                 whole("gpt-test"), pieces("gpt-test")]));
})();
