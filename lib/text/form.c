/* Parses multipart forms. */
#include "lib/text/form.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define BOUNDARY_MAX 200 /* RFC 2046 has 70 */
#define LINE_END_MAX 128 /* bytes of the line behind a delimiter */

/* A part with this many bytes of base64 in a row is not a text. */
#define BASE64_MIN 1024

enum state {
    IN_BODY,      /* a part's bytes, or the bytes before the first part */
    IN_DELIMITER, /* behind "--boundary" */
    IN_HEAD,      /* a part's header */
    IN_NOTHING    /* behind the end, or lost */
};

struct llmobs_form_parser {
    enum state state;
    char needle[BOUNDARY_MAX + 4]; /* a line feed, "--" and the boundary */
    size_t needle_len;
    size_t matched;   /* bytes of the needle, just before here */
    bool outside;     /* the first matched byte is not the part's */
    bool last_cr;     /* the part's last byte was a carriage return */
    size_t delimiter; /* bytes behind the needle */
    bool closes;      /* the first byte behind the needle was a '-' */
    char line[LLMOBS_FORM_HEAD_MAX]; /* of a header */
    size_t line_len;
    size_t head_len; /* of all lines of it */
    /* The present part: */
    bool known; /* it has a name, and its header was whole */
    bool file;  /* it is not a text */
    char name[LLMOBS_FORM_NAME_MAX + 1];
    char type[LLMOBS_FORM_TYPE_MAX + 1];
    uint64_t bytes;
    struct llmobs_buf text;
    size_t parts;
};

/* -- lines of JSON --------------------------------------------------------- */

static void add_escaped(struct llmobs_buf *line, struct llmobs_text text)
{
    static const char digits[] = "0123456789abcdef";

    llmobs_buf_addc(line, '"');
    for (size_t i = 0; line->error == 0 && i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];

        if (c < 0x20) { /* no printf runs on the program's thread */
            llmobs_buf_adds(line, "\\u00");
            llmobs_buf_addc(line, digits[c >> 4]);
            llmobs_buf_addc(line, digits[c & 15]);
            continue;
        }
        if (c == '"' || c == '\\')
            llmobs_buf_addc(line, '\\');
        llmobs_buf_addc(line, (char)c);
    }
    llmobs_buf_addc(line, '"');
}

/* Appends {"name":VALUE} as a line of its own, whole or not at all. */
static void put_line(struct llmobs_body *out, struct llmobs_text name,
                     const struct llmobs_buf *value)
{
    struct llmobs_buf line;

    if (value->error != 0)
        return;
    llmobs_buf_init(&line, LLMOBS_FORM_KEPT_MAX);
    llmobs_buf_addc(&line, '{');
    add_escaped(&line, name);
    llmobs_buf_addc(&line, ':');
    llmobs_buf_add(&line, value->data, value->len);
    llmobs_buf_adds(&line, "}\n");
    if (line.error == 0 && out->total + line.len <= LLMOBS_FORM_KEPT_MAX)
        (void)llmobs_body_add(out, line.data, line.len);
    llmobs_buf_fini(&line);
}

void llmobs_form_file(struct llmobs_body *out, struct llmobs_text name,
                      const char *type, int64_t bytes)
{
    struct llmobs_buf value;
    size_t len = type ? strcspn(type, "; \t\r\n") : 0;
    bool typed = len > 0 && len <= LLMOBS_FORM_TYPE_MAX;
    char digits[21];

    llmobs_buf_init(&value, LLMOBS_FORM_HEAD_MAX);
    llmobs_buf_addc(&value, '{');
    if (typed) {
        llmobs_buf_adds(&value, "\"type\":");
        add_escaped(&value, (struct llmobs_text){type, len});
    }
    if (typed && bytes >= 0)
        llmobs_buf_addc(&value, ',');
    if (bytes >= 0) {
        llmobs_buf_adds(&value, "\"bytes\":");
        llmobs_buf_add(&value, digits,
                       llmobs_text_decimal((uint64_t)bytes, digits));
    }
    llmobs_buf_addc(&value, '}');
    put_line(out, name, &value);
    llmobs_buf_fini(&value);
}

/* True for bytes that a person or a program may have written as a text. */
static bool is_text_bytes(struct llmobs_text text)
{
    size_t run = 0;

    if (text.len > LLMOBS_FORM_TEXT_MAX)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];

        if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f)
            return false;
        run = ((c | 32) >= 'a' && (c | 32) <= 'z') || (c >= '0' && c <= '9') ||
                      (c && strchr("+/-_=", c))
                  ? run + 1
                  : 0;
        if (run == BASE64_MIN)
            return false;
    }
    return true;
}

static bool begins_with(const char *text, const char *with)
{
    return strncasecmp(text, with, strlen(with)) == 0;
}

