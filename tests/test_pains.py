"""What users of today's collectors suffer from, one test each, by the number it has in the project's list of pains: 1 to 3, 6 to 9,
15 to 21, 26 and 29 are the collector's. The parts have tests of their own elsewhere; here each is met as a user meets it.
"""

import json
import signal
import socket
import struct
import subprocess

import pytest

from conftest import TEMPLATE, WEIR, ipfix, record, until, v5
from hand import Device
from test_doctor import practice  # noqa: F401 - a fixture
from test_workers import test_advice_where_the_kernel_keeps_buffers_small as test_pain_17_buffers_are_advised  # noqa: F401


@pytest.fixture
def c(collector):
    return collector()


@pytest.fixture
def ask(run):
    """ask(c, "--by", ...): rows of an answer."""
    return lambda c, *args: [json.loads(x) for x in run("query", "--store", c.store, "--format", "jsonl", *args).stdout.splitlines()]


def doctor(c):
    done = subprocess.run([WEIR, "doctor", "--json", "--store", str(c.store)], capture_output=True, text=True, check=False)
    return {f["finding"]: f for f in json.loads(done.stdout)["findings"]}


def test_pain_1_after_a_restart_everything_is_decoded_at_once(collector, flows):
    c = collector()
    c.send(ipfix(0, TEMPLATE), ipfix(0, record(1)))
    c.wait_for(flows=1)
    c.kill()
    c = collector()
    c.send(ipfix(1, record(2)))  # its template came before, and never again
    c.send(ipfix(0, record(3), domain=9))  # of this one no template came yet
    c.wait_for(flows=1, sets_held=1)
    waiting = c.show("waiting")["waiting"]
    assert [(w["exporter"].split(":")[0], w["template"], w["sets"]) for w in waiting] == [("127.0.0.1", 256, 1)]
    c.send(ipfix(0, TEMPLATE, domain=9))
    c.wait_for(sets_released=1)
    assert sorted(f["src_port"] for f in flows(c.store)) == [1, 2, 3]


def test_pain_2_templates_of_different_exporters_do_not_overwrite_each_other(c, flows):
    other = (2, bytes.fromhex("0100 0002 0001 0004 0007 0002"))  # the same id: octets, then a port
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as a, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as b:
        a.bind(("127.0.0.2", 0))
        b.bind(("127.0.0.3", 0))
        for s, d in ((a, ipfix(0, TEMPLATE)), (b, ipfix(0, other)), (a, ipfix(0, other, domain=2)),
                     (a, ipfix(0, record(1))), (b, ipfix(0, (256, struct.pack(">IH", 77, 2)))), (a, ipfix(0, (256, struct.pack(">IH", 78, 3)), domain=2))):
            s.sendto(d, ("127.0.0.1", c.port))
    c.wait_for(flows=3)
    assert sorted((f["exporter"], f["domain"], f["src_port"], f["bytes"]) for f in flows(c.store)) == [
        ("127.0.0.2", 1, 1, 100), ("127.0.0.2", 2, 3, 78), ("127.0.0.3", 1, 2, 77)]


def test_pain_2_two_exporters_under_one_identity_are_an_alarm(c):
    d, e = Device(10, fields={8: 4, 1: 8}), Device(10, fields={1: 8, 8: 4})
    e.socket.close()
    e.socket = d.socket
    for _ in range(4):
        d.send(c.port, d.flows({}, template=True))
        e.send(c.port, e.flows({}, template=True))
    c.wait_for(flows=8)
    assert "template-collision" in doctor(c)


