/* Parses API descriptions. */
#include "rules/apis/read.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rules/read/left_out.h"
#include "rules/read/url.h"

#define LLMOBS_APIS_MAKES (LLMOBS_APIS_RENDER | LLMOBS_APIS_POLL)
#define LLMOBS_APIS_PLACES (LLMOBS_APIS_TABLE | LLMOBS_APIS_MAKES)
#define LLMOBS_APIS_TABLED \
    (LLMOBS_APIS_PLACES | LLMOBS_APIS_VOICE | LLMOBS_APIS_EAR)
#define LLMOBS_APIS_KEYED (LLMOBS_APIS_STORE | LLMOBS_APIS_RERANK)
#define LLMOBS_APIS_BOTH (LLMOBS_APIS_TABLE | LLMOBS_APIS_CHAT)
#define LLMOBS_APIS_IN (LLMOBS_APIS_PLACES | LLMOBS_APIS_RERANK)
#define LLMOBS_APIS_HEARS (LLMOBS_APIS_VOICE | LLMOBS_APIS_EAR)
/* `means` is for docs/RULES.md alone: scripts/providers-doc reads it here. */
#define ROW(said, word, reader, ...)                 \
    {                                                \
        .name = word, .type = LLMOBS_APIS_##said,    \
        .readers = LLMOBS_APIS_##reader, __VA_ARGS__ \
    }
#define WORD(said, word, reader, at, means) \
    ROW(said, word, reader, .member = at)
/* The variant has the member in any case, without the word as an empty one. */
#define LIST(said, word, reader, at, means) \
    ROW(said, word, reader, .member = at, .always = true)
#define FORM(said, word, at, means) \
    ROW(said, word, ANY, .member = at, .in_form = true)
