"""The span of OTLP that an event of the store stands for, by docs/WIRE.md 9:
written a second time, in another language, so that the library's own mapping is
compared with something."""
import hashlib
import itertools
import json
import re

import otlp_conventions

FORMS = ("1.41", "latest")
SCHEMAS = {"1.41": "https://opentelemetry.io/schemas/1.41.0",
           "latest": "https://opentelemetry.io/schemas/gen-ai/1.42.0"}
CLIENT, INTERNAL = 3, 1
INFERENCE = ("chat", "text_completion", "generate_content")
NOT_REPEATED = ("error", "error_type", "ddtrace.version", "language", "source",
                "ml_app", "agent_service", "integration", "session_id",
                "service", "env", "version", "user_id")
NO_NAMES = ("", "unknown", "unknown_model", "custom")
SERVER_CALLS = ("server_tool_use", "mcp_call", "mcp_tool_use")
# The conventions' words for names that LLM Observability has.
PROVIDER_OF_NAME = {"amazon_bedrock": "aws.bedrock", "mistral": "mistral_ai",
                    "azure_openai": "azure.ai.openai", "xai": "x_ai",
                    "google": "gcp.gen_ai", "vertexai": "gcp.vertex_ai",
                    "moonshot": "moonshot_ai"}

USAGE = {
    "input_tokens": {f: "gen_ai.usage.input_tokens" for f in FORMS},
    "output_tokens": {f: "gen_ai.usage.output_tokens" for f in FORMS},
    "cache_read_input_tokens": {
        "1.41": "gen_ai.usage.cache_read.input_tokens",
        "latest": "gen_ai.usage.cache_read.input_tokens"},
    "cache_write_input_tokens": {
        "1.41": "gen_ai.usage.cache_creation.input_tokens",
        "latest": "gen_ai.usage.cache_write.input_tokens"},
    "reasoning_output_tokens": {
        "1.41": "gen_ai.usage.reasoning.output_tokens",
        "latest": "gen_ai.usage.reasoning.output_tokens"}}
USAGE.update(("%s_%s_tokens" % (kind, side.replace(".", "_")),
              {"latest": "gen_ai.usage.%s.%s_tokens" % (kind, side)})
             for kind in ("text", "image", "audio")
             for side in ("input", "output", "cache_read.input"))


def tags_of(event, content=True):
    """Without content names of users from requests are hashes."""
    tags = dict(t.split(":", 1) for t in event["tags"])
    for key in event.get("_call", {}).get("users", []):
        if not content:
            tags[key] = "sha256:" + hashlib.sha256(
                tags[key].encode()).hexdigest()[:16]
    return tags


def is_int(value):
    return isinstance(value, int) and not isinstance(value, bool)


def asked_model(event, facts):
    """The model of the C API is the one that the program asked for; that of a
    call may be the one that answered."""
    if "operation" in facts:
        return facts.get("request_model")
    model = event["meta"].get("model_name")
    return None if model in NO_NAMES else model


def is_request(event, facts):
    """It went to a server; of an event without facts its kind says so."""
    return "host" in facts or "proxied" in facts or \
        event["meta"]["span"]["kind"] in ("llm", "embedding", "retrieval")


def provider_of(event, facts):
    known = otlp_conventions.provider_of_host(facts.get("host", ""))
    if known:
        return known
    name = facts.get("provider") or event["meta"].get("model_provider") or ""
    if name in NO_NAMES:
        name = tags_of(event).get("integration", "unknown")
    return name if "provider" in facts else PROVIDER_OF_NAME.get(name, name)


def listed(event, facts, form):
    """The attributes that the form lists for such a span."""
    operation = operation_of(event, facts)
    if operation is None:
        return set()
    return set(otlp_conventions.levels_of(form, otlp_conventions.room_of(
        operation, provider_of(event, facts), "host" in facts)))


def error_of(event, facts):
    """error.type: a word, never a sentence."""
    code = facts.get("error_code") or event["meta"]["error"].get("type") or ""
    return code if code and is_code(code) else "_OTHER"


def is_code(text):
    return re.fullmatch(r"[A-Za-z0-9_.:#/-]{0,64}", text) is not None


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


