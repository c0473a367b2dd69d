/* Reports a program's settings, its destination and its directories. */
#include "cli/doctor/doctor.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/intercept/refusals.h"
#include "cli/shared/destinations.h"
#include "cli/shared/mounts.h"
#include "cli/shared/preload.h"
#include "cli/shared/with_hooks.h"
#include "lib/base/glob.h"
#include "lib/base/paths.h"
#include "core/deliver/start_relay.h"
#include "core/config/state_dir.h"
#include "core/export/agent.h"
#include "core/export/http.h"
#include "core/export/intake.h"
#include "core/export/reason.h"

#define ABOUT "settings"
#define AGENT "agent"
#define ENABLED "DD_LLMOBS_ENABLED"
/* The most entries that are added to an environment, with the NULL at its end.
 */
#define MORE 3

/* The environment that the process has, or the command would have. */
struct settings {
    struct llmobs_doctor *doctor;
    struct llmobs_config *config;
    const char **env;
    char *file; /* "LLMOBS_CONFIG=PATH" below another root; NULL: not set */
};

/* -- the environment ------------------------------------------------------ */

/* Puts the doctor's entries first, since the first of a name counts: the file
 * below a process's root, and the switch of the launcher. */
static int make_env(struct settings *settings)
{
    const struct llmobs_doctor *doctor = settings->doctor;
    const struct llmobs_process *process = &doctor->process;
    const char *const *from =
        process->pid ? process->env : (const char *const *)environ;
    const char *enabled = process->pid ? NULL : getenv(ENABLED), *named;
    size_t count = 0, at = 0;
    char path[2 * PATH_MAX];

    while (from && from[count])
        count++;
    settings->env = calloc(count + MORE, sizeof(*settings->env));
    if (!settings->env)
        return -ENOMEM;
    if (process->pid && process->prefix[0] != '\0') {
        named = llmobs_process_env(process, "LLMOBS_CONFIG");
        snprintf(path, sizeof(path), "%s%s", process->prefix,
                 named ? named : LLMOBS_CONFIG_FILE);
        if (!named && access(path, F_OK) != 0)
            snprintf(path, sizeof(path), LLMOBS_CONFIG_NONE);
        if (asprintf(&settings->file, "LLMOBS_CONFIG=%s", path) < 0)
            return -ENOMEM;
        settings->env[at++] = settings->file;
    }
    if (doctor->by_launcher && (!enabled || *enabled == '\0'))
        settings->env[at++] = ENABLED "=1";
    for (size_t i = 0; i < count; i++)
        settings->env[at++] = from[i];
    return 0;
}

/* -- what is configured --------------------------------------------------- */

static const char *source_of(const struct settings *settings, const char *name,
                             bool by_file)
{
    const char *ours = getenv(name);

    if (by_file)
        return "file";
    if (settings->doctor->by_launcher && strcmp(name, ENABLED) == 0 &&
        (!ours || *ours == '\0'))
        return "llmobs-run";
    return "environment";
}

static int report_variables(struct settings *settings, struct llmobs_json *fact)
{
    struct llmobs_config_variable row = {.name = NULL};
    struct llmobs_doctor *doctor = settings->doctor;
    const char *file = llmobs_config_file(settings->config);
    struct llmobs_json *list = llmobs_json_array();
    int rc = 0;

    if (file)
        LLMOBS_FIND(NOTE, ABOUT, "file: %s", file);
    while (rc == 0 && llmobs_config_next(&row)) {
        bool by_file;
        const char *value = llmobs_config_value(settings->config, settings->env,
                                                row.name, &by_file);
        const char *source = source_of(settings, row.name, by_file);
        struct llmobs_json *one;
        char *shown;

        if (!value ||
            (settings->file && strcmp(row.name, "LLMOBS_CONFIG") == 0))
            continue;
        shown = llmobs_doctor_shown(row.name, value);
        one = llmobs_json_object();
        doctor->report.no_memory |=
            !shown || llmobs_json_set_texts(one, "name", row.name, "value",
                                            shown, "source", source, NULL) != 0;
        LLMOBS_FIND(NOTE, ABOUT, "%s=%s (%s)", row.name, shown ? shown : "",
                    source);
        free(shown);
        rc = llmobs_json_add(list, one);
    }
    if (llmobs_json_set(fact, "variables", list) != 0 ||
        llmobs_json_sets(fact, "file", file) != 0)
        rc = -ENOMEM;
    return rc;
}

