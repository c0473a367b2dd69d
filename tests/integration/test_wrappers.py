"""Objects that stand between a program and libcurl: each function that the
library watches, held by the program, a library of it, a preload before us and
one behind us, which find libcurl's own in each way; and tables of addresses.
The program does as without us, and all of its calls are spans."""
import os
import re
import subprocess

from delivery import counts
from harness import APPS, ROOT, compiled, equal, ok, test

PAGE = os.path.join(ROOT, "docs", "WRAPPERS.md")
SOURCE = os.path.join(APPS, "wrapped.c")
WRAPPER = os.path.join(APPS, "wrapper.c")
NAMES = re.findall(r"X\((\w+)\)", open(SOURCE).read().split("#define NAMES(X)")[
    1].split("#pragma")[0])
WAYS = ("next", "version", "early", "handle")
PLACES = ("program", "library", "before", "behind")
# The calls of wrapped.c that are spans.
CALLS = 17


def gcc(out, *args):
    done = subprocess.run(["gcc", "-D_GNU_SOURCE", "-Wall", "-Wextra", *args,
                           "-o", out, "-ldl"], stderr=subprocess.PIPE)
    ok(done.returncode == 0, "cannot build: %s" % done.stderr)
    return out


def listed(t, names):
    """The header that names the functions to wrap."""
    path = os.path.join(t.dir, "names.h")
    with open(path, "w") as f:
        f.write("#define WRAPPED(X) %s\n"
                % " ".join("X(%s)" % name for name in names))
    return path


class Built:
    """The program and what stands before libcurl, in one place.  All places have
    the same objects."""

    def __init__(self, t, place):
        self.t, self.place = t, place
        self.shim = os.path.join(t.build, "libllmobs_preload.so")
        self.wrap(NAMES)
        if place != "program":
            self.program = compiled(
                t, "wrapped", self.source, "-Wl,--no-as-needed", *(
                    [self.other] if place == "library" else []), "-lcurl")

    def wrap(self, names):
        flags = "-D_GNU_SOURCE", "-Wall", "-Wextra", "-c"
        self.source = compiled(self.t, "wrapped.o", *flags, SOURCE)
        wrapper = compiled(
            self.t, "wrapper.o", *flags, "-fPIC", "-fno-builtin",
            "-DWRAPPED(X)=" + " ".join("X(%s)" % name for name in names), WRAPPER)
        if self.place == "program":
            self.program = self.other = compiled(
                self.t, "wrapped", "-rdynamic", self.source, wrapper, "-lcurl")
        else:
            self.other = compiled(self.t, "libwrapper.so", "-shared",
                                  "-Wl,-soname,libwrapper.so", wrapper)

    def run(self, way, ours=True):
        order = [self.shim] if ours else []
        if self.place in ("before", "behind"):
            order.insert(0 if self.place == "before" else 1, self.other)
        return self.t.run(
            [self.program, self.t.url], launcher=[], preload=ours, limit=30,
            env={"LD_PRELOAD": ":".join(order) or None,
                 "LD_LIBRARY_PATH": os.path.dirname(self.other),
                 "WRAPPER_FINDS": way,
                 "DD_LLMOBS_ENABLED": "1" if ours else None})


def the_same(bare, ours, what):
    for member in ("code", "stdout", "stderr"):
        equal(getattr(ours, member), getattr(bare, member),
              "%s: %s" % (what, member))
    equal(len(ours.requests), len(bare.requests), what + ": requests")
    equal(ours.code, 0, what + ": status")


def place(where, lists, name, **options):
    def run(t):
        built = Built(t, where)
        for names in lists:
            built.wrap(names)
            for way in WAYS:
                what = "%s of %s by %s" % (names, where, way)
                bare = bare_run(t, built, way) if names is NAMES else \
                    bare_run(t, built, way, keep=True)
                ours = built.run(way)
                the_same(bare, ours, what)
                equal(len(ours.spans), CALLS, what + ": spans")
                equal(ours.log_count("not seen"), 0, what + ": " + ours.log)
    run.__name__ = run.__qualname__ = name + where
    test(run, **options)


