# Tests of llmobs stats; read by tests/cli/run, with its functions.
# shellcheck shell=sh disable=SC2154

export LLMOBS_EXPORTER=store
stats_body='{"model":"gpt-4o-mini","messages":[{"role":"user","content":"hi"}]}'
stats_type='Content-Type: application/json'

/usr/bin/python3 tests/support/llm_server.py --ready "$tmp/ready" \
    >"$tmp/server" 2>&1 &
stats_server=$!
for _ in $(seq 100); do
    [ -s "$tmp/ready" ] && break
    sleep 0.1
done
# shellcheck disable=SC1091
. "$tmp/ready"
stats_url=http://127.0.0.1:$HTTP_PORT/v1/chat/completions

stats() { # ARGUMENTS: into $tmp/out and $tmp/err, status in $status
    timeout 60 "$llmobs" stats "$@" >"$tmp/out" 2>"$tmp/err"
    status=$?
}

anew() {
    rm -rf "$tmp/store"
}

post() { # BODY CURL'S ARGUMENTS: one call, by curl
    post_body=$1
    shift
    "$run" curl -s -o /dev/null -H "$stats_type" -d "$post_body" "$@"
}

call() { # CURL'S ARGUMENTS
    post "$stats_body" "$@"
}

value() { # NAME: a number of the text in $tmp/out
    awk -v name="$1" '$1 == name && NF == 2 { print $2; exit }' "$tmp/out"
}

running() {
    sed -n 's/^processes, running *//p' "$tmp/out"
}

# The sum, from the JSON form: also what the text says must be the same.
adds_up() { # [ARGUMENTS]
    timeout 60 "$llmobs" stats "$@" --json >"$tmp/json" 2>/dev/null &&
        stats "$@" && /usr/bin/python3 - "$tmp/json" "$tmp/out" <<'PY'
import json, sys
text = open(sys.argv[1]).read()
j = json.loads(text)
dropped = sum(j["dropped_by_reason"].values())
parts = sum(j[n] for n in ("delivered", "sampled_out", "pending", "spooled",
                           "unconfirmed", "purged", "dropped"))
shown = {}
for line in open(sys.argv[2]):
    words = line.split()
    if len(words) == 2:
        shown[words[0]] = int(words[1])
wrong = [n for n in ("captured", "delivered", "pending", "spooled",
                     "unconfirmed", "dropped") if shown.get(n) != j[n]]
wrong += [n for n, v in j["dropped_by_reason"].items() if shown.get(n) != v]
sys.exit(0 if text.count("\n") == 1 and dropped == j["dropped"] and
         parts == j["captured"] and not wrong else "%s %s" % (text, wrong))
PY
}

numbers() { # CAPTURED DELIVERED PENDING UNCONFIRMED DROPPED
    adds_up && same "$(value captured) $(value delivered) $(value pending) \
$(value unconfirmed) $(value dropped)" "$*"
}

one_file() { # the ledger has the totals, and no more
    same "$(ls "$tmp/store/stats")" totals
}

is_silent() { # the last command, as cron mails each line
    same "$(cat "$tmp/out" "$tmp/err")" ""
}

nothing_yet() {
    anew
    stats
    same "$status" 0 && same "$(value captured)" 0 && same "$(running)" 0 &&
        same "$(cat "$tmp/err")" "llmobs stats: no call was seen; \`llmobs \
doctor --run CMD\` tells why" && test ! -e "$tmp/store" || return 1
    "$run" curl -s -o /dev/null "http://127.0.0.1:$HTTP_PORT/other"
    test ! -e "$tmp/store" && stats --check && same "$status" 0 && is_silent
}
check "stats: nothing captured leaves nothing" nothing_yet

without_any_room() {
    (
        export LLMOBS_STORE_DIR=/proc/none
        call "$stats_url"
        stats && same "$status" 0 && grep -q 'spool /proc/none/spool cannot be written' \
            "$tmp/err" && ! grep -q 'no call was seen' "$tmp/err" || exit 1
        stats --check && same "$status" 1
    )
}
check "stats: where nothing can be kept nor counted" without_any_room

without_a_key() {
    anew
    (
        export DD_LLMOBS_AGENTLESS_ENABLED=1
        call "$stats_url" && stats && same "$(cat "$tmp/err")" '' || exit 1
        LLMOBS_EXPORTER=auto stats && same "$status" 0 && same "$(cat "$tmp/err")" \
            "llmobs stats: without a DD_API_KEY calls stay in the local store"
    )
}
check "stats: where calls stay without a key" without_a_key

