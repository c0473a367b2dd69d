/* leads - the beginnings by which keys are known: "sk-", "ghp_", "AKIA".
 *
 * Each has a mark, one of - _ . I J B T a 0, at which a search finds it.
 * At least `least` characters follow it. Split where they are neither letter
 * nor digit, they have a part of at least `part` characters:
 * "npm_config_registry" is no key.
 *
 * A new one: a row in leads.c among those with its mark, LLMOBS_LEADS, and a
 * word in docs/SECRETS.md. Then leads.c needs its other tables anew, which
 * CK_RUN_SUITE=secrets build/unit prints.
 *
 * Threads: any.
 */
#ifndef LLMOBS_LEADS_H
#define LLMOBS_LEADS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LLMOBS_LEADS 165

/* A value of `extra` for a lead that no word begins with: then sixteen letters
 * alone are a key. */
#define LLMOBS_LEAD_SURE "*-_"

struct llmobs_lead {
    char text[26];
    unsigned char mark; /* the place of the mark in `text` */
    unsigned char least;
    unsigned char part;
    char extra[8]; /* what a key consists of besides letters and digits */
};

extern const struct llmobs_lead llmobs_leads[LLMOBS_LEADS];

/* The number of hashes of the two bytes before a mark; leads.c has a bit for
 * each pair of bytes that a lead has. */
#define LLMOBS_LEADS_HASHES 1024

static inline unsigned llmobs_leads_hash(const char *before)
{
    return ((unsigned char)before[0] * 15u + (unsigned char)before[1] * 43u) &
           (LLMOBS_LEADS_HASHES - 1);
}

/* The leads of a mark, at the mark's last four bits: from the row `from` on,
 * and before the row `to`. Those from `longer` on have more than two characters
 * before the mark. */
extern const struct llmobs_leads_mark {
    unsigned char from, longer, to;
    /* A bit for a hash of the two characters before the mark; no bits for a
     * mark that is a letter, as few texts have it. */
    uint64_t before[LLMOBS_LEADS_HASHES / 64];
} llmobs_leads_marks[16];

/* True for a mark that is a letter or a digit: it has few leads, and no bits.
 */
static inline bool llmobs_leads_are_few(char mark)
{
    return mark > '.' && mark != '_';
}

/* False for most marks that belong to no lead, by the two bytes before: text
 * comes with hyphens, code with underscores, and nearly all of them end
 * here. */
static inline bool llmobs_leads_may_be(char mark, const char *before)
{
    unsigned hash = llmobs_leads_hash(before);

    return llmobs_leads_are_few(mark) ||
           (llmobs_leads_marks[mark & 15].before[hash / 64] >> hash % 64 & 1);
}

#endif
