/* The frames of a script, by a stand-in for PHP 8.2. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "core/trace/caller.h"
#include "core/trace/probe.h"
#include "tests/unit/unit.h"

#define PAGE 4096

/* -- PHP ---------------------------------------------------------------- */

struct text {
    uint32_t refcount, type;
    uint64_t hash;
    size_t len;
    char bytes[512];
};

struct scope {
    uint64_t type;
    const struct text *name;
};

struct function {
    uint64_t type;
    const struct text *name;
    const struct scope *scope;
    char more[128];
    const struct text *file;
};

struct line {
    char head[24];
    uint32_t line;
};

struct frame {
    const struct line *at;
    uint64_t more[2];
    const struct function *function;
    uint64_t object[2];
    const struct frame *previous;
};

#define CURRENT 488

char executor_globals[1024];
static const char *version = "Zend Engine v4.2.36, Copyright";
static const struct text *first;
static uint32_t first_line;

const char *get_zend_version(void);
const char *get_zend_version(void)
{
    return version;
}

const struct text *zend_get_executed_filename_ex(void);
const struct text *zend_get_executed_filename_ex(void)
{
    return first;
}

uint32_t zend_get_executed_lineno(void);
uint32_t zend_get_executed_lineno(void)
{
    return first_line;
}

/* -- a script ----------------------------------------------------------- */

#define FRAMES 100

static struct text files[FRAMES], names[FRAMES], class_name;
static struct scope class = {.name = &class_name};
static struct function functions[FRAMES];
static struct line lines[FRAMES];
static struct frame frames[FRAMES];
static int count;

static void put(struct text *text, const char *bytes)
{
    text->type = 6 | 0x10;
    text->len = strlen(bytes);
    strcpy(text->bytes, bytes);
}

/* Puts a frame outside of the others. Without a name it is a file's. */
static void push(const char *file, uint32_t line, const char *name)
{
    int i = count++;

    memset(&frames[i], 0, sizeof(frames[i]));
    memset(&functions[i], 0, sizeof(functions[i]));
    lines[i].line = line;
    frames[i].at = &lines[i];
    frames[i].function = &functions[i];
    functions[i].type = !file ? 1 : name ? 2 : 4;
    if (file)
        put(&files[i], file);
    if (name)
        put(&names[i], name);
    functions[i].file = file ? &files[i] : (const struct text *)8;
    functions[i].name = name ? &names[i] : NULL;
    if (i > 0)
        frames[i - 1].previous = &frames[i];
    else
        memcpy(executor_globals + CURRENT, &(const void *){&frames[0]},
               sizeof(void *));
    if (file && !first) {
        first = &files[i];
        first_line = line;
    }
}

static void begin(void)
{
    count = 0;
    first = NULL;
}

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

/* A call that a library makes for a method of the page's. */
static void script(void)
{
    begin();
    put(&class_name, "Shop\\Chat");
    push(NULL, 0, "curl_exec");
    push("/srv/shop/vendor/guzzle/Handler.php", 40, "send");
    push("/srv/shop/vendor/guzzle/Client.php", 30, "request");
    push("/srv/shop/src/Chat.php", 20, "ask");
    functions[3].scope = &class;
    push("/srv/shop/src/Chat.php", 10, "{closure:/srv/x.php:3}");
    frames[4].function = NULL;
    push("/srv/shop/public/index.php", 5, NULL);
}

#define INNERMOST "/srv/shop/vendor/guzzle/Handler.php:40 - -"

TEST(of_the_page)
{
    script();
    ck_assert_str_eq(
        asked(),
        "/srv/shop/src/Chat.php:20 Shop\\Chat::ask /srv/shop/public/index.php");
}

/* Its HTTP clients are its own; the extension that asks is the caller. */
TEST(of_mediawiki)
{
    begin();
    push("/srv/w/vendor/guzzlehttp/guzzle/src/Client.php", 9, NULL);
    push("/srv/w/includes/http/GuzzleHttpRequest.php", 203, NULL);
    push("/srv/w/includes/http/HttpRequestFactory.php", 180, NULL);
    push("/srv/w/includes/libs/http/MultiHttpClient.php", 263, NULL);
    push("/srv/w/extensions/Ask/includes/http/Ask.php", 7, NULL);
    push("/srv/w/includes/api/ApiMain.php", 900, NULL);
    push("/srv/w/api.php", 2, NULL);
    ck_assert_str_eq(
        asked(),
        "/srv/w/extensions/Ask/includes/http/Ask.php:7 - /srv/w/api.php");
}

TEST(of_libraries_alone)
{
    begin();
    push("/usr/share/php/Http.php", 4, "{closure:/srv/x.php:3}");
    ck_assert_str_eq(
        asked(), "/usr/share/php/Http.php:4 {closure} /usr/share/php/Http.php");
    push("/srv/wp-includes/http.php", 3, NULL);
    ck_assert_str_eq(asked(),
                     "/srv/wp-includes/http.php:3 - /srv/wp-includes/http.php");
}

TEST(of_no_script)
{
    begin();
    ck_assert_str_eq(asked(), "");
}

/* As PHP's own functions say it. */
TEST(of_a_version_that_nobody_checked)
{
    script();
    version = "Zend Engine v4.3.1, Copyright";
    ck_assert_str_eq(asked(), INNERMOST);
}

