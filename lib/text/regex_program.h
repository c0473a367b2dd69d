/* regex_program - the programs that a regex consists of: regex_compile writes
 * them, regex runs them. */
#ifndef LLMOBS_REGEX_PROGRAM_H
#define LLMOBS_REGEX_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LLMOBS_REGEX_CLASSES 256

/* The kinds of instructions. x and y are the numbers of the next instructions,
 * unless a kind says otherwise. */
enum llmobs_regex_op {
    LLMOBS_REGEX_BYTE,  /* a byte of the set number x, then y */
    LLMOBS_REGEX_SPLIT, /* x and y both */
    LLMOBS_REGEX_BEGIN, /* where a line begins, then y */
    LLMOBS_REGEX_END,   /* where a line ends, then y */
    LLMOBS_REGEX_WORD,  /* where a word begins or ends, then y */
    LLMOBS_REGEX_INNER, /* where no word begins or ends, then y */
    LLMOBS_REGEX_MATCH
};

struct llmobs_regex_step {
    uint8_t op;
    uint16_t x;
    uint16_t y;
};

struct llmobs_regex_set {
    uint32_t bits[8];
};

struct llmobs_regex_program {
    struct llmobs_regex_step *steps;
    size_t count;
    size_t cap;
    uint16_t start;
};

struct llmobs_regex {
    struct llmobs_regex_set *sets;
    size_t set_count;
    size_t set_cap;
    struct llmobs_regex_program ahead;
    struct llmobs_regex_program back; /* reads the text from its end */
    /* Bytes that all sets and assertions treat alike share one class. */
    uint8_t class_of[256];
    uint8_t example[LLMOBS_REGEX_CLASSES]; /* a byte of each class */
    size_t classes;
};

static inline bool llmobs_regex_has(const struct llmobs_regex_set *set,
                                    unsigned byte)
{
    return set->bits[byte / 32] >> (byte % 32) & 1;
}

static inline bool llmobs_regex_is_word(unsigned byte)
{
    return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
           (byte >= 'A' && byte <= 'Z') || byte == '_';
}

#endif
