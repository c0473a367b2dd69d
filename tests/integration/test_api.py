"""The C API: the header with each compiler, programs with and without libcurl,
and the trees that the cases of tests/clients/api_cases.c make."""
import glob
import json
import os
import shutil
import subprocess

import harness
from harness import ROOT, Skip, equal, ok, tags_of, test

STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow",
          "-Werror"]


def client(t, name):
    return os.path.join(t.build, "tests", "clients", name)


def tree(spans):
    """Each root as "kind name(children)", in the order of their starts; the
    name of a call is its kind's."""
    def text(span):
        inner = ", ".join(text(s) for s in spans
                          if s["parent_id"] == span["span_id"])
        name = span["name"].replace("OpenAI.createChatCompletion", "call")
        return "%s %s%s" % (span["meta"]["span"]["kind"], name,
                            "(%s)" % inner if inner else "")
    ids = {s["span_id"] for s in spans}
    for span in spans:
        for other in spans:
            if other["span_id"] == span["parent_id"]:
                equal(span["trace_id"], other["trace_id"], "trace of a child")
    return [text(s) for s in spans if s["parent_id"] not in ids]


def case(t, name, **options):
    if harness.EMULATOR:
        raise Skip("the emulated machine's programs run in test_programs")
    r = t.run([client(t, "api_cases"), name, "http://127.0.0.1:%d" %
               t.servers.http], **options)
    ok(b":" not in r.stdout, "the client says %s" % r.stdout)
    return r


HEADER_IN_C = """#include "llmobs.h"
static void scopes(void)
{
    LLMOBS_FUNCTION(span, LLMOBS_TOOL);
    LLMOBS_SCOPE(inner, LLMOBS_TASK, "inner");
    LLMOBS_PROXIED_SCOPE(proxied, LLMOBS_PROXIED_YES);

    (void)llmobs_annotate_text(inner, "in", "out");
}
int main(void) { scopes(); return llmobs_enabled(); }
"""
HEADER_IN_CXX = """#include "llmobs.h"
int main()
{
    llmobs::scope span(LLMOBS_TOOL);
    llmobs::proxied_scope proxied(LLMOBS_PROXIED_YES);

    (void)llmobs_annotate_text(span, "in", "out");
    return llmobs_current() == LLMOBS_NO_SPAN ? 0 : llmobs_enabled();
}
"""


def compile_header(t, compiler, language, standard, *more):
    path = os.path.join(t.dir, "use." + language)
    with open(path, "w") as f:
        f.write(HEADER_IN_CXX if language == "cc" else HEADER_IN_C)
    out = os.path.join(t.dir, "use")
    subprocess.run([compiler, "-std=" + standard, "-I",
                    os.path.join(ROOT, "include"), *STRICT, *more, path, "-o",
                    out], check=True)
    return out


# ---- the header ----------------------------------------------------------

@test(of="rest")
def header_is_clean(t):
    for compiler in "gcc", "clang":
        for standard in "c99", "c11", "gnu17":
            out = compile_header(t, compiler, "c", standard)
            equal(subprocess.run([out]).returncode, 0, "off when bare")
    for compiler in "g++", "clang++":
        if not shutil.which(compiler):
            raise Skip("no " + compiler)
        for standard in "c++98", "c++11", "c++20":
            out = compile_header(t, compiler, "cc", standard,
                                 "-Wold-style-cast")
            equal(subprocess.run([out]).returncode, 0, "off when bare")


@test(of="rest")
def found_by_a_position_dependent_program(t):
    """Its references to weak names are otherwise settled when it is linked."""
    if harness.EMULATOR:
        raise Skip("it would be built for this machine")
    for compiler in "gcc", "clang":
        out = compile_header(t, compiler, "c", "c99", "-no-pie", "-fno-pic")
        equal(subprocess.run([out]).returncode, 0, "off when bare")
        equal(t.run([out]).code, 1, "on when preloaded")


# ---- programs without libcurl --------------------------------------------

@test
def alone(t):
    r = t.same([client(t, "api_alone")], spans=1)
    equal(tree(r.spans), ["workflow work"], "tree")
    equal(r.only()["meta"]["input"], {"value": "in"}, "input")
    equal(r.only()["meta"]["output"], {"value": "out"}, "output")


