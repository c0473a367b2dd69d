// usage: client INTERFACE URL (MODE FILE)...      C++ and nothing but libcurl
#include <curl/curl.h>

#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <string>

static size_t collect(char *data, size_t size, size_t count, void *to)
{
    static_cast<std::string *>(to)->append(data, size * count);
    return size * count;
}

static CURLcode perform_multi(CURL *easy)
{
    std::unique_ptr<CURLM, decltype(&curl_multi_cleanup)> multi(
        curl_multi_init(), curl_multi_cleanup);
    CURLcode result = CURLE_FAILED_INIT;
    int running = 1, left;

    curl_multi_add_handle(multi.get(), easy);
    while (running) {
        curl_multi_perform(multi.get(), &running);
        curl_multi_wait(multi.get(), nullptr, 0, 100, nullptr);
    }
    if (CURLMsg *message = curl_multi_info_read(multi.get(), &left))
        result = message->data.result;
    curl_multi_remove_handle(multi.get(), easy);
    return result;
}

static bool ask(bool multi, const char *url, const std::string &mode,
                const char *file)
{
    std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> easy(curl_easy_init(),
                                                             curl_easy_cleanup);
    std::ifstream in(file);
    std::string body(std::istreambuf_iterator<char>(in), {}), answer;
    curl_slist *headers =
        curl_slist_append(nullptr, "Content-Type: application/json");

    curl_easy_setopt(easy.get(), CURLOPT_URL, url);
    curl_easy_setopt(easy.get(), CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy.get(), CURLOPT_COPYPOSTFIELDS, body.c_str());
    curl_easy_setopt(easy.get(), CURLOPT_WRITEFUNCTION, collect);
    curl_easy_setopt(easy.get(), CURLOPT_WRITEDATA, &answer);
    if (mode == "timeout")
        curl_easy_setopt(easy.get(), CURLOPT_TIMEOUT_MS, 600L);
    CURLcode result =
        multi ? perform_multi(easy.get()) : curl_easy_perform(easy.get());
    std::cout << mode << " " << curl_easy_strerror(result) << " " << answer
              << "\n";
    curl_slist_free_all(headers);
    return result == CURLE_OK;
}

int main(int argc, char **argv)
{
    int failed = 0;

    for (int i = 3; i + 1 < argc; i += 2)
        failed += !ask(std::string(argv[1]) == "multi", argv[2], argv[i],
                       argv[i + 1]);
    return failed;
}
