"""Programs that reach libcurl in other ways than the curl command."""
import os
import shutil

from harness import (APPS, PYTHON, Skip, body, curl, equal, expect_error,
                     expect_llm, test)

PYCURL = os.path.join(APPS, "pycurl_calls.py")
CTYPES = os.path.join(APPS, "ctypes_calls.py")
PHP = os.path.join(APPS, "calls.php")
SYMFONY = os.path.join(APPS, "symfony.php")


def prompts(spans):
    return sorted(s["meta"]["input"]["messages"][0]["content"] for s in spans)


def python(*args):
    return [PYTHON, "-B"] + list(args)


def php(*args):
    if not shutil.which("php"):
        raise Skip("no php")
    return ["php", PHP] + list(args)


@test
def pycurl_easy(t):
    r = t.same(python(PYCURL, "easy", t.url, body("one"),
                      body("two", stream=True)), spans=2)
    expect_llm(r.spans[0], "one")
    expect_llm(r.spans[1], "two", stream=True, usage=False)


@test
def pycurl_reuse_and_reset(t):
    r = t.same(python(PYCURL, "reuse", t.url, body("one"), body("two")),
               spans=2)
    expect_llm(r.spans[0], "one")
    expect_llm(r.spans[1], "two")


@test
def pycurl_callbacks(t):
    r = t.same(python(PYCURL, "callbacks", t.url, body("one"),
                      body("two", stream=True)), spans=2)
    expect_llm(r.spans[0], "one")
    expect_llm(r.spans[1], "two", stream=True, usage=False)


@test
def pycurl_multi(t):
    bodies = [body("number %d" % i) for i in range(10)]
    r = t.same(python(PYCURL, "multi", t.url, *bodies), spans=10, order=False)
    equal(prompts(r.spans), sorted("number %d" % i for i in range(10)),
          "prompts")
    for span in r.spans:
        equal(span["status"], "ok", "status")


@test
def php_easy(t):
    r = t.same(php("easy", t.url, body("one"), body("two", stream=True)),
               spans=2)
    expect_llm(r.spans[0], "one")
    expect_llm(r.spans[1], "two", stream=True, usage=False)


@test
def php_multi(t):
    bodies = [body("number %d" % i) for i in range(6)]
    r = t.same(php("multi", t.url, *bodies), spans=6, order=False)
    equal(prompts(r.spans), sorted("number %d" % i for i in range(6)),
          "prompts")


@test
def php_callbacks(t):
    r = t.same(php("callbacks", t.url, body("one"),
                   body("two", stream=True)), spans=2)
    expect_llm(r.spans[0], "one")
    expect_llm(r.spans[1], "two", stream=True, usage=False)


@test
def php_copied_handle(t):
    r = t.same(php("copy", t.url, body("one")), spans=2)
    for span in r.spans:
        expect_llm(span, "one")


@test
def php_options_read_back(t):
    # CURLINFO_HEADER_OUT shows added headers, so there are none here.
    r = t.same(php("options", t.url, body("one")), spans=1,
               env={"LLMOBS_INJECT": "none"})
    expect_llm(r.spans[0], "one")


def symfony(pushes, *args):
    if not os.path.isdir("/usr/share/php/Symfony/Component/HttpClient"):
        raise Skip("no php-symfony-http-client")
    return ["php", SYMFONY, pushes] + list(args)


# Its client sets a push callback by default.
@test(of="rest")
def symfony_over_http_1(t):
    r = t.same(symfony("default", t.url, "1.1", body("one"), body("two")),
               spans=3, order=False)
    equal(prompts(r.spans), ["one", "one", "two"], "prompts")


def symfony_with_pushes(t, pushes, *paths):
    r = t.same(symfony(pushes, "https://llm.test/v1/chat/completions", "2.0",
                       body("one", push=list(paths)), body("two"), "--",
                       t.servers.push_tls),
               spans=3, order=False)
    equal(r.stdout.count(b"pushed /style.css"),
          9 * paths.count("/style.css") * (pushes != "0"), "pushed bodies")
    equal(prompts(r.spans), ["one", "one", "two"], "prompts")


