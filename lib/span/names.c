/* Classifies names as those of credentials. */
#include "lib/span/names.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "lib/base/buf.h"

#define SHORTEST 3   /* "key" */
#define TAIL_BYTES 8 /* of the last three letters and what is between them */
#define LETTERS 31   /* letters of the longest word that `lengths` tells of */
#define COUNT(list) (sizeof(list) / sizeof(*(list)))

/* A name as lower-case letters alone, and where its words begin. */
struct words {
    char text[LLMOBS_NAMES_LETTERS + 1];
    size_t len;
    unsigned char from[LLMOBS_NAMES_WORDS + 1];
    size_t count;
    bool loose; /* the words come from a sentence */
};

/* With its text inside: a pointer would be relocated in every process. */
struct word {
    unsigned char len;
    char text[24];
};

#define WORD(text)             \
    {                          \
        sizeof(text) - 1, text \
    }

/* Ends of names that need no look at the words: people also join two words. */
static const struct word joined[] = {
    WORD("apikey"),        WORD("accesskey"),    WORD("secretkey"),
    WORD("privatekey"),    WORD("accountkey"),   WORD("subscriptionkey"),
    WORD("accesstoken"),   WORD("refreshtoken"), WORD("authtoken"),
    WORD("apitoken"),      WORD("bearertoken"),  WORD("sessiontoken"),
    WORD("securitytoken"), WORD("bottoken"),     WORD("connectionstring"),
    WORD("connstring"),    WORD("connstr"),      WORD("password"),
    WORD("passwd"),        WORD("passphrase"),   WORD("secret"),
    WORD("credentials"),   WORD("codeverifier"), WORD("passwordhash"),
    WORD("secretvalue")};

/* The last word of a name, and what it says about the name. `asks`: the word
 * before it decides. */
