"""AS numbers, masks and next hops of flows, out of a dump of BGP's routes that the test makes, as tshark and our collector read them."""

import gzip
import json
import pathlib
import struct
import subprocess
import sys

import pytest

import mrt
import packets
import traffic
from test_probe import START_MS, needs_tshark
from test_probe_conf import HERE, exporter
from test_probe_live import UNSHARE, may_have_networks

# As router R4 in AS 65234 sees it: 65008 is behind 65006, 65007 is a neighbour; 10.4.0.0/16 is the AS itself.
ROUTES = (("192.168.0.0/16", "10.246.1.1", 65001), ("192.168.8.0/24", "10.246.254.2", 65006, 65008), ("172.16.0.0/12", "10.246.255.2", 65007),
          ("10.4.0.0/16", "10.246.4.4"), ("2001:db8:8::/48", "2001:db8:246::2", 65006, 65008), ("2001:db8:7::/48", "2001:db8:247::2", 65007, 4200000007))
SENT = (("192.168.8.8", "172.16.7.7"), ("192.168.9.9", "10.4.4.4"), ("203.0.113.1", "172.31.255.255"), ("2001:db8:8::8", "2001:db8:7::7"),
        ("2001:db8:7::7", "2001:db9::1"))
# (source, destination) → AS of both by origin, by neighbour, masks, next hop
WANT = {
    SENT[0]: ((65008, 65007), (65006, 65007), (24, 12), "10.246.255.2"),
    SENT[1]: ((65001, 0), (65001, 0), (16, 16), "10.246.4.4"),
    SENT[2]: ((0, 65007), (0, 65007), (0, 12), "10.246.255.2"),
    SENT[3]: ((65008, 4200000007), (65006, 65007), (48, 48), "2001:db8:247::2"),
    SENT[4]: ((4200000007, 0), (65007, 0), (48, 0), "::"),
}


@pytest.fixture
def rib(tmp_path):
    path = tmp_path / "rib.mrt"
    path.write_bytes(mrt.dump(*ROUTES))
    return path


