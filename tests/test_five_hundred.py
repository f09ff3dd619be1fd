"""Five hundred exporters of all versions at once, some of them several engines or domains of one router, between them and the collector a
network that loses, delays and doubles; some restart, some change their templates or send them late, some have wrong clocks, send datagrams
cut short; numbers and uptimes wrap. Who sends, their templates, the books and the doctor's findings say exactly that.

All of it comes from a seed: WEIR_SEED for another one, WEIR_LONG=1 for fifty of them. What is expected comes from the order in which
datagrams went out of the network, and from nothing that Weir says.
"""

import json
import os
import random
import signal

import pytest

from conftest import Collector
from hand import Device

N, ROUNDS = 500, 40
CALM = 3  # rounds at the beginning and around what changes in which the network does nothing
DELAY = 4  # rounds at most; some gaps are remembered, and not all for ever
VERSIONS = (1, 5, 6, 7, 8, 9, 10)
FIRST = int(os.environ.get("WEIR_SEED", "11"))
SEEDS = range(FIRST, FIRST + (50 if os.environ.get("WEIR_LONG") else 3))
NOTES = {1: {"no-as", "no-masks", "no-interface-names"}, 5: {"no-interface-names"}, 6: {"no-interface-names"}, 7: {"no-interface-names"}}
CLOCKS_MS = (0, 0, 0, 900, -900, 40_000, -7200_000)
EVENTS = {"restart": 4, "template": 4, "late": 2, "cut": 2, "": 6}


class Network:
    """The way of one exporter's datagrams since it began to count: what was sent, what came and in which order."""

    def __init__(self):
        self.units = []  # of each datagram that was sent
        self.came = []  # the number of each that came

    def sent(self, units):
        self.units.append(units)
        return len(self.units) - 1

    def result(self):
        """What numbers can tell: what is behind the newest that came is lost, late or double."""
        newest, seen = -1, set()
        told = dict(lost=0, late=0, duplicates=0)
        for i in self.came:
            told["duplicates"] += i in seen
            told["late"] += i not in seen and i < newest
            newest = max(newest, i)
            seen.add(i)
        told["lost"] = sum(n for i, n in enumerate(self.units[: newest + 1]) if i not in seen)
        return told


class Exporter:
    """A device, or an engine of one that there is (`router`), and its way here."""

    def __init__(self, i, chance, router=None):
        self.chance = chance
        self.version = router.version if router else VERSIONS[i % len(VERSIONS)]
        # v1 and v7 have no engines to be told apart by.
        source = 0 if self.version in (1, 7) else chance.randrange(1 << 16)
        # Several devices at some addresses, on ports of their own.
        address = f"127.0.{10 + i // 200}.{i % 200 + 1 if i % 5 else 250}"
        event = chance.choices(list(EVENTS), list(EVENTS.values()))[0]
        wraps = event != "restart" and chance.random() < 0.2
        sequence = 2**32 - chance.randrange(1, 60) if wraps else chance.randrange(1_000_000, 2**31)
        uptime_ms = chance.randrange(3_600_000, 2**31) if event == "restart" or chance.random() < 0.8 else 2**32 - chance.randrange(1500)
        self.device = Device(self.version, source, router.address if router else address, clock_ms=chance.choice(CLOCKS_MS), sequence=sequence,
                             uptime_ms=uptime_ms, aggregation=chance.randrange(1, 15))
        if router:
            self.device.socket.close()
            self.device.socket = router.socket
        at = chance.randrange(10, ROUNDS - 10)
        self.restarts_at = at if event == "restart" else None
        self.changes_at = at if event == "template" and self.version >= 9 else None
        self.cut_at = at if event == "cut" and self.version == 5 else None
        self.template_at = chance.randrange(1, CALM) if event == "late" and self.version >= 9 else 0
        self.bad = chance.random() < 0.5  # a way that does nothing otherwise
        self.delayed = []  # (round in which it comes, its way, its number there, datagram)
        self.network = Network()
        self.networks = [self.network]
        self.burst = 0
        self.datagrams = self.received = self.gone = self.waited = 0

    def calm(self, i):
        changes = [at for at in (self.restarts_at, self.changes_at, self.cut_at) if at is not None]
        # Nor so shortly before that it would come after.
        return i < CALM or i >= ROUNDS - DELAY - CALM or any(-DELAY - CALM <= i - at < CALM for at in changes)

    def arrive(self, port, network, number, datagram):
        self.device.send(port, datagram)
        self.datagrams += 1
        network.came.append(number)

    def made(self, i, n):
        """A datagram of n flows, with what stands in it beside."""
        d = self.device
        if self.version < 9:
            made = d.flows(*[{}] * n)
            return made[:-20] if i == self.cut_at else made
        return d.flows(*[{}] * n, template=i >= self.template_at and ((i - self.template_at) % 8 == 0 or i in (self.changes_at, self.restarts_at)))

    def put(self, i, port, datagram, n, units):
        """Through the network, which does something to it, or not."""
        way = self.network, self.network.sent(units)
        what = "" if self.calm(i) or not self.bad else self.chance.choices(["", "lost", "late", "twice", "burst"], [85, 5, 6, 4, 1])[0]
        self.burst = self.chance.randrange(2, 6) if what == "burst" else max(self.burst - 1, 0)
        if what == "lost" or (self.burst and not self.calm(i)):
            return
        later = lambda: self.delayed.append((i + self.chance.randrange(1, DELAY + 1), *way, datagram, n))
        if what == "late":
            later()
            return
        self.arrive(port, *way, datagram)
        self.received += n
        if what == "twice":
            later()

    def step(self, i, port):
        d = self.device
        if i == 0 and self.version >= 9:
            self.put(i, port, d.names(1, 2), 0, 1 if self.version == 9 else 2)
        if i == self.restarts_at:
            d.reboot()
            self.network = Network()
            self.networks.append(self.network)
        if i == self.changes_at:
            d.fields[61] = 1
        n = self.chance.randrange(1, 5)
        if i < self.template_at:
            self.waited += 1
        self.put(i, port, self.made(i, n), n, 1 if self.version == 9 else n)
        if i == self.cut_at:
            self.gone += 1
        for at, network, number, datagram, flows in [x for x in self.delayed if x[0] <= i]:
            self.arrive(port, network, number, datagram)
            self.received += flows
        self.delayed = [x for x in self.delayed if x[0] > i]

    @property
    def flows(self):
        return self.received - self.gone

    @property
    def expected(self):
        total = dict(lost=0, late=0, duplicates=0, restarts=0)
        if self.version == 1:  # which has no numbers
            return total
        for told in (n.result() for n in self.networks):
            for k in told:
                total[k] += told[k]
        return total | {"restarts": len(self.networks) - 1}

    def findings(self, named):
        """`named`: addresses from which the names of interfaces came; another exporter there has them for all."""
        e = self.expected
        found = set(NOTES.get(self.version, ())) - ({"no-interface-names"} if self.device.address in named else set())
        found |= {"loss-before-us"} if e["lost"] else set()
        found |= {"reorder"} if e["late"] else set()
        found |= {"duplicates"} if e["duplicates"] else set()
        found |= {"restart"} if e["restarts"] else set()
        found |= {"malformed"} if self.gone else set()
        found |= {"template-late"} if self.waited else set()
        return found | ({"clock-off"} if abs(self.device.clock_ms) >= 5000 else set())

    @property
    def key(self):
        return self.device.name, self.version, self.device.source


