/* Looks through commands that run another, such as env and timeout. */
#include "cli/doctor/doctor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/glob.h"

#define ABOUT "program"
#define LIST "LD_PRELOAD"
#define ALL 99
#define CLEARING_ALONE '\1' /* no letter does, a long option does */

enum {
    CLEARS = 1,  /* the command gets an environment of the runner's choice */
    ASSIGNS = 2, /* words such as A=1 before the command set variables */
    SHELL = 4,   /* with -c a shell gets a text */
    WORD = 8,    /* a word of the shell's: there need be no such file */
    OURS = 16    /* the library is preloaded from here on */
};

/* A word behind any other option is its value if no command has that name. */
static const struct runner {
    const char *names;
    const char *letters; /* options whose value is the next word */
    char clearing;       /* the option with which it CLEARS */
    int operands;        /* words between options and command; ALL: it has no
                          * command, or only in a text */
    int does;
} runners[] = {
    {"env", "uCS", 'i', 0, ASSIGNS},
    {"nice,nohup,setsid,stdbuf,xargs,ionice,numactl,strace,ltrace,watch,"
     "unshare,fakeroot,valgrind,eatmydata,chronic,dbus-run-session,"
     "proxychains*,torsocks,tsocks,tini,dumb-init,catatonit",
     "aeo", 0, 0, 0},
    {"time,exec,command", "afo", 0, 0, WORD},
    {"setpriv", "", CLEARING_ALONE, 0, 0},
    {"timeout,chrt", "ksTPD", 0, 1, 0},
    {"taskset,gosu,su-exec,setuidgid,envdir", "", 0, 1, 0},
    {"flock", "wE", 0, 1, SHELL},
    {"sudo", "CDghpRrTtUu", 0, 0, CLEARS | ASSIGNS},
    {"doas,pkexec,systemd-run", "uCEGMp", 0, 0, CLEARS},
    {"su,runuser,script,chroot", "", 'l', ALL, 0},
    {"llmobs-run,llmobs-entrypoint", "", 0, 0, OURS},
    {"llmobs", "", 0, 1, OURS}, /* llmobs run */
};

/* Options with a value behind them that may be taken for a command. */
#define LONG "--unit,--uid,--unset,--group,--signal,--kill-after"

static const struct runner *find_runner(const char *word)
{
    for (size_t i = 0; i < sizeof(runners) / sizeof(*runners); i++)
        if (llmobs_glob_listed(runners[i].names, llmobs_program_base(word)))
            return &runners[i];
    return NULL;
}

/* One runner, and what its words say. */
struct reading {
    const struct runner *runner;
    char **at;   /* the command behind it; *at is NULL where there is none */
    bool clears; /* the command gets another environment */
    int library; /* 1: LD_PRELOAD has it from here on, -1: it is taken away */
};

static void find_command(struct reading *reading)
{
    const struct runner *runner = reading->runner;
    static struct llmobs_program found;
    bool options = true, after_option = false;
    int left = runner->operands;
    char *word;

    while ((word = *++reading->at)) {
        bool option = options && *word == '-',
             letters = option && word[1] != '-';

        if (runner->does & SHELL && strcmp(word, "-c") == 0)
            word = NULL;
        if (!word)
            break;
        if (option) {
            if (runner->clearing &&
                (strcmp(word, "-") == 0 || strcmp(word, "--login") == 0 ||
                 strcmp(word, "--reset-env") == 0 ||
                 strcmp(word, "--ignore-environment") == 0 ||
                 (letters && strchr(word, runner->clearing))))
                reading->clears = true;
            if (strcmp(word, "--scope") == 0) /* of systemd-run */
                reading->clears = false;
            if (reading->at[1] &&
                (letters ? word[1] &&
                               strchr(runner->letters, word[strlen(word) - 1])
                         : llmobs_glob_listed(LONG, word)))
                reading->at++;
        } else if (!(runner->does & ASSIGNS && strchr(word, '=')) &&
                   left-- <= 0 &&
                   (!after_option || (llmobs_program_find(&found, word) == 0 &&
                                      access(found.path, X_OK) == 0)))
            break;
        options &= strcmp(word, "--") != 0;
        after_option = option && options && !strchr(word, '=');
    }
    if (!word || (strpbrk(word, " \t") && access(word, F_OK) != 0))
        reading->at = NULL;
}

/* Gives this process the environment that the command gets. Its variables stand
 * before the command. */
static void change_environment(struct reading *reading, char **words)
{
    const struct runner *runner = reading->runner;
    static char *kept[3];
    size_t count = 0;

    for (char **at = environ; reading->clears && *at; at++)
        if (strncmp(*at, "LLMOBS_BUILD=", 13) == 0 ||
            (!runner->clearing && strncmp(*at, "PATH=", 5) == 0))
            kept[count++ % 2] = *at; /* without a PATH env looks as execvp */
    if (reading->clears)
        environ = kept;
    reading->library = reading->clears ? -1 : (runner->does & OURS) / OURS;
    while (runner->does & ASSIGNS && *++words && words != reading->at) {
        const char *list = strstr(*words, LIST);

        if (**words != '-' && strchr(*words, '='))
            (void)putenv(*words);
        if (!list || (list[strlen(LIST)] && list != *words))
            continue;
        if (list[strlen(LIST)] == '\0') /* env -u */
            (void)unsetenv(LIST);
        reading->library = strstr(*words, LLMOBS_DOCTOR_SHIM) ? 1 : -1;
    }
}

char **llmobs_doctor_look_through(struct llmobs_doctor *doctor, char **words)
{
    struct reading reading = {.at = words};

    for (; *words; words = reading.at) {
        const struct runner *runner = find_runner(*words);
        const char *name = llmobs_program_base(*words);

        if (strcmp(name, "busybox") == 0 && words[1] && find_runner(words[1]))
            runner = find_runner(*++words);
        if (!runner || (llmobs_program_find(&doctor->program, *words) != 0 &&
                        !(runner->does & WORD)))
            break;
        reading = (struct reading){runner, words, runner->does & CLEARS, 0};
        find_command(&reading);
        change_environment(&reading, words);
        if (reading.library != 0)
            snprintf(doctor->dropper, sizeof(doctor->dropper), "%s",
                     reading.library < 0 ? name : "");
        doctor->hands_on = !reading.at;
        if (!reading.at)
            return words;
        LLMOBS_FIND(NOTE, ABOUT, "%s runs %s", name,
                    llmobs_program_base(*reading.at));
    }
    return words;
}
