/* Writes the APIs of rules/apis as C, and the hosts: the build runs it on the
 * machine that builds, and compiles what it writes.
 *
 * usage: apis-table FILE... [--without FILE...]
 *
 * The APIs of files behind --without are not written, and no host speaks them;
 * a host that speaks nothing else is left out. Faults go to stderr, as
 * FILE:LINE: WHY; the status is 1 then. */
#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "rules/apis/read.h"
#include "rules/read/dialect.h"

static struct llmobs_apis apis;

/* -- the parts of a form -------------------------------------------------- */

/* The functions of each reader, by their places in the form; "fini" stands for
 * the state. */
static const struct {
    /* In the order of the readers' bits. */
    const char *place, *functions[LLMOBS_APIS_READERS];
} functions[] = {
    {"confirm", {NULL, NULL, "store_asks", NULL, "rerank_asks", NULL, NULL}},
    {"begin",
     {"interpreter_begin", NULL, NULL, "search_begin", NULL,
      "speech_begin_voice", "speech_begin_ear", "render_begin",
      "render_begin_poll"}},
    {"request",
     {"interpreter_request", "chat_request", "store_request", "search_request",
      "rerank_request", "speech_say", "speech_settings", "interpreter_request",
      NULL}},
    {"document",
     {"interpreter_document", "chat_document", "store_document",
      "search_document", "rerank_document", "speech_sound", "speech_heard",
      "render_document", "render_poll"}},
    {"event",
     {"interpreter_event", "chat_event", NULL, NULL, NULL, "speech_piece",
      NULL}},
    {"model", {"interpreter_model"}},
    {"asked", {NULL}},
    {"finish",
     {"interpreter_finish", "chat_finish", NULL, NULL, NULL, "speech_finish"}},
    {"ends",
     {"interpreter_ends", "openai_ends", "reading_ends", "reading_ends",
      "rerank_ends", "speech_cut", "reading_ends", "reading_ends",
      "reading_ends"}},
};

static const struct {
    const char *variant, *state;
} readers[LLMOBS_APIS_READERS] = {
    {"llmobs_layout", "LLMOBS_INTERPRETER_STATE"},
    {"llmobs_chat_variant",
     "LLMOBS_STATE(struct llmobs_stream, llmobs_stream_fini)"},
    {"llmobs_store", NULL},
    {"llmobs_search", NULL},
    {"llmobs_rerank", NULL},
    {"llmobs_speech_voice", ".state_size = sizeof(struct llmobs_speech_state)"},
    {"llmobs_speech_ear", NULL},
    {"llmobs_render", "LLMOBS_INTERPRETER_STATE"},
    {"llmobs_render", "LLMOBS_INTERPRETER_STATE"},
    {NULL, NULL},
};

static unsigned number_of(unsigned reader)
{
    unsigned n = 0;

    while (reader >>= 1)
        n++;
    return n;
}

