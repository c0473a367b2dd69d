"""usage: servers.py KIND INTERFACE URL (MODE FILE)...
KIND: fpm, cgi, apache, postgres, worker:LIBRARY, wiki:PROGRAM, blog:FRONT:fpm,
blog:FRONT:apache

Starts a server of the kind in a folder of its own, has it make the calls, each
asked for by itself, prints what it answers, and stops it in order. Not as root:
the three servers would change to another user, or refuse.
"""
import contextlib
import glob
import http.client
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import urllib.parse

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.append(os.path.join(HERE, "..", "support"))
import blog  # noqa: E402
from ports import free_port  # noqa: E402

PAGE = os.path.join(HERE, "client.php")
FPM = """[global]
error_log = %(dir)s/fpm.log
process_control_timeout = 5s
[www]
listen = %(dir)s/socket
pm = static
pm.max_children = 1
"""
APACHE = """ServerRoot %(dir)s
PidFile %(dir)s/pid
Listen %(dir)s/none
ServerName localhost
DocumentRoot %(pages)s
ErrorLog %(dir)s/log
Mutex file:%(dir)s
LoadModule mpm_prefork_module %(modules)s/mod_mpm_prefork.so
LoadModule authz_core_module %(modules)s/mod_authz_core.so
LoadModule php_module %(php)s
StartServers 1
MinSpareServers 1
MaxSpareServers 1
<FilesMatch "\\.php$">
SetHandler application/x-httpd-php
</FilesMatch>
"""


def first(pattern):
    found = sorted(glob.glob(pattern))
    if not found:
        sys.exit("servers: not installed: " + pattern)
    return found[0]


def at_once(calls):
    """The arguments of one call for all of them."""
    return calls[0][:2] + [part for call in calls for part in call[2:]]


def wait_for(condition, what):
    end = time.monotonic() + 20
    while not condition():
        if time.monotonic() > end:
            sys.exit("servers: %s does not start" % what)
        time.sleep(0.02)


def write(folder, name, text):
    path = os.path.join(folder, name)
    with open(path, "w") as f:
        f.write(text)
    return path


def page(script, query):
    """The variables by which a web server tells a page of its request."""
    query = urllib.parse.urlencode(query)
    name = "/" + os.path.basename(script)
    return {"REQUEST_METHOD": "GET", "SCRIPT_FILENAME": script,
            "SCRIPT_NAME": name, "QUERY_STRING": query,
            "REQUEST_URI": name + "?" + query, "REDIRECT_STATUS": "1",
            "REMOTE_ADDR": "127.0.0.1", "GATEWAY_INTERFACE": "CGI/1.1",
            "SERVER_PROTOCOL": "HTTP/1.1"}


def parameters(args):
    return page(PAGE, {"args": json.dumps(args)})


def record(kind, data=b""):
    return struct.pack("!BBHHBB", 1, kind, 1, len(data), 0, 0) + data


def fastcgi(path, values):
    """Asks as a web server does; gives what was answered."""
    pairs = b"".join(struct.pack("!BI", len(n), len(v) | 1 << 31) +
                     n.encode() + v.encode() for n, v in values.items())
    out = b""
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(path)
        s.sendall(record(1, struct.pack("!HB5x", 1, 0)) + record(4, pairs) +
                  record(4) + record(5))
        stream = s.makefile("rb")
        while True:
            head = stream.read(8)
            if len(head) < 8:
                return out
            _, kind, _, size, padding, _ = struct.unpack("!BBHHBB", head)
            data = stream.read(size)
            stream.read(padding)
            if kind == 6:
                out += data


def run_fpm(folder, calls, parameters=parameters):
    conf = write(folder, "fpm.conf", FPM % {"dir": folder})
    server = subprocess.Popen([first("/usr/sbin/php-fpm[0-9]*"), "-F", "-y",
                               conf], stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: os.path.exists(folder + "/socket"), "php-fpm")
        for call in calls:
            yield fastcgi(folder + "/socket", parameters(call))
    finally:
        server.send_signal(signal.SIGQUIT)
        yield b"%d\n" % server.wait(20)


def run_wiki(folder, calls, program):
    """MediaWiki's API on php-fpm, with a copy of the program's wiki."""
    wiki = folder + "/wiki"
    shutil.copytree(os.path.dirname(program), wiki)

    def asking(args):
        return dict(page("/usr/share/mediawiki/api.php", {
            "action": "ask", "format": "json", "args": json.dumps(args)}),
            MW_CONFIG_FILE=wiki + "/LocalSettings.php")

    return run_fpm(folder, calls, asking)


