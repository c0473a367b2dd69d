"""DD_LLMOBS_INSTRUMENTED_PROXY_URLS in all its forms (WIRE 4.5)."""
from harness import (Skip, body, curl, equal, expect_llm, expect_proxy, ok,
                     tags_of, test)

LIST = "DD_LLMOBS_INSTRUMENTED_PROXY_URLS"


def connect(t, url, *hosts):
    """A call to url, with these host:port pairs led to our servers."""
    port = t.servers.tls if url.startswith("https") else t.servers.http
    argv = curl(url, body(), "--cacert", t.servers.cert)
    for host in hosts:
        argv[1:1] = ["--connect-to", "%s:127.0.0.1:%d" % (host, port)]
    return ["curl", "-q"] + argv[1:]


def table(t, rows, *hosts):
    """Each row: the list, the URL, is it listed?"""
    wrong = []
    for entries, url, listed in rows:
        span = t.run(connect(t, url, *hosts), env={LIST: entries}).only()
        got = span["meta"]["span"]["kind"] == "workflow"
        if got != listed:
            wrong.append("%r with %s is %s" % (
                entries, url, "listed" if got else "not listed"))
            continue
        (expect_proxy if listed else expect_llm)(span)
    ok(not wrong, "; ".join(wrong))


@test
def forms_of_an_entry(t):
    v1 = "http://gw.example:4000/v1/chat/completions"
    table(t, [
        ("http://gw.example:4000", v1, True),
        ("http://gw.example:4000/", v1, True),
        ("HTTP://GW.Example:4000", v1, True),
        ("http://gw.example.:4000", v1, True),
        ("http://gw.example:4001", v1, False),
        ("http://gw.example", v1, False),
        ("https://gw.example:4000", v1, False),
        ("gw.example:4000", v1, True),
        ("http://user:pw@gw.example:4000", v1, True),
        ("http://gw.example:4000/?x=y", v1, True),
        ("http://gw.example:4000/v1", v1, True),
        ("http://gw.example:4000/v1/", v1, True),
        ("http://gw.example:4000/v1/chat", v1, True),
        ("http://gw.example:4000/v1/chat/completions", v1, True),
        ("http://gw.example:4000/v1x", v1, False),
        ("http://gw.example:4000/v", v1, False),
        ("http://gw.example:4000/V1", v1, False),
        ("http://*.example:4000", v1, False),
        ("http://example:4000", v1, False),
        ("http://other.example , http://gw.example:4000 ,", v1, True),
        (" http://gw.example:4000", v1, True),
        (",,http://gw.example:4000", v1, True),
        ("http://a b, http://gw.example:4000", v1, True),
    ], "gw.example:4000", "GW.EXAMPLE:4000")


@test
def forms_of_the_request(t):
    entry = "http://gw.example/v1"
    table(t, [
        (entry, "http://gw.example/v1/chat/completions", True),
        (entry, "http://gw.example:80/v1/chat/completions", True),
        (entry, "http://GW.EXAMPLE/v1/chat/completions", True),
        (entry, "http://u:p@gw.example/v1/chat/completions", True),
        (entry, "http://gw.example/v1/chat/completions?key=1", True),
        (entry, "http://gw.example/v10/chat/completions", False),
        (entry, "http://gw.example/x/../v1/chat/completions", True),
    ], "gw.example:80", "GW.EXAMPLE:80")


@test
def default_ports_of_https(t):
    url = "https://gw.example/v1/chat/completions"
    table(t, [
        ("https://gw.example", url, True),
        ("https://gw.example:443", url, True),
        ("gw.example", url, True),
        ("http://gw.example", url, False),
        ("http://gw.example:443", url, False),
    ], "gw.example:443")


@test
def names_are_not_resolved(t):
    port = t.servers.http
    url = "http://127.0.0.1:%d/v1/chat/completions" % port
    table(t, [("http://localhost:%d" % port, url, False),
              ("http://127.0.0.1:%d" % port, url, True),
              ("127.0.0.1:%d" % port, url, True)])


@test
def ipv6(t):
    if not t.servers.http6:
        raise Skip("no IPv6")
    port = t.servers.http6
    urls = ("http://[::1]:%d/v1/chat/completions" % port,
            "http://[0:0:0:0:0:0:0:1]:%d/v1/chat/completions" % port)
    for url in urls:
        table(t, [("http://[::1]:%d" % port, url, True),
                  ("http://[0:0:0:0:0:0:0:1]:%d" % port, url, True),
                  ("http://[::2]:%d" % port, url, False)])


