/* Builds the list of rules, and finds the first that matches. */
#include "rules/rules.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/crash_point.h"
#include "lib/base/glob.h"
#include "lib/base/network.h"
#include "lib/base/scratch.h"
#include "rules/custom.h"
#include "rules/providers.h"
#include "rules/read/match.h"
#include "rules/read/reader.h"
#include "rules/read/request_tags.h"
#include "rules/read/text.h"
#include "rules/shapes.h"

#define LINE_MAX_LEN 160
#define SIGNED_MAX 4
#define OBSERVED_MAX 32
#define QUERY_MAX ((size_t)8192)       /* hardly any server takes longer URLs */
#define DENIED_MAX ((size_t)16 * 1024) /* each lead is a pass over the body */

struct llmobs_rules {
    struct llmobs_url_list *never;
    struct llmobs_url_list *proxies;
    char *inject_hosts; /* patterns, in lower case; or NULL */
    char *observe;      /* a list with names of what is not wanted; or NULL */
    struct llmobs_custom custom;
    struct llmobs_rule generic;
    struct llmobs_shapes shapes;   /* of llmobs_dialects */
    struct llmobs_shapes observed; /* the wanted ones of llmobs_observed */
    const struct llmobs_rule *with_signs[SIGNED_MAX + 1]; /* with signs */
    bool search;
};

static void rules_complain(const struct llmobs_rules_config *config,
                           const char *text)
{
    if (config->complain)
        config->complain(config->complain_ctx, text);
}

static int fill_shapes(struct llmobs_rules *rules,
                       const struct llmobs_rules_config *config)
{
    size_t count = 0;
    const struct llmobs_dialect *wanted[OBSERVED_MAX + 1];

    rules->generic.dialect = &llmobs_dialect_generic;
    rules->generic.shape = llmobs_dialect_generic.shapes;
    if (llmobs_shapes_init(&rules->shapes, llmobs_dialects,
                           &llmobs_shapes_known) < 0)
        return -ENOMEM;
    /* The shapes that a header shows; those of any host are read where another
     * dialect has found their path. */
    for (size_t i = 0; i < rules->shapes.count && count < SIGNED_MAX; i++)
        if (rules->shapes.rules[i].shape->signs &&
            !rules->shapes.rules[i].shape->any_host)
            rules->with_signs[count++] = &rules->shapes.rules[i];
    /* Where no dialect is wanted, `observed` has no memory and no list. */
    count = 0;
    for (size_t i = 0; llmobs_observed[i] && count < OBSERVED_MAX; i++)
        if (llmobs_observed[i]->group == LLMOBS_GROUP_VECTOR ? config->vector
                                                             : config->search)
            wanted[count++] = llmobs_observed[i];
    wanted[count] = NULL;
    return count > 0 ? llmobs_shapes_init(&rules->observed, wanted, NULL) : 0;
}

/* Says what is wrong with an entry that is no URL. */
static const char *why_no_url(struct llmobs_text entry)
{
    const char *colon = memmem(entry.data, entry.len, "://", 3);

    for (size_t i = 0; i < entry.len; i++)
        if ((unsigned char)entry.data[i] <= ' ')
            return "it has a blank (a comma separates URLs)";
    if (memchr(entry.data, '*', entry.len))
        return "it has a *, and no host has that name";
    if (!colon && memmem(entry.data, entry.len, "//", 2))
        return "its scheme has no colon";
    if (colon)
        entry.len = (size_t)(colon - entry.data);
    if (colon && !llmobs_text_is_word(entry, "http") &&
        !llmobs_text_is_word(entry, "https"))
        return "its scheme is neither http nor https";
    return colon && colon[3] == '['
               ? "between [ and ] stands no address of IPv6, or no port behind"
               : "it has no host, or no port from 1 to 65535";
}

/* The message only has the entry's number, since the entry may hold a password.
 */
static int add_proxy(struct llmobs_rules *rules,
                     const struct llmobs_rules_config *config,
                     struct llmobs_text entry, size_t number)
{
    char line[LINE_MAX_LEN];
    int rc = llmobs_url_list_add(&rules->proxies, entry);

    if (rc != -EINVAL)
        return rc;
    snprintf(line, sizeof(line),
             "DD_LLMOBS_INSTRUMENTED_PROXY_URLS: entry %zu is ignored: %s",
             number, why_no_url(entry));
    rules_complain(config, line);
    return 0;
}

static int add_proxies(struct llmobs_rules *rules,
                       const struct llmobs_rules_config *config)
{
    const char *at = config->proxy_urls;
    size_t number = 0;
    int rc = 0;

    while (at && rc == 0) {
        const char *comma = strchr(at, ',');
        size_t len = comma ? (size_t)(comma - at) : strlen(at);
        struct llmobs_text entry =
            llmobs_text_strip((struct llmobs_text){at, len});

        number++;
        if (entry.len > 0)
            rc = add_proxy(rules, config, entry, number);
        at = comma ? comma + 1 : NULL;
    }
    return rc;
}

static int add_nevers(struct llmobs_rules *rules,
                      const struct llmobs_rules_config *config)
{
    const char *const *url = config->never_urls;
    int rc = 0;

    for (; url && *url && rc == 0; url++) {
        rc = llmobs_url_list_add(&rules->never, llmobs_text_of(*url));
        if (rc == -EINVAL) {
            rules_complain(config,
                           "an exporter's own URL cannot be read, ignored");
            rc = 0;
        }
    }
    return rc;
}