static void print_escaped(const char *text)
{
    for (; *text; text++)
        printf(*text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
}

static void print_member(const char *name, const char *text)
{
    if (text && *text) {
        printf(" .%s = \"", name);
        print_escaped(text);
        printf("\",");
    }
}

/* Prints words as one text, each with a NUL behind it; `quoted`: each as it
 * stands in JSON, but one that begins with ' as it is. */
static void print_words(const struct llmobs_apis_said *said, bool quoted)
{
    for (unsigned i = 0; i < said->count; i++) {
        const char *word = apis.args[said->first + i];
        bool bare = quoted && *word == '\'';

        printf(quoted && !bare ? "\"\\\"" : "\"");
        print_escaped(word + bare);
        printf(quoted && !bare ? "\\\"\\0\"" : "\\0\"");
    }
    if (said->count == 0)
        printf("\"\"");
}

static void print_upper(const char *prefix, const char *word)
{
    printf("%s", prefix);
    for (; *word; word++)
        putchar(toupper((unsigned char)*word));
}

/* Prints the struct of a form of messages, before the variant that has it. */
static void print_messages(const char *name, const char *word,
                           const struct llmobs_apis_messages *from)
{
    if (!from->said || from->openai)
        return;
    printf("static const struct llmobs_message_form %s_%s = {\n    "
           ".parts = %u,",
           name, word, from->form.parts);
    for (size_t i = 0; i < LLMOBS_APIS_KEYS; i++)
        print_member(llmobs_apis_keys[i].name,
                     *(const char *const *)((const char *)&from->form +
                                            llmobs_apis_keys[i].at));
    if (from->part)
        printf(" .add = llmobs_%s,", from->part);
    printf("};\n");
}

static void print_messages_of(const char *name, const char *word,
                              const struct llmobs_apis_messages *from)
{
    if (from->openai)
        printf("    .%s = &llmobs_message_openai,\n", word);
    else if (from->said)
        printf("    .%s = &%s_%s,\n", word, name, word);
}

/* Prints a place of the form as a line of the text of all. */
static void print_places(const char *in, const char *places)
{
    printf("    .%splaces = \"", in);
    for (; *places; places++)
        if (*places == '\n')
            printf("\\n%s", places[1] ? "\"\n        \"" : "");
        else
            printf(*places == '"' || *places == '\\' ? "\\%c" : "%c", *places);
    printf("\",\n");
}

/* True where the form has nothing that differs from its reader's own. */
static bool is_plain(const struct llmobs_apis_form *form)
{
    unsigned own = 0;

    for (size_t i = 0; i < llmobs_apis_word_count; i++)
        own += form->said[i].count > 0 && !llmobs_apis_words[i].in_form &&
               (llmobs_apis_words[i].readers & form->reader);
    return (form->reader == LLMOBS_APIS_RERANK && own == 0 &&
            !llmobs_apis_say(form, "settings")) ||
           (form->reader == LLMOBS_APIS_CHAT && own == 0 &&
            llmobs_apis_usual(&apis, llmobs_apis_say(form, "settings")));
}

/* True where the settings are all of the form's keys, which the interpreter
 * reads then: a second pointer to them would be relocated in each process. */
static bool settings_are_keys(const struct llmobs_apis_form *form)
{
    return (form->reader & (LLMOBS_APIS_TABLE | LLMOBS_APIS_RENDER)) &&
           !llmobs_apis_say(form, "keys") &&
           !llmobs_apis_say(form, "settings_in");
}

static void print_variant(const char *name, const struct llmobs_apis_form *form)
{
    unsigned r = form->reader;
    bool renders = r & (LLMOBS_APIS_RENDER | LLMOBS_APIS_POLL);
    const char *in = renders ? "layout." : "";
    const char *fails = llmobs_apis_hook(form, "fail"),
               *reads = llmobs_apis_hook(form, "read");
    const struct llmobs_apis_said *settings =
        llmobs_apis_say(form, "settings_in");

    print_messages(name, "messages", &form->messages);
    print_messages(name, "alone", &form->alone);
    printf("static const struct %s %s_variant = {\n",
           readers[number_of(r)].variant, name);
    if ((r == LLMOBS_APIS_TABLE || renders) && *form->places)
        print_places(in, form->places);
    print_messages_of(name, "messages", &form->messages);
    print_messages_of(name, "alone", &form->alone);
    if (r == LLMOBS_APIS_RERANK && settings)
        print_member("settings", apis.args[settings->first] + 1);
    if (r == LLMOBS_APIS_EAR)
        printf("    .read = llmobs_%s,\n", reads ? reads : "speech_plain");
    if (fails)
        printf("    .fail = llmobs_%s,\n", fails);
    if (llmobs_apis_say(form, "may_answer"))
        printf("    .may = true,\n");
    if (form->sources)
        printf("    .sources = %u,\n", form->sources);
    for (size_t i = 0; i < llmobs_apis_word_count; i++) {
        const struct llmobs_apis_word *word = &llmobs_apis_words[i];

        const struct llmobs_apis_said *said = llmobs_apis_say(form, word->name);

        if (!*word->member || word->in_form || !said || !(word->readers & r))
            continue;
        if (word->always && settings_are_keys(form))
            continue;
        printf("    .%s%s = ", strcmp(word->name, "settings") == 0 ? in : "",
               word->member);
        if (word->type == LLMOBS_APIS_SWITCH)
            printf("true");
        else if (word->type == LLMOBS_APIS_TEXT)
            printf("\"%s\"", apis.args[said->first]);
        else if (llmobs_apis_usual(&apis, said))
            printf(r == LLMOBS_APIS_RERANK ? "llmobs_rerank_keys"
                                           : "llmobs_chat_openai_keys");
        else
            print_words(said, word->type == LLMOBS_APIS_QUOTED &&
                                  strcmp(word->name, "asks") != 0);
        printf(",\n");
    }
    printf("};\n");
}

static void print_keys(const struct llmobs_apis_form *form)
{
    bool wants = form->reader & (LLMOBS_APIS_SEARCH | LLMOBS_APIS_STORE);

    if (!form->keys.line && !wants)
        return;
    printf("    .keys = ");
    if (llmobs_apis_usual(&apis, &form->keys))
        printf("%s", form->reader == LLMOBS_APIS_RERANK
                         ? "llmobs_rerank_keys"
                         : "llmobs_chat_openai_keys");
    else
        print_words(&form->keys, false);
    printf(",\n");
}

static void print_functions(const struct llmobs_apis_form *form)
{
    const struct llmobs_apis_said *confirm = llmobs_apis_say(form, "confirm");

    for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
        const char *function =
                       form->reader == LLMOBS_APIS_CODE
                           ? NULL
                           : functions[i].functions[number_of(form->reader)],
                   *hook = llmobs_apis_hook(form, functions[i].place);

        if (i == 0 && llmobs_apis_say(form, "asks"))
            function = "interpreter_signed";
        if (i == 0 && confirm)
            function = strcmp(apis.args[confirm->first], "chat") == 0
                           ? "chat_asks"
                           : "interpreter_asks";
        if (strcmp(functions[i].place, "asked") == 0 &&
            llmobs_apis_say(form, "model_in_path"))
            function = "interpreter_path_model";
        if (hook)
            function = strcmp(hook, "none") == 0 ? NULL : hook;
        if (function)
            printf("    .%s = llmobs_%s,\n", functions[i].place, function);
    }
}