# ---- messages ----------------------------------------------------------------

def part_of_call(call):
    arguments = call.get("arguments", {})
    if isinstance(arguments, dict) and list(arguments) == ["value"] and \
            isinstance(arguments["value"], str):
        arguments = arguments["value"]
    part = {"id": call["tool_id"]} if call.get("tool_id") else {}
    part["name"] = call.get("name", "")
    if call.get("type") in SERVER_CALLS:
        return dict(part, type="server_tool_call", server_tool_call={
            "type": part["name"], "arguments": arguments})
    return dict(part, type="tool_call", arguments=arguments)


def container(text):
    """The JSON object or array that a text is, else the text."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, (dict, list)) else text


def part_of_result(result, server, calls):
    """`calls`: {id: name} of the calls so far."""
    part = {"id": result["tool_id"]} if result.get("tool_id") else {}
    name = result.get("name") or calls.get(result.get("tool_id"))
    response = container(result.get("result", ""))
    if server:
        return dict(part, type="server_tool_call_response",
                    server_tool_call_response={
                        "type": name or "tool_result", "response": response})
    return dict(part, type="tool_call_response", response=response)


def blobs_of(message):
    for modality in ("image", "audio"):
        for part in message.get(modality + "_parts", []):
            yield {"type": "blob", "modality": modality,
                   "mime_type": part["mime_type"],
                   "content": part["content"]}


def words_of_thought(content):
    """Those of an object with a summary; None: it has none."""
    try:
        thought = json.loads(content)
    except ValueError:
        return content
    if not isinstance(thought, dict) or \
            not isinstance(thought.get("summary"), list):
        return content
    texts = [one.get("text") for name in ("summary", "content")
             for one in thought.get(name) or []]
    return "\n".join(filter(None, texts)) or None


def pieces_of(message, output, calls):
    """(role, parts) of one message: the results of the program's own tools are
    a message of role tool."""
    role = message.get("role", "")
    role = {"developer": "system", "model": "assistant", "":
            "assistant" if output or message.get("tool_calls")
            else "user"}.get(role, role)
    if role == "reasoning":
        words = words_of_thought(message.get("content", ""))
        if words is not None:
            yield "assistant", [{"type": "reasoning", "content": words}]
        return
    own, server = [], []
    calls.update((c.get("tool_id"), c.get("name"))
                 for c in message.get("tool_calls", [])
                 if c.get("type") in SERVER_CALLS)
    for result in message.get("tool_results", []):
        theirs = output or role == "assistant" or \
            result.get("type") == "mcp_tool_result"
        (server if theirs else own).append(part_of_result(result, theirs, calls))
    if own:
        yield "tool", own
    parts = [{"type": "text", "content": message["content"]}] \
        if message.get("content") else []
    parts += blobs_of(message)
    parts += [part_of_call(c) for c in message.get("tool_calls", [])]
    if parts + server or not own:
        yield role, parts + server


def thought_alone(message):
    return message["parts"] and all(p["type"] == "reasoning"
                                    for p in message["parts"])


def messages_of(messages, output, merges):
    """Reasoning belongs to the assistant's message that follows, and where
    there is one choice, all that the assistant says is one message."""
    out, calls = [], {}
    for message in messages:
        for role, parts in pieces_of(message, output, calls):
            if out and role == out[-1]["role"] == "assistant" and \
                    (merges or thought_alone(out[-1])):
                out[-1]["parts"] += parts
                continue
            out.append({"role": role, "parts": parts})
            if message.get("name") and role != "tool":
                out[-1]["name"] = message["name"]
    return out


def finished(messages, event, facts):
    """With the reason for which each choice ended."""
    reasons = facts.get("finish_reasons", [])
    for i, message in enumerate(messages):
        if reasons:
            message["finish_reason"] = reasons[min(i, len(reasons) - 1)]
        elif event["status"] == "error":
            message["finish_reason"] = "error"
        else:
            calls = any(p["type"] == "tool_call" for p in message["parts"])
            message["finish_reason"] = "tool_call" if calls else "stop"
    return messages


def nobody_wrote(messages):
    """The empty message of a failed call."""
    return len(messages) == 1 and set(messages[0]) <= {"role", "content"} and \
        not messages[0].get("content")


def messages_as_attributes(event, facts):
    given = event["meta"].get("input", {}).get("messages", [])
    made = event["meta"].get("output", {}).get("messages", [])
    apart, found = facts.get("apart", 0), {}
    if apart:
        found["gen_ai.system_instructions"] = [
            {"type": "text", "content": m.get("content", "")}
            for m in given[:apart]]
    if given[apart:]:
        found["gen_ai.input.messages"] = messages_of(given[apart:], False, False)
    if made and not (event["status"] == "error" and nobody_wrote(made)):
        merges = len(facts.get("finish_reasons", [])) == 1
        found["gen_ai.output.messages"] = finished(
            messages_of(made, True, merges), event, facts)
    return found


def as_message(text, side):
    message = {"role": "assistant" if side == "output" else "user",
               "parts": [{"type": "text", "content": text}]}
    return message


def value_of(event, facts, operation, side, form):
    """The attributes of an input or output that is no list of messages."""
    io, found = event["meta"].get(side, {}), {}
    text, documents = io.get("value"), io.get("documents")
    names = {"execute_tool": {"input": "gen_ai.tool.call.arguments",
                              "output": "gen_ai.tool.call.result"}[side],
             "retrieval": "gen_ai.retrieval.query.text"
             if side == "input" else None}
    if text is not None and operation in INFERENCE + (
            "invoke_agent", "invoke_workflow"):
        message = [as_message(text, side)]
        if side == "output":
            message = finished(message, event, facts)
        found["gen_ai.%s.messages" % side] = message
    elif text is not None and (text or not names.get(operation) or
                               operation == "retrieval"):
        name = names.get(operation) or "llmobs.%s.value" % side
        found[name] = text if operation == "retrieval" and \
            side == "input" else container(text)
    if documents and operation == "retrieval" and side == "output":
        documents = [dict({k: v for k, v in d.items() if k != "text"},
                          content=d.get("text", "")) for d in documents]
        if form == "latest" or all("id" in d and "score" in d
                                   for d in documents):
            found["gen_ai.retrieval.documents"] = documents
            return found
        documents = io["documents"]
    if documents:
        found["llmobs.%s.documents" % side] = documents
    return found


TYPES = ("ARRAY", "BOOLEAN", "INTEGER", "NULL", "NUMBER", "OBJECT", "STRING")


def draft_7(schema, key=""):
    """With the objects that an event has as texts, and types in small letters."""
    if isinstance(schema, dict):
        return {k: draft_7(v, k) for k, v in schema.items()}
    if isinstance(schema, list):
        return [draft_7(v, key) if key == "type" or not isinstance(v, str)
                else v for v in schema]
    if key == "type" and schema in TYPES:
        return schema.lower()
    if isinstance(schema, str) and schema[:1] in ("{", "[") and \
            key not in ("default", "description", "pattern", "title"):
        try:
            return json.loads(schema)
        except ValueError:
            pass
    return schema


def tools_of(event):
    found = []
    for tool in event["meta"].get("tool_definitions", []):
        one = {"type": "function", "name": tool["name"]}
        if tool.get("description"):
            one["description"] = tool["description"]
        schema = tool.get("schema") or {}
        if set(schema) == {"json"} and isinstance(schema["json"], dict):
            schema = schema["json"]
        if schema:
            one["parameters"] = draft_7(schema)
        found.append(one)
    return found


def content_of(event, facts, form):
    """The attributes that have texts; JSON is given as a value."""
    operation, found = operation_of(event, facts), {}
    if event["meta"]["span"]["kind"] == "llm":
        found.update(messages_as_attributes(event, facts))
    for side in ("input", "output"):
        found.update(value_of(event, facts, operation, side, form))
    if tools_of(event):
        found["gen_ai.tool.definitions"] = tools_of(event)
    if event["meta"].get("intent"):
        found["llmobs.tool.intent"] = event["meta"]["intent"]
    variables = event["meta"].get("input", {}).get("prompt", {}).get(
        "variables", {})
    prefix = "gen_ai" if form == "latest" else "llmobs"
    found.update(("%s.prompt.variable.%s" % (prefix, k), v)
                 for k, v in variables.items())
    return found


# ---- the span ----------------------------------------------------------------

def operation_of(event, facts):
    kind = event["meta"]["span"]["kind"]
    if kind == "llm":
        return facts.get("operation", "chat")
    return {"embedding": "embeddings", "agent": "invoke_agent",
            "tool": "execute_tool", "task": facts.get("operation"),
            "retrieval": "retrieval",
            "workflow": "invoke_workflow"
            if not facts.get("proxied") else None}.get(kind)


def name_of(event, facts, operation):
    """A call by MCP is named as MCP's conventions want it, others by their
    operation."""
    kind = event["meta"]["span"]["kind"]
    first, second = operation, event["name"]
    if "mcp_method" in facts:
        first, second = facts["mcp_method"], facts.get("mcp_target")
    elif operation is None:
        return event["name"]
    elif kind in ("llm", "embedding"):
        second = asked_model(event, facts)
    elif kind == "retrieval":
        second = event["meta"]["metadata"].get(
            "data_source_id", event["meta"]["metadata"].get("vector_store_id"))
    elif kind == "task":
        second = None
    return "%s %s" % (first, second) if second else first


WORDS = ("stop_reason", "finish_reason", "encoding_format", "service_tier",
         "model")
MEASURED = ("transfer", "truncated", "caller", "usage_by_model")


def bare(metadata):
    """Without what may be content: numbers, and words of known keys."""
    return {k: v for k, v in metadata.items()
            if isinstance(v, (bool, int, float)) or k in MEASURED or
            (k in WORDS and isinstance(v, str) and is_code(v))}


# {attribute below gen_ai.request.: (type, keys of metadata)}; the first key
# that has a value of the type says it, and others stay in the rest.  A fact says
# it better.
SETTINGS = {
    "max_tokens": (int, "max_tokens", "max_completion_tokens",
                   "max_output_tokens", "maxOutputTokens"),
    "temperature": (float, "temperature"),
    "top_p": (float, "top_p", "topP", "p"),
    "frequency_penalty": (float, "frequency_penalty", "frequencyPenalty"),
    "presence_penalty": (float, "presence_penalty", "presencePenalty"),
    "top_k": (float, "top_k", "topK", "k", "max_num_results"),
    "seed": (int, "seed", "random_seed"),
    "stop_sequences": (list, "stop_sequences", "stop", "stopSequences"),
    "choice.count": (int, "n", "candidate_count", "candidateCount"),
    "stream": (bool, "stream"),
    "reasoning.level": (str, "reasoning_effort"),
    "previous_response.id": (str, "previous_response_id"),
    "encoding_formats": (list, "encoding_format", "encoding_formats")}


# {key of metadata: its attribute}; those of aws. stand on spans of any operation.
NAMED = {"vector_store_id": "gen_ai.data_source.id",
         "data_source_id": "gen_ai.data_source.id",
         "agent_id": "gen_ai.agent.id",
         "tool_id": "gen_ai.tool.call.id",
         "tool_description": "gen_ai.tool.description",
         "status": "gen_ai.response.status",
         "guardrail_id": "aws.bedrock.guardrail.id",
         "knowledge_base_id": "aws.bedrock.knowledge_base.id"}


def typed(name, kind, value):
    """The value of a setting; None: it is of another type."""
    if kind is str:
        return value if isinstance(value, str) and value else None
    if kind is list:
        value = [value] if isinstance(value, str) and value else value
        return value if isinstance(value, list) and value and \
            all(isinstance(v, str) for v in value) else None
    if kind is bool:
        return True if value is True else None
    if kind is int:
        return value if is_int(value) and \
            (name != "choice.count" or value != 1) else None
    return float(value) if is_number(value) else None


def from_metadata(metadata, facts, form, allowed):
    """The settings, and the keys that they use up."""
    found, taken = {}, set()
    for name, (kind, *keys) in SETTINGS.items():
        long_name = "gen_ai.request." + name
        if name == "top_k" and form == "latest":
            kind = int
            if "gen_ai.retrieval.top_k" in allowed:
                long_name = "gen_ai.retrieval.top_k"
        for key in keys if long_name in allowed else ():
            value = typed(name, kind, metadata.get(key))
            if value is not None:
                if name != "encoding_formats" or not facts.get("operation") \
                        or "encoding_formats" in facts:
                    found[long_name] = value
                taken.add(key)
                break
    for key, name in NAMED.items():
        if (name in allowed or name.startswith("aws.")) and \
                isinstance(metadata.get(key), str) and metadata[key]:
            found[name] = metadata[key]
            taken.add(key)
    return found, taken


CODE = {"file": "code.file.path", "line": "code.line.number",
        "code": "code.function.name"}
FACTS = {"finish_reasons": "gen_ai.response.finish_reasons",
         "output_type": "gen_ai.output.type",
         "encoding_formats": "gen_ai.request.encoding_formats",
         "conversation_id": "gen_ai.conversation.id",
         "compacted": "gen_ai.conversation.compacted",
         "response_id": "gen_ai.response.id",
         "response_model": "gen_ai.response.model",
         "request_service_tier": "openai.request.service_tier",
         "response_service_tier": "openai.response.service_tier",
         "system_fingerprint": "openai.response.system_fingerprint",
         "api_type": "openai.api.type",
         "dimensions": "gen_ai.embeddings.dimension.count",
         "stream": "gen_ai.request.stream",
         "reasoning_level": "gen_ai.request.reasoning.level",
         "previous_response_id": "gen_ai.request.previous_response.id"}
# These stand on spans of any operation, and of none.
ANYWHERE = {"host": "server.address", "port": "server.port",
            "status": "http.response.status_code",
            "mcp_method": "mcp.method.name",
            "mcp_protocol": "mcp.protocol.version",
            "mcp_session": "mcp.session.id",
            "rpc_id": "jsonrpc.request.id"}


def from_facts(event, facts, form):
    allowed = listed(event, facts, form)
    found = {name: facts[key] for key, name in FACTS.items()
             if key in facts and name in allowed}
    found.update((name, facts[key]) for key, name in ANYWHERE.items()
                 if key in facts)
    if found.get("openai.request.service_tier") == "auto":
        del found["openai.request.service_tier"]
    if "gen_ai.request.model" in allowed and asked_model(event, facts):
        found["gen_ai.request.model"] = asked_model(event, facts)
    if "gen_ai.provider.name" in allowed and (
            event["meta"]["span"]["kind"] not in ("retrieval", "task") or
            "provider" in facts):
        found["gen_ai.provider.name"] = provider_of(event, facts)
    if "gen_ai.response.time_to_first_chunk" in allowed and \
            facts.get("stream") and "first_chunk_ns" in facts:
        found["gen_ai.response.time_to_first_chunk"] = \
            facts["first_chunk_ns"] / 1e9
    return found


def usage_of(event, facts, form):
    found, allowed = {}, listed(event, facts, form)
    for key, value in event["metrics"].items():
        if key == "total_tokens":
            continue
        name = USAGE.get(key, {}).get(form)
        if name in allowed and form == "latest" and value == 0 and \
                re.search("cache_read|text|image|audio", key):
            continue
        if name not in allowed:
            name = None
        if key == "time_to_first_token":
            name = "llmobs.time_to_first_token"
        elif not name and (key in USAGE or key.endswith("_tokens") or
                           key.endswith("_cost") or
                           key == "billable_character_count"):
            name = "llmobs.usage." + key
        found[name or "llmobs.metric." + key] = value
    return found


def attributes_of(event, facts, form, content):
    kind, tags = event["meta"]["span"]["kind"], tags_of(event, content)
    operation = operation_of(event, facts)
    found = {"llmobs.span.kind": kind}
    if operation:
        found["gen_ai.operation.name"] = operation
    named = {"invoke_agent": "gen_ai.agent.name",
             "execute_tool": "gen_ai.tool.name",
             "invoke_workflow": "gen_ai.agent.name" if form == "latest"
             else "gen_ai.workflow.name"}.get(operation)
    if named:
        found[named] = event["name"]
    if "mcp_method" in facts:
        found.pop(named, None)
        named = otlp_conventions.MCP_TARGETS.get(facts["mcp_method"])
        if "mcp_target" in facts and (named in listed(event, facts, form) or
                                      named in otlp_conventions.levels_of(
                                          form, "mcp")):
            found[named] = facts["mcp_target"]
    if operation == "execute_tool":
        found["gen_ai.tool.type"] = "function"
    if name_of(event, facts, operation) != event["name"]:
        found["llmobs.name"] = event["name"]
    if "parent" in facts and event["parent_id"] != "undefined":
        found["llmobs.parent_id"] = event["parent_id"]
    found.update(from_facts(event, facts, form))
    metadata = event["meta"]["metadata"]
    more, taken = from_metadata(metadata, facts, form, listed(event, facts, form))
    found.update((k, v) for k, v in more.items() if k not in found and
                 (content or k != "gen_ai.tool.description"))
    shown = metadata if content else bare(metadata)
    found.update(("llmobs.metadata." + k, v) for k, v in shown.items()
                 if k not in taken and v is not None)
    found.update((name, shown["caller"][key]) for key, name in CODE.items()
                 if shown.get("caller", {}).get(key))
    prompt = event["meta"].get("input", {}).get("prompt", {})
    for key, name in (("id", "name"), ("version", "version")):
        if prompt.get(key):
            found["%s.prompt.%s" % ("gen_ai" if form == "latest" else "llmobs",
                                    name)] = prompt[key]
    found.update(usage_of(event, facts, form))
    for key, name in (("ml_app", "llmobs.ml_app"),
                      ("integration", "llmobs.integration")):
        if key in tags:
            found[name] = tags[key]
    if event.get("collection_errors"):
        found["llmobs.truncated"] = True
    if "session_id" in event:
        found["session.id"] = event["session_id"]
    if "user_id" in tags:
        found["user.id"] = tags["user_id"]
    found.update(("llmobs.tag." + k, v) for k, v in tags.items()
                 if k not in NOT_REPEATED and
                 not (k == "conversation_id" and "gen_ai.conversation.id" in found)
                 and (k != "http.status_code" or "status" not in facts))
    if event["status"] == "error":
        found["error.type"] = error_of(event, facts)
    if content:
        found.update(content_of(event, facts, form))
    return found


def status_of(event, content):
    """(code, message); without content a word alone is no text."""
    if event["status"] != "error":
        return 0, ""
    message = event["meta"]["error"]["message"]
    return 2, message if content or is_code(message) else ""


def links_of(event):
    """Links to other spans; within the trace by the id that traceparent has."""
    for link in event.get("span_links", []):
        trace = event["_dd"]["apm_trace_id"] \
            if link["trace_id"] == event["trace_id"] else link["trace_id"]
        yield {"traceId": trace, "spanId": "%016x" % int(link["span_id"]),
               "attributes": {"llmobs.link." + k: v
                              for k, v in link["attributes"].items()}}


def span_of(event, form, content):
    facts = event.get("_call", {})
    operation = operation_of(event, facts)
    parent = facts.get("parent", event["parent_id"])
    return {
        "traceId": event["_dd"]["apm_trace_id"],
        "spanId": "%016x" % int(event["span_id"]),
        "parentSpanId": "" if parent == "undefined" else
        "%016x" % int(parent),
        "traceState": facts.get("tracestate", ""),
        "flags": facts["flags"],
        "name": name_of(event, facts, operation),
        "kind": CLIENT if is_request(event, facts) else INTERNAL,
        "start": event["start_ns"],
        "end": event["start_ns"] + event["duration"],
        "attributes": attributes_of(event, facts, form, content),
        "status": status_of(event, content),
        "links": list(links_of(event)),
        "schema": SCHEMAS[form]}


# ---- metrics -------------------------------------------------------------------

# The bounds that the conventions' pages on metrics ask for.
SHORT = [0.01 * 2 ** i for i in range(14)]
TOKENS = [4.0 ** i for i in range(14)]
BOUNDS = {"gen_ai.client.token.usage": TOKENS,
          "gen_ai.client.inference.operation.input_tokens": TOKENS,
          "gen_ai.client.inference.operation.output_tokens": TOKENS,
          "gen_ai.client.embeddings.operation.input_tokens": TOKENS,
          "gen_ai.client.embeddings.duration": SHORT,
          "gen_ai.retrieval.duration": SHORT,
          "gen_ai.client.operation.duration": SHORT,
          "gen_ai.client.operation.time_to_first_chunk": SHORT,
          "gen_ai.client.operation.time_per_output_chunk": SHORT,
          "gen_ai.client.inference.duration": SHORT,
          "gen_ai.client.inference.time_per_output_chunk": SHORT,
          "gen_ai.client.inference.time_to_first_chunk": SHORT,
          "gen_ai.execute_tool.duration": SHORT,
          "gen_ai.invoke_agent.duration": [0.1 * 2 ** i for i in range(13)],
          "mcp.client.operation.duration": [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2,
                                            5, 10, 30, 60, 120, 300]}
COUNTERS = {"input_tokens": "input_tokens", "output_tokens": "output_tokens",
            "cache_read_input_tokens": "cache_read.input_tokens",
            "cache_write_input_tokens": "cache_write.input_tokens",
            "reasoning_output_tokens": "reasoning.output_tokens"}


def call_of(event, facts, form):
    """The attributes by which a call's metrics are told apart."""
    names = {"response_model": "gen_ai.response.model",
             "host": "server.address", "port": "server.port"}
    found = {name: facts[key] for key, name in names.items() if key in facts}
    found["gen_ai.provider.name"] = provider_of(event, facts)
    found["gen_ai.operation.name"] = operation_of(event, facts)
    if asked_model(event, facts):
        found["gen_ai.request.model"] = asked_model(event, facts)
    return found


