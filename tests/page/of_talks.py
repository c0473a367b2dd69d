"""Sessions as a conversation, two traces or groups side by side, and what the
list and the charts tell of evaluations and of tokens that are absent."""
import json
import os
import subprocess

import hostile
from pages import copied, go, need, text_of

CARDS = """[...document.querySelectorAll('#talk [data-role]')].map((card) =>
  [card.dataset.role, card.lastChild.textContent, !!card.closest('details')])"""


def said(role, text, **more):
    return dict({"role": role, "content": text}, **more)


def call(number, trace, asked, answer, **more):
    meta = {"span": {"kind": more.pop("kind", "llm")}, "model_name": more.pop("model", "gpt-4o"),
            "metadata": more.pop("metadata", {}),
            "input": {"messages": asked}, "output": {"messages": [answer]}}
    if "error" in more:
        meta["error"] = more.pop("error")
    return hostile.span(number, trace, meta=meta, **more)


def write(bench, name, events):
    path = os.path.join(bench.folder, name)
    os.makedirs(path)
    with open(os.path.join(path, "spans.jsonl"), "w", encoding="ascii") as f:
        f.writelines(json.dumps(e) + "\n" for e in events)


def talk(bench):
    """A message that a request repeats is there once, in a whole history or a window of
    it; the same words said again are there again; tools are folded unless one
    failed."""
    ask = said("assistant", "", tool_calls=[
        {"name": "weather", "tool_id": "c1", "arguments": {}}])
    told = {"role": "tool", "tool_results": [
        {"tool_id": "c1", "name": "weather", "result": "rain"}]}
    history = [said("system", "Be <b>kind</b>."), said("user", "hello")]
    events = [call(0, "one", history, said("assistant", "Hi."), session_id="s"),
              call(1, "two", [*history, said("assistant", "Hi."),
                              said("user", "weather?")], ask, session_id="s"),
              call(2, "two", [*history, said("assistant", "Hi."),
                              said("user", "weather?"), ask, told],
                   said("assistant", "Rain."), session_id="s"),
              call(3, "three", [history[0], said("assistant", "Rain."),
                                said("user", "hello")],
                   said("assistant", "Again."), session_id="s"),
              call(4, "two", [], said("tool", ""), session_id="s",
                   kind="tool", name="weather", status="error",
                   error={"type": "http_502"}),
              {"label": "stars", "metric_type": "score", "score_value": 4,
               "session_id": "s", "submitter": {"type": "user"},
               "timestamp_ms": 1, "ml_app": "a"}]
    write(bench, "talk", events)
    tab = bench.open("talk", at={"v": "sessions"})
    tab.js("document.querySelector('#list [role=option]').click()")
    tab.frames()
    have = tab.js(CARDS)
    need([(role, text) for role, text, _ in have if role != "tool"] == [
        ("system", "Be <b>kind</b>."), ("user", "hello"),
        ("assistant", "Hi."), ("user", "weather?"), ("assistant", have[4][1]),
        ("assistant", "Rain."), ("user", "hello"), ("assistant", "Again.")],
        have)
    need([fold for _, _, fold in have] == [False] * 4 + [True] * 2 +
         [False] * 3, have)
    need(tab.js("[...document.querySelectorAll('#talk details')].map((d) => "
                "[d.open, d.firstChild.textContent])") ==
         [[True, "tools: weather, weather failed: http_502"]],
         "a call of a tool and its result, which failed")
    need(text_of(tab, "#talk").count("stars") == 1, "feedback once")
    need(tab.js("[...document.querySelectorAll('#talk [data-turn]')].map("
                "(b) => b.dataset.turn)") == ["one", "two", "three"], "turns")
    tab.js("document.querySelector('#talk [data-turn=two]').click()")
    tab.frames()
    need(tab.js("document.querySelectorAll('[role=treeitem]:not([hidden])')"
                ".length") == 3 and "stars" not in text_of(tab, "#span"), "the trace of a turn")
    tab.key("Escape")
    need(tab.js("document.getElementById('panel').hidden"), "Esc closes")
    tab.close()


