/* The frames are PHP's memory. A table has their form for some versions of PHP.
 * Each walk must find the file that PHP's own function gives. If it does not,
 * or the table lacks the version, only the innermost file and line are known,
 * which PHP's own functions give. */
#include "core/trace/script_frames.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include "lib/base/sys.h"
#include "lib/base/thread.h"
#include "core/config/theirs.h"
#include "core/trace/probe.h"
#include "lib/span/mask.h"

#define PLUGIN_MAX 64

/* -- PHP's structures ----------------------------------------------------- */

/* The heads of zend_string, zend_class_entry, zend_function, zend_op and
 * zend_execute_data, as all checked versions have them. */
#define IS_STRING 6
#define TYPE_BITS 0xf

struct php_string {
    uint32_t refcount;
    uint32_t type;
    uint64_t hash;
    size_t len;
    char bytes[];
};

struct php_class {
    uint64_t type;
    const struct php_string *name;
};

#define OF_C 1 /* odd: a function of C */
#define OF_SCRIPT 2
#define OF_FILE 4 /* a whole file, or evaluated code */

struct php_function {
    uint8_t type, more[7];
    const struct php_string *name;
    const struct php_class *scope;
};

struct php_line {
    uint64_t head[3];
    uint32_t line;
};

struct php_frame {
    const struct php_line *at;
    const void *call, *result;
    const struct php_function *function;
    uint64_t object[2];
    const struct php_frame *previous;
};

/* Where the versions differ, or might differ. Only versions that were checked
 * are in the table. */
struct php_layout {
    const char *version; /* as get_zend_version begins */
    size_t current;      /* the frame, in the executor's globals */
    size_t filename;     /* in a function of a script */
};

static const struct php_layout layouts[] = {
    {"Zend Engine v3.4.", 488, 136}, /* PHP 7.4 */
    {"Zend Engine v4.2.", 488, 152}, /* PHP 8.2 */
    {"Zend Engine v4.4.", 488, 168}, /* PHP 8.4 */
    {"Zend Engine v4.5.", 512, 168}, /* PHP 8.5 */
};

/* PHP's own symbols; NULL if the process is not PHP. The core is loaded at the
 * first call of a binding, when PHP is there. A PHP with threads has the two
 * names with "offset" and "tsrm", and others have executor_globals. */
extern const struct php_string *zend_get_executed_filename_ex(void);
extern uint32_t zend_get_executed_lineno(void);
extern const char *get_zend_version(void);
extern const char executor_globals[];
extern const size_t executor_globals_offset;
extern const char *tsrm_get_ls_cache(void);

static const struct php_layout *find_layout(void)
{
    const char *version =
        THEIR(get_zend_version) ? THEIR(get_zend_version)() : "";

    for (size_t i = 0; i < sizeof(layouts) / sizeof(*layouts); i++) {
        if (strncmp(version, layouts[i].version, strlen(layouts[i].version)) ==
            0)
            return &layouts[i];
    }
    return NULL;
}

/* -- the thread ----------------------------------------------------------- */

/* The first thread, once it was found, because finding it costs system calls.
 * In a child of fork it is the same thread, or does not exist. */
static _Atomic uintptr_t first_thread;

/* A PHP without threads has one interpreter, which the servers and the command
 * run in the first thread: a call of another thread does not come from the
 * script. A PHP with threads knows which threads are its own. */
static bool runs_php(void)
{
    uintptr_t thread = llmobs_sys_thread(), first = atomic_load(&first_thread);
    long number;

    if (!THEIR(zend_get_executed_filename_ex) ||
        !THEIR(zend_get_executed_lineno))
        return false;
    if (THEIR(tsrm_get_ls_cache))
        return THEIR(tsrm_get_ls_cache)() != NULL;
    number = first ? 0 : llmobs_thread_number();
    if (number < 0) /* as without /proc */
        number = llmobs_sys(SYS_gettid);
    if (first || number != llmobs_sys(SYS_getpid))
        return first == thread;
    atomic_store(&first_thread, thread);
    return true;
}

/* -- the walk ------------------------------------------------------------- */

struct place {
    const struct php_function *function; /* NULL: no frame yet */
    const struct php_line *at;
    const struct php_string *file;
};

struct php_walk {
    struct llmobs_probe probe;
    const struct php_layout *layout;
    const struct php_string *first; /* the innermost file, by PHP itself */
    struct place outer;             /* the outermost frame so far */
    struct place inner; /* the innermost that is not a library's, or `outer` */
    /* The plugins, each once, at its outermost frame. If there are more than
     * four: the innermost three and the outermost. */
    struct llmobs_text plugins[LLMOBS_FRAMES_PLUGINS];
    int plugin_count;
    bool has_plugin; /* one of them is not a theme */
    int frames;      /* of the script */
    int inner_at;    /* how many of them are inside of `inner` */
    bool library;    /* `outer` is a library's */
    bool found;      /* `inner` is not a library's */
    bool whole;      /* there is no frame outside of `outer` */
};

