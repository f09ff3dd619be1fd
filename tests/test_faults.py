"""Nothing is lost, nothing is doubled: killed, cut off, with a disk that fails, a clock that jumps, no memory.

Each flow carries a number of its own in its octets. What the collector has said to be in its journal must be in
answers exactly once in the end; what it had not said may be missing, and is never there twice.
WEIR_LONG=1 turns on the long forms.
"""

import collections
import contextlib
import datetime
import errno
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import threading
import time

import pytest

from conftest import TEMPLATE, WEIR, Collector, ipfix, until, v5
from faults import FOREVER, NO_MEMORY, Disk, Faults, preload

LONG = os.environ.get("WEIR_LONG") == "1"
SANITIZED = "sanitizers" in subprocess.run([WEIR, "--version"], capture_output=True, text=True, check=False).stdout
SMALL = ("--seal-every", "1s", "--journal-size", "65536", "--sync", "100ms")
ROWS = 5  # of a datagram


def numbered(number, rows=ROWS):
    """A v5 datagram whose flows have number, number + 1, ... octets."""
    d = bytearray(v5(number, rows))
    for i in range(rows):
        at = 24 + 48 * i + 20
        d[at : at + 4] = (number + i).to_bytes(4, "big")
    return bytes(d)


def held(number, domain, rows=ROWS):
    """The same in IPFIX, without a template: it is held until template(domain) comes."""
    records = [bytes([192, 0, 2, 9, 0, 1]) + (number + i).to_bytes(4, "big") for i in range(rows)]
    return ipfix(number, (256, b"".join(records)), domain=domain)


def template(domain):
    return ipfix(0, TEMPLATE, domain=domain)


def counters(store):
    """Asked directly, for speed; None if nobody answers."""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(20)
        try:
            s.connect(str(store / "run/collect.sock"))
            s.sendall(b"counters\n")
            answer = b"".join(iter(lambda: s.recv(65536), b""))
            return json.loads(answer)["counters"] if answer else None
        except (OSError, ValueError):  # cut short: no memory for it
            return None


