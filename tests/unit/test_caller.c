/* Tests the names of callers' frames. */
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/sanitizer.h"
#include "core/trace/caller.h"
#include "core/trace/caller_unnamed.h"
#include "lib/elf/cfi.h"
#include "lib/elf/symbol.h"
#include "core/config/config.h"
#include "tests/unit/unit.h"

#define DEEP 64

/* -- the walk, beside the C library's own, and libunwind's ----------------- */

static void *theirs[DEEP], *ours[DEEP], *third_ones[DEEP];
static int their_count, our_count, third_count;

/* Its unw_backtrace; NULL: it is not on this host. */
static int (*libunwind)(void **, int);

/* Not beside LeakSanitizer, which does not survive what libunwind leaves of a
 * deep stack in its thread-local memory. */
static void open_libunwind(void)
{
#if !defined(__SANITIZE_ADDRESS__)
    void *library = dlopen("libunwind.so.8", RTLD_NOW);

    if (library)
        *(void **)&libunwind = dlsym(library, "unw_backtrace");
#endif
}

struct step {
    struct llmobs_frame *frame;
    struct llmobs_cfi_row row[LLMOBS_CFI_ROWS];
    int rc;
};

static void see(const struct llmobs_loaded *object, void *ctx)
{
    struct step *step = ctx;

    step->rc = llmobs_cfi_row(
        object, step->frame->pc - (step->frame->exact ? 0 : 1), step->row);
}

static int walk(const struct llmobs_callsite *callsite, void **list)
{
    const struct llmobs_cfi_stack stack = {
        callsite->frame.regs[LLMOBS_FRAME_SP], callsite->stack, callsite->len};
    struct llmobs_frame frame = callsite->frame;
    struct step step = {.frame = &frame};
    int count = 0;

    while (count < DEEP) {
        uintptr_t inside = frame.pc - (frame.exact ? 0 : 1);

        if (llmobs_loaded_find(inside, see, &step) != 0 || step.rc ||
            llmobs_cfi_step(&frame, step.row, &stack) != 0)
            break;
        list[count++] = (void *)frame.pc;
    }
    return count;
}

__attribute__((noinline)) static int both(void)
{
    struct llmobs_callsite *callsite = malloc(sizeof(*callsite));

    llmobs_callsite_here(callsite, LLMOBS_CALLSITE_STACK, 0);
    their_count = backtrace(theirs, DEEP);
    third_count = libunwind ? libunwind(third_ones, DEEP) : 0;
    our_count = walk(callsite, ours);
    llmobs_callsite_free(callsite);
    return our_count;
}

/* The first is in both itself, and differs; a sanitizer has one more before
 * it. Gives how many more the other one has. */
static int check_frames(void *const *list, int count)
{
    int ahead = 0;

    while (ahead < 2 && list[1 + ahead] != ours[1])
        ahead++;
    for (int i = 1; i < our_count && i + ahead < count; i++)
        ck_assert_msg(ours[i] == list[i + ahead], "frame %d: %p, not %p", i,
                      ours[i], list[i + ahead]);
    return count - ahead - our_count;
}

static void check_as_far(int least)
{
    ck_assert_int_gt(our_count, least);
    (void)check_frames(theirs, their_count);
    if (libunwind) {
        ck_assert_int_gt(third_count, least);
        (void)check_frames(third_ones, third_count);
    }
}

/* All end where the stack begins. `least`: without the first. */
static void check_same(int least)
{
    check_as_far(least);
    ck_assert_int_le(check_frames(theirs, their_count), 1);
}

__attribute__((noinline)) static int third(int n)
{
    volatile char room[300];

    room[n] = 1;
    return both() + room[n];
}

__attribute__((noinline)) static int second(int n, ...)
{
    return third(n + 1) + n;
}

/* An aligned frame is one that an expression tells of. */
__attribute__((noinline)) static int aligned(int n)
{
    _Alignas(64) volatile char room[256];

    room[n] = 2;
    return second(n, 1.0, 2) + room[n];
}

/* Its size is known at run time only: it has a frame pointer. */
__attribute__((noinline)) static int moving(int n)
{
    volatile char *room = __builtin_alloca((size_t)n * 16);

    room[n] = 2;
    return aligned(n) + room[n];
}

