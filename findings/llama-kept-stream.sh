#!/bin/sh
# llama.cpp's server 1:0.7.0+dfsg-2 of Debian's sid (llama.cpp-tools, build 11669), amd64
#
# Guessed: a stream that this server keeps for a client that left (X-Conversation-Id) is read on by
# whole events, as Last-Event-ID does it, and a place that it does not have is refused.
# Seen: `from` of GET /v1/stream counts bytes. From 10 on the answer begins within an event, whose
# rest a reader of events takes for an unknown field and drops without a word; Last-Event-ID
# changes nothing. 99999999 and -5 are answered by 200 and no byte, as the end of a stream is;
# only an id that no stream has is 404. An answer that was not streamed is not kept.
set -u
llama=1:0.7.0+dfsg-2
# shellcheck source=findings/llama-server
. "$(dirname "$0")/llama-server"
url=http://127.0.0.1:$port body='"messages": [{"role": "user", "content": "hi"}]'
ask() {
    curl -sS -m 60 -o "$1" -H "X-Conversation-Id: $1" -d "{$body $2}" "$url/v1/chat/completions"
}
get() {
    to=$1 of=$2
    shift 2
    curl -sS -m 60 -o "$to" -w '%{http_code} %{size_download}, ' "$@" "$url/v1/stream?conv_id=$of"
}
ask kept ', "stream": true'
ask whole ''
size=$(wc -c < kept)
seen="$(get rest 'kept&from=10')$(get past 'kept&from=99999999')$(get before 'kept&from=-5')"
seen="$seen$(get all kept -H 'Last-Event-ID: 3')$(get none 'nobody&from=0')$(get none 'whole&from=0')"
[ "$seen" = "200 $((size - 10)), 200 0, 200 0, 200 $size, 404 74, 404 74, " ] &&
    tail -c +11 kept | cmp -s - rest && head -c 6 rest | grep -q '^oices"' &&
    echo "as told" && exit
echo "it is different now: $seen"
cat said
exit 1
