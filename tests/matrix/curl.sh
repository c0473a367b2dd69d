#!/bin/sh
# usage: curl.sh INTERFACE URL (MODE FILE)...      multi: curl's --parallel
interface=$1 url=$2 failed=0
shift 2
while [ $# -gt 0 ]; do
    options=
    [ "$interface" = multi ] && options=--parallel
    [ "$1" = timeout ] && options="$options --max-time 0.6"
    # shellcheck disable=SC2086
    curl -q -s --no-progress-meter $options -H 'Content-Type: application/json' \
        --data-binary "@$2" -o "answer-$1" \
        -w '%{exitcode} %{http_code} %{size_download} %{content_type}\n' "$url" ||
        failed=$((failed + $?))
    shift 2
done
exit $failed
