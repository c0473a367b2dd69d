#!/bin/sh
# JSON::PP 4.07 (Perl 5.36.0), JSON::XS 4.040, Cpanel::JSON::XS 4.35 and Mojo::JSON (Mojolicious
# 9.31), all of Debian 12
#
# A program makes a request for a model: max_tokens is the number 100, seed the text
# "9007199254740993", as ids of 64 bits are kept. Before it is encoded the number is printed
# to a log, or the text is compared: `die if $request->{seed} < 0`.
# Guessed: to look at a value does not change it. If one encoder still writes what a value
# was used as last, all do, as all read the same flags of the same Perl.
# Seen: JSON::XS writes the number that was logged as a text, "100", which APIs refuse; so
# the request works until somebody logs it. The other three keep it, but write the text that
# was compared as a number, 9007199254740993, which a reader in JavaScript takes for
# 9007199254740992. JSON::XS keeps that one. "0042" and "1.50" stay texts in all of them.
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
[ "$(uname -m) $(/usr/bin/perl -e 'print $^V')" = "x86_64 v5.36.0" ] || exit 77
apt-get download -qq libjson-xs-perl=4.040-1~deb12u1 libcommon-sense-perl=3.75-3 \
    libtypes-serialiser-perl=1.01-1 libcpanel-json-xs-perl=4.35-1+deb12u1 \
    libmojolicious-perl=9.31+dfsg-1 > said 2>&1 || exit 77
for deb in *.deb; do dpkg-deb -x "$deb" . || exit 2; done
cat > numbers.pl << 'END'
use strict;
use warnings;
use lib "usr/share/perl5", "usr/lib/x86_64-linux-gnu/perl5/5.36";
use JSON::PP;
use JSON::XS;
use Cpanel::JSON::XS;
use Mojo::JSON;

my $log;
for my $name ("JSON::PP", "JSON::XS", "Cpanel::JSON::XS", "Mojo::JSON") {
    my $encode = $name eq "Mojo::JSON" ? \&Mojo::JSON::encode_json
        : sub { $name->new->encode($_[0]) };
    my @untouched = (100, "9007199254740993", "0042", "1.50");
    my @used = (100, "9007199254740993", "0042", "1.50");
    $log = "asks for $used[0] tokens";
    for my $value (@used[1 .. 3]) {
        die if $value < 0;
    }
    print "$name ", $encode->(\@untouched), " ", $encode->(\@used), "\n";
}
END
timeout 60 /usr/bin/perl numbers.pl > seen 2>> said
cat > told << 'END'
JSON::PP [100,"9007199254740993","0042","1.50"] [100,9007199254740993,"0042","1.50"]
JSON::XS [100,"9007199254740993","0042","1.50"] ["100","9007199254740993","0042","1.50"]
Cpanel::JSON::XS [100,"9007199254740993","0042","1.50"] [100,9007199254740993,"0042","1.50"]
Mojo::JSON [100,"9007199254740993","0042","1.50"] [100,9007199254740993,"0042","1.50"]
END
if diff told seen; then
    echo "as told"
else
    cat said
    echo "something is different now"
    exit 1
fi
