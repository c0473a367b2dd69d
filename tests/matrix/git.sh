#!/bin/sh
# usage: git.sh multi URL (MODE FILE)...
#
# git speaks to no model, but posts: %s in URL stands for MODE.
url=$2 failed=0
shift 2
export GIT_CONFIG_NOSYSTEM=1 GIT_TERMINAL_PROMPT=0
while [ $# -gt 0 ]; do
    options=
    [ "$1" = timeout ] &&
        options='-c http.lowSpeedLimit=1000 -c http.lowSpeedTime=1'
    # shellcheck disable=SC2059,SC2086
    git -c protocol.version=2 $options ls-remote "$(printf "$url" "$1")" ||
        failed=$((failed + 1))
    shift 2
done
exit $failed
