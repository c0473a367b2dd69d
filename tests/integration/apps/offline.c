/* The test of a program that asks a model: an answer, a stream, a refusal. The
 * base URL is in OPENAI_BASE_URL; what it prints depends on the answers alone.
 */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t print(char *data, size_t size, size_t count, void *out)
{
    return fwrite(data, size, count, out);
}

static void ask(const char *body)
{
    char url[512], key[] = "Authorization: Bearer sk-Zq7fUnspeakable9Xw2";
    struct curl_slist *headers = curl_slist_append(NULL, key);
    CURL *curl = curl_easy_init();
    long status = 0;
    CURLcode code;

    headers = curl_slist_append(headers, "Content-Type: application/json");
    snprintf(url, sizeof(url), "%s/chat/completions",
             getenv("OPENAI_BASE_URL"));
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, print);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, stdout);
    code = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    printf("\n%d %ld\n", code, status);
    curl_easy_cleanup(curl);
    curl_slist_free_all(headers);
}

int main(void)
{
    curl_global_init(CURL_GLOBAL_ALL);
    ask("{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"C\"}]"
        "}");
    ask("{\"model\":\"m\",\"stream\":true,\"messages\":[{\"role\":\"user\","
        "\"content\":\"a stream for C\"}]}");
    ask("{\"model\":\"error-429\",\"messages\":[{\"role\":\"user\","
        "\"content\":\"C\"}]}");
    ask("{\"model\":\"drop\",\"messages\":[{\"role\":\"user\",\"content\":"
        "\"C\"}"
        "]}");
    ask("{\"model\":\"truncated-stream\",\"stream\":true,\"messages\":[{"
        "\"role\":\"user\",\"content\":\"a stream that breaks\"}]}");
    curl_global_cleanup();
    return 0;
}
