#!/usr/bin/env python3
"""Frames of AWS's event stream as lines, and back: how the answers of
tests/rules/bedrock_*/* are written and read.

usage: frames.py < LINES > BODY      frames.py -r CASE > LINES

BODY is that of a section `answer escaped` (tests/support/cases.py).

A line is a header's value in the form KIND NAME, a blank, and the payload:
  event messageStart {"role": "assistant"}
  event chunk {"generation": "a"}      a chunk's payload is put into base64
  exception throttlingException {"message": "slow"}
  error InternalError went away        code and message, both are headers
"""
import base64
import json
import struct
import sys
import zlib

import cases


def header(name, value):
    name, value = name.encode(), value.encode()
    return (struct.pack(">B", len(name)) + name + b"\7"
            + struct.pack(">H", len(value)) + value)


def frame(headers, payload):
    head = b"".join(header(*pair) for pair in headers)
    start = struct.pack(">II", 16 + len(head) + len(payload), len(head))
    body = start + struct.pack(">I", zlib.crc32(start)) + head + payload
    return body + struct.pack(">I", zlib.crc32(body))


def write(line):
    kind, name, payload = (line.split(" ", 2) + ["", ""])[:3]
    if kind == "error":
        return frame([(":error-code", name), (":error-message", payload),
                      (":message-type", "error")], b"")
    if name == "chunk":
        text = base64.b64encode(payload.encode()).decode()
        payload = json.dumps({"bytes": text, "p": "abcdef"})
    return frame([(":%s-type" % kind, name),
                  (":content-type", "application/json"),
                  (":message-type", kind)], payload.encode())


def read_headers(data):
    headers = {}
    while data:
        end = 1 + data[0]
        length, = struct.unpack_from(">H", data, end + 1)
        headers[data[1:end].decode()] = data[end + 3:end + 3 + length].decode()
        data = data[end + 3 + length:]
    return headers


def read(data):
    while len(data) >= 16:
        total, head = struct.unpack_from(">II", data)
        headers = read_headers(data[12:12 + head])
        payload = data[12 + head:total - 4].decode()
        kind = headers.get(":message-type", "event")
        if kind == "error":
            payload = headers.get(":error-message", "")
        elif payload.startswith('{"bytes"'):
            payload = base64.b64decode(json.loads(payload)["bytes"]).decode()
        name = headers.get(":error-code" if kind == "error"
                           else ":%s-type" % kind, "")
        yield "%s %s %s" % (kind, name, payload)
        data = data[total:]


if __name__ == "__main__":
    if sys.argv[1:2] == ["-r"] and len(sys.argv) == 3:
        body = cases.read(sys.argv[2])["answer"].partition(b"\n\n")[2]
        print("\n".join(read(body)))
    elif sys.argv[1:]:
        sys.exit(__doc__)
    else:
        for text in sys.stdin.read().splitlines():
            sys.stdout.buffer.write(cases.escape(write(text)))
