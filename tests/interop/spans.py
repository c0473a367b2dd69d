"""Helpers for spans that both directions share."""
from harness import equal, tags_of
from llmobs_form import is_peer


def kind_of(span):
    meta = span["meta"]
    return meta.get("span.kind") or meta["span"]["kind"]


def language(span):
    """That of an SDK; "c" of the library's, whatever program it is in."""
    return tags_of(span)["language"] if is_peer(span) else "c"


def draw(title, spans):
    """Prints the spans as trees, as comments of the test's output."""
    print("# " + title)
    ids = {s["span_id"] for s in spans}
    below = {}
    for span in sorted(spans, key=lambda s: s["start_ns"]):
        place = span["parent_id"] if span["parent_id"] in ids else None
        below.setdefault(place, []).append(span)

    def show(place, depth):
        for span in below.get(place, []):
            print("#   %s%s (%s, %s, ml_app %s)%s" % (
                "  " * depth, span["name"], kind_of(span), language(span),
                tags_of(span)["ml_app"],
                "" if depth else " trace " + span["trace_id"]))
            show(span["span_id"], depth + 1)
    show(None, 0)


def chain(spans, want):
    """The spans are one path of one trace, of these (language, kind) from its
    root on; gives them in this order."""
    equal(len(spans), len(want), "number of spans")
    equal(len({s["trace_id"] for s in spans}), 1, "number of traces")
    path, parent = [], "undefined"
    for language_of, kind in want:
        found = [s for s in spans if s["parent_id"] == parent]
        equal([(language(s), kind_of(s)) for s in found],
              [(language_of, kind)], "spans below %s" % parent)
        path += found
        parent = found[0]["span_id"]
    return path
