#include "cli/shared/ask.h"

#include <stdio.h>

bool llmobs_ask(const char *question)
{
    char answer[8] = "";

    fflush(stdout);
    fprintf(stderr, "%s [y/N] ", question);
    return fgets(answer, sizeof(answer), stdin) &&
           (answer[0] == 'y' || answer[0] == 'Y');
}
