<?php
/* usage: guzzle.php INTERFACE URL (MODE FILE)...
 *
 * Guzzle by libcurl, which its default handler takes unless `stream` is asked
 * for. A document is read whole, a stream by a sink as it comes. easy: each
 * answer is waited for (CurlHandler); multi: all are asked for first
 * (CurlMultiHandler). */
require "/usr/share/php/GuzzleHttp/autoload.php";

use GuzzleHttp\Client;
use GuzzleHttp\Exception\GuzzleException;
use GuzzleHttp\Promise\Utils;
use GuzzleHttp\Psr7\FnStream;
use GuzzleHttp\Psr7\Utils as Streams;

[, $interface, $url] = $argv;
$client = new Client(["http_errors" => false]);
$pieces = "";

function options($mode, $file)
{
    $options = ["headers" => ["Content-Type" => "application/json",
                              "Authorization" => "Bearer sk-of-nobody"],
                "body" => fopen($file, "r"),
                "timeout" => $mode === "timeout" ? 0.6 : 0];
    if ($mode === "stream") {
        $options["sink"] = FnStream::decorate(Streams::streamFor(""), [
            "write" => function ($data) {
                $GLOBALS["pieces"] .= $data;
                return strlen($data);
            }]);
    }
    return $options;
}

function tell($mode, $answer): bool
{
    if (!$answer) {
        echo "$mode failed\n";
        return false;
    }
    echo "$mode ", $answer->getStatusCode(), " ",
        $mode === "stream" ? $GLOBALS["pieces"] : $answer->getBody(), "\n";
    return true;
}

$failed = 0;
$asked = [];
foreach (array_chunk(array_slice($argv, 3), 2) as [$mode, $file]) {
    if ($interface === "multi") {
        $asked[] = [$mode, $client->postAsync($url, options($mode, $file))];
        continue;
    }
    try {
        $answer = $client->post($url, options($mode, $file));
    } catch (GuzzleException) {
        $answer = null;
    }
    $failed += !tell($mode, $answer);
}
$settled = Utils::settle(array_column($asked, 1))->wait();
foreach ($settled as $number => $one) {
    $failed += !tell($asked[$number][0], $one["value"] ?? null);
}
exit($failed);
