<?php
/* usage: client.php INTERFACE URL (MODE FILE)...      under a web server the
 * same, in the parameter `args`, a JSON list */
$args = isset($_GET["args"]) ? json_decode($_GET["args"]) :
    array_slice($argv, 1);
$multi = array_shift($args) === "multi";
$url = array_shift($args);
$failed = 0;

function perform_multi(CurlHandle $c): int
{
    $m = curl_multi_init();
    $result = -1;
    curl_multi_add_handle($m, $c);
    do {
        $state = curl_multi_exec($m, $running);
        if ($running) {
            curl_multi_select($m, 0.1);
        }
    } while ($running && $state === CURLM_OK);
    while (($info = curl_multi_info_read($m)) !== false) {
        $result = $info["result"];
    }
    curl_multi_remove_handle($m, $c);
    curl_multi_close($m);
    return $result;
}

foreach (array_chunk($args, 2) as [$mode, $file]) {
    $answer = "";
    $c = curl_init($url);
    curl_setopt_array($c, [
        CURLOPT_POSTFIELDS => file_get_contents($file),
        CURLOPT_HTTPHEADER => ["Content-Type: application/json"],
        CURLOPT_WRITEFUNCTION => function ($c, $data) use (&$answer, $mode) {
            if ($mode === "abort") {
                return 0;
            }
            $answer .= $data;
            return strlen($data);
        }]);
    if ($mode === "timeout") {
        curl_setopt($c, CURLOPT_TIMEOUT_MS, 600);
    }
    if ($multi) {
        $result = perform_multi($c);
    } else {
        curl_exec($c);
        $result = curl_errno($c);
    }
    echo "$mode $result ", curl_getinfo($c, CURLINFO_RESPONSE_CODE),
        " $answer\n";
    $failed += $result !== 0;
}
exit($failed);
