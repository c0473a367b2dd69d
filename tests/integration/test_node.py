"""Node's own builds have OpenSSL inside: its calls are seen by the entries of
OpenSSL's functions, or the program's memory stays as it is."""
import os
import shutil
import struct
import subprocess

from delivery import counts
from harness import (APPS, EMULATOR, SECRET, Skip, accept, compiled, equal,
                     expect_llm, ok, succeeds, test)
from test_tls import http2_url

# "LABEL=PATH LABEL=PATH": of each of these the tests are made.
NODES = dict(one.split("=", 1) for one in os.environ.get(
    "LLMOBS_TEST_NODES", "=" + (shutil.which("node") or "")).split())


def has_own(path):
    """Node as its vendor builds it, and not with a shared OpenSSL. It has 100 MB."""
    return succeeds("grep", "-zqx", "SSL_write_ex", path) and \
        not succeeds("grep", "-zq", r"^libssl\.so", path)


def run(t, node, *ways, on="on", options=(), before=(), env=(), **more):
    """`before`: a command that starts Node."""
    if not node or not has_own(node):
        raise Skip("no Node of its vendor's")
    env = dict(env, NODE_EXTRA_CA_CERTS=t.servers.cert, KEY=SECRET,
               LLMOBS_TLS=on, MODULES=MODULES, PLAIN=t.servers.base(False),
               OWN=":".join(t.servers.own))
    return t.same([*before, node, *options, os.path.join(APPS, "node.mjs"),
                   t.servers.base(True) + "/v1/chat/completions", *ways],
                  env=env, **more)


def diagnosis(t, node, before=(), **env):
    """The doctor's line about TLS."""
    done = subprocess.run(
        [*before, os.path.join(t.build, "llmobs"), "doctor", "--no-self-test",
         node], env=dict(t.environment(False, {}), **env),
        stdout=subprocess.PIPE, encoding="utf-8", timeout=60)
    return [line for line in done.stdout.splitlines()
            if line.startswith("tls ")][0]


LEFT = "the TLS library inside the program is left alone: "


def left(t, why, node, before=(), **more):
    """Node runs as ever, without a span, and log and doctor say why."""
    r = run(t, node, "https", spans=0, before=before, **more)
    ok(LEFT + why in r.log, r.log)
    line = diagnosis(t, node, before, LLMOBS_TLS="on")
    ok(LEFT + why in line, line)


def entry_of(name):
    """The function's place in Node's file."""
    with open(NODE, "rb") as f:
        data = f.read()
    table, size, count = (struct.unpack_from("<Q", data, 32)[0],
                          *struct.unpack_from("<HH", data, 54))
    sections, = struct.unpack_from("<Q", data, 40)
    found = 0
    for i in range(struct.unpack_from("<H", data, 60)[0]):
        _, kind, _, _, at, length, link = struct.unpack_from(
            "<IIQQQQI", data, sections + 64 * i)
        if kind != 11:  # SHT_DYNSYM
            continue
        names, = struct.unpack_from("<Q", data, sections + 64 * link + 24)
        wanted = data.index(b"\0%s\0" % name.encode(), names) + 1 - names
        for symbol in range(at, at + length, 24):
            if struct.unpack_from("<I", data, symbol)[0] == wanted:
                found, = struct.unpack_from("<Q", data, symbol + 8)
    for i in range(count):
        kind, _, offset, address, _, length = struct.unpack_from(
            "<IIQQQQ", data, table + size * i)
        if kind == 1 and address <= found < address + length:
            return offset + found - address
    raise AssertionError("no such function")


# An emulator starts no second program, and its many threads are slow.
BY_EMULATOR = "fetch", "stream", "https", "errors"

# The way of apps/node.mjs: its spans, how many are streams, and how many are of
# each error.
WAYS = (("fetch", 3, 0, {}), ("stream", 2, 2, {}), ("https", 2, 0, {}),
        ("keepalive", 4, 2, {}), ("many", 64, 32, {}),
        ("workers", 12, 0, {}), ("child", 3, 0, {}),
        ("errors", 6, 1, {"rate_limit_exceeded": 1, "connection_lost": 4}),
        ("aborted", 3, 2, {"aborted": 3}), ("distrusted", 1, 0, {}))
