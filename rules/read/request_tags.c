/* Reads user, session and app from a request. */
#include "rules/read/request_tags.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/span/allowlist.h"
#include "lib/span/secrets.h"
#include "rules/read/cut_json.h"
#include "rules/read/match.h"

#define VALUE_MAX 1024
#define EDGE ((size_t)64 * 1024)

#define SESSION "session_id\0langfuse_session_id\0sessionId\0"
#define USERS "user_id\0trace_user_id\0langfuse_user_id\0"

/* The objects that say it, in the order in which they count. */
static const struct place {
    const char *name;     /* of the header, or of the body's member */
    const char *users;    /* members with the user, the first of them counts */
    const char *sessions; /* the same */
    enum { HEADER, MEMBER, BODY, QUIET } in; /* the last two name no tags */
} places[] = {
    {"x-portkey-metadata", "_user\0user_id\0", SESSION, HEADER},
    {"cf-aig-metadata", "user\0user_id\0", SESSION, HEADER},
    {"x-tfy-metadata", USERS, SESSION, HEADER},
    {"x-litellm-spend-logs-metadata", USERS, SESSION, HEADER},
    {"x-amzn-bedrock-request-metadata", USERS, SESSION, HEADER},
    {"", "safety_identifier\0user\0user_id\0",
     "litellm_session_id\0session_id\0sessionId\0prompt_cache_key\0", BODY},
    {"metadata", USERS, SESSION, MEMBER},
    {"litellm_metadata", USERS, SESSION, MEMBER},
    {"requestMetadata", USERS, SESSION, MEMBER},
    {"labels", USERS, SESSION, MEMBER},
    {"trace", USERS, SESSION, MEMBER},       /* OpenRouter's */
    {"client_metadata", "", SESSION, QUIET}, /* Codex */
};

/* The members of a body that the table above names. */
static const char members[] =
    "safety_identifier\0user\0user_id\0litellm_session_id\0session_id\0"
    "sessionId\0prompt_cache_key\0output_config\0metadata\0litellm_metadata\0"
    "requestMetadata\0labels\0trace\0client_metadata\0";

/* Headers whose value is that of a tag. */
#define PLAIN(name, tag) {name, tag},
static const char *const plain[][2] = {LLMOBS_TAG_HEADERS(PLAIN)};

#define PLACES (sizeof(places) / sizeof(*places))

struct said {
    const struct llmobs_call *call;
    struct llmobs_json *objects[PLACES]; /* as `places`; or NULL */
    struct llmobs_json *tags;
    size_t named;
};

/* -- one tag --------------------------------------------------------------- */

/* True where nothing in it is a credential, nor was one before it was masked;
 * also by its name. */
static bool is_open(const char *pair)
{
    char *copy = strdup(pair);
    const char *value = strchr(pair, ':') + 1;
    bool same;

    if (!copy)
        return false;
    llmobs_secrets_mask(copy, strlen(copy));
    same = strcmp(copy, pair) == 0;
    free(copy);
    return same && !strstr(value, "**") && strcmp(value, "*") != 0;
}

static bool put(struct said *said, const char *key, struct llmobs_text value)
{
    struct llmobs_buf pair;
    int rc;

    value = llmobs_text_trim(value);
    if (value.len == 0)
        return false;
    if (value.len > VALUE_MAX)
        value.len = VALUE_MAX;
    llmobs_buf_init(&pair, VALUE_MAX + REQUEST_TAGS_KEY + 1);
    rc = llmobs_buf_addf(&pair, "%s:%.*s", key, (int)value.len, value.data);
    if (rc == 0 && strcmp(key, "tag") == 0) /* each of its values counts */
        key = pair.data;
    if (rc == 0)
        rc = llmobs_json_get(said->tags, key) || !is_open(pair.data)
                 ? -EEXIST
                 : llmobs_json_set(said->tags, key,
                                   llmobs_json_string(pair.data));
    llmobs_buf_fini(&pair);
    return rc == 0;
}

