// usage: cpr INTERFACE URL (MODE FILE)...
//
// libcurl as cpr uses it (libcpr/cpr, cpr/session.cpp and cpr/multiperform.cpp):
// a session is a handle that lives for many calls and gets all of its options
// again before each, with callbacks for heads, bodies and progress, an error
// buffer and an empty jar of cookies. easy: one session for all calls; multi: a
// session for each, in one multi; async: a session for each, on threads of
// their own, which is what PostAsync does.
#include <curl/curl.h>

#include <fstream>
#include <future>
#include <iostream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

class Session
{
  public:
    Session() : easy(curl_easy_init())
    {
        curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(easy, CURLOPT_COOKIEFILE, "");
        curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
        curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 1L);
        curl_easy_setopt(easy, CURLOPT_MAXREDIRS, 50L);
        curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, error);
    }
    Session(const Session &) = delete;
    ~Session()
    {
        curl_slist_free_all(headers);
        curl_easy_cleanup(easy);
    }

    void prepare(const std::string &url, const std::string &how,
                 const char *file)
    {
        std::ifstream in(file);

        mode = how;
        body.assign(std::istreambuf_iterator<char>(in), {});
        head.clear();
        text.clear();
        curl_slist_free_all(headers);
        headers =
            curl_slist_append(nullptr, "Content-Type: application/json");
        headers = curl_slist_append(headers, "Expect:");
        curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
        curl_easy_setopt(easy, CURLOPT_URL, url.c_str());
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                         static_cast<curl_off_t>(body.size()));
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body.c_str());
        curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, nullptr);
        curl_easy_setopt(easy, CURLOPT_NOBODY, 0L);
        curl_easy_setopt(easy, CURLOPT_POST, 1L);
        curl_easy_setopt(easy, CURLOPT_PROXY, "");
        curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "");
        curl_easy_setopt(easy, CURLOPT_CERTINFO, 1L);
        curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS,
                         mode == "timeout" ? 600L : 0L);
        curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
        curl_easy_setopt(easy, CURLOPT_HEADERDATA, this);
        curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
        curl_easy_setopt(easy, CURLOPT_WRITEDATA, this);
        curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, on_progress);
        curl_easy_setopt(easy, CURLOPT_XFERINFODATA, this);
        curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
    }

    bool tell(CURLcode result)
    {
        long status = 0;
        curl_slist *cookies = nullptr;

        curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
        curl_easy_getinfo(easy, CURLINFO_COOKIELIST, &cookies);
        curl_slist_free_all(cookies);
        std::cout << mode << " " << result << " " << status << " " << head
                  << text << (progress ? "" : " without progress") << "\n";
        return result == CURLE_OK;
    }

    CURL *easy;

  private:
    static size_t on_header(char *data, size_t size, size_t count, void *self)
    {
        static_cast<Session *>(self)->head.append(data, size * count);
        return size * count;
    }

    static size_t on_body(char *data, size_t size, size_t count, void *self)
    {
        Session *session = static_cast<Session *>(self);

        if (session->mode == "abort")
            return 0;
        session->text.append(data, size * count);
        return size * count;
    }

    static int on_progress(void *self, curl_off_t, curl_off_t, curl_off_t,
                           curl_off_t)
    {
        static_cast<Session *>(self)->progress = true;
        return 0;
    }

    char error[CURL_ERROR_SIZE] = "";
    std::string mode, body, head, text;
    curl_slist *headers = nullptr;
    bool progress = false;
};

static void perform_multi(const std::vector<std::unique_ptr<Session>> &sessions,
                          std::vector<CURLcode> &results)
{
    CURLM *multi = curl_multi_init();
    int running = 0, left;

    for (auto &session : sessions)
        curl_multi_add_handle(multi, session->easy);
    do {
        curl_multi_perform(multi, &running);
        if (running)
            curl_multi_wait(multi, nullptr, 0, 250, nullptr);
    } while (running);
    while (CURLMsg *message = curl_multi_info_read(multi, &left))
        for (size_t i = 0; i < sessions.size(); i++)
            if (sessions[i]->easy == message->easy_handle)
                results[i] = message->data.result;
    for (auto &session : sessions)
        curl_multi_remove_handle(multi, session->easy);
    curl_multi_cleanup(multi);
}

static void perform_async(const std::vector<std::unique_ptr<Session>> &sessions,
                          std::vector<CURLcode> &results)
{
    std::vector<std::future<CURLcode>> futures;

    for (auto &session : sessions)
        futures.push_back(std::async(std::launch::async, curl_easy_perform,
                                     session->easy));
    for (size_t i = 0; i < futures.size(); i++)
        results[i] = futures[i].get();
}

int main(int argc, char **argv)
{
    const std::string interface = argv[1];
    std::vector<std::unique_ptr<Session>> sessions;
    int failed = 0;

    curl_global_init(CURL_GLOBAL_DEFAULT);
    for (int i = 3; i + 1 < argc; i += 2) {
        if (sessions.empty() || interface != "easy")
            sessions.push_back(std::make_unique<Session>());
        sessions.back()->prepare(argv[2], argv[i], argv[i + 1]);
        if (interface == "easy")
            failed += !sessions[0]->tell(curl_easy_perform(sessions[0]->easy));
    }
    if (interface == "easy")
        return failed;
    std::vector<CURLcode> results(sessions.size(), CURLE_FAILED_INIT);
    if (interface == "multi")
        perform_multi(sessions, results);
    else
        perform_async(sessions, results);
    for (size_t i = 0; i < sessions.size(); i++)
        failed += !sessions[i]->tell(results[i]);
    return failed;
}
