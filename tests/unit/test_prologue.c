/* Tests the first instructions of patched functions. */
#include "lib/elf/prologue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

#define FROM 0x1a6b180
#define TO 0x3ff010

/* Bytes as "55 48 89 e5"; gives their number. */
static size_t bytes_of(const char *text, unsigned char *out)
{
    size_t len = 0;
    char *end;

    for (; *text != '\0'; text = end + (*end == ' '))
        out[len++] = (unsigned char)strtoul(text, &end, 16);
    return len;
}

static struct llmobs_prologue prologue_of(const char *text, uint64_t to)
{
    static unsigned char code[64];

    return (struct llmobs_prologue){
        .code = code, .size = bytes_of(text, code), .from = FROM, .to = to};
}

/* The undoing instruction and the copy. */
static const char *hex_of(const struct llmobs_prologue *p)
{
    static char text[3 * (LLMOBS_PROLOGUE_COPY + LLMOBS_PROLOGUE_UNDO) + 3];
    size_t at = 0;

    for (size_t i = 0; i < p->undo_len; i++)
        at += (size_t)sprintf(text + at, "%02x ", p->undo[i]);
    at += (size_t)sprintf(text + at, "|");
    for (size_t i = 0; i < p->len; i++)
        at += (size_t)sprintf(text + at, " %02x", p->copy[i]);
    return text;
}

/* A function's first bytes, and what undoes the first of them, with the copy;
 * NULL: refused. */
struct row {
    const char *what, *code;
    size_t first, covered;
    const char *copy;
};

