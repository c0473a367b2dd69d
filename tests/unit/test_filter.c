/* Tests simulated seccomp filters. */
#include "lib/base/filter.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/base/sandbox.h"
#include "tests/unit/unit.h"

#define LOAD(field) \
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define IF(number) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1)
#define SAY(what) BPF_STMT(BPF_RET | BPF_K, what)

static bool hinders(struct sock_filter *steps, size_t count)
{
    struct sock_fprog program = {(unsigned short)count, steps};

    return llmobs_filter_hinders(&program);
}

#define HINDERS(...)                                      \
    hinders((struct sock_filter[]){__VA_ARGS__},          \
            sizeof((struct sock_filter[]){__VA_ARGS__}) / \
                sizeof(struct sock_filter))

/* An answer that kills, stops or asks somebody hinders; one that passes or
 * fails the call does not. */
TEST(answers)
{
    ck_assert(!HINDERS(SAY(SECCOMP_RET_ALLOW)));
    ck_assert(!HINDERS(SAY(SECCOMP_RET_LOG)));
    ck_assert(!HINDERS(SAY(SECCOMP_RET_ERRNO | EPERM)));
    ck_assert(HINDERS(SAY(SECCOMP_RET_KILL_PROCESS)));
    ck_assert(HINDERS(SAY(SECCOMP_RET_KILL_THREAD)));
    ck_assert(HINDERS(SAY(SECCOMP_RET_TRAP)));
    ck_assert(HINDERS(SAY(SECCOMP_RET_TRACE)));
    ck_assert(HINDERS(SAY(SECCOMP_RET_USER_NOTIF)));
}

TEST(single_calls)
{
    ck_assert(HINDERS(LOAD(nr), IF(SYS_clone3), SAY(SECCOMP_RET_KILL_PROCESS),
                      SAY(SECCOMP_RET_ALLOW)));
    ck_assert(!HINDERS(LOAD(nr), IF(SYS_ptrace), SAY(SECCOMP_RET_KILL_PROCESS),
                       SAY(SECCOMP_RET_ALLOW)));
    ck_assert(HINDERS(LOAD(nr),
                      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_prctl, 0, 3),
                      LOAD(args[0]), IF(PR_SET_NAME),
                      SAY(SECCOMP_RET_KILL_PROCESS), SAY(SECCOMP_RET_ALLOW)));
    ck_assert(!HINDERS(LOAD(arch), IF(0), SAY(SECCOMP_RET_KILL_PROCESS),
                       SAY(SECCOMP_RET_ALLOW)));
}

/* Each computes a number that decides. */
#define FIVE(code, other) \
    BPF_STMT(BPF_LD | BPF_IMM, 5), BPF_STMT(BPF_ALU | (code) | BPF_K, other)
#define GIVES(number, ...)                                                    \
    (!HINDERS(__VA_ARGS__, BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 1, 0), \
              SAY(SECCOMP_RET_TRAP), SAY(SECCOMP_RET_ALLOW)))

TEST(computes)
{
    ck_assert(GIVES(8, FIVE(BPF_ADD, 3)));
    ck_assert(GIVES(2, FIVE(BPF_SUB, 3)));
    ck_assert(GIVES(15, FIVE(BPF_MUL, 3)));
    ck_assert(GIVES(2, FIVE(BPF_DIV, 2)));
    ck_assert(GIVES(7, FIVE(BPF_OR, 2)));
    ck_assert(GIVES(4, FIVE(BPF_AND, 6)));
    ck_assert(GIVES(3, FIVE(BPF_XOR, 6)));
    ck_assert(GIVES(20, FIVE(BPF_LSH, 2)));
    ck_assert(GIVES(1, FIVE(BPF_RSH, 2)));
    ck_assert(GIVES(0xfffffffb, FIVE(BPF_NEG, 0)));
    ck_assert(GIVES(64, BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0)));
    ck_assert(GIVES(5, FIVE(BPF_ADD, 0), BPF_STMT(BPF_ST, 15),
                    BPF_STMT(BPF_LD | BPF_IMM, 1),
                    BPF_STMT(BPF_LD | BPF_MEM, 15)));
    ck_assert(GIVES(7, BPF_STMT(BPF_LDX | BPF_IMM, 7), BPF_STMT(BPF_STX, 0),
                    BPF_STMT(BPF_LD | BPF_MEM, 0)));
    ck_assert(GIVES(10, FIVE(BPF_ADD, 0), BPF_STMT(BPF_MISC | BPF_TAX, 0),
                    BPF_STMT(BPF_ALU | BPF_ADD | BPF_X, 0)));
    ck_assert(GIVES(9, BPF_STMT(BPF_LDX | BPF_IMM, 9),
                    BPF_STMT(BPF_MISC | BPF_TXA, 0)));
    ck_assert(GIVES(
        5, FIVE(BPF_ADD, 0), BPF_STMT(BPF_JMP | BPF_JA, 1),
        SAY(SECCOMP_RET_TRAP), BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, 4, 0, 2),
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 5, 0, 1),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 4, 1, 0), SAY(SECCOMP_RET_TRAP)));
    ck_assert(HINDERS(BPF_STMT(BPF_LD | BPF_IMM, SECCOMP_RET_TRAP),
                      BPF_STMT(BPF_RET | BPF_A, 0)));
}