/* True where the word, "-NAME", names the API as the spans' tag does. */
static bool is_off(struct llmobs_text word,
                   const struct llmobs_dialect *dialect)
{
    struct llmobs_text name = {word.data + 1, word.len - 1};

    return llmobs_text_begins(word, "-") &&
           llmobs_text_is(name, dialect->integration);
}

static bool is_api(const struct llmobs_dialect *const *list,
                   struct llmobs_text word)
{
    while (*list && !is_off(word, *list))
        list++;
    return *list != NULL;
}

static int add_unwanted(struct llmobs_rules *rules,
                        const struct llmobs_rules_config *config)
{
    struct llmobs_text rest = llmobs_text_of(config->observe), word;
    char line[LINE_MAX_LEN];

    while (llmobs_text_next(&rest, &word)) {
        if (!llmobs_text_begins(word, "-") || is_api(llmobs_dialects, word) ||
            is_api(llmobs_observed, word))
            continue;
        snprintf(line, sizeof(line), "LLMOBS_OBSERVE: no API is named \"%.*s\"",
                 word.len < 40 ? (int)word.len - 1 : 40, word.data + 1);
        rules_complain(config, line);
    }
    rules->observe = config->observe ? strdup(config->observe) : NULL;
    return config->observe && !rules->observe ? -ENOMEM : 0;
}

/* Undoes the match if the user does not want its API. */
static bool drop_unwanted(const struct llmobs_rules *rules, bool matched,
                          struct llmobs_match *match)
{
    struct llmobs_text rest = llmobs_text_of(rules->observe), word;
    bool inject = match->proxied;

    while (matched && llmobs_text_next(&rest, &word))
        if (is_off(word, match->rule->dialect)) {
            memset(match, 0, sizeof(*match));
            match->inject = inject;
            match->why = "LLMOBS_OBSERVE: its API is not wanted";
            return false;
        }
    return matched;
}

/* Tells a fault of a file in the language; `context` is the configuration. */
static void on_line(void *context, unsigned number, const char *why)
{
    char line[LINE_MAX_LEN * 2];

    snprintf(line, sizeof(line), "LLMOBS_RULES: line %u: %s", number, why);
    rules_complain(context, line);
}

static int add_custom(struct llmobs_rules *rules,
                      const struct llmobs_rules_config *config)
{
    struct llmobs_custom_fault fault = {.complain = on_line,
                                        .context = (void *)config};
    char line[LINE_MAX_LEN], number[32] = "";
    bool withhold;
    int rc;

    if (!config->rules_json.data)
        return 0;
    rc = llmobs_custom_parse(config->rules_json, &rules->custom, &fault);
    if (rc != -EINVAL)
        return rc;
    if (fault.rule)
        snprintf(number, sizeof(number), "rule %zu: ", fault.rule);
    withhold = llmobs_text_has_nocase(config->rules_json, "never") ||
               llmobs_text_has_nocase(config->rules_json, "\\u00");
    if (config->withhold)
        *config->withhold = withhold;
    snprintf(line, sizeof(line), "LLMOBS_RULES: ignored, %s%s%s", number,
             fault.why,
             withhold ? "; it may say never: LLMOBS_CONTENT is off" : "");
    rules_complain(config, line);
    return 0;
}

struct llmobs_rules *llmobs_rules_new(const struct llmobs_rules_config *config)
{
    struct llmobs_rules *rules = calloc(1, sizeof(*rules));

    if (rules) {
        rules->search = config->search;
        if (config->inject_hosts)
            rules->inject_hosts = strdup(config->inject_hosts);
        for (char *at = rules->inject_hosts; at && *at; at++)
            if (*at >= 'A' && *at <= 'Z')
                *at = (char)(*at + 32);
    }
    if (rules && (rules->inject_hosts || !config->inject_hosts) &&
        fill_shapes(rules, config) == 0 && add_nevers(rules, config) == 0 &&
        add_proxies(rules, config) == 0 && add_unwanted(rules, config) == 0 &&
        add_custom(rules, config) == 0)
        return rules;
    llmobs_rules_free(rules);
    return NULL;
}

void llmobs_rules_list(const struct llmobs_rules *rules,
                       void (*each)(void *ctx, const char *text), void *ctx)
{
    llmobs_custom_list(&rules->custom, each, ctx);
}

void llmobs_rules_free(struct llmobs_rules *rules)
{
    if (!rules)
        return;
    llmobs_url_list_free(rules->never);
    llmobs_url_list_free(rules->proxies);
    llmobs_custom_free(&rules->custom);
    free(rules->inject_hosts);
    free(rules->observe);
    llmobs_shapes_fini(&rules->shapes);
    llmobs_shapes_fini(&rules->observed);
    free(rules);
}

static const struct llmobs_rule *rule_of(const struct llmobs_rules *rules,
                                         const struct llmobs_shape *shape)
{
    for (size_t i = 0; i < rules->shapes.count; i++)
        if (rules->shapes.rules[i].shape == shape)
            return &rules->shapes.rules[i];
    return NULL;
}