/* True for a key of the library's own tags, also where this span lacks it. */
static bool is_reserved(const char *key)
{
    static const char keys[] =
        "ml_app\0agent_service\0service\0env\0version\0source\0language\0"
        "integration\0key\0plugin\0unit\0pool\0container_id\0pod_name\0"
        "ml-proxy\0conversation_id\0inferred\0gateway_request_id\0"
        "trace_headers\0";
    static const char leads[] = "error\0entrypoint.\0ddtrace.\0git.\0http.\0"
                                "kube_\0mcp_\0prompt_tracking\0_dd\0";

    LLMOBS_WORDS_EACH (lead, leads)
        if (strncmp(key, lead, strlen(lead)) == 0)
            return true;
    return llmobs_words_have(keys, key);
}

static void put_named(struct said *said, struct llmobs_text name,
                      struct llmobs_text value)
{
    char key[REQUEST_TAGS_KEY + 1];

    name = llmobs_text_trim(name);
    if (said->named == REQUEST_TAGS_NAMED || name.len == 0 ||
        name.len > REQUEST_TAGS_KEY)
        return;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.data[i];

        key[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    key[name.len] = '\0';
    if (strspn(key, "abcdefghijklmnopqrstuvwxyz0123456789_.-") == name.len &&
        !is_reserved(key) && put(said, key, value))
        said->named++;
}

/* "a:b" is the tag a, another text is one more tag "tag". */
static void put_tag(struct said *said, struct llmobs_text text)
{
    struct llmobs_text name = llmobs_text_of("tag");

    if (text.len > 0 && memchr(text.data, ':', text.len))
        (void)llmobs_text_split(&text, ':', &name);
    put_named(said, name, text);
}

/* Takes the user and the session apart of "user_X_account_Y_session_Z", and of
 * an object as a text, as a coding agent sends them: as a whole they name a new
 * user in each session. */
static void put_user(struct said *said, const char *text)
{
    const char *account = strstr(text, "_account_");
    const char *session = account ? strstr(account + 8, "_session_") : NULL;
    struct llmobs_text user = llmobs_text_of(text);
    struct llmobs_json *object = NULL;

    if (*text == '{') {
        (void)llmobs_json_parse(user, &object);
        user = llmobs_text_of(llmobs_json_gets(object, "device_id"));
        session = llmobs_json_gets(object, "session_id");
    } else if (session && strncmp(text, "user_", 5) == 0) {
        user = (struct llmobs_text){text + 5, (size_t)(account - text) - 5};
        session += sizeof("_session_") - 1;
    } else {
        session = NULL;
    }
    put(said, "user_id", user);
    put(said, "session_id", llmobs_text_of(session));
    llmobs_json_free(object);
}

/* -- where they stand ------------------------------------------------------ */

/* The text of a string, a number or a truth value; NULL: it has none. */
static char *request_tags_text(const struct llmobs_json *value)
{
    if (llmobs_json_is_string(value))
        return strdup(llmobs_json_text(value));
    return llmobs_json_is_number(value) || llmobs_json_is_true(value) ||
                   llmobs_json_is_false(value)
               ? llmobs_json_dumps(value, 0)
               : NULL;
}

/* Of the keys of a cache only "qwen-code:UUID" is a session's by its form:
 * programs give one key to all their users. */
static void people(struct said *said, const struct place *place,
                   const struct llmobs_json *object)
{
    LLMOBS_WORDS_EACH (name, place->users) {
        char *user = request_tags_text(llmobs_json_get(object, name));

        if (user)
            put_user(said, user);
        free(user);
    }
    LLMOBS_WORDS_EACH (name, place->sessions) {
        char *session = request_tags_text(llmobs_json_get(object, name));

        const char *id = session ? strchr(session, ':') : NULL;

        if (strcmp(name, "prompt_cache_key") != 0 ||
            (id && strspn(id + 1, "0123456789abcdef-") == 36 && !id[37]))
            put(said, "session_id", llmobs_text_of(session));
        free(session);
    }
}

static void request_tags_names(struct said *said, const struct place *place,
                               const struct llmobs_json *object)
{
    void *it = place->in >= BODY ? NULL : llmobs_json_iter(object);

    for (; it && said->named < REQUEST_TAGS_NAMED;
         it = llmobs_json_next(object, it)) {
        const char *key = llmobs_json_iter_key(it);
        char *value = request_tags_text(llmobs_json_iter_value(it));

        if (value && !llmobs_words_have(place->users, key) &&
            !llmobs_words_have(place->sessions, key))
            put_named(said, llmobs_text_of(key), llmobs_text_of(value));
        free(value);
    }
}

static const char *request_tags_header(const struct said *said,
                                       const char *name)
{
    return llmobs_header_find(said->call->request_headers,
                              said->call->request_header_count, name);
}

/* LiteLLM's, as a header and as a list in the metadata. "helicone-property-"
 * has the end of the header's name before its value. */
static void request_tags_list(struct said *said)
{
    const struct llmobs_call *call = said->call;
    struct llmobs_text part,
        rest = llmobs_text_of(request_tags_header(said, "x-litellm-tags"));

    while (llmobs_text_next(&rest, &part))
        put_tag(said, part);
    for (size_t i = 0; i < PLACES; i++)
        LLMOBS_JSON_EACH (tag, llmobs_json_get(said->objects[i], "tags"),
                          places[i].in == MEMBER)
            put_tag(said, llmobs_text_of(llmobs_json_text(tag)));
    for (size_t i = 0; i < call->request_header_count; i++)
        if (strcmp(call->request_headers[i].name, "helicone-property-") == 0 &&
            strchr(call->request_headers[i].value, ':'))
            put_tag(said, llmobs_text_of(call->request_headers[i].value));
}

/* Looks for the members at the ends of a body of which no object is at hand. */
static struct llmobs_json *find(const struct llmobs_call *call)
{
    struct llmobs_text head = call->request;
    struct llmobs_text tail =
        call->request_truncated ? call->request_tail : call->request;

