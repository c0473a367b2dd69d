#include "cli/doctor/doctor.h"
#include "cli/doctor/doctor_fpm.h"
#include "cli/doctor/doctor_preload.h"
#include "cli/doctor/doctor_selftest.h"
#include "cli/doctor/doctor_settings.h"
#include "cli/doctor/host.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/doctor/probe.h"
#include "cli/shared/options.h"
#include "cli/shared/cli.h"

#define FPM "fpm:"

static const char help_text[] =
    "usage: llmobs doctor [--json] [--no-self-test] CMD | PID | fpm:POOL\n"
    "       llmobs doctor --host [--json]\n"
    "\n"
    "Tells whether a program can be observed: how it reaches libcurl, whether\n"
    "the library can be preloaded into it and is, its settings, and whether\n"
    "the agent, or the receiver of OTLP, answers and takes what would be "
    "sent;\n"
    "OTLP is asked by a request without a span. Then curl calls a server of "
    "the\n"
    "doctor's own, under the library, with the settings of this environment "
    "and\n"
    "a store of its own; where no span comes, doctor names the step that "
    "failed.\n"
    "CMD is found as a shell finds it, and is not run; its arguments may "
    "follow\n"
    "and are ignored. POOL is the name of a pool of php-fpm, or the path of "
    "its\n"
    "configuration.\n"
    "\n"
    "--host lists the processes of this host that have libcurl or talk to a\n"
    "model's host or a gateway: observed or not, why, and how to switch it "
    "on.\n"
    "It reads /proc and the sockets, looks the hosts' names up, and changes\n"
    "nothing.\n"
    "\n"
    "  --host           all processes; those of other users only as root\n"
    "  --json           as one JSON object\n"
    "  --no-self-test   without that call\n"
    "\n"
    "Exit status: 0 all is well, 1 it cannot work or is not on (--host: a\n"
    "process talks to a model and is not observed), 2 usage.\n";

/* ---- routes to libcurl -------------------------------------------------- */

static struct llmobs_json *copy_fact(const struct llmobs_libcurl_route *copy)
{
    struct llmobs_json *fact = llmobs_json_object();

    (void)llmobs_json_sets(fact, "how", llmobs_libcurl_how_name(copy->how));
    (void)llmobs_json_sets(fact, "path", copy->path);
    (void)llmobs_json_sets(fact, "via", copy->via[0] ? copy->via : NULL);
    (void)llmobs_json_sets(fact, "flavour",
                           copy->flavour[0] ? copy->flavour : NULL);
    (void)llmobs_json_sets(fact, "version",
                           copy->version[0] ? copy->version : NULL);
    if (copy->missing)
        (void)llmobs_json_set(fact, "missing", llmobs_json_bool(true));
    if (copy->switched_off)
        (void)llmobs_json_set(fact, "switched_off", llmobs_json_bool(true));
    return fact;
}

/* True when the shim sees calls through that copy. */
static bool is_in_reach(const struct llmobs_libcurl_route *copy)
{
    return copy->how != LLMOBS_LIBCURL_STATIC && !copy->missing &&
           !copy->switched_off;
}

static void tell_copy(struct llmobs_doctor *doctor,
                      const struct llmobs_libcurl_route *copy)
{
    static const char *const texts[] = {
        "loaded: ", "linked: ", "opened later: ", "inside the file: "};
    const char *flavour = copy->flavour[0] ? copy->flavour : "unknown TLS";
    const char *version = copy->version[0] ? copy->version : "unknown version";
    bool is_static = copy->how == LLMOBS_LIBCURL_STATIC;

    llmobs_report_add(
        &doctor->report,
        is_in_reach(copy) ? LLMOBS_REPORT_OK : LLMOBS_REPORT_NOTE, "reach",
        "%s%s%s%s%s%s%s%s%s%s", texts[copy->how], copy->path,
        is_static || copy->missing ? "" : ", ",
        is_static || copy->missing ? "" : flavour,
        copy->missing ? ", which is not installed" : ", ",
        copy->missing ? "" : version, copy->via[0] ? ", by " : "", copy->via,
        copy->switched_off ? " (an extension that is not enabled)" : "",
        is_static ? ": libcurl linked into the file itself is out of reach"
                  : "");
}

