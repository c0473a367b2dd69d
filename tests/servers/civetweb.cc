/* A gateway on civetweb: `civetweb KIND PORT`. KIND is the way in which it gets
 * its requests:
 *   handler   a handler of one path
 *   begin     the callback for all requests
 *   second    the same, given to mg_start2
 *   class     a handler of CivetServer
 * SIGINT ends it. */
#include <unistd.h>

#include <CivetServer.h>

#include "tests/servers/forward.h"

#define PATH "/chat.php/v1/chat/completions"

static char mine[] = "mine";

static int serve(mg_connection *connection)
{
    text body = {NULL, 0}, answer = {NULL, 0};
    char some[4096];
    int got;

    while ((got = mg_read(connection, some, sizeof(some))) > 0)
        text_add(&body, some, (size_t)got);
    int status = forward(&body, &answer);
    mg_printf(connection,
              "HTTP/1.1 %d said\r\nContent-Length: %d\r\n"
              "Connection: keep-alive\r\n\r\n",
              status, (int)answer.len);
    mg_write(connection, answer.data ? answer.data : "", answer.len);
    text_drop(&body);
    text_drop(&answer);
    return status;
}

static int on_request(mg_connection *connection, void *argument)
{
    return argument == mine ? serve(connection) : 0;
}

static int on_begin(mg_connection *connection)
{
    return mg_get_user_data(mg_get_context(connection)) == mine
               ? serve(connection)
               : 0;
}

class Chat : public CivetHandler
{
  public:
    bool handlePost(CivetServer *, mg_connection *connection) override
    {
        return serve(connection) != 0;
    }
};

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    const std::string kind = argv[1];
    const std::string where = std::string("127.0.0.1:") + argv[2];
    const char *options[] = {
        "listening_ports",   where.c_str(), "num_threads", "70",
        "enable_keep_alive", "yes",         NULL};
    mg_callbacks callbacks = mg_callbacks();
    mg_init_data init = {&callbacks, mine, options};
    mg_context *context = NULL;

    forward_open();
    if (kind == "class") {
        CivetServer server(options);
        Chat chat;

        server.addHandler(PATH, chat);
        for (;;)
            pause();
    }
    if (kind != "handler")
        callbacks.begin_request = on_begin;
    context = kind == "second" ? mg_start2(&init, NULL)
                               : mg_start(&callbacks, mine, options);
    if (!context)
        return 1;
    if (kind == "handler")
        mg_set_request_handler(context, PATH, on_request, mine);
    for (;;)
        pause();
}