@pytest.fixture
def capture(tmp_path):
    """A packet of each, as a capture of raw IP."""
    path = tmp_path / "sent.pcap"
    with open(path, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101))
        for i, (src, dst) in enumerate(SENT):
            data = traffic.ip_packet(traffic.Packet(i, src, dst, traffic.UDP, (1000, 53), 30))
            f.write(struct.pack("<IIII", START_MS // 1000, i, len(data), len(data)) + data)
    return path


@pytest.fixture
def meter(run, tmp_path, capture):
    def metered(*args, text=None):
        with packets.Listener() as listener:
            if text:
                (tmp_path / "probe.conf").write_text(text.format(listener.port))
            done = run("probe", "-r", capture, *(("--config", tmp_path / "probe.conf") if text else ("--to", f"127.0.0.1:{listener.port}")), *args)
            packets.write(tmp_path / "export.pcap", listener.datagrams())
        flows, other = packets.decode(tmp_path / "export.pcap")
        assert other["malformed"] == 0 == other["expert"]
        return {(f["src_addr"], f["dst_addr"]): f for f in flows}, done

    return metered


@needs_tshark
@pytest.mark.parametrize("version", ("5", "9", "ipfix"))
@pytest.mark.parametrize("zipped", (False, True))
def test_flags_give_the_origins_as_masks_and_next_hops(meter, rib, version, zipped):
    if zipped:
        rib.write_bytes(gzip.compress(rib.read_bytes()))
    flows, done = meter("--rib", rib, "--version", version)
    want = {k: v for k, v in WANT.items() if version != "5" or ":" not in k[0]}
    assert set(flows) == set(want) and "AS numbers" not in done.stderr
    for key, (origins, _, masks, hop) in want.items():
        f = flows[key]
        assert ((f["src_as"], f["dst_as"]), (f["src_mask"], f["dst_mask"]), f["next_hop"]) == (origins, masks, hop)
        if version != "5":
            assert f["bgp_next_hop"] == hop
    if version == "5":  # which has 16 bits for them
        assert {f["version"] for f in flows.values()} == {5}


RECORD = """flow record R
 match ipv4 source address
 match ipv4 destination address
 collect routing source as{peer}
 collect routing destination as{peer}
 collect routing next-hop address ipv4 bgp
 collect counter packets
 collect counter bytes
"""


@needs_tshark
@pytest.mark.parametrize("peer, which", (("", 0), (" peer", 1)))
@pytest.mark.parametrize("version", ("netflow-v9", "ipfix"))
def test_a_record_has_the_origins_or_the_neighbours(meter, rib, peer, which, version):
    flows, _ = meter(text=f"rib {rib}\n" + RECORD.format(peer=peer) + exporter("E", "{}", f"export-protocol {version}")
                     + "flow monitor M\n record R\n exporter E\n" + HERE + " ip flow monitor M input\n")
    four = {k: v for k, v in WANT.items() if ":" not in k[0]}
    assert set(flows) == set(four)
    for key, want in four.items():
        f = flows[key]
        names = ("prev_as", "next_as") if peer else ("src_as", "dst_as")  # elements 129 and 128, or 16 and 17
        assert tuple(f[n] for n in names) == want[which] and f["bgp_next_hop"] == want[3]


@needs_tshark
def test_v5_has_no_room_for_large_as_numbers(meter, tmp_path):
    path = tmp_path / "large"
    path.write_bytes(mrt.dump(("172.16.0.0/12", "10.246.255.2", 65007, 4200000007), ("192.168.0.0/16", "10.246.1.1", 1)))
    flows, done = meter("--rib", path, "--version", "5")
    assert (flows[SENT[0]]["src_as"], flows[SENT[0]]["dst_as"]) == (1, 23456)  # RFC 6793


@needs_tshark
def test_the_local_as_is_that_of_what_bgp_says_is_our_own(meter, rib):
    flows, _ = meter("--rib", rib, "--local-as", "65234")
    assert (flows[SENT[1]]["src_as"], flows[SENT[1]]["dst_as"]) == (65001, 65234)
    assert flows[SENT[2]]["src_as"] == 0  # nobody has a route to it


def test_without_routes_it_is_said_that_there_are_none(run, tmp_path, capture):
    conf = tmp_path / "probe.conf"
    conf.write_text(RECORD.format(peer="") + exporter("E", 9) + "flow monitor M\n record R\n exporter E\n" + HERE + " ip flow monitor M input\n")
    assert "AS numbers are exported as 0: there is no --rib, or 'rib FILE'" in run("probe", "-r", capture, "--config", conf).stderr
    assert "AS numbers are exported as 0: there is no 'rib FILE'" in run("check", conf).stdout
    conf.write_text(f"rib {tmp_path}/x\nlocal-as 65234\n" + conf.read_text())
    said = run("check", conf).stdout
    assert f"BGP's routes are those of {tmp_path}/x\nThe AS here is 65234\n" in said


def test_what_is_left_out_of_a_dump_is_said(run, rib, capture):
    whole = rib.read_bytes()
    assert "left out" not in run("probe", "-r", capture, "--to", "127.0.0.1:9", "--rib", rib).stderr
    broken = mrt.record(2, struct.pack(">IB", 0, 33) + bytes(5))  # no prefix of IPv4 has 33 bits
    rib.write_bytes(whole + mrt.dump(("2001:db8::/96", "2001:db8::1", 65001)) + broken)
    assert f"{rib}: {len(ROUTES)} prefixes; 1 left out (too long, or too many), 1 broken records" in run(
        "probe", "-r", capture, "--to", "127.0.0.1:9", "--rib", rib).stderr


@pytest.mark.parametrize("content, said", (
    (None, "No such file"), (b"nothing of the kind, but long enough for a header", "expected a dump of BGP's routes"), (b"", "found none in it"),
    (mrt.dump(*ROUTES)[:-3], "the file is cut"), (gzip.compress(mrt.dump(*ROUTES))[:-9], "the file is cut"),
), ids=("none", "other", "empty", "cut", "cut_gzip"))
def test_a_file_that_is_none_is_refused(run, rib, capture, content, said):
    rib.unlink()
    if content is not None:
        rib.write_bytes(content)
    done = run("probe", "-r", capture, "--to", "127.0.0.1:9", "--rib", rib, status=1)
    assert said in done.stderr and str(rib) in done.stderr


@pytest.mark.parametrize("text, said", (("rib\n", "1:4: expected"), ("local-as 0\n", "1:10: expected 1 to 4294967295"),
                                        ("local-as 4294967296\n", "1:10: expected")))
def test_mistakes_have_their_places(run, tmp_path, text, said):
    (tmp_path / "x.conf").write_text(text)
    assert said in run("check", tmp_path / "x.conf", status=2).stderr


AGAIN = r"""
import json, pathlib, signal, socket, subprocess, sys
import conftest, mrt
from router import ip, stored
folder = pathlib.Path(sys.argv[1])
ip("link", "set", "lo", "up")
rib, log = folder / "rib", folder / "log"
rib.write_bytes(mrt.dump(("127.0.0.1/32", "127.0.0.2", 65001)))
with conftest.Collector(folder / "store") as collector, open(log, "w") as out:
    p = subprocess.Popen([conftest.WEIR, "probe", "-i", "lo", "--to", f"127.0.0.1:{collector.port}", "-f", "udp dst port 7", "--rib", rib,
                          "--inactive", "1s", "--threads", "2"], stderr=out)
    def send(port):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.bind(("127.0.0.1", port))
            s.sendto(b"x", ("127.0.0.1", 7))
    def again(data, said):
        rib.write_bytes(data)
        p.send_signal(signal.SIGHUP)
        conftest.until(lambda: said in log.read_text(), said)
    try:
        conftest.until(lambda: log.read_text().count("metering ") >= 1 or p.poll() is not None, "the probe to begin")
        send(1000)
        conftest.until(lambda: len(stored(collector)) == 1, "the first flow")
        again(mrt.dump(("127.0.0.1/32", "127.0.0.2", 65002, 65003), ("127.0.1.0/24", "127.0.0.2", 65002)), "BGP's routes read prefixes=2")
        send(1001)
        conftest.until(lambda: len(stored(collector)) == 2, "the second flow")
        again(b"broken", "BGP's routes not read; those before are used")
        send(1002)
        conftest.until(lambda: len(stored(collector)) == 3, "the third flow")
        p.send_signal(signal.SIGINT)
        print(json.dumps({"status": p.wait(20), "flows": [(f["src_port"], f["src_as"], f["bgp_next_hop"]) for f in stored(collector)]}))
    finally:
        p.kill()
"""


@pytest.mark.skipif(not may_have_networks(), reason="no network namespaces with veth here")
def test_routes_are_read_again_while_packets_are_metered(tmp_path):
    done = subprocess.run([*UNSHARE, sys.executable, "-c", AGAIN, str(tmp_path)], capture_output=True, text=True, cwd=pathlib.Path(__file__).parent)
    assert done.returncode == 0, done.stderr + (tmp_path / "log").read_text()
    r = json.loads(done.stdout)
    assert r["status"] == 0
    assert sorted(map(tuple, r["flows"])) == [(1000, 65001, "127.0.0.2"), (1001, 65003, "127.0.0.2"), (1002, 65003, "127.0.0.2")]
