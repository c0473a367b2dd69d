/* The talk hears a websocket's frames whole, however libcurl cuts and flags
 * them, and that a connection is gone. */
#include "core/capture/talk.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/capture/judge.h"
#include "core/capture/ours.h"
#include "core/sdk/own_span.h"
#include "tests/unit/context_case.h"
#include "tests/unit/keeper.h"
#include "tests/unit/worker_fake.h"

/* Of libcurl's websockets.h, which old headers lack. */
enum { WS_TEXT = 1, WS_BINARY = 2, WS_CONT = 4, WS_CLOSE = 8, WS_PING = 16 };

#define URL "wss://api.openai.com/v1/realtime?model=gpt-realtime"
#define BEGUN(id)                                               \
    "{\"type\":\"response.created\",\"response\":{\"id\":\"" id \
    "\",\"status\":\"in_progress\",\"output\":[]}}"
#define ENDED(id, text)                                                       \
    "{\"type\":\"response.done\",\"response\":{\"id\":\"" id "\",\"status\":" \
    "\"completed\",\"output\":[{\"type\":\"message\",\"role\":\"assistant\"," \
    "\"content\":[{\"type\":\"output_text\",\"text\":\"" text "\"}]}],"       \
    "\"usage\":{\"input_tokens\":7,\"output_tokens\":3}}}"

#define LIVE                                                          \
    "wss://generativelanguage.googleapis.com/ws/google.ai."           \
    "generativelanguage.v1beta.GenerativeService.BidiGenerateContent" \
    "?key=AIzaSecret"

static const char *address = URL;
static int memory;
static CURL *const curl = (CURL *)&memory; /* stands for an easy handle */
static struct llmobs_handle *handle;
static struct llmobs_rules *rules;

static CURLcode getinfo(CURL *asked, CURLINFO info, ...)
{
    va_list args;

    (void)asked;
    va_start(args, info);
    if (info == CURLINFO_EFFECTIVE_URL)
        *va_arg(args, const char **) = address;
    va_end(args);
    return info == CURLINFO_EFFECTIVE_URL ? CURLE_OK : CURLE_UNKNOWN_OPTION;
}

static const struct llmobs_real real = {.easy_getinfo = getinfo};

/* A handle that is about to connect, for frames. */
static void begin(void)
{
    const struct llmobs_rules_config any = {.proxy_urls = NULL};

    fake_begin(false, 1 << 20);
    fake_config->ml_app = context_base.ml_app;
    fake_config->sample_rate = 1;
    fake_replace(&keeper, 1 << 20);
    rules = llmobs_rules_new(&any);
    llmobs_own_span_init(fake_config, worker);
    llmobs_judge_init(fake_config, rules);
    llmobs_ours_init(fake_config);
    llmobs_talk_init(worker);
    handle = llmobs_handle_create(&real, curl);
    handle->app.connect_only = LLMOBS_CONNECT_FOR_FRAMES;
    ck_assert(llmobs_talk_expect(handle));
    keeper_count = 0;
}

/* Ends the handle; so many events came in all. */
static void end(int count)
{
    llmobs_talk_end(handle, LLMOBS_END_REMOVED, CURLE_OK);
    llmobs_worker_stop(worker, 1000);
    ck_assert_int_eq(keeper_count, count);
    worker_case_sum(worker);
    llmobs_handle_detach(handle);
    llmobs_handle_release(handle);
    llmobs_rules_free(rules);
}

static void receive(const char *data, size_t len, size_t left, unsigned flags)
{
    llmobs_talk_received(handle, curl, (struct llmobs_text){data, len},
                         (curl_off_t)left, flags);
}

/* -- flags ----------------------------------------------------------------- */

enum generation {
    FROM_7_86, /* the opcode's, and CONT of no last fragment */
    FROM_8_1,  /* the opcode's alone: curl's issue 15298 */
    FROM_8_13, /* the message's kind; CONT: more is to come. curl's 16687 */
    GENERATIONS
};

static unsigned flags_of(enum generation generation, bool first, bool last)
{
    if (generation == FROM_8_13)
        return last ? WS_TEXT : WS_TEXT | WS_CONT;
    if (first)
        return WS_TEXT;
    return generation == FROM_7_86 && last ? 0 : WS_CONT;
}

/* A message in so many fragments, each read in so many pieces, and a ping that
 * looks like a message behind each fragment but the last one. */
static void hear(enum generation generation, const char *text, size_t fragments,
                 size_t pieces)
{
    const char ping[] = ENDED("resp_1", "Pinged.");
    size_t len = strlen(text);

    for (size_t i = 0; i < fragments; i++) {
        size_t from = len * i / fragments, to = len * (i + 1) / fragments;
        unsigned flags = flags_of(generation, i == 0, i == fragments - 1);

        for (size_t j = 0; j < pieces; j++) {
            size_t a = from + (to - from) * j / pieces;
            size_t b = from + (to - from) * (j + 1) / pieces;

            receive(text + a, b - a, to - b, flags);
        }
        if (i + 1 < fragments)
            receive(ping, sizeof(ping) - 1, 0, WS_PING);
    }
}

