/* Reads this machine's name. */
#include "lib/base/machine.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/file.h"

/* A machine's name has at most 64 bytes. */
#define NAME_MAX_LEN 256

const char *llmobs_machine_name(void)
{
    static _Atomic(char *) known;
    char *name = atomic_load(&known), *none = NULL;
    struct llmobs_buf text;

    if (name)
        return name;
    name = NULL;
    llmobs_buf_init(&text, NAME_MAX_LEN);
    if (llmobs_file_read("/proc/sys/kernel/hostname", &text) == 0 && text.len)
        name = strndup(text.data, strcspn(text.data, "\n"));
    llmobs_buf_fini(&text);
    if (atomic_compare_exchange_strong(&known, &none, name))
        return name;
    free(name);
    return none;
}
