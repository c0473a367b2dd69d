# Sourced by scripts that end with "N passed, M failed": $tmp is their directory.
passed=0 failed=0

check() { # NAME COMMAND...
    title=$1
    shift
    if "$@" > "$tmp/log" 2>&1 < /dev/null; then
        passed=$((passed + 1))
        echo "ok $title"
    else
        failed=$((failed + 1))
        echo "not ok $title"
        tail -n 40 "$tmp/log" | sed 's/^/  | /'
    fi
}

# All paths of a root, but those of the kernel and those that match $kept.
paths_of() { # ROOT
    (cd "$1" && find . -xdev \( -path ./proc -o -path ./dev -o -path ./tmp \) \
        -prune -o -print | grep -v "${kept:-^$}" | sort)
}

sums_up() {
    echo "$passed passed, $failed failed"
    [ "$failed" -eq 0 ]
}
