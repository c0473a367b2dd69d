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
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d) || exit 2
server=''
trap 'kill $server 2> /dev/null; wait; rm -rf "$work"' EXIT
cd "$work" || exit 2
[ "$(uname -m)" = x86_64 ] && [ "$(id -u)" = 0 ] || exit 77
mirror=$("$here/../scripts/debian-root" --mirror 2> said) || exit 77
root=$work/root apt=$work/apt
mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$root/tmp" "$root/dev"
: > "$apt/status"
for name in lib lib64 bin sbin; do
    mkdir -p "$root/usr/$name" && ln -s "usr/$name" "$root/$name"
done
mknod -m 666 "$root/dev/null" c 1 3 && mknod -m 666 "$root/dev/urandom" c 1 9 || exit 77
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]" \
    "${mirror%% *} sid main" > "$apt/sources"
apt_get() {
    apt-get -q -o Dir::Etc::SourceList="$apt/sources" -o Dir::Etc::SourceParts=/dev/null \
        -o Dir::State="$apt" -o Dir::State::status="$apt/status" \
        -o Dir::Cache="$apt/cache" -o APT::Sandbox::User=root "$@" >> said 2>&1
}
apt_get update && apt_get install -y --no-install-recommends --download-only \
    llama.cpp-tools=1:0.7.0+dfsg-2 || exit 77
for package in "$apt"/cache/archives/*.deb; do
    dpkg-deb --fsys-tarfile "$package" | tar -x -C "$root" --keep-directory-symlink
done
python3 "$here/../tests/interop/tiny_gguf.py" "$root/tmp/tiny.gguf" || exit 77
port=$(python3 -c 'import socket; print(socket.create_server(("", 0)).getsockname()[1])')
chroot "$root" /usr/bin/llama-server -m /tmp/tiny.gguf --host 127.0.0.1 --port "$port" \
    >> said 2>&1 & server=$!
for _ in $(seq 600); do
    curl -sf "http://127.0.0.1:$port/health" > health && break
    sleep 0.1
done
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
