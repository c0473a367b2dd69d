<?php
/* A gateway that knows nothing of traces. UPSTREAM is a base URL. */
function ask(): string
{
    $c = curl_init(getenv('UPSTREAM') . '/chat/completions');
    curl_setopt_array($c, [
        CURLOPT_POSTFIELDS => file_get_contents('php://input'),
        CURLOPT_HTTPHEADER => ['Content-Type: application/json'],
        CURLOPT_RETURNTRANSFER => true]);
    return curl_exec($c);
}

ignore_user_abort(true);
header('Content-Type: application/json');
switch ($_SERVER['REQUEST_URI']) {
case '/plain':
    echo 'plain';
    break;
case '/pieces': /* more than a web server keeps back */
    echo str_pad('first ', 1 << 16);
    while (ob_get_level())
        ob_end_flush();
    flush();
    echo ask();
    break;
case '/two':
    ask();
    echo ask();
    break;
case '/die':
    ask();
    throw new Exception('told to die');
default:
    echo ask();
}
