/* Ruby's own functions give the frames, into memory of ours: they allocate
 * nothing of Ruby's, and raise nothing. They are asked with the GVL alone:
 * beside a thread that compacts the heap a frame's method may move away from
 * them. */
#include "core/trace/script_frames.h"

#include <stdlib.h>
#include <string.h>

#include "core/trace/probe.h"

#define WEAK __attribute__((weak))

/* The heads of Ruby's objects. A value with one of the lowest bits is none. */
#define IMMEDIATE 7
#define TYPE_BITS 0x1f
#define IS_STRING 5

typedef uintptr_t value;

/* Ruby fills it: too much for a little stack. */
struct ruby_given {
    value frames[LLMOBS_FRAMES_MAX];
    int lines[LLMOBS_FRAMES_MAX];
};

/* Ruby's own symbols; NULL where the process is no Ruby. */
extern int rb_profile_frames(int start, int limit, value *frames,
                             int *lines) WEAK;
extern value rb_profile_frame_path(value frame) WEAK;
extern value rb_profile_frame_absolute_path(value frame) WEAK;
extern value rb_profile_frame_base_label(value frame) WEAK;
extern const char *rb_string_value_ptr(value *string) WEAK;
extern int ruby_native_thread_p(void) WEAK;
extern int ruby_thread_has_gvl_p(void) WEAK;

struct ruby_place {
    value frame; /* 0: none yet */
    int line;
};

struct ruby_walk {
    struct llmobs_probe probe;
    struct ruby_place
        inner; /* the innermost that is no library's, or `outer` */
    struct ruby_place outer;
    bool settled, library; /* the innermost is none's; `outer` is one's */
    bool whole;            /* there is no frame outside of `outer` */
};

/* False in a thread that is none of Ruby's, which has no frames. */
static bool runs_ruby(void)
{
    return rb_profile_frames && rb_profile_frame_path &&
           rb_profile_frame_absolute_path && rb_profile_frame_base_label &&
           rb_string_value_ptr && ruby_native_thread_p &&
           ruby_thread_has_gvl_p && llmobs_probe_works() &&
           ruby_native_thread_p();
}

/* The bytes of a string up to a NUL; false where this is none. */
static bool ruby_text(struct ruby_walk *walk, value string,
                      struct llmobs_text *text)
{
    uint64_t flags;

    if ((string & IMMEDIATE) ||
        !llmobs_probe_read(&walk->probe, (const void *)string, &flags,
                           sizeof(flags)) ||
        (flags & TYPE_BITS) != IS_STRING)
        return false;
    return llmobs_probe_text(&walk->probe, rb_string_value_ptr(&string),
                             LLMOBS_FRAMES_LONGEST, text) &&
           text->len > 0;
}

/* False for code that no file has: C's, and what the frame outside of it has
 * evaluated, unless that has the name of a file. */
static bool ruby_file(struct ruby_walk *walk, const struct ruby_place *at,
                      struct llmobs_text *file)
{
    if (at->line <= 0 ||
        !ruby_text(walk, rb_profile_frame_path(at->frame), file))
        return false;
    return ruby_text(walk, rb_profile_frame_absolute_path(at->frame), file) ||
           file->data[0] == '/' || llmobs_text_is(*file, "-e") ||
           llmobs_text_is(*file, "-");
}

static void ruby_visit(struct ruby_walk *walk, struct ruby_place here)
{
    struct llmobs_text file;

    if (!ruby_file(walk, &here, &file))
        return;
    walk->library = llmobs_script_frames_is_library(file);
    walk->outer = here;
    if (!walk->settled)
        walk->inner = here;
    walk->settled |= !walk->library;
}

/* False where no file calls, or nobody knows which. Ruby gives all frames from
 * the innermost on: some versions give the same ones whatever the start is. */
static bool ruby_walk(struct ruby_walk *walk)
{
    struct ruby_given *given = malloc(sizeof(*given));
    int count;

    if (!given)
        return false;
    count =
        rb_profile_frames(0, LLMOBS_FRAMES_MAX, given->frames, given->lines);
    for (int i = 0; i < count; i++)
        ruby_visit(walk,
                   (struct ruby_place){given->frames[i], given->lines[i]});
    free(given);
    walk->whole = count < LLMOBS_FRAMES_MAX;
    return walk->outer.frame && (walk->whole || walk->settled);
}

static void ruby_keep(struct ruby_walk *walk,
                      struct llmobs_script_frames *frames)
{
    struct llmobs_text text;

    if (ruby_file(walk, &walk->inner, &text) &&
        llmobs_script_frames_keep(frames, LLMOBS_FRAMES_FILE, text))
        frames->line = (uint32_t)walk->inner.line;
    if (walk->whole && !walk->library && ruby_file(walk, &walk->outer, &text))
        (void)llmobs_script_frames_keep(frames, LLMOBS_FRAMES_ENTRY, text);
    if (ruby_text(walk, rb_profile_frame_base_label(walk->inner.frame),
                  &text) &&
        text.data[0] != '<')
        (void)llmobs_script_frames_keep(frames, LLMOBS_FRAMES_CODE, text);
}

void llmobs_ruby_frames_take(struct llmobs_script_frames *frames)
{
    struct ruby_walk walk = {.whole = false};

    if (!runs_ruby() || !ruby_thread_has_gvl_p())
        return;
    if (ruby_walk(&walk))
        ruby_keep(&walk, frames);
}

void llmobs_ruby_frames_note(struct llmobs_script_frames **noted)
{
    if (!runs_ruby() || !ruby_thread_has_gvl_p())
        return;
    if (!*noted)
        *noted = malloc(sizeof(**noted));
    if (!*noted)
        return;
    llmobs_script_frames_clear(*noted);
    llmobs_ruby_frames_take(*noted);
}

void llmobs_ruby_frames_recall(const struct llmobs_script_frames *noted,
                               struct llmobs_script_frames *frames)
{
    if (noted && runs_ruby() && !ruby_thread_has_gvl_p())
        *frames = *noted;
}
