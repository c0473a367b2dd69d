/* Finds wrong names and values among settings and in files of rules. */
#include "cli/doctor/doctor.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli/shared/new_file.h"
#include "cli/shared/suggest.h"
#include "lib/base/file.h"
#include "lib/base/glob.h"
#include "rules/read/url.h"
#include "rules/rules.h"

#define ABOUT "settings"
#define RULES_MAX ((size_t)1024 * 1024)
/* How long a port may take to answer that it is closed. */
#define LISTEN_MS 1000

void llmobs_doctor_complain(void *ctx, const char *text)
{
    /* The remedy, by words of the complaint. */
    static const struct {
        const char *words, *remedy;
    } rows[] = {
        {"port 4317", "name the receiver's port for HTTP, 4318 as a rule"},
        {"LLMOBS_RULES:", "mend the file: `llmobs doctor` reads it again"},
        {"LLMOBS_CONTENT is off", "mend the configuration file"},
        {"grpc is not spoken",
         "give http/protobuf, and the receiver's port for it, 4318 as a rule"},
        {"LLMOBS_EXPORTER:",
         "give auto, or some of agent, agentless, store and otlp"},
        {"LLMOBS_REDACT:", "mend the file; content stays off until then"},
        {"may set", "`llmobs help variables` lists those there are; some only "
                    "the environment may set"},
        {": line ", "mend that line of the file"},
        {"LLMOBS_CONFIG:", "give a file that this user can read, or unset it"},
        {"LLMOBS_OBSERVE:", "give vector, search, key, or -NAME"},
        {"LLMOBS_REPLAY:", "give the URL that `llmobs mock` prints"},
        {"ml_app", "give DD_LLMOBS_ML_APP such a name"},
        {"PROXY_URLS:", "give such as http://gateway:4000,https://gateway/v1"},
        {"_AGENT_URL:", "give such as http://localhost:8126 or "
                        "unix:///var/run/datadog/apm.socket"},
        {"_ORIGIN:", "give such as http://localhost:8126"},
        {"ENDPOINT:", "give such as http://localhost:4318"},
        {"HEADERS:", "give name=value,name=value, percent-encoded"},
        {"no host", "give a name or an address, such as localhost"},
        {"DD_SITE:", "give the site at which you log in, without app."},
        {"", "give what `llmobs help variables` says of it, or unset it"}};
    struct llmobs_doctor *doctor = ctx;
    size_t i = 0;

    while (!strstr(text, rows[i].words))
        i++;
    LLMOBS_WARN(ABOUT, rows[i].remedy, "%s", text);
}

/* -- names of variables --------------------------------------------------- */

/* True where the words of `few`, between their _, are words of `all`, in that
 * order: those of DD_SITE are in DD_LLMOBS_SITE. */
static bool has_words(const char *all, const char *few)
{
    size_t len = strcspn(few, "_"), word = strcspn(all, "_");
    bool same = len == word && strncasecmp(all, few, len) == 0;

    if (same && few[len] == '\0')
        return true;
    return all[word] != '\0' &&
           has_words(all + word + 1, same ? few + len + 1 : few);
}

/* Warns of unknown names with the prefix LLMOBS_, which is this library's own,
 * and of other names that seem to be a mistyped known name. The file's own
 * complaints have the former. */
