"""A limit for the calls of a command: `llmobs-run --max-tokens`, `--max-cost`;
and the run that its spans belong to."""
import json
import os
import re
import shlex
import signal
import subprocess
import time

from delivery import agent, double, ids, settled, wait_for
from harness import Skip, body, curl, equal, expect_llm, ok, read_spans, test
from relays import Relay

RUN = "0123456789abcdef"
# A price for the model of the test's server: a dollar for ten tokens.
PRICES = json.dumps({"gpt-test": {
    "litellm_provider": "openai", "mode": "chat",
    "input_cost_per_token": 0.1, "output_cost_per_token": 0.1}})
LOOP = b"""i=0
while [ $i -lt 100 ]; do
    "$@" > /dev/null
    i=$((i + 1))
    echo $i > ../count
    sleep 0.1
done
"""


def run_of(span):
    return span["_call"].get("run")


def files(more=None):
    """Those of a command's folder."""
    return dict({"loop.sh": LOOP, "prices.json": PRICES.encode()},
                **(more or {}))


def stored(t):
    store = os.path.join(t.dir, "store")
    return read_spans(store) if os.path.isdir(store) else []


# ---- the run, and the store beside other ways -------------------------------

@test
def the_run_of_a_span(t):
    span = t.same(curl(t.url, body()), spans=1, env={"LLMOBS_RUN": RUN}).only()
    equal(run_of(span), RUN, "run")


@test
def the_run_of_a_killed_process(t):
    """Another process, of no run, delivers its calls."""
    t.run(curl(t.url, body("word " * 500, model="slow", stream=True), "-N"),
          env={"LLMOBS_RUN": RUN}, kill_after=b"data: ", check=False)
    done = subprocess.run([os.path.join(t.build, "llmobs"), "drain"],
                          env=t.environment(True, {}), capture_output=True)
    equal(done.returncode, 0, "drain: %r" % done.stderr)
    equal([run_of(span) for span in stored(t)], [RUN], "run")


def beside(t, env, count=1):
    """At the doubles and in the store, each once."""
    more = dict(env, LLMOBS_RUN=RUN, LLMOBS_RUN_STORE="1",
                LLMOBS_EXIT_FLUSH_MS="20000")
    r = t.run(curl(t.url, *[body()] + [t.url] * (count - 1)), env=more)
    equal(r.code, 0, "status")
    return r


@test
def the_store_beside_an_agent(t):
    with double(t) as dd:
        for name in "agent", "auto", "agent,store":
            r = beside(t, agent(dd, LLMOBS_EXPORTER=name))
            expect_llm(r.only())
            ok(wait_for(lambda: r.spans[0]["span_id"] in ids(dd.spans()), 10),
               "at the agent: " + name)
        settled(t, dd, 3)


@test
def the_store_once(t):
    """Where `auto` chooses the store itself."""
    for env in ({"LLMOBS_EXPORTER": "auto", "DD_LLMOBS_AGENTLESS_ENABLED": "1"},
                {"LLMOBS_EXPORTER": "store"}):
        expect_llm(beside(t, env).only())


@test
def the_store_beside_a_relay(t):
    """The relay has another way: the process delivers by itself, to both."""
    t.fresh(None)
    with double(t) as dd, Relay(t, agent(dd)):
        t.run(curl(t.url, body()), keep=True,
              env=agent(dd, LLMOBS_RUN_STORE="1"))
        equal(ids(settled(t, dd, 1, wait=5)), ids(stored(t)), "spans")


# ---- limits ----------------------------------------------------------------

def limited(t, limits, argv, env=None, inputs=None, launcher="llmobs-run",
            **options):
    """Runs a command with limits; the result has also `count`, of the loop,
    and `took`."""
    path = os.path.join(t.dir, "count")
    if os.path.exists(path):
        os.unlink(path)
    began = time.monotonic()
    r = t.run([os.path.join(t.build, launcher), *limits, *argv], launcher=[],
              inputs=files(inputs), check=False,
              env=dict({"LLMOBS_PRICES": os.path.join(t.dir, "work",
                                                      "prices.json")},
                       **(env or {})), **options)
    r.took = time.monotonic() - began
    r.count = None
    if os.path.exists(path):
        with open(path) as f:
            r.count = int(f.read() or 0)
    return r


def loop(t, model="gpt-test", script="loop.sh", url=None):
    return ["sh", script, *curl(url or t.url, body(model=model))]


def tokens_of(span):
    return sum(span["metrics"].get(name, 0)
               for name in ("input_tokens", "output_tokens"))


