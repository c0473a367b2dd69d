<?php
/* Asks a model, and only then tells all that PHP knows of the request and of its
 * memory, which ?full uses up before. UPSTREAM is a base URL. PHP makes $_SERVER
 * when a page's code names it, so this code names it in an eval, at the end. */
if (isset($_GET['full'])) {
    $full = array_fill(0, 1000, '');
    $most = memory_get_usage(true);
    for ($i = 0; memory_get_usage(true) === $most; $i++)
        $full[$i] = str_repeat('x', 8100);
    /* The text that did not fit made PHP take 2 MiB more: this leaves 64 KiB. */
    ini_set('memory_limit', (string)memory_get_usage(true));
    for ($left = 246; $left > 0; $left--)
        $full[++$i] = str_repeat('x', 8100);
}
$c = curl_init(getenv('UPSTREAM') . '/chat/completions');
curl_setopt_array($c, [
    CURLOPT_POSTFIELDS => file_get_contents('php://input'),
    CURLOPT_HTTPHEADER => ['Content-Type: application/json'],
    CURLOPT_RETURNTRANSFER => true]);
echo curl_exec($c), ' ', memory_get_usage(), ' ', memory_get_peak_usage();
if (isset($full))
    return;
$names = array_keys($GLOBALS);
foreach ([eval('return $_SERVER;'), getallheaders(),
        filter_input_array(INPUT_SERVER), $names] as $known) {
    foreach (['REQUEST_TIME', 'REQUEST_TIME_FLOAT', 'REMOTE_PORT',
            'SERVER_PORT', 'HTTP_HOST', 'Host'] as $name)
        if (isset($known[$name]))
            $known[$name] = 'differs'; /* from run to run */
    print_r($known);
}
