"""What a state of the log is (rules.py has the steps from one to the next)."""
from collections import namedtuple
from operator import attrgetter


class Wrong(Exception):
    """A state that must not be."""


def record(names):
    """A class whose objects have these members, and are made of tuples."""
    class Record:
        __slots__ = tuple(names.split())
        freeze = attrgetter(*names.split())

        def __init__(self, *values):
            for name, value in zip(self.__slots__, values):
                setattr(self, name, value)
    return Record


# A file of the log: of which process, and its number there; its name (o: no
# reader has it; a digit: that reader has claimed it; "": removed); what was
# written, in order, and what was written after it was closed (None: open).
# An entry is a kind and a call:
#   S START   E END   C END by a child   V EVENT   R, W END, EVENT for the relay
#   D done    L left to the relay after all    0, 1: that destination has it
#   H half an entry: the disk became full
# The redacted event of a call has the call's number and 10.
File = record("owner number name old new")
# foreign: a child's, which goes on with a call of its parent.
Thread = record("process call at file foreign")
# due: what it delivers; to: the destination that it sends to; kept: files that
# it has left as they are.
Reader = record("process policy at file dead seen due to kept")
# has: the destinations that have it; told: those of which the disk knows.
Due = namedtuple("Due", "call kind file has told")
# ended: as the log says, 2: by a child alone; memory: memory alone has it;
# killed: it was delivered so; sent: how often to each destination; excuses: for
# each, the sentences that allow one more; lost: the sentence that allows none.
Call = record("begun ended memory killed sent excuses lost")
# alive: 1 lives; 0 dead; 2 dead, and its pid is another's. number, slot: of
# each process its current file, and that as it was made (-1: not yet). up: of
# each destination. The rest: what may still happen; readonly is 2 where it has.
State = record("files threads readers calls alive number slot up "
               "kills full unheard fork readonly")
LISTS = (File, Thread, Reader, Call, None, None, None, None)


def freeze(state):
    members = State.freeze(state)
    return tuple(tuple(map(kind.freeze, part)) if kind else tuple(part)
                 for part, kind in zip(members, LISTS)) + members[len(LISTS):]


def thaw(frozen):
    return State(*[[kind(*one) for one in part] if kind else list(part)
                   for part, kind in zip(frozen, LISTS)], *frozen[len(LISTS):])


STEPS = {}


def step(*places, uses=""):
    """A step that a thread, a reader, a process, a file or the world may make.
    It changes the state, or, where it is not possible there, changes nothing
    and gives False. Some happen as often as the member that they use says."""
    def add(function):
        for place in places:
            STEPS.setdefault(place, []).append((function, uses))
        return function
    return add