TEST(same_as_backtrace)
{
    open_libunwind();
    for (int n = 1; n < 16; n++) {
        moving(n);
        check_same(5);
    }
}

#if defined(__clang__)
#define BUILT(...) __attribute__((noinline))
#else
#define BUILT(...) __attribute__((noinline, optimize(__VA_ARGS__)))
#endif

/* Functions as a compiler makes them that keeps no frame pointer, saves what
 * size it can, or optimises nothing. */
BUILT("no-omit-frame-pointer") static int with_pointer(int n, int depth);

BUILT("omit-frame-pointer", "O3") static int without_pointer(int n, int depth)
{
    volatile char room[40];

    room[n] = 3;
    return (depth > 0 ? with_pointer(n, depth - 1) : aligned(n)) + room[n];
}

BUILT("O0") static int plain(int n, int depth)
{
    int result = depth > 0 ? without_pointer(n, depth - 1) : moving(n);

    return result + 1;
}

static int with_pointer(int n, int depth)
{
    return (depth > 0 ? plain(n, depth - 1) : second(n)) + 2;
}

/* The piece of stack may end before the stack does. */
TEST(same_on_deep_stacks)
{
    open_libunwind();
    for (int depth = 0; depth < 80; depth++) {
        plain(1 + depth % 15, depth);
        check_as_far(depth < 40 ? 4 + depth : 20);
    }
}

static int compare(const void *a, const void *b)
{
    if (our_count == 0)
        moving(3);
    return *(const char *)a - *(const char *)b;
}

TEST(through_the_c_library)
{
    char text[] = "mississippi";

    open_libunwind();
    our_count = 0;
    qsort(text, sizeof(text) - 1, 1, compare);
    check_same(6);
}

#if !LLMOBS_TSAN
static void on_signal(int number)
{
    moving(number > 15 ? 15 : number);
}

TEST(through_a_signal)
{
    open_libunwind();
    ck_assert_ptr_ne(signal(SIGUSR1, on_signal), SIG_ERR);
    raise(SIGUSR1);
    check_same(7);
}
#endif

static void *in_thread(void *arg)
{
    moving(2);
    return arg;
}

TEST(to_the_begin_of_a_thread)
{
    pthread_t thread;

    /* It takes a lock as the thread ends, when the thread sanitizer has
     * forgotten the thread. */
    if (!LLMOBS_TSAN)
        open_libunwind();
    else
        libunwind = NULL;
    ck_assert_int_eq(pthread_create(&thread, NULL, in_thread, NULL), 0);
    pthread_join(thread, NULL);
    check_same(5);
}

/* -- names ---------------------------------------------------------------- */

static struct llmobs_json *told;
static int wanted = 8;

static struct llmobs_json *parsed(char *text)
{
    struct llmobs_json *json = NULL;

    if (text)
        (void)llmobs_json_parse((struct llmobs_text){text, strlen(text)},
                                &json);
    free(text);
    return json;
}

/* As the process that delivers tells it. */
static void tell_from(const struct llmobs_callsite *callsite)
{
    char *caller = NULL, *unnamed = NULL;
    struct llmobs_json *rest;

    llmobs_caller_read(callsite, &caller, &unnamed);
    llmobs_json_free(told);
    told = parsed(caller);
    rest = parsed(unnamed);
    llmobs_unnamed_resolve(told, rest);
    llmobs_json_free(rest);
}

/* The tests may share a process. */
static void forget_told(void)
{
    llmobs_json_free(told);
    told = NULL;
    wanted = 8;
}

__attribute__((noinline)) static int ask(void)
{
    struct llmobs_callsite *callsite = malloc(sizeof(*callsite));

    llmobs_callsite_here(callsite, LLMOBS_CALLSITE_STACK, 0);
    callsite->frames = wanted;
    tell_from(callsite);
    llmobs_callsite_free(callsite);
    return told != NULL;
}

__attribute__((noinline)) static int fetch_reply(int n)
{
    return ask() + n;
}

