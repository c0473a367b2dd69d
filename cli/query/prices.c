/* Searches the tables of prices for a model, in the order of COST.md. */
#include "cli/query/prices.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/query/texts.h"
#include "lib/base/glob.h"
#include "lib/base/grow.h"
#include "lib/base/mix.h"
#include "lib/text/json_clean.h"

#define TABLES_MAX 16
#define KNOWN_MAX 256 /* a power of two */
#define NAMES_MAX 4
#define ABOUT "llmobs_prices"

struct entry {
    char *name; /* in small letters */
    bool pattern;
    struct llmobs_text text;   /* of the model; NULL: it is no object */
    struct llmobs_json *model; /* NULL: nobody has asked for it */
};

struct table {
    char *text;
    struct entry *entries; /* in the order of the table */
    size_t count, cap;
    const struct llmobs_json *about; /* borrowed from its entry */
    char date[LLMOBS_PRICES_DATE];
    bool used;
    /* While its text is read: */
    size_t depth;
    const char *model;
    bool is_object;
};

/* A look-up that was done. */
struct known {
    char provider[LLMOBS_PRICES_NAME];
    char model[LLMOBS_PRICES_NAME]; /* "": none */
    bool local;
    struct llmobs_price price;
    struct table *table;
};

struct llmobs_prices {
    struct table tables[TABLES_MAX];
    size_t count;
    struct known known[KNOWN_MAX];
};

/* -- providers ------------------------------------------------------------ */

/* The library's providers, and LiteLLM's names for them. An entry without a
 * provider in its name is used for a provider of this list only if the entry's
 * members name that provider: many hosts serve models of one name, at
 * different prices. */
static const struct provider {
    const char *name;
    const char *names[NAMES_MAX];
} providers[] = {
    {"openai", {"openai", "text-completion-openai"}},
    {"azure_openai", {"azure", "azure_ai", "openai"}},
    {"anthropic", {"anthropic"}},
    {"google", {"gemini", "vertex_ai", "google"}},
    {"amazon_bedrock", {"bedrock"}},
    {"openrouter", {"openrouter"}},
    {"groq", {"groq"}},
    {"together", {"together_ai"}},
    {"fireworks", {"fireworks_ai"}},
    {"xai", {"xai"}},
    {"perplexity", {"perplexity"}},
    {"nvidia", {"nvidia_nim"}},
    {"huggingface", {"huggingface"}},
    {"cerebras", {"cerebras"}},
    {"sambanova", {"sambanova"}},
    {"dashscope", {"dashscope"}},
    {"moonshot", {"moonshot"}},
    {"zai", {"zai"}},
    {"deepseek", {"deepseek"}},
    {"mistral", {"mistral"}},
    {"cohere", {"cohere"}},
    {"github", {"github"}},
    {"ollama", {"ollama"}},
};

static const struct provider *find_provider(const char *name)
{
    for (size_t i = 0; i < sizeof(providers) / sizeof(*providers); i++)
        if (strcmp(providers[i].name, name) == 0)
            return &providers[i];
    return NULL;
}

/* -- tables --------------------------------------------------------------- */

static void lower_all(char *text)
{
    for (; *text != '\0'; text++)
        if (*text >= 'A' && *text <= 'Z')
            *text = (char)(*text - 'A' + 'a');
}

static void free_table(struct table *table)
{
    for (size_t i = 0; i < table->count; i++) {
        free(table->entries[i].name);
        llmobs_json_free(table->entries[i].model);
    }
    free(table->entries);
    free(table->text);
}

/* Finds the entries of a table, whose values are read when somebody asks for
 * them: a table has thousands of models, and a store names a few. */
static int read_token(void *ctx, enum llmobs_json_token token,
                      struct llmobs_text text)
{
    struct table *table = ctx;
    struct llmobs_json *name = NULL;
    struct entry entry = {.name = NULL};

    if (token == LLMOBS_JSON_TOKEN_OPEN_OBJECT ||
        token == LLMOBS_JSON_TOKEN_OPEN_ARRAY) {
        bool object = token == LLMOBS_JSON_TOKEN_OPEN_OBJECT;

        table->is_object |= table->depth == 0 && object;
        if (table->depth++ == 1 && object && table->is_object)
            table->model = text.data;
    } else if (token == LLMOBS_JSON_TOKEN_CLOSE) {
        if (--table->depth == 1 && table->model) {
            table->entries[table->count - 1].text = (struct llmobs_text){
                table->model, (size_t)(text.data - table->model)};
            table->model = NULL;
        }
    } else if (token == LLMOBS_JSON_TOKEN_KEY && table->depth == 1) {
        if (memchr(text.data, '\\', text.len) &&
            llmobs_json_parse((struct llmobs_text){text.data - 1, text.len + 2},
                              &name) == 0)
            text = llmobs_text_of(llmobs_json_text(name));
        entry.name = strndup(text.data, text.len);
        llmobs_json_free(name);
        if (!entry.name || llmobs_grow(&table->entries, &table->cap,
                                       table->count, sizeof(entry)) != 0) {
            free(entry.name);
            return -ENOMEM;
        }
        lower_all(entry.name);
        entry.pattern = strpbrk(entry.name, "*?[") != NULL;
        table->entries[table->count++] = entry;
    }
    return 0;
}

