# usage: perl client.pl INTERFACE URL (MODE FILE)...
use strict;
use warnings;
use WWW::Curl::Easy;
use WWW::Curl::Multi;

sub perform_multi {
    my ($curl) = @_;
    my $multi = WWW::Curl::Multi->new;
    my $result;
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
    return $result;
}

sub ask {
    my ($interface, $url, $mode, $file) = @_;
    my $answer = "";
    open(my $in, "<", $file) or die;
    my $body = do { local $/; <$in> };
    my $curl = WWW::Curl::Easy->new;
    $curl->setopt(CURLOPT_URL, $url);
    $curl->setopt(CURLOPT_HTTPHEADER, ["Content-Type: application/json"]);
    $curl->setopt(CURLOPT_POST, 1);
    $curl->setopt(CURLOPT_POSTFIELDS, $body);
    $curl->setopt(CURLOPT_POSTFIELDSIZE, length $body);
    $curl->setopt(CURLOPT_WRITEFUNCTION, sub {
        return 0 if $mode eq "abort";
        $answer .= $_[0];
        return length $_[0];
    });
    $curl->setopt(CURLOPT_TIMEOUT_MS, 600) if $mode eq "timeout";
    my $result = $interface eq "multi" ? perform_multi($curl) : $curl->perform;
    print "$mode $result ", $curl->getinfo(CURLINFO_HTTP_CODE), " $answer\n";
    return $result != 0;
}

my ($interface, $url) = splice @ARGV, 0, 2;
my $failed = 0;
while (my ($mode, $file) = splice @ARGV, 0, 2) {
    $failed += ask($interface, $url, $mode, $file);
}
exit $failed;
