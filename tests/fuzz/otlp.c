/* Answers of OTLP's receivers, and events on their way to one. The first byte
 * chooses: an answer of 2xx or of a refusal, or an event, which is written in
 * both encodings and read again: the two must be equal, field by field. */
#include <string.h>

#include "core/export/otlp_route.h"
#include "core/export/otlp_traces.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/otlp_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Bits of the first byte. */
#define EVENT 1u
#define AS_JSON 2u /* an answer */
#define REFUSAL 4u
#define CONTENT 2u /* an event */
#define SHORT 4u   /* with low limits */
#define PARENT 8u  /* a parent decides on sampling */
#define SEMCONV_SHIFT 4

/* -- answers --------------------------------------------------------------- */

static void check_words(const char *words)
{
    struct llmobs_json *json = llmobs_json_string(words);

    /* Bad UTF-8 would come back as another text. */
    FUZZ_CHECK(json && strcmp(llmobs_json_text(json), words) == 0);
    for (; *words; words++)
        FUZZ_CHECK((unsigned char)*words >= ' ' && *words != 0x7F);
    llmobs_json_free(json);
}

static void read_answer(unsigned flags, struct llmobs_text body)
{
    struct llmobs_otlp_answer answer;

    memset(&answer, 0xA5, sizeof(answer));
    (void)(flags & REFUSAL ? llmobs_otlp_read_refusal
                           : llmobs_otlp_read_answer)(
        body, (flags & AS_JSON) != 0, &answer);
    FUZZ_CHECK(answer.rejected >= 0);
    FUZZ_CHECK(memchr(answer.message, '\0', sizeof(answer.message)) != NULL);
    check_words(answer.message);
}

/* -- events ---------------------------------------------------------------- */

static struct llmobs_json *written(struct llmobs_config *config, unsigned flags,
                                   struct llmobs_text event, bool json)
{
    struct llmobs_json *read;
    struct llmobs_buf out;
    const char *why;
    size_t left_out;
    int rc;

    config->otlp.signals[LLMOBS_SIGNAL_TRACES].json = json;
    llmobs_buf_init(&out, SIZE_MAX);
    rc = llmobs_otlp_traces(config, (flags & CONTENT) != 0, &event, 1, &out,
                            &left_out);
    FUZZ_CHECK(rc == 0 ? left_out == 0 : left_out == 1 && out.len == 0);
    read = rc ? NULL
              : (json ? otlp_read_json : otlp_read_protobuf)(
                    "traces", (struct llmobs_text){out.data, out.len}, &why);
    FUZZ_CHECK((rc == 0) == (read != NULL));
    llmobs_buf_fini(&out);
    return read;
}

static void write_event(unsigned flags, struct llmobs_text event)
{
    struct llmobs_config config = {
        .otlp = {.semconv = (enum llmobs_semconv)(flags >> SEMCONV_SHIFT & 1),
                 .parent_based = (flags & PARENT) != 0,
                 .value_max = flags & SHORT ? 20 : INT64_MAX,
                 .attribute_max = flags & SHORT ? 12 : INT64_MAX},
    };
    struct llmobs_json *json = written(&config, flags, event, true);
    struct llmobs_json *protobuf = written(&config, flags, event, false);
    char *one = json ? llmobs_json_dumps(json, 0) : NULL;
    char *other = protobuf ? llmobs_json_dumps(protobuf, 0) : NULL;

    FUZZ_CHECK(!one == !other && (!one || strcmp(one, other) == 0));
    free(one);
    free(other);
    llmobs_json_free(json);
    llmobs_json_free(protobuf);
    (void)llmobs_otlp_is_sampled(&config, event);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct llmobs_text in = {(const char *)data, size};
    unsigned flags = fuzz_byte(&in);
    char *copy = fuzz_copy(in);

    in.data = copy;
    fuzz_work();
    if (flags & EVENT)
        write_event(flags, in);
    else
        read_answer(flags, in);
    fuzz_work();
    free(copy);
    return 0;
}
