"""The page of a request that a server serves: method and path, on the request's
own span and on its calls, whatever way a page calls by."""
import http.client
import os
import shutil
import subprocess
import tempfile

from delivery import PATIENT, double, wait_for
from harness import (LAUNCHER, SECRET, body, equal, free_port, ok, tags_of,
                     test)
from test_fpm import Web, preload
from test_gateways import (APACHE, ENTRY, Apache, FastCgi, Server, need,
                           settings)

OF = "rest"

SLACK_NS = 1000000  # each start is reckoned from two clocks

# Each way asks once; "fatal" dies.
PAGE = r"""<?php
function request() {
    return json_encode(["model" => "gpt-test", "messages" => [
        ["role" => "user", "content" => $_GET["ask"] ?? "hello there"]]]);
}
function by_stream($url) {
    return file_get_contents($url, false, stream_context_create([
        "http" => ["method" => "POST", "content" => request(),
                   "header" => "Content-Type: application/json\r\nConnection: close"],
        "ssl" => ["verify_peer" => false, "verify_peer_name" => false]]));
}
function by_socket($host, $path) {
    $s = stream_socket_client("tcp://" . $host);
    fwrite($s, "POST $path HTTP/1.0\r\nHost: $host\r\nContent-Type: " .
        "application/json\r\nContent-Length: " . strlen(request()) .
        "\r\n\r\n" . request());
    return stream_get_contents($s);
}
function by_curl($url) {
    $c = curl_init($url);
    curl_setopt_array($c, [CURLOPT_POSTFIELDS => request(),
        CURLOPT_HTTPHEADER => ["Content-Type: application/json"],
        CURLOPT_RETURNTRANSFER => true]);
    return curl_exec($c);
}
$plain = "@PLAIN@";
foreach (explode(",", $_GET["by"] ?? "") as $way) {
    switch ($way) {
    case "curl": $text = by_curl($plain); break;
    case "stream": $text = by_stream($plain); break;
    case "tls": $text = by_stream("@TLS@"); break;
    case "socket":
        $url = parse_url($plain);
        $text = by_socket($url["host"] . ":" . $url["port"], $url["path"]);
        break;
    case "thread": getrusage(); continue 2;
    case "fatal": echo "before\n"; nowhere(); break;
    default: continue 2;
    }
    echo strpos($text, "Echo: ") > 0 ? "answered\n" : "failed\n";
}
"""


def page(t):
    return PAGE.replace("@PLAIN@", t.url).replace(
        "@TLS@", "https://localhost:%d/v1/chat/completions" % t.servers.tls)


def get(port, path, status=200, connection=None):
    own = connection or http.client.HTTPConnection("127.0.0.1", port,
                                                   timeout=30)
    own.request("GET", path)
    answer = own.getresponse()
    text = answer.read().decode()
    equal(answer.status, status, "status of %s: %s" % (path, text[:200]))
    if not connection:
        own.close()
    return text


def pages_of(dd, count):
    """Of each request's span, the name of its page; its calls have the same."""
    spans = dd.wait_spans(count, 20)
    equal(len(spans), count, "spans")
    entries = {s["span_id"]: s for s in spans if s["name"] == ENTRY}
    calls = [s for s in spans if s["name"] != ENTRY]
    for span in calls:
        ok(span["parent_id"] in entries, "a call outside: %r" % span)
        above = entries[span["parent_id"]]
        equal(span["trace_id"], above["trace_id"], "trace")
        early = span["start_ns"] - above["start_ns"]
        ok(early > -SLACK_NS, "it begins before its call: %d" % early)
        ok(early + span["duration"] < above["duration"] + SLACK_NS,
           "it ends behind its call")
    for span in entries.values():
        equal((span["parent_id"], tags_of(span)["language"],
               span["meta"]["span"]["kind"]), ("undefined", "php", "workflow"),
              "the request's span")
    return [sum(c["parent_id"] == e for c in calls) for e in sorted(
        entries, key=lambda e: entries[e]["start_ns"])]


