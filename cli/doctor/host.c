/* Lists the host's processes that may call models (`doctor --host`). */
#include "cli/doctor/host.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/doctor/doctor.h"
#include "cli/doctor/host_sockets.h"
#include "lib/base/grow.h"
#include "cli/doctor/host_names.h"
#include "cli/doctor/host_starter.h"
#include "cli/doctor/report.h"
#include "cli/shared/accounts.h"
#include "cli/shared/json_out.h"
#include "cli/shared/screen.h"

#define HTTPS 443

#define ROWS_MAX 65536
#define TEXT_MAX 512
#define PEERS_MAX 16

enum state {
    OBSERVED,
    OFF,   /* the library is loaded, and switched off */
    NOT,   /* not observed, though it could be */
    NEVER, /* nothing can be preloaded, or the calls are made by
            * a library that is never observed */
};

enum kind {
    MODEL,
    GATEWAY,
    OTHER, /* a host that nobody knows, at port 443 */
};

/* The other end of a connection, if it has a name. */
struct peer {
    char name[LLMOBS_HOST_NAME];
    enum kind kind;
    size_t count;
};

struct row {
    pid_t pid;
    uid_t uid;
    char *program; /* the path of its file */
    char *title;   /* the title that ps shows */
    char *curl;    /* the path of a libcurl; NULL: it has none */
    bool linked;   /* libcurl is inside the program's file */
    enum state state;
    char why[TEXT_MAX]; /* "" where it is observed */
    /* The same of calls by plain http:// without libcurl: */
    enum state plain_state;
    char plain_why[TEXT_MAX];
    bool plain; /* a connection goes to a gateway or a model that way */
    struct llmobs_starter starter;
    struct llmobs_host_address *sockets;
    size_t socket_count;
    struct peer peers[PEERS_MAX];
    size_t peer_count;
};

struct list {
    struct row *rows;
    size_t count, room;
    size_t others;          /* processes with no libcurl and no named peer */
    size_t unreadable;      /* processes of other users */
    char library[PATH_MAX]; /* the shim's path, or name if no file was found */
    struct llmobs_host_names names;
};

/* A file that many processes have is read once. */
struct seen {
    dev_t device;
    ino_t inode;
    bool copy;     /* the file is a copy of libcurl, or holds a copy */
    bool connects; /* as of the routes */
};

struct walk {
    struct list *host;
    struct llmobs_socket_tables tables;
    struct seen *seen;
    size_t seen_count, seen_room;
    struct llmobs_allowance allowance;
    struct llmobs_doctor *doctor; /* used for one process after another */
    int rc;
};

/* -- libcurl -------------------------------------------------------------- */

