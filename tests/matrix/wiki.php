<?php
/* usage: wiki.php INTERFACE URL (MODE FILE)...
 * A maintenance script of MediaWiki; by its API, the action `ask` with those in
 * the parameter `args`, a JSON list.
 *
 * easy: by HttpRequestFactory, which gives the calls to Guzzle; multi: by its
 * MultiHttpClient, those at once that have one limit of time. */
use MediaWiki\MediaWikiServices;

function ask_easy($factory, $url, $mode, $file)
{
    $pieces = "";
    $request = $factory->create($url, [
        "method" => "POST", "postData" => file_get_contents($file),
        "timeout" => $mode === "timeout" ? 0.6 : 20], __METHOD__);
    $request->setHeader("Content-Type", "application/json");
    if ($mode !== "json") {
        $request->setCallback(function ($handle, $piece) use (&$pieces) {
            $pieces .= $piece;
            return strlen($piece);
        });
    }
    $well = $request->execute()->isOK();
    return "$mode " . ($well ? "well " : "failed ") . $request->getStatus() .
        " " . ($mode === "json" ? $request->getContent() : $pieces) . "\n";
}

function ask_multi($factory, $url, $calls)
{
    $said = "";
    foreach ([20, 0.6] as $limit) {
        $asked = [];
        foreach ($calls as [$mode, $file]) {
            if (($mode === "timeout") === ($limit < 1)) {
                $asked[] = [
                    "method" => "POST", "url" => $url,
                    "headers" => ["Content-Type" => "application/json"],
                    "body" => file_get_contents($file)];
            }
        }
        $client = $factory->createMultiClient(["reqTimeout" => $limit]);
        foreach ($client->runMulti($asked) as ["response" => $r]) {
            $said .= "$r[error] $r[code] $r[body]\n";
        }
    }
    return $said;
}

function ask_all($args)
{
    [$interface, $url] = $args;
    $calls = array_chunk(array_slice($args, 2), 2);
    $factory = MediaWikiServices::getInstance()->getHttpRequestFactory();
    if ($interface === "multi") {
        return ask_multi($factory, $url, $calls);
    }
    return implode(array_map(fn($call) => ask_easy($factory, $url, ...$call),
                             $calls));
}

if (defined("MEDIAWIKI")) {
    class ApiAsk extends ApiBase
    {
        public function execute()
        {
            $args = json_decode($this->getParameter("args"));
            $this->getResult()->addValue(null, "said", ask_all($args));
        }

        public function getAllowedParams()
        {
            return ["args" => null];
        }
    }
    return;
}

require_once "/usr/share/mediawiki/maintenance/Maintenance.php";

class Ask extends Maintenance
{
    public function execute()
    {
        echo ask_all($this->mArgs);
    }
}

$maintClass = Ask::class;
require_once RUN_MAINTENANCE_IF_MAIN;
