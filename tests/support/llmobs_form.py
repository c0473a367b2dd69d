"""The form that LLM Observability events have on the wire, checked strictly.

check_spans(body, facts) and check_evaluations(body, facts) give the events of a
request's body and a list of what is wrong with them.  `facts` says what the
request is measured with: see Facts.  Sources: WIRE 1, 2.1, 2.4, 2.7 and
7.
"""
import json
import re
import time

PAYLOAD_MAX = 5347737          # 5.1 MB: the intake's own limit
EVENT_MAX = 5000000
DROPPED = ("[This value has been dropped because this span's size exceeds the "
           "5MB size limit.]")
DAY_NS = 86400 * 10 ** 9
ENVELOPE = {"_dd.stage", "_dd.tracer_version", "event_type", "spans"}
FIELDS = {"trace_id", "span_id", "parent_id", "name", "start_ns", "duration",
          "status", "meta", "metrics", "tags", "_dd"}
FIELDS_MORE = {"session_id", "span_links", "collection_errors"}
META = {"span", "model_name", "model_provider", "input", "output", "metadata",
        "tool_definitions", "error", "intent", "tool", "agent_attribution"}
KINDS = ("llm", "workflow", "embedding", "agent", "task", "tool", "retrieval")
SIDE = {"messages", "value", "documents", "prompt"}
METRICS = {
    "input_tokens": int, "output_tokens": int, "total_tokens": int,
    "cache_read_input_tokens": int, "cache_write_input_tokens": int,
    "ephemeral_5m_input_tokens": int, "ephemeral_1h_input_tokens": int,
    "reasoning_output_tokens": int, "billable_character_count": int,
    "input_cost": float, "output_cost": float, "total_cost": float,
    "time_to_first_token": float}
MESSAGE = {"content": str, "role": str, "tool_calls": list,
           "tool_results": list, "audio_parts": list, "image_parts": list,
           "id": str, "tool_id": str}
LISTS = {
    "tool_calls": ({"name": str, "arguments": dict},
                   {"tool_id": str, "type": str}),
    "tool_results": ({"result": str},
                     {"name": str, "tool_id": str, "type": str}),
    "audio_parts": ({"mime_type": str, "content": str}, {}),
    "image_parts": ({"mime_type": str, "content": str}, {}),
    "documents": ({"text": str},
                  {"name": str, "id": str, "score": (int, float)}),
    "tool_definitions": ({"name": str},
                         {"description": str, "schema": dict,
                          "version": str})}
TAGS = ("ml_app", "agent_service", "service", "env", "version", "source",
        "language", "ddtrace.version", "error")
LANGUAGES = ("c", "python", "php", "ruby", "perl", "javascript", "lua", "r",
             "tcl", "elisp", "guile", "julia", "java")
DECIMAL = re.compile(r"[1-9][0-9]{0,19}\Z")
HEX = re.compile(r"[0-9a-f]{32}\Z")
RATE = re.compile(r"(0|1|0\.[0-9]{0,5}[1-9])\Z")
UNSPEAKABLE = re.compile(
    r"authorization|cookie|api[-_]?key|x-goog-|password", re.I)


class Facts:
    """The facts that a request is measured with.  peer: a Node tracer reports
    here as well; its events have another form."""

    def __init__(self, secrets=(), peer=False, event_max=EVENT_MAX):
        self.secrets = list(secrets)
        self.peer = peer
        self.event_max = event_max


class Wrong(list):
    """The faults, each with the place of it."""

    def __init__(self):
        super().__init__()
        self.at = ""

    def unless(self, good, text):
        if not good:
            self.append(self.at + text)
        return good


def typed(value, kind):
    """True, False and None are no numbers."""
    if isinstance(value, bool):
        return kind in (bool, object)
    return isinstance(value, kind)


def unique(pairs):
    keys = [k for k, _ in pairs]
    if len(set(keys)) != len(keys):
        raise ValueError("an object has a key twice: %s" % sorted(keys)[:20])
    return dict(pairs)


def no_constant(text):
    raise ValueError("%s is no JSON" % text)


def parse(body, wrong):
    """The document of a body, or None."""
    if not wrong.unless(all(b < 128 for b in body) if len(body) < 4096
                        else body.isascii(), "the body is not ASCII"):
        return None
    try:
        return json.loads(body, object_pairs_hook=unique,
                          parse_constant=no_constant)
    except (ValueError, RecursionError) as e:
        wrong.append("the body is no JSON: %s" % e)
        return None


