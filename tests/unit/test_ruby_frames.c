/* The frames of a script, by a stand-in for Ruby. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "core/trace/caller.h"
#include "tests/unit/unit.h"

#define PAGE 4096

/* -- Ruby ----------------------------------------------------------------- */

typedef uintptr_t value;

#define NIL 8

struct string {
    uint64_t flags;
    const char *bytes;
};

struct frame {
    struct string path, absolute, label;
    value values[3];
    int line;
};

static struct frame frames[100];
static int count, native, gvl;

int rb_profile_frames(int start, int limit, value *to, int *lines);
int rb_profile_frames(int start, int limit, value *to, int *lines)
{
    int i;

    ck_assert_int_eq(start, 0);
    ck_assert(native && gvl);
    for (i = 0; i < limit && i < count; i++) {
        to[i] = (value)&frames[i];
        lines[i] = frames[i].line;
    }
    return i;
}

value rb_profile_frame_path(value frame);
value rb_profile_frame_path(value frame)
{
    return ((struct frame *)frame)->values[0];
}

value rb_profile_frame_absolute_path(value frame);
value rb_profile_frame_absolute_path(value frame)
{
    return ((struct frame *)frame)->values[1];
}

value rb_profile_frame_base_label(value frame);
value rb_profile_frame_base_label(value frame)
{
    return ((struct frame *)frame)->values[2];
}

const char *rb_string_value_ptr(value *string);
const char *rb_string_value_ptr(value *string)
{
    return ((struct string *)*string)->bytes;
}

int ruby_native_thread_p(void);
int ruby_native_thread_p(void)
{
    return native;
}

int ruby_thread_has_gvl_p(void);
int ruby_thread_has_gvl_p(void)
{
    return gvl;
}

/* -- a script ------------------------------------------------------------- */

static value put(struct string *to, const char *bytes)
{
    *to = (struct string){0x20000000000 | 5, bytes};
    return bytes ? (value)to : NIL;
}

static void push(const char *path, const char *absolute, int line,
                 const char *label)
{
    struct frame *frame = &frames[count++];

    frame->values[0] = put(&frame->path, path);
    frame->values[1] = put(&frame->absolute, absolute);
    frame->values[2] = put(&frame->label, label);
    frame->line = line;
}

static void script(void)
{
    native = gvl = 1;
    count = 0;
    push(NULL, NULL, 0, NULL);
    push("/var/gems/http.rb", "/var/gems/http.rb", 7, "post");
    push("Ask about cats", NULL, 3, "<main>");
    push("shop.rb", "/srv/shop.rb", 12, "ask");
    push("main.rb", "/srv/main.rb", 2, "<main>");
    push("main.rb", NULL, 0, "<main>");
}

#define WHOLE "/srv/shop.rb:12 ask /srv/main.rb"

static const char *said(const struct llmobs_script_frames *taken)
{
    static char text[2048];
    struct llmobs_json *caller = NULL;
    const char *keys[] = {"file", "code", "entry"};

    llmobs_script_frames_write(taken, &caller);
    *text = '\0';
    for (size_t i = 0; i < 3 && caller; i++) {
        const char *is = llmobs_json_gets(caller, keys[i]);

        sprintf(text + strlen(text), "%s%s", i ? " " : "", is ? is : "-");
        if (i == 0)
            sprintf(text + strlen(text), ":%d",
                    (int)llmobs_json_to_int(llmobs_json_get(caller, "line")));
    }
    llmobs_json_free(caller);
    return text;
}

static const char *asked(void)
{
    struct llmobs_script_frames taken;

    llmobs_callsite_read_script(&taken);
    return said(&taken);
}

TEST(of_a_ruby)
{
    script();
    ck_assert_str_eq(asked(), WHOLE);
    count = 2;
    ck_assert_str_eq(asked(), "/var/gems/http.rb:7 post -");
    count = 1;
    ck_assert_str_eq(asked(), "");
    count = 0;
    push("-e", NULL, 3, "<main>");
    ck_assert_str_eq(asked(), "-e:3 - -e");
}

TEST(of_a_deep_ruby)
{
    script();
    while (count < 90)
        push("main.rb", "/srv/main.rb", 2, "<main>");
    ck_assert_str_eq(asked(), "/srv/shop.rb:12 ask -");
    count = 0;
    while (count < 90)
        push("/var/gems/a.rb", "/var/gems/a.rb", 2, "a");
    ck_assert_str_eq(asked(), "");
}

/* The script is the one that has set the transfer up. */
TEST(of_a_ruby_without_gvl)
{
    struct llmobs_script_frames *saved = NULL, taken;

    script();
    llmobs_ruby_frames_save(&saved);
    gvl = 0;
    ck_assert_str_eq(asked(), "");
    llmobs_callsite_read_script(&taken);
    llmobs_ruby_frames_restore(saved, &taken);
    ck_assert_str_eq(said(&taken), WHOLE);
    llmobs_ruby_frames_save(&saved); /* stays as it was */
    llmobs_ruby_frames_restore(saved, &taken);
    ck_assert_str_eq(said(&taken), WHOLE);
    llmobs_script_frames_clear(&taken);
    llmobs_ruby_frames_restore(NULL, &taken);
    native = 0; /* another thread performs */
    llmobs_ruby_frames_restore(saved, &taken);
    ck_assert_str_eq(said(&taken), "");
    ck_assert_str_eq(asked(), "");
    free(saved);
}

TEST(past_what_is_no_string)
{
    char *page =
        mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *half = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct string array = {7, "/a.rb"}, cut = {5, half + PAGE - 8},
                  gone = {5, page};
    const value ends[] = {0,
                          NIL,
                          20,
                          0x15c,
                          16,
                          (value)page,
                          (value)-8,
                          (value)1 << 62,
                          (value)&array,
                          (value)&cut,
                          (value)&gone};

    ck_assert(page != MAP_FAILED && half != MAP_FAILED);
    memset(half, '/', PAGE);
    ck_assert_int_eq(mprotect(half + PAGE, PAGE, PROT_NONE), 0);
    for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
        script();
        frames[3].values[0] = frames[3].values[1] = ends[i];
        ck_assert_str_eq(asked(), "/srv/main.rb:2 - /srv/main.rb");
        script();
        frames[3].values[2] = ends[i];
        ck_assert_str_eq(asked(), "/srv/shop.rb:12 - /srv/main.rb");
    }
}
