"""Receivers of OTLP that fail: nothing is lost that the protocol does not tell
to drop, nothing comes twice but what was under way, drops are counted by
reason, and the app does not notice."""
import glob
import os
import time

from delivery import (Living, caller, counts, left_behind, stored, untouched,
                      wait_for)
from harness import SECRET, body, curl, equal, free_port, ok, test
from otlp_case import Receiver, books, each_once, next_process, otlp

# Each call is a request of its own.
SOON = {"_DD_LLMOBS_WRITER_INTERVAL": "0.02"}


def through(t, *faults, calls=1, **more):
    """Calls while the receiver fails so; each span arrives once. Gives the
    times of the requests."""
    with Receiver(*faults) as receiver, \
            Living(t, otlp(receiver, **more)) as app:
        for _ in range(calls):
            took = app.ask()
            ok(took < 2, "a call took %.2f s" % took)
        receiver.wait_spans(calls, 20)
        time.sleep(0.1)
        app.end()
        each_once(receiver, calls)
        ok(len(receiver.posts()) > 1, "the fault was not met")
        books(t, captured=calls, delivered=calls, dropped=0, spooled=0)
        return [r["time"] for r in receiver.posts()], app.log()


# ---- tried again ---------------------------------------------------------

def join_again(fault):
    def again(t):
        times, _ = through(t, "1:" + fault)
        waited = times[1] - times[0]
        ok(0.45 <= waited < 3, "tried again after %.2f s" % waited)
    again.__module__ = __name__
    again.__name__ = "again_" + fault
    test(again)


for each in ("101", "429", "502", "503", "504", "close", "reset", "interim"):
    join_again(each)


@test
def retry_after_is_obeyed(t):
    """In seconds and as a date, and at the end of the process, too."""
    times, _ = through(t, "1:503,retry-after=3")
    ok(2.9 <= times[1] - times[0] < 6, "waited %s" % times)
    with Receiver() as receiver:
        until = time.time() + 4
        receiver.fault("1:429,retry-after=%s" % time.strftime(
            "%a%%2c %d %b %Y %H:%M:%S GMT", time.gmtime(until)))
        with Living(t, otlp(receiver)) as app:
            app.ask()
            receiver.wait_spans(1, 20)
            app.end()
        ok(until - 1.1 <= receiver.posts()[1]["time"] < until + 3,
           "asked again at the wrong time")
        receiver.fault("1:503,retry-after=60")
        began = len(receiver.posts())
        env = otlp(receiver)
        with Living(t, env) as app:
            app.ask()
            receiver.wait(lambda: len(receiver.posts()) > began)
            time.sleep(0.2)
            app.end()
        equal(len(receiver.posts()), began + 1, "requests before its end")
        books(t, captured=1, spooled=1, dropped=0)
        receiver.well()
        next_process(t, receiver, env, 3)


@test
def refused_connection(t):
    port = free_port()
    env = {"LLMOBS_EXPORTER": "otlp",
           "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:%d" % port}
    ours = untouched(t, curl(t.url, body()), env, hurries=True)
    ok(ours.took < 2, "the run took %.2f s" % ours.took)
    books(t, captured=1, spooled=1, dropped=0)
    with Receiver(port=port) as receiver:
        next_process(t, receiver, env, 2)


@test
def hanging_receiver(t):
    """A request ends with its time-out; an exit does not wait for it, nor does
    the next process, which finds the mark."""
    env = {"OTEL_EXPORTER_OTLP_TRACES_TIMEOUT": "500"}
    with Receiver("1:hang") as receiver:
        with Living(t, otlp(receiver, **env)) as app:
            app.ask()
            receiver.wait_spans(1, 20)
            app.end()
        each_once(receiver, 1)
        receiver.fault("*:hang")
        env = otlp(receiver, OTEL_EXPORTER_OTLP_TIMEOUT="20000")
        for _ in range(2):
            ours = untouched(t, curl(t.url, body()), env, True, keep=True)
            ok(ours.took < 1.5, "the run took %.2f s" % ours.took)
        equal(len(receiver.posts()), 3, "requests")
        books(t, captured=3, delivered=1, spooled=2, dropped=0)
        receiver.well()
        next_process(t, receiver, env, 4)


# ---- a mistake of configuration ------------------------------------------

