#!/usr/bin/python3
"""Wrong options, wrong values and missing arguments of every command: status 2,
nothing on stdout, and one line on stderr that names the command, the reason and
the remedy.

usage: refusals.py BUILD
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
from checks import check  # noqa: E402

BUILD = os.path.realpath(sys.argv[1])
TMP = tempfile.mkdtemp(prefix="refusals.")
ENV = {"PATH": "/usr/bin:/bin", "HOME": TMP, "LLMOBS_BUILD": BUILD,
       "LLMOBS_STORE_DIR": TMP + "/store"}
# An option of each, mistyped.
COMMANDS = {"view": "summray", "stats": "promethus", "mock": "neerest",
            "ps": "jsonn", "span": "keep-outpt", "evaluate": "reasonnig",
            "feedback": "submiter", "doctor": "no-selftest",
            "drain": "user-tme", "relay": "backgruond", "purge": "dry-rn",
            "workflow": "prelod", "limit": "max-csot", "entrypoint": "prelaod"}
KINDS = "llm", "embedding", "workflow", "agent", "task", "tool", "retrieval"

# The words of a command, and a part of its answer.
REFUSED = (
    ("run --ml-ap x true", "no such option: --ml-ap; did you mean --ml-app?"),
    ("llmobs-run --ml-ap", "no such option: --ml-ap; did you mean --ml-app?"),
    ("llmobs-entrypoint --agent-servce=x true",
     "--agent-servce; did you mean --agent-service?"),
    ("run --inbond true", "no such option: --inbond; did you mean --inbound?"),
    ("llmobs-run --relay=3 true", "--relay takes no value"),
    ("llmobs-run --ml-app", "--ml-app needs a value"),
    ("llmobs-run --ml-app x", "no command to run"),
    ("llmobs-entrypoint --", "no command to run"),
    ("llmobs-run -x true", "no such option: -x"),
    ("llmobs-run - true", "no such option: -"),
    ("llmobs-run --workflow= true", "--workflow needs a name"),
    ("llmobs-run --max-tokens x true", "--max-tokens needs a number"),
    ("llmobs-run --max-cost= true", "--max-cost needs a number"),
    ("vew", "no such command: vew; did you mean view?"),
    ("doctor-who", "no such command: doctor-who; `llmobs help` lists"),
    ("help vew", "no such command: vew; did you mean view?"),
    ("help view stats", "unexpected argument: stats"),
    ("version 1", "unexpected argument: 1"),
    ("completion", "one of bash, zsh, fish"),
    ("completion tcsh", "none for 'tcsh'; one of bash, zsh, fish"),
    ("span --kind thought true", "--kind thought: no such kind of span; there "
     "are " + ", ".join(KINDS)),
    ("span --kind tool", "no command to run"),
    ("span --kind", "--kind needs a value"),
    ("span --name= true", "--name '': an empty name"),
    ("span --tag x true", "--tag: not of the form KEY:VALUE"),
    ("workflow true", "--name is missing"),
    ("workflow --name= true", "--name '': an empty name"),
    ("workflow --name x", "no command to run"),
    ("limit true", "neither --max-tokens nor --max-cost"),
    ("limit --max-tokens 1", "no command to run"),
    ("limit --max-tokens x true", "--max-tokens x: not a number"),
    ("limit --max-cost 1.2.3 true", "no number of dollars such as 2.50"),
    ("entrypoint", "no command to run"),
    ("doctor", "neither CMD nor --host"),
    ("doctor --host php", "with --host there is no CMD"),
    ("doctor --run --json php", "--run goes with no other option"),
    ("mock", "DIR is missing"),
    ("mock a --", "CMD is missing"),
    ("mock a b", "unexpected argument: b (a command comes behind --)"),
    ("mock a --replay", "--replay needs --preload and a command"),
    ("mock a --port 65536", "--port 65536: no port from 0 to 65535"),
    ("purge", "nobody to ask: say --yes, or --dry-run"),
    ("purge --dir=", "--dir '': an empty name"),
    ("purge --user-time 0", "--user-time 0: no number of seconds from 1 to "),
    ("drain spool", "unexpected argument: spool"),
    ("drain --to x", "none of agent, agentless, otlp, store, and no URL"),
    ("drain --to ftp://x", "no URL of http, https or unix"),
    ("drain --user-time=x", "--user-time x: no number of seconds from 1 to "),
    ("relay --idle x", "--idle x: no number of seconds from 1 to "),
    ("ps 7", "unexpected argument: 7"),
    ("stats --check=x", "--check x: no number of seconds from 1 to "),
    ("stats --since 1h", "--since needs --check, or a limit"),
    ("stats --ml-app a", "need a limit such as --max-cost"),
    ("stats --max-errors x", "--max-errors x: not a number"),
    ("stats --max-cost 1 --json", "do not go with a limit"),
    ("stats --output=", "--output '': an empty name"),
    ("evaluate", "--type is missing"),
    ("evaluate --type score", "--value is missing"),
    ("evaluate --type stars --value 3", "--type stars: none of score, "),
    ("evaluate --type score --value x", "--value: no number, as a score is"),
    ("evaluate --type boolean --value x", "--value: neither true nor false"),
    ("evaluate --type json --value x", "--value: no JSON object"),
    ("evaluate --type score --value 3", "without a label"),
    ("evaluate --label a --type score --value 3", "neither span nor tag"),
    ("evaluate --tag x", "--tag: not of the form KEY=VALUE"),
    ("evaluate --tag-add x", "--tag-add: not of the form KEY:VALUE"),
    ("evaluate --scope x", "--scope: neither span nor trace"),
    ("evaluate --timestamp x", "--timestamp: no number of milliseconds"),
    ("feedback --type text --value x", "--submitter is missing"),
    ("feedback --label a --type text --value x --submitter u",
     "more or less than one target"),
    ("view --kind thought", "--kind thought: no such kind of span; there are "),
    ("view --kind=", "--kind '': no such kind of span; there are "),
    ("view --by modle", "--by modle: no such way to group; did you mean model"),
    ("view --by x", "--by x: no such way to group; one or two of kind, "),
    ("view --by model", "--by is for --summary and --timeseries"),
    ("view --fields modle", "no such field: modle; did you mean model?"),
    ("view --fields x", "the first line of `llmobs view --csv` lists them"),
    ("view --fields " + ",".join(["model"] * 65), "--fields: too many of them"),
    ("view --timeseries=clls", "no such metric: clls; did you mean calls?"),
    ("view --timeseries=x", "no such metric: x; `llmobs view --help` lists"),
    ("view --step x", "--step x: no duration such as 1s, 5m, 1h"),
    ("view --color x", "--color x: none of auto, always, never"),
    ("view --port x", "--port x: no port from 0 to 65535"),
    ("view --port 7", "--port is for --serve"),
    ("view -n x", "--newest x: not a number"),
    ("view --since=", "--since '': no time such as 90s, "),
    ("view --tag x", "--tag x: not of the form KEY:VALUE or KEY=VALUE"),
    ("view something", "something: no id of a trace or a span, nor `last`"),
    ("view abc def", "one ID at most: def"),
    ("view --csv=3", "--csv=3 takes no value"),
    ("view --html", "--html needs a value"),
    ("view -hx", "no such option: -x"),
    ("view --modle x", "no such option: --modle; did you mean --model?"),
    ("view --colourless", "no such option: --colourless; `llmobs view --help`"),
    ("drain --watch 5", "--watch; llmobs relay goes on until TERM"),
    ("ps --stack", "--stack; gdb and py-spy show where a program waits"),
    ("ps --watch", "--watch; watch -n 1 llmobs ps lists them anew"),
    ("view --chrome-trace", "--chrome-trace; the page of --html draws"),
    ("view abc def --diff", "--diff; Compare on the page of --html compares"),
    ("view --sessions", "--sessions; --summary --by session has a line of"),
    ("view --waste", "--waste; docs/VIEW.md finds such calls with SQLite"),
    ("stats --store", "--store needs a value"),
    ("stats something", "unexpected argument: something"),
    ("doctor --cost true", "--cost; docs/PERFORMANCE.md has what observing"),
    ("doctor --json", "neither CMD nor --host"),
)


def refuse(*words, part):
    """Runs it; `part` must be in the line."""
    launcher = words[0].startswith("llmobs-")
    command = list(words) if launcher else ["llmobs", *words]
    done = subprocess.run(
        [os.path.join(BUILD, command[0]), *command[1:]], env=ENV, timeout=60,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE)
    said = done.stderr.decode()
    check("refused: %.60r" % " ".join(words),
          done.returncode == 2 and not done.stdout and
          re.fullmatch("llmobs[ a-z-]*: [^\n]+\n", said) and part in said,
          (done.returncode, done.stdout[:80], said))


for line, wanted in REFUSED:
    refuse(*line.split(), part=wanted)
for name, near in COMMANDS.items():
    refuse(name, "--" + near, part="; did you mean --")
for name in (*COMMANDS, "run", "llmobs-run", "llmobs-entrypoint"):
    called = name if name.startswith("llmobs-") else "llmobs " + name
    refuse(name, "--zzzzzz", part="%s: no such option: --zzzzzz; "
           "`%s --help` tells more" % (called, called))
refuse("view", "--name", "a\nb", "--step", "\x1b[1m", part="--step \\x1b[1m: ")
for kind in KINDS:
    done = subprocess.run([BUILD + "/llmobs", "span", "--kind", kind, "true"],
                          env=ENV, timeout=60)
    check("a kind that is named is one: " + kind, done.returncode == 0)
done = subprocess.run([BUILD + "/llmobs"], env=ENV, timeout=60,
                      stdout=subprocess.PIPE, stderr=subprocess.PIPE)
check("without a command all are listed", done.returncode == 2 and
      not done.stdout and b"  doctor " in done.stderr, done)
shutil.rmtree(TMP)
