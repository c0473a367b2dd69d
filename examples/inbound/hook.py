# hook.py - the part of sitecustomize.py that a program with a server, or with
# pycurl, loads. Each request of gunicorn, wsgiref (and Django's own server) and
# uvicorn is then the request of its context (contextvars), so also of the tasks
# and of the threads of a pool that work for it. The library is told of it just
# before a transfer: a request that calls no model costs a variable.
#
# A CurlMulti of an event loop serves many requests, and its handles may wait for
# each other: nothing is told of these.
#
# LLMOBS_ENTRY and LLMOBS_ENTRY_CONTENT: see llmobs.php. In WSGI the span around a
# request belongs to the thread, which serves one request at a time. In ASGI
# requests take turns on a thread, so the hook gives each a number, by which the
# library knows its span in any thread.
import contextvars
import functools
import itertools
import os
import sys
import threading

OWN = ("TRACEPARENT", "TRACESTATE", "BAGGAGE")
KNOWN = OWN + ("X_DATADOG_TRACE_ID", "X_DATADOG_PARENT_ID", "X_DATADOG_TAGS",
               "X_DATADOG_SAMPLING_PRIORITY", "X_DATADOG_ORIGIN")
WHO = ("X_FORWARDED_FOR", "FORWARDED", "X_REAL_IP", "X_FORWARDED",
       "FORWARDED_FOR", "X_CLIENT_IP", "X_CLUSTER_CLIENT_IP",
       "TRUE_CLIENT_IP", "CF_CONNECTING_IP", "CF_CONNECTING_IPV6",
       "FASTLY_CLIENT_IP", "FLY_CLIENT_IP", "VIA", "X_ENVOY_EXTERNAL_ADDRESS",
       "X_AZURE_CLIENTIP", "X_AZURE_SOCKETIP",
       "CLOUDFRONT_VIEWER_ADDRESS", "X_APPENGINE_USER_IP",
       "X_ORIGINAL_FORWARDED_FOR", "X_VERCEL_FORWARDED_FOR")

MOST = 1 << 20  # bytes of a request or an answer that its span keeps
ENTRY = os.environ.get("LLMOBS_ENTRY", "")
ENTRY = {"0": "", "1": "chat-proxy-entrypoint"}.get(ENTRY, ENTRY)
CONTENT = os.environ.get("LLMOBS_ENTRY_CONTENT") == "1"

NUMBERS = itertools.count(1)

# A request as CGI has it, or ASGI's scope, or a Turn.
current = contextvars.ContextVar("llmobs_request", default=None)
thread = threading.local()  # .told: the request that the library knows there
Curl = None  # pycurl's own, once the program has loaded it


def variables(request):
    """Of the request, as CGI names them; none where it has no context."""
    request = getattr(request, "scope", request)
    if "asgi" in request:
        names = {n.upper().replace(b"-", b"_").decode("latin-1"):
                 v.decode("latin-1") for n, v in request["headers"]}
        found = {"HTTP_" + n: names[n] for n in KNOWN + WHO if n in names}
        address = (request.get("client") or [None])[0]
    else:
        found = {"HTTP_" + n: request["HTTP_" + n] for n in KNOWN + WHO
                 if "HTTP_" + n in request}
        address = request.get("REMOTE_ADDR")
    if not any("HTTP_" + n in found for n in KNOWN):
        return {}
    return dict(found, REMOTE_ADDR=address) if address else found


def command(name, what):
    """No transfer takes place: libcurl knows no such protocol, with the library
    or without."""
    import json
    import pycurl
    curl = Curl()
    curl.setopt(pycurl.URL, "llmobs://" + name)
    curl.setopt(pycurl.HTTPHEADER, ["Content-Type: application/vnd.llmobs"])
    curl.setopt(pycurl.POSTFIELDS, json.dumps(what))
    try:
        curl.perform()
    except pycurl.error:
        pass
    curl.close()


def serve(number):
    """Whose the thread's next calls are; 0: nobody's."""
    import ctypes
    text = ctypes.c_char_p(b"serve %d" % number)
    ctypes.PyDLL(None).llmobs_command(ctypes.byref(text))


def tell(request):
    if getattr(thread, "told", None) is request:
        return
    if isinstance(getattr(thread, "told", None), Turn):
        serve(0)
    if isinstance(request, Turn):
        serve(request.number)
        thread.told = request
    elif request is None:
        thread.told = None
        command("request/finish", {})
    else:
        start(request)


def headers_of(request):
    return {":remote-addr" if n == "REMOTE_ADDR"
            else n[5:].lower().replace("_", "-"): v
            for n, v in variables(request).items()}


