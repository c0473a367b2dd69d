# sitecustomize.py - each Python that `llmobs-run --inbound` starts loads this file
# first (PYTHONPATH). Its folder leaves sys.path at once, and the program's own
# sitecustomize, if it has one, runs in its place. The rest is in ../llmobs_hook.py,
# which is read when the program imports a server that it knows, or pycurl.
import sys


class LlmobsFinder(object):
    names = ("aiohttp.web_protocol", "gevent.pywsgi", "gunicorn.app.base",
             "http.server", "hypercorn.app_wrappers", "hypercorn.utils", "pycurl",
             "uvicorn.config", "werkzeug.serving", "wsgiref.handlers")

    def __init__(self, folder):
        self.folder = folder
        self.hook = None

    def find_spec(self, name, path=None, target=None):
        if name not in self.names:
            return None
        try:
            return self.watched(name, path, target)
        except Exception:
            return None

    # Asks the finders after this one, and learns when the module is loaded.
    def watched(self, name, path, target):
        for finder in sys.meta_path:
            look = None if finder is self else getattr(finder, "find_spec", None)
            spec = look(name, path, target) if look else None
            if spec is None:
                continue
            load = spec.loader.exec_module

            def exec_module(module):
                load(module)
                try:
                    self.loaded(module)
                except Exception:
                    pass

            spec.loader.exec_module = exec_module
            return spec
        return None

    def loaded(self, module):
        if self.hook is None:
            path = self.folder[:self.folder.rindex("/")] + "/llmobs_hook.py"
            self.hook = {"__name__": "llmobs_hook", "__file__": path}
            with open(path, encoding="utf-8") as file:
                text = file.read()
            exec(compile(text, path, "exec"), self.hook)
            # From now on the modules of clients count, too.
            self.names = frozenset(self.hook["PATCHES"])
            for other in [sys.modules[n] for n in self.names & set(sys.modules)]:
                spec = getattr(other, "__spec__", None)
                if not getattr(spec, "_initializing", False):
                    self.hook["patch"](other)
        if "patch" in self.hook:
            self.hook["patch"](module)


def llmobs_begin():
    folder = __file__[:__file__.rindex("/")]
    sys.path[:] = [p for p in sys.path if p.rstrip("/") != folder]
    this = sys.modules.pop("sitecustomize", None)
    if sys.version_info >= (3, 7):
        sys.meta_path.insert(0, LlmobsFinder(folder))
    return this


llmobs_this = llmobs_begin()
try:
    import sitecustomize
except ImportError as llmobs_error:
    # Python passes over a sitecustomize that is absent, and tells of one that
    # fails.
    if getattr(llmobs_error, "name", "sitecustomize") != "sitecustomize":
        raise
    # The import of this file comes to its end, too, and looks it up.
    if llmobs_this is not None:
        sys.modules["sitecustomize"] = llmobs_this
