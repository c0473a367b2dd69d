<?php
/* usage: symfony.php PUSHES URL VERSION BODY... [-- CONNECT_TO]
 * Symfony's HttpClient, which takes as many pushed resources as PUSHES says,
 * or by default: a call a body, all at a time, then what was pushed, and the
 * first call as a stream. With CONNECT_TO, "::ADDRESS:PORT", no certificate is checked. */
require "Symfony/Component/HttpClient/autoload.php";

use Symfony\Component\HttpClient\CurlHttpClient;
use Symfony\Component\HttpClient\HttpClient;

[, $pushes, $url, $version] = $argv;
$bodies = array_slice($argv, 4);
$options = ["http_version" => $version,
    "headers" => ["Content-Type" => "application/json"]];
$at = array_search("--", $bodies, true);
if ($at !== false) {
    $options += ["verify_peer" => false, "verify_host" => false,
        "extra" => ["curl" => [CURLOPT_CONNECT_TO => [$bodies[$at + 1]]]]];
    $bodies = array_slice($bodies, 0, $at);
}
$client = $pushes === "default" ? HttpClient::create($options)
    : new CurlHttpClient($options, 6, (int) $pushes);
echo get_class($client), "\n";

function tell($response): void
{
    echo $response->getStatusCode(), " ", $response->getContent(false), " ",
        $response->getInfo("size_download"), "\n";
}

$responses = [];
foreach ($bodies as $body) {
    $responses[] = $client->request("POST", $url, ["body" => $body]);
}
foreach ($responses as $response) {
    tell($response);
}
$paths = [];
foreach ($bodies as $body) {
    $paths = array_merge($paths, json_decode($body, true)["push"] ?? []);
}
foreach ($paths as $path) {
    $place = parse_url($url);
    tell($client->request("GET", $place["scheme"] . "://" . $place["host"] .
        $path));
}
foreach ($client->stream($client->request("POST", $url,
    ["body" => $bodies[0]])) as $chunk) {
    echo $chunk->isLast() ? "end\n" : $chunk->getContent();
}
