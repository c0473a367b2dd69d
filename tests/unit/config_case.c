/* Loads a configuration for tests. */
#include "tests/unit/config_case.h"

#include <string.h>

#include "tests/unit/unit.h"

char complaints[16384];
int complaint_count;

static void complain(void *ctx, const char *text)
{
    size_t room = sizeof(complaints) - strlen(complaints);

    ck_assert_ptr_eq(ctx, complaints);
    strncat(complaints, text, room - 2);
    strcat(complaints, "\n");
    complaint_count++;
}

static void free_config(void *config)
{
    llmobs_config_free(config);
}

struct llmobs_config *config_case_load(const char *const *env)
{
    struct llmobs_config *config;

    complaints[0] = '\0';
    complaint_count = 0;
    config = llmobs_config_load(env, complain, complaints);
    ck_assert_ptr_nonnull(config);
    unit_frees(config, free_config);
    ck_assert_msg(!strstr(complaints, SECRET), "%s", complaints);
    return config;
}