def within(event, facts, operation, seconds, failed):
    """Of a span within the process, and of a tool anywhere."""
    found = attributes_of(event, facts, "latest", False)
    tool = operation == "execute_tool"
    name = "gen_ai.tool.name" if tool else "gen_ai.agent.name"
    kept = {k: found[k] for k in (name, "gen_ai.tool.type") if k in found}
    yield ("gen_ai.%s.duration" % ("execute_tool" if tool else "invoke_agent"),
           dict(kept, **failed), seconds)


def tokens_of(event, call, form, inference):
    metrics = event["metrics"]
    for which in ("input", "output"):
        key = which + "_tokens"
        if key not in metrics:
            continue
        if form != "latest":
            yield ("gen_ai.client.token.usage", dict(
                call, **{"gen_ai.token.type": which}), metrics[key])
        elif inference:
            yield ("gen_ai.client.inference.operation." + key, call,
                   metrics[key])
        elif which == "input" and event["meta"]["span"]["kind"] == "embedding":
            yield ("gen_ai.client.embeddings.operation." + key, call,
                   metrics[key])
    for key, name in COUNTERS.items() if form == "latest" and inference else ():
        if key not in metrics and key not in ("input_tokens", "output_tokens"):
            continue
        rest, parts = metrics.get(key, 0), []
        for modality in ("text", "image", "audio", "video"):
            part = metrics.get("%s_%s" % (modality, key), 0)
            if 0 < part <= rest:
                parts.append((modality, part))
                rest -= part
        for modality, part in parts + ([("unknown", rest)]
                                       if rest or not parts else []):
            yield ("gen_ai.client.inference.usage." + name,
                   dict(call, **{"gen_ai.token.modality": modality}), part)


