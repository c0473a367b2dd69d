/* unhandled URL BODY: makes a call and ends by the kernel's call alone, without
 * handlers of an exit. Built as AS_GO it has the note that Go's linker writes,
 * as AS_BUN the version of Bun's symbols. */
#include <curl/curl.h>
#include <unistd.h>

#ifdef AS_GO
__asm__(".pushsection .note.go.buildid, \"a\", @note\n"
        ".balign 4\n"
        ".long 4, 4, 4\n"
        ".asciz \"Go\"\n.balign 4\n"
        ".asciz \"id1\"\n"
        ".popsection\n");
#endif

void exported(void);
void exported(void)
{
}

int main(int argc, char **argv)
{
    CURL *curl = curl_easy_init();
    struct curl_slist *type =
        curl_slist_append(NULL, "Content-Type: application/json");

    if (argc < 3 || !curl)
        return 2;
    curl_easy_setopt(curl, CURLOPT_URL, argv[1]);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, type);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, argv[2]);
    _exit(curl_easy_perform(curl) == CURLE_OK ? 0 : 1);
}
