#!/bin/bash
# An agent as a shell script: looks something up, asks a gateway for an answer.
#
#     llmobs-run --ml-app support --workflow agent examples/agent.sh QUESTION
#
# GATEWAY is the base URL of a gateway such as examples/chat.php, and has to be
# in DD_LLMOBS_INSTRUMENTED_PROXY_URLS; NOTES is a file to search.
set -euo pipefail
question=$1

quoted() { # TEXT: as a string of JSON
    local text=$1
    text=${text//\\/\\\\} text=${text//\"/\\\"} text=${text//$'\n'/\\n}
    printf '"%s"' "$text"
}

found=$(llmobs span --kind retrieval --name search --input "$question" \
    --keep-output -- grep -i -m 3 -e "${question##* }" "$NOTES")

curl -sS --fail-with-body -H 'Content-Type: application/json' -d '{
    "model": "gpt-4o-mini", "messages": [
        {"role": "user", "content": '"$(quoted "$found")"'},
        {"role": "user", "content": '"$(quoted "$question")"'}]}' \
    "$GATEWAY/v1/chat/completions"