static void report_enabled(struct settings *settings)
{
    struct llmobs_doctor *doctor = settings->doctor;
    bool by_file;
    const char *value =
        llmobs_config_value(settings->config, settings->env, ENABLED, &by_file);
    char path[PATH_MAX + sizeof(LLMOBS_DISABLED_FILE)];

    snprintf(path, sizeof(path), "%s" LLMOBS_DISABLED_FILE,
             doctor->process.prefix);
    doctor->off = access(path, F_OK) == 0 || !settings->config->enabled;
    if (access(path, F_OK) == 0)
        LLMOBS_FIND(FAIL, ABOUT,
                    "switched off for all by " LLMOBS_DISABLED_FILE);
    if (settings->config->enabled)
        LLMOBS_FIND(OK, ABOUT, "switched on by %s",
                    source_of(settings, ENABLED, by_file));
    else if (value)
        LLMOBS_FIND(FAIL, ABOUT, "switched off by " ENABLED " (%s)",
                    source_of(settings, ENABLED, by_file));
    else
        LLMOBS_FIND(FAIL, ABOUT,
                    "not switched on: " ENABLED
                    " is neither in its environment nor in the file");
}

static void report_excluded(struct settings *settings)
{
    struct llmobs_doctor *doctor = settings->doctor;
    const struct llmobs_program *program = &doctor->program;
    const char *const names[] = {program->path, program->file, program->script};
    const char *list = settings->config->exclude;

    for (size_t i = 0; list && i < sizeof(names) / sizeof(*names); i++) {
        if (names[i][0] == '\0' || !llmobs_glob_listed(list, names[i]))
            continue;
        LLMOBS_FIND(FAIL, ABOUT, "switched off for %s by LLMOBS_EXCLUDE",
                    names[i]);
        return;
    }
}

/* -- where spans go ------------------------------------------------------- */

/* Sends what spans would be sent by, without one. True where that is accepted,
 * or refused for its emptiness. */
static bool report_answer(struct llmobs_doctor *doctor,
                          const struct llmobs_config *config, bool agentless,
                          enum llmobs_report_level bad, const char *url)
{
    struct llmobs_http *http = llmobs_doctor_open_http(doctor, config);
    struct llmobs_answer answer = {.status = 0};
    char why[LLMOBS_DESTINATION_WHY];
    int rc = http ? llmobs_intake_ask(config, agentless, http, &answer) : -1;
    bool empty = answer.status == 400 || answer.status == 422;
    bool accepts = rc == 0 && (empty || answer.accepted > 0);

    llmobs_http_free(http);
    doctor->report.no_memory |= rc != 0;
    doctor->no_exporter |= !accepts && bad == LLMOBS_REPORT_FAIL;
    llmobs_destination_why(&answer, why);
    if (empty)
        LLMOBS_FIND(NOTE, AGENT,
                    "%s refuses a request without spans by status %d; whether "
                    "it takes spans is not known",
                    url, answer.status);
    else if (accepts)
        LLMOBS_FIND(OK, AGENT, "%s answers and takes spans", url);
    else
        LLMOBS_FIND_AS(bad, AGENT,
                       answer.status ? "%s answers with %s"
                                     : "%s does not answer: %s",
                       url, why);
    return accepts;
}

