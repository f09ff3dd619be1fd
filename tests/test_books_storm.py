"""Books under everything at once: senders of several versions, and by chance bursts that the kernel drops, a full disk, kill -9, reloads and
restarts. Whatever comes: what a sender sent is what the books have of it as received, and what they have as lost; and what was received is in
the files, or refused with a reason.

WEIR_SEED for another course of events, WEIR_LONG=1 for twenty of them.
"""

import contextlib
import errno
import os
import random
import signal

import pytest

from conftest import until
from faults import Faults
from hand import Device
from test_books import asked, check
from test_faults import SMALL

FIRST = int(os.environ.get("WEIR_SEED", "5"))
SEEDS = range(FIRST, FIRST + (20 if os.environ.get("WEIR_LONG") else 2))
EVENTS = 25


class Sender:
    """A device, and how much it has sent: in flows, and in what its version numbers."""

    def __init__(self, version, address):
        self.device = Device(version, source=3, address=address, sequence=100_000)
        self.flows = self.numbered = 0

    def send(self, port, n):
        """n datagrams. Templates are in each, so that all of them can be counted."""
        for i in range(n):
            flows = i % 3 + 1
            with contextlib.suppress(ConnectionRefusedError):  # nobody listens: it is lost on the way
                self.device.send(port, self.device.flows(*[{}] * flows, template=self.device.version >= 9))
            self.flows += flows
            self.numbered += 1 if self.device.version == 9 else flows


class Storm:
    """A collector, what befalls it, and senders."""

    def __init__(self, chance, collector, tmp_path):
        self.chance, self.start = chance, collector
        self.store = tmp_path / "store"
        self.conf = tmp_path / "weir.conf"
        self.conf.write_text("sender 127.0.0.0/8\n sampling 10\n")
        self.faults = Faults(tmp_path / "faults", self.store)
        self.senders = [Sender(v, f"127.0.6.{10 * k + v}") for k in (1, 2) for v in (5, 7, 9, 10)] + [Sender(5, "127.0.6.250")]
        self.c = None
        self.begin()

    def begin(self):
        self.c = self.start("--rcvbuf", "16384", "--config", str(self.conf), *SMALL, env=self.faults.env, port=self.c.port if self.c else 0)

    def all_is_read(self, last=None):
        """What was sent has been taken or dropped: the socket is read in order, and what the last sender sends now comes through it."""
        last = last or self.senders[-1]

        def heard():
            return sum(s["datagrams"] for s in self.c.show("senders")["senders"] if s["exporter"] == last.device.name)

        before = heard()
        until(lambda: last.send(self.c.port, 1) or heard() > before, last.device.name)

    def trickle(self):
        for s in self.senders:
            s.send(self.c.port, self.chance.randrange(4))

    def burst(self):
        self.c.process.send_signal(signal.SIGSTOP)
        for s in self.senders:
            s.send(self.c.port, self.chance.randrange(60))
        self.c.process.send_signal(signal.SIGCONT)

    def full(self):
        which = self.chance.choice(("journals", "all"))
        for op in ("write", "create"):
            self.faults.rule(op, arg=errno.ENOSPC, which=which)
        before = self.c.counters()["journal_errors"]

        def noticed():
            self.trickle()
            self.all_is_read()
            return self.c.counters()["journal_errors"] > before

        for _ in range(5):
            noticed()
        until(noticed, "the disk to be full")
        if self.chance.random() < 0.8:
            self.faults.heal()

    def reload(self):
        self.conf.write_text(f"sender 127.0.0.0/8\n sampling {self.chance.randrange(1, 99)}\n")
        self.trickle()
        self.c.process.send_signal(signal.SIGHUP)
        self.trickle()

    def all_is_on_disk(self):
        """What came while a journal could not be written is in memory until its file is, and the log says that it would not survive a crash."""
        self.faults.heal()

        def so():
            frames = self.c.counters()["journal_frames"]
            self.all_is_read()
            return self.c.counters()["journal_frames"] > frames and self.c.show()["journals_waiting"] == 0

        until(so, "the files of earlier journals")

    def kill(self):
        self.all_is_on_disk()
        self.trickle()
        self.c.kill()
        self.trickle()  # to nobody
        self.begin()

    def restart(self):
        self.faults.heal()
        assert self.c.stop() == 0
        self.trickle()
        self.begin()

    def end(self):
        self.faults.heal()
        for s in self.senders:  # the number of the last that comes tells what is missing before
            self.all_is_read(s)
        assert self.c.stop() == 0


@pytest.mark.parametrize("seed", SEEDS)
def test_books_balance_whatever_comes(collector, tmp_path, seed):
    storm = Storm(random.Random(seed), collector, tmp_path)
    for s in storm.senders:
        s.send(storm.c.port, 4)
    storm.all_is_read()
    # Whoever is killed before the first journal has anything knows of nobody.
    until(lambda: storm.c.counters()["journal_frames"] > 0, "a journal")
    course = [storm.chance.choices(("trickle", "burst", "full", "reload", "kill", "restart"), (4, 4, 3, 3, 3, 2))[0] for _ in range(EVENTS)]
    print(f"WEIR_SEED={seed}", course)
    for event in course:
        getattr(storm, event)()
    storm.end()
    check(storm.store)
    said = {(b["exporter"], b["version"]): b for b in asked(storm.store)["books"] if b["what"] == "sender"}
    unit = {9: ("datagrams", "lost_datagrams"), 10: ("received", "lost_records")}
    for s in storm.senders:
        d = s.device
        b = said[d.address, d.version]
        came, lost = unit.get(d.version, ("received", "lost_flows"))
        assert b[came] + b[lost] == s.numbered, (b, s.numbered, course)
        assert b["received"] == b["stored"] + b["refused"] + b["malformed"] <= s.flows
        assert b["duplicates"] == b["held_sets"] == 0
