"""The examples of docs/LANGUAGES.md, run as they stand but for the folder of the
helpers: the same with the library and without, and their spans."""
import os
import re
import subprocess

import harness
from delivery import wait_for
from harness import ROOT, Skip, equal, installed, ok, tags_of, test
from test_api import tree
from test_commands import events
from test_gateways import need
from test_recipes import page_of

INSTALLED = "/usr/local/share/llmobs/inbound"
QUESTION = "Why is the parcel late?"
FOUND = [{"name": "delays", "text": "A parcel is late in snow.", "score": 0.9},
         {"text": "The depot opens late."}]


def example(t, language, helper=True):
    text = re.search(r"^```%s\n(.*?)^```" % language, page_of("LANGUAGES.md"),
                     re.M | re.S).group(1)
    equal(INSTALLED in text, helper, "the helper's folder")
    path = os.path.join(t.dir, "example." + language)
    with open(path, "w") as f:
        f.write(text.replace(INSTALLED, os.path.join(
            ROOT, "examples", "inbound")))
    return path


def run(t, language, program, url, **env):
    env.update(LLM=url, PATH="%s:/usr/bin:/bin" % t.build)
    argv = [program, *env.pop("options", "").split(), example(t, language),
            QUESTION]
    r = t.same(argv, env=env, check=False)
    if language == "bash":  # the span's process outlives a shell that ends
        wait_for(lambda: len(events(t)[0]) == 3, 20)
    spans, evaluations = events(t)
    for span in spans:
        harness.accept(span)
    equal(tree(spans), ["workflow answer(retrieval search, llm call)"], "tree")
    answer, search, _ = spans
    equal({s["session_id"] for s in spans}, {"s-1"}, "sessions")
    equal(tags_of(answer)["team"], "support", "tag")
    equal(answer["meta"]["input"], {"value": QUESTION}, "input")
    equal(search["meta"]["input"], {"value": QUESTION}, "input of the search")
    equal(search["meta"]["output"], {"documents": FOUND}, "documents")
    equal(search["status"], "ok", "status of the search")
    return r, answer, evaluations


def languages(t, language, program, keeps=True, **env):
    need(program, "--version")
    url = "http://127.0.0.1:%d" % t.servers.http
    r, answer, evaluations = run(t, language, program, url, **env)
    equal(r.code, 0, "exit status")
    ok("Echo: " + QUESTION in r.stdout.decode(), "no answer")
    equal(answer["status"], "ok", "status")
    if keeps:
        equal(answer["meta"]["output"]["value"].strip(),
              r.stdout.decode().strip(), "output")
    found, = evaluations
    equal((found["label"], found["boolean_value"], found["reasoning"],
           found["join_on"]["span"]),
          ("on_topic", True, "it names the parcel",
           {"span_id": answer["span_id"], "trace_id": answer["trace_id"]}),
          "evaluation")
    r, answer, evaluations = run(t, language, program, url + "/auth", **env)
    ok(r.code != 0, "exit status of one that is refused")
    equal((answer["status"], evaluations), ("error", []), "when refused")
    return answer["meta"]["error"]


@test
def php(t):
    error = languages(t, "php", "php")
    equal((error["type"], error["message"]), ("RuntimeException", "no answer"),
          "error")


@test
def php_by_libcurl(t):
    """As php-fpm, whose php.ini leaves FFI to preloaded files."""
    languages(t, "php", "php", options="-dffi.enable=0", LLMOBS_COMMANDS="1")


@test(of="rest")
def ruby(t):
    error = languages(t, "ruby", "ruby")
    equal((error["type"], error["message"]), ("RuntimeError", "no answer"),
          "error")


@test
def perl(t):
    error = languages(t, "perl", "perl")
    equal((error["type"], error["message"]), ("die", "no answer"), "error")


@test(of="rest")
def r(t):
    need("Rscript", "-e", "library(curl)")
    languages(t, "r", "Rscript")


@test
def python(t):
    error = languages(t, "python", harness.PYTHON, PYTHONDONTWRITEBYTECODE="1")
    equal(error["type"], "CalledProcessError", "error")


DECORATED = r"""import sys
sys.path.append("%s")
import llmobs
class Odd:
    def __str__(self):
        raise KeyError("odd")
class Desk:
    @llmobs.span("task", "method")
    def method(self, a, *rest, b=2, **more):
        "Says."
        return {"a": a}
@llmobs.span("tool", "mail")
def mail(to, text="none"):
    return "sent to " + to
@llmobs.span("tool", "given", input="mine")
def given(a):
    a.append(2)
    return [a, None, 0.5]
@llmobs.span("tool", "none")
def none():
    pass
@llmobs.span("tool", "odd")
def odd(a):
    return Odd()
@llmobs.span("agent", "lazy")
def lazy(n):
    yield n
@llmobs.span("workflow", "waits")
async def waits(n):
    return n
@llmobs.span("llm", "chat")
def chat(prompt):
    return "an answer"
@llmobs.span("retrieval", "find")
def find(q):
    return [1]
@llmobs.span("tool", "raises")
def raises(n):
    n.clear()
    raise ValueError(n)
print(mail("bob", text="key: sk-proj-abcdefghijklmnopqrstuvwxyz0123456789ABCD"))
print(Desk().method(1, 2, 3, c=4), Desk.method.__doc__, Desk.method.__name__)
print(given([1]), none(), odd(Odd()) is not None, list(lazy(3)), chat("hi"))
print(find("q"))
waits(1).close()
for call in (lambda: raises([1]), lambda: mail(), lambda: mail(1, 2, 3)):
    try:
        call()
    except Exception as error:
        print(type(error).__name__, error)
"""


