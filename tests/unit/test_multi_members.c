/* Which handles wait for the first drive of their multi. */
#include <string.h>

#include "core/capture/handle.h"
#include "tests/unit/unit.h"

static int memory[8]; /* addresses that stand for multis */
static struct llmobs_member handles[3];

static CURLM *multi(int i)
{
    return (CURLM *)&memory[i];
}

static void all_part(void)
{
    for (int i = 0; i < 3; i++)
        llmobs_members_remove(&handles[i]);
    ck_assert_uint_eq(llmobs_members_count_all(), 0);
}

TEST(in_their_order)
{
    struct llmobs_members *members;

    ck_assert_ptr_null(llmobs_members_find(multi(0)));
    ck_assert(!llmobs_members_add(NULL, &handles[0]));
    for (int i = 0; i < 3; i++)
        ck_assert(llmobs_members_add(multi(0), &handles[i]));
    members = llmobs_members_find(multi(0));
    ck_assert(llmobs_members_any_queued(members));
    ck_assert(llmobs_members_unqueue(&handles[1]));
    ck_assert(!llmobs_members_unqueue(&handles[1]));
    ck_assert_ptr_eq(llmobs_members_dequeue(members), &handles[0]);
    ck_assert_ptr_eq(llmobs_members_dequeue(members), &handles[2]);
    ck_assert(!llmobs_members_any_queued(members));
    ck_assert_ptr_null(llmobs_members_dequeue(members));
    all_part();
}

TEST(each_multi_has_its_own)
{
    ck_assert(llmobs_members_add(multi(1), &handles[0]));
    ck_assert(llmobs_members_add(multi(2), &handles[1]));
    ck_assert(!llmobs_members_unqueue(&handles[2]));
    ck_assert_ptr_eq(llmobs_members_dequeue(llmobs_members_find(multi(2))),
                     &handles[1]);
    ck_assert(llmobs_members_unqueue(&handles[0]));
    all_part();
}

TEST(a_drive_is_known_inside)
{
    struct llmobs_members *members;

    ck_assert(llmobs_members_add(multi(3), &handles[0]));
    members = llmobs_members_find(multi(3));
    ck_assert(!llmobs_members_is_driven(multi(3)));
    llmobs_members_begin_drive(members, 0);
    llmobs_members_begin_drive(members, 0);
    llmobs_members_end_drive(members);
    ck_assert(llmobs_members_is_driven(multi(3)));
    ck_assert(!llmobs_members_is_driven(multi(4)));
    llmobs_members_end_drive(members);
    ck_assert(!llmobs_members_is_driven(multi(3)));
    ck_assert(llmobs_members_unqueue(&handles[0]));
    all_part();
}

TEST(members_are_counted)
{
    struct llmobs_members *members;

    ck_assert(!llmobs_members_is_single(&handles[0]));
    ck_assert(llmobs_members_add(multi(4), &handles[0]));
    members = llmobs_members_find(multi(4));
    ck_assert(llmobs_members_is_single(&handles[0]));
    llmobs_members_join(multi(4), &handles[1]);
    llmobs_members_join(multi(4), &handles[1]);
    ck_assert_uint_eq(llmobs_members_count(members), 2);
    ck_assert(!llmobs_members_is_single(&handles[0]));
    ck_assert_ptr_eq(llmobs_members_dequeue(members), &handles[0]);
    ck_assert(!llmobs_members_is_single(&handles[0]));
    llmobs_members_remove(&handles[0]);
    llmobs_members_remove(&handles[0]);
    ck_assert(!llmobs_members_is_single(&handles[0]));
    ck_assert(llmobs_members_is_single(&handles[1]));
    llmobs_members_join(multi(7), &handles[2]);
    ck_assert(!llmobs_members_is_single(&handles[2]));
    ck_assert(llmobs_members_add(multi(7), &handles[2]));
    ck_assert_uint_eq(llmobs_members_count(members), 1);
    ck_assert_uint_eq(llmobs_members_count_all(), 2);
    all_part();
    ck_assert_uint_eq(llmobs_members_count(members), 0);
}

/* One that is cleaned up while its handles wait; and one that refuses it. */
TEST(a_multi_that_goes)
{
    struct llmobs_members *members;

    ck_assert(llmobs_members_add(multi(5), &handles[0]));
    members = llmobs_members_find(multi(5));
    llmobs_members_detach(members);
    ck_assert_ptr_null(llmobs_members_find(multi(5)));
    llmobs_members_attach(members, multi(5));
    ck_assert_ptr_eq(llmobs_members_find(multi(5)), members);
    llmobs_members_detach(members);
    ck_assert(llmobs_members_add(multi(5), &handles[1]));
    ck_assert_ptr_ne(llmobs_members_find(multi(5)), members);
    ck_assert_uint_eq(llmobs_members_count(members), 1);
    llmobs_members_remove(&handles[0]);
    llmobs_members_release(members);
    ck_assert(!llmobs_members_unqueue(&handles[0]));
    ck_assert(llmobs_members_add(multi(6), &handles[0]));
    ck_assert_ptr_eq(llmobs_members_find(multi(6)), members);
    llmobs_members_detach(NULL);
    all_part();
}

/* A setting that libcurl takes as a transfer begins stays for that transfer. */
TEST(a_handle_whose_transfer_has_begun)
{
    static const struct llmobs_real no_real;
    struct llmobs_handle *h =
        llmobs_handle_create(&no_real, (CURL *)&memory[7]);

    llmobs_handle_set(h, llmobs_setting(CURLOPT_POSTFIELDS),
                      (void *)(uintptr_t) "{}   ", 9);
    llmobs_handle_begin_transfer(h, LLMOBS_STEP_BEGUN);
    llmobs_handle_set(h, llmobs_setting(CURLOPT_POSTFIELDS),
                      (void *)(uintptr_t) "[] longer", 9);
    ck_assert_uint_eq(llmobs_handle_body(h).len, 5);
    ck_assert(memcmp(llmobs_handle_body(h).data, "[] lo", 5) == 0);
    llmobs_handle_set(h, llmobs_setting(CURLOPT_HTTPGET), (void *)(intptr_t)1,
                      9);
    ck_assert_str_eq(llmobs_handle_method(h), "POST");
    ck_assert(llmobs_handle_sends_body(h));
    ck_assert_uint_eq(llmobs_handle_body(h).len, 5);
    llmobs_handle_set(h, llmobs_setting(CURLOPT_UPLOAD), (void *)(intptr_t)1,
                      9);
    ck_assert_ptr_null(llmobs_handle_body(h).data);
    llmobs_handle_set(h, llmobs_setting(CURLOPT_HTTPGET), (void *)(intptr_t)1,
                      9);
    llmobs_handle_drop_transfer(h);
    ck_assert_str_eq(llmobs_handle_method(h), "GET");
    llmobs_handle_begin_transfer(h, LLMOBS_STEP_BEGUN);
    llmobs_handle_set(h, llmobs_setting(CURLOPT_POSTFIELDS),
                      (void *)(uintptr_t) "{}", 9);
    ck_assert_ptr_null(llmobs_handle_body(h).data);
    llmobs_handle_detach(h);
    llmobs_handle_release(h);
}
