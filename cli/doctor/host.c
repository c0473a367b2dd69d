#include "cli/doctor/host.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/doctor/doctor.h"
#include "cli/doctor/host_show.h"
#include "cli/doctor/host_sockets.h"
#include "lib/base/grow.h"

#define TOOL "llmobs-tool"
#define HTTPS 443

/* A file that many processes have is read once. */
struct seen {
    dev_t device;
    ino_t inode;
    bool copy;     /* the file is a copy of libcurl, or holds a copy */
    bool connects; /* as of the routes */
};

struct walk {
    struct llmobs_host_list *host;
    struct llmobs_socket_tables tables;
    struct seen *seen;
    size_t seen_count, seen_room;
    struct llmobs_allowance allowance;
    struct llmobs_doctor *doctor; /* used for one process after another */
    int rc;
};

/* -- libcurl -------------------------------------------------------------- */

static struct seen *find_seen(const struct walk *walk, const struct stat *st)
{
    for (size_t i = 0; i < walk->seen_count; i++)
        if (walk->seen[i].inode == st->st_ino &&
            walk->seen[i].device == st->st_dev)
            return &walk->seen[i];
    return NULL;
}

/* Reads a file of the process's unless it is known to have no libcurl. */
static void look_into(struct walk *walk, const char *path, bool program)
{
    struct llmobs_doctor *doctor = walk->doctor;
    char whole[2 * PATH_MAX];
    const struct seen *seen;
    struct stat st;
    size_t before = doctor->routes.count;
    bool others = doctor->routes.connects;

    snprintf(whole, sizeof(whole), "%s%s", doctor->process.prefix, path);
    if (stat(whole, &st) != 0)
        return;
    seen = find_seen(walk, &st);
    if (seen && !seen->copy) {
        doctor->routes.connects |= seen->connects;
        return;
    }
    doctor->routes.connects = false;
    if (program)
        (void)llmobs_libcurl_routes_add(&doctor->routes, &doctor->library, path,
                                        LLMOBS_LIBCURL_LINKED, "", false);
    else
        (void)llmobs_libcurl_routes_add_copy(&doctor->routes, &doctor->library,
                                             path, LLMOBS_LIBCURL_LOADED);
    if (!seen && llmobs_grow(&walk->seen, &walk->seen_room, walk->seen_count,
                             sizeof(*walk->seen)) == 0)
        walk->seen[walk->seen_count++] =
            (struct seen){st.st_dev, st.st_ino, doctor->routes.count > before,
                          doctor->routes.connects};
    doctor->routes.connects |= others;
}

/* Looks for a copy of libcurl in the process's memory, and if there is none, in
 * the program's file. */
static void find_curl(struct walk *walk, struct llmobs_host_row *row)
{
    struct llmobs_doctor *doctor = walk->doctor;
    const struct llmobs_process *process = &doctor->process;

    for (size_t i = 0; i < process->object_count; i++)
        if (strcmp(process->objects[i].path, process->exe) == 0)
            continue;
        else if (!process->objects[i].deleted)
            look_into(walk, process->objects[i].path, false);
        else if (!row->curl && strstr(process->objects[i].path, "/libcurl"))
            row->curl = strdup(process->objects[i].path);
    if (doctor->routes.count == 0 && !row->curl)
        look_into(walk, process->exe, true);
    if (doctor->routes.count > 0 && !row->curl) {
        row->linked = doctor->routes.copies[0].how == LLMOBS_LIBCURL_STATIC;
        row->curl = strdup(doctor->routes.copies[0].path);
    }
}

/* -- state ---------------------------------------------------------------- */

/* The first finding that keeps the process from being observed. */
static const char *first_bad(const struct llmobs_report *report)
{
    for (size_t i = 0; i < llmobs_json_len(report->findings); i++) {
        const struct llmobs_json *one = llmobs_json_at(report->findings, i);

        if (llmobs_json_says(one, "level", "fail"))
            return llmobs_json_gets(one, "text");
    }
    return NULL;
}