/* Reads a file of the process's unless it is known to have no libcurl. */
static void look_into(struct walk *walk, const char *path, bool program)
{
    struct llmobs_doctor *doctor = walk->doctor;
    char whole[2 * PATH_MAX];
    const struct seen *seen = NULL;
    struct stat st;
    size_t before = doctor->routes.count;
    bool others = doctor->routes.connects;

    snprintf(whole, sizeof(whole), "%s%s", doctor->process.prefix, path);
    if (stat(whole, &st) != 0)
        return;
    for (size_t i = 0; i < walk->seen_count && !seen; i++)
        if (walk->seen[i].inode == st.st_ino &&
            walk->seen[i].device == st.st_dev)
            seen = &walk->seen[i];
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

/* -- state ---------------------------------------------------------------- */

/* The state of a process without libcurl, and why. */
static const char *judge_tls(struct llmobs_doctor *doctor, struct row *row,
                             const char *bad)
{
    static const struct {
        const char *object, *why;
    } rows[] = {
        {"/libjvm.so",
         "it has no libcurl: Java speaks TLS itself, and reads no variable by "
         "which `llmobs-run --intercept` would see it"},
        {"/libssl3.so", "it has no libcurl: NSS makes its calls"},
        {"/libmbedtls.so", "it has no libcurl: mbed TLS makes its calls"},
    };
    static char left[LLMOBS_NO_ENTRY_MAX];
    enum llmobs_tls_way way = llmobs_doctor_tls_of(doctor, left);

    if (way == LLMOBS_TLS_NONE || way == LLMOBS_TLS_LEFT) {
        row->state = NEVER;
        if (way == LLMOBS_TLS_LEFT)
            return left;
        /* Says what makes its calls. */
        for (size_t i = 0; i < doctor->process.object_count; i++)
            for (size_t j = 0; j < sizeof(rows) / sizeof(rows[0]); j++)
                if (strstr(doctor->process.objects[i].path, rows[j].object))
                    return rows[j].why;
        return "it has no libcurl, and no TLS library: its own file makes its "
               "calls, which `llmobs-run --intercept` shows";
    }
    if (row->state != OBSERVED)
        return bad;
    if (way == LLMOBS_TLS_NOT || way == LLMOBS_TLS_TRACED)
        row->state = OFF;
    if (way == LLMOBS_TLS_TRACED)
        return "a tracer in its language reports its calls";
    return way == LLMOBS_TLS_NOT ? "LLMOBS_TLS=on observes its calls" : bad;
}

static int judge(struct walk *walk, struct row *row)
{
    struct llmobs_doctor *doctor = walk->doctor;
    bool loaded =
        llmobs_process_object(&doctor->process, LLMOBS_DOCTOR_SHIM) != NULL;
    const struct llmobs_json *findings = doctor->report.findings;
    const char *bad = NULL;
    char *urls = NULL;
    int rc;

    llmobs_doctor_possible(doctor);
    llmobs_doctor_on(doctor);
    rc = llmobs_doctor_switch(doctor, &urls);
    llmobs_host_names_add(&walk->host->names, urls);
    free(urls);
    if (rc != 0)
        return rc;
    for (size_t i = llmobs_json_len(findings); i-- > 0;)
        if (llmobs_json_says(llmobs_json_at(findings, i), "level", "fail"))
            bad = llmobs_json_gets(llmobs_json_at(findings, i), "text");
    row->state = loaded ? OBSERVED : doctor->possible ? NOT : NEVER;
    if (row->state == OBSERVED && bad)
        row->state = OFF;
    if (row->linked) {
        row->state = NEVER;
        bad = "libcurl is linked into the file itself, which is out of reach";
    } else if (!row->curl) {
        enum llmobs_sockets_way way = llmobs_doctor_sockets_of(doctor);
        const char *why = llmobs_doctor_sockets_why(way);

        /* Notes the state of the calls by plain http:// of a process without
         * libcurl, and why. */
        row->plain_state = row->state;
        if (way == LLMOBS_SOCKETS_NONE)
            row->plain_state = NEVER;
        else if (why && row->state == OBSERVED)
            row->plain_state = OFF;
        else
            why = bad;
        snprintf(row->plain_why, sizeof(row->plain_why), "%s", why ? why : "");
        bad = judge_tls(doctor, row, bad);
    }
    snprintf(row->why, sizeof(row->why), "%s", bad ? bad : "");
    return 0;
}

/* -- one process ---------------------------------------------------------- */

static void free_row(struct row *row)
{
    free(row->program);
    free(row->title);
    free(row->curl);
    free(row->sockets);
}

/* Adds a row for the process that is open, where it matters. */
static int look_at(struct walk *walk)
{
    struct list *host = walk->host;
    struct llmobs_doctor *doctor = walk->doctor;
    const struct llmobs_process *process = &doctor->process;
    struct llmobs_host_address found[LLMOBS_SOCKETS];
    struct row row = {.pid = process->pid};
    char title[TEXT_MAX], path[64];
    bool matters;
    struct stat st;
    int rc;

    snprintf(path, sizeof(path), "/proc/%d", (int)process->pid);
    row.uid = stat(path, &st) == 0 ? st.st_uid : 0;
    llmobs_process_title(process->pid, title, sizeof(title));
    row.title = strdup(title);
    row.program = strdup(process->exe);
    rc = row.title && row.program ? 0 : -ENOMEM;
    if (rc == 0) {
        llmobs_starter_of(&row.starter, process->pid,
                          llmobs_program_base(process->exe));
        llmobs_program_is(&doctor->program, process->exe);
        llmobs_doctor_open_library(doctor, &walk->allowance);
        /* Looks for a copy of libcurl in the process's memory, and if there is
         * none, in the program's file. */
        for (size_t i = 0; i < process->object_count; i++)
            if (strcmp(process->objects[i].path, process->exe) == 0)
                continue;
            else if (!process->objects[i].deleted)
                look_into(walk, process->objects[i].path, false);
            else if (!row.curl && strstr(process->objects[i].path, "/libcurl"))
                row.curl = strdup(process->objects[i].path);
        if (doctor->routes.count == 0 && !row.curl)
            look_into(walk, process->exe, true);
        if (doctor->routes.count > 0 && !row.curl) {
            row.linked = doctor->routes.copies[0].how == LLMOBS_LIBCURL_STATIC;
            row.curl = strdup(doctor->routes.copies[0].path);
        }
        rc =
            llmobs_sockets_of(&walk->tables, row.pid, found, &row.socket_count);
        if (rc < 0)
            row.socket_count = 0;
        rc = rc == -ENOMEM ? rc : 0;
    }
    if (rc == 0 && row.socket_count > 0) {
        row.sockets = malloc(row.socket_count * sizeof(*found));
        if (row.sockets)
            memcpy(row.sockets, found, row.socket_count * sizeof(*found));
        rc = row.sockets ? 0 : -ENOMEM;
    }
    matters = rc == 0 && (row.curl || row.socket_count > 0);
    if (matters)
        rc = judge(walk, &row);
    if (matters && rc == 0)
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

    if (walk->host->count == ROWS_MAX)
        return true;
    memset(doctor, 0, sizeof(*doctor));
    llmobs_report_init(&doctor->report);
    rc = llmobs_process_open(&doctor->process, pid);
    if (rc == 0 && llmobs_process_object(&doctor->process, LLMOBS_DOCTOR_TOOL))
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

static void add_peer(struct row *row, const char *name, enum kind kind)
{
    for (size_t i = 0; i < row->peer_count; i++)
        if (strcmp(row->peers[i].name, name) == 0) {
            row->peers[i].count++;
            return;
        }
    if (row->peer_count == PEERS_MAX)
        return;
    row->peers[row->peer_count].kind = kind;
    row->peers[row->peer_count].count = 1;
    snprintf(row->peers[row->peer_count++].name, LLMOBS_HOST_NAME, "%s", name);
}

/* -- showing --------------------------------------------------------------- */

static const char *const states[] = {"yes", "off", "no", "never"};
static const char *const state_names[] = {"observed", "switched_off",
                                          "not_observed", "out_of_reach"};
static const char *const kind_names[] = {"model", "gateway", "https"};

static const char *filled(const char *text)
{
    return *text != '\0' ? text : NULL;
}

static int print_json(const struct list *host)
{
    char user[LLMOBS_ACCOUNT_NAME], advice[PATH_MAX + TEXT_MAX];
    struct llmobs_json *all = llmobs_json_object();
    struct llmobs_json *list = llmobs_json_array();
    int rc;

    for (const struct row *row = host->rows; row < host->rows + host->count;
         row++) {
        struct llmobs_json *one = llmobs_json_object();
        struct llmobs_json *peers = llmobs_json_array();

        for (size_t i = 0; i < row->peer_count; i++) {
            struct llmobs_json *peer = llmobs_json_object();

            llmobs_json_set_texts(peer, "to", row->peers[i].name, "kind",
                                  kind_names[row->peers[i].kind], NULL);
            llmobs_json_set(peer, "count",
                            llmobs_json_int((int64_t)row->peers[i].count));
            llmobs_json_add(peers, peer);
        }
        llmobs_account_name(row->uid, user);
        llmobs_json_set(one, "pid", llmobs_json_int(row->pid));
        llmobs_json_set_texts(one, "user", user, "program", row->program,
                              "title", row->title, "libcurl", row->curl, NULL);
        llmobs_json_set(one, "connections", peers);
        llmobs_json_set_texts(one, "state", state_names[row->state], "why",
                              filled(row->why), "started_by",
                              llmobs_starter_name(row->starter.kind),
                              "starter_name", filled(row->starter.name), NULL);
        llmobs_starter_advice(&row->starter, host->library, advice,
                              sizeof(advice));
        if (row->state == NOT)
            llmobs_json_sets(one, "switch_on", advice);
        llmobs_json_add(list, one);
    }
    llmobs_json_set(all, "processes", list);
    llmobs_json_set(all, "others", llmobs_json_int((int64_t)host->others));
    llmobs_json_set(all, "unreadable",
                    llmobs_json_int((int64_t)host->unreadable));
    rc = llmobs_json_error(all);
    if (rc == 0)
        rc = llmobs_json_out_value(all);
    llmobs_json_free(all);
    return rc;
}

static int print_detail(const char *about, const char *text)
{
    int rc;

    printf("        %s: ", about);
    rc = llmobs_screen_cell(text, LLMOBS_REPORT_TEXT, 0);
    putchar('\n');
    return rc;
}

static int print_text(const struct list *host)
{
    char text[PATH_MAX + TEXT_MAX];
    int rc = 0;

    if (host->count > 0)
        printf("%7s %-10s %-24s %-8s %s\n", "PID", "USER", "PROGRAM",
               "OBSERVED", "TALKS TO");
    for (const struct row *row = host->rows;
         row < host->rows + host->count && rc == 0; row++) {
        /* The title, else the program's path; of a path alone, its last part.
         */
        const char *name = row->title[0] != '\0' ? row->title : row->program;
        const char *slash = !strchr(name, ' ') ? strrchr(name, '/') : NULL;

        printf("%7d ", (int)row->pid);
        llmobs_account_name(row->uid, text);
        rc = llmobs_screen_cell(text, 10, 10);
        putchar(' ');
        if (rc == 0)
            rc = llmobs_screen_cell(slash ? slash + 1 : name, 24, 24);
        printf(" %-8s ", states[row->state]);
        for (size_t i = 0; i < row->peer_count && rc == 0; i++) {
            const struct peer *peer = &row->peers[i];

            fputs(i > 0 ? ", " : "", stdout);
            rc = llmobs_screen_cell(peer->name, LLMOBS_REPORT_TEXT, 0);
            fputs(peer->kind == GATEWAY ? " (gateway)" : "", stdout);
            if (peer->count > 1)
                printf(" x%zu", peer->count);
        }
        puts(row->peer_count == 0 ? "-" : "");
        if (rc == 0 && row->why[0] != '\0')
            rc = print_detail("why", row->why);
        if (rc == 0 && row->state == NOT) {
            llmobs_starter_advice(&row->starter, host->library, text,
                                  sizeof(text));
            rc = print_detail("to switch it on", text);
        }
    }
    printf(
        "%zu of %zu processes have libcurl, or talk to a model or by HTTPS.\n",
        host->count, host->count + host->others);
    if (host->unreadable > 0)
        printf("%zu process%s may not be looked into: %s.\n", host->unreadable,
               host->unreadable == 1 ? "" : "es",
               geteuid() != 0 ? "ask as root"
                              : "a container's root needs CAP_SYS_PTRACE");
    return rc;
}

/* -- the command ---------------------------------------------------------- */

static int gather(struct list *host)
{
    static struct llmobs_doctor doctor;
    static struct walk walk;
    static struct llmobs_preload preload;
    struct llmobs_config *config;
    bool remote = false; /* a process talks to another machine */
    char name[LLMOBS_HOST_NAME];
    bool gateway, plain;
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
    for (size_t i = 0; i < host->count; i++)
        for (size_t k = 0; k < host->rows[i].socket_count; k++)
            remote |= !llmobs_host_names_is_local(&host->rows[i].sockets[k]);
    if (rc == 0)
        rc = llmobs_host_names_look_up(&host->names, remote);
    if (rc == 0) {
        /* Drops the rows that have neither a libcurl nor a connection that
         * counts. */
        size_t kept = 0;

        for (size_t i = 0; i < host->count; i++) {
            struct row row = host->rows[i];

            for (size_t k = 0; k < row.socket_count; k++)
                if (llmobs_host_names_find(&host->names, &row.sockets[k], name,
                                           sizeof(name), &gateway, &plain)) {
                    row.plain |= plain;
                    add_peer(&row, name, gateway ? GATEWAY : MODEL);
                } else if (row.sockets[k].port == HTTPS && !row.curl) {
                    add_peer(&row, "port 443", OTHER);
                }
            if (row.plain && !row.curl) {
                row.state = row.plain_state;
                memcpy(row.why, row.plain_why, sizeof(row.why));
            }
            if (row.curl || row.peer_count > 0) {
                host->rows[kept++] = row;
            } else {
                free_row(&row);
                host->others++;
            }
        }
        host->count = kept;
    }
    free(walk.seen);
    llmobs_sockets_fini(&walk.tables);
    return rc;
}

int llmobs_doctor_host(bool json, bool *missed)
{
    static struct list host;
    int rc = gather(&host);

    *missed = false;
    for (size_t i = 0; i < host.count; i++)
        for (size_t k = 0; k < host.rows[i].peer_count; k++)
            *missed |= host.rows[i].state != OBSERVED &&
                       host.rows[i].peers[k].kind != OTHER;
    if (rc == 0)
        rc = json ? print_json(&host) : print_text(&host);
    for (size_t i = 0; i < host.count; i++)
        free_row(&host.rows[i]);
    free(host.rows);
    llmobs_host_names_fini(&host.names);
    return rc;
}
