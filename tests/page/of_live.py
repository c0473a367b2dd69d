"""How the page of `llmobs view --serve` takes what comes to the store."""
import json

import hostile
from browser import Browser, Page
from live import LONG, Live, serving
from pages import need, text_of


def page(bench):
    """The browser shows what comes, and keeps the reader's place."""
    if bench.browser is None:
        bench.browser = Browser(bench.folder)
    with serving(Live(bench.build, bench.folder, "live-page", hostile.span,
                      60)) as one:
        tab = Page(bench.browser, 1440, 900)
        tab.open(one.address, "#v=spans")
        need(text_of(tab, "#live") == "live", text_of(tab, "#live"))

        def count(n):
            tab.until("document.getElementById('count').dataset.spans == %d"
                      % n, LONG)

        count(60)
        tab.js("document.getElementById('list').scrollTop = 580")
        tab.frames()
        row = ("(() => { const box = document.getElementById('list')"
               ".getBoundingClientRect(), top = (r) => "
               "r.getBoundingClientRect().top; return [...document"
               ".querySelectorAll('[role=option]:not([hidden])')].filter("
               "(r) => top(r) >= box.top).sort((a, b) => top(a) - top(b))[0]"
               ".textContent; })()")
        had = tab.js(row)
        tab.js("document.querySelector('[data-facet=kind] .only').focus()")
        one.add(5, status="error")
        count(65)
        tab.frames()
        need(tab.js(row) == had, (had, tab.js(row)))
        need(tab.js("document.activeElement.closest('[data-facet]')"
                    "?.dataset.facet") == "kind", "the focus went")
        need(tab.js("document.querySelector('[data-facet=status] "
                    "[data-value=error]').dataset.count") == "5", "facet")
        # An open trace that grows, and a span that comes again.
        one.add(1, trace="trace-3", name="a child", parent_id="span-3")
        tab.js("location.hash = '#t=trace-3&tab=info'")
        tab.until("document.querySelectorAll('[role=treeitem]:not([hidden])')"
                  ".length == 2", LONG)
        one.number -= 1
        one.add(1, trace="trace-3", name="another name", parent_id="span-3")
        tab.until("document.getElementById('tree').textContent.includes("
                  "'another name')", LONG)
        need(tab.js("location.hash.includes('tab=info')"), "the tab went")
        need(tab.js("document.querySelectorAll('[role=treeitem]:not([hidden])')"
                    ".length") == 2, "doubled")
        # A verdict of the open span.
        one.write(json.dumps({
            "label": "live verdict", "join_on": {"span": {
                "trace_id": "trace-3", "span_id": "span-3"}},
            "metric_type": "score", "score_value": 1, "timestamp_ms": 1,
            "ml_app": "a", "assessment": "fail"}).encode() + b"\n")
        tab.until("document.getElementById('span').textContent.includes("
                  "'live verdict')", LONG)
        one.add(1, name="</script><img src=x onerror=alert(1)>")
        count(67)
        need(tab.js("document.querySelectorAll('#app img').length") == 0, "img")
        asked = {e["request"]["url"].split("?")[0] for e in tab.events(
            "Network.requestWillBeSent")}
        need(all(url.startswith((one.address, "about:")) for url in asked),
             asked)
        one.stop()
        tab.until("document.getElementById('live').textContent == "
                  "'no longer live'", 60)
        tab.close()
    of_many(bench)


def of_many(bench):
    """A page that was asked for more than it takes by itself stays, and a span
    that comes twice at once is there once."""
    with serving(Live(bench.build, bench.folder, "live-many", hostile.span,
                      20001), "-n", "0") as one:
        tab = Page(bench.browser, 1440, 900)
        tab.open(one.address, "#v=spans")
        tab.js("window.stayed = true")
        line = json.dumps(hostile.span(20002)).encode() + b"\n"
        one.write(line + line)
        tab.until("document.getElementById('count').dataset.spans >= 20002",
                  LONG)
        need(tab.js("document.getElementById('count').dataset.spans")
             == "20002", "doubled")
        need(tab.js("window.stayed === true"), "it loaded itself again")
        tab.close()
