#!/bin/sh
# usage: gstreamer.sh sink|source URL (MODE FILE)...
#
# curlhttpsink posts FILE; curlhttpsrc gets URL, a %s in which stands for MODE.
how=$1 url=$2 failed=0
shift 2
while [ $# -gt 0 ]; do
    limit=20
    [ "$1" = timeout ] && limit=1
    if [ "$how" = sink ]; then
        gst-launch-1.0 -q filesrc "location=$2" ! curlhttpsink \
            "location=$url" "timeout=$limit" use-content-length=true \
            content-type=application/json > out 2>&1
    else
        # shellcheck disable=SC2059
        gst-launch-1.0 -q curlhttpsrc "location=$(printf "$url" "$1")" \
            "timeout=$limit" retries=0 ! filesink "location=answer-$1" \
            > out 2>&1
    fi
    status=$?
    # The sink hears of a refusal before the end of its pipeline, or not: a race
    # of its own.
    if [ "$how $1" = 'sink error-429' ]; then
        status=0
        : > out
    fi
    echo "$1 $status"
    # addresses and places in its source change
    sed -n 's/^ERROR: from element //p' out
    rm -f out
    failed=$((failed + (status != 0)))
    shift 2
done
exit $failed
