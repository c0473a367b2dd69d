/* The line of a script, and the request of a hook, by a stand-in for Perl
 * as 5.40 is, which has no Perl_get_context. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "core/config/perl_request.h"
#include "core/trace/caller.h"
#include "tests/unit/unit.h"

#define PAGE 4096

/* -- Perl ----------------------------------------------------------------- */

int PL_thr_key = 1 << 20; /* no key, for the other suites */
static int files;
int *PL_perlio_fd_refcnt = &files;

static int perl, scalars, asked_for;
static const char *message;

void *Perl_newSVpvn(void *is, const char *text, size_t len);
void *Perl_newSVpvn(void *is, const char *text, size_t len)
{
    ck_assert_ptr_eq(is, &perl);
    ck_assert(*text == '\0' && len == 0);
    scalars++;
    return &scalars;
}

void *Perl_mess_sv(void *is, void *scalar, bool consume);
void *Perl_mess_sv(void *is, void *scalar, bool consume)
{
    ck_assert(is == &perl && scalar == &scalars && consume);
    asked_for++;
    errno = EBADF;
    return scalar;
}

void Perl_sv_free(void *is, void *scalar);
void Perl_sv_free(void *is, void *scalar)
{
    ck_assert(is == &perl && scalar == &scalars);
    scalars--;
}

#define RUN_FETCH 2

static int request; /* the hook's scalar */
static bool hooked;

void *Perl_get_sv(void *is, const char *name, int32_t flags);
void *Perl_get_sv(void *is, const char *name, int32_t flags)
{
    ck_assert(is == &perl && flags == 0);
    return hooked && strcmp(name, "Llmobs::Hook::request") == 0 ? &request
                                                                : NULL;
}

const char *Perl_sv_2pv_flags(void *is, void *scalar, size_t *len,
                              uint32_t flags);
const char *Perl_sv_2pv_flags(void *is, void *scalar, size_t *len,
                              uint32_t flags)
{
    ck_assert(is == &perl);
    ck_assert(scalar == &request ? flags == RUN_FETCH
                                 : scalar == &scalars && flags == 0);
    *len = message ? strlen(message) : 0;
    return message;
}

/* The frames outside of the innermost: where each was called from. */
struct statement {
    const void *more[2];
    void *(*run)(void *is);
    uint64_t target;
    uint32_t kind, line;
    uint64_t package;
    const char *file;
};

struct frame {
    uint64_t more[2];
    const void *from;
};

static struct statement statements[3];
static struct frame frames[3];

void *Perl_pp_nextstate(void *is);
void *Perl_pp_nextstate(void *is)
{
    return is;
}

const void *Perl_caller_cx(void *is, int32_t level, const void **debugger);
const void *Perl_caller_cx(void *is, int32_t level, const void **debugger)
{
    ck_assert(is == &perl && level >= 0 && !debugger);
    return level < 3 ? &frames[level] : NULL;
}

/* -- a script ------------------------------------------------------------- */

/* Says "file:line" of a call that the script makes now. */
static const char *asked(const char *said)
{
    static char text[512];
    struct llmobs_script_frames taken;
    struct llmobs_json *caller = NULL;
    const char *file;

    message = said;
    llmobs_callsite_read_script(&taken);
    llmobs_script_frames_write(&taken, &caller);
    file = caller ? llmobs_json_gets(caller, "file") : NULL;
    snprintf(text, sizeof(text), "%s:%d", file ? file : "",
             file ? (int)llmobs_json_to_int(llmobs_json_get(caller, "line"))
                  : 0);
    llmobs_json_free(caller);
    ck_assert_int_eq(scalars, 0);
    return text;
}

static void run_perl(void)
{
    pthread_key_t key;

    ck_assert_int_eq(pthread_key_create(&key, NULL), 0);
    ck_assert_int_eq(pthread_setspecific(key, &perl), 0);
    PL_thr_key = (int)key;
}

TEST(of_a_perl)
{
    run_perl();
    errno = ENOENT;
    ck_assert_str_eq(asked(" at /srv/a.pl line 12.\n"), "/srv/a.pl:12");
    ck_assert_int_eq(errno, ENOENT);
    ck_assert_str_eq(asked(" at a.pm line 1, <$in> line 7.\n"), "a.pm:1");
    ck_assert_str_eq(asked(" at -e line 4 during global destruction.\n"),
                     "-e:4");
    ck_assert_str_eq(asked(" at a.t line 4, <> line 7 during global.\n"),
                     "a.t:4");
}