/* True where the agent takes spans. */
static bool report_agent(struct llmobs_doctor *doctor,
                         const struct llmobs_config *config, bool wanted)
{
    enum llmobs_report_level bad =
        wanted ? LLMOBS_REPORT_FAIL : LLMOBS_REPORT_NOTE;
    char *url = llmobs_doctor_shown("", config->agent_url);
    struct llmobs_answer answer = {.exporter = AGENT,
                                   .named = (int32_t)config->agent_named};
    const struct llmobs_tick tick = {NULL, NULL};
    struct llmobs_http *http = llmobs_doctor_open_http(doctor, config);
    struct llmobs_json *fact = llmobs_json_object();
    char why[LLMOBS_DESTINATION_WHY];
    /* 0: it answers, and takes no events */
    int rc =
        http ? llmobs_agent_probe(http, config, config->agent_timeout_ms, &tick)
             : -ENOMEM;
    bool takes = rc > 0 && report_answer(doctor, config, false, bad, url);

    llmobs_http_free(http);
    doctor->report.no_memory |= !url;
    doctor->no_exporter |= wanted && !takes;
    answer.error = rc == 0 ? -EOPNOTSUPP : rc;
    llmobs_destination_why(&answer, why);
    if (rc == -ENOTCONN && llmobs_doctor_is_held(doctor))
        llmobs_doctor_tell_held(doctor, bad, AGENT, url);
    else if (rc <= 0)
        LLMOBS_FIND_AS(bad, AGENT, "%s does not answer as an agent: %s%s", url,
                       why, wanted ? "" : "; spans go elsewhere");
    (void)llmobs_json_sets(fact, "url", url);
    (void)llmobs_json_set(fact, "trusted", llmobs_json_bool(rc != -EPERM));
    (void)llmobs_json_set(fact, "answers", llmobs_json_bool(rc >= 0));
    (void)llmobs_json_set(fact, "takes_spans", llmobs_json_bool(takes));
    LLMOBS_KNOWN(AGENT, fact);
    free(url);
    return takes;
}

/* The key goes to no site that may not be Datadog's. */
static void report_intake(struct llmobs_doctor *doctor,
                          const struct llmobs_config *config, bool used)
{
    char url[LLMOBS_DESTINATION_WHY];
    bool known;

    (void)llmobs_config_site(config->site, &known);
    snprintf(url, sizeof(url), "the intake of %s", config->site);
    doctor->no_exporter |= used && !config->api_key;
    if (!config->api_key && used)
        LLMOBS_FIND(FAIL, ABOUT, "sent to the intake, and no DD_API_KEY");
    if (config->api_key)
        LLMOBS_FIND(NOTE, ABOUT, "%s, with a key", url + strlen("the "));
    if (config->api_key && llmobs_doctor_is_held(doctor))
        llmobs_doctor_tell_held(doctor,
                                used ? LLMOBS_REPORT_FAIL : LLMOBS_REPORT_NOTE,
                                AGENT, "the intake");
    else if (config->api_key && used && known && !config->override_origin)
        (void)report_answer(doctor, config, true, LLMOBS_REPORT_FAIL, url);
    else if (config->api_key && used && !known)
        LLMOBS_FIND(NOTE, AGENT, "%s is not known, and not asked", url);
}

/* Why spans do not go by OTLP; NULL: they do. `datadog`: an agent or the intake
 * takes what auto sends. */
static const char *why_no_otlp(const struct llmobs_config *config,
                               unsigned names, bool datadog)
{
    const struct llmobs_otlp_signal *traces =
        &config->otlp.signals[LLMOBS_SIGNAL_TRACES];

    if (names & LLMOBS_EXPORTER_OTLP && !(names & LLMOBS_EXPORTER_AUTO))
        return NULL;
    if (!(names & LLMOBS_EXPORTER_AUTO))
        return "LLMOBS_EXPORTER does not name otlp";
    if (datadog)
        return "auto sends to Datadog alone; LLMOBS_EXPORTER=otlp, or "
               "agent,otlp for both, chooses it";
    if (traces->grpc)
        return "it is for gRPC, which this library does not speak; "
               "LLMOBS_EXPORTER=otlp sends by HTTP all the same";
    if (!traces->on)
        return "OTEL_SDK_DISABLED or OTEL_TRACES_EXPORTER switches it off";
    return traces->given ? NULL : "no variable names it";
}

