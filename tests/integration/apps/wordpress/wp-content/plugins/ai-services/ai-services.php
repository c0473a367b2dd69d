<?php
/* Plugin Name: AI services */
namespace AiServices;

require __DIR__ . "/vendor/http/Sender.php";

class Client
{
    public static function generate($prompt)
    {
        told(); $reply = wp_remote_post(LLM, question($prompt));
        return answer_of($reply);
    }

    public function send($prompt)
    {
        return (new \Http\Sender())->each([$prompt], function ($prompt) {
            told(); return wp_remote_post(LLM, question($prompt));
        });
    }
}
