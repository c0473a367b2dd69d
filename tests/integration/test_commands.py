"""Requests to llmobs: URLs: what a script says of its request and its spans.
libcurl answers them as it does without us."""
import glob
import json
import os
import shutil

from harness import PYTHON, Skip, body, equal, ok, tags_of, test

TYPE = "application/vnd.llmobs"
# Says each of the lines of its input: COMMAND JSON; "ask" asks the model,
# "multi COMMAND JSON" takes a multi handle, "plain URL" a request that is none.
SAY = r"""
function told($c) {
    return implode(' ', [curl_errno($c), curl_error($c),
        curl_getinfo($c, CURLINFO_RESPONSE_CODE),
        curl_getinfo($c, CURLINFO_EFFECTIVE_URL),
        curl_getinfo($c, CURLINFO_PRIMARY_IP),
        curl_getinfo($c, CURLINFO_CONNECT_TIME)]);
}
function make($url, $body, $type) {
    $c = curl_init($url);
    curl_setopt($c, CURLOPT_RETURNTRANSFER, true);
    if ($body !== null) curl_setopt($c, CURLOPT_POSTFIELDS, $body);
    if ($type) curl_setopt($c, CURLOPT_HTTPHEADER, ["Content-Type: $type"]);
    return $c;
}
foreach (file('php://stdin', FILE_IGNORE_NEW_LINES) as $line) {
    [$what, $rest] = explode(' ', "$line ", 2);
    if ($what === 'plain') {
        [$url, $body, $type] = explode(' ', "$rest  ", 3);
        $c = make($url, $body === '' ? null : $body, trim($type));
        var_dump(curl_exec($c));
    } elseif ($what === 'ask') {
        $c = make(getenv('URL'), getenv('BODY'), 'application/json');
        echo strlen(curl_exec($c)), "\n";
        continue;
    } elseif ($what === 'multi') {
        [$what, $rest] = explode(' ', $rest, 2);
        $c = make("llmobs://$what", $rest, 'application/vnd.llmobs');
        $m = curl_multi_init();
        curl_multi_add_handle($m, $c);
        do { curl_multi_exec($m, $running); } while ($running);
        echo curl_multi_info_read($m)['result'], "\n";
        curl_multi_remove_handle($m, $c);
    } else {
        $c = make("llmobs://$what", $rest, 'application/vnd.llmobs');
        var_dump(curl_exec($c));
    }
    echo told($c), "\n";
}
"""


def say(t, lines, spans, on="1", **more):
    """Bare and preloaded; gives the preloaded run, its spans by name."""
    if not shutil.which("php"):
        raise Skip("no php")
    env = dict({"URL": t.url, "BODY": body(), "LLMOBS_COMMANDS": on}, **more)
    r = t.same(["php", "-r", SAY], env=env, spans=spans,
               stdin="\n".join(lines).encode())
    asked = sum(1 for line in lines if line == "ask")
    equal(len(r.requests), asked, "requests that were sent")
    r.by = {s["name"]: s for s in r.spans}
    return r


def command(name, /, **what):
    return "%s %s" % (name, json.dumps(what))


def start(kind, name, /, **more):
    return command("span/start", kind=kind, name=name, **more)


def finish(**what):
    return command("span/finish", **what)


CALL = "OpenAI.createChatCompletion"


@test
def spans_nest(t):
    r = say(t, [
        start("workflow", "w", input="asked", session_id="s-1"),
        start("retrieval", "r", input="q"),
        finish(output=[{"text": "found", "name": "n"}]),
        "multi " + start("agent", "a"), "ask",
        "multi " + finish(output="done", metadata={"n": 1}),
        finish(output="answered", tags={"team": "x"}), "ask"], 5)
    outer = [s for s in r.spans if s["parent_id"] == "undefined"]
    equal([s["name"] for s in outer], ["w", CALL], "roots")
    w = r.by["w"]
    for name, parent in (("r", w), ("a", w)):
        equal(r.by[name]["parent_id"], parent["span_id"], "parent of " + name)
    inner = [s for s in r.spans if s["name"] == CALL and
             s["parent_id"] == r.by["a"]["span_id"]]
    equal(len(inner), 1, "calls below the agent")
    equal(inner[0]["session_id"], "s-1", "session")
    equal((w["meta"]["input"], w["meta"]["output"]),
          ({"value": "asked"}, {"value": "answered"}), "input and output")
    equal(tags_of(w)["team"], "x", "tag")
    equal(r.by["r"]["meta"]["output"]["documents"][0]["text"], "found",
          "document")
    equal(r.by["a"]["meta"]["metadata"]["n"], 1, "metadata")


