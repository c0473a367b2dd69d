"""tls_stress.py WAY PORT COUNT CA: the calls of stress.c over OpenSSL, by a socket
that blocks ("blocks"), one that does not ("waits") or memory ("memory")."""
import random
import select
import socket
import ssl
import sys

way, port, count, ca = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
MARK = b'"total_tokens": 2}}'
dice = random.Random(7)
context = ssl.create_default_context(cafile=ca)
raw = socket.create_connection(("localhost", port))
raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
came, answers = b"", 0


def note(data):
    global came, answers
    came += data
    answers += came.count(MARK)
    came = came.rpartition(MARK)[2][-1000:]


if way == "memory":
    inside, outside = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(inside, outside, server_hostname="localhost")

    def pump(wait):
        if outside.pending:
            raw.sendall(outside.read())
        if wait or select.select([raw], [], [], 0)[0]:
            inside.write(raw.recv(65536))

    def retried(function, *arguments):
        while True:
            try:
                return function(*arguments)
            except ssl.SSLWantReadError:
                pump(True)

    retried(tls.do_handshake)
else:
    if way == "waits":
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2304)
    tls = context.wrap_socket(raw, server_hostname="localhost")
    tls.setblocking(way == "blocks")


def put(data):
    while data:
        try:
            data = data[tls.write(data) if way == "memory" else tls.send(data):]
        except ssl.SSLWantWriteError:
            select.select([tls], [tls], [], 5)
            take(False)
        except ssl.SSLWantReadError:
            select.select([tls], [], [], 5)
    if way == "memory" and outside.pending:
        raw.sendall(outside.read())


def take(wait):
    if way == "memory":
        pump(wait)
    elif not tls.pending() and not select.select([tls], [], [], 5 * wait)[0]:
        return
    try:
        note(tls.read(65536))
        while way == "memory":
            note(tls.read(65536))
    except ssl.SSLWantReadError:
        pass


for n in range(count):
    length = dice.randrange(dice.choice([400] * 7 + [40000]))
    body = '{"model":"m","messages":[{"role":"user","content":"%s"}]}' % (
        chr(97 + n % 26) * length)
    head = ("POST /v1/chat/completions HTTP/1.1\r\nHost: localhost:%d\r\n"
            "Content-Type: application/json\r\nX-N: %d\r\nX-L: %d\r\n"
            "Content-Length: %d\r\n\r\n" % (port, n, length, len(body)))
    for part in [head + body] if dice.randrange(3) else [head, body]:
        put(part.encode())
    while n + 1 - answers > 30:
        take(True)
while answers < count:
    take(True)
print(answers, "answers")