static void tell_nothing(struct llmobs_doctor *doctor)
{
    const struct llmobs_program *program = &doctor->program;
    struct llmobs_report *report = &doctor->report;

    if (doctor->routes.count > 0)
        llmobs_report_add(report, LLMOBS_REPORT_BAD, "reach",
                          "no libcurl that can be observed");
    else if (program->loads != NULL)
        llmobs_report_add(report, LLMOBS_REPORT_BAD, "reach",
                          "libcurl would come by %s, and none was found",
                          program->loads);
    else if (program->shell)
        llmobs_report_add(report, LLMOBS_REPORT_NOTE, "reach",
                          "a shell makes no calls itself: what it runs gets "
                          "the library too; ask for those programs");
    else
        llmobs_report_add(report, LLMOBS_REPORT_BAD, "reach",
                          "neither linked with libcurl nor naming it");
    if (doctor->routes.missing[0] != '\0' && !doctor->allowance.spent)
        llmobs_report_add(report, LLMOBS_REPORT_NOTE, "reach",
                          "a library was not found: %s",
                          doctor->routes.missing);
}

static void tell_reach(struct llmobs_doctor *doctor)
{
    struct llmobs_json *fact = llmobs_json_object();
    struct llmobs_json *list = llmobs_json_array();
    const char *how = "none";
    bool in_reach = false;

    for (size_t i = 0; i < doctor->routes.count; i++) {
        const struct llmobs_libcurl_route *copy = &doctor->routes.copies[i];

        tell_copy(doctor, copy);
        if (!in_reach)
            how = llmobs_libcurl_how_name(copy->how);
        in_reach |= is_in_reach(copy);
        doctor->report.no_memory |= llmobs_json_add(list, copy_fact(copy)) != 0;
    }
    if (!in_reach)
        tell_nothing(doctor);
    if (doctor->allowance.spent)
        llmobs_report_add(&doctor->report, LLMOBS_REPORT_NOTE, "reach",
                          "its files ask for too much to be read: not all of "
                          "them was looked at");
    (void)llmobs_json_sets(fact, "how", how);
    (void)llmobs_json_set(fact, "in_reach", llmobs_json_bool(in_reach));
    (void)llmobs_json_set(fact, "copies", list);
    llmobs_report_fact(&doctor->report, "reach", fact);
}

/* Lists the copies in the memory of a process, which are surer than those that
 * its files name. */
static void find_loaded(struct llmobs_doctor *doctor)
{
    const struct llmobs_process *process = &doctor->process;

    for (size_t i = 0; i < process->object_count; i++) {
        const struct llmobs_process_object *object = &process->objects[i];

        if (!object->deleted)
            (void)llmobs_libcurl_routes_add_copy(&doctor->routes,
                                                 &doctor->library, object->path,
                                                 LLMOBS_LIBCURL_LOADED);
        else if (strstr(object->path, "/libcurl") != NULL)
            llmobs_report_add(&doctor->report, LLMOBS_REPORT_NOTE, "reach",
                              "loaded, and replaced or deleted since: %s",
                              object->path);
    }
}

static void find_reach(struct llmobs_doctor *doctor)
{
    struct llmobs_libcurl_routes *routes = &doctor->routes;
    int rc = 0;

    find_loaded(doctor);
    if (routes->count == 0)
        rc = llmobs_libcurl_routes_add(routes, &doctor->library,
                                       doctor->program.file,
                                       LLMOBS_LIBCURL_LINKED, "", true);
    if (routes->count == 0 && rc == 0)
        llmobs_program_extensions(&doctor->program, doctor->process.prefix,
                                  routes, &doctor->library);
    /* An unreadable file is reported here by what it means for preloading. */
    if (rc == 0)
        tell_reach(doctor);
}

/* ---- the command -------------------------------------------------------- */

