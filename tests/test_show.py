"""What exporters announced, as weir show lists it: templates, sampling rates, names."""

import json
import time

import pytest
from conftest import TEMPLATE, ipfix, record, until

SAMPLER_OPTIONS = (3, bytes.fromhex("012c 0003 0001 0095 0004 0030 0001 0032 0004"))  # 149 (scope), 48, 50
INTERFACE_OPTIONS = (3, bytes.fromhex("012d 0002 0001 000a 0004 0022 0004"))  # 10 (scope), 34
ODD = (2, bytes.fromhex("0101 0002 0021 0004 8001 ffff 0000 0009"))  # 33 has no column; 9/1 of any length


def samplers(*rates):
    return (300, b"".join(bytes(4) + bytes([i]) + r.to_bytes(4, "big") for i, r in rates))


def interfaces(*rates):
    return (301, b"".join(i.to_bytes(4, "big") + r.to_bytes(4, "big") for i, r in rates))


def without_times(rows):
    return [{k: v for k, v in r.items() if not k.endswith("_ms")} for r in rows]


@pytest.fixture
def heard(collector):
    c = collector()
    c.send(ipfix(0, TEMPLATE, SAMPLER_OPTIONS, ODD), ipfix(0, record(1), record(2), samplers((1, 100), (2, 0x64000000))))
    c.wait_for(datagrams=2, options=2, flows=2)
    return c


def test_templates_have_their_fields_by_name(heard):
    before_ms = time.time() * 1000
    answer = heard.show("templates")
    assert answer["left_off"] == 0 and answer["workers_without_answer"] == 0
    by_id = {t["template"]: t for t in answer["templates"]}
    assert sorted(by_id) == [256, 257, 300]
    assert by_id[256]["fields"] == [
        {"element": "0/8", "name": "src_addr", "length": 4},
        {"element": "0/7", "name": "src_port", "length": 2},
        {"element": "0/1", "name": "bytes", "length": 4},
    ]
    assert by_id[257]["fields"] == [{"element": "0/33", "name": None, "length": 4}, {"element": "9/1", "name": None, "length": None}]
    assert by_id[300]["fields"][0] == {"element": "0/149", "name": None, "length": 4, "scope": True}
    assert [by_id[i]["options"] for i in (256, 257, 300)] == [False, False, True]
    assert [by_id[i]["records"] for i in (256, 257, 300)] == [2, 0, 2]
    assert by_id[256]["exporter"].startswith("127.0.0.1:") and by_id[256]["domain"] == 1 and by_id[256]["version"] == 10
    assert before_ms - 60000 < by_id[256]["refreshed_ms"] <= before_ms + 1000


def test_templates_as_a_table(heard, run):
    table = run("show", "templates", "--store", heard.store).stdout
    assert " src_addr:4 src_port:2 bytes:4\n" in table
    assert " 0/33:4 9/1:v\n" in table
    assert "options" in table and " 0/149:4 (scope) sampler_id:1 sampler_interval:4\n" in table


def test_samplers_and_rates_by_interface(heard, run):
    heard.send(ipfix(0, INTERFACE_OPTIONS, interfaces((7, 2000))))
    heard.wait_for(options=3)
    common = {"exporter": "127.0.0.1", "domain": 1, "worker": 0, "changes": 0, "returns": 0}
    assert without_times(heard.show("samplers")["samplers"]) == [
        common | {"sampler": 1, "rate": 100},
        common | {"sampler": 2, "rate": 0x64000000, "rate_if_swapped": 100},
        common | {"interface": 7, "rate": 2000},
    ]
    table = run("show", "samplers", "--store", heard.store).stdout
    assert "octets swapped? would be 100" in table and "interface 7" in table


def test_a_rate_is_known_since_it_was_said_first(heard):
    first = heard.show("samplers")["samplers"][0]
    time.sleep(0.02)  # so that the next announcement is of a later millisecond
    heard.send(ipfix(0, samplers((1, 100))))
    heard.wait_for(options=3)
    again = heard.show("samplers")["samplers"][0]
    assert again["since_ms"] == first["since_ms"] and again["heard_ms"] > first["heard_ms"]
    time.sleep(0.02)
    heard.send(ipfix(0, samplers((1, 200))))
    heard.wait_for(options=4)
    changed = heard.show("samplers")["samplers"][0]
    assert changed["rate"] == 200 and changed["since_ms"] > again["heard_ms"]


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_both_outlive_the_collector(heard, collector, how):
    getattr(heard, how)()
    c = collector()
    assert without_times(c.show("samplers")["samplers"])[0]["rate"] == 100
    assert {t["template"] for t in c.show("templates")["templates"]} == {256, 257, 300}


def test_many_templates_are_cut_off_and_counted(collector):
    c = collector()
    layout = bytes.fromhex("0064") + bytes.fromhex("0001 0004") * 100
    for i in range(500):
        c.send(ipfix(0, *((2, (256 + 4 * i + k).to_bytes(2, "big") + layout) for k in range(4)), domain=i))
        if i % 50 == 0:
            until(lambda: c.counters()["templates"] >= 4 * i, "the templates")
    c.wait_for(templates=2000)
    answer = c.show("templates")
    assert len(answer["templates"]) + answer["left_off"] == 2000
    assert len(answer["templates"]) > 100 and answer["left_off"] > 0
    assert len(json.dumps(answer)) < 5 * 1024 * 1024


INTERFACE_NAMES = (3, bytes.fromhex("012e 0003 0001 000a 0004 0052 ffff 0053 ffff"))  # 10 (scope), 82, 83
APPLICATION_NAMES = (3, bytes.fromhex("012f 0002 0001 005f 0004 0060 ffff"))  # 95 (scope), 96


def names(i, *texts):
    return (302, i.to_bytes(4, "big") + b"".join(bytes([len(t.encode())]) + t.encode() for t in texts))


def test_interfaces_have_names_and_keep_the_earlier_ones(collector, run):
    c = collector()
    c.send(ipfix(0, INTERFACE_NAMES, APPLICATION_NAMES))
    c.send(ipfix(0, names(7, "eth7", "to Würzburg"), (303, b"\x0d\0\0\x50" + b"\x04http")))
    c.wait_for(options=2)
    time.sleep(0.02)  # so that the new name is of a later millisecond
    c.send(ipfix(0, names(7, "core1", "to Würzburg")))
    c.wait_for(options=3)

    def check(c):
        both = c.show("interfaces")["interfaces"]
        common = {"exporter": "127.0.0.1", "domain": 1, "worker": 0}
        interface = common | {"kind": "interface", "number": 7, "description": "to Würzburg"}
        assert without_times(both) == [interface | {"name": "eth7"}, interface | {"name": "core1"}]
        assert both[0]["until_ms"] == both[1]["since_ms"] and both[1]["until_ms"] is None
        everything = without_times(c.show("names")["names"])
        assert everything[2:] == [common | {"kind": "application", "engine": 13, "number": 80, "name": "http", "description": None}]

    check(c)
    table = run("show", "interfaces", "--store", c.store).stdout
    assert "interface 7" in table and "core1" in table and "to Würzburg" in table
    assert "application 13:80" in run("show", "names", "--store", c.store).stdout
    c.kill()
    check(collector())
