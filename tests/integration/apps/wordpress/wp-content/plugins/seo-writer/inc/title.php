<?php
function seo_title($title)
{
    return AiServices\Client::generate("title: " . $title);
}

/* Each night makes the next one. */
function seo_night()
{
    wp_schedule_single_event(time() - 1, "seo_nightly");
    $client = new AiServices\Client();
    $client->send("tonight");
}
