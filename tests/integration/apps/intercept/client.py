"""Clients over https, by HTTPS_PROXY where it is set, as programs are that bring
TLS of their own.  They trust SSL_CERT_FILE.

usage: client.py HOW HOST PORT [N]
  ask     N chat completions on one connection   stream  one as a stream
  flood   N connections at once                  big     20 MB up, and down
  half    ends its sending, reads on             late    asks, N s later again
  abort   leaves in the middle of a stream       reset   and resets it
  refuse  trusts nobody, twice                   plain   no TLS at all
  pin     N calls, each to a server with the certificate in the file PINNED
  pool    N connections at once, and uses one    leave   one, and uses the next
"""
import json
import os
import socket
import ssl
import struct
import sys
import threading
import time
from urllib.parse import urlparse


def reach(host, port):
    via = os.environ.get("HTTPS_PROXY")
    url = urlparse(via) if via else None
    sock = socket.create_connection(
        (url.hostname, url.port) if url else (host, port), 20)
    if url:
        sock.sendall(b"CONNECT %s:%d HTTP/1.1\r\nHost: %s:%d\r\n\r\n" % (
            host.encode(), port, host.encode(), port))
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            try:
                byte = sock.recv(1)
            except ConnectionResetError:
                raise ConnectionRefusedError("no connection")
            if not byte:
                raise ConnectionError("the proxy left")
            head += byte
        if b" 200" not in head:
            raise ValueError("no connection")
    return sock


def connect(host, port, trusting=True):
    context = ssl.create_default_context() if trusting else ssl.SSLContext(
        ssl.PROTOCOL_TLS_CLIENT)
    context.set_alpn_protocols(["http/1.1"])
    return context.wrap_socket(reach(host, port), server_hostname=host,
                               suppress_ragged_eofs=False)


def request(host, port, prompt="hello there", model="gpt-test", **more):
    body = json.dumps({"model": model, "messages": [
        {"role": "user", "content": prompt}], **more}).encode()
    return (b"POST /v1/chat/completions HTTP/1.1\r\nHost: %s:%d\r\nAuthorization: "
            b"Bearer sk-Zq7fUnspeakable9Xw2\r\nContent-Type: application/json\r\n"
            b"Content-Length: %d\r\n\r\n%s" % (host.encode(), port, len(body), body))


def answer(file):
    """The status and the body's length."""
    status = file.readline().split()[1]
    head = {}
    while line := file.readline().strip():
        name, value = line.split(b":", 1)
        head[name.lower()] = value.strip()
    if b"content-length" in head:
        return status, len(file.read(int(head[b"content-length"])))
    size = 0
    while n := int(file.readline(), 16):
        size += len(file.read(n))
        file.readline()
    file.readline()
    return status, size


def ask(sock, host, port, *more, **others):
    sock.sendall(request(host, port, *more, **others))
    return answer(sock.makefile("rb"))


def main(how, host, port, n):
    if how in ("ask", "stream", "late"):
        sock = connect(host, port)
        for i in range(2 if how == "late" else n):
            print(ask(sock, host, port, stream=how == "stream"), flush=True)
            if how == "late" and i == 0:
                time.sleep(n)
    elif how == "flood":
        done = []
        threads = [threading.Thread(target=lambda: done.append(
            ask(connect(host, port), host, port))) for _ in range(n)]
        [one.start() for one in threads]
        [one.join() for one in threads]
        print(sorted(done))
    elif how == "big":
        print(ask(connect(host, port), host, port, "x" * 20000000))
        print(ask(connect(host, port), host, port, model="huge"))
    elif how == "half":
        sock = connect(host, port)
        sock.sendall(request(host, port).replace(b"\r\n", b"\r\nConnection: close\r\n",
                                           1))
        socket.socket.shutdown(sock, socket.SHUT_WR)
        print(answer(sock.makefile("rb")))
    elif how in ("abort", "reset"):
        sock = connect(host, port)
        sock.sendall(request(host, port, model="slow", stream=True))
        print(sock.recv(8))
        if how == "reset":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                            struct.pack("ii", 1, 0))
        sock.close()
    elif how == "refuse":
        for _ in range(2):
            try:
                connect(host, port, False)
            except ssl.SSLError as e:
                print(e.reason)
    elif how == "pin":
        with open(os.environ["PINNED"]) as f:
            pinned = ssl.PEM_cert_to_DER_cert(f.read())
        for _ in range(n):
            sock = connect(host, port)
            good = sock.getpeercert(True) == pinned
            print(ask(sock, host, port) if good else "another")
            sock.close()
            time.sleep(0 if good else 0.5) # until the proxy knows
    elif how == "pool": # some are closed before that, some after it
        pool = [connect(host, port) for _ in range(n)]
        for sock in pool[1:n // 2]:
            sock.close()
        print(ask(pool[0], host, port))
        for sock in pool:
            sock.close()
    elif how == "leave":
        connect(host, port).close()
        time.sleep(0.2)
        print(ask(connect(host, port), host, port))
    elif how == "plain":
        sock = reach(host, port)
        sock.sendall(b"GET / HTTP/1.0\r\n\r\n")
        print(sock.recv(100))


if __name__ == "__main__":
    try:
        main(sys.argv[1], sys.argv[2], int(sys.argv[3]),
             int((sys.argv + [1])[4] if len(sys.argv) > 4 else 1))
    except (OSError, EOFError, ValueError, IndexError) as error:
        print(type(error).__name__, getattr(error, "reason", ""))
        sys.exit(3)
