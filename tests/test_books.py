"""Books balance to the flow: what senders sent, what the books say, what pyarrow counts in the files.

A sender here counts what it sends; its v5 sequence numbers go on over restarts of the collector, so that
sent = received + lost exactly, however the collector ended.
"""

import collections
import contextlib
import errno
import ipaddress
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import time

import pytest

from conftest import ROOT, TEMPLATE, WEIR, ipfix, until, v5
from faults import Faults
from test_faults import SMALL, ms_to

parquet = pytest.importorskip("pyarrow.parquet")

LONG = os.environ.get("WEIR_LONG") == "1"
KEY = ("minute_ms", "what", "exporter", "version", "source")


@pytest.fixture
def store(tmp_path):
    return tmp_path / "store"


# --- what pyarrow sees ---


def files(store):
    return sorted(store.glob("date=*/hour=*/*.parquet"))


def books_in(path):
    """The rows of a file's books, as its footer has them."""
    text = parquet.read_metadata(path).metadata[b"weir.books"]
    columns = json.loads(text)
    return [dict(zip(columns, values)) for values in zip(*columns.values())]


def sums(store):
    """What the books of all files add up to, by their key."""
    total = collections.defaultdict(collections.Counter)
    for path in files(store):
        for row in books_in(path):
            key = tuple(row.pop(k) for k in KEY)
            total[key].update(row)  # adds, below zero too
    return total