/* Gives the bytes of a string up to a NUL. Only a name that PHP makes up has a
 * NUL: "class@anonymous", and then its place. False: this is not a string. */
static bool read_string(struct php_walk *walk, const struct php_string *at,
                        struct llmobs_text *text)
{
    struct php_string head;

    if (!llmobs_probe_read(&walk->probe, at, &head, sizeof(head)) ||
        (head.type & TYPE_BITS) != IS_STRING ||
        head.len > LLMOBS_FRAMES_LONGEST ||
        !llmobs_probe_sees(&walk->probe, at->bytes, head.len + 1))
        return false;
    *text = (struct llmobs_text){at->bytes, strnlen(at->bytes, head.len)};
    return true;
}

/* Removes the text up to these words, and the words; `begins`: the text must
 * begin with them. False: the text does not have them. */
static bool skip_past(struct llmobs_text *text, const char *words, bool begins)
{
    size_t len = strlen(words);
    const char *at =
        begins ? text->data : memmem(text->data, text->len, words, len);

    if (!at || text->len < len || memcmp(at, words, len) != 0)
        return false;
    text->len -= (size_t)(at + len - text->data);
    text->data = at + len;
    return true;
}

/* The plugin or theme of WordPress that a file belongs to; Bedrock has them in
 * "app". Empty: none. `*theme` is true for a theme. */
static struct llmobs_text find_plugin(struct llmobs_text file, bool *theme)
{
    static const char roots[] = "/wp-content/\0/app/\0";
    static const char kinds[] = "plugins/\0mu-plugins/\0themes/\0";

    LLMOBS_WORDS_EACH (root, roots) {
        struct llmobs_text rest = file;

        while (skip_past(&rest, root, false)) {
            LLMOBS_WORDS_EACH (kind, kinds) {
                *theme = *kind == 't';
                if (skip_past(&rest, kind, true)) {
                    /* The name of a plugin's folder; of a plugin in a single
                     * file, the file's. Empty where this text begins with none.
                     */
                    size_t len = 0;

                    while (len < rest.len && len < PLUGIN_MAX &&
                           (llmobs_mask_is_alnum(rest.data[len]) ||
                            (rest.data[len] && strchr("._-", rest.data[len]))))
                        len++;
                    if (len < rest.len && rest.data[len] != '/')
                        len = 0;
                    return (struct llmobs_text){rest.data, len};
                }
            }
        }
    }
    return (struct llmobs_text){NULL, 0};
}

/* A theme outside of a plugin does not make the call: its template runs the
 * plugins of the page. */
static void add_plugin(struct php_walk *walk, struct llmobs_text file)
{
    bool theme = false;
    struct llmobs_text plugin = find_plugin(file, &theme);
    struct llmobs_text *list = walk->plugins;
    int at = 0, last = LLMOBS_FRAMES_PLUGINS - 1;

    if (plugin.len == 0 || (theme && walk->has_plugin))
        return;
    walk->has_plugin |= !theme;
    while (at < walk->plugin_count &&
           (list[at].len != plugin.len ||
            memcmp(list[at].data, plugin.data, plugin.len) != 0))
        at++;
    if (at == walk->plugin_count && at <= last)
        walk->plugin_count++;
    for (; at + 1 < walk->plugin_count; at++)
        list[at] = list[at + 1];
    list[walk->plugin_count - 1] = plugin;
}

/* Visits the frame of a script. The first frame must have the file that PHP
 * itself gives; otherwise the table does not fit this PHP. */
static bool visit_php(struct php_walk *walk, const struct php_frame *frame)
{
    struct place here = {frame->function, frame->at, NULL};
    struct llmobs_text file;

    if (!llmobs_probe_read(&walk->probe,
                           (const char *)frame->function +
                               walk->layout->filename,
                           &here.file, sizeof(here.file)) ||
        (walk->frames == 0 && here.file != walk->first))
        return false;
    if (here.file != walk->outer.file) {
        if (!read_string(walk, here.file, &file))
            return false;
        walk->library = llmobs_script_frames_is_library(file);
        add_plugin(walk, file);
    }
    walk->outer = here;
    if (!walk->found) {
        walk->inner = here;
        walk->inner_at = walk->frames;
        walk->found = !walk->library;
    }
    walk->frames++;
    return true;
}

/* False if a frame is not as expected: then nothing that the walk found counts.
 * A frame without a function stands for a generator inside of another. */
