# Llmobs.pm - a Perl server that asks language models, in one trace with its
# caller. For PSGI:
#
#     use Llmobs;
#     $app = Llmobs::wrap($app, entry => 1, content => 1);
#
# and for any other server, with $env as CGI has it (HTTP_TRACEPARENT ...):
#
#     Llmobs::begin($env, entry => "my-gateway", input => $body);
#     ...
#     Llmobs::end(output => $answer);
#
# Calls through WWW::Curl between the two are part of the trace, and of the
# ml_app, that the request's headers name; so are the calls of programs that it
# starts. `entry`: the request is a workflow span around them, of that name, or
# "chat-proxy-entrypoint" for 1. `content`: that span has the request's body and
# (of no stream) the answer's, a MiB of each. Further spans nest
# (LANGUAGES.md):
#
#     my $docs = Llmobs::span(retrieval => "search", sub { search($q) }, $q);
#
# Without the library preloaded, all of this does nothing.
package Llmobs;
use strict;
use warnings;

my @OWN = qw(TRACEPARENT TRACESTATE BAGGAGE);
my @CONTEXT = map { "HTTP_$_" } @OWN, qw(X_DATADOG_TRACE_ID
    X_DATADOG_PARENT_ID X_DATADOG_TAGS X_DATADOG_SAMPLING_PRIORITY
    X_DATADOG_ORIGIN);
my @WHO = map { "HTTP_$_" } qw(X_FORWARDED_FOR FORWARDED X_REAL_IP
    X_FORWARDED FORWARDED_FOR X_CLIENT_IP X_CLUSTER_CLIENT_IP TRUE_CLIENT_IP
    CF_CONNECTING_IP CF_CONNECTING_IPV6 FASTLY_CLIENT_IP FLY_CLIENT_IP VIA
    X_ENVOY_EXTERNAL_ADDRESS X_AZURE_CLIENTIP X_AZURE_SOCKETIP
    CLOUDFRONT_VIEWER_ADDRESS X_APPENGINE_USER_IP X_ORIGINAL_FORWARDED_FOR
    X_VERCEL_FORWARDED_FOR);
my @CARRIED = ("REMOTE_ADDR", @CONTEXT, @WHO);
my $MOST = 1 << 20;
my ($entry, %saved, $carried);
my @spans; # open: what their start said, the variables before

sub begin {
    my ($env, %options) = @_;
    carry($env);
    return announce($env, %options);
}

# Tells the library of the request.
sub announce {
    my ($env, %options) = @_;
    my %header = map { defined $env->{"HTTP_$_"}
        ? (lc($_) =~ tr/_/-/r => $env->{"HTTP_$_"}) : () }
        map { substr $_, 5 } @CONTEXT, @WHO;
    $header{":remote-addr"} = $env->{REMOTE_ADDR} // "";
    $entry = $options{entry};
    command("request/start", { headers => \%header, $entry ? (entry => says(
        "workflow", $entry eq "1" ? "chat-proxy-entrypoint" : $entry,
        $options{input})) : () });
    return;
}

# The variables of the request, of one without a context none.
sub variables {
    my ($env) = @_;
    return unless grep { defined $env->{$_} } @CONTEXT;
    return map { defined $env->{$_} ? ($_ => $env->{$_}) : () } @CARRIED;
}

# Puts the context into the environment; without one the process keeps its own,
# if it has one.
sub carry {
    my %given = variables($_[0]) or return;
    restore();
    %saved = map { exists $ENV{$_} ? ($_ => $ENV{$_}) : () } @OWN, @CARRIED;
    delete @ENV{keys %saved};
    $carried = 1; # first, as a value that is an object may die
    @ENV{keys %given} = values %given;
    return;
}

sub restore {
    return unless $carried;
    delete @ENV{@CARRIED};
    @ENV{keys %saved} = values %saved;
    %saved = ();
    $carried = 0;
    return;
}

# output => TEXT, error => [TYPE, MESSAGE]
sub end {
    command("request/finish", $entry ? { entry => ended(@_) } : {});
    restore();
    return;
}

# Afterwards the programs that this one starts are below the span.
sub start {
    my $said = command("span/start", says(@_));
    my %given = $said =~ /^([A-Z]+)=(.*)$/mg;
    push @spans, [$said, { map { $_ => $ENV{$_} } keys %given }];
    @ENV{keys %given} = values %given;
    return;
}