# The same of packages (tests/node).
MODULES = os.environ.get("LLMOBS_TEST_NODE_MODULES")
PACKAGES = (("openai", 2, 1, {}), ("anthropic", 2, 1, {}), ("ai", 2, 1, {}))


def join(label, node, row):
    way, spans, streams, errors = row

    def one(t):
        r = run(t, node, way, spans=spans, order=False, answers=not errors)
        found = {}
        for span in r.spans:
            accept(span)
            if span["status"] == "ok" and row in WAYS and way != "errors":
                expect_llm(span, stream="stream" in span["meta"]["metadata"])
            elif span["status"] == "error":
                kind = span["meta"]["error"]["type"]
                found[kind] = found.get(kind, 0) + 1
        equal(found, errors, "errors")
        equal(sum("time_to_first_token" in s["metrics"] for s in r.spans),
              streams, "spans with a time to the first token")
    one.__module__ = "test_node"
    one.__name__ = way + ("_" + label if label else "")
    test(one)


for name, path in NODES.items():
    for row in WAYS + (PACKAGES if MODULES else ()):
        if not EMULATOR or row[0] in BY_EMULATOR:
            join(name, path, row)
NODE = next(iter(NODES.values()), None)


def altered(t, *changes, name="node"):
    """A copy of Node, in which the first of each is replaced."""
    if not NODE or not has_own(NODE):
        raise Skip("no Node of its vendor's")
    path = os.path.join(t.dir, name)
    with open(NODE, "rb") as f:
        data = bytearray(f.read())
    for at, old, new in changes:
        at = at or data.index(old)
        equal(bytes(data[at:at + len(old)]), old, "bytes")
        data[at:at + len(new)] = new
    with open(path, "wb") as f:
        f.write(data)
    os.chmod(path, 0o755)
    return path


@test
def without_a_variable(t):
    """Node is observed by its name; another name asks for the variable."""
    other, bare = altered(t, name="edge"), {}
    for node, value, seen in ((NODE, "auto", True), (NODE, "off", False),
                              (other, "auto", False), (other, "on", True)):
        bare[node] = run(t, node, "fetch", on=value, spans=3 * seen,
                         bare=bare.get(node)).bare
        line = diagnosis(t, node, LLMOBS_TLS=value)
        ok("the TLS library inside it" in line and (
            "are observed" if seen else "LLMOBS_TLS=on observes") in line,
            line)


@test
def a_server_of_tls(t):
    """Its calls are observed where the user says so."""
    r = run(t, NODE, "https", "accepts", on="auto", spans=2)
    ok("the program accepts TLS" in r.log, r.log)
    run(t, NODE, "https", "accepts", spans=4)


@test
def a_session_that_is_destroyed(t):
    """Its open streams are given up."""
    for node in NODES.values():
        r = run(t, node, "session", spans=1, answers=False, env={
            "H2": http2_url(t).replace("127.0.0.1", "localhost")})
        equal(r.spans[0]["meta"]["error"]["type"], "aborted", "error")


@test
def an_entry_of_another_form(t):
    """mov rbp, rsp with a prefix that no compiler writes: the same
    instruction, and not known."""
    if os.uname().machine != "x86_64":
        raise Skip("bytes of x86-64")
    node = altered(t, (entry_of("SSL_read"), b"\x55\x48\x89\xe5",
                       b"\x55\x4a\x89\xe5"))
    left(t, "SSL_read begins with 55 4a 89 e5 ", node)


@test
def one_function_without_a_name(t):
    """All four are hooked, or none."""
    node = altered(t, (0, b"\0SSL_write_ex\0", b"\0SSL_write_eX\0"))
    left(t, "SSL_write_ex is not exported", node)
    run(t, node, "plain", spans=1)
    equal(counts(t)["tls_left"], 1, "processes with another call")


