"""Ports of loopback for the servers of tests."""
import random
import socket


def free_port():
    """Below those that the kernel gives to whoever asks for any: it would be
    somebody's before it is used, now and then."""
    for port in random.SystemRandom().sample(range(10000, 32000), 100):
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise RuntimeError("no port is free")
