"""weir probe with the routers' traditional commands: versions 1, 5, 8 and 9 side by side, AS numbers of origins or neighbours, and aggregation caches
that hold the sums of the main cache, as tshark and our collector read them."""

import collections
import ipaddress
import struct
import subprocess
from xml.etree import ElementTree as xml

import pytest

import mrt
import packets
from packets import TSHARK
from test_probe import conversations, needs_tshark  # noqa: F401
from test_probe_routing import ROUTES, SENT, capture, rib  # noqa: F401

HERE = "interface eth0\n ip flow ingress\n!\n"
FOREVER = "ip flow-cache timeout active 10080\nip flow-cache timeout inactive 604800\n"

# Number, and what stands behind the common start (flows, packets, octets, first, last), by the layouts that flow-tools and cflowd have.
AS, PREFIX, PORT, IF = "H", "I", "H", "H"
SCHEMES = {
    "as": (1, ">5I HHHH", ("src_as", "dst_as", "in_if", "out_if")),
    "protocol-port": (2, ">5I BxxxHH", ("proto", "src_port", "dst_port")),
    "source-prefix": (3, ">5I IBxHHxx", ("src_net", "src_mask", "src_as", "in_if")),
    "destination-prefix": (4, ">5I IBxHHxx", ("dst_net", "dst_mask", "dst_as", "out_if")),
    "prefix": (5, ">5I IIBBxxHHHH", ("src_net", "dst_net", "dst_mask", "src_mask", "src_as", "dst_as", "in_if", "out_if")),
    "as-tos": (9, ">5I HHHHBxxx", ("src_as", "dst_as", "in_if", "out_if", "tos")),
    "protocol-port-tos": (10, ">5I BBxxHHHH", ("proto", "tos", "src_port", "dst_port", "in_if", "out_if")),
    "source-prefix-tos": (11, ">5I IBBHHxx", ("src_net", "src_mask", "tos", "src_as", "in_if")),
    "destination-prefix-tos": (12, ">5I IBBHHxx", ("dst_net", "dst_mask", "tos", "dst_as", "out_if")),
    "prefix-tos": (13, ">5I IIBBBxHHHH", ("src_net", "dst_net", "dst_mask", "src_mask", "tos", "src_as", "dst_as", "in_if", "out_if")),
    "prefix-port": (14, ">5I IIBBBBHHHH", ("src_net", "dst_net", "dst_mask", "src_mask", "tos", "proto", "src_port", "dst_port", "in_if", "out_if")),
}
MOST = {28: 51, 32: 44, 40: 35}
# tshark has the masks of source and destination, and ToS and interfaces of scheme 9, in another order than flow-tools and cflowd.
DISPUTED = {5: {"srcmask", "dstmask"}, 13: {"srcmask", "dstmask"}, 14: {"srcmask", "dstmask"}, 9: {"tos", "inputint", "outputint"}}
TSHARKS = {"flows": "flows", "packets": "packets", "octets": "bytes", "srcas": "src_as", "dstas": "dst_as", "inputint": "in_if", "outputint": "out_if",
           "protocol": "proto", "srcport": "src_port", "dstport": "dst_port", "srcnet": "src_net", "dstnet": "dst_net", "srcmask": "src_mask",
           "dstmask": "dst_mask", "tos": "tos"}


def read_v8(datagrams):
    """Records by scheme, by the layouts above; sequence numbers count records of each scheme."""
    got, next_of = collections.defaultdict(list), collections.Counter()
    for d in datagrams:
        version, count, uptime, secs, nanos, sequence, _, _, scheme, agg_version, reserved = struct.unpack(">HHIIIIBBBBI", d[:28])
        assert (version, agg_version, reserved) == (8, 2, 0) and sequence == next_of[scheme]
        next_of[scheme] += count
        layout, names = next((layout, names) for number, layout, names in SCHEMES.values() if number == scheme)
        layout = layout.replace(" ", "")
        size = struct.calcsize(layout)
        assert 0 < count <= MOST[size] and len(d) == 28 + count * size
        boot = secs * 1000 + nanos // 1000000 - uptime
        for at in range(28, len(d), size):
            flows, pkts, octets, first, last, *rest = struct.unpack_from(layout, d, at)
            got[scheme].append(dict(zip(names, rest)) | {"flows": flows, "packets": pkts, "bytes": octets, "first_ms": boot + first, "last_ms": boot + last})
    return got


