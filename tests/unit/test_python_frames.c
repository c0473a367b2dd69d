/* The frames of a script, by a stand-in for Python. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "core/trace/probe.h"
#include "core/trace/caller.h"
#include "tests/unit/unit.h"

#define PAGE 4096

/* -- Python --------------------------------------------------------------- */

unsigned long Py_Version = 0x030d05f0;
uint64_t _PyRuntime[64];
char PyUnicode_Type[8], PyBytes_Type[8];
size_t PyCode_Type[5]; /* the last is the size of an object without its code */

static const char *version = "3.13.5";
static int finalizing;
static const void *interpreters = &finalizing;
static pthread_t runner;
static const char *state; /* of the runner's */

const char *Py_GetVersion(void);
const char *Py_GetVersion(void)
{
    return version;
}

int Py_IsInitialized(void);
int Py_IsInitialized(void)
{
    return 0;
}

int _Py_IsFinalizing(void);
int _Py_IsFinalizing(void)
{
    return finalizing;
}

const void *PyInterpreterState_Head(void);
const void *PyInterpreterState_Head(void)
{
    return interpreters;
}

const void *PyInterpreterState_Main(void);
const void *PyInterpreterState_Main(void)
{
    return &finalizing;
}

const char *PyGILState_GetThisThreadState(void);
const char *PyGILState_GetThisThreadState(void)
{
    return state && pthread_equal(runner, pthread_self()) ? state : NULL;
}

/* -- versions ------------------------------------------------------------- */

struct layout {
    unsigned version;
    size_t current, inner, previous, code, at, file, name, table, start, text;
    uint32_t ascii;
};

#define NO_INNER 1000

/* 3.13 is the one whose offsets the other tests have. */
static const struct layout layouts[] = {
    {0x30d, 72, NO_INNER, 8, 0, 56, 112, 128, 136, 200, 40, 0x60},
    {0x30e, 72, NO_INNER, 8, 0, 56, 112, 128, 136, 208, 40, 0x180000},
    {0x30c, 56, 0, 8, 0, 56, 112, 128, 136, 192, 40, 0x60},
    {0x30b, 56, 8, 48, 32, 56, 112, 128, 136, 184, 48, 0x60},
};

/* Where the table of 3.13 and of 3.14 has them. */
static const int places[2][7] = {{23, 29, 30, 31, 35, 37, 38},
                                 {26, 32, 33, 34, 40, 42, 43}};

static struct layout now;

static void publish(const uint64_t values[7])
{
    memset(_PyRuntime, 0, sizeof(_PyRuntime));
    memcpy(_PyRuntime, "xdebugpy", 8);
    _PyRuntime[1] = Py_Version;
    for (int i = 0; i < 7; i++)
        _PyRuntime[places[now.version == 0x30e][i]] = values[i];
}

static void become(const struct layout *layout)
{
    const uint64_t values[7] = {layout->current, layout->previous, layout->code,
                                layout->at,      layout->file,     layout->name,
                                layout->table};

    now = *layout;
    PyCode_Type[4] = now.start;
    Py_Version = (unsigned long)now.version << 16 | 0x05f0;
    publish(values);
}

/* -- a script ------------------------------------------------------------- */

#define FRAMES 100
#define SIZE 512

static _Alignas(16) char threads[2][SIZE], frames[FRAMES][SIZE],
    codes[FRAMES][SIZE], files[FRAMES][SIZE], names[FRAMES][SIZE],
    tables[FRAMES][SIZE];
static int count;

int PyCode_Addr2Line(const void *code, int at);
int PyCode_Addr2Line(const void *code, int at)
{
    ck_assert_int_eq(at, -1);
    return 100 * ((int)(((const char *)code - codes[0]) / SIZE) + 1);
}

static void point(char *at, size_t offset, const void *to)
{
    memcpy(at + offset, &to, sizeof(to));
}

static void put(char *object, const char *type, size_t at, const char *bytes,
                size_t len)
{
    memset(object, 0, SIZE);
    point(object, 8, type);
    memcpy(object + 16, &len, sizeof(len));
    memcpy(object + at, bytes, len);
    if (type == PyUnicode_Type)
        memcpy(object + 32, &now.ascii, sizeof(now.ascii));
}

/* The lines of the code after its first: 0, +1 for two units, +40, none, -2 */
static const char lines[] = "\x80\x01\xd9\x02\x03\xe8\x50\x01\xf8\xe8\x05";
static const int line_of[] = {0, 1, 1, 41, -1, 39};