/* Says which place cannot be written, and since when a destination accepts
 * nothing, whatever it said just now. `store_alone`: spans go nowhere else. */
static void report_failing(struct llmobs_doctor *doctor,
                           const struct llmobs_destinations *all,
                           bool store_alone)
{
    const struct llmobs_answer *one = all->answers;
    char text[LLMOBS_DESTINATION_TEXT];

    for (; one < all->answers + LLMOBS_ANSWERS; one++) {
        const char *reason = llmobs_reason(one);
        bool store = strcmp(one->exporter, "store") == 0;

        if (!llmobs_destination_fails(one, text))
            continue;
        text[strlen(text) - strlen(reason) - 2] = '\0'; /* ": " */
        llmobs_report_add(&doctor->report,
                          one->since_ns > 0      ? LLMOBS_REPORT_NOTE
                          : store && store_alone ? LLMOBS_REPORT_FAIL
                                                 : LLMOBS_REPORT_WARN,
                          one->since_ns > 0 ? "delivery" : ABOUT, reason, "%s",
                          text);
    }
}

/* Warns of a store in mounts of the process's own, which may go with the unit.
 * Guesses the place as the process, which is another user, would choose it. */
static void report_mounts(struct llmobs_doctor *doctor,
                          const struct llmobs_config *config)
{
    const char *homes[] = {config->home, config->xdg_state_home};
    char place[PATH_MAX], theirs[LLMOBS_MOUNTS_KEY], ours[LLMOBS_MOUNTS_KEY];
    struct stat st;
    uid_t uid;

    if (llmobs_mounts_user(doctor->process.pid, &uid) != 0)
        return;
    snprintf(place, sizeof(place), LLMOBS_LOOSE "%u", uid);
    for (size_t i = 0; i < 2; i++)
        if (homes[i] && homes[i][0] == '/' &&
            fstatat(doctor->process.root,
                    homes[i] + (doctor->process.root >= 0), &st, 0) == 0 &&
            st.st_uid == uid)
            snprintf(place, sizeof(place), "%s", homes[i]);
    if (config->store_dir || uid == 0)
        snprintf(place, sizeof(place), "%s",
                 config->store_dir ? config->store_dir : "/var/lib/llmobs");
    if (llmobs_mounts_key(doctor->process.pid, place, theirs) &&
        llmobs_mounts_key(getpid(), place, ours) && strcmp(theirs, ours) != 0)
        LLMOBS_WARN(ABOUT,
                    "for a unit set StateDirectory=NAME and "
                    "LLMOBS_STORE_DIR=%S/NAME (docs/FLEET.md), for a container "
                    "a volume",
                    "store and spool are in a mount namespace of its own, in "
                    "%s: they may be removed when it stops",
                    place);
}

