# A gateway, a script of ModPerl::Registry that knows nothing of traces. UPSTREAM
# is a base URL.
use strict;
use warnings;
use WWW::Curl::Easy;

my ($body, $answer) = ("", "");
read STDIN, $body, $ENV{CONTENT_LENGTH};
my $curl = WWW::Curl::Easy->new;
$curl->setopt(CURLOPT_URL, "$ENV{UPSTREAM}/chat/completions");
$curl->setopt(CURLOPT_HTTPHEADER, ["Content-Type: application/json"]);
$curl->setopt(CURLOPT_POST, 1);
$curl->setopt(CURLOPT_POSTFIELDS, $body);
$curl->setopt(CURLOPT_POSTFIELDSIZE, length $body);
$curl->setopt(CURLOPT_WRITEFUNCTION, sub { $answer .= $_[0]; length $_[0] });
die "no answer\n" if $curl->perform;
print "Content-Type: application/json\r\n\r\n", $answer;
