"""Programs that serve one request after another: the context that they put into
their environment is read anew at each call."""
import shutil

from delivery import private_network
from harness import PYTHON, Skip, body, curl, equal, ok, test, trace_headers

A = "00-0af7651916cd43dd8448eb211c80319c-00000000000000aa-01"
B = "00-1bf7651916cd43dd8448eb211c80319c-00000000000000bb-01"
STATE = "dd=p:00000000000000bb;t.llmobs_parent_id:187;t.llmobs_ml_app:caller"

PHP = """
function call() {
    $c = curl_init(getenv('URL'));
    curl_setopt($c, CURLOPT_POSTFIELDS, getenv('BODY'));
    curl_setopt($c, CURLOPT_HTTPHEADER, ['Content-Type: application/json']);
    curl_setopt($c, CURLOPT_RETURNTRANSFER, true);
    echo strlen(curl_exec($c)), "\\n";
}
putenv('TRACEPARENT=%s'); call();
putenv('TRACEPARENT=%s'); putenv('TRACESTATE=%s'); call();
putenv('TRACEPARENT'); putenv('TRACESTATE');
putenv('HTTP_TRACEPARENT=%s'); call();
putenv('HTTP_TRACEPARENT'); call();
""" % (A, B, STATE, A)

PASSING = """
function get() {
    $c = curl_init(getenv('URL'));
    curl_setopt($c, CURLOPT_RETURNTRANSFER, true);
    echo strlen(curl_exec($c)), "\\n";
}
get();
putenv('TRACEPARENT=%s'); putenv('BAGGAGE=user=1'); get();
putenv('TRACEPARENT'); putenv('BAGGAGE'); get();
""" % A

PARALLEL = """
for ($i = 1; $i <= 20; $i++) {
    putenv(sprintf('TRACEPARENT=00-%032x-00000000000000aa-01', $i));
    $m = curl_multi_init();
    for ($all = []; count($all) < 3;) {
        $all[] = $c = curl_init(getenv('URL'));
        curl_setopt($c, CURLOPT_POSTFIELDS, getenv('BODY'));
        curl_setopt($c, CURLOPT_HTTPHEADER, ['Content-Type: application/json']);
        curl_setopt($c, CURLOPT_RETURNTRANSFER, true);
        curl_multi_add_handle($m, $c);
        curl_multi_exec($m, $running);
    }
    do {
        curl_multi_exec($m, $running);
        curl_multi_select($m, 0.1);
    } while ($running);
}
"""
# Streams in coroutines of one thread, each with a parent of its own. easy: they
# give way within curl_exec; multi: one drives the transfers of all.
FIBERS = """
function ask($i) {
    global $multi;
    putenv(sprintf('TRACEPARENT=00-%032x-00000000000000aa-01', $i));
    $c = curl_init(getenv('URL'));
    curl_setopt($c, CURLOPT_POSTFIELDS,
                str_replace('NUMBER', $i, getenv('BODY')));
    curl_setopt($c, CURLOPT_HTTPHEADER, ['Content-Type: application/json']);
    curl_setopt($c, CURLOPT_WRITEFUNCTION, function ($c, $data) use ($i) {
        global $multi, $order;
        $order[] = $i;
        if (!$multi) Fiber::suspend();
        return strlen($data);
    });
    if ($multi) {
        curl_multi_add_handle($multi, $c);
        Fiber::suspend();
    } else {
        curl_exec($c);
    }
}
$multi = getenv('HOW') === 'multi' ? curl_multi_init() : null;
for ($i = 1; $i <= 8; $i++) {
    $fibers[] = $fiber = new Fiber('ask');
    $fiber->start($i);
}
if ($multi) {
    do {
        curl_multi_exec($multi, $running);
        curl_multi_select($multi, 0.1);
    } while ($running);
}
while ($left = array_filter($fibers, fn($f) => !$f->isTerminated())) {
    foreach ($left as $fiber) $fiber->resume();
}
$turns = count(array_filter(array_keys($order), fn($k) => $k &&
    $order[$k] !== $order[$k - 1]));
echo $turns > count($fibers) ? 'mixed' : 'one by one';
"""

THREADS = """
import os, threading, pycurl
def call():
    c = pycurl.Curl()
    c.setopt(c.URL, os.environ['URL'])
    c.setopt(c.POSTFIELDS, os.environ['BODY'])
    c.setopt(c.HTTPHEADER, ['Content-Type: application/json'])
    c.setopt(c.WRITEFUNCTION, lambda data: None)
    c.perform()
call()
stop = threading.Event()
other = threading.Thread(target=stop.wait)
other.start()
os.environ['TRACEPARENT'] = '%s'
call()
stop.set()
other.join()
""" % B


