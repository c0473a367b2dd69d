<?php
/* The test of a program that asks a model; offline.c says more. */
function ask(array $chat): void
{
    $c = curl_init(getenv('OPENAI_BASE_URL') . '/chat/completions');
    curl_setopt_array($c, [
        CURLOPT_POSTFIELDS => json_encode($chat),
        CURLOPT_HTTPHEADER => ['Content-Type: application/json',
            'Authorization: Bearer sk-Zq7fUnspeakable9Xw2'],
        CURLOPT_ENCODING => '',
        CURLOPT_WRITEFUNCTION => function ($c, string $data): int {
            echo $data;
            return strlen($data);
        }]);
    curl_exec($c);
    printf("\n%d %d\n", curl_errno($c), curl_getinfo($c, CURLINFO_HTTP_CODE));
}

$say = fn(string $text) => [['role' => 'user', 'content' => $text]];
ask(['model' => 'm', 'messages' => $say('PHP')]);
ask(['model' => 'm', 'messages' => $say('a stream for PHP'), 'stream' => true]);
ask(['model' => 'gzip', 'messages' => $say('compressed')]);
ask(['model' => 'error-429', 'messages' => $say('PHP')]);