__attribute__((noinline)) int unit_caller_think(int n);
int unit_caller_think(int n)
{
    return fetch_reply(n) * 2;
}

/* The frames up to this file's own, as one text. */
static const char *frames_of(const struct llmobs_json *caller, size_t count)
{
    static char text[4096];

    text[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        const char *frame = llmobs_json_text(
            llmobs_json_at(llmobs_json_get(caller, "frames"), i));

        ck_assert_ptr_nonnull(frame);
        strcat(strcat(text, frame), "\n");
    }
    return text;
}

static size_t frame_count(const struct llmobs_json *caller)
{
    const struct llmobs_json *frames = llmobs_json_get(caller, "frames");
    size_t n = 0;

    while (frames && llmobs_json_at(frames, n))
        n++;
    return n;
}

TEST(names_static_and_other_functions)
{
    const char *text;

    for (int again = 0; again < 2; again++) {
        unit_caller_think(1);
        ck_assert_str_eq(llmobs_json_text(llmobs_json_get(told, "module")),
                         "unit");
        text = frames_of(told, frame_count(told));
        ck_assert_ptr_nonnull(strstr(text, "unit!ask+0x"));
        ck_assert_ptr_nonnull(strstr(text, "\nunit!fetch_reply+0x"));
        ck_assert_ptr_nonnull(strstr(text, "\nunit!unit_caller_think+0x"));
        ck_assert_ptr_nonnull(strstr(text, "\nunit!names_static_and_other_"));
    }
    forget_told();
}

TEST(as_many_as_wanted)
{
    const int numbers[] = {1, 2, 6};

    for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
        wanted = numbers[i];
        unit_caller_think(1);
        ck_assert_uint_eq(frame_count(told), (size_t)numbers[i]);
        ck_assert_ptr_nonnull(llmobs_json_get(told, "function"));
    }
    wanted = LLMOBS_CALLSITE_ADDRESS;
    unit_caller_think(1);
    ck_assert_ptr_null(llmobs_json_get(told, "frames"));
    ck_assert_ptr_null(llmobs_json_get(told, "function"));
    ck_assert_str_eq(llmobs_json_text(llmobs_json_get(told, "module")), "unit");
    ck_assert(llmobs_json_is_int(llmobs_json_get(told, "offset")));
    forget_told();
}

#if !LLMOBS_ASAN && !LLMOBS_TSAN /* they have frames of their own between */
static int ask_and_compare(const void *a, const void *b)
{
    if (!told)
        unit_caller_think(1);
    return *(const char *)a - *(const char *)b;
}

static void *ask_in_thread(void *arg)
{
    unit_caller_think(1);
    return arg;
}

/* Frames of the C library are told between others', with their names, and not
 * as what a program or a thread begins with. */
TEST(without_what_starts_it)
{
    char letters[] = "mississippi";
    pthread_t thread;
    const char *text, *last;

    wanted = 16;
    qsort(letters, sizeof(letters) - 1, 1, ask_and_compare);
    text = frames_of(told, frame_count(told));
    last = strstr(text, "unit!ask_and_compare+0x");
    ck_assert_ptr_nonnull(last);
    last = strstr(last, "\nlibc.so.6!qsort");
    ck_assert_msg(last && strstr(last, "\nunit!without_what_starts_it"), "%s",
                  text);
    last = strstr(last, "\nunit!main+0x");
    ck_assert_msg(last && strcmp(strchr(last + 1, '\n'), "\n") == 0, "%s",
                  text);
    ck_assert_int_eq(pthread_create(&thread, NULL, ask_in_thread, NULL), 0);
    pthread_join(thread, NULL);
    last =
        strstr(frames_of(told, frame_count(told)), "\nunit!ask_in_thread+0x");
    ck_assert_ptr_nonnull(last);
    ck_assert_str_eq(strchr(last + 1, '\n'), "\n");
    forget_told();
}
#endif

/* -- what ends a walk ----------------------------------------------------- */

#if defined(__x86_64__)
static int (*volatile through)(int) = unit_caller_think;