static void print_form(const struct llmobs_apis_api *api,
                       const struct llmobs_apis_form *form)
{
    bool code = form->reader == LLMOBS_APIS_CODE, plain = is_plain(form);
    char name[128];

    snprintf(name, sizeof(name), "%s_%s", api->name, form->name);
    if (!code && !plain)
        print_variant(name, form);
    printf("static const struct llmobs_form %s_form = {\n", name);
    print_functions(form);
    if (!code && readers[number_of(form->reader)].state)
        printf("    %s,\n", readers[number_of(form->reader)].state);
    print_keys(form);
    for (size_t i = 0; i < llmobs_apis_word_count; i++) {
        const struct llmobs_apis_word *word = &llmobs_apis_words[i];

        if (!*word->member || !word->in_form || !form->said[i].line)
            continue;
        printf("    .%s = ", word->member);
        if (word->type == LLMOBS_APIS_SWITCH)
            printf("true");
        else if (word->type == LLMOBS_APIS_TEXT)
            printf("\"%s\"", apis.args[form->said[i].first]);
        else if (llmobs_apis_usual(&apis, &form->said[i]))
            printf("llmobs_rerank_signs");
        else
            print_words(&form->said[i], word->type == LLMOBS_APIS_QUOTED);
        printf(",\n");
    }
    printf("    .framing = %u,\n", form->framing);
    if (form->reader & (LLMOBS_APIS_VOICE | LLMOBS_APIS_EAR) &&
        !llmobs_apis_say(form, "unknown"))
        printf("    .unknown = \"unknown_model\",\n");
    if (plain && form->reader == LLMOBS_APIS_CHAT)
        printf("    .variant = &llmobs_chat_openai,\n");
    else if (!code && !plain)
        printf("    .variant = &%s_variant,\n", name);
    printf("};\n");
}

/* -- paths and APIs ------------------------------------------------------- */

