"""The program under test, and a collector that tests start on ports of the kernel's choice.

$WEIR is the program, else build/src/cli/weir.
"""

import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
WEIR = os.environ.get("WEIR", str(ROOT / "build/src/cli/weir"))
PATIENCE_S = 20


def until(true, what, seconds=PATIENCE_S):
    """Wait for true() to be so; tests never sleep for a fixed time."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"waited in vain for {what() if callable(what) else what}"
        time.sleep(0.01)


class Collector:
    """weir collect on a store, listening on 127.0.0.1 (UDP and TCP) at ports it chose."""

    def __init__(self, store, *args, env=None, may_fail=False, port=0, stdout=None):
        self.store = store
        self.instance = args[args.index("--instance") + 1] if "--instance" in args else "collect"
        self.log = pathlib.Path(f"{store}.{self.instance}.log")
        self.out = open(self.log, "w")
        command = [WEIR, "collect", "--store", str(store), "--listen", f"127.0.0.1:{port}", "--tcp", "127.0.0.1:0", *args]
        self.process = subprocess.Popen(command, stdout=stdout, stderr=self.out, env=os.environ | (env or {}))
        until(lambda: self.ready() or self.process.poll() is not None, "the collector to be ready")
        assert may_fail or self.process.poll() is None, self.text()
        self.port = self.port_of("udp") if self.ready() else None
        self.tcp_port = self.port_of("tcp") if self.ready() else None

    def ready(self):
        return "ready store=" in self.text()

    def text(self):
        return self.log.read_text()

    def port_of(self, kind):
        return int(re.search(rf"listening {kind}=127\.0\.0\.1:(\d+)", self.text()).group(1))

    def show(self, what="collect"):
        command = [WEIR, "show", what, "--json", "--store", str(self.store), "--instance", self.instance]
        run = subprocess.run(command, capture_output=True, check=True)
        return json.loads(run.stdout)

    def counters(self):
        return self.show("counters")["counters"]

    def wait_for(self, **counters):
        """Until each counter is at least as high."""
        until(lambda: all(self.counters()[k] >= n for k, n in counters.items()), counters)

    def send(self, *datagrams):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            for d in datagrams:
                s.sendto(d, ("127.0.0.1", self.port))

    def stop(self, how=signal.SIGTERM):
        """End it; the exit status."""
        self.process.send_signal(how)
        status = self.process.wait(PATIENCE_S)
        self.out.close()
        return status

    def kill(self):
        self.stop(signal.SIGKILL)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.out.close()


@pytest.fixture
def weir():
    assert pathlib.Path(WEIR).exists(), f"{WEIR} is not built"
    return WEIR


@pytest.fixture
def collector(tmp_path, weir):
    """Starts collectors: collector("--seal-every", "1s"); all of a test share a store unless told."""
    started = []

    def start(*args, store=tmp_path / "store", **kwargs):
        started.append(Collector(store, *args, **kwargs))
        return started[-1]

    yield start
    for c in started:
        c.__exit__()


@pytest.fixture
def run(weir):
    """run("query", ...): the finished process; fails the test if the status is not `status`."""

    def run_weir(*args, status=0, **kwargs):
        done = subprocess.run([weir, *map(str, args)], capture_output=True, text=True, **kwargs)
        assert done.returncode == status, done.stderr
        return done

    return run_weir


@pytest.fixture
def flows(run):
    """flows(store): every record in a store, as weir query lists them."""

    def query(store, *args):
        listed = run("query", "--store", store, "--format", "jsonl", "--raw", *args, "kind any")
        return [json.loads(line) for line in listed.stdout.splitlines()]

    if "query" not in run("--help").stdout:
        pytest.skip("this weir has no query")
    return query


def v5(sequence, n=1, first_port=1000):
    """A NetFlow v5 datagram of n records whose source ports count up."""
    head = bytes([0, 5]) + n.to_bytes(2, "big") + (100000).to_bytes(4, "big")
    head += int(time.time()).to_bytes(4, "big") + bytes(4) + sequence.to_bytes(4, "big") + bytes(4)
    body = b""
    for i in range(n):
        body += bytes([192, 0, 2, 1, 198, 51, 100, 2, 0, 0, 0, 0, 0, 1, 0, 2])
        body += (3).to_bytes(4, "big") + (1500).to_bytes(4, "big")
        body += (90000).to_bytes(4, "big") + (95000).to_bytes(4, "big")
        body += ((first_port + i) % 65536).to_bytes(2, "big") + (443).to_bytes(2, "big")
        body += bytes([0, 0x18, 6, 0]) + bytes(8)
    return head + body


def ipfix(sequence, *sets, domain=1):
    """An IPFIX message of sets, which are (id, bytes)."""
    body = b"".join(i.to_bytes(2, "big") + (len(b) + 4).to_bytes(2, "big") + b for i, b in sets)
    head = bytes([0, 10]) + (16 + len(body)).to_bytes(2, "big") + int(time.time()).to_bytes(4, "big")
    return head + sequence.to_bytes(4, "big") + domain.to_bytes(4, "big") + body


# Template 256: source address, source port, octets.
TEMPLATE = (2, bytes.fromhex("0100 0003 0008 0004 0007 0002 0001 0004"))


def record(port):
    return (256, bytes([192, 0, 2, 9]) + port.to_bytes(2, "big") + (100).to_bytes(4, "big"))
