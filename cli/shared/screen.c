/* Knows width, colours and characters of a terminal, and writes to it. */
#include "cli/shared/screen.h"

#include <langinfo.h>
#include <locale.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/shared/escape.h"

#define COLUMNS_DEFAULT 80
#define COLUMNS_MAX 1000

static const char *const paints[] = {
    [LLMOBS_PAINT_NONE] = "",          [LLMOBS_PAINT_DIM] = "\033[2m",
    [LLMOBS_PAINT_BOLD] = "\033[1m",   [LLMOBS_PAINT_RED] = "\033[31m",
    [LLMOBS_PAINT_GREEN] = "\033[32m", [LLMOBS_PAINT_YELLOW] = "\033[33m",
    [LLMOBS_PAINT_BLUE] = "\033[34m",  [LLMOBS_PAINT_MAGENTA] = "\033[35m",
    [LLMOBS_PAINT_CYAN] = "\033[36m",
};

/* -- the environment ------------------------------------------------------ */

/* True where the variable has a value. */
static bool is_set(const char *name)
{
    const char *value = getenv(name);

    return value && *value != '\0';
}

void llmobs_screen_init(struct llmobs_screen *screen,
                        enum llmobs_screen_when colour)
{
    const char *force = getenv("CLICOLOR_FORCE"), *term = getenv("TERM");
    const char *text = getenv("COLUMNS");
    locale_t user;
    struct winsize size = {0};
    unsigned long columns = 0;
    static locale_t utf8;

    memset(screen, 0, sizeof(*screen));
    screen->terminal = isatty(STDOUT_FILENO) != 0;
    screen->colour =
        colour == LLMOBS_SCREEN_ALWAYS ||
        (colour == LLMOBS_SCREEN_AUTO && !is_set("NO_COLOR") &&
         ((is_set("CLICOLOR_FORCE") && strcmp(force, "0") != 0) ||
          (screen->terminal && is_set("TERM") && strcmp(term, "dumb") != 0)));
    if (!screen->terminal)
        return;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)
        columns = size.ws_col;
    if (columns == 0 && text)
        columns = strtoul(text, NULL, 10);
    screen->lines = size.ws_row;
    screen->columns =
        columns > 0 && columns <= COLUMNS_MAX ? columns : COLUMNS_DEFAULT;
    /* The coding of the user's locale, asked without a change of this process.
     */
    user = newlocale(LC_CTYPE_MASK, "", (locale_t)0);
    screen->ascii = user == (locale_t)0 ||
                    strcmp(nl_langinfo_l(CODESET, user), "UTF-8") != 0;
    if (user != (locale_t)0)
        freelocale(user);
    /* Sets a UTF-8 locale, in which wcwidth knows the widths of all characters:
     * the store's texts are UTF-8, whatever the user's locale is. */
    if (utf8 == (locale_t)0)
        utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    if (utf8 != (locale_t)0)
        uselocale(utf8);
}

/* -- writing -------------------------------------------------------------- */

void llmobs_screen_put(const struct llmobs_screen *screen,
                       struct llmobs_text text)
{
    static const struct {
        char utf8[4];
        char ascii;
    } drawn[] = {{"│", '|'}, {"├", '|'}, {"└", '`'}, {"─", '-'},
                 {"…", '~'}, {"–", '-'}, {"µ", 'u'}, {"·", '|'}};
    const char *end = text.data + text.len;

    if (!screen->ascii)
        fwrite(text.data, 1, text.len, stdout);
    for (const char *at = text.data; screen->ascii && at < end;) {
        size_t used = 1;
        char c = *at;

        for (size_t i = 0; i < sizeof(drawn) / sizeof(*drawn) && c & 0x80; i++)
            if (strlen(drawn[i].utf8) <= (size_t)(end - at) &&
                memcmp(at, drawn[i].utf8, strlen(drawn[i].utf8)) == 0) {
                used = strlen(drawn[i].utf8);
                c = drawn[i].ascii;
            }
        putchar(c);
        at += used;
    }
}

void llmobs_screen_puts(const struct llmobs_screen *screen, const char *text)
{
    llmobs_screen_put(screen, llmobs_text_of(text));
}

void llmobs_screen_painted(const struct llmobs_screen *screen,
                           enum llmobs_paint paint, const char *text)
{
    llmobs_screen_paint(screen, paint);
    llmobs_screen_puts(screen, text);
    llmobs_screen_unpaint(screen, paint);
}

void llmobs_screen_paint(const struct llmobs_screen *screen,
                         enum llmobs_paint paint)
{
    if (screen->colour && paint != LLMOBS_PAINT_NONE)
        fputs(paints[paint], stdout);
}

void llmobs_screen_unpaint(const struct llmobs_screen *screen,
                           enum llmobs_paint paint)
{
    if (screen->colour && paint != LLMOBS_PAINT_NONE)
        fputs("\033[0m", stdout);
}

void llmobs_screen_pad(size_t count)
{
    static const char blanks[] = "                                ";

    for (; count > sizeof(blanks) - 1; count -= sizeof(blanks) - 1)
        fwrite(blanks, 1, sizeof(blanks) - 1, stdout);
    fwrite(blanks, 1, count, stdout);
}

int llmobs_screen_cell(const char *text, size_t most, size_t width)
{
    struct llmobs_buf cell;
    const char *shown;
    int rc;

    llmobs_buf_init(&cell, SIZE_MAX / 2);
    rc = llmobs_escape_adds(&cell, text, most);
    if (rc == 0) {
        shown = cell.len > 0 ? cell.data : "";
        fputs(shown, stdout);
        if (llmobs_escape_width(shown) < width)
            llmobs_screen_pad(width - llmobs_escape_width(shown));
    }
    llmobs_buf_fini(&cell);
    return rc;
}
