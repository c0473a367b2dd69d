#!/bin/sh
# wget 1.21.3 and, beside it, curl 7.88.1 of Debian 12
#
# Guessed: what stands in a tunnel is for the server alone, so a request by https through a
# proxy is the one that goes without a proxy, byte for byte.
# Seen: in the tunnel wget also sends `Proxy-Connection: Keep-Alive`, a field for the proxy,
# which cannot read it. The server learns that there is one. curl sends that field too, in the
# CONNECT alone.
set -u
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
[ "$(uname -m)" = x86_64 ] || exit 77
apt-get download -qq wget=1.21.3-1+deb12u1 > said 2>&1 || exit 77
/usr/bin/curl --version 2> /dev/null | grep -q '^curl 7\.88\.1 ' || exit 77
for deb in *.deb; do dpkg-deb -x "$deb" . || exit 2; done
openssl req -x509 -newkey rsa:2048 -nodes -keyout key -out cert -days 1 -subj /CN=server.test \
    -addext subjectAltName=DNS:server.test > said 2>&1 || exit 77
cat > ask.py << 'END'
import socket, ssl, subprocess, threading
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("cert", "key")
proxy = socket.create_server(("127.0.0.1", 0))
proxy.settimeout(60)
def head(peer):
    text = b""
    for byte in iter(lambda: peer.recv(1), b""):
        text += byte
        if text.endswith(b"\r\n\r\n"):
            break
    return text
def names(text):
    return sorted(line.split(":")[0] for line in text.decode().split("\r\n")[1:-2])
def serve():
    peer = proxy.accept()[0]
    heads = [head(peer)]
    peer.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
    peer = context.wrap_socket(peer, server_side=True)
    heads.append(head(peer))
    peer.sendall(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
    peer.close()
    print(*("Proxy-Connection" in names(one) for one in heads))
url = "http://127.0.0.1:%d" % proxy.getsockname()[1]
for words in (["usr/bin/wget", "-qO-", "--ca-certificate=cert"],
              ["curl", "-qs", "--cacert", "cert"]):
    thread = threading.Thread(target=serve)
    thread.start()
    subprocess.run(["timeout", "60", *words, "https://server.test/"],
                   env={"https_proxy": url, "PATH": "/usr/bin:/bin"})
    thread.join()
END
seen=$(timeout 100 python3 ask.py)
[ "$seen" = "False True
True False" ] && echo "as told" && exit
echo "it is different now: $seen"
exit 1
