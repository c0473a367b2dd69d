# A gateway, a PSGI application that knows nothing of traces. UPSTREAM is a base
# URL.
use strict;
use warnings;
use IPC::Open2;
use WWW::Curl::Easy;

my $url = "$ENV{UPSTREAM}/chat/completions";
my @curl = qw(curl -q -sS -H Content-Type:application/json --data-binary @- -o -);

sub ask {
    my ($body) = @_;
    my $answer = "";
    my $curl = WWW::Curl::Easy->new;
    $curl->setopt(CURLOPT_URL, $url);
    $curl->setopt(CURLOPT_HTTPHEADER, ["Content-Type: application/json"]);
    $curl->setopt(CURLOPT_POST, 1);
    $curl->setopt(CURLOPT_POSTFIELDS, $body);
    $curl->setopt(CURLOPT_POSTFIELDSIZE, length $body);
    $curl->setopt(CURLOPT_WRITEFUNCTION, sub { $answer .= $_[0]; length $_[0] });
    die "no answer\n" if $curl->perform;
    return $answer;
}

sub child {
    my ($body) = @_;
    my $pid = open2(my $out, my $in, @curl, $url);
    print $in $body;
    close $in;
    local $/;
    my $answer = <$out>;
    waitpid $pid, 0;
    return $answer;
}

sub shell {
    my ($body) = @_;
    return `echo '$body' | @curl $url`;
}

sub piped {
    my ($body) = @_;
    open my $out, "-|", @curl[0 .. 4], "-d", $body, $url or die;
    local $/;
    return scalar <$out>;
}

# No header is such: what looks at it dies.
package Odd { use overload '""' => sub { die "odd" } }

# An answer whose second piece is asked for as it is sent.
package Pieces {
    sub getline {
        my ($self) = @_;
        my $piece = shift @$self or return;
        return ref $piece ? $piece->() : $piece;
    }
    sub close { }
}

sub {
    my ($env) = @_;
    my $body = "";
    1 while $env->{"psgi.input"}->read($body, 65536, length $body);
    my $path = $env->{PATH_INFO};
    my @type = ("Content-Type", "application/json");
    return [200, [@type], ["plain"]] if $path eq "/plain";
    die "told to die\n" if $path eq "/die";
    return [200, [@type], [child($body)]] if $path eq "/child";
    $env->{HTTP_TRACEPARENT} = bless {}, "Odd" if $path eq "/odd";
    return [200, [@type], [shell($body)]] if $path eq "/shell";
    return [200, [@type], [piped($body)]] if $path eq "/piped";
    return [200, [@type], bless ["first ", sub { ask($body) }], "Pieces"]
        if $path eq "/pieces";
    return sub {
        my $writer = $_[0]->([200, [@type]]);
        $writer->write("first ");
        $writer->write(ask($body));
        $writer->close;
    } if $path eq "/later";
    return [200, [@type], [ask($body)]];
};
