# Completion of llmobs, llmobs-run and llmobs-entrypoint for bash. Commands and
# options are those that the program's own help names.

_llmobs_options() { # TEXT: the options in it
    local IFS=$' \t\n'
    grep -oE -e '(^|[[:blank:]])--[a-z][a-z-]*' <<<"$1" | tr -d ' \t'
}

# The tool's words for an option, or the values of the newest spans. These come
# from programs and models, so they are never a list that the shell expands.
# False: the option has none.
_llmobs_stored() { # OPTION WORD
    local value values tool=${COMP_WORDS[0]} store=() i quoted=
    case ${tool##*/} in llmobs-*) tool=${tool%-*} ;; esac
    for ((i = 1; i + 1 < COMP_CWORD; i++)); do
        [[ ${COMP_WORDS[i]} != --store ]] || store=("${COMP_WORDS[i + 1]}")
    done
    [[ $2 != [\"\']* ]] || quoted=yes
    values=$("$tool" completion values "${1#--}" "${store[@]}" 2>/dev/null)
    (($? != 2)) || return
    while IFS= read -r value; do
        if [[ -z $value || $value != "${2#[\"\']}"* ]]; then
            continue
        elif [[ -z $quoted ]]; then
            COMPREPLY+=("$(printf %q "$value")")
        elif [[ $value != *[\"\'\`\$\\!]* ]]; then
            COMPREPLY+=("$value")
        fi
    done <<<"$values"
}

_llmobs_values() { # OPTION: completes its value; false: it has none of its own
    case $1 in
    --store | --dir)
        compopt -o filenames
        mapfile -t COMPREPLY < <(compgen -d -- "$2")
        ;;
    --output | -o)
        compopt -o filenames
        mapfile -t COMPREPLY < <(compgen -f -- "$2")
        ;;
    --env | --tag | --input | --workflow | --preload | --user-time | --for | --idle | \
        --max-*)
        COMPREPLY=()
        ;;
    --?*)
        [[ $1 != --timeseries || $2 != -* ]] && _llmobs_stored "$1" "$2"
        ;;
    *) return 1 ;;
    esac
}

# Where the command that is to be run begins; 0: not yet.
_llmobs_command_at() { # FIRST
    local i=$1
    while ((i < COMP_CWORD)); do
        case ${COMP_WORDS[i]} in
        --) echo $((i + 1)) && return ;;
        --keep-output | --json | --help | --inbound | --intercept | --relay | --*=*) ;;
        --*)
            ((i++))
            [[ ${COMP_WORDS[i]} != = ]] || ((i++))
            ;;
        *) echo "$i" && return ;;
        esac
        ((i++))
    done
    echo $((i == COMP_CWORD ? 0 : -1))
}

# The command after our own options, and its arguments.
_llmobs_run_rest() { # FIRST
    local at
    at=$(_llmobs_command_at "$1")
    if ((at > 0)) && declare -F _command_offset >/dev/null; then
        _command_offset "$at"
        return 0
    fi
    ((at == 0)) || return 0
    [[ ${COMP_WORDS[COMP_CWORD]} != -* ]] || return 1
    COMPREPLY=($(compgen -c -- "${COMP_WORDS[COMP_CWORD]}"))
}

_llmobs() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
    local program=${COMP_WORDS[0]} command=${COMP_WORDS[1]} first=2
    local IFS=$' \t\n'
    COMPREPLY=()
    [[ $before != = ]] || before=${COMP_WORDS[COMP_CWORD - 2]}
    [[ $word != = ]] || word=
    if [[ ${program##*/} != llmobs ]]; then
        command= first=1
    elif ((COMP_CWORD == 1)); then
        COMPREPLY=($(compgen -W "$("$program" help 2>/dev/null |
            awk '/^  [a-z]/ { print $1 }')" -- "$word"))
        return
    elif [[ $command == help ]]; then
        COMPREPLY=($(compgen -W "variables $("$program" help 2>/dev/null |
            awk '/^  [a-z]/ { print $1 }')" -- "$word"))
        return
    fi
    if [[ $command == completion ]]; then
        COMPREPLY=($(compgen -W 'bash zsh fish --help' -- "$word"))
        return
    fi
    case $command in
    '' | run | span | workflow | limit | entrypoint | doctor)
        if [[ $before == --* ]] && _llmobs_values "$before" "$word"; then
            return
        fi
        _llmobs_run_rest "$first" && return
        ;;
    *) _llmobs_values "$before" "$word" && return ;;
    esac
    COMPREPLY=($(compgen -W "$(_llmobs_options \
        "$("$program" $command --help 2>/dev/null)") --help" -- "$word"))
}

complete -F _llmobs llmobs llmobs-run llmobs-entrypoint
