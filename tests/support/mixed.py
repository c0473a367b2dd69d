"""A local store of spans of every kind: models asked and answered that differ,
errors with and without a type, counts that are missing, runs, scripts, users,
gateways, tools, evaluations; unicode.  The same seed gives the same spans."""
import json
import os
import random

SECOND = 10**9
BEGIN = 1752000000 * SECOND
# The model that was asked for, the one that answered, whose it is.
MODELS = [("gpt-4o", "gpt-4o-2024-11-20", "openai"),
          ("gpt-4o-mini", "gpt-4o-mini-2024-07-18", "openai"),
          ("gpt-4o", "gpt-4o", "openai"), ("gpt-4o-mini", "gpt-4o", "openai"),
          ("router/auto", "claude-sonnet-4-5", "openrouter"),
          ("modèle-ü", "modèle-ü-1", "local"), (None, "custom", None)]
ERRORS = [("rate_limit_error", "Rate limit.", 429), (None, "boom", None),
          ("http_500", "Internal «Server» Error", 500)]
QUESTIONS = ["Where is my parcel?", "请总结这篇文章", "=1+1 is a formula",
             "two\nlines, \"quoted\"", "أجب بالعربية", "👩‍🚀 here"]
KINDS = ["llm"] * 9 + ["embedding"] * 2 + ["workflow", "agent", "task", "tool",
                                           "retrieval"]


