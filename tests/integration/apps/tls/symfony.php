<?php
/* Calls by Symfony's native client, all at once. usage: symfony.php URL CA COUNT */
require '/usr/share/php/Symfony/Component/HttpClient/autoload.php';
[, $url, $ca, $count] = $argv;
$client = new Symfony\Component\HttpClient\NativeHttpClient(
    ['cafile' => $ca, 'headers' => ['Authorization' => 'Bearer sk-SECRETKEY']], 8);
$responses = [];
for ($i = 0; $i < $count; $i++) {
    $responses[] = $client->request('POST', $url, ['json' => [
        'model' => 'gpt-test',
        'messages' => [['role' => 'user', 'content' => 'hello there']]] +
        ($i % 2 ? ['stream' => true, 'stream_options' => ['include_usage' => true]] : [])]);
}
foreach ($responses as $response) {
    echo $response->getStatusCode(), ' ', strlen($response->getContent(false)), "\n";
}
