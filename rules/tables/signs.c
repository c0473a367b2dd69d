/* How a dialect with a table (layout.h) recognises its calls: by members of the
 * request, words of the answer, and the model in the path. */
#include <string.h>

#include "rules/read/match.h"
#include "rules/read/text.h"
#include "rules/tables/interpreter.h"

#define MEMBER_LEN 48

/* True where the request has the member that one word of layout->asks names. If
 * the request was cut, only the member's name can be checked. */
static bool has_member(const struct llmobs_reading *reading, const char *word,
                       size_t len)
{
    char key[MEMBER_LEN] = "", *value;
    const struct llmobs_json *member;
    bool typed = strchr("{['", *word);

    if (len >= sizeof(key))
        return false;
    if (*word == '?') {
        memcpy(key, word + 1, len - 1);
        return llmobs_text_has_any(reading->classified->call->response, key);
    }
    memcpy(key, word + typed, len - typed);
    value = strchr(key, '=');
    if (value)
        *value++ = '\0';
    member = llmobs_json_get(reading->request, key);
    if (!member)
        return llmobs_reading_has(reading, key);
    if (value)
        return llmobs_text_is(llmobs_text_of(llmobs_json_text(member)), value);
    return !typed         ? true
           : *word == '{' ? llmobs_json_is_object(member)
           : *word == '[' ? llmobs_json_is_array(member)
                          : llmobs_json_is_string(member);
}

bool llmobs_interpreter_signed(const struct llmobs_reading *reading)
{
    const struct llmobs_layout *layout = reading->form->variant;
    bool has = layout->asks != NULL;

    for (const char *at = layout->asks; has && *at;
         at = llmobs_words_next(at)) {
        size_t len;

        has = false;
        for (const char *word = at; !has && *word;
             word += len + (word[len] == '|')) {
            len = strcspn(word, "|");
            has = has_member(reading, word, len);
        }
    }
    if (!has || !layout->answers)
        return has;
    return layout->may
               ? llmobs_answer_may_have(reading->classified->call,
                                        layout->answers)
               : llmobs_text_has_any(reading->classified->call->response,
                                     layout->answers);
}

/* Gives the segment of the path that the first star of the shape's stands for,
 * without an operation behind a colon. */
char *llmobs_interpreter_path_model(const struct llmobs_reading *reading)
{
    const char *star = strchr(reading->classified->shape->path, '*');

    if (star && star[1] == '*')
        return llmobs_url_decode(llmobs_match_rest(
            reading->classified->shape, reading->classified->url->path));
    char *name = llmobs_url_segment(reading->classified->url->path,
                                    llmobs_url_behind(star));

    if (name && star && strchr(star, ':'))
        name[strcspn(name, ":")] = '\0';
    return name;
}
