#include <stdio.h>
#include <stdlib.h>

#include "core/clock.h"
#include "tests/unit/unit.h"

int64_t unit_ms_since(int64_t start_ns)
{
    return (llmobs_clock_mono_ns() - start_ns) / LLMOBS_NS_PER_MS;
}

void unit_remove(const char *dir)
{
    char command[128];

    snprintf(command, sizeof(command), "rm -rf '%s'", dir);
    ck_assert_int_eq(system(command), 0);
}