static void tell_program(struct llmobs_doctor *doctor)
{
    const struct llmobs_program *program = &doctor->program;
    struct llmobs_report *report = &doctor->report;

    llmobs_report_fact(report, "program", llmobs_json_string(program->file));
    if (program->script[0] != '\0')
        llmobs_report_fact(report, "script",
                           llmobs_json_string(program->script));
    if (doctor->process.pid != 0) {
        llmobs_report_fact(report, "pid", llmobs_json_int(doctor->process.pid));
        llmobs_report_add(report, LLMOBS_REPORT_NOTE, "program",
                          "%s, process %d", program->file,
                          (int)doctor->process.pid);
    } else if (program->script[0] != '\0') {
        llmobs_report_add(report, LLMOBS_REPORT_NOTE, "program",
                          "%s, a script for %s", program->script,
                          program->file);
    } else {
        llmobs_report_add(report, LLMOBS_REPORT_NOTE, "program", "%s",
                          program->file);
    }
}

int llmobs_doctor_examine(struct llmobs_doctor *doctor)
{
    bool process = doctor->process.pid != 0;

    llmobs_library_init(
        &doctor->library, process ? doctor->process.root : AT_FDCWD,
        process ? llmobs_process_env(&doctor->process, "LD_LIBRARY_PATH")
                : getenv("LD_LIBRARY_PATH"),
        &doctor->allowance);
    doctor->library.musl = llmobs_doctor_has_musl(doctor);
    tell_program(doctor);
    find_reach(doctor);
    llmobs_doctor_possible(doctor);
    llmobs_doctor_on(doctor);
    return llmobs_doctor_settings(doctor);
}

/* False for a process and for a pool: they have their own environment, and a
 * call in the doctor's would show nothing of them. */
static bool wants_selftest(struct llmobs_doctor *doctor)
{
    if (doctor->no_selftest || doctor->process.pid != 0 ||
        doctor->program.file[0] == '\0')
        return false;
    if (doctor->holder[0] != '\0')
        llmobs_report_add(&doctor->report, LLMOBS_REPORT_NOTE, "self-test",
                          "not made: beside %s a call to this machine may go "
                          "elsewhere",
                          doctor->holder);
    return doctor->holder[0] == '\0';
}

static int examine_command(struct llmobs_doctor *doctor, const char *command)
{
    int rc = llmobs_program_find(&doctor->program, command);

    llmobs_report_fact(&doctor->report, "kind", llmobs_json_string("command"));
    if (rc == 0)
        return llmobs_doctor_examine(doctor);
    llmobs_report_add(&doctor->report, LLMOBS_REPORT_BAD, "program", "%s: %s",
                      doctor->program.path[0] ? doctor->program.path : command,
                      rc == -ENOENT ? "no such command"
                      : rc == -ELOOP
                          ? "a script whose interpreter is a script, "
                            "too often"
                          : strerror(-rc));
    return 0;
}

static int examine_process(struct llmobs_doctor *doctor, const char *text)
{
    long pid = strtol(text, NULL, 10);
    int rc = pid > 0 && pid <= INT_MAX
                 ? llmobs_process_open(&doctor->process, (pid_t)pid)
                 : -ESRCH;

    llmobs_report_fact(&doctor->report, "kind", llmobs_json_string("process"));
    if (rc == 0 && doctor->process.exe[0] != '\0') {
        memcpy(doctor->program.path, doctor->process.exe, PATH_MAX);
        memcpy(doctor->program.file, doctor->process.exe, PATH_MAX);
        llmobs_program_know(&doctor->program);
        return llmobs_doctor_examine(doctor);
    }
    llmobs_report_add(&doctor->report, LLMOBS_REPORT_BAD, "program",
                      "process %s: %s", text,
                      rc == -ESRCH ? "no such process"
                      : rc == 0    ? "it may not be looked into: ask as root"
                                   : strerror(-rc));
    return rc == -ENOMEM ? rc : 0;
}