/* Puts a frame outside of the others; without a file it is C's. */
static void push(const char *file, int unit, const char *name)
{
    int i = count++;

    memset(frames[i], 0, SIZE);
    memset(codes[i], 0, SIZE);
    point(frames[i], now.code, codes[i] + (now.version == 0x30e));
    point(frames[i], now.at, codes[i] + now.start + 2 * unit);
    point(codes[i], 8, file ? (const void *)PyCode_Type : PyBytes_Type);
    point(codes[i], now.file, files[i]);
    point(codes[i], now.name, names[i]);
    point(codes[i], now.table, tables[i]);
    put(files[i], PyUnicode_Type, now.text, file ? file : "/c", //
        strlen(file ? file : "/c"));
    put(names[i], PyUnicode_Type, now.text, name, strlen(name));
    put(tables[i], PyBytes_Type, 32, lines, sizeof(lines) - 1);
    if (i > 0)
        point(frames[i - 1], now.previous, frames[i]);
}

static void begin(void)
{
    count = 0;
    memset(threads, 0, sizeof(threads));
    runner = pthread_self();
    state = threads[0];
    point(threads[0], now.current, frames[0]);
    if (now.inner == NO_INNER)
        return;
    point(threads[0], now.current, threads[1]);
    point(threads[1], now.inner, frames[0]);
}

static void script(void)
{
    begin();
    push(NULL, 0, "perform");
    push("/venv/lib/python3.13/site-packages/http.py", 1, "post");
    push("<frozen runpy>", 1, "run");
    push("/srv/shop/chat.py", 3, "Chat.ask");
    push("/srv/shop/main.py", 0, "<module>");
    push("<shim>", 0, "<shim>");
}

#define WHOLE "/srv/shop/chat.py:441 Chat.ask /srv/shop/main.py"

/* Says "file:line code entry" of a call that the script makes now. */
static const char *asked(void)
{
    static char said[2048];
    struct llmobs_script_frames *taken = malloc(sizeof(*taken));
    struct llmobs_json *caller = NULL;
    const char *keys[] = {"file", "code", "entry"};

    llmobs_callsite_read_script(taken);
    llmobs_script_frames_write(taken, &caller);
    free(taken);
    *said = '\0';
    for (size_t i = 0; i < 3 && caller; i++) {
        const char *text = llmobs_json_gets(caller, keys[i]);

        sprintf(said + strlen(said), "%s%s", i ? " " : "", text ? text : "-");
        if (i == 0)
            sprintf(said + strlen(said), ":%d",
                    (int)llmobs_json_to_int(llmobs_json_get(caller, "line")));
    }
    llmobs_json_free(caller);
    return said;
}

TEST(of_each_version)
{
    for (size_t i = 0; i < sizeof(layouts) / sizeof(*layouts); i++) {
        become(&layouts[i]);
        script();
        ck_assert_str_eq(asked(), WHOLE);
    }
}

TEST(of_each_line)
{
    char want[64];

    become(&layouts[0]);
    for (int i = 0; i < 6; i++) {
        begin();
        push("/a.py", i, "f");
        snprintf(want, sizeof(want), "/a.py:%d f /a.py",
                 line_of[i] < 0 ? 0 : 100 + line_of[i]);
        ck_assert_str_eq(asked(), want);
    }
    begin();
    push("/a.py", 6, "<module>");
    ck_assert_str_eq(asked(), "/a.py:0 - /a.py");
}

/* A library that runs the frames is no entry. */
TEST(among_libraries)
{
    become(&layouts[0]);
    begin();
    push("/a.py", 0, "f");
    push("/usr/lib/python3.13/threading.py", 0, "run");
    ck_assert_str_eq(asked(), "/a.py:100 f -");
    begin();
    push("/usr/lib/python3/dist-packages/a.py", 0, "f");
    push("/usr/lib/python3/dist-packages/b.py", 0, "g");
    ck_assert_str_eq(asked(), "/usr/lib/python3/dist-packages/b.py:200 g -");
    for (int i = 0; i < 70; i++)
        push("/usr/lib/python3/dist-packages/b.py", 0, "g");
    ck_assert_str_eq(asked(), "");
    begin();
    push("/a.py", 0, "f");
    for (int i = 0; i < 70; i++)
        push("/b.py", 0, "g");
    ck_assert_str_eq(asked(), "/a.py:100 f -");
}

