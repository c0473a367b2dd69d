#!/usr/bin/python3
"""Tests of `llmobs doctor`: programs of every kind, made here where no package
has them, processes, broken files.

usage: doctor.py BUILD_DIR LLMOBS_RUN [PART]...
"""
import ctypes
import glob
import http.server
import json
import os
import random
import re
import resource
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
from checks import check  # noqa: E402

BUILD, RUN, *PARTS = sys.argv[1:]
TOOL = os.path.join(BUILD, "llmobs")
SHIM = os.path.join(BUILD, "libllmobs_preload.so")
TMP = tempfile.mkdtemp(prefix="llmobs-doctor-test.")
MACHINE = 62 if os.uname().machine == "x86_64" else 183
SECRET = "0d0c702a0123456789abcdef5e6f7a8b"
BASE = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LLMOBS_BUILD": BUILD,
        "LLMOBS_STORE_DIR": os.path.join(TMP, "store"),
        "LLMOBS_EXPORTER": "store", "HOME": TMP,
        "LLMOBS_CONFIG": os.path.join(TMP, "empty.conf")}
open(BASE["LLMOBS_CONFIG"], "w").close()
LATER = """#include <dlfcn.h>
#include <unistd.h>
int main(void) { void *h = dlopen("libcurl.so.4", RTLD_NOW);
  long (*init)(long) = h ? dlsym(h, "curl_global_init") : 0;
  if (init) init(3);
  (void)!write(1, "x", 1); pause(); return 0; }
"""
BOXED = """#include <curl/curl.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
static void no_files(void) {
  struct sock_filter f[] = {
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 0, 1),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 13),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
  struct sock_fprog p = {4, f};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
      prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &p)) _exit(3); }
int main(int argc, char **argv) {
  rlim_t most = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
  if (argv[1][0] == 'f') no_files();
  if (argv[1][0] == 'd') setrlimit(RLIMIT_NOFILE, &(struct rlimit){3, 99});
  if (argv[1][0] == 'm') setrlimit(RLIMIT_AS, &(struct rlimit){most, most});
  if (argv[1][1] == 's') setrlimit(RLIMIT_FSIZE, &(struct rlimit){9, 9});
  for (int i = 0; argv[1][1] == '3' && i < 3; i++) close(i);
  curl_easy_init();
  if (argv[1][1] == 'r' || argv[1][1] == 'x')
    setrlimit(RLIMIT_NOFILE, &(struct rlimit){99, 99});
  if (argv[1][1] == 'x') return 0;
  if (argv[1][1] == 'r') curl_easy_init(), argv[1][1] = 0;
  if (argv[1][1]) return !curl_easy_init();
  (void)!write(1, "x", 1); pause(); return 0; }
"""
FAKE = """const char about[] = "libcurl/8.1.2";
int curl_easy_perform(void *h) { return h != 0; }
int curl_easy_setopt(void *h) { return h != 0; }
int curl_easy_getinfo(void *h) { return h != 0; }
"""


def place(*names):
    path = os.path.join(TMP, *names)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    return path


def write(name, data, mode=0o644):
    path = place(name)
    with open(path, "wb" if isinstance(data, bytes) else "w") as f:
        f.write(data)
    os.chmod(path, mode)
    return path


def compile(name, source, *flags):
    """Gives the path; None where the compiler cannot."""
    path = place(name)
    code = write(name + ".c", source)
    done = subprocess.run(["gcc", "-w", code, "-o", path, *flags],
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    return path if done.returncode == 0 else None


def doctor(*what, json_too=True, env=None, cpu=None):
    """Gives (status, text, JSON); `cpu`: the kernel ends it after so many
    seconds of a processor, which mean the same on a busy machine."""
    env = dict(BASE, **(env or {}))
    env = {k: v for k, v in env.items() if v is not None}
    what = ("--no-self-test", *what)  # tests/cli/selftest.py
    text = subprocess.run([TOOL, "doctor", *what], env=env, cwd=TMP,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          preexec_fn=cpu and (lambda: resource.setrlimit(
                              resource.RLIMIT_CPU, (cpu, cpu + 1))),
                          timeout=300)
    if not json_too:
        return text.returncode, text.stdout.decode(errors="replace"), None
    same = subprocess.run([TOOL, "doctor", "--json", *what], env=env, cwd=TMP,
                          stdout=subprocess.PIPE, timeout=300)
    facts = json.loads(same.stdout)
    works = {0: True, 1: False, 3: True, 4: None}
    if same.returncode != text.returncode or facts["works"] is not works[
            text.returncode]:
        raise AssertionError("text and JSON differ: %s" % facts)
    return text.returncode, text.stdout.decode(errors="replace"), facts


def expect(name, what, status, *texts, how=None, copy=None, env=None):
    """One run: its status, words of its text, the reach and one copy."""
    what = what if isinstance(what, tuple) else (what,)
    try:
        got, text, facts = doctor(*what, env=env)
    except Exception as e:
        check(name, False, repr(e))
        return None, ""
    wrong = [t for t in texts if t not in text]
    if got != status:
        wrong.append("status %d" % got)
    if how is not None and facts.get("reach", {}).get("how") != how:
        wrong.append("how")
    if copy is not None and not any(
            all(c.get(k) == v for k, v in copy.items())
            for c in facts["reach"]["copies"]):
        wrong.append("copy %s" % copy)
    check(name, not wrong, (wrong, text))
    return facts, text


# ---- programs that are there ---------------------------------------------

def installed():
    real = os.path.realpath(glob.glob("/usr/lib/*/libcurl.so.4")[0])
    facts, _ = expect("curl: linked", "curl", 0, "linked: ", "OpenSSL",
                      "possible", "would preload", how="linked",
                      copy={"flavour": "OpenSSL"})
    said = subprocess.run(["curl", "--version"], stdout=subprocess.PIPE,
                          text=True).stdout.split("libcurl/")[1].split()[0]
    check("curl: the version that it tells itself", facts and
          facts["reach"]["copies"][0]["version"] == said, (said, facts))
    check("curl: the file that the loader takes", facts and os.path.realpath(
        facts["reach"]["copies"][0]["path"]) == real, (real, facts))
    expect("arguments are the program's", ("curl", "--json", "-x", "{}"), 0,
           "linked: ")
    expect("true: nothing", "true", 1, "neither linked", "`llmobs-run --intercept "
           "CMD` observes them, but none of Java", how="none")
    expect("git: by its helper", "git", 0, "git-remote-http", how="later",
           copy={"flavour": "GnuTLS"})
    expect("php: by its extension", "php", 0, "curl.so",
           "calls without libcurl over a TLS library are observed", how="later",
           copy={"flavour": "OpenSSL", "version": said})
    expect("python3: by pycurl", "/usr/bin/python3", 0, "pycurl", how="later",
           copy={"flavour": "GnuTLS"})
    expect("python3: by its own TLS", "/usr/bin/python3", 0,
           "calls without libcurl over a TLS library are observed")
    expect("python3: beside a tracer", "/usr/bin/python3", 0,
           "a tracer reports the program's calls",
           env={"PYTHONPATH": "/opt/ddtrace/bootstrap"})
    expect("perl: by its own TLS", "/usr/bin/perl", 0,
           "calls without libcurl over a TLS library are observed")
    expect("openssl: by TLS alone", "openssl", 0, "-- neither linked",
           "over a TLS library", env={"LLMOBS_TLS": "on"})
    expect("python3: TLS off in the file", "/usr/bin/python3", 0,
           "LLMOBS_TLS=on observes them", env={
               "LLMOBS_CONFIG": write("tls.conf", "LLMOBS_TLS=off\n")})
    expect("openssl: not by TLS", "openssl", 1, "NO neither linked",
           "LLMOBS_TLS=on observes them")
    dotnet = shutil.copy("/bin/true", place("dotnet"))
    expect("dotnet: not by TLS", dotnet, 1, "LLMOBS_TLS=on observes them")
    expect("dotnet: by TLS", dotnet, 0, "over a TLS library are observed",
           env={"LLMOBS_TLS": "on"})
    expect("sh: hands on", "sh", 4,
           "the doctor does not look at what it runs", how="none")
    expect("llmobs: by dlopen", TOOL + "-tool", 0, "opened later", how="later")


CONNECTS = """#include <sys/socket.h>
int main(void) { return connect(-1, 0, 0); }
"""


def plain(name, what, status, *texts, seen, **env):
    """The line about calls by plain http://."""
    facts, _ = expect("plain http: " + name, what, status, *texts, env=env)
    check("plain http: %s: as JSON" % name,
          facts and facts["reach"]["plain_http"] == seen, facts)


def filtered():
    """As a service manager sets a filter of system calls; this one allows all."""
    allows = ctypes.create_string_buffer(struct.pack("HBBI", 6, 0, 0, 0x7fff0000))
    program = struct.pack("HxxxxxxP", 1, ctypes.addressof(allows))
    libc = ctypes.CDLL(None)
    if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, program):
        os._exit(9)


