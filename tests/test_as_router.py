"""weir check --as-router: what is metered, as commands for a router; read again, they mean the same."""

import pytest

from test_probe_conf import RECORD

ALIASES = "interface-alias GigabitEthernet0/1 eth1\ninterface-alias GigabitEthernet0/2 eth2\ninterface-alias Loopback0 lo\n"
EXPORTERS = """flow exporter E1
 destination 192.0.2.1 vrf RED
 source Loopback0
 transport udp 2055
 template data timeout 60
 dscp 8
 ttl 9
 option interface-table timeout 300
 option sampler-table
 match counter packets long gt 3
flow exporter E2
 destination 2001:db8::1
 transport udp 4739
 export-protocol ipfix
flow exporter E5
 destination 192.0.2.5
 export-protocol netflow-v5
"""
FLEXIBLE = RECORD + """flow record SYN
 match ipv6 source address
 match transport tcp flags syn ack
 match ipv6 section header size 40
 collect routing source as peer
 collect timestamp absolute first
 collect counter bytes long
""" + EXPORTERS + """flow monitor A
 record NETFLOW-RECORD
 exporter E1
 exporter E5
 cache timeout active 30
 cache timeout inactive 10
 cache entries 4096
 statistics packet protocol
flow monitor B
 record SYN
 exporter E2
 cache type permanent
 cache timeout update 60
flow monitor C
 record netflow ipv4 as-tos peer
 exporter E1
 cache type immediate
sampler S
 mode random 1 out-of 100
interface GigabitEthernet0/1
 ip flow monitor A sampler S input
 ipv6 flow monitor B output
interface GigabitEthernet0/2
 ip flow monitor A input
 ip flow monitor C input
"""
TRADITIONAL = """ip flow-export version 5 peer-as bgp-nexthop
ip flow-export destination 192.0.2.1 9991
ip flow-export destination 192.0.2.2 9992 vrf RED udp version 9
ip flow-export source Loopback0
ip flow-export template refresh-rate 5
ip flow-export template timeout-rate 7
ip flow-export template options export-stats
ip flow-export interface-names
ip flow-cache timeout active 1
ip flow-cache timeout inactive 20
ip flow-cache entries 65536
ip flow-sampling-mode packet-interval 50
ip flow-aggregation cache prefix
 cache timeout active 3
 mask source minimum 24
 mask destination minimum 16
 export destination 192.0.2.3 9993
 enabled
ip flow-aggregation cache bgp-nexthop-tos
 export version 9
 export destination 192.0.2.3 9994
 enabled
interface GigabitEthernet0/1
 ip flow ingress
interface GigabitEthernet0/2
 ip flow egress
"""


@pytest.fixture
def both(run, tmp_path):
    """What the text means, what is printed for a router, and what that means here."""

    def checked(text, *args):
        first, second = tmp_path / "first.conf", tmp_path / "second.conf"
        first.write_text(ALIASES + text)
        printed = run("check", "--as-router", *args, first).stdout
        second.write_text(ALIASES + printed)
        return run("check", first).stdout, printed, run("check", second).stdout

    return checked


@pytest.mark.parametrize("text", (FLEXIBLE, TRADITIONAL, TRADITIONAL + FLEXIBLE))
def test_what_is_printed_means_the_same(both, text):
    meant, printed, again = both(text)

    def lines(said):
        return sorted(line for line in said.splitlines() if "first.conf" not in line and "second.conf" not in line)

    assert lines(meant) == lines(again)
    assert "a router has" not in printed and "eth1" not in printed


@pytest.mark.parametrize("name", ("netflow-original", "netflow ipv4 original-output peer", "netflow ipv4 prefix-port", "netflow ipv4 app-client-server-stats"))
def test_predefined_records_are_named(both, name):
    meant, printed, again = both(f"flow monitor M\n record {name}\ninterface lo\n ip flow monitor M input\n")
    assert again == meant
    assert printed == f"! flow monitor M\n!\nflow monitor M\n record {name}\ninterface Loopback0\n ip flow monitor M input\n"


def test_a_page_for_each_monitor_has_all_that_it_needs(both):
    _, printed, _ = both(FLEXIBLE)
    pages = printed.split("! flow monitor ")[1:]
    assert [p.split()[0] for p in pages] == ["A", "B", "C"]
    assert all("flow exporter E1\n destination 192.0.2.1 vrf RED\n source Loopback0\n transport udp 2055\n" in p for p in (pages[0], pages[2]))
    assert " match transport tcp flags syn ack\n" in pages[1] and " match ipv6 section header size 40\n" in pages[1]
    assert "interface GigabitEthernet0/1\n ip flow monitor A sampler S input\n" in pages[0]


def test_top_talkers_come_back(both):
    text = ("ip flow-top-talkers\n top 20\n sort-by packets\n cache-timeout 100\n match source address 10.0.0.0/8\n match destination port max 100 min 20\n"
            " match protocol 6\n match tos dscp 46\n match input-interface GigabitEthernet0/1\n match byte-range min 1000\n match direction ingress\n")
    _, printed, _ = both("interface lo\n ip flow ingress\n" + text)
    assert text.replace("GigabitEthernet0/1", "eth1") in printed or text in printed


def test_what_a_router_cannot_is_said(both):
    _, printed, _ = both(RECORD + "rib /var/lib/rib\nlocal-as 65000\nflow exporter E\n destination 192.0.2.1\n transport tcp 4739\n export-protocol ipfix\n mtu 900\n source-id 3\n"
                         " template data packets 9\nflow monitor M\n record NETFLOW-RECORD\n exporter E\n cache timeout udp 5\n")
    for text in ("transport tcp 4739", "mtu 900", "source-id 3", "template data packets 9", "cache timeout udp 5"):
        assert f"! a router has no such command: {text}\n" in printed
    assert "rib /var/lib/rib" in printed and "local-as 65000" in printed


def test_of_vyos_too_and_of_nothing_it_is_said(run, tmp_path):
    (tmp_path / "boot").write_text("flow-accounting {\n interface eth1\n netflow {\n server 192.0.2.1 {\n }\n sampling-rate 10\n }\n}\n")
    printed = run("check", "--as-router", "--vyos", tmp_path / "boot").stdout
    assert "flow monitor ipv4\n record traditional-1\n exporter 192.0.2.1-2055\n" in printed and "sampler SAMPLER\n mode random 1 out-of 10\n" in printed
    assert " ipv6 flow monitor ipv6 sampler SAMPLER input\n" in printed
    (tmp_path / "empty").write_text("collector\n workers 1\n")
    assert "it says nothing of metering" in run("check", "--as-router", tmp_path / "empty", status=2).stderr
