# usage: client.pl LIBRARY URL (MODE FILE)...      by LWP or HTTP::Tiny
use strict;
use warnings;
use HTTP::Tiny;
use LWP::UserAgent;
my ($library, $url) = splice @ARGV, 0, 2;
my $ca = $ENV{CA_FILE};
my $lwp = LWP::UserAgent->new(keep_alive => 1, ssl_opts => {SSL_ca_file => $ca});
my $tiny = HTTP::Tiny->new(verify_SSL => 1, SSL_options => {SSL_ca_file => $ca});
my %heads = ('Content-Type' => 'application/json',
    Authorization => 'Bearer sk-of-nobody');

sub by_lwp {
    my ($limit, $body) = @_;
    $lwp->timeout($limit);
    my $answer = $lwp->post($url, Content => $body, %heads);
    # a time-out within the answer gives what came, and says so in a header
    my $late = $answer->header('X-Died') || $answer->header('Client-Aborted');
    return ($answer->code, $late ? '' : $answer->content, $late);
}

sub by_tiny {
    my ($limit, $body) = @_;
    $tiny->timeout($limit);
    my $answer = $tiny->post($url, {content => $body, headers => \%heads});
    my $late = $answer->{status} == 599;
    return ($answer->{status}, $late ? '' : $answer->{content}, $late);
}

my $failed = 0;
while (my ($mode, $file) = splice @ARGV, 0, 2) {
    open(my $in, '<', $file) or die;
    my $body = do { local $/; <$in> };
    my $limit = $mode eq 'timeout' ? 1 : 20;
    my ($code, $text, $late) = $library eq 'lwp' ? by_lwp($limit, $body)
        : by_tiny($limit, $body);
    print "$mode $code $text\n";
    $failed++ if $code != 200 || $late;
}
exit $failed;
