#include "tests/support/case_file.h"

#include <errno.h>
#include <stdio.h>

#define FILE_MAX ((size_t)64 << 20)

int case_file_read(const char *dir, const char *name, struct llmobs_buf *buf)
{
    char path[4096], chunk[65536];
    FILE *file;
    size_t n;
    int rc = 0;

    llmobs_buf_init(buf, FILE_MAX);
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    file = fopen(path, "rb");
    if (!file)
        return -errno;
    while (rc == 0 && (n = fread(chunk, 1, sizeof(chunk), file)) > 0)
        rc = llmobs_buf_add(buf, chunk, n);
    fclose(file);
    return rc;
}

int case_file_json(const char *dir, const char *name, struct llmobs_json **out)
{
    struct llmobs_buf buf;
    int rc = case_file_read(dir, name, &buf);

    *out = NULL;
    if (rc == 0)
        rc = llmobs_json_parse((struct llmobs_text){buf.data, buf.len}, out);
    llmobs_buf_fini(&buf);
    return rc == -ENOENT ? 0 : rc;
}
