"""Calls by HTTPS_PROXY, where it is set, with authorities that the program
names itself.

usage: own_ca.py HOW URL CAFILE BODY; HOW: a package, or `asyncio`, `threads`
"""
import asyncio
import os
import ssl
import sys
import threading
import urllib.request
from urllib.parse import urlparse

HOW, URL, CA, BODY = sys.argv[1:]
HEAD = {"Content-Type": "application/json"}
BYTES = BODY.encode()


def by_urllib():
    with urllib.request.urlopen(
            urllib.request.Request(URL, BYTES, HEAD),
            context=ssl.create_default_context(cafile=CA)) as r:
        return r.status


def by_requests():
    import requests
    return requests.post(URL, data=BYTES, headers=HEAD, verify=CA).status_code


def by_httpx():
    import httpx
    return httpx.post(URL, content=BYTES, headers=HEAD,
                      verify=ssl.create_default_context(cafile=CA)).status_code


def by_urllib3():
    import urllib3
    proxy = os.environ.get("HTTPS_PROXY")
    pool = urllib3.ProxyManager(proxy, ca_certs=CA) if proxy else \
        urllib3.PoolManager(ca_certs=CA)
    return pool.request("POST", URL, body=BYTES, headers=HEAD).status


async def in_aiohttp():
    import aiohttp
    async with aiohttp.ClientSession(trust_env=True) as session:
        async with session.post(
                URL, data=BYTES, headers=HEAD,
                ssl=ssl.create_default_context(cafile=CA)) as r:
            await r.read()
            return r.status


async def in_asyncio():
    url, proxy = urlparse(URL), os.environ.get("HTTPS_PROXY")
    to = urlparse(proxy) if proxy else url
    reader, writer = await asyncio.open_connection(to.hostname, to.port)
    where = "%s:%d" % (url.hostname, url.port)
    if proxy:
        writer.write(b"CONNECT %s HTTP/1.1\r\n\r\n" % where.encode())
        await reader.readuntil(b"\r\n\r\n")
    await writer.start_tls(ssl.create_default_context(cafile=CA),
                           server_hostname=url.hostname)
    writer.write(b"POST %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\nContent-Type"
                 b": application/json\r\nContent-Length: %d\r\n\r\n%s" % (
                     url.path.encode(), where.encode(), len(BYTES), BYTES))
    return int((await reader.read()).split()[1])


def by_threads():
    got = []
    threads = [threading.Thread(target=lambda: got.append(by_urllib()))
               for _ in range(30)]
    [one.start() for one in threads]
    [one.join() for one in threads]
    return got


one = globals().get("by_" + HOW)
print(one() if one else asyncio.run(globals()["in_" + HOW]()))
