/* Hazards that the other programs have no room for: bodies, hosts, shared
 * handles, what is not HTTP, unwinding and sandboxes. */
#include "tests/clients/cases.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <unwind.h>

#define THREADS 4

static const char *const hello = ASK("gpt-4o-mini", "");
static const char *const streamed = ASK("gpt-4o-mini", ", \"stream\": true");
static const char *const moved = ASK("redirect-307", "");

static void run_one(const char *label, CURL *curl, struct text *text)
{
    show(label, curl, curl_easy_perform(curl), text);
}

static void set_url(CURL *curl, const char *base, const char *path)
{
    char *url = url_of(base, path);

    curl_easy_setopt(curl, CURLOPT_URL, url);
    free(url);
}

/* ---- one handle, several hosts ------------------------------------------ */

static void other_host(const char *base)
{
    struct text text = {0};
    CURL *curl = asking(base, CHAT, hello, &text);
    char there[64];

    snprintf(there, sizeof(there), "http://localhost:%s",
             strrchr(base, ':') + 1);
    run_one("here", curl, &text);
    set_url(curl, there, CHAT);
    run_one("there", curl, &text);
    set_url(curl, there, "/upload");
    run_one("no call", curl, &text);
    set_url(curl, base, CHAT);
    run_one("here again", curl, &text);
    curl_easy_cleanup(curl);
}

/* ---- callbacks set back to libcurl's own -------------------------------- */

struct unsetting {
    CURL *curl;
    FILE *file;
};

static size_t unset_write(char *data, size_t size, size_t count, void *to)
{
    struct unsetting *unsetting = to;
    FILE *file = unsetting->file;

    curl_easy_setopt(unsetting->curl, CURLOPT_WRITEFUNCTION, NULL);
    curl_easy_setopt(unsetting->curl, CURLOPT_WRITEDATA, file);
    return fwrite(data, size, count, file);
}

static void print_file(const char *label, FILE *file)
{
    char part[4000];
    size_t got;

    rewind(file);
    printf("%s: ", label);
    while ((got = fread(part, 1, sizeof(part), file)) > 0)
        fwrite(part, 1, got, stdout);
    printf("\n");
    rewind(file);
    if (ftruncate(fileno(file), 0))
        exit(3);
}

static void write_unset(const char *base)
{
    struct unsetting unsetting = {NULL, tmpfile()};
    CURL *curl = asking(base, CHAT, streamed, NULL);

    if (!unsetting.file)
        exit(3);
    unsetting.curl = curl;
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, unset_write);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &unsetting);
    printf("rc=%d\n", (int)curl_easy_perform(curl));
    print_file("inside", unsetting.file);
    printf("rc=%d\n", (int)curl_easy_perform(curl));
    print_file("before", unsetting.file);
    curl_easy_cleanup(curl);
    fclose(unsetting.file);
}

struct twinning {
    struct text text;
    CURL *curl;
    CURL *twin;
};

static size_t make_twin(char *data, size_t size, size_t count, void *to)
{
    struct twinning *twinning = to;

    if (!twinning->twin)
        twinning->twin = curl_easy_duphandle(twinning->curl);
    text_add(&twinning->text, data, size * count);
    return size * count;
}

/* Made within a call, used for what is none, when its model is gone. */
static void twin_of_a_busy_one(const char *base)
{
    struct twinning twinning = {.curl = asking(base, CHAT, streamed, NULL)};

    curl_easy_setopt(twinning.curl, CURLOPT_WRITEFUNCTION, make_twin);
    curl_easy_setopt(twinning.curl, CURLOPT_WRITEDATA, &twinning);
    run_one("model", twinning.curl, &twinning.text);
    curl_easy_cleanup(twinning.curl);
    set_url(twinning.twin, base, "/v1/models");
    curl_easy_setopt(twinning.twin, CURLOPT_HTTPGET, 1L);
    run_one("twin", twinning.twin, &twinning.text);
    curl_easy_cleanup(twinning.twin);
}

/* ---- what libcurl tells ------------------------------------------------- */

struct asking_back {
    struct text text;
    CURL *curl;
    int told;
};

