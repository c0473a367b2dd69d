#!/usr/bin/python3
"""The viewer's side file: it changes no answer, whatever becomes of the store.

usage: marks.py BUILD_DIR [PART]...
"""
import json
import os
import random
import shutil
import stat
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
from checks import check  # noqa: E402

BUILD, *ONLY = sys.argv[1:]
TOOL = os.path.join(BUILD, "llmobs")
TMP = tempfile.TemporaryDirectory(prefix="llmobs-marks.")
STORE = os.path.join(TMP.name, "store")
SPANS = os.path.join(STORE, "spans.jsonl")
INDEX = os.path.join(STORE, "view.index")
ENV = {"PATH": "/usr/bin:/bin", "HOME": TMP.name, "TZ": "UTC", "LC_ALL": "C.UTF-8",
       "LLMOBS_CONFIG": os.path.join(TMP.name, "none"), "LLMOBS_PRICES": "off"}
NOW = 1764370000
FORMS = [["-n", "3"], ["--json"], ["--csv"], [], ["--spans", "-n", "4"], ["--summary", "--by", "eval:tone"]]


def lines(rng, count, traces):
    """Spans of the exporter's form, some of other forms, evaluations, damage."""
    for _ in range(count):
        if not traces or rng.random() < 0.4:
            traces.append("%08x%08x%016x" % (NOW + len(traces), 0, rng.getrandbits(64)))
        trace, span = rng.choice(traces[-6:]), str(rng.getrandbits(62))
        event = {"duration": 5, "meta": {"input": {"value": "x" * rng.randrange(9000)}, "span": {"kind": "llm"}},
                 "name": "n", "parent_id": "undefined", "span_id": span, "start_ns": (NOW + len(traces)) * 10**9,
                 "status": "ok", "tags": ["ml_app:a"], "trace_id": trace}
        text = json.dumps(event, sort_keys=True)
        yield text
        kind = rng.random()
        if kind < 0.1:
            yield json.dumps({"join_on": {"span": {"span_id": span, "trace_id": trace}}, "label": "tone",
                              "score_value": rng.randrange(9), "timestamp_ms": 1}, sort_keys=True)
        elif kind < 0.15:
            yield json.dumps({"label": "tone", "submitter": {}, "timestamp_ms": 2, "trace_id": trace,
                              "boolean_value": True}, sort_keys=True)
        elif kind < 0.2:
            yield json.dumps(dict(reversed(list(event.items())), span_id=span + "1"))
        elif kind < 0.25:
            yield rng.choice([text[:len(text) // 2], "", "{}", text.replace(trace, trace.upper()),
                              text.replace(trace, "other"), "\0"])


def answers(args, store):
    done = subprocess.run([TOOL, "view", "--store", store, *args], capture_output=True, timeout=60, env=ENV)
    return done.stdout, done.stderr.replace(store.encode(), b"STORE"), done.returncode


def compare(what, traces, rng):
    """The same with the side file, and in a copy without it."""
    bare = os.path.join(TMP.name, "bare")
    shutil.rmtree(bare, ignore_errors=True)
    shutil.copytree(STORE, bare, ignore=shutil.ignore_patterns("view.index"))
    one = rng.choice(traces)
    wrong = []
    for form in FORMS:
        for more in [], ["--trace", one], ["--trace", one[:rng.randrange(9, 32)]], [one] * ("-n" not in form):
            if os.path.exists(bare + "/view.index"):
                os.unlink(bare + "/view.index")
            if answers([*form, *more], STORE) != answers([*form, *more], bare):
                wrong.append([*form, *more])
    check(what, not wrong, wrong[:3])


def append(text):
    with open(SPANS, "a", encoding="utf-8") as f:
        f.write(text)


def rotate(rng):
    os.rename(SPANS, os.path.join(STORE, "spans-%019d.jsonl" % ((NOW + rng.randrange(10**6)) * 10**9)))
    append("")


def change():
    """Puts other bytes in the place of some, as `llmobs drain --store` does."""
    with open(SPANS, "r+b") as f:
        data = f.read()
        f.seek(data.find(b'"name": "n"') + 9)
        f.write(b"N")


def fates():
    for seed in range(4):
        rng, traces = random.Random(seed), []
        shutil.rmtree(STORE, ignore_errors=True)
        os.makedirs(STORE, 0o700)
        append("".join(x + "\n" for x in lines(rng, 500, traces)))
        compare("%d: begun" % seed, traces, rng)
        check("%d: the side file is there, and its owner's" % seed,
              stat.S_IMODE(os.stat(INDEX).st_mode) == 0o600)
        for _ in range(8):
            fate = rng.choice(["more", "more", "half", "cut", "rotated", "replaced", "changed", "removed",
                               "same size", "garbage"])
            if fate == "more":
                append("".join(x + "\n" for x in lines(rng, rng.choice([1, 90]), traces)))
            elif fate == "half":
                append("".join(x + "\n" for x in lines(rng, 3, traces))[:-rng.randrange(1, 300)])
            elif fate == "cut":
                os.truncate(SPANS, rng.randrange(os.path.getsize(SPANS) + 1))
            elif fate == "rotated":
                rotate(rng)
            elif fate in ("replaced", "same size"):
                size = os.path.getsize(SPANS)
                text = "".join(x + "\n" for x in lines(rng, 300, traces)).encode()
                text = text[:size] + b" " * max(0, size - len(text)) if fate == "same size" else text
                with open(SPANS, "wb" if fate == "replaced" else "r+b") as f:
                    f.write(text)
            elif fate == "changed":
                change()
            elif fate == "removed":
                os.unlink(rng.choice([os.path.join(STORE, x) for x in os.listdir(STORE)]))
                append("".join(x + "\n" for x in lines(rng, 20, traces)))
            else:
                with open(INDEX, "r+b" if os.path.exists(INDEX) else "wb") as f:
                    f.seek(rng.randrange(200))
                    f.write(rng.randbytes(rng.randrange(1, 99)))
            compare("%d: %s" % (seed, fate), traces, rng)


def places():
    """No side file, and no word of it, where none can be or may be."""
    rng, traces = random.Random(9), []
    shutil.rmtree(STORE, ignore_errors=True)
    os.makedirs(STORE, 0o700)
    append("".join(x + "\n" for x in lines(rng, 20, traces)))
    answers([], STORE)
    check("a small store has none", os.listdir(STORE) == ["spans.jsonl"])
    append("".join(x + "\n" for x in lines(rng, 500, traces)))
    want = answers(["-n", "3"], STORE)
    check("a large one has one", sorted(os.listdir(STORE)) == ["spans.jsonl", "view.index"])
    check("it holds no word of the store", not any(
        x in open(INDEX, "rb").read() for x in (b"xxxx", b"ml_app", b"tone", traces[-1].encode())))
    os.unlink(INDEX)
    script = "ulimit -f 1; exec %s view --store %s -n 3" % (TOOL, STORE)
    done = subprocess.run(["sh", "-c", script], capture_output=True, timeout=60, env=ENV)
    check("a limit of files: none, and no signal", (done.stdout, done.returncode) == (want[0], want[2]) and
          answers(["-q"], STORE)[2] == 0 and not os.path.exists(INDEX), done)
    os.mkdir(INDEX)
    check("a folder has its name: the same answer", answers(["-n", "3"], STORE) == want)
    os.rmdir(INDEX)
    os.symlink(os.path.join(TMP.name, "elsewhere"), INDEX)
    check("a link has its name: the same answer", answers(["-n", "3"], STORE) == want and
          not os.path.exists(os.path.join(TMP.name, "elsewhere")))
    os.chmod(STORE, 0o500)
    os.chmod(STORE, 0o700)
    os.unlink(INDEX)
    os.chmod(STORE, 0o500)
    if os.geteuid() == 0:
        os.chown(STORE, 12345, 12345)
    check("a folder of another user, or that is not writable: none", answers(["-n", "3"], STORE) == want and
          not os.path.exists(INDEX))
    os.chown(STORE, os.geteuid(), os.getegid())
    os.chmod(STORE, 0o700)
    answers(["-n", "3"], STORE)
    os.chmod(INDEX, 0o644)
    check("others may read it: it is not used", answers(["-n", "3"], STORE) == want)
    done = subprocess.run([TOOL, "view", "--store", STORE, "-o", INDEX], capture_output=True, timeout=60, env=ENV)
    check("-o spares it", b"a name of the store's files" in done.stderr and done.returncode != 0, done)
    done = subprocess.run([TOOL, "purge", "--store", "--yes"], capture_output=True, timeout=60,
                          env=dict(ENV, LLMOBS_STORE_DIR=STORE))
    check("a purge removes it", done.returncode == 0 and not os.path.exists(INDEX), done)


def together():
    """Viewers, a writer and purges at once: no viewer fails, and no side file outlives the spans."""
    rng, traces = random.Random(5), []
    shutil.rmtree(STORE, ignore_errors=True)
    os.makedirs(STORE, 0o700)
    append("".join(x + "\n" for x in lines(rng, 500, traces)))
    bad = []
    for turn in range(12):
        viewers = [subprocess.Popen([TOOL, "view", "--store", STORE, *args], stdout=subprocess.DEVNULL,
                                    stderr=subprocess.PIPE, env=ENV)
                   for args in (["-n", "3"], ["--trace", traces[0]], ["--json"], [])]
        append("".join(x + "\n" for x in lines(rng, 100, traces)))
        if turn % 3 == 2:
            subprocess.run([TOOL, "purge", "--store", "--yes"], capture_output=True, timeout=60,
                           env=dict(ENV, LLMOBS_STORE_DIR=STORE))
        for viewer in viewers:
            said = viewer.communicate(timeout=60)[1]
            if viewer.returncode:
                bad.append((viewer.args, said))
        if turn % 3 == 2:
            bad += ["left by turn %d" % turn] * os.path.exists(INDEX)
            append("".join(x + "\n" for x in lines(rng, 400, traces)))
        else:
            compare("together, turn %d" % turn, traces, rng)
    check("together: no viewer fails, nothing is left", not bad, bad[:3])


def twice():
    """A list reads each line twice: one that is no span any more is passed over. A turn that names the one before
    without its trace has no number."""
    line = json.dumps({"trace_id": "%032x", "span_id": "%d", "name": "before", "start_ns": 1764400000000000000,
                       "meta": {"span": {"kind": "llm"}, "input": {"value": "q" * 300}},
                       "span_links": [{"span_id": "7", "attributes": {"kind": "turn"}}]})
    shutil.rmtree(STORE, ignore_errors=True)
    os.makedirs(STORE, 0o700)
    append("".join(line % (i, i) + "\n" for i in range(3000)))
    out = answers(["--spans"], STORE)[0]
    check("a turn before without a trace", b"goes on from an earlier turn" in out and b"turn 1 of" not in out,
          out[:300])
    form = [TOOL, "view", "--store", STORE, "--spans", "-m", "--full"]
    viewer = subprocess.Popen(form, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENV)
    first = viewer.stdout.read(1)  # of rows: the store was read once
    with open(SPANS, "r+b") as f:
        f.write(b"x" * os.path.getsize(SPANS))
    said = viewer.communicate(timeout=60)[1]
    check("lines become no spans while they are listed", viewer.returncode == 0 and first, said)


for part in fates, places, together, twice:
    if not ONLY or part.__name__ in ONLY:
        part()
