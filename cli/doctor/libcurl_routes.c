/* Follows a program's files to each libcurl that it may use. */
#include "cli/doctor/libcurl_routes.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/glob.h"

#define CURL "libcurl"
#define CLIENT "CLIENT "
#define TEXT_NAMES 4

/* One object of the tree of libraries below a file. */
struct member {
    char path[PATH_MAX];
    struct llmobs_object object;
    const struct member *by; /* the object that needs this one; NULL: the tree's
                              * first */
};

struct tree {
    struct llmobs_libcurl_routes *routes;
    const struct llmobs_library *library;
    enum llmobs_libcurl_how how;
    struct llmobs_buf list; /* of its libraries, by the loader */
    struct member *members[LLMOBS_LIBCURL_OBJECTS];
    size_t count;
};

/* The findings in an object's texts. */
struct texts {
    char version[32];
    bool gnutls, openssl;
    char names[TEXT_NAMES][LLMOBS_OBJECT_NAME]; /* names of files to dlopen */
    size_t name_count;
};

const char *llmobs_libcurl_how_name(enum llmobs_libcurl_how how)
{
    static const char *const names[] = {"loaded", "linked", "later", "static"};

    return names[how];
}

/* -- texts ---------------------------------------------------------------- */

/* Notes the file name around `at`, such as "/opt/x/libcurl-gnutls.so.4". */
static void record_name(struct texts *texts, const char *text, size_t at)
{
    static const char chars[] = "abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.+/";
    size_t from = at, len = strspn(text + at, chars);
    char name[2 * LLMOBS_OBJECT_NAME + 1];
    const char *end;

    while (from > 0 && strchr(chars, text[from - 1]))
        from--;
    /* "libcurl.so", and no "xlibcurl.so" or "libcurl/x.so" */
    if ((from < at && text[at - 1] != '/') || (from < at && text[from] != '/'))
        return;
    len += at - from;
    memcpy(name, text + from, len);
    name[len] = '\0';
    end = strstr(name, ".so");
    if (!end || (end[3] != '\0' && end[3] != '.') ||
        strchr(name + (at - from), '/') || len >= LLMOBS_OBJECT_NAME ||
        texts->name_count == TEXT_NAMES)
        return;
    for (size_t i = 0; i < texts->name_count; i++)
        if (strcmp(texts->names[i], name) == 0)
            return;
    memcpy(texts->names[texts->name_count++], name, len + 1);
}

/* The version stands behind the User-Agent for web servers or, where the
 * compiler has split that text, behind the text for dictionary servers. */
static bool record_text(void *ctx, const char *text, size_t at)
{
    struct texts *texts = ctx;
    const char *behind = text + at + strlen(CURL);
    size_t len = strspn(behind + (*behind != '\0'), "0123456789.");

    if (*behind != '/' &&
        (*behind != ' ' || at < strlen(CLIENT) ||
         strncmp(text + at - strlen(CLIENT), CLIENT, strlen(CLIENT)) != 0))
        record_name(texts, text, at);
    else if (texts->version[0] == '\0' && len >= 3 &&
             len < sizeof(texts->version) && isdigit((unsigned char)behind[1]))
        snprintf(texts->version, len + 1, "%s", behind + 1);
    return true;
}

static bool record_tls(void *ctx, const char *text, size_t at)
{
    struct texts *texts = ctx;

    texts->gnutls |= strncmp(text + at, "CURL_GNUTLS", 11) == 0;
    texts->openssl |= strncmp(text + at, "CURL_OPENSSL", 12) == 0;
    return true;
}

/* -- copies --------------------------------------------------------------- */

/* Adds a copy; NULL when it is in the list already, or the list is full. */
static struct llmobs_libcurl_route *new_copy(
    struct llmobs_libcurl_routes *routes, enum llmobs_libcurl_how how,
    const char *path, const char *via)
{
    struct llmobs_libcurl_route *copy;

    for (size_t i = 0; i < routes->count; i++)
        if (strcmp(routes->copies[i].path, path) == 0)
            return NULL;
    if (routes->count == LLMOBS_LIBCURL_ROUTES)
        return NULL;
    copy = &routes->copies[routes->count++];
    memset(copy, 0, sizeof(*copy));
    copy->how = how;
    snprintf(copy->path, sizeof(copy->path), "%s", path);
    snprintf(copy->via, sizeof(copy->via), "%s", via);
    return copy;
}

static void add_copy(struct llmobs_libcurl_routes *routes,
                     enum llmobs_libcurl_how how,
                     const struct llmobs_object *object, const char *path,
                     const char *via)
{
    static const char *const by_library[][2] = {
        {"libgnutls.so", "GnuTLS"},   {"libssl.so", "OpenSSL"},
        {"libnss3.so", "NSS"},        {"libmbedtls.so", "mbedTLS"},
        {"libwolfssl.so", "wolfSSL"}, {"librustls.so", "rustls"},
    };
    struct llmobs_libcurl_route *copy = new_copy(routes, how, path, via);
    struct texts texts = {.name_count = 0};
    const char *flavour = NULL;

    if (!copy)
        return;
    llmobs_object_find(object, CURL, record_text, &texts);
    memcpy(copy->version, texts.version, sizeof(copy->version));
    for (size_t i = 0; i < sizeof(by_library) / sizeof(*by_library) && !flavour;
         i++)
        if (llmobs_object_needs(object, by_library[i][0]))
            flavour = by_library[i][1];
    if (!flavour) {
        llmobs_object_find(object, "CURL_", record_tls, &texts);
        flavour = texts.gnutls ? "GnuTLS" : texts.openssl ? "OpenSSL" : "";
    }
    snprintf(copy->flavour, sizeof(copy->flavour), "%s", flavour);
}

