"""By keys alone, for other eyes, on other screens and on paper."""
import json
import os
import re
import subprocess

from pages import copied, go, need, rows_of, text_of

FOCUS = """(() => {
  const at = document.activeElement, style = getComputedStyle(at);
  return {id: at.id, role: at.getAttribute('role'), tag: at.tagName,
    tab: at.dataset.tab ?? '', seen: at.matches(':focus-visible') &&
      style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2};
})()"""
STATE = "Object.fromEntries(new URLSearchParams(location.hash.slice(1)))"


def focused(tab, where):
    at = tab.js(FOCUS)
    need(at["tag"] != "BODY", where + ": nothing has the focus")
    need(at["seen"], "%s: the focus is not in sight: %s" % (where, at))
    return at


def keys(bench):
    """From the list to a span's tabs and back, without a mouse."""
    tab = bench.open("few")
    tab.key("/")
    need(focused(tab, "/")["id"] == "search", "/ is the search")
    tab.type("kind:llm")
    tab.key("Enter")
    need(focused(tab, "the list")["id"] == "list", "Enter goes to the list")
    tab.key("j", "j", "ArrowDown", "k")
    row = tab.js("document.querySelector('#list [aria-selected=true]')"
                 ".getAttribute('aria-posinset')")
    need(row == "3", "the third row is the current one, not " + str(row))
    need(tab.js("document.querySelector('#list').getAttribute("
                "'aria-activedescendant') === document.querySelector("
                "'#list [aria-selected=true]').id"), "the row is told")
    tab.key("Enter")
    focused(tab, "the trace")
    need(tab.js(STATE).get("t"), "Enter opens a trace")
    first = tab.js(STATE).get("s")
    tab.key("J")
    for number, name in enumerate(("messages", "timing", "info", "raw",
                                   "curl"), 1):
        tab.key(str(number))
        need(tab.js(STATE).get("tab", "messages") == name, name)
        need(tab.js("document.querySelector('[role=tab][aria-selected=true]')"
                    ".dataset.tab") == name, name + " is not the tab")
        focused(tab, name)
    tab.key("K", "1")
    need(tab.js(STATE).get("s", first) in (first, None) or first is None,
         "K goes back")
    tab.key("Escape")
    need("t" not in tab.js(STATE), "Escape closes the trace")
    need(focused(tab, "back")["id"] == "list", "the focus is in the list")
    for key, view in (("s", "spans"), ("e", "sessions"), ("m", "timeseries"),
                      ("t", None)):
        tab.key("g", key)
        need(tab.js(STATE).get("v") == view, "g %s" % key)
    tab.key("e")
    need(tab.js(STATE).get("f") == "status:error", "e is errors only")
    tab.key("?")
    need(tab.js("document.querySelector('#help').open"), "? is the help")
    focused(tab, "the help")
    tab.key("Escape")
    need(not tab.js("document.querySelector('#help').open"), "it closes")
    stops(tab)
    tab.close()


def stops(tab):
    """Tab goes through the page and comes out of it, and is seen."""
    seen = []
    tab.js("document.activeElement.blur()")
    for _ in range(120):
        tab.key("Tab")
        at = tab.js(FOCUS)
        if at["tag"] == "BODY":
            break
        need(at["seen"], "a stop of Tab is not in sight: %s" % at)
        seen.append(at["id"])
    need({"search", "list", "theme"} <= set(seen), "Tab goes to %s" % seen)


def focus_stays(bench):
    """A part that is drawn anew keeps the focus."""
    tab = bench.open("few")
    for selector in ("[data-facet=kind] [data-value=llm] button",
                     "[data-facet=kind] [data-value=tool] button",
                     "#sort [data-sort=cost]", "nav [data-view=spans]"):
        name = json.dumps(selector)
        tab.js("document.querySelector(%s).focus()" % name)
        tab.key("Enter")
        need(tab.js("document.activeElement === document.querySelector(%s)"
                    % name), "%s loses the focus" % selector)
    tab.close()


NEEDS_NAME = {"button", "link", "textbox", "searchbox", "combobox", "tab",
              "listbox", "option", "tree", "treeitem", "tablist", "img",
              "dialog", "tabpanel", "navigation", "image"}
