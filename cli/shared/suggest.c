/* Computes the distance between a typed word and known words. */
#include "cli/shared/suggest.h"

#include <ctype.h>
#include <string.h>

#include "cli/shared/tell.h"

#define FAR 3

void llmobs_suggest_init(struct llmobs_suggest *suggest, const char *typed)
{
    suggest->typed = typed;
    suggest->best = NULL;
    suggest->distance = FAR;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* The number of letters to add, remove, change or exchange with their neighbour
 * that makes one word of the other. */
static size_t distance(const char *a, const char *b)
{
    /* The table of distances between beginnings of both words, of which the
     * last three lines are kept. */
    size_t lines[3][LLMOBS_SUGGEST_MAX + 1];
    size_t rows = strlen(a), len = strlen(b);

    if (rows > LLMOBS_SUGGEST_MAX || len > LLMOBS_SUGGEST_MAX)
        return FAR;
    for (size_t j = 0; j <= len; j++)
        lines[0][j] = j;
    for (size_t i = 1; i <= rows; i++) {
        const size_t *before = lines[(i + 1) % 3], *above = lines[(i + 2) % 3];
        size_t *line = lines[i % 3];

        line[0] = i;
        for (size_t j = 1; j <= len; j++) {
            size_t differs = tolower((unsigned char)a[i - 1]) !=
                             tolower((unsigned char)b[j - 1]);

            line[j] =
                least(above[j - 1] + differs, 1 + least(above[j], line[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                line[j] = least(line[j], before[j - 2] + 1);
        }
    }
    return lines[rows % 3][len];
}

void llmobs_suggest_offer(struct llmobs_suggest *suggest, const char *word)
{
    size_t far = distance(suggest->typed, word);

    if (far < suggest->distance && far * 3 <= strlen(word)) {
        suggest->distance = far;
        suggest->best = word;
    }
}

void llmobs_suggest_end(const char *best, const char *otherwise)
{
    if (best)
        llmobs_tell("; did you mean %s?\n", best);
    else
        llmobs_tell("; %s\n", otherwise);
}

void llmobs_suggest_option(const char *best, const char *command)
{
    if (best)
        llmobs_tell("; did you mean --%s?\n", best);
    else
        llmobs_tell("; `%s --help` tells more\n", command);
}