def preloaded(t, *argv, **env):
    """Without the launcher, which sets what enables."""
    env["LD_PRELOAD"] = os.path.join(t.build, "libllmobs_preload.so")
    return t.run(list(argv), env=env, launcher=[])


@test
def enabled_by_the_program(t):
    if harness.EMULATOR:
        raise Skip("the launcher is what preloads there")
    r = preloaded(t, client(t, "api_alone"))
    equal((r.code, r.store_exists), (0, False), "not asked for")
    r = preloaded(t, client(t, "api_alone"), "enable", "by-code",
                  DD_SERVICE="by-env")
    equal(tags_of(r.only())["ml_app"], "by-code", "ml_app")
    equal(tags_of(r.only())["service"], "alone", "service")
    r = preloaded(t, client(t, "api_alone"), "enable", DD_LLMOBS_ENABLED="0")
    equal((r.code, r.store_exists), (0, False), "switched off")


@test
def enabled_by_a_file(t):
    """Nobody else asks: there is no libcurl."""
    if harness.EMULATOR:
        raise Skip("the launcher is what preloads there")
    path = os.path.join(t.dir, "llmobs.conf")
    with open(path, "w") as f:
        f.write("DD_LLMOBS_ENABLED = true\nDD_SERVICE = by-file\n")
    r = preloaded(t, client(t, "api_alone"), LLMOBS_CONFIG=path)
    equal(tags_of(r.only())["service"], "by-file", "service")


@test
def without_a_core(t):
    if harness.EMULATOR:
        raise Skip("the launcher is what preloads there")
    shutil.copy(os.path.join(t.build, "libllmobs_preload.so"), t.dir)
    for argv in (), ("enable", "x"), ("evaluate",):
        bare = t.run([client(t, "api_alone"), *argv], preload=False)
        r = t.run([client(t, "api_alone"), *argv], launcher=[], env={
            "LD_PRELOAD": os.path.join(t.dir, "libllmobs_preload.so"),
            "DD_LLMOBS_ENABLED": None if argv[:1] == ("enable",) else "1"})
        equal((r.code, r.stdout, r.stderr),
              (bare.code, bare.stdout, bare.stderr), "what is seen")
        ok(not r.store_exists, "no store")


@test
def enabled_late(t):
    """An object that was loaded while nobody had asked is looked at again."""
    if harness.EMULATOR:
        raise Skip("the launcher is what preloads there")
    r = preloaded(t, client(t, "api_cases"), "off_and_on",
                  "http://127.0.0.1:%d" % t.servers.http)
    equal(r.stdout, b"200\n200\n200\n", "stdout")
    equal(tree(r.spans), ["llm call", "llm call"], "tree")


KEPT = """#include <curl/curl.h>
#include "llmobs.h"
static char large[1000000] = {1};
static CURL *(*init)(void);
static CURLcode (*set)(CURL *, CURLoption, ...);
static CURLcode (*perform)(CURL *);
static __attribute__((constructor)) void keep(void)
{
    init = curl_easy_init, perform = curl_easy_perform;
    set = (curl_easy_setopt);
}
int main(int argc, char **argv)
{
    CURL *curl = (llmobs_enable(NULL), init());
    set(curl, CURLOPT_URL, argv[argc - 1]);
    set(curl, CURLOPT_HTTPHEADER,
        curl_slist_append(NULL, "Content-Type: application/json"));
    set(curl, CURLOPT_POSTFIELDS, "{\\"model\\":\\"gpt-test\\",\\"messages\\":"
        "[{\\"role\\":\\"user\\",\\"content\\":\\"hello there\\"}]}");
    return !large[0] + perform(curl);
}
"""


@test
def enabled_with_functions_kept(t):
    """The program's constructor copied their addresses before it enabled."""
    if harness.EMULATOR:
        raise Skip("the launcher is what preloads there")
    source, program = [os.path.join(t.dir, n) for n in ("kept.c", "kept")]
    with open(source, "w") as f:
        f.write(KEPT)
    for flags in [], ["-no-pie", "-fno-pie"]:
        subprocess.run(["gcc", *flags, "-o", program, source, "-I", os.path.join(
            ROOT, "include"), "-l:libcurl.so.4", "-ldl"], check=True)
        equal(tree(preloaded(t, program, t.url).spans), ["llm call"], "tree")