/* A part without a type counts as a text (RFC 7578, 4.4). */
static bool is_text_type(const char *type)
{
    return !type || !*type || begins_with(type, "text/") ||
           begins_with(type, "application/json");
}

bool llmobs_form_plain(const char *coding)
{
    return !coding || begins_with(coding, "7bit") ||
           begins_with(coding, "8bit") || begins_with(coding, "binary");
}

void llmobs_form_text(struct llmobs_body *out, struct llmobs_text name,
                      const char *type, struct llmobs_text text)
{
    struct llmobs_buf value;

    if (!is_text_type(type) || !is_text_bytes(text)) {
        llmobs_form_file(out, name, type, (int64_t)text.len);
        return;
    }
    llmobs_buf_init(&value, LLMOBS_FORM_KEPT_MAX);
    add_escaped(&value, text);
    put_line(out, name, &value);
    llmobs_buf_fini(&value);
}

/* -- headers --------------------------------------------------------------- */

/* Copies the value of a parameter, without its quotes; false: the parameter is
 * missing or too long. A quote within quotes has a backslash before it, or is
 * written as %22, which stays so. */
static bool copy_parameter(const char *header, const char *name, char *to,
                           size_t cap)
{
    size_t len = strlen(name), n = 0;
    const char *at = strchr(header, ';');

    while (at) {
        bool quoted, mine;

        at += strspn(at, "; \t");
        mine = strncasecmp(at, name, len) == 0 && at[len] == '=';
        at += strcspn(at, "=;");
        if (*at != '=') {
            at = *at ? at : NULL;
            continue;
        }
        quoted = *++at == '"';
        at += quoted;
        while (*at && (quoted ? *at != '"' : !strchr("; \t", *at))) {
            at += quoted && *at == '\\' && (at[1] == '"' || at[1] == '\\');
            if (mine && ++n < cap)
                to[n - 1] = *at;
            at++;
        }
        if (mine) {
            to[n < cap ? n : 0] = '\0';
            return n < cap;
        }
        at = strchr(at, ';');
    }
    return false;
}

bool llmobs_form_type(const char *content_type)
{
    return content_type && begins_with(content_type, "multipart/");
}

struct llmobs_form_parser *llmobs_form_new(const char *content_type)
{
    struct llmobs_form_parser *form;
    char *boundary;

    if (!llmobs_form_type(content_type))
        return NULL;
    form = malloc(sizeof(*form));
    if (!form)
        return NULL;
    memset(form, 0, sizeof(*form));
    llmobs_buf_init(&form->text, LLMOBS_FORM_TEXT_MAX + 1);
    memcpy(form->needle, "\n--", 3);
    boundary = form->needle + 3;
    if (!copy_parameter(content_type, "boundary", boundary, BOUNDARY_MAX + 1)) {
        free(form);
        return NULL;
    }
    boundary[strcspn(boundary, "\r\n")] = '\0';
    form->needle_len = strlen(form->needle);
    llmobs_form_rewind(form, 0);
    return form;
}

void llmobs_form_free(struct llmobs_form_parser *form)
{
    if (!form)
        return;
    llmobs_buf_fini(&form->text);
    free(form);
}

/* The first delimiter needs no line before it. */
void llmobs_form_rewind(struct llmobs_form_parser *form, uint64_t from)
{
    form->state = from == 0 && form->needle_len > 3 ? IN_BODY : IN_NOTHING;
    form->known = form->last_cr = false;
    form->matched = 1;
    form->outside = true;
    form->parts = 0;
}

void llmobs_form_gap(struct llmobs_form_parser *form)
{
    if (form->state == IN_NOTHING)
        return;
    form->state = IN_BODY;
    form->known = false;
    form->matched = 0;
}

static void read_header(struct llmobs_form_parser *form)
{
    const char *value = strchr(form->line, ':');
    size_t len;

    if (!value)
        return;
    value += 1 + strspn(value + 1, " \t");
    len = strcspn(value, "; \t");
    if (begins_with(form->line, "content-disposition:")) {
        form->known =
            begins_with(value, "form-data") &&
            copy_parameter(value, "name", form->name, sizeof(form->name)) &&
            form->name[0];
        form->file = form->file || strcasestr(value, "filename=") ||
                     strcasestr(value, "filename*");
    } else if (begins_with(form->line, "content-type:")) {
        form->file = form->file || !is_text_type(value);
        if (len > LLMOBS_FORM_TYPE_MAX)
            len = 0;
        memcpy(form->type, value, len);
        form->type[len] = '\0';
    } else if (begins_with(form->line, "content-transfer-encoding:")) {
        form->file = form->file || !llmobs_form_plain(value);
    }
}

/* -- the form -------------------------------------------------------------- */

