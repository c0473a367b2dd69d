/* accounts - the users of this machine, as /etc/passwd has them. The name
 * service is not asked: it might ask a server, for each user of the host.
 *
 * Owns:    a copy of the file's rows, read at the first question, for good.
 * Threads: one.
 * Errors:  NULL.
 */
#ifndef LLMOBS_ACCOUNTS_H
#define LLMOBS_ACCOUNTS_H

#include <sys/types.h>

#define LLMOBS_ACCOUNT_NAME 64 /* a longer name is cut */

struct llmobs_account {
    char name[LLMOBS_ACCOUNT_NAME];
    uid_t uid;
    gid_t gid;
};

/* The first row of the user; NULL: the file has none. */
const struct llmobs_account *llmobs_account_of(uid_t uid);

/* Writes a user's name, or the number where there is none. */
void llmobs_account_name(uid_t uid, char out[LLMOBS_ACCOUNT_NAME]);

#endif
