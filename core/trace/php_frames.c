#include "core/trace/php_frames.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/fork.h"
#include "lib/base/hazard.h"
#include "lib/base/sys.h"
#include "lib/span/mask.h"
#include "lib/span/shapes.h"

#define WEAK __attribute__((weak))

/* The head of zend_string, as from PHP 7.0 on. */
#define IS_STRING 6
#define TYPE_BITS 0xf

struct php_string {
    uint32_t refcount;
    uint32_t type;
    uint64_t hash;
    size_t len;
    char bytes[];
};

/* PHP's own symbols; NULL where the process is no PHP. The core is loaded at
 * the first call of a binding, when PHP is there. Only a PHP with threads has
 * tsrm_get_ls_cache. */
extern const struct php_string *zend_get_executed_filename_ex(void) WEAK;
extern uint32_t zend_get_executed_lineno(void) WEAK;
extern void *tsrm_get_ls_cache(void) WEAK;

/* -- the thread ----------------------------------------------------------- */

/* The first thread of a process. It takes two system calls to know, so the
 * answer is kept for the process of this number (fork.h). */
static _Atomic uintptr_t first_thread;
static atomic_int first_of;

static bool is_first_thread(void)
{
    int process = llmobs_fork_process();
    uintptr_t thread = llmobs_sys_thread();

    if (atomic_load_explicit(&first_of, memory_order_acquire) == process)
        return atomic_load(&first_thread) == thread;
    if (llmobs_sys(SYS_gettid) != llmobs_sys(SYS_getpid))
        return false;
    atomic_store(&first_thread, thread);
    atomic_store_explicit(&first_of, process, memory_order_release);
    return true;
}

/* A PHP without threads has one interpreter, which the servers and the command
 * run in the first thread: a call of another thread is none of the script's. A
 * PHP with threads knows which threads are its own. */
static bool runs_php(void)
{
    if (!zend_get_executed_filename_ex || !zend_get_executed_lineno)
        return false;
    if (tsrm_get_ls_cache)
        return tsrm_get_ls_cache() != NULL;
    return LLMOBS_HAZARD(page_of_any_thread, is_first_thread(), true);
}

/* -- taking --------------------------------------------------------------- */

void llmobs_php_frames_clear(struct llmobs_php_frames *frames)
{
    frames->line = 0;
    frames->used = 0;
    memset(frames->members, 0, sizeof(frames->members));
}

static void php_keep(struct llmobs_php_frames *frames,
                     enum llmobs_php_member member, const char *text,
                     size_t len)
{
    if (len == 0 || len + frames->used > LLMOBS_PHP_TEXT)
        return;
    memcpy(frames->text + frames->used, text, len);
    frames->members[member].at = frames->used;
    frames->members[member].len = (uint16_t)len;
    frames->used = (uint16_t)(frames->used + len);
}

void llmobs_php_frames_take(struct llmobs_php_frames *frames)
{
    const struct php_string *file;

    llmobs_php_frames_clear(frames);
    if (!runs_php())
        return;
    file = zend_get_executed_filename_ex();
    if (!file || (file->type & TYPE_BITS) != IS_STRING)
        return;
    php_keep(frames, LLMOBS_PHP_FILE, file->bytes, file->len);
    frames->line = zend_get_executed_lineno();
}

/* -- telling -------------------------------------------------------------- */

/* Room for the texts with their masks. */
#define TOLD_MAX ((size_t)4 * LLMOBS_PHP_TEXT)

static struct llmobs_text php_text(const struct llmobs_php_frames *frames,
                                   enum llmobs_php_member member)
{
    return (struct llmobs_text){frames->text + frames->members[member].at,
                                frames->members[member].len};
}

static bool php_begins(struct llmobs_text text, const char *with)
{
    size_t len = strlen(with);

    return text.len >= len && memcmp(text.data, with, len) == 0;
}

/* Cuts what PHP appends to the name of code that no file has, "(6) : eval()'d
 * code", and gives the line in it, where the file has the eval. 0: PHP has
 * appended nothing. */
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
        if (line > 0 &&
            php_begins((struct llmobs_text){file->data + end, file->len - end},
                       ") : ")) {
            file->len = at;
            return line;
        }
    }
    return 0;
}

/* The name that PHP gives to the code of a command line is no path, and neither
 * are the names of other streams, which may hold the code itself. */
static bool is_told(struct llmobs_text file)
{
    static const char words[] =
        "Command line code\0Standard input code\0php shell code\0"
        "Command line begin code\0Command line run code\0"
        "Command line end code\0";

    LLMOBS_WORDS_EACH (word, words) {
        if (llmobs_text_is(file, word))
            return true;
    }
    if (!php_begins(file, "/") && !php_begins(file, "phar:///"))
        return false;
    for (size_t i = 0; i < file.len; i++) {
        if (file.data[i] <= ' ' || file.data[i] > '~')
            return false;
    }
    return true;
}

/* Takes the folder of a user off the path, whose name is a person's. */
static bool cut_home(struct llmobs_text *file)
{
    size_t len = 0;

    if (php_begins(*file, "/root/"))
        len = strlen("/root");
    else if (php_begins(*file, "/home/"))
        for (len = strlen("/home/"); len < file->len && file->data[len] != '/';)
            len++;
    if (len == 0 || len == file->len)
        return false;
    file->data += len;
    file->len -= len;
    return true;
}

/* Sets a member, without the keys in it. */
static void php_tell(struct llmobs_json *caller, const char *key, bool home,
                     struct llmobs_text text)
{
    struct llmobs_buf plain, told;

    llmobs_buf_init(&plain, TOLD_MAX);
    llmobs_buf_init(&told, TOLD_MAX);
    if (llmobs_buf_adds(&plain, home ? "~" : "") == 0 &&
        llmobs_buf_add(&plain, text.data, text.len) == 0 &&
        llmobs_mask_body(plain.data, &told) == 0) {
        llmobs_shapes_mask(&told, 0, false);
        (void)llmobs_json_sets(caller, key, told.data);
    }
    llmobs_buf_fini(&plain);
    llmobs_buf_fini(&told);
}

/* False where the file must not be told. */
static bool tell_file(struct llmobs_json *caller, const char *key,
                      struct llmobs_text file)
{
    bool home;

    if (!is_told(file))
        return false;
    home = cut_home(&file);
    php_tell(caller, key, home, file);
    return true;
}

static void tell_line(const struct llmobs_php_frames *frames,
                      struct llmobs_json *caller)
{
    struct llmobs_text file = php_text(frames, LLMOBS_PHP_FILE);
    uint32_t line = cut_eval(&file);

    if (line == 0)
        line = frames->line;
    if (tell_file(caller, "file", file) && line > 0)
        (void)llmobs_json_set(caller, "line", llmobs_json_int(line));
}

void llmobs_php_frames_tell(const struct llmobs_php_frames *frames,
                            struct llmobs_json **caller)
{
    if (frames->used == 0)
        return;
    if (!*caller)
        *caller = llmobs_json_object();
    tell_line(frames, *caller);
}
