<?php
// The agent of examples/tools.sh in PHP: plain ext/curl, and no line of ours.
function post($url, $body, $headers, &$session = null)
{
    static $curl = null;
    $curl = $curl ?? curl_init();
    curl_setopt_array($curl, [
        CURLOPT_URL => $url, CURLOPT_POSTFIELDS => json_encode($body),
        CURLOPT_RETURNTRANSFER => true, CURLOPT_FAILONERROR => true,
        CURLOPT_HTTPHEADER => array_merge(['Content-Type: application/json'], $headers),
        CURLOPT_HEADERFUNCTION => function ($curl, $line) use (&$session) {
            if (stripos($line, 'mcp-session-id:') === 0)
                $session = trim(substr($line, 15));
            return strlen($line);
        }]);
    $answer = curl_exec($curl);
    if ($answer === false)
        exit('curl: ' . curl_error($curl) . "\n");
    return $answer;
}

function tools($state, $method, $params, $id = 1)
{
    $body = ['jsonrpc' => '2.0', 'method' => $method, 'params' => $params];
    $headers = ['Accept: application/json, text/event-stream'];
    if ($state->session ?? null)
        $headers[] = 'Mcp-Session-Id: ' . $state->session;
    $text = post(getenv('TOOLS'), $body + ($id ? ['id' => $id] : []), $headers, $state->session);
    preg_match('/^(?:data: *)?(\{.*)$/m', $text, $found);
    return json_decode($found[1] ?? 'null')->result ?? null;
}

function begin($question)
{
    $state = (object)['messages' => [['role' => 'user', 'content' => $question]], 'session' => null];
    tools($state, 'initialize', ['protocolVersion' => '2025-06-18',
        'capabilities' => new stdClass, 'clientInfo' => ['name' => 'agent.php', 'version' => '1']]);
    tools($state, 'notifications/initialized', new stdClass, 0);
    foreach (tools($state, 'tools/list', new stdClass)->tools as $tool)
        $state->tools[] = ['type' => 'function', 'function' => ['name' => $tool->name,
            'description' => $tool->description, 'parameters' => $tool->inputSchema]];
    return $state;
}

function step($state)
{
    $answer = post(getenv('MODEL') . '/v1/chat/completions', ['model' => 'gpt-4o-mini',
        'messages' => $state->messages, 'tools' => $state->tools],
        ['Authorization: Bearer ' . getenv('MODEL_KEY')]);
    $message = json_decode($answer)->choices[0]->message;
    $state->messages[] = $message;
    if (!isset($message->tool_calls))
        exit($message->content . "\n");
    foreach ($message->tool_calls as $call) {
        $result = tools($state, 'tools/call', ['name' => $call->function->name,
            'arguments' => json_decode($call->function->arguments)]);
        $state->messages[] = ['role' => 'tool', 'tool_call_id' => $call->id,
            'content' => $result->content[0]->text];
    }
}

$file = getenv('STATE');
if ($file && is_file($file))
    step($state = json_decode(file_get_contents($file)));
else
    $state = begin($argv[1]);
if ($file) {
    file_put_contents($file, json_encode($state));
    exit(3);
}
while (true)
    step($state);