TEST(as_it_may_be_told)
{
    become(&layouts[0]);
    begin();
    push("<string>", 0, "f");
    ck_assert_str_eq(asked(), "<string>:100 f <string>");
    begin();
    push("Tell me about cats", 0, "f");
    push("/a.py", 0, "f");
    ck_assert_str_eq(asked(), "-:0 f /a.py");
    script();
    memset(files[3] + 32, 0x20, 1); /* not of ASCII alone */
    ck_assert_str_eq(asked(), "-:0 Chat.ask /srv/shop/main.py");
}

static void *ask_aside(void *arg)
{
    *(const char **)arg = asked();
    return NULL;
}

/* Another thread, another interpreter, a Python that ends, that nobody has
 * checked, that is not released, whose threads have no lock, or none. */
TEST(of_no_python_that_is_known)
{
    const char *said = NULL;
    pthread_t thread;

    become(&layouts[0]);
    script();
    ck_assert_int_eq(pthread_create(&thread, NULL, ask_aside, &said), 0);
    pthread_join(thread, NULL);
    ck_assert_str_eq(said, "");
    interpreters = &interpreters;
    ck_assert_str_eq(asked(), "");
    interpreters = &finalizing;
    finalizing = 1;
    ck_assert_str_eq(asked(), "");
    finalizing = 0;
    Py_Version = 0x030d05c1;
    ck_assert_str_eq(asked(), "");
    Py_Version = 0x031005f0;
    ck_assert_str_eq(asked(), "");
    Py_Version = 0x030e05f0;
    ck_assert_str_eq(asked(), "");
    Py_Version = 0x030d05f0;
    _PyRuntime[2] = 1;
    ck_assert_str_eq(asked(), "");
    _PyRuntime[2] = 0;
    memset(_PyRuntime, 'x', 8);
    ck_assert_str_eq(asked(), "");
    become(&layouts[0]);
    ck_assert_str_eq(asked(), WHOLE);
}

/* Each pointer leads to a page that nobody may read, to its end, to what is of
 * another type, or is none. */
TEST(past_what_is_no_python)
{
    char *page =
        mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    const void *ends[] = {page,        page + PAGE - 8, NULL,
                          (void *)8,   (void *)-8,      (void *)(1UL << 62),
                          PyCode_Type, frames,          files};

    ck_assert(page != MAP_FAILED);
    become(&layouts[0]);
    for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
        script();
        point(threads[0], now.current, ends[i]);
        ck_assert(ends[i] == frames || strcmp(asked(), WHOLE) != 0);
        script();
        point(frames[1], now.previous, ends[i]);
        ck_assert(ends[i] == frames || strcmp(asked(), WHOLE) != 0);
        script();
        point(frames[3], now.code, ends[i]);
        ck_assert_str_eq(asked(), "/srv/shop/main.py:500 - /srv/shop/main.py");
        script();
        point(frames[3], now.at, ends[i]);
        point(codes[3], now.name, ends[i]);
        asked();
        script();
        point(codes[3], now.table, ends[i]);
        ck_assert(
            ends[i] == files ||
            strcmp(asked(), "/srv/shop/chat.py:0 Chat.ask /srv/shop/main.py") ==
                0);
        script();
        point(codes[3], now.file, ends[i]);
        ck_assert(ends[i] == files ||
                  strcmp(asked(), "-:0 Chat.ask /srv/shop/main.py") == 0);
    }
    state = page;
    ck_assert_str_eq(asked(), "");
}

/* A length without an end. */
TEST(of_what_claims_to_be_long)
{
    const size_t lengths[] = {SIZE * FRAMES * 100, SIZE_MAX, SIZE_MAX / 2};

    become(&layouts[0]);
    for (int i = 0; i < 3; i++) {
        script();
        memcpy(files[3] + 16, &lengths[i], sizeof(*lengths));
        memcpy(tables[3] + 16, &lengths[i], sizeof(*lengths));
        ck_assert_str_eq(asked(), "-:0 Chat.ask /srv/shop/main.py");
    }
}

/* A table that does not fit: whatever stands there is no fault. */
TEST(by_any_offsets)
{
    uint64_t seed = 1;

    become(&layouts[0]);
    script();
    for (int i = 0; i < 10000; i++) {
        uint64_t values[7];

        for (int k = 0; k < 7; k++) {
            seed = seed * 6364136223846793005U + 1442695040888963407U;
            values[k] = i % 3 == 0   ? seed
                        : i % 3 == 1 ? seed >> 55 & ~(uint64_t)7
                                     : seed >> 40;
            /* Some are right, so that the walk goes on. */
            if (seed >> 33 & 3)
                values[k] = ((const size_t[]){now.current, now.previous,
                                              now.code, now.at, now.file,
                                              now.name, now.table})[k];
        }
        publish(values);
        asked();
    }
}
