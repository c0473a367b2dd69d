/* Makes ledgers and processes for tests. */
#include "tests/unit/ledger_case.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/ledger/ledger_dir.h"
#include "lib/base/stats.h"

char ledger_base[UNIT_DIRECTORY], ledger_at[128];
struct llmobs_config ledger_config;
struct llmobs_ledger ledger_seen;

void ledger_begin(void)
{
    unit_directory(ledger_base);
    snprintf(ledger_at, sizeof(ledger_at), "%s/stats", ledger_base);
    ledger_config = (struct llmobs_config){.store_dir = ledger_base};
    llmobs_stats_reset();
    llmobs_ledger_reset();
}

void ledger_end(void)
{
    unit_remove(ledger_base);
}

void ledger_count(uint64_t captured, uint64_t delivered)
{
    llmobs_stats_add(LLMOBS_STAT_captured, captured);
    llmobs_stats_add(LLMOBS_STAT_delivered, delivered);
}

/* Runs in a child, which ends without any handler. */
pid_t ledger_fork(void (*run)(void))
{
    pid_t pid = fork();

    if (pid == 0) {
        llmobs_stats_reset(); /* as the worker does */
        run();
        _exit(0);
    }
    ck_assert_int_gt(pid, 0);
    return pid;
}

void ledger_in_child(void (*run)(void))
{
    int status;

    ck_assert_int_gt(waitpid(ledger_fork(run), &status, 0), 0);
    ck_assert_int_eq(status, 0);
}

/* How many files the ledger has, and the name of one record of them. */
size_t ledger_files(char record[256])
{
    struct llmobs_process_id owner;
    DIR *list = opendir(ledger_at);
    struct dirent *entry;
    size_t n = 0;

    while (list && (entry = readdir(list)) != NULL) {
        if (record && llmobs_process_id_parse(entry->d_name, &owner))
            snprintf(record, 256, "%s", entry->d_name);
        n += entry->d_name[0] != '.';
    }
    if (list)
        closedir(list);
    return n;
}

uint64_t ledger_ended(const char *name)
{
    return llmobs_counts_get(&ledger_seen.ended, name);
}

uint64_t ledger_living(const char *name)
{
    return llmobs_counts_get(&ledger_seen.living, name);
}

void ledger_look(void)
{
    ck_assert_int_eq(llmobs_ledger_read(ledger_at, &ledger_seen), 0);
}

bool ledger_adds_up(const struct llmobs_counts *counts)
{
    uint64_t sum = llmobs_counts_get(counts, "pending");

    for (size_t i = 0; i < counts->len; i++)
        if (llmobs_stats_is_outcome_name(counts->list[i].name))
            sum += counts->list[i].value;
    return sum == llmobs_counts_get(counts, "captured");
}

void ledger_live_and_close(void)
{
    ledger_count(4, 3);
    llmobs_stats_add(LLMOBS_STAT_unconfirmed, 1);
    llmobs_ledger_record(&ledger_config, false);
    llmobs_ledger_close(&ledger_config);
}

void ledger_live_and_die(void)
{
    ledger_count(4, 1);
    llmobs_ledger_record(&ledger_config, false);
}

struct llmobs_page ledger_page_of_mine(void)
{
    struct llmobs_page page;

    memset(&page, 0, sizeof(page));
    llmobs_process_namespace(&page.boot, &page.pidns);
    llmobs_counts_add(&page.counts, "captured", 1);
    llmobs_counts_add(&page.counts, "pending", 1);
    return page;
}
