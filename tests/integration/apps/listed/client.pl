# client.pl BASE [CA]: three calls, the last with a body of 300 KB.
use LWP::UserAgent;
my $client = LWP::UserAgent->new(keep_alive => 1, ssl_opts => {SSL_ca_file => $ARGV[1]});
for my $i (0 .. 2) {
    print $client->post("$ARGV[0]/v1/chat/completions", 'Content-Type' => 'application/json',
        Content => '{"model":"m","messages":[{"role":"user","content":"' .
            ('hi ' x ($i == 2 ? 100000 : 1)) . '"}]}')->content, "\n";
}
