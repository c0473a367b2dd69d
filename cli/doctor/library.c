/* Asks the loader for a program's libraries, or searches for them. */
#include "cli/doctor/library.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/shared/apart.h"
#include "lib/base/glob.h"

void llmobs_library_set_loader(struct llmobs_library *library,
                               const char *loader)
{
    struct stat st;

    library->loader[0] = '\0';
    if (library->root == AT_FDCWD && realpath(loader, library->loader) &&
        (stat(library->loader, &st) != 0 || st.st_uid != 0 ||
         (st.st_mode & (S_IWGRP | S_IWOTH)) != 0 ||
         !llmobs_glob_listed("ld-*,libc.*", strrchr(library->loader, '/') + 1)))
        library->loader[0] = '\0';
}

struct asked {
    const struct llmobs_library *library;
    const char *path, *later;
    bool secure; /* no variable leads the program to libraries */
};

/* Work of a child; ends where the loader cannot be executed. */
static int become_loader(void *ctx, int entered, int out)
{
    const struct asked *asked = ctx;
    const struct llmobs_library *library = asked->library;
    const char *words[] = {library->loader, "--list", asked->path, NULL};
    char *env[] = {NULL, NULL, NULL};
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    (void)entered;
    if (dup2(null, STDIN_FILENO) >= 0 && dup2(out, STDOUT_FILENO) >= 0 &&
        dup2(out, STDERR_FILENO) >= 0 &&
        asprintf(&env[0], "LD_PRELOAD=%s", asked->later ? asked->later : "") >=
            0 &&
        (!library->path || asked->secure ||
         asprintf(&env[1], "LD_LIBRARY_PATH=%s", library->path) >= 0))
        execve(library->loader, (char **)words, env);
    return 127;
}

void llmobs_library_list(const struct llmobs_library *library,
                         const struct llmobs_object *object, const char *path,
                         const char *later, struct llmobs_buf *list)
{
    bool owned = object->st.st_uid == 0 || object->st.st_uid == geteuid();
    struct asked asked = {library, path, later,
                          llmobs_object_is_secure(object)};
    struct llmobs_apart child;
    int rc, status;

    if (library->loader[0] == '\0' || !owned ||
        llmobs_apart_start(&child, 0, NULL, NULL, become_loader, &asked) != 0)
        return;
    rc = llmobs_apart_receive(&child, LLMOBS_LIBRARY_SECONDS * 1000, list);
    status = llmobs_apart_end(&child, rc != 0);
    if (rc == 0 && WIFEXITED(status))
        return;
    llmobs_buf_cut(list, 0);
    library->allowance->spent = true;
}

bool llmobs_library_lacks(const struct llmobs_buf *list,
                          char name[LLMOBS_OBJECT_NAME])
{
    const char *at = list->len > 0 ? strstr(list->data, "shared librar") : NULL;

    return at && sscanf(at, "shared librar%*[^ ] %511[^:\n]", name) == 1;
}

/* Opens a file that this program could load. One of glibc's would make musl's
 * loader end the program. */
static int open_fitting(const struct llmobs_library *library, const char *path,
                        struct llmobs_object *out)
{
    if (!llmobs_allowance_take(library->allowance, LLMOBS_ALLOWANCE_OPEN) ||
        llmobs_object_open(out, library->root, path, library->allowance,
                           NULL) != 0)
        return -ENOENT;
    if (out->native &&
        !(library->musl && llmobs_object_needs(out, "libc.so.6")))
        return 0;
    llmobs_object_close(out);
    return -ENOEXEC;
}

int llmobs_library_find(const struct llmobs_library *library,
                        const struct llmobs_buf *list, const char *name,
                        char path[PATH_MAX], struct llmobs_object *out)
{
    static const char usual[] =
        "/lib/" LLMOBS_LIBRARY_TRIPLET "\0/usr/lib/" LLMOBS_LIBRARY_TRIPLET
        "\0/lib64\0/usr/lib64\0/lib\0/usr/local/lib\0/usr/lib\0";
    char line[LLMOBS_OBJECT_NAME + 32];
    const char *at;
    int rc = -ENOENT;

    if (strchr(name, '/')) {
        snprintf(path, PATH_MAX, "%s", name);
        return open_fitting(library, path, out);
    }
    /* A loader that lacks a library may list none: its line begins so. */
    if (list->len == 0 || !strchr(list->data, '\t')) {
        LLMOBS_WORDS_EACH (dir, usual) {
            snprintf(path, PATH_MAX, "%s/%s", dir, name);
            if ((rc = open_fitting(library, path, out)) == 0)
                break;
        }
        return rc;
    }
    snprintf(line, sizeof(line), "\t%s ", name);
    at = strstr(list->data, line);
    if (!at)
        return -ENOENT;
    /* "NAME => PATH (ADDRESS)"; "NAME (ADDRESS)": in the working directory */
    at += strncmp(at + strlen(line), "=> ", 3) == 0 ? strlen(line) + 3 : 1;
    snprintf(path, PATH_MAX, "%.*s", (int)strcspn(at, "\n"), at);
    at = strstr(path, " (");
    path[at ? at - path : 0] = '\0';
    return open_fitting(library, path, out);
}