/* The model of an entry, which is read once; NULL: none. */
static const struct llmobs_json *model_of(struct entry *entry)
{
    if (entry && !entry->model)
        (void)llmobs_json_parse(entry->text, &entry->model);
    return entry ? entry->model : NULL;
}

/* The last of equal names holds. */
static struct entry *find_exact(const struct table *table, const char *name)
{
    for (size_t i = table->count; i-- > 0;) {
        struct entry *entry = &table->entries[i];

        if (entry->text.data && !entry->pattern &&
            strcmp(entry->name, name) == 0)
            return entry;
    }
    return NULL;
}

int llmobs_prices_add(struct llmobs_prices *prices, struct llmobs_text text,
                      const char *date)
{
    struct table table = {.text = malloc(text.len + 1)};
    static const char form[] = "0000-00-00";
    const char *own;
    size_t i = 0;
    int rc = !table.text ? -ENOMEM : prices->count < TABLES_MAX ? 0 : -E2BIG;

    if (rc == 0) {
        memcpy(table.text, text.data, text.len);
        text.data = table.text;
        rc = llmobs_json_tokens(text, read_token, &table);
    }
    if (rc == 0 && !table.is_object)
        rc = -EINVAL;
    if (rc != 0) {
        free_table(&table);
        return rc;
    }
    table.about = model_of(find_exact(&table, ABOUT));
    own = llmobs_json_gets(table.about, "date");
    while (own && form[i] != '\0' &&
           (form[i] == '0' ? llmobs_is_digit(own[i]) : own[i] == form[i]))
        i++;
    snprintf(table.date, sizeof(table.date), "%s",
             own && form[i] == own[i] ? own : date);
    prices->tables[prices->count++] = table;
    return 0;
}

/* -- look-up -------------------------------------------------------------- */

/* A question to one table. */
struct asked {
    const struct provider *provider; /* NULL: not of the list */
    const char *provider_name;
    const struct table *table;
};

static const struct llmobs_json *find_name(const struct table *table,
                                           const char *name)
{
    struct entry *found = find_exact(table, name);

    for (size_t i = 0; !found && i < table->count; i++) {
        const char *pattern = table->entries[i].name;
        struct llmobs_glob glob = {pattern, pattern + strlen(pattern)};

        if (table->entries[i].text.data && table->entries[i].pattern &&
            llmobs_glob_match(glob, name))
            found = &table->entries[i];
    }
    return model_of(found);
}

static const struct llmobs_json *find_prefixed(const struct asked *asked,
                                               const char *prefix,
                                               const char *model)
{
    char name[2 * LLMOBS_PRICES_NAME];

    snprintf(name, sizeof(name), "%s/%s", prefix, model);
    return find_name(asked->table, name);
}

/* Looks for the model behind its provider's name, then alone. */
static const struct llmobs_json *find_model(const struct asked *asked,
                                            const char *model)
{
    const struct provider *provider = asked->provider;
    const struct llmobs_json *found = NULL;
    const char *of;

    if (!provider)
        found = find_prefixed(asked, asked->provider_name, model);
    for (size_t i = 0;
         provider && !found && i < NAMES_MAX && provider->names[i]; i++)
        found = find_prefixed(asked, provider->names[i], model);
    if (found)
        return found;
    /* Alone, it must be one that the table gives to this provider; LiteLLM's
     * "bedrock_converse" and the like are parts of a provider. */
    found = find_name(asked->table, model);
    of = llmobs_json_gets(found, "litellm_provider");
    if (!provider || !of)
        return found;
    for (size_t i = 0; i < NAMES_MAX && provider->names[i]; i++)
        if (strncmp(of, provider->names[i], strlen(provider->names[i])) == 0)
            return found;
    return NULL;
}

