"""libcurl by FFI: usage: ctypes_calls.py LIBRARY|both URL BODY...

With `both`, pycurl (GnuTLS here) makes each call too, in the same process.
"""
import ctypes
import sys

URL, POSTFIELDS, WRITEFUNCTION, WRITEDATA, HTTPHEADER = (10002, 10015, 20011,
                                                         10001, 10023)
RESPONSE_CODE = 0x200002
WRITER = ctypes.CFUNCTYPE(ctypes.c_size_t, ctypes.c_void_p, ctypes.c_size_t,
                          ctypes.c_size_t, ctypes.c_void_p)


def load(name):
    lib = ctypes.CDLL(name)
    lib.curl_easy_init.restype = ctypes.c_void_p
    lib.curl_slist_append.restype = ctypes.c_void_p
    lib.curl_slist_append.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
    return lib


def call(lib, url, body):
    parts = []

    def write(data, size, count, where):
        parts.append(ctypes.string_at(data, size * count))
        return size * count

    writer = WRITER(write)
    handle = ctypes.c_void_p(lib.curl_easy_init())
    headers = lib.curl_slist_append(None, b"Content-Type: application/json")
    for option, value in ((URL, ctypes.c_char_p(url)),
                          (POSTFIELDS, ctypes.c_char_p(body)),
                          (HTTPHEADER, ctypes.c_void_p(headers)),
                          (WRITEFUNCTION, writer)):
        lib.curl_easy_setopt(handle, ctypes.c_int(option), value)
    code = lib.curl_easy_perform(handle)
    status = ctypes.c_long()
    lib.curl_easy_getinfo(handle, ctypes.c_int(RESPONSE_CODE),
                          ctypes.byref(status))
    lib.curl_easy_cleanup(handle)
    lib.curl_slist_free_all(ctypes.c_void_p(headers))
    print(code, status.value, b"".join(parts))


def call_pycurl(url, body):
    import io
    import pycurl
    sink = io.BytesIO()
    c = pycurl.Curl()
    c.setopt(c.URL, url)
    c.setopt(c.HTTPHEADER, ["Content-Type: application/json"])
    c.setopt(c.POSTFIELDS, body)
    c.setopt(c.WRITEDATA, sink)
    c.perform()
    c.close()
    print(sink.getvalue())


both = sys.argv[1] == "both"
library = load("libcurl.so.4" if both else sys.argv[1])
for text in sys.argv[3:]:
    call(library, sys.argv[2].encode(), text.encode())
    if both:
        call_pycurl(sys.argv[2], text)
