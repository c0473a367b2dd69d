# llmobs_hook.py - the part of sitecustomize.py that a program with a server, or
# with pycurl, loads. Each request of a server is then the request of its context
# (contextvars), so also of the tasks and of the threads of a pool that work for
# it. Each write of a socket or of TLS, and each transfer of pycurl, tells the
# library for its own length whose it is (core/capture/command.h, `serve`): a
# request that writes to nobody costs a variable. Of HTTP/2 the head of each
# stream is told, as one task's write may have the heads of several.
#
# A CurlMulti of an event loop serves many requests, and its handles may wait for
# each other: nothing is told of these.
#
# Where the hook does not find what it changes, or fails, a call has no caller,
# never another's; the library counts it, and logs the name.
#
# LLMOBS_ENTRY and LLMOBS_ENTRY_CONTENT: see llmobs.php.
import collections
import contextvars
import ctypes
import functools
import itertools
import json
import os
import sys

# What carries a trace, and the addresses of the caller (lib/base/network.h).
OWN = ("traceparent", "tracestate", "baggage")
KNOWN = OWN + (
    "x-datadog-trace-id", "x-datadog-parent-id", "x-datadog-tags",
    "x-datadog-sampling-priority", "x-datadog-origin", "b3", "x-b3-traceid",
    "x-b3-spanid", "x-b3-sampled", "x-b3-flags")
WHO = (
    "x-forwarded-for", "forwarded", "x-real-ip", "x-forwarded", "forwarded-for",
    "x-client-ip", "x-cluster-client-ip", "true-client-ip", "cf-connecting-ip",
    "cf-connecting-ipv6", "fastly-client-ip", "fly-client-ip", "via",
    "x-envoy-external-address", "x-azure-clientip", "x-azure-socketip",
    "cloudfront-viewer-address", "x-appengine-user-ip",
    "x-original-forwarded-for", "x-vercel-forwarded-for")
NAMES = frozenset(KNOWN + WHO)


def of_cgi(name):
    return "HTTP_" + name.upper().replace("-", "_")


CGI = [(n, of_cgi(n)) for n in KNOWN + WHO]

MOST = 1 << 20  # bytes of a request or an answer that its span keeps
ENTRY = os.environ.get("LLMOBS_ENTRY", "")
ENTRY = {"0": "", "1": "chat-proxy-entrypoint"}.get(ENTRY, ENTRY)
CONTENT = os.environ.get("LLMOBS_ENTRY_CONTENT") == "1"

NUMBERS = itertools.count(1)

# The request for which the code of this context runs: a Request, or None.
current = contextvars.ContextVar("llmobs_request", default=None)

# With the GIL: no code of Python runs between two commands of a thread.
command = ctypes.PyDLL(None).llmobs_command
command.restype = None


def say(text, byref=ctypes.byref, text_of=ctypes.c_char_p, command=command):
    command(byref(text_of(text)))


def tell(name, what):
    say(b"%s %s" % (name, json.dumps(what).encode()))


causes = set()


def failed(name):
    """The library counts it, and logs each cause once."""
    try:
        tell(b"hook/failed", {} if name in causes else {"name": name})
        causes.add(name)
    except Exception:
        pass


def quietly(work, *given):
    try:
        return work(*given)
    except Exception:
        failed(getattr(work, "__qualname__", "?"))
        return None


# ---- requests --------------------------------------------------------------

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


def first_line(error):
    """Of an exception's text, which may raise one itself."""
    try:
        return (str(error).splitlines() or [""])[0][:MOST]
    except Exception:
        return ""


