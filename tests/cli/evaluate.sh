# Evaluations that a script submits, and how they are shown: a part of
# tests/cli/run.

evaluate() { # ARGUMENTS...: what is in the store then, in $tmp/span
    rm -rf "$tmp/store"
    DD_LLMOBS_ENABLED=1 "$llmobs" evaluate "$@" >"$tmp/out" 2>"$tmp/err"
    status=$?
    "$llmobs" view --json >"$tmp/span" 2>/dev/null
}

evaluated_span=7310458811263470123
evaluated_trace=6affe73a00000000c3d1e2f3a4b5c6d7

evaluate_by_ids() {
    evaluate --label harm --type score --value -2.50 --ml-app my-app \
        --span-id $evaluated_span --trace-id $evaluated_trace \
        --timestamp 1795155770999 --tag-add env:a:b --tag-add x: \
        --assessment fail --reasoning 'it is' --metadata '{"n": [1]}' \
        --scope trace
    same "$status" 0 && same "$(cat "$tmp/out" "$tmp/err")" '' && same \
        "$(sed 's/version:[0-9.]*/version:V/' "$tmp/span")" \
        '{"assessment": "fail", "eval_scope": "trace", '\
'"event_kind": "evaluation", "join_on": {"span": {"span_id": "'\
"$evaluated_span"'", "trace_id": "'"$evaluated_trace"'"}}, "label": "harm", '\
'"metadata": {"n": [1]}, "metric_type": "score", "ml_app": "my-app", '\
'"reasoning": "it is", "score_value": -2.5, "tags": ["ddtrace.version:V", '\
'"ml_app:my-app", "env:a:b", "x:"], "timestamp_ms": 1795155770999}'
}
check "evaluate: all of it" evaluate_by_ids

evaluate_types() {
    evaluate --label l --tag 'k=v=w' --type categorical --value ''
    has span '"categorical_value": ""' '"tag": {"key": "k", "value": "v=w"}' ||
        return 1
    evaluate --label l --tag k=v --type Boolean --value false
    has span '"boolean_value": false' '"metric_type": "boolean"' || return 1
    evaluate --label l --tag k=v --type json --value '{"a":{"b":null}}'
    has span '"json_value": {"a": {"b": null}}' || return 1
    evaluate --label l --tag k=v --type score --value 1e3
    has span '"score_value": 1000,' '"eval_scope": "span"'
}
check "evaluate: each type" evaluate_types

evaluate_bad_bytes() {
    evaluate --label "$(printf 'l\377"')" --tag "$(printf 'k\001=\303')" \
        --type categorical --value "$(printf '\\u0000 \n x')"
    same "$status" 0 && /usr/bin/python3 - "$tmp/span" <<'EOS'
import json, sys
event = json.loads(open(sys.argv[1], "rb").read().decode("ascii"))
wanted = ("l\ufffd\"", "k\1", "\ufffd", "\\u0000 \n x")
tag = event["join_on"]["tag"]
found = (event["label"], tag["key"], tag["value"], event["categorical_value"])
sys.exit(0 if found == wanted else "%r" % (found,))
EOS
}
check "evaluate: any bytes" evaluate_bad_bytes

evaluate_around() {
    rm -rf "$tmp/store"
    DD_LLMOBS_ENABLED=1 "$run" --ml-app outer --workflow w "$llmobs" span \
        --name inner sh -c "'$llmobs' evaluate --label good --type boolean \
            --value true --assessment pass --reasoning 'so it is'" || return 1
    view
    has out '└─ inner' '      eval good: true (pass) so it is' || return 1
    same "$(cat "$tmp/err")" '' && "$llmobs" view --json >"$tmp/span" &&
        has span '"ml_app": "outer"'
}
check "evaluate: the span that the script runs in" evaluate_around

evaluate_wrong() { # ARGUMENTS...
    evaluate "$@"
    same "$status" 2 && has err 'llmobs evaluate' &&
        same "$(cat "$tmp/out")" '' && test ! -e "$tmp/store"
}
check "evaluate: nothing said" evaluate_wrong
check "evaluate: no label" evaluate_wrong --type score --value 1 --tag k=v
check "evaluate: a dot in the label" evaluate_wrong --label a.b --type score \
    --value 1 --tag k=v