def read_tshark(path):
    """The same as tshark has it: (scheme, fields) of each record."""
    command = [TSHARK, "-n", "-r", str(path), "-d", "udp.port==2055,cflow", "-T", "pdml"]
    tree = xml.fromstring(subprocess.run(command, capture_output=True, check=True).stdout)
    for cflow in tree.iter("proto"):
        assert cflow.get("name") != "_ws.malformed"
        if cflow.get("name") != "cflow":
            continue
        scheme = next(int(f.get("show")) for f in cflow.iter("field") if f.get("name") == "cflow.aggmethod")
        for pdu in cflow.iter("field"):
            if (pdu.get("show") or "").startswith("pdu "):
                yield scheme, {f.get("name").removeprefix("cflow."): int(f.get("value"), 16)
                               for f in pdu.iter("field") if f.get("value") and f.get("name", "").startswith("cflow.")}


def summed(records, names):
    sums = {}
    for r in records:
        key = tuple(r[n] for n in names)
        s = sums.setdefault(key, [0, 0, 0, r["first_ms"], r["last_ms"]])
        for i, n in enumerate(("flows", "packets", "bytes")):
            s[i] += r[n]
        s[3], s[4] = min(s[3], r["first_ms"]), max(s[4], r["last_ms"])
    return sums


def with_nets(flows, least=(0, 0)):
    for f in flows:
        for side, bits in zip(("src", "dst"), least):
            f[f"{side}_mask"] = max(f[f"{side}_mask"], bits)
            net = ipaddress.ip_network(f"{f[side + '_addr']}/{f[side + '_mask']}", strict=False)
            f[f"{side}_net"] = int(net.network_address)
        f["flows"] = 1
    return flows


@pytest.fixture
def meter(run, tmp_path):
    """Datagrams that n listeners got; the text has their ports as {}."""

    def metered(text, packets_of, n=1, args=()):
        listeners = [packets.Listener() for _ in range(n)]
        conf = tmp_path / "probe.conf"
        conf.write_text(text.format(*(x.port for x in listeners)))
        done = run("probe", "-r", packets_of, "--config", conf, *args)
        got = [x.datagrams() for x in listeners]
        for x in listeners:
            x.socket.close()
        return (*got, done)

    return metered


@pytest.fixture
def decode(tmp_path):
    def decoded(datagrams):
        packets.write(tmp_path / "sent.pcap", datagrams)
        flows, other = packets.decode(tmp_path / "sent.pcap")
        assert other["malformed"] == 0 == other["expert"]
        return flows

    return decoded


@pytest.fixture
def routed(tmp_path, conversations):
    """Routes to what is in the conversations."""
    path = tmp_path / "rib.mrt"
    hosts = sorted({a for f in packets.truth(conversations) for a in (f["src_addr"], f["dst_addr"]) if ":" not in a})
    nets = sorted({str(ipaddress.ip_network(f"{a}/{22 + i % 9}", strict=False)) for i, a in enumerate(hosts)})
    path.write_bytes(mrt.dump(*((net, "10.246.1.1", 65000 + i % 5, 64000 + i % 3) for i, net in enumerate(nets)), ("0.0.0.0/1", "10.9.9.9", 3)))
    return path


def caches(port, *lines):
    return "".join(f"ip flow-aggregation cache {name}\n export destination 127.0.0.1 {port}\n {' '.join(lines)}\n enabled\n" for name in SCHEMES)


@needs_tshark
@pytest.mark.parametrize("timeouts", ("", FOREVER, "ip flow-cache entries 16\n"))
@pytest.mark.parametrize("peer", (False, True))
def test_aggregation_caches_hold_the_sums_of_the_main_cache(meter, decode, conversations, routed, tmp_path, timeouts, peer):
    main, old, _ = meter(HERE + f"rib {routed}\nip flow-export version 9 {'peer' if peer else 'origin'}-as\nip flow-export destination 127.0.0.1 {{0}}\n"
                         + timeouts + caches("{1}", "cache timeout inactive 10"), conversations, 2)
    flows = with_nets(decode(main))
    assert len({f["src_as"] for f in flows}) > 2
    got = read_v8(old)
    for name, (scheme, _, names) in SCHEMES.items():
        assert summed(got[scheme], names) == summed(flows, names), name
    packets.write(tmp_path / "v8.pcap", old)
    ours = [(scheme, r) for d in old for scheme, rows in read_one(d).items() for r in rows]
    theirs = list(read_tshark(tmp_path / "v8.pcap"))
    assert len(ours) == len(theirs)
    for (scheme, r), (s, t) in zip(ours, theirs):
        assert scheme == s
        for n, v in t.items():
            if n in TSHARKS and n not in DISPUTED.get(scheme, ()):
                assert v == r.get(TSHARKS[n], v), (scheme, n)


