/* Draws ids, and formats contexts. */
#include "lib/span/context.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/floats.h"
#include "lib/base/fork.h"
#include "lib/base/mix.h"
#include "lib/base/sys.h"
#include "lib/span/secrets.h"

/* -- random ids ---------------------------------------------------------- */

static _Atomic uint64_t random_state;
static atomic_int random_process; /* that seeded the state (fork.h) */

uint64_t llmobs_context_random(void)
{
    int process = llmobs_fork_process();
    uint64_t value;

    if (atomic_load(&random_process) != process) {
        uint64_t seed = 0;

        /* GRND_NONBLOCK, as an app at early boot must not wait for entropy. */
        if (llmobs_sys(SYS_getrandom, &seed, sizeof(seed), GRND_NONBLOCK) !=
            sizeof(seed))
            seed = llmobs_mix((uint64_t)llmobs_clock_wall_ns()) ^
                   llmobs_mix((uint64_t)llmobs_clock_mono_ns() +
                              (uint64_t)getpid()) ^
                   llmobs_mix((uint64_t)(uintptr_t)&seed);
        atomic_store(&random_state, seed);
        atomic_store(&random_process, process);
    }
    /* The clock separates a child that got its ancestor's pid again, and the
     * copies of a restored machine image. */
    do
        value =
            llmobs_mix(atomic_fetch_add(&random_state, 0x9e3779b97f4a7c15u) ^
                       llmobs_mix((uint64_t)llmobs_clock_mono_ns()));
    while (value == 0);
    return value;
}

/* -- roots and children -------------------------------------------------- */

void llmobs_context_text(char *out, size_t cap, struct llmobs_text text)
{
    size_t len = text.len;

    if (len > cap - 1) {
        len = cap - 1;
        while (len > 0 && ((unsigned char)text.data[len] & 0xc0) == 0x80)
            len--;
    }
    if (len)
        memcpy(out, text.data, len);
    out[len] = '\0';
}

/* Rounds to six decimals and removes trailing zeros (WIRE 1.3), without printf,
 * which would take the decimal point from the locale. */
static void print_rate(double rate, char out[12])
{
    unsigned micros = (unsigned)(rate * 1e6 + 0.5);
    int len;

    if (micros == 1000000) {
        memcpy(out, "1", 2); /* the usual rate; this is the app's thread */
        return;
    }
    len = snprintf(out, 12, "%u.%06u", micros / 1000000 % 10, micros % 1000000);
    while (len > 0 && out[len - 1] == '0')
        out[--len] = '\0';
    if (len > 0 && out[len - 1] == '.')
        out[--len] = '\0';
}

LLMOBS_FLOATS_WITHIN static void sample(struct llmobs_context *context,
                                        double rate)
{
    uint64_t hash = context->apm_trace_id.lo * 1111111111111111111u;
    bool keep = true;

    if (!(rate >= 0))
        rate = 0;
    if (rate < 1)
        keep = hash <= (uint64_t)(rate * 18446744073709551616.0);
    else
        rate = 1;
    print_rate(rate, context->sample_rate);
    context->sampled[0] = keep ? '1' : '0';
    context->sampled[1] = '\0';
}

void llmobs_context_sample(struct llmobs_context *context, double rate)
{
    struct llmobs_floats floats = llmobs_floats_begin();

    sample(context, rate);
    llmobs_floats_end(floats);
}

struct llmobs_id128 llmobs_context_trace_id(void)
{
    uint64_t seconds = (uint64_t)(llmobs_clock_wall_ns() / 1000000000);

    return (struct llmobs_id128){seconds << 32, llmobs_context_random()};
}

void llmobs_context_child(struct llmobs_context *child,
                          const struct llmobs_context *parent)
{
    uint64_t parent_id = parent->span_id;

    if (child != parent)
        *child = *parent;
    child->parent_id = child->apm_parent_id = parent_id;
    child->remote = false;
    child->span_id = llmobs_context_random();
}

void llmobs_context_sibling(struct llmobs_context *context)
{
    context->span_id = llmobs_context_random();
    if (context->parent_id == 0)
        context->trace_id = llmobs_context_trace_id();
}

/* -- names --------------------------------------------------------------- */

bool llmobs_ml_app_normal(const char *name, char out[LLMOBS_ML_APP_LEN * 4 + 1])
{
    size_t len = 0, characters = 0;
    bool fine = true;

    for (; *name; name++) {
        unsigned char c = (unsigned char)*name;
        bool begins = (c & 0xc0) != 0x80;

        if (begins && characters == LLMOBS_ML_APP_LEN)
            break;
        if (len == LLMOBS_ML_APP_LEN * 4)
            break;
        characters += begins;
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c >= 0x80 ||
              (c != 0 && strchr("_-:./", c))) ||
            (c == '_' && len > 0 && out[len - 1] == '_'))
            fine = false;
        out[len++] = c == ',' ? '_' : (char)c;
    }
    out[len] = '\0';
    llmobs_secrets_mask(out, len);
    return fine && *name == '\0' && len > 0 && out[len - 1] != '_';
}