/* A function made at run time: nobody says how its frame is left. */
TEST(compiled_frames_end_the_walk)
{
    static const unsigned char code[] = {0x48, 0x83, 0xec, 0x08, 0xff, 0xd6,
                                         0x48, 0x83, 0xc4, 0x08, 0xc3};
    int (*jit)(int, int (*)(int));
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    memcpy(page, code, sizeof(code));
    ck_assert_int_eq(mprotect(page, 4096, PROT_READ | PROT_EXEC), 0);
    memcpy(&jit, &page, sizeof(jit));
    wanted = 16;
    jit(1, through);
    ck_assert_uint_ge(frame_count(told), 3);
    ck_assert_uint_le(frame_count(told), 4);
    ck_assert_ptr_nonnull(strstr(frames_of(told, frame_count(told)),
                                 "unit!unit_caller_think+0x"));
    forget_told();
}
#endif

__attribute__((no_sanitize("address", "thread"))) static void copy_stack(
    volatile unsigned char *to, const struct llmobs_callsite *from)
{
    for (size_t i = 0; i < from->len; i++)
        to[i] = ((const volatile unsigned char *)from->stack)[i];
}

/* Each is cut somewhere, or holds what no stack does. */
TEST(damaged_stacks)
{
    struct llmobs_callsite *whole = malloc(sizeof(*whole));
    struct llmobs_callsite *damaged = malloc(sizeof(*damaged));
    unsigned char *stack = malloc(LLMOBS_CALLSITE_STACK);
    void *list[DEEP];
    int most;

    llmobs_callsite_here(whole, LLMOBS_CALLSITE_STACK, 0);
    most = walk(whole, list);
    srand(7);
    for (int i = 0; i < 3000; i++) {
        *damaged = *whole;
        damaged->stack = stack;
        copy_stack(stack, whole);
        if (i % 3 == 0)
            damaged->len = (size_t)rand() % (whole->len + 1);
        for (int k = 0; k < i % 50; k++)
            stack[(size_t)rand() % whole->len] = (unsigned char)rand();
        if (i % 5 == 0)
            damaged->frame.regs[rand() % LLMOBS_FRAME_REGS] = (uintptr_t)rand();
        if (i % 7 == 0)
            damaged->frame.known = (uint64_t)rand();
        ck_assert_int_le(walk(damaged, list), DEEP);
    }
    ck_assert_int_gt(most, 3);
    free(damaged);
    free(stack);
    llmobs_callsite_free(whole);
}

/* -- damaged objects ------------------------------------------------------ */

struct copy {
    struct llmobs_loaded object;
    ElfW(Phdr) headers[32];
    unsigned char *bytes;
    size_t len;
    uintptr_t from;
};

/* By the kernel: what lies between variables is nobody's to a sanitizer. */
static void copy_segment(void *to, void *from, size_t len)
{
    struct iovec there = {from, len}, here = {to, len};

    ck_assert_int_eq(process_vm_readv(getpid(), &here, 1, &there, 1, 0),
                     (ssize_t)len);
}

/* The object that we are in, so that its addresses count from the copy's. */
static void copy_object(const struct llmobs_loaded *object, void *ctx)
{
    struct copy *copy = ctx;
    uintptr_t end = 0;

    ck_assert_uint_le(object->phnum, 32);
    memcpy(copy->headers, object->phdr,
           object->phnum * sizeof(copy->headers[0]));
    copy->object = *object;
    copy->object.phdr = copy->headers;
    copy->from = object->base;
    for (size_t i = 0; i < object->phnum; i++) {
        ElfW(Phdr) *p = &copy->headers[i];

        p->p_memsz = p->p_filesz; /* other tests have a lot of nothing */
        if (p->p_type == PT_LOAD && p->p_vaddr + p->p_memsz > end)
            end = p->p_vaddr + p->p_memsz;
    }
    copy->len = end;
    copy->bytes = calloc(1, end);
    for (size_t i = 0; i < object->phnum; i++) {
        const ElfW(Phdr) *p = &copy->headers[i];

        if (p->p_type == PT_LOAD && (p->p_flags & PF_R))
            copy_segment(copy->bytes + p->p_vaddr,
                         (void *)(object->base + p->p_vaddr), p->p_memsz);
    }
    copy->object.base = (uintptr_t)copy->bytes;
}

