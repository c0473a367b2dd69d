"""Beside the preloads and tools of others: curl makes one call through each,
with us and without, and what can be seen is the same."""
import os
import re
import shutil
import socket
import subprocess
import threading

from delivery import (agent, counts, double, private_network, recovered,
                      settled)
from harness import (APPS, Skip, body, curl, equal, expect_llm, installed, ok,
                     test)

OF = "rest"

# For slow machines, and for preloads that are slow: who holds a name of libc
# could hold it for ever.
SLOW = 120
OUT = ["-o", "answer", "-w", "%{http_code} %{size_download}"]


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


def ordered(t, argv, order, env, **more):
    """Without a launcher, which would be under the other one, too."""
    return t.run(argv, launcher=[], limit=SLOW, env=dict(
        env or {}, LD_PRELOAD=order, DD_LLMOBS_ENABLED="1"), **more)


def both_orders(t, argv, other, env=None, orders=("before", "behind"),
                check=True):
    """The other one alone, then before us, as the launcher has it, and behind
    us.  Gives the bare run and the others."""
    shim = os.path.join(t.build, "libllmobs_preload.so")
    bare = t.run(argv, preload=False, limit=SLOW,
                 env=dict(env or {}, LD_PRELOAD=other))
    equal(bare.code, 0, "exit status of the bare run (%s)" % bare.stderr)
    runs = []
    for order in orders:
        both = (other, shim) if order == "before" else (shim, other)
        runs.append(ordered(t, argv, ":".join(both), env, check=check))
        t.compare(bare, runs[-1])
    return bare, runs


def through(t, argv, env=None):
    """A tool that runs curl: launcher, tool, curl."""
    r = t.same(argv + curl(t.url, body(), *OUT), env=env, limit=SLOW, spans=1)
    equal(r.code, 0, "exit status (%s)" % r.stderr)
    ok(r.files["answer"], "no answer")
    expect_llm(r.only())


LIB = "/usr/lib/*/"
# The other's file; what is run; its environment, with the text of files.
# ALL: true, and a call whose span is seen, both in both orders.  START: true
# alone, since Debian's curl with it in front never comes out of its setlocale,
# bare.  FIRST: likewise, before us only: it ends each program in which it is not
# the first library, by itself.
ALL, START, FIRST = "all", "start", "first"
PAIRS = {
    "torsocks": (LIB + "torsocks/libtorsocks.so", ALL,
                 {"TORSOCKS_CONF_FILE": "AllowOutboundLocalhost 1\n"}),
    "fakechroot": (LIB + "fakechroot/libfakechroot.so", ALL, {}),
    "proxychains": (LIB + "libproxychains.so.4", ALL, {
        "PROXYCHAINS_CONF_FILE": "localnet 127.0.0.0/255.0.0.0\n[ProxyList]\n"
                                 "socks5 127.0.0.1 9\n"}),
    "tsocks": (LIB + "libtsocks.so", ALL, {
        "TSOCKS_CONF_FILE": "local = 127.0.0.0/255.0.0.0\n"}),
    "socket_wrapper": (LIB + "libsocket_wrapper.so", ALL, {}),
    "nss_wrapper": (LIB + "libnss_wrapper.so", ALL, {}),
    "fakeroot": (LIB + "libfakeroot/libfakeroot-sysv.so", ALL, {}),
    # The span has the time that the program is told.
    "faketime": (LIB + "faketime/libfaketime.so.1", ALL,
                 {"FAKETIME": "+100s"}),
    "faketime_threads": (LIB + "faketime/libfaketimeMT.so.1", ALL,
                         {"FAKETIME": "+100s"}),
    "jemalloc": (LIB + "libjemalloc.so.2", ALL, {}),
    "tcmalloc": (LIB + "libtcmalloc_minimal.so.4", ALL, {}),
    "electric_fence": ("/usr/lib/libefence.so*", ALL, {}),
    "malloc_debug": (LIB + "libc_malloc_debug.so.0", ALL,
                     {"MALLOC_CHECK_": "3", "MALLOC_PERTURB_": "7"}),
    "eatmydata": (LIB + "libeatmydata.so", ALL, {}),
    "stdbuf": ("/usr/libexec/coreutils/libstdbuf.so", ALL, {"_STDBUF_O": "0"}),
    "asan": (LIB + "libasan.so.8", FIRST, {}),
    "tsan": (LIB + "libtsan.so.2", START, {}),
}


