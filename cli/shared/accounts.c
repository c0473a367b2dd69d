#include "cli/shared/accounts.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

static struct llmobs_account *accounts;
static size_t account_count;

static bool add_account(const char *line)
{
    struct llmobs_account account, *more;

    if (sscanf(line, "%63[^:\n]:%*[^:]:%u:%u:", account.name, &account.uid,
               &account.gid) != 3 &&
        sscanf(line, "%63[^:\n]::%u:%u:", account.name, &account.uid,
               &account.gid) != 3) /* without a password */
        return true;
    more = reallocarray(accounts, account_count + 1, sizeof(*accounts));
    if (!more)
        return false;
    accounts = more;
    accounts[account_count++] = account;
    return true;
}

const struct llmobs_account *llmobs_account_of(uid_t uid)
{
    static bool known;

    if (!known) {
        FILE *file = fopen("/etc/passwd", "re");
        char *line = NULL;
        size_t room = 0;

        while (file && getline(&line, &room, file) > 0)
            if (!add_account(line))
                break;
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