static const struct noun {
    struct word word;
    enum llmobs_named named;
    enum {
        ASKS_NOTHING,
        ASKS_KEY,
        ASKS_TOKEN,
        ASKS_PASS,
        ASKS_AUTH,
        ASKS_HEADER,
        ASKS_CODE,
        ASKS_PHRASE,
        ASKS_ID
    } asks;
} nouns[] = {
    {WORD("key"), LLMOBS_NAMED_WEAK, ASKS_KEY},
    {WORD("token"), LLMOBS_NAMED_WEAK, ASKS_TOKEN},
    {WORD("secret"), LLMOBS_NAMED_SECRET, ASKS_NOTHING},
    {WORD("password"), LLMOBS_NAMED_SECRET, ASKS_NOTHING},
    {WORD("passwd"), LLMOBS_NAMED_SECRET, ASKS_NOTHING},
    {WORD("passphrase"), LLMOBS_NAMED_SECRET, ASKS_NOTHING},
    {WORD("passcode"), LLMOBS_NAMED_SECRET, ASKS_NOTHING},
    {WORD("pwd"), LLMOBS_NAMED_SECRET, ASKS_NOTHING},
    {WORD("pw"), LLMOBS_NAMED_SECRET, ASKS_NOTHING},
    {WORD("bindpw"), LLMOBS_NAMED_SECRET, ASKS_NOTHING},
    {WORD("dbpw"), LLMOBS_NAMED_SECRET, ASKS_NOTHING},
    {WORD("rootpw"), LLMOBS_NAMED_SECRET, ASKS_NOTHING},
    {WORD("csrf"), LLMOBS_NAMED_SECRET, ASKS_NOTHING},
    {WORD("xsrf"), LLMOBS_NAMED_SECRET, ASKS_NOTHING},
    {WORD("phrase"), LLMOBS_NAMED_NOT, ASKS_PHRASE},
    {WORD("mnemonic"), LLMOBS_NAMED_NOT, ASKS_PHRASE},
    {WORD("kubeconfig"), LLMOBS_NAMED_WEAK, ASKS_NOTHING},
    {WORD("id"), LLMOBS_NAMED_NOT, ASKS_ID},
    {WORD("pass"), LLMOBS_NAMED_WEAK, ASKS_PASS},
    {WORD("pat"), LLMOBS_NAMED_WEAK, ASKS_PASS},
    {WORD("credential"), LLMOBS_NAMED_SECRET, ASKS_NOTHING},
    {WORD("cred"), LLMOBS_NAMED_SECRET, ASKS_NOTHING},
    {WORD("authorization"), LLMOBS_NAMED_LINE, ASKS_NOTHING},
    {WORD("authorisation"), LLMOBS_NAMED_LINE, ASKS_NOTHING},
    {WORD("cookie"), LLMOBS_NAMED_LINE, ASKS_NOTHING},
    {WORD("setcookie"), LLMOBS_NAMED_LINE, ASKS_NOTHING},
    {WORD("jwt"), LLMOBS_NAMED_SECRET, ASKS_NOTHING},
    {WORD("bearer"), LLMOBS_NAMED_SECRET, ASKS_NOTHING},
    {WORD("otp"), LLMOBS_NAMED_SECRET, ASKS_NOTHING},
    {WORD("totp"), LLMOBS_NAMED_SECRET, ASKS_NOTHING},
    {WORD("oauth"), LLMOBS_NAMED_WEAK, ASKS_NOTHING},
    {WORD("auth"), LLMOBS_NAMED_SECRET, ASKS_AUTH},
    {WORD("authentication"), LLMOBS_NAMED_SECRET, ASKS_AUTH},
    {WORD("psk"), LLMOBS_NAMED_SECRET, ASKS_NOTHING},
    {WORD("signature"), LLMOBS_NAMED_PARAM, ASKS_CODE},
    {WORD("sig"), LLMOBS_NAMED_PARAM, ASKS_NOTHING},
    {WORD("sas"), LLMOBS_NAMED_PARAM, ASKS_NOTHING},
    {WORD("code"), LLMOBS_NAMED_PARAM, ASKS_CODE},
    {WORD("ticket"), LLMOBS_NAMED_PARAM, ASKS_NOTHING},
    {WORD("assertion"), LLMOBS_NAMED_PARAM, ASKS_NOTHING},
    {WORD("header"), LLMOBS_NAMED_PAIR, ASKS_HEADER},
    {WORD("name"), LLMOBS_NAMED_PAIR, ASKS_NOTHING},
    {WORD("field"), LLMOBS_NAMED_PAIR, ASKS_NOTHING},
    {WORD("variable"), LLMOBS_NAMED_PAIR, ASKS_NOTHING},
    {WORD("parameter"), LLMOBS_NAMED_PAIR, ASKS_NOTHING},
    {WORD("param"), LLMOBS_NAMED_PAIR, ASKS_NOTHING},
    {WORD("property"), LLMOBS_NAMED_PAIR, ASKS_NOTHING},
    {WORD("attribute"), LLMOBS_NAMED_PAIR, ASKS_NOTHING},
    {WORD("setting"), LLMOBS_NAMED_PAIR, ASKS_NOTHING},
    {WORD("label"), LLMOBS_NAMED_PAIR, ASKS_NOTHING},
    {WORD("env"), LLMOBS_NAMED_PAIR, ASKS_NOTHING},
    {WORD("var"), LLMOBS_NAMED_PAIR, ASKS_NOTHING},
    {WORD("webhook"), LLMOBS_NAMED_PUSH, ASKS_NOTHING},
};

/* Lists of words, each between two bars. */

/* Words that change nothing if they come after the noun: "private_key_pem". */
static const char trailing[] =
    "|value|text|string|str|pem|base|encoded|raw|plain|plaintext|hash|hashed|"
    "confirmation|confirm|confirmed|again|repeat|new|old|primary|secondary|"
    "default|prod|production|test|live|dev|staging|json|data|admin|root|"
    "internal|openai|anthropic|claude|gemini|google|azure|aws|gcp|mistral|"
    "groq|cohere|deepseek|github|gitlab|slack|stripe|";
