# llmobs.py - spans of a Python program of its own (LANGUAGES.md):
#
#     import llmobs
#     with llmobs.span("retrieval", "search", q) as span:
#         docs = search(q)
#         span.annotate(output=docs)
#
# Copy it beside the program, or add its folder to sys.path. A function may have
# `@llmobs.span("tool", "mail")` as its decorator: its arguments are the input,
# its result is the output. Without the library preloaded, all of this does
# nothing.
import contextvars
import functools
import inspect
import json
import os
import threading

try:
    import ctypes
    _function = ctypes.CDLL(None).llmobs_command
    _function.restype = None
except (AttributeError, ImportError, OSError):
    _function = None

_VARIABLES = "TRACEPARENT", "TRACESTATE", "BAGGAGE"
# The kinds whose input and output may be anything.
_PLAIN = "workflow", "agent", "task", "tool"


def _text(what):
    return json.dumps(what, default=str, allow_nan=False)


# Gives the answer; "" where nothing was done. `least` is all that is said where
# the rest cannot be JSON.
def _command(name, what, least=None):
    if _function is None:
        return ""
    try:
        text = _text(what)
    except Exception:  # whatever an object of the program raises
        text = _text(least or {})
    request = _request()
    if request is not None:
        _say(request.told())
    answer = _say(("%s %s" % (name, text)).encode())
    if request is not None:
        _say(b"serve 0")
    return answer.decode()


def _say(text):
    at = ctypes.c_char_p(text)
    _function(ctypes.byref(at))
    return at.value


# The request that this context serves under `llmobs-run --inbound`.
def _request():
    for variable, value in contextvars.copy_context().items():
        if variable.name == "llmobs_request":
            return value
    return None


def _first_line(error):
    try:
        return str(error).split("\n")[0]
    except Exception:
        return ""


def _some(**what):
    return {k: v for k, v in what.items() if v is not None}


def _comes_later(result):
    return (inspect.isawaitable(result) or inspect.isgenerator(result) or
            inspect.isasyncgen(result))


class span:
    """A span around a block or a function. `more`: session_id, tags={...},
    metadata, metrics, model_name, ..."""

    def __init__(self, kind, name, input=None, **more):
        self._what = _some(kind=kind, name=name, input=input, **more)
        self._before = {}
        self._given = {}

    # Each call of a decorated function has its own.
    def __call__(self, function):
        @functools.wraps(function)
        def inside(*args, **more):
            with span(**self._what) as own:
                if not own._given:
                    return function(*args, **more)
                own._annotate_arguments(function, args, more)
                result = function(*args, **more)
                if (self._what["kind"] in _PLAIN and result is not None and
                        not _comes_later(result)):
                    own.annotate(output=result)
                return result
        return inside

    def _annotate_arguments(self, function, args, more):
        if (self._what["kind"] not in _PLAIN + ("retrieval",) or
                "input" in self._what):
            return
        try:
            bound = inspect.signature(function).bind_partial(*args, **more)
        except Exception:  # the call itself may raise it
            return
        given = {name: value for name, value in bound.arguments.items()
                 if name not in ("self", "cls")}
        if given:
            self.annotate(input=given)

    def __enter__(self):
        least = {k: str(self._what[k]) for k in ("kind", "name")}
        said = _command("span/start", self._what, least)
        self._given = dict(x.split("=", 1) for x in said.splitlines())
        if said and threading.current_thread() is threading.main_thread():
            self._before = {k: os.environ.get(k) for k in _VARIABLES}
            self._carry(self._given)
        return self

    def __exit__(self, kind, error, trace):
        self._carry(self._before)
        if self._given:
            _command("span/finish", {"error": {
                "type": kind.__name__, "message": _first_line(error)}}
                if kind else {})
        return False

    # For the programs that the main thread starts.
    def _carry(self, values):
        for name in _VARIABLES:
            if values.get(name) is not None:
                os.environ[name] = values[name]
            elif name in values:
                os.environ.pop(name, None)

    def annotate(self, **what):
        """Adds to the span while it is the last one open: output, tags, ..."""
        _command("span/annotate", what)

    def evaluate(self, label, value, **more):
        """Also after the span's end. `more`: reasoning, assessment, tags, ..."""
        evaluate(label, value, **dict(self.ids, **more))

    @property
    def ids(self):
        """span_id and trace_id, for an evaluation elsewhere."""
        return {k: v for k, v in self._given.items() if k not in _VARIABLES}


def evaluate(label, value, **more):
    """Evaluates the open span, or the one whose ids are in `more`."""
    _command("evaluate", dict(more, label=label, value=value))
