"""Packages of npm that tests run beside the library."""
import os
import shutil
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))


class NotHere(Exception):
    """Something that a test needs is not on this machine."""


def install(folder):
    """Gives the directory with node_modules, as the folder's package-lock.json
    has it, or package.json where there is none."""
    if not shutil.which("node"):
        raise NotHere("node is not installed")
    done = subprocess.run(
        [os.path.join(ROOT, "tests", "otlp", "get"), "npm", folder],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, encoding="utf-8")
    if done.returncode == 77:
        raise NotHere(done.stderr.strip().splitlines()[-1])
    if done.returncode != 0:
        raise RuntimeError("tests/otlp/get: %s" % done.stderr[-300:])
    return done.stdout.strip()
