/* The C API beside libcurl. The output is the same with and without the
 * preload: the answers of the API are only printed where they are neither what
 * is wanted nor "not observing". */
#include "tests/clients/cases.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include "llmobs.h"

static void want(int rc, int wanted, const char *what)
{
    if (rc != wanted && rc != LLMOBS_NOT_OBSERVING)
        printf("%s: %d, not %d\n", what, rc, wanted);
}

/* -- nesting --------------------------------------------------------------- */

static long deepest(void)
{
    LLMOBS_FUNCTION(span, LLMOBS_TOOL);

    return ask_once(hello);
}

static void nested(const char *base)
{
    llmobs_span_t root = LLMOBS_START(LLMOBS_WORKFLOW);
    llmobs_span_t agent;

    first_call(base);
    agent = llmobs_start(LLMOBS_AGENT, "planner");
    printf("%ld\n", deepest());
    want(llmobs_finish(agent), 0, "finish");
    want(llmobs_annotate_text(NULL, "question", "answer"), 0, "annotate");
    want(llmobs_finish(root), 0, "finish");
    printf("%ld\n", ask_once(hello));
}

/* A handle that is added to a multi handle is a child of the span of that
 * moment. */
static void multi(const char *base)
{
    struct text texts[2] = {{0}, {0}};
    CURLM *all = curl_multi_init();
    CURL *curls[2];
    LLMOBS_SCOPE(root, LLMOBS_WORKFLOW, "both");

    for (int i = 0; i < 2; i++) {
        LLMOBS_SCOPE(step, LLMOBS_TASK, i ? "second" : "first");

        curls[i] = asking(base, CHAT, hello, &texts[i]);
        curl_multi_add_handle(all, curls[i]);
    }
    drive(all);
    for (int i = 0; i < 2; i++) {
        printf("%zu\n", texts[i].len);
        curl_multi_remove_handle(all, curls[i]);
        curl_easy_cleanup(curls[i]);
        free(texts[i].data);
    }
    curl_multi_cleanup(all);
}

/* -- threads --------------------------------------------------------------- */

static void *one_thread(void *arg)
{
    llmobs_span_t root = llmobs_start(LLMOBS_WORKFLOW, "thread");
    long status = 0;

    for (int i = 0; i < 3; i++)
        status += ask_once(hello);
    want(llmobs_finish(root), 0, "finish");
    *(long *)arg = status;
    return NULL;
}

static void threads(const char *base)
{
    pthread_t list[6];
    long sums[6];

    the_base = base;
    for (int i = 0; i < 6; i++)
        pthread_create(&list[i], NULL, one_thread, &sums[i]);
    for (int i = 0; i < 6; i++) {
        pthread_join(list[i], NULL);
        printf("%ld\n", sums[i]);
    }
}

static void *take_over(void *span)
{
    want(llmobs_enter((llmobs_span_t)span), 0, "enter");
    printf("%ld\n", ask_once(hello));
    want(llmobs_annotate_text(NULL, NULL, "from there"), 0, "annotate");
    want(llmobs_finish((llmobs_span_t)span), 0, "finish");
    want(llmobs_finish((llmobs_span_t)span), -EBADF, "second finish");
    return NULL;
}

static void handed_over(const char *base)
{
    llmobs_span_t root = llmobs_start(LLMOBS_WORKFLOW, "here");
    llmobs_span_t span = llmobs_start(LLMOBS_TASK, "handed");
    pthread_t thread;

    the_base = base;
    pthread_create(&thread, NULL, take_over, span);
    pthread_join(thread, NULL);
    printf("%ld\n", ask_once(hello));
    want(llmobs_finish(root), 0, "finish");
}

/* -- processes ------------------------------------------------------------- */

static void forked(const char *base)
{
    llmobs_span_t root = llmobs_start(LLMOBS_WORKFLOW, "parents");
    int status;
    pid_t child;

    the_base = base;
    fflush(stdout);
    child = fork();
    if (child == 0) {
        LLMOBS_SCOPE(span, LLMOBS_TASK, "childs");

        printf("child %ld\n", ask_once(hello));
        want(llmobs_annotate_text(root, "x", NULL), -ECHILD, "annotate");
        want(llmobs_finish(root), 0, "finish in the child");
        want(llmobs_finish(span), 0, "finish");
        span = LLMOBS_NO_SPAN;
        fflush(stdout);
        exit(0);
    }
    waitpid(child, &status, 0);
    printf("parent %ld %d\n", ask_once(hello), status);
    want(llmobs_finish(root), 0, "finish");
}

