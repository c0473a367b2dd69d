/* http_double - a scripted stand-in for core/export/http.h. Include it, then
 * the .c file under test: its requests go to `double_script`. */
#ifndef LLMOBS_HTTP_DOUBLE_H
#define LLMOBS_HTTP_DOUBLE_H

/* The name in this test of what the file under test exports. */
#ifndef DOUBLE
#define DOUBLE(name) double_##name
#endif

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "core/export/agent.h"
#include "core/export/exporter.h"
#include "core/export/http.h"
#include "core/export/peer.h"

/* True if a process that begins now would ask that peer. */
#define MAY_ASK(at) \
    llmobs_peer_may_ask(&(struct llmobs_peer){.config = &config, .url = (at)})

/* Fills the reply's status; answers what llmobs_http_send would. */
static int (*double_script)(const struct llmobs_http_request *request,
                            struct llmobs_http_reply *reply);
static atomic_int double_requests;
static atomic_int double_warmed;

static inline struct llmobs_http *double_http_new(const struct llmobs_config *c)
{
    (void)c;
    return malloc(1);
}

static inline void double_http_free(struct llmobs_http *http)
{
    free(http);
}

static inline void double_http_forget(struct llmobs_http *http)
{
    (void)http;
}

static inline int double_http_send(struct llmobs_http *http,
                                   const struct llmobs_http_request *request,
                                   struct llmobs_http_reply *reply)
{
    (void)http;
    llmobs_http_reply_init(reply, request);
    double_requests++;
    return double_script(request, reply);
}

static inline int double_http_warm(struct llmobs_http *http,
                                   const struct llmobs_http_request *like)
{
    (void)http, (void)like;
    double_warmed++;
    return 0;
}

#define llmobs_http_new double_http_new
#define llmobs_http_free double_http_free
#define llmobs_http_forget double_http_forget
#define llmobs_http_send double_http_send
#define llmobs_http_warm double_http_warm
#define llmobs_post_init DOUBLE(post_init)
#define llmobs_post_fini DOUBLE(post_fini)
#define llmobs_post_forget DOUBLE(post_forget)
#define llmobs_post_add_header DOUBLE(post_add_header)
#define llmobs_post_add_headers DOUBLE(post_add_headers)
#define llmobs_post_send DOUBLE(post_send)
#define llmobs_post_warm DOUBLE(post_warm)
#define llmobs_intake_ask double_intake_ask
#define llmobs_intake_new double_intake_new
#define llmobs_otlp_exporter_new double_otlp_exporter_new
#define llmobs_choose_new double_choose_new
#define llmobs_agent_probe double_agent_probe

#endif