def pair(bench):
    """Two traces, and two models that were asked the same, with the words that
    differ."""
    asked = [said("user", "Which town?"), said("assistant", "", tool_calls=[
        {"name": "towns", "tool_id": "c1", "arguments": {}}, {"name": "other"}]),
        {"role": "tool", "tool_results": [
            {"tool_id": "c1", "result": "Oslo"}, {"result": "?"}]}]
    events = [call(0, "a", asked, said("assistant", "It is Oslo now."),
                   metadata={"temperature": 0, "seed": 7, "stop": None, "n": None,
                             "text": {"format": "x", "verbosity": None}},
                   metrics={"input_tokens": 10, "output_tokens": 4}),
              call(1, "b", asked, said("assistant", "It was Rome now."),
                   metadata={"temperature": 1, "seed": 7, "user": None,
                             "text": {"format": "x"}}, model="o4-mini",
                   metrics={"input_tokens": 10}),
              {"label": "good", "metric_type": "score", "score_value": 1,
               "assessment": "pass", "timestamp_ms": 1, "ml_app": "m",
               "join_on": {"span": {"trace_id": "a", "span_id": "span-0"}}}]
    events.append(call(-1, "c", asked, said("assistant", "It is Oslo now."),
                       tags=["ml_app:other"]))
    write(bench, "pair", events)
    tab = bench.open("pair")
    tab.js("document.getElementById('list').focus()")
    tab.key("j", "x", "j", "x")
    marks = ("[...document.querySelectorAll('#talk %s')].map((n) => "
             "n.textContent.trim())")
    need(tab.js(marks % "del") == ["was Rome"] and
         tab.js(marks % "ins") == ["is Oslo"], text_of(tab, "#talk"))
    rows = "Object.fromEntries([...document.querySelectorAll('[data-pair]')]" \
        ".map((r) => [r.dataset.pair, [...r.querySelectorAll('td')].map(" \
        "(c) => c.dataset.value ?? c.textContent)]))"
    have = tab.js(rows)
    need(have["input"] == ["10", "10", ""] and have["output"][:2] == ["", "4"]
         and have["model"][:2] == ["o4-mini", "gpt-4o"]
         and have["scores"][:2] == ["", "1"], have)
    said_of = text_of(tab, "#talk section")
    keys = "[...document.querySelectorAll('#talk section%s > table tbody th')]" \
        ".map((n) => n.textContent)"
    need(tab.js(keys % "") == ["temperature"] and
         tab.js(keys % " details") == ["seed", "text"] and
         "Input, the same" in said_of and "result of towns Oslo" in said_of
         and "result of ? ?" in said_of and '""' not in said_of, said_of)
    go(tab, {"by": "model"})
    for model in "gpt-4o", "o4-mini":
        tab.click('[data-group="%s"]' % model, modifiers=8) # Shift
    have = tab.js(rows)
    need(tab.js(marks % "del") == ["is Oslo"] * 2 and have["calls"][:2] == ["2", "1"]
         and have["sooner"][:2] == ["0", "0"] and have["p50"] == have["same"],
         have)
    go(tab, [("q", "ml_app:hostile"), ("x", "model:gpt-4o"), ("x", "model:o4-mini")])
    need(tab.js(rows)["calls"][:2] == ["1", "1"], "of what is chosen")
    go(tab, [("x", "model:gpt-4o"), ("x", "model:none")])
    need(tab.js("document.getElementById('panel').hidden"), "no such model")
    tab.close()


def curl(bench):
    """The command goes to the host and the port of the event, with a variable
    for the key, and is safe to paste."""
    hosts = [({}, {}, "openai", "https://api.openai.com/v1/chat/completions", "$OPENAI_API_KEY"),
             ({"host": "openrouter.ai", "port": 443}, {}, "openrouter",
              "https://openrouter.ai/api/v1/chat/completions", "$OPENROUTER_API_KEY"),
             ({"host": "eu.api.openai.com", "port": 443}, {}, "openai",
              "https://eu.api.openai.com/v1/chat/completions", "$OPENAI_API_KEY"),
             ({"host": "127.0.0.1", "port": 11434}, {}, "ollama",
              "http://127.0.0.1:11434/v1/chat/completions", "$API_KEY"),
             ({"host": "x.test", "port": 81, "provider": "ollama"}, {}, "",
              "http://x.test:81/v1/chat/completions", "$API_KEY"),
             ({"host": "gw.test", "port": 443}, {}, "anthropic",
              "https://gw.test/v1/messages", "$API_KEY"),
             ({"host": "gw.test", "port": 80}, {}, "openai",
              "http://gw.test/v1/chat/completions", "$API_KEY"),
             ({"host": "gw.test", "port": 8443}, {"tls_ms": 1.5}, "openai",
              "https://gw.test:8443/v1/chat/completions", "$API_KEY"),
             ({"host": "::1", "port": 8000}, {}, "openai",
              "http://[::1]:8000/v1/chat/completions", "$API_KEY"),
             ({"host": "x'$(id)", "port": 80}, {}, "openai", None, None),
             ({"host": "x", "port": "80;id"}, {}, "openai", None, None),
             ({"host": 5, "port": 80}, None, "openai", None, None),
             ({"host": ["x"], "port": 1e999}, [], "openai", None, None),
             ([], 7, "openai", None, None),
             ({"host": "x", "port": 80}, {}, "google", None, None)]
    events, hard = [], "it's \u200d '\ufe0f\u202e $(id)"
    for i, (facts, transfer, api, _, key) in enumerate(hosts):
        events.append(call(i, "t%d" % i, [said("user", hard)],
                           said("assistant", "ho"), metadata={"transfer": transfer},
                           tags=["ml_app:m", "integration:" + api], _call=facts))
        events[-1]["meta"]["model_provider"] = \
            (key or "")[1:-8].lower() or "unknown"
    write(bench, "curl", events)
    tab = bench.open("curl")
    for i, (_, _, api, url, key) in enumerate(hosts):
        go(tab, {"t": "t%d" % i, "tab": "curl"})
        text = text_of(tab, "#tab")
        if url is None:
            need("curl" not in text and "No command" in text, text)
            continue
        words = subprocess.run(
            ["bash", "-c", "curl() { printf '%s\\0' \"$@\"; }\n" +
             copied(tab, "#tab .copy")], env={key[1:]: "the-key"}, check=True,
            capture_output=True).stdout.decode().split("\0")
        need(words[0] == url and words[2].endswith("the-key") and
             ("x-api-key" in words[2]) == (api == "anthropic"), words)
        content = json.loads(words[-2])["messages"][-1]["content"]
        need(words[-2].isascii() and hard in (content, content[0]["text"]
             if api == "anthropic" else None), words)
    tab.close()


