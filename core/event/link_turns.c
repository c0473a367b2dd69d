/* Links calls to the earlier turns of their conversation. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/work.h"
#include "core/event/linking.h"

#define TAG "conversation_id:"
#define LONG 64 /* bytes of a text whose sums are cheaper */
#define BILLING "x-anthropic-billing-header:"

/* A conversation, while the messages of a call are read. */
struct turns {
    const struct llmobs_linking *l;
    struct llmobs_siphash hash; /* of all messages so far */
    /* The hashes at the last answers of the history, the newest last: */
    struct llmobs_hash128 answers[LLMOBS_LINK_TURNS];
    size_t count;
    bool lost; /* a message could not be read */
};

/* -- the hash of messages -------------------------------------------------- */

/* The letters before the first other character of a model's name, without the
 * vendor before a '/': "gpt" of "openai/gpt-4o-mini". */
static struct llmobs_text family_of(const char *model)
{
    const char *slash = model ? strrchr(model, '/') : NULL;
    size_t len = 0;

    if (!model)
        return (struct llmobs_text){"", 0};
    model = slash ? slash + 1 : model;
    while ((model[len] >= 'a' && model[len] <= 'z') ||
           (model[len] >= 'A' && model[len] <= 'Z'))
        len++;
    return (struct llmobs_text){model, len};
}

static void add_part(struct turns *t, char what, const char *text)
{
    size_t len = text ? strlen(text) : 0;

    if (!llmobs_work_do(len)) {
        t->lost = true;
        return;
    }
    what = (char)(len < LONG ? what : what | 0x20);
    llmobs_siphash_add(&t->hash, &what, 1);
    if (len < LONG)
        llmobs_linking_add(&t->hash, text);
    else
        llmobs_link_table_add(t->l->table, text, len, &t->hash);
}

/* Adds a value that is not a text, in the form that the event would have. */
static void add_json_part(struct turns *t, char what,
                          const struct llmobs_json *value)
{
    const char *text = llmobs_json_text(value);
    char *dump;

    if (text || !value) {
        add_part(t, what, text);
        return;
    }
    dump = llmobs_json_dumps(value, 0);
    if (dump)
        add_part(t, what, dump);
    else
        t->lost = true;
    free(dump);
}

/* Adds a message to the hash, as its parts, each part with its role: the next
 * request may have the message in one piece or in several. Leaves out a message
 * of reasoning, which the next request may lack, and the words of Claude Code
 * to the one who bills, which each request has anew. */
static void add_message(struct turns *t, const struct llmobs_json *message)
{
    const char *role = llmobs_json_gets(message, "role");
    const char *content = llmobs_json_gets(message, "content");
    const struct llmobs_json *calls;
    const struct llmobs_json *results;

    if (role && strcmp(role, "reasoning") == 0)
        return;
    if (content && llmobs_text_begins(llmobs_text_of(content), BILLING))
        return;
    if (content && *content) {
        add_part(t, 'W',
                 llmobs_linking_is_model(message) || !role || !*role ? "model"
                                                                     : role);
        add_part(t, 'C', content);
    }
    calls = llmobs_json_get(message, "tool_calls");
    results = llmobs_json_get(message, "tool_results");
    for (size_t i = 0; i < llmobs_json_len(calls) && !t->lost; i++) {
        const struct llmobs_json *call = llmobs_json_at(calls, i);
        const char *id = llmobs_json_gets(call, "tool_id");
        const char *name = llmobs_json_gets(call, "name");

        add_part(t, 'T', name);
        /* The arguments count only if the id does not identify the call,
         * because a program may write them in another form. */
        if (llmobs_linker_is_unique(id, name))
            add_part(t, 'I', id);
        else
            add_json_part(t, 'A', llmobs_json_get(call, "arguments"));
    }
    for (size_t i = 0; i < llmobs_json_len(results) && !t->lost; i++) {
        const struct llmobs_json *result = llmobs_json_at(results, i);

        add_part(t, 'I', llmobs_json_gets(result, "tool_id"));
        add_json_part(t, 'R', llmobs_json_get(result, "result"));
    }
    if (llmobs_json_get(message, "image_parts"))
        add_json_part(t, 'P', llmobs_json_get(message, "image_parts"));
    if (llmobs_json_get(message, "audio_parts"))
        add_json_part(t, 'S', llmobs_json_get(message, "audio_parts"));
}

/* -- the turn before ------------------------------------------------------- */

static void walk_history(struct turns *t)
{
    const struct llmobs_json *messages = t->l->span->input_messages;
    struct llmobs_text family = family_of(t->l->span->model_name);
    size_t count = llmobs_json_len(messages);

    llmobs_linking_begin(t->l, LLMOBS_LINK_TURN, &t->hash);
    llmobs_siphash_add(&t->hash, family.data, family.len);
    llmobs_siphash_add(&t->hash, "", 1);
    for (size_t i = 0; i < count && !t->lost; i++) {
        const struct llmobs_json *message = llmobs_json_at(messages, i);

        if (!llmobs_work_do(LLMOBS_WORK_VALUE)) {
            t->lost = true;
            return;
        }
        add_message(t, message);
        if (!llmobs_linking_is_model(message) ||
            (i + 1 < count &&
             llmobs_linking_is_model(llmobs_json_at(messages, i + 1))))
            continue;
        if (t->count == LLMOBS_LINK_TURNS) {
            memmove(t->answers, t->answers + 1,
                    (LLMOBS_LINK_TURNS - 1) * sizeof(*t->answers));
            t->count--;
        }
        t->answers[t->count++] = llmobs_siphash_now(&t->hash);
    }
}

