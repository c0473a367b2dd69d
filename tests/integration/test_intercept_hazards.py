"""Hazards of connections by the proxy of `llmobs-run --intercept`: each end sees
what it would see without it."""
import contextlib
import json
import os
import resource
import re
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time

from delivery import counts, wait_for
from harness import APPS, equal, ok, test
from pairs import End, Place, whole
from test_intercept import SYSTEM, by_age, doctor
from test_tls import frame
from websocket_server import frame as unmasked

sys.path.append(os.path.join(APPS, "intercept"))
from client import request  # noqa: E402

ANSWER = (b'{"id": "c1", "object": "chat.completion", "model": "gpt-test", '
          b'"choices": [{"index": 0, "finish_reason": "stop", "message": '
          b'{"role": "assistant", "content": "hi"}}]}')
ANSWER = (b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
          b"Content-Length: %d\r\n\r\n%s" % (len(ANSWER), ANSWER))


def same(place, rows, play, **env):
    """Plays each row bare, and by a run's proxy; what is seen must be equal.
    Gives the prompts of the spans."""
    bare = [play(place, row) for row in rows]
    place.begin(env)
    for row, wanted in zip(rows, bare):
        equal(play(place, row), wanted, row)
    return prompts(place.over())


def prompts(spans):
    return sorted(span["meta"]["input"]["messages"][0]["content"]
                  for span in spans)


def call(pair, prompt):
    """A call of one end to the other."""
    client, server = pair
    asked = request("localhost", 1, prompt)
    client.send(asked)
    equal(server.take(len(asked)), asked, "request")
    server.send(ANSWER)
    equal(client.take(len(ANSWER)), ANSWER, "answer")


def close(pair):
    for one in pair:
        one.sock.close()


# ---- how connections end ---------------------------------------------------------

# Each step: who acts, the client, or in capitals the server; the other tells what
# it sees. d: sends some bytes; n: close_notify; f: FIN; p: FIN amid a record;
# r: reset; c: closes.
ENDS = ["dD nf NF", "n D NF f", "N d nf F", "f D NF", "F d nf", "f D F", "F d f",
        "nf D NF", "NF d nf", "n D r", "N d R", "dDr", "dDR", "f D R", "F d r",
        "p D NF", "P d nf", "dp NF", "DP nf", "n N f F", "c", "C", "nc", "NC",
        "d c", "D C"]


def ends(place, row):
    tls, steps = row
    pair = place.both() if tls else place.plain()
    seen = []
    for step in steps.replace(" ", ""):
        way = step.isupper()
        me, other = pair[way], pair[not way]
        what = step.lower()
        if what == "d":
            me.send(b"some bytes" * 3)
            seen.append(other.take(30))
        elif what == "p":
            me.sock.sendall(me.seal(b"some bytes")[:-3] if tls else b"x")
            me.fin()
            seen.append(other.rest())
        elif what == "n" and tls:
            me.notify()
            seen.append(other.some())
        elif what == "f":
            me.fin()
            seen.append(other.raw())
        elif what == "r":
            me.reset()
            seen.append(other.rest())
        elif what == "c":
            me.sock.close()
            seen.append(other.rest())
    close(pair)
    return seen


@test
def connections_end(t):
    rows = [(tls, steps) for tls in (True, False) for steps in ENDS]
    same(Place(t), rows, ends)


# ---- readers that are slow -------------------------------------------------------

MUCH = bytes(range(251)) * 4 * 8192


def leaves(end, how):
    if end.tls and how == "notify":
        end.notify()
    end.fin()


def says_and_ends(end, how):
    """In the background, as what reads it is slow."""
    def go():
        for at in range(0, len(MUCH), 100000):
            end.send(MUCH[at:at + 100000])
        leaves(end, how)
    threading.Thread(target=go, daemon=True).start()


def after_the_other(place, row):
    """One end has nothing more to say; the other says much to it, and ends,
    before that reads: no byte of it is lost."""
    tls, way, how = row
    pair = place.both() if tls else place.plain()
    first, other = pair[way], pair[not way]
    leaves(first, how)
    seen = [other.some()]
    says_and_ends(other, how)
    got = b""
    while len(got) < len(MUCH) * 3 // 4:
        time.sleep(0.001)
        got += first.some()
    time.sleep(0.3)
    data, *seen[1:] = first.rest()
    equal(got + data == MUCH, True, "the bytes")
    close(pair)
    return seen


