/* Examines a program: how it reaches libcurl, and who wraps libcurl. */
#include "cli/doctor/doctor.h"

#include <string.h>

#include "lib/base/glob.h"
#include "lib/base/tls_auto.h"

/* -- routes to libcurl ---------------------------------------------------- */

/* `plain`: calls by plain http:// are observed. */
static void report_nothing(struct llmobs_doctor *doctor,
                           enum llmobs_tls_way way, bool plain)
{
    const struct llmobs_program *program = &doctor->program;
    struct llmobs_config *config = llmobs_doctor_config(doctor);
    bool alone = plain && way != LLMOBS_TLS_OBSERVED;
    enum llmobs_report_level level =
        way == LLMOBS_TLS_OBSERVED || program->shell       ? LLMOBS_REPORT_NOTE
        : !alone                                           ? LLMOBS_REPORT_FAIL
        : config && llmobs_lists_plain(config->proxy_urls) ? LLMOBS_REPORT_NOTE
                                                           : LLMOBS_REPORT_WARN;
    const char *remedy =
        level < LLMOBS_REPORT_WARN || (!alone && way != LLMOBS_TLS_NONE) ? NULL
        : way == LLMOBS_TLS_NOT
            ? "LLMOBS_TLS=on observes those by https://, too"
            : "its calls by https:// are not seen: " LLMOBS_DOCTOR_INTERCEPT
              ", but none of Java";

    llmobs_config_free(config);
    if (program->shell)
        LLMOBS_ASK("reach",
                   "%s makes no calls itself, and the doctor does not look at "
                   "what it runs%s",
                   llmobs_program_name(program),
                   doctor->dropper[0] ? ""
                   : strcmp(llmobs_program_name(program), "chroot") == 0
                       ? ", which gets the library if the new root has it "
                         "at the same path"
                       : ", which gets the library too");
    else if (level == LLMOBS_REPORT_FAIL && doctor->may_run)
        LLMOBS_ASK("reach",
                   "%s makes no call that is seen; it may run %s, at which the "
                   "doctor does not look",
                   llmobs_program_name(program), doctor->may_run);
    else
        llmobs_report_add(
            &doctor->report, level, "reach", remedy, "%s%s%s",
            doctor->routes.count > 0 ? "no libcurl that can be observed"
            : program->loads         ? "libcurl would come by "
                             : "neither linked with libcurl nor naming it",
            doctor->routes.count == 0 && program->loads ? program->loads : "",
            doctor->routes.count > 0 ? ""
            : program->loads         ? ", and none was found"
            : way == LLMOBS_TLS_NONE ? "; a TLS library inside it, as in Go, "
                                       "Java, Bun, Deno or with rustls, is out "
                                       "of reach"
                                     : "");
    if (doctor->routes.missing[0] != '\0' && !doctor->allowance.spent &&
        doctor->process.pid == 0) /* a process has what it needs */
        LLMOBS_FIND(NOTE, "reach", "a library was not found%s: %s",
                    doctor->routes.asked ? "" : " in the usual directories",
                    doctor->routes.missing);
}

static void report_reach(struct llmobs_doctor *doctor)
{
    struct llmobs_json *fact = llmobs_json_object();
    struct llmobs_json *list = llmobs_json_array();
    const char *base = llmobs_program_base(doctor->program.file);
    const char *how = "none";
    enum llmobs_tls_way way;
    bool plain;

    for (size_t i = 0; i < doctor->routes.count; i++) {
        const struct llmobs_libcurl_route *copy = &doctor->routes.copies[i];
        static const char *const texts[] = {
            "loaded: ", "linked: ", "opened later: ", "inside the file: "};
        const char *flavour = copy->flavour[0] ? copy->flavour : "unknown TLS";
        const char *version =
            copy->version[0] ? copy->version : "unknown version";
        bool is_static = copy->how == LLMOBS_LIBCURL_STATIC;
        struct llmobs_json *one = llmobs_json_object();
        /* The shim sees calls through that copy. */
        bool in_reach = !is_static && !copy->missing && !copy->switched_off;

        LLMOBS_FIND_AS(
            in_reach ? LLMOBS_REPORT_OK : LLMOBS_REPORT_NOTE, "reach",
            "%s%s%s%s%s%s%s%s%s%s", texts[copy->how], copy->path,
            is_static || copy->missing ? "" : ", ",
            is_static || copy->missing ? "" : flavour,
            copy->missing ? ", which is not installed" : ", ",
            copy->missing ? "" : version, copy->via[0] ? ", by " : "",
            copy->via,
            copy->switched_off ? " (an extension that is not enabled)" : "",
            is_static ? ": libcurl linked into the file itself is out of reach"
                      : "");
        if (!doctor->in_reach)
            how = llmobs_libcurl_how_name(copy->how);
        /* A script may make its calls without the module that is installed. */
        doctor->carries |=
            in_reach && (copy->how != LLMOBS_LIBCURL_LATER ||
                         !llmobs_glob_listed(LLMOBS_CLIENTS, base));
        doctor->in_reach |= in_reach;
        (void)llmobs_json_set_texts(
            one, "how", llmobs_libcurl_how_name(copy->how), "path", copy->path,
            "via", copy->via[0] ? copy->via : NULL, "flavour",
            copy->flavour[0] ? copy->flavour : NULL, "version",
            copy->version[0] ? copy->version : NULL, NULL);
        if (copy->missing)
            (void)llmobs_json_set(one, "missing", llmobs_json_bool(true));
        if (copy->switched_off)
            (void)llmobs_json_set(one, "switched_off", llmobs_json_bool(true));
        doctor->report.no_memory |= llmobs_json_add(list, one) != 0;
    }
    way = llmobs_doctor_tls(doctor);
    plain = llmobs_doctor_sockets(doctor, doctor->in_reach);
    if (!doctor->in_reach || doctor->program.shell)
        report_nothing(doctor, way, plain);
    llmobs_doctor_starts(doctor);
    snprintf(doctor->report.holds, sizeof(doctor->report.holds), "%s%s%s",
             doctor->in_reach ? ", by libcurl" : "",
             way == LLMOBS_TLS_OBSERVED ? ", over a TLS library" : "",
             plain ? ", by plain http://" : "");
    if (doctor->allowance.spent)
        LLMOBS_FIND(NOTE, "reach",
                    "its files ask for too much to be read: not all of "
                    "them was looked at");
    (void)llmobs_json_sets(fact, "how", how);
    (void)llmobs_json_set(fact, "in_reach", llmobs_json_bool(doctor->in_reach));
    (void)llmobs_json_set(fact, "copies", list);
    (void)llmobs_json_set(fact, "plain_http", llmobs_json_bool(plain));
    LLMOBS_KNOWN("reach", fact);
}