static void print_path(const struct llmobs_apis_path *path)
{
    const struct llmobs_shape *shape = &path->shape;

    printf("    {.kind = %d,", (int)shape->kind);
    print_member("path", shape->path);
    print_member("operation", shape->operation);
    print_member("span_name", shape->span_name);
    for (size_t i = 0; i < LLMOBS_APIS_OPTIONS; i++) {
        const struct llmobs_apis_option *option = &llmobs_apis_options[i];
        const char *member = (const char *)shape + option->at;

        if (option->room > 0)
            print_member(option->name, member);
        else if (*(const bool *)member)
            printf(" .%s = true,", option->name);
    }
    if (*shape->queries) {
        printf(" .queries = \"");
        LLMOBS_WORDS_EACH (query, shape->queries)
            printf("%s\\0\" \"", query);
        printf("\",");
    }
    if (path->signs)
        printf(" .signs = llmobs_signs_%s,", path->signs);
    if (shape->form)
        printf(" .form = %u,", shape->form);
    printf("},\n");
}

/* Prints the form's name: of C's, or of one that stands above. */
static void print_name(const struct llmobs_apis_api *api,
                       const struct llmobs_apis_form *form)
{
    if (form->is)
        printf("&llmobs_form_%s", form->is);
    else
        printf("&%s_%s_form", api->name, form->name);
}

static void print_api(const struct llmobs_apis_api *api)
{
    const struct llmobs_apis_form *first = NULL;
    bool others = false;

    for (unsigned i = 0; i < api->form_count; i++) {
        const struct llmobs_apis_form *form = &api->forms[i];

        if (!form->used)
            continue;
        if (strcmp(form->name, "main") == 0)
            first = form;
        else
            others = true;
        if (form->is)
            printf("extern const struct llmobs_form llmobs_form_%s;\n",
                   form->is);
        else
            print_form(api, form);
    }
    for (unsigned i = 0; i < api->path_count; i++) {
        if (api->paths[i].signs)
            printf("extern const struct llmobs_sign llmobs_signs_%s[];\n",
                   api->paths[i].signs);
    }
    printf("static const struct llmobs_shape %s_shapes[] = {\n", api->name);
    for (unsigned i = 0; i < api->path_count; i++)
        print_path(&api->paths[i]);
    printf("};\n");
    if (others) {
        printf("static const struct llmobs_form *const %s_forms[] = {\n    "
               "NULL,\n",
               api->name);
        for (unsigned i = 0; i < api->form_count; i++)
            if (api->forms[i].used && &api->forms[i] != first) {
                print_name(api, &api->forms[i]);
                printf(",\n");
            }
        printf("};\n");
    }
    printf("LLMOBS_DIALECT(%s, .integration = \"%s\",\n    "
           "LLMOBS_SHAPES(%s_shapes),\n",
           api->name, api->integration ? api->integration : api->name,
           api->name);
    print_member("genai", api->genai);
    print_member("provider", api->provider);
    print_member("api", api->api_name);
    if (api->group)
        print_upper("    .group = LLMOBS_GROUP_", api->group);
    printf("%s .sent_media = %u, .answered_media = %u,\n",
           api->group ? "," : "   ", api->sent_media, api->answered_media);
    if (others)
        printf("    .forms = %s_forms,\n", api->name);
    if (api->read)
        printf("    .read = llmobs_%s,\n", api->read);
    printf("    .form = ");
    if (first)
        print_name(api, first);
    else
        printf("NULL");
    printf(");\n\n");
}

/* -- hosts ---------------------------------------------------------------- */

static bool has_word(const struct llmobs_apis_said *said, const char *word)
{
    for (unsigned i = 0; i < said->count; i++)
        if (strcmp(apis.args[said->first + i], word) == 0)
            return true;
    return false;
}

/* The names of the APIs behind --without. */
static char *left_out[LLMOBS_APIS_LINES];
static size_t left_out_count;

static bool is_left_out(const char *name)
{
    for (size_t i = 0; i < left_out_count; i++)
        if (strcmp(left_out[i], name) == 0)
            return true;
    return false;
}

