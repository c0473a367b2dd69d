/* keys - the facts of a span that a person may list, group, filter and look at,
 * each once: all lists of them are made of LLMOBS_KEYS.
 *
 * Owns:    nothing.
 * Threads: one (accounts.h).
 * Errors:  -EINVAL: there is no such key; -ENOMEM, or what texts.h says.
 * Limits:  LLMOBS_BY_KEYS keys at once; a word of LLMOBS_KEY_WORD bytes, its
 *          NUL included; parts of a value are cut to LLMOBS_KEY_PART bytes.
 */
#ifndef LLMOBS_KEYS_H
#define LLMOBS_KEYS_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/query/cell.h"
#include "cli/query/texts.h"
#include "lib/base/buf.h"
#include "lib/text/json.h"

struct llmobs_row;

#define LLMOBS_BY_KEYS 2
#define LLMOBS_KEY_WORD 96
#define LLMOBS_KEY_PART 1024

/* Where a fact is used beside the place that names its word. */
enum llmobs_key_use {
    LLMOBS_KEY_FIELD = 1,  /* --fields, and CSV with all of them */
    LLMOBS_KEY_GROUP = 2,  /* --by, and the page's groups */
    LLMOBS_KEY_FACET = 4,  /* the values to the left of the page's list */
    LLMOBS_KEY_COLUMN = 8, /* a column that the page's list may have */
    LLMOBS_KEY_PATH = 16,  /* the end of a path names it */
    LLMOBS_KEY_WORDS = 32  /* in what was asked and answered */
};

/* Each fact of a span that a person may ask for, once, in the order of the
 * fields. K(ID, word, title, letter, uses, meaning, place): the letter is its
 * member in the page's rows (0: none), keys.c has the words of uses and places,
 * and docs/VIEW.md the meaning. F also has the option that selects by it behind
 * its word: its value is in the event alone. */