def ticks(bench):
    """The mark of one call alone in a chart is wide enough to be seen and hit."""
    write(bench, "sparse", [
        call(i * i * 500, "t%d" % i, [said("user", "hi")], said("assistant", "ho"),
             metrics={"input_tokens": 1}, duration=i * 10 ** 9) for i in range(9)])
    for size in (1440, 900), (390, 844):
        tab = bench.open("sparse", at={"v": "timeseries"}, size=size)
        for where, box in ("timeseries", "[data-chart=%s]"), ("traces", "#histogram"):
            go(tab, {"v": where})
            for chart in ("calls", "latency", "tokens"):
                wide = tab.js(
                    "[...document.querySelectorAll('%s path:not(.grid)')].flatMap((p) => "
                    "[...(p.getAttribute('d') ?? '').matchAll(/h([\\d.]+)/g)].map("
                    "(m) => +m[1]))" % (box % chart if "%" in box else box))
                need(len(wide) > 3 and min(wide) >= 6, "%s %s: %s" % (where, chart, wide))
        tab.close()


def absent(bench):
    """A stream without tokens says how to have them; the command of curl has
    the model that was asked for, and each parameter; a failed call has no empty
    bubble; evaluations are a column, a facet and a chart."""
    events = [call(0, "a", [said("user", "hi")], said("assistant", "ho"),
                   metadata={"temperature": 0, "presence_penalty": 1,
                             "stop_reason": "x"},
                   metrics={"time_to_first_token": 0.5}, tags=["ml_app:m"]),
              call(1, "b", [said("user", "hi")], {"content": ""},
                   status="error", error={"type": "t"})]
    events[0]["meta"].update(model_provider="openai")
    for value, verdict in ((1, "pass"), (0, "fail")):
        events.append({"label": "good", "metric_type": "score",
                       "score_value": value, "assessment": verdict,
                       "join_on": {"span": {"trace_id": "a", "span_id":
                                            events[0]["span_id"]}},
                       "timestamp_ms": 1, "ml_app": "m"})
    write(bench, "absent", events)
    tab = bench.open("absent", at={"t": "a", "tab": "curl", "c": "scores"})
    need("include_usage" in text_of(tab, "#trace"), text_of(tab, "#trace"))
    text = text_of(tab, "#tab")
    need("presence_penalty" in text and "stop_reason" not in text, text)
    go(tab, {"c": "scores.model"})
    need("\u2713 1  \u2717 1" in text_of(tab, "#list"), text_of(tab, "#list"))
    need(tab.js("[...document.querySelectorAll('[data-facet=score] "
                "[data-value]')].map((v) => v.dataset.value)") == ["good"],
         "the facet")
    go(tab, {"v": "timeseries"})
    need(tab.js("document.querySelector('[data-sum=scores]').dataset.value")
         == "0.5" and "include_usage" in text_of(tab, "[data-chart=tokens]"),
         text_of(tab, "#charts"))
    go(tab, {"t": "b"})
    need(tab.js("document.querySelectorAll('#span [data-role]').length") == 1,
         text_of(tab, "#span"))
    tab.close()
