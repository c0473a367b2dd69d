"""Debian's chromium, driven by the DevTools protocol over a pair of pipes.

The browser reads commands from its descriptor 3 and writes answers and events
to 4, each as JSON with a NUL behind it.  No wait here is without a bound.
"""
import base64
import json
import os
import select
import shutil
import subprocess
import time

WAIT = 30  # seconds for one answer, on a busy machine


class Failure(Exception):
    """A check that did not hold."""


def find():
    return shutil.which("chromium")


def missing():
    """The name of a program that these tests need and that is not here."""
    return next((name for name in ("chromium", "pdftotext")
                 if shutil.which(name) is None), None)


class Browser:
    """One process of the browser.  `folder` takes its profile."""

    FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu",
             "--disable-dev-shm-usage", "--no-first-run", "--mute-audio",
             "--disable-background-networking", "--disable-component-update",
             "--disable-sync", "--disable-extensions", "--hide-scrollbars",
             "--disable-default-apps", "--metrics-recording-only",
             "--force-color-profile=srgb", "--remote-debugging-pipe"]

    def __init__(self, folder):
        self.id = 0
        self.data = b""
        self.events = []
        to_read, self.to = os.pipe()
        self.out, to_write = os.pipe()
        high = [os.dup(to_read), os.dup(to_write)]  # not 3 and 4 themselves
        while min(high) < 10:
            high = [os.dup(fd) for fd in high]

        def put():
            os.dup2(high[0], 3)
            os.dup2(high[1], 4)

        self.log = open(os.path.join(folder, "browser.log"), "wb")
        self.process = subprocess.Popen(
            [find(), *self.FLAGS, "--user-data-dir=" + os.path.join(
                folder, "profile"), "about:blank"],
            preexec_fn=put, pass_fds=(3, 4), stdin=subprocess.DEVNULL,
            stdout=self.log, stderr=self.log,
            env={**os.environ, "HOME": folder, "TZ": "UTC",
                 "LC_ALL": "C.UTF-8"})
        for fd in (*high, to_read, to_write):
            os.close(fd)
        try:
            self.command("Browser.getVersion")
        except Failure:
            self.close()
            raise

    def close(self):
        try:
            self.command("Browser.close", wait=5)
            self.process.wait(5)
        except (Failure, OSError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait(10)
        os.close(self.to)
        os.close(self.out)
        self.log.close()

    def read(self, until):
        """The next message, or None at the time `until`."""
        while b"\0" not in self.data:
            left = until - time.monotonic()
            if left <= 0 or not select.select([self.out], [], [], left)[0]:
                return None
            more = os.read(self.out, 1 << 20)
            if not more:
                raise Failure("the browser is gone")
            self.data += more
        message, self.data = self.data.split(b"\0", 1)
        return json.loads(message)

    def command(self, method, params=None, session=None, wait=WAIT):
        self.id += 1
        message = {"id": self.id, "method": method, "params": params or {}}
        if session:
            message["sessionId"] = session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self.to, data):]
        until = time.monotonic() + wait
        while True:
            answer = self.read(until)
            if answer is None:
                raise Failure("%s: no answer in %d s" % (method, wait))
            if answer.get("id") == self.id:
                break
            if "method" in answer:
                self.events.append(answer)
        if "error" in answer:
            raise Failure("%s: %s" % (method, answer["error"]))
        return answer["result"]


