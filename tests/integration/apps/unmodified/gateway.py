"""A gateway in Python that knows nothing of traces, by WSGI and by ASGI. UPSTREAM
is a base URL."""
import asyncio
import contextvars
import os
import subprocess
import sys
from io import BytesIO

import pycurl

URL = os.environ["UPSTREAM"] + "/chat/completions"
TYPE = "application/json"
tasks = []


def ask(body):
    answer = BytesIO()
    curl = pycurl.Curl()
    curl.setopt(curl.URL, URL)
    curl.setopt(curl.POSTFIELDS, body)
    curl.setopt(curl.HTTPHEADER, ["Content-Type: " + TYPE])
    curl.setopt(curl.WRITEDATA, answer)
    curl.perform()
    curl.close()
    return answer.getvalue()


def child(body):
    return subprocess.run(
        ["curl", "-q", "-sS", "-H", "Content-Type: " + TYPE, "--data-binary",
         "@-", URL], input=body, stdout=subprocess.PIPE, check=True).stdout


def pieces(body):
    yield b"first "
    yield ask(body)


def torn():
    yield b"first "
    raise ValueError("told to tear")


def wsgi(environ, start_response):
    body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    path = environ["PATH_INFO"]
    if path == "/odd":
        environ["HTTP_TRACEPARENT"] = object() # no header is such
    if path == "/die":
        raise ValueError("told to die")
    start_response("200 OK", [("Content-Type", TYPE)])
    if path == "/pieces":
        return pieces(body)
    if path == "/torn":
        return torn()
    return [{"/plain": lambda b: b"plain", "/child": child}.get(path, ask)(body)]


async def in_pool(body):
    """Asks in a thread of a pool, as FastAPI does for a plain function."""
    context = contextvars.copy_context()
    return await asyncio.get_running_loop().run_in_executor(
        None, lambda: context.run(ask, body))


async def turns(body):
    """Asks four times, while other requests have their turns."""
    said = []
    for _ in range(2):
        await asyncio.sleep(0.001)
        said.append(ask(body))
    said += await asyncio.gather(in_pool(body), in_pool(body))
    return said[0] if len(set(said)) == 1 else b"not the same"


async def later(body):
    await asyncio.sleep(0.3)
    ask(body)


class Mute(Exception):
    def __str__(self):
        raise RuntimeError("no text")


async def fail(path, receive):
    """Ends the request in the way that the path names."""
    if path == "/die":
        raise ValueError("told to die")
    if path == "/mute":
        raise Mute()
    if path == "/cancelled":
        asyncio.current_task().cancel()
        await asyncio.sleep(60)
    if path == "/left":
        while (await receive())["type"] != "http.disconnect":
            pass


async def asgi(scope, receive, send):
    if scope["type"] != "http":
        return
    path, body = scope["path"], (await receive())["body"]
    status = 503 if path == "/refused" else 200
    work = {"/pool": in_pool, "/turns": turns}.get(path)

    async def piece(text, more):
        await send({"type": "http.response.body", "body": text,
                    "more_body": more})

    async def start(*more):
        await send({"type": "http.response.start", "status": status,
                    "headers": [(b"content-type", TYPE.encode()), *more]})

    if path == "/odd":
        scope["headers"].append((b"traceparent", 7)) # no header is such
    if path in ("/half", "/left", "/pieces"):
        await start()
        await piece(b"first ", True)
    if path in ("/die", "/mute", "/cancelled", "/left", "/none", "/half"):
        await fail(path, receive)
        return
    if path == "/pieces":
        await asyncio.sleep(0.001)
        await piece(ask(body), True)
        for _ in range(20): # more than an entry keeps
            await piece(b" " * 65536, True)
        await piece(b"", False)
        return
    if path == "/plain":
        text = b"plain"
    elif work:
        text = await work(body)
    else:
        await asyncio.sleep(0.001)
        text = (child if path == "/child" else ask)(body)
    await start((b"content-length", b"%d" % len(text)))
    await piece(text, False)
    if path == "/later":
        tasks.append(asyncio.create_task(later(body)))


if __name__ == "__main__":
    from wsgiref.simple_server import WSGIRequestHandler, make_server
    WSGIRequestHandler.log_message = lambda *args: None
    with make_server("127.0.0.1", int(sys.argv[1]), wsgi) as server:
        server.serve_forever()
