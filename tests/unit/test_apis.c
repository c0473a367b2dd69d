/* The text of APIs: a user's file reads what the build reads of the same text,
 * here and in another process, and names each fault with its line. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rules/custom.h"
#include "tests/unit/match_case.h"
#include "tests/unit/rule_case.h"

static char *read_file(const char *path)
{
    FILE *from = fopen(path, "r");
    char *text = calloc(1, 65536);

    ck_assert_ptr_nonnull(from);
    ck_assert_uint_gt(fread(text, 1, 65535, from), 0);
    fclose(from);
    return text;
}

static const struct {
    const char *file, *hosts; /* what a user writes beside the text */
    const char *cases[12];
} files[] = {
    {"rules/apis/cohere.api",
     "host api.cohere.com cohere cohere\n",
     {"cohere/plain", "cohere/stream", "cohere/settings"}},
    {"rules/apis/ollama.api",
     "",
     {"ollama/plain", "ollama/stream", "ollama/generate"}},
#ifdef LLMOBS_RARE
    {"rules/rare/applications.api",
     "",
     {"../rare/dify/stream", "../rare/flowise/plain"}},
#endif
};

/* Reads a case by the rules, or by what an entry has of the match. */
static void check_case(struct rule_case *c, const char *name, bool recalled)
{
    struct llmobs_recalls *recalls = NULL;
    struct llmobs_match match = c->match;
    struct llmobs_json *got;
    char note[LLMOBS_RULES_NOTE_MAX], *text, *wanted;

    if (recalled) {
        ck_assert_ptr_nonnull(llmobs_rules_api(&match));
        ck_assert_int_eq(llmobs_rules_note(&match, note, sizeof(note)), 0);
        ck_assert_int_eq(llmobs_rules_recall(
                             &recalls, llmobs_text_of(llmobs_rules_api(&match)),
                             llmobs_text_of(note), &c->match),
                         0);
    }
    got = rule_case_read(c, &c->call);
    text = llmobs_json_dumps(got, 0);
    wanted = llmobs_json_dumps(c->expected, 0);
    ck_assert_msg(strcmp(text, wanted) == 0, "%s: %s\nnot %s", name, text,
                  wanted);
    free(text);
    free(wanted);
    llmobs_json_free(got);
    c->match = match;
    llmobs_recalls_free(recalls);
}

TEST_EACH(a_file_reads_what_the_build_reads, 0, sizeof(files) / sizeof(*files))
{
    char *text = read_file(files[_i].file), both[65536], dir[128];

    snprintf(both, sizeof(both), "%s%s", files[_i].hosts, text);
    for (size_t i = 0; files[_i].cases[i]; i++) {
        struct llmobs_rules *rules = match_make(NULL, both);
        struct rule_case c;
        struct llmobs_request request = {.method = "POST"};

        ck_assert_msg(match_complaint_count == 0, "%s", match_complaints);
        snprintf(dir, sizeof(dir), "tests/rules/%s", files[_i].cases[i]);
        ck_assert_int_eq(rule_case_find(&c, dir), 0);
        request.url = c.call.url;
        request.body = c.call.request;
        ck_assert_msg(llmobs_rules_match(rules, &request, &c.match), "%s: %s",
                      dir, c.match.why);
        ck_assert_str_eq(c.match.why, "LLMOBS_RULES: an API of the file");
        check_case(&c, dir, false);
        check_case(&c, dir, true);
        rule_case_fini(&c);
        llmobs_rules_free(rules);
    }
    free(text);
}

TEST(a_line_host_names_who_speaks_what)
{
    static const char lines[] = "# Ours.\nhost llm.corp.test corp openai\n"
                                "host *.lab.test lab ollama anthropic\n"
                                "host 2001:db8::1 six ollama\n"
                                "host Bücher.test books ollama\n";
    static const struct match_row rows[] = {
        {"POST", "https://llm.corp.test" CHAT, JSON, NULL, 2, "corp"},
        {"POST", "https://a.lab.test/v1/messages", JSON, NULL, 2, "lab"},
        {"POST", "https://a.lab.test/api/chat", JSON, NULL, 2, "lab"},
        {"POST", "https://a.b.lab.test:8443/api/chat", JSON, NULL, 2, "lab"},
        {"POST", "http://[2001:db8::1]:99/api/chat", JSON, NULL, 2, "six"},
        {"POST", "https://bücher.test/api/chat", JSON, NULL, 2, "books"},
    };
    static const struct match_row misses[] = {
        {"POST", "https://llm.corp.test/api/chat", JSON, NULL, 0, NULL},
        {"POST", "https://lab.test/x", JSON, NULL, 0, NULL},
    };
    struct llmobs_rules *rules = match_make(NULL, lines);
    struct llmobs_match match;

    ck_assert_msg(match_complaint_count == 0, "%s", match_complaints);
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        ck_assert_msg(match_run(rules, &rows[i], &match), "%s", match.why);
        ck_assert_str_eq(match.provider, rows[i].provider);
        ck_assert(!match.confirm);
    }
    match_check(rules, misses, 2);
    llmobs_rules_free(rules);
}

