"""weir probe with the routers' commands: records, several exporters and monitors, samplers, as tshark and our collector read what it sends."""

import collections

import pytest

import packets
from test_probe import conversations, needs_tshark  # noqa: F401

RECORD = """flow record NETFLOW-RECORD
 match ipv4 source address
 match ipv4 destination address
 match ipv4 protocol
 match transport source-port
 match transport destination-port
 match ipv4 tos
 match interface input
 collect counter bytes
 collect counter packets
 collect interface output
"""
FOREVER = """ cache timeout active 604800
 cache timeout inactive 604800
 cache timeout tcp-fin 604800
 cache timeout tcp-rst 604800
"""
HERE = "interface-alias GigabitEthernet0/1 lo\ninterface GigabitEthernet0/1\n"


def exporter(name, port, *lines):
    return "\n ".join([f"flow exporter {name}", "destination 127.0.0.1", f"transport udp {port}", *lines]) + "\n"


@pytest.fixture
def meter(run, tmp_path, conversations):
    """What the listeners got of it, as tshark reads it; the text has their ports as {}."""

    def metered(text, n=1, args=()):
        listeners = [packets.Listener() for _ in range(n)]
        conf = tmp_path / "probe.conf"
        conf.write_text(text.format(*(x.port for x in listeners)))
        done = run("probe", "-r", conversations, "--config", conf, *args)
        got = []
        for x in listeners:
            packets.write(tmp_path / "sent.pcap", x.datagrams())
            flows, other = packets.decode(tmp_path / "sent.pcap")
            assert other["malformed"] == 0 and other["expert"] == 0, other
            got.append(flows)
            x.socket.close()
        return (*got, done)

    return metered


def totals(flows, *key):
    """Packets and bytes by key."""
    sums = collections.Counter()
    for f in flows:
        sums[tuple(f[k] for k in key)] += f["packets"] + (f["bytes"] << 32)
    return sums


def of_family(flows, family):
    return [f for f in flows if (":" in f["src_addr"]) == (family == 6)]


@needs_tshark
def test_a_routers_configuration_with_two_exporters(meter, conversations):
    first, second, _ = meter(
        RECORD + exporter("E1", "{}", "template data timeout 60") + exporter("E2", "{}", "export-protocol ipfix")
        + "flow monitor NETFLOW-MONITOR\n record NETFLOW-RECORD\n exporter E1\n exporter E2\n" + FOREVER
        + HERE + " ip flow monitor NETFLOW-MONITOR input\n", 2)
    truth = of_family(packets.truth(conversations), 4)
    for flows, version in ((first, 9), (second, 10)):
        assert {f["version"] for f in flows} == {version}
        assert totals(flows, *packets.KEY) == totals(truth, *packets.KEY)
        assert {f["in_if"] for f in flows} == {0} == {f["out_if"] for f in flows}


@needs_tshark
def test_monitors_of_both_families_with_predefined_records(meter, conversations):
    four, six, _ = meter(
        exporter("E4", "{}") + exporter("E6", "{}")
        + "flow monitor M4\n record netflow-original\n exporter E4\n" + FOREVER
        + "flow monitor M6\n record netflow ipv6 protocol-port\n exporter E6\n" + FOREVER
        + HERE + " ip flow monitor M4 input\n ipv6 flow monitor M6 input\n", 2)
    truth = packets.truth(conversations)
    assert totals(four, *packets.KEY) == totals(of_family(truth, 4), *packets.KEY)
    assert six == []  # without addresses, tshark's records are none that decode() looks for


@needs_tshark
def test_several_monitors_at_an_interface_and_one_at_two(meter, conversations):
    all_of_it, by_host, _ = meter(
        RECORD + "flow record HOSTS\n match ipv4 source address\n match ipv4 destination address\n collect counter bytes long\n collect counter packets long\n"
        + exporter("E1", "{}") + exporter("E2", "{}")
        + "flow monitor A\n record NETFLOW-RECORD\n exporter E1\n" + FOREVER + "flow monitor B\n record HOSTS\n exporter E2\n" + FOREVER
        + HERE + " ip flow monitor A input\n ip flow monitor B input\n ip flow monitor B output\n", 2)
    truth = of_family(packets.truth(conversations), 4)
    assert totals(all_of_it, *packets.KEY) == totals(truth, *packets.KEY)
    assert totals(by_host, "src_addr", "dst_addr") == totals(truth, "src_addr", "dst_addr")
    assert len(by_host) == len(totals(truth, "src_addr", "dst_addr"))


def test_our_collector_knows_the_samplers_rate(run, collector, flows, conversations, tmp_path):
    c = collector()
    conf = tmp_path / "probe.conf"
    conf.write_text(RECORD + exporter("E", c.port) + "flow monitor M\n record NETFLOW-RECORD\n exporter E\n"
                    "sampler HALF\n mode deterministic 1 out-of 2\n" + HERE + " ip flow monitor M sampler HALF input\n")
    done = run("probe", "-r", conversations, "--config", conf)
    assert "packets left out by a sampler" in done.stderr
    c.wait_for(flows=1)
    assert c.stop() == 0
    assert {f["rate"] for f in flows(c.store)} == {2}


def test_each_packet_is_a_flow_in_an_immediate_cache(meter, conversations):
    flows, _ = meter(RECORD + exporter("E", "{}") + "flow monitor M\n record NETFLOW-RECORD\n exporter E\n cache type immediate\n"
                     + HERE + " ip flow monitor M input\n")
    truth = of_family(packets.truth(conversations), 4)
    assert len(flows) == sum(f["packets"] for f in truth)
    assert totals(flows, *packets.KEY) == totals(truth, *packets.KEY)


def test_the_usual_configuration_is_taken_where_no_flag_says_what_to_do(run, tmp_path, conversations, monkeypatch):
    with packets.Listener() as listener:
        conf = tmp_path / "weir.conf"
        conf.write_text(RECORD + exporter("E", listener.port) + "flow monitor M\n record NETFLOW-RECORD\n exporter E\n" + HERE + " ip flow monitor M input\n")
        monkeypatch.setenv("WEIR_CONFIG", str(conf))
        run("probe", "-r", conversations)
        assert listener.datagrams()


@pytest.mark.parametrize("text, args, said", (
    ("collector\n workers 1\n", [], "says nothing of metering"),
    (RECORD + "flow monitor M\n record NETFLOW-RECORD\n", [], "no flow monitor stands at an interface"),
    (RECORD + "flow monitor M\n record NETFLOW-RECORD\n" + HERE + " ip flow monitor M output\n", [], "packets of a capture go to none"),
    (RECORD + "flow monitor M\n record NETFLOW-RECORD\n exporter E\n", [], "probe.conf:14:11: there is no flow exporter E"),
    (RECORD, ["--to", "127.0.0.1:2055"], "--to and --config"),
))
def test_mistakes_are_explained(run, tmp_path, conversations, text, args, said):
    conf = tmp_path / "probe.conf"
    conf.write_text(text)
    assert said in run("probe", "-r", conversations, "--config", conf, *args, status=2).stderr