bool llmobs_libcurl_routes_add_wrapper(struct llmobs_libcurl_routes *routes,
                                       const struct llmobs_object *object,
                                       const char *path)
{
    struct llmobs_libcurl_wrapper *wrapper =
        &routes->wrappers[routes->wrapper_count];
    char names[sizeof(wrapper->names)];

    if (!llmobs_object_wraps(object, names, sizeof(names)))
        return false;
    for (size_t i = 0; i < routes->wrapper_count; i++)
        if (strcmp(routes->wrappers[i].path, path) == 0)
            return true;
    if (routes->wrapper_count == LLMOBS_LIBCURL_WRAPPERS)
        return true;
    memcpy(wrapper->names, names, sizeof(names));
    snprintf(wrapper->path, sizeof(wrapper->path), "%s", path);
    wrapper->asks = object->asks;
    routes->wrapper_count++;
    return true;
}

/* The connections of libcurl and of TLS are seen another way. */
static void record_ways(struct llmobs_libcurl_routes *routes,
                        const struct llmobs_object *object)
{
    static const char others[] = LLMOBS_TLS_LIBRARIES ",libcrypto*,libllmobs_*";

    routes->tls |= llmobs_glob_listed(LLMOBS_TLS_LIBRARIES, object->soname);
    routes->connects |= object->connects && !llmobs_object_is_libcurl(object) &&
                        !llmobs_glob_listed(others, object->soname);
}

bool llmobs_libcurl_routes_add_copy(struct llmobs_libcurl_routes *routes,
                                    const struct llmobs_library *library,
                                    const char *path,
                                    enum llmobs_libcurl_how how)
{
    static struct llmobs_object object;
    bool is_one;

    if (!llmobs_allowance_take(library->allowance, LLMOBS_ALLOWANCE_OPEN) ||
        llmobs_object_open(&object, library->root, path, library->allowance,
                           NULL) != 0)
        return false;
    record_ways(routes, &object);
    is_one = object.defines && !object.program;
    if (how == LLMOBS_LIBCURL_LOADED && !llmobs_object_is_libcurl(&object))
        is_one =
            is_one && !llmobs_libcurl_routes_add_wrapper(routes, &object, path);
    if (is_one)
        add_copy(routes, how, &object, path, "");
    llmobs_object_close(&object);
    return is_one;
}

/* -- the tree ------------------------------------------------------------- */

/* Adds `member`, and takes its object, unless the tree has that file already.
 */
static void keep(struct tree *tree, struct member *member,
                 const struct member *by)
{
    const struct stat *st = &member->object.st;
    bool known = tree->count == LLMOBS_LIBCURL_OBJECTS;

    for (size_t i = 0; i < tree->count && !known; i++)
        known = tree->members[i]->object.st.st_ino == st->st_ino &&
                tree->members[i]->object.st.st_dev == st->st_dev;
    if (known) {
        llmobs_object_close(&member->object);
        free(member);
        return;
    }
    member->by = by;
    tree->members[tree->count++] = member;
}

/* Adds nothing where an object has that name: then the loader looks for no
 * file. */
static void add_library(struct tree *tree, const struct member *by,
                        const char *name)
{
    const char *end = strrchr(by->path, '/');
    char path[PATH_MAX];
    struct member *member;
    int rc;

    for (size_t i = 0; i < tree->count; i++)
        if (strcmp(tree->members[i]->object.soname, name) == 0)
            return;
    LLMOBS_WORDS_EACH (origin, "$ORIGIN/\0${ORIGIN}/\0")
        if (!tree->library->musl &&
            strncmp(name, origin, strlen(origin)) == 0) {
            snprintf(path, sizeof(path), "%.*s%s",
                     end ? (int)(end + 1 - by->path) : 0, by->path,
                     name + strlen(origin));
            name = path;
            break;
        }
    member = calloc(1, sizeof(*member));
    if (!member)
        return;
    rc = llmobs_library_find(tree->library, &tree->list, name, member->path,
                             &member->object);
    if (rc == 0) {
        keep(tree, member, by);
        return;
    }
    /* A list may have the library by another of its names. */
    if (!tree->routes->missing[0] &&
        ((rc == -ENOEXEC && tree->library->musl) || tree->list.len == 0))
        snprintf(tree->routes->missing, sizeof(tree->routes->missing), "%.*s",
                 LLMOBS_OBJECT_NAME - 1, name);
    free(member);
}

