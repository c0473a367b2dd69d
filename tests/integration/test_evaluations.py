"""Evaluations: their form at the endpoint, by agent and without one, and that
none is lost or comes twice whatever happens to peer and process."""
import copy
import json
import os
import re
import subprocess
import time

from delivery import (PATIENT, Living, agent, agentless, counts, double,
                      left_behind, private_network, wait_for)
from harness import (LAUNCHER, ROOT, SECRET, SUPPORT, Skip, compiled, equal,
                     free_port, ok, test)
from test_doubles import post, put

PATH = "/api/intake/llm-obs/v2/eval-metric"
PROXY = "/evp_proxy/v2"
HEAD = {"Content-Type": "application/json", "X-Datadog-EVP-Subdomain": "api",
        "User-Agent": "llmobs/1"}
TRACE = "6affe73a00000000c3d1e2f3a4b5c6d7"
SPAN = "7310458811263470123"


def start(t, env, label, *args):
    """`llmobs evaluate` beside what is there already."""
    args = args or ("--type", "score", "--value", "0.5")
    return subprocess.Popen(
        [os.path.join(t.build, "llmobs"), "evaluate", "--label", label,
         "--tag", "msg_id=7", *args], cwd=os.path.join(t.dir, "work"),
        env=t.environment(True, dict(PATIENT, DD_LLMOBS_ENABLED="1", **env)),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def evaluate(t, env, label, *args, code=0):
    process = start(t, env, label, *args)
    out, err = process.communicate(timeout=30)
    equal((process.returncode, out, err.decode() if code == 0 else ""),
          (code, b"", ""), "status, stdout, stderr")


def drain(t, env, *args, code=0):
    done = subprocess.run([os.path.join(t.build, "llmobs"), "drain", "--json",
                           *args],
                          env=t.environment(True, env), timeout=60,
                          stdout=subprocess.PIPE)
    equal(done.returncode, code, "status of the drain")
    return json.loads(done.stdout)


def arrived(dd, labels, wait=0.0):
    """These evaluations are at the doubles, each once, all of good form."""
    found = dd.wait_evaluations(len(labels), wait) if wait else \
        dd.evaluations()
    equal(dd.violations(), [], "violations")
    equal(sorted(e["label"] for e in found), sorted(labels), "labels")
    return found


def books(t, **want):
    """Checks the counts of `stats`; captured is the sum of its parts."""
    said = counts(t)
    equal(said["captured"], sum(said[n] for n in (
        "delivered", "pending", "spooled", "unconfirmed", "dropped")), "sum")
    equal({n: said.get(n, 0) for n in want}, want, "counters")


@test
def feedback_goes_where_evaluations_go(t):
    said = ("--type", "text", "--value", "so so", "--submitter", "u7")
    for label in "by-agent", "agentless":
        with double(t) as dd:
            env = agent(dd) if label == "by-agent" else agentless(t, dd)
            done = subprocess.run(
                [os.path.join(t.build, "llmobs"), "feedback", "--label", label,
                 "--session", "s1", *said],
                env=t.environment(True, dict(PATIENT, DD_LLMOBS_ENABLED="1",
                                             **env)),
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
            equal((done.returncode, done.stdout, done.stderr), (0, b"", b""),
                  "status, stdout, stderr")
            word, = arrived(dd, [label], 5)
            equal((word["event_kind"], word["session_id"], word["text_value"]),
                  ("feedback", "s1", "so so"), "what was said")


# ---- the doubles themselves ----------------------------------------------

GOOD = {"event_kind": "evaluation", "label": "a", "metric_type": "score",
        "join_on": {"span": {"span_id": SPAN, "trace_id": TRACE}},
        "score_value": 1, "timestamp_ms": 1795155770999, "ml_app": "it",
        "tags": ["ddtrace.version:1", "ml_app:it", "x:y"],
        "eval_scope": "span"}

WORD = {"event_kind": "feedback", "label": "a", "metric_type": "text",
        "span_id": SPAN, "submitter": {"id": "u", "type": "user"},
        "text_value": "so so", "timestamp_ms": 1795155770999, "ml_app": "it",
        "tags": ["ddtrace.version:1", "ml_app:it", "x:y"]}

WRONG_WORDS = [
    put("event_kind", "evaluation"), put("submitter", None),
    put("submitter", {}), put("submitter", {"id": ""}),
    put("submitter", {"id": 7}), put("submitter", {"id": "u", "more": "x"}),
    put("trace_id", TRACE), put("span_id", None), put("span_id", ""),
    put("text_value", 7), put("metadata", {}), put("eval_scope", "span"),
    put("join_on", {"tag": {"key": "a", "value": "b"}}),
]

WRONG = [
    put("event_kind", "feedback"), put("event_kind", None), put("label", ""),
    put("label", "a.b"), put("label", 3), put("metric_type", "Score"),
    put("metric_type", "text"), put("metric_type", None),
    put("score_value", "1"), put("score_value", True),
    put("score_value", None), put("boolean_value", True),
    put("timestamp_ms", 0), put("timestamp_ms", "1"), put("timestamp_ms", 1.5),
    put("timestamp_ms", None), put("ml_app", ""), put("ml_app", "other"),
    put("ml_app", None), put("tags", []), put("tags", None),
    put("tags", ["ml_app:it", "ddtrace.version:1"]),
    put("tags", ["ddtrace.version:1", "ml_app:it", "x"]),
    put("tags", ["ddtrace.version:1", "ml_app:it", "x:a,b"]),
    put("tags", ["ddtrace.version:1", "ml_app:it", "x:1", "x:2"]),
    put("eval_scope", "all"), put("eval_scope", None), put("more", 1),
    put("assessment", "good"), put("assessment", ["pass"]),
    put("reasoning", 7), put("metadata", []), put("metadata", "x"),
    put("join_on", {}), put("join_on", None), put("join_on", []),
    put("join_on", {"span": {"span_id": SPAN}}),
    put("join_on", {"tag": {"key": "a", "value": 1}}),
    put("join_on", {"tag": {"key": "", "value": "1"}}),
    put("join_on", "tag", {"key": "a", "value": "b"}),
    put("join_on", "span", "span_id", "0x1"),
    put("join_on", "span", "span_id", "0"),
    put("join_on", "span", "span_id", str(1 << 64)),
    put("join_on", "span", "trace_id", "12"),
    put("reasoning", "x" * 5000000), put("reasoning", SECRET),
    put("span_id", SPAN),
]


def around(*metrics):
    return {"data": {"type": "evaluation_metric",
                     "attributes": {"metrics": list(metrics)}}}


@test
def doubles_take_what_is_right(t):
    with double(t) as dd:
        more = dict(copy.deepcopy(GOOD), label="b", assessment="fail",
                    reasoning="", metadata={"a": []}, eval_scope="trace",
                    join_on={"tag": {"key": "a", "value": "b"}})
        for kind, value in (("categorical", ""), ("boolean", False),
                            ("json", {})):
            more = dict(more, metric_type=kind, label=kind)
            more.pop("score_value", None)
            more.pop("categorical_value", None)
            more.pop("boolean_value", None)
            more[kind + "_value"] = value
            equal(post(dd, around(GOOD, more), HEAD, PROXY + PATH), 202,
                  "status")
            equal(dd.violations(), [], "violations")
            dd.reset()
        for target in ("span_id", "trace_id", "session_id",
                       "feedback_join_key"):
            word = copy.deepcopy(WORD)
            del word["span_id"]
            word[target] = "x"
            equal(post(dd, around(GOOD, word), HEAD, PROXY + PATH), 202,
                  "status")
            equal(dd.violations(), [], "violations")
            dd.reset()


@test
def doubles_see_what_is_wrong(t):
    with double(t) as dd:
        def seen(what, doc, head=HEAD, path=PROXY + PATH, port=None):
            dd.reset()
            post(dd, doc, head, path, port)
            ok(dd.violations(), "not seen: %s" % (what,))
        for base, changes in (GOOD, WRONG), (WORD, WRONG_WORDS):
            for i, change in enumerate(changes):
                bad = copy.deepcopy(base)
                change(bad)
                seen("change %d of a %s" % (i, base["event_kind"]),
                     around(bad))
        for bad in (b"", b"[]", [GOOD], around(), around(1),
                    dict(around(GOOD), more=1), {"data": around(GOOD)},
                    {"data": dict(around(GOOD)["data"], type="span")},
                    around(GOOD, GOOD)):
            seen(bad, bad)
        for more in ({"X-Datadog-EVP-Subdomain": "llmobs-intake"},
                     {"Content-Type": "text/plain"}, {"DD-API-KEY": dd.key},
                     {"Content-Encoding": "gzip"}, {"User-Agent": "curl/7"}):
            seen(more, around(GOOD), dict(HEAD, **more))
        for path in (PATH, PROXY + PATH.replace("v2", "v1"), PROXY + PATH + "/",
                     "/evp_proxy/v4" + PATH, PROXY + "/api/v2/llmobs"):
            seen(path, around(GOOD), path=path)
        seen("no key", around(GOOD), HEAD, PATH, dd.intake_http)
        dd.reset()
        equal([post(dd, around(GOOD), HEAD, PROXY + PATH) for _ in range(2)],
              [202, 202], "statuses")
        equal(len(dd.violations()), 1, "one that came again")


# ---- where they go -------------------------------------------------------

@test
def by_agent(t):
    t.fresh(None)
    with double(t) as dd:
        evaluate(t, agent(dd), "one", "--type", "categorical", "--value",
                 'a "b"\n\x01w\u00f6rld \U0001f600', "--reasoning", "\\u0000",
                 "--tag-add", "team:a,b", "--timestamp", "1795155770999")
        evaluate(t, agent(dd), "two", "--type", "json", "--value",
                 '{"deep":' * 60 + "1" + "}" * 60, "--assessment", "fail")
        evaluate(t, agent(dd, DD_TRACE_AGENT_URL="unix://" + dd.socket),
                 "three")
        one = [e for e in arrived(dd, ["one", "two", "three"])
               if e["label"] == "one"][0]
        equal(one["categorical_value"], 'a "b"\n\x01w\u00f6rld \U0001f600',
              "value")
        equal(one["tags"][2:], ["team:a_b"], "tags")
        equal(one["ml_app"], "it", "ml_app")
        equal(dd.spans(), [], "spans")
        books(t, captured=3, delivered=3, evaluations=3)
        equal(left_behind(t), [], "left in the spool")


@test
def without_an_agent(t):
    t.fresh(None)
    with double(t) as dd:
        evaluate(t, agentless(t, dd), "by TLS")
        evaluate(t, agentless(t, dd, DD_LLMOBS_OVERRIDE_ORIGIN="http://127.0."
                              "0.1:%d/base" % dd.intake_http), "below a path")
        arrived(dd, ["by TLS", "below a path"])
        equal(sorted(r["path"] for r in dd.requests("")),
              sorted(["/base" + PATH, PATH]), "paths")


@test
def at_the_host_of_the_site(t):
    """Another host than that of the spans, by TLS."""
    if os.geteuid() != 0:
        raise Skip("needs root")
    private_network(t, ["api.site.example"])
    t.fresh(None)
    with double(t, "--intake-port", "443") as dd:
        evaluate(t, agentless(t, dd, DD_LLMOBS_OVERRIDE_ORIGIN=None,
                              DD_SITE="site.example"), "there")
        arrived(dd, ["there"])
        equal(dict(dd.requests("")[0]["headers"])["Host"], "api.site.example",
              "host")


@test
def to_whom_auto_finds(t):
    t.fresh(None)
    with double(t) as dd:
        evaluate(t, {"LLMOBS_EXPORTER": None, "DD_TRACE_AGENT_URL": dd.url},
                 "found")
        arrived(dd, ["found"])
        books(t, captured=1, delivered=1, evaluations=1, sent_agent=1)


# ---- faults --------------------------------------------------------------

@test
def a_dead_agent_then_a_drain(t):
    """They wait in the spool, and the one line says so."""
    t.fresh(None)
    port = free_port()
    env = {"LLMOBS_EXPORTER": "agent",
           "DD_TRACE_AGENT_URL": "http://127.0.0.1:%d" % port}
    labels = ["n%d" % i for i in range(12)]
    for label in labels:
        evaluate(t, env, label)
    books(t, captured=12, delivered=0, spooled=12, dropped=0)
    equal(drain(t, env, code=1)["left"], 12, "left")
    with double(t, "--agent-port", str(port)) as dd:
        equal(drain(t, env)["delivered"], 12, "delivered")
        arrived(dd, labels)
    books(t, captured=12, delivered=12, spooled=0, evaluations=12)
    equal(left_behind(t), [], "left in the spool")


@test
def a_dead_agent_then_the_store(t):
    """Drained to the local store they are shown below their span."""
    t.fresh(None)
    env = {"LLMOBS_EXPORTER": "agent",
           "DD_TRACE_AGENT_URL": "http://127.0.0.1:%d" % free_port()}
    with Program(t, env) as app:
        app.ask("kept so-it-is")
        app.end()
    equal(drain(t, env, "--to", "store")["delivered"], 2, "delivered")
    shown = subprocess.run([os.path.join(t.build, "llmobs"), "view"],
                           env=t.environment(True, {}), timeout=30,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    ok(b"\n   eval kept: 0.5 so-it-is\n" in shown.stdout, shown.stdout)
    equal(shown.stderr, b"", "stderr")
    books(t, captured=2, delivered=2, evaluations=1, sent_store=2)


@test
def killed_then_adopted(t):
    """Killed in its delivery, before any answer; the next process that makes
    a call delivers it."""
    t.fresh(None)
    with double(t) as dd:
        env = agent(dd, _DD_LLMOBS_WRITER_TIMEOUT="20")
        dd.fault("hang", path="")
        for n, label in enumerate(("first", "second"), 1):
            process = start(t, env, label)
            ok(wait_for(lambda: len(dd.requests("")) == n, 20), "requests")
            ok(process.poll() is None, "ended before it was killed")
            process.kill()
            process.communicate()
        equal(len(left_behind(t)), 2, "files")
        dd.well()
        env = agent(dd)
        with Living(t, env, keep=True) as app:
            app.ask("one")
            arrived(dd, ["first", "second"], 20)
            app.end()
        equal(len(dd.spans()), 1, "spans")
        equal(left_behind(t), [], "left in the spool")
        books(t, captured=3, delivered=3, spooled=0, evaluations=2)


@test
def one_is_refused(t):
    """It is set aside, the others arrive."""
    t.fresh(None)
    with double(t) as dd:
        dd.fault("500", path="")
        for label in ["good", "b\u00e4d", "fine"]:
            evaluate(t, agent(dd), label)
        dd.fault("marker", marker="b\\u00e4d", path="eval-metric")
        said = drain(t, agent(dd))
        equal((said["delivered"], said["refused"]), (2, 1),
              "delivered, refused")
        arrived(dd, ["good", "fine"])
        with open(os.path.join(t.dir, "store", "spool",
                               "rejected.jsonl")) as f:
            equal([json.loads(x)["label"] for x in f], ["b\u00e4d"],
                  "set aside")
        books(t, captured=3, delivered=2, spooled=0, evaluations=2,
              dropped=1)


@test
def the_answer_is_cut(t):
    """Taken, though the answer has no end: not sent again."""
    t.fresh(None)
    with double(t) as dd:
        dd.fault("cut-body", path="eval-metric", times=1)
        evaluate(t, agent(dd), "once")
        drain(t, agent(dd))
        arrived(dd, ["once"])


@test
def only_they_are_refused(t):
    """A key or agent that lets spans through and evaluations not: the ones
    arrive, the others wait."""
    for kind in ("401", "403", "404", "429", "503", "reset"):
        t.fresh(None)
        with double(t) as dd:
            dd.fault(kind, path="eval-metric")
            evaluate(t, agent(dd), "waits")
            with Living(t, agent(dd), keep=True) as app:
                app.ask("one")
                equal(len(dd.wait_spans(1)), 1, "spans of the first call")
                time.sleep(0.2)
                app.ask("two")
                equal(len(dd.wait_spans(2)), 2, "spans beside " + kind)
                app.end()
            equal(arrived(dd, []), [], "evaluations")
            # The drain that the program has started tries it for a while.
            wait_for(lambda: counts(t)["captured"] == 3, 60)
            books(t, captured=3, delivered=2, spooled=1, dropped=0)
            dd.well()
            equal(drain(t, agent(dd))["delivered"], 1, "delivered")
            arrived(dd, ["waits"])


@test
def no_key_on_the_disk(t):
    t.fresh(None)
    with double(t) as dd:
        env = agentless(t, dd)
        dd.fault("503", path="")
        evaluate(t, env, "kept")
        for folder, _, names in os.walk(os.path.join(t.dir, "store")):
            for name in names:
                with open(os.path.join(folder, name), "rb") as f:
                    ok(dd.key.encode() not in f.read(), "the key in " + name)
        dd.well()
        drain(t, env)
        arrived(dd, ["kept"])


# ---- by the C API --------------------------------------------------------

def evaluator(t):
    """The C program of tests/support."""
    return compiled(t, "evaluator", "-O1", "-I", os.path.join(ROOT, "include"),
                    os.path.join(SUPPORT, "evaluator.c"), "-lcurl",
                    "-lpthread")


class Program:
    """It, preloaded, and told what to evaluate."""

    def __init__(self, t, env, *args):
        self.process = subprocess.Popen(
            [LAUNCHER, evaluator(t), *args],
            env=t.environment(True, dict(PATIENT, **env)),
            cwd=os.path.join(t.dir, "work"), stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            start_new_session=True)

    def ask(self, line):
        """One evaluation; gives its span's ids."""
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()
        told = self.process.stdout.readline().decode().split()
        equal(told[:1], ["0"], "code of an evaluation")
        return told[1:]

    def kill(self):
        self.process.kill()
        self.process.communicate()

    def end(self):
        out, err = self.process.communicate(timeout=30)
        equal((out, err, self.process.returncode), (b"", b"", 0),
              "what is left of stdout, stderr, exit status")

    def __enter__(self):
        return self

    def __exit__(self, *what):
        if self.process.poll() is None:
            self.kill()


def joined(dd, found):
    """Each evaluation names a span that is there."""
    spans = {(s["span_id"], s["trace_id"]) for s in dd.spans()}
    for e in found:
        join = e["join_on"]["span"]
        ok((join["span_id"], join["trace_id"]) in spans,
           "no span of %s" % e["label"])


@test
def by_the_api(t):
    """Spans and evaluations turn about; the endpoint of each gets its own."""
    for place in (agent, lambda dd: agentless(t, dd)):
        t.fresh(None)
        labels = ["n%d" % i for i in range(40)]
        with double(t) as dd, Program(t, place(dd)) as app:
            ids = [app.ask(label) for label in labels]
            app.end()
            found = arrived(dd, labels, 5)
            equal(len(dd.wait_spans(40, 5)), 40, "spans")
            joined(dd, found)
            equal(sorted(e["join_on"]["span"]["span_id"] for e in found),
                  sorted(i[0] for i in ids), "ids of the spans")
            books(t, captured=80, delivered=80, evaluations=40, pending=0)
            equal(left_behind(t), [], "left in the spool")


@test
def by_threads_and_children(t):
    t.fresh(None)
    with double(t) as dd, Program(t, agent(dd), "8") as app:
        app.ask("a")
        app.ask("!fork child")
        app.ask("b")
        app.end()
        labels = ["%s-%d" % (x, i) for x in "ab" for i in range(8)]
        joined(dd, arrived(dd, labels + ["child"], 5))
        books(t, captured=34, delivered=34, evaluations=17)


@test
def batches_are_split(t):
    """Too many at once, and a bad one, of those that one process delivers."""
    t.fresh(None)
    with double(t) as dd:
        dd.fault("503", path="")
        labels = ["n%d" % i for i in range(30)] + ["b\u00e4d", "last"]
        with Program(t, agent(dd)) as app:
            for label in labels[:30]:
                app.ask(label)
            dd.ask("PUT", "/__fault", [
                {"kind": "marker", "marker": "b\\u00e4d",
                 "path": "eval-metric"},
                {"kind": "limit", "spans": 3, "path": ""}])
            app.ask(labels[30])
            app.ask(labels[31])
            app.end()
        taken = [r["evaluations"] for r in dd.requests("eval-metric")
                 if r["status"] == 202]
        ok(1 < max(taken) <= 3, "batches of %s" % taken)
        good = labels[:30] + ["last"]
        arrived(dd, good, 5)
        equal(len(dd.wait_spans(32, 5)), 32, "spans")
        books(t, captured=64, delivered=63, dropped=1, evaluations=31)


def distinct(dd):
    return {json.dumps(e, sort_keys=True) for e in dd.evaluations()}


@test
def killed_at_any_moment(t):
    """With the agent dead, slow or well: what was submitted arrives, once."""
    for fault in (None, "503", "hang", "slow"):
        t.fresh(None)
        labels = ["n%d" % i for i in range(20)]
        with double(t) as dd:
            if fault:
                dd.fault(fault, path="eval-metric", delay_ms=300)
            with Program(t, agent(dd)) as app:
                for label in labels:
                    app.ask(label)
                app.kill()
            dd.well()
            with Living(t, agent(dd, **PATIENT), keep=True) as app:
                app.ask("one")
                wait_for(lambda: len(distinct(dd)) >= 20, 20)
                app.end()
            # a batch may come again whose answer nobody has noted
            names = distinct(dd)
            equal(sorted(json.loads(n)["label"] for n in names),
                  sorted(labels), "labels beside %s" % fault)
            if fault in ("503", "hang"): # of evaluations none was answered
                wrong = [v for v in dd.violations()
                         if not re.search(r"spans: \d+ came again", v)]
                equal((len(dd.evaluations()), wrong), (20, []), "each once")
            equal(left_behind(t), [], "left in the spool")
            said = counts(t)
            equal((said["pending"], said["spooled"],
                   {k: n for k, n in said["dropped_by_reason"].items() if n}),
                  (0, 0, {}),
                  "pending, spooled, dropped beside %s" % fault)


@test
def killed_between_two_requests(t):
    """The spans are delivered, and in the books so, while what evaluates them
    is under way; at the program's end too."""
    killed_in_the_second(t, False)
    killed_in_the_second(t, True)


def killed_in_the_second(t, ending):
    t.fresh(None)
    with double(t) as dd:
        dd.fault("hang", path="eval-metric")
        late = {"_DD_LLMOBS_WRITER_INTERVAL": "60"} if ending else {}
        with Program(t, agent(dd, **late)) as app:
            app.ask("once")
            if ending:
                ok(wait_for(lambda: counts(t)["pending"], 20), "no record")
                app.process.stdin.close()
            dd.wait_spans(1, 20)
            ok(wait_for(lambda: dd.requests("eval-metric"), 20), "no request")
            time.sleep(0.3)
            app.process.kill()
            app.process.wait()
        dd.well()
        with Living(t, agent(dd, **PATIENT), keep=True) as app:
            app.ask("another")
            equal(len(dd.wait_evaluations(1, 20)), 1, "evaluations")
            app.end()
        books(t, delivered=3, spooled=0, dropped=0, pending=0)


@test(of="rest")
def a_full_buffer(t):
    """Far more than memory may hold, while the agent is away."""
    t.fresh(None)
    with double(t) as dd:
        dd.fault("503", path="")
        labels = ["n%d" % i for i in range(60)]
        env = agent(dd, LLMOBS_BUFFER_MAX="200000")
        with Program(t, env) as app:
            for label in labels:
                app.ask(label + " " + "r" * 50000)
            dd.well()
            found = arrived(dd, labels, 30)
            app.end()
        equal(min(len(e["reasoning"]) for e in found), 50000, "reasoning")
        books(t, captured=120, delivered=120, evaluations=60, dropped=0)


@test
def unloaded(t):
    """Without us the program does nothing of it."""
    done = subprocess.run([evaluator(t)], input=b"x\n", timeout=30,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          env={"PATH": os.environ["PATH"]})
    equal((done.returncode, done.stdout, done.stderr), (0, b"1  \n", b""),
          "status and output")