/* Says what makes the calls of a process that has neither libcurl nor a TLS
 * library that is observed. */
static const char *unseen_by(const struct llmobs_process *process)
{
    static const struct {
        const char *object, *why;
    } rows[] = {
        {"/libjvm.so", "it has no libcurl: Java speaks TLS itself"},
        {"/libssl3.so", "it has no libcurl: NSS makes its calls"},
        {"/libmbedtls.so", "it has no libcurl: mbed TLS makes its calls"},
    };

    for (size_t i = 0; i < process->object_count; i++)
        for (size_t j = 0; j < sizeof(rows) / sizeof(rows[0]); j++)
            if (strstr(process->objects[i].path, rows[j].object))
                return rows[j].why;
    return "it has no libcurl, and no TLS library: its own file makes its "
           "calls";
}

/* Notes the state of the calls by plain http:// of a process without libcurl,
 * and why. */
static void judge_plain(struct llmobs_doctor *doctor,
                        struct llmobs_host_row *row, const char *bad)
{
    enum llmobs_sockets_way way = llmobs_doctor_sockets_of(doctor);
    const char *why = llmobs_doctor_sockets_why(way);

    row->plain_state = row->state;
    if (way == LLMOBS_SOCKETS_NONE)
        row->plain_state = LLMOBS_HOST_NEVER;
    else if (why && row->state == LLMOBS_HOST_OBSERVED)
        row->plain_state = LLMOBS_HOST_OFF;
    else
        why = bad;
    snprintf(row->plain_why, sizeof(row->plain_why), "%s", why ? why : "");
}

/* The state of a process without libcurl, and why. */
static const char *judge_tls(struct llmobs_doctor *doctor,
                             struct llmobs_host_row *row, const char *bad)
{
    static char left[LLMOBS_NO_ENTRY_MAX];
    enum llmobs_tls_way way = llmobs_doctor_tls_of(doctor, left);

    if (way == LLMOBS_TLS_NONE || way == LLMOBS_TLS_LEFT) {
        row->state = LLMOBS_HOST_NEVER;
        return way == LLMOBS_TLS_LEFT ? left : unseen_by(&doctor->process);
    }
    if (row->state != LLMOBS_HOST_OBSERVED)
        return bad;
    if (way == LLMOBS_TLS_NOT || way == LLMOBS_TLS_TRACED)
        row->state = LLMOBS_HOST_OFF;
    if (way == LLMOBS_TLS_TRACED)
        return "a tracer in its language reports its calls";
    return way == LLMOBS_TLS_NOT ? "LLMOBS_TLS=on observes its calls" : bad;
}

static int judge(struct walk *walk, struct llmobs_host_row *row)
{
    struct llmobs_doctor *doctor = walk->doctor;
    bool loaded =
        llmobs_process_object(&doctor->process, LLMOBS_DOCTOR_SHIM) != NULL;
    char *urls = NULL;
    const char *bad;
    int rc;

    llmobs_doctor_possible(doctor);
    llmobs_doctor_on(doctor);
    rc = llmobs_doctor_switch(doctor, &urls);
    llmobs_host_names_add(&walk->host->names, urls);
    free(urls);
    if (rc != 0)
        return rc;
    bad = first_bad(&doctor->report);
    row->state = loaded             ? LLMOBS_HOST_OBSERVED
                 : doctor->possible ? LLMOBS_HOST_NOT
                                    : LLMOBS_HOST_NEVER;
    if (row->state == LLMOBS_HOST_OBSERVED && bad)
        row->state = LLMOBS_HOST_OFF;
    if (row->linked) {
        row->state = LLMOBS_HOST_NEVER;
        bad = "libcurl is linked into the file itself, which is out of reach";
    } else if (!row->curl) {
        judge_plain(doctor, row, bad);
        bad = judge_tls(doctor, row, bad);
    }
    snprintf(row->why, sizeof(row->why), "%s", bad ? bad : "");
    return 0;
}

