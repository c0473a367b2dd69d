<?php
/* A call of a function, and an end: usage: ends.php HOW URL BODY */
function ask(string $url, string $body): void
{
    $c = curl_init($url);
    curl_setopt_array($c, [CURLOPT_POSTFIELDS => $body, CURLOPT_RETURNTRANSFER => true,
                           CURLOPT_HTTPHEADER => ["Content-Type: application/json"]]);
    curl_exec($c);
}

ask($argv[2], $argv[3]);
if ($argv[1] === "kill") {
    posix_kill(getmypid(), 9);
}