static void check(const char *event, const char *text)
{
    char want[128];

    snprintf(want, sizeof(want), "\"content\": \"%s\"", text);
    ck_assert_msg(strstr(event, want), "no %s in %s", want, event);
    ck_assert_msg(strstr(event, "\"input_tokens\": 7"), "%s", event);
    ck_assert_msg(strstr(event, "\"status\": \"ok\""), "%s", event);
}

START_TEST(frames_of_each_generation)
{
    static const size_t cuts[][2] = {{1, 1}, {1, 3}, {2, 1}, {3, 2}, {7, 4}};
    enum generation generation = (enum generation)_i;

    begin();
    for (size_t i = 0; i < sizeof(cuts) / sizeof(*cuts); i++) {
        const size_t *cut = cuts[i];

        hear(generation, BEGUN("resp_1"), cut[0], cut[1]);
        hear(generation, ENDED("resp_1", "It is cold."), cut[0], cut[1]);
        /* A whole message behind one in fragments is another one. */
        hear(generation, BEGUN("resp_2"), 1, 1);
        hear(generation, ENDED("resp_2", "It is warm."), 1, 1);
    }
    end(10);
    for (int i = 0; i < 10; i++)
        check(keeper_events[i], i % 2 ? "It is warm." : "It is cold.");
}
END_TEST

/* The first fragment has none, or the last one. */
START_TEST(fragments_without_bytes)
{
    const char begun[] = BEGUN("resp_1");

    begin();
    receive("", 0, 0, WS_TEXT | WS_CONT);
    receive(begun, sizeof(begun) - 1, 0, WS_TEXT | WS_CONT);
    receive("", 0, 0, WS_TEXT);
    hear(FROM_8_13, ENDED("resp_1", "Yes."), 1, 1);
    end(1);
    check(keeper_events[0], "Yes.");
}
END_TEST

/* -- the end of a connection ----------------------------------------------- */

static void say(const char *text)
{
    hear(FROM_8_13, text, 1, 1);
}

START_TEST(a_close_ends_what_is_under_way)
{
    begin();
    say(BEGUN("resp_1"));
    receive("", 0, 0, WS_CLOSE);
    say(ENDED("resp_1", "Late."));
    end(1);
    ck_assert_ptr_null(strstr(keeper_events[0], "Late."));
}
END_TEST

/* Nothing counts behind it, and it ends what is under way once. */
START_TEST(a_connection_that_is_gone)
{
    begin();
    say(BEGUN("resp_1"));
    llmobs_talk_gone(handle, CURLE_RECV_ERROR);
    say(BEGUN("resp_2"));
    llmobs_talk_gone(handle, CURLE_SEND_ERROR);
    end(1);
    ck_assert_msg(strstr(keeper_events[0], "CURLE_RECV_ERROR"), "%s",
                  keeper_events[0]);
}
END_TEST

/* Another thread is among the frames and stays there, as one that a debugger
 * holds: who learns that the connection is gone does not wait without end. */
START_TEST(gone_beside_a_thread_that_stays)
{
    begin();
    say(BEGUN("resp_1"));
    atomic_store(&handle->talk_turn, 1);
    llmobs_talk_gone(handle, CURLE_RECV_ERROR);
    atomic_store(&handle->talk_turn, 0);
    say(ENDED("resp_1", "Late."));
    end(1);
    ck_assert_ptr_null(strstr(keeper_events[0], "Late."));
}
END_TEST

static void *hear_of_the_end(void *ctx)
{
    (void)ctx;
    say(ENDED("resp_1", "Yes."));
    return NULL;
}

static void *learn_that_it_is_gone(void *ctx)
{
    (void)ctx;
    llmobs_talk_gone(handle, CURLE_RECV_ERROR);
    return NULL;
}

/* The response is told of once, whichever thread is first, and also where a
 * busy machine lets one wait for too long. */
START_TEST(gone_beside_a_thread_that_hears)
{
    pthread_t threads[2];

    for (int round = 0; round < 200; round++) {
        begin();
        say(BEGUN("resp_1"));
        pthread_create(&threads[round % 2], NULL, hear_of_the_end, NULL);
        pthread_create(&threads[1 - round % 2], NULL, learn_that_it_is_gone,
                       NULL);
        for (int i = 0; i < 2; i++)
            pthread_join(threads[i], NULL);
        end(1);
        if (strstr(keeper_events[0], "Yes."))
            check(keeper_events[0], "Yes.");
    }
}
END_TEST

