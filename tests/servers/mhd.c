/* A gateway on libmicrohttpd: `mhd KIND PORT`. KIND:
 *   one      one thread of the library's
 *   pool     eight of the library's
 *   each     a thread of the library's for each connection
 *   own      the program's, by its own select
 *   multi    the same; the handler begins a transfer of a multi, and the loop
 *            ends it
 *   nested   the same; a request with "nest" is answered after one that an
 *            inner loop serves meanwhile, at PORT + 1
 *   throws, jumps   the same; the handler of a request with "leave" is left as
 *            by an exception, or by a jump, past the library; main then asks
 * the model of its own accord, and serves on with another daemon SIGINT ends
 * it. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>
#include <unwind.h>

#include <microhttpd.h>

#include "tests/servers/forward.h"

struct request {
    struct text body, answer;
    unsigned status; /* 0: it is not answered yet */
    struct MHD_Connection *connection;
};

static const char *kind;
static struct MHD_Daemon *inner;
static CURLM *multi;
static jmp_buf back;
static char *base; /* a frame below which the library runs */
static int served;
static char mine[] = "mine";

static bool is(const char *name)
{
    return strcmp(kind, name) == 0;
}

/* -- the program's own loop -------------------------------------------------
 */

static void finish(CURL *handle)
{
    struct request *request = NULL;
    long status = 0;

    curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(handle, CURLINFO_PRIVATE, &request);
    curl_multi_remove_handle(multi, handle);
    curl_easy_cleanup(handle);
    request->status = (unsigned)status;
    MHD_resume_connection(request->connection);
}

static void drive_transfers(void)
{
    CURLMsg *message;
    int left;

    curl_multi_perform(multi, &left);
    while ((message = curl_multi_info_read(multi, &left)) != NULL)
        if (message->msg == CURLMSG_DONE)
            finish(message->easy_handle);
}

static void step(struct MHD_Daemon *daemon)
{
    fd_set read, write, except;
    MHD_socket max = 0;
    struct timeval some = {0, 5000};

    FD_ZERO(&read);
    FD_ZERO(&write);
    FD_ZERO(&except);
    MHD_get_fdset(daemon, &read, &write, &except, &max);
    select(max + 1, &read, &write, &except, &some);
    MHD_run(daemon);
    if (multi)
        drive_transfers();
}

/* -- the handler ------------------------------------------------------------
 */

static enum MHD_Result reply(struct request *request)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(
        request->answer.len, request->answer.data, MHD_RESPMEM_MUST_COPY);
    enum MHD_Result result;

    MHD_add_response_header(response, "Content-Type", "application/json");
    result = MHD_queue_response(request->connection, request->status, response);
    MHD_destroy_response(response);
    return result;
}

static void begin_transfer(struct request *request)
{
    CURL *handle = forward_begin(&request->body, &request->answer);

    curl_easy_setopt(handle, CURLOPT_PRIVATE, request);
    MHD_suspend_connection(request->connection);
    curl_multi_add_handle(multi, handle);
}

static _Unwind_Reason_Code stop_at_base(int version, _Unwind_Action actions,
                                        _Unwind_Exception_Class class,
                                        struct _Unwind_Exception *exception,
                                        struct _Unwind_Context *context,
                                        void *unused)
{
    (void)version, (void)class, (void)exception, (void)unused;
    if (actions & _UA_END_OF_STACK)
        _exit(8);
    if (_Unwind_GetCFA(context) > (_Unwind_Word)(uintptr_t)base)
        longjmp(back, 1);
    return _URC_NO_REASON;
}

static void leave(void)
{
    static struct _Unwind_Exception exception;

    if (is("throws"))
        _Unwind_ForcedUnwind(&exception, stop_at_base, NULL);
    longjmp(back, 1);
}

static enum MHD_Result serve(struct request *request)
{
    const char *said = request->body.data ? request->body.data : "";

    if (multi && request->body.len > 2 && request->status == 0) {
        begin_transfer(request);
        return MHD_YES;
    }
    if (strstr(said, "leave"))
        leave();
    if (inner && strstr(said, "nest"))
        for (int before = served; served == before;)
            step(inner);
    if (request->status == 0)
        request->status = (unsigned)forward(&request->body, &request->answer);
    return reply(request);
}

/* Called for the head, for each piece of the body, and for its end; and when a
 * connection goes on that was suspended. */
static enum MHD_Result on_access(void *cls, struct MHD_Connection *connection,
                                 const char *url, const char *method,
                                 const char *version, const char *data,
                                 size_t *len, void **of_request)
{
    struct request *request = *of_request;

    (void)url, (void)method, (void)version;
    if (strcmp(cls, mine) != 0)
        return MHD_NO;
    if (!request) {
        *of_request = request = calloc(1, sizeof(*request));
        request->connection = connection;
        return MHD_YES;
    }
    if (*len == 0)
        return serve(request);
    text_add(&request->body, data, *len);
    *len = 0;
    return MHD_YES;
}

static void on_end(void *cls, struct MHD_Connection *connection,
                   void **of_request, enum MHD_RequestTerminationCode code)
{
    struct request *request = *of_request;

    (void)cls, (void)connection, (void)code;
    served++;
    if (request) {
        text_drop(&request->body);
        text_drop(&request->answer);
    }
    free(request);
    *of_request = NULL;
}

/* -- daemons ----------------------------------------------------------------
 */

static struct MHD_Daemon *start(int listener)
{
    unsigned threads = is("pool") ? 8 : 0;
    unsigned flags = 0;
    struct MHD_Daemon *daemon;

    if (is("one") || is("pool") || is("each"))
        flags = MHD_USE_INTERNAL_POLLING_THREAD;
    if (is("each"))
        flags |= MHD_USE_THREAD_PER_CONNECTION;
    if (is("multi"))
        flags |= MHD_ALLOW_SUSPEND_RESUME;
    daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, on_access, mine, MHD_OPTION_LISTEN_SOCKET,
        dup(listener), MHD_OPTION_NOTIFY_COMPLETED, on_end, NULL,
        MHD_OPTION_CONNECTION_LIMIT, 1000U, MHD_OPTION_THREAD_POOL_SIZE,
        threads, MHD_OPTION_END);
    if (!daemon)
        exit(1);
    while (flags & MHD_USE_INTERNAL_POLLING_THREAD)
        pause();
    return daemon;
}

static int listen_at(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int on = 1;

    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(listener, (struct sockaddr *)&address, sizeof(address)) != 0 ||
        listen(listener, 128) != 0)
        exit(1);
    return listener;
}

int main(int argc, char **argv)
{
    char frame;
    int port = argc == 3 ? atoi(argv[2]) : 0, listener;

    if (argc != 3)
        return 2;
    kind = argv[1];
    base = &frame;
    forward_open();
    if (is("multi"))
        multi = curl_multi_init();
    if (is("nested"))
        inner = start(listen_at(port + 1));
    listener = listen_at(port);
    if (setjmp(back) != 0)
        ask_itself();
    for (struct MHD_Daemon *daemon = start(listener);;)
        step(daemon);
}
