/* Tests whether a word looks like a random key. */
#include "lib/span/shapes.h"

#include <string.h>
#include <strings.h>

#define KEEP 4
#define KEEP_FROM 8
#define OPAQUE_LEAST 20
#define OPAQUE_CHANGES 4
#define LONGEST_WORD 17
#define ID_LEAD 8
#define ID_LEAST 16
#define COUNT(list) (sizeof(list) / sizeof(*(list)))

static int kind_of(char c)
{
    if (c >= '0' && c <= '9')
        return 1;
    if (c >= 'A' && c <= 'Z')
        return 2;
    return c >= 'a' && c <= 'z' ? 3 : 0;
}

/* The characters of a part of a word, counted by kind. */
struct part {
    size_t len, changes;
    size_t digits, capitals, smalls;
};

/* Reads the part that begins here; '-' and '_' end it. */
static struct part read_part(const char *text, size_t len)
{
    struct part part = {0};
    int before = 0, kind;

    while (part.len < len && (kind = kind_of(text[part.len]))) {
        /* "Llama": a capital at the beginning of a word is no change. */
        part.changes += before && kind != before && !(before == 2 && kind == 3);
        part.digits += kind == 1;
        part.capitals += kind == 2;
        part.smalls += kind == 3;
        before = kind;
        part.len++;
    }
    return part;
}

/* True for a part that changes between kinds of characters more often than a
 * name: "Mixtral8x22B" changes four times. */
static bool is_random(const struct part *part)
{
    if (part->len >= 8 && part->changes >= 6 && part->digits &&
        part->capitals && part->smalls)
        return true;
    return part->digits > 1 && part->len >= 16 &&
           part->changes >= (part->len < OPAQUE_LEAST ? 5 : OPAQUE_CHANGES);
}

/* True for a word of twenty characters or more that looks like a key. Judges
 * each part alone: the parts of "qwen3-235b-a22b-2507-v1" change six times in
 * all. */
static bool is_opaque_word(const char *text, size_t len)
{
    size_t doubtful = 0, at = 0;
    bool random = false;

    while (at < len) {
        struct part part = read_part(text + at, len - at);

        at += part.len + 1;
        random |= is_random(&part);
        /* A part that changes often; a name has at most one: "Qwen2VL7B". */
        doubtful +=
            part.len >= 5 && part.changes >= 3 && part.capitals && part.smalls;
    }
    return len >= OPAQUE_LEAST && (random || doubtful > 1);
}

static bool is_in_words(const char *text, size_t len, const char *const *list,
                        size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strlen(list[i]) == len && strncasecmp(text, list[i], len) == 0)
            return true;
    return false;
}

/* True for "token", "key" and the like: a value may follow them after a mere
 * blank. */
static bool is_value_name(const char *text, size_t len)
{
    static const char *const some[] = {"token", "key", "secret", "password",
                                       "credential"};

    return is_in_words(text, len, some, COUNT(some));
}

/* True for "wh_" with hexadecimal digits behind it. mask.c has found the
 * beginnings that are known as a key's before. */
static bool is_hex_id(const char *text, size_t len)
{
    size_t lead = 0, at;

    while (lead < len && kind_of(text[lead]) == 3)
        lead++;
    if (lead == 0 || lead > ID_LEAD || len - lead <= ID_LEAST ||
        text[lead] != '_' || is_value_name(text, lead))
        return false;
    for (at = lead + 1; at < len && llmobs_text_hex(text[at]) >= 0;)
        at++;
    return at == len;
}

/* True for an id that a provider gives, by its beginning: in the text of an
 * error it names the object of the error. */
static bool is_id(const char *text, size_t len)
{
    static const char *const leads[] = {
        "req",      "resp_",     "msg_",      "chatcmpl-",  "cmpl-",
        "run_",     "call_",     "org-",      "proj_",      "rs_",
        "fc_",      "fco_",      "ws_",       "fs_",        "ci_",
        "ig_",      "cu_",       "ctc_",      "ctco_",      "cmp_",
        "mcp_",     "mcpl_",     "mcpr_",     "lsh_",       "sh_",
        "thread_",  "step_",     "asst_",     "item_",      "conv_",
        "batch_",   "batchreq_", "msgbatch_", "file-",      "file_",
        "vs_",      "vsfb_",     "vsf_",      "cntr_",      "cfile_",
        "toolu_",   "srvtoolu_", "mcptoolu_", "tooluse_",   "event_",
        "evt_",     "sess_",     "ftjob-",    "ftckpt-",    "modr-",
        "upload_",  "part_",     "user-",     "gen-",       "embd-",
        "img_",     "image_",    "audio_",    "video_",     "prompt_",
        "pmpt_",    "eval_",     "evalrun_",  "task_",      "trace_",
        "span_",    "job_",      "skill_",    "container_", "completion-",
        "message_", "response_", "request_",  "tool_call_", "interaction_",
        "pred_",    "session_",  "dpl_"};

    for (size_t i = 0; i < COUNT(leads); i++)
        if (len > strlen(leads[i]) &&
            strncasecmp(text, leads[i], strlen(leads[i])) == 0)
            return true;
    return is_hex_id(text, len);
}

/* True for a UUID: in an error it is the id of a request; in a path it may be a
 * key. */
static bool is_uuid(const char *text, size_t len)
{
    static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    size_t i = 0;

    while (i < len && len == strlen(form) &&
           (form[i] == 'x' ? llmobs_text_hex(text[i]) >= 0 : text[i] == '-'))
        i++;
    return i == strlen(form);
}

