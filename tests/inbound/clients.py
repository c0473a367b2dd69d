"""The clients of the gateways: each asks the provider at $UPSTREAM, and gives the
bytes of its answer. CA: the provider's certificate."""
import asyncio
import concurrent.futures
import http.client
import os
import ssl
import threading
import urllib.parse
import urllib.request

UPSTREAM = os.environ["UPSTREAM"]
URL = UPSTREAM + "/v1/chat/completions"
CA = os.environ["CA"]
TO = urllib.parse.urlsplit(URL)
TLS = TO.scheme == "https"
HEADERS = {"Content-Type": "application/json", "Authorization": "Bearer sk-up"}
CONTEXT = ssl.create_default_context(cafile=CA) if TLS else None
made = {}
lock = threading.Lock()


def kept(name, make):
    with lock:
        if name not in made:
            made[name] = make()
        return made[name]


def requests(body):
    import requests
    session = kept("requests", requests.Session)
    return session.post(URL, data=body, headers=HEADERS, verify=CA).content


def requests_once(body):
    import requests
    return requests.post(URL, data=body, headers=HEADERS, verify=CA).content


def urllib3(body):
    """Three connections, for which the threads wait."""
    import urllib3
    pool = kept("urllib3", lambda: urllib3.PoolManager(
        ca_certs=CA, maxsize=3, block=True))
    return pool.request("POST", URL, body=body, headers=HEADERS).data


def urllib(body):
    request = __import__("urllib.request").request.Request(URL, body, HEADERS)
    with __import__("urllib.request").request.urlopen(
            request, context=CONTEXT) as answer:
        return answer.read()


def http_client(body):
    kind = http.client.HTTPSConnection if TLS else http.client.HTTPConnection
    client = kind(TO.hostname, TO.port, **({"context": CONTEXT} if TLS else {}))
    client.request("POST", TO.path, body, HEADERS)
    try:
        return client.getresponse().read()
    finally:
        client.close()


def httpx(body, **more):
    import httpx
    client = kept("httpx%s" % more, lambda: httpx.Client(
        verify=CA, timeout=30, **more))
    return client.post(URL, content=body, headers=HEADERS).content


def httpx2(body):
    return httpx(body, http2=True)


def pycurl(body):
    import io
    import pycurl
    answer = io.BytesIO()
    curl = pycurl.Curl()
    for name, value in (
            (curl.URL, URL), (curl.POSTFIELDS, body), (curl.CAINFO, CA),
            (curl.WRITEDATA, answer),
            (curl.HTTPHEADER, ["%s: %s" % h for h in HEADERS.items()])):
        curl.setopt(name, value)
    curl.perform()
    curl.close()
    return answer.getvalue()


def pool(body):
    """A thread of a pool asks."""
    threads = kept("pool", lambda: concurrent.futures.ThreadPoolExecutor(8))
    return threads.submit(requests_once, body).result()


async def ahttpx(body, **more):
    import httpx
    client = kept("ahttpx%s" % more, lambda: httpx.AsyncClient(
        verify=CA, timeout=60, **more))
    return (await client.post(URL, content=body, headers=HEADERS)).content


async def ahttpx_three(body):
    """Three connections, for which the requests wait."""
    import httpx
    return await ahttpx(body, limits=kept(
        "three", lambda: httpx.Limits(max_connections=3)))


async def ahttpx2(body):
    return await ahttpx(body, http2=True)


async def aiohttp(body):
    import aiohttp
    session = kept("aiohttp", aiohttp.ClientSession)
    async with session.post(URL, data=body, headers=HEADERS,
                            ssl=CONTEXT) as answer:
        return await answer.read()


async def to_thread(body):
    return await asyncio.to_thread(requests_once, body)


async def executor(body):
    return await asyncio.get_running_loop().run_in_executor(
        None, requests_once, body)


async def gathered(body):
    """Two at once, of which one is given."""
    both = await asyncio.gather(ahttpx(body), aiohttp(body))
    return both[0]


async def retry(body):
    answer = await ahttpx(body)
    return await ahttpx(body) if b"try again" in answer else answer


async def background(body):
    """The call goes on after the answer."""
    async def later():
        await asyncio.sleep(0.05)
        await aiohttp(body)
    kept("tasks", list).append(asyncio.ensure_future(later()))
    return b"{}"


async def batched(body):
    """One task, which the first request starts, calls for all."""
    async def work(queue):
        while True:
            body, done = await queue.get()
            done.set_result(await aiohttp(body))
    if "queue" not in made:
        made["queue"] = asyncio.Queue()
        made["worker"] = asyncio.ensure_future(work(made["queue"]))
    done = asyncio.get_running_loop().create_future()
    await made["queue"].put((body, done))
    return await done
