/* read - the text of APIs: rules/apis/ *.api, in the language of docs/RULES.md.
 *
 * A line is a word and what it says. A line that begins with a blank goes on
 * with the one above it; '#' begins a comment. `api` begins an API, `path` adds
 * a shape, `form` begins a way to read bodies; all other lines say something
 * about the form, or about the API where it has no form yet. `host`, `speaks`,
 * `order` and `observed` say whose hosts speak which APIs.
 *
 * Owns:    a llmobs_apis owns all that it has, until llmobs_apis_free; its
 *          texts stand in a copy of the file.
 * Threads: one at a time.
 * Errors:  -EINVAL: there are faults, in the list; -ENOMEM.
 * Limits:  those of the structs below and of struct llmobs_shape; a file with
 *          more has a fault.
 */
#ifndef LLMOBS_RULES_APIS_READ_H
#define LLMOBS_RULES_APIS_READ_H

#include "lib/base/buf.h"
#include "rules/read/dialect.h"
#include "rules/read/layout.h"
#include "rules/read/message_content.h"

#define LLMOBS_APIS_FORMS 8   /* of an API */
#define LLMOBS_APIS_PATHS 32  /* of an API */
#define LLMOBS_APIS_HOOKS 8   /* of a form */
#define LLMOBS_APIS_ARGS 8192 /* words of a file */
#define LLMOBS_APIS_LINES 2048
#define LLMOBS_APIS_HOSTS 192 /* of a file */
#define LLMOBS_APIS_SPEAKS 64 /* of a file */
#define LLMOBS_APIS_FAULTS 16 /* of a file; others are not told */
#define LLMOBS_APIS_NAME 40   /* bytes of a name of an API or a provider */

#define LLMOBS_APIS_WORDS_MAX 128
#define LLMOBS_APIS_READERS 10

/* The readers of a form's bodies, a bit each: the files that have these
 * functions, and hooks alone. */
enum {
    LLMOBS_APIS_TABLE = 1,
    LLMOBS_APIS_CHAT = 2,
    LLMOBS_APIS_STORE = 4,
    LLMOBS_APIS_SEARCH = 8,
    LLMOBS_APIS_RERANK = 16,
    LLMOBS_APIS_VOICE = 32,
    LLMOBS_APIS_EAR = 64,
    LLMOBS_APIS_RENDER = 128,
    LLMOBS_APIS_POLL = 256,
    LLMOBS_APIS_CODE = 512,
    LLMOBS_APIS_ANY = 1023
};

/* The kinds of spans that may have a place, in a rule of JSON. */
enum {
    LLMOBS_APIS_LLM = 1,
    LLMOBS_APIS_FINDS = 2, /* a retrieval */
    LLMOBS_APIS_OTHERS = 4,
    LLMOBS_APIS_SAYS = LLMOBS_APIS_LLM | LLMOBS_APIS_OTHERS,
    LLMOBS_APIS_ALL = LLMOBS_APIS_SAYS | LLMOBS_APIS_FINDS
};

/* How a word of a form is said. */
enum llmobs_apis_type {
    LLMOBS_APIS_PLACE, /* JSON pointers, of which the first that finds counts */
    LLMOBS_APIS_SAYING, /* a line of the layout that is no pointer */
    LLMOBS_APIS_WORDS,  /* names; each further line adds to them */
    LLMOBS_APIS_QUOTED, /* the same, looked for in quotes */
    LLMOBS_APIS_TEXT,   /* one word */
    LLMOBS_APIS_SWITCH, /* nothing behind it */
    LLMOBS_APIS_OTHER   /* words that only the maker of the form knows */
};

/* Texts stand in the row itself: with pointers, the loader would have to
 * relocate each of them in every process. */
struct llmobs_apis_word {
    char name[16];
    enum llmobs_apis_type type;
    char which; /* of a place or a saying: its letter in layout.h */
    unsigned short readers;
    unsigned char kinds; /* of a place or a saying */
    char member[16];     /* of the reader's variant, else of the form; "": the
                          * maker of the form knows */
    bool in_form;        /* it is a member of the form */
    bool always;         /* the maker needs it: without the word it is empty */
};

extern const struct llmobs_apis_word llmobs_apis_words[];
extern const size_t llmobs_apis_word_count;

/* The words of a line, in llmobs_apis->args. */
struct llmobs_apis_said {
    unsigned line; /* of the file; 0: the form does not say it */
    unsigned first, count;
};

struct llmobs_apis_hook {
    const char *where, *function;
};

/* How messages differ from OpenAI's. Other members of the form are NULL. */
struct llmobs_apis_messages {
    struct llmobs_message_form form;
    const char *part; /* the function of `add`, without "llmobs_"; or NULL */
    bool said, openai;
};