#define DEEP "/deep/deep/deep/deep/deep/deep/deep/deep"
static const struct {
    const char *text, *told;
} faults[] = {
    {"form main\n", "line 1: a line before the first api"},
    {"api a\npath x llm chat a.chat\nform main\n",
     "line 2: the path begins with '/', ends with none, and has no '?'"},
    {"api a\npath /x/ llm chat a.chat\nform main\n",
     "line 2: the path begins with '/'"},
    {"api a\npath /x?y llm chat a.chat\nform main\n",
     "line 2: the path begins with '/'"},
    {"api a\npath /*/x/** llm chat a.chat\nform main\n",
     "line 2: '**' stands once, and without another star"},
    {"api a\npath /x/**/y/* llm chat a.chat\nform main\n",
     "line 2: '**' stands once"},
    {"api a\npath /x lm chat a.chat\nform main\n",
     "line 2: there is no kind 'lm', only llm, embedding, workflow, agent, "
     "task, tool, retrieval"},
    {"api a\npath /x llm chat\nform main\n", "line 2: a path has:"},
    {"api a\npath /x llm chat a.chat anyhost\nform main\n",
     "line 2: a path has no 'anyhost'"},
    {"api a\npath /x llm chat a.chat any_host\nform main\ntext /a\n",
     "line 2: it counts on any host"},
    {"api a\npath /x llm chat a.chat form=b\nform main\n",
     "line 2: there is no form b"},
    {"api a\npath /x llm chat a.chat\nform main\ntxt /a\n",
     "line 4: there is no word 'txt'"},
    {"api a\npath /x llm chat a.chat\nform main\ntext a/b\n",
     "line 4: a/b: a pointer does not begin with '/'"},
    {"api a\npath /x llm chat a.chat\nform main\ntext /a~2\n", "line 4: /a~2"},
    {"api a\npath /x llm chat a.chat\nform main\nsums yes\n",
     "line 4: sums has nothing behind it"},
    {"api a\npath /x llm chat a.chat\nform main\nreads tabel\n",
     "line 4: there is no reader 'tabel', only table, chat, store, search, "
     "rerank, voice, ear, render, poll, code"},
    {"api a\npath /x llm chat a.chat\nform main\nhook event x\n",
     "line 3: a file of one's own has no hooks"},
    {"api a\npath /x llm chat a.chat\nform main is nobody\n",
     "line 3: there is no API of this name"},
    {"api a\npath /x llm chat a.chat\nform main\nhits_in a\n",
     "line 4: the reader of form main has no word 'hits_in'"},
    {"api a\npath /x llm chat a.chat\nform main\ntext a/b /c\n",
     "line 4: a/b: a pointer does not begin with '/'"},
    {"api a\npath /x llm chat a.chat\nform main\nmessages\n",
     "line 4: messages says nothing"},
    {"api a\npath /x llm chat a.chat\nform main\nconfirm\n",
     "line 4: confirm has one word behind it"},
    {"api a\npath /x llm chat a.chat\nform main\nsettings\n",
     "line 4: settings says nothing"},
    {"api a\nintegration\npath /x llm chat a.chat\nform main\n",
     "line 2: integration has one word behind it"},
    {"api a\nmedia sent=lost\npath /x llm chat a.chat\nform main\n",
     "line 2: nobody keeps media so: 'sent=lost'"},
    {"api a\npath /x llm chat a.chat any_host signs=b\nform main\n",
     "line 2: a file of one's own has no signs"},
    {"host a.test:80 a ollama\n", "line 1: a host has no scheme, port"},
    {"host https://a.test a ollama\n", "line 1: a host has no scheme"},
    {"api a\npath /x llm chat a.chat\nform main is qdrant\n",
     "line 3: there is no API of this name"},
    {"api a\npath /x llm chat a.chat\nform main\nsettings usual\nsettings a\n",
     "line 5: `usual` stands alone"},
    {"api a\npath /x llm chat a.chat\nform main\ntext /a \"\"\n",
     "line 4: \"\": the whole body has no other place"},
    {"api a\npath /x llm chat a.chat\nform main\nsources x\nsums a\n",
     "line 4: there is no form of sources 'x', only none, openai, "
     "anthropic, gemini, converse, cohere, mistralLLMOBS_RULES: line 5: sums"},
    {"api a\npath /x llm chat a.chat form=x\nform main\nsums a\n",
     "line 2: there is no form xLLMOBS_RULES: line 4: sums"},
    {"api a\npath /x llm chat a.chat\nform main like b\ntext /a\ntext /b\n",
     "line 3: there is no form b before itLLMOBS_RULES: ignored"},
    {"api a\npath /x llm chat a.chat\nform main\nform main\n",
     "line 4: form main is there twice"},
    {"api this_name_has_more_than_the_forty_bytes_that_one_may_have\n",
     "line 1: an api has a name, of at most 40 bytes"},
    {"host a.test generous_provider_with_more_than_the_forty_bytes ollama\n",
     "line 1: the provider has more than 40 bytes"},
    {"host a.test a generic\n", "line 1: no host speaks 'generic'"},
    {"host a.test a qdrant\n", "line 1: no host speaks 'qdrant'"},
    {"order openai\n", "only rules/apis/hosts has lines order"},
    {"host a.test a nobody\n", "line 1: no host speaks 'nobody'"},
    {"host a.test\n",
     "line 1: it has: the host, its provider, APIs that it speaks"},
    {"host\n", "line 1: it has: the host, its provider"},
    {"speaks a\n", "line 1: it has: a name, APIs"},
    {"api a\npath /x llm chat a.chat method=get\nform main\n",
     "line 2: there is no method 'get', only POST, PUT, PATCH, GET, HEAD, "
     "DELETE"},
    {"api a\npath /x llm chat a.chat method=GET\nform main\n",
     "line 2: a request of GET has no body: the path needs `bodyless`"},
    {"api a\npath /x llm chat a.chat method=HEAD\nform main\n",
     "line 2: a request of HEAD has no body"},
    {"api a\npath /x llm chat a.chat method=DELETE\nform main is json\n",
     "line 2: a request of DELETE has no body"},
    {"api a\npath /x llm chat a.chat host=a.test:80\nform main\n",
     "line 2: a host has no scheme, port"},
    {"api a\npath /x llm chat a.chat host=https://a.test\nform main\n",
     "line 2: a host has no scheme, port"},
    {"api a\npath /x llm chat a.chat\nform main\nfinish_reasons a=b full:x\n",
     "line 4: full:x: a reason has a '=' and the usual word behind it"},
    {"api a\npath /x llm chat a.chat\nform main\ntime_unit min\n",
     "line 4: min: a unit of times is s, ms, us or ns"},
    {"api a\npath /x llm chat a.chat\nform main\nconfirm ask\n",
     "line 4: there is no way to confirm 'ask', only asks, chat"},
    {"api a\npath /x llm chat a.chat\nform main\nframing sees\n",
     "line 4: there is no framing 'sees', only sse, lines, array, aws"},
    {"api a\npath /x llm chat a.chat\nform main\nhook end f\n",
     "line 4: there is no place of a hook 'end', only confirm, begin,"},
    {"api a\npath /x llm chat a.chat\nform main\nrole_default a\n"
     "role_default b\n",
     "line 5: role_default is there twice"},
    {"api a\npath /x llm chat a.chat\nform main\nrole_default this_is_long\n",
     "line 4: a role has at most 11 bytes"},
    {"api a\npath /x llm chat a.chat\nform main\napi a\n",
     "line 4: api a is there twice"},
    {"host (a|b).test a ollama\n", "and no pattern but '*'"},
    {"api a\npath /x llm chat a.chat\nform main\ntext a" DEEP DEEP DEEP DEEP
     "\n",
     ": a pointer does not begin with '/'"},
};