def query(store, status=0):
    """Counter of the numbers in a store, by weir query."""
    command = [WEIR, "query", "--store", str(store), "--raw", "--by", "bytes", "--top", "0", "--format", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == status, done.stderr
    groups = json.loads(done.stdout)
    groups = groups["groups"] if isinstance(groups, dict) else groups
    return collections.Counter({g["by_bytes"]: g["flows"] for g in groups})


def verify(store, status=0):
    done = subprocess.run([WEIR, "store", "verify", "--json", "--store", str(store)], capture_output=True, text=True, check=False)
    assert done.returncode == status, done.stdout + done.stderr
    return json.loads(done.stdout)


def read_with_others(store):
    """Each file by pyarrow, where it is at hand."""
    try:
        from pyarrow import parquet
    except ImportError:
        return None
    return sum(parquet.ParquetFile(p).read().num_rows for p in store.glob("date=*/hour=*/*.parquet"))


def check(store, must, may=(), status=0):
    """Each of `must` once; of `may` at most once; nothing else."""
    have = query(store, status)
    doubled = {k: n for k, n in have.items() if n > 1}
    assert not doubled, f"{len(doubled)} twice: {sorted(doubled)[:10]}"
    missing = set(must) - have.keys()
    assert not missing, f"{len(missing)} of {len(set(must))} missing: {sorted(missing)[:10]}"
    assert not have.keys() - set(must) - set(may)
    return len(have)


class Load(threading.Thread):
    """Sends datagrams that `make(i)` makes until it is stopped; the i-th has numbers(i)."""

    def __init__(self, port, make, pause_s=0.004, burst=6):
        super().__init__(daemon=True)
        self.port, self.make, self.pause_s, self.burst = port, make, pause_s, burst
        self.sent = 0
        self.over = threading.Event()
        self.start()

    def run(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            while not self.over.is_set():
                for _ in range(self.burst):
                    with contextlib.suppress(ConnectionRefusedError):
                        s.sendto(self.make(self.sent), ("127.0.0.1", self.port))
                    self.sent += 1
                time.sleep(self.pause_s)

    def stop(self):
        self.over.set()
        self.join()


class Ledger:
    """Numbers given out, and what is known about them."""

    def __init__(self):
        self.next = 0
        self.must, self.may, self.held = set(), set(), set()
        self.domains = set()

    def plan(self, domain, first_templates=()):
        """make(i) for a Load: templates first, then flows, every third datagram held in `domain`."""
        self.base = self.next
        self.first = list(first_templates)
        self.domains |= {domain, *first_templates}

        def make(i):
            if i < len(self.first):
                return template(self.first[i])
            number = self.base + ROWS * (i - len(self.first))
            return held(number, domain) if i % 3 == 0 else numbered(number)

        return make

    def done(self, sent, received):
        """`received` datagrams of `sent` are in the journal."""
        numbers = lambda n: self.base + ROWS * max(0, n - len(self.first))
        self.must |= set(range(self.base, numbers(received)))
        self.may |= set(range(numbers(received), numbers(sent)))
        first = len(self.first)
        self.held |= {numbers(i) + row for i in range(first, sent) if i % 3 == 0 for row in range(ROWS)}
        self.next = numbers(sent)


@pytest.fixture(autouse=True)
def seed(request):
    """WEIR_SEED repeats a run."""
    s = int(os.environ.get("WEIR_SEED", time.time_ns() % 1000000))
    random.seed(s)
    print(f"WEIR_SEED={s}")


@pytest.fixture
def store(tmp_path):
    return tmp_path / "store"


def release_and_stop(collector, ledger, *args, **kwargs):
    """A last run: the templates of all held data, then an orderly end."""
    c = collector(*args, **kwargs)
    c.send(*[template(d) for d in sorted(ledger.domains)])
    c.wait_for(templates=len(ledger.domains))
    assert c.stop() == 0
    return c


# --- kill -9 ---


def kill_in_recovery(store):
    """Start a collector and kill it within moments, most often before it is ready."""
    with open(os.devnull, "w") as null:
        p = subprocess.Popen([WEIR, "collect", "--store", str(store), "--listen", "127.0.0.1:0", *SMALL], stderr=null)
        time.sleep(random.uniform(0, 0.06))
        p.kill()
        p.wait()


def test_kill_at_random_moments(collector, store):
    kills = 500 if LONG else 50
    ledger = Ledger()
    in_recovery = 0
    for turn in range(kills):
        while random.random() < 0.4:
            kill_in_recovery(store)
            in_recovery += 1
        c = collector(*SMALL)
        load = Load(c.port, ledger.plan(turn, [turn - 1] if turn else []))
        time.sleep(random.uniform(0.02, 0.35))
        n = counters(store)
        time.sleep(random.uniform(0, 0.03))
        c.kill()
        load.stop()
        assert n["kernel_drops"] == 0
        ledger.done(load.sent, n["journal_frames"])
    release_and_stop(collector, ledger)
    flows = check(store, ledger.must, ledger.may)
    report = verify(store)
    assert report["flows"] == flows and report["risk_flows"] == 0
    assert read_with_others(store) in (None, flows)
    print(f"{kills} kills, {in_recovery} in recovery, {len(ledger.must)} flows that must be there, {flows} there")


def play(collector, store, faults, ledger):
    """One run that may end at any of its operations: flows, held data, a journal that is sealed, a stop; its log."""
    c = collector(*SMALL, env=faults.env, may_fail=True)
    if not c.ready():
        return c.text()
    make = ledger.plan(1, [2])
    with contextlib.suppress(OSError):
        c.send(*[make(i) for i in range(7)])
    n = None

    def seen():
        nonlocal n
        n = counters(store) or n
        return n and n["datagrams"] >= 7 and n["journal_frames"] + n["journal_errors"] >= 7

    until(lambda: c.process.poll() is not None or seen(), lambda: f"7 datagrams: {n}, {c.text()}")
    ledger.done(7, n["journal_frames"] if n else 0)
    c.process.send_signal(signal.SIGTERM)
    c.process.wait(20)
    return c.text()


@pytest.mark.parametrize("mode", ["before", "half"])
def test_kill_at_each_step(collector, tmp_path, mode):
    """At every operation on the store, from the first start to the end of an orderly stop."""
    step, flows = 0, 0
    while True:
        step += 1
        store = tmp_path / f"s{step}"
        faults = Faults(tmp_path / f"f{step}", store)
        faults.kill_at(step, mode)
        ledger = Ledger()
        play(lambda *a, **k: collector(*a, store=store, **k), store, faults, ledger)
        over = faults.steps < step
        ledger.domains |= {1}
        release_and_stop(collector, ledger, store=store)
        check(store, ledger.must, ledger.may)
        assert not verify(store)["notes"]
        flows += len(ledger.must)
        if over:
            break
    assert step > 20
    print(f"{step - 1} steps, {flows} flows checked")


def crashed_store(collector, store):
    """What a killed run leaves: two journals, one of them not sealed in time, held data; and its ledger."""
    ledger = Ledger()
    faults = Faults(store.parent / "making", store)
    c = collector(*SMALL, store=store, env=faults.env)
    make = ledger.plan(1, [2])
    faults.rule("create", which="others")  # no file can be made
    c.send(*[make(i) for i in range(200)])
    c.wait_for(journal_frames=200)
    until(lambda: len(list(store.glob("journal/*.journal"))) > 1, "a second journal")
    c.send(*[make(200 + i) for i in range(6)])
    c.wait_for(journal_frames=206)
    ledger.done(206, 206)
    c.kill()
    return ledger


def test_kill_at_each_step_of_recovery(collector, tmp_path):
    made = tmp_path / "made"
    ledger = crashed_store(collector, made)
    step = 0
    while True:
        step += 1
        store = tmp_path / f"s{step}"
        shutil.copytree(made, store, ignore=shutil.ignore_patterns("run"))
        faults = Faults(tmp_path / f"f{step}", store)
        for again in range(2):  # and once more where the second attempt is
            faults.kill_at(step + again, "before")
            c = collector(*SMALL, store=store, env=faults.env, may_fail=True)
            c.kill()
            if again == 0:
                over = faults.steps < step
        release_and_stop(collector, ledger, store=store)
        check(store, ledger.must)
        assert not verify(store)["notes"]
        if over:
            break
    assert step > 10
    print(f"{step - 1} steps of recovery, {len(ledger.must)} flows each")


# --- power cuts ---


def after_power_cut(collector, into, ledger, must, may):
    release_and_stop(collector, ledger, store=into)
    check(into, must, may)
    report = verify(into)
    assert report["risk_flows"] == 0


def test_power_cut_at_any_moment(collector, tmp_path):
    """What had been synced by then is all that is left: flows received more than a second before are there."""
    sync_s = 1.0  # --sync 100ms, the timer's 250 ms, and a slow machine
    cuts = 200 if LONG else 16
    store = tmp_path / "store"
    faults = Faults(tmp_path / "faults", store, trace=True)
    ledger = Ledger()
    c = collector(*SMALL, store=store, env=faults.env)
    load = Load(c.port, ledger.plan(1, [2]))
    received = []  # (when, how many datagrams were in the journal)
    until_s = time.monotonic() + 4
    while time.monotonic() < until_s:
        received.append((time.monotonic(), counters(store)["journal_frames"]))
        time.sleep(0.02)
    load.stop()
    assert counters(store)["kernel_drops"] == 0
    assert c.stop() == 0
    disk = Disk(faults)
    ledger.done(load.sent, load.sent)
    begin, end = received[0][0], disk.times[-1]
    for cut in range(cuts):
        at = random.uniform(begin, end)
        n = disk.at(at)
        early = bool(cut % 2)
        into = tmp_path / f"cut{cut}"
        disk.cut(n, into, early)
        frames = max([k for t, k in received if t < at - sync_s], default=0)
        known = Ledger()
        known.plan(1, [2])
        known.done(load.sent, frames)
        after_power_cut(collector, into, ledger, known.must, known.may)
        shutil.rmtree(into)
    print(f"{cuts} cuts of {len(disk.ops)} operations, {load.sent * ROWS} flows")


def test_power_cut_in_recovery(collector, tmp_path):
    made = tmp_path / "made"
    store = tmp_path / "store"
    ledger = crashed_store(collector, made)
    shutil.copytree(made, store, ignore=shutil.ignore_patterns("run"))
    faults = Faults(tmp_path / "faults", store, trace=True)
    c = collector(*SMALL, store=store, env=faults.env)
    assert c.stop() == 0
    disk = Disk(faults, before=made)
    for n in range(len(disk.ops) + 1):
        into = tmp_path / f"cut{n}"
        disk.cut(n, into, early=True)
        after_power_cut(collector, into, ledger, ledger.must, ())
        shutil.rmtree(into)


# --- the disk ---


@contextlib.contextmanager
def tmpfs(path, size):
    path.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "weir-test", str(path)], capture_output=True, check=False).returncode:
        pytest.skip("cannot mount a tmpfs: run as root")
    try:
        yield path
    finally:
        subprocess.run(["umount", "-l", str(path)], check=False)


