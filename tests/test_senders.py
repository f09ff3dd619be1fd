"""Who sends, and what their sequence numbers say: loss, lateness, duplicates, restarts, in each version's own unit."""

import json
import os
import random
import socket
import time

import captures
import pytest
from conftest import TEMPLATE, ipfix, until, v5

RECORD = bytes([192, 0, 2, 1, 0, 80, 0, 0, 5, 220])  # of TEMPLATE
SEED = int(os.environ.get("WEIR_SEED", "7"))


def v9(sequence, source, n, template=False):
    """A v9 datagram of n records of TEMPLATE's layout."""
    body = b""
    if template:
        body += (0).to_bytes(2, "big") + (4 + len(TEMPLATE[1])).to_bytes(2, "big") + TEMPLATE[1]
    if n:
        body += (256).to_bytes(2, "big") + (4 + n * len(RECORD)).to_bytes(2, "big") + RECORD * n
    head = bytes([0, 9]) + (n + template).to_bytes(2, "big") + (100000).to_bytes(4, "big")
    head += int(time.time()).to_bytes(4, "big") + sequence.to_bytes(4, "big") + source.to_bytes(4, "big")
    return head + body


class Exporter:
    """Numbers its datagrams as its version asks; the network behind it loses, delays and doubles some."""

    def __init__(self, version, source, chance):
        self.version, self.source, self.chance = version, source, chance
        self.sequence = chance.randrange(1 << 32)  # some wrap
        self.expected = dict(lost=0, late=0, duplicates=0)
        self.delayed = None
        self.sent = 0
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def datagram(self, n):
        sequence = self.sequence
        units = 1 if self.version == 9 else n
        if self.version == 5:
            made = v5(sequence, n)
            made = made[:20] + bytes([self.source >> 8, self.source & 0xFF]) + made[22:]
        elif self.version == 9:
            made = v9(sequence, self.source, n, template=True)
        else:
            made = ipfix(sequence, TEMPLATE, (256, RECORD * n), domain=self.source)
        self.sequence = (self.sequence + units) % (1 << 32)
        return made, units

    def send(self, made, port):
        self.socket.sendto(made, ("127.0.0.1", port))
        self.sent += 1

    def step(self, port, quiet):
        made, units = self.datagram(self.chance.randint(1, 12))
        what = "" if quiet else self.chance.choices(["", "lost", "late", "twice"], [90, 4, 3, 3])[0]
        if what == "lost" and self.delayed is None:
            self.expected["lost"] += units
            return
        if what == "late" and self.delayed is None:
            self.delayed = made
            return
        self.send(made, port)
        if what == "twice":
            self.send(made, port)
            self.expected["duplicates"] += 1
        if self.delayed is not None:
            self.send(self.delayed, port)
            self.expected["late"] += 1
            self.delayed = None


def senders(run, store):
    return json.loads(run("show", "senders", "--json", "--store", store).stdout)["senders"]


def test_injected_loss_lateness_and_duplicates_are_found_exactly(collector, run):
    c = collector()
    chance = random.Random(SEED)
    exporters = [Exporter(v, s, chance) for v in (5, 9, 10) for s in range(20)]
    rounds = 400 if os.environ.get("WEIR_LONG") else 60
    for i in range(rounds):
        quiet = i < 2 or i > rounds - 3  # whoever is late comes, and a gap is followed by something
        for x in exporters:
            x.step(c.port, quiet)
        if i % 5 == 0:
            time.sleep(0.02)
    sent = sum(x.sent for x in exporters)
    c.wait_for(datagrams=sent)
    assert c.counters()["kernel_drops"] == 0
    seen = {(s["version"], s.get("domain", s.get("engine_type", 0) << 8 | s.get("engine_id", 0))): s for s in senders(run, c.store)}
    assert len(seen) == len(exporters)
    for x in exporters:
        s = seen[x.version, x.source]
        assert s["datagrams"] == x.sent
        assert {k: s[k] for k in x.expected} == x.expected, (x.version, x.source)
        assert s["restarts"] == 0 and s["behind"] == 0


def test_a_gap_is_logged_and_shown(collector, run):
    c = collector()
    c.send(v5(100, 10), v5(150, 10))
    c.wait_for(datagrams=2, sequence_gaps=1, sequence_missed=40)
    until(lambda: "sequence gap" in c.text(), "the log line")
    assert "missing=40 unit=records" in c.text()
    table = run("show", "senders", "--store", c.store).stdout
    assert "engine 0/0" in table and " 40 " in table


def test_a_restart_of_the_exporter_is_no_loss(collector, run):
    c = collector()
    c.send(*(ipfix(first + i, TEMPLATE, (256, RECORD)) for first in (900000, 0) for i in range(5)))
    c.wait_for(datagrams=10, sequence_restarts=1)
    assert c.counters()["sequence_missed"] == 0
    until(lambda: "counts anew" in c.text(), "the log line")


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_what_is_lost_while_the_collector_is_down_is_noticed(collector, run, how):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        c = collector()
        port = c.port
        for i in range(40):
            s.sendto(v9(i, 3, 2, template=True), ("127.0.0.1", port))
        c.wait_for(datagrams=40)
        getattr(c, how)()
        c = collector(port=port)
        for i in range(45, 50):
            s.sendto(v9(i, 3, 2, template=True), ("127.0.0.1", port))
        c.wait_for(datagrams=5)
        assert c.counters()["sequence_missed"] == 5
        assert [x["lost"] for x in senders(run, c.store)] == [5]


@pytest.mark.skipif(not captures.with_expectation(), reason="no ../shared/captures here")
@pytest.mark.parametrize(
    "name",
    ["rec-ipfix-softflowd", "rec-ipfix-pmacctd", "rec-v5-softflowd", "rec-v9-pmacctd", "rec-v9-softflowd", "rec-v5-fprobe", "rec-v7-fprobe"],
)
def test_real_exporters_raise_no_alarm(collector, run, name):
    c = collector()
    sent = run("replay", captures.pcap(name), "--to", f"127.0.0.1:{c.port}", "--rate", "2k").stderr
    c.wait_for(datagrams=int(sent.split(" datagrams")[0].split()[-1].replace(",", "")))
    n = c.counters()
    assert n["sequence_gaps"] == n["sequence_duplicates"] == n["sequence_behind"] == n["sequence_restarts"] == 0
