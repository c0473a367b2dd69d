"""The run that spans belong to, and the local store beside other ways."""
import os
import subprocess

from delivery import agent, double, ids, settled, wait_for
from harness import body, curl, equal, expect_llm, ok, read_spans, test
from relays import Relay

RUN = "0123456789abcdef"


def run_of(span):
    return span["_call"].get("run")


def stored(t):
    store = os.path.join(t.dir, "store")
    return read_spans(store) if os.path.isdir(store) else []


# ---- the run, and the store beside other ways -------------------------------

@test
def the_run_of_a_span(t):
    span = t.same(curl(t.url, body()), spans=1, env={"LLMOBS_RUN": RUN}).only()
    equal(run_of(span), RUN, "run")
    equal(run_of(t.run(curl(t.url, body())).only()), None, "none")


@test
def the_run_of_a_killed_process(t):
    """Another process, of no run, delivers its calls."""
    t.run(curl(t.url, body(model="hang")), env={"LLMOBS_RUN": RUN},
          kill_after=1, check=False)
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