static const struct row x86[] = {
    {"SSL_read of Node 18", "55 48 89 e5 41 55 41 54 53 48 83 ec 58 85 d2 0f",
     1, 5, "5d | f3 0f 1e fa 55 48 89 e5 41 55 e9 67 c1 66 01"},
    {"SSL_read_ex of Node 18",
     "55 48 89 e5 41 57 41 56 41 55 41 54 53 48 83 ec", 1, 5,
     "5d | f3 0f 1e fa 55 48 89 e5 41 57 e9 67 c1 66 01"},
    {"SSL_read of Node 20 and 24",
     "55 48 89 e5 41 56 41 55 41 54 48 83 ec 48 85 d2", 1, 5,
     "5d | f3 0f 1e fa 55 48 89 e5 41 56 e9 67 c1 66 01"},
    {"SSL_read_ex of Node 24",
     "48 85 ff 0f 84 9d 01 00 00 55 48 89 e5 41 57 49", 3, 6,
     "| f3 0f 1e fa 48 85 ff 0f 84 09 c3 66 01 e9 67 c1 66 01"},
    {"SSL_read of Node 26", "55 48 89 e5 48 83 ec 10 85 d2 78 1a 89 d2 4c 8d",
     1, 7, "5d | f3 0f 1e fa 55 48 89 e5 48 83 ec 10 e9 67 c1 66 01"},
    {"SSL_read_ex of Node 26",
     "55 48 89 e5 e8 e7 fb ff ff 31 c9 85 c0 0f 4e c1", 1, 8,
     "5d | f3 0f 1e fa 55 48 89 e5 e8 53 bd 66 01 e9 67 c1 66 01"},
    {"SSL_write_ex of Node 26",
     "55 48 89 e5 53 50 49 89 c8 31 db 31 c9 e8 fe fc", 1, 5,
     "5d | f3 0f 1e fa 55 48 89 e5 53 50 e9 67 c1 66 01"},
    {"with a mark", "f3 0f 1e fa 55 48 89 e5 41 57 41 56 41 55 41 54", 4, 6,
     "| f3 0f 1e fa 55 48 89 e5 41 57 e9 6b c1 66 01"},
    {"all pushes", "50 51 52 53 54 55 56 57", 1, 5,
     "58 | f3 0f 1e fa 50 51 52 53 54 55 e9 67 c1 66 01"},
    {"the last pushes", "56 57 41 50 41 57", 1, 5,
     "5e | f3 0f 1e fa 56 57 41 50 41 57 e9 67 c1 66 01"},
    {"moves", "55 4c 8b f7 4d 89 c8", 1, 6,
     "5d | f3 0f 1e fa 55 4c 8b f7 4d 89 c8 e9 67 c1 66 01"},
    {"moves of low numbers", "55 49 89 f7 48 8b c7", 1, 6,
     "5d | f3 0f 1e fa 55 49 89 f7 48 8b c7 e9 67 c1 66 01"},
    {"of 32 bits", "55 89 f8 85 d2 31 c9", 1, 6,
     "5d | f3 0f 1e fa 55 89 f8 85 d2 31 c9 e9 67 c1 66 01"},
    {"jg behind four pushes", "50 50 50 50 0f 8f 00 01 00 00", 1, 9,
     "58 | f3 0f 1e fa 50 50 50 50 0f 8f 6c c2 66 01 e9 67 c1 66 01"},
    {"a push of r12 first", "41 54 55 48 89 e5 53", 2, 5,
     "41 5c | f3 0f 1e fa 41 54 55 48 89 e5 53 e9 67 c1 66 01"},
    {"a sub first", "48 83 ec 18 48 85 ff 55 55", 4, 5,
     "48 83 c4 18 | f3 0f 1e fa 48 83 ec 18 48 85 ff 55 55 e9 67 c1 66 01"},
    {"a test of 32 bits first", "85 d2 55 48 89 e5 53", 2, 5,
     "| f3 0f 1e fa 85 d2 55 48 89 e5 53 e9 67 c1 66 01"},
    {"a move first", "48 89 fb 55 55 55 55 55", 0, 0, NULL},
    {"a move of 32 bits first", "89 fb 55 55 55 55 55", 0, 0, NULL},
    {"a call first, with the byte of a test", "e8 00 00 85 00 55 55 55 55 55",
     0, 0, NULL},
    {"mov from memory", "48 8b 47 18 48 85 c0 74 08", 0, 0, NULL},
    {"mov to memory", "48 89 5c 24 08 57 48 83 ec 20", 0, 0, NULL},
    {"mov of 32 bits to memory", "89 54 24 08 55", 0, 0, NULL},
    {"test with memory", "48 85 37 55 55", 0, 0, NULL},
    {"from the instruction's address", "48 8d 3d 10 00 00 00", 0, 0, NULL},
    {"add to rsp", "48 83 c4 08 55", 0, 0, NULL},
    {"a long sub", "48 81 ec 00 01 00 00", 0, 0, NULL},
    {"sub from another", "48 83 ed 08 55", 0, 0, NULL},
    {"a short jump", "85 d2 78 1a 89 d2", 0, 0, NULL},
    {"another patcher's jump", "e9 00 10 00 00 90 90", 0, 0, NULL},
    {"one by memory", "ff 25 00 00 00 00 90 90", 0, 0, NULL},
    {"one behind the mark", "f3 0f 1e fa e9 00 10 00 00", 0, 0, NULL},
    {"a short one", "eb 10 55 55 55 55", 0, 0, NULL},
    {"a breakpoint", "cc 48 89 e5 41 57", 0, 0, NULL},
    {"one later", "55 48 89 e5 cc 57", 0, 0, NULL},
    {"ret", "55 55 55 c3 90 90", 0, 0, NULL},
    {"nop", "90 90 90 90 90", 0, 0, NULL},
    {"endbr32", "f3 0f 1e fb 55 48 89 e5 41 57", 0, 0, NULL},
    {"the mark, twice", "f3 0f 1e fa f3 0f 1e fa 55 55 55 55 55", 0, 0, NULL},
    {"a call of what follows", "e8 00 00 00 00 58", 0, 0, NULL},
    {"a jump into itself", "0f 84 fc ff ff ff 55", 0, 0, NULL},
    {"a prefix alone", "41 89 f8 41 89 f8", 0, 0, NULL},
    {"a prefix of 16 bits", "66 50 50 50 50 50", 0, 0, NULL},
};

