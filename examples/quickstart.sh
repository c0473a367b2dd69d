#!/bin/sh
# A chat by a shell script; nothing here knows that it is observed. LLM and
# GATEWAY are base URLs.
set -eu

ask() { # URL BODY
    curl -sS -o /dev/null -H 'Content-Type: application/json' \
        -H "Authorization: Bearer ${OPENAI_API_KEY:-sk-example}" \
        -d "$2" "$1/v1/chat/completions"
}

# 1. An answer at once.
ask "$LLM" '{"model": "gpt-4o-mini", "messages": [
  {"role": "system", "content": "You are a support agent. Be brief."},
  {"role": "user", "content": "Where is my parcel?"}]}'

# 2. An answer as a stream.
ask "$LLM" '{"model": "gpt-4o-mini", "stream": true,
  "stream_options": {"include_usage": true}, "messages": [
  {"role": "user", "content": "Write the customer a kind note."}]}'

# 3. Through a gateway of our own: a step of the workflow, not an LLM call.
ask "$GATEWAY" '{"model": "gpt-4o-mini", "messages": [
  {"role": "user", "content": "Is this answer polite?"}]}'

# 4. One that is refused.
ask "$LLM" '{"model": "error-429", "messages": [
  {"role": "user", "content": "And once more, please."}]}'
