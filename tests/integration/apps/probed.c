/* probed PID FILE OFFSET...: has the kernel count each time that the process
 * runs one of the file's instructions at these offsets, as perf and tools of
 * eBPF do, until its input ends. Says "ready", then whether one was counted.
 * The status 77: the kernel does not allow that. */
#include <linux/perf_event.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    FILE *kind = fopen("/sys/bus/event_source/devices/uprobe/type", "r");
    unsigned type;
    uint64_t all = 0;
    int probes[8];

    if (!kind || fscanf(kind, "%u", &type) != 1 || argc > 8)
        return 77;
    for (int i = 3; i < argc; i++) {
        struct perf_event_attr probe = {.size = sizeof(probe),
                                        .type = type,
                                        .config1 = (uintptr_t)argv[2],
                                        .config2 = strtoull(argv[i], NULL, 0)};

        probes[i] =
            (int)syscall(SYS_perf_event_open, &probe, atoi(argv[1]), -1, -1, 0);
        if (probes[i] < 0)
            return 77;
    }
    puts("ready");
    fflush(stdout);
    while (getchar() != EOF)
        ;
    for (int i = 3; i < argc; i++) {
        uint64_t one = 0;

        if (read(probes[i], &one, sizeof(one)) == sizeof(one))
            all += one;
    }
    puts(all ? "counted" : "nothing");
    return 0;
}
