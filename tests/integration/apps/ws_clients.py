"""Clients of websockets for Python: each turn of a conversation over one
connection, the last event of which is shown.

usage: ws_clients.py CLIENT URL CA TURN...    a turn is JSON, or "leave": the
                                              client goes amid an answer
"""
import asyncio
import json
import os
import queue
import socket
import ssl
import struct
import sys
import threading

way, url, ca, *turns = sys.argv[1:]
KEY = {"Authorization": "Bearer " + os.environ["KEY"]}
URL = url.replace("http", "ws", 1) + "/v1/responses"
ENDS = "response.completed", "response.failed", "response.incomplete", "error"
secure = ssl.create_default_context(cafile=ca) if url[:5] == "https" else None


def ends(text):
    event = json.loads(text)
    if event["type"] in ENDS:
        print(event["type"])
    return event["type"] in ENDS


def asks():
    """The text of each turn, and whether the client leaves in it."""
    for turn in turns:
        more = {} if turn == "leave" else json.loads(turn)
        more["input"] = more.get("input", "where?") * more.pop("times", 1)
        yield json.dumps(dict({"type": "response.create", "model": "gpt-test"},
                              **more)), turn == "leave"


async def websockets():
    import websockets as module
    async with module.connect(URL, ssl=secure, extra_headers=KEY) as ws:
        for text, leaves in asks():
            if len(text) > 1000:
                await ws.send([text[:7], text[7:400], text[400:]])
            else:
                await ws.send(text)
            while not ends(await ws.recv()):
                if leaves:
                    return


async def aiohttp():
    import aiohttp as module
    async with module.ClientSession() as session:
        async with session.ws_connect(url + "/v1/responses", ssl=secure,
                                      headers=KEY, compress=15) as ws:
            for text, leaves in asks():
                await ws.send_str(text)
                while not ends((await ws.receive(60)).data):
                    if leaves:
                        return


def websocket_client():
    import websocket as module
    ws = module.create_connection(URL, header=KEY, sslopt={"ca_certs": ca},
                                  timeout=60)
    for text, leaves in asks():
        ws.send(text)
        while not ends(ws.recv()):
            if leaves:
                return
    ws.close()


def threads():
    """One thread reads, another sends."""
    import websocket as module
    ws = module.create_connection(URL, header=KEY, sslopt={"ca_certs": ca},
                                  timeout=60)
    came = queue.Queue()

    def read():
        try:
            while text := ws.recv():
                came.put(text)
        finally:
            came.put('{"type": "error"}')

    threading.excepthook = lambda _: None
    threading.Thread(target=read, daemon=True).start()
    for text, leaves in asks():
        ws.send(text)
        while not ends(came.get(timeout=60)):
            if leaves:
                return
    ws.close()


def raw():
    """A socket alone, byte by byte."""
    host, port = url.split("//")[1].split(":")
    s = socket.create_connection((host, int(port)))
    s = secure.wrap_socket(s, server_hostname=host) if secure else s

    def send(data):
        for byte in data:
            s.sendall(bytes([byte]))

    def take(count):
        data = b""
        while len(data) < count:
            data += s.recv(1) or sys.exit("the end")
        return data

    send(("GET /v1/responses HTTP/1.1\r\nHost: %s\r\nUpgrade: WebSocket\r\n"
          "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nAuthorization: "
          "%s\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n" %
          (host, KEY["Authorization"])).encode())
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += take(1)
    for text, leaves in asks():
        data = text.encode()
        send(b"\x81\xfe" + struct.pack(">H", len(data)) + b"\1\2\3\4" + bytes(
            b ^ b"\1\2\3\4"[i & 3] for i, b in enumerate(data)))
        whole = b""
        while True:
            first, size = take(2)
            size = struct.unpack(">H", take(2))[0] if size == 126 else size
            data = take(size)
            whole += data if first & 15 < 2 else b""
            if leaves and whole:
                return
            if first == 0x80:
                if ends(whole):
                    break
                whole = b""


run = {"websockets": websockets, "aiohttp": aiohttp, "raw": raw,
       "threads": threads, "websocket_client": websocket_client}[way]
try:
    if asyncio.iscoroutinefunction(run):
        asyncio.run(run())
    else:
        run()
except Exception as e:  # the server ended the connection
    print(type(e).__name__)
