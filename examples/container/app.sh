#!/bin/sh
# The app of the recipes: asks a model once a minute, until TERM.
trap 'exit 0' TERM
while :; do
    curl -sS "$LLM_URL/v1/chat/completions" \
        -H "Authorization: Bearer ${LLM_KEY:-none}" \
        -H 'Content-Type: application/json' \
        -d '{"model": "gpt-4o-mini", "messages":
             [{"role": "user", "content": "What is new?"}]}'
    echo
    sleep 60 &
    wait $!
done
