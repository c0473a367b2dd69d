/* Names the frames of a callsite by symbol tables and scripts. */
#include "core/trace/caller.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/cold.h"
#include "lib/base/fork.h"
#include "lib/base/maps.h"
#include "lib/base/mix.h"
#include "lib/base/scratch.h"
#include "lib/base/script.h"
#include "lib/base/sole.h"
#include "lib/base/stack.h"
#include "lib/base/thread.h"
#include "core/trace/caller_unnamed.h"
#include "lib/elf/cfi.h"
#include "lib/elf/symbol.h"
#include "core/config/config.h"

void llmobs_callsite_fill(struct llmobs_callsite *callsite, size_t max,
                          uintptr_t entry)
{
    const uintptr_t sp = callsite->frame.regs[LLMOBS_FRAME_SP];

    callsite->stack = (const unsigned char *)sp;
    callsite->len = llmobs_stack_sure(sp, entry);
    if (callsite->len > max)
        callsite->len = max;
    callsite->frames = 0;
    callsite->entry = entry;
    llmobs_script_frames_clear(&callsite->script);
}

void llmobs_callsite_free(struct llmobs_callsite *callsite)
{
    memset(&callsite->frame, 0, sizeof(callsite->frame));
    /* Without this the compiler may drop the memset, because the block is not
     * read again. */
    __asm__ volatile("" : : "r"(callsite) : "memory");
    free(callsite);
}

void llmobs_callsite_read_script(struct llmobs_script_frames *frames)
{
    static void (*const readers[])(struct llmobs_script_frames *) = {
        llmobs_php_frames_read, llmobs_python_frames_read,
        llmobs_ruby_frames_read, llmobs_perl_frames_read};

    llmobs_script_frames_clear(frames);
    for (size_t i = 0; i < sizeof(readers) / sizeof(*readers) && !frames->used;
         i++)
        readers[i](frames);
}

#define PROGRAM "/proc/self/exe"
#define MODULE_MAX 64
#define PATH_CAP 4096
/* The number of slots that an address may be in. With a single slot, two
 * addresses that share it would push each other out at each call. */
#define WAYS 8
/* As many threads as begin calls at once find tables that others filled. */
#define TABLES 4
#define ASK_STACK ((size_t)64 * 1024)
#define ASK_TRIES 500
#define ASK_PAUSE_NS 100000
/* Why a walk ends: it met the inside of a language's runtime, which says
 * nothing about the script that it runs. */
#define MET_RUNTIME (-ECANCELED)

/* Kinds of modules. */
enum kind {
    OTHER,
    OWN,       /* this library */
    C_LIBRARY, /* Names in it are left out: its symbol table is one of the
                * longest, and most of its frames only start a program or a
                * thread. */
    PLUMBING,  /* libcurl itself, and libffi, which calls any function for any
                * caller */
    RUNTIME,   /* An interpreter, and the modules of its own that send. */
    BINDING    /* A language's binding of libcurl: all calls of all programs in
                * that language come from there, so it says nothing about the
                * caller. */
};

/* An address in code, and all that is known of it. */
struct location {
    uintptr_t pc;
    bool exact;
    bool used;
    bool asked;   /* the symbols in memory were searched for the name */
    bool program; /* in the program itself */
    enum kind kind;
    int rc;   /* the result of reading the row */
    int file; /* the number of the file that the delivering process has to
               * search for the name (caller_unnamed.h); 0: none */
    struct llmobs_cfi_row row;
    uintptr_t offset; /* in the object, of the instruction */
    char module[MODULE_MAX];
    struct llmobs_symbol symbol; /* name "": unknown */
};

/* The caller as it was written for these frames and this place in a script. */
struct written {
    uint64_t key; /* a hash of them; 0: none */
    char *caller, *unnamed;
};

/* All that was met until an object is unloaded. */
struct tables {
    atomic_int claimed;
    int process; /* 0: never used */
    /* Indexed by a hash of the address; NULL: never used. */
    struct location *locations[LLMOBS_CALLER_KNOWN];
    bool program_known;
    enum kind program; /* the kind of the program's own code, once known */
    unsigned long long unloads; /* that the loader had counted then */
    unsigned turn; /* which slot of full ones the next address gets */
    struct llmobs_unnamed_files files;
    struct written written[LLMOBS_CALLER_WRITTEN];
};

