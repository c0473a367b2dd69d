"""The names of the files in a spool (core/log/spool_file.h)."""
import os
import re

# A file of a process, which a reader or a relay may have claimed.
SPOOLED = re.compile(r"(?:o|[cr]\.(?P<reader>\d+)-\d+-[0-9a-f]+\.\d+)\."
                     r"(?P<process>\d+-\d+-[0-9a-f]+)-(?P<number>\d+)")


def process_of(name):
    """PID-START-NONCE of the process to which a file of the spool belongs."""
    return SPOOLED.fullmatch(name)["process"]


def number_of(name):
    return int(SPOOLED.fullmatch(name)["number"])


def reader_of(name):
    """The pid of the process that has claimed the file; None: nobody has."""
    reader = SPOOLED.fullmatch(name)["reader"]
    return int(reader) if reader else None


def name_of(process, number=1):
    """A file of that process that nobody has claimed."""
    return "o.%s-%d" % (process, number)


def files_in(folder):
    """The files of processes in a spool."""
    if not os.path.isdir(folder):
        return []
    return sorted(filter(SPOOLED.fullmatch, os.listdir(folder)))