class Maker:
    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.at, self.traces = BEGIN, []

    def some(self, *values):
        return self.rng.choice(values)

    def chance(self, share):
        return self.rng.random() < share

    def trace(self):
        """An open trace: what its spans have in common."""
        some, rng = self.some, self.rng
        if not self.traces or self.chance(0.35):
            self.traces = (self.traces + [{
                "id": "%08x00000000%016x" % (self.at // SECOND,
                                             rng.getrandbits(64)),
                "spans": [], "app": some("shop", "büro", "nightly"),
                "session": some(None, "s-%d" % rng.randrange(20), "sitzung ü"),
                "run": some(None, "%016x" % rng.randrange(1, 30)),
                "user": some(None, "u%d" % rng.randrange(9)),
                "uid": some(None, 0, 1, 4242),
                "script": some(None, "/srv/a/index.php", "/srv/b/index.php",
                               "/opt/x y/job.py")}])[-4:]
        return rng.choice(self.traces)

    def caller(self, trace):
        found = {"module": self.some("app", "libfoo.so"),
                 "frames": ["app!ask+0x1b", "app!main+0xe2"]}
        if self.chance(0.5):
            found["function"] = self.some("ask", "Foo::bar")
        if trace["script"]:
            found["entry"] = trace["script"]
            if self.chance(0.6):
                found.update(file="/srv/plugins/<b>seo.php", code="S\\T::do",
                             line=self.rng.randrange(4), plugins=["ai", "seo"])
        return found

    def tags(self, trace, error):
        app, some, chance = trace["app"], self.some, self.chance
        tags = ["ml_app:" + app, "service:%s-svc" % app, "version:1.0",
                "env:" + some("prod", "dev"), "error:%d" % bool(error)]
        tags += ["user_id:%s" % trace["user"]] * bool(trace["user"])
        tags += ["team:" + some(*"xyz")] * chance(0.3)
        tags += ["unit:fpm.service"] * chance(0.2)
        tags += ["key:%08x" % self.rng.randrange(3)] * chance(0.2)
        tags += ["session_id:%s" % trace["session"]] * bool(trace["session"])
        if error and error[0]:
            tags.append("error_type:" + error[0])
        return tags

    def call(self, event, error, kind):
        """A call of a model has two models, tokens, texts."""
        meta, metrics, facts = event["meta"], event["metrics"], event["_call"]
        chance, rng = self.chance, self.rng
        asked, answered, provider = self.some(*MODELS)
        question = self.some(*QUESTIONS)
        if asked:
            facts["request_model"] = asked
        if not error and asked:
            facts["response_model"] = answered
        meta["model_name"] = (asked or answered) if error else answered
        if provider:
            meta["model_provider"] = provider
        meta["input"] = {"messages": [{"role": "system", "content": "Be brief."},
                                      {"role": "user", "content": question}]}
        meta["output"] = {"messages": [{"role": "assistant",
                                        "content": "On " + question}]}
        if error:
            return
        if chance(0.9):
            metrics["input_tokens"] = rng.randrange(30000)
            if chance(0.3):
                metrics["cache_read_input_tokens"] = \
                    metrics["input_tokens"] // 2
        if kind == "llm" and chance(0.9):
            metrics["output_tokens"] = rng.randrange(3000)
        if kind == "llm" and chance(0.5):
            metrics["time_to_first_token"] = round(
                event["duration"] / 1e9 * 0.4, 6)
        if chance(0.2):
            metrics["reasoning_output_tokens"] = rng.randrange(100)
        if chance(0.1):
            metrics["total_cost"] = rng.random() / 50

    def span(self, number):
        rng, chance, some = self.rng, self.chance, self.some
        self.at += rng.randrange(90 * SECOND)
        trace, kind = self.trace(), some(*KINDS)
        error = some(*ERRORS) if chance(0.12) else None
        ids = trace["spans"]
        parent = some(*ids) if ids and chance(0.8) else "undefined"
        ids.append(str(rng.getrandbits(63) | 1))
        event = {
            "_call": {"hostname": some("web1", "büro"), "executable": "php"},
            "_dd": {}, "name": some("OpenAI.createChatCompletion", "sök"),
            "duration": some(rng.randrange(900000), rng.randrange(SECOND),
                             108600000, 999600000, rng.randrange(90 * SECOND),
                             59996000000, 3700 * SECOND),
            "meta": {"span": {"kind": kind},
                     "metadata": {"caller": self.caller(trace)}},
            "metrics": {}, "parent_id": parent, "span_id": ids[-1],
            "start_ns": self.at + number * 1000, "trace_id": trace["id"],
            "status": "error" if error else "ok",
            "tags": self.tags(trace, error)}
        for fact in "run", "uid":
            if trace[fact] is not None:
                event["_call"][fact] = trace[fact]
        if chance(0.2):
            event["_call"]["page"] = some("GET /shop/cart", "POST /api/x")
        if trace["session"]:
            event["session_id"] = trace["session"]
        if kind in ("llm", "embedding"):
            self.call(event, error, kind)
        elif kind == "workflow" and chance(0.5):
            event["_call"].update(proxied=True, host="gw")
        elif kind in ("tool", "task", "agent") and chance(0.3):
            event["tags"].append("integration:openai")
            event["metrics"] = {"input_tokens": rng.randrange(900)}
            event["meta"]["metadata"]["model"] = "job-model"
        if error:
            event["meta"]["error"] = {"message": error[1], "stack": "",
                                      **({"type": error[0]} if error[0] else
                                         {})}
        if chance(0.1):
            del event["_call"]
        if chance(0.02):
            del event["meta"]["span"]
        return event

    def evaluation(self, event):
        value = self.rng.choice([
            {"label": "quality", "metric_type": "score",
             "score_value": round(self.rng.random(), 2)},
            {"label": "tone", "metric_type": "categorical",
             "categorical_value": self.some("warm", "cold")}])
        return {"join_on": {"span": {"trace_id": event["trace_id"],
                                     "span_id": event["span_id"]}},
                "timestamp_ms": event["start_ns"] // 10**6,
                "ml_app": "shop", "tags": [], **value}


def events(count=1000, seed=61):
    """The spans, and evaluations of some behind them."""
    maker = Maker(seed)
    for number in range(count):
        event = maker.span(number)
        yield event
        if maker.chance(0.15):
            yield maker.evaluation(event)


def write(path, count=1000, seed=61):
    os.makedirs(path)
    with open(os.path.join(path, "spans.jsonl"), "w", encoding="utf-8") as f:
        f.writelines(json.dumps(e, sort_keys=True, ensure_ascii=False) + "\n"
                     for e in events(count, seed))