static const struct row arm[] = {
    {"SSL_read of Node 18", "3f 23 03 d5 fd 7b ba a9", 4, 4,
     "bf 23 03 d5 | 3f 23 03 d5 fd 7b ba a9 5c b0 59 14"},
    {"SSL_read of Node 20 and 24", "fd 7b ba a9 fd 03 00 91", 4, 4,
     "fd 7b c6 a8 | fd 7b ba a9 fd 03 00 91 5c b0 59 14"},
    {"SSL_read_ex of Node 24", "c0 0c 00 b4 fd 7b b9 a9", 4, 4,
     "| fd 7b b9 a9 5d b0 59 14"},
    {"SSL_read of Node 26", "ff 83 00 d1 fd 7b 01 a9", 4, 4,
     "ff 83 00 91 | ff 83 00 d1 fd 7b 01 a9 5c b0 59 14"},
    {"SSL_read_ex of Node 26", "fd 7b bf a9 fd 03 00 91", 4, 4,
     "fd 7b c1 a8 | fd 7b bf a9 fd 03 00 91 5c b0 59 14"},
    {"stp without a new sp", "fd 7b 01 a9 fd 43 00 91", 0, 0, NULL},
    {"with a mark", "5f 24 03 d5 fd 7b bf a9", 4, 4,
     "| 5f 24 03 d5 fd 7b bf a9 5c b0 59 14"},
    {"a mark, and paciasp", "5f 24 03 d5 3f 23 03 d5", 4, 4,
     "| 5f 24 03 d5 3f 23 03 d5 5c b0 59 14"},
    {"a move of the stack", "3f 23 03 d5 fd 83 00 91", 4, 4,
     "bf 23 03 d5 | 3f 23 03 d5 fd 83 00 91 5c b0 59 14"},
    {"stp that no ldp undoes", "fd 7b a0 a9 fd 03 00 91", 0, 0, NULL},
    {"stp of others first", "f3 53 bf a9 fd 7b 01 a9", 0, 0, NULL},
    {"cbz of the fourth argument", "c3 0c 00 b4 fd 7b bf a9", 0, 0, NULL},
    {"tbnz behind the first", "fd 7b ba a9 62 0b f8 37", 0, 0, NULL},
    {"another's jump", "00 01 00 14 fd 7b bf a9", 0, 0, NULL},
    {"a breakpoint", "00 00 20 d4 fd 7b bf a9", 0, 0, NULL},
    {"adrp", "00 00 00 90 fd 7b bf a9", 0, 0, NULL},
    {"tbnz", "02 0a f8 37 fd 7b bf a9", 0, 0, NULL},
    {"cbz of 32 bits", "c0 0c 00 34 fd 7b bf a9", 0, 0, NULL},
    {"cbnz", "c0 0c 00 b5 fd 7b bf a9", 0, 0, NULL},
    {"stp behind another register", "1d 78 bf a9 fd 03 00 91", 0, 0, NULL},
    {"stp after the use", "fd 7b bf a8 fd 03 00 91", 0, 0, NULL},
    {"add to sp", "ff 83 00 91 fd 7b 01 a9", 0, 0, NULL},
    {"nothing", "00 00 00 00 fd 7b bf a9", 0, 0, NULL},
};

static void check(const struct row *row, bool (*copy)(struct llmobs_prologue *))
{
    struct llmobs_prologue p = prologue_of(row->code, TO);
    bool known = copy(&p);

    ck_assert_msg(known == (row->copy != NULL), "%s", row->what);
    if (!known)
        return;
    ck_assert_msg(strcmp(hex_of(&p), row->copy) == 0, "%s: %s", row->what,
                  hex_of(&p));
    ck_assert_msg(p.first == row->first && p.covered == row->covered,
                  "%s: %zu %zu", row->what, p.first, p.covered);
}

TEST(the_instructions_that_are_known)
{
    for (size_t i = 0; i < sizeof(x86) / sizeof(*x86); i++)
        check(&x86[i], llmobs_prologue_x86);
    for (size_t i = 0; i < sizeof(arm) / sizeof(*arm); i++)
        check(&arm[i], llmobs_prologue_arm);
}

/* No byte behind the end of a function is judged. */
static void check_cuts(const struct row *row,
                       bool (*copy)(struct llmobs_prologue *))
{
    for (size_t size = 0; row->copy && size < row->first + row->covered;
         size++) {
        struct llmobs_prologue p = prologue_of(row->code, TO);

        p.size = size;
        ck_assert_msg(!copy(&p), "%s, %zu bytes", row->what, size);
    }
}

TEST(functions_that_are_cut)
{
    for (size_t i = 0; i < sizeof(x86) / sizeof(*x86); i++)
        check_cuts(&x86[i], llmobs_prologue_x86);
    for (size_t i = 0; i < sizeof(arm) / sizeof(*arm); i++)
        check_cuts(&arm[i], llmobs_prologue_arm);
}

TEST(what_no_jump_reaches)
{
    const uint64_t x86_far = UINT64_C(1) << 31, arm_far = UINT64_C(1) << 27;
    static const struct {
        const char *code;
        bool (*copy)(struct llmobs_prologue *);
    } rows[] = {{"55 48 89 e5 41 57", llmobs_prologue_x86},
                {"55 0f 84 00 00 01 00", llmobs_prologue_x86},
                {"fd 7b bf a9 fd 03 00 91", llmobs_prologue_arm},
                {"c0 0c 00 b4 fd 7b b9 a9", llmobs_prologue_arm}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        for (int side = -1; side <= 1; side += 2)
            for (int beyond = 0; beyond < 2; beyond++) {
                uint64_t far = i < 2 ? x86_far : arm_far;
                struct llmobs_prologue p = prologue_of(
                    rows[i].code,
                    FROM + (uint64_t)side *
                               (beyond ? far + 0x20000 : far - 0x20000));

                ck_assert_msg(rows[i].copy(&p) != beyond, "%s, %d",
                              rows[i].code, side);
            }
}
