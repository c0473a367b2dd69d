# The words that bash would offer for a half line, and zsh and fish where they are here.
# usage: completion.bash BUILD_DIR
build=$(cd "${1:-build}" && pwd -P) || exit 2
cd "$(dirname "$0")/../.." || exit 2
bin=$(mktemp -d) || exit 2
trap 'rm -rf "$bin"' EXIT
ln -s "$build/llmobs" "$bin/llmobs"
ln -s "$build/llmobs-run" "$bin/llmobs-run"
mkdir "$bin/some dir"
PATH=$bin:$PATH
[ ! -r /usr/share/bash-completion/bash_completion ] ||
    . /usr/share/bash-completion/bash_completion
. packaging/completion/llmobs.bash
compopt() { :; } # works only where a person types
export LLMOBS_STORE_DIR=$bin/store

# A store whose values are text that a shell might run.
mkdir "$bin/store" "$bin/other"
span() { # NUMBER MODEL SERVICE
    printf '{"trace_id":"%s","span_id":"%s","name":"n","start_ns":%s,"meta":{"model_name":"%s","span":{"kind":"llm"}},"tags":["service:%s"]}\n' \
        "$1" "$1" "$1" "$2" "$3"
}
span 1 gpt-4o 'support bot' >"$bin/store/spans.jsonl"
span 2 'gpt-$(touch bad)' '*' >>"$bin/store/spans.jsonl"
span 3 'claude; touch bad' '`touch bad`' >>"$bin/store/spans.jsonl"
span 4 'line\nbreak' 'esc\u001b[2J' >>"$bin/store/spans.jsonl"
span 5 elsewhere elsewhere >"$bin/other/spans.jsonl"
passed=0
failed=0

# expect "WORD..." WORD...: the last word is completed, and what is offered
# holds these, or with -- before them is these alone.
expect() {
    local all= got want
    COMP_WORDS=()
    eval "COMP_WORDS=($1)"
    COMP_LINE=$1 COMP_POINT=${#1} COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
    COMPREPLY=()
    local name=$1
    shift
    _llmobs "${COMP_WORDS[0]}" "${COMP_WORDS[COMP_CWORD]}" \
        "${COMP_WORDS[COMP_CWORD - 1]}" 2>"$bin/err"
    got=$(printf '%s\n' "${COMPREPLY[@]}" | sort -u)
    [[ $1 != -- ]] || { all=yes && shift; }
    want=$(printf '%s\n' "$@" | sort -u)
    if [[ -s $bin/err ]]; then
        got="error: $(cat "$bin/err")"
    elif [[ -z $all ]]; then
        got=$(comm -12 <(echo "$got") <(echo "$want"))
    fi
    if [[ $got == "$want" ]]; then
        passed=$((passed + 1))
        echo "ok completion of $name"
    else
        failed=$((failed + 1))
        echo "not ok completion of $name: ${got//$'\n'/ }, not ${want//$'\n'/ }"
    fi
}

# Every command, and every option of its help.
for command in $(llmobs help | awk '/^  [a-z]/ { print $1 }'); do
    expect "llmobs ''" "$command"
    options=$(llmobs "$command" --help | grep -oE '(^|[[:blank:]])--[a-z][a-z-]*' |
        grep -v -- '--workflow' | tr -d ' \t')
    case $command in help | version) continue ;; esac
    # shellcheck disable=SC2086
    expect "llmobs $command -" $options --help
