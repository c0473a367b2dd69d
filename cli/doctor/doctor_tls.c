#include "cli/doctor/doctor.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/glob.h"
#include "lib/base/tls_auto.h"

#define ABOUT "tls"
static const char *const libraries[] = {"libssl.so.", "libgnutls.so."};
#define LIBRARIES (sizeof(libraries) / sizeof(*libraries))

static bool doctor_tls_begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
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

static const char *setting(const struct llmobs_doctor *doctor, const char *name)
{
    return doctor->process.pid ? llmobs_process_env(&doctor->process, name)
                               : getenv(name);
}

static bool has_tracer(const struct llmobs_doctor *doctor)
{
    for (size_t i = 0; i < LLMOBS_TRACER_SIGNS; i++) {
        const char *value = setting(doctor, llmobs_tracer_signs[i].name);

        if (value && llmobs_tracer_has(value, llmobs_tracer_signs[i].part))
            return true;
    }
    for (size_t i = 0; i < doctor->process.object_count; i++)
        if (llmobs_tracer_brings(doctor->process.objects[i].path))
            return true;
    return false;
}

bool llmobs_doctor_tls(struct llmobs_doctor *doctor)
{
    const char *base = llmobs_program_base(doctor->program.file);
    const char *set = setting(doctor, "LLMOBS_TLS");
    bool php = doctor_tls_begins(base, "php");
    bool client = llmobs_glob_listed(LLMOBS_TLS_CLIENTS, base);
    bool on = set && strcasecmp(set, "on") == 0;
    bool off = set && strcasecmp(set, "off") == 0;
    bool left = client && !on && !off && has_tracer(doctor);

    if (!client && !has_loaded_it(&doctor->process) && !is_linked(doctor))
        return false;
    if (php && !off)
        LLMOBS_FIND(OK, ABOUT,
                    "the calls of PHP's own streams over OpenSSL are observed, "
                    "too, but by HTTP/2");
    else if (left)
        LLMOBS_FIND(NOTE, ABOUT,
                    "a tracer reports the program's calls: those over a TLS "
                    "library are left to it, unless LLMOBS_TLS=on");
    else if (on || (client && !off))
        LLMOBS_FIND(OK, ABOUT,
                    "calls over a TLS library without libcurl are observed, "
                    "but by HTTP/2");
    else
        LLMOBS_FIND(NOTE, ABOUT,
                    "calls over a TLS library without libcurl are not "
                    "observed: LLMOBS_TLS=on observes them");
    return on || (php && !off) || (client && !off && !left);
}
