#!/usr/bin/python3
"""The log as a model: how a call comes from a process that may die to each of
its destinations once (docs/SPOOL.md draws it).

There is one way: a call is appended to the log of its process, and one reader
delivers it: the process's own worker, a relay, or whoever finds the process
dead. A state is what the log has, and where each thread and each reader stands;
a step is one system call, so a kill may come between any two. The search makes
every step that is possible in every state it meets. It shows for all of them
that no call is

    lost      each destination gets each call that has begun;
    doubled   and gets it once;
    invented  and it is called killed only if its process is dead, and has not
              written its end;

and that no file is left, but for what docs/DECISIONS.md names: SENTENCES has
that, and a row of SCENARIOS says which of them come true there, and no other.
A rule that is taken out must make the search fail: each row of BROKEN does
that, so the search is known to look.

usage: model.py [SCENARIO [RULE]]

with a scenario (and without a rule) the steps to a failure, if there is one
"""
import os
import sys
from collections import deque
from concurrent.futures import ProcessPoolExecutor

sys.dont_write_bytecode = True
from rules import Model  # noqa: E402
from state import STEPS, Wrong, freeze, thaw  # noqa: E402

SENTENCES = {
    "late": "A call that its process has not delivered waits on the disk for "
            "a relay or a drain.",
    "lost": "A call that memory alone has, as the disk refused it or there is "
            "no spool, is lost by a kill, an exec, or an exit that can neither "
            "deliver nor write it.",
    "dropped": "Where memory is full, too, it is dropped.",
    "bare": "Content that may not touch the disk is lost with its process: the "
            "call comes without it.",
    "cut": "A kill repeats one batch at most, as no atomic step joins an "
           "answer and its note; so does an exec, or an exit whose time is "
           "over.",
    "unheard": "An answer that is lost repeats its batch.",
    "unnoted": "One of several destinations may get a call again if the disk "
               "refused the note that it has it.",
    "asked": "`llmobs drain --to` sends a call also to a destination that has "
             "it as one of several.",
    "replaced": "A kill between a redacted event and the release of the END "
                "that it replaces delivers both.",
    "read-only": "A disk that refuses even a change in place may give a "
                 "delivered call again, as killed where it refused its END.",
    "overtaken": "A child that completes a call of its parent may come too "
                 "late, when a reader has found the parent dead: the call "
                 "then counts as killed.",
}
ONE = {"events": (0,)}
RELAY = {"tags": (1, 1), "readers": "relay dead"}
# What happens there, and which sentences come true.
SCENARIOS = {
    "kills": ({"kills": 2, "readers": "worker dead dead"}, "late cut"),
    "one of two destinations is away": (
        {**ONE, "up": (0, 1), "kills": 2, "readers": "worker dead dead"},
        "late cut"),
    "one of two is away, the disk full": (
        {**ONE, "up": (0, 1), "full": 1}, "late cut unnoted lost"),
    "one of two is away, drain --to": (
        {**ONE, "up": (0, 1), "readers": "worker any dead"}, "late cut asked"),
    "an answer is lost": ({**ONE, "unheard": 1}, "late cut unheard"),
    "the disk is full": ({"full": 1}, "late cut lost"),
    "the disk becomes read-only": ({"readonly": 1}, "late cut lost read-only"),
    "no spool": ({"spool": 0, "fork": 1, "readers": "worker child dead"},
                 "lost"),
    "full memory": ({"room": 1, "full": 1, "kills": 0},
                    "late cut dropped"),
    "content is withheld": (
        {**ONE, "withheld": 1, "full": 1, "kills": 2,
         "readers": "worker dead dead"}, "late cut lost bare replaced"),
    "forks": ({"fork": 1, "kills": 2, "readers": "worker child dead"},
              "late cut overtaken"),
    "an exec, or a pid again": ({"taken": 1}, "late cut"),
    "a relay": ({"tags": (1, 1), "readers": "relay relay"}, "cut"),
    "a relay for one of two": ({"tags": (1, 0), "readers": "worker relay"},
                               "cut"),
    "a relay, events": ({**RELAY, "events": (1, 1), "kills": 2}, "late cut"),
    "a relay, the disk is full": (
        {**ONE, "tags": (1,), "full": 1, "readers": "worker relay dead"},
        "late cut lost"),
    "a relay, forks": ({**RELAY, "fork": 1}, "late cut overtaken"),
    "a relay, three calls": (
        {"events": (1, 0, 1), "tags": (1, 1, 1), "kills": 0,
         "readers": "relay"}, ""),
    "a relay that is gone": ({"tags": (1, 1), "readers": "back dead"},
                             "late cut"),
    "a relay after all": ({**ONE, "lacks": 1, "kills": 2,
                           "readers": "worker relay back"}, "late cut"),
}
# A rule that is taken out, the scenario that shows it, and how.
BROKEN = [
    ("claim", "kills", "doubled"),
    ("claims of the living", "kills", "doubled"),
    ("only what is for the relay", "a relay for one of two", "doubled"),
    ("noted after the answer", "kills", "lost"),
    ("kept beside a writer", "kills", "lost"),
    ("each destination's answer", "one of two destinations is away", "lost"),
    ("told who has it", "one of two destinations is away", "doubled"),
    ("told is read", "one of two destinations is away", "doubled"),
    ("release in place", "the disk is full", "invented"),
    ("an exit writes", "the disk is full", "lost"),
    ("a half does not count", "the disk is full", "invented"),
    ("full memory waits on the disk", "full memory", "lost"),
    ("replaced before released", "content is withheld", "lost"),
    ("END by a child is another", "forks", "invented"),
    ("child forgets what it inherits", "forks", "doubled"),
    ("child forgets what it inherits", "no spool", "doubled"),
    ("files of a child's own", "forks", "invented"),
    ("more than a pid", "an exec, or a pid again", "left"),
    ("looked, then read", "a relay", "invented"),
    ("closing", "a relay", "lost"),
    ("position looked at", "a relay", "lost"),
    ("what begins behind does not count", "a relay", "invented"),
    ("an END behind counts", "a relay", "invented"),
    ("kept with a call under way", "a relay", "lost"),
    ("kept for the relay", "a relay for one of two", "lost"),
    ("END beside START", "a relay", "invented"),
    ("two looks for a name", "a relay that is gone", "invented"),
    ("one thread makes a file", "a relay, three calls", "invented"),
    ("left, not sent", "a relay after all", "doubled"),
]