def trace(span):
    return span["_dd"]["apm_trace_id"]


@test
def read_anew_at_each_call(t):
    if not shutil.which("php"):
        raise Skip("no php")
    t.foreign_trace = True
    env = {"URL": t.url, "BODY": body()}
    spans = t.same(["php", "-r", PHP], env=env, spans=4).spans
    spans.sort(key=lambda s: s["start_ns"])
    equal([trace(s) for s in spans[:3]],
          [A[3:35], B[3:35], A[3:35]], "traces")
    ok(trace(spans[3]) not in (A[3:35], B[3:35]), "a stale parent")
    equal(spans[1]["parent_id"], "187", "parent")
    ok("ml_app:caller" in spans[1]["tags"], "the caller's ml_app")
    ok("ml_app:it" in spans[3]["tags"], "our own ml_app")


def of_caller(t, env, session="mine"):
    """ml_app, session and sampling of a call for a caller that sets them, and
    whether it is in the caller's trace."""
    state = STATE + ";t.llmobs_sid:theirs;t.llmobs_sd:0;s:-1"
    t.foreign_trace = True
    span = t.run(curl(t.url, body()), env=dict(
        env, HTTP_TRACEPARENT=B, HTTP_TRACESTATE=state,
        LLMOBS_SESSION_ID=session)).only()
    app = [tag[7:] for tag in span["tags"] if tag.startswith("ml_app:")]
    return (app[0], span.get("session_id"), trace(span) == B[3:35],
            span["parent_id"] == "187")


PROXIES = ["X_FORWARDED_FOR", "FORWARDED", "X_REAL_IP", "X_FORWARDED",
           "FORWARDED_FOR", "X_CLIENT_IP", "X_CLUSTER_CLIENT_IP",
           "TRUE_CLIENT_IP", "CF_CONNECTING_IP", "CF_CONNECTING_IPV6",
           "FASTLY_CLIENT_IP", "FLY_CLIENT_IP", "VIA",
           "X_ENVOY_EXTERNAL_ADDRESS", "X_AZURE_CLIENTIP", "X_AZURE_SOCKETIP",
           "CLOUDFRONT_VIEWER_ADDRESS", "X_APPENGINE_USER_IP",
           "X_ORIGINAL_FORWARDED_FOR", "X_VERCEL_FORWARDED_FOR"]


@test
def behind_proxies_of_all_kinds(t):
    for name in PROXIES:
        env = {"REMOTE_ADDR": "10.0.0.9", "HTTP_" + name: "8.8.8.8"}
        equal(of_caller(t, env), ("it", "mine", True, True), name)
        env["HTTP_" + name] = "10.1.2.3"
        equal(of_caller(t, env), ("caller", "theirs", True, True), name)


@test
def of_strangers_ids_alone(t):
    """A caller of a public service can neither relabel its spans nor switch
    them off; a header may make a caller a stranger, and never a known one."""
    ours, theirs = ("it", "mine", True, True), ("caller", "theirs", True, True)
    for env in ({"REMOTE_ADDR": "8.8.8.8"},
                {"REMOTE_ADDR": "2001:db8::1", "HTTP_X_REAL_IP": "10.0.0.1"},
                {"REMOTE_ADDR": "10.0.0.1", "HTTP_FORWARDED": "for=9.9.9.9"},
                {"HTTP_X_FORWARDED_FOR": "10.0.0.1, unknown"},
                {"LLMOBS_INBOUND_TRUST": "none"}):
        equal(of_caller(t, env), ours, "of %r" % env)
    for env in ({}, {"REMOTE_ADDR": "192.168.0.7"},
                {"REMOTE_ADDR": "::1", "HTTP_X_FORWARDED_FOR": "10.0.0.1"},
                {"REMOTE_ADDR": "8.8.8.8", "LLMOBS_INBOUND_TRUST": "all"}):
        equal(of_caller(t, env), theirs, "of %r" % env)


