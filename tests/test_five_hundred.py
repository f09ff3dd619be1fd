"""Five hundred exporters of all versions at once, between them and the collector a network that loses, delays and doubles; some restart,
some change their templates, some have wrong clocks, numbers wrap. Who sends, the books and the doctor's findings say exactly that.

All of it comes from a seed: WEIR_SEED for another one, WEIR_LONG=1 for twenty of them.
"""

import json
import os
import random
import signal

import pytest

from hand import Device

N, ROUNDS = 500, 36
CALM = 3  # rounds at the beginning and the end, and around what changes, in which the network does nothing
VERSIONS = (1, 5, 6, 7, 8, 9, 10)
FIRST = int(os.environ.get("WEIR_SEED", "11"))
SEEDS = range(FIRST, FIRST + (20 if os.environ.get("WEIR_LONG") else 2))
NOTES = {1: {"no-as", "no-masks", "no-interface-names"}, 5: {"no-interface-names"}, 6: {"no-interface-names"}, 7: {"no-interface-names"}}
CLOCKS_MS = (0, 0, 0, 900, -900, 40_000, -7200_000)


class Exporter:
    """A device and its way here; `expected` is what became of its datagrams."""

    def __init__(self, i, chance):
        self.chance = chance
        self.version = VERSIONS[i % len(VERSIONS)]
        # v1 and v7 have no engines to be told apart by.
        source = 0 if self.version in (1, 7) else chance.randrange(1 << 16)
        # Several devices at some addresses, on ports of their own.
        address = f"127.0.{10 + i // 200}.{i % 200 + 1 if i % 5 else 250}"
        wraps = chance.random() < 0.2
        sequence = 2**32 - chance.randrange(1, 60) if wraps else chance.randrange(1_000_000, 2**31)
        self.device = Device(self.version, source, address, clock_ms=chance.choice(CLOCKS_MS), sequence=sequence,
                             uptime_ms=chance.randrange(3_600_000, 2**31), aggregation=chance.randrange(1, 15))
        event = chance.choice(["restart", "template", "", ""])
        self.restarts_at = chance.randrange(10, ROUNDS - 10) if event == "restart" and not wraps else None
        self.changes_at = chance.randrange(10, ROUNDS - 10) if event == "template" and self.version >= 9 else None
        self.bad = chance.random() < 0.5  # a way that does nothing otherwise
        self.delayed = None
        self.datagrams = self.flows = 0
        self.expected = dict(lost=0, late=0, duplicates=0, restarts=0)

    def calm(self, i):
        changes = [at for at in (self.restarts_at, self.changes_at) if at is not None]
        return i < CALM or i >= ROUNDS - CALM or any(abs(i - at) < CALM for at in changes)

    def send(self, port, made, flows):
        self.device.send(port, made)
        self.datagrams += 1
        self.flows += flows

    def counts(self, what, n=1):
        if self.version != 1:  # which has no numbers
            self.expected[what] += n

    def step(self, i, port):
        d = self.device
        if i == 0 and self.version >= 9:
            self.send(port, d.names(1, 2), 0)
        if i == self.restarts_at:
            d.reboot()
            self.counts("restarts")
        if i == self.changes_at:
            d.fields[61] = 1
        n = self.chance.randrange(1, 5)
        made = d.flows(*[{}] * n, template=self.version >= 9 and (i % 8 == 0 or i == self.changes_at or i == self.restarts_at))
        what = self.chance.choices(["", "lost", "late", "twice"], [85, 6, 5, 4])[0] if self.bad and not self.calm(i) else ""
        if what == "lost" and self.delayed is None:
            self.counts("lost", 1 if self.version == 9 else n)
            return
        if what == "late" and self.delayed is None:
            self.delayed = made, n
            return
        for _ in range(2 if what == "twice" else 1):
            self.send(port, made, n)
        if what == "twice":
            self.counts("duplicates")
        if self.delayed is not None:
            self.send(port, *self.delayed)
            self.counts("late")
            self.delayed = None

    def findings(self, named):
        """`named`: addresses from which the names of interfaces came; another exporter there has them for all."""
        e = self.expected
        found = set(NOTES.get(self.version, ())) - ({"no-interface-names"} if self.device.address in named else set())
        found |= {"loss-before-us"} if e["lost"] else set()
        found |= {"reorder"} if e["late"] else set()
        found |= {"duplicates"} if e["duplicates"] else set()
        found |= {"restart"} if e["restarts"] else set()
        return found | ({"clock-off"} if abs(self.device.clock_ms) >= 5000 else set())

    @property
    def key(self):
        return self.device.name, self.version, self.device.source