@test
def finished_survives_a_kill(t):
    r = t.run([client(t, "api_alone"), "kill"])
    equal(r.code, -9, "exit status")
    subprocess.run([os.path.join(t.build, "llmobs"), "drain"],
                   env=t.environment(True, {}), stdout=subprocess.DEVNULL,
                   check=True)
    spans = harness.read_spans(os.path.join(t.dir, "store"))
    equal(tree(spans), ["workflow work"], "trees")


@test
def content_stays_here(t):
    r = case(t, "nested", env={"LLMOBS_CONTENT": "off"})
    equal(len(r.spans), 6, "number of spans")
    for text in "question", "answer", "say hello":
        ok(text not in json.dumps(r.spans), "content: " + text)
    r = case(t, "wrong", env={"LLMOBS_CONTENT": "off"})
    ok("no such file" not in json.dumps(r.spans), "the error's message")


@test
def many(t):
    r = t.same([client(t, "api_alone"), "loop", "3000"], spans=3000)
    equal(len({s["span_id"] for s in r.spans}), 3000, "ids")


@test
def an_evaluation_names_its_span(t):
    t.run([client(t, "api_alone"), "evaluate"], check=False)
    lines = []
    for path in glob.glob(os.path.join(t.dir, "store", "**", "*.jsonl"),
                          recursive=True):
        with open(path) as f:
            lines += [json.loads(line) for line in f]
    span, = [e for e in lines if "span_id" in e]
    evaluation, = [e for e in lines if "join_on" in e]
    equal(evaluation["join_on"], {"span": {"span_id": span["span_id"],
                                           "trace_id": span["trace_id"]}},
          "join_on")
    equal((evaluation["label"], evaluation["score_value"]), ("quality", 0.75),
          "value")


# ---- trees ---------------------------------------------------------------

@test
def nested(t):
    r = case(t, "nested")
    equal(tree(r.spans), ["workflow nested(llm call, "
                          "agent planner(tool deepest(llm call)))",
                          "llm call"], "tree")
    root, _, agent, tool, call, _ = r.spans
    equal(root["meta"]["output"], {"value": "answer"}, "output")
    for span in tool, call:
        equal(span["meta"]["agent_attribution"],
              {"pagent_name": "planner", "pagent_span_id": agent["span_id"]},
              "agent above")


@test
def multi(t):
    equal(tree(case(t, "multi").spans),
          ["workflow both(task first(llm call), task second(llm call))"],
          "tree")


@test
def threads(t):
    equal(tree(case(t, "threads").spans),
          ["workflow thread(llm call, llm call, llm call)"] * 6, "trees")


@test
def handed_over(t):
    r = case(t, "handed_over")
    equal(tree(r.spans),
          ["workflow here(task handed(llm call), llm call)"], "tree")
    equal(r.spans[1]["meta"]["output"], {"value": "from there"}, "output")


@test
def forked(t):
    equal(tree(case(t, "forked").spans),
          ["workflow parents(task childs(llm call), llm call)"], "tree")


@test
def open_spans_are_not_submitted(t):
    spans = case(t, "open_at_exit").spans
    equal(sorted(s["name"] for s in spans),
          ["OpenAI.createChatCompletion", "finished"], "names")


@test
def applications_and_sessions(t):
    r = case(t, "applications")
    equal(tree(r.spans), ["workflow shop(llm call)",
                          "workflow support(llm call)"], "trees")
    for span, name in zip(r.spans, ("shop", "shop", "support", "support")):
        equal(tags_of(span)["ml_app"], name, "ml_app")
        equal(span["session_id"], name, "session_id")
    equal(tags_of(r.spans[0])["user_handle"], "u@x.example", "user_handle")
    equal(tags_of(r.spans[2])["user_id"], "u7", "user_id")
    equal(tags_of(r.spans[2])["user_name"], "U", "user_name")


@test
def proxied_or_not(t):
    for env in {}, {"DD_LLMOBS_INSTRUMENTED_PROXY_URLS":
                    "http://127.0.0.1:%d" % t.servers.http}:
        r = case(t, "proxied", env=env)
        kinds = [s["meta"]["span"]["kind"] for s in r.spans]
        equal(kinds, ["workflow", "llm", "workflow" if env else "llm"],
              "kinds")


