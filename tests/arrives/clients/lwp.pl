use strict;
use warnings;
use JSON::PP;
use LWP::UserAgent;

my $answer = LWP::UserAgent->new->post(
    $ENV{MODEL} . "/v1/chat/completions",
    "Content-Type" => "application/json", "Authorization" => "Bearer sk-test",
    Content => encode_json({model => "gpt-4o-mini",
        messages => [{role => "user", content => "Hello?"}]}));
print decode_json($answer->content)->{choices}[0]{message}{content}, "\n";
