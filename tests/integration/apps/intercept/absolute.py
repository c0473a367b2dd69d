"""Requests over one connection, by HTTPS_PROXY where it is set, as programs are
that ask a proxy for the whole URL.  They trust SSL_CERT_FILE.  All that comes is
printed.

usage: absolute.py HOW URL [URL]
  keep    five requests, one in chunks, one HEAD     pipe    four at once
  expect  waits for a 100, and asks again            slow    byte by byte
  tail    has a body like a request, and expects
  half    ends its sending, reads on                 old     HTTP/1.0
  two     asks both servers, the first one again     bare    names no path
  switch  goes on with another protocol              leave   before the answer
"""
import http.client
import io
import json
import os
import socket
import ssl
import sys
from urllib.parse import urlparse

BODY = json.dumps({"model": "gpt-test", "messages": [
    {"role": "user", "content": "hello there"}]}).encode()
STREAM = json.dumps({"model": "slow", "stream": True, "messages": [
    {"role": "user", "content": "hello there"}]}).encode()
PROXY = os.environ.get("HTTPS_PROXY")


class Client:
    """`url`: of the server; without a proxy each server has a connection."""

    def __init__(self, url, via=None):
        self.url, to = url, urlparse(PROXY or url)
        if via:
            self.sock, self.file = via.sock, via.file
            return
        self.sock = socket.create_connection((to.hostname, to.port), 20)
        if to.scheme == "https":
            self.sock = ssl.create_default_context().wrap_socket(
                self.sock, server_hostname=to.hostname)
        self.file = self.sock.makefile("rb")

    def head(self, method, path, *lines, version="1.1"):
        more = ["Proxy-Connection: keep-alive", "proxy-authorization: Basic eDp5"]
        lines = [x for x in lines if x]
        return "\r\n".join([
            "%s %s%s HTTP/%s" % (method, self.url if PROXY else "", path, version),
            "Host: " + urlparse(self.url).netloc, *(more if PROXY else []),
            "Authorization: Bearer sk-Zq7fUnspeakable9Xw2", *lines, "", ""]).encode()

    def post(self, body=BODY, *lines, path="/v1/chat/completions", **more):
        return self.head("POST", path, "Content-Type: application/json",
                         "Content-Length: %d" % len(body), *lines, **more) + body

    def chunked(self, *lines):
        return self.head("POST", "/v1/chat/completions", "Transfer-Encoding: chunked",
                         "Content-Type: application/json", *lines) + (
            b"5;x=y\r\n%s\r\n%x\r\n%s\r\n0\r\nX-Behind: z\r\n\r\n" % (
                BODY[:5], len(BODY) - 5, BODY[5:]))

    def answer(self, method="POST"):
        class One:
            def makefile(_, mode):
                return self.file
        r = http.client.HTTPResponse(One(), method=method)
        r.close = lambda: None
        r.begin()
        r._close_conn = lambda: None
        print(r.status, r.getheaders(), r.read(), flush=True)

    def ask(self, data, method="POST"):
        self.sock.sendall(data)
        self.answer(method)


def main(how, url, other=None):
    c = Client(url)
    if how == "keep":
        c.ask(c.head("GET", "/v1/models"), "GET")
        c.ask(c.head("HEAD", "/v1/models"), "HEAD")
        c.ask(c.post())
        c.ask(c.chunked())
        c.ask(c.post(STREAM))
    elif how == "pipe":
        c.sock.sendall(c.post() + c.chunked() + c.head("GET", "/v1/models") + c.post())
        for method in "POST", "POST", "GET", "POST":
            c.answer(method)
    elif how == "expect":
        for path in "/v1/chat/completions", "/refused/x":
            whole = c.post(BODY, "Expect: 100-continue", path=path)
            c.sock.sendall(whole[:-len(BODY)])
            line = c.file.readline()
            print(line)
            if b" 100 " in line:
                c.file.readline()
                c.ask(BODY)
            else:
                c.file = io.BufferedReader(c.file)
                while (line := c.file.readline()).strip():
                    print(line)
    elif how == "tail":
        text = ("GET %s/v1/models HTTP/1.1\r\nHost: x\r\n\r\n" % other).encode()
        for waits in True, False:
            c = Client(url)
            whole = c.post(text, "Expect: 100-continue")
            c.sock.sendall(whole[:-len(text)] if waits else whole)
            print(c.file.readline(), c.file.readline())
            c.ask(text if waits else b"")
    elif how == "slow":
        for byte in c.chunked():
            c.sock.sendall(bytes([byte]))
        c.answer()
        c.ask(c.post())
    elif how == "half":
        c.sock.sendall(c.post(BODY, "Connection: close"))
        c.sock.shutdown(socket.SHUT_WR)
        c.answer()
    elif how == "old":
        c.sock.sendall(c.post(version="1.0"))
        print(c.file.read())
    elif how == "two":
        d = Client(other, c if PROXY else None)
        for one in c, d, d, c if PROXY else Client(url):
            one.ask(one.post())
    elif how == "bare":
        c.ask(c.head("GET", "" if PROXY else "/"), "GET")
        c.ask(c.head("GET", "?a=b" if PROXY else "/?a=b"), "GET")
        c.ask(c.head("OPTIONS", "" if PROXY else "*"), "OPTIONS")
    elif how == "switch":
        c.sock.sendall(c.head("GET", "/socket", "Connection: Upgrade", "Upgrade: odd"))
        while (line := c.file.readline()).strip():
            print(line)
        for data in b"\x81\x05hello", b"GET http://x/ HTTP/1.1\r\n\r\n", bytes(300000):
            c.sock.sendall(data)
            print(c.file.read(len(data)) == data)
        c.sock.shutdown(socket.SHUT_WR)
        print(c.file.read())
    elif how == "leave":
        c.sock.sendall(c.post(STREAM))
        print(c.file.read(8))
        sys.exit(4) # what else the server sent is a matter of time


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except (OSError, EOFError, ValueError, http.client.HTTPException) as error:
        print(type(error).__name__)
        sys.exit(3)