def stopped(t, r, unit="tokens", status=143):
    """The command was stopped; gives the sum in the message."""
    equal(r.code, status, "status: %r" % r.stderr)
    ok(r.count is not None and r.count < 60, "calls: %r" % r.count)
    said = re.search(rb"^llmobs-run: stopped: (\S+?)( tokens)? in (\d+) calls? "
                     rb"\(--max-%s (\S+)\)$" % unit.encode(), r.stderr, re.M)
    ok(said, r.stderr)
    equal(int(said[3]) > 0, True, "calls in the message")
    return float(said[1].decode().strip("$").replace(",", ""))


@test
def tokens(t):
    r = limited(t, ["--max-tokens", "50"], loop(t))
    said = stopped(t, r)
    equal(r.stdout, b"", "stdout")
    equal(len(r.stderr.splitlines()), 1, "lines: %r" % r.stderr)
    spans = stored(t)
    each = tokens_of(spans[0])
    ok(said > 50 and said % each == 0 and said <= each * len(spans),
       "%s of %d calls with %d each" % (said, len(spans), each))
    equal(len({run_of(span) for span in spans}), 1, "runs")


@test
def cost(t):
    r = limited(t, ["--max-cost", "5"], loop(t))
    ok(stopped(t, r, "cost") > 5, "sum")


@test
def the_lower_of_both(t):
    stopped(t, limited(t, ["--max-cost", "5", "--max-tokens=1000000"], loop(t)),
            "cost")
    stopped(t, limited(t, ["--max-cost", "100000",
                           "--max-tokens=50"], loop(t)))


@test
def a_process_that_lives(t):
    """Its spans come to the store while it runs."""
    php = b"""<?php
for ($i = 0; $i < 200; $i++) {
    $c = curl_init($argv[1]);
    curl_setopt_array($c, [CURLOPT_RETURNTRANSFER => true,
        CURLOPT_POSTFIELDS => $argv[2], CURLOPT_HTTPHEADER =>
        ['Content-Type: application/json']]);
    curl_exec($c);
    file_put_contents('../next', $i);
    rename('../next', '../count'); // the end may come between
    usleep(100000);
}
"""
    for before in [], ["sh", "-c", '"$@"; echo goes on', "sh"]:
        r = limited(t, ["--max-tokens", "50"],
                    [*before, "php", "loop.php", t.url, body()],
                    inputs={"loop.php": php})
        stopped(t, r)
        equal(r.stdout, b"", "stdout")
        count = r.count
        time.sleep(0.5)
        with open(os.path.join(t.dir, "count")) as f:
            equal(int(f.read()), count, "calls after the end")


@test
def with_a_workflow_around(t):
    r = limited(t, ["--workflow", "job", "--max-tokens", "50"], loop(t))
    stopped(t, r)
    spans = {s["name"]: s for s in stored(t)}
    equal(spans["job"]["meta"]["metadata"]["exit_status"], 143, "its status")
    equal(spans["OpenAI.createChatCompletion"]["parent_id"],
          spans["job"]["span_id"], "parent")


@test
def by_an_agent(t):
    with double(t) as dd:
        for name in "agent", "auto":
            stopped(t, limited(t, ["--max-tokens", "50"], loop(t),
                               env=agent(dd, LLMOBS_EXPORTER=name)))
        equal(dd.violations(), [], "violations")
        ok(len(dd.spans()) >= 2, "spans at the agent")


@test
def beside_a_relay(t):
    t.fresh(files())
    with double(t) as dd, Relay(t, agent(dd)):
        r = limited(t, ["--max-tokens", "50"], loop(t), env=agent(dd),
                    keep=True)
        stopped(t, r)
        ok(r.stderr.startswith(b"llmobs-run: with a limit CMD delivers by "
                               b"itself, not by the relay\n"), r.stderr)
        ok(len(dd.wait_spans(len(stored(t)), 5)) > 0, "spans at the agent")
        equal(dd.violations(), [], "violations")


@test
def one_that_ignores_term(t):
    script = b"trap '' TERM\n" + LOOP
    r = limited(t, ["--max-tokens", "50"], loop(t),
                inputs={"loop.sh": script})
    equal(r.code, 137, "status: %r" % r.stderr)
    ok(b"stopped: " in r.stderr, r.stderr)
    ok(2 < r.took < 15, "seconds: %s" % r.took)


@test
def one_that_says_its_own_status(t):
    script = b"trap 'echo cleans up; exit 9' TERM\n" + LOOP
    r = limited(t, ["--max-tokens", "50"], loop(t),
                inputs={"loop.sh": script})
    stopped(t, r, status=9)
    equal(r.stdout, b"cleans up\n", "stdout")


@test
def children_end_too(t):
    """Also one that ignores TERM, and whose parent has ended by it."""
    script = b"(trap '' TERM; echo begun; exec sleep 60) &\n" + LOOP
    r = limited(t, ["--max-tokens", "50"], loop(t),
                inputs={"loop.sh": script})
    stopped(t, r)
    ok(r.took < 30, "seconds: %s" % r.took)


