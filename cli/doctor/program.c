/* Resolves a command to the file that the kernel would execute. */
#include "cli/doctor/program.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/doctor/find_files.h"
#include "lib/base/file.h"
#include "lib/base/glob.h"

#define SCRIPT_LINE 512
#define INI_MAX (1024 * 1024)
#define EXTENSIONS_MAX 32
#define PATTERNS_MAX 10

/* Interpreters, by the beginning of their names, and the paths of their
 * extensions that use libcurl: %p is the directory above the program's own, %v
 * the version after its name. */
struct interpreter {
    const char *name;
    const char *loads;
    const char *patterns[PATTERNS_MAX];
};

#define OF_R                                                    \
    "the package curl or RCurl",                                \
    {                                                           \
        "/usr/lib/R/site-library/curl/libs/curl.so",            \
            "/usr/local/lib/R/site-library/curl/libs/curl.so",  \
            "/usr/lib/R/site-library/RCurl/libs/RCurl.so",      \
            "/usr/local/lib/R/site-library/RCurl/libs/RCurl.so" \
    }

static const struct interpreter interpreters[] = {
    {"python",
     "a module such as pycurl",
     {"%p/lib/python%v*/site-packages/pycurl*.so",
      "%p/lib/python%v*/site-packages/pycurl/_pycurl*.so",
      "%p/lib/python%v*/site-packages/curl_cffi/_wrapper*.so",
      "/usr/lib/python3/dist-packages/pycurl*.so",
      "/usr/lib/python3/dist-packages/pycurl/_pycurl*.so",
      "/usr/local/lib/python%v*/dist-packages/pycurl*.so",
      "/usr/local/lib/python%v*/dist-packages/pycurl/_pycurl*.so",
      "/usr/local/lib/python%v*/dist-packages/curl_cffi/_wrapper*.so"}},
    {"perl",
     "a module such as WWW::Curl",
     {"/usr/lib/*/perl5/*/auto/*/Curl*/Curl*.so",
      "/usr/lib/*/perl5/*/auto/*/Curl/*/*.so",
      "/usr/local/lib/*/perl/*/auto/*/Curl*/Curl*.so",
      "%p/lib/perl5/site_perl/*/*/auto/*/Curl*/Curl*.so"}},
    {"ruby",
     "a gem such as curb or typhoeus",
     {"/usr/lib/*/ruby/vendor_ruby/*/curb_core.so",
      "/usr/lib/*/rubygems-integration/*/extensions/*/*/curb-*/curb_core.so",
      "/var/lib/gems/*/extensions/*/*/curb-*/curb_core.so",
      "/usr/share/rubygems-integration/*/gems/ethon-*/lib/ethon/curls/"
      "settings.rb",
      "/var/lib/gems/*/gems/ethon-*/lib/ethon/curls/settings.rb"}},
    {"Rscript", OF_R},
    {"R", OF_R},
    {"lua",
     "a module such as lcurl",
     {"/usr/lib/*/lua/*/*curl*.so", "/usr/local/lib/lua/*/*curl*.so"}},
    {"tclsh",
     "the package TclCurl",
     {"/usr/lib/tcltk/[tT]cl[cC]url*/lib[tT]cl[cC]url*.so",
      "/usr/lib/tcltk/*/[tT]cl[cC]url*/lib[tT]cl[cC]url*.so"}},
    {"postgres",
     "PL/Perl with a module such as WWW::Curl",
     {"/usr/lib/*/perl5/*/auto/*/Curl*/Curl*.so",
      "/usr/lib/*/perl5/*/auto/*/Curl/*/*.so",
      "/usr/local/lib/*/perl/*/auto/*/Curl*/Curl*.so"}},
    {"ocamlrun",
     "a library such as ocurl",
     {"/usr/lib/ocaml/stublibs/*curl*.so"}},
    {"gst-launch",
     "the plugin curl",
     {"/usr/lib/*/gstreamer-1.0/libgstcurl.so"}},
    {"apache", "mod_php with the extension curl", {"/usr/lib/php/*/curl.so"}},
    {"git", "its helper for http", {"/usr/lib/git-core/git-remote-http"}},
};

