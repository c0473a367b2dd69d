/* Collects values while a configuration is read, and complaints. */
#include "core/config/config_load.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "lib/base/scratch.h"
#include "lib/span/secrets.h"

#define COMPLAINT_MAX 512

void llmobs_config_complain(const struct llmobs_config_loading *loading,
                            const char *format, ...)
{
    char *text = loading->complain ? llmobs_scratch_alloc(COMPLAINT_MAX) : NULL;
    va_list args;

    if (!text)
        return;
    va_start(args, format);
    vsnprintf(text, COMPLAINT_MAX, format, args);
    va_end(args);
    /* The report is one line, even if the variable's value has line ends. */
    for (char *at = text; *at; at++) {
        if ((unsigned char)*at < ' ' || *at == 0x7f)
            *at = '?';
    }
    llmobs_secrets_mask(text, strlen(text));
    loading->complain(loading->complain_ctx, text);
    llmobs_scratch_free(text);
}

void llmobs_config_set(struct llmobs_config_loading *loading, char **to,
                       struct llmobs_text text)
{
    char *copy = strndup(text.data, text.len);

    if (!copy) {
        loading->no_memory = true;
        return;
    }
    free(*to);
    *to = copy;
}

void llmobs_config_unset(char **to)
{
    free(*to);
    *to = NULL;
}

bool llmobs_config_is_clean(struct llmobs_text text, bool blanks)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];

        if (c < ' ' || c == 0x7f || (c == ' ' && !blanks))
            return false;
    }
    return true;
}

/* strtod would read the decimal point by the app's locale. */
bool llmobs_config_decimal(const char *text, double *out)
{
    bool minus = *text == '-';
    double value = 0, scale = 1;
    int digits = 0;

    text += minus || *text == '+';
    for (; *text >= '0' && *text <= '9' && digits < 30; text++, digits++)
        value = value * 10 + (*text - '0');
    if (*text == '.') {
        for (text++; *text >= '0' && *text <= '9' && digits < 30;
             text++, digits++) {
            scale /= 10;
            value += (*text - '0') * scale;
        }
    }
    *out = minus ? -value : value;
    return digits > 0 && *text == '\0';
}

void llmobs_config_free_list(char **list)
{
    for (size_t i = 0; list && list[i]; i++)
        free(list[i]);
    free(list);
}

void llmobs_config_absolute(char **path)
{
    char *here, *joined = NULL;

    if (!*path || **path == '/')
        return;
    here = getcwd(NULL, 0);
    if (here && asprintf(&joined, "%s/%s", here, *path) >= 0) {
        free(*path);
        *path = joined;
    }
    free(here);
}

/* RFC 9110, 5.6.2: token. */
static bool is_header_name(struct llmobs_text name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.data[i];

        if (c <= ' ' || c >= 0x7f || strchr("\"(),/:;<=>?@[\\]{}", c))
            return false;
    }
    return name.len > 0;
}

/* True for a header about the body's form, which only the sender of the body
 * may set. */
static bool is_framing(struct llmobs_text name)
{
    static const char *const names[] = {"Content-Length", "Transfer-Encoding",
                                        "Content-Encoding", "Content-Type",
                                        "Connection"};

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        if (strlen(names[i]) == name.len &&
            strncasecmp(names[i], name.data, name.len) == 0)
            return true;
    }
    return false;
}

/* A value with a line break would begin another header, and for an empty value
 * libcurl would leave the header out. */
char *llmobs_config_header(struct llmobs_config_loading *loading,
                           struct llmobs_text name, struct llmobs_text value)
{
    char *header;

    if (!is_header_name(name) || is_framing(name) || value.len == 0 ||
        !llmobs_config_is_clean(value, true))
        return NULL;
    if (asprintf(&header, "%.*s: %.*s", (int)name.len, name.data,
                 (int)value.len, value.data) >= 0)
        return header;
    loading->no_memory = true;
    return NULL;
}
