#include "cli/shared/destinations.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/shared/new_file.h"
#include "cli/shared/tell.h"
#include "core/config/state_dir.h"
#include "core/export/reason.h"
#include "core/log/ledger.h"
#include "core/log/spool_file.h"
#include "lib/base/clock.h"
#include "lib/base/dirs.h"

#define NS_PER_S (1000 * LLMOBS_NS_PER_MS)
#define DAY_NS (86400 * NS_PER_S)

void llmobs_destination_why(const struct llmobs_answer *answer,
                            char out[LLMOBS_DESTINATION_WHY])
{
    const char *reason = llmobs_reason(answer),
               *cause = strerror(-answer->error);

    if (answer->status != 0)
        snprintf(out, LLMOBS_DESTINATION_WHY, "status %d: %s", answer->status,
                 reason);
    else if (answer->error == -EPROTO || strncmp(reason, "it", 2) == 0)
        snprintf(out, LLMOBS_DESTINATION_WHY, "%s", reason);
    else
        snprintf(out, LLMOBS_DESTINATION_WHY, "%s: %s",
                 answer->error == -EHOSTUNREACH
                     ? "no address is known for its name"
                 : answer->error == -ENOTCONN ? "no libcurl.so.4 to send by"
                                              : cause,
                 reason);
}

const char *llmobs_destination_time(int64_t ns,
                                    char out[LLMOBS_DESTINATION_TIME])
{
    time_t seconds = (time_t)(ns / NS_PER_S);
    struct tm tm;

    if (ns <= 0 || !localtime_r(&seconds, &tm) ||
        strftime(out, LLMOBS_DESTINATION_TIME, "%Y-%m-%d %H:%M:%S", &tm) == 0)
        return "an unknown time";
    return out;
}

bool llmobs_destination_fails(const struct llmobs_answer *answer,
                              char out[LLMOBS_DESTINATION_TEXT])
{
    char why[LLMOBS_DESTINATION_WHY], time[LLMOBS_DESTINATION_TIME];

    if (answer->since_ns == 0 ||
        llmobs_clock_wall_ns() - answer->last_ns >= DAY_NS)
        return false;
    llmobs_destination_why(answer, why);
    if (answer->since_ns < 0)
        snprintf(out, LLMOBS_DESTINATION_TEXT, "%s %s cannot be written: %s",
                 answer->exporter, answer->place, why);
    else
        snprintf(out, LLMOBS_DESTINATION_TEXT,
                 "%s %s has accepted nothing since %s: %s", answer->exporter,
                 answer->place, llmobs_destination_time(answer->since_ns, time),
                 why);
    return true;
}

/* Adds a directory that cannot be written, and so cannot hold that as a note.
 */
static void add_place(struct llmobs_answer out[LLMOBS_ANSWERS],
                      const char *name, const char *dir)
{
    struct llmobs_answer place = {.form = "now", .since_ns = -1};
    int at = 0;

    while (at < LLMOBS_ANSWERS - 1 && out[at].form[0] != '\0')
        at++;
    place.error = -llmobs_new_file_why_not(dir);
    place.last_ns = llmobs_clock_wall_ns();
    snprintf(place.exporter, sizeof(place.exporter), "%s", name);
    snprintf(place.place, sizeof(place.place), "%.*s",
             (int)sizeof(place.place) - 1, dir);
    if (place.error != 0)
        out[at] = place;
}

/* By auto spans go to the store where no destination has ever answered. */
static void add_places(const struct llmobs_config *config,
                       struct llmobs_answer out[LLMOBS_ANSWERS])
{
    unsigned names = llmobs_exporters_named(config->exporter, NULL);
    char dir[PATH_MAX];

    if ((names == 0 || names & LLMOBS_EXPORTER_STORE ||
         (names & LLMOBS_EXPORTER_AUTO && out[0].form[0] == '\0')) &&
        llmobs_config_store_dir(config, dir, sizeof(dir)) == 0)
        add_place(out, "store", dir);
    if (config->spool_max > 0 &&
        llmobs_spool_dir(config, dir, sizeof(dir)) == 0)
        add_place(out, "spool", dir);
}

void llmobs_destinations_read(const struct llmobs_config *config,
                              struct llmobs_answer out[LLMOBS_ANSWERS])
{
    char path[PATH_MAX];
    int dir = -1;

    memset(out, 0, LLMOBS_ANSWERS * sizeof(*out));
    if (llmobs_config_base_dir(config, "", path, sizeof(path)) == 0 &&
        llmobs_dirs_open(path, config->store_dir != NULL, false, &dir) == 0) {
        llmobs_answers_read(dir, out);
        close(dir);
    }
    add_places(config, out);
}

/* How many events the exporter of that name has delivered. */
static uint64_t count_sent(const struct llmobs_config *config, const char *name)
{
    char dir[PATH_MAX], counter[LLMOBS_COUNTS_NAME_MAX];
    struct llmobs_ledger ledger;

    snprintf(counter, sizeof(counter), "sent_%s", name);
    if (llmobs_ledger_dir(config, dir, sizeof(dir)) != 0 ||
        llmobs_ledger_read(dir, &ledger) != 0)
        return 0;
    return llmobs_counts_get(&ledger.ended, counter) +
           llmobs_counts_get(&ledger.living, counter);
}

void llmobs_destinations_tell(const char *command,
                              const struct llmobs_config *config, bool sent)
{
    char text[LLMOBS_DESTINATION_TEXT], time[LLMOBS_DESTINATION_TIME];
    struct llmobs_answer answers[LLMOBS_ANSWERS], *one = answers;

    llmobs_destinations_read(config, answers);
    for (; one < answers + LLMOBS_ANSWERS; one++) {
        if (sent && one->accepted_ns > 0)
            llmobs_tell(
                "%s: %" PRIu64 " went to %s, the last at %s to %s\n", command,
                count_sent(config, one->exporter), one->exporter,
                llmobs_destination_time(one->accepted_ns, time), one->place);
        if (llmobs_destination_fails(one, text))
            llmobs_tell("%s: %s\n", command, text);
    }
}
