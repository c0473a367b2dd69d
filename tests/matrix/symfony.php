<?php
/* usage: symfony.php INTERFACE URL (MODE FILE)...
 *
 * Symfony's HttpClient as Symfony AI's platforms use it: a client for events
 * around the one that HttpClient::create() chooses, documents whole and streams
 * chunk by chunk (symfony/ai, src/platform/src/Bridge/OpenAi/Gpt/ModelClient.php
 * and src/platform/src/Result/RawHttpResult.php). easy: each answer is waited
 * for; multi: all are asked for first. */
require "/usr/share/php/Symfony/Component/HttpClient/autoload.php";

use Symfony\Component\HttpClient\Chunk\ServerSentEvent;
use Symfony\Component\HttpClient\EventSourceHttpClient;
use Symfony\Component\HttpClient\HttpClient;
use Symfony\Contracts\HttpClient\Exception\ExceptionInterface;

[, $interface, $url] = $argv;
$plain = HttpClient::create();
// It repeats for ever a stream that ends early: that call goes without.
$client = new EventSourceHttpClient($plain);
$failed = 0;

function ask($url, $mode, $file)
{
    global $client, $plain;
    return ($mode === "timeout" ? $plain : $client)->request("POST", $url, [
        "headers" => ["Content-Type" => "application/json"],
        "auth_bearer" => "sk-of-nobody",
        "body" => file_get_contents($file),
        "max_duration" => $mode === "timeout" ? 0.6 : 0]);
}

function tell($client, $mode, $response): bool
{
    try {
        echo "$mode ", $response->getStatusCode(), " ";
        if ($mode !== "stream") {
            echo json_encode($response->toArray(false)), "\n";
            return true;
        }
        foreach ($client->stream($response) as $chunk) {
            if ($chunk instanceof ServerSentEvent) {
                echo $chunk->getData(), "\n";
            }
        }
    } catch (ExceptionInterface $e) {
        echo get_class($e), "\n";
        return false;
    }
    return true;
}

$calls = array_chunk(array_slice($argv, 3), 2);
if ($interface === "multi") {
    $asked = [];
    foreach ($calls as [$mode, $file]) {
        $asked[] = [$mode, ask($url, $mode, $file)];
    }
    foreach ($asked as [$mode, $response]) {
        $failed += !tell($client, $mode, $response);
    }
} else {
    foreach ($calls as [$mode, $file]) {
        $failed += !tell($client, $mode, ask($url, $mode, $file));
    }
}
exit($failed);
