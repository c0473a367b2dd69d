# What bash would offer for a half line. usage: completion.bash BUILD_DIR
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
expect "llmobs drain --to agentl" -- agentless
expect "llmobs purge --dir '$bin/some'" -- "$bin/some dir"
expect "llmobs help var" -- variables
expect "llmobs view --session --j" -- ''
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
echo "$passed passed, $failed failed"
[[ $failed -eq 0 ]]
