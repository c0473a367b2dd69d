/* The frames are read without the GIL, which the thread may have released. They
 * belong to the thread, and do not change during its call. Their code and the
 * names in it are constant, and the frames refer to them. Waiting for the GIL
 * would stop the app, and end its thread at the exit.
 *
 * Each pointer is probed, and each object must have the expected type: if a
 * table does not fit a Python, nothing is read. */
#include "core/trace/script_frames.h"

#include <stdatomic.h>
#include <string.h>

#include "core/config/theirs.h"
#include "core/trace/probe.h"

/* A module of a hundred thousand lines has fewer bytes of line numbers. */
#define LINES_MAX ((size_t)1 << 20)

/* -- Python's structures -------------------------------------------------- */

/* Offsets. */
struct python_layout {
    unsigned version;            /* as 0x30b for 3.11 */
    uint64_t current, inner;     /* in the thread's state, and then there */
    uint64_t previous, code, at; /* in a frame */
    uint64_t file, name, table;  /* in a code object */
};

#define DIRECT UINT64_MAX /* no `inner`: the thread's state has the frame */

/* Only versions that were checked are in the table. */
static const struct python_layout layouts[] = {
    {0x309, 24, DIRECT, 24, 32, 104, 104, 112, 120},
    {0x30a, 24, DIRECT, 24, 32, 96, 104, 112, 120},
    {0x30b, 56, 8, 48, 32, 56, 112, 128, 136},
    {0x30c, 56, 0, 8, 0, 56, 112, 128, 136},
};

/* From 3.13 on Python's state begins with the offsets, for debuggers. This is
 * where that list has these offsets. */
#define COOKIE "xdebugpy"

enum { TABLE_VERSION = 1, TABLE_FREE_THREADED };

static const struct python_layout places[] = {
    {0x30d, 23, DIRECT, 29, 30, 31, 35, 37, 38},
    {0x30e, 26, DIRECT, 32, 33, 34, 40, 42, 43},
};

struct python_object {
    uint64_t refcount;
    const void *type;
    size_t len;
};

struct python_text {
    struct python_object object;
    uint64_t hash;
    uint32_t state;
};

struct python_type {
    struct python_object object;
    const char *name;
    size_t size; /* of an object without its items */
};

/* In `state`: all of its bytes follow, and are ASCII. */
#define ASCII UINT32_C(0x60)
#define ASCII_FROM_314 UINT32_C(0x180000)

/* The first byte: of a string from 3.12 on, and before; of bytes. */
#define TEXT_AT 40
#define TEXT_AT_BEFORE_312 48
#define BYTES_AT 32

/* Python's own symbols; NULL if the process is not Python. */
extern const unsigned long Py_Version; /* from 3.11 on */
extern const char *Py_GetVersion(void);
extern const char *PyGILState_GetThisThreadState(void);
extern const void *PyInterpreterState_Head(void);
extern const void *PyInterpreterState_Main(void);
extern int Py_IsFinalizing(void);
extern int _Py_IsFinalizing(void); /* up to 3.12 */
extern const char PyUnicode_Type[], PyBytes_Type[];
extern const struct python_type PyCode_Type;
extern int PyCode_Addr2Line(const void *code, int at);
extern const uint64_t _PyRuntime[];

/* -- layouts -------------------------------------------------------------- */

/* As 0x30b for 3.11; 0: unknown, or not released yet. */
static unsigned find_version(void)
{
    static atomic_uint old; /* to ask Python prints a text */
    unsigned version = atomic_load(&old);

    if (&THEIR(Py_Version))
        return (THEIR(Py_Version) & 0xf0) == 0xf0
                   ? (unsigned)(THEIR(Py_Version) >> 16)
                   : 0;
    if (!version && THEIR(Py_GetVersion)) {
        const char *is = THEIR(Py_GetVersion)();

        version = strncmp(is, "3.9.", 4) == 0    ? 0x309
                  : strncmp(is, "3.10.", 5) == 0 ? 0x30a
                                                 : 1;
        atomic_store(&old, version);
    }
    return version;
}

static bool find_python_layout(struct python_layout *layout)
{
    const uint64_t *table = THEIR(_PyRuntime);
    unsigned version = find_version();

    for (size_t i = 0; i < sizeof(layouts) / sizeof(*layouts); i++) {
        *layout = layouts[i];
        if (layout->version == version)
            return true;
    }
    for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
        const struct python_layout *at = &places[i];

        if (at->version != version)
            continue;
        /* Another table, or that of a Python whose threads share no lock. */
        if (!table || memcmp(table, COOKIE, strlen(COOKIE)) != 0 ||
            table[TABLE_VERSION] >> 16 != version || table[TABLE_FREE_THREADED])
            return false;
        *layout = (struct python_layout){version,         table[at->current],
                                         DIRECT,          table[at->previous],
                                         table[at->code], table[at->at],
                                         table[at->file], table[at->name],
                                         table[at->table]};
        return true;
    }
    return false;
}

