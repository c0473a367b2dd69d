/* Messages of a multi that the library reads before the app does. */
#include <stdlib.h>

#include "core/capture/handle.h"
#include "core/capture/multi_messages.h"
#include "tests/unit/unit.h"

#define MANY 5000

static CURLMsg messages[MANY]; /* their addresses stand for handles, too */
static size_t told, in_all;    /* of these, libcurl has given so many */
static int the_multi;

static CURL *curl_of(size_t i)
{
    return &messages[i];
}

static CURLMsg *info_read(CURLM *multi, int *left)
{
    (void)multi;
    *left = (int)(in_all - told);
    if (told == in_all)
        return NULL;
    --*left;
    return &messages[told++];
}

static const struct llmobs_real real = {.multi_info_read = info_read};

/* So many transfers are done. Handles from `strange` on have no record. */
static void end_all(size_t count, size_t strange)
{
    told = 0;
    in_all = count;
    for (size_t i = 0; i < count; i++) {
        messages[i].msg = CURLMSG_DONE;
        messages[i].easy_handle = curl_of(i);
        messages[i].data.result = (CURLcode)(i % 7);
        if (i < strange)
            ck_assert_ptr_nonnull(llmobs_handle_create(&real, curl_of(i)));
    }
}

static void drop_records(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct llmobs_handle *handle = llmobs_handle_find(curl_of(i));

        if (handle)
            llmobs_handle_release(handle);
    }
}

static void expect_result(size_t i)
{
    CURLcode code = CURLE_OK;

    ck_assert(
        llmobs_multi_messages_result(&real, &the_multi, curl_of(i), &code));
    ck_assert_int_eq((int)code, (int)(i % 7));
}

static void expect_none(size_t i)
{
    CURLcode code;

    ck_assert(
        !llmobs_multi_messages_result(&real, &the_multi, curl_of(i), &code));
}

static void expect_read(size_t i, size_t left)
{
    int more = -1;

    ck_assert_ptr_eq(llmobs_multi_messages_read(&real, &the_multi, &more),
                     &messages[i]);
    ck_assert_int_eq(more, (int)left);
}

/* Each is removed unread, first every second one, then the rest backwards. */
TEST(removed_unread)
{
    end_all(MANY, MANY);
    for (size_t i = 0; i < MANY; i += 2) {
        expect_result(i);
        llmobs_multi_messages_forget(&the_multi, curl_of(i));
    }
    for (size_t i = MANY - 1; i < MANY; i -= 2) {
        expect_result(i);
        llmobs_multi_messages_forget(&the_multi, curl_of(i));
        expect_none(i);
    }
    drop_records(MANY);
}

/* The rest comes to the app as if nothing had been read. */
TEST(the_rest_is_read_in_order)
{
    int left;

    end_all(1000, 1000);
    expect_result(500);
    for (size_t i = 0; i < 1000; i += 3)
        llmobs_multi_messages_forget(&the_multi, curl_of(i));
    for (size_t i = 1, rest = 666; i < 1000; i++) {
        if (i % 3)
            expect_read(i, --rest);
    }
    ck_assert_ptr_null(llmobs_multi_messages_read(&real, &the_multi, &left));
    drop_records(1000);
}

/* A list that is never empty keeps to its size, and each message to its
 * handle. */
TEST(one_goes_as_another_comes)
{
    end_all(MANY, MANY);
    in_all = 10;
    expect_result(0);
    for (size_t i = 0; i + 10 < MANY; i++) {
        in_all++;
        expect_read(i, 10);
        expect_result(i + 5);
        expect_none(i);
    }
    for (size_t i = MANY - 10; i < MANY; i++)
        llmobs_multi_messages_forget(&the_multi, curl_of(i));
    drop_records(MANY);
}

/* Handles of which the library knows nothing. */
TEST(strange_ones)
{
    end_all(40, 20);
    expect_result(3);
    expect_result(30);
    llmobs_multi_messages_forget(&the_multi, curl_of(30));
    expect_none(30);
    llmobs_multi_messages_forget(&the_multi, curl_of(0));
    expect_read(1, 37);
    /* One that has a record since. */
    ck_assert_ptr_nonnull(llmobs_handle_create(&real, curl_of(31)));
    llmobs_multi_messages_forget(&the_multi, curl_of(31));
    expect_none(31);
    expect_read(2, 35);
    llmobs_multi_messages_forget_all(llmobs_multi_messages_detach(&the_multi));
    expect_none(4);
    drop_records(40);
}

/* Another thread has a new multi at the address of one that libcurl has freed,
 * before the messages of that one are forgotten. */
TEST(a_new_one_at_the_same_address)
{
    struct llmobs_messages *old;

    end_all(4, 4);
    expect_result(1);
    old = llmobs_multi_messages_detach(&the_multi);
    ck_assert_ptr_nonnull(old);
    expect_none(1);
    in_all = 4;
    told = 2;
    expect_result(3);
    llmobs_multi_messages_forget_all(old);
    expect_read(2, 1);
    expect_read(3, 0);
    drop_records(4);
}

/* libcurl refuses the cleanup within a callback. */
TEST(not_freed_after_all)
{
    end_all(2, 2);
    expect_result(1);
    llmobs_multi_messages_attach(llmobs_multi_messages_detach(&the_multi),
                                 &the_multi);
    expect_read(0, 1);
    expect_read(1, 0);
    drop_records(2);
}
