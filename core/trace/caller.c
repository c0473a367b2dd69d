#include "core/trace/caller.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/cold.h"
#include "lib/base/fork.h"
#include "lib/base/maps.h"
#include "core/trace/caller_unnamed.h"
#include "lib/elf/cfi.h"
#include "lib/elf/symbol.h"
#include "core/config/config.h"

#define PROGRAM "/proc/self/exe"
#define MODULE_MAX 64
#define PATH_CAP 4096
/* The number of slots that an address may be in. With a single slot, two
 * addresses that share it would push each other out at each call. */
#define WAYS 8
/* The number of stripped objects that the table remembers. */
#define STRIPPED 8

/* An address in code, and all that is known of it. */
struct location {
    uintptr_t pc;
    bool exact;
    bool used;
    bool asked;   /* the symbol tables were searched for the name */
    bool program; /* in the program itself */
    int rc;       /* the result of reading the row */
    int file;     /* the number of the file that the delivering process has to
                   * search for the name (caller_unnamed.h); 0: none */
    struct llmobs_cfi_row row;
    uintptr_t offset; /* in the object, of the instruction */
    char module[MODULE_MAX];
    struct llmobs_symbol symbol; /* name "": unknown */
};

/* A search for one address in the loader's list of objects. */
struct look {
    struct location *location;
    bool names; /* also find names in the C library */
    bool defer; /* another process will read the files */
    const void *object;
    uintptr_t address; /* of the instruction itself, in the object */
    char path[PATH_CAP];
    struct llmobs_symbol_head head;
    struct llmobs_loaded_last *last;
};

/* Indexed by a hash of the address; NULL: never used. */
LLMOBS_COLD static struct location *locations[LLMOBS_CALLER_KNOWN];
static const void *stripped[STRIPPED]; /* the headers of the objects, or NULL */
static char program[MODULE_MAX];       /* its name, once it was asked for */
static struct llmobs_loaded_counts seen;
static bool counted;     /* the loader has counters, and `seen` their values */
static int64_t doubt_ns; /* callsites before this time may point into an object
                          * that was unloaded */
static atomic_int process;

/* -- loads and unloads ---------------------------------------------------- */

/* In a child the table may be half-written, by a thread that exists only in the
 * parent. So the child empties it. The first process's table is empty from the
 * start, so its pages are not touched. */
static void check_fork(void)
{
    bool first = atomic_load(&process) == 0;

    if (!llmobs_fork_begin_reset(&process))
        return;
    if (!first) {
        memset(locations, 0, sizeof(locations));
        memset(stripped, 0, sizeof(stripped));
        memset(program, 0, sizeof(program));
        llmobs_unnamed_after_fork();
    }
    llmobs_fork_end_reset(&process);
}

static void clear_locations(void)
{
    memset(stripped, 0, sizeof(stripped));
    llmobs_unnamed_clear();
    for (size_t i = 0; i < LLMOBS_CALLER_KNOWN; i++)
        if (locations[i])
            locations[i]->used = false;
}

/* True when an object was unloaded since the last call. */
static bool check_unloads(void)
{
    struct llmobs_loaded_counts now;
    bool unloaded;

    if (!llmobs_loaded_counts(&now))
        return false;
    unloaded = counted && now.subs != seen.subs;
    seen = now;
    counted = true;
    if (unloaded) {
        doubt_ns = llmobs_clock_mono_ns();
        clear_locations();
    }
    return unloaded;
}

void llmobs_caller_watch(void)
{
    check_fork();
    (void)check_unloads();
}

/* -- locations ------------------------------------------------------------- */

static void set_module(struct location *location, const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t i;

    if (slash)
        path = slash + 1;
    for (i = 0; path[i] && i < sizeof(location->module) - 1; i++)
        location->module[i] = path[i] > ' ' && path[i] < 0x7f ? path[i] : '?';
    location->module[i] = '\0';
}

