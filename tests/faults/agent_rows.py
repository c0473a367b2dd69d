"""Rows of the agent, of names and of TLS."""
import os
import subprocess
import time

import harness
import test_exit
from delivery import (Living, agent, agentless, double, left_behind, recover,
                      wait_for)
from report import all_of, ask, read_unanswered, set_aside

# Tried again after a minute: the next process has it before.
DENIED = ("401", "403", "404")


def agent_row(report, name, fault, more=None, env=None):
    """Calls whose fault ends while the program lives, and after it."""
    t, made = report.case(), []
    with double(t) as dd:
        env = dict(agent(dd), _DD_LLMOBS_WRITER_TIMEOUT="0.5", **(env or {}))
        with Living(t, env, keep=True) as app:
            dd.fault(fault, **(more or {}))
            for i in range(4):
                ask(app, made, "living %d" % i)
            time.sleep(0.6)
            dd.well()
            if fault not in DENIED:
                wait_for(lambda: len(dd.spans()) >= 4, 60, 0.05)
            dd.fault(fault, **(more or {}))
            for i in range(4):
                ask(app, made, "ending %d" % i)
            app.end()
        dd.well()
        spans = recover(t, dd, env, 8 - len(set_aside(t)), 60)
        report.row(name, made, all_of(t, spans), read_unanswered(dd))
    report.done(t)


def restarted(report, name, option, place, url):
    """An agent that is not there at first, and goes and comes."""
    t, made = report.case(), []
    env = {"LLMOBS_EXPORTER": "agent", "DD_TRACE_AGENT_URL": url + place}
    with Living(t, env, keep=True) as app:
        for i in range(4):
            ask(app, made, "dead %d" % i)
        app.end()
    with double(t, option, place) as dd:
        with Living(t, env, keep=True) as app:
            ask(app, made, "first")
            spans = dd.wait_spans(5, 60)
            dd.stop()
            for i in range(3):
                ask(app, made, "down %d" % i)
            dd.start()
            spans = spans + dd.wait_spans(3, 40)
            app.end()
        report.row(name, made, all_of(t, spans))
    report.done(t)


def drain(t, env, *options):
    return subprocess.run([os.path.join(t.build, "llmobs"), "drain", *options],
                          env=t.environment(True, env),
                          stdout=subprocess.DEVNULL, check=False).returncode


def moved_row(report):
    """Another port, which the configuration file names from then on.  What was
    for the old place stays until somebody says where to."""
    t, made = report.case(), []
    path = os.path.join(t.dir, "llmobs.conf")
    env = {"LLMOBS_CONFIG": path, "LLMOBS_EXPORTER": "agent"}

    def configure(dd):
        with open(path, "w") as f:
            f.write("DD_TRACE_AGENT_URL=%s\n" % dd.url)
        os.chmod(path, 0o600)

    with double(t) as old, double(t) as new:
        configure(old)
        with Living(t, env, keep=True) as app:
            ask(app, made, "at the old place")
            spans = old.wait_spans(1, 60)
            old.stop()
            configure(new)
            for i in range(3):
                ask(app, made, "after it moved %d" % i)
            with Living(t, env, keep=True) as other:
                ask(other, made, "of who knows the new place")
                new.wait_spans(1, 60)
                other.end()
            app.end()
        waits = len(left_behind(t))
        status = drain(t, env, "--to", "agent")
        spans = spans + new.spans()
        report.row("moves to another port", made, all_of(t, spans),
                   more="drain --to agent: %d" % status)
        report.verdict(waits == 1 and status == 0 and not left_behind(t),
                       "one file waited where it had moved from, none is "
                       "left")
    report.done(t)


def with_names(report, what, body, fail=0):
    t = report.case()
    try:
        names = test_exit.Names(t, fail)
    except harness.Skip as e:
        return report.skip("%s: %s" % (what, e))
    try:
        body(report, t, names, names.launcher(), what)
    except harness.Skip as e:
        report.skip("%s: %s" % (what, e))
    finally:
        names.close()
    report.done(t)


