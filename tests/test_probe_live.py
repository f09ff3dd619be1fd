"""weir probe at interfaces: a router between two hosts, each in a network namespace, and two collectors. Interface counters,
what was metered, and what was collected are the same."""

import json
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
UNSHARE = ["unshare", "-Urn"]


def may_have_networks():
    tools = all(map(shutil.which, ("unshare", "nsenter", "ip")))
    return tools and subprocess.run([*UNSHARE, "ip", "link", "add", "name", "v0", "type", "veth", "peer", "name", "v1"],
                                    capture_output=True).returncode == 0


pytestmark = pytest.mark.skipif(not may_have_networks(), reason="no network namespaces with veth here")


def route(folder, *args):
    done = subprocess.run([*UNSHARE, sys.executable, str(HERE / "router.py"), str(folder), *args], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


# (source, source port) → packets, bytes, input interface
SENT = {
    ("10.0.0.2", 1000): (500, 500 * 128, "r0"),
    ("10.0.0.2", 1001): (50, 50 * 1428, "r0"),
    ("10.0.1.2", 2000): (300, 300 * 38, "r1"),
    ("fd00:1::2", 2001): (200, 200 * 748, "r1"),
    ("fd00::2", 1002): (100, 100 * 48, "r0"),
}


def told(log, what):
    found = re.search(rf"(\d+) {what}", log)
    return int(found.group(1)) if found else 0


@pytest.mark.parametrize("version, threads", (("9", 1), ("ipfix", 1), ("9", 3)))
def test_a_router_meters_what_goes_through_it(tmp_path, version, threads):
    r = route(tmp_path, "--version", version, "--threads", str(threads), "--direction", "in", "--inactive", "1s", "--timeout", "udp=1s")
    assert r["status"] == 0
    for store in r["stores"]:  # neighbours' questions and answers are no UDP
        flows = {(f["src_addr"], f["src_port"]): f for f in store if f["proto"] == 17 and f["dst_port"] == 9}
        assert set(flows) == set(SENT)
        for key, (packets, octets, dev) in SENT.items():
            f = flows[key]
            assert (f["packets"], f["bytes"], f["in_if"], f["out_if"]) == (packets, octets, r["index"][dev], r["index"]["r1" if dev == "r0" else "r0"])
            assert f["end_reason"] == 1
    packets, octets = (sum(after[i] - before[i] for before, after in zip(r["before"], r["after"])) for i in (0, 1))
    sent = sum(p for p, *_ in SENT.values()), sum(b for _, b, _ in SENT.values())
    metered = re.search(r"metered (\d+) packets \((\d+) bytes\)", r["log"])
    # Besides, the kernel's own: neighbour discovery, multicast; before the first count some of it may have come.
    assert packets >= sent[0] and int(metered.group(1)) >= sent[0]
    others = int(metered.group(1)) + told(r["log"], "frames without an IP packet") - packets
    assert 0 <= others < 40 and sent[1] <= octets - 14 * packets < sent[1] + 40 * 200
    assert told(r["log"], "packets that the kernel dropped") == 0


def test_own_exports_are_not_metered_and_both_directions_are_if_asked(tmp_path):
    r = route(tmp_path, "--direction", "both", "-i", "lo", "--inactive", "1s", "--timeout", "udp=1s")
    assert r["status"] == 0
    assert told(r["log"], "packets left out because they are a probe's own exports") > 0
    for store in r["stores"]:
        assert not [f for f in store if f["dst_addr"] == "127.0.0.1" and f["proto"] == 17]
        flows = {(f["packets"], f["in_if"], f["out_if"]) for f in store if f["dst_port"] == 9 and f["src_port"] == 1000}
        assert flows == {(500, r["index"]["r0"], r["index"]["r1"]), (500, 0, r["index"]["r1"])}


FAMILY = """flow record R{0}
 match ipv{0} source address
 match ipv{0} destination address
 match ip protocol
 match transport source-port
 match transport destination-port
 match flow direction
 match interface input
 match interface output
 collect counter bytes long
 collect counter packets long
 collect ipv{0} destination mask
flow monitor M{0}
 record R{0}
 exporter A
 exporter B
 cache timeout active 60
 cache timeout inactive 1
"""


def test_a_routers_configuration_meters_at_interfaces_in_and_out(tmp_path):
    text = "flow exporter {}\n destination 127.0.0.1\n transport udp {{{}}}\n export-protocol {}\n option interface-table\n"
    text = text.format("A", 0, "netflow-v9") + text.format("B", 1, "ipfix") + FAMILY.format(4) + FAMILY.format(6)
    for alias, dev, way in (("GigabitEthernet0/0", "r0", "input"), ("GigabitEthernet0/1", "r1", "output")):
        text += f"interface-alias {alias} {dev}\ninterface {alias}\n ip flow monitor M4 {way}\n ipv6 flow monitor M6 {way}\n"
    r = route(tmp_path, "--config", text)
    assert r["status"] == 0, r["log"]
    want = set()
    for (host, port), (packets, octets, dev) in SENT.items():
        index, other = r["index"][dev], r["index"]["r1" if dev == "r0" else "r0"]
        mask = 64 if ":" in host else 24
        if dev == "r0":  # it comes in at r0, where it is metered, and leaves by r1, where it is, too
            want |= {(host, port, packets, octets, 0, index, other, mask), (host, port, packets, octets, 1, 0, other, mask)}
    for store, version in zip(r["stores"], (9, 10)):
        have = {(f["src_addr"], f["src_port"], f["packets"], f["bytes"], f["direction"], f["in_if"], f["out_if"], f["dst_mask"])
                for f in store if f["proto"] == 17 and f["dst_port"] == 9}
        assert have == want and {f["version"] for f in store} == {version}


AT_ONCE = r"""
import pathlib, re, signal, socket, subprocess, sys
import conftest
from router import ip
folder = pathlib.Path(sys.argv[1])
ip("link", "set", "lo", "up")
for turn in range(10):
    with open(folder / "log", "w") as log:
        p = subprocess.Popen([conftest.WEIR, "probe", "-i", "lo", "--to", "127.0.0.1:9", "-f", "udp dst port 7"], stderr=log)
    try:
        conftest.until(lambda: "metering" in (folder / "log").read_text() or p.poll() is not None, "the probe to begin")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            for _ in range(50):
                s.sendto(b"x", ("127.0.0.1", 7))
        p.send_signal(signal.SIGINT)
        p.wait(20)
    finally:
        p.kill()
    print(re.search(r"metered (\d+) packets", (folder / "log").read_text()).group(1))
"""


def test_what_came_just_before_the_end_is_metered(tmp_path):
    done = subprocess.run([*UNSHARE, sys.executable, "-c", AT_ONCE, str(tmp_path)], capture_output=True, text=True, cwd=HERE)
    assert done.stdout.split() == ["50"] * 10, done.stderr


def test_mistakes_are_explained(run):
    for args, said in ((["-i", "lo", "-r", "x"], "expected --interface DEV, --read FILE, or --config FILE"),
                       (["-i", "nowhere0"], "nowhere0"),
                       (["-i", "lo", "-i", "lo"], "is there twice"),
                       (["-r", "x", "--filter", "udp"], "are for interfaces"),
                       (["-i", "lo", "--direction", "up"], "expected in, out or both"),
                       (["-i", "lo", "--filter", "nonsense and"], "filter")):
        assert said in run("probe", "--to", "127.0.0.1:2055", *args, status=2).stderr
