/* Prints the event of each recorded exchange, read and encoded as the core
 * would, without network.
 *
 *   map-case [-v] [-o OUTDIR] CASEDIR...
 *
 * -o  one file a case, OUTDIR/<provider>/<case>.json by the last two parts of
 *     CASEDIR; a case without an event leaves none. Default: one line a case.
 * -v  says of cases without an event why
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/corpus_case.h"

#define EVENT_MAX ((size_t)64 << 20)

struct mapping {
    struct llmobs_config *config;
    struct llmobs_rules *rules;
    const char *out;
    bool verbose;
};

/* "provider/case" of a folder's path, without slashes at its end. */
static const char *last_two(char *dir)
{
    size_t len = strlen(dir);
    int slashes = 0;

    while (len > 1 && dir[len - 1] == '/')
        dir[--len] = '\0';
    while (len > 0) {
        if (dir[len - 1] == '/' && ++slashes == 2)
            break;
        len--;
    }
    return dir + len;
}

static int write_event(const char *out, const char *name,
                       const struct llmobs_buf *event)
{
    char path[4096];
    FILE *file;
    char *slash;

    snprintf(path, sizeof(path), "%s/%s.json", out, name);
    for (slash = path + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = '\0';
        (void)mkdir(path, 0777);
        *slash = '/';
    }
    file = fopen(path, "w");
    if (!file)
        return -errno;
    fwrite(event->data, 1, event->len, file);
    fputc('\n', file);
    return fclose(file) ? -EIO : 0;
}

static int map(const struct mapping *mapping, char *dir)
{
    const char *name = last_two(dir), *why = NULL;
    struct llmobs_buf event;
    struct corpus_case c;
    int rc = corpus_case_load(&c, dir);

    llmobs_buf_init(&event, EVENT_MAX);
    if (rc == 0)
        rc = corpus_case_event(&c, mapping->rules, mapping->config, &event,
                               &why);
    if (rc == 0 && mapping->out)
        rc = write_event(mapping->out, name, &event);
    else if (rc == 0)
        printf("%s\n", event.data);
    if (why && mapping->verbose)
        fprintf(stderr, "%s: no event: %s\n", name, why);
    else if (rc && !why)
        fprintf(stderr, "%s: %s\n", name, strerror(-rc));
    llmobs_buf_fini(&event);
    corpus_case_fini(&c);
    return why ? 0 : rc;
}

int main(int argc, char **argv)
{
    static const char *const env[] = {"DD_LLMOBS_ENABLED=1",
                                      "DD_LLMOBS_ML_APP=corpus",
                                      "DD_SERVICE=corpus", NULL};
    struct llmobs_rules_config plain = {0};
    struct mapping mapping = {
        .config = llmobs_config_load(env, NULL, NULL),
        .rules = llmobs_rules_new(&plain),
    };
    int option, bad = 0;

    while ((option = getopt(argc, argv, "vo:")) != -1) {
        if (option == 'o')
            mapping.out = optarg;
        mapping.verbose = mapping.verbose || option == 'v';
        bad |= option == '?';
    }
    if (bad || optind == argc || !mapping.config || !mapping.rules) {
        fprintf(stderr, "usage: map-case [-v] [-o OUTDIR] CASEDIR...\n");
        return 2;
    }
    for (; optind < argc; optind++)
        bad |= map(&mapping, argv[optind]) != 0;
    llmobs_rules_free(mapping.rules);
    llmobs_config_free(mapping.config);
    return bad;
}
