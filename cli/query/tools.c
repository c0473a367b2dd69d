/* Collects the names of called tools by the ids of their calls. */
#include "cli/query/tools.h"

#include <stdlib.h>
#include <string.h>

#include "cli/query/texts.h"
#include "cli/shared/reader.h"
#include "core/event/linking.h"
#include "lib/base/grow.h"

struct call {
    const char *id, *name; /* name is NULL: it has two */
};

static struct {
    const char *store; /* NULL: it was read */
    struct llmobs_texts texts;
    struct call *list;
    size_t count, cap;
    bool sorted;
} tools;

static int by_id(const void *left, const void *right)
{
    return strcmp(((const struct call *)left)->id,
                  ((const struct call *)right)->id);
}

static int read_line(void *ctx, struct llmobs_text text,
                     struct llmobs_place place)
{
    static const char key[] = "\"tool_calls\"";
    const struct llmobs_json *messages;
    struct llmobs_json *event = NULL;

    (void)ctx, (void)place;
    if (!memmem(text.data, text.len, key, sizeof(key) - 1) ||
        llmobs_json_parse(text, &event) != 0)
        return 0;
    messages = llmobs_json_get(
        llmobs_json_get(llmobs_json_get(event, "meta"), "output"), "messages");
    LLMOBS_JSON_EACH (message, messages, true)
        LLMOBS_JSON_EACH (call, llmobs_json_get(message, "tool_calls"), true) {
            const char *id = llmobs_json_gets(call, "tool_id");
            const char *name = llmobs_json_gets(call, "name");

            if (llmobs_has_text(name) && llmobs_linker_is_unique(id, name) &&
                llmobs_grow(&tools.list, &tools.cap, tools.count,
                            sizeof(*tools.list)) == 0)
                tools.list[tools.count++] = (struct call){
                    llmobs_texts_copy(&tools.texts, id, strlen(id)),
                    llmobs_texts_share(&tools.texts, name)};
            tools.sorted = false;
        }
    llmobs_json_free(event);
    return tools.texts.failed ? -ENOMEM : 0;
}

void llmobs_tools_of(const char *store)
{
    llmobs_texts_fini(&tools.texts);
    tools.count = 0;
    tools.store = store;
}

void llmobs_tools_add(struct llmobs_text line)
{
    if (!tools.store)
        (void)read_line(NULL, line, (struct llmobs_place){0});
}

const char *llmobs_tools_name(const char *id)
{
    struct llmobs_reader *reader = NULL;
    const struct call key = {id, NULL}, *found;
    size_t kept = 0;

    if (tools.store && llmobs_reader_open(tools.store, &reader) == 0 &&
        llmobs_reader_walk(reader, 0, NULL, read_line, NULL) != 0)
        tools.count = 0;
    llmobs_reader_close(reader);
    if (!tools.sorted && tools.count > 0) {
        qsort(tools.list, tools.count, sizeof(*tools.list), by_id);
        for (size_t i = 1; i < tools.count; i++) {
            struct call *last = &tools.list[kept];

            if (by_id(last, &tools.list[i]) != 0)
                tools.list[++kept] = tools.list[i];
            else if (last->name != tools.list[i].name) /* they are shared */
                last->name = NULL;
        }
        tools.count = kept + 1;
        tools.sorted = true;
    }
    tools.store = NULL;
    found = id && tools.count > 0 ? bsearch(&key, tools.list, tools.count,
                                            sizeof(*tools.list), by_id)
                                  : NULL;
    return found ? found->name : NULL;
}
