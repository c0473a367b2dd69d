#include "cli/doctor/doctor.h"

#include "lib/base/glob.h"
#include "lib/base/tls_auto.h"

#define ABOUT "http"

enum llmobs_sockets_way llmobs_doctor_sockets_of(struct llmobs_doctor *doctor)
{
    const char *base = llmobs_program_base(doctor->program.file);
    struct llmobs_config *config = llmobs_doctor_config(doctor);
    bool php = llmobs_doctor_is_php(doctor, base);
    bool client = php || llmobs_glob_listed(LLMOBS_SOCKET_CLIENTS, base);
    enum llmobs_sockets_way way = LLMOBS_SOCKETS_OBSERVED;
    /* Other programs do not read the file. */
    bool on =
        config && config->sockets == LLMOBS_TLS_ON &&
        (client || doctor->routes.count > 0 || llmobs_doctor_has_tls(doctor) ||
         llmobs_doctor_env(doctor, "LLMOBS_SOCKETS"));

    /* A client's modules may bring connect. */
    if (doctor->routes.alone)
        way = LLMOBS_SOCKETS_STATIC;
    else if (!client && !doctor->routes.connects)
        way = LLMOBS_SOCKETS_NONE;
    else if (!config || config->sockets == LLMOBS_TLS_OFF)
        way = LLMOBS_SOCKETS_OFF;
    else if (!on && !client)
        way = LLMOBS_SOCKETS_OTHER;
    else if (!on && !php && llmobs_doctor_has_tracer(doctor, base))
        way = LLMOBS_SOCKETS_TRACED;
    llmobs_config_free(config);
    return way;
}

#define NOT "calls by plain http:// are not observed: "

const char *llmobs_doctor_sockets_why(enum llmobs_sockets_way way)
{
    static const char *const why[] = {
        [LLMOBS_SOCKETS_OFF] = NOT "LLMOBS_SOCKETS is off",
        [LLMOBS_SOCKETS_OTHER] =
            NOT "LLMOBS_SOCKETS=on in its environment observes them",
        [LLMOBS_SOCKETS_TRACED] =
            NOT "a tracer in its language reports them; LLMOBS_SOCKETS=on "
                "observes them",
        [LLMOBS_SOCKETS_STATIC] = NOT "it is a static program",
        [LLMOBS_SOCKETS_NONE] =
            NOT "no file of it calls connect of libc; a Go program asks the "
                "kernel itself"};

    return why[way];
}

bool llmobs_doctor_sockets(struct llmobs_doctor *doctor, bool curl)
{
    enum llmobs_sockets_way way = llmobs_doctor_sockets_of(doctor);

    if (way == LLMOBS_SOCKETS_OBSERVED)
        LLMOBS_FIND(OK, ABOUT,
                    "calls without libcurl by plain http:// are observed; "
                    "LLMOBS_SOCKETS=off leaves them out");
    else if (way < LLMOBS_SOCKETS_OTHER || (!curl && !doctor->program.shell))
        LLMOBS_FIND(NOTE, ABOUT, "%s", llmobs_doctor_sockets_why(way));
    return way == LLMOBS_SOCKETS_OBSERVED;
}
