<?php
/* usage: calls.php easy|multi|callbacks|copy|options URL BODY... */
[, $how, $url] = $argv;
$bodies = array_slice($argv, 3);

function make(string $url, string $body)
{
    $c = curl_init($url);
    curl_setopt_array($c, [
        CURLOPT_POST => true,
        CURLOPT_POSTFIELDS => $body,
        CURLOPT_HTTPHEADER => ["Content-Type: application/json"],
        CURLOPT_RETURNTRANSFER => true,
    ]);
    return $c;
}

function told($c): string
{
    return curl_getinfo($c, CURLINFO_RESPONSE_CODE) . " " . curl_errno($c) .
        " " . curl_error($c) . " " . curl_getinfo($c, CURLINFO_SIZE_DOWNLOAD);
}

if ($how === "easy") {
    foreach ($bodies as $body) {
        $c = make($url, $body);
        echo curl_exec($c), "\n", told($c), "\n";
        curl_close($c);
    }
} elseif ($how === "multi") {
    $m = curl_multi_init();
    $all = [];
    foreach ($bodies as $body) {
        $all[] = $c = make($url, $body);
        curl_multi_add_handle($m, $c);
    }
    do {
        $state = curl_multi_exec($m, $running);
        if ($running) {
            curl_multi_select($m, 0.2);
        }
    } while ($running && $state === CURLM_OK);
    $done = 0;
    while (($info = curl_multi_info_read($m)) !== false) {
        $done += $info["result"] === CURLE_OK;
    }
    echo $done, "\n";
    foreach ($all as $c) {
        echo curl_multi_getcontent($c), "\n", told($c), "\n";
        curl_multi_remove_handle($m, $c);
    }
    curl_multi_close($m);
} elseif ($how === "callbacks") {
    foreach ($bodies as $body) {
        $c = make($url, $body);
        $head = 0;
        curl_setopt($c, CURLOPT_HEADERFUNCTION, function ($c, $line) use (&$head) {
            $head += strlen($line);
            return strlen($line);
        });
        curl_setopt($c, CURLOPT_WRITEFUNCTION, function ($c, $data) {
            curl_setopt($c, CURLOPT_PRIVATE, "seen");
            echo $data;
            return strlen($data);
        });
        curl_exec($c);
        echo "\n", $head, curl_getinfo($c, CURLINFO_PRIVATE), told($c), "\n";
    }
} elseif ($how === "copy") {
    foreach ($bodies as $body) {
        $c = make($url, $body);
        $d = curl_copy_handle($c);
        echo curl_exec($d), "\n", curl_exec($c), "\n", told($d), "\n";
    }
} else {
    foreach ($bodies as $body) {
        $c = make($url, $body);
        curl_setopt($c, CURLOPT_HEADER, true);
        curl_setopt($c, CURLINFO_HEADER_OUT, true);
        $text = curl_exec($c);
        echo $text, "\n", curl_getinfo($c, CURLINFO_HEADER_OUT), "\n";
        curl_reset($c);
        curl_setopt($c, CURLOPT_URL, str_replace("/chat/completions", "/models", $url));
        echo curl_exec($c), "\n", told($c), "\n";
    }
}