def start(request, **more):
    """Tells the library which request the thread serves. If that fails, the thread
    serves none, and not the one before."""
    if isinstance(request, Turn):
        more["request"] = request.number
    else:
        thread.told = request
    try:
        command("request/start", dict(more, headers=headers_of(request)))
    except Exception:
        command("request/finish", {})
        raise


def quietly(work, *given):
    try:
        return work(*given)
    except Exception:
        failed()
        return None


def failed():
    """The library counts it, where the program has a pycurl."""
    try:
        if Curl is not None:
            command("hook/failed", {})
    except Exception:
        pass


def in_event_loop():
    asyncio = sys.modules.get("asyncio")
    return asyncio is not None and asyncio._get_running_loop() is not None


def telling(method, alone):
    @functools.wraps(method)
    def tells(self, *args):
        quietly(tell, None if not alone and in_event_loop() else current.get())
        return method(self, *args)
    return tells


def double(kind, names, alone):
    """A class in place of pycurl's, which cannot be changed: of its name."""
    made = type(kind)(kind.__name__, (kind,), {
        n: telling(getattr(kind, n), alone) for n in names if hasattr(kind, n)})
    made.__module__, made.__doc__ = kind.__module__, kind.__doc__
    return made


def watch_pycurl(module):
    global Curl
    Curl = module.Curl
    module.Curl = double(Curl, ("perform", "perform_rb", "perform_rs"), True)
    module.CurlMulti = double(module.CurlMulti, (
        "add_handle", "perform", "socket_action", "socket_all"), False)


# ---- entries ---------------------------------------------------------------

def failure(status):
    """The error of an answer with this status; None where it is none."""
    if status < 500:
        return None
    return ("http_%d" % status, "answered with status %d" % status)


def first_line(error):
    """Of an exception's text, which may raise one itself."""
    try:
        return (str(error).splitlines() or [""])[0][:MOST]
    except Exception:
        return ""


class Text(object):
    """The first part of a text that comes in pieces."""

    def __init__(self):
        self.data = bytearray()

    def add(self, piece):
        if CONTENT:
            self.data += piece[:MOST - len(self.data)]
        return piece

    def __str__(self):
        return self.data.decode("utf-8", "replace")


class Double(object):
    """An object in place of another: it has all that the other has."""

    def __init__(self, other, entry):
        self.other = other
        self.entry = entry

    def __getattr__(self, name):
        return getattr(self.other, name)


class Span(object):
    """The span around a request: its texts and its error, until it ends."""

    def __init__(self):
        self.input, self.output, self.error = Text(), Text(), None

    def fail(self, error):
        self.error = (type(error).__name__, first_line(error))

    def said(self, error):
        """END of the command request/finish; `error`: an exception, or None."""
        what = {}
        if CONTENT:
            what.update(input=str(self.input), output=str(self.output))
        if error is not None:
            self.fail(error)
        if self.error:
            what["error"] = dict(zip(("type", "message"), self.error))
        return what


# ---- WSGI ------------------------------------------------------------------

class Read(Double):
    """An input that keeps the first part of what the application reads."""

    def read(self, *size):
        return self.entry.input.add(self.other.read(*size))

    def readline(self, *size):
        return self.entry.input.add(self.other.readline(*size))

    def readlines(self, *hint):
        return [self.entry.input.add(line)
                for line in self.other.readlines(*hint)]

    def __iter__(self):
        return (self.entry.input.add(line) for line in self.other)


class Entry(Span):
    """In WSGI the span belongs to the thread that serves the request."""

    def __init__(self, environ):
        Span.__init__(self)
        self.thread = threading.get_ident()
        if CONTENT:
            environ["wsgi.input"] = Read(environ["wsgi.input"], self)
        start(environ, entry={"kind": "workflow", "name": ENTRY})

    def watch(self, start_response):
        def started(status, *more):
            self.error = quietly(lambda: failure(int(status[:3])))
            return start_response(status, *more)
        return started

    def end(self, error=None):
        if self.thread != threading.get_ident():
            return  # it ends as unfinished, with the thread's next request
        self.thread = thread.told = None
        command("request/finish", {"entry": self.said(error)})


class Pieces(Double):
    """An answer that comes piece by piece; the request ends with it."""

    def __iter__(self):
        try:
            for piece in self.other:
                quietly(self.entry.output.add, piece)
                yield piece
        except Exception as error:
            quietly(self.entry.fail, error)
            raise

    def close(self):
        try:
            if hasattr(self.other, "close"):
                self.other.close()
        finally:
            current.set(None)
            quietly(self.entry.end)


def follow(answer, entry, environ):
    """A list is whole, and a server sends a file by itself: both stay."""
    file = environ.get("wsgi.file_wrapper")
    if not hasattr(type(answer), "__len__") and not (
            isinstance(file, type) and isinstance(answer, file)):
        return Pieces(answer, entry)
    if isinstance(answer, (list, tuple)):
        for piece in answer:
            quietly(entry.output.add, piece)
    current.set(None)
    quietly(entry.end)
    return answer


