"""Calls that programs make over a TLS library, without libcurl: each is one
span, and the program does not notice."""
import contextlib
import json
import os
import socket
import ssl
import struct
import subprocess
import threading
import urllib.request

from delivery import (agent, counts, double, recovered, settled, spool_of,
                      wait_for)
from harness import (APPS, EMULATOR, PYTHON, SECRET, Skip, accept, body, compiled,
                     curl, equal, expect_error, expect_llm, free_port, installed, ok,
                     test, tree, wait_port)
from relays import Relay
from serving import nginx_conf
from test_fpm import check, preload, serve, settings
from test_gateways import Apache
from test_killed import Dying, kept

SYMFONY = "/usr/share/php/Symfony/Component/HttpClient/autoload.php"
ON = {"LLMOBS_TLS": "on"}


def app(name):
    return os.path.join(APPS, "tls", name)


def url(t, path="/v1/chat/completions"):
    return "https://localhost:%d%s" % (t.servers.tls, path)


def streams(t, *models):
    installed("/usr/bin/php")
    return ["php", app("streams.php"), url(t), t.servers.cert, *models]


def llm(r, streamed):
    """The spans, of which so many are streamed calls."""
    equal(sum(bool(s["meta"]["metadata"].get("stream")) for s in r.spans),
          streamed, "streamed calls")
    for span in r.spans:
        expect_llm(span, stream=bool(span["meta"]["metadata"].get("stream")))
    return r.spans


def by_model(r):
    """The spans by the model that they asked for, in the order of their
    begin."""
    got = {}
    for span in sorted(r.spans, key=lambda s: s["start_ns"]):
        accept(span)
        got.setdefault(span["meta"]["model_name"], []).append(span)
    return got


@test
def php_streams(t):
    """PHP is observed without a variable."""
    r = t.same(streams(t, "gpt-test", "1.0:gpt-test", "s:gpt-test"), spans=3)
    for span in llm(r, 1):
        transfer = span["meta"]["metadata"]["transfer"]
        ok("curl_code" not in transfer and "dns_ms" not in transfer, transfer)


@test
def php_streams_that_fail(t):
    r = t.same(streams(t, "error-429", "s:stream-error", "truncated-body",
                       "s:truncated-stream", "drop", "gzip-force", "malformed",
                       "empty"), spans=8)
    got = by_model(r)
    expect_error(got["error-429"][0], "rate_limit_exceeded", status=429)
    # PHP may see the end of a connection without a call of OpenSSL.
    for model in ("truncated-body", "drop"):
        ok(got[model][0]["meta"]["error"]["type"] in
           ("aborted", "connection_lost"), "error of " + model)


@test
def without(t):
    """Not where it is switched off."""
    for argv in streams(t, "gpt-test"), python(t, 1, 1):
        r = t.same(argv, spans=0, env={"LLMOBS_TLS": "off"})
        equal(r.spans, [], "spans")


@test
def beside_tracers(t):
    """A tracer in the language reports Python's calls, as a variable or an
    object tells; PHP's are observed."""
    folder = os.path.join(t.dir, "ddtrace")
    os.mkdir(folder)
    native = os.path.join(folder, "_native.so")
    subprocess.run(["gcc", "-shared", "-o", native, "-xc", os.devnull],
                   check=True)
    by_path = {"PYTHONPATH": "/opt/x/ddtrace/bootstrap:/opt/y"}
    by_object = python(t, 1, 1, "import ctypes; ctypes.CDLL(%r)" % native)
    for argv, env in (python(t, 1, 1), by_path), (by_object, {}):
        r = t.same(argv, spans=0, env=env)
        ok("a tracer reports the program's calls" in r.log, r.log)
        t.same(argv, spans=1, env=dict(env, **ON))
    t.same(streams(t, "gpt-test"), spans=1, env=by_path)


@test
def a_server_of_tls(t):
    """Its calls are observed where the user says so."""
    argv = python(t, 1, 1, SERVE % (t.servers.cert.replace("ca.pem", "leaf.pem"),
                                    t.servers.cert.replace("ca.pem",
                                                           "leaf.key")))
    r = t.same(argv, spans=0)
    ok("the program accepts TLS" in r.log, r.log)
    t.same(argv, spans=1, env=ON)


