"""usage: ctypes_client.py LIBRARY INTERFACE URL (MODE FILE)..."""
import ctypes
import sys

URL, POSTFIELDS, WRITEFUNCTION, HTTPHEADER, TIMEOUT_MS = (10002, 10015, 20011,
                                                          10023, 155)
RESPONSE_CODE = 0x200002
WRITER = ctypes.CFUNCTYPE(ctypes.c_size_t, ctypes.c_void_p, ctypes.c_size_t,
                          ctypes.c_size_t, ctypes.c_void_p)


class Message(ctypes.Structure):
    _fields_ = [("msg", ctypes.c_int), ("easy", ctypes.c_void_p),
                ("result", ctypes.c_int)]


def load(name):
    lib = ctypes.CDLL(name)
    for function in "easy_init", "multi_init", "slist_append":
        getattr(lib, "curl_" + function).restype = ctypes.c_void_p
    lib.curl_slist_append.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
    lib.curl_multi_info_read.restype = ctypes.POINTER(Message)
    return lib


def perform_multi(lib, easy):
    multi = ctypes.c_void_p(lib.curl_multi_init())
    running, left = ctypes.c_int(1), ctypes.c_int()
    lib.curl_multi_add_handle(multi, easy)
    while running.value:
        lib.curl_multi_perform(multi, ctypes.byref(running))
        lib.curl_multi_wait(multi, None, 0, 50, None)
    message = lib.curl_multi_info_read(multi, ctypes.byref(left))
    result = message.contents.result
    lib.curl_multi_remove_handle(multi, easy)
    lib.curl_multi_cleanup(multi)
    return result


def ask(lib, interface, url, mode, file):
    parts = []

    def write(data, size, count, where):
        if mode == "abort":
            return 0
        parts.append(ctypes.string_at(data, size * count))
        return size * count

    writer = WRITER(write)
    with open(file, "rb") as f:
        body = f.read()
    easy = ctypes.c_void_p(lib.curl_easy_init())
    headers = lib.curl_slist_append(None, b"Content-Type: application/json")
    for option, value in ((URL, ctypes.c_char_p(url.encode())),
                          (POSTFIELDS, ctypes.c_char_p(body)),
                          (HTTPHEADER, ctypes.c_void_p(headers)),
                          (WRITEFUNCTION, writer),
                          (TIMEOUT_MS, ctypes.c_long(
                              600 if mode == "timeout" else 0))):
        lib.curl_easy_setopt(easy, ctypes.c_int(option), value)
    result = perform_multi(lib, easy) if interface == "multi" else (
        lib.curl_easy_perform(easy))
    status = ctypes.c_long()
    lib.curl_easy_getinfo(easy, ctypes.c_int(RESPONSE_CODE),
                          ctypes.byref(status))
    lib.curl_easy_cleanup(easy)
    lib.curl_slist_free_all(ctypes.c_void_p(headers))
    print(mode, result, status.value, b"".join(parts))
    return result != 0


library = load(sys.argv[1])
pairs = zip(sys.argv[4::2], sys.argv[5::2])
sys.exit(sum(ask(library, sys.argv[2], sys.argv[3], *p) for p in pairs))
