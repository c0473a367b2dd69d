#include "cli/doctor/doctor.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "cli/shared/suggest.h"
#include "lib/base/file.h"
#include "core/config/state_dir.h"
#include "core/export/store.h"
#include "core/log/entry.h"
#include "core/log/spool_file.h"
#include "core/log/spool_name.h"
#include "rules/rules.h"

#define ABOUT "settings"
#define RULES_MAX ((size_t)1024 * 1024)

/* -- names of variables --------------------------------------------------- */

/* True for a variable of the tool, a hook or a test, outside the table. */
static bool is_other(const char *name)
{
    static const char others[] = "LLMOBS_BUILD\0LLMOBS_PRICES\0"
                                 "LLMOBS_MOCK_URL\0LLMOBS_R_PROFILE\0";

    return llmobs_words_have(others, name) ||
           strncmp(name, "LLMOBS_TEST_", 12) == 0 ||
           strncmp(name, "LLMOBS_ENTRY", 12) == 0;
}

/* Gives the known name that is most like this name; NULL: no name is much like
 * it. */
static const char *nearest(const char *name, bool *known)
{
    struct llmobs_config_variable row = {.name = NULL};
    struct llmobs_suggest suggest;

    *known = is_other(name);
    llmobs_suggest_init(&suggest, name);
    while (!*known && llmobs_config_next(&row)) {
        *known = strcmp(row.name, name) == 0;
        llmobs_suggest_offer(&suggest, row.name);
    }
    return suggest.best;
}

/* Warns of unknown names with the prefix LLMOBS_, which is this library's own,
 * and of other names that seem to be a mistyped known name. */
static void look_at_name(struct llmobs_doctor *doctor, const char *name)
{
    char remedy[2 * LLMOBS_SUGGEST_MAX];
    const char *near;
    bool known;

    if (strlen(name) >= LLMOBS_SUGGEST_MAX ||
        (!strcasestr(name, "LLM") && !strcasestr(name, "MOBS")))
        return;
    near = nearest(name, &known);
    if (known || (!near && strncmp(name, "LLMOBS_", 7) != 0))
        return;
    snprintf(remedy, sizeof(remedy), near ? "did you mean %s?" : "%s",
             near ? near : "`llmobs help variables` lists those there are");
    LLMOBS_WARN(ABOUT, remedy, "%s: no variable has this name", name);
}

static void look_at_names(struct llmobs_doctor *doctor, const char *const *env)
{
    for (; env && *env; env++) {
        char *name = strndup(*env, strcspn(*env, "="));

        doctor->report.no_memory |= !name;
        if (name)
            look_at_name(doctor, name);
        free(name);
    }
}

/* -- files that are written ----------------------------------------------- */

/* 0 where this user can make files in the directory; else an errno. The
 * kernel's own file systems, as /proc, say yes to root and refuse each file. */
static int why_no_room(const char *directory)
{
    struct statfs fs;

    if (access(directory, W_OK | X_OK) != 0 || statfs(directory, &fs) != 0)
        return errno;
    return fs.f_type == PROC_SUPER_MAGIC || fs.f_type == SYSFS_MAGIC ? EROFS
                                                                     : 0;
}

/* Cuts the last name off a path; false: the path has only one name. */
static bool cut_name(char *path)
{
    char *slash = strrchr(path, '/');

    if (slash)
        slash[slash == path ? 1 : 0] = '\0';
    return slash;
}

/* Like why_no_room, but for a directory that may be missing: looks at the
 * nearest directory above it that exists. */
static int why_no_directory(const char *path)
{
    char above[PATH_MAX];
    struct stat st;

    snprintf(above, sizeof(above), "%s", path);
    while (stat(above, &st) != 0)
        if (errno != ENOENT || !cut_name(above))
            return errno;
    return S_ISDIR(st.st_mode) ? why_no_room(above) : ENOTDIR;
}

/* Like why_no_room, but for a file. A missing file will be made; an existing
 * file must be as the library wants it (llmobs_file_check). */
static int why_no_file(const char *path)
{
    char above[PATH_MAX];
    int rc = llmobs_file_reach(path, false), fd;

    if (rc != 0)
        return -rc;
    fd = open(path, O_WRONLY | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd >= 0) {
        rc = llmobs_file_check(fd, 0);
        close(fd);
        return -rc;
    }
    if (errno != ENOENT)
        return errno;
    snprintf(above, sizeof(above), "%s", path);
    return why_no_room(cut_name(above) ? above : ".");
}

static int why_no_store(const char *dir)
{
    char file[PATH_MAX + sizeof(LLMOBS_STORE_FILE)];
    int error = why_no_directory(dir);

    snprintf(file, sizeof(file), "%s/" LLMOBS_STORE_FILE, dir);
    return error == 0 && access(file, F_OK) == 0 ? why_no_file(file) : error;
}

