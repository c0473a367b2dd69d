/* Requests without a body, and forms: calls that are known by their path. */
#include "tests/clients/cases.h"

#define STORED "/v1/responses/"
#define AUDIO "/v1/audio/transcriptions"
#define SPOKEN "RIFF-these-bytes-are-nobodys-business"

static void get_one(const char *base, const char *path, bool follows)
{
    struct text text = {0};
    CURL *curl = asking(base, path, NULL, &text);

    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, follows ? 1L : 0L);
    run_one(path, curl, &text);
    curl_easy_cleanup(curl);
}

static void fetch(const char *base)
{
    get_one(base, STORED "resp_1?include=x", false);
    get_one(base, STORED "17", false);
    get_one(base, "/v1/models", false);
    get_one(base, STORED "resp_1/input_items", false);
}

/* A method is what the request says, whatever libcurl makes of its body. */
static void fetch_methods(const char *base)
{
    static const struct {
        const char *path, *method, *body;
        bool no_body, get;
    } rows[] = {
        {STORED "resp_1", "GET", "{\"a\":1}", false, false},
        {STORED "resp_1", NULL, "{\"a\":1}", false, true},
        {STORED "resp_1", "GET", NULL, true, false},
        {STORED "resp_1", NULL, NULL, true, false},
        {STORED "resp_1", "DELETE", NULL, false, false},
        {STORED "resp_1", "get", NULL, false, false},
        {STORED "resp_1/cancel", "POST", NULL, false, false},
        {STORED "resp_1/cancel", NULL, "", false, false},
        {STORED "resp_1/cancel", NULL, NULL, false, false},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct text text = {0};
        CURL *curl = asking(base, rows[i].path, rows[i].body, &text);

        if (rows[i].get)
            curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);
        if (rows[i].no_body)
            curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
        curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, rows[i].method);
        run_one(rows[i].method ? rows[i].method : "-", curl, &text);
        curl_easy_cleanup(curl);
    }
}

static void fetch_answers(const char *base)
{
    get_one(base, STORED "resp_moved", true);
    get_one(base, STORED "resp_moved", false);
    get_one(base, STORED "resp_same", false);
    get_one(base, STORED "resp_empty", false);
    get_one(base, STORED "resp_error", false);
    get_one(base, STORED "resp_stream?stream=true", false);
}

/* One handle for all of it, its copy, and after a reset. */
static void fetch_again(const char *base)
{
    struct text text = {0};
    CURL *curl = asking(base, STORED "resp_1", NULL, &text), *twin;

    twin = curl_easy_duphandle(curl);
    run_one("first", curl, &text);
    run_one("twin", twin, &text);
    set_url(curl, base, "/v1/models");
    run_one("another", curl, &text);
    set_url(curl, base, STORED "resp_2");
    run_one("back", curl, &text);
    curl_easy_reset(curl);
    write_to(curl, collect, &text);
    set_url(curl, base, STORED "resp_3");
    run_last("reset", curl, &text);
    curl_easy_cleanup(twin);
}

/* Without a request there is no call. */
static void fetch_connect_only(const char *base)
{
    struct text text = {0};
    CURL *curl = asking(base, STORED "resp_1", NULL, &text);

    curl_easy_setopt(curl, CURLOPT_CONNECT_ONLY, 1L);
    run_last("connect only", curl, &text);
}

static void fetch_multi(const char *base)
{
    struct text texts[4] = {{0}};
    CURL *curls[4];
    CURLM *multi = curl_multi_init();

    for (int i = 0; i < 4; i++) {
        curls[i] = asking(base, i % 2 ? "/v1/models" : STORED "resp_1", NULL,
                          &texts[i]);
        curl_multi_add_handle(multi, curls[i]);
    }
    drive(multi);
    for (int i = 0; i < 4; i++) {
        curl_multi_remove_handle(multi, curls[i]);
        show("of a multi", curls[i], CURLE_OK, &texts[i]);
        curl_easy_cleanup(curls[i]);
    }
    curl_multi_cleanup(multi);
}

/* A URL handle is the program's: it is not asked for a request without a body.
 */