@pytest.fixture(scope="module", params=SEEDS)
def seen(request, tmp_path_factory):
    """The exporters, the collector while it runs."""
    from conftest import Collector

    chance = random.Random(request.param)
    exporters = [Exporter(i, chance) for i in range(N)]
    with Collector(tmp_path_factory.mktemp("five-hundred") / "store", "--workers", "2", "--rcvbuf", "32M") as c:
        for i in range(ROUNDS):
            for x in exporters:
                x.step(i, c.port)
            c.wait_for(datagrams=sum(x.datagrams for x in exporters))
            if i == ROUNDS // 2:
                c.process.send_signal(signal.SIGHUP)  # what was received goes into a file; nothing else changes
        assert c.counters()["kernel_drops"] == 0
        yield exporters, c
    for x in exporters:
        x.device.socket.close()


def by_source(entry):
    return entry.get("source", entry.get("domain", entry.get("engine_type", 0) << 8 | entry.get("engine_id", 0)))


def test_senders_are_exactly_as_injected(seen):
    exporters, c = seen
    said = {(s["exporter"], s["version"], by_source(s)): s for s in c.show("senders")["senders"]}
    assert len(said) == N
    for x in exporters:
        s = said[x.key]
        assert (s["datagrams"], s["flows"]) == (x.datagrams, x.flows), x.key
        assert {k: s[k] for k in x.expected} == x.expected, x.key
        assert s["behind"] == 0, x.key


def test_books_are_exactly_as_injected(seen, run):
    exporters, c = seen
    answer = json.loads(run("books", "--json", "--store", c.store).stdout)
    assert answer["balanced"]
    said = {(b["exporter"], b["version"], by_source(b)): b for b in answer["books"] if b["what"] == "sender"}
    want = {}
    for x in exporters:  # those of one address and engine are one in the books
        total = want.setdefault((x.device.address, x.version, x.device.source), dict(datagrams=0, received=0, stored=0, duplicates=0, lost=0))
        for k, n in (("datagrams", x.datagrams), ("received", x.flows), ("stored", x.flows), ("duplicates", x.expected["duplicates"]), ("lost", x.expected["lost"])):
            total[k] += n
    assert said.keys() == want.keys()
    for key, total in want.items():
        b = said[key]
        lost = b[{9: "lost_datagrams", 10: "lost_records"}.get(key[1], "lost_flows")]
        assert {**{k: b[k] for k in total if k != "lost"}, "lost": lost} == total, key
    assert answer["total"]["received"] == sum(x.flows for x in exporters)


def test_the_doctor_finds_exactly_what_was_injected(seen, run):
    exporters, c = seen
    answer = json.loads(run("doctor", "--json", "--store", c.store, status=1).stdout)
    found = {}
    for f in answer["findings"]:
        found.setdefault((f["exporter"], f["version"], by_source(f)), set()).add(f["finding"])
    assert answer["exporters"] == N
    named = {x.device.address for x in exporters if x.version >= 9}
    pairs = {x.key: (found.get(x.key, set()), x.findings(named)) for x in exporters}
    wrong = {key: pair for key, pair in pairs.items() if pair[0] != pair[1]}
    assert wrong == {}


def test_the_store_has_every_flow_that_came(seen, run):
    exporters, c = seen
    (row,) = map(json.loads, run("query", "--store", c.store, "--columns", "flows", "--raw", "--format", "jsonl").stdout.splitlines())
    assert row["flows"] == sum(x.flows for x in exporters)
