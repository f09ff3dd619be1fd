"""The routers' commands in the configuration file, and what weir check says of them."""

import pytest
from conftest import ROOT, Collector


def write(path, text):
    path.write_text(text)
    return path


def example():
    """The configuration in docs/probe.md."""
    lines = (ROOT / "docs/probe.md").read_text().split("\n## ")[1].splitlines()
    return "\n".join(line[4:] for line in lines if line.startswith("    ")) + "\n"


def test_the_documented_configuration_means_what_is_said(run, tmp_path):
    said = run("check", write(tmp_path / "weir.conf", example())).stdout.splitlines()
    assert [line for line in said if not line.startswith("Quirk ")] == [
        "Interface eth1: IPv4 that comes, by flow monitor NETFLOW-MONITOR",
        "Interface eth2: IPv4 that leaves, by flow monitor NETFLOW-MONITOR, one packet in 100 at random (sampler ONE-IN-100)",
        "Flow monitor NETFLOW-MONITOR, record NETFLOW-RECORD",
        "  a flow is: ipv4 source address, ipv4 destination address, ipv4 protocol, transport source-port, "
        "transport destination-port, ipv4 tos, interface input",
        "  and it has: counter bytes, counter packets, interface output",
        "  cache of 524288 flows; out after 30.0 s, or idle for 15.0 s, TCP's FIN 5.0 s, TCP's RST 5.0 s",
        "  to NETFLOW-EXPORTER1: NetFlow v9, UDP 192.168.3.1:2055, from eth0's address; templates every 1m 0s",
    ]


def test_check_says_what_exporters_and_caches_do(run, tmp_path):
    text = """flow exporter A
 destination 2001:db8::9 vrf blue
 source 2001:db8::1
 export-protocol ipfix
 transport tcp 4739
 template data packets 50
 option interface-table timeout 300
 match counter packets long gt 2
 output-features
flow exporter B
 destination 192.0.2.1
 export-protocol netflow-v5
flow monitor ORIGINAL
 record netflow-original
 exporter A
 exporter B
 cache type immediate
flow monitor TOTALS
 record netflow ipv6 original-input peer
 cache type permanent
 cache entries 1000
 cache timeout update 90
interface eth0
 ipv6 flow monitor TOTALS input
"""
    path = write(tmp_path / "x.conf", text)
    said = run("check", path).stdout.splitlines()
    assert "  to A: IPFIX, TCP [2001:db8::9]:4739 in VRF blue, from 2001:db8::1, flows of more than 2 packets; templates every 10m 0s or 50 datagrams, interface-table every 5m 0s" in said
    assert "  to B: NetFlow v5, UDP 192.0.2.1:9995" in said
    assert "  each packet is a flow" in said and "  it stands at no interface" in said
    assert "  cache of 1000 flows; they stay, and their totals go out every 1m 30s" in said
    assert "  it has no exporter" in said
    keys = next(line for line in said if "ipv6 source address" in line)
    assert keys.startswith("  a flow is: ipv6 traffic-class, ipv6 flow-label, ipv6 protocol, ipv6 extension map, ")
    values = next(line for line in said if "next-hop address ipv6" in line)
    assert values.startswith("  and it has: routing source as peer, routing destination as peer, ")
    assert f"{path}:9:1: output-features has no effect" in said[-1]


@pytest.mark.parametrize(
    "text, places",
    [
        ("flow record R\n match ipv4 sorce address\n", ["2:13: expected source or destination", "1:13: flow record R matches nothing"]),
        ("flow monitor M\n record R\n exporter E\n", ["2:9: there is no flow record R", "3:11: there is no flow exporter E"]),
        ("flow exporter E\n destination 10.0.0.1\n export-protocol netflow-v5\nflow monitor M\n record netflow ipv6 as\n exporter E\n",
         ["6:11: flow exporter E speaks NetFlow v5, which has no place for 'match flow direction'"]),
        ("interface Gi0/1\n ip flow monitor M input\n", ["1:11: expected an interface of this machine", "2:18: there is no flow monitor M"]),
        ("collector\n paht x\nflow exporter E\n dscp 64\n", ["2:2: expected", "4:7: expected 0 to 63", "3:15: flow exporter E has no"]),
    ],
)
def test_mistakes_have_their_places(run, tmp_path, text, places):
    path = write(tmp_path / "x.conf", text)
    said = run("check", path, status=2).stderr.splitlines()
    assert len(said) == len(places)
    for line, place in zip(said, places):
        assert line.startswith(f"{path}:{place}")


def test_other_commands_read_the_same_file(tmp_path, run):
    path = write(tmp_path / "weir.conf", example() + "filter web dst port 443\n")
    collector = Collector(tmp_path / "store", "--config", str(path))
    assert collector.stop() == 0, collector.text()
    assert "443" in run("filter", "explain", "filter web", "--config", path).stdout
