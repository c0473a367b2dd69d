#include "core/callsite/caller.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/cold.h"
#include "core/base/fork.h"
#include "core/callsite/cfi.h"
#include "core/callsite/symbol.h"
#include "core/config/config.h"

#define PROGRAM "/proc/self/exe"
#define MODULE_MAX 64
#define PATH_CAP 4096
/* Places that one address may be in: two that met in one would be looked up
 * anew by each call. */
#define WAYS 8
/* Objects that are remembered for their stripped files. */
#define STRIPPED 8

/* What is known of one address. */
struct place {
    uintptr_t pc;
    bool exact;
    bool used;
    bool asked;   /* for the name */
    bool program; /* in the program itself */
    int rc;       /* of the row */
    struct llmobs_cfi_row row;
    uintptr_t offset; /* in the object */
    char module[MODULE_MAX];
    struct llmobs_symbol symbol; /* name "": unknown */
};

/* One look at the loader's list. */
struct look {
    struct place *place;
    bool names; /* also in the C library */
    const void *object;
    uintptr_t address; /* in the object, of the instruction itself */
    char path[PATH_CAP];
    struct llmobs_symbol_head head;
};

/* By address; or NULL. */
LLMOBS_COLD static struct place *places[LLMOBS_CALLER_KNOWN];
static const void *stripped[STRIPPED]; /* their headers; or NULL */
static char program[MODULE_MAX];       /* the name, once it was asked for */
static struct llmobs_loaded_counts seen;
static bool counted;     /* the loader counts, and `seen` is true */
static int64_t doubt_ns; /* callsites before it may be of something unloaded */
static atomic_int process;

/* -- what was loaded and unloaded ----------------------------------------- */

/* Half-made by a thread that is not there any more, in a child. */
static void check_fork(void)
{
    if (!llmobs_fork_unsettled(&process))
        return;
    memset(places, 0, sizeof(places));
    memset(stripped, 0, sizeof(stripped));
    memset(program, 0, sizeof(program));
    llmobs_fork_settled(&process);
}

static void forget_places(void)
{
    memset(stripped, 0, sizeof(stripped));
    for (size_t i = 0; i < LLMOBS_CALLER_KNOWN; i++)
        if (places[i])
            places[i]->used = false;
}

/* True when something was unloaded since the last time. */
static bool look_around(void)
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
        forget_places();
    }
    return unloaded;
}

void llmobs_caller_watch(void)
{
    check_fork();
    (void)look_around();
}

/* -- places --------------------------------------------------------------- */

static void set_module(struct place *place, const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t i;

    if (slash)
        path = slash + 1;
    for (i = 0; path[i] && i < sizeof(place->module) - 1; i++)
        place->module[i] = path[i] > ' ' && path[i] < 0x7f ? path[i] : '?';
    place->module[i] = '\0';
}

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

static bool is_ours(const struct place *place)
{
    return begins(place->module, "libllmobs_");
}

/* Its table is one of the longest, and most of its frames are what starts a
 * program or a thread. */
static bool is_c_library(const struct place *place)
{
    return begins(place->module, "libc.so") ||
           begins(place->module, "libc-2.") ||
           begins(place->module, "libpthread.so") ||
           begins(place->module, "libpthread-2.");
}

/* Our own frames are only walked through: they need no name. */
static void see_object(const struct llmobs_loaded *object, void *ctx)
{
    struct look *look = ctx;
    struct place *place = look->place;

    look->object = object->phdr;
    look->address = place->pc - object->base - (place->exact ? 0 : 1);
    place->offset = place->pc - object->base;
    snprintf(look->path, sizeof(look->path), "%s", object->path);
    set_module(place, look->path);
    place->rc =
        llmobs_cfi_row(object, place->pc - (place->exact ? 0 : 1), &place->row);
    place->asked = look->names || !is_c_library(place);
    if (place->asked && !is_ours(place) &&
        !llmobs_symbol_in_memory(object, look->address, &place->symbol))
        llmobs_symbol_head(object, &look->head);
}

/* The file's own name, also of one that was replaced since. */
static void name_program(struct place *place)
{
    static const char deleted[] = " (deleted)";
    const ssize_t tail = sizeof(deleted) - 1;
    char path[PATH_CAP];
    ssize_t len;

    if (!program[0]) {
        len = readlink(PROGRAM, path, sizeof(path) - 1);
        path[len > 0 ? len : 0] = '\0';
        if (len > tail && strcmp(path + len - tail, deleted) == 0)
            path[len - tail] = '\0';
        set_module(place, len > 0 ? path : "program");
        memcpy(program, place->module, sizeof(program));
    }
    memcpy(place->module, program, sizeof(program));
}