KEPT = {}


def bare_run(t, built, way, keep=False):
    """A run without us; of all names in one way only the first is made."""
    if keep and (built, way) in KEPT:
        return KEPT[built, way]
    KEPT[built, way] = built.run(way, ours=False)
    return KEPT[built, way]


for where in PLACES:
    place(where, [NAMES], "in_")
    place(where, [[name] for name in NAMES], "each_in_", of="rest")


# ---- what cannot be seen ---------------------------------------------------

def table():
    """{function: calls that are spans} of the page, which has those that lose
    some."""
    return {name: int(spans) for name, spans in re.findall(
        r"^\| `curl_(\w+)` \| (\d+) \|$", open(PAGE).read(), re.M)}


@test
def past_the_loader(t):
    """Found without the loader, a function is not seen: then the log and the
    counter say so, and the program still gets each of its messages.  The page's
    table has what is left."""
    built, seen = Built(t, "before"), {}
    for names in [[name] for name in NAMES] + [NAMES]:
        built.wrap(names)
        bare = bare_run(t, built, "walk", keep=True)
        ours = built.run("walk")
        the_same(bare, ours, "%s without the loader" % names)
        if names is NAMES:
            equal(len(ours.spans), 0, "spans where all are hidden")
        said = [line for line in ours.log.splitlines() if "not seen" in line]
        equal(len(said), 1, "lines of the log: %s" % ours.log)
        ok(built.other in said[0] and (names is NAMES or "curl_" + names[0]
                                       in said[0]), said[0])
        if names is NAMES:
            break
        equal(counts(t).get("wrapped"), 1, "count of %s" % names)
        equal(counts(t).get("wrapped_by"), [built.other], "its name")
        if len(ours.spans) < CALLS:
            seen[names[0]] = len(ours.spans)
    equal(seen, table(), "the page's table")


AUDITOR = r"""
#include <link.h>
#include <string.h>

static void *(*real)(void *, int *);
static void *mine(void *multi, int *left)
{
    return real(multi, left);
}

unsigned la_version(unsigned version)
{
    return version;
}

unsigned la_objopen(struct link_map *map, Lmid_t space, uintptr_t *cookie)
{
    (void)map, (void)space, (void)cookie;
    return LA_FLG_BINDTO | LA_FLG_BINDFROM;
}

uintptr_t la_symbind64(ElfW(Sym) *symbol, unsigned index, uintptr_t *from,
                       uintptr_t *to, unsigned *flags, const char *name)
{
    (void)index, (void)from, (void)to, (void)flags;
    if (strcmp(name, "curl_multi_info_read"))
        return symbol->st_value;
    real = (void *(*)(void *, int *))symbol->st_value;
    return (uintptr_t)mine;
}
"""


@test
def auditor(t):
    """An auditor of the loader puts a function of its own into a slot, in a
    namespace that is not listed: nothing is read ahead then, and the log names
    the caller."""
    program = gcc(os.path.join(t.dir, "program"), SOURCE, "-Wl,-z,now", "-lcurl")
    env = {"LD_AUDIT": gcc(os.path.join(t.dir, "libaudit.so"), "-shared",
                           "-fPIC", written(t, "audit.c", AUDITOR))}
    bare = t.run([program, t.url], preload=False, env=env)
    ours = t.run([program, t.url], env=env)
    the_same(bare, ours, "an auditor")
    equal(len(ours.spans), CALLS, "spans")
    equal(ours.log_count("curl_multi_info_read by it, that is not seen"), 1,
          ours.log)


