#!/bin/sh
# llama.cpp's server 1:0.7.0+dfsg-2 of Debian's sid (llama.cpp-tools, build 11669), amd64
#
# Guessed: the usage of two choices (n: 2) is that of both, as OpenAI's: completion_tokens
# has all that the model wrote, in a stream as in a whole answer.
# Seen: the whole answer with two choices of ten tokens each says completion_tokens 10, as
# with one. The same request as a stream ends with two chunks of usage, each of 10; so
# a client that takes the last one, or the only one, has half of what was written.
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