static bool has_body(const struct llmobs_request *request)
{
    return request->body.len > 0 || request->body_pending || request->multipart;
}

static bool miss(struct llmobs_match *match, const char *why)
{
    match->near = match->form = match->forms = false;
    match->why = why;
    return false;
}

static bool hit(struct llmobs_match *match, const struct llmobs_rule *rule,
                const char *provider, const char *why)
{
    if (rule->dialect) {
        match->sent_media = rule->dialect->sent_media;
        match->answered_media = rule->dialect->answered_media;
    }
    match->rule = rule;
    match->provider = provider;
    match->kind = match->proxied ? LLMOBS_KIND_WORKFLOW : rule->shape->kind;
    match->bodyless = match->bodyless || rule->shape->bodyless;
    match->media = rule->shape->media;
    match->goes_on = rule->shape->goes_on;
    match->why = why;
    return rule != NULL;
}

bool llmobs_rules_knows(const struct llmobs_rules *rules, const char *host)
{
    return llmobs_provider_of(llmobs_text_of(host)) ||
           (rules && llmobs_custom_names(&rules->custom, host));
}

static const char *provider_name(const struct llmobs_url *url)
{
    const struct llmobs_provider *provider = llmobs_provider_find(url);

    return provider ? provider->name : llmobs_provider_by_port(url);
}

/* True for a word of LLMOBS_INJECT that names the host: a pattern of names, or
 * an address of IPv6, whose brackets may be missing; a port may follow. */
static bool names_host(struct llmobs_glob word, const struct llmobs_url *url)
{
    size_t len = (size_t)(word.end - word.at);
    const char *colon = memrchr(word.at, ':', len);
    char text[INET6_ADDRSTRLEN] = "";
    unsigned char address[sizeof(url->address)];
    char *end;

    if (colon && (colon == memchr(word.at, ':', len) || colon[-1] == ']')) {
        if (strtoul(colon + 1, &end, 10) != url->port || end != word.end)
            return false;
        word.end = colon;
    }
    if (memchr(word.at, ':', (size_t)(word.end - word.at))) {
        word.at += *word.at == '[';
        word.end -= word.end[-1] == ']';
        len = (size_t)(word.end - word.at);
        if (len >= sizeof(text))
            return false;
        memcpy(text, word.at, len);
        return url->ipv6 && inet_pton(AF_INET6, text, address) == 1 &&
               memcmp(address, url->address, sizeof(address)) == 0;
    }
    word.end -= word.end > word.at && word.end[-1] == '.';
    return word.at < word.end && llmobs_glob_match(word, url->host);
}

/* True where the user has named the host: then it gets trace headers, even if
 * it is public. */
static bool is_named(const struct llmobs_rules *rules,
                     const struct llmobs_url *url)
{
    const char *list = rules->inject_hosts;

    while (list && *list) {
        struct llmobs_glob word = llmobs_glob_next(&list);

        if (word.at < word.end && names_host(word, url))
            return true;
    }
    return false;
}

/* Sets whether the request is a form. If a form may come, a body that is not
 * JSON also counts as a form: a program may write the form itself. A known body
 * decides, as many programs leave the content type at libcurl's default. */
static void judge_form(bool may_be, const struct llmobs_request *request,
                       struct llmobs_match *match)
{
    match->forms = may_be;
    match->form =
        may_be &&
        (request->multipart || request->says_form ||
         (request->body.data ? !llmobs_match_object(request->body)
                             : !llmobs_match_json_type(request->content_type)));
}

/* NULL: the dialect has no form. */
static const struct llmobs_form *form_of(const struct llmobs_rule *rule,
                                         const struct llmobs_shape *shape)
{
    return shape->form ? rule->dialect->forms[shape->form]
                       : rule->dialect->form;
}

const struct llmobs_websocket_words *llmobs_rules_websocket(
    const struct llmobs_match *match)
{
    const struct llmobs_form *form = form_of(match->rule, match->rule->shape);

    return form ? form->websocket : NULL;
}

/* Rule 3. Of a body that comes while libcurl sends, only the content type is
 * known, which must allow JSON. */
static bool match_shape(const struct llmobs_rule *rule,
                        const struct llmobs_request *request,
                        const struct llmobs_url *url,
                        struct llmobs_match *match)
{
    const struct llmobs_shape *shape = rule ? rule->shape : NULL;
    const struct llmobs_form *form;

    if (!rule)
        return miss(match, "no known method and path");
    match->near = llmobs_network_private_host(url->host);
    judge_form(shape->form_data, request, match);
    if (shape->telling && match->form)
        return hit(match, rule, llmobs_provider_by_port(url),
                   "rule 3: telling path on another host");
    match->confirm = shape->bodyless;
    if (shape->bodyless)
        return hit(match, rule, llmobs_provider_by_port(url),
                   "rule 3: known path on another host, the answer decides");
    if (request->multipart && !match->form)
        return miss(match, "known path, but a form");
    if (match->form) {
        if (!request->multipart && !request->says_form)
            return miss(match, "known path, but neither JSON nor a form");
    } else if (request->body.data) {
        if (!llmobs_match_object(request->body))
            return miss(match, "known path, but the body is no JSON object");
    } else if (!request->body_pending) {
        return miss(match, "known path, but no body");
    } else if (!llmobs_match_json_type(request->content_type)) {
        return miss(match, "known path, but the content type is not JSON");
    }
    match->confirm = true;
    (void)hit(match, rule, llmobs_provider_by_port(url),
              "rule 3: known path on another host");
    /* Programs use a path such as "/sessions" for other things too, as for a
     * login. If the body is known here, it decides; a request that does not fit
     * is dropped, and nothing of its body is kept. */
    form = form_of(match->rule, match->rule->shape);
    if (!form || !form->confirm_always || !request->body.data || match->form ||
        llmobs_rules_seems(match, request->body))
        return true;
    memset(match, 0, sizeof(*match));
    return miss(match, "known path, but no such request");
}