LATE = r"""
#include <curl/curl.h>
CURL *made;
__attribute__((constructor)) static void make(void)
{
    curl_global_init(CURL_GLOBAL_ALL);
    made = curl_easy_init();
}
"""
LATE_USER = r"""
#include <curl/curl.h>
#include <dlfcn.h>
#include <stdio.h>
int main(int argc, char **argv)
{
    void *library = dlopen(argv[2], RTLD_NOW);
    CURL *curl;
    if (argc != 3 || !library)
        return 71;
    curl = *(CURL **)dlsym(library, "made");
    curl_easy_setopt(curl, CURLOPT_URL, argv[1]);
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, "{\"model\":\"gpt-4o\","
        "\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}");
    return printf("%d\n", curl_easy_perform(curl)) < 0;
}
"""


@test
def made_by_a_plugin(t):
    """A plugin's constructor makes libcurl's first handle: the call of it is
    delivered, though the program ends at once."""
    plugin = gcc(os.path.join(t.dir, "libmade.so"), "-shared", "-fPIC",
                 written(t, "made.c", LATE), "-lcurl")
    program = gcc(os.path.join(t.dir, "user"), written(t, "user.c", LATE_USER),
                  "-lcurl")
    bare = t.run([program, t.url, plugin], preload=False)
    ours = t.run([program, t.url, plugin])
    the_same(bare, ours, "a handle of a plugin")
    equal(len(ours.spans), 1, "spans")


# ---- tables of addresses ---------------------------------------------------

LOADER = r"""
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    void *library = dlopen(getenv("LOADED"), atoi(getenv("MODE")));
    int (*run)(int, char **);

    if (!library)
        return puts(dlerror()) + 71;
    *(void **)&run = dlsym(library, "run");
    return run(argc, argv);
}
"""
USER = "int run(int, char **);\nint main(int c, char **v)\n" \
       "{\n    return run(c, v);\n}\n"


def written(t, name, text):
    path = os.path.join(t.dir, name)
    with open(path, "w") as f:
        f.write(text)
    return path


KEPT_APART = r"""
#include <curl/curl.h>
#include <stdlib.h>
static struct { __typeof__(&curl_easy_init) init; } *kept;
__attribute__((constructor)) static void keep(void)
{
    kept = malloc(sizeof *kept);
    kept->init = curl_easy_init;
}
int run(int argc, char **argv);
int run(int argc, char **argv)
{
    return argc < 2 || !argv[1] || !kept->init();
}
"""


@test
def kept_apart(t):
    """A plugin's constructor copies addresses to memory of malloc: the log has
    its name, once no call was seen."""
    loader = gcc(os.path.join(t.dir, "loader"),
                 written(t, "loader.c", LOADER), "-Wl,--no-as-needed", "-lcurl")
    plugin = gcc(os.path.join(t.dir, "libkept.so"), "-shared", "-fPIC",
                 written(t, "kept.c", KEPT_APART), "-lcurl")
    ours = t.run([loader, t.url], env={"LOADED": plugin, "MODE": "2"})
    equal((ours.code, ours.stderr), (0, b""), "status")
    equal([plugin in line for line in ours.log.splitlines()], [True], ours.log)


def table_of(kind):
    def run(t):
        made = "-DTABLE=%d" % kind
        library = gcc(os.path.join(t.dir, "libtable.so"), "-shared", "-fPIC",
                      "-Wl,-soname,libtable.so", "-DRUN", made, SOURCE, "-lcurl")
        programs = [
            ([gcc(os.path.join(t.dir, "program"), made, SOURCE, "-lcurl")], {}),
            ([gcc(os.path.join(t.dir, "user"), written(t, "user.c", USER),
                  library)], {"LD_LIBRARY_PATH": t.dir})]
        loader = gcc(os.path.join(t.dir, "loader"),
                     written(t, "loader.c", LOADER))
        for mode in os.RTLD_NOW, os.RTLD_LAZY, os.RTLD_NOW | os.RTLD_GLOBAL, \
                os.RTLD_NOW | os.RTLD_DEEPBIND:
            programs.append(([loader], {"LOADED": library, "MODE": str(mode)}))
        for argv, env in programs:
            what = "%s with %s" % (os.path.basename(argv[0]), env)
            argv = argv + [t.url]
            bare = t.run(argv, preload=False, env=env)
            ours = t.run(argv, env=env)
            the_same(bare, ours, what)
            equal(len(ours.spans), CALLS, what + ": spans")
    run.__name__ = run.__qualname__ = "table_by_%s" % {
        1: "relocation", 2: "constructor", 3: "dlsym"}[kind]
    test(run)


