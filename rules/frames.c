/* The connections over which a program talks to a model by frames. */
#include <string.h>

#include "rules/custom.h"
#include "rules/read/dialect.h"
#include "rules/read/text.h"
#include "rules/rules.h"

#define MODEL_MAX 128

bool llmobs_rules_match_connection(const struct llmobs_rules *rules,
                                   const char *url, enum llmobs_proxying how,
                                   struct llmobs_match *match)
{
    const struct llmobs_request request = {
        .method = LLMOBS_METHOD_WEBSOCKET,
        .url = url,
        .content_type = "application/json",
        .body_pending = true,
        .proxying = how,
    };

    if (!llmobs_rules_match(rules, &request, match))
        return false;
    if (!match->rule->shape->frames) {
        match->why = "a websocket, but no known path";
        return false;
    }
    /* The frames themselves show whether it is a model's connection. */
    match->confirm = false;
    return true;
}

enum llmobs_frame_kind llmobs_rules_frame(const struct llmobs_match *match,
                                          const struct llmobs_look *frame,
                                          bool sent)
{
    return match->rule->shape->frames->kind(frame, sent);
}

void llmobs_rules_look(const struct llmobs_match *match,
                       struct llmobs_look *frame)
{
    llmobs_look_begin(frame, match->rule->shape->frames->names);
}

bool llmobs_rules_takes_binary(const struct llmobs_match *match)
{
    return match->rule->shape->frames->binary;
}

size_t llmobs_rules_shrink(const struct llmobs_match *match, char *frame,
                           size_t len)
{
    const struct llmobs_frames *frames = match->rule->shape->frames;

    return frames->shrink ? frames->shrink(frame, len) : len;
}

bool llmobs_rules_transcribes(const struct llmobs_match *match,
                              struct llmobs_text settings)
{
    const struct llmobs_frames *frames = match->rule->shape->frames;

    return frames->transcribes && frames->transcribes(settings);
}

/* The value of a parameter; its length is 0 without the parameter. */
static struct llmobs_text frames_parameter(const char *url, const char *name)
{
    const char *at = url + strcspn(url, "?#");
    size_t len = strlen(name);

    while (*at && *at != '#') {
        at++;
        if (strncmp(at, name, len) == 0 && at[len] == '=')
            return (struct llmobs_text){at + len + 1,
                                        strcspn(at + len + 1, "&#")};
        at += strcspn(at, "&#");
    }
    return (struct llmobs_text){"", 0};
}

/* True for a model's name. No real name has escapes or other such bytes. */
static bool frames_is_name(struct llmobs_text text)
{
    static const char other[] = "-._:/@";

    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
              (c >= '0' && c <= '9') || strchr(other, c)))
            return false;
    }
    return text.len > 0 && text.len <= MODEL_MAX;
}

int llmobs_rules_open(const struct llmobs_match *match, const char *url,
                      struct llmobs_buf *line)
{
    LLMOBS_WORDS_EACH (name, match->rule->shape->frames->models) {
        struct llmobs_text model = frames_parameter(url, name);

        if (frames_is_name(model))
            return llmobs_buf_addf(line, "{\"model\":\"%.*s\"}\n",
                                   (int)model.len, model.data);
    }
    return 0;
}
