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

static CURLcode NAME(global_init)(long flags)
{
    const struct llmobs_ops *ops = BEGIN();

    return ops ? ops->global_init(REAL, flags) : REAL->global_init(flags);
}

static CURLcode NAME(global_init_mem)(long flags, curl_malloc_callback m,
                                      curl_free_callback f,
                                      curl_realloc_callback r,
                                      curl_strdup_callback s,
                                      curl_calloc_callback c)
{
    const struct llmobs_ops *ops = BEGIN();

    return ops ? ops->global_init_mem(REAL, flags, m, f, r, s, c)
               : REAL->global_init_mem(flags, m, f, r, s, c);
}

static void NAME(global_cleanup)(void)
{
    const struct llmobs_ops *ops = READY();

    if (ops)
        ops->global_cleanup(REAL);
    else
        REAL->global_cleanup();
}

static CURL *NAME(easy_init)(void)
{
    const struct llmobs_ops *ops = BEGIN();

    return ops ? ops->easy_init(REAL) : REAL->easy_init();
}

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
 * would be in (arch.h). So a named pointer receives it, and passes on all its
 * bits. This costs half of va_arg, and the call of the real function becomes a
 * jump. */
static CURLcode NAME(easy_setopt)(CURL *handle, CURLoption option, void *value)
{
    if (llmobs_option_watched(option))
        return NAME(note_setopt)(handle, option, value);
    return REAL->easy_setopt(handle, option, value);
}

static CURLcode NAME(easy_perform)(CURL *handle)
{
    const struct llmobs_ops *ops = BEGIN();

    return ops ? ops->easy_perform(REAL, handle) : REAL->easy_perform(handle);
}

static void NAME(easy_reset)(CURL *handle)
{
    const struct llmobs_ops *ops = READY();

    if (ops)
        ops->easy_reset(REAL, handle);
    else
        REAL->easy_reset(handle);
}

static CURL *NAME(easy_duphandle)(CURL *handle)
{
    const struct llmobs_ops *ops = BEGIN();

    return ops ? ops->easy_duphandle(REAL, handle)
               : REAL->easy_duphandle(handle);
}

static void NAME(easy_cleanup)(CURL *handle)
{
    const struct llmobs_ops *ops = READY();

    if (ops)
        ops->easy_cleanup(REAL, handle);
    else
        REAL->easy_cleanup(handle);
}

static CURLMcode NAME(multi_add_handle)(CURLM *multi, CURL *handle)
{
    const struct llmobs_ops *ops = BEGIN();

    return ops ? ops->multi_add_handle(REAL, multi, handle)
               : REAL->multi_add_handle(multi, handle);
}

static CURLMcode NAME(multi_remove_handle)(CURLM *multi, CURL *handle)
{
    const struct llmobs_ops *ops = READY();

    return ops ? ops->multi_remove_handle(REAL, multi, handle)
               : REAL->multi_remove_handle(multi, handle);
}

static CURLMcode NAME(multi_perform)(CURLM *multi, int *running)
{
    const struct llmobs_ops *ops = READY();

    return ops ? ops->multi_perform(REAL, multi, running)
               : REAL->multi_perform(multi, running);
}

static CURLMcode NAME(multi_socket)(CURLM *multi, curl_socket_t socket,
                                    int *running)
{
    const struct llmobs_ops *ops = READY();

    return ops ? ops->multi_socket(REAL, multi, socket, running)
               : REAL->multi_socket(multi, socket, running);
}

static CURLMcode NAME(multi_socket_action)(CURLM *multi, curl_socket_t socket,
                                           int events, int *running)
{
    const struct llmobs_ops *ops = READY();

    return ops ? ops->multi_socket_action(REAL, multi, socket, events, running)
               : REAL->multi_socket_action(multi, socket, events, running);
}

static CURLMcode NAME(multi_socket_all)(CURLM *multi, int *running)
{
    const struct llmobs_ops *ops = READY();

    return ops ? ops->multi_socket_all(REAL, multi, running)
               : REAL->multi_socket_all(multi, running);
}

static CURLMsg *NAME(multi_info_read)(CURLM *multi, int *left)
{
    const struct llmobs_ops *ops = READY();

    return ops ? ops->multi_info_read(REAL, multi, left)
               : REAL->multi_info_read(multi, left);
}

