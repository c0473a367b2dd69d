#include "core/trace/script_frames.h"

#include <string.h>

void llmobs_script_frames_clear(struct llmobs_script_frames *frames)
{
    frames->line = 0;
    frames->used = 0;
    memset(frames->members, 0, sizeof(frames->members));
}

void llmobs_script_frames_take(struct llmobs_script_frames *frames)
{
    static void (*const takers[])(struct llmobs_script_frames *) = {
        llmobs_php_frames_take, llmobs_python_frames_take,
        llmobs_ruby_frames_take, llmobs_perl_frames_take};

    llmobs_script_frames_clear(frames);
    for (size_t i = 0; i < sizeof(takers) / sizeof(*takers) && !frames->used;
         i++)
        takers[i](frames);
}

bool llmobs_script_frames_keep(struct llmobs_script_frames *frames,
                               enum llmobs_frames_member member,
                               struct llmobs_text text)
{
    if (frames->members[member].len == 0)
        frames->members[member].at = frames->used;
    if (text.len + frames->used > LLMOBS_FRAMES_TEXT) {
        frames->used = frames->members[member].at;
        frames->members[member].len = 0;
        return false;
    }
    memcpy(frames->text + frames->used, text.data, text.len);
    frames->used = (uint16_t)(frames->used + text.len);
    frames->members[member].len =
        (uint16_t)(frames->members[member].len + text.len);
    return true;
}

bool llmobs_script_frames_is_library(struct llmobs_text file)
{
    static const char folders[] =
        "/vendor/\0/wp-includes/\0/site-packages/\0/dist-packages/\0/gems/\0"
        "/rubygems-integration/\0/lib/ruby/\0/lib/python3\0/usr/share/php/\0"
        "/usr/share/perl\0/perl5/\0/node_modules/\0"
        /* MediaWiki's own clients, whose other code is the site's */
        "/includes/http/GuzzleHttpRequest.php\0"
        "/includes/http/HttpRequestFactory.php\0/includes/libs/http/\0";

    LLMOBS_WORDS_EACH (folder, folders) {
        if (memmem(file.data, file.len, folder, strlen(folder)))
            return true;
    }
    return false;
}