@test
def php_by_both_ways(t):
    """libcurl's own TLS makes no second span."""
    t.same(["php", "-r", """
        $c = curl_init($argv[1]);
        curl_setopt_array($c, [CURLOPT_RETURNTRANSFER => true,
            CURLOPT_CAINFO => $argv[2], CURLOPT_HTTPHEADER =>
            ['Content-Type: application/json'],
            CURLOPT_POSTFIELDS => $argv[3]]);
        echo curl_exec($c), "\\n";
        echo file_get_contents($argv[1], false, stream_context_create([
            'http' => ['method' => 'POST', 'content' => $argv[3],
                       'header' => 'Content-Type: application/json'],
            'ssl' => ['cafile' => $argv[2]]]));""", url(t), t.servers.cert,
            '{"model":"gpt-test","messages":[{"role":"user",'
            '"content":"hello there"}]}'], spans=2)


@test
def libcurl_over_gnutls(t):
    """Nor do the calls of a libcurl that has GnuTLS below it."""
    installed("/usr/lib/python3/dist-packages/pycurl*.so")
    t.same([PYTHON, "-c", """
import pycurl, sys
c = pycurl.Curl()
c.setopt(c.URL, sys.argv[1])
c.setopt(c.CAINFO, sys.argv[2])
c.setopt(c.HTTPHEADER, ["Content-Type: application/json"])
c.setopt(c.POSTFIELDS, sys.argv[3])
c.perform()""", url(t), t.servers.cert, '{"model":"gpt-test","messages":'
            '[{"role":"user","content":"hello there"}]}'], spans=1, env=ON)


@test(of="rest")
def php_symfony(t):
    installed(SYMFONY)
    r = t.same(["php", app("symfony.php"), url(t), t.servers.cert, "15"],
               spans=15, order=False)
    llm(r, 7)


# As the page of test_fpm, by PHP's own streams.
PAGE = r"""<?php
foreach (explode(",", $_GET["ask"]) as $prompt) {
    echo json_decode(file_get_contents("%s", false, stream_context_create([
        "http" => ["method" => "POST",
            "header" => "Content-Type: application/json\r\n" .
                        "Authorization: Bearer %s",
            "content" => json_encode(["model" => "gpt-test",
                "messages" => [["role" => "user", "content" => $prompt]]])],
        "ssl" => ["verify_peer" => false, "verify_peer_name" => false]])))
        ->choices[0]->message->content, "\n";
}
if (isset($_GET["env"])) {
    echo count(getenv()), " ", var_export(getenv("LD_PRELOAD"), true),
        var_export(getenv("DD_SERVICE"), true), "\n";
}
"""


def observed(t, dd):
    return dict(preload(t), **settings(t, dd))


@test(of="rest")
def php_fpm(t):
    """Workers without an environment."""
    serve(t, observed, page=PAGE % (url(t), SECRET))


@test(of="rest")
def php_module(t):
    """Apache loads PHP after other modules that need OpenSSL."""
    with double(t) as dd, Apache(t, dd, observed(t, dd), page=PAGE % (
            url(t), SECRET), files={"llmobs.php": "<?php\n"}) as web:
        for i in range(3):
            with urllib.request.urlopen(
                    "http://127.0.0.1:%d/chat.php?ask=first-%d,second-%d"
                    % (web.port, i, i), timeout=20) as answer:
                equal(answer.read().decode(),
                      "Echo: first-%d\nEcho: second-%d\n" % (i, i), "page")
        check(dd, 3)


def python(t, count, threads, first=""):
    """`first` runs before the calls."""
    argv = [app("client.py"), url(t), t.servers.cert, str(count), str(threads)]
    return [PYTHON] + (["-c", "import runpy, sys\n%s\nsys.argv[:1] = []\n"
                        "runpy.run_path(sys.argv[0])" % first] if first
                       else []) + argv


