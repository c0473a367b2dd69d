"""docs/GATEWAYS.md: its commands, and what it says that they show."""
import os
import re
import shutil
import subprocess

import harness
from harness import ROOT, Skip, equal, ok, test

PAGE = os.path.join(ROOT, "docs", "GATEWAYS.md")
WORD = re.compile(r"[A-Za-z][A-Za-z_0-9.-]*[A-Za-z_0-9]")
# A unit may follow a number, which differs as the ids do.
OTHER = re.compile(r"\d+\.?\d* ?(ms|s|us)\b|\b[0-9a-f]{32}\b")


def shown(text):
    """{command: the words that it shows}; numbers and times differ."""
    found, words = {}, []
    for line in text.splitlines():
        if line.startswith("$ llmobs view"):
            words = found[line] = []
        elif not line or line.startswith("```") or line.endswith(":"):
            words = words if line == "" else []
        else:
            words += WORD.findall(OTHER.sub("", line))
    return found


@test
def shows_what_the_page_says(t):
    if harness.EMULATOR or not shutil.which("php") or not shutil.which("node"):
        raise Skip("no php, no node, or an emulator")
    done = subprocess.run(
        [os.path.join(ROOT, "scripts", "gateways")], timeout=120,
        env=dict(os.environ, LLMOBS_BUILD=t.build, TZ="UTC"),
        capture_output=True)
    printed = done.stdout.decode()
    equal(done.returncode, 0, "status of scripts/gateways: %s" % done)
    with open(PAGE) as f:
        page = f.read()
    want, have = shown(page), shown(printed)
    ok(len(want) == 8, "the page has fewer commands: %s" % sorted(want))
    equal(sorted(have), sorted(want), "commands")
    for command, words in want.items():
        ok(len(words) > 5, "the page shows nothing for " + command)
        equal(have[command], words, command)
