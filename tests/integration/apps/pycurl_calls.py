"""pycurl: usage: pycurl_calls.py easy|multi|reuse|callbacks URL BODY..."""
import io
import sys

import pycurl


def make(url, body, sink):
    c = pycurl.Curl()
    c.setopt(c.URL, url)
    c.setopt(c.HTTPHEADER, ["Content-Type: application/json"])
    c.setopt(c.POSTFIELDS, body)
    c.setopt(c.WRITEDATA, sink)
    return c


def easy(url, bodies):
    for body in bodies:
        sink = io.BytesIO()
        c = make(url, body, sink)
        c.perform()
        print(c.getinfo(c.RESPONSE_CODE), sink.getvalue())
        c.close()


def reuse(url, bodies):
    sink = io.BytesIO()
    c = make(url, "", sink)
    for body in bodies:
        c.setopt(c.POSTFIELDS, body)
        c.perform()
    c.reset()
    c.setopt(c.URL, url.replace("/chat/completions", "/models"))
    c.setopt(c.WRITEDATA, sink)
    c.perform()
    c.close()
    print(sink.getvalue())


def callbacks(url, bodies):
    """READFUNCTION upload, HEADERFUNCTION, a write callback that pauses."""
    for body in bodies:
        source = io.BytesIO(body.encode())
        lines, parts = [], []
        c = pycurl.Curl()
        c.setopt(c.URL, url)
        c.setopt(c.POST, 1)
        c.setopt(c.POSTFIELDSIZE, len(body))
        c.setopt(c.HTTPHEADER, ["Content-Type: application/json", "Expect:"])
        c.setopt(c.READFUNCTION, source.read)
        c.setopt(c.HEADERFUNCTION, lines.append)
        c.setopt(c.WRITEFUNCTION, parts.append)
        c.perform()
        c.close()
        print(lines, b"".join(parts))


def multi(url, bodies):
    m = pycurl.CurlMulti()
    handles = []
    for body in bodies:
        sink = io.BytesIO()
        c = make(url, body, sink)
        m.add_handle(c)
        handles.append((c, sink))
    running = 1
    while running:
        while True:
            state, running = m.perform()
            if state != pycurl.E_CALL_MULTI_PERFORM:
                break
        m.select(0.2)
    left, good, bad = m.info_read()
    print(len(good), len(bad))
    for c, sink in handles:
        m.remove_handle(c)
        print(c.getinfo(c.RESPONSE_CODE), sink.getvalue())
        c.close()
    m.close()


{"easy": easy, "multi": multi, "reuse": reuse,
 "callbacks": callbacks}[sys.argv[1]](sys.argv[2], sys.argv[3:])