# A connection to itself, over which the client asks for nothing of a model.
SERVE = """
import socket, ssl, threading
server = socket.create_server(("127.0.0.1", 0))
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(%r, %r)
def accept():
    with context.wrap_socket(server.accept()[0], server_side=True) as link:
        link.sendall(link.recv(100))
thread = threading.Thread(target=accept)
thread.start()
context = ssl._create_unverified_context()
with socket.create_connection(server.getsockname()) as plain:
    with context.wrap_socket(plain) as link:
        link.sendall(b"hello")
        link.recv(100)
thread.join()"""


# The cases of apps/tls/cases.c: spans, and how many of them are errors.
CASES = (("plain", 2, 0), ("newer_names", 1, 0), ("bytes", 1, 0),
         ("of_nothing", 2, 0),
         ("partial", 1, 0), ("moved", 1, 0), ("cleared", 3, 1),
         ("freed_inside", 6, 3), ("no_http", 0, 0), ("no_handshake", 0, 0),
         ("cancelled", 1, 1),
         ("forks", 3, 0),
         ("threads", 40, 0), ("keeps_errno", 1, 0), ("leaves", 1, 1),
         ("forgets_keys", 3, 0), ("http2_forgets_keys", 5, 0), ("older_error", 2, 0), ("read_beside", 5, 0),
         ("body_beside", 1, 0), ("unread", 3, 1), ("child_reads", 2, 1),
         ("ahead", 50, 0))


# As these, of apps/tls/gnutls.c.
OF_GNUTLS = (("plain", 2, 0), ("of_nothing", 2, 0), ("corked", 1, 0),
             ("without_bytes", 1, 0), ("with_bytes", 1, 0),
             ("one_address", 6, 3), ("no_http", 0, 0), ("both_ways", 50, 0),
             ("threads", 40, 0), ("newer_names", 2, 0), ("unread", 2, 0),
             ("http2", 3, 0), ("http2_both_ways", 50, 0))


# The counter of each of these, beside its spans.
COUNTS = {"case_body_beside": "unjudged", "case_child_reads": "unfollowed"}


CC = (["aarch64-linux-gnu-gcc", "--sysroot=" + EMULATOR[2]] if EMULATOR
      else ["gcc"])


def sanitizers(t):
    """The program brings what the core needs that is built with one."""
    return {"asan": ["-g1", "-fsanitize=address,undefined"],
            "tsan": ["-g1", "-fsanitize=thread"]}.get(
                t.build.rpartition("-")[2], [])


def client(t, library, program):
    installed("/usr/lib/*/" + library[0])
    return compiled(t, "cases", *sanitizers(t), "-O1", app(program),
                    *("-l:" + each for each in library), "-lpthread", cc=CC)