static bool begins_with(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

static bool is_this_library(const struct location *location)
{
    return begins_with(location->module, "libllmobs_");
}

/* Names in the C library are left out: its symbol table is one of the longest,
 * and most of its frames only start a program or a thread. */
static bool is_c_library(const struct location *location)
{
    return begins_with(location->module, "libc.so") ||
           begins_with(location->module, "libc-2.") ||
           begins_with(location->module, "libc.musl-") ||
           begins_with(location->module, "ld-musl-") ||
           begins_with(location->module, "libpthread.so") ||
           begins_with(location->module, "libpthread-2.");
}

/* Runs under the loader's lock. The walk passes over the frames of this
 * library, so they need no names. */
static void read_object(const struct llmobs_loaded *object, void *ctx)
{
    struct look *look = ctx;
    struct location *location = look->location;
    size_t len = strnlen(object->path, sizeof(look->path) - 1);

    look->object = object->phdr;
    look->address = location->pc - object->base - (location->exact ? 0 : 1);
    location->offset = location->pc - object->base;
    /* Without printf, as the walk does this for each frame. */
    memcpy(look->path, object->path, len);
    look->path[len] = '\0';
    set_module(location, look->path);
    location->rc = llmobs_cfi_row(
        object, location->pc - (location->exact ? 0 : 1), &location->row);
    location->asked = look->names || !is_c_library(location);
    if (location->asked && !is_this_library(location) &&
        !llmobs_symbol_in_memory(object, look->address, &location->symbol))
        llmobs_symbol_head(object, &look->head);
}

/* True where the program was the argument of a loader. */
static bool is_by_loader(void)
{
    return getauxval(AT_BASE) == 0;
}

/* The path of the program's file, even when another file has replaced it; ""
 * where the path is not known. `inside`: an address of the program's. */
static void read_program(uintptr_t inside, char path[PATH_CAP])
{
    ssize_t len;

    if (is_by_loader()) {
        llmobs_maps_path(inside, path, PATH_CAP);
        return;
    }
    len = readlink(PROGRAM, path, PATH_CAP - 1);
    path[len > 0 ? llmobs_maps_cut(path, (size_t)len) : 0] = '\0';
}

/* Reads the path where the name is not known yet, or where the name and the
 * path go to another process.
 */
static void name_program(struct location *location, struct look *look)
{
    if (!program[0] || (look->defer && !llmobs_unnamed_has(look->object)))
        read_program(location->pc, look->path);
    if (!program[0]) {
        set_module(location, look->path[0] ? look->path : "program");
        memcpy(program, location->module, sizeof(program));
    }
    memcpy(location->module, program, sizeof(program));
}

/* The file to open for the program's names: the kernel's link to it where the
 * link exists, as another file may have taken the program's path. */
static const char *file_of(const struct location *location, struct look *look)
{
    if (!location->program)
        return look->path;
    if (!is_by_loader())
        return PROGRAM;
    if (!look->path[0])
        read_program(location->pc, look->path);
    return look->path;
}

/* Searches the object's file. Remembers a stripped object, because in a short
 * run most frames are in the program, which may be stripped. */
static void name_from_file(struct location *location, struct look *look)
{
    static unsigned turn;

    for (size_t i = 0; i < STRIPPED; i++)
        if (stripped[i] == look->object)
            return;
    if (llmobs_symbol_in_file(file_of(location, look), &look->head,
                              look->address, &location->symbol) == -ENODATA)
        stripped[turn++ % STRIPPED] = look->object;
}

/* Lets the process that delivers find the name; false where it cannot. */
static bool defer_name(struct location *location, struct look *look)
{
    if (!look->defer)
        return false;
    location->file = llmobs_unnamed_file(look->object, look->path, &look->head);
    return location->file > 0;
}

static bool fill_location(struct location *location, struct look *look)
{
    uintptr_t inside = location->pc - (location->exact ? 0 : 1);

    look->location = location;
    look->head.len = 0;
    if (llmobs_loaded_find(inside, read_object, look, look->last) != 0)
        return false;
    location->program = !look->path[0];
    if (location->program)
        name_program(location, look);
    if (!location->symbol.name[0] && look->head.len &&
        !defer_name(location, look))
        name_from_file(location, look);
    /* Debuggers count the offset up to the instruction after the call. */
    if (location->symbol.name[0] && !location->exact)
        location->symbol.offset++;
    return true;
}

/* Gives the location of the address. If the table has none, gives one of the
 * few slots for this address: an unused slot, or the next to be replaced.
 * Allocates a location at its first use, as a short process needs only ten;
 * NULL when memory runs out. */
static struct location *location_slot(uintptr_t pc, bool exact)
{
    static unsigned turn;
    size_t first = (pc ^ pc >> 8) * WAYS % LLMOBS_CALLER_KNOWN;
    size_t to = first + WAYS;

    for (size_t i = first; i < first + WAYS; i++) {
        struct location *location = locations[i];

        if (location && location->used && location->pc == pc &&
            location->exact == exact)
            return location;
        if (to == first + WAYS && !(location && location->used))
            to = i;
    }
    if (to == first + WAYS)
        to = first + turn++ % WAYS;
    if (!locations[to])
        locations[to] = calloc(1, sizeof(*locations[to]));
    return locations[to];
}

static const struct location *location_of(uintptr_t pc, bool exact, bool names,
                                          bool defer,
                                          struct llmobs_loaded_last *last)
{
    struct location *location = location_slot(pc, exact);
    struct look *look;

    if (!location)
        return NULL;
    if (location->used && location->pc == pc && location->exact == exact &&
        (location->asked || !names) && (defer || !location->file))
        return location;
    look = malloc(sizeof(*look));
    if (!look)
        return NULL;
    look->names = names;
    look->defer = defer;
    look->last = last;
    memset(location, 0, sizeof(*location));
    location->pc = pc;
    location->exact = exact;
    location->used = fill_location(location, look);
    free(look);
    return location->used ? location : NULL;
}

/* -- kinds of modules ----------------------------------------------------- */

/* libcurl itself, and libffi, which calls any function for any caller. */
static bool is_plumbing(const struct location *location)
{
    return begins_with(location->module, "libcurl.") ||
           begins_with(location->module, "libcurl-") ||
           begins_with(location->module, "libffi.");
}

/* True for a language's binding of libcurl: all calls of all programs in that
 * language come from there, so it says nothing about the caller. */
static bool is_binding(const struct location *location)
{
    static const char *const names[] = {
        "pycurl.", "_pycurl.",   "_ctypes.",   "curl.so",
        "Curl.so", "ffi.so",     "ffi_c.",     "curb_core",
        "lcurl.",  "cURL.",      "libcurlpp.", "libTclCurl",
        "tclcurl", "libtclcurl", "libgstcurl", "dllcurl"};

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        if (begins_with(location->module, names[i]))
            return true;
    }
    return false;
}

