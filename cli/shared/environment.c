/* Builds the environment of a command. */
#include "cli/shared/environment.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/shared/tell.h"

/* Free entries at first, so that the list seldom grows. */
#define ROOM_FOR_MORE 16

static const char *value_of(const char *entry, const char *name)
{
    size_t len = strlen(name);

    return strncmp(entry, name, len) == 0 && entry[len] == '=' ? entry + len + 1
                                                               : NULL;
}

int llmobs_environment_init(struct llmobs_environment *environment,
                            char *const *from)
{
    size_t count = 0;

    while (from[count])
        count++;
    environment->room = count + 1 + ROOM_FOR_MORE;
    environment->entries = calloc(environment->room, sizeof(char *));
    if (!environment->entries)
        return -ENOMEM;
    memcpy(environment->entries, from, count * sizeof(char *));
    environment->count = count;
    return 0;
}

int llmobs_environment_set(struct llmobs_environment *environment,
                           const char *name, const char *value)
{
    bool found = false;
    size_t room = environment->room;
    char *entry;

    if (asprintf(&entry, "%s=%s", name, value) < 0)
        return -ENOMEM;
    for (size_t i = 0; i < environment->count; i++) {
        if (!value_of(environment->entries[i], name))
            continue;
        environment->entries[i] = entry;
        found = true;
    }
    if (found)
        return 0;
    if (environment->count + 1 >= room) {
        char **more = realloc(environment->entries,
                              (room + ROOM_FOR_MORE) * sizeof(*more));

        if (!more) {
            free(entry);
            return -ENOMEM;
        }
        environment->entries = more;
        environment->room = room + ROOM_FOR_MORE;
    }
    environment->entries[environment->count++] = entry;
    environment->entries[environment->count] = NULL;
    return 0;
}

void llmobs_environment_unset(struct llmobs_environment *environment,
                              const char *name)
{
    size_t kept = 0;

    for (size_t i = 0; i < environment->count; i++)
        if (!value_of(environment->entries[i], name))
            environment->entries[kept++] = environment->entries[i];
    environment->entries[kept] = NULL;
    environment->count = kept;
}

const char *llmobs_environment_get(const struct llmobs_environment *environment,
                                   const char *name)
{
    for (size_t i = 0; i < environment->count; i++) {
        const char *value = value_of(environment->entries[i], name);

        if (value && *value != '\0')
            return value;
    }
    return "";
}

bool llmobs_environment_has(const struct llmobs_environment *environment,
                            const char *name)
{
    for (size_t i = 0; i < environment->count; i++)
        if (value_of(environment->entries[i], name))
            return true;
    return false;
}

/* Compares whole items: /x/inbound2 is another folder than /x/inbound. */
static bool has_item(const char *list, const char *item, const char *separators)
{
    size_t len = strlen(item);

    while (*list != '\0') {
        size_t n = strcspn(list, separators);

        if (n == len && memcmp(list, item, len) == 0)
            return true;
        list += n + strspn(list + n, separators);
    }
    return false;
}

int llmobs_environment_join(struct llmobs_environment *environment,
                            const char *name, const char *item,
                            const char *separators, bool before)
{
    bool found = false;

    for (size_t i = 0; i < environment->count; i++) {
        const char *value = value_of(environment->entries[i], name);
        int between = value && *value != '\0' ? 1 : 0;
        char *entry;

        if (!value)
            continue;
        found = true;
        if (has_item(value, item, separators))
            continue;
        if (asprintf(&entry, "%s=%s%.*s%s", name, before ? item : value,
                     between, separators, before ? value : item) < 0)
            return -ENOMEM;
        environment->entries[i] = entry;
    }
    return found ? 0 : llmobs_environment_set(environment, name, item);
}

int llmobs_environment_exec(const struct llmobs_environment *environment,
                            char **argv)
{
    if (environment->entries)
        execvpe(argv[0], argv, environment->entries);
    if (!environment->entries || errno == E2BIG)
        execvpe(argv[0], argv, environ);
    return errno;
}

int llmobs_environment_exec_status(int error)
{
    return error == ENOENT ? 127 : 126;
}

int llmobs_environment_fail(const char *command, const char *program, int error)
{
    llmobs_tell("%s: %s: %s\n", command, program, strerror(error));
    return llmobs_environment_exec_status(error);
}

int llmobs_environment_become(const struct llmobs_environment *environment,
                              const char *command, char **argv)
{
    return llmobs_environment_fail(command, argv[0],
                                   llmobs_environment_exec(environment, argv));
}