check "evaluate: no type" evaluate_wrong --label a --value 1 --tag k=v
check "evaluate: no value" evaluate_wrong --label a --type score --tag k=v
check "evaluate: no such type" evaluate_wrong --label a --type mood --value 1 \
    --tag k=v
for value in x '' 1x nan inf 1e999 ' 1' 0x; do
    check "evaluate: the score '$value'" evaluate_wrong --label a --type score \
        --value "$value" --tag k=v
done
check "evaluate: no boolean" evaluate_wrong --label a --type boolean --value 1 \
    --tag k=v
check "evaluate: no object" evaluate_wrong --label a --type json --value '[1]' \
    --tag k=v
check "evaluate: no JSON" evaluate_wrong --label a --type json --value '{' \
    --tag k=v
check "evaluate: no span" evaluate_wrong --label a --type score --value 1
check "evaluate: half a span" evaluate_wrong --label a --type score --value 1 \
    --span-id 1
check "evaluate: no decimal id" evaluate_wrong --label a --type score \
    --value 1 --span-id 0x1 --trace-id $evaluated_trace
check "evaluate: no trace id" evaluate_wrong --label a --type score \
    --value 1 --span-id 1 --trace-id 12
check "evaluate: a span and a tag" evaluate_wrong --label a --type score \
    --value 1 --span-id 1 --trace-id $evaluated_trace --tag k=v
check "evaluate: a tag without =" evaluate_wrong --label a --type score \
    --value 1 --tag k
check "evaluate: a tag of its own without a colon" evaluate_wrong --label a \
    --type score --value 1 --tag k=v --tag-add k=v
check "evaluate: no time" evaluate_wrong --label a --type score --value 1 \
    --tag k=v --timestamp now
check "evaluate: a time before 1970" evaluate_wrong --label a --type score \
    --value 1 --tag k=v --timestamp -1
check "evaluate: no assessment" evaluate_wrong --label a --type score \
    --value 1 --tag k=v --assessment good
check "evaluate: no scope" evaluate_wrong --label a --type score --value 1 \
    --tag k=v --scope all
check "evaluate: no metadata" evaluate_wrong --label a --type score --value 1 \
    --tag k=v --metadata 1
check "evaluate: an argument" evaluate_wrong --label a --type score --value 1 \
    --tag k=v more

evaluate_off() {
    rm -rf "$tmp/store"
    DD_LLMOBS_ENABLED=0 "$llmobs" evaluate --label a --type score --value 1 \
        --tag k=v 2>"$tmp/err"
    same "$?" 1 && has err 'switched off by DD_LLMOBS_ENABLED; unset it' &&
        test ! -e "$tmp/store"
}
check "evaluate: switched off leaves nothing, and fails" evaluate_off

evaluate_off_by_file() {
    rm -rf "$tmp/store"
    echo DD_LLMOBS_ENABLED=0 >"$tmp/off.conf"
    LLMOBS_CONFIG=$tmp/off.conf "$llmobs" evaluate --label a --type score \
        --value 1 --tag k=v 2>"$tmp/err"
    same "$?" 1 && has err 'in the configuration file' &&
        LLMOBS_CONFIG=$tmp/off.conf evaluate --label a --type score --value 1 \
            --tag k=v && same "$status" 0
}
check "evaluate: switched off by the file" evaluate_off_by_file

# Nothing switches it on, and the user has typed it.
in_a_plain_shell() {
    rm -rf "$tmp/store"
    "$llmobs" evaluate --label a --type score --value 1 --tag k=v >"$tmp/out" \
        2>"$tmp/err" && DD_LLMOBS_ENABLED='' "$llmobs" feedback --label b \
        --type text --value c --session s --submitter u >"$tmp/out" \
        2>"$tmp/err" && "$llmobs" span --kind tool --name own \
        sh -c 'echo ${DD_LLMOBS_ENABLED-unset}' >"$tmp/out" &&
        same "$(cat "$tmp/out")" unset && "$llmobs" workflow --name flow true &&
        same "$("$llmobs" view --json | grep -o \
            '"label": "[ab]"\|"name": "[a-z]*"' | sort | tr '\n' ' ')" \
            '"label": "a" "label": "b" "name": "flow" "name": "own" '
}
check "typed commands in a plain shell" in_a_plain_shell

