# hook.pl - what `llmobs-run --inbound` has each Perl load as it starts
# (PERL5OPT). A PSGI application that Plack serves (plackup, Starman, FastCGI)
# then serves each request in the trace, and under the ml_app, that the request's
# headers name, without a line in it; so are the programs that it starts.
# LLMOBS_ENTRY and LLMOBS_ENTRY_CONTENT: see llmobs.php. CGI needs no hook.
#
# In mod_perl %ENV has the request's headers where the environment of the process
# has none, so the hook gives them to the library.
#
# It loads nothing where Plack is not loaded as the program begins, and does
# nothing for a server that has several requests at once in one process.
package Llmobs::Hook;

my ($run, $open, $served, $told, $lazy, $entry, $content, $failures);
our ($serving, $request, $fork);

sub quietly {
    my ($work, @given) = @_;
    local ($@, $!);
    local $SIG{__DIE__} = "DEFAULT";
    local $SIG{__WARN__} = sub { };
    my $result = eval { $work->(@given) };
    $failures++ if $@;
    return $result;
}

# Not at once: a failure may come in the middle of a transfer.
sub report {
    my $count = $failures;
    $failures = 0;
    Llmobs::command("hook/failed", {}) while $count--;
    return;
}

# The library reads $request before it makes a span, and $fork before Perl forks:
# so a request that asks for neither costs neither. A library that reads them has
# read $request as it began; until then each request sets the environment.
sub request {
    $lazy = 1;
    my $env = $served || ($ENV{MOD_PERL} ? \%ENV : undef);
    return "" unless $env && !$entry;
    load();
    my %given = Llmobs::variables($env);
    my $address = delete $given{REMOTE_ADDR};
    return join "", map { "$_\0" }
        defined $address && %given ? "REMOTE_ADDR=$address" : (),
        map { "$_=$given{$_}" } keys %given;
}

sub set_environment {
    return "" if $told || !$served;
    $told = 1;
    Llmobs::carry($served);
    return "";
}

sub TIESCALAR {
    my ($class, $read) = @_;
    return bless $read, $class;
}

sub FETCH {
    return quietly($_[0]) // "";
}

tie $request, __PACKAGE__, \&request;
tie $fork, __PACKAGE__, \&set_environment;

sub begin {
    set_environment() unless $lazy;
    return unless $entry;
    $open = { content => $content };
    Llmobs::announce($served, entry => $entry,
        $content ? (input => Llmobs::body_of($served)) : ());
    return;
}

sub finish {
    my $said = $open;
    Llmobs::restore() if $told;
    $open = $served = $told = undef;
    Llmobs::end(%$said) if $said;
    return;
}

# Gives the answer that the server gets. It reads the body of an object after
# this has returned; a file asks for nothing.
sub answered {
    my ($answer) = @_;
    if (ref $answer ne "ARRAY") {
        finish();
        return $answer;
    }
    Llmobs::note($open, $answer) if $entry;
    my ($status, $headers, $body) = @$answer;
    if (ref $body eq "ARRAY" || !eval { $body->can("getline") }
        || eval { defined $body->fileno }) {
        finish();
        return $answer;
    }
    return [$status, $headers, bless [$body], "Llmobs::Hook::Body"];
}

# An answer that comes in pieces, or later.
sub followed {
    my ($answer) = @_;
    return quietly(\&answered, $answer) || $answer if ref $answer ne "CODE";
    return sub { # the server calls it at once, or as the answer comes
        my ($respond) = @_;
        $answer->(sub {
            quietly(\&Llmobs::note, $open, $_[0]) if $entry;
            return $respond->($_[0]);
        });
        quietly(\&finish);
        return;
    };
}

# Few operators: most requests ask no model.
sub serve ($$) {
    my $env = $_[1];
    return &$run if $serving || $env->{"psgi.nonblocking"}
        || $env->{"psgi.multithread"};
    local $serving = 1;
    quietly(\&finish) if $served; # its body was never closed
    quietly(\&report) if $failures;
    $served = $env;
    quietly(\&begin) unless $lazy && !$entry;
    my $answer = &$run;
    return followed($answer) if $entry || $told || ref $answer ne "ARRAY"
        || ref $answer->[2] ne "ARRAY";
    $served = undef;
    return $answer;
}

sub load {
    return if defined &Llmobs::variables;
    (my $path = __FILE__) =~ s{[^/]*\z}{Llmobs.pm};
    require $path;
    return;
}

sub watch {
    return unless defined &Plack::Util::run_app;
    load();
    $entry = $ENV{LLMOBS_ENTRY};
    $content = ($ENV{LLMOBS_ENTRY_CONTENT} || "") eq "1";
    $run = \&Plack::Util::run_app;
    local $^W = 0;
    *Plack::Util::run_app = \&serve;
    return;
}

# When the program is compiled, with all that it uses, and before it runs.
INIT { quietly(\&watch) }

# A body that ends its request. It is what the other is to all who ask.
package Llmobs::Hook::Body;

our $AUTOLOAD;

sub getline {
    my ($self) = @_;
    return $self->[0]->getline;
}

sub close {
    my ($self) = @_;
    my $rc = eval { $self->[0]->close };
    my $error = $@;
    Llmobs::Hook::quietly(\&Llmobs::Hook::finish) unless $self->[1]++;
    die $error if $error;
    return $rc;
}

sub AUTOLOAD {
    my ($self, @given) = @_;
    (my $name = $AUTOLOAD) =~ s/.*:://;
    return $self->[0]->$name(@given);
}

sub DESTROY { }

sub can {
    my ($self, $name) = @_;
    return UNIVERSAL::can($self, $name) || ref $self && $self->[0]->can($name);
}

1;
