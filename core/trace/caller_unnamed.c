/* Lets a later process name frames that are only addresses. */
#include "core/trace/caller_unnamed.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cold.h"
#include "lib/base/fork.h"
#include "lib/base/mix.h"

#define MODULE_LEN 64

/* -- in the process that calls -------------------------------------------- */

static int file_number(const struct llmobs_unnamed_files *files,
                       const void *object)
{
    int i = 0;

    while (i < LLMOBS_UNNAMED_FILES && files->list[i].object != object)
        i++;
    return i < LLMOBS_UNNAMED_FILES ? i + 1 : 0;
}

int llmobs_unnamed_file(struct llmobs_unnamed_files *files, const void *object,
                        const char *path, const struct llmobs_symbol_head *head)
{
    int number = file_number(files, object),
        slot = file_number(files, NULL) - 1;

    if (number > 0)
        return number;
    if (slot < 0 || path[0] != '/' ||
        !llmobs_symbol_id(head, files->list[slot].id))
        return 0;
    files->list[slot].path = strdup(path);
    if (!files->list[slot].path)
        return 0;
    files->list[slot].object = object;
    return slot + 1;
}

void llmobs_unnamed_clear(struct llmobs_unnamed_files *files)
{
    for (int i = 0; i < LLMOBS_UNNAMED_FILES; i++) {
        free(files->list[i].path);
        files->list[i].path = NULL;
        files->list[i].object = NULL;
    }
}

void llmobs_unnamed_add(const struct llmobs_unnamed_files *files,
                        struct llmobs_json **unnamed, int place,
                        const struct llmobs_unnamed_frame *frame)
{
    struct llmobs_json *to, *list;
    const char *path, *id;
    size_t file = 0;

    if (frame->file == 0)
        return;
    if (!*unnamed) {
        *unnamed = llmobs_json_object();
        (void)llmobs_json_set(*unnamed, "files", llmobs_json_array());
        (void)llmobs_json_set(*unnamed, "frames", llmobs_json_array());
    }
    /* The place of the file in the answer's list, which gets a new file. */
    list = llmobs_json_get(*unnamed, "files");
    path = files->list[frame->file - 1].path;
    id = files->list[frame->file - 1].id;
    while (file < llmobs_json_len(list) &&
           !(llmobs_json_says(llmobs_json_at(list, file), "path", path) &&
             llmobs_json_says(llmobs_json_at(list, file), "id", id)))
        file++;
    if (file == llmobs_json_len(list)) {
        to = llmobs_json_object();
        (void)llmobs_json_sets(to, "path", path);
        (void)llmobs_json_sets(to, "id", id);
        if (llmobs_json_add(list, to) != 0)
            return;
    }
    to = llmobs_json_object();
    (void)llmobs_json_set(to, "frame", llmobs_json_int(place));
    (void)llmobs_json_set(to, "file", llmobs_json_int((int64_t)file));
    (void)llmobs_json_set(to, "at", llmobs_json_int((int64_t)frame->address));
    (void)llmobs_json_set(to, "exact", llmobs_json_bool(frame->exact));
    (void)llmobs_json_add(llmobs_json_get(*unnamed, "frames"), to);
}

/* -- in the process that delivers ------------------------------------------ */

/* The result of a search for a name in a file with this build id. */
struct known {
    char id[LLMOBS_SYMBOL_ID];
    uintptr_t address;
    bool found;
    struct llmobs_symbol symbol;
};

/* Indexed by a hash of id and address; NULL: never used. The calls of a program
 * need the same names again and again, and a search goes through up to a
 * hundred thousand symbols of its file. */
LLMOBS_COLD static struct known *known[LLMOBS_UNNAMED_KNOWN];

/* The symbol at the address; NULL: the file is missing, has another build id,
 * or has no name for the address. */
static const struct llmobs_symbol *look_up(const char *path, const char *id,
                                           uintptr_t address)
{
    uint64_t hash = address;
    struct known **place, *slot;
    int rc;

    for (const char *c = id; *c; c++)
        hash = hash * 31 + (unsigned char)*c;
    place = &known[llmobs_mix(hash) % LLMOBS_UNNAMED_KNOWN];
    if (!*place)
        *place = calloc(1, sizeof(**place));
    slot = *place;
    if (!slot)
        return NULL;
    if (strcmp(slot->id, id) != 0 || slot->address != address) {
        slot->id[0] = '\0';
        rc = llmobs_symbol_by_id(path, id, address, &slot->symbol);
        if (rc == -ESTALE) /* the own program, of which a newer one took the
                            * path */
            rc = llmobs_symbol_by_id("/proc/self/exe", id, address,
                                     &slot->symbol);
        if (rc == -ESTALE)
            return NULL;
        memcpy(slot->id, id, strlen(id) + 1);
        slot->address = address;
        slot->found = rc == 0;
    }
    return slot->found ? &slot->symbol : NULL;
}

