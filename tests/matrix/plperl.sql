-- A function in PL/Perl that asks through WWW::Curl, inside the server.
CREATE EXTENSION plperlu;
CREATE FUNCTION ask(interface text, url text, mode text, file text)
RETURNS text LANGUAGE plperlu AS $$
use strict;
use warnings;
use WWW::Curl::Easy;
use WWW::Curl::Multi;
my ($interface, $url, $mode, $file) = @_;
my $answer = "";
my $result;
open(my $in, "<", $file) or die;
my $body = do { local $/; <$in> };
my $curl = WWW::Curl::Easy->new;
$curl->setopt(CURLOPT_URL, $url);
$curl->setopt(CURLOPT_HTTPHEADER, ["Content-Type: application/json"]);
$curl->setopt(CURLOPT_POST, 1);
$curl->setopt(CURLOPT_POSTFIELDS, $body);
$curl->setopt(CURLOPT_POSTFIELDSIZE, length $body);
$curl->setopt(CURLOPT_WRITEFUNCTION, sub {
    $answer .= $_[0];
    return length $_[0];
});
$curl->setopt(CURLOPT_TIMEOUT_MS, 600) if $mode eq "timeout";
if ($interface eq "multi") {
    my $multi = WWW::Curl::Multi->new;
    $curl->setopt(CURLOPT_PRIVATE, "1");
    $multi->add_handle($curl);
    until (defined $result) {
        if ($multi->perform < 1) {
            my ($id, $code) = $multi->info_read;
            $result = $code if $id;
        }
        else {
            select(undef, undef, undef, 0.01);
        }
    }
}
else {
    $result = $curl->perform;
}
return "$mode $result " . $curl->getinfo(CURLINFO_HTTP_CODE) . " $answer";
$$;
