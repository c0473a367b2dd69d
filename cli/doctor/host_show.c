#include "cli/doctor/host.h"

#include <errno.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>

#include "cli/shared/escape.h"

#define JSON_MAX (64u * 1024 * 1024)
#define CELL 256

static const char *const states[] = {"yes", "off", "no", "never"};
static const char *const state_names[] = {"observed", "switched_off",
                                          "not_observed", "out_of_reach"};

static void name_user(uid_t uid, char *out, size_t cap)
{
    const struct passwd *user = getpwuid(uid);

    if (user != NULL)
        snprintf(out, cap, "%s", user->pw_name);
    else
        snprintf(out, cap, "%lu", (unsigned long)uid);
}

/* A title may be empty, or only the path of the program. */
static const char *name_of(const struct llmobs_host_row *row)
{
    const char *name = row->title[0] != '\0' ? row->title : row->program;
    const char *slash = strchr(name, ' ') == NULL ? strrchr(name, '/') : NULL;

    return slash != NULL ? slash + 1 : name;
}

/* ---- JSON --------------------------------------------------------------- */

static struct llmobs_json *peers_of(const struct llmobs_host_row *row)
{
    struct llmobs_json *list = llmobs_json_array();
    int rc = 0;

    for (size_t i = 0; i < row->peer_count && rc == 0; i++) {
        const struct llmobs_host_peer *peer = &row->peers[i];
        struct llmobs_json *one = llmobs_json_object();

        rc = llmobs_json_sets(one, "to", peer->name);
        if (rc == 0)
            rc = llmobs_json_sets(one, "kind",
                                  peer->gateway ? "gateway" : "model");
        if (rc == 0)
            rc = llmobs_json_set(one, "count",
                                 llmobs_json_int((int64_t)peer->count));
        if (rc == 0)
            rc = llmobs_json_add(list, one);
        else
            llmobs_json_free(one);
    }
    if (rc == 0)
        return list;
    llmobs_json_free(list);
    return NULL;
}

static int set_advice(const struct llmobs_host_list *host,
                      const struct llmobs_host_row *row,
                      struct llmobs_json *one)
{
    char advice[PATH_MAX + LLMOBS_HOST_TEXT];

    if (row->state != LLMOBS_HOST_NOT)
        return 0;
    llmobs_starter_advice(&row->starter, host->library, advice, sizeof advice);
    return llmobs_json_sets(one, "switch_on", advice);
}

static int fill(const struct llmobs_host_list *host,
                const struct llmobs_host_row *row, struct llmobs_json *one)
{
    char user[CELL];
    int rc = llmobs_json_set(one, "pid", llmobs_json_int(row->pid));

    name_user(row->uid, user, sizeof user);
    if (rc == 0)
        rc = llmobs_json_sets(one, "user", user);
    if (rc == 0)
        rc = llmobs_json_sets(one, "program", row->program);
    if (rc == 0)
        rc = llmobs_json_sets(one, "title", row->title);
    if (rc == 0)
        rc = llmobs_json_sets(one, "libcurl", row->curl);
    if (rc == 0)
        rc = llmobs_json_set(one, "connections", peers_of(row));
    if (rc == 0)
        rc = llmobs_json_sets(one, "state", state_names[row->state]);
    if (rc == 0 && row->why[0] != '\0')
        rc = llmobs_json_sets(one, "why", row->why);
    if (rc == 0)
        rc = llmobs_json_sets(one, "started_by",
                              llmobs_starter_name(row->starter.kind));
    if (rc == 0 && row->starter.name[0] != '\0')
        rc = llmobs_json_sets(one, "starter_name", row->starter.name);
    return rc == 0 ? set_advice(host, row, one) : rc;
}

static int fill_all(const struct llmobs_host_list *host,
                    struct llmobs_json *all)
{
    struct llmobs_json *list = llmobs_json_array();
    int rc = llmobs_json_set(all, "processes", llmobs_json_share(list));