/* The loader has made addresses of these. */
static void relocate(struct copy *copy)
{
    const ElfW(Phdr) *header = llmobs_loaded_header(&copy->object, PT_DYNAMIC);
    ElfW(Dyn) *d = (ElfW(Dyn) *)(copy->bytes + header->p_vaddr);

    for (; d->d_tag != DT_NULL; d++) {
        if (d->d_tag == DT_SYMTAB || d->d_tag == DT_STRTAB ||
            d->d_tag == DT_GNU_HASH || d->d_tag == DT_HASH)
            d->d_un.d_ptr -= copy->from;
    }
}

static size_t try_all(const struct copy *copy)
{
    struct llmobs_symbol symbol;
    struct llmobs_cfi_row row[LLMOBS_CFI_ROWS];
    size_t found = 0, tried = 0;

    for (uintptr_t at = 0; at < copy->len; at += copy->len / 997) {
        found +=
            llmobs_cfi_row(&copy->object, copy->object.base + at, row) == 0;
        /* Each reads the whole table, or as much as a damaged one says. */
        if (tried++ % 50 == 0)
            found += llmobs_symbol_in_memory(&copy->object, at, &symbol);
    }
    return found;
}

static void damage(struct copy *copy, ElfW(Word) type, int times)
{
    const ElfW(Phdr) *header = llmobs_loaded_header(&copy->object, type);

    for (int i = 0; header && i < times; i++)
        copy->bytes[header->p_vaddr + (size_t)rand() % header->p_memsz] =
            (unsigned char)rand();
}

/* In a copy whose bounds the sanitizers know. */
TEST(damaged_objects)
{
    struct copy copy;
    unsigned char *whole;

    ck_assert_int_eq(llmobs_loaded_find((uintptr_t)try_all, copy_object, &copy),
                     0);
    relocate(&copy);
    whole = malloc(copy.len);
    memcpy(whole, copy.bytes, copy.len);
    ck_assert_uint_gt(try_all(&copy), 200);
    srand(11);
    for (int i = 0; i < 60; i++) {
        size_t from = (size_t)rand() % copy.len;

        memcpy(copy.bytes, whole, copy.len);
        damage(&copy, PT_GNU_EH_FRAME, i % 20);
        damage(&copy, PT_DYNAMIC, i % 7);
        for (int k = 0; k < i * 100; k++)
            copy.bytes[(size_t)rand() % copy.len] = (unsigned char)rand();
        if (i % 4 == 0)
            memset(copy.bytes + from, rand(), copy.len - from);
        try_all(&copy);
    }
    free(whole);
    free(copy.bytes);
}

/* -- files ---------------------------------------------------------------- */

static void take_head(const struct llmobs_loaded *object, void *ctx)
{
    llmobs_symbol_head(object, ctx);
}

static uintptr_t base_of(const void *address)
{
    Dl_info info;

    ck_assert_int_ne(dladdr(address, &info), 0);
    return (uintptr_t)info.dli_fbase;
}

/* -- names that are left to another process ------------------------------- */

static void own_id(char id[LLMOBS_SYMBOL_ID])
{
    struct llmobs_symbol_head head;

    ck_assert_int_eq(
        llmobs_loaded_find((uintptr_t)fetch_reply, take_head, &head), 0);
    ck_assert(llmobs_symbol_id(&head, id));
    for (size_t len = 0; len < head.len; len++) {
        struct llmobs_symbol_head cut = head;
        char other[LLMOBS_SYMBOL_ID];

        cut.len = len;
        ck_assert(!llmobs_symbol_id(&cut, other) || strcmp(id, other) == 0);
    }
}

/* To open a pipe would wake a program that waits for its reader. */
TEST(no_name_from_a_pipe)
{
    char dir[] = "/tmp/llmobs-unit.XXXXXX", path[64];
    struct llmobs_symbol symbol;
    int status;
    pid_t pid;

    ck_assert_ptr_nonnull(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/pipe", dir);
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    pid = fork();
    if (pid == 0) {
        signal(SIGALRM, SIG_DFL);
        ualarm(200000, 0);
        _exit(open(path, O_WRONLY) >= 0);
    }
    while (waitpid(pid, &status, WNOHANG) == 0) {
        ck_assert_int_eq(llmobs_symbol_by_id(path, "00", 1, &symbol), -ESTALE);
        usleep(1000);
    }
    unlink(path);
    rmdir(dir);
    ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM);
}

