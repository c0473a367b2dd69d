"""The cases of tests/rules: texts with sections, which tests/unit/rule_case.h
describes."""
import json
import os
import re

NAMES = ("settings", "request", "answer", "span")
WIDTH = 100
HEADING = re.compile(rb"(?m)^=== (\w+)(?: (escaped)| same as (\S+))?\n")


def escape(data):
    """Bytes as text: those that no text has, and a backslash that would be
    taken for such a byte's, become \\xNN."""
    return re.sub(rb"[^\n\t -~]|\\(?=x[0-9a-f]{2})",
                  lambda m: b"\\x%02x" % m[0][0], data)


def unescape(text):
    return re.sub(rb"\\x([0-9a-f]{2})",
                  lambda m: bytes.fromhex(m[1].decode()), text)


def split(text):
    """The sections as they stand: {name: (bytes, name of another case)}."""
    found = list(HEADING.finditer(text))
    ends = [m.start() for m in found[1:]] + [len(text)]
    return {m[1].decode(): (
        (unescape if m[2] else bytes)(text[m.end():max(m.end(), end - 1)]),
        m[3].decode() if m[3] else None) for m, end in zip(found, ends)}


def read(path):
    """The sections, those of other cases included: {name: bytes}."""
    with open(path, "rb") as file:
        sections = split(file.read())
    for name, (_, other) in sections.items():
        if other:
            with open(os.path.join(os.path.dirname(path), other), "rb") as file:
                sections[name] = split(file.read())[name]
    return {name: data for name, (data, _) in sections.items()}


def lines_of(value, indent, room):
    """A value of JSON: in one line where it fits, else its members in lines
    that are full; a member that has several begins one."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    if len(text) <= room or not value or not isinstance(value, (dict, list)):
        return [text]
    first, last = "{}" if isinstance(value, dict) else "[]"
    lines, joins = [], False
    for key in sorted(value) if first == "{" else range(len(value)):
        head = json.dumps(key, ensure_ascii=False) + ": " if first == "{" else ""
        inner = lines_of(value[key], indent + 1,
                         WIDTH - indent - len(head) - 2)
        inner[0] = head + inner[0]
        inner[-1] += ","
        if joins and len(inner) == 1 and \
                len(lines[-1]) + len(inner[0]) < WIDTH:
            lines[-1] += " " + inner[0]
        else:
            lines += [" " * (indent + 1) + inner[0], *inner[1:]]
        joins = len(inner) == 1
    lines[0] = first + lines[0][indent + 1:]
    lines[-1] = lines[-1][:-1] + last
    return lines


def layout(span):
    """A span as scripts/write-cases writes it."""
    return "\n".join(lines_of(span, 0, WIDTH)).encode()


def join(sections):
    """The text of a case, of what split gives."""
    text = b""
    for name in NAMES:
        if name not in sections:
            continue
        data, other = sections[name]
        if other:
            text += b"=== %s same as %s\n" % (name.encode(), other.encode())
            continue
        plain = not re.search(rb"[\0\r]", data)
        try:
            data.decode()
        except UnicodeDecodeError:
            plain = False
        text += b"=== %s%s\n" % (name.encode(), b"" if plain else b" escaped")
        text += (data if plain else escape(data)) + b"\n" if data else b""
    return text