def plain_http():
    observed = "calls without libcurl by plain http:// are observed"
    for name, what in ("Python", "/usr/bin/python3"), ("PHP", "php"), (
            "Perl", "/usr/bin/perl"):
        plain(name, what, 0, observed, seen=True)
    plain("switched off", "/usr/bin/python3", 0, "LLMOBS_SOCKETS is off",
          seen=False, LLMOBS_SOCKETS="off")
    plain("beside a tracer", "/usr/bin/python3", 0,
          "a tracer in its language reports them", seen=False,
          PYTHONPATH="/opt/ddtrace/bootstrap")
    plain("off, in the file", "/usr/bin/python3", 0, "LLMOBS_SOCKETS is off",
          seen=False,
          LLMOBS_CONFIG=write("sockets.conf", "LLMOBS_SOCKETS=off\n"))
    node = compile("node-24", CONNECTS)
    plain("Node", node, 0, observed, "-- neither", seen=True)
    plain("Node beside a tracer", node, 1,
          "a tracer in its language reports them", "NO neither", seen=False,
          NODE_OPTIONS="--require dd-trace/init")
    own = compile("client", CONNECTS)
    plain("a client of its own", own, 1, "LLMOBS_SOCKETS=on in its environment",
          "NO neither", seen=False)
    plain("a client of its own, on in the file", own, 1,
          "LLMOBS_SOCKETS=on in its environment", seen=False,
          LLMOBS_CONFIG=write("sockets.conf", "LLMOBS_SOCKETS=on\n"))
    plain("beside a tracer, on in the file", "/usr/bin/python3", 0, observed,
          seen=True, PYTHONPATH="/opt/ddtrace/bootstrap",
          LLMOBS_CONFIG=TMP + "/sockets.conf")
    plain("a client of its own, on", own, 3, observed, "!! neither",
          "calls by https:// are not seen", seen=True, LLMOBS_SOCKETS="on")
    plain("a client of its own, on, to a gateway", own, 0, observed,
          "All is well for calls by plain http://. Still no span? `llmobs "
          "doctor --run CMD`", seen=True, LLMOBS_SOCKETS="on",
          DD_LLMOBS_INSTRUMENTED_PROXY_URLS="https://a,http://localhost:4000")
    gateway = {"DD_LLMOBS_INSTRUMENTED_PROXY_URLS": "http://localhost:4000"}
    until = observed + " until it listens"
    plain("a client of its own, to a listed gateway", own, 0, until,
          "All is well for calls by plain http://.", seen=True, **gateway)
    text = subprocess.run([TOOL, "doctor", "--no-self-test", own], cwd=TMP,
                          env=dict(BASE, **gateway), preexec_fn=filtered,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300)
    check("plain http: under a filter of its own", text.returncode == 1 and
          b"a filter of its own; LLMOBS_SOCKETS=on observes" in text.stdout, text.stdout)
    plain("by https://", own, 1, "LLMOBS_SOCKETS=on in its environment", seen=False,
          DD_LLMOBS_INSTRUMENTED_PROXY_URLS="https://http:1,gateway:4000")
    plain("to a listed gateway, off", own, 1, "LLMOBS_SOCKETS is off", seen=False,
          LLMOBS_SOCKETS="off", **gateway)
    plain("to a listed gateway, beside a tracer", own, 1,
          "a tracer in its language reports them", seen=False,
          PYTHONPATH="/opt/ddtrace/bootstrap", **gateway)
    plain("Python, to a listed gateway", "/usr/bin/python3", 0, observed + ";",
          "by plain http://. Still", seen=True, **gateway)
    listed = {"LLMOBS_CONFIG": write("listed.conf", "%s=%s\n" % [*gateway.items()][0])}
    plain("to a gateway that the file lists", own, 1,
          "LLMOBS_SOCKETS=on in its environment", seen=False, **listed)
    compile("libconnects.so", CONNECTS.replace("main", "reach"), "-shared",
            "-fPIC", "-Wl,-soname,libconnects.so")
    linked = compile("linked", "int reach(void);\n"
                     "int main(void) { return reach(); }", "-L" + TMP,
                     "-lconnects", "-Wl,-rpath," + TMP)
    plain("by a library", linked, 3, observed, seen=True, LLMOBS_SOCKETS="on")
    opens = compile("opens", "#include <dlfcn.h>\n"
                    "int main(int n, char **v) { return !dlopen(v[n - 1], 1); }")
    plain("by a library that is opened, as Java's", opens, 1,
          "LLMOBS_SOCKETS=on in its environment", seen=False)
    plain("by a library that is opened, on", opens, 3, observed, seen=True,
          LLMOBS_SOCKETS="on")
    compile("libhastls.so", "int SSL_read(); int reach(void) { return "
            "SSL_read(0, 0, 0); }", "-shared", "-fPIC", "-l:libssl.so.3")
    tls = compile("hastls", CONNECTS.replace("connect(", "reach() + connect(")
                  .replace("int main", "int reach(void);\nint main"),
                  "-L" + TMP, "-lhastls", "-Wl,-rpath," + TMP)
    plain("beside TLS, on in the file", tls, 3, observed,
          "LLMOBS_TLS=on observes them", seen=True,
          LLMOBS_CONFIG=TMP + "/sockets.conf")
    plain("beside TLS, to a gateway that the file lists", tls, 0, until, seen=True,
          **listed)
    plain("OpenSSL's own", "openssl", 1, "no file of it calls connect",
          seen=False, LLMOBS_SOCKETS="on", LLMOBS_TLS="off")
    plain("no connect", "true", 1, "no file of it calls connect", seen=False,
          LLMOBS_SOCKETS="on")
    plain("static", compile("alone", CONNECTS, "-static"), 1,
          "it is a static program", seen=False, LLMOBS_SOCKETS="on")
    compile("libphp8.so", "int php;", "-shared", "-fPIC")
    module = start([RUN, compile(
        "server", CONNECTS.replace("main", "other") + "#include <unistd.h>\n"
        "int main(void) { (void)!write(1, \"x\", 1); pause(); return 0; }",
        "-Wl,--no-as-needed", "-l:libphp8.so", "-L" + TMP,
        "-Wl,-rpath," + TMP)], {})
    plain("PHP as a module", str(module.pid), 3, observed, seen=True)
    stop(module)
    for what in "curl", "sh":
        _, text, _ = doctor(what, json_too=False)
        check("plain http: no word for %s" % what, "plain http" not in text,
              text)


# ---- programs made here --------------------------------------------------

def made():
    static = compile("static", "int main(void) { return 0; }", "-static")
    expect("static", static, 1, "statically linked", "--intercept CMD` observes "
           "them, but none of Java", how="none")
    pie = compile("static-pie", "int main(void) { return 0; }", "-static-pie")
    if pie:
        expect("static and position-independent", pie, 1, "statically linked")
    own = compile("own", FAKE + "int main(void) { return 0; }")
    expect("libcurl inside, by its symbols", own, 1, "out of reach",
           how="static", copy={"how": "static", "version": "8.1.2"})
    subprocess.run(["strip", own])
    expect("libcurl inside, by its texts", own, 1, "out of reach",
           how="static", copy={"version": "8.1.2"})
    # gcc 10 has moved "libcurl/" into the code.
    for text, version in (("CLIENT libcurl 7.74.0\\r\\n", "7.74.0"),
                          ("written for libcurl 7.74.0", None)):
        old = compile("old", FAKE.replace("libcurl/8.1.2", text) +
                      "int main(void) { return 0; }")
        expect("libcurl inside, which says %s" % text, old, 1, "out of reach",
               how="static", copy={"how": "static", "version": version})
    later = compile("later", LATER)
    expect("dlopen", later, 0, "opened later", how="later")
    gone = compile("gone", LATER.replace("libcurl.so.4", "libcurl-no.so.9"))
    expect("dlopen of what is not there", gone, 1, "not installed",
           copy={"missing": True})


def resolved():
    """The loader's order, by files of the same name in two places."""
    for where in "one", "two":
        compile(where + "/libxfer.so", FAKE.replace(
            "8.1.2", "8.1.2" if where == "one" else "8.2.0"), "-shared",
            "-fPIC", "-Wl,-soname,libxfer.so")
    one, two = place("one", "x")[:-2], place("two", "x")[:-2]
    compile("one/libmid.so", "int curl_easy_perform(void *);\n"
            "int mid(void) { return curl_easy_perform(0); }", "-shared",
            "-fPIC", "-L" + one, "-lxfer", "-Wl,-rpath,$ORIGIN",
            "-Wl,--enable-new-dtags")
    main = "int mid(void); int main(void) { return mid(); }"
    run = compile("through", main, "-L" + one, "-lmid", "-Wl,-rpath," + one,
                  "-Wl,--enable-new-dtags", "-Wl,--allow-shlib-undefined")
    old = compile("old", main, "-L" + one, "-lmid", "-Wl,-rpath,${ORIGIN}/one",
                  "-Wl,--disable-new-dtags", "-Wl,--allow-shlib-undefined")
    expect("through a library, under another name", run, 0, "by " + one,
           how="linked", copy={"path": one + "/libxfer.so", "version": "8.1.2"})
    expect("LD_LIBRARY_PATH before RUNPATH", run, 0,
           copy={"path": two + "/libxfer.so", "version": "8.2.0"},
           env={"LD_LIBRARY_PATH": "/nowhere:" + two})
    expect("RPATH with $ORIGIN", old, 0, copy={"path": one + "/libxfer.so"})
    os.unlink(one + "/libxfer.so")
    expect("a library that is not found", run, 1, "not found: libxfer.so")
    if os.geteuid() == 0:
        os.chown(old, 65534, 65534)
        expect("of another user's file the loader is not asked", old, 1,
               "not found in the usual directories: libmid.so")
    write("one/libxfer.so", b"\x7fELF\x01\x01\x01" + bytes(9) +
          struct.pack("<HH", 3, 3) + bytes(40))
    expect("one of another class is passed over", run, 0,
           copy={"path": two + "/libxfer.so"}, env={"LD_LIBRARY_PATH": two})


XFER = FAKE.replace("const char about[]", "char about[]")
SAYS = """#include <unistd.h>
extern char about[];
int main(void) { return write(1, about, 13) != 13; }
"""


