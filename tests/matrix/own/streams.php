<?php
/* usage: streams.php LIBRARY URL (MODE FILE)...
 *
 * Calls by PHP's own streams: by fopen (streams), by Guzzle with stream => true,
 * as openai-php and Prism make them (guzzle), and by Symfony's native client
 * (symfony). CA_FILE names the authority. */
[, $library, $url] = $argv;
$ca = getenv("CA_FILE");
$heads = ["Content-Type" => "application/json",
          "Authorization" => "Bearer sk-of-nobody"];
$failed = 0;

function streams($url, $mode, $body)
{
    global $ca, $heads;
    $lines = array_map(fn($name) => "$name: $heads[$name]", array_keys($heads));
    $context = stream_context_create([
        "http" => ["method" => "POST", "protocol_version" => "1.1",
                   "header" => $lines, "content" => $body,
                   "ignore_errors" => true,
                   "timeout" => $mode === "timeout" ? 0.6 : 20],
        "ssl" => ["cafile" => $ca]]);
    $file = fopen($url, "r", false, $context);
    $text = stream_get_contents($file);
    $late = stream_get_meta_data($file)["timed_out"];
    return [explode(" ", $http_response_header[0])[1], $text, $late];
}

function guzzle($url, $mode, $body)
{
    global $ca, $heads;
    static $client;
    require_once "/usr/share/php/GuzzleHttp/autoload.php";
    $client ??= new GuzzleHttp\Client(["verify" => $ca]);
    $answer = $client->request("POST", $url, [
        "headers" => $heads, "body" => $body, "stream" => true,
        "http_errors" => false, "read_timeout" => $mode === "timeout" ? 0.6 : 20]);
    $text = "";
    while (!$answer->getBody()->eof()) {
        $text .= $answer->getBody()->read(100);
        if ($answer->getBody()->getMetadata("timed_out")) {
            return [$answer->getStatusCode(), $text, true];
        }
    }
    return [$answer->getStatusCode(), $text, false];
}

function symfony($url, $mode, $body)
{
    global $ca, $heads;
    static $client;
    require_once "/usr/share/php/Symfony/Component/HttpClient/autoload.php";
    $client ??= new Symfony\Component\HttpClient\NativeHttpClient(["cafile" => $ca]);
    $answer = $client->request("POST", $url, [
        "headers" => $heads, "body" => $body, "buffer" => false,
        "max_duration" => $mode === "timeout" ? 0.6 : 0]);
    $text = "";
    try {
        $answer->getHeaders(false);
        foreach ($client->stream($answer) as $chunk) {
            $text .= $chunk->getContent();
        }
        return [$answer->getStatusCode(), $text, false];
    } catch (Symfony\Contracts\HttpClient\Exception\TransportExceptionInterface $e) {
        return [200, $text, true];
    }
}

foreach (array_chunk(array_slice($argv, 3), 2) as [$mode, $file]) {
    [$code, $text, $late] = $library($url, $mode, file_get_contents($file));
    echo "$mode $code ", $late ? "late" : $text, "\n";
    $failed += $code != 200 || $late;
}
exit($failed);
