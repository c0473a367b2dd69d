/* Says which destination accepts nothing, and what waits for which. */
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
#include "core/export/peer.h"
#include "core/export/reason.h"
#include "core/ledger/ledger.h"
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

/* True where the words of llmobs_config_place name the answer's place. At an
 * intake each kind of event has a host of its own. */
static bool names(const char *words, const struct llmobs_answer *one)
{
    const char *site = strchr(one->place, '.'), *at = words;
    bool intake = strcmp(one->exporter, "agentless") == 0 && site;
    const char *place = intake ? site : one->place;

    if (*words == '\0' || strcmp(words, "auto") == 0)
        return true;
    while (*place != '\0' && (at = strstr(at, place)) != NULL) {
        at += strlen(place);
        if (strchr(" ,", *at))
            return true;
    }
    return false;
}

/* True where events wait in memory alone, so that nothing says for what. */
static bool has_unspooled(const struct llmobs_config *config,
                          const struct llmobs_adopt_counts *spool)
{
    struct llmobs_ledger ledger;
    char dir[PATH_MAX];

    return llmobs_ledger_dir(config, dir, sizeof(dir)) == 0 &&
           llmobs_ledger_read(dir, &ledger) == 0 &&
           llmobs_counts_merge(&ledger.ended, &ledger.living) == 0 &&
           (llmobs_counts_get(&ledger.living, LLMOBS_LEDGER_PENDING) >
                spool->living ||
            llmobs_ledger_fallen(&ledger.ended) > 0);
}

void llmobs_destinations_look(const struct llmobs_config *config,
                              struct llmobs_adopt_counts *out)
{
    struct llmobs_adopt *adopt =
        llmobs_adopt_new(config, LLMOBS_ADOPT_ANY, NULL);

    if (!adopt || llmobs_adopt_count(adopt, out) != 0)
        memset(out, 0, sizeof(*out));
    llmobs_adopt_free(adopt);
}

void llmobs_destinations_read(const struct llmobs_config *config,
                              struct llmobs_destinations *out)
{
    char path[PATH_MAX];
    int dir = -1, unspooled = -1;
    unsigned to = llmobs_exporters_named(config->exporter, NULL);

    memset(out, 0, sizeof(*out));
    llmobs_destinations_look(config, &out->spool);
    out->relay = llmobs_relay_find(config);
    if (llmobs_config_base_dir(config, "", path, sizeof(path)) == 0 &&
        llmobs_dirs_open(path, config->store_dir != NULL, false, &dir) == 0) {
        llmobs_answers_read(dir, out->answers);
        close(dir);
    }
    for (size_t i = 0; i < LLMOBS_ANSWERS; i++) {
        struct llmobs_answer *one = &out->answers[i];
        const struct llmobs_adopt_place *place = out->spool.places;
        const struct llmobs_adopt_place *end = place + LLMOBS_ADOPT_PLACES;

        while (place < end &&
               !(place->ended + place->living > 0 && names(place->name, one)))
            place++;
        if (one->since_ns == 0 || place < end)
            continue;
        if (unspooled < 0)
            unspooled = has_unspooled(config, &out->spool);
        if (!unspooled)
            one->since_ns = 0;
    }
    /* By auto spans go to the store where no destination has ever answered. */
    if ((to == 0 || to & LLMOBS_EXPORTER_STORE ||
         (to & LLMOBS_EXPORTER_AUTO && out->answers[0].form[0] == '\0')) &&
        llmobs_config_store_dir(config, path, sizeof(path)) == 0)
        add_place(out->answers, "store", path);
    if (config->spool_max > 0 &&
        llmobs_spool_dir(config, path, sizeof(path)) == 0)
        add_place(out->answers, "spool", path);
}

static void take_earlier(int64_t *oldest_ns, int64_t ns)
{
    if (ns > 0 && (*oldest_ns == 0 || ns < *oldest_ns))
        *oldest_ns = ns;
}

void llmobs_destinations_add(struct llmobs_destinations *to,
                             const struct llmobs_destinations *more)
{
    const struct llmobs_adopt_counts *spool = &more->spool;

    to->spool.ours += spool->ours;
    to->spool.others += spool->others;
    to->spool.living += spool->living;
    to->spool.set_aside += spool->set_aside;
    to->spool.unreadable += spool->unreadable;
    to->spool.versions += spool->versions;
    take_earlier(&to->spool.oldest_ns, spool->oldest_ns);
    if (to->relay < more->relay)
        to->relay = more->relay;
    for (size_t i = 0, at = 0; i < LLMOBS_ADOPT_PLACES; i++, at = 0) {
        const struct llmobs_adopt_place *from = &spool->places[i];
        struct llmobs_adopt_place *place = to->spool.places;

        if (from->ended + from->living == 0)
            continue;
        while (at < LLMOBS_ADOPT_PLACES - 1 &&
               place[at].ended + place[at].living > 0 &&
               (place[at].ours != from->ours ||
                strcmp(place[at].name, from->name) != 0))
            at++;
        place += at;
        if (place->ended + place->living == 0) {
            memcpy(place->name, from->name, sizeof(place->name));
            place->ours = from->ours;
        } else if (strcmp(place->name, from->name) != 0) {
            place->name[0] = '\0'; /* the last one has all beyond it */
        }
        place->ended += from->ended;
        place->living += from->living;
        take_earlier(&place->oldest_ns, from->oldest_ns);
    }
    for (size_t i = 0, at = 0; i < LLMOBS_ANSWERS; i++, at = 0) {
        const struct llmobs_answer *from = &more->answers[i];
        struct llmobs_answer *one = to->answers;

        while (at < LLMOBS_ANSWERS && one[at].form[0] != '\0' &&
               (strcmp(one[at].exporter, from->exporter) != 0 ||
                strcmp(one[at].place, from->place) != 0))
            at++;
        if (from->form[0] != '\0' && at < LLMOBS_ANSWERS &&
            (one[at].form[0] == '\0' || one[at].since_ns == 0))
            one[at] = *from;
    }
}

