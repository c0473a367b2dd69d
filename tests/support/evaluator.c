/* A program that evaluates its own spans through include/llmobs.h: one span and
 * one evaluation of it for each line of stdin, which is the label and, after a
 * blank, the reasoning.  Prints "CODE SPAN-ID TRACE-ID" for each.  A first
 * argument N: so many threads do the same at once for each line, their labels
 * followed by "-0", "-1"...  "!fork LINE": a child does it, and exits. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <curl/curl.h>

#include "llmobs.h"

static const char *reasoning;

static int evaluate(const char *label, struct llmobs_exported *ids)
{
    struct llmobs_evaluation_options options = {.size = sizeof(options)};
    llmobs_span_t span = LLMOBS_START(LLMOBS_TASK);
    int rc = llmobs_export_span(span, ids);

    options.label = label;
    options.metric_type = LLMOBS_SCORE;
    options.number = 0.5;
    options.span = ids;
    options.reasoning = reasoning;
    if (rc == 0)
        rc = llmobs_submit_evaluation(&options);
    llmobs_finish(span);
    return rc;
}

static void *thread(void *ctx)
{
    struct llmobs_exported ids;

    return (void *)(intptr_t)evaluate(ctx, &ids);
}

static int with_threads(const char *label, int count)
{
    char(*labels)[256] = malloc((size_t)count * sizeof(*labels));
    pthread_t *all = malloc((size_t)count * sizeof(*all));
    int rc = 0;

    for (int i = 0; i < count; i++) {
        snprintf(labels[i], sizeof(labels[i]), "%.200s-%d", label, i);
        pthread_create(&all[i], NULL, thread, labels[i]);
    }
    for (int i = 0; i < count; i++) {
        void *result;

        pthread_join(all[i], &result);
        rc |= (int)(intptr_t)result;
    }
    free(labels);
    free(all);
    return rc;
}

static int with_child(const char *label)
{
    struct llmobs_exported ids;
    int status = 1;
    pid_t pid = fork();

    if (pid == 0)
        exit(evaluate(label, &ids) != 0);
    waitpid(pid, &status, 0);
    return status;
}

int main(int argc, char **argv)
{
    int threads = argc > 1 ? atoi(argv[1]) : 0;
    struct llmobs_exported ids;
    static char line[1 << 20];

    curl_global_init(CURL_GLOBAL_ALL);
    while (fgets(line, sizeof(line), stdin)) {
        char *label = line;
        char *blank;
        int rc;

        line[strcspn(line, "\n")] = '\0';
        memset(&ids, 0, sizeof(ids));
        if (strncmp(line, "!fork ", 6) == 0) {
            rc = with_child(line + 6);
        } else {
            blank = strchr(label, ' ');
            reasoning = blank ? blank + 1 : NULL;
            if (blank)
                *blank = '\0';
            rc = threads ? with_threads(label, threads) : evaluate(label, &ids);
        }
        printf("%d %s %s\n", rc, ids.span_id, ids.trace_id);
        fflush(stdout);
    }
    return 0;
}
