#!/bin/sh
# An application that asks a gateway, whose base URL is GATEWAY: each argument
# is a question. MODEL is the model, STREAM=true wants the answer piece by piece.
# Nothing here knows that it is observed.
set -eu

for question; do
    curl -sS -o /dev/null -H 'Content-Type: application/json' -d '{
        "model": "'"${MODEL:-gpt-4o-mini}"'", "stream": '"${STREAM:-false}"',
        "messages": [{"role": "user", "content": "'"$question"'"}]}' \
        "$GATEWAY/chat/completions"
done
