// usage: curlpp INTERFACE URL (MODE FILE)...
#include <curlpp/Easy.hpp>
#include <curlpp/Exception.hpp>
#include <curlpp/Infos.hpp>
#include <curlpp/Multi.hpp>
#include <curlpp/Options.hpp>
#include <curlpp/cURLpp.hpp>

#include <fstream>
#include <iostream>
#include <iterator>
#include <sstream>
#include <string>

static void perform_multi(curlpp::Easy &easy)
{
    curlpp::Multi multi;
    int left = 1;

    multi.add(&easy);
    while (left) {
        fd_set read, write, except;
        int max = 0;
        struct timeval pause = {0, 20000};

        while (!multi.perform(&left))
            continue;
        FD_ZERO(&read);
        FD_ZERO(&write);
        FD_ZERO(&except);
        multi.fdset(&read, &write, &except, &max);
        if (left)
            select(max + 1, &read, &write, &except, &pause);
    }
    for (const auto &done : multi.info())
        std::cout << "code " << done.second.code << "\n";
    multi.remove(&easy);
}

static bool ask(bool multi, const char *url, const std::string &mode,
                const char *file)
{
    std::ifstream in(file);
    std::string body(std::istreambuf_iterator<char>(in), {});
    std::ostringstream answer;
    curlpp::Easy easy;
    bool good = true;

    easy.setOpt(curlpp::options::Url(url));
    easy.setOpt(
        curlpp::options::HttpHeader({"Content-Type: application/json"}));
    easy.setOpt(curlpp::options::PostFields(body));
    easy.setOpt(curlpp::options::PostFieldSize(static_cast<long>(body.size())));
    easy.setOpt(curlpp::options::WriteStream(&answer));
    if (mode == "timeout")
        easy.setOpt(curlpp::OptionTrait<long, CURLOPT_TIMEOUT_MS>(600));
    try {
        if (multi)
            perform_multi(easy);
        else
            easy.perform();
    } catch (const curlpp::LibcurlRuntimeError &error) {
        std::cout << error.whatCode() << "\n";
        good = false;
    }
    std::cout << mode << " " << curlpp::infos::ResponseCode::get(easy) << " "
              << answer.str() << "\n";
    return good;
}

int main(int argc, char **argv)
{
    curlpp::Cleanup cleanup;
    int failed = 0;

    for (int i = 3; i + 1 < argc; i += 2)
        failed += !ask(std::string(argv[1]) == "multi", argv[2], argv[i],
                       argv[i + 1]);
    return failed;
}