/* Words that may follow "auth" and words like it: "auth_config". */
static const char configs[] = "|config|settings|params|info|details|scheme|";
static const char keys[] =
    "|api|access|secret|private|account|subscription|app|application|auth|"
    "authorization|authentication|encryption|decryption|signing|sign|service|"
    "master|admin|shared|client|consumer|storage|ssh|rsa|pgp|gpg|dsa|ecdsa|"
    "hmac|webhook|session|security|deploy|license|host|functions|bot|"
    "server|provider|openai|azure|anthropic|claude|gemini|google|vertex|cohere|"
    "mistral|groq|together|fireworks|perplexity|deepseek|xai|openrouter|"
    "huggingface|hf|replicate|tavily|serper|serpapi|exa|brave|bing|pinecone|"
    "qdrant|weaviate|cognitive|speech|translator|langfuse|langsmith|portkey|"
    "helicone|litellm|stripe|sendgrid|twilio|mailgun|aws|gcp|maps|firebase|"
    "supabase|github|gitlab|virtual|recovery|wrapping|instrumentation|write|"
    "ingestion|ocp|jwt|apim|sas|pass|nvidia|voyage|jina|cerebras|elastic|";
static const char no_keys[] =
    "|cache|idempotency|primary|foreign|public|partition|sort|object|routing|"
    "dedupe|dedup|deduplication|group|translation|lookup|hash|row|column|field|"
    "index|map|dict|sub|super|unique|natural|composite|config|safety|tag|label|"
    "attribute|metadata|state|store|item|json|order|file|blob|image|media|"
    "arrow|press|message|event|topic|answer|correlation|trace|request|join|"
    "sample|s|bucket|song|music|track|audio|video|asset|upload|document|doc|"
    "path|folder|thumbnail|";
static const char tokens[] =
    "|access|refresh|id|auth|bearer|session|security|api|hf|github|gitlab|"
    "slack|bot|user|personal|client|ad|aad|oauth|jwt|csrf|xsrf|push|"
    "notification|authorization|authentication|verification|webhook|secret|"
    "service|account|sas|app|application|login|registration|device|private|"
    "admin|deploy|npm|azure|aws|huggingface|replicate|openai|bearer|mcp|vault|"
    "x|my|zendesk|pat|discord|telegram|notion|hubspot|jira|shopify|stripe|"
    "twilio|vercel|netlify|dropbox|sentry|cloudflare|google|anthropic|";
static const char no_tokens[] =
    "|stop|pad|eos|bos|unk|mask|sep|cls|end|start|next|prev|previous|page|"
    "pagination|continuation|continue|resume|sync|image|audio|video|text|"
    "special|added|chosen|decoded|predicted|generated|first|last|max|min|num|"
    "count|total|prompt|completion|input|output|reasoning|thinking|cached|"
    "cache|logit|top|sampled|draft|accepted|rejected|placeholder|tool|think|"
    "fim|prefix|suffix|middle|vocab|per|by|begin|of|word|sub|byte|merge|"
    "unknown|padding|separator|control|speaker|speech|frame|non|boi|eoi|eot|"
    "eom|the|a|each|every|one|single|";
static const char passes[] =
    "|db|database|user|admin|smtp|imap|mail|email|ftp|sftp|sql|mysql|pg|psql|"
    "postgres|postgresql|mongo|redis|root|login|auth|proxy|http|https|ssh|"
    "basic|github|gitlab|azure|devops|personal|databricks|my|key|store|"
    "keystore|ldap|bind|wifi|";
/* "authorization_code", "SharedAccessSignature". */
static const char codes[] =
    "|auth|authorization|authentication|access|recovery|backup|mfa|"
    "verification|otp|login|";
static const char no_auths[] =
    "|no|is|has|need|needs|require|requires|skip|use|uses|with|without|";
static const char secret_headers[] = "|auth|authorization|cookie|";
static const char headers[] =
    "|http|https|request|response|extra|custom|default|proxy|";
/* Before "headers" these words show headers of a table or a page, which are no
 * secrets. */
static const char no_headers[] =
    "|column|col|page|table|section|row|card|email|sub|csv|sheet|grid|group|"
    "list|file|document|report|slide|message|";
/* A name that begins with one of these words is a switch: "has_password". */
static const char switches[] =
    "|is|are|has|have|had|was|no|need|needs|require|requires|show|hide|";
/* "seed_phrase". */
static const char phrases[] =
    "|seed|recovery|backup|secret|pass|wallet|mnemonic|";

/* Names of URLs and of lists, without what is between their words; their values
 * are looked at in another way. */
