<?php
/* A company's gateway as one PHP page: it takes a chat in the form of OpenAI's
 * API, adds the rules of the house, and asks the model behind UPSTREAM (a base
 * URL), with a stream if the caller wants one. Nothing here knows that it is
 * observed:
 *
 *     UPSTREAM=https://api.openai.com/v1 llmobs-run --inbound \
 *         --service chat-proxy php -S 127.0.0.1:8080 -t examples
 *
 * Its base URL is then http://127.0.0.1:8080/chat.php/v1.
 */
function refuse(int $status, string $why): void
{
    http_response_code($status);
    header('Content-Type: application/json');
    echo json_encode(['error' => ['message' => $why]]);
}

$chat = json_decode(file_get_contents('php://input'), true);
if (!is_array($chat['messages'] ?? null)) {
    refuse(400, 'no messages');
    return;
}
array_unshift($chat['messages'],
    ['role' => 'system', 'content' => 'Be brief and kind.']);

$c = curl_init(getenv('UPSTREAM') . '/chat/completions');
curl_setopt_array($c, [
    CURLOPT_POSTFIELDS => json_encode($chat),
    CURLOPT_HTTPHEADER => ['Content-Type: application/json',
        'Authorization: Bearer ' . getenv('OPENAI_API_KEY')],
    CURLOPT_HEADERFUNCTION => function ($c, string $line): int {
        if (preg_match('~^HTTP/\S+ (\d+)~', $line, $found))
            http_response_code((int)$found[1]);
        elseif (stripos($line, 'content-type:') === 0)
            header(trim($line));
        return strlen($line);
    },
    CURLOPT_WRITEFUNCTION => function ($c, string $data): int {
        echo $data;
        flush();
        return strlen($data);
    }]);
if (!curl_exec($c) && !headers_sent())
    refuse(502, curl_error($c));
