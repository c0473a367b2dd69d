/* Examines a pool of PHP-FPM by its configuration and its processes. */
#include "cli/doctor/doctor.h"

#include <ctype.h>
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/file.h"
#include "lib/base/glob.h"

#define ABOUT "fpm"
#define FILE_MAX (1024 * 1024)
#define INCLUDES_MAX 64
#define LATE_MAX 16
#define MASTER "php-fpm: master process ("
#define WORKER "php-fpm: pool "

/* One pool, from its settings. */
struct pool {
    char name[128];
    char file[PATH_MAX]; /* the file with its section */
    char user[128];
    char chroot[PATH_MAX];
    char late[LATE_MAX][128]; /* LLMOBS_, DD_ and loader's names in env[...] */
    size_t late_count;
    bool found;
    bool keeps_env; /* clear_env = no */
    bool others;    /* the file has other pools too */
    bool patient;   /* process_control_timeout is set */
    pid_t master;
    pid_t worker;
    size_t workers;
};

/* One walk over a file and the files that it includes. */
struct walk {
    struct pool *pool;
    const char *file;
    bool inside; /* within the pool's section */
    size_t files;
};

/* -- the settings --------------------------------------------------------- */

static void trim(char **text)
{
    char *end;

    while (isspace((unsigned char)**text))
        (*text)++;
    end = *text + strlen(*text);
    while (end > *text && isspace((unsigned char)end[-1]))
        *--end = '\0';
    if (end - *text >= 2 && (**text == '"' || **text == '\'') &&
        end[-1] == **text) {
        end[-1] = '\0';
        (*text)++;
    }
}

static void record_setting(struct walk *walk, char *key, const char *value)
{
    /* The library or the loader reads these, if they are set before the process
     * starts. */
    static const char ours[] = "DD_*,_DD_*,LLMOBS_*,OTEL_*,LD_PRELOAD";
    struct pool *pool = walk->pool;

    if (strcmp(key, "process_control_timeout") == 0)
        pool->patient = atoi(value) > 0;
    if (!walk->inside)
        return;
    if (strncmp(key, "env[", 4) == 0) {
        key += 4;
        key[strcspn(key, "]")] = '\0';
        if (llmobs_glob_listed(ours, key) && pool->late_count < LATE_MAX)
            snprintf(pool->late[pool->late_count++], sizeof(pool->late[0]),
                     "%s", key);
    } else if (strcmp(key, "clear_env") == 0) {
        pool->keeps_env =
            strcasecmp(value, "no") == 0 || strcasecmp(value, "off") == 0 ||
            strcasecmp(value, "false") == 0 || strcmp(value, "0") == 0;
    } else if (strcmp(key, "chroot") == 0) {
        snprintf(pool->chroot, sizeof(pool->chroot), "%s", value);
    } else if (strcmp(key, "user") == 0) {
        snprintf(pool->user, sizeof(pool->user), "%s", value);
    }
}

static void walk_file(struct walk *walk, const char *path);

/* Reads included files, at most INCLUDES_MAX in all. */
static void walk_pattern(struct walk *walk, const char *pattern)
{
    const char *file = walk->file;
    glob_t found;

    if (glob(pattern, 0, NULL, &found) != 0)
        return;
    for (size_t i = 0; i < found.gl_pathc; i++)
        walk_file(walk, found.gl_pathv[i]);
    globfree(&found);
    walk->file = file;
}

