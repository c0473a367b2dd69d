/* An agent's /info, and how origins become URLs. */
#define llmobs_endpoint_init double_endpoint_init
#define llmobs_endpoint_fini double_endpoint_fini
#define llmobs_endpoint_has_base double_endpoint_has_base
#define llmobs_agent_info double_agent_info
#include "tests/unit/http_double.h"

#include "core/export/agent.c"

#include "tests/unit/unit.h"

static struct llmobs_config config;
static long status;
static int error;
static const char *body;
static char url[256];
static char unix_path[256];

static int answer(const struct llmobs_http_request *request,
                  struct llmobs_http_reply *reply)
{
    ck_assert_str_eq(request->method, "GET");
    ck_assert_str_eq(request->headers[0], "Content-Type: application/json");
    ck_assert_ptr_null(request->headers[1]);
    ck_assert(request->local);
    ck_assert_int_eq(request->timeout_ms, 1234);
    snprintf(url, sizeof(url), "%s", request->url);
    snprintf(unix_path, sizeof(unix_path), "%s",
             request->unix_socket ? request->unix_socket : "");
    reply->status = status;
    ck_assert_int_eq(llmobs_buf_adds(&reply->body, body), 0);
    return error;
}

static int ask(const char *agent_url, int the_error, long the_status,
               const char *the_body)
{
    const struct llmobs_tick no_tick = {0};
    struct llmobs_http *http = llmobs_http_new(&config);
    int rc;

    config.agent_url = (char *)agent_url;
    double_script = answer;
    error = the_error;
    status = the_status;
    body = the_body;
    rc = llmobs_agent_probe(http, &config, 1234, &no_tick);
    llmobs_http_free(http);
    return rc;
}

TEST(what_info_says)
{
    static const struct {
        int error;
        long status;
        const char *body;
        int expected;
    } rows[] = {
        {0, 200, "{\"endpoints\": [\"/a\", \"/evp_proxy/v2/\"]}", 1},
        {0, 200, "{\"endpoints\": [\"/evp_proxy/v2\"]}", 1},
        {0, 200, "{\"endpoints\": [\"/x/evp_proxy/v2/y\"]}", 1},
        {0, 200, "{\"endpoints\": [\"/evp_proxy/v1/\"]}", 0},
        {0, 200, "{\"endpoints\": []}", 0},
        {0, 200, "{\"endpoints\": \"/evp_proxy/v2/\"}", 0},
        {0, 200, "{\"endpoints\": [1, null, {}]}", 0},
        {0, 200, "{}", 0},
        {0, 200, "[]", 0},
        {0, 200, "", 0},
        {0, 200, "no JSON", 0},
        {0, 404, "{\"endpoints\": [\"/evp_proxy/v2/\"]}", 0},
        {0, 302, "{\"endpoints\": [\"/evp_proxy/v2/\"]}", 0},
        {0, 500, "", -EBUSY},
        {0, 429, "", -EBUSY},
        {0, 408, "", -EBUSY},
        {-ECONNREFUSED, 0, "", -ECONNREFUSED},
        {-ETIMEDOUT, 0, "", -ETIMEDOUT},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        ck_assert_msg(ask("http://h:1", rows[i].error, rows[i].status,
                          rows[i].body) == rows[i].expected,
                      "row %zu", i);
}

TEST(where_it_is_asked)
{
    ask("http://h:1", 0, 200, "");
    ck_assert_str_eq(url, "http://h:1/info");
    ask("http://h:1/base/", 0, 200, "");
    ck_assert_str_eq(url, "http://h:1/base/info");
    ask("HTTPS://[::1]:1?x#y", 0, 200, "");
    ck_assert_str_eq(url, "HTTPS://[::1]:1/info");
    ask("unix:///run/a b.sock", 0, 200, "");
    ck_assert_str_eq(url, "http://localhost/info");
    ck_assert_str_eq(unix_path, "/run/a b.sock");
    url[0] = '\0';
    ck_assert_int_eq(ask("ftp://h", 0, 200, ""), -EINVAL);
    ck_assert_int_eq(ask("http://", 0, 200, ""), -EINVAL);
    ck_assert_int_eq(ask("unix://", 0, 200, ""), -EINVAL);
    ck_assert_int_eq(ask("", 0, 200, ""), -EINVAL);
    ck_assert_str_eq(url, "");
}
