# Completion of llmobs, llmobs-run and llmobs-entrypoint for fish. Commands and
# options are those that the program's own help names.

function __llmobs_options # PROGRAM [COMMAND]
    $argv --help 2>/dev/null | string match -ra -- '(?<=^|\s)--[a-z][a-z-]*' |
        sort -u
    echo --help
end

# The tool's words for an option, or the values of the newest spans; false: it
# has none.
function __llmobs_stored # PROGRAM MEMBER WORD...
    set -l tool (string replace -r -- '(^|/)llmobs-[a-z]+$' '$1llmobs' $argv[1])
    set -l store
    if set -l at (contains -i -- --store $argv)
        set store $argv[(math $at + 1)]
    end
    $tool completion values $argv[2] $store 2>/dev/null
    test $status -ne 2
end

# The command that is to be run, and its arguments, as a line; none: not yet.
function __llmobs_rest # WORD...
    while set -q argv[1]
        switch $argv[1]
            case --
                set -e argv[1]
                break
            case --keep-output --json --help --inbound --intercept --relay '--*=*'
            case '--*'
                set -e argv[1]
            case '*'
                break
        end
        set -e argv[1]
    end
    set -q argv[1]
    and echo (string escape -- $argv) (commandline -ct)
end

function __llmobs_complete
    set -l words (commandline -opc)
    set -l program $words[1]
    set -l command $words[2]
    set -l first 3
    if not string match -qr -- '(^|/)llmobs$' $program
        set command
        set first 2
    else if test (count $words) -eq 1
        $program help 2>/dev/null |
            string replace -rf -- '^  ([a-z]+) +(.*)$' '$1\t$2'
        return
    end
    switch $words[-1]
        case --store --dir
            __fish_complete_directories (commandline -ct)
            return
        case --html --input --output -o
            __fish_complete_path (commandline -ct)
            return
        case '--?*'
            if not string match -q -- '--timeseries-*' $words[-1](commandline -ct)
                and __llmobs_stored $program (string sub -s 3 -- $words[-1]) $words
                return
            end
    end
    switch "$command"
        case completion
            string split ' ' 'bash zsh fish'
        case help
            echo variables
            $program help 2>/dev/null | string replace -rf -- '^  ([a-z]+) .*$' '$1'
        case '' run span workflow limit entrypoint doctor
            set -l rest (__llmobs_rest $words[$first..-1])
            if test -n "$rest"
                complete -C "$rest"
            else if string match -q -- '-*' (commandline -ct)
                __llmobs_options $program $command
            else
                complete -C (commandline -ct)
            end
        case '*'
            __llmobs_options $program $command
    end
end

for program in llmobs llmobs-run llmobs-entrypoint
    complete -c $program -f -a '(__llmobs_complete)'
end
