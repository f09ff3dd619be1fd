"""What weir probe tells besides flows, and how it reaches collectors: options data, IPFIX over TCP, sources, VRFs."""

import json
import pathlib
import socket
import struct
import subprocess
import sys
import xml.etree.ElementTree as xml

import pytest

import packets
import traffic
from test_probe import START_MS, capture, frame, needs_tshark
from test_probe_conf import FOREVER, HERE, RECORD, exporter
from test_probe_live import UNSHARE, may_have_networks

MONITOR = "flow monitor M\n record NETFLOW-RECORD\n exporter E\n" + FOREVER + HERE + " ip flow monitor M input\n"


@pytest.fixture
def steady(tmp_path):
    return capture(tmp_path / "steady.pcap", [frame(i, payload=i) for i in range(1000)])


def metered(run, tmp_path, packets_of, text, status=0):
    conf = tmp_path / "probe.conf"
    conf.write_text(text)
    return run("probe", "-r", packets_of, "--config", conf, status=status)


def options(path):
    """Options data as tshark reads them: a dict of texts by field, for each record."""
    command = [packets.TSHARK, "-n", "-r", str(path), "-d", "udp.port==2055,cflow", "-T", "pdml"]
    tree = xml.fromstring(subprocess.run(command, capture_output=True, check=True).stdout)
    out = []
    for f in tree.iter("field"):
        names = {c.get("name"): c.get("show") for c in f.iter("field") if c is not f}
        if (f.get("show") or "").startswith("Flow ") and "cflow.srcaddr" not in names:
            out.append(names)
    return out


@needs_tshark
@pytest.mark.parametrize("version", ["netflow-v9", "ipfix"])
def test_tables_that_an_exporter_tells(run, tmp_path, steady, version):
    with packets.Listener() as listener:
        metered(run, tmp_path, steady, RECORD + exporter(
            "E", listener.port, f"export-protocol {version}", "source-id 9", "option interface-table", "option sampler-table timeout 60",
            "option exporter-stats", "option vrf-table") + MONITOR.replace("M input", "M sampler S input") + "sampler S\n mode random 1 out-of 10\n")
        packets.write(tmp_path / "sent.pcap", listener.datagrams())
    flows, other = packets.decode(tmp_path / "sent.pcap")
    assert other["malformed"] == 0 and other["expert"] == 0 and len(flows) == 1
    told = options(tmp_path / "sent.pcap")
    names = {int(r["cflow.inputint"] if "cflow.inputint" in r else r["cflow.scope_interface"]): r["cflow.if_name"].rstrip("\0")
             for r in told if "cflow.if_name" in r}
    assert names == {i: n for i, n in socket.if_nameindex()}
    (sampler,) = [r for r in told if "cflow.sampler_name" in r]
    assert (sampler["cflow.sampler_id"], sampler["cflow.sampler_mode"], sampler["cflow.sampler_random_interval"]) == ("1", "2", "10")
    assert sampler["cflow.sampler_name"].rstrip("\0") == "S"
    (rate,) = [r for r in told if "cflow.sampling_interval" in r]
    assert (rate["cflow.sampling_interval"], rate["cflow.sampling_algorithm"]) == ("10", "2")
    (stats,) = [r for r in told if "cflow.octetsexp" in r]
    assert {stats[f"cflow.{n}exp"] for n in ("octets", "packets", "flows")} == {"0"}  # it is the first thing that it says


def test_our_collector_learns_names_and_the_rates_of_several_samplers(run, collector, flows, tmp_path, steady):
    c = collector()
    record = RECORD + " collect flow sampler\n"
    metered(run, tmp_path, steady, record + exporter("E", c.port, "option interface-table") + """flow monitor M
 record NETFLOW-RECORD
 exporter E
flow monitor N
 record NETFLOW-RECORD
 exporter E
sampler TEN
 mode deterministic 1 out-of 10
sampler FIFTY
 mode deterministic 1 out-of 50
""" + HERE + " ip flow monitor M sampler TEN input\n ip flow monitor N sampler FIFTY input\n")
    c.wait_for(flows=2)
    names = {(n["number"], n["name"]) for n in c.show("interfaces")["interfaces"]}
    assert {(i, n) for i, n in socket.if_nameindex()} <= names
    assert c.stop() == 0
    assert sorted((f["packets"], f["rate"], f["rate_from"]) for f in flows(c.store)) == [(20, 50, "sampler"), (100, 10, "sampler")]


def test_tables_are_told_again_by_their_time(run, tmp_path):
    # A packet each second for 100 s, each a flow of its own that goes out when it comes.
    path = capture(tmp_path / "slow.pcap", [frame(1000 * i, sport=i + 1) for i in range(100)])
    with packets.Listener() as listener:
        metered(run, tmp_path, path, RECORD + exporter("E", listener.port, "option exporter-stats timeout 30", "template data timeout 3600")
                + MONITOR.replace(FOREVER, " cache type immediate\n"))
        sent = listener.datagrams()
    ids = [struct.unpack_from(">H", d, at)[0] for d in sent for at in sets(d, 20)]
    assert ids.count(256 + 256 + 2) == 4  # exporter-stats, at 0, 30, 60 and 90 s
    assert ids.count(0) == 1 == ids.count(1)