static CURLMcode NAME(multi_cleanup)(CURLM *multi)
{
    const struct llmobs_ops *ops = READY();

    return ops ? ops->multi_cleanup(REAL, multi) : REAL->multi_cleanup(multi);
}

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

static CURLcode NAME(easy_send)(CURL *handle, const void *data, size_t len,
                                size_t *sent)
{
    const struct llmobs_ops *ops = READY();

    return ops ? ops->easy_send(REAL, handle, data, len, sent)
               : REAL->easy_send(handle, data, len, sent);
}

static CURLcode NAME(easy_recv)(CURL *handle, void *data, size_t room,
                                size_t *got)
{
    const struct llmobs_ops *ops = READY();

    return ops ? ops->easy_recv(REAL, handle, data, room, got)
               : REAL->easy_recv(handle, data, room, got);
}

static curl_mime *NAME(mime_init)(CURL *handle)
{
    const struct llmobs_ops *ops = READY();

    return ops ? ops->mime_init(REAL, handle) : REAL->mime_init(handle);
}

static void NAME(mime_free)(curl_mime *mime)
{
    const struct llmobs_ops *ops = READY();

    if (ops)
        ops->mime_free(REAL, mime);
    else
        REAL->mime_free(mime);
}

static curl_mimepart *NAME(mime_addpart)(curl_mime *mime)
{
    const struct llmobs_ops *ops = READY();

    return ops ? ops->mime_addpart(REAL, mime) : REAL->mime_addpart(mime);
}

static CURLcode NAME(mime_name)(curl_mimepart *part, const char *name)
{
    const struct llmobs_ops *ops = READY();

    return ops ? ops->mime_name(REAL, part, name) : REAL->mime_name(part, name);
}

static CURLcode NAME(mime_filename)(curl_mimepart *part, const char *name)
{
    const struct llmobs_ops *ops = READY();

    return ops ? ops->mime_filename(REAL, part, name)
               : REAL->mime_filename(part, name);
}

static CURLcode NAME(mime_data)(curl_mimepart *part, const char *data,
                                size_t size)
{
    const struct llmobs_ops *ops = READY();

    return ops ? ops->mime_data(REAL, part, data, size)
               : REAL->mime_data(part, data, size);
}

static CURLcode NAME(mime_filedata)(curl_mimepart *part, const char *path)
{
    const struct llmobs_ops *ops = READY();

    return ops ? ops->mime_filedata(REAL, part, path)
               : REAL->mime_filedata(part, path);
}

static CURLcode NAME(mime_data_cb)(curl_mimepart *part, curl_off_t size,
                                   curl_read_callback read,
                                   curl_seek_callback seek,
                                   curl_free_callback end, void *user)
{
    const struct llmobs_ops *ops = READY();

    return ops ? ops->mime_data_cb(REAL, part, size, read, seek, end, user)
               : REAL->mime_data_cb(part, size, read, seek, end, user);
}

static CURLcode NAME(mime_subparts)(curl_mimepart *part, curl_mime *within)
{
    const struct llmobs_ops *ops = READY();

    return ops ? ops->mime_subparts(REAL, part, within)
               : REAL->mime_subparts(part, within);
}

static CURLcode NAME(mime_type)(curl_mimepart *part, const char *type)
{
    const struct llmobs_ops *ops = READY();

    return ops ? ops->mime_type(REAL, part, type) : REAL->mime_type(part, type);
}

static CURLcode NAME(mime_encoder)(curl_mimepart *part, const char *coding)
{
    const struct llmobs_ops *ops = READY();

    return ops ? ops->mime_encoder(REAL, part, coding)
               : REAL->mime_encoder(part, coding);
}

static CURLcode NAME(mime_headers)(curl_mimepart *part,
                                   struct curl_slist *headers, int owned)
{
    const struct llmobs_ops *ops = READY();

    return ops ? ops->mime_headers(REAL, part, headers, owned)
               : REAL->mime_headers(part, headers, owned);
}

#undef READY
#undef BEGIN
#undef REAL
#undef NAME
#undef NAME_1
#undef NAME_2