static void print_dialects(const char *name,
                           const struct llmobs_apis_said *said)
{
    const char *const *names = apis.args + said->first;

    for (unsigned i = 0; i < said->count; i++)
        if (!is_left_out(names[i]))
            printf("extern const struct llmobs_dialect llmobs_dialect_%s;\n",
                   names[i]);
    printf("const struct llmobs_dialect *const llmobs_%s[] = {\n", name);
    for (unsigned i = 0; i < said->count; i++)
        if (!is_left_out(names[i]))
            printf("    &llmobs_dialect_%s,\n", names[i]);
    printf("    NULL};\n\n");
}

/* Prints the dialects that a line `speaks` names; "=NAME" names those of
 * another line. */
static void print_speech(unsigned number)
{
    const struct llmobs_apis_said *said = &apis.speaks[number];

    for (unsigned i = 1; i < said->count; i++) {
        const char *word = apis.args[said->first + i];
        unsigned other = 0;

        while (*word == '=' && other < number &&
               strcmp(apis.args[apis.speaks[other].first], word + 1) != 0)
            other++;
        if (is_left_out(word))
            continue;
        if (*word != '=' && has_word(&apis.order, word))
            printf("        &llmobs_dialect_%s,\n", word);
        else if (*word == '=' && other < number)
            print_speech(other);
        else
            llmobs_apis_fail(&apis, said->line, "there is no API %s", word);
    }
}

static bool speaks_none(unsigned number)
{
    const struct llmobs_apis_said *said = &apis.speaks[number];

    for (unsigned i = 1; i < said->count; i++)
        if (!is_left_out(apis.args[said->first + i]))
            return false;
    return true;
}

