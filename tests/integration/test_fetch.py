"""Calls that are known by their path: requests without a body, and forms; and
spans of other kinds than a chat's."""
import json
import os
import time

from delivery import agent, double, recovered, wait_for
from harness import curl, equal, ok, tags_of, test
from test_hazards import base, case
from test_killed import Dying, in_the_spool, kept

SPOKEN = "RIFF-these-bytes"


def kinds(r):
    return [(s["meta"]["span"]["kind"], s["name"]) for s in r.spans]


def stored(t, name, *more):
    return curl(base(t) + "/v1/responses/" + name, None, *more)


@test
def a_stored_response(t):
    r = t.same(stored(t, "resp_1"))
    span = r.only()
    equal(kinds(r), [("task", "OpenAI.retrieveResponse")], "kind and name")
    equal(span["meta"]["input"], {"value": "resp_1"}, "input")
    equal(span["meta"]["output"], {"value": "stored"}, "output")
    equal(span["metrics"], {}, "tokens, which the call itself has")
    equal(span["meta"]["metadata"]["status"], "completed", "status")
    ok("model_name" not in span["meta"], "a task has a model")
    equal(span["meta"]["metadata"]["model"], "gpt-test", "model")
    equal(tags_of(span)["http.status_code"], "200", "tag")


@test
def answers_that_say_what_they_are(t):
    """Elsewhere than at OpenAI a path is not enough: a redirect, an error and
    an empty answer are nobody's."""
    r = case(t, "fetch_answers", 2, "fetch_cases")
    equal([(s["status"], s["meta"].get("output", {}).get("value"))
           for s in r.spans], [("ok", "stored")] * 2, "answers")
    r = t.run(stored(t, "resp_1"), env={"LLMOBS_CONTENT": "off"})
    equal(kinds(r), [("task", "OpenAI.retrieveResponse")], "without content")


@test
def methods_of_fetches(t):
    r = case(t, "fetch_methods", 4, "fetch_cases")
    equal([(s["name"], s["meta"].get("output", {}).get("value"))
           for s in r.spans],
          [("OpenAI.retrieveResponse", "stored")] * 2 +
          [("OpenAI.cancelResponse", "cancelled")] * 2, "spans")


@test
def a_fetch_that_is_killed(t):
    """The next process delivers it: kind and input are in the spool."""
    with double(t) as dd, Dying(t, agent(dd)) as dying:
        dying.start(*curl("https://api.openai.com/v1/responses/resp_hang", None,
                          "--cacert", t.servers.cert, "--connect-to",
                          "api.openai.com:443:127.0.0.1:%d" % t.servers.tls))
        ok(wait_for(lambda: len(in_the_spool(t)) == 1, 10), "the spool")
        time.sleep(0.3)
        dying.kill()
        span, = recovered(t, dd, agent(dd), 1)
    equal(span["meta"]["span"]["kind"], "task", "kind")
    equal(span["name"], "OpenAI.retrieveResponse", "name")
    equal(span["meta"]["error"]["type"], "process_killed", "error")
    equal(span["meta"]["input"], {"value": "resp_hang"}, "input")


@test
def a_moderation(t):
    r = t.same(curl("https://api.openai.com/v1/moderations",
                    '{"input": "kill them"}', "--cacert", t.servers.cert,
                    "--connect-to", "api.openai.com:443:127.0.0.1:%d" %
                    t.servers.tls))
    equal(kinds(r), [("task", "OpenAI.createModeration")], "kind and name")
    equal(r.only()["meta"]["output"], {
        "value": '{"flagged": true, "categories": ["violence"]}'}, "output")