def xfer(name, version, *flags):
    """A libcurl of that version."""
    return compile(name, XFER.replace("8.1.2", version), "-shared", "-fPIC",
                   *flags)


def as_it_runs(name, path, env=None):
    """The doctor names the libcurl that the loader takes, and misses none."""
    ran = subprocess.run([path], env=dict(BASE, **(env or {})), cwd=TMP,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if ran.returncode != 0:
        check(name, False, ran)
        return
    facts, text = expect(name, path, 0, "linked", env=env, copy={
        "version": ran.stdout.decode().split("/")[1]})
    check(name + ": nothing is missing", "not found" not in text, text)
    check(name + ": one copy", facts and len(facts["reach"]["copies"]) == 1,
          text)


def linked(name, against, *flags, source=SAYS):
    return compile(name, source, against, "-Wl,--allow-shlib-undefined", *flags)


def needed():
    """Each way by which the loader finds what an object needs."""
    soname, new, old = "-Wl,-soname,libxfer.so", "-Wl,--enable-new-dtags", \
        "-Wl,--disable-new-dtags"
    here = os.getcwd()
    os.chdir(TMP)
    xfer("ways/sub/libslash.so", "8.0.1")
    slash = linked("ways/slash", "ways/sub/libslash.so")
    os.chdir(here)
    as_it_runs("a relative name with a slash", slash)
    plain = xfer("ways/libxfer.so", "8.0.2", soname)
    xfer("libxfer.so", "8.0.3", soname)
    bare = linked("ways/bare", plain)
    for path in ":/nowhere", "/nowhere:", "/nowhere::/none", ";", "ways", ".":
        as_it_runs("LD_LIBRARY_PATH=" + path, bare, {"LD_LIBRARY_PATH": path})
    named = xfer("ways/own/sub/libown.so", "8.0.6", "-Wl,-soname,$ORIGIN/sub/libown.so")
    as_it_runs("a name with $ORIGIN", linked("ways/own/program", named))
    if os.geteuid() == 0:
        os.chmod(TMP, 0o755)
        os.chmod(shutil.copy(bare, place("ways/secure")), 0o4755)
        text = subprocess.run(
            ["setpriv", "--reuid=65534", "--clear-groups", RUN[:-4], "doctor",
             "--no-self-test", place("ways/secure")],
            env=dict(BASE, LD_LIBRARY_PATH=place("ways")), stdout=subprocess.PIPE).stdout
        check("the loader passes LD_LIBRARY_PATH over for a set-user-id file",
              b"set-user-id" in text and b"not found: libxfer.so" in text, text)
    os.unlink(place("libxfer.so"))
    expect("an empty LD_LIBRARY_PATH is none", bare, 1,
           "not found: libxfer.so", env={"LD_LIBRARY_PATH": ""})
    for flag in new, old:
        as_it_runs("a relative path, " + flag,
                   linked("ways/relative", plain, "-Wl,-rpath,ways", flag))
        for token in "LIB", "{LIB}", "PLATFORM":
            for i, lib in enumerate(("lib", "lib64", "haswell", "xeon_phi",
                                     os.uname().machine,
                                     "lib/%s-linux-gnu" % os.uname().machine)):
                xfer("ways/tokens/%s/libxfer.so" % lib, "8.1.%d" % i, soname)
            as_it_runs("$%s, %s" % (token, flag), linked(
                "ways/token", plain, flag,
                "-Wl,-rpath,$ORIGIN/tokens/$" + token))
    if MACHINE == 62:
        xfer("ways/cpu/glibc-hwcaps/x86-64-v2/libxfer.so", "8.0.4", soname)
        cpu = linked("ways/cpu/program", plain, "-Wl,-rpath,$ORIGIN")
        as_it_runs("for certain processors alone", cpu)
        xfer("ways/cpu/libxfer.so", "8.0.5", soname)
        as_it_runs("for certain processors, and for all", cpu)
    chain(plain, soname, new, old)


def chain(plain, soname, new, old):
    """An RPATH counts for what the object brings, but for those with a
    RUNPATH."""
    xfer("ways/far/libxfer.so", "8.2.1", soname)
    middle = ["-shared", "-fPIC", "-Wl,--no-as-needed", plain]
    for flag in "-Wl,--no-as-needed", "-Wl,-rpath,/nowhere":
        inner = compile("ways/far/libinner.so", "int inner;", *middle, new,
                        "-Wl,-soname,libinner.so", flag)
        outer = compile("ways/libouter.so", "int outer;", "-shared", "-fPIC",
                        "-Wl,--no-as-needed", inner, old,
                        "-Wl,-rpath,$ORIGIN/far", "-Wl,-soname,libouter.so")
        program = linked("ways/chain", "-Wl,--no-as-needed", outer, new,
                         "-Wl,-rpath,$ORIGIN",
                         source="int main(void) { return 0; }")
        os.rename(plain, plain + ".away")
        ran = subprocess.run([program], env=BASE, stderr=subprocess.PIPE)
        check("a chain runs", (ran.returncode == 0) == ("rpath" not in flag),
              ran)
        if "rpath" not in flag:
            expect("an RPATH of what brought it", program, 0,
                   copy={"version": "8.2.1"})
        else:
            expect("no RPATH beside a RUNPATH", program, 1, "not found")
        os.rename(plain + ".away", plain)
    named = xfer("ways/other-name.so", "8.2.2", soname)
    user = compile("ways/libuser.so", "int user;", *middle,
                   "-Wl,-soname,libuser.so")
    program = linked("ways/first", named, "-Wl,--no-as-needed", user,
                     "-Wl,-rpath,$ORIGIN")
    as_it_runs("one of that name is there already", program)


def wrapped():
    """The doctor names the file that stands before libcurl."""
    main = "int curl_global_init(long);\nint main(void)\n{\n    return " \
        "curl_global_init(3);\n}\n"
    for asks, status in ("dlsym", 0), ("other", 3):
        wrapper = "void *%s(void *, const char *);\n" \
            "int curl_global_init(long x)\n" \
            "{\n    return %s(0, \"x\") != (void *)x;\n}\n" % (asks, asks)
        words = ("curl_global_init", "calls by it are " +
                 ("seen if it asks" if status == 0 else "not seen"))
        library = compile("libwrapper-%s.so" % asks, wrapper, "-shared", "-fPIC")
        program = compile("plain", main, "-lcurl")
        expect("a preload with " + asks, program, status, library, *words,
               env={"LD_PRELOAD": library})
        expect("no preload beside " + asks, program, 0)
        if status == 0:
            own = compile("own-" + asks, main.replace(
                "int curl_global_init(long);", wrapper), "-rdynamic",
                "-Wl,--no-as-needed", "-lcurl")
            expect("a program with " + asks, own, status, own, *words)
        needs = compile("needs-" + asks, main, "-Wl,--no-as-needed", library,
                        "-lcurl", "-Wl,-rpath," + TMP,
                        "-Wl,--allow-shlib-undefined")
        facts, _ = expect("a library with " + asks, needs, status, library,
                          *words)
        check("a library with %s: facts" % asks, facts["wrappers"] == [
            {"path": library, "functions": "curl_global_init",
             "asks_the_loader": status == 0}], facts["wrappers"])


def rights():
    if os.geteuid() != 0:
        print("# rights: skipped, they need root")
        return
    copy = place("setuid")
    shutil.copy("/usr/bin/curl", copy)
    os.chown(copy, 65534, 65534)
    os.chmod(copy, 0o4755)
    expect("set-user-id of another", copy, 1, "set-user-id")
    os.chmod(copy, 0o2755)
    expect("set-group-id of another", copy, 1, "set-group-id")
    os.chown(copy, 0, 0)
    os.chmod(copy, 0o4755)
    expect("set-user-id of one's own", copy, 0, "set-user-id", "for you it")
    os.chmod(copy, 0o644)
    os.chmod(copy, 0o000)
    expect("not executable", copy, 1, "not executable")


def scripts():
    path = write("a-script", "#!/usr/bin/php\n<?php\n", 0o755)
    expect("a script", path, 0, "a script for /usr/bin/php", "curl.so")
    path = write("by-env", "#!/usr/bin/env -S X=1 php -n\n", 0o755)
    expect("a script by env", path, 0, "a script for /usr/bin/php")
    write("one-of-two", "#!%s\n" % path, 0o755)
    expect("a script of a script", place("one-of-two"), 0, "one-of-two, a s")
    write("ring", "#!%s\n" % place("ring"), 0o755)
    expect("a script of itself", place("ring"), 1, "too often")
    path = write("lost", "#!/no/such/interpreter\n", 0o755)
    expect("a script of nothing", path, 1, "/no/such/interpreter: no such")
    for i, line in enumerate((b"#!", b"#!\n", b"#! \n", b"#!/usr/bin/env\n",
                              b"#!" + b"a" * 9000, b"#!\0\n", b"#!/\n")):
        path = write("odd-%d" % i, line, 0o755)
        expect("an odd first line, %d" % i, path, 1, "NO")


def header(machine=62, bits=2, order=1, kind=2, interp=None):
    """A small ELF file: a header and at most one segment."""
    e = "<" if order == 1 else ">"
    ident = b"\x7fELF" + bytes((bits, order, 1)) + bytes(9)
    if bits == 1:
        return ident + struct.pack(e + "HHIIIIIHHHHHH", kind, machine, 1, 0, 0,
                                   0, 0, 52, 32, 0, 40, 0, 0) + bytes(64)
    data = ident + struct.pack(e + "HHIQQQIHHHHHH", kind, machine, 1, 0, 64, 0,
                               0, 64, 56, 1 if interp else 0, 64, 0, 0)
    if interp:
        data += struct.pack(e + "IIQQQQQQ", 3, 4, 120, 0, 0, len(interp) + 1,
                            len(interp) + 1, 1)
        data += interp.encode() + b"\0"
    return data


def foreign():
    for name, data, text in (
            ("musl", header(interp="/lib/ld-musl-none.so.1"), "not there"),
            ("bionic", header(interp="/system/bin/linker64"), "neither glibc"),
            ("no-loader", header(interp="/lib64/ld-linux-none.so.9"),
             "not there"),
            ("riscv", header(machine=243, interp="/lib/ld-linux.so"), "riscv"),
            ("i386", header(machine=3, bits=1), "i386, 32 bits"),
            ("big-endian", header(machine=22, order=2), "s390, 64 bits"),
            ("unknown-machine", header(machine=9999), "unknown, 64 bits"),
            ("library", header(kind=3), "library and no program")):
        if os.uname().machine == "x86_64":
            expect(name, write(name, data, 0o755), 1, text)
    loader = write("ld-musl-test.so.1", "#!/bin/sh\nfor l in %s; do printf "
                   "'\\tlibcurl.so.4 => %%s (0x7f0)\\n' $l; done\n" %
                   glob.glob("/usr/lib/*/libcurl.so.4")[0], 0o755)
    path = write("musl-program", header(machine=MACHINE, interp=loader), 0o755)
    expect("musl can be preloaded", path, 1, "ok possible")
    expect("musl and a preload that is not there", path, 1, "the loader goes on without it",
           env={"LD_PRELOAD": place("no/libllmobs_preload.so")})
    # A folder with glibc's libcurl, for a program whose loader is musl's.
    library = glob.glob("/usr/lib/*/libcurl.so.4")[0]
    where = "-Wl,-rpath," + os.path.dirname(library)
    main = "int curl_global_init(long);\nint main(void)\n{\n    return " \
        "curl_global_init(3);\n}\n"
    expect("glibc and its libcurl", compile("for-glibc", main, library, where),
           0, "libcurl.so.4")
    path = compile("for-musl", main, library, where,
                   "-Wl,--dynamic-linker=" + loader)
    expect("musl passes glibc's libcurl over", path, 1,
           "a library was not found: libcurl.so.4")


def modules():
    """Interpreters with their extensions in places of our own."""
    library = ("int curl_easy_perform(void *);\n"
               "int go(void) { return curl_easy_perform(0); }")
    os.symlink("/usr/bin/python3", place("venv", "bin", "python3"))
    for place_of in "pycurl.so", "pycurl/_pycurl.cpython-314.so":
        name = "venv/lib/python3.11/site-packages/" + place_of
        compile(name, library, "-shared", "-fPIC",
                glob.glob("/usr/lib/*/libcurl.so.4")[0])
        expect("python3 of a virtual environment: " + place_of,
               place("venv/bin/python3"), 0, name,
               copy={"flavour": "OpenSSL"})
        os.unlink(place(name))
    ini, ext = place("php/conf.d/x")[:-2], place("lib/php/20990101/x")[:-2]
    php = compile("php9.9", 'const char *a = "%s", *b = "%s";\n'
                  "int main(void) { return 0; }" % (ini, ext))
    gone = {name: compile(name + ".so", "int %s(void) { return 0; }" % name, "-shared", "-fPIC",
                          "-Wl,-soname,%s.so" % name) for name in ("gone", "away")}
    lacks = compile("php9.8", 'int gone(void); const char *a = "%s", *b = "%s";\n'
                    "int main(void) { return gone(); }" % (ini, ext), gone["gone"])
    compile("lib/php/20990101/curl.so", library.replace("curl_easy_perform", "away"), "-shared",
            "-fPIC", gone["away"])
    for path in gone.values():
        os.unlink(path)
    expect("what the program lacks comes before what a module lacks", lacks, 3,
           "a library was not found: gone.so")
    os.unlink(place("lib/php/20990101/curl.so"))
    expect("php without the extension", php, 3, "by the extension curl",
           "calls without libcurl by plain http:// are observed")
    compile("lib/php/20990101/curl.so", library, "-shared", "-fPIC",
            glob.glob("/usr/lib/*/libcurl.so.4")[0])
    write("php/conf.d/20-curl.ini", ";extension=curl\nxextension=curl\n"
          "extension=curlx\nextension\nextension=\n")
    expect("php with the extension off", php, 3, "not enabled",
           copy={"switched_off": True})
    for line in ("extension=curl", ' extension = "curl.so" ; x\r',
                 "extension=/usr/lib/php/curl.so"):
        write("php/conf.d/20-curl.ini", "; x\n%s\n" % line)
        expect("php with %s" % line.strip(), php, 0, "curl.so",
               copy={"via": ext + "/curl.so"})


def sanitizers():
    path = compile("asan", "#include <curl/curl.h>\nint main(void) { return "
                   "curl_version() == 0; }", "-fsanitize=address", "-lcurl")
    if not path:
        print("# asan: skipped, no libasan")
        return
    env = dict(BASE, ASAN_OPTIONS="detect_leaks=0")
    expect("libasan", path, 0, "finds its name first")
    ran = subprocess.run([RUN, "sh", "-c", path], env=env)
    check("libasan: and so it does", ran.returncode == 0, ran)
    plain = {"LD_PRELOAD": SHIM, "DD_LLMOBS_ENABLED": "1"}
    expect("libasan, by a plain path", path, 1, "which ends it behind: " + SHIM,
           env=plain)
    ran = subprocess.run([path], env=dict(env, **plain),
                         stderr=subprocess.PIPE)
    check("libasan, by a plain path: and so it is", ran.returncode != 0 and
          b"does not come first" in ran.stderr, ran)
    for how in ({"ASAN_OPTIONS": "verify_asan_link_order=0"},
                {"LD_PRELOAD": subprocess.run(
                    ["gcc", "-print-file-name=libasan.so"], text=True,
                    stdout=subprocess.PIPE).stdout.strip()}):
        how = {k: os.path.realpath(v) if k == "LD_PRELOAD" else v
               for k, v in how.items()}
        env = dict(BASE, **how, LSAN_OPTIONS="detect_leaks=0")
        env["ASAN_OPTIONS"] = env.get("ASAN_OPTIONS", "x=0") + \
            ":detect_leaks=0"
        if "LD_PRELOAD" in how:
            # the tool itself is no program for libasan to be in
            tool = {"ASAN_OPTIONS": env["ASAN_OPTIONS"], **how}
        else:
            tool = how
        expect("libasan with %s" % list(how)[0], path, 0,
               "finds its name first", env=tool)
        ran = subprocess.run([RUN, path], env=env, stderr=subprocess.PIPE)
        check("libasan with %s: it runs" % list(how)[0], ran.returncode == 0,
              ran)


# ---- broken files --------------------------------------------------------

def broken():
    expect("no such command", "no-such-command", 1, "no such command")
    expect("no such file", "./no/such", 1, "no such command")
    expect("an empty name", "", 1, "no such command")
    expect("a directory", "/tmp", 1, "not a regular file")
    expect("a device", "/dev/zero", 1, "not a regular file")
    os.mkfifo(place("fifo"))
    expect("a fifo", place("fifo"), 1, "not a regular file")
    expect("text", "/etc/passwd", 1, "neither a program nor a script")
    bare = write("bare", b"curl --version\n", 0o755)
    check("a text that may be executed: the launcher has it run",
          subprocess.run([RUN, bare], stdout=subprocess.PIPE).returncode == 0)
    expect("a text that may be executed", bare, 4, "bare, a script for ")
    expect("a text of one letter", write("letter", b"#", 0o755), 4,
           "letter, a script for ")
    expect("a text that may not", write("text", b"curl\n", 0o644), 1,
           "neither a program nor a script")
    expect("a line without a name", write("nameless", b"#!\n", 0o755), 1,
           "neither a program nor a script")
    expect("nothing", write("empty", b"", 0o755), 1, "neither a program")
    name = "odd\x1b[31m\nname\u202e"
    shutil.copy("/bin/true", place(name))
    _, text = expect("an odd name", place(name), 1, "\\x1b[31m\\n")
    check("an odd name: no control in the text", "\x1b" not in text, text)


def mutated():
    """Cut and changed files: an answer in time, never a signal."""
    random.seed(5)
    with open(TOOL, "rb") as f:
        whole = f.read()
    wrong = []
    cases = [whole[:n] for n in (4, 16, 18, 52, 63, 64, 65, 120, 400, 4096,
                                 len(whole) // 2, len(whole) - 1)]
    for _ in range(150):
        data = bytearray(whole[:400000])
        for _ in range(random.choice((1, 4, 40))):
            at = random.randrange(random.choice((64, 900, 6000)))
            data[at] = random.choice((0, 1, 255, 128, random.randrange(256)))
        cases.append(bytes(data))
    sections = struct.unpack_from("<Q", whole, 40)[0]
    for _ in range(60):
        data = bytearray(whole)
        for _ in range(8):
            at = random.randrange(sections, len(data))
            data[at] = random.choice((0, 1, 255, random.randrange(256)))
        cases.append(bytes(data))
    for data in cases:
        path = write("mutant", data, 0o755)
        status, text, _ = doctor(path, json_too=False)
        if (status not in (0, 1, 4) or "program" not in text or
                "Sanitizer" in text or "runtime error" in text):
            wrong.append((status, text, data[:64].hex()))
    check("%d broken programs" % len(cases), not wrong, wrong[:2])


# ---- processes -----------------------------------------------------------

# ---- files that somebody made to hold root up ------------------------------

def elf(name, *, needed=(), runpath="", sections=0, text=b"", hole=0,
        loader=""):
    """A library with such a dynamic section, and `sections` tables of symbols
    which all stand for the same `hole` of the file; with `loader` a program."""
    strings = b"\0"
    dynamic = b""
    entries = [(1, n) for n in needed] + [(29, runpath)] * bool(runpath)
    for tag, value in entries:
        dynamic += struct.pack("<QQ", tag, len(strings))
        strings += value.encode() + b"\0"
    at = 0x1000
    dynamic += struct.pack("<QQQQQQ", 5, at, 10, len(strings), 0, 0)
    dynamic_at = at + len(strings)
    text_at = dynamic_at + len(dynamic)
    loader_at = text_at + len(text)
    text += loader.encode() + b"\0" * 8
    table_at = text_at + len(text)
    hole_at = table_at + sections * 64
    size = max(hole_at + hole, 1)
    load = struct.pack("<IIQQQQQQ", 1, 4, 0, 0, 0, size, size, 4096)
    head = struct.pack("<IIQQQQQQ", 2, 4, dynamic_at, dynamic_at, dynamic_at,
                       len(dynamic), len(dynamic), 8)
    head += struct.pack("<IIQQQQQQ", 3 if loader else 0, 4, loader_at,
                        loader_at, loader_at, len(loader) + 1, len(loader) + 1,
                        1)
    data = b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack(
        "<HHIQQQIHHHHHH", 3, MACHINE, 1, 0, 64,
        table_at if sections else 0, 0, 64, 56, 3, 64, sections, 0)
    data = (data + load + head).ljust(at, b"\0") + strings + dynamic + text
    row = struct.pack("<IIQQQQIIQQ", 0, 2, 0, 0, hole_at, hole, 0, 0, 8, 24)
    path = write(name, data + row * sections, 0o755)
    os.truncate(path, size)
    return path


def bounded(name, path, limit, *texts, env=None):
    status, text, _ = doctor(path, env=env, json_too=False, cpu=limit)
    check(name, status >= 0 and all(t in text for t in texts), (status, text))


def work():
    """Each asked for hours, or for minutes; the doctor has its answer within
    seconds of a processor."""
    limit, left_out = 30, "not all of them was looked at"
    # This machine's own, of those that a compiler for several has beside it.
    with open(sys.executable, "rb") as f:
        loader = os.path.realpath(re.search(
            rb"/lib\w*/ld-linux-[\w-]+\.so\.\d\0", f.read()).group()[:-1].decode())
    bounded("sixty thousand tables of symbols", elf(
        "tables", sections=60000, hole=48 << 20), limit, left_out)
    bounded("texts of nothing but the name", elf(
        "texts", text=b"libcurl" * (9 << 20)), limit, left_out)
    many = ["lib%03d.so" % i for i in range(250)]
    dirs = ":".join(["/x"] * 1300)
    for i, library in enumerate(many):
        elf("libs/" + library, runpath=dirs, needed=[
            "no%d-%03d.so" % (i, k) for k in range(250)])
    bounded("libraries in thousands of directories", elf(
        "libs/many", loader=loader, needed=many,
        runpath=place("libs", "x")[:-2]), limit, "a library was not found: no0-000.so")
    for i in range(8):
        elf("huge/lib%d.so" % i, sections=200, hole=60 << 20)
    bounded("each of its libraries asks for much", elf(
        "huge/main", loader=loader, needed=["lib%d.so" % i for i in range(8)],
        runpath=place("huge", "x")[:-2]), limit, left_out)
    os.makedirs(place("farm", "end"))
    last = "end"
    for i in range(39):  # the most that a kernel follows
        os.symlink("./" * 2040 + last, place("farm", str(i)))
        last = str(i)
    bounded("libraries behind links behind links", elf(
        "farm/main", loader=loader, needed=["no%03d.so" % i for i in range(250)],
        runpath=":".join([place("farm", last)] * 80)),
        limit, "a library was not found: no000.so")
    for i in range(9000):
        os.symlink(place("farm", last), place("farm", "lib", "python%d" % i))
    os.makedirs(place("farm", "bin"))
    shutil.copy(place("farm", "main"), place("farm", "bin", "python3"))
    bounded("modules behind such links", place("farm", "bin", "python3"), limit,
            left_out)
    expect("a common one is read whole", shutil.which("curl"), 0, how="linked")
    _, text, _ = doctor(shutil.which("curl"), json_too=False)
    check("and nothing is said of it", left_out not in text, text)


class Watched:
    """A fifo that tells whether somebody has opened it, if only for a moment:
    then whoever waits to write to it goes on."""

    def __init__(self, path):
        os.mkfifo(path)
        self.writer = subprocess.Popen(["sh", "-c", 'exec 3>"$1"', "sh", path])
        self.path = path
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            with open("/proc/%d/wchan" % self.writer.pid) as f:
                if f.read() not in ("", "0"):
                    break
            time.sleep(0.01)
        time.sleep(0.1)

    def opened(self):
        time.sleep(0.1)
        return self.writer.poll() is not None

    def close(self):
        self.writer.kill()
        self.writer.wait()
        os.unlink(self.path)


def unopened(name, path, run):
    """`run` comes upon `path`, which is there as a fifo, as itself and by a
    link."""
    for how in "", ", by a link":
        target = path + ".target" if how else path
        watched = Watched(target)
        if how:
            os.symlink(target, path)
        try:
            run()
            check(name + how, not watched.opened(), "it was opened")
        finally:
            watched.close()
            if how:
                os.unlink(path)


def devices():
    """To open a device is to do something: nothing but files is opened."""
    program = elf("dev/main", needed=["watchdog"],
                  runpath=place("dev", "x")[:-2])
    unopened("a library that is no file", place("dev", "watchdog"),
             lambda: doctor(program, json_too=False))
    absolute = elf("dev/absolute", needed=[place("dev", "watchdog")])
    unopened("the same by its path", place("dev", "watchdog"),
             lambda: doctor(absolute, json_too=False))
    unopened("a command that is no file", place("dev", "command"),
             lambda: doctor(place("dev", "command"), json_too=False))
    for name in "LLMOBS_CONFIG", "LLMOBS_REDACT", "LLMOBS_RULES":
        path = place("dev", name)
        unopened("what %s names" % name, path, lambda: doctor(
            "true", json_too=False, env={name: path}))
        victim = start(["sh", "-c", "echo; exec sleep 100"], {name: path})
        unopened("what a process has as " + name, path, lambda: doctor(
            str(victim.pid), json_too=False))
        stop(victim)
    store = place("dev", "store", "x.jsonl")
    for argv in ([TOOL, "view", "--store", os.path.dirname(store)],
                 [TOOL, "view", "--json", "--store", os.path.dirname(store)]):
        unopened("a file of the store, %d" % len(argv), store,
                 lambda: subprocess.run(argv, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL, timeout=30))
    inside(place("dev", "home"))


def inside(home):
    """Files of the spool and of the counters."""
    env = dict(BASE, LLMOBS_STORE_DIR=home, DD_LLMOBS_ENABLED="1")
    subprocess.run([RUN, "--workflow", "w", "true"], env=env, check=True)
    for folder, _, names in list(os.walk(home)):
        for name in names:
            path = os.path.join(folder, name)
            os.rename(path, path + ".away")
            for argv in (["stats"], ["drain"], ["drain", "--dir", home],
                         ["view"]):
                unopened("%s for %s" % (path[len(home):], " ".join(argv)[:12]),
                         path, lambda: subprocess.run(
                             [TOOL] + argv, env=env, timeout=30,
                             stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL))
            os.rename(path + ".away", path)


def start(argv, env=None):
    process = subprocess.Popen(argv, env=dict(BASE, **(env or {})),
                               stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL)
    process.stdout.read(1)
    return process


def stop(process):
    process.kill()
    process.wait()


def processes():
    later = place("later")
    bare = start([later])
    expect("a process without us", str(bare.pid), 1, "not on: it was started",
           "not switched on", how="loaded", copy={"how": "loaded"})
    stop(bare)
    expect("a process that has ended", str(bare.pid), 1, "no such process")
    ours = start([RUN, later], {"DD_LLMOBS_ML_APP": "asked"})
    facts, _ = expect("a process with us", str(ours.pid), 0, "on: " + SHIM,
                      "libllmobs_core.so", "DD_LLMOBS_ML_APP=asked")
    check("a process with us: facts", facts and facts["preload_on"] and
          facts["settings"]["enabled"] and facts["kind"] == "process", facts)
    stop(ours)
    off = start([RUN, later], {"DD_LLMOBS_ENABLED": "false"})
    expect("a process that is switched off", str(off.pid), 1, "on: " + SHIM,
           "switched off by DD_LLMOBS_ENABLED (environment)")
    stop(off)
    copies = place("copies", "x")[:-2]
    for name in "libllmobs_preload.so", "libllmobs_core.so":
        shutil.copy(os.path.join(BUILD, name), copies)
    away = start([RUN, later], {"LLMOBS_BUILD": copies})
    os.unlink(copies + "/libllmobs_preload.so")
    expect("a library that was replaced", str(away.pid), 0,
           "replaced or deleted since")
    stop(away)
    apart = ["unshare", "-m"]
    if not subprocess.run(apart + ["true"]).returncode:
        for argv in (["env", "-u", "LLMOBS_CONFIG"], ["env", "LLMOBS_CONFIG="]):
            there = start(apart + argv + [RUN, later])
            text = expect("a process with mounts of its own", str(there.pid), 0,
                          "on: ")[1]
            check("of no file it says nothing: " + argv[-1],
                  "CONFIG" not in text, text)
            stop(there)
        lost = start(apart + [RUN, later], {"LLMOBS_CONFIG": TMP + "/none"})
        expect("a named file that it lacks", str(lost.pid), 3,
               "LLMOBS_CONFIG: /proc/%d/root%s/none: No such" % (lost.pid, TMP))
        stop(lost)
    for text in "0", "99999999999999999999", "2147483647":
        expect("process %s" % text, text, 1, "no such process")


NO_CORE = (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z %d error "
           r"libllmobs_core\.so is not loaded: %s.*\n")


def taken(path):
    """The file's text; the file is there no more."""
    text = ""
    if os.path.exists(path):
        with open(path) as f:
            text = f.read()
        os.unlink(path)
    return text


def no_core_logs(boxed):
    """The files that get the line, and those that never do."""
    log, other = place("logs", "log"), place("logs", "other")
    conf = write("log.conf", "LLMOBS_LOG = '%s'\n" % log)
    named = {"LLMOBS_LOG": log}
    for what, kind, env, lines in (
            ("a new one", "mm", named, 1),
            ("one of the configuration file", "mm", {"LLMOBS_CONFIG": conf}, 1),
            ("no standard descriptor", "m3", named, 1),
            ("a limit of its size", "ms", named, 0),
            ("the level", "mm", dict(named, LLMOBS_LOG_LEVEL="off"), 0),
            ("a link", "mm", named, 0), ("two names", "mm", named, 0),
            ("a fifo", "mm", named, 0)):
        write("logs/other", "")
        if what == "a link":
            os.symlink(other, log)
        elif what == "two names":
            os.link(other, log)
        elif what == "a fifo":
            os.mkfifo(log)
        done = subprocess.run([RUN, boxed, kind, str(40 << 20)], timeout=30,
                              env=dict(BASE, **env), capture_output=True)
        text = "" if what == "a fifo" else taken(log)
        check("a log, %s" % what, done.returncode == 0 and not done.stdout and
              not done.stderr and text.count("is not loaded") == lines ==
              text.count("\n") and not os.path.getsize(other), (done, text))
        for path in log, other:
            if os.path.lexists(path):
                os.unlink(path)


def no_core():
    """The program goes on; its memory and the log have the reason."""
    boxed = compile("boxed", BOXED, "-lcurl")
    copies = place("cut", "x")[:-2]
    shutil.copy(os.path.join(BUILD, "libllmobs_preload.so"), copies)
    core = os.path.join(copies, "libllmobs_core.so")
    none = {"LLMOBS_BUILD": copies}
    for what, env, why in (
            (["f"], {}, "its file may not be opened"),
            (["d"], {}, "no descriptor is free"),
            (["m", str(40 << 20)], {}, "a limit of memory leaves less"),
            (["-"], none, "its file is not whole")):
        if env:
            with open(os.path.join(BUILD, "libllmobs_core.so"), "rb") as whole:
                with open(core, "wb") as cut:
                    cut.write(whole.read(9000))
        log = place("no_core.log")
        process = start([RUN, boxed, *what], dict(env, LLMOBS_LOG=log))
        expect("no core: " + why, str(process.pid), 1, "on: ",
               "libllmobs_core.so is not loaded: " + why)
        stop(process)
        check("no core, in the log: " + why, re.fullmatch(
            r"" if what[0] in "fd" else NO_CORE % (process.pid, why),
            taken(log)), process.pid)
    no_core_logs(boxed)
    log = place("no_core.log")
    done = subprocess.run([RUN, boxed, "dx"], env=dict(BASE, LLMOBS_LOG=log),
                          timeout=30)
    check("no core: said at the exit", done.returncode == 0 and
          "no descriptor is free" in taken(log), done)
    process = start([RUN, boxed, "dr"], {"LLMOBS_LOG": log})
    expect("no core at first: one later", str(process.pid), 0, "on: ")
    stop(process)
    check("no core at first: no word", not os.path.exists(log), log)
    process = start([RUN, boxed, "-"])
    expect("a core, and no word", str(process.pid), 0, "on: ")
    stop(process)


# ---- settings and the agent ----------------------------------------------

class Agent(http.server.BaseHTTPRequestHandler):
    endpoints = ["/evp_proxy/v2/"]

    status = 202
    page = b""
    got = []

    def do_GET(self):
        body = json.dumps({"endpoints": self.endpoints}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        length = int(self.headers["Content-Length"])
        self.got.append((self.path, self.rfile.read(length)))
        self.send_response(self.status)
        self.send_header("Location", "/elsewhere")
        if self.page:
            self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(self.page)))
        self.end_headers()
        self.wfile.write(self.page)

    def log_message(self, *what):
        pass


def agent():
    """The URL of one, which answers by Agent.status."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Agent)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return "http://127.0.0.1:%d" % server.server_port


def settings():
    conf = write("our.conf", "DD_SERVICE=shop\nDD_API_KEY=%s\n"
                 "DD_ENV=file-env\nnonsense\n" % SECRET)
    env = {"LLMOBS_CONFIG": conf, "DD_ENV": "env-env",
           "_DD_TRACE_WRITER_ADDITIONAL_HEADERS": "X-Key:" + SECRET,
           "DD_LLMOBS_INSTRUMENTED_PROXY_URLS": "http://me:%s@gw/" % SECRET,
           "DD_LLMOBS_OVERRIDE_ORIGIN": "http://u:%s@x/" % SECRET,
           "OTEL_EXPORTER_OTLP_ENDPOINT": "u:hunter2@collector:4318",
           "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": "http://u:%s@x/" % SECRET,
           "OTEL_EXPORTER_OTLP_HEADERS": "api-key=" + SECRET,
           "OTEL_EXPORTER_OTLP_TRACES_HEADERS": SECRET,
           "DD_TRACE_AGENT_URL": "http://u:%s@127.0.0.1:1" % SECRET,
           "DD_TAGS": "token:" + SECRET}
    facts, text = expect("settings: sources", "curl", 3, "DD_SERVICE=shop (fi",
                         "DD_ENV=env-env (environment)", "file: " + conf,
                         "line 4: not NAME=value", env=env)
    shown = text + json.dumps(facts)
    check("settings: no secret", facts and SECRET not in shown and
          "hunter2" not in shown and
          "DD_API_KEY=(set, not shown) (file)" in text, text)
    env = {"DD_TRACE_AGENT_URL": env["DD_TRACE_AGENT_URL"],
           "LLMOBS_EXPORTER": "agent"}
    facts, text = expect("agent: silent", "curl", 1, "does not answer", env=env)
    check("agent: no secret", SECRET not in text + json.dumps(facts), text)
    expect("agent: not expected", "curl", 0, "does not answer", env={
        "LLMOBS_EXPORTER": None, "DD_AGENT_PORT": None})
    expect("intake without a key", "curl", 1, "no DD_API_KEY",
           env={"LLMOBS_EXPORTER": "agentless"})
    expect("switched off", "curl", 1, "switched off by DD_LLMOBS_ENABLED",
           env={"DD_LLMOBS_ENABLED": "0"})
    expect("excluded", "curl", 1, "switched off for ", "by LLMOBS_EXCLUDE",
           env={"LLMOBS_EXCLUDE": "git, cu?l"})
    expect("another one excluded", "curl", 0, "LLMOBS_EXCLUDE=git",
           env={"LLMOBS_EXCLUDE": "git"})
    expect("LD_PRELOAD alone", "curl", 1, "by LD_PRELOAD", "not switched on",
           env={"LD_PRELOAD": SHIM})
    conf = write("on.conf", "DD_LLMOBS_ENABLED=1\n")
    expect("LD_PRELOAD and the file", "curl", 0, "switched on by file",
           env={"LD_PRELOAD": SHIM, "LLMOBS_CONFIG": conf})
    besides()
    levels()
    not_allowed()
    expect("nowhere to preload from", "curl", 1, "is not beside",
           env={"LLMOBS_BUILD": "/nowhere"})


def levels():
    """Warnings of settings: the last line and the status say that there are
    some, and each names its remedy."""
    bad = write("bad.redact", "regex (\n")
    twice = write("twice.log", "")
    os.link(twice, twice + ".other")
    for name, env, told, status in (
            ("an exporter that is none", {"LLMOBS_EXPORTER": "stroe"},
             'no exporter is named "stroe"; spans go to the local store', 3),
            ("one of two", {"LLMOBS_EXPORTER": "store, agnet"},
             'no exporter is named "agnet"', 3),
            ("auto and another", {"LLMOBS_EXPORTER": "auto,store",
                                  "DD_LLMOBS_AGENTLESS_ENABLED": None},
             "auto stands alone", 3),
            ("a file of redaction", {"LLMOBS_REDACT": bad}, "line 1", 3),
            ("and content off", {"LLMOBS_REDACT": bad, "LLMOBS_CONTENT": "off"},
             "line 1", 3),
            ("which is not there", {"LLMOBS_REDACT": bad + "x",
                                    "LLMOBS_CONTENT": "off"}, "No such", 3),
            ("no number", {"LLMOBS_STORE_MAX": "1 GB"}, "LLMOBS_STORE_MAX", 3),
            ("out of range", {"DD_LLMOBS_SAMPLE_RATE": "2"}, "SAMPLE_RATE", 3),
            ("a word that is none", {"LLMOBS_CONTENT": "some"},
             "LLMOBS_CONTENT", 3),
            ("a mistyped name", {"LLMOBS_EXPROTER": "store"},
             "LLMOBS_EXPROTER: no variable", 3),
            ("in other letters", {"llmobs_exporter": "store"},
             "llmobs_exporter: no variable", 3),
            ("another prefix", {"DD_LLMOB_ML_APP": "a"},
             "DD_LLMOB_ML_APP: no variable", 3),
            ("a name that is none", {"LLMOBS_DOES_NOT_EXIST": "1"},
             "LLMOBS_DOES_NOT_EXIST: no variable", 3),
            ("names of others", {"LLM_MODEL": "m", "OPENAI_API_KEY": "k",
                                 "DD_LLMOBS_EVALUATORS_OF_MINE": "e"}, None, 0),
            ("no directory for the log", {"LLMOBS_LOG": TMP + "/no/where/log"},
             "the log cannot be written", 3),
            ("a log that is a directory", {"LLMOBS_LOG": TMP},
             "the log cannot be written", 3),
            ("a log with a second name", {"LLMOBS_LOG": twice},
             "the log cannot be written", 3),
            ("a store in the kernel's file system",
             {"LLMOBS_STORE_DIR": "/proc/llmobs"},
             "", 1),
            ("metrics to nobody",
             {"OTEL_METRICS_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_ENDPOINT":
              "http://127.0.0.1:9"}, "metrics: http://127.0.0.1:9", 3),
            ("a store below a file", {"LLMOBS_STORE_DIR": bad + "/store",
                                      "LLMOBS_EXPORTER": "store,agent",
                                      "DD_TRACE_AGENT_URL": agent()},
             "/store cannot be written", 3),
            ("a spool below a file", {"LLMOBS_SPOOL_DIR": bad + "/spool"},
             "/spool cannot be written", 3),
            ("recordings below a file", {"LLMOBS_RECORD": bad + "/cassette"},
             "the recordings cannot be written", 3),
            ("rules that are none", {"LLMOBS_RULES": bad}, "LLMOBS_RULES", 3),
            ("rules that are not there", {"LLMOBS_RULES": bad + "x"},
             "LLMOBS_RULES", 3),
            ("and it cannot work", {"LLMOBS_EXPORTER": "stroe",
                                    "DD_LLMOBS_ENABLED": "0"},
             'no exporter is named "stroe"', 1),
            ("all is well", {}, None, 0)):
        facts, text = expect("levels: " + name, "curl", status, env=env)
        last = {0: "All is well for calls by libcurl. Still no span? `llmobs "
                   "doctor --run CMD`\n", 1: "It does not work",
                3: "It works, but not as wanted"}[status]
        found = facts["findings"] if facts else []
        check("levels: %s, in words" % name, last in text and
              (status == 0) == ("All is well" in text), text)
        check("levels: %s, as JSON" % name, facts and facts["level"] ==
              {0: "note", 1: "fail", 3: "warn"}[status] and all(
                  f["level"] in ("ok", "note", "fail") or
                  (len(f.get("remedy", "")) > 10 and
                   "CONFIG.md says" not in f["remedy"] or
                   name in ("no number", "out of range", "a word that is none"))
                  for f in found) and
              (not told or any(told in f["text"] for f in found
                               if f["level"] == "warn")), facts)


def rules_of_ones_own():
    """Each host, path and rule that a file has; each line that has a fault."""
    files = {
        "text": "host llm.test corp zed openai_chat\n\napi zed\n"
                "path /v2/talk llm chat zed.request\nform main\ntext /out\n",
        "json": '[{"host": "*.test", "path": "/v1/*", "dialect": "openai_chat"},'
                ' {"path": "/ping", "never": true}]',
        "wrong": "host llm.test corp nobody\n",
        "worse": "host llm.test\napi zed\npath /x chat chat z.z\nform main\n"
                 "text out\nconfirm"}
    for name, status, lines in (
            ("text", 0, ("-- LLMOBS_RULES: host llm.test: corp speaks zed "
                         "openai_chat\n", "-- LLMOBS_RULES: api zed: POST "
                         "/v2/talk\n")),
            ("json", 0, ("-- LLMOBS_RULES: rule 1: host *.test, path /v1/*: "
                         "openai_chat chat\n",
                         "-- LLMOBS_RULES: rule 2: host *, path /ping: never\n")),
            ("wrong", 3, ("!! LLMOBS_RULES: line 1: no host speaks 'nobody'",)),
            ("worse", 3, ("line 1: it has: the host, its provider, APIs",
                          "line 3: there is no kind 'chat'", "line 5: out: a pointer does not",
                          "line 6: confirm has one word behind it"))):
        path = os.path.join(TMP, "rules." + name)
        with open(path, "w") as f:
            f.write(files[name])
        expect("rules of one's own: " + name, "curl", status, *lines,
               env={"LLMOBS_RULES": path})


def mistyped():
    """Addresses as they are mistyped: named, with the right form, and without
    their text, which may hold a password."""
    gateways, key = "DD_LLMOBS_INSTRUMENTED_PROXY_URLS", "0" * 32
    for name, status, form, values in (
            (gateways, 3, "give such as http://gateway:4000,", (
                ("htp://x", "neither http nor https"),
                ("http//gw:4000", "has no colon"),
                ("http://gw:99999", "no port from 1 to 65535"),
                ("http://[::1", "no address of IPv6"),
                ("http://a http://b", "has a blank"),
                ("http://gw,htp://x", "entry 2 is ignored"))),
            ("DD_TRACE_AGENT_URL", 3, "give such as http://localhost:8126", (
                ("http://[::1", "no URL"), ("http//h:8126", "no URL"),
                ("http://h:99999", "no port"))),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", 1, "such as http://localhost:4318",
             (("http://[::1", "no URL"), ("http://h:0", "no port"))),
            ("DD_AGENT_HOST", 3, "such as localhost", (("a/b", "no host"),)),
            ("DD_SITE", 3, "the site at which you log in", (
                ("eu", "perhaps it is datadoghq.eu"),
                ("us1", "perhaps it is datadoghq.com"),
                ("us3", "perhaps it is us3.datadoghq.com"),
                ("app.us5.datadoghq.com", "perhaps it is us5.datadoghq.com"),
                ("https://datadoghq.eu", "perhaps it is datadoghq.eu"),
                ("datadog.com", "(datadoghq.com, us3.datadoghq.com, ")))):
        for value, text in values:
            expect("mistyped: %s=%s" % (name, value), "curl", status,
                   "!! %s: " % name, text, form, env={
                       "DD_API_KEY": key, name: value,
                       "LLMOBS_EXPORTER": "otlp" if status == 1 else "store"})
    for name, value in ((gateways, "http://gw:4000/v1, gw,[::1]:80"),
                        ("DD_SITE", "DATADOGHQ.EU"),
                        ("DD_SITE", "ap2.datadoghq.com")):
        expect("right: %s=%s" % (name, value), "curl", 0, "All is well",
               env={"DD_API_KEY": key, name: value})


def not_allowed():
    """A user who may write neither the store, where spans go, nor the log."""
    if os.geteuid() != 0:
        print("# not allowed: skipped, it needs root")
        return
    os.chmod(TMP, 0o755)
    mine = place("mine", "store", "spans.jsonl")
    open(mine, "w").close()
    done = subprocess.run(
        ["setpriv", "--reuid=65534", "--clear-groups", TOOL, "doctor",
         "--no-self-test", "--json", "curl"], stdout=subprocess.PIPE,
        env=dict(BASE, LLMOBS_STORE_DIR=os.path.dirname(mine),
                 LLMOBS_LOG=os.path.dirname(mine) + "/log"))
    said = {f["text"].rpartition(" cannot be written")[0].split()[0]: f["level"]
            for f in json.loads(done.stdout)["findings"] if f.get("remedy")}
    check("not allowed: store, spool, log", done.returncode == 1 and said == {
        "store": "fail", "spool": "warn", "the": "warn"}, said)


def besides():
    """Other preloads, and an agent on another machine."""
    there = {"DD_TRACE_AGENT_URL": "http://agent.invalid:8126",
             "DD_TRACE_AGENT_TIMEOUT_SECONDS": "0.2",
             "LLMOBS_EXPORTER": "agent"}
    held = "only an agent on 127.0.0.1"
    for names, told in (("connect",), True), (("getaddrinfo",), True), (
            ("disconnect",), False), (
            ("connect", "__sanitizer_print_stack_trace"), False):
        other = compile("beside.so", "".join(
            "int %s(void) { return 0; }\n" % name for name in names),
            "-shared", "-fPIC", "-fno-builtin")
        text = doctor("curl", env=dict(there if told else {},
                                       LD_PRELOAD=other + ":" + SHIM))[1]
        check("beside another preload: " + names[-1],
              ["beside %s, which holds" % other in text, held in text,
               "beside %s nothing is sent there" % other in text] ==
              [told] * 3, text)
    caller = compile("caller.so", "int connect(int); int f(void) "
                     "{ return connect(1); }\n", "-shared", "-fPIC",
                     "-fno-builtin")
    text = doctor("curl", env={"LD_PRELOAD": caller + ":" + SHIM})[1]
    check("beside one that calls connect", held not in text, text)
    text = doctor("curl", env={"LD_PRELOAD": "caller.so:" + SHIM,
                               "LD_LIBRARY_PATH": TMP})[1]
    check("beside one without a path",
          "beside caller.so, which was not looked into: if it holds" in text,
          text)
    other = compile("beside.so", "int connect(void) { return 0; }\n",
                    "-shared", "-fPIC", "-fno-builtin")
    expect("the intake, beside another preload", "curl", 1,
           "the intake is on another machine: beside " + other,
           env={"LLMOBS_EXPORTER": "agentless", "DD_API_KEY": SECRET,
                "LD_PRELOAD": other + ":" + SHIM, "DD_LLMOBS_ENABLED": "1"})
    alone = compile("node-24", CONNECTS)
    for name, env in (
            ("the intake", {"LLMOBS_EXPORTER": "agentless",
                            "DD_API_KEY": SECRET}),
            ("http://agent.invalid:8126", there),
            ("https://otlp.invalid/v1/traces", {
                "LLMOBS_EXPORTER": "otlp",
                "OTEL_EXPORTER_OTLP_ENDPOINT": "https://otlp.invalid"})):
        expect("without a libcurl: " + name, alone, 1, name +
               " is on another machine: without a libcurl", "llmobs relay",
               env={**env, "LLMOBS_RELAY": "off"})
    for name, what, told in ("may not be opened", "/usr/bin/python3", True), (
            "may not be opened, of Perl", "/usr/bin/perl", True), (
            "is linked", "curl", False), ("always is", "php", False):
        _, text = expect("a libcurl that " + name, what, 1 if told else 3, env={
            "LLMOBS_EXPORTER": "agentless", "DD_API_KEY": SECRET,
            "DD_SITE": "intake.invalid", "LLMOBS_RELAY": "off"})
        check("a libcurl that %s: what is said" % name,
              ("without a libcurl nothing is sent" in text) == told, text)


def strange():
    """At the usual place, as another user; and named."""
    with socket.socket() as s:
        if os.geteuid() != 0 or s.connect_ex(("127.0.0.1", 8126)) == 0 or \
                os.path.exists("/var/run/datadog/apm.socket"):
            print("# agent: of another user: skipped, it needs root and 8126")
            return
    process = subprocess.Popen(["/usr/bin/python3", "-c", """import os, socket
os.setuid(12345)
s = socket.create_server(("127.0.0.1", 8126))
print("", flush=True)
while True:
    s.accept()[0].close()"""], stdout=subprocess.PIPE)
    process.stdout.read(1)
    auto = {"LLMOBS_EXPORTER": "auto"}
    facts, _ = expect("agent: of another user", "curl", 0,
                      "nothing is sent there", env=auto)
    check("agent: not trusted", facts and not facts["agent"]["trusted"], facts)
    expect("agent: of another user, named", "curl", 1, "does not answer",
           env=dict(auto, DD_AGENT_HOST="127.0.0.1"))
    stop(process)


def agents():
    env = {"LLMOBS_EXPORTER": "agent", "DD_TRACE_AGENT_URL": agent()}
    facts, _ = expect("agent: answers", "curl", 0, "answers and takes", env=env)
    check("agent: facts", facts and facts["agent"] == {
        "url": env["DD_TRACE_AGENT_URL"], "trusted": True, "answers": True,
        "takes_spans": True}, facts)
    check("agent: got no span",
          Agent.got[-1] == ("/evp_proxy/v2/api/v2/llmobs", b"[]"), Agent.got)
    for Agent.status, status, text in (
            (302, 1, "which is not followed"), (400, 0, "is not known"),
            (401, 1, "see `datadog-agent status`"),
            (403, 1, "see `datadog-agent status`"),
            (404, 1, "it has no EVP proxy"), (413, 1, "refuses these events"),
            (429, 1, "kept and sent later"), (500, 1, "kept and sent later"),
            (503, 1, "kept and sent later")):
        expect("agent: status %d" % Agent.status, "curl", status,
               "status %d" % Agent.status, text, env=env)
    Agent.status, Agent.page = 200, b"<!DOCTYPE html>Log in"
    expect("agent: a web page", "curl", 1, "status 200: a web page answers",
           env=env)
    Agent.status, Agent.page = 202, b""
    strange()
    Agent.endpoints = ["/v0.4/traces"]
    expect("agent: too old", "curl", 1, "no EVP proxy", env=env)
    for name, say, text in (
            ("closed", b"", "start the agent, or name its address"),
            ("garbage", b"\0\1\2\3" * 99, "it answers in no HTTP/1.1"),
            ("cut", b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{",
             "does not answer as an agent")):
        listener = socket.create_server(("127.0.0.1", 0))

        def once(say=say, listener=listener):
            while True:
                with listener.accept()[0] as one:
                    one.recv(4096)
                    one.sendall(say)

        threading.Thread(target=once, daemon=True).start()
        expect("agent: " + name, "curl", 1, "does not answer as an agent: ",
               text, env=dict(env, DD_TRACE_AGENT_URL="http://127.0.0.1:%d" %
                              listener.getsockname()[1]))
    mute = socket.create_server(("127.0.0.1", 0))
    env["DD_TRACE_AGENT_URL"] = "http://127.0.0.1:%d" % mute.getsockname()[1]
    env["DD_TRACE_AGENT_TIMEOUT_SECONDS"] = "0.3"
    began = time.monotonic()
    expect("agent: mute", "curl", 1, "does not answer", env=env)
    check("agent: mute, asked for a bounded time",
          time.monotonic() - began < 5)


# ---- php-fpm -------------------------------------------------------------

POOL = """[doctor-test]
user = www-data
group = www-data
listen = %s/fpm.sock
pm = static
pm.max_children = 2
; env[DD_VERSION] = commented
env[DD_SERVICE] = late
env[PATH] = /bin
"""


def fpm_workers(master):
    """How many have begun: the title is all that shows it."""
    count = 0
    for title in glob.glob("/proc/[0-9]*/cmdline"):
        try:
            with open(title, "rb") as f, \
                    open(os.path.dirname(title) + "/stat") as stat:
                count += f.read().startswith(b"php-fpm: pool doctor-test") and \
                    int(stat.read().rsplit(")")[-1].split()[1]) == master
        except OSError:
            pass
    return count


def fpm():
    path = (glob.glob("/usr/sbin/php-fpm[0-9]*") or [None])[0]
    if path is None or os.geteuid() != 0:
        print("# fpm: skipped, it needs root and php-fpm")
        return
    pool = write("fpm/pool.conf", POOL % TMP)
    conf = write("fpm/fpm.conf", "[global]\nerror_log=%s/log\ndaemonize=no\n"
                 "process_control_timeout=3s\ninclude=%s/fpm/p*.conf\n" % (
                     TMP, TMP))
    os.chmod(TMP, 0o755)
    expect("fpm: not running", pool, 1, "no master", "env[DD_SERVICE] comes")
    expect("fpm: no such pool", "fpm:no-such-pool", 1, "no such pool")
    expect("fpm: no such file", "fpm:/no/such.conf", 1, "no such pool")
    write("fpm/ring.conf", "include=%s/fpm/ring.conf\n" % TMP)
    expect("fpm: a ring of files", place("fpm/ring.conf"), 1, "no such pool")
    write("fpm/noise.conf", bytes(range(1, 256)) * 40)
    expect("fpm: noise", place("fpm/noise.conf"), 1, "no such pool")
    for name, env, status in (
            ("with us", {"LD_PRELOAD": SHIM, "DD_LLMOBS_ENABLED": "1"}, 0),
            ("without us", {}, 1)):
        master = subprocess.Popen([path, "-y", conf], env=dict(BASE, **env),
                                  stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL)
        for _ in range(100):
            if fpm_workers(master.pid) == 2:
                break
            time.sleep(0.05)
        facts, _ = expect("fpm: %s, by file" % name, pool, status,
                          "2 workers, %s in worker" % (
                              "on" if status == 0 else "not on"),
                          "pool doctor-test of " + pool, how="loaded")
        check("fpm: %s, facts" % name, facts and facts["fpm"] == {
            "pool": "doctor-test", "file": pool, "user": "www-data",
            "clear_env": True, "env": ["DD_SERVICE"], "master": master.pid,
            "workers": 2}, facts)
        expect("fpm: %s, by name" % name, "fpm:doctor-test", status,
               "master %d" % master.pid)
        expect("fpm: %s, no such file" % name, "fpm:/no/such.conf", 1, "no such pool")
        master.send_signal(signal.SIGTERM)
        master.wait(10)


# ---- usage ---------------------------------------------------------------

def usage():
    done = subprocess.run([TOOL, "doctor", "--help"], env=BASE,
                          stdout=subprocess.PIPE)
    check("usage: --help", done.returncode == 0 and
          b"fpm:POOL" in done.stdout, done)
    traced = subprocess.run(
        ["strace", "-f", "-o", place("strace"), "-e", "trace=process,openat",
         TOOL, "doctor", "--no-self-test", "php"], env=BASE, stdout=subprocess.DEVNULL)
    with open(place("strace")) as f:
        runs = [line for line in f if "execve(" in line or "fork" in line]
    check("no program is run but the loader", traced.returncode == 0 and [
        os.path.basename(re.search(r'execve\("([^"]*)"', line).group(1))[:8]
        for line in runs if "execve(" in line] == [
            "llmobs", "llmobs-t", "ld-linux", "ld-linux"], runs)


def main():
    try:
        for part in (installed, plain_http, made, resolved, needed, wrapped, rights, scripts, foreign,
                     modules, sanitizers, broken, mutated, work, devices,
                     processes, no_core, settings, rules_of_ones_own, mistyped, agents,
                     fpm, usage):
            if PARTS and part.__name__ not in PARTS:
                continue
            try:
                part()
            except Exception as e:
                check(part.__name__, False, repr(e))
    finally:
        shutil.rmtree(TMP, ignore_errors=True)


main()
