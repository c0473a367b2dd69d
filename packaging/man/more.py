"""Sections of the manual pages that the --help of the commands does not have:
for scripts/man-pages.  Lines of four blanks stay as they are."""

FILES = """\
`/etc/llmobs/llmobs.conf`, or the file that `LLMOBS_CONFIG` names: settings,
`llmobs.conf`(5).

`/etc/llmobs/disabled`: where it exists, new processes are not observed.

`/var/lib/llmobs` of root, `~/.local/state/llmobs` of a user, or
`/var/tmp/llmobs-UID` (`llmobs-UID.N` where another user has that name): the
local store, the spool and the counters.
"""

MORE = {
    "llmobs": {
        "DESCRIPTION": """\
Shows, counts, delivers and removes the spans that programs under
`llmobs-run` make of their calls to language models, and tells why a program
makes none. `llmobs COMMAND --help` lists the options of a command.
""",
        "EXAMPLES": """\
    llmobs-run --ml-app my-app php bot.php
    llmobs view --messages
    llmobs doctor php
""",
        "FILES": FILES,
        "EXIT STATUS": """\
Each command has its own. 127 where `llmobs-tool` is missing, which `llmobs`
starts, or a loader for it: glibc's or musl's.
""",
    },
    "llmobs-run": {
        "ENVIRONMENT": """\
`DD_LLMOBS_ENABLED` is set to 1 where it is unset or empty, and the library
is added to `LD_PRELOAD`; `--inbound` adds to `RUBYOPT`, `PERL5OPT`, `LUA_INIT`
and `PYTHONPATH`, and sets `R_PROFILE`, whose value becomes that of
`LLMOBS_R_PROFILE`; `LLMOBS_SCRIPT` is set where CMD is a script, `LLMOBS_RUN`
where it is unset and CMD is neither a server nor a shell at a terminal, and with a
limit `LLMOBS_RUN` and `LLMOBS_RUN_STORE`. Every other entry is passed on unchanged. Where the
kernel takes no more, the command gets the variables that came, and is not
observed. All variables are in `llmobs.conf`(5).
""",
        "LIMITS": """\
`--max-tokens` and `--max-cost` stop between calls. The tokens of a call are known
when it has ended and its span is in the local store, to which the spans go as
well, also where `LLMOBS_EXPORTER` names another way: at the end of a short
process, up to a second after the call in one that lives, and only at its end
where that has `LLMOBS_THREAD=off`. So the sum passes the limit by at least a
part of one call, and by more where calls are fast or many at a time. Then CMD,
its children and theirs get TERM, and two seconds later KILL; calls under way
are cut off and may be billed. A process whose parent has ended before, as a
daemon's has, goes on. A line on stderr tells the sum.

The spans of a store that has no room wait elsewhere, and no limit holds: stderr
tells where less than 256 KiB are free.

Calls that are not observed count nothing, nor do those without counts or
without a known price, as those to a gateway of
`DD_LLMOBS_INSTRUMENTED_PROXY_URLS`; stderr tells of the first such call.
`LLMOBS_CONTENT=off` hides no counts. Where no limit would hold, CMD is not
started: observing is switched off, the store cannot be written, no prices are
known for `--max-cost` alone, or a pattern of `LLMOBS_REDACT` hides the run's
number. With a limit no relay delivers for CMD.
""",
        "EXIT STATUS": """\
That of the command, 143 or 137 where a limit has ended it by TERM or KILL; 126
or 127 where the command cannot be run, or --replay, --max-cost or --max-tokens
would not hold, 2 for a mistake in the options.
""",
        "EXAMPLES": """\
    llmobs-run --max-tokens 200000 --max-cost 2.50 ./agent
    llmobs-run --ml-app my-app --session 42 ./my-program --its --own options
    llmobs-run --ml-app nightly --workflow "nightly report" make report
    llmobs-run --inbound --service gateway puma config.ru
""",
        "FILES": FILES,
    },
    "llmobs-entrypoint": {
        "EXAMPLES": """\
In a Dockerfile, with the library under `/opt/llmobs`:

    COPY --from=llmobs /opt/llmobs /opt/llmobs
    ENV DD_LLMOBS_ML_APP=shop
    ENTRYPOINT ["/opt/llmobs/bin/llmobs-entrypoint"]
    CMD ["/app/app.sh"]

In Kubernetes an init container copies the library to a volume that the
container mounts, whose command is then:

    command: ["/llmobs/bin/llmobs-entrypoint", "/app/app.sh"]

Both are whole in `examples/container` of the documentation, and `CONTAINERS.md`
there explains them.
""",
    },
    "llmobs-mock": {
        "EXIT STATUS": """\
That of CMD where it is another than 0; else 1 where a request had no recording
or DIR cannot be served, 2 for a mistake in the options, 0 otherwise.
""",
        "EXAMPLES": """\
    llmobs-run --record cassette ./test-chat
    llmobs mock cassette -- ./test-chat
    llmobs mock cassette --nearest --timing --port 8080
""",
    },
    "llmobs-view": {
        "EXAMPLES": """\
    llmobs view --messages
    llmobs view last
    llmobs view 6affe73a
    llmobs view --since 1h --errors
    llmobs view --follow --ml-app my-app
    llmobs view --json --tag env:prod | jq .name
    llmobs view --otlp --since 1d > spans.jsonl
    llmobs view --summary --by model --since 1d
    llmobs view --summary --by script,model --since 7d
    llmobs view --timeseries latency,errors --by ml_app --step 1h
    llmobs view --csv --fields start,model,duration_s,input_tokens > calls.csv
""",
        "ENVIRONMENT": """\
`LLMOBS_PRICES`: files of prices, with commas between them, by which costs are
estimated; `default` for those that ship, which also counts where it is unset;
`off`. They have the format of LiteLLM's model_prices_and_context_window.json.
""",
    },
    "llmobs-stats": {
        "EXIT STATUS": """\
0; 1 where `--check` finds a drop or a call that waits, a limit is exceeded, the
counters or those of a user cannot be read, or the output cannot be written; 2
for a mistake in the options, `--since` a time to come with `--check`, or a limit
about which the answer is not known. With `--users --prometheus` and without
`--check` a user whose counters cannot be read is `llmobs_readable` 0, and the
status 0.
""",
        "EXAMPLES": """\
    llmobs stats --check || echo "something was dropped, or waits"
    llmobs stats --check --since 1h     # of a job that runs each hour
    llmobs stats --users --prometheus -o /var/lib/prometheus/node-exporter/llmobs.prom
    llmobs stats --max-cost 2.50 --max-errors 0 --since 1h
""",
        "ENVIRONMENT": """\
`LLMOBS_PRICES`: files of prices for `--max-cost`, as for `llmobs-view`(1).
""",
    },
    "llmobs-span": {
        "EXAMPLES": """\
    docs=$(llmobs span --kind retrieval --name search --input "$question" \\
        --keep-output -- ./search "$question")
""",
    },
    "llmobs-doctor": {
        "EXAMPLES": """\
    llmobs doctor php
    llmobs doctor 4711
    llmobs doctor fpm:www
    llmobs doctor --run python3 app.py
""",
    },
    "llmobs-drain": {
        "EXAMPLES": """\
    llmobs drain --to store
    llmobs drain --to otlp
    systemctl enable --now llmobs-drain.timer
    systemctl --user enable --now llmobs-drain.timer
""",
    },
    "llmobs-ps": {
        "EXAMPLES": """\
    llmobs ps
    watch -n 1 llmobs ps
    llmobs ps --json | jq 'select(.age_ns > 60e9) | .pid'
""",
    },
    "llmobs-relay": {
        "EXAMPLES": """\
    llmobs relay
    llmobs relay --idle 60
    systemctl enable --now llmobs-relay.service
    systemctl --user enable --now llmobs-relay.service
""",
    },
    "llmobs-purge": {
        "EXAMPLES": """\
    llmobs purge --dry-run
    llmobs purge --yes --store
    llmobs purge --yes --users
""",
        "NOTES": """\
`LLMOBS_STORE_MAX` limits the store and `LLMOBS_SPOOL_MAX` the spool, even without
this command: the store's oldest files are removed first.
""",
    },
    "llmobs.conf": {
        "DESCRIPTION": """\
One `NAME=value` or `export NAME=value` a line, for each variable that the environment leaves unset
or empty; comments begin with #. Blanks around name and value, and a pair of
quotes around the value, are dropped. The last line of a name wins. A bad value
leaves the default, and one line in the log.

A process reads the file once, when it first uses libcurl. `LLMOBS_CONFIG` in
the environment names another file.

A user who may write the file decides where spans go, and a user who may read
it reads the API key in it. So give it to root, with mode 0644, or 0640 and a
group.
""",
        "EXAMPLES": """\
    DD_LLMOBS_ENABLED=1
    DD_LLMOBS_ML_APP=shop
    LLMOBS_EXCLUDE=git,/opt/vendor/*
""",
    },
}
