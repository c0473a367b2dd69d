/* The end of lib/transfer.c of the libcurl that scripts/curl-suite builds: a
 * count of transfers that asks nobody of ours.
 *
 * libcurl calls Curl_pretransfer once for each transfer, easy or multi, just
 * before it starts. The file that CURL_SUITE_TALLY names gets a line then:
 * whose write and header callbacks are in, and the URL.
 *
 *   captured URL   both are functions of libllmobs_core.so
 *   bare URL       they are the program's, or libc's fwrite
 *   inner URL      libcurl's own: it resolves a name by a transfer (DoH)
 */
#include <dlfcn.h>
#include <fcntl.h>

static const char *llmobs_home(const void *function)
{
    Dl_info info;
    const char *slash;

    if (!function || !dladdr(function, &info) || !info.dli_fname)
        return "";
    slash = strrchr(info.dli_fname, '/');
    return slash ? slash + 1 : info.dli_fname;
}

static void llmobs_tally(struct Curl_easy *data)
{
    const char *path = getenv("CURL_SUITE_TALLY");
    const char *by = llmobs_home((const void *)data->set.fwrite_func);
    const char *headers = llmobs_home((const void *)data->set.fwrite_header);
    const char *what = "bare";
    char line[512];
    int fd =
        path ? open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600) : -1;

    if (fd < 0)
        return;
    if (!strcmp(by, "libllmobs_core.so") && !strcmp(headers, by))
        what = "captured";
    else if (*by && !strcmp(by, llmobs_home((const void *)Curl_pretransfer)))
        what = "inner";
    msnprintf(line, sizeof(line) - 1, "%s %s", what,
              data->state.url ? data->state.url : "");
    strcat(line, "\n");
    if (write(fd, line, strlen(line)) < 0)
        fputs("tally: cannot write\n", stderr);
    close(fd);
}

CURLcode Curl_pretransfer(struct Curl_easy *data)
{
    CURLcode result = llmobs_pretransfer(data);
    int saved = errno;

    if (!result)
        llmobs_tally(data);
    errno = saved;
    return result;
}
