/* Finds the script in an interpreter's command line. */
#include "lib/base/script.h"

#include <string.h>

#include "lib/base/glob.h"
#include "lib/base/tls_auto.h"

#define NAME_MAX_LEN 64

/* An interpreter, and the letters of its options. Options stand in a word of
 * letters behind one '-'. */
struct interpreter {
    const char *programs; /* patterns (glob.h) */
    const char *language; /* NULL: of those that no call comes from */
    const char *code;     /* the value, or the next word, is a program */
    const char *file;     /* ... is the script, or the module to run */
    const char *takes;    /* ... is something else */
    const char *rest;   /* the rest of the word, if there is one, is a value */
    const char *number; /* digits that come next belong to the option */
    enum llmobs_script word; /* the first word that is no option */
};

#define FILE_ LLMOBS_SCRIPT_FILE
#define CODE LLMOBS_SCRIPT_CODE

static const struct interpreter interpreters[] = {
    {"sh,bash,dash,ash,ksh*,mksh,zsh,fish,rbash", NULL, "cs", "", "oO", "", "",
     FILE_},
    {"python*,pypy*", "python", "c", "m", "WX", "", "", FILE_},
    {"php,php[0-9]*,php-cgi*", "php", "rBRE", "fF", "cdzStg", "", "", FILE_},
    {"perl,perl[0-9]*", "perl", "eE", "", "I", "imMDdxFV", "lC0", FILE_},
    {"ruby,ruby[0-9]*", "ruby", "e", "", "rCEIS", "iFxK", "TW0", FILE_},
    {"lua*,texlua", "lua", "e", "", "l", "", "", FILE_},
    {"Rscript,littler", "r", "e", "", "", "", "", FILE_},
    {"R", "r", "e", "f", "g", "", "", FILE_},
    {"tclsh*,wish*,expect", "tcl", "c", "", "", "", "", FILE_},
    {"awk,gawk,mawk,nawk", NULL, "e", "fE", "Fv", "", "", CODE},
    {"emacs*", "elisp", "f", "l", "LuTd", "", "", FILE_},
    {"node,nodejs", "javascript", "ep", "", "rC", "", "", FILE_},
    {"julia", "julia", "e", "", "", "", "", FILE_},
    {"guile*", "guile", "ce", "", "", "", "", FILE_},
    {"racket,octave*,ocaml,groovy,elixir,escript", NULL, "ce", "", "", "", "",
     FILE_},
};

/* Runtimes of which no command line is read. */
static const struct {
    const char *programs;
    const char *language;
} runtimes[] = {
    {LLMOBS_AGENTS, "javascript"}, {"php-fpm*,lsphp*", "php"}, {"java", "java"},
    {"dotnet", "dotnet"},          {"beam.smp", "erlang"},
};

/* Long options whose next word is a program, or something else. */
static const char long_code[] =
    "--eval\0-eval\0--execute\0-execute\0--print\0--run\0--process-begin\0"
    "--process-code\0--process-end\0--command\0--init-command\0--source\0";
static const char long_takes[] =
    "--rcfile\0--init-file\0--php-ini\0--define\0--require\0--import\0"
    "--loader\0--env-file\0--encoding\0--check-hash-based-pycs\0--assign\0"
    "--field-separator\0";

/* Files from which an interpreter reads its program as from stdin. */
static const char streams[] = "/dev/fd/\0/dev/stdin\0/proc/\0";

#define TOOLS                                                                  \
    "timeout,xargs,env,nice,ionice,sudo,doas,runuser,setsid,nohup,find,flock," \
    "chrt,taskset,stdbuf,time,strace,ltrace,parallel,watch,make,gmake,"        \
    "unbuffer,chronic,catchsegv,tini,dumb-init,systemd-cat,eatmydata,unshare," \
    "chroot,setpriv,prlimit,faketime,fakeroot,gdb,valgrind*,llmobs*"

/* Programs and scripts that serve requests, or start the work of many users,
 * for as long as the host runs. The patterns also match the titles that such
 * programs give themselves, as "nginx: worker process". A file with the suffix
 * of a script, such as "cron.php", is somebody's own job and no server. */
