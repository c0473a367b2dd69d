"""One line for each check of a test of the tool."""


def check(name, good, what=""):
    print("%s %s%s" % ("ok" if good else "not ok", name,
                       "" if good else " (%s)" % str(what)[:1500]), flush=True)
