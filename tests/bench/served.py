"""Measures what the hooks of `llmobs-run --inbound` cost servers of Python and Node
whose every request makes a call to a model.

Each round runs a server under `llmobs-run` without the option and with it, in turn,
and sends it 2,000 requests, 8 at once, of which four in five name a caller's trace.
Compared is the processor time of the server's processes for these, behind 100 others.
It prints a table in Markdown: the median of the rounds' ratios, and their quartiles.
"""
import importlib.machinery
import importlib.util
import os
import shutil
import statistics
import subprocess
import tempfile

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
MANY, WARM, AT_ONCE = 2000, 100, 8
PYTHON = "/usr/bin/python3 "
SERVERS = {
    "Flask, gunicorn": PYTHON + "-m gunicorn -b 127.0.0.1:@ --threads 8 "
    "gateway:flask_app urllib3",
    "FastAPI, uvicorn (h11)": PYTHON + "-m uvicorn --port @ --log-level warning "
    "--http h11 --loop asyncio gateway:fastapi_app aiohttp",
    "FastAPI, uvicorn (httptools, uvloop)": PYTHON + "-m uvicorn --port @ "
    "--log-level warning --http httptools --loop uvloop gateway:fastapi_app aiohttp",
    "aiohttp": PYTHON + "gateway.py aiohttp @ aiohttp",
    "http.server": PYTHON + "gateway.py http.server @ http_client",
    "Node, http and fetch": "node node/apps.mjs http @ fetch",
    "Node, http and https": "node node/apps.mjs http @ https",
}


def matrix():
    """tests/inbound/run, which has the provider."""
    path = os.path.join(TESTS, "inbound", "run")
    loader = importlib.machinery.SourceFileLoader("inbound_run", path)
    module = importlib.util.module_from_spec(
        importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


def spent(pid):
    """The processor time of a process and its children, in seconds, with that of
    threads that have ended."""
    ticks, todo = 0, [pid]
    while todo:
        one = todo.pop()
        try:
            with open("/proc/%d/stat" % one) as f:
                words = f.read().rpartition(")")[2].split()
            with open("/proc/%d/task/%d/children" % (one, one)) as f:
                todo += map(int, f.read().split())
        except OSError:
            continue
        ticks += int(words[11]) + int(words[12])
    return ticks / os.sysconf("SC_CLK_TCK")


class Served:
    def __init__(self, bench):
        self.build, self.run = bench.build, matrix()
        self.folder = tempfile.mkdtemp(dir=bench.work)
        self.provider = self.run.Provider(self.folder)

    def once(self, server, options):
        """The processor time of MANY requests."""
        *words, client = server.split()
        here, port = tempfile.mkdtemp(dir=self.folder), self.run.free_port()
        ca = self.provider.ca
        env = {k: v for k, v in os.environ.items()
               if not k.startswith(("LLMOBS", "DD_"))}
        env.update(HOME=here, LLMOBS_STORE_DIR=here + "/store", CA=ca,
                   LLMOBS_EXPORTER="store", UPSTREAM=self.provider.urls[True],
                   SSL_CERT_FILE=ca, NODE_EXTRA_CA_CERTS=ca, MODULES=here)
        process = subprocess.Popen(
            [self.build + "/llmobs-run", *options,
             *(w.replace("@", str(port)) for w in words)], env=env,
            cwd=os.path.join(TESTS, "inbound"), stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        try:
            self.run.wait_for_port(port, process)
            path = "/go?%s=%s" % ("c" if "node" in words else "client", client)
            self.run.drive(port, path, (), WARM, AT_ONCE)
            before = spent(process.pid)
            good, _ = self.run.drive(port, path, (), MANY, AT_ONCE)
            if len(good) < MANY:
                raise RuntimeError("%d of %d answered" % (len(good), MANY))
            return spent(process.pid) - before
        finally:
            process.terminate()
            process.wait()
            shutil.rmtree(here, True)

    def close(self):
        self.provider.process.terminate()
        self.provider.process.wait()


def table(bench, rounds, word):
    served = Served(bench)
    print("| server | ratio | quartiles | ms a request |\n| --- | --- | --- | --- |")
    try:
        for name, server in SERVERS.items():
            if word not in name:
                continue
            pairs = [(served.once(server, ()), served.once(server, ("--inbound",)))
                     for _ in range(max(rounds or 5, 2))]
            ratios = sorted(b / a for a, b in pairs)
            low, middle, high = statistics.quantiles(ratios, n=4)
            print("| %s | %.3f | %.3f to %.3f | %.2f |" % (
                name, middle, low, high,
                statistics.median(a for a, _ in pairs) * 1e3 / MANY), flush=True)
    finally:
        served.close()