def env_of(t, dd, **more):
    return dict(preload(t), DD_LLMOBS_ENABLED="1", DD_SERVICE="shop",
                LLMOBS_INBOUND="1", LLMOBS_ENTRY="1", **dict(PATIENT, **more))


def by_agent(dd):
    return {"LLMOBS_EXPORTER": "agent", "DD_TRACE_AGENT_URL": dd.url}


ONE_WORKER = {"pm": "static", "pm.max_children": "1"}
# Requests, and how many calls each makes.
REQUESTS = (("/?by=stream", 1), ("/?by=tls", 1), ("/?by=socket", 1),
            ("/?by=curl", 1), ("/shop/cart?by=stream,curl,tls,socket", 4),
            ("/?by=stream,stream", 2))


def serve(t, port, dd):
    """One worker serves pages one after another, and one without a call."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    wanted = []
    for path, calls in REQUESTS:
        equal(get(port, path, connection=connection), "answered\n" * calls,
              path)
        equal(get(port, "/?none=1", connection=connection), "", "no call")
        wanted.append(calls)
    connection.close()
    equal(pages_of(dd, sum(wanted) + len(wanted)), wanted, "calls a request")


@test
def each_way_to_call_in_php_fpm(t):
    with double(t) as dd, Web(t, dd, env_of(t, dd, **by_agent(dd)),
                              pool=ONE_WORKER, page=page(t)) as web:
        serve(t, web.port, dd)


@test
def each_way_to_call_in_fastcgi(t):
    class Cgi(FastCgi):
        def command(self):
            need("php-cgi")
            return ["php-cgi", "-b", self.dir + "/fpm.sock"]

    with double(t) as dd, Cgi(t, dd, env_of(t, dd, **by_agent(dd)),
                              page=page(t)) as web:
        serve(t, web.port, dd)


class Module(Apache):
    template = APACHE.replace("php_admin_value auto_prepend_file "
                              "%(dir)s/llmobs.php\n", "").replace(
        "AliasMatch ^/chat.php ", "AliasMatch ^/ ")


@test
def each_way_to_call_in_mod_php(t):
    with double(t) as dd, Module(t, dd, env_of(t, dd, **by_agent(dd)),
                                 page=page(t)) as web:
        serve(t, web.port, dd)


@test
def each_way_to_call_in_php_s_own_server(t):
    need("php")
    script = os.path.join(t.dir, "index.php")
    with open(script, "w") as f:
        f.write(page(t))
    argv = ["php", "-S", "127.0.0.1:@port", script]
    with double(t) as dd, Server(argv, settings(
            t, dd, LLMOBS_INBOUND="1", LLMOBS_ENTRY="1"), free_port()) as one:
        for path, calls in REQUESTS:
            equal(get(one.port, path), "answered\n" * calls, path)
        wanted = [calls for _, calls in REQUESTS]
        equal(pages_of(dd, sum(wanted) + len(wanted)), wanted, "calls")


@test
def a_page_that_dies(t):
    """By a fatal error, after its call: the next one has a span of its own."""
    with double(t) as dd, Web(t, dd, env_of(t, dd, **by_agent(dd)),
                              pool=ONE_WORKER, page=page(t)) as web:
        get(web.port, "/?by=stream,fatal", 500)
        get(web.port, "/?by=fatal", 500)
        get(web.port, "/?by=tls", 200)
        equal(pages_of(dd, 4), [1, 1], "calls a request")


# ---- the page -----------------------------------------------------------------

def table(t, folder):
    """The table of calls by page of llmobs view."""
    run = subprocess.run(
        [os.path.join(t.build, "llmobs"), "view", "--store", folder, "--summary",
         "--by", "page", "--csv"], stdout=subprocess.PIPE)
    rows = [r.split(",") for r in run.stdout.decode().splitlines()] or [["calls"]]
    at = rows[0].index("calls")
    return {r[0]: int(r[at]) for r in rows[1:]}


def in_store(t, store, **more):
    return dict({"LLMOBS_EXPORTER": "store", "LLMOBS_STORE_DIR": store}, **more)


@test
def calls_by_page(t):
    """A page is a method and a path; no query, and no key that is in a path."""
    with tempfile.TemporaryDirectory(prefix="llmobs-pages.", dir="/tmp") as store:
        os.chmod(store, 0o755)
        look_at_pages(t, os.path.join(store, "of-worker"), env_of(t, None))


# Starts a thread as PHP's getrusage() is called.
THREAD = """
#include <pthread.h>
#include <stddef.h>
#include <unistd.h>
static void *rest(void *arg) { for (;;) pause(); return arg; }
int getrusage(int who, void *out)
{
    static pthread_t thread;
    (void)who;
    (void)out;
    if (!thread) pthread_create(&thread, NULL, rest, NULL);
    return -1;
}
"""


@test
def calls_by_page_beside_a_thread(t):
    """The request's thread is known by then; another thread hides no page."""
    with tempfile.TemporaryDirectory(prefix="llmobs-pages.", dir="/tmp") as store:
        os.chmod(store, 0o755)
        source = os.path.join(store, "thread.c")
        with open(source, "w") as f:
            f.write(THREAD)
        subprocess.run(["gcc", "-shared", "-fPIC", source, "-o", source[:-1] + "so",
                        "-lpthread"], check=True)
        env = env_of(t, None)
        env["LD_PRELOAD"] += ":" + source[:-1] + "so"
        look_at_pages(t, os.path.join(store, "of-worker"), env, "thread,")