def written(t, env):
    """The environment, with files in place of what they hold."""
    env = dict(env)
    for name in [n for n in env if n.endswith("_FILE")]:
        path = os.path.join(t.dir, name)
        with open(path, "w") as f:
            f.write(env[name])
        env[name] = path
    return env


def pair(name, pattern, kind, env):
    def run(t):
        other, given = installed(pattern), written(t, env)
        orders = ("before",) if kind == FIRST else ("before", "behind")
        both_orders(t, ["true"], other, given, orders)
        if kind == ALL:
            for ours in both_orders(t, curl(t.url, body(), *OUT), other,
                                    given)[1]:
                expect_llm(ours.only())
    run.__name__ = run.__qualname__ = "pair_" + name
    test(run, limit=4 * SLOW)


for row in PAIRS.items():
    pair(row[0], *row[1])


class Socks(threading.Thread):
    """A SOCKS 5 proxy; `asked` is what it was asked for."""

    def __init__(self):
        super().__init__(daemon=True)
        self.asked = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.start()

    def run(self):
        while True:
            client = self.listener.accept()[0]
            threading.Thread(target=self.serve, args=(client.makefile("rwb", 0),
                                                      client),
                             daemon=True).start()

    def serve(self, stream, client):
        stream.read(stream.read(2)[1])
        stream.write(b"\5\0")
        kind = stream.read(4)[3]
        host = socket.inet_ntoa(stream.read(4)) if kind == 1 else \
            stream.read(stream.read(1)[0]).decode()
        port = int.from_bytes(stream.read(2), "big")
        self.asked.append((host, port))
        server = socket.create_connection((host, port))
        stream.write(b"\5\0\0\1" + bytes(6))
        threading.Thread(target=self.pump, args=(client, server),
                         daemon=True).start()
        self.pump(server, client)

    @staticmethod
    def pump(source, to):
        try:
            while data := source.recv(65536):
                to.sendall(data)
            to.shutdown(socket.SHUT_WR)
        except OSError:
            pass


def proxied(t, socks, url, **more):
    """curl through proxychains, whose chain is `socks`, with an agent at `url`:
    proxychains says the same as without us, and led one connection."""
    other = installed(PAIRS["proxychains"][0])
    env = written(t, {"PROXYCHAINS_CONF_FILE": "strict_chain\nproxy_dns\n"
                      "[ProxyList]\nsocks5 127.0.0.1 %d\n" % socks.port})
    env.update(more, LLMOBS_EXPORTER="agent", DD_TRACE_AGENT_URL=url)
    del socks.asked[:]
    bare, runs = both_orders(t, curl(t.url, body(), *OUT), other, env,
                             ("before",))
    ok(b" ...  OK" in bare.stderr, "proxychains did nothing")
    equal(socks.asked, [("127.0.0.1", t.servers.http)] * 2,
          "what proxychains led to its proxy")
    return runs[0]


@test
def an_anonymiser_hears_nothing_of_us(t):
    """It tells the app's stderr of each connection that it sees.  What is for
    this machine passes it by, whatever the name for it."""
    socks = Socks()
    with double(t) as dd:
        for host in "127.0.0.1", "localhost":
            proxied(t, socks, "http://%s:%d" % (host, dd.port))
            settled(t, dd, 1, 10)
            dd.reset()


