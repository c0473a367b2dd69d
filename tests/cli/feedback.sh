# A script submits a user's opinion of an answer, and the tool shows it: a part
# of tests/cli/run.

feedback() { # ARGUMENTS...
    DD_LLMOBS_ENABLED=1 "$llmobs" feedback "$@" >"$tmp/out" 2>"$tmp/err"
    status=$?
}

feedback_whole() {
    rm -rf "$tmp/store"
    feedback --label stars --type text --value 'so so' --session s1 \
        --submitter u7 --submitter-type user --agent-service shop \
        --timestamp 1795155770999 --tag-add env:a --assessment fail \
        --reasoning 'too long'
    "$llmobs" view --json >"$tmp/span"
    same "$status" 0 && same "$(cat "$tmp/out" "$tmp/err")" '' && same \
        "$(sed 's/version:[0-9.]*/version:V/' "$tmp/span")" \
        '{"assessment": "fail", "event_kind": "feedback", "label": "stars", '\
'"metric_type": "text", "ml_app": "shop", "reasoning": "too long", '\
'"session_id": "s1", "submitter": {"id": "u7", "type": "user"}, '\
'"tags": ["ddtrace.version:V", "ml_app:shop", "env:a"], '\
'"text_value": "so so", "timestamp_ms": 1795155770999}'
}
check "feedback: all of it" feedback_whole

# A word on the span, one on the trace, one on the session; one on something
# else is counted and not shown.
feedback_shown() {
    rm -rf "$tmp/store"
    LLMOBS_SESSION_ID=s1 DD_LLMOBS_ENABLED=1 "$run" --workflow w "$llmobs" \
        span --name inner true || return 1
    ids=$("$llmobs" view --json | sed -n \
        '/"name": "inner"/s/.*"span_id": "\([0-9]*\)".*"trace_id": "\([0-9a-f]*\)".*/\1 \2/p')
    feedback --label of-span --type score --value 3 --submitter u --span-id \
        "${ids% *}" && same "$status" 0 || return 1
    feedback --label of-trace --type boolean --value true --submitter u \
        --trace-id "${ids#* }" && same "$status" 0 || return 1
    feedback --label of-session --type categorical --value good --submitter u \
        --session s1 && same "$status" 0 || return 1
    feedback --label of-order --type text --value x --submitter u --key 9 ||
        return 1
    view
    has out 'feedback of-span: 3' 'feedback of-trace: true' \
        'feedback of-session: good' && has_not out of-order &&
        same "$(grep -c feedback "$tmp/out")" 3 &&
        same "$("$llmobs" view --json | grep -c event_kind)" 4 || return 1
    "$llmobs" view --html "$tmp/page.html" >"$tmp/out" 2>&1 &&
        grep -q of-session "$tmp/page.html"
}
check "feedback: shown where it belongs" feedback_shown

feedback_wrong() { # ARGUMENTS...
    feedback "$@"
    same "$status" 2 && has err 'llmobs feedback' && same "$(cat "$tmp/out")" ''
}
check "feedback: nothing said" feedback_wrong
check "feedback: of nobody" feedback_wrong --label a --type text --value x \
    --session s
check "feedback: of an empty name" feedback_wrong --label a --type text \
    --value x --session s --submitter ''
check "feedback: on nothing" feedback_wrong --label a --type text --value x \
    --submitter u
check "feedback: on two things" feedback_wrong --label a --type text \
    --value x --submitter u --session s --key k
check "feedback: on a span by both ids" feedback_wrong --label a --type text \
    --value x --submitter u --span-id 7 --trace-id $evaluated_trace
check "feedback: an option of evaluations" feedback_wrong --label a \
    --type text --value x --submitter u --session s --scope trace
check "evaluate: text is of feedback" evaluate_wrong --label a --type text \
    --value x --tag k=v
