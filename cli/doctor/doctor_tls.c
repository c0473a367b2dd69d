#include "cli/doctor/doctor.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/glob.h"
#include "lib/base/tls_auto.h"

#define ABOUT "tls"
static const char *const libraries[] = {"libssl", "libgnutls.so."};

static bool doctor_tls_begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

/* True where the process has an object whose name begins so. */
static bool has_loaded(const struct llmobs_doctor *doctor, const char *name)
{
    const struct llmobs_process *process = &doctor->process;

    for (size_t i = 0; i < process->object_count; i++)
        if (doctor_tls_begins(llmobs_program_base(process->objects[i].path),
                              name))
            return true;
    return false;
}

static bool has_loaded_it(const struct llmobs_doctor *doctor)
{
    return has_loaded(doctor, libraries[0]) || has_loaded(doctor, libraries[1]);
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

static enum llmobs_tls_way way_of(const struct llmobs_doctor *doctor,
                                  const char *base)
{
    enum llmobs_tls_mode mode = llmobs_tls_mode(setting(doctor, "LLMOBS_TLS"));

    if (mode == LLMOBS_TLS_OFF)
        return LLMOBS_TLS_NOT;
    if (doctor_tls_begins(base, "php") || has_loaded(doctor, "libphp"))
        return LLMOBS_TLS_PHP;
    if (mode == LLMOBS_TLS_ON)
        return LLMOBS_TLS_OBSERVED;
    if (!llmobs_glob_listed(LLMOBS_TLS_CLIENTS, base))
        return LLMOBS_TLS_NOT;
    return has_tracer(doctor) ? LLMOBS_TLS_TRACED : LLMOBS_TLS_OBSERVED;
}

enum llmobs_tls_way llmobs_doctor_tls_of(const struct llmobs_doctor *doctor)
{
    return has_loaded_it(doctor)
               ? way_of(doctor, llmobs_program_base(doctor->process.exe))
               : LLMOBS_TLS_NONE;
}

bool llmobs_doctor_tls(struct llmobs_doctor *doctor)
{
    const char *base = llmobs_program_base(doctor->program.file);
    enum llmobs_tls_way way = LLMOBS_TLS_NONE;

    if (llmobs_glob_listed(LLMOBS_TLS_CLIENTS, base) || has_loaded_it(doctor) ||
        is_linked(doctor))
        way = way_of(doctor, base);
    switch (way) {
    case LLMOBS_TLS_NONE:
        break;
    case LLMOBS_TLS_PHP:
        LLMOBS_FIND(OK, ABOUT,
                    "the calls of PHP's own streams over OpenSSL are observed, "
                    "too, but by HTTP/2");
        break;
    case LLMOBS_TLS_OBSERVED:
        LLMOBS_FIND(OK, ABOUT,
                    "calls over a TLS library without libcurl are observed, "
                    "but by HTTP/2");
        break;
    case LLMOBS_TLS_TRACED:
        LLMOBS_FIND(NOTE, ABOUT,
                    "a tracer reports the program's calls: those over a TLS "
                    "library are left to it, unless LLMOBS_TLS=on");
        break;
    case LLMOBS_TLS_NOT:
        LLMOBS_FIND(NOTE, ABOUT,
                    "calls over a TLS library without libcurl are not "
                    "observed: LLMOBS_TLS=on observes them");
        break;
    }
    return way == LLMOBS_TLS_PHP || way == LLMOBS_TLS_OBSERVED;
}
