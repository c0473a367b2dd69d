#!/bin/sh
# HTTP::Tiny 0.080 (Perl 5.36.0 of Debian 12)
#
# Guessed: a client writes a request's headers in the order in which the program gives
# them, or in one of its own; the same program sends the same bytes each time.
# Seen: they come in the order of Perl's hash, the client's own (User-Agent,
# Content-Length) among the program's, and Perl draws that anew for each process: ten
# runs send ten heads of the same lines in several orders, Host alone always first. With
# PERL_HASH_SEED=0 and PERL_PERTURB_KEYS=0 there is one. A key over the bytes of a
# request, for a cache or to find a repetition, is another one in each process.
set -u
work=$(mktemp -d) || exit 2
server=
trap 'kill $server 2> /dev/null; wait; rm -rf "$work"' EXIT
cd "$work" || exit 2
[ "$(uname -m)" = x86_64 ] || exit 77
perl=5.36.0-7+deb12u4
for package in perl-base=$perl perl-modules-5.36=$perl libperl5.36=$perl; do
    apt-get download -qq "$package" > said 2>&1 || exit 77
done
for deb in *.deb; do dpkg-deb -x "$deb" . || exit 2; done
cat > server.py << 'END'
import socket
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
while True:
    with listener.accept()[0] as link, link.makefile("rb") as stream:
        print(*[line.split(b":")[0].split()[0].decode()
                for line in iter(stream.readline, b"\r\n")], flush=True)
        link.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
END
cat > ask.pl << 'END'
use HTTP::Tiny;
HTTP::Tiny->new->post("http://127.0.0.1:$ARGV[0]/",
    {headers => {"X-One" => 1, "X-Two" => 2, "X-Three" => 3}, content => "x"});
END
python3 server.py > heads & server=$!
for _ in $(seq 100); do [ -s heads ] || sleep 0.1; done
port=$(cat heads)
lib=$work/usr/lib/x86_64-linux-gnu share=$work/usr/share
export LD_LIBRARY_PATH="$lib" PERL5LIB="$lib/perl-base:$lib/perl/5.36:$share/perl/5.36"
for _ in 1 2 3 4 5 6 7 8 9 10; do
    usr/bin/perl ask.pl "$port" &&
        PERL_HASH_SEED=0 PERL_PERTURB_KEYS=0 usr/bin/perl ask.pl "$port"
done
first=$(tail -n +2 heads | cut -d ' ' -f 1,2 | sort -u)
lines=$(tail -n +2 heads | xargs -n 8 sh -c 'printf "%s\n" "$@" | sort | tr "\n" " "
    echo' sh | sort -u | wc -l)
[ "$first" = "POST Host" ] && [ "$lines" = 1 ] &&
    [ "$(sed -n '2~2p' heads | sort -u | wc -l)" -gt 2 ] &&
    [ "$(sed -n '3~2p' heads | sort -u | wc -l)" = 1 ] && echo "as told" && exit
cat heads
echo "it is different now"
exit 1
