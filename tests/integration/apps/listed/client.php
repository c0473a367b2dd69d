<?php
// client.php BASE [CA]: three calls, the last with a body of 300 KB.
for ($i = 0; $i < 3; $i++) {
    echo file_get_contents($argv[1] . '/v1/chat/completions', false, stream_context_create([
        'http' => ['method' => 'POST', 'header' => "Content-Type: application/json\r\n",
            'content' => json_encode(['model' => 'm', 'messages' => [
                ['role' => 'user', 'content' => str_repeat('hi ', $i == 2 ? 100000 : 1)]]])],
        'ssl' => ['cafile' => $argv[2] ?? null]])), "\n";
}
