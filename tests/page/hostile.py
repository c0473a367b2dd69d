"""A store in which every text, id and number wants to be more than that."""
import json
import os

TEXTS = {
    "end of the script": "</script><script>alert(1)</script>",
    "end in capitals": "</SCRIPT ><svg onload=alert(2)>",
    "comment": "<!-- <script> -->",
    "comment of a script": "<!--<script>",
    "picture": "<img src=x onerror=alert(3)>",
    "link": "<a href=\"javascript:alert(4)\">javascript:alert(4)</a>",
    "frame": "<iframe src=\"https://127.0.0.1/frame\"></iframe>",
    "style": "</style><style>*{display:none}</style>",
    "noscript": "</noscript><meta http-equiv=refresh content=0>",
    "entities": "&lt;script&gt; &amp;#60; &quot;",
    "attribute": "\" onfocus=alert(5) autofocus x=\"",
    "template": "${alert(6)} {{7*7}} `x`",
    "turned": "file\u202egpj.exe \u2066left\u2069 \u200b \ufeff \u061c",
    "escape": "\x1b[2J\x1b]0;title\x07 \x00 \x7f \x9b31m",
    "halves": "half \ud800 and \udc00 end",
    "proto": "__proto__",
    "maker": "constructor",
    "to string": "toString",
    "line ends": "one\u2028two\u2029three\x85four",
    "wide": "\U0001f469\u200d\U0001f469 \u8bf7 \u05d0\u05d1",
    "path": "../../etc/passwd",
    "percent": "%3Cscript%3E %00 %E2%80%AE",
}

# The number that the page writes instead.
UNSEEN = [(0, 8), (0xb, 0x1f), (0x7f, 0x9f), (0xad, 0xad), (0x61c, 0x61c),
          (0x200b, 0x200f), (0x2028, 0x202e), (0x2060, 0x206f),
          (0xfe00, 0xfe0f), (0xfeff, 0xfeff), (0xd800, 0xdfff),
          (0xe0000, 0xe0fff)]

# Writing needs these, which stay behind a character that is there.
SCRIPTS = [
    "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645", "PDF\u200c\u0647\u0627",
    "\u0995\u09cd\u200d\u09b7", "\u1781\u200b\u1791", "\u845b\U000e0100",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467", "1\ufe0f\u20e3",
    "\u2764\ufe0f\u200d\U0001f525"]
HIDDEN = ["pass\u200dword", "\u200c\u200d\u200c", "\ufe01", "a\u202eb\u2066",
          "flag\U000e0067", "\ufeffbom", "so\u00adft", "one\u2028two\u2029",
          "\u200d\u0647", "a\u2063", "rtl\u200f\u061c", " \ufe0f", "'\u200d'"]

PNG = ("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGA"
       "WjR9awAAAABJRU5ErkJggg==")
NS = 1000000000
BEGIN = 1795300000 * NS


def seen(text):
    """The text as the page shall show it."""
    return "".join(
        "\u27e8%04x\u27e9" % ord(c)
        if any(low <= ord(c) <= high for low, high in UNSEEN) else c
        for c in text) if text != TEXTS["wide"] else text


def span(number, trace=None, **members):
    event = {"trace_id": trace or "trace-%d" % number,
             "span_id": "span-%d" % number, "parent_id": "undefined",
             "name": "name %d" % number, "start_ns": BEGIN + number * NS,
             "duration": NS // 10, "status": "ok", "metrics": {},
             "tags": ["ml_app:hostile"],
             "meta": {"span": {"kind": "llm"}, "metadata": {}}}
    event.update(members)
    return event


def bills():
    """A job whose poll has its tokens, an agent at a provider's, a search that
    has a price, and spans that repeat what calls have used."""
    used = {"input_tokens": 10, "output_tokens": 4}
    rows = [("llm", "m", {}, True), ("task", None, used, True),
            ("task", None, {}, True), ("agent", None, used, True),
            ("tool", None, {"total_cost": 0.5}, True),
            ("llm", "m", used, True), ("workflow", None, used, True),
            ("agent", None, used, False), ("tool", None, used, False)]
    for number, (kind, model, metrics, is_read) in enumerate(rows):
        meta = {"span": {"kind": kind}, "metadata": {}}
        if model:
            meta["model_name"] = model
        elif kind == "task":
            meta["metadata"]["model"] = "m"
        yield span(number, "job", metrics=dict(metrics), meta=meta,
                   session_id="s", tags=["ml_app:bills"] + [
                       "integration:openai"] * is_read)


