"""Answers in Markdown: what is shown, the switch to the text as it came, and
texts that want to be slow."""
import json

from browser import WAIT
from of_people import CONTRAST
from of_safety import clean, trouble
from of_talks import call, said, write
from pages import copied, go, need, text_of

# Markdown, and the elements that are made of it.
SHOWN = [
    ("# One\n### Three ###\n#no", "h3(One) h5(Three ###) p(#no)"),
    ("a *b* **c** _d_ ***e*** ~~f~~ `*g*`",
     "p(a em(b) b(c) em(d) b(e) s(f) code(*g*))"),
    ("*a **b** c*, **a *b***", "p(em(a b(b) c), **a *b***)"),
    ("2 * 3 * 4, a*b*c, snake_case_name, \\*x\\*, `x, \u8fd9**\u662f**\u5b57 **un",
     "p(2 * 3 * 4, a*b*c, snake_case_name, *x*, `x, \u8fd9b(\u662f)\u5b57 **un)"),
    ("``a ` b`` `**` **`x`** `c:\\`", "p(code(a ` b) code(**) b(code(x)) code(c:\\))"),
    ("[t](https://e.test/a?b \"c d\") ![p](http://e.test/p.png) [x] [y](javascript:alert(1))",
     "p(u(t)span( (https://e.test/a?b \"c d\")) u(p)span( (http://e.test/p.png)) [x]"
     " [y](javascript:alert(1)))"),
    ("- a\n  - b\n    - c\n- d\n\n  e\n\n3. f\n4. g\n* h",
     "ul(li(p(a) ul(li(p(b) ul(li(p(c)))))) li(p(d) p(e))) ol3(li(p(f)) li(p(g))) ul(li(p(h)))"),
    ("```py x\n# a\n  **b**\n````\n- a\n  ~~~\n  b\n  ~~~\n```\nopen",
     "pre(small(py x)# a\n  **b**) ul(li(p(a) pre(small()b))) pre(small()open)"),
    ("> a\n> > b\n\n---\n* * *", "blockquote(p(a) blockquote(p(b))) hr() hr()"),
    ("| a | b |\n|:--|---|\n| `c` | d \\| e |\n|f\n\ng | h\n|",
     "div(table(thead(tr(th(a) th(b))) tbody(tr(td(code(c)) td(d | e)) tr(td(f)))))"
     " p(g | h\n|)"),
    ("a\r\n  b\n\n\nc \u202e<b>&amp;", "p(a\n  b) p(c \u27e8202e\u27e9<b>&amp;)"),
]
SHAPE = """((box) => {
  const walk = (n) => n.nodeType === 3 ? n.data : (n.previousSibling &&
    !/^(EM|B|S|U|CODE|SPAN)$/.test(n.tagName) ? ' ' : '') + n.tagName.toLowerCase() +
    (n.getAttribute('start') ?? '') + '(' + list(n) + ')';
  const list = (n) => [...n.childNodes].map(walk).join('');
  return list(box);
})"""
ANSWERS = "[...document.querySelectorAll('#tab .answer')]"