static void fetch_by_handle(const char *base)
{
    struct text text = {0};
    CURL *curl = asking(base, "/", NULL, &text);
    char *url = url_of(base, STORED "resp_1");
    CURLU *handle = curl_url();

    curl_url_set(handle, CURLUPART_URL, url, 0);
    curl_easy_setopt(curl, CURLOPT_CURLU, handle);
    run_last("url handle", curl, &text);
    curl_url_cleanup(handle);
    free(url);
}

/* -- forms ---------------------------------------------------------------- */

static CURL *speaking(const char *base, struct text *text)
{
    CURL *curl = asking(base, AUDIO, NULL, text);

    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, NULL);
    return curl;
}

/* The boundary is random: the length alone is the same. */
static curl_mime *make_mime(CURL *curl, curl_off_t len, curl_read_callback read,
                            void *source)
{
    curl_mime *mime = curl_mime_init(curl);
    curl_mimepart *part = curl_mime_addpart(mime);

    curl_mime_name(part, "model");
    curl_mime_data(part, "whisper-1", CURL_ZERO_TERMINATED);
    part = curl_mime_addpart(mime);
    curl_mime_name(part, "file");
    curl_mime_filename(part, "a.wav");
    if (read)
        curl_mime_data_cb(part, len, read, seek_source, NULL, source);
    else
        curl_mime_data(part, SPOKEN, CURL_ZERO_TERMINATED);
    curl_easy_setopt(curl, CURLOPT_MIMEPOST, mime);
    return mime;
}

static void speak(const char *base)
{
    struct text text = {0};
    CURL *curl = speaking(base, &text), *twin;
    curl_mime *mime = make_mime(curl, 0, NULL, NULL);

    run_one("mime", curl, &text);
    run_one("mime again", curl, &text);
    twin = curl_easy_duphandle(curl);
    run_one("mime of a twin", twin, &text);
    curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);
    set_url(curl, base, STORED "resp_1");
    run_one("then a GET", curl, &text);
    curl_easy_cleanup(twin);
    curl_easy_cleanup(curl);
    curl_mime_free(mime);
}

/* The older interface. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
static void speak_by_form(const char *base)
{
    struct source source = {SPOKEN, 0, 7};
    struct text text = {0};
    struct curl_httppost *first = NULL, *last = NULL;
    CURL *curl = speaking(base, &text);

    curl_formadd(&first, &last, CURLFORM_COPYNAME, "model",
                 CURLFORM_COPYCONTENTS, "whisper-1", CURLFORM_END);
    curl_formadd(&first, &last, CURLFORM_COPYNAME, "file", CURLFORM_BUFFER,
                 "a.wav", CURLFORM_BUFFERPTR, SPOKEN, CURLFORM_BUFFERLENGTH,
                 (long)strlen(SPOKEN), CURLFORM_END);
    curl_formadd(&first, &last, CURLFORM_COPYNAME, "more", CURLFORM_STREAM,
                 &source, CURLFORM_CONTENTLEN, (curl_off_t)strlen(SPOKEN),
                 CURLFORM_END);
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, feed);
    curl_easy_setopt(curl, CURLOPT_HTTPPOST, first);
    run_one("form", curl, &text);
    printf("read=%zu\n", source.at);
    curl_easy_cleanup(curl);
    curl_formfree(first);
}
#pragma GCC diagnostic pop

/* A form that the program writes itself: in memory, and while libcurl sends. */
static void speak_by_hand(const char *base)
{
    static const char form[] =
        "--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\n"
        "whisper-1\r\n--b\r\nContent-Disposition: form-data; name=\"file\"; "
        "filename=\"a.wav\"\r\n\r\n" SPOKEN "\r\n--b--\r\n";
    struct curl_slist *list = curl_slist_append(
        NULL, "Content-Type: multipart/form-data; boundary=b");

    for (int way = 0; way < 3; way++) {
        struct source source = {form, 0, 9};
        struct text text = {0};
        CURL *curl = speaking(base, &text);

        curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list);
        if (way == 0)
            curl_easy_setopt(curl, CURLOPT_POSTFIELDS, form);
        if (way == 1)
            curl_easy_setopt(curl, CURLOPT_COPYPOSTFIELDS, form);
        if (way == 2) {
            curl_easy_setopt(curl, CURLOPT_POST, 1L);
            curl_easy_setopt(curl, CURLOPT_READFUNCTION, feed);
            curl_easy_setopt(curl, CURLOPT_READDATA, &source);
        }
        run_last("by hand", curl, &text);
    }
    curl_slist_free_all(list);
}