/* Says in words what the error means for a file that is to be written. */
static const char *reason_of(int error)
{
    if (error == ELOOP)
        return "it is a link";
    return error == EPERM
               ? "it has a second name or belongs to another user, or "
                 "a link of another user leads there"
               : strerror(error);
}

static void look_at_place(struct llmobs_doctor *doctor, const char *what,
                          const char *path, int (*why_not)(const char *),
                          const char *remedy)
{
    int error = path ? why_not(path) : 0;

    if (error != 0)
        LLMOBS_WARN(ABOUT, remedy, "%s cannot be written: %s: %s", what, path,
                    reason_of(error));
}

/* True for a file of entries in a form that this version does not know. */
static bool is_of_another_form(int dir, const char *name)
{
    struct llmobs_entry_file file;
    struct llmobs_entry_key key;
    struct llmobs_spool_name parsed;
    ssize_t got;
    int fd;

    if (!llmobs_spool_name_parse(name, &parsed))
        return false;
    fd = llmobs_file_open(dir, name, O_RDONLY);
    if (fd < 0)
        return false;
    got = read(fd, &file, sizeof(file));
    close(fd);
    return got == (ssize_t)sizeof(file) &&
           llmobs_entry_file_read(
               (struct llmobs_text){(const char *)&file, sizeof(file)}, &key) ==
               -ENOTSUP;
}

/* Counts what other versions left in the spool. The first form had a directory
 * for each process, with the name of its ledger. */
static void look_at_forms(struct llmobs_doctor *doctor, const char *spool)
{
    struct llmobs_record_owner owner;
    unsigned dirs = 0, files = 0;
    struct dirent *entry;
    DIR *list = opendir(spool);

    while (list && (entry = readdir(list))) {
        dirs += llmobs_record_parse(entry->d_name, &owner);
        files += is_of_another_form(dirfd(list), entry->d_name);
    }
    if (list)
        closedir(list);
    if (dirs + files > 0)
        LLMOBS_WARN(ABOUT,
                    "deliver them by `llmobs drain` of the version that wrote "
                    "them, or remove them",
                    "the spool %s has calls that this version cannot read: %u "
                    "directories of an earlier version, %u files of another "
                    "format",
                    spool, dirs, files);
}

/* The library writes a store if the configuration names it, if the exporter is
 * unknown, and if auto finds no other destination. */
static void look_at_places(struct llmobs_doctor *doctor,
                           const struct llmobs_config *config)
{
    unsigned names = llmobs_exporters_named(config->exporter, NULL);
    char path[PATH_MAX];

    if ((names == 0 ||
         names & (LLMOBS_EXPORTER_STORE | LLMOBS_EXPORTER_AUTO)) &&
        llmobs_config_store_dir(config, path, sizeof(path)) == 0)
        look_at_place(doctor, "the local store", path, why_no_store,
                      "give this user the right to write there, or name "
                      "another directory in LLMOBS_STORE_DIR");
    if (config->spool_max > 0 &&
        llmobs_spool_dir(config, path, sizeof(path)) == 0) {
        look_at_place(doctor, "the spool", path, why_no_directory,
                      "give this user the right to write there, or name "
                      "another directory in LLMOBS_SPOOL_DIR");
        look_at_forms(doctor, path);
    }
    look_at_place(doctor, "the log", config->log_path, why_no_file,
                  "name a file in LLMOBS_LOG that this user may write");
    look_at_place(doctor, "the recordings", config->record_dir,
                  why_no_directory,
                  "name a directory that this user may write");
}

/* -- rules ---------------------------------------------------------------- */

/* Reads gateways and rules as the core does. A process may be another user's,
 * in another root: then its file stays closed. */
static void look_at_rules(struct llmobs_doctor *doctor,
                          const struct llmobs_config *config)
{
    struct llmobs_rules_config rules = {.proxy_urls = config->proxy_urls,
                                        .complain = llmobs_doctor_complain,
                                        .complain_ctx = doctor};
    bool named = config->rules_path && doctor->process.pid == 0;
    struct llmobs_buf text;
    int rc = 0;

    llmobs_buf_init(&text, RULES_MAX);
    if (named)
        rc = llmobs_file_settings(config->rules_path, &text);
    if (rc != 0)
        LLMOBS_WARN(ABOUT,
                    "name a file in LLMOBS_RULES that this user may read",
                    "LLMOBS_RULES: %s: %s", config->rules_path, strerror(-rc));
    else if (named)
        rules.rules_json =
            (struct llmobs_text){text.data ? text.data : "", text.len};
    llmobs_rules_free(llmobs_rules_new(&rules));
    llmobs_buf_fini(&text);
}

void llmobs_doctor_wrong(struct llmobs_doctor *doctor,
                         const struct llmobs_config *config,
                         const char *const *env)
{
    look_at_names(doctor, env);
    look_at_rules(doctor, config);
    if (doctor->process.pid == 0)
        look_at_places(doctor, config);
}