# Ends the span that was started last; like `end`.
sub finish {
    my ($said, $before) = @{ pop @spans // ["", {}] };
    for my $name (keys %$before) {
        defined $before->{$name} ? ($ENV{$name} = $before->{$name})
            : delete $ENV{$name};
    }
    command("span/finish", ended(@_)) if $said ne "";
    return;
}

# Adds to the span that was started last: output, tags ...
sub annotate {
    command("span/annotate", {@_});
    return;
}

# Evaluates the open span, or the one whose ids are in what follows.
sub evaluate {
    my ($label, $value, %more) = @_;
    command("evaluate", { label => $label, value => $value, %more });
    return;
}

# The open span's span_id and trace_id, for an evaluation later.
sub ids {
    return @spans ? $spans[-1][0] =~ /^(span_id|trace_id)=(.*)$/mg : ();
}

sub says {
    my ($kind, $name, $input, %more) = @_;
    return { kind => $kind, name => $name,
        defined $input ? (input => $input) : (), %more };
}

sub ended {
    my (%with) = @_;
    my ($type, $message) = @{ $with{error} || [] };
    my $output = $with{output};
    return { defined $output && ref($output) =~ /^(ARRAY|HASH|)$/
            ? (output => $output) : (),
        $type ? (error => { type => $type, message => $message }) : () };
}

# Runs the work in a span. Returns its result, which is the output if it is text,
# or a reference to an array or hash. More pairs may follow: session_id, tags =>
# {...}, metadata, metrics, model_name ...
sub span {
    my ($kind, $name, $work, $input, %more) = @_;
    start($kind, $name, $input, %more);
    my $result = eval { $work->() };
    if (my $error = $@) {
        finish(error => ["die", first_line($error)]);
        die $error;
    }
    finish(output => $result);
    return $result;
}

# ---- PSGI ----------------------------------------------------------------

sub wrap {
    my ($app, %options) = @_;
    return sub {
        my ($env) = @_;
        my $result = { content => $options{content} };
        begin($env, %options, $options{content} ? (input => body_of($env)) : ());
        my $answer = guarded(sub { $app->($env) });
        return given($answer, $result) if ref $answer ne "CODE";
        return sub { # the server calls it at once, or as the answer comes
            my ($respond) = @_;
            guarded(sub {
                $answer->(sub { note($result, $_[0]); $respond->($_[0]) });
            });
            end(%$result);
        };
    };
}

sub guarded {
    my ($work) = @_;
    my $result = eval { $work->() };
    if (my $error = $@) {
        end(error => ["die", first_line($error)]);
        die $error;
    }
    return $result;
}

sub given {
    my ($answer, $result) = @_;
    note($result, $answer);
    end(%$result);
    return $answer;
}

sub note {
    my ($result, $answer) = @_;
    my ($status, undef, $body) = @$answer;
    $result->{error} = ["http_$status", "answered with status $status"]
        if $status >= 500;
    $result->{output} = substr join("", @$body), 0, $MOST
        if $result->{content} && ref $body eq "ARRAY";
    return;
}

# Reads the body, and rewinds it for the app.
sub body_of {
    my ($env) = @_;
    my $in = $env->{"psgi.input"} or return "";
    my $body = "";
    1 while $in->read($body, 65536, length $body);
    open(my $again, "<", \$body) or return "";
    $env->{"psgi.input"} = $again;
    return substr $body, 0, $MOST;
}

sub first_line {
    my ($line) = "$_[0]" =~ /^([^\n]*)/;
    return $line;
}

# ---- commands ------------------------------------------------------------

# Gives the answer; "" where nothing was done. Perl by itself calls no function of
# C but dlsym, and the library answers to such a name.
sub command {
    my ($command, $what) = @_;
    require XSLoader;
    my $at = DynaLoader::dl_find_symbol(
        0, "llmobs://$command " . json($what), 1);
    return $at ? unpack "p", pack "J", $at : "";
}

# Texts, numbers, hashes, arrays, \1 and \0. A string is either bytes of UTF-8
# or characters.
sub json {
    my ($value, $depth) = (@_, 0);
    my $ref = ref $value;
    return "null" if !defined $value || $depth > 16;
    return $$value ? "true" : "false" if $ref =~ /^SCALAR$|::Boolean$/;
    return "[" . join(",", map { json($_, $depth + 1) } @$value) . "]"
        if $ref eq "ARRAY";
    return "{" . join(",", map { json("$_") . ":" . json($value->{$_}, $depth + 1) }
        sort keys %$value) . "}" if $ref eq "HASH";
    return "null" if $ref;
    return "$value" if is_number($value);
    my $text = "$value";
    utf8::encode($text) if utf8::is_utf8($text);
    $text =~ s/([\x00-\x1f"\\])/sprintf "\\u%04x", ord $1/ge;
    return "\"$text\"";
}

# A number's "and" with a text is a number; wide letters allow no "and".
sub is_number {
    my ($value) = @_;
    no warnings "numeric";
    return !utf8::is_utf8($value) && length((my $none = "") & $value)
        && 0 + $value eq $value && $value * 0 == 0;
}

1;