    if (!llmobs_match_object(head) || call->multipart || call->request_encoded)
        return NULL;
    if (tail.len > EDGE)
        tail = (struct llmobs_text){tail.data + tail.len - EDGE, EDGE};
    if (head.len > EDGE)
        head.len = EDGE;
    return llmobs_cut_json_object(head, tail, members);
}

void llmobs_request_tags_read(const struct llmobs_call *call,
                              struct llmobs_json *body,
                              struct llmobs_span *span)
{
    struct said said = {.call = call, .tags = span->said};
    static const char way[] = "output_config\0format\0schema\0properties\0";
    static const char *const codex[][2] = {
        {"thread_id", "agent_id"},
        {"x-codex-parent-thread-id", "parent_agent_id"},
        {"x-openai-subagent", "agent_type"},
    };
    struct llmobs_json *found = body ? llmobs_json_share(body) : find(call);
    const struct llmobs_json *asked = found;

    if (!said.tags)
        said.tags = span->said = llmobs_json_object();
    for (size_t i = 0; i < sizeof(plain) / sizeof(*plain); i++) {
        const char *text = request_tags_header(&said, plain[i][0]);

        if (text)
            put(&said, plain[i][1], llmobs_text_of(text));
    }
    for (size_t i = 0; i < PLACES; i++) {
        const char *name = places[i].name;
        const char *text =
            places[i].in == HEADER ? request_tags_header(&said, name) : NULL;

        if (text)
            (void)llmobs_json_parse(llmobs_text_of(text), &said.objects[i]);
        else if (places[i].in != HEADER)
            said.objects[i] = llmobs_json_share(
                places[i].in == BODY ? found : llmobs_json_get(found, name));
        if (said.objects[i])
            people(&said, &places[i], said.objects[i]);
    }
    for (size_t i = 0; i < sizeof(codex) / sizeof(*codex); i++)
        put(&said, codex[i][1],
            llmobs_text_of(llmobs_json_gets(
                llmobs_json_get(found, "client_metadata"), codex[i][0])));
    /* A call that gives a session its title: the one thing that the answer
     * shall have. Claude Code says so itself only to some gateways. */
    for (const char *key = way; *key; key = llmobs_words_next(key))
        asked = llmobs_json_get(asked, key);
    if (llmobs_json_len(asked) == 1 && llmobs_json_get(asked, "title"))
        put(&said, "request_class", llmobs_text_of("auxiliary"));
    request_tags_list(&said);
    for (size_t i = 0; i < PLACES; i++) {
        request_tags_names(&said, &places[i], said.objects[i]);
        llmobs_json_free(said.objects[i]);
    }
    llmobs_json_free(found);
}
