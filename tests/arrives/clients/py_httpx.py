import os

import httpx

answer = httpx.post(
    os.environ["MODEL"] + "/v1/chat/completions", json={
        "model": "gpt-4o-mini",
        "messages": [{"role": "user", "content": "Hello?"}]},
    headers={"Authorization": "Bearer sk-test"})
print(answer.json()["choices"][0]["message"]["content"])
