#include "core/mask.h"

#include <string.h>
#include <strings.h>

#define KEEP 4
#define KEEP_FROM 8

/* What a secret looks like: the text that announces it, and which characters
 * it is made of. */
struct pattern {
    const char *lead;
    bool any_case;
    bool inside_word;  /* the lead may follow a letter or digit */
    size_t least;      /* fewer characters are no secret */
    const char *extra; /* secret characters besides letters and digits */
};

#define KEY_CHARS "-_*"
#define TOKEN_CHARS "-_*.~+/=:"
#define VALUE_CHARS "-_*.~+/%=:$!"

static const struct pattern patterns[] = {
    {"sk-", false, false, 4, KEY_CHARS},
    {"pk-", false, false, 12, KEY_CHARS},
    {"sk_", false, false, 12, KEY_CHARS},
    {"gsk_", false, false, 8, KEY_CHARS},
    {"xai-", false, false, 12, KEY_CHARS},
    {"pplx-", false, false, 12, KEY_CHARS},
    {"nvapi-", false, false, 12, KEY_CHARS},
    {"csk-", false, false, 12, KEY_CHARS},
    {"hf_", false, false, 12, KEY_CHARS},
    {"ghp_", false, false, 12, KEY_CHARS},
    {"github_pat_", false, false, 12, KEY_CHARS},
    {"AIza", false, false, 12, KEY_CHARS},
    {"ya29.", false, false, 12, TOKEN_CHARS},
    {"AKIA", false, false, 12, ""},
    {"ASIA", false, false, 12, ""},
    {"eyJ", false, false, 20, "-_."},
    {"bearer ", true, false, 4, TOKEN_CHARS},
    {"basic ", true, false, 12, "+/="},
    {"key=", true, true, 1, VALUE_CHARS},
    {"token=", true, true, 1, VALUE_CHARS},
    {"sig=", true, false, 1, VALUE_CHARS},
    {"signature=", true, true, 1, VALUE_CHARS},
    {"credential=", true, true, 1, VALUE_CHARS},
    {"secret=", true, true, 1, VALUE_CHARS},
    {"password=", true, true, 1, VALUE_CHARS},
    {"api-key: ", true, true, 1, VALUE_CHARS},
    {"api_key: ", true, true, 1, VALUE_CHARS},
    {"api_key\": \"", true, true, 1, VALUE_CHARS},
    {"api_key\":\"", true, true, 1, VALUE_CHARS},
};

static bool is_alnum(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
           (c >= 'A' && c <= 'Z');
}

static size_t secret_len(const char *text, const char *extra)
{
    size_t len = 0;

    while (text[len] && (is_alnum(text[len]) || strchr(extra, text[len])))
        len++;
    /* A full stop or colon at the end is the sentence's. */
    while (len > 0 && (text[len - 1] == '.' || text[len - 1] == ':'))
        len--;
    return len;
}

/* Length of the secret behind the lead at `text`; 0: none begins here. */
static size_t match(const char *text, bool in_word, size_t *lead_len)
{
    for (size_t i = 0; i < sizeof(patterns) / sizeof(*patterns); i++) {
        const struct pattern *p = &patterns[i];
        size_t len = strlen(p->lead);
        size_t secret;

        if (in_word && !p->inside_word)
            continue;
        if (p->any_case ? strncasecmp(text, p->lead, len) != 0
                        : strncmp(text, p->lead, len) != 0)
            continue;
        secret = secret_len(text + len, p->extra);
        if (secret < p->least)
            continue;
        *lead_len = len;
        return secret;
    }
    return 0;
}

/* Length of "user:password" behind "://" at `text`, 0: none. */
static size_t match_userinfo(const char *text)
{
    size_t len;

    if (strncmp(text, "://", 3) != 0)
        return 0;
    len = strcspn(text + 3, "@/?# \t\r\n\"'<>");
    return text[3 + len] == '@' ? len : 0;
}

static int add_masked(const char *secret, size_t len, struct llmobs_buf *out)
{
    int rc = llmobs_buf_adds(out, "***");

    if (!rc && len >= KEEP_FROM)
        rc = llmobs_buf_add(out, secret + len - KEEP, KEEP);
    return rc;
}

int llmobs_mask_text(const char *text, struct llmobs_buf *out)
{
    bool in_word = false;
    int rc = llmobs_buf_add(out, "", 0);

    while (*text && !rc) {
        size_t lead = 0;
        size_t user = match_userinfo(text);
        size_t secret = user ? 0 : match(text, in_word, &lead);

        if (user) {
            rc = llmobs_buf_adds(out, "://***");
            text += 3 + user;
            in_word = false;
            continue;
        }
        if (secret == 0) {
            in_word = is_alnum(*text);
            rc = llmobs_buf_addc(out, *text++);
            continue;
        }
        rc = llmobs_buf_add(out, text, lead);
        if (!rc)
            rc = add_masked(text + lead, secret, out);
        text += lead + secret;
        in_word = true;
    }
    return rc;
}
