/* theirs - functions and variables of the interpreter that the program is.
 *
 * They are found once, and only where one name of the language is there: for a
 * name that no object has, the loader looks at all objects of the program.
 *
 * Threads: any, after llmobs_theirs_find.
 * Errors:  what no object defines is NULL.
 */
#ifndef LLMOBS_THEIRS_H
#define LLMOBS_THEIRS_H

/* X(name): the names of each language. */
#define LLMOBS_THEIRS_PHP(X)         \
    X(zend_get_executed_filename_ex) \
    X(zend_get_executed_lineno)      \
    X(get_zend_version)              \
    X(executor_globals)              \
    X(executor_globals_offset)       \
    X(tsrm_get_ls_cache)             \
    X(sapi_module)                   \
    X(sapi_globals)                  \
    X(php_version_id)                \
    X(zend_mm_get_heap)              \
    X(zend_mm_get_custom_handlers)   \
    X(zend_mm_set_custom_handlers)   \
    X(_zend_new_array)               \
    X(zend_array_destroy) X(zend_hash_str_find) X(zend_string_init_interned)
#define LLMOBS_THEIRS_RUBY(X)         \
    X(rb_profile_frames)              \
    X(rb_profile_frame_path)          \
    X(rb_profile_frame_absolute_path) \
    X(rb_profile_frame_base_label)    \
    X(rb_string_value_ptr) X(ruby_native_thread_p) X(ruby_thread_has_gvl_p)
#define LLMOBS_THEIRS_PERL(X) \
    X(Perl_newSVpvn)          \
    X(Perl_mess_sv)           \
    X(Perl_sv_2pv_flags)      \
    X(Perl_sv_free)           \
    X(Perl_caller_cx)         \
    X(Perl_pp_nextstate) X(Perl_get_sv) X(PL_thr_key) X(PL_perlio_fd_refcnt)
#define LLMOBS_THEIRS_PYTHON(X)      \
    X(Py_Version)                    \
    X(Py_GetVersion)                 \
    X(Py_IsInitialized)              \
    X(PyGILState_GetThisThreadState) \
    X(PyInterpreterState_Head)       \
    X(PyInterpreterState_Main)       \
    X(Py_IsFinalizing)               \
    X(_Py_IsFinalizing)              \
    X(PyUnicode_Type)                \
    X(PyBytes_Type) X(PyCode_Type) X(PyCode_Addr2Line) X(_PyRuntime)

enum {
#define X(name) LLMOBS_THEIR_##name,
    LLMOBS_THEIRS_PHP(X) LLMOBS_THEIRS_RUBY(X) LLMOBS_THEIRS_PERL(X)
        LLMOBS_THEIRS_PYTHON(X)
#undef X
            LLMOBS_THEIR_COUNT
};

extern void *llmobs_theirs[LLMOBS_THEIR_COUNT];

/* The function or variable, which must be declared. */
#define THEIR(name) (*(__typeof__(name) *)llmobs_theirs[LLMOBS_THEIR_##name])

/* Finds all, before another thread uses any. `find`: gives NULL for what no
 * object defines. */
void llmobs_theirs_find(void *(*find)(const char *name));

#endif