/* -- responses without an id ------------------------------------------------
 */

#define SETUP                                                             \
    "{\"setup\":{\"model\":\"models/gemini-live\",\"systemInstruction\":" \
    "{\"parts\":[{\"text\":\"Be brief.\"}]}}}"
#define ASK(text)                                                             \
    "{\"clientContent\":{\"turns\":[{\"role\":\"user\",\"parts\":[{\"text\":" \
    "\"" text "\"}]}],\"turnComplete\":true}}"
#define SPEAK(text)                                                            \
    "{\"serverContent\":{\"modelTurn\":{\"parts\":[{\"text\":\"" text "\"}]}}" \
    "}"
#define WORDS(side, words) \
    "{\"serverContent\":{\"" side "Transcription\":{\"text\":\"" words "\"}}}"
#define INTERRUPTED "{\"serverContent\":{\"interrupted\":true}}"
#define GENERATED "{\"serverContent\":{\"generationComplete\":true}}"
#define COMPLETE                                                     \
    "{\"serverContent\":{\"turnComplete\":true},\"usageMetadata\":{" \
    "\"promptTokenCount\":7,\"responseTokenCount\":3}}"
#define CALL                                                              \
    "{\"toolCall\":{\"functionCalls\":[{\"id\":\"f1\",\"name\":\"find\"," \
    "\"args\":{\"n\":1}}]}}"
#define RESULT                                                           \
    "{\"toolResponse\":{\"functionResponses\":[{\"id\":\"f1\",\"name\":" \
    "\"find\",\"response\":{\"result\":\"there\"}}]}}"

static void begin_live(void)
{
    address = LIVE;
    begin();
}

static void end_live(int count)
{
    end(count);
    address = URL;
}

/* The server's frames are binary ones. */
static void come(const char *text)
{
    receive(text, strlen(text), 0, WS_BINARY);
}

static void go(const char *text)
{
    size_t len = strlen(text);

    llmobs_talk_sent(handle, curl, (struct llmobs_text){text, len}, len, 0,
                     WS_TEXT);
}

static void has(const char *event, const char *text)
{
    ck_assert_msg(strstr(event, text), "no %s in %s", text, event);
}

START_TEST(a_turn_of_binary_frames)
{
    begin_live();
    go(SETUP);
    come("{\"setupComplete\":{}}");
    go(ASK("Is it cold?"));
    for (size_t at = 0, len = strlen(SPEAK("It is ")); at < len; at++)
        receive(&SPEAK("It is ")[at], 1, len - at - 1, WS_BINARY);
    receive("", 0, 0, WS_PING);
    come(SPEAK("cold."));
    come(GENERATED);
    come(COMPLETE);
    end_live(1);
    check(keeper_events[0], "It is cold.");
    has(keeper_events[0], "Is it cold?");
    has(keeper_events[0], "Be brief.");
    has(keeper_events[0], "gemini-live");
    ck_assert_ptr_null(strstr(keeper_events[0], "Secret"));
}
END_TEST

/* Of another API binary frames are sound. */
START_TEST(binary_frames_of_another)
{
    begin();
    receive(BEGUN("resp_1"), strlen(BEGUN("resp_1")), 0, WS_BINARY);
    end(0);
}
END_TEST

START_TEST(a_turn_that_calls_tools)
{
    begin_live();
    go(SETUP);
    go(ASK("Where is it?"));
    come(SPEAK("A moment."));
    come(CALL);
    go(RESULT);
    come(SPEAK("It is there."));
    come(COMPLETE);
    end_live(2);
    has(keeper_events[0], "\"name\": \"find\"");
    has(keeper_events[0], "\"status\": \"ok\"");
    ck_assert_ptr_null(strstr(keeper_events[0], "there"));
    check(keeper_events[1], "It is there.");
    has(keeper_events[1], "tool_results");
}
END_TEST

/* The model may go on while a tool runs; the result then asks for a new turn.
 */
START_TEST(a_turn_that_does_not_wait_for_its_tool)
{
    begin_live();
    go(SETUP);
    go(ASK("Where is it?"));
    come(CALL);
    come(SPEAK("I am looking."));
    go(RESULT);
    come(COMPLETE);
    come(SPEAK("It is there."));
    come(COMPLETE);
    end_live(2);
    check(keeper_events[0], "I am looking.");
    check(keeper_events[1], "It is there.");
}
END_TEST

