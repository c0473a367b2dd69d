"""Beside the preloads and tools of others: curl makes one call through each,
with us and without, and what can be seen is the same."""
import glob
import os
import re
import shutil
import subprocess

from harness import (Skip, body, curl, equal, expect_llm, ok, test)

# The tool's own limits for slow machines.
SLOW = 120
OUT = ["-o", "answer", "-w", "%{http_code} %{size_download}"]


def library(*patterns):
    for pattern in patterns:
        for path in sorted(glob.glob(pattern)):
            return path
    raise Skip("not installed: " + patterns[0])


def of_compiler(name):
    path = subprocess.run(["gcc", "-print-file-name=" + name], text=True,
                          stdout=subprocess.PIPE).stdout.strip()
    if "/" not in path:
        raise Skip("not installed: " + name)
    return os.path.realpath(path)


def tool(name):
    if shutil.which(name) is None:
        raise Skip("not installed: " + name)
    return name


def both_orders(t, other, env=None, check=True):
    """The other one before us, as the launcher has it, and behind us."""
    shim = os.path.join(t.build, "libllmobs_preload.so")
    argv = curl(t.url, body(), *OUT)
    bare = t.run(argv, preload=False, env=dict(env or {}, LD_PRELOAD=other))
    equal(bare.code, 0, "exit status of the bare run (%s)" % bare.stderr)
    equal(bare.stderr, b"", "stderr of the bare run")
    for order in (other, shim + ":" + other, shim + " " + other):
        ours = t.run(argv, env=dict(env or {}, LD_PRELOAD=order), check=check)
        t.compare(bare, ours)
        if check:
            expect_llm(ours.only())
    return bare, ours


def through(t, argv, env=None):
    """A tool that runs curl: launcher, tool, curl."""
    r = t.same(argv + curl(t.url, body(), *OUT), env=env, limit=SLOW, spans=1)
    equal(r.code, 0, "exit status (%s)" % r.stderr)
    ok(r.files["answer"], "no answer")
    expect_llm(r.only())


@test
def jemalloc(t):
    both_orders(t, library("/usr/lib/*/libjemalloc.so.2"))


@test
def eatmydata(t):
    both_orders(t, library("/usr/lib/*/libeatmydata.so"))


@test
def faketime(t):
    """The span has the time that the program is told."""
    for name in "libfaketime.so.1", "libfaketimeMT.so.1":
        both_orders(t, library("/usr/lib/*/faketime/" + name),
                    {"FAKETIME": "+100s"})


@test
def faketime_that_stands_still(t):
    """No wait of ours may last until that clock goes on."""
    other = library("/usr/lib/*/faketime/libfaketimeMT.so.1")
    both_orders(t, other, {"FAKETIME": "2001-02-03 04:05:06"}, check=False)


@test
def valgrind(t):
    through(t, [tool("valgrind"), "-q", "--error-exitcode=9"])


@test
def valgrind_of_memory_that_goes(t):
    """What the program freed is read by nobody."""
    program = os.path.join(t.build, "tests", "clients", "memory_cases")
    r = t.same([tool("valgrind"), "-q", "--error-exitcode=9", program,
                "added_first", "http://127.0.0.1:%d" % t.servers.http],
               limit=SLOW, order=False, spans=50)
    equal(r.code, 0, "exit status (%s)" % r.stderr)


@test
def strace(t):
    through(t, [tool("strace"), "-f", "-qq", "-o", "/dev/null"])


@test
def ltrace(t):
    through(t, [tool("ltrace"), "-f", "-o", "/dev/null"])


# What gdb says of processes and threads has numbers in it, and we have a
# thread.
SAYS = re.compile(rb"\[(New (Thread|process|LWP)|Thread|LWP|Inferior) .*?\]"
                  rb"\n|"
                  rb"warning: Error disabling address space.*\n")


@test
def gdb(t):
    argv = [tool("gdb"), "-nx", "-q", "-batch", "-return-child-result",
            "-iex", "set debuginfod enabled off", "-ex", "run", "--args"]
    argv += curl(t.url, body(), *OUT)
    bare = t.run(argv, preload=False, limit=SLOW)
    ours = t.run(argv, limit=SLOW)
    ok(b"exited normally" in bare.stdout, "gdb: %s" % bare.stdout)
    for r in bare, ours:
        r.stdout = SAYS.sub(b"", r.stdout)
        r.stderr = SAYS.sub(b"", r.stderr)
    t.compare(bare, ours)
    equal(ours.code, 0, "exit status")
    expect_llm(ours.only())


# Debian's curl with libasan in front of it never comes out of its setlocale,
# bare: programs that are built with a sanitizer stand in for it.
CLIENT = r"""
#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>

static void *call(void *url)
{
    CURL *h = curl_easy_init();
    struct curl_slist *list =
        curl_slist_append(NULL, "Content-Type: application/json");
    CURLcode rc;

    curl_easy_setopt(h, CURLOPT_URL, url);
    curl_easy_setopt(h, CURLOPT_HTTPHEADER, list);
    curl_easy_setopt(h, CURLOPT_POSTFIELDS, "%s");
    rc = curl_easy_perform(h);
    curl_slist_free_all(list);
    curl_easy_cleanup(h);
    printf("\ncode %%d\n", rc);
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t thread;

    if (argc < 2 || curl_global_init(CURL_GLOBAL_ALL) != 0 ||
        pthread_create(&thread, NULL, call, argv[1]) != 0)
        return 1;
    pthread_join(thread, NULL);
    call(argv[1]);
    curl_global_cleanup();
    return 0;
}
"""


def client(t, sanitizer):
    """A program of two calls, one in a thread."""
    path = os.path.join(t.dir, "client")
    with open(path + ".c", "w") as f:
        f.write(CLIENT % body().replace('"', '\\"'))
    done = subprocess.run(["gcc", "-g", "-fsanitize=" + sanitizer, path + ".c",
                           "-o", path, "-lcurl", "-lpthread"],
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    if done.returncode != 0:
        raise Skip("gcc cannot link with -fsanitize=" + sanitizer)
    return [path, t.url]


def sanitized(t, sanitizer, env):
    argv = client(t, sanitizer)
    r = t.same(argv, env=env, limit=SLOW, order=False)
    equal((r.code, r.stderr), (0, b""), "exit status, stderr")
    equal(r.stdout.count(b"code 0"), 2, "calls that went well")
    equal(len(r.spans), 2, "number of spans")
    for span in r.spans:
        expect_llm(span)


@test
def libasan_first(t):
    sanitized(t, "address", {"LD_PRELOAD": of_compiler("libasan.so")})


@test
def libasan_behind_us(t):
    sanitized(t, "address", {"ASAN_OPTIONS": "verify_asan_link_order=0"})


@test
def libtsan_behind_us(t):
    """It sees what our objects call in libc, and not their atomics, since they
    are not built with it: it has to be told to leave such objects out.  (In
    front of other programs, as a preload, it crashes or hangs them, bare.)"""
    sanitized(t, "thread", {
        "TSAN_OPTIONS": "ignore_noninstrumented_modules=1"})
