#include "rules/read/places.h"

#include <stdlib.h>
#include <string.h>

#define DIGITS_MAX 9

const char *llmobs_place_fault(const char *pointer)
{
    if (*pointer && *pointer != '/')
        return "a pointer does not begin with '/'";
    for (; *pointer; pointer++) {
        if ((unsigned char)*pointer < ' ')
            return "a pointer has a control character";
        if (*pointer == '~' && pointer[1] != '0' && pointer[1] != '1')
            return "a pointer has a '~' that is neither ~0 nor ~1";
    }
    return NULL;
}

bool llmobs_place_is_of_documents(enum llmobs_place which)
{
    return strchr("dtn#s", (char)which) != NULL;
}

/* Finds the pointer; its data is NULL where the rule names no such place. */
static struct llmobs_text pointer_of(const char *places,
                                     enum llmobs_place which)
{
    while (places && *places) {
        size_t len = strcspn(places, "\n");

        if (*places == (char)which)
            return (struct llmobs_text){places + 1, len - 1};
        places += len + (places[len] == '\n');
    }
    return (struct llmobs_text){NULL, 0};
}

bool llmobs_place_named(const char *places, enum llmobs_place which)
{
    return pointer_of(places, which).data != NULL;
}

static const struct llmobs_json *element(const struct llmobs_json *array,
                                         struct llmobs_text digits)
{
    size_t at = 0;

    if (digits.len == 0 || digits.len > DIGITS_MAX ||
        (digits.data[0] == '0' && digits.len > 1))
        return NULL;
    for (size_t i = 0; i < digits.len; i++) {
        if (digits.data[i] < '0' || digits.data[i] > '9')
            return NULL;
        at = at * 10 + (size_t)(digits.data[i] - '0');
    }
    return llmobs_json_at(array, at);
}

/* Undoes the escapes of a step; `key` has room for one byte more than it. */
static void decode(struct llmobs_text name, char *key)
{
    for (size_t i = 0; i < name.len; i++) {
        bool coded = name.data[i] == '~' && i + 1 < name.len;

        if (coded)
            i++;
        *key++ = !coded ? name.data[i] : name.data[i] == '1' ? '/' : '~';
    }
    *key = '\0';
}

static const struct llmobs_json *member(const struct llmobs_json *object,
                                        struct llmobs_text name)
{
    char key[LLMOBS_PLACES_MAX];

    if (name.len >= sizeof(key))
        return NULL;
    decode(name, key);
    return llmobs_json_get(object, key);
}

char *llmobs_place_first(const char *places, enum llmobs_place which)
{
    struct llmobs_text name = pointer_of(places, which);
    const char *end;
    char *key;

    if (name.len < 2)
        return NULL;
    name.data++;
    name.len--;
    end = memchr(name.data, '/', name.len);
    if (end)
        name.len = (size_t)(end - name.data);
    key = malloc(name.len + 1);
    if (key)
        decode(name, key);
    return key;
}

const struct llmobs_json *llmobs_place_of(const char *places,
                                          enum llmobs_place which,
                                          const struct llmobs_json *body)
{
    struct llmobs_text rest = pointer_of(places, which);

    if (!rest.data)
        return NULL;
    while (body && rest.len > 0) {
        const char *at = rest.data + 1;
        const char *end = memchr(at, '/', rest.len - 1);
        struct llmobs_text step = {at, rest.len - 1};

        if (end)
            step.len = (size_t)(end - at);
        body = llmobs_json_is_array(body) ? element(body, step)
                                          : member(body, step);
        rest.data = at + step.len;
        rest.len -= step.len + 1;
    }
    return body;
}