LLMOBS_COLD static struct tables shared[TABLES];

/* A search for one address in the loader's list of objects. */
struct look {
    struct location *location;
    bool names; /* also find names in the C library */
    const void *object;
    uintptr_t address; /* of the instruction itself, in the object */
    char path[PATH_CAP];
    struct llmobs_symbol_head head;
    struct llmobs_cfi_row rows[LLMOBS_CFI_ROWS];
};

/* A frame of the walk. */
struct step {
    uintptr_t pc;
    bool exact;
    bool below; /* this library's or libcurl's, by the stack */
};

/* The caller while it is named. Not on the stack: the app's threads may have
 * little of it. */
struct answer {
    struct tables *tables;
    struct step steps[LLMOBS_CALLER_STEPS];
    int count;
    int end; /* why the walk did not go on behind the last step */
    struct llmobs_json *json;
    struct llmobs_json *frames;  /* NULL: only first's address is wanted */
    struct llmobs_json *unnamed; /* for who delivers; or NULL */
    int room;                    /* how many frames may still be added */
    bool named;                  /* the answer has the caller */
    bool bound;                  /* the answer has the binding */
    bool has_frame;              /* the answer has a frame */
    struct location first;       /* outside of this library */
    struct location here;        /* a visit may reuse its slot */
    /* Frames in the C library. They are added when the walk finds their caller;
     * without a caller they only started the program or the thread. */
    struct step held[LLMOBS_CALLER_FRAMES];
    int held_count;
    struct look look;
};

/* -- the loader's lock ------------------------------------------------------
 */

/* The process whose loader answers; negative: it has been asked. */
static atomic_int answers;

static void ask(void *unused)
{
    unsigned long long unloads;

    (void)unused;
    (void)llmobs_loaded_unloads(&unloads);
    atomic_store(&answers, llmobs_fork_process());
}

/* A child whose parent had a thread in dlopen as it forked has a lock that
 * nobody releases. So a thread of the library's takes it first, for which the
 * app's waits a little, once: until the loader answers, calls have no caller.
 */
static bool loader_answers(void)
{
    const struct timespec pause = {0, ASK_PAUSE_NS};
    int process = llmobs_fork_process(), known = atomic_load(&answers);

    if (known != process && known != -process &&
        atomic_compare_exchange_strong(&answers, &known,
                                       known ? -process : process) &&
        known && llmobs_thread_start(ask, NULL, ASK_STACK, NULL) == 0)
        for (int i = 0; i < ASK_TRIES && atomic_load(&answers) < 0; i++)
            nanosleep(&pause, NULL);
    return atomic_load(&answers) == process;
}

/* -- tables ---------------------------------------------------------------- */

static void clear(struct tables *tables)
{
    llmobs_unnamed_clear(&tables->files);
    for (size_t i = 0; i < LLMOBS_CALLER_KNOWN; i++)
        if (tables->locations[i])
            tables->locations[i]->used = false;
    for (size_t i = 0; i < LLMOBS_CALLER_WRITTEN; i++) {
        free(tables->written[i].caller);
        free(tables->written[i].unnamed);
        tables->written[i] = (struct written){.key = 0};
    }
}

/* After a fork tables may be half-written, by a thread that exists only in the
 * parent, and after an unload another object may get the addresses. */
static void check_tables(struct tables *tables)
{
    const int process = llmobs_fork_process();
    unsigned long long unloads;

    if (tables->process != process) {
        if (tables->process)
            memset(&tables->locations, 0,
                   sizeof(*tables) - offsetof(struct tables, locations));
        tables->process = process;
    }
    if (!llmobs_loaded_unloads(&unloads) || unloads == tables->unloads)
        return;
    tables->unloads = unloads;
    clear(tables);
}

