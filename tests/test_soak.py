"""Hours of it: a steady stream, while the collector is told to read its configuration again, and in the first half stopped and killed; its
memory stays flat, and sent = received + lost to the flow.

SOAK_SECONDS is how long (12; an hour with WEIR_LONG=1), SOAK_RATE how many datagrams a second come (4,000; 20,000 with WEIR_LONG=1,
which is half of what a worker takes on the two cores that this was written on).
"""

import json
import os
import pathlib
import random
import re
import signal
import subprocess
import time

import pytest

from conftest import WEIR, Collector, until

LONG = os.environ.get("WEIR_LONG") == "1"
SECONDS = int(os.environ.get("SOAK_SECONDS", "3600" if LONG else "12"))
RATE = int(os.environ.get("SOAK_RATE", "20000" if LONG else "4000"))
CYCLE_S = 60 if LONG else 6
RECORDS = 30  # flows in a v5 datagram
FLOWGEN = pathlib.Path(WEIR).resolve().parents[2] / "bench/flowgen"
SUMS = ("received", "stored", "refused", "malformed", "lost_flows", "datagrams", "kernel_drops", "difference")


def resident_kb(c):
    return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{c.process.pid}/status").read_text()).group(1))


class Soak:
    def __init__(self, store, run):
        self.store, self.run = store, run
        self.options = ("--workers", "2", "--seal-every", "5s", "--rcvbuf", "32M")
        self.c = Collector(store, *self.options)
        self.port = self.c.port
        self.sent = self.kills = 0
        self.past = dict.fromkeys(SUMS, 0)  # of files that have been removed since
        self.chance = random.Random(3)

    def again(self, how):
        self.c.stop(how)
        self.c.out.close()
        self.kills += how == signal.SIGKILL
        self.c = Collector(self.store, *self.options, port=self.port)

    def cycle(self, restarts):
        n = RATE * RECORDS * CYCLE_S
        command = [FLOWGEN, "-v", "5", "-n", str(n), "-d", f"127.0.0.1:{self.port}", "-r", str(RATE), "-e", "4", "-b", f"@{int(time.time())}"]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as sender:
            for how in (signal.SIGHUP, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL) if restarts else (signal.SIGHUP, signal.SIGHUP):
                time.sleep(self.chance.uniform(0.5, 1) * CYCLE_S / 8)  # so that some of the stream comes behind the last
                if how == signal.SIGHUP:
                    self.c.process.send_signal(how)
                else:
                    self.again(how)
            assert sender.wait(CYCLE_S * 20) == 0
        self.sent += n
        until(self.is_quiet, "the end of the stream", 60)

    def is_quiet(self):
        before = self.c.counters()["datagrams"]
        time.sleep(0.3)
        return self.c.counters()["datagrams"] == before

    def books(self):
        total = json.loads(self.run("books", "--json", "--store", self.store).stdout)
        assert total["balanced"], total
        return {k: self.past[k] + total["total"][k] for k in SUMS}

    def make_room(self):
        """An hour's files would fill a disk: their books are added up, and they go."""
        with_files = self.books()
        for path in self.store.glob("date=*/hour=*/*.parquet"):
            path.unlink()
        self.past = dict.fromkeys(SUMS, 0)
        left = self.books()
        self.past = {k: with_files[k] - left[k] for k in SUMS}


@pytest.mark.skipif(not FLOWGEN.exists(), reason="no bench/flowgen beside this weir")
def test_memory_is_flat_and_the_books_balance(tmp_path, run):
    s = Soak(tmp_path / "store", run)
    begun, cycles, sizes = time.monotonic(), 0, []
    try:
        while (gone := time.monotonic() - begun) < SECONDS:
            s.cycle(restarts=gone < SECONDS / 2)
            cycles += 1
            if gone >= SECONDS / 2:  # of one process, which goes on
                sizes.append(resident_kb(s.c))
            n = s.books()
            assert n["received"] + n["lost_flows"] == s.sent, n
            assert n["stored"] + n["refused"] + n["malformed"] == n["received"] and n["difference"] == 0
            if LONG:
                s.c.process.send_signal(signal.SIGHUP)
                until(lambda: all(p.stat().st_size < 100_000 for p in (s.store / "journal").glob("*.journal")), "files", 60)
                s.make_room()
    finally:
        s.c.__exit__()
    assert s.kills == cycles - len(sizes) > 0
    print(f"{s.sent} flows sent, {n['lost_flows']} lost while it was down, {s.kills} kills; MB after each cycle then: {[k // 1000 for k in sizes]}")
    assert max(sizes) < 1.25 * sizes[0] + 8000