/* Looks for the model with its date, then without the date. */
static const struct llmobs_json *find_dated(const struct asked *asked,
                                            const char *model)
{
    const struct llmobs_json *found = find_model(asked, model);
    size_t len = llmobs_texts_undated(model);
    char stem[LLMOBS_PRICES_NAME];

    if (found || model[len] == '\0')
        return found;
    memcpy(stem, model, len);
    stem[len] = '\0';
    return find_model(asked, stem);
}

/* All names that the model may have in a table. A gateway's model may have its
 * provider before it, as "openai/gpt-4o". */
static const struct llmobs_json *find_in_table(const struct asked *asked,
                                               const char *model)
{
    /* The regions with which a profile of Bedrock begins. */
    static const char *const regions[] = {"us.",     "eu.",    "apac.", "ap.",
                                          "jp.",     "au.",    "ca.",   "sa.",
                                          "us-gov.", "global."};
    const struct llmobs_json *found = find_dated(asked, model);
    const char *bare = model, *slash = strrchr(model, '/');
    struct asked behind = *asked;
    char vendor[LLMOBS_PRICES_NAME];

    if (strncmp(model, "arn:", 4) == 0 && slash)
        bare = slash + 1;
    for (size_t i = 0; i < sizeof(regions) / sizeof(*regions); i++)
        if (strncmp(bare, regions[i], strlen(regions[i])) == 0) {
            bare += strlen(regions[i]);
            break;
        }
    slash = strchr(model, '/');
    if (!found && bare != model)
        found = find_dated(asked, bare);
    if (found || !slash || asked->provider)
        return found;
    memcpy(vendor, model, (size_t)(slash - model));
    vendor[slash - model] = '\0';
    behind.provider_name = vendor;
    behind.provider = find_provider(vendor);
    return find_dated(&behind, slash + 1);
}

static void look_up(struct llmobs_prices *prices, struct known *known)
{
    struct asked asked = {find_provider(known->provider), known->provider,
                          NULL};
    const struct llmobs_json *found = NULL;

    known->price.count = 0;
    known->table = NULL;
    for (size_t i = 0; i < prices->count && !found; i++) {
        const struct llmobs_json *about = prices->tables[i].about;

        if (known->local && !asked.provider &&
            llmobs_json_is_false(llmobs_json_get(about, "local")))
            continue;
        asked.table = known->table = &prices->tables[i];
        found = find_in_table(&asked, known->model);
        if (found)
            llmobs_price_read(found, about, &known->price);
    }
}

static uint64_t hash(const char *text, uint64_t seed)
{
    for (; *text != '\0'; text++)
        seed = (seed ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    return llmobs_mix(seed);
}

/* Copies a name in small letters; false where it is too long. */
static bool copy_lower(const char *name, char out[LLMOBS_PRICES_NAME])
{
    size_t len = strlen(name);

    if (len >= LLMOBS_PRICES_NAME)
        return false;
    memcpy(out, name, len + 1);
    lower_all(out);
    return true;
}

double llmobs_prices_cost(struct llmobs_prices *prices, const char *provider,
                          const char *model, bool local,
                          const struct llmobs_price_tokens *tokens)
{
    char of[LLMOBS_PRICES_NAME], name[LLMOBS_PRICES_NAME];
    struct known *known;
    double cost;

    if (!prices || !model || *model == '\0' || !copy_lower(model, name) ||
        !copy_lower(provider ? provider : "", of))
        return -1;
    known = &prices->known[hash(name, hash(of, local)) & (KNOWN_MAX - 1)];
    if (strcmp(known->model, name) != 0 || known->local != local ||
        strcmp(known->provider, of) != 0) {
        known->local = local;
        strcpy(known->provider, of);
        strcpy(known->model, name);
        look_up(prices, known);
    }
    cost = llmobs_price_of(&known->price, tokens);
    if (cost >= 0)
        known->table->used = true;
    return cost;
}

/* -- the whole ------------------------------------------------------------ */

const char *llmobs_prices_date(const struct llmobs_prices *prices)
{
    const char *date = NULL;

    if (!prices || prices->count == 0)
        return NULL;
    for (size_t i = 0; i < prices->count; i++) {
        const struct table *table = &prices->tables[i];

        if (table->used && (!date || strcmp(table->date, date) < 0))
            date = table->date;
    }
    return date ? date : prices->tables[prices->count - 1].date;
}

struct llmobs_prices *llmobs_prices_new(void)
{
    return calloc(1, sizeof(struct llmobs_prices));
}

void llmobs_prices_free(struct llmobs_prices *prices)
{
    if (!prices)
        return;
    for (size_t i = 0; i < prices->count; i++)
        free_table(&prices->tables[i]);
    free(prices);
}