TEST(a_name_by_build_id)
{
    uintptr_t at = (uintptr_t)fetch_reply - base_of((void *)fetch_reply) + 3;
    struct llmobs_symbol symbol;
    char id[LLMOBS_SYMBOL_ID];

    own_id(id);
    ck_assert_int_eq(llmobs_symbol_by_id("/proc/self/exe", id, at, &symbol), 0);
    ck_assert_str_eq(symbol.name, "fetch_reply");
    ck_assert_uint_eq(symbol.offset, 3);
    ck_assert_int_eq(llmobs_symbol_by_id("/proc/self/exe", id, 1, &symbol),
                     -ENOENT);
    ck_assert_int_eq(llmobs_symbol_by_id("/no/such", id, at, &symbol), -ESTALE);
    ck_assert_int_eq(llmobs_symbol_by_id("/dev/zero", id, at, &symbol),
                     -ESTALE);
    id[0] = id[0] == '0' ? '1' : '0';
    ck_assert_int_eq(llmobs_symbol_by_id("/proc/self/exe", id, at, &symbol),
                     -ESTALE);
}

#define CALLER \
    "{\"frames\": [\"m+0x5\", \"n+0x6\"], \"module\": \"m\", \"offset\": 5}"

/* Gives the caller with the names that `left` tells of, as text. */
static char *name_left(const char *left)
{
    struct llmobs_json *caller, *rest = NULL;
    char *text;

    ck_assert_int_eq(llmobs_json_parse(
                         (struct llmobs_text){CALLER, strlen(CALLER)}, &caller),
                     0);
    (void)llmobs_json_parse((struct llmobs_text){left, strlen(left)}, &rest);
    llmobs_unnamed_resolve(caller, rest);
    llmobs_json_free(rest);
    text = llmobs_json_dumps(caller, 0);
    llmobs_json_free(caller);
    return text;
}

static char *left_text(const char *path, const char *id, const char *file,
                       const char *at, const char *frame)
{
    char *text;

    ck_assert_int_gt(asprintf(&text,
                              "{\"files\":[{\"path\":%s,\"id\":\"%s\"}],"
                              "\"frames\":[{\"frame\":%s,\"file\":%s,"
                              "\"at\":%s,\"exact\":false}]}",
                              path, id, frame, file, at),
                     0);
    return text;
}

static void expect_left(char *left, const char *want)
{
    char *got = name_left(left);

    ck_assert_str_eq(got, want);
    free(got);
    free(left);
}

TEST(names_that_were_left)
{
    const char *exe = "\"/proc/self/exe\"";
    char id[LLMOBS_SYMBOL_ID], at[32], long_id[200];

    own_id(id);
    snprintf(at, sizeof(at), "%lu",
             (unsigned long)((uintptr_t)fetch_reply -
                             base_of((void *)fetch_reply) + 3));
    expect_left(left_text(exe, id, "0", at, "1"),
                "{\"frames\": [\"m+0x5\", \"n!fetch_reply+0x4\"], "
                "\"module\": \"m\", \"offset\": 5}");
    expect_left(left_text(exe, id, "0", at, "-1"),
                "{\"frames\": [\"m+0x5\", \"n+0x6\"], "
                "\"function\": \"fetch_reply\", \"module\": \"m\", "
                "\"offset\": 4}");
    /* A damaged entry names nothing. */
    memset(long_id, 'a', sizeof(long_id) - 1);
    long_id[sizeof(long_id) - 1] = '\0';
    expect_left(left_text(exe, long_id, "0", at, "1"), CALLER);
    expect_left(left_text(exe, "", "0", at, "1"), CALLER);
    expect_left(left_text("\"proc/self/exe\"", id, "0", at, "1"), CALLER);
    expect_left(left_text("7", id, "0", at, "1"), CALLER);
    expect_left(left_text(exe, id, "1", at, "1"), CALLER);
    expect_left(left_text(exe, id, "-1", at, "1"), CALLER);
    expect_left(left_text(exe, id, "0", "\"x\"", "1"), CALLER);
    expect_left(left_text(exe, id, "0", at, "2"), CALLER);
    expect_left(left_text(exe, id, "0", at, "-2"), CALLER);
    expect_left(left_text(exe, id, "0", at, "null"), CALLER);
    expect_left(strdup("[]"), CALLER);
    expect_left(strdup("{\"files\":7,\"frames\":[7]}"), CALLER);
}