@test
def python_decorated(t):
    """The arguments and the result of a decorated function, as the program has
    them; what is neither text nor JSON, lazy, or of a model is not copied."""
    def sides(spans):
        return [(s["name"], s["meta"].get("input"), s["meta"].get("output"))
                for s in spans]

    def of(text):
        return {"value": text}
    argv = [harness.PYTHON, "-c", DECORATED % os.path.join(
        ROOT, "examples", "inbound")]
    env = {"PYTHONDONTWRITEBYTECODE": "1"}
    found = sides(t.same(argv, env=env, spans=12).spans)
    equal(found[0][0::2], ("mail", of("sent to bob")), "result")
    ok('"to": "bob"' in found[0][1]["value"] and
       "abcdefghij" not in found[0][1]["value"], "masked: %s" % (found[0],))
    equal(found[1:], [
        ("method", of('{"a": 1, "more": {"c": 4}, "rest": [2, 3]}'),
         of('{"a": 1}')),
        ("given", of("mine"), of("[[1, 2], null, 0.5]")),
        ("none", None, None), ("odd", None, None),
        ("lazy", of('{"n": 3}'), None), ("chat", None, None),
        ("find", of('{"q": "q"}'), None), ("waits", of('{"n": 1}'), None),
        ("raises", of('{"n": [1]}'), None), ("mail", None, None),
        ("mail", None, None)], "sides")
    for span in t.run(argv, env=dict(env, LLMOBS_CONTENT="off")).spans:
        equal(sides([span])[0][1:], (None, None), "content off")


@test
def bash(t):
    error = languages(t, "bash", "bash", keeps=False)
    equal(error["type"], "exit_1", "error")


AWKWARD = {
    "rb": ("ruby", r"""require "%s/llmobs"
def left
  Llmobs.span("task", "left") { return 1 }
end
left
begin
  Llmobs.span("task", "raised") { raise "\xff" }
rescue RuntimeError
  puts "raised"
end
Llmobs.span("task", "key") { { "\xff" => 1 } }
""", ["key", "left", "raised"]),
    "php": ("php", r"""<?php require '%s/llmobs.php';
class Odd implements JsonSerializable {
    function jsonSerialize(): mixed { throw new Exception('odd'); }
}
Llmobs::span('task', 'odd', fn() => new Odd);
Llmobs::span('task', 'nan', fn() => ['score' => NAN]);
echo "fine";
""", ["nan", "odd"]),
    "R": ("Rscript", r"""source("%s/llmobs.R")
options(OutDec = ",")
x <- llmobs$span("task", "function", list(f = function() 1))
x <- llmobs$span("task", "number", list(a = 0.5))
""", ["function", "number"]),
    "py": (harness.PYTHON, r"""import sys
sys.path.append("%s")
import llmobs
class Odd(Exception):
    def __str__(self):
        raise KeyError("odd")
try:
    with llmobs.span("task", "odd") as span:
        span.annotate(output={"a": Odd()})
        raise Odd
except Odd:
    print("fine")
""", ["odd"]),
    "bash": ("bash", r"""source %s/llmobs.bash
f() { :; }
(exit 7) &
llmobs_span task f -- f
wait $!
echo $?
""", ["f"]),
}


def awkward(t, suffix, *options):
    """Values that are no JSON, and ways out of a span: the program is the same
    with the library and without, and no span is missing or below another."""
    program, text, names = AWKWARD[suffix]
    need(program, "--version")
    path = os.path.join(t.dir, "awkward." + suffix)
    with open(path, "w") as f:
        f.write(text % os.path.join(ROOT, "examples", "inbound"))
    t.same([program, *options, path],
           env={"PATH": "%s:/usr/bin:/bin" % t.build,
                "PYTHONDONTWRITEBYTECODE": "1"})
    wait_for(lambda: len(events(t)[0]) == len(names), 20)
    spans = events(t)[0]
    equal(sorted(tree([s]) for s in spans), sorted(
        ["task " + name] for name in names), "spans")
    equal({s["parent_id"] for s in spans}, {"undefined"}, "parents")


@test(of="rest")
def awkward_ruby(t):
    awkward(t, "rb")


@test
def awkward_php(t):
    awkward(t, "php")


@test
def awkward_php_without_functions(t):
    awkward(t, "php", "-ddisable_functions=putenv,curl_exec")


@test(of="rest")
def awkward_r(t):
    awkward(t, "R")


@test
def awkward_python(t):
    awkward(t, "py")


@test
def awkward_bash(t):
    awkward(t, "bash")


@test
def c(t):
    if harness.EMULATOR:
        raise Skip("not under the emulator")
    out = os.path.join(t.dir, "compiled")
    subprocess.run([installed("/usr/bin/gcc"), "-Wall", "-Wextra", "-Werror",
                    "-I", os.path.join(ROOT, "include"), "-x", "c",
                    example(t, "c", False), "-o", out], check=True)
    span, = t.same([out], spans=1).spans
    equal((tree([span]), span["meta"]["input"], span["meta"]["output"]),
          (["retrieval search"], {"value": "Why is it late?"},
           {"documents": FOUND}), "span")
