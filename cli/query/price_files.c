/* Loads the tables of prices that LLMOBS_PRICES names. */
#include "cli/query/price_files.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "cli/shared/escape.h"
#include "cli/shared/preload.h"
#include "cli/shared/tell.h"
#include "lib/base/file.h"

#define VARIABLE "LLMOBS_PRICES"
#define SHIPPED "prices.json"

/* A table without a date is as old as its file. */
static int add_file(struct llmobs_prices *prices, const char *path)
{
    char date[LLMOBS_PRICES_DATE] = "";
    struct llmobs_buf text;
    struct stat st;
    struct tm tm;
    int rc;

    if (stat(path, &st) != 0 || !localtime_r(&st.st_mtime, &tm) ||
        strftime(date, LLMOBS_PRICES_DATE, "%Y-%m-%d", &tm) == 0)
        strcpy(date, "unknown");
    llmobs_buf_init(&text, LLMOBS_PRICE_FILES_MAX);
    rc = llmobs_file_read(path, &text);
    if (rc == 0)
        rc = llmobs_prices_add(prices, llmobs_buf_text(&text), date);
    llmobs_buf_fini(&text);
    return rc;
}

/* Adds a file, or by "default" the table beside the tool: a tool without one
 * estimates nothing. */
static int add_named(const char *command, struct llmobs_prices *prices,
                     const char *name)
{
    char path[PATH_MAX], room[LLMOBS_ESCAPE_NAME];
    int rc;

    if (strcmp(name, "default") == 0) {
        rc = llmobs_preload_share(SHIPPED, path);
        if (rc == 0)
            rc = add_file(prices, path);
        if (rc == -ENOENT || rc == -ESRCH)
            rc = 0;
    } else {
        rc = add_file(prices, name);
    }
    if (rc != 0)
        llmobs_tell("%s: " VARIABLE ": %s: %s\n", command,
                    llmobs_escape_name(name, room),
                    rc == -EINVAL  ? "this is no file of prices"
                    : rc == -E2BIG ? "too much for a file of prices"
                                   : strerror(-rc));
    return rc;
}

int llmobs_price_files_load(const char *command, struct llmobs_prices **out)
{
    const char *asked = getenv(VARIABLE);
    char *list = strdup(asked && *asked != '\0' ? asked : "default");
    struct llmobs_prices *prices = NULL;
    char *path, *save = NULL;
    int rc = list ? 0 : -ENOMEM;

    *out = NULL;
    if (rc == 0 && strcmp(list, "off") != 0) {
        prices = llmobs_prices_new();
        rc = prices ? 0 : -ENOMEM;
        path = prices ? strtok_r(list, ",", &save) : NULL;
        for (; path; path = strtok_r(NULL, ",", &save)) {
            int failed = add_named(command, prices, path);

            rc = rc == 0 ? failed : rc;
        }
    }
    free(list);
    if (prices && !llmobs_prices_date(prices)) {
        llmobs_prices_free(prices);
        prices = NULL;
    }
    *out = prices;
    return rc;
}