static const struct {
    struct word word;
    enum llmobs_named named;
} wholes[] = {
    {WORD("name"), LLMOBS_NAMED_PAIR},
    {WORD("id"), LLMOBS_NAMED_PAIR},
    {WORD("proxyauthorization"), LLMOBS_NAMED_LINE},
    {WORD("serverurl"), LLMOBS_NAMED_LINK},
    {WORD("mcpurl"), LLMOBS_NAMED_LINK},
    {WORD("webhookurl"), LLMOBS_NAMED_LINK},
    {WORD("callbackurl"), LLMOBS_NAMED_LINK},
    {WORD("mcpservers"), LLMOBS_NAMED_SERVERS},
    {WORD("mcpserver"), LLMOBS_NAMED_SERVERS},
    {WORD("pushnotificationconfig"), LLMOBS_NAMED_PUSH},
    {WORD("pushnotification"), LLMOBS_NAMED_PUSH},
    {WORD("pushconfig"), LLMOBS_NAMED_PUSH},
    {WORD("datasources"), LLMOBS_NAMED_PUSH},
    {WORD("datasource"), LLMOBS_NAMED_PUSH},
};

/* A set of hashes: of the last three letters of every word above that a name
 * may end in, of its plural, and of "provided", which mask.c skips. */
#define TAIL_HASH 0x96af9a3fu
static const uint32_t tails[32] = {
    0x08100402, 0x00200008, 0x05008080, 0x1c030002, 0x00082000, 0x0000a084,
    0x4002a000, 0x00000804, 0xa3046006, 0x12450404, 0x14404004, 0x20408008,
    0x00800968, 0x2a081008, 0x10001005, 0x00002220, 0x01008400, 0xa80002c2,
    0x003c8001, 0x83001021, 0x8200200a, 0x00004000, 0x40100000, 0x10580100,
    0x10102008, 0x00400088, 0x22200086, 0x20180800, 0x00003011, 0xb0200002,
    0x0d082000, 0x82006001,
};

static inline bool is_tail(const char *end)
{
    uint32_t three = (uint32_t)(end[-3] & 31) - 1;
    uint32_t hash;

    three = three << 5 | (uint32_t)((end[-2] & 31) - 1);
    three = three << 5 | (uint32_t)((end[-1] & 31) - 1);
    hash = three * TAIL_HASH >> 22;
    return tails[hash >> 5] >> (hash & 31) & 1;
}

/* For each first letter a set of lengths: of all words above that a name may
 * end in, of their plurals, and of the verbs that mask.c skips. */
static const uint32_t lengths[26] = {
    0x0000e678, 0x000000f0, 0x00003ff0, 0x00000fb8, 0x00000198, 0x00000060,
    0x000000f8, 0x000000f0, 0x0000031c, 0x00000038, 0x00000c18, 0x00000070,
    0x000007c0, 0x00001038, 0x000000f8, 0x00450ffc, 0x00000000, 0x000000f8,
    0x000007f8, 0x000000f0, 0x00000008, 0x00000378, 0x00000588, 0x00000030,
    0x00000000, 0x00000000,
};

static bool is_in_list(const char *list, const char *word, size_t len)
{
    char barred[LLMOBS_NAMES_LETTERS + 3];

    *barred = '|';
    memcpy(barred + 1, word, len);
    barred[len + 1] = '|';
    barred[len + 2] = '\0';
    return strstr(list, barred) != NULL;
}

static bool is_word(const char *text, size_t len, const char *word)
{
    return strncmp(text, word, len) == 0 && word[len] == '\0';
}

static bool ends_in(const struct words *w, size_t len, const struct word *end)
{
    const char *at = w->text + len - end->len;

    return len >= end->len && at[end->len - 1] == end->text[end->len - 1] &&
           *at == *end->text && memcmp(at, end->text, end->len) == 0;
}

/* The word `back` words before the last one. */
static const char *word_from_end(const struct words *w, size_t back,
                                 size_t *len)
{
    size_t i = w->count - 1 - back;

    *len = (size_t)(w->from[i + 1] - w->from[i]);
    return w->text + w->from[i];
}

/* The words before a noun that make it a secret, and those that make it none;
 * `one`: several of it are none either. */