class Request(object):
    """A request, and the span around it. The library forgets it with this."""

    under_way = set()  # by number
    latest = 0

    def __init__(self, headers, address, method, path):
        self.number = Request.latest = next(NUMBERS)
        self.over = self.alone = False
        self.under_way.add(self.number)
        self.headers = {}
        for name, value in headers:
            self.headers.setdefault(name, []).append(value)
        self.more = {":method": method, ":path": path}
        if isinstance(address, str) and address:
            self.more[":remote-addr"] = address
        self.key, self.text = 0, None
        self.open = False  # the span
        self.status = self.error = self.route = self.connection = None
        self.input, self.output = Text(), Text()
        if ENTRY:
            self.start()

    def start(self):
        key = os.getpid() << 40 | self.number  # not one of the parent's
        what = {"request": key, "headers": dict(self.more, **self.headers)}
        if ENTRY:
            what["entry"] = {"kind": "workflow", "name": ENTRY}
        self.text = b"serve 0"
        tell(b"request/start", what)
        self.key, self.text = key, b"serve %d" % key
        self.open = bool(ENTRY)

    def is_past(self):
        """It has ended, and others were served since: what runs in its context
        may be a worker that it started, and work for one of them."""
        return self.over and not (self.alone and self.latest == self.number)

    def told(self):
        """The command that says so of a thread's next write."""
        if self.is_past():
            return b"serve 0"
        if self.text is None:
            quietly(self.start)
        return self.text or b"serve 0"

    def fail(self, error):
        self.error = (type(error).__name__, first_line(error))

    def end(self, error=None):
        """Ends the span; a task of the request may go on. `error`: an exception,
        or None."""
        if not self.over:
            self.over = True
            self.under_way.discard(self.number)
            self.alone = not self.under_way
        if not self.open:
            return
        self.open = False
        what = {"metadata": {}}
        if CONTENT:
            what.update(input=str(self.input), output=str(self.output))
            self.input, self.output = Text(), Text()
        if isinstance(self.status, int):
            what["metadata"]["status"] = self.status
            if self.status >= 500 and not self.error:
                self.error = ("http_%d" % self.status,
                              "answered with status %d" % self.status)
        if isinstance(self.route, str):
            what["metadata"]["route"] = self.route
        if error is not None:
            self.fail(error)
        if self.error:
            what["error"] = dict(zip(("type", "message"), self.error))
        tell(b"request/finish", {"request": self.key, "entry": what})

    def __del__(self, say=say):
        self.under_way.discard(self.number)
        if self.key:
            say(b'request/forget {"request": %d}' % self.key)


