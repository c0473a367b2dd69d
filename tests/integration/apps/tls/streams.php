<?php
/* Calls by PHP's own streams. usage: streams.php URL CA MODEL...; a model that
 * begins with "s:" is streamed, one with "1.0:" asked by HTTP/1.0. */
[, $url, $ca] = $argv;
foreach (array_slice($argv, 3) as $model) {
    $streamed = str_starts_with($model, 's:');
    $version = str_starts_with($model, '1.0:') ? '1.0' : '1.1';
    $model = preg_replace('/^(s|1\.0):/', '', $model);
    $body = ['model' => $model,
             'messages' => [['role' => 'user', 'content' => 'hello there']]];
    if ($streamed) {
        $body += ['stream' => true, 'stream_options' => ['include_usage' => true]];
    }
    $context = stream_context_create([
        'http' => ['method' => 'POST', 'protocol_version' => $version,
                   'header' => "Content-Type: application/json\r\n" .
                               "Authorization: Bearer sk-SECRETKEY\r\n",
                   'content' => json_encode($body), 'ignore_errors' => true,
                   'timeout' => 20],
        'ssl' => ['cafile' => $ca]]);
    $file = @fopen($url, 'r', false, $context);
    $text = '';
    while ($file && !feof($file)) {
        $text .= fread($file, 1000);
    }
    echo $model, ' ', strlen($text), ' ', md5($text), "\n";
}