/* Rules 2 and 3. The first look at the path rules out most requests. */
static bool match_known(const struct llmobs_rules *rules,
                        const struct llmobs_request *request,
                        const struct llmobs_url *url,
                        struct llmobs_match *match)
{
    const struct llmobs_provider *provider;
    const struct llmobs_custom_host *own;
    const struct llmobs_dialect *dialect;
    const struct llmobs_shape *shape;

    if (!llmobs_shapes_find(&rules->shapes, request->method, url->path, false))
        return miss(match, "no known method and path");
    own = llmobs_custom_host_of(&rules->custom,
                                (struct llmobs_text){url->host, url->host_len});
    provider = llmobs_provider_find(url);
    if (!provider && !own)
        return match_shape(llmobs_shapes_find(&rules->shapes, request->method,
                                              url->path, true),
                           request, url, match);
    shape = llmobs_match_shape(own ? own->dialects
                                   : llmobs_provider_dialects(provider),
                               request->method, url->path, false, &dialect);
    if (!shape)
        return miss(match, "known provider, but not a known operation");
    if (request->multipart && !shape->form_data)
        return miss(match, "known provider, but a form");
    judge_form(shape->form_data, request, match);
    match->settled = !shape->form_data;
    return hit(match, rule_of(rules, shape),
               own ? own->provider : provider->name,
               own ? "LLMOBS_RULES: a line names the host"
                   : "rule 2: known provider and path");
}

static bool match_custom(const struct llmobs_rules *rules,
                         const struct llmobs_rule *rule,
                         const struct llmobs_request *request,
                         const struct llmobs_url *url,
                         struct llmobs_match *match)
{
    bool by_hand = request->says_form && !llmobs_match_object(request->body);

    if (rule->text) {
        /* A call of an API of the user's. Where the path alone shows it, on any
         * host, the body has to confirm it. */
        const struct llmobs_custom_host *host = llmobs_custom_host_of(
            &rules->custom, (struct llmobs_text){url->host, url->host_len});

        if (!match_shape(rule, request, url, match))
            return false;
        match->confirm = rule->shape->any_host && !host && !*rule->shape->host;
        if (host)
            match->provider = host->provider;
        match->why = "LLMOBS_RULES: an API of the file";
        return true;
    }
    if ((request->multipart || by_hand) && !rule->multipart &&
        rule->dialect != &llmobs_dialect_generic)
        return miss(match, "LLMOBS_RULES: a rule matched, but it is a form");
    judge_form(rule->multipart || by_hand, request, match);
    match->near =
        !llmobs_provider_find(url) && llmobs_network_private_host(url->host);
    match->bodyless = llmobs_custom_bodyless(rule);
    return hit(match, rule,
               rule->provider ? rule->provider : provider_name(url),
               "LLMOBS_RULES: a rule matched");
}

static bool is_coded(const char *coding)
{
    static const char none[] = "identity";

    if (!coding)
        return false;
    if (strncasecmp(coding, none, sizeof(none) - 1) == 0)
        coding += sizeof(none) - 1;
    return coding[strspn(coding, " \t\r\n")] != '\0';
}

/* -- rule 5: LLMOBS_OBSERVE ------------------------------------------------ */

static const struct llmobs_rule *find_observed(
    const struct llmobs_rules *rules, const struct llmobs_request *request,
    const struct llmobs_url *url)
{
    struct llmobs_text host = {url->host, url->host_len};

    for (size_t i = 0; i < rules->observed.count; i++) {
        const struct llmobs_rule *rule = &rules->observed.rules[i];

        if (llmobs_match_has(rule->shape, request->method, url->path, false) &&
            (!*rule->shape->host || llmobs_text_like(host, rule->shape->host)))
            return rule;
    }
    return NULL;
}

/* The bodies are JSON or missing. If a known body has to confirm that this is
 * such a search, it does so now: most requests to such a path are no searches.
 */
static bool match_observed(const struct llmobs_rules *rules,
                           const struct llmobs_request *request,
                           const struct llmobs_url *url,
                           struct llmobs_match *match)
{
    const struct llmobs_rule *rule = find_observed(rules, request, url);

    if (!rule)
        return false;
    if (request->multipart)
        return miss(match, "LLMOBS_OBSERVE: known path, but a form");
    if (!rule->shape->bodyless &&
        (request->body.data
             ? !llmobs_match_object(request->body)
             : !request->body_pending ||
                   !llmobs_match_json_type(request->content_type)))
        return miss(match, "LLMOBS_OBSERVE: known path, but the body is no "
                           "JSON object");
    match->form = match->near = false;
    match->confirm = !*rule->shape->host || rule->shape->by_body;
    match->settled = !match->confirm;
    (void)hit(match, rule, NULL, "rule 5: LLMOBS_OBSERVE");
    if (!request->body.data || llmobs_rules_seems(match, request->body))
        return true;
    memset(match, 0, sizeof(*match));
    return miss(match, "LLMOBS_OBSERVE: known path, but no such search");
}