static void find_reach(struct llmobs_doctor *doctor)
{
    struct llmobs_libcurl_routes *routes = &doctor->routes;
    int rc = 0;
    const struct llmobs_process *process = &doctor->process;

    /* Lists the copies in the memory of a process: they are more certain than
     * the copies that its files name. */
    for (size_t i = 0; i < process->object_count; i++) {
        const struct llmobs_process_object *object = &process->objects[i];

        if (!object->deleted)
            (void)llmobs_libcurl_routes_add_copy(&doctor->routes,
                                                 &doctor->library, object->path,
                                                 LLMOBS_LIBCURL_LOADED);
        else if (strstr(object->path, "/libcurl"))
            LLMOBS_FIND(NOTE, "reach",
                        "loaded, and replaced or deleted since: %s",
                        object->path);
    }
    if (routes->count == 0)
        rc = llmobs_libcurl_routes_add(routes, &doctor->library,
                                       doctor->program.file,
                                       LLMOBS_LIBCURL_LINKED, "", true);
    if (routes->count == 0 && rc == 0 && !doctor->program.shell)
        llmobs_program_extensions(&doctor->program, doctor->process.prefix,
                                  routes, &doctor->library);
    /* An unreadable file is reported here by what it means for preloading. */
    if (rc == 0)
        report_reach(doctor);
}

/* -- all of it ------------------------------------------------------------ */

int llmobs_doctor_examine(struct llmobs_doctor *doctor)
{
    struct llmobs_json *list;
    const struct llmobs_program *program = &doctor->program;

    llmobs_doctor_open_library(doctor, &doctor->allowance);
    LLMOBS_KNOWN("program", llmobs_json_string(program->file));
    if (program->script[0] != '\0')
        LLMOBS_KNOWN("script", llmobs_json_string(program->script));
    if (doctor->process.pid != 0) {
        LLMOBS_KNOWN("pid", llmobs_json_int(doctor->process.pid));
        LLMOBS_FIND(NOTE, "program", "%s, process %d", program->file,
                    (int)doctor->process.pid);
    } else if (program->script[0] != '\0') {
        LLMOBS_FIND(NOTE, "program", "%s, a script for %s", program->script,
                    program->file);
    } else {
        LLMOBS_FIND(NOTE, "program", "%s", program->file);
    }
    find_reach(doctor);
    llmobs_doctor_possible(doctor);
    llmobs_doctor_on(doctor);
    /* docs/WRAPPERS.md says which calls of a wrapper the shim sees. */
    list = llmobs_json_array();
    for (size_t i = 0; i < doctor->routes.wrapper_count; i++) {
        const struct llmobs_libcurl_wrapper *wrapper =
            &doctor->routes.wrappers[i];
        struct llmobs_json *fact = llmobs_json_object();

        (void)llmobs_json_set_texts(fact, "path", wrapper->path, "functions",
                                    wrapper->names, NULL);
        (void)llmobs_json_set(fact, "asks_the_loader",
                              llmobs_json_bool(wrapper->asks));
        doctor->report.no_memory |= llmobs_json_add(list, fact) != 0;
        if (wrapper->asks)
            LLMOBS_FIND(NOTE, "reach",
                        "%s stands before libcurl's %s: calls by it are seen "
                        "if it asks the loader for libcurl's functions",
                        wrapper->path, wrapper->names);
        else
            LLMOBS_WARN(
                "reach",
                "run the program without it, or have it find libcurl's "
                "functions by dlsym(RTLD_NEXT)",
                "%s stands before libcurl's %s, and does not ask the loader "
                "for libcurl's functions: calls by it are not seen",
                wrapper->path, wrapper->names);
    }
    LLMOBS_KNOWN("wrappers", list);
    return llmobs_doctor_settings(doctor);
}