static const struct {
    const char *secret, *plain;
    bool one;
} asked[] = {
    [ASKS_NOTHING] = {NULL, NULL, false},
    [ASKS_KEY] = {keys, no_keys, true},
    [ASKS_TOKEN] = {tokens, no_tokens, true},
    [ASKS_PASS] = {passes, NULL, false},
    [ASKS_AUTH] = {NULL, no_auths, false},
    [ASKS_HEADER] = {secret_headers, no_headers, false},
    [ASKS_CODE] = {codes, NULL, false},
    [ASKS_PHRASE] = {phrases, NULL, false},
    [ASKS_ID] = {NULL, NULL, false},
};

static enum llmobs_named judge_qualified(const struct words *w,
                                         const struct noun *noun, bool many)
{
    size_t len = 0;
    const char *before = w->count > 1 ? word_from_end(w, 1, &len) : NULL;
    const char *secret = asked[noun->asks].secret;
    const char *plain = asked[noun->asks].plain;

    if (before && secret && is_in_list(secret, before, len))
        return LLMOBS_NAMED_SECRET;
    if ((many && asked[noun->asks].one) ||
        (before && plain && is_in_list(plain, before, len)))
        return LLMOBS_NAMED_NOT;
    if (noun->asks == ASKS_HEADER &&
        (many || (before && is_in_list(headers, before, len))))
        return LLMOBS_NAMED_HEADERS;
    if (noun->asks == ASKS_ID && before && is_word(before, len, "secret"))
        return LLMOBS_NAMED_WEAK;
    return noun->named;
}

/* Judges by the last word, and by the one before it. */
static enum llmobs_named judge_last(const struct words *w)
{
    size_t len;
    const char *last = word_from_end(w, 0, &len);

    for (size_t i = 0; i < COUNT(nouns); i++) {
        const struct word *word = &nouns[i].word;
        bool many;

        if (*last != *word->text)
            continue;
        many = len == word->len + 1U && last[word->len] == 's';
        if ((len == word->len || many) &&
            memcmp(last, word->text, word->len) == 0)
            return judge_qualified(w, &nouns[i], many);
    }
    return LLMOBS_NAMED_NOT;
}

/* Words that people write as one, "dbpwd": a word of `before`, then `end`. */
static const struct {
    struct word end;
    const char *before; /* NULL: any word may */
} compounds[] = {
    {WORD("token"), NULL},    {WORD("key"), keys},
    {WORD("pass"), passes},   {WORD("pwd"), passes},
    {WORD("cookie"), tokens}, {WORD("auth"), "|basic|http|proxy|"},
};

/* Makes two words of a last word that people write as one. */
static void split_compound(struct words *w)
{
    size_t len;
    const char *last = word_from_end(w, 0, &len);

    for (size_t i = 0; i < COUNT(compounds); i++) {
        const struct word *end = &compounds[i].end;
        size_t before = len - end->len;

        if (len <= end->len || last[len - 1] != end->text[end->len - 1] ||
            w->count == LLMOBS_NAMES_WORDS ||
            memcmp(last + before, end->text, end->len) != 0 ||
            (compounds[i].before &&
             !is_in_list(compounds[i].before, last, before)))
            continue;
        w->from[w->count + 1] = w->from[w->count];
        w->from[w->count] = (unsigned char)(w->from[w->count - 1] + before);
        w->count++;
        return;
    }
}

/* Takes off the last words that change nothing; false: no word is left. */
static bool drop_trailing(struct words *w)
{
    size_t len;
    const char *last = word_from_end(w, 0, &len);
    bool drop = is_in_list(trailing, last, len) ||
                (last[len - 1] == 's' && is_in_list(trailing, last, len - 1));

    if (!drop && w->count > 1 && is_in_list(configs, last, len)) {
        size_t n;
        const char *before = word_from_end(w, 1, &n);

        drop = is_word(before, n, "auth") ||
               is_word(before, n, "authentication") ||
               is_word(before, n, "credential") ||
               is_word(before, n, "credentials");
    }
    if (drop && w->count > 1)
        w->len = w->from[--w->count];
    return drop && w->count > 0;
}

/* True where the three letters before `end`, or before an 's' there, end a word
 * of `joined`, or a word that counts in the text of an error. */
