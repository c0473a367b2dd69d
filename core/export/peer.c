/* Remembers which destinations do not answer, for all processes. */
#include "core/export/peer.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/answers.h"
#include "lib/base/clock.h"
#include "lib/base/dirs.h"
#include "lib/base/file.h"
#include "lib/span/allowlist.h"
#include "core/config/state_dir.h"

#define NAME_SIZE 32
/* A send to a peer that is marked as down is tried again after this time. */
#define AVOID_MS 1000
#define DAY_NS (INT64_C(86400) * 1000 * LLMOBS_NS_PER_MS)

/* Makes the name by a hash (FNV-1a), so that it does not show the URL, which
 * may hold a password. */
static void name_of(const char *url, char out[NAME_SIZE])
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (; *url; url++)
        hash = (hash ^ (unsigned char)*url) * UINT64_C(0x100000001b3);
    snprintf(out, NAME_SIZE, "dead-%016" PRIx64, hash);
}

static int open_base(const struct llmobs_config *config, bool make, int *dir)
{
    bool chosen = config->store_dir != NULL;
    char path[PATH_MAX];
    int rc = llmobs_config_base_dir(config, "", path, sizeof(path));

    if (rc)
        return rc;
    return make ? llmobs_dirs_have(path, chosen, dir)
                : llmobs_dirs_open(path, chosen, false, dir);
}

void llmobs_peer_mark_down(const struct llmobs_config *config, const char *url)
{
    char name[NAME_SIZE];
    int dir, fd;

    if (open_base(config, true, &dir))
        return;
    name_of(url, name);
    fd = llmobs_file_open(dir, name, O_WRONLY);
    if (fd >= 0) {
        futimens(fd, NULL);
        close(fd);
    }
    close(dir);
}

/* How long ago the peer was marked; INT64_MAX: it is not marked. A marker from
 * the future does not count: the clock was set back. */
static int64_t age_of_mark(const struct llmobs_config *config, const char *url)
{
    char name[NAME_SIZE];
    struct stat st;
    int64_t age;
    int dir, rc;

    if (open_base(config, false, &dir))
        return INT64_MAX;
    name_of(url, name);
    rc = fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW);
    close(dir);
    if (rc || !S_ISREG(st.st_mode) ||
        (st.st_uid != geteuid() && st.st_uid != 0))
        return INT64_MAX;
    age = llmobs_clock_wall_ns() - llmobs_clock_ns(st.st_mtim);
    return age > -1000 * LLMOBS_NS_PER_MS ? age : INT64_MAX;
}

static bool is_fresh(int64_t age)
{
    return age < LLMOBS_PEER_DOWN_MS * LLMOBS_NS_PER_MS;
}

void llmobs_peer_unmark(const struct llmobs_config *config, const char *url)
{
    char name[NAME_SIZE];
    int dir;

    if (open_base(config, false, &dir))
        return;
    name_of(url, name);
    unlinkat(dir, name, 0);
    close(dir);
}

/* -- peers --------------------------------------------------------------- */

bool llmobs_peer_may_ask(struct llmobs_peer *peer)
{
    int64_t age;

    if (peer->silent_ns && is_fresh(llmobs_clock_mono_ns() - peer->silent_ns))
        return false;
    if (peer->asks_for_all)
        return true;
    age = age_of_mark(peer->config, peer->url);
    peer->marked = age != INT64_MAX;
    if (is_fresh(age))
        return false;
    peer->asks_for_all = peer->marked;
    if (peer->asks_for_all)
        llmobs_peer_mark_down(peer->config, peer->url);
    return true;
}

/* Removes the marker, unless another process has made it since the last look.
 */
static void unmark(struct llmobs_peer *peer)
{
    if (peer->marked)
        llmobs_peer_unmark(peer->config, peer->url);
    peer->marked = false;
}

int llmobs_peer_begin(struct llmobs_peer *peer)
{
    struct llmobs_exporter *exporter = peer->exporter;
    bool awaited = exporter->phase != LLMOBS_PHASE_RUNNING;
    bool silent = !llmobs_peer_may_ask(peer);
    bool first = !peer->tried;

    peer->tried = true;
    if (silent && (first || awaited)) {
        exporter->retry_ms = AVOID_MS;
        return -EHOSTDOWN;
    }
    atomic_store(&exporter->silent, silent);
    return 0;
}

void llmobs_peer_answered(struct llmobs_peer *peer)
{
    atomic_store(&peer->exporter->silent, false);
    peer->silent_ns = 0;
    peer->asks_for_all = false;
    unmark(peer);
}

bool llmobs_peer_failed(struct llmobs_peer *peer, int rc, int64_t began_ns,
                        int64_t enough_ms)
{
    int64_t now = llmobs_clock_mono_ns();
    bool cut = rc == -ECANCELED &&
               now - began_ns >= enough_ms * LLMOBS_NS_PER_MS &&
               llmobs_exporter_was_cut(peer->exporter);

    if (rc != -ETIMEDOUT && !cut) {
        if (peer->asks_for_all && rc != -ECANCELED && rc != -ENOTCONN)
            unmark(peer);
        return false;
    }
    atomic_store(&peer->exporter->silent, true);
    peer->silent_ns = now;
    peer->asks_for_all = false;
    peer->marked = true;
    llmobs_peer_mark_down(peer->config, peer->url);
    return true;
}

void llmobs_peer_note(const struct llmobs_peer *peer, const char *exporter,
                      long status, int error, int code, size_t accepted)
{
    struct llmobs_answer answer = {.status = (int)status,
                                   .error = error,
                                   .code = code,
                                   .named = (int32_t)peer->config->agent_named,
                                   .accepted = accepted};
    char *place = llmobs_allowlist_url_copy(peer->url);
    int dir;

    if (place && open_base(peer->config, true, &dir) == 0) {
        snprintf(answer.exporter, sizeof(answer.exporter), "%s", exporter);
        snprintf(answer.place, sizeof(answer.place), "%s", place);
        llmobs_answers_put(dir, &answer);
        close(dir);
    }
    free(place);
}

bool llmobs_peer_was_there(const struct llmobs_peer *peer, const char *exporter)
{
    struct llmobs_answer *list = calloc(LLMOBS_ANSWERS, sizeof(*list));
    char *place = llmobs_allowlist_url_copy(peer->url);
    int64_t since = llmobs_clock_wall_ns() - DAY_NS;
    bool was = false;
    int dir;

    if (list && place && open_base(peer->config, false, &dir) == 0) {
        llmobs_answers_read(dir, list);
        close(dir);
    }
    for (size_t i = 0; i < LLMOBS_ANSWERS && list && place; i++) {
        llmobs_answer_limit(&list[i]);
        was |= strcmp(list[i].exporter, exporter) == 0 &&
               strcmp(list[i].place, place) == 0 && list[i].accepted_ns > since;
    }
    free(place);
    free(list);
    return was;
}

void llmobs_peer_forget(struct llmobs_peer *peer)
{
    peer->tried = peer->marked = peer->asks_for_all = false;
    peer->silent_ns = 0;
    atomic_store(&peer->exporter->silent, false);
}
