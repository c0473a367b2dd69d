"""Connects to the proxy of its run for a test, which is no process of the run.

usage: door.py NAME PROXY: NAME of the test's abstract socket. For a byte it
gives a connection; for the next one it has no more of it, and says so.
"""
import socket
import sys

port = int(sys.argv[2].rsplit(":", 1)[1])
with socket.socket(socket.AF_UNIX) as to:
    to.connect("\0" + sys.argv[1])
    while to.recv(1):
        with socket.create_connection(("127.0.0.1", port)) as sock:
            socket.send_fds(to, [b"x"], [sock.fileno()])
            to.recv(1)
        to.send(b"x")
