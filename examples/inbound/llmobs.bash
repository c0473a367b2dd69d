# llmobs.bash - spans of a bash script of its own (LANGUAGES.md):
#
#     source /usr/local/share/llmobs/inbound/llmobs.bash
#     llmobs_span workflow answer --session "$id" -- answer "$question"
#
# The command may be a function. It runs in this shell, with its own output and
# status, also where llmobs is not there.

_llmobs_is_there() {
    [[ ${LD_PRELOAD-} == *libllmobs_preload.so* ]] && type -P llmobs >/dev/null
}

llmobs_span() { # KIND NAME [OPTIONS of llmobs span] -- COMMAND...
    local _llmobs_options=(--kind "$1" --name "$2")
    shift 2
    while (($#)) && [[ $1 != -- ]]; do
        _llmobs_options+=("$1")
        shift
    done
    shift
    if ! _llmobs_is_there; then
        "$@"
    elif [[ $(type -t -- "$1") == file ]]; then
        llmobs span "${_llmobs_options[@]}" -- "$@"
    else
        _llmobs_function "$@"
    fi
}

# $! stays the program's, as the process is started by a subshell.
# The span is that of a process which gives its variables, and ends with the
# status that it gets, or as a failure if this shell ends without one.
_llmobs_function() {
    local _llmobs_in _llmobs_out _llmobs_status _llmobs_dir _llmobs_kept=()
    local TRACEPARENT=${TRACEPARENT-} TRACESTATE=${TRACESTATE-}
    for _llmobs_out in "${_llmobs_options[@]}"; do
        [[ $_llmobs_out == --keep-output ]] || _llmobs_kept+=("$_llmobs_out")
    done
    _llmobs_dir=$(mktemp -d 2>/dev/null) &&
        mkfifo "$_llmobs_dir/in" "$_llmobs_dir/out" 2>/dev/null ||
        { "$@"; return; }
    (llmobs span "${_llmobs_kept[@]}" -- sh -c '
        printf "%s\n" "$TRACEPARENT" "$TRACESTATE"
        read -r status && exit "$status"; exit 1' \
        >"$_llmobs_dir/out" <"$_llmobs_dir/in" 2>/dev/null &)
    exec {_llmobs_out}<"$_llmobs_dir/out"
    exec {_llmobs_in}<>"$_llmobs_dir/in"
    if read -r -u "$_llmobs_out" TRACEPARENT; then
        read -r -u "$_llmobs_out" TRACESTATE
        export TRACEPARENT TRACESTATE
    fi
    rm -r "$_llmobs_dir"
    eval '"$@"' "$_llmobs_in>&-" "$_llmobs_out<&-"
    _llmobs_status=$?
    echo "$_llmobs_status" >&"$_llmobs_in"
    exec {_llmobs_in}>&-
    read -r -u "$_llmobs_out" || :
    exec {_llmobs_out}<&-
    return "$_llmobs_status"
}

# Of the span around it, or of another: see llmobs evaluate.
llmobs_evaluate() { # LABEL TYPE VALUE [OPTIONS of llmobs evaluate]
    ! _llmobs_is_there ||
        llmobs evaluate --label "$1" --type "$2" --value "$3" "${@:4}" \
            >/dev/null 2>&1 || :
}