def markdown(bench):
    """An answer is shown as it is meant, what a user or a tool says as it is;
    the switch holds for all; nothing of it is a link or a picture."""
    long = "# Long\n\n" + "one **word**\n\n" * 20 + "the end"
    answers = [text for text, _ in SHOWN]
    asked = said("user", "# as it *is*")
    write(bench, "markdown", [
        call(0, "a", [asked], said("assistant", answers[0])),
        call(1, "b", [asked, {"role": "tool", "tool_results": [
            {"tool_id": "1", "result": "*tool*"}]}],
             said("assistant", long)),
        call(2, "c", [asked], said("assistant", '{"a": "**b**"}'))])
    tab = bench.open("markdown", at={"t": "a"})
    for text, want in SHOWN:
        have = tab.js("%s(answer(%s))" % (SHAPE, json.dumps(text)))
        need(have == want, "%r\n is %r\nnot %r" % (text, have, want))
    need(tab.js("(() => { const box = document.body.appendChild(answer(%s)), all = "
                "[...box.querySelectorAll('p, li, ul, blockquote, td, pre')].map((n) => "
                "getComputedStyle(n).direction); box.remove(); return all; })()" % json.dumps(
                    "\u05d0 b\n- \u05d0\n  > \u05d0\n\n\n> \u05d0\n\n|\u05d0|b|\n|-|-|\n"
                    "|c|d|\n```\n\u05d0")) == ["rtl"] * 10 + ["ltr"], "from right to left")
    need(tab.js("%s.length" % ANSWERS) == 1 and
         "# as it *is*" in text_of(tab, "#tab"), text_of(tab, "#tab"))
    need(copied(tab, "#tab [data-role=assistant] .copy:last-child") == answers[0],
         "what is copied")
    go(tab, {"t": "b"})
    need("one word" in text_of(tab, "#tab") and "the end" not in text_of(tab, "#tab")
         and "*tool*" in text_of(tab, "#tab"), text_of(tab, "#tab"))
    tab.click("#tab .fade + .link")
    need("the end" in text_of(tab, "#tab"), "the whole answer")
    for scheme in "light", "dark":
        tab.media(prefers_color_scheme=scheme)
        tab.js("document.querySelector('#tab .answer').append(%s)" % ", ".join(
            "...answer(%s).childNodes" % json.dumps(text) for text in answers))
        tab.frames()
        need(tab.js(CONTRAST) == [], tab.js(CONTRAST))
        clean(tab, "Markdown")
        bench.picture(tab, "markdown-" + scheme)
    for at in "b", "a", "b":
        go(tab, {"t": at})
        if at == "b":
            tab.click("#tab .raw")
        raw = tab.js("[...document.querySelectorAll('.raw')].map((b) => b.ariaPressed)")
        have = text_of(tab, "#tab")
        need((raw == ["true"] and "# " in have) if "**word" in have or at == "a"
             else raw == ["false"], "%s: %s" % (raw, have[:200]))
    go(tab, {"t": "c"})
    need(tab.js("%s.length" % ANSWERS) == 0 and
         tab.js("document.querySelector('#tab .v-string').textContent") == "**b**",
         "JSON is a tree")
    need(trouble(tab) == [], trouble(tab))
    tab.close()


def slow_answers(bench):
    """The time for a text grows as the text does, and not as its square, which
    would be minutes; what is nested without end is not in the page."""
    tab = bench.open("markdown")
    for piece in ("*a **b ", "[", "[a](", "](x \"", "`a``b```c ", "`a` ", "*a*b ",
                  "> ", "- ", "a|b\n-|-\n", "~~~\n", "* * ", " ", "a\n\n",
                  "\\|", "- a\n  ", "|---", "[a](b) ", "#", "_"):
        depth = tab.js("""(() => {
          const box = answer(%s.repeat(%d) + 'x');
          const up = document.createElement('div');
          up.append(box);
          box.whole = true;
          box.draw();
          let deep = 0;
          for (let level = [box]; level.length && deep < 99; deep++)
            level = level.flatMap((node) => [...node.children].slice(-3));
          return deep;
        })()""" % (json.dumps(piece), 290000 // len(piece)), WAIT * 2)
        need(0 < depth < 30, "%r: %s levels" % (piece, depth))
    lost = tab.js("""(() => {
      const pieces = ['*', '**', '_', '`', '```', '\\n', '\\n\\n', '- ', '1. ', '> ', '# ', '|',
        '\\n|-|-|\\n', '[', '](', ')', '](b)', '!', '~~', '\\\\', ' ', '    ', 'a', 'bc', 'd e', '"'];
      for (let i = 0, seed = 7; i < 4000; i++) {
        let text = '';
        for (let k = 0; k < 5 + i % 40; k++) {
          seed = (seed * 48271) % 2147483647;
          text += pieces[seed % pieces.length];
        }
        const letters = (all) => all.replace(/[^a-e]/g, '');
        const box = answer(text);
        box.whole = true;
        box.draw();
        if (letters(box.textContent) !== letters(text)) return [text, box.textContent];
      }
    })()""")
    need(lost is None, "letters are lost: %r" % lost)
    need(tab.js("answer('*a*\\n'.repeat(3e5)).querySelectorAll('*').length") < 5,
         "a text of a megabyte is a text")
    tab.close()