/* True for a word that an id may follow: "run", "trace_id", "requestId". */
static bool is_about(const char *text, size_t len)
{
    static const char *const some[] = {"id",   "ids",    "item",  "run",
                                       "file", "thread", "batch", "call"};
    const char *id = text + len - 2;

    return is_in_words(text, len, some, COUNT(some)) ||
           (len > 3 && (id[1] | 0x20) == 'd' &&
            (*id == 'I' ? kind_of(id[-1]) == 3
                        : *id == 'i' && strchr("-_", id[-1])));
}

/* True for a word that names a folder of things, as "operations": after such a
 * word and a slash comes an id. */
static bool is_folder(const char *text, size_t len)
{
    static const char *const secret[] = {"webhook", "webhooks", "hooks",
                                         "services"};
    size_t at = 0;

    while (at < len && kind_of(text[at]) > 1)
        at++;
    return at == len && len > 3 && !is_value_name(text, len) &&
           !is_in_words(text, len, secret, COUNT(secret));
}

/* True for a word with letters and digits. */
static bool is_mixed(const char *text, size_t len)
{
    size_t digits = 0, letters = 0;

    for (size_t i = 0; i < len; i++) {
        digits += kind_of(text[i]) == 1;
        letters += kind_of(text[i]) > 1;
    }
    return len >= KEEP_FROM && digits > 0 && letters > 0;
}

/* Decides whether a word is a secret: in the text of an error by its shape or
 * the word before it, in a URL by its shape alone. */
struct shape {
    bool error;
    bool named;  /* the last word was the name of a secret */
    bool about;  /* the last word says that an id follows */
    bool folder; /* it says so where a slash follows */
};

/* True for the name of a picture, "logo-3f2a9c.png", whose last part is a hash
 * as tools make it, of small hexadecimal digits; `rest` bytes are behind it. */
static bool is_picture(const char *text, size_t len, size_t rest)
{
    static const char ends[] =
        ".png\0.jpg\0.jpeg\0.gif\0.webp\0.svg\0.ico\0.avif\0";
    size_t at = len;

    while (at > 0 && text[at - 1] && strchr("0123456789abcdef", text[at - 1]))
        at--;
    if ((at > 0 && kind_of(text[at - 1])) || is_opaque_word(text, at))
        return false;
    LLMOBS_WORDS_EACH (end, ends)
        if (strlen(end) <= rest &&
            strncasecmp(text + len, end, strlen(end)) == 0)
            return true;
    return false;
}

static bool is_shaped(struct shape *shape, const char *text, size_t len)
{
    bool named = shape->named, about = shape->about;

    shape->named = shape->error && is_value_name(text, len);
    shape->about = shape->error && is_about(text, len);
    shape->folder = shape->error && is_folder(text, len);
    if (named && is_mixed(text, len))
        return true;
    if (is_uuid(text, len))
        return !shape->error;
    return is_opaque_word(text, len) &&
           !(shape->error && (about || is_id(text, len)));
}

void llmobs_shapes_mask(struct llmobs_buf *buf, size_t at, bool error)
{
    struct shape shape = {.error = error};
    size_t to = at;

    while (buf->data && at < buf->len) {
        size_t len = 0, keep;

        while (at + len < buf->len &&
               (kind_of(buf->data[at + len]) || buf->data[at + len] == '-' ||
                buf->data[at + len] == '_'))
            len++;
        keep = len;
        if (len && is_shaped(&shape, buf->data + at, len) &&
            !is_picture(buf->data + at, len, buf->len - at - len)) {
            memset(buf->data + to, '*', 3);
            to += 3;
            keep = KEEP;
        }
        memmove(buf->data + to, buf->data + at + len - keep, keep);
        to += keep;
        at += len;
        if (at < buf->len) {
            shape.named &= strchr(" \t:\"'`", buf->data[at]) != NULL;
            shape.about &= strchr(" \t:=\"'`(", buf->data[at]) != NULL;
            shape.about |= shape.folder && buf->data[at] == '/';
            shape.folder = false;
            buf->data[to++] = buf->data[at++];
        }
    }
    if (buf->data)
        llmobs_buf_cut(buf, to);
}

bool llmobs_shapes_is_path_key(const char *text, size_t len)
{
    struct part all = {0};
    bool mixes = false;

    for (size_t at = 0; at < len;) {
        struct part part = read_part(text + at, len - at);

        mixes |= part.len >= 7 && part.changes >= 4;

        all.digits += part.digits;
        all.smalls += part.smalls + part.capitals;
        all.len = part.len > all.len ? part.len : all.len;
        at += part.len + 1;
    }
    return mixes || is_uuid(text, len) || is_opaque_word(text, len) ||
           (all.len >= 8 && all.digits > 1 && all.smalls > 0) ||
           (all.len >= 12 && all.digits > 0 && all.smalls > 0) ||
           all.len > LONGEST_WORD;
}

bool llmobs_shapes_is_value(const char *text, size_t len)
{
    struct part part;

    if (is_uuid(text, len) || is_opaque_word(text, len))
        return true;
    for (size_t at = 0; at < len; at += part.len + 1) {
        part = read_part(text + at, len - at);
        if (part.len >= 16 && part.digits > 2 &&
            part.smalls + part.capitals > 2)
            return true;
    }
    return false;
}