static void tell(CURL *curl)
{
    char *url = NULL, *type = NULL, *own = NULL;
    long status = 0, redirects = -1;
    curl_off_t length = -2, up = -2;

    curl_easy_getinfo(curl, CURLINFO_EFFECTIVE_URL, &url);
    curl_easy_getinfo(curl, CURLINFO_CONTENT_TYPE, &type);
    curl_easy_getinfo(curl, CURLINFO_PRIVATE, &own);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(curl, CURLINFO_REDIRECT_COUNT, &redirects);
    curl_easy_getinfo(curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    curl_easy_getinfo(curl, CURLINFO_SIZE_UPLOAD_T, &up);
    printf("path=%s type=%s own=%s status=%ld redirects=%ld length=%ld "
           "up=%ld\n",
           url && strlen(url) > 8 ? strchr(url + 8, '/') : "-", type, own,
           status, redirects, (long)length, (long)up);
}

static size_t ask_back(char *data, size_t size, size_t count, void *to)
{
    struct asking_back *asking_back = to;

    if (!asking_back->told++)
        tell(asking_back->curl);
    text_add(&asking_back->text, data, size * count);
    return size * count;
}

static void asked_inside(const char *base)
{
    struct asking_back asking_back = {0};
    CURL *curl = asking(base, CHAT, moved, NULL);

    asking_back.curl = curl;
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(curl, CURLOPT_PRIVATE, "mine");
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, ask_back);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &asking_back);
    run_one("asked", curl, &asking_back.text);
    tell(curl);
    curl_easy_cleanup(curl);
}

/* ---- bodies ------------------------------------------------------------- */

static void zero_bytes(const char *base)
{
    static const char body[] = ASK("gpt-4o-mini", "") "\0\0 \n";
    struct text text = {0};
    CURL *curl = asking(base, CHAT, NULL, &text);

    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)sizeof(body));
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    run_one("borrowed", curl, &text);
    curl_easy_setopt(curl, CURLOPT_COPYPOSTFIELDS, body);
    run_one("copied", curl, &text);
    curl_easy_cleanup(curl);
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

/* ---- forms -------------------------------------------------------------- */

struct source {
    const char *data;
    size_t at;
    size_t most;
};

static size_t feed(char *to, size_t size, size_t count, void *from)
{
    struct source *source = from;
    size_t len = strlen(source->data) - source->at;

    if (len > size * count)
        len = size * count;
    if (len > source->most)
        len = source->most;
    memcpy(to, source->data + source->at, len);
    source->at += len;
    return len;
}

static int seek_source(void *from, curl_off_t offset, int origin)
{
    if (origin != SEEK_SET)
        return CURL_SEEKFUNC_CANTSEEK;
    ((struct source *)from)->at = (size_t)offset;
    return CURL_SEEKFUNC_OK;
}

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

/* ---- parts of answers and requests -------------------------------------- */

static void ranged(const char *base)
{
    struct text text = {0};
    CURL *curl = asking(base, CHAT, hello, &text);

    curl_easy_setopt(curl, CURLOPT_RANGE, "5-9");
    run_one("range", curl, &text);
    curl_easy_setopt(curl, CURLOPT_RANGE, NULL);
    curl_easy_setopt(curl, CURLOPT_RESUME_FROM, 5L);
    run_one("resumed", curl, &text);
    curl_easy_cleanup(curl);
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

/* ---- not a transfer of ours --------------------------------------------- */

static void send_all(CURL *curl, const char *data)
{
    size_t sent;

    while (*data && curl_easy_send(curl, data, strlen(data), &sent) == CURLE_OK)
        data += sent;
}

static void receive_all(CURL *curl, struct text *text)
{
    curl_socket_t fd = -1;
    char part[1000];
    size_t got = 1;

    curl_easy_getinfo(curl, CURLINFO_ACTIVESOCKET, &fd);
    while (got > 0) {
        struct pollfd wait = {fd, POLLIN, 0};
        CURLcode rc;

        poll(&wait, 1, 5000);
        rc = curl_easy_recv(curl, part, sizeof(part), &got);
        if (rc != CURLE_OK)
            return;
        text_add(text, part, got);
    }
}

/* The app speaks HTTP itself. */
static void spoken(const char *base)
{
    char request[500];
    struct text text = {0};
    CURL *curl = asking(base, CHAT, hello, NULL);

    curl_easy_setopt(curl, CURLOPT_CONNECT_ONLY, 1L);
    printf("rc=%d\n", (int)curl_easy_perform(curl));
    snprintf(request, sizeof(request),
             "POST " CHAT " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
             "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
             strlen(hello), hello);
    send_all(curl, request);
    receive_all(curl, &text);
    printf("%s\n", text.data ? text.data : "nothing");
    free(text.data);
    curl_easy_cleanup(curl);
}

static void websocket(const char *base)
{
    char url[64];
    CURL *curl = asking(base, CHAT, hello, NULL);

    snprintf(url, sizeof(url), "ws%s" CHAT, strstr(base, "://"));
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_CONNECT_ONLY, 2L);
    printf("rc=%d\n", (int)curl_easy_perform(curl));
    curl_easy_cleanup(curl);
}