    for (size_t i = 0; i < host->count && rc == 0; i++) {
        struct llmobs_json *one = llmobs_json_object();

        rc = fill(host, &host->rows[i], one);
        if (rc == 0)
            rc = llmobs_json_add(list, one);
        else
            llmobs_json_free(one);
    }
    llmobs_json_free(list);
    if (rc == 0)
        rc = llmobs_json_set(all, "others",
                             llmobs_json_int((int64_t)host->others));
    if (rc == 0)
        rc = llmobs_json_set(all, "unreadable",
                             llmobs_json_int((int64_t)host->unreadable));
    return rc;
}

int llmobs_host_print_json(const struct llmobs_host_list *host)
{
    struct llmobs_json *all = llmobs_json_object();
    struct llmobs_buf text;
    int rc = fill_all(host, all);

    llmobs_buf_init(&text, JSON_MAX);
    if (rc == 0)
        rc = llmobs_json_dump(all, LLMOBS_JSON_KEEP_ORDER, &text);
    if (rc == 0)
        printf("%s\n", text.data);
    llmobs_buf_fini(&text);
    llmobs_json_free(all);
    return rc;
}

/* ---- text --------------------------------------------------------------- */

/* Prints a foreign text in a column; 0: as wide as it is. */
static int print_cell(const char *text, size_t width)
{
    struct llmobs_buf cell;
    size_t shown;
    int rc;

    llmobs_buf_init(&cell, 16 * LLMOBS_REPORT_TEXT);
    rc =
        llmobs_escape_adds(&cell, text, width > 0 ? width : LLMOBS_REPORT_TEXT);
    if (rc == 0) {
        shown = llmobs_escape_width(cell.data ? cell.data : "");
        printf("%s%*s", cell.data ? cell.data : "",
               width > shown ? (int)(width - shown) : 0, "");
    }
    llmobs_buf_fini(&cell);
    return rc;
}

static int print_peers(const struct llmobs_host_row *row)
{
    int rc = 0;

    for (size_t i = 0; i < row->peer_count && rc == 0; i++) {
        const struct llmobs_host_peer *peer = &row->peers[i];

        fputs(i > 0 ? ", " : "", stdout);
        rc = print_cell(peer->name, 0);
        fputs(peer->gateway ? " (gateway)" : "", stdout);
        if (peer->count > 1)
            printf(" x%zu", peer->count);
    }
    if (row->peer_count == 0)
        putchar('-');
    putchar('\n');
    return rc;
}

static int print_detail(const char *about, const char *text)
{
    int rc;

    printf("        %s: ", about);
    rc = print_cell(text, 0);
    putchar('\n');
    return rc;
}

static int print_row(const struct llmobs_host_list *host,
                     const struct llmobs_host_row *row)
{
    char text[PATH_MAX + LLMOBS_HOST_TEXT];
    int rc;

    printf("%7d ", (int)row->pid);
    name_user(row->uid, text, sizeof text);
    rc = print_cell(text, 10);
    putchar(' ');
    if (rc == 0)
        rc = print_cell(name_of(row), 24);
    printf(" %-8s ", states[row->state]);
    if (rc == 0)
        rc = print_peers(row);
    if (rc == 0 && row->why[0] != '\0')
        rc = print_detail("why", row->why);
    if (rc == 0 && row->state == LLMOBS_HOST_NOT) {
        llmobs_starter_advice(&row->starter, host->library, text, sizeof text);
        rc = print_detail("to switch it on", text);
    }
    return rc;
}

int llmobs_host_print_text(const struct llmobs_host_list *host)
{
    int rc = 0;

    if (host->count > 0)
        printf("%7s %-10s %-24s %-8s %s\n", "PID", "USER", "PROGRAM",
               "OBSERVED", "TALKS TO");
    for (size_t i = 0; i < host->count && rc == 0; i++)
        rc = print_row(host, &host->rows[i]);
    printf("%zu of %zu processes have libcurl, or talk to a model.\n",
           host->count, host->count + host->others);
    if (host->unreadable > 0)
        printf("%zu processes may not be looked into: ask as root.\n",
               host->unreadable);
    return rc;
}