#define LLMOBS_KEYS(K, F)                                                      \
    K(START, "start", "Started", 'b', FIELD,                                   \
      "ISO 8601, UTC, with microseconds", ROW(TIME, start_ns))                 \
    K(TRACE_ID, "trace_id", "Trace", 't', FIELD, "", ROW(TEXT, trace_id))      \
    K(SPAN_ID, "span_id", "Span", 's', FIELD, "", ROW(TEXT, span_id))          \
    K(PARENT_ID, "parent_id", "Parent", 'p', FIELD, "", ROW(TEXT, parent_id))  \
    F(KIND, "kind", "kind", "Kind", 'k', FIELD | GROUP | FACET, "",            \
      READ(llmobs_stored_kind))                                                \
    F(NAME, "name", "name", "Name", 'n', FIELD | FACET, "",                    \
      EITHER(name, read_name))                                                 \
    F(MODEL, "model", "model", "Model", 'm', FIELD | GROUP | FACET | COLUMN,   \
      "the model that was asked for", EITHER(model, llmobs_stored_model))      \
    F(PROVIDER, "provider", "provider", "Provider", 'v', FIELD | GROUP, "",    \
      EITHER(provider, read_provider))                                         \
    K(STATUS, "status", "Status", 0, FIELD | FACET, "`ok` or `error`",         \
      MAKE(read_status))                                                       \
    K(ERROR_TYPE, "error_type", "Error type", 0, FIELD, "",                    \
      ROW(TEXT, error_type))                                                   \
    K(DURATION, "duration_s", "Duration", 'd', FIELD, "seconds",               \
      ROW(LENGTH, duration_ns))                                                \
    K(FIRST_TOKEN, "first_token_s", "First token", 'f', FIELD,                 \
      "seconds to the first token", ROW(SECONDS, first_token))                 \
    K(INPUT, "input_tokens", "Tokens in", 'i', FIELD,                          \
      "those of a cache are part of them", ROW(COUNT, input_tokens))           \
    K(OUTPUT, "output_tokens", "Tokens out", 'o', FIELD, "",                   \
      ROW(COUNT, output_tokens))                                               \
    K(CACHE_READ, "cache_read_tokens", "Cached", 'r', FIELD, "",               \
      ROW(COUNT, cache_read_tokens))                                           \
    K(CACHE_WRITE, "cache_write_tokens", "To the cache", 'w', FIELD, "",       \
      ROW(COUNT, cache_write_tokens))                                          \
    K(REASONING, "reasoning_tokens", "Reasoning", 'x', FIELD,                  \
      "part of the output", ROW(COUNT, reasoning_tokens))                      \
    K(COST, "cost_usd", "Cost", 'y', FIELD,                                    \
      "as the provider gave it, else [an estimate](COST.md); at most 12 "      \
      "decimals",                                                              \
      ROW(MONEY, cost))                                                        \
    K(ESTIMATE, "estimate_usd", "Estimate", 'Y', FIELD,                        \
      "of a cost that the provider gave", ROW(MONEY, estimate))                \
    F(ML_APP, "ml_app", "ml-app", "App", 'a', FIELD | GROUP | FACET, "",       \
      TAG("ml_app"))                                                           \
    F(SERVICE, "service", "service", "Service", 'c', FIELD | GROUP | FACET,    \
      "", TAG("service"))                                                      \
    K(ENV, "env", "Env", 'e', FIELD | FACET, "", TAG("env"))                   \
    F(SESSION, "session", "session", "Session", 'u',                           \
      FIELD | GROUP | FACET | COLUMN, "", READ(llmobs_stored_session))         \
    K(ERROR_MESSAGE, "error_message", "Message", 0, FIELD,                     \
      "the first 1024 bytes", ROW(TEXT, error_message))                        \
    K(QUESTION, "question", "Question", 'q', FIELD | WORDS,                    \
      "the first 200 bytes of the last message of the user",                   \
      ROW(TEXT, question))                                                     \
    K(ANSWER, "answer", "Answer", 'A', FIELD | WORDS,                          \
      "the first 200 bytes of the output", ROW(TEXT, answer))                  \
    F(SCRIPT, "script", "script", "Script", 'S',                               \
      FIELD | GROUP | FACET | COLUMN | PATH,                                   \
      "the script that runs, by its name, with folders where two have one "    \
      "name; a field has the whole path",                                      \
      READ(llmobs_stored_script))                                              \
    F(CALLER, "caller", "caller", "Caller", 'C', FIELD | GROUP | FACET | PATH, \
      "the line of the call, `FILE:LINE CODE`; without one "                   \
      "`MODULE!FUNCTION`, of a program without names `curl, by report.sh`, "   \
      "of a language that tells no line the script",                           \
      MAKE(read_caller))                                                       \
    F(PLUGIN, "plugin", "plugin", "Plugin", 'P',                               \
      FIELD | GROUP | FACET | COLUMN, "the outermost plugin that asked",       \
      READ(read_plugin))                                                       \
    F(PAGE, "page", "page", "Page", 'G', FIELD | GROUP | FACET,                \
      "method and path of [the request that the program "                      \
      "serves](SDK.md#a-gateway-of-your-own), as `GET /shop/cart`",            \
      CALL("page"))                                                            \
    F(UNIT, "unit", "unit", "Unit", 'U', FIELD | GROUP | FACET, "systemd's",   \
      TAG("unit"))                                                             \
    F(HOST, "host", "host", "Host", 'H', FIELD | GROUP | FACET, "the machine", \
      CALL("hostname"))                                                        \
    F(OS_USER, "os_user", "os-user", "OS user", 'O',                           \
      FIELD | GROUP | FACET | COLUMN,                                          \
      "the real user of the process, named by this machine's `/etc/passwd`",   \
      MAKE(read_os_user))                                                      \
    F(USER, "user", "user", "User", 'N', FIELD | GROUP | FACET,                \
      "whom the program names: the tag `user_id`", TAG("user_id"))             \
    F(KEY, "key", "key", "Key", 'K', FIELD | GROUP | FACET,                    \
      "[eight digits of the API key's hash](SECRETS.md#the-number-of-a-key), " \
      "only with `LLMOBS_OBSERVE=key`",                                        \
      TAG("key"))                                                              \
    F(RUN, "run", "run", "Run", 'R', FIELD | GROUP,                            \
      "[the run](SPANS.md#runs)", MAKE(read_run))                              \
    F(RESPONSE_MODEL, "response_model", "response-model", "Answered by", 'M',  \
      FIELD | GROUP | FACET | COLUMN,                                          \
      "the model that answered, as the answer names it",                       \
      EITHER(response_model, llmobs_stored_response_model))                    \
    F(TOOL, "tool", "tool", "Results of", 'T', FIELD | GROUP | FACET | WORDS,  \
      "the tools whose results are in the input behind its last answer, as "   \
      "`Bash, Read`: the call is what they cost; of a tool's span its name",   \
      MAKE(read_tool))                                                         \
    F(PROMPT, "prompt", "prompt", "Prompt", 'I', FIELD | GROUP | WORDS,        \
      "[the template](SDK.md) that the program names, by its id",              \
      READ(read_prompt))                                                       \
    K(PROMPT_VERSION, "prompt_version", "Prompt version", 'V',                 \
      FIELD | GROUP | WORDS, "", MAKE(read_prompt_version))                    \
    K(RETRY_OF, "retry_of", "Retry of", 0, FIELD,                              \
      "the span of the failed call that this one repeats", MAKE(read_retry))   \
    K(ROOT, "root", "Root", 0, GROUP,                                          \
      "the name of the root of the trace, as of a workflow", MAKE(read_root))  \
    K(DAY, "day", "Day", 0, GROUP, "of the local time zone", MAKE(read_day))   \
    K(WEEK, "week", "Week", 0, GROUP, "its Monday, in the local time zone",    \
      MAKE(read_week))                                                         \
    K(ERROR, "error", "Error", 'E', GROUP | FACET,                             \
      "the type of the error; `error` of a failure without one",               \
      MAKE(read_error))

