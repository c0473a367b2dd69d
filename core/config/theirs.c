/* Looks up symbols of the interpreter in this process. */
#include "core/config/theirs.h"

#define WEAK __attribute__((weak))

extern const char get_zend_version[] WEAK, ruby_native_thread_p[] WEAK,
    Perl_get_sv[] WEAK, Py_IsInitialized[] WEAK;

void *llmobs_theirs[LLMOBS_THEIR_COUNT];

#define FIND(name) llmobs_theirs[LLMOBS_THEIR_##name] = find(#name);

void llmobs_theirs_find(void *(*find)(const char *name))
{
    if (get_zend_version) {
        LLMOBS_THEIRS_PHP(FIND)
    }
    if (ruby_native_thread_p) {
        LLMOBS_THEIRS_RUBY(FIND)
    }
    if (Perl_get_sv) {
        LLMOBS_THEIRS_PERL(FIND)
    }
    if (Py_IsInitialized) {
        LLMOBS_THEIRS_PYTHON(FIND)
    }
}
