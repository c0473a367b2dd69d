/* Parses LLMOBS_REDACT's patterns, and applies them. */
#include "lib/span/redact.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/work.h"
#include "lib/span/mask.h"
#include "lib/span/names.h"

#define NAME_MAX_LEN 32
/* Steps of work (work.h) that a pattern takes for each byte, for each text, and
 * for each match. */
#define FIND_WORK LLMOBS_REGEX_WORK
#define FIND_LEAST 32
#define FOUND_WORK 100
#define CARD_LEAST 13
#define CARD_MOST 19
#define EMAIL                                                          \
    "[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9]([A-Za-z0-9-]*\\.)+[" \
    "A-Za-z]{2,}"

enum finder { FIND_REGEX, FIND_CARDS, FIND_KEYS, FIND_BEARER };

struct pattern {
    char name[NAME_MAX_LEN + 1];
    enum finder finder;
    struct llmobs_regex *regex;
};

struct llmobs_redact {
    size_t count;
    struct pattern list[LLMOBS_REDACT_MAX];
};

static const struct {
    const char *name;
    enum finder finder;
    const char *regex;
} ready[] = {
    {"email", FIND_REGEX, EMAIL},
    {"cards", FIND_CARDS, NULL},
    {"keys", FIND_KEYS, NULL},
    {"bearer", FIND_BEARER, NULL},
};

/* -- the file ------------------------------------------------------------ */

static bool is_pattern_name(struct llmobs_text text)
{
    for (size_t i = 0; i < text.len; i++)
        if (!llmobs_mask_is_alnum(text.data[i]) && !strchr("_-", text.data[i]))
            return false;
    return text.len > 0 && text.len <= NAME_MAX_LEN;
}

static const char *use_ready(struct pattern *pattern, struct llmobs_text name)
{
    const char *why = "";

    for (size_t i = 0; i < sizeof(ready) / sizeof(*ready); i++) {
        if (!llmobs_text_is(name, ready[i].name))
            continue;
        memcpy(pattern->name, name.data, name.len);
        pattern->finder = ready[i].finder;
        if (ready[i].regex &&
            llmobs_regex_compile(llmobs_text_of(ready[i].regex),
                                 &pattern->regex, &why) != 0)
            return why;
        return NULL;
    }
    return "no ready-made pattern has this name";
}

/* Reads the pattern of a line; answers NULL, or why the line is wrong. */
static const char *read_pattern(struct llmobs_text line,
                                struct pattern *pattern)
{
    const char *sign = memchr(line.data, '=', line.len);
    struct llmobs_text name, regex;
    const char *why;

    if (memchr(line.data, '\0', line.len) || memchr(line.data, '\r', line.len))
        return "a NUL or a line end of another kind";
    if (line.len > 4 && memcmp(line.data, "use", 3) == 0 &&
        llmobs_is_blank(line.data[3]))
        return use_ready(pattern, llmobs_text_trim((struct llmobs_text){
                                      line.data + 3, line.len - 3}));
    if (!sign)
        return "neither \"name = pattern\" nor \"use name\"";
    name = llmobs_text_trim(
        (struct llmobs_text){line.data, (size_t)(sign - line.data)});
    regex = llmobs_text_trim((struct llmobs_text){
        sign + 1, line.len - (size_t)(sign + 1 - line.data)});
    if (!is_pattern_name(name))
        return "no name of letters, digits, _ and - before the =";
    if (llmobs_regex_compile(regex, &pattern->regex, &why) != 0)
        return why;
    memcpy(pattern->name, name.data, name.len);
    pattern->finder = FIND_REGEX;
    return NULL;
}

static int read_patterns(struct llmobs_text file, struct llmobs_redact *redact,
                         struct llmobs_redact_fault *fault)
{
    const char *at = file.data, *end = file.data + file.len;

    while (at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        struct llmobs_text line = {at, (size_t)((stop ? stop : end) - at)};

        fault->line++;
        at = stop ? stop + 1 : end;
        line = llmobs_text_trim(line);
        if (line.len == 0 || line.data[0] == '#')
            continue;
        fault->why = "too many patterns";
        if (redact->count == LLMOBS_REDACT_MAX)
            return -EINVAL;
        fault->why = read_pattern(line, &redact->list[redact->count]);
        if (fault->why)
            return -EINVAL;
        redact->count++;
    }
    fault->line = 0;
    fault->why = "it has no pattern";
    return redact->count ? 0 : -EINVAL;
}

