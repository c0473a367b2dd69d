"""steps.py KIND PORT CONTROL STEPS: sends bytes over connections, by a plain socket,
OpenSSL or GnuTLS, and reads answers that it has the server send, by a connection that
is no HTTP. STEPS is JSON: a list of cases, each a list of [what, text]."""
import ctypes
import json
import socket
import ssl
import sys

kind, port, control = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
TLS = ctypes.CDLL("libgnutls.so.30") if kind == "gnutls" else None


class GnuTLS:
    """A session of GnuTLS, which believes every certificate."""

    def __init__(self, plain):
        self.plain, self.session, own = plain, ctypes.c_void_p(), ctypes.c_void_p()
        TLS.gnutls_certificate_allocate_credentials(ctypes.byref(own))
        TLS.gnutls_init(ctypes.byref(self.session), 2)
        TLS.gnutls_set_default_priority(self.session)
        TLS.gnutls_server_name_set(self.session, 1, b"localhost", ctypes.c_size_t(9))
        TLS.gnutls_credentials_set(self.session, 1, own)
        TLS.gnutls_transport_set_int2(self.session, plain.fileno(), plain.fileno())
        TLS.gnutls_record_recv.restype = TLS.gnutls_record_send.restype = \
            ctypes.c_ssize_t
        if TLS.gnutls_handshake(self.session) < 0:
            sys.exit("no handshake")

    def sendall(self, data):
        while data:
            put = TLS.gnutls_record_send(self.session, data, ctypes.c_size_t(len(data)))
            if put <= 0:
                sys.exit("not sent")
            data = data[put:]

    def recv(self, most):
        room = ctypes.create_string_buffer(most)
        while True:
            got = TLS.gnutls_record_recv(self.session, room, ctypes.c_size_t(most))
            if got != -28:  # GNUTLS_E_AGAIN, for tickets
                return room.raw[:max(got, 0)]

    def close(self):
        TLS.gnutls_bye(self.session, 1)
        TLS.gnutls_deinit(self.session)
        self.plain.close()


def connect():
    plain = socket.create_connection(("127.0.0.1", port))
    if kind == "openssl":
        return ssl._create_unverified_context().wrap_socket(
            plain, server_hostname="localhost")
    return GnuTLS(plain) if kind == "gnutls" else plain


orders = socket.create_connection(("127.0.0.1", control)).makefile("rwb")
for number, case in enumerate(json.loads(sys.argv[4])):
    link = connect()
    for what, text in case:
        data = text.encode()
        if what == "send":
            link.sendall(data)
            continue
        orders.write(json.dumps([number, text]).encode() + b"\n")
        orders.flush()
        while data:
            got = link.recv(len(data))
            if not got:
                sys.exit("no answer")
            print(got)
            data = data[len(got):]
    link.close()
