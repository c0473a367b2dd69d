<?php
/* A plugin of WordPress: the route ask/v1/ask, which makes the calls of the
 * parameter `args`, a JSON list: INTERFACE URL (MODE FILE)...
 *
 * easy: by wp_remote_post, a stream to a file; multi: all at once by the
 * library below it. */

function ask_easy($mode, $asked)
{
    $place = $mode === "json" ? null : wp_tempnam("ask", get_temp_dir());
    $reply = wp_remote_post($asked["url"], [
        "headers" => $asked["headers"], "body" => $asked["data"],
        "timeout" => $asked["options"]["timeout"]] +
        ($place ? ["stream" => true, "filename" => $place] : []));
    $body = $place ? file_get_contents($place) :
        wp_remote_retrieve_body($reply);
    $place && unlink($place);
    return "$mode " . (is_wp_error($reply) ? $reply->get_error_code() :
        wp_remote_retrieve_response_code($reply)) . " $body\n";
}

function ask_multi($asked)
{
    $said = "";
    $replies = Requests::request_multiple($asked);
    ksort($replies); // they come as they end
    foreach ($replies as $reply) {
        $said .= ($reply instanceof Requests_Response ?
            "$reply->status_code $reply->body" : get_class($reply)) . "\n";
    }
    return $said;
}

function ask_all($request)
{
    require_once ABSPATH . "wp-admin/includes/file.php";
    [$interface, $url] = $args = json_decode($request["args"]);
    $modes = $asked = [];
    foreach (array_chunk(array_slice($args, 2), 2) as [$mode, $file]) {
        $modes[] = $mode;
        $asked[] = [
            "url" => $url, "type" => "POST", "data" => file_get_contents($file),
            "headers" => ["Content-Type" => "application/json"],
            "options" => ["timeout" => $mode === "timeout" ? 0.6 : 20]];
    }
    return $interface === "multi" ? ask_multi($asked) :
        implode(array_map("ask_easy", $modes, $asked));
}

add_action("rest_api_init", fn() => register_rest_route("ask/v1", "/ask", [
    "callback" => "ask_all", "permission_callback" => "__return_true"]));