def read_one(datagram):
    return read_v8([datagram[:16] + bytes(4) + datagram[20:]])


@needs_tshark
def test_our_collector_reads_what_aggregations_export(run, collector, flows, conversations, routed, tmp_path):
    c = collector()
    conf = tmp_path / "probe.conf"
    conf.write_text(HERE + f"rib {routed}\nip flow-export version 5 origin-as\n" + caches(c.port))
    run("probe", "-r", conversations, "--config", conf)
    truth = [f for f in packets.truth(conversations) if ":" not in f["src_addr"]]
    c.wait_for(flows=len(SCHEMES))
    assert c.stop() == 0
    rows = flows(c.store)
    assert sum(r["packets"] for r in rows) == len(SCHEMES) * sum(f["packets"] for f in truth)
    assert {r["version"] for r in rows} == {8}


@needs_tshark
def test_masks_are_at_least_as_long_as_said_and_v9_carries_aggregations_too(meter, decode, conversations, tmp_path):
    main, old, new, _ = meter(
        HERE + "ip flow-export version 9\nip flow-export destination 127.0.0.1 {}\n" + FOREVER
        + "ip flow-aggregation cache prefix\n mask source minimum 24\n mask destination minimum 16\n export destination 127.0.0.1 {}\n enabled\n"
        "ip flow-aggregation cache protocol-port-tos\n export version 9\n export destination 127.0.0.1 {}\n enabled\n"
        "ip flow-aggregation cache as\n export destination 127.0.0.1 {}\n", conversations, 4)[:4]
    flows = with_nets(decode(main), (24, 16))
    got = read_v8(old)
    assert set(got) == {5} and summed(got[5], SCHEMES["prefix"][2]) == summed(flows, SCHEMES["prefix"][2])
    packets.write(tmp_path / "new.pcap", new)
    text = subprocess.run([TSHARK, "-n", "-r", tmp_path / "new.pcap", "-d", "udp.port==2055,cflow", "-T", "fields", "-e", "cflow.flows", "-e",
                           "cflow.packets"], capture_output=True, text=True, check=True).stdout.split()
    assert sum(int(n) for t in text[::2] for n in t.split(",")) == len(flows)
    assert sum(int(n) for t in text[1::2] for n in t.split(",")) == sum(f["packets"] for f in flows)


@needs_tshark
def test_one_version_is_the_default_and_each_destination_may_have_its_own(meter, decode, conversations):
    one, five, nine, ipfix, _ = meter(
        HERE + FOREVER + "ip flow-export destination 127.0.0.1 {}\nip flow-export destination 127.0.0.1 {} udp version 5\n"
        "ip flow-export destination 127.0.0.1 {} version 9\nip flow-export destination 127.0.0.1 {} version 10\n", conversations, 4)
    truth = [f for f in packets.truth(conversations) if ":" not in f["src_addr"]]
    for datagrams, version in ((one, 1), (five, 5), (nine, 9), (ipfix, 10)):
        flows = decode(datagrams)
        assert {f["version"] for f in flows} == {version}
        sums = collections.Counter()
        for f in truth:
            sums[tuple(f[k] for k in packets.KEY)] += f["packets"] + (f["bytes"] << 32)
        for f in flows:
            sums[tuple(f[k] for k in packets.KEY)] -= f["packets"] + (f["bytes"] << 32)
        assert not any(sums.values())


