"""Shared by the tests of the page: its stores, its files, one browser."""
import json
import os
import subprocess
import urllib.parse

import hostile
import stores
from browser import Browser, Failure, Page

SPANS = 10000
FEW = 1500
# Of o4-mini nobody knows the price.
PRICES = {
    "llmobs_prices": {"date": "2026-01-02"},
    "gpt-4o*": {"input_cost_per_token": 2.5e-6,
                "cache_read_input_token_cost": 1.25e-6,
                "output_cost_per_token": 1e-5},
    "claude-*": {"input_cost_per_token": 3e-6, "output_cost_per_token": 1.5e-5},
    "text-embedding-3-small": {"input_cost_per_token": 2e-8},
}


def need(good, what):
    if not good:
        raise Failure(str(what)[:3000])


class Bench:
    def __init__(self, options, folder):
        self.options, self.folder = options, folder
        self.build = os.path.abspath(options.build)
        self.made = {}
        self.browser = None

    def close(self):
        if self.browser is not None:
            self.browser.close()

    def store(self, name):
        """The directory of a store: few, usual, many or hostile."""
        path = os.path.join(self.folder, name)
        if os.path.isdir(path):
            return path
        if name == "few":
            stores.write(path, FEW, seed=7)
        elif name == "usual":
            stores.write(path, SPANS)
        elif name == "many":
            self.multiply(self.store("usual"), path)
        else:
            hostile.write(path)
        return path

    def prices(self):
        path = os.path.join(self.folder, "prices.json")
        if not os.path.exists(path):
            with open(path, "w", encoding="ascii") as f:
                json.dump(PRICES, f)
        return path

    @staticmethod
    def multiply(few, path):
        """Ten times the spans, each in a trace of its own time."""
        os.makedirs(path)
        with open(os.path.join(few, "spans.jsonl"), "rb") as f:
            lines = f.read().splitlines(True)
        with open(os.path.join(path, "spans.jsonl"), "wb") as f:
            for i in range(10):
                f.writelines(line.replace(b'00000000', b'0000%04d' % i)
                             for line in lines)

    def tool(self, *args):
        done = subprocess.run(
            [os.path.join(self.build, "llmobs"), "view", *args],
            capture_output=True, timeout=120, env={
                "PATH": "/usr/bin:/bin", "HOME": self.folder, "TZ": "UTC",
                "LLMOBS_PRICES": self.prices(),
                "LLMOBS_CONFIG": os.path.join(self.folder, "none.conf")})
        need(done.returncode == 0, done.stderr.decode())
        return done

    def page_of(self, name, *args):
        """The page of a store."""
        path = os.path.join(self.folder, "%s%s.html" % (
            name, "".join(args).replace("/", "")))
        if path not in self.made:
            self.tool("--store", self.store(name), "--html", path, *args)
            self.made[path] = True
        return path

    def open(self, name="few", *args, at=None, size=(1440, 900), wait=60):
        """A tab that shows the page, at the state `at`."""
        if self.browser is None:
            self.browser = Browser(self.folder)
        tab = Page(self.browser, *size)
        tab.open(self.page_of(name, *args), hash_of(at), wait)
        return tab

    def picture(self, tab, name):
        if self.options.pictures:
            os.makedirs(self.options.pictures, exist_ok=True)
            tab.picture(os.path.join(self.options.pictures, name + ".png"))

    def figure(self, text):
        if self.options.v:
            print("# " + text, flush=True)


def hash_of(at):
    """The part of the address behind #: pairs, or a dictionary."""
    if not at:
        return ""
    pairs = at.items() if isinstance(at, dict) else at
    return "#" + urllib.parse.urlencode(list(pairs))


def go(tab, at):
    """Another state of an open page, as a link in it would bring it."""
    tab.js("location.hash = %s" % json.dumps(hash_of(at) or "#"))
    tab.frames()


def rows_of(tab):
    """The rows of the index."""
    return tab.js("JSON.parse(document.getElementById('index').textContent)")


def copied(tab, selector):
    """The text that a click on a button copies."""
    tab.js("Object.defineProperty(navigator, 'clipboard', {configurable: true, "
           "value: {writeText: async (text) => { window.copied = text; }}})")
    tab.click(selector)
    return tab.js("window.copied")


def text_of(tab, selector):
    return tab.js("[...document.querySelectorAll(%s)].map("
                  "(node) => node.textContent).join('\\n')"
                  % json.dumps(selector))
