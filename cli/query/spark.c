#include "cli/query/spark.h"

#define LEVELS 8

/* The bar's height from 1 to LEVELS; 0: a gap. */
static size_t level_of(double number, double most)
{
    double height;
    size_t level;

    if (!(number >= 0))
        return 0;
    if (!(most > 0) || number == 0)
        return 1;
    height = number / most * LEVELS;
    level = (size_t)height;
    level += (double)level < height ? 1 : 0;
    return level < 1 ? 1 : level > LEVELS ? LEVELS : level;
}

int llmobs_spark_add(struct llmobs_buf *out, const double *numbers,
                     size_t count, bool ascii)
{
    static const char *const bars[] = {" ", "▁", "▂", "▃", "▄",
                                       "▅", "▆", "▇", "█"};
    static const char *const marks[] = {" ", "_", ".", "-", "~",
                                        "=", "+", "*", "#"};
    double most = 0;
    int rc = 0;

    for (size_t i = 0; i < count; i++)
        if (numbers[i] > most)
            most = numbers[i];
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = llmobs_buf_adds(
            out, (ascii ? marks : bars)[level_of(numbers[i], most)]);
    return rc;
}