/* The members of a form of messages that are texts. */
#define LLMOBS_APIS_KEYS 4
extern const struct llmobs_apis_key {
    const char *name;
    size_t at;
} llmobs_apis_keys[LLMOBS_APIS_KEYS];

struct llmobs_apis_form {
    const char *name;
    unsigned line;
    unsigned char number; /* in the dialect's `forms`; 0: it is the main one */
    unsigned reader;      /* one of the bits */
    const char *is; /* the form of C that it is, without "llmobs_form_"; NULL:
                     * its lines say it */
    struct llmobs_apis_said *said; /* by the number of the word */
    struct llmobs_apis_hook hooks[LLMOBS_APIS_HOOKS];
    unsigned hook_count;
    char places[LLMOBS_LAYOUT_MAX + 1]; /* in layout.h's form */
    struct llmobs_apis_messages messages, alone;
    unsigned framing, sources;    /* LLMOBS_FRAMING_*, LLMOBS_SOURCES_* */
    struct llmobs_apis_said keys; /* to look for in a cut request: `keys`, and
                                   * the settings, unless they stand in an
                                   * object of their own; line 0: none */
    bool used;                    /* a path has it */
    short like; /* the number of the form that it is like; -1: of none */
};

/* The options of a path, members of its shape: a flag alone, or NAME=TEXT. */
#define LLMOBS_APIS_OPTIONS 18
extern const struct llmobs_apis_option {
    char name[16];
    unsigned short at, room; /* room 0: a flag */
} llmobs_apis_options[LLMOBS_APIS_OPTIONS];

struct llmobs_apis_path {
    unsigned line;
    struct llmobs_shape shape;      /* all but its signs */
    const char *form;               /* its form's name */
    struct llmobs_apis_form *reads; /* the form of that name; NULL: a dialect
                                     * that has none */
    const char *signs; /* of C, without "llmobs_signs_"; NULL: none */
};

struct llmobs_apis_api {
    const char *name;
    unsigned line;
    const char *integration, *genai, *provider, *api_name, *group,
        *read; /* or NULL */
    unsigned sent_media, answered_media;
    bool broken; /* the line of one of its forms has a fault */
    struct llmobs_apis_path paths[LLMOBS_APIS_PATHS];
    unsigned path_count;
    struct llmobs_apis_form forms[LLMOBS_APIS_FORMS];
    unsigned form_count;
};

/* A line, its own word included. */
struct llmobs_apis_line {
    unsigned first, count;
    short api, form; /* their numbers; -1: none yet */
};

struct llmobs_apis_fault {
    unsigned line;
    char why[160];
};

struct llmobs_apis {
    char *text;
    struct llmobs_apis_fault faults[LLMOBS_APIS_FAULTS]; /* by their lines */
    unsigned fault_count;
    struct llmobs_apis_line lines[LLMOBS_APIS_LINES];
    unsigned line_count;
    const char *args[LLMOBS_APIS_ARGS];
    unsigned arg_count;
    struct llmobs_apis_api *apis;
    size_t count;
    /* Of hosts: the words of each line, and all APIs in the order of their
     * precedence: of models, and of LLMOBS_OBSERVE. */
    struct llmobs_apis_said hosts[LLMOBS_APIS_HOSTS];
    struct llmobs_apis_said speaks[LLMOBS_APIS_SPEAKS];
    struct llmobs_apis_said order, observed;
    unsigned host_count, speaks_count;
};

/* Reads a file's text. Free `apis` in any case. */
int llmobs_apis_read(struct llmobs_text text, struct llmobs_apis *apis);
void llmobs_apis_free(struct llmobs_apis *apis);

/* Adds a fault of a line. */
__attribute__((noinline, format(printf, 3, 4))) void llmobs_apis_fail(
    struct llmobs_apis *apis, unsigned line, const char *format, ...);

/* The words that a form says behind this one; NULL: it does not say it. */
const struct llmobs_apis_said *llmobs_apis_say(
    const struct llmobs_apis_form *form, const char *word);

/* The function of a hook, without "llmobs_"; NULL: the form has none there. */
const char *llmobs_apis_hook(const struct llmobs_apis_form *form,
                             const char *where);

/* True where it says nothing but the word "usual". */
bool llmobs_apis_usual(const struct llmobs_apis *apis,
                       const struct llmobs_apis_said *said);

/* The value of "key=value" among a line's words from `from` on; NULL: the line
 * has none. */
const char *llmobs_apis_value(const struct llmobs_apis *apis,
                              const struct llmobs_apis_said *said,
                              unsigned from, const char *key);

#endif