@test
def much_after_an_end(t):
    same(Place(t), [(tls, way, how) for tls in (True, False)
                    for way in (True, False) for how in ("notify", "fin")],
         after_the_other)


def spent(pid):
    """Seconds of processor time."""
    with open("/proc/%d/stat" % pid) as f:
        words = f.read().rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def memory(pid):
    """The most that it had at once, in KiB."""
    with open("/proc/%d/status" % pid) as f:
        return int(next(x for x in f if x.startswith("VmHWM")).split()[1])


@test
def readers_that_stop(t):
    """Who sends to one that does not read has to wait, as bare; the proxy keeps
    little of it, and takes no processor time meanwhile."""
    place = Place(t)
    place.begin()
    proxy = by_age(t)[2]
    call(place.both(), "first")
    before = memory(proxy)
    all_of_it = MUCH * 4
    pairs = [place.both() if tls else place.plain() for tls in (True, False) * 4]
    sealed, sent = [[b"", b""] for _ in pairs], [[0, 0] for _ in pairs]
    # Both directions of each, until nothing more is taken.
    quiet = 0
    while quiet < 20:
        quiet += 1
        for pair, texts, counts in zip(pairs, sealed, sent):
            for way in 0, 1:
                while True:
                    if not texts[way]:
                        piece = all_of_it[counts[way]:counts[way] + 10000]
                        ok(piece, "all was taken by nobody")
                        texts[way] = pair[way].seal(piece) if pair[way].tls else piece
                        counts[way] += len(piece)
                    try:
                        pair[way].sock.settimeout(0)
                        n = pair[way].sock.send(texts[way])
                        texts[way], quiet = texts[way][n:], 0
                    except BlockingIOError:
                        break
        time.sleep(0.02)
    used = spent(proxy)
    time.sleep(1)
    ok(spent(proxy) - used < 0.2, "it is busy: %s" % (spent(proxy) - used))
    ok(memory(proxy) - before < 8 * 1024, (before, memory(proxy)))
    for pair, texts, counts in zip(pairs, sealed, sent):
        for one in pair:
            one.sock.settimeout(30)
        for way in 0, 1:
            me, other = pair[way], pair[not way]
            thread = threading.Thread(target=me.sock.sendall, args=(texts[way],))
            thread.start()
            ok(other.take(counts[way]) == all_of_it[:counts[way]], "bytes")
            thread.join()
        close(pair)
    equal(prompts(place.over()), ["first"], "prompts")


@test
def memory_is_short(t):
    """A connection that has rested passes bytes also where no memory is left."""
    place = Place(t)
    place.begin()
    proxy, pairs = by_age(t)[2], [place.both(), place.plain()]
    for pair in pairs:
        call(pair, "first")
    time.sleep(0.5)
    _, hard = resource.prlimit(proxy, resource.RLIMIT_AS)
    resource.prlimit(proxy, resource.RLIMIT_AS, (1 << 20, hard))
    for client, server in pairs:
        for one, other in (client, server), (server, client):
            one.send(b"some bytes")
            equal(other.take(10), b"some bytes", "bytes")
    resource.prlimit(proxy, resource.RLIMIT_AS, (hard, hard))
    for pair in pairs:
        close(pair)
    place.over()


@test
def connections_at_rest(t):
    """Whatever has ended, a connection that waits takes no processor time."""
    place = Place(t)
    place.begin()
    proxy, pairs = by_age(t)[2], []
    for how in "", "f", "F", "n", "N", "nf", "NF":
        for tls in True, False:
            pair = place.both() if tls else place.plain()
            pairs.append(pair)
            for step in how:
                me = pair[step.isupper()]
                if step in "fF":
                    me.fin()
                elif tls:
                    me.notify()
    half = place.dial() # and says nothing, or half a hello
    other = place.dial()
    other.sendall(b"\x16\x03\x01\x02\x00\x01")
    time.sleep(0.3)
    used = spent(proxy)
    time.sleep(1)
    ok(spent(proxy) - used < 0.2, "it is busy: %s" % (spent(proxy) - used))
    for pair in pairs:
        close(pair)
    half.close()
    other.close()
    place.over()


@test
def more_than_the_limit(t):
    """The proxy has two descriptors for each that a program has: so it takes as
    many as it may, and the program keeps the limit that it had."""
    place, (_, most) = Place(t), resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (250, most))
    try:
        place.begin()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 2000), most))
    equal(place.tell("ulimit -Sn"), "250\n", "the program's limit")
    pairs = [place.plain() for _ in range(240)]
    for client, server in pairs:
        client.send(b"a")
        equal(server.take(1), b"a", "the byte")
    for pair in pairs:
        close(pair)
    place.over()


