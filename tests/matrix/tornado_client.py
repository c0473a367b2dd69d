"""usage: tornado_client.py INTERFACE URL (MODE FILE)...      its client made
of pycurl's multi interface"""
import asyncio
import sys

from tornado.curl_httpclient import CurlAsyncHTTPClient
from tornado.httpclient import HTTPClientError, HTTPRequest


async def ask(url, mode, file):
    with open(file) as f:
        body = f.read()
    parts = []
    request = HTTPRequest(
        url, method="POST", headers={"Content-Type": "application/json"},
        body=body, streaming_callback=parts.append,
        request_timeout=0.6 if mode == "timeout" else 20)
    try:
        answer = await CurlAsyncHTTPClient().fetch(request, raise_error=False)
        code = answer.code
    except HTTPClientError as e:  # its text has the milliseconds
        code = e.code
    print(mode, code, b"".join(parts))
    return code != 200


async def main():
    failed = 0
    for pair in zip(sys.argv[3::2], sys.argv[4::2]):
        failed += await ask(sys.argv[2], *pair)
    return failed


sys.exit(asyncio.run(main()))