#define LINE(id, letter, word, said, reader, of, means) \
    ROW(said, word, reader, .which = letter, .kinds = LLMOBS_APIS_##of),
const struct llmobs_apis_word llmobs_apis_words[] = {
    LLMOBS_LAYOUT_WORDS(LINE)
    /* of the form itself */
    FORM(TEXT, "reads", "",
         "the reader: table (if no line says it), chat, store, search, rerank, "
         "voice, ear; code: hooks alone"),
    FORM(OTHER, "hook", "",
         "a place in the reading, and the function of `rules/apis/hooks/` that "
         "has it; `none`: no function"),
    FORM(TEXT, "confirm", "",
         "`asks`: a request with an input is one of this API; `chat`: one with "
         "messages and a model"),
    FORM(SWITCH, "confirm_always", "confirm_always",
         "also on a listed host the body decides"),
    FORM(SWITCH, "gated", "gated", "behind a gateway the body decides, too"),
    FORM(SWITCH, "model_in_path", "", "the path's star is the model"),
    FORM(WORDS, "place", "place", "the metadata's names for the path's stars"),
    FORM(WORDS, "keys", "",
         "members to look for in a cut request, beside the settings"),
    LIST(WORDS, "settings", TABLED, "settings", ""),
    LIST(WORDS, "settings", CHAT, "metadata", ""),
    WORD(WORDS, "settings", KEYED, "keys", ""),
    FORM(QUOTED, "signs", "signs",
         "names, of which each request has one; `usual`: a reranker's"),
    FORM(SWITCH, "lists", "lists", "an answer may be a list"),
    FORM(TEXT, "framing", "",
         "of streams: lines, array, aws; if no line says it, events"),
    FORM(TEXT, "failed_role", "failed_role",
         "the role of the empty message of a call that failed"),
    FORM(TEXT, "unknown", "unknown", "the model's name where none is known"),
    WORD(QUOTED, "asks", TABLE, "asks",
         "members of each request; `a|b`: one of them, `{a` an object, `[a` a "
         "list, `'a` a text, `a=b` this text, `?\"a\"` words of the answer"),
    WORD(QUOTED, "answers", TABLE, "answers",
         "names, of which the answer has one"),
    WORD(QUOTED, "may_answer", TABLE, "answers",
         "the same, where an answer came"),
    WORD(OTHER, "messages", BOTH, "",
         "the form of messages: `openai`, or what differs from it"),
    WORD(OTHER, "alone", TABLE, "",
         "the request is the only message, of this form"),
    WORD(TEXT, "settings_also", TABLE, "also",
         "a member of the request that has settings, too"),
    WORD(TEXT, "sources", TABLE, "",
         "whose form the sources of an answer have"),
    WORD(SWITCH, "sums", TABLE, "sums",
         "the total is the sum of input and output"),
    WORD(SWITCH, "keep_space", BOTH, "keep_space",
         "a streamed text keeps the white space around it"),
    WORD(SWITCH, "texts", BOTH, "texts", "the answer is a text without a role"),
    WORD(SWITCH, "mute", BOTH, "mute", "an answer may end without a reason"),
    WORD(TEXT, "role_default", TABLE, "role",
         "of an answer that names no role"),
    WORD(SWITCH, "asked_model", CHAT, "asked_model",
         "a stream's model is the request's"),
    LIST(WORDS, "searches", STORE, "asks", "one of these is in each search"),
    WORD(TEXT, "each", STORE, "each", "of the request: a list of searches"),
    WORD(WORDS, "texts_of", STORE, "texts",
         "of the request: their texts are the query"),
    LIST(WORDS, "hits_in", STORE, "lists",
         "of the answer: members above the hits"),
    WORD(TEXT, "hits", STORE, "hits",
         "one of these, which has nothing but hits"),
    WORD(WORDS, "payloads", STORE, "payloads", "of a hit: has its text"),
    LIST(WORDS, "ids", STORE, "ids", "of a hit"),
    WORD(WORDS, "drops", STORE, "drops", "of a hit: no part of its text"),
    LIST(WORDS, "scores", STORE, "scores", "of a hit"),
    LIST(WORDS, "inputs", SEARCH, "inputs",
         "the first of these that the request has is read"),
    LIST(WORDS, "outputs", SEARCH, "outputs",
         "all of these that the answer has are read"),
    WORD(TEXT, "asks_in", RERANK, "asks",
         "member of the request with query and documents"),
    WORD(TEXT, "answers_in", RERANK, "answers",
         "member of the answer with the results"),
    WORD(WORDS, "query", RERANK, "query", "the request has one of these"),
    WORD(WORDS, "documents_of", RERANK, "documents",
         "the request has one of these"),
    WORD(TEXT, "text_key", VOICE, "text", "key of the text to say"),
    WORD(TEXT, "turns", VOICE, "turns", "key of a list of such texts"),
    WORD(TEXT, "url_key", EAR, "url", "key of the sound's address"),
    WORD(TEXT, "file_key", EAR, "file", "key of the form's file"),
    WORD(TEXT, "makes", MAKES, "what", "what is made, where no type says it"),
    WORD(WORDS, "goes_on", MAKES, "goes_on",
         "words at `finish_reason` of a job that is not done"),
    WORD(WORDS, "fails", MAKES, "fails", "words there of a job that failed"),
    WORD(WORDS, "facts", MAKES, "facts",
         "members of the answer that are metadata"),
    WORD(SWITCH, "says", MAKES, "says", "some models answer with words"),
    WORD(TEXT, "model_key", HEARS, "model", "key of the model"),
};

const size_t llmobs_apis_word_count =
    sizeof(llmobs_apis_words) / sizeof(llmobs_apis_words[0]);
_Static_assert(sizeof(llmobs_apis_words) / sizeof(llmobs_apis_words[0]) <=
                   LLMOBS_APIS_WORDS_MAX,
               "room for a column of each in a row of JSON");

/* A file while it is read. */
struct reader {
    struct llmobs_apis *apis;
    struct llmobs_apis_api *api;   /* the last one; NULL: none yet */
    struct llmobs_apis_form *form; /* its last one; NULL: none yet */
    unsigned line;
    bool skips; /* the lines of a form whose own line has a fault */
    int rc;
};

/* Of a line, the first fault counts: others may follow from it. */
void llmobs_apis_fail(struct llmobs_apis *apis, unsigned line,
                      const char *format, ...)
{
    struct llmobs_apis_fault *at = apis->faults;
    unsigned behind = apis->fault_count;
    va_list args;

    for (; behind > 0 && at->line <= line; at++, behind--)
        if (at->line == line)
            return;
    if (apis->fault_count == LLMOBS_APIS_FAULTS)
        behind -= behind > 0;
    else
        apis->fault_count++;
    if (at == apis->faults + LLMOBS_APIS_FAULTS)
        return;
    memmove(at + 1, at, behind * sizeof(*at));
    at->line = line;
    va_start(args, format);
    vsnprintf(at->why, sizeof(at->why), format, args);
    va_end(args);
}

static size_t number_of(const char *word)
{
    size_t i = 0;

    while (i < llmobs_apis_word_count &&
           strcmp(llmobs_apis_words[i].name, word) != 0)
        i++;
    return i;
}

const struct llmobs_apis_said *llmobs_apis_say(
    const struct llmobs_apis_form *form, const char *word)
{
    const struct llmobs_apis_said *said = &form->said[number_of(word)];

    return said->line ? said : NULL;
}

const char *llmobs_apis_hook(const struct llmobs_apis_form *form,
                             const char *where)
{
    /* The last one, as a form stands behind the one that it is like. */
    for (unsigned i = form->hook_count; i > 0; i--)
        if (strcmp(form->hooks[i - 1].where, where) == 0)
            return form->hooks[i - 1].function;
    return NULL;
}

bool llmobs_apis_usual(const struct llmobs_apis *apis,
                       const struct llmobs_apis_said *said)
{
    return said && said->count == 1 &&
           strcmp(apis->args[said->first], "usual") == 0;
}

const char *llmobs_apis_value(const struct llmobs_apis *apis,
                              const struct llmobs_apis_said *said,
                              unsigned from, const char *key)
{
    size_t len = strlen(key);

    for (unsigned i = from; i < said->count; i++) {
        const char *word = apis->args[said->first + i];

        if (strncmp(word, key, len) == 0 && word[len] == '=')
            return word + len + 1;
    }
    return NULL;
}

/* Adds a line to the places of the form. */
static void add_place(struct reader *reader, char which,
                      const char *const *args, unsigned count, char between)
{
    char *places = reader->form->places;
    size_t from = strlen(places), len = from;

    for (unsigned i = 0; i < count; i++) {
        const char *what = strcmp(args[i], "\"\"") == 0 ? "" : args[i];
        const char *why =
            i > 0 && !*what ? "the whole body has no other place"
            : which == LLMOBS_AT_REASONS && !strchr(what, '=')
                ? "a reason has a '=' and the usual word behind it"
            : which == LLMOBS_AT_UNIT &&
                    strcmp(what + (strcspn(what, "mun") == 0), "s") != 0
                ? "a unit of times is s, ms, us or ns"
                : llmobs_layout_fault(which, what);

        if (!why && len + strlen(what) + 2 > LLMOBS_LAYOUT_MAX)
            why = "the places of the form have too many bytes";
        if (why) {
            llmobs_apis_fail(reader->apis, reader->line, "%.40s: %s", args[i],
                             why);
            places[from] = '\0';
            return;
        }
        places[len++] = i > 0 ? between : which;
        strcpy(places + len, what);
        len += strlen(what);
    }
    strcpy(places + len, "\n");
}

/* Adds words to those that were said before: all in one piece, at the end of
 * the file's words. */
static void add_words(struct reader *reader, struct llmobs_apis_said *to,
                      const struct llmobs_apis_said *said)
{
    struct llmobs_apis *apis = reader->apis;
    struct llmobs_apis_said all = {said->line, apis->arg_count,
                                   to->count + said->count};

    if (to->count == 0) {
        *to = *said;
        return;
    }
    if (llmobs_apis_usual(apis, to) || llmobs_apis_usual(apis, said)) {
        llmobs_apis_fail(reader->apis, said->line, "`usual` stands alone");
        return;
    }
    if (apis->arg_count + all.count > LLMOBS_APIS_ARGS) {
        llmobs_apis_fail(reader->apis, reader->line,
                         "the file has too many words");
        return;
    }
    for (unsigned i = 0; i < to->count; i++)
        apis->args[apis->arg_count++] = apis->args[to->first + i];
    for (unsigned i = 0; i < said->count; i++)
        apis->args[apis->arg_count++] = apis->args[said->first + i];
    *to = all;
}

/* Gives the number of a word in a list of such, from 0. */
static unsigned find_word(struct reader *reader, const char *what,
                          const char *list, const char *word)
{
    char known[112] = "";
    unsigned i = 0;

    LLMOBS_WORDS_EACH (at, list) {
        size_t len = strlen(known);

        if (strcmp(at, word) == 0)
            return i;
        snprintf(known + len, sizeof(known) - len, "%s%s", i++ ? ", " : "", at);
    }
    llmobs_apis_fail(reader->apis, reader->line, "there is no %s '%s', only %s",
                     what, word, known);
    return 0;
}

/* In the order of the bits of read.h, and of the numbers in events.h,
 * sources.h and span.h. */
static const char readers[] =
    "table\0chat\0store\0search\0rerank\0voice\0ear\0render\0poll\0code\0";
static const char framings[] = "sse\0lines\0array\0aws\0";
static const char sources[] =
    "none\0openai\0anthropic\0gemini\0converse\0cohere\0mistral\0";
static const char span_kinds[] =
    "llm\0embedding\0workflow\0agent\0task\0tool\0retrieval\0";

static void read_hook(struct reader *reader,
                      const struct llmobs_apis_said *said)
{
    static const char places[] =
        "confirm\0begin\0request\0document\0event\0model\0asked\0finish\0ends\0"
        "fail\0part\0read\0";
    struct llmobs_apis_form *form = reader->form;
    const char *const *args = reader->apis->args + said->first;

    if (said->count != 2) {
        llmobs_apis_fail(reader->apis, reader->line,
                         "a hook has a place and a function");
        return;
    }
    (void)find_word(reader, "place of a hook", places, args[0]);
    if (form->hook_count == LLMOBS_APIS_HOOKS)
        llmobs_apis_fail(reader->apis, reader->line,
                         "the form has too many hooks");
    else
        form->hooks[form->hook_count++] =
            (struct llmobs_apis_hook){args[0], args[1]};
}

const struct llmobs_apis_key llmobs_apis_keys[LLMOBS_APIS_KEYS] = {
    {"tool_name", offsetof(struct llmobs_message_form, tool_name)},
    {"instead", offsetof(struct llmobs_message_form, instead)},
    {"reasoning", offsetof(struct llmobs_message_form, reasoning)},
    {"images", offsetof(struct llmobs_message_form, images)},
};

/* Reads how messages differ from OpenAI's. */
static void read_messages(struct reader *reader,
                          struct llmobs_apis_messages *messages,
                          const struct llmobs_apis_said *said)
{
    struct llmobs_message_form *form = &messages->form;

    *messages = (struct llmobs_apis_messages){.said = true};
    for (unsigned i = 0; i < said->count; i++) {
        const char *arg = reader->apis->args[said->first + i];
        const char *value = strchr(arg, '=');
        size_t len = strcspn(arg, "="), k = 0;

        while (k < LLMOBS_APIS_KEYS &&
               (strncmp(llmobs_apis_keys[k].name, arg, len) != 0 ||
                llmobs_apis_keys[k].name[len]))
            k++;
        if (value && k < LLMOBS_APIS_KEYS)
            *(const char **)((char *)form + llmobs_apis_keys[k].at) = value + 1;
        else if (value && len == 4 && strncmp(arg, "part", len) == 0)
            messages->part = value + 1;
        else if (strcmp(arg, "thinking") == 0)
            form->parts |= LLMOBS_MESSAGE_CONTENT_THINKING;
        else if (strcmp(arg, "documents") == 0)
            form->parts |= LLMOBS_MESSAGE_CONTENT_DOCUMENTS;
        else if (strcmp(arg, "openai") == 0 && said->count == 1)
            messages->openai = true;
        else
            llmobs_apis_fail(reader->apis, said->line, "messages have no '%s'",
                             arg);
    }
}

/* Names a word that begins alike; "": there is none. */
static const char *similar_word(const char *word)
{
    for (size_t i = 0; i < llmobs_apis_word_count; i++)
        if (strncmp(llmobs_apis_words[i].name, word, 3) == 0)
            return llmobs_apis_words[i].name;
    return "";
}

/* True where the line has as many words as its own wants. */
static bool check_word(struct reader *reader,
                       const struct llmobs_apis_word *row,
                       const struct llmobs_apis_said *said)
{
    const struct llmobs_apis_form *form = reader->form;

    /* A line of the form that it is like stands above it. */
    if (row->type >= LLMOBS_APIS_TEXT && strcmp(row->name, "hook") != 0 &&
        form->said[number_of(row->name)].line > form->line) {
        llmobs_apis_fail(reader->apis, reader->line, "%s is there twice",
                         row->name);
        return false;
    }
    if (row->type == LLMOBS_APIS_SWITCH ? said->count == 0
        : row->type == LLMOBS_APIS_TEXT ? said->count == 1
                                        : said->count > 0)
        return true;
    llmobs_apis_fail(
        reader->apis, reader->line,
        row->type == LLMOBS_APIS_SWITCH ? "%s has nothing behind it"
        : row->type == LLMOBS_APIS_TEXT ? "%s has one word behind it"
                                        : "%s says nothing",
        row->name);
    return false;
}

static void read_word(struct reader *reader, const char *word,
                      const struct llmobs_apis_said *said)
{
    size_t i = number_of(word);
    const struct llmobs_apis_word *row = &llmobs_apis_words[i];
    const char *const *args = reader->apis->args + said->first;
    struct llmobs_apis_form *form = reader->form;

    if (i == llmobs_apis_word_count) {
        const char *other = similar_word(word);

        llmobs_apis_fail(
            reader->apis, reader->line, "there is no word '%s'%s%s%s", word,
            *other ? "; is '" : "", other, *other ? "' meant?" : "");
        return;
    }
    if (!check_word(reader, row, said))
        return;
    if (strcmp(word, "settings") == 0 && *args[0] == '/') {
        add_place(reader, LLMOBS_AT_METADATA, args, said->count, '|');
        return;
    }
    if (row->type == LLMOBS_APIS_WORDS || row->type == LLMOBS_APIS_QUOTED) {
        add_words(reader, &form->said[i], said);
        return;
    }
    form->said[i] = *said;
    if (row->type == LLMOBS_APIS_PLACE) {
        /* Of the end of a stream, a word may stand behind the place. */
        bool has_word = row->which == LLMOBS_AT_END && said->count > 2 &&
                        strcmp(args[said->count - 2], "=") == 0;

        add_place(reader, row->which, args,
                  has_word ? said->count - 2 : said->count, '|');
        if (has_word)
            add_place(reader, LLMOBS_AT_LAST, args + said->count - 1, 1, ' ');
    } else if (row->type == LLMOBS_APIS_SAYING)
        add_place(reader, row->which, args, said->count, ' ');
    else if (strcmp(word, "hook") == 0)
        read_hook(reader, said);
    else if (strcmp(word, "reads") == 0)
        form->reader = 1U << find_word(reader, "reader", readers, args[0]);
    else if (strcmp(word, "confirm") == 0)
        (void)find_word(reader, "way to confirm", "asks\0chat\0", args[0]);
    else if (strcmp(word, "messages") == 0)
        read_messages(reader, &form->messages, said);
    else if (strcmp(word, "alone") == 0)
        read_messages(reader, &form->alone, said);
    else if (strcmp(word, "framing") == 0)
        form->framing = find_word(reader, "framing", framings, args[0]);
    else if (strcmp(word, "role_default") == 0 &&
             strlen(args[0]) >= sizeof(((struct llmobs_layout *)0)->role))
        llmobs_apis_fail(reader->apis, reader->line,
                         "a role has at most %zu bytes",
                         sizeof(((struct llmobs_layout *)0)->role) - 1);
    else if (strcmp(word, "sources") == 0)
        form->sources = find_word(reader, "form of sources", sources, args[0]);
}

static struct llmobs_apis_form *find_form(struct llmobs_apis_api *api,
                                          const char *name)
{
    for (unsigned i = 0; i < api->form_count; i++)
        if (strcmp(api->forms[i].name, name) == 0)
            return &api->forms[i];
    return NULL;
}

/* Begins a form, which takes over all lines of the one that it is like. */
static void begin_form(struct reader *reader,
                       const struct llmobs_apis_said *said)
{
    struct llmobs_apis_api *api = reader->api;
    const char *const *args = reader->apis->args + said->first;
    const struct llmobs_apis_form *like = NULL;
    struct llmobs_apis_form *form = &api->forms[api->form_count];
    bool is = said->count == 3 && strcmp(args[1], "is") == 0;
    bool was_broken = api->broken;

    reader->skips = api->broken = true;
    if (said->count != 1 && !is &&
        (said->count != 3 || strcmp(args[1], "like") != 0)) {
        llmobs_apis_fail(
            reader->apis, reader->line,
            "a form has a name, or: NAME like OTHER, or: NAME is FUNCTIONS");
        return;
    }
    if (find_form(api, args[0])) {
        llmobs_apis_fail(reader->apis, reader->line, "form %s is there twice",
                         args[0]);
        return;
    }
    like = said->count == 3 && !is ? find_form(api, args[2]) : NULL;
    if (said->count == 3 && !like && !is) {
        llmobs_apis_fail(reader->apis, reader->line,
                         "there is no form %s before it", args[2]);
        return;
    }
    if (api->form_count == LLMOBS_APIS_FORMS) {
        llmobs_apis_fail(reader->apis, reader->line,
                         "the API has too many forms");
        return;
    }
    reader->skips = false;
    api->broken = was_broken;
    if (like)
        *form = *like;
    form->said = calloc(llmobs_apis_word_count, sizeof(*form->said));
    if (!form->said) {
        reader->rc = -ENOMEM;
        return;
    }
    if (like)
        memcpy(form->said, like->said,
               llmobs_apis_word_count * sizeof(*form->said));
    else
        form->reader = is ? LLMOBS_APIS_CODE : LLMOBS_APIS_TABLE;
    form->is = is ? args[2] : NULL;
    form->name = args[0];
    form->line = reader->line;
    form->used = false;
    form->like = like ? (short)(like - api->forms) : -1;
    api->form_count++;
    reader->form = form;
}

static void begin_api(struct reader *reader,
                      const struct llmobs_apis_said *said)
{
    struct llmobs_apis *apis = reader->apis;
    struct llmobs_apis_api *more =
        realloc(apis->apis, (apis->count + 1) * sizeof(*apis->apis));

    if (!more) {
        reader->rc = -ENOMEM;
        return;
    }
    apis->apis = more;
    reader->api = &more[apis->count++];
    memset(reader->api, 0, sizeof(*reader->api));
    reader->api->name = said->count == 1 ? apis->args[said->first] : "";
    reader->api->line = reader->line;
    reader->form = NULL;
    reader->skips = false;
    if (said->count != 1 || strlen(reader->api->name) > LLMOBS_APIS_NAME)
        llmobs_apis_fail(reader->apis, reader->line,
                         "an api has a name, of at most %d bytes",
                         LLMOBS_APIS_NAME);
    for (size_t i = 0; i + 1 < apis->count; i++)
        if (strcmp(apis->apis[i].name, reader->api->name) == 0)
            llmobs_apis_fail(reader->apis, reader->line,
                             "api %s is there twice", reader->api->name);
}

/* Reads "sent=kept" or "answered=told+data". */
static void read_media(struct reader *reader, const char *arg)
{
    static const struct {
        const char *name;
        unsigned bits;
    } kinds[] = {{"kept", LLMOBS_MEDIA_KEPT},
                 {"told", LLMOBS_MEDIA_TOLD},
                 {"data", LLMOBS_MEDIA_DATA},
                 {"images", LLMOBS_MEDIA_IMAGES}};
    unsigned *to = strncmp(arg, "sent=", 5) == 0 ? &reader->api->sent_media
                   : strncmp(arg, "answered=", 9) == 0
                       ? &reader->api->answered_media
                       : NULL;

    for (const char *at = arg + strcspn(arg, "="); to && *at;) {
        size_t len = strcspn(++at, "+"), k = 0;

        while (k < 4 &&
               (strncmp(kinds[k].name, at, len) != 0 || kinds[k].name[len]))
            k++;
        if (k < 4)
            *to |= kinds[k].bits;
        else
            to = NULL;
        at += len;
    }
    if (!to)
        llmobs_apis_fail(reader->apis, reader->line,
                         "nobody keeps media so: '%s'", arg);
}

/* Reads a line of an API that is no form's. */
static void read_head(struct reader *reader, const char *word,
                      const struct llmobs_apis_said *said)
{
    struct llmobs_apis_api *api = reader->api;
    const char *const *args = reader->apis->args + said->first;
    static const struct {
        const char *word;
        size_t at;
    } texts[] = {
#define HEAD(name) {#name, offsetof(struct llmobs_apis_api, name)}
        HEAD(integration), HEAD(genai), HEAD(provider),
        HEAD(api_name),    HEAD(group), HEAD(read)};

    for (unsigned i = 0; i < said->count && strcmp(word, "media") == 0; i++)
        read_media(reader, args[i]);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        if (strcmp(texts[i].word, word) == 0) {
            if (said->count == 1)
                *(const char **)((char *)api + texts[i].at) = args[0];
            else
                llmobs_apis_fail(reader->apis, reader->line,
                                 "%s has one word behind it", word);
            return;
        }
    if (strcmp(word, "media") != 0)
        llmobs_apis_fail(reader->apis, reader->line, "an api has no line '%s'",
                         word);
}

static void copy_text(struct reader *reader, char *to, size_t room,
                      const char *what, const char *from)
{
    if (strlen(from) >= room)
        llmobs_apis_fail(reader->apis, reader->line,
                         "the %s has more than %zu bytes", what, room - 1);
    else
        strcpy(to, from);
}

const struct llmobs_apis_option llmobs_apis_options[LLMOBS_APIS_OPTIONS] = {
#define FLAG(name)                                    \
    {                                                 \
#name, offsetof(struct llmobs_shape, name), 0 \
    }
#define TEXT(name)                                   \
    {                                                \
#name, offsetof(struct llmobs_shape, name),  \
            sizeof(((struct llmobs_shape *)0)->name) \
    }
    FLAG(any_host), FLAG(telling),     FLAG(shared),    FLAG(by_body),
    FLAG(whole),    FLAG(bodyless),    FLAG(form_data), FLAG(media),
    FLAG(streams),  FLAG(goes_on),     FLAG(resumes),   TEXT(method),
    TEXT(genai),    TEXT(not_path),    TEXT(holds),     TEXT(host),
    TEXT(helper),   TEXT(helper_name),
};

static bool read_option(struct reader *reader, struct llmobs_shape *shape,
                        const char *option)
{
    const char *value = strchr(option, '=');
    size_t len = value ? (size_t)(value - option) : strlen(option);

    for (size_t i = 0; i < LLMOBS_APIS_OPTIONS; i++) {
        char *member = (char *)shape + llmobs_apis_options[i].at;

        if (strncmp(llmobs_apis_options[i].name, option, len) != 0 ||
            llmobs_apis_options[i].name[len] ||
            !value != !llmobs_apis_options[i].room)
            continue;
        if (value)
            copy_text(reader, member, llmobs_apis_options[i].room,
                      llmobs_apis_options[i].name, value + 1);
        else
            *(bool *)member = true;
        return true;
    }
    return false;
}

static void check_host(struct reader *reader, const char *host)
{
    if (strpbrk(host, "/@[](){}|^$+?\\") ||
        strlen(host) > LLMOBS_URL_HOST_MAX ||
        (strchr(host, ':') && strchr(host, ':') == strrchr(host, ':')))
        llmobs_apis_fail(
            reader->apis, reader->line,
            "a host has no scheme, port, path or brackets, at most "
            "%d bytes, and no pattern but '*'",
            LLMOBS_URL_HOST_MAX);
}

static void read_path(struct reader *reader,
                      const struct llmobs_apis_said *said)
{
    struct llmobs_apis_path *path =
        &reader->api->paths[reader->api->path_count];
    const char *const *args = reader->apis->args + said->first;
    struct llmobs_shape *shape = &path->shape;
    const char *stars = said->count > 0 ? strstr(args[0], "**") : NULL;
    static const char methods[] = "POST\0PUT\0PATCH\0GET\0HEAD\0DELETE\0";

    if (said->count < 4) {
        llmobs_apis_fail(reader->apis, reader->line,
                         "a path has: the path, a kind, an operation, a name");
        return;
    }
    reader->api->path_count++;
    path->line = reader->line;
    path->form = "main";
    copy_text(reader, shape->method, sizeof(shape->method), "method", "POST");
    copy_text(reader, shape->path, sizeof(shape->path), "path", args[0]);
    copy_text(reader, shape->operation, sizeof(shape->operation), "operation",
              args[2]);
    copy_text(reader, shape->span_name, sizeof(shape->span_name), "name",
              args[3]);
    if (args[0][0] != '/' || strchr(args[0], '?') ||
        (args[0][1] && args[0][strlen(args[0]) - 1] == '/'))
        llmobs_apis_fail(
            reader->apis, reader->line,
            "the path begins with '/', ends with none, and has no '?'");
    if (stars && (strchr(args[0], '*') != stars || strchr(stars + 2, '*')))
        llmobs_apis_fail(reader->apis, reader->line,
                         "'**' stands once, and without another star");
    shape->kind =
        (enum llmobs_kind)find_word(reader, "kind", span_kinds, args[1]);
    for (unsigned i = 4; i < said->count; i++)
        if (strncmp(args[i], "form=", 5) == 0)
            path->form = args[i] + 5;
        else if (strncmp(args[i], "signs=", 6) == 0)
            path->signs = args[i] + 6;
        else if (strncmp(args[i], "queries=", 8) == 0) {
            /* Reads "a,b" as words of the shape's `queries`. */
            copy_text(reader, shape->queries, sizeof(shape->queries) - 1,
                      "queries", args[i] + 8);
            for (char *at = shape->queries; *at; at++)
                if (*at == ',')
                    *at = '\0';
        } else if (!read_option(reader, shape, args[i]))
            llmobs_apis_fail(reader->apis, reader->line, "a path has no '%s'",
                             args[i]);
    (void)find_word(reader, "method", methods, shape->method);
    check_host(reader, shape->host);
}

/* Adds the line to a list of lines of hosts. */
static void add_line(struct reader *reader, struct llmobs_apis_said *list,
                     unsigned *count, unsigned max,
                     const struct llmobs_apis_said *said, unsigned least,
                     const char *words)
{
    if (said->count < least)
        llmobs_apis_fail(reader->apis, reader->line, "it has: %s", words);
    else if (*count == max)
        llmobs_apis_fail(reader->apis, reader->line,
                         "the file has more than %u such lines", max);
    else
        list[(*count)++] = *said;
}

static void read_line(struct reader *reader, const char *word,
                      const struct llmobs_apis_said *said)
{
    struct llmobs_apis *apis = reader->apis;

    if (strcmp(word, "host") == 0) {
        add_line(reader, apis->hosts, &apis->host_count, LLMOBS_APIS_HOSTS,
                 said, 3, "the host, its provider, APIs that it speaks");
        check_host(reader, said->count > 0 ? apis->args[said->first] : "");
    } else if (strcmp(word, "speaks") == 0)
        add_line(reader, apis->speaks, &apis->speaks_count, LLMOBS_APIS_SPEAKS,
                 said, 2, "a name, APIs");
    else if (strcmp(word, "order") == 0)
        apis->order = *said;
    else if (strcmp(word, "observed") == 0)
        apis->observed = *said;
    else if (strcmp(word, "api") == 0)
        begin_api(reader, said);
    else if (!reader->api)
        llmobs_apis_fail(reader->apis, reader->line,
                         "a line before the first api");
    else if (strcmp(word, "path") == 0 &&
             reader->api->path_count == LLMOBS_APIS_PATHS)
        llmobs_apis_fail(reader->apis, reader->line,
                         "the API has too many paths");
    else if (strcmp(word, "path") == 0)
        read_path(reader, said);
    else if (strcmp(word, "form") == 0)
        begin_form(reader, said);
    else if (reader->form && !reader->skips)
        read_word(reader, word, said);
    else if (!reader->skips)
        read_head(reader, word, said);
}

/* Splits the line at *at, and those that go on with it, into words; gives how
 * many lines these were. */
static unsigned split(struct reader *reader, char **at, bool *full)
{
    struct llmobs_apis *apis = reader->apis;
    unsigned lines = 0;

    do {
        char *end = *at + strcspn(*at, "\n");
        bool last = *end == '\0';

        *end = '\0';
        for (char *word = *at, *behind; *word && *word != '#'; word = behind) {
            word += strspn(word, " \t\r");
            behind = word + strcspn(word, " \t\r");
            if (behind == word || *word == '#')
                break;
            if (*behind)
                *behind++ = '\0';
            for (char *blank = word; (blank = strstr(blank, "%20")); blank++) {
                *blank = ' ';
                memmove(blank + 1, blank + 3, strlen(blank + 3) + 1);
            }
            *full = apis->arg_count == LLMOBS_APIS_ARGS;
            if (!*full)
                apis->args[apis->arg_count++] = word;
        }
        *at = last ? end : end + 1;
        lines++;
    } while (**at == ' ' || **at == '\t');
    return lines;
}

/* Finds the form of each path, and numbers the forms: "main" is 0. */
static void find_forms(struct reader *reader, struct llmobs_apis_api *api)
{
    unsigned char number = 0;

    for (unsigned i = 0; i < api->path_count && !api->read; i++) {
        struct llmobs_apis_path *path = &api->paths[i];

        path->reads = find_form(api, path->form);
        if (path->reads)
            path->reads->used = true;
        else if (!api->broken)
            llmobs_apis_fail(reader->apis, path->line, "there is no form %s",
                             path->form);
    }
    for (unsigned k = 0; k < api->form_count; k++)
        if (api->forms[k].used && strcmp(api->forms[k].name, "main") != 0)
            api->forms[k].number = ++number;
    for (unsigned i = 0; i < api->path_count; i++)
        if (api->paths[i].reads)
            api->paths[i].shape.form = api->paths[i].reads->number;
}

static void fill_keys(struct reader *reader, struct llmobs_apis_form *form)
{
    const struct llmobs_apis_said *keys = llmobs_apis_say(form, "keys"),
                                  *settings = llmobs_apis_say(form, "settings");

    if (form->reader == LLMOBS_APIS_POLL)
        return;
    if (keys)
        form->keys = *keys;
    if (settings && !llmobs_apis_say(form, "settings_in"))
        add_words(reader, &form->keys, settings);
}

/* Says by no words the lists that the form does not say. */
static void fill_lists(struct llmobs_apis_form *form)
{
    for (size_t i = 0; i < llmobs_apis_word_count; i++) {
        const struct llmobs_apis_word *word = &llmobs_apis_words[i];

        if (word->always && word->readers & form->reader &&
            !llmobs_apis_say(form, word->name))
            form->said[number_of(word->name)] =
                (struct llmobs_apis_said){form->line, 0, 0};
    }
    if (form->reader == LLMOBS_APIS_CHAT && !form->messages.said)
        form->messages.said = form->messages.openai = true;
}

/* A word that the form's reader does not know would say nothing. */
static void check_words(struct reader *reader,
                        const struct llmobs_apis_api *api)
{
    for (unsigned k = 0; k < api->form_count; k++) {
        const struct llmobs_apis_form *form = &api->forms[k];

        for (size_t i = 0; i < llmobs_apis_word_count; i++)
            if (form->used && form->said[i].line &&
                form->reader != LLMOBS_APIS_CODE &&
                !(llmobs_apis_words[i].readers & form->reader))
                llmobs_apis_fail(reader->apis, form->said[i].line,
                                 "the reader of form %s has no word '%s'",
                                 form->name, llmobs_apis_words[i].name);
    }
}

/* A path that counts on every host takes strangers' calls, unless something
 * shows that they are of this API. Of a method whose requests have no body no
 * call would be seen; only stores are asked so, with a body. */
static void check_paths(struct llmobs_apis *apis,
                        const struct llmobs_apis_api *api)
{
    for (unsigned i = 0; i < api->path_count; i++) {
        const struct llmobs_apis_path *path = &api->paths[i];
        const struct llmobs_apis_form *form = path->reads;

        if (form && !path->shape.bodyless && *path->shape.method != 'P' &&
            form->reader != LLMOBS_APIS_STORE)
            llmobs_apis_fail(apis, path->line,
                             "a request of %s has no body: the path needs "
                             "`bodyless`",
                             path->shape.method);
        if (form && path->shape.any_host && !path->shape.telling &&
            !path->signs && !form->is && !llmobs_apis_hook(form, "confirm") &&
            !llmobs_apis_say(form, "asks") &&
            !llmobs_apis_say(form, "confirm") &&
            !(form->reader & (LLMOBS_APIS_STORE | LLMOBS_APIS_RERANK)))
            llmobs_apis_fail(
                apis, path->line,
                "it counts on any host, but nothing shows that a request is of "
                "this API: the form has no `asks`");
    }
}

static void add_to_lines(struct reader *reader, unsigned first, unsigned count)
{
    struct llmobs_apis *apis = reader->apis;

    if (apis->line_count == LLMOBS_APIS_LINES)
        llmobs_apis_fail(reader->apis, reader->line,
                         "the file has too many lines");
    else
        apis->lines[apis->line_count++] = (struct llmobs_apis_line){
            first, count, (short)(reader->api ? (int)apis->count - 1 : -1),
            (short)(reader->form ? (int)(reader->form - reader->api->forms)
                                 : -1)};
}

static unsigned line_of_nul(const char *text)
{
    unsigned line = 1;

    for (; *text; text++)
        line += *text == '\n';
    return line;
}

int llmobs_apis_read(struct llmobs_text text, struct llmobs_apis *apis)
{
    struct reader reader = {.apis = apis};
    unsigned line = 1;
    bool full = false;
    char *at;

    memset(apis, 0, sizeof(*apis));
    apis->text = malloc(text.len + 1);
    if (!apis->text)
        return -ENOMEM;
    memcpy(apis->text, text.data, text.len);
    apis->text[text.len] = '\0';
    for (at = apis->text; *at && reader.rc == 0 && !full;) {
        unsigned first = apis->arg_count;

        reader.line = line;
        line += split(&reader, &at, &full);
        if (apis->arg_count > first && !full) {
            unsigned count = apis->arg_count - first;

            read_line(
                &reader, apis->args[first],
                &(struct llmobs_apis_said){reader.line, first + 1, count - 1});
            add_to_lines(&reader, first, count);
        }
    }
    if (full)
        llmobs_apis_fail(apis, reader.line, "the file has too many words");
    else if (reader.rc == 0 && at < apis->text + text.len)
        llmobs_apis_fail(apis, line_of_nul(text.data), "a byte is NUL");
    for (size_t i = 0; i < apis->count; i++) {
        for (unsigned k = 0; k < apis->apis[i].form_count; k++) {
            fill_keys(&reader, &apis->apis[i].forms[k]);
            fill_lists(&apis->apis[i].forms[k]);
        }
        find_forms(&reader, &apis->apis[i]);
        check_words(&reader, &apis->apis[i]);
        check_paths(apis, &apis->apis[i]);
    }
    return reader.rc < 0 ? reader.rc : apis->fault_count > 0 ? -EINVAL : 0;
}

void llmobs_apis_free(struct llmobs_apis *apis)
{
    for (size_t i = 0; i < apis->count; i++)
        for (unsigned k = 0; k < apis->apis[i].form_count; k++)
            free(apis->apis[i].forms[k].said);
    free(apis->apis);
    free(apis->text);
    memset(apis, 0, sizeof(*apis));
}