/* -- rule 4: a header shows it --------------------------------------------- */

static bool may_have(const struct llmobs_shape *shape,
                     const struct llmobs_request *request)
{
    if (strcmp(shape->method, request->method) != 0)
        return false;
    return shape->resumes ? request->resumes
                          : !request->multipart && has_body(request);
}

bool llmobs_rules_is_sign(const struct llmobs_rules *rules, const char *line)
{
    for (const struct llmobs_rule *const *rule = rules->with_signs; *rule;
         rule++)
        if (llmobs_match_sign((*rule)->shape, line))
            return true;
    return llmobs_custom_is_sign(&rules->custom, line);
}

static bool match_line(const struct llmobs_rules *rules,
                       const struct llmobs_request *request,
                       const struct llmobs_url *url, const char *line,
                       struct llmobs_match *match)
{
    const struct llmobs_rule *const *rule = rules->with_signs;
    const struct llmobs_rule *own =
        llmobs_custom_find_signed(&rules->custom, request->method, url, line);

    if (own) {
        match->inject = is_named(rules, url);
        return match_custom(rules, own, request, url, match);
    }
    for (; *rule; rule++) {
        const struct llmobs_sign *sign =
            llmobs_match_sign((*rule)->shape, line);

        if (sign && may_have((*rule)->shape, request) &&
            llmobs_match_in_body(sign, request->body)) {
            if (!(*rule)->shape->resumes &&
                !(request->body.data
                      ? llmobs_match_json(request->body)
                      : llmobs_match_json_type(request->content_type)))
                return miss(match, "a known header, but the body is not JSON");
            match->confirm = !(*rule)->shape->resumes;
            match->near = !llmobs_provider_find(url) &&
                          llmobs_network_private_host(url->host);
            match->inject = is_named(rules, url);
            return hit(match, *rule, NULL, "rule 4: a known header");
        }
    }
    return miss(match, "no known method and path, and no known header");
}

static bool match_url(const struct llmobs_rules *rules,
                      const struct llmobs_request *request,
                      const struct llmobs_url *url, struct llmobs_match *match)
{
    const struct llmobs_rule *rule =
        llmobs_custom_find(&rules->custom, request->method, url);
    const struct llmobs_rule *const *with;
    bool ours;

    if (llmobs_url_list_has(rules->never, url))
        return miss(match, "rule 0: an exporter's own destination");
    if (llmobs_match_intake(url))
        return miss(match, "rule 0: an intake of Datadog");
    if (rule && rule->never)
        return miss(match, "LLMOBS_RULES: a rule says never");
    if (request->proxying == LLMOBS_PROXYING_YES ||
        (request->proxying == LLMOBS_PROXYING_BY_URL &&
         llmobs_url_list_has(rules->proxies, url))) {
        /* Rule 1: a request to a configured gateway. A dialect reads it if its
         * path is known. Its bodies are kept as text if it has no path, or if
         * its body is known to be no JSON object. */
        static const char methods[] = "POST\0PUT\0PATCH\0";

        rule = NULL;
        match->inject = true;
        if (!llmobs_words_have(methods, request->method))
            return miss(match, "proxy: not POST, PUT or PATCH");
        if (!has_body(request))
            return miss(match, "proxy: no body");
        match->proxied = true;
        if (request->multipart ||
            (request->says_form && !llmobs_match_object(request->body)))
            judge_form(true, request, match);
        if (!request->multipart && url->path.len > 1 &&
            (!request->body.data || llmobs_match_object(request->body)))
            rule = llmobs_shapes_find(&rules->shapes, request->method,
                                      url->path, false);
        if (!rule)
            return hit(match, &rules->generic, provider_name(url),
                       "rule 1: configured proxy, bodies as text");
        return hit(match, rule, provider_name(url),
                   "rule 1: configured proxy, known path");
    }
    ours = rule ? match_custom(rules, rule, request, url, match)
                : match_known(rules, request, url, match);
    if (!ours && !rule && rules->observed.count > 0)
        ours = match_observed(rules, request, url, match);
    match->asks =
        !ours && !rule && llmobs_custom_asks(&rules->custom, request->method);
    for (with = rules->with_signs; !ours && !rule && !match->asks && *with;
         with++)
        match->asks = may_have((*with)->shape, request);
    match->inject = ours && is_named(rules, url);
    return ours;
}

/* Judges by a line of the header list, or without a line by the URL. */
static bool judge(const struct llmobs_rules *rules,
                  const struct llmobs_request *asked, const char *line,
                  struct llmobs_match *match)
{
    struct llmobs_request known = *asked;
    struct llmobs_url *url = llmobs_scratch_alloc(sizeof(*url));
    bool matched;