static void walk_line(struct walk *walk, char *line)
{
    struct pool *pool = walk->pool;
    char *sign, *end;

    trim(&line);
    if (*line == '[' && (end = strchr(line, ']'))) {
        *end = '\0';
        line++;
        trim(&line);
        walk->inside = false;
        if (strcmp(line, "global") == 0)
            return;
        /* Without a wanted name the first pool of the first file is taken. */
        if (pool->name[0] == '\0')
            snprintf(pool->name, sizeof(pool->name), "%s", line);
        walk->inside = strcmp(pool->name, line) == 0;
        pool->others |= !walk->inside;
        if (walk->inside && !pool->found) {
            pool->found = true;
            snprintf(pool->file, sizeof(pool->file), "%s", walk->file);
        }
        return;
    }
    sign = strchr(line, '=');
    if (*line == ';' || *line == '#' || !sign)
        return;
    *sign++ = '\0';
    sign[strcspn(sign, ";")] = '\0';
    trim(&line);
    trim(&sign);
    if (strcmp(line, "include") == 0)
        walk_pattern(walk, sign);
    else
        record_setting(walk, line, sign);
}

static void walk_file(struct walk *walk, const char *path)
{
    struct llmobs_buf text;
    bool inside = walk->inside;

    if (walk->files++ >= INCLUDES_MAX)
        return;
    walk->file = path;
    llmobs_buf_init(&text, FILE_MAX);
    if (llmobs_file_read(path, &text) == 0 && text.data &&
        !memchr(text.data, '\0', text.len))
        for (char *at = text.data, *line; (line = strsep(&at, "\n"));)
            walk_line(walk, line);
    llmobs_buf_fini(&text);
    walk->inside = inside;
}

/* -- the processes -------------------------------------------------------- */

/* Finds the master whose settings, whose path its title has in brackets, have
 * the pool in the same file. */
static bool find_master(void *ctx, pid_t pid)
{
    struct pool *pool = ctx;
    char title[PATH_MAX + 64], *conf = title + strlen(MASTER), *end;
    static struct pool seen;
    struct walk walk = {.pool = &seen};

    llmobs_process_title(pid, title, sizeof(title));
    if (strncmp(title, MASTER, strlen(MASTER)) != 0 ||
        !(end = strrchr(conf, ')')) || end == conf)
        return true;
    *end = '\0';
    memset(&seen, 0, sizeof(seen));
    memcpy(seen.name, pool->name, sizeof(seen.name));
    walk_file(&walk, conf);
    if (!seen.found || (pool->found && strcmp(pool->file, conf) != 0 &&
                        strcmp(pool->file, seen.file) != 0))
        return true;
    *pool = seen;
    pool->master = pid;
    return false;
}

static bool find_worker(void *ctx, pid_t pid)
{
    struct pool *pool = ctx;
    char title[256];
    size_t len = strlen(pool->name);
    const char *name = title + strlen(WORKER);

    llmobs_process_title(pid, title, sizeof(title));
    if (strncmp(title, WORKER, strlen(WORKER)) != 0 ||
        strncmp(name, pool->name, len) != 0 ||
        name[len + strspn(name + len, " ")] != '\0' ||
        llmobs_process_parent(pid) != pool->master)
        return true;
    pool->worker = pid;
    pool->workers++;
    return true;
}

/* -- telling -------------------------------------------------------------- */

static void report_settings(struct llmobs_doctor *doctor,
                            const struct pool *pool)
{
    struct llmobs_json *fact = llmobs_json_object();
    struct llmobs_json *late = llmobs_json_array();

    LLMOBS_FIND(NOTE, ABOUT, "pool %s of %s%s", pool->name, pool->file,
                pool->others ? ", which has other pools too" : "");
    LLMOBS_FIND(OK, ABOUT,
                pool->keeps_env
                    ? "clear_env = no: workers keep the environment"
                    : "clear_env: workers have no environment; ours was "
                      "copied in the master, with LLMOBS_CONFIG and all");
    for (size_t i = 0; i < pool->late_count; i++) {
        (void)llmobs_json_add(late, llmobs_json_string(pool->late[i]));
        LLMOBS_FIND(NOTE, ABOUT,
                    "env[%s] comes too late: set it where the master is "
                    "started, or in the file LLMOBS_CONFIG",
                    pool->late[i]);
    }
    if (pool->chroot[0] != '\0')
        LLMOBS_FIND(NOTE, ABOUT,
                    "chroot %s: a store or an agent's socket is looked "
                    "for in there",
                    pool->chroot);
    if (!pool->patient)
        LLMOBS_FIND(NOTE, ABOUT,
                    "without process_control_timeout, workers that are "
                    "stopped lose up to a second of calls");
    (void)llmobs_json_set_texts(fact, "pool", pool->name, "file", pool->file,
                                "user", pool->user[0] ? pool->user : NULL,
                                "chroot", pool->chroot[0] ? pool->chroot : NULL,
                                NULL);
    (void)llmobs_json_set(fact, "clear_env",
                          llmobs_json_bool(!pool->keeps_env));
    (void)llmobs_json_set(fact, "env", late);
    (void)llmobs_json_set(fact, "master", llmobs_json_int(pool->master));
    (void)llmobs_json_set(fact, "workers",
                          llmobs_json_int((int64_t)pool->workers));
    LLMOBS_KNOWN(ABOUT, fact);
}

