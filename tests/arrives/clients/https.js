const https = require("https");

const body = JSON.stringify({
  model: "gpt-4o-mini",
  messages: [{ role: "user", content: "Hello?" }],
});
const headers = {
  "Content-Type": "application/json",
  "Content-Length": body.length,
  Authorization: "Bearer sk-test",
};
https
  .request(process.env.MODEL + "/v1/chat/completions",
           { method: "POST", headers }, (answer) => {
    let text = "";
    answer.on("data", (piece) => (text += piece));
    answer.on("end", () =>
      console.log(JSON.parse(text).choices[0].message.content));
  })
  .end(body);