    /* A compressed body can only be read at the end, as a body that comes while
     * libcurl sends. */
    if (known.body.len > 0 && is_coded(known.content_encoding)) {
        known.body = (struct llmobs_text){NULL, 0};
        known.body_pending = true;
    }
    memset(match, 0, sizeof(*match));
    if (!url)
        return miss(match, "no memory");
    if (llmobs_url_parse(llmobs_text_of(known.url), url) < 0)
        matched = miss(match, "not an http or https URL");
    else
        matched = line ? match_line(rules, &known, url, line, match)
                       : match_url(rules, &known, url, match);
    llmobs_url_free(url);
    return drop_unwanted(rules, matched, match);
}

bool llmobs_rules_match_sign(const struct llmobs_rules *rules,
                             const struct llmobs_request *asked,
                             const char *line, struct llmobs_match *match)
{
    return judge(rules, asked, line, match);
}

bool llmobs_rules_match(const struct llmobs_rules *rules,
                        const struct llmobs_request *asked,
                        struct llmobs_match *match)
{
    return judge(rules, asked, NULL, match);
}

bool llmobs_rules_holds(const struct llmobs_match *match,
                        const struct llmobs_request *request)
{
    if (!match->rule || request->multipart)
        return false;
    return (match->settled && !match->proxied) ||
           ((match->proxied || (match->confirm && match->rule->dialect->group ==
                                                      LLMOBS_GROUP_MODELS)) &&
            llmobs_match_object(request->body) &&
            !is_coded(request->content_encoding));
}

bool llmobs_rules_has_bodyless(const struct llmobs_rules *rules)
{
    if (rules->search)
        return true;
    for (size_t i = 0; i < rules->custom.count; i++)
        if (llmobs_custom_bodyless(&rules->custom.rules[i]))
            return true;
    return false;
}

bool llmobs_rules_has_proxies(const struct llmobs_rules *rules, const char *url)
{
    return url ? llmobs_url_list_may_have(rules->proxies, url)
               : rules->proxies != NULL;
}

bool llmobs_rules_is_provider(const char *url)
{
    struct llmobs_url *parsed = llmobs_scratch_alloc(sizeof(*parsed));
    bool is = !parsed || (llmobs_url_parse(llmobs_text_of(url), parsed) == 0 &&
                          llmobs_provider_find(parsed));

    llmobs_url_free(parsed);
    return is;
}

bool llmobs_rules_same_origin(const char *base, struct llmobs_text location)
{
    struct llmobs_url *url = llmobs_scratch_alloc(sizeof(*url));
    bool same = url && llmobs_url_parse(llmobs_text_of(base), url) == 0 &&
                llmobs_url_stays(url, location);

    llmobs_url_free(url);
    return same;
}

/* Fills `classified`; `url` holds its URL. */
static void begin_reading(const struct llmobs_match *match,
                          const struct llmobs_call *call,
                          struct llmobs_url *url,
                          struct llmobs_classified *classified)
{
    if (llmobs_url_parse(llmobs_text_of(call->url), url) < 0) {
        memset(url, 0, sizeof(*url));
        /* empty, but a place to search */
        url->path = llmobs_text_of("");
    }
    classified->call = call;
    classified->shape = match->rule->shape;
    classified->url = url;
    classified->provider = match->provider;
    classified->places = match->rule->places;
    classified->proxied = match->proxied;
    classified->confirm = match->confirm;
}

/* Sets the span's name: the user's, else the provider's, else the shape's with
 * the client in place of %s (WIRE 6.1). */
static int name_span(const struct llmobs_rule *rule,
                     const struct llmobs_classified *classified,
                     struct llmobs_span *span)
{
    const struct llmobs_provider *provider =
        llmobs_provider_find(classified->url);
    const struct llmobs_shape *shape = rule->shape;
    const char *form = shape->span_name, *place;
    const char *helper = llmobs_header_find(
        classified->call->request_headers,
        classified->call->request_header_count, "x-stainless-helper-method");

    if (rule->name)
        return llmobs_span_set(&span->name, rule->name);
    if (span->name)
        return 0;
    if (helper && *shape->helper &&
        llmobs_text_ends(llmobs_text_of(helper), shape->helper))
        form = shape->helper_name;
    if (strncmp(form, "%p.", 3) == 0)
        return llmobs_span_set_format(
            &span->name, "%s%s",
            classified->provider ? classified->provider : "",
            form + (classified->provider ? 2 : 3));
    place = strstr(form, "%s");
    if (!place)
        return llmobs_span_set(&span->name, form);
    if (provider && *provider->span_name)
        return llmobs_span_set(&span->name, provider->span_name);
    return llmobs_span_set_format(
        &span->name, "%.*s%s%s", (int)(place - form), form,
        llmobs_match_client(shape, classified->url), place + 2);
}

static int read_bodies(const struct llmobs_rule *rule,
                       const struct llmobs_classified *classified,
                       struct llmobs_span *span)
{
    const struct llmobs_form *form = form_of(rule, classified->shape);
    int rc;

    llmobs_crash_point_read(rule->dialect->name, classified->call->request);
    if (form)
        return llmobs_reader_run(form, classified, span);
    rc = rule->dialect->read(classified, span);
    if (rc == 0)
        llmobs_request_tags_read(classified->call, NULL, span);
    return rc;
}

/* The provider whose API the program speaks to: a known host decides, then the
 * user's rule, then the form of the bodies. */