#define LLMOBS_KEY_ID(id, ...) LLMOBS_KEY_##id,
enum llmobs_key {
    LLMOBS_KEYS(LLMOBS_KEY_ID, LLMOBS_KEY_ID)
        LLMOBS_KEY_TAG, /* the word names the tag */
    LLMOBS_KEY_EVAL,    /* the word names the label of an evaluation */
    LLMOBS_KEY_COUNT
};
#undef LLMOBS_KEY_ID

/* A key, and of TAG and EVAL its word, such as "tag:team" or "eval:tone". */
struct llmobs_by_key {
    enum llmobs_key key;
    char word[LLMOBS_KEY_WORD];
};

/* The ways to group; count 0: by nothing. */
struct llmobs_by {
    struct llmobs_by_key keys[LLMOBS_BY_KEYS];
    size_t count;
};

/* The table's words for a key that is not TAG or EVAL. */
struct llmobs_key_words {
    const char *word;
    const char *option; /* of a filter; NULL: none selects by it */
    const char *title;
    const char *meaning; /* in Markdown */
    const char *tag;     /* the tag that it is; NULL: none */
    int uses;
    char letter; /* in the page's rows; 0: none */
};

const struct llmobs_key_words *llmobs_key_words(enum llmobs_key key);

/* True for a key whose text stands in the event, as JSON writes it. */
bool llmobs_key_is_verbatim(enum llmobs_key key);

/* The kind of a key's cells; UNKNOWN: a text, or of EVAL also a number. */
enum llmobs_cell_kind llmobs_key_kind(const struct llmobs_by_key *key);

/* True for a key that only a row or an event with all its parts has. */
bool llmobs_key_is_said(const struct llmobs_by_key *key);

/* Reads one word of `len` bytes that has the use; a '-' in it is a '_'. *near,
 * where near is not NULL, is then the word that may be meant, or NULL. */
int llmobs_key_read(struct llmobs_by_key *key, const char *word, size_t len,
                    enum llmobs_key_use use, const char **near);

/* Reads "script" or "script,model". -EINVAL: *near is the word that may be
 * meant, or NULL. -EEXIST: both keys are the same. */
int llmobs_by_read(struct llmobs_by *by, const char *words, const char **near);

/* The text that a span has; NULL: none. It borrows from the row, which a key
 * without an option needs, or from the event; a text that has to be made is
 * shared in `texts`, and lives as long as they do. */
const char *llmobs_key_of(const struct llmobs_by_key *key,
                          const struct llmobs_row *row,
                          const struct llmobs_json *event,
                          struct llmobs_texts *texts);

/* The same as a cell, for numbers too. */
struct llmobs_cell llmobs_key_cell(const struct llmobs_by_key *key,
                                   const struct llmobs_row *row,
                                   const struct llmobs_json *event,
                                   struct llmobs_texts *texts);

/* Adds "by seo-writer.php:4 do_the_title, plugin seo-writer", and below it the
 * first `frames` frames of the program, the inner one first, a line each;
 * nothing where no line of a script is known. */
int llmobs_key_add_caller(const struct llmobs_json *event, size_t frames,
                          struct llmobs_buf *out);

/* The values of `count` groups are arrays as those of `by`, `stride` bytes
 * apart: replaces each that is a path by its shortest end that no other value
 * of its key has; NULL stays. */
int llmobs_by_shorten(const struct llmobs_by *by, const char **first,
                      size_t stride, size_t count);

#endif