def of_environ(environ):
    return Request([(n, environ[h]) for n, h in CGI if h in environ],
                   environ.get("REMOTE_ADDR"), environ.get("REQUEST_METHOD"),
                   environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", ""))


def of_scope(scope):
    found = [(n.decode("latin-1"), v.decode("latin-1"))
             for n, v in scope["headers"]]
    return Request([(n, v) for n, v in found if n in NAMES],
                   (scope.get("client") or [None])[0], scope.get("method"),
                   scope.get("path"))


def of_message(headers, address, method, path):
    """Of an object whose items() are all headers."""
    found = [(n.lower(), v) for n, v in headers.items()]
    return Request([(n, v) for n, v in found if n in NAMES], address, method,
                   path.partition("?")[0])


def serving(make, *given):
    """The new request; None: nobody can tell it from others of the thread."""
    greenlet = sys.modules.get("greenlet")
    if greenlet is not None and not getattr(
            greenlet, "GREENLET_USE_CONTEXT_VARS", False):
        failed("greenlet.GREENLET_USE_CONTEXT_VARS")
        return None
    return quietly(make, *given)


class Double(object):
    """An object in place of another: it has all that the other has."""

    def __init__(self, other, request):
        self.other = other
        self.request = request

    def __getattr__(self, name):
        return getattr(self.other, name)


# ---- WSGI ------------------------------------------------------------------

class Read(Double):
    """An input that keeps the first part of what the application reads."""

    def read(self, *size):
        return self.request.input.add(self.other.read(*size))

    def readline(self, *size):
        return self.request.input.add(self.other.readline(*size))

    def readlines(self, *hint):
        return [self.request.input.add(line)
                for line in self.other.readlines(*hint)]

    def __iter__(self):
        return (self.request.input.add(line) for line in self.other)


class Pieces(Double):
    """An answer that comes piece by piece, for which the application works; the
    request ends with it."""

    def __iter__(self):
        pieces = iter(self.other)
        while True:
            token = current.set(self.request)
            try:
                piece = next(pieces)
            except StopIteration:
                return
            except Exception as error:
                quietly(self.request.fail, error)
                raise
            finally:
                current.reset(token)
            quietly(self.request.output.add, piece)
            yield piece

    def close(self):
        token = current.set(self.request)
        try:
            if hasattr(self.other, "close"):
                self.other.close()
        finally:
            current.reset(token)
            quietly(self.request.end)


def answered(answer, request, environ):
    """A list is whole, and a server sends a file by itself: both stay."""
    file = environ.get("wsgi.file_wrapper")
    if not hasattr(type(answer), "__len__") and not (
            isinstance(file, type) and isinstance(answer, file)):
        return Pieces(answer, request)
    if isinstance(answer, (list, tuple)):
        for piece in answer:
            quietly(request.output.add, piece)
    quietly(request.end)
    return answer


def by_wsgi(app):
    """The application, which takes over each request."""
    def serve(environ, start_response):
        request = serving(of_environ, environ)
        if request is None:
            return app(environ, start_response)

        def started(status, *more):
            request.status = quietly(lambda: int(status[:3]))
            return start_response(status, *more)
        if CONTENT and ENTRY:
            environ["wsgi.input"] = Read(environ["wsgi.input"], request)
        token = current.set(request)
        try:
            answer = app(environ, started if ENTRY else start_response)
        except BaseException as error:
            quietly(request.end, error)
            raise
        finally:
            current.reset(token)
        return answered(answer, request, environ)
    return functools.update_wrapper(serve, app, functools.WRAPPER_ASSIGNMENTS,
                                    ())


# ---- ASGI ------------------------------------------------------------------

class Receive(Double):
    async def __call__(self):
        message = await self.other()
        quietly(self.request.input.add, message.get("body", b""))
        return message


class Send(Double):
    """What the server itself writes is no call of the request's."""

    whole = False

    async def __call__(self, message):
        token = current.set(None)
        try:
            result = await self.other(message)
        finally:
            current.reset(token)
        if ENTRY:
            quietly(self.sent, message)
        return result

    def sent(self, message):
        if message["type"] == "http.response.start":
            self.request.status = message["status"]
        elif message["type"] in ("http.response.body",
                                 "http.response.pathsend",
                                 "http.response.zerocopysend"):
            self.whole = not message.get("more_body", False)
            self.request.output.add(message.get("body", b""))

    def end(self, scope, error=None):
        request = self.request
        if not self.whole and not (request.status or 0) >= 500:
            request.error = ("unfinished", "ended before its answer")
        request.route = getattr(scope.get("route"), "path", None)
        request.end(error)


async def take_turn(app, request, scope, receive, send):
    send = Send(send, request)
    token = current.set(request)
    try:
        result = await app(
            scope, Receive(receive, request) if CONTENT else receive, send)
    except BaseException as error:
        quietly(send.end, scope, error)
        raise
    finally:
        current.reset(token)
    quietly(send.end, scope)
    return result


def by_asgi(app):
    async def serve(scope, receive, send):
        request = None
        if scope.get("type") == "http":
            request = serving(of_scope, scope)
        if request is None:
            return await app(scope, receive, send)
        return await take_turn(app, request, scope, receive, send)
    return serve


def is_asgi(app):
    import inspect
    return any(inspect.iscoroutinefunction(f) for f in (
        app, getattr(app, "__call__", None))) or inspect.isclass(app)


# ---- servers ---------------------------------------------------------------

def around(kind, name, make):
    """Changes a method, which must be there."""
    method = getattr(kind, name)
    setattr(kind, name, functools.wraps(method)(make(method)))


def after(kind, name, change):
    """Changes what a method gives."""
    around(kind, name, lambda method: lambda self, *args, **options: change(
        self, method(self, *args, **options)))


def watch_gunicorn(module):
    after(module.BaseApplication, "wsgi",
          lambda self, app: app if is_asgi(app) else by_wsgi(app))


def watch_uvicorn(module):
    def loaded(config, nothing):
        config.loaded_app = by_asgi(config.loaded_app)
    after(module.Config, "load", loaded)


def watch_wsgiref(module):
    around(module.BaseHandler, "run",
           lambda run: lambda self, application: run(self, by_wsgi(application)))


def watch_werkzeug(module):
    def made(server, nothing):
        server.app = by_wsgi(server.app)
    after(module.BaseWSGIServer, "__init__", made)


def watch_pywsgi(module):
    def made(run):
        def runs(self):
            self.application = by_wsgi(self.application)
            return run(self)
        return runs
    around(module.WSGIHandler, "run_application", made)


def watch_hypercorn(module):
    """Version 0.13, which has no wrappers of applications."""
    if hasattr(module, "invoke_asgi"):
        around(module, "invoke_asgi", lambda invoke: lambda app, *more: invoke(
            app if module._is_asgi_2(app) else by_asgi(app), *more))


def watch_hypercorn_wrappers(module):
    def made(by):
        def wrapped(wrapper, nothing):
            wrapper.app = by(wrapper.app)
        return wrapped
    after(module.ASGIWrapper, "__init__", made(by_asgi))
    after(module.WSGIWrapper, "__init__", made(by_wsgi))


def watch_aiohttp(module):
    def made(handle):
        async def handles(self, request, *more):
            mine = serving(of_message, request.headers, request.remote,
                           request.method, request.path)
            if mine is None:
                return await handle(self, request, *more)
            token = current.set(mine)
            try:
                result = await handle(self, request, *more)
            except BaseException as error:
                quietly(mine.end, error)
                raise
            finally:
                current.reset(token)
            quietly(ended, mine, request, result)
            return result
        return handles

    def ended(mine, request, result):
        answer = result[0] if isinstance(result, tuple) else result
        mine.status = getattr(answer, "status", None)
        info = request.match_info
        resource = getattr(getattr(info, "route", None), "resource", None)
        mine.route = getattr(resource, "canonical", None)
        mine.end()
    around(module.RequestHandler, "_handle_request", made)


def watch_http_server(module):
    kind = module.BaseHTTPRequestHandler
    handling = contextvars.ContextVar("llmobs_handling", default=None)

    def parsed(parse):
        def parses(self):
            good = parse(self)
            if good and handling.get() is self:
                address = self.client_address
                request = serving(
                    of_message, self.headers,
                    address[0] if isinstance(address, tuple) else None,
                    self.command, self.path)
                if request is not None:
                    request.connection = self.connection
                current.set(request)
            return good
        return parses

    def handled(handle):
        def handles(self):
            # Those of WSGI make their own, of the environ.
            if hasattr(self, "get_environ") or hasattr(self, "run_wsgi"):
                return handle(self)
            handling.set(self)
            try:
                return handle(self)
            except BaseException as error:
                if current.get() is not None:
                    quietly(current.get().end, error)
                raise
            finally:
                if current.get() is not None:
                    quietly(current.get().end)
                current.set(None)
                handling.set(None)
        return handles

    def responds(send):
        def sends(self, code, *more):
            if current.get() is not None:
                current.get().status = int(code)
            return send(self, code, *more)
        return sends
    around(kind, "handle_one_request", handled)
    around(kind, "send_response_only", responds)
    around(kind, "parse_request", parsed)


# ---- work for a request elsewhere ------------------------------------------

def watch_pool(module):
    """A thread of a pool works for who submits to it."""
    def made(submit):
        def submits(self, *args, **options):
            mine = current.get()
            if mine is None or not args:
                return submit(self, *args, **options)

            def work(*args, **options):
                token = current.set(mine)
                try:
                    return args[0](*args[1:], **options)
                finally:
                    current.reset(token)
            return submit(self, work, *args, **options)
        return submits
    around(module.ThreadPoolExecutor, "submit", made)


def environment(given):
    """Of a program that the request starts."""
    request = current.get()
    if request is None or request.is_past() or \
            not any(n in request.headers for n in KNOWN):
        return given
    more = {of_cgi(n): ", ".join(v) for n, v in request.headers.items()}
    if ":remote-addr" in request.more:
        more["REMOTE_ADDR"] = request.more[":remote-addr"]
    carried = [n.upper() for n in OWN] + ["REMOTE_ADDR"] + [h for n, h in CGI]
    own = os.environ if given is None else given
    return dict({n: v for n, v in own.items() if n not in carried}, **more)


def watch_children(module):
    def made(begin):
        def begins(self, *args, **options):
            if len(args) <= 10:  # where env is one
                made = quietly(environment, options.get("env"))
                if made is not None:
                    options["env"] = made
            return begin(self, *args, **options)
        return begins
    around(module.Popen, "__init__", made)


# ---- writes ----------------------------------------------------------------

flushes = {}  # what HTTP/2 gave out and nobody wrote yet: by id, and whose it is


def writing(method, always):
    """`always`: other code of the thread may run within a write, as a greenlet's,
    so that also a write of nobody's tells so."""
    def write(self, data, *args, **options):
        mine = current.get()
        if mine is None and not flushes and not always:
            return method(self, data, *args, **options)
        if mine is not None and mine.connection is self:
            mine = None  # the server's answer
        text = mine.told() if mine is not None else b"serve 0"
        if flushes:
            flush = flushes.pop(id(data), None)
            if flush and flush[0] is data:
                text = flush[1]
        if text == b"serve 0" and not always:
            return method(self, data, *args, **options)
        say(text)
        try:
            return method(self, data, *args, **options)
        finally:
            say(b"serve 0")
    return write


def watch_writes(kind, *names):
    """Once: under gevent the classes of ssl and socket are gevent's."""
    for name in names:
        if not hasattr(getattr(kind, name), "llmobs"):
            around(kind, name, lambda method: writing(
                method, kind.__module__.startswith("gevent")))
            getattr(kind, name).llmobs = True


def watch_socket(module):
    watch_writes(module.socket, *(n for n in ("send", "sendall", "sendmsg")
                                  if hasattr(module.socket, n)))


def watch_ssl(module):
    watch_writes(module.SSLSocket, "send", "write")
    if hasattr(module, "SSLObject"):
        watch_writes(module.SSLObject, "write")


def watch_h2(module):
    """Tells the head of each stream with the bytes that have it. Of threads that
    share a connection one may flush another's: so the last heads count."""
    kind = module.H2Connection

    def heads(send):
        def sends(self, stream_id, *args, **options):
            mine = current.get()
            if mine is not None and mine.told() != b"serve 0":
                self.__dict__.setdefault(
                    "_llmobs", collections.deque(maxlen=16)).append(
                        b" %d:%d" % (stream_id, mine.key))
            return send(self, stream_id, *args, **options)
        return sends

    def gives(give):
        def given(self, *args, **options):
            data = give(self, *args, **options)
            if data and "_llmobs" in self.__dict__:
                if len(flushes) > 256:
                    flushes.clear()
                flushes[id(data)] = (data, b"serve 0" + b"".join(self._llmobs))
            return data
        return given
    around(kind, "send_headers", heads)
    around(kind, "data_to_send", gives)


def in_event_loop():
    asyncio = sys.modules.get("asyncio")
    return asyncio is not None and asyncio._get_running_loop() is not None


def transferring(method, alone):
    @functools.wraps(method)
    def transfers(self, *args):
        mine = current.get() if alone or not in_event_loop() else None
        say(mine.told() if mine is not None else b"serve 0")
        try:
            return method(self, *args)
        finally:
            say(b"serve 0")
    return transfers


def double(kind, names, alone):
    """A class in place of pycurl's, which cannot be changed: of its name."""
    made = type(kind)(kind.__name__, (kind,), {
        n: transferring(getattr(kind, n), alone) for n in names
        if hasattr(kind, n)})
    made.__module__, made.__doc__ = kind.__module__, kind.__doc__
    return made


def watch_pycurl(module):
    module.Curl = double(module.Curl, ("perform", "perform_rb", "perform_rs"),
                         True)
    module.CurlMulti = double(module.CurlMulti, (
        "add_handle", "perform", "socket_action", "socket_all"), False)


PATCHES = {
    "aiohttp.web_protocol": watch_aiohttp,
    "concurrent.futures.thread": watch_pool,
    "gevent._socket3": watch_socket,
    "gevent._ssl3": watch_ssl,
    "gevent.pywsgi": watch_pywsgi,
    "gevent.ssl": watch_ssl,
    "gunicorn.app.base": watch_gunicorn,
    "h2.connection": watch_h2,
    "http.server": watch_http_server,
    "hypercorn.app_wrappers": watch_hypercorn_wrappers,
    "hypercorn.utils": watch_hypercorn,
    "pycurl": watch_pycurl,
    "socket": watch_socket,
    "ssl": watch_ssl,
    "subprocess": watch_children,
    "uvicorn.config": watch_uvicorn,
    "werkzeug.serving": watch_werkzeug,
    "wsgiref.handlers": watch_wsgiref,
}


patched = set()


def patch(module):
    """Once for each module; where a part is missing, it stays as it is."""
    name = module.__name__
    watch = PATCHES.get(name)
    if watch is None or name in patched:
        return
    patched.add(name)
    try:
        watch(module)
    except Exception:
        failed(name)
