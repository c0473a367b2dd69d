/* Perl itself says where it is, as in a warning. Perl writes the text to a
 * scalar of this library, because Perl's own scalar may hold an unfinished
 * warning. If Perl is in a library's file, the frames outside of that file are
 * read. */
#include "core/trace/script_frames.h"

#include <errno.h>
#include <string.h>

#include "core/config/perl_request.h"
#include "core/config/theirs.h"
#include "core/trace/probe.h"

/* Perl's own symbols, as a Perl with threads declares them; NULL if the process
 * is not Perl. */
extern void *Perl_newSVpvn(void *perl, const char *text, size_t len);
extern void *Perl_mess_sv(void *perl, void *sv, bool consume);
extern const char *Perl_sv_2pv_flags(void *perl, void *sv, size_t *len,
                                     uint32_t flags);
extern void Perl_sv_free(void *perl, void *sv);
extern const char *Perl_caller_cx(void *perl, int32_t level,
                                  const void **debugger);
extern void *Perl_pp_nextstate(void *perl);

/* In a frame: the statement that it was called from. */
#define CALLED_FROM 16

/* The head of a COP, as Perl 5.32 and 5.36 with threads have it. In another
 * form `run` would have another value. */
struct perl_statement {
    const void *next, *sibling;
    void *(*run)(void *perl);
    uint64_t target;
    uint32_t kind;
    uint32_t line;
    uint64_t package;
    const char *file;
};

/* Removes these words from the beginning; false: the text begins otherwise. */
static bool skip_words(struct llmobs_text *text, const char *words)
{
    size_t len = strlen(words);

    if (!llmobs_text_begins(*text, words))
        return false;
    text->data += len;
    text->len -= len;
    return true;
}

/* True for evaluated code and for a library: there the place outside of it
 * counts. */
static bool is_passed(struct llmobs_text file)
{
    return llmobs_text_begins(file, "(eval") ||
           llmobs_script_frames_is_library(file);
}

/* Adds the place; false where a place outside of it counts. */
static bool accept_place(struct llmobs_text file, uint32_t line,
                         struct llmobs_script_frames *frames)
{
    if (is_passed(file))
        return false;
    if (llmobs_script_frames_add(frames, LLMOBS_FRAMES_FILE, file))
        frames->line = line;
    return true;
}

/* Reads " at FILE line N", which more text may follow. A file with a blank in
 * its name is not read, as it may be any text. False where a place outside of
 * it counts. */
static bool read_warning(struct llmobs_text text,
                         struct llmobs_script_frames *frames)
{
    struct llmobs_text file;
    uint32_t line = 0;

    if (!skip_words(&text, " at "))
        return true;
    file = (struct llmobs_text){text.data, 0};
    while (file.len < text.len && file.data[file.len] != ' ')
        file.len++;
    text.data += file.len;
    text.len -= file.len;
    if (!skip_words(&text, " line "))
        return !is_passed(file);
    for (;
         text.len > 0 && llmobs_is_digit(*text.data) && line < UINT32_MAX / 16;
         text.data++, text.len--)
        line = line * 10 + (uint32_t)(*text.data - '0');
    return line == 0 || text.len == 0 || !strchr("., ", *text.data) ||
           accept_place(file, line, frames);
}

/* Goes outward to the first frame whose place counts. A statement is recognised
 * by the function that runs it. */
static void walk_perl(void *perl, struct llmobs_script_frames *frames)
{
    struct llmobs_probe probe = {.pages = {0}};

    for (int i = 0; i < LLMOBS_FRAMES_MAX; i++) {
        const char *frame = THEIR(Perl_caller_cx)(perl, i, NULL);
        const struct perl_statement *at;
        struct perl_statement statement;
        struct llmobs_text file;

        if (!frame ||
            !llmobs_probe_read(&probe, frame + CALLED_FROM, &at, sizeof(at)) ||
            !llmobs_probe_read(&probe, at, &statement, sizeof(statement)) ||
            statement.run != THEIR(Perl_pp_nextstate) ||
            !llmobs_probe_text(&probe, statement.file, LLMOBS_FRAMES_LONGEST,
                               &file) ||
            accept_place(file, statement.line, frames))
            return;
    }
}

void llmobs_perl_frames_read(struct llmobs_script_frames *frames)
{
    void *perl =
        THEIR(Perl_newSVpvn) && THEIR(Perl_mess_sv) &&
                THEIR(Perl_sv_2pv_flags) && THEIR(Perl_sv_free)
            ? llmobs_perl_interpreter() /* NULL: this thread has none */
            : NULL;
    void *own, *warning;
    bool found = true;
    int saved = errno;
    const char *text;
    size_t len = 0;

    if (!perl)
        return;
    own = THEIR(Perl_newSVpvn)(perl, "", 0);
    warning = THEIR(Perl_mess_sv)(perl, own, true);
    text = THEIR(Perl_sv_2pv_flags)(perl, warning, &len, 0);
    if (text)
        found = read_warning((struct llmobs_text){text, len}, frames);
    THEIR(Perl_sv_free)(perl, own);
    if (!found && THEIR(Perl_caller_cx) && THEIR(Perl_pp_nextstate) &&
        llmobs_probe_works())
        walk_perl(perl, frames);
    errno = saved;
}
