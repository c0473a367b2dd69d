# lib.sh - what scripts share. A script sources it from the top of the tree.
# shellcheck shell=sh disable=SC2034,SC2154

python=/usr/bin/python3
tmp='' server='' passed=0 failed=0

fail() { # WHY
    echo "${0##*/}: $1" >&2
    exit 1
}

# Prints the comment at the script's head.
usage() {
    sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0" >&2
    exit 2
}

product_version() {
    sed -n 's/^#define LLMOBS_VERSION "\(.*\)"/\1/p' include/llmobs.h
}

# ---- what goes with the script ---------------------------------------------

# Makes the directory $tmp. At the script's end `cleanup` runs, if the script defines
# it; then the sample server is ended, and $tmp removed.
begin() {
    tmp=$(mktemp -d) || exit 2
    trap finish EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
}
cleanup() { :; }
finish() {
    cleanup
    end_process "$server"
    rm -rf "$tmp"
}

end_process() { # PID, of a child of this script; "": none
    [ -n "$1" ] || return 0
    kill "$1" 2> /dev/null || :
    wait "$1" 2> /dev/null || :
}

# Starts a model on this machine, and sets HTTP_PORT and the like.
start_server() {
    "$python" "${source:-.}/tests/support/llm_server.py" --ready "$tmp/ready" \
        > "$tmp/server.log" 2>&1 &
    server=$!
    for _ in $(seq 100); do
        [ ! -s "$tmp/ready" ] || break
        kill -0 "$server" 2> /dev/null || break
        sleep 0.1
    done
    [ -s "$tmp/ready" ] || {
        cat "$tmp/server.log" >&2
        fail "the sample server did not start"
    }
    # shellcheck disable=SC1091 # made by the server
    . "$tmp/ready"
}

# What the caller's environment says of spans is not for here.
unset_settings() {
    for name in $(env | sed -n 's/^\(_*\(DD\|LLMOBS\|OTEL\)_[A-Z0-9_]*\)=.*/\1/p'); do
        unset "$name"
    done
    unset TRACEPARENT TRACESTATE BAGGAGE
}

# A clean place for the build in $build, with the folder $store, which begins anew.
set_environment() {
    unset_settings
    : > "$tmp/llmobs.conf"
    rm -rf "$store"
    mkdir -p "$store"
    export LLMOBS_CONFIG="$tmp/llmobs.conf" LLMOBS_BUILD="$build"
    export LLMOBS_EXPORTER=store LLMOBS_STORE_DIR="$store/store"
    export NO_PROXY=127.0.0.1 no_proxy=127.0.0.1 LLM="http://127.0.0.1:$HTTP_PORT"
}

# ---- checks: "ok NAME" each, and "N passed, M failed" -----------------------

check() { # NAME COMMAND...
    title=$1
    shift
    if "$@" > "$tmp/log" 2>&1 < /dev/null; then
        passed=$((passed + 1))
        echo "ok $title"
    else
        failed=$((failed + 1))
        echo "not ok $title"
        tail -n 40 "$tmp/log" | sed 's/^/  | /'
    fi
}

sums_up() {
    echo "$passed passed, $failed failed"
    [ "$failed" -eq 0 ]
}

# ---- files and roots --------------------------------------------------------

# tar, with the same bytes for the same files, whoever packs them.
pack_same() { # OPTION... NAME...
    tar --sort=name --format=gnu --owner=0 --group=0 --numeric-owner "$@"
}

# Runs a command; its output is shown if it fails.
quietly() { # COMMAND...
    "$@" > "$tmp/log" 2>&1 < /dev/null || {
        tail -n 40 "$tmp/log" >&2
        return 1
    }
}
