# samples.sh - sample servers on this machine, and a clean environment to try
# llmobs-run in. Read by scripts/quickstart and scripts/gateways, which set
# build, tmp, store and fail first.
# shellcheck shell=sh disable=SC2034,SC2154

python=/usr/bin/python3
server=

# Ends a process of this script, if there is one.
end_process() { # PID
    [ -n "$1" ] || return 0
    kill "$1" 2>/dev/null || :
    wait "$1" 2>/dev/null || :
}

start_server() {
    "$python" tests/support/llm_server.py --ready "$tmp/ready" \
        >"$tmp/server.log" 2>&1 &
    server=$!
    tries=0
    until [ -f "$tmp/ready" ]; do
        tries=$((tries + 1))
        if [ "$tries" -gt 100 ] || ! kill -0 "$server" 2>/dev/null; then
            cat "$tmp/server.log" >&2
            fail "the sample server did not start"
        fi
        sleep 0.1
    done
    # shellcheck disable=SC1091 # made by the server
    . "$tmp/ready"
}

# A clean place: what the caller's environment and the host's file say of spans
# is not for here.
set_environment() {
    for name in $(env | sed -n \
        's/^\(_*\(DD\|LLMOBS\|OTEL\)_[A-Z0-9_]*\)=.*/\1/p'); do
        unset "$name"
    done
    unset TRACEPARENT TRACESTATE BAGGAGE
    : >"$tmp/llmobs.conf"
    export LLMOBS_CONFIG="$tmp/llmobs.conf"
    export LLMOBS_BUILD="$build" LLMOBS_EXPORTER=store
    rm -rf "$store"
    mkdir -p "$store"
    export LLMOBS_STORE_DIR="$store/store"
    export NO_PROXY=127.0.0.1 no_proxy=127.0.0.1
    export LLM="http://127.0.0.1:$HTTP_PORT"
}