def exporters_of(chance):
    """Every fifth is an engine of a router that there is, if its version has engines."""
    made, taken = [], set()
    while len(made) < N:
        routers = [x.device for x in made if x.version not in (1, 7)]
        x = Exporter(len(made), chance, chance.choice(routers) if len(made) % 5 == 4 else None)
        # At one address no two have one domain: the same id would mean different things there, which is a finding of its own.
        identity = (x.device.address, *x.key[1:]) if x.version >= 9 else x.key
        if identity not in taken:
            taken.add(identity)
            made.append(x)
    return made


@pytest.fixture(scope="module", params=SEEDS)
def seen(request, tmp_path_factory):
    """The exporters, the collector while it runs."""
    chance = random.Random(request.param)
    exporters = exporters_of(chance)
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
        x.device.socket.close()  # which may be another one's too


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


def test_templates_are_exactly_as_injected(seen):
    exporters, c = seen
    said = {(t["exporter"], t["version"], t["domain"], t["template"]): (t["changes"], len(t["fields"])) for t in c.show("templates")["templates"]}
    want = {}
    for x in exporters:
        if x.version >= 9:
            want |= {(*x.key, 256): (int(x.changes_at is not None), len(x.device.fields)), (*x.key, 998): (0, 2)}
    assert said == want


BOOKED = ("datagrams", "received", "stored", "malformed", "held_sets", "duplicates", "lost")


def test_books_are_exactly_as_injected(seen, run):
    exporters, c = seen
    answer = json.loads(run("books", "--json", "--store", c.store).stdout)
    assert answer["balanced"]
    said = {(b["exporter"], b["version"], by_source(b)): b for b in answer["books"] if b["what"] == "sender"}
    want = {}
    for x in exporters:  # those of one address and engine are one in the books
        total = want.setdefault((x.device.address, x.version, x.device.source), dict.fromkeys(BOOKED, 0))
        for k, n in zip(BOOKED, (x.datagrams, x.received, x.flows, x.gone, 0, x.expected["duplicates"], x.expected["lost"])):
            total[k] += n
    assert said.keys() == want.keys()
    for key, total in want.items():
        b = said[key]
        lost = b[{9: "lost_datagrams", 10: "lost_records"}.get(key[1], "lost_flows")]
        assert {**{k: b[k] for k in total if k != "lost"}, "lost": lost} == total, key
    assert answer["total"]["received"] == sum(x.received for x in exporters)


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
