#!/bin/sh
# wget 1.21.3 and openjdk 17.0.21.1 of Debian 12
#
# Guessed: a POST is not idempotent, so a client that asked for no retries does not send
# it again when the server reads it and closes the connection without an answer.
# Seen: wget sends it again until there is an answer (its --tries is 20), here five times,
# and then ends with status 0 as if it had asked once. Java's HttpURLConnection sends it twice and only
# then throws SocketException; Java's HttpClient sends it once, and throws. The server has
# done the work each time, and the second request has the same head and body as the first.
set -u
work=$(mktemp -d) || exit 2
server=
trap 'kill $server 2> /dev/null; wait; rm -rf "$work"' EXIT
cd "$work" || exit 2
[ "$(uname -m)" = x86_64 ] || exit 77
for package in wget=1.21.3-1+deb12u1 openjdk-17-jre-headless=17.0.21.1+2-1~deb12u1; do
    apt-get download -qq "$package" > said 2>&1 || exit 77
done
for deb in *.deb; do dpkg-deb -x "$deb" . || exit 2; done
usr/bin/wget --version > said 2>&1 || exit 77
java=usr/lib/jvm/java-17-openjdk-amd64
find $java -type l -lname '/etc/java-17-openjdk/*' | while read -r link; do
    ln -sf "$work$(readlink "$link")" "$link"
done
cat > server.py << 'END'
import socket, sys
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
seen = []
while True:
    link = listener.accept()[0]
    with link, link.makefile("rb") as stream:
        head = b"".join(iter(stream.readline, b"\r\n"))
        if head.startswith(b"GET"):
            link.sendall(b"HTTP/1.0 200 OK\r\n\r\n%d %d" % (len(seen), len(set(seen))))
            seen = []
            continue
        length = [l for l in head.lower().splitlines() if b"content-length" in l][0]
        seen.append((head, stream.read(int(length.split(b":")[1]))))
        if len(seen) == 6:
            link.sendall(b"HTTP/1.0 200 OK\r\n\r\nok")
END
cat > Ask.java << 'END'
import java.net.*;
import java.net.http.*;
public class Ask {
    public static void main(String[] args) throws Exception {
        try {
            if (args[0].equals("client")) {
                HttpClient.newHttpClient().send(
                    HttpRequest.newBuilder(URI.create(args[1])).POST(
                        HttpRequest.BodyPublishers.ofString("x")).build(),
                    HttpResponse.BodyHandlers.ofString());
            } else {
                var link = (HttpURLConnection) new URL(args[1]).openConnection();
                link.setDoOutput(true);
                link.getOutputStream().write('x');
                link.getResponseCode();
            }
            System.out.print("answered");
        } catch (Exception e) {
            System.out.print(e.getClass().getSimpleName());
        }
    }
}
END
/usr/bin/python3 server.py > port & server=$!
for _ in $(seq 100); do [ -s port ] || sleep 0.1; done
url=http://127.0.0.1:$(cat port)
asked() { usr/bin/wget -q -O - "$url"; } # how often, and in how many forms
wget=$(usr/bin/wget -q -O - --waitretry=0 --post-data=x "$url"; echo " $?")
one="wget $wget: $(asked)"
one="$one, link $($java/bin/java Ask.java link "$url"): $(asked)"
one="$one, client $($java/bin/java Ask.java client "$url"): $(asked)"
[ "$one" = "wget ok 0: 6 1, link SocketException: 2 1, client IOException: 1 1" ] &&
    echo "as told" && exit
echo "it is different now: $one"
exit 1
