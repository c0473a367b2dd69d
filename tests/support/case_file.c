/* Reads the texts of recorded cases. */
#include "tests/support/case_file.h"

#include <dirent.h>
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

static struct case_section *section_of(const struct case_text *text,
                                       const char *name)
{
    for (size_t i = 0; i < text->count; i++)
        if (strcmp(text->sections[i].name, name) == 0)
            return &text->sections[i];
    return NULL;
}

static struct case_section *add_section(struct case_text *text,
                                        const char *name, const char *other)
{
    struct case_section *section;

    text->sections =
        realloc(text->sections, (text->count + 1) * sizeof(*section));
    section = &text->sections[text->count++];
    snprintf(section->name, sizeof(section->name), "%s", name);
    snprintf(section->other, sizeof(section->other), "%s", other);
    llmobs_buf_init(&section->data, FILE_MAX);
    return section;
}

static struct case_text *add_case(struct case_texts *texts, const char *name,
                                  const char *path, int line)
{
    struct case_text *text;

    texts->list = realloc(texts->list, (texts->count + 1) * sizeof(*text));
    text = &texts->list[texts->count++];
    memset(text, 0, sizeof(*text));
    snprintf(text->name, sizeof(text->name), "%s", name);
    snprintf(text->where, sizeof(text->where), "%s:%d: %s", path, line, name);
    return text;
}

/* Takes a heading and its lines. */
static int take_section(struct llmobs_text *rest, struct case_texts *texts,
                        const char *path, int line)
{
    const char *end = rest->data + rest->len, *next;
    const char *eol = memchr(rest->data, '\n', rest->len);
    char heading[160], name[32] = "", how[64] = "", other[64] = "";
    struct case_text *text = &texts->list[texts->count - 1];
    struct case_section *section;
    struct llmobs_text lines;

    if (!eol || (size_t)(eol - rest->data) >= sizeof(heading) ||
        !llmobs_text_begins(*rest, HEADING))
        return -EINVAL;
    memcpy(heading, rest->data, (size_t)(eol - rest->data));
    heading[eol - rest->data] = '\0';
    sscanf(heading, HEADING "%31s %63s as %63s", name, how, other);
    next = memmem(eol, (size_t)(end - eol), "\n" HEADING, sizeof(HEADING));
    next = next ? next + 1 : end;
    lines = (struct llmobs_text){eol + 1, (size_t)(next - eol) - 1};
    *rest = (struct llmobs_text){next, (size_t)(end - next)};
    if (lines.len > 0 && next[-1] == '\n')
        lines.len--;
    if (strcmp(name, "case") == 0) {
        add_case(texts, how, path, line);
        return *how != '\0' && lines.len == 0 ? 0 : -EINVAL;
    }
    if (*name == '\0' || section_of(text, name))
        return -EINVAL;
    section = add_section(text, name, other);
    if (strcmp(how, "escaped") == 0)
        return add_escaped(&section->data, lines);
    if (*how == '\0')
        return llmobs_buf_add(&section->data, lines.data, lines.len);
    return strcmp(how, "same") == 0 && *other && lines.len == 0 ? 0 : -EINVAL;
}

static void free_case(struct case_text *text)
{
    for (size_t i = 0; i < text->count; i++)
        llmobs_buf_fini(&text->sections[i].data);
    free(text->sections);
}

/* Gives the cases of a text since the first, which is none itself, the sections
 * before them. */
static int share(struct case_texts *texts, size_t first)
{
    struct case_text common = texts->list[first];
    int rc = 0;

    if (texts->count == first + 1)
        return 0;
    texts->count--;
    memmove(&texts->list[first], &texts->list[first + 1],
            (texts->count - first) * sizeof(common));
    for (size_t i = first; i < texts->count; i++)
        for (size_t k = 0; rc == 0 && k < common.count; k++) {
            const struct case_section *from = &common.sections[k];

            if (!section_of(&texts->list[i], from->name))
                rc = llmobs_buf_add(
                    &add_section(&texts->list[i], from->name, from->other)
                         ->data,
                    from->data.data, from->data.len);
        }
    free_case(&common);
    return rc;
}

static int read_text(struct case_texts *texts, const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t first = texts->count;
    struct llmobs_text rest;
    struct llmobs_buf file;
    int line = 1, rc = read_file(path, &file);

    rest = llmobs_buf_text(&file);
    add_case(texts, slash ? slash + 1 : path, path, line);
    while (rc == 0 && rest.len > 0) {
        const char *from = rest.data;

        rc = take_section(&rest, texts, path, line);
        for (; rc == 0 && from < rest.data; from++)
            line += *from == '\n';
    }
    if (rc == 0)
        rc = share(texts, first);
    if (rc)
        fprintf(stderr, "%s:%d: %s\n", path, line, strerror(-rc));
    llmobs_buf_fini(&file);
    return rc;
}

static int by_name(const void *a, const void *b)
{
    const struct case_text *x = a, *y = b;

    return strcmp(x->name, y->name);
}

/* Fills the sections that stand for those of others. */
static int resolve(struct case_texts *texts)
{
    qsort(texts->list, texts->count, sizeof(*texts->list), by_name);
    for (size_t i = 0; i < texts->count; i++) {
        struct case_text *text = &texts->list[i];
        const char *wrong =
            i > 0 && by_name(text - 1, text) == 0 ? "name" : NULL;

        for (size_t k = 0; !wrong && k < text->count; k++) {
            struct case_section *to = &text->sections[k], *from = NULL;
            const struct case_text *other = case_texts_find(texts, to->other);

            if (other)
                from = section_of(other, to->name);
            if (to->other[0] && (!from || from->other[0] ||
                                 llmobs_buf_add(&to->data, from->data.data,
                                                from->data.len) != 0))
                wrong = to->name;
        }
        if (wrong) {
            fprintf(stderr, "%s: %s: no such, or twice\n", text->where, wrong);
            return -EINVAL;
        }
    }
    return 0;
}

int case_texts_read(struct case_texts *texts, const char *path)
{
    DIR *dir = opendir(path);
    struct dirent *entry;
    int rc = 0;

    memset(texts, 0, sizeof(*texts));
    if (!dir)
        rc = read_text(texts, path);
    while (rc == 0 && dir && (entry = readdir(dir))) {
        char name[4096];

        snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
        if (entry->d_name[0] != '.')
            rc = read_text(texts, name);
    }
    if (dir)
        closedir(dir);
    return rc == 0 ? resolve(texts) : rc;
}

void case_texts_fini(struct case_texts *texts)
{
    for (size_t i = 0; i < texts->count; i++)
        free_case(&texts->list[i]);
    free(texts->list);
}

const struct case_text *case_texts_find(const struct case_texts *texts,
                                        const char *name)
{
    struct case_text wanted;

    snprintf(wanted.name, sizeof(wanted.name), "%s", name);
    return bsearch(&wanted, texts->list, texts->count, sizeof(wanted), by_name);
}

struct llmobs_text case_text_section(const struct case_text *text,
                                     const char *name)
{
    const struct case_section *section = section_of(text, name);

    return section ? llmobs_buf_text(&section->data) : (struct llmobs_text){0};
}
