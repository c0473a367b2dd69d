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

/* Ruby stops with an error if it cannot load the file. */
static int add_ruby(struct llmobs_environment *environment, const char *file)
{
    char item[PATH_MAX + 2];

    snprintf(item, sizeof(item), "-r%s", file);
    return llmobs_environment_join(environment, "RUBYOPT", item, " ", false);
}

/* Perl reads -M as a line of its own language: it loads strict, which every
 * perl has, without an import, and then the hook, if that exists. */
static int add_perl(struct llmobs_environment *environment, const char *file)
{
    static const char begin[] = "-Mstrict();BEGIN{local($@,$!);eval{require(q<";
    char item[sizeof(begin) + PATH_MAX + 4];

    snprintf(item, sizeof(item), "%s%s>)}}", begin, file);
    return llmobs_environment_join(environment, "PERL5OPT", item, " ", false);
}

/* A variable has code, or the name of a file behind an '@'. Of a file that it
 * cannot read Lua says why, and shows no stack: later versions show none for an
 * error that makes its own text, 5.1 where nothing can. NULL: no memory. */
static char *lua_value(const char *item, const char *own)
{
    static const char last[] =
        "'if f then return f()end if _VERSION=='Lua 5.1'then "
        "debug.traceback=nil error(e,0)end "
        "error(setmetatable({},{__tostring=function()return e end}))";
    char *value = malloc(strlen(item) + 4 * strlen(own) + sizeof(last) + 32);
    char *at = value;

    if (!value)
        return NULL;
    at += sprintf(at, "%s;%s", item, own[0] == '@' ? "" : own);
    if (own[0] == '@') {
        at += sprintf(at, "local f,e=loadfile'");
        for (own++; *own != '\0'; own++)
            at += sprintf(at, "\\%03u", (unsigned char)*own);
        strcpy(at, last);
    }
    return value;
}

/* Lua 5.2 and later first look for a variable with their version in its name.
 */
static int add_lua(struct llmobs_environment *environment, const char *file)
{
    static const char *const names[] = {"LUA_INIT", "LUA_INIT_5_2",
                                        "LUA_INIT_5_3", "LUA_INIT_5_4",
                                        "LUA_INIT_5_5"};
    char item[2 * PATH_MAX + 32];
    int rc = 0;

    snprintf(item, sizeof(item), "pcall(loadfile'%s','%.*s')", file,
             (int)(strrchr(file, '/') - file), file);
    for (size_t i = 0; i < sizeof(names) / sizeof(*names) && rc == 0; i++) {
        const char *own = llmobs_environment_get(environment, names[i]);
        char *value;

        if ((i > 0 && !*own) || strncmp(own, item, strlen(item)) == 0)
            continue;
        value = lua_value(item, own);
        if (!value)
            return -ENOMEM;
        rc = llmobs_environment_set(environment, names[i], value);
        free(value);
    }
    return rc;
}

/* Goes before the user's own, since Python takes the first with a name. Its
 * folder has no other file, since it stays in sys.path under `python -S`. */
static int add_python(struct llmobs_environment *environment, const char *file)
{
    char dir[PATH_MAX];

    snprintf(dir, sizeof(dir), "%.*s", (int)(strrchr(file, '/') - file), file);
    return llmobs_environment_join(environment, "PYTHONPATH", dir, ":", true);
}

/* R reads only one file of its site, and none if the variable is empty. The
 * hook runs the user's file itself. Another installation's hook is dropped. */
static int add_r(struct llmobs_environment *environment, const char *file)
{
    static const char hook[] = "/inbound/hook.R";
    const char *own = llmobs_environment_get(environment, "R_PROFILE");
    size_t len = strlen(own);
    int rc = 0;

    if (!*own && llmobs_environment_has(environment, "R_PROFILE"))
        return 0;
    if (len < strlen(hook) || strcmp(own + len - strlen(hook), hook) != 0) {
        llmobs_environment_unset(environment, "LLMOBS_R_PROFILE");
        if (*own)
            rc = llmobs_environment_set(environment, "LLMOBS_R_PROFILE", own);
    }
    return rc ? rc : llmobs_environment_set(environment, "R_PROFILE", file);
}

static const struct {
    const char *file;
    int (*add)(struct llmobs_environment *environment, const char *path);
} hooks[] = {
    {"hook.rb", add_ruby},
    {"hook.pl", add_perl},
    {"python/sitecustomize.py", add_python},
    {"hook.lua", add_lua},
    {"hook.R", add_r},
};

static bool is_plain(const char *path)
{
    for (; *path != '\0'; path++)
        if (!isalnum((unsigned char)*path) && !strchr("/._+-~", *path))
            return false;
    return true;
}

int llmobs_hooks_add(struct llmobs_environment *environment)
{
    char named[PATH_MAX], dir[PATH_MAX], path[PATH_MAX];
    int rc = 0;

    if (llmobs_preload_share("inbound", named) != 0 || !realpath(named, dir) ||
        !is_plain(dir))
        return 0;
    for (size_t i = 0; i < sizeof(hooks) / sizeof(*hooks) && rc == 0; i++) {
        int need = snprintf(path, sizeof(path), "%s/%s", dir, hooks[i].file);

        if (need < PATH_MAX && access(path, R_OK) == 0)
            rc = hooks[i].add(environment, path);
    }
    return rc;
}
