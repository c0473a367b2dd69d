/* Requests that only a field of their header shows to be calls, and others with
 * header lists: what the library may not read, and what no program may notice.
 */
#include "tests/clients/cases.h"
#include "tests/clients/pages.h"

#define MCP "/upload"
#define BOTH "Accept: application/json, text/event-stream"
#define SESSION "Mcp-Session-Id: 0f3c-SECRETKEY"

static const char *const call =
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":"
    "{\"name\":\"add\",\"arguments\":{\"a\":1}}}";

static struct curl_slist *list_of(const char *line)
{
    struct curl_slist *list =
        curl_slist_append(NULL, "Content-Type: application/json");

    return curl_slist_append(list, line);
}

static CURL *calling(const char *base, const char *path, struct text *text)
{
    CURL *curl = asking(base, path, call, text);

    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, NULL);
    return curl;
}

static bool has_prereq(void)
{
    return curl_version_info(CURLVERSION_NOW)->version_num >= 0x075000;
}

static void each_its_list(const char *base)
{
    static const char *const lines[] = {
        BOTH, "X-A: b", SESSION, "Mcp-Session-Id:", "Accept: application/json"};
    struct text text = {0};
    CURL *curl = calling(base, MCP, &text);

    for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
        struct curl_slist *list = list_of(lines[i]);

        curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list);
        run_one(lines[i], curl, &text);
        curl_slist_free_all(list);
        curl_easy_setopt(curl, CURLOPT_HTTPHEADER, NULL);
        run_one("without", curl, &text);
    }
    curl_easy_cleanup(curl);
}

/* The line of a list, in a page that may be read once the socket is there. */
static char *hidden;

static void show_page(bool shown)
{
    char *page = hidden - (uintptr_t)hidden % PAGE;

    if (mprotect(page, PAGE, shown ? PROT_READ : PROT_NONE) != 0)
        exit(3);
}

static int on_socket(void *user, curl_socket_t socket, curlsocktype purpose)
{
    (void)user, (void)socket, (void)purpose;
    show_page(true);
    return 0;
}

static int refuse(void *user, char *a, char *b, int c, int d)
{
    (void)user, (void)a, (void)b, (void)c, (void)d;
    return 1;
}

static void list_comes_late(const char *base)
{
    struct text text = {0};
    CURL *curl = calling(base, MCP, &text);
    struct curl_slist list = {paged(BOTH, true), NULL};

    hidden = list.data;
    show_page(false);
    curl_easy_setopt(curl, CURLOPT_SOCKOPTFUNCTION, on_socket);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, &list);
    run_one("late", curl, &text);
    show_page(false);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, NULL);
    curl_easy_cleanup(curl);
}

/* Where the program refuses, libcurl reads neither list nor body. */
static void never_read(const char *base)
{
    struct text text = {0};
    CURL *curl = calling(base, MCP, &text);
    struct curl_slist list = {paged(BOTH, true), NULL};

    hidden = list.data;
    show_page(false);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, 4L);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, list.data);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, &list);
    curl_easy_setopt(curl, PREREQFUNCTION, refuse);
    run_one("refused", curl, &text);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, NULL);
    curl_easy_cleanup(curl);
}

static curl_socket_t no_socket(void *user, curlsocktype purpose,
                               struct curl_sockaddr *address)
{
    (void)user, (void)purpose, (void)address;
    return CURL_SOCKET_BAD;
}

static void no_connection(const char *base)
{
    struct text text = {0};
    CURL *curl = calling(base, MCP, &text);
    struct curl_slist *list = list_of(BOTH);

    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list);
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, no_socket);
    run_one("no socket", curl, &text);
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, NULL);
    run_one("then", curl, &text);
    curl_slist_free_all(list);
    curl_easy_cleanup(curl);
}

static void many_lines(const char *base)
{
    struct text text = {0};
    CURL *curl = calling(base, MCP, &text);
    struct curl_slist *list = list_of("X-First: 1");
    char line[32];

    for (int i = 0; i < 60; i++) {
        snprintf(line, sizeof(line), "X-Line-%d: %d", i, i);
        curl_slist_append(list, line);
    }
    for (int i = 0; i < 3; i++)
        curl_slist_append(list, SESSION);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list);
    run_one("many", curl, &text);
    curl_slist_free_all(list);
    curl_easy_cleanup(curl);
}

static void read_by_function(const char *base)
{
    struct source source = {call, 0, 7};
    struct text text = {0};
    CURL *curl = calling(base, MCP, &text);
    struct curl_slist *lists[] = {list_of(BOTH), list_of("X-A: b")};

    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, NULL);
    curl_easy_setopt(curl, CURLOPT_POST, 1L);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)strlen(call));
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, feed);
    curl_easy_setopt(curl, CURLOPT_READDATA, &source);
    for (int i = 0; i < 2; i++) {
        source.at = 0;
        curl_easy_setopt(curl, CURLOPT_HTTPHEADER, lists[i]);
        run_one("read", curl, &text);
        curl_slist_free_all(lists[i]);
    }
    curl_easy_cleanup(curl);
}