static bool is_number(const char *text)
{
    return *text != '\0' && text[strspn(text, "0123456789")] == '\0';
}

/* True for the path of a file with php-fpm's settings, false for a program. */
static bool is_pool_file(const char *text)
{
    size_t len = strlen(text);

    return len > 5 && strcmp(text + len - 5, ".conf") == 0 &&
           access(text, X_OK) != 0 && strchr(text, '/') != NULL;
}

static int examine(struct llmobs_doctor *doctor, const char *what)
{
    llmobs_report_fact(&doctor->report, "target", llmobs_json_string(what));
    if (strncmp(what, FPM, strlen(FPM)) == 0)
        return llmobs_doctor_fpm(doctor, what + strlen(FPM));
    if (is_pool_file(what))
        return llmobs_doctor_fpm(doctor, what);
    return is_number(what) ? examine_process(doctor, what)
                           : examine_command(doctor, what);
}

static int print(const struct llmobs_report *report, bool json)
{
    int rc;

    if (json)
        return llmobs_report_print_json(report);
    rc = llmobs_report_print_text(report);
    if (rc == 0)
        puts(report->bad ? "It does not work: see the lines with NO."
                         : "All is well.");
    return rc;
}

/* Answers 1 where help is wanted, 2 where this process is the self-test's
 * client. */
static int parse(int argc, char **argv, struct llmobs_doctor *doctor,
                 bool *json, bool *host)
{
    static const struct option options[] = {
        {"json", no_argument, NULL, 'j'},
        {"no-self-test", no_argument, NULL, 'n'},
        {"host", no_argument, NULL, 'H'},
        {"self-test-client", no_argument, NULL, 'c'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int code;

    /* "+": the options after the command are the command's. */
    opterr = 0;
    while ((code = getopt_long(argc, argv, "+:h", options, NULL)) >= 0) {
        if (code == 'h' || code == 'c')
            return code == 'h' ? 1 : 2;
        if (code != 'j' && code != 'n' && code != 'H')
            break;
        *json |= code == 'j';
        *host |= code == 'H';
        doctor->no_selftest |= code == 'n';
    }
    if (code < 0 && *host == (optind == argc))
        return 0;
    if (code >= 0)
        llmobs_cli_refuse_option(argv, options, code);
    fputs(help_text, stderr);
    return -EINVAL;
}

static int examine_host(bool json)
{
    bool misses;
    int rc = llmobs_doctor_host(json, &misses);

    if (rc != 0)
        fprintf(stderr, "llmobs doctor: %s\n", strerror(-rc));
    return rc != 0 || misses ? LLMOBS_CLI_FAILED : LLMOBS_CLI_OK;
}

int llmobs_cmd_doctor(int argc, char **argv)
{
    static struct llmobs_doctor doctor;
    bool json = false, host = false;
    int rc = parse(argc, argv, &doctor, &json, &host), status;

    if (rc == 2)
        return argv[optind] != NULL ? llmobs_probe_run(argv[optind])
                                    : LLMOBS_CLI_USAGE;
    if (rc == 1)
        fputs(help_text, stdout);
    if (rc != 0)
        return rc == 1 ? LLMOBS_CLI_OK : LLMOBS_CLI_USAGE;
    if (host)
        return examine_host(json);
    doctor.process.root = AT_FDCWD;
    doctor.allowance.left = LLMOBS_ALLOWANCE_MAX;
    llmobs_report_init(&doctor.report);
    rc = examine(&doctor, argv[optind]);
    if (rc == 0 && wants_selftest(&doctor))
        llmobs_doctor_selftest(&doctor);
    if (rc == 0)
        rc = print(&doctor.report, json);
    if (rc != 0)
        fprintf(stderr, "llmobs doctor: %s\n", strerror(-rc));
    status = rc != 0 || doctor.report.bad ? LLMOBS_CLI_FAILED : LLMOBS_CLI_OK;
    llmobs_library_fini(&doctor.library);
    llmobs_process_close(&doctor.process);
    llmobs_report_fini(&doctor.report);
    return status;
}
