"""A provider: an ASGI application, which answers after 5 to 40 ms, or streams."""
import asyncio
import json
import random

seen = {}


def chunk(text, end):
    return b"data: " + json.dumps({
        "id": "c", "object": "chat.completion.chunk", "model": "gpt-4o",
        "choices": [{"index": 0, "delta": {"role": "assistant", "content": text},
                     "finish_reason": end}]}).encode() + b"\n\n"


async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body")

    async def start(status, kind):
        await send({"type": "http.response.start", "status": status,
                    "headers": [(b"content-type", kind)]})
    asked = json.loads(body)
    text = asked["messages"][0]["content"]
    seen[text] = seen.get(text, 0) + 1
    await asyncio.sleep(random.uniform(0.005, 0.04))
    if "FLAKY" in text and seen[text] == 1:
        await start(503, b"application/json")
        answer = {"error": {"message": "try again", "type": "server_error"}}
    elif asked.get("stream"):
        await start(200, b"text/event-stream")
        for i in range(4):
            await asyncio.sleep(random.uniform(0.005, 0.01))
            await send({"type": "http.response.body", "more_body": True,
                        "body": chunk("w", "stop" if i == 3 else None)})
        await send({"type": "http.response.body", "body": b"data: [DONE]\n\n"})
        return
    else:
        await start(200, b"application/json")
        answer = {"id": "c", "object": "chat.completion", "created": 1,
                  "model": "gpt-4o", "usage": {"prompt_tokens": 3,
                                               "completion_tokens": 1,
                                               "total_tokens": 4},
                  "choices": [{"index": 0, "finish_reason": "stop", "message": {
                      "role": "assistant", "content": "ok"}}]}
    await send({"type": "http.response.body",
                "body": json.dumps(answer).encode()})
