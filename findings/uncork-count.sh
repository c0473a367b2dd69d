#!/bin/sh
# GnuTLS 3.7.9, of Debian 12 (libgnutls30)
#
# Guessed: as gnutls_record_send goes on after EAGAIN and then returns the length that it
# was first given, gnutls_record_uncork, called again, returns all that was corked.
# Seen: it returns what this last call has sent. Of 60,000 corked bytes, of which a socket
# takes a part at a time, uncork returns -28 (again), and at its end a number below 60,000;
# the peer gets all of them, once. A program that counts as
# after a send sends the rest twice.
set -u
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
[ "$(uname -m)" = x86_64 ] || exit 77
apt-get download -qq libgnutls30=3.7.9-2+deb12u7 > said 2>&1 || exit 77
for deb in *.deb; do dpkg-deb -x "$deb" . || exit 2; done
cat > uncork.py << 'END'
import ctypes, socket
tls = ctypes.CDLL("usr/lib/x86_64-linux-gnu/libgnutls.so.30")
sockets = socket.socketpair()
sessions = ctypes.c_void_p(), ctypes.c_void_p()
for server, (one, session) in enumerate(zip(sockets, sessions)):
    one.setblocking(False)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4608)
    tls.gnutls_init(ctypes.byref(session), (1 if server else 2) | 8)
    tls.gnutls_priority_set_direct(
        session, b"NORMAL:+ANON-ECDH:-VERS-ALL:+VERS-TLS1.2", None)
    secret = ctypes.c_void_p()
    (tls.gnutls_anon_allocate_server_credentials if server else
     tls.gnutls_anon_allocate_client_credentials)(ctypes.byref(secret))
    tls.gnutls_credentials_set(session, 2, secret)
    tls.gnutls_transport_set_int2(session, one.fileno(), one.fileno())
client, server = sessions
waiting = list(sessions)
while waiting:
    waiting = [s for s in waiting if tls.gnutls_handshake(s)]
tls.gnutls_record_send.restype = tls.gnutls_record_recv.restype = ctypes.c_ssize_t
tls.gnutls_record_check_corked.restype = ctypes.c_size_t
tls.gnutls_record_cork(client)
sent = tls.gnutls_record_send(client, b"x" * 60000, ctypes.c_size_t(60000))
corked = tls.gnutls_record_check_corked(client)
got, room = 0, ctypes.create_string_buffer(20000)
def take():
    global got
    while (n := tls.gnutls_record_recv(server, room, ctypes.c_size_t(20000))) > 0:
        got += n
said = []
while not said or said[-1] < 0:
    said.append(tls.gnutls_record_uncork(client, 0))
    take()
print(sent, corked, set(said[:-1]), "all" if said[-1] == 60000 else "less", got)
END
seen=$(timeout 60 python3 uncork.py)
[ "$seen" = "60000 60000 {-28} less 60000" ] && echo "as told" && exit
echo "it is different now: $seen"
exit 1