static void report_places(struct llmobs_doctor *doctor,
                          const struct llmobs_config *config)
{
    unsigned names = llmobs_exporters_named(config->exporter, NULL);
    bool automatic = names & LLMOBS_EXPORTER_AUTO;
    bool to_agent = automatic ? config->agentless == 0
                              : (names & LLMOBS_EXPORTER_AGENT) != 0;
    bool to_intake = automatic ? config->agentless == 1
                               : (names & LLMOBS_EXPORTER_AGENTLESS) != 0;
    bool datadog =
        config->agentless >= 0 || config->api_key || config->agent_configured;
    struct llmobs_destinations all = {.relay = LLMOBS_RELAY_NONE};
    struct llmobs_config launched = *config;
    bool takes = false;
    char dir[PATH_MAX] = "", taken[LLMOBS_LOOSE_SIZE];
    const char *why;

    LLMOBS_FIND(NOTE, ABOUT, "spans go to: %s",
                names != 0 ? config->exporter : "store");
    /* Another user's process has another store, and another spool. */
    if (doctor->process.pid == 0) {
        if (llmobs_config_store_dir(config, dir, sizeof(dir)) == 0)
            LLMOBS_FIND(NOTE, ABOUT, "local store: %s", dir);
        if (llmobs_config_taken(dir, taken))
            LLMOBS_WARN(ABOUT, "have root remove it",
                        "%s belongs to another user%s", taken,
                        dir[strlen(taken)] == '/' ? ": nothing is recorded"
                                                  : "");
        llmobs_destinations_read(config, &all);
        if (all.spool.set_aside > 0)
            LLMOBS_FIND(WARN, "delivery", LLMOBS_DESTINATION_ASIDE,
                        all.spool.set_aside);
    } else {
        report_mounts(doctor, config);
    }
    doctor->relayed = all.relay == LLMOBS_RELAY_UP && config->relay;
    launched.launched |= doctor->by_launcher;
    if (doctor->relayed)
        LLMOBS_FIND(OK, ABOUT, "a relay delivers for this program");
    else if (all.relay == LLMOBS_RELAY_NONE && doctor->process.pid == 0 &&
             !doctor->holder[0] && llmobs_doctor_is_held(doctor) &&
             config->relay && !llmobs_start_relay_why_not(&launched, false)) {
        /* It reaches what the doctor does. */
        doctor->relayed = true;
        LLMOBS_FIND(NOTE, ABOUT,
                    "the program starts a relay, which delivers for it");
    } else if (all.relay == LLMOBS_RELAY_UP)
        LLMOBS_FIND(NOTE, ABOUT,
                    "a relay runs, and LLMOBS_RELAY is off: the program "
                    "delivers by itself");
    else if (all.relay == LLMOBS_RELAY_OF_OTHERS)
        LLMOBS_FIND(NOTE, ABOUT,
                    "a relay runs, for other destinations than these or of "
                    "another version: the program delivers by itself");
    if (config->override_origin && (to_agent || to_intake))
        (void)report_answer(doctor, config, to_intake, LLMOBS_REPORT_FAIL,
                            "DD_LLMOBS_OVERRIDE_ORIGIN");
    else if (config->override_origin)
        LLMOBS_FIND(NOTE, AGENT,
                    "DD_LLMOBS_OVERRIDE_ORIGIN stands in its place: not "
                    "asked");
    else if (to_agent || (automatic && !to_intake))
        takes =
            report_agent(doctor, config, to_agent || config->agent_configured);
    else
        LLMOBS_FIND(NOTE, AGENT, "not asked: no spans go there");
    if (automatic || to_intake)
        report_intake(doctor, config,
                      to_intake || (config->api_key && !takes &&
                                    !config->agent_configured));
    datadog |= takes;
    why = why_no_otlp(config, names, datadog);
    llmobs_doctor_otlp(doctor, config, why);
    report_failing(doctor, &all,
                   names == 0 || names == LLMOBS_EXPORTER_STORE ||
                       (automatic && !datadog && why));
}

static void tell_refusal(void *user, const char *host, uint64_t kind,
                         int64_t ns)
{
    struct llmobs_doctor *doctor = user;
    char date[LLMOBS_DESTINATION_TIME];

    (void)kind;
    if (strspn(host, LLMOBS_REFUSALS_LEFT LLMOBS_REFUSALS_USED))
        return;
    if (*host == ':')
        LLMOBS_FIND(NOTE, "intercept", "calls of a run passed unread: %s",
                    llmobs_unread_why(host));
    else
        LLMOBS_FIND(NOTE, "intercept",
                    "a program took no certificate of a run for %s: it passes "
                    "unread there until %s, or `llmobs doctor "
                    "--forget-refusals`",
                    host, llmobs_destination_time(ns, date));
}

/* 1: the environment cannot be read, which is reported. */
static int open_settings(struct settings *settings)
{
    struct llmobs_doctor *doctor = settings->doctor;
    int rc;

    if (doctor->process.pid != 0 && !doctor->process.env_known) {
        LLMOBS_FIND(FAIL, ABOUT,
                    "its environment cannot be read: ask as root, or it "
                    "has written its title over it");
        return 1;
    }
    if (doctor->process.env_copied)
        LLMOBS_FIND(NOTE, ABOUT,
                    "its environment was written over; this is the "
                    "library's copy of it");
    rc = make_env(settings);
    if (rc != 0)
        return rc;
    settings->config =
        llmobs_config_load(settings->env, llmobs_doctor_complain, doctor);
    return settings->config ? 0 : -ENOMEM;
}

