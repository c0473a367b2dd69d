<?php
/* Pages that end in odd ways, by their path; with the helper and without. */
$path = basename($_SERVER['REQUEST_URI']);
if ($path === 'fatal')
    throw new RuntimeException("broke\nwith a second line");
if ($path === 'refused') {
    http_response_code(503);
    echo 'come back later';
}
if ($path === 'buffered') {
    ob_start();
    echo 'one ';
    ob_start(function ($text) { return strtoupper($text); });
    echo 'two';
}
if ($path === 'crashed') { /* strtoupper takes one argument */
    ob_start('strtoupper');
    echo 'never seen';
}
if ($path === 'emptied') {
    echo 'gone to the client';
    while (ob_get_level())
        ob_end_clean();
    echo ' unseen by buffers';
}
if ($path === 'late') {
    register_shutdown_function(function () { echo ' and last words'; });
    echo 'the page';
}
if ($path === 'cleaned') {
    echo 'kept';
    ob_start();
    echo 'thrown away';
    ob_end_clean();
}
if ($path === 'redirect') {
    header('Location: /elsewhere', true, 302);
    exit;
}
if ($path === 'big')
    for ($i = 0; $i < 300; $i++)
        echo str_repeat('x', 10000);
if ($path === 'binary')
    echo "\xff\x00\xfe raw";
if ($path === 'echo')
    echo file_get_contents('php://input');
if ($path === 'span' && class_exists('Llmobs', false)) {
    Llmobs::span('retrieval', 'search', function () { return ['a', 'b']; }, 'q');
    try {
        Llmobs::span('tool', 'breaks', function () { throw new Exception('no'); });
    } catch (Exception $e) {
        echo 'caught ', $e->getMessage();
    }
    Llmobs::start('task', 'left');
    exit;
}
