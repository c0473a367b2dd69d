/* usage: foundation INTERFACE URL (MODE FILE)...
 *
 * Has a library that it is linked with make the calls, in a thread that is not
 * the first, as a Swift program does: its FoundationNetworking drives a multi
 * by multi_socket on a dispatch queue (swiftlang/swift-corelibs-foundation,
 * Sources/FoundationNetworking/URLSession/libcurl/MultiHandle.swift). */
#include <pthread.h>
#include <stdio.h>

int ask(const char *interface, const char *url, const char *mode,
        const char *file);

struct calls {
    char **argv;
    int argc, failed;
};

static void *run(void *to)
{
    struct calls *calls = to;

    for (int i = 3; i + 1 < calls->argc; i += 2)
        calls->failed += ask(calls->argv[1], calls->argv[2], calls->argv[i],
                             calls->argv[i + 1]);
    return NULL;
}

int main(int argc, char **argv)
{
    struct calls calls = {argv, argc, 0};
    pthread_t queue;

    if (pthread_create(&queue, NULL, run, &calls) != 0)
        return 100;
    pthread_join(queue, NULL);
    return calls.failed;
}
