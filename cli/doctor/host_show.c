#include "cli/doctor/host_show.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/doctor/report.h"
#include "cli/shared/accounts.h"
#include "cli/shared/json_out.h"
#include "cli/shared/screen.h"

static const char *const states[] = {"yes", "off", "no", "never"};
static const char *const state_names[] = {"observed", "switched_off",
                                          "not_observed", "out_of_reach"};
static const char *const kind_names[] = {"model", "gateway", "https"};

/* The title, else the program's path; of a path alone, its last part. */
static const char *name_of(const struct llmobs_host_row *row)
{
    const char *name = row->title[0] != '\0' ? row->title : row->program;
    const char *slash = !strchr(name, ' ') ? strrchr(name, '/') : NULL;

    return slash ? slash + 1 : name;
}

/* -- JSON ----------------------------------------------------------------- */

static struct llmobs_json *peers_of(const struct llmobs_host_row *row)
{
    struct llmobs_json *list = llmobs_json_array();

    for (size_t i = 0; i < row->peer_count; i++) {
        const struct llmobs_host_peer *peer = &row->peers[i];
        struct llmobs_json *one = llmobs_json_object();

        llmobs_json_set_texts(one, "to", peer->name, "kind",
                              kind_names[peer->kind], NULL);
        llmobs_json_set(one, "count", llmobs_json_int((int64_t)peer->count));
        llmobs_json_add(list, one);
    }
    return list;
}

static const char *filled(const char *text)
{
    return *text != '\0' ? text : NULL;
}

static struct llmobs_json *process_of(const struct llmobs_host_list *host,
                                      const struct llmobs_host_row *row)
{
    char user[LLMOBS_ACCOUNT_NAME], advice[PATH_MAX + LLMOBS_HOST_TEXT];
    struct llmobs_json *one = llmobs_json_object();

    llmobs_account_name(row->uid, user);
    llmobs_json_set(one, "pid", llmobs_json_int(row->pid));
    llmobs_json_set_texts(one, "user", user, "program", row->program, "title",
                          row->title, "libcurl", row->curl, NULL);
    llmobs_json_set(one, "connections", peers_of(row));
    llmobs_json_set_texts(one, "state", state_names[row->state], "why",
                          filled(row->why), "started_by",
                          llmobs_starter_name(row->starter.kind),
                          "starter_name", filled(row->starter.name), NULL);
    if (row->state != LLMOBS_HOST_NOT)
        return one;
    llmobs_starter_advice(&row->starter, host->library, advice, sizeof(advice));
    llmobs_json_sets(one, "switch_on", advice);
    return one;
}

int llmobs_host_print_json(const struct llmobs_host_list *host)
{
    struct llmobs_json *all = llmobs_json_object();
    struct llmobs_json *list = llmobs_json_array();
    int rc;

    for (size_t i = 0; i < host->count; i++)
        llmobs_json_add(list, process_of(host, &host->rows[i]));
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

/* -- text ----------------------------------------------------------------- */

static int print_peers(const struct llmobs_host_row *row)
{
    int rc = 0;

    for (size_t i = 0; i < row->peer_count && rc == 0; i++) {
        const struct llmobs_host_peer *peer = &row->peers[i];

        fputs(i > 0 ? ", " : "", stdout);
        rc = llmobs_screen_cell(peer->name, LLMOBS_REPORT_TEXT, 0);
        fputs(peer->kind == LLMOBS_HOST_GATEWAY ? " (gateway)" : "", stdout);
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
    rc = llmobs_screen_cell(text, LLMOBS_REPORT_TEXT, 0);
    putchar('\n');
    return rc;
}

static int print_row(const struct llmobs_host_list *host,
                     const struct llmobs_host_row *row)
{
    char text[PATH_MAX + LLMOBS_HOST_TEXT];
    int rc;

    printf("%7d ", (int)row->pid);
    llmobs_account_name(row->uid, text);
    rc = llmobs_screen_cell(text, 10, 10);
    putchar(' ');
    if (rc == 0)
        rc = llmobs_screen_cell(name_of(row), 24, 24);
    printf(" %-8s ", states[row->state]);
    if (rc == 0)
        rc = print_peers(row);
    if (rc == 0 && row->why[0] != '\0')
        rc = print_detail("why", row->why);
    if (rc == 0 && row->state == LLMOBS_HOST_NOT) {
        llmobs_starter_advice(&row->starter, host->library, text, sizeof(text));
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
