"""The run that a span belongs to: the launcher's id, else the process of the
script, with the time of its start."""
import os
import re
import subprocess

from harness import LAUNCHER, Skip, body, curl, equal, ok, test

# By the launcher a command has the library and, after this, no run.
BARE = ["env", "-u", "LLMOBS_RUN", "-u", "LLMOBS_SCRIPT"]
CALL = '"$@" > /dev/null\n'


def words(t):
    return curl(t.url, body())


def runs(t, argv, inputs=None, **options):
    """The runs of the spans of a program, in the order of their begin."""
    found = t.run(argv, inputs=inputs, **options).spans
    return [s["_call"].get("run") for s in
            sorted(found, key=lambda s: s["start_ns"])]


def one(of, count, what):
    """There are `count` spans, all of one run; gives it."""
    ok(len(of) == count and len(set(of)) == 1 and of[0] and
       re.fullmatch("[0-9a-f]{16}", of[0]), "%s: %r" % (what, of))
    return of[0]


@test
def one_script(t):
    """Each call is a trace, and all are one run; the next run is another one."""
    files = {"three.sh": (CALL * 3 + "true\n").encode()}
    seen = set()
    for lead in ([], BARE):
        for argv in (["sh", "three.sh"], ["bash", "-e", "three.sh"]):
            r = t.run(lead + argv + words(t), inputs=files)
            seen.add(one([s["_call"]["run"] for s in r.spans], 3, argv))
            equal(len({s["trace_id"] for s in r.spans}), 3, "traces")
    equal(len(seen), 4, "runs")


@test
def what_a_script_starts(t):
    """Its subshells, pipes, background jobs, tools and shells within it."""
    for text, count in (
            ('"$@" & "$@" & wait\n', 2),
            ('("$@"; "$@"; true); ("$@" | cat); "$@"\n', 4),
            ('timeout 60 "$@"; nice "$@"; env A=1 "$@"\n', 3),
            ('sh -c \'"$@"; "$@"\' sh "$@"; "$@"\n', 3),
            ('seq 4 | xargs -P 2 -I{} "$@"\n', 4)):
        of = runs(t, BARE + ["sh", "job.sh"] + words(t),
                  inputs={"job.sh": ("(%s) > /dev/null\ntrue\n" % text.strip())
                          .encode()})
        one(of, count, text)


@test
def two_at_once(t):
    """Each has its own; a script within a script is a run by itself, unless the
    launcher says that all is one."""
    files = {"in.sh": (CALL * 2 + "true\n").encode(),
             "out.sh": b'sh in.sh "$@" & sh in.sh "$@" & wait\n' +
             (CALL + "true\n").encode()}
    of = runs(t, BARE + ["sh", "out.sh"] + words(t), inputs=files)
    equal(sorted(of.count(run) for run in set(of)), [1, 2, 2], of)
    ok(None not in of, of)
    one(runs(t, ["sh", "out.sh"] + words(t), inputs=files), 5, "launcher")


@test
def deep(t):
    """Too far below its script a call has no run, but that of the launcher."""
    text = ('n=$1; shift; if [ $n -gt 0 ]; then sh -c "$TEXT" sh $((n - 1)) '
            '"$@"; else "$@"; "$@"; fi > ../out; true')
    argv = ["sh", "-c", text, "sh", "8"] + words(t)
    one(runs(t, argv, env={"TEXT": text}), 2, "launcher")
    equal(runs(t, BARE + argv, env={"TEXT": text}), [None, None], "bare")


@test
def launchers_in_one_another(t):
    """The outer id stays; beside each other they are two runs."""
    launcher = os.path.join(t.build, "llmobs-run")
    script = '"$0" "$@" > ../out; "$0" "$@" > ../out; true'
    one(runs(t, ["sh", "-c", script, launcher] + words(t)), 2, "nested")
    of = runs(t, BARE + ["sh", "-c", script, launcher] + words(t))
    ok(len(of) == 2 and None not in of and of[0] != of[1], of)


@test
def programs_of_shells(t):
    """As cron runs them: `sh -c` with two calls is one run. A program
    that is no interpreter starts runs, not parts of its own."""
    one(runs(t, BARE + ["sh", "-c", CALL * 2 + "true", "sh"] + words(t)), 2,
        "sh -c")
    outer = 'for i in 1 2; do sh -c "$JOB" sh "$@"; done > ../out; true'
    of = runs(t, BARE + ["bash", "-c", 'exec -a cron bash -c "$CRON" cron "$@"',
                         "x"] + words(t),
              env={"CRON": outer, "JOB": '"$@"; "$@"; true'})
    ok(len(of) == 4 and of[0] == of[1] != of[2] == of[3] and all(of), of)


@test
def an_interpreter(t):
    """A program that calls by itself, and by a child."""
    text = ("import subprocess, sys\nfor _ in range(3):\n"
            "    subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL)\n")
    one(runs(t, BARE + ["/usr/bin/python3", "ask.py"] + words(t),
             inputs={"ask.py": text.encode()}), 3, "python")
    one(runs(t, BARE + ["curl", "--parallel"] + words(t)[1:] +
             ["--next"] + words(t)[1:]), 2, "curl with two URLs")


def handed_on(t, name, argv, terminal=None, **env):
    """The run that the launcher gives to a command."""
    # With LLMOBS_RUN unset the shell prints an empty line.
    done = subprocess.run(
        [os.path.join(t.build, name), *argv], text=True,
        env=dict(t.environment(True, {}), **env), capture_output=True,
        **({"stdin": terminal} if terminal is not None else
           {"input": "echo $LLMOBS_RUN\n"}))
    return done.stdout.strip()


