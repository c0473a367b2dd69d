"""usage: pty_client.py INTERFACE URL (MODE FILE)...

Starts curl on a terminal of its own, as an editor starts its subprocesses, and
reads head and body of the answer as they come (gptel.el has the arguments).
easy: the body is an argument; multi: a file.
"""
import os
import re
import subprocess
import sys


def read_all(fd):
    out = b""
    while True:
        try:
            piece = os.read(fd, 4096)
        except OSError:  # what a terminal says at its end
            return out
        if not piece:
            return out
        out += piece


def ask(interface, url, mode, file):
    with open(file) as f:
        body = ["-d" + f.read()]
    if interface == "multi":
        body = ["--data-binary", "@" + file]
    ours, its = os.openpty()
    curl = subprocess.Popen(
        ["curl", "--location", "--silent", "--compressed", "--disable",
         "-XPOST", "-w(token . %{size_header})",
         "-m0.6" if mode == "timeout" else "-m300", "-D-", *body,
         "-HContent-Type: application/json", url],
        stdin=its, stdout=its, stderr=its, start_new_session=True)
    os.close(its)
    said = read_all(ours)
    os.close(ours)
    print(mode, curl.wait(), re.sub(rb"Date: [^\r]*", b"", said))
    return curl.returncode != 0


def main():
    interface, url, *rest = sys.argv[1:]
    sys.exit(sum(ask(interface, url, mode, file)
                 for mode, file in zip(rest[::2], rest[1::2])))


main()
