#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/page/page.h"

/* A rename would replace a device, and put the page where a link does not
 * lead. */
static int check_name(const char *path)
{
    struct stat st;

    if (lstat(path, &st) != 0)
        return errno == ENOENT ? 0 : -errno;
    return S_ISREG(st.st_mode) ? 0 : -EEXIST;
}

/* mkostemp makes files for their owner alone, and follows no link. */
static int write_new(struct llmobs_page *page, struct llmobs_reader *reader,
                     char *name)
{
    int fd = mkostemp(name, O_CLOEXEC | O_NOFOLLOW);
    FILE *out = fd >= 0 ? fdopen(fd, "w") : NULL;
    int rc = out != NULL ? llmobs_page_make(page, reader, out) : -errno;

    if (out != NULL && fclose(out) != 0 && rc == 0)
        rc = -errno;
    else if (out == NULL && fd >= 0)
        close(fd);
    return rc;
}

int llmobs_page_make_file(struct llmobs_page *page,
                          struct llmobs_reader *reader, const char *path)
{
    static const char end[] = ".XXXXXX";
    char name[PATH_MAX];
    int rc = check_name(path);

    if (rc == 0 && strlen(path) + sizeof end > sizeof name)
        rc = -ENAMETOOLONG;
    if (rc != 0)
        return rc;
    strcpy(name, path);
    strcat(name, end);
    rc = write_new(page, reader, name);
    if (rc == 0 && rename(name, path) != 0)
        rc = -errno;
    if (rc != 0)
        unlink(name);
    return rc;
}