def join(library, program, prefix, name, spans, errors):
    def run(t):
        flags, env = sanitizers(t), dict(ON)
        if flags and name.endswith("forgets_keys"):
            raise Skip("a sanitizer's memory may not be read")
        # It ends a child that starts a thread, and does not see the order that
        # the shim keeps in loading the core, which is not built with it.
        if "-fsanitize=thread" in flags and name in (
                "forks", "cancelled", "threads", "child_reads"):
            raise Skip("not for this sanitizer")
        if flags and name in ("forks", "leaves", "child_reads"):  # without freeing anything
            env["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + \
                ":detect_leaks=0"
        port = t.servers.tls
        if name.startswith("http2"):
            http2_url(t)
            port = t.servers.h2
        r = t.same([client(t, library, program), name, str(port)],
                   spans=spans, env=env, answers=errors == 0,
                   order=name not in ("threads", "http2_both_ways",
                                      "http2_forgets_keys"))
        equal(sum(s["status"] == "error" for s in r.spans), errors, "errors")
        if name.endswith("forgets_keys"):
            equal(set(r.stdout.split(b"\n")[-2][5:]), set(b" 0,") if
                  "http2" in name else set(b" 0"), "keys in memory")
        for span in r.spans:
            accept(span)
        if run.__name__ in COUNTS and not EMULATOR:  # its tool is not of here
            equal(counts(t)[COUNTS[run.__name__]], 1, "counted")
    run.__module__ = "test_tls"
    run.__name__ = prefix + name
    test(run)


OPENSSL = "libssl.so.3", "libcrypto.so.3"
for each in CASES:
    # qemu itself fails in a child that was forked beside threads.
    if EMULATOR and each[0] in ("forks", "child_reads"):
        continue
    join(OPENSSL, "cases.c", "case_", *each)
for each in OF_GNUTLS:
    join(("libgnutls.so.30",), "gnutls.c", "gnutls_", *each)


@test
def connect_only(t):
    """Bytes that a program sends over a connection of libcurl's."""
    program = os.path.join(t.dir, "connect_only")
    for library in "libcurl.so.4", "libcurl-gnutls.so.4":
        subprocess.run(CC + ["-o", program, app("connect_only.c"),
                             "-l:" + library], check=True)
        for base in url(t), url(t).replace("https", "http").replace(
                str(t.servers.tls), str(t.servers.http)):
            r = t.same([program, base[:-len("/v1/chat/completions")],
                        t.servers.cert, "gpt-test", "error-429", "+gpt-test",
                        "-gpt-test"], spans=4, env={"LLMOBS_TLS": "off"},
                       answers=False)
            equal([s["status"] for s in sorted(
                r.spans, key=lambda s: s["start_ns"])],
                ["ok", "error", "ok", "error"], "status")
            r = t.same([program, base[:-len("/v1/chat/completions")],
                        t.servers.cert, "!gpt-test"], spans=1,
                       env={"LLMOBS_TLS": "off"}, answers=False)
            equal(r.spans[0]["status"], "ok", "an answer that nobody read")
            ok(r.spans[0]["meta"]["metadata"]["truncated"]["unseen"], "unseen")


@test
def openssl_1_1(t):
    """By its names, and by the version that they have there."""
    library, script, program = [os.path.join(t.dir, name) for name in (
        "libssl.so.1.1", "versions", "cases")]
    with open(script, "w") as f:
        f.write("OPENSSL_1_1_0 { global: *; };")
    build = CC + ["-shared", "-fPIC", "-o", library, app("standin.c"),
                  "-Wl,-soname,libssl.so.1.1,--version-script=" + script]
    subprocess.run(build, check=True)
    subprocess.run(CC + ["-o", program, app("cases.c"), library, "-lpthread",
                         "-Wl,-rpath,$ORIGIN"], check=True)
    for name, spans in (("plain", 2), ("newer_names", 1), ("bytes", 1),
                        ("freed_inside", 6), ("no_http", 0)):
        t.same([program, name, str(t.servers.http)], spans=spans, env=ON,
               answers=False)
    failing = [program, "plain", str(t.servers.http)]
    r = t.same(["env", "STANDIN_FAILS=2"] + failing, spans=2, env=ON,
               answers=False)
    equal([s["status"] for s in r.spans], ["ok", "ok"], "answered all the same")
    r = t.same(["env", "STANDIN_LIES=2"] + failing, spans=1, env=ON,
               answers=False)
    ok("more bytes than it was given" in r.log, r.log)
    equal(counts(t)["unfollowed"], 1, "told")
    # A fork, whose functions of the same names want other arguments.
    subprocess.run(build + ["-DSSL_waiting_for_async=of_a_fork"], check=True)
    t.same(failing, spans=0, env=ON)


@test
def two_copies(t):
    """A library beside Python's own has a libssl of another name."""
    own = os.path.join(t.dir, "libsss.so.3")
    with open(installed("/usr/lib/*/libssl.so.3"), "rb") as f:
        library = f.read()
    with open(own, "wb") as f:
        f.write(library.replace(b"\0libssl.so.3\0", b"\0libsss.so.3\0"))
    for binding in "lazy", "now":
        plugin = os.path.join(t.dir, binding + ".so")
        subprocess.run(["gcc", "-O1", "-shared", "-fPIC", "-o", plugin,
                        app("cases.c"), own, "-l:libcrypto.so.3", "-lpthread",
                        "-Wl,-rpath,$ORIGIN,-z," + binding], check=True)
        for before in True, False:
            other = "import ctypes\nctypes.CDLL(%r).main(3, (ctypes.c_char_p " \
                "* 3)(b'', b'plain', b'%d'))" % (plugin, t.servers.tls)
            argv = python(t, 1, 1, ("import ssl\n" if before else "") + other)
            t.same(argv, spans=3)


KEPT = """
int SSL_read(void *ssl, void *bytes, int len);
int SSL_write(void *ssl, const void *bytes, int len);
int (*kept_read)(void *ssl, void *bytes, int len);
int (*kept_write)(void *ssl, const void *bytes, int len);
static __attribute__((constructor)) void keep(void)
{
    kept_read = SSL_read, kept_write = SSL_write;
}
#define SSL_read (*kept_read)
#define SSL_write (*kept_write)
"""


@test
def functions_kept(t):
    """The constructor of a library that is opened copies their addresses."""
    header, plugin = [os.path.join(t.dir, n) for n in ("kept.h", "kept.so")]
    with open(header, "w") as f:
        f.write(KEPT)
    subprocess.run(["gcc", "-shared", "-fPIC", "-include", header, "-o", plugin,
                    app("cases.c"), "-l:libssl.so.3", "-l:libcrypto.so.3",
                    "-lpthread"], check=True)
    t.same(python(t, 1, 1, "import ctypes\nctypes.CDLL(%r).main(3, "
                  "(ctypes.c_char_p * 3)(b'', b'plain', b'%d'))"
                  % (plugin, t.servers.tls)), spans=3)


PASSING = """server {
    listen 127.0.0.1:%d;
    location / {
      proxy_pass https://localhost:%d;
      proxy_http_version 1.1;
      proxy_set_header Host $proxy_host;
      proxy_set_header Connection "";
      proxy_buffering off;
    }
  }"""


HAPROXY = """defaults
  mode http
  timeout connect 5s
  timeout client 20s
  timeout server 20s
frontend calls
  bind 127.0.0.1:%d
  default_backend models
backend models
  http-request set-header Host localhost
  server model localhost:%d ssl verify none sni str(localhost)
"""


def passing(t, argv, port, beside=contextlib.nullcontext):
    """A gateway that only passes calls on: those of each program behind it are
    seen, and are below the program's own spans."""
    with double(t) as dd, beside(settings(t, dd)):
        process = subprocess.Popen(
            argv, env=dict({
                "PATH": "/usr/bin:/bin",
                "LLMOBS_STORE_DIR": os.path.dirname(spool_of(t))},
                **observed(t, dd), **ON),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT)
        try:
            wait_port(port, process)
            for i in range(6):
                text = subprocess.run(
                    curl("http://127.0.0.1:%d/v1/chat/completions" % port,
                         body(stream=True) if i % 2 else body(), "-H",
                         "traceparent: 00-%032x-%016x-01" % (i + 1, 77)),
                    stdout=subprocess.PIPE, check=True).stdout
                ok(b"Echo" in text or b"data:" in text, text)
            spans = dd.wait_spans(6, 10)
        finally:
            process.terminate()
            said = process.communicate(timeout=20)[0]
        equal(said, b"", "what it printed")
        equal(len(dd.spans()), 6, "spans")
        for span in spans:
            equal(span["status"], "ok", "status")
            equal(span["_dd"]["apm_trace_id"][:16], "0" * 16, "its trace")
            ok(SECRET not in json.dumps(span), "a key in a span")


@test(of="rest")
def nginx(t):
    server = installed("/usr/sbin/nginx")
    folder = os.path.join(t.dir, "nginx")
    os.makedirs(folder)
    port = free_port()
    path = os.path.join(folder, "nginx.conf")
    with open(path, "w") as f:
        f.write(nginx_conf(folder, PASSING % (port, t.servers.tls)))
    passing(t, [server, "-c", path, "-p", folder, "-g", "daemon off;"], port)


@test(of="rest")
def haproxy(t):
    """It forbids itself all further threads: a relay delivers."""
    port = free_port()
    path = os.path.join(t.dir, "haproxy.cfg")
    with open(path, "w") as f:
        f.write(HAPROXY % (port, t.servers.tls))
    passing(t, [installed("/usr/sbin/haproxy"), "-q", "-f", path], port,
            lambda env: Relay(t, env))


# A server of TLS that is none of HTTP: PostgreSQL's, as far as a client comes
# that it then lets down; and one of mail.
OTHERS = """
import os, socket, ssl, sys, threading
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1], sys.argv[2])
def postgres(link):
    link.recv(8)
    link.sendall(b"S")
    with context.wrap_socket(link, server_side=True) as tls:
        tls.recv(1000)
        tls.sendall(b"E\\0\\0\\0\\x17SFATAL\\0C28000\\0Mno\\0\\0")
def mail(link):
    with context.wrap_socket(link, server_side=True) as tls:
        tls.sendall(b"220 here\\r\\n")
        asked = b""
        while b"QUIT" not in asked:
            asked = tls.recv(1000)
            tls.sendall(b"250 well\\r\\n")
        tls.unwrap()
def serve(server, run):
    while True:
        threading.Thread(target=run, args=(server.accept()[0],)).start()
servers = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
for server, run in zip(servers, (postgres, mail)):
    threading.Thread(target=serve, args=(server, run), daemon=True).start()
print(*[s.getsockname()[1] for s in servers], flush=True)
sys.stdin.read()
os._exit(0)
"""


@test(of="rest")
def without_http(t):
    """Programs that speak TLS and no HTTP never have the core."""
    leaf, key = [t.servers.cert.replace("ca.pem", name)
                 for name in ("leaf.pem", "leaf.key")]
    with subprocess.Popen([PYTHON, "-c", OTHERS, leaf, key],
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL) as server:
        postgres, mail = server.stdout.readline().decode().split()
        trace = os.path.join(t.dir, "trace")
        for argv in (
                [installed("/usr/bin/psql"), "-w", "host=127.0.0.1 port=%s "
                 "sslmode=require gssencmode=disable" % postgres],
                ["sh", "-c", "printf 'EHLO me\\r\\nQUIT\\r\\n' | openssl "
                 "s_client -quiet -verify_quiet -connect 127.0.0.1:%s "
                 "2> /dev/null" % mail],
                [PYTHON, "-c", "import smtplib, ssl; s = smtplib.SMTP_SSL("
                 "'127.0.0.1', %s, context=ssl._create_unverified_context()); "
                 "print(s.ehlo('me'), s.noop(), s.quit())" % mail]):
            t.same(argv, spans=0, env=ON)
            t.run(["strace", "-f", "-qq", "-e", "trace=openat", "-o", trace]
                  + argv, preload=True, env=ON)
            with open(trace, errors="replace") as f:
                opened = f.read()
            ok("libssl" in opened, "no TLS: " + argv[0])
            ok("libllmobs_core" not in opened, "the core: " + argv[0])
        server.stdin.close()


@test
def python_threads(t):
    r = t.same(python(t, 6, 64), spans=384, order=False, env=ON)
    llm(r, 192)


HTTPX = """
import asyncio, httpx, json, sys
url, cert, key = sys.argv[1:]
async def main():
    async with httpx.AsyncClient(http2=True, verify=cert, timeout=30) as client:
        async def ask(i):
            r = await client.post(url, headers={"Authorization": key}, json={
                "model": "gpt-test", "stream": i % 2 == 1, "messages": [
                    {"role": "user", "content": str(i) + "x" * (i // 6 * 300000)}]})
            return r.status_code, r.http_version, len(r.content)
        for i in range(8):
            print(await ask(i))
asyncio.run(main())"""


def http2_url(t):
    if not t.servers.h2:
        raise Skip("no nghttpx")
    return "https://127.0.0.1:%d/v1/chat/completions" % t.servers.h2


@test
def http2_of_httpx(t):
    """One after the other: httpx dies by itself where an answer ends before the
    end of its request, which another task sends."""
    installed("/usr/lib/python3/dist-packages/h2")
    r = t.same([PYTHON, "-c", HTTPX, http2_url(t), t.servers.cert, SECRET],
               spans=8, env=ON)
    for span in r.spans:
        accept(span)
        equal(span["meta"]["metadata"]["transfer"]["http_version"], "2",
              "http_version")


@test
def http2_of_nghttp(t):
    """Whose server speaks first, with padding, without a table, with heads in
    several frames, and with a hundred streams at once."""
    program, sent = installed("/usr/bin/nghttp"), os.path.join(t.dir, "sent")
    for more in ([], ["--padding=255"], ["--header-table-size=0"],
                 ["--continuation"], ["-m", "12", "-w", "16"], ["-m", "100"]):
        with open(sent, "w") as f:
            f.write(body("x" * (300000 if "-w" in more else 5)))
        spans = int(more[1]) if more[:1] == ["-m"] else 1
        r = t.same([program, "-n", "-d", sent, "-H", "content-type: "
                    "application/json", "-H", "authorization: Bearer " + SECRET]
                   + more + [http2_url(t)], spans=spans, env=ON, answers=False)
        for span in r.spans:
            accept(span)
            equal(span["status"], "ok", "status")


@test
def http2_of_wget2(t):
    """It cannot send a body by HTTP/2, so that it asks for no answer of a
    model; and it does not notice."""
    r = t.same([installed("/usr/bin/wget2"), "-q", "-O", "-", "--no-config",
                "--ca-certificate=" + t.servers.cert] +
               [http2_url(t) + "?%d" % i for i in range(12)], spans=0, env=ON,
               order=False)
    equal({q["version"] for q in r.requests}, {"HTTP/1.1"}, "behind the proxy")


@test
def http2_without_tls(t):
    """Of a client that knows that the server speaks it."""
    http2_url(t)
    sent = os.path.join(t.dir, "sent")
    with open(sent, "w") as f:
        f.write(body())
    r = t.same([installed("/usr/bin/nghttp"), "-n", "-d", sent, "-m", "3",
                "http://127.0.0.1:%d/v1/chat/completions" % t.servers.h2c],
               spans=3, env={"LLMOBS_SOCKETS": "on"}, answers=False)
    equal({s["status"] for s in r.spans}, {"ok"}, "status")


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + \
        struct.pack(">BBI", kind, flags, stream) + payload


def refusing(listens, ways, context=None):
    """A server of HTTP/2 of one request after the other, each of which meets the
    next way: refused, above the last stream of a GOAWAY, or answered."""
    text = json.dumps({"model": "gpt-test", "choices": [{"message": {
        "role": "assistant", "content": "here"}}]}).encode()
    while ways:
        peer, _ = listens.accept()
        with contextlib.suppress(OSError), (
                context.wrap_socket(peer, server_side=True) if context
                else peer) as link, link.makefile("rb") as file:
            file.read(24)
            link.sendall(frame(4, 0, 0))
            while ways and (head := file.read(9)):
                kind, flags, stream = struct.unpack(">BBI", head[3:])
                file.read(int.from_bytes(head[:3], "big"))
                if kind > 1 or not flags & 1:
                    continue
                way = ways.pop(0)
                if way == "refuse":
                    link.sendall(frame(3, 0, stream, b"\0\0\0\7"))
                elif way == "answer":
                    link.sendall(frame(1, 4, stream, b"\x88") +
                                 frame(0, 1, stream, text))
                else:
                    link.sendall(frame(7, 0, 0, struct.pack(
                        ">II", stream - 2 if way == "below" else 0, 0)))
                    break


REPEATS = """
import httpx, sys
def fresh():
    return httpx.Client(http1=False, http2=True, timeout=30,
                        verify=sys.argv[2] or False)
client = fresh()
for i in range(3):
    for k in range(9):
        try:
            r = client.post(sys.argv[1], json={"model": "gpt-test", "messages": [
                {"role": "user", "content": "hi"}]})
            break
        except httpx.RemoteProtocolError as e:
            print(type(e).__name__)
            if "StreamReset" not in str(e):
                client = fresh()
    print(r.status_code, r.http_version)"""


@test
def http2_not_processed(t):
    """Of a request for which the server has done nothing, as it says, only the
    client's repeat is a call."""
    installed("/usr/lib/python3/dist-packages/h2")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*t.servers.own)
    context.set_alpn_protocols(["h2"])
    for tls in True, False:
        with socket.create_server(("127.0.0.1", 0)) as listens:
            ways = 2 * ["refuse", "answer", "refuse", "refuse", "answer",
                        "below", "none", "answer"]
            server = threading.Thread(target=refusing, args=(
                listens, ways, context if tls else None))
            server.start()
            r = t.same([PYTHON, "-c", REPEATS, "http%s://localhost:%d"
                        "/v1/chat/completions" % ("s" * tls,
                        listens.getsockname()[1]),
                        t.servers.cert if tls else ""],
                       env=dict(ON, LLMOBS_SOCKETS="on"))
            server.join(20)
        equal(r.stdout.count(b"200 HTTP/2"), 3, "answers")
        equal([s["status"] for s in r.spans], ["ok"] * 3, "spans")


