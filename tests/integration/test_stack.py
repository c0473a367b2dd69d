"""The least stack that a call needs: of threads and of coroutines, where there
may be little of it."""
import os
import subprocess

from delivery import counts
from harness import APPS, body, compiled, equal, ok, test

OURS = os.path.join(APPS, "little_stack.c")
STEP = 512
MORE = 4096  # what we may take beyond what libcurl takes
ENOUGH = 512 * 1024


class Stacks:
    def __init__(self, t):
        self.t = t
        self.path = compiled(t, "little_stack", "-O2", OURS, "-lcurl",
                             "-lpthread")
        t.fresh(None)

    def runs(self, row, size, preload, env):
        where, init, what, url, data = row
        env = self.t.environment(preload, dict({"LLMOBS_LOG": None}, **env))
        if preload:
            env.update(LD_PRELOAD=self.t.build + "/libllmobs_preload.so",
                       DD_LLMOBS_ENABLED="1")
        run = subprocess.run(
            [self.path, where, init, str(size), what, url] +
            ([data] if data else []), env=env, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=60)
        return run.returncode == 0 and run.stdout.startswith(b"0 ")

    def least(self, row, preload, **env):
        """Of multiples of STEP, the least that is enough."""
        low, high = 0, ENOUGH
        ok(self.runs(row, high, preload, env), "%s: fails" % (row[:3],))
        while high - low > STEP:
            middle = (low + high) // 2 // STEP * STEP
            if self.runs(row, middle, preload, env):
                high = middle
            else:
                low = middle
        return high

    def compare(self, row, **env):
        bare = self.least(row, False)
        ok(self.runs(row, bare + MORE, True, env),
           "%s: needs more than %d above %d" % (row, MORE, bare))


def spans_of(t, row, stacks, **env):
    """Proof that the runs are observed."""
    where, init, what, url, data = row
    return t.run([stacks.path, where, init, str(ENOUGH), what, url, data],
                 env=env).spans


@test
def least_of_a_call(t):
    """A first call, as it loads the core, makes its directory and writes."""
    stacks = Stacks(t)
    models = t.url.replace("chat/completions", "models")
    for where in ("thread", "coroutine"):
        for init in ("lazy", "global"):
            stacks.compare((where, init, "easy", models, None))
            stacks.compare((where, init, "easy", t.url, body()))
    row = ("coroutine", "lazy", "easy", t.url, body())
    equal(len(spans_of(t, row, stacks)), 1, "spans")


@test
def least_of_a_call_under_settings(t):
    stacks = Stacks(t)
    patterns = os.path.join(t.dir, "patterns")
    with open(patterns, "w") as f:
        f.write("use email\nuse cards\norder = \\bA-[0-9]{6}\\b\n")
    row = ("coroutine", "lazy", "multi", t.url, body())
    bare = stacks.least(row, False)
    for name, env in (
            ("patterns", {"LLMOBS_REDACT": patterns}),
            ("a log", {"LLMOBS_LOG": os.path.join(t.dir, "log")}),
            ("headers", {"LLMOBS_INJECT": "all", "TRACEPARENT":
                         "00-%s-%s-01" % ("4f" * 16, "b7" * 8),
                         "TRACESTATE": "dd=p:b7ad6b7169203331;s:1,foo=1"}),
            ("a gateway", {"DD_LLMOBS_INSTRUMENTED_PROXY_URLS":
                           t.url.rsplit("/v1", 1)[0]})):
        ok(stacks.runs(row, bare + MORE, True, env), "with " + name)


@test
def least_of_an_end(t):
    """The end of libcurl, or of the process, on such a stack makes spans of
    bodies that are as deep as can be."""
    stacks = Stacks(t)
    deep = body()[:-1] + ', "metadata": %s1%s}' % ('{"a": ' * 190, "}" * 190)
    for what in ("end", "exit"):
        row = ("coroutine", "lazy", what, t.url, deep)
        stacks.compare(row)
        stacks.compare(row, LLMOBS_THREAD="off")
        r = t.run([stacks.path, *row[:2], "16384", what, t.url, deep])
        equal(len(r.spans), 1, "spans at the " + what)
    r = t.run([stacks.path, "coroutine", "lazy", str(ENOUGH), "exit", t.url,
               deep], env={"LLMOBS_THREAD": "off", "LLMOBS_SPOOL_MAX": "0"})
    said = counts(t)
    equal([len(r.spans), said["captured"], said["dropped_by_reason"]["exit"]],
          [0, 1, 1], "counts of a rest that nobody can deliver")