@test
def more_than_its_files(t):
    """Where a hard limit leaves the proxy no files, connections pass unread, end as
    bare, and are told; later ones are read."""
    place = Place(t)
    place.begin(by=["prlimit", "--nofile=128:128"])
    pairs = []
    for number in range(60):
        pairs.append(place.both())
        call(pairs[-1], "no. %02d" % number)
    pairs += [place.plain() for _ in range(90)]
    for client, server in pairs:
        client.send(b"a")
        equal(server.take(1), b"a", "the byte")
    for client, server in pairs[:59:2]:
        server.notify()
        server.fin()
        client.notify()
        client.fin()
        equal((server.rest(), client.rest()), ((b"", "notify", "fin"),) * 2, "ends")
    for pair in pairs:
        close(pair)
    proxy = "/proc/%d/task" % by_age(t)[2]
    ok(wait_for(lambda: len(os.listdir(proxy)) < 10), "they have ended")
    call(place.both(), "no. 60")
    told = prompts(place.over())
    equal(told, ["no. %02d" % i for i in range(32)] + ["no. 60"], "prompts")
    equal(counts(t)["intercept_many"], 28 + 90, "those that were not read")
    ok("`ulimit -Hn`" in doctor(t), "doctor")


# ---- the client's first message --------------------------------------------------

def each(size):
    return lambda data: [data[at:at + size] for at in range(0, len(data), size)]


def records(size):
    """The message in records of so many bytes."""
    def cut(data):
        return [b"".join(data[:3] + len(piece).to_bytes(2, "big") + piece
                         for piece in each(size)(data[5:]))]
    return cut


def late(data):
    yield data[:3]
    time.sleep(1)
    yield data[3:200]
    time.sleep(1)
    yield data[200:]


# Which, how it goes, the protocols that it offers, the name, and is it read?
HELLOS = [
    ("as it is", whole, ["http/1.1"], "localhost", True),
    ("byte by byte", each(1), ["http/1.1"], "localhost", True),
    ("in records", records(100), ["http/1.1"], "localhost", True),
    ("in records of a byte", records(1), ["http/1.1"], "localhost", True),
    ("late", late, ["http/1.1"], "localhost", True),
    ("no protocol", whole, [], "localhost", True),
    ("an odd protocol", whole, ["odd/9"], "localhost", True),
    ("many", whole, ["proto-%03d" % i for i in range(45)] + ["http/1.1"],
     "localhost", True),
    ("too many", whole, ["proto-%03d" % i for i in range(200)] + ["http/1.1"],
     "localhost", False),
    ("HTTP/2 is not spoken there", whole, ["h2", "http/1.1"], "localhost", True),
    ("another case", whole, ["http/1.1"], "LocalHost", True),
    ("no name", whole, ["http/1.1"], None, False),
    ("an address", whole, ["http/1.1"], "127.0.0.1", False),
    ("another's name", whole, ["http/1.1"], "gw.example", False)]


def hello(place, row):
    what, cut, protocols, name, _ = row
    seen = []
    client = place.trusting(protocols)
    client.check_hostname = name is not None
    place.context.sni_callback = lambda _, name, __: seen.append(name)
    pair = place.both(client, cut, name=name)
    seen += [end.tls.selected_alpn_protocol() for end in pair]
    call(pair, what)
    close(pair)
    return seen[-3:]


@test
def first_messages(t):
    equal(same(Place(t), HELLOS, hello),
          sorted(row[0] for row in HELLOS if row[-1]), "prompts")


@test
def resumed(t):
    """A client that offers a session of before the run, or of the proxy, has its
    call as bare; each is one span."""
    place, contexts, sessions = Place(t), {}, {}
    place.context.num_tickets = 2
    for number in range(4):
        if number == 1:
            place.begin()
        for version in V12, V13:
            if number == 0:
                contexts[version] = place.trusting()
                by(version)(contexts[version])
            elif number == 1:
                contexts[version].load_verify_locations(cafile=place.trust)
            pair = place.both(contexts[version], session=sessions.get(version))
            call(pair, "no. %d" % number)
            sessions[version] = pair[0].tls.session
            ok(sessions[version], "a session")
            close(pair)
    equal(prompts(place.over()), sorted(2 * ["no. 1", "no. 2", "no. 3"]),
          "prompts")


# ---- servers, and what clients can ------------------------------------------------