/* -- one process ---------------------------------------------------------- */

static void free_row(struct llmobs_host_row *row)
{
    free(row->program);
    free(row->title);
    free(row->curl);
    free(row->sockets);
}

static int find_sockets(struct walk *walk, struct llmobs_host_row *row)
{
    struct llmobs_host_address found[LLMOBS_SOCKETS];
    int rc =
        llmobs_sockets_of(&walk->tables, row->pid, found, &row->socket_count);

    if (rc < 0 || row->socket_count == 0) {
        row->socket_count = 0;
        return rc == -ENOMEM ? rc : 0;
    }
    row->sockets = malloc(row->socket_count * sizeof(*found));
    if (!row->sockets)
        return -ENOMEM;
    memcpy(row->sockets, found, row->socket_count * sizeof(*found));
    return 0;
}

/* Fills a row of the process that is open. */
static int fill(struct walk *walk, struct llmobs_host_row *row)
{
    struct llmobs_doctor *doctor = walk->doctor;
    const struct llmobs_process *process = &doctor->process;
    char title[LLMOBS_HOST_TEXT], path[64];
    struct stat st;
    int rc;

    row->pid = process->pid;
    snprintf(path, sizeof(path), "/proc/%d", (int)process->pid);
    row->uid = stat(path, &st) == 0 ? st.st_uid : 0;
    llmobs_process_title(process->pid, title, sizeof(title));
    row->title = strdup(title);
    row->program = strdup(process->exe);
    if (!row->title || !row->program)
        return -ENOMEM;
    llmobs_starter_of(&row->starter, process->pid,
                      llmobs_program_base(process->exe));
    llmobs_program_is(&doctor->program, process->exe);
    llmobs_doctor_open_library(doctor, &walk->allowance);
    find_curl(walk, row);
    rc = find_sockets(walk, row);
    return rc == 0 && (row->curl || row->socket_count > 0) ? judge(walk, row)
                                                           : rc;
}

static int look_at(struct walk *walk)
{
    struct llmobs_host_list *host = walk->host;
    struct llmobs_host_row row = {.pid = 0};
    int rc = fill(walk, &row);
    bool matters = rc == 0 && (row.curl || row.socket_count > 0);

    if (matters)
        rc = llmobs_grow(&host->rows, &host->room, host->count, sizeof(row));
    if (matters && rc == 0) {
        host->rows[host->count++] = row;
        return 0;
    }
    free_row(&row);
    host->others += rc == 0;
    return rc;
}

static bool each(void *ctx, pid_t pid)
{
    struct walk *walk = ctx;
    struct llmobs_doctor *doctor = walk->doctor;
    int rc;

    if (walk->host->count == LLMOBS_HOST_ROWS)
        return true;
    memset(doctor, 0, sizeof(*doctor));
    llmobs_report_init(&doctor->report);
    rc = llmobs_process_open(&doctor->process, pid);
    if (rc == 0 && llmobs_process_object(&doctor->process, TOOL))
        ; /* delivers spans, and calls no model */
    else if (rc == 0 && doctor->process.exe[0] != '\0' &&
             doctor->process.maps_known)
        rc = look_at(walk);
    else if (rc == 0 || rc == -EACCES)
        walk->host->unreadable++;
    if (rc == 0 && doctor->report.no_memory)
        rc = -ENOMEM;
    llmobs_process_close(&doctor->process);
    llmobs_report_fini(&doctor->report);
    walk->rc = rc == -ENOMEM ? rc : 0;
    return walk->rc == 0;
}

/* -- connections ---------------------------------------------------------- */

static void add_peer(struct llmobs_host_row *row, const char *name,
                     enum llmobs_host_kind kind)
{
    for (size_t i = 0; i < row->peer_count; i++)
        if (strcmp(row->peers[i].name, name) == 0) {
            row->peers[i].count++;
            return;
        }
    if (row->peer_count == LLMOBS_HOST_PEERS)
        return;
    row->peers[row->peer_count].kind = kind;
    row->peers[row->peer_count].count = 1;
    snprintf(row->peers[row->peer_count++].name, LLMOBS_HOST_NAME, "%s", name);
}