def run_cgi(folder, calls):
    for call in calls:
        done = subprocess.run(["php-cgi"], stdout=subprocess.PIPE,
                              env=dict(os.environ, **parameters(call)))
        yield done.stdout + b"%d\n" % done.returncode


def listens(port):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


def run_apache(folder, calls, parameters=parameters):
    modules, port = "/usr/lib/apache2/modules", free_port()
    pages = os.path.dirname(parameters(calls[0])["SCRIPT_FILENAME"])
    text = APACHE % {"dir": folder, "pages": pages, "modules": modules,
                     "php": first(modules + "/libphp*.so")}
    conf = write(folder, "conf", text.replace(folder + "/none",
                                              "127.0.0.1:%d" % port))
    server = subprocess.Popen(["/usr/sbin/apache2", "-X", "-f", conf])
    try:
        wait_for(lambda: listens(port), "Apache")
        for call in calls:
            asked = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
            asked.request("GET", parameters(call)["REQUEST_URI"])
            answer = asked.getresponse()
            yield b"%d %s" % (answer.status, answer.read())
            asked.close()
    finally:
        server.send_signal(signal.SIGTERM)
        yield b"%d\n" % server.wait(20)


def run_blog(folder, calls, front, serve):
    """WordPress, with a copy of the site; of a multi, all in one request."""
    site = folder + "/blog"
    shutil.copytree(os.path.dirname(front), site)
    if calls[0][0] == "multi":
        calls = [at_once(calls)]

    def asking(args):
        return page(site + "/index.php", {"rest_route": "/ask/v1/ask",
                                          "args": json.dumps(args)})

    with blog.database(site):
        yield from {"fpm": run_fpm, "apache": run_apache}[serve](
            folder, calls, asking)


def quoted(text):
    return "'" + text.replace("'", "''") + "'"


@contextlib.contextmanager
def postgres(folder, options=(), env=None):
    """A server; gives how psql asks it. At the end it is stopped."""
    tools = first("/usr/lib/postgresql/*/bin")
    data = folder + "/data"
    bare = {k: v for k, v in os.environ.items() if k != "LD_PRELOAD"}
    subprocess.run([tools + "/initdb", "-A", "trust", "-U", "me", "-D", data,
                    "--no-sync"], check=True, stdout=subprocess.DEVNULL,
                   env=bare)
    server = subprocess.Popen(
        [tools + "/postgres", "-D", data, "-k", folder, "-h", "", "-c",
         "fsync=off", *options], stderr=subprocess.DEVNULL, env=env)

    def psql(*args, **more):
        return subprocess.run(
            [tools + "/psql", "-X", "-q", "-A", "-t", "-h", folder, "-U", "me",
             "-d", "postgres", *args], env=bare, **more)

    try:
        wait_for(lambda: psql("-c", "", stderr=subprocess.DEVNULL).returncode
                 == 0, "PostgreSQL")
        yield psql
    finally:
        server.send_signal(signal.SIGTERM)
        if server.wait(20) != 0:
            sys.exit("servers: PostgreSQL ends with %d" % server.returncode)


def run_postgres(folder, calls):
    with postgres(folder) as psql:
        psql("-f", HERE + "/plperl.sql")
        text = ";".join("SELECT ask(%s)" % ",".join(map(quoted, call))
                        for call in calls)
        yield psql(input=text.encode() + b";", stdout=subprocess.PIPE).stdout


def run_worker(folder, calls, library):
    """A background worker, which begins by itself."""
    out = folder + "/out"
    env = dict(os.environ, MATRIX_CALLS="\n".join(at_once(calls)),
               MATRIX_OUT=out, MATRIX_LIBRARY=library)

    def said():
        return os.path.exists(out) and open(out, "rb").read()

    with postgres(folder, ["-c", "shared_preload_libraries=" + library], env):
        wait_for(lambda: b"\nend " in (said() or b""), "the worker")
    yield said()


def main():
    kind, interface, url, *rest = sys.argv[1:]
    kind, *more = kind.split(":")
    run = {"fpm": run_fpm, "cgi": run_cgi, "apache": run_apache,
           "wiki": run_wiki, "blog": run_blog,
           "postgres": run_postgres, "worker": run_worker}[kind]
    calls = [[interface, url, mode, os.path.abspath(file)]
             for mode, file in zip(rest[::2], rest[1::2])]
    folder = tempfile.mkdtemp(prefix="m.", dir="/tmp")
    try:
        for text in run(folder, calls, *more):
            sys.stdout.buffer.write(text)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
