"""A request by a library of Python. usage: ask.py LIBRARY URL FILE|- [BODY]

FILE: of authorities, which the program names itself; else those of the library."""
import asyncio
import ssl
import sys

library, url, trust, *body = sys.argv[1:]
trust = trust if trust != "-" else None
context = ssl.create_default_context(cafile=trust) if trust else None
method, data, head = "GET", None, {}
if body:
    with open(body[0], "rb") as f:
        method, data, head = "POST", f.read(), {"Content-Type": "application/json"}


async def by_aiohttp(**settings):
    import aiohttp
    async with aiohttp.ClientSession(**settings) as session, session.request(
            method, url, data=data, headers=head,
            **({"ssl": context} if context else {})) as r:
        return r.status, await r.text()


if library == "urllib":
    import urllib.request
    with urllib.request.urlopen(urllib.request.Request(url, data, head),
                                context=context) as r:
        print(r.status, r.read().decode())
elif library == "requests":
    import requests
    s = requests.Session()
    if trust:
        s.verify = trust
    r = s.request(method, url, data=data, headers=head)
    print(r.status_code, r.text)
elif library == "httpx":
    import httpx
    with httpx.Client(**({"verify": trust} if trust else {})) as client:
        r = client.request(method, url, content=data, headers=head)
    print(r.status_code, r.text)
elif library == "urllib3":
    import urllib3
    pool = urllib3.PoolManager(cert_reqs="CERT_REQUIRED", ca_certs=trust)
    r = pool.request(method, url, body=data, headers=head)
    print(r.status, r.data.decode())
elif library == "httplib2":
    import httplib2
    r, text = httplib2.Http(ca_certs=trust).request(url, method, data, head)
    print(r.status, text.decode())
elif library == "pycurl":
    import pycurl
    c = pycurl.Curl()
    c.setopt(c.URL, url)
    if trust:
        c.setopt(c.CAINFO, trust)
    if data:
        c.setopt(c.POSTFIELDS, data)
        c.setopt(c.HTTPHEADER, ["Content-Type: application/json"])
    print(c.perform_rs())
else:
    print(*asyncio.run(by_aiohttp(trust_env=library == "aiohttp-env")))
