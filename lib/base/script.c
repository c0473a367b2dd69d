#include "lib/base/script.h"

#include <string.h>

#include "lib/base/glob.h"

#define NAME_MAX_LEN 64

/* Letters of options, in a word of letters behind one '-'. */
struct interpreter {
    const char *programs; /* patterns (glob.h) */
    const char *code;     /* the value, or the next word, is a program; '-': the
                           * first word that is no option, too */
    const char *file;     /* ... is the script */
    const char *module;   /* ... is the module to run */
    const char *takes;    /* ... is something else */
    const char *rest; /* the rest of the word, if there is one, is a value */
};

static const struct interpreter interpreters[] = {
    {"sh,bash,dash,ash,ksh*,mksh,zsh,fish,rbash", "cs", "", "", "oO", ""},
    {"python*,pypy*", "c", "", "m", "WX", ""},
    {"php,php[0-9]*,php-cgi*", "rBRE", "fF", "", "cdzStg", ""},
    {"perl,perl[0-9]*", "eE", "", "", "", "iIlmMCdDx0FV"},
    {"ruby,ruby[0-9]*", "e", "", "", "rCEIS", "iFTWxK0"},
    {"lua*,texlua", "e", "", "", "l", ""},
    {"Rscript,littler", "e", "", "", "", ""},
    {"R", "e", "f", "", "g", ""},
    {"tclsh*,wish*,expect", "c", "", "", "", ""},
    {"awk,gawk,mawk,nawk", "-e", "fE", "", "Fvil", ""},
    {"emacs*", "f", "l", "", "LuTd", ""},
    {"node,nodejs,bun,deno", "ep", "", "", "rC", ""},
    {"guile*,racket,octave*,julia,ocaml,groovy,elixir,escript", "ce", "", "",
     "", ""},
};

#define TOOLS                                                                  \
    "timeout,xargs,env,nice,ionice,sudo,doas,runuser,setsid,nohup,find,flock," \
    "chrt,taskset,stdbuf,time,strace,ltrace,parallel,watch,make,gmake,"        \
    "unbuffer,chronic,catchsegv,tini,dumb-init,systemd-cat,eatmydata,unshare," \
    "chroot,setpriv,prlimit,faketime,fakeroot,gdb,valgrind*,llmobs*"

/* The word of an option that names the script behind its '='. */
static const char file_option[] = "--file=";

/* Long options: the next word is a program; and it is something else. */
static const char code_options[] =
    "--eval\0--exec\0--execute\0--expression\0--command\0--print\0--run\0"
    "--source\0--process-begin\0--process-code\0--process-end\0";
static const char other_options[] =
    "--rcfile\0--init-file\0--require\0--import\0--define\0--assign\0"
    "--field-separator\0";

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

struct llmobs_text llmobs_script_program(struct llmobs_text words)
{
    struct llmobs_text name = behind_slash(next_word(&words));

    if (name.len > 1 && name.data[0] == '-') {
        name.data++;
        name.len--;
    }
    return name;
}

/* A module such as pkg.mod has a dot of its own. */
static const char suffixes[] = "sh,bash,zsh,ksh,fish,py,pyc,pyw,php,phar,phtml,"
                               "pl,pm,psgi,cgi,rb,ru,lua,R,r,tcl,awk,el,js,mjs,"
                               "cjs,ts,scm,jl,ml,exs";

struct llmobs_text llmobs_script_base(struct llmobs_text path)
{
    struct llmobs_text name = behind_slash(path);
    const char *dot = name.len ? memrchr(name.data, '.', name.len) : NULL;
    size_t len = dot ? name.len - (size_t)(dot + 1 - name.data) : 0;
    char suffix[8];

    if (!dot || dot == name.data || len >= sizeof(suffix))
        return name;
    memcpy(suffix, dot + 1, len);
    suffix[len] = '\0';
    if (llmobs_glob_listed(suffixes, suffix))
        name.len = (size_t)(dot - name.data);
    return name;
}

static bool has(const char *letters, char c)
{
    return c && strchr(letters, c);
}

/* A word "-abc"; *rest: the words behind it. True where it decides. */
static bool read_letters(const struct interpreter *one, struct llmobs_text word,
                         struct llmobs_text *rest, enum llmobs_script *kind,
                         struct llmobs_text *out)
{
    for (size_t i = 1; i < word.len; i++) {
        char c = word.data[i];
        bool code = has(one->code, c);
        bool file = has(one->file, c) || has(one->module, c);

        if (has(one->rest, c))
            return false;
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

static bool is_one_of(struct llmobs_text word, const char *list)
{
    LLMOBS_WORDS_EACH (one, list)
        if (llmobs_text_is(word, one))
            return true;
    return false;
}

/* True where the word, which begins with "--", decides. */
static bool read_long(struct llmobs_text word, struct llmobs_text *rest,
                      enum llmobs_script *kind, struct llmobs_text *out)
{
    size_t len = sizeof(file_option) - 1;

    if (word.len > len && memcmp(word.data, file_option, len) == 0) {
        *kind = LLMOBS_SCRIPT_FILE;
        *out = (struct llmobs_text){word.data + len, word.len - len};
        return true;
    }
    *kind = LLMOBS_SCRIPT_CODE;
    if (is_one_of(word, code_options)) {
        *out = next_word(rest);
        return true;
    }
    if (is_one_of(word, other_options))
        (void)next_word(rest);
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
            if (word.data[1] == '-'
                    ? read_long(word, &rest, &kind, out)
                    : read_letters(one, word, &rest, &kind, out))
                return out->len ? kind : LLMOBS_SCRIPT_OTHER;
        } else if (word.len > 0 && !llmobs_text_is(word, "-")) {
            *out = word;
            return has(one->code, '-') ? LLMOBS_SCRIPT_CODE
                                       : LLMOBS_SCRIPT_FILE;
        } else {
            break;
        }
    }
    *out = (struct llmobs_text){"", 0};
    return LLMOBS_SCRIPT_OTHER;
}

enum llmobs_script llmobs_script_read(struct llmobs_text words,
                                      struct llmobs_text *out)
{
    struct llmobs_text program = llmobs_script_program(words);
    char name[NAME_MAX_LEN];

    *out = (struct llmobs_text){"", 0};
    if (program.len == 0 || program.len >= sizeof(name))
        return LLMOBS_SCRIPT_OTHER;
    memcpy(name, program.data, program.len);
    name[program.len] = '\0';
    (void)next_word(&words);
    if (llmobs_glob_listed(TOOLS, name))
        return LLMOBS_SCRIPT_TOOL;
    for (size_t i = 0; i < sizeof(interpreters) / sizeof(*interpreters); i++)
        if (llmobs_glob_listed(interpreters[i].programs, name))
            return read_words(&interpreters[i], words, out);
    return LLMOBS_SCRIPT_OTHER;
}
