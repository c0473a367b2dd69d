import json
import os
import urllib.request

asked = urllib.request.Request(
    os.environ["MODEL"] + "/v1/chat/completions", json.dumps({
        "model": "gpt-4o-mini",
        "messages": [{"role": "user", "content": "Hello?"}]}).encode(),
    {"Content-Type": "application/json", "Authorization": "Bearer sk-test"})
with urllib.request.urlopen(asked) as answer:
    print(json.load(answer)["choices"][0]["message"]["content"])