static void open_at_exit(const char *base)
{
    the_base = base;
    (void)llmobs_start(LLMOBS_WORKFLOW, "never finished");
    (void)llmobs_start(LLMOBS_TASK, "neither");
    want(llmobs_finish(llmobs_start(LLMOBS_TASK, "finished")), 0, "finish");
    printf("%ld\n", ask_once(hello));
    exit(5);
}

static void finish_at_exit(void)
{
    want(llmobs_finish(llmobs_start(LLMOBS_TASK, "late")), 0, "finish");
}

static void used_at_exit(const char *base)
{
    (void)base;
    atexit(finish_at_exit);
    want(llmobs_finish(llmobs_start(LLMOBS_TASK, "early")), 0, "finish");
}

/* -- several applications, sessions ---------------------------------------- */

static void applications(const char *base)
{
    static const char *const names[] = {"shop", "support"};

    the_base = base;
    for (int i = 0; i < 2; i++) {
        struct llmobs_start_options options = {.size = sizeof(options),
                                               .kind = LLMOBS_WORKFLOW,
                                               .name = names[i],
                                               .ml_app = names[i],
                                               .session_id = names[i],
                                               .user_id = "u7",
                                               .user_handle = "u@x.example",
                                               .user_name = "U"};
        llmobs_span_t span;

        want(llmobs_start_span(&options, &span), 0, "start");
        printf("%ld\n", ask_once(hello));
        want(llmobs_finish(span), 0, "finish");
    }
}

/* -- what goes for the calls inside ---------------------------------------- */

static void proxied(const char *base)
{
    the_base = base;
    {
        LLMOBS_PROXIED_SCOPE(begun, LLMOBS_PROXIED_YES);
        printf("%ld\n", ask_once(hello));
        {
            LLMOBS_PROXIED_SCOPE(inner, LLMOBS_PROXIED_NO);
            printf("%ld\n", ask_once(hello));
        }
        want(llmobs_proxied_begin((enum llmobs_proxied)9), -EINVAL, "proxied");
    }
    printf("%ld\n", ask_once(hello));
    want(llmobs_proxied_end(), -ENOENT, "proxied_end");
}

static void contexts(const char *base)
{
    const struct llmobs_pair tag = {"team", "search"};
    const struct llmobs_context_options options = {
        .size = sizeof(options),
        .name = "named",
        .tags = &tag,
        .tag_count = 1,
        .prompt_json = "{\"id\":\"p1\",\"version\":\"3\"}"};

    the_base = base;
    want(llmobs_context_begin(&options), 0, "context_begin");
    printf("%ld\n", ask_once(hello));
    want(llmobs_finish(llmobs_start(LLMOBS_TASK, "task")), 0, "finish");
    want(llmobs_context_end(), 0, "context_end");
    printf("%ld\n", ask_once(hello));
}

/* -- prompts --------------------------------------------------------------- */

static void annotate_prompt(llmobs_span_t span, const char *prompt)
{
    struct llmobs_annotation annotation = {.size = sizeof(annotation),
                                           .prompt_json = prompt};

    want(llmobs_annotate(span, &annotation), 0, "annotate");
}

static void *below_outer(void *span)
{
    want(llmobs_enter((llmobs_span_t)span), 0, "enter");
    printf("%ld\n", ask_once(hello));
    want(llmobs_leave((llmobs_span_t)span), 0, "leave");
    return NULL;
}

