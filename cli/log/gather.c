#include "cli/log/gather.h"

#include <errno.h>
#include <sys/wait.h>

#include "cli/log/apart.h"
#include "lib/base/file.h"

#define GATHER_MS 10000
#define GATHER_BYTES ((size_t)8 << 20)

struct gathering {
    const char *command;
    struct llmobs_config *config;
    const struct llmobs_live_namespaces *living;
    struct llmobs_ps_calls *out;
};

/* -- in the child ---------------------------------------------------------- */

static int send_call(void *ctx, const struct llmobs_adopt_call *call)
{
    const int *fd = ctx;
    struct llmobs_buf line;
    int rc;

    llmobs_buf_init(&line, (size_t)64 * 1024);
    rc = llmobs_ps_call_write(call, &line);
    if (rc == 0)
        rc = llmobs_file_write(*fd, line.data, line.len);
    else if (rc != -ENOMEM)
        rc = 0;
    llmobs_buf_fini(&line);
    return rc;
}

static int read_spool(void *ctx, int entered, int fd)
{
    const struct gathering *gathering = ctx;
    struct llmobs_adopt *adopt;
    int rc;

    if (entered != 0) /* -ENOENT: the user's spool is at another path */
        return entered == -ENOENT ? 0 : -entered;
    adopt = llmobs_adopt_new(gathering->config, LLMOBS_ADOPT_ANY);
    if (!adopt)
        return ENOMEM;
    llmobs_adopt_living(adopt, gathering->living);
    rc = llmobs_adopt_under_way(adopt, send_call, &fd);
    llmobs_adopt_free(adopt);
    return -rc;
}

/* -- in the parent --------------------------------------------------------- */

static int gather_read_lines(const struct llmobs_buf *text, uid_t uid,
                             struct llmobs_ps_calls *out)
{
    struct llmobs_text rest = {text->data, text->len}, line;
    int rc = 0;

    while (rc != -ENOMEM && llmobs_text_split(&rest, '\n', &line))
        rc = llmobs_ps_call_read(line, uid, out);
    return rc == -ENOMEM ? rc : 0;
}

/* Reads the child's calls; the status shows if it failed or was killed. */
static int from_child(struct llmobs_apart *child, uid_t uid,
                      struct llmobs_ps_calls *out)
{
    struct llmobs_buf text;
    int rc, read, status;

    llmobs_buf_init(&text, GATHER_BYTES);
    rc = llmobs_apart_receive(child, GATHER_MS, &text);
    status = llmobs_apart_end(child, rc != 0);
    if (rc == 0)
        rc = WIFEXITED(status) ? -WEXITSTATUS(status) : -ECHILD;
    read = gather_read_lines(&text, uid, out);
    llmobs_buf_fini(&text);
    return rc != 0 ? rc : read;
}

/* Returns 0 even where this spool cannot be read, so that the walk goes on. */
static int gather_visit(void *ctx, const struct llmobs_user_spool *place)
{
    struct gathering *gathering = ctx;
    struct llmobs_apart child;
    int rc = llmobs_apart_start(&child, 0, place, gathering->config, read_spool,
                                gathering);

    if (rc == 0)
        rc = from_child(&child, place->uid, gathering->out);
    if (rc != 0)
        llmobs_apart_tell(gathering->command, place->path, "the reading", rc);
    return rc == -ENOMEM ? rc : 0;
}

int llmobs_ps_gather(const char *command, const char *dir,
                     struct llmobs_config *config, struct llmobs_ps_calls *out)
{
    struct llmobs_live_namespaces living;
    struct gathering gathering = {command, config, &living, out};
    int rc;

    (void)llmobs_live_namespaces_read("/proc", &living);
    rc = llmobs_spool_dirs_visit(dir, config, gather_visit, &gathering);
    llmobs_live_namespaces_free(&living);
    return rc;
}
