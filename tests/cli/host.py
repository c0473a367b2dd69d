#!/usr/bin/python3
"""Tests of `llmobs doctor --host`: a dozen kinds of processes, each of which
the list has to name rightly.

usage: host.py BUILD_DIR LLMOBS_RUN
"""
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading

sys.dont_write_bytecode = True
from checks import check  # noqa: E402

BUILD, RUN = sys.argv[1:]
TOOL = os.path.join(BUILD, "llmobs")
SHIM = os.path.join(BUILD, "libllmobs_preload.so")
TMP = tempfile.mkdtemp(prefix="llmobs-host-test.")
BASE = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LLMOBS_BUILD": BUILD,
        "LLMOBS_STORE_DIR": os.path.join(TMP, "store"),
        "LLMOBS_EXPORTER": "store", "HOME": TMP,
        "LLMOBS_CONFIG": os.path.join(TMP, "none.conf")}
SECRET = "sk-host-0123456789abcdef"
NOBODY = 65534
running = []

# Connects to a port if there is one, tells that it is ready, and waits.
WAITS = """#include <arpa/inet.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#ifdef LATER
#include <dlfcn.h>
#endif
#ifdef KERNEL
#include <sys/syscall.h>
#define connect(...) syscall(SYS_connect, __VA_ARGS__)
#endif
#ifdef HOLDS
int curl_easy_perform(void *h) { return h != 0; }
int curl_easy_setopt(void *h) { return h != 0; }
int curl_easy_getinfo(void *h) { return h != 0; }
const char about[] = "libcurl/8.1.2";
#endif
int main(int argc, char **argv) {
  struct sockaddr_in to = {AF_INET};
  int fd = socket(AF_INET, SOCK_STREAM, 0);
#ifdef LATER
  void *h = dlopen(LATER, RTLD_NOW);
  long (*init)(long) = h ? dlsym(h, "curl_global_init") : 0;
  if (!init) return 3;
  init(3);
#endif
#ifdef HOLDS
  if (argc > 5) return curl_easy_perform(argv) + curl_easy_setopt(argv) +
    curl_easy_getinfo(argv) + about[argc];
#endif
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  to.sin_port = htons(argc > 1 ? atoi(argv[1]) : 0);
  if (argc > 1 && connect(fd, (void *)&to, sizeof to)) return 4;
  if (argc > 2) listen(socket(AF_INET, SOCK_STREAM, 0), 1);
  (void)!write(1, "x", 1);
  pause();
  return 0; }
"""


def compile(name, *flags):
    """Gives the path; None where the compiler cannot."""
    code, path = os.path.join(TMP, "waits.c"), os.path.join(TMP, name)
    with open(code, "w") as f:
        f.write(WAITS)
    done = subprocess.run(["gcc", "-w", code, "-o", path, *flags],
                          stderr=subprocess.PIPE)
    return path if done.returncode == 0 else None


def start(*argv, **more):
    """Starts a program that writes one byte when it is ready."""
    user = more.pop("user", None)
    started = subprocess.Popen(
        argv, env=dict(BASE, OPENAI_API_KEY=SECRET, **more), cwd="/",
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, user=user)
    running.append(started)
    if not started.stdout.read(1):
        raise AssertionError("%s did not start" % (argv,))
    return started.pid


def listen(port=0):
    """A gateway that takes connections and says nothing; gives its port. None
    where it may not have that port."""
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        server.bind(("127.0.0.1", port))
    except OSError:
        return None
    server.listen(64)
    kept = []

    def take():
        while True:
            kept.append(server.accept())
    threading.Thread(target=take, daemon=True).start()
    return server.getsockname()[1]


def ask(gateway=None, user=None, **more):
    """Gives (status, the rows by pid, all, the text)."""
    env = dict(BASE, **more)
    if gateway:
        env["DD_LLMOBS_INSTRUMENTED_PROXY_URLS"] = gateway
    both = [subprocess.run(
        [TOOL, "doctor", "--host", *form], env=env, cwd="/", user=user,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=300)
        for form in ((), ("--json",))]
    facts = json.loads(both[1].stdout)
    return (both[1].returncode, {p["pid"]: p for p in facts["processes"]},
            facts, (both[0].stdout + both[0].stderr).decode())