@test
def what_the_launcher_hands_on(t):
    """A command that has no end gets no run; one that is given stays."""
    t.fresh({"gunicorn": b"#!/bin/sh\necho $LLMOBS_RUN\n"})
    server = os.path.join(t.dir, "work", "gunicorn")
    os.chmod(server, 0o755)
    tell = ["sh", "-c", "echo $LLMOBS_RUN"]
    id_ = "[0-9a-f]{16}"
    for name, argv, want in (
            ("llmobs-run", tell, id_), ("llmobs-run", ["sh"], id_),
            ("llmobs-run", ["--workflow", "w", *tell], id_),
            ("llmobs-run", ["timeout", "9", *tell], id_),
            ("llmobs-run", [server], ""), ("llmobs-run", ["sh", server], ""),
            ("llmobs-run", ["--inbound", *tell], ""),
            ("llmobs-entrypoint", tell, "")):
        have = handed_on(t, name, argv)
        ok(re.fullmatch(want, have), "%s %s: %r" % (name, argv, have))
        if want:
            equal(handed_on(t, name, argv, LLMOBS_RUN="mine"), "mine", argv)
    ours, theirs = os.openpty()
    try:
        os.write(ours, b"echo =$LLMOBS_RUN=; exit\n")
        have = handed_on(t, "llmobs-run", ["sh"], terminal=theirs)
    finally:
        os.close(ours)
        os.close(theirs)
    ok("==" in have, "a shell at a terminal: %r" % have)


SERVERS = ("php-fpm: pool www", "nginx: worker process", "/usr/sbin/apache2",
           "gunicorn: worker [a/b.c:app]", "puma: cluster worker 0: 7 [app]")


@test
def servers(t):
    """Whatever serves many has no run, not even the launcher's, as its parent
    may be a script that never ends."""
    files = {"start.sh": b"\"$@\"\ntrue\n"}
    for name in SERVERS:
        call = ["bash", "-c", 'exec -a "$0" "$@"', name] + words(t)
        for lead in ([], BARE):
            equal(runs(t, lead + ["sh", "start.sh"] + call, inputs=files),
                  [None], name)
    equal(runs(t, ["sh", "start.sh"] + call, inputs=files,
               env={"LLMOBS_RUN": "f" * 16, "LLMOBS_RUN_STORE": "1"}),
          ["f" * 16], "a limit counts its calls")


@test
def children_of_servers(t):
    """Each command that a server starts is a run by itself."""
    text = ("import subprocess, sys\nfor _ in range(2):\n"
            "    subprocess.run(['sh', '-c', '\"$@\"; \"$@\"; true', 'sh']"
            " + sys.argv[1:], stdout=subprocess.DEVNULL)\n")
    of = runs(t, BARE + ["/usr/bin/python3", "gunicorn"] + words(t),
              inputs={"gunicorn": text.encode()})
    ok(len(of) == 4 and of[0] == of[1] != of[2] == of[3] and all(of), of)


def apart(t, *more):
    lead = ["unshare", *more]
    if subprocess.run(lead + ["true"],
                      stderr=subprocess.DEVNULL).returncode != 0:
        raise Skip("no namespaces")
    return lead + [LAUNCHER]


@test
def services(t):
    """A unit of its own has no run, but by a shell's script, or where the
    launcher says so; of cron's jobs each is one."""
    bind = ("mount --make-rprivate / && mount --bind group /proc/$$/cgroup "
            "&& exec \"$@\"")
    for unit, argv, want in (
            ("report", words(t), [None]),
            ("report", ["timeout", "60"] + words(t), [None]),
            ("cron", words(t), 1)):
        group = ("0::/system.slice/%s.service\n" % unit).encode()
        # The unit of a process alone: its children would have another file.
        of = runs(t, BARE + ["sh", "-c", bind, "sh"] + words(t),
                  inputs={"group": group}, launcher=apart(t, "-m"))
        if want == 1:
            one(of, 1, unit)
        else:
            equal(of, want, unit)
    of = runs(t, ["sh", "-c", bind, "sh"] + words(t),
              inputs={"group": b"0::/system.slice/report.service\n"},
              launcher=apart(t, "-m"))
    one(of, 1, "the launcher")


@test
def the_first_process(t):
    """Of a container, unless it is a shell with a script."""
    lead = apart(t, "-pf", "--mount-proc")
    equal(runs(t, BARE + words(t), launcher=lead), [None], "a program")
    one(runs(t, BARE + ["sh", "job.sh"] + words(t), launcher=lead,
             inputs={"job.sh": (CALL * 2 + "true\n").encode()}), 2, "a shell")


@test
def a_parent_that_has_gone(t):
    """Its child tells a run of its own, and no other's."""
    script = '(sleep 0.5; exec "$@" > ../out) & exit 0'
    of = runs(t, BARE + ["sh", "-c", "sh -c '%s' sh \"$@\"; \"$@\" > ../out; "
                         "sleep 2" % script, "sh"] + words(t))
    ok(len(of) == 2 and of[0] and of[0] != of[1], of)


@test
def a_pid_again(t):
    """Two processes with one pid, in namespaces like each other."""
    seen = {one(runs(t, BARE + ["sh", "job.sh"] + words(t),
                     launcher=apart(t, "-pf", "--mount-proc"),
                     inputs={"job.sh": (CALL + "true\n").encode()}), 1, "run")
            for _ in range(3)}
    equal(len(seen), 3, "runs")
