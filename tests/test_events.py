"""Firewalls' and NAT events: apart from flows' totals, and translated addresses found from both sides, at a given time."""

import json
import time

import pytest
from conftest import TEMPLATE, ipfix, record

# 148, 8, 233, 231, 232
FIREWALL = (2, bytes.fromhex("0110 0005 0094 0004 0008 0004 00e9 0001 00e7 0004 00e8 0004"))
# 323, 8, 225, 7, 227, 12, 226, 230
NAT = (2, bytes.fromhex("0111 0008 0143 0008 0008 0004 00e1 0004 0007 0002 00e3 0002 000c 0004 00e2 0004 00e6 0001"))
INSIDE, OUTSIDE, SERVER = bytes([10, 0, 0, 1]), bytes([198, 51, 100, 1]), bytes([192, 0, 2, 80])


def firewall(*events):
    body = b"".join((1).to_bytes(4, "big") + INSIDE + bytes([e]) + i.to_bytes(4, "big") + r.to_bytes(4, "big") for e, i, r in events)
    return (272, body)


def nat(ms, inside, port, outside, outside_port, event):
    return (273, ms.to_bytes(8, "big") + inside + outside + port.to_bytes(2, "big")
            + outside_port.to_bytes(2, "big") + SERVER + SERVER + bytes([event]))


@pytest.fixture
def store(collector):
    """A flow of 100 bytes; an update of 150 and a teardown of 300 of one connection; two users of one outer address, one after the other."""
    c = collector()
    now_ms = int(time.time() * 1000)
    c.send(ipfix(0, TEMPLATE, FIREWALL, NAT))
    c.send(ipfix(0, record(1), firewall((1, 0, 0), (5, 100, 50), (2, 200, 100))))
    c.send(ipfix(0, nat(now_ms - 3000, INSIDE, 5000, OUTSIDE, 10000, 1), nat(now_ms - 2000, INSIDE, 5000, OUTSIDE, 10000, 2)))
    c.send(ipfix(0, nat(now_ms - 1000, bytes([10, 0, 0, 2]), 6000, OUTSIDE, 10000, 1)))
    c.wait_for(flows=7)
    return c.store


def rows(run, store, *args):
    return [json.loads(x) for x in run("query", "--store", store, "--format", "jsonl", *args).stdout.splitlines()]


def test_no_total_of_flows_has_events_in_it(run, store):
    assert [r["bytes"] for r in rows(run, store, "--by", "kind")] == [100]
    assert {r["kind"]: r["flows"] for r in rows(run, store, "--by", "kind", "kind any")} == {"flow": 1, "firewall": 3, "nat": 3}


def test_an_update_and_a_teardown_can_be_told_apart(run, store):
    by_event = {r["fw_event"]: r["bytes"] for r in rows(run, store, "--by", "fw_event", "kind firewall")}
    assert by_event == {1: 0, 5: 150, 2: 300}


def test_translated_addresses_are_found_from_both_sides(run, store):
    outer = rows(run, store, "kind nat and nat_src_addr 198.51.100.1 and nat_src_port 10000")
    assert [(r["src_addr"], r["src_port"], r["nat_event"]) for r in outer] == [("10.0.0.1", 5000, 1), ("10.0.0.1", 5000, 2), ("10.0.0.2", 6000, 1)]
    inner = rows(run, store, "kind nat and src_addr 10.0.0.2")
    assert [(r["nat_src_addr"], r["nat_src_port"]) for r in inner] == [("198.51.100.1", 10000)]


def test_who_had_the_outer_address_at_that_time(run, store):
    at_ms = rows(run, store, "kind nat and src_addr 10.0.0.2")[0]["event_ms"]
    text = f"kind nat and nat_src_addr 198.51.100.1 and nat_src_port 10000 and nat_event 1 and event_ms <= {at_ms}"
    assert [r["src_addr"] for r in rows(run, store, text, "--sort", "event_ms", "--top", "1")] == ["10.0.0.2"]
    text = f"kind nat and nat_src_addr 198.51.100.1 and nat_src_port 10000 and nat_event 1 and event_ms < {at_ms}"
    assert [r["src_addr"] for r in rows(run, store, text, "--sort", "event_ms", "--top", "1")] == ["10.0.0.1"]
