#!/bin/sh
# An agent in the shell: a model, and the tools of an MCP server. It needs curl
# and jq, and knows nothing of llmobs:
#
#     llmobs-run --ml-app weather --workflow agent examples/tools.sh QUESTION
#
# MODEL is the base URL of an API of OpenAI's form, MODEL_KEY its key; TOOLS is the
# URL of the MCP server. With STATE=FILE each run takes one step and keeps the
# conversation in FILE: it exits with 3 until the last step has printed the answer.
set -eu
question=${1:-}
state=${STATE:-$(mktemp)}
[ -n "${STATE:-}" ] || trap 'rm -f "$state" "$state.head"' EXIT

ask_tools() { # METHOD PARAMS: the result, from a document or a stream
    body=$(jq -nc --arg method "$1" --argjson params "$2" \
        '{jsonrpc: "2.0", id: 1, method: $method, params: $params}')
    session=$(jq -r '.session // empty' "$state")
    curl -sS --fail-with-body -D "$state.head" "$TOOLS" \
        -H 'Content-Type: application/json' \
        -H 'Accept: application/json, text/event-stream' \
        ${session:+-H "Mcp-Session-Id: $session"} -d "$body" |
        sed -n 's/^data: *//p; /^{/p' | tail -1
}

begin() {
    echo '{}' > "$state"
    ask_tools initialize '{"protocolVersion": "2025-06-18", "capabilities": {},
        "clientInfo": {"name": "tools.sh", "version": "1"}}' > /dev/null
    session=$(tr -d '\r' < "$state.head" | sed -n 's/^[Mm]cp-[Ss]ession-[Ii]d: *//p')
    jq -nc --arg session "$session" --arg question "$question" '{session: $session,
        messages: [{role: "user", content: $question}]}' > "$state"
    curl -sS "$TOOLS" -H "Mcp-Session-Id: $session" \
        -H 'Content-Type: application/json' \
        -H 'Accept: application/json, text/event-stream' \
        -d '{"jsonrpc": "2.0", "method": "notifications/initialized"}'
    tools=$(ask_tools tools/list '{}' | jq -c '[.result.tools[] | {type: "function",
        function: {name, description, parameters: .inputSchema}}]')
    keep --argjson tools "$tools" '.tools = $tools'
}

keep() { # JQ-ARGUMENTS: changes the state
    jq -c "$@" "$state" > "$state.new" && mv "$state.new" "$state"
}

# The model's turn, and the tools that it asks for; true with the last answer.
step() {
    answer=$(jq -c '{model: "gpt-4o-mini", messages, tools}' "$state" |
        curl -sS --fail-with-body "$MODEL/v1/chat/completions" \
            -H "Authorization: Bearer ${MODEL_KEY:-none}" \
            -H 'Content-Type: application/json' -d @-) || return
    keep --argjson message "$(printf '%s' "$answer" |
        jq -c '.choices[0].message')" '.messages += [$message]'
    calls=$(jq -c '.messages[-1].tool_calls // []' "$state")
    [ "$calls" != '[]' ] || { jq -r '.messages[-1].content' "$state" && return; }
    count=$(printf '%s' "$calls" | jq length) i=0
    while [ $i -lt "$count" ]; do
        call=$(printf '%s' "$calls" | jq -c ".[$i]")
        result=$(ask_tools tools/call "$(printf '%s' "$call" | jq -c \
            '{name: .function.name, arguments: (.function.arguments | fromjson)}')" |
            jq -r '.result.content[0].text')
        keep --argjson call "$call" --arg result "$result" '.messages += [{role:
            "tool", tool_call_id: $call.id, content: $result}]'
        i=$((i + 1))
    done
    return 3
}

if [ -n "${STATE:-}" ]; then
    [ -s "$state" ] || { begin && exit 3; }
    step
    exit
fi
begin
while :; do
    code=0
    step || code=$?
    [ $code -eq 3 ] || exit $code
done