TEST(by_wrong_offsets)
{
    const char *wrong[] = {"Zend Engine v3.4.33", "Zend Engine v4.4.1",
                           "Zend Engine v4.5.7"};

    for (int i = 0; i < 3; i++) {
        script();
        version = wrong[i];
        ck_assert_str_eq(asked(), INNERMOST);
        /* A file may stand there, but not the one that calls. */
        for (int k = 0; k < count; k++)
            memcpy((char *)&functions[k] + (i ? 168 : 136),
                   &(void *){&files[5]}, sizeof(void *));
        ck_assert_str_eq(asked(), INNERMOST);
    }
}

/* Each of the pointers, and a text whose end is not there. */
TEST(past_what_nobody_may_read)
{
    char *page =
        mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *half = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    const void *ends[] = {page,
                          page + PAGE - 8,
                          half + PAGE - 8,
                          NULL,
                          (void *)8,
                          (void *)-8,
                          (void *)((uintptr_t)1 << 62)};
    struct text *cut = (struct text *)(half + PAGE - 32);

    ck_assert(page != MAP_FAILED && half != MAP_FAILED);
    ck_assert_int_eq(mprotect(half + PAGE, PAGE, PROT_NONE), 0);
    for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
        script();
        memcpy(executor_globals + CURRENT, &ends[i], sizeof(void *));
        ck_assert_str_eq(asked(), INNERMOST);
        if (!ends[i])
            continue;
        script();
        frames[2].previous = ends[i];
        ck_assert_str_eq(asked(), INNERMOST);
        script();
        frames[2].function = ends[i];
        ck_assert_str_eq(asked(), INNERMOST);
        script();
        functions[5].file = ends[i];
        ck_assert_str_eq(asked(), INNERMOST);
        script();
        frames[3].at = ends[i];
        functions[3].scope = ends[i];
        ck_assert_str_eq(asked(), "/srv/shop/src/Chat.php:0 - "
                                  "/srv/shop/public/index.php");
        script();
        functions[3].name = ends[i];
        functions[3].scope = &class;
        ck_assert_str_eq(asked(), "/srv/shop/src/Chat.php:20 - "
                                  "/srv/shop/public/index.php");
    }
    script();
    memcpy(cut, &files[5], 32);
    functions[5].file = cut;
    ck_assert_str_eq(asked(), INNERMOST);
}

/* How deep it goes is not known, and so not where it came from. */
TEST(of_a_deep_stack)
{
    begin();
    for (int i = 0; i < 63; i++)
        push("/srv/a.php", 2, "a");
    push("/srv/index.php", 1, NULL);
    ck_assert_str_eq(asked(), "/srv/a.php:2 a /srv/index.php");
    for (int i = 0; i < 20; i++)
        push("/srv/index.php", 1, NULL);
    ck_assert_str_eq(asked(), "/srv/a.php:2 a -");
    frames[count - 1].previous = frames;
    ck_assert_str_eq(asked(), "/srv/a.php:2 a -");
}

static const char *of_file(const char *file)
{
    begin();
    push(file, 7, NULL);
    return asked();
}

TEST(as_it_may_be_told)
{
    char deep[512];

    ck_assert_str_eq(of_file("/home"
                             "/jane/a.php"),
                     "~/a.php:7 - ~/a.php");
    ck_assert_str_eq(of_file("/root/a.php"), "~/a.php:7 - ~/a.php");
    llmobs_script_frames_init("/srv/jane");
    ck_assert_str_eq(of_file("/srv/jane/a.php"), "~/a.php:7 - ~/a.php");
    llmobs_script_frames_init(NULL);
    ck_assert_str_eq(of_file("/rooted/a.php"),
                     "/rooted/a.php:7 - /rooted/a.php");
    ck_assert_str_eq(of_file("/a.php(12) : eval()'d code(3) : eval()'d code"),
                     "/a.php:12 - /a.php");
    ck_assert_str_eq(of_file("/a(5) : b.php"), "-:0 - -");
    ck_assert_str_eq(of_file("Command line code"),
                     "Command line code:7 - Command line code");
    ck_assert_str_eq(of_file("phar:///x.phar/a.php"),
                     "phar:///x.phar/a.php:7 - phar:///x.phar/a.php");
    ck_assert_str_eq(of_file("phar:///home"
                             "/jane/x.phar/a.php"),
                     "phar://~/x.phar/a.php:7 - phar://~/x.phar/a.php");
    ck_assert_str_eq(of_file("/my site/a.php"), "-:0 - -");
    ck_assert_str_eq(of_file("data:text/plain,echo"), "-:0 - -");
    ck_assert_str_eq(of_file("a.php"), "-:0 - -");
    ck_assert_str_eq(of_file("/caf\xc3\xa9/a.php"), "-:0 - -");
    ck_assert_ptr_null(
        strstr(of_file("/srv/sk-Zq7fUnspeakable9Xw2/a.php"), "Unspeakable"));
    memset(deep, 'x', sizeof(deep) - 1);
    deep[0] = '/';
    deep[sizeof(deep) - 2] = '\0';
    ck_assert_int_eq(strncmp(of_file(deep), "/xxx", 4), 0);
    begin();
    push("/srv/a.php", 7, deep);
    ck_assert_str_eq(asked(), "/srv/a.php:7 - /srv/a.php");
}

static void *ask_aside(void *arg)
{
    *(const char **)arg = asked();
    return NULL;
}

/* The first question may come from another thread. */
TEST(of_the_thread_that_runs_it)
{
    const char *said = NULL;
    pthread_t thread;

    for (int i = 0; i < 2; i++) {
        script();
        ck_assert_int_eq(pthread_create(&thread, NULL, ask_aside, &said), 0);
        pthread_join(thread, NULL);
        ck_assert_str_eq(said, "");
        ck_assert_int_eq(strncmp(asked(), "/srv", 4), 0);
    }
}