def rows(store):
    """How many rows the files have, by exporter, version, source and minute of receipt."""
    names = ["exporter", "version", "domain", "engine_type", "engine_id", "received_ms"]
    seen = collections.Counter()
    for path in files(store):
        table = parquet.read_table(path, columns=names, partitioning=None)
        for r in table.to_pylist():
            address = ipaddress.IPv6Address(r["exporter"])
            source = r["domain"] if r["version"] >= 9 else (r["engine_type"] or 0) << 8 | (r["engine_id"] or 0)
            minute = int(r["received_ms"].timestamp() // 60) * 60000
            seen[(minute, "sender", str(address.ipv4_mapped or address), r["version"], source)] += 1
    return seen


def asked(store, *args, status=0):
    done = subprocess.run([WEIR, "books", "--json", "--store", str(store), *args], capture_output=True, text=True, check=False)
    assert done.returncode == status, done.stdout + done.stderr
    return json.loads(done.stdout)


REFUSED = ("rejected", "no_memory", "no_journal", "unwritten")


def check(store):
    """Books and rows agree by exporter and minute, and balance; the total that weir says."""
    said, seen = sums(store), rows(store)
    for key, n in said.items():
        assert n["stored"] == seen.pop(key, 0), key
        assert n["received"] == n["stored"] + n["malformed"] + sum(n[r] for r in REFUSED), key
    assert not seen, "rows that no books tell of"
    answer = asked(store)
    assert answer["balanced"] and answer["broken"] == 0 and answer["files_without"] == 0
    assert answer["files"] == len(files(store)) and answer["journals"] == 0
    for name in ("datagrams", "received", "stored", "kernel_drops", "held_sets", *REFUSED):
        assert answer["total"][name] == sum(n[name] for n in said.values()), name
    verified = subprocess.run([WEIR, "store", "verify", "--json", "--store", str(store)], capture_output=True, text=True, check=False)
    assert verified.returncode == 0, verified.stdout
    assert json.loads(verified.stdout)["files_with_books"] == len(files(store))
    return answer["total"]


# --- senders ---


class Sender:
    """v5, 30 flows a datagram; how many were sent is known to the flow."""

    def __init__(self, address="127.0.0.1"):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((address, 0))
        self.flows = 0

    def send(self, c, datagrams, flows=30):
        for _ in range(datagrams):
            with contextlib.suppress(ConnectionRefusedError):  # nobody listens: it is lost on the way
                self.socket.sendto(v5(self.flows, flows), ("127.0.0.1", c.port))
            self.flows += flows


def received(c, n):
    until(lambda: c.counters()["datagrams"] >= n, lambda: f"{n} datagrams: {c.counters()['datagrams']}")


# --- what is entered ---


def held(sequence, records, domain=7):
    return ipfix(sequence, (256, b"".join(bytes([192, 0, 2, 9, 0, 1, 0, 0, 0, 5]) for _ in range(records))), domain=domain)


def test_every_kind_has_its_place(collector, store, run):
    c = collector()
    c.send(v5(0, 10), v5(10, 10), v5(30, 10), v5(30, 10))  # 10 lost, a duplicate
    c.send(v5(40, 10)[: 24 + 48 * 4 + 20])  # cut on the way: 4 whole, 6 gone
    c.send(b"junk", held(0, 3), ipfix(3, TEMPLATE, domain=8))
    c.wait_for(datagrams=8)

    def check_answer(answer):
        by = {(b.get("version"), b.get("source")): b for b in answer["books"]}
        five, none, ten = by[(5, 0)], by[(None, None)], by[(10, 7)]
        assert all(b["exporter"] == "127.0.0.1" and b["what"] == "sender" for b in answer["books"])
        assert (five["datagrams"], five["received"], five["stored"], five["malformed"]) == (5, 50, 44, 6)
        assert (five["lost_flows"], five["duplicates"], five["malformed_datagrams"], five["malformed_bytes"]) == (10, 1, 1, 20)
        assert (none["datagrams"], none["bytes"], none["malformed_datagrams"]) == (1, 4, 1)
        assert (ten["received"], ten["held_sets"], ten["held_bytes"]) == (0, 1, 30)
        assert answer["balanced"] and answer["total"]["received"] == 50

    live = asked(store)
    assert live["journals"] == 1 and live["files"] == 0
    check_answer(live)
    c.stop()
    sealed = asked(store)
    assert sealed["journals"] == 0 and sealed["files"] == 1
    check_answer(sealed)
    check(store)

    text = run("books", "--store", store, "--exact").stdout
    assert "Balanced: received 50 = stored 44 + refused 0 + malformed 6 flow records" in text
    assert "10 flows" in text and "1 data sets wait for their template" in text and "1 datagrams came twice" in text

    c = collector()  # what was held is released in another journal
    c.send(ipfix(0, TEMPLATE, domain=7))
    c.wait_for(sets_released=1)
    c.stop()
    total = check(store)
    assert (total["received"], total["stored"], total["held_sets"], total["held_bytes"]) == (53, 47, 0, 0)
    assert len({k for k in sums(store) if k[3] == 10 and k[4] == 7}) <= 2


def test_questions(collector, store, run):
    c = collector()
    for address in ("127.0.0.2", "127.0.0.3", "127.0.1.4"):
        Sender(address).send(c, 2)
    c.wait_for(datagrams=6)
    c.stop()
    everything = lambda *args: [(b.get("exporter"), b["stored"]) for b in asked(store, *args)["books"]]
    assert everything() == [("127.0.0.2", 60), ("127.0.0.3", 60), ("127.0.1.4", 60)]
    assert everything("127.0.0.0/24") == [("127.0.0.2", 60), ("127.0.0.3", 60)]
    assert everything("127.0.1.4") == [("127.0.1.4", 60)]
    assert sum(n for _, n in everything("--by", "minute")) == 180
    assert everything("--last", "1h") == everything() == everything("--from", "2020-01-01")
    assert everything("--to", "2020-01-01") == []
    minute = asked(store, "--by", "both")["books"][0]["minute_ms"]
    assert minute % 60000 == 0 and abs(minute - time.time() * 1000) < 600000
    assert "found \"hour\"" in run("books", "--store", store, "--by", "hour", status=2).stderr
    assert "no store there" in run("books", "--store", store / "none", status=2).stderr
    run("books", "--store", store, "127.0.0.1", "127.0.0.2", status=2)
    run("books", "--store", store, "router", status=2)
    run("books", "--store", store, "--last", "1h", "--to", "now", status=2)


def test_rejected_flows_are_received_and_refused(collector, store, tmp_path):
    conf = tmp_path / "weir.conf"
    conf.write_text("sender 127.0.0.0/8\n out-of-sequence reject\n")
    c = collector("--config", str(conf))
    c.send(v5(0, 10), v5(10, 10), v5(0, 10))
    c.wait_for(datagrams=3)
    c.stop()
    total = check(store)
    assert (total["received"], total["stored"], total["rejected"], total["refused"]) == (30, 20, 10, 10)


def test_books_of_minutes_and_hours(collector, store, tmp_path):
    faults = Faults(tmp_path / "faults", store)
    faults.clock(ms_to("2026-11-22T13:58:30"))
    c = collector(env=faults.env)
    sender = Sender()
    for i, at in enumerate(("13:58:40", "13:59:10", "13:59:20", "14:00:30")):
        faults.clock(ms_to(f"2026-11-22T{at}"))
        sender.send(c, i + 1)
        received(c, (i + 1) * (i + 2) // 2)
    c.stop()
    check(store)
    minutes = {b["minute_ms"] // 60000 % 60: b["stored"] for b in asked(store, "--by", "minute")["books"]}
    assert minutes == {58: 30, 59: 150, 0: 120}
    part = asked(store, "--from", "2026-11-22T13:59", "--to", "2026-11-22T14:00")
    assert part["total"]["stored"] == 150
    assert len(files(store)) == 2


def test_a_file_whose_books_say_something_else(collector, store, run):
    c = collector()
    c.send(v5(0, 10))
    c.wait_for(datagrams=1)
    c.stop()
    (path,) = files(store)
    good = path.read_bytes()
    for before, after in ((b'"stored":[10]', b'"stored":[11]'), (b'"127.0.0.1"', b'"127.0.0.2"'), (b'"what":["se', b'"what":["xe')):
        assert before in good
        path.write_bytes(good.replace(before, after))
        assert json.loads(run("store", "verify", "--json", "--store", store, status=1).stdout)["broken"]
    path.write_bytes(good.replace(b'"stored":[10]', b'"stored":[11]'))
    assert not asked(store, status=1)["balanced"]


def test_store_info_counts_them(collector, store, run):
    c = collector()
    c.send(v5(0, 10), v5(20, 10))
    c.wait_for(datagrams=2)
    c.stop()
    books = json.loads(run("store", "info", "--json", "--store", store).stdout)["books"]
    assert (books["files"], books["received"], books["stored"], books["lost"]) == (1, 20, 20, 10)
    assert "books of 1 of 1 files: received 20 = stored 20" in run("store", "info", "--store", store).stdout


# --- under overload, on a full disk, killed, reloaded ---


def test_overload(collector, store):
    """The kernel drops what a stopped collector does not read: as many datagrams as the senders miss flows."""
    c = collector("--rcvbuf", "8192")
    sender = Sender()
    sender.send(c, 1)
    received(c, 1)
    c.process.send_signal(signal.SIGSTOP)
    sender.send(c, 2000)
    c.process.send_signal(signal.SIGCONT)
    c.wait_for(kernel_drops=1)
    until(lambda: c.counters()["datagrams"] + c.counters()["kernel_drops"] == 2001, "the rest")
    sender.send(c, 1)  # whose number tells what is missing
    until(lambda: c.counters()["datagrams"] + c.counters()["kernel_drops"] == 2002, "the last")
    c.stop()
    total = check(store)
    assert total["kernel_drops"] > 100
    assert total["datagrams"] + total["kernel_drops"] == 2002
    assert total["received"] + total["lost_flows"] == sender.flows
    assert total["kernel_drops"] * 30 == total["lost_flows"]
    (drops,) = [b for b in asked(store)["books"] if b["what"] == "socket"]
    assert drops["port"] == c.port and drops["kernel_drops"] == total["kernel_drops"]


@pytest.mark.parametrize("which", ["journals", "all"])
def test_disk_full(collector, store, tmp_path, which):
    faults = Faults(tmp_path / "faults", store)
    c = collector(*SMALL, env=faults.env)
    sender, sent = Sender(), 0
    for _ in range(3):
        for full in (False, True):
            if full:
                for op in ("write", "create"):
                    faults.rule(op, arg=errno.ENOSPC, which=which)
            for _ in range(8):
                sender.send(c, 20)
                sent += 20
                received(c, sent)
                time.sleep(0.2)  # journals grow old
            faults.heal()
    frames = c.counters()["journal_frames"]

    def goes_on():
        nonlocal sent
        sender.send(c, 1)
        sent += 1
        received(c, sent)
        return c.counters()["journal_frames"] > frames

    until(goes_on, "a journal")
    n = c.counters()
    assert n["kernel_drops"] == 0 and n["journal_errors"] > 0
    assert c.stop() == 0
    total = check(store)
    assert total["received"] == sender.flows and total["lost_flows"] == 0
    assert total["stored"] + total["refused"] == sender.flows
    assert which == "journals" or total["refused"] > 0


def test_without_a_journal_over_an_hour(collector, store, tmp_path):
    """Flows that nothing can take are refused, and the next journal says so."""
    faults = Faults(tmp_path / "faults", store)
    faults.clock(ms_to("2026-11-22T13:59:50"))
    c = collector(env=faults.env)
    sender = Sender()
    sender.send(c, 3)
    received(c, 3)
    for op in ("write", "create"):
        faults.rule(op, arg=errno.ENOSPC, which="journals")
    faults.clock(ms_to("2026-11-22T14:00:10"))
    sender.send(c, 5)
    received(c, 8)
    faults.heal()
    faults.clock(ms_to("2026-11-22T14:01:10"))
    until(lambda: (sender.send(c, 1), c.counters()["journal_frames"] > 3)[1], "a journal")
    received(c, sender.flows // 30)
    c.kill()
    c = collector()
    c.stop()
    total = check(store)
    assert total["received"] == sender.flows
    assert total["no_journal"] >= 150 and total["stored"] + total["no_journal"] == sender.flows


def test_kill_9(collector, store):
    seed = int(os.environ.get("WEIR_SEED", random.randrange(1 << 32)))
    print(f"WEIR_SEED={seed}")
    random.seed(seed)
    sender = Sender()
    for _ in range(100 if LONG else 8):
        c = collector(*SMALL)
        end = time.monotonic() + random.uniform(0.05, 0.8)
        while time.monotonic() < end:
            sender.send(c, 4)
            time.sleep(0.003)
        c.kill()
    c = collector(*SMALL)
    sender.send(c, 1)
    c.wait_for(datagrams=1)
    c.stop()
    total = check(store)
    assert total["received"] == total["stored"] and total["kernel_drops"] == 0
    assert total["received"] + total["lost_flows"] == sender.flows


def test_recovery_writes_the_same_books(collector, store, tmp_path):
    """One journal, sealed by the collector that wrote it, and by one that found it."""
    c = collector("--rcvbuf", "8192", "--permit", "127.0.0.0/24")
    sender = Sender()
    sender.send(c, 3)
    received(c, 3)
    c.process.send_signal(signal.SIGSTOP)
    sender.send(c, 500)
    c.process.send_signal(signal.SIGCONT)
    c.wait_for(kernel_drops=1)
    sender.send(c, 1)
    Sender("127.0.9.1").send(c, 2)
    c.wait_for(denied=2)
    sender.flows += 300
    sender.send(c, 1)
    late = v5(sender.flows - 60, 30)
    c.send(b"", b"\0\7", held(0, 3), late, v5(40, 30)[:300])
    until(lambda: c.counters()["bad_header"] + c.counters()["bad_version"] == 2, "junk")
    c.wait_for(sets_held=1, bad_count=1)
    until(lambda: any(b["what"] == "socket" and b["denied"] == 2 for b in asked(store)["books"]), "the note")
    copy = tmp_path / "copy"
    shutil.copytree(store, copy, ignore=shutil.ignore_patterns("run", "date=*"))
    live = asked(store)
    c.stop()
    found = collector(store=copy)
    found.stop()
    (one,), (two,) = files(store), files(copy)
    assert books_in(one) == books_in(two)
    assert asked(store)["books"] == live["books"] == asked(copy)["books"]
    total = check(copy)
    assert total["kernel_drops"] > 0 and total["denied"] == 2 and total["held_sets"] == 1


def test_what_comes_late_after_a_restart_was_not_lost(collector, store):
    c = collector()
    sender = Sender()
    sender.send(c, 1, 10)
    sender.flows = 20
    sender.send(c, 1, 10)
    c.wait_for(sequence_gaps=1, journal_frames=2)  # it is decoded before it is written
    c.kill()
    c = collector()
    for sender.flows in (10, 20):
        sender.send(c, 1, 10)
    c.wait_for(datagrams=2)
    c.stop()
    total = check(store)
    assert total["lost_flows"] == 0 and total["duplicates"] == 1


def test_reload(collector, store, tmp_path):
    conf = tmp_path / "weir.conf"
    conf.write_text("sender 127.0.0.0/8\n sampling 10\n")
    c = collector("--config", str(conf), "--rcvbuf", "4000000")
    sender = Sender()
    for i in range(10):
        conf.write_text(f"sender 127.0.0.0/8\n sampling {10 + i}\n")
        sender.send(c, 50)
        c.process.send_signal(signal.SIGHUP)
        sender.send(c, 50)
    until(lambda: c.counters()["datagrams"] + c.counters()["kernel_drops"] == 1000, "all")
    c.stop()
    total = check(store)
    assert total["received"] + total["lost_flows"] == sender.flows and total["lost_flows"] == 30 * total["kernel_drops"]
    assert len(files(store)) >= 2


def test_two_collectors_of_two_workers_share_a_store(collector, store):
    addresses = [f"127.0.0.{n}" for n in range(20, 40)]
    senders = {a: Sender(a) for a in addresses}
    cs = [collector("--workers", "2", "--instance", name, *SMALL) for name in ("one", "two")]
    for _ in range(20):
        for s in senders.values():
            s.send(cs[int(s.socket.getsockname()[0][-1]) % 2], 2, 5)
        time.sleep(0.01)
    for c in cs:
        received(c, 400)
    cs[0].kill()
    cs[1].stop()
    collector("--workers", "1", "--instance", "one").stop()
    total = check(store)
    assert total["received"] == sum(s.flows for s in senders.values()) and total["lost_flows"] == 0
    books = asked(store)["books"]
    assert {b["exporter"]: b["stored"] for b in books} == {a: s.flows for a, s in senders.items()}


def test_import_has_books(run, store, tmp_path):
    capture = tmp_path / "capture"
    capture.write_bytes(v5(0, 10) + v5(20, 10))
    run("import", "--store", store, capture)
    total = check(store)
    assert (total["received"], total["lost_flows"]) == (20, 10)


def test_sql_reads_them(collector, store):
    duckdb = pytest.importorskip("duckdb")
    c = collector()
    Sender().send(c, 3)
    c.wait_for(datagrams=3)
    c.stop()
    sql = (ROOT / "docs/store.md").read_text().split("```sql\n-- books")[1].split("```")[0]
    assert duckdb.sql(sql.replace("DIR", str(store))).fetchall() == [("127.0.0.1", 5, 0, 90, 90)]