MARKUP = """(() => {
  const wrong = [], ids = new Set();
  for (const node of document.querySelectorAll('[id]')) {
    if (ids.has(node.id)) wrong.push('two #' + node.id);
    ids.add(node.id);
  }
  for (const name of ['aria-controls', 'aria-labelledby', 'aria-describedby',
    'aria-activedescendant'])
    for (const node of document.querySelectorAll(`[${name}]`))
      if (!document.getElementById(node.getAttribute(name)))
        wrong.push(`${name} of ${node.outerHTML.slice(0, 80)}`);
  const inside = (role, parent) => {
    for (const node of document.querySelectorAll(`[role=${role}]`))
      if (!node.closest(`[role=${parent}]`)) wrong.push(role);
  };
  inside('option', 'listbox'); inside('treeitem', 'tree');
  inside('tab', 'tablist');
  for (const node of document.querySelectorAll('[role=treeitem]'))
    if (!node.hasAttribute('aria-level')) wrong.push('no level');
  for (const node of document.querySelectorAll('[role=group]'))
    if (!node.hasAttribute('aria-label') &&
        !node.hasAttribute('aria-labelledby')) wrong.push('a group');
  for (const node of document.querySelectorAll('[role=option]'))
    if (!(node.getAttribute('aria-setsize') > 0 &&
        node.getAttribute('aria-posinset') > 0)) wrong.push('no place');
  for (const node of document.querySelectorAll('[tabindex]'))
    if (node.tabIndex > 0) wrong.push('an order of its own');
  if (document.documentElement.lang !== 'en') wrong.push('no language');
  if (!document.title) wrong.push('no title');
  for (const node of document.querySelectorAll('table'))
    if (!node.querySelector('th[scope]') && node.getClientRects().length)
      wrong.push('a table without heads');
  return wrong;
})()"""


def with_views(bench, do, **how):
    """Calls do(tab, name) for each view and each tab of a span."""
    tab = bench.open("few", **how)
    one = next(r for r in rows_of(tab) if "p" in r and "f" in r)
    for view in ("traces", "spans", "sessions", "timeseries"):
        go(tab, {"v": view})
        do(tab, view)
    for name in ("messages", "timing", "info", "raw", "curl"):
        go(tab, {"t": one["t"], "s": one["s"], "tab": name})
        do(tab, name)
    return tab


def names_and_roles(bench):
    def look(tab, where):
        wrong = tab.js(MARKUP)
        need(wrong == [], "%s: %s" % (where, wrong[:10]))
        for node in tab.do("Accessibility.getFullAXTree")["nodes"]:
            role = node.get("role", {}).get("value")
            name = node.get("name", {}).get("value", "").strip()
            need(node.get("ignored") or role not in NEEDS_NAME or name,
                 "%s: a %s without a name: %s" % (where, role,
                                                  json.dumps(node)[:500]))
    with_views(bench, look).close()


CONTRAST = """(() => {
  const canvas = new OffscreenCanvas(1, 1).getContext('2d',
    {willReadFrequently: true});
  const rgba = (color) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = ([r, g, b, a], under) => [r, g, b].map(
    (c, i) => c * a + under[i] * (1 - a));
  const light = (rgb) => {
    const [r, g, b] = rgb.map((c) => (c /= 255) <= .04045 ? c / 12.92
      : ((c + .055) / 1.055) ** 2.4);
    return .2126 * r + .7152 * g + .0722 * b;
  };
  const background = (node) => {
    const layers = [];
    for (let at = node; at; at = at.parentElement)
      layers.push(rgba(getComputedStyle(at).backgroundColor));
    return layers.reverse().reduce((under, layer) => over(layer, under),
      [255, 255, 255]);
  };
  const wrong = new Map();
  const walk = document.createTreeWalker(document.getElementById('app'),
    NodeFilter.SHOW_TEXT);
  for (let text = walk.nextNode(); text; text = walk.nextNode()) {
    const node = text.parentElement, style = getComputedStyle(node);
    if (!text.data.trim() || !node.getClientRects().length ||
        style.visibility === 'hidden' || node.closest('svg')) continue;
    const under = background(node);
    const a = light(over(rgba(style.color), under)), b = light(under);
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    if (ratio < 4.5 * .995)
      wrong.set(`${node.tagName}.${node.className} ${style.color}`,
        `${ratio.toFixed(2)} ${text.data.slice(0, 30)}`);
  }
  return [...wrong];
})()"""


def contrast(bench):
    """Texts have 4.5 to 1, light and dark, as the browser computes colours."""
    for scheme in ("light", "dark"):
        def look(tab, where):
            tab.media(prefers_color_scheme=scheme)
            tab.frames()
            wrong = tab.js(CONTRAST)
            need(wrong == [], "%s, %s: %s" % (scheme, where, wrong[:8]))
        tab = with_views(bench, look)
        need(tab.js("getComputedStyle(document.documentElement).colorScheme")
             == scheme, scheme)
        bench.picture(tab, "curl-1440-" + scheme)
        tab.close()


SMALL = """(() => [...document.querySelectorAll(
    'button, input, select, summary, [role=option], [role=treeitem]')]
  .filter((node) => node.getClientRects().length && !node.hidden)
  .map((node) => [node, node.getBoundingClientRect()])
  .filter(([node, box]) => box.height < 36 || box.width < 24)
  .map(([node, box]) => `${node.outerHTML.slice(0, 90)} ${box.width | 0}x${
    box.height | 0}`))()"""


