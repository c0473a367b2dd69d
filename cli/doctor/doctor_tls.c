#include "cli/doctor/doctor.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ABOUT "tls"
static const char *const libraries[] = {"libssl.so.", "libgnutls.so."};
#define LIBRARIES (sizeof(libraries) / sizeof(*libraries))

/* Interpreters whose scripts send by OpenSSL, which a module brings later. */
static const char *const interpreters[] = {"python", "ruby", "perl", "lua"};

static bool doctor_tls_begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

static bool brings_it_later(const char *base)
{
    for (size_t i = 0; i < sizeof(interpreters) / sizeof(*interpreters); i++)
        if (doctor_tls_begins(base, interpreters[i]))
            return true;
    return false;
}

static bool has_loaded_it(const struct llmobs_process *process)
{
    for (size_t i = 0; i < process->object_count; i++)
        for (size_t j = 0; j < LIBRARIES; j++)
            if (doctor_tls_begins(llmobs_program_base(process->objects[i].path),
                                  libraries[j]))
                return true;
    return false;
}

static bool is_linked(const struct llmobs_doctor *doctor)
{
    struct llmobs_allowance allowance = {.left = LLMOBS_ALLOWANCE_MAX};
    struct llmobs_object object;
    bool needs;

    if (llmobs_object_open(&object, AT_FDCWD, doctor->program.file, &allowance,
                           NULL) != 0)
        return false;
    needs = llmobs_object_needs(&object, libraries[0]) ||
            llmobs_object_needs(&object, libraries[1]);
    llmobs_object_close(&object);
    return needs;
}

bool llmobs_doctor_tls(struct llmobs_doctor *doctor)
{
    const char *base = llmobs_program_base(doctor->program.file);
    const char *set = doctor->process.pid
                          ? llmobs_process_env(&doctor->process, "LLMOBS_TLS")
                          : getenv("LLMOBS_TLS");
    bool php = doctor_tls_begins(base, "php");
    bool on = set && strcasecmp(set, "on") == 0;
    bool off = set && strcasecmp(set, "off") == 0;

    if (!brings_it_later(base) && !has_loaded_it(&doctor->process) &&
        !is_linked(doctor))
        return false;
    if (php && !off)
        LLMOBS_FIND(OK, ABOUT,
                    "the calls of PHP's own streams over OpenSSL are observed, "
                    "too");
    else if (on)
        LLMOBS_FIND(OK, ABOUT,
                    "calls over a TLS library without libcurl are observed");
    else
        LLMOBS_FIND(
            NOTE, ABOUT,
            "calls over a TLS library without libcurl are not observed: "
            "LLMOBS_TLS=on observes them");
    return on || (php && !off);
}
