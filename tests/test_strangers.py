"""What strangers send: floods of templates, sets that wait for none, names and rates by the thousand, templates that cannot be.

No list of access keeps them out here. Memory stays bounded, and who has a history keeps what it told us.
"""

import random
import re
import socket
import struct

import pytest

from conftest import until
from hand import OPTIONS_TEMPLATE, TEMPLATE, Device
from test_access import spoof
from test_faults import SANITIZED

SETTLED = 40  # datagrams after which an exporter is no stranger; weir says 32


def status_kb(c, what):
    with open(f"/proc/{c.process.pid}/status") as f:
        return int(re.search(what + r":\s+(\d+)", f.read()).group(1))


class Strangers:
    """Senders of 127.1.0.0/16, each datagram another's; nothing is lost on its way."""

    def __init__(self, c):
        self.c = c
        self.sent = 0
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.before = c.counters()["datagrams"]

    def send(self, *bodies, version=10):
        for body in bodies:
            head = struct.pack(">HHIII", 10, 16 + len(body), 0, 0, 1) if version == 10 else struct.pack(">HHIIII", 9, 1, 0, 0, 0, 1)
            spoof(self.socket, ("127.0.0.1", self.c.port), 0x7F010000 + self.sent % 60000, head + body)
            self.sent += 1
            if self.sent % 200 == 0:
                self.all_came()

    def all_came(self):
        until(lambda: self.c.counters()["datagrams"] >= self.before + self.sent, "all of them")


@pytest.fixture
def known(collector):
    """A collector, and an exporter that it has long known: its template came once."""
    c = collector()
    device = Device(10, source=7, address="127.0.0.2")
    device.send(c.port, device.names(1, 2), device.flows(template=True))
    for _ in range(SETTLED):
        device.send(c.port, device.flows({}))
    c.wait_for(flows=SETTLED)
    return c, device


def still_served(c, device):
    """All that it sends is decoded by the template that came before the strangers."""
    flows, held = c.counters()["flows"], c.counters()["sets_held"]
    device.send(c.port, *(device.flows({}, {}) for _ in range(10)))
    c.wait_for(flows=flows + 20)
    assert c.counters()["sets_held"] == held
    names = [n["name"] for n in c.show("interfaces")["interfaces"] if n["exporter"].startswith("127.0.0.2")]
    assert sorted(names) == ["eth1", "eth2"]


def template(number, *fields, version=10):
    return struct.pack(">HHHH", TEMPLATE[version], 8 + 4 * len(fields), number, len(fields)) + b"".join(struct.pack(">HH", *f) for f in fields)


def test_templates_of_strangers_push_out_no_known_exporters(known):
    c, device = known
    s = Strangers(c)
    before = status_kb(c, "VmRSS")
    for i in range(150):  # 150 × 160 = 24,000, of 16,384 that there are
        s.send(b"".join(template(256 + k, (8, 4), (12, 4), (1, 8)) for k in range(160)))
    s.all_came()
    n = c.counters()
    assert n["templates_evicted"] > 7000 and n["templates"] > 24000
    assert SANITIZED or status_kb(c, "VmRSS") - before < 64 * 1024  # a sanitizer keeps what was freed for a while
    still_served(c, device)


def test_one_sender_gets_a_share_of_the_templates(known):
    c, device = known
    many = Device(10, address="127.0.0.3")
    for domain in range(50):
        many.source = domain
        many.send(c.port, many.made(b"".join(template(256 + k, (8, 4), (1, 8)) for k in range(100)), 100, 0))
    c.wait_for(templates=5000)
    assert c.counters()["templates_evicted"] == 5000 - 4096
    still_served(c, device)


def test_sets_of_strangers_that_wait_push_out_none_of_a_known_exporter(known):
    c, device = known
    device.template_id = 300  # which it has not told
    device.send(c.port, device.flows({}, {}))
    c.wait_for(sets_held=1)
    s = Strangers(c)
    before = status_kb(c, "VmRSS")
    octets = bytes(60000)
    for k in range(700):  # 42 MB, more than there is room for
        s.send(struct.pack(">HH", 256 + k, 4 + len(octets)) + octets)
    s.all_came()
    assert c.counters()["sets_held_lost"] > 0
    assert SANITIZED or status_kb(c, "VmRSS") - before < 64 * 1024  # a sanitizer keeps what was freed for a while
    flows = c.counters()["flows"]
    device.send(c.port, device.flows(template=True))
    c.wait_for(sets_released=1, flows=flows + 2)


