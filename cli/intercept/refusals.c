/* Reads and writes the file of clients that refused a certificate. */
#include "cli/intercept/refusals.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/config/state_dir.h"
#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/file.h"

#define FILE_MAX ((size_t)256 * 1024)
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
    char host[256], one[352];
    uint64_t kind;

    llmobs_buf_init(&text, FILE_MAX);
    if (llmobs_file_read(path, &text) == 0)
        for (rest = llmobs_buf_text(&text);
             llmobs_text_split(&rest, '\n', &line);)
            if (snprintf(one, sizeof(one), "%.*s", (int)line.len, line.data) >
                    0 &&
                sscanf(one, "%255s %" SCNx64 " %" SCNd64, host, &kind, &at) ==
                    3 &&
                now - at < COUNTS_NS)
                each(user, host, kind, at + COUNTS_NS);
    llmobs_buf_fini(&text);
}

struct wanted {
    const char *host;
    uint64_t kind;
    bool found;
};

static void compare(void *user, const char *host, uint64_t kind, int64_t ns)
{
    struct wanted *wanted = user;

    (void)ns;
    wanted->found |= kind == wanted->kind && strcmp(host, wanted->host) == 0;
}

bool llmobs_refusals_have(const char *path, const char *host, uint64_t kind)
{
    struct wanted wanted = {host, kind, false};

    llmobs_refusals_read(path, compare, &wanted);
    return wanted.found;
}

void llmobs_refusals_add(const char *path, const char *host, uint64_t kind)
{
    int fd = llmobs_file_append(path);
    char line[352];
    int len =
        snprintf(line, sizeof(line), "%.255s %016" PRIx64 " %" PRId64 "\n",
                 host, kind, llmobs_clock_wall_ns());

    if (fd < 0)
        return;
    (void)llmobs_file_write(fd, line, (size_t)len);
    close(fd);
}