def expect(name, rows, pid, state, *why, to=(), advice=None):
    row = rows.get(pid)
    wrong = []
    if row is None:
        wrong.append("not listed")
    else:
        if row["state"] != state:
            wrong.append("state %s" % row["state"])
        wrong += [w for w in why if w not in row.get("why", "")]
        if not why and "why" in row:
            wrong.append("why: " + row["why"])
        got = [(c["to"], c["kind"], c["count"]) for c in row["connections"]]
        if got != list(to):
            wrong.append("connections %s" % got)
        if (advice or "") not in row.get("switch_on", "") or (
                advice is None) == ("switch_on" in row):
            wrong.append("advice %s" % row.get("switch_on"))
    check("host: " + name, not wrong, (wrong, row))


def kinds():
    port = listen()
    web = listen(443)
    gateway = "http://localhost:%d/v1" % port
    to = [("localhost:%d" % port, "gateway", 1)]
    on = {"DD_LLMOBS_ENABLED": "1"}
    hand = "llmobs-run CMD"
    later = compile("later", '-DLATER="libcurl.so.4"')
    linked = compile("linked", "-Wl,--no-as-needed", "-l:libcurl.so.4")
    copied = os.path.join(TMP, "copy", "libcurl.so.4")
    os.mkdir(os.path.dirname(copied))
    shutil.copy(next(line.split(" => ")[1].split()[0] for line in
                     subprocess.run(["ldd", linked], stdout=subprocess.PIPE,
                                    text=True).stdout.split("\n")
                     if "libcurl.so.4" in line), copied)
    own = compile("own", '-DLATER="%s"' % copied)
    holds = compile("holds", "-DHOLDS")
    plain = compile("plain")
    kernel = compile("kernel", "-DKERNEL")
    static = compile("static", "-static")
    compile("libssl3.so", "-shared", "-fPIC", "-Wl,-soname,libssl3.so")
    nss = compile("nss", "-Wl,--no-as-needed", "-L" + TMP, "-l:libssl3.so",
                  "-Wl,-rpath," + TMP)
    speaks_tls = ["/usr/bin/python3", "-c", "import socket, ssl, time\n"
                  "a = socket.create_connection(('localhost', %d))\n"
                  "print(1, flush=True)\ntime.sleep(1000)" % port]
    speaks = ["/usr/bin/python3", "-c", "import socket, time\n"
              "a = socket.create_connection(('localhost', %d))\n"
              "b = socket.create_connection(('127.0.0.1', %d))\n"
              "print(1, flush=True)\ntime.sleep(1000)" % (port, port)]
    listed = {"DD_LLMOBS_INSTRUMENTED_PROXY_URLS": gateway}
    pids = {
        "later": start(later, str(port)),
        "linked": start(linked),
        "observed": start(RUN, later, str(port), **on),
        "quiet": start(RUN, linked, **on),
        "off": start(RUN, later, str(port), DD_LLMOBS_ENABLED="0"),
        "excluded": start(RUN, later, LLMOBS_EXCLUDE="*/later", **on),
        "replaced": start(own, str(port)),
        "holds": start(holds, str(port)),
        "static": start(static, str(port)),
        "plain": start(plain),
        "python": start("/usr/bin/python3", "-c", "import pycurl, sys, time\n"
                        "print(1, flush=True)\ntime.sleep(1000)"),
        "socket": start(*speaks),
        "socket_on": start(RUN, *speaks, **on),
        "connects": start(RUN, plain, str(port), **on),
        "listed": start(RUN, plain, str(port), **on, **listed),
        "listens": start(RUN, plain, str(port), "x", **on, **listed),
        "kernel": start(RUN, kernel, str(port), **on),
        "tls": start(*speaks_tls),
        "tls_on": start(RUN, *speaks_tls, **on, **listed),
        "traced": start(RUN, *speaks_tls, PYTHONPATH="/opt/ddtrace/bootstrap",
                        **on),
        "https": start(plain, "443") if web else None,
        "nss": start(nss, "443") if web else None,
        "php": start("php", "-r", "echo 1; while (ob_get_level()) "
                     "ob_end_flush(); flush(); sleep(1000);"),
        "own": start(later, str(port),
                     DD_LLMOBS_INSTRUMENTED_PROXY_URLS=gateway),
    }
    if os.getuid() == 0:
        os.chmod(TMP, 0o755)
        pids["another"] = start(linked, user=NOBODY)
    os.unlink(copied)
    status, rows, facts, text = ask(gateway)
    not_on = "not on: it was started without LD_PRELOAD"
    expect("opened later, a gateway", rows, pids["later"], "not_observed",
           not_on, to=to, advice=hand)
    expect("linked, no connection", rows, pids["linked"], "not_observed",
           not_on, advice=hand)
    expect("observed, a gateway", rows, pids["observed"], "observed", to=to)
    expect("observed, no call yet", rows, pids["quiet"], "observed")
    expect("switched off", rows, pids["off"], "switched_off",
           "DD_LLMOBS_ENABLED", to=to)
    expect("excluded", rows, pids["excluded"], "switched_off",
           "LLMOBS_EXCLUDE")
    expect("its libcurl was deleted since", rows, pids["replaced"],
           "not_observed", not_on, to=to, advice=hand)
    expect("libcurl in its own file", rows, pids["holds"], "out_of_reach",
           "linked into the file", to=to)
    expect("a static program", rows, pids["static"], "out_of_reach",
           "statically linked", to=to)
    check("host: neither libcurl nor a model: not listed",
          pids["plain"] not in rows and facts["others"] > 0, rows)
    expect("python3 with pycurl", rows, pids["python"], "not_observed",
           not_on, advice=hand)
    twice = [(to[0][0], "gateway", 2)]
    expect("two connections of one program", rows, pids["socket"],
           "not_observed", not_on, to=twice, advice=hand)
    expect("plain http", rows, pids["socket_on"], "observed", to=twice)
    expect("plain http of a program of its own", rows, pids["connects"],
           "switched_off", "LLMOBS_SOCKETS=on", to=to)
    expect("plain http to a listed gateway", rows, pids["listed"], "observed", to=to)
    expect("plain http of a program that listens", rows, pids["listens"],
           "switched_off", "it listens, as a server does", to=to)
    expect("plain http past libc", rows, pids["kernel"], "out_of_reach",
           "no file of it calls connect", to=to)
    expect("python3 with TLS of its own", rows, pids["tls"], "not_observed",
           not_on, to=to, advice=hand)
    expect("python3 with TLS, observed", rows, pids["tls_on"], "observed",
           to=to)
    expect("python3 with TLS and a tracer", rows, pids["traced"],
           "switched_off", "a tracer in its language", to=to)
    if web:
        expect("HTTPS by a program's own file", rows, pids["https"],
               "out_of_reach", "its own file makes its calls",
               to=[("port 443", "https", 1)])
        expect("HTTPS by NSS, whose libssl3 is none of OpenSSL's", rows,
               pids["nss"], "out_of_reach", "NSS makes its calls",
               to=[("port 443", "https", 1)])
    expect("php with curl", rows, pids["php"], "not_observed", not_on,
           advice=hand)
    if "another" in pids:
        expect("another user's, for root", rows, pids["another"],
               "not_observed", not_on, advice=hand)
        check("host: the user's name",
              rows.get(pids["another"], {}).get("user") == "nobody", rows)
        _, few, less, said = ask(gateway, user=NOBODY)
        check("host: for a user only its own", pids["another"] in few and
              pids["later"] not in few and less["unreadable"] > 5 and
              "ask as root" in said, (few, said))
        root_without_rights()
    check("host: status 1 where a model's caller is not observed",
          status == 1, status)
    check("host: no key is shown", SECRET not in text + json.dumps(facts),
          text)
    check("host: one text line a process",
          all("%7d " % pid in text for pid in pids.values()
              if pid in rows), text)
    conf = os.path.join(TMP, "gateways.conf")
    with open(conf, "w") as f:
        f.write("DD_LLMOBS_INSTRUMENTED_PROXY_URLS=%s\n" % gateway)
    _, rows, _, _ = ask(LLMOBS_CONFIG=conf)
    expect("a gateway that the doctor's file names", rows, pids["later"],
           "not_observed", not_on, to=to, advice=hand)
    _, rows, _, _ = ask()
    expect("a gateway that the process itself names", rows, pids["own"],
           "not_observed", not_on, to=to, advice=hand)


def root_without_rights():
    done = subprocess.run(
        ["setpriv", "--bounding-set=-sys_ptrace", TOOL, "doctor", "--host"],
        env=BASE, stdout=subprocess.PIPE, timeout=300)
    check("host: a container's root is not sent to root",
          b"into: a container's root needs CAP_SYS_PTRACE" in done.stdout,
          done)


def usage():
    _, rows, _, _ = ask("http://,,no url,http://[::1:3,//x:99999",
                        LLMOBS_BUILD=BUILD)
    check("host: bad URLs of gateways change nothing", isinstance(rows, dict))


try:
    kinds()
    usage()
except Exception as e:
    check("host: %r" % e, False, "")
finally:
    for process in running:
        process.kill()
        process.wait()
    shutil.rmtree(TMP)