def fill(path):
    with open(path, "wb", buffering=0) as f, contextlib.suppress(OSError):
        while True:
            f.write(bytes(4096))


def test_disk_full_and_free_again(collector, tmp_path):
    with tmpfs(tmp_path / "disk", "8m") as disk:
        store = disk / "store"
        ledger = Ledger()
        c = Collector(store, *SMALL, env={})
        with c:
            make = ledger.plan(1)
            c.send(*[make(i) for i in range(50)])
            c.wait_for(journal_frames=50)
            ledger.done(50, 50)
            fill(disk / "fill")
            until_s = time.monotonic() + 3
            sent = 50
            while time.monotonic() < until_s:
                make = ledger.plan(1)
                c.send(*[make(i) for i in range(20)])
                ledger.done(20, 0)
                sent += 20
                time.sleep(0.05)
            c.wait_for(datagrams=sent)  # received and counted all the same
            n = c.counters()
            assert n["journal_errors"] > 0 and n["kernel_drops"] == 0
            assert "No space left on device" in c.text()
            assert "Collector" in subprocess.run([WEIR, "show", "collect", "--store", store], capture_output=True, text=True, check=True).stdout
            check(store, ledger.must - ledger.held, ledger.must | ledger.may)
            (disk / "fill").unlink()
            # It goes on by itself: a journal takes what comes.
            until(lambda: goes_on(c, ledger), "a journal")
            assert c.stop() == 0
        ledger.domains = {1}
        with Collector(store) as last:
            last.send(template(1))
            last.wait_for(templates=1)
            last.stop()
        check(store, ledger.must, ledger.may)
        assert not verify(store)["broken"]