static bool walk_frames(struct php_walk *walk, const char *globals)
{
    const struct php_frame *at;

    if (!llmobs_probe_read(&walk->probe, globals + walk->layout->current, &at,
                           sizeof(at)))
        return false;
    for (int i = 0; at && i < LLMOBS_FRAMES_MAX; i++) {
        struct php_frame frame;
        uint8_t type = OF_C;

        if (!llmobs_probe_read(&walk->probe, at, &frame, sizeof(frame)) ||
            (frame.function && !llmobs_probe_read(&walk->probe, frame.function,
                                                  &type, sizeof(type))))
            return false;
        if (!(type & OF_C) && ((type != OF_SCRIPT && type != OF_FILE) ||
                               !visit_php(walk, &frame)))
            return false;
        at = frame.previous;
    }
    walk->whole = !at;
    return walk->frames > 0;
}

/* "class::function", or "function". From PHP 8.4 on the name of a closure has
 * its place behind a colon. */
static __attribute__((noinline)) void add_php_code(
    struct php_walk *walk, struct llmobs_script_frames *frames)
{
    struct php_function function;
    struct php_class scope;
    struct llmobs_text name, of;
    const char *colon;

    if (!llmobs_probe_read(&walk->probe, walk->inner.function, &function,
                           sizeof(function)) ||
        !function.name || !read_string(walk, function.name, &name))
        return;
    if (function.scope &&
        (!llmobs_probe_read(&walk->probe, function.scope, &scope,
                            sizeof(scope)) ||
         !read_string(walk, scope.name, &of) ||
         !llmobs_script_frames_add(frames, LLMOBS_FRAMES_CODE, of) ||
         !llmobs_script_frames_add(frames, LLMOBS_FRAMES_CODE,
                                   llmobs_text_of("::"))))
        return;
    colon = memchr(name.data, ':', name.len);
    if (colon)
        name.len = (size_t)(colon - name.data);
    if (llmobs_script_frames_add(frames, LLMOBS_FRAMES_CODE, name) && colon)
        (void)llmobs_script_frames_add(frames, LLMOBS_FRAMES_CODE,
                                       llmobs_text_of("}"));
}

static void add_php_file(struct php_walk *walk,
                         struct llmobs_script_frames *frames,
                         enum llmobs_frames_member member,
                         const struct php_string *file)
{
    struct llmobs_text text;

    if (read_string(walk, file, &text))
        (void)llmobs_script_frames_add(frames, member, text);
}

static void add_php_places(struct php_walk *walk,
                           struct llmobs_script_frames *frames)
{
    struct php_line line = {.line = 0};

    add_php_file(walk, frames, LLMOBS_FRAMES_FILE, walk->inner.file);
    if (walk->inner_at == 0)
        frames->line = THEIR(zend_get_executed_lineno)();
    else if (llmobs_probe_read(&walk->probe, walk->inner.at, &line,
                               sizeof(line)))
        frames->line = line.line;
    if (walk->whole && walk->outer.file == walk->inner.file)
        frames->members[LLMOBS_FRAMES_ENTRY] =
            frames->members[LLMOBS_FRAMES_FILE];
    else if (walk->whole)
        add_php_file(walk, frames, LLMOBS_FRAMES_ENTRY, walk->outer.file);
    for (int i = 0; i < walk->plugin_count; i++)
        (void)llmobs_script_frames_add(
            frames, LLMOBS_FRAMES_PLUGIN + (unsigned)i, walk->plugins[i]);
    add_php_code(walk, frames);
}

/* False: the frames could not be walked, and only the file and line that PHP's
 * own functions give are known. */
static bool walk_php(const struct php_string *first,
                     struct llmobs_script_frames *frames)
{
    struct php_walk walk = {.layout = find_layout(), .first = first};
    const char *globals = THEIR(executor_globals); /* of this thread */

    if (THEIR(tsrm_get_ls_cache))
        globals =
            &THEIR(executor_globals_offset)
                ? THEIR(tsrm_get_ls_cache)() + THEIR(executor_globals_offset)
                : NULL;

    if (!walk.layout || !globals || !llmobs_probe_works())
        return false;
    llmobs_probe_trust(&walk.probe, first);
    if (!walk_frames(&walk, globals))
        return false;
    add_php_places(&walk, frames);
    return true;
}

/* -- reading --------------------------------------------------------------- */

void llmobs_php_frames_read(struct llmobs_script_frames *frames)
{
    const struct php_string *file;

    if (!runs_php())
        return;
    file = THEIR(zend_get_executed_filename_ex)();
    if (!file || walk_php(file, frames))
        return;
    (void)llmobs_script_frames_add(
        frames, LLMOBS_FRAMES_FILE,
        (struct llmobs_text){file->bytes, file->len});
    frames->line = THEIR(zend_get_executed_lineno)();
}