int llmobs_redact_parse(struct llmobs_text file, struct llmobs_redact **out,
                        struct llmobs_redact_fault *fault)
{
    struct llmobs_redact *redact = calloc(1, sizeof(*redact));
    int rc;

    *out = NULL;
    *fault = (struct llmobs_redact_fault){0, "out of memory"};
    if (!redact)
        return -ENOMEM;
    rc = read_patterns(file, redact, fault);
    if (rc)
        llmobs_redact_free(redact);
    else
        *out = redact;
    return rc;
}

void llmobs_redact_free(struct llmobs_redact *redact)
{
    if (!redact)
        return;
    for (size_t i = 0; i < LLMOBS_REDACT_MAX; i++)
        llmobs_regex_free(redact->list[i].regex);
    free(redact);
}

/* -- cards --------------------------------------------------------------- */

/* True for a number that begins like an issuer's and has a right Luhn sum. */
static bool is_card(const char *digits, size_t count)
{
    int head = (digits[0] - '0') * 10 + digits[1] - '0';
    int sum = 0;

    if (count < CARD_LEAST || count > CARD_MOST ||
        (head < 22 || (head > 27 && head < 30) || head >= 70))
        return false;
    for (size_t i = 0; i < count; i++) {
        int n = digits[count - 1 - i] - '0';

        if (i % 2)
            n = n < 5 ? n * 2 : n * 2 - 9;
        sum += n;
    }
    return sum % 10 == 0;
}

/* The length of the card number at `at`, which ends where a group of digits
 * ends; 0: no number. One blank, hyphen or dot separates the groups. */
static size_t card_at(struct llmobs_text text, size_t at)
{
    char digits[CARD_MOST];
    size_t count = 0, i = at;

    while (i < text.len) {
        while (i < text.len && llmobs_is_digit(text.data[i])) {
            if (count == CARD_MOST)
                return 0;
            digits[count++] = text.data[i++];
        }
        if (count >= CARD_LEAST && is_card(digits, count))
            return i - at;
        if (i + 1 >= text.len || !strchr(" -.", text.data[i]) ||
            !llmobs_is_digit(text.data[i + 1]))
            return 0;
        i++;
    }
    return 0;
}

static int find_cards(struct llmobs_text text, size_t what,
                      struct llmobs_founds *founds)
{
    int rc = 0;

    for (size_t i = 0; i < text.len && !rc; i++) {
        size_t len;

        if (!llmobs_is_digit(text.data[i]) ||
            (i > 0 && llmobs_is_digit(text.data[i - 1])))
            continue;
        len = card_at(text, i);
        if (len == 0)
            continue;
        rc = llmobs_founds_add(founds, i, len, what);
        i += len - 1;
    }
    return rc;
}

/* -- at work ------------------------------------------------------------- */

void llmobs_redaction_begin(struct llmobs_redaction *redaction,
                            const struct llmobs_redact *redact)
{
    memset(redaction, 0, sizeof(*redaction));
    redaction->redact = redact;
}

void llmobs_redaction_end(struct llmobs_redaction *redaction)
{
    for (size_t i = 0; i < LLMOBS_REDACT_MAX; i++)
        llmobs_regex_memory_free(&redaction->memory[i]);
    free(redaction->founds.list);
}

/* True for "[redacted:name", which an earlier replacement left: not a secret.
 */
static bool is_replaced(const struct llmobs_redact *redact, const char *text,
                        size_t len)
{
    size_t lead = sizeof("[redacted:") - 1;

    if (len <= lead || memcmp(text, "[redacted:", lead) != 0 ||
        text[len] != ']')
        return false;
    for (size_t i = 0; i < redact->count; i++)
        if (strlen(redact->list[i].name) == len - lead &&
            memcmp(redact->list[i].name, text + lead, len - lead) == 0)
            return true;
    return false;
}

static int find_secrets(struct llmobs_redaction *redaction,
                        struct llmobs_text text, size_t what)
{
    const struct llmobs_redact *redact = redaction->redact;
    bool bearer = redact->list[what].finder == FIND_BEARER;
    struct llmobs_mask_walk walk = {
        .text = text, .kind = bearer ? LLMOBS_MASK_BEARER : LLMOBS_MASK_BODY};
    int rc = 0;