static void look_at_name(struct llmobs_doctor *doctor, const char *name,
                         const char *file)
{
    static const char ours[] = "DD_*,_DD_*,OTEL_EXPORTER_OTLP_*,*LLM*,*MOBS*";
    /* Variables of the tool, a hook or a test, and one of Datadog's own. */
    static const char others[] = "LLMOBS_BUILD,LLMOBS_PRICES,LLMOBS_MOCK_URL,"
                                 "LLMOBS_R_PROFILE,DD_APP_KEY,LLMOBS_TEST_*,"
                                 "LLMOBS_ENTRY*,LLMOBS_INTERCEPT*";
    char remedy[2 * LLMOBS_SUGGEST_MAX], upper[LLMOBS_SUGGEST_MAX];
    struct llmobs_config_variable row = {.name = NULL};
    struct llmobs_suggest suggest;
    const char *akin = NULL;
    size_t len = strlen(name), known;

    if (len >= sizeof(upper))
        return;
    for (size_t i = 0; i <= len; i++)
        upper[i] = (char)toupper((unsigned char)name[i]);
    if (!llmobs_glob_listed(ours, upper) || llmobs_glob_listed(others, name))
        return;
    llmobs_suggest_init(&suggest, name);
    while (llmobs_config_next(&row)) {
        if (strcmp(row.name, name) == 0)
            return;
        llmobs_suggest_offer(&suggest, row.name);
        known = strlen(row.name);
        /* It may be meant by a name with a word too many or too few, or with
         * its last word in full: DD_ENVIRONMENT. */
        if (!akin && ((strncasecmp(name, row.name, known) == 0 &&
                       !strchr(name + known, '_')) ||
                      (strcasestr(name, "LLMOBS") &&
                       (has_words(row.name, name) ||
                        (has_words(name, row.name) &&
                         (strncasecmp(name, "DD_", 3) != 0 ||
                          !strstr(row.name, "LLMOBS")))))))
            akin = row.name;
    }
    if (suggest.best)
        akin = suggest.best;
    else if (!akin &&
             llmobs_glob_listed("*LLMOBS*PROXY*URL*,*LLMOBS*GATEWAY*", upper))
        akin = "DD_LLMOBS_INSTRUMENTED_PROXY_URLS";
    if (!akin && (file || strncmp(name, "LLMOBS_", 7) != 0))
        return;
    snprintf(remedy, sizeof(remedy), akin ? "did you mean %s?" : "%s",
             akin ? akin : "`llmobs help variables` lists those there are");
    LLMOBS_WARN(ABOUT, remedy, "%s: no variable has this name%s%s", name,
                file ? ", in " : "", file ? file : "");
}

static void look_at_names(struct llmobs_doctor *doctor, const char *const *env,
                          const char *file)
{
    for (; env && *env; env++) {
        char *name = strndup(*env, strcspn(*env, "="));

        doctor->report.no_memory |= !name;
        if (name)
            look_at_name(doctor, name, file);
        free(name);
    }
}

/* -- values that are well formed and wrong -------------------------------- */