def test_pain_3_the_rate_of_each_record_and_where_it_is_from(collector, ask, tmp_path):
    conf = tmp_path / "weir.conf"
    conf.write_text("sender 127.0.0.9\n sampling 1:77\n")
    c = collector("--config", str(conf))
    header = Device(5, sampling=1 << 14 | 10, address="127.0.0.2")
    sampler = Device(9, fields=Device(9).fields | {48: 1}, address="127.0.0.3")
    forced = Device(5, sampling=1 << 14 | 10, address="127.0.0.9")
    none = Device(5, address="127.0.0.4")
    header.send(c.port, header.flows({}))
    sampler.send(c.port, sampler.options({1: 4}, {48: 1, 49: 1, 50: 4}, {1: 0, 48: 3, 49: 2, 50: 100}, {1: 0, 48: 4, 49: 2, 50: 200}))
    sampler.send(c.port, sampler.flows({48: 3}, {48: 4}, template=True))
    forced.send(c.port, forced.flows({}))
    none.send(c.port, none.flows({}))
    c.wait_for(flows=5)
    rows = ask(c, "--columns", "exporter,rate,rate_from,bytes", "--sort", "exporter:asc")
    assert [(r["exporter"][-1], r["rate"], r["rate_from"]) for r in rows if r["exporter"] not in ("127.0.0.3", "127.0.0.4")] == [
        ("2", 10, "header"), ("9", 77, "forced")]
    assert sorted((r["rate"], r["rate_from"]) for r in rows if r["exporter"] == "127.0.0.3") == [(100, "sampler"), (200, "sampler")]
    # The counters as they came are kept: both totals can be had.
    assert {r["exporter"]: r["bytes"] for r in ask(c, "--by", "exporter")} == {
        "127.0.0.2": 15000, "127.0.0.3": 1500 * 300, "127.0.0.4": 1500, "127.0.0.9": 1500 * 77}
    assert {r["bytes"] for r in ask(c, "--by", "exporter", "--raw")} == {1500, 3000}


def v9_uptimes(uptime, *times):
    """A v9 datagram with its template: first and last in ms of uptime, and octets."""
    template = struct.pack(">HHHH", 0, 20, 300, 3) + struct.pack(">HHHHHH", 22, 4, 21, 4, 1, 4)
    body = b"".join(struct.pack(">III", first, last, 100) for first, last in times)
    data = struct.pack(">HH", 300, 4 + len(body)) + body
    return struct.pack(">HHIIII", 9, 2, uptime, 1_700_000_000, 0, 0) + template + data


def test_pain_6_an_uptime_that_wraps_gives_no_flow_of_50_days(c, flows):
    c.send(v9_uptimes(5000, (2**32 - 3000, 2**32 - 1000), (2**32 - 1000, 2000), (1000, 4000)))
    c.wait_for(flows=3)
    at = {(f["first_ms"] - 1_700_000_000_000, f["last_ms"] - 1_700_000_000_000) for f in flows(c.store)}
    assert at == {(-8000, -6000), (-6000, -3000), (-4000, -1000)}


def test_pain_7_firewall_events_count_once_and_are_no_flows(c, ask):
    template = (2, bytes.fromhex("0110 0004 0008 0004 00e9 0001 00e7 0004 00e8 0004"))
    event = lambda kind, out, back: bytes([10, 0, 0, 1, kind]) + struct.pack(">II", out, back)
    c.send(ipfix(0, TEMPLATE, template), ipfix(0, record(1), (272, event(1, 0, 0) + event(5, 100, 50) + event(2, 300, 150))))
    c.wait_for(flows=4)
    assert [r["bytes"] for r in ask(c, "--by", "proto")] == [100]  # the flow alone
    assert [r["bytes"] for r in ask(c, "--by", "proto", "kind firewall and fw_event 2")] == [450]


def test_pain_8_an_element_twice_in_a_template_is_decoded(c, flows):
    template = (2, bytes.fromhex("0101 0005 0008 0004 0143 0008 0143 0008 0001 0004 0008 0004"))
    c.send(ipfix(0, template, (257, bytes([192, 0, 2, 1]) + (1000).to_bytes(8, "big") + (2000).to_bytes(8, "big") + (7).to_bytes(4, "big") + bytes([192, 0, 2, 2]))))
    c.wait_for(flows=1)
    (f,) = flows(c.store)
    assert (f["bytes"], f["src_addr"], f["event_ms"]) == (7, "192.0.2.1", 1000)
    assert f["extra"] == {"0/323": ["00000000000007d0"], "0/8": ["c0000202"]}  # the second ones
    assert c.counters()["bad_record"] == c.counters()["bad_template"] == 0


def test_pain_9_exporters_behind_a_relay_are_told_apart_where_it_is_trusted(collector, flows, tmp_path):
    conf = tmp_path / "weir.conf"
    conf.write_text("sender 127.0.0.1\n trust exporter-address\n")
    c = collector("--config", str(conf))
    template = (2, bytes.fromhex("0101 0002 0082 0004 0001 0004"))
    c.send(ipfix(0, template, (257, bytes([10, 0, 0, 1]) + (1).to_bytes(4, "big") + bytes([10, 0, 0, 2]) + (2).to_bytes(4, "big"))))
    c.wait_for(flows=2)
    assert sorted((f["exporter"], f["bytes"]) for f in flows(c.store)) == [("10.0.0.1", 1), ("10.0.0.2", 2)]


