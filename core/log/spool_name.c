#include "core/log/spool_name.h"

#include <stdlib.h>
#include <string.h>

/* Reads a record, which ends before `end`; false if it is not a record. */
static bool read_record(const char *at, const char *end,
                        struct llmobs_process_id *out)
{
    char name[LLMOBS_PROCESS_ID_MAX];
    size_t len = (size_t)(end - at);

    if (len >= sizeof(name))
        return false;
    memcpy(name, at, len);
    name[len] = '\0';
    return llmobs_process_id_parse(name, out);
}

static const char *read_claimant(const char *at, struct llmobs_spool_name *out)
{
    const char *dot = strchr(at, '.');
    char *end;

    if (!dot || !read_record(at, dot, &out->by))
        return NULL;
    out->by_pidns = strtoull(dot + 1, &end, 10);
    return end > dot + 1 && *end == '.' ? end + 1 : NULL;
}

bool llmobs_spool_name_parse(const char *name, struct llmobs_spool_name *out)
{
    char again[LLMOBS_SPOOL_NAME_MAX];
    const char *dash, *at = name + 2;

    if (name[0] == '\0' || !strchr("ocr", name[0]) || name[1] != '.' ||
        strlen(name) >= sizeof(again))
        return false;
    *out = (struct llmobs_spool_name){.claimed = name[0] != 'o',
                                      .by_relay = name[0] == 'r'};
    if (out->claimed)
        at = read_claimant(at, out);
    dash = at ? strrchr(at, '-') : NULL;
    if (!dash || !read_record(at, dash, &out->who))
        return false;
    out->file = (uint32_t)strtoul(dash + 1, NULL, 10);
    llmobs_spool_name_write(out, again);
    return out->file > 0 && strcmp(again, name) == 0;
}

void llmobs_spool_name_write(const struct llmobs_spool_name *name,
                             char out[LLMOBS_SPOOL_NAME_MAX])
{
    *out++ = !name->claimed ? 'o' : name->by_relay ? 'r' : 'c';
    *out++ = '.';
    if (name->claimed) {
        out = llmobs_process_id_put(&name->by, out);
        *out++ = '.';
        out = llmobs_number_put(out, name->by_pidns, 10);
        *out++ = '.';
    }
    out = llmobs_process_id_put(&name->who, out);
    *out++ = '-';
    *llmobs_number_put(out, name->file, 10) = '\0';
}

bool llmobs_spool_name_same(const struct llmobs_spool_name *a,
                            const struct llmobs_spool_name *b)
{
    return a->file == b->file && llmobs_process_id_equal(&a->who, &b->who);
}

int llmobs_spool_name_by_age(const void *a, const void *b)
{
    const struct llmobs_spool_name *x = a, *y = b;

    if (x->who.nonce != y->who.nonce)
        return x->who.nonce < y->who.nonce ? -1 : 1;
    return (x->file > y->file) - (x->file < y->file);
}