/* True where no program listens on a port of this host. */
static bool is_refused(uint16_t port)
{
    const struct sockaddr_in at = {.sin_family = AF_INET,
                                   .sin_port = htons(port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct pollfd one = {.fd = fd, .events = POLLOUT};
    int error = 0;
    socklen_t len = sizeof(error);

    if (connect(fd, (const void *)&at, sizeof(at)) != 0)
        error = errno;
    if (error == EINPROGRESS && poll(&one, 1, LISTEN_MS) > 0)
        (void)getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
    if (fd >= 0)
        close(fd);
    return error == ECONNREFUSED;
}

/* -- files that are written ----------------------------------------------- */

/* Why a file cannot be written. A missing file will be made; an existing file
 * must be as the library wants it (llmobs_file_check). */
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
    snprintf(above, sizeof(above), "%s%s", *path == '/' ? "" : "./", path);
    *(strrchr(above, '/') + 1) = '\0';
    return access(above, F_OK) != 0 ? errno : llmobs_new_file_why_not(above);
}

static void look_at_place(struct llmobs_doctor *doctor, const char *what,
                          const char *path, int (*why_not)(const char *),
                          const char *remedy)
{
    int error = path ? why_not(path) : 0;

    if (error != 0)
        LLMOBS_WARN(ABOUT, remedy, "%s cannot be written: %s: %s", what, path,
                    error == ELOOP ? "it is a link"
                    : error == EPERM
                        ? "it has a second name or belongs to another user, or "
                          "a link of another user leads there"
                        : strerror(error));
}

/* -- rules ---------------------------------------------------------------- */

static void add_rule(void *ctx, const char *text)
{
    struct llmobs_doctor *doctor = ctx;

    LLMOBS_FIND(NOTE, ABOUT, "LLMOBS_RULES: %s", text);
}

/* Reads gateways and rules as the core does, and lists the rules. A process may
 * be another user's, in another root: then its file stays closed. */
static void look_at_rules(struct llmobs_doctor *doctor,
                          const struct llmobs_config *config)
{
    struct llmobs_rules_config rules = {.proxy_urls = config->proxy_urls,
                                        .observe = config->observe,
                                        .complain = llmobs_doctor_complain,
                                        .complain_ctx = doctor};
    bool named = config->rules_path && doctor->process.pid == 0;
    struct llmobs_rules *read;
    struct llmobs_buf text;
    int rc = 0;

    llmobs_buf_init(&text, RULES_MAX);
    if (named)
        rc = llmobs_file_settings(config->rules_path, &text);
    if (rc != 0)
        LLMOBS_WARN(ABOUT,
                    "name a file in LLMOBS_RULES that this user may read",
                    "LLMOBS_RULES: %s: %s%s", config->rules_path, strerror(-rc),
                    rc != -ENOENT ? "; LLMOBS_CONTENT is off" : "");
    else if (named)
        rules.rules_json =
            (struct llmobs_text){text.data ? text.data : "", text.len};
    read = llmobs_rules_new(&rules);
    if (read)
        llmobs_rules_list(read, add_rule, doctor);
    llmobs_rules_free(read);
    llmobs_buf_fini(&text);
}

void llmobs_doctor_wrong(struct llmobs_doctor *doctor,
                         const struct llmobs_config *config,
                         const char *const *env)
{
    static const char digits[] = "0123456789abcdefABCDEF";
    struct llmobs_text rest = llmobs_text_of(config->proxy_urls), text;
    static struct llmobs_url url;
    bool by_file, told[2] = {false};
    const char *key;

    look_at_names(doctor, env, NULL);
    look_at_names(doctor, llmobs_config_entries(config),
                  llmobs_config_file(config));
    key = llmobs_config_value(config, env, "DD_API_KEY", &by_file);
    if (key && (strlen(key) != 32 || strspn(key, digits) != 32))
        LLMOBS_WARN(ABOUT,
                    "copy an API key of your organization anew; an application "
                    "key is none",
                    "DD_API_KEY: %zu characters%s, where an API key has 32 "
                    "hexadecimal digits",
                    strlen(key),
                    strpbrk(key, " \t\r\n") ? ", with blanks" : "");
    if (config->sample_rate <= 0)
        LLMOBS_WARN(ABOUT, "unset it to have spans",
                    "DD_LLMOBS_SAMPLE_RATE=0: Datadog retains no span");
    if (strstr(config->exporter ? config->exporter : "", "otlp") &&
        config->otlp.sampler == LLMOBS_OTLP_SAMPLER_OFF)
        LLMOBS_WARN(ABOUT, "unset it to have spans",
                    "OTEL_TRACES_SAMPLER: no span goes by OTLP");
    /* A gateway of this host hardly has the port of a scheme. */
    while (doctor->process.pid == 0 && llmobs_text_next(&rest, &text)) {
        if (llmobs_url_parse(text, &url) != 0 ||
            (url.port != 80 && url.port != 443) || told[url.port == 443] ||
            !llmobs_glob_listed("localhost,127.0.0.1", url.host))
            continue;
        told[url.port == 443] = true;
        if (is_refused(url.port))
            LLMOBS_WARN(
                ABOUT, "give the gateway's port, such as http://localhost:4000",
                "DD_LLMOBS_INSTRUMENTED_PROXY_URLS: nothing listens on port %u "
                "of this host",
                (unsigned)url.port);
    }
    look_at_rules(doctor, config);
    if (doctor->process.pid != 0) /* of another user, or in another root */
        return;
    look_at_place(doctor, "the log", config->log_path, why_no_file,
                  "name a file in LLMOBS_LOG that this user may write");
    look_at_place(doctor, "the recordings", config->record_dir,
                  llmobs_new_file_why_not,
                  "name a directory that this user may write");
}