def leaf(t, name, key="ec", names=None, days="2", more=""):
    """A certificate of the tests' authority, and its key."""
    home, own = os.path.dirname(t.servers.cert), os.path.join(t.dir, name)
    kind = ["ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    with open(home + "/ext") as f:
        text = f.read() + more
    with open(own + ".ext", "w") as f:
        f.write(re.sub("=DNS.*", "=" + names, text) if names else text)
    for words in (["req", "-newkey", *(kind if key == "ec" else [key]), "-nodes",
                   "-keyout", own + ".key", "-out", own + ".csr", "-subj", "/CN=x"],
                  ["x509", "-req", "-in", own + ".csr", "-days", days, "-extfile",
                   own + ".ext", "-out", own + ".pem", *(
                       ["-signkey", own + ".key"] if name == "own" else
                       ["-CA", t.servers.cert, "-CAkey", home + "/ca.key",
                        "-CAserial", own + ".srl", "-CAcreateserial"])]):
        subprocess.run(["openssl", *words], check=True, stderr=subprocess.DEVNULL)
    return own + ".pem", own + ".key"


def asks(server, how):
    server.verify_mode = how
    server.load_verify_locations(cafile=SYSTEM)


def old(context):
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("DEFAULT:@SECLEVEL=0")


def by(version, ciphers=None, curve=None):
    def limit(context):
        context.minimum_version = context.maximum_version = version
        if ciphers:
            context.set_ciphers(ciphers)
        if curve:
            context.set_ecdh_curve(curve)
    return limit


V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
# Which, its certificate, what becomes of the two contexts, is it read?
SERVERS = [
    ("good", {}, None, None, True),
    ("expired", {"days": "-1"}, None, None, False),
    ("own", {}, None, None, False),
    ("other", {"names": "DNS:gw.example"}, None, None, False),
    ("staple", {"more": "tlsfeature=status_request\n"}, None, None, True),
    ("asks", {}, lambda s: asks(s, ssl.CERT_OPTIONAL), None, False),
    ("needs", {}, lambda s: asks(s, ssl.CERT_REQUIRED), None, False),
    ("needs12", {}, lambda s: (asks(s, ssl.CERT_REQUIRED), by(V12)(s)), None, False),
    ("rsa", {"key": "rsa:2048"}, None, None, True),
    ("rsa12", {"key": "rsa:2048"}, by(V12), None, True),
    ("rsa-client", {"key": "rsa:2048"}, None,
     by(V12, "ECDHE-RSA-AES128-GCM-SHA256"), False),
    ("curve12", {"key": "rsa:2048"}, None, by(V12, curve="secp521r1"), False),
    ("curve13", {}, None, by(V13, curve="secp521r1"), True),
    ("hello-retry", {}, lambda s: s.set_ecdh_curve("secp521r1"), None, True),
    ("old", {}, old, old, False),
    ("old-server", {}, old, None, False),
    ("old-client", {}, None, old, False)]


def meets(place, row):
    name, _, server, client, _ = row
    contexts = place.proving(place.leaves[name]), place.trusting()
    for change, context in zip((server, client), contexts):
        if change:
            change(context)
    pair = place.both(contexts[1], server=contexts[0])
    if not isinstance(pair[0], End):
        return pair[0]
    if not pair[1]:
        return pair[0].rest()
    call(pair, name)
    close(pair)
    return "a call"


@test
def servers(t):
    """The program itself sees, and says, what is wrong with a server; a client
    that cannot speak to the proxy speaks to the server."""
    place = Place(t)
    place.leaves = {row[0]: leaf(t, row[0], **row[1]) for row in SERVERS}
    equal(same(place, SERVERS, meets), sorted(x[0] for x in SERVERS if x[-1]),
          "prompts")


# ---- HTTP/2 and websockets ---------------------------------------------------------

def asked_by_http2(stream, prompt):
    path, host = b"/v1/chat/completions", b"localhost"
    body = json.dumps({"model": "gpt-test", "messages": [
        {"role": "user", "content": prompt}]}).encode()
    block = b"\x83\x87\x04%c%b\x01%c%b\x0f\x10\x10application/json" % (
        len(path), path, len(host), host)
    return frame(1, 4, stream, block) + frame(0, 1, stream, body)


def answered_by_http2(stream):
    return frame(1, 4, stream, b"\x88") + frame(
        0, 1, stream, ANSWER.partition(b"\r\n\r\n")[2])


def many_streams():
    """In turn what the client says and what the server; each third stream is
    answered, left by the client, or reset by the server, half of these as one
    that it has not begun. Of those above the last stream of the GOAWAY the
    server knows nothing."""
    streams, odd = range(1, 121, 2), struct.pack(">I", 2)
    yield b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0) + b"".join(
        asked_by_http2(n, "no. %d" % n) for n in streams if n < 61)
    yield frame(4, 0, 0) + frame(4, 1, 0) + b"".join(
        answered_by_http2(n) if n % 3 == 0 else
        frame(3, 0, n, b"\0\0\0\7" if n % 4 == 1 else odd)
        for n in streams if n < 61 and n % 3 < 2)
    yield b"".join(frame(3, 0, n, b"\0\0\0\10")
                   for n in streams if n < 61 and n % 3 == 2) + b"".join(
        asked_by_http2(n, "no. %d" % n) for n in streams if n > 61)
    yield frame(7, 0, 0, struct.pack(">II", 91, 0)) + b"".join(
        answered_by_http2(n) for n in streams if 61 < n <= 91)
    yield frame(6, 0, 0, bytes(8)) + frame(3, 0, 119, odd)
    yield frame(6, 1, 0, bytes(8)) + frame(0x77, 0xff, 119, b"unknown")