/* A program without tables has most frames of a short run. */
static void name_from_file(struct place *place, const struct look *look)
{
    static unsigned turn;

    for (size_t i = 0; i < STRIPPED; i++)
        if (stripped[i] == look->object)
            return;
    if (llmobs_symbol_in_file(look->path[0] ? look->path : PROGRAM, &look->head,
                              look->address, &place->symbol) == -ENODATA)
        stripped[turn++ % STRIPPED] = look->object;
}

static bool fill(struct place *place, struct look *look)
{
    uintptr_t inside = place->pc - (place->exact ? 0 : 1);

    look->place = place;
    look->head.len = 0;
    if (llmobs_loaded_find(inside, see_object, look) != 0)
        return false;
    place->program = !look->path[0];
    if (place->program)
        name_program(place);
    if (!place->symbol.name[0] && look->head.len)
        name_from_file(place, look);
    /* From the function to where it goes on, as debuggers count. */
    if (place->symbol.name[0] && !place->exact)
        place->symbol.offset++;
    return true;
}

/* The one that has it; else a free one, or the one that is next to go, of the
 * few that it may be in. Not all at once: a short process has ten. */
static struct place *slot_of(uintptr_t pc, bool exact)
{
    static unsigned turn;
    size_t first = (pc ^ pc >> 8) * WAYS % LLMOBS_CALLER_KNOWN;
    size_t to = first + WAYS;

    for (size_t i = first; i < first + WAYS; i++) {
        struct place *place = places[i];

        if (place && place->used && place->pc == pc && place->exact == exact)
            return place;
        if (to == first + WAYS && !(place && place->used))
            to = i;
    }
    if (to == first + WAYS)
        to = first + turn++ % WAYS;
    if (!places[to])
        places[to] = calloc(1, sizeof(*places[to]));
    return places[to];
}

static const struct place *place_of(uintptr_t pc, bool exact, bool names)
{
    struct place *place = slot_of(pc, exact);
    struct look *look;

    if (!place)
        return NULL;
    if (place->used && place->pc == pc && place->exact == exact &&
        (place->asked || !names))
        return place;
    look = malloc(sizeof(*look));
    if (!look)
        return NULL;
    look->names = names;
    memset(place, 0, sizeof(*place));
    place->pc = pc;
    place->exact = exact;
    place->used = fill(place, look);
    free(look);
    return place->used ? place : NULL;
}

/* -- who is who ----------------------------------------------------------- */

/* libcurl itself, and what calls any function for anybody. */
static bool is_plumbing(const struct place *place)
{
    return begins(place->module, "libcurl.") ||
           begins(place->module, "libcurl-") ||
           begins(place->module, "libffi.");
}

/* What makes libcurl known to a language: every call of every program in it
 * comes from there. */
static bool is_binding(const struct place *place)
{
    static const char *const names[] = {
        "pycurl.", "_pycurl.",   "_ctypes.",   "curl.so",
        "Curl.so", "ffi.so",     "ffi_c.",     "curb_core",
        "lcurl.",  "cURL.",      "libcurlpp.", "libTclCurl",
        "tclcurl", "libtclcurl", "libgstcurl", "dllcurl"};

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        if (begins(place->module, names[i]))
            return true;
    }
    return false;
}

/* -- the answer ----------------------------------------------------------- */

struct answer {
    struct llmobs_json *json;
    struct llmobs_json *frames; /* NULL: the first frame's address alone */
    int left;                   /* frames still to be told */
    bool named;                 /* the caller is in it */
    bool bound;                 /* the binding is in it */
    bool told;                  /* a frame was */
    struct place first;         /* outside our own */
    /* In the C library, and told once it is known that somebody called it:
     * else they are what starts a program or a thread. */
    struct {
        uintptr_t pc;
        bool exact;
    } held[LLMOBS_CALLER_FRAMES];
    int held_count;
};

static void add_frame(struct answer *answer, const struct place *place)
{
    char text[MODULE_MAX + LLMOBS_SYMBOL_NAME + 32];

    if (place->symbol.name[0])
        snprintf(text, sizeof(text), "%s!%s+0x%lx", place->module,
                 place->symbol.name, (unsigned long)place->symbol.offset);
    else
        snprintf(text, sizeof(text), "%s+0x%lx", place->module,
                 (unsigned long)place->offset);
    (void)llmobs_json_add(answer->frames, llmobs_json_string(text));
    answer->left--;
}