@test(of="rest")
def symfony_that_is_pushed_to(t):
    symfony_with_pushes(t, "default", "/style.css", "/app.js")


@test(of="rest")
def symfony_that_drops_the_first_push(t):
    symfony_with_pushes(t, "1", "/app.js", "/style.css")


@test(of="rest")
def symfony_without_pushes(t):
    symfony_with_pushes(t, "0", "/style.css")
    symfony_with_pushes(t, "default")


@test
def php_errors(t):
    r = t.same(php("easy", t.url, body(model="error-500"),
                   body(model="drop")), spans=2)
    expect_error(r.spans[0], "server_error", status=500)
    expect_error(r.spans[1], "CURLE_GOT_NOTHING")


@test
def ffi(t):
    for library in ("libcurl.so.4", "libcurl-gnutls.so.4",
                    "libcurl-nss.so.4"):
        if library.endswith("nss.so.4") and not any(
                os.path.exists(d + "/" + library) for d in
                ("/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu")):
            continue
        r = t.same(python(CTYPES, library, t.url, body("one"),
                          body("two", stream=True)), spans=2)
        expect_llm(r.spans[0], "one")
        expect_llm(r.spans[1], "two", stream=True, usage=False)


@test
def two_flavours_in_one_process(t):
    r = t.same(python(CTYPES, "both", t.url, body("one"), body("two")),
               spans=4)
    equal(prompts(r.spans), ["one", "one", "two", "two"], "prompts")
    for span in r.spans:
        equal(span["status"], "ok", "status")


@test
def forked_workers(t):
    """A shell that starts many curls, some beside each other."""
    script = "".join("curl -q -s -o f%d --json '%s' %s &\n" % (
        i, body("n%d" % i), t.url) for i in range(12)) + "wait\n"
    r = t.same(["sh", "-c", script], spans=12, order=False)
    equal(prompts(r.spans), sorted("n%d" % i for i in range(12)), "prompts")


@test
def python_fork(t):
    """Calls in the parent, in forked children and in the parent again."""
    code = (
        "import os, sys, pycurl\n"
        "def call(text):\n"
        "    c = pycurl.Curl()\n"
        "    c.setopt(c.URL, sys.argv[1])\n"
        "    c.setopt(c.HTTPHEADER, ['Content-Type: application/json'])\n"
        "    c.setopt(c.POSTFIELDS, sys.argv[2].replace('PROMPT', text))\n"
        "    c.setopt(c.WRITEFUNCTION, lambda b: len(b))\n"
        "    c.perform()\n"
        "    c.close()\n"
        "call('before')\n"
        "for i in range(4):\n"
        "    pid = os.fork()\n"
        "    if pid == 0:\n"
        "        call('child%d' % i)\n"
        "        sys.exit(3)\n"
        "    print(os.waitpid(pid, 0)[1] >> 8)\n"
        "call('after')\n")
    # From 3.12 on Python warns who forks beside a thread, as ours is (in
    # docs/LIMITS.md).
    r = t.same(python("-W", "ignore::DeprecationWarning", "-c", code, t.url,
                      body("PROMPT")), spans=6)
    equal(prompts(r.spans), sorted(["before", "after"] + [
        "child%d" % i for i in range(4)]), "prompts")


@test
def programs_without_libcurl(t):
    for argv in (["true"], ["false"], ["sh", "-c", "echo hi; echo ho >&2; "
                 "exit 7"], ["ls", "/"], ["cat", "/etc/hostname"],
                 ["env", "-i", "pwd"], python("-c", "print(1)")):
        r = t.same(argv, spans=0)
        equal(r.store_exists, False, "store of " + argv[0])


@test
def many_calls_in_a_row(t):
    """No span lost at 300 in one process."""
    argv = curl(t.url, body())[:-1]
    for _ in range(300):
        argv += ["-o", "/dev/null", t.url]
    r = t.same(argv, spans=300)
    equal(len({s["span_id"] for s in r.spans}), 300, "different span ids")
