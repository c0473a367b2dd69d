/* Chooses and writes a script's frames. */
#include "core/trace/script_frames.h"

#include <stdbool.h>
#include <string.h>

#include "lib/base/script.h"
#include "lib/span/mask.h"
#include "lib/span/shapes.h"

/* Room for the texts with their masks. */
#define MASKED_MAX ((size_t)4 * LLMOBS_FRAMES_TEXT)

static const char *user_home; /* HOME; NULL: unset */

void llmobs_script_frames_init(const char *home)
{
    user_home = home;
}

void llmobs_script_frames_clear(struct llmobs_script_frames *frames)
{
    frames->line = 0;
    frames->used = 0;
    memset(frames->members, 0, sizeof(frames->members));
}

bool llmobs_script_frames_add(struct llmobs_script_frames *frames,
                              enum llmobs_frames_member member,
                              struct llmobs_text text)
{
    if (frames->members[member].len == 0)
        frames->members[member].at = frames->used;
    if (text.len + frames->used > LLMOBS_FRAMES_TEXT) {
        frames->used = frames->members[member].at;
        frames->members[member].len = 0;
        return false;
    }
    memcpy(frames->text + frames->used, text.data, text.len);
    frames->used = (uint16_t)(frames->used + text.len);
    frames->members[member].len =
        (uint16_t)(frames->members[member].len + text.len);
    return true;
}

bool llmobs_script_frames_is_library(struct llmobs_text file)
{
    static const char folders[] =
        "/vendor/\0/wp-includes/\0/site-packages/\0/dist-packages/\0/gems/\0"
        "/rubygems-integration/\0/lib/ruby/\0/lib/python3\0/usr/share/php/\0"
        "/usr/share/perl\0/perl5/\0/perl-base/\0/node_modules/\0"
        "/llmobs_hook.\0" /* of LLMOBS_INBOUND */
        /* MediaWiki's own clients, whose other code is the site's */
        "/includes/http/GuzzleHttpRequest.php\0"
        "/includes/http/HttpRequestFactory.php\0/includes/libs/http/\0";

    LLMOBS_WORDS_EACH (folder, folders) {
        if (memmem(file.data, file.len, folder, strlen(folder)))
            return true;
    }
    return false;
}

/* -- metadata.caller ------------------------------------------------------- */

static struct llmobs_text frame_text(const struct llmobs_script_frames *frames,
                                     enum llmobs_frames_member member)
{
    return (struct llmobs_text){frames->text + frames->members[member].at,
                                frames->members[member].len};
}

/* True for the text that PHP appends to the name of evaluated code. */
static bool is_made_by_php(struct llmobs_text text)
{
    static const char kinds[] = ") : eval()'d code\0) : assert code\0"
                                ") : runtime-created function\0";

    LLMOBS_WORDS_EACH (kind, kinds) {
        if (llmobs_text_begins(text, kind))
            return true;
    }
    return false;
}

/* Removes what PHP appends to the name of code that no file has, "(6) :
 * eval()'d code", and gives the line in it, where the eval stands in the file.
 * 0: PHP has appended nothing. */
static uint32_t cut_eval(struct llmobs_text *file)
{
    for (size_t at = 0; at < file->len; at++) {
        size_t end = at + 1;
        uint32_t line = 0;

        if (file->data[at] != '(')
            continue;
        while (end < file->len && llmobs_is_digit(file->data[end]) &&
               line < UINT32_MAX / 16)
            line = line * 10 + (uint32_t)(file->data[end++] - '0');
        if (line > 0 && is_made_by_php((struct llmobs_text){file->data + end,
                                                            file->len - end})) {
            file->len = at;
            return line;
        }
    }
    return 0;
}

/* True for a text of printable characters without a blank. */
static bool is_printable(struct llmobs_text text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] <= ' ' || text.data[i] > '~')
            return false;
    }
    return text.len > 0;
}

/* True for the name of a script or module of Perl, which knows its path only as
 * the command wrote it. */