    while (!rc && llmobs_mask_next(&walk))
        if (!is_replaced(redact, text.data + walk.from, walk.len))
            rc = llmobs_founds_add(&redaction->founds, walk.from, walk.len,
                                   what);
    return rc;
}

static int find_matches(struct llmobs_redaction *redaction,
                        struct llmobs_text text)
{
    const struct llmobs_redact *redact = redaction->redact;
    struct llmobs_founds *founds = &redaction->founds;
    int rc = 0;

    founds->count = 0;
    if (!llmobs_work_do(redact->count * (text.len * FIND_WORK + FIND_LEAST)))
        return -E2BIG;
    for (size_t i = 0; i < redact->count && !rc; i++) {
        const struct pattern *pattern = &redact->list[i];

        if (pattern->finder == FIND_REGEX)
            rc = llmobs_regex_find(pattern->regex, &redaction->memory[i], text,
                                   i, founds);
        else if (pattern->finder == FIND_CARDS)
            rc = find_cards(text, i, founds);
        else
            rc = find_secrets(redaction, text, i);
    }
    return rc;
}

static int by_start(const void *a, const void *b)
{
    const struct llmobs_found *x = a, *y = b;

    if (x->start != y->start)
        return x->start < y->start ? -1 : 1;
    return x->what < y->what ? -1 : x->what > y->what;
}

static bool is_middle(struct llmobs_text text, size_t at)
{
    return at < text.len && ((unsigned char)text.data[at] & 0xc0) == 0x80;
}

/* Replaces the matches: whole characters only. Matches that overlap are
 * replaced together, under the name of the first. */
static int replace_matches(const struct llmobs_redaction *redaction,
                           struct llmobs_text text, struct llmobs_buf *out)
{
    const struct llmobs_founds *founds = &redaction->founds;
    size_t done = 0;
    int rc = 0;

    for (size_t i = 0; i < founds->count && !rc;) {
        size_t start = founds->list[i].start, end = start;
        size_t what = founds->list[i].what;

        for (; i < founds->count &&
               (founds->list[i].start < end || founds->list[i].start == start);
             i++)
            if (founds->list[i].start + founds->list[i].len > end)
                end = founds->list[i].start + founds->list[i].len;
        while (start > done && is_middle(text, start))
            start--;
        while (is_middle(text, end))
            end++;
        if (end <= done) /* its character is replaced already */
            continue;
        if (start < done)
            start = done;
        rc = llmobs_buf_add(out, text.data + done, start - done);
        if (!rc)
            rc = llmobs_buf_addf(out, "[redacted:%s]",
                                 redaction->redact->list[what].name);
        done = end;
    }
    return rc ? rc : llmobs_buf_add(out, text.data + done, text.len - done);
}

int llmobs_redaction_text(struct llmobs_redaction *redaction,
                          struct llmobs_text text, struct llmobs_buf *out,
                          bool *changed)
{
    struct llmobs_founds *founds = &redaction->founds;
    size_t before = out->len;
    int rc = find_matches(redaction, text);

    if (!rc && !llmobs_work_do(founds->count * FOUND_WORK))
        rc = -E2BIG;
    *changed = rc == -E2BIG || founds->count > 0;
    if (rc == -E2BIG) {
        redaction->too_long = true;
        return llmobs_buf_adds(out, LLMOBS_REDACTED);
    }
    if (rc || !founds->count)
        return rc;
    qsort(founds->list, founds->count, sizeof(*founds->list), by_start);
    rc = replace_matches(redaction, text, out);
    if (rc)
        llmobs_buf_cut(out, before);
    return rc;
}

const char *llmobs_redaction_member(const struct llmobs_redaction *redaction,
                                    const char *name)
{
    const struct llmobs_redact *redact = redaction->redact;
    size_t i = 0;

    while (i < redact->count && redact->list[i].finder != FIND_KEYS)
        i++;
    return i < redact->count &&
                   llmobs_names_judge(name, strlen(name)) >= LLMOBS_NAMED_SECRET
               ? redact->list[i].name
               : NULL;
}
