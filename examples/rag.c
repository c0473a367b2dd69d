/* Answers a question from a few documents: a workflow that searches them, by an
 * embedding of its own, asks a model through libcurl, and grades the answer.
 *
 *     cc -Iinclude examples/rag.c -lcurl -o rag
 *     llmobs-run --ml-app rag ./rag http://localhost:4000 "Why is it late?"
 *     llmobs view
 *
 * The library sees the call of the model by itself; this program reports all
 * other spans. Without llmobs-run it does the same, and reports to nobody. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "llmobs.h"

#define WORDS 256 /* numbers of an embedding, one for each word's hash */
#define FOUND 2

static const struct {
    const char *name;
    const char *text;
} documents[] = {
    {"delays", "A parcel is late when the depot is snowed in."},
    {"refunds", "A refund is paid within five days."},
    {"depots", "The depot of the north opens late in winter."},
};

#define DOCUMENTS (sizeof(documents) / sizeof(documents[0]))

struct answer {
    char *data;
    size_t len;
};

/* -- an embedding without a model ------------------------------------------ */

static void count_words(const char *text, double counts[WORDS])
{
    unsigned hash = 5381;

    memset(counts, 0, WORDS * sizeof(*counts));
    for (;; text++) {
        if (isalpha((unsigned char)*text)) {
            hash = hash * 33 + (unsigned)tolower((unsigned char)*text);
        } else if (hash != 5381) {
            counts[hash % WORDS]++;
            hash = 5381;
        }
        if (!*text)
            return;
    }
}

static void embed(const char *text, double counts[WORDS])
{
    struct llmobs_document document = {.text = text};
    struct llmobs_number tokens = {"input_tokens", 0};
    struct llmobs_annotation said = {
        .size = sizeof(said),
        .input = {.documents = &document, .document_count = 1},
        .output = {.text = "[1 vector of 256]"},
        .metrics = &tokens,
        .metric_count = 1};
    llmobs_span_t span =
        llmobs_start_model(LLMOBS_EMBEDDING, "embed", "bag-of-words", "local");

    count_words(text, counts);
    for (int i = 0; i < WORDS; i++)
        tokens.value += counts[i];
    llmobs_annotate(span, &said);
    llmobs_finish(span);
}

/* -- the search -------------------------------------------------------------
 */

static double likeness(const double a[WORDS], const double b[WORDS])
{
    double same = 0;

    for (int i = 0; i < WORDS; i++)
        same += a[i] < b[i] ? a[i] : b[i];
    return same;
}

static int by_score(const void *a, const void *b)
{
    const struct llmobs_document *x = a, *y = b;

    return (x->score < y->score) - (x->score > y->score);
}

/* Moves the best documents to the beginning of `found`. */
static void search(const char *question, struct llmobs_document *found)
{
    struct llmobs_annotation said = {
        .size = sizeof(said),
        .input = {.text = question},
        .output = {.documents = found, .document_count = FOUND}};
    double asked[WORDS], known[WORDS];
    LLMOBS_FUNCTION(span, LLMOBS_RETRIEVAL);

    embed(question, asked);
    for (size_t i = 0; i < DOCUMENTS; i++) {
        count_words(documents[i].text, known);
        found[i] = (struct llmobs_document){.text = documents[i].text,
                                            .name = documents[i].name,
                                            .score = likeness(asked, known),
                                            .has_score = 1};
    }
    qsort(found, DOCUMENTS, sizeof(*found), by_score);
    llmobs_annotate(span, &said);
}

/* -- the model ---------------------------------------------------------------
 */

static size_t collect(char *data, size_t size, size_t count, void *to)
{
    struct answer *answer = to;
    char *grown = realloc(answer->data, answer->len + size * count + 1);

    if (!grown)
        return 0;
    memcpy(grown + answer->len, data, size * count);
    answer->data = grown;
    answer->len += size * count;
    grown[answer->len] = '\0';
    return size * count;
}

/* The questions of this example need no escapes. */
static void write_request(char *out, size_t cap, const char *question,
                          const struct llmobs_document *found)
{
    snprintf(out, cap,
             "{\"model\": \"gpt-4o-mini\", \"messages\": ["
             "{\"role\": \"system\", \"content\": \"%s %s\"}, "
             "{\"role\": \"user\", \"content\": \"%s\"}]}",
             found[0].text, found[1].text, question);
}

/* The text of the answer, which the caller frees; a real program has a parser.
 */
static char *content_of(const char *body)
{
    const char *key = body ? strstr(body, "\"content\": \"") : NULL;
    const char *end = key ? strchr(key + 12, '"') : NULL;

    return end ? strndup(key + 12, (size_t)(end - key - 12)) : NULL;
}

static char *ask(const char *base, const char *question,
                 const struct llmobs_document *found)
{
    struct curl_slist *headers =
        curl_slist_append(NULL, "Content-Type: application/json");
    struct answer answer = {NULL, 0};
    CURL *curl = curl_easy_init();
    char url[512], body[2048], *text;

    snprintf(url, sizeof(url), "%s/v1/chat/completions", base);
    write_request(body, sizeof(body), question, found);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, collect);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer);
    if (curl_easy_perform(curl) != CURLE_OK)
        llmobs_error(NULL, "no answer", "the model did not answer", NULL);
    curl_easy_cleanup(curl);
    curl_slist_free_all(headers);
    text = content_of(answer.data);
    free(answer.data);
    return text;
}

/* -- the grade ---------------------------------------------------------------
 */

static void grade(llmobs_span_t span, const char *question, const char *answer)
{
    struct llmobs_exported ids;
    struct llmobs_evaluation_options options = {
        .size = sizeof(options), .label = "on_topic", .span = &ids};
    double asked[WORDS], said[WORDS];

    count_words(question, asked);
    count_words(answer, said);
    options.metric_type = LLMOBS_SCORE;
    options.number = likeness(asked, said);
    options.assessment = options.number > 0 ? "pass" : "fail";
    options.reasoning = "words of the question in the answer";
    if (llmobs_export_span(span, &ids) == 0)
        llmobs_submit_evaluation(&options);
}

static int answer_question(const char *base, const char *question)
{
    struct llmobs_document found[DOCUMENTS];
    LLMOBS_FUNCTION(span, LLMOBS_WORKFLOW);
    char *answer;

    llmobs_annotate_text(span, question, NULL);
    search(question, found);
    answer = ask(base, question, found);
    if (!answer)
        return 1;
    puts(answer);
    llmobs_annotate_text(span, NULL, answer);
    grade(span, question, answer);
    free(answer);
    return 0;
}

int main(int argc, char **argv)
{
    int status;

    if (argc != 3) {
        fprintf(stderr, "usage: %s URL QUESTION\n", argv[0]);
        return 2;
    }
    curl_global_init(CURL_GLOBAL_ALL);
    status = answer_question(argv[1], argv[2]);
    curl_global_cleanup();
    return status;
}