each_end_is_counted() {
    anew
    call "$stats_url"
    post '{"model":"error-429","messages":[]}' "$stats_url"
    call http://127.0.0.1:1/v1/chat/completions
    post '{"model":"hang","messages":[]}' -m 1 "$stats_url"
    post '{"model":"gpt-4o-mini","stream":true,"messages":[]}' "$stats_url"
    post '{"no": JSON}' "$stats_url"
    "$run" --workflow w true
    numbers 7 6 0 1 0 && same "$(wc -l <"$tmp/store/spans.jsonl")" 6 &&
        has out 'processes, ended                7' &&
        same "$(value sent_store)" 6 && one_file
}
check "stats: what is delivered is what is stored" each_end_is_counted

many_at_once() {
    anew
    seq 60 | PATH=$PATH xargs -P 8 -I{} "$run" curl -s -o /dev/null \
        -H "$stats_type" -d "$stats_body" "$stats_url"
    numbers 60 60 0 0 0 && one_file &&
        same "$(wc -l <"$tmp/store/spans.jsonl")" 60
}
check "stats: many short processes at once, one small file" many_at_once

one_process_of_several() {
    anew
    call "$stats_url" --next -s -o /dev/null -H "$stats_type" \
        -d "$stats_body" "$stats_url" --next -s -o /dev/null \
        "http://127.0.0.1:$HTTP_PORT/other"
    numbers 2 2 0 0 0 && has out 'processes, ended                1'
}
check "stats: several calls of one process" one_process_of_several

cat >"$tmp/calls.py" <<'PY'
"""usage: calls.py URL HOW: makes calls, says so, and waits or ends as HOW."""
import os, signal, sys, time
import pycurl


def call():
    curl = pycurl.Curl()
    curl.setopt(pycurl.URL, sys.argv[1])
    curl.setopt(pycurl.POSTFIELDS, '{"model":"gpt-4o-mini","messages":[]}')
    curl.setopt(pycurl.HTTPHEADER, ["Content-Type: application/json"])
    curl.setopt(pycurl.WRITEFUNCTION, lambda data: None)
    curl.perform()
    curl.close()


def say(text):
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


call()
if sys.argv[2] == "wait":
    say("called")
    time.sleep(60)
elif sys.argv[2] == "exec":
    time.sleep(0.5)
    os.execv(sys.executable, [sys.executable] + sys.argv[:2] + ["end"])
elif sys.argv[2] == "fork":
    time.sleep(0.5)
    for how in (sys.exit, os._exit, None):
        pid = os.fork()
        if pid == 0:
            call()
            call()
            time.sleep(1.5)  # the second is noted a second after the first
            if how:
                how(0)
            os.kill(os.getpid(), signal.SIGKILL)
        os.waitpid(pid, 0)
    call()
PY

begin_waiting() { # starts a process that makes a call and waits: $waiting
    rm -f "$tmp/said"
    LD_PRELOAD=$library DD_LLMOBS_ENABLED=1 /usr/bin/python3 \
        "$tmp/calls.py" "$stats_url" wait >"$tmp/said" 2>&1 &
    waiting=$!
    for _ in $(seq 100); do
        [ -s "$tmp/said" ] && break
        sleep 0.1
    done
}

soon() { # CMD...: what the process has in hand is counted a moment later
    for _ in $(seq 100); do
        "$@" >/dev/null 2>&1 && return
        sleep 0.1
    done
    "$@"
}

end_waiting() { # SIGNAL
    kill "-$1" "$waiting"
    wait "$waiting" 2>/dev/null
    :
}

a_running_process() {
    anew
    call "$stats_url"
    begin_waiting
    soon numbers 2 2 0 0 0 && same "$(running)" 1 &&
        has out 'processes, ended                1'
    ok=$?
    end_waiting KILL
    numbers 2 2 0 0 0 && same "$(running)" 0 && same "$ok" 0 && one_file
}
check "stats: a running process, and killed" a_running_process

# A store that cannot be written, and no spool: what was captured is pending.
what_died() {
    anew
    mkdir -p "$tmp/store/spans.jsonl"
    LLMOBS_SPOOL_MAX=0 begin_waiting
    soon numbers 1 0 1 0 0 && same "$(running)" 1 && stats --check &&
        same "$status" 0
    ok=$?
    end_waiting KILL
    numbers 1 0 0 0 1 && same "$(value died)" 1 && same "$ok" 0 &&
        numbers 1 0 0 0 1 && one_file || return 1
    stats --check
    same "$status" 1 && stats && same "$status" 0 && stats --check --json &&
        same "$status" 1 && has out '"died": 1'
}
check "stats: what was pending when a process was killed" what_died

