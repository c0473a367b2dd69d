/* thunk_set - the thunks of copy number COPY; included once for each copy by
 * thunks.c, hence without a guard.
 *
 * Threads: any.
 * Errors:  those of the real function.
 *
 * BEGIN() loads the core if it is not loaded yet. READY() does not: a core that
 * has not seen things begin does not need the calls that end them.
 */

#define NAME_2(name, copy) name##_##copy
#define NAME_1(name, copy) NAME_2(name, copy)
#define NAME(name) NAME_1(name, COPY)
#define REAL (&llmobs_copies[COPY].real)
#define BEGIN() llmobs_load_begin(&llmobs_copies[COPY])
#define READY() llmobs_load_ready(&llmobs_copies[COPY])
#define THUNK(how, result, name, parameters, ...)                              \
    static result NAME(name) parameters                                        \
    {                                                                          \
        const struct llmobs_ops *ops = how();                                  \
                                                                               \
        return ops ? ops->name(REAL, ##__VA_ARGS__) : REAL->name(__VA_ARGS__); \
    }

THUNK(BEGIN, CURLcode, global_init, (long flags), flags)
THUNK(BEGIN, CURLcode, global_init_mem,
      (long flags, curl_malloc_callback m, curl_free_callback f,
       curl_realloc_callback r, curl_strdup_callback s, curl_calloc_callback c),
      flags, m, f, r, s, c)
THUNK(READY, void, global_cleanup, (void))
THUNK(BEGIN, CURL *, easy_init, (void))

/* Not inlined, so that the thunk needs no stack frame for all other options. */
__attribute__((noinline)) static CURLcode NAME(note_setopt)(CURL *handle,
                                                            CURLoption option,
                                                            void *value)
{
    const struct llmobs_ops *ops = BEGIN();

    return ops ? ops->easy_setopt(REAL, handle, option, value)
               : REAL->easy_setopt(handle, option, value);
}

/* Called as (CURL *, CURLoption, ...). The argument behind "..." is in a 64-bit
 * register, whatever its type, in the same one that a third named argument
 * would be in (scan.c). So a named pointer receives it, and passes on all its
 * bits. This costs half of va_arg, and the call of the real function becomes a
 * jump. */
static CURLcode NAME(easy_setopt)(CURL *handle, CURLoption option, void *value)
{
    if (llmobs_option_watched(option))
        return NAME(note_setopt)(handle, option, value);
    return REAL->easy_setopt(handle, option, value);
}

THUNK(BEGIN, CURLcode, easy_perform, (CURL * handle), handle)
THUNK(READY, void, easy_reset, (CURL * handle), handle)
THUNK(BEGIN, CURL *, easy_duphandle, (CURL * handle), handle)
THUNK(READY, void, easy_cleanup, (CURL * handle), handle)
THUNK(BEGIN, CURLMcode, multi_add_handle, (CURLM * multi, CURL *handle), multi,
      handle)
THUNK(READY, CURLMcode, multi_remove_handle, (CURLM * multi, CURL *handle),
      multi, handle)
THUNK(READY, CURLMcode, multi_perform, (CURLM * multi, int *running), multi,
      running)
THUNK(READY, CURLMcode, multi_socket,
      (CURLM * multi, curl_socket_t socket, int *running), multi, socket,
      running)
THUNK(READY, CURLMcode, multi_socket_action,
      (CURLM * multi, curl_socket_t socket, int events, int *running), multi,
      socket, events, running)
THUNK(READY, CURLMcode, multi_socket_all, (CURLM * multi, int *running), multi,
      running)
THUNK(READY, CURLMsg *, multi_info_read, (CURLM * multi, int *left), multi,
      left)
THUNK(READY, CURLMcode, multi_cleanup, (CURLM * multi), multi)

static CURLMcode NAME(multi_setopt)(CURLM *multi, CURLMoption option,
                                    void *value)
{
    const struct llmobs_ops *ops;

    if (option != CURLMOPT_PUSHFUNCTION)
        return REAL->multi_setopt(multi, option, value);
    ops = BEGIN();
    return ops ? ops->multi_setopt(REAL, multi, option, value)
               : REAL->multi_setopt(multi, option, value);
}

THUNK(READY, CURLcode, easy_send,
      (CURL * handle, const void *data, size_t len, size_t *sent), handle, data,
      len, sent)
THUNK(READY, CURLcode, easy_recv,
      (CURL * handle, void *data, size_t room, size_t *got), handle, data, room,
      got)
THUNK(READY, curl_mime *, mime_init, (CURL * handle), handle)
THUNK(READY, void, mime_free, (curl_mime * mime), mime)
THUNK(READY, curl_mimepart *, mime_addpart, (curl_mime * mime), mime)
THUNK(READY, CURLcode, mime_name, (curl_mimepart * part, const char *name),
      part, name)
THUNK(READY, CURLcode, mime_filename, (curl_mimepart * part, const char *name),
      part, name)
THUNK(READY, CURLcode, mime_data,
      (curl_mimepart * part, const char *data, size_t size), part, data, size)
THUNK(READY, CURLcode, mime_filedata, (curl_mimepart * part, const char *path),
      part, path)
THUNK(READY, CURLcode, mime_data_cb,
      (curl_mimepart * part, curl_off_t size, curl_read_callback read,
       curl_seek_callback seek, curl_free_callback end, void *user),
      part, size, read, seek, end, user)
THUNK(READY, CURLcode, mime_subparts, (curl_mimepart * part, curl_mime *within),
      part, within)
THUNK(READY, CURLcode, mime_type, (curl_mimepart * part, const char *type),
      part, type)
THUNK(READY, CURLcode, mime_encoder, (curl_mimepart * part, const char *coding),
      part, coding)
THUNK(READY, CURLcode, mime_headers,
      (curl_mimepart * part, struct curl_slist *headers, int owned), part,
      headers, owned)

#undef THUNK
#undef READY
#undef BEGIN
#undef REAL
#undef NAME
#undef NAME_1
#undef NAME_2