@test
def what_a_request_leaves_open_ends_with_it(t):
    r = say(t, [
        command("request/start", headers={},
                entry={"kind": "workflow", "name": "first"}),
        start("task", "left"),
        command("request/finish", entry={"output": "out"}), "ask",
        command("request/start", headers={},
                entry={"kind": "workflow", "name": "second"}),
        command("request/start", headers={}), "ask"], 5)
    equal([(r.by[n]["status"], r.by[n]["meta"].get("error", {}).get("type"))
           for n in ("first", "left", "second")],
          [("ok", None), ("error", "unfinished"), ("error", "unfinished")],
          "status and error")
    equal(r.by["left"]["parent_id"], r.by["first"]["span_id"], "parent")
    equal(r.by["first"]["meta"]["output"], {"value": "out"}, "output")
    equal([s["parent_id"] for s in r.spans if s["name"] == CALL],
          ["undefined"] * 2, "parents of calls outside")


@test
def errors_are_told(t):
    r = say(t, [start("tool", "t"), finish(error={
        "type": "Boom", "message": "it broke"})], 1)
    equal(r.by["t"]["meta"]["error"],
          {"type": "Boom", "message": "it broke", "stack": ""}, "error")


HOSTILE = [
    "span/finish {}", "span/start {}", "span/start []", "span/start",
    'span/start {"kind": "thought", "name": "x"}', "span/start {\"kind\":",
    'span/start {"kind": 7, "name": []}', "request/start", "nonsense {}",
    'request/start {"headers": 7, "entry": 7}', 'request/finish {"entry": []}',
    'request/start {"headers": {"traceparent": 5, "x": {"y": []}}}',
    'request/start {"headers": {%s}}' % ", ".join(
        '"h%d": "v"' % i for i in range(100)),
    "request/start %s" % ("[" * 5000), "span/finish",
    'request/start {"headers": {"traceparent": "%s"}}' % ("x" * 100000)]


@test
def nonsense_changes_nothing(t):
    r = say(t, HOSTILE + ["ask"], 1)
    equal(r.spans[0]["parent_id"], "undefined", "parent")
    equal(r.log_count("warn a command: "), 1, "lines in the log")


# Says the lines of its input by a call, and those that begin with "name " as a
# name to dlsym; prints whether they had an answer.
CALL_C = r"""
import ctypes, sys, _ctypes
library = ctypes.CDLL(None)
for line in sys.stdin.buffer.read().splitlines():
    if line.startswith(b"name "):
        try:
            at = _ctypes.dlsym(library._handle, line[5:].decode())
        except OSError:
            at = 0
        print(bool(at and ctypes.string_at(at)))
        continue
    at = ctypes.c_char_p(line)
    library.llmobs_command(ctypes.byref(at))
    print(bool(at.value))
"""


def call(t, lines, **env):
    """Gives the run, and for each line whether it had an answer."""
    r = t.run([PYTHON, "-c", CALL_C], stdin="\n".join(lines).encode(), env=env,
              check=False)
    equal((r.code, r.stderr), (0, b""), "end")
    return r, [line == b"True" for line in r.stdout.splitlines()]


def events(t):
    """The spans of the store, in the order of their starts, and its
    evaluations."""
    lines = []
    for path in glob.glob(os.path.join(t.dir, "store", "**", "*.jsonl"),
                          recursive=True):
        with open(path) as f:
            lines += [json.loads(line) for line in f]
    return (sorted((e for e in lines if "start_ns" in e),
                   key=lambda s: s["start_ns"]),
            [e for e in lines if "label" in e])


