"""Holds spans of OTLP's JSON form against OpenTelemetry's conventions for
generative AI, as otlp_conventions.json has them (scripts/otlp-conventions).

    otlp_conventions.problems("1.41", span)   ->  list of sentences, empty if none
"""
import json
import os
import re

FORMS = ("1.41", "latest")  # sorted: a later form is greater
CLIENT, INTERNAL = 3, 1
MODEL = "gen_ai.request.model"
OWN = "llmobs."
CONTENT = ("gen_ai.input.messages", "gen_ai.output.messages",
           "gen_ai.system_instructions", "gen_ai.tool.definitions",
           "gen_ai.tool.call.arguments", "gen_ai.tool.call.result",
           "gen_ai.retrieval.documents", "gen_ai.retrieval.query.text",
           "gen_ai.prompt.variable.", "llmobs.input.", "llmobs.output.",
           "llmobs.prompt.variable.", "llmobs.tool.definitions")
# {operation: its span in the data, the kind, the attribute behind the operation
# in the span's name}
OPERATIONS = {
    "chat": ("inference", CLIENT, MODEL),
    "text_completion": ("inference", CLIENT, MODEL),
    "generate_content": ("inference", CLIENT, MODEL),
    "embeddings": ("embeddings", CLIENT, MODEL),
    "retrieval": ("retrieval", CLIENT, "gen_ai.data_source.id"),
    "invoke_agent": ("agent", INTERNAL, "gen_ai.agent.name"),
    "execute_tool": ("tool", INTERNAL, "gen_ai.tool.name"),
    "invoke_workflow": ("workflow", INTERNAL, "gen_ai.workflow.name"),
    "fetch_response": ("fetch", CLIENT, None),
    "transcription": ("inference", CLIENT, MODEL),
    "translation": ("inference", CLIENT, MODEL),
}
# Values of gen_ai.operation.name that a form does not list, and why they stand:
# the conventions take a value of one's own where none of theirs applies.
# docs/WIRE.md 9.1 names them.
OWN_OPERATIONS = {
    "fetch_response": "1.41 has no word for what latest calls so",
    "transcription": "sound to text: no prompt, and no chat",
    "translation": "the same, in another language"}
# The provider of a host that the notes of gen_ai.provider.name name, or whose
# owner is the value.
PROVIDER_OF_HOST = (
    (r"api\.openai\.com", "openai"),
    (r".+\.openai\.azure\.com", "azure.ai.openai"),
    (r"generativelanguage\.googleapis\.com", "gcp.gemini"),
    (r"(.+-)?aiplatform\.googleapis\.com", "gcp.vertex_ai"),
    (r"bedrock-(agent-)?runtime\..+\.amazonaws\.com", "aws.bedrock"),
    (r"api\.anthropic\.com", "anthropic"),
    (r"api\.cohere\.(com|ai)", "cohere"),
    (r"api\.deepseek\.com", "deepseek"),
    (r"api\.groq\.com", "groq"),
    (r"api\.mistral\.ai", "mistral_ai"),
    (r"api\.perplexity\.ai", "perplexity"),
    (r"api\.x\.ai", "x_ai"),
    (r".+\.ml\.cloud\.ibm\.com", "ibm.watsonx.ai"))
# Lists of values that name all that the library may say; the others are open.
CLOSED = ("gen_ai.operation.name", "gen_ai.output.type", "openai.api.type")
# On a span of an operation, although its list in the model lacks them.
ELSEWHERE = {"inference": ("gen_ai.agent.name",),
             "openai": ("gen_ai.agent.name", "gen_ai.request.top_k")}
# Spans that only later forms have: the form that first has one stands for the
# older ones, which name nothing for such a call.
FIRST_IN = {"fetch": "latest", "openai_fetch": "latest"}
MCP = ("mcp.", "jsonrpc.")
MCP_TARGETS = {"tools/call": "gen_ai.tool.name",
               "prompts/get": "gen_ai.prompt.name"}
TYPES = {"stringValue": "string", "intValue": "int", "doubleValue": "double",
         "boolValue": "boolean", "arrayValue": "string[]"}

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)),
                       "otlp_conventions.json"), encoding="utf-8") as file:
    DATA = json.load(file)


