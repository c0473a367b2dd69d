"""The rules of the log (docs/SPOOL.md): each step that a thread, a reader, a
process or the disk may make. `without` tells of a rule that is taken out, so
that the search (model.py) must find what goes wrong."""
from state import Call, Due, File, Reader, State, Thread, Wrong, freeze, step


class Model:
    """Calls: which are an event, not a transfer; which are for the relay.
    Destinations: which are there from the start. Then: the disk may not have
    the content; there is a spool; so many calls have room in memory; a worker
    lacks the way to the destination; the pid of the killed is another's at
    once. How often processes are killed, the disk is full, an answer is lost, a
    process forks, the disk becomes read-only. And who reads: process 0's own
    worker, and its walk for what it takes back of a relay; a child's worker;
    relays; those who find a process dead, also for any destination."""

    def __init__(self, broken="", events=(0, 0), tags=(0, 0, 0), up=(1,),
                 withheld=0, spool=1, room=9, lacks=0, taken=0, kills=1,
                 full=0, unheard=0, fork=0, readonly=0,
                 readers="worker dead"):
        self.broken, self.met = broken, set()
        self.events, self.tags, self.withheld = events, tags, withheld
        self.spool, self.room, self.lacks = spool, room, lacks
        self.taken, self.all = taken, (1 << len(up)) - 1
        calls = [Call(0, 0, 0, 0, (0,) * len(up), ((),) * len(up), "")
                 for _ in events]
        threads = [Thread(0, call, "waits" if fork and call else "begin", -1,
                          0) for call in range(len(events))]
        found, process = [], 1 + fork
        for policy in readers.split():
            # These are threads of a process that calls.
            own = {"worker": 0, "back": 0, "child": 1}.get(policy, process)
            at = "rests" if policy in ("worker", "child") else "idle"
            found.append(Reader(own, policy, at, -1, 0, (), (), 0, ()))
            process += own == process
        # A child that is not forked yet is no process.
        alive = [int(p != 1 or not fork) for p in range(process)]
        self.first = freeze(State(
            [], threads, found, calls, alive, [0, 0], [-1, -1], up, kills,
            full, unheard, fork, readonly))

    def without(self, rule):
        return self.broken == rule

    # -- the log ---------------------------------------------------------------

    @staticmethod
    def append(file, *entries):
        """A write to the end: after the closing, it lies behind the old end."""
        if file.new is None:
            file.old += entries
        else:
            file.new += entries

    @staticmethod
    def add_file(s, *values):
        s.files.append(File(*values, None))
        return len(s.files) - 1

    @staticmethod
    def named(s, file, claimed):
        """The file of that process and number, by its first name or another."""
        for i, other in enumerate(s.files):
            if (other.owner, other.number) == (file.owner, file.number) and \
                    other.name and (other.name != "o") == claimed:
                return i
        return -1

    def rename(self, s, file, name):
        """The kernel removes another file that has the name."""
        file.name = ""
        there = self.named(s, file, name != "o")
        if there >= 0 and s.files[there].name == name:
            s.files[there].name = ""
        file.name = name

    def begin_next(self, s, file):
        if s.number[file.owner] == file.number:
            s.number[file.owner] += 1
            s.slot[file.owner] = -1

    def all_of(self, file):
        """What the file says: begun, ended and settled calls, and those for
        the relay."""
        both = file.old + (file.new or ())
        begun = ended = both
        if not self.without("what begins behind does not count"):
            begun = file.old
        if self.without("an END behind counts"):
            ended = file.old
        half = "H" if self.without("a half does not count") else ""
        return ({c for k, c in begun if k in "SVWER"},
                {c for k, c in ended if k in "EVRWC" + half},
                {c for k, c in both if k == "D"},
                {c for k, c in ended if k in "RWL"})

    # -- a thread that makes a call --------------------------------------------

    def entry(self, s, t):
        """The kind of the entry that it is about to write. Without a START, an
        END is the first entry of its call."""
        if self.events[t.call]:
            return "W" if self.tags[t.call] else "V"
        if t.at == "write" and not s.calls[t.call].memory:
            return "S"
        return "C" if t.foreign else "R" if self.tags[t.call] else "E"

    @step("thread begin")
    def begin(self, s, t):
        """What begins goes to the current file, by its first name alone."""
        slot = s.slot[t.process]
        if slot < 0 and self.without("one thread makes a file"):
            t.at = "make"
        elif slot < 0:
            self.make(s, t)
        elif s.files[slot].name == "o":
            t.at, t.file = "write", slot
        else:
            self.begin_next(s, s.files[slot])

    @step("thread make")
    def make(self, s, t):
        """Makes the file, unless it is there by its first name."""
        file = File(t.process, s.number[t.process], "o", (), None)
        t.file = self.named(s, file, False)
        if t.file < 0:
            s.files.append(file)
            t.file = len(s.files) - 1
        s.slot[t.process] = t.file
        t.at = "write"

    @step("thread write")
    def write(self, s, t):
        """Where the write has ended tells whether the file was closed."""
        file, call, kind = s.files[t.file], s.calls[t.call], self.entry(s, t)
        if s.readonly == 2:
            self.refused(s, t)
            return
        self.append(file, (kind, t.call))
        if file.new is not None and not self.without("position looked at"):
            self.begin_next(s, file)
            t.at, t.file = "begin", -1
            return
        call.begun, call.memory, call.ended = 1, 0, int(kind != "S")
        t.at = {"S": "under way", "R": "done", "W": "done"}.get(kind, "queued")

    @step("thread write", "thread end", uses="full")
    def refused(self, s, t):
        """The disk takes nothing: memory has the call, and its START is to be
        released."""
        if t.foreign:
            t.at = "done"
            return
        if t.at == "end":
            t.at = "strike"
        else:
            t.at = "alone" if self.entry(s, t) == "S" else "queued"
            t.file = -1
        s.calls[t.call].memory = s.calls[t.call].begun = 1

    @step("thread write", "thread end", uses="full")
    def half(self, s, t):
        self.append(s.files[t.file], ("H", t.call))
        self.refused(s, t)

    @step("thread alone")
    def ends_alone(self, s, t):
        """A call without a START is written at its end, as an event is."""
        t.at, t.file = "begin", -1

    @step("thread under way")
    def ends(self, s, t):
        t.at = "try"

    @step("thread try")
    def try_first_name(self, s, t):
        """An END goes to the file of its START, whatever its name is now."""
        file = s.files[t.file]
        there = self.named(s, file, False)
        if there < 0 and self.without("END beside START"):
            there = self.add_file(s, file.owner, 9, "o", (("S", t.call),))
        t.at = "list" if there < 0 else "end"
        t.file = t.file if there < 0 else there

    @step("thread list")
    def list_names(self, s, t):
        """A reader has the file; or had it, and gave it back meanwhile."""
        file = s.files[t.file]
        there = self.named(s, file, True)
        if there >= 0:
            t.at, t.file = "end", there
        elif self.without("two looks for a name"):
            s.calls[t.call].memory = 1
            t.at = "queued"
        elif self.named(s, file, False) >= 0:
            t.at = "try"
        elif t.foreign:
            self.childs_end(s, t)
        else:
            raise Wrong("lost: the file of a call under way was removed")

    @step("thread end")
    def end(self, s, t):
        kind = self.entry(s, t)
        if s.readonly == 2:
            self.refused(s, t)
            return
        self.append(s.files[t.file], (kind, t.call))
        if kind == "C":
            self.childs_end(s, t)
        else:
            s.calls[t.call].ended = 1
            t.at = "done" if kind == "R" else "queued"

    def childs_end(self, s, t):
        if s.calls[t.call].killed:
            self.met.add("overtaken")
        s.calls[t.call].ended = s.calls[t.call].ended or 2
        t.at = "done"

    @step("thread strike")
    def strike(self, s, t):
        """The START is made a DONE in place, which needs no room."""
        if not self.without("release in place") and s.readonly < 2:
            self.append(s.files[t.file], ("D", t.call))
            t.file = -1
        t.at = "queued"

    @step("thread queued")
    def drop(self, s, t):
        """Where memory has no room, what the disk has waits there."""
        waits = [one for one in s.threads if one.process == t.process and
                 one.at in ("queued", "taken")]
        if len(waits) <= self.room:
            return False
        if s.calls[t.call].memory or not self.spool:
            s.calls[t.call].lost = "dropped"
        elif self.without("full memory waits on the disk"):
            self.append(s.files[t.file], ("D", t.call))
        else:
            return False
        t.at = "done"

    @step("thread under way", "thread queued", uses="fork")
    def fork(self, s, t):
        """The child makes the calls that wait for it, and completes the one
        that is under way. It delivers nothing of what its parent has."""
        s.alive[1] = 1
        for other in s.threads:
            if other.at == "waits":
                other.process, other.at = 1, "begin"
        own = self.without("END by a child is another")
        if t.at == "under way":
            s.threads.append(Thread(1, t.call, "try", t.file, int(not own)))
        elif self.without("child forgets what it inherits"):
            s.threads.append(Thread(1, t.call, "queued", t.file, 0))
        if self.without("files of a child's own"):
            s.slot[1] = s.slot[0]

    # -- sending, which all readers do alike -----------------------------------

    def goes_on(self, s, r):
        """To the next destination that lacks something; then notes it all."""
        while r.to < len(s.up) and all(d.has >> r.to & 1 for d in r.due):
            r.to += 1
        r.at = "send" if r.to < len(s.up) else "note"

    @staticmethod
    def excuse(s, due, why):
        """Of what a destination has, and the disk does not know."""
        for row in due:
            call = s.calls[row.call % 10]
            call.excuses = tuple(
                e + (why,) if (row.has & ~row.told) >> to & 1 else e
                for to, e in enumerate(call.excuses))

    @step("reader send")
    def send(self, s, r):
        """A request reaches the destination, if that is there."""
        if s.up[r.to]:
            for row in r.due:
                if not row.has >> r.to & 1:
                    self.deliver(s, r, row)
            r.at = "answer"
        else:
            r.to += 1
            self.goes_on(s, r)

    def deliver(self, s, r, row):
        call, own = s.calls[row.call % 10], r.policy in ("worker", "child")
        excuses, sent = list(call.excuses), list(call.sent)
        if row.kind == "S":
            if s.alive[s.files[row.file].owner] == 1:
                raise Wrong("invented: a call under way is called killed")
            if call.ended == 1 and "read-only" not in excuses[r.to]:
                raise Wrong("invented: an ended call is called killed")
            call.killed = 1
        elif not call.ended and not own:
            raise Wrong("invented: a call that has not ended is delivered")
        elif not own and r.policy != "relay":
            self.met.add("late")
        if self.withheld and not own and row.call < 10 and row.kind == "E":
            self.met.add("bare")
        if sent[r.to] > 0:
            if not excuses[r.to]:
                raise Wrong("doubled: a call is delivered again")
            self.met.add(excuses[r.to][0])
            excuses[r.to] = excuses[r.to][1:]
        sent[r.to] += 1
        call.sent, call.excuses = tuple(sent), tuple(excuses)

    @step("reader answer")
    def hears(self, s, r):
        bit = 1 << r.to
        if self.without("each destination's answer"):
            bit = self.all
        r.due = tuple(d._replace(has=d.has | bit) for d in r.due)
        if any(d.has != self.all for d in r.due) and \
                not self.without("told who has it"):
            r.at = "tell"
        else:
            self.goes_on(s, r)

    @step("reader answer", uses="unheard")
    def hears_nothing(self, s, r):
        bit = 1 << r.to
        self.excuse(s, [d._replace(has=bit, told=0) for d in r.due
                        if not d.has & bit], "unheard")
        r.to += 1
        self.goes_on(s, r)

    @step("reader tell")
    def tell(self, s, r):
        """Writes that this one of several destinations has it."""
        for i, row in enumerate(r.due):
            if row.has != self.all and row.file >= 0:
                self.append(s.files[row.file], (str(r.to), row.call))
                row = row._replace(told=row.told | 1 << r.to)
                r.due = r.due[:i] + (row,) + r.due[i + 1:]
        self.goes_on(s, r)

    @step("reader tell", uses="full")
    def tells_nothing(self, s, r):
        self.excuse(s, r.due, "unnoted")
        r.due = tuple(d._replace(told=d.has) for d in r.due)
        self.goes_on(s, r)

    @step("reader note")
    def note(self, s, r):
        """Notes in one file what all have. A worker removes a file that has no
        other call, and keeps what some lack; a reader leaves that there."""
        whole = [d for d in r.due if d.has == self.all]
        worker = r.policy in ("worker", "child")
        if not worker and (not whole or not self.stays(r)):
            self.settle(s, r)
            return
        if not whole:
            r.at, r.to = "rests", 0
            return
        index = whole[0].file
        rows = [d for d in whole if d.file == index]
        if worker:
            r.due = tuple(d for d in r.due if d not in rows)
            for t in s.threads:
                if t.at == "taken" and t.call in [d.call % 10 for d in rows]:
                    t.at = "done"
        else:
            r.at = "settle"
        if index < 0:
            return
        file = s.files[index]
        if s.readonly == 2:
            self.excuse(s, [d._replace(told=0) for d in rows], "read-only")
        elif worker and self.may_remove(s, file, {d.call for d in rows}):
            self.remove(s, file)
        else:
            self.append(file, *[("D", d.call) for d in rows])

    # -- the worker ------------------------------------------------------------

    @step("reader rests")
    def take(self, s, r):
        """Takes all that waits, and what some destination lacked, once one may
        take it."""
        taken = [t for t in s.threads if t.process == r.process and
                 t.at == "queued"]
        rows = r.due + tuple(Due(t.call, "E", t.file, 0, 0) for t in taken)
        if self.lacks and taken:
            # It has no way to the destination: the relay is to deliver.
            for t in taken:
                t.at = "done"
                self.append(s.files[t.file], ("L", t.call))
            if not self.without("left, not sent"):
                return
        if not any(up and not d.has >> to & 1 for d in rows
                   for to, up in enumerate(s.up)):
            return False
        for t in taken:
            t.at = "taken"
        r.due = rows
        if self.without("noted after the answer"):
            self.append(s.files[rows[0].file], ("D", rows[0].call))
        self.goes_on(s, r)
        if self.withheld and taken and rows[-1].file >= 0:
            r.at = "replace"

    @step("reader replace")
    def replace(self, s, r):
        """The disk gets the redacted event, as it may not have the content; and
        then the END is released."""
        row = r.seen = r.due[-1]
        if self.without("replaced before released"):
            self.append(s.files[row.file], ("D", row.call))
            self.goes_on(s, r)
            return
        there = self.add_file(s, r.process, 10 + row.call, "o",
                              (("V", row.call + 10),))
        r.due = r.due[:-1] + (row._replace(call=row.call + 10, file=there),)
        r.at = "release"

    @step("reader replace", uses="full")
    def replaces_nothing(self, s, r):
        self.goes_on(s, r)

    @step("reader release")
    def release(self, s, r):
        self.append(s.files[r.seen.file], ("D", r.seen.call))
        r.seen = ()
        self.goes_on(s, r)

    def may_remove(self, s, file, rows):
        """No thread is about to write to it, all of its calls are done, and it
        has nothing for the relay."""
        begun, _, done, tagged = self.all_of(file)
        used = any(s.files[t.file] is file and t.process == file.owner and
                   t.at in ("write", "under way", "try", "list", "end",
                            "strike") for t in s.threads)
        if self.without("kept beside a writer"):
            used = False
        if self.without("kept for the relay"):
            done, tagged = done | tagged, ()
        return file.name == "o" and not used and not tagged and \
            begun <= done | rows

    def remove(self, s, file):
        file.name = ""
        self.begin_next(s, file)

    @step("file")
    def tidy(self, s, file):
        if s.alive[file.owner] != 1 or not file.old or s.readonly == 2 or \
                not self.may_remove(s, file, set()):
            return False
        self.remove(s, file)

    # -- a reader of other processes' files, or of those that a relay had ------

    def is_dead(self, s, process):
        """A pid alone may be another process's, or another program's."""
        return s.alive[process] == 0 or \
            s.alive[process] == 2 and not self.without("more than a pid")

    def is_for(self, s, r, index):
        """May this reader claim the file, as the name and the dead tell?"""
        file = s.files[index]
        mine = file.name == str(s.readers.index(r))
        dead = self.is_dead(s, file.owner)
        if not file.name or not self.spool or s.readonly == 2 or \
                (index,) in r.kept or \
                (index, file.old, file.new, tuple(s.up), dead) in r.kept:
            return False
        if not mine and file.name != "o" and not self.is_dead(
                s, s.readers[int(file.name)].process) and \
                not self.without("claims of the living"):
            return False
        if dead:
            return True
        if r.policy != "relay" and (r.policy != "back" or
                                    file.owner != r.process):
            return False
        # Of a living process only what has something for the relay: an empty
        # file would be taken away from each call that is about to begin in it.
        due, left = self.open_in(file, index, False)
        return bool(due) or mine and not left

    @step("file of reader idle")
    def look(self, s, r, index):
        """Looks whether the process lives, before the file is claimed and
        read: an END that came between would else be missed."""
        file = s.files[index]
        if not self.is_for(s, r, index):
            return False
        r.at, r.file, r.seen = "claim", index, (file.old, file.new, file.name)
        r.dead = int(self.is_dead(s, file.owner))

    @step("reader claim")
    def claim(self, s, r):
        """A rename: one reader succeeds."""
        file = s.files[r.file]
        if file.name != r.seen[2]:
            self.leave(r)
        elif self.without("claim"):
            r.kept += ((r.file,),)
            r.at = "read"
        else:
            self.rename(s, file, str(s.readers.index(r)))
            r.at = "read" if r.dead else "close"

    @step("reader close")
    def close(self, s, r):
        """What begins from now on lies behind: its writer sees that."""
        if s.files[r.file].new is None and not self.without("closing"):
            s.files[r.file].new = ()
        r.at = "read"

    def open_in(self, file, index, dead):
        """The calls to deliver, and those that are left to the process."""
        begun, ended, done, tagged = self.all_of(file)
        due = begun - done
        if not dead:
            due &= ended if self.without("only what is for the relay") \
                else tagged
        rows = []
        for call in sorted(due):
            has = sum(1 << int(k) for k, c in
                      set(file.old + (file.new or ())) if c == call and
                      k in "01" and not self.without("told is read"))
            rows.append(Due(call, "E" if call in ended else "S", index, has,
                            has))
        return tuple(rows), begun - done - due

    @step("reader read")
    def read(self, s, r):
        file = s.files[r.file]
        if self.without("looked, then read"):
            file = File(0, 0, "", *r.seen[:2])
            r.dead = int(self.is_dead(s, s.files[r.file].owner))
        r.seen = file.old, file.new
        r.due, _ = self.open_in(file, r.file, r.dead)
        if r.policy == "any":
            # Its destinations are others than those that the process had.
            self.excuse(s, [d._replace(told=0) for d in r.due], "asked")
            r.due = tuple(d._replace(has=0, told=0) for d in r.due)
        if self.without("noted after the answer"):
            self.append(s.files[r.file], *[("D", d.call) for d in r.due])
        self.goes_on(s, r)

    def stays(self, r):
        """Does the file stay, for calls of its process, or for what some
        destination has not taken?"""
        _, left = self.open_in(File(0, 0, "", *r.seen), 0, r.dead)
        return any(d.has != self.all for d in r.due) or \
            left and not self.without("kept with a call under way")

    def leave(self, r):
        r.at, r.file, r.dead, r.seen, r.due, r.to = "idle", -1, 0, (), (), 0

    @step("reader settle")
    def settle(self, s, r):
        """Removes the file if the reader has seen all of its calls settled.
        The process's own reader gives it back its first name."""
        file = s.files[r.file]
        lacks = [d for d in r.due if d.has != self.all]
        if not self.stays(r):
            file.name = ""
        else:
            if r.policy == "back" and not lacks:
                self.rename(s, file, "o")
            # It looks at the file again when that is another, or can deliver.
            r.kept = tuple(k for k in r.kept if k[0] != r.file)
            if not any(up and not d.has >> to & 1 for d in lacks
                       for to, up in enumerate(s.up)):
                r.kept += ((r.file, *r.seen, tuple(s.up), bool(r.dead)),)
        self.leave(r)
        if r.policy == "any":
            s.alive[r.process] = 0  # the command ends

    # -- the end of a process --------------------------------------------------

    def dies(self, s, process, alive=0, exits=False):
        """All that it knew is gone. A request may be under way, and an answer
        not be noted; an exit writes what memory alone has."""
        for r in s.readers:
            if r.process != process:
                continue
            if r.at == "answer":
                r.due = tuple(d._replace(has=d.has | 1 << r.to) for d in r.due)
            self.excuse(s, r.due, "cut")
            if r.at == "release":
                self.excuse(s, [r.due[-1]._replace(has=self.all)], "replaced")
            self.leave(r)
            r.at, r.kept = "gone", ()
        for t in s.threads:
            if t.process != process or t.at in ("done", "waits"):
                continue
            t.at, t.file, call = "gone", -1, s.calls[t.call]
            if t.foreign or self.spool and not call.memory:
                continue
            if not exits or not self.spool or s.readonly == 2:
                call.lost = "lost"
            elif not self.without("an exit writes"):
                call.ended = 1
                self.add_file(s, process, 20 + t.call, "o", (
                    ("V", t.call), *[(str(to), t.call) for to, sent in
                                     enumerate(call.sent) if sent]))
        for file in s.files:
            if file.owner == process and not self.spool:
                file.name = ""
        s.alive[process] = alive
        s.readonly = s.readonly if process else 0

    @step("process")
    def exits(self, s, process):
        """Where all calls have ended; its time may be over."""
        ats = {t.at for t in s.threads if t.process == process}
        if not ats or not ats <= {"done", "queued", "taken", "waits"}:
            return False
        self.dies(s, process, exits=True)

    @step("process", uses="kills")
    def kill(self, s, process):
        """One reader lives on, for what the others leave."""
        if not any(r.process != process and s.alive[r.process] == 1 and
                   r.policy in ("dead", "relay") for r in s.readers):
            return False
        self.dies(s, process, 2 * self.taken)

    @step("world")
    def changes(self, s):
        """The destination is back; the disk becomes read-only."""
        if 0 not in s.up and s.readonly != 1:
            return False
        s.up, s.readonly = (1,) * len(s.up), s.readonly and 2
