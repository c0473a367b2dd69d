/* Odd and ordinary uses of the easy interface, each printed in full. */
#include "tests/clients/cases.h"

#include <setjmp.h>
#include <unistd.h>

static void plain(const char *base)
{
    struct text text = {0};
    CURL *curl = asking(base, CHAT, hello, &text);

    curl_easy_setopt(curl, CURLOPT_PRIVATE, "mine");
    run_last("plain", curl, &text);
}

static void stream(const char *base)
{
    struct text text = {0};
    CURL *curl = asking(base, CHAT, streamed, &text);

    run_last("stream", curl, &text);
}

static void reused(const char *base)
{
    struct text text = {0};
    CURL *curl = asking(base, CHAT, hello, &text);
    char *models = url_of(base, "/v1/models");

    run_one("first", curl, &text);
    run_one("second", curl, &text);
    curl_easy_setopt(curl, CURLOPT_URL, models);
    curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);
    run_one("list", curl, &text);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, ASK("error-429", ""));
    free(models);
    models = url_of(base, CHAT);
    curl_easy_setopt(curl, CURLOPT_URL, models);
    run_one("429", curl, &text);
    free(models);
    curl_easy_cleanup(curl);
}

static void copied(const char *base)
{
    struct text text = {0};
    char body[200];
    CURL *curl = asking(base, CHAT, NULL, &text);

    snprintf(body, sizeof(body), "%s trailing garbage", hello);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)strlen(hello));
    curl_easy_setopt(curl, CURLOPT_COPYPOSTFIELDS, body);
    memset(body, 'x', sizeof(body) - 1);
    run_one("copied", curl, &text);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, hello);
    run_last("plain again", curl, &text);
}

static void string_sized(const char *base)
{
    struct text text = {0};
    CURL *curl = asking(base, CHAT, NULL, &text);

    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, 10L);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, hello);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)-1);
    run_last("size -1", curl, &text);
}

static CURL *feeding(const char *base, const char *path, struct source *source,
                     struct text *text)
{
    CURL *curl = asking(base, path, NULL, text);

    curl_easy_setopt(curl, CURLOPT_POST, 1L);
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, feed);
    curl_easy_setopt(curl, CURLOPT_READDATA, source);
    return curl;
}

static void read_chunked(const char *base)
{
    struct text text = {0};
    struct source source = {hello, 0, 7};
    CURL *curl = feeding(base, CHAT, &source, &text);

    run_last("chunked upload", curl, &text);
}

static void read_redirected(const char *base)
{
    const char *body = ASK("redirect-307", "");
    struct text text = {0};
    struct source source = {body, 0, 1000};
    CURL *curl = feeding(base, CHAT, &source, &text);

    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)strlen(body));
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(curl, CURLOPT_SEEKFUNCTION, seek_source);
    curl_easy_setopt(curl, CURLOPT_SEEKDATA, &source);
    run_one("with seek", curl, &text);
    source.at = 0;
    curl_easy_setopt(curl, CURLOPT_SEEKFUNCTION, NULL);
    run_last("without seek", curl, &text);
}

static void file_redirected(const char *base)
{
    const char *body = ASK("redirect-307", "");
    char reason[CURL_ERROR_SIZE] = "";
    struct text text = {0};
    FILE *file = tmpfile();
    CURL *curl = asking(base, CHAT, NULL, &text);
    int pair[2];

    if (!file || pipe(pair))
        exit(3);
    fputs(body, file);
    rewind(file);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, reason);
    curl_easy_setopt(curl, CURLOPT_POST, 1L);
    curl_easy_setopt(curl, CURLOPT_READDATA, file);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)strlen(body));
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
    run_one("default read, file", curl, &text);
    fclose(file);
    if (write(pair[1], body, strlen(body)) < 0)
        exit(3);
    close(pair[1]);
    file = fdopen(pair[0], "r");
    curl_easy_setopt(curl, CURLOPT_READDATA, file);
    run_one("default read, pipe", curl, &text);
    printf("%s\n", reason);
    curl_easy_cleanup(curl);
    fclose(file);
}

