<?php
namespace Http;

class Sender
{
    public function each($prompts, $do)
    {
        return array_map($do, $prompts)[0];
    }
}