@test
def stripped(t):
    """Nothing that strip takes away is needed."""
    node = altered(t)
    subprocess.run(["strip", node], check=True)
    run(t, node, "fetch", spans=3)
    equal(counts(t)["tls_inside"], 1, "processes")


def unexecutable(t, by):
    """`by`: a filter, or the kernel."""
    path = os.path.join(t.dir, "unexecutable")
    subprocess.run(["gcc", "-o", path, os.path.join(APPS, "unexecutable.c")],
                   check=True)
    if subprocess.run([path, by, "true"]).returncode == 3:
        raise Skip("no such kernel")
    left(t, "no memory may be made executable", NODE, before=[path, by],
         options=["--jitless"])


@test
def no_memory_to_execute(t):
    unexecutable(t, "filter")


@test
def no_memory_to_execute_by_the_kernel(t):
    unexecutable(t, "kernel")


@test
def without_proc(t):
    """The text becomes writable for a moment."""
    before = ["unshare", "-rm", "sh", "-c",
              'mount -t tmpfs none /proc && exec "$@"', "sh"]
    if subprocess.run([*before, "true"], stderr=subprocess.PIPE).returncode:
        raise Skip("no namespaces")
    run(t, NODE, "https", before=before, spans=2)


@test
def probes_that_come_later(t):
    """The kernel runs the file's first instruction for a probe, and goes on
    behind it."""
    if not NODE or not has_own(NODE):
        raise Skip("no Node of its vendor's")
    path = os.path.join(t.dir, "probed")
    subprocess.run(["gcc", "-o", path, os.path.join(APPS, "probed.c")],
                   check=True)
    places = ["%#x" % entry_of(name) for name in (
        "SSL_read", "SSL_write", "SSL_read_ex", "SSL_write_ex")]
    if subprocess.run([path, str(os.getpid()), NODE, *places],
                      stdin=subprocess.DEVNULL,
                      stdout=subprocess.DEVNULL).returncode == 77:
        raise Skip("the kernel allows no probes")
    r = run(t, NODE, "probed", env={"PROBED": " ".join([path, *places])},
            spans=6)
    ok(b"\ncounted\n" in r.stdout, r.stdout)


@test
def an_addon(t):
    """libcurl's TLS is Node's own then, and makes no second span; nor do the
    addon's own calls of OpenSSL."""
    if EMULATOR:
        raise Skip("no compiler of its kind")
    path = compiled(t, "addon.node", "-shared", "-fPIC", "-Dmain=run_case_of",
                    os.path.join(APPS, "addon.c"),
                    os.path.join(APPS, "tls", "cases.c"), "-lcurl", "-lpthread")
    r = run(t, NODE, "fetch", options=["-r", path], spans=8, env={
        "URL": t.servers.base(True) + "/v1/chat/completions",
        "PORT": str(t.servers.tls)})
    equal(sum("curl_code" in s["meta"]["metadata"]["transfer"]
              for s in r.spans), 3, "spans of libcurl's calls")


@test
def beside_a_tracer(t):
    """Node's tracers come by options."""
    folder = os.path.join(t.dir, "node_modules", "dd-trace")
    os.makedirs(folder)
    with open(os.path.join(folder, "init.js"), "w") as f:
        f.write("")
    tracer = os.path.join(folder, "init.js")
    env = {"NODE_OPTIONS": "--require " + tracer}
    for more in ({"env": env}, {"options": ["-r", tracer]},
                 {"options": ["--require=" + tracer]},
                 {"options": ["--no-warnings", "--import", tracer]}):
        r = run(t, NODE, "fetch", on="auto", spans=0, **more)
        ok("a tracer reports the program's calls" in r.log, r.log)
    line = diagnosis(t, NODE, **env)
    ok("a tracer reports the program's calls" in line, line)
    run(t, NODE, "fetch", env=env, spans=3)