def with_entry(app, environ, start_response):
    entry = quietly(Entry, environ)
    if entry is None:
        return app(environ, start_response)
    try:
        answer = app(environ, entry.watch(start_response))
    except BaseException as error:
        quietly(entry.end, error)
        raise
    return follow(answer, entry, environ)


def by_wsgi(app):
    """The application, which takes over each request."""
    def serve(environ, start_response):
        current.set(environ)
        if ENTRY and Curl is not None:
            return with_entry(app, environ, start_response)
        return app(environ, start_response)
    return functools.update_wrapper(serve, app, functools.WRAPPER_ASSIGNMENTS,
                                    ())


# ---- ASGI ------------------------------------------------------------------

class Turn(Span):
    """A request that takes turns with others on its thread, and for which threads
    of a pool may work. The library knows its span by its number."""

    def __init__(self, scope):
        Span.__init__(self)
        self.scope, self.number = scope, next(NUMBERS)
        self.whole = False
        start(self, entry={"kind": "workflow", "name": ENTRY})

    def received(self, message):
        self.input.add(message.get("body", b""))

    def sent(self, message):
        if message["type"] == "http.response.start":
            self.error = failure(message["status"])
        elif message["type"] in ("http.response.body",
                                 "http.response.pathsend",
                                 "http.response.zerocopysend"):
            self.whole = not message.get("more_body", False)
            self.output.add(message.get("body", b""))

    def end(self, error=None):
        if not self.whole and not self.error:
            self.error = ("unfinished", "ended before its answer")
        command("request/finish", {"request": self.number,
                                   "entry": self.said(error)})
        self.input, self.output = Text(), Text()  # a task may keep the Turn


class Receive(Double):
    async def __call__(self):
        message = await self.other()
        quietly(self.entry.received, message)
        return message


class Send(Double):
    async def __call__(self, message):
        result = await self.other(message)
        quietly(self.entry.sent, message)
        return result


async def take_turn(app, scope, receive, send):
    turn = quietly(Turn, scope)
    current.set(turn or scope)
    if turn is None:
        return await app(scope, receive, send)
    try:
        result = await app(scope, Receive(receive, turn) if CONTENT else receive,
                           Send(send, turn))
    except BaseException as error:
        quietly(turn.end, error)
        raise
    quietly(turn.end)
    return result


def by_asgi(app):
    async def serve(scope, receive, send):
        if scope.get("type") == "http":
            if ENTRY and Curl is not None:
                return await take_turn(app, scope, receive, send)
            current.set(scope)
        return await app(scope, receive, send)
    return serve


# ---- servers ---------------------------------------------------------------

def is_asgi(app):
    import inspect
    return any(inspect.iscoroutinefunction(f) for f in (
        app, getattr(app, "__call__", None))) or inspect.isclass(app)


def after(kind, name, change):
    """Changes what a method gives."""
    method = getattr(kind, name)

    @functools.wraps(method)
    def changed(self, *args, **options):
        return change(self, method(self, *args, **options))
    setattr(kind, name, changed)


def watch_gunicorn(module):
    after(module.BaseApplication, "wsgi",
          lambda self, app: app if is_asgi(app) else by_wsgi(app))
    watch_children()


def watch_uvicorn(module):
    def loaded(config, nothing):
        config.loaded_app = by_asgi(config.loaded_app)
    after(module.Config, "load", loaded)
    watch_children()


def watch_wsgiref(module):
    run = module.BaseHandler.run

    @functools.wraps(run)
    def runs(self, application):
        return run(self, by_wsgi(application))
    module.BaseHandler.run = runs
    watch_children()


# ---- children --------------------------------------------------------------

def environment(given):
    """Of a program that the request starts."""
    request = current.get()
    more = variables(request) if request is not None else {}
    if not more:
        return given
    carried = OWN + ("REMOTE_ADDR",) + tuple("HTTP_" + n for n in KNOWN + WHO)
    own = os.environ if given is None else given
    return dict({n: v for n, v in own.items() if n not in carried}, **more)


def watch_children():
    import subprocess
    begin = subprocess.Popen.__init__
    if hasattr(begin, "__wrapped__"):
        return

    @functools.wraps(begin)
    def begins(self, *args, **options):
        if len(args) <= 10:  # where env is one
            made = quietly(environment, options.get("env"))
            if made is not None:
                options["env"] = made
        return begin(self, *args, **options)
    subprocess.Popen.__init__ = begins


PATCHES = {"gunicorn.app.base": watch_gunicorn, "pycurl": watch_pycurl,
           "uvicorn.config": watch_uvicorn, "wsgiref.handlers": watch_wsgiref}
