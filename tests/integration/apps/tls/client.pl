# Calls by LWP and by HTTP::Tiny. usage: client.pl URL CA COUNT
use strict;
use warnings;
use HTTP::Tiny;
use LWP::UserAgent;
my ($url, $ca, $count) = @ARGV;
my $lwp = LWP::UserAgent->new(keep_alive => 1, ssl_opts => {SSL_ca_file => $ca});
my $tiny = HTTP::Tiny->new(verify_SSL => 1, SSL_options => {SSL_ca_file => $ca});
for my $i (1 .. $count) {
    my $stream = $i % 2 ? '"stream":true,"stream_options":{"include_usage":true},' : '';
    my $body = '{"model":"gpt-test",' . $stream .
        '"messages":[{"role":"user","content":"hello there"}]}';
    my $answer = $lwp->post($url, Content => $body, Authorization => 'Bearer sk-SECRETKEY');
    print $answer->code, ' ', length($answer->content), "\n";
    $answer = $tiny->post($url, {content => $body, headers => {
        'Content-Type' => 'application/json', Authorization => 'Bearer sk-SECRETKEY'}});
    print $answer->{status}, ' ', length($answer->{content}), "\n";
}