static void in_a_multi(const char *base)
{
    static const char *const lines[] = {BOTH, "X-A: b", SESSION};
    struct curl_slist *lists[3];
    struct text texts_of[3] = {{0}};
    CURL *curls[3];
    CURLM *multi = curl_multi_init();

    for (int i = 0; i < 3; i++) {
        lists[i] = list_of(lines[i]);
        curls[i] = calling(base, MCP, &texts_of[i]);
        curl_multi_add_handle(multi, curls[i]);
        curl_easy_setopt(curls[i], CURLOPT_HTTPHEADER, lists[i]);
    }
    drive(multi);
    for (int i = 0; i < 3; i++) {
        curl_multi_remove_handle(multi, curls[i]);
        show(lines[i], curls[i], CURLE_OK, &texts_of[i]);
        curl_easy_cleanup(curls[i]);
        curl_slist_free_all(lists[i]);
    }
    curl_multi_cleanup(multi);
}

struct pausing {
    CURL *curl;
    struct text text;
    bool paused;
};

static size_t pause_once(char *data, size_t size, size_t count, void *user)
{
    struct pausing *pausing = user;

    if (!pausing->paused) {
        pausing->paused = true;
        return CURL_WRITEFUNC_PAUSE;
    }
    return collect(data, size, count, &pausing->text);
}

static int go_on(void *user, curl_off_t a, curl_off_t b, curl_off_t c,
                 curl_off_t d)
{
    struct pausing *pausing = user;

    (void)a, (void)b, (void)c, (void)d;
    if (pausing->paused)
        curl_easy_pause(pausing->curl, CURLPAUSE_CONT);
    return 0;
}

static void paused_at_once(const char *base)
{
    struct pausing pausing = {0};
    CURL *curl = calling(base, MCP, &pausing.text);
    struct curl_slist *list = list_of(BOTH);

    pausing.curl = curl;
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list);
    write_to(curl, pause_once, &pausing);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, go_on);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &pausing);
    run_one("paused", curl, &pausing.text);
    curl_slist_free_all(list);
    curl_easy_cleanup(curl);
}

static void copied_within(const char *base)
{
    struct twinning twinning = {{0}, calling(base, MCP, NULL), NULL};
    struct curl_slist *list = list_of(BOTH);
    struct text text = {0};

    curl_easy_setopt(twinning.curl, CURLOPT_HTTPHEADER, list);
    write_to(twinning.curl, make_twin, &twinning);
    run_one("copied", twinning.curl, &twinning.text);
    write_to(twinning.twin, collect, &text);
    run_one("copy", twinning.twin, &text);
    curl_easy_cleanup(twinning.twin);
    curl_easy_cleanup(twinning.curl);
    curl_slist_free_all(list);
}

static void sent_elsewhere(const char *base)
{
    struct text text = {0};
    CURL *curl = calling(base, "/away" MCP, &text);
    struct curl_slist *lists[] = {list_of(BOTH), list_of("X-A: b")};

    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
    for (int i = 0; i < 2; i++) {
        curl_easy_setopt(curl, CURLOPT_HTTPHEADER, lists[i]);
        run_one("away", curl, &text);
        curl_slist_free_all(lists[i]);
    }
    curl_easy_cleanup(curl);
}

static void in_rounds(const char *base)
{
    struct text text = {0};
    CURL *curl = calling(base, "/auth" MCP, &text);
    struct curl_slist *list = list_of(SESSION);

    curl_slist_append(list, "Expect: 100-continue");
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list);
    curl_easy_setopt(curl, CURLOPT_HTTPAUTH, CURLAUTH_ANY);
    curl_easy_setopt(curl, CURLOPT_USERPWD, "me:SECRETKEY");
    run_one("rounds", curl, &text);
    curl_slist_free_all(list);
    curl_easy_cleanup(curl);
}

static void none(const char *base)
{
    (void)base;
}

int main(int argc, char **argv)
{
    const bool later = has_prereq();
    const struct one_case cases[] = {
        {"each_its_list", each_its_list, 2, 0},
        {"list_comes_late", later ? list_comes_late : none, later ? 1 : 0, 0},
        {"never_read", later ? never_read : none, 0, 0},
        {"no_connection", no_connection, later ? 1 : 2, later ? 0 : 1},
        {"many_lines", many_lines, 1, 0},
        {"read_by_function", read_by_function, 1, 0},
        {"in_a_multi", in_a_multi, 2, 0},
        {"paused_at_once", paused_at_once, 1, 0},
        {"copied_within", copied_within, 2, 0},
        {"sent_elsewhere", sent_elsewhere, 1, 0},
        {"in_rounds", in_rounds, 1, 1},
    };

    return cases_main(cases, sizeof(cases) / sizeof(*cases), argc, argv);
}
