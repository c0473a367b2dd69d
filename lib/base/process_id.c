/* Identifies a process by pid, start time and namespace. */
#include "lib/base/process_id.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/file.h"
#include "lib/base/proc_stat.h"
#include "lib/base/scratch.h"

#define STAT_MAX 1024

char *llmobs_number_put(char *out, uint64_t number, unsigned base)
{
    char digits[20];
    size_t count = 0;

    do
        digits[count++] = "0123456789abcdef"[number % base];
    while (number /= base);
    while (count > 0)
        *out++ = digits[--count];
    return out;
}

/* Without printf: a relay reads and writes several names for a call. */
char *llmobs_process_id_put(const struct llmobs_process_id *owner,
                            char out[LLMOBS_PROCESS_ID_MAX])
{
    out = llmobs_number_put(out, (uint64_t)owner->pid, 10);
    *out++ = '-';
    out = llmobs_number_put(out, owner->start, 10);
    *out++ = '-';
    out = llmobs_number_put(out, owner->nonce, 16);
    *out = '\0';
    return out;
}

/* True only for names that llmobs_process_id_put makes. */
bool llmobs_process_id_parse(const char *name, struct llmobs_process_id *out)
{
    char again[LLMOBS_PROCESS_ID_MAX];
    char *end;

    if (strlen(name) >= sizeof(again))
        return false;
    out->pid = (pid_t)strtol(name, &end, 10);
    if (out->pid <= 0 || *end != '-')
        return false;
    out->start = strtoull(end + 1, &end, 10);
    if (*end != '-')
        return false;
    out->nonce = strtoull(end + 1, &end, 16);
    llmobs_process_id_put(out, again);
    return strcmp(name, again) == 0;
}

bool llmobs_process_id_equal(const struct llmobs_process_id *a,
                             const struct llmobs_process_id *b)
{
    return a->pid == b->pid && a->start == b->start && a->nonce == b->nonce;
}

int llmobs_process_start(pid_t pid, uint64_t *start)
{
    uint64_t program;

    return llmobs_process_program(pid, start, &program);
}

/* False where /proc is that of another pid namespace, as after `unshare --pid`
 * alone: its numbers are other processes. Known by the process itself, at no
 * more cost on a thread of the program. */
static bool is_own_proc(bool self, const char *text)
{
    char link[24];
    ssize_t n = 0;

    if (!self)
        n = readlink("/proc/self", link, sizeof(link) - 1);
    link[n > 0 ? n : 0] = '\0';
    return strtol(self ? text : link, NULL, 10) == getpid();
}

/* An ended process stays in the table as a zombie until its parent waits for
 * it. A process also looks like a zombie when only its first thread has ended,
 * so the number of its threads decides. */
int llmobs_process_program(pid_t pid, uint64_t *start, uint64_t *program)
{
    char path[64] = "/proc/self/stat", *text, state;
    bool self = pid == getpid();
    int rc = 0;

    *start = *program = 0;
    if (!self && kill(pid, 0) != 0 && errno == ESRCH)
        return -ESRCH;
    text = llmobs_scratch_alloc(STAT_MAX);
    if (!text)
        return 0;
    if (!self)
        snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
    if (llmobs_file_begin(AT_FDCWD, path, text, STAT_MAX) <= 0 ||
        !is_own_proc(self, text))
        *text = '\0';
    state = *llmobs_proc_field(text, LLMOBS_PROC_STATE);
    if (state == 'X' ||
        (state == 'Z' &&
         strtol(llmobs_proc_field(text, LLMOBS_PROC_THREADS), NULL, 10) <= 1)) {
        rc = -ESRCH;
    } else {
        *start = strtoull(llmobs_proc_field(text, LLMOBS_PROC_START), NULL, 10);
        *program =
            strtoull(llmobs_proc_field(text, LLMOBS_PROC_STACK), NULL, 10);
    }
    llmobs_scratch_free(text);
    return rc;
}

/* 0: not known. */
static uint64_t time_namespace(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 ? (uint64_t)st.st_ino : 0;
}

bool llmobs_process_is_another(const struct llmobs_process_id *who,
                               uint64_t start)
{
    uint64_t mine, other;
    char path[64];

    if (!start || !who->start || start == who->start)
        return false;
    snprintf(path, sizeof(path), "/proc/%ld/ns/time", (long)who->pid);
    mine = time_namespace("/proc/self/ns/time");
    other = time_namespace(path);
    return !mine || !other || mine == other;
}

void llmobs_process_id_self(char out[LLMOBS_PROCESS_ID_MAX], uint64_t *program)
{
    struct llmobs_process_id self = {.pid = getpid()};

    (void)llmobs_process_program(self.pid, &self.start, program);
    self.nonce = (uint64_t)llmobs_clock_mono_ns();
    llmobs_process_id_put(&self, out);
}

uint64_t llmobs_pidns_parse(char *text, ssize_t len)
{
    uint64_t number;
    char *end;

    text[len > 0 ? len : 0] = '\0';
    if (strncmp(text, "pid:[", 5) != 0)
        return 0;
    number = strtoull(text + 5, &end, 10);
    return strcmp(end, "]") == 0 ? number : 0;
}

void llmobs_process_namespace(uint64_t *boot, uint64_t *pidns)
{
    static const char own[] = "/proc/self/ns/pid";
    struct stat st;
    char text[64];

    *boot = 0;
    *pidns = llmobs_pidns_parse(text, readlink(own, text, sizeof(text) - 1));
    /* The number in "pid:[4026531836]" is the inode of the file behind the
     * link, but the kernel makes that file only for a caller that follows it.
     */
    if (!*pidns && stat(own, &st) == 0)
        *pidns = (uint64_t)st.st_ino;
    if (llmobs_file_begin(AT_FDCWD, "/proc/sys/kernel/random/boot_id", text,
                          sizeof(text)) > 0) {
        text[8] = '\0'; /* 32 random bits are enough */
        *boot = strtoull(text, NULL, 16);
    }
}