def join_denied(fault, status):
    def denied(t):
        with Receiver() as elsewhere, \
                Receiver("*:%s,location=%s/v1/traces" % (
                    fault, elsewhere.url)) as receiver:
            env = otlp(receiver, OTEL_EXPORTER_OTLP_HEADERS="key=Sesame")
            t.secrets.append("Sesame")
            with Living(t, env) as app:
                app.ask()
                receiver.wait(receiver.posts)
                app.ask()
                time.sleep(0.3)
                log = app.log()
                app.end()
            equal(len(receiver.posts()), 1, "requests within the pause")
            ok("status " + status in log and "Sesame" not in log, "the log")
            equal(elsewhere.posts(), [], "requests elsewhere")
            books(t, captured=2, spooled=2, dropped=0)
            receiver.well()
            next_process(t, receiver, env, 3)
            books(t, captured=3, delivered=3, dropped=0)
    denied.__module__ = __name__
    denied.__name__ = "denied_" + fault
    test(denied)


for each in ("301", "307", "401", "403", "404", "405", "415"):
    join_denied(each, each)
join_denied("page", "200")


# ---- refused -------------------------------------------------------------

def refused_lines(t):
    found = glob.glob(os.path.join(t.dir, "store", "spool", "*rejected*"))
    return sum(open(path, errors="replace").read().count("\n")
               for path in found)


def join_refused(status):
    """Each span is tried alone, and set aside; the app's end is not late."""
    def refused(t):
        with Receiver("*:" + status) as receiver, \
                Living(t, otlp(receiver)) as app:
            for _ in range(4):
                app.ask()
            receiver.wait(lambda: len([
                r for r in receiver.posts() if len(r["records"]) == 1]) >= 4)
            time.sleep(0.2)
            ok("status " + status in app.log(), "the log")
            app.end()
            ok(len(receiver.posts()) <= 8, "%d requests" % len(
                receiver.posts()))
        books(t, captured=4, dropped=4, export=4, delivered=0, spooled=0)
        equal(refused_lines(t), 4, "events that are set aside")
    refused.__module__ = __name__
    refused.__name__ = "refused_" + status
    test(refused)


for each in ("400", "422", "500", "501"):
    join_refused(each)


@test
def refuses_all_by_413(t):
    """For a while it says nothing of the spans; later they are dropped."""
    with Receiver("*:413") as receiver, Living(t, otlp(receiver)) as app:
        for _ in range(4):
            app.ask()
        receiver.wait(lambda: len(receiver.posts()) >= 4)
        books(t, dropped=0)
        wait_for(lambda: counts(t)["dropped"] > 0, 60)
        ok(len(receiver.posts()) < 40, "%d requests" % len(receiver.posts()))
        app.end()


@test
def too_big_or_too_many(t):
    """413 and 400 for what is too much together: nothing is lost."""
    for fault in ("*:many,records=2,status=400", "*:many,records=1,status=413",
                  "*:many,records=3,status=500"):
        with Receiver("1:slow,ms=300", fault) as receiver:
            with Living(t, otlp(receiver)) as app:
                app.ask()
                receiver.wait(receiver.posts)
                for _ in range(8):
                    app.ask()
                receiver.wait_spans(9, 20)
                time.sleep(0.1)
                app.end()
            each_once(receiver, 9)
            ok(any(r["fault"] == "many" for r in receiver.posts()),
               "the fault was not met")
            books(t, captured=9, delivered=9, dropped=0)


@test
def the_words_of_a_refusal(t):
    """The log has them, without their secrets; the text of a page it has not."""
    said = '{"code":16%%2c"message":"no tenant of %s here"}' % SECRET
    with Receiver("1:401,body=" + said, "2:404,body=<p>a page</p>") as receiver:
        for words in ("status 401: no tenant of ", "status 404: nothing takes "):
            with Living(t, otlp(receiver, **{
                    "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"})) as app:
                app.ask()
                receiver.wait(receiver.posts)
                time.sleep(0.2)
                log = app.log()
                app.end()
            ok(words in log, "the log has no %r" % words)
            ok(SECRET not in log and "a page" not in log, "the log")


# ---- partial success -----------------------------------------------------

def join_partial(protocol):
    def partial(t):
        """A span that it threw away does not come again, and is counted."""
        said = "the span of %s is too old" % SECRET
        with Receiver("1:partial,rejected=1,message=" + said,
                      "2:partial,message=" + said,
                      "3:partial,message=a warning") as receiver:
            env = otlp(receiver, OTEL_EXPORTER_OTLP_PROTOCOL=protocol, **SOON)
            with Living(t, env) as app:
                for number in range(1, 5):
                    app.ask()
                    receiver.wait_spans(number)
                    time.sleep(0.1)
                log = app.log()
                app.end()
            each_once(receiver, 4)
            equal(len(receiver.posts()), 4, "requests")
            equal((log.count("is too old"), log.count("a warning")), (1, 1),
                  "how often the log has the receiver's words")
            ok(SECRET not in log, "a secret is in the log")
        books(t, captured=4, delivered=3, dropped=1, rejected=1, sent_otlp=3)
        equal(left_behind(t), [], "what is left in the spool")
    partial.__module__ = __name__
    partial.__name__ = "partial_" + protocol.rpartition("/")[2]
    test(partial)