@test
def around_an_anonymiser_nothing_goes(t):
    """No connection, and no look-up of a name: the next process delivers."""
    private_network(t, ["agent.example"])
    socks = Socks()
    with double(t) as dd:
        for host in "192.0.2.1", "agent.example":
            url = "http://%s:%d" % (host, dd.port)
            ours = proxied(t, socks, url)
            equal(ours.log_count("another preload holds connect"), 1, "lines")
            said = counts(t)
            equal((said["captured"], said["spooled"]), (1, 1),
                  "captured, spooled")
            equal(dd.spans(), [], "spans that arrived")
        recovered(t, dd, agent(dd, DD_TRACE_AGENT_URL=url), 1)


@test
def faketime_that_stands_still(t):
    """No wait of ours may last until that clock goes on."""
    both_orders(t, curl(t.url, body(), *OUT),
                installed(PAIRS["faketime_threads"][0]),
                {"FAKETIME": "2001-02-03 04:05:06"}, check=False)


@test
def valgrind(t):
    through(t, [tool("valgrind"), "-q", "--error-exitcode=9"])


@test
def valgrind_of_memory_that_goes(t):
    """Nobody reads memory that the program freed."""
    program = os.path.join(t.build, "tests", "clients", "memory_cases")
    listed = subprocess.run([program, "--list"], stdout=subprocess.PIPE,
                            check=True, text=True).stdout.splitlines()
    r = t.same([tool("valgrind"), "-q", "--error-exitcode=9", program, "all",
                "http://127.0.0.1:%d" % t.servers.http],
               limit=SLOW, order=False,
               spans=sum(int(line.split()[1]) for line in listed))
    equal(r.code, 0, "exit status (%s)" % r.stderr)


@test
def strace(t):
    through(t, [tool("strace"), "-f", "-qq", "-o", "/dev/null"])


@test
def ltrace(t):
    through(t, [tool("ltrace"), "-f", "-o", "/dev/null"])


# gdb's words about processes and threads have numbers in them, and we have a
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


LEFT = re.compile(rb"SUMMARY: LeakSanitizer: \d+ byte\(s\) leaked in (\d+)")

ROUNDS = 4  # of leaks.c

# The objects that the program gives to libcurl, and then loses.
TOLD = ("fields", "large", "list", "handle", "write", "header", "read", "seek",
        "prereq", "error", "private", "resolve", "mime", "form")


# A pod's attributes take the place of those that the user gives.
POD = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "POD_NAME": "web-0",
       "OTEL_RESOURCE_ATTRIBUTES": "team=shop"}


def leaks(r):
    found = LEFT.search(r.stderr)
    return int(found.group(1)) if found else 0


@test
def leaks_of_the_program(t):
    """LeakSanitizer tells all that it tells without the library, and nothing
    of the library's own.  It may tell more: bare, some of it is still in
    registers and on the stack.  It may miss one round of four in memory that
    libcurl took and did not fill: an old address is left there by chance."""
    path = os.path.join(t.dir, "leaks")
    done = subprocess.run(["gcc", "-w", "-fsanitize=leak", "-o", path,
                           os.path.join(APPS, "leaks.c"), "-lcurl"],
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    if done.returncode != 0:
        raise Skip("gcc cannot link with -fsanitize=leak")
    for what, ways in [(what, ("cleanup", "kept", "next-cleanup",
                               "multi-unread-cleanup")) for what in TOLD] + [
            ("list", ("unset-kept",)),
            ("none", ("cleanup", "lost", "multi-lost", "multi-unread-lost"))]:
        for way in ways:
            argv = ["env", "-u", "LLMOBS_RUN", path, t.url, what, way]
            bare, ours = (t.run(argv, preload=preload, check=False,
                                env=dict(POD, LSAN_OPTIONS="symbolize=0"))
                          for preload in (False, True))
            equal((ours.code, ours.stdout), (bare.code, bare.stdout),
                  "%s, %s: exit status" % (what, way))
            more = 0 if what == "none" and way == "cleanup" else 3
            fewer = leaks(bare) // ROUNDS if way == "unset-kept" else 0
            ok(leaks(bare) - fewer <= leaks(ours) <= leaks(bare) + more,
               "%s, %s: %d leaks, bare %d" % (what, way, leaks(ours),
                                              leaks(bare)))