/* -- objects -------------------------------------------------------------- */

struct place {
    uintptr_t frame, code, file;
};

struct python_walk {
    struct llmobs_probe probe;
    struct python_layout layout;
    struct place outer; /* the outermost frame so far */
    struct place inner; /* the innermost that is not a library's, or `outer` */
    bool library;       /* `outer` is a library's */
    bool found;         /* `inner` is not a library's */
    bool whole;         /* there is no frame outside of `outer` */
};

/* Reads what stands `offset` bytes behind `base`. */
static bool read_at(struct python_walk *walk, uintptr_t base, uint64_t offset,
                    void *to, size_t len)
{
    return llmobs_probe_read(&walk->probe, (const void *)(base + offset), to,
                             len);
}

static bool is_of_type(struct python_walk *walk, uintptr_t at, const void *type)
{
    struct python_object object;

    return read_at(walk, at, 0, &object, sizeof(object)) && object.type == type;
}

/* The bytes of an object, all of which must be readable. */
static bool has_bytes(struct python_walk *walk, uintptr_t at, size_t len,
                      struct llmobs_text *text)
{
    *text = (struct llmobs_text){(const char *)at, len};
    return llmobs_probe_sees(&walk->probe, text->data, len);
}

/* Gives the bytes of a string; false also for a string that is not ASCII. */
static bool read_python_text(struct python_walk *walk, uintptr_t at,
                             struct llmobs_text *text)
{
    unsigned version = walk->layout.version;
    uint32_t ascii = version < 0x30e ? ASCII : ASCII_FROM_314;
    struct python_text head;

    return is_of_type(walk, at, THEIR(PyUnicode_Type)) &&
           read_at(walk, at, 0, &head, sizeof(head)) &&
           (head.state & ascii) == ascii &&
           head.object.len <= LLMOBS_FRAMES_LONGEST &&
           has_bytes(walk,
                     at + (version < 0x30c ? TEXT_AT_BEFORE_312 : TEXT_AT),
                     head.object.len, text);
}

/* -- lines ---------------------------------------------------------------- */

/* The table has pairs of a distance in the code and a distance in lines. A pair
 * gives the line of the code behind it; in 3.10 (`precedes`) the line of the
 * code before it, which may have no line. */
static uint32_t line_of_pair(const struct llmobs_text *table, size_t at,
                             uint32_t line, bool precedes)
{
    size_t here = 0;

    for (size_t i = 0; i + 1 < table->len; i += 2) {
        uint32_t lines = (uint8_t)table->data[i + 1];
        bool none = precedes && lines == 0x80;

        here += (uint8_t)table->data[i];
        if (here > at && !precedes)
            return line;
        if (!none)
            line += lines < 0x80 ? lines : lines - 0x100;
        if (here > at)
            return none ? 0 : line;
    }
    return precedes ? 0 : line;
}

/* A number with six bits in each byte; its lowest bit is the sign. */
static uint32_t read_distance(const struct llmobs_text *table, size_t i)
{
    uint32_t value = 0;

    for (unsigned shift = 0; i < table->len && shift < 32; shift += 6) {
        uint8_t byte = (uint8_t)table->data[i++];

        value |= (uint32_t)(byte & 0x3f) << shift;
        if (!(byte & 0x40))
            break;
    }
    return value & 1 ? 0 - (value >> 1) : value >> 1;
}

/* The table has entries. Each begins with a byte above 127, which says how much
 * of the code the entry is for, and in which form it has the line. */
static uint32_t line_of_entry(const struct llmobs_text *table, size_t at,
                              uint32_t line)
{
    size_t end = 0;

    for (size_t i = 0; i < table->len;) {
        unsigned byte = (uint8_t)table->data[i++], form = byte >> 3 & 0xf;

        end += 2 * ((size_t)(byte & 7) + 1);
        if (form == 13 || form == 14)
            line += read_distance(table, i);
        else if (form >= 10 && form <= 12)
            line += form - 10;
        if (end > at)
            return form == 15 ? 0 : line;
        while (i < table->len && !(table->data[i] & 0x80))
            i++;
    }
    return 0;
}

/* Gives the line of a frame; 0: unknown. Python itself gives the first line of
 * the code: for a place before the code it reads only what is constant.
 * From 3.11 on the code is the object's items; before, `at` is an int. */
