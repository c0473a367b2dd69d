"""The facts in the bodies of a recorded exchange: read a second time, so
that the facts beside an event are compared with something."""
import json
import re
from urllib.parse import unquote, urlsplit

REASONS = {"end_turn": "stop", "stop_sequence": "stop", "STOP": "stop",
           "COMPLETE": "stop", "max_tokens": "length", "MAX_TOKENS": "length",
           "max_output_tokens": "length", "tool_calls": "tool_call",
           "tool_use": "tool_call", "function_call": "tool_call",
           "TOOL_CALL": "tool_call", "SAFETY": "content_filter",
           "refusal": "content_filter",
           "guardrail_intervened": "content_filter"}
IN_URL = (r"/(?:models|tunedModels)/([^:]+):", r"/endpoints/([^:]+):(?!predict$)",
          r"/v1/(?:inference|genai)/(.+)", r"/models/([^/]+)/text_to_image",
          r"/model/([^/]+)/",
          r"/deployments/([^/]+)/", r"/(?:ai/run|workers-ai)/(@.+)",
          r"/(?:serving-)?endpoints/([^/]+)/invocations",
          r"^/v1/models/([^/]+/[^/]+)/predictions$",
          r"^(?:/hf-inference)?/models/([^/:]+$|[^/]+/[^/]+)",
          r"^/pipeline/[^/]+/([^/]+(?:/[^/]+)?)", r"/v2/models/([^/]+)/",
          r"/stable-image/[^/]+/([^/]+)$", r"/v1/generation/([^/]+)/",
          r"/v1/(flux-[^/]+)$", r"^/(fal-ai/.+?)(?:/requests/.*)?$")
# Where a body names the model, and on these hosts alone a version or an agent.
IN_BODY = ("model", "model_id")
IN_BODY_OF = {"api.replicate.com": ("version",),
              "api.hyperbolic.xyz": ("model_name",),
              "llm.api.cloud.yandex.net": ("modelUri",),
              "generativelanguage.googleapis.com": ("agent",)}


def parsed(text):
    try:
        return json.loads(text)
    except ValueError:
        return None


def documents(answer):
    """The JSON objects of an answer, which may be a stream of events; each
    with the object inside that some APIs wrap."""
    text = answer.decode("utf-8", "replace")
    whole = parsed(text)
    if whole is None:
        whole = [parsed(line[5:]) for line in text.splitlines()
                 if line.startswith("data:")]
    for one in whole if isinstance(whole, list) else [whole]:
        if not isinstance(one, dict):
            continue
        yield one
        for name in ("response", "message"):
            if isinstance(one.get(name), dict):
                yield one[name]


def first(found, *names):
    for one in found:
        for name in names:
            if isinstance(one.get(name), str) and one[name]:
                return one[name]
    return None


def reasons_of(found):
    """{index of the choice: reason}, the last that is said."""
    reasons = {}
    for one in found:
        for list_name, name in (("choices", "finish_reason"),
                                ("candidates", "finishReason")):
            choices = one.get(list_name)
            for at, choice in enumerate(choices if isinstance(choices, list)
                                        else []):
                if isinstance(choice, dict) and choice.get(name):
                    reasons[choice.get("index", at)] = choice[name]
        for holder in (one, one.get("delta")):
            for name in ("stop_reason", "stopReason"):
                if isinstance(holder, dict) and \
                        isinstance(holder.get(name), str) and holder[name]:
                    reasons[0] = holder[name]
    return [REASONS.get(r, r) for _, r in sorted(reasons.items())]


def fields_of(sent, body):
    """The fields of a form that have a name and no file; {} of no form."""
    if not body.startswith(b"--"):
        return {}
    body = body.replace(b"\r\n", b"\n")
    told = re.search(r"""boundary="?([^"';\s]+)""", str(sent))
    boundary = told[1].encode() if told else body[2:].split(b"\n", 1)[0]
    found, parts = {}, re.split(
        rb"(?:^|\n)--%s(?:--)?[ \t]*(?:\n|$)" % re.escape(
            boundary), body)
    for part in parts:
        head, _, value = part.partition(b"\n\n")
        name = re.match(rb'(?i)[^\n]*form-data; name="([^"]+)"', head)
        if name and b"filename" not in head:
            found[name[1].decode()] = value.decode("utf-8", "replace")
    return found


def facts_of(exchange):
    """Those of the facts that the bodies and the URL tell plainly."""
    found = list(documents(exchange.answer))
    asked = parsed(exchange.body.decode("utf-8", "replace")) or \
        fields_of(exchange.sent, exchange.body)
    if isinstance(asked, list) and asked and isinstance(asked[0], dict):
        # Tries, of which the first is told.
        asked = asked[0].get("query")
    asked = asked if isinstance(asked, dict) else {}
    parts = urlsplit(exchange.url)
    path = parts.path
    names = IN_BODY + IN_BODY_OF.get(parts.hostname, ())
    in_url = [unquote(m[1]) for m in (re.search(p, path) for p in IN_URL) if m]
    facts = {"response_id": first(found, "id", "responseId"),
             "response_model": first(found, "model", "modelVersion"),
             "request_model": first([asked, asked.get("servingMode") or {}],
                                    "modelId", *names) or
             (in_url[0] if in_url else None) or
             next((value for name, value in exchange.sent if name.lower() in
                   ("ai-language-model-id", "ai-model-id")), None),
             "finish_reasons": reasons_of(found)}
    return {k: v for k, v in facts.items() if v}