def goes_on(c, ledger):
    """Send one datagram: is it in a journal?"""
    before = c.counters()
    make = ledger.plan(1)
    c.send(make(1))
    c.wait_for(datagrams=before["datagrams"] + 1)
    good = c.counters()["journal_frames"] > before["journal_frames"]
    ledger.next = ledger.base
    ledger.done(2, 0)
    if good:
        ledger.must |= set(range(ledger.base + ROWS, ledger.base + 2 * ROWS))
    return good


def test_read_only_store(collector, tmp_path, run):
    with tmpfs(tmp_path / "disk", "8m") as disk:
        store = disk / "store"
        with Collector(store, *SMALL) as c:
            c.send(*[numbered(ROWS * i) for i in range(20)])
            c.wait_for(journal_frames=20)
            c.kill()
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        refused = run("collect", "--store", store, "--listen", "127.0.0.1:0", status=1)
        assert "Read-only file system" in refused.stderr
        check(store, range(100))
        assert verify(store)["risk_flows"] == 100
        subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
        with Collector(store) as c:
            c.stop()
        check(store, range(100))


READ_ONLY = ("create", "write", "rename", "unlink", "mkdir", "truncate")


def test_a_store_that_becomes_read_only(collector, store, tmp_path):
    faults = Faults(tmp_path / "faults", store)
    c = collector(*SMALL, env=faults.env)
    c.send(*[numbered(ROWS * i) for i in range(20)])
    c.wait_for(journal_frames=20)
    for op in READ_ONLY:
        faults.rule(op, arg=errno.EROFS)
    c.send(*[numbered(ROWS * i) for i in range(20, 40)])
    c.wait_for(datagrams=40, journal_errors=20)
    assert "Read-only file system" in c.text()
    time.sleep(1.5)  # the journal is old enough to be sealed, and cannot be
    check(store, range(100), range(100, 200))
    faults.heal()
    c.stop()
    check(store, range(200))  # the running file has what the journal could not take
    assert not verify(store)["broken"]