static const char *provider_of(const struct llmobs_rule *rule,
                               const struct llmobs_classified *classified)
{
    const struct llmobs_provider *host = llmobs_provider_find(classified->url);
    const struct llmobs_dialect *dialect = rule->dialect;
    const char *name = classified->provider;

    if (host && (!name || strcmp(name, host->name) == 0))
        return *host->genai ? host->genai : host->name;
    if (name)
        return llmobs_provider_genai(name);
    return dialect->genai ? dialect->genai : dialect->integration;
}

/* Gives OpenTelemetry's name of the operation. A shape may have a name of its
 * own, which fits only the shape's kind of span: a dialect may find that a
 * request is of another kind. */
static const char *operation_of(const struct llmobs_shape *shape,
                                enum llmobs_kind kind)
{
    static const char *const words[] = {
        [LLMOBS_KIND_LLM] = "chat",
        [LLMOBS_KIND_EMBEDDING] = "embeddings",
        [LLMOBS_KIND_TOOL] = "execute_tool",
        [LLMOBS_KIND_RETRIEVAL] = "retrieval",
        [LLMOBS_KIND_TASK] = NULL,
    };

    if (*shape->genai)
        return kind == shape->kind ? shape->genai : NULL;
    return words[shape->kind];
}

/* Sets the facts that follow from the address, for any dialect (WIRE 9.1):
 * where the call went, by whose API, for which operation. */
static void set_facts(const struct llmobs_rule *rule,
                      const struct llmobs_classified *classified,
                      struct llmobs_span *span)
{
    const struct llmobs_url *url = classified->url;
    const char *operation;

    if (url->host_len > 0) {
        llmobs_span_fact_word(&span->facts, LLMOBS_FACT_HOST, url->host);
        llmobs_span_fact_int(&span->facts, LLMOBS_FACT_PORT, url->port);
    }
    operation = operation_of(classified->shape, span->kind);
    /* An agent or a workflow behind an API has a provider, although its kind
     * names its operation. */
    if (classified->proxied || (!operation && span->kind != LLMOBS_KIND_AGENT &&
                                span->kind != LLMOBS_KIND_WORKFLOW))
        return;
    llmobs_span_fact_word(&span->facts, LLMOBS_FACT_PROVIDER,
                          provider_of(rule, classified));
    if (span->kind == LLMOBS_KIND_WORKFLOW || !operation)
        return;
    llmobs_span_fact_word(&span->facts, LLMOBS_FACT_OPERATION, operation);
    llmobs_span_fact_word(&span->facts, LLMOBS_FACT_API_TYPE,
                          rule->dialect->api);
}

/* Tells in metadata which model served, where the span's own name is another: a
 * fallback, a router. A name that has a date or a provider more is no other. */
static int tell_other_model(struct llmobs_span *span)
{
    struct llmobs_text text =
        llmobs_span_fact_text(&span->facts, LLMOBS_FACT_RESPONSE_MODEL);
    const char *asked = span->model_name;
    struct llmobs_json *served;

    if (text.len == 0 || !asked || llmobs_text_has_nocase(text, asked) ||
        llmobs_span_fact_text(&span->facts, LLMOBS_FACT_REQUEST_MODEL).len == 0)
        return 0;
    served = llmobs_json_stringn(text.data, text.len);
    if (served && llmobs_text_has_nocase(llmobs_text_of(asked),
                                         llmobs_json_text(served))) {
        llmobs_json_free(served);
        return 0;
    }
    return llmobs_json_set(span->metadata, "response_model", served);
}

static int read_as(const struct llmobs_rule *rule,
                   const struct llmobs_classified *classified,
                   struct llmobs_span *span)
{
    int rc = read_bodies(rule, classified, span);
    const char *provider =
        classified->provider ? classified->provider : rule->dialect->provider;

    if (rc < 0)
        return rc;
    span->integration = rule->dialect->integration;
    set_facts(rule, classified, span);
    rc = name_span(rule, classified, span);
    if (rc == 0 && !classified->proxied)
        rc = tell_other_model(span);
    if (rc < 0 || classified->proxied || !provider)
        return rc;
    if (span->model_provider && !rule->provider)
        return 0;
    return llmobs_span_set(&span->model_provider, provider);
}

/* The dialects that a call may have: a listed host's own. */
static const struct llmobs_dialect *const *dialects_of(
    const struct llmobs_classified *classified)
{
    const struct llmobs_provider *host = llmobs_provider_find(classified->url);

    return host && !classified->confirm ? llmobs_provider_dialects(host)
                                        : llmobs_dialects;
}

/* Reads a call that its shape does not confirm by the next shape with the same
 * path: "/api/embeddings" is OpenAI's and Ollama's. */
static int read_as_other(const struct llmobs_rule *first,
                         struct llmobs_classified *classified,
                         struct llmobs_span *span)
{
    const struct llmobs_dialect *const *dialect = dialects_of(classified);
    struct llmobs_rule rule = *first;
    bool behind = false;
    int rc = -ENOENT;

    for (; *dialect && rc == -ENOENT; dialect++)
        LLMOBS_SHAPES_EACH (shape, *dialect) {
            if (rc == -ENOENT && behind &&
                (shape->any_host || !classified->confirm) &&
                strcmp(shape->method, classified->call->method) == 0 &&
                llmobs_match_path(shape, classified->url->path) > 0) {
                rule.dialect = *dialect;
                rule.shape = classified->shape = shape;
                span->kind = shape->kind;
                rc = read_as(&rule, classified, span);
            }
            behind = behind || shape == first->shape;
        }
    return rc;
}

