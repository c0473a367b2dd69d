"""The cases of tests/rules: texts with sections, which tests/support/case_file.h and
tests/unit/rule_case.h describe."""
import functools
import json
import os
import re

NAMES = ("settings", "request", "answer", "span")
WIDTH = 100
HEADING = re.compile(rb"(?m)^=== (\w+)(?: (escaped)| same as (\S+)| (\S+))?\n")


def escape(data):
    """Bytes as text: those that no text has, and a backslash that would be
    taken for such a byte's, become \\xNN."""
    return re.sub(rb"[^\n\t -~]|\\(?=x[0-9a-f]{2})",
                  lambda m: b"\\x%02x" % m[0][0], data)


def unescape(text):
    return re.sub(rb"\\x([0-9a-f]{2})",
                  lambda m: bytes.fromhex(m[1].decode()), text)


def split(text):
    """The cases as they stand: [(name, {section: (bytes, name of another case)})];
    the first, of no name, has the sections before the first line "=== case"."""
    found = list(HEADING.finditer(text))
    ends = [m.start() for m in found[1:]] + [len(text)]
    cases = [("", {})]
    for m, end in zip(found, ends):
        if m[1] == b"case":
            cases.append((m[4].decode(), {}))
            continue
        cases[-1][1][m[1].decode()] = (
            (unescape if m[2] else bytes)(text[m.end():max(m.end(), end - 1)]),
            m[3].decode() if m[3] else None)
    return cases


def texts(folder):
    """The texts of a folder as they stand: {path: what split gives}."""
    found = {}
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name)
        with open(path, "rb") as file:
            found[path] = split(file.read())
    return found


def own(found):
    """The sections of each case, of what texts gives: {name: {section: (bytes,
    name of another case)}}."""
    whole = {}
    for path, (common, *cases) in found.items():
        for name, sections in cases or [(os.path.basename(path), {})]:
            whole[name] = {**common[1], **sections}
    return whole


@functools.lru_cache(maxsize=1)
def folder(path):
    """The cases of a folder, in the order of their names, sections of other cases
    included: {name: {section: bytes}}."""
    cases = own(texts(path))
    return {name: {section: cases[other or name][section][0]
                   for section, (_, other) in sections.items()}
            for name, sections in sorted(cases.items())}


def read(path):
    """The sections of FOLDER/CASE: {name: bytes}."""
    return folder(os.path.dirname(path))[os.path.basename(path)]


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


def join(cases):
    """The text of cases, of what split gives."""
    text = b""
    for name, sections in cases:
        text += b"=== case %s\n" % name.encode() if name else b""
        for section in filter(sections.__contains__, NAMES):
            data, other = sections[section]
            if other:
                text += b"=== %s same as %s\n" % (section.encode(), other.encode())
                continue
            plain = not re.search(rb"[\0\r]", data)
            try:
                data.decode()
            except UnicodeDecodeError:
                plain = False
            text += b"=== %s%s\n" % (section.encode(),
                                     b"" if plain else b" escaped")
            text += (data if plain else escape(data)) + b"\n" if data else b""
    return text