@test
def one_that_is_stopped(t):
    """It can end only once it is continued."""
    script = LOOP.replace(b"sleep 0.1", b"[ $i -lt 9 ] || kill -STOP $$")
    t.fresh(files({"loop.sh": script}))
    process = subprocess.Popen(
        [os.path.join(t.build, "llmobs-run"), "--max-tokens", "10", *loop(t)],
        env=t.environment(True, {}), cwd=os.path.join(t.dir, "work"),
        stderr=subprocess.PIPE, start_new_session=True)
    end = time.monotonic() + 20
    try:
        while process.poll() is None and time.monotonic() < end:
            os.kill(process.pid, signal.SIGCONT)
            time.sleep(0.1)
        equal(process.returncode, 143, "status")
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@test
def below_the_limit(t):
    """Nothing is said or changed."""
    for limits in (["--max-tokens", "1000000"], ["--max-cost", "1000"],
                   ["--max-tokens", "1000", "--max-cost", "5"]):
        r = limited(t, limits, ["sh", "-c", '"$@"; echo out; exit 7', "sh",
                                *curl(t.url, body())])
        equal((r.code, r.stderr), (7, b""), "status, stderr")
        ok(r.stdout.endswith(b"out\n"), r.stdout)
        equal(len(stored(t)), 1, "spans")


@test
def past_it_at_the_end(t):
    r = limited(t, ["--max-tokens", "1"], curl(t.url, body()))
    equal(r.code, 0, "status")
    ok(re.fullmatch(rb"llmobs-run: ended by itself, past its limit: \d+ tokens "
                    rb"in 1 call \(--max-tokens 1\)\n", r.stderr), r.stderr)


@test
def a_limit_of_nothing(t):
    """The first call is one too many."""
    stopped(t, limited(t, ["--max-tokens", "0"], loop(t)))
    stopped(t, limited(t, ["--max-cost", "0"], loop(t)), "cost")


@test
def only_its_own_calls(t):
    """Another command of the same store, and what was there before."""
    t.fresh(None)
    for _ in range(3):
        t.run(curl(t.url, body()), keep=True)
    r = limited(t, ["--max-tokens", "50"],
                ["env", "-u", "LLMOBS_RUN", "sh", "-c",
                 'i=0; while [ $i -lt 12 ]; do "$@" > ../out; i=$((i+1)); '
                 "done", "sh", *curl(t.url, body())], keep=True)
    equal((r.code, r.stderr), (0, b""), "status, stderr")
    equal(len(stored(t)), 15, "spans")


@test
def a_span_that_is_there_twice(t):
    """It counts once."""
    r = limited(t, ["--max-tokens", "100"], [
        "sh", "-c", '"$@" > ../out; cd "$LLMOBS_STORE_DIR"; i=0; while '
        "[ $i -lt 50 ]; do tail -n 1 spans.jsonl >> spans.jsonl; i=$((i+1)); "
        "done; sleep 0.5; exit 4", "sh", *curl(t.url, body())])
    equal((r.code, r.stderr), (4, b""), "status, stderr")
    equal(len(stored(t)), 51, "lines")


@test
def inside_one_another(t):
    """The inner calls count for both."""
    run = os.path.join(t.build, "llmobs-run")
    r = limited(t, ["--max-tokens", "200"], [
        "sh", "-c", run + ' --max-tokens 30 "$@"; echo $?; exec "$@"', "sh",
        *loop(t)])
    equal(r.stdout, b"143\n", "the inner one: %r" % r.stderr)
    equal(r.code, 143, "status")
    said = re.findall(rb"stopped: (\d+) tokens in \d+ calls? "
                      rb"\(--max-tokens (\d+)\)", r.stderr)
    equal([limit for _, limit in said], [b"30", b"200"], "said: %r" % r.stderr)
    runs = [run_of(span) for span in stored(t)]
    outer = {name.split(".")[0] for name in runs}
    equal(len(outer), 1, "outer runs")
    ok(any("." in name for name in runs) and outer & set(runs), runs)


@test
def as_an_entrypoint(t):
    stopped(t, limited(t, ["--max-tokens", "50"], loop(t),
                       launcher="llmobs-entrypoint"))


