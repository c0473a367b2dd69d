<?php
/* llmobs.php - a page that asks language models, in one trace with its caller.
 *
 *     auto_prepend_file = /usr/local/share/llmobs/inbound/llmobs.php
 *
 * in php.ini, in a pool of php-fpm or with `php -d`; the router script of a
 * `php -S` must require it itself. The page's calls through curl are then part
 * of the trace, and of the ml_app, that the headers of its request name. PHP
 * resets the variables at the end of the request.
 *
 * LLMOBS_ENTRY=1, in the environment or as a fastcgi_param: the request itself
 * is a workflow span around them, "chat-proxy-entrypoint"; any other text is
 * its name. LLMOBS_ENTRY_CONTENT=1: its input is the request's body and its
 * output the page, the first MiB of each. Both need LLMOBS_COMMANDS=1.
 *
 * A page, and a script that requires this file, may open further spans, which
 * nest (LANGUAGES.md):
 *
 *     $docs = Llmobs::span('retrieval', 'search', fn() => search($q), $q);
 *
 * Without the library preloaded, all of this does nothing.
 */
if (!class_exists('Llmobs', false)) {
    final class Llmobs
    {
        const NAMES = ['TRACEPARENT', 'TRACESTATE', 'BAGGAGE',
            'X_DATADOG_TRACE_ID', 'X_DATADOG_PARENT_ID', 'X_DATADOG_TAGS',
            'X_DATADOG_SAMPLING_PRIORITY', 'X_DATADOG_ORIGIN'];
        const WHO = ['X_FORWARDED_FOR', 'FORWARDED', 'X_REAL_IP',
            'X_FORWARDED', 'FORWARDED_FOR', 'X_CLIENT_IP',
            'X_CLUSTER_CLIENT_IP', 'TRUE_CLIENT_IP', 'CF_CONNECTING_IP',
            'CF_CONNECTING_IPV6', 'FASTLY_CLIENT_IP', 'FLY_CLIENT_IP',
            'VIA', 'X_ENVOY_EXTERNAL_ADDRESS',
            'X_AZURE_CLIENTIP', 'X_AZURE_SOCKETIP',
            'CLOUDFRONT_VIEWER_ADDRESS', 'X_APPENGINE_USER_IP',
            'X_ORIGINAL_FORWARDED_FOR', 'X_VERCEL_FORWARDED_FOR'];
        const MOST = 1048576;

        private static $entry = false;
        private static $content = false;
        private static $output = '';
        private static $open = false; /* the output buffer */
        private static $closing = false;
        private static $spans = []; /* open: their variables, those before */
        private static $ffi; /* false: commands go by libcurl */

        /* Begins the current request; called at the end of this file. */
        public static function begin()
        {
            $headers = self::headers(self::NAMES);
            $who = self::headers(self::WHO);
            $address = (string)($_SERVER['REMOTE_ADDR'] ?? '');
            self::carry($headers, $who, $address);
            $name = self::setting('LLMOBS_ENTRY');
            self::$entry = $name !== '' && $name !== '0';
            self::$content = self::$entry
                && self::setting('LLMOBS_ENTRY_CONTENT') === '1';
            $what = ['headers' => (object)($headers + $who
                + [':remote-addr' => $address])];
            if (self::$entry)
                $what['entry'] = self::says('workflow', $name === '1'
                    ? 'chat-proxy-entrypoint' : $name, self::input());
            self::send('request/start', $what);
            register_shutdown_function([__CLASS__, 'end']);
        }

        /* Runs $work in a span and returns its result, which is the output if
         * it is text or can be JSON. $more: 'session_id', 'tags' => [...],
         * 'metadata', 'metrics', 'model_name' ... */
        public static function span($kind, $name, callable $work, $input = null,
            array $more = [])
        {
            self::start($kind, $name, $input, $more);
            try {
                $result = $work();
            } catch (\Throwable $e) {
                self::finish(null, get_class($e), $e->getMessage());
                throw $e;
            }
            self::finish($result);
            return $result;
        }

        public static function start($kind, $name, $input = null,
            array $more = [])
        {
            $said = self::send('span/start',
                self::says($kind, $name, $input) + $more);
            $given = $before = [];
            foreach (array_filter(explode("\n", (string)$said)) as $line) {
                [$key, $value] = explode('=', $line, 2);
                $given[$key] = $value;
                if (!in_array($key, self::NAMES)
                    || !function_exists('putenv'))
                    continue;
                $before[$key] = getenv($key, true);
                putenv($line); /* for programs that the page starts */
            }
            self::$spans[] = [$said, $given, $before];
        }

        /* Ends the span that was started last. */
        public static function finish($output = null, $type = '', $message = '')
        {
            [$said, , $before] = array_pop(self::$spans) ?: ['', [], []];
            foreach ($before as $name => $value)
                putenv($value === false ? $name : "$name=$value");
            if ($said !== '')
                self::send('span/finish', self::ended($output, $type, $message));
        }

        /* Adds to the span that was started last: 'output', 'tags' ... */
        public static function annotate(array $what)
        {
            self::send('span/annotate', $what);
        }

        /* Evaluates the open span, or the one whose ids() are in $more. */
        public static function evaluate($label, $value, array $more = [])
        {
            self::send('evaluate', ['label' => $label, 'value' => $value] + $more);
        }

        /* The open span's, for an evaluation later. */
        public static function ids()
        {
            $given = self::$spans ? end(self::$spans)[1] : [];
            return array_intersect_key($given, ['span_id' => 1, 'trace_id' => 1]);
        }

        /* Runs after the functions that the page has registered itself. */
        public static function end()
        {
            register_shutdown_function([__CLASS__, 'close']);
        }

        public static function close()
        {
            self::$closing = true;
            if (!self::$open) /* else PHP ends it, after the page's buffers */
                self::leave();
        }

        /* Keeps the page's output as it passes. */
        public static function keep($text, $phase)
        {
            $room = self::MOST - strlen(self::$output);
            if ($room > 0)
                self::$output .= substr($text, 0, $room);
            if ($phase & PHP_OUTPUT_HANDLER_FINAL) {
                self::$open = false;
                if (self::$closing)
                    self::leave();
            }
            return $text;
        }

        private static function leave()
        {
            [$type, $message] = self::failure();
            self::send('request/finish', self::$entry ? ['entry' => (object)
                self::ended(self::$content ? self::$output : null, $type,
                    $message)] : []);
        }

        private static function setting($name)
        {
            return (string)($_SERVER[$name] ?? getenv($name));
        }

        private static function headers(array $names)
        {
            $found = [];
            foreach ($names as $name)
                if (is_string($_SERVER["HTTP_$name"] ?? null))
                    $found[strtolower(strtr($name, '_', '-'))] =
                        $_SERVER["HTTP_$name"];
            return $found;
        }

        /* Without a context in the request the process keeps its own, if any.
         */
        private static function carry(array $headers, array $who, $address)
        {
            if (!$headers || !function_exists('putenv'))
                return;
            $headers += $who;
            foreach (array_merge(self::NAMES, self::WHO) as $name) {
                $header = strtolower(strtr($name, '_', '-'));
                putenv("HTTP_$name" . (isset($headers[$header])
                    ? '=' . $headers[$header] : ''));
            }
            putenv('REMOTE_ADDR' . ($address === '' ? '' : "=$address"));
            foreach (['TRACEPARENT', 'TRACESTATE', 'BAGGAGE'] as $name)
                putenv($name);
        }

        /* Reads the request's body; keeps the page's output from here on. */
        private static function input()
        {
            if (!self::$content)
                return null;
            self::$open = ob_start([__CLASS__, 'keep'], 1);
            return (string)file_get_contents('php://input', false, null, 0,
                self::MOST);
        }

        private static function says($kind, $name, $input)
        {
            return ['kind' => $kind, 'name' => $name]
                + ($input === null ? [] : ['input' => $input]);
        }

        private static function ended($output, $type, $message)
        {
            return ($output === null ? [] : ['output' => $output])
                + ($type === '' ? [] : ['error' =>
                    ['type' => $type, 'message' => $message]]);
        }

        /* Takes the first line only: a stack trace may hold arguments. */
        private static function failure()
        {
            $last = error_get_last();
            $fatal = E_ERROR | E_CORE_ERROR | E_COMPILE_ERROR | E_USER_ERROR
                | E_RECOVERABLE_ERROR | E_PARSE;
            if ($last && ($last['type'] & $fatal))
                return ['fatal_error', strtok($last['message'], "\n")];
            $status = http_response_code();
            return is_int($status) && $status >= 500
                ? ["http_$status", "answered with status $status"] : ['', ''];
        }

        /* A command to the library: '' did nothing, null is not known. By
         * libcurl, where PHP may call no C: no transfer takes place, and libcurl
         * answers that it knows no such protocol, with the library or without.
         */
        private static function send($command, array $what)
        {
            $body = self::json($what);
            if (self::$ffi === null)
                self::$ffi = self::find();
            if (self::$ffi)
                return self::call("$command $body");
            if (!function_exists('curl_exec'))
                return '';
            $c = curl_init("llmobs://$command");
            curl_setopt_array($c, [
                CURLOPT_POSTFIELDS => $body,
                CURLOPT_HTTPHEADER => ['Content-Type: application/vnd.llmobs'],
                CURLOPT_RETURNTRANSFER => true]);
            curl_exec($c);
            return null;
        }

        /* JSON has no NAN, and PHP would say 0. An object of the program may refuse
         * to become JSON: then only the texts are told. */
        private static function json(array $what)
        {
            $flags = JSON_INVALID_UTF8_SUBSTITUTE | JSON_PARTIAL_OUTPUT_ON_ERROR;
            try {
                array_walk_recursive($what, function (&$value) {
                    if (is_float($value) && !is_finite($value))
                        $value = null;
                });
                return (string)json_encode((object)$what, $flags);
            } catch (\Throwable $e) {
                return (string)json_encode(
                    (object)array_filter($what, 'is_string'), $flags);
            }
        }

        /* FFI is in the command line's PHP; php.ini shuts it elsewhere. */
        private static function find()
        {
            try {
                return class_exists('FFI', false) ? \FFI::cdef(
                    'void llmobs_command(const char **text);') : false;
            } catch (\Throwable $e) {
                return false;
            }
        }

        private static function call($text)
        {
            $room = self::$ffi->new('char[' . (strlen($text) + 1) . ']');
            \FFI::memcpy($room, $text, strlen($text));
            $at = self::$ffi->new('const char *[1]');
            $at[0] = self::$ffi->cast('char *', $room);
            self::$ffi->llmobs_command(
                self::$ffi->cast('const char **', $at));
            return $at[0];
        }
    }
    if (PHP_SAPI !== 'cli')
        Llmobs::begin();
}