#define ODD_BYTES ((size_t)1 << 20)

struct odd {
    CURL *curl;
    int calls;
    size_t left;
    bool aborts;
    bool waits, paused;
};

static size_t feed_oddly(char *to, size_t size, size_t count, void *from)
{
    struct odd *odd = from;

    odd->calls++;
    if (odd->aborts)
        return CURL_READFUNC_ABORT;
    if (!odd->paused && odd->left < ODD_BYTES / 2) {
        odd->paused = odd->waits = true;
        return CURL_READFUNC_PAUSE;
    }
    if (size * count > odd->left)
        count = odd->left / size;
    memset(to, 'a', size * count);
    odd->left -= size * count;
    return size * count;
}

/* Goes on as soon as the reader has paused. */
static CURLcode drive_oddly(struct odd *odd)
{
    CURLM *multi = curl_multi_init();
    CURLcode rc = CURLE_OK;
    CURLMsg *message;
    int running = 1, left;

    curl_multi_add_handle(multi, odd->curl);
    while (running) {
        if (curl_multi_perform(multi, &running) != CURLM_OK)
            exit(3);
        if (odd->waits) {
            odd->waits = false;
            curl_easy_pause(odd->curl, CURLPAUSE_CONT);
        } else if (running) {
            curl_multi_poll(multi, NULL, 0, 100, NULL);
        }
    }
    while ((message = curl_multi_info_read(multi, &left)))
        rc = message->data.result;
    curl_multi_remove_handle(multi, odd->curl);
    curl_multi_cleanup(multi);
    return rc;
}

static void speak_oddly(const char *base)
{
    for (int aborts = 0; aborts < 2; aborts++) {
        struct text text = {0};
        CURL *curl = speaking(base, &text);
        struct odd odd = {curl, 0, ODD_BYTES, aborts, false, false};
        curl_mime *mime = make_mime(curl, ODD_BYTES, feed_oddly, &odd);

        show(aborts ? "aborted" : "paused", curl, drive_oddly(&odd), &text);
        printf("paused=%d left=%zu\n", odd.paused, odd.left);
        curl_easy_cleanup(curl);
        curl_mime_free(mime);
    }
}

/* 100 MB: nothing of it is kept, so the process does not grow by them. */
static size_t feed_zeros(char *to, size_t size, size_t count, void *left)
{
    size_t len = size * count;

    if (len > *(size_t *)left)
        len = *(size_t *)left;
    *(size_t *)left -= len;
    memset(to, 0, len);
    return len;
}

static long peak(void)
{
    FILE *file = fopen("/proc/self/status", "r");
    char line[256];
    long kib = 0;

    while (file && fgets(line, sizeof(line), file))
        (void)sscanf(line, "VmHWM: %ld", &kib);
    if (file)
        fclose(file);
    return kib;
}

static void speak_long(const char *base)
{
    size_t len = (size_t)24 << 20, left = len;
    long before = peak();
    struct text text = {0};
    CURL *curl = speaking(base, &text);
    curl_mime *mime = make_mime(curl, (curl_off_t)len, feed_zeros, &left);

    run_one("long", curl, &text);
    printf("grew by less than 20 MB: %d\n", peak() - before < 20000);
    curl_easy_cleanup(curl);
    curl_mime_free(mime);
}

static const struct one_case cases[] = {
    {"fetch", fetch, 1, 0},
    {"fetch_methods", fetch_methods, 4, 0},
    {"fetch_answers", fetch_answers, 2, 0},
    {"fetch_again", fetch_again, 4, 0},
    {"fetch_connect_only", fetch_connect_only, 0, 0},
    {"fetch_multi", fetch_multi, 2, 0},
    {"fetch_by_handle", fetch_by_handle, 0, 0},
    {"speak", speak, 4, 0},
    {"speak_by_form", speak_by_form, 1, 0},
    {"speak_by_hand", speak_by_hand, 3, 0},
    {"speak_oddly", speak_oddly, 2, 1},
    {"speak_long", speak_long, 1, 0},
};

CASES_MAIN(cases)