static void from(int level, const char *file, uint32_t line)
{
    statements[level] = (struct statement){
        .run = Perl_pp_nextstate, .line = line, .file = file};
    frames[level].from = &statements[level];
}

static void by_a_library(void)
{
    from(0, "/usr/share/perl5/HTTP/Tiny.pm", 7);
    from(1, "(eval 5)", 1);
    from(2, "ask.pl", 9);
}

#define LIBRARY " at /usr/share/perl5/Net/SSLeay.pm line 5.\n"

TEST(of_the_code_that_a_library_serves)
{
    run_perl();
    by_a_library();
    ck_assert_str_eq(asked(LIBRARY), "ask.pl:9");
    ck_assert_str_eq(asked(" at (eval 7) line 5.\n"), "ask.pl:9");
    ck_assert_str_eq(asked(" at Ask about cats line 5.\n"), ":0");
    from(2, "/usr/share/perl5/x.pm", 9);
    ck_assert_str_eq(asked(LIBRARY), ":0");
}

/* Each pointer leads to where nobody may read, and a statement is another
 * operation. */
TEST(past_what_is_no_statement)
{
    char *page =
        mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    const void *ends[] = {page,      page + PAGE - 8, NULL,
                          (void *)8, (void *)-8,      (void *)(1UL << 62)};

    ck_assert(page != MAP_FAILED);
    run_perl();
    for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
        by_a_library();
        frames[1].from = ends[i];
        ck_assert_str_eq(asked(LIBRARY), ":0");
        by_a_library();
        statements[2].file = ends[i];
        ck_assert_str_eq(asked(LIBRARY), ":0");
    }
    by_a_library();
    statements[1].run = NULL;
    ck_assert_str_eq(asked(LIBRARY), ":0");
    memset(statements, 0, sizeof(statements));
}

TEST(of_what_is_no_file)
{
    const char *none[] = {"",
                          ".\n",
                          " at ",
                          " at a.pl",
                          " at a.pl line ",
                          " at a.pl line 5",
                          " at a.pl line 0.\n",
                          " at a.pl line x.\n",
                          " at a.pl line 5x.\n",
                          " at a.pl line 99999999999999999999.\n",
                          " at (eval 7) line 5.\n",
                          " at Ask about cats line 5.\n",
                          " at cats line 5.\n",
                          " at .pl line 5.\n",
                          " at caf\xc3\xa9.pl line 5.\n",
                          " at /usr/share/perl5/LWP.pm line 5.\n",
                          NULL};

    run_perl();
    for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++)
        ck_assert_str_eq(asked(none[i]), ":0");
}

static void *ask_aside(void *arg)
{
    *(int *)arg = strcmp(asked(" at a.pl line 5.\n"), ":0");
    return NULL;
}

TEST(of_a_thread_without_perl)
{
    int told = 1, before;
    pthread_t thread;

    run_perl();
    before = asked_for;
    ck_assert_int_eq(pthread_create(&thread, NULL, ask_aside, &told), 0);
    pthread_join(thread, NULL);
    ck_assert_int_eq(told, 0);
    ck_assert_int_eq(asked_for, before);
}

/* The thread keeps the address of what Perl has freed. */
TEST(of_a_perl_that_has_ended)
{
    size_t len = 9;
    int before;

    run_perl();
    message = "HTTP_TRACEPARENT=1";
    hooked = true;
    before = asked_for;
    PL_perlio_fd_refcnt = NULL;
    ck_assert_str_eq(asked(" at a.pl line 5.\n"), ":0");
    ck_assert_int_eq(asked_for, before);
    ck_assert_str_eq(llmobs_perl_read_request(&len), "");
    PL_perlio_fd_refcnt = &files;
    hooked = false;
}

/* -- a request ------------------------------------------------------------ */

TEST(of_a_hook)
{
    size_t len = 9;

    ck_assert(llmobs_perl_found());
    message = "HTTP_TRACEPARENT=1";
    hooked = true;
    ck_assert_str_eq(llmobs_perl_read_request(&len), ""); /* runs no Perl */
    ck_assert_uint_eq(len, 0);
    run_perl();
    errno = ENOENT;
    ck_assert_str_eq(llmobs_perl_read_request(&len), message);
    ck_assert_uint_eq(len, strlen(message));
    ck_assert_int_eq(errno, ENOENT);
    hooked = false;
    ck_assert_str_eq(llmobs_perl_read_request(&len), "");
    ck_assert_uint_eq(len, 0);
}