/* `via` is the object that has loaded the whole tree; "" for a program. */
static void judge(struct tree *tree, size_t index, const char *via)
{
    const struct member *member = tree->members[index];
    const struct llmobs_object *object = &member->object;
    bool has_libcurl = false; /* which others may wrap */

    record_ways(tree->routes, object);
    for (size_t i = 0; i < tree->count && !has_libcurl; i++)
        has_libcurl = llmobs_object_is_libcurl(&tree->members[i]->object) &&
                      !tree->members[i]->object.program;
    if (has_libcurl &&
        llmobs_libcurl_routes_add_wrapper(tree->routes, object, member->path))
        return;
    if (index > 0 && (*via != '\0' || member->by != tree->members[0]))
        via = member->by->path;
    if (object->defines || object->holds)
        add_copy(tree->routes,
                 object->defines && !object->program ? tree->how
                                                     : LLMOBS_LIBCURL_STATIC,
                 object, member->path, via);
}

static int plant(struct tree *tree, const char *path)
{
    struct member *member = calloc(1, sizeof(*member));
    int rc;

    if (!member)
        return -ENOMEM;
    snprintf(member->path, sizeof(member->path), "%s", path);
    rc = llmobs_object_open(&member->object, tree->library->root, path,
                            tree->library->allowance, NULL);
    if (rc != 0) {
        free(member);
        return rc;
    }
    llmobs_library_list(tree->library, &member->object, path, NULL,
                        &tree->list);
    if (!tree->routes->missing[0]) {
        tree->routes->asked = tree->list.len > 0;
        (void)llmobs_library_lacks(&tree->list, tree->routes->missing);
    }
    keep(tree, member, NULL);
    return 0;
}

/* -- what is opened later ------------------------------------------------- */

static void add_later(struct tree *tree, const struct member *by,
                      const char *name)
{
    static struct llmobs_object object;
    char path[PATH_MAX];
    struct llmobs_libcurl_route *copy;
    struct llmobs_buf list;
    int rc;

    llmobs_buf_init(&list, LLMOBS_LIBRARY_ANSWER);
    llmobs_library_list(tree->library, &tree->members[0]->object,
                        tree->members[0]->path, name, &list);
    rc = llmobs_library_find(tree->library, &list, name, path, &object);
    if (rc == 0 && object.defines)
        add_copy(tree->routes, LLMOBS_LIBCURL_LATER, &object, path, by->path);
    if (rc == 0)
        llmobs_object_close(&object);
    else if ((copy =
                  new_copy(tree->routes, LLMOBS_LIBCURL_LATER, name, by->path)))
        copy->missing = true;
    llmobs_buf_fini(&list);
}

int llmobs_libcurl_routes_add(struct llmobs_libcurl_routes *routes,
                              const struct llmobs_library *library,
                              const char *path, enum llmobs_libcurl_how how,
                              const char *via, bool deep)
{
    struct tree *tree = calloc(1, sizeof(*tree));
    int rc = tree ? 0 : -ENOMEM;

    if (rc == 0) {
        *tree = (struct tree){.routes = routes, .library = library, .how = how};
        llmobs_buf_init(&tree->list, LLMOBS_LIBRARY_ANSWER);
        rc = plant(tree, path);
    }
    if (rc == 0) {
        size_t before = routes->count;

        /* Breadth first, as the loader does, but not what a copy of libcurl
         * needs, which does not matter. */
        for (size_t i = 0; i < tree->count; i++)
            for (size_t n = 0; n < tree->members[i]->object.needed_count; n++)
                if (i == 0 ||
                    !llmobs_object_is_libcurl(&tree->members[i]->object))
                    add_library(tree, tree->members[i],
                                tree->members[i]->object.needed[n]);
        for (size_t i = 0; i < tree->count; i++)
            judge(tree, i, via);
        routes->asan |=
            llmobs_object_needs(&tree->members[0]->object, "libasan.so");
        routes->alone |= tree->members[0]->object.program &&
                         tree->members[0]->object.interp[0] == '\0';
        deep &= routes->count == before;
        for (size_t i = 0; i < (deep ? tree->count : 1); i++) {
            const struct member *member = tree->members[i];
            const struct llmobs_object *object = &member->object;
            struct texts texts = {.name_count = 0};

            if (object->defines || object->holds)
                continue;
            llmobs_object_find(object, CURL, record_text, &texts);
            /* Only libcurl itself has a text with its version. */
            if (texts.version[0] != '\0')
                add_copy(routes, LLMOBS_LIBCURL_STATIC, object, member->path,
                         i == 0 ? "" : member->by->path);
            for (size_t n = 0; n < texts.name_count && texts.version[0] == '\0';
                 n++)
                if (!llmobs_object_needs(object, texts.names[n]) &&
                    strcmp(object->soname, texts.names[n]) != 0)
                    add_later(tree, member, texts.names[n]);
        }
    }
    for (size_t i = 0; tree && i < tree->count; i++) {
        llmobs_object_close(&tree->members[i]->object);
        free(tree->members[i]);
    }
    if (tree)
        llmobs_buf_fini(&tree->list);
    free(tree);
    return rc;
}