def look_at_pages(t, store, env, first=""):
    os.mkdir(store)
    shutil.chown(store, "www-data", "www-data")
    with Web(t, None, dict(env, **in_store(t, store)), pool=ONE_WORKER,
             page=page(t)) as web:
        for path in ("/?by=curl",
                     "/shop/cart?by=%scurl,tls&token=%s" % (first, SECRET),
                     "/shop/cart?by=stream", "/by/%s/x?by=curl" % SECRET,
                     "/" + "a" * 300 + "?by=curl"):
            get(web.port, path)
        # At its end php-fpm may kill a worker, whose calls then wait in the spool.
        ok(wait_for(lambda: sum(table(t, store).values()) >= 6, 30, 0.2), "calls")
        web.quit()
    run = subprocess.run([os.path.join(t.build, "llmobs"), "view", "--store",
                          store, "--json"], stdout=subprocess.PIPE, check=True)
    ok(SECRET.encode() not in run.stdout, "the key is in the store")
    found = table(t, store)
    masked = [k for k in found if k.startswith("GET /by/")]
    equal(len(masked), 1, "%r" % found)
    equal({k: v for k, v in found.items() if k not in masked},
          {"GET /": 1, "GET /shop/cart": 3, "": 1}, "calls by page")


@test
def of_plain_cgi(t):
    """A script that a CGI server starts, and the curl that it starts."""
    store = os.path.join(t.dir, "pages")
    script = os.path.join(t.dir, "app.cgi")
    with open(script, "w") as f:
        f.write("#!/bin/sh\ncurl -s -H Content-Type:application/json -d '%s' "
                "%s\n" % (body(), t.url))
    os.chmod(script, 0o755)
    for given in ({"REQUEST_URI": "/orders/7?id=1", "SCRIPT_NAME": "/app.cgi"},
                  {"SCRIPT_NAME": "/app.cgi"}, {},
                  {"REQUEST_URI": "http://u:%s@shop.test/x#y" % SECRET},
                  {"REQUEST_URI": "no path"}):
        subprocess.run([LAUNCHER, script], stdout=subprocess.DEVNULL, check=True,
                       env=dict(os.environ, DD_LLMOBS_ENABLED="1",
                                REQUEST_METHOD="POST", LLMOBS_BUILD=t.build,
                                GATEWAY_INTERFACE="CGI/1.1", **in_store(t, store),
                                **given))
    equal(table(t, store), {"POST /orders/7": 1, "POST /app.cgi": 1,
                            "POST /x": 1, "": 2}, "calls by page")