static void not_http(const char *base)
{
    static const char *const urls[] = {
        "file:///nowhere" CHAT, "file:///proc/self/comm",
        "ftp://127.0.0.1:1" CHAT, "dict://127.0.0.1:1/v1",
        "nothing://127.0.0.1" CHAT};
    char reason[CURL_ERROR_SIZE];

    (void)base;
    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        struct text text = {0};
        CURL *curl = asking("", "", hello, &text);

        reason[0] = '\0';
        curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, reason);
        curl_easy_setopt(curl, CURLOPT_URL, urls[i]);
        run_one(urls[i], curl, &text);
        printf("reason=%d\n", reason[0] != '\0');
        curl_easy_cleanup(curl);
    }
}

/* ---- a share of several threads ----------------------------------------- */

static pthread_mutex_t share_locks[CURL_LOCK_DATA_LAST];
static CURLSH *the_share;
static const char *the_base;
static _Thread_local int locks;

static void lock_share(CURL *curl, curl_lock_data data, curl_lock_access access,
                       void *user)
{
    (void)curl, (void)access, (void)user;
    pthread_mutex_lock(&share_locks[data]);
    locks += data != CURL_LOCK_DATA_SHARE;
}

static void unlock_share(CURL *curl, curl_lock_data data, void *user)
{
    (void)curl, (void)user;
    pthread_mutex_unlock(&share_locks[data]);
}

static void *ask_sharing(void *failed)
{
    for (int i = 0; i < 3; i++) {
        struct text text = {0};
        CURL *curl = asking(the_base, CHAT, hello, &text);
        CURL *twin;

        curl_easy_setopt(curl, CURLOPT_SHARE, the_share);
        curl_easy_setopt(curl, CURLOPT_COOKIEFILE, "");
        locks = 0;
        if (curl_easy_perform(curl) != CURLE_OK || locks == 0)
            *(int *)failed = 1;
        twin = curl_easy_duphandle(curl);
        curl_easy_cleanup(twin);
        curl_easy_cleanup(curl);
        free(text.data);
    }
    return NULL;
}

/* In use by the transfers, and by nobody else: the share counts its users. */
static void share(const char *base)
{
    pthread_t threads[THREADS];
    int failed[THREADS] = {0};

    the_base = base;
    the_share = curl_share_init();
    for (int i = 0; i < CURL_LOCK_DATA_LAST; i++)
        pthread_mutex_init(&share_locks[i], NULL);
    curl_share_setopt(the_share, CURLSHOPT_LOCKFUNC, lock_share);
    curl_share_setopt(the_share, CURLSHOPT_UNLOCKFUNC, unlock_share);
    curl_share_setopt(the_share, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS);
    curl_share_setopt(the_share, CURLSHOPT_SHARE, CURL_LOCK_DATA_COOKIE);
    curl_share_setopt(the_share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, ask_sharing, &failed[i]))
            exit(3);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        printf("failed=%d\n", failed[i]);
    }
    printf("cleanup=%d\n", (int)curl_share_cleanup(the_share));
}

/* ---- a multi from inside ------------------------------------------------ */

struct inside {
    struct text text;
    CURLM *multi;
    CURL *self;
    CURL *other;
    bool done;
};