static bool is_joined_end(const char *end, size_t len)
{
    static const char ends[] =
        "key ken ing str ord swd ase ret als ier ure ial pwd ass uth kie ash "
        "lue";

    for (size_t cut = 0; cut < 2 && len >= SHORTEST; cut++, end--, len--) {
        const char three[] = {(char)(end[-3] | 0x20), (char)(end[-2] | 0x20),
                              (char)(end[-1] | 0x20), '\0'};

        for (size_t i = 0; i < sizeof(ends); i += sizeof(three))
            if (memcmp(ends + i, three, SHORTEST) == 0)
                return true;
        if (three[2] != 's')
            break;
    }
    return false;
}

static bool is_joined(const struct words *w)
{
    size_t len = w->len;

    if (!is_joined_end(w->text + len, len))
        return false;
    len -= len > 0 && w->text[len - 1] == 's';
    for (size_t i = 0; i < COUNT(joined); i++)
        if (ends_in(w, w->len, &joined[i]) || ends_in(w, len, &joined[i]))
            return true;
    return false;
}

static enum llmobs_named judge_words(struct words *w)
{
    enum llmobs_named named;
    size_t before;

    for (size_t i = 0; i < COUNT(wholes); i++)
        if (w->len == wholes[i].word.len &&
            memcmp(w->text, wholes[i].word.text, w->len) == 0)
            return wholes[i].named;
    do {
        before = w->count;
        if (is_joined(w))
            return LLMOBS_NAMED_SECRET;
        split_compound(w);
        named = judge_last(w);
    } while (named == LLMOBS_NAMED_NOT && drop_trailing(w) &&
             w->count < before);
    return named;
}

/* True behind "pw" and "id", and behind "is", a verb that mask.c skips. */
static bool is_two(const char *end)
{
    char first = (char)(end[-2] | 0x20), second = (char)(end[-1] | 0x20);

    return (first == 'p' && second == 'w') || (first == 'i' && second == 'd') ||
           (first == 'i' && second == 's');
}

static enum llmobs_named judge_name(struct words *w)
{
    const char *end;

    enum llmobs_named named;
    size_t count;

    w->from[w->count] = (unsigned char)w->len;
    while (w->count > 1 && w->len - w->from[w->count - 1] == 1)
        w->len = w->from[--w->count]; /* "v2", "b64" */
    end = w->text + w->len;
    if (w->len < 2 || (!is_two(end) && (w->len < SHORTEST || !is_tail(end))))
        return LLMOBS_NAMED_NOT;
    count = w->count;
    named = judge_words(w);
    /* such as "has_password" and "is_secret" */
    return named != LLMOBS_NAMED_NOT && count > 1 && !w->loose &&
                   is_in_list(switches, w->text + w->from[0],
                              (size_t)(w->from[1] - w->from[0]))
               ? LLMOBS_NAMED_NOT
               : named;
}

