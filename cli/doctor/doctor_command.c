#include "cli/doctor/doctor.h"
#include "cli/doctor/host.h"

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
#include "cli/shared/tell.h"

#define FPM "fpm:"
#define RUNS 10 /* of --cost, of each kind */

struct asked {
    bool json, host, cost, yes;
    long runs; /* 0: RUNS */
    char **words;
};

/* -- the command ---------------------------------------------------------- */

/* False for a process and for a pool: they have their own environment, and a
 * call in the doctor's would show nothing of them. */
static bool wants_selftest(struct llmobs_doctor *doctor)
{
    if (doctor->no_selftest || doctor->process.pid != 0 ||
        doctor->program.file[0] == '\0')
        return false;
    if (doctor->holder[0] != '\0')
        LLMOBS_FIND(NOTE, "self-test",
                    "not made: beside %s a call to this machine may go "
                    "elsewhere",
                    doctor->holder);
    return doctor->holder[0] == '\0';
}

/* False after a finding that there is no such command. */
static bool find_command(struct llmobs_doctor *doctor, const char *command)
{
    int rc = llmobs_program_find(&doctor->program, command);

    LLMOBS_KNOWN("kind", llmobs_json_string("command"));
    if (rc != 0)
        LLMOBS_FIND(FAIL, "program", "%s: %s",
                    doctor->program.path[0] ? doctor->program.path : command,
                    rc == -ENOENT  ? "no such command"
                    : rc == -ELOOP ? "a script whose interpreter is a script, "
                                     "too often"
                                   : strerror(-rc));
    return rc == 0;
}

static int examine_process(struct llmobs_doctor *doctor, const char *text)
{
    long pid = strtol(text, NULL, 10);
    int rc = pid > 0 && pid <= INT_MAX
                 ? llmobs_process_open(&doctor->process, (pid_t)pid)
                 : -ESRCH;

    LLMOBS_KNOWN("kind", llmobs_json_string("process"));
    if (rc == 0 && doctor->process.exe[0] != '\0') {
        llmobs_program_is(&doctor->program, doctor->process.exe);
        return llmobs_doctor_examine(doctor);
    }
    LLMOBS_FIND(FAIL, "program", "process %s: %s", text,
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
           access(text, X_OK) != 0 && strchr(text, '/');
}

static int examine(struct llmobs_doctor *doctor, const char *what)
{
    LLMOBS_KNOWN("target", llmobs_json_string(what));
    if (strncmp(what, FPM, strlen(FPM)) == 0)
        return llmobs_doctor_fpm(doctor, what + strlen(FPM));
    if (is_pool_file(what))
        return llmobs_doctor_fpm(doctor, what);
    if (is_number(what))
        return examine_process(doctor, what);
    return find_command(doctor, what) ? llmobs_doctor_examine(doctor) : 0;
}

static int examine_host(bool json)
{
    bool misses;
    int rc = llmobs_doctor_host(json, &misses);

    if (rc != 0)
        llmobs_tell("llmobs doctor: %s\n", strerror(-rc));
    return rc != 0 || misses ? LLMOBS_CLI_FAILED : LLMOBS_CLI_OK;
}

/* NULL: the options fit one another. */
static const char *what_is_wrong(const struct asked *asked,
                                 const struct llmobs_doctor *doctor)
{
    if (asked->host != !*asked->words)
        return asked->host ? "with --host there is no CMD"
                           : "neither CMD nor --host";
    if (!asked->cost)
        return asked->yes || asked->runs != 0 ? "--runs and --yes need --cost"
                                              : NULL;
    if (asked->host || doctor->no_selftest)
        return "--cost goes with neither --host nor --no-self-test";
    return asked->yes || isatty(STDIN_FILENO)
               ? NULL
               : "--cost runs CMD many times, and nobody is there to ask: say "
                 "--yes";
}

static int measure(struct llmobs_doctor *doctor, const struct asked *asked)
{
    LLMOBS_KNOWN("target", llmobs_json_string(*asked->words));
    if (!find_command(doctor, *asked->words))
        return 0;
    return llmobs_doctor_cost(doctor, asked->words,
                              (size_t)(asked->runs ? asked->runs : RUNS),
                              asked->yes);
}

static int doctor_command_report(struct llmobs_doctor *doctor,
                                 const struct asked *asked)
{
    int status, rc;

    doctor->process.root = AT_FDCWD;
    doctor->allowance.left = LLMOBS_ALLOWANCE_MAX;
    llmobs_report_init(&doctor->report);
    rc = asked->cost ? measure(doctor, asked) : examine(doctor, *asked->words);
    if (rc == 0 && !asked->cost && wants_selftest(doctor))
        llmobs_doctor_selftest(doctor);
    if (rc == 0)
        rc = asked->json ? llmobs_report_print_json(&doctor->report)
                         : llmobs_report_print_text(&doctor->report);
    if (rc != 0 && rc != -ECANCELED)
        llmobs_tell("llmobs doctor: %s\n", strerror(-rc));
    status =
        rc != 0 ? LLMOBS_CLI_FAILED : llmobs_report_status(&doctor->report);
    llmobs_library_fini(&doctor->library);
    llmobs_process_close(&doctor->process);
    llmobs_report_fini(&doctor->report);
    return status;
}

int llmobs_cmd_doctor(int argc, char **argv)
{
    static struct llmobs_doctor doctor;
    static struct asked asked;
    static bool client;
    static const struct llmobs_cli_option options[] = {
        LLMOBS_CLI_FLAG("json", &asked.json),
        LLMOBS_CLI_FLAG("no-self-test", &doctor.no_selftest),
        LLMOBS_CLI_FLAG("host", &asked.host),
        LLMOBS_CLI_FLAG("cost", &asked.cost),
        {"runs", llmobs_cli_count, &asked.runs, 0, required_argument,
         LLMOBS_DOCTOR_RUNS_MAX, NULL},
        LLMOBS_CLI_FLAG("yes", &asked.yes),
        LLMOBS_CLI_FLAG("self-test-client", &client),
        {NULL, llmobs_cli_command, &asked.words, 0, 0, 1, NULL}};
    int status = llmobs_cli_parse(argc, argv, options);
    const char *wrong;

    if (status >= 0)
        return status;
    if (client)
        return *asked.words ? llmobs_probe_run(*asked.words) : LLMOBS_CLI_USAGE;
    wrong = what_is_wrong(&asked, &doctor);
    if (wrong)
        return llmobs_cli_wrong(wrong, "");
    return asked.host ? examine_host(asked.json)
                      : doctor_command_report(&doctor, &asked);
}