for each in ("http/protobuf", "http/json"):
    join_partial(each)


@test
def answers_that_say_nothing(t):
    """200 is 200, whatever stands in it: nothing comes again."""
    with Receiver("1:garbage", "2:type", "3:cut", "4:204",
                  "5:partial,rejected=-3",
                  "6:partial,rejected=9223372036854775807") as receiver:
        with Living(t, otlp(receiver, **SOON)) as app:
            for number in range(1, 7):
                app.ask()
                receiver.wait_spans(number)
                time.sleep(0.1)
            equal(app.log().count("cannot be read"), 1, "lines in the log")
            app.end()
        each_once(receiver, 6)
        equal(len(receiver.posts()), 6, "requests")
        books(t, captured=6, delivered=5, dropped=1, rejected=1)


# ---- processes -----------------------------------------------------------

@test
def killed_while_it_fails(t):
    """The next process delivers what a killed one could not, once."""
    with Receiver("*:503") as receiver:
        env = otlp(receiver)
        with Living(t, env) as app:
            for _ in range(5):
                app.ask()
            receiver.wait(receiver.posts)
            app.kill()
        receiver.well()
        next_process(t, receiver, env, 6)
        books(t, delivered=6, dropped=0, pending=0, spooled=0)


@test
def other_endpoints_are_other_destinations(t):
    """Spans for one receiver do not go to another, nor with other keys."""
    with Receiver("*:503") as first, Receiver() as second:
        mine = otlp(first, OTEL_EXPORTER_OTLP_HEADERS="key=1")
        with Living(t, mine) as app:
            app.ask()
            app.end()
        for other in (otlp(second, OTEL_EXPORTER_OTLP_HEADERS="key=1"),
                      otlp(second, OTEL_EXPORTER_OTLP_HEADERS="key=2")):
            with Living(t, other, keep=True) as app:
                app.ask()
                time.sleep(0.4)
                app.end()
        each_once(second, 2)
        first.well()
        next_process(t, first, mine, 2)


@test
def forked_children(t):
    """Each process delivers its own spans, each once."""
    with Receiver() as receiver:
        t.fresh(None)
        ours = t.run([caller(t), t.url, "prefork", "3", body("hello")],
                     env=otlp(receiver, LLMOBS_EXIT_FLUSH_MS="10000"))
        equal((ours.code, ours.stdout), (0, b"7\n"), "status and output")
        receiver.wait_spans(7)
        each_once(receiver, 7)
        books(t, captured=7, delivered=7, dropped=0)


@test
def beside_a_dead_agent(t):
    """OTLP does not wait for the agent, nor the store for OTLP."""
    with Receiver() as receiver:
        env = otlp(receiver, LLMOBS_EXPORTER="agent,otlp",
                   DD_TRACE_AGENT_URL="http://127.0.0.1:%d" % free_port())
        with Living(t, env) as app:
            for number in range(1, 4):
                app.ask()
                equal(len(receiver.wait_spans(number, 5)), number, "spans")
            app.end()
        each_once(receiver, 3)
        books(t, captured=3, spooled=3, sent_otlp=3, dropped=0)
        receiver.fault("*:hang")
        env = otlp(receiver, LLMOBS_EXPORTER="store,otlp")
        with Living(t, env) as app:
            for number in range(1, 4):
                app.ask()
                end = time.monotonic() + 5
                while len(stored(t)) < number and time.monotonic() < end:
                    time.sleep(0.02)
                equal(len(stored(t)), number, "spans in the store")


@test
def a_loop_of_short_processes(t):
    """Each exit sends its span, within its time."""
    with Receiver() as receiver:
        env = otlp(receiver)
        t.fresh(None)
        began = time.monotonic()
        for _ in range(5):
            untouched(t, curl(t.url, body()), env, keep=True)
        took = time.monotonic() - began
        each_once(receiver, 5)
        ok(took < 10, "ten runs took %.1f s" % took)
        books(t, captured=5, delivered=5, spooled=0)