/* Finds a frame's name. The entry may be damaged: only a valid form counts. */
static bool find_name(const struct llmobs_json *unnamed,
                      const struct llmobs_json *frame,
                      struct llmobs_symbol *symbol)
{
    const struct llmobs_json *number = llmobs_json_get(frame, "file");
    const struct llmobs_json *at = llmobs_json_get(frame, "at");
    const struct llmobs_json *files_of = llmobs_json_get(unnamed, "files");
    const struct llmobs_json *file;
    const struct llmobs_symbol *found;
    const char *path, *id;

    if (!llmobs_json_is_int(number) || !llmobs_json_is_int(at) ||
        llmobs_json_to_int(number) < 0)
        return false;
    file = llmobs_json_at(files_of, (size_t)llmobs_json_to_int(number));
    path = llmobs_json_gets(file, "path");
    id = llmobs_json_gets(file, "id");
    if (!path || path[0] != '/' || !id || !id[0] ||
        strlen(id) >= LLMOBS_SYMBOL_ID)
        return false;
    found = look_up(path, id, (uintptr_t)llmobs_json_to_int(at));
    if (!found)
        return false;
    *symbol = *found;
    /* Up to the instruction after the call, as in caller.c. */
    symbol->offset +=
        llmobs_json_is_true(llmobs_json_get(frame, "exact")) ? 0 : 1;
    return true;
}

/* Makes "module!name+0x2" of the frame "module+0x12". An array cannot replace a
 * value, so all of its values go into a new one. */
static void name_frame(struct llmobs_json *caller, size_t place,
                       const struct llmobs_symbol *symbol)
{
    const struct llmobs_json *frames = llmobs_json_get(caller, "frames");
    const char *frame = llmobs_json_text(llmobs_json_at(frames, place));
    const char *plus = frame ? strrchr(frame, '+') : NULL;
    size_t len = plus ? (size_t)(plus - frame) : 0;
    char text[MODULE_LEN + LLMOBS_SYMBOL_NAME + 32];
    struct llmobs_json *list, *name;

    if (len == 0 || len >= MODULE_LEN)
        return;
    snprintf(text, sizeof(text), "%.*s!%s+0x%lx", (int)len, frame, symbol->name,
             (unsigned long)symbol->offset);
    name = llmobs_json_string(text);
    list = name ? llmobs_json_array() : NULL;
    for (size_t i = 0; list && i < llmobs_json_len(frames); i++)
        (void)llmobs_json_add(
            list, i == place ? llmobs_json_share(name)
                             : llmobs_json_share(llmobs_json_at(frames, i)));
    llmobs_json_free(name);
    if (list)
        (void)llmobs_json_set(caller, "frames", list);
}

void llmobs_unnamed_resolve(struct llmobs_json *caller,
                            const struct llmobs_json *unnamed)
{
    const struct llmobs_json *frames = llmobs_json_get(unnamed, "frames");
    size_t count = llmobs_json_len(frames);

    for (size_t i = 0; i < count && i <= LLMOBS_UNNAMED_FRAMES; i++) {
        const struct llmobs_json *frame = llmobs_json_at(frames, i);
        const struct llmobs_json *place = llmobs_json_get(frame, "frame");
        struct llmobs_symbol symbol;

        if (!llmobs_json_is_int(place) || !find_name(unnamed, frame, &symbol))
            continue;
        if (llmobs_json_to_int(place) == LLMOBS_UNNAMED_CALLER) {
            (void)llmobs_json_sets(caller, "function", symbol.name);
            (void)llmobs_json_set(caller, "offset",
                                  llmobs_json_int((int64_t)symbol.offset));
        } else if (llmobs_json_to_int(place) >= 0) {
            name_frame(caller, (size_t)llmobs_json_to_int(place), &symbol);
        }
    }
}

struct llmobs_json *llmobs_unnamed_caller(const char *caller,
                                          const char *unnamed)
{
    static struct llmobs_json *last; /* NULL: nothing is kept */
    static char *texts[2];           /* of which it was made */
    static int process;              /* whose they are */
    struct llmobs_json *json = NULL, *rest = NULL;
    const char *text = unnamed ? unnamed : "";

    if (!caller)
        return NULL;
    if (process != llmobs_fork_process()) { /* the parent may have been at it */
        process = llmobs_fork_process();
        last = NULL;
        texts[0] = texts[1] = NULL;
    }
    if (last && strcmp(texts[0], caller) == 0 && strcmp(texts[1], text) == 0)
        return llmobs_json_clone(last);
    llmobs_json_free(last);
    last = NULL;
    free(texts[0]);
    free(texts[1]);
    texts[0] = strdup(caller);
    texts[1] = strdup(text);
    (void)llmobs_json_parse(llmobs_text_of(caller), &json);
    (void)llmobs_json_parse(llmobs_text_of(text), &rest);
    llmobs_unnamed_resolve(json, rest);
    llmobs_json_free(rest);
    if (json && texts[0] && texts[1])
        last = llmobs_json_clone(json);
    return json;
}
