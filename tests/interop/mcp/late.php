<?php
// A client whose tools take long: of one the server lets go of the stream, the
// other is a task. By plain ext/curl, and no line of ours.
function ask($method, $params, $last = null)
{
    static $curl = null, $session = null, $id = 0;
    $curl = $curl ?? curl_init(getenv('TOOLS'));
    $headers = ['Accept: text/event-stream' . ($last ? '' : ', application/json')];
    if ($session)
        array_push($headers, 'Mcp-Session-Id: ' . $session, 'MCP-Protocol-Version: 2025-11-25');
    if ($last)
        $headers[] = 'Last-Event-ID: ' . $last;
    else
        $headers[] = 'Content-Type: application/json';
    curl_setopt($curl, CURLOPT_HTTPGET, true);
    if (!$last)
        curl_setopt($curl, CURLOPT_POSTFIELDS, json_encode(['jsonrpc' => '2.0',
            'id' => ++$id, 'method' => $method, 'params' => $params]));
    curl_setopt_array($curl, [CURLOPT_RETURNTRANSFER => true, CURLOPT_HTTPHEADER => $headers,
        CURLOPT_HEADERFUNCTION => function ($curl, $line) use (&$session) {
            if (stripos($line, 'mcp-session-id:') === 0)
                $session = trim(substr($line, 15));
            return strlen($line);
        }]);
    $text = curl_exec($curl);
    if ($text === false)
        exit('curl: ' . curl_error($curl) . "\n");
    preg_match_all('/^(?:data: *)?(\{.*)$/m', $text, $found);
    foreach ($found[1] as $one)
        if (isset(json_decode($one)->id) && !isset(json_decode($one)->method))
            return json_decode($one)->result;
    preg_match_all('/^id: (.*)$/m', $text, $ids);
    usleep(50000);
    return ask($method, $params, end($ids[1]) ?: $last);
}

ask('initialize', ['protocolVersion' => '2025-11-25', 'capabilities' => new stdClass,
    'clientInfo' => ['name' => 'late.php', 'version' => '1']]);
print(ask('tools/call', ['name' => 'slow', 'arguments' => ['city' => 'Oslo']])->content[0]->text . "\n");
$task = ask('tools/call', ['name' => 'long', 'arguments' => ['city' => 'Bergen'],
    'task' => ['ttl' => 60000]])->task;
while ($task->status === 'working') {
    usleep(50000);
    $task = ask('tasks/get', ['taskId' => $task->taskId]);
}
print(ask('tasks/result', ['taskId' => $task->taskId])->content[0]->text . "\n");
