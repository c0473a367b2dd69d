/* llmobs, llmobs-run and llmobs-entrypoint are one program, which acts by its
 * name. */
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "cli/run/run.h"
#include "cli/run/start_tool.h"

/* The kernel follows no more links to a program. */
#define LINKS_MAX 40

enum name { TOOL, LAUNCHER, ENTRYPOINT, NAME_COUNT };

static char *const names[NAME_COUNT] = {"llmobs", "llmobs-run",
                                        "llmobs-entrypoint"};

/* NAME_COUNT: an unknown name. */
static enum name name_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    enum name name = TOOL;

    while (name < NAME_COUNT &&
           strcmp(slash ? slash + 1 : path, names[name]) != 0)
        name++;
    return name;
}

/* Replaces `path`, a link, by what it leads to; false: not a link. */
static bool follow(char path[PATH_MAX])
{
    char target[PATH_MAX];
    ssize_t len = readlink(path, target, sizeof(target) - 1);
    char *slash = strrchr(path, '/');
    size_t folder;

    if (len <= 0)
        return false;
    target[len] = '\0';
    folder = target[0] != '/' && slash ? (size_t)(slash + 1 - path) : 0;
    if (folder + (size_t)len >= PATH_MAX)
        return false;
    memcpy(path + folder, target, (size_t)len + 1);
    return true;
}

/* The program's name: as it was called; else the name of the executed file, or
 * of a link on the way to that file. Any other name is the launcher's. */
static enum name own_name(const char *called)
{
    const char *file = (const char *)getauxval(AT_EXECFN);
    enum name name = called ? name_of(called) : NAME_COUNT;
    char path[PATH_MAX] = "";

    if (file && strlen(file) < sizeof(path))
        strcpy(path, file);
    for (int i = 0; i < LINKS_MAX && name == NAME_COUNT; i++) {
        name = name_of(path);
        if (name == NAME_COUNT && !follow(path))
            return LAUNCHER;
    }
    return name == NAME_COUNT ? LAUNCHER : name;
}

int main(int argc, char **argv)
{
    enum name name = own_name(argc > 0 ? argv[0] : NULL);

    if (name == TOOL && (argc < 2 || strcmp(argv[1], "run") != 0))
        return llmobs_start_tool(argc, argv);
    if (name == TOOL) {
        argv[1] = (char[]){"llmobs run"};
        return llmobs_cmd_run(argc - 1, argv + 1);
    }
    if (argc < 1)
        return llmobs_cmd_run(1, (char *[]){names[name], NULL});
    argv[0] = names[name];
    return llmobs_cmd_run(argc, argv);
}
