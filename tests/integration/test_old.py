"""A libcurl as old as 7.29: what it lacks is not called, and its programs see
no difference."""
import os
import subprocess

from harness import ROOT, SUPPORT, body, equal, ok, test
from delivery import agent, double


def build(t):
    """The old library and a program that is linked with it."""
    library = os.path.join(t.dir, "libcurl-old.so.4")
    program = os.path.join(t.dir, "old_app")
    flags = ["gcc", "-D_GNU_SOURCE", "-O1", "-w"]
    subprocess.run(flags + [
        "-shared", "-fPIC", "-fvisibility=hidden",
        "-Wl,-soname,libcurl-old.so.4", "-o", library,
        os.path.join(SUPPORT, "old_curl.c")], check=True, cwd=ROOT)
    subprocess.run(flags + [
        "-o", program, os.path.join(SUPPORT, "old_app.c"), library,
        "-Wl,-rpath," + t.dir], check=True, cwd=ROOT)
    return program


@test
def calls_by_easy_and_multi(t):
    r = t.same([build(t), t.url, body()], spans=3, order=False)
    ok(r.stdout.startswith(b"7.29.0\nlate 48\n"), "it is not an old one")
    equal([s["status"] for s in r.spans], ["ok"] * 3, "status")


@test
def delivery_by_it(t):
    """The agent gets its spans by the old library as well."""
    with double(t) as dd:
        r = t.run([build(t), t.url, body()], env=agent(dd))
        equal(r.code, 0, "exit status")
        equal(len(dd.spans()), 3, "spans at the agent")
