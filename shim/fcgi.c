/* fcgi - libfcgi's requests: from an accept to its finish.
 *
 * The head of FCGX_Request, and the meaning of the calls: fcgiapp.h and
 * fcgi_stdio.h of libfcgi. */
#include <unistd.h>

#include "shim/library.h"

#pragma weak environ

/* The head of libfcgi's own. */
struct request {
    int id, role;
    void *in, *out, *err;
    char **envp;
};

/* Stands for the one request that the calls without an argument are about. */
static const char only;

#define REAL LLMOBS_LIB_REAL

/* A function of its own, so that the list is not in the frame of an accept. */
__attribute__((noinline)) static void begin_called(const void *key, char **envp)
{
    struct llmobs_server_fields fields;

    llmobs_server_clear(&fields);
    for (; *envp; envp++)
        llmobs_server_add_cgi(&fields, *envp);
    llmobs_server_begin(key, 0, &fields);
}

static void fcgi_begin(const void *key, char **envp)
{
    char **one = envp;

    while (one && *one && !llmobs_server_carries_cgi(*one))
        one++;
    if (one && *one)
        begin_called(key, envp);
    else
        llmobs_server_begin(key, 0, NULL);
}

static int FCGX_Accept_r(struct request *request)
{
    int result;

    llmobs_server_end(request);
    result = REAL(FCGX_Accept_r)(request);
    if (result == 0)
        fcgi_begin(request, request->envp);
    return result;
}

static int FCGX_Accept(void **in, void **out, void **err, char ***envp)
{
    int result;

    llmobs_server_end(&only);
    result = REAL(FCGX_Accept)(in, out, err, envp);
    if (result == 0)
        fcgi_begin(&only, *envp);
    return result;
}

/* Puts the request's variables into the environment. */
static int FCGI_Accept(void)
{
    int result;

    llmobs_server_end(&only);
    result = REAL(FCGI_Accept)();
    if (result >= 0)
        fcgi_begin(&only, &environ ? environ : NULL);
    return result;
}

static void FCGX_Finish_r(struct request *request)
{
    REAL(FCGX_Finish_r)(request);
    llmobs_server_end(request);
}

static void FCGX_Finish(void)
{
    REAL(FCGX_Finish)();
    llmobs_server_end(&only);
}

static void FCGI_Finish(void)
{
    REAL(FCGI_Finish)();
    llmobs_server_end(&only);
}

static void FCGX_Free(struct request *request, int close)
{
    REAL(FCGX_Free)(request, close);
    llmobs_server_end(request);
}

void *llmobs_lib_fcgi(enum llmobs_lib_call hook)
{
    switch (hook) {
        LLMOBS_LIB_FCGI_HOOKS(LLMOBS_LIB_CASE)
    default:
        return NULL;
    }
}
