#include "tests/support/case_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX ((size_t)64 << 20)

static int read_file(const char *path, struct llmobs_buf *buf)
{
    char chunk[65536];
    FILE *file;
    size_t n;
    int rc = 0;

    llmobs_buf_init(buf, FILE_MAX);
    file = fopen(path, "rb");
    if (!file)
        return -errno;
    while (rc == 0 && (n = fread(chunk, 1, sizeof(chunk), file)) > 0)
        rc = llmobs_buf_add(buf, chunk, n);
    fclose(file);
    return rc;
}

int case_file_read(const char *dir, const char *name, struct llmobs_buf *buf)
{
    char path[4096];

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    return read_file(path, buf);
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

/* -- sections -------------------------------------------------------------- */

#define HEADING "=== "

/* Adds a text in which "\\xNN" stands for a byte. */
static int add_escaped(struct llmobs_buf *out, struct llmobs_text text)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < text.len; i++) {
        const char *at = text.data + i;
        char digits[3] = "";

        if (text.len - i >= 4 && at[0] == '\\' && at[1] == 'x')
            memcpy(digits, at + 2, 2);
        if (strspn(digits, "0123456789abcdef") == 2) {
            rc = llmobs_buf_addc(out, (char)strtol(digits, NULL, 16));
            i += 3;
        } else {
            rc = llmobs_buf_addc(out, *at);
        }
    }
    return rc;
}

struct section {
    char name[32], how[32], other[1024]; /* the words of the heading */
    struct llmobs_text lines;
};

/* Takes the next section of a text. */
static int take_section(struct llmobs_text *text, struct section *section)
{
    const char *end = text->data + text->len;
    const char *eol = memchr(text->data, '\n', text->len), *next;
    char line[1200];

    if (!eol || (size_t)(eol - text->data) >= sizeof(line) ||
        !llmobs_text_begins(*text, HEADING))
        return -EINVAL;
    memset(section, 0, sizeof(*section));
    memcpy(line, text->data, (size_t)(eol - text->data));
    line[eol - text->data] = '\0';
    sscanf(line, HEADING "%31s %31s as %1023s", section->name, section->how,
           section->other);
    next = memmem(eol, (size_t)(end - eol), "\n" HEADING, sizeof(HEADING));
    section->lines = (struct llmobs_text){eol + 1, (size_t)(end - eol) - 1};
    *text = (struct llmobs_text){end, 0};
    if (next) {
        section->lines.len = next > eol ? (size_t)(next - eol) - 1 : 0;
        *text = (struct llmobs_text){next + 1, (size_t)(end - next) - 1};
    } else if (end[-1] == '\n' && section->lines.len > 0) {
        section->lines.len--;
    }
    return 0;
}

/* Reads all sections, or where `only` is not NULL, that one. */
static int read_sections(const char *path, const char *const *names,
                         const char *only, struct llmobs_buf *out)
{
    struct section section;
    struct llmobs_buf file;
    struct llmobs_text text;
    int rc = read_file(path, &file);
    bool found = !only;

    text = (struct llmobs_text){file.data, file.len};
    while (rc == 0 && text.len > 0) {
        char other[4096];
        size_t i = 0;

        rc = take_section(&text, &section);
        while (rc == 0 && names[i] && strcmp(section.name, names[i]) != 0)
            i++;
        if (rc == 0 && names[i] && only && only != names[i])
            continue;
        found = true;
        if (rc != 0 || !names[i]) {
            rc = -EINVAL;
        } else if (section.how[0] == '\0') {
            rc = llmobs_buf_add(&out[i], section.lines.data, section.lines.len);
        } else if (strcmp(section.how, "escaped") == 0) {
            rc = add_escaped(&out[i], section.lines);
        } else if (section.other[0] != '\0' && !only) {
            snprintf(other, sizeof(other), "%.*s%s",
                     (int)(strrchr(path, '/') + 1 - path), path, section.other);
            rc = read_sections(other, names, names[i], out);
        } else {
            rc = -EINVAL;
        }
    }
    llmobs_buf_fini(&file);
    return rc == 0 && !found ? -EINVAL : rc;
}

int case_file_sections(const char *path, const char *const *names,
                       struct llmobs_buf *out)
{
    for (size_t i = 0; names[i]; i++)
        llmobs_buf_init(&out[i], FILE_MAX);
    return read_sections(path, names, NULL, out);
}

int case_file_each(const char *path, case_file_fn *fn, void *arg)
{
    struct section section;
    struct llmobs_buf file;
    struct llmobs_text text;
    int rc = read_file(path, &file);

    text = (struct llmobs_text){file.data, file.len};
    while (rc == 0 && text.len > 0) {
        struct llmobs_buf data;

        llmobs_buf_init(&data, FILE_MAX);
        rc = take_section(&text, &section);
        if (rc == 0 && strcmp(section.how, "escaped") == 0)
            rc = add_escaped(&data, section.lines);
        else if (rc == 0)
            rc = llmobs_buf_add(&data, section.lines.data, section.lines.len);
        if (rc == 0)
            rc = fn(arg, section.name, llmobs_buf_text(&data));
        llmobs_buf_fini(&data);
    }
    llmobs_buf_fini(&file);
    return rc;
}
