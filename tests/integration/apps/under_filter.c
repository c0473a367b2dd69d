/* under_filter own|root CMD...: executes the command under a filter of system
 * calls that kills for what it does not ask itself. root: as a service manager
 * does without no_new_privs, which only root may. */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    static const unsigned denied[] = {
        SYS_getsockopt, SYS_getpeername, SYS_gettid, SYS_fstat,
        SYS_ppoll,      SYS_sendmsg,     SYS_ioctl,  SYS_rt_tgsigqueueinfo};
    struct sock_filter steps[2 * sizeof(denied) / sizeof(*denied) + 2];
    struct sock_fprog program = {0, steps};

#define STEP(...) steps[program.len++] = (struct sock_filter)__VA_ARGS__
    STEP(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)));
    for (size_t i = 0; i < sizeof(denied) / sizeof(*denied); i++) {
        STEP(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, denied[i], 0, 1));
        STEP(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS));
    }
    STEP(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    if (argc < 3 ||
        (strcmp(argv[1], "own") == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)))
        return 3;
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
        return 77;
    execv(argv[2], argv + 2);
    return 4;
}