what_exit_lost() {
    anew
    mkdir -p "$tmp/store/spans.jsonl"
    LLMOBS_SPOOL_MAX=0 LLMOBS_EXIT_FLUSH_MS=50 call "$stats_url"
    same "$?" 0 && numbers 1 0 0 0 1 && same "$(value exit)" 1 && one_file
}
check "stats: what could not be delivered at exit" what_exit_lost

# With a spool it is not lost.
what_is_spooled() {
    anew
    mkdir -p "$tmp/store/spans.jsonl"
    LLMOBS_EXIT_FLUSH_MS=50 call "$stats_url"
    begin_waiting
    soon numbers 2 0 1 0 0
    end_waiting KILL
    numbers 2 0 0 0 0 && same "$(value spooled)" 2 && stats --check &&
        same "$status" 0
}
check "stats: what waits in the spool" what_is_spooled

processes_of_one_program() {
    anew
    "$run" /usr/bin/python3 "$tmp/calls.py" "$stats_url" fork || return 1
    numbers 8 8 0 0 0 && has out 'processes, ended                4' &&
        one_file && same "$(wc -l <"$tmp/store/spans.jsonl")" 8
}
check "stats: forked processes, however they end" processes_of_one_program

another_program() {
    anew
    "$run" /usr/bin/python3 "$tmp/calls.py" "$stats_url" exec || return 1
    numbers 2 2 0 0 0 && same "$(running)" 0 && one_file
}
check "stats: a process that becomes another program" another_program

without_thread() {
    anew
    LLMOBS_THREAD=off call "$stats_url" && numbers 1 1 0 0 0 && one_file
}
check "stats: without a thread" without_thread

# Programs that end in odd ways: what is counted is what is stored. How much
# that is, is not known for those that are killed: -1.
each_way_to_end() {
    for name in threads prefork fork_in_transfer exit_in_callback exit_beside \
        exit_at_once exit_hard killed executed called_at_exit after_cleanup; do
        anew
        spans=$("$build/tests/clients/life_cases" --list |
            awk -v name="$name" '$1 == name { print $2 }')
        "$run" timeout 60 "$build/tests/clients/life_cases" "$name" \
            "http://127.0.0.1:$HTTP_PORT" >"$tmp/case" 2>&1
        adds_up && same "$(value dropped)" 0 || {
            printf '  %s\n' "$name"
            return 1
        }
        [ "$spans" -ge 0 ] || continue
        numbers "$spans" "$spans" 0 0 0 && one_file &&
            same "$(wc -l <"$tmp/store/spans.jsonl")" "$spans" || {
            printf '  %s\n' "$name"
            return 1
        }
    done
}
if [ -x "$build/tests/clients/life_cases" ]; then
    check "stats: each way to end" each_way_to_end
else
    echo "# stats: each way to end: skipped, no clients were built"
fi

# The program's own exit handler was there before ours, so it runs after it.
cat >"$tmp/late.c" <<'C'
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
static CURL *curl;
static size_t swallow(char *data, size_t size, size_t n, void *ctx)
{
    (void)data, (void)ctx;
    return size * n;
}
static void call(void)
{
    curl_easy_perform(curl);
}
int main(int argc, char **argv)
{
    struct curl_slist *head = NULL;
    atexit(call);
    curl_global_init(CURL_GLOBAL_ALL);
    curl = curl_easy_init();
    head = curl_slist_append(head, "Content-Type: application/json");
    curl_easy_setopt(curl, CURLOPT_URL, argv[argc - 1]);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, head);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS,
        "{\"model\": \"gpt-4o-mini\", \"messages\": []}");
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, swallow);
    call();
    return 0;
}
C
a_late_call() {
    anew
    ${CC:-cc} "$tmp/late.c" -lcurl -o "$tmp/late" &&
        "$run" "$tmp/late" "$stats_url" && numbers 2 2 0 0 0 && one_file &&
        has out 'processes, ended                1'
}
check "stats: a call after our exit handler" a_late_call

prometheus_form() {
    anew
    call "$stats_url"
    stats --prometheus
    same "$status" 0 && PYTHONPATH=tests/support /usr/bin/python3 -B - \
        "$tmp/out" <<'PY'
import sys, prometheus
seen = prometheus.read(open(sys.argv[1], "rb").read())
assert all(name.startswith("llmobs_") for name in seen)
for name, value in (("captured_total", 1), ("delivered_total", 1),
                    ("pending", 0), ("sent_store_total", 1)):
    assert seen["llmobs_" + name][1] == {(): value}, name
assert seen["llmobs_dropped_total"][1][(("reason", "died"),)] == 0
PY
}
check "stats: for Prometheus" prometheus_form