/* -- the answer ----------------------------------------------------------- */

struct answer {
    struct llmobs_json *json;
    struct llmobs_json *frames;     /* NULL: only first's address is wanted */
    bool defer;                     /* another process names the rest */
    uintptr_t entry;                /* older frames than this are left out */
    struct llmobs_json *unnamed;    /* for another process; or NULL */
    int room;                       /* how many frames may still be added */
    bool named;                     /* the answer has the caller */
    bool bound;                     /* the answer has the binding */
    bool has_frame;                 /* the answer has a frame */
    struct location first;          /* outside of this library */
    struct llmobs_loaded_last last; /* the object of the last frame */
    /* Frames in the C library. They are added when the walk finds their caller;
     * without a caller they only started the program or the thread. */
    struct {
        uintptr_t pc;
        bool exact;
    } held[LLMOBS_CALLER_FRAMES];
    int held_count;
};

static void add_unnamed(struct answer *answer, int place,
                        const struct location *location)
{
    struct llmobs_unnamed_frame frame = {.file = location->file,
                                         .exact = location->exact,
                                         .address = location->offset -
                                                    (location->exact ? 0 : 1)};

    llmobs_unnamed_add(&answer->unnamed, place, &frame);
}

static void add_frame(struct answer *answer, const struct location *location)
{
    char text[MODULE_MAX + LLMOBS_SYMBOL_NAME + 32];

    if (location->symbol.name[0])
        snprintf(text, sizeof(text), "%s!%s+0x%lx", location->module,
                 location->symbol.name, (unsigned long)location->symbol.offset);
    else
        snprintf(text, sizeof(text), "%s+0x%lx", location->module,
                 (unsigned long)location->offset);
    if (llmobs_json_add(answer->frames, llmobs_json_string(text)) == 0)
        add_unnamed(answer, (int)llmobs_json_len(answer->frames) - 1, location);
    answer->room--;
}

static void set_caller(struct answer *answer, const struct location *location)
{
    const char *name = answer->frames ? location->symbol.name : "";
    uintptr_t offset = name[0] ? location->symbol.offset : location->offset;

    (void)llmobs_json_sets(answer->json, "module", location->module);
    (void)llmobs_json_sets(answer->json, "function", name[0] ? name : NULL);
    (void)llmobs_json_set(answer->json, "offset",
                          llmobs_json_int((int64_t)offset));
    if (answer->frames)
        add_unnamed(answer, LLMOBS_UNNAMED_CALLER, location);
    answer->named = true;
}

static void add_location(struct answer *answer, const struct location *location)
{
    answer->has_frame = true;
    if (answer->frames && answer->room > 0)
        add_frame(answer, location);
    if (!answer->frames) {
        set_caller(answer, location);
    } else if (is_binding(location) && !answer->bound && !answer->named) {
        (void)llmobs_json_sets(answer->json, "binding", location->module);
        answer->bound = true;
    } else if (!answer->named && !is_binding(location) &&
               !is_plumbing(location)) {
        set_caller(answer, location);
    }
}