static void name_peers(const struct llmobs_host_list *host,
                       struct llmobs_host_row *row)
{
    char name[LLMOBS_HOST_NAME];
    bool gateway, plain;

    for (size_t i = 0; i < row->socket_count; i++)
        if (llmobs_host_names_find(&host->names, &row->sockets[i], name,
                                   sizeof(name), &gateway, &plain)) {
            row->plain |= plain;
            add_peer(row, name,
                     gateway ? LLMOBS_HOST_GATEWAY : LLMOBS_HOST_MODEL);
        } else if (row->sockets[i].port == HTTPS && !row->curl) {
            add_peer(row, "port 443", LLMOBS_HOST_HTTPS);
        }
    if (row->plain && !row->curl) {
        row->state = row->plain_state;
        memcpy(row->why, row->plain_why, sizeof(row->why));
    }
}

/* True where a process has a connection to another machine. */
static bool has_remote(const struct llmobs_host_list *host)
{
    for (size_t i = 0; i < host->count; i++)
        for (size_t s = 0; s < host->rows[i].socket_count; s++)
            if (!llmobs_host_names_is_local(&host->rows[i].sockets[s]))
                return true;
    return false;
}

/* Drops the rows that have neither a libcurl nor a connection that counts. */
static void keep_callers(struct llmobs_host_list *host)
{
    size_t kept = 0;

    for (size_t i = 0; i < host->count; i++) {
        struct llmobs_host_row row = host->rows[i];

        name_peers(host, &row);
        if (row.curl || row.peer_count > 0) {
            host->rows[kept++] = row;
        } else {
            free_row(&row);
            host->others++;
        }
    }
    host->count = kept;
}

/* True for a row that calls a model and is not observed. */
static bool misses(const struct llmobs_host_row *row)
{
    bool calls = false;

    for (size_t i = 0; i < row->peer_count; i++)
        calls |= row->peers[i].kind != LLMOBS_HOST_HTTPS;
    return calls && row->state != LLMOBS_HOST_OBSERVED;
}

/* -- the command ---------------------------------------------------------- */

static int gather(struct llmobs_host_list *host)
{
    static struct llmobs_doctor doctor;
    static struct walk walk;
    static struct llmobs_preload preload;
    struct llmobs_config *config;
    int rc = llmobs_host_names_init(&host->names);

    if (rc != 0)
        return rc;
    snprintf(host->library, sizeof(host->library), "%s",
             llmobs_preload_find(&preload) == 0 ? preload.library
                                                : LLMOBS_DOCTOR_SHIM);
    config = llmobs_doctor_config(&doctor);
    llmobs_host_names_add(&host->names, config ? config->proxy_urls : NULL);
    llmobs_config_free(config);
    walk = (struct walk){.host = host,
                         .doctor = &doctor,
                         .allowance = {.left = LLMOBS_ALLOWANCE_MAX}};
    llmobs_process_all(each, &walk);
    rc = walk.rc;
    if (rc == 0)
        rc = llmobs_host_names_look_up(&host->names, has_remote(host));
    if (rc == 0)
        keep_callers(host);
    free(walk.seen);
    llmobs_sockets_fini(&walk.tables);
    return rc;
}

int llmobs_doctor_host(bool json, bool *missed)
{
    static struct llmobs_host_list host;
    int rc = gather(&host);

    *missed = false;
    for (size_t i = 0; i < host.count; i++)
        *missed |= misses(&host.rows[i]);
    if (rc == 0)
        rc = json ? llmobs_host_print_json(&host)
                  : llmobs_host_print_text(&host);
    for (size_t i = 0; i < host.count; i++)
        free_row(&host.rows[i]);
    free(host.rows);
    llmobs_host_names_fini(&host.names);
    return rc;
}