def evaluate(**what):
    return command("evaluate", **what)


@test
def nonsense_by_a_call(t):
    wrong = HOSTILE + ["", " ", "evaluate {}", 'evaluate {"label": 7}',
                       evaluate(label="a", value=[]), evaluate(label="a.b", value=1),
                       evaluate(label="a", value=1), evaluate(
                           label="a", value=1, tag_key="k", tag_value="v",
                           tags={"t": 5}), evaluate(
                           label="a", value=1, tag_key="k", tag_value="v",
                           tags={str(i): "v" for i in range(300)}),
                       evaluate(label="a", value=1, submitter_id=""),
                       command("span/annotate", output="no span")]
    _, answers = call(t, wrong + ["name llmobs://" + x for x in wrong] +
                      ["name llmobs:/span/start", "name llmobs"])
    equal((set(answers), events(t)), ({False}, ([], [])), "answers, events")


@test
def by_a_call(t):
    """It needs no LLMOBS_COMMANDS. An annotation that is wrong leaves the span
    open; a start that starts no span has no answer."""
    _, answers = call(t, [
        start("retrieval", "r", output=7), "name llmobs://" + start("task", "n"),
        finish(), start("thought", "x"), command("span/annotate", output=["d"]),
        evaluate(label="good", value=0.5, scope="trace", tags={"a": "b"}),
        evaluate(label="nice", value="so so", submitter_id="user-7",
                 submitter_type="user"), finish()])
    equal(answers, [True, True] + [False] * 6, "answers")
    spans, evaluations = events(t)
    by = {s["name"]: s for s in spans}
    equal(sorted(by), ["n", "r"], "spans")
    equal(by["n"]["parent_id"], by["r"]["span_id"], "parent")
    equal(by["r"]["meta"]["output"]["documents"], [{"text": "d"}], "documents")
    good, nice = sorted(evaluations, key=lambda e: e["label"])
    equal((good["score_value"], good["eval_scope"], "a:b" in good["tags"],
           good["join_on"]["span"]["span_id"]),
          (0.5, "trace", True, by["r"]["span_id"]), "evaluation")
    equal(nice["label"], "nice", "feedback")


@test
def no_call_where_it_is_off(t):
    r, answers = call(t, [start("task", "x"), finish()], DD_LLMOBS_ENABLED="0")
    equal((answers, r.store_exists), ([False, False], False), "answers, store")


@test
def only_what_the_program_says_itself(t):
    """A URL alone, as a user may hand it in, is no command; nor is one whose
    type, method or scheme is another."""
    good = '{"kind":"task","name":"x"}'
    r = say(t, ["plain llmobs://span/start",
                "plain llmobs://span/start %s application/json" % good,
                "plain llmobs://span/start %s" % good,
                "plain llmobs://span/start/ %s %s" % (good, TYPE),
                "plain llmobs://u@span/start %s %s" % (good, TYPE),
                "plain llmobs:span/start %s %s" % (good, TYPE),
                "plain llmobsx://span/start %s %s" % (good, TYPE), "ask"], 1)
    equal(r.spans[0]["parent_id"], "undefined", "parent")


@test
def off_by_default(t):
    r = say(t, [start("task", "x"), finish(), start("task", "y"), "ask"], 1,
            on=None)
    equal(r.log_count("without LLMOBS_COMMANDS"), 1, "lines in the log")


@test
def without_input_or_output(t):
    """Nothing is sent through a proxy either."""
    r = say(t, [start("task", "x"), finish()], 1,
            all_proxy="http://127.0.0.1:%d" % t.servers.gateway, NO_PROXY=None,
            no_proxy=None)
    equal(r.by["x"]["status"], "ok", "status")
    ok("input" not in r.by["x"]["meta"], "an input")


@test
def content_stays_in_the_process(t):
    t.secrets.append("my secret words")
    r = say(t, [start("workflow", "w", input="my secret words"), "ask",
                finish(output="my secret words", error={
                    "type": "T", "message": "my secret words"})], 2,
            LLMOBS_CONTENT="off")
    equal(r.by["w"]["status"], "error", "status")
