"""Rows of what programs do to themselves, and of several in one directory."""
import os

import harness
from delivery import (Living, agent, agentless, double, left_behind, recover,
                      taken_over, wait_for)
from report import PROMPT, all_of, ask, prompt_of


def reload_row(report):
    """The same process and start time, again and again; then it is killed.  An
    exec ends the worker's thread wherever that is, so none comes between an
    answer and its note: what has no note comes again, and rightly so."""
    t, made = report.case(), []
    with double(t) as dd:
        with Living(t, agent(dd), keep=True) as app:
            for i in range(6):
                if i % 3 == 0:
                    dd.fault("500")
                if i % 3 == 2:
                    dd.well()
                ask(app, made, "reload %d" % i)
                if i % 3 == 2:  # what its earlier lives left, too
                    wait_for(lambda: len(dd.spans()) == len(made), 60, 0.05)
                    taken_over(t)
                app.tell("exec")
            dd.fault("500")
            ask(app, made, "before the kill")
            app.kill()
        dd.well()
        spans = recover(t, dd, agent(dd), len(made), 60)
        report.row("reloads by exec", made, all_of(t, spans))
    report.done(t)


def closed_row(report):
    """close_range(3, ~0), and a database opened after it.  The agent is well
    only when nothing more is closed: what is answered then is read."""
    t, made = report.case(), []
    path = os.path.join(t.dir, "database")
    with double(t) as dd:
        dd.fault("500")
        with Living(t, agent(dd), keep=True) as app:
            for i in range(8):
                if i % 3 == 2:
                    app.tell("close " + path)
                if i == 6:
                    dd.well()
                ask(app, made, "closed %d" % i)
            dd.wait_spans(len(made), 60)
            app.end()
        with open(path, "rb") as f:
            kept = f.read()
        report.row("close_range(3, ~0), a database after", made,
                   all_of(t, dd.spans()))
        harness.equal(kept, b"mine\n", "the database")
    report.done(t)


def of_tenant(request):
    return dict((n.lower(), v) for n, v in request["headers"]).get(
        "dd-api-key")


def tenants_row(report):
    """Two keys, one directory, one intake: each takes over its own."""
    t, made, keys = report.case(), [], ["1" * 32, "2" * 32]
    with double(t, "--key", keys[0], "--key", keys[1]) as dd:
        envs = [agentless(t, dd, DD_API_KEY=key) for key in keys]
        dd.fault("500")
        for i in range(6):
            with Living(t, envs[i % 2], keep=True) as app:
                ask(app, made, "tenant %d call %d" % (i % 2, i))
                app.begin("<tenant %d killed in %d>" % (i % 2, i))
                made.append("tenant %d killed in %d" % (i % 2, i))
                app.kill()
        dd.well()
        for env in envs:
            spans = recover(t, dd, env, len(made) // 2, 60)
        sent = {r["number"]: of_tenant(r) for r in dd.requests()}
        wrong = [prompt_of(one["event"]) for one in dd.spans(full=True)
                 if PROMPT.search(str(one["event"])) and sent[one["request"]]
                 != keys[int(prompt_of(one["event"])[len("tenant ")])]]
        report.row("two tenants in one directory", made, all_of(t, spans),
                   more="AT THE OTHER'S: %s" % wrong if wrong else "")
        harness.equal((wrong, left_behind(t)), ([], []),
                      "what came with another's key, and what is left")
    report.done(t)


def rows(report):
    return [(reload_row,), (closed_row,), (tenants_row,)]