static uint32_t line_of(struct python_walk *walk, const struct place *place)
{
    const struct python_layout *layout = &walk->layout;
    bool items = layout->version >= 0x30b;
    struct python_object head;
    struct llmobs_text table;
    uintptr_t at = 0, object;
    uint32_t first;

    if (!THEIR(PyCode_Addr2Line) ||
        !read_at(walk, place->code, layout->table, &object, sizeof(object)) ||
        !is_of_type(walk, object, THEIR(PyBytes_Type)) ||
        !read_at(walk, object, 0, &head, sizeof(head)) ||
        head.len > LINES_MAX ||
        !has_bytes(walk, object + BYTES_AT, head.len, &table) ||
        !read_at(walk, place->frame, layout->at, &at,
                 items ? sizeof(at) : sizeof(int)))
        return 0;
    first = (uint32_t)THEIR(PyCode_Addr2Line)((const void *)place->code, -1);
    if (items)
        return line_of_entry(
            &table, at - (place->code + THEIR(PyCode_Type).size), first);
    return layout->version == 0x30a ? line_of_pair(&table, 2 * at, first, true)
                                    : line_of_pair(&table, at, first, false);
}

/* -- the walk ------------------------------------------------------------- */

/* Visits a frame; ignores C, and modules that are a part of Python. */
static void visit_python(struct python_walk *walk, uintptr_t frame,
                         uintptr_t code)
{
    struct place here = {frame, code, 0};
    struct llmobs_text file = {"", 0};

    if (!is_of_type(walk, code, &THEIR(PyCode_Type)) ||
        !read_at(walk, code, walk->layout.file, &here.file, sizeof(here.file)))
        return;
    if (here.file != walk->outer.file) {
        if (read_python_text(walk, here.file, &file) &&
            (file.len == 0 || llmobs_text_begins(file, "<frozen ") ||
             llmobs_text_is(file, "<shim>")))
            return;
        walk->library = llmobs_script_frames_is_library(file);
    }
    walk->outer = here;
    if (!walk->found)
        walk->inner = here;
    walk->found |= !walk->library;
}

/* False if a frame cannot be read: then nothing that the walk found counts. */
static bool walk_python(struct python_walk *walk, uintptr_t state)
{
    const struct python_layout *layout = &walk->layout;
    uintptr_t at, code;

    if (!read_at(walk, state, layout->current, &at, sizeof(at)) ||
        (layout->inner != DIRECT &&
         !read_at(walk, at, layout->inner, &at, sizeof(at))))
        return false;
    for (int i = 0; at && i < LLMOBS_FRAMES_MAX; i++) {
        uintptr_t frame = at;

        if (!read_at(walk, frame, layout->code, &code, sizeof(code)) ||
            !read_at(walk, frame, layout->previous, &at, sizeof(at)))
            return false;
        /* In 3.14 the lowest bits are a tag. */
        visit_python(walk, frame, code & ~(uintptr_t)3);
    }
    walk->whole = !at;
    return walk->outer.code && (walk->whole || walk->found);
}

/* -- reading --------------------------------------------------------------- */

static bool add_python_text(struct python_walk *walk,
                            struct llmobs_script_frames *frames,
                            enum llmobs_frames_member member, uintptr_t object)
{
    struct llmobs_text text;

    return read_python_text(walk, object, &text) &&
           llmobs_script_frames_add(frames, member, text);
}

/* A library's frame that is outermost runs a thread or a test, so it is not the
 * entry. */
static void add_python_places(struct python_walk *walk,
                              struct llmobs_script_frames *frames)
{
    if (add_python_text(walk, frames, LLMOBS_FRAMES_FILE, walk->inner.file))
        frames->line = line_of(walk, &walk->inner);
    if (!walk->whole || walk->library)
        return;
    if (walk->outer.file == walk->inner.file)
        frames->members[LLMOBS_FRAMES_ENTRY] =
            frames->members[LLMOBS_FRAMES_FILE];
    else
        (void)add_python_text(walk, frames, LLMOBS_FRAMES_ENTRY,
                              walk->outer.file);
}

void llmobs_python_frames_read(struct llmobs_script_frames *frames)
{
    struct python_walk walk = {.library = false};
    int (*ends)(void) = THEIR(Py_IsFinalizing) ? THEIR(Py_IsFinalizing)
                                               : THEIR(_Py_IsFinalizing);
    uintptr_t state;
    struct llmobs_text name;
    uintptr_t object;

    /* While Python ends it may free the frames of other threads, and with two
     * interpreters it is unknown which one calls. */
    if (!THEIR(PyGILState_GetThisThreadState) ||
        !THEIR(PyInterpreterState_Head) || !THEIR(PyInterpreterState_Main) ||
        !ends || ends() ||
        THEIR(PyInterpreterState_Head)() != THEIR(PyInterpreterState_Main)() ||
        !find_python_layout(&walk.layout) || !llmobs_probe_works())
        return;
    state = (uintptr_t)THEIR(PyGILState_GetThisThreadState)();
    if (!state || !walk_python(&walk, state))
        return;
    add_python_places(&walk, frames);
    if (read_at(&walk, walk.inner.code, walk.layout.name, &object,
                sizeof(object)) &&
        read_python_text(&walk, object, &name) &&
        !llmobs_text_is(name, "<module>"))
        (void)llmobs_script_frames_add(frames, LLMOBS_FRAMES_CODE, name);
}
