/* Reads /etc/passwd. */
#include "cli/shared/accounts.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

static struct llmobs_account *accounts;
static size_t account_count;

const struct llmobs_account *llmobs_account_of(uid_t uid)
{
    static bool known;

    if (!known) {
        FILE *file = fopen("/etc/passwd", "re");
        char *line = NULL;
        size_t room = 0;

        while (file && getline(&line, &room, file) > 0) {
            struct llmobs_account one, *more;

            if (sscanf(line, "%63[^:\n]:%*[^:]:%u:%u:", one.name, &one.uid,
                       &one.gid) != 3 &&
                sscanf(line, "%63[^:\n]::%u:%u:", one.name, &one.uid,
                       &one.gid) != 3) /* without a password */
                continue;
            more = reallocarray(accounts, account_count + 1, sizeof(*accounts));
            if (!more)
                break;
            accounts = more;
            accounts[account_count++] = one;
        }
        free(line);
        if (file)
            fclose(file);
    }
    known = true;
    for (size_t i = 0; i < account_count; i++)
        if (accounts[i].uid == uid)
            return &accounts[i];
    return NULL;
}

void llmobs_account_name(uid_t uid, char out[LLMOBS_ACCOUNT_NAME])
{
    const struct llmobs_account *account = llmobs_account_of(uid);

    if (account)
        snprintf(out, LLMOBS_ACCOUNT_NAME, "%s", account->name);
    else
        snprintf(out, LLMOBS_ACCOUNT_NAME, "%lu", (unsigned long)uid);
}
