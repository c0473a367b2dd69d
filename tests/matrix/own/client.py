"""usage: client.py LIBRARY URL (MODE FILE)...      over Python's own TLS, or without
it, by http, urllib, urllib3, requests, httpx, httpx_h2, httpx_async, aiohttp or
tornado.
CA_FILE names the authority. Each keeps its connection, where it can."""
import asyncio
import os
import ssl
import sys
import urllib.parse

CA = os.environ["CA_FILE"]
HEADS = {"Content-Type": "application/json",
         "Authorization": "Bearer sk-of-nobody"}
CONTEXT = ssl.create_default_context(cafile=CA)


def limit(mode):
    return 0.6 if mode == "timeout" else 20


def of_http():
    import http.client
    kept = []

    def ask(url, mode, body):
        to = urllib.parse.urlsplit(url)
        link = kept.pop() if kept else http.client.HTTPConnection(
            to.hostname, to.port) if to.scheme == "http" else \
            http.client.HTTPSConnection(to.hostname, to.port, context=CONTEXT)
        link.timeout = limit(mode)
        if link.sock:
            link.sock.settimeout(link.timeout)
        link.request("POST", to.path, body, HEADS)
        answer = link.getresponse()
        text = answer.read()
        kept.append(link)
        return answer.status, text
    return ask


def of_urllib():
    import urllib.error
    import urllib.request

    def ask(url, mode, body):
        try:
            with urllib.request.urlopen(urllib.request.Request(
                    url, body, HEADS), context=CONTEXT,
                    timeout=limit(mode)) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as e:
            return e.code, e.read()
    return ask


def of_urllib3():
    import urllib3
    pool = urllib3.PoolManager(ssl_context=CONTEXT, retries=False)

    def ask(url, mode, body):
        answer = pool.request("POST", url, body=body, headers=HEADS,
                              timeout=limit(mode), preload_content=False)
        return answer.status, b"".join(answer.stream(100))
    return ask


def of_requests():
    import requests
    session = requests.Session()

    def ask(url, mode, body):
        answer = session.post(url, data=body, headers=HEADS, verify=CA,
                              timeout=limit(mode), stream=True)
        return answer.status_code, b"".join(answer.iter_content(None))
    return ask


def of_httpx(**more):
    import httpx
    client = httpx.Client(verify=CONTEXT, **more)

    def ask(url, mode, body):
        with client.stream("POST", url, content=body, headers=HEADS,
                           timeout=limit(mode)) as answer:
            return answer.status_code, b"".join(answer.iter_bytes())
    return ask


def of_httpx_h2():
    return of_httpx(http1=False, http2=True)


def of_httpx_async():
    import httpx

    async def ask(client, url, mode, body):
        async with client.stream("POST", url, content=body, headers=HEADS,
                                 timeout=limit(mode)) as answer:
            return answer.status_code, await answer.aread()
    return lambda: httpx.AsyncClient(verify=CONTEXT), ask


def of_aiohttp():
    import aiohttp

    async def ask(client, url, mode, body):
        async with client.post(
                url, data=body, headers=HEADS, ssl=CONTEXT,
                timeout=aiohttp.ClientTimeout(sock_read=limit(
                    mode))) as answer:
            return answer.status, await answer.read()
    return aiohttp.ClientSession, ask


def of_tornado():
    from tornado.simple_httpclient import SimpleAsyncHTTPClient

    async def ask(client, url, mode, body):
        answer = await SimpleAsyncHTTPClient().fetch(
            url, method="POST", body=body, headers=HEADS, ssl_options=CONTEXT,
            request_timeout=limit(mode), raise_error=False)
        return answer.code, answer.body
    return None, ask


def tell(mode, code, text):
    print(mode, code, text)
    return code != 200


def failure(mode, error):
    # a text may have an address or the milliseconds
    print(mode, type(error).__name__)
    return True


def one_by_one(ask, url, calls):
    failed = 0
    for mode, file in calls:
        with open(file, "rb") as f:
            body = f.read()
        try:
            failed += tell(mode, *ask(url, mode, body))
        except Exception as e:
            failed += failure(mode, e)
    return failed


async def in_a_loop(make, ask, url, calls):
    failed = 0
    client = make() if make else None
    for mode, file in calls:
        with open(file, "rb") as f:
            body = f.read()
        try:
            failed += tell(mode, *await ask(client, url, mode, body))
        except Exception as e:
            failed += failure(mode, e)
    for name in "aclose", "close":
        if hasattr(client, name):
            await getattr(client, name)()
            break
    return failed


def main():
    made = globals()["of_" + sys.argv[1]]()
    url, calls = sys.argv[2], list(zip(sys.argv[3::2], sys.argv[4::2]))
    if isinstance(made, tuple):
        return asyncio.run(in_a_loop(*made, url, calls))
    return one_by_one(made, url, calls)


sys.exit(main())