def targets(bench):
    """On a small screen a finger hits what it is meant for, and a field is not
    magnified by its focus."""
    def look(tab, where):
        small = tab.js(SMALL)
        need(small == [], "%s: %s" % (where, small[:6]))
        fields = tab.js("[...document.querySelectorAll('input')].filter(n => "
                        "n.getClientRects().length && parseFloat("
                        "getComputedStyle(n).fontSize) < 16).map(n => n.id)")
        need(fields == [], "%s: small letters in %s" % (where, fields))
    with_views(bench, look, size=(390, 844)).close()


def phone(bench):
    """On a phone an open trace, talk or pair begins at the top; a message is
    seen over it, and Back leads to the list with all of its head."""
    tab = bench.open("few", size=(390, 844))
    one, other = [r["t"] for r in rows_of(tab) if "u" in r and "p" not in r][:2]
    session = next(r["u"] for r in rows_of(tab) if r["t"] == one)
    place = "document.querySelector('%s').getBoundingClientRect().toJSON()"
    for at in ({"t": one}, {"u": session},
               [("x", "trace:" + one), ("x", "trace:" + other)]):
        go(tab, at)
        need(tab.js(place % ".head, #panel .line")["top"] < 40 and
             tab.js(place % "#panel")["top"] == 0, "%s: %s" % (
                 at, tab.js(place % "#panel")))
    go(tab, {"t": one})
    need(copied(tab, "#copy-trace") == one, "the id")
    box = tab.js(place % "#status")
    need(text_of(tab, "#status") == "copied" and box["height"] > 20 and
         box["bottom"] <= 844, box)
    tab.click("#back")
    need(tab.js(place % "nav")["height"] > 30 and
         tab.js(place % "#search")["height"] > 30, "the list's head")
    tab.close()


WIDE = """(() => {
  const root = document.documentElement, wrong = [];
  if (root.scrollWidth > innerWidth) {
    wrong.push(`the page is ${root.scrollWidth} wide`);
    for (const node of document.querySelectorAll('#app *'))
      if (node.getBoundingClientRect().right > innerWidth + 1 &&
          wrong.length < 5) wrong.push(node.outerHTML.slice(0, 100));
  }
  for (const node of document.querySelectorAll('#trace, #trace *'))
    if (node.getClientRects().length && node.scrollWidth > node.clientWidth + 1
        && getComputedStyle(node).display !== 'inline')
      wrong.push('cut: ' + node.outerHTML.slice(0, 100));
  return wrong;
})()"""


def screens(bench):
    """No screen makes the page scroll sideways, no text of a trace's head is
    cut, and what changes the view and the colours stands in one line."""
    for name, size, zoom in (("1440", (1440, 900), 1), ("390", (390, 844), 1),
                             ("zoomed", (1440, 900), 2)):
        for scheme in ("light", "dark"):
            if (name, scheme) == ("zoomed", "dark"):
                continue

            def look(tab, where):
                tab.size(*size, zoom=zoom)
                tab.media(prefers_color_scheme=scheme)
                tab.frames(3)
                wrong = tab.js(WIDE)
                need(wrong == [], "%s %s: %s" % (name, where, wrong))
                need(tab.js("document.querySelector('#theme').offsetTop < "
                            "document.querySelector('nav').offsetTop + 36"),
                     "%s %s: the head is broken" % (name, where))
                if where not in ("info", "raw", "curl"):
                    bench.picture(tab, "%s-%s-%s" % (where, name, scheme))
            with_views(bench, look, size=size).close()


def paper(bench):
    """The open trace is printed whole, its last message too; the list is a
    table; nothing that one clicks is there."""
    tab = bench.open("few")
    row = next(r for r in rows_of(tab)
               if r["n"] == "plan trip" and "p" not in r)
    go(tab, {"t": row["t"]})
    text = read_pdf(bench, tab)
    need("Take the Hotel Am Dom." in text, "the last message: " + text[-500:])
    need("Search text" not in text and "copy" not in text.lower()
         .replace("copyright", ""), "what one clicks: " + text[:500])
    go(tab, {})
    text = read_pdf(bench, tab)
    rows = len(re.findall(r"\d\d:\d\d:\d\d", text))
    need(400 <= rows <= 500, "the list has %d rows" % rows)
    tab.close()


def read_pdf(bench, tab):
    path = os.path.join(bench.folder, "page.pdf")
    with open(path, "wb") as f:
        f.write(tab.pdf())
    text = subprocess.run(["pdftotext", "-layout", path, "-"], timeout=60,
                          capture_output=True, check=True).stdout.decode()
    return " ".join(text.split())