/* Sound is kept on neither side, and speech asks without a frame. */
START_TEST(a_turn_of_speech)
{
    char sound[1024], frame[2048];

    memset(sound, 'A', sizeof(sound) - 1);
    sound[sizeof(sound) - 1] = '\0';
    begin_live();
    go(SETUP);
    snprintf(frame, sizeof(frame),
             "{\"realtimeInput\":{\"audio\":{\"data\":\"%s\"}}}", sound);
    go(frame);
    come(WORDS("input", "Is it "));
    come(WORDS("input", "cold?"));
    snprintf(frame, sizeof(frame),
             "{\"serverContent\":{\"modelTurn\":{\"parts\":[{\"inlineData\":{"
             "\"mimeType\":\"audio/pcm\",\"data\":\"%s\"}}]}}}",
             sound);
    come(frame);
    come(WORDS("output", "It is "));
    come(frame);
    come(WORDS("output", "cold."));
    come(GENERATED);
    come(COMPLETE);
    end_live(1);
    check(keeper_events[0], "It is cold.");
    has(keeper_events[0], "Is it cold?");
    ck_assert_ptr_null(strstr(keeper_events[0], "AAAA"));
}
END_TEST

/* A turn that is interrupted has its last frame before the next one's first. */
START_TEST(a_turn_that_is_interrupted)
{
    begin_live();
    go(SETUP);
    go(ASK("A story"));
    come(SPEAK("Once"));
    go(ASK("Stop"));
    come(SPEAK(" upon"));
    come(INTERRUPTED);
    come(COMPLETE);
    come(SPEAK("Stopped."));
    come(COMPLETE);
    end_live(2);
    check(keeper_events[0], "Once upon");
    check(keeper_events[1], "Stopped.");
    has(keeper_events[1], "\"content\": \"Stop\"");
}
END_TEST

START_TEST(frames_that_are_no_turn)
{
    begin_live();
    go(SETUP);
    go("{\"clientContent\":{\"turns\":[],\"turnComplete\":false}}");
    go("{\"realtimeInput\":{\"activityEnd\":{}}}");
    come("{}");
    come(COMPLETE);
    come(GENERATED);
    come(INTERRUPTED);
    come(WORDS("input", "Hm."));
    come("{\"usageMetadata\":{\"promptTokenCount\":1}}");
    come("{\"goAway\":{\"timeLeft\":\"5s\"}}");
    come("{\"sessionResumptionUpdate\":{\"newHandle\":\"h\"}}");
    come("{\"toolCallCancellation\":{\"ids\":[\"f1\"]}}");
    come("[{\"serverContent\":{\"modelTurn\":{}}}]");
    come("serverContent");
    end_live(0);
}
END_TEST

START_TEST(turns_of_a_connection_that_goes)
{
    begin_live();
    go(SETUP);
    go(ASK("One"));
    come(CALL);
    receive("", 0, 0, WS_CLOSE);
    end_live(1);
    has(keeper_events[0], "\"status\": \"ok\"");
    begin_live();
    go(SETUP);
    go(ASK("One"));
    come(SPEAK("Half"));
    go(ASK("Two"));
    llmobs_talk_gone(handle, CURLE_RECV_ERROR);
    come(COMPLETE);
    end_live(2);
    has(keeper_events[0], "CURLE_RECV_ERROR");
    has(keeper_events[0], "Half");
    has(keeper_events[1], "CURLE_RECV_ERROR");
}
END_TEST

/* More questions than a talk follows: the others are lost, and counted. */
START_TEST(more_turns_than_are_followed)
{
    begin_live();
    go(SETUP);
    for (int i = 0; i < 10; i++)
        go(ASK("Again"));
    for (int i = 0; i < 10; i++) {
        come(SPEAK("Yes."));
        come(COMPLETE);
    }
    end_live(10);
}
END_TEST

UNIT_SUITE(talk)
{
    Suite *s = suite_create("talk");
    TCase *c = tcase_create("frames_of_each_generation");

    tcase_add_loop_test(c, frames_of_each_generation, 0, GENERATIONS);
    suite_add_tcase(s, c);
    UNIT_TEST(s, fragments_without_bytes);
    UNIT_TEST(s, a_close_ends_what_is_under_way);
    UNIT_TEST(s, a_connection_that_is_gone);
    UNIT_TEST(s, gone_beside_a_thread_that_stays);
    UNIT_TEST(s, gone_beside_a_thread_that_hears);
    UNIT_TEST(s, a_turn_of_binary_frames);
    UNIT_TEST(s, binary_frames_of_another);
    UNIT_TEST(s, a_turn_that_calls_tools);
    UNIT_TEST(s, a_turn_that_does_not_wait_for_its_tool);
    UNIT_TEST(s, a_turn_of_speech);
    UNIT_TEST(s, a_turn_that_is_interrupted);
    UNIT_TEST(s, frames_that_are_no_turn);
    UNIT_TEST(s, turns_of_a_connection_that_goes);
    UNIT_TEST(s, more_turns_than_are_followed);
    return s;
}