#define SERVERS                                                                \
    "php-fpm*,php-cgi*,lsphp*,apache2,httpd,nginx,lighttpd,caddy,litespeed*,"  \
    "openlitespeed,frankenphp,unitd,fcgiwrap,spawn-fcgi,uwsgi*,gunicorn*,"     \
    "uvicorn*,hypercorn*,daphne,waitress*,celery*,flask,streamlit,jupyter*,"   \
    "ipykernel*,puma*,unicorn*,passenger*,Passenger*,rackup,sidekiq*,resque*," \
    "starman*,plackup,hypnotoad,morbo,postgres*,mysqld,mariadbd,cron,crond,"   \
    "anacron,atd,supercronic,supervisord,runsvdir,s6-*,systemd,init,sshd,"     \
    "tmux*,screen,SCREEN,watch,nodemon,pm2*,dockerd,containerd*,jenkins*"

/* The option of R that names its script; the name follows in the same word. */
static const char file_option[] = "--file=";

static struct llmobs_text next_word(struct llmobs_text *rest)
{
    size_t len = strnlen(rest->data, rest->len);
    struct llmobs_text word = {rest->data, len};

    len += len < rest->len;
    rest->data += len;
    rest->len -= len;
    return word;
}

static struct llmobs_text behind_slash(struct llmobs_text path)
{
    const char *slash = path.len ? memrchr(path.data, '/', path.len) : NULL;

    if (slash) {
        path.len -= (size_t)(slash + 1 - path.data);
        path.data = slash + 1;
    }
    return path;
}

/* The base name of a command line's first word, without the '-' of a shell that
 * was logged in to. */
static struct llmobs_text program_of(struct llmobs_text words)
{
    struct llmobs_text name = behind_slash(next_word(&words));

    if (name.len > 1 && name.data[0] == '-') {
        name.data++;
        name.len--;
    }
    return name;
}

/* True where one of these patterns (glob.h) fits all of the name. */
static bool is_listed(const char *patterns, struct llmobs_text name)
{
    char text[NAME_MAX_LEN];

    if (name.len == 0 || name.len >= sizeof(text))
        return false;
    memcpy(text, name.data, name.len);
    text[name.len] = '\0';
    return llmobs_glob_listed(patterns, text);
}

bool llmobs_script_is_of(struct llmobs_text words, const char *patterns)
{
    return is_listed(patterns, program_of(words));
}

/* The suffixes of scripts. Only these are cut: a dot may also be part of a
 * module's name, as in pkg.mod. */
static const char suffixes[] = "sh,bash,zsh,ksh,fish,py,pyc,pyw,php,phar,phtml,"
                               "pl,pm,psgi,cgi,rb,ru,lua,R,r,tcl,awk,el,js,mjs,"
                               "cjs,ts,scm,jl,ml,exs";

struct llmobs_text llmobs_script_base(struct llmobs_text path)
{
    struct llmobs_text name = behind_slash(path);
    const char *dot = name.len ? memrchr(name.data, '.', name.len) : NULL;
    struct llmobs_text suffix;

    if (!dot || dot == name.data)
        return name;
    suffix =
        (struct llmobs_text){dot + 1, name.len - (size_t)(dot + 1 - name.data)};
    if (is_listed(suffixes, suffix))
        name.len = (size_t)(dot - name.data);
    return name;
}

static bool has(const char *letters, char c)
{
    return c && strchr(letters, c);
}

/* The end of a number at `at`; Perl's "-C" has letters for one, too. */
static size_t skip_number(struct llmobs_text word, size_t at)
{
    const char *digits =
        word.data[at - 1] == 'C' ? "0123456789IOEioADSLa" : "0123456789";

    while (at < word.len && has(digits, word.data[at]))
        at++;
    return at;
}

/* True where the word, an option, decides, and sets *kind and *out. `rest`: the
 * words behind this word; an option may take the next one as its value. */
static bool read_option(const struct interpreter *one, struct llmobs_text word,
                        struct llmobs_text *rest, enum llmobs_script *kind,
                        struct llmobs_text *out)
{
    size_t lead = sizeof(file_option) - 1;

    if (word.len > lead && llmobs_text_begins(word, file_option)) {
        *kind = LLMOBS_SCRIPT_FILE;
        *out = (struct llmobs_text){word.data + lead, word.len - lead};
        return true;
    }
    if (llmobs_text_among(word, long_code)) {
        *kind = LLMOBS_SCRIPT_CODE;
        *out = next_word(rest);
        return true;
    }
    if (llmobs_text_among(word, long_takes))
        (void)next_word(rest);
    if (word.data[1] == '-')
        return false;
    /* A word "-abc" of several options, one of which may name the program. */
    for (size_t i = 1; i < word.len; i++) {
        char c = word.data[i];
        bool code = has(one->code, c);
        bool file = has(one->file, c);

        if (has(one->rest, c) || c == ':')
            return false;
        if (has(one->number, c))
            i = skip_number(word, i + 1) - 1;
        if (!code && !file && !has(one->takes, c))
            continue;
        *out = i + 1 < word.len
                   ? (struct llmobs_text){word.data + i + 1, word.len - i - 1}
                   : next_word(rest);
        *kind = code ? LLMOBS_SCRIPT_CODE : LLMOBS_SCRIPT_FILE;
        return code || file;
    }
    return false;
}