int llmobs_doctor_fpm(struct llmobs_doctor *doctor, const char *what)
{
    static const char *const places[] = {
        "/etc/php/*/fpm/pool.d/*.conf", "/etc/php-fpm.d/*.conf",
        "/usr/local/etc/php-fpm.d/*.conf", "/etc/php*/php-fpm.d/*.conf"};
    static struct pool pool;
    struct walk walk = {.pool = &pool};
    bool named = !strchr(what, '/'); /* by its name, not by its file */
    char path[128] = "php-fpm", version[16] = "";
    struct llmobs_process worker;
    bool on;
    int rc;

    LLMOBS_KNOWN("kind", llmobs_json_string("fpm"));
    if (named)
        snprintf(pool.name, sizeof(pool.name), "%s", what);
    else
        walk_file(&walk, what);
    for (size_t i = 0;
         named && i < sizeof(places) / sizeof(*places) && !pool.found; i++)
        walk_pattern(&walk, places[i]);
    if (named || pool.found) /* a file without a pool is of no master */
        llmobs_process_all(find_master, &pool);
    if (!pool.found) {
        LLMOBS_FIND(FAIL, ABOUT, "%s: no such pool", what);
        return 0;
    }
    if (pool.master != 0)
        llmobs_process_all(find_worker, &pool);
    report_settings(doctor, &pool);
    if (pool.master == 0) {
        LLMOBS_FIND(FAIL, ABOUT, "no master of this pool runs");
        /* Settings in "/etc/php/8.2/fpm/" are those of php-fpm8.2. */
        if (sscanf(pool.file, "/etc/php/%15[0-9.]/", version) == 1)
            snprintf(path, sizeof(path), "/usr/sbin/php-fpm%s", version);
        if (llmobs_program_find(&doctor->program, path) == 0)
            return llmobs_doctor_examine(doctor);
        LLMOBS_FIND(NOTE, ABOUT, "and no php-fpm was found");
        return 0;
    }
    if (pool.worker == 0 || llmobs_process_open(&worker, pool.worker) != 0) {
        LLMOBS_FIND(NOTE, ABOUT, "master %d, no workers now", (int)pool.master);
    } else {
        on = llmobs_process_object(&worker, LLMOBS_DOCTOR_SHIM) != NULL;
        LLMOBS_FIND_AS(on ? LLMOBS_REPORT_OK : LLMOBS_REPORT_FAIL, ABOUT,
                       "master %d, %zu worker%s, %s in worker %d",
                       (int)pool.master, pool.workers,
                       pool.workers == 1 ? "" : "s", on ? "on" : "not on",
                       (int)pool.worker);
        llmobs_process_close(&worker);
    }
    rc = llmobs_process_open(&doctor->process, pool.master);
    if (rc != 0 || doctor->process.exe[0] == '\0') {
        LLMOBS_FIND(FAIL, ABOUT, "the master cannot be read: ask as root");
        return rc == -ENOMEM ? rc : 0;
    }
    llmobs_program_is(&doctor->program, doctor->process.exe);
    return llmobs_doctor_examine(doctor);
}