def by_mcp(event, facts, operation, seconds, failed):
    names = {"mcp_method": "mcp.method.name", "host": "server.address",
             "port": "server.port"}
    found = {name: facts[key] for key, name in names.items() if key in facts}
    if operation:
        found["gen_ai.operation.name"] = operation
    if facts["mcp_method"] == "tools/call" and "mcp_target" in facts:
        found["gen_ai.tool.name"] = facts["mcp_target"]
    yield "mcp.client.operation.duration", dict(found, **failed), seconds


def values_of(event, form):
    """(metric, attributes, value) of one span; of the gaps of a stream the
    value is the fact."""
    facts, kind = event.get("_call", {}), event["meta"]["span"]["kind"]
    operation = operation_of(event, facts)
    seconds = event["duration"] / 1e9
    failed = {"error.type": error_of(event, facts)} \
        if event["status"] == "error" else {}
    if "mcp_method" in facts:
        yield from by_mcp(event, facts, operation, seconds, failed)
    if operation is None or kind == "task":
        return
    if kind == "tool" or not is_request(event, facts):
        if form == "latest":
            yield from within(event, facts, operation, seconds, failed)
        return
    call, inference = call_of(event, facts, form), kind == "llm"
    prefix = "gen_ai.client.inference." if inference and form == "latest" \
        else "gen_ai.client.operation."
    own = {"embedding": "gen_ai.client.embeddings.",
           "retrieval": "gen_ai.retrieval."} if form == "latest" else {}
    yield own.get(kind, prefix) + "duration", dict(call, **failed), seconds
    if inference and facts.get("stream") and \
            "first_chunk_ns" in facts:
        yield (prefix + "time_to_first_chunk", call,
               facts["first_chunk_ns"] / 1e9)
    if inference and "chunk_gaps_ns" in facts:
        yield prefix + "time_per_output_chunk", call, facts["chunk_gaps_ns"]
    yield from tokens_of(event, call, form, inference)