def test_folders_that_become_read_only(collector, store, tmp_path):
    """Only sealing fails: it is tried again, here when the collector stops."""
    faults = Faults(tmp_path / "faults", store)
    c = collector(*SMALL, env=faults.env)
    for op in READ_ONLY:
        faults.rule(op, arg=errno.EROFS, which="others")
    for i in range(3):
        c.send(*[numbered(ROWS * k) for k in range(20 * i, 20 * i + 20)])
        c.wait_for(journal_frames=20 * i + 20)
        until(lambda: c.show()["journals_waiting"] == i + 1, "sealing")
        check(store, range(100 * i + 100))
    until(lambda: "Read-only file system" in c.text(), "the log")
    assert c.counters()["journal_errors"] == 0 and c.counters()["seal_errors"] >= 3
    faults.heal()
    c.stop()
    check(store, range(300))
    report = verify(store)
    assert report["flows"] == 300 and not report["notes"]


def test_sealing_that_waits_for_the_disk(collector, store, tmp_path):
    """More is received than waits for the sealing thread; what it has no time for is made from the journal."""
    faults = Faults(tmp_path / "faults", store)
    faults.rule("create", "delay", arg=60000, n=1, which="others")
    c = collector("--seal-every", "2s", env=faults.env)
    datagrams, rows = 8000, 30  # 58 batches
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        for i in range(datagrams):
            s.sendto(numbered(rows * i, rows), ("127.0.0.1", c.port))
            if i % 500 == 0:
                until(lambda: counters(store)["datagrams"] >= i - 1000, "reception")
    c.wait_for(datagrams=datagrams, flows_deferred=1)
    n = c.counters()
    assert n["kernel_drops"] == 0 and n["flows_stored"] == 0
    faults.heal()
    c.wait_for(flows_stored=datagrams * rows)
    c.stop()
    assert check(store, range(datagrams * rows)) == datagrams * rows


def test_syncing_that_waits_for_the_disk(collector, store, tmp_path):
    faults = Faults(tmp_path / "faults", store)
    c = collector(*SMALL, env=faults.env)
    faults.rule("sync", "delay", arg=1500)
    for i in range(100):
        began = time.monotonic()
        c.send(numbered(ROWS * i))
        c.wait_for(journal_frames=i + 1)
        assert time.monotonic() - began < 1
    check(store, range(500))
    faults.heal()
    c.stop()
    check(store, range(500))


OPS = ("create", "write", "sync", "rename", "unlink", "mkdir")


