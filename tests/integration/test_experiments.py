"""An application that an experiment of Datadog's SDK calls keeps its place: by
the request's baggage, through processes, to the tags of its spans and on."""
import os
import subprocess

from delivery import agent, double, settled
from harness import (ROOT, body, curl, equal, ok, tags_of, test,
                     trace_headers)
from test_api import case
from test_gateways import need

TRACE = "00-1bf7651916cd43dd8448eb211c80319c-00000000000000bb-01"
LEAD = "_ml_obs.experiment_"
BAGGAGE = ("user.id=7," + LEAD + "id=e-1," + LEAD + "run_id=r%2C1," + LEAD +
           "run_iteration=2 ;p=1, " + LEAD + "dataset_name=d%C3%A9s%0A1," +
           LEAD + "dataset_id=d-1," + LEAD + "project_name=p," + LEAD +
           "project_id=p-1," + LEAD + "name=n:1," + LEAD + "other=x")
TAGS = {"experiment_id": "e-1", "run_id": "r_1", "run_iteration": "2",
        "dataset_name": "d\u00e9s_1", "dataset_id": "d-1", "project_name": "p",
        "project_id": "p-1", "experiment_name": "n:1"}


def place(span):
    """The tags of an experiment, and the scope."""
    tags = tags_of(span)
    return {k: tags[k] for k in TAGS if k in tags}, span["_dd"].get("scope")


IN = TAGS, "experiments"
OUT = {}, None


@test
def of_the_environment(t):
    gateway = "http://127.0.0.1:%d/v1/chat/completions" % t.servers.gateway
    for env, wanted in (
            ({"BAGGAGE": BAGGAGE}, IN),
            ({"BAGGAGE": BAGGAGE, "TRACEPARENT": TRACE}, IN),
            ({"HTTP_BAGGAGE": BAGGAGE, "HTTP_TRACEPARENT": TRACE}, IN),
            ({"HTTP_BAGGAGE": BAGGAGE}, IN),
            ({"HTTP_BAGGAGE": BAGGAGE, "REMOTE_ADDR": "8.8.8.8"}, OUT),
            ({"BAGGAGE": BAGGAGE + ",x"}, OUT),
            ({"BAGGAGE": BAGGAGE, "DD_TRACE_PROPAGATION_STYLE_EXTRACT":
              "datadog"}, OUT),
            ({"BAGGAGE": BAGGAGE, "DD_TRACE_PROPAGATION_BEHAVIOR_EXTRACT":
              "ignore"}, OUT),
            ({"BAGGAGE": LEAD + "run_id=r"}, ({"run_id": "r"}, None)),
            ({"BAGGAGE": LEAD + "id=" + "x" * 2000}, OUT),
            ({"BAGGAGE": ",".join([LEAD + "%d=1" % i for i in range(60)])},
             OUT)):
        t.foreign_trace = True
        r = t.run(curl(gateway, body()), env=env)
        equal(place(r.only()), wanted, "place of %r" % env)
        sent, = [q for q in r.requests if q["listener"] == "gateway"]
        if wanted == IN:
            equal(trace_headers(sent)["baggage"], BAGGAGE, "baggage sent on")
    r = t.run(curl(t.url, body()), env={"BAGGAGE": BAGGAGE,
                                        "LLMOBS_INJECT": "none"})
    equal(place(r.only()), IN, "place of a call to a provider")
    equal(trace_headers(r.requests[0]), {}, "headers to a provider")


@test
def envelope(t):
    """At the agent, also by `llmobs drain` (the double checks the form)."""
    env = {"BAGGAGE": BAGGAGE, "LLMOBS_EXIT_FLUSH_MS": "20000"}
    with double(t) as dd:
        t.run(curl(t.url, body()), env=agent(dd, **env))
        t.run(curl(t.url, body()), env=agent(dd, LLMOBS_EXIT_FLUSH_MS="20000"))
        spans = settled(t, dd, 2, 20)
        equal([place(s)[1] for s in spans], ["experiments", None], "scopes")
        dd.fault("503")
        t.run(curl(t.url, body()), env={**env, **agent(
            dd, LLMOBS_EXIT_FLUSH_MS="0")})
        dd.well()
        subprocess.run([os.path.join(t.build, "llmobs"), "drain"], check=True,
                       env=t.environment(True, agent(dd)), capture_output=True)
        equal(place(settled(t, dd, 3, 20)[-1]), IN, "place in the spool")


@test
def of_a_request(t):
    """A request that a C program serves; a span that goes to a thread which
    serves none; the next request."""
    t.foreign_trace = True
    r = case(t, "experiment", env={"LLMOBS_INJECT": "all"})
    equal([(s["name"], place(s)[0].get("run_id"), place(s)[1])
           for s in r.spans],
          [("OpenAI.createChatCompletion", "r1", "experiments"),
           ("entry", "r1", "experiments"),
           ("OpenAI.createChatCompletion", "r1", "experiments"),
           ("OpenAI.createChatCompletion", None, None)], "spans")
    equal([trace_headers(q).get("baggage") for q in r.requests],
          ["k=v," + LEAD + "id=e1," + LEAD + "run_id=r1",
           LEAD + "id=e1," + LEAD + "run_id=r1", None], "baggage sent on")


# A span of the helper, in which the program runs $ASK in a child process.
PROGRAMS = {
    "python3": """import os, subprocess, sys
sys.path.insert(0, "%s")
import llmobs
with llmobs.span("task", "t"):
    subprocess.run(["sh", "-c", os.environ["ASK"]], check=True)
subprocess.run(["sh", "-c", os.environ["ASK"]], check=True)""",
    "ruby": """require "%s/llmobs"
Llmobs.span("task", "t") { system(ENV["ASK"]) }
system(ENV["ASK"])""",
    "perl": """use lib "%s"; use Llmobs;
Llmobs::span(task => "t", sub { system($ENV{ASK}); 1 });
system($ENV{ASK});""",
    "php": """require "%s/llmobs.php";
Llmobs::span("task", "t", fn() => system(getenv("ASK")));
system(getenv("ASK"));""",
    "Rscript": """source("%s/llmobs.R")
llmobs$span("task", "t", system(Sys.getenv("ASK"), ignore.stdout = TRUE))
invisible(system(Sys.getenv("ASK"), ignore.stdout = TRUE))""",
}


def child_of(program):
    """The request's place in a child of a span, as in one beside it."""
    def run(t):
        need(program, "--version")
        option = {"python3": "-c", "php": "-r"}.get(program, "-e")
        name = "/usr/bin/python3" if program == "python3" else program
        ask = "curl -s -d '%s' -H content-type:application/json %s" % (
            body(), t.url)
        t.foreign_trace = True
        text = PROGRAMS[program] % os.path.join(ROOT, "examples", "inbound")
        if program == "Rscript":
            text = text.replace("\n", "; ")
        r = t.run([name, option, text], env={
            "ASK": ask, "LLMOBS_COMMANDS": "1",
            "PYTHONDONTWRITEBYTECODE": "1", "HTTP_TRACEPARENT": TRACE,
            "HTTP_BAGGAGE": BAGGAGE})
        equal([(s["name"], place(s)) for s in r.spans],
              [("t", IN), ("OpenAI.createChatCompletion", IN),
               ("OpenAI.createChatCompletion", IN)], "spans")
        equal(r.spans[1]["parent_id"], r.spans[0]["span_id"], "parent")
    run.__module__ = __name__
    run.__name__ = "child_of_" + program
    test(run)


for each in PROGRAMS:
    child_of(each)