def key_of(name, attributes):
    return (name, tuple(sorted(attributes.items())))


def metrics_of(events, form):
    """{(name, attributes): (count, sum, buckets)}; of a sum: the sum."""
    found = {}
    for event in events:
        for name, attributes, value in values_of(event, form):
            key, bounds = key_of(name, attributes), BOUNDS.get(name)
            if bounds is None:
                found[key] = found.get(key, 0) + value
                continue
            count, total, buckets = found.get(
                key, (0, 0.0, [0] * (len(bounds) + 1)))
            if isinstance(value, list):  # the gaps of a stream
                added, value = value[3:], value[0] / 1e9
            else:
                added = [0] * len([b for b in bounds if value > b]) + [1]
            buckets = [a + b for a, b in itertools.zip_longest(
                buckets, added, fillvalue=0)]
            found[key] = (count + sum(added), total + value, buckets)
    return found


# ---- logs ----------------------------------------------------------------------

def evaluation_of(event, content):
    """The log record of an evaluation; None where its span has no ids."""
    ids = event["join_on"].get("span")
    if not ids:
        return None
    kind = event["metric_type"]
    value = event[kind + "_value"]
    found = {"gen_ai.evaluation.name": event["label"],
             "llmobs.ml_app": event["ml_app"]}
    if kind in ("score", "boolean"):
        found["gen_ai.evaluation.score.value"] = float(value)
    label = value if kind == "categorical" else event.get(
        "assessment", {True: "true", False: "false"}[value]
        if kind == "boolean" else None)
    if label is not None:
        found["gen_ai.evaluation.score.label"] = label
    if content and "reasoning" in event:
        found["gen_ai.evaluation.explanation"] = event["reasoning"]
    if content and kind == "json":
        found["llmobs.evaluation.value"] = value
    return {"event": "gen_ai.evaluation.result",
            "traceId": ids["trace_id"], "spanId": "%016x" % int(ids["span_id"]),
            "time": event["timestamp_ms"] * 1000000, "attributes": found}


def of_span(event, name, time, attributes):
    return {"event": name, "traceId": event["_dd"]["apm_trace_id"],
            "spanId": "%016x" % int(event["span_id"]), "time": time,
            "attributes": attributes}


def is_inference(event):
    return event["meta"]["span"]["kind"] == "llm"


def has_details(event, form):
    return is_inference(event)


def details_of(event, form):
    """A call as an event, with its texts."""
    return of_span(event, "gen_ai.client.inference.operation.details",
                   event["start_ns"] + event["duration"],
                   attributes_of(event, event.get("_call", {}), form, True))


def has_exception(event):
    return event["status"] == "error" and \
        event["meta"]["span"]["kind"] in ("llm", "embedding", "retrieval")


def exception_of(event, form):
    said = {"exception.type": error_of(event, event.get("_call", {}))}
    if event["meta"]["error"]["message"]:
        said["exception.message"] = event["meta"]["error"]["message"]
    return of_span(event, "gen_ai.client.%s.exception" % (
        "inference" if form == "latest" and
        event["meta"]["span"]["kind"] == "llm" else "operation"),
                   event["start_ns"] + event["duration"], said)