@test
def context_of_a_call(t):
    r = case(t, "contexts")
    equal(tree(r.spans), ["llm named", "task named", "llm call"], "trees")
    first = r.spans[0]
    equal(tags_of(first)["team"], "search", "tag")
    equal(first["meta"]["input"]["prompt"]["id"], "p1", "prompt")
    ok("team" not in tags_of(r.spans[2]), "tag beyond the context")


@test
def prompts_of_parents(t):
    """An llm span below an annotated llm span has its prompt; the span below
    that, and other kinds, have none; an own one wins."""
    r = case(t, "prompts")
    method = "prompt_tracking_instrumentation_method"
    said = [(s["name"].replace("OpenAI.createChatCompletion", "call"),
             s["meta"].get("input", {}).get("prompt", {}).get("id"),
             tags_of(s).get(method)) for s in r.spans]
    equal(said, [("outer", "p1", "annotated"), ("call", None, None),
                 ("inner", "p1", None), ("call", None, None),
                 ("call", "p1", None), ("between", None, None),
                 ("call", None, None), ("call", "p2", "annotated"),
                 ("call", "p1", None), ("orphan", "p1", None),
                 ("call", "p1", None)], "prompts")


@test
def caller_of_a_request(t):
    t.foreign_trace = True
    spans = case(t, "served").spans
    equal(tree(spans), ["llm call", "workflow entry(llm call)", "llm call"],
          "trees")
    for span in spans[:2]:
        equal(span["parent_id"], "7310458811263470123", "parent")
        equal(tags_of(span)["ml_app"], "caller", "ml_app")
        equal(span["session_id"], "s9", "session")
    equal(spans[3]["parent_id"], "undefined", "parent of the last")


@test
def headers_carry_the_call(t):
    """The headers name the call's own span, which is the gateway's parent."""
    r = case(t, "nested")
    sent = [harness.trace_headers(q)["x-datadog-parent-id"]
            for q in r.requests if q["method"] == "POST"]
    equal(sent, [s["span_id"] for s in r.spans if s["meta"]["span"]["kind"] ==
                 "llm"], "parents that were sent")


@test
def processor(t):
    r = case(t, "processed")
    equal(sorted(s["name"] for s in r.spans),
          ["OpenAI.createChatCompletion", "kept"], "names")
    call, = [s for s in r.spans if s["meta"]["span"]["kind"] == "llm"]
    for side in "input", "output":
        equal(call["meta"][side]["messages"],
              [{"content": "hidden", "role": ""}], side)
    said = json.loads(subprocess.run(
        [os.path.join(t.build, "llmobs"), "stats", "--json"],
        env=t.environment(True, {}), stdout=subprocess.PIPE).stdout)
    equal(said["dropped_by_reason"]["program"], 2, "counted")


@test
def no_disk_has_what_the_processor_hides(t):
    port = harness.free_port()
    case(t, "processed", env={"LLMOBS_EXPORTER": "agent", "DD_TRACE_AGENT_URL":
                              "http://127.0.0.1:%d" % port})
    kept = b""
    for folder, _, names in os.walk(os.path.join(t.dir, "store")):
        for name in names:
            with open(os.path.join(folder, name), "rb") as f:
                kept += f.read()
    ok(b"hidden" in kept, "the spool has no call")
    ok(b"say hello" not in kept and b"Echo:" not in kept, "content in there")


@test
def wrong_use_is_told(t):
    r = case(t, "wrong")
    equal(r.stdout, b"errno 77\n", "stdout")
    equal(tree(r.spans), ["task failed"], "tree")
    for pattern in ("finish of a span that is not open", "annotate",
                    "start by options that are none", "evaluation"):
        ok(r.log_count("warn .*" + pattern) > 0, "a log line on " + pattern)
    for why in "No such file", "Invalid argument":
        equal(r.log_count("warn API: annotate: " + why), 1, "lines on " + why)


# ---- C++ -----------------------------------------------------------------

@test
def scopes_of_cxx(t):
    if harness.EMULATOR:
        raise Skip("its compiler is this machine's")
    r = t.same([client(t, "api_scopes")], spans=3)
    equal(tree(r.spans), ["workflow main(retrieval lookup, tool throws)"],
          "tree")
    _, lookup, thrown = r.spans
    equal(thrown["status"], "error", "status")
    equal(thrown["meta"]["error"]["type"], "exception", "error.type")
    equal(lookup["meta"]["output"]["documents"], [{"text": "a"},
                                                  {"text": "b"}], "documents")