@pytest.mark.parametrize("op, mode", [("write", "short"), *[(op, mode) for op in OPS for mode in ("once", "forever")]])
def test_each_operation_fails(collector, tmp_path, op, mode):
    """The n-th of its kind, for n = 1, 2, ...; no flow that was journaled is lost, none is doubled."""
    n, errors = 0, 0
    while n < (200 if LONG else 40):
        n += 1
        store = tmp_path / f"s{n}"
        faults = Faults(tmp_path / f"f{n}", store)
        faults.rule(op, "short" if mode == "short" else "fail", arg=errno.EIO, at=n, n=FOREVER if mode == "forever" else 1)
        ledger = Ledger()
        log = play(lambda *a, **k: collector(*a, store=store, **k), store, faults, ledger)
        release_and_stop(collector, ledger, store=store)
        check(store, ledger.must, ledger.may)
        assert not verify(store)["broken"]
        errors += "Input/output error" in log
        if faults.count(op) < n:
            break
    assert errors or mode == "short" or op == "mkdir"
    print(f"{n} times, {errors} said so")


# --- memory ---


def no_memory_runs(tmp_path):
    """Which allocations to let fail: all of a run, or some of them."""
    count = tmp_path / "count"
    store = tmp_path / "counted"
    env = preload(NO_MEMORY, WEIR_ALLOCATIONS=str(count))
    with Collector(store, *SMALL, env=env) as c:
        c.send(*[numbered(ROWS * i) for i in range(10)], template(1), held(50, 1))
        c.wait_for(journal_frames=12)
        assert c.stop() == 0
    n = int(count.read_text())
    return range(1, n + 10) if LONG else sorted(random.sample(range(1, n + 1), min(n, 60)))


def no_memory_run(store, n):
    """How many flows must be there (no memory for flows is a loss that is counted), and whether it ended the program."""
    sent, said = 12, 0
    c = Collector(store, *SMALL, env=preload(NO_MEMORY, WEIR_NO_MEMORY=n), may_fail=True)
    with c:
        if c.ready():
            with contextlib.suppress(OSError):
                c.send(*[numbered(ROWS * i) for i in range(10)], template(1), held(50, 1))
            while c.process.poll() is None and said < sent:
                seen = counters(store)
                if seen:
                    said = 0 if seen["no_memory"] else seen["journal_frames"]
                if seen and seen["datagrams"] >= sent and seen["journal_frames"] + seen["journal_errors"] >= sent:
                    break
                time.sleep(0.005)
            c.process.send_signal(signal.SIGTERM)
        status = c.process.wait(20)
    # It may stop, and says why.
    assert status in (0, 1, 2) or "out of memory" in c.text(), f"allocation {n}: {status}\n{c.text()}"
    return min(said, 10) * ROWS, "out of memory" in c.text()


@pytest.mark.skipif(SANITIZED, reason="a sanitizer has its own malloc")
def test_each_allocation_fails(tmp_path):
    runs = no_memory_runs(tmp_path)
    died = 0
    for n in runs:
        store = tmp_path / f"s{n}"
        said, ended = no_memory_run(store, f"{n}-" if n % 4 == 0 else str(n))
        died += ended
        if not store.exists():
            continue
        with Collector(store) as last:
            last.stop()
        check(store, range(said), range(55))
        verify(store)
    print(f"{len(list(runs))} of them, {died} ended the collector")


# --- the clock ---


def ms_to(text):
    """How far the clock must be set for it to be that time now."""
    t = datetime.datetime.fromisoformat(text).replace(tzinfo=datetime.timezone.utc)
    return round((t.timestamp() - time.time()) * 1000)


def hours(store):
    return sorted({str(p.parent.relative_to(store)) for p in store.glob("date=*/hour=*/*.parquet")})


