#include "core/ops/c_api.h"
#include "core/ops/api_enable.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/log.h"
#include "core/capture/judge.h"
#include "core/sdk/own_span.h"
#include "core/sdk/values.h"

/* What the configuration was read with, until its caller asks for it. */
static _Atomic(const struct llmobs_enable_options *) applied;

/* -- as variables ---------------------------------------------------------- */

struct setting {
    const char *name;
    const char *value; /* NULL: not given */
};

#define SETTINGS 8

static void list_settings(const struct llmobs_enable_options *o,
                          struct setting out[SETTINGS])
{
    const char *agentless = o->agentless > 0 ? "1" : "0";
    const struct setting settings[SETTINGS] = {
        {"DD_LLMOBS_ENABLED", "1"},
        {"DD_LLMOBS_ML_APP", o->ml_app},
        {"DD_SERVICE", o->service},
        {"DD_ENV", o->env},
        {"DD_SITE", o->site},
        {"DD_API_KEY", o->api_key},
        {"DD_LLMOBS_INSTRUMENTED_PROXY_URLS", o->instrumented_proxy_urls},
        {"DD_LLMOBS_AGENTLESS_ENABLED", o->agentless ? agentless : NULL},
    };

    memcpy(out, settings, sizeof(settings));
}

static size_t size_of(const char *const *env,
                      const struct setting settings[SETTINGS], size_t *texts)
{
    size_t count = 1;

    *texts = 0;
    while (env && env[count - 1])
        count++;
    for (size_t i = 0; i < SETTINGS; i++)
        if (settings[i].value)
            *texts += strlen(settings[i].name) + strlen(settings[i].value) + 2;
    return (count + SETTINGS) * sizeof(*env);
}

/* The list and, behind it, the texts that are new. */
static const char **join(const char *const *env,
                         const struct setting settings[SETTINGS])
{
    size_t texts, n = 0, size = size_of(env, settings, &texts);
    const char **list = malloc(size + texts);
    char *at = (char *)list + size;

    for (size_t i = 0; list && i < SETTINGS; i++) {
        if (!settings[i].value)
            continue;
        list[n++] = at;
        strcpy(at, settings[i].name);
        at += strlen(at);
        *at++ = '=';
        strcpy(at, settings[i].value);
        at += strlen(at) + 1;
    }
    for (; list && env && *env; env++)
        list[n++] = *env;
    if (list)
        list[n] = NULL;
    return list;
}

const char **llmobs_c_api_environment(
    const char *const *env, const struct llmobs_enable_options *options)
{
    struct llmobs_enable_options own;
    struct setting settings[SETTINGS];
    const char **list;

    if (llmobs_values_copy(&own, sizeof(own), options) != 0)
        return NULL;
    list_settings(&own, settings);
    list = join(env, settings);
    if (list)
        atomic_store(&applied, options);
    return list;
}

/* -- on and off ------------------------------------------------------------ */

static bool says_anything(const struct llmobs_enable_options *options)
{
    struct setting settings[SETTINGS];

    list_settings(options, settings);
    for (size_t i = 1; i < SETTINGS; i++)
        if (settings[i].value)
            return true;
    return false;
}

int llmobs_c_api_enable(const struct llmobs_enable_options *options)
{
    const struct llmobs_enable_options *ours = options;
    struct llmobs_enable_options own;
    bool first;
    int rc = llmobs_values_copy(&own, sizeof(own), options);

    if (rc)
        return llmobs_own_span_complain(rc,
                                        "enable by options of a wrong size");
    first = atomic_compare_exchange_strong(&applied, &ours, NULL);
    if (own.integrations_enabled)
        llmobs_judge_integrate(own.integrations_enabled > 0);
    llmobs_own_span_switch(true);
    if (first || !says_anything(&own))
        return 0;
    return llmobs_own_span_complain(-EALREADY, "enable of what is on already");
}

int llmobs_c_api_disable(struct llmobs_worker *worker)
{
    if (!llmobs_own_span_is_on())
        return LLMOBS_OWN_SPAN_OFF;
    llmobs_own_span_switch(false);
    return llmobs_worker_flush(worker, llmobs_worker_exit_ms(worker));
}
