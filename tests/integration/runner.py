"""Runs the integration tests, several at a time, each in a process of its own
with servers that no other test uses meanwhile; reports them in their order."""
import gc
import os
import select
import shutil
import signal
import sys
import tempfile
import time
import traceback

import harness
from harness import ALONE, Case, Failure, Servers, Skip, end_with_parent


def run_one(function, case, limit):
    """In a child of its own: gives None, or what went wrong."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(read)
        os.setsid()
        text = b""
        try:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            function(case)
        except Failure as e:
            text = (str(e) or "failed").encode()
        except Skip as e:
            text = b"skip:" + str(e).encode()
        except BaseException as e:
            where = traceback.extract_tb(e.__traceback__)[-1]
            text = ("%s: %s (%s:%d)" % (type(e).__name__, e, where.filename,
                                        where.lineno)).encode()
        os.write(write, text[:4000] or b"ok")
        os._exit(0)
    os.close(write)
    text = b""
    end = time.monotonic() + limit
    while True:
        left = end - time.monotonic()
        if left <= 0 or not select.select([read], [], [], left)[0]:
            os.kill(pid, signal.SIGKILL)
            text = b"takes longer than %d s" % limit
            break
        data = os.read(read, 65536)
        if not data:
            break
        text += data
    os.close(read)
    os.waitpid(pid, 0)
    text = text.decode(errors="replace")
    return None if text == "ok" else text or "died"


def stop_on_signal(number, frame):
    raise KeyboardInterrupt


# Bytes of a test's number in a pipe.
NUMBER = 4


def said_path(folder, number):
    return os.path.join(folder, "said-%d" % number)


def work(tests, build, folder, take, told):
    """Runs those tests whose numbers come from the pipe `take`, with servers of
    its own.  What went wrong goes to a file, and the number to `told`."""
    own = tempfile.mkdtemp(dir=folder)
    servers = Servers(own)
    try:
        while True:
            number = os.read(take, NUMBER)
            if not number:
                return
            name, function, limit = tests[int(number)]
            place = os.path.join(own, "t%d" % int(number))
            os.mkdir(place)
            wrong = run_one(function, Case(name, servers, build, place), limit)
            shutil.rmtree(place, ignore_errors=True)
            with open(said_path(folder, int(number)), "w") as f:
                f.write(wrong or "")
            os.write(told, number)
    finally:
        servers.stop()


def start_workers(tests, numbers, build, folder, jobs):
    """Gives their pids, and the pipe of numbers that are done; its end comes
    when all of them have ended."""
    take, give = os.pipe()
    done, told = os.pipe()
    pids = []
    for number in numbers:
        os.write(give, b"%0*d" % (NUMBER, number))
    os.close(give)
    for _ in range(min(jobs, len(numbers))):
        pid = os.fork()
        if pid == 0:
            end_with_parent()
            os.close(done)
            status = 1
            try:
                work(tests, build, folder, take, told)
                status = 0
            except KeyboardInterrupt:
                pass
            except BaseException:
                traceback.print_exc()
            os._exit(status)
        pids.append(pid)
    os.close(take)
    os.close(told)
    return pids, done


def said_of(folder, number):
    try:
        with open(said_path(folder, number)) as f:
            return f.read()
    except FileNotFoundError:
        return "was not run to its end"


def report(name, wrong, counts):
    if not wrong:
        counts[0] += 1
        print("ok " + name)
    elif wrong.startswith("skip:"):
        counts[2] += 1
        print("skip %s: %s" % (name, wrong[5:]))
    else:
        counts[1] += 1
        print("not ok %s: %s" % (name, wrong.replace("\n", "\n  ")))
    sys.stdout.flush()


def run_numbers(tests, numbers, build, folder, jobs, counts):
    """Runs the tests of these numbers and reports them in their order."""
    pids, done = start_workers(tests, numbers, build, folder, jobs)
    left, finished = list(numbers), set()
    try:
        while left:
            number = os.read(done, NUMBER)
            finished.add(int(number) if number else None)
            while left and (not number or left[0] in finished):
                report(tests[left[0]][0], said_of(folder, left[0]), counts)
                left.pop(0)
    finally:
        os.close(done)
        for pid in pids:
            if left:
                os.kill(pid, signal.SIGTERM)
            os.waitpid(pid, 0)


def run_all(tests, build, jobs=1):
    """Runs the tests, `jobs` at a time but for those that want to be alone,
    which come last; gives (passed, failed, skipped)."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop_on_signal)
    gc.freeze()  # a child that collects would copy the pages of all modules
    folder = tempfile.mkdtemp(prefix="llmobs-it.")
    harness.COMPILED = os.path.join(folder, "compiled")
    counts = [0, 0, 0]
    alone = [i for i, t in enumerate(tests) if t[0] in ALONE]
    others = [i for i in range(len(tests)) if i not in alone]
    try:
        run_numbers(tests, others, build, folder, jobs, counts)
        run_numbers(tests, alone, build, folder, 1, counts)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return tuple(counts)