/* -- what waits ------------------------------------------------------------ */

/* The command that sends what waits for the place: there, or where this
 * environment names a destination if nothing is accepted there. */
static void write_remedy(const struct llmobs_adopt_place *place,
                         const struct llmobs_config *config, bool fails,
                         char out[LLMOBS_DESTINATION_WHY])
{
    static const char host[] = "://llmobs-intake.";
    const char *url = strchr(place->name, ' '), *to = place->name, *site;
    int len = url ? (int)strcspn(++url, " ,") : 0;
    bool otlp = strncmp(to, "otlp ", 5) == 0;
    bool named = config->exporter && !strpbrk(config->exporter, ", ") &&
                 strcmp(config->exporter, "auto") != 0;
    struct llmobs_buf own;

    llmobs_buf_init(&own, LLMOBS_OWNER_PLACE);
    site = strstr(to, host);
    site = site ? site + strlen(host) : "";
    if (fails && llmobs_config_place(config, &own) == 0 && own.len > 0 &&
        strcmp(own.data, "auto") != 0)
        to = own.data, site = "", otlp = false;
    else if (strncmp(to, "agent ", 6) == 0)
        to = url;
    if (place->ours)
        snprintf(out, LLMOBS_DESTINATION_WHY, "llmobs drain");
    else if (!url || strncmp(to, "auto", 4) == 0)
        snprintf(out, LLMOBS_DESTINATION_WHY, "llmobs drain --to %s",
                 named ? config->exporter : "store");
    else
        snprintf(out, LLMOBS_DESTINATION_WHY,
                 "%s%.*s%sllmobs drain --to %.*s --for %.*s",
                 otlp    ? "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT="
                 : *site ? "DD_SITE="
                         : "",
                 otlp ? len : (int)strcspn(site, " ,"), otlp ? url : site,
                 otlp    ? " "
                 : *site ? " DD_API_KEY=... "
                         : "",
                 (int)strcspn(to, " ,"), to, len, url);
    llmobs_buf_fini(&own);
}

bool llmobs_destinations_say(const struct llmobs_destinations *all, size_t row,
                             const struct llmobs_config *config,
                             char out[LLMOBS_DESTINATION_TEXT])
{
    const struct llmobs_adopt_place *place =
        &all->spool.places[row < LLMOBS_ANSWERS ? 0 : row - LLMOBS_ANSWERS];
    uint64_t count = place->ended + place->living;
    char since[LLMOBS_DESTINATION_TIME], again[LLMOBS_DESTINATION_TIME];
    char remedy[LLMOBS_DESTINATION_WHY];
    int64_t next_ns = 0, down_ns;
    bool fails = false, left = place->ended > 0;

    if (row < LLMOBS_ANSWERS)
        return llmobs_destination_fails(&all->answers[row], out);
    for (size_t i = 0; i < LLMOBS_ANSWERS; i++) {
        const struct llmobs_answer *one = &all->answers[i];

        if (one->since_ns <= 0 || !names(place->name, one))
            continue;
        fails = true;
        down_ns = one->last_ns + LLMOBS_PEER_DOWN_MS * LLMOBS_NS_PER_MS;
        if (one->error == -ETIMEDOUT && down_ns > llmobs_clock_wall_ns())
            next_ns = down_ns;
    }
    if (!left && (count == 0 || !fails))
        return false;
    write_remedy(place, config, fails, remedy);
    snprintf(out, LLMOBS_DESTINATION_TEXT,
             "%" PRIu64 " call%s in the spool since %s%s%s; next try: %s%s%s%s"
             "%s%s",
             count, count == 1 ? " waits" : "s wait",
             llmobs_destination_time(place->oldest_ns, since),
             place->name[0] ? " for " : "", place->name,
             !place->ours                    ? "with a call for it"
             : all->relay == LLMOBS_RELAY_UP ? "by the relay"
             : !left                         ? "by the program that made them"
                                             : "with a program that goes on",
             next_ns > 0 ? " from " : "",
             next_ns > 0 ? llmobs_destination_time(next_ns, again) : "",
             left ? "; now: `" : "", left ? remedy : "", left ? "`" : "");
    return true;
}

void llmobs_destinations_tell(const char *command,
                              const struct llmobs_config *config, bool sent)
{
    char text[LLMOBS_DESTINATION_TEXT], time[LLMOBS_DESTINATION_TIME];
    struct llmobs_destinations all;
    const struct llmobs_answer *one = all.answers;

    llmobs_destinations_read(config, &all);
    for (; sent && one < all.answers + LLMOBS_ANSWERS; one++)
        if (one->accepted_ns > 0)
            llmobs_tell("%s: %" PRIu64 " went to %s, the last at %s to %s\n",
                        command, one->accepted, one->exporter,
                        llmobs_destination_time(one->accepted_ns, time),
                        one->place);
    for (size_t i = 0; i < LLMOBS_DESTINATIONS_ROWS; i++)
        if (llmobs_destinations_say(&all, i, config, text))
            llmobs_tell("%s: %s\n", command, text);
}
