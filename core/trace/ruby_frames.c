/* Ruby's own functions give the frames, into memory of the library: they
 * allocate nothing of Ruby's, and raise nothing. The library calls them only in
 * the thread that has the GVL, because without it another thread may compact
 * the heap and move a frame's method while they read it. */
#include "core/trace/script_frames.h"

#include <stdlib.h>

#include "core/config/theirs.h"
#include "core/trace/probe.h"

/* The heads of Ruby's objects. A value with one of the lowest bits set is not
 * an object. */
#define IMMEDIATE 7
#define TYPE_BITS 0x1f
#define IS_STRING 5

typedef uintptr_t value;

/* Ruby fills it. It is too big for a small stack. */
struct ruby_frames {
    value frames[LLMOBS_FRAMES_MAX];
    int lines[LLMOBS_FRAMES_MAX];
};

/* Ruby's own symbols; NULL if the process is not Ruby. */
extern int rb_profile_frames(int start, int limit, value *frames, int *lines);
extern value rb_profile_frame_path(value frame);
extern value rb_profile_frame_absolute_path(value frame);
extern value rb_profile_frame_base_label(value frame);
extern const char *rb_string_value_ptr(value *string);
extern int ruby_native_thread_p(void);
extern int ruby_thread_has_gvl_p(void);

struct ruby_place {
    value frame; /* 0: none yet */
    int line;
};

struct ruby_walk {
    struct llmobs_probe probe;
    /* the innermost that is not a library's, or `outer` */
    struct ruby_place inner;
    struct ruby_place outer;
    bool found;   /* `inner` is not a library's */
    bool library; /* `outer` is a library's */
    bool whole;   /* there is no frame outside of `outer` */
};

/* False in a thread that does not run Ruby: it has no frames. */
static bool runs_ruby(void)
{
    return THEIR(rb_profile_frames) && THEIR(rb_profile_frame_path) &&
           THEIR(rb_profile_frame_absolute_path) &&
           THEIR(rb_profile_frame_base_label) && THEIR(rb_string_value_ptr) &&
           THEIR(ruby_native_thread_p) && THEIR(ruby_thread_has_gvl_p) &&
           llmobs_probe_works() && THEIR(ruby_native_thread_p)();
}

/* The bytes of a string up to a NUL; false if the value is not a string. */
static bool read_ruby_text(struct ruby_walk *walk, value string,
                           struct llmobs_text *text)
{
    uint64_t flags;

    if ((string & IMMEDIATE) ||
        !llmobs_probe_read(&walk->probe, (const void *)string, &flags,
                           sizeof(flags)) ||
        (flags & TYPE_BITS) != IS_STRING)
        return false;
    return llmobs_probe_text(&walk->probe, THEIR(rb_string_value_ptr)(&string),
                             LLMOBS_FRAMES_LONGEST, text) &&
           text->len > 0;
}

/* Gives the file of a frame; false for code without a file: C code, and
 * evaluated code without the name of a file. */
static bool file_of_place(struct ruby_walk *walk, const struct ruby_place *at,
                          struct llmobs_text *file)
{
    if (at->line <= 0 ||
        !read_ruby_text(walk, THEIR(rb_profile_frame_path)(at->frame), file))
        return false;
    return read_ruby_text(
               walk, THEIR(rb_profile_frame_absolute_path)(at->frame), file) ||
           file->data[0] == '/' || llmobs_text_is(*file, "-e") ||
           llmobs_text_is(*file, "-");
}

/* False if no file calls, or the calling file is not known. Asks Ruby for all
 * frames from the innermost on, because some versions ignore another start. */
static bool walk_ruby(struct ruby_walk *walk)
{
    struct ruby_frames *list = malloc(sizeof(*list));
    int count;

    if (!list)
        return false;
    count = THEIR(rb_profile_frames)(0, LLMOBS_FRAMES_MAX, list->frames,
                                     list->lines);
    for (int i = 0; i < count; i++) {
        struct ruby_place here = {list->frames[i], list->lines[i]};
        struct llmobs_text file;

        if (!file_of_place(walk, &here, &file))
            continue;
        walk->library = llmobs_script_frames_is_library(file);
        walk->outer = here;
        if (!walk->found)
            walk->inner = here;
        walk->found |= !walk->library;
    }
    free(list);
    walk->whole = count < LLMOBS_FRAMES_MAX;
    return walk->outer.frame && (walk->whole || walk->found);
}

void llmobs_ruby_frames_read(struct llmobs_script_frames *frames)
{
    struct ruby_walk walk = {.whole = false};

    if (!runs_ruby() || !THEIR(ruby_thread_has_gvl_p)())
        return;
    if (walk_ruby(&walk)) {
        struct llmobs_text text;

        if (file_of_place(&walk, &walk.inner, &text) &&
            llmobs_script_frames_add(frames, LLMOBS_FRAMES_FILE, text))
            frames->line = (uint32_t)walk.inner.line;
        if (walk.whole && !walk.library &&
            file_of_place(&walk, &walk.outer, &text))
            (void)llmobs_script_frames_add(frames, LLMOBS_FRAMES_ENTRY, text);
        if (read_ruby_text(&walk,
                           THEIR(rb_profile_frame_base_label)(walk.inner.frame),
                           &text) &&
            text.data[0] != '<')
            (void)llmobs_script_frames_add(frames, LLMOBS_FRAMES_CODE, text);
    }
}

void llmobs_ruby_frames_save(struct llmobs_script_frames **saved)
{
    if (!runs_ruby() || !THEIR(ruby_thread_has_gvl_p)())
        return;
    if (!*saved)
        *saved = malloc(sizeof(**saved));
    if (!*saved)
        return;
    llmobs_script_frames_clear(*saved);
    llmobs_ruby_frames_read(*saved);
}

void llmobs_ruby_frames_restore(const struct llmobs_script_frames *saved,
                                struct llmobs_script_frames *frames)
{
    if (saved && runs_ruby() && !THEIR(ruby_thread_has_gvl_p)())
        *frames = *saved;
}
