"""Many workers in one collector, many processes on one store, start, stop and reload under load."""

import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import threading
import time

import pytest

from conftest import TEMPLATE, WEIR, ipfix, record, until, v5
from test_collect import leftovers, parquet, ports

EXPORTERS = [f"127.0.0.{n}" for n in range(20, 40)]


@contextlib.contextmanager
def exporter(address):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind((address, 0))
        yield s


def send(c, address, *datagrams):
    with exporter(address) as s:
        for d in datagrams:
            s.sendto(d, ("127.0.0.1", c.port))


def received(c):
    return [w["datagrams"] for w in c.show()["workers"]]


class Load:
    """Datagrams of one flow each, from several exporters, until stopped; at a moderate rate."""

    def __init__(self, port, burst=20, pause_s=0.004):
        self.port, self.burst, self.pause_s = port, burst, pause_s
        self.sent = 0
        self.going = True
        self.end = time.monotonic() + 60
        self.thread = threading.Thread(target=self.run, daemon=True)  # a test that fails does not stop it
        self.thread.start()

    def run(self):
        with contextlib.ExitStack() as stack:
            sockets = [stack.enter_context(exporter(a)) for a in EXPORTERS]
            while self.going and time.monotonic() < self.end:
                for i in range(self.burst):
                    sockets[i % len(sockets)].sendto(v5(self.sent, 1, first_port=self.sent), ("127.0.0.1", self.port))
                    self.sent += 1
                time.sleep(self.pause_s)

    def stop(self):
        self.going = False
        self.thread.join()
        return self.sent


def test_an_exporter_stays_with_one_worker(collector):
    c = collector("--workers", "3")
    assert len(c.show()["workers"]) == 3
    for address in EXPORTERS:
        before = received(c)
        for _ in range(3):  # from another port each time
            send(c, address, v5(0, 2))
        until(lambda: sum(received(c)) == sum(before) + 3, "three datagrams")
        assert sorted(a - b for a, b in zip(received(c), before)) == [0, 0, 3]
    assert min(received(c)) > 0
    assert c.stop() == 0
    assert "flows=120 stored=120 files=3" in c.text()
    assert sorted(p.name.split("-")[1] for p in parquet(c.store)) == ["0", "1", "2"]


def test_a_connection_meets_the_worker_of_its_exporter(collector):
    c = collector("--workers", "3")
    for n, address in enumerate(EXPORTERS[:6]):
        send(c, address, ipfix(0, TEMPLATE))
        c.wait_for(datagrams=3 * n + 1)
        before = received(c)
        with socket.create_connection(("127.0.0.1", c.tcp_port), source_address=(address, 0)) as s:
            s.sendall(ipfix(0, TEMPLATE))
            c.wait_for(datagrams=3 * n + 2)
        send(c, address, ipfix(1, record(n)))
        c.wait_for(flows=n + 1)
        assert sorted(a - b for a, b in zip(received(c), before)) == [0, 0, 2]


def restart(collector, c, how, workers):
    c.stop(how)
    return collector("--workers", str(workers))


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_state_finds_its_worker_after_a_restart_with_another_number(collector, flows, how):
    """Templates are known, and data that waited for theirs are decoded once."""
    c = collector("--workers", "3")
    for n, address in enumerate(EXPORTERS):
        send(c, address, ipfix(0, TEMPLATE), ipfix(0, record(n), domain=2))  # domain 2's template is not known
    c.wait_for(templates=len(EXPORTERS), sets_held=len(EXPORTERS))
    expected = []
    for turn, workers in enumerate((2, 5, 1, 3)):
        c = restart(collector, c, how, workers)
        for n, address in enumerate(EXPORTERS):
            port = 1000 * (turn + 1) + n
            send(c, address, ipfix(0, record(port)))
            expected.append(port)
        c.wait_for(flows=len(EXPORTERS))
        assert c.counters()["sets_held"] == 0
    for n, address in enumerate(EXPORTERS):
        send(c, address, ipfix(0, TEMPLATE, domain=2))
        expected.append(n)
    c.wait_for(sets_released=len(EXPORTERS))
    c.stop()
    assert ports(flows(c.store)) == sorted(expected)
    c = collector("--workers", "2")
    for address in EXPORTERS:
        send(c, address, ipfix(0, TEMPLATE, domain=2))
    c.wait_for(templates=len(EXPORTERS))
    assert c.counters()["sets_released"] == 0
    c.stop()
    assert ports(flows(c.store)) == sorted(expected)
    assert not leftovers(c.store)


def test_killed_under_load_with_several_workers(collector, flows):
    c = collector("--workers", "2", "--seal-every", "1s", "--journal-size", "65536")
    sent = 0
    for workers in (3, 1, 2):
        load = Load(c.port)
        until(lambda: load.sent > 2000, "some load")
        last = load.stop()
        c.wait_for(journal_frames=last)
        c.kill()
        sent += last
        c = collector("--workers", str(workers), "--seal-every", "1s", "--journal-size", "65536")
        assert len(flows(c.store, "--top", "0")) == sent


def test_workers_are_pinned(collector):
    c = collector("--workers", "2", "--pin")
    cpus = {}
    for task in pathlib.Path(f"/proc/{c.process.pid}/task").iterdir():
        status = dict(line.split(":\t", 1) for line in (task / "status").read_text().splitlines() if ":\t" in line)
        cpus.setdefault(status["Name"], set()).add(status["Cpus_allowed_list"])
    mine = sorted(os.sched_getaffinity(0))
    for n in range(2):
        assert cpus[f"receive-{n}"] == {str(mine[n % len(mine)])}
    assert len(mine) == 1 or cpus["seal"] != cpus["receive-0"]