def test_pain_15_how_large_a_flow_is_on_the_disk_is_said(c, run):
    c.send(*(v5(k * 30, 30) for k in range(50)))
    c.wait_for(flows=1500)
    c.stop()
    days = json.loads(run("store", "--store", c.store, "--json", "info").stdout)
    assert days["total"]["flows"] == 1500 and 0 < days["total"]["bytes"] / 1500 < 60


def test_pain_16_kernel_drops_are_shown_as_loss_of_their_exporter(collector, run):
    c = collector("--rcvbuf", "4096")
    d = Device(5)
    d.hello(c.port)
    c.wait_for(datagrams=3)
    c.process.send_signal(signal.SIGSTOP)  # it reads nothing
    d.send(c.port, *(d.flows(*[{}] * 30) for _ in range(200)))
    c.process.send_signal(signal.SIGCONT)
    until(lambda: c.counters()["kernel_drops"] > 0, "drops")
    d.send(c.port, d.flows({}))
    until(lambda: c.counters()["sequence_missed"] > 0, "the gap")
    n = c.counters()
    assert n["datagrams"] + n["kernel_drops"] == 204 and n["sequence_missed"] == 30 * n["kernel_drops"]
    (s,) = c.show("senders")["senders"]
    assert s["lost"] == n["sequence_missed"]
    assert "loss-kernel" in doctor(c)


def test_pain_18_odd_input_stops_nothing(c, flows):
    good = v5(0, 1)
    odd = [good[:n] for n in range(len(good))] + [bytes(n) for n in range(0, 1500, 97)] + [bytes([k]) * 1400 for k in range(256)]
    odd += [struct.pack(">HH", v, 65535) + bytes(60) for v in range(12)]
    for i in range(0, len(odd), 50):
        c.send(*odd[i : i + 50])
        c.wait_for(datagrams=min(i + 50, len(odd)))
    c.send(good)
    c.wait_for(datagrams=len(odd) + 1)
    assert c.process.poll() is None and any(f["src_port"] == 1000 and f["bytes"] == 1500 for f in flows(c.store))


def test_pain_19_nothing_is_decoded_without_its_template(c, flows):
    c.send(ipfix(0, record(1)))
    c.wait_for(sets_held=1)
    assert flows(c.store) == [] and c.counters()["flows"] == 0


def test_pain_20_errors_say_whose_and_what(c):
    c.send(ipfix(0, (2, struct.pack(">HH", 256, 3) + bytes(4)), domain=77))  # three fields announced, one there
    c.wait_for(bad_template=1)
    until(lambda: "bad_template" in c.text(), "the log line")
    line = next(x for x in c.text().splitlines() if "bad_template" in x)
    assert "127.0.0.1" in line and "77" in line
    assert "malformed" in doctor(c)


def test_pain_21_every_flow_is_accounted_for(c, run):
    c.send(v5(0, 10), v5(20, 10), v5(30, 10)[: 24 + 48 * 4], b"junk", ipfix(0, record(1)))
    c.wait_for(datagrams=5)
    (five,) = [b for b in json.loads(run("books", "--json", "--store", c.store).stdout)["books"] if b.get("version") == 5]
    assert (five["received"], five["stored"], five["malformed"], five["lost_flows"]) == (30, 24, 6, 10)
    assert "Balanced: received 30 = stored 24 + refused 0 + malformed 6" in run("books", "--store", c.store).stdout


def test_pain_26_interfaces_have_names_by_options_data_else_by_file(c, ask, tmp_path):
    d = Device(9)
    d.send(c.port, d.names(1), d.flows({10: 1, 14: 2}, template=True))
    c.wait_for(flows=1)
    named = lambda *args: [(r["in_if_name"], r["out_if_name"]) for r in ask(c, "--by", "exporter,in_if,out_if", "--names", "interfaces", *args)]
    until(lambda: named() == [("eth1", None)], "the name in the store")
    names = tmp_path / "names.csv"
    names.write_text("exporter,kind,number,name\n127.0.0.1,interface,2,uplink\n")
    assert named("--names-file", str(names)) == [("eth1", "uplink")]


def test_pain_29_an_exporter_that_falls_silent_is_told(practice):
    p = practice()
    d, other = p.device(9), p.device(9, address="127.0.0.2")
    for _ in range(40):
        p.hello(d, 1)
        p.hello(other, 1)
        p.wait(10_000)
    for _ in range(30):
        p.hello(other, 1)
        p.wait(10_000)
    assert "silent" in p.findings(d) and "silent" not in p.findings(other)
