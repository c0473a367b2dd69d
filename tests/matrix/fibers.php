<?php
/* usage: fibers.php INTERFACE URL (MODE FILE)...
 *
 * Each call in a coroutine of its own, all on one thread, as Swoole has them.
 * easy: a piece of an answer makes its Fiber give way, within curl_exec: so the
 * calls of libcurl end in another order than they are nested. multi: one multi
 * drives the transfers of all Fibers, each of which waits for its own. */
[, $interface, $url] = $argv;
$failed = 0;

function ask($interface, $url, $mode, $file)
{
    $answer = "";
    $c = curl_init($url);
    curl_setopt_array($c, [
        CURLOPT_POSTFIELDS => file_get_contents($file),
        CURLOPT_HTTPHEADER => ["Content-Type: application/json"],
        CURLOPT_TIMEOUT_MS => $mode === "timeout" ? 600 : 0,
        CURLOPT_WRITEFUNCTION => function ($c, $data) use (
            &$answer, $interface) {
            $answer .= $data;
            if ($interface === "easy") {
                Fiber::suspend();
            }
            return strlen($data);
        }]);
    if ($interface === "multi") {
        $result = Fiber::suspend($c);
    } else {
        curl_exec($c);
        $result = curl_errno($c);
    }
    $GLOBALS["failed"] += $result !== 0;
    return "$mode $result " . curl_getinfo($c, CURLINFO_RESPONSE_CODE) .
        " $answer\n";
}

function take_turns($fibers)
{
    while ($left = array_filter($fibers, fn($f) => !$f->isTerminated())) {
        foreach ($left as $fiber) {
            $fiber->resume();
        }
    }
}

function drive($multi, $waiting)
{
    do {
        curl_multi_exec($multi, $running);
        while ($info = curl_multi_info_read($multi)) {
            curl_multi_remove_handle($multi, $info["handle"]);
            $waiting[$info["handle"]]->resume($info["result"]);
        }
        if ($running) {
            curl_multi_select($multi, 0.1);
        }
    } while ($running);
}

$multi = curl_multi_init();
$waiting = new WeakMap();
$fibers = [];
foreach (array_chunk(array_slice($argv, 3), 2) as [$mode, $file]) {
    $fibers[] = $fiber = new Fiber(ask(...));
    $c = $fiber->start($interface, $url, $mode, $file);
    if ($interface === "multi") {
        $waiting[$c] = $fiber;
        curl_multi_add_handle($multi, $c);
    }
}
if ($interface === "multi") {
    drive($multi, $waiting);
} else {
    take_turns($fibers);
}
foreach ($fibers as $fiber) {
    echo $fiber->getReturn();
}
exit($failed);
