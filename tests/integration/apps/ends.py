"""A call of a function, and an end: usage: ends.py HOW URL BODY"""
import ctypes
import multiprocessing
import os
import sys

HOW, URL, BODY = sys.argv[1:4]
lib = ctypes.CDLL("libcurl.so.4")
lib.curl_easy_init.restype = lib.curl_slist_append.restype = ctypes.c_void_p


def ask():
    handle = ctypes.c_void_p(lib.curl_easy_init())
    lines = lib.curl_slist_append(None, b"Content-Type: application/json")
    for option, value in ((10002, ctypes.c_char_p(URL.encode())),
                          (10165, ctypes.c_char_p(BODY.encode())),
                          (10023, ctypes.c_void_p(lines))):
        lib.curl_easy_setopt(handle, ctypes.c_int(option), value)
    lib.curl_easy_perform(handle)


def main():
    if HOW == "multiprocessing":
        process = multiprocessing.get_context("fork").Process(target=ask)
        process.start()
        process.join()
        return
    ask()
    if HOW == "exec":
        os.execv("/bin/true", ["true"])
    if HOW == "_exit":
        os._exit(0)
    if HOW == "kill":
        os.kill(os.getpid(), 9)


os.dup2(os.open("/dev/null", os.O_WRONLY), 1)
main()