static size_t call_multi(char *data, size_t size, size_t count, void *to)
{
    struct inside *inside = to;
    int running, left;

    if (!inside->done) {
        printf("add=%d\n",
               (int)curl_multi_add_handle(inside->multi, inside->other));
        printf("remove=%d\n",
               (int)curl_multi_remove_handle(inside->multi, inside->self));
        printf("perform=%d\n",
               (int)curl_multi_perform(inside->multi, &running));
        printf("news=%d\n", curl_multi_info_read(inside->multi, &left) != NULL);
        printf("cleanup=%d\n", (int)curl_multi_cleanup(inside->multi));
    }
    inside->done = true;
    text_add(&inside->text, data, size * count);
    return size * count;
}

static void drive(CURLM *multi)
{
    int running = 1;

    while (running) {
        if (curl_multi_perform(multi, &running) != CURLM_OK)
            exit(3);
        if (running)
            curl_multi_poll(multi, NULL, 0, 1000, NULL);
    }
}

/* All refused, and then as if nothing had been. */
static void multi_inside(const char *base)
{
    struct inside inside = {.multi = curl_multi_init()};
    struct text text = {0};

    inside.self = asking(base, CHAT, streamed, NULL);
    inside.other = asking(base, CHAT, hello, &text);
    curl_easy_setopt(inside.self, CURLOPT_WRITEFUNCTION, call_multi);
    curl_easy_setopt(inside.self, CURLOPT_WRITEDATA, &inside);
    curl_multi_add_handle(inside.multi, inside.self);
    drive(inside.multi);
    curl_multi_remove_handle(inside.multi, inside.self);
    show("self", inside.self, CURLE_OK, &inside.text);
    run_one("other", inside.other, &text);
    curl_easy_cleanup(inside.self);
    curl_easy_cleanup(inside.other);
    curl_multi_cleanup(inside.multi);
}

static int deny_push(CURL *parent, CURL *pushed, size_t count,
                     struct curl_pushheaders *headers, void *user)
{
    (void)parent, (void)pushed, (void)count, (void)headers, (void)user;
    return CURL_PUSH_DENY;
}

/* A cleanup that was refused leaves the multi what it was. */
static void push_inside(const char *base)
{
    struct inside inside = {.multi = curl_multi_init()};
    struct text text = {0};

    curl_multi_setopt(inside.multi, CURLMOPT_PUSHFUNCTION, deny_push);
    inside.self = asking(base, CHAT, streamed, NULL);
    inside.other = asking(base, CHAT, hello, &text);
    curl_easy_setopt(inside.self, CURLOPT_WRITEFUNCTION, call_multi);
    curl_easy_setopt(inside.self, CURLOPT_WRITEDATA, &inside);
    curl_multi_add_handle(inside.multi, inside.self);
    drive(inside.multi);
    curl_multi_add_handle(inside.multi, inside.other);
    drive(inside.multi);
    curl_multi_remove_handle(inside.multi, inside.self);
    curl_multi_remove_handle(inside.multi, inside.other);
    show("self", inside.self, CURLE_OK, &inside.text);
    show("other", inside.other, CURLE_OK, &text);
    curl_easy_cleanup(inside.self);
    curl_easy_cleanup(inside.other);
    curl_multi_cleanup(inside.multi);
}

/* ---- unwinding ---------------------------------------------------------- */

static jmp_buf caught;

static _Unwind_Reason_Code stop_below(int version, _Unwind_Action actions,
                                      _Unwind_Exception_Class class,
                                      struct _Unwind_Exception *exception,
                                      struct _Unwind_Context *context,
                                      void *frame)
{
    (void)version, (void)class, (void)exception;
    if (actions & _UA_END_OF_STACK) {
        printf("no way out\n");
        longjmp(caught, 1);
    }
    if (_Unwind_GetCFA(context) > (_Unwind_Word)(uintptr_t)frame) {
        printf("caught\n");
        longjmp(caught, 1);
    }
    return _URC_NO_REASON;
}

/* As an exception goes: frame by frame, by the tables of each object. */
static size_t throw_out(char *data, size_t size, size_t count, void *to)
{
    static struct _Unwind_Exception exception;

    (void)data, (void)size, (void)count;
    _Unwind_ForcedUnwind(&exception, stop_below, to);
    return 0;
}