static enum llmobs_script read_words(const struct interpreter *one,
                                     struct llmobs_text rest,
                                     struct llmobs_text *out)
{
    enum llmobs_script kind = LLMOBS_SCRIPT_OTHER;
    bool options = true;

    while (rest.len > 0) {
        struct llmobs_text word = next_word(&rest);

        if (options && llmobs_text_is(word, "--")) {
            options = false;
        } else if (options && word.len > 1 &&
                   (word.data[0] == '-' || word.data[0] == '+')) {
            if (read_option(one, word, &rest, &kind, out))
                return out->len ? kind : LLMOBS_SCRIPT_OTHER;
        } else if (word.len > 0 && !llmobs_text_is(word, "-")) {
            *out = word;
            return one->word;
        } else {
            break;
        }
    }
    return LLMOBS_SCRIPT_OTHER;
}

bool llmobs_script_serves(struct llmobs_text words, enum llmobs_script kind,
                          struct llmobs_text script)
{
    struct llmobs_text title = words;
    size_t len = 0;

    script = behind_slash(script);
    if (kind == LLMOBS_SCRIPT_FILE &&
        llmobs_script_base(script).len == script.len &&
        is_listed(SERVERS, script))
        return true;
    while (len < title.len && !strchr(" :", title.data[len]))
        len++; /* also ends at a NUL, which strchr finds */
    title.len = len;
    if (is_listed(SERVERS, program_of(title)))
        return true;
    /* "php -S" is PHP's own server. */
    if (!is_listed("php,php[0-9]*", program_of(words)))
        return false;
    while (words.len > 0)
        if (llmobs_text_begins(next_word(&words), "-S"))
            return true;
    return false;
}

enum llmobs_script llmobs_script_read(struct llmobs_text words,
                                      struct llmobs_text *out)
{
    struct llmobs_text program = program_of(words);

    *out = (struct llmobs_text){"", 0};
    (void)next_word(&words);
    if (is_listed(TOOLS, program))
        return LLMOBS_SCRIPT_TOOL;
    for (size_t i = 0; i < sizeof(interpreters) / sizeof(*interpreters); i++)
        if (is_listed(interpreters[i].programs, program)) {
            enum llmobs_script kind = read_words(&interpreters[i], words, out);

            LLMOBS_WORDS_EACH (stream, streams)
                if (kind == LLMOBS_SCRIPT_FILE &&
                    llmobs_text_begins(*out, stream))
                    kind = LLMOBS_SCRIPT_OTHER;
            if (kind == LLMOBS_SCRIPT_OTHER)
                *out = (struct llmobs_text){"", 0};
            return kind;
        }
    return LLMOBS_SCRIPT_OTHER;
}

const char *llmobs_script_language(const char *program)
{
    const struct llmobs_text name = behind_slash(llmobs_text_of(program));

    for (size_t i = 0; i < sizeof(interpreters) / sizeof(*interpreters); i++)
        if (is_listed(interpreters[i].programs, name))
            return interpreters[i].language;
    for (size_t i = 0; i < sizeof(runtimes) / sizeof(*runtimes); i++)
        if (is_listed(runtimes[i].programs, name))
            return runtimes[i].language;
    return NULL;
}

bool llmobs_script_cut_home(struct llmobs_text *path, const char *home)
{
    size_t len = home ? strlen(home) : 0;

    while (len > 0 && home[len - 1] == '/')
        len--;
    if (len == 0 || len >= path->len || path->data[len] != '/' ||
        memcmp(path->data, home, len) != 0)
        len = 0;
    if (len == 0 && llmobs_text_begins(*path, "/root/"))
        len = strlen("/root");
    if (len == 0 && llmobs_text_begins(*path, "/home/"))
        for (len = strlen("/home/");
             len < path->len &&
             (path->data[len] != '/' || path->data[len - 1] == '/');)
            len++;
    if (len == 0 || len >= path->len || path->data[len] != '/')
        return false;
    path->data += len;
    path->len -= len;
    return true;
}