static void end_part(struct llmobs_form_parser *form, struct llmobs_body *out)
{
    const struct llmobs_text name = llmobs_text_of(form->name);
    struct llmobs_text text;

    if (form->known && form->parts++ < LLMOBS_FORM_PARTS_MAX) {
        if (form->last_cr) { /* it belongs to the delimiter */
            form->bytes--;
            if (form->text.len > 0 &&
                form->text.data[form->text.len - 1] == '\r')
                llmobs_buf_cut(&form->text, form->text.len - 1);
        }
        text.data = form->text.data ? form->text.data : "";
        text.len = form->text.len;
        if (form->file || text.len != form->bytes)
            llmobs_form_file(out, name, form->type, (int64_t)form->bytes);
        else
            llmobs_form_text(out, name, form->type, text);
    }
    form->known = false;
}

static void add_bytes(struct llmobs_form_parser *form, const char *data,
                      size_t len)
{
    if (len == 0)
        return;
    form->bytes += len;
    form->last_cr = data[len - 1] == '\r';
    /* When memory runs out, the text is shorter than `bytes`; the part then
     * counts as a file. */
    if (form->known && !form->file && form->bytes <= LLMOBS_FORM_TEXT_MAX + 1)
        (void)llmobs_buf_add(&form->text, data, len);
}

/* Each of the following functions takes bytes up to the next change of state,
 * and gives the place where it stopped. */

/* The line feed that may begin a delimiter; NULL: none before the end. */
static const char *find_line(const char *at, const char *end)
{
    const char *line;

    while ((line = memchr(at, '\n', (size_t)(end - at)))) {
        while (line + 1 < end && line[1] == '\n')
            line++;
        if (line + 1 == end || line[1] == '-')
            return line;
        at = line + 1;
    }
    return NULL;
}

/* Reads a part's body. A delimiter has no line feed but its first byte. */
static const char *read_body(struct llmobs_form_parser *form, const char *at,
                             const char *end)
{
    while (at < end) {
        if (form->matched == 0) {
            const char *line = find_line(at, end);

            add_bytes(form, at, (size_t)((line ? line : end) - at));
            form->matched = line != NULL;
            at = line ? line + 1 : end;
        } else if (*at != form->needle[form->matched]) {
            /* These bytes only looked like a delimiter: the part has them. */
            size_t held = form->matched, outside = form->outside;

            form->matched = 0;
            form->outside = false;
            add_bytes(form, form->needle + outside, held - outside);
        } else {
            at++;
            if (++form->matched < form->needle_len)
                continue;
            form->state = IN_DELIMITER;
            form->delimiter = 0;
            form->closes = false;
            break;
        }
    }
    return at;
}

static const char *read_delimiter(struct llmobs_form_parser *form,
                                  const char *at, struct llmobs_body *out)
{
    char c = *at;

    if (form->closes && c == '-') {
        end_part(form, out);
        form->state = IN_NOTHING;
    } else if (!form->closes && c == '\n') {
        end_part(form, out);
        form->state = IN_HEAD;
        form->line_len = form->head_len = 0;
        form->file = false;
        form->name[0] = form->type[0] = '\0';
    } else if (form->delimiter == 0 && c == '-') {
        form->closes = true;
    } else if (form->closes || !memchr(" \t\r", c, 3) ||
               form->delimiter == LINE_END_MAX) {
        /* The line begins as a delimiter but is not one: which part follows is
         * unknown. */
        llmobs_form_gap(form);
        return at;
    }
    form->delimiter++;
    return at + 1;
}

static const char *read_head(struct llmobs_form_parser *form, const char *at,
                             const char *end)
{
    const char *line = memchr(at, '\n', (size_t)(end - at));
    size_t len = (size_t)((line ? line : end) - at);

    form->head_len += len;
    if (form->line_len + len >= sizeof(form->line))
        len = sizeof(form->line) - 1 - form->line_len;
    memcpy(form->line + form->line_len, at, len);
    form->line_len += len;
    if (!line)
        return end;
    if (form->line_len > 0 && form->line[form->line_len - 1] == '\r')
        form->line_len--;
    form->line[form->line_len] = '\0';
    if (form->line_len == 0) {
        form->state = IN_BODY;
        form->bytes = 0;
        form->last_cr = false;
        /* The header's last line end may begin the delimiter of an empty part.
         */
        form->matched = 1;
        form->outside = true;
        llmobs_buf_cut(&form->text, 0);
        if (form->head_len > LLMOBS_FORM_HEAD_MAX)
            form->known = false;
    } else {
        read_header(form);
    }
    form->line_len = 0;
    return line + 1;
}

void llmobs_form_feed(struct llmobs_form_parser *form, const char *data,
                      size_t len, struct llmobs_body *out)
{
    const char *end = len ? data + len : data; /* `data` may be NULL */

    while (data < end && form->state != IN_NOTHING) {
        if (form->state == IN_BODY)
            data = read_body(form, data, end);
        else if (form->state == IN_DELIMITER)
            data = read_delimiter(form, data, out);
        else
            data = read_head(form, data, end);
    }
}
