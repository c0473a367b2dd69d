/* Copies the texts of many rows into a few blocks, each text once. */
#include "cli/query/texts.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/mix.h"
#include "lib/text/json_clean.h"

#define BLOCK ((size_t)64 * 1024)
#define FIRST_CAP 256

struct llmobs_texts_block {
    struct llmobs_texts_block *next;
    size_t used, cap;
    char data[];
};

void llmobs_texts_fini(struct llmobs_texts *texts)
{
    while (texts->blocks) {
        struct llmobs_texts_block *block = texts->blocks;

        texts->blocks = block->next;
        free(block);
    }
    free(texts->table);
    memset(texts, 0, sizeof(*texts));
}

size_t llmobs_texts_cut(const char *text, size_t max)
{
    size_t len = strnlen(text, max + 1);

    return len <= max ? len : llmobs_utf8_fit(text, max);
}

const char *llmobs_texts_copy(struct llmobs_texts *texts, const char *text,
                              size_t len)
{
    struct llmobs_texts_block *block = texts->blocks;
    size_t cap = len >= BLOCK ? len + 1 : BLOCK;
    char *copy;

    if (!block || block->cap - block->used <= len) {
        block = malloc(sizeof(*block) + cap);
        if (!block) {
            texts->failed = true;
            return NULL;
        }
        block->next = texts->blocks;
        block->used = 0;
        block->cap = cap;
        texts->blocks = block;
    }
    copy = block->data + block->used;
    memcpy(copy, text, len);
    copy[len] = '\0';
    block->used += len + 1;
    return copy;
}

/* The place of the text in a table of a power of two: its own, or a free one.
 */
static const char **place_of(const char **table, size_t cap, const char *text,
                             size_t len)
{
    size_t at = (size_t)llmobs_mix_bytes(text, len) & (cap - 1);

    while (table[at] &&
           (strncmp(table[at], text, len) != 0 || table[at][len] != '\0'))
        at = (at + 1) & (cap - 1);
    return &table[at];
}

const char *llmobs_texts_share(struct llmobs_texts *texts, const char *text)
{
    size_t len = strlen(text), cap;
    const char **place, **table;

    /* Keeps the table at most half full. */
    if (texts->count * 2 >= texts->cap) {
        cap = texts->cap == 0 ? FIRST_CAP : texts->cap * 2;
        table = calloc(cap, sizeof(*table));
        texts->failed |= !table;
        if (!table)
            return NULL;
        for (size_t i = 0; i < texts->cap; i++)
            if (texts->table[i])
                *place_of(table, cap, texts->table[i],
                          strlen(texts->table[i])) = texts->table[i];
        free(texts->table);
        texts->table = table;
        texts->cap = cap;
    }
    place = place_of(texts->table, texts->cap, text, len);
    if (!*place) {
        *place = llmobs_texts_copy(texts, text, len);
        texts->count += *place != NULL ? 1 : 0;
    }
    return *place;
}

bool llmobs_texts_has(const struct llmobs_texts *texts, const char *text,
                      size_t len)
{
    return texts->cap > 0 && *place_of(texts->table, texts->cap, text, len);
}

bool llmobs_texts_end(const char *text, const char *form)
{
    size_t len = strlen(text), count = strlen(form), i = 0;

    if (len <= count)
        return false;
    text += len - count;
    while (i < count && (form[i] == '0' ? text[i] >= '0' && text[i] <= '9'
                                        : text[i] == form[i]))
        i++;
    return i == count;
}

size_t llmobs_texts_undated(const char *model)
{
    static const char *const forms[] = {"-0000-00-00", "-00000000",
                                        "@00000000"};

    for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++)
        if (llmobs_texts_end(model, forms[i]))
            return strlen(model) - strlen(forms[i]);
    return strlen(model);
}
