#!/bin/sh
# usage: wget.sh PROGRAM URL (MODE FILE)...      by wget or wget2
program=$1 url=$2 failed=0
shift 2
while [ $# -gt 0 ]; do
    limit=20
    [ "$1" != timeout ] || limit=0.6
    "$program" -q -O- --no-hsts --tries=1 --read-timeout=$limit \
        --content-on-error --ca-certificate="$CA_FILE" \
        --header="Content-Type: application/json" \
        --header="Authorization: Bearer sk-of-nobody" --post-file="$2" "$url"
    code=$?
    echo " $1 $code"
    [ $code = 0 ] || failed=$((failed + 1))
    shift 2
done
exit $failed