class Page:
    """One tab, whose events are noted from before its first byte."""

    WATCH = ("Page.enable", "Network.enable", "Runtime.enable", "Log.enable",
             "Audits.enable")

    def __init__(self, browser, width=1440, height=900):
        self.browser = browser
        self.target = browser.command(
            "Target.createTarget", {"url": "about:blank"})["targetId"]
        self.session = browser.command("Target.attachToTarget", {
            "targetId": self.target, "flatten": True})["sessionId"]
        for method in self.WATCH:
            self.do(method)
        self.size(width, height)

    def close(self):
        self.browser.command("Target.closeTarget", {"targetId": self.target})

    def do(self, method, wait=WAIT, **params):
        return self.browser.command(method, params, self.session, wait)

    def events(self, *methods):
        return [e["params"] for e in self.browser.events
                if e.get("sessionId") == self.session
                and e["method"] in methods]

    def size(self, width, height, scale=1, zoom=1):
        """A screen of so many points; `zoom` as a person zooms in."""
        self.do("Emulation.setDeviceMetricsOverride", width=width // zoom,
                height=height // zoom, deviceScaleFactor=scale * zoom,
                mobile=False)

    def media(self, kind="", **features):
        self.do("Emulation.setEmulatedMedia", media=kind, features=[
            {"name": name.replace("_", "-"), "value": value}
            for name, value in features.items()])

    def open(self, path, fragment="", wait=WAIT, script=True):
        """Opens a file or an address, and waits until the page is ready."""
        self.do("Page.navigate", url="about:blank")
        url = (path if "://" in path else "file://" + path) + fragment
        self.do("Page.navigate", wait=wait, url=url)
        if script:
            self.until("document.querySelector('#app[data-ready]')", wait)
        else:
            self.until("document.readyState === 'complete'", wait)

    def js(self, expression, wait=WAIT):
        answer = self.do("Runtime.evaluate", wait, expression=expression,
                         returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise Failure("%s: %s" % (
                expression[:200], json.dumps(answer["exceptionDetails"])[:600]))
        return answer["result"].get("value")

    def until(self, expression, wait=WAIT):
        end = time.monotonic() + wait
        while True:
            try:
                if self.js("!!(%s)" % expression):
                    return
            except Failure:
                if time.monotonic() > end:
                    raise
            if time.monotonic() > end:
                raise Failure("never true: " + expression)
            time.sleep(0.02)

    def frames(self, count=2):
        """Waits until so many frames were drawn."""
        self.js("new Promise(done => { let n = %d; const step = () => "
                "n-- > 0 ? requestAnimationFrame(step) : done(); step(); })"
                % count)

    KEYS = {"Enter": (13, "\r"), "Escape": (27, ""), "Tab": (9, ""),
            "ArrowDown": (40, ""), "ArrowUp": (38, ""), "ArrowLeft": (37, ""),
            "ArrowRight": (39, ""), "Backspace": (8, ""), " ": (32, " ")}

    def key(self, *keys):
        for key in keys:
            shift = 8 if key == "Shift+Tab" else 0
            key = key.replace("Shift+", "")
            code, text = self.KEYS.get(key, (ord(key[0].upper()), key))
            self.do("Input.dispatchKeyEvent", key=key, modifiers=shift,
                    type="keyDown" if text else "rawKeyDown", text=text,
                    windowsVirtualKeyCode=code)
            self.do("Input.dispatchKeyEvent", key=key, type="keyUp",
                    modifiers=shift, windowsVirtualKeyCode=code)
        self.frames()

    def type(self, text):
        self.do("Input.insertText", text=text)
        self.frames()

    def click(self, selector, modifiers=0):
        box = self.js(
            "(() => { const node = document.querySelector(%s); "
            "node.scrollIntoView({block: 'nearest'}); "
            "const b = node.getBoundingClientRect(); "
            "return [b.x + b.width / 2, b.y + b.height / 2]; })()"
            % json.dumps(selector))
        for kind in ("mousePressed", "mouseReleased"):
            self.do("Input.dispatchMouseEvent", type=kind, x=box[0], y=box[1],
                    button="left", clickCount=1, modifiers=modifiers)
        self.frames()

    def picture(self, path):
        data = self.do("Page.captureScreenshot", format="png")["data"]
        with open(path, "wb") as f:
            f.write(base64.b64decode(data))

    def pdf(self):
        return base64.b64decode(self.do(
            "Page.printToPDF", wait=60, preferCSSPageSize=True)["data"])