def after(model, frozen):
    """Each step that is possible in a state: its name, and the next state."""
    s = thaw(frozen)
    ones = [("call %d" % t.call, "thread " + t.at, ("threads", i))
            for i, t in enumerate(s.threads)]
    for i, r in enumerate(s.readers):
        if s.alive[r.process] == 1:
            ones.append((r.policy, "reader " + r.at, ("readers", i)))
            ones += [(r.policy, "file of reader " + r.at, ("readers", i), file)
                     for file in range(len(s.files))]
    ones += [("worker", "file", ("files", i)) for i in range(len(s.files))]
    ones += [("process %d" % i, "process", i)
             for i, alive in enumerate(s.alive) if alive == 1]
    for who, place, *args in ones + [("the", "world")]:
        for function, uses in STEPS.get(place, ()):
            if uses and not getattr(s, uses):
                continue
            if function(model, s, *[
                    getattr(s, arg[0])[arg[1]] if isinstance(arg, tuple)
                    else arg for arg in args]) is False:
                continue
            if uses:
                setattr(s, uses, getattr(s, uses) - 1)
            yield who + " " + function.__name__, freeze(s)
            s = thaw(frozen)


def judge(model, s):
    """A state with no step: all has come to its end."""
    for call in s.calls:
        if call.begun and 0 in call.sent:
            if not call.lost:
                raise Wrong("lost: a call is not delivered")
            model.met.add(call.lost)
    if any(f.name for f in s.files):
        raise Wrong("left: a file stays")


def search(model):
    """Breadth first, so that the steps to a failure are the fewest. Gives how
    many states there are."""
    came = {model.first: None}
    queue = deque(came)
    while queue:
        state = queue.popleft()
        last, name = True, "the end"
        try:
            for name, new in after(model, state):
                last = False
                if new not in came:
                    came[new] = state, name
                    queue.append(new)
            if last:
                judge(model, thaw(state))
        except Wrong as wrong:
            path = [name]
            while came[state]:
                state, name = came[state]
                path.append(name)
            wrong.path = ", ".join(path[::-1])
            raise
    return len(came)


def holds(name):
    """With all rules: what becomes of a call is what the scenario says."""
    how, sentences = SCENARIOS[name]
    model, states, wrong = Model(**how), 0, ""
    try:
        states = search(model)
    except Wrong as it:
        wrong = "%s; %s" % (it, it.path)
    odd = model.met ^ set(sentences.split())
    if odd and not wrong:
        wrong = "not as said: " + ", ".join(sorted(odd))
    return "%s: %d states; %s" % (name, states, sentences or "-"), wrong, states


def breaks(row):
    """Without a rule: the search finds what goes wrong."""
    rule, name, kind = row
    text, wrong = "without %s, %s" % (rule, name), "nothing went wrong"
    try:
        search(Model(rule, **SCENARIOS[name][0]))
    except Wrong as it:
        wrong = "" if str(it).startswith(kind) else "%s; %s" % (it, it.path)
        text += ": %s" % it
    return text, wrong, 0


def is_told(key):
    """DECISIONS.md has the sentence."""
    root = os.path.dirname(os.path.dirname(os.path.dirname(
        os.path.abspath(__file__))))
    with open(os.path.join(root, "docs", "DECISIONS.md"),
              encoding="utf-8") as file:
        text = " ".join(file.read().replace("**", "").split())
    met = any(key in sentences for _, sentences in SCENARIOS.values())
    wrong = "" if SENTENCES[key] in text else "not in docs/DECISIONS.md"
    return "DECISIONS: " + key, wrong if met else "no scenario meets it", 0


def main():
    if len(sys.argv) > 1:
        name, *rule = sys.argv[1:]
        try:
            print(search(Model(*rule, **SCENARIOS[name][0])), "states")
        except Wrong as wrong:
            print("%s\n%s" % (wrong, wrong.path.replace(", ", "\n")))
        return 0
    with ProcessPoolExecutor() as pool:
        rows = list(pool.map(holds, SCENARIOS)) + \
            list(pool.map(breaks, BROKEN)) + list(map(is_told, SENTENCES))
    for text, wrong, _ in rows:
        print("not ok %s: %s" % (text, wrong) if wrong else "ok " + text)
    failed = sum(1 for _, wrong, _ in rows if wrong)
    print("%d states" % sum(states for _, _, states in rows))
    print("%d passed, %d failed" % (len(rows) - failed, failed))
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