/* A file in which a line stands so often. */
static const struct {
    const char *begin, *line, *told;
    int count;
} crowds[] = {
    {"", "host a.test a ollama\n", "line 193: the file has more than 192", 193},
    {"api a\nform main\n", "path /x llm chat a.chat\n",
     "line 35: the API has too", 33},
    {"api a\nform main\n", "text /some/what/long\n",
     "line 25: /some/what/long: the places of the form have too many bytes",
     30},
    {"api a\nform main\n", "form f%d\n", "line 10: the API has too many forms",
     8},
    {"api a\nform main\n", "hook event f\n", "line 11: the form has too many",
     9},
    {"api a\n", "genai b\n", "the file has too many lines", 2100},
    {"api a\nform main\nsettings", " x x x x x x x x", "too many words", 1100},
    {"", "a", "line 1: a line before the first api", 200000},
};

TEST_EACH(a_file_with_too_much_is_told, 0, sizeof(crowds) / sizeof(*crowds))
{
    size_t size = strlen(crowds[_i].begin) + 1;
    char *text = malloc(size + (size_t)crowds[_i].count * 32), *at = text;

    at += sprintf(at, "%s", crowds[_i].begin);
    for (int i = 0; i < crowds[_i].count; i++)
        at += snprintf(at, 32, crowds[_i].line, i);
    llmobs_rules_free(match_make(NULL, text));
    ck_assert_msg(strstr(match_complaints, crowds[_i].told), "%s, not %s",
                  match_complaints, crowds[_i].told);
    free(text);
}

