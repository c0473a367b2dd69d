/* unexecutable filter|kernel COMMAND...: runs it where no memory may become
 * executable, by a filter, as systemd's MemoryDenyWriteExecute has it, or by
 * the kernel's own refusal. Status 3: the kernel has none. */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <string.h>
#include <unistd.h>

/* Since Linux 6.3: PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN. */
#define SET_REFUSAL 65
#define REFUSE_GAIN 1

int main(int argc, char **argv)
{
    struct sock_filter steps[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mprotect, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                 offsetof(struct seccomp_data, args[2])),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    struct sock_fprog filter = {sizeof(steps) / sizeof(*steps), steps};

    if (argc < 3)
        return 2;
    if (strcmp(argv[1], "kernel") == 0) {
        if (prctl(SET_REFUSAL, REFUSE_GAIN, 0, 0, 0) != 0)
            return 3;
    } else if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
               prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0) {
        return 2;
    }
    execvp(argv[2], argv + 2);
    perror(argv[2]);
    return 2;
}