@needs_tshark
@pytest.mark.parametrize("said, want", (
    ("5 origin-as bgp-nexthop", (65008, 65007)), ("5 peer-as", (65006, 65007)), ("9 peer-as bgp-nexthop", (65006, 65007)), ("9 origin-as", (65008, 65007)),
    ("5", (0, 0)), ("5 origin-as\nip flow-export version 5 peer-as", (65006, 65007)), ("5 peer-as\nip flow-export version 5 origin-as", (65008, 65007)),
))
def test_as_numbers_are_those_of_origins_or_of_neighbours_as_the_later_line_says(meter, decode, capture, rib, said, want):  # noqa: F811
    got, done = meter(HERE + f"rib {rib}\nip flow-export version {said}\nip flow-export destination 127.0.0.1 {{}}\n", capture)
    flow = next(f for f in decode(got) if (f["src_addr"], f["dst_addr"]) == SENT[0])
    assert (flow["src_as"] if "src_as" in flow else 0, flow.get("dst_as", 0)) == want
    assert flow["version"] == int(said[0])
    if "bgp-nexthop" in said:
        assert ("no place for the BGP next hop" in done.stderr) == (said[0] == "5")
        assert said[0] == "5" or flow["bgp_next_hop"] == "10.246.255.2"


def test_sampling_is_told_in_the_header_of_five(meter, conversations):
    got, done = meter(HERE + "ip flow-sampling-mode packet-interval 3\nip flow-export version 5\nip flow-export destination 127.0.0.1 {}\n", conversations)
    assert {struct.unpack_from(">H", d, 22)[0] for d in got} == {1 << 14 | 3}
    assert "left out by a sampler" in done.stderr


@pytest.mark.parametrize("text, said", (
    ("ip flow-export version 4\n", "1:24: expected version 1, 5, 6, 7, 9 or 10 (IPFIX), found 4"),
    ("ip flow-export version 5 origin\nip flow-export version 5 mother-as\n", '2:26: expected'),
    ("ip flow-export destination 1.2.3.4 70000\n", '1:36: expected a port, 1 to 65535, found "70000"'),
    ("ip flow-export destination here 9991\n", '1:28: expected an IP address, found "here"'),
    ("ip flow-aggregation cache port-protocol\n enabled\n", '1:27: expected as, protocol-port, prefix'),
    ("ip flow-aggregation cache bgp-nexthop-tos\n export destination 1.2.3.4 5\n enabled\n", "2:1: NetFlow v8 has no aggregation bgp-nexthop-tos"),
    ("ip flow-aggregation cache as\n export version 5\n", "2:17: expected version 8, 9 or 10 (IPFIX), found 5"),
    ("interface eth0\n ip route-cache flow sampled\n", "2:1: expected 'ip flow-sampling-mode packet-interval N'"),
    ("ip flow-top-talkers\n match source address 10.0.0.0 255.0.255.0\n", "2:32: expected a mask of ones, then zeros"),
    ("ip flow-top-talkers\n match protocol tpc\n", "2:17: expected a protocol's number, or tcp"),
    ("ip flow-top-talkers\n top 1000\n", "2:6: expected 1 to 200 flows"),
))
def test_what_is_wrong_is_said_with_its_place(run, tmp_path, text, said):
    conf = tmp_path / "probe.conf"
    conf.write_text(text)
    done = run("check", conf, status=2)
    assert f"{conf}:{said}" in done.stderr


def test_every_line_can_be_undone(run, tmp_path):
    lines = ("ip flow-export version 9 origin-as", "ip flow-export destination 1.2.3.4 9991 udp", "ip flow-export source lo", "ip flow-export template refresh-rate 5",
             "ip flow-export template timeout-rate 7", "ip flow-export template options export-stats", "ip flow-export interface-names", "ip flow-cache entries 4096",
             "ip flow-cache timeout active 3", "ip flow-cache timeout inactive 33", "ip flow-sampling-mode packet-interval 9",
             "ip flow-aggregation cache as\n enabled\n export destination 1.2.3.4 5", "ip flow-top-talkers\n top 7\n sort-by packets\n match protocol tcp")
    conf = tmp_path / "probe.conf"
    conf.write_text(HERE)
    bare = run("check", conf).stdout
    conf.write_text(HERE + "\n".join(lines) + "\n")
    told = run("check", conf).stdout
    for said in ("NetFlow v9, UDP 1.2.3.4:9991, from lo's address; templates every 7m 0s or 5 datagrams, interface-table every 30m 0s, exporter-stats every 30m 0s",
                 "cache of 4096 flows; out after 3m 0s, or idle for 33.0 s", "one packet in 9", "NetFlow v8, scheme 1, UDP 1.2.3.4:5",
                 "it adds up the flows of ip flow"):
        assert said in told, said
    conf.write_text(HERE + "\n".join(lines) + "\n" + "".join(f"no {text.splitlines()[0]}\n" for text in lines))
    assert run("check", conf).stdout == bare