#define INTERPRETERS (sizeof(interpreters) / sizeof(*interpreters))

const char *llmobs_program_base(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/* The version in "python3.11"; NULL: another name. */
static const char *version_in(const char *base, const char *name)
{
    size_t len = strlen(name);

    if (strncmp(base, name, len) != 0 || isalpha((unsigned char)base[len]))
        return NULL;
    return base + len;
}

static const struct interpreter *find_interpreter(const char *path)
{
    for (size_t i = 0; i < INTERPRETERS; i++)
        if (version_in(llmobs_program_base(path), interpreters[i].name))
            return &interpreters[i];
    return NULL;
}

#define SHELLS "sh,dash,bash,zsh,ksh,mksh,fish,busybox"
/* Programs that run what a file of theirs says, or a command that the doctor
 * does not look for. */
#define HANDS_ON                                                               \
    "make,gmake,ninja,cmake,ctest,just,uv,uvx,npm,npx,pnpm,yarn,poetry,pdm,"   \
    "pipenv,hatch,tox,nox,rake,bundle,parallel,find,entr,screen,tmux,nsenter," \
    "bwrap,firejail,start-stop-daemon,xvfb-run"

/* The program's name. R is a script that runs R: for it, the name of the script
 * and not that of the script's interpreter. */
static const char *name_of(const struct llmobs_program *program)
{
    return program->script[0] != '\0' &&
                   llmobs_glob_listed(SHELLS, program->file)
               ? program->script
               : program->file;
}

const char *llmobs_program_name(const struct llmobs_program *program)
{
    return llmobs_program_base(program->script[0] != '\0' ? program->script
                                                          : program->path);
}

static void know(struct llmobs_program *program)
{
    const struct interpreter *known = find_interpreter(name_of(program));

    program->shell = llmobs_glob_listed(SHELLS, program->file) ||
                     llmobs_glob_listed(HANDS_ON, llmobs_program_name(program));
    program->loads = known ? known->loads
                     : version_in(llmobs_program_base(program->file), "php")
                         ? "the extension curl"
                         : NULL;
}

void llmobs_program_is(struct llmobs_program *program,
                       const char path[PATH_MAX])
{
    memcpy(program->path, path, PATH_MAX);
    memcpy(program->file, path, PATH_MAX);
    know(program);
}

/* -- commands ------------------------------------------------------------- */

static int locate(const char *command, char out[PATH_MAX])
{
    if (*command == '\0' || strlen(command) >= PATH_MAX)
        return -ENOENT;
    if (!strchr(command, '/')) {
        /* Finds the file as execvp does: the first of that name that may be
         * executed, else the first file of that name. */
        const char *list = getenv("PATH");
        char path[PATH_MAX];
        struct stat st;
        int rc = -ENOENT;

        for (const char *at = list ? list : "/bin:/usr/bin";;) {
            int len = (int)strcspn(at, ":");
            int need = snprintf(path, sizeof(path), "%.*s%s%s", len, at,
                                len > 0 ? "/" : "", command);

            if (need > 0 && need < PATH_MAX && stat(path, &st) == 0 &&
                S_ISREG(st.st_mode)) {
                bool runs = access(path, X_OK) == 0;

                if (runs || rc != 0)
                    memcpy(out, path, (size_t)need + 1);
                rc = 0;
                if (runs)
                    return 0;
            }
            at += len;
            if (*at++ == '\0')
                return rc;
        }
    }
    memcpy(out, command, strlen(command) + 1);
    return access(out, F_OK) == 0 ? 0 : -errno;
}

/* Reads a script's first line, which begins with "#!"; false: no script. */
static bool read_script(const char *path, char line[SCRIPT_LINE])
{
    int fd = llmobs_object_at(AT_FDCWD, path);
    struct stat st;
    ssize_t got = -1;

    if (fd < 0)
        return false;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
        got = read(fd, line, SCRIPT_LINE - 1);
    close(fd);
    line[got > 0 ? got : 0] = '\0';
    /* execvp and shells have a text without that line run by a shell. */
    if (got > 0 && (size_t)got == strlen(line) && strncmp(line, "#!", 2) != 0 &&
        access(path, X_OK) == 0)
        strcpy(line, "#!/bin/sh");
    line[strcspn(line, "\n")] = '\0';
    return strncmp(line, "#!", 2) == 0 && line[2] != '\0';
}

int llmobs_program_find(struct llmobs_program *program, const char *command)
{
    char line[SCRIPT_LINE];
    int rc;

    memset(program, 0, sizeof(*program));
    rc = locate(command, program->path);
    for (int i = 0; rc == 0 && read_script(program->path, line); i++) {
        char *rest = line + 2, *word = strtok_r(rest, " \t", &rest);

        /* Behind env its options and variables come first. */
        if (word && strcmp(llmobs_program_base(word), "env") == 0)
            while ((word = strtok_r(rest, " \t", &rest)) &&
                   (*word == '-' || strchr(word, '=')))
                continue;
        if (i == LLMOBS_PROGRAM_SCRIPTS)
            return -ELOOP;
        if (i == 0)
            memcpy(program->script, program->path, sizeof(program->path));
        rc = word ? locate(word, program->path) : -ENOEXEC;
    }
    if (rc == 0 && !realpath(program->path, program->file))
        rc = -errno;
    if (rc == 0)
        know(program);
    return rc;
}

/* -- extensions ----------------------------------------------------------- */

struct extensions {
    const struct llmobs_program *program;
    const char *prefix;
    struct llmobs_libcurl_routes *routes;
    const struct llmobs_library *library;
};

static void add_extension(const struct extensions *all, const char *path,
                          bool enabled)
{
    struct llmobs_libcurl_routes *routes = all->routes;
    size_t before = routes->count;

    path += strlen(all->prefix);
    (void)llmobs_libcurl_routes_add(routes, all->library, path,
                                    LLMOBS_LIBCURL_LATER, path, false);
    for (size_t i = before; i < routes->count; i++)
        routes->copies[i].switched_off = !enabled;
}

struct found {
    const struct extensions *all;
    int left;
};

static bool add_found(void *ctx, const char *path)
{
    /* The libraries of Ruby's FFI, whose names stand in a script. */
    static const char *const named[] = {
        "/usr/lib/" LLMOBS_LIBRARY_TRIPLET "/libcurl.so.4",
        "/usr/lib/" LLMOBS_LIBRARY_TRIPLET "/libcurl-gnutls.so.4"};
    struct found *found = ctx;
    const struct extensions *all = found->all;
    size_t len = strlen(path), i = 0;

    if (len <= 3 || strcmp(path + len - 3, ".rb") != 0) {
        add_extension(all, path, true);
        return --found->left > 0;
    }
    while (i < 2 &&
           !llmobs_libcurl_routes_add_copy(all->routes, all->library, named[i],
                                           LLMOBS_LIBCURL_LATER))
        i++;
    if (i < 2)
        snprintf(all->routes->copies[all->routes->count - 1].via, PATH_MAX,
                 "%s", path + strlen(all->prefix));
    return --found->left > 0;
}

/* Adds the files of a pattern with %p and %v filled in. */
static void add_pattern(const struct extensions *all, const char *pattern,
                        const char *path, const char *version)
{
    struct found found = {all, EXTENSIONS_MAX};
    size_t digits = strspn(version, "0123456789.");
    char directory[PATH_MAX], out[PATH_MAX];
    size_t len = 0;

    snprintf(directory, sizeof(directory), "%s", path);
    for (int i = 0; i < 2; i++) {
        char *slash = strrchr(directory, '/');

        if (slash)
            *slash = '\0';
    }
    len = strlen(strcpy(out, all->prefix));
    for (; *pattern != '\0' && len < sizeof(out) - 2; pattern++) {
        size_t room = sizeof(out) - 1 - len;

        if (pattern[0] == '%' && pattern[1] == 'p')
            len += (size_t)snprintf(out + len, room, "%s", directory);
        else if (pattern[0] == '%' && pattern[1] == 'v')
            len +=
                (size_t)snprintf(out + len, room, "%.*s", (int)digits, version);
        else
            out[len++] = *pattern;
        if (len >= sizeof(out) - 1)
            return;
        pattern += pattern[0] == '%';
    }
    out[len] = '\0';
    llmobs_find_files(out, all->library->allowance, add_found, &found);
}

/* -- php ------------------------------------------------------------------ */

struct php {
    char scan_dir[PATH_MAX]; /* directory of further .ini files */
    char extension_dir[PATH_MAX];
};

/* Notes the directory of .ini files, a text in the program's file. */
static bool record_scan_dir(void *ctx, const char *text, size_t at)
{
    struct php *php = ctx;

    if (text[0] != '/' || strcmp(text + at, "conf.d") != 0)
        return true;
    snprintf(php->scan_dir, sizeof(php->scan_dir), "%s", text);
    return false;
}

static bool record_extension_dir(void *ctx, const char *text, size_t at)
{
    struct php *php = ctx;
    const char *last = llmobs_program_base(text + at);
    const char *digits = last + strcspn(last, "0123456789");

    if (text[0] != '/' || strspn(digits, "0123456789") != 8 ||
        strlen(digits) != 8)
        return true;
    snprintf(php->extension_dir, sizeof(php->extension_dir), "%s", text);
    return false;
}

/* Notes whether a line of this file is like "extension=curl"; false, which ends
 * a search, if one is. */
static bool record_enabled(void *ctx, const char *path)
{
    static const char name[] = "extension";
    bool *on = ctx;
    struct llmobs_buf text;

    llmobs_buf_init(&text, INI_MAX);
    if (llmobs_file_read(path, &text) == 0 && text.data)
        for (char *at = text.data, *line; !*on && (line = strsep(&at, "\n"));) {
            line += strspn(line, " \t\n\v\f\r");
            if (strncmp(line, name, sizeof(name) - 1) != 0)
                continue;
            line += sizeof(name) - 1;
            line += strspn(line, " \t=\"'");
            line[strcspn(line, " \t\r\"';")] = '\0';
            line = (char *)llmobs_program_base(line);
            *on = strcmp(line, "curl") == 0 || strcmp(line, "curl.so") == 0;
        }
    llmobs_buf_fini(&text);
    return !*on;
}

static void add_php(const struct extensions *all)
{
    static struct llmobs_object object;
    const struct llmobs_library *library = all->library;
    char path[3 * PATH_MAX];
    struct php php = {.scan_dir = ""};
    bool on = false;

    if (llmobs_object_open(&object, library->root, all->program->file,
                           library->allowance, NULL) != 0)
        return;
    llmobs_object_find(&object, "conf.d", record_scan_dir, &php);
    llmobs_object_find(&object, "/php/", record_extension_dir, &php);
    llmobs_object_close(&object);
    snprintf(path, sizeof(path), "%s%s/../php.ini", all->prefix, php.scan_dir);
    if (record_enabled(&on, path)) {
        snprintf(path, sizeof(path), "%s%s/*.ini", all->prefix, php.scan_dir);
        llmobs_find_files(path, library->allowance, record_enabled, &on);
    }
    snprintf(path, sizeof(path), "%s%s/curl.so", all->prefix,
             php.extension_dir);
    if (php.extension_dir[0] != '\0' && access(path, F_OK) == 0)
        add_extension(all, path, on);
}

void llmobs_program_extensions(const struct llmobs_program *program,
                               const char *prefix,
                               struct llmobs_libcurl_routes *routes,
                               const struct llmobs_library *library)
{
    const struct extensions all = {program, prefix, routes, library};
    const struct interpreter *known = find_interpreter(name_of(program));

    if (version_in(llmobs_program_base(program->file), "php"))
        add_php(&all);
    for (size_t i = 0; known && i < PATTERNS_MAX && known->patterns[i]; i++) {
        const char *version =
            version_in(llmobs_program_base(name_of(program)), known->name);

        add_pattern(&all, known->patterns[i], program->file, version);
        if (strncmp(known->patterns[i], "%p", 2) == 0 &&
            strcmp(program->path, program->file) != 0)
            add_pattern(&all, known->patterns[i], program->path, version);
    }
}
