#include "cli/show/messages.h"

#include <errno.h>
#include <stdlib.h>

#include "cli/shared/escape.h"
#include "cli/show/media.h"

#define TEXT_COLUMNS 96
/* The most messages, tool calls or documents of a side that are shown. */
#define SHOWN 8

/* A line of detail while it is written: "in   user: text". */
struct detail {
    struct llmobs_buf *out;
    const char *side;
};

static int add_line(const struct detail *detail, const char *who,
                    const char *text)
{
    struct llmobs_buf *out = detail->out;

    llmobs_buf_addf(out, "%-4s ", detail->side);
    if (llmobs_has_text(who)) {
        llmobs_escape_adds(out, who, 24);
        llmobs_buf_adds(out, ": ");
    }
    llmobs_escape_add(out, llmobs_text_of(text), TEXT_COLUMNS);
    llmobs_buf_addc(out, '\n');
    return out->error;
}

static int add_tool(const struct detail *detail, const char *role,
                    const struct llmobs_json *call)
{
    const char *name = llmobs_json_gets(call, "name");
    char *arguments = llmobs_json_dumps(llmobs_json_get(call, "arguments"), 0);
    struct llmobs_buf text;
    int rc;

    llmobs_buf_init(&text, TEXT_COLUMNS * 64);
    rc = llmobs_buf_addf(&text, "%.200s(%.4000s)", name ? name : "",
                         arguments ? arguments : "");
    if (rc == 0)
        rc = add_line(detail, role, text.data);
    llmobs_buf_fini(&text);
    free(arguments);
    return rc;
}

static int add_media(const struct detail *detail, const char *role,
                     const struct llmobs_json *parts, const char *what)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < llmobs_json_len(parts) && i < SHOWN;
         i++) {
        struct llmobs_buf text;

        llmobs_buf_init(&text, TEXT_COLUMNS * 64);
        rc = llmobs_media_add(&text, llmobs_json_at(parts, i), what);
        if (rc == 0)
            rc = add_line(detail, role, text.data);
        llmobs_buf_fini(&text);
    }
    return rc;
}

static int add_message(const struct detail *detail,
                       const struct llmobs_json *message)
{
    const char *role = llmobs_json_gets(message, "role");
    const char *content = llmobs_json_gets(message, "content");
    const struct llmobs_json *calls = llmobs_json_get(message, "tool_calls");
    const struct llmobs_json *results =
        llmobs_json_get(message, "tool_results");
    int rc = 0;

    if (content && *content != '\0')
        rc = add_line(detail, role, content);
    if (rc == 0)
        rc = add_media(detail, role, llmobs_json_get(message, "image_parts"),
                       "image");
    if (rc == 0)
        rc = add_media(detail, role, llmobs_json_get(message, "audio_parts"),
                       "audio");
    for (size_t i = 0; rc == 0 && i < llmobs_json_len(calls) && i < SHOWN; i++)
        rc = add_tool(detail, role, llmobs_json_at(calls, i));
    for (size_t i = 0; rc == 0 && i < llmobs_json_len(results) && i < SHOWN;
         i++) {
        const char *text =
            llmobs_json_gets(llmobs_json_at(results, i), "result");

        if (text)
            rc = add_line(detail, role, text);
    }
    return rc;
}

/* Writes the last messages only: an input repeats all earlier messages. */
static int add_messages(const struct detail *detail,
                        const struct llmobs_json *messages)
{
    size_t count = llmobs_json_len(messages), skip;
    int rc = 0;

    skip = count > SHOWN ? count - SHOWN : 0;
    if (skip > 0)
        rc = llmobs_buf_addf(detail->out, "%-4s … %zu earlier\n", detail->side,
                             skip);
    for (size_t i = skip; rc == 0 && i < count; i++)
        rc = add_message(detail, llmobs_json_at(messages, i));
    return rc;
}

static int add_documents(const struct detail *detail,
                         const struct llmobs_json *documents)
{
    size_t count = llmobs_json_len(documents);
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < count && i < SHOWN; i++) {
        const char *text =
            llmobs_json_gets(llmobs_json_at(documents, i), "text");

        rc = add_line(detail, "document", text);
    }
    if (rc == 0 && count > SHOWN)
        rc = llmobs_buf_addf(detail->out, "%-4s … %zu more\n", detail->side,
                             count - SHOWN);
    return rc;
}

static int add_side(const struct detail *detail, const struct llmobs_json *side)
{
    const char *value = llmobs_json_gets(side, "value");
    int rc = add_messages(detail, llmobs_json_get(side, "messages"));

    if (rc == 0)
        rc = add_documents(detail, llmobs_json_get(side, "documents"));
    if (rc == 0 && value)
        rc = add_line(detail, NULL, value);
    return rc;
}

int llmobs_messages_lines(const struct llmobs_json *event,
                          struct llmobs_buf *out)
{
    const struct llmobs_json *meta = llmobs_json_get(event, "meta");
    struct detail in = {out, "in"}, answer = {out, "out"};
    int rc = add_side(&in, llmobs_json_get(meta, "input"));

    if (rc == 0)
        rc = add_side(&answer, llmobs_json_get(meta, "output"));
    return rc == -EFBIG ? 0 : rc; /* the part that fits is shown */
}