done
# shellcheck disable=SC2046
expect "llmobs-run --" $(llmobs-run --help | grep -oE '^  --[a-z-]+')
expect "llmobs vi" -- view
expect "llmobs view --me" -- --messages
expect "llmobs view --kind emb" -- embedding
expect "llmobs view --kind = emb" -- embedding
expect "llmobs view --by resp" -- response_model
expect "llmobs view --fields inp" -- input_tokens
expect "llmobs view --timeseries late" -- latency latency_p50 latency_p95 latency_p99
expect "llmobs view --json --serv" -- --service --serve
expect "llmobs drain --to agentl" -- agentless
expect "llmobs view --color ''" -- always auto never
expect "llmobs view --step 5" -- 5m
expect "llmobs stats --since 1" -- 10m 1d 1h
expect "llmobs purge --dir '$bin/some'" -- "$bin/some dir"
expect "llmobs help var" -- variables
expect "llmobs view --session --j" -- ''
expect "llmobs view --model gpt" -- gpt-4o 'gpt-\$\(touch\ bad\)'
expect "llmobs view --model = gpt-4" -- gpt-4o
expect "llmobs view --store '$bin/other' --model ''" -- elsewhere
expect "llmobs view --service ''" -- 'support\ bot' '\*' '\`touch\ bad\`'
expect "llmobs-run --service sup" -- 'support\ bot'
expect "llmobs view --trace ''" -- 1 2 3 4
expect "llmobs completion ''" -- bash zsh fish --help
expect "llmobs purge --user-time --j" -- ''
expect "llmobs doctor llmobs-r" llmobs-run
expect "llmobs-run --ml-app x llmobs-r" llmobs-run
expect "llmobs-run --ml-app=x llmobs-r" llmobs-run
expect "llmobs-run -- llmobs-r" llmobs-run
expect "llmobs span --kind tool -- llmobs-r" llmobs-run
expect "llmobs span --keep-output llmobs-r" llmobs-run
expect "llmobs-run --relay llmobs-r" llmobs-run
expect "llmobs nothing --" -- --help
_sample() { COMPREPLY=(sample-was-asked); }
complete -F _sample sample
if declare -F _command_offset >/dev/null; then
    expect "llmobs-run --env prod sample --an" -- sample-was-asked
    expect "llmobs-run sample --ml-app" -- sample-was-asked
    expect "llmobs span --name x sample ''" -- sample-was-asked
else
    echo "skip completion of the command's own: no bash-completion here"
fi
# same NAME GOT WANTED
same() {
    if [[ $2 == "$3" ]]; then
        passed=$((passed + 1))
        echo "ok completion of $1"
    else
        failed=$((failed + 1))
        echo "not ok completion of $1: ${2//$'\n'/ }, not ${3//$'\n'/ }"
    fi
}

# A word within quotes: nothing that the shell would run there.
COMP_WORDS=(llmobs view --model '"') COMP_CWORD=3 COMPREPLY=()
_llmobs
same 'bash: a quoted word' "$(printf '%s\n' "${COMPREPLY[@]}" | sort)" \
    "$(printf '%s\n' 'claude; touch bad' gpt-4o)"
for shell in bash zsh fish; do
    file=packaging/completion/llmobs.$shell
    [[ $shell != zsh ]] || file=packaging/completion/_llmobs
    llmobs completion $shell | cmp -s - "$file"
    same "$shell: the file" $? 0
done

models=$(printf '%s\n' 'claude; touch bad' gpt-4o 'gpt-$(touch bad)' | sort)
if command -v zsh >/dev/null; then
    zsh_offers() {
        zsh -f -c 'compdef() { :; }; source <(llmobs completion zsh)
            compadd() { [[ $1 != -- ]] || shift; print -rl -- "$@" }
            words=("$@") CURRENT=$#words; _llmobs' zsh "$@" 2>&1 | sort
    }
    same 'zsh: a model' "$(zsh_offers llmobs view --model '')" "$models"
    same 'zsh: of another store' \
        "$(zsh_offers llmobs view --store "$bin/other" --service '')" elsewhere
    same 'zsh: a key' "$(zsh_offers llmobs view --by '' | grep -x response_model)" \
        response_model
    same 'zsh: an option' "$(zsh_offers llmobs view -- | grep -x -e --model)" \
        --model
else
    echo "skip zsh: it is not here"
fi
if command -v fish >/dev/null; then
    fish_offers() {
        HOME=$bin fish --no-config -c 'llmobs completion fish | source
            complete -c sample -f -l an-option
            complete -C $argv[1]' "$1" 2>&1 | sort
    }
    same 'fish: a command' "$(fish_offers 'llmobs vi' | cut -f1)" view
    same 'fish: a model' "$(fish_offers 'llmobs view --model ')" "$models"
    same 'fish: of another store' \
        "$(fish_offers "llmobs view --store $bin/other --service ")" elsewhere
    same 'fish: a key' "$(fish_offers 'llmobs view --by resp')" response_model
    same 'fish: an option' "$(fish_offers 'llmobs view --me')" --messages
    same "fish: the command's own" \
        "$(fish_offers 'llmobs-run --env prod sample --an')" --an-option
else
    echo "skip fish: it is not here"
fi
[[ ! -e bad ]] || same 'nothing that a value says is run' bad ''
echo "$passed passed, $failed failed"
[[ $failed -eq 0 ]]
