// An application that asks a gateway, whose base URL is GATEWAY, without libcurl:
// each argument is a question. Nothing here knows that it is observed.
(async () => {
  for (const question of process.argv.slice(2)) {
    const answer = await fetch(process.env.GATEWAY + "/chat/completions", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({
        model: "gpt-4o-mini",
        messages: [{ role: "user", content: question }],
      }),
    });
    await answer.text();
  }
})();
