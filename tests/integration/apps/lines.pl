# Calls from all kinds of frames; before each, on its own line, Perl's own place.
# usage: lines.pl URL BODY
use strict;
use warnings;
use threads;
use WWW::Curl::Easy;

my ($url, $body) = @ARGV;
$| = 1;

sub told {
    my (undef, $file, $line) = caller;
    print qq({"file":"$file","line":$line,"entry":"$0"}\n);
}

sub handle {
    my $c = WWW::Curl::Easy->new;
    $c->setopt(CURLOPT_URL, $url);
    $c->setopt(CURLOPT_POSTFIELDS, $body);
    $c->setopt(CURLOPT_HTTPHEADER, ["Content-Type: application/json"]);
    open(my $null, ">", "/dev/null");
    $c->setopt(CURLOPT_WRITEDATA, $null);
    return $c;
}

threads->create(sub { my $own = handle(); told(); $own->perform })->join;
my $c = handle();
told(); $c->perform;

sub plain {
    told(); $_[0]->perform;
}

package Client {
    sub new { return bless { c => $_[1] }, $_[0] }
    sub ask { main::told(); $_[0]{c}->perform }
    our $AUTOLOAD;
    sub AUTOLOAD { main::told(); $_[0]{c}->perform }
    sub DESTROY { main::told(); $_[0]{c}->perform }
}

plain($c);
{
    my $client = Client->new($c);
    $client->ask;
    $client->anything;
}
sub { told(); $_[0]->perform }->($c);
map { told(); $c->perform } 1;
my @sorted = sort { told(); $c->perform; 0 } 2, 1;
"x" =~ /x(?{ told(); $c->perform })/;
eval { told(); $c->perform; die "here\n" };
print "kept $@";
local $@ = "before\n";
$! = 2;
told(); $c->perform;
print "kept $@", $! + 0, "\n";
eval qq(#line 7 "/srv/template.pl"\ntold(); \$c->perform);
{
    local $SIG{__WARN__} = sub { told(); $c->perform; print "warned $_[0]" };
    warn "of this";
    local $SIG{__DIE__} = sub { told(); $c->perform; print "died $_[0]" };
    eval { die "of that" };
}
open(my $in, "<", $0);
<$in>;
told(); $c->perform;
close($in);
warn "no handle";
if (my $child = fork) {
    waitpid $child, 0;
} else {
    plain(handle());
    exit;
}

END { told(); $c->perform; }
