/* Calls that are led to a mock, and the settings of the program that libcurl
 * has before, meanwhile and afterwards. */
#include "core/capture/handle.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

#define BASE "http://127.0.0.1:8080"
#define OPTIONS 32

static int memory[4]; /* addresses that stand for easy handles */

/* The settings that libcurl has of one handle. */
static struct {
    CURLoption option;
    bool text;
    void *value; /* a text is owned */
} has[OPTIONS];
static size_t has_count;

static bool is_text(CURLoption option)
{
    return option == CURLOPT_URL || option == CURLOPT_PROXY ||
           option == LLMOBS_OPT_PRE_PROXY || option == LLMOBS_OPT_UNIX_SOCKET ||
           option == LLMOBS_OPT_ABSTRACT_SOCKET ||
           option == LLMOBS_OPT_PROTOCOLS_STR;
}

static void set(CURLoption option, void *value)
{
    size_t i = 0;

    while (i < has_count && has[i].option != option)
        i++;
    ck_assert_uint_lt(i, OPTIONS);
    if (i == has_count)
        has[has_count++].value = NULL;
    has[i].option = option;
    has[i].text = is_text(option);
    if (has[i].text)
        free(has[i].value);
    has[i].value = has[i].text && value ? strdup(value) : value;
}

static void clear(void)
{
    for (size_t i = 0; i < has_count; i++)
        if (has[i].text)
            free(has[i].value);
    has_count = 0;
}

static CURLcode easy_setopt(CURL *curl, CURLoption option, ...)
{
    va_list list;

    (void)curl;
    va_start(list, option);
    set(option, va_arg(list, void *));
    va_end(list);
    return CURLE_OK;
}

static void *got(CURLoption option)
{
    for (size_t i = 0; i < has_count; i++)
        if (has[i].option == option)
            return has[i].value;
    return NULL;
}

static const struct llmobs_real real_set = {.easy_setopt = easy_setopt};

static void give(struct llmobs_handle *handle, CURLoption option,
                 const void *value)
{
    if (!llmobs_replay_owns(handle->replay, option))
        set(option, (void *)(uintptr_t)value);
    llmobs_handle_set(handle, llmobs_setting(option), (void *)(uintptr_t)value,
                      1000);
}

static struct llmobs_handle *fresh(int i)
{
    clear();
    return llmobs_handle_create(&real_set, (CURL *)&memory[i]);
}

static void lead(struct llmobs_handle *handle)
{
    llmobs_replay_lead(&handle->replay, &handle->app, handle->real,
                       (CURL *)&memory[0], handle->app.url);
}

static void end(struct llmobs_handle *handle)
{
    llmobs_replay_restore(handle->replay, &handle->app, handle->real,
                          (CURL *)&memory[0]);
    llmobs_handle_unswap(handle);
}

TEST(the_mock_instead)
{
    static const char *const urls[][2] = {
        {"https://api.openai.com/v1/chat?a=b", BASE "/v1/chat?a=b"},
        {"https://user:secret@host:8443/x", BASE "/x"},
        {"api.openai.com/v1", BASE "/v1"},
        {"https://host", BASE "/"},
        {"https://host?q=/", BASE "/?q=/"},
        {"https://host#f", BASE "/#f"},
    };
    struct llmobs_handle *handle = fresh(0);

    llmobs_replay_init(BASE);
    for (size_t i = 0; i < sizeof(urls) / sizeof(*urls); i++) {
        give(handle, CURLOPT_URL, urls[i][0]);
        lead(handle);
        ck_assert_str_eq(got(CURLOPT_URL), urls[i][1]);
        ck_assert_str_eq(got(CURLOPT_PROXY), "");
        end(handle);
        ck_assert_str_eq(got(CURLOPT_URL), urls[i][0]);
        ck_assert_ptr_null(got(CURLOPT_PROXY));
    }
    llmobs_handle_release(handle);
}

static void set_all(struct llmobs_handle *handle)
{
    give(handle, CURLOPT_URL, "https://host/x");
    give(handle, CURLOPT_CURLU, &memory[1]);
    give(handle, CURLOPT_PORT, (void *)8443);
    give(handle, CURLOPT_PROXY, "http://proxy");
    give(handle, LLMOBS_OPT_PRE_PROXY, "socks5://before");
    give(handle, LLMOBS_OPT_UNIX_SOCKET, "/dev/socket");
    give(handle, LLMOBS_OPT_PROTOCOLS_STR, "https");
    give(handle, LLMOBS_OPT_CONNECT_TO, &memory[2]);
    give(handle, CURLOPT_HTTP_VERSION,
         (void *)CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE);
}

