#include "cli/run/hooks.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "cli/shared/environment.h"
#include "cli/shared/preload.h"

bool llmobs_hooks_wanted(const struct llmobs_environment *environment)
{
    const char *value = llmobs_environment_get(environment, "LLMOBS_INBOUND");

    return strcmp(value, "1") == 0 || strcasecmp(value, "true") == 0 ||
           strcasecmp(value, "on") == 0;
}

/* NULL where the environment has no such name. */
static const char *given(const struct llmobs_environment *environment,
                         const char *name)
{
    size_t len = strlen(name);

    for (size_t i = 0; i < environment->count; i++)
        if (strncmp(environment->entries[i], name, len) == 0 &&
            environment->entries[i][len] == '=')
            return environment->entries[i] + len + 1;
    return NULL;
}

/* Sets the variable to three texts in a row. */
static int set(struct llmobs_environment *environment, const char *name,
               const char *first, const char *between, const char *last)
{
    char *value;
    int rc;

    if (asprintf(&value, "%s%s%s", first, between, last) < 0)
        return -ENOMEM;
    rc = llmobs_environment_set(environment, name, value);
    free(value);
    return rc;
}

/* Ruby ends where it cannot load the file. */
static int add_ruby(struct llmobs_environment *environment, const char *file)
{
    const char *own = given(environment, "RUBYOPT");

    if (own == NULL || *own == '\0')
        return set(environment, "RUBYOPT", "-r", file, "");
    if (strstr(own, file) != NULL)
        return 0;
    return set(environment, "RUBYOPT", own, " -r", file);
}

/* Perl reads -M as a line of its own language: strict without its import, which
 * every perl has, and then the hook, if it is there. */
static int add_perl(struct llmobs_environment *environment, const char *file)
{
    static const char begin[] = "-Mstrict();BEGIN{local($@,$!);eval{require(q<";
    const char *own = given(environment, "PERL5OPT");
    char *item;
    int rc;

    if (own != NULL && strstr(own, file) != NULL)
        return 0;
    if (asprintf(&item, "%s%s>)}}", begin, file) < 0)
        return -ENOMEM;
    rc = set(environment, "PERL5OPT", own != NULL ? own : "",
             own != NULL && *own != '\0' ? " " : "", item);
    free(item);
    return rc;
}

/* Before the own, since Python takes the first of its name. */
static int add_python(struct llmobs_environment *environment, const char *file)
{
    const char *own = given(environment, "PYTHONPATH");
    char dir[PATH_MAX];

    snprintf(dir, sizeof dir, "%.*s", (int)(strrchr(file, '/') - file), file);
    if (own == NULL || *own == '\0')
        return set(environment, "PYTHONPATH", dir, "", "");
    if (strstr(own, dir) != NULL)
        return 0;
    return set(environment, "PYTHONPATH", dir, ":", own);
}

static const struct {
    const char *file;
    int (*add)(struct llmobs_environment *environment, const char *path);
} hooks[] = {
    {"hook.rb", add_ruby},
    {"hook.pl", add_perl},
    {"sitecustomize.py", add_python},
};

static bool is_plain(const char *path)
{
    for (; *path != '\0'; path++)
        if (!isalnum((unsigned char)*path) && strchr("/._+-~", *path) == NULL)
            return false;
    return true;
}

int llmobs_hooks_add(struct llmobs_environment *environment)
{
    char named[PATH_MAX], dir[PATH_MAX], path[PATH_MAX];
    int rc = 0;

    if (llmobs_preload_share("inbound", named) != 0 ||
        realpath(named, dir) == NULL || !is_plain(dir))
        return 0;
    for (size_t i = 0; i < sizeof hooks / sizeof *hooks && rc == 0; i++) {
        int need = snprintf(path, sizeof path, "%s/%s", dir, hooks[i].file);

        if (need < PATH_MAX && access(path, R_OK) == 0)
            rc = hooks[i].add(environment, path);
    }
    return rc;
}