static void to_stdout(const char *base)
{
    CURL *curl = asking(base, CHAT, hello, NULL);
    CURLcode rc;

    fflush(stdout);
    rc = curl_easy_perform(curl);
    printf("\nrc=%d\n", (int)rc);
    fflush(stdout);
    /* Settings must be back to libcurl's defaults. */
    rc = curl_easy_perform(curl);
    printf("\nrc=%d\n", (int)rc);
    curl_easy_cleanup(curl);
}

static void to_file(const char *base)
{
    char part[4000];
    FILE *file = tmpfile();
    CURL *curl = asking(base, CHAT, hello, NULL);
    size_t got;

    curl_easy_setopt(curl, CURLOPT_WRITEDATA, file);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, file);
    printf("rc=%d\n", (int)curl_easy_perform(curl));
    rewind(file);
    got = fread(part, 1, sizeof(part) - 1, file);
    part[got] = '\0';
    printf("%s\n", part);
    curl_easy_cleanup(curl);
    fclose(file);
}

static void headers_to_write(const char *base)
{
    struct text body = {0}, head = {0};
    CURL *curl = asking(base, CHAT, hello, &body);

    curl_easy_setopt(curl, CURLOPT_HEADERDATA, &head);
    run_one("body", curl, &body);
    printf("head: %s\n", head.data);
    free(head.data);
    curl_easy_cleanup(curl);
}

static void header_in_body(const char *base)
{
    struct text text = {0}, head = {0};
    CURL *curl = asking(base, CHAT, streamed, &text);

    curl_easy_setopt(curl, CURLOPT_HEADER, 1L);
    run_one("with head", curl, &text);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, collect);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, &head);
    run_one("with both", curl, &text);
    printf("head: %s\n", head.data);
    free(head.data);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, NULL);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, NULL);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, hello);
    run_last("not streamed", curl, &text);
}

struct changing {
    CURL *curl;
    struct text first;
    struct text second;
};

static size_t change_target(char *data, size_t size, size_t count, void *to)
{
    struct changing *changing = to;

    text_add(&changing->first, data, size * count);
    write_to(changing->curl, collect, &changing->second);
    return size * count;
}

static void changed_in_callback(const char *base)
{
    struct changing changing = {0};
    CURL *curl = asking(base, CHAT, streamed, NULL);

    changing.curl = curl;
    write_to(curl, change_target, &changing);
    printf("rc=%d\n", (int)curl_easy_perform(curl));
    text_add(&changing.first, "", 0);
    text_add(&changing.first, changing.second.data, changing.second.len);
    printf("second called: %d\n", changing.second.calls > 0);
    /* The change must last: the next transfer goes to the second alone. */
    show("all", curl, CURLE_OK, &changing.first);
    free(changing.second.data);
    memset(&changing.second, 0, sizeof(changing.second));
    run_last("after", curl, &changing.second);
}

struct pausing {
    struct text text;
    CURL *curl;
    int paused;
    int pauses;
};

static size_t pause_once(char *data, size_t size, size_t count, void *to)
{
    struct pausing *pausing = to;

    if (pausing->pauses < 3 && pausing->paused == 0) {
        pausing->paused = 1;
        pausing->pauses++;
        return CURL_WRITEFUNC_PAUSE;
    }
    pausing->paused = 0;
    text_add(&pausing->text, data, size * count);
    return size * count;
}

static int unpause(void *to, curl_off_t a, curl_off_t b, curl_off_t c,
                   curl_off_t d)
{
    struct pausing *pausing = to;

    (void)a, (void)b, (void)c, (void)d;
    if (pausing->paused == 1) {
        pausing->paused = 2;
        curl_easy_pause(pausing->curl, CURLPAUSE_CONT);
    }
    return 0;
}

static void paused(const char *base)
{
    struct pausing pausing = {0};
    CURL *curl = asking(base, CHAT, streamed, NULL);

    pausing.curl = curl;
    write_to(curl, pause_once, &pausing);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, unpause);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &pausing);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    run_one("paused", curl, &pausing.text);
    /* How often depends on how the pieces came. */
    printf("paused=%d\n", pausing.pauses > 0);
    curl_easy_cleanup(curl);
}

static size_t refuse(char *data, size_t size, size_t count, void *to)
{
    (void)data, (void)size, (void)count, (void)to;
    return 0;
}