def check_secrets(body, facts, wrong):
    for secret in facts.secrets:
        wrong.unless(secret.encode() not in body,
                     "a secret is in the body (..%s)" % secret[-4:])


def check_spans(body, facts):
    """(list of events, list of what is wrong)."""
    wrong = Wrong()
    check_secrets(body, facts, wrong)
    wrong.unless(len(body) <= PAYLOAD_MAX, "a body of %d bytes" % len(body))
    doc = parse(body, wrong)
    if doc is None:
        return [], wrong
    if not wrong.unless(isinstance(doc, list) and doc,
                        "the body is no array of envelopes"):
        return [], wrong
    events = []
    for i, envelope in enumerate(doc):
        wrong.at = "[%d]: " % i
        event = check_envelope(envelope, wrong)
        if event is None:
            continue
        wrong.at = "span %s: " % event.get("span_id")
        events.append(event)
        if facts.peer and is_peer(event):
            check_peer(event, wrong)
        else:
            check_event(event, envelope, facts, wrong)
    return events, wrong


def check_envelope(envelope, wrong):
    if not wrong.unless(isinstance(envelope, dict), "no object"):
        return None
    wrong.unless(set(envelope) - {"_dd.scope"} == ENVELOPE,
                 "fields of the envelope: %s" % sorted(envelope))
    wrong.unless(envelope.get("_dd.stage") == "raw", "_dd.stage")
    wrong.unless(envelope.get("event_type") == "span", "event_type")
    version = envelope.get("_dd.tracer_version")
    wrong.unless(isinstance(version, str) and version, "_dd.tracer_version")
    spans = envelope.get("spans")
    if wrong.unless(isinstance(spans, list) and len(spans) == 1 and
                    isinstance(spans[0], dict), "not one span in spans"):
        wrong.unless(envelope.get("_dd.scope") ==
                     (spans[0].get("_dd") or {}).get("scope"), "_dd.scope")
        return spans[0]
    return None


def tags_of(event):
    return dict(t.split(":", 1) for t in event.get("tags") or []
                if isinstance(t, str) and ":" in t)


def is_peer(event):
    """True of an event of Datadog's SDK for Node, not of a Node program that
    the library observes."""
    tags = tags_of(event)
    return tags.get("language") == "javascript" and \
        not tags.get("ddtrace.version", "").startswith("0.")


def check_ids(event, wrong):
    parent = event.get("parent_id")
    for field, form in (("trace_id", HEX), ("span_id", DECIMAL)):
        value = event.get(field)
        wrong.unless(isinstance(value, str) and form.match(value),
                     "%s %r" % (field, value))
    span_id = event.get("span_id")
    if isinstance(span_id, str) and DECIMAL.match(span_id):
        wrong.unless(int(span_id) < 1 << 64, "span_id beyond 64 bits")
    wrong.unless(isinstance(parent, str) and
                 (parent == "undefined" or DECIMAL.match(parent)),
                 "parent_id %r" % (parent,))
    wrong.unless(parent != span_id, "a span is its own parent")
    wrong.unless(event.get("trace_id") != "0" * 32, "trace_id is 0")


def check_peer(event, wrong):
    """An event of the Node tracer: ids, name and the tags that joining needs."""
    check_ids(event, wrong)
    wrong.unless(isinstance(event.get("name"), str), "name")
    wrong.unless("ml_app" in tags_of(event), "no tag ml_app")


def check_event(event, envelope, facts, wrong):
    names = set(event)
    wrong.unless(not FIELDS - names, "misses %s" % sorted(FIELDS - names))
    more = names - FIELDS - FIELDS_MORE
    wrong.unless(not more, "unknown fields %s" % sorted(more))
    if FIELDS - names:
        return
    check_ids(event, wrong)
    check_times(event, wrong)
    wrong.unless(event["status"] in ("ok", "error"), "status")
    wrong.unless(typed(event["name"], str) and event["name"], "name")
    check_dd(event, wrong)
    if wrong.unless(typed(event["meta"], dict), "meta is no object"):
        check_meta(event, wrong)
    check_metrics(event, wrong)
    check_tags(event, envelope, wrong)
    check_size(event, facts, wrong)
    if "span_links" in event:
        check_links(event["span_links"], wrong)


def check_times(event, wrong):
    for field in ("start_ns", "duration"):
        if not wrong.unless(typed(event[field], int) and event[field] >= 0,
                            "%s %r" % (field, event[field])):
            return
    age = time.time_ns() - event["start_ns"]
    wrong.unless(-600 * 10 ** 9 < age < DAY_NS, "start_ns is not of today")
    wrong.unless(event["duration"] < DAY_NS, "duration of days")