for kind in 1, 2, 3:
    table_of(kind)


@test
def table_by_copy(t):
    """The loader copies a library's table into the program, constant or not."""
    for const in "-DVARIABLE", "-DCONSTANT":
        for more in ["-no-pie"], ["-no-pie", "-Wl,-z,now"], ["-fPIE", "-pie", "-O1"]:
            library = gcc(os.path.join(t.dir, "libtable.so"), "-shared", "-fPIC",
                          "-Wl,-soname,libtable.so", const, "-DTABLE=5", SOURCE, "-lcurl")
            program = gcc(os.path.join(t.dir, "program"), *more, const, "-DTABLE=4",
                          SOURCE, library, "-lcurl")
            env = {"LD_LIBRARY_PATH": t.dir}
            bare = t.run([program, t.url], preload=False, env=env)
            ours = t.run([program, t.url], env=env)
            the_same(bare, ours, "%s %s" % (const, more))
            equal(len(ours.spans), CALLS, "%s %s: spans" % (const, more))


# ---- plugins that wrap ------------------------------------------------------

COUNTED = r"""
#include <stdio.h>
#include <string.h>
static int wrapped_calls;
__attribute__((destructor)) static void tell(void)
{
    printf("wrapped: %d\n", wrapped_calls);
    fflush(stdout);
}
"""
MODES = (os.RTLD_NOW, os.RTLD_LAZY, os.RTLD_NOW | os.RTLD_GLOBAL,
         os.RTLD_LAZY | os.RTLD_GLOBAL)


def lazy(t, name, *args):
    return gcc(os.path.join(t.dir, name), "-shared", "-fPIC", "-fno-builtin",
               "-Wl,-z,lazy", "-Wl,--no-as-needed", "-Wl,-soname," + name, *args)


def plugin_of(t, names):
    """A plugin that wraps libcurl for itself, and one whose library does."""
    with open(WRAPPER) as f:
        wrapper = written(t, "wrapper.c", f.read().replace(
            "if (!real_##name) ", "wrapped_calls += !strncmp(#name, \"easy\", "
            "4); if (!real_##name) "))
    with open(listed(t, names), "a") as f:
        f.write(COUNTED)
    of = ["-include", f.name, wrapper]
    own = lazy(t, "libown.so", "-DRUN", SOURCE, *of, "-lcurl")
    other = lazy(t, "libother.so", *of)
    return own, lazy(t, "libplugin.so", "-DRUN", SOURCE, other, "-lcurl")


@test
def plugins(t):
    """Opened in each way, by a program with libcurl and by one without: each
    call reaches the function that the loader chooses, and is a span.  Of
    RTLD_DEEPBIND not all is foretold, but nothing changes."""
    loader = written(t, "loader.c", LOADER)
    programs = [gcc(os.path.join(t.dir, "with"), loader, "-Wl,--no-as-needed",
                    "-lcurl"), gcc(os.path.join(t.dir, "without"), loader)]
    for names in ["easy_perform"], NAMES:
        for library in plugin_of(t, names):
            for argv in ([program, t.url] for program in programs):
                for mode in MODES + (os.RTLD_LAZY | os.RTLD_DEEPBIND,):
                    env = {"LOADED": library, "MODE": str(mode),
                           "LD_LIBRARY_PATH": t.dir}
                    what = "%d of %s, %s" % (len(names), argv[0], env)
                    bare = t.run(argv, preload=False, env=env)
                    ours = t.run(argv, env=env)
                    the_same(bare, ours, what)
                    if mode in MODES:
                        equal(len(ours.spans), CALLS, what + ": spans")
                        equal(ours.log_count("not seen"), 0, what + ours.log)