static void aborted(const char *base)
{
    char reason[CURL_ERROR_SIZE] = "";
    CURL *curl = asking(base, CHAT, streamed, NULL);

    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, refuse);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, reason);
    printf("rc=%d\n", (int)curl_easy_perform(curl));
    printf("aborted: %s\n", reason[0] ? "with a reason" : "");
    curl_easy_cleanup(curl);
}

static void reset_reused(const char *base)
{
    struct text text = {0};
    CURL *curl = asking(base, CHAT, hello, &text);
    char *url = url_of(base, "/other");

    run_one("before", curl, &text);
    curl_easy_reset(curl);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    write_to(curl, collect, &text);
    run_one("after", curl, &text);
    free(url);
    curl_easy_cleanup(curl);
}

static void duplicated(const char *base)
{
    struct text text = {0};
    CURL *curl = asking(base, CHAT, hello, &text);
    CURL *twin;

    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)strlen(hello));
    curl_easy_setopt(curl, CURLOPT_COPYPOSTFIELDS, hello);
    twin = curl_easy_duphandle(curl);
    run_last("original", curl, &text);
    run_last("twin", twin, &text);
}

static void duplicated_inside(const char *base)
{
    struct twinning twinning = {0};
    CURL *curl = asking(base, CHAT, hello, NULL);

    twinning.curl = curl;
    write_to(curl, make_twin, &twinning);
    run_last("original", curl, &twinning.text);
    twinning.curl = twinning.twin;
    run_one("twin", twinning.twin, &twinning.text);
    curl_easy_cleanup(twinning.twin);
}

struct recursing {
    struct text text;
    CURL *curl;
    int rc;
};

static size_t recurse(char *data, size_t size, size_t count, void *to)
{
    struct recursing *recursing = to;

    recursing->rc = (int)curl_easy_perform(recursing->curl);
    text_add(&recursing->text, data, size * count);
    return size * count;
}

static void recursive(const char *base)
{
    struct recursing recursing = {0};
    CURL *curl = asking(base, CHAT, hello, NULL);

    recursing.curl = curl;
    write_to(curl, recurse, &recursing);
    run_one("outer", curl, &recursing.text);
    printf("inner rc=%d\n", recursing.rc);
    curl_easy_cleanup(curl);
}

static jmp_buf escape;

static size_t jump_out(char *data, size_t size, size_t count, void *to)
{
    (void)data, (void)size, (void)count, (void)to;
    longjmp(escape, 1);
}

static void jumped(const char *base)
{
    struct text text = {0};
    CURL *curl = asking(base, CHAT, streamed, NULL);

    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, jump_out);
    if (setjmp(escape) == 0)
        printf("rc=%d\n", (int)curl_easy_perform(curl));
    else
        printf("jumped\n");
    curl_easy_cleanup(curl);
    curl = asking(base, CHAT, hello, &text);
    run_last("next", curl, &text);
}

static void formed(const char *base)
{
    struct text text = {0};
    CURL *curl = asking(base, CHAT, NULL, &text);
    curl_mime *mime = curl_mime_init(curl);
    curl_mimepart *part = curl_mime_addpart(mime);

    curl_mime_name(part, "body");
    curl_mime_data(part, hello, CURL_ZERO_TERMINATED);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, NULL);
    curl_easy_setopt(curl, CURLOPT_MIMEPOST, mime);
    run_last("mime", curl, &text);
    curl_mime_free(mime);
}

static void by_parts(const char *base)
{
    struct text text = {0};
    CURL *curl = asking(base, "/", hello, &text);
    CURLU *parts = curl_url();

    curl_url_set(parts, CURLUPART_URL, base, 0);
    curl_url_set(parts, CURLUPART_PATH, CHAT, 0);
    curl_easy_setopt(curl, CURLOPT_CURLU, parts);
    run_one("curlu", curl, &text);
    curl_easy_setopt(curl, CURLOPT_CURLU, NULL);
    curl_easy_cleanup(curl);
    curl_url_cleanup(parts);
}

static void bare_host(const char *base)
{
    struct text text = {0};
    CURL *curl = asking(strstr(base, "://") + 3, CHAT, hello, &text);

    run_last("no scheme", curl, &text);
}

