/* Opens the doctor's own HTTP, and reports another preload's connect. */
#include "cli/doctor/doctor.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/shared/open_libcurl.h"
#include "core/export/direct.h"
#include "lib/span/allowlist.h"
#include "lib/span/mask.h"
#include "core/export/http.h"

#define VALUE_MAX 1024

char *llmobs_doctor_shown(const char *name, const char *value)
{
    static const char *const secret[] = {"KEY", "TOKEN", "SECRET", "PASSWORD",
                                         "HEADERS"};
    struct llmobs_buf text, urls;
    bool place = strstr(name, "URL") || strstr(name, "ENDPOINT") ||
                 strstr(name, "ORIGIN");
    char *shown = NULL;
    int rc = strlen(value) <= VALUE_MAX ? 0 : -E2BIG;

    for (size_t i = 0; i < sizeof(secret) / sizeof(*secret); i++)
        if (strstr(name, secret[i]))
            return strdup("(set, not shown)");
    llmobs_buf_init(&text, 8 * VALUE_MAX);
    llmobs_buf_init(&urls, 4 * VALUE_MAX);
    /* Each word of the value, a URL without its secrets. In a place without a
     * scheme nobody knows where a password ends. */
    while (rc == 0 && *value) {
        size_t len = strcspn(value, ", ");
        char *word = strndup(value, len);

        if (!word)
            rc = -ENOMEM;
        else if (strstr(word, "://"))
            rc = llmobs_allowlist_url(word, &urls);
        else
            rc = llmobs_buf_adds(&urls, place && strchr(word, '@')
                                            ? "(no URL, not shown)"
                                            : word);
        free(word);
        value += len;
        len = strspn(value, ", ");
        if (rc == 0)
            rc = llmobs_buf_add(&urls, value, len);
        value += len;
    }
    if (rc == 0 && urls.data && llmobs_mask_text(urls.data, &text) == 0)
        shown = llmobs_buf_take(&text, NULL);
    llmobs_buf_fini(&text);
    llmobs_buf_fini(&urls);
    return shown ? shown : strdup("(too long to be shown)");
}

struct llmobs_http *llmobs_doctor_open_http(const struct llmobs_doctor *doctor,
                                            const struct llmobs_config *config)
{
    llmobs_cli_open_libcurl();
    llmobs_direct_only(llmobs_doctor_is_held(doctor));
    return llmobs_http_new(config);
}

bool llmobs_doctor_is_held(const struct llmobs_doctor *doctor)
{
    return !doctor->relayed && (doctor->holder[0] != '\0' ||
                                (!doctor->carries && !doctor->program.shell));
}

void llmobs_doctor_tell_held(struct llmobs_doctor *doctor,
                             enum llmobs_report_level level, const char *about,
                             const char *place)
{
    LLMOBS_FIND_AS(level, about,
                   "%s is on another machine: %s%s nothing is sent there, and "
                   "spans wait in the spool for `llmobs relay` or `llmobs "
                   "drain`",
                   place, doctor->holder[0] ? "beside " : "without a libcurl",
                   doctor->holder);
}