#define print_text(said, member, text)                                 \
    (strlen((text) ? (text) : "") <                                    \
             sizeof(((struct llmobs_provider *)0)->member)             \
         ? print_member(#member, text)                                 \
         : llmobs_apis_fail(&apis, (said)->line, "the %s is too long", \
                            #member))

static void print_hosts(void)
{
    unsigned count = 0;

    print_dialects("dialects", &apis.order);
    print_dialects("observed", &apis.observed);
    printf("const struct llmobs_dialect *const *const llmobs_speaks[] = {\n");
    for (unsigned i = 0; i < apis.speaks_count; i++) {
        printf("    (const struct llmobs_dialect *const[]){\n");
        print_speech(i);
        printf("        NULL},\n");
    }
    printf("};\n\nconst char llmobs_speaks_names[] = \"");
    for (unsigned i = 0; i < apis.speaks_count; i++)
        printf("%s\\0\" \"", apis.args[apis.speaks[i].first]);
    printf("\";\n\nconst struct llmobs_provider llmobs_providers[] = {\n");
    for (unsigned i = 0; i < apis.host_count; i++) {
        const struct llmobs_apis_said *said = &apis.hosts[i];
        const char *const *args = apis.args + said->first;
        const char *genai = llmobs_apis_value(&apis, said, 3, "genai"),
                   *span = llmobs_apis_value(&apis, said, 3, "span");
        size_t len = strlen(args[0]);
        unsigned speech = 0;

        while (speech < apis.speaks_count &&
               strcmp(apis.args[apis.speaks[speech].first], args[2]) != 0)
            speech++;
        if (speech == apis.speaks_count)
            llmobs_apis_fail(&apis, said->line, "nothing speaks %s", args[2]);
        else if (speaks_none(speech))
            continue;
        count++;
        if (strchr(args[0] + (len < 8 ? 0 : len - 8), '*'))
            llmobs_apis_fail(&apis, said->line,
                             "a star stands among the last eight bytes");
        if (said->count != 3 + (genai != NULL) + (span != NULL))
            llmobs_apis_fail(&apis, said->line,
                             "behind the API stand genai=NAME or span=NAME");
        printf("    {.host_len = %zu, .dialects = %u,", len, speech);
        print_text(said, host, args[0]);
        print_text(said, name, args[1]);
        print_text(said, genai, genai);
        print_text(said, span_name, span);
        printf("},\n");
    }
    printf("};\nconst size_t llmobs_provider_count = %u;\n", count);
}

/* -- for rules/apis/make.c ------------------------------------------------- */

static void print_readers(void)
{
    printf("const struct llmobs_form llmobs_apis_plain[LLMOBS_APIS_READERS] = "
           "{\n");
    for (size_t r = 0; r < LLMOBS_APIS_READERS; r++) {
        printf("    {\n");
        for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++)
            if (functions[i].functions[r])
                printf("        .%s = llmobs_%s,\n", functions[i].place,
                       functions[i].functions[r]);
        if (readers[r].state)
            printf("        %s,\n", readers[r].state);
        printf("        .keys = NULL,\n    },\n");
    }
    printf("};\nconst size_t llmobs_apis_sizes[LLMOBS_APIS_READERS] = {\n");
    /* A user's file has the first five. */
    for (size_t r = 0; r < 5; r++)
        printf("    sizeof(struct %s),\n", readers[r].variant);
    printf("};\nconst short llmobs_apis_members[][LLMOBS_APIS_READERS] = {\n");
    for (size_t i = 0; i < llmobs_apis_word_count; i++) {
        const struct llmobs_apis_word *word = &llmobs_apis_words[i];

        printf("    {");
        for (size_t r = 0; r < LLMOBS_APIS_READERS; r++)
            if (r < 5 && *word->member && word->readers & 1U << r)
                printf("offsetof(struct %s, %s), ",
                       word->in_form ? "llmobs_form" : readers[r].variant,
                       word->member);
            else
                printf("-1, ");
        printf("},\n");
    }
    printf("};\n");
}

/* -- files ---------------------------------------------------------------- */

static char *read_file(const char *path, size_t *len)
{
    FILE *from = fopen(path, "rb");
    char *text = NULL;

    *len = 0;
    while (from && !feof(from)) {
        text = realloc(text, *len + 65536);
        *len += text ? fread(text + *len, 1, 65536, from) : 0;
        if (!text || ferror(from))
            break;
    }
    if (!text)
        fprintf(stderr, "apis-table: cannot read %s\n", path);
    if (from)
        fclose(from);
    return text;
}

/* Reads a file and prints its APIs and hosts, or takes note of the names of its
 * APIs. Gives 0, or 1 where the file has a fault. */
static int write_file(const char *path, bool without)
{
    size_t len;
    char *text = read_file(path, &len);
    int rc = text ? llmobs_apis_read((struct llmobs_text){text, len}, &apis)
                  : -ENOMEM;

    for (size_t k = 0; rc == 0 && k < apis.count; k++)
        if (!without)
            print_api(&apis.apis[k]);
        else if (left_out_count < sizeof(left_out) / sizeof(*left_out))
            left_out[left_out_count++] = strdup(apis.apis[k].name);
    if (rc == 0 && apis.order.line)
        print_hosts();
    for (unsigned k = 0; k < apis.fault_count; k++)
        fprintf(stderr, "%s:%u: %s\n", path, apis.faults[k].line,
                apis.faults[k].why);
    rc = rc < 0 || apis.fault_count > 0;
    llmobs_apis_free(&apis);
    free(text);
    return rc;
}

int main(int argc, char **argv)
{
    int status = 0, end = 1;

    while (end < argc && strcmp(argv[end], "--without") != 0)
        end++;
    for (int i = end + 1; i < argc; i++)
        status |= write_file(argv[i], true);
    printf("/* Made by scripts/apis_table.c of rules/apis. */\n"
           "#include <stddef.h>\n"
           "#include \"rules/apis/read.h\"\n"
           "#include \"rules/read/hooks.h\"\n"
           "#include \"rules/providers.h\"\n"
           "#include \"rules/read/message_content.h\"\n"
           "#include \"rules/read/rerank.h\"\n"
           "#include \"rules/read/sources.h\"\n"
           "#include \"rules/vendors/openai.h\"\n"
           "#include \"rules/tables/interpreter.h\"\n"
           "#include \"rules/tables/renders.h\"\n"
           "#include \"rules/tables/search.h\"\n"
           "#include \"rules/tables/speech.h\"\n"
           "#include \"rules/tables/store.h\"\n"
           "#include \"rules/vendors/bedrock.h\"\n"
           "#include \"rules/vendors/chat.h\"\n"
           "#include \"rules/vendors/google.h\"\n\n");
    for (int i = 1; i < end; i++)
        status |= write_file(argv[i], false);
    print_readers();
    return status || fflush(stdout) != 0;
}
