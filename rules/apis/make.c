/* Makes a dialect of a user's API description. */
#include "rules/apis/make.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rules/read/url.h"
#include "rules/read/rerank.h"
#include "rules/tables/interpreter.h"
#include "rules/vendors/chat.h"

/* The build knows of each reader, by its bit (scripts/apis_table.c): a form
 * with its functions, and where its variant has the member of a word. */
extern const struct llmobs_form llmobs_apis_plain[LLMOBS_APIS_READERS];
extern const size_t llmobs_apis_sizes[LLMOBS_APIS_READERS];
extern const short llmobs_apis_members[][LLMOBS_APIS_READERS];

struct block {
    struct block *next;
    max_align_t data[];
};

struct llmobs_made {
    struct block *blocks;
    struct llmobs_dialect dialect;
};

/* An API while its dialect is made. */
struct maker {
    struct llmobs_apis *apis;
    const struct llmobs_apis_api *api;
    const struct llmobs_dialect *const *known;
    struct llmobs_made *made;
    int rc;
};

/* Gives zeros that the dialect owns; NULL when memory runs out. */
static void *alloc(struct maker *maker, size_t size)
{
    struct block *block = calloc(1, sizeof(*block) + size);

    if (!block) {
        maker->rc = maker->rc ? maker->rc : -ENOMEM;
        return NULL;
    }
    block->next = maker->made->blocks;
    maker->made->blocks = block;
    return block->data;
}

static void fail(struct maker *maker, unsigned line, const char *why)
{
    if (maker->rc == 0)
        maker->rc = -EINVAL;
    llmobs_apis_fail(maker->apis, line, "%s", why);
}

static const char *copy(struct maker *maker, const char *text)
{
    char *to = text ? alloc(maker, strlen(text) + 1) : NULL;

    return to ? strcpy(to, text) : NULL;
}

/* Gives words as one text, each with a NUL behind it; `quoted`: as in JSON, but
 * one that begins with ' as it is. */
static const char *join(struct maker *maker,
                        const struct llmobs_apis_said *said, bool quoted)
{
    const char *const *args = maker->apis->args + said->first;
    size_t size = 1, len;
    char *text, *at;

    for (unsigned i = 0; i < said->count; i++)
        size += strlen(args[i]) + 3;
    text = at = alloc(maker, size);
    for (unsigned i = 0; at && i < said->count; i++) {
        bool bare = !quoted || *args[i] == '\'';

        if (!bare)
            *at++ = '"';
        len = strlen(args[i] + (quoted && bare));
        memcpy(at, args[i] + (quoted && bare), len);
        at += len;
        if (!bare)
            *at++ = '"';
        at++;
    }
    return text;
}

static const char *usual_keys(const struct llmobs_apis_form *form)
{
    return form->reader == LLMOBS_APIS_RERANK ? llmobs_rerank_keys
                                              : llmobs_chat_openai_keys;
}

static const struct llmobs_message_form *make_messages(
    struct maker *maker, const struct llmobs_apis_messages *from)
{
    struct llmobs_message_form *form;

    if (!from->said || from->openai)
        return from->said ? &llmobs_message_openai : NULL;
    if (from->part)
        fail(maker, maker->api->line, "a file of one's own has no functions");
    form = alloc(maker, sizeof(*form));
    if (!form)
        return NULL;
    *form = from->form;
    for (size_t i = 0; i < LLMOBS_APIS_KEYS; i++) {
        const char **text =
            (const char **)((char *)form + llmobs_apis_keys[i].at);

        *text = copy(maker, *text);
    }
    return form;
}