static bool is_small(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_capital(char c)
{
    return c >= 'A' && c <= 'Z';
}

/* True where a capital begins a word: behind a small letter, or as the last of
 * several capitals: "APIKey". */
static bool is_change(const char *name, size_t len, size_t i)
{
    if (!is_capital(name[i]) || i == 0)
        return false;
    return is_small(name[i - 1]) ||
           (is_capital(name[i - 1]) && i + 1 < len && is_small(name[i + 1]));
}

static void split_words(struct words *w, const char *name, size_t len)
{
    bool in_word = false;

    if (len > LLMOBS_NAMES_LETTERS) {
        name += len - LLMOBS_NAMES_LETTERS;
        len = LLMOBS_NAMES_LETTERS;
    }
    for (size_t i = 0; i < len; i++) {
        bool letter = is_small(name[i]) || is_capital(name[i]);

        if (letter && (!in_word || is_change(name, len, i))) {
            if (w->count <= 0 || w->from[w->count - 1] != w->len) {
                if (w->count == LLMOBS_NAMES_WORDS) {
                    memmove(w->from, w->from + 1, w->count - 1);
                    w->count--;
                }
                w->from[w->count++] = (unsigned char)w->len;
            }
        }
        if (letter)
            w->text[w->len++] = (char)(name[i] | 0x20);
        in_word = letter;
    }
}

static enum llmobs_named judge_part(const char *name, size_t len, bool loose)
{
    struct words w = {.count = 0, .loose = loose};

    split_words(&w, name, len);
    return judge_name(&w);
}

static bool is_letter(char c)
{
    return is_small((char)(c | 0x20));
}

static bool has_length(const char *word, size_t len)
{
    return len > LETTERS || lengths[(*word | 0x20) - 'a'] >> len & 1;
}

/* Counts the letters of the last word before `end`. */
static size_t last_word(const char *end, size_t len)
{
    const char *name = end - len;
    size_t i = len;

    while (i > 0 && len - i <= LETTERS && is_letter(name[i - 1]))
        if (is_change(name, len, --i))
            break;
    return len - i;
}

/* Judges by the last three letters, which other characters may part; also true
 * where the letters are far apart. */
static bool has_tail(const char *end, size_t len)
{
    char three[3];
    size_t have = 0;

    for (size_t i = 1; i <= len && i <= TAIL_BYTES; i++) {
        if (is_letter(end[-(ptrdiff_t)i]))
            three[2 - have++] = end[-(ptrdiff_t)i];
        if (have == sizeof(three))
            return is_tail(three + have);
    }
    return len > TAIL_BYTES;
}

/* False, by their last word, for most names that are no secret's. An escape of
 * a letter may stand before that word, or a digit within the name: then true,
 * for an exact look. The letter behind a backslash may not belong to the
 * name. */
static bool may_end(const char *end, size_t len)
{
    size_t n = last_word(end, len);
    char before = n < len ? end[-(ptrdiff_t)n - 1] : ' ';
    const char *word = end - n;

    if (n == 0 || llmobs_is_digit(before) ||
        (n + 2 <= len && is_letter(before) && llmobs_is_digit(word[-2])))
        return true;
    if (n >= 2 && n <= 3 && is_two(end))
        return n == 2 || (before == '\\' && n == 3);
    if (n < SHORTEST)
        return (is_letter(before) || memchr("_-.[]\\", before, 6)) &&
               (n == 1 || has_tail(end, len));
    return is_tail(end) && (has_length(word, n) || is_joined_end(end, n) ||
                            (before == '\\' && has_length(word + 1, n - 1)));
}

/* Names that spans and many bodies have, by their length, and that end like
 * names of secrets: they need no exact look. */
static const char usual[][72] = {
    [3] = "url",
    [4] = "kind text data",
    [5] = "value",
    [6] = "frames ml_app source",
    [7] = "metrics choices",
    [8] = "metadata provider duration",
    [10] = "properties max_tokens",
    [12] = "input_tokens total_tokens audio_tokens",
    [13] =
        "first_byte_ms output_tokens finish_reason prompt_tokens cached_tokens",
    [14] = "finish_reasons model_provider",
    [16] = "reasoning_tokens",
    [17] = "sampling_decision completion_tokens",
    [20] = "input_tokens_details",
    [21] = "prompt_tokens_details output_tokens_details",
    [25] = "completion_tokens_details",
    [26] = "accepted_prediction_tokens rejected_prediction_tokens",
};

/* True for a usual name, and for one in "_id": of these one alone is a
 * secret's. */
static bool is_plain(const char *name, size_t len)
{
    const char *at = len < COUNT(usual) ? usual[len] : "";

    if (len > 3 && memcmp(name + len - 3, "_id", 3) == 0)
        return len < 9 || strncasecmp(name + len - 9, "secret", 6) != 0;
    while (*at && memcmp(at, name, len) != 0)
        at += at[len] ? len + 1 : len;
    return *at != '\0';
}

enum llmobs_named llmobs_names_judge(const char *name, size_t len)
{
    bool parts = memchr(name, '[', len);
    enum llmobs_named all;
    size_t from = 0;

    if (is_plain(name, len) || (!parts && !may_end(name + len, len)))
        return LLMOBS_NAMED_NOT;
    all = judge_part(name, len, false);
    if (!parts)
        return all;
    for (size_t i = 0; i <= len; i++) {
        enum llmobs_named part;

        if (i < len && name[i] != '[' && name[i] != ']')
            continue;
        part = judge_part(name + from, i - from, false);
        all = part >= LLMOBS_NAMED_SECRET && part > all ? part : all;
        from = i + 1;
    }
    return all;
}

enum llmobs_named llmobs_names_judge_words(const char *name, size_t len)
{
    return judge_part(name, len, true);
}

bool llmobs_names_may_be(const char *end, size_t len)
{
    return len >= 2 && may_end(end, len);
}