@test
def a_retrieval(t):
    text = json.dumps({"model": "rerank-1", "query": "which?",
                       "documents": ["short", "a longer one"], "top_n": 2})
    r = t.same(curl(base(t) + "/v1/rerank", text))
    equal(kinds(r), [("retrieval", "rerank")], "kind and name")
    meta = r.only()["meta"]
    equal(meta["input"], {"value": "which?"}, "input")
    equal(meta["output"], {"documents": [
        {"id": "1", "score": 0.12, "text": "a longer one"},
        {"id": "0", "score": 0.05, "text": "short"}]}, "output")
    r = t.run(curl(base(t) + "/v1/rerank", text),
              env={"LLMOBS_CONTENT": "off"})
    meta = r.only()["meta"]
    ok("which" not in json.dumps(meta) and "longer" not in json.dumps(meta),
       "content")
    equal(meta["metadata"]["model"], "rerank-1", "model without content")


@test
def a_form_keeps_nothing_of_the_file(t):
    sound = {"a.wav": (SPOKEN * 1000).encode()}
    r = t.same(curl(base(t) + "/v1/audio/transcriptions", None, "-H",
                    "Content-Type:", "-F", "model=whisper-1", "-F",
                    "file=@a.wav"), inputs=sound, answers=False)
    span = r.only()
    equal(kinds(r), [("llm", "OpenAI.createTranscription")], "kind and name")
    equal(span["meta"]["input"]["messages"],
          [{"content": "[audio]", "role": "user"}], "input")
    ok(span["meta"]["output"]["messages"][0]["content"].endswith(" bytes"),
       "output")
    ok(span["meta"]["metadata"]["transfer"]["bytes_sent"] > len(
        sound["a.wav"]), "bytes sent")
    equal(span["metrics"], {"audio_seconds": 2}, "metrics")
    equal(span["meta"]["model_name"], "whisper-1", "model")


def by_hand(t, path, *how):
    return ["curl", "-q", "-sS", "-H",
            "Content-Type: multipart/form-data; boundary=b", *how,
            base(t) + path + "/v1/audio/transcriptions"]


def dies_with_the_form(t, dying, form):
    """A call of a form whose file must not reach the spool, and a kill."""
    dying.start(*by_hand(t, "/hang", "--data-binary", "@" + form))
    ok(wait_for(lambda: b"transcriptions" in kept(t), 10), "the spool")
    time.sleep(0.3)
    ok(SPOKEN.encode() not in kept(t), "the file is in the spool")
    dying.kill()


@test
def a_form_leaves_nothing_in_the_spool(t):
    """A form that the program writes itself, and dies."""
    form = os.path.join(t.dir, "form")
    with open(form, "w") as f:
        f.write('--b\r\nContent-Disposition: form-data; name="model"\r\n\r\n'
                'whisper-1\r\n--b\r\nContent-Disposition: form-data; '
                'name="file"; filename="a"\r\n\r\n%s\r\n--b--\r\n' % SPOKEN)
    with double(t) as dd, Dying(t, agent(dd)) as dying:
        dies_with_the_form(t, dying, form)
        span, = recovered(t, dd, agent(dd), 1)
    equal(span["name"], "OpenAI.createTranscription", "name")
    equal(span["meta"]["input"]["messages"][0]["content"],
          "[audio: %d bytes]" % len(SPOKEN), "input")
    equal(span["meta"]["model_name"], "whisper-1", "model")


@test
def a_form_that_is_uploaded_is_not_copied(t):
    """Else so long a one would be told as cut."""
    form = b"--b\r\n\r\n" + b"RIFF" * 500000 + b"\r\n--b--\r\n"
    r = t.same(by_hand(t, "", "-X", "POST", "-T", "-"), stdin=form,
               env={"LLMOBS_CAPTURE_MAX": "200000"})
    ok("truncated" not in r.only()["meta"]["metadata"], "cut")
    equal(r.only()["meta"]["input"]["messages"][0]["content"], "[audio]",
          "input")


@test
def forms_of_every_making(t):
    for name, count in (("speak", 4), ("speak_by_form", 1),
                        ("speak_by_hand", 3), ("speak_oddly", 2),
                        ("speak_long", 1)):
        r = case(t, name, count, "fetch_cases")
        text = json.dumps(r.spans)
        ok(SPOKEN not in text, name + ": the file is in a span")
        models = ["whisper-1"] * count
        if name == "speak":  # libcurl copies the form of a twin itself
            models[2:] = ["unknown_model", None]
        equal([s["meta"].get("model_name") for s in r.spans], models,
              name + ": models")


