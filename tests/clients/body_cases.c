/* Bodies, forms and parts of them that are no plain text of a request. */
#include "tests/clients/cases.h"

#include <unistd.h>

/* -- bodies --------------------------------------------------------------- */

static void zero_bytes(const char *base)
{
    static const char body[] = ASK("gpt-4o-mini", "") "\0\0 \n";
    struct text text = {0};
    CURL *curl = asking(base, CHAT, NULL, &text);

    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)sizeof(body));
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    run_one("borrowed", curl, &text);
    curl_easy_setopt(curl, CURLOPT_COPYPOSTFIELDS, body);
    run_last("copied", curl, &text);
}

static size_t spoil(char *data, size_t size, size_t count, void *to)
{
    char *body = *(char **)to;

    (void)data;
    memset(body, '#', strlen(body));
    return size * count;
}

/* The app's buffer is its own: another text in it for the next call, and gone
 * before a call ends. */
static void buffer_changed(const char *base)
{
    static const char second[] = ASK("gpt-4o-mini", "/* two */");
    struct text text = {0};
    char *body = malloc(sizeof(second) + 64);
    CURL *curl = asking(base, CHAT, body, &text);

    if (!body)
        exit(3);
    strcpy(body, hello);
    run_one("first", curl, &text);
    strcpy(strstr(body, "say hello"), "say more of it\"}]}");
    run_one("second", curl, &text);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, spoil);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, &body);
    strcpy(body, hello);
    run_one("third", curl, &text);
    free(body);
    curl_easy_cleanup(curl);
}

/* kB, of this process now. */
static long memory_now(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    long all, here;

    if (!file || fscanf(file, "%ld %ld", &all, &here) != 2)
        exit(3);
    fclose(file);
    return here * (sysconf(_SC_PAGESIZE) / 1024);
}

/* libcurl's own copy is in memory, no second one. Nothing is sent. */
static void huge_copy(const char *base)
{
    size_t len = (size_t)200 << 20;
    char *body = calloc(1, len);
    CURL *curl = asking("http://127.0.0.1:1", CHAT, NULL, NULL);
    long before = memory_now();

    (void)base;
    if (!body)
        exit(3);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)len);
    for (int i = 0; i < 2; i++) {
        body[0] = i ? '{' : 'x';
        printf("set=%d\n",
               (int)curl_easy_setopt(curl, CURLOPT_COPYPOSTFIELDS, body));
        printf("once=%d\n", memory_now() - before < 300 << 10);
        printf("rc=%d\n", (int)curl_easy_perform(curl));
        printf("once=%d\n", memory_now() - before < 300 << 10);
    }
    free(body);
    curl_easy_cleanup(curl);
}

/* -- forms ---------------------------------------------------------------- */

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

/* libcurl hands the part's own pointer to whatever reads. */
static void form_stream(const char *base)
{
    struct source source = {hello, 0, 7};
    struct text text = {0};
    struct curl_httppost *first = NULL, *last = NULL;
    CURL *curl = asking(base, CHAT, NULL, &text);

    curl_formadd(&first, &last, CURLFORM_COPYNAME, "body", CURLFORM_STREAM,
                 &source, CURLFORM_CONTENTLEN, (curl_off_t)strlen(hello),
                 CURLFORM_END);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, NULL);
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, feed);
    curl_easy_setopt(curl, CURLOPT_HTTPPOST, first);
    run_one("stream", curl, &text);
    printf("read=%zu\n", source.at);
    curl_easy_cleanup(curl);
    curl_formfree(first);
}
#pragma GCC diagnostic pop

static void mime_callback(const char *base)
{
    struct source source = {moved, 0, 7};
    struct text text = {0};
    CURL *curl = asking(base, CHAT, NULL, &text);
    curl_mime *mime = curl_mime_init(curl);
    curl_mimepart *part = curl_mime_addpart(mime);

    curl_mime_name(part, "body");
    curl_mime_data_cb(part, (curl_off_t)strlen(moved), feed, seek_source, NULL,
                      &source);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, NULL);
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(curl, CURLOPT_MIMEPOST, mime);
    run_one("mime", curl, &text);
    printf("read=%zu\n", source.at);
    curl_easy_cleanup(curl);
    curl_mime_free(mime);
}

/* -- parts of answers and requests ---------------------------------------- */

static void ranged(const char *base)
{
    struct text text = {0};
    CURL *curl = asking(base, CHAT, hello, &text);

    curl_easy_setopt(curl, CURLOPT_RANGE, "5-9");
    run_one("range", curl, &text);
    curl_easy_setopt(curl, CURLOPT_RANGE, NULL);
    curl_easy_setopt(curl, CURLOPT_RESUME_FROM, 5L);
    run_last("resumed", curl, &text);
}

/* The rest of an upload: sought where the app can, else read and dropped. */
static void upload_resumed(const char *base)
{
    for (int seeks = 0; seeks < 2; seeks++) {
        struct source source = {hello, 0, 7};
        struct text text = {0};
        CURL *curl = asking(base, "/upload/v1/x", NULL, &text);

        curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
        curl_easy_setopt(curl, CURLOPT_READFUNCTION, feed);
        curl_easy_setopt(curl, CURLOPT_READDATA, &source);
        if (seeks) {
            curl_easy_setopt(curl, CURLOPT_SEEKFUNCTION, seek_source);
            curl_easy_setopt(curl, CURLOPT_SEEKDATA, &source);
        }
        curl_easy_setopt(curl, CURLOPT_RESUME_FROM, 20L);
        curl_easy_setopt(curl, CURLOPT_INFILESIZE, (long)strlen(hello));
        run_one(seeks ? "sought" : "dropped", curl, &text);
        curl_easy_cleanup(curl);
    }
}

static const struct one_case cases[] = {
    {"zero_bytes", zero_bytes, 0, 0},
    {"buffer_changed", buffer_changed, 3, 0},
    {"huge_copy", huge_copy, 0, 0},
    {"form_stream", form_stream, 0, 0},
    {"mime_callback", mime_callback, 0, 0},
    {"ranged", ranged, 2, 1},
    {"upload_resumed", upload_resumed, 0, 0},
};

CASES_MAIN(cases)