@pytest.mark.parametrize(
    "at, expected",
    [
        ("2028-02-28T23:59:59", ["date=2028-02-28/hour=23", "date=2028-02-29/hour=00"]),
        ("2028-02-29T23:59:59", ["date=2028-02-29/hour=23", "date=2028-03-01/hour=00"]),
        ("2027-02-28T23:59:59", ["date=2027-02-28/hour=23", "date=2027-03-01/hour=00"]),
        ("2026-12-31T23:59:59", ["date=2026-12-31/hour=23", "date=2027-01-01/hour=00"]),
        ("2026-11-22T13:59:59", ["date=2026-11-22/hour=13", "date=2026-11-22/hour=14"]),
    ],
)
def test_an_hour_ends_while_flows_come(collector, store, tmp_path, at, expected):
    faults = Faults(tmp_path / "faults", store)
    faults.clock(ms_to(at) - 200)
    c = collector(env=faults.env)
    faults.clock(ms_to(at))
    ledger = Ledger()
    load = Load(c.port, ledger.plan(1))
    time.sleep(1.3)
    load.stop()
    c.wait_for(journal_frames=load.sent)
    ledger.done(load.sent, load.sent)
    c.send(template(1))
    c.wait_for(templates=1)
    c.stop()
    assert hours(store) == expected
    check(store, ledger.must)
    assert not verify(store)["notes"]


def test_the_clock_jumps(collector, store, tmp_path):
    """An hour back and forth, minutes, days, while flows come; killed and stopped between."""
    faults = Faults(tmp_path / "faults", store)
    hour = 3600000
    steps = [0, -hour, 0, hour, -hour, 600, -600, 59000, 24 * hour, 0, -24 * hour, 0]
    ledger = Ledger()
    for turn in range(3):
        c = collector(*SMALL, env=faults.env)
        load = Load(c.port, ledger.plan(turn, [turn - 1] if turn else []))
        for ms in steps if turn else steps[:4]:
            faults.clock(ms)
            time.sleep(0.12)
        load.stop()
        c.wait_for(journal_frames=load.sent)
        ledger.done(load.sent, load.sent)
        if turn == 1:
            c.stop()
        else:
            c.kill()
    faults.clock(0)
    release_and_stop(collector, ledger, env=faults.env)
    # A jump makes held data older than they are kept: they are given up, and counted.
    check(store, ledger.must - ledger.held, ledger.must)
    report = verify(store)
    ids = [p.name for p in store.glob("date=*/hour=*/*.parquet")]
    assert len(ids) == len(set(ids)) and report["risk_flows"] == 0


def test_an_old_state_does_not_win_when_the_clock_was_set_back(collector, store, tmp_path):
    """Data held in the first journal, released in the second, which has an earlier name; then a kill."""
    faults = Faults(tmp_path / "faults", store)
    faults.rule("create", which="others")  # so the first journal stays
    hour = 3600000
    faults.clock(hour)
    c = collector("--seal-every", "1s", env=faults.env)
    c.send(held(0, 1), numbered(10))
    c.wait_for(journal_frames=2)
    until(lambda: len(list(store.glob("journal/*.journal"))) == 2, "the second journal")
    faults.clock(0)
    c.send(numbered(20))
    c.wait_for(journal_frames=3)
    c.send(template(1))
    c.wait_for(journal_frames=4, sets_released=1)
    c.kill()
    want = [0, 1, 2, 3, 4, *range(10, 15), *range(20, 25)]
    check(store, want)
    for _ in range(2):
        c = collector()
        c.send(template(1))
        c.wait_for(templates=1)
        c.stop()
        check(store, want)


def test_the_clock_set_back_does_not_stop_syncing_nor_sealing(collector, store, tmp_path):
    faults = Faults(tmp_path / "faults", store)
    c = collector(*SMALL, env=faults.env)
    c.send(numbered(0))
    c.wait_for(files_sealed=1)
    faults.clock(-1800000)
    syncs = faults.count("sync")
    c.send(numbered(10))
    c.wait_for(files_sealed=2)
    assert faults.count("sync") > syncs
    c.stop()
