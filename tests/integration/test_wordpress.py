"""WordPress of Debian with plugins that call a model by its HTTP API: the line,
the entry and the plugins of each call, beside PHP's own backtrace."""
import http.client
import json
import os
import re
import shutil
import subprocess
import tempfile

from delivery import double, wait_for
from harness import (APPS, SECRET, Result, accept, equal, installed, ok,
                     tags_of, test)
from test_fpm import Web, preload, settings
from test_hooks import Apache
from test_lines import OURS, php, wanted

OF = "wordpress"

PLUGIN = re.compile(r"/wp-content/plugins/([^/]+)/")


class Site:
    """A copy of WordPress, with a database of its own."""

    def __init__(self, t):
        code = os.path.dirname(installed("/usr/share/wordpress/wp-load.php"))
        database = installed("/usr/sbin/mariadbd")
        installed("/usr/share/doc/php*-mysql")
        self.t, self.database = t, None
        self.dir = tempfile.mkdtemp(prefix="llmobs-wp.", dir="/tmp")
        os.chmod(self.dir, 0o755)
        self.root = os.path.join(self.dir, "shop")
        self.told = self.write("told", "", 0o666)
        try:
            shutil.copytree(code, self.root)
            shutil.copytree(os.path.join(APPS, "wordpress"), self.root,
                            dirs_exist_ok=True)
            self.start(database)
            self.page = self.install()
        except BaseException:
            self.close()
            raise

    def write(self, name, text, mode=0o644):
        path = os.path.join(self.dir, name)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(path, mode)
        return path

    def start(self, database):
        """Nothing but the socket leads to it; all that it writes is here."""
        socket = os.path.join(self.dir, "sock")
        # Two databases in one folder of temporary tables take each other's.
        os.mkdir(self.dir + "/tmp")
        own = ["--no-defaults", "--datadir=%s/db" % self.dir, "--user=root",
               "--tmpdir=%s/tmp" % self.dir]
        made = subprocess.run(["mariadb-install-db", *own,
                               "--auth-root-authentication-method=normal"],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        equal(made.returncode, 0, "mariadb-install-db: %r" % made.stdout[:1500])
        with open(os.path.join(self.dir, "db.log"), "wb") as log:
            self.database = subprocess.Popen(
                [database, *own, "--skip-networking", "--socket=" + socket,
                 "--pid-file=%s/pid" % self.dir], stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, start_new_session=True)
        ok(wait_for(lambda: os.path.exists(socket), 30), "no database")
        self.write("shop/places.php", "<?php const %s;\n" % ", ".join(
            "%s = %s" % (name, json.dumps(value)) for name, value in (
                ("DB_HOST", "localhost:" + socket), ("TOLD", self.told),
                ("LLM", self.t.url), ("KEY", SECRET))))

    def install(self):
        """Gives the number of a page."""
        done = subprocess.run(["php", self.root + "/install.php"], check=True,
                              stdout=subprocess.PIPE)
        return int(done.stdout)

    def backtraces(self):
        """Those since the last time."""
        with open(self.told, "r+", encoding="utf-8") as f:
            told = [json.loads(line) for line in f]
            f.truncate(0)
        return told

    def close(self):
        if self.database:
            self.database.terminate()
            self.database.wait()
        shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *what):
        self.close()


def plugins_of(files):
    """From the inside out, each where it is outermost."""
    slugs = []
    for found in filter(None, map(PLUGIN.search, files)):
        if found.group(1) in slugs:
            slugs.remove(found.group(1))
        slugs.append(found.group(1))
    return slugs


def check(spans, told):
    """Each span beside the backtrace on the line of its call."""
    spans = sorted(spans, key=lambda s: s["start_ns"])
    equal(len(spans), len(told), "number of spans")
    for span, frames in zip(spans, told):
        files, caller = frames["files"], span["meta"]["metadata"]["caller"]
        equal({key: caller.get(key) for key in OURS + ("plugins",)},
              dict(wanted(dict(frames, entry=files[-1])),
                   plugins=plugins_of(files)), "caller")
        equal(tags_of(span)["plugin"], plugins_of(files)[-1], "plugin")


# ---- pages ------------------------------------------------------------------

# How many calls each makes.
PAGES = [("/index.php?page_id=%d", 3), ("/wp-admin/admin-ajax.php?action=chat", 1),
         ("/index.php?rest_route=/chat/v1/ask", 1), ("/wp-cron.php", 1)]


def by_fpm(t, site, env):
    return Web(t, None, env, params={
        "SCRIPT_FILENAME": site.root + "$fastcgi_script_name"})


def by_apache(t, site, env):
    class Here(Apache):
        template = re.sub(
            r"DocumentRoot .*", "DocumentRoot " + site.root, re.sub(
                r"(?m)^(AliasMatch|LoadModule alias).*\n", "",
                Apache.template)) + """<Directory %s>
Require all granted
</Directory>
""" % site.root
    return Here(t, None, env)


def visit(t, site, web):
    """Gives the answers to browsers and to the model's server, and the calls'
    backtraces."""
    seen, told = Result(), []
    mark = t.servers.mark()
    for path, calls in PAGES:
        connection = http.client.HTTPConnection("127.0.0.1", web.port,
                                                timeout=60)
        connection.request("GET", path.replace("%d", str(site.page)),
                           headers={"Host": "localhost:1"})
        answer = connection.getresponse()
        headers = [h for h in answer.getheaders() if h[0] != "Date"]
        seen.stdout += b"%s\n%d %r\n%s\n" % (
            path.encode(), answer.status, headers, answer.read())
        connection.close()
        # cron's calls come behind its page
        told_now = []
        wait_for(lambda: told_now.extend(site.backtraces()) or
                 len(told_now) >= calls, 60)
        equal(len(told_now), calls, "calls of " + path)
        told += told_now
    # The hook that writes a backtrace runs before its request is sent.
    wait_for(lambda: len(t.servers.requests_since(mark)) >= len(told), 60)
    seen.requests = t.servers.requests_since(mark)
    equal(len(seen.requests), len(told), "requests")
    return seen, told


def pages(t, serve):
    with double(t) as dd, Site(t) as site:
        with serve(t, site, {}) as web:
            bare, _ = visit(t, site, web)
        with serve(t, site, dict(settings(t, dd), **preload(t))) as web:
            ours, told = visit(t, site, web)
            spans = dd.wait_spans(len(told), 20)
        for word in b"Echo: title: Cats", b"Echo: chat", b'"Echo: ask"':
            ok(word in ours.stdout, "%s is not there" % word)
        t.compare(bare, ours)
        equal(dd.violations(), [], "violations")
        for span in spans:
            accept(span)
        check(spans, told)
        ok(SECRET not in json.dumps(dd.spans(full=True)), "a key")
        equal({tuple(s["meta"]["metadata"]["caller"]["plugins"])
               for s in spans}, {("chat-box",),
                                 ("ai-services", "seo-writer")}, "plugins")


@test
def php_fpm(t):
    """A page, a script's request, an API's, and WP-Cron's after its page."""
    pages(t, by_fpm)


@test
def mod_php(t):
    pages(t, by_apache)


@test
def cron(t):
    """As a timer runs it."""
    with Site(t) as site:
        r = t.same(php(os.path.join(site.root, "wp-cron.php")), spans=1)
        check(r.spans, site.backtraces()[-1:])
        equal(r.only()["meta"]["metadata"]["caller"]["entry"],
              site.root + "/wp-cron.php", "entry")
