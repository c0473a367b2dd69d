# The spans that a script makes itself: a part of tests/cli/run.

spans() { # CMD...: runs it switched on; its spans, one a line, in $tmp/span
    rm -rf "$tmp/store"
    DD_LLMOBS_ENABLED=1 "$@" >"$tmp/out" 2>"$tmp/err"
    status=$?
    "$llmobs" view --json >"$tmp/span" 2>/dev/null
}

span_of_retrieval() {
    spans "$llmobs" span --kind retrieval --name search --input 'what is x' \
        --keep-output -- printf 'one\n\ntwo'
    same "$status" 0 && same "$(cat "$tmp/out")" "$(printf 'one\n\ntwo')" &&
        has span '"kind": "retrieval"' '"name": "search"' \
            '"input": {"value": "what is x"}' \
            '"documents": [{"text": "one"}, {"text": "two"}]'
}
check "span: a retrieval's lines are documents" span_of_retrieval

span_of_llm() {
    spans "$llmobs" span --kind llm --input hi --keep-output echo answer
    has span '"model_name": "custom"' '"model_provider": "custom"' \
        '[{"content": "hi", "role": "user"}]' \
        '[{"content": "answer\n", "role": "assistant"}]' || return 1
    spans "$llmobs" span --kind embedding --model m --provider p --input hi true
    has span '"model_name": "m"' '"model_provider": "p"' \
        '"input": {"documents": [{"text": "hi"}]}' && has_not span '"output"'
}
check "span: kinds with a model" span_of_llm

span_defaults() {
    spans "$llmobs" span sh -c 'exit 4' sk-secret-argument
    same "$status" 4 && has span '"kind": "task"' '"name": "task"' \
        '"exit_status": 4' && has_not span '"input"' '"output"' sk-secret
}
check "span: defaults" span_defaults

span_nests() {
    spans "$llmobs" span --kind agent --name a \
        "$llmobs" span --kind tool --name t --keep-output \
        "$run" --workflow w true
    view
    has out '└─ t' '   └─ w' && same "$(grep -c '^trace' "$tmp/out")" 1
}
check "span: nests" span_nests

span_output_is_whole() {
    spans "$llmobs" span --keep-output sh -c 'yes | head -c 3000000'
    same "$(wc -c <"$tmp/out")" 3000000 || return 1
    # who writes to a reader that is gone learns it
    DD_LLMOBS_ENABLED=1 timeout 20 "$llmobs" span --keep-output yes |
        head -1 >"$tmp/out"
    same "$(cat "$tmp/out")" y
}
check "span: much output, and a reader that is gone" span_output_is_whole

span_late_output() {
    mkfifo "$tmp/held" # a grandchild keeps the output open until it is written
    spans timeout 30 "$llmobs" span --keep-output \
        sh -c 'cat "$0" & echo now' "$tmp/held"
    timeout 10 sh -c 'echo >"$0"' "$tmp/held" # waits for a grandchild that reads
    same "$status $?" '0 0' && has out now && has span '"now\n"'
}
check "span: a grandchild that keeps the output open" span_late_output

span_off() {
    rm -rf "$tmp/store"
    DD_LLMOBS_ENABLED=0 "$llmobs" span --keep-output echo hi >"$tmp/out"
    same "$(cat "$tmp/out")" hi && test ! -e "$tmp/store"
}
check "span: switched off leaves nothing" span_off


span_unknown_kind() {
    spans "$llmobs" span --kind thought true
    same "$status" 2 && has err thought && test ! -e "$tmp/store"
}
check "span: unknown kind" span_unknown_kind