static void prompts(const char *base)
{
    const struct llmobs_context_options options = {
        .size = sizeof(options), .prompt_json = "{\"id\":\"p2\"}"};
    llmobs_span_t outer = llmobs_start(LLMOBS_LLM, "outer"), inner;
    struct text text = {0};
    CURLM *all = curl_multi_init();
    CURL *added;
    pthread_t thread;

    the_base = base;
    printf("%ld\n", ask_once(hello)); /* outer has no prompt yet */
    inner = llmobs_start(LLMOBS_LLM, "inner");
    annotate_prompt(outer, "{\"id\":\"p1\",\"ml_app\":\"x\"}");
    printf("%ld\n", ask_once(hello)); /* inner's is not its own */
    want(llmobs_finish(inner), 0, "finish");
    printf("%ld\n", ask_once(hello));
    inner = llmobs_start(LLMOBS_TASK, "between");
    printf("%ld\n", ask_once(hello));
    want(llmobs_finish(inner), 0, "finish");
    want(llmobs_context_begin(&options), 0, "context_begin");
    printf("%ld\n", ask_once(hello));
    want(llmobs_context_end(), 0, "context_end");
    pthread_create(&thread, NULL, below_outer, outer);
    pthread_join(thread, NULL);
    added = asking(base, CHAT, hello, &text);
    curl_multi_add_handle(all, added);
    inner = llmobs_start(LLMOBS_LLM, "orphan");
    drive(all);
    printf("%zu\n", text.len);
    curl_multi_remove_handle(all, added);
    curl_easy_cleanup(added);
    curl_multi_cleanup(all);
    free(text.data);
    want(llmobs_finish(outer), 0, "finish");
    want(llmobs_finish(inner), 0, "finish");
}

/* -- a caller ---------------------------------------------------------------
 */

#define CALLER "6affe73a00000000c3d1e2f3a4b5c6d7"

static void served(const char *base)
{
    static const struct llmobs_pair headers[] = {
        {"Host", "gw.example"},
        {"Traceparent", "00-" CALLER "-6573f78e6e7bca2b-01"},
        {"Tracestate",
         "dd=p:6573f78e6e7bca2b;s:1;t.llmobs_parent_id:7310458811263470123;"
         "t.llmobs_trace_id:142226893083979332950388645837860619991;"
         "t.llmobs_ml_app:caller;t.llmobs_sid:s9"}};

    the_base = base;
    want(llmobs_activate(headers, 3), 0, "activate");
    printf("%ld\n", ask_once(hello));
    {
        LLMOBS_SCOPE(span, LLMOBS_WORKFLOW, "entry");
        printf("%ld\n", ask_once(hello));
    }
    want(llmobs_activate(headers, 1), -ENOENT, "activate of none");
    printf("%ld\n", ask_once(hello));
}

static void experiment(const char *base)
{
    static const struct llmobs_pair headers[] = {
        {"traceparent", "00-" CALLER "-6573f78e6e7bca2b-01"},
        {"Baggage",
         "k=v,_ml_obs.experiment_id=e1,_ml_obs.experiment_run_id=r1"}};
    llmobs_span_t span;
    pthread_t thread;

    the_base = base;
    want(llmobs_activate(headers, 2), 0, "activate");
    printf("%ld\n", ask_once(hello));
    span = llmobs_start(LLMOBS_WORKFLOW, "entry");
    pthread_create(&thread, NULL, below_outer, span);
    pthread_join(thread, NULL);
    want(llmobs_finish(span), 0, "finish");
    want(llmobs_activate(NULL, 0), -ENOENT, "activate of none");
    printf("%ld\n", ask_once(hello));
}

/* -- errors -----------------------------------------------------------------
 */

static int refuse(void *context, const char *name, const char *value)
{
    (void)context;
    (void)name;
    (void)value;
    return -7;
}

