"""usage: pycurl_client.py INTERFACE URL (MODE FILE)..."""
import io
import sys

import pycurl


def perform_multi(c):
    m = pycurl.CurlMulti()
    m.add_handle(c)
    running = 1
    while running:
        state, running = m.perform()
        m.select(0.1)
    failed = m.info_read()[2]
    m.remove_handle(c)
    m.close()
    if failed:
        raise pycurl.error(*failed[0][1:])


def ask(interface, url, mode, file):
    sink = io.BytesIO()
    result = 0
    c = pycurl.Curl()
    c.setopt(c.URL, url)
    c.setopt(c.HTTPHEADER, ["Content-Type: application/json"])
    c.setopt(c.POSTFIELDS, open(file).read())
    if mode == "abort":
        c.setopt(c.WRITEFUNCTION, lambda data: 0)
    else:
        c.setopt(c.WRITEDATA, sink)
    if mode == "timeout":
        c.setopt(c.TIMEOUT_MS, 600)
    try:
        perform_multi(c) if interface == "multi" else c.perform()
    except pycurl.error as e:
        result = e.args[0]
    print(mode, result, c.getinfo(c.RESPONSE_CODE), sink.getvalue())
    c.close()
    return result != 0


pairs = zip(sys.argv[3::2], sys.argv[4::2])
sys.exit(sum(ask(sys.argv[1], sys.argv[2], *p) for p in pairs))