static void release_tables(struct tables *tables)
{
    if (tables >= shared && tables < shared + TABLES) {
        llmobs_sole_release(&tables->claimed);
        return;
    }
    clear(tables);
    for (size_t i = 0; i < LLMOBS_CALLER_KNOWN; i++)
        free(tables->locations[i]);
    free(tables);
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

static enum kind kind_of(const char *module)
{
    static const struct {
        enum kind kind;
        const char *begins;
    } names[] = {
        {OWN, "libllmobs_\0"},
        {C_LIBRARY, "libc.so\0libc-2.\0libc.musl-\0ld-musl-\0libpthread.so\0"
                    "libpthread-2.\0"},
        {PLUMBING, "libcurl.\0libcurl-\0libffi.\0"},
        {BINDING, "pycurl.\0_pycurl.\0_ctypes.\0curl.so\0Curl.so\0ffi.so\0"
                  "ffi_c.\0curb_core\0lcurl.\0cURL.\0libcurlpp.\0libTclCurl\0"
                  "tclcurl\0libtclcurl\0libgstcurl\0dllcurl\0"},
        {RUNTIME, "libpython\0libpypy\0_ssl.\0_socket.\0libruby\0openssl.so\0"
                  "socket.so\0libphp\0phar.so\0libperl.\0SSLeay.so\0"
                  "Socket.so\0liblua\0libR.so\0libtcl\0libguile\0libnode.\0"
                  "libuv.\0libjvm.\0libnet.so\0libnio.so\0"},
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        LLMOBS_WORDS_EACH (word, names[i].begins)
            if (*module == *word && strncmp(module, word, strlen(word)) == 0)
                return names[i].kind;
    return OTHER;
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
        object, location->pc - (location->exact ? 0 : 1), look->rows);
    location->row = look->rows[0];
    location->kind = kind_of(location->module);
    location->asked = look->names || location->kind != C_LIBRARY;
    if (location->asked && location->kind != OWN &&
        !llmobs_symbol_in_memory(object, look->address, &location->symbol))
        llmobs_symbol_head(object, &look->head);
}

static bool fill_location(struct tables *tables, struct location *location,
                          struct look *look)
{
    uintptr_t inside = location->pc - (location->exact ? 0 : 1);

    look->location = location;
    look->head.len = 0;
    if (llmobs_loaded_find(inside, read_object, look) != 0)
        return false;
    location->program = !look->path[0];
    if (location->program) {
        /* The path of its file, even when another file has replaced it. */
        if (getauxval(AT_BASE) == 0) { /* it is a loader's argument */
            llmobs_maps_path(inside, look->path, PATH_CAP);
        } else {
            ssize_t len = readlink(PROGRAM, look->path, PATH_CAP - 1);

            len =
                len > 0 ? (ssize_t)llmobs_maps_cut(look->path, (size_t)len) : 0;
            look->path[len] = '\0';
        }
        set_module(location, look->path[0] ? look->path : "program");
        if (!tables->program_known)
            tables->program = llmobs_script_language(location->module)
                                  ? RUNTIME
                                  : kind_of(location->module);
        tables->program_known = true;
        location->kind = tables->program;
    } else if (look->path[0] != '/') { /* as the program named it */
        llmobs_maps_path(inside, look->path, PATH_CAP);
    }
    if (!location->symbol.name[0] && look->head.len)
        location->file = llmobs_unnamed_file(&tables->files, look->object,
                                             look->path, &look->head);
    /* Debuggers count the offset up to the instruction after the call. */
    if (location->symbol.name[0] && !location->exact)
        location->symbol.offset++;
    return true;
}

/* Gives the location of the address. If the table has none, gives one of the
 * few slots for this address: an unused slot, or the next to be replaced.
 * Allocates a location at its first use, as a short process needs only ten;
 * NULL when memory runs out. */
static struct location *location_slot(struct tables *tables, uintptr_t pc,
                                      bool exact)
{
    struct location **locations = tables->locations;
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
        to = first + tables->turn++ % WAYS;
    if (!locations[to])
        locations[to] = calloc(1, sizeof(*locations[to]));
    return locations[to];
}

static const struct location *location_of(struct answer *answer, uintptr_t pc,
                                          bool exact, bool names)
{
    struct location *location = location_slot(answer->tables, pc, exact);

    if (!location)
        return NULL;
    if (location->used && location->pc == pc && location->exact == exact &&
        (location->asked || !names))
        return location;
    memset(location, 0, sizeof(*location));
    location->pc = pc;
    location->exact = exact;
    answer->look.names = names;
    location->used = fill_location(answer->tables, location, &answer->look);
    return location->used ? location : NULL;
}

/* -- the answer ----------------------------------------------------------- */

static void add_unnamed(struct answer *answer, int place,
                        const struct location *location)
{
    struct llmobs_unnamed_frame frame = {.file = location->file,
                                         .exact = location->exact,
                                         .address = location->offset -
                                                    (location->exact ? 0 : 1)};

    llmobs_unnamed_add(&answer->tables->files, &answer->unnamed, place, &frame);
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
    if (answer->frames && answer->room > 0) {
        char text[MODULE_MAX + LLMOBS_SYMBOL_NAME + 32];

        if (location->symbol.name[0])
            snprintf(text, sizeof(text), "%s!%s+0x%lx", location->module,
                     location->symbol.name,
                     (unsigned long)location->symbol.offset);
        else
            snprintf(text, sizeof(text), "%s+0x%lx", location->module,
                     (unsigned long)location->offset);
        if (llmobs_json_add(answer->frames, llmobs_json_string(text)) == 0)
            add_unnamed(answer, (int)llmobs_json_len(answer->frames) - 1,
                        location);
        answer->room--;
    }
    if (!answer->frames) {
        set_caller(answer, location);
    } else if (location->kind == BINDING && !answer->bound && !answer->named) {
        (void)llmobs_json_sets(answer->json, "binding", location->module);
        answer->bound = true;
    } else if (!answer->named && location->kind != BINDING &&
               location->kind != PLUMBING) {
        set_caller(answer, location);
    }
}

static void add_held(struct answer *answer)
{
    const struct location *location;

    for (int i = 0;
         i < answer->held_count && (answer->room > 0 || !answer->named); i++) {
        location = location_of(answer, answer->held[i].pc,
                               answer->held[i].exact, true);
        if (location)
            add_location(answer, location);
    }
    answer->held_count = 0;
}

static void visit_location(struct answer *answer,
                           const struct location *location)
{
    if (location->kind == OWN)
        return;
    if (!answer->first.used)
        answer->first = *location;
    if (location->kind != C_LIBRARY) {
        add_held(answer);
        add_location(answer, location);
    } else if (answer->held_count < LLMOBS_CALLER_FRAMES) {
        answer->held[answer->held_count++] =
            (struct step){location->pc, location->exact, false};
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

/* Finds the frames of all that may be in the answer. The C library's are in it
 * only at times, and so do not count. */
static void walk_stack(const struct llmobs_callsite *callsite,
                       struct answer *answer)
{
    const struct llmobs_cfi_stack stack = {
        callsite->frame.regs[LLMOBS_FRAME_SP], callsite->stack, callsite->len};
    struct llmobs_frame frame = callsite->frame;
    const struct location *location;
    int left = callsite->frames;
    bool named = false;

    while (!answer->end && answer->count < LLMOBS_CALLER_STEPS &&
           (!named || left > 0)) {
        struct step *step = &answer->steps[answer->count];

        location = location_of(answer, frame.pc, frame.exact, false);
        if (!location) {
            answer->end = -ENOENT;
            break;
        }
        *step = (struct step){frame.pc, frame.exact,
                              frame.regs[LLMOBS_FRAME_SP] < callsite->entry};
        if (!step->below && location->kind == RUNTIME) {
            answer->end = MET_RUNTIME;
            break;
        }
        answer->count++;
        if (!step->below && location->kind != OWN &&
            location->kind != C_LIBRARY) {
            left--;
            named |= location->kind == OTHER;
        }
        answer->end = location->rc
                          ? location->rc
                          : llmobs_cfi_step(&frame, &location->row, &stack);
    }
}

static void write_caller(const struct llmobs_callsite *callsite,
                         struct answer *answer, struct written *to)
{
    const struct location *location;
    int rc;

    answer->json = llmobs_json_object();
    if (callsite->frames != LLMOBS_CALLSITE_ADDRESS) {
        answer->frames = llmobs_json_array();
        answer->room = callsite->frames;
    }
    /* If the walk ends inside plumbing or a binding, the caller is the first
     * frame outside of this library. */
    rc = 0;
    for (int i = 0; i < answer->count && (!answer->named || answer->room > 0);
         i++) {
        const struct step *step = &answer->steps[i];

        rc = i == answer->count - 1 ? answer->end : 0;
        location = location_of(answer, step->pc, step->exact, false);
        if (!location)
            break;
        answer->here = *location;
        if (!step->below && (rc != -ENODATA || answer->held_count == 0 ||
                             !is_start(&answer->here)))
            visit_location(answer, &answer->here);
    }
    if (rc != -ENODATA || !answer->has_frame)
        add_held(answer);
    if (!answer->named && answer->first.used && answer->end != MET_RUNTIME)
        set_caller(answer, &answer->first);
    if (answer->frames && answer->named) {
        (void)llmobs_json_set(answer->json, "frames", answer->frames);
    } else {
        llmobs_json_free(answer->frames);
        llmobs_json_free(answer->unnamed);
        answer->unnamed = NULL;
    }
    if (!answer->named && !answer->bound) {
        llmobs_json_free(answer->json);
        answer->json = NULL;
    }
    llmobs_script_frames_write(&callsite->script, &answer->json);
    to->caller = answer->json ? llmobs_json_dumps(answer->json, 0) : NULL;
    to->unnamed =
        answer->unnamed ? llmobs_json_dumps(answer->unnamed, 0) : NULL;
    llmobs_json_free(answer->unnamed);
    llmobs_json_free(answer->json);
}

static uint64_t key_of(const struct llmobs_callsite *callsite,
                       const struct answer *answer)
{
    const struct llmobs_script_frames *script = &callsite->script;
    uint64_t key =
        (uint64_t)(callsite->frames + 2) << 32 | (uint32_t)answer->end;

    for (int i = 0; i < answer->count; i++)
        key = llmobs_mix(key ^ (uint64_t)answer->steps[i].pc << 2 ^
                         (uint64_t)answer->steps[i].exact << 1 ^
                         answer->steps[i].below);
    key = llmobs_mix(key ^ script->line);
    for (int i = 0; script->used && i < LLMOBS_FRAMES_MEMBERS; i++)
        key = llmobs_mix(key ^ script->members[i].len);
    for (size_t i = 0; i < script->used; i++)
        key = (key ^ (unsigned char)script->text[i]) * UINT64_C(0x100000001b3);
    return llmobs_mix(key) | 1;
}

void llmobs_caller_read(const struct llmobs_callsite *callsite, char **caller,
                        char **unnamed)
{
    struct answer *answer =
        loader_answers() ? llmobs_scratch_alloc(sizeof(*answer)) : NULL;
    struct written *written;
    uint64_t key;

    if (!answer)
        return;
    memset(answer, 0, offsetof(struct answer, look));
    answer->look.location = NULL;
    /* Tables that no other thread uses, empty ones where all are in use: the
     * app's thread does not wait. */
    for (size_t i = 0; i < TABLES && !answer->tables; i++)
        if (llmobs_sole_claim(&shared[i].claimed))
            answer->tables = &shared[i];
    if (!answer->tables)
        answer->tables = calloc(1, sizeof(*answer->tables));
    if (!answer->tables)
        goto out;
    check_tables(answer->tables);
    walk_stack(callsite, answer);
    key = key_of(callsite, answer);
    written = &answer->tables->written[key / 2 % LLMOBS_CALLER_WRITTEN];
    if (written->key != key) {
        free(written->caller);
        free(written->unnamed);
        written->key = 0;
        write_caller(callsite, answer, written);
        written->key = written->caller ? key : 0;
    }
    *caller = written->caller ? strdup(written->caller) : NULL;
    *unnamed = *caller && written->unnamed ? strdup(written->unnamed) : NULL;
    release_tables(answer->tables);
out:
    /* Most callers are known, and nothing was looked up for them. */
    if (answer->look.location)
        memset(&answer->look, 0, sizeof(answer->look));
    memset(answer, 0, offsetof(struct answer, look));
    llmobs_scratch_free_text((char *)answer);
}
