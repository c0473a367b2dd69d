"""metadata.caller: who called, by name, on any stack and in any language."""
import os
import re
import shutil
import subprocess

from harness import (APPS, PYTHON, Skip, body, compiled, curl, equal, ok, tags_of,
                     test)

OURS = os.path.join(APPS, "agent.c")
CHAIN = ["fetch_reply", "plan", "think"]


def build(t, name, *flags, cc="gcc"):
    """The agent, so built; by another compiler where scripts/platforms names
    one."""
    if not shutil.which(cc):
        raise Skip("no " + cc)
    if cc == "gcc":
        cc = os.environ.get("LLMOBS_TEST_CC", cc)
    return shutil.copy(compiled(t, name, "-O2", *flags, OURS, "-lcurl", "-lpthread",
                                cc=cc.split()), t.dir)


def callers(result):
    return [s["meta"]["metadata"].get("caller") for s in result.spans]


def functions(caller, module):
    """The names of the frames in that module, in order."""
    return re.findall(r"(?m)^%s!(\w+)\+0x[0-9a-f]+$" % re.escape(module),
                      "\n".join(caller["frames"]))


def expect_chain(caller, module, below=()):
    equal((caller["module"], caller["function"]), (module, "fetch_reply"),
          "caller")
    ok(caller["offset"] > 0, "offset")
    names = functions(caller, module)
    equal(names[:3 + len(below)], CHAIN + list(below), "frames")


@test(of="rest")
def agents_in_c(t):
    """However it is built; static functions are named where the file still
    has their names."""
    for cc, flags in (("gcc", ("-fPIE", "-pie")), ("gcc", ("-fno-pie",
                      "-no-pie")), ("gcc", ("-fomit-frame-pointer",)),
                      ("gcc", ("-O3", "-mtune=native")),
                      ("gcc", ("-O0", "-fno-omit-frame-pointer")),
                      ("gcc", ("-Wl,-z,now", "-Wl,--hash-style=sysv")),
                      ("gcc", ("-static-libgcc", "-rdynamic")),
                      ("clang", ("-fPIE",))):
        path = build(t, "agent", *flags, cc=cc)
        r = t.same([path, "easy", t.url, body()], spans=1)
        expect_chain(callers(r)[0], "agent", ["main"])


def loader_of(path):
    text = subprocess.run(["readelf", "-p", ".interp", path], check=True,
                          stdout=subprocess.PIPE).stdout.decode()
    return re.search(r"/\S+", text).group()


@test
def agents_of_a_loader(t):
    """`ld.so PROGRAM`: to the kernel, that process is the loader's."""
    path = build(t, "agent")
    link = os.path.join(t.dir, "link")
    os.symlink("agent", link)
    for flags in (), ("-fno-pie", "-no-pie"):
        build(t, "agent", *flags)
        for name in path, link:
            r = t.same([loader_of(path), name, "easy", t.url, body()], spans=1)
            expect_chain(callers(r)[0], "agent", ["main"])


@test
def stripped_agents(t):
    """Module and offset are left."""
    argv = ["easy", t.url, body()]
    whole = build(t, "whole")
    named = callers(t.same([whole] + argv, spans=1))[0]
    bare = os.path.join(t.dir, "bare")
    subprocess.run(["strip", "-o", bare, whole], check=True)
    caller = callers(t.same([bare] + argv, spans=1))[0]
    equal(caller["module"], "bare", "module")
    ok("function" not in caller, "a function of a stripped program")
    nm = subprocess.run(["nm", whole], stdout=subprocess.PIPE, check=True)
    at = int(re.search(r"(?m)^(\w+) t fetch_reply$",
                       nm.stdout.decode()).group(1), 16)
    equal(caller["offset"], at + named["offset"], "offset")
    equal(caller["frames"][0], "bare+0x%x" % caller["offset"], "frame")


@test
def by_multi(t):
    path = build(t, "agent")
    caller = callers(t.same([path, "multi", t.url, body()], spans=1))[0]
    names = functions(caller, "agent")
    equal([n for n in names if n != "run_multi"][:3], CHAIN, "frames")


@test
def on_stacks_of_threads(t):
    """As the C library made them: all of the chain is seen, also from a
    coroutine that lies in such a stack."""
    path = build(t, "agent")
    for how, below in (("thread", "think_aside"), ("small", "think_aside"),
                       ("inside", "think_once")):
        r = t.same([path, how, t.url, body()], spans=1)
        expect_chain(callers(r)[0], "agent", [below])


@test
def on_other_stacks(t):
    """Of a coroutine, of a signal handler, of a thread on memory of the
    program's own: each ends at a guard, and of each the page that the call
    stands on is seen."""
    path = build(t, "agent")
    for how, below in (("given", "think_aside"), ("outside", "think_once"),
                       ("coroutine", "think_once"), ("signal", "on_signal")):
        r = t.same([path, how, t.url, body()], spans=1)
        caller = callers(r)[0]
        equal(caller["function"], "fetch_reply", how)
        names = functions(caller, "agent")
        equal(names, (CHAIN + [below])[:len(names)], how)


@test
def while_others_unmap(t):
    """Behind the stack of a coroutine, at any moment."""
    r = t.same([build(t, "agent"), "unmapped", t.url, body()], spans=200)
    for caller in callers(r):
        equal(caller["function"], "fetch_reply", "caller")


@test
def from_a_callback(t):
    """The inner call's callers are the outer call's, too."""
    path = build(t, "agent")
    r = t.same([path, "nested", t.url, body()], spans=2,
               env={"LLMOBS_CALLSITE": "stack:16"})
    inner = callers(r)[1]
    below = ["eat"] + CHAIN
    # A libcurl of many layers leaves less room for the outer call's.
    if len(inner["frames"]) == 16:
        below = below[:max(1, len(functions(inner, "agent")) - len(CHAIN))]
    expect_chain(inner, "agent", below)
    ok("libllmobs" not in str(inner), "frames of our own")
    ok("libcurl" in str(inner), "no frames of libcurl")