/* The kernel refuses these, and the app hears of it. */
TEST(nothing_to_read)
{
    static struct sock_filter one[] = {SAY(SECCOMP_RET_TRAP)};
    struct sock_fprog nowhere = {1, (void *)8}, none = {0, one};
    struct sock_fprog endless = {BPF_MAXINSNS + 1, one};

    ck_assert(!llmobs_filter_hinders((void *)8));
    ck_assert(!llmobs_filter_hinders(&nowhere));
    ck_assert(!llmobs_filter_hinders(&none));
    ck_assert(!llmobs_filter_hinders(&endless));
}

TEST(the_longest)
{
    static struct sock_filter steps[BPF_MAXINSNS];

    for (size_t i = 0; i < BPF_MAXINSNS; i++)
        steps[i] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_IMM, 0);
    steps[BPF_MAXINSNS - 1] = (struct sock_filter)SAY(SECCOMP_RET_TRAP);
    ck_assert(hinders(steps, BPF_MAXINSNS));
    steps[BPF_MAXINSNS - 1] = (struct sock_filter)SAY(SECCOMP_RET_ALLOW);
    ck_assert(!hinders(steps, BPF_MAXINSNS));
}

/* A container's filter is no program's own; without no_new_privs only root can
 * have set it, which the first process tells. What cannot be read may be one.
 */
TEST(filters_that_others_set)
{
    static const struct {
        const char *own, *first;
        bool is;
    } rows[] = {
        {"Name:\ta\nNoNewPrivs:\t1\nSeccomp:\t0\n", "Seccomp:\t0\n", false},
        {"Name:\ta\nNoNewPrivs:\t1\nSeccomp:\t2\n", NULL, true},
        {"Name:\ta\nNoNewPrivs:\t0\nSeccomp:\t2\n", "\nSeccomp:\t2\n", false},
        {"Name:\ta\nNoNewPrivs:\t0\nSeccomp:\t2\n", "\nSeccomp:\t0\n", true},
        {"Name:\ta\nNoNewPrivs:\t0\nSeccomp:\t2\n", NULL, true},
        {"Name:\t\n\nSe\nNoNewPrivs:\t0\n\nSeccomp:\t2", "\nSeccomp:\t0", true},
        {"Name:\ta\nNoNewPrivs:\t1\n", NULL, false},
        {"Name:\ta\nSeccomp:\t2\n", "\nSeccomp:\t2\n", false},
        {NULL, NULL, true}};
    char dir[UNIT_DIRECTORY], own[UNIT_DIRECTORY + 8],
        first[UNIT_DIRECTORY + 8];

    unit_directory(dir);
    snprintf(own, sizeof(own), "%s/own", dir);
    snprintf(first, sizeof(first), "%s/first", dir);
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        const char *const texts[] = {rows[i].own, rows[i].first};

        for (size_t k = 0; k < 2; k++) {
            const char *path = k == 0 ? own : first;
            FILE *file = texts[k] ? fopen(path, "w") : NULL;

            (void)(texts[k] ? fputs(texts[k], file) : unlink(path));
            if (file)
                fclose(file);
        }
        ck_assert_int_eq(llmobs_sandbox_is(own, first), rows[i].is);
    }
}