def check_dd(event, wrong):
    dd = event["_dd"]
    if not wrong.unless(typed(dd, dict) and
                        all(typed(v, str) for v in dd.values()),
                        "_dd: not strings"):
        return
    ids, rate = {"span_id", "trace_id", "apm_trace_id"}, \
        {"sample_rate", "sampling_decision"}
    # a child of a parent elsewhere that told no rate has none
    keys = set(dd) - {"scope"}
    wrong.unless(keys == ids | rate or
                 (keys == ids and event["parent_id"] != "undefined"),
                 "keys of _dd: %s" % sorted(dd))
    wrong.unless(dd.get("span_id") == event["span_id"], "_dd.span_id")
    wrong.unless(HEX.match(dd.get("trace_id", "")), "_dd.trace_id")
    wrong.unless(dd.get("apm_trace_id") == dd.get("trace_id"),
                 "_dd.apm_trace_id")
    if event["parent_id"] == "undefined":
        wrong.unless(dd.get("trace_id") == event["trace_id"],
                     "_dd.trace_id of a root")
    wrong.unless(RATE.match(dd.get("sample_rate", "1")),
                 "_dd.sample_rate %r" % dd.get("sample_rate"))
    wrong.unless(dd.get("sampling_decision", "1") in ("0", "1"),
                 "_dd.sampling_decision")


def check_meta(event, wrong):
    meta = event["meta"]
    more = set(meta) - META
    wrong.unless(not more, "unknown fields of meta %s" % sorted(more))
    span = meta.get("span")
    kind = span.get("kind") if typed(span, dict) and set(span) == {"kind"} \
        else None
    if not wrong.unless(kind in KINDS, "meta.span %r" % (span,)):
        return
    if wrong.unless(typed(meta.get("metadata"), dict), "no metadata"):
        check_metadata(meta["metadata"], wrong)
    check_error(event, meta, wrong)
    model = kind in ("llm", "embedding")
    for field in ("model_name", "model_provider"):
        wrong.unless((field in meta) == model, "%s on %s" % (field, kind))
        value = meta.get(field, "x")
        wrong.unless(typed(value, str) and value, field)
    provider = meta.get("model_provider", "")
    wrong.unless(not typed(provider, str) or provider == provider.lower(),
                 "model_provider is not in lower case")
    wrong.unless(kind == "llm" or "tool_definitions" not in meta,
                 "tool_definitions on " + kind)
    check_items(meta, "tool_definitions", wrong)
    dropped = "collection_errors" in event
    if dropped:
        wrong.unless(event["collection_errors"] == ["dropped_io"],
                     "collection_errors")
        wrong.unless({"value": DROPPED} in (meta.get("input"),
                                            meta.get("output")),
                     "neither side was dropped")
    for side in ("input", "output"):
        if side in meta:
            check_side(meta[side], side, kind, wrong)


def check_error(event, meta, wrong):
    error = meta.get("error")
    if event["status"] == "ok":
        wrong.unless(error is None, "an error on a span that is ok")
        return
    wrong.unless(typed(error, dict) and
                 set(error) == {"message", "stack", "type"} and
                 all(typed(v, str) for v in error.values()) and error["type"],
                 "meta.error %r" % (error,))


def check_metadata(metadata, wrong):
    wrong.unless("_dd" not in metadata, "metadata._dd")
    stack = [(metadata, 1)]
    while stack:
        value, depth = stack.pop()
        wrong.unless(depth < 12, "metadata is too deep")
        if depth >= 12:
            return
        if typed(value, dict):
            for key in value:
                wrong.unless(not UNSPEAKABLE.search(key),
                             "metadata has the key %s" % key)
            stack += [(v, depth + 1) for v in value.values()
                      if typed(v, (dict, list))]
        else:
            stack += [(v, depth + 1) for v in value
                      if typed(v, (dict, list))]


def check_items(holder, name, wrong):
    """The list `name` of the table LISTS, when there is one."""
    if name not in holder:
        return
    must, may = LISTS[name]
    if not wrong.unless(typed(holder[name], list) and holder[name],
                        "%s: no list, or an empty one" % name):
        return
    for item in holder[name]:
        if not wrong.unless(typed(item, dict), name + ": no object"):
            continue
        wrong.unless(not set(must) - set(item), "%s misses %s" % (
            name, sorted(set(must) - set(item))))
        for key, value in item.items():
            kind = must.get(key) or may.get(key)
            wrong.unless(kind and typed(value, kind),
                         "%s.%s %.60r" % (name, key, value))