def everywhere(number, text):
    """A span that has the text in every place that a text can have."""
    say = [{"role": text, "content": text, "tool_calls": [
        {"name": text, "tool_id": text, "type": text,
         "arguments": {text: text}}], "tool_results": [
        {"name": text, "tool_id": text, "type": text, "result": text}],
        "image_parts": [{"mime_type": text, "content": text}]}]
    return span(
        number, trace=text + str(number), span_id=text, name=text,
        session_id=text, status="error",
        tags=["ml_app:" + text, "service:" + text, "env:" + text, text,
              text + ":" + text, "error_type:" + text, "user_id:" + text,
              "unit:" + text, "plugin:" + text, "key:" + text],
        metrics={text: 1, "input_tokens": text},
        meta={"span": {"kind": text if number % 2 else "llm"},
              "model_name": text, "model_provider": text,
              "input": {"messages": say, "value": text},
              "output": {"messages": say, "documents": [
                  {"text": text, "name": text, "score": text, "id": text}]},
              "error": {"type": text, "message": text, "stack": text},
              "tool_definitions": [{"name": text, "description": text,
                                    "schema": {text: text}}],
              "metadata": {text: text, "caller": {
                  "frames": [text], "module": text, "function": text,
                  "file": text, "line": number, "code": text, "entry": text,
                  "plugins": [text]},
                           "transfer": {text: text, "dns_ms": text}}})


def evaluation(text, number):
    return {"join_on": {"span": {"trace_id": text + str(number),
                                 "span_id": text}},
            "label": text, "metric_type": "categorical",
            "categorical_value": text, "assessment": text, "reasoning": text,
            "timestamp_ms": 1, "ml_app": text, "tags": [text]}


def deep(levels):
    value = "bottom"
    for _ in range(levels):
        value = {"down": [value]}
    return value


def odd_spans():
    """Shapes and numbers, with what they are."""
    yield "a long name", span(100, name="n" * 65536, session_id="s" * 65536)
    yield "a length below 0", span(101, duration=-1, start_ns=-5)
    yield "no length", span(102, duration="long", start_ns=None)
    yield "a circle", span(103, "circle", span_id="a", parent_id="b")
    yield "its other half", span(104, "circle", span_id="b", parent_id="a")
    yield "its own parent", span(105, "self", span_id="a", parent_id="a")
    yield "an orphan", span(106, "orphan", parent_id="gone")
    yield "deep JSON", span(107, meta={
        "span": {"kind": "tool"}, "metadata": deep(90),
        "input": {"value": json.dumps(deep(400))}})
    yield "no meta", {"trace_id": "bare", "span_id": "bare"}
    yield "other types", span(108, name=7, tags={"a": 1}, meta=[1],
                              metrics="many", status=None)
    yield "other types below", span(109, meta={
        "span": "llm", "input": {"messages": "none"}, "metadata": [],
        "output": {"messages": [1, None, {"content": {"a": 1}}]},
        "error": "text", "tool_definitions": {"a": 1}})
    yield "pictures", span(110, "pictures", meta={
        "span": {"kind": "llm"}, "input": {"messages": [
            {"role": "user", "content": "look", "image_parts": [
                {"mime_type": "image/png", "content": PNG},
                {"mime_type": "image/svg+xml", "content": PNG},
                {"mime_type": "text/html", "content": PNG},
                {"mime_type": "image/png", "content":
                 "x\" onerror=\"alert(7)"},
                {"mime_type": "image/png", "content":
                 "https://127.0.0.1/seen.png"}]},
            {"role": "user", "content":
             "![seen](https://127.0.0.1/seen.png)"}]}})
    for i in range(300):  # a trace three hundred levels deep
        yield "level", span(1000 + i, "deep", span_id="level-%d" % i,
                            parent_id="level-%d" % (i - 1) if i
                            else "undefined")


def lines():
    for number, text in enumerate(TEXTS.values()):
        yield json.dumps(everywhere(number, text)).encode()
        yield json.dumps(evaluation(text, number)).encode()
    for _, event in odd_spans():
        yield json.dumps(event).encode()
    # Lines that JSON would not allow, and the store's reader does.
    raw = json.dumps(span(200, "raw", name="NAME")).encode()
    yield raw.replace(b"NAME", b"raw \x1b[31m \r \x00 \x01 end")
    yield raw.replace(b"span-200", b"span-201").replace(
        b"NAME", b"bad \xff\xfe \xe2\x82 utf-8 </script>")
    yield raw.replace(b"span-200", b"span-202").replace(
        b"100000000,", b"1e999, \"x\": -1e999,")
    yield b"\xef\xbb\xbf" + raw.replace(b"span-200", b"span-203")
    yield b"</script><script>alert(8)</script>"
    yield b"{\"trace_id\": \"cut"


def write(folder):
    """Writes the store."""
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "spans.jsonl"), "wb") as f:
        for line in lines():
            f.write(line + b"\n")
