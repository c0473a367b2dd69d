#!/bin/sh
# llama.cpp's server 1:0.7.0+dfsg-2 of Debian's sid (llama.cpp-tools, build 11669), amd64
#
# Guessed: the usage of two choices (n: 2) is that of both, as OpenAI's: completion_tokens
# has all that the model wrote, in a stream as in a whole answer.
# Seen: the whole answer with two choices of ten tokens each says completion_tokens 10, as
# with one. The same request as a stream ends with two chunks of usage, each of 10; so
# a client that takes the last one, or the only one, has half of what was written.
set -u
llama=1:0.7.0+dfsg-2
# shellcheck source=findings/llama-server
. "$(dirname "$0")/llama-server"
ask() {
    curl -sS -m 60 "http://127.0.0.1:$port/v1/chat/completions" -d "{\"n\": $1,
        \"messages\": [{\"role\": \"user\", \"content\": \"hi\"}] $2}" |
        grep -o '"completion_tokens":[0-9]*' | tr '\n' ' '
}
seen="$(ask 1 '')/ $(ask 2 '')/ $(ask 2 ', "stream": true,
    "stream_options": {"include_usage": true}')"
[ "$seen" = '"completion_tokens":10 / "completion_tokens":10 / "completion_tokens":10 "completion_tokens":10 ' ] &&
    echo "as told" && exit
echo "it is different now: $seen"
cat said
exit 1