static void check_all(void)
{
    ck_assert_str_eq(got(CURLOPT_URL), "https://host/x");
    ck_assert_ptr_eq(got(CURLOPT_CURLU), &memory[1]);
    ck_assert_ptr_eq(got(CURLOPT_PORT), (void *)8443);
    ck_assert_str_eq(got(CURLOPT_PROXY), "http://proxy");
    ck_assert_str_eq(got(LLMOBS_OPT_PRE_PROXY), "socks5://before");
    ck_assert_str_eq(got(LLMOBS_OPT_UNIX_SOCKET), "/dev/socket");
    ck_assert_str_eq(got(LLMOBS_OPT_PROTOCOLS_STR), "https");
    ck_assert_ptr_eq(got(LLMOBS_OPT_CONNECT_TO), &memory[2]);
    ck_assert_ptr_eq(got(CURLOPT_HTTP_VERSION),
                     (void *)CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE);
}

TEST(all_settings_come_back)
{
    struct llmobs_handle *handle = fresh(0);

    llmobs_replay_init(BASE);
    set_all(handle);
    lead(handle);
    ck_assert_str_eq(got(CURLOPT_URL), BASE "/x");
    ck_assert_str_eq(got(LLMOBS_OPT_PROTOCOLS_STR), "http");
    ck_assert_ptr_null(got(CURLOPT_CURLU));
    ck_assert_ptr_null(got(CURLOPT_PORT));
    ck_assert_ptr_null(got(LLMOBS_OPT_PRE_PROXY));
    ck_assert_ptr_null(got(LLMOBS_OPT_UNIX_SOCKET));
    ck_assert_ptr_null(got(LLMOBS_OPT_CONNECT_TO));
    ck_assert_ptr_null(got(CURLOPT_HTTP_VERSION));
    end(handle);
    check_all();
    llmobs_handle_release(handle);
}

/* The program sets options while the call is led: they count afterwards. */
TEST(set_meanwhile)
{
    struct llmobs_handle *handle = fresh(0);

    llmobs_replay_init(BASE);
    give(handle, CURLOPT_URL, "https://first/x");
    give(handle, LLMOBS_OPT_ABSTRACT_SOCKET, "old");
    lead(handle);
    set_all(handle);
    ck_assert_str_eq(got(CURLOPT_URL), BASE "/x");
    ck_assert_str_eq(got(CURLOPT_PROXY), "");
    end(handle);
    check_all();
    llmobs_handle_release(handle);
}

/* libcurl has the twin's settings as they are led. */
TEST(a_twin_of_a_led_one)
{
    struct llmobs_handle *handle = fresh(0);
    struct llmobs_handle *twin =
        llmobs_handle_create(&real_set, (CURL *)&memory[3]);

    llmobs_replay_init(BASE);
    set_all(handle);
    lead(handle);
    llmobs_replay_restore(handle->replay, &handle->app, handle->real,
                          (CURL *)&memory[3]);
    check_all();
    ck_assert(llmobs_handle_copy(twin, handle));
    ck_assert(!llmobs_replay_owns(twin->replay, CURLOPT_URL));
    llmobs_handle_release(handle);
    lead(twin);
    ck_assert_str_eq(got(CURLOPT_URL), BASE "/x");
    end(twin);
    check_all();
    llmobs_handle_release(twin);
}

/* libcurl has forgotten all settings with the reset. */
TEST(reset_while_led)
{
    struct llmobs_handle *handle = fresh(0);

    llmobs_replay_init(BASE);
    set_all(handle);
    lead(handle);
    llmobs_handle_reset(handle);
    clear();
    end(handle);
    ck_assert_uint_eq(has_count, 0);
    llmobs_handle_release(handle);
}

TEST(nothing_without_a_mock)
{
    struct llmobs_handle *handle = fresh(0);

    llmobs_replay_init(NULL);
    set_all(handle);
    lead(handle);
    check_all();
    ck_assert_ptr_null(handle->replay);
    llmobs_handle_release(handle);
}
