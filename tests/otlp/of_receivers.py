"""Tests of the receivers themselves, and of the comparison."""
import json

import receivers
from bench import Differences, by_id
from doubles import wait_for
from harness import equal, ok
from of_spans import as_kept, as_read

CONTROL = {"resourceSpans": [{
    "resource": {"attributes": [
        {"key": "service.name", "value": {"stringValue": "control"}}]},
    "scopeSpans": [{
        "scope": {"name": "by hand", "version": "1"}, "schemaUrl": "urn:s",
        "spans": [{
            "traceId": "0af7651916cd43dd8448eb211c80319c",
            "spanId": "b7ad6b7169203331", "parentSpanId": "00f067aa0ba902b7",
            "name": "h\u00e9", "kind": 3, "flags": 257,
            "startTimeUnixNano": "1700000000000000001",
            "endTimeUnixNano": "1700000000500000003",
            "status": {"code": 2, "message": "m"},
            "attributes": [
                {"key": "s", "value": {"stringValue": ""}},
                {"key": "i", "value": {"intValue": "-9007199254740993"}},
                {"key": "d", "value": {"doubleValue": 0.1}},
                {"key": "b", "value": {"boolValue": False}},
                {"key": "a", "value": {"arrayValue": {"values": [
                    {"stringValue": "x"}]}}}]}]}]}]}
READ = {"s": "", "i": -9007199254740993, "d": 0.1, "b": False, "a": ["x"]}


def as_protobuf(strict, signal, request):
    message = strict.types[signal]()
    strict.json.ParseDict(receivers.changed_ids(
        request, receivers.to_base64), message)
    return message.SerializeToString()


def check_control(receiver):
    span, = wait_for(lambda: receiver.got("traces"), 5) or [None]
    ok(span, "the receiver says nothing of a span that it was sent")
    equal(span["attributes"], READ, "attributes")
    equal((span["traceId"], span["spanId"], span["parentSpanId"], span["kind"],
           span["start"], span["end"], span["status"], span["flags"]),
          ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331",
           "00f067aa0ba902b7", 3, 1700000000000000001, 1700000000500000003,
           (2, "m"), 257), "fields")
    equal((span["resource"], span["scope"]),
          ({"service.name": "control"},
           {"name": "by hand", "version": "1", "schema": "urn:s"}), "groups")


def control(bench):
    """A request that is not ours is read back in both encodings."""
    strict = bench.strict()
    bodies = {"application/json": json.dumps(CONTROL).encode(),
              "application/x-protobuf": as_protobuf(strict, "traces", CONTROL)}
    for receiver in (bench.elastic(), strict):
        for kind, body in bodies.items():
            receiver.forget()
            receivers.ask(receiver.url + "/v1/traces", body, kind)
            check_control(receiver)
    genkit = bench.genkit()
    receivers.ask(genkit.url + "/v1/traces", bodies["application/json"],
                  "application/json")
    got = genkit.trace("0af7651916cd43dd8448eb211c80319c")["b7ad6b7169203331"]
    equal({k: as_read(v) for k, v in got["attributes"].items()},
          {k: as_kept(v) for k, v in READ.items()}, "attributes at Genkit")


def strict_refuses(bench):
    """The decoder is strict: bytes that are no UTF-8, a field that does not
    exist, a number for a name."""
    strict = bench.strict()
    good = as_protobuf(strict, "traces", CONTROL)
    strict.forget()
    for body, why in ((good.replace(b"\xc3\xa9", b"\xff\xfe"), "DecodeError"),
                      (good + b"\x98\x06\x01", "unknown fields"),
                      (good[:-1], "DecodeError")):
        said = strict.take("/v1/traces", {
            "content-type": "application/x-protobuf"}, body)
        ok(said and why in said, "the decoder says %s" % said)
    for text in ('{"resourceSpans": [{"colour": 1}]}',
                 '{"resourceSpans": [{"scopeSpans": [{"spans": [{"spanId": 1}]'
                 '}]}]}'):
        said = strict.take("/v1/traces", {"content-type": "application/json"},
                           text.encode())
        ok(said, "the decoder takes %s" % text)


def differences_show(bench):
    """The comparison sees an attribute of another type, and a span that is
    missing."""
    found = Differences(False)
    found.compare_dicts("span", {"a": 1, "b": "x"}, {"a": 1.0, "b": "x"})
    equal(len(found.found), 1, "differences of a type")
    by_id([{"span_id": "1"}, {"span_id": "2"}], [
        {"spanId": "%016x" % 1}], found)
    equal(len(found.found), 2, "differences with a span missing")
