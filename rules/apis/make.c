#include "rules/apis/make.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rules/read/message_content.h"
#include "rules/read/rerank.h"
#include "rules/read/usage.h"
#include "rules/tables/interpreter.h"
#include "rules/tables/store.h"
#include "rules/vendors/chat.h"

/* What the build knows of each reader, by its bit (scripts/apis_table.c): a
 * form with its functions, and where its variant has the member of a word. */
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
    const struct llmobs_apis *apis;
    const struct llmobs_apis_api *api;
    struct llmobs_made *made;
    const struct llmobs_dialect *(*find)(const char *name);
    llmobs_apis_fault *fault;
    void *context;
    int rc;
};

/* Gives zeros that the dialect owns; NULL when memory runs out. */
static void *alloc(struct maker *maker, size_t size)
{
    struct block *block = calloc(1, sizeof(*block) + size);

    if (!block) {
        maker->rc = -ENOMEM;
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
    maker->fault(maker->context, line, why);
}

static const char *copy(struct maker *maker, const char *text)
{
    char *to = alloc(maker, strlen(text) + 1);

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

/* Gives the form of messages that a line describes. */
static const struct llmobs_message_form *make_messages(
    struct maker *maker, const struct llmobs_apis_said *said)
{
    struct llmobs_message_form *form;

    if (strcmp(maker->apis->args[said->first], "openai") == 0)
        return &llmobs_message_openai;
    form = alloc(maker, sizeof(*form));
    for (unsigned i = 0; form && i < said->count; i++) {
        const char *arg = maker->apis->args[said->first + i];
        const char *value = strchr(arg, '=');
        size_t len = value ? (size_t)(value - arg) : strlen(arg);
        const char **to =
            len == 9 && strncmp(arg, "tool_name", len) == 0   ? &form->tool_name
            : len == 7 && strncmp(arg, "instead", len) == 0   ? &form->instead
            : len == 9 && strncmp(arg, "reasoning", len) == 0 ? &form->reasoning
            : len == 6 && strncmp(arg, "images", len) == 0    ? &form->images
                                                              : NULL;

        if (value && to)
            *to = copy(maker, value + 1);
        else if (strcmp(arg, "thinking") == 0)
            form->parts |= LLMOBS_MESSAGE_CONTENT_THINKING;
        else if (strcmp(arg, "documents") == 0)
            form->parts |= LLMOBS_MESSAGE_CONTENT_DOCUMENTS;
        else
            fail(maker, said->line, "messages have no such word");
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

/* Fills the members of a table that no word stands for alone. */
static void fill_layout(struct maker *maker, struct llmobs_layout *layout,
                        const struct llmobs_apis_form *form)
{
    static const char *const sources[] = {"none",   "openai",   "anthropic",
                                          "gemini", "converse", "cohere",
                                          "mistral"};
    const struct llmobs_apis_said *messages = llmobs_apis_say(form, "messages"),
                                  *alone = llmobs_apis_say(form, "alone"),
                                  *from = llmobs_apis_say(form, "sources");

    layout->places = copy(maker, form->places);
    if (!layout->settings)
        layout->settings = "";
    if (messages)
        layout->messages = make_messages(maker, messages);
    if (alone)
        layout->alone = make_messages(maker, alone);
    layout->may = llmobs_apis_say(form, "may_answer");
    for (unsigned i = 0; from && i < sizeof(sources) / sizeof(*sources); i++)
        if (strcmp(maker->apis->args[from->first], sources[i]) == 0)
            layout->sources = i;
    if (from && layout->sources == 0)
        fail(maker, from->line, "nobody has sources of this form");
}

static void fill_variant(struct maker *maker, void *variant,
                         const struct llmobs_apis_form *form)
{
    const struct llmobs_apis_said *in = llmobs_apis_say(form, "settings_in"),
                                  *messages = llmobs_apis_say(form, "messages");

    if (form->reader == LLMOBS_APIS_TABLE) {
        fill_layout(maker, variant, form);
    } else if (form->reader == LLMOBS_APIS_CHAT) {
        struct llmobs_chat_variant *chat = variant;

        chat->usage = llmobs_usage_read;
        chat->metadata = chat->metadata ? chat->metadata : "";
        chat->messages =
            messages ? make_messages(maker, messages) : &llmobs_message_openai;
    } else if (form->reader == LLMOBS_APIS_STORE) {
        struct llmobs_store *store = variant;
        const char **lists[] = {&store->asks, &store->lists, &store->ids,
                                &store->scores};

        for (size_t i = 0; i < 4; i++)
            *lists[i] = *lists[i] ? *lists[i] : "";
    } else if (form->reader == LLMOBS_APIS_RERANK && in) {
        ((struct llmobs_rerank *)variant)->settings =
            copy(maker, maker->apis->args[in->first] + 1);
    }
}

static enum llmobs_framing framing_of(struct maker *maker,
                                      const struct llmobs_apis_said *said)
{
    const char *name = said ? maker->apis->args[said->first] : "sse";

    if (strcmp(name, "lines") == 0)
        return LLMOBS_FRAMING_LINES;
    if (strcmp(name, "array") == 0)
        return LLMOBS_FRAMING_ARRAY;
    if (strcmp(name, "sse") != 0)
        fail(maker, said->line, "there is no such framing");
    return LLMOBS_FRAMING_SSE;
}

static const struct llmobs_form *make_form(struct maker *maker,
                                           const struct llmobs_apis_form *from)
{
    const struct llmobs_apis_said *confirm = llmobs_apis_say(from, "confirm");
    const struct llmobs_dialect *known =
        from->is ? maker->find(from->is) : NULL;
    unsigned reader = (unsigned)__builtin_ctz(from->reader);
    struct llmobs_form *form;
    void *variant;

    if (from->is) {
        if (!known || !known->form)
            fail(maker, from->line, "there is no API of this name");
        return known ? known->form : NULL;
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
    form->framing = framing_of(maker, llmobs_apis_say(from, "framing"));
    for (size_t i = 0; i < llmobs_apis_word_count; i++) {
        const struct llmobs_apis_word *word = &llmobs_apis_words[i];
        const struct llmobs_apis_said *said = llmobs_apis_say(from, word->name);

        if (said && llmobs_apis_members[i][reader] >= 0)
            set_member(maker,
                       (char *)(word->in_form ? (void *)form : variant) +
                           llmobs_apis_members[i][reader],
                       word, from, said);
    }
    fill_variant(maker, variant, from);
    if (from->keys.line)
        form->keys = llmobs_apis_usual(maker->apis, &from->keys)
                         ? usual_keys(from)
                         : join(maker, &from->keys, false);
    if (llmobs_apis_say(from, "asks"))
        form->confirm = llmobs_interpreter_signed;
    if (confirm)
        form->confirm = strcmp(maker->apis->args[confirm->first], "chat") == 0
                            ? llmobs_chat_asks
                            : llmobs_interpreter_asks;
    if (llmobs_apis_say(from, "model_in_path"))
        form->asked = llmobs_interpreter_path_model;
    return form;
}

/* Reads "sent=kept" or "answered=told+data". */
static void fill_media(struct maker *maker, struct llmobs_dialect *dialect)
{
    static const struct {
        const char *name;
        unsigned bits;
    } kinds[] = {{"kept", LLMOBS_MEDIA_KEPT},
                 {"told", LLMOBS_MEDIA_TOLD},
                 {"data", LLMOBS_MEDIA_DATA},
                 {"images", LLMOBS_MEDIA_IMAGES}};
    const struct llmobs_apis_said *said = &maker->api->media;

    for (unsigned i = 0; i < said->count; i++) {
        const char *at = maker->apis->args[said->first + i];
        unsigned *to = strncmp(at, "sent=", 5) == 0 ? &dialect->sent_media
                                                    : &dialect->answered_media;

        at += strcspn(at, "=");
        while (*at) {
            size_t len = strcspn(++at, "+");

            for (size_t k = 0; k < sizeof(kinds) / sizeof(*kinds); k++)
                if (strlen(kinds[k].name) == len &&
                    strncmp(kinds[k].name, at, len) == 0)
                    *to |= kinds[k].bits;
            at += len;
        }
    }
}

static void fill_dialect(struct maker *maker)
{
    const struct llmobs_apis_api *api = maker->api;
    struct llmobs_dialect *dialect = &maker->made->dialect;
    struct llmobs_shape *shapes =
        alloc(maker, api->path_count * sizeof(*shapes));
    const struct llmobs_form **forms =
        alloc(maker, (api->form_count + 1) * sizeof(*forms));
    unsigned number = 1;

    dialect->name = copy(maker, api->name);
    dialect->integration = copy(
        maker, api->integration.line ? maker->apis->args[api->integration.first]
                                     : api->name);
    if (api->genai.line)
        dialect->genai = copy(maker, maker->apis->args[api->genai.first]);
    dialect->server = api->server.line;
    fill_media(maker, dialect);
    if (!shapes || !forms || api->group.line || api->read.line ||
        api->path_count == 0) {
        if (maker->rc == 0)
            fail(maker, api->line,
                 "an API of one's own has paths, and no group");
        return;
    }
    for (unsigned i = 0; i < api->path_count; i++)
        shapes[i] = api->paths[i].shape;
    for (unsigned i = 0; i < api->form_count && maker->rc == 0; i++)
        if (strcmp(api->forms[i].name, "main") == 0)
            dialect->form = make_form(maker, &api->forms[i]);
        else if (api->forms[i].used)
            forms[number++] = make_form(maker, &api->forms[i]);
    dialect->shapes = shapes;
    dialect->shape_count = (unsigned char)api->path_count;
    dialect->forms = forms;
}

int llmobs_made_new(const struct llmobs_apis *apis, size_t number,
                    const struct llmobs_dialect *(*find)(const char *name),
                    llmobs_apis_fault *fault, void *context,
                    struct llmobs_made **out)
{
    struct maker maker = {.apis = apis,
                          .api = &apis->apis[number],
                          .find = find,
                          .fault = fault,
                          .context = context,
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
    short at = -1;

    for (unsigned i = 0; i < api->form_count; i++)
        if (strcmp(api->forms[i].name, api->paths[path].form) == 0)
            at = (short)i;
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
            llmobs_buf_adds(out, k > 0 ? " " : "");
            llmobs_buf_adds(out, apis->args[line->first + k]);
        }
        llmobs_buf_addc(out, '\n');
    }
    return out->error;
}
