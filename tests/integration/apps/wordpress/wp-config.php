<?php
/* A site; the file beside it says where its database, model and log are. */
require __DIR__ . "/places.php";
const WP_HOME = "http://localhost:1", WP_SITEURL = WP_HOME;
const DB_NAME = "test", DB_USER = "root", DB_PASSWORD = "";
const DISABLE_WP_CRON = true, WP_CRON_LOCK_TIMEOUT = 0;
const WP_HTTP_BLOCK_EXTERNAL = true, WP_ACCESSIBLE_HOSTS = "127.0.0.1";
const AUTOMATIC_UPDATER_DISABLED = true, WP_DEFAULT_THEME = "paper";
$table_prefix = "wp_";

function wp_mail()
{
    return true;
}

/* Says where PHP itself is, by its own backtrace. */
function told()
{
    $frames = debug_backtrace(DEBUG_BACKTRACE_IGNORE_ARGS);
    $of = $frames[1];
    file_put_contents(TOLD, json_encode([
        "file" => $frames[0]["file"], "line" => $frames[0]["line"],
        "code" => (isset($of["class"]) ? $of["class"] . "::" : "") . $of["function"],
        "files" => array_values(array_filter(array_column($frames, "file")))],
        JSON_UNESCAPED_SLASHES) . "\n", FILE_APPEND | LOCK_EX);
}

function answer_of($reply)
{
    return is_wp_error($reply) ? $reply->get_error_message()
        : json_decode(wp_remote_retrieve_body($reply))->choices[0]->message->content;
}

function question($prompt)
{
    return ["timeout" => 20, "headers" => ["Content-Type" => "application/json",
                                           "Authorization" => "Bearer " . KEY],
            "body" => json_encode(["model" => "gpt-test", "messages" => [
                ["role" => "user", "content" => $prompt]]])];
}

defined("ABSPATH") || define("ABSPATH", __DIR__ . "/");
require ABSPATH . "wp-settings.php";
