#!/usr/bin/python3
"""README: its sample is what the command before it prints, it is short, and the set-up
is two commands in one block.

usage: readme.py BUILD_DIR
"""
import contextlib
import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import tempfile
import termios
import time

sys.dont_write_bytecode = True
from checks import check  # noqa: E402

BUILD = os.path.realpath(sys.argv[1])
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TMP = tempfile.TemporaryDirectory(prefix="llmobs-readme.")
ENV = {"PATH": "/usr/bin:/bin", "HOME": TMP.name, "TZ": "UTC", "LANG": "C.UTF-8",
       "TERM": "xterm", "NO_COLOR": "1", "PAGER": "", "NO_PROXY": "*",
       "LLMOBS_CONFIG": "/dev/null", "LLMOBS_BUILD": BUILD,
       "LLMOBS_EXPORTER": "store", "LLMOBS_EXIT_FLUSH_MS": "20000",
       "LLMOBS_STORE_DIR": os.path.join(TMP.name, "store")}


@contextlib.contextmanager
def model():
    """The sample server; its ports are variables of ENV."""
    ready = os.path.join(TMP.name, "ready")
    server = subprocess.Popen(
        ["/usr/bin/python3", os.path.join(ROOT, "tests", "support", "llm_server.py"),
         "--ready", ready], stdout=subprocess.DEVNULL)
    try:
        while not (os.path.exists(ready) and os.path.getsize(ready)):
            if server.poll() is not None:
                sys.exit("readme.py: the sample server ended")
            time.sleep(0.02)
        with open(ready) as f:
            ports = dict(re.findall(r"^(\w+_PORT)='?(\d+)", f.read(), re.M))
        ENV["LLM"] = "http://127.0.0.1:" + ports["HTTP_PORT"]
        ENV["GATEWAY"] = "http://127.0.0.1:" + ports["GATEWAY_PORT"]
        ENV["DD_LLMOBS_INSTRUMENTED_PROXY_URLS"] = ENV["GATEWAY"]
        yield
    finally:
        server.terminate()
        server.wait()


def on_a_terminal(*command):
    """What the command prints on a terminal of 76 columns."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 76, 0, 0))
    child = subprocess.Popen(command, env=ENV, stdin=theirs, stdout=theirs,
                             stderr=theirs)
    os.close(theirs)
    text = b""
    with contextlib.suppress(OSError):  # EIO: the other side is closed
        while got := os.read(ours, 65536):
            text += got
    os.close(ours)
    child.wait()
    return text.decode().replace("\r\n", "\n")


def timeless(line):
    """A line of a trace, whatever its duration."""
    return re.sub(r" +[0-9.]+ (µs|ms|s)\b", " TIME", line).rstrip()


def in_order(wanted, text):
    """The first line of `wanted` that does not come behind those before it."""
    lines = iter([timeless(line) for line in text.splitlines()])
    for line in wanted:
        if timeless(line) not in lines:
            return line
    return None


with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as file:
    README = file.read()
BLOCKS = re.findall(r"^```\w*\n(.*?)^```", README, re.M | re.S)

SAMPLE = next((b for b in BLOCKS if "├─" in b), "")
with model():
    done = subprocess.run(
        [os.path.join(BUILD, "llmobs-run"), "--ml-app", "quickstart", "--workflow",
         "support chat", "sh", os.path.join(ROOT, "examples", "quickstart.sh")],
        env=ENV, stdin=subprocess.DEVNULL)
seen = on_a_terminal(os.path.join(BUILD, "llmobs"), "view", "--messages",
                     "--no-pager")
check("the sample has a call and a refusal", SAMPLE.count("─ OpenAI.") == 2)
check("the sample program runs", done.returncode == 0, done.returncode)
missing = in_order(SAMPLE.splitlines(), seen)
check("the sample is what it prints", missing is None, "%s\nnot in\n%s" % (
    missing, seen))
check("no cost, as the page says", "no price" in README and "$" not in seen, seen)
check("at most 700 words", len(README.split()) <= 700, len(README.split()))
check("the set-up is two commands in one block", any(
    re.findall(r"^scripts/\w+", b, re.M) == ["scripts/quickstart", "scripts/test"]
    for b in BLOCKS))
check("a picture on the first screen", "](docs/images/" in README[:400])