def sets(datagram, at):
    while at < len(datagram):
        yield at
        at += struct.unpack_from(">H", datagram, at + 2)[0]


def test_flows_of_few_packets_are_not_exported_if_asked(run, collector, flows, tmp_path):
    c = collector()
    path = capture(tmp_path / "mixed.pcap", [frame(i, sport=1 + i % 7 * (i % 2)) for i in range(70)])
    done = metered(run, tmp_path, path, RECORD + exporter("E", c.port, "match counter packets long gt 10") + MONITOR)
    c.wait_for(flows=1)
    assert c.stop() == 0
    (flow,) = flows(c.store)
    assert flow["packets"] > 10
    assert "flows not exported because they have no more packets" in done.stderr


# --- TCP ---


def ipfix_over_tcp(port):
    return exporter("E", port, "export-protocol ipfix").replace("transport udp", "transport tcp")


def test_ipfix_over_tcp_reaches_our_collector(run, collector, flows, tmp_path):
    c = collector()
    path = tmp_path / "traffic.pcap"
    traffic.write(path, START_MS)
    metered(run, tmp_path, path, RECORD + ipfix_over_tcp(c.tcp_port) + MONITOR)
    want = sum(":" not in f["src_addr"] for f in packets.truth(path)) if packets.TSHARK else 1
    c.wait_for(flows=want)
    n = c.counters()
    assert n["tcp_sessions"] == 1 and n["sequence_missed"] == 0 and n["bad_template"] == 0
    assert c.stop() == 0
    assert packets.TSHARK is None or len(flows(c.store)) == want


def test_where_nobody_listens_a_capture_is_not_read(run, tmp_path, steady):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        done = metered(run, tmp_path, steady, RECORD + ipfix_over_tcp(s.getsockname()[1]) + MONITOR, status=1)
    assert "cannot connect to E" in done.stderr and "refused" in done.stderr.lower()


# --- sources ---


def test_the_address_of_an_interface_is_the_source(run, tmp_path, steady):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        s.settimeout(10)
        metered(run, tmp_path, steady, RECORD + exporter("E", s.getsockname()[1], "source GigabitEthernet0/1") + MONITOR)
        assert s.recvfrom(2000)[1][0] == "127.0.0.1"


def test_sources_and_vrfs_that_are_not_there_are_refused(run, tmp_path, steady):
    for line, said in (("source 192.0.2.77", "does not have that address"), ("destination 192.0.2.1 vrf nowhere0", "VRF nowhere0")):
        text = RECORD + exporter("E", 9, *([] if line.startswith("dest") else [line]))
        text = text.replace("destination 127.0.0.1", line) if line.startswith("dest") else text
        assert said in metered(run, tmp_path, steady, text + MONITOR, status=2).stderr


# --- a collector that goes away and comes back, live ---


@pytest.mark.skipif(not may_have_networks(), reason="no network namespaces with veth here")
def test_a_stream_is_begun_anew_when_its_collector_comes_back(tmp_path):
    done = subprocess.run([*UNSHARE, sys.executable, "-c", BACK, str(tmp_path)], capture_output=True, text=True, cwd=pathlib.Path(__file__).parent)
    assert done.returncode == 0, done.stderr
    r = json.loads(done.stdout)
    assert r["sessions"] == [1, 1] and all(n > 0 for n in r["flows"]) and r["missed"] == [0, 0] and r["held"] == [0, 0]
    assert "connected" in r["log"] and "no connection to the collector" in r["log"] and r["status"] in (0, 1)


BACK = r"""
import json, pathlib, signal, socket, subprocess, sys
import conftest
from router import ip
from test_probe_conf import RECORD, exporter
folder = pathlib.Path(sys.argv[1])
ip("link", "set", "lo", "up")
first = conftest.Collector(folder / "store")
port = first.tcp_port
conf = folder / "probe.conf"
conf.write_text(RECORD + exporter("E", port, "export-protocol ipfix").replace("transport udp", "transport tcp")
    + "flow monitor M\n record NETFLOW-RECORD\n exporter E\n cache type immediate\ninterface lo\n ip flow monitor M input\n")
log = open(folder / "log", "w")
probe = subprocess.Popen([conftest.WEIR, "probe", "--config", str(conf)], stderr=log)
traffic = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
def flows_come(c):
    def so():
        traffic.sendto(b"x", ("127.0.0.1", 9))
        return c.counters()["flows"] > 0
    conftest.until(so, "flows")
    return c.counters()
try:
    before = flows_come(first)
    assert first.stop() == 0
    second = conftest.Collector(folder / "second", "--tcp", f"127.0.0.1:{port}")
    after = flows_come(second)
    probe.send_signal(signal.SIGINT)
    status = probe.wait(30)
    second.stop()
    both = (before, after)
    print(json.dumps({"sessions": [n["tcp_sessions"] for n in both], "flows": [n["flows"] for n in both], "missed": [n["sequence_missed"] for n in both],
        "held": [n["sets_held"] for n in both], "log": (folder / "log").read_text(), "status": status}))
finally:
    probe.kill()
"""