static void note_line(void *context, unsigned line, const char *why)
{
    ck_assert_str_eq(why, "a byte is NUL");
    *(unsigned *)context = line;
}

/* The byte stands in a word, behind one, at the begin of a line, in a comment,
 * and at the file's end: what follows it would not be read. */
TEST(a_nul_is_a_fault_with_its_line)
{
    static const char *const lines[] = {
        "host b.test b ollama0b\n", "host b.test b ollama 0\n",
        "0host b.test b ollama\n", "# x 0\n", "0"};

    for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
        struct llmobs_custom custom;
        unsigned line = 0;
        struct llmobs_custom_fault fault = {.complain = note_line,
                                            .context = &line};
        char text[64];
        int len =
            snprintf(text, sizeof(text), "host a.test a ollama\n%s", lines[i]);

        *strchr(text, '0') = '\0';
        ck_assert_int_eq(
            llmobs_custom_parse((struct llmobs_text){text, (size_t)len},
                                &custom, &fault),
            -EINVAL);
        ck_assert_uint_eq(line, 2);
    }
}

TEST_EACH(a_fault_is_told_with_its_line, 0, sizeof(faults) / sizeof(*faults))
{
    static const struct match_row row = {
        "POST", "https://api.groq.com/openai" CHAT, JSON, NULL, 2, "groq"};
    struct llmobs_rules *rules = match_make(NULL, faults[_i].text);

    ck_assert_msg(strstr(match_complaints, faults[_i].told), "%s, not %s",
                  match_complaints, faults[_i].told);
    match_check(rules, &row, 1);
    llmobs_rules_free(rules);
}

TEST(a_host_at_a_path_is_as_one_of_a_line)
{
    static const char text[] =
        "api a\npath /x/y llm chat a.chat host=*.Bücher.Test\n"
        "path /x/z llm chat a.chat host=LLM.corp.test\n"
        "form main\ntext /a\n";
    static const struct match_row rows[] = {
        {"POST", "https://llm.Corp.test/x/z", JSON, NULL, 2, "a"},
        {"POST", "https://a.bücher.test/x/y", JSON, NULL, 2, "a"},
    };
    struct llmobs_rules *rules = match_make(NULL, text);
    struct llmobs_match match;

    ck_assert_msg(match_complaint_count == 0, "%s", match_complaints);
    for (size_t i = 0; i < 2; i++)
        ck_assert_msg(match_run(rules, &rows[i], &match), "%s", match.why);
    llmobs_rules_free(rules);
}

static void append_line(void *context, const char *text)
{
    strcat(strcat(context, text), "\n");
}

TEST(lines_end_as_they_like_and_are_listed)
{
    static const char text[] = "host a.test acme zed openai_chat\r\n"
                               "api zed\r\n\r\npath /v9/x llm chat z.x\r\n"
                               "path /v9/y embedding embed z.y form=other\r\n"
                               "form other\r\ninput /in\r\n"
                               "form main\r\ntext /out";
    static const struct match_row rows[] = {
        {"POST", "https://a.test/v9/x", JSON, NULL, 2, "acme"},
        {"POST", "https://a.test" CHAT, JSON, NULL, 2, "acme"},
    };
    struct llmobs_rules *rules = match_make(NULL, text);
    struct llmobs_match match;
    char lines[1024] = "";

    ck_assert_msg(match_complaint_count == 0, "%s", match_complaints);
    for (size_t i = 0; i < 2; i++)
        ck_assert_msg(match_run(rules, &rows[i], &match), "%s", match.why);
    llmobs_rules_list(rules, append_line, lines);
    ck_assert_str_eq(lines, "host a.test: acme speaks zed openai_chat\n"
                            "api zed: POST /v9/x\napi zed: POST /v9/y\n");
    llmobs_rules_free(rules);
}
