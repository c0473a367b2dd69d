"""clients.py KIND BASE [CA]: three calls, the last with a body of 300 KB."""
import asyncio
import json
import ssl
import sys

kind, base, ca = (sys.argv[1:] + [None])[:3]
URL = base + "/v1/chat/completions"
HEADERS = {"Content-Type": "application/json", "Authorization": "Bearer sk-x"}
TLS = ssl.create_default_context(cafile=ca) if base.startswith("https:") else None


def ask(i):
    return json.dumps({"model": "m", "messages": [
        {"role": "user", "content": "hi " * (100000 if i == 2 else 1)}]})


def urllib():
    import urllib.request
    for i in range(3):
        print(urllib.request.urlopen(urllib.request.Request(
            URL, ask(i).encode(), HEADERS), context=TLS).read())


def requests():
    import requests as client
    with client.Session() as session:
        for i in range(3):
            print(session.post(URL, data=ask(i), headers=HEADERS, verify=ca).content)


def httpx(http2=False):
    import httpx as client
    with client.Client(http2=http2, verify=TLS or True) as session:
        for i in range(3):
            print(session.post(URL, content=ask(i), headers=HEADERS).content)


def httpx_h2():
    httpx(True)


def httpx_async():
    import httpx as client

    async def all_at_once():
        async with client.AsyncClient(verify=TLS or True) as session:
            for answer in await asyncio.gather(*[
                    session.post(URL, content=ask(i), headers=HEADERS)
                    for i in range(3)]):
                print(len(answer.content) > 0)
    asyncio.run(all_at_once())


def aiohttp():
    import aiohttp as client

    async def one_by_one():
        async with client.ClientSession() as session:
            for i in range(3):
                async with session.post(URL, data=ask(i), headers=HEADERS,
                                        ssl=TLS or True) as answer:
                    print(await answer.read())
    asyncio.run(one_by_one())


globals()[kind]()
