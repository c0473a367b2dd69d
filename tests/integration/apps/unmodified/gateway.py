"""A gateway in Python that knows nothing of traces, by WSGI and by ASGI. UPSTREAM
is a base URL."""
import os
import subprocess
import sys
from io import BytesIO

import pycurl

URL = os.environ["UPSTREAM"] + "/chat/completions"
TYPE = "application/json"


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
    return [{"/plain": lambda b: b"plain", "/child": child}.get(path, ask)(body)]


async def asgi(scope, receive, send):
    """/pool: a thread of a pool asks, as for a function of FastAPI."""
    if scope["type"] != "http":
        return
    import asyncio
    import contextvars
    body = (await receive())["body"]
    if scope["path"] == "/pool":
        context = contextvars.copy_context()
        text = await asyncio.get_running_loop().run_in_executor(
            None, lambda: context.run(ask, body))
    elif scope["path"] == "/plain":
        text = b"plain"
    else:
        await asyncio.sleep(0.001)
        text = (child if scope["path"] == "/child" else ask)(body)
    await send({"type": "http.response.start", "status": 200,
                "headers": [(b"content-type", TYPE.encode()),
                            (b"content-length", b"%d" % len(text))]})
    await send({"type": "http.response.body", "body": text})


if __name__ == "__main__":
    from wsgiref.simple_server import WSGIRequestHandler, make_server
    WSGIRequestHandler.log_message = lambda *args: None
    with make_server("127.0.0.1", int(sys.argv[1]), wsgi) as server:
        server.serve_forever()
