/* Defines one of the calls of libmicrohttpd, as an interposer or the double of
 * a test does, and none of the others. */
void *MHD_start_daemon(unsigned flags, ...);
void *MHD_start_daemon(unsigned flags, ...)
{
    static unsigned daemon;

    daemon = flags;
    return &daemon;
}
