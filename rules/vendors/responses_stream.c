/* Joins the events of OpenAI's Responses. */
#include "rules/vendors/responses_stream.h"

#include <errno.h>
#include <string.h>

#include "rules/read/message_content.h"

/* The members of an item that come in pieces. */
enum piece {
    PIECE_TEXT,
    PIECE_ARGUMENTS,
    PIECE_INPUT,
    PIECE_CODE,
    PIECE_THOUGHT,
    PIECE_COMMANDS, /* one a line */
    PIECE_DIFF,
    PIECES
};

struct stream_item {
    int64_t index;
    struct llmobs_json *item; /* the announced or the whole item; NULL: neither
                               * came */
    bool whole;
    struct llmobs_buf pieces[PIECES];
};

static struct stream_item *item_of(const struct llmobs_responses_stream *stream,
                                   size_t i)
{
    return (struct stream_item *)stream->items.items + i;
}

void llmobs_responses_stream_fini(void *state)
{
    struct llmobs_responses_stream *stream = state;

    for (size_t i = 0; i < stream->items.count; i++) {
        struct stream_item *item = item_of(stream, i);

        llmobs_json_free(item->item);
        for (size_t p = 0; p < PIECES; p++)
            llmobs_buf_fini(&item->pieces[p]);
    }
    llmobs_stream_parts_fini(&stream->items);
    llmobs_json_free(stream->response);
}

/* Sets *out to the event's item, which it makes when new; -ENOSPC beyond the
 * limit. */
static int item_at(struct llmobs_responses_stream *stream,
                   const struct llmobs_json *event, struct stream_item **out)
{
    void *at;
    int rc = llmobs_stream_part_at(
        &stream->items, sizeof(**out), LLMOBS_RESPONSES_ITEMS_MAX,
        llmobs_json_to_int(llmobs_json_get(event, "output_index")), &at);

    if (rc < 0)
        return rc;
    *out = at;
    return 0;
}

static int add_item(struct llmobs_responses_stream *stream,
                    const struct llmobs_json *event, bool whole)
{
    struct llmobs_json *item = llmobs_json_get(event, "item");
    struct stream_item *streamed;
    int rc;

    if (!llmobs_json_is_object(item))
        return 0;
    rc = item_at(stream, event, &streamed);
    if (rc < 0 || (streamed->whole && !whole))
        return rc == -ENOSPC ? 0 : rc;
    llmobs_json_free(streamed->item);
    streamed->item = llmobs_json_share(item);
    streamed->whole = whole;
    stream->begun = stream->begun || whole;
    return 0;
}

static int add_delta(struct llmobs_responses_stream *stream, enum piece piece,
                     const struct llmobs_json *event)
{
    const char *text = llmobs_json_gets(event, "delta");
    const char *command = llmobs_json_gets(event, "command");
    struct stream_item *streamed;
    int rc;

    text = text ? text : command;
    if (!text || (!*text && !command))
        return 0;
    rc = item_at(stream, event, &streamed);
    if (rc < 0)
        return rc == -ENOSPC ? 0 : rc;
    stream->begun = true;
    if (command && streamed->pieces[piece].len > 0)
        rc = llmobs_message_content_append(&streamed->pieces[piece], "\n");
    if (rc < 0)
        return rc;
    return llmobs_message_content_append(&streamed->pieces[piece], text);
}

int llmobs_responses_stream_add(struct llmobs_responses_stream *stream,
                                const char *type,
                                const struct llmobs_json *event)
{
    static const struct {
        const char *type;
        enum piece piece;
    } deltas[] = {
        {"response.output_text.delta", PIECE_TEXT},
        {"response.refusal.delta", PIECE_TEXT},
        {"response.function_call_arguments.delta", PIECE_ARGUMENTS},
        {"response.mcp_call_arguments.delta", PIECE_ARGUMENTS},
        {"response.custom_tool_call_input.delta", PIECE_INPUT},
        {"response.code_interpreter_call_code.delta", PIECE_CODE},
        {"response.reasoning_summary_text.delta", PIECE_THOUGHT},
        {"response.reasoning_text.delta", PIECE_THOUGHT},
        {"response.shell_call_command.added", PIECE_COMMANDS},
        {"response.shell_call_command.delta", PIECE_COMMANDS},
        {"response.apply_patch_call_operation_diff.delta", PIECE_DIFF},
    };
    static const char last[] =
        "response.completed\0response.incomplete\0response.failed\0";
    struct llmobs_json *response = llmobs_json_get(event, "response");

    if (llmobs_json_is_object(response)) {
        llmobs_json_free(stream->response);
        stream->response = llmobs_json_share(response);
        stream->done = stream->done || llmobs_words_have(last, type);
        stream->begun =
            stream->begun ||
            llmobs_json_len(llmobs_json_get(response, "output")) > 0;
    }
    if (strcmp(type, "response.output_item.added") == 0)
        return add_item(stream, event, false);
    if (strcmp(type, "response.output_item.done") == 0)
        return add_item(stream, event, true);
    for (size_t i = 0; i < sizeof(deltas) / sizeof(deltas[0]); i++)
        if (strcmp(type, deltas[i].type) == 0)
            return add_delta(stream, deltas[i].piece, event);
    return 0;
}