def test_names_and_rates_of_strangers_leave_room_for_known_exporters(known):
    c, device = known
    s = Strangers(c)
    options = struct.pack(">HHHHH", 3, 18 + 4, 999, 3, 1) + struct.pack(">HHHHHH", 10, 4, 82, 200, 34, 4)
    for k in range(130):
        rows = b"".join(struct.pack(">I200sI", 1000 * k + i, b"x" * 200, 100) for i in range(300))
        s.send(options + struct.pack(">HH", 999, 4 + len(rows)) + rows)
    s.all_came()
    n = c.counters()
    assert n["names_refused"] > 0 and n["rates_refused"] > 0
    device.send(c.port, device.names(3), device.options({10: 4}, {34: 4}, {10: 3, 34: 50}, template_id=997))
    c.wait_for(options=n["options"] + 2)
    now = c.counters()
    assert (now["names_refused"], now["rates_refused"]) == (n["names_refused"], n["rates_refused"])


def hostile(version):
    """What no exporter sends."""
    u, t, o = struct.pack, TEMPLATE[version], OPTIONS_TEMPLATE[version]
    yield u(">HHHH", t, 8, 256, 65535)  # 65,535 fields that are not there
    yield u(">HHHH", t, 8 + 4 * 15000, 256, 15000) + u(">HH", 8, 4) * 15000
    yield u(">HHHH", t, 8 + 4 * 15000, 257, 15000) + u(">HH", 8, 0) * 15000  # all of no octets
    yield template(258, *[(1, 65535)] * 300, version=version) + u(">HH", 258, 4 + 300) + bytes(300)  # 300 values of no octets: no end of records
    yield template(259, (8, 0), version=version) + u(">HH", 259, 4 + 100) + bytes(100)
    yield template(260, (8, 65535), version=version) + u(">HH", 260, 4 + 4) + b"\xff\xff\xff\x00"
    yield template(261, *[(1, 65534)] * 10, version=version)  # a record longer than any datagram
    yield u(">HHHHH", o, 10, 262, 0, 0)  # options without a field
    yield u(">HHHHHHH", o, 14, 263, 1, 5, 8, 4)  # five scopes of one field
    yield u(">HHHHHHH", o, 14, 264, 1, 0, 8, 4)  # no scope
    yield u(">HHHHHHI", t, 16, 265, 1, 0x8001, 4, 0)  # enterprise 0
    yield u(">HHHHHH", t, 12, 266, 1, 0x8001, 4)  # an enterprise that is cut off
    yield u(">HHHH", t, 8, 255, 1) + u(">HHHH", t, 8, 3, 0)  # ids that are none
    for element, inner in ((291, b"\x03\x01\x1b\0\x04"), (292, b"\x03\x01\x0f"), (293, b"\x03")):  # lists, RFC 6313
        deep = inner * 200
        body = b"\xff" + u(">H", len(deep)) + deep
        yield template(267, (element, 65535), version=version) + u(">HH", 267, 4 + len(body)) + body
        nested = b"\x03" + u(">HH", element, 65535) + b"\xff\xff\xff"
        yield template(268, (element, 65535), version=version) + u(">HH", 268, 4 + len(nested) + 1) + bytes([len(nested)]) + nested
    yield u(">HH", 256, 0)
    yield u(">HH", 256, 3)
    yield u(">HH", 256, 65535)
    yield u(">HH", t, 4) * 1000  # sets with nothing in them
    yield u(">HH", 2 - t, 4)


@pytest.mark.parametrize("version", [9, 10])
def test_hostile_templates_harm_nobody(known, version):
    c, device = known
    s = Strangers(c)
    chance = random.Random(version)
    before = status_kb(c, "VmRSS")
    for body in hostile(version):
        s.send(*[body] * 5, version=version)
        for _ in range(20):
            cut = chance.randrange(1, len(body) + 1)
            at = chance.randrange(len(body))
            s.send(body[:cut], body[:at] + bytes([body[at] ^ 1 << chance.randrange(8)]) + body[at + 1 :], version=version)
    s.all_came()
    assert c.counters()["bad_template"] > 0
    assert SANITIZED or status_kb(c, "VmRSS") - before < 64 * 1024  # a sanitizer keeps what was freed for a while
    still_served(c, device)
    assert c.stop() == 0