static void thrown(const char *base)
{
    struct text text = {0};
    CURL *curl = asking(base, CHAT, streamed, NULL);

    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, throw_out);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, __builtin_frame_address(0));
    if (setjmp(caught) == 0)
        printf("rc=%d\n", (int)curl_easy_perform(curl));
    printf("refused=%d\n", curl_easy_perform(curl) != CURLE_OK);
    curl_easy_cleanup(curl);
    curl = asking(base, CHAT, hello, &text);
    run_one("next", curl, &text);
    curl_easy_cleanup(curl);
}

static size_t leave_thread(char *data, size_t size, size_t count, void *to)
{
    (void)data, (void)size, (void)count, (void)to;
    pthread_exit(to);
}

static void clean_up(void *curl)
{
    printf("cleaned up\n");
    curl_easy_cleanup(curl);
}

static void *ask_and_leave(void *unused)
{
    CURL *curl = asking(the_base, CHAT, streamed, NULL);

    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, leave_thread);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, curl);
    pthread_cleanup_push(clean_up, curl);
    curl_easy_perform(curl);
    pthread_cleanup_pop(0);
    return unused;
}

static void thread_left(const char *base)
{
    struct text text = {0};
    pthread_t thread;
    CURL *curl;

    the_base = base;
    if (pthread_create(&thread, NULL, ask_and_leave, NULL))
        exit(3);
    pthread_join(thread, NULL);
    curl = asking(base, CHAT, hello, &text);
    run_one("next", curl, &text);
    curl_easy_cleanup(curl);
}

/* ---- sandboxes ---------------------------------------------------------- */

#ifdef __x86_64__
#define THIS_ARCH AUDIT_ARCH_X86_64
#else
#define THIS_ARCH AUDIT_ARCH_AARCH64
#endif

/* From here on no page and no thread more. */
static bool forbid_memory(void)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, THIS_ARCH, 0, 5),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mmap, 2, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    struct sock_fprog program = {sizeof(filter) / sizeof(filter[0]), filter};

    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

static void sandboxed(const char *base)
{
    struct text text = {0};
    CURL *curl = asking(base, CHAT, hello, &text);

    text_add(&text, "", 0);
    printf("starting\n");
    printf("forbidden=%d\n", forbid_memory());
    run_one("first", curl, &text);
    run_one("second", curl, &text);
    curl_easy_cleanup(curl);
    /* Without a global cleanup all is left to the exit. */
    exit(0);
}

/* Only a process of one thread may do these: it has to have said so. */
static void unshared(const char *base)
{
    struct text text = {0};
    int space = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
    CURL *curl = asking(base, CHAT, hello, &text);

    run_one("before", curl, &text);
    if (getenv("SHOW_UNSHARED")) {
        printf("setns=%d\n", setns(space, CLONE_NEWNS));
        printf("unshare=%d\n", unshare(CLONE_NEWUSER));
    }
    run_one("after", curl, &text);
    curl_easy_cleanup(curl);
    close(space);
}

int main(int argc, char **argv)
{
    static const struct one_case cases[] = {
        {"other_host", other_host, 3, 0},
        {"write_unset", write_unset, 2, 0},
        {"twin_of_a_busy_one", twin_of_a_busy_one, 1, 0},
        {"asked_inside", asked_inside, 1, 0},
        {"zero_bytes", zero_bytes, 0, 0},
        {"buffer_changed", buffer_changed, 3, 0},
        {"huge_copy", huge_copy, 0, 0},
        {"form_stream", form_stream, 0, 0},
        {"mime_callback", mime_callback, 0, 0},
        {"ranged", ranged, 2, 1},
        {"upload_resumed", upload_resumed, 0, 0},
        {"spoken", spoken, 0, 0},
        {"websocket", websocket, 0, 0},
        {"not_http", not_http, 0, 0},
        {"share", share, 3 * THREADS, 0},
        {"multi_inside", multi_inside, 2, 0},
        {"push_inside", push_inside, 0, 0},
        {"thrown", thrown, 2, 1},
        {"thread_left", thread_left, 2, 1},
        {"sandboxed", sandboxed, 2, 0},
        {"unshared", unshared, 2, 0},
        {NULL, NULL, 0, 0},
    };

    return cases_main(cases, argc, argv);
}
