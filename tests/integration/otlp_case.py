"""Shared by the tests of the exporter to OTLP."""
import os
import subprocess
import sys

from delivery import Living, counts, left_behind, taken_over, wait_for
from harness import SUPPORT, equal

sys.path.append(SUPPORT)
from llm_server import make_certificates  # noqa: E402
from otlp_receiver import Receiver  # noqa: E402


def otlp(receiver, **more):
    return dict({"LLMOBS_EXPORTER": "otlp",
                 "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url}, **more)


def of_good_form(receiver):
    equal(receiver.wrong, [], "what is wrong with the requests")


def each_once(receiver, count):
    """So many spans were accepted, each once."""
    of_good_form(receiver)
    equal(len(receiver.ids()), count, "spans that arrived")
    equal(len(set(receiver.ids())), count, "their ids")


def books(t, **want):
    """The counters of `llmobs stats`; captured is the sum of its parts."""
    said = counts(t)
    equal(said["captured"], sum(said[n] for n in (
        "delivered", "sampled_out", "pending", "spooled", "unconfirmed",
        "purged", "dropped")), "captured, by its parts")
    said.update(said["dropped_by_reason"])
    equal({n: said.get(n, 0) for n in want}, want, "counters")


def next_process(t, receiver, env, total):
    """Another process with the same settings makes one call, and delivers what
    others left: until so many spans have come in all."""
    for name in os.listdir(os.path.join(t.dir, "store")):
        if name.startswith("dead-"):
            os.unlink(os.path.join(t.dir, "store", name))
    with Living(t, env, keep=True) as app:
        app.ask("next")
        receiver.wait_spans(total, 20)
        taken_over(t)
        app.end()
    each_once(receiver, total)
    equal(left_behind(t), [], "what is left in the spool")
    # The drain that took them over counts them last.
    wait_for(lambda: counts(t)["spooled"] == 0, 20)


def client_certificate(folder, ca):
    """A certificate of a client, signed by the CA: its paths."""
    key, ask, cert = (os.path.join(folder, "client." + e)
                      for e in ("key", "csr", "pem"))

    def openssl(*args):
        subprocess.run(("openssl",) + args, check=True,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
    openssl("req", "-newkey", "ec", "-pkeyopt",
            "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key, "-out",
            ask, "-subj", "/CN=client")
    openssl("x509", "-req", "-in", ask, "-CA", ca, "-CAkey",
            os.path.join(os.path.dirname(ca), "ca.key"), "-CAcreateserial",
            "-days", "2", "-out", cert)
    return cert, key



__all__ = ["Receiver", "books", "client_certificate", "each_once",
           "make_certificates", "next_process", "of_good_form", "otlp"]