def masked(opcode, text, first=0x80, wide=0):
    """A frame of a client; `wide`: its length takes 2 or 8 bytes."""
    wide = wide or (0 if len(text) < 126 else 2)
    size = (bytes([128 | len(text)]) if not wide else
            bytes([254 if wide == 2 else 255]) + len(text).to_bytes(wide, "big"))
    mask = b"\x11\x22\x33\x44"
    return bytes([first | opcode]) + size + mask + bytes(
        b ^ mask[i % 4] for i, b in enumerate(text))


def odd_frames():
    """A conversation whose frames come as few libraries send them."""
    def create(prompt):
        return json.dumps({"type": "response.create", "model": "gpt-test",
                           "input": prompt}).encode()

    def done(number):
        of = {"id": "resp_%d" % number, "model": "gpt-test", "status": "completed",
              "output": [{"type": "message", "role": "assistant", "content": [
                  {"type": "output_text", "text": "hi"}]}]}
        return [json.dumps({"type": "response.created", "response": {
            "id": of["id"]}}).encode(), json.dumps(
                {"type": "response.completed", "response": of}).encode()]

    yield (b"GET /v1/responses HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
           b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
           b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n")
    yield (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
           b"Connection: Upgrade\r\nSec-WebSocket-Accept: "
           b"ICX+Yqv66kxgM0FcWaLWlFLwTAI=\r\n\r\n" + unmasked(9, b"are you there"))
    # In pieces of a byte, a ping among them, the last one empty.
    text = create("in pieces")
    yield masked(1, text[:1], 0) + b"".join(
        masked(0, text[i:i + 1], 0) for i in range(1, len(text))) + masked(
            10, b"are you there") + masked(0, b"")
    first, last = done(1)
    yield unmasked(1, first) + b"".join(
        unmasked(0 if i else 1, last[i:i + 40], 0) + unmasked(10, b"")
        for i in range(0, len(last), 40)) + unmasked(0, b"")
    # Lengths that take more bytes than they need, and two messages at once.
    yield masked(1, create("wide"), wide=8) + masked(9, b"x" * 125)
    yield b"".join(unmasked(1, x) for x in done(2)) + unmasked(2, bytes(60000))
    # A message that no JSON is, a close, and bytes behind it.
    yield masked(1, b"\xff\xfe{") + masked(1, create("last")) + masked(
        8, b"\x03\xe8bye")
    yield unmasked(1, done(3)[0]) + unmasked(8, b"\x03\xe9") + b"behind the close"


CONVERSATIONS = [("h2", many_streams, whole), ("h2", many_streams, each(7)),
                 ("http/1.1", odd_frames, whole), ("http/1.1", odd_frames, each(3))]


def converse(place, row):
    protocol, of, cut = row
    pair = place.both(place.trusting((protocol,)),
                      server=place.proving(place.t.servers.own, (protocol,)))
    for i, text in enumerate(of()):
        me, other = pair[i % 2], pair[not i % 2]
        sender = threading.Thread(
            target=lambda me=me, text=text: [me.send(x) for x in cut(text)])
        sender.start()
        ok(other.take(len(text)) == text, "bytes of step %d" % i)
        sender.join()
    pair[1].notify()
    pair[1].fin()
    seen = [pair[0].tls.selected_alpn_protocol(), pair[0].rest()]
    close(pair)
    return seen


@test
def frames(t):
    """Streams that are reset, and odd frames of a websocket, pass as they are;
    each stream that the server has begun is a call."""
    got = same(Place(t), CONVERSATIONS, converse, LLMOBS_INJECT="none")
    begun = [n for n in range(1, 92, 2) if n < 61 and (
        n % 3 != 1 or n % 4 != 1) or n > 61]
    equal(got, sorted(2 * (["no. %d" % n for n in begun] + [
        "in pieces", "wide", "last"])), "prompts")


# ---- no TLS ------------------------------------------------------------------------

# What each end says in turn, the client first.
SAID = [
    [b"\x80\x2e\x01\x03\x01" + bytes(41), b"\x15\x03\x01\x00\x02\x02\x28"],
    [b"\x16", b"", b"\x03\x01\x00\x00", b"odd"],
    [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(99)],
    [b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x03", b"short"],
    [b"", b"220 mail\r\n", b"EHLO x\r\n", b"250 STARTTLS\r\n", b"STARTTLS\r\n",
     b"220 go\r\n", b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x03", b"\x16"],
    [b"SSH-2.0-x\r\n", b"SSH-2.0-y\r\n"],
    [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", bytes(9)],
    [b"\x00", b"\x00"]]


def says(place, row):
    pair, seen = place.plain(), []
    for i, text in enumerate(row):
        me, other = pair[i % 2], pair[not i % 2]
        if text and not (row + [b""])[i + 1] and i % 2 == 0:
            me.send(text) # the rest comes later, or never
            time.sleep(0.2)
        elif text:
            me.send(text)
            before = row[i - 2] if i > 1 and not row[i - 1] else b""
            seen.append(other.take(len(before + text)))
    for end in pair:
        end.fin()
    seen += [end.rest() for end in pair]
    close(pair)
    return seen


@test
def no_tls(t):
    """The bytes pass as they are, whoever speaks first."""
    equal(same(Place(t), SAID, says), [], "prompts")
    equal({k: v for k, v in counts(t).items() if k.startswith("intercept") and v},
          {"intercept_odd": len(SAID)}, "counts")


# ---- what the proxy is asked ---------------------------------------------------------

def connects(place, row):
    """The way of the head, and of the first message behind it."""
    head, pieces, more = row
    where = b"localhost:%d" % place.port
    sock = place.door.dial()
    client = End(sock, place.trusting())
    with contextlib.suppress(ssl.SSLWantReadError):
        client.tls.do_handshake()
    text = head.replace(b"WHERE", where) + b"\r\n\r\n"
    first = client.go.read()
    for piece in pieces(text + (first if more else b"")):
        sock.sendall(piece)
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        answer += sock.recv(1) or b"the end\r\n\r\n"
    place.door.left()
    if b" 200 " not in answer:
        return answer
    if not more:
        sock.sendall(first)
    server = End(place.listener.accept()[0], place.context, server=True)
    thread = threading.Thread(target=server.shake)
    thread.start()
    client.shake()
    thread.join()
    call((client, server), "hello")
    close((client, server))
    return answer


HEADS = [
    (b"CONNECT WHERE HTTP/1.1\r\nHost: WHERE", whole, False),
    (b"CONNECT WHERE HTTP/1.1\r\nHost: WHERE", each(1), False),
    (b"CONNECT WHERE HTTP/1.1\r\nHost: WHERE", whole, True),
    (b"CONNECT WHERE HTTP/1.1\r\nHost: WHERE", each(7), True),
    (b"CONNECT WHERE HTTP/1.0", whole, False),
    (b"CONNECT WHERE HTTP/1.1\r\nX: " + b"y" * 15000, whole, True),
    (b"CONNECT WHERE HTTP/1.1\r\nX: " + b"y" * 60000, whole, True),
    (b"CONNECT WHERE HTTP/1.1\r\nContent-Length: 0\r\nProxy-Connection: close",
     whole, True)]


@test
def heads(t):
    """Of a CONNECT: in pieces, long, and with the first message behind it."""
    place = Place(t)
    place.begin()
    for row in HEADS:
        equal(connects(place, row), b"HTTP/1.1 200 Connection established\r\n\r\n",
              row)
    sock = place.door.dial()
    sock.sendall(b"CONNECT x HTTP/1.1\r\nX: " + b"y" * 70000)
    equal(End(sock).rest()[0], b"", "the answer to a head without an end")
    place.door.left()
    equal(len(place.over()), len(HEADS), "spans")