@test
def bad_entries_are_logged_once(t):
    base = "http://127.0.0.1:%d" % t.servers.http
    r = t.same(curl(t.url, body(), t.url, t.url), env={
        LIST: "ftp://x.example,http://,http://a b," + base}, spans=3)
    for span in r.spans:
        expect_proxy(span)
    ok(r.log_count(r"^.*(ftp://x\.example|DD_LLMOBS_INSTRUMENTED_PROXY_URLS|"
                   r"proxy url).*$") >= 1, "nothing in the log: " + r.log)
    ok(r.log_count(r"^.*ftp://x\.example.*$") <= 1, "logged more than once")


@test
def userinfo_of_a_bad_entry_is_not_logged(t):
    t.secrets.append("pwUnspeakable31")
    r = t.same(curl(t.url, body()), env={
        LIST: "ftp://me:pwUnspeakable31@x.example,"
              "http://me:pwUnspeakable31@a b/"})
    expect_llm(r.only())


@test
def one_endpoint_of_a_host(t):
    base = "http://127.0.0.1:%d" % t.servers.http
    env = {LIST: base + "/chat"}
    span = t.same(curl(base + "/chat", '{"message": "x"}'), env=env).only()
    equal(span["name"], "llm_proxy.request", "name")
    expect_llm(t.same(curl(t.url, body()), env=env).only())


@test
def proxied_get_has_no_span(t):
    base = "http://127.0.0.1:%d" % t.servers.http
    env = {LIST: base}
    t.same(curl(base + "/v1/models"), env=env, spans=0)
    t.same(curl(base + "/v1/models", None, "-I"), env=env, spans=0)


@test
def other_methods_and_bodies(t):
    base = "http://127.0.0.1:%d" % t.servers.http
    env = {LIST: base}
    for method in ("POST", "PUT", "PATCH"):
        span = t.same(curl(base + "/upload", "some text", "-X", method),
                      env=env).only()
        equal(span["meta"]["span"]["kind"], "workflow", "kind")
        equal(span["meta"]["input"], {"value": "some text"}, "input")
    span = t.same(curl(base + "/upload", "@f"), env=env,
                  inputs={"f": b"\xff\xfe\x00\x01" * 100}).only()
    equal(span["meta"]["input"], {"value": "[binary]"}, "input")


@test
def streamed_upload_to_a_proxy(t):
    base = "http://127.0.0.1:%d" % t.servers.http
    span = t.same(curl(base + "/upload/f", None, "-T", "-"), env={LIST: base},
                  stdin=b"some text").only()
    equal(span["meta"]["input"], {"value": "some text"}, "input")


@test
def proxied_errors(t):
    env = {LIST: "http://127.0.0.1:%d" % t.servers.http}
    span = t.same(curl(t.url, body(model="error-429")), env=env).only()
    equal(span["status"], "error", "status")
    equal(span["meta"]["error"]["type"], "rate_limit_exceeded",
          "error.type")
    equal(span["meta"]["span"]["kind"], "workflow", "kind")
    equal(span["meta"]["output"], {"value": '[{"content": ""}]'}, "output")
    equal(tags_of(span)["ml-proxy"], "custom", "tag ml-proxy")
    span = t.same(curl(t.url, body(model="html-502")), env=env).only()
    equal(span["meta"]["error"]["type"], "http_502", "error.type")


@test
def proxied_stream_and_tools(t):
    env = {LIST: "http://127.0.0.1:%d" % t.servers.http}
    expect_proxy(t.same(curl(t.url, body(stream=True)), env=env).only())
    tools = [{"type": "function", "function": {"name": "f"}}]
    span = t.same(curl(t.url, body(tools=tools)), env=env).only()
    ok("tool_definitions" not in span["meta"], "tool_definitions")
    ok('"tool_calls"' in span["meta"]["output"]["value"], "tool calls")


@test
def a_known_host_may_be_listed(t):
    url = "https://api.openai.com/v1/chat/completions"
    argv = connect(t, url, "api.openai.com:443")
    expect_proxy(t.same(argv, env={LIST: "https://api.openai.com"}).only())
    expect_llm(t.same(argv, env={LIST: "https://api.openai.com/v2"}).only(),
               provider="openai")


@test
def redirects_do_not_change_the_kind(t):
    base = "http://127.0.0.1:%d" % t.servers.http
    argv = curl(t.url, body(model="redirect-other"), "-L")
    expect_proxy(t.same(argv, env={LIST: base}).only())
    expect_llm(t.same(argv, env={
        LIST: base.replace("127.0.0.1", "localhost")}).only(),
        model="redirect-other")
