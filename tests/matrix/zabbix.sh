#!/bin/sh
# usage: zabbix.sh URL (MODE FILE)...      a webhook by the tool that tries one
url=$1 here=$(dirname "$0") failed=0
shift
while [ $# -gt 0 ]; do
    limit=20
    [ "$1" = timeout ] && limit=1
    echo "$1"
    said=$(zabbix_js -s "$here/zabbix.js" -t $limit -p "$url
$(cat "$2")" 2>&1) || failed=$((failed + 1))
    echo "$said" | sed 's/^zabbix_js \[[0-9]*\]/zabbix_js/' # its pid
    shift 2
done
exit $failed
