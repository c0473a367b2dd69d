# A gateway: prefork workers, each a PSGI server of one connection at a time,
# which is kept alive. usage: perl gateway.pl WORKERS [ENTRY [CONTENT]]; UPSTREAM
# is a base URL. Prints its port; ends with its standard input.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../../../examples/inbound";
use IO::Socket::INET;
use Llmobs;
use WWW::Curl::Easy;

sub ask {
    my ($body) = @_;
    my $answer = "";
    my $curl = WWW::Curl::Easy->new;
    $curl->setopt(CURLOPT_URL, "$ENV{UPSTREAM}/chat/completions");
    $curl->setopt(CURLOPT_HTTPHEADER, ["Content-Type: application/json"]);
    $curl->setopt(CURLOPT_POST, 1);
    $curl->setopt(CURLOPT_POSTFIELDS, $body);
    $curl->setopt(CURLOPT_POSTFIELDSIZE, length $body);
    $curl->setopt(CURLOPT_WRITEFUNCTION, sub { $answer .= $_[0]; length $_[0] });
    my $failed = $curl->perform;
    return $failed ? (502, "") : ($curl->getinfo(CURLINFO_HTTP_CODE), $answer);
}

sub app {
    my ($env) = @_;
    my $body = "";
    1 while $env->{"psgi.input"}->read($body, 65536, length $body);
    die "told to die\n" if $env->{PATH_INFO} eq "/die";
    my ($status, $answer) = ask($body);
    my $all = [$status, ["Content-Length", length $answer], [$answer]];
    return $env->{PATH_INFO} eq "/later" ? sub { $_[0]->($all) } : $all;
}

sub read_request {
    my ($client) = @_;
    my ($method, $path) = (<$client> // return) =~ /^(\S+) (\S+)/ or return;
    my %env = (REQUEST_METHOD => $method, PATH_INFO => $path);
    while (defined(my $line = <$client>)) {
        last if $line =~ /^\r?\n/;
        my ($name, $value) = $line =~ /^([^:]+): *(.*?)\r?\n/ or next;
        $env{"HTTP_" . uc($name) =~ tr/-/_/r} = $value;
    }
    read $client, my $body, $env{HTTP_CONTENT_LENGTH} // 0;
    open($env{"psgi.input"}, "<", \$body) or die;
    return \%env;
}

sub answer {
    my ($client, $answer) = @_;
    my ($status, $headers, $body) = @$answer;
    my @lines = ("HTTP/1.1 $status Said", "X-Worker: $$");
    for (my $i = 0; $i < @$headers; $i += 2) {
        push @lines, "$headers->[$i]: $headers->[$i + 1]";
    }
    print $client join("\r\n", @lines, "", join "", @$body);
    $client->flush;
}

sub serve {
    my ($app, $client) = @_;
    while (my $env = read_request($client)) {
        my $answer = eval { $app->($env) };
        $answer = [500, ["Content-Length", 0], []] unless $answer;
        ref $answer eq "CODE"
            ? $answer->(sub { answer($client, $_[0]) })
            : answer($client, $answer);
    }
}

$SIG{TERM} = \&stop;
my ($workers, $entry, $content) = @ARGV;
my $app = Llmobs::wrap(\&app, entry => $entry, content => $content);
my $socket = IO::Socket::INET->new(LocalAddr => "127.0.0.1", Listen => 16)
    or die $!;
my @pids;
sub stop {
    kill TERM => @pids;
    waitpid $_, 0 for @pids;
    exit 0;
}
for (1 .. $workers) {
    my $pid = fork // die;
    if (!$pid) {
        $SIG{TERM} = "DEFAULT";
        while (my $client = $socket->accept) { serve($app, $client) }
        exit 0;
    }
    push @pids, $pid;
}
$| = 1;
print $socket->sockport, "\n";
1 while <STDIN>;
stop();