@test
def http2_of_curl(t):
    """libcurl's own TLS makes no second span."""
    r = t.same(curl(http2_url(t), body(), "--http2", "--cacert",
                    t.servers.cert), spans=1, env=ON)
    expect_llm(r.spans[0])


@test
def http2_in_doubt(t):
    """A connection that is not followed is counted, where it goes to a
    provider."""
    r = t.same([PYTHON, "-c", """
import socket, ssl, sys
context = ssl.create_default_context()
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
for name in "api.openai.com", "localhost":
    with socket.create_connection(("localhost", int(sys.argv[1]))) as s:
        with context.wrap_socket(s, server_hostname=name) as tls:
            tls.sendall(b"PRI * HTTP/2.0\\r\\n\\r\\nSM\\r\\n\\r\\n" + bytes(9))""",
                str(t.servers.tls)], spans=0, env=ON)
    ok("a connection to api.openai.com are seen: it had bytes that can be "
       "read in two ways" in r.log, r.log)
    equal(counts(t)["unfollowed"], 1, "connections")


@test
def http2_of_grpc(t):
    """It is not read: counted, where it goes to a provider."""
    block = (b"\x83\x87\x04\x02/a\x01\x0eapi.openai.com"
             b"\x0f\x10\x10application/grpc")
    head = bytes([0, 0, len(block), 1, 5, 0, 0, 0])
    r = t.same([PYTHON, "-c", """
import socket, ssl, sys
context = ssl.create_default_context()
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
for name in "api.openai.com", "localhost":
    with socket.create_connection(("localhost", int(sys.argv[1]))) as s:
        with context.wrap_socket(s, server_hostname=name) as tls:
            tls.sendall(bytes.fromhex(sys.argv[2]))""", str(t.servers.tls),
                (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0" +
                 b"".join(head + bytes([stream]) + block
                          for stream in (1, 3))).hex()], spans=0, env=ON)
    ok("a request to api.openai.com is not seen: gRPC" in r.log,
       r.log)
    equal(counts(t)["unread_streams"], 2, "streams")
    ok("unfollowed" not in counts(t), "the connection is followed")


