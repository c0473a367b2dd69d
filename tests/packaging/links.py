"""Follows each link of the pages below a folder, with its anchor, as a reader of the
installed pages does. usage: links.py FOLDER"""
import os
import re
import sys

CODE = re.compile(r"^```.*?^```", re.S | re.M)


def anchors(page):
    heads = re.findall(r"^#+ +(.*)", CODE.sub("", page), re.M)
    heads = [re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", head) for head in heads]
    return [re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads]


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


seen = wrong = 0
for folder, _, names in os.walk(sys.argv[1]):
    for name in (n for n in names if n.endswith(".md")):
        at = os.path.join(folder, name)
        for link in re.findall(r"\]\(\s*([^)\s]+)\)", CODE.sub("", read(at))):
            if re.match("[a-z]+:", link):
                continue
            path, _, anchor = link.partition("#")
            to = os.path.join(folder, path) if path else at
            seen += 1
            if not os.path.exists(to) or anchor and anchor not in anchors(read(to)):
                wrong += 1
                print(f"{at}: {link} leads nowhere")
print(f"{seen} links, {wrong} lead nowhere")
sys.exit(wrong > 0 or seen < 200)