evaluate_lost() {
    LLMOBS_STORE_DIR=/proc/nowhere evaluate --label a --type score --value 1 \
        --tag k=v
    same "$status" 1 && has err 'not submitted'
}
check "evaluate: nowhere to be kept is told" evaluate_lost

evaluate_big() {
    DD_LLMOBS_EVENT_SIZE_BYTES=1024 evaluate --label a --type score --value 1 \
        --tag k=v --reasoning "$(head -c 1024 /dev/zero | tr '\0' x)"
    same "$status" 1 && has err DD_LLMOBS_EVENT_SIZE_BYTES && test ! -s \
        "$tmp/span"
}
check "evaluate: too big is told" evaluate_big

evaluate_counted() {
    evaluate --label a --type score --value 1 --tag k=v
    "$llmobs" stats >"$tmp/out" && has out 'captured                        1' \
        '  delivered                     1' '    evaluations                 1'
}
check "evaluate: counted" evaluate_counted

# ---- how they are shown

evaluated() { # a store with two spans, and evaluations of one, none and both
    rm -rf "$tmp/evaluated"
    mkdir "$tmp/evaluated"
    for name in early late; do
        printf '%s' '{"trace_id": "1", "span_id": "'$name'", "name": "'$name'"'\
', "start_ns": 1, "parent_id": "undefined", "meta": {"span": {"kind": "task"}'\
'}, "tags": ["ml_app:one", "answer:42:x"]}'
        echo
        [ $name = late ] || cat <<'EOS'
{"event_kind": "evaluation", "join_on": {"span": {"trace_id": "1", "span_id": "late"}}, "label": "of late", "score_value": 1, "timestamp_ms": 5}
{"event_kind": "evaluation", "join_on": {"tag": {"key": "answer", "value": "42:x"}}, "label": "of both", "categorical_value": "\u001b[31mred\u202e\n", "tags": ["ml_app:other"], "timestamp_ms": 6}
{"event_kind": "evaluation", "join_on": {"span": {"trace_id": "1", "span_id": "late"}}, "label": "of late", "score_value": 1, "timestamp_ms": 5}
{"event_kind": "evaluation", "join_on": {"span": {"trace_id": "2", "span_id": "late"}}, "label": "of none", "json_value": {"a": 1}, "timestamp_ms": 7}
{"event_kind": "evaluation", "join_on": {"span": {"trace_id": "2"}}, "label": "half", "score_value": 1}
{"event_kind": "evaluation", "join_on": {}, "label": "broken"}
{"join_on": [], "label": 3}
EOS
    done >"$tmp/evaluated/a.jsonl"
}

evaluations_shown() {
    evaluated
    view --store "$tmp/evaluated"
    same "$status" 0 && count 'eval of late: 1$' out 1 &&
        count 'eval of both: \\x1b\[31mred\\u{202e}\\n$' out 2 &&
        has_not out 'of none' broken half && has err \
        '1 evaluation of spans that are not here' '2 lines could not be read'
}
check "view: evaluations below their spans" evaluations_shown

evaluations_filtered() {
    view --store "$tmp/evaluated" --name early
    count 'eval of' out 1 && has err '1 evaluation of spans' || return 1
    view --store "$tmp/evaluated" --spans --name late
    count 'eval of' out 2 && has err '1 evaluation of spans' || return 1
    view --store "$tmp/evaluated" --json --ml-app other
    count . out 1 && has out '"of both"' || return 1
    view --store "$tmp/evaluated" --json
    count . out 7
}
check "view: evaluations and filters" evaluations_filtered