FORM = b"""--b\r
Content-Disposition: form-data; name="model"\r
\r
gpt-4o-transcribe\r
--b\r
Content-Disposition: form-data; name="file"; filename="a.wav"\r
Content-Type: audio/wav\r
\r
%s\r
--b\r
Content-Disposition: form-data; name="language"\r
\r
en\r
--b--\r
"""


def by_php(t, path, way):
    """Guzzle sends its forms so: as a text, longer ones by a function."""
    return ["php", "-n", "-d", "extension=curl", "-r",
            "$f = file_get_contents('form'); $at = 0;"
            "$c = curl_init('%s/v1/audio/transcriptions');"
            "curl_setopt_array($c, [CURLOPT_RETURNTRANSFER => true,"
            "CURLOPT_HTTPHEADER => ["
            "'Content-Type: multipart/form-data; boundary=b']] + %s);"
            "echo curl_exec($c), curl_error($c);" % (base(t) + path, {
                "text": "[CURLOPT_POSTFIELDS => $f]",
                "function": "[CURLOPT_POST => true, CURLOPT_INFILESIZE => "
                "strlen($f), CURLOPT_UPLOAD => true, CURLOPT_CUSTOMREQUEST => "
                "'POST', CURLOPT_READFUNCTION => function ($c, $s, $n) use "
                "(&$at, $f) { $p = substr($f, $at, $n); $at += strlen($p); "
                "return $p; }]"}[way])]


@test
def fields_of_a_long_form(t):
    """Beyond what a text is copied to, beyond where libcurl asks the server
    first, and where nobody answers."""
    form = FORM % (SPOKEN.encode() * 100000)
    ways = [by_hand(t, "", "--data-binary", "@form"),
            by_hand(t, "", "-X", "POST", "-T", "form"),
            by_hand(t, "", "-H", "Expect:", "--data-binary", "@form"),
            by_php(t, "", "text"), by_php(t, "", "function")]
    for way in ways:
        meta = t.same(way, inputs={"form": form}).only()["meta"]
        equal(meta["model_name"], "gpt-4o-transcribe", "model of %s" % way)
        equal(meta["metadata"].get("language"), "en", "language")
        ok(SPOKEN not in json.dumps(meta), "the file is in the span")
        ok("truncated" not in meta["metadata"], "cut")


def meta_of(t, argv, **inputs):
    r = t.same(argv, inputs={"a.wav": SPOKEN.encode(), **inputs},
               answers=False)
    ok(SPOKEN not in json.dumps(r.spans), "the file is in the span")
    return r.only()["meta"]


@test
def fields_of_libcurls_own_form(t):
    url = base(t) + "/v1/audio/transcriptions"
    meta = meta_of(t, curl(
        url, None, "-H", "Content-Type:", "-F", "model=whisper-1", "-F",
        "prompt=<words", "-F", "file=@a.wav", "-F", "temperature=0.5;type="
        "text/plain", "-F", "include[]=logprobs", "-F", "language=de",
        "-F", "user=(", "-F", "language=en", "-F", "=)"),
        words=b"Ada, Grace")
    equal(meta["model_name"], "whisper-1", "model")
    equal(meta["input"]["messages"][0]["content"], "[audio]",
          "a prompt that libcurl reads from a file")
    wanted = {"temperature": 0.5, "include": ["logprobs"], "language": "de"}
    equal({k: v for k, v in meta["metadata"].items() if k in wanted}, wanted,
          "settings, without those of the form within the form")


@test
def parts_that_are_no_text_by_their_type(t):
    meta = meta_of(t, curl(
        base(t) + "/v1/audio/transcriptions", None, "-H", "Content-Type:",
        "-F", "model=whisper-1;type=text/plain", "-F",
        "prompt=SECRET;type=application/octet-stream", "-F",
        "language=SECRET;encoder=base64", "-F",
        'response_format=SECRET;headers="Content-Type: image/png"', "-F",
        "file=@a.wav"))
    equal(meta["model_name"], "whisper-1", "model")
    ok("SECRET" not in json.dumps(meta), "bytes that are no text")


