"""A program whose base URL cannot be set: argv[1] stands for the text in its
source, argv[2] is the port of a server that is no model's. It uses one handle,
with a setting that leads to that server, a twin, and two handles of a multi."""
import io
import json
import sys

import pycurl

MODEL, PORT = sys.argv[1:]


def handle(**more):
    c = pycurl.Curl()
    c.setopt(c.HTTPHEADER, ["Content-Type: application/json",
                            "Authorization: Bearer sk-Zq7fUnspeakable9Xw2"])
    for name, value in more.items():
        c.setopt(getattr(c, name), value)
    return c


def aim(c, text):
    c.said = io.BytesIO()
    c.setopt(c.URL, MODEL + "/chat/completions")
    c.setopt(c.POSTFIELDS, json.dumps({"model": "m", "messages": [
        {"role": "user", "content": text}]}))
    c.setopt(c.WRITEDATA, c.said)


def show(c):
    print(c.getinfo(c.RESPONSE_CODE), c.said.getvalue().decode())


def ask(c, text):
    aim(c, text)
    c.perform()
    show(c)


one = handle(CONNECT_TO=["elsewhere.invalid:80:127.0.0.1:" + PORT])
ask(one, "first")
one.setopt(one.URL, "http://elsewhere.invalid/other")
one.setopt(one.HTTPGET, 1)
one.said = io.BytesIO()
one.setopt(one.WRITEDATA, one.said)
one.perform()
show(one)
ask(one, "again")
twin = one.duphandle()
ask(twin, "of the twin")

multi = pycurl.CurlMulti()
both = [handle(), handle()]
for i, c in enumerate(both):
    aim(c, "in a multi, %d" % i)
    multi.add_handle(c)
left = 1
while left:
    left = multi.perform()[1]
    multi.select(0.1)
for c in both:
    multi.remove_handle(c)
    show(c)