static void add_held(struct answer *answer)
{
    const struct location *location;

    for (int i = 0;
         i < answer->held_count && (answer->room > 0 || !answer->named); i++) {
        location = location_of(answer->held[i].pc, answer->held[i].exact, true,
                               answer->defer, &answer->last);
        if (location)
            add_location(answer, location);
    }
    answer->held_count = 0;
}

static void visit_location(struct answer *answer,
                           const struct location *location)
{
    if (is_this_library(location))
        return;
    if (!answer->first.used)
        answer->first = *location;
    if (!is_c_library(location)) {
        add_held(answer);
        add_location(answer, location);
    } else if (answer->held_count < LLMOBS_CALLER_FRAMES) {
        answer->held[answer->held_count].pc = location->pc;
        answer->held[answer->held_count++].exact = location->exact;
    }
}

/* True for a program's _start, the outermost frame, which calls the C library.
 * The frame lies in the program, and is called _start, or _start_c in musl; it
 * has no name in a stripped program. */
static bool is_start(const struct location *location)
{
    const char *name = location->symbol.name;

    return location->program && (!name[0] || strcmp(name, "_start") == 0 ||
                                 strcmp(name, "_start_c") == 0);
}

/* Visits the frame, and turns it into the frame of its caller. */
static int visit_next(struct answer *answer, struct llmobs_frame *frame,
                      const struct llmobs_cfi_stack *stack)
{
    const struct location *location = location_of(
        frame->pc, frame->exact, false, answer->defer, &answer->last);
    struct location here;
    bool below;
    int rc;

    if (!location)
        return -ENOENT;
    here = *location; /* a visit may reuse the slot */
    below = frame->regs[LLMOBS_FRAME_SP] < answer->entry;
    rc = here.rc ? here.rc : llmobs_cfi_step(frame, &here.row, stack);
    if (!below &&
        (rc != -ENODATA || answer->held_count == 0 || !is_start(&here)))
        visit_location(answer, &here);
    return rc;
}

/* If the walk ends inside plumbing or a binding, the caller is the first frame
 * outside of this library. */
static void walk_stack(const struct llmobs_callsite *callsite,
                       struct answer *answer)
{
    const struct llmobs_cfi_stack stack = {
        callsite->frame.regs[LLMOBS_FRAME_SP], callsite->stack, callsite->len};
    struct llmobs_frame frame = callsite->frame;
    int rc = 0;

    for (int i = 0; rc == 0 && i < LLMOBS_CALLER_STEPS &&
                    (!answer->named || answer->room > 0);
         i++)
        rc = visit_next(answer, &frame, &stack);
    if (rc != -ENODATA || !answer->has_frame)
        add_held(answer);
    if (!answer->named && answer->first.used)
        set_caller(answer, &answer->first);
}

/* `unnamed` is NULL in the process that delivers. */
static struct llmobs_json *read_frames(const struct llmobs_callsite *callsite,
                                       struct llmobs_json **unnamed)
{
    struct answer answer = {.json = llmobs_json_object(),
                            .defer = unnamed != NULL,
                            .entry = callsite->entry};

    if (callsite->frames != LLMOBS_CALLSITE_ADDRESS) {
        answer.frames = llmobs_json_array();
        answer.room = callsite->frames;
    }
    walk_stack(callsite, &answer);
    if (answer.frames)
        (void)llmobs_json_set(answer.json, "frames", answer.frames);
    if (answer.named) {
        if (unnamed)
            *unnamed = answer.unnamed;
        return answer.json;
    }
    llmobs_json_free(answer.unnamed);
    llmobs_json_free(answer.json);
    return NULL;
}

/* NULL where an unloaded object may have been among the frames. */
static struct llmobs_json *read_certain(const struct llmobs_callsite *callsite,
                                        int64_t begin_ns,
                                        struct llmobs_json **unnamed)
{
    struct llmobs_json *json = NULL;

    check_fork();
    (void)check_unloads();
    if (counted && begin_ns < doubt_ns)
        return NULL;
    json = read_frames(callsite, unnamed);
    if (!check_unloads())
        return json;
    if (unnamed) {
        llmobs_json_free(*unnamed);
        *unnamed = NULL;
    }
    llmobs_json_free(json);
    return NULL;
}

struct llmobs_json *llmobs_caller_read(const struct llmobs_callsite *callsite,
                                       int64_t begin_ns,
                                       struct llmobs_json **unnamed)
{
    struct llmobs_json *json;

    if (!callsite)
        return NULL;
    json = read_certain(callsite, begin_ns, unnamed);
    llmobs_script_frames_write(&callsite->script, &json);
    return json;
}
