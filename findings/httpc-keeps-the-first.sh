#!/bin/sh
# Erlang/OTP 25.2.3's httpc (inets), of Debian 12
#
# A program asks for a stream by httpc, with {stream, self}, as Erlang's and Elixir's programs do
# without another package. The server sends the head of the response and the first piece in one
# write, as Node's http does, and three more pieces, each half a second after the one before.
# Guessed: the program gets each piece when it arrives, for that is what {stream, self} is for.
# Seen: it gets the head at once and the first piece half a second later, in one message with the
# second, however the body is framed: what comes in the same read as the head is kept until
# something else comes. A first event, before a model thinks for a minute, is read after that
# minute, and the time to the first token is wrong by as much. Only where the head comes by
# itself is each piece passed on. At the end httpc says "content-length", which the server of
# a chunked stream did not send.
set -u
work=$(mktemp -d) || exit 2
server=
trap 'kill $server 2> /dev/null; wait; rm -rf "$work"' EXIT
cd "$work" || exit 2
[ "$(uname -m)" = x86_64 ] || exit 77
command -v python3 > /dev/null || exit 77
otp=1:25.2.3+dfsg-1+deb12u4
for package in base inets ssl crypto public-key asn1; do
    apt-get download -qq "erlang-$package=$otp" > said 2>&1 || exit 77
done
for deb in *.deb; do dpkg-deb -x "$deb" . || exit 2; done
cat > server.py << 'END'
import socket, time
heads = {"chunked": "Transfer-Encoding: chunked\r\n", "length": "Content-Length: 8\r\n",
         "close": ""}
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
while True:
    link = listener.accept()[0]
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    request = b""
    while not request.endswith(b"\r\n\r\n{}"):
        request += link.recv(65536)
    framing, alone = request.split()[1].decode()[1:].split("/")
    parts = ["d0", "d1", "d2", "d3"]
    if framing == "chunked":
        parts = ["2\r\n%s\r\n" % part for part in parts]
    writes = ["HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n%s\r\n"
              % heads[framing]] + parts
    if alone == "joined":
        writes[:2] = [writes[0] + writes[1]]
    for write in writes:
        link.sendall(write.encode())
        time.sleep(0.5)
    if framing == "chunked":
        link.sendall(b"0\r\n\r\n")
    link.close()
END
cat > program.erl << 'END'
-module(program).
-export([main/1]).
main(Port) ->
    {ok, _} = application:ensure_all_started(inets),
    [begin
         {ok, _} = httpc:request(post, {lists:concat(["http://127.0.0.1:", Port, "/", Framing,
             "/", How]), [], "application/json", "{}"}, [], [{sync, false}, {stream, self}]),
         io:format("~s, ~s:~s~n", [Framing, How, messages()])
     end || Framing <- ["chunked", "length", "close"], How <- ["alone", "joined"]],
    halt(0).
messages() ->
    receive
        {http, {_, stream_start, _}} -> " head" ++ messages();
        {http, {_, stream, <<>>}} -> messages();
        {http, {_, stream, Body}} -> " " ++ binary_to_list(Body) ++ messages();
        {http, {_, stream_end, Head}} ->
            case lists:keyfind("content-length", 1, Head) of
                {_, Length} -> " end, content-length " ++ Length;
                false -> " end"
            end
    after 9000 -> " nothing"
    end.
END
python3 server.py > port & server=$!
for _ in $(seq 300); do
    [ -s port ] && break
    sleep 0.1
done
export ROOTDIR="$work/usr/lib/erlang" EMU=beam PROGNAME=erl HOME="$work"
export BINDIR="$ROOTDIR/erts-13.1.5/bin"
timeout 60 "$BINDIR/erlexec" -noshell -noinput -boot "$ROOTDIR/bin/start_clean" \
    -eval '{ok, M, B} = compile:file("program.erl", [binary]), code:load_binary(M, "program", B),
           program:main('"$(cat port)"')' > seen 2> errors
cat > told << 'END'
chunked, alone: head d0 d1 d2 d3 end, content-length 8
chunked, joined: head d0d1 d2 d3 end, content-length 8
length, alone: head d0 d1 d2 d3 end, content-length 8
length, joined: head d0d1 d2 d3 end, content-length 8
close, alone: head d0 d1 d2 d3 end
close, joined: head d0d1 d2 d3 end
END
if diff told seen; then
    echo "as told"
else
    cat errors
    echo "something is different now"
    exit 1
fi