static void set_caller(struct answer *answer, const struct place *place)
{
    const char *name = answer->frames ? place->symbol.name : "";
    uintptr_t offset = name[0] ? place->symbol.offset : place->offset;

    (void)llmobs_json_sets(answer->json, "module", place->module);
    (void)llmobs_json_sets(answer->json, "function", name[0] ? name : NULL);
    (void)llmobs_json_set(answer->json, "offset",
                          llmobs_json_int((int64_t)offset));
    answer->named = true;
}

static void tell(struct answer *answer, const struct place *place)
{
    answer->told = true;
    if (answer->frames && answer->left > 0)
        add_frame(answer, place);
    if (!answer->frames) {
        set_caller(answer, place);
    } else if (is_binding(place) && !answer->bound && !answer->named) {
        (void)llmobs_json_sets(answer->json, "binding", place->module);
        answer->bound = true;
    } else if (!answer->named && !is_binding(place) && !is_plumbing(place)) {
        set_caller(answer, place);
    }
}

static void tell_held(struct answer *answer)
{
    const struct place *place;

    for (int i = 0;
         i < answer->held_count && (answer->left > 0 || !answer->named); i++) {
        place = place_of(answer->held[i].pc, answer->held[i].exact, true);
        if (place)
            tell(answer, place);
    }
    answer->held_count = 0;
}

static void visit(struct answer *answer, const struct place *place)
{
    if (is_ours(place))
        return;
    if (!answer->first.used)
        answer->first = *place;
    if (!is_c_library(place)) {
        tell_held(answer);
        tell(answer, place);
    } else if (answer->held_count < LLMOBS_CALLER_FRAMES) {
        answer->held[answer->held_count].pc = place->pc;
        answer->held[answer->held_count++].exact = place->exact;
    }
}

/* The outermost frame, which called the C library, is a program's _start where
 * it is in the program and has no other name. */
static bool is_start(const struct place *place)
{
    return place->program && (!place->symbol.name[0] ||
                              strcmp(place->symbol.name, "_start") == 0);
}

/* Makes of the frame its caller's. */
static int visit_next(struct answer *answer, struct llmobs_frame *frame,
                      const struct llmobs_cfi_stack *stack)
{
    const struct place *place = place_of(frame->pc, frame->exact, false);
    struct place here;
    int rc;

    if (!place)
        return -ENOENT;
    here = *place; /* its slot is anybody's */
    rc = here.rc ? here.rc : llmobs_cfi_step(frame, &here.row, stack);
    if (rc != -ENODATA || answer->held_count == 0 || !is_start(&here))
        visit(answer, &here);
    return rc;
}

/* Where the walk ended inside a binding, that is the caller. */
static void walk(const struct llmobs_callsite *callsite, struct answer *answer)
{
    const struct llmobs_cfi_stack stack = {
        callsite->frame.regs[LLMOBS_FRAME_SP], callsite->stack, callsite->len};
    struct llmobs_frame frame = callsite->frame;
    int rc = 0;

    for (int i = 0; rc == 0 && i < LLMOBS_CALLER_STEPS &&
                    (!answer->named || answer->left > 0);
         i++)
        rc = visit_next(answer, &frame, &stack);
    if (rc != -ENODATA || !answer->told)
        tell_held(answer);
    if (!answer->named && answer->first.used)
        set_caller(answer, &answer->first);
}

static struct llmobs_json *read_frames(const struct llmobs_callsite *callsite)
{
    struct answer answer = {.json = llmobs_json_object()};

    if (callsite->frames != LLMOBS_CALLSITE_ADDRESS) {
        answer.frames = llmobs_json_array();
        answer.left = callsite->frames;
    }
    walk(callsite, &answer);
    if (answer.frames)
        (void)llmobs_json_set(answer.json, "frames", answer.frames);
    if (answer.named)
        return answer.json;
    llmobs_json_free(answer.json);
    return NULL;
}

struct llmobs_json *llmobs_caller_read(const struct llmobs_callsite *callsite,
                                       int64_t taken_ns)
{
    struct llmobs_json *json = NULL;

    if (!callsite)
        return NULL;
    check_fork();
    (void)look_around();
    if (counted && taken_ns < doubt_ns)
        return NULL;
    json = read_frames(callsite);
    if (!look_around())
        return json;
    llmobs_json_free(json);
    return NULL;
}