def no_names(report, t, names, launcher, what):
    made = []
    with double(t) as dd:
        env = agentless(t, dd, DD_LLMOBS_OVERRIDE_ORIGIN=
                        "http://intake.test:%d" % dd.intake_http)
        with Living(t, env, keep=True, launcher=launcher) as app:
            for i in range(6):
                ask(app, made, "name %d" % i)
            app.end()
        names.fail = 0
        spans = recover(t, dd, env, 6, 60, launcher)
        report.row(what, made, all_of(t, spans))


def name_moves(report, t, names, launcher, what):
    """While a program runs; its next one finds the new place."""
    made, port = [], str(harness.free_port())
    env = {"LLMOBS_EXPORTER": "agent",
           "DD_TRACE_AGENT_URL": "http://agent.test:" + port}
    with double(t, "--agent-port", port) as old:
        with Living(t, env, keep=True, launcher=launcher) as app:
            ask(app, made, "at the old place")
            spans = old.wait_spans(1, 60)
            old.stop()
            names.address = "127.0.0.3"
            with double(t, "--agent-port", port, "--agent-address",
                        names.address) as new:
                for i in range(4):
                    ask(app, made, "after it moved %d" % i)
                app.end()
                spans = spans + recover(t, new, env, 4, 60, launcher)
                report.row(what, made, all_of(t, spans))


def nobodys_certificate(report):
    t, made = report.case(), []
    with double(t) as dd:
        env = agentless(t, dd)
        with Living(t, dict(env, LLMOBS_CA_FILE="/etc/hostname"),
                    keep=True) as app:
            for i in range(6):
                ask(app, made, "tls %d" % i)
            app.end()
        spans = recover(t, dd, env, 6, 60)
        report.row("a certificate of nobody known", made, all_of(t, spans))
    report.done(t)


def name_of_another(report):
    """The intake gets its right certificate only later."""
    t, made, port = report.case(), [], str(harness.free_port())
    with double(t, "--intake-port", port, "--name",
                "DNS:other.example") as dd:
        env = agentless(t, dd)
        with Living(t, env, keep=True) as app:
            for i in range(6):
                ask(app, made, "tls %d" % i)
            app.end()
        taken = len(dd.spans())
    with double(t, "--intake-port", port) as dd:
        spans = recover(t, dd, env, 6, 60)
        report.row("a certificate of another name", made, all_of(t, spans),
                   more="" if taken == 0 else "%d CAME BEFORE" % taken)
    report.done(t)


def names_rows(report):
    """One after the other: there is one port 53."""
    with_names(report, "moves, its name leads elsewhere", name_moves)
    with_names(report, "names that do not resolve", no_names, 2)


def rows(report):
    port = str(harness.free_port())
    path = os.path.join(report.folder, "agent.socket")
    return [(agent_row, name, name) for name in
            ("hang", "reset", "close", "500", "429", "401", "403",
             "404", "garbage")] + [
        (agent_row, "cut in the head", "cut-head"),
        (agent_row, "cut in the body", "cut-body"),
        (agent_row, "answers too late", "slow"),
        (agent_row, "drips, its status in time", "drip", {"delay_ms": 5},
         {"LLMOBS_EXIT_FLUSH_MS": "5000"}),
        (agent_row, "drips, its status too late", "drip", {"delay_ms": 100}),
        (agent_row, "413 for more than one", "limit", {"spans": 1}),
        (agent_row, "400 for one", "marker", {"marker": "ending 2"}),
        (restarted, "refuses, then restarts", "--agent-port", port,
         "http://127.0.0.1:"),
        (restarted, "its socket goes and is made anew", "--socket", path,
         "unix://"),
        (moved_row,), (names_rows,), (nobodys_certificate,),
        (name_of_another,)]
