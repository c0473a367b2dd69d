<?php
/* Calls from all kinds of frames; before each, on its own line, PHP's own
 * backtrace. usage: lines.php URL BODY */
[, $url, $body] = $argv;

function told(): void
{
    $frames = debug_backtrace(DEBUG_BACKTRACE_IGNORE_ARGS);
    $code = $frames[1] ?? [];
    if (in_array($code["function"] ?? "", ["include", "require", "eval"])) {
        $code = [];
    }
    $files = array_filter(array_column($frames, "file"));
    $class = isset($code["class"]) ? explode("\0", $code["class"])[0] . "::" : "";
    echo json_encode(["file" => $frames[0]["file"], "line" => $frames[0]["line"],
                      "code" => $code ? $class . $code["function"] : null,
                      "entry" => end($files)], JSON_UNESCAPED_SLASHES), "\n";
}

function handle()
{
    global $url, $body;
    $c = curl_init($url);
    curl_setopt_array($c, [CURLOPT_POSTFIELDS => $body, CURLOPT_RETURNTRANSFER => true,
                           CURLOPT_HTTPHEADER => ["Content-Type: application/json"]]);
    return $c;
}

$c = handle();
told(); curl_exec($c);

function plain($c)
{
    told(); curl_exec($c);
}

class Client
{
    public $c;

    public function ask() { told(); curl_exec($this->c); }

    public static function once($c) { told(); curl_exec($c); }

    public function __call($name, $arguments)
    {
        told(); curl_exec($this->c);
    }

    public function steps()
    {
        yield 1;
        told(); curl_exec($this->c);
        yield 2;
    }

    public function all()
    {
        yield 0;
        yield from $this->steps();
    }
}

class Late extends Client
{
    public function __destruct() { told(); curl_exec($this->c); }
}

plain($c);
$client = new Client();
$client->c = $c;
$client->ask();
Client::once($c);
$client->anything();
array_map(function ($c) { told(); curl_exec($c); }, [$c]);
$sorted = [2, 1];
usort($sorted, fn ($a, $b) => plain($c) ?? 0);
(new class { public function go($c) { told(); curl_exec($c); } })->go($c);
include __DIR__ . "/lines/included.php";
foreach ($client->all() as $step);
eval('told(); curl_exec($c);');
eval('eval("

    told(); curl_exec(\$c);");');

/* An object of the frames that an exception leaves. */
try {
    (function () use ($c) {
        $late = new Late();
        $late->c = $c;
        throw new Exception();
    })();
} catch (Exception $e) {
}
try {
    try {
        throw new Exception();
    } finally {
        told(); curl_exec($c);
    }
} catch (Exception $e) {
    told(); curl_exec($c);
}

$m = curl_multi_init();
told(); curl_multi_add_handle($m, $c);
do {
    $state = curl_multi_exec($m, $running);
    curl_multi_select($m, 0.2);
} while ($running && $state === CURLM_OK);
curl_multi_remove_handle($m, $c);

if (function_exists("pcntl_fork")) {
    $child = pcntl_fork();
    if ($child === 0) {
        plain(handle());
        exit;
    }
    pcntl_waitpid($child, $status);
}

set_error_handler(function () use ($c) { told(); return (bool) curl_exec($c); });
echo $undefined;

register_shutdown_function(function () use ($c) { told(); curl_exec($c); });
set_exception_handler(function () use ($c) { told(); curl_exec($c); });
throw new Exception();
