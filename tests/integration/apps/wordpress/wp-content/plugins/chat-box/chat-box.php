<?php
/* Plugin Name: Chat box */
add_shortcode("chat", function () {
    told(); $reply = wp_remote_post(LLM, question("chat"));
    return answer_of($reply);
});

function chat_ask()
{
    told(); $reply = wp_remote_request(LLM, question("ask") + ["method" => "POST"]);
    return answer_of($reply);
}

add_action("wp_ajax_nopriv_chat", fn () => wp_send_json(chat_ask()));
add_action("rest_api_init", function () {
    register_rest_route("chat/v1", "/ask", [
        "callback" => "chat_ask", "permission_callback" => "__return_true"]);
});
