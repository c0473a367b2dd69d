<?php
// usage: ask.php streams|curl URL FILE|- [BODY]
[, $way, $url, $trust] = $argv;
$body = isset($argv[4]) ? file_get_contents($argv[4]) : null;
$type = 'Content-Type: application/json';
if ($way == 'streams') {
    $context = ['http' => $body ? ['method' => 'POST', 'header' => $type, 'content' => $body] : [],
                'ssl' => $trust == '-' ? [] : ['cafile' => $trust]];
    echo file_get_contents($url, false, stream_context_create($context)), "\n";
} else {
    $c = curl_init($url);
    if ($body)
        curl_setopt_array($c, [CURLOPT_POSTFIELDS => $body, CURLOPT_HTTPHEADER => [$type]]);
    if ($trust != '-')
        curl_setopt($c, CURLOPT_CAINFO, $trust);
    curl_exec($c);
    echo curl_errno($c), "\n";
}