/* -- unloading ------------------------------------------------------------ */

/* Something that is not in this program yet. */
static void *open_other(void)
{
    static const char *const names[] = {"libutil.so.1", "libanl.so.1",
                                        "libresolv.so.2", "libthread_db.so.1"};

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        void *there = dlopen(names[i], RTLD_NOW | RTLD_NOLOAD);
        void *handle = there ? NULL : dlopen(names[i], RTLD_NOW);

        if (there)
            dlclose(there);
        if (handle)
            return handle;
    }
    return NULL;
}

/* Tables that were filled before are empty then. */
TEST(after_an_unload)
{
    void *other = open_other();

    ck_assert_ptr_nonnull(other);
    for (int i = 0; i < 4; i++) {
        ask();
        ck_assert_ptr_nonnull(
            strstr(frames_of(told, frame_count(told)), "unit!ask+0x"));
        if (i == 1)
            dlclose(other);
    }
    forget_told();
}

/* -- many threads -----------------------------------------------------------
 */

__attribute__((noinline)) static void *ask_often(void *arg)
{
    for (int i = 0; i < 500; i++) {
        struct llmobs_callsite *callsite = malloc(sizeof(*callsite));
        char *got = NULL, *unnamed = NULL;

        llmobs_callsite_here(callsite, LLMOBS_CALLSITE_STACK, 0);
        callsite->frames = 1 + i % 3;
        callsite->script.line = 7;
        ck_assert(
            llmobs_script_frames_add(&callsite->script, LLMOBS_FRAMES_FILE,
                                     (struct llmobs_text){arg, strlen(arg)}));
        llmobs_caller_read(callsite, &got, &unnamed);
        ck_assert_ptr_nonnull(strstr(got, arg));
        ck_assert_ptr_nonnull(strstr(got, "\"module\": \"unit\""));
        free(got);
        free(unnamed);
        llmobs_callsite_free(callsite);
    }
    return arg;
}

/* There are more threads than tables, and each tells its own script. */
TEST(threads_that_call_at_once)
{
    static char files[12][16];
    pthread_t threads[12];

    for (int i = 0; i < 12; i++) {
        snprintf(files[i], sizeof(files[i]), "/app/%02d.php", i);
        ck_assert_int_eq(pthread_create(&threads[i], NULL, ask_often, files[i]),
                         0);
    }
    for (int i = 0; i < 12; i++)
        pthread_join(threads[i], NULL);
}

TEST(a_child_begins_anew)
{
    int status;
    pid_t pid;

    unit_caller_think(1);
    pid = fork();
    if (pid == 0) {
        unit_caller_think(1);
        _exit(told && strstr(frames_of(told, frame_count(told)), "fetch_reply")
                  ? 0
                  : 1);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
    forget_told();
}

/* A kept caller is not the one that somebody got and changed. */
TEST(a_caller_is_kept)
{
    static const char *const texts[] = {"{\"module\": \"a\"}",
                                        "{\"module\": \"a\"}",
                                        "{\"module\": \"b\"}", "{"};

    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        struct llmobs_json *caller =
            llmobs_unnamed_caller(texts[i], i == 1 ? NULL : "");

        ck_assert(llmobs_json_says(caller, "module", i < 2 ? "a" : "b") ||
                  (i == 3 && !caller));
        ck_assert_ptr_null(llmobs_json_get(caller, "entry"));
        (void)llmobs_json_sets(caller, "entry", "x");
        llmobs_json_free(caller);
    }
    ck_assert_ptr_null(llmobs_unnamed_caller(NULL, NULL));
}