@test
def fields_of_a_form_of_phps(t):
    meta = meta_of(t, [
        "php", "-n", "-d", "extension=curl", "-r",
        "$c = curl_init('%s/v1/images/edits');"
        "curl_setopt_array($c, [CURLOPT_RETURNTRANSFER => true,"
        "CURLOPT_POSTFIELDS => ['prompt' => 'Make it blue', 'n' => '1',"
        "'model' => 'gpt-image-1', 'image' => new CURLFile('a.wav',"
        "'image/png'), 'mask' => new CURLStringFile('%s', 'm.png')]]);"
        "curl_exec($c); curl_setopt($c, CURLOPT_POSTFIELDS, ['album' => '7']);"
        "curl_exec($c);" % (base(t), SPOKEN)])
    equal(meta["model_name"], "gpt-image-1", "model")
    equal(meta["input"]["messages"][0]["content"],
          "Make it blue\n[image: image/png, 16 bytes]\n"
          "[mask: application/octet-stream, 16 bytes]", "input")
    equal(meta["metadata"]["n"], 1, "setting")


@test
def a_form_that_nobody_gets(t):
    """libcurl has not asked for it: of it nothing is known but that it is no
    JSON."""
    nowhere = "http://127.0.0.1:1/v1/audio/transcriptions"
    for way in (by_hand(t, "", "--data-binary", "@form"),
                by_php(t, "", "text")):
        way = [word.replace(base(t) + "/v1/audio/transcriptions", nowhere)
               for word in way]
        span = t.run(way, inputs={"form": FORM % SPOKEN.encode()}).only()
        equal(span["name"], "OpenAI.createTranscription", "name")
        ok(SPOKEN not in json.dumps(span), "the file is in the span")


def spans_of_forms(t, url, **env):
    """Of a form by hand, as a text and as PHP's."""
    form = FORM % SPOKEN.encode()
    ways = [by_hand(t, "", "--data-binary", "@form"), by_php(t, "", "text")]
    spans = []
    for way in ways:
        way = [word.replace(base(t) + "/v1/audio/transcriptions", url)
               for word in way]
        spans += t.run(way, inputs={"form": form}, env=env).spans
    ok(SPOKEN not in json.dumps(spans), "the file is in a span")
    return spans


@test
def a_form_to_a_gateway(t):
    """Where nobody listens the header list, which calls it a form, is not
    read: its first bytes tell."""
    for server in base(t), "http://127.0.0.1:1":
        spans = spans_of_forms(t, server + "/v1/anything",
                               DD_LLMOBS_INSTRUMENTED_PROXY_URLS=server)
        equal(len(spans), 2, "spans")


@test
def a_form_that_a_rule_does_not_expect(t):
    """It is none of the rule's, as a form that libcurl makes; where nobody
    listens the rule's method and path alone are known."""
    rules = os.path.join(t.dir, "rules.json")
    with open(rules, "w") as f:
        json.dump([{"path": "/v1/anything", "kind": "tool"}], f)
    for server, count in (base(t), 0), ("http://127.0.0.1:1", 2):
        spans = spans_of_forms(t, server + "/v1/anything", LLMOBS_RULES=rules)
        equal(len(spans), count, "spans")


@test
def a_form_to_a_gateway_leaves_nothing_in_the_spool(t):
    form = os.path.join(t.dir, "form")
    with open(form, "wb") as f:
        f.write(FORM % SPOKEN.encode())
    with double(t) as dd, Dying(t, {
            **agent(dd), "DD_LLMOBS_INSTRUMENTED_PROXY_URLS": base(t)}) as dying:
        dies_with_the_form(t, dying, form)
        span, = recovered(t, dd, agent(dd), 1)
    ok(SPOKEN not in json.dumps(span), "the file is in the span")
