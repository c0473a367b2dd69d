"""Nothing leaves the page, and nothing of the data becomes a part of it."""
import json

import hostile
from pages import go, need, text_of

VIEWS = ("traces", "spans", "sessions", "timeseries")
TABS = ("messages", "timing", "info", "raw", "curl")
# Said of each page that writes to its history without a click.
USUAL = "NavigationEntryMarkedSkippable"
WRONG = ("Log.entryAdded", "Runtime.consoleAPICalled",
         "Runtime.exceptionThrown", "Audits.issueAdded",
         "Page.javascriptDialogOpening", "Page.windowOpen")


def trouble(tab):
    """All that a quiet page leaves empty: requests beyond the file itself, and
    what the browser reports."""
    asked = [e["request"]["url"] for e in tab.events(
        "Network.requestWillBeSent", "Network.webSocketCreated")]
    asked = [url[:200] for url in asked
             if not (url.startswith("file:///") and ".html" in url)
             and not url.startswith(("about:", "data:image/"))]
    said = [json.dumps(e)[:600] for e in tab.events(*WRONG)]
    return asked + [text for text in said if USUAL not in text]


def policy_is_felt(bench):
    """The page with markup in it: the browser refuses each piece and says so,
    as the next tests rely on it to do."""
    path = bench.page_of("few")
    pieces = (("script-src-elem", "<script>document.title = 'run'</script>"),
              ("img-src", "<img src='http://127.0.0.1:9/x.png'>"),
              ("script-src-attr",
               "<img src='data:,' onerror=\"document.title='run'\">"),
              ("style-src-elem", "<style>body { color: red }</style>"),
              ("style-src-attr", "<p style='color: red'>x</p>"),
              ("frame-src", "<iframe src='http://127.0.0.1:9/'></iframe>"))
    with open(path, "rb") as f:
        data = f.read()
    with open(path + ".marked.html", "wb") as f:
        f.write(data.replace(b"<noscript>", "".join(
            markup for _, markup in pieces).encode() + b"<noscript>"))
    tab = bench.open()
    tab.open(path + ".marked.html")
    tab.frames(4)
    said = "\n".join(trouble(tab))
    for directive, markup in pieces:
        need(directive in said, "nothing is said of %s" % markup)
    need(tab.js("document.title") == "llmobs", "it was run")
    need(not [e for e in tab.events("Network.responseReceived")
              if "127.0.0.1" in e["response"]["url"]], "it was sent")
    tab.close()


def quiet(bench):
    """Every view and every tab, and a search in all texts."""
    tab = bench.open()
    trace = tab.js("JSON.parse(index.textContent).find(r => r.p && r.f).t")
    span = tab.js("JSON.parse(index.textContent).find(r => r.p && r.f).s")
    for view in VIEWS:
        go(tab, {"v": view})
    for name in TABS:
        go(tab, {"t": trace, "s": span, "tab": name})
        need(text_of(tab, "#span").strip(), name + " is empty")
    go(tab, {"q": "revenue", "deep": "1"})
    tab.until("document.querySelector('#count').dataset.spans > 0")
    need(trouble(tab) == [], trouble(tab))
    tab.close()


ELEMENTS = ("#app :is(script, a, iframe, frame, object, embed, form, link, "
            "meta, base, style, video, audio, source, foreignObject, image, "
            "use, template, noscript), "
            "#app [onerror], #app [onload], #app [onfocus], #app [href], "
            "#app [style*=url]")


def clean(tab, where):
    """No element of the data's making is there."""
    made = tab.js("[...document.querySelectorAll(%s)].map(n => n.outerHTML"
                  ".slice(0, 200))" % json.dumps(ELEMENTS))
    need(made == [], "%s: %s" % (where, made))
    wild = tab.js(
        "[...document.querySelectorAll('#app img')].map(n => n.src).filter("
        "s => !/^data:image\\/(png|jpeg|gif|webp);base64,[A-Za-z0-9+/=]*$/"
        ".test(s)).map(s => s.slice(0, 200))")
    need(wild == [], "%s: %s" % (where, wild))
    need(tab.js("document.scripts.length") == 5, where + ": scripts")


def shows(tab, selector, text, where):
    """The element has the text, folded or not, with its controls named."""
    want = " ".join(hostile.seen(text).split())
    have = " ".join(text_of(tab, selector).split())
    need(want in have, "%s: %r is not in %r" % (where, want, have[:1500]))