static struct llmobs_hash128 fact_key(const struct llmobs_linking *l, char kind,
                                      enum llmobs_fact fact)
{
    const struct llmobs_facts *facts = &l->span->facts;
    struct llmobs_siphash hash;

    llmobs_linking_begin(l, kind, &hash);
    llmobs_siphash_add(&hash, facts->text.data + facts->values[fact].at,
                       facts->values[fact].len);
    return llmobs_siphash_now(&hash);
}

static bool has_fact(const struct llmobs_linking *l, enum llmobs_fact fact)
{
    return llmobs_span_fact_is_set(&l->span->facts, fact);
}

/* Finds the turn before. The provider's own ids count first. A conversation at
 * the provider continues from its newest answer. *last: the history ends with
 * the answer that was found. */
static bool find_before(const struct turns *t, struct llmobs_link_record *out,
                        bool *last)
{
    const struct llmobs_linking *l = t->l;

    *last = false;

    if (has_fact(l, LLMOBS_FACT_PREVIOUS_RESPONSE_ID))
        return llmobs_linking_find(
            l,
            fact_key(l, LLMOBS_LINK_RESPONSE, LLMOBS_FACT_PREVIOUS_RESPONSE_ID),
            out);
    if (has_fact(l, LLMOBS_FACT_CONVERSATION_ID))
        return llmobs_linking_find(l,
                                   fact_key(l, LLMOBS_LINK_CONVERSATION,
                                            LLMOBS_FACT_CONVERSATION_ID),
                                   out) &&
               out->at_ns <= l->span->start_ns;
    for (size_t i = t->count; i-- > 0 && l->call->whole && !t->lost;)
        if (llmobs_linking_find(l, t->answers[i], out)) {
            *last = i + 1 == t->count;
            return true;
        }
    return false;
}

/* -- the records of the span ----------------------------------------------- */

/* If the answer has several choices, each choice counts as an answer; else all
 * its messages are one answer. */
static void put_answer(struct turns *t, uint64_t first)
{
    const struct llmobs_json *messages = t->l->span->output_messages;
    const bool choice =
        llmobs_json_to_int(llmobs_json_get(t->l->span->metadata, "n")) > 1;
    const struct llmobs_siphash asked = t->hash;
    size_t count = llmobs_json_len(messages);

    if (!t->l->call->whole || count == 0)
        return;
    for (size_t i = 0; i < count && i < LLMOBS_LINKS_MAX && !t->lost; i++) {
        if (choice)
            t->hash = asked;
        add_message(t, llmobs_json_at(messages, i));
        if ((choice || i + 1 == count) && !t->lost)
            llmobs_linking_put(t->l, llmobs_siphash_now(&t->hash), first);
    }
}

static void put_records(struct turns *t, uint64_t first)
{
    const struct llmobs_linking *l = t->l;

    if (l->span->failed)
        return;
    put_answer(t, first);
    if (has_fact(l, LLMOBS_FACT_RESPONSE_ID))
        llmobs_linking_put(
            l, fact_key(l, LLMOBS_LINK_RESPONSE, LLMOBS_FACT_RESPONSE_ID),
            first);
    if (has_fact(l, LLMOBS_FACT_CONVERSATION_ID)) {
        /* Only the newest span of a provider's conversation has a record. */
        struct llmobs_hash128 key =
            fact_key(l, LLMOBS_LINK_CONVERSATION, LLMOBS_FACT_CONVERSATION_ID);
        struct llmobs_link_record *found;
        size_t count = llmobs_link_table_find(l->table, key, &found);

        for (size_t i = 0; i < count; i++)
            if (found[i].at_ns <= l->span->start_ns)
                llmobs_link_table_drop(l->table, key, found[i].span_id);
        llmobs_linking_put(l, key, first);
    }
}

/* -- its name -------------------------------------------------------------- */

/* Not inlined: its frame is large. */
__attribute__((noinline)) static void add_tag(struct llmobs_span *span,
                                              const char *id)
{
    char text[sizeof(TAG) + LLMOBS_FACT_MAX];

    if ((size_t)snprintf(text, sizeof(text), TAG "%s", id) >= sizeof(text))
        return;
    if (!span->extra_tags)
        span->extra_tags = llmobs_json_array();
    (void)llmobs_json_add(span->extra_tags, llmobs_json_string(text));
}

/* Remembers the name for a later turn. A call that continues no other has no
 * conversation yet: its span id will name the conversation. */
static void name_conversation(const struct llmobs_linking *l, uint64_t first)
{
    struct llmobs_context *context = &l->span->context;
    char number[24],
        *own = llmobs_linking_fact_text(l, LLMOBS_FACT_CONVERSATION_ID);
    const char *id = own;

    if (!id) {
        snprintf(number, sizeof(number), "%llu", (unsigned long long)first);
        id = number;
    }
    if (own || first != context->span_id)
        add_tag(l->span, id);
    if (l->call->stitch == LLMOBS_STITCH_SESSION && !context->session_id[0] &&
        strlen(id) < sizeof(context->session_id))
        strcpy(context->session_id, id);
    free(own);
}

void llmobs_link_turns(const struct llmobs_linking *l)
{
    struct turns t = {.l = l};
    struct llmobs_link_record before;
    uint64_t first = l->span->context.span_id;
    bool last;

    walk_history(&t);
    if (find_before(&t, &before, &last)) {
        if (last)
            llmobs_link_results(l, &before);
        llmobs_linking_link(l, &before, "output", "turn");
        first = before.check;
    }
    name_conversation(l, first);
    put_records(&t, first);
}

void llmobs_link_turns_name(const struct llmobs_linking *l)
{
    name_conversation(l, l->span->context.span_id);
}