@test
def delivered_without_libcurl(t):
    """The agent gets the spans at once, and none stays in the spool."""
    with double(t) as dd:
        t.same(python(t, 3, 2), env=dict(agent(dd), **ON), order=False)
        settled(t, dd, 6)
        equal([name for name in tree(spool_of(t)) if "-" in name], [],
              "files of the spool")


@test
def kept_without_libcurl(t):
    """No agent listens: the spool keeps them, and the log says so."""
    r = t.same(python(t, 3, 2), order=False, env=dict(
        ON, LLMOBS_EXPORTER="agent", DD_TRACE_AGENT_URL="http://127.0.0.1:1"))
    ok("6 spans not delivered at exit are kept" in r.log, r.log)


@test
def exits_at_once(t):
    """A program that ends by _exit behind its answer leaves whole spans."""
    with double(t) as dd:
        t.run([client(t, OPENSSL, "cases.c"), "exits", str(t.servers.tls)],
              env=dict(agent(dd), **ON))
        for span in recovered(t, dd, agent(dd), 2):
            accept(span)
            equal(span["status"], "ok", "status")


@test
def php_killed(t):
    """A kill in the middle of a stream leaves the call in the spool."""
    with double(t) as dd, Dying(t, agent(dd)) as dying:
        dying.start(*streams(t, "s:stall"))
        ok(wait_for(lambda: b"hello there" in kept(t), 10), "a call on disk")
        dying.kill()
        expect_error(recovered(t, dd, agent(dd), 1)[0], "process_killed")