@test
def nothing_of_a_stranger_goes_on(t):
    """To a private host neither its baggage nor other vendors' members, which
    may hold a user and a session."""
    gateway = "http://127.0.0.1:%d" % t.servers.gateway
    baggage = "user=1,session=" + "x" * 6000
    for env, more, sent in (
            ({"REMOTE_ADDR": "8.8.8.8"}, [], False),
            ({"HTTP_X_FORWARDED_FOR": "8.8.8.8"}, [], False),
            ({"HTTP_VIA": "1.1 google"}, [], False),
            ({"REMOTE_ADDR": "10.0.0.1", "LLMOBS_INBOUND_TRUST": "none"}, [],
             False),
            ({"REMOTE_ADDR": "10.0.0.1"}, ["-H", "X-Forwarded-For: 8.8.8.8"],
             False),
            ({"REMOTE_ADDR": "8.8.8.8", "LLMOBS_INBOUND_TRUST": "all"}, [],
             True),
            ({"REMOTE_ADDR": "10.0.0.1"}, [], True)):
        t.foreign_trace = True
        r = t.run(curl(gateway + "/v1/chat/completions", body(), *more),
                  env=dict(env, HTTP_TRACEPARENT=B, HTTP_BAGGAGE=baggage,
                           HTTP_TRACESTATE="other=7," + STATE))
        headers, = [trace_headers(q) for q in r.requests
                    if q["listener"] == "gateway"]
        equal((headers.get("baggage"), headers["traceparent"][3:35]),
              (baggage if sent else None, B[3:35]), "baggage of %r" % env)
        if not more:
            equal("other=7" in headers.get("tracestate", ""), sent,
                  "vendors of %r" % env)
        r = t.run(curl(gateway + "/v1/models", None, *more),
                  env=dict(env, HTTP_TRACEPARENT=B, HTTP_BAGGAGE=baggage,
                           DD_LLMOBS_INSTRUMENTED_PROXY_URLS=gateway))
        passed, = [trace_headers(q) for q in r.requests
                    if q["listener"] == "gateway"]
        equal(passed.get("baggage"), baggage if sent else None,
              "baggage of %r without a span" % env)


@test
def a_stranger_that_is_sent_on(t):
    """The program sends the headers of its request on with its call."""
    for more, app in (([], "caller"), (["X-Forwarded-For: 8.8.8.8"], "it"),
                      (["CF-Connecting-IP: 8.8.8.8"], "it")):
        t.foreign_trace = True
        options = ["traceparent: " + B, "tracestate: " + STATE] + more
        span = t.run(curl(t.url, body(), *sum(
            [["-H", line] for line in options], []))).only()
        ok("ml_app:" + app in span["tags"], "ml_app %s" % app)
        equal(trace(span), B[3:35], "trace")


@test
def passed_on_as_it_is_then(t):
    """A request without a span, to a gateway: the context of that moment."""
    if not shutil.which("php"):
        raise Skip("no php")
    gateway = "http://127.0.0.1:%d" % t.servers.gateway
    r = t.same(["php", "-r", PASSING], spans=0, order=False, env={
        "URL": gateway + "/v1/models",
        "DD_LLMOBS_INSTRUMENTED_PROXY_URLS": gateway})
    sent = [trace_headers(q) for q in r.requests
            if q["listener"] == "gateway"]
    equal([(h.get("traceparent", "")[3:35], h.get("baggage")) for h in sent],
          [("", None), (A[3:35], "user=1"), ("", None)],
          "trace and baggage sent on")


@test
def fibers_that_take_turns(t):
    """The parent is of the moment when a call begins."""
    if not shutil.which("php"):
        raise Skip("no php")
    t.foreign_trace = True
    text = body("fiber NUMBER" + " and more" * 2, "slow", stream=True)
    for how in "easy", "multi":
        r = t.same(["php", "-r", FIBERS], spans=8, order=False, env={
            "URL": t.url, "BODY": text, "HOW": how})
        equal(r.stdout, b"mixed", "turns")
        for span in r.spans:
            asked = span["meta"]["input"]["messages"][0]["content"]
            equal((asked.split()[1], span["meta"]["output"]["messages"]),
                  (str(int(trace(span), 16)),
                   [{"role": "assistant", "content": "Echo: " + asked}]),
                  "whose parent and answer " + how)


@test
def names_are_looked_up_in_threads(t):
    """libcurl's own, while the next call of the same request begins."""
    if not shutil.which("php"):
        raise Skip("no php")
    private_network(t, ["llm.test"])
    t.foreign_trace = True
    env = {"URL": t.url.replace("127.0.0.1", "llm.test"), "BODY": body()}
    r = t.run(["php", "-r", PARALLEL], env=env)
    equal(r.code, 0, "exit status")
    equal(sorted(int(trace(s), 16) for s in r.spans),
          sorted(list(range(1, 21)) * 3), "traces")


@test
def as_it_was_where_there_are_threads(t):
    """Another thread could be changing the environment."""
    t.foreign_trace = True
    env = {"URL": t.url, "BODY": body(), "TRACEPARENT": A}
    r = t.run([PYTHON, "-c", THREADS], env=env)
    equal(r.code, 0, "exit status")
    equal([trace(s) for s in r.spans], [A[3:35]] * 2, "traces")