def test_sighup_makes_files_and_loses_nothing(collector, flows):
    c = collector("--workers", "2")
    load = Load(c.port)
    for _ in range(8):
        files = len(parquet(c.store))
        more = load.sent + 100
        until(lambda: load.sent > more, "some load")
        c.process.send_signal(signal.SIGHUP)
        until(lambda: len(parquet(c.store)) > files, "a file")
    sent = load.stop()
    until(lambda: c.counters()["datagrams"] == sent, f"{sent} datagrams")
    assert c.counters()["kernel_drops"] == 0
    assert c.stop() == 0
    assert f"datagrams={sent} flows={sent} stored={sent}" in c.text()
    assert len(flows(c.store, "--top", "0")) == sent


def test_sighup_without_anything_received_does_nothing(collector):
    c = collector()
    c.process.send_signal(signal.SIGHUP)
    until(lambda: "SIGHUP" in c.text(), "the log")
    assert c.stop() == 0
    assert not parquet(c.store)


def test_stop_and_start_in_under_a_second(collector):
    """With 5,000 datagrams a second coming in, on a machine that may have other work."""
    c = collector("--workers", "2")
    load = Load(c.port)
    took = []
    for _ in range(3):
        until(lambda: c.counters()["datagrams"] > 3000, "some load")
        begun = time.monotonic()
        assert c.stop() == 0
        stopped = time.monotonic()
        c = collector("--workers", "2", "--listen", f"127.0.0.1:{load.port}")
        took.append((stopped - begun, time.monotonic() - stopped))
    load.stop()
    print("stop and start:", ", ".join(f"{a:.2f} + {b:.2f} s" for a, b in took))
    assert sorted(a + b for a, b in took)[1] < 1  # the median


def test_questions_are_answered_under_overload(collector):
    c = collector("--workers", "2", "--rcvbuf", "65536")
    load = Load(c.port, burst=2000, pause_s=0)
    longest = 0
    until(lambda: c.counters()["kernel_drops"] > 0 or load.sent > 200000, "overload")
    for _ in range(20):
        begun = time.monotonic()
        c.show()
        longest = max(longest, time.monotonic() - begun)
    sent = load.stop()
    assert longest < 2
    until(lambda: (lambda n: n["datagrams"] + n["kernel_drops"] == sent)(c.counters()), "all that was sent")
    n = c.counters()
    assert c.stop() == 0
    assert f"datagrams={n['datagrams']} flows={n['datagrams']} stored={n['datagrams']}" in c.text()


def test_receive_buffers_grow_with_the_rate(collector):
    c = collector()
    before = c.show()["listeners"][0]["rcvbuf_bytes"]
    load = Load(c.port, burst=2000, pause_s=0)
    until(lambda: c.show()["workers"][0]["datagrams_per_s"] > 50000 or load.sent > 400000, "a high rate")
    fast = c.show()["workers"][0]["datagrams_per_s"] > 50000
    load.stop()
    if not fast:
        pytest.skip("this machine has no time to send 50,000 datagrams a second now")
    until(lambda: c.show()["listeners"][0]["rcvbuf_bytes"] > before or "sysctl -w" in c.text(), "more room, or advice")


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("setpriv"), reason="needs root and setpriv to give up CAP_NET_ADMIN")
def test_advice_where_the_kernel_keeps_buffers_small(tmp_path):
    log = tmp_path / "log"
    command = ["setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin", WEIR, "collect", "--store", str(tmp_path / "store"),
               "--listen", "127.0.0.1:0", "--workers", "2", "--rcvbuf", "512Mi"]
    with open(log, "w") as out:
        process = subprocess.Popen(command, stderr=out)
    try:
        until(lambda: "ready" in log.read_text() or process.poll() is not None, "the collector")
        until(lambda: "sysctl -w net.core.rmem_max=536870912" in log.read_text(), log.read_text)
        process.send_signal(signal.SIGHUP)
        until(lambda: log.read_text().count("net.core.rmem_max") == 2, "the advice again")
    finally:
        process.terminate()
        assert process.wait(20) == 0


def test_several_writers_and_readers_on_one_store(tmp_path, collector, run, flows):
    """Two collectors, imports and queries at once: each query sees whole files or journals, nothing
    twice, never less than before; at the end everything is there."""
    a = collector("--workers", "2", "--seal-every", "1s", "--journal-size", "65536")
    b = collector("--instance", "second", "--workers", "2", "--seal-every", "1s", "--journal-size", "65536")
    bare = tmp_path / "bare"
    bare.write_bytes(b"".join(v5(i, 30) for i in range(20)))
    loads = [Load(a.port), Load(b.port)]
    imported = 0
    seen = 0
    turns = 0
    end = time.monotonic() + 4
    while time.monotonic() < end:
        run("import", "--store", a.store, bare)
        imported += 600
        least = seen
        got = run("query", "--store", a.store, "--by", "version", "--format", "jsonl", "--raw").stdout
        seen = json.loads(got)["flows"]
        most = sum(load.sent for load in loads) + imported
        assert least <= seen <= most
        turns += 1
    sent = [load.stop() for load in loads]
    for c, n in zip((a, b), sent):
        until(lambda: c.counters()["datagrams"] == n, f"{n} datagrams")
    assert len(flows(a.store, "--top", "0")) == sum(sent) + imported
    assert b.process.poll() is None and a.stop() == 0
    until(lambda: "stopped" in a.text(), "the first")
    assert b.stop() == 0
    assert turns >= 3
    assert f"stored={sent[0]} " in a.text() and f"stored={sent[1]} " in b.text()
    assert len(flows(a.store, "--top", "0")) == sum(sent) + imported
    assert not leftovers(a.store)
