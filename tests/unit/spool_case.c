/* Makes a spool for each test. */
#include "tests/unit/spool_case.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/stats.h"
#include "core/log/spool_file.h"
#include "core/log/spool_state.h"
#include "core/trace/carrier.h"
#include "tests/unit/context_case.h"

#define ABANDONED_MAX 4

char base[UNIT_DIRECTORY], place[96];
static char stored[96];
struct llmobs_config config;
struct llmobs_spool *spool;
struct llmobs_adopt *adopt;
static struct llmobs_rules *rules;

static const char body[] = "{\"model\":\"m\",\"messages\":[{\"role\":\"user\","
                           "\"content\":\"hello\"}]}";

void spool_begin(void)
{
    const struct llmobs_rules_config any = {.proxy_urls = NULL};

    unit_directory(base);
    snprintf(stored, sizeof(stored), "%s/store", base);
    snprintf(place, sizeof(place), "%s/spool", base);
    config = context_base;
    config.store_dir = stored;
    config.spool_dir = place;
    config.spool_max = 64 << 20;
    config.api_key = NULL;
    llmobs_stats_reset();
    spool = llmobs_spool_new(&config);
    adopt = llmobs_adopt_new(&config, LLMOBS_ADOPT_SAME, NULL);
    rules = llmobs_rules_new(&any);
    ck_assert(spool && adopt && rules);
}

/* Those of tests whose thread goes on, as a process leaves them at its exit. */
static struct {
    struct llmobs_spool *spool;
    struct llmobs_adopt *adopt;
    struct llmobs_rules *rules;
} abandoned[ABANDONED_MAX];
static size_t abandoned_count;

void spool_abandon(void)
{
    ck_assert_uint_lt(abandoned_count, ABANDONED_MAX);
    abandoned[abandoned_count].spool = spool;
    abandoned[abandoned_count].adopt = adopt;
    abandoned[abandoned_count++].rules = rules;
    spool = NULL;
    adopt = NULL;
    rules = NULL;
}

void spool_end(void)
{
    llmobs_spool_free(spool);
    llmobs_adopt_free(adopt);
    llmobs_rules_free(rules);
    unit_remove(base);
}

struct llmobs_exchange *spool_make(size_t more)
{
    struct llmobs_exchange *e = llmobs_exchange_new(64 << 20);
    struct llmobs_request asked = {
        .method = "POST",
        .url = "https://api.openai.com/v1/chat/completions",
        .content_type = "application/json",
        .body = {body, sizeof(body) - 1}};
    char *blanks = malloc(more + 1);

    ck_assert(e && blanks);
    ck_assert(llmobs_rules_match(rules, &asked, &e->match));
    e->url = strdup(asked.url);
    llmobs_context_root(&e->context, &config);
    ck_assert_int_eq(llmobs_body_add(&e->request, body, sizeof(body) - 1), 0);
    memset(blanks, ' ', more);
    llmobs_exchange_received(e, blanks, more);
    free(blanks);
    return e;
}

struct llmobs_spooled spool_keep(size_t more)
{
    struct llmobs_exchange *e = spool_make(more);
    struct llmobs_spooled spooled;

    ck_assert_int_eq(llmobs_spool_begin(spool, e, LLMOBS_STAGE_START), 0);
    ck_assert_int_eq(llmobs_spool_begin(spool, e, LLMOBS_STAGE_BEGIN), 0);
    ck_assert_int_eq(llmobs_spool_end(spool, e), 0);
    spooled = e->item.spooled;
    ck_assert_uint_eq(spooled.id, e->context.span_id);
    llmobs_exchange_free(e);
    return spooled;
}

struct llmobs_spooled spool_keep_patiently(size_t more)
{
    const struct timespec moment = {0, 1000000};
    struct llmobs_exchange *e = spool_make(more);
    struct llmobs_spooled spooled;
    int rc;

    (void)llmobs_spool_begin(spool, e, LLMOBS_STAGE_START);
    (void)llmobs_spool_begin(spool, e, LLMOBS_STAGE_BEGIN);
    while ((rc = llmobs_spool_end(spool, e)) == -EBUSY) {
        e->context.span_id++; /* that one was cancelled */
        nanosleep(&moment, NULL);
    }
    ck_assert_int_eq(rc, 0);
    spooled = e->item.spooled;
    llmobs_exchange_free(e);
    return spooled;
}

const char *spool_prefix(void)
{
    return atomic_load(&spool->state) == LLMOBS_SPOOL_READY ? spool->prefix
                                                            : "";
}

/* These two read the directory themselves: shells that do take longer than what
 * a test is about. */
int spool_files(void)
{
    const char *prefix = strrchr(spool_prefix(), '/');
    DIR *dir = opendir(place);
    struct dirent *entry;
    char name[64];
    int count = 0;

    snprintf(name, sizeof(name), "%s-", prefix ? prefix + 2 : "none");
    while (dir && (entry = readdir(dir)))
        count += strstr(entry->d_name, name) != NULL;
    if (dir)
        closedir(dir);
    return count;
}

int spool_dirs(void)
{
    static char names[512][64];
    DIR *dir = opendir(place);
    struct dirent *entry;
    int count = 0;

    while (dir && (entry = readdir(dir))) {
        char *name = entry->d_name, *number;
        int i = 0;

        if (!strchr("ocr", name[0]) || name[1] != '.')
            continue;
        name = strrchr(name, '.') + 1;
        number = strrchr(name, '-');
        if (number && number[1 + strspn(number + 1, "0123456789")] == '\0')
            *number = '\0';
        while (i < count && strcmp(names[i], name) != 0)
            i++;
        ck_assert_int_lt(i, 512);
        if (i == count)
            snprintf(names[count++], sizeof(*names), "%s", name);
    }
    if (dir)
        closedir(dir);
    return count;
}

void spool_in_dead(void (*run)(void))
{
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        llmobs_spool_reset(spool);
        run();
        _exit(0);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
}

unsigned calls, killed, events;
struct llmobs_adopted last;

void spool_adopt_all(bool let_go)
{
    calls = killed = events = 0;
    while (llmobs_adopt_next(adopt, &last) == 1) {
        calls += last.item->type == LLMOBS_ITEM_EXCHANGE;
        killed += last.killed;
        events += last.item->type == LLMOBS_ITEM_EVENT;
        llmobs_item_free(last.item);
        if (let_go)
            llmobs_adopt_release(adopt, &last.spooled, 1);
        else
            llmobs_adopt_return(adopt, &last.spooled);
    }
}
