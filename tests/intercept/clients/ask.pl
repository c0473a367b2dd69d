# usage: ask.pl LWP|Tiny URL FILE|- [BODY]
use strict;
my ($way, $url, $trust, $file) = @ARGV;
my $body = $file ? do { local (@ARGV, $/) = $file; <> } : undef;
my %type = ('Content-Type' => 'application/json');
if ($way eq 'LWP') {
    require LWP::UserAgent;
    my $ua = LWP::UserAgent->new(env_proxy => 1);
    $ua->ssl_opts(SSL_ca_file => $trust) if $trust ne '-';
    my $r = $file ? $ua->post($url, %type, Content => $body) : $ua->get($url);
    print $r->code, " ", $r->content, "\n";
} else {
    require HTTP::Tiny;
    my $ua = HTTP::Tiny->new(verify_SSL => 1, $trust eq '-' ? () : (SSL_options => {SSL_ca_file => $trust}));
    my $r = $ua->request($file ? 'POST' : 'GET', $url, {$file ? (headers => \%type, content => $body) : ()});
    print $r->{status}, " ", $r->{content}, "\n";
}