/* Sets the pieces under the key that they have in an item of that kind. */
static int set_piece(struct llmobs_json *item,
                     const struct stream_item *streamed, enum piece piece)
{
    static const char *const keys[PIECES] = {[PIECE_ARGUMENTS] = "arguments",
                                             [PIECE_INPUT] = "input",
                                             [PIECE_CODE] = "code"};
    const struct llmobs_buf *buf = &streamed->pieces[piece];
    struct llmobs_json *list, *part;
    int rc;

    if (piece == PIECE_COMMANDS) {
        list = llmobs_json_array();
        part = llmobs_json_object();
        rc = llmobs_json_add(list, llmobs_message_content_string(buf));
        rc = llmobs_json_set_made(part, "commands", list, rc);
        return llmobs_json_set_made(item, "action", part, rc);
    }
    if (piece == PIECE_DIFF) {
        part = llmobs_json_get(item, "operation");
        part = part ? llmobs_json_share(part) : llmobs_json_object();
        rc = llmobs_json_set(part, "diff", llmobs_message_content_string(buf));
        return llmobs_json_set_made(item, "operation", part, rc);
    }
    if (keys[piece])
        return llmobs_json_set(item, keys[piece],
                               llmobs_message_content_string(buf));
    list = llmobs_json_array();
    part = llmobs_json_object();
    rc = llmobs_json_sets(part, "type",
                          piece == PIECE_TEXT ? "output_text" : "summary_text");
    if (rc == 0)
        rc = llmobs_json_set(part, "text", llmobs_message_content_string(buf));
    rc = llmobs_json_add_made(list, part, rc);
    return llmobs_json_set_made(
        item, piece == PIECE_TEXT ? "content" : "summary", list, rc);
}

/* Adds an item as far as it came; nothing where nothing of it came. */
static int add_part(struct llmobs_json *list,
                    const struct stream_item *streamed)
{
    /* Of an item whose announcement was lost, or had no type: by its first
     * pieces; an item of which only a name came is a call. */
    static const char *const types[] = {
        "message",          "function_call",
        "custom_tool_call", "code_interpreter_call",
        "reasoning",        "shell_call",
        "apply_patch_call", "function_call"};
    struct llmobs_json *item;
    size_t piece = 0;
    int rc = 0;

    while (piece < PIECES && streamed->pieces[piece].len == 0)
        piece++;
    if (piece == PIECES && !llmobs_json_gets(streamed->item, "name"))
        return 0;
    item = streamed->item ? llmobs_json_clone(streamed->item)
                          : llmobs_json_object();
    if (!llmobs_json_gets(item, "type"))
        rc = llmobs_json_sets(item, "type", types[piece]);
    if (rc == 0 && piece < PIECES)
        rc = set_piece(item, streamed, (enum piece)piece);
    return llmobs_json_add_made(list, item, rc);
}

struct llmobs_json *llmobs_responses_stream_items(
    const struct llmobs_responses_stream *stream)
{
    struct llmobs_json *output = llmobs_json_get(stream->response, "output");
    struct llmobs_json *list;
    int rc = 0;

    if (llmobs_json_len(output) > 0 && llmobs_json_is_array(output))
        return llmobs_json_share(output);
    list = llmobs_json_array();
    for (size_t i = 0; list && rc == 0 && i < stream->items.count; i++) {
        const struct stream_item *streamed = item_of(stream, i);

        rc = streamed->whole
                 ? llmobs_json_add(list, llmobs_json_share(streamed->item))
                 : add_part(list, streamed);
    }
    return llmobs_json_done(list, rc);
}