@test
def as_asked_for(t):
    path = build(t, "agent")
    argv = [path, "easy", t.url, body()]
    for value, count in (("stack:1", 1), ("stack:3", 3), ("stack:16", None)):
        caller = callers(t.run(argv, env={"LLMOBS_CALLSITE": value}))[0]
        equal(caller["function"], "fetch_reply", value)
        if count:
            equal(len(caller["frames"]), count, value)
        else:
            ok("main" in functions(caller, "agent"), value)
    caller = callers(t.run(argv, env={"LLMOBS_CALLSITE": "address"}))[0]
    equal(sorted(caller), ["module", "offset"], "address")
    equal(caller["module"], "agent", "address")
    equal(callers(t.run(argv, env={"LLMOBS_CALLSITE": "off"})), [None], "off")


@test
def no_thread_of_ours(t):
    path = build(t, "agent")
    r = t.same([path, "easy", t.url, body()], spans=1,
               env={"LLMOBS_THREAD": "off"})
    expect_chain(callers(r)[0], "agent")


def inside_is_not_told(caller):
    """No frame of the runtime: it is the same in all programs."""
    equal([k for k in ("module", "function", "offset", "frames")
           if k in caller], [], "of the runtime")


# Ways to call without libcurl, by plain HTTP, and how the language is called.
# Node is not in a script when it sends.
SENDERS = {
    "python": ([PYTHON, "-B"], """import sys, urllib.request
urllib.request.urlopen(urllib.request.Request(sys.argv[1],
    sys.argv[2].encode(), {"Content-Type": "application/json"})).read()
""", 2),
    "ruby": (["ruby"], """require "net/http"
Net::HTTP.post(URI(ARGV[0]), ARGV[1], "Content-Type" => "application/json")
""", 2),
    "perl": (["perl"], """use IO::Socket::INET;
my ($host, $path) = $ARGV[0] =~ m{//([^/]+)(.*)};
my $s = IO::Socket::INET->new($host);
syswrite($s, "POST $path HTTP/1.0\\r\\nHost: $host\\r\\nContent-Type: " .
    "application/json\\r\\nContent-Length: " . length($ARGV[1]) .
    "\\r\\n\\r\\n$ARGV[1]");
1 while $s->sysread(my $b, 4096);
""", 4),
    "php": (["php"], """<?php
file_get_contents($argv[1], false, stream_context_create(["http" => [
    "method" => "POST", "header" => "Content-Type: application/json",
    "content" => $argv[2]]]));
""", 2),
    "javascript": (["node"], """fetch(process.argv[2], {method: "POST",
    headers: {"Content-Type": "application/json"}, body: process.argv[3]})
    .then((r) => r.text());
""", None),
}


def write(t, name, text):
    path = os.path.join(t.dir, name)
    with open(path, "w") as f:
        f.write(text)
    os.chmod(path, 0o755)
    return path


@test
def languages_and_no_frames_of_their_runtimes(t):
    """Of a program by its name, under any name that a link gives it, and of a
    script that says by what it runs."""
    missing = [l for l, (argv, _, _) in SENDERS.items()
               if not shutil.which(argv[0])]
    for language, (argv, code, line) in SENDERS.items():
        if language in missing:
            continue
        argv = [shutil.which(argv[0])] + argv[1:]
        script = write(t, "sender." + language, code)
        executable = write(t, "executable", "#!%s\n%s" % (argv[0], code))
        link = os.path.join(t.dir, "worker-of-" + language)
        os.symlink(argv[0], link)
        ways = [argv + [script], [executable]]
        if language != "python":  # which looks for its library beside its name
            ways.append([link] + argv[1:] + [script])
        for way in ways:
            span = t.same(way + [t.url, body()], spans=1,
                          env={"LLMOBS_SOCKETS": "on"}).spans[0]
            equal(tags_of(span)["language"], language, way[0])
            caller = span["meta"]["metadata"]["caller"]
            inside_is_not_told(caller)
            if line:
                equal(caller.get("line"), line + (way[0] == executable),
                      "line of %s" % way[0])
    span = t.same(curl(t.url, body()), spans=1).spans[0]
    equal(tags_of(span)["language"], "c", "of curl")
    if missing:
        raise Skip("no " + ", ".join(missing))


@test
def php_names_its_extension(t):
    """Which is unloaded before the process ends."""
    if not shutil.which("php"):
        raise Skip("no php")
    argv = ["php", os.path.join(APPS, "calls.php"), "easy", t.url, body()]
    for env in ({}, {"LLMOBS_THREAD": "off"}):
        caller = callers(t.same(argv, env=env))[0]
        equal(caller["binding"], "curl.so", "binding")
        inside_is_not_told(caller)


@test
def python_names_its_extension(t):
    easy = [PYTHON, "-B", os.path.join(APPS, "pycurl_calls.py"), "easy",
            t.url, body()]
    caller = callers(t.same(easy, spans=1))[0]
    ok(caller["binding"].startswith(("pycurl.", "_pycurl.")), "binding")
    inside_is_not_told(caller)
    ffi = [PYTHON, "-B", os.path.join(APPS, "ctypes_calls.py"),
           "libcurl.so.4", t.url, body()]
    caller = callers(t.same(ffi, spans=1))[0]
    ok(caller["binding"].startswith("_ctypes."), "binding")
    inside_is_not_told(caller)


@test
def the_command(t):
    caller = callers(t.same(curl(t.url, body()), spans=1))[0]
    equal(caller["module"], "curl", "module")
