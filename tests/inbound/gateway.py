"""Gateways that know nothing of traces: a WSGI and an ASGI application, and those
of Flask, FastAPI, aiohttp and http.server. `?client=NAME` names a function of
clients.py; `?lazy=1`: the call is made while the answer is streamed."""
import os
import sys
import urllib.parse

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import clients  # noqa: E402


def client_of(query):
    given = urllib.parse.parse_qs(query)
    return getattr(clients, given["client"][0]), "lazy" in given


def wsgi(environ, start_response):
    ask, lazy = client_of(environ["QUERY_STRING"])
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    if lazy:
        start_response("200 OK", [("Content-Type", "application/json")])
        return (ask(body) for _ in range(1))
    said = ask(body)
    start_response("200 OK", [("Content-Type", "application/json"),
                              ("Content-Length", str(len(said)))])
    return [said]


def flask():
    from flask import Flask, Response, request
    app = Flask("gateway")

    @app.post("/go")
    def go():
        ask, lazy = client_of(request.query_string.decode())
        body = request.get_data()
        if lazy:
            return Response((ask(body) for _ in range(1)))
        return Response(ask(body), mimetype="application/json")
    return app


def fastapi():
    from fastapi import Body, FastAPI, Request
    from fastapi.responses import Response, StreamingResponse
    import json
    app = FastAPI()

    @app.post("/go")
    async def go(request: Request):
        ask, lazy = client_of(request.url.query)
        body = await request.body()
        if lazy:
            async def pieces():
                yield await ask(body)
            return StreamingResponse(pieces())
        return Response(await ask(body), media_type="application/json")

    @app.post("/sync")  # in a thread
    def sync(client: str, body: dict = Body()):
        return Response(getattr(clients, client)(json.dumps(body).encode()))
    return app


async def asgi(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            kind = (await receive())["type"]
            await send({"type": kind + ".complete"})
            if kind == "lifespan.shutdown":
                return
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body")
    said = await client_of(scope["query_string"].decode())[0](body)
    await send({"type": "http.response.start", "status": 200,
                "headers": [(b"content-length", str(len(said)).encode())]})
    await send({"type": "http.response.body", "body": said})


def __getattr__(name):
    made = {"flask_app": flask, "fastapi_app": fastapi}.get(name)
    if made is None:
        raise AttributeError(name)
    return made()


def serve(kind, port):
    if kind == "aiohttp":
        from aiohttp import web

        async def go(request):
            ask, _ = client_of(request.query_string)
            return web.Response(body=await ask(await request.read()))
        app = web.Application()
        app.router.add_post("/go", go)
        web.run_app(app, host="127.0.0.1", port=port, print=None)
    elif kind == "http.server":
        from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                ask, _ = client_of(self.path.partition("?")[2])
                length = int(self.headers["content-length"])
                said = ask(self.rfile.read(length))
                self.send_response(200)
                self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

            def log_message(self, *args):
                pass
        ThreadingHTTPServer.request_queue_size = 64
        ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()
    elif kind == "werkzeug":
        flask().run("127.0.0.1", port, threaded=True)
    elif kind == "wsgiref":
        import socketserver
        from wsgiref.simple_server import (WSGIRequestHandler, WSGIServer,
                                           make_server)

        class Server(socketserver.ThreadingMixIn, WSGIServer):
            request_queue_size = 64
            daemon_threads = True
        WSGIRequestHandler.log_message = lambda *args: None
        make_server("127.0.0.1", port, wsgi, Server).serve_forever()
    elif kind == "pywsgi":
        from gevent import monkey
        monkey.patch_all()
        from gevent.pywsgi import WSGIServer
        WSGIServer(("127.0.0.1", port), wsgi, log=None).serve_forever()
    elif kind == "hypercorn-trio":
        import hypercorn.config
        import hypercorn.trio
        import trio
        config = hypercorn.config.Config()
        config.bind = ["127.0.0.1:%d" % port]
        trio.run(hypercorn.trio.serve, fastapi(), config)


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]))