static bool is_perl(struct llmobs_text file)
{
    static const char suffixes[] = ".pl\0.pm\0.t\0.cgi\0.psgi\0";

    LLMOBS_WORDS_EACH (suffix, suffixes) {
        size_t len = strlen(suffix);

        if (file.len > len &&
            memcmp(file.data + file.len - len, suffix, len) == 0)
            return true;
    }
    return false;
}

/* Removes the folder of a user, whose name is a person's, from the path; gives
 * what stands in its place. */
static const char *cut_home(struct llmobs_text *file)
{
    const size_t lead =
        llmobs_text_begins(*file, "phar:") ? strlen("phar://") : 0;
    struct llmobs_text path = {file->data + lead, file->len - lead};

    if (!llmobs_script_cut_home(&path, user_home))
        return "";
    *file = path;
    return lead ? "phar://~" : "~";
}

/* The text behind `before`, without the keys in it. */
static struct llmobs_json *masked(const char *before, struct llmobs_text text)
{
    struct llmobs_json *json = NULL;
    struct llmobs_buf plain, out;

    llmobs_buf_init(&plain, MASKED_MAX);
    llmobs_buf_init(&out, MASKED_MAX);
    if (llmobs_buf_adds(&plain, before) == 0 &&
        llmobs_buf_add(&plain, text.data, text.len) == 0 &&
        llmobs_mask_body(plain.data, &out) == 0) {
        llmobs_shapes_mask(&out, 0, false);
        json = llmobs_json_string(out.data);
    }
    llmobs_buf_fini(&plain);
    llmobs_buf_fini(&out);
    return json;
}

/* False for a name that no span may show. */
static bool write_path(struct llmobs_json *caller, const char *key,
                       struct llmobs_text file)
{
    const char *home;
    static const char words[] =
        "Command line code\0Standard input code\0php shell code\0"
        "Command line begin code\0Command line run code\0"
        "Command line end code\0<string>\0<stdin>\0-e\0-\0";

    /* PHP's name for the code of a command line is not a path. Names of other
     * streams are not paths either, and may hold the code itself. */
    if (!llmobs_text_among(file, words) &&
        (!(is_printable(file) &&
           (llmobs_text_begins(file, "/") ||
            llmobs_text_begins(file, "phar:///") || is_perl(file)))))
        return false;
    home = cut_home(&file);
    return llmobs_json_set(caller, key, masked(home, file)) == 0;
}

void llmobs_script_frames_write(const struct llmobs_script_frames *frames,
                                struct llmobs_json **caller)
{
    struct llmobs_text file = frame_text(frames, LLMOBS_FRAMES_FILE);
    struct llmobs_text entry = frame_text(frames, LLMOBS_FRAMES_ENTRY);
    struct llmobs_text code = frame_text(frames, LLMOBS_FRAMES_CODE);
    uint32_t line = cut_eval(&file);
    struct llmobs_json *list;

    if (frames->used == 0)
        return;
    if (!*caller)
        *caller = llmobs_json_object();
    if (line == 0)
        line = frames->line;
    if (write_path(*caller, "file", file) && line > 0)
        (void)llmobs_json_set(*caller, "line", llmobs_json_int(line));
    if (is_printable(code))
        (void)llmobs_json_set(*caller, "code", masked("", code));
    list = llmobs_json_array();
    for (unsigned i = 0; i < LLMOBS_FRAMES_PLUGINS; i++) {
        struct llmobs_text plugin =
            frame_text(frames, LLMOBS_FRAMES_PLUGIN + i);

        if (plugin.len > 0)
            (void)llmobs_json_add(list, masked("", plugin));
    }
    if (llmobs_json_len(list) > 0)
        (void)llmobs_json_set(*caller, "plugins", llmobs_json_share(list));
    llmobs_json_free(list);
    (void)cut_eval(&entry);
    (void)write_path(*caller, "entry", entry);
}

const char *llmobs_script_frames_plugin(const struct llmobs_json *caller)
{
    const struct llmobs_json *list = llmobs_json_get(caller, "plugins");
    size_t count = llmobs_json_len(list);

    if (count == 0 || !llmobs_json_get(caller, "entry"))
        return NULL;
    return llmobs_json_text(llmobs_json_at(list, count - 1));
}