static void wrong(const char *base)
{
    struct llmobs_start_options options = {.size = 1};
    struct llmobs_annotation bad = {.size = sizeof(bad),
                                    .metadata_json = "no json"};
    struct llmobs_annotation prompt = {.size = sizeof(prompt),
                                       .prompt_json = "{}"};
    struct llmobs_evaluation_options none = {.size = sizeof(none)};
    struct llmobs_exported ids;
    llmobs_span_t span;

    (void)base;
    errno = 77;
    want(llmobs_finish(NULL), -EBADF, "finish of NULL");
    want(llmobs_finish((llmobs_span_t)(uintptr_t)base), -EBADF, "of a pointer");
    want(llmobs_annotate(NULL, &bad), -EINVAL, "annotate without a span");
    want(llmobs_annotate_text(NULL, "x", NULL), -ENOENT, "no current span");
    want(llmobs_export_span(NULL, &ids), -ENOENT, "export");
    want(llmobs_start_span(&options, &span), -EINVAL, "start of a wrong size");
    want(llmobs_finish(span), 1, "finish of no span");
    options.size = sizeof(options);
    options.kind = (enum llmobs_span_kind)99;
    want(llmobs_start_span(&options, &span), -EINVAL, "start of no kind");
    want(llmobs_submit_evaluation(&none), -EINVAL, "evaluation");
    span = llmobs_start(LLMOBS_TASK, "failed");
    want(llmobs_annotate(span, &bad), -EINVAL, "annotate");
    want(llmobs_annotate(span, &prompt), -EINVAL, "prompt of a task");
    want(llmobs_annotate(span, &prompt), -EINVAL, "and again");
    want(llmobs_inject(span, refuse, NULL), -7, "inject");
    want(llmobs_error(NULL, "ENOENT", "no such file", "main"), 0, "error");
    want(llmobs_finish(span), 0, "finish");
    want(llmobs_finish(span), -EBADF, "second finish");
    want(llmobs_error(span, "x", "y", NULL), -EBADF, "error after finish");
    want(llmobs_enter(span), -EBADF, "enter after finish");
    printf("errno %d\n", errno);
}

static void off_and_on(const char *base)
{
    the_base = base;
    want(llmobs_enable(NULL), 0, "enable");
    printf("%ld\n", ask_once(hello));
    want(llmobs_disable(), 0, "disable");
    printf("%ld\n", ask_once(hello));
    want(llmobs_finish(llmobs_start(LLMOBS_TASK, "unseen")), 1, "finish");
    want(llmobs_enable(NULL), 0, "enable");
    printf("%ld\n", ask_once(hello));
}

/* -- the program's own processor ---------------------------------------------
 */

static int process(void *context, struct llmobs_finished *span)
{
    int rc = 0;

    (void)context;
    if (llmobs_finished_tag(span, "omit"))
        return LLMOBS_DROP;
    if (llmobs_finished_get(span, LLMOBS_INPUT))
        rc = llmobs_finished_set(span, LLMOBS_INPUT, "\"hidden\"");
    if (!rc && llmobs_finished_get(span, LLMOBS_OUTPUT))
        rc = llmobs_finished_set(span, LLMOBS_OUTPUT, "\"hidden\"");
    return rc;
}

static void processed(const char *base)
{
    const struct llmobs_pair tag = {"omit", "1"};
    struct llmobs_context_options options = {
        .size = sizeof(options), .tags = &tag, .tag_count = 1};

    the_base = base;
    want(llmobs_set_processor(process, NULL), 0, "set_processor");
    printf("%ld\n", ask_once(hello));
    want(llmobs_context_begin(&options), 0, "context_begin");
    printf("%ld\n", ask_once(hello));
    want(llmobs_finish(llmobs_start(LLMOBS_TASK, "omitted")), 0, "finish");
    want(llmobs_context_end(), 0, "context_end");
    want(llmobs_finish(llmobs_start(LLMOBS_TASK, "kept")), 0, "finish");
}

static const struct one_case cases[] = {
    {"nested", nested, 6, 0},
    {"multi", multi, 5, 0},
    {"threads", threads, 24, 0},
    {"handed_over", handed_over, 4, 0},
    {"forked", forked, 4, 0},
    {"open_at_exit", open_at_exit, 2, 0},
    {"used_at_exit", used_at_exit, 2, 0},
    {"applications", applications, 4, 0},
    {"proxied", proxied, 3, 0},
    {"contexts", contexts, 3, 0},
    {"prompts", prompts, 11, 0},
    {"served", served, 4, 0},
    {"experiment", experiment, 4, 0},
    {"wrong", wrong, 1, 1},
    {"off_and_on", off_and_on, 2, 0},
    {"processed", processed, 2, 0},
};

CASES_MAIN(cases)
