/* A gateway on libevent's HTTP server: `evhttp KIND PORT`. KIND:
 *   any      one callback for all requests
 *   path     one callback for one path
 *   multi    the callback begins a transfer of a multi; the loop ends it
 *   nested   a request with "nest" is answered after one that an inner loop
 *            serves meanwhile, at PORT + 1
 *   throws, jumps   the callback of a request with "leave" is left by an
 *            exception or a jump, past the library; main then asks the model
 *            of its own accord, and serves on with another loop
 * SIGINT ends it. */
#include <setjmp.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>

#include "tests/servers/forward.h"

static event_base *base, *inner;
static const char *kind;
static jmp_buf back;
static int served;

static bool is(const char *name)
{
    return strcmp(kind, name) == 0;
}

static text body_of(evhttp_request *request)
{
    evbuffer *input = evhttp_request_get_input_buffer(request);
    size_t len = evbuffer_get_length(input);
    text body = {NULL, 0};

    if (len)
        text_add(&body, evbuffer_pullup(input, -1), len);
    return body;
}

static void reply(evhttp_request *request, int status, text *answer)
{
    evbuffer *output = evbuffer_new();

    evbuffer_add(output, answer->data, answer->len);
    evhttp_send_reply(request, status, "said", output);
    evbuffer_free(output);
    text_drop(answer);
}

/* -- a transfer that the loop drives --------------------------------------- */

struct transfer {
    evhttp_request *request;
    text body, answer;
};

static CURLM *multi;

static void finish(CURL *handle)
{
    long status = 0;
    char *owner = NULL;

    curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(handle, CURLINFO_PRIVATE, &owner);
    curl_multi_remove_handle(multi, handle);
    curl_easy_cleanup(handle);
    transfer *one = (transfer *)(void *)owner;
    reply(one->request, (int)status, &one->answer);
    text_drop(&one->body);
    delete one;
}

static void drive(evutil_socket_t, short, void *)
{
    CURLMsg *message;
    int left;

    curl_multi_perform(multi, &left);
    while ((message = curl_multi_info_read(multi, &left)) != NULL)
        if (message->msg == CURLMSG_DONE)
            finish(message->easy_handle);
}

static void begin_transfer(evhttp_request *request, const text &body)
{
    transfer *one = new transfer;

    one->request = request;
    one->body = body;
    one->answer.data = NULL;
    one->answer.len = 0;
    CURL *handle = forward_begin(&one->body, &one->answer);
    curl_easy_setopt(handle, CURLOPT_PRIVATE, one);
    curl_multi_add_handle(multi, handle);
}

/* -- callbacks --------------------------------------------------------------
 */

static void on_sent(evhttp_request *, void *)
{
    served++;
}

static void on_request(evhttp_request *request, void *argument)
{
    text body = body_of(request), answer = {NULL, 0};

    if (argument != &served)
        _exit(8);
    if (is("multi") && body.len) {
        begin_transfer(request, body);
        return;
    }
    if (body.data && strstr(body.data, "leave")) {
        text_drop(&body);
        if (is("throws"))
            throw 1;
        longjmp(back, 1);
    }
    if (body.data && strstr(body.data, "nest"))
        for (int before = served; served == before;)
            event_base_loop(inner, EVLOOP_ONCE);
    int status = forward(&body, &answer);
    text_drop(&body);
    evhttp_request_set_on_complete_cb(request, on_sent, NULL);
    reply(request, status, &answer);
}

static void serve(evutil_socket_t listener)
{
    base = event_base_new();
    evhttp *http = evhttp_new(base);
    if (is("path"))
        evhttp_set_cb(http, "/chat.php/v1/chat/completions", on_request,
                      &served);
    else
        evhttp_set_gencb(http, on_request, &served);
    evhttp_accept_socket(http, dup(listener));
    if (is("multi")) {
        timeval often = {0, 5000};

        multi = curl_multi_init();
        event_add(event_new(base, -1, EV_PERSIST, drive, NULL), &often);
    }
    event_base_dispatch(base);
}

static void serve_and_catch(evutil_socket_t listener)
{
    try {
        if (setjmp(back) == 0)
            serve(listener);
    } catch (int) {
    }
    ask_itself();
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    kind = argv[1];
    forward_open();
    event_base *first = event_base_new();
    evhttp *http = evhttp_new(first);
    evhttp_bound_socket *bound = evhttp_bind_socket_with_handle(
        http, "127.0.0.1", (ev_uint16_t)atoi(argv[2]));
    if (!bound)
        return 1;
    if (is("nested")) {
        inner = event_base_new();
        evhttp *http = evhttp_new(inner);
        evhttp_set_gencb(http, on_request, &served);
        if (evhttp_bind_socket(http, "127.0.0.1",
                               (ev_uint16_t)(atoi(argv[2]) + 1)) != 0)
            return 1;
    }
    for (;;)
        serve_and_catch(evhttp_bound_socket_get_fd(bound));
}
