/* Perl itself says where it is, as it says it in a warning: of the innermost
 * frame alone. The text goes into a scalar of ours, as another one may hold a
 * warning that is under way. */
#include "core/trace/script_frames.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "lib/base/hazard.h"

#define WEAK __attribute__((weak))

/* Perl's own, as a Perl with threads declares it, which alone has PL_thr_key;
 * NULL where the process is no Perl. */
extern void *Perl_newSVpvn(void *perl, const char *text, size_t len) WEAK;
extern void *Perl_mess_sv(void *perl, void *sv, bool consume) WEAK;
extern const char *Perl_sv_2pv_flags(void *perl, void *sv, size_t *len,
                                     uint32_t flags) WEAK;
extern void Perl_sv_free(void *perl, void *sv) WEAK;
extern const int PL_thr_key WEAK;

/* NULL in a thread that runs none. */
static void *find_perl(void)
{
    if (!Perl_newSVpvn || !Perl_mess_sv || !Perl_sv_2pv_flags ||
        !Perl_sv_free || !&PL_thr_key)
        return NULL;
    return pthread_getspecific((pthread_key_t)PL_thr_key);
}

/* Takes these words off the begin; false: others are there. */
static bool perl_skip(struct llmobs_text *text, const char *words)
{
    size_t len = strlen(words);

    if (text->len < len || memcmp(text->data, words, len) != 0)
        return false;
    text->data += len;
    text->len -= len;
    return true;
}

/* Reads " at FILE line N", behind which may stand more. A file with a blank in
 * its name is not told, as it may be any text. */
static void perl_read(struct llmobs_text text,
                      struct llmobs_script_frames *frames)
{
    struct llmobs_text file;
    uint32_t line = 0;

    if (!perl_skip(&text, " at "))
        return;
    file = (struct llmobs_text){text.data, 0};
    while (file.len < text.len && file.data[file.len] != ' ')
        file.len++;
    text.data += file.len;
    text.len -= file.len;
    if (!perl_skip(&text, " line "))
        return;
    for (;
         text.len > 0 && llmobs_is_digit(*text.data) && line < UINT32_MAX / 16;
         text.data++, text.len--)
        line = line * 10 + (uint32_t)(*text.data - '0');
    if (line > 0 && text.len > 0 && strchr("., ", *text.data) &&
        !llmobs_script_frames_is_library(file) &&
        llmobs_script_frames_keep(frames, LLMOBS_FRAMES_FILE, file))
        frames->line = line;
}

void llmobs_perl_frames_take(struct llmobs_script_frames *frames)
{
    void *perl = find_perl(), *own, *said;
    int saved = errno;
    const char *text;
    size_t len = 0;

    if (!perl)
        return;
    own = Perl_newSVpvn(perl, "", 0);
    said = Perl_mess_sv(perl, own, true);
    text = Perl_sv_2pv_flags(perl, said, &len, 0);
    if (text)
        perl_read((struct llmobs_text){text, len}, frames);
    Perl_sv_free(perl, own);
    errno = saved;
}
