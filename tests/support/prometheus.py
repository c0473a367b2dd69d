"""Reads Prometheus' text format 0.0.4 strictly, by its page "Exposition formats".

read(BYTES) gives {metric: (type, {labels: value})}, labels as a sorted tuple of
pairs; ValueError where a scraper would refuse the text, or a metric has no HELP,
or its name is not as the page "Metric and label naming" has it."""
import re

NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\\\|\\"|\\n)*)"')
ESCAPES = {"\\\\": "\\", '\\"': '"', "\\n": "\n"}


def wrong(why, line):
    raise ValueError("%s: %r" % (why, line))


def labels_of(text, line):
    """The pairs in "{a="b",...} 1", and what follows."""
    pairs, at = [], 1
    while text[at:at + 1] != "}":
        found = LABEL.match(text, at)
        if not found:
            wrong("labels", line)
        pairs.append((found.group(1), re.sub(
            r'\\[\\"n]', lambda e: ESCAPES[e.group()], found.group(2))))
        at = found.end()
        if text[at:at + 1] == ",":
            at += 1
        elif text[at:at + 1] != "}":
            wrong("labels", line)
    if len({name for name, _ in pairs}) != len(pairs):
        wrong("a label twice", line)
    return tuple(sorted(pairs)), text[at + 1:]


def comment(line, metrics):
    word, name, rest = (line[2:].split(" ", 2) + ["", ""])[:3]
    if word not in ("HELP", "TYPE") or not NAME.fullmatch(name) or not rest:
        wrong("comment", line)
    have = metrics.setdefault(name, {"samples": {}})
    if word in have or have["samples"]:
        wrong("twice, or behind its samples", line)
    if list(metrics)[-1] != name:
        wrong("a metric in two places", line)
    if word == "TYPE" and (rest not in ("counter", "gauge") or
                           (rest == "counter") != name.endswith("_total")):
        wrong("type", line)
    have[word] = rest


def read(data):
    text = data.decode("utf-8")
    if text and not text.endswith("\n"):
        wrong("no end", text[-40:])
    metrics = {}
    for line in text.split("\n")[:-1]:
        if line.startswith("# "):
            comment(line, metrics)
            continue
        found = NAME.match(line)
        if not found:
            wrong("sample", line)
        name, rest = found.group(), line[found.end():]
        labels = ()
        if rest.startswith("{"):
            labels, rest = labels_of(rest, line)
        if not re.fullmatch(r" \d+", rest):
            wrong("value", line)
        if name not in metrics or list(metrics)[-1] != name:
            wrong("a sample apart from its metric", line)
        if labels in metrics[name]["samples"]:
            wrong("a sample twice", line)
        metrics[name]["samples"][labels] = int(rest)
    for name, have in metrics.items():
        if "HELP" not in have or "TYPE" not in have:
            wrong("no HELP or no TYPE", name)
    return {name: (have["TYPE"], have["samples"])
            for name, have in metrics.items()}