int llmobs_rules_read(const struct llmobs_match *match,
                      const struct llmobs_call *call, struct llmobs_span *span)
{
    const struct llmobs_rule generic = {.dialect = &llmobs_dialect_generic,
                                        .shape = llmobs_dialect_generic.shapes};
    struct llmobs_classified classified;
    struct llmobs_url *url;
    int rc;

    if (match->confirm && !call->request.data && !match->rule->shape->bodyless)
        return -ENOENT;
    url = llmobs_scratch_alloc(sizeof(*url));
    if (!url)
        return -ENOMEM;
    begin_reading(match, call, url, &classified);
    span->kind = match->kind;
    span->proxied = match->proxied;
    span->host_provider = match->provider;
    rc = read_as(match->rule, &classified, span);
    if (rc == -ENOTSUP) {
        classified.shape = generic.shape;
        rc = read_as(&generic, &classified, span);
    }
    if (rc == -ENOENT && !match->proxied &&
        (match->confirm ? match->rule->shape->shared
                        : match->rule->shape->by_body))
        rc = read_as_other(match->rule, &classified, span);
    llmobs_url_free(url);
    return rc;
}

/* A match that the body has to confirm has a provider only where the URL's port
 * is a provider's: with that port a request that has a body is a call. */
bool llmobs_rules_stands(const struct llmobs_match *match)
{
    return !match->confirm ||
           (match->provider && !match->rule->shape->bodyless) ||
           match->rule->shape->telling;
}

bool llmobs_rules_seems(const struct llmobs_match *match,
                        struct llmobs_text body)
{
    static const char names[] =
        "\"model\"\0\"messages\"\0\"contents\"\0\"content\"\0\"prompt\"\0"
        "\"inputText\"\0\"requests\"\0\"texts\"\0";
    const struct llmobs_form *form = form_of(match->rule, match->rule->shape);

    return !match->confirm ||
           llmobs_text_has_any(body, form && form->signs ? form->signs : names);
}

bool llmobs_rules_denies(const struct llmobs_match *match,
                         struct llmobs_text body)
{
    /* The beginnings of members that such requests have. */
    static const char leads[] =
        "\"model\0\"message\0\"content\0\"prompt\0\"input\0\"text\0\"query\0"
        "\"queries\0\"request\0\"source\0\"file\0\"jsonrpc\0\"question\0"
        "\"form\"\0\"retriev\0\"document\0\"instances\0\"servingMode\0"
        "\"sampling\0\"session\0\"response\0\"previous\0\"agent\0\"audio\0"
        "\"image\0\"url\0\"event\0\"enable\0\"end\0\"single\0\"segment\0"
        "\"chatInput\0\"max_\0\"genkey\0\"assistant\0\"task\0\"params\0"
        "\\u00\0";
    const struct llmobs_rule *rule = match->rule;

    return match->confirm && !match->form && !match->bodyless && !rule->text &&
           !rule->shape->telling && body.len <= DENIED_MAX &&
           llmobs_match_object(body) &&
           llmobs_text_ends(llmobs_text_trim(body), "}") &&
           !llmobs_text_has_any(body, leads) &&
           !llmobs_rules_seems(match, body);
}

/* RFC 2046, 5.1.1: a delimiter is two dashes and the boundary. */
bool llmobs_rules_is_form(struct llmobs_text body)
{
    return llmobs_text_begins(llmobs_text_unblank(body), "--");
}

bool llmobs_rules_keeps(const struct llmobs_match *match,
                        struct llmobs_text body)
{
    return !match->form && !llmobs_rules_is_form(body) &&
           (!match->forms || llmobs_match_object(body));
}

bool llmobs_rules_has_vectors(const struct llmobs_match *match)
{
    return match->rule && match->rule->dialect->group == LLMOBS_GROUP_VECTOR;
}

bool llmobs_rules_is_mcp(const struct llmobs_match *match)
{
    const struct llmobs_dialect *dialect = match->rule->dialect;

    return dialect && strcmp(dialect->name, "mcp") == 0;
}

size_t llmobs_rules_stays(unsigned media, struct llmobs_text before)
{
    return llmobs_media_stays(media, before);
}

/* The value of a parameter; data NULL: the query has no such parameter. */
static struct llmobs_text rules_parameter(const char *query, const char *name)
{
    size_t len = strlen(name);

    while (*query && *query != '#') {
        size_t end = strcspn(query, "&;#");

        if (end > len && query[len] == '=' && memcmp(query, name, len) == 0)
            return (struct llmobs_text){query + len + 1, end - len - 1};
        query += end + (query[end] == '&' || query[end] == ';');
    }
    return (struct llmobs_text){NULL, 0};
}

struct llmobs_text llmobs_rules_query(const struct llmobs_match *match,
                                      const char *url)
{
    const char *name = match->rule->shape->queries;
    const char *query = url + strcspn(url, "?#");
    struct llmobs_text value = {NULL, 0};

    for (; *name && *query == '?' && !value.data;
         name = llmobs_words_next(name))
        value = rules_parameter(query + 1, name);
    if (value.len > QUERY_MAX)
        value.len = QUERY_MAX;
    return value;
}
