"""Who exported (pain 9, quirks 5.7): the address that datagrams come from, or what records of trusted relays say."""

import json
import signal
import socket

import pytest
from conftest import ipfix, until

# Template 300: source address, exporter's IPv4 address, exporter's IPv6 address, octets.
TEMPLATE = (2, bytes.fromhex("012c 0004 0008 0004 0082 0004 0083 0010 0001 0004"))
RELAY, STRANGER = "127.0.0.5", "127.0.0.6"
SENDERS = f"""
sender {RELAY}
 trust exporter-address
 name relay of the branches
 sampling 7
sender 192.0.2.1
 name core-1
 sampling 1:100
"""


def of(address, source):
    """A record; the exporter's address may be of either family, or none."""
    v4 = socket.inet_aton(address) if address and "." in address else bytes(4)
    v6 = socket.inet_pton(socket.AF_INET6, address) if address and ":" in address else bytes(16)
    return bytes([10, 0, 0, source]) + v4 + v6 + (1000).to_bytes(4, "big")


class Sender:
    def __init__(self, address, port):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((address, 0))
        self.to, self.sequence = ("127.0.0.1", port), 0

    def send(self, *records):
        self.socket.sendto(ipfix(self.sequence, TEMPLATE, (300, b"".join(records))), self.to)
        self.sequence += len(records)


def exporters(flows, store):
    """{source's last octet: (exporter, what the record says, rate)}"""
    return {
        int(f["src_addr"].split(".")[-1]): (f["exporter"], f.get("exporter_addr"), f["rate"] if f["rate_from"] == "forced" else None)
        for f in flows(store)
    }


@pytest.mark.parametrize("end", ["live", "stop", "kill"])
def test_only_trusted_relays_speak_for_others(collector, flows, run, tmp_path, end):
    config = tmp_path / "weir.conf"
    config.write_text(SENDERS)
    c = collector("--config", str(config))
    relay, stranger = Sender(RELAY, c.port), Sender(STRANGER, c.port)
    relay.send(of("192.0.2.1", 1), of("2001:db8::7", 2), of("192.0.2.1", 3), of(None, 4))
    stranger.send(of("192.0.2.1", 11))
    c.wait_for(flows=5)
    if end != "live":
        getattr(c, end)()
        c = collector("--config", str(config))
    assert exporters(flows, c.store) == {
        1: ("192.0.2.1", "192.0.2.1", 100),
        2: ("2001:db8::7", "2001:db8::7", None),
        3: ("192.0.2.1", "192.0.2.1", 100),
        4: (RELAY, "0.0.0.0", 7),
        11: (STRANGER, "192.0.2.1", None),
    }
    # The books are by who sent.
    assert json.loads(run("store", "verify", "--store", c.store, "--json").stdout)["broken"] == []
    books = json.loads(run("books", "--store", c.store, "--json").stdout)
    assert {b["exporter"]: b["stored"] for b in books["books"]} == {RELAY: 4, STRANGER: 1}


def test_sequence_numbers_are_the_relays(collector, run, tmp_path):
    c = collector("--sender", f"{RELAY} trust exporter-address", "--sender", f"{RELAY} name relay", "--sender", "192.0.2.2 name edge 2")
    relay, stranger = Sender(RELAY, c.port), Sender(STRANGER, c.port)
    relay.send(of("192.0.2.1", 1), of("192.0.2.2", 2))
    relay.sequence += 5
    relay.send(of("192.0.2.1", 3), of("192.0.2.2", 4))
    stranger.send(of("192.0.2.1", 1))
    c.wait_for(flows=5, sequence_missed=5)
    seen = {s["exporter"].split(":")[0]: s for s in json.loads(run("show", "senders", "--json", "--store", c.store).stdout)["senders"]}
    assert seen.keys() == {RELAY, STRANGER}
    by_element = seen[RELAY]
    assert (by_element["lost"], by_element["name"], by_element["identity_from"]) == (5, "relay", "element")
    assert (by_element["identity"], by_element["identity_name"], by_element["speaks_for_several"]) == ("192.0.2.2", "edge 2", True)
    assert seen[STRANGER]["identity_from"] == "address" and "identity" not in seen[STRANGER] and "name" not in seen[STRANGER]
    table = run("show", "senders", "--store", c.store).stdout
    assert "named relay\n" in table and "speaks for 192.0.2.2 edge 2 and others, by elements 130 and 131" in table
    until(lambda: f'exporter="relay {RELAY}:' in c.text(), "the log line of the gap")


def test_trust_can_be_given_and_taken(collector, flows, tmp_path):
    config = tmp_path / "weir.conf"
    config.write_text("")
    c = collector("--config", str(config))
    relay = Sender(RELAY, c.port)
    for i, text in enumerate(["", SENDERS, SENDERS + f"sender {RELAY}\n no trust exporter-address\n"]):
        config.write_text(text)
        c.process.send_signal(signal.SIGHUP)
        until(lambda i=i: c.text().count("SIGHUP: the configuration is read") == i + 1, "SIGHUP")
        # A receiver takes it up before what comes after its answer.
        until(lambda: c.show("senders") is not None, "the receiver")
        relay.send(of("192.0.2.1", i))
        c.wait_for(flows=i + 1)
    have = exporters(flows, c.store)
    assert [have[i][0] for i in range(3)] == [RELAY, "192.0.2.1", RELAY]


@pytest.mark.parametrize(
    "text, why",
    [
        ("192.0.2.1", "expected a prefix and a command"),
        ("router sampling 10", "--sender:1:8: expected an IPv4 or IPv6 address"),
        ("192.0.2.1 sampling none", "--sender:2:11: expected a rate as 1000 or 1:1000"),
        ("192.0.2.1 trust me", "--sender:2:8: expected exporter-address"),
        ("192.0.2.1 name " + "x" * 64, "--sender:2:7: expected a name of at most 63 octets"),
    ],
)
def test_senders_as_flags_have_their_mistakes_told(run, text, why):
    assert why in run("collect", "--sender", text, status=2).stderr
