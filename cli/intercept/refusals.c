/* Reads and writes the file of clients that refused a certificate. */
#include "cli/intercept/refusals.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/config/state_dir.h"
#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/file.h"
#include "lib/base/log.h"
#include "lib/base/mix.h"

#define FILE_MAX ((size_t)256 * 1024)
#define PLACES 256
#define COUNTS_NS (INT64_C(30) * 86400 * 1000000000)

bool llmobs_refusals_path(const struct llmobs_config *config,
                          char path[PATH_MAX])
{
    return llmobs_config_base_dir(config, "/intercept/refused", path,
                                  PATH_MAX) == 0;
}

void llmobs_refusals_read(const char *path, llmobs_refusal_fn *each, void *user)
{
    int64_t now = llmobs_clock_wall_ns(), at;
    struct llmobs_text rest, line;
    struct llmobs_buf text;
    char host[257], one[352];
    uint64_t kind;

    llmobs_buf_init(&text, FILE_MAX);
    if (llmobs_file_read(path, &text) == 0)
        for (rest = llmobs_buf_text(&text);
             llmobs_text_split(&rest, '\n', &line);)
            if (snprintf(one, sizeof(one), "%.*s", (int)line.len, line.data) >
                    0 &&
                sscanf(one, "%256s %" SCNx64 " %" SCNd64, host, &kind, &at) ==
                    3 &&
                now - at < COUNTS_NS)
                each(user, host, kind, at + COUNTS_NS);
    llmobs_buf_fini(&text);
}

struct wanted {
    const char *host;
    uint64_t kind;
    bool refused;
    bool left; /* and nothing went to the host since */
};

static void compare(void *user, const char *host, uint64_t kind, int64_t ns)
{
    struct wanted *wanted = user;
    const char *sign = host;

    (void)ns;
    host += strspn(host, LLMOBS_REFUSALS_LEFT LLMOBS_REFUSALS_USED);
    if (kind != wanted->kind || strcmp(host, wanted->host) != 0)
        return;
    wanted->refused |= host == sign;
    wanted->left = *sign == *LLMOBS_REFUSALS_LEFT;
}

static struct wanted look(const char *path, const char *host, uint64_t kind)
{
    struct wanted wanted = {host, kind, false, false};

    llmobs_refusals_read(path, compare, &wanted);
    return wanted;
}

bool llmobs_refusals_have(const char *path, const char *host, uint64_t kind)
{
    return look(path, host, kind).refused;
}

static void add(const char *path, const char *sign, const char *host,
                uint64_t kind)
{
    int fd = llmobs_file_append(path);
    char line[352];
    int len =
        snprintf(line, sizeof(line), "%s%.255s %016" PRIx64 " %" PRId64 "\n",
                 sign, host, kind, llmobs_clock_wall_ns());

    if (fd < 0)
        return;
    (void)llmobs_file_write(fd, line, (size_t)len);
    close(fd);
}

/* How many connections are open, by host and kind. Where two have one place,
 * less counts as a refusal. */
static atomic_uint *open_of(const char *host, uint64_t kind)
{
    static atomic_uint count[PLACES];

    return &count[(llmobs_mix_bytes(host, strlen(host)) ^ kind) % PLACES];
}

void llmobs_refusals_begin(const char *host, uint64_t kind)
{
    atomic_fetch_add(open_of(host, kind), 1);
}

bool llmobs_refusals_end(const char *path, const char *host, uint64_t kind,
                         enum llmobs_refusals_end how)
{
    bool alone = atomic_fetch_sub(open_of(host, kind), 1) == 1;
    bool left = how == LLMOBS_REFUSALS_LEAVES && alone,
         used = how == LLMOBS_REFUSALS_USES,
         again = (left || used) && look(path, host, kind).left,
         refused = how == LLMOBS_REFUSALS_REFUSES || (left && again);

    if (refused || left || (used && again))
        add(path,
            refused ? ""
            : left  ? LLMOBS_REFUSALS_LEFT
                    : LLMOBS_REFUSALS_USED,
            host, kind);
    return refused;
}

const char *const llmobs_unread_whys[] = {
    "by the clock its certificates have expired",
    "a program refused its certificate, see `llmobs doctor`",
    "its proxy was killed", "a sandbox hides its certificates",
    "more connections than files are left for (`ulimit -Hn`)"};

const char *llmobs_unread_why(const char *host)
{
    return llmobs_unread_whys[(unsigned)(host[1] - '0') % LLMOBS_UNREAD_WHYS];
}

void llmobs_unread_tell(const char *path, enum llmobs_unread why)
{
    char name[] = {':', (char)('0' + __builtin_ctz(why)), '\0'};

    llmobs_log(LLMOBS_LOG_WARN, "calls to models pass unread: %s",
               llmobs_unread_why(name));
    if (!llmobs_refusals_have(path, name, 0))
        add(path, "", name, 0);
}