cat >"$tmp/grpc.py" <<'PY'
"""usage: grpc.py PORT: a call by HTTP/2, and a request of gRPC behind it."""
import socket, sys


def frame(kind, flags, stream, payload=b""):
    return b"".join((len(payload).to_bytes(3, "big"), bytes((kind, flags)),
                     stream.to_bytes(4, "big"), payload))


HEAD = b"\x83\x86\x04\x14/v1/chat/completions\x01\x01h"
with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as s:
    s.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0) +
              frame(1, 4, 1, HEAD) + frame(
                  0, 1, 1, b'{"model":"gpt-4o-mini","messages":[]}') +
              frame(1, 5, 3, HEAD + b"\x0f\x10\x10application/grpc"))
PY

what_is_not_read() {
    anew
    LLMOBS_SOCKETS=on "$run" /usr/bin/python3 "$tmp/grpc.py" "$HTTP_PORT"
    numbers 1 1 0 0 0 && same "$(value unread_streams)" 1 || return 1
    stats --json && has out '"unread_streams": 1' &&
        stats --prometheus && has out 'llmobs_unread_streams_total 1'
}
check "stats: requests that are not read" what_is_not_read

another_place() {
    anew
    call "$stats_url"
    stats --store "$tmp/elsewhere"
    same "$status" 1 && has err "no such directory: $tmp/elsewhere" &&
        same "$(cat "$tmp/out")" '' && test ! -e "$tmp/elsewhere" || return 1
    LLMOBS_STORE_DIR=$tmp/elsewhere stats --store "$tmp/store"
    same "$(value captured)" 1
}
check "stats: another store" another_place

# Without LLMOBS_STORE_DIR it is beside the store, not in it.
beside_the_store() {
    (
        unset LLMOBS_STORE_DIR
        # For root the place is /var/lib/llmobs: not to be touched here.
        [ "$(id -u)" != 0 ] || exit 0
        export XDG_STATE_HOME="$tmp/xdg"
        call "$stats_url"
        test -f "$tmp/xdg/llmobs/stats/totals" &&
            test -f "$tmp/xdg/llmobs/store/spans.jsonl"
    )
}
check "stats: beside the store" beside_the_store

spoilt_files() {
    anew
    call "$stats_url"
    printf 'x' | dd of="$tmp/store/stats/totals" bs=1 seek=20 conv=notrunc \
        2>/dev/null
    printf 'x\033[31m' >"$tmp/store/stats/1-2-3"
    stats
    same "$status" 0 && has err '1 file in' 'began anew 1 time' &&
        has_not err "$(printf '\033')" || return 1
    rm "$tmp/store/stats/1-2-3"
    call "$stats_url"
    numbers 1 1 0 0 0
}
check "stats: files that nobody can read are told of" spoilt_files

quiet_when_impossible() {
    anew
    mkdir "$tmp/store"
    : >"$tmp/store/stats"
    "$run" curl -s -S -H "$stats_type" -d "$stats_body" "$stats_url" \
        >"$tmp/ours" 2>"$tmp/err"
    same "$?" 0 && same "$(cat "$tmp/err")" '' || return 1
    curl -s -S -H "$stats_type" -d "$stats_body" "$stats_url" >"$tmp/bare"
    cmp "$tmp/bare" "$tmp/ours" && same "$(cat "$tmp/store/stats")" '' &&
        same "$(wc -l <"$tmp/store/spans.jsonl")" 1 || return 1
    stats
    same "$status" 1 && has err 'llmobs stats: ' && same "$(cat "$tmp/out")" ''
}
check "stats: a ledger that cannot be made harms nobody" quiet_when_impossible

no_contents() { # nothing but names and numbers is in a ledger
    anew
    call -H 'Authorization: Bearer sk-secret' "$stats_url?key=sk-secret"
    ! grep -a -q -E 'secret|Bearer|http|curl|gpt' "$tmp/store/stats/totals"
}
check "stats: the ledger holds numbers alone" no_contents

check "stats: help" status_of 0 "$llmobs" help stats
check "stats: help tells the options" has out --check --json --prometheus --users \
    'usage: llmobs stats'
check "stats: a full disk is an error" sh -c \
    '! "$1" stats >/dev/full 2>/dev/null' sh "$llmobs"

kill "$stats_server"
wait "$stats_server" 2>/dev/null
unset LLMOBS_EXPORTER