static void close_settings(struct settings *settings)
{
    llmobs_config_free(settings->config);
    free(settings->env);
    free(settings->file);
}

struct llmobs_config *llmobs_doctor_config(struct llmobs_doctor *doctor)
{
    struct settings settings = {.doctor = doctor};

    if ((doctor->process.pid == 0 || doctor->process.env_known) &&
        make_env(&settings) == 0)
        settings.config = llmobs_config_load(settings.env, NULL, NULL);
    free(settings.env);
    free(settings.file);
    return settings.config;
}

static void report_served(struct llmobs_doctor *doctor)
{
    static const char two[] = "LLMOBS_INBOUND and LLMOBS_ENTRY";
    const char *base = llmobs_program_base(doctor->program.file);

    if (llmobs_glob_listed(LLMOBS_SERVED, base))
        LLMOBS_FIND(OK, ABOUT,
                    "%s have an effect in %s with the servers of docs/SDK.md",
                    two, base);
    else if (llmobs_glob_listed(LLMOBS_SERVED_BARE, base))
        LLMOBS_FIND(OK, ABOUT,
                    "LLMOBS_INBOUND has an effect in %s with the servers of "
                    "docs/SDK.md, LLMOBS_ENTRY has none",
                    base);
    else if (llmobs_glob_listed(LLMOBS_UNSERVED, base))
        LLMOBS_WARN(ABOUT, "hooks exist for " LLMOBS_SERVED_WORDS,
                    "%s have no effect on %s", two, base);
    else
        LLMOBS_FIND(NOTE, ABOUT,
                    "whether %s have an effect on %s is not known: they have "
                    "on " LLMOBS_SERVED_WORDS " that it starts",
                    two, *base ? base : "the program");
}

int llmobs_doctor_settings(struct llmobs_doctor *doctor)
{
    struct settings settings = {.doctor = doctor};
    int rc = open_settings(&settings);
    char path[PATH_MAX];

    if (rc == 0) {
        struct llmobs_json *fact = llmobs_json_object();

        report_enabled(&settings);
        report_excluded(&settings);
        /* Says nothing of a process in another root, which has other files. */
        if (settings.config->inbound && doctor->process.prefix[0] == '\0') {
            rc = llmobs_preload_share("inbound/hook.rb", path);
            if (rc == 0 && access(path, R_OK) == 0)
                LLMOBS_FIND(OK, ABOUT, "LLMOBS_INBOUND: hooks beside %s", path);
            else
                LLMOBS_FIND(FAIL, ABOUT,
                            "LLMOBS_INBOUND: the hooks cannot be read: %s",
                            path);
        }
        if (settings.config->inbound || settings.config->entry)
            report_served(doctor);
        rc = report_variables(&settings, fact);
        (void)llmobs_json_set(fact, "enabled",
                              llmobs_json_bool(settings.config->enabled));
        LLMOBS_KNOWN(ABOUT, fact);
    }
    if (rc == 0) {
        llmobs_doctor_wrong(doctor, settings.config, settings.env);
        report_places(doctor, settings.config);
        if (doctor->process.pid == 0 &&
            llmobs_refusals_path(settings.config, path))
            llmobs_refusals_read(path, tell_refusal, doctor);
    }
    close_settings(&settings);
    return rc < 0 ? rc : 0;
}

int llmobs_doctor_switch(struct llmobs_doctor *doctor, char **proxy_urls)
{
    struct settings settings = {.doctor = doctor};
    int rc = open_settings(&settings);

    *proxy_urls = NULL;
    if (rc == 0) {
        report_enabled(&settings);
        report_excluded(&settings);
        if (settings.config->proxy_urls) {
            *proxy_urls = strdup(settings.config->proxy_urls);
            rc = *proxy_urls ? 0 : -ENOMEM;
        }
    }
    close_settings(&settings);
    return rc < 0 ? rc : 0;
}