static void port_option(const char *base)
{
    struct text text = {0};
    const char *colon = strrchr(base, ':');
    CURL *curl = asking("http://127.0.0.1:9", CHAT, hello, &text);

    curl_easy_setopt(curl, CURLOPT_PORT, strtol(colon + 1, NULL, 10));
    run_last("port", curl, &text);
}

struct relisting {
    struct text text;
    CURL *curl;
    struct curl_slist *list;
};

static size_t relist(char *data, size_t size, size_t count, void *to)
{
    struct relisting *relisting = to;

    if (relisting->list) {
        curl_easy_setopt(relisting->curl, CURLOPT_HTTPHEADER, json_headers);
        curl_slist_free_all(relisting->list);
        relisting->list = NULL;
    }
    text_add(&relisting->text, data, size * count);
    return size * count;
}

static void headers_replaced(const char *base)
{
    struct relisting relisting = {0};
    CURL *curl = asking(base, CHAT, streamed, NULL);

    relisting.curl = curl;
    relisting.list = curl_slist_append(NULL, "Content-Type: application/json");
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, relisting.list);
    write_to(curl, relist, &relisting);
    run_one("replaced", curl, &relisting.text);
    run_last("again", curl, &relisting.text);
}

static void timed_out(const char *base)
{
    struct text text = {0};
    CURL *curl = asking(base, CHAT, ASK("hang", ""), &text);

    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, 1500L);
    printf("rc=%d\n", (int)curl_easy_perform(curl));
    curl_easy_cleanup(curl);
}

static void unreachable(const char *base)
{
    struct text text = {0};
    CURL *curl = asking("http://127.0.0.1:1", CHAT, hello, &text);

    (void)base;
    run_last("refused", curl, &text);
}

static void connect_only(const char *base)
{
    struct text text = {0};
    CURL *curl = asking(base, CHAT, hello, &text);

    curl_easy_setopt(curl, CURLOPT_CONNECT_ONLY, 1L);
    run_last("connect only", curl, &text);
}

static void nothing_sent(const char *base)
{
    CURL *curl = asking(base, CHAT, hello, NULL);

    curl_easy_cleanup(curl);
    curl_easy_cleanup(NULL);
    printf("perform NULL: %d\n", (int)curl_easy_perform(NULL));
    printf("setopt NULL: %d\n", (int)curl_easy_setopt(NULL, CURLOPT_URL, "x"));
    curl = curl_easy_init();
    printf("unknown option: %d\n",
           (int)curl_easy_setopt(curl, (CURLoption)9999, 1L));
    printf("no url: %d\n", (int)curl_easy_perform(curl));
    curl_easy_cleanup(curl);
}

static const struct one_case cases[] = {
    {"plain", plain, 1, 0},
    {"stream", stream, 1, 0},
    {"reused", reused, 3, 1},
    {"copied", copied, 2, 0},
    {"string_sized", string_sized, 1, 0},
    {"read_chunked", read_chunked, 1, 0},
    {"read_redirected", read_redirected, 2, 1},
    {"file_redirected", file_redirected, 2, 1},
    {"to_stdout", to_stdout, 2, 0},
    {"to_file", to_file, 1, 0},
    {"headers_to_write", headers_to_write, 1, 0},
    {"header_in_body", header_in_body, 3, 0},
    {"changed_in_callback", changed_in_callback, 2, 0},
    {"paused", paused, 1, 0},
    {"aborted", aborted, 1, 1},
    {"reset_reused", reset_reused, 1, 0},
    {"duplicated", duplicated, 2, 0},
    {"duplicated_inside", duplicated_inside, 2, 0},
    {"recursive", recursive, 1, 0},
    {"jumped", jumped, 2, 1},
    {"formed", formed, 0, 0},
    {"by_parts", by_parts, 1, 0},
    {"bare_host", bare_host, 1, 0},
    {"port_option", port_option, 1, 0},
    {"headers_replaced", headers_replaced, 2, 0},
    {"timed_out", timed_out, 1, 1},
    {"unreachable", unreachable, 1, 1},
    {"connect_only", connect_only, 0, 0},
    {"nothing_sent", nothing_sent, 0, 0},
};

CASES_MAIN(cases)
