"""Calls by Python's http.client. usage: client.py URL CA COUNT THREADS"""
import hashlib
import http.client
import json
import ssl
import sys
import threading
import urllib.parse

url, ca, count, threads = sys.argv[1:3] + [int(a) for a in sys.argv[3:]]
to = urllib.parse.urlsplit(url)
context = ssl.create_default_context(cafile=ca)
lines = []


def run(number):
    link = http.client.HTTPSConnection(to.hostname, to.port, context=context,
                                       timeout=60)
    for i in range(count):
        body = {"model": "gpt-test",
                "messages": [{"role": "user", "content": "hello there"}]}
        if i % 2:
            body.update(stream=True, stream_options={"include_usage": True})
        link.request("POST", to.path, json.dumps(body),
                     {"Authorization": "Bearer sk-SECRETKEY"})
        answer = link.getresponse()
        text = answer.read()
        lines.append("%d %d %d %s" % (number, i, answer.status,
                                      hashlib.md5(text).hexdigest()))
    link.close()


all = [threading.Thread(target=run, args=(n,)) for n in range(threads)]
for thread in all:
    thread.start()
for thread in all:
    thread.join()
print("\n".join(sorted(lines)))