/* Sets the member of a word in the form or in its variant. */
static void set_member(struct maker *maker, void *member,
                       const struct llmobs_apis_word *word,
                       const struct llmobs_apis_form *form,
                       const struct llmobs_apis_said *said)
{
    if (word->type == LLMOBS_APIS_SWITCH)
        *(bool *)member = true;
    else if (strcmp(word->name, "role_default") == 0)
        snprintf(member, sizeof(((struct llmobs_layout *)0)->role), "%s",
                 maker->apis->args[said->first]);
    else if (word->type == LLMOBS_APIS_TEXT)
        *(const char **)member = copy(maker, maker->apis->args[said->first]);
    else if (llmobs_apis_usual(maker->apis, said))
        *(const char **)member = word->type == LLMOBS_APIS_QUOTED
                                     ? llmobs_rerank_signs
                                     : usual_keys(form);
    else
        *(const char **)member = join(maker, said,
                                      word->type == LLMOBS_APIS_QUOTED &&
                                          strcmp(word->name, "asks") != 0);
}

/* Fills the members that no word stands for alone. */
static void fill_variant(struct maker *maker, void *variant,
                         const struct llmobs_apis_form *form)
{
    const struct llmobs_apis_said *in = llmobs_apis_say(form, "settings_in");

    if (form->reader == LLMOBS_APIS_TABLE) {
        struct llmobs_layout *layout = variant;

        layout->places = copy(maker, form->places);
        layout->messages = make_messages(maker, &form->messages);
        layout->alone = make_messages(maker, &form->alone);
        layout->may = llmobs_apis_say(form, "may_answer");
        layout->sources = form->sources;
    } else if (form->reader == LLMOBS_APIS_CHAT) {
        struct llmobs_chat_variant *chat = variant;

        chat->messages = make_messages(maker, &form->messages);
    } else if (form->reader == LLMOBS_APIS_RERANK && in) {
        ((struct llmobs_rerank *)variant)->settings =
            copy(maker, maker->apis->args[in->first] + 1);
    }
}

static const struct llmobs_form *make_form(struct maker *maker,
                                           const struct llmobs_apis_form *from)
{
    const struct llmobs_apis_said *confirm = llmobs_apis_say(from, "confirm");
    const struct llmobs_dialect *const *known = maker->known;
    unsigned reader = (unsigned)__builtin_ctz(from->reader);
    struct llmobs_form *form;
    void *variant;

    if (from->is) {
        while (*known && strcmp((*known)->name, from->is) != 0)
            known++;
        if (!*known || !(*known)->form)
            fail(maker, from->line, "there is no API of this name");
        return *known ? (*known)->form : NULL;
    }
    if (from->hook_count > 0 || from->reader == LLMOBS_APIS_CODE ||
        !llmobs_apis_sizes[reader]) {
        fail(maker, from->line,
             "a file of one's own has no hooks, and only the readers table, "
             "chat, store, search and rerank");
        return NULL;
    }
    form = alloc(maker, sizeof(*form));
    variant = alloc(maker, llmobs_apis_sizes[reader]);
    if (!form || !variant)
        return NULL;
    *form = llmobs_apis_plain[reader];
    form->variant = variant;
    form->framing = from->framing;
    for (size_t i = 0; i < llmobs_apis_word_count; i++) {
        const struct llmobs_apis_word *word = &llmobs_apis_words[i];
        const short at = llmobs_apis_members[i][reader];
        const struct llmobs_apis_said *said =
            at >= 0 ? llmobs_apis_say(from, word->name) : NULL;

        if (said)
            set_member(maker,
                       (char *)(word->in_form ? (void *)form : variant) + at,
                       word, from, said);
    }
    fill_variant(maker, variant, from);
    if (from->keys.line)
        form->keys = llmobs_apis_usual(maker->apis, &from->keys)
                         ? usual_keys(from)
                         : join(maker, &from->keys, false);
    if (llmobs_apis_say(from, "asks"))
        form->confirm = llmobs_interpreter_signed;
    /* A reader other than the table asks in its own way. */
    if (confirm && (from->reader == LLMOBS_APIS_CHAT ||
                    strcmp(maker->apis->args[confirm->first], "chat") == 0))
        form->confirm = llmobs_chat_asks;
    else if (confirm && from->reader == LLMOBS_APIS_TABLE)
        form->confirm = llmobs_interpreter_asks;
    if (llmobs_apis_say(from, "model_in_path"))
        form->asked = llmobs_interpreter_path_model;
    return form;
}

