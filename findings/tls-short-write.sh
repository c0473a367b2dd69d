#!/bin/sh
# IO::Socket::SSL 2.081 (Perl 5.36.0) and Ruby 3.1.2's openssl, of Debian 12
#
# Guessed: a socket that blocks takes all that one write gives it, over TLS as without;
# short writes are for sockets that do not block.
# Seen: of 300,000 bytes `syswrite` on a plain socket that blocks takes all, in both
# languages. Over TLS it takes 16,384, one record, and returns, although the peer reads
# and there is room: both switch SSL_MODE_ENABLE_PARTIAL_WRITE on. `print` in Perl and
# `write` in Ruby go on until all is sent. A program that gets TLS in place of a plain
# socket, and looked at no count so far, cuts what it sends.
set -u
work=$(mktemp -d) || exit 2
server=
trap 'kill $server 2> /dev/null; wait; rm -rf "$work"' EXIT
cd "$work" || exit 2
[ "$(uname -m)" = x86_64 ] || exit 77
perl=5.36.0-7+deb12u4 ruby=3.1.7+really3.1.2-0+deb12u1
for package in perl-base=$perl perl-modules-5.36=$perl libperl5.36=$perl \
    libio-socket-ssl-perl=2.081-2 libnet-ssleay-perl=1.92-2+b1 ruby3.1=$ruby \
    libruby3.1=$ruby; do
    apt-get download -qq "$package" > said 2>&1 || exit 77
done
for deb in *.deb; do dpkg-deb -x "$deb" . || exit 2; done
openssl req -x509 -newkey rsa:2048 -nodes -keyout key -out cert -days 2 \
    -subj /CN=localhost -addext subjectAltName=DNS:localhost 2> said || exit 77
cat > server.py << 'END'
import socket, ssl, threading
tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
tls.load_cert_chain("cert", "key")
def take(link):
    while link.recv(65536):
        pass
def serve(listener, secure):
    while True:
        link = listener.accept()[0]
        threading.Thread(target=take, args=(tls.wrap_socket(
            link, server_side=True) if secure else link,), daemon=True).start()
plain, secure = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
threading.Thread(target=serve, args=(plain, False), daemon=True).start()
print(plain.getsockname()[1], secure.getsockname()[1], flush=True)
serve(secure, True)
END
cat > write.pl << 'END'
use IO::Socket::INET;
use IO::Socket::SSL;
my ($plain, $secure) = map {"localhost:$_"} @ARGV;
my $all = "x" x 300000;
my $link = IO::Socket::INET->new($plain) or die;
print $link->syswrite($all);
$link = IO::Socket::SSL->new(PeerAddr => $secure, SSL_ca_file => "cert") or die;
print " ", $link->syswrite($all), " ", $link->print($all);
END
cat > write.rb << 'END'
require "socket"
require "openssl"
plain, secure = ARGV
all = "x" * 300000
print TCPSocket.new("localhost", plain).syswrite(all)
context = OpenSSL::SSL::SSLContext.new
context.ca_file = "cert"
link = OpenSSL::SSL::SSLSocket.new(TCPSocket.new("localhost", secure), context).connect
print " ", link.syswrite(all), " ", link.write(all)
END
python3 server.py > ports & server=$!
for _ in $(seq 100); do [ -s ports ] || sleep 0.1; done
export LD_LIBRARY_PATH="$work/usr/lib/x86_64-linux-gnu"
lib=$work/usr/lib/x86_64-linux-gnu share=$work/usr/share
PERL5LIB=$lib/perl-base:$lib/perl5/5.36:$share/perl5:$lib/perl/5.36:$share/perl/5.36
RUBYLIB=$work/usr/lib/ruby/3.1.0:$lib/ruby/3.1.0
export PERL5LIB RUBYLIB
# shellcheck disable=SC2046 # two ports
seen=$(usr/bin/perl write.pl $(cat ports) && echo && usr/bin/ruby3.1 --disable-gems \
    write.rb $(cat ports))
[ "$seen" = "300000 16384 300000
300000 16384 300000" ] && echo "as told" && exit
echo "it is different now: $seen"
exit 1
