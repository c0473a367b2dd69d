/* Finds out who started a process, by control group and parents. */
#include "cli/doctor/host_starter.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/file.h"

#define ID_MIN 12 /* digits of a container's id, at least */

/* An engine puts one of these before a container's id in its group's name. */
static const char *const engines[] = {
    "docker-",  "cri-containerd-", "crio-", "libpod-",
    "nerdctl-", "lxc.payload.",    "lxc-",  "machine-",
};
/* The groups below which a container's group has its bare id as its name. */
static const char *const parents[] = {"docker", "kubepods",      "lxc",
                                      "libpod", "libpod_parent", "garden"};

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

/* Notes a container whose group is `part` of `before`. */
static bool record_container(struct llmobs_starter *starter, const char *before,
                             const char *part)
{
    const size_t digits = strspn(part, "0123456789abcdefABCDEF");
    const bool bare =
        digits >= ID_MIN && (part[digits] == '\0' || part[digits] == '.');
    const char *id = NULL;

    for (size_t i = 0; i < sizeof(engines) / sizeof(*engines) && !id; i++)
        if (begins(part, engines[i]))
            id = part + strlen(engines[i]);
    for (size_t i = 0; i < sizeof(parents) / sizeof(*parents) && bare; i++)
        for (const char *at = before; !id && (at = strchr(at, '/')); at++)
            if (begins(at + 1, parents[i]) &&
                strchr("/-.", at[1 + strlen(parents[i])]))
                id = part;
    if (!id)
        return false;
    starter->kind = LLMOBS_STARTER_CONTAINER;
    snprintf(starter->name, sizeof(starter->name), "%.*s",
             (int)strcspn(id, "."), id);
    return true;
}

/* Notes a unit; cron's own program has the unit's name up to the dot. */
static bool record_unit(struct llmobs_starter *starter, const char *before,
                        const char *part, const char *base)
{
    static const char *const crons[] = {"cron.", "crond.", "cronie.", "atd.",
                                        "anacron."};
    size_t len = strlen(part);

    if (len < 9 || strcmp(part + len - 8, ".service") != 0 ||
        begins(part, "user@"))
        return false;
    starter->kind =
        strstr(before, "/user@") ? LLMOBS_STARTER_USER : LLMOBS_STARTER_UNIT;
    snprintf(starter->name, sizeof(starter->name), "%s", part);
    for (size_t i = 0; i < sizeof(crons) / sizeof(*crons); i++)
        if (begins(part, crons[i]) &&
            strncmp(part, base, strcspn(part, ".")) != 0)
            starter->kind = LLMOBS_STARTER_CRON;
    return true;
}

void llmobs_starter_read(struct llmobs_starter *starter, const char *groups,
                         const char *base)
{
    struct llmobs_text rest = llmobs_text_of(groups), line, field;
    char path[LLMOBS_STARTER_TEXT], *slash;
    bool unit, container;

    memset(starter, 0, sizeof(*starter));
    while (starter->kind == LLMOBS_STARTER_HAND &&
           llmobs_text_split(&rest, '\n', &line)) {
        (void)llmobs_text_split(&line, ':', &field);
        (void)llmobs_text_split(&line, ':', &field);
        unit = container = false;
        if (snprintf(path, sizeof(path), "%.*s", (int)line.len, line.data) >=
            (int)sizeof(path))
            continue;
        /* Takes the innermost group that names a starter, but a container
         * before a unit, whichever lies within the other. */
        while (!container && (slash = strrchr(path, '/')) && slash[1]) {
            *slash = '\0';
            container = record_container(starter, path, slash + 1);
            if (!container && !unit)
                unit = record_unit(starter, path, slash + 1, base);
        }
    }
}

void llmobs_starter_of(struct llmobs_starter *starter, pid_t pid,
                       const char *base)
{
    char path[64], text[LLMOBS_STARTER_TEXT];

    snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)pid);
    if (llmobs_file_begin(AT_FDCWD, path, text, sizeof(text)) < 0)
        *text = '\0';
    llmobs_starter_read(starter, text, base);
}

const char *llmobs_starter_name(enum llmobs_starter_kind kind)
{
    static const char *const names[] = {"by hand", "unit", "user's unit",
                                        "cron", "container"};

    return names[kind];
}

#define EDIT(user)                                                    \
    "systemctl " user "edit %s: [Service] Environment=LD_PRELOAD=%s " \
    "DD_LLMOBS_ENABLED=1; then restart it"

void llmobs_starter_advice(const struct llmobs_starter *starter,
                           const char *library, char *out, size_t cap)
{
    static const char *const advice[] = {
        [LLMOBS_STARTER_HAND] = "start it again as llmobs-run CMD",
        [LLMOBS_STARTER_UNIT] = EDIT(""),
        [LLMOBS_STARTER_USER] = EDIT("--user "),
        [LLMOBS_STARTER_CRON] =
            "put llmobs-run before its command in the crontab",
        [LLMOBS_STARTER_CONTAINER] =
            ("put the library into its image, or an init container into its "
             "manifest (`man llmobs-entrypoint`)")};

    snprintf(out, cap, advice[starter->kind], starter->name, library);
}
