/* A program that has neither libcurl nor anything else of ours to link with.
 * usage: api_alone [enable [ML_APP] | kill | evaluate | loop N] */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "llmobs.h"

static void work(void)
{
    LLMOBS_FUNCTION(span, LLMOBS_WORKFLOW);

    printf("%d\n", llmobs_annotate_text(span, "in", "out") < 0);
}

static void evaluate(void)
{
    struct llmobs_evaluation_options options = {
        .size = sizeof(options), .label = "quality", .number = 0.75};
    struct llmobs_exported ids;
    LLMOBS_SCOPE(span, LLMOBS_LLM, "answer");

    printf("%d\n", llmobs_export_span(span, &ids) < 0);
    options.metric_type = LLMOBS_SCORE;
    options.span = &ids;
    printf("%d\n", llmobs_submit_evaluation(&options) < 0);
}

static void loop(long n)
{
    for (long i = 0; i < n; i++)
        llmobs_finish(llmobs_start(LLMOBS_TASK, "task"));
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    struct llmobs_enable_options options = {.size = sizeof(options),
                                            .service = "alone"};

    if (argc > 2)
        options.ml_app = argv[2];
    if (strcmp(what, "enable") == 0)
        printf("%d\n", llmobs_enable(&options) < 0);
    if (strcmp(what, "loop") == 0 && argc > 2)
        loop(atol(argv[2]));
    else if (strcmp(what, "evaluate") == 0)
        evaluate();
    else
        work();
    fflush(stdout);
    if (strcmp(what, "kill") == 0)
        kill(getpid(), SIGKILL);
    return 0;
}
