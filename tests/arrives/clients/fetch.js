fetch(process.env.MODEL + "/v1/chat/completions", {
  method: "POST",
  headers: { "Content-Type": "application/json", Authorization: "Bearer sk-test" },
  body: JSON.stringify({
    model: "gpt-4o-mini",
    messages: [{ role: "user", content: "Hello?" }],
  }),
})
  .then((answer) => answer.json())
  .then((json) => console.log(json.choices[0].message.content));