# ---- values -------------------------------------------------------------------

def value_of(value):
    """The plain value of an AnyValue."""
    (name, inner), = value.items()
    if name == "intValue":
        return int(inner)
    if name == "arrayValue":
        return [value_of(v) for v in inner.get("values", [])]
    return inner


def attributes_of(span):
    return {a["key"]: value_of(a["value"]) for a in span.get("attributes", [])}


def type_of(value):
    (name, inner), = value.items()
    if name == "arrayValue":
        if any(set(v) != {"stringValue"} for v in inner.get("values", [])):
            return "a mixed array"
    return TYPES.get(name, name)


# ---- JSON schemas -------------------------------------------------------------

KINDS = {"object": dict, "array": list, "string": str, "null": type(None),
         "boolean": bool}


def is_kind(value, kind):
    if kind in ("number", "integer"):
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return isinstance(value, KINDS[kind])


def breaks(value, schema, root, path):
    """Why a value breaks a schema: one sentence or none."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        inner = root["$defs"].get(name)
        return breaks(value, inner, root, path) if inner else None
    for word in ("anyOf", "oneOf"):
        if word in schema:
            return breaks_all(value, schema[word], root, path)
    if "type" in schema and not is_kind(value, schema["type"]):
        return "%s is no %s" % (path, schema["type"])
    if "const" in schema and value != schema["const"]:
        return "%s is not %r" % (path, schema["const"])
    if "enum" in schema and value not in schema["enum"]:
        return "%s is none of %s" % (path, schema["enum"])
    if isinstance(value, dict):
        for name in schema.get("required", ()):
            if name not in value:
                return "%s lacks %r" % (path, name)
        for name, inner in schema.get("properties", {}).items():
            if name in value:
                why = breaks(value[name], inner, root, path + "." + name)
                if why:
                    return why
    if isinstance(value, list) and "items" in schema:
        for i, item in enumerate(value):
            why = breaks(item, schema["items"], root, "%s[%d]" % (path, i))
            if why:
                return why
    return None


def breaks_all(value, schemas, root, path):
    """The schemas end with one for parts of any type: a part whose type has a
    schema must hold to that one."""
    whys = []
    for schema in schemas:
        inner = root["$defs"].get(schema.get("$ref", "").rpartition("/")[2], {})
        const = inner.get("properties", {}).get("type", {}).get("const")
        why = breaks(value, schema, root, path)
        if const and isinstance(value, dict) and value.get("type") == const:
            return why
        whys.append(why)
    return None if None in whys else whys[0]


def document_problems(form, name, text):
    schema = DATA[form]["schemas"].get(name)
    try:
        document = json.loads(text)
    except ValueError as error:
        return ["%s is no JSON: %s" % (name, error)]
    why = breaks(document, schema, schema, name) if schema else None
    if why:
        return [why]
    if name in ("gen_ai.input.messages", "gen_ai.output.messages"):
        return message_problems(form, name, document)
    if not document:
        return [name + " is empty"]
    return []


def message_problems(form, name, messages):
    """Checks that the schemas leave open and the pages name."""
    found = []
    for message in messages:
        if message["role"] in ("", "developer", "model", "reasoning"):
            found.append("%s has the role %r" % (name, message["role"]))
        if "finish_reason" in message and name == "gen_ai.input.messages":
            found.append("an input message has a finish reason")
        for part in message["parts"]:
            known = part["type"] in PARTS[form]
            if not known and part["type"] != "reasoning":
                found.append("%s has a part %r" % (name, part["type"]))
            if part["type"] == "tool_call_response" and \
                    message["role"] not in ("tool", "assistant"):
                found.append("a tool's result is in a message of role %r"
                             % message["role"])
    return found if messages else [name + " is empty"]


def parts_of(form):
    """The types of parts that the schemas of a form name."""
    return {d["properties"]["type"]["const"]
            for schema in DATA[form]["schemas"].values()
            for d in schema.get("$defs", {}).values()
            if "const" in d.get("properties", {}).get("type", {})}


PARTS = {form: parts_of(form) for form in FORMS}


# ---- attributes ---------------------------------------------------------------

def known_as(form, name):
    """The entry of an attribute, also of one that a template makes."""
    known = DATA[form]["attributes"]
    if name in known:
        return name, known[name]
    for template, entry in known.items():
        if entry["type"].startswith("template[") and \
                name.startswith(template + "."):
            return template, entry
    return name, None


def type_problems(form, name, value):
    if name.startswith(OWN):
        return []
    known, entry = known_as(form, name)
    if not entry:
        return ["%s has no attribute %s" % (form, name)]
    wanted = entry["type"].replace("template[string]", "string")
    have = type_of(value)
    if have != wanted and not (wanted == "any" and have == "string"):
        return ["%s is %s, not %s" % (name, have, wanted)]
    found = []
    plain = value_of(value)
    if entry.get("deprecated"):
        found.append(name + " is deprecated")
    if name in CLOSED and plain not in entry["values"] and \
            plain not in OWN_OPERATIONS:
        found.append("%s is %r" % (name, plain))
    if isinstance(plain, str) and not plain and known == name:
        found.append(name + " is empty")
    if name in DATA[form]["schemas"]:
        found += document_problems(form, name, plain)
    if name.startswith("gen_ai.usage.") and plain < 0:
        found.append("%s is %d" % (name, plain))
    return found


def room_of(operation, provider, remote):
    """The span of the model that one of an operation is; `remote`: it is a
    request to a server."""
    room = OPERATIONS[operation][0]
    if room in ("inference", "fetch") and provider == "openai":
        return "openai" if room == "inference" else "openai_fetch"
    return "remote_agent" if room == "agent" and remote else room


def levels_of(form, room):
    """{attribute: requirement level} of a span, with those that its pages add;
    None: the form has no such span."""
    span = DATA[max(form, FIRST_IN.get(room, form))]["spans"].get(room)
    if not span:
        return None
    levels = {n: level for n, level in span["attributes"].items()
              if n in DATA[form]["attributes"] or n.startswith(MCP)}
    levels.update((n, "opt_in") for n in ELSEWHERE.get(room, ()))
    # The registry has tokens by their kind, which no span lists.
    if room in ("inference", "openai", "embeddings"):
        levels.update((n, "recommended") for n in DATA[form]["attributes"]
                      if re.match(r"gen_ai\.usage\.(text|image|audio)\.", n))
    # The general span asks for what the refined one may only have.
    if room in ("openai", "embeddings"):
        levels["gen_ai.provider.name"] = "required"
    return levels


def mcp_problems(form, plain, theirs):
    """A request by MCP is a span of MCP, and one that calls a tool also one of
    a tool."""
    levels, tool = levels_of(form, "mcp"), levels_of(form, "tool")
    calls = plain["mcp.method.name"] == "tools/call"
    if (plain.get("gen_ai.operation.name") == "execute_tool") != calls:
        return ["%s has the operation %r" % (
            plain["mcp.method.name"], plain.get("gen_ai.operation.name"))]
    for target in MCP_TARGETS.values():
        if target in plain and \
                MCP_TARGETS.get(plain["mcp.method.name"]) != target:
            return ["%s on %s" % (target, plain["mcp.method.name"])]
    allowed = set(levels) | (set(tool) if calls else set())
    return ["%s on a span of MCP" % n for n in sorted(theirs)
            if known_as(form, n)[0] not in allowed]


def provider_of_host(host):
    """The provider whose API is at a host, None where the conventions tell
    none."""
    for pattern, name in PROVIDER_OF_HOST:
        if re.fullmatch(pattern, host):
            return name
    return None


def provider_problems(plain):
    want = provider_of_host(plain.get("server.address", ""))
    have = plain.get("gen_ai.provider.name", want)
    return [] if want in (None, have) else [
        "the provider of %s is %r" % (plain["server.address"], have)]


def presence_problems(form, plain, asked):
    """Whether the span has what its operation asks for, and no more."""
    operation = plain.get("gen_ai.operation.name")
    theirs = {n for n in plain if n.startswith(("gen_ai.", "openai.") + MCP)}
    if "mcp.method.name" in plain:
        return mcp_problems(form, plain, theirs)
    if operation is None:
        return ["%s on a span of no operation" % n for n in sorted(theirs)
                if not n.startswith(MCP)]
    if operation not in OPERATIONS:
        return ["the operation is %r" % operation]
    room = room_of(operation, plain.get("gen_ai.provider.name"),
                   "server.address" in plain)
    levels = levels_of(form, room)
    if levels is None:
        return ["%s has no span %s" % (form, room)]
    found = []
    # It depends on the request alone, also where it is required: a request with
    # a stored prompt names no model.
    if asked is not None and OPERATIONS[operation][2] == MODEL:
        levels[MODEL] = "required" if asked else "recommended"
        if MODEL in plain and not asked:
            found.append(MODEL + " that the request does not name")
    found += ["%s is required" % n for n, level in levels.items()
              if level == "required" and n not in plain]
    found += ["%s on a span of %s" % (n, room) for n in sorted(theirs)
              if known_as(form, n)[0] not in levels]
    return found


def content_problems(plain):
    return ["%s without content" % n for n in plain if n.startswith(CONTENT)]


# ---- the span -----------------------------------------------------------------

def is_hex(text, digits):
    return isinstance(text, str) and bool(
        re.fullmatch("[0-9a-fA-F]{%d}" % digits, text)) and set(text) != {"0"}


def frame_problems(form, span, plain, limited):
    found = []
    operation = plain.get("gen_ai.operation.name")
    if not is_hex(span.get("traceId"), 32) or not is_hex(span.get("spanId"), 16):
        found.append("bad ids")
    if "parentSpanId" in span and not is_hex(span["parentSpanId"], 16):
        found.append("a bad parent")
    if int(span["startTimeUnixNano"]) > int(span["endTimeUnixNano"]):
        found.append("it ends before it begins")
    if span.get("kind") not in (CLIENT, INTERNAL):
        found.append("its kind is %r" % span.get("kind"))
    method = plain.get("mcp.method.name")
    if operation in OPERATIONS or method:
        _, kind, behind = OPERATIONS.get(operation, (None, INTERNAL, None))
        if operation == "invoke_workflow" and form > "1.41":
            behind = "gen_ai.agent.name"
        if method:
            behind = MCP_TARGETS.get(method)
        # An agent or a tool behind an API runs elsewhere: it is a call.
        kind = CLIENT if "server.address" in plain else kind
        name = " ".join(t for t in (method or operation, plain.get(behind)) if t)
        have = span.get("name")
        if method and behind and behind not in DATA[form]["attributes"]:
            have = have.split(" ")[0]  # no attribute tells the target
        if have != name and not (limited and have.startswith(name)):
            found.append("its name is %r, not %r" % (have, name))
        if span.get("kind") != kind:
            found.append("its kind is %r" % span.get("kind"))
    if not span.get("flags", 0) & 0x100:
        found.append("its flags are %r" % span.get("flags"))
    return found


def error_problems(span, plain):
    status = span.get("status", {})
    code = plain.get("error.type")
    if status.get("code", 0) not in (0, 2):
        return ["its status is %r" % status["code"]]
    if (status.get("code") == 2) != (code is not None):
        return ["status %r with error.type %r" % (status, code)]
    if code is not None and (" " in code or len(code) > 64):
        return ["error.type is a sentence: %r" % code]
    return []


def problems(form, span, content=None, limited=False, asked=None):
    """`content`: False where no text may be there; `limited`: texts of attributes
    may be cut; `asked`: whether the request names a model, None where that is not
    known."""
    found = []
    seen = set()
    for attribute in span.get("attributes", []):
        if attribute["key"] in seen:
            found.append("%s comes twice" % attribute["key"])
        seen.add(attribute["key"])
        found += type_problems(form, attribute["key"], attribute["value"])
    plain = attributes_of(span)
    found += presence_problems(form, plain, asked)
    found += provider_problems(plain)
    found += frame_problems(form, span, plain, limited)
    found += error_problems(span, plain)
    if ("server.address" in plain) != ("server.port" in plain):
        found.append("half of a server's address")
    if content is False:
        found += content_problems(plain)
    return found
