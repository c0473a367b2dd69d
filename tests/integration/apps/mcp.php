<?php
/* A client of the Model Context Protocol. Each line of stdin is a message:
 * the protocol's version, method, name and body with tabs between them. Prints
 * all that the server says. usage: mcp.php URL */
const LIMIT = 20;

/* A stream that goes on beside the messages. */
class Stream
{
    public string $got = "";
    public ?int $code = null;

    public function __construct(public $multi, public $curl)
    {
        curl_setopt($curl, CURLOPT_WRITEFUNCTION, function ($c, $data) {
            $this->got .= $data;
            return strlen($data);
        });
        curl_multi_add_handle($multi, $curl);
    }

    /* Until it has so many events, or has ended. */
    public function await(int $events): void
    {
        $until = microtime(true) + LIMIT;
        while ($this->code === null && substr_count(
            str_replace("\r", "", $this->got), "\n\n") < $events) {
            if (microtime(true) > $until)
                exit("no event came\n");
            $this->drive();
        }
    }

    /* True where that other handle has come to its end. */
    public function drive($other = null): bool
    {
        $ended = false;
        curl_multi_exec($this->multi, $running);
        while ($info = curl_multi_info_read($this->multi)) {
            $ended = $ended || $info["handle"] === $other;
            if ($info["handle"] === $this->curl)
                $this->code = $info["result"];
        }
        if (!$ended && $running)
            curl_multi_select($this->multi, 0.1);
        return $ended;
    }

    public function close(): void
    {
        echo "stream: ", $this->code ?? "open", "\n", $this->got, "\n";
        curl_multi_remove_handle($this->multi, $this->curl);
    }
}

class Client
{
    private $easy;
    private $multi;
    private ?Stream $stream = null;
    private ?string $session = null;
    private ?string $where = null;
    private int $events = 0, $count = 0;

    public function __construct(private string $url, private string $version)
    {
        $this->easy = curl_init();
        $this->multi = curl_multi_init();
        $this->where = "$url/$version";
        if ($version === "2024-11-05")
            $this->listen();
    }

    private function listen(): void
    {
        $curl = curl_init($this->where);
        curl_setopt($curl, CURLOPT_HTTPHEADER,
            $this->headers(["Accept: text/event-stream"]));
        $this->stream = new Stream($this->multi, $curl);
        $this->stream->await(++$this->events);
        if ($this->version === "2024-11-05" &&
            preg_match("/data: (\S+)/", $this->stream->got, $found))
            $this->where = $this->url . $found[1];
    }

    private function headers(array $own): array
    {
        if ($this->session !== null)
            $own[] = "Mcp-Session-Id: " . $this->session;
        if ($this->version >= ($this->count > 0 ? "2025-06-18" : "2026"))
            $own[] = "MCP-Protocol-Version: " . $this->version;
        return $own;
    }

    private function post_headers(string $method, string $name): array
    {
        if ($this->version === "2024-11-05")
            return ["Content-Type: application/json"];
        $own = ["Content-Type: application/json",
            "Accept: application/json, text/event-stream"];
        if ($this->version >= "2026") {
            $own[] = "Mcp-Method: $method";
            if ($name !== "")
                $own[] = "Mcp-Name: $name";
        }
        return $this->headers($own);
    }

    /* Every second message goes by the multi that drives the stream, too. */
    private function perform(): string
    {
        if ($this->stream === null || $this->count % 2 === 0)
            return (string)curl_exec($this->easy);
        curl_multi_add_handle($this->multi, $this->easy);
        while (!$this->stream->drive($this->easy))
            ;
        $text = (string)curl_multi_getcontent($this->easy);
        curl_multi_remove_handle($this->multi, $this->easy);
        return $text;
    }

    private function send(array $options): string
    {
        curl_reset($this->easy);
        curl_setopt_array($this->easy, $options + [
            CURLOPT_URL => $this->where, CURLOPT_RETURNTRANSFER => true,
            CURLOPT_HEADERFUNCTION => function ($curl, $line) {
                if (stripos($line, "mcp-session-id:") === 0)
                    $this->session = trim(substr($line, 15));
                return strlen($line);
            }]);
        $text = $this->perform();
        echo curl_getinfo($this->easy, CURLINFO_RESPONSE_CODE), " ",
            curl_getinfo($this->easy, CURLINFO_CONTENT_TYPE), "\n$text\n";
        $this->count++;
        return $text;
    }

    public function message(string $method, string $name, string $body): void
    {
        $text = $this->send([CURLOPT_POSTFIELDS => $body,
            CURLOPT_HTTPHEADER => $this->post_headers($method, $name)]);
        if ($this->version === "2024-11-05" && strpos($body, '"id"'))
            $this->stream->await(++$this->events);
        if (preg_match('/^id: (\S+)\nretry/', $text, $found))
            $this->send([CURLOPT_HTTPHEADER => $this->headers([
                "Accept: text/event-stream", "Last-Event-ID: $found[1]"])]);
        if ($method === "initialize" && $this->version > "2024-11-05")
            $this->listen();
    }

    public function end(): void
    {
        if ($this->stream === null)
            return;
        if ($this->session !== null) {
            $this->send([CURLOPT_CUSTOMREQUEST => "DELETE",
                CURLOPT_HTTPHEADER => $this->headers([])]);
            $this->stream->await(1000);
        }
        $this->stream->close();
    }
}

$client = null;
$last = "";
while (($line = fgets(STDIN)) !== false) {
    [$version, $method, $name, $body] = explode("\t", rtrim($line, "\n"));
    if ($version !== $last) {
        $client?->end();
        $client = new Client($argv[1], $last = $version);
    }
    $client->message($method, $name, $body);
}
$client?->end();