def check_side(side, name, kind, wrong):
    if not wrong.unless(typed(side, dict) and side,
                        name + ": no object, or an empty one"):
        return
    more = set(side) - SIDE
    wrong.unless(not more, "%s: unknown fields %s" % (name, sorted(more)))
    if "value" in side:
        wrong.unless(typed(side["value"], str), name + ".value: no string")
    wrong.unless(kind in ("llm", "agent") or "messages" not in side,
                 "%s.messages on %s" % (name, kind))
    check_items(side, "documents", wrong)
    if "messages" in side and wrong.unless(
            typed(side["messages"], list) and side["messages"],
            name + ".messages"):
        for message in side["messages"]:
            check_message(message, wrong)


def check_message(message, wrong):
    if not wrong.unless(typed(message, dict), "a message is no object"):
        return
    wrong.unless("role" in message, "a message has no role")
    for key, value in message.items():
        kind = MESSAGE.get(key)
        wrong.unless(kind and typed(value, kind),
                     "message.%s %.60r" % (key, value))
        if key in LISTS:
            check_items(message, key, wrong)


def check_metrics(event, wrong):
    metrics = event["metrics"]
    if not wrong.unless(typed(metrics, dict), "metrics is no object"):
        return
    meta = event["meta"] if typed(event["meta"], dict) else {}
    if meta.get("span") == {"kind": "workflow"}:
        wrong.unless(metrics == {}, "metrics of a workflow")
    for key, value in metrics.items():
        kind = METRICS.get(key)
        if not wrong.unless(kind, "metric " + key):
            continue
        kinds = int if kind is int else (int, float)
        wrong.unless(typed(value, kinds) and 0 <= value < 1 << 53,
                     "metric %s %r" % (key, value))
    ttft = metrics.get("time_to_first_token")
    if typed(ttft, float) and typed(event["duration"], int):
        wrong.unless(ttft * 1e9 <= event["duration"] + 1000,
                     "time_to_first_token is longer than the span")


def check_tags(event, envelope, wrong):
    tags = event["tags"]
    if not wrong.unless(typed(tags, list) and
                        all(typed(t, str) and ":" in t for t in tags),
                        "tags: no strings with a colon"):
        return
    wrong.unless(tags == sorted(tags), "tags are not sorted")
    wrong.unless(not any("," in t for t in tags), "a comma in a tag")
    found = tags_of(event)
    wrong.unless(len(found) == len(tags), "a tag is there twice")
    missing = [k for k in TAGS if k not in found]
    wrong.unless(not missing, "misses the tags %s" % missing)
    if missing:
        return
    failed = event["status"] == "error"
    wrong.unless(found["language"] in LANGUAGES,
                 "tag language:%s" % found["language"])
    same = {"source": "integration", "agent_service": found["ml_app"],
            "ddtrace.version": envelope.get("_dd.tracer_version"),
            "error": "1" if failed else "0"}
    for key, value in same.items():
        wrong.unless(found[key] == value, "tag %s:%s" % (key, found[key]))
    wrong.unless(found["ml_app"], "tag ml_app is empty")
    wrong.unless(("error_type" in found) == failed, "tag error_type")
    wrong.unless(found.get("session_id") == event.get("session_id"),
                 "tag session_id")
    wrong.unless(found.get("ml-proxy", "custom") == "custom", "tag ml-proxy")
    meta = event["meta"] if typed(event["meta"], dict) else {}
    called = "http.status_code" in found or "ml-proxy" in found or \
        meta.get("span") in ({"kind": "llm"}, {"kind": "embedding"})
    wrong.unless("integration" in found or not called, "no tag integration")


def check_size(event, facts, wrong):
    size = len(json.dumps(event, separators=(",", ":")))
    wrong.unless(size < facts.event_max, "an event of %d bytes" % size)


def check_links(links, wrong):
    wrong.unless(typed(links, list) and links and
                 all(typed(x, dict) and
                     set(x) == {"span_id", "trace_id", "attributes"}
                     for x in links), "span_links")


# ---- evaluations ---------------------------------------------------------

VALUES = {"categorical": str, "score": (int, float), "boolean": bool,
          "json": dict}
EVALUATION = {"event_kind": str, "join_on": dict, "label": str,
              "metric_type": str, "timestamp_ms": int, "ml_app": str,
              "tags": list, "eval_scope": str}
FEEDBACK = dict({name: EVALUATION[name] for name in EVALUATION
                 if name not in ("join_on", "eval_scope")}, submitter=dict)
TARGETS = ("span_id", "trace_id", "session_id", "feedback_join_key")
EVALUATION_MORE = {"assessment": str, "reasoning": str, "metadata": dict}