def hostile_texts(bench):
    """Each text in all places: found as it is, and nothing happens."""
    tab = bench.open("hostile")
    texts = list(hostile.TEXTS.items())
    for view in VIEWS:
        go(tab, {"v": view})
        clean(tab, view)
    for number, (name, text) in enumerate(texts):
        at = tab.js("(() => { const r = JSON.parse(document.getElementById("
                    "'index').textContent).find(r => r.b === %d); "
                    "return [r.t, r.s]; })()"
                    % ((hostile.BEGIN + number * hostile.NS) // 1000))
        for opened in TABS:
            go(tab, {"t": at[0], "s": at[1], "tab": opened})
            clean(tab, "%s, %s" % (name, opened))
            if opened in ("messages", "raw"):
                shows(tab, "#span", text, "%s, %s" % (name, opened))
    need(trouble(tab) == [], trouble(tab))
    tab.close()


def scripts(bench):
    """Persian, Hindi and families are shown as they are; what turns the writing
    or nobody sees has a number."""
    tab = bench.open()
    for text in hostile.SCRIPTS:
        need(tab.js("visible(%s)" % json.dumps(text)) == text, ascii(text))
    for text in hostile.HIDDEN:
        have = tab.js("visible(%s)" % json.dumps(text))
        need(have == hostile.seen(text), ascii(have))
    tab.close()


def hostile_shapes(bench):
    """Numbers, circles, depths and types that no program should write."""
    tab = bench.open("hostile")
    rows = tab.js("JSON.parse(document.getElementById('index').textContent)"
                  ".map(r => [r.t, r.s, r.n])")
    need(len(rows) == len(hostile.TEXTS) + 311 + 4 + 1, len(rows))
    need(any(len(name) == 1024 for _, _, name in rows), "the long name")
    texts = set(name for _, _, name in rows[-len(hostile.TEXTS):])
    for trace, one, _ in [r for r in rows if r[2] not in texts and (
            not r[1].startswith("level-") or r[1] == "level-299")]:
        for opened in TABS:
            go(tab, {"t": trace, "s": one, "tab": opened})
            need(text_of(tab, "#trace").strip(), "%s is not shown" % one)
            clean(tab, "%s, %s" % (one, opened))
    go(tab, {"t": "circle"})
    need(tab.js("document.querySelectorAll('#tree [role=treeitem]:not("
                "[hidden])').length") == 2, "a circle has two spans")
    go(tab, {"t": "deep", "s": "level-299"})
    need(tab.js("document.querySelector('#tree [aria-setsize], #tree "
                "[role=treeitem]') !== null"), "the deep trace")
    go(tab, {"t": "pictures", "s": "span-110"})
    need(tab.js("document.querySelectorAll('#app img').length") == 1,
         "one picture alone is one")
    go(tab, {"v": "timeseries"})
    need("NaN" not in tab.js("document.getElementById('app').innerHTML")
         and "Infinity" not in text_of(tab, "#app"), "no number is shown")
    need(trouble(tab) == [], trouble(tab))
    tab.close()


def hostile_filters(bench):
    """A filter by a value finds the spans that have it, whatever it is."""
    tab = bench.open("hostile")
    rows = tab.js("JSON.parse(document.getElementById('index').textContent)")
    for name in ("proto", "maker", "to string", "link", "end of the script"):
        text = hostile.TEXTS[name]
        for key, member in (("name", "n"), ("model", "m"), ("session", "u"),
                            ("ml_app", "a"), ("error", "E")):
            go(tab, [("v", "spans"), ("f", key + ":" + text)])
            want = len([r for r in rows if r.get(member) == text])
            have = tab.js("+document.querySelector('#count').dataset.spans")
            need(want == have > 0, "%s %s: %s, not %s" % (
                key, name, have, want))
    for query in ("__proto__:x", "constructor", "status:__proto__", "\"", "-",
                  "a:" * 2000, "(((", "\\", "[a-", "trace:</script>"):
        go(tab, {"q": query, "deep": "1"})
        need(text_of(tab, "#count"), query)
    need(trouble(tab) == [], trouble(tab))
    tab.close()


def no_script(bench):
    """Where scripts are off, a line says so."""
    path = bench.page_of("few")
    tab = bench.open()
    tab.do("Emulation.setScriptExecutionDisabled", value=True)
    tab.open(path, script=False)
    tab.do("Emulation.setScriptExecutionDisabled", value=False)
    need("does not run scripts" in text_of(tab, "noscript"), "noscript")
    need(tab.js("document.querySelector('noscript p') !== null && "
                "document.querySelector('noscript p').getBoundingClientRect()"
                ".height > 0"), "the line is in sight")
    need(not tab.js("document.querySelector('#app[data-ready]')"), "it ran")
    tab.close()