@test
def what_has_no_counts(t):
    """It counts nothing, and that is said once."""
    for limits, lacks in ((["--max-tokens", "1"], "no token counts"),
                          (["--max-cost", "1"], "no known price")):
        r = limited(t, limits, ["sh", "-c", '"$@"; "$@"', "sh", *curl(
            t.url, body(model="no-usage"))])
        equal((r.code, r.stderr.decode()), (
            0, "llmobs-run: a call of no-usage-2023-11-14 has %s: it counts "
            "nothing for %s\n" % (lacks, limits[0])), "status, stderr")
    both = LOOP.replace(b'"$@"', b'sh -c "$ODD" > /dev/null; "$@"')
    r = limited(t, ["--max-tokens", "50"], loop(t), inputs={"loop.sh": both},
                env={"ODD": shlex.join(curl(t.url, body(model="no-usage")))})
    equal(r.code, 143, "status")
    ok(re.search(rb"\(--max-tokens 50\); \d+ of them without a known count\n",
                 r.stderr), r.stderr)
    failed = limited(t, ["--max-tokens", "1"], curl(
        t.url, body(model="error-500")))
    equal(failed.stderr, b"", "a call that failed")


@test
def through_a_gateway(t):
    """The gateway has the numbers."""
    r = limited(t, ["--max-tokens", "1"], curl(t.url, body()), env={
        "DD_LLMOBS_INSTRUMENTED_PROXY_URLS": t.url.rpartition("/v1")[0]})
    ok(b"has no token counts" in r.stderr, r.stderr)


@test
def without_content(t):
    """The counts stay."""
    stopped(t, limited(t, ["--max-tokens", "50"], loop(t),
                       env={"LLMOBS_CONTENT": "off"}))
    stopped(t, limited(t, ["--max-cost", "5"], loop(t),
                       env={"LLMOBS_CONTENT": "off"}), "cost")


@test
def refused(t):
    """Where no limit would hold, nothing runs."""
    with open(os.path.join(t.dir, "patterns"), "w") as f:
        f.write("hex = [0-9a-f]{16}\n")
    tokens, cost = ["--max-tokens", "5"], ["--max-cost", "5"]
    for limits, env, want in (
            (tokens, {"LLMOBS_STORE_DIR": "/proc/nowhere"},
             b"the local store /proc/nowhere cannot be written"),
            (tokens, {"DD_LLMOBS_ENABLED": "0"}, b"observing is switched off"),
            (tokens, {"LLMOBS_REDACT": os.path.join(t.dir, "patterns")},
             b"a pattern of LLMOBS_REDACT hides the run"),
            (cost, {"LLMOBS_PRICES": "off"}, b"no prices known"),
            (cost, {"LLMOBS_PRICES": "/no/such/file"}, b"no prices known")):
        r = limited(t, limits, ["sh", "-c", "echo runs"], env=env)
        equal((r.code, r.stdout), (126, b""), "status: %r" % r.stderr)
        ok(want in r.stderr and r.stderr.endswith(
            b": not started, as no limit would hold\n"), r.stderr)
    r = limited(t, tokens + cost, ["echo", "runs"], {"LLMOBS_PRICES": "off"})
    equal((r.code, r.stdout, r.stderr), (0, b"runs\n", (
        b"llmobs-run: --max-cost: no prices known: --max-tokens alone counts\n"
        )), "with both")


@test
def a_store_that_is_full(t):
    """Its calls wait in the spool: that is said, once."""
    store = os.path.join(t.dir, "small")
    os.makedirs(store)
    script = b"""mount -t tmpfs -o size=32k none "$1" || exit 9
shift
exec "$@"
"""
    inputs = files({"small.sh": script})
    if subprocess.run(["unshare", "-m", "true"]).returncode:
        raise Skip("no mount namespace")
    r = t.run(["unshare", "-m", "sh", "small.sh", store,
               os.path.join(t.build, "llmobs-run"), "--max-tokens", "5000000",
               "sh", "-c", "sleep 1; echo runs"], launcher=[], inputs=inputs,
              check=False, env={"LLMOBS_STORE_DIR": store})
    equal((r.code, r.stdout), (0, b"runs\n"), "status: %r" % r.stderr)
    equal(r.stderr, b"llmobs-run: the local store cannot be written, so no "
          b"limit holds: %s: No space left on device\n" % store.encode(),
          "stderr")


@test
def wrong_numbers(t):
    for limits in (["--max-tokens", "many"], ["--max-tokens", "-1"],
                   ["--max-tokens", "1.5"], ["--max-tokens="],
                   ["--max-tokens", "9" * 30], ["--max-cost", "$5"],
                   ["--max-cost", "-5"], ["--max-cost", "1.2.3"],
                   ["--max-cost", "."], ["--max-cost", "nan"],
                   ["--max-tokens"]):
        r = limited(t, limits, ["echo", "runs"])
        equal((r.code, r.stdout), (2, b""), "%s: %r" % (limits, r.stderr))
        ok(b"--max-" in r.stderr, r.stderr)


@test
def what_cannot_run(t):
    for argv, status in ((["no-such-command"], 127), (["/etc/passwd"], 126)):
        r = limited(t, ["--max-tokens", "5"], argv)
        equal(r.code, status, "status")
        ok(r.stderr.startswith(b"llmobs-run: " + argv[0].encode()), r.stderr)