def check_evaluations(body, facts):
    """(list of metrics, list of what is wrong); WIRE 2.7."""
    wrong = Wrong()
    check_secrets(body, facts, wrong)
    wrong.unless(len(body) <= PAYLOAD_MAX, "a body of %d bytes" % len(body))
    doc = parse(body, wrong)
    try:
        data = doc["data"]
        metrics = data["attributes"]["metrics"]
        good = (set(doc) == {"data"} and data["type"] == "evaluation_metric"
                and set(data) == {"type", "attributes"}
                and set(data["attributes"]) == {"metrics"}
                and typed(metrics, list) and metrics)
    except (TypeError, KeyError):
        good, metrics = False, []
    if not wrong.unless(good, "no evaluation_metric with metrics"):
        return [], wrong
    events = []
    for i, metric in enumerate(metrics):
        wrong.at = "[%d]: " % i
        if wrong.unless(typed(metric, dict), "no object"):
            events.append(metric)
            check_evaluation(metric, facts, wrong)
    return events, wrong


def check_evaluation(metric, facts, wrong):
    kind = metric.get("metric_type")
    feedback = metric.get("event_kind") == "feedback"
    values = dict(VALUES, text=str) if feedback else VALUES
    if not wrong.unless(typed(kind, str) and kind in values,
                        "metric_type %r" % (kind,)):
        return
    must = dict(FEEDBACK if feedback else EVALUATION,
                **{kind + "_value": values[kind]})
    if feedback:
        must.update({name: str for name in TARGETS if name in metric})
    missing, more = set(must) - set(metric), \
        set(metric) - set(must) - set(EVALUATION_MORE)
    wrong.unless(not missing and not more,
                 "fields of an evaluation: %s" % sorted(metric))
    if missing:
        return
    for name, value in metric.items():
        wrong.unless(typed(value, must.get(name) or EVALUATION_MORE.get(
            name, object)), "%s %.60r" % (name, value))
    label = metric["label"]
    wrong.unless(typed(label, str) and label and "." not in label, "label")
    if feedback:
        check_feedback(metric, wrong)
    else:
        wrong.unless(metric["event_kind"] == "evaluation", "event_kind")
        wrong.unless(metric["eval_scope"] in ("span", "trace"), "eval_scope")
        check_join(metric["join_on"], wrong)
    wrong.unless(metric.get("assessment", "pass") in ("pass", "fail"),
                 "assessment")
    stamp = metric["timestamp_ms"]
    wrong.unless(typed(stamp, int) and stamp > 0, "timestamp_ms")
    check_evaluation_tags(metric, wrong)
    check_size(metric, facts, wrong)


def check_feedback(metric, wrong):
    named = [metric[name] for name in TARGETS if name in metric]
    wrong.unless(len(named) == 1 and all(named), "target")
    submitter = metric["submitter"]
    wrong.unless(set(submitter) <= {"id", "type"} and submitter.get("id") and
                 all(typed(x, str) for x in submitter.values()), "submitter")
    wrong.unless("metadata" not in metric, "metadata")


def check_evaluation_tags(metric, wrong):
    tags = metric["tags"]
    if not wrong.unless(typed(tags, list) and
                        all(typed(t, str) and t.find(":") > 0 for t in tags),
                        "tags: no strings with a key"):
        return
    found = tags_of(metric)
    wrong.unless(len(found) == len(tags), "a tag is there twice")
    wrong.unless(not any("," in t for t in tags), "a comma in a tag")
    wrong.unless([t.split(":")[0] for t in tags[:2]] == [
        "ddtrace.version", "ml_app"], "tags do not begin with version, ml_app")
    wrong.unless(metric["ml_app"] and found.get("ml_app") == metric["ml_app"],
                 "ml_app %r" % (metric["ml_app"],))


def check_join(join, wrong):
    way = sorted(join) if typed(join, dict) else None
    inner = join[way[0]] if way and len(way) == 1 else None
    if not wrong.unless(typed(inner, dict) and
                        all(typed(v, str) for v in inner.values()),
                        "join_on %r" % (join,)):
        return
    if way == ["span"]:
        good = set(inner) == {"span_id", "trace_id"} and \
            DECIMAL.match(inner["span_id"]) and \
            int(inner["span_id"]) < 1 << 64 and HEX.match(inner["trace_id"])
    else:
        good = way == ["tag"] and set(inner) == {"key", "value"} and \
            inner["key"] and inner["value"]
    wrong.unless(good, "join_on %r" % (join,))