static void fill_dialect(struct maker *maker)
{
    const struct llmobs_apis_api *api = maker->api;
    struct llmobs_dialect *dialect = &maker->made->dialect;
    struct llmobs_shape *shapes =
        alloc(maker, api->path_count * sizeof(*shapes));
    const struct llmobs_form **forms =
        alloc(maker, (api->form_count + 1) * sizeof(*forms));

    if (api->group || api->read || api->path_count == 0)
        fail(maker, api->line, "an API of one's own has paths, and no group");
    dialect->name = copy(maker, api->name);
    dialect->integration =
        copy(maker, api->integration ? api->integration : api->name);
    dialect->genai = copy(maker, api->genai);
    dialect->api = copy(maker, api->api_name);
    dialect->provider = copy(maker, api->provider);
    dialect->sent_media = api->sent_media;
    dialect->answered_media = api->answered_media;
    for (unsigned i = 0; i < api->path_count && shapes; i++) {
        if (api->paths[i].signs)
            fail(maker, api->paths[i].line, "a file of one's own has no signs");
        shapes[i] = api->paths[i].shape;
        llmobs_url_lower(shapes[i].host);
    }
    for (unsigned i = 0; i < api->form_count && forms; i++)
        if (api->forms[i].used)
            forms[api->forms[i].number] = make_form(maker, &api->forms[i]);
    dialect->form = forms ? forms[0] : NULL;
    dialect->shapes = shapes;
    dialect->shape_count = (unsigned char)api->path_count;
    dialect->forms = forms;
}

int llmobs_made_new(struct llmobs_apis *apis, size_t number,
                    const struct llmobs_dialect *const *known,
                    struct llmobs_made **out)
{
    struct maker maker = {.apis = apis,
                          .api = &apis->apis[number],
                          .known = known,
                          .made = calloc(1, sizeof(*maker.made))};

    *out = NULL;
    if (!maker.made)
        return -ENOMEM;
    fill_dialect(&maker);
    if (maker.rc == 0)
        *out = maker.made;
    else
        llmobs_made_free(maker.made);
    return maker.rc;
}

void llmobs_made_free(struct llmobs_made *made)
{
    for (struct block *block = made ? made->blocks : NULL; block;) {
        struct block *next = block->next;

        free(block);
        block = next;
    }
    free(made);
}

const struct llmobs_dialect *llmobs_made_dialect(const struct llmobs_made *made)
{
    return &made->dialect;
}

/* True where the path's form is this one, or is like it. */
static bool needs(const struct llmobs_apis_api *api, unsigned path, short form)
{
    short at = (short)(api->paths[path].reads - api->forms);

    while (at >= 0 && at != form)
        at = api->forms[at].like;
    return at == form;
}

int llmobs_made_write(const struct llmobs_apis *apis, size_t number,
                      unsigned path, struct llmobs_buf *out)
{
    const struct llmobs_apis_api *api = &apis->apis[number];
    unsigned paths = 0;

    for (unsigned i = 0; i < apis->line_count; i++) {
        const struct llmobs_apis_line *line = &apis->lines[i];
        bool is_path = strcmp(apis->args[line->first], "path") == 0;

        if (line->api != (short)number ||
            (line->form >= 0 && !is_path && !needs(api, path, line->form)) ||
            (is_path && paths++ != path))
            continue;
        for (unsigned k = 0; k < line->count; k++) {
            if (k > 0)
                llmobs_buf_addc(out, ' ');
            for (const char *at = apis->args[line->first + k]; *at; at++)
                if (*at == ' ')
                    llmobs_buf_adds(out, "%20");
                else
                    llmobs_buf_addc(out, *at);
        }
        llmobs_buf_addc(out, '\n');
    }
    return out->error;
}
