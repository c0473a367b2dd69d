/* forward - what the gateways of this folder share: each sends the body of a
 * request to a model, by libcurl, and answers with the model's answer.
 *
 * They know nothing of the library. UPSTREAM: the model's base URL. */
#ifndef LLMOBS_FORWARD_H
#define LLMOBS_FORWARD_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

struct text {
    char *data;
    size_t len;
};

static char forward_url[512];
static struct curl_slist *forward_headers;

static inline void text_add(struct text *text, const void *data, size_t len)
{
    text->data = (char *)realloc(text->data, text->len + len + 1);
    if (!text->data)
        exit(3);
    memcpy(text->data + text->len, data, len);
    text->len += len;
    text->data[text->len] = '\0';
}

static inline void text_drop(struct text *text)
{
    free(text->data);
    text->data = NULL;
    text->len = 0;
}

static inline size_t keep_answer(char *data, size_t size, size_t count,
                                 void *to)
{
    text_add((struct text *)to, data, size * count);
    return size * count;
}

/* Runs before anything else: some libraries replace the environment. */
static inline void forward_open(void)
{
    const char *base = getenv("UPSTREAM");

    curl_global_init(CURL_GLOBAL_ALL);
    snprintf(forward_url, sizeof(forward_url), "%s/chat/completions",
             base ? base : "http://127.0.0.1:1");
    forward_headers = curl_slist_append(NULL, "Content-Type: application/json");
}

static inline CURL *forward_begin(const struct text *body, struct text *answer)
{
    CURL *handle = curl_easy_init();

    curl_easy_setopt(handle, CURLOPT_URL, forward_url);
    curl_easy_setopt(handle, CURLOPT_HTTPHEADER, forward_headers);
    curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE, (long)body->len);
    curl_easy_setopt(handle, CURLOPT_POSTFIELDS, body->len ? body->data : "");
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, keep_answer);
    curl_easy_setopt(handle, CURLOPT_WRITEDATA, answer);
    curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
    return handle;
}

/* Gives the status for the client. A body that is empty, or an empty object,
 * asks no model. */
static inline int forward(const struct text *body, struct text *answer)
{
    long status = 502;
    CURL *handle;

    if (body->len <= 2) {
        text_add(answer, "a plain answer", 14);
        return 200;
    }
    handle = forward_begin(body, answer);
    if (curl_easy_perform(handle) == CURLE_OK)
        curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_cleanup(handle);
    return (int)status;
}

/* Asks the model of the program's own accord. */
static inline void ask_itself(void)
{
    static const char own[] = "{\"model\": \"gpt-test\", \"messages\": [{"
                              "\"role\": \"user\", \"content\": \"own\"}]}";
    struct text body = {NULL, 0}, answer = {NULL, 0};

    text_add(&body, own, sizeof(own) - 1);
    (void)forward(&body, &answer);
    text_drop(&body);
    text_drop(&answer);
}

#endif
