"""unread.py CASE URL BODY...: makes calls in a multi and ends by _exit before it
reads the message. CASE "child": a child completes its parent's transfer; "both":
the parent completes it as well; "first": it reads the first message, while other
transfers go on."""
import os
import sys

import pycurl


def drive(multi):
    while multi.perform()[1]:
        multi.select(0.5)


def make(url, body):
    easy = pycurl.Curl()
    easy.setopt(pycurl.URL, url)
    easy.setopt(pycurl.POSTFIELDS, body)
    easy.setopt(pycurl.HTTPHEADER, ["Content-Type: application/json"])
    easy.setopt(pycurl.WRITEFUNCTION, lambda data: None)
    return easy


def main():
    case, url, *bodies = sys.argv[1:]
    multi = pycurl.CurlMulti()
    all_of_them = [make(url, body) for body in bodies]
    for easy in all_of_them:
        multi.add_handle(easy)
    if case == "first":
        while multi.perform()[1] == len(bodies) or not multi.info_read()[1]:
            multi.select(0.5)
        os._exit(0)
    if case != "exit":
        multi.perform()
        child = os.fork()
        if child == 0:
            drive(multi)
            os._exit(0)
        os.waitpid(child, 0)
    if case != "child":
        drive(multi)
    os._exit(0)


main()
